//! Forms of sites as compilers and assemblers write them, and what becomes of them: `golden/*.txt`. Written anew when
//! `UPDATE_GOLDEN` is set.

use dbt::scan::{Code, scan};
use dbt::{lazy, patch};
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use std::fmt::Write;
use std::path::Path;

const BASE: u64 = 0x1_4000_1000;
const TRAMPOLINE: u64 = 0x1_4100_0000;
const HANDLER: u64 = TRAMPOLINE - 8;

/// Name, and a function with one site.
const SCANNED: &[(&str, &str)] = &[
    ("number", "b8 3c 00 00 00 0f 05 0f 0b"),
    // Windows 7 and before
    ("nt-stub-short", "4c 8b d1 b8 18 00 00 00 0f 05 c3"),
    // Windows 10
    ("nt-stub-long", "4c 8b d1 b8 18 00 00 00 f6 04 25 08 03 fe 7f 01 75 03 0f 05 c3 cd 2e c3"),
    ("relative-operand", "48 8b 3d 00 01 00 00 0f 05 c3"),
    // The neighbour before cannot move, for the last jump leads behind it.
    ("neighbours-behind", "31 c0 0f 05 48 3d 01 f0 ff ff 73 01 c3 90 eb f2"),
    // A loop around `mov`, `syscall`, `test`, `jne`.
    ("loop-around", "b8 18 00 00 00 0f 05 85 c0 75 f5 e8 00 00 00 00 c3"),
    // The site begins where the loop does.
    ("loop-to-start", "b8 18 00 00 00 0f 05 90 eb fb c3"),
];

/// Name, what stands before the `syscall`, what stands behind it, and the number with which it trapped.
const TRAPPED: &[(&str, &str, &str, u32)] = &[
    ("trapped-number", "b8 27 00 00 00", "c3", 39),
    ("trapped-long-number", "48 c7 c0 27 00 00 00", "c3", 39),
    ("trapped-padding", "48 89 c8 48 89 c8 48 89 c8 31 c0", "c3 0f 1f 84 00 00 00 00 00 66 90 55", 0),
    // 25 bytes of padding: only the first line is used.
    (
        "trapped-padding-long",
        "48 89 c8 48 89 c8 48 89 c8 48 31 c0",
        "c3 66 2e 0f 1f 84 00 00 00 00 00 66 2e 0f 1f 84 00 00 00 00 00 0f 1f 44 00 00 55",
        0,
    ),
    // Nothing between it and the site.
    ("trapped-neighbour", "31 c0 bf 01 00 00 00", "c3", 0),
    // As in glibc's pthread_barrier_wait.
    ("trapped-neighbours", "45 31 d2 ba ff ff ff 7f b8 ca 00 00 00 40 80 f6 81", "48 3d 00 f0 ff ff c3", 202),
    ("trapped-relative-operand", "31 c0 48 8d 35 00 01 00 00 89 df", "c3", 0),
    ("trapped-branch", "0f 84 00 02 00 00 31 ff 41 89 c0", "c3", 0),
];

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect()
}

fn disassembly(title: &str, bytes: &[u8], address: u64) -> String {
    let mut text = format!("{title}\n");
    let mut formatter = IntelFormatter::new();
    for instruction in &mut Decoder::with_ip(64, bytes, address, DecoderOptions::NONE) {
        let start = (instruction.ip() - address) as usize;
        let hex: Vec<String> = bytes[start..start + instruction.len()].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut assembly = String::new();
        formatter.format(&instruction, &mut assembly);
        let _ = writeln!(text, "  {:x}  {:<34}{assembly}", instruction.ip(), hex.join(" "));
    }
    text
}

/// `shown`: where the part begins that is written down.
fn report(code: &[u8], shown: usize, changes: &[(u64, &[u8])], trampoline: &[u8]) -> String {
    let mut after = code.to_vec();
    for (at, bytes) in changes {
        after[(at - BASE) as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    let from = BASE + shown as u64;
    disassembly("before", &code[shown..], from)
        + &disassembly("after", &after[shown..], from)
        + &disassembly("trampoline", trampoline, TRAMPOLINE)
}

fn scanned(code: &str) -> String {
    let bytes = bytes(code);
    let code = Code { bytes: &bytes, address: BASE };
    let found = scan(code, &[(BASE, None)], &[code], BASE - 0x1000);
    assert_eq!((found.sites.len(), found.unproved.len()), (1, 0), "{found:x?}");
    let patch = patch::patch(code, &found.sites[0], TRAMPOLINE, HANDLER).expect("in reach");
    assert!(patch.trampoline.len() <= patch::MAX_TRAMPOLINE);
    report(&bytes, 0, &[(found.sites[0].start, &patch.bytes)], &patch.trampoline)
}

fn trapped(before: &str, behind: &str, number: u32) -> String {
    let lead = bytes("48 89 c8").repeat(40);
    let mut code = [lead.clone(), bytes(before)].concat();
    let syscall = BASE + code.len() as u64;
    code.extend([0x0f, 0x05]);
    code.extend(bytes(behind));
    let patch = lazy::patch(Code { bytes: &code, address: BASE }, syscall, number, TRAMPOLINE, HANDLER).expect("a patch");
    assert!(patch.trampoline.len() <= lazy::MAX_TRAMPOLINE);
    let changes: Vec<(u64, &[u8])> = patch.changes.iter().map(|change| (change.at, &change.bytes[..])).collect();
    format!("form {:?}\n", patch.form) + &report(&code, lead.len(), &changes, &patch.trampoline)
}

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let scanned = SCANNED.iter().map(|(name, code)| (*name, scanned(code)));
    let trapped = TRAPPED.iter().map(|(name, before, behind, number)| (*name, trapped(before, behind, *number)));
    let cases: Vec<(&str, String)> = scanned.chain(trapped).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(&folder).expect("a folder");
        cases.iter().for_each(|(name, text)| std::fs::write(folder.join(name).with_extension("txt"), text).expect("a file"));
    }
    for (name, text) in &cases {
        let golden = std::fs::read_to_string(folder.join(name).with_extension("txt")).unwrap_or_default();
        assert!(*text == golden, "{name} is now\n{text}\nand was\n{golden}");
    }
    assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), cases.len(), "files that belong to no case");
}
