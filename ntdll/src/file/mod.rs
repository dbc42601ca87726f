//! File objects: disk files, folders, pipes, terminals and the null device.

pub mod afd;
pub mod control;
pub mod directory;
mod exports;
mod info;
pub mod inherit;
mod lock;
mod mount_manager;
pub mod named_pipe;
pub mod notify;
pub mod open;
pub mod pending;
mod query;
pub mod reparse;
mod share;
mod stream;
pub mod transfer;

pub use control::{NtDeviceIoControlFile, NtFsControlFile};
pub use directory::{DirEntry, Listing};
pub use exports::*;
pub use info::*;
pub use notify::NtNotifyChangeDirectoryFile;
pub use open::{CreateOptions, Disposition, Opened, open, open_host};
pub use query::*;
pub use stream::{Done, cancel_thread};

use crate::errno_to_status;
use crate::object::Object;
use crate::wait::{Dispatcher, Signal};
use abi::NTSTATUS;
use host::file::{FileType, Stat};
use parking_lot::Mutex;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a file object stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Disk,
    Directory,
    /// An anonymous pipe, FIFO or socket.
    Pipe,
    /// The named pipes' own folder, `\Device\NamedPipe\`.
    PipeFolder,
    /// `\Device\MountPointManager`.
    MountManager,
    /// `\Device\CNG` and `\Device\KsecDD`, which give random bytes.
    Random,
    /// A terminal.
    Console,
    /// The null device or another character device.
    Char,
}

/// A descriptor of ours. When a standard one is closed, its number stays taken: no other file may get it.
struct Descriptor(ManuallyDrop<OwnedFd>);

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.0.as_raw_fd() <= 2 {
            host::file::close_standard(self.0.as_raw_fd());
        } else {
            // SAFETY: dropped once, here.
            #[allow(unsafe_code)]
            unsafe {
                ManuallyDrop::drop(&mut self.0)
            }
        }
    }
}

/// An open file.
pub struct File {
    fd: Descriptor,
    pub kind: Kind,
    /// Granted rights.
    pub access: u32,
    /// FILE_* create options.
    pub options: u32,
    /// The host path it was opened by; changes when it is renamed through this object.
    path: Mutex<Vec<u8>>,
    /// The symbolic link itself, rather than what it leads to.
    pub is_link: bool,
    closed: AtomicBool,
    /// How the exclusive poll of this socket, if any, learns that it is over.
    exclusive_poll: Mutex<std::sync::Weak<AtomicBool>>,
    delete_on_close: AtomicBool,
    share: Option<share::Claim>,
    listing: Mutex<Option<Listing>>,
    /// What a folder is watched for, once it is.
    changes: Mutex<Option<std::sync::Arc<notify::Watch>>>,
    pub(crate) dispatcher: Dispatcher,
    /// Present for the ends of named pipes.
    pub pipe: Option<Box<named_pipe::NamedPipe>>,
    locks: Mutex<Vec<lock::Range>>,
    /// FILE_SKIP_* of FILE_IO_COMPLETION_NOTIFICATION_INFORMATION.
    notification_modes: AtomicU32,
    /// The completion port and key that finished operations are reported to.
    pub completion: Mutex<Option<(std::sync::Arc<dyn crate::file::CompletionTarget>, usize)>>,
}

/// Operations that succeed at once are not reported to the port.
pub const SKIP_COMPLETION_PORT_ON_SUCCESS: u32 = 1;
/// The file object itself is not signalled.
pub const SKIP_SET_EVENT_ON_HANDLE: u32 = 2;

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
        if last {
            self.closed.store(true, Ordering::Release);
            pending::stir(self);
        }
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
        let fd = host::file::take_standard(number);
        let mut file = File::of_fd(fd, access);
        file.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
        Some(file)
    }

    fn new(fd: OwnedFd, kind: Kind, access: u32, options: u32, path: Vec<u8>, share: Option<share::Claim>) -> File {
        File {
            fd: Descriptor(ManuallyDrop::new(fd)),
            kind,
            access,
            options,
            path: Mutex::new(path),
            is_link: false,
            closed: AtomicBool::new(false),
            exclusive_poll: Mutex::default(),
            delete_on_close: AtomicBool::new(false),
            share,
            listing: Mutex::new(None),
            changes: Mutex::default(),
            dispatcher: Dispatcher::new(Signal::Notification, 0),
            pipe: None,
            locks: Mutex::default(),
            notification_modes: AtomicU32::new(0),
            completion: Mutex::new(None),
        }
    }

    /// The host descriptor.
    pub fn fd(&self) -> RawFd {
        self.fd.0.as_raw_fd()
    }

    /// Whether the last handle is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
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

    /// The position of reads and writes without an offset.
    pub fn position(&self) -> Result<u64, NTSTATUS> {
        host::file::seek(self.fd(), 0, 1).map_err(errno_to_status)
    }

    pub fn set_position(&self, position: u64) -> Result<(), NTSTATUS> {
        host::file::seek(self.fd(), i64::try_from(position).map_err(|_| NTSTATUS::INVALID_PARAMETER)?, 0).map(drop).map_err(errno_to_status)
    }

    pub fn notification_modes(&self) -> u32 {
        self.notification_modes.load(Ordering::Relaxed)
    }

    /// Adds to the FILE_SKIP_* of this file, which stay for good.
    pub fn add_notification_modes(&self, modes: u32) -> Result<(), NTSTATUS> {
        if modes & !(SKIP_COMPLETION_PORT_ON_SUCCESS | SKIP_SET_EVENT_ON_HANDLE) != 0 {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        self.notification_modes.fetch_or(modes, Ordering::Relaxed);
        Ok(())
    }

    /// Reports a finished operation: the file object itself, the caller's event and the completion port.
    pub fn complete(&self, overlapped: usize, status: NTSTATUS, bytes: usize) {
        if self.notification_modes() & SKIP_SET_EVENT_ON_HANDLE == 0 {
            self.dispatcher.set();
        }
        let target = self.completion.lock().clone();
        if let Some((port, key)) = target
            && overlapped != 0
        {
            port.post(key, overlapped, status, bytes);
        }
    }
}

/// Cancels pending operations. False when there were none.
pub fn cancel(file: &std::sync::Arc<File>, overlapped: Option<usize>) -> bool {
    let waited = overlapped.is_none() && stream::cancel_file(file);
    pending::cancel(file, overlapped) | waited
}

/// A pipe: read end and write end.
pub fn create_pipe() -> Result<(File, File), NTSTATUS> {
    let (read, write) = host::file::pipe().map_err(errno_to_status)?;
    let mut ends = (File::of_fd(read, crate::access::FILE_GENERIC_READ), File::of_fd(write, crate::access::FILE_GENERIC_WRITE));
    ends.0.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
    ends.1.options = open::FILE_SYNCHRONOUS_IO_NONALERT;
    Ok(ends)
}
