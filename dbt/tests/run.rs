//! Random code with a system call in it, run as it is and patched: all registers and flags must agree.

mod programs;

use programs::{Choices, Stage};

/// xorshift64, <https://www.jstatsoft.org/article/view/v008i14>
struct Random(u64);

impl Choices for Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

#[test]
fn patched_code_does_the_same() {
    const ROUNDS: usize = 20_000;
    let mut random = Random(0x1234_5678_9abc_def1);
    let stage = Stage::new(&mut random);
    let (mut scanned, mut lazily) = (0, [0; 3]);
    for _ in 0..ROUNDS {
        let outcome = stage.play(&mut random);
        scanned += usize::from(outcome.scanned);
        if let Some(form) = outcome.lazily {
            lazily[form as usize] += 1;
        }
    }
    assert!(scanned > ROUNDS / 2, "{scanned} patched of {ROUNDS}");
    assert!(lazily.iter().all(|&count| count > ROUNDS / 50), "{lazily:?} patched by each form of {ROUNDS}");
    println!("{scanned} of {ROUNDS}; by their forms {lazily:?}");
}
