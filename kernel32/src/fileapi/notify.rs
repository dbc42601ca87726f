//! Change notification: ReadDirectoryChanges of winbase.h, and the notification handles of fileapi.h.

use super::open_file;
use super::rw::queue;
use crate::nls::ansi_arg;
use abi::{BOOL, FileHandle, GuestFn, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::access::FILE_READ_DATA;
use ntdll::file::open::FILE_DIRECTORY_FILE;
use ntdll::file::pending::{Request, Started};
use ntdll::file::{Disposition, Done, File, notify};
use ntdll::object;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use windows_sys::Win32::System::IO::OVERLAPPED;

/// Waits for changes in a folder, or lets them be reported.
#[export(
    kernel32 + kernelbase,
    partial("a folder does not count as modified when something is made or removed in it; its own removal is told when it is closed")
)]
pub fn ReadDirectoryChangesW(
    handle: HANDLE,
    buffer: Ptr<u8>,
    len: u32,
    subtree: BOOL,
    filter: u32,
    returned: Ptr<u32>,
    overlapped: Ptr<OVERLAPPED>,
    routine: GuestFn,
) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, FILE_READ_DATA)?;
    // Without an OVERLAPPED nobody looks at the status block.
    let own = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let request = if overlapped.is_null() {
        if !file.is_synchronous() {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        Request { block: own[0].as_ptr() as usize, event: None, context: 0, routine: None }
    } else if routine.is_null() {
        Request::of_overlapped(overlapped.addr())?
    } else {
        Request { block: overlapped.addr(), event: None, context: 0, routine: queue(routine, overlapped) }
    };
    match notify::start(&file, buffer, len, filter, subtree.0, request)? {
        // It was told already, by event, port or routine.
        Started::Pending => Ok(()),
        Started::Done(done) if !file.is_synchronous() && done.is_success() => Ok(()),
        Started::Done(Done { status, bytes }) => {
            returned.write_opt(bytes as u32)?;
            if status.0 == 0 { Ok(()) } else { Err(status.into()) }
        }
    }
}

/// Where the status of notification handles goes: they are only waited for.
static UNREAD: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

fn next(file: &Arc<File>, filter: u32, subtree: bool) -> Result<(), Win32Error> {
    let request = Request { block: UNREAD[0].as_ptr() as usize, event: None, context: 0, routine: None };
    notify::start(file, Ptr::NULL, 0, filter, subtree, request)?;
    Ok(())
}

fn first(path: &[u16], subtree: bool, filter: u32) -> Result<FileHandle, Win32Error> {
    let (file, _) = open_file(path, FILE_READ_DATA, 7, Disposition::Open, FILE_DIRECTORY_FILE, 0)?;
    let file = Arc::new(file);
    next(&file, filter, subtree)?;
    let access = file.access;
    Ok(FileHandle(object::insert(file, access)))
}

/// A handle that is signalled by changes in a folder.
#[export(kernel32 + kernelbase, partial("a folder does not count as modified when something is made or removed in it"))]
pub fn FindFirstChangeNotificationW(path: PCWSTR, subtree: BOOL, filter: u32) -> Result<FileHandle, Win32Error> {
    first(&path.read_wide()?, subtree.0, filter)
}

/// A handle that is signalled by changes in a folder.
#[export(kernel32 + kernelbase, partial("a folder does not count as modified when something is made or removed in it"))]
pub fn FindFirstChangeNotificationA(path: PCSTR, subtree: BOOL, filter: u32) -> Result<FileHandle, Win32Error> {
    first(&ansi_arg(path)?, subtree.0, filter)
}

/// Waits for further changes: the handle is signalled by those that came meanwhile, too.
#[export(kernel32 + kernelbase, full)]
pub fn FindNextChangeNotification(handle: HANDLE) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if !notify::is_watched(&file) {
        return Err(Win32Error::INVALID_HANDLE);
    }
    // What to watch for is settled; any valid filter will do.
    next(&file, 1, false)
}

/// Ends a notification.
#[export(kernel32 + kernelbase, full)]
pub fn FindCloseChangeNotification(handle: HANDLE) -> Result<(), Win32Error> {
    if handle == HANDLE::INVALID || object::get::<File>(handle, 0).is_err() {
        teb::set_last_error(Win32Error::INVALID_HANDLE);
        return Err(Win32Error::INVALID_HANDLE);
    }
    Ok(object::close(handle)?)
}
