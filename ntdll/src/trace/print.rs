//! How arguments and results read.

use super::frame::{Frame, Result};
use abi::export::Export;
use abi::{NTSTATUS, Ptr, Win32Error, teb};
use std::fmt::Write;

/// Longest piece of a string that is shown, in characters.
const SHOWN: usize = 80;

/// All arguments of a call, by name.
pub fn arguments(export: &Export, frame: Frame) -> String {
    let mut text = String::new();
    for (index, (name, kind)) in export.params().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{separator}{name}: {}", argument(kind, name, index, frame));
    }
    if export.kind() == abi::export::Kind::Variadic {
        text.push_str(if text.is_empty() { "…" } else { ", …" });
    }
    text
}

/// One argument.
pub fn argument(kind: &str, name: &str, index: usize, frame: Frame) -> String {
    let raw = frame.slot(index);
    match kind {
        "f64" => f64::from_bits(frame.float(index)).to_string(),
        "f32" => f32::from_bits(frame.float(index) as u32).to_string(),
        _ => value(kind, name, raw),
    }
}

fn value(kind: &str, name: &str, raw: u64) -> String {
    let plain = kind.rsplit("::").next().unwrap_or(kind);
    match plain {
        "PCWSTR" => wide_string(raw),
        "PCSTR" => narrow_string(raw),
        "Ptr<u8>" if is_text(name) => narrow_string(raw),
        "Ptr<u16>" if is_text(name) => wide_string(raw),
        "Ptr<UnicodeString>" => unicode_string(raw as usize),
        // OBJECT_ATTRIBUTES: the name's address is the third word.
        "Ptr<ObjectAttributes>" => Ptr::<usize>::new(raw as usize + 16).read().map_or_else(|_| address(raw), unicode_string),
        "BOOL" => if raw as u32 != 0 { "TRUE" } else { "FALSE" }.into(),
        "bool" => if raw as u8 != 0 { "TRUE" } else { "FALSE" }.into(),
        "HANDLE" | "FileHandle" => handle(raw),
        "GuestFn" => code_address(raw as usize),
        "u8" => (raw as u8).to_string(),
        "u16" => (raw as u16).to_string(),
        "u32" => number(u64::from(raw as u32), name),
        "i32" => (raw as i32).to_string(),
        "i64" | "isize" => (raw as i64).to_string(),
        "u64" | "usize" => number(raw, name),
        "NTSTATUS" => NTSTATUS(raw as u32).to_string(),
        "Win32Error" => Win32Error(raw as u32).to_string(),
        _ => address(raw),
    }
}

/// Names of parameters of the C runtimes that hold text; their type says only what a character is.
fn is_text(name: &str) -> bool {
    matches!(name, "name" | "path" | "format" | "mode" | "text" | "string" | "command" | "from" | "old" | "new" | "file")
}

/// Small numbers in decimal, flags and large ones in hexadecimal.
fn number(value: u64, name: &str) -> String {
    const BITS: &[&str] = &["flags", "access", "attributes", "share", "options", "protect", "mask"];
    if value < 10 || value < 0x10_0000 && !BITS.iter().any(|bits| name.contains(bits)) { value.to_string() } else { format!("{value:#x}") }
}

fn address(raw: u64) -> String {
    if raw == 0 { "NULL".into() } else { format!("{raw:#x}") }
}

fn handle(raw: u64) -> String {
    match raw as i64 {
        0 => "NULL".into(),
        -1 => "-1".into(),
        small @ -12..=-2 => small.to_string(),
        _ => format!("{raw:#x}"),
    }
}

fn code_address(at: usize) -> String {
    match crate::ldr::module_of(at) {
        Some(module) => format!("{}+{:#x}", abi::wide::display(&module.name), at - module.base),
        None => address(at as u64),
    }
}

fn quoted(text: &str, cut: bool) -> String {
    format!("{text:?}{}", if cut { "…" } else { "" })
}

fn wide_string(raw: u64) -> String {
    // A number below 64 Ki stands for an atom or a resource.
    if raw < 0x1_0000 {
        return if raw == 0 { "NULL".into() } else { format!("#{raw}") };
    }
    let units: Vec<u16> =
        (0..=SHOWN).map_while(|index| Ptr::<u16>::new(raw as usize + index * 2).read().ok().filter(|&unit| unit != 0)).collect();
    quoted(&String::from_utf16_lossy(&units[..units.len().min(SHOWN)]), units.len() > SHOWN)
}

fn narrow_string(raw: u64) -> String {
    if raw < 0x1_0000 {
        return if raw == 0 { "NULL".into() } else { format!("#{raw}") };
    }
    let bytes: Vec<u8> =
        (0..=SHOWN).map_while(|index| Ptr::<u8>::new(raw as usize + index).read().ok().filter(|&byte| byte != 0)).collect();
    quoted(&String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]), bytes.len() > SHOWN)
}

/// UNICODE_STRING: bytes, room, address.
fn unicode_string(at: usize) -> String {
    let read = || -> std::result::Result<String, abi::fault::Fault> {
        let length = usize::from(Ptr::<u16>::new(at).read()?) / 2;
        let units = Ptr::<u16>::new(Ptr::<usize>::new(at + 8).read()?).read_vec(length.min(SHOWN * 4))?;
        Ok(quoted(&String::from_utf16_lossy(&units), false))
    };
    read().unwrap_or_else(|_| address(at as u64))
}

/// What a call returned, and why if it failed. Empty for functions without a result.
pub fn result(export: &Export, result: Result) -> String {
    let kind = export.result();
    let (kind, error) = match kind.strip_prefix("Result<").and_then(|rest| rest.strip_suffix('>')) {
        Some(both) => both.rsplit_once(',').unwrap_or((both, "")),
        None => (kind, ""),
    };
    let rax = result.rax;
    match error.rsplit("::").next().unwrap_or("") {
        "Win32Error" => {
            let (text, failed) = match kind {
                "()" => ((if rax as u32 != 0 { "TRUE" } else { "FALSE" }).to_string(), rax as u32 == 0),
                _ if kind.ends_with("FileHandle") => (handle(rax), rax == u64::MAX),
                "u8" | "u16" | "u32" | "i32" | "BOOL" => (value(kind, "", rax), rax as u32 == 0),
                _ => (value(kind, "", rax), rax == 0),
            };
            let error = teb::last_error();
            if failed && error.0 != 0 { format!("{text} {error}") } else { text }
        }
        "NTSTATUS" => NTSTATUS(rax as u32).to_string(),
        _ => match kind {
            "()" if error.is_empty() => String::new(),
            "()" => (rax as i32).to_string(),
            "f64" => f64::from_bits(result.xmm0).to_string(),
            "f32" => f32::from_bits(result.xmm0 as u32).to_string(),
            _ => value(kind, "", rax),
        },
    }
}
