//! winbase.h: initialization files (`[section]`, `key=value`).
//! <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getprivateprofilestringw>

use crate::nls::{ansi_opt, ansi_to_wide, case, wide_opt, wide_to_ansi};
use abi::wide::wide;
use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};

/// The host file: a bare name lies in the Windows folder.
fn host_path(name: &[u16]) -> Result<std::path::PathBuf, Win32Error> {
    use std::os::unix::ffi::OsStringExt;
    let bare = !name.iter().any(|&unit| unit == u16::from(b'\\') || unit == u16::from(b'/') || unit == u16::from(b':'));
    let full = if bare { [wide(r"C:\Windows\"), name.to_vec()].concat() } else { name.to_vec() };
    Ok(std::ffi::OsString::from_vec(ntdll::path::to_host(&full)?).into())
}

/// The file's lines; UTF-16 with a mark, or the ANSI code page.
fn lines(name: &[u16]) -> Vec<Vec<u16>> {
    let Some(bytes) = host_path(name).ok().and_then(|path| std::fs::read(path).ok()) else { return Vec::new() };
    let text = match bytes.strip_prefix(b"\xff\xfe") {
        Some(rest) => rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
        None => ansi_to_wide(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)),
    };
    let mut lines: Vec<Vec<u16>> = text.split(|&unit| unit == 10).map(|line| line.strip_suffix(&[13]).unwrap_or(line).to_vec()).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn trim(text: &[u16]) -> &[u16] {
    let blank = |unit: &u16| *unit == 32 || *unit == 9;
    let start = text.iter().position(|unit| !blank(unit)).unwrap_or(text.len());
    let end = text.iter().rposition(|unit| !blank(unit)).map_or(start, |at| at + 1);
    &text[start..end]
}

fn section_name(line: &[u16]) -> Option<&[u16]> {
    let line = trim(line);
    let rest = line.strip_prefix(&[u16::from(b'[')])?;
    let end = rest.iter().position(|&unit| unit == u16::from(b']')).unwrap_or(rest.len());
    Some(trim(&rest[..end]))
}

/// Key and value of a line; comments begin with a semicolon.
fn entry(line: &[u16]) -> Option<(&[u16], &[u16])> {
    let line = trim(line);
    if line.is_empty() || line[0] == u16::from(b';') {
        return None;
    }
    let equals = line.iter().position(|&unit| unit == u16::from(b'='))?;
    Some((trim(&line[..equals]), trim(&line[equals + 1..])))
}

fn unquote(value: &[u16]) -> &[u16] {
    match value {
        [first, middle @ .., last] if first == last && matches!(*first, 0x22 | 0x27) => middle,
        value => value,
    }
}

/// The lines that belong to a section.
fn section<'a>(lines: &'a [Vec<u16>], name: &[u16]) -> &'a [Vec<u16>] {
    let Some(start) = lines.iter().position(|line| section_name(line).is_some_and(|found| case::equal(found, trim(name)))) else {
        return &[];
    };
    let rest = &lines[start + 1..];
    &rest[..rest.iter().position(|line| section_name(line).is_some()).unwrap_or(rest.len())]
}

/// A value, or a list (each ended by NUL) of the keys of a section or of the sections.
fn query(file: &[u16], wanted: Option<&[u16]>, key: Option<&[u16]>, default: &[u16]) -> (Vec<u16>, bool) {
    let lines = lines(file);
    let list = |names: Vec<&[u16]>| names.into_iter().flat_map(|name| name.iter().copied().chain([0])).collect();
    match (wanted, key) {
        (None, _) => (list(lines.iter().filter_map(|line| section_name(line)).collect()), true),
        (Some(name), None) => (list(section(&lines, name).iter().filter_map(|line| entry(line)).map(|(key, _)| key).collect()), true),
        (Some(name), Some(key)) => {
            let found = section(&lines, name).iter().filter_map(|line| entry(line)).find(|(found, _)| case::equal(found, trim(key)));
            (found.map_or_else(|| trim(default).to_vec(), |(_, value)| unquote(value).to_vec()), false)
        }
    }
}

/// Hands a text or list over, cut to size; the length without the last NULs.
fn give<T: Copy + Default>(text: &[T], list: bool, to: Ptr<T>, size: u32) -> Result<u32, Win32Error> {
    let nuls = if list { 2 } else { 1 };
    if (size as usize) < nuls {
        return Ok(0);
    }
    let cut = &text[..text.len().min(size as usize - nuls)];
    to.write_slice(cut)?;
    to.add(cut.len()).write_slice(&vec![T::default(); nuls][..if list && cut.len() < text.len() { 2 } else { 1 }])?;
    Ok(cut.len() as u32)
}

/// A value of an initialization file, or names of keys or sections.
#[export(kernel32, full)]
pub fn GetPrivateProfileStringW(
    section: PCWSTR,
    key: PCWSTR,
    default: PCWSTR,
    to: PWSTR,
    size: u32,
    file: PCWSTR,
) -> Result<u32, Win32Error> {
    let (section, key, default) = (wide_opt(section)?, wide_opt(key)?, wide_opt(default)?.unwrap_or_default());
    let (text, list) = query(&wide_opt(file)?.unwrap_or_default(), section.as_deref(), key.as_deref(), &default);
    give(&text, list, to, size)
}

/// A value of an initialization file, or names of keys or sections.
#[export(kernel32, full)]
pub fn GetPrivateProfileStringA(section: PCSTR, key: PCSTR, default: PCSTR, to: PSTR, size: u32, file: PCSTR) -> Result<u32, Win32Error> {
    let (section, key, default) = (ansi_opt(section)?, ansi_opt(key)?, ansi_opt(default)?.unwrap_or_default());
    let (text, list) = query(&ansi_opt(file)?.unwrap_or_default(), section.as_deref(), key.as_deref(), &default);
    give(&wide_to_ansi(&text), list, to, size)
}

fn number(text: &[u16], default: i32) -> u32 {
    let text = String::from_utf16_lossy(text);
    let (sign, digits) = text.strip_prefix('-').map_or((1i64, &*text), |rest| (-1, rest));
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()),
    };
    if text.is_empty() { default as u32 } else { parsed.map_or(0, |value: i64| (value * sign) as u32) }
}

/// A number of an initialization file.
#[export(kernel32, full)]
pub fn GetPrivateProfileIntW(section: PCWSTR, key: PCWSTR, default: i32, file: PCWSTR) -> Result<u32, Win32Error> {
    let (text, _) = query(&wide_opt(file)?.unwrap_or_default(), Some(&section.read_wide()?), Some(&key.read_wide()?), &[]);
    Ok(number(&text, default))
}

/// A number of an initialization file.
#[export(kernel32, full)]
pub fn GetPrivateProfileIntA(section: PCSTR, key: PCSTR, default: i32, file: PCSTR) -> Result<u32, Win32Error> {
    let (section, key) = (ansi_opt(section)?.unwrap_or_default(), ansi_opt(key)?.unwrap_or_default());
    let (text, _) = query(&ansi_opt(file)?.unwrap_or_default(), Some(&section), Some(&key), &[]);
    Ok(number(&text, default))
}

/// The names of all sections.
#[export(kernel32, full)]
pub fn GetPrivateProfileSectionNamesW(to: PWSTR, size: u32, file: PCWSTR) -> Result<u32, Win32Error> {
    let (text, list) = query(&wide_opt(file)?.unwrap_or_default(), None, None, &[]);
    give(&text, list, to, size)
}

/// All lines of a section.
#[export(kernel32, full)]
pub fn GetPrivateProfileSectionW(name: PCWSTR, to: PWSTR, size: u32, file: PCWSTR) -> Result<u32, Win32Error> {
    let lines = lines(&wide_opt(file)?.unwrap_or_default());
    let mut text = Vec::new();
    for (key, value) in section(&lines, &name.read_wide()?).iter().filter_map(|line| entry(line)) {
        text.extend_from_slice(key);
        text.push(u16::from(b'='));
        text.extend_from_slice(value);
        text.push(0);
    }
    give(&text, true, to, size)
}

/// Sets a value; no value deletes the key, no key the section.
fn change(file: &[u16], name: &[u16], key: Option<&[u16]>, value: Option<&[u16]>) -> Result<(), Win32Error> {
    let mut lines = lines(file);
    let start = lines.iter().position(|line| section_name(line).is_some_and(|found| case::equal(found, trim(name))));
    let end = |lines: &[Vec<u16>], start: usize| {
        lines[start + 1..].iter().position(|line| section_name(line).is_some()).map_or(lines.len(), |at| start + 1 + at)
    };
    match (start, key, value) {
        (None, Some(key), Some(value)) => {
            lines.push([&[u16::from(b'[')], trim(name), &[u16::from(b']')]].concat());
            lines.push([key, &[u16::from(b'=')], value].concat());
        }
        (None, ..) => return Ok(()),
        (Some(start), None, _) => drop(lines.drain(start..end(&lines, start))),
        (Some(start), Some(key), value) => {
            let end = end(&lines, start);
            let at = (start + 1..end).find(|&at| entry(&lines[at]).is_some_and(|(found, _)| case::equal(found, trim(key))));
            let line = value.map(|value| [key, &[u16::from(b'=')], value].concat());
            match (at, line) {
                (Some(at), Some(line)) => lines[at] = line,
                (Some(at), None) => drop(lines.remove(at)),
                (None, Some(line)) => {
                    // Before the blank lines that end the section.
                    let mut at = end;
                    while at > start + 1 && trim(&lines[at - 1]).is_empty() {
                        at -= 1;
                    }
                    lines.insert(at, line);
                }
                (None, None) => {}
            }
        }
    }
    let text: Vec<u16> = lines.iter().flat_map(|line| line.iter().copied().chain([13, 10])).collect();
    std::fs::write(host_path(file)?, wide_to_ansi(&text)).map_err(|_| Win32Error::ACCESS_DENIED)
}

/// Sets a value of an initialization file.
#[export(kernel32, partial("always written in the ANSI code page"))]
pub fn WritePrivateProfileStringW(section: PCWSTR, key: PCWSTR, value: PCWSTR, file: PCWSTR) -> Result<(), Win32Error> {
    // All null: flush, which is not needed.
    let Some(section) = wide_opt(section)? else { return Ok(()) };
    change(&wide_opt(file)?.unwrap_or_default(), &section, wide_opt(key)?.as_deref(), wide_opt(value)?.as_deref())
}

/// Sets a value of an initialization file.
#[export(kernel32, full)]
pub fn WritePrivateProfileStringA(section: PCSTR, key: PCSTR, value: PCSTR, file: PCSTR) -> Result<(), Win32Error> {
    let Some(section) = ansi_opt(section)? else { return Ok(()) };
    change(&ansi_opt(file)?.unwrap_or_default(), &section, ansi_opt(key)?.as_deref(), ansi_opt(value)?.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean() {
        let line = wide("  Key = \"a b\" ");
        let (key, value) = entry(&line).unwrap();
        assert_eq!((key, unquote(value)), (&wide("Key")[..], &wide("a b")[..]));
        assert!(entry(&wide("; x=1")).is_none());
        assert_eq!(section_name(&wide(" [ A ]")), Some(&wide("A")[..]));
        assert_eq!((number(&wide("0x1F"), 0), number(&wide("-3x"), 0), number(&[], 7)), (31, -3i32 as u32, 7));
    }
}
