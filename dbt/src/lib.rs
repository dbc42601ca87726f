//! x86 decoder work: raw system-call sites, and what a faulting instruction was about.
#![deny(unsafe_code)]

pub mod cpuid;
pub mod lazy;
pub mod length;
pub mod patch;
pub mod scan;

use iced_x86::{Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// Whether the bytes at `at` are a `syscall` for someone who reads the function from its start, one instruction after
/// the other. `read` gives the bytes at an address, as many as there are. None: the function cannot be read.
pub fn is_syscall(start: u64, at: u64, read: impl Fn(u64, &mut [u8; 15]) -> usize) -> Option<bool> {
    let mut next = start;
    let mut bytes = [0; 15];
    while next <= at {
        let len = read(next, &mut bytes);
        let instruction = Decoder::with_ip(64, bytes.get(..len)?, next, DecoderOptions::NONE).decode();
        if instruction.is_invalid() {
            return None;
        }
        if next == at {
            return Some(instruction.mnemonic() == Mnemonic::Syscall);
        }
        next = instruction.next_ip();
    }
    Some(false)
}

/// The same where nobody knows the function: whether the bytes at `at` in `code`, which has some hundred bytes before
/// them and a few behind, are a `syscall` for most who read on from one of the first 16 bytes.
///
/// Whoever starts between two instructions falls into step after a few; so if it is one, most readers come to it. And
/// what follows it is meant to run, which tables between functions are not.
pub fn may_be_syscall(code: &[u8], at: usize) -> bool {
    if !goes_on(&code[at + 2..]) {
        return false;
    }
    let reads = |start: usize| {
        let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        let mut next = start;
        while next < at {
            let _ = decoder.set_position(next);
            decoder.decode_out(&mut instruction);
            next += if instruction.is_invalid() { 1 } else { instruction.len() };
        }
        next == at
    };
    let readers = 16.min(at + 1);
    (0..readers).filter(|&start| reads(start)).count() * 2 >= readers
}

/// Whether a program could run these bytes: the first instructions exist, are not the system's own, or end the path.
fn goes_on(code: &[u8]) -> bool {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    for _ in 0..4 {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return decoder.last_error() == DecoderError::NoMoreBytes;
        }
        if instruction.flow_control() != FlowControl::Next {
            return true;
        }
        if instruction.is_privileged() {
            return false;
        }
    }
    true
}

fn general(register: Register, gprs: &[u64; 16]) -> Option<u64> {
    if !register.is_gpr() {
        return None;
    }
    let value = gprs[register.full_register().number()];
    Some(match register.size() {
        1 if matches!(register, Register::AH | Register::CH | Register::DH | Register::BH) => {
            gprs[register.full_register().number()] >> 8 & 0xff
        }
        1 => value & 0xff,
        2 => value & 0xffff,
        4 => value & 0xffff_ffff,
        _ => value,
    })
}

/// The divisor of the division instruction in `code`: an error with a divisor that is not zero is an overflow.
pub fn divisor(code: &[u8], rip: u64, gprs: &[u64; 16], read: impl Fn(u64, usize) -> Option<u64>) -> Option<u64> {
    let mut instruction = Instruction::default();
    Decoder::with_ip(64, code, rip, DecoderOptions::NONE).decode_out(&mut instruction);
    if !matches!(instruction.mnemonic(), Mnemonic::Div | Mnemonic::Idiv) {
        return None;
    }
    match instruction.op0_kind() {
        OpKind::Register => general(instruction.op0_register(), gprs),
        OpKind::Memory => {
            let address = instruction
                .virtual_address(0, 0, |register, _, _| if register.is_segment_register() { Some(0) } else { general(register, gprs) })?;
            read(address, instruction.memory_size().size())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_syscall() {
        // mov eax, [rcx + 8]; inc rax; ret, and so on, then mov eax, 1; syscall
        let mut code = [0x8b, 0x41, 0x08, 0x48, 0xff, 0xc0, 0xc3].repeat(22);
        code.extend([0xb8, 1, 0, 0, 0, 0x0f, 0x05]);
        assert!(may_be_syscall(&code, code.len() - 2));
        // or jmp +0x50f
        code.truncate(154);
        code.extend([0xe9, 0x0f, 0x05, 0, 0]);
        assert!(!may_be_syscall(&code, 155));
        assert!(may_be_syscall(&[0x0f, 0x05], 0));
        assert!(may_be_syscall(&[0x0f, 0x05, 0xc3, 0x06], 0), "ret ends it");
        assert!(!may_be_syscall(&[0x0f, 0x05, 0x06, 0x06], 0), "a table of a switch");
        let read = |from: u64, bytes: &mut [u8; 15]| {
            let rest = &code[from as usize..];
            let len = rest.len().min(15);
            bytes[..len].copy_from_slice(&rest[..len]);
            len
        };
        assert_eq!(is_syscall(0, 3, read), Some(false));
        assert_eq!(is_syscall(0, 4, read), Some(false));
    }

    #[test]
    fn divisors() {
        let mut gprs = [0u64; 16];
        gprs[1] = 0xffff_ffff;
        gprs[5] = 0x1000;
        // idiv ecx; div qword [rbp-8]; add eax, ecx
        assert_eq!(divisor(&[0xf7, 0xf9], 0, &gprs, |_, _| None), Some(0xffff_ffff));
        assert_eq!(divisor(&[0x48, 0xf7, 0x75, 0xf8], 0, &gprs, |at, size| (at == 0xff8 && size == 8).then_some(7)), Some(7));
        assert_eq!(divisor(&[0x01, 0xc8], 0, &gprs, |_, _| None), None);
    }
}
