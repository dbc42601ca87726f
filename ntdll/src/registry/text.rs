//! The text form of the registry, close to that of .reg files:
//!
//! ```text
//! [HKEY_LOCAL_MACHINE\Software\Vendor]
//! @="default value"
//! "Name"="text"
//! "Count"=dword:0000002a
//! "Big"=qword:000000000000002a
//! "Path"=expand:"%SystemRoot%\\System32"
//! "List"=multi:"one","two"
//! "Blob"=hex:01,02,03
//! "Odd"=hex(8):00
//! ```

use super::store::{Key, Value};

const SZ: u32 = 1;
const EXPAND_SZ: u32 = 2;
const BINARY: u32 = 3;
const DWORD: u32 = 4;
const MULTI_SZ: u32 = 7;
const QWORD: u32 = 11;

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// UTF-16 with one NUL at the end as text; None for anything else, which is written as bytes.
fn as_text(data: &[u8]) -> Option<String> {
    if !data.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let (last, text) = units.split_last()?;
    (*last == 0 && !text.contains(&0)).then(|| String::from_utf16(text).ok()).flatten()
}

fn as_texts(data: &[u8]) -> Option<Vec<String>> {
    let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = units.strip_suffix(&[0, 0])?;
    text.split(|&unit| unit == 0).map(|part| String::from_utf16(part).ok().filter(|part| !part.is_empty())).collect()
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn write_value(out: &mut String, value: &Value) {
    match String::from_utf16(&value.name) {
        Ok(name) if name.is_empty() => out.push('@'),
        Ok(name) => quote(out, &name),
        // A name with lone surrogates cannot be told in UTF-8.
        Err(_) => return,
    }
    out.push('=');
    let number = |size: usize| (value.data.len() == size).then(|| value.data.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b)));
    match (value.kind, number(4), number(8)) {
        (DWORD, Some(n), _) => out.push_str(&format!("dword:{n:08x}")),
        (QWORD, _, Some(n)) => out.push_str(&format!("qword:{n:016x}")),
        _ => match (value.kind, as_text(&value.data), as_texts(&value.data)) {
            (SZ, Some(text), _) => quote(out, &text),
            (EXPAND_SZ, Some(text), _) => {
                out.push_str("expand:");
                quote(out, &text);
            }
            (MULTI_SZ, _, Some(texts)) => {
                out.push_str("multi:");
                for (index, text) in texts.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quote(out, text);
                }
            }
            _ => {
                out.push_str(if value.kind == BINARY { "hex:" } else { "" });
                if value.kind != BINARY {
                    out.push_str(&format!("hex({:x}):", value.kind));
                }
                let bytes: Vec<String> = value.data.iter().map(|byte| format!("{byte:02x}")).collect();
                out.push_str(&bytes.join(","));
            }
        },
    }
    out.push('\n');
}

/// Writes a key and what is below it.
pub fn write(out: &mut String, path: &str, key: &Key) {
    if key.volatile {
        return;
    }
    // A key that only leads to others needs no line of its own.
    if !key.values.is_empty() || key.children.is_empty() {
        out.push_str(&format!("[{path}]\n"));
        for value in &key.values {
            write_value(out, value);
        }
        out.push('\n');
    }
    for child in key.children.values() {
        if let Ok(name) = String::from_utf16(&child.name) {
            write(out, &format!("{path}\\{name}"), child);
        }
    }
}

/// Reads a quoted text off the front.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 2..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
    None
}

fn hex(text: &str) -> Option<Vec<u8>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| u8::from_str_radix(part, 16).ok()).collect()
}

fn parse_value(line: &str) -> Option<Value> {
    let (name, rest) = match line.strip_prefix('@') {
        Some(rest) => (String::new(), rest),
        None => unquote(line)?,
    };
    let rest = rest.strip_prefix('=')?.trim();
    let (kind, data) = if rest.starts_with('"') {
        (SZ, bytes_of(&unquote(rest)?.0))
    } else if let Some(text) = rest.strip_prefix("expand:") {
        (EXPAND_SZ, bytes_of(&unquote(text)?.0))
    } else if let Some(mut text) = rest.strip_prefix("multi:") {
        let mut data = Vec::new();
        while let Some((part, rest)) = unquote(text) {
            data.extend(bytes_of(&part));
            text = rest.strip_prefix(',').unwrap_or("");
        }
        data.extend([0, 0]);
        (MULTI_SZ, data)
    } else if let Some(digits) = rest.strip_prefix("dword:") {
        (DWORD, u32::from_str_radix(digits, 16).ok()?.to_le_bytes().to_vec())
    } else if let Some(digits) = rest.strip_prefix("qword:") {
        (QWORD, u64::from_str_radix(digits, 16).ok()?.to_le_bytes().to_vec())
    } else if let Some(bytes) = rest.strip_prefix("hex:") {
        (BINARY, hex(bytes)?)
    } else {
        let (kind, bytes) = rest.strip_prefix("hex(")?.split_once("):")?;
        (u32::from_str_radix(kind, 16).ok()?, hex(bytes)?)
    };
    Some(Value { name: name.encode_utf16().collect(), kind, data })
}

/// Reads a file's text into a tree. Lines that mean nothing are passed over. `key` makes the key of a path.
pub fn read(text: &str, root: &mut Key, map: impl Fn(&str) -> Option<Vec<Vec<u16>>>) {
    let mut path: Option<Vec<Vec<u16>>> = None;
    let mut joined = String::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(part) = line.strip_suffix('\\')
            && !line.starts_with('[')
        {
            joined.push_str(part);
            continue;
        }
        let whole = if joined.is_empty() { line.to_string() } else { std::mem::take(&mut joined) + line };
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            path = map(name);
            if let Some(path) = &path {
                root.make(path);
            }
        } else if let (Some(path), Some(value)) = (&path, parse_value(&whole)) {
            root.make(path).put(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_round_trip() {
        let text = "[R\\Software\\Ä]\n@=\"d\"\n\"a\\\\b\\\"\"=\"x\\ny\"\n\"n\"=dword:0000002a\n\"q\"=qword:000000000000002a\n\
            \"e\"=expand:\"%A%\\\\b\"\n\"m\"=multi:\"one\",\"two\"\n\"b\"=hex:01,02\n\"o\"=hex(8):00\n\n";
        let mut root = Key::new(Vec::new(), false);
        read(text, &mut root, |path| Some(path.split('\\').map(|part| part.encode_utf16().collect()).collect()));
        let mut out = String::new();
        for child in root.children.values() {
            write(&mut out, &String::from_utf16_lossy(&child.name), child);
        }
        assert_eq!(out, text);
    }
}
