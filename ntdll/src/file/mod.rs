//! File objects: disk files, folders, pipes, terminals and the null device.

pub mod directory;
mod exports;
mod info;
mod lock;
pub mod open;
mod query;
mod share;

pub use directory::{DirEntry, Listing};
pub use exports::*;
pub use info::*;
pub use open::{CreateOptions, Disposition, Opened, open, open_host};
pub use query::*;

use crate::errno_to_status;
use crate::object::Object;
use crate::wait::{Dispatcher, Signal};
use abi::NTSTATUS;
use host::file::{FileType, Stat};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a file object stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Disk,
    Directory,
    /// An anonymous pipe, FIFO or socket.
    Pipe,
    /// A terminal.
    Console,
    /// The null device or another character device.
    Char,
}

/// An open file.
pub struct File {
    fd: OwnedFd,
    pub kind: Kind,
    /// Granted rights.
    pub access: u32,
    /// FILE_* create options.
    pub options: u32,
    /// The host path it was opened by; changes when it is renamed through this object.
    path: Mutex<Vec<u8>>,
    /// The symbolic link itself, rather than what it leads to.
    pub is_link: bool,
    delete_on_close: AtomicBool,
    share: Option<share::Claim>,
    listing: Mutex<Option<Listing>>,
    dispatcher: Dispatcher,
    locks: Mutex<Vec<lock::Range>>,
    /// The completion port and key that finished operations are reported to.
    pub completion: Mutex<Option<(std::sync::Arc<dyn crate::file::CompletionTarget>, usize)>>,
}

/// Where finished operations of a file are reported to (a completion port).
pub trait CompletionTarget: Send + Sync {
    fn post(&self, key: usize, overlapped: usize, status: NTSTATUS, bytes: usize);
}

impl Object for File {
    fn type_name(&self) -> &'static str {
        "File"
    }

    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }

    fn on_close(&self, last: bool) {
        lock::release_all(self);
        if last && self.delete_on_close.load(Ordering::Relaxed) {
            let path = self.path();
            let _ = if self.kind == Kind::Directory { host::file::remove_dir(&path) } else { host::file::unlink(&path) };
        }
    }
}

impl File {
    /// A file object over a descriptor that was not opened by path: a standard handle, a pipe.
    pub fn of_fd(fd: OwnedFd, access: u32) -> File {
        let kind = match host::file::stat_fd(fd.as_raw_fd()).map(|s| s.kind) {
            Ok(FileType::Regular | FileType::BlockDevice | FileType::Symlink) => Kind::Disk,
            Ok(FileType::Directory) => Kind::Directory,
            Ok(FileType::Fifo | FileType::Socket) => Kind::Pipe,
            Ok(FileType::CharDevice) if host::file::is_terminal(fd.as_raw_fd()) => Kind::Console,
            _ => Kind::Char,
        };
        File::new(fd, kind, access, 0, Vec::new(), None)
    }

    /// The descriptor 0, 1 or 2 that this process was started with.
    pub fn standard(number: RawFd) -> Option<File> {
        let flags = host::file::flags(number).ok()?;
        let access = match flags & (host::file::O_WRONLY | host::file::O_RDWR) {
            host::file::O_RDWR => crate::access::FILE_GENERIC_READ | crate::access::FILE_GENERIC_WRITE,
            host::file::O_WRONLY => crate::access::FILE_GENERIC_WRITE,
            _ => crate::access::FILE_GENERIC_READ,
        };
        let fd = host::file::duplicate(number).ok()?;
        let mut file = File::of_fd(fd, access);
        file.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
        Some(file)
    }

    fn new(fd: OwnedFd, kind: Kind, access: u32, options: u32, path: Vec<u8>, share: Option<share::Claim>) -> File {
        File {
            fd,
            kind,
            access,
            options,
            path: Mutex::new(path),
            is_link: false,
            delete_on_close: AtomicBool::new(false),
            share,
            listing: Mutex::new(None),
            dispatcher: Dispatcher::new(Signal::Notification, 0),
            locks: Mutex::default(),
            completion: Mutex::new(None),
        }
    }

    /// The host descriptor.
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Another descriptor for the same open file.
    pub fn duplicate_fd(&self) -> Result<OwnedFd, NTSTATUS> {
        host::file::duplicate(self.fd()).map_err(errno_to_status)
    }

    /// The host path it was opened by.
    pub fn path(&self) -> Vec<u8> {
        self.path.lock().clone()
    }

    pub fn set_path(&self, path: Vec<u8>) {
        *self.path.lock() = path;
    }

    pub fn stat(&self) -> Result<Stat, NTSTATUS> {
        host::file::stat_fd(self.fd()).map_err(errno_to_status)
    }

    /// Reads and writes finish before the call returns, and move the position.
    pub fn is_synchronous(&self) -> bool {
        self.options & (open::FILE_SYNCHRONOUS_IO_ALERT | open::FILE_SYNCHRONOUS_IO_NONALERT) != 0
    }

    /// Deletes the file when the last handle is closed, or no longer.
    pub fn set_delete_on_close(&self, delete: bool) {
        self.delete_on_close.store(delete, Ordering::Relaxed);
        if let Some(claim) = &self.share {
            claim.set_delete_pending(delete);
        }
    }

    pub fn is_delete_pending(&self) -> bool {
        self.delete_on_close.load(Ordering::Relaxed)
    }

    fn is_seekable(&self) -> bool {
        matches!(self.kind, Kind::Disk)
    }

    /// Reads into guest (or host) memory; `offset` None: at the file's position.
    pub fn read(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        if self.kind == Kind::Directory {
            return Err(NTSTATUS::INVALID_DEVICE_REQUEST);
        }
        if !self.locks_allow(offset, len, false)? {
            return Err(NTSTATUS::FILE_LOCK_CONFLICT);
        }
        let got = match offset {
            Some(offset) if self.is_seekable() => {
                let got = host::file::read_at(self.fd(), addr, len, offset);
                if self.is_synchronous()
                    && let Ok(n) = got
                {
                    let _ = host::file::seek(self.fd(), (offset + n as u64) as i64, 0);
                }
                got
            }
            _ => host::file::read(self.fd(), addr, len),
        };
        match got {
            Ok(0) if len != 0 => match self.kind {
                Kind::Pipe => Err(NTSTATUS::PIPE_BROKEN),
                Kind::Console => Ok(0),
                _ => Err(NTSTATUS::END_OF_FILE),
            },
            Ok(n) => Ok(n),
            Err(host::Errno::EISDIR) => Err(NTSTATUS::INVALID_DEVICE_REQUEST),
            Err(host::Errno::EBADF) => Err(NTSTATUS::ACCESS_DENIED),
            Err(host::Errno::EIO) if self.kind == Kind::Console => Ok(0),
            Err(errno) => Err(errno_to_status(errno)),
        }
    }

    /// Writes; `offset` None: at the file's position, or at its end for handles that only append.
    pub fn write(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        if !self.locks_allow(offset, len, true)? {
            return Err(NTSTATUS::FILE_LOCK_CONFLICT);
        }
        let append_only =
            self.access & (crate::access::FILE_WRITE_DATA | crate::access::FILE_APPEND_DATA) == crate::access::FILE_APPEND_DATA;
        let offset = match offset {
            // 0xFFFFFFFF_FFFFFFFF means the end of the file (FILE_WRITE_TO_END_OF_FILE).
            Some(u64::MAX) if self.is_seekable() => Some(self.stat()?.size),
            _ if append_only && self.is_seekable() => Some(self.stat()?.size),
            other => other,
        };
        let mut done = 0;
        while done < len {
            let result = match offset {
                Some(offset) if self.is_seekable() => host::file::write_at(self.fd(), addr + done, len - done, offset + done as u64),
                _ => host::file::write(self.fd(), addr + done, len - done),
            };
            match result {
                Ok(n) => done += n,
                Err(host::Errno::EBADF) => return Err(NTSTATUS::ACCESS_DENIED),
                Err(host::Errno::EAGAIN) if self.kind != Kind::Disk => host::file::wait_writable(self.fd()),
                Err(_) if done != 0 => break,
                Err(host::Errno::EPIPE) => return Err(NTSTATUS::PIPE_CLOSING),
                Err(errno) => return Err(errno_to_status(errno)),
            }
        }
        if let Some(offset) = offset
            && self.is_synchronous()
            && self.is_seekable()
        {
            let _ = host::file::seek(self.fd(), (offset + done as u64) as i64, 0);
        }
        Ok(done)
    }

    /// The position of reads and writes without an offset.
    pub fn position(&self) -> Result<u64, NTSTATUS> {
        host::file::seek(self.fd(), 0, 1).map_err(errno_to_status)
    }

    pub fn set_position(&self, position: u64) -> Result<(), NTSTATUS> {
        host::file::seek(self.fd(), i64::try_from(position).map_err(|_| NTSTATUS::INVALID_PARAMETER)?, 0).map(drop).map_err(errno_to_status)
    }

    /// Reports a finished operation: the file object itself, the caller's event and the completion port.
    pub fn complete(&self, overlapped: usize, status: NTSTATUS, bytes: usize) {
        self.dispatcher.set();
        let target = self.completion.lock().clone();
        if let Some((port, key)) = target
            && overlapped != 0
        {
            port.post(key, overlapped, status, bytes);
        }
    }
}

/// Those who keep operations pending (sockets): each cancels a file's operations, all or the one with this
/// OVERLAPPED, and tells whether there were any.
#[linkme::distributed_slice]
pub static CANCEL_HOOKS: [fn(&std::sync::Arc<File>, Option<usize>) -> bool];

/// Cancels pending operations. False when there were none.
pub fn cancel(file: &std::sync::Arc<File>, overlapped: Option<usize>) -> bool {
    CANCEL_HOOKS.iter().any(|cancel| cancel(file, overlapped))
}

/// A pipe: read end and write end.
pub fn create_pipe() -> Result<(File, File), NTSTATUS> {
    let (read, write) = host::file::pipe().map_err(errno_to_status)?;
    let mut ends = (File::of_fd(read, crate::access::FILE_GENERIC_READ), File::of_fd(write, crate::access::FILE_GENERIC_WRITE));
    ends.0.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
    ends.1.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
    Ok(ends)
}
