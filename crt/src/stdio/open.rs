//! Opening, reopening and closing streams.

use super::*;
use crate::errno::set_errno;
use crate::invalid;

/// What a mode string asks for: flags of the descriptor and of the stream.
fn parse_mode<U: Unit>(mode: Ptr<U>) -> Result<(u32, u32), Errno> {
    invalid::check(!mode.is_null())?;
    let text: Vec<u8> = raw::text(mode).iter().map(|u| u.ascii()).collect();
    let text: Vec<u8> = text.into_iter().skip_while(|&c| c == b' ').collect();
    let (mut fd, mut stream) = match text.first() {
        Some(b'r') => (0, READ),
        Some(b'w') => (io::O_CREAT | io::O_TRUNC | io::O_WRONLY, WRITE),
        Some(b'a') => (io::O_CREAT | io::O_APPEND | io::O_WRONLY, WRITE),
        _ => return Err(invalid::report(Errno::EINVAL)),
    };
    let mut rest = text[1..].iter();
    while let Some(&c) = rest.next() {
        match c {
            b'+' => {
                fd = fd & !3 | io::O_RDWR;
                stream = stream & !(READ | WRITE) | BOTH;
            }
            b'b' => fd |= io::O_BINARY,
            b't' => fd |= io::O_TEXT,
            b'x' => fd |= io::O_EXCL,
            b'c' => stream |= COMMIT,
            b'n' => stream &= !COMMIT,
            b'S' => fd |= 0x20,
            b'R' => fd |= 0x10,
            b'T' => fd |= 0x1000,
            b'D' => fd |= 0x40,
            b'N' => fd |= 0x80,
            b' ' => {}
            b',' => {
                let text: String = rest.as_slice().iter().filter(|c| **c != b' ').map(|&c| c.to_ascii_lowercase() as char).collect();
                fd |= match text.as_str() {
                    "ccs=utf-8" => io::O_U8TEXT,
                    "ccs=utf-16le" => io::O_U16TEXT,
                    "ccs=unicode" => io::O_WTEXT,
                    _ => return Err(invalid::report(Errno::EINVAL)),
                };
                break;
            }
            _ => return Err(invalid::report(Errno::EINVAL)),
        }
    }
    Ok((fd, stream))
}

/// A FILE structure that is not in use, with this descriptor.
fn new_file(fd: i32, flags: u32) -> Result<Ptr<File>, Errno> {
    let mut more = MORE.lock();
    let free = (3..IOB).map(iob).chain(more.iter().copied()).find(|f| f.flags() == 0 && f.fd() == -1);
    let file = match free {
        Some(file) => file,
        None => {
            let block = malloc::calloc(1, size_of::<File>()).cast::<File>();
            if block.is_null() {
                return Err(Errno::ENOMEM);
            }
            let lock: &'static Lock = Box::leak(Box::default());
            block.set_lock(std::ptr::from_ref(lock) as usize);
            more.push(block);
            block
        }
    };
    let lock = file.lock();
    file.set(File { fd, flags, ..EMPTY });
    file.set_lock(lock);
    Ok(file)
}

/// A stream over an open descriptor.
pub fn open_fd<U: Unit>(fd: i32, mode: Ptr<U>) -> Result<Ptr<File>, Errno> {
    let (fd_flags, flags) = parse_mode(mode)?;
    let row = table::open_row(fd)?;
    if fd_flags & io::O_BINARY != 0 {
        row.mark(TEXT, false);
    } else if fd_flags & io::O_TEXT != 0 {
        row.mark(TEXT, true);
    }
    new_file(fd, flags)
}

fn open<U: Unit>(name: Ptr<U>, mode: Ptr<U>, share: i32) -> Result<Ptr<File>, Errno> {
    invalid::check(!name.is_null())?;
    let (fd_flags, flags) = parse_mode(mode)?;
    let path = io::path(name)?;
    if path.is_empty() {
        return Err(invalid::report(Errno::EINVAL));
    }
    let fd = io::open(&path, fd_flags, share, 0x180)?;
    new_file(fd, flags)
}

fn open_s<U: Unit>(file: Ptr<Ptr<File>>, name: Ptr<U>, mode: Ptr<U>) -> Result<(), Errno> {
    invalid::check(!file.is_null())?;
    file.set(Ptr::NULL);
    // _SH_SECURE.
    file.set(open(name, mode, 0x80)?);
    Ok(())
}

/// Frees buffer and descriptor; the structure stays.
fn shut(file: Ptr<File>) -> Result<(), Errno> {
    let result = flush(file);
    if has(file, OWN_BUFFER) {
        malloc::free(file.base());
    }
    let closed = if file.fd() >= 0 { io::close(file.fd()).map(drop) } else { Ok(()) };
    let lock = file.lock();
    file.set(EMPTY);
    file.set_lock(lock);
    result.and(closed)
}

/// fclose.
pub fn close(file: Ptr<File>) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    if !is_open(file) {
        return Err(Errno::EINVAL);
    }
    crate::process::forget_popen(file);
    shut(file)?;
    Ok(0)
}

fn reopen<U: Unit>(name: Ptr<U>, mode: Ptr<U>, file: Ptr<File>, share: i32) -> Result<Ptr<File>, Errno> {
    invalid::check(!file.is_null())?;
    let (fd_flags, flags) = parse_mode(mode)?;
    let _held = hold(file);
    if name.is_null() {
        // Only the mode changes.
        flush(file)?;
        let row = table::open_row(file.fd())?;
        row.mark(TEXT, fd_flags & io::O_BINARY == 0);
        return Ok(file);
    }
    let path = io::path(name)?;
    let old = file.fd();
    if is_open(file) {
        let _ = shut(file);
    }
    let mut fd = io::open(&path, fd_flags, share, 0x180)?;
    if (0..3).contains(&old) {
        if fd != old && table::open_row(old).is_err() {
            // A standard stream keeps its descriptor.
            let (from, to) = (table::open_row(fd)?, table::claim(old)?);
            to.set_handle(from.handle());
            to.set_flags(from.flags());
            to.set_encoding(from.encoding());
            table::release(from);
            fd = old;
        }
        ntdll::process::set_standard_handle(old as usize, table::open_row(fd)?.handle());
    }
    let lock = file.lock();
    file.set(File { fd, flags, ..EMPTY });
    file.set_lock(lock);
    Ok(file)
}

/// All streams there are.
fn all() -> Vec<Ptr<File>> {
    (0..IOB).map(iob).chain(MORE.lock().iter().copied()).collect()
}

/// Flushes all streams (or only those that write); how many were open.
pub fn flush_all(only_written: bool) -> Result<i32, Errno> {
    let mut count = 0;
    let mut result = Ok(());
    for file in all() {
        let _held = hold(file);
        if !is_open(file) || (only_written && !has(file, WRITE)) {
            continue;
        }
        count += 1;
        if has(file, WRITE) {
            let flushed = flush(file);
            if flushed.is_err() {
                result = flushed;
            }
        }
    }
    result.map(|()| count)
}

/// Opens a stream on a file.
#[export(msvcrt + ucrtbase, full)]
fn fopen(name: Ptr<u8>, mode: Ptr<u8>) -> Result<Ptr<File>, Errno> {
    open(name, mode, io::SHARE_ALL)
}

/// Opens a stream on a file.
#[export(msvcrt + ucrtbase, full)]
fn _wfopen(name: Ptr<u16>, mode: Ptr<u16>) -> Result<Ptr<File>, Errno> {
    open(name, mode, io::SHARE_ALL)
}

/// Opens a stream on a file that is not shared for writing.
#[export(msvcrt + ucrtbase, full)]
fn fopen_s(file: Ptr<Ptr<File>>, name: Ptr<u8>, mode: Ptr<u8>) -> Result<(), Errno> {
    open_s(file, name, mode)
}

/// Opens a stream on a file that is not shared for writing.
#[export(msvcrt + ucrtbase, full)]
fn _wfopen_s(file: Ptr<Ptr<File>>, name: Ptr<u16>, mode: Ptr<u16>) -> Result<(), Errno> {
    open_s(file, name, mode)
}

/// Opens a stream on a file, shared as asked for.
#[export(msvcrt + ucrtbase, full)]
fn _fsopen(name: Ptr<u8>, mode: Ptr<u8>, share: i32) -> Result<Ptr<File>, Errno> {
    open(name, mode, share)
}

/// Opens a stream on a file, shared as asked for.
#[export(msvcrt + ucrtbase, full)]
fn _wfsopen(name: Ptr<u16>, mode: Ptr<u16>, share: i32) -> Result<Ptr<File>, Errno> {
    open(name, mode, share)
}

/// Opens a stream on a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _fdopen(fd: i32, mode: Ptr<u8>) -> Result<Ptr<File>, Errno> {
    open_fd(fd, mode)
}

/// Opens a stream on a descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _wfdopen(fd: i32, mode: Ptr<u16>) -> Result<Ptr<File>, Errno> {
    open_fd(fd, mode)
}

/// Opens another file on a stream.
#[export(msvcrt + ucrtbase, full)]
fn freopen(name: Ptr<u8>, mode: Ptr<u8>, file: Ptr<File>) -> Result<Ptr<File>, Errno> {
    reopen(name, mode, file, io::SHARE_ALL)
}

/// Opens another file on a stream.
#[export(msvcrt + ucrtbase, full)]
fn _wfreopen(name: Ptr<u16>, mode: Ptr<u16>, file: Ptr<File>) -> Result<Ptr<File>, Errno> {
    reopen(name, mode, file, io::SHARE_ALL)
}

/// Opens another file on a stream.
#[export(msvcrt + ucrtbase, full)]
fn freopen_s(result: Ptr<Ptr<File>>, name: Ptr<u8>, mode: Ptr<u8>, file: Ptr<File>) -> Result<(), Errno> {
    invalid::check(!result.is_null())?;
    result.set(Ptr::NULL);
    result.set(reopen(name, mode, file, 0x80)?);
    Ok(())
}

/// Opens another file on a stream.
#[export(msvcrt + ucrtbase, full)]
fn _wfreopen_s(result: Ptr<Ptr<File>>, name: Ptr<u16>, mode: Ptr<u16>, file: Ptr<File>) -> Result<(), Errno> {
    invalid::check(!result.is_null())?;
    result.set(Ptr::NULL);
    result.set(reopen(name, mode, file, 0x80)?);
    Ok(())
}

/// Closes a stream.
#[export(msvcrt + ucrtbase, full)]
fn fclose(file: Ptr<File>) -> Result<i32, Errno> {
    close(file)
}

/// Closes a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fclose_nolock(file: Ptr<File>) -> Result<i32, Errno> {
    close(file)
}

/// Closes all streams but the standard ones; how many.
#[export(msvcrt + ucrtbase, full)]
fn _fcloseall() -> i32 {
    all().into_iter().skip(3).filter(|&f| is_open(f) && close(f).is_ok()).count() as i32
}

/// Writes what waits; of all streams when the pointer is null.
#[export(msvcrt + ucrtbase, full)]
fn fflush(file: Ptr<File>) -> Result<i32, Errno> {
    if file.is_null() {
        flush_all(true)?;
        return Ok(0);
    }
    let _held = hold(file);
    if !is_open(file) {
        return Ok(0);
    }
    flush(file)?;
    if has(file, COMMIT) {
        crate::sys::flush(table::open_row(file.fd())?.handle())?;
    }
    Ok(0)
}

/// Writes what waits in a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fflush_nolock(file: Ptr<File>) -> Result<i32, Errno> {
    fflush(file)
}

/// Flushes all streams; how many are open.
#[export(msvcrt + ucrtbase, full)]
fn _flushall() -> Result<i32, Errno> {
    flush_all(false)
}

/// Sets a stream's buffer.
#[export(msvcrt + ucrtbase, full)]
fn setvbuf(file: Ptr<File>, buffer: Ptr<u8>, mode: i32, size: usize) -> Result<i32, Errno> {
    // _IOFBF, _IOLBF, _IONBF.
    invalid::check(!file.is_null() && matches!(mode, 0 | 0x40 | 4))?;
    invalid::check(mode == 4 || (2..=i32::MAX as usize).contains(&size))?;
    let _held = hold(file);
    flush(file)?;
    if has(file, OWN_BUFFER) {
        malloc::free(file.base());
    }
    mark(file, OWN_BUFFER | USER_BUFFER | UNBUFFERED, false);
    file.set_base(Ptr::NULL);
    if mode == 4 {
        mark(file, UNBUFFERED, true);
        ensure_buffer(file);
        return Ok(0);
    }
    let size = size & !1;
    let at = if buffer.is_null() { malloc::malloc(size) } else { buffer };
    if at.is_null() {
        return Err(Errno::ENOMEM);
    }
    mark(file, if buffer.is_null() { OWN_BUFFER } else { USER_BUFFER }, true);
    file.set_base(at);
    file.set_ptr(at);
    file.set_size(size as i32);
    file.set_count(0);
    Ok(0)
}

/// Sets a stream's buffer of 512 bytes, or none.
#[export(msvcrt + ucrtbase, full)]
fn setbuf(file: Ptr<File>, buffer: Ptr<u8>) {
    let result = if buffer.is_null() { setvbuf(file, buffer, 4, 0) } else { setvbuf(file, buffer, 0, 512) };
    if let Err(errno) = result {
        set_errno(errno);
    }
}

/// A stream's descriptor.
#[export(msvcrt + ucrtbase, full)]
fn _fileno(file: Ptr<File>) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    Ok(file.fd())
}

/// Where the C++ library finds a stream's buffer: base, pointer, count.
#[export(ucrtbase, full)]
fn _get_stream_buffer_pointers(file: Ptr<File>, base: Ptr<Ptr<u8>>, ptr: Ptr<Ptr<u8>>, count: Ptr<Ptr<u8>>) -> Result<(), Errno> {
    invalid::check(!file.is_null())?;
    let field = |offset| Ptr::new(file.addr() + offset);
    for (to, offset) in
        [(base, std::mem::offset_of!(File, base)), (ptr, std::mem::offset_of!(File, ptr)), (count, std::mem::offset_of!(File, count))]
    {
        if !to.is_null() {
            to.set(field(offset));
        }
    }
    Ok(())
}
