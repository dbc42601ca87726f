//! sys/stat.h and sys/utime.h: what files are, and setting their times and modes.

use crate::errno::Errno;
use crate::invalid;
use crate::io::{self, table};
use crate::sys;
use crate::unit::Unit;
use abi::{Ptr, export};
use host::file::{FileType, Stat};

/// Sizes of the fields that the variants of `struct stat` differ in: (size, time) in bytes.
#[derive(Clone, Copy)]
enum Shape {
    /// `_stat64`: both 64 bits.
    S64T64,
    /// `_stat64i32`: size 32 bits, times 64.
    S32T64,
    /// `_stat32`.
    S32T32,
    /// `_stat32i64`.
    S64T32,
}

const DIRECTORY: u16 = 0x4000;
const CHARACTER: u16 = 0x2000;
const FIFO: u16 = 0x1000;
const REGULAR: u16 = 0x8000;

struct Facts {
    device: u32,
    mode: u16,
    links: i16,
    size: i64,
    /// Accessed, modified, created: seconds since 1970.
    times: [i64; 3],
}

fn put(to: Ptr<u8>, facts: &Facts, shape: Shape) -> Result<i32, Errno> {
    let wide_size = matches!(shape, Shape::S64T64 | Shape::S64T32);
    if !wide_size && i32::try_from(facts.size).is_err() {
        return Err(Errno(132));
    }
    to.cast::<u32>().set(facts.device);
    to.add(4).cast::<u16>().set(0);
    to.add(6).cast::<u16>().set(facts.mode);
    to.add(8).cast::<i16>().set(facts.links);
    to.add(10).cast::<u16>().set(0);
    to.add(12).cast::<u16>().set(0);
    to.add(16).cast::<u32>().set(facts.device);
    let mut at = if wide_size {
        to.add(24).cast::<i64>().set(facts.size);
        to.add(32)
    } else {
        to.add(20).cast::<i32>().set(facts.size as i32);
        to.add(24)
    };
    for time in facts.times {
        if matches!(shape, Shape::S64T64 | Shape::S32T64) {
            at.cast::<i64>().set(time);
            at = at.add(8);
        } else {
            at.cast::<i32>().set(time as i32);
            at = at.add(4);
        }
    }
    Ok(0)
}

fn facts(stat: &Stat, device: u32, executable: bool) -> Facts {
    let kind = match stat.kind {
        FileType::Directory => DIRECTORY | 0o111,
        FileType::CharDevice => CHARACTER,
        FileType::Fifo | FileType::Socket => FIFO,
        _ => REGULAR | if executable { 0o111 } else { 0 },
    };
    let write = if sys::attributes(stat) & 1 != 0 && stat.kind != FileType::Directory { 0 } else { 0o222 };
    let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
    let size = if stat.kind == FileType::Regular { stat.size as i64 } else { 0 };
    Facts {
        device,
        mode: kind | 0o444 | write,
        links: 1,
        size,
        times: [seconds(stat.accessed), seconds(stat.modified), seconds(stat.created)],
    }
}

fn by_name<U: Unit>(name: Ptr<U>, to: Ptr<u8>, shape: Shape) -> Result<i32, Errno> {
    invalid::check(!name.is_null() && !to.is_null())?;
    let path = io::path(name)?;
    if path.iter().any(|&u| u == u16::from(b'*') || u == u16::from(b'?')) {
        return Err(Errno::ENOENT);
    }
    let stat = sys::stat_path(&path).map_err(|_| Errno::ENOENT)?;
    let full = sys::full_path(&path).unwrap_or_default();
    // A: is 0.
    let drive = full.first().map_or(0, |&u| u32::from((u as u8).to_ascii_uppercase().saturating_sub(b'A')));
    let name = String::from_utf16_lossy(&path).to_ascii_lowercase();
    let executable = [".exe", ".com", ".bat", ".cmd"].iter().any(|e| name.ends_with(e));
    put(to, &facts(&stat, drive, executable), shape)
}

fn by_fd(fd: i32, to: Ptr<u8>, shape: Shape) -> Result<i32, Errno> {
    invalid::check(!to.is_null())?;
    let row = table::open_row(fd).map_err(invalid::report)?;
    let mut facts = facts(&sys::stat(row.handle())?, 0, false);
    if row.has(table::DEVICE) {
        facts = Facts { device: fd as u32, mode: CHARACTER, size: 0, times: [0; 3], links: 1 };
    } else if row.has(table::PIPE) {
        facts = Facts { device: fd as u32, mode: FIFO, times: [0; 3], links: 1, ..facts };
    }
    put(to, &facts, shape)
}

fn access<U: Unit>(name: Ptr<U>, mode: i32) -> Result<(), Errno> {
    invalid::check(!name.is_null() && mode & !6 == 0)?;
    let stat = sys::stat_path(&io::path(name)?)?;
    if mode & 2 != 0 && stat.kind != FileType::Directory && sys::attributes(&stat) & 1 != 0 {
        return Err(Errno::EACCES);
    }
    Ok(())
}

fn change_mode<U: Unit>(name: Ptr<U>, mode: i32) -> Result<i32, Errno> {
    sys::set_read_only(&io::path(name)?, mode & 0x80 == 0)?;
    Ok(0)
}

/// Nanoseconds since 1970 of the two times at `times`; now when there are none.
fn times(times: Option<(i64, i64)>) -> (i64, i64) {
    let now = host::time::realtime_ns() as i64;
    times.map_or((now, now), |(a, m)| (a.saturating_mul(1_000_000_000), m.saturating_mul(1_000_000_000)))
}

fn read64(at: Ptr<i64>) -> Option<(i64, i64)> {
    (!at.is_null()).then(|| (at.get(), at.add(1).get()))
}

fn read32(at: Ptr<i32>) -> Option<(i64, i64)> {
    (!at.is_null()).then(|| (at.get().into(), at.add(1).get().into()))
}

fn touch<U: Unit>(name: Ptr<U>, given: Option<(i64, i64)>) -> Result<i32, Errno> {
    let (accessed, modified) = times(given);
    // FILE_WRITE_ATTRIBUTES.
    let handle = sys::open(&io::path(name)?, 0x100, 7, ntdll::file::Disposition::Open, 0, 0, false)?;
    let result = sys::set_times(handle, accessed, modified);
    let _ = sys::close(handle);
    result?;
    Ok(0)
}

fn touch_fd(fd: i32, given: Option<(i64, i64)>) -> Result<i32, Errno> {
    let row = table::open_row(fd).map_err(invalid::report)?;
    let (accessed, modified) = times(given);
    sys::set_times(row.handle(), accessed, modified)?;
    Ok(0)
}

/// What a file is, by name.
#[export(msvcrt + ucrtbase, full)]
fn _stat64(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T64)
}

/// What a file is, by name.
#[export(msvcrt + ucrtbase, full)]
fn _stat64i32(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T64)
}

/// What a file is, by name.
#[export(ucrtbase, full)]
fn _stat32(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T32)
}

/// What a file is, by name.
#[export(ucrtbase, full)]
fn _stat32i64(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T32)
}

/// What a file is, by name.
#[export(msvcrt, full)]
fn _stat(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T64)
}

/// What a file is, by name.
#[export(msvcrt, full)]
fn _stati64(name: Ptr<u8>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T64)
}

/// What a file is, by name.
#[export(msvcrt + ucrtbase, full)]
fn _wstat64(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T64)
}

/// What a file is, by name.
#[export(msvcrt + ucrtbase, full)]
fn _wstat64i32(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T64)
}

/// What a file is, by name.
#[export(ucrtbase, full)]
fn _wstat32(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T32)
}

/// What a file is, by name.
#[export(ucrtbase, full)]
fn _wstat32i64(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T32)
}

/// What a file is, by name.
#[export(msvcrt, full)]
fn _wstat(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S32T64)
}

/// What a file is, by name.
#[export(msvcrt, full)]
fn _wstati64(name: Ptr<u16>, to: Ptr<u8>) -> Result<i32, Errno> {
    by_name(name, to, Shape::S64T64)
}

/// What a file is, by descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _fstat64(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S64T64)
}

/// What a file is, by descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _fstat64i32(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S32T64)
}

/// What a file is, by descriptor.
#[export(ucrtbase, full)]
fn _fstat32(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S32T32)
}

/// What a file is, by descriptor.
#[export(ucrtbase, full)]
fn _fstat32i64(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S64T32)
}

/// What a file is, by descriptor.
#[export(msvcrt, full)]
fn _fstat(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S32T64)
}

/// What a file is, by descriptor.
#[export(msvcrt, full)]
fn _fstati64(fd: i32, to: Ptr<u8>) -> Result<i32, Errno> {
    by_fd(fd, to, Shape::S64T64)
}

/// Whether a file is there and may be read or written.
#[export(msvcrt + ucrtbase, full)]
fn _access(name: Ptr<u8>, mode: i32) -> Result<i32, Errno> {
    access(name, mode)?;
    Ok(0)
}

/// Whether a file is there and may be read or written.
#[export(msvcrt + ucrtbase, full)]
fn _access_s(name: Ptr<u8>, mode: i32) -> Result<(), Errno> {
    access(name, mode)
}

/// Whether a file is there and may be read or written.
#[export(msvcrt + ucrtbase, full)]
fn _waccess(name: Ptr<u16>, mode: i32) -> Result<i32, Errno> {
    access(name, mode)?;
    Ok(0)
}

/// Whether a file is there and may be read or written.
#[export(msvcrt + ucrtbase, full)]
fn _waccess_s(name: Ptr<u16>, mode: i32) -> Result<(), Errno> {
    access(name, mode)
}

/// Makes a file read-only or not.
#[export(msvcrt + ucrtbase, full)]
fn _chmod(name: Ptr<u8>, mode: i32) -> Result<i32, Errno> {
    change_mode(name, mode)
}

/// Makes a file read-only or not.
#[export(msvcrt + ucrtbase, full)]
fn _wchmod(name: Ptr<u16>, mode: i32) -> Result<i32, Errno> {
    change_mode(name, mode)
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _utime64(name: Ptr<u8>, times: Ptr<i64>) -> Result<i32, Errno> {
    touch(name, read64(times))
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _wutime64(name: Ptr<u16>, times: Ptr<i64>) -> Result<i32, Errno> {
    touch(name, read64(times))
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _futime64(fd: i32, times: Ptr<i64>) -> Result<i32, Errno> {
    touch_fd(fd, read64(times))
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _utime32(name: Ptr<u8>, times: Ptr<i32>) -> Result<i32, Errno> {
    touch(name, read32(times))
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _wutime32(name: Ptr<u16>, times: Ptr<i32>) -> Result<i32, Errno> {
    touch(name, read32(times))
}

/// Sets a file's times.
#[export(msvcrt + ucrtbase, full)]
fn _futime32(fd: i32, times: Ptr<i32>) -> Result<i32, Errno> {
    touch_fd(fd, read32(times))
}

/// Sets a file's times.
#[export(msvcrt, full)]
fn _utime(name: Ptr<u8>, times: Ptr<i64>) -> Result<i32, Errno> {
    touch(name, read64(times))
}

/// Sets a file's times.
#[export(msvcrt, full)]
fn _wutime(name: Ptr<u16>, times: Ptr<i64>) -> Result<i32, Errno> {
    touch(name, read64(times))
}

/// Sets a file's times.
#[export(msvcrt, full)]
fn _futime(fd: i32, times: Ptr<i64>) -> Result<i32, Errno> {
    touch_fd(fd, read64(times))
}
