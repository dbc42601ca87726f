//! Any bytes as code: what is patched decodes to the same instructions, in the trampoline instead.
#![no_main]

use dbt::cpuid;
use dbt::lazy::{Form, Patch};
use dbt::patch::patch;
use dbt::scan::{Code, Site, scan};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, Register};
use libfuzzer_sys::fuzz_target;

const BASE: u64 = 0x1_4000_0000;
const TRAMPOLINE: u64 = BASE + 0x100_0000;
const HANDLER: u64 = TRAMPOLINE - 8;

// The first byte: how many functions there are; then where each begins; then code.
fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else { return };
    let (starts, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let functions: Vec<(u64, Option<u64>)> = starts.iter().map(|&start| (BASE + u64::from(start), None)).collect();
    let code = Code { bytes, address: BASE };
    let found = scan(code, &functions, &[code], BASE);
    let mut end = BASE;
    for site in &found.sites {
        assert!(site.start >= end && site.end - site.start >= 5 && site.end <= BASE + bytes.len() as u64);
        assert!(site.start <= site.address && site.address + 2 <= site.end);
        end = site.end;
        check(code, site);
    }
    for address in found.sites.iter().map(|site| site.address).chain(found.unproved.iter().copied()) {
        assert_eq!(bytes[(address - BASE) as usize..][..2], [0x0f, 0x05]);
        lazily(code, address);
    }
    for site in cpuid::sites(code, |leaf| leaf < 64) {
        assert_eq!(bytes[(site - BASE) as usize..][..2], [0x0f, 0xa2]);
        if let Some(patch) = cpuid::patch(code.around(site), site, TRAMPOLINE, HANDLER) {
            assert!(patch.form != Form::Number);
            leads_on(code, site, &patch, Register::RBX);
        }
    }
});

fn decode(bytes: &[u8], at: u64) -> impl Iterator<Item = Instruction> {
    let mut decoder = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE);
    std::iter::from_fn(move || decoder.can_decode().then(|| decoder.decode()))
}

/// A site that has trapped, wherever it is.
fn lazily(code: Code, syscall: u64) {
    let at = (syscall - BASE) as usize;
    let number = at.checked_sub(4).map_or(0, |from| u32::from_le_bytes(code.bytes[from..at].try_into().expect("4 bytes")));
    let Some(patch) = dbt::lazy::patch(code, syscall, number, TRAMPOLINE, HANDLER) else { return };
    if patch.form == Form::Number {
        assert_eq!(number, decode(&patch.trampoline, 0).next().expect("a mov").immediate(1) as u32);
    }
    leads_on(code, syscall, &patch, Register::RCX);
}

/// What is written lies in the code, and leads to the handler, with the address behind the site in a register.
fn leads_on(code: Code, site: u64, patch: &Patch, back: Register) {
    let at = (site - BASE) as usize;
    assert!(patch.trampoline.len() <= dbt::lazy::MAX_TRAMPOLINE);
    let mut bytes = code.bytes.to_vec();
    for change in &patch.changes {
        bytes[(change.at - BASE) as usize..][..change.bytes.len()].copy_from_slice(&change.bytes);
    }
    // From what the program runs next, jumps lead to the trampoline.
    let mut next = patch.changes.last().expect("a change").at;
    for _ in 0..patch.changes.len() {
        let jump = decode(&bytes[(next - BASE) as usize..], next).next().expect("a jump");
        assert_eq!(jump.mnemonic(), Mnemonic::Jmp);
        next = jump.near_branch_target();
    }
    assert_eq!(next, TRAMPOLINE);
    let mut moved = decode(&patch.trampoline, TRAMPOLINE);
    if patch.form != Form::Padding {
        assert_eq!(bytes[at..at + 2], code.bytes[at..at + 2], "whoever jumps to the site itself still finds it");
        let start = patch.changes[0].at;
        let mut next = start;
        for before in decode(&code.bytes[(start - BASE) as usize..at], start) {
            let after = moved.next().expect("as many instructions");
            assert!(!before.is_invalid() && before.flow_control() != FlowControl::Call);
            if before.is_jcc_short_or_near() {
                assert_eq!((before.mnemonic(), before.near_branch_target()), (after.mnemonic(), after.near_branch_target()));
            } else {
                assert_eq!((before, before.flow_control()), (after, FlowControl::Next));
            }
            next = before.next_ip();
        }
        assert_eq!(next, site);
    }
    let first = moved.next().expect("an instruction");
    assert_eq!((first.mnemonic(), first.op0_register()), (Mnemonic::Lea, back));
    let jump = moved.next().expect("a jump to the handler");
    assert_eq!((jump.mnemonic(), jump.ip_rel_memory_address()), (Mnemonic::Jmp, HANDLER));
    assert_eq!(first.ip_rel_memory_address(), site + 2);
    assert!(moved.next().is_none());
}

fn check(code: Code, site: &Site) {
    let original = &code.bytes[(site.start - BASE) as usize..(site.end - BASE) as usize];
    let Some(patch) = patch(code, site, TRAMPOLINE, HANDLER) else { return };
    assert!(patch.trampoline.len() <= dbt::patch::MAX_TRAMPOLINE && patch.bytes.len() == original.len());
    let jump = decode(&patch.bytes, site.start).next().expect("a jump");
    assert_eq!((jump.mnemonic(), jump.near_branch_target()), (Mnemonic::Jmp, TRAMPOLINE));
    let mut moved = decode(&patch.trampoline, TRAMPOLINE);
    let mut falls_through = true;
    for before in decode(original, site.start) {
        let after = moved.next().expect("as many instructions");
        falls_through = !matches!(before.flow_control(), FlowControl::UnconditionalBranch | FlowControl::Return);
        if before.ip() == site.address {
            assert_eq!((after.mnemonic(), after.op0_register()), (Mnemonic::Lea, Register::RCX));
            let jump = moved.next().expect("a jump to the handler");
            assert_eq!((jump.mnemonic(), jump.ip_rel_memory_address()), (Mnemonic::Jmp, HANDLER));
            assert_eq!((after.ip_rel_memory_address(), jump.next_ip()), (patch.resume, patch.resume));
        } else if before.is_jcc_short_or_near() || before.is_jmp_short_or_near() {
            assert_eq!((before.mnemonic(), before.near_branch_target()), (after.mnemonic(), after.near_branch_target()));
        } else {
            assert_eq!(before, after);
        }
    }
    if falls_through {
        let back = moved.next().expect("a jump back");
        assert_eq!((back.mnemonic(), back.near_branch_target()), (Mnemonic::Jmp, site.end));
    }
    assert!(moved.next().is_none());
}
