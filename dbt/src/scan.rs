//! Which `syscall` instructions of a piece of code can be replaced, and with what around them.
//!
//! A jump to a trampoline takes five bytes and a `syscall` has two, so neighbours have to move. That is right only if
//! the bytes are the instructions that they look like, and nobody jumps between them. Proved is:
//!
//! - the site is reached from the start of the function that it lies in, by following its branches;
//! - no two ways of reading the function disagree about where instructions begin;
//! - the function has no computed jump (a switch's targets are not known);
//! - no branch in the function, no 32-bit branch displacement anywhere in the code, and no 32-bit offset or address
//!   anywhere in the image leads behind the first of the replaced instructions.
//!
//! The last three err on the safe side: chance matches only leave a site to be caught when it runs.

use crate::lazy::AROUND;
use iced_x86::{Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes and the address at which they are, or will be.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    pub bytes: &'a [u8],
    pub address: u64,
}

impl<'a> Code<'a> {
    /// What has to be read to patch a site: [`AROUND`] bytes on either side of it, or what there is.
    pub fn around(&self, site: u64) -> Code<'a> {
        let end = self.range().end;
        let around = site.saturating_sub(AROUND).clamp(self.address, end)..(site + AROUND).min(end);
        let [from, to] = [around.start, around.end].map(|at| (at - self.address) as usize);
        Code { bytes: &self.bytes[from..to], address: around.start }
    }

    pub fn range(&self) -> Range<u64> {
        self.address..self.address + self.bytes.len() as u64
    }

    fn decode(&self, at: u64) -> Option<Instruction> {
        let bytes = self.bytes.get(at.checked_sub(self.address)? as usize..)?;
        let instruction = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE).decode();
        (!instruction.is_invalid()).then_some(instruction)
    }
}

/// A `syscall` that can be replaced: `start..end` are whole instructions, at least [`JUMP`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Of the `syscall` itself.
    pub address: u64,
    pub start: u64,
    pub end: u64,
}

/// What [`scan`] has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub sites: Vec<Site>,
    /// Addresses of bytes that look like a `syscall` and that must be left alone.
    pub unproved: Vec<u64>,
}

/// Bytes of `jmp rel32`.
pub const JUMP: u64 = 5;
/// Bytes of `syscall`.
pub const SYSCALL: u64 = 2;
/// Functions with more instructions than this are left alone.
const MAX_INSTRUCTIONS: usize = 1 << 16;
/// Instructions that may move on either side of the `syscall`.
const MAX_NEIGHBOURS: usize = 4;

/// Addresses of bytes that are a `syscall`, if an instruction begins there.
pub fn candidates(code: Code) -> impl Iterator<Item = u64> {
    memchr::memmem::find_iter(code.bytes, &[0x0f, 0x05]).map(move |at| code.address + at as u64)
}

/// Finds the sites in `code`. `functions`: where functions begin, and end if that is known (else `None`), in any order.
/// `image`: everything that may hold references to the code, itself included; `base`: what offsets in it count from.
pub fn scan(code: Code, functions: &[(u64, Option<u64>)], image: &[Code], base: u64) -> Found {
    let mut found = Found::default();
    let candidates: Vec<u64> = candidates(code).collect();
    if candidates.is_empty() {
        return found;
    }
    let mut starts: Vec<(u64, Option<u64>)> = functions.iter().copied().filter(|(start, _)| code.range().contains(start)).collect();
    starts.sort_unstable();
    starts.dedup_by_key(|(start, _)| *start);
    classify(code, &starts, &candidates, &mut found);
    if !found.unproved.is_empty() {
        // Where known functions call to, functions begin too.
        let mut more: Vec<(u64, Option<u64>)> = Vec::new();
        for (index, &(start, end)) in starts.iter().enumerate() {
            let function = Function::read(code, start, end_of(code, &starts, index, end));
            more.extend(function.iter().flat_map(|f| &f.calls).filter(|at| code.range().contains(at)).map(|&at| (at, None)));
        }
        more.retain(|(at, _)| starts.binary_search_by_key(at, |(start, _)| *start).is_err());
        starts.extend(more);
        starts.sort_unstable();
        starts.dedup_by_key(|(start, _)| *start);
        found = Found::default();
        classify(code, &starts, &candidates, &mut found);
    }
    drop_overlapping(&mut found);
    drop_referenced(&mut found, image, base);
    found
}

fn end_of(code: Code, starts: &[(u64, Option<u64>)], index: usize, end: Option<u64>) -> u64 {
    end.unwrap_or_else(|| starts.get(index + 1).map_or(code.range().end, |(next, _)| *next))
}

fn classify(code: Code, starts: &[(u64, Option<u64>)], candidates: &[u64], found: &mut Found) {
    let mut last: Option<(u64, Option<Function>)> = None;
    for &address in candidates {
        let index = starts.partition_point(|(start, _)| *start <= address);
        let site = index.checked_sub(1).and_then(|index| {
            let (start, end) = starts[index];
            if last.as_ref().is_none_or(|(of, _)| *of != start) {
                last = Some((start, Function::read(code, start, end_of(code, starts, index, end))));
            }
            last.as_ref()?.1.as_ref()?.site(address)
        });
        match site {
            Some(site) => found.sites.push(site),
            None => found.unproved.push(address),
        }
    }
}

/// Of two sites that need the same bytes, the second stays as it is.
fn drop_overlapping(found: &mut Found) {
    let mut end = 0;
    let Found { sites, unproved } = found;
    sites.retain(|site| {
        let fits = site.start >= end;
        if fits {
            end = site.end
        } else {
            unproved.push(site.address)
        }
        fits
    });
}

/// Drops sites into whose middle something may lead from elsewhere.
fn drop_referenced(found: &mut Found, image: &[Code], base: u64) {
    let (Some(first), Some(last)) = (found.sites.first(), found.sites.last()) else { return };
    let (low, high) = (first.start, last.end);
    // One bit for each byte that nobody may refer to.
    let mut inside = vec![0u64; ((high - low) as usize).div_ceil(64)];
    for at in found.sites.iter().flat_map(|site| site.start + 1..site.end) {
        inside[((at - low) / 64) as usize] |= 1 << ((at - low) % 64);
    }
    let mut hits = Vec::new();
    for part in image {
        for (index, window) in part.bytes.windows(4).enumerate() {
            let value = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
            let next = part.address + index as u64 + 4;
            // A branch's displacement, an offset from the base, the lower half of an address.
            let low_half = (low & !0xffff_ffff) | u64::from(value);
            for target in [next.wrapping_add_signed(value as i32 as i64), base.wrapping_add(value.into()), low_half] {
                let offset = target.wrapping_sub(low);
                if offset < high - low && inside[(offset / 64) as usize] >> (offset % 64) & 1 != 0 {
                    hits.push((next - 4, target));
                }
            }
        }
    }
    let Found { sites, unproved } = found;
    sites.retain(|site| {
        // What a site's own bytes say does not count: its branches have been looked at.
        let referenced = hits.iter().any(|&(from, to)| site.start < to && to < site.end && !(site.start..site.end).contains(&from));
        if referenced {
            unproved.push(site.address);
        }
        !referenced
    });
    unproved.sort_unstable();
}

struct Function {
    instructions: BTreeMap<u64, Instruction>,
    /// Where branches and calls lead that were seen.
    targets: Vec<u64>,
    calls: Vec<u64>,
}

impl Function {
    /// Follows all branches from `start`. None: the function cannot be understood.
    fn read(code: Code, start: u64, end: u64) -> Option<Function> {
        let mut function = Function { instructions: BTreeMap::new(), targets: Vec::new(), calls: Vec::new() };
        let mut work = vec![start];
        while let Some(mut at) = work.pop() {
            while (start..end).contains(&at) && !function.instructions.contains_key(&at) {
                let instruction = code.decode(at)?;
                if function.overlaps(at, instruction.next_ip()) || function.instructions.len() == MAX_INSTRUCTIONS {
                    return None;
                }
                function.instructions.insert(at, instruction);
                let mut go_on = true;
                match instruction.flow_control() {
                    FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch | FlowControl::XbeginXabortXend => {
                        function.targets.push(instruction.near_branch_target());
                        work.push(instruction.near_branch_target());
                        go_on = instruction.flow_control() != FlowControl::UnconditionalBranch;
                    }
                    // Through a pointer in the image it is a call of another module; else it may be a switch.
                    FlowControl::IndirectBranch if instruction.is_ip_rel_memory_operand() => go_on = false,
                    FlowControl::IndirectBranch => return None,
                    FlowControl::Call if instruction.is_call_near() => {
                        function.targets.push(instruction.near_branch_target());
                        function.calls.push(instruction.near_branch_target());
                    }
                    FlowControl::Return | FlowControl::Exception => go_on = false,
                    _ => {}
                }
                if !go_on {
                    break;
                }
                at = instruction.next_ip();
            }
        }
        function.targets.sort_unstable();
        Some(function)
    }

    fn overlaps(&self, start: u64, end: u64) -> bool {
        let before = self.instructions.range(..start).next_back();
        before.is_some_and(|(_, before)| before.next_ip() > start) || self.instructions.range(start + 1..end).next().is_some()
    }

    fn leads_into(&self, start: u64, end: u64) -> bool {
        let first = self.targets.partition_point(|&target| target <= start);
        self.targets.get(first).is_some_and(|&target| target < end)
    }

    fn site(&self, address: u64) -> Option<Site> {
        if self.instructions.get(&address)?.code() != Opcode::Syscall {
            return None;
        }
        // Those behind it first, then as few as possible of those before.
        let mut start = address;
        for before in 0..=MAX_NEIGHBOURS {
            if before != 0 {
                let (&at, previous) = self.instructions.range(..start).next_back()?;
                if previous.next_ip() != start || !can_move(previous) || !falls_through(previous) {
                    return None;
                }
                start = at;
            }
            let mut end = address + SYSCALL;
            for _ in 0..=MAX_NEIGHBOURS {
                if end - start >= JUMP {
                    if !self.leads_into(start, end) {
                        return Some(Site { address, start, end });
                    }
                    break;
                }
                let Some(next) = self.instructions.get(&end).filter(|next| can_move(next)) else { break };
                end = next.next_ip();
                if !falls_through(next) && end - start < JUMP {
                    break;
                }
            }
        }
        None
    }
}

fn falls_through(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::Next | FlowControl::ConditionalBranch)
}

/// Whether [`crate::patch`] can write the instruction for another address.
pub(crate) fn can_move(instruction: &Instruction) -> bool {
    match instruction.flow_control() {
        // RSP-relative and the like are the same everywhere; 32-bit EIP-relative ones are not worth the code.
        FlowControl::Next => !instruction.is_ip_rel_memory_operand() || instruction.memory_base() == iced_x86::Register::RIP,
        FlowControl::Return => true,
        FlowControl::UnconditionalBranch => instruction.is_jmp_short() || instruction.is_jmp_near(),
        FlowControl::ConditionalBranch => instruction.is_jcc_short() || instruction.is_jcc_near(),
        // A call's return address would be another one.
        _ => false,
    }
}
