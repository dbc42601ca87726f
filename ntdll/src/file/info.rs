//! Facts about files, and changing them: NtQueryInformationFile and NtSetInformationFile as Rust.

use super::{File, Kind};
use crate::errno_to_status;
use crate::path::{self, Place};
use crate::time::{from_unix_ns, to_unix_ns};
use abi::NTSTATUS;
use host::Errno;
use host::file::{self as hf, FileType, Stat};

pub const ATTRIBUTE_READONLY: u32 = 0x1;
pub const ATTRIBUTE_DIRECTORY: u32 = 0x10;
pub const ATTRIBUTE_ARCHIVE: u32 = 0x20;
pub const ATTRIBUTE_NORMAL: u32 = 0x80;
pub const ATTRIBUTE_REPARSE_POINT: u32 = 0x400;

/// FILE_ATTRIBUTE_* bits.
pub fn attributes(stat: &Stat, is_link: bool) -> u32 {
    let mut bits = match stat.kind {
        FileType::Directory => ATTRIBUTE_DIRECTORY,
        FileType::Regular | FileType::Symlink => ATTRIBUTE_ARCHIVE,
        _ => ATTRIBUTE_NORMAL,
    };
    // A folder's write permission means something else on Windows.
    if stat.mode & 0o222 == 0 && stat.kind == FileType::Regular {
        bits |= ATTRIBUTE_READONLY;
    }
    if is_link {
        bits |= ATTRIBUTE_REPARSE_POINT;
    }
    bits
}

/// Times in FILETIME units and attributes: FILE_BASIC_INFORMATION.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct BasicInfo {
    pub creation_time: i64,
    pub last_access_time: i64,
    pub last_write_time: i64,
    pub change_time: i64,
    pub attributes: u32,
    pub reserved: u32,
}

/// The basic facts that a `Stat` tells.
pub fn basic_info(stat: &Stat, is_link: bool) -> BasicInfo {
    BasicInfo {
        creation_time: from_unix_ns(stat.created),
        last_access_time: from_unix_ns(stat.accessed),
        last_write_time: from_unix_ns(stat.modified),
        change_time: from_unix_ns(stat.changed),
        attributes: attributes(stat, is_link),
        reserved: 0,
    }
}

/// Attributes and size of what an NT path names, without opening it: NtQueryFullAttributesFile.
pub fn query_path(nt: &[u16], follow: bool) -> Result<(Stat, bool), NTSTATUS> {
    match path::place(nt)? {
        Place::Host(host, trailing) => {
            let look = |host: &[u8]| {
                let own = hf::stat_link(host)?;
                let is_link = own.kind == FileType::Symlink;
                if is_link && follow {
                    hf::stat(host).map(|s| (s, false))
                } else if is_link {
                    Ok((hf::stat(host).unwrap_or(own), true))
                } else {
                    Ok((own, false))
                }
            };
            let found = match look(&host) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {
                    let resolved = crate::spelling::resolve_case(&host)?;
                    if resolved == host { Err(Errno::ENOENT) } else { look(&resolved) }
                }
                other => other,
            };
            let (stat, is_link) = found.map_err(errno_to_status)?;
            if trailing && stat.kind != FileType::Directory {
                return Err(NTSTATUS::OBJECT_NAME_INVALID);
            }
            Ok((stat, is_link))
        }
        Place::Device(name) if name == "NUL" => Ok((hf::stat(b"/dev/null").map_err(errno_to_status)?, false)),
        _ => Err(NTSTATUS::OBJECT_NAME_NOT_FOUND),
    }
}

impl File {
    pub fn basic_info(&self) -> Result<BasicInfo, NTSTATUS> {
        Ok(basic_info(&self.stat()?, self.is_link))
    }

    /// Sets times and attributes; 0 keeps a value, -1 too (it stops automatic updates on Windows).
    pub fn set_basic_info(&self, info: &BasicInfo) -> Result<(), NTSTATUS> {
        let time = |value: i64| (value > 0).then(|| to_unix_ns(value));
        let (accessed, modified) = (time(info.last_access_time), time(info.last_write_time));
        if info.attributes != 0 {
            let stat = self.stat()?;
            if info.attributes & ATTRIBUTE_DIRECTORY != 0 && stat.kind != FileType::Directory {
                return Err(NTSTATUS::INVALID_PARAMETER);
            }
            if stat.kind == FileType::Regular {
                let mode = if info.attributes & ATTRIBUTE_READONLY != 0 { stat.mode & !0o222 } else { stat.mode | 0o200 };
                if mode != stat.mode {
                    self.by_path(|path| hf::set_mode_path(path, mode & 0o7777))?;
                }
            }
        }
        if accessed.is_some() || modified.is_some() {
            self.by_path(|path| hf::set_times_path(path, accessed, modified, !self.is_link))?;
        }
        Ok(())
    }

    /// Does something by name, for what a descriptor without rights would refuse.
    fn by_path(&self, change: impl Fn(&[u8]) -> host::Result<()>) -> Result<(), NTSTATUS> {
        let path = if self.is_link { self.path() } else { format!("/proc/self/fd/{}", self.fd()).into_bytes() };
        change(&path).map_err(errno_to_status)
    }

    /// Sets the file's length.
    pub fn set_end_of_file(&self, len: u64) -> Result<(), NTSTATUS> {
        if self.access & crate::access::FILE_WRITE_DATA == 0 {
            return Err(NTSTATUS::ACCESS_DENIED);
        }
        hf::truncate(self.fd(), len).map_err(errno_to_status)
    }

    /// Marks the file to be deleted when its last handle is closed; `posix`: its name goes at once.
    pub fn set_disposition(&self, delete: bool, posix: bool, ignore_readonly: bool) -> Result<(), NTSTATUS> {
        let stat = self.stat()?;
        if delete {
            if stat.kind == FileType::Regular && stat.mode & 0o222 == 0 && !ignore_readonly && !self.is_link {
                return Err(NTSTATUS::CANNOT_DELETE);
            }
            if self.kind == Kind::Directory && !hf::list(&self.path()).map_err(errno_to_status)?.is_empty() {
                return Err(NTSTATUS::DIRECTORY_NOT_EMPTY);
            }
            if posix {
                let path = self.path();
                return if self.kind == Kind::Directory { hf::remove_dir(&path) } else { hf::unlink(&path) }.map_err(errno_to_status);
            }
        }
        self.set_delete_on_close(delete);
        Ok(())
    }

    /// Renames to an NT path.
    pub fn rename(&self, target: &[u16], replace: bool) -> Result<(), NTSTATUS> {
        let to = self.target_path(target, replace)?;
        hf::rename(&self.path(), &to, replace).map_err(rename_error)?;
        self.set_path(to);
        Ok(())
    }

    /// Makes another name, an NT path.
    pub fn link(&self, target: &[u16], replace: bool) -> Result<(), NTSTATUS> {
        let to = self.target_path(target, replace)?;
        if replace && hf::stat_link(&to).is_ok() {
            hf::unlink(&to).map_err(errno_to_status)?;
        }
        hf::hard_link(&self.path(), &to).map_err(rename_error)
    }

    fn target_path(&self, target: &[u16], replace: bool) -> Result<Vec<u8>, NTSTATUS> {
        let Place::Host(exact, _) = path::place(target)? else { return Err(NTSTATUS::OBJECT_NAME_INVALID) };
        let resolved = crate::spelling::resolve_case(&exact)?;
        let own = self.path();
        if resolved == own {
            // Only the case changes: the new spelling wins.
            let parent = resolved.iter().rposition(|&b| b == b'/').unwrap_or(0);
            let name = exact.iter().rposition(|&b| b == b'/').unwrap_or(0);
            return Ok([&resolved[..parent], &exact[name..]].concat());
        }
        if let Ok(stat) = hf::stat_link(&resolved) {
            if !replace {
                return Err(NTSTATUS::OBJECT_NAME_COLLISION);
            }
            if stat.kind == FileType::Directory || self.kind == Kind::Directory || stat.kind == FileType::Regular && stat.mode & 0o222 == 0
            {
                return Err(NTSTATUS::ACCESS_DENIED);
            }
        }
        Ok(resolved)
    }
}

fn rename_error(errno: Errno) -> NTSTATUS {
    match errno {
        Errno::ENOENT => NTSTATUS::OBJECT_PATH_NOT_FOUND,
        Errno::EISDIR | Errno::ENOTEMPTY => NTSTATUS::ACCESS_DENIED,
        Errno::EINVAL => NTSTATUS::SHARING_VIOLATION,
        other => errno_to_status(other),
    }
}
