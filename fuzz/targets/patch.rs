//! Programs that the input chooses, each with a system call in it, run as they are and patched: all registers and flags agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use programs::{Choices, Stage};
use std::cell::OnceCell;

#[path = "../../dbt/tests/programs/mod.rs"]
mod programs;

/// Bytes of the input as long as there are any, then random numbers that depend on them.
struct Input<'a> {
    rest: &'a [u8],
    state: u64,
}

impl Choices for Input<'_> {
    fn below(&mut self, limit: u64) -> u64 {
        // FNV-1a, and what is left of it
        let byte = self.rest.split_off_first().copied();
        self.state = (self.state ^ u64::from(byte.unwrap_or(0xa5))).wrapping_mul(0x0000_0100_0000_01b3);
        match byte {
            Some(byte) if limit <= 256 => u64::from(byte) % limit,
            _ => (self.state ^ self.state >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) % limit,
        }
    }
}

thread_local! {
    static STAGE: OnceCell<Stage> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    STAGE.with(|stage| {
        let mut input = Input { rest: input, state: 0xcbf2_9ce4_8422_2325 };
        stage.get_or_init(|| Stage::new(&mut Input { rest: &[], state: 1 })).play(&mut input);
    });
});
