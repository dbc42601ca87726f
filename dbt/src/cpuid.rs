//! `cpuid` instructions whose leaf is loaded right before them, answered without asking the processor.
//!
//! Under a hypervisor each is an exit, which takes one to several microseconds, and a dynamic linker runs forty before a program
//! begins. Who starts the same linker many times knows the answers.
//!
//! The form is `mov eax, imm32`; perhaps `xor ecx, ecx` or `mov ecx, r32`; `cpuid`. Only the first is replaced, which has the five bytes
//! that a jump needs: whoever jumps to one of the others finds it as it was. Where instructions begin is found as for a `syscall`
//! that has trapped ([`crate::lazy`]); what stands for the trap is a leaf that somebody knows.

use crate::lazy::{Change, jump, near, readers};
use crate::scan::Code;

/// What `cpuid` leaves in EAX, EBX, ECX and EDX.
pub type Answer = [u32; 4];

/// What stands between the leaf and the `cpuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subleaf {
    /// Nothing: it is what ECX happens to be.
    Unset,
    /// `xor ecx, ecx`.
    Zero,
    /// `mov ecx, r32`.
    Register,
}

/// A `cpuid` in the form that can be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Of the `mov`, of the `cpuid`, and of what follows.
    pub start: u64,
    pub cpuid: u64,
    pub after: u64,
    pub leaf: u32,
    pub subleaf: Subleaf,
}

/// No trampoline is longer.
pub const MAX_TRAMPOLINE: usize = 5 + 3 + 3 + 3 + 3 + 10 + 5 + 2 * 25;
const MOV: usize = 5;
/// How far before the `mov` readers begin.
const LEAD: usize = 48;

/// All sites in `code`, apart from each other.
pub fn sites(code: Code) -> impl Iterator<Item = Site> {
    let mut end = 0;
    memchr::memmem::find_iter(code.bytes, &[0x0f, 0xa2]).filter_map(move |at| {
        let site = site(code, at).filter(|site| site.start >= end)?;
        end = site.after;
        Some(site)
    })
}

fn site(code: Code, at: usize) -> Option<Site> {
    let (subleaf, between) = match &code.bytes[..at] {
        [.., 0xb8, _, _, _, _, 0x31 | 0x33, 0xc9] => (Subleaf::Zero, 2),
        [.., 0xb8, _, _, _, _, 0x44, 0x89, modrm] if modrm & 0xc7 == 0xc1 => (Subleaf::Register, 3),
        [.., 0xb8, _, _, _, _, 0x89, modrm] if modrm & 0xc7 == 0xc1 => (Subleaf::Register, 2),
        [.., 0xb8, _, _, _, _] => (Subleaf::Unset, 0),
        _ => return None,
    };
    let start = at - between - MOV;
    let leaf = u32::from_le_bytes(code.bytes[start + 1..start + MOV].try_into().ok()?);
    let from = start.saturating_sub(LEAD);
    let agree = readers(&code.bytes[from..at + 2], start - from).agree();
    let [start, cpuid, after] = [start, at, at + 2].map(|at| code.address + at as u64);
    agree.then_some(Site { start, cpuid, after, leaf, subleaf })
}

/// Has a site answered by a trampoline at `at`: its bytes, and the change that leads there. `answer` knows leaves and subleaves; of a
/// leaf without a given subleaf it says something only if there are none. None: the site stays as it is.
pub fn patch(code: Code, site: &Site, at: u64, mut answer: impl FnMut(u32, Option<u32>) -> Option<Answer>) -> Option<(Vec<u8>, Change)> {
    let between = code.bytes.get((site.start - code.address) as usize + MOV..(site.cpuid - code.address) as usize)?;
    let leaf = site.leaf;
    let mut bytes = Vec::with_capacity(MAX_TRAMPOLINE);
    match site.subleaf {
        Subleaf::Unset | Subleaf::Zero => {
            let known = answer(leaf, (site.subleaf == Subleaf::Zero).then_some(0))?;
            // For the flags.
            bytes.extend_from_slice(between);
            give(&mut bytes, known, at, site.after)?;
        }
        Subleaf::Register => {
            let [zero, one] = [answer(leaf, Some(0))?, answer(leaf, Some(1))?];
            load(&mut bytes, 0xb8, leaf);
            bytes.extend_from_slice(between);
            // Nothing of it touches the flags: jecxz zero; lea ecx, [rcx - 1]; jecxz one; lea ecx, [rcx + 1]; cpuid; jmp after
            bytes.extend_from_slice(&[0x67, 0xe3, 3 + 3 + 3 + 2 + 5]);
            bytes.extend_from_slice(&[0x8d, 0x49, 0xff, 0x67, 0xe3, 3 + 2 + 5 + 25]);
            bytes.extend_from_slice(&[0x8d, 0x49, 0x01, 0x0f, 0xa2]);
            leave(&mut bytes, at, site.after)?;
            give(&mut bytes, zero, at, site.after)?;
            give(&mut bytes, one, at, site.after)?;
        }
    }
    Some((bytes, Change { at: site.start, bytes: jump(site.start, at)? }))
}

/// `mov r32, imm32`
fn load(bytes: &mut Vec<u8>, opcode: u8, value: u32) {
    bytes.push(opcode);
    bytes.extend_from_slice(&value.to_le_bytes());
}

/// In 25 bytes.
fn give(bytes: &mut Vec<u8>, [a, b, c, d]: Answer, at: u64, after: u64) -> Option<()> {
    [(0xb8, a), (0xbb, b), (0xb9, c), (0xba, d)].into_iter().for_each(|(opcode, value)| load(bytes, opcode, value));
    leave(bytes, at, after)
}

fn leave(bytes: &mut Vec<u8>, at: u64, after: u64) -> Option<()> {
    bytes.push(0xe9);
    let next = at + bytes.len() as u64 + 4;
    bytes.extend_from_slice(&near(next, after)?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

    const BASE: u64 = 0x10_0000;

    /// Bytes with something to read before and behind.
    fn code(bytes: &[u8]) -> Vec<u8> {
        [&[0x48, 0x89, 0xc8].repeat(16)[..], bytes, &[0x90; 16]].concat()
    }

    fn find(bytes: &[u8]) -> Vec<(u32, Subleaf)> {
        sites(Code { bytes: &code(bytes), address: BASE }).map(|site| (site.leaf, site.subleaf)).collect()
    }

    #[test]
    fn forms() {
        assert_eq!(find(&[0xb8, 6, 0, 0, 0x80, 0x0f, 0xa2]), [(0x8000_0006, Subleaf::Unset)]);
        assert_eq!(find(&[0xb8, 13, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2]), [(13, Subleaf::Zero)]);
        assert_eq!(find(&[0xb8, 7, 0, 0, 0, 0x89, 0xf9, 0x0f, 0xa2]), [(7, Subleaf::Register)]);
        assert_eq!(find(&[0xb8, 7, 0, 0, 0, 0x44, 0x89, 0xc1, 0x0f, 0xa2]), [(7, Subleaf::Register)], "mov ecx, r8d");
        assert!(find(&[0xb8, 7, 0, 0, 0, 0x89, 0xca, 0x0f, 0xa2]).is_empty(), "mov edx, ecx");
        assert!(find(&[0x41, 0xb8, 7, 0, 0, 0, 0x0f, 0xa2]).is_empty(), "mov r8d, 7");
        assert!(find(&[0xc7, 0x44, 0x24, 0xb8, 7, 0, 0, 0, 0x0f, 0xa2]).is_empty(), "mov dword ptr [rsp - 0x48], 7");
        assert!(find(&[0x31, 0xc0, 0x0f, 0xa2]).is_empty());
        assert_eq!(sites(Code { bytes: &[0xb8, 0, 0, 0, 0, 0x0f, 0xa2], address: BASE }).count(), 0, "nothing to read before");
    }

    fn text(bytes: &[u8], ip: u64) -> Vec<String> {
        let mut formatter = IntelFormatter::new();
        formatter.options_mut().set_branch_leading_zeros(false);
        Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE)
            .iter()
            .map(|instruction| {
                let mut line = String::new();
                formatter.format(&instruction, &mut line);
                format!("{:x}: {line}", instruction.ip())
            })
            .collect()
    }

    fn patched(bytes: &[u8]) -> Option<Vec<String>> {
        let bytes = code(bytes);
        let code = Code { bytes: &bytes, address: BASE };
        let site = sites(code).next()?;
        let knows = |leaf, sub: Option<u32>| Some([leaf, sub.unwrap_or(9), 0xc, 0xd]);
        let (trampoline, change) = patch(code, &site, 0x20_0000, knows)?;
        assert!(trampoline.len() <= MAX_TRAMPOLINE);
        assert_eq!(text(&change.bytes, change.at), ["100030: jmp 200000h"]);
        Some(text(&trampoline, 0x20_0000))
    }

    #[test]
    fn trampolines() {
        let simple = patched(&[0xb8, 6, 0, 0, 0x80, 0x0f, 0xa2]);
        let expected =
            ["200000: mov eax,80000006h", "200005: mov ebx,9", "20000a: mov ecx,0Ch", "20000f: mov edx,0Dh", "200014: jmp 100037h"];
        assert_eq!(simple.expect("a patch"), expected);
        let zero = patched(&[0xb8, 13, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2]);
        let expected = [
            "200000: xor ecx,ecx",
            "200002: mov eax,0Dh",
            "200007: mov ebx,0",
            "20000c: mov ecx,0Ch",
            "200011: mov edx,0Dh",
            "200016: jmp 100039h",
        ];
        assert_eq!(zero.expect("a patch"), expected);
        let register = patched(&[0xb8, 7, 0, 0, 0, 0x44, 0x89, 0xc1, 0x0f, 0xa2]);
        let expected = [
            "200000: mov eax,7",
            "200005: mov ecx,r8d",
            "200008: jecxz 20001Bh",
            "20000b: lea ecx,[rcx-1]",
            "20000e: jecxz 200034h",
            "200011: lea ecx,[rcx+1]",
            "200014: cpuid",
            "200016: jmp 10003Ah",
            "20001b: mov eax,7",
        ];
        assert_eq!(register.expect("a patch")[..9], expected);
    }

    #[test]
    fn what_is_not_known_stays() {
        let bytes = code(&[0xb8, 1, 0, 0, 0, 0x0f, 0xa2]);
        let code = Code { bytes: &bytes, address: BASE };
        let site = sites(code).next().expect("a site");
        assert!(patch(code, &site, 0x20_0000, |_, _| None).is_none());
        assert!(patch(code, &site, 1 << 40, |_, _| Some([0; 4])).is_none(), "out of reach");
    }
}
