//! Sites that nothing may be done to.

use dbt::lazy;
use dbt::patch::patch;
use dbt::scan::{Code, Found, scan};

const BASE: u64 = 0x1_4000_1000;
const HANDLER: u64 = 0x1_4100_0000;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect()
}

fn find(code: &[u8]) -> Found {
    let code = Code { bytes: code, address: BASE };
    scan(code, &[(BASE, None)], &[code], BASE - 0x1000)
}

fn left_alone(code: &str) {
    let found = find(&bytes(code));
    assert_eq!((found.sites.len(), found.unproved.len()), (0, 1), "{found:x?}");
}

/// A site that has trapped, behind many moves.
fn lazily(before: &str, behind: &str, number: u32) -> Option<lazy::Patch> {
    let mut code = [bytes("48 89 c8").repeat(40), bytes(before)].concat();
    let syscall = BASE + code.len() as u64;
    code.extend(bytes("0f 05"));
    code.extend(bytes(behind));
    lazy::patch(Code { bytes: &code, address: BASE }, syscall, number, BASE + 0x100_0000, HANDLER)
}

#[test]
fn trapped() {
    let form = |before, behind| lazily(before, behind, 0).map(|patch| patch.form);
    assert_eq!(form("31 c0", "c3 55 55"), None, "neither a long instruction nor padding");
    assert_eq!(form("be 01 00 00 00 8b 07", "c3 55 55"), None, "mov esi, 1; mov eax, [rdi]: a load may fault");
    assert_eq!(form("e8 00 00 00 00", "c3 55 55"), None, "a call");
    assert_eq!(form("e9 00 00 00 00", "c3 55 55"), None, "a jump: nobody comes from before");
    assert_eq!(form("be 01 00 00 00 cc 31 c0", "c3 55 55"), None, "mov esi, 1; int3");
    let many = ["be 01 00 00 00", &"48 89 c8 ".repeat(11)].concat();
    assert_eq!(form(&many, "c3 55 55"), None, "too far away");
}

/// A 13-byte function that ends with `end`, then nops up to a multiple of 16.
fn with_padding(end: &str, nops: &str, behind: &str) -> Option<lazy::Form> {
    lazily("48 89 c8 48 89 c8 48 89 c8 31 c0", &format!("{end} {nops} {behind}"), 0).map(|patch| patch.form)
}

#[test]
fn padding() {
    use lazy::Form::Padding;
    assert_eq!(with_padding("c3", "90 90 90 90 90 90 90 90 90 90", "55"), Some(Padding));
    assert_eq!(with_padding("90", "90 90 90 90 90 90 90 90 90 90", "55"), None, "the code goes on there");
    // jmp short to it, from behind
    assert_eq!(with_padding("c3", "90 90 90 90 90 90 90 90 90 90", "eb f6"), None, "a branch leads there");
    assert_eq!(with_padding("c3", "90 90 90 90 90 90 90 90 90 90", "eb 10"), Some(Padding), "a branch elsewhere");
    assert_eq!(with_padding("c3", "90 90 90 90 90 90 90 90 90 90", "e9 f1 ff ff ff"), None, "a branch leads there");
    // ret 0; ret 0; ret 0; nop; ret; then a function that begins with sixteen nops
    let end = "c2 00 00 c2 00 00 c2 00 00 90 c3";
    assert_eq!(with_padding(end, &"90 ".repeat(16), "55"), None, "a function of nops");
}

#[test]
fn a_jump_into_the_site() {
    // jmp +5 (to the syscall); mov eax, 1; syscall; ret; nothing behind can move far enough.
    left_alone("eb 05 b8 01 00 00 00 0f 05 c3");
    // The same as a 32-bit displacement in what looks like another function.
    let code = bytes("b8 01 00 00 00 0f 05 c3 e9 f8 ff ff ff");
    let code = Code { bytes: &code, address: BASE };
    let found = scan(code, &[(BASE, Some(BASE + 8)), (BASE + 8, None)], &[code], BASE);
    assert_eq!(found.unproved, [BASE + 5]);
}

#[test]
fn an_offset_in_data() {
    let code = bytes("b8 01 00 00 00 0f 05 c3");
    let code = Code { bytes: &code, address: BASE };
    let table = 0x1005u32.to_le_bytes();
    let data = Code { bytes: &table, address: BASE + 0x1000 };
    assert_eq!(scan(code, &[(BASE, None)], &[code, data], BASE - 0x1000).unproved, [BASE + 5]);
    assert_eq!(scan(code, &[(BASE, None)], &[code], BASE - 0x1000).sites.len(), 1);
}

#[test]
fn computed_jumps_and_data() {
    // jmp rax in the function: its targets are not known.
    left_alone("74 02 ff e0 b8 01 00 00 00 0f 05 c3");
    // Bytes of an immediate: mov eax, 0x50f; ret
    left_alone("b8 0f 05 00 00 c3");
    // Behind the end of the function.
    left_alone("c3 90 b8 01 00 00 00 0f 05 c3");
    // No function is known at all.
    let code = bytes("b8 01 00 00 00 0f 05 c3");
    let found = scan(Code { bytes: &code, address: BASE }, &[], &[], BASE);
    assert_eq!(found.unproved, [BASE + 5]);
}

#[test]
fn a_function_that_only_a_call_leads_to() {
    // call +3; ret; nop; nop; mov eax, 1; syscall; ret
    let code = bytes("e8 03 00 00 00 c3 90 90 b8 01 00 00 00 0f 05 c3");
    let code = Code { bytes: &code, address: BASE };
    assert_eq!(scan(code, &[(BASE, Some(BASE + 6))], &[code], BASE).sites.len(), 1);
}

#[test]
fn calls_do_not_move() {
    // call +0x1000; syscall; call +0x1000
    left_alone("e8 00 10 00 00 0f 05 e8 00 10 00 00 c3");
}

#[test]
fn two_sites_share_no_bytes() {
    // syscall; mov eax, 2; syscall; nop x5; ret
    let found = find(&bytes("0f 05 b8 02 00 00 00 0f 05 90 90 90 90 90 c3"));
    assert_eq!((found.sites.len(), found.unproved.len()), (1, 1));
}

#[test]
fn out_of_reach() {
    let code = bytes("b8 01 00 00 00 0f 05 c3");
    let found = find(&code);
    assert_eq!(patch(Code { bytes: &code, address: BASE }, &found.sites[0], BASE + (1 << 32), HANDLER), None);
}
