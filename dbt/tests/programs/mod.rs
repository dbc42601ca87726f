//! Random programs with a system call in them, and a place to run them as they are and patched. Shared with fuzz target `patch`.

use dbt::lazy::{self, Form};
use dbt::patch;
use dbt::scan::{Code, scan};
use host::mem::{self, Place, Prot};

/// Where choices come from: random numbers, or a fuzzer.
pub trait Choices {
    fn below(&mut self, limit: u64) -> u64;
}

/// getppid, and a number that no kernel knows.
const NUMBERS: [u32; 2] = [110, 5000];

struct Program<'a, C> {
    code: Vec<u8>,
    choices: &'a mut C,
}

impl<C: Choices> Program<'_, C> {
    /// Any but RAX, which has the number, RSP and R15; behind the call neither RCX nor R11, which are the kernel's.
    fn register(&mut self, is_behind: bool) -> u8 {
        const ALL: [u8; 13] = [1, 11, 2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 14];
        let first = usize::from(is_behind) * 2;
        ALL[first + self.choices.below((ALL.len() - first) as u64) as usize]
    }

    fn word(&mut self) -> [u8; 4] {
        (self.choices.below(1 << 32) as u32).to_le_bytes()
    }

    fn instruction(&mut self, is_behind: bool) {
        let (a, b) = (self.register(is_behind), self.register(is_behind));
        let rex = 0x48 | (a >> 3) << 2 | b >> 3;
        let modrm = 0xc0 | (a & 7) << 3 | b & 7;
        // With b alone, and a field of the opcode.
        let only_b = |field: u64| [0x48 | b >> 3, 0xc0 | (field as u8) << 3 | b & 7];
        match self.choices.below(15) {
            // add, or, adc, sbb, and, sub, xor, cmp, test, xchg, mov
            0 | 1 => {
                let opcode = [0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x87, 0x89][self.choices.below(11) as usize];
                self.code.extend([rex, opcode, modrm]);
            }
            2 => self.code.push(0x90),
            // mov a, [rip + data]
            3 => {
                let to = DATA + self.choices.below(32) as usize * 8;
                self.code.extend([0x48 | (a >> 3) << 2, 0x8b, 0x05 | (a & 7) << 3]);
                let next = CODE + self.code.len() + 4;
                self.code.extend((to as i32 - next as i32).to_le_bytes());
            }
            // mov b, simm32
            4 => {
                self.code.extend([0x48 | b >> 3, 0xc7, 0xc0 | b & 7]);
                let word = self.word();
                self.code.extend(word);
            }
            // mov b, imm32
            5 => {
                self.code.extend([0x40 | b >> 3, 0xb8 | b & 7]);
                let word = self.word();
                self.code.extend(word);
            }
            // The same eight operations with imm8 and imm32
            6 => {
                let [rex, modrm] = only_b(self.choices.below(8));
                let value = self.choices.below(256) as u8;
                self.code.extend([rex, 0x83, modrm, value]);
            }
            7 => {
                let [rex, modrm] = only_b(self.choices.below(8));
                self.code.extend([rex, 0x81, modrm]);
                let word = self.word();
                self.code.extend(word);
            }
            // lea a, [rip + anything]: of the mapping, wherever that is
            8 => {
                self.code.extend([0x48 | (a >> 3) << 2, 0x8d, 0x05 | (a & 7) << 3]);
                let word = (self.choices.below(1 << 16) as u32).to_le_bytes();
                self.code.extend(word);
            }
            // lea a, [b + disp8]; RSP and R12 would need a SIB byte
            9 if b & 7 != 4 => {
                let value = self.choices.below(256) as u8;
                self.code.extend([rex, 0x8d, 0x40 | (a & 7) << 3 | b & 7, value]);
            }
            // rol, ror, rcl, rcr, shl, shr, sal, sar
            10 => {
                let [rex, modrm] = only_b(self.choices.below(8));
                let value = self.choices.below(256) as u8;
                self.code.extend([rex, 0xc1, modrm, value]);
            }
            // cmovcc, setcc, imul, movzx, bswap
            11 => {
                let opcode = [0x40 | self.choices.below(16) as u8, 0xaf, 0xb6, 0xbf][self.choices.below(4) as usize];
                self.code.extend([rex, 0x0f, opcode, modrm]);
            }
            12 => {
                let opcode = 0x90 | self.choices.below(16) as u8;
                self.code.extend([0x40 | b >> 3, 0x0f, opcode, 0xc0 | b & 7]);
            }
            // not, neg
            13 => {
                let [rex, modrm] = only_b(2 + self.choices.below(2));
                self.code.extend([rex, 0xf7, modrm]);
            }
            // jcc over the next three bytes
            _ => {
                let opcode = 0x70 | self.choices.below(16) as u8;
                self.code.extend([opcode, 3, rex, 0x31, modrm]);
            }
        }
    }

    /// A function that loads flags and all registers from [rdi], does something with a system call in it, and stores them.
    fn write(mut self) -> (Vec<u8>, usize) {
        self.code.extend([0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57]);
        // mov r15, rdi; push [r15 + 0x78]; popfq; then mov r, [r15 + r*8]
        self.code.extend([0x49, 0x89, 0xff, 0x41, 0xff, 0x77, 0x78, 0x9d]);
        let others = (0..15u8).filter(|r| *r != 4);
        for register in others.clone() {
            self.code.extend([0x49 | (register >> 3) << 2, 0x8b, 0x47 | (register & 7) << 3, register * 8]);
        }
        let number = NUMBERS[self.choices.below(2) as usize];
        let load = [&[0xb8][..], &number.to_le_bytes()].concat();
        self.code.extend(&load);
        for _ in 0..self.choices.below(4) {
            self.instruction(false);
        }
        // A jump further on, even to the call itself; near or short.
        let branch = self.choices.below(3);
        let condition = self.choices.below(16) as u8;
        match branch {
            1 => self.code.extend([0x70 | condition, 0]),
            2 => self.code.extend([0x0f, 0x80 | condition, 0, 0, 0, 0]),
            _ => {}
        }
        let from = self.code.len();
        let mut boundaries = Vec::new();
        let load_at = self.choices.below(8);
        for index in 0..self.choices.below(6) {
            boundaries.push(self.code.len());
            if index == load_at {
                self.code.extend(&load);
            } else {
                self.instruction(false);
            }
        }
        if self.choices.below(2) == 0 {
            boundaries.push(self.code.len());
            self.code.extend(&load);
        }
        boundaries.push(self.code.len());
        let target = boundaries[self.choices.below(boundaries.len() as u64) as usize];
        match branch {
            1 => self.code[from - 1] = (target - from) as u8,
            2 => self.code[from - 4..from].copy_from_slice(&((target - from) as u32).to_le_bytes()),
            _ => {}
        }
        let syscall = self.code.len();
        self.code.extend([0x0f, 0x05]);
        for _ in 0..self.choices.below(4) {
            self.instruction(true);
        }
        if self.choices.below(4) == 0 {
            // jmp over padding
            let next = self.code.len() + 2;
            let end = (next + 1).next_multiple_of(16);
            self.code.extend([0xeb, (end - next) as u8]);
            self.code.resize(end, 0x90);
        }
        // pushfq; pop [r15 + 0x78]; mov [r15 + r*8], r
        self.code.extend([0x9c, 0x41, 0x8f, 0x47, 0x78]);
        for register in others {
            self.code.extend([0x49 | (register >> 3) << 2, 0x89, 0x47 | (register & 7) << 3, register * 8]);
        }
        self.code.extend([0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3]);
        (self.code, syscall)
    }
}

/// One mapping: registers and data, then code, handler and trampoline. What is written often lies in no page of code.
const SIZE: usize = 0x4000;
const RESUMED: usize = 0x180;
const POINTER: usize = 0x188;
const DATA: usize = 0x200;
const CODE: usize = 0x1000;
const HANDLER: usize = 0x2000;
const TRAMPOLINE: usize = 0x3000;

pub struct Stage {
    base: usize,
}

/// What has become of a program.
#[derive(Debug, Default)]
pub struct Outcome {
    pub scanned: bool,
    pub lazily: Option<Form>,
}

fn write(at: usize, bytes: &[u8]) {
    // SAFETY: a mapping of this stage's, which nobody else knows.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) }
}

impl Stage {
    pub fn new(choices: &mut impl Choices) -> Stage {
        let base = mem::map_anonymous(Place::Anywhere, SIZE, Prot::RWX).expect("memory");
        // mov [rip + …], rcx; syscall; jmp [rip + …]: what the processor does, through a word in memory.
        write(base + HANDLER, &[0x48, 0x89, 0x0d]);
        write(base + HANDLER + 3, &(RESUMED as i32 - (HANDLER as i32 + 7)).to_le_bytes());
        write(base + HANDLER + 7, &[0x0f, 0x05, 0xff, 0x25]);
        write(base + HANDLER + 11, &(RESUMED as i32 - (HANDLER as i32 + 15)).to_le_bytes());
        write(base + POINTER, &((base + HANDLER) as u64).to_le_bytes());
        for index in 0..64 {
            write(base + DATA + index * 8, &choices.below(u64::MAX).to_le_bytes());
        }
        Stage { base }
    }

    /// All registers and flags behind the program, and where the handler has gone on: 0, if nobody called it.
    fn run(&self, registers: &[u64; 16]) -> ([u64; 16], u64) {
        registers.iter().enumerate().for_each(|(index, value)| write(self.base + index * 8, &value.to_le_bytes()));
        write(self.base + RESUMED, &[0; 8]);
        // SAFETY: `Program` keeps the calling convention of `extern "sysv64"` and touches only this mapping.
        unsafe {
            let function: extern "sysv64" fn(usize) = std::mem::transmute(self.base + CODE);
            function(self.base);
            let mut after = (self.base as *const [u64; 16]).read();
            // RCX and R11 are the kernel's.
            (after[1], after[4], after[11]) = (0, 0, 0);
            (after, ((self.base + RESUMED) as *const u64).read())
        }
    }

    /// Makes a program, and runs it as it is, patched, and patched as if it had trapped.
    pub fn play(&self, choices: &mut impl Choices) -> Outcome {
        let mut registers: [u64; 16] = std::array::from_fn(|_| choices.below(u64::MAX));
        // OF, SF, ZF, AF, PF, CF
        registers[15] &= 0x8d5;
        let (code, syscall) = Program { code: Vec::with_capacity(512), choices }.write();
        let here = Code { bytes: &code, address: (self.base + CODE) as u64 };
        let syscall = here.address + syscall as u64;
        let (at, handler) = ((self.base + TRAMPOLINE) as u64, (self.base + POINTER) as u64);
        write(self.base + CODE, &code);
        let (expected, resumed) = self.run(&registers);
        assert_eq!(resumed, 0);
        let mut outcome = Outcome::default();
        let found = scan(here, &[(here.address, None)], &[here], self.base as u64);
        if let Some(site) = found.sites.iter().find(|site| site.address == syscall) {
            let patch = patch::patch(here, site, at, handler).expect("in reach");
            write(self.base + TRAMPOLINE, &patch.trampoline);
            write(site.start as usize, &patch.bytes);
            assert_eq!(self.run(&registers), (expected, patch.resume), "{code:02x?}, {site:x?}");
            write(self.base + CODE, &code);
            outcome.scanned = true;
        }
        let number = expected_number(&code);
        if let Some(patch) = lazy::patch(here, syscall, number, at, handler) {
            write(self.base + TRAMPOLINE, &patch.trampoline);
            patch.changes.iter().for_each(|change| write(change.at as usize, &change.bytes));
            let (after, resumed) = self.run(&registers);
            assert_eq!(after, expected, "{code:02x?}, {patch:x?}");
            // Only a jump to the site, or right before it, goes by.
            let may_go_by = resumed == 0 && patch.form != Form::Padding;
            assert!(resumed == syscall + 2 || may_go_by, "{code:02x?}, {patch:x?}");
            outcome.lazily = Some(patch.form);
        }
        outcome
    }
}

/// The number is loaded first right behind the registers.
fn expected_number(code: &[u8]) -> u32 {
    const AT: usize = 10 + 8 + 14 * 4 + 1;
    u32::from_le_bytes([code[AT], code[AT + 1], code[AT + 2], code[AT + 3]])
}
