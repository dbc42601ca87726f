//! Reading, writing, positions, lengths, locks, pipes.

use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, Win32Error, export, teb};
use ntdll::access::{FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA};
use ntdll::file::pending::{Request, Started};
use ntdll::file::transfer::{self, Operation};
use ntdll::file::{Done, File, Kind};
use ntdll::object;
use std::sync::Arc;
use windows_sys::Win32::System::IO::OVERLAPPED;

/// What is called when an operation of ReadFileEx or WriteFileEx is done.
type Routine = Option<Box<dyn FnOnce(Done) + Send>>;

/// Does one transfer by the rules of ReadFile and WriteFile.
fn transfer(
    handle: HANDLE,
    operation: Operation,
    buffer: Ptr<u8>,
    len: u32,
    done: Ptr<u32>,
    overlapped: Ptr<OVERLAPPED>,
    routine: Routine,
) -> Result<(), Win32Error> {
    let needed = if operation == Operation::Read { FILE_READ_DATA } else { FILE_WRITE_DATA | FILE_APPEND_DATA };
    done.write_opt(0)?;
    let entry = object::table_info(handle)?;
    let file: Arc<File> = object::downcast(entry.object).ok_or(Win32Error::INVALID_HANDLE)?;
    if entry.access & needed == 0 {
        return Err(Win32Error::ACCESS_DENIED);
    }
    let how = if overlapped.is_null() {
        if !file.is_synchronous() && file.kind == Kind::Disk {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        match transfer::transfer(&file, operation, buffer.addr(), len as usize, None) {
            // At the end of a file reading succeeds with 0 bytes.
            Done { status: NTSTATUS::END_OF_FILE, .. } => Done::ok(0),
            how => how,
        }
    } else {
        let offset = (file.kind == Kind::Disk).then_some(overlapped.byte_add(16).cast::<u64>().read()?);
        let mut request = Request::of_overlapped(overlapped.addr())?;
        if routine.is_some() {
            // The event is the caller's to use as it likes.
            request = Request { event: None, context: 0, routine, ..request };
        }
        match transfer::submit(&file, operation, buffer.addr(), len as usize, offset, request)? {
            Started::Done(how) => how,
            Started::Pending => return Err(Win32Error::IO_PENDING),
        }
    };
    done.write_opt(how.bytes as u32)?;
    if how.status.is_ok() { Ok(()) } else { Err(how.status.into()) }
}

/// Reads. At the end of a file it succeeds with 0 bytes, unless overlapped.
#[export(kernel32, full)]
pub fn ReadFile(handle: HANDLE, buffer: Ptr<u8>, len: u32, done: Ptr<u32>, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    transfer(handle, Operation::Read, buffer, len, done, overlapped, None)
}

/// Writes.
#[export(kernel32, full)]
pub fn WriteFile(handle: HANDLE, buffer: Ptr<u8>, len: u32, done: Ptr<u32>, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    transfer(handle, Operation::Write, buffer, len, done, overlapped, None)
}

/// Queues the completion routine to the calling thread: it gets the error code, the bytes and the OVERLAPPED.
pub(super) fn queue(routine: GuestFn, overlapped: Ptr<OVERLAPPED>) -> Routine {
    let thread = ntdll::thread::current();
    Some(Box::new(move |done: Done| {
        let code = if done.status.is_ok() { 0 } else { done.status.to_win32().0 };
        let arguments = [code.into(), done.bytes as u64, overlapped.addr() as u64];
        thread.queue_apc(ntdll::thread::Apc { function: routine, arguments });
    }))
}

/// An operation with a routine is started: that it waits is no failure.
fn started(result: Result<(), Win32Error>) -> Result<(), Win32Error> {
    match result {
        Err(Win32Error::IO_PENDING) => Ok(()),
        other => other,
    }
}

/// Reads and calls a routine when done, in an alertable wait.
#[export(kernel32, full)]
pub fn ReadFileEx(handle: HANDLE, buffer: Ptr<u8>, len: u32, overlapped: Ptr<OVERLAPPED>, routine: GuestFn) -> Result<(), Win32Error> {
    started(transfer(handle, Operation::Read, buffer, len, Ptr::NULL, overlapped, queue(routine, overlapped)))
}

/// Writes and calls a routine when done, in an alertable wait.
#[export(kernel32, full)]
pub fn WriteFileEx(handle: HANDLE, buffer: Ptr<u8>, len: u32, overlapped: Ptr<OVERLAPPED>, routine: GuestFn) -> Result<(), Win32Error> {
    started(transfer(handle, Operation::Write, buffer, len, Ptr::NULL, overlapped, queue(routine, overlapped)))
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
                Kind::Pipe | Kind::PipeFolder => 3,
                Kind::MountManager | Kind::Random => 0,
            }
        }
        Err(status) => {
            teb::set_last_error(status.into());
            0
        }
    }
}
