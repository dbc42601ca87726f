//! What the C runtime asks of the system, in one place.

use abi::{HANDLE, NTSTATUS, Ptr, Win32Error};
use ntdll::file::{self, CreateOptions, Disposition, File, Kind};
use ntdll::{access, object, path};
use std::sync::Arc;

pub type Result<T> = std::result::Result<T, Win32Error>;

/// FILE_SYNCHRONOUS_IO_NONALERT.
const SYNCHRONOUS: u32 = 0x20;
pub const NON_DIRECTORY: u32 = 0x40;
pub const DELETE_ON_CLOSE: u32 = 0x1000;
/// FILE_DIRECTORY_FILE.
const DIRECTORY: u32 = 1;
/// FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE.
const SHARE_ALL: u32 = 7;

fn file(handle: HANDLE) -> Result<Arc<File>> {
    Ok(object::get::<File>(handle, 0)?)
}

/// An NT path for a Windows path.
fn nt(path: &[u16]) -> Result<Vec<u16>> {
    if path.is_empty() {
        return Err(Win32Error(3));
    }
    Ok(path::nt_path(path)?)
}

pub fn open(
    path: &[u16],
    access: u32,
    share: u32,
    disposition: Disposition,
    attributes: u32,
    options: u32,
    inherit: bool,
) -> Result<HANDLE> {
    let access = access | access::SYNCHRONIZE | access::FILE_READ_ATTRIBUTES;
    let how = CreateOptions { access, share, disposition, options: options | SYNCHRONOUS, attributes };
    let (file, _) = file::open(&nt(path)?, &how).map_err(|status| match status {
        // CREATE_NEW's own code.
        NTSTATUS::OBJECT_NAME_COLLISION if disposition == Disposition::Create => Win32Error(80),
        other => other.into(),
    })?;
    let granted = file.access;
    Ok(object::insert_inheritable(Arc::new(file), granted, inherit))
}

/// Reads at the file's position; 0 at its end.
pub fn read(handle: HANDLE, addr: usize, len: usize) -> Result<usize> {
    match file(handle)?.read(addr, len, None) {
        Ok(n) => Ok(n),
        Err(NTSTATUS::END_OF_FILE | NTSTATUS::PIPE_BROKEN) => Ok(0),
        Err(status) => Err(status.into()),
    }
}

pub fn read_into(handle: HANDLE, into: &mut [u8]) -> Result<usize> {
    read(handle, into.as_mut_ptr() as usize, into.len())
}

pub fn write(handle: HANDLE, bytes: &[u8]) -> Result<usize> {
    let file = file(handle)?;
    if file.kind == Kind::Console {
        // The console has a code page of its own.
        for part in bytes.chunks(0x1000_0000) {
            kernel32::consoleapi::WriteConsoleA(handle, Ptr::of(part.as_ptr()), part.len() as u32, Ptr::NULL, Ptr::NULL)?;
        }
        return Ok(bytes.len());
    }
    Ok(file.write(bytes.as_ptr() as usize, bytes.len(), None)?)
}

/// Moves the position: from the start (0), from where it is (1), from the end (2).
pub fn seek(handle: HANDLE, offset: i64, whence: i32) -> Result<i64> {
    let file = file(handle)?;
    if file.kind != Kind::Disk {
        return Err(Win32Error(1));
    }
    let base = match whence {
        0 => 0,
        1 => file.position()? as i64,
        _ => file.stat()?.size as i64,
    };
    // ERROR_NEGATIVE_SEEK.
    let target = base.checked_add(offset).filter(|&p| p >= 0).ok_or(Win32Error(131))?;
    file.set_position(target as u64)?;
    Ok(target)
}

pub fn size(handle: HANDLE) -> Result<u64> {
    Ok(file(handle)?.stat()?.size)
}

pub fn set_size(handle: HANDLE, size: u64) -> Result<()> {
    Ok(file(handle)?.set_end_of_file(size)?)
}

pub fn close(handle: HANDLE) -> Result<()> {
    Ok(object::close(handle)?)
}

pub fn duplicate(handle: HANDLE, inherit: bool) -> Result<HANDLE> {
    // DUPLICATE_SAME_ACCESS.
    Ok(object::duplicate(handle, 0, inherit, 2)?)
}

pub fn flush(handle: HANDLE) -> Result<()> {
    let file = file(handle)?;
    if file.kind == Kind::Disk {
        host::file::sync(file.fd()).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    }
    Ok(())
}

/// What kind of file stands behind a handle.
pub fn kind(handle: HANDLE) -> Option<Kind> {
    file(handle).ok().map(|f| f.kind)
}

pub fn stat(handle: HANDLE) -> Result<host::file::Stat> {
    Ok(file(handle)?.stat()?)
}

pub fn stat_path(path: &[u16]) -> Result<host::file::Stat> {
    Ok(file::query_path(&nt(path)?, true)?.0)
}

pub fn attributes(stat: &host::file::Stat) -> u32 {
    file::attributes(stat, false)
}

pub fn pipe(inherit: bool) -> Result<(HANDLE, HANDLE)> {
    let (read, write) = file::create_pipe()?;
    let (ra, wa) = (read.access, write.access);
    Ok((object::insert_inheritable(Arc::new(read), ra, inherit), object::insert_inheritable(Arc::new(write), wa, inherit)))
}

fn with_open<R>(path: &[u16], access: u32, options: u32, f: impl FnOnce(&File) -> std::result::Result<R, NTSTATUS>) -> Result<R> {
    let how = CreateOptions { access, share: SHARE_ALL, disposition: Disposition::Open, options: options | SYNCHRONOUS, attributes: 0 };
    let (file, _) = file::open(&nt(path)?, &how)?;
    let granted = file.access;
    let file = Arc::new(file);
    let handle = object::insert(file.clone(), granted);
    let result = f(&file);
    drop(file);
    let _ = object::close(handle);
    Ok(result?)
}

/// Deletes a file or an empty folder.
pub fn delete(path: &[u16], folder: bool) -> Result<()> {
    // FILE_OPEN_REPARSE_POINT: a link goes, not what it leads to.
    let options = if folder { DIRECTORY } else { NON_DIRECTORY } | 0x20_0000;
    with_open(path, access::DELETE, options, |file| file.set_disposition(true, false, false))
}

pub fn make_dir(path: &[u16]) -> Result<()> {
    let how = CreateOptions {
        access: access::FILE_READ_ATTRIBUTES,
        share: SHARE_ALL,
        disposition: Disposition::Create,
        options: DIRECTORY | SYNCHRONOUS,
        attributes: 0,
    };
    file::open(&nt(path)?, &how)?;
    Ok(())
}

pub fn rename(from: &[u16], to: &[u16]) -> Result<()> {
    let target = nt(to)?;
    with_open(from, access::DELETE | access::SYNCHRONIZE, 0x20_0000, |file| file.rename(&target, false))
}

pub fn set_read_only(path: &[u16], read_only: bool) -> Result<()> {
    let mode = stat_path(path)?.mode;
    let mode = if read_only { mode & !0o222 } else { mode | 0o200 | (mode & 0o44) >> 1 };
    let host = ntdll::spelling::resolve_case(&path::to_host(&path::full_path(path)?)?)?;
    host::file::set_mode_path(&host, mode).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))
}

/// Sets times in nanoseconds since 1970.
pub fn set_times(handle: HANDLE, accessed: i64, modified: i64) -> Result<()> {
    let file = file(handle)?;
    host::file::set_times_path(format!("/proc/self/fd/{}", file.fd()).as_bytes(), Some(accessed), Some(modified), true)
        .map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))
}

pub fn full_path(path: &[u16]) -> Result<Vec<u16>> {
    Ok(path::full_path(path)?)
}

/// Entries of a folder whose names match a pattern.
pub fn list(folder: &[u16], pattern: &[u16]) -> Result<Vec<file::DirEntry>> {
    let host = ntdll::spelling::resolve_case(&path::to_host(&path::full_path(folder)?)?)?;
    // A drive's root has no entries for itself.
    let full = path::full_path(folder)?;
    let is_root = full.len() <= 3;
    let pattern = file::directory::dos_pattern(pattern);
    Ok(file::Listing::new(host, Some(&pattern), is_root)?.collect())
}

/// Starts a program. `reserved` goes to its STARTUPINFO.lpReserved2; `redirect` replaces one standard handle.
pub fn create_process(
    program: Option<&[u16]>,
    line: &[u16],
    environment: Option<&[Vec<u16>]>,
    reserved: &[u8],
    _detached: bool,
    redirect: Option<(usize, HANDLE)>,
) -> Result<HANDLE> {
    let mut standard = [0, 1, 2].map(ntdll::process::standard_handle);
    if let Some((index, handle)) = redirect {
        standard[index] = handle;
    }
    let (process, _) = kernel32::create_process::start(kernel32::create_process::Request {
        application: program.map(<[u16]>::to_vec),
        line: Some(line.to_vec()),
        environment: environment.map_or_else(ntdll::process::environment, <[_]>::to_vec),
        directory: None,
        standard: Some(standard),
        inherit: true,
        only: None,
        suspended: false,
        reserved: reserved.to_vec(),
        jobs: Vec::new(),
    })?;
    Ok(object::insert(process, access::PROCESS_ALL_ACCESS))
}

/// Waits for a process to end, closes its handle, and returns its exit code.
pub fn wait_process(process: HANDLE) -> Result<u32> {
    let child = object::get::<ntdll::child::ChildProcess>(process, 0)?;
    ntdll::sync::wait_for_handle(process, false, None)?;
    close(process)?;
    Ok(child.exit_code())
}
