//! io.h: low-level input and output on file descriptors.

pub mod table;
pub mod transfer;

use crate::codepage;
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::raw;
use crate::sys;
use crate::unit::Unit;
use abi::{HANDLE, Ptr, VaList, export};
use ntdll::file::Disposition;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use table::{APPEND, DEVICE, EOF, Encoding, NO_INHERIT, TEXT};

pub const O_WRONLY: u32 = 1;
pub const O_RDWR: u32 = 2;
pub const O_APPEND: u32 = 8;
const O_TEMPORARY: u32 = 0x40;
const O_NOINHERIT: u32 = 0x80;
pub const O_CREAT: u32 = 0x100;
pub const O_TRUNC: u32 = 0x200;
pub const O_EXCL: u32 = 0x400;
pub const O_TEXT: u32 = 0x4000;
pub const O_BINARY: u32 = 0x8000;
pub const O_WTEXT: u32 = 0x1_0000;
pub const O_U16TEXT: u32 = 0x2_0000;
pub const O_U8TEXT: u32 = 0x4_0000;
const O_UNICODE: u32 = O_WTEXT | O_U16TEXT | O_U8TEXT;

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const DELETE: u32 = 0x1_0000;
/// `_SH_DENYNO`.
pub const SHARE_ALL: i32 = 0x40;

static UMASK: AtomicU32 = AtomicU32::new(0);

/// The path of either unit as the system takes it.
pub fn path<U: Unit>(at: Ptr<U>) -> Result<Vec<u16>, Errno> {
    invalid::check(!at.is_null())?;
    let text = raw::text(at);
    Ok(if U::WIDE { text.iter().map(|u| u.code() as u16).collect() } else { codepage::path_to_wide(&bytes(text)) })
}

fn bytes<U: Unit>(text: &[U]) -> Vec<u8> {
    text.iter().map(|u| u.code() as u8).collect()
}

/// Opens a file; the descriptor.
pub fn open(path: &[u16], flags: u32, share: i32, mode: i32) -> Result<i32, Errno> {
    let access = match flags & 3 {
        0 => GENERIC_READ,
        O_WRONLY if flags & O_APPEND != 0 && flags & O_UNICODE != 0 => GENERIC_READ | GENERIC_WRITE,
        O_WRONLY => GENERIC_WRITE,
        O_RDWR => GENERIC_READ | GENERIC_WRITE,
        _ => return Err(invalid::report(Errno::EINVAL)),
    };
    let share = match share {
        0x10 => 0,
        0x20 => 1,
        0x30 => 2,
        0x40 => 3,
        // _SH_SECURE: reading is shared when only read.
        0x80 => u32::from(access == GENERIC_READ),
        _ => return Err(invalid::report(Errno::EINVAL)),
    };
    let disposition = match flags & (O_CREAT | O_EXCL | O_TRUNC) {
        0 | O_EXCL => Disposition::Open,
        O_CREAT => Disposition::OpenIf,
        v if v & O_CREAT != 0 && v & O_EXCL != 0 => Disposition::Create,
        v if v & O_CREAT == 0 => Disposition::Overwrite,
        _ => Disposition::OverwriteIf,
    };
    let read_only = flags & O_CREAT != 0 && (mode as u32 & !UMASK.load(Ordering::Relaxed)) & 0x80 == 0;
    let temporary = flags & O_TEMPORARY != 0;
    let inherit = flags & O_NOINHERIT == 0;
    let access = access | if temporary { DELETE } else { 0 };
    let share = share | if temporary { 4 } else { 0 };
    let options = sys::NON_DIRECTORY | if temporary { sys::DELETE_ON_CLOSE } else { 0 };
    let handle = sys::open(path, access, share, disposition, u32::from(read_only), options, inherit)?;
    let text = flags & O_BINARY == 0 && (flags & (O_TEXT | O_UNICODE) != 0 || default_mode() != O_BINARY);
    let (fd, row) = match table::allocate(0) {
        Ok(found) => found,
        Err(errno) => {
            let _ = sys::close(handle);
            return Err(errno);
        }
    };
    row.set_handle(handle);
    row.mark(table::kind_flags(handle), true);
    row.mark(TEXT, text);
    row.mark(NO_INHERIT, !inherit);
    row.mark(APPEND, flags & O_APPEND != 0);
    if flags & O_UNICODE != 0 {
        choose_encoding(row, flags);
    } else if text && flags & O_RDWR != 0 && !row.has(DEVICE | table::PIPE) {
        drop_ctrl_z(handle);
    }
    Ok(fd)
}

/// A text file that is opened to be written on loses a Ctrl-Z at its end.
fn drop_ctrl_z(handle: HANDLE) {
    if let Ok(at) = sys::seek(handle, -1, 2) {
        let mut last = [0u8];
        if sys::read_into(handle, &mut last) == Ok(1) && last[0] == 26 {
            let _ = sys::set_size(handle, at as u64);
        }
        let _ = sys::seek(handle, 0, 0);
    }
}

/// The encoding of a Unicode text file: what its byte order mark says, else what was asked for; a new
/// file gets the mark.
fn choose_encoding(row: table::Row, flags: u32) {
    let mut encoding = if flags & O_U8TEXT != 0 {
        Encoding::Utf8
    } else if flags & O_U16TEXT != 0 {
        Encoding::Utf16
    } else {
        Encoding::Ansi
    };
    let handle = row.handle();
    if !row.has(DEVICE | table::PIPE) {
        let length = sys::size(handle).unwrap_or(0);
        if length > 0 && flags & 3 != O_WRONLY {
            let mut mark = [0u8; 3];
            let got = sys::read_into(handle, &mut mark).unwrap_or(0);
            let skip = match mark[..got] {
                [0xef, 0xbb, 0xbf] => {
                    encoding = Encoding::Utf8;
                    3
                }
                [0xff, 0xfe, ..] => {
                    encoding = Encoding::Utf16;
                    2
                }
                _ => 0,
            };
            let _ = sys::seek(handle, skip, 0);
        } else if length == 0 && flags & 3 != 0 {
            if flags & O_WTEXT != 0 {
                encoding = Encoding::Utf16;
            }
            let _ = match encoding {
                Encoding::Utf8 => sys::write(handle, b"\xef\xbb\xbf"),
                Encoding::Utf16 => sys::write(handle, b"\xff\xfe"),
                Encoding::Ansi => Ok(0),
            };
        }
    }
    row.set_encoding(encoding);
}

/// `_fmode`: O_TEXT or O_BINARY.
fn default_mode() -> u32 {
    crate::startup::FMODE.get() as u32 & (O_TEXT | O_BINARY)
}

pub fn close(fd: i32) -> Result<i32, Errno> {
    let row = table::open_row(fd)?;
    let handle = row.handle();
    let result = if handle.is_valid() && handle.0 != usize::MAX - 1 {
        // Descriptors 1 and 2 may share one handle: the last of them closes it.
        let other = if fd == 1 { 2 } else { 1 };
        let shared = (fd == 1 || fd == 2) && table::open_row(other).is_ok_and(|r| r.handle() == handle);
        if shared { Ok(()) } else { sys::close(handle) }
    } else {
        Ok(())
    };
    if (0..3).contains(&fd) && ntdll::process::standard_handle(fd as usize) == handle {
        ntdll::process::set_standard_handle(fd as usize, HANDLE::NULL);
    }
    table::release(row);
    result?;
    Ok(0)
}

pub fn is_terminal(fd: i32) -> bool {
    table::open_row(fd).is_ok_and(|r| r.has(DEVICE))
}

/// Moves a descriptor's position.
pub fn seek(fd: i32, offset: i64, whence: i32) -> Result<i64, Errno> {
    let row = table::open_row(fd)?;
    if !(0..3).contains(&whence) {
        return Err(invalid::report(Errno::EINVAL));
    }
    let position = sys::seek(row.handle(), offset, whence).map_err(|e| match e.0 {
        1 => Errno::ESPIPE,
        131 => Errno::EINVAL,
        _ => e.into(),
    })?;
    row.mark(EOF, false);
    Ok(position)
}

/// An invalid descriptor is also an invalid parameter.
fn checked(fd: i32) -> Result<table::Row, Errno> {
    table::open_row(fd).map_err(|e| if fd == -2 { e } else { invalid::report(e) })
}

/// Opens a file.
#[export(msvcrt + ucrtbase, full)]
fn _open(name: Ptr<u8>, flags: i32, args: VaList) -> Result<i32, Errno> {
    let mut args = args;
    let mode = if flags as u32 & O_CREAT != 0 { args.next_slot() as i32 } else { 0 };
    open(&path(name)?, flags as u32, SHARE_ALL, mode)
}

/// Opens a file.
#[export(msvcrt + ucrtbase, full)]
fn _wopen(name: Ptr<u16>, flags: i32, args: VaList) -> Result<i32, Errno> {
    let mut args = args;
    let mode = if flags as u32 & O_CREAT != 0 { args.next_slot() as i32 } else { 0 };
    open(&path(name)?, flags as u32, SHARE_ALL, mode)
}

/// Opens a file for sharing.
#[export(msvcrt + ucrtbase, full)]
fn _sopen(name: Ptr<u8>, flags: i32, share: i32, args: VaList) -> Result<i32, Errno> {
    let mut args = args;
    let mode = if flags as u32 & O_CREAT != 0 { args.next_slot() as i32 } else { 0 };
    open(&path(name)?, flags as u32, share, mode)
}

/// Opens a file for sharing.
#[export(msvcrt + ucrtbase, full)]
fn _wsopen(name: Ptr<u16>, flags: i32, share: i32, args: VaList) -> Result<i32, Errno> {
    let mut args = args;
    let mode = if flags as u32 & O_CREAT != 0 { args.next_slot() as i32 } else { 0 };
    open(&path(name)?, flags as u32, share, mode)
}

fn open_s<U: Unit>(fd: Ptr<i32>, name: Ptr<U>, flags: i32, share: i32, mode: i32) -> Result<(), Errno> {
    invalid::check(!fd.is_null())?;
    fd.set(-1);
    fd.set(open(&path(name)?, flags as u32, share, mode)?);
    Ok(())
}

/// Opens a file for sharing.
#[export(msvcrt + ucrtbase, full)]
fn _sopen_s(fd: Ptr<i32>, name: Ptr<u8>, flags: i32, share: i32, mode: i32) -> Result<(), Errno> {
    open_s(fd, name, flags, share, mode)
}

/// Opens a file for sharing.
#[export(msvcrt + ucrtbase, full)]
fn _wsopen_s(fd: Ptr<i32>, name: Ptr<u16>, flags: i32, share: i32, mode: i32) -> Result<(), Errno> {
    open_s(fd, name, flags, share, mode)
}

/// What _sopen and _sopen_s are made of in C++.
#[export(ucrtbase, full)]
fn _sopen_dispatch(name: Ptr<u8>, flags: i32, share: i32, mode: i32, fd: Ptr<i32>, _secure: i32) -> Result<(), Errno> {
    open_s(fd, name, flags, share, mode)
}

/// What _wsopen and _wsopen_s are made of in C++.
#[export(ucrtbase, full)]
fn _wsopen_dispatch(name: Ptr<u16>, flags: i32, share: i32, mode: i32, fd: Ptr<i32>, _secure: i32) -> Result<(), Errno> {
    open_s(fd, name, flags, share, mode)
}

/// Creates a file, or empties it.
#[export(msvcrt + ucrtbase, full)]
fn _creat(name: Ptr<u8>, mode: i32) -> Result<i32, Errno> {
    open(&path(name)?, O_CREAT | O_TRUNC | O_RDWR, SHARE_ALL, mode)
}

/// Creates a file, or empties it.
#[export(msvcrt + ucrtbase, full)]
fn _wcreat(name: Ptr<u16>, mode: i32) -> Result<i32, Errno> {
    open(&path(name)?, O_CREAT | O_TRUNC | O_RDWR, SHARE_ALL, mode)
}

/// Closes a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _close(fd: i32) -> Result<i32, Errno> {
    checked(fd)?;
    close(fd)
}

/// Reads from a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _read(fd: i32, to: Ptr<u8>, count: u32) -> Result<i32, Errno> {
    checked(fd)?;
    invalid::check(count <= i32::MAX as u32 && (count == 0 || !to.is_null()))?;
    Ok(transfer::read(fd, to, count as usize)? as i32)
}

/// Writes to a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _write(fd: i32, from: Ptr<u8>, count: u32) -> Result<i32, Errno> {
    checked(fd)?;
    invalid::check(count == 0 || !from.is_null())?;
    Ok(transfer::write(fd, raw::slice(from, count as usize))? as i32)
}

/// Moves the position.
#[export(msvcrt + ucrtbase, full)]
fn _lseek(fd: i32, offset: i32, whence: i32) -> Result<i32, Errno> {
    checked(fd)?;
    Ok(seek(fd, offset.into(), whence)? as i32)
}

/// Moves the position.
#[export(msvcrt + ucrtbase, full)]
fn _lseeki64(fd: i32, offset: i64, whence: i32) -> Result<i64, Errno> {
    checked(fd)?;
    seek(fd, offset, whence)
}

/// The position.
#[export(msvcrt + ucrtbase, full)]
fn _tell(fd: i32) -> Result<i32, Errno> {
    Ok(seek(fd, 0, 1)? as i32)
}

/// The position.
#[export(msvcrt + ucrtbase, full)]
fn _telli64(fd: i32) -> Result<i64, Errno> {
    seek(fd, 0, 1)
}

/// The file's length.
#[export(msvcrt + ucrtbase, full)]
fn _filelengthi64(fd: i32) -> Result<i64, Errno> {
    Ok(sys::size(checked(fd)?.handle())? as i64)
}

/// The file's length.
#[export(msvcrt + ucrtbase, full)]
fn _filelength(fd: i32) -> Result<i32, Errno> {
    i32::try_from(_filelengthi64(fd)?).map_err(|_| Errno::EINVAL)
}

/// Whether the position is at the end: 1, 0.
#[export(msvcrt + ucrtbase, full)]
fn _eof(fd: i32) -> Result<i32, Errno> {
    let row = checked(fd)?;
    let here = seek(fd, 0, 1)?;
    Ok((here >= sys::size(row.handle())? as i64).into())
}

/// Sets the file's length.
#[export(msvcrt + ucrtbase, full)]
fn _chsize_s(fd: i32, size: i64) -> Result<(), Errno> {
    let row = checked(fd)?;
    invalid::check(size >= 0)?;
    sys::set_size(row.handle(), size as u64).map_err(|e| if e.0 == 5 { Errno::EACCES } else { e.into() })
}

/// Sets the file's length.
#[export(msvcrt + ucrtbase, full)]
fn _chsize(fd: i32, size: i32) -> i32 {
    match _chsize_s(fd, size.into()) {
        Ok(()) => 0,
        Err(errno) => {
            set_errno(errno);
            -1
        }
    }
}

/// Writes the file to disk.
#[export(msvcrt + ucrtbase, full)]
fn _commit(fd: i32) -> Result<i32, Errno> {
    sys::flush(checked(fd)?.handle())?;
    Ok(0)
}

/// Another descriptor for the same file.
#[export(msvcrt + ucrtbase, full)]
fn _dup(fd: i32) -> Result<i32, Errno> {
    let row = checked(fd)?;
    let (new, to) = table::allocate(0)?;
    copy_row(row, to)?;
    Ok(new)
}

fn copy_row(row: table::Row, to: table::Row) -> Result<(), Errno> {
    match sys::duplicate(row.handle(), true) {
        Ok(handle) => {
            to.set_handle(handle);
            to.set_flags(row.flags() & !NO_INHERIT);
            to.set_encoding(row.encoding());
            Ok(())
        }
        Err(error) => {
            table::release(to);
            Err(error.into())
        }
    }
}

/// Makes a descriptor mean the same file as another.
#[export(msvcrt + ucrtbase, full)]
fn _dup2(fd: i32, new: i32) -> Result<i32, Errno> {
    let row = checked(fd)?;
    if !(0..table::LIMIT).contains(&new) {
        return Err(invalid::report(Errno::EBADF));
    }
    if fd == new {
        return Ok(0);
    }
    if table::open_row(new).is_ok() {
        close(new)?;
    }
    let to = table::claim(new)?;
    copy_row(row, to)?;
    if new < 3 {
        ntdll::process::set_standard_handle(new as usize, to.handle());
    }
    Ok(0)
}

/// Makes a pipe: reading end, writing end.
#[export(msvcrt + ucrtbase, full)]
fn _pipe(fds: Ptr<i32>, _size: u32, flags: i32) -> Result<i32, Errno> {
    invalid::check(!fds.is_null())?;
    let flags = flags as u32;
    let inherit = flags & O_NOINHERIT == 0;
    let (read, write) = sys::pipe(inherit)?;
    let text = flags & O_BINARY == 0 && (flags & O_TEXT != 0 || default_mode() != O_BINARY);
    for (i, handle) in [read, write].into_iter().enumerate() {
        let (fd, row) = table::allocate(0)?;
        row.set_handle(handle);
        row.mark(table::PIPE, true);
        row.mark(TEXT, text);
        row.mark(NO_INHERIT, !inherit);
        fds.add(i).set(fd);
    }
    Ok(0)
}

/// Whether a descriptor is a character device.
#[export(msvcrt + ucrtbase, full)]
fn _isatty(fd: i32) -> i32 {
    if fd == -2 {
        return 0;
    }
    match checked(fd) {
        Ok(row) if row.has(DEVICE) => DEVICE.into(),
        Ok(_) => 0,
        Err(_) => 0,
    }
}

/// Sets text or binary mode; the old one.
#[export(msvcrt + ucrtbase, full)]
fn _setmode(fd: i32, mode: i32) -> Result<i32, Errno> {
    let mode = mode as u32;
    invalid::check([O_TEXT, O_BINARY, O_WTEXT, O_U8TEXT, O_U16TEXT].contains(&mode))?;
    let row = checked(fd)?;
    let old = match (row.has(TEXT), row.encoding()) {
        (false, _) => O_BINARY,
        (true, Encoding::Ansi) => O_TEXT,
        (true, _) => O_WTEXT,
    };
    row.mark(TEXT, mode != O_BINARY);
    row.set_encoding(match mode {
        O_U8TEXT => Encoding::Utf8,
        O_U16TEXT | O_WTEXT => Encoding::Utf16,
        _ => Encoding::Ansi,
    });
    Ok(old as i32)
}

/// The system's handle of a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _get_osfhandle(fd: i32) -> HANDLE {
    match checked(fd) {
        Ok(row) => row.handle(),
        Err(errno) => {
            set_errno(errno);
            HANDLE::INVALID
        }
    }
}

/// A descriptor for a handle.
#[export(msvcrt + ucrtbase, full)]
pub fn _open_osfhandle(handle: HANDLE, flags: i32) -> Result<i32, Errno> {
    if sys::kind(handle).is_none() {
        return Err(Errno::EBADF);
    }
    let flags = flags as u32;
    let (fd, row) = table::allocate(0)?;
    row.set_handle(handle);
    row.mark(table::kind_flags(handle), true);
    row.mark(APPEND, flags & O_APPEND != 0);
    row.mark(TEXT, flags & (O_TEXT | O_UNICODE) != 0);
    row.mark(NO_INHERIT, flags & O_NOINHERIT != 0);
    Ok(fd)
}

/// Sets the mask of permissions for new files; the old one.
#[export(msvcrt + ucrtbase, full)]
fn _umask(mask: i32) -> i32 {
    UMASK.swap(mask as u32 & 0x180, Ordering::Relaxed) as i32
}

/// Sets the mask of permissions for new files.
#[export(msvcrt + ucrtbase, full)]
fn _umask_s(mask: i32, old: Ptr<i32>) -> Result<(), Errno> {
    invalid::check(!old.is_null() && mask & !0x180 == 0)?;
    old.set(_umask(mask));
    Ok(())
}

/// Locks or unlocks bytes at the position.
#[export(msvcrt + ucrtbase, stub("pretends that every lock is granted"))]
fn _locking(fd: i32, mode: i32, _count: i32) -> Result<i32, Errno> {
    checked(fd)?;
    invalid::check((0..=4).contains(&mode))?;
    Ok(0)
}

static MAX_STREAMS: AtomicI32 = AtomicI32::new(512);

/// Most streams that may be open.
#[export(msvcrt + ucrtbase, full)]
fn _getmaxstdio() -> i32 {
    MAX_STREAMS.load(Ordering::Relaxed)
}

/// Sets how many streams may be open.
#[export(msvcrt + ucrtbase, full)]
fn _setmaxstdio(count: i32) -> Result<i32, Errno> {
    invalid::check((20..=8192).contains(&count))?;
    MAX_STREAMS.store(count, Ordering::Relaxed);
    Ok(count)
}
