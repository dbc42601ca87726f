//! Any bytes as code: what is patched decodes to the same instructions, in the trampoline instead.
#![no_main]

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
    }
});

fn decode(bytes: &[u8], at: u64) -> impl Iterator<Item = Instruction> {
    let mut decoder = Decoder::with_ip(64, bytes, at, DecoderOptions::NONE);
    std::iter::from_fn(move || decoder.can_decode().then(|| decoder.decode()))
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
