//! fileapi.h, and the file functions of winbase.h.

mod find;
mod info;
mod names;
mod notify;
mod rw;
mod volume;

pub use find::*;
pub use info::*;
pub use names::*;
pub use notify::*;
pub use rw::*;
pub use volume::*;

use crate::nls::ansi_arg;
use abi::{BOOL, FileHandle, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::file::open::{
    FILE_DELETE_ON_CLOSE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN_REPARSE_POINT, FILE_SYNCHRONOUS_IO_NONALERT,
    FILE_WRITE_THROUGH,
};
use ntdll::file::{self, CreateOptions, Disposition, File, Opened};
use ntdll::{object, path};
use std::sync::Arc;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem as fs;

/// The rights that every Win32 open asks for besides.
const ALWAYS: u32 = ntdll::access::SYNCHRONIZE | ntdll::access::FILE_READ_ATTRIBUTES;

/// Opens a file object by a DOS path.
pub fn open_file(
    name: &[u16],
    access: u32,
    share: u32,
    disposition: Disposition,
    options: u32,
    attributes: u32,
) -> Result<(File, Opened), Win32Error> {
    let how = CreateOptions { access: access | ALWAYS, share, disposition, options, attributes };
    Ok(file::open(&path::nt_path(name)?, &how)?)
}

/// Opens for attributes or renaming, files and folders alike.
fn open_for(name: &[u16], access: u32, options: u32) -> Result<File, Win32Error> {
    Ok(open_file(name, access, 7, Disposition::Open, options, 0)?.0)
}

fn create(
    name: &[u16],
    access: u32,
    share: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    disposition: u32,
    flags: u32,
) -> Result<FileHandle, Win32Error> {
    let inherit = crate::synchapi::inherits(attributes)?;
    let nt_disposition = match disposition {
        fs::CREATE_NEW => Disposition::Create,
        fs::CREATE_ALWAYS => Disposition::OverwriteIf,
        fs::OPEN_EXISTING => Disposition::Open,
        fs::OPEN_ALWAYS => Disposition::OpenIf,
        fs::TRUNCATE_EXISTING => Disposition::Overwrite,
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    if disposition == fs::TRUNCATE_EXISTING && access & (0x4000_0000 | 2 | 0x1000_0000) == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut options = 0;
    let mut wanted = access;
    let mut set = |flag: u32, option: u32| {
        if flags & flag != 0 {
            options |= option;
        }
    };
    set(fs::FILE_FLAG_WRITE_THROUGH, FILE_WRITE_THROUGH);
    set(fs::FILE_FLAG_OPEN_REPARSE_POINT, FILE_OPEN_REPARSE_POINT);
    set(fs::FILE_FLAG_DELETE_ON_CLOSE, FILE_DELETE_ON_CLOSE);
    if flags & fs::FILE_FLAG_BACKUP_SEMANTICS == 0 {
        options |= FILE_NON_DIRECTORY_FILE;
    }
    if flags & fs::FILE_FLAG_OVERLAPPED == 0 {
        options |= FILE_SYNCHRONOUS_IO_NONALERT;
    }
    if flags & fs::FILE_FLAG_DELETE_ON_CLOSE != 0 {
        wanted |= ntdll::access::DELETE;
    }
    let (file, opened) = match open_file(name, wanted, share, nt_disposition, options, flags & 0xffff) {
        Ok(result) => result,
        // CREATE_NEW of what exists is documented as ERROR_FILE_EXISTS.
        Err(Win32Error::ALREADY_EXISTS) => return Err(Win32Error::FILE_EXISTS),
        Err(error) => return Err(error),
    };
    let existed = matches!(disposition, fs::CREATE_ALWAYS | fs::OPEN_ALWAYS) && opened != Opened::Created;
    let granted = file.access;
    let handle = object::insert_inheritable(Arc::new(file), granted, inherit);
    teb::set_last_error(if existed { Win32Error::ALREADY_EXISTS } else { Win32Error::SUCCESS });
    Ok(FileHandle(handle))
}

/// Opens or creates a file.
#[export(kernel32, partial("no templates; FILE_FLAG_NO_BUFFERING is ignored"))]
pub fn CreateFileW(
    name: PCWSTR,
    access: u32,
    share: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    disposition: u32,
    flags: u32,
    _template: HANDLE,
) -> Result<FileHandle, Win32Error> {
    let name = name.read_wide().map_err(|_| Win32Error::PATH_NOT_FOUND)?;
    if name.is_empty() {
        return Err(Win32Error::PATH_NOT_FOUND);
    }
    create(&name, access, share, attributes, disposition, flags)
}

/// CreateFileW with an ANSI name.
#[export(kernel32, partial("no templates; FILE_FLAG_NO_BUFFERING is ignored"))]
pub fn CreateFileA(
    name: PCSTR,
    access: u32,
    share: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    disposition: u32,
    flags: u32,
    _template: HANDLE,
) -> Result<FileHandle, Win32Error> {
    let name = ansi_arg(name).map_err(|_| Win32Error::PATH_NOT_FOUND)?;
    if name.is_empty() {
        return Err(Win32Error::PATH_NOT_FOUND);
    }
    create(&name, access, share, attributes, disposition, flags)
}

/// Opens or creates a file, with parameters in a structure.
#[export(kernel32 + kernelbase, partial("no templates"))]
pub fn CreateFile2(
    name: PCWSTR,
    access: u32,
    share: u32,
    disposition: u32,
    parameters: Ptr<fs::CREATEFILE2_EXTENDED_PARAMETERS>,
) -> Result<FileHandle, Win32Error> {
    let (flags, attributes) = if parameters.is_null() {
        (0, Ptr::NULL)
    } else {
        let p = parameters.read()?;
        (p.dwFileAttributes | p.dwFileFlags, Ptr::new(p.lpSecurityAttributes as usize))
    };
    create(&name.read_wide()?, access, share, attributes, disposition, flags)
}

/// Opens an open file anew with other rights.
#[export(kernel32, full)]
pub fn ReOpenFile(original: HANDLE, access: u32, share: u32, flags: u32) -> Result<FileHandle, Win32Error> {
    let file: Arc<File> = object::get(original, 0)?;
    let name = path::from_host(&file.path()).ok_or(Win32Error::INVALID_HANDLE)?;
    create(&name, access, share, Ptr::NULL, fs::OPEN_EXISTING, flags | fs::FILE_FLAG_BACKUP_SEMANTICS)
}

fn make_directory(name: &[u16]) -> Result<(), Win32Error> {
    let options = FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT;
    open_file(name, 1, 7, Disposition::Create, options, 0)?;
    Ok(())
}

/// Creates a folder.
#[export(kernel32, partial("ignores security attributes"))]
pub fn CreateDirectoryW(name: PCWSTR, _attributes: usize) -> Result<(), Win32Error> {
    make_directory(&name.read_wide()?)
}

/// CreateDirectoryW with an ANSI name.
#[export(kernel32, partial("ignores security attributes"))]
pub fn CreateDirectoryA(name: PCSTR, _attributes: usize) -> Result<(), Win32Error> {
    make_directory(&ansi_arg(name)?)
}

/// Creates a folder like another one.
#[export(kernel32, partial("takes nothing from the template"))]
pub fn CreateDirectoryExW(_template: PCWSTR, name: PCWSTR, attributes: usize) -> Result<(), Win32Error> {
    CreateDirectoryW(name, attributes)
}

fn remove(name: &[u16], options: u32) -> Result<(), Win32Error> {
    let file = open_for(name, ntdll::access::DELETE, options | FILE_OPEN_REPARSE_POINT)?;
    // A folder that is a symbolic link is removed as a folder.
    if options & FILE_DIRECTORY_FILE != 0 && file.kind != file::Kind::Directory && !file.is_link {
        return Err(Win32Error::DIRECTORY);
    }
    file.set_disposition(true, true, false)?;
    Ok(())
}

/// Removes an empty folder.
#[export(kernel32, full)]
pub fn RemoveDirectoryW(name: PCWSTR) -> Result<(), Win32Error> {
    remove(&name.read_wide()?, FILE_DIRECTORY_FILE)
}

/// RemoveDirectoryW with an ANSI name.
#[export(kernel32, full)]
pub fn RemoveDirectoryA(name: PCSTR) -> Result<(), Win32Error> {
    remove(&ansi_arg(name)?, FILE_DIRECTORY_FILE)
}

/// Deletes a file.
#[export(kernel32, full)]
pub fn DeleteFileW(name: PCWSTR) -> Result<(), Win32Error> {
    remove(&name.read_wide()?, FILE_NON_DIRECTORY_FILE)
}

/// DeleteFileW with an ANSI name.
#[export(kernel32, full)]
pub fn DeleteFileA(name: PCSTR) -> Result<(), Win32Error> {
    remove(&ansi_arg(name)?, FILE_NON_DIRECTORY_FILE)
}

/// Whether file functions use the ANSI code page: always.
#[export(kernel32, full)]
pub fn AreFileApisANSI() -> BOOL {
    BOOL(true)
}

/// Lets file functions use the OEM code page.
#[export(kernel32, stub("keeps the ANSI code page"))]
pub fn SetFileApisToOEM() {}

/// Lets file functions use the ANSI code page.
#[export(kernel32, full)]
pub fn SetFileApisToANSI() {}

/// How many handles may be open; there is no such limit.
#[export(kernel32, full)]
pub fn SetHandleCount(count: u32) -> u32 {
    count
}
