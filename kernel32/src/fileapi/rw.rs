//! Reading, writing, positions, lengths, locks, pipes.

use abi::{BOOL, GuestFn, HANDLE, NTSTATUS, Ptr, Win32Error, export, teb};
use ntdll::access::{FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA};
use ntdll::file::{File, Kind};
use ntdll::{object, sync};
use std::sync::Arc;
use windows_sys::Win32::System::IO::OVERLAPPED;

/// Does one transfer by the rules of ReadFile and WriteFile.
fn transfer(
    handle: HANDLE,
    needed: u32,
    done: Ptr<u32>,
    overlapped: Ptr<OVERLAPPED>,
    act: impl FnOnce(&File, Option<u64>) -> Result<usize, NTSTATUS>,
) -> Result<(), Win32Error> {
    done.write_opt(0)?;
    let entry = object::table_info(handle)?;
    let file: Arc<File> = object::downcast(entry.object).ok_or(Win32Error::INVALID_HANDLE)?;
    if entry.access & needed == 0 {
        return Err(Win32Error::ACCESS_DENIED);
    }
    if overlapped.is_null() {
        if !file.is_synchronous() && file.kind == Kind::Disk {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        let n = act(&file, None)?;
        return Ok(done.write_opt(n as u32)?);
    }
    let o = overlapped.read()?;
    let offset = overlapped.byte_add(16).cast::<u64>().read()?;
    let event = HANDLE(o.hEvent as usize & !1);
    if !event.is_null() {
        object::with(event, 0, sync::Event::reset)?;
    }
    let result = act(&file, if file.kind == Kind::Disk { Some(offset) } else { None });
    let (status, n) = match result {
        Ok(n) => (NTSTATUS::SUCCESS, n),
        Err(status) => (status, 0),
    };
    overlapped.cast::<usize>().write(status.0 as usize)?;
    overlapped.cast::<usize>().add(1).write(n)?;
    if !status.is_ok() {
        return Err(status.into());
    }
    if !event.is_null() {
        object::with(event, 0, sync::Event::set)?;
    }
    // The low bit of the event's handle keeps the operation away from the completion port.
    if o.hEvent as usize & 1 == 0 {
        file.complete(overlapped.addr(), status, n);
    }
    Ok(done.write_opt(n as u32)?)
}

/// Reads. At the end of a file it succeeds with 0 bytes, unless overlapped.
#[export(kernel32, partial("always finishes before it returns"))]
pub fn ReadFile(handle: HANDLE, buffer: Ptr<u8>, len: u32, done: Ptr<u32>, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    let is_overlapped = !overlapped.is_null();
    transfer(handle, FILE_READ_DATA, done, overlapped, |file, offset| match file.read(buffer.addr(), len as usize, offset) {
        Err(NTSTATUS::END_OF_FILE) if !is_overlapped => Ok(0),
        other => other,
    })
}

/// Writes.
#[export(kernel32, partial("always finishes before it returns"))]
pub fn WriteFile(handle: HANDLE, buffer: Ptr<u8>, len: u32, done: Ptr<u32>, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    transfer(handle, FILE_WRITE_DATA | FILE_APPEND_DATA, done, overlapped, |file, offset| file.write(buffer.addr(), len as usize, offset))
}

fn with_routine(routine: GuestFn, overlapped: Ptr<OVERLAPPED>, result: Result<(), Win32Error>) -> Result<(), Win32Error> {
    result?;
    let bytes = overlapped.cast::<usize>().add(1).read()?;
    ntdll::thread::current().queue_apc(ntdll::thread::Apc { function: routine, arguments: [0, bytes as u64, overlapped.addr() as u64] });
    Ok(())
}

/// Reads and calls a routine when done, in an alertable wait.
#[export(kernel32, partial("reads before it returns"))]
pub fn ReadFileEx(handle: HANDLE, buffer: Ptr<u8>, len: u32, overlapped: Ptr<OVERLAPPED>, routine: GuestFn) -> Result<(), Win32Error> {
    with_routine(routine, overlapped, ReadFile(handle, buffer, len, Ptr::NULL, overlapped))
}

/// Writes and calls a routine when done, in an alertable wait.
#[export(kernel32, partial("writes before it returns"))]
pub fn WriteFileEx(handle: HANDLE, buffer: Ptr<u8>, len: u32, overlapped: Ptr<OVERLAPPED>, routine: GuestFn) -> Result<(), Win32Error> {
    with_routine(routine, overlapped, WriteFile(handle, buffer, len, Ptr::NULL, overlapped))
}

/// Forces a file's contents to disk.
#[export(kernel32, full)]
pub fn FlushFileBuffers(handle: HANDLE) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if file.access & (FILE_WRITE_DATA | FILE_APPEND_DATA) == 0 && file.kind == Kind::Disk {
        return Err(Win32Error::ACCESS_DENIED);
    }
    match file.kind {
        Kind::Disk => host::file::sync(file.fd()).map_err(|e| Win32Error::from(ntdll::errno_to_status(e))),
        Kind::Console => Err(Win32Error::INVALID_HANDLE),
        _ => Ok(()),
    }
}

fn seek(handle: HANDLE, distance: i64, method: u32) -> Result<u64, Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if file.kind != Kind::Disk {
        return Err(Win32Error::INVALID_FUNCTION);
    }
    let start = match method {
        0 => 0,
        1 => file.position()? as i64,
        2 => file.stat()?.size as i64,
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    let target = start.checked_add(distance).ok_or(Win32Error::INVALID_PARAMETER)?;
    if target < 0 {
        return Err(Win32Error::NEGATIVE_SEEK);
    }
    file.set_position(target as u64)?;
    Ok(target as u64)
}

/// Moves a file's position.
#[export(kernel32, full)]
pub fn SetFilePointerEx(handle: HANDLE, distance: i64, new: Ptr<i64>, method: u32) -> Result<(), Win32Error> {
    let at = seek(handle, distance, method)?;
    Ok(new.write_opt(at as i64)?)
}

/// Moves a file's position; the result and `high` are its low and high half.
#[export(kernel32, full)]
pub fn SetFilePointer(handle: HANDLE, low: i32, high: Ptr<i32>, method: u32) -> u32 {
    const INVALID_SET_FILE_POINTER: u32 = u32::MAX;
    let go = || {
        let distance = if high.is_null() { i64::from(low) } else { i64::from(high.read()?) << 32 | i64::from(low as u32) };
        let at = seek(handle, distance, method)?;
        if high.is_null() && at > u64::from(u32::MAX) {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        high.write_opt((at >> 32) as i32)?;
        Ok(at as u32)
    };
    match go() {
        Ok(at) => {
            teb::set_last_error(Win32Error::SUCCESS);
            at
        }
        Err(error) => {
            teb::set_last_error(error);
            INVALID_SET_FILE_POINTER
        }
    }
}

/// Cuts or extends a file at its position.
#[export(kernel32, full)]
pub fn SetEndOfFile(handle: HANDLE) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    Ok(file.set_end_of_file(file.position()?)?)
}

/// A file's length.
#[export(kernel32, full)]
pub fn GetFileSizeEx(handle: HANDLE, size: Ptr<i64>) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    match file.kind {
        Kind::Disk | Kind::Directory => Ok(size.write(file.stat()?.size as i64)?),
        _ => Err(Win32Error::INVALID_FUNCTION),
    }
}

/// A file's length; the result and `high` are its low and high half.
#[export(kernel32, full)]
pub fn GetFileSize(handle: HANDLE, high: Ptr<u32>) -> u32 {
    let get = || {
        let file: Arc<File> = object::get(handle, 0)?;
        let size = file.stat()?.size;
        high.write_opt((size >> 32) as u32)?;
        Ok::<u32, Win32Error>(size as u32)
    };
    match get() {
        Ok(size) => {
            teb::set_last_error(Win32Error::SUCCESS);
            size
        }
        Err(error) => {
            teb::set_last_error(error);
            u32::MAX
        }
    }
}

fn lock(handle: HANDLE, offset: u64, len: u64, exclusive: bool, wait: bool) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    Ok(file.lock(offset, len, exclusive, wait)?)
}

fn both(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Locks a range of bytes for this handle alone.
#[export(kernel32, full)]
pub fn LockFile(handle: HANDLE, low: u32, high: u32, len_low: u32, len_high: u32) -> Result<(), Win32Error> {
    lock(handle, both(low, high), both(len_low, len_high), true, false)
}

/// Unlocks a range of bytes.
#[export(kernel32, full)]
pub fn UnlockFile(handle: HANDLE, low: u32, high: u32, len_low: u32, len_high: u32) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    Ok(file.unlock(both(low, high), both(len_low, len_high))?)
}

/// Locks a range of bytes, shared or not, at once or waiting.
#[export(kernel32, full)]
pub fn LockFileEx(
    handle: HANDLE,
    flags: u32,
    _reserved: u32,
    len_low: u32,
    len_high: u32,
    overlapped: Ptr<OVERLAPPED>,
) -> Result<(), Win32Error> {
    let offset = overlapped.byte_add(16).cast::<u64>().read()?;
    lock(handle, offset, both(len_low, len_high), flags & 2 != 0, flags & 1 == 0)
}

/// Unlocks a range of bytes.
#[export(kernel32, full)]
pub fn UnlockFileEx(handle: HANDLE, _reserved: u32, len_low: u32, len_high: u32, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    let offset = overlapped.byte_add(16).cast::<u64>().read()?;
    let file: Arc<File> = object::get(handle, 0)?;
    Ok(file.unlock(offset, both(len_low, len_high))?)
}

/// What kind of thing a handle stands for: 1 disk, 2 character device, 3 pipe.
#[export(kernel32, full)]
pub fn GetFileType(handle: HANDLE) -> u32 {
    match object::get::<File>(handle, 0) {
        Ok(file) => {
            teb::set_last_error(Win32Error::SUCCESS);
            match file.kind {
                Kind::Disk | Kind::Directory => 1,
                Kind::Console | Kind::Char => 2,
                Kind::Pipe => 3,
            }
        }
        Err(status) => {
            teb::set_last_error(status.into());
            0
        }
    }
}

/// Creates a pipe.
#[export(kernel32, full)]
pub fn CreatePipe(
    read: Ptr<HANDLE>,
    write: Ptr<HANDLE>,
    attributes: Ptr<windows_sys::Win32::Security::SECURITY_ATTRIBUTES>,
    _size: u32,
) -> Result<(), Win32Error> {
    let inherit = crate::synchapi::inherits(attributes)?;
    let (reader, writer) = ntdll::file::create_pipe()?;
    let (reader_access, writer_access) = (reader.access, writer.access);
    read.write(object::insert_inheritable(Arc::new(reader), reader_access, inherit))?;
    Ok(write.write(object::insert_inheritable(Arc::new(writer), writer_access, inherit))?)
}

/// How much can be read from a pipe at once, and the first of it.
#[export(kernel32, partial("does not copy the data"))]
pub fn PeekNamedPipe(
    handle: HANDLE,
    _buffer: Ptr<u8>,
    len: u32,
    read: Ptr<u32>,
    available: Ptr<u32>,
    left: Ptr<u32>,
) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if file.kind != Kind::Pipe {
        return Err(Win32Error::INVALID_FUNCTION);
    }
    if len != 0 {
        return Err(Win32Error::NOT_SUPPORTED);
    }
    let count = host::file::available(file.fd()).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    if count == 0 && host::file::hung_up(file.fd()) {
        return Err(Win32Error::BROKEN_PIPE);
    }
    read.write_opt(0)?;
    available.write_opt(count as u32)?;
    Ok(left.write_opt(0)?)
}

/// Blocking mode of a pipe.
#[export(kernel32, stub("accepts and ignores"))]
pub fn SetNamedPipeHandleState(_handle: HANDLE, _mode: Ptr<u32>, _most: Ptr<u32>, _timeout: Ptr<u32>) -> BOOL {
    BOOL(true)
}
