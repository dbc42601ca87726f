//! direct.h: folders and drives; and the path functions of stdlib.h.

use crate::codepage;
use crate::errno::Errno;
use crate::invalid;
use crate::io;
use crate::malloc;
use crate::raw;
use crate::sys;
use crate::unit::Unit;
use abi::{Ptr, export};
use host::file::FileType;

const BACKSLASH: u16 = b'\\' as u16;
/// `_MAX_PATH`.
const MAX_PATH: usize = 260;

fn to_units<U: Unit>(path: &[u16]) -> Vec<U> {
    if U::WIDE {
        path.iter().map(|&u| U::of(u.into())).collect()
    } else {
        codepage::narrow(path).into_iter().map(|b| U::of(b.into())).collect()
    }
}

/// Into the caller's buffer, or one of our own when that is null (of at least `size`).
fn give<U: Unit>(to: Ptr<U>, size: i64, path: &[u16]) -> Result<Ptr<U>, Errno> {
    let text: Vec<U> = to_units(path);
    if to.is_null() {
        let count = (text.len() + 1).max(size.max(0) as usize);
        let block = malloc::malloc(count * size_of::<U>()).cast();
        if block.is_null() {
            return Err(Errno::ENOMEM);
        }
        raw::put_z(block, &text);
        return Ok(block);
    }
    invalid::check(size > 0)?;
    if text.len() as i64 >= size {
        to.set(U::default());
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put_z(to, &text);
    Ok(to)
}

fn current() -> Vec<u16> {
    let mut path = ntdll::process::directory();
    if path.len() > 3 && path.last() == Some(&BACKSLASH) {
        path.pop();
    }
    path
}

/// The current folder of a drive (1 is A:).
fn current_of(drive: i32) -> Result<Vec<u16>, Errno> {
    if drive == 0 || drive == current_drive() {
        return Ok(current());
    }
    if !(1..=26).contains(&drive) {
        return Err(invalid::report(Errno::EACCES));
    }
    let letter = b'A' + drive as u8 - 1;
    if !ntdll::path::drives().contains(&letter) {
        return Err(Errno::EACCES);
    }
    Ok(sys::full_path(&[letter.into(), u16::from(b':')])?)
}

fn current_drive() -> i32 {
    match ntdll::process::directory()[..] {
        [letter, colon, ..] if colon == u16::from(b':') => i32::from((letter as u8).to_ascii_uppercase()) - i32::from(b'A') + 1,
        _ => 0,
    }
}

fn change<U: Unit>(path: Ptr<U>) -> Result<i32, Errno> {
    let path = io::path(path)?;
    let mut full = sys::full_path(&path)?;
    if sys::stat_path(&full)?.kind != FileType::Directory {
        return Err(Errno::ENOENT);
    }
    if full.last() != Some(&BACKSLASH) {
        full.push(BACKSLASH);
    }
    ntdll::process::set_directory(full);
    Ok(0)
}

fn make<U: Unit>(path: Ptr<U>) -> Result<i32, Errno> {
    sys::make_dir(&io::path(path)?)?;
    Ok(0)
}

fn remove<U: Unit>(path: Ptr<U>) -> Result<i32, Errno> {
    let path = io::path(path)?;
    if sys::stat_path(&path)?.kind != FileType::Directory {
        return Err(Errno::EINVAL);
    }
    sys::delete(&path, true)?;
    Ok(0)
}

fn full<U: Unit>(to: Ptr<U>, path: Ptr<U>, size: usize) -> Result<Ptr<U>, Errno> {
    let path = if path.is_null() { Vec::new() } else { io::path(path)? };
    let absolute = if path.is_empty() { current() } else { sys::full_path(&path)? };
    give(to, size as i64, &absolute)
}

/// Parts of a path: drive, folder, name, extension.
fn split<U: Unit>(path: &[U]) -> [&[U]; 4] {
    let is = |u: &U, c: u8| u.ascii() == c;
    let drive_end = if path.len() > 1 && is(&path[1], b':') { 2 } else { 0 };
    let (drive, rest) = path.split_at(drive_end);
    let cut = rest.iter().rposition(|u| is(u, b'\\') || is(u, b'/')).map_or(0, |i| i + 1);
    let (folder, file) = rest.split_at(cut);
    let dot = file.iter().rposition(|u| is(u, b'.')).unwrap_or(file.len());
    let (name, extension) = file.split_at(dot);
    [drive, folder, name, extension]
}

fn split_into<U: Unit>(path: Ptr<U>, to: [Ptr<U>; 4]) {
    if invalid::check(!path.is_null()).is_err() {
        return;
    }
    // The buffers are _MAX_DRIVE, _MAX_DIR, _MAX_FNAME and _MAX_EXT long.
    for ((part, to), max) in split(raw::text(path)).into_iter().zip(to).zip([3usize, 256, 256, 256]) {
        if !to.is_null() {
            raw::put_z(to, &part[..part.len().min(max - 1)]);
        }
    }
}

fn split_into_s<U: Unit>(path: Ptr<U>, to: [(Ptr<U>, usize); 4]) -> Result<(), Errno> {
    invalid::check(!path.is_null() && to.iter().all(|(p, size)| p.is_null() == (*size == 0)))?;
    let parts = split(raw::text(path));
    let fits = parts.iter().zip(to).all(|(part, (p, size))| p.is_null() || part.len() < size);
    for (part, (p, _)) in parts.into_iter().zip(to) {
        if !p.is_null() {
            if fits {
                raw::put_z(p, part);
            } else {
                p.set(U::default());
            }
        }
    }
    if fits { Ok(()) } else { Err(invalid::report(Errno::ERANGE)) }
}

fn join<U: Unit>(drive: Ptr<U>, folder: Ptr<U>, name: Ptr<U>, extension: Ptr<U>) -> Vec<U> {
    let text = |p: Ptr<U>| if p.is_null() { &[][..] } else { raw::text(p) };
    let mut out = Vec::new();
    if let Some(&letter) = text(drive).first() {
        out.extend([letter, U::of(b':'.into())]);
    }
    let folder = text(folder);
    out.extend_from_slice(folder);
    if folder.last().is_some_and(|u| !matches!(u.ascii(), b'\\' | b'/')) {
        out.push(U::of(BACKSLASH.into()));
    }
    out.extend_from_slice(text(name));
    let extension = text(extension);
    if extension.first().is_some_and(|u| u.ascii() != b'.') {
        out.push(U::of(b'.'.into()));
    }
    out.extend_from_slice(extension);
    out
}

fn join_s<U: Unit>(to: Ptr<U>, size: usize, path: &[U]) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    if path.len() >= size {
        to.set(U::default());
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put_z(to, path);
    Ok(())
}

/// Looks for a file here and in the folders of a variable; the full path, or nothing.
fn search<U: Unit>(file: Ptr<U>, variable: Ptr<U>, to: Ptr<U>, size: usize) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0 && !file.is_null())?;
    to.set(U::default());
    let file = io::path(file)?;
    if file.is_empty() {
        return Err(Errno::ENOENT);
    }
    let give = |path: &[u16]| -> Result<(), Errno> {
        let text: Vec<U> = to_units(&sys::full_path(path)?);
        if text.len() >= size {
            return Err(Errno::ERANGE);
        }
        raw::put_z(to, &text);
        Ok(())
    };
    if sys::stat_path(&file).is_ok() {
        return give(&file);
    }
    let folders = ntdll::process::variable(&io::path(variable)?).unwrap_or_default();
    for folder in folders.split(|&u| u == u16::from(b';')).filter(|f| !f.is_empty()) {
        let mut path: Vec<u16> = folder.iter().copied().filter(|&u| u != u16::from(b'"')).collect();
        if !matches!(path.last(), Some(92 | 47)) {
            path.push(BACKSLASH);
        }
        path.extend_from_slice(&file);
        if sys::stat_path(&path).is_ok() {
            return give(&path);
        }
    }
    Err(Errno::ENOENT)
}

/// The current folder.
#[export(msvcrt + ucrtbase, full)]
fn _getcwd(to: Ptr<u8>, size: i32) -> Result<Ptr<u8>, Errno> {
    give(to, size.into(), &current())
}

/// The current folder of a drive.
#[export(msvcrt + ucrtbase, full)]
fn _getdcwd(drive: i32, to: Ptr<u8>, size: i32) -> Result<Ptr<u8>, Errno> {
    give(to, size.into(), &current_of(drive)?)
}

/// Changes the current folder.
#[export(msvcrt + ucrtbase, full)]
fn _chdir(path: Ptr<u8>) -> Result<i32, Errno> {
    change(path)
}

/// Makes a folder.
#[export(msvcrt + ucrtbase, full)]
fn _mkdir(path: Ptr<u8>) -> Result<i32, Errno> {
    make(path)
}

/// Removes an empty folder.
#[export(msvcrt + ucrtbase, full)]
fn _rmdir(path: Ptr<u8>) -> Result<i32, Errno> {
    remove(path)
}

/// Makes a path absolute.
#[export(msvcrt + ucrtbase, full)]
fn _fullpath(to: Ptr<u8>, path: Ptr<u8>, size: usize) -> Result<Ptr<u8>, Errno> {
    full(to, path, size)
}

/// Cuts a path into its parts.
#[export(msvcrt + ucrtbase, full)]
fn _splitpath(path: Ptr<u8>, drive: Ptr<u8>, folder: Ptr<u8>, name: Ptr<u8>, extension: Ptr<u8>) {
    split_into(path, [drive, folder, name, extension])
}

/// Cuts a path into its parts.
#[export(msvcrt + ucrtbase, full)]
fn _splitpath_s(
    path: Ptr<u8>,
    drive: Ptr<u8>,
    drive_size: usize,
    folder: Ptr<u8>,
    folder_size: usize,
    name: Ptr<u8>,
    name_size: usize,
    extension: Ptr<u8>,
    extension_size: usize,
) -> Result<(), Errno> {
    split_into_s(path, [(drive, drive_size), (folder, folder_size), (name, name_size), (extension, extension_size)])
}

/// Puts a path together.
#[export(msvcrt + ucrtbase, full)]
fn _makepath(to: Ptr<u8>, drive: Ptr<u8>, folder: Ptr<u8>, name: Ptr<u8>, extension: Ptr<u8>) {
    let path = join(drive, folder, name, extension);
    let _ = join_s(to, MAX_PATH, &path);
}

/// Puts a path together.
#[export(msvcrt + ucrtbase, full)]
fn _makepath_s(to: Ptr<u8>, size: usize, drive: Ptr<u8>, folder: Ptr<u8>, name: Ptr<u8>, extension: Ptr<u8>) -> Result<(), Errno> {
    let path = join(drive, folder, name, extension);
    join_s(to, size, &path)
}

/// Looks for a file in the folders of a variable.
#[export(msvcrt + ucrtbase, full)]
fn _searchenv(file: Ptr<u8>, variable: Ptr<u8>, to: Ptr<u8>) {
    let _ = search(file, variable, to, MAX_PATH);
}

/// Looks for a file in the folders of a variable.
#[export(msvcrt + ucrtbase, full)]
fn _searchenv_s(file: Ptr<u8>, variable: Ptr<u8>, to: Ptr<u8>, size: usize) -> Result<(), Errno> {
    search(file, variable, to, size)
}

/// The current folder.
#[export(msvcrt + ucrtbase, full)]
fn _wgetcwd(to: Ptr<u16>, size: i32) -> Result<Ptr<u16>, Errno> {
    give(to, size.into(), &current())
}

/// The current folder of a drive.
#[export(msvcrt + ucrtbase, full)]
fn _wgetdcwd(drive: i32, to: Ptr<u16>, size: i32) -> Result<Ptr<u16>, Errno> {
    give(to, size.into(), &current_of(drive)?)
}

/// Changes the current folder.
#[export(msvcrt + ucrtbase, full)]
fn _wchdir(path: Ptr<u16>) -> Result<i32, Errno> {
    change(path)
}

/// Makes a folder.
#[export(msvcrt + ucrtbase, full)]
fn _wmkdir(path: Ptr<u16>) -> Result<i32, Errno> {
    make(path)
}

/// Removes an empty folder.
#[export(msvcrt + ucrtbase, full)]
fn _wrmdir(path: Ptr<u16>) -> Result<i32, Errno> {
    remove(path)
}

/// Makes a path absolute.
#[export(msvcrt + ucrtbase, full)]
fn _wfullpath(to: Ptr<u16>, path: Ptr<u16>, size: usize) -> Result<Ptr<u16>, Errno> {
    full(to, path, size)
}

/// Cuts a path into its parts.
#[export(msvcrt + ucrtbase, full)]
fn _wsplitpath(path: Ptr<u16>, drive: Ptr<u16>, folder: Ptr<u16>, name: Ptr<u16>, extension: Ptr<u16>) {
    split_into(path, [drive, folder, name, extension])
}

/// Cuts a path into its parts.
#[export(msvcrt + ucrtbase, full)]
fn _wsplitpath_s(
    path: Ptr<u16>,
    drive: Ptr<u16>,
    drive_size: usize,
    folder: Ptr<u16>,
    folder_size: usize,
    name: Ptr<u16>,
    name_size: usize,
    extension: Ptr<u16>,
    extension_size: usize,
) -> Result<(), Errno> {
    split_into_s(path, [(drive, drive_size), (folder, folder_size), (name, name_size), (extension, extension_size)])
}

/// Puts a path together.
#[export(msvcrt + ucrtbase, full)]
fn _wmakepath(to: Ptr<u16>, drive: Ptr<u16>, folder: Ptr<u16>, name: Ptr<u16>, extension: Ptr<u16>) {
    let path = join(drive, folder, name, extension);
    let _ = join_s(to, MAX_PATH, &path);
}

/// Puts a path together.
#[export(msvcrt + ucrtbase, full)]
fn _wmakepath_s(to: Ptr<u16>, size: usize, drive: Ptr<u16>, folder: Ptr<u16>, name: Ptr<u16>, extension: Ptr<u16>) -> Result<(), Errno> {
    let path = join(drive, folder, name, extension);
    join_s(to, size, &path)
}

/// Looks for a file in the folders of a variable.
#[export(msvcrt + ucrtbase, full)]
fn _wsearchenv(file: Ptr<u16>, variable: Ptr<u16>, to: Ptr<u16>) {
    let _ = search(file, variable, to, MAX_PATH);
}

/// Looks for a file in the folders of a variable.
#[export(msvcrt + ucrtbase, full)]
fn _wsearchenv_s(file: Ptr<u16>, variable: Ptr<u16>, to: Ptr<u16>, size: usize) -> Result<(), Errno> {
    search(file, variable, to, size)
}

/// The current drive: 1 is A:.
#[export(msvcrt + ucrtbase, full)]
fn _getdrive() -> i32 {
    current_drive()
}

/// The drives, one bit each.
#[export(msvcrt + ucrtbase, full)]
fn _getdrives() -> u32 {
    ntdll::path::drives().iter().map(|d| 1u32 << (d - b'A')).sum()
}

/// Changes the current drive.
#[export(msvcrt + ucrtbase, full)]
fn _chdrive(drive: i32) -> Result<i32, Errno> {
    let mut path = current_of(drive)?;
    if path.last() != Some(&BACKSLASH) {
        path.push(BACKSLASH);
    }
    ntdll::process::set_directory(path);
    Ok(0)
}
