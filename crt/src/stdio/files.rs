//! Files by name: removing, renaming, temporary names; and perror.

use super::*;
use crate::invalid;
use crate::sys;
use crate::unit::units;

fn remove_file<U: Unit>(name: Ptr<U>) -> Result<i32, Errno> {
    sys::delete(&io::path(name)?, false)?;
    Ok(0)
}

fn rename_file<U: Unit>(old: Ptr<U>, new: Ptr<U>) -> Result<i32, Errno> {
    sys::rename(&io::path(old)?, &io::path(new)?).map_err(|e| match e.0 {
        80 | 183 => Errno::EEXIST,
        _ => e.into(),
    })?;
    Ok(0)
}

fn report<U: Unit>(prefix: Ptr<U>) {
    let mut text: Vec<u8> = Vec::new();
    if !prefix.is_null() && !prefix.get().is_nul() {
        let prefix: Vec<u16> = raw::text(prefix).iter().map(|u| u.code() as u16).collect();
        text = if U::WIDE { codepage::from_wide_lossy(locale::page(), &prefix) } else { prefix.iter().map(|&u| u as u8).collect() };
        text.extend(b": ");
    }
    text.extend(crate::errno::message(crate::errno::errno()).bytes());
    text.push(b'\n');
    let _ = write_text(iob(2), &text);
}

/// A number that differs at each call in this process, and between processes.
fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    u64::from(host::process::id()) << 16 | count
}

/// The folder for temporary files, with a backslash at its end.
fn temp_folder() -> Vec<u16> {
    let value = ["TMP", "TEMP"].iter().find_map(|n| ntdll::process::variable(&abi::wide::wide(n)));
    let mut folder = value.unwrap_or_else(|| abi::wide::wide("C:\\"));
    if folder.last() != Some(&u16::from(b'\\')) {
        folder.push(u16::from(b'\\'));
    }
    folder
}

fn to_units<U: Unit>(path: &[u16]) -> Vec<U> {
    if U::WIDE {
        path.iter().map(|&u| U::of(u.into())).collect()
    } else {
        codepage::narrow(path).into_iter().map(|b| U::of(b.into())).collect()
    }
}

/// A name that no file has.
fn temp_name(folder: &[u16], prefix: &str) -> Vec<u16> {
    loop {
        let name = [folder, &abi::wide::wide(&format!("{prefix}{:x}.tmp", unique()))].concat();
        if sys::stat_path(&name).is_err() {
            return name;
        }
    }
}

/// tmpnam: into the caller's buffer, or a static one.
fn temp_into<U: Unit>(to: Ptr<U>) -> Ptr<U> {
    static OWN: Shared<[u16; 260]> = Shared::new([0; 260]);
    let to = if to.is_null() { OWN.ptr().cast() } else { to };
    let name: Vec<U> = to_units(&temp_name(&temp_folder(), "s"));
    raw::put_z(to, &name[..name.len().min(259)]);
    to
}

fn temp_into_s<U: Unit>(to: Ptr<U>, size: usize) -> Result<(), Errno> {
    invalid::check(!to.is_null())?;
    let name: Vec<U> = to_units(&temp_name(&temp_folder(), "s"));
    if name.len() >= size {
        if size > 0 {
            to.set(U::default());
        }
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put_z(to, &name);
    Ok(())
}

fn temp_allocated<U: Unit>(folder: Ptr<U>, prefix: Ptr<U>) -> Ptr<U> {
    let asked = (!folder.is_null()).then(|| io::path(folder).ok()).flatten();
    let mut at = ntdll::process::variable(&abi::wide::wide("TMP")).or(asked).unwrap_or_else(temp_folder);
    if at.last() != Some(&u16::from(b'\\')) {
        at.push(u16::from(b'\\'));
    }
    let prefix = if prefix.is_null() { String::new() } else { String::from_utf16_lossy(&io::path(prefix).unwrap_or_default()) };
    let name: Vec<U> = to_units(&temp_name(&at, &prefix));
    let to = malloc::malloc((name.len() + 1) * size_of::<U>()).cast();
    if !to.is_null() {
        raw::put_z(to, &name);
    }
    to
}

/// _mktemp: six X at the end become a letter and five digits.
fn from_template<U: Unit>(template: Ptr<U>, size: usize) -> Result<(), Errno> {
    invalid::check(!template.is_null())?;
    let length = raw::length_max(template, size);
    let six = length.wrapping_sub(6);
    invalid::check(length < size && length >= 6 && (six..length).all(|i| template.add(i).get().ascii() == b'X'))?;
    for letter in b'a'..=b'z' {
        let tail = format!("{}{:05}", letter as char, host::process::id() % 100_000);
        raw::put(template.add(six), &units::<U>(&tail));
        if sys::stat_path(&io::path(template)?).is_err() {
            return Ok(());
        }
    }
    template.set(U::default());
    Err(Errno::EEXIST)
}

fn temp_stream() -> Result<Ptr<File>, Errno> {
    let name = temp_name(&temp_folder(), "t");
    // Read and write, deleted when closed.
    let fd = io::open(&name, io::O_CREAT | io::O_EXCL | io::O_RDWR | io::O_BINARY | 0x40, io::SHARE_ALL, 0x180)?;
    super::open::open_fd(fd, Ptr::of(c"w+b".as_ptr().cast::<u8>()))
}

/// Deletes a file.
#[export(msvcrt + ucrtbase, full)]
pub fn remove(name: Ptr<u8>) -> Result<i32, Errno> {
    remove_file(name)
}

/// Deletes a file.
#[export(msvcrt + ucrtbase, full)]
pub fn _wremove(name: Ptr<u16>) -> Result<i32, Errno> {
    remove_file(name)
}

/// Deletes a file.
#[export(msvcrt + ucrtbase, full)]
pub fn _unlink(name: Ptr<u8>) -> Result<i32, Errno> {
    remove_file(name)
}

/// Deletes a file.
#[export(msvcrt + ucrtbase, full)]
pub fn _wunlink(name: Ptr<u16>) -> Result<i32, Errno> {
    remove_file(name)
}

/// Renames a file or folder.
#[export(msvcrt + ucrtbase, full)]
pub fn rename(old: Ptr<u8>, new: Ptr<u8>) -> Result<i32, Errno> {
    rename_file(old, new)
}

/// Renames a file or folder.
#[export(msvcrt + ucrtbase, full)]
pub fn _wrename(old: Ptr<u16>, new: Ptr<u16>) -> Result<i32, Errno> {
    rename_file(old, new)
}

/// Writes the message of errno to stderr.
#[export(msvcrt + ucrtbase, full)]
pub fn perror(prefix: Ptr<u8>) {
    report(prefix)
}

/// Writes the message of errno to stderr.
#[export(msvcrt + ucrtbase, full)]
pub fn _wperror(prefix: Ptr<u16>) {
    report(prefix)
}

/// A name for a temporary file.
#[export(msvcrt + ucrtbase, full)]
pub fn tmpnam(to: Ptr<u8>) -> Ptr<u8> {
    temp_into(to)
}

/// A name for a temporary file.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtmpnam(to: Ptr<u16>) -> Ptr<u16> {
    temp_into(to)
}

/// A name for a temporary file.
#[export(msvcrt + ucrtbase, full)]
pub fn tmpnam_s(to: Ptr<u8>, size: usize) -> Result<(), Errno> {
    temp_into_s(to, size)
}

/// A name for a temporary file.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtmpnam_s(to: Ptr<u16>, size: usize) -> Result<(), Errno> {
    temp_into_s(to, size)
}

/// A name for a temporary file, in a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _tempnam(folder: Ptr<u8>, prefix: Ptr<u8>) -> Ptr<u8> {
    temp_allocated(folder, prefix)
}

/// A name for a temporary file, in a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtempnam(folder: Ptr<u16>, prefix: Ptr<u16>) -> Ptr<u16> {
    temp_allocated(folder, prefix)
}

/// Makes a template a name that no file has.
#[export(msvcrt + ucrtbase, full)]
pub fn _mktemp(template: Ptr<u8>) -> Ptr<u8> {
    from_template(template, usize::MAX).map_or(Ptr::NULL, |()| template)
}

/// Makes a template a name that no file has.
#[export(msvcrt + ucrtbase, full)]
pub fn _wmktemp(template: Ptr<u16>) -> Ptr<u16> {
    from_template(template, usize::MAX).map_or(Ptr::NULL, |()| template)
}

/// Makes a template a name that no file has.
#[export(msvcrt + ucrtbase, full)]
pub fn _mktemp_s(template: Ptr<u8>, size: usize) -> Result<(), Errno> {
    from_template(template, size)
}

/// Makes a template a name that no file has.
#[export(msvcrt + ucrtbase, full)]
pub fn _wmktemp_s(template: Ptr<u16>, size: usize) -> Result<(), Errno> {
    from_template(template, size)
}

/// Opens a temporary file that goes when it is closed.
#[export(msvcrt + ucrtbase, full)]
pub fn tmpfile() -> Result<Ptr<File>, Errno> {
    temp_stream()
}

/// Opens a temporary file that goes when it is closed.
#[export(msvcrt + ucrtbase, full)]
pub fn tmpfile_s(file: Ptr<Ptr<File>>) -> Result<(), Errno> {
    invalid::check(!file.is_null())?;
    file.set(Ptr::NULL);
    file.set(temp_stream()?);
    Ok(())
}

/// Closes and deletes temporary files; they go by themselves.
#[export(msvcrt + ucrtbase, stub("temporary files go when they are closed"))]
pub fn _rmtmp() -> i32 {
    0
}
