//! Paths as text: full, long, short, temporary.

use crate::nls::ansi_arg;
use crate::processenv::give_text;
use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use ntdll::file::Disposition;
use ntdll::{nls, path, process};

/// Makes a path absolute. `file` gets the address of its last part.
#[export(kernel32, full)]
pub fn GetFullPathNameW(name: PCWSTR, size: u32, to: PWSTR, file: Ptr<PWSTR>) -> Result<u32, Win32Error> {
    let full = path::full_path(&name.read_wide()?)?;
    let len = give_text(&full, to, size)?;
    if !file.is_null() {
        let at = full.iter().rposition(|&u| u == u16::from(b'\\')).map_or(0, |at| at + 1);
        file.write(if (len as usize) == full.len() && at < full.len() { to.add(at) } else { Ptr::NULL })?;
    }
    Ok(len)
}

/// GetFullPathNameW in ANSI.
#[export(kernel32, full)]
pub fn GetFullPathNameA(name: PCSTR, size: u32, to: PSTR, file: Ptr<PSTR>) -> Result<u32, Win32Error> {
    let full = nls::wide_to_ansi(&path::full_path(&ansi_arg(name)?)?);
    let len = give_text(&full, to, size)?;
    if !file.is_null() {
        let at = full.iter().rposition(|&u| u == b'\\').map_or(0, |at| at + 1);
        file.write(if (len as usize) == full.len() && at < full.len() { to.add(at) } else { Ptr::NULL })?;
    }
    Ok(len)
}

/// The path with each part spelled as on disk.
fn long_path(name: &[u16]) -> Result<Vec<u16>, Win32Error> {
    let host = path::to_host(name)?;
    host::file::stat_link(&host).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    // Only the spelling of parts that the caller wrote changes; the form of the path stays.
    let real = path::from_host(&host).ok_or(Win32Error::PATH_NOT_FOUND)?;
    let is_separator = |u: &u16| *u == u16::from(b'\\') || *u == u16::from(b'/');
    let mut parts: Vec<Vec<u16>> = name.split(|u| is_separator(u)).map(<[u16]>::to_vec).collect();
    let mut reals = real.split(|u| is_separator(u)).rev().filter(|p| !p.is_empty());
    for part in parts.iter_mut().rev().filter(|p| !p.is_empty()) {
        match reals.next() {
            Some(real) if path::eq_name(real, part) => *part = real.to_vec(),
            _ => break,
        }
    }
    Ok(parts.join(&u16::from(b'\\')))
}

/// The long form of a path: there are no short names, so its parts as spelled on disk.
#[export(kernel32, full)]
pub fn GetLongPathNameW(name: PCWSTR, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    give_text(&long_path(&name.read_wide()?)?, to, size)
}

/// GetLongPathNameW in ANSI.
#[export(kernel32, full)]
pub fn GetLongPathNameA(name: PCSTR, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    give_text(&nls::wide_to_ansi(&long_path(&ansi_arg(name)?)?), to, size)
}

/// The short form of a path: volumes without short names give the long one, as on Windows.
#[export(kernel32, full)]
pub fn GetShortPathNameW(name: PCWSTR, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    let text = name.read_wide()?;
    long_path(&text)?;
    give_text(&text, to, size)
}

/// GetShortPathNameW in ANSI.
#[export(kernel32, full)]
pub fn GetShortPathNameA(name: PCSTR, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    let text = name.read_bytes()?;
    long_path(&nls::ansi_to_wide(&text))?;
    give_text(&text, to, size)
}

fn temp_path() -> Vec<u16> {
    let variable = |name: &str| process::variable(&abi::wide::wide(name)).filter(|v| !v.is_empty());
    let mut path =
        variable("TMP").or_else(|| variable("TEMP")).or_else(|| variable("USERPROFILE")).unwrap_or_else(|| abi::wide::wide("C:\\Windows"));
    path = path::full_path(&path).unwrap_or(path);
    if path.last() != Some(&u16::from(b'\\')) {
        path.push(b'\\'.into());
    }
    path
}

/// The folder for temporary files.
#[export(kernel32, full)]
pub fn GetTempPathW(size: u32, to: PWSTR) -> Result<u32, Win32Error> {
    give_text(&temp_path(), to, size)
}

/// GetTempPathW in ANSI.
#[export(kernel32, full)]
pub fn GetTempPathA(size: u32, to: PSTR) -> Result<u32, Win32Error> {
    give_text(&nls::wide_to_ansi(&temp_path()), to, size)
}

/// The folder for temporary files.
#[export(kernel32, full)]
pub fn GetTempPath2W(size: u32, to: PWSTR) -> Result<u32, Win32Error> {
    GetTempPathW(size, to)
}

/// A name for a temporary file; with `unique` 0 it is created. Returns the name and its number.
fn temp_name(folder: &[u16], prefix: &[u16], unique: u32) -> Result<(Vec<u16>, u32), Win32Error> {
    let mut base = path::full_path(folder)?;
    if base.last() != Some(&u16::from(b'\\')) {
        base.push(b'\\'.into());
    }
    let name = |number: u32| [&base[..], &prefix[..prefix.len().min(3)], &abi::wide::wide(&format!("{number:X}.tmp"))].concat();
    if unique & 0xffff != 0 {
        return Ok((name(unique & 0xffff), unique));
    }
    let mut seed = [0u8; 2];
    host::process::random(&mut seed);
    let start = u32::from(u16::from_le_bytes(seed));
    for step in 0..0xffff {
        let number = (start + step) & 0xffff;
        if number == 0 {
            continue;
        }
        let full = name(number);
        match super::open_file(&full, ntdll::access::FILE_GENERIC_WRITE, 0, Disposition::Create, 0x60, 0) {
            Ok(_) => return Ok((full, number)),
            Err(Win32Error::ALREADY_EXISTS) => {}
            Err(Win32Error::PATH_NOT_FOUND) => return Err(Win32Error::DIRECTORY),
            Err(error) => return Err(error),
        }
    }
    Err(Win32Error::FILE_EXISTS)
}

/// A name for a temporary file; with `unique` 0 it is created.
#[export(kernel32, full)]
pub fn GetTempFileNameW(folder: PCWSTR, prefix: PCWSTR, unique: u32, to: PWSTR) -> Result<u32, Win32Error> {
    let (name, number) = temp_name(&folder.read_wide()?, &crate::nls::wide_opt(prefix)?.unwrap_or_default(), unique)?;
    give_text(&name, to, 260)?;
    Ok(number)
}

/// GetTempFileNameW in ANSI.
#[export(kernel32, full)]
pub fn GetTempFileNameA(folder: PCSTR, prefix: PCSTR, unique: u32, to: PSTR) -> Result<u32, Win32Error> {
    let (name, number) = temp_name(&ansi_arg(folder)?, &crate::nls::ansi_opt(prefix)?.unwrap_or_default(), unique)?;
    give_text(&nls::wide_to_ansi(&name), to, 260)?;
    Ok(number)
}
