//! A site that has trapped: what can be replaced there without reading the whole function.

use crate::scan::{Code, SYSCALL, Site};
use iced_x86::{Code as Opcode, Decoder, DecoderOptions, Instruction};

/// How far before the site readers begin. Whoever begins between two instructions falls into step after a few.
pub const LEAD: u64 = 64;

/// The site at `syscall`, where a `syscall` instruction is known to begin, if the number is loaded right before it by an
/// instruction of at least [`crate::scan::JUMP`] bytes: only that one is to be replaced, and jumps to the `syscall` itself still
/// find it. `number`: what EAX was when it trapped. `code` has [`LEAD`] bytes before it, or what there is.
pub fn site(code: Code, syscall: u64, number: u32) -> Option<Site> {
    let at = usize::try_from(syscall.checked_sub(code.address)?).ok()?;
    let before = code.bytes.get(..at)?;
    let len = match before {
        // mov rax, simm32
        [.., 0x48, 0xc7, 0xc0, a, b, c, d] if u32::from_le_bytes([*a, *b, *c, *d]) == number => 7,
        // mov eax, imm32
        [.., 0xb8, a, b, c, d] if u32::from_le_bytes([*a, *b, *c, *d]) == number => 5,
        _ => return None,
    };
    let start = at - len;
    // Everyone who reads from further up and comes to the `syscall` has to have read the `mov`.
    let mut readers = 0;
    for from in 0..start.saturating_sub(usize::from(start > 32) * 16).max(1) {
        let mut decoder = Decoder::with_ip(64, before, code.address, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        let mut next = from;
        let mut seen = from == start;
        while next < at {
            let _ = decoder.set_position(next);
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                break;
            }
            seen |= next == start && matches!(instruction.code(), Opcode::Mov_r32_imm32 | Opcode::Mov_rm64_imm32);
            next += instruction.len();
        }
        if next == at {
            if !seen {
                return None;
            }
            readers += 1;
        }
    }
    // At the start of a page there is nothing to read before.
    (readers > 0 || start == 0).then_some(Site { address: syscall, start: code.address + start as u64, end: syscall + SYSCALL })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(parts: &[&[u8]], number: u32) -> Option<u64> {
        let mut bytes = vec![0x90; 48];
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        let at = bytes.len() as u64;
        bytes.extend([0x0f, 0x05]);
        site(Code { bytes: &bytes, address: 0x1000 }, 0x1000 + at, number).map(|site| site.start - 0x1000)
    }

    #[test]
    fn only_a_mov_that_everyone_reads() {
        // mov edi, 1; mov eax, 1
        assert_eq!(find(&[&[0xbf, 1, 0, 0, 0], &[0xb8, 1, 0, 0, 0]], 1), Some(53));
        assert_eq!(find(&[&[0x48, 0xc7, 0xc0, 39, 0, 0, 0]], 39), Some(48));
        assert_eq!(find(&[&[0xb8, 1, 0, 0, 0]], 2), None, "another number");
        assert_eq!(find(&[&[0x41, 0xb8, 1, 0, 0, 0]], 1), None, "mov r8d, 1");
        assert_eq!(find(&[&[0xc7, 0x44, 0x24, 0xb8, 1, 0, 0, 0]], 1), None, "mov dword ptr [rsp - 0x48], 1");
        assert_eq!(find(&[&[0x31, 0xc0]], 0), None, "xor eax, eax");
    }
}
