//! io.h's search through folders: _findfirst and its kin.

use crate::codepage;
use crate::errno::Errno;
use crate::invalid;
use crate::io;
use crate::raw;
use crate::sys;
use crate::unit::Unit;
use abi::{Ptr, export};
use ntdll::file::DirEntry;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Entries that searches have not delivered yet, by handle.
static SEARCHES: Mutex<Option<HashMap<i64, std::vec::IntoIter<DirEntry>>>> = Mutex::new(None);

/// `struct _finddata`: attributes, three times, size, name of 260 units.
#[derive(Clone, Copy)]
struct Shape {
    wide_time: bool,
    wide_size: bool,
}

fn put<U: Unit>(to: Ptr<u8>, entry: &DirEntry, shape: Shape) {
    let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
    to.cast::<u32>().set(sys::attributes(&entry.stat));
    let mut at = to.add(if shape.wide_time { 8 } else { 4 });
    for time in [entry.stat.created, entry.stat.accessed, entry.stat.modified] {
        if shape.wide_time {
            at.cast::<i64>().set(seconds(time));
            at = at.add(8);
        } else {
            at.cast::<i32>().set(seconds(time) as i32);
            at = at.add(4);
        }
    }
    let size = if entry.stat.kind == host::file::FileType::Directory { 0 } else { entry.stat.size };
    if shape.wide_size {
        at = Ptr::new(at.addr().next_multiple_of(8));
        at.cast::<u64>().set(size);
        at = at.add(8);
    } else {
        at.cast::<u32>().set(size as u32);
        at = at.add(4);
    }
    let name: Vec<U> = if U::WIDE {
        entry.name.iter().map(|&u| U::of(u.into())).collect()
    } else {
        codepage::narrow(&entry.name).into_iter().map(|b| U::of(b.into())).collect()
    };
    raw::put_z(at.cast(), &name[..name.len().min(259)]);
}

fn first<U: Unit>(pattern: Ptr<U>, to: Ptr<u8>, shape: Shape) -> Result<i64, Errno> {
    invalid::check(!to.is_null())?;
    let pattern = io::path(pattern)?;
    let cut = pattern.iter().rposition(|u| matches!(u, 92 | 47 | 58)).map_or(0, |i| i + 1);
    let (folder, name) = pattern.split_at(cut);
    let folder = if folder.is_empty() { &[u16::from(b'.')] } else { folder };
    let mut entries = sys::list(folder, name).map_err(|_| Errno::ENOENT)?.into_iter();
    let entry = entries.next().ok_or(Errno::ENOENT)?;
    let handle = {
        let mut searches = SEARCHES.lock();
        let map = searches.get_or_insert_with(HashMap::new);
        let handle = (1..).map(|n| n * 4).find(|h| !map.contains_key(h)).unwrap_or(4);
        map.insert(handle, entries);
        handle
    };
    put::<U>(to, &entry, shape);
    Ok(handle)
}

fn next<U: Unit>(handle: i64, to: Ptr<u8>, shape: Shape) -> Result<i32, Errno> {
    invalid::check(!to.is_null())?;
    let entry = {
        let mut searches = SEARCHES.lock();
        let search = searches.as_mut().and_then(|m| m.get_mut(&handle));
        search.ok_or(Errno::EINVAL)?.next()
    };
    put::<U>(to, &entry.ok_or(Errno::ENOENT)?, shape);
    Ok(0)
}

/// Ends a search.
#[export(msvcrt + ucrtbase, full)]
fn _findclose(handle: i64) -> Result<i32, Errno> {
    let gone = SEARCHES.lock().as_mut().and_then(|m| m.remove(&handle));
    gone.map(|_| 0).ok_or(Errno::EINVAL)
}

/// Begins a search: the first match.
#[export(msvcrt + ucrtbase, full)]
fn _findfirst64(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: true })
}

/// The next match of a search.
#[export(msvcrt + ucrtbase, full)]
fn _findnext64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: true, wide_size: true })
}

/// Begins a search: the first match.
#[export(msvcrt + ucrtbase, full)]
fn _findfirst64i32(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: false })
}

/// The next match of a search.
#[export(msvcrt + ucrtbase, full)]
fn _findnext64i32(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: true, wide_size: false })
}

/// Begins a search: the first match.
#[export(ucrtbase, full)]
fn _findfirst32(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: false, wide_size: false })
}

/// The next match of a search.
#[export(ucrtbase, full)]
fn _findnext32(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: false, wide_size: false })
}

/// Begins a search: the first match.
#[export(ucrtbase, full)]
fn _findfirst32i64(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: false, wide_size: true })
}

/// The next match of a search.
#[export(ucrtbase, full)]
fn _findnext32i64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: false, wide_size: true })
}

/// Begins a search: the first match.
#[export(msvcrt, full)]
fn _findfirst(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: false })
}

/// The next match of a search.
#[export(msvcrt, full)]
fn _findnext(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: true, wide_size: false })
}

/// Begins a search: the first match.
#[export(msvcrt, full)]
fn _findfirsti64(pattern: Ptr<u8>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: true })
}

/// The next match of a search.
#[export(msvcrt, full)]
fn _findnexti64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u8>(handle, to, Shape { wide_time: true, wide_size: true })
}

/// Begins a search: the first match.
#[export(msvcrt + ucrtbase, full)]
fn _wfindfirst64(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: true })
}

/// The next match of a search.
#[export(msvcrt + ucrtbase, full)]
fn _wfindnext64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: true, wide_size: true })
}

/// Begins a search: the first match.
#[export(msvcrt + ucrtbase, full)]
fn _wfindfirst64i32(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: false })
}

/// The next match of a search.
#[export(msvcrt + ucrtbase, full)]
fn _wfindnext64i32(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: true, wide_size: false })
}

/// Begins a search: the first match.
#[export(ucrtbase, full)]
fn _wfindfirst32(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: false, wide_size: false })
}

/// The next match of a search.
#[export(ucrtbase, full)]
fn _wfindnext32(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: false, wide_size: false })
}

/// Begins a search: the first match.
#[export(ucrtbase, full)]
fn _wfindfirst32i64(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: false, wide_size: true })
}

/// The next match of a search.
#[export(ucrtbase, full)]
fn _wfindnext32i64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: false, wide_size: true })
}

/// Begins a search: the first match.
#[export(msvcrt, full)]
fn _wfindfirst(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: false })
}

/// The next match of a search.
#[export(msvcrt, full)]
fn _wfindnext(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: true, wide_size: false })
}

/// Begins a search: the first match.
#[export(msvcrt, full)]
fn _wfindfirsti64(pattern: Ptr<u16>, to: Ptr<u8>) -> Result<i64, Errno> {
    first(pattern, to, Shape { wide_time: true, wide_size: true })
}

/// The next match of a search.
#[export(msvcrt, full)]
fn _wfindnexti64(handle: i64, to: Ptr<u8>) -> Result<i32, Errno> {
    next::<u16>(handle, to, Shape { wide_time: true, wide_size: true })
}
