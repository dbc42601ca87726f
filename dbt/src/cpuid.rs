//! `cpuid` instructions that lead elsewhere, where the answer is known.
//!
//! Under a hypervisor each is an exit, which takes one to a dozen microseconds, and a dynamic linker runs some seventy before a program
//! begins. They say the same each time.
//!
//! That it is a `cpuid` is not proved by a trap, as with system calls. So something has to load its leaf: a `mov eax, imm32`, of a leaf that
//! somebody knows, or a `mov eax, r32`, right before it or before the instruction that loads the subleaf; or a `mov eax, imm32` at most [`LEAD`]
//! bytes before it. Unless it is the first of these, readers from many places further up have to agree. It is replaced as a
//! `syscall` is ([`crate::lazy`]).

use crate::lazy::{Back, LEAD, Patch, Steps, To, patch_other, readers};
use crate::length::Kind;
use crate::scan::Code;

const CPUID: usize = 2;

/// All sites in `code`, but for those that load a number as their leaf which is not `known`.
pub fn sites(code: Code, known: impl Fn(u32) -> bool) -> impl Iterator<Item = u64> {
    let found = memchr::memmem::find_iter(code.bytes, &[0x0f, 0xa2]);
    found.filter(move |&at| is_site(code.bytes, at, &known)).map(move |at| code.address + at as u64)
}

fn is_site(code: &[u8], at: usize, known: impl Fn(u32) -> bool) -> bool {
    let lead = &code[at.saturating_sub(LEAD as usize)..at + CPUID];
    let (at, steps) = (lead.len() - CPUID, Steps::of(lead));
    match load(&lead[..at], &steps, known) {
        Some(Load::Near) => readers(&steps, at, lead.len()).come(),
        Some(Load::Other) => readers(&steps, at, lead.len()).agree(),
        None => false,
    }
}

/// How a leaf is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Load {
    /// As a number, with at most one instruction behind it, which loads the subleaf.
    Near,
    Other,
}

/// How the code that ends here, as the first reader who comes to its end sees it, has loaded a leaf.
fn load(code: &[u8], steps: &Steps, known: impl Fn(u32) -> bool) -> Option<Load> {
    let last = (0..code.len()).find_map(|from| {
        // The leaf as a number, or in a register; and how many instructions ago.
        let mut load = None;
        let comes = steps.read(from, code.len(), |at, len, kind| {
            load = match (&code[at..at + len], kind) {
                ([0xb8, a, b, c, d], _) => known(u32::from_le_bytes([*a, *b, *c, *d])).then_some((true, 0)),
                (_, Kind::Ends) => None,
                (bytes, _) if moves(bytes, 0) => Some((false, 0)),
                // Not the subleaf.
                (bytes, _) if !moves(bytes, 1) && !clears_ecx(bytes) => load.map(|(number, _)| (number, 2)),
                _ => load.map(|(number, ago)| (number, ago + 1)),
            }
        });
        comes.then_some(load)
    });
    match last?? {
        (true, 0 | 1) => Some(Load::Near),
        (true, _) | (false, 0 | 1) => Some(Load::Other),
        (false, _) => None,
    }
}

/// Whether this is a `mov` from one 32-bit register to EAX (0) or ECX (1).
fn moves(bytes: &[u8], to: u8) -> bool {
    match bytes {
        [0x89, modrm] | [0x44, 0x89, modrm] => modrm & 0xc7 == 0xc0 | to,
        [0x8b, modrm] | [0x41, 0x8b, modrm] => modrm & 0xf8 == 0xc0 | to << 3,
        _ => false,
    }
}

/// `xor ecx, ecx`.
fn clears_ecx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x31 | 0x33, 0xc9])
}

/// Has a site jump to a trampoline at `at`, of at most [`crate::lazy::MAX_TRAMPOLINE`] bytes, and from there to the handler. `code` has
/// [`crate::lazy::AROUND`] bytes on either side, or what there is. The handler finds all registers but RBX, and the stack, as they were; RBX
/// says where to go on. None: it has to stay as it is.
pub fn patch(code: Code, site: u64, at: u64, handler: u64) -> Option<Patch> {
    patch_other(code, site, To { at, handler, back: Back::Rbx })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x10_0000;

    /// Whether bytes with something to read before them end with a `cpuid` that is found.
    fn finds(bytes: &[u8]) -> bool {
        let code = [&[0x48, 0x89, 0xc8].repeat(20)[..], bytes, &[0x0f, 0xa2], &[0x90; 16]].concat();
        let sites: Vec<u64> = sites(Code { bytes: &code, address: BASE }, |leaf| leaf < 10).collect();
        assert!(sites.is_empty() || sites == [BASE + 60 + bytes.len() as u64]);
        !sites.is_empty()
    }

    #[test]
    fn leaves_that_are_loaded() {
        assert!(finds(&[0xb8, 7, 0, 0, 0]));
        assert!(finds(&[0xb8, 7, 0, 0, 0, 0x31, 0xc9]), "xor ecx, ecx");
        assert!(finds(&[0xb8, 2, 0, 0, 0, 0x41, 0x55, 0x53, 0x48, 0x83, 0xec, 0x18]), "push r13; push rbx; sub rsp, 24");
        assert!(finds(&[0x89, 0xf8]), "mov eax, edi");
        assert!(finds(&[0x44, 0x89, 0xe0]), "mov eax, r12d");
        assert!(finds(&[0x89, 0xf8, 0x89, 0xf1]), "mov eax, edi; mov ecx, esi");
        assert!(finds(&[0x41, 0x8b, 0xc0, 0x44, 0x89, 0xc1]), "mov eax, r8d; mov ecx, r8d");
    }

    #[test]
    fn leads_to_the_handler_and_back() {
        use crate::lazy::Form;
        // mov eax, 7; xor ecx, ecx; cpuid; then no padding near by, or some behind a ret.
        for (behind, form) in [(&[0x48, 0x89, 0xc8][..], Form::Neighbours), (&[0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90], Form::Padding)] {
            let mut code = [0x48, 0x89, 0xc8].repeat(22);
            code.extend([0xb8, 7, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2]);
            code.extend_from_slice(behind);
            // Up to a multiple of 16, where nops would end.
            code.extend(std::iter::repeat_n(if form == Form::Padding { 0x90 } else { 0x48 }, 96 - code.len() - 6));
            let code = Code { bytes: &code, address: BASE };
            let site = sites(code, |leaf| leaf == 7).next().expect("a site");
            assert_eq!(site, BASE + 66 + 7);
            let found = patch(code, site, BASE + 0x1000, BASE + 0x2000);
            let Some(found) = found else { panic!("{form:?}") };
            let moved: &[u8] = if found.form == Form::Padding { &[] } else { &[0xb8, 7, 0, 0, 0, 0x31, 0xc9] };
            let (first, rest) = found.trampoline.split_at(moved.len());
            assert_eq!(first, moved);
            // lea rbx, [site + 2]; jmp [handler]
            let end = BASE + 0x1000 + moved.len() as u64;
            let near = |from: u64, to: u64| ((to as i64 - from as i64) as i32).to_le_bytes();
            let expected = [&[0x48, 0x8d, 0x1d][..], &near(end + 7, site + 2), &[0xff, 0x25], &near(end + 13, BASE + 0x2000)].concat();
            assert_eq!(rest, expected);
        }
    }

    #[test]
    fn leaves_that_are_not() {
        assert!(!finds(&[]));
        assert!(!finds(&[0xb8, 10, 0, 0, 0]), "not known");
        assert!(!finds(&[0xb8, 7, 0, 0, 0, 0xc3]), "ret");
        assert!(!finds(&[0x89, 0xf8, 0x90]), "mov eax, edi; nop");
        assert!(!finds(&[0x89, 0xf8, 0x89, 0xf1, 0x89, 0xf1]), "mov ecx twice");
        assert!(!finds(&[0x48, 0x89, 0xf8]), "mov rax, rdi");
        assert!(!finds(&[0x89, 0xc7]), "mov edi, eax");
        assert!(!finds(&[0x41, 0xb8, 7, 0, 0, 0]), "mov r8d, 7");
        assert!(!finds(&[0xb8]), "mov eax, ....a20fh");
        let alone = [0xb8, 0, 0, 0, 0, 0x0f, 0xa2];
        assert_eq!(sites(Code { bytes: &alone, address: BASE }, |_| true).count(), 1, "nothing but the leaf");
        assert_eq!(sites(Code { bytes: &alone[5..], address: BASE }, |_| true).count(), 0, "nothing before it");
    }
}
