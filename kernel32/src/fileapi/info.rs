//! Attributes, times and other facts, by name and by handle; renaming, copying, links.

use super::{directory_info, open_file, open_for};
use crate::nls::ansi_arg;
use crate::processenv::give_text;
use abi::{BOOL, GuestFn, HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export, teb};
use ntdll::file::open::{FILE_OPEN_REPARSE_POINT, FILE_SYNCHRONOUS_IO_NONALERT};
use ntdll::file::{self, BasicInfo, Disposition, File, Kind};
use ntdll::{nls, object, path};
use std::sync::Arc;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::Storage::FileSystem as fs;

const INVALID_FILE_ATTRIBUTES: u32 = u32::MAX;

fn number(time: FILETIME) -> i64 {
    (i64::from(time.dwHighDateTime) << 32) | i64::from(time.dwLowDateTime)
}

fn filetime(value: i64) -> FILETIME {
    super::filetime(value)
}

fn attributes(name: &[u16]) -> Result<u32, Win32Error> {
    let (stat, is_link) = file::query_path(&path::nt_path(name)?, false)?;
    Ok(file::attributes(&stat, is_link))
}

fn or_invalid(result: Result<u32, Win32Error>) -> u32 {
    result.unwrap_or_else(|error| {
        teb::set_last_error(error);
        INVALID_FILE_ATTRIBUTES
    })
}

/// The attributes of a file.
#[export(kernel32, partial("hidden and system files do not exist"))]
pub fn GetFileAttributesW(name: PCWSTR) -> u32 {
    or_invalid(name.read_wide().map_err(Win32Error::from).and_then(|n| attributes(&n)))
}

/// GetFileAttributesW with an ANSI name.
#[export(kernel32, partial("hidden and system files do not exist"))]
pub fn GetFileAttributesA(name: PCSTR) -> u32 {
    or_invalid(ansi_arg(name).and_then(|n| attributes(&n)))
}

fn attributes_ex(name: &[u16], data: Ptr<fs::WIN32_FILE_ATTRIBUTE_DATA>) -> Result<(), Win32Error> {
    let (stat, is_link) = file::query_path(&path::nt_path(name)?, false)?;
    let info = file::basic_info(&stat, is_link);
    let size = if info.attributes & file::ATTRIBUTE_DIRECTORY != 0 || is_link { 0 } else { stat.size };
    Ok(data.write(fs::WIN32_FILE_ATTRIBUTE_DATA {
        dwFileAttributes: info.attributes,
        ftCreationTime: filetime(info.creation_time),
        ftLastAccessTime: filetime(info.last_access_time),
        ftLastWriteTime: filetime(info.last_write_time),
        nFileSizeHigh: (size >> 32) as u32,
        nFileSizeLow: size as u32,
    })?)
}

/// Attributes, times and size of a file.
#[export(kernel32, full)]
pub fn GetFileAttributesExW(name: PCWSTR, _level: u32, data: Ptr<fs::WIN32_FILE_ATTRIBUTE_DATA>) -> Result<(), Win32Error> {
    attributes_ex(&name.read_wide()?, data)
}

/// GetFileAttributesExW with an ANSI name.
#[export(kernel32, full)]
pub fn GetFileAttributesExA(name: PCSTR, _level: u32, data: Ptr<fs::WIN32_FILE_ATTRIBUTE_DATA>) -> Result<(), Win32Error> {
    attributes_ex(&ansi_arg(name)?, data)
}

fn set_attributes(name: &[u16], attributes: u32) -> Result<(), Win32Error> {
    let file = open_for(name, ntdll::access::FILE_WRITE_ATTRIBUTES, FILE_OPEN_REPARSE_POINT)?;
    let attributes = if attributes == 0 { file::ATTRIBUTE_NORMAL } else { attributes };
    // A folder keeps being one.
    let attributes = attributes & !file::ATTRIBUTE_DIRECTORY;
    Ok(file.set_basic_info(&BasicInfo { attributes, ..BasicInfo::default() })?)
}

/// Sets the attributes of a file: read-only is what is kept.
#[export(kernel32, partial("keeps read-only; hidden, system and others are dropped"))]
pub fn SetFileAttributesW(name: PCWSTR, attributes: u32) -> Result<(), Win32Error> {
    set_attributes(&name.read_wide()?, attributes)
}

/// SetFileAttributesW with an ANSI name.
#[export(kernel32, partial("keeps read-only; hidden, system and others are dropped"))]
pub fn SetFileAttributesA(name: PCSTR, attributes: u32) -> Result<(), Win32Error> {
    set_attributes(&ansi_arg(name)?, attributes)
}

/// The times of a file.
#[export(kernel32, full)]
pub fn GetFileTime(handle: HANDLE, creation: Ptr<FILETIME>, access: Ptr<FILETIME>, write: Ptr<FILETIME>) -> Result<(), Win32Error> {
    let info = object::get::<File>(handle, 0)?.basic_info()?;
    creation.write_opt(filetime(info.creation_time))?;
    access.write_opt(filetime(info.last_access_time))?;
    Ok(write.write_opt(filetime(info.last_write_time))?)
}

/// Sets the times of a file.
#[export(kernel32, partial("the creation time cannot be set"))]
pub fn SetFileTime(handle: HANDLE, _creation: Ptr<FILETIME>, access: Ptr<FILETIME>, write: Ptr<FILETIME>) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, ntdll::access::FILE_WRITE_ATTRIBUTES)?;
    let read = |time: Ptr<FILETIME>| if time.is_null() { Ok(0) } else { time.read().map(number) };
    let info = BasicInfo { last_access_time: read(access)?, last_write_time: read(write)?, ..BasicInfo::default() };
    Ok(file.set_basic_info(&info)?)
}

/// What identifies a file, and more.
#[export(kernel32, full)]
pub fn GetFileInformationByHandle(handle: HANDLE, to: Ptr<fs::BY_HANDLE_FILE_INFORMATION>) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if !matches!(file.kind, Kind::Disk | Kind::Directory) {
        return Err(Win32Error::INVALID_FUNCTION);
    }
    let stat = file.stat()?;
    let info = file::basic_info(&stat, file.is_link);
    let size = if file.kind == Kind::Directory { 0 } else { stat.size };
    Ok(to.write(fs::BY_HANDLE_FILE_INFORMATION {
        dwFileAttributes: info.attributes,
        ftCreationTime: filetime(info.creation_time),
        ftLastAccessTime: filetime(info.last_access_time),
        ftLastWriteTime: filetime(info.last_write_time),
        dwVolumeSerialNumber: volume_serial(stat.dev),
        nFileSizeHigh: (size >> 32) as u32,
        nFileSizeLow: size as u32,
        nNumberOfLinks: stat.links,
        nFileIndexHigh: (stat.ino >> 32) as u32,
        nFileIndexLow: stat.ino as u32,
    })?)
}

/// A serial number made from the host's device number.
pub fn volume_serial(dev: u64) -> u32 {
    (dev as u32) ^ ((dev >> 32) as u32) ^ 0x756f_7372
}

/// Facts about an open file, by class (FILE_INFO_BY_HANDLE_CLASS).
#[export(kernel32, partial("no stream, alignment and remote protocol information"))]
pub fn GetFileInformationByHandleEx(handle: HANDLE, class: u32, to: Ptr<u8>, len: u32) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    let len = len as usize;
    let give = |bytes: &[u8]| if bytes.len() > len { Err(Win32Error::BAD_LENGTH) } else { Ok(to.write_slice(bytes)?) };
    let words = |words: &[u64]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let directory = || matches!(file.kind, Kind::Directory);
    match class {
        0 => {
            let info = file.basic_info()?;
            let mut bytes =
                words(&[info.creation_time as u64, info.last_access_time as u64, info.last_write_time as u64, info.change_time as u64]);
            bytes.extend(words(&[u64::from(info.attributes)]));
            give(&bytes)
        }
        1 => {
            let stat = file.stat()?;
            let size = if directory() { 0 } else { stat.size };
            let mut bytes = words(&[stat.allocated, size]);
            bytes.extend(stat.links.to_le_bytes());
            bytes.extend([u8::from(file.is_delete_pending()), u8::from(directory()), 0, 0]);
            give(&bytes)
        }
        2 | 24 => {
            let text = path::from_host(&file.path()).unwrap_or_default();
            let text = text.get(2..).unwrap_or_default();
            let mut bytes = ((text.len() * 2) as u32).to_le_bytes().to_vec();
            bytes.extend(text.iter().flat_map(|u| u.to_le_bytes()));
            if bytes.len() > len { Err(Win32Error::MORE_DATA) } else { give(&bytes) }
        }
        // Not compressed: size, format none, shifts.
        8 => give(&words(&[file.stat()?.size, 0])),
        9 => {
            let attributes = file.basic_info()?.attributes;
            let tag = file.reparse_tag();
            give(&[attributes.to_le_bytes(), tag.to_le_bytes()].concat())
        }
        7 => Err(Win32Error::HANDLE_EOF),
        10 | 11 | 14 | 15 => directory_info(&file, class, to, len),
        16 => {
            // FILE_STORAGE_INFO: sector sizes, no flags, aligned.
            let block = 4096u32.to_le_bytes();
            give(&[block, block, block, block, [0; 4], [0; 4], [0; 4]].concat())
        }
        18 => {
            let stat = file.stat()?;
            give(&words(&[u64::from(volume_serial(stat.dev)), stat.ino, 0]))
        }
        23 => give(&0u32.to_le_bytes()),
        _ => Err(Win32Error::INVALID_PARAMETER),
    }
}

/// Changes an open file, by class.
#[export(kernel32, partial("no I/O priority, no rename relative to a folder"))]
pub fn SetFileInformationByHandle(handle: HANDLE, class: u32, from: Ptr<u8>, len: u32) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    let need = |n: u32| if len < n { Err(Win32Error::BAD_LENGTH) } else { Ok(()) };
    match class {
        0 => {
            need(36)?;
            let mut info = BasicInfo::default();
            let time = |index: usize| from.cast::<i64>().add(index).read();
            (info.creation_time, info.last_access_time, info.last_write_time) = (time(0)?, time(1)?, time(2)?);
            info.attributes = from.byte_add(32).cast::<u32>().read()?;
            Ok(file.set_basic_info(&info)?)
        }
        3 | 22 => {
            need(24)?;
            let flags: u32 = from.cast().read()?;
            let replace = if class == 3 { flags & 0xff != 0 } else { flags & 1 != 0 };
            let name_len = from.byte_add(16).cast::<u32>().read()? as usize;
            let name: Ptr<u16> = from.byte_add(20).cast();
            let text = name.read_vec(name_len / 2)?;
            let end = text.iter().position(|&u| u == 0).unwrap_or(text.len());
            Ok(file.rename(&path::nt_path(&text[..end])?, replace)?)
        }
        4 => {
            need(1)?;
            Ok(file.set_disposition(from.read()? != 0, false, false)?)
        }
        21 => {
            need(4)?;
            // FILE_DISPOSITION_FLAG_DELETE 1, POSIX_SEMANTICS 2, IGNORE_READONLY_ATTRIBUTE 0x10.
            let flags: u32 = from.cast().read()?;
            Ok(file.set_disposition(flags & 1 != 0, flags & 2 != 0, flags & 0x10 != 0)?)
        }
        5 => {
            need(8)?;
            let size: i64 = from.cast().read()?;
            if (size as u64) < file.stat()?.size {
                return Ok(file.set_end_of_file(size as u64)?);
            }
            let _ = host::file::allocate(file.fd(), size as u64);
            Ok(())
        }
        6 => {
            need(8)?;
            let size: i64 = from.cast().read()?;
            Ok(file.set_end_of_file(u64::try_from(size).map_err(|_| Win32Error::INVALID_PARAMETER)?)?)
        }
        12 => Ok(()),
        _ => Err(Win32Error::INVALID_PARAMETER),
    }
}

fn rename(from: &[u16], to: Option<&[u16]>, flags: u32) -> Result<(), Win32Error> {
    const REPLACE_EXISTING: u32 = 1;
    const COPY_ALLOWED: u32 = 2;
    const DELAY_UNTIL_REBOOT: u32 = 4;
    if flags & DELAY_UNTIL_REBOOT != 0 {
        return Err(Win32Error::NOT_SUPPORTED);
    }
    let to = to.ok_or(Win32Error::INVALID_PARAMETER)?;
    let file = open_for(from, ntdll::access::DELETE, FILE_OPEN_REPARSE_POINT)?;
    match file.rename(&path::nt_path(to)?, flags & REPLACE_EXISTING != 0).map_err(Win32Error::from) {
        Err(Win32Error::NOT_SAME_DEVICE) if flags & COPY_ALLOWED != 0 && file.kind != Kind::Directory => {
            drop(file);
            copy(from, to, flags & REPLACE_EXISTING == 0)?;
            super::DeleteFileW(Ptr::of([from, &[0]].concat().as_ptr()))
        }
        other => other,
    }
}

/// Moves or renames a file or folder.
#[export(kernel32, partial("not at the next start of the system"))]
pub fn MoveFileExW(from: PCWSTR, to: PCWSTR, flags: u32) -> Result<(), Win32Error> {
    rename(&from.read_wide()?, crate::nls::wide_opt(to)?.as_deref(), flags)
}

/// MoveFileExW with ANSI names.
#[export(kernel32, partial("not at the next start of the system"))]
pub fn MoveFileExA(from: PCSTR, to: PCSTR, flags: u32) -> Result<(), Win32Error> {
    rename(&ansi_arg(from)?, crate::nls::ansi_opt(to)?.as_deref(), flags)
}

/// Moves or renames a file or folder to a free name.
#[export(kernel32, full)]
pub fn MoveFileW(from: PCWSTR, to: PCWSTR) -> Result<(), Win32Error> {
    MoveFileExW(from, to, 2)
}

/// MoveFileW with ANSI names.
#[export(kernel32, full)]
pub fn MoveFileA(from: PCSTR, to: PCSTR) -> Result<(), Win32Error> {
    MoveFileExA(from, to, 2)
}

/// Replaces one file by another, keeping a backup if asked to.
#[export(kernel32, partial("attributes and streams are not merged"))]
pub fn ReplaceFileW(
    replaced: PCWSTR,
    replacement: PCWSTR,
    backup: PCWSTR,
    _flags: u32,
    _exclude: usize,
    _reserved: usize,
) -> Result<(), Win32Error> {
    attributes(&replaced.read_wide()?)?;
    if !backup.is_null() {
        MoveFileExW(replaced, backup, 1)?;
    }
    MoveFileExW(replacement, replaced, 1)
}

fn copy(from: &[u16], to: &[u16], fail_if_exists: bool) -> Result<(), Win32Error> {
    let access = ntdll::access::FILE_GENERIC_READ;
    let (source, _) = open_file(from, access, 7, Disposition::Open, FILE_SYNCHRONOUS_IO_NONALERT | 0x40, 0)?;
    let disposition = if fail_if_exists { Disposition::Create } else { Disposition::OverwriteIf };
    let stat = source.stat()?;
    let (target, _) = match open_file(to, ntdll::access::FILE_GENERIC_WRITE, 0, disposition, FILE_SYNCHRONOUS_IO_NONALERT | 0x40, 0) {
        Err(Win32Error::ALREADY_EXISTS) => return Err(Win32Error::FILE_EXISTS),
        other => other?,
    };
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        match source.read(buffer.as_mut_ptr() as usize, buffer.len(), None) {
            Ok(n) => {
                target.write(buffer.as_ptr() as usize, n, None)?;
            }
            Err(abi::NTSTATUS::END_OF_FILE) => break,
            Err(status) => return Err(status.into()),
        }
    }
    let info = file::basic_info(&stat, false);
    Ok(target.set_basic_info(&BasicInfo { last_write_time: info.last_write_time, attributes: info.attributes, ..BasicInfo::default() })?)
}

/// Copies a file.
#[export(kernel32, full)]
pub fn CopyFileW(from: PCWSTR, to: PCWSTR, fail_if_exists: BOOL) -> Result<(), Win32Error> {
    copy(&from.read_wide()?, &to.read_wide()?, fail_if_exists.0)
}

/// CopyFileW with ANSI names.
#[export(kernel32, full)]
pub fn CopyFileA(from: PCSTR, to: PCSTR, fail_if_exists: BOOL) -> Result<(), Win32Error> {
    copy(&ansi_arg(from)?, &ansi_arg(to)?, fail_if_exists.0)
}

/// Copies a file, reporting progress.
#[export(kernel32, partial("reports no progress"))]
pub fn CopyFileExW(from: PCWSTR, to: PCWSTR, _progress: GuestFn, _data: usize, _cancel: Ptr<i32>, flags: u32) -> Result<(), Win32Error> {
    copy(&from.read_wide()?, &to.read_wide()?, flags & 1 != 0)
}

/// Makes another name for a file.
#[export(kernel32, full)]
pub fn CreateHardLinkW(name: PCWSTR, existing: PCWSTR, _attributes: usize) -> Result<(), Win32Error> {
    let file = open_for(&existing.read_wide()?, ntdll::access::FILE_WRITE_ATTRIBUTES, FILE_OPEN_REPARSE_POINT)?;
    Ok(file.link(&path::nt_path(&name.read_wide()?)?, false)?)
}

fn make_link(name: &[u16], target: &[u16]) -> Result<BOOL, Win32Error> {
    let link = path::to_host(&path::full_path(name)?)?;
    let target = file::reparse::host_target(target, &link)?;
    host::file::symlink(&target, &link).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    Ok(BOOL(true))
}

/// Makes a symbolic link, which is one of the host's.
#[export(kernel32, full)]
pub fn CreateSymbolicLinkW(name: PCWSTR, target: PCWSTR, _flags: u32) -> Result<BOOL, Win32Error> {
    make_link(&name.read_wide()?, &target.read_wide()?)
}

/// Makes a symbolic link, which is one of the host's.
#[export(kernel32, full)]
pub fn CreateSymbolicLinkA(name: PCSTR, target: PCSTR, _flags: u32) -> Result<BOOL, Win32Error> {
    make_link(&ansi_arg(name)?, &ansi_arg(target)?)
}

/// The path of an open file. Flags: 0 `\\?\C:\x`, 2 `\Device\HarddiskVolume3\x`, 4 `\x`.
fn final_path(handle: HANDLE, flags: u32) -> Result<Vec<u16>, Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if !matches!(file.kind, Kind::Disk | Kind::Directory) {
        return Err(Win32Error::INVALID_FUNCTION);
    }
    let host = host::file::path_of(file.fd()).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    let dos = path::from_host(&host).ok_or(Win32Error::PATH_NOT_FOUND)?;
    Ok(match flags & 7 {
        2 => [&path::volume_device(dos[0] as u8)[..], &dos[2..]].concat(),
        4 => dos[2..].to_vec(),
        1 => return Err(Win32Error::PATH_NOT_FOUND),
        _ => [&abi::wide::wide("\\\\?\\")[..], &dos].concat(),
    })
}

/// The path of an open file.
#[export(kernel32, partial("no volume names by GUID"))]
pub fn GetFinalPathNameByHandleW(handle: HANDLE, to: PWSTR, size: u32, flags: u32) -> Result<u32, Win32Error> {
    give_text(&final_path(handle, flags)?, to, size)
}

/// GetFinalPathNameByHandleW in ANSI.
#[export(kernel32, partial("no volume names by GUID"))]
pub fn GetFinalPathNameByHandleA(handle: HANDLE, to: PSTR, size: u32, flags: u32) -> Result<u32, Win32Error> {
    give_text(&nls::wide_to_ansi(&final_path(handle, flags)?), to, size)
}
