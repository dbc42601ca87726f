//! Random code with a system call in it, run as it is and patched: all registers and flags must agree.

use dbt::patch::patch;
use dbt::scan::{Code, scan};
use host::mem::{self, Place, Prot};

/// One mapping: registers, data, then code, handler and trampoline.
const SIZE: usize = 0x4000;
const DATA: usize = 0x200;
const CODE: usize = 0x1000;
const HANDLER: usize = 0x2000;
const TRAMPOLINE: usize = 0x3000;

/// xorshift64, <https://www.jstatsoft.org/article/view/v008i14>
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
    /// Any but RAX, RCX, RSP, R11 and R15.
    fn register(&mut self) -> u8 {
        [2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 14][self.below(11) as usize]
    }
    fn instruction(&mut self, at: usize, code: &mut Vec<u8>) {
        let (a, b) = (self.register(), self.register());
        let rex = 0x48 | (a >> 3) << 2 | b >> 3;
        let modrm = 0xc0 | (a & 7) << 3 | b & 7;
        match self.below(6) {
            // add, sub, xor, cmp, mov
            0 => code.extend([rex, [0x01, 0x29, 0x31, 0x39, 0x89][self.below(5) as usize], modrm]),
            // adc depends on the flags
            1 => code.extend([rex, 0x11, modrm]),
            2 => code.push(0x90),
            // mov a, [rip + data]
            3 => {
                let to = DATA + self.below(32) as usize * 8;
                let next = at + code.len() + 7;
                code.extend([0x48 | (a >> 3) << 2, 0x8b, 0x05 | (a & 7) << 3]);
                code.extend((to as i32 - next as i32).to_le_bytes());
            }
            // mov b, imm32
            4 => {
                code.extend([0x48 | b >> 3, 0xc7, 0xc0 | b & 7]);
                code.extend((self.below(1 << 32) as u32).to_le_bytes());
            }
            // jcc over the next three bytes
            _ => code.extend([0x70 | self.below(16) as u8, 3, rex, 0x31, modrm]),
        }
    }
}

/// A function that loads all registers from [rdi], does something with a system call in it, and stores them.
fn program(random: &mut Random) -> Vec<u8> {
    let mut code = vec![0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57];
    // mov r15, rdi; then mov r, [r15 + r*8]
    code.extend([0x49, 0x89, 0xff]);
    let others = (0..15u8).filter(|r| *r != 4);
    for register in others.clone() {
        code.extend([0x49 | (register >> 3) << 2, 0x8b, 0x47 | (register & 7) << 3, register * 8]);
    }
    for _ in 0..random.below(4) {
        random.instruction(CODE, &mut code);
    }
    code.push(0xb8);
    // getppid, or a number that no kernel knows.
    code.extend([110u32, 5000][random.below(2) as usize].to_le_bytes());
    for _ in 0..random.below(3) {
        random.instruction(CODE, &mut code);
    }
    code.extend([0x0f, 0x05]);
    for _ in 0..random.below(4) {
        random.instruction(CODE, &mut code);
    }
    // pushfq; pop [r15 + 0x78]; mov [r15 + r*8], r
    code.extend([0x9c, 0x41, 0x8f, 0x47, 0x78]);
    for register in others {
        code.extend([0x49 | (register >> 3) << 2, 0x89, 0x47 | (register & 7) << 3, register * 8]);
    }
    code.extend([0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3]);
    code
}

fn write(at: usize, bytes: &[u8]) {
    // SAFETY: a mapping of this test's, which nobody else knows.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) }
}

fn run(base: usize, seed: u64) -> [u64; 16] {
    let mut random = Random(seed);
    let registers: [u64; 16] = std::array::from_fn(|_| random.below(u64::MAX));
    registers.iter().enumerate().for_each(|(index, value)| write(base + index * 8, &value.to_le_bytes()));
    // SAFETY: `program` keeps the calling convention of `extern "sysv64"` and touches only this mapping.
    unsafe {
        let function: extern "sysv64" fn(usize) = std::mem::transmute(base + CODE);
        function(base);
        let mut after = (base as *const [u64; 16]).read();
        // RCX and R11 are the kernel's.
        (after[1], after[4], after[11]) = (0, 0, 0);
        after
    }
}

#[test]
fn patched_code_does_the_same() {
    let base = mem::map_anonymous(Place::Anywhere, SIZE, Prot::RWX).expect("memory");
    let mut random = Random(0x1234_5678_9abc_def1);
    // mov [rip + …], rcx; syscall; jmp [rip + …]: what the processor does, through a word in memory.
    write(base + HANDLER, &[0x48, 0x89, 0x0d, 0xf9, 0x00, 0, 0, 0x0f, 0x05, 0xff, 0x25, 0xf1, 0x00, 0, 0]);
    write(base + HANDLER + 0x200, &((base + HANDLER) as u64).to_le_bytes());
    for index in 0..64 {
        write(base + DATA + index * 8, &random.below(u64::MAX).to_le_bytes());
    }
    let (mut patched, mut left, mut lazily) = (0, 0, 0);
    for round in 0..5000 {
        let code = program(&mut random);
        let seed = random.below(u64::MAX) | 1;
        let here = Code { bytes: &code, address: (base + CODE) as u64 };
        let found = scan(here, &[(here.address, None)], &[here], base as u64);
        let Some(site) = found.sites.first() else {
            left += 1;
            continue;
        };
        write(base + CODE, &code);
        let expected = run(base, seed);
        let patch = patch(here, site, (base + TRAMPOLINE) as u64, (base + HANDLER + 0x200) as u64).expect("in reach");
        write(base + TRAMPOLINE, &patch.trampoline);
        write(site.start as usize, &patch.bytes);
        assert_eq!(run(base, seed), expected, "round {round}: {code:x?}, {site:x?}");
        patched += 1;
        write(base + CODE, &code);
        for number in [110u32, 5000] {
            let at = (base + TRAMPOLINE) as u64;
            let Some(patch) = dbt::lazy::patch(here, site.address, number, at, (base + HANDLER + 0x200) as u64) else { continue };
            write(base + TRAMPOLINE, &patch.trampoline);
            patch.changes.iter().for_each(|change| write(change.at as usize, &change.bytes));
            assert_eq!(run(base, seed), expected, "round {round}, lazily: {code:x?}, {site:x?}");
            lazily += 1;
        }
    }
    assert!(lazily > 500, "{lazily} patched by their number");
    // Chance bytes that look like a reference, or jumps between the neighbours, are few.
    assert!(patched > left * 10, "{patched} patched, {left} left alone");
}
