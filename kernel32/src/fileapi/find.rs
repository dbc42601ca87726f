//! FindFirstFile and friends.

use crate::nls::ansi_arg;
use abi::{FileHandle, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::file::{self, DirEntry, File, Listing};
use ntdll::object::{self, Object};
use ntdll::path;
use parking_lot::Mutex;
use std::sync::Arc;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::Storage::FileSystem::{WIN32_FIND_DATAA, WIN32_FIND_DATAW};

/// A search in progress.
struct Search {
    listing: Mutex<Listing>,
}

impl Object for Search {
    fn type_name(&self) -> &'static str {
        "FindFile"
    }
}

/// A FILETIME from a number.
pub fn filetime(value: i64) -> FILETIME {
    FILETIME { dwLowDateTime: value as u32, dwHighDateTime: (value >> 32) as u32 }
}

fn data_w(entry: &DirEntry) -> WIN32_FIND_DATAW {
    let info = file::basic_info(&entry.stat, entry.is_link);
    let is_directory = info.attributes & file::ATTRIBUTE_DIRECTORY != 0;
    let size = if is_directory || entry.is_link { 0 } else { entry.stat.size };
    let mut name = [0u16; 260];
    let len = entry.name.len().min(259);
    name[..len].copy_from_slice(&entry.name[..len]);
    WIN32_FIND_DATAW {
        dwFileAttributes: info.attributes,
        ftCreationTime: filetime(info.creation_time),
        ftLastAccessTime: filetime(info.last_access_time),
        ftLastWriteTime: filetime(info.last_write_time),
        nFileSizeHigh: (size >> 32) as u32,
        nFileSizeLow: size as u32,
        dwReserved0: if entry.is_link { file::reparse::TAG_SYMLINK } else { 0 },
        dwReserved1: 0,
        cFileName: name,
        cAlternateFileName: [0; 14],
    }
}

fn data_a(entry: &DirEntry) -> WIN32_FIND_DATAA {
    let w = data_w(entry);
    let mut name = [0i8; 260];
    for (to, from) in name.iter_mut().zip(ntdll::nls::wide_to_ansi(&entry.name).into_iter().take(259)) {
        *to = from as i8;
    }
    WIN32_FIND_DATAA {
        dwFileAttributes: w.dwFileAttributes,
        ftCreationTime: w.ftCreationTime,
        ftLastAccessTime: w.ftLastAccessTime,
        ftLastWriteTime: w.ftLastWriteTime,
        nFileSizeHigh: w.nFileSizeHigh,
        nFileSizeLow: w.nFileSizeLow,
        dwReserved0: w.dwReserved0,
        dwReserved1: 0,
        cFileName: name,
        cAlternateFileName: [0; 14],
    }
}

/// Starts a search; the handle and the first match.
fn first(pattern: &[u16]) -> Result<(FileHandle, DirEntry), Win32Error> {
    const BACKSLASH: u16 = b'\\' as u16;
    if pattern.is_empty() || matches!(pattern.last(), Some(&u) if u == BACKSLASH || u == u16::from(b'/')) {
        return Err(Win32Error::FILE_NOT_FOUND);
    }
    // The pattern is the last part, as written: making a path full would drop dots at its end.
    let cut = pattern.iter().rposition(|&u| u == BACKSLASH || u == u16::from(b'/') || u == u16::from(b':')).map_or(0, |at| at + 1);
    let (folder, name) = pattern.split_at(cut);
    let folder = if folder.is_empty() { vec![u16::from(b'.')] } else { folder.to_vec() };
    let has_wildcards = name.iter().any(|&u| u == u16::from(b'*') || u == u16::from(b'?'));
    let folder_host = path::to_host(&folder).map_err(|s| match s.into() {
        Win32Error::FILE_NOT_FOUND => Win32Error::PATH_NOT_FOUND,
        other => other,
    })?;
    if !has_wildcards {
        let host = path::to_host(pattern)?;
        let own = host::file::stat_link(&host).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
        let is_link = own.kind == host::file::FileType::Symlink;
        let stat = if is_link { host::file::stat(&host).unwrap_or(own) } else { own };
        let at = host.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
        let entry = DirEntry { name: abi::wide::from_host_bytes(&host[at..]), stat, is_link };
        let nothing = Listing::new(folder_host, Some(&[0]), true)?;
        return Ok((insert(nothing), entry));
    }
    let full = path::full_path(&folder)?;
    let is_root = full.len() <= 3;
    let mut listing = Listing::new(folder_host, Some(&file::directory::dos_pattern(name)), is_root).map_err(|s| match s.into() {
        Win32Error::FILE_NOT_FOUND => Win32Error::PATH_NOT_FOUND,
        other => other,
    })?;
    let entry = listing.next().ok_or(Win32Error::FILE_NOT_FOUND)?;
    Ok((insert(listing), entry))
}

fn insert(listing: Listing) -> FileHandle {
    FileHandle(object::insert(Arc::new(Search { listing: Mutex::new(listing) }), 0))
}

fn next(handle: HANDLE) -> Result<DirEntry, Win32Error> {
    let search: Arc<Search> = object::get(handle, 0).map_err(|_| Win32Error::INVALID_HANDLE)?;
    search.listing.lock().next().ok_or(Win32Error::NO_MORE_FILES)
}

/// Starts a search for files.
#[export(kernel32, full)]
pub fn FindFirstFileW(pattern: PCWSTR, data: Ptr<WIN32_FIND_DATAW>) -> Result<FileHandle, Win32Error> {
    let (handle, entry) = first(&pattern.read_wide()?)?;
    data.write(data_w(&entry))?;
    Ok(handle)
}

/// FindFirstFileW in ANSI.
#[export(kernel32, full)]
pub fn FindFirstFileA(pattern: PCSTR, data: Ptr<WIN32_FIND_DATAA>) -> Result<FileHandle, Win32Error> {
    let (handle, entry) = first(&ansi_arg(pattern)?)?;
    data.write(data_a(&entry))?;
    Ok(handle)
}

/// Starts a search for files, with options: there are no short names to leave out, and searches for
/// folders alone are advisory.
#[export(kernel32, full)]
pub fn FindFirstFileExW(
    pattern: PCWSTR,
    level: u32,
    data: Ptr<WIN32_FIND_DATAW>,
    _operation: u32,
    _filter: usize,
    _flags: u32,
) -> Result<FileHandle, Win32Error> {
    if level > 1 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    FindFirstFileW(pattern, data)
}

/// FindFirstFileExW in ANSI.
#[export(kernel32, full)]
pub fn FindFirstFileExA(
    pattern: PCSTR,
    level: u32,
    data: Ptr<WIN32_FIND_DATAA>,
    _operation: u32,
    _filter: usize,
    _flags: u32,
) -> Result<FileHandle, Win32Error> {
    if level > 1 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    FindFirstFileA(pattern, data)
}

/// The next match.
#[export(kernel32, full)]
pub fn FindNextFileW(handle: HANDLE, data: Ptr<WIN32_FIND_DATAW>) -> Result<(), Win32Error> {
    Ok(data.write(data_w(&next(handle)?))?)
}

/// The next match, in ANSI.
#[export(kernel32, full)]
pub fn FindNextFileA(handle: HANDLE, data: Ptr<WIN32_FIND_DATAA>) -> Result<(), Win32Error> {
    Ok(data.write(data_a(&next(handle)?))?)
}

/// Ends a search.
#[export(kernel32, full)]
pub fn FindClose(handle: HANDLE) -> Result<(), Win32Error> {
    object::with(handle, 0, |_: &Search| ()).map_err(|_| Win32Error::INVALID_HANDLE)?;
    Ok(object::close(handle)?)
}

/// The folder's entries in the layouts of GetFileInformationByHandleEx: FileIdBothDirectoryInfo (10, 11)
/// and FileFullDirectoryInfo (14, 15).
pub fn directory_info(file: &File, class: u32, to: Ptr<u8>, len: usize) -> Result<(), Win32Error> {
    let restart = matches!(class, 11 | 15);
    let header = if class >= 14 { 68 } else { 104 };
    let mut at = 0usize;
    let mut previous = None;
    let result = file.list(None, restart, |entry| {
        let start = at.next_multiple_of(8);
        let size = header + entry.name.len() * 2;
        if start + size > len {
            return false;
        }
        let info = file::basic_info(&entry.stat, entry.is_link);
        let directory = info.attributes & file::ATTRIBUTE_DIRECTORY != 0;
        let mut record = vec![0u8; size];
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        for (index, time) in [info.creation_time, info.last_access_time, info.last_write_time, info.change_time].iter().enumerate() {
            put(8 + index * 8, &time.to_le_bytes());
        }
        put(40, &(if directory { 0 } else { entry.stat.size }).to_le_bytes());
        put(48, &entry.stat.allocated.to_le_bytes());
        put(56, &info.attributes.to_le_bytes());
        put(60, &((entry.name.len() * 2) as u32).to_le_bytes());
        if entry.is_link {
            put(64, &file::reparse::TAG_SYMLINK.to_le_bytes());
        }
        if header == 104 {
            put(96, &entry.stat.ino.to_le_bytes());
        }
        for (index, unit) in entry.name.iter().enumerate() {
            put(header + index * 2, &unit.to_le_bytes());
        }
        let _ = to.byte_add(start).write_slice(&record);
        if let Some(previous) = previous {
            let _ = to.byte_add(previous).cast::<u32>().write((start - previous) as u32);
        }
        previous = Some(start);
        at = start + size;
        true
    });
    match result {
        Ok(()) if previous.is_none() => Err(Win32Error::MORE_DATA),
        Ok(()) => Ok(()),
        Err(abi::NTSTATUS::NO_SUCH_FILE | abi::NTSTATUS::NO_MORE_FILES) => Err(Win32Error::NO_MORE_FILES),
        Err(status) => Err(status.into()),
    }
}
