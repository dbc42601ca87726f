//! A site that has trapped: what can be replaced there without reading the whole function.
//!
//! That it has trapped proves that a `syscall` instruction begins there. Compilers load the number right before it:
//! `mov eax, imm32; syscall`. The `mov` has the five bytes that a jump needs, and the `syscall` stays where it is, so whoever jumps
//! to it still makes a call ([`site`]). Where something else stands before it, its two bytes become a short jump to padding
//! between functions, where there is room for a long one ([`hole`]).

use crate::length::{Kind, instruction};
use crate::scan::{Code, JUMP, SYSCALL, Site};
use std::ops::Range;

/// Bytes to be written at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: u64,
    pub bytes: Vec<u8>,
}

/// What makes a site jump to the handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// At most [`MAX_TRAMPOLINE`] bytes, to be written first.
    pub trampoline: Vec<u8>,
    /// To be written in this order: each leaves the code right.
    pub changes: Vec<Change>,
}

/// Patches the site at `syscall`, which trapped with `number` in EAX, with a trampoline at `at`. `code` has [`AROUND`] bytes on
/// either side of the site, or what there is; `handler`: see [`crate::patch::patch`]. None: it has to stay as it is.
pub fn patch(code: Code, syscall: u64, number: u32, at: u64, handler: u64) -> Option<Patch> {
    before(code, syscall, number, at, handler).or_else(|| away(code, syscall, at, handler))
}

/// No trampoline is longer: a `mov`, `lea` and `jmp`.
pub const MAX_TRAMPOLINE: usize = 7 + 7 + 6;

/// A jump in the place of the `mov` before the site.
fn before(code: Code, syscall: u64, number: u32, at: u64, handler: u64) -> Option<Patch> {
    let from = (syscall.saturating_sub(LEAD).max(code.address) - code.address) as usize;
    let lead = Code { bytes: code.bytes.get(from..)?, address: code.address + from as u64 };
    let site = site(lead, syscall, number)?;
    let displaced = &code.bytes[(site.start - code.address) as usize..(syscall - code.address) as usize];
    let change = Change { at: site.start, bytes: jump(site.start, at)? };
    Some(Patch { trampoline: trampoline(displaced, at, syscall + SYSCALL, handler)?, changes: vec![change] })
}

/// A short jump in the place of the `syscall` itself, to a long one in padding near by.
fn away(code: Code, syscall: u64, at: u64, handler: u64) -> Option<Patch> {
    let hole = hole(code, syscall)?;
    let after = syscall + SYSCALL;
    let mut long = jump(hole.start, at)?;
    long.resize((hole.end - hole.start) as usize, 0xcc);
    let short = i8::try_from(hole.start.wrapping_sub(after) as i64).ok()?;
    let changes = vec![Change { at: hole.start, bytes: long }, Change { at: syscall, bytes: vec![0xeb, short as u8] }];
    Some(Patch { trampoline: trampoline(&[], at, after, handler)?, changes })
}

/// The displacement of an instruction that ends at `from`.
fn near(from: u64, to: u64) -> Option<[u8; 4]> {
    i32::try_from(to.wrapping_sub(from) as i64).ok().map(i32::to_le_bytes)
}

fn jump(from: u64, to: u64) -> Option<Vec<u8>> {
    Some([&[0xe9][..], &near(from + JUMP, to)?].concat())
}

/// A trampoline at `at`: what was displaced, then the call, after which the guest goes on at `after`.
fn trampoline(displaced: &[u8], at: u64, after: u64, handler: u64) -> Option<Vec<u8>> {
    let here = at + displaced.len() as u64;
    // lea rcx, [after]; jmp [handler]
    Some([displaced, &[0x48, 0x8d, 0x0d], &near(here + 7, after)?, &[0xff, 0x25], &near(here + 13, handler)?].concat())
}

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
        let mut next = from;
        let mut seen = false;
        while next < at {
            let Some((len, kind)) = instruction(&before[next..]) else { break };
            seen |= next == start && kind == Kind::LoadsNumber;
            next += len;
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

/// How far around a site a hole may lie, and what has to be read to find one.
pub const AROUND: u64 = 128 + LEAD;

/// Padding in reach of a short jump at `syscall`, of at least [`JUMP`] bytes. It ends at a multiple of 16, and what stands before it
/// never goes on behind itself, so nobody runs it.
pub fn hole(code: Code, syscall: u64) -> Option<Range<u64>> {
    let after = syscall + SYSCALL;
    // A short jump reaches from -128 to 127.
    let reach = after.saturating_sub(128).max(code.address)..after + 128;
    let mut ends = (reach.start.next_multiple_of(16)..=reach.end + 16).step_by(16);
    ends.find_map(|end| {
        let start = padding(code, end)?;
        (reach.contains(&start) && is_dead(code, start)).then_some(start..end)
    })
}

/// Where the padding begins that ends at `end`, if it has room for a jump.
fn padding(code: Code, end: u64) -> Option<u64> {
    const LONGEST: u64 = 48;
    let bytes = code.bytes.get(..usize::try_from(end.checked_sub(code.address)?).ok()?)?;
    let first = end.saturating_sub(LONGEST).max(code.address);
    (first..=end - JUMP).find(|&start| {
        let mut rest = &bytes[(start - code.address) as usize..];
        while let Some((len, Kind::Padding)) = instruction(rest) {
            rest = &rest[len..];
        }
        rest.is_empty()
    })
}

/// Whether most who read on from further up come to `at` after something that never goes on there, and nobody else does.
fn is_dead(code: Code, at: u64) -> bool {
    const READERS: usize = 16;
    let at = (at - code.address) as usize;
    let Some(first) = at.checked_sub(LEAD as usize) else { return false };
    let before = &code.bytes[..at];
    let mut come = 0;
    for from in first..first + READERS {
        let (mut next, mut last) = (from, None);
        while next < at {
            last = instruction(&before[next..]);
            next += last.map_or(1, |(len, _)| len);
        }
        match last {
            Some((_, Kind::Ends)) => come += 1,
            Some(_) => return false,
            None => {}
        }
    }
    come * 4 >= READERS * 3
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
    /// `xor eax, eax; syscall; ret` at the start, and `tail` behind it.
    fn with_tail(tail: &[u8]) -> Option<Range<u64>> {
        let mut bytes = [0x48, 0x89, 0xc8].repeat(32);
        bytes.extend([0x31, 0xc0, 0x0f, 0x05]);
        bytes.extend_from_slice(tail);
        bytes.resize(200, 0x48);
        hole(Code { bytes: &bytes, address: 0x1000 }, 0x1000 + 98).map(|hole| hole.start - 0x1000..hole.end - 0x1000)
    }

    #[test]
    fn padding_behind_what_ends() {
        // nop word ptr cs:[rax + rax]; nop
        const NOPS: [u8; 11] = [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0x90];
        let ret: Vec<u8> = [&[0xc3][..], &NOPS].concat();
        assert_eq!(with_tail(&ret), Some(101..112));
        assert_eq!(with_tail(&[&[0xc3][..], &[0xcc; 11]].concat()), Some(101..112));
        let goes_on: Vec<u8> = [&[0x90][..], &NOPS].concat();
        assert_eq!(with_tail(&goes_on), None, "it runs into the padding");
        let call: Vec<u8> = [&[0xe8, 0, 0, 0, 0][..], &NOPS[..7]].concat();
        assert_eq!(with_tail(&call), None, "it comes back from the call");
        assert_eq!(with_tail(&[0xc3, 0x90, 0x90, 0x90, 0x48]), None, "too short");
    }
}
