//! Sites as compilers and assemblers write them, and what becomes of them.

use dbt::patch::patch;
use dbt::scan::{Code, Found, scan};
use std::fmt::Write;

const BASE: u64 = 0x1_4000_1000;
const TRAMPOLINE: u64 = 0x1_4100_0000;
const HANDLER: u64 = TRAMPOLINE - 8;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{}{byte:02x}", if text.is_empty() { "" } else { " " });
        text
    })
}

fn find(code: &[u8]) -> Found {
    let code = Code { bytes: code, address: BASE };
    scan(code, &[(BASE, None)], &[code], BASE - 0x1000)
}

/// The code with its only site patched, and the trampoline.
fn patched(code: &str) -> (String, String) {
    let mut code = bytes(code);
    let found = find(&code);
    assert_eq!((found.sites.len(), found.unproved.len()), (1, 0), "{found:x?}");
    let site = &found.sites[0];
    let patch = patch(Code { bytes: &code, address: BASE }, site, TRAMPOLINE, HANDLER).expect("in reach");
    assert!(patch.trampoline.len() <= dbt::patch::MAX_TRAMPOLINE);
    code[(site.start - BASE) as usize..(site.end - BASE) as usize].copy_from_slice(&patch.bytes);
    (hex(&code), hex(&patch.trampoline))
}

fn left_alone(code: &str) {
    let found = find(&bytes(code));
    assert_eq!((found.sites.len(), found.unproved.len()), (0, 1), "{found:x?}");
}

/// What becomes of a site that has trapped, and the trampoline. The code lies between blocks of padding.
fn lazily(before: &str, call: &str, behind: &str, number: u32) -> Option<(String, String)> {
    let mut code = [bytes("48 89 c8").repeat(40), bytes(before)].concat();
    let syscall = BASE + code.len() as u64;
    code.extend(bytes(call));
    code.extend(bytes(behind));
    let patch = dbt::lazy::patch(Code { bytes: &code, address: BASE }, syscall, number, TRAMPOLINE, HANDLER)?;
    assert!(patch.trampoline.len() <= dbt::lazy::MAX_TRAMPOLINE);
    for change in &patch.changes {
        code[(change.at - BASE) as usize..][..change.bytes.len()].copy_from_slice(&change.bytes);
    }
    Some((hex(&code[120..]), hex(&patch.trampoline)))
}

#[test]
fn trapped_number_then_syscall() {
    // mov eax, 39; syscall; ret: the syscall stays.
    let (code, trampoline) = lazily("b8 27 00 00 00", "0f 05", "c3", 39).expect("a patch");
    assert_eq!(code, "e9 83 ef ff 00 0f 05 c3");
    assert_eq!(trampoline, "b8 27 00 00 00 48 8d 0d 73 10 00 ff ff 25 e6 ff ff ff");
}

#[test]
fn trapped_long_number_then_syscall() {
    // mov rax, 39; syscall; ret
    let (code, trampoline) = lazily("48 c7 c0 27 00 00 00", "0f 05", "c3", 39).expect("a patch");
    assert_eq!(code, "e9 83 ef ff 00 00 00 0f 05 c3");
    assert_eq!(trampoline, "48 c7 c0 27 00 00 00 48 8d 0d 73 10 00 ff ff 25 e4 ff ff ff");
}

#[test]
fn trapped_by_way_of_padding() {
    // syscall; ret; then padding up to a multiple of 16
    let (code, trampoline) =
        lazily("48 89 c8 31 c0", "0f 05", "c3 66 2e 0f 1f 84 00 00 00 00 00 0f 1f 40 00 66 90 55", 0).expect("a patch");
    assert_eq!(code, "48 89 c8 31 c0 eb 01 c3 e9 7b ef ff 00 cc cc cc cc cc cc cc cc cc cc cc 55");
    assert_eq!(trampoline, "48 8d 0d 78 10 00 ff ff 25 eb ff ff ff");
}

#[test]
fn trapped_and_left_alone() {
    assert_eq!(lazily("48 89 c8 31 c0", "0f 05", "c3 55 55", 0), None, "neither a number nor padding");
    assert_eq!(lazily("b8 27 00 00 00", "0f 05", "c3 55 55", 40), None, "another number than the one it trapped with");
}

const CALL: &str = "48 8d 0d 06 00 00 00 ff 25";

#[test]
fn number_then_syscall() {
    // mov eax, 60; syscall; ud2
    let (code, trampoline) = patched("b8 3c 00 00 00 0f 05 0f 0b");
    assert_eq!(code, "e9 fb ef ff 00 cc cc 0f 0b");
    assert_eq!(trampoline, format!("b8 3c 00 00 00 {CALL} e6 ff ff ff e9 f0 0f 00 ff"));
}

#[test]
fn short_form_of_nt_stubs() {
    // mov r10, rcx; mov eax, 0x18; syscall; ret
    let (code, trampoline) = patched("4c 8b d1 b8 18 00 00 00 0f 05 c3");
    assert_eq!(code, "4c 8b d1 e9 f8 ef ff 00 cc cc c3");
    assert_eq!(trampoline, format!("b8 18 00 00 00 {CALL} e6 ff ff ff e9 f3 0f 00 ff"));
}

#[test]
fn long_form_of_nt_stubs() {
    // …; test byte [0x7ffe0308], 1; jne +3; syscall; ret; int 0x2e; ret
    let (code, trampoline) = patched("4c 8b d1 b8 18 00 00 00 f6 04 25 08 03 fe 7f 01 75 03 0f 05 c3 cd 2e c3");
    assert_eq!(code, "4c 8b d1 b8 18 00 00 00 f6 04 25 08 03 fe 7f 01 e9 eb ef ff 00 cd 2e c3");
    assert_eq!(trampoline, format!("0f 85 0f 10 00 ff {CALL} e5 ff ff ff c3"));
}

#[test]
fn relative_operand_moves() {
    // mov rdi, [rip + 0x100]; syscall; ret
    let (code, trampoline) = patched("48 8b 3d 00 01 00 00 0f 05 c3");
    assert_eq!(code, "e9 fb ef ff 00 cc cc cc cc c3");
    assert_eq!(trampoline, format!("48 8b 3d 00 11 00 ff {CALL} e4 ff ff ff e9 f0 0f 00 ff"));
}

#[test]
fn neighbours_behind() {
    // xor eax, eax; L: syscall; cmp rax, -4095; jae +1; ret; nop; jmp L: the neighbour before cannot move.
    let (code, trampoline) = patched("31 c0 0f 05 48 3d 01 f0 ff ff 73 01 c3 90 eb f2");
    assert_eq!(code, "31 c0 e9 f9 ef ff 00 cc cc cc 73 01 c3 90 eb f2");
    assert_eq!(trampoline, format!("{CALL} eb ff ff ff 48 3d 01 f0 ff ff e9 f2 0f 00 ff"));
}

#[test]
fn loops_to_the_start_of_the_site() {
    // L: mov eax, 24; syscall; test eax, eax; jne L; call +0; ret. The site is `syscall; test; jne`.
    let (code, trampoline) = patched("b8 18 00 00 00 0f 05 85 c0 75 f5 e8 00 00 00 00 c3");
    assert_eq!(code, "b8 18 00 00 00 e9 f6 ef ff 00 cc e8 00 00 00 00 c3");
    assert_eq!(trampoline, format!("{CALL} eb ff ff ff 85 c0 0f 85 eb 0f 00 ff e9 f1 0f 00 ff"));
    // mov eax, 24; L: syscall; jmp L: the site begins where the loop does.
    let (code, _) = patched("b8 18 00 00 00 0f 05 90 eb fb c3");
    assert_eq!(code, "b8 18 00 00 00 e9 f6 ef ff 00 c3");
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
