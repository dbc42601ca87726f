//! version.dll: version resources of files.
//! <https://learn.microsoft.com/windows/win32/menurc/version-information>

use abi::wide::wide;
use abi::{PCSTR, PCWSTR, Ptr, Win32Error, export};
use kernel32::nls::{ansi_arg, case, wide_to_ansi};

fn u16_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?).into())
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// RT_VERSION of an image file.
fn resource(file: &[u8]) -> Option<Vec<u8>> {
    let headers = u32_at(file, 0x3c)?;
    if file.get(headers..headers + 4)? != b"PE\0\0" {
        return None;
    }
    let optional = headers + 24;
    let directories = optional + if u16_at(file, optional)? == 0x20b { 112 } else { 96 };
    let rva = u32_at(file, directories + 16)?;
    let sections = optional + u16_at(file, headers + 20)?;
    let count = u16_at(file, headers + 6)?;
    let offset = |rva: usize| {
        (0..count).find_map(|index| {
            let section = sections + index * 40;
            let (start, size, raw) = (u32_at(file, section + 12)?, u32_at(file, section + 16)?, u32_at(file, section + 20)?);
            (start..start + size).contains(&rva).then(|| rva - start + raw)
        })
    };
    let root = offset(rva)?;
    let mut at = root;
    for level in 0..3 {
        let named = u16_at(file, at + 12)?;
        let entries = named + u16_at(file, at + 14)?;
        let entry = (0..entries).map(|index| at + 16 + index * 8).find(|&entry| level != 0 || u32_at(file, entry) == Some(16))?;
        at = root + (u32_at(file, entry + 4)? & 0x7fff_ffff);
    }
    let (data, size) = (offset(u32_at(file, at)?)?, u32_at(file, at + 4)?);
    Some(file.get(data..data + size)?.to_vec())
}

fn load(name: &[u16]) -> Result<Vec<u8>, Win32Error> {
    use std::os::unix::ffi::OsStrExt;
    let host = ntdll::path::to_host(name)?;
    let bytes = std::fs::read(std::ffi::OsStr::from_bytes(&host)).map_err(|_| Win32Error::FILE_NOT_FOUND)?;
    resource(&bytes).ok_or(Win32Error::RESOURCE_TYPE_NOT_FOUND)
}

/// Room that is left behind the resource for texts in the ANSI code page.
fn block(resource: Vec<u8>) -> Vec<u8> {
    let len = resource.len();
    let mut out = resource;
    out.resize(len * 2 + 8, 0);
    out
}

fn size(name: &[u16], unused: Ptr<u32>) -> Result<u32, Win32Error> {
    unused.write_opt(0)?;
    Ok(block(load(name)?).len() as u32)
}

fn give(name: &[u16], capacity: u32, to: Ptr<u8>) -> Result<(), Win32Error> {
    let bytes = block(load(name)?);
    Ok(to.write_slice(&bytes[..bytes.len().min(capacity as usize)])?)
}

/// Bytes that a file's version resource takes.
#[export(version, full)]
pub fn GetFileVersionInfoSizeW(name: PCWSTR, unused: Ptr<u32>) -> Result<u32, Win32Error> {
    size(&name.read_wide()?, unused)
}

/// Bytes that a file's version resource takes.
#[export(version, full)]
pub fn GetFileVersionInfoSizeA(name: PCSTR, unused: Ptr<u32>) -> Result<u32, Win32Error> {
    size(&ansi_arg(name)?, unused)
}

/// Bytes that a file's version resource takes.
#[export(version, full)]
pub fn GetFileVersionInfoSizeExW(_flags: u32, name: PCWSTR, unused: Ptr<u32>) -> Result<u32, Win32Error> {
    size(&name.read_wide()?, unused)
}

/// A file's version resource.
#[export(version, full)]
pub fn GetFileVersionInfoW(name: PCWSTR, _handle: u32, capacity: u32, to: Ptr<u8>) -> Result<(), Win32Error> {
    give(&name.read_wide()?, capacity, to)
}

/// A file's version resource.
#[export(version, full)]
pub fn GetFileVersionInfoA(name: PCSTR, _handle: u32, capacity: u32, to: Ptr<u8>) -> Result<(), Win32Error> {
    give(&ansi_arg(name)?, capacity, to)
}

/// A file's version resource.
#[export(version, full)]
pub fn GetFileVersionInfoExW(_flags: u32, name: PCWSTR, _handle: u32, capacity: u32, to: Ptr<u8>) -> Result<(), Win32Error> {
    give(&name.read_wide()?, capacity, to)
}

/// One node of the resource: where its value starts, the value's length as told, whether it is text, and where
/// its children start and end.
fn node(data: &[u8], at: usize) -> Option<(Vec<u16>, usize, usize, bool, usize, usize)> {
    let (len, value_len, text) = (u16_at(data, at)?, u16_at(data, at + 2)?, u16_at(data, at + 4)? == 1);
    let mut name = Vec::new();
    let mut next = at + 6;
    loop {
        let unit = u16_at(data, next)? as u16;
        next += 2;
        if unit == 0 {
            break;
        }
        name.push(unit);
    }
    let value = at + (next - at).next_multiple_of(4);
    let bytes = if text { value_len * 2 } else { value_len };
    let children = at + (value - at + bytes).next_multiple_of(4);
    Some((name, value, value_len, text, children, at + len))
}

/// Where the value of a path is, its length and whether it is text.
fn query(data: &[u8], path: &[u16]) -> Option<(usize, usize, bool)> {
    let (_, mut value, mut len, mut text, mut children, mut end) = node(data, 0)?;
    for part in path.split(|&unit| unit == u16::from(b'\\')).filter(|part| !part.is_empty()) {
        let mut at = children;
        loop {
            if at + 6 > end {
                return None;
            }
            let found = node(data, at)?;
            if case::equal(&found.0, part) {
                (_, value, len, text, children, end) = found;
                break;
            }
            at += (found.5 - at).max(4).next_multiple_of(4);
        }
    }
    Some((value, len, text))
}

fn read_block(data: Ptr<u8>) -> Result<Vec<u8>, Win32Error> {
    let len = data.cast::<u16>().read()?;
    Ok(data.read_vec(len.into())?)
}

/// A value inside a version resource.
#[export(version, full)]
pub fn VerQueryValueW(data: Ptr<u8>, path: PCWSTR, to: Ptr<usize>, size: Ptr<u32>) -> Result<(), Win32Error> {
    let bytes = read_block(data)?;
    let (value, len, _) = query(&bytes, &path.read_wide()?).ok_or(Win32Error::RESOURCE_TYPE_NOT_FOUND)?;
    to.write(data.addr() + value)?;
    Ok(size.write_opt(len as u32)?)
}

/// A value inside a version resource; text is converted into the room behind it.
#[export(version, full)]
pub fn VerQueryValueA(data: Ptr<u8>, path: PCSTR, to: Ptr<usize>, size: Ptr<u32>) -> Result<(), Win32Error> {
    let bytes = read_block(data)?;
    let (value, len, text) = query(&bytes, &ansi_arg(path)?).ok_or(Win32Error::RESOURCE_TYPE_NOT_FOUND)?;
    if !text {
        to.write(data.addr() + value)?;
        return Ok(size.write_opt(len as u32)?);
    }
    let units: Vec<u16> =
        bytes.get(value..value + len * 2).unwrap_or_default().chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]])).collect();
    let ansi = wide_to_ansi(&units);
    // Each text has its own place: half its offset behind the resource.
    let at = data.addr() + bytes.len() + value / 2;
    Ptr::<u8>::new(at).write_slice(&ansi)?;
    to.write(at)?;
    Ok(size.write_opt(ansi.len() as u32)?)
}

/// Kept for the name: finds where a file should be installed.
#[export(version, stub("says that the current folder is fine"))]
pub fn VerFindFileW() -> u32 {
    let _ = wide("");
    0
}
