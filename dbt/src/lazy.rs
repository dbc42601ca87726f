//! A site that has trapped: what can be replaced there without reading the whole function.
//!
//! That it has trapped proves that a `syscall` instruction begins there, and no more than that: who jumps to the `syscall`, or
//! between the instructions around it, is not known. So only one whole instruction is ever replaced, and all others stay valid
//! where they are. In this order:
//!
//! - [`Form::Number`]. Compilers load the number right before: `mov eax, imm32; syscall`. The `mov` has the five bytes that a jump
//!   needs ([`site`]).
//! - [`Form::Padding`]. The two bytes of the `syscall` become a short jump to padding between functions, where there is room for a
//!   long one ([`hole`]).
//! - [`Form::Neighbours`]. A jump replaces the last instruction of five bytes or more before the `syscall`. The trampoline does
//!   what that one did, and what those between it and the `syscall` do. They work on registers alone, so nothing of it
//!   can fault where the guest would not expect it. Whoever jumps to one of those between goes on to the `syscall`, as before.
//!
//! Where instructions begin before the site is found by reading from many places further up: whoever begins between two
//! instructions falls into step after a few. That all who come to the `syscall` come by the same instruction is not a proof
//! where data stands before it. Of the data it would have to be true that nearly all ways of reading them end at the site and go over the
//! same harmless instructions; and for the first form that they hold the number with which it trapped.

use crate::length::{Kind, instruction};
use crate::scan::{Code, JUMP, SYSCALL};
use std::ops::Range;

/// Bytes to be written at an address. The first [`JUMP`] of them at once: nobody runs the rest after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: u64,
    pub bytes: Vec<u8>,
}

/// What stands around a site decides how it is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A jump in the place of the `mov` that loads the number.
    Number,
    /// A short jump in the place of the `syscall`, and a long one in padding.
    Padding,
    /// A jump in the place of another instruction before the `syscall`.
    Neighbours,
}

/// What makes a site jump to the handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub form: Form,
    /// At most [`MAX_TRAMPOLINE`] bytes, to be written first.
    pub trampoline: Vec<u8>,
    /// To be written in this order: each leaves the code right.
    pub changes: Vec<Change>,
}

/// Patches the site at `syscall`, which trapped with `number` in EAX, with a trampoline at `at`. `code` has [`AROUND`] bytes on
/// either side of the site, or what there is; `handler`: see [`crate::patch::patch`]. None: it has to stay as it is.
pub fn patch(code: Code, syscall: u64, number: u32, at: u64, handler: u64) -> Option<Patch> {
    let lead = lead(code, syscall)?;
    let (at_site, steps) = ((syscall - lead.address) as usize, Steps::of(lead.bytes));
    let to = To { at, handler, back: Back::Rcx };
    let number = number_start(lead, syscall, number).filter(|&start| leads_on(&steps, start, at_site)).map(|start| (Form::Number, start));
    let before = |(form, start)| before(lead, form, start, syscall, to);
    number
        .and_then(before)
        .or_else(|| away(code, syscall, to))
        .or_else(|| neighbours(&steps, at_site).map(|start| (Form::Neighbours, start)).and_then(before))
}

/// The same for another instruction of two bytes, as [`crate::cpuid`] finds them.
pub(crate) fn patch_other(code: Code, address: u64, to: To) -> Option<Patch> {
    away(code, address, to).or_else(|| {
        let lead = lead(code, address)?;
        let start = neighbours(&Steps::of(lead.bytes), (address - lead.address) as usize)?;
        before(lead, Form::Neighbours, start, address, to)
    })
}

/// Where what is patched leads.
#[derive(Clone, Copy)]
pub(crate) struct To {
    /// The trampoline.
    pub at: u64,
    /// See [`crate::patch::patch`].
    pub handler: u64,
    pub back: Back,
}

/// The register that tells the handler where to go on: one that the instruction changes. By the ModRM byte of `lea r64, [rip + disp32]`.
#[derive(Clone, Copy)]
pub(crate) enum Back {
    Rcx = 0x0d,
    Rbx = 0x1d,
}

/// Instructions that move have no more bytes than this together.
const MAX_DISPLACED: usize = 35;
/// No trampoline is longer: what is displaced, `lea` and `jmp`.
pub const MAX_TRAMPOLINE: usize = MAX_DISPLACED + 7 + 6;

/// What readers read: the code right before the site, and the site.
fn lead(code: Code, syscall: u64) -> Option<Code> {
    let from = usize::try_from(syscall.saturating_sub(LEAD).max(code.address).checked_sub(code.address)?).ok()?;
    let to = usize::try_from((syscall + SYSCALL).checked_sub(code.address)?).ok()?;
    Some(Code { bytes: code.bytes.get(from..to)?, address: code.address + from as u64 })
}

/// A jump in the place of the instruction at the offset `start` of the lead, from which the code goes on to the site.
fn before(lead: Code, form: Form, start: usize, syscall: u64, to: To) -> Option<Patch> {
    let address = lead.address + start as u64;
    let displaced = Code { bytes: lead.bytes.get(start..(syscall - lead.address) as usize)?, address };
    let (len, _) = instruction(displaced.bytes)?;
    let mut bytes = jump(address, to.at)?;
    // Other readers find the next boundary sooner if nothing is left of the rest.
    bytes.resize(len, 0xcc);
    let changes = vec![Change { at: address, bytes }];
    Some(Patch { form, trampoline: trampoline(displaced, syscall + SYSCALL, to)?, changes })
}

/// A short jump in the place of the `syscall` itself, to a long one in padding near by.
fn away(code: Code, syscall: u64, to: To) -> Option<Patch> {
    let hole = hole(code, syscall)?;
    let after = syscall + SYSCALL;
    let mut long = jump(hole.start, to.at)?;
    long.resize((hole.end - hole.start) as usize, 0xcc);
    let short = i8::try_from(hole.start.wrapping_sub(after) as i64).ok()?;
    let nothing = Code { bytes: &[], address: syscall };
    let changes = vec![Change { at: hole.start, bytes: long }, Change { at: syscall, bytes: vec![0xeb, short as u8] }];
    Some(Patch { form: Form::Padding, trampoline: trampoline(nothing, after, to)?, changes })
}

/// The displacement of an instruction that ends at `from`.
pub(crate) fn near(from: u64, to: u64) -> Option<[u8; 4]> {
    i32::try_from(to.wrapping_sub(from) as i64).ok().map(i32::to_le_bytes)
}

pub(crate) fn jump(from: u64, to: u64) -> Option<Vec<u8>> {
    Some([&[0xe9][..], &near(from + JUMP, to)?].concat())
}

/// A trampoline: what was displaced, then the call, after which the guest goes on at `after`.
fn trampoline(displaced: Code, after: u64, To { at, handler, back }: To) -> Option<Vec<u8>> {
    let mut bytes = displaced.bytes.to_vec();
    let mut next = 0;
    while next < bytes.len() {
        let (len, kind) = instruction(&bytes[next..])?;
        next += len;
        if kind == Kind::Relative {
            let distance = i32::from_le_bytes(bytes[next - 4..next].try_into().ok()?);
            let target = (displaced.address + next as u64).wrapping_add_signed(distance.into());
            bytes[next - 4..next].copy_from_slice(&near(at + next as u64, target)?);
        }
    }
    let here = at + next as u64;
    // lea rcx (or rbx), [after]; jmp [handler]
    Some([&bytes[..], &[0x48, 0x8d, back as u8], &near(here + 7, after)?, &[0xff, 0x25], &near(here + 13, handler)?].concat())
}

/// How far before the site readers begin. Whoever begins between two instructions falls into step after a few.
pub const LEAD: u64 = 64;

/// Where the number is loaded, with which it trapped, by the instruction right before the site: only that one is to be replaced, and jumps to
/// the `syscall` itself still find it. By its offset in the lead.
fn number_start(lead: Code, syscall: u64, number: u32) -> Option<usize> {
    let at = (syscall - lead.address) as usize;
    let before = &lead.bytes[..at];
    let len = match before {
        // mov rax, simm32
        [.., 0x48, 0xc7, 0xc0, a, b, c, d] if u32::from_le_bytes([*a, *b, *c, *d]) == number => 7,
        // mov eax, imm32
        [.., 0xb8, a, b, c, d] if u32::from_le_bytes([*a, *b, *c, *d]) == number => 5,
        _ => return None,
    };
    Some(at - len)
}

/// Whether all who come to the site come by the instruction at `start`.
fn leads_on(steps: &Steps, start: usize, site: usize) -> bool {
    // At the start of a page there is nothing to read before.
    start == 0 || readers(steps, start, site).come()
}

/// The start of the instruction that [`Form::Neighbours`] replaces, by its offset in the lead.
fn neighbours(steps: &Steps, site: usize) -> Option<usize> {
    let start = longest_last(steps, site)?;
    // Unlike the number, nothing else says that this is code.
    readers(steps, start, site).agree().then_some(start)
}

/// Where the last instruction with room for a jump begins, as one reader who comes to `end` sees it. All from there to the end can move.
fn longest_last(steps: &Steps, end: usize) -> Option<usize> {
    (0..end)
        .find_map(|from| {
            let mut found = None;
            // The first reader who comes decides, whatever it sees.
            let comes = steps.read(from, end, |at, len, kind| {
                if !kind.can_move() {
                    found = None;
                } else if len >= JUMP as usize {
                    found = Some(at);
                }
            });
            comes.then_some(found)
        })?
        .filter(|start| end - start <= MAX_DISPLACED)
}

/// No more code than this is read on through at once.
const MAX_READ: usize = (LEAD + SYSCALL) as usize;

/// The instructions that begin at each place of some code, which many readers look at.
pub(crate) struct Steps([Option<(usize, Kind)>; MAX_READ]);

impl Steps {
    pub(crate) fn of(code: &[u8]) -> Steps {
        let mut steps = [None; MAX_READ];
        steps.iter_mut().zip(0..code.len()).for_each(|(step, at)| *step = instruction(&code[at..]));
        Steps(steps)
    }

    /// The instruction at a place, if it does not go beyond `end`.
    fn get(&self, at: usize, end: usize) -> Option<(usize, Kind)> {
        self.0.get(at).copied().flatten().filter(|(len, _)| at + len <= end)
    }

    /// Reads on from a place and shows each instruction. Whether that leads to `end`.
    pub(crate) fn read(&self, from: usize, end: usize, mut show: impl FnMut(usize, usize, Kind)) -> bool {
        let mut next = from;
        while next < end {
            let Some((len, kind)) = self.get(next, end) else { return false };
            show(next, len, kind);
            next += len;
        }
        next == end
    }
}

/// Those who read on from the beginning of some code.
pub(crate) struct Readers {
    tried: usize,
    /// How many come to its end.
    come: usize,
    /// Whether all of those come by the place in question.
    all_by: bool,
}

impl Readers {
    /// Whether somebody comes, and all of those by the place.
    pub(crate) fn come(&self) -> bool {
        self.all_by && self.come > 0
    }

    /// Whether it is code, and all come by the place, where nothing else says so.
    pub(crate) fn agree(&self) -> bool {
        self.all_by && self.tried >= 8 && self.come * 4 >= self.tried * 3
    }
}

/// Where a reader gets to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// To something that is no instruction.
    Lost,
    /// To the end.
    Comes,
    /// To the end, by the place in question.
    ComesBy,
}

/// Reads on to `end` from many places before `start`. Each place is looked at once, from the last one on: what follows it is
/// known by then.
pub(crate) fn readers(steps: &Steps, start: usize, end: usize) -> Readers {
    let mut fates = [Fate::Lost; MAX_READ + 1];
    fates[end] = Fate::Comes;
    for at in (0..end).rev() {
        if let Some((len, _)) = steps.get(at, end) {
            fates[at] = if at == start && fates[at + len] == Fate::Comes { Fate::ComesBy } else { fates[at + len] };
        }
    }
    let tried = start.saturating_sub(usize::from(start > 32) * 16).max(1);
    let come = |fate: &&Fate| **fate != Fate::Lost;
    let all_by = fates[..tried].iter().all(|fate| *fate != Fate::Comes);
    Readers { tried, come: fates[..tried].iter().filter(come).count(), all_by }
}

/// How far around a site a hole may lie, and what has to be read to find one.
pub const AROUND: u64 = 128 + LEAD;

/// Padding in reach of a short jump at `syscall`, of at least [`JUMP`] bytes. It leads up to a multiple of 16, and what stands before it
/// never goes on behind itself, so nobody comes that way. No branch near by leads to it either, and it holds no multiple of 16: a function
/// may begin with nops, and would begin there.
pub fn hole(code: Code, syscall: u64) -> Option<Range<u64>> {
    let after = syscall + SYSCALL;
    // A short jump reaches from -128 to 127.
    let reach = after.saturating_sub(128).max(code.address)..after + 128;
    let mut ends = (reach.start.next_multiple_of(16)..=reach.end + 16).step_by(16);
    ends.find_map(|end| {
        let start = padding(code, end)?;
        let end = end.min(start.next_multiple_of(16));
        (end - start >= JUMP && reach.contains(&start) && is_dead(code, start) && !is_branched_to(code, start..end)).then_some(start..end)
    })
}

/// Whether bytes that look like a direct branch lead there.
fn is_branched_to(code: Code, there: Range<u64>) -> bool {
    let short = |at: usize| {
        let is_branch = matches!(code.bytes[at], 0x70..=0x7f | 0xe0..=0xe3 | 0xeb);
        is_branch.then(|| (2, i64::from(code.bytes[at + 1] as i8)))
    };
    let long = |at: usize| {
        let opcode = match code.bytes[at..] {
            [0xe8 | 0xe9, ..] => 1,
            [0x0f, 0x80..=0x8f, ..] => 2,
            _ => return None,
        };
        let distance = code.bytes.get(at + opcode..at + opcode + 4)?;
        Some((opcode + 4, i64::from(i32::from_le_bytes(distance.try_into().ok()?))))
    };
    (0..code.bytes.len().saturating_sub(1)).any(|at| {
        let leads = |(len, distance): (usize, i64)| there.contains(&(code.address + (at + len) as u64).wrapping_add_signed(distance));
        short(at).is_some_and(leads) || long(at).is_some_and(leads)
    })
}

/// Where the padding begins that ends at `end`, if it has room for a jump.
fn padding(code: Code, end: u64) -> Option<u64> {
    const LONGEST: u64 = 48;
    let bytes = code.bytes.get(..usize::try_from(end.checked_sub(code.address)?).ok()?)?;
    let first = end.saturating_sub(LONGEST).max(code.address);
    (first..=end - JUMP).find(|&start| {
        let mut rest = &bytes[(start - code.address) as usize..];
        while rest.first().is_some_and(|&byte| may_be_padding(byte))
            && let Some((len, Kind::Padding)) = instruction(rest)
        {
            rest = &rest[len..];
        }
        rest.is_empty()
    })
}

/// Whether padding may begin so: nops as assemblers write them, and int3.
fn may_be_padding(byte: u8) -> bool {
    matches!(byte, 0x0f | 0x2e | 0x66 | 0x90 | 0xcc)
}

/// Whether most who read on from further up come to `at` after something that never goes on there, and nobody else does.
fn is_dead(code: Code, at: u64) -> bool {
    const READERS: usize = 16;
    let at = (at - code.address) as usize;
    let Some(first) = at.checked_sub(LEAD as usize) else { return false };
    let before = &code.bytes[first..at];
    // What readers who begin at each place read last, from the last place on.
    let mut last = [None; LEAD as usize];
    for from in (0..before.len()).rev() {
        let read = instruction(&before[from..]);
        let next = from + read.map_or(1, |(len, _)| len);
        last[from] = last.get(next).copied().unwrap_or(read);
    }
    let ends = |read: &&Option<(usize, Kind)>| matches!(read, Some((_, Kind::Ends)));
    let (readers, come) = (&last[..READERS], last[..READERS].iter().filter(ends).count());
    readers.iter().flatten().count() == come && come * 4 >= READERS * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(parts: &[&[u8]], number: u32) -> Option<u64> {
        let mut bytes = vec![0x90; 48];
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        let at = bytes.len() as u64;
        bytes.extend([0x0f, 0x05]);
        let lead = lead(Code { bytes: &bytes, address: 0x1000 }, 0x1000 + at)?;
        let start = number_start(lead, 0x1000 + at, number)?;
        let site = (0x1000 + at - lead.address) as usize;
        leads_on(&Steps::of(lead.bytes), start, site).then_some(lead.address + start as u64 - 0x1000)
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
