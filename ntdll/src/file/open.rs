//! Opening and creating files: NtCreateFile.

use super::{File, Kind, share};
use crate::access::{self, map_generic};
use crate::errno_to_status;
use crate::path::{self, Place};
use abi::NTSTATUS;
use host::Errno;
use host::file::{self as hf, FileType};
use std::os::fd::{AsRawFd, OwnedFd};

pub const FILE_DIRECTORY_FILE: u32 = 0x01;
pub const FILE_WRITE_THROUGH: u32 = 0x02;
pub const FILE_SYNCHRONOUS_IO_ALERT: u32 = 0x10;
pub const FILE_SYNCHRONOUS_IO_NONALERT: u32 = 0x20;
pub const FILE_NON_DIRECTORY_FILE: u32 = 0x40;
pub const FILE_DELETE_ON_CLOSE: u32 = 0x1000;
pub const FILE_OPEN_REPARSE_POINT: u32 = 0x20_0000;

/// FILE_ATTRIBUTE_READONLY.
const READONLY: u32 = 1;

/// What to do about a file that exists, or does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    Supersede,
    Open,
    Create,
    OpenIf,
    Overwrite,
    OverwriteIf,
}

impl Disposition {
    /// From the number that NtCreateFile takes.
    pub fn from_number(number: u32) -> Option<Disposition> {
        use Disposition::*;
        [Supersede, Open, Create, OpenIf, Overwrite, OverwriteIf].get(number as usize).copied()
    }
}

/// How to open a file.
#[derive(Clone, Copy, Debug)]
pub struct CreateOptions {
    pub access: u32,
    /// FILE_SHARE_* bits.
    pub share: u32,
    pub disposition: Disposition,
    /// FILE_* options of NtCreateFile.
    pub options: u32,
    /// FILE_ATTRIBUTE_* bits for a new file.
    pub attributes: u32,
}

/// What opening did: IoStatusBlock.Information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    Superseded = 0,
    Opened = 1,
    Created = 2,
    Overwritten = 3,
}

/// Opens what an NT path names.
pub fn open(nt: &[u16], how: &CreateOptions) -> Result<(File, Opened), NTSTATUS> {
    let how = CreateOptions { access: map_generic(how.access, "File"), ..*how };
    match path::place(nt)? {
        Place::Host(host, trailing) => {
            if trailing && how.options & FILE_NON_DIRECTORY_FILE != 0 {
                return Err(NTSTATUS::OBJECT_NAME_INVALID);
            }
            open_host(host, &how)
        }
        Place::Device(name) => open_device(&name, &how).map(|file| (file, Opened::Opened)),
        Place::Pipe(name) if name.is_empty() => super::named_pipe::folder(&how).map(|file| (file, Opened::Opened)),
        Place::Pipe(name) => super::named_pipe::connect(&name, &how).map(|file| (file, Opened::Opened)),
    }
}

fn open_device(name: &str, how: &CreateOptions) -> Result<File, NTSTATUS> {
    let writes = how.access & (access::FILE_WRITE_DATA | access::FILE_APPEND_DATA) != 0;
    let reads = how.access & access::FILE_READ_DATA != 0;
    let control = match name {
        "AFD" => Some(Kind::Char),
        crate::path::MOUNT_MANAGER => Some(Kind::MountManager),
        crate::path::RANDOM => Some(Kind::Random),
        _ => None,
    };
    if let Some(kind) = control {
        // There is nothing to read or write: only control codes.
        let fd = host::eventfd::new(false).map_err(errno_to_status)?;
        return Ok(File::new(fd, kind, how.access, how.options, Vec::new(), None));
    }
    let (path, flags, kind): (&[u8], i32, Kind) = match name {
        "NUL" => (b"/dev/null", hf::O_RDWR, Kind::Char),
        "CONIN$" => (b"/dev/tty", hf::O_RDWR, Kind::Console),
        "CONOUT$" => (b"/dev/tty", hf::O_RDWR, Kind::Console),
        "CON" if writes && reads => return Err(NTSTATUS::INVALID_PARAMETER),
        "CON" => (b"/dev/tty", hf::O_RDWR, Kind::Console),
        _ => return Err(NTSTATUS::OBJECT_NAME_NOT_FOUND),
    };
    let fd = hf::open(path, flags, 0).map_err(|_| NTSTATUS::OBJECT_NAME_NOT_FOUND)?;
    Ok(File::new(fd, kind, how.access, how.options, Vec::new(), None))
}

/// Access mode for the host. Rights that need no descriptor of their own take a read-only one.
fn host_flags(how: &CreateOptions) -> i32 {
    let writes = how.access & (access::FILE_WRITE_DATA | access::FILE_APPEND_DATA) != 0;
    let reads = how.access & (access::FILE_READ_DATA | 0x20) != 0;
    let mut flags = match (reads, writes) {
        (_, true) => hf::O_RDWR,
        _ => hf::O_RDONLY,
    };
    if how.options & FILE_WRITE_THROUGH != 0 && writes {
        flags |= hf::O_SYNC;
    }
    if how.options & FILE_OPEN_REPARSE_POINT != 0 {
        flags |= hf::O_NOFOLLOW;
    }
    flags
}

/// Opens a host path by NT's rules.
pub fn open_host(mut host: Vec<u8>, how: &CreateOptions) -> Result<(File, Opened), NTSTATUS> {
    use Disposition::{Create, Open, OpenIf, Overwrite, OverwriteIf, Supersede};
    let flags = host_flags(how);
    let mut result = open_existing(&host, flags, how);
    if let Err(Errno::ENOENT | Errno::ENOTDIR) = result {
        let resolved = crate::spelling::resolve_case(&host)?;
        if resolved != host {
            host = resolved;
            result = open_existing(&host, flags, how);
        }
    }
    match result {
        Ok((fd, is_link)) => {
            if how.disposition == Create {
                return Err(NTSTATUS::OBJECT_NAME_COLLISION);
            }
            let file = finish(fd, is_link, false, host, how)?;
            match how.disposition {
                Overwrite | OverwriteIf | Supersede => {
                    if file.kind == Kind::Directory {
                        return Err(NTSTATUS::OBJECT_NAME_COLLISION);
                    }
                    truncate(&file)?;
                    Ok((file, if how.disposition == Supersede { Opened::Superseded } else { Opened::Overwritten }))
                }
                _ => Ok((file, Opened::Opened)),
            }
        }
        Err(Errno::ENOENT) if matches!(how.disposition, Create | OpenIf | OverwriteIf | Supersede) => {
            let fd = create(&host, how)?;
            let file = finish(fd, false, true, host, how)?;
            Ok((file, Opened::Created))
        }
        Err(Errno::ENOENT) if matches!(how.disposition, Open | Overwrite) => {
            let parent = host.iter().rposition(|&b| b == b'/').map_or(0, |at| at.max(1));
            Err(match hf::stat(&host[..parent]) {
                Ok(stat) if stat.kind == FileType::Directory => NTSTATUS::OBJECT_NAME_NOT_FOUND,
                _ => NTSTATUS::OBJECT_PATH_NOT_FOUND,
            })
        }
        Err(Errno::EISDIR) if how.disposition == Create => Err(NTSTATUS::OBJECT_NAME_COLLISION),
        Err(Errno::EACCES | Errno::EPERM) if how.disposition == Create && hf::stat(&host).is_ok() => Err(NTSTATUS::OBJECT_NAME_COLLISION),
        Err(Errno::EISDIR) => Err(NTSTATUS::FILE_IS_A_DIRECTORY),
        Err(errno) => Err(errno_to_status(errno)),
    }
}

/// Opens what exists. True: the descriptor stands for a symbolic link itself.
fn open_existing(host: &[u8], flags: i32, how: &CreateOptions) -> Result<(OwnedFd, bool), Errno> {
    // Non-blocking, so that opening a FIFO returns; it has no effect on regular files.
    match hf::open(host, flags | hf::O_NONBLOCK, 0) {
        Ok(fd) => Ok((fd, false)),
        // A folder, with rights that for a file would mean writing.
        Err(Errno::EISDIR) if how.options & FILE_NON_DIRECTORY_FILE == 0 => hf::open(host, hf::O_RDONLY, 0).map(|fd| (fd, false)),
        Err(Errno::ELOOP) if how.options & FILE_OPEN_REPARSE_POINT != 0 => {
            hf::open(host, hf::O_PATH | hf::O_NOFOLLOW, 0).map(|fd| (fd, true))
        }
        // Attributes may be looked at without the right to read.
        Err(Errno::EACCES) if how.access & (access::FILE_READ_DATA | access::FILE_WRITE_DATA | access::FILE_APPEND_DATA) == 0 => {
            hf::open(host, hf::O_PATH, 0).map(|fd| (fd, false))
        }
        Err(errno) => Err(errno),
    }
}

fn create(host: &[u8], how: &CreateOptions) -> Result<OwnedFd, NTSTATUS> {
    if how.options & FILE_DIRECTORY_FILE != 0 {
        hf::make_dir(host, 0o777).map_err(create_error)?;
        return hf::open(host, hf::O_RDONLY, 0).map_err(errno_to_status);
    }
    let mode = if how.attributes & READONLY != 0 { 0o444 } else { 0o666 };
    let writes = hf::O_RDWR;
    hf::open(host, writes | hf::O_CREAT | hf::O_EXCL, mode).map_err(create_error)
}

/// Creating fails with ENOENT when the folder is missing.
fn create_error(errno: Errno) -> NTSTATUS {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => NTSTATUS::OBJECT_PATH_NOT_FOUND,
        Errno::EISDIR => NTSTATUS::OBJECT_NAME_COLLISION,
        other => errno_to_status(other),
    }
}

fn truncate(file: &File) -> Result<(), NTSTATUS> {
    match hf::truncate(file.fd(), 0) {
        // Overwriting needs no right to write data: open anew for it.
        Err(Errno::EINVAL | Errno::EBADF) => {
            let fd = hf::open(&file.path(), hf::O_WRONLY | hf::O_TRUNC, 0).map_err(errno_to_status)?;
            drop(fd);
            Ok(())
        }
        other => other.map_err(errno_to_status),
    }
}

fn finish(fd: OwnedFd, is_link: bool, created: bool, host: Vec<u8>, how: &CreateOptions) -> Result<File, NTSTATUS> {
    let stat = hf::stat_fd(fd.as_raw_fd()).map_err(errno_to_status)?;
    let kind = match stat.kind {
        FileType::Directory => Kind::Directory,
        FileType::Fifo | FileType::Socket => Kind::Pipe,
        FileType::CharDevice => Kind::Char,
        _ => Kind::Disk,
    };
    if kind == Kind::Directory && how.options & FILE_NON_DIRECTORY_FILE != 0 {
        return Err(NTSTATUS::FILE_IS_A_DIRECTORY);
    }
    if kind != Kind::Directory && how.options & FILE_DIRECTORY_FILE != 0 && !is_link {
        return Err(NTSTATUS::NOT_A_DIRECTORY);
    }
    let readonly = stat.mode & 0o222 == 0;
    let writes = how.access & (access::FILE_WRITE_DATA | access::FILE_APPEND_DATA) != 0;
    if readonly && kind == Kind::Disk && !created && (writes || !matches!(how.disposition, Disposition::Open | Disposition::OpenIf)) {
        return Err(NTSTATUS::ACCESS_DENIED);
    }
    if how.options & FILE_DELETE_ON_CLOSE != 0 && how.access & access::DELETE == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let claim = match kind {
        Kind::Disk => Some(share::claim(stat.dev, stat.ino, how.access, how.share)?),
        _ => None,
    };
    let mut file = File::new(fd, kind, how.access, how.options, host, claim);
    file.is_link = is_link;
    if how.options & FILE_DELETE_ON_CLOSE != 0 {
        file.delete_on_close.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    Ok(file)
}
