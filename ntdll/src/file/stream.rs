//! Pipes, sockets and terminals: reads and writes that may have to wait, and how a wait is ended from outside.

use super::{File, Kind};
use crate::errno_to_status;
use abi::NTSTATUS;
use host::{Errno, pipe};
use parking_lot::Mutex;
use std::cell::OnceCell;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How an operation ended. BUFFER_OVERFLOW (more data) comes with bytes, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub status: NTSTATUS,
    pub bytes: usize,
}

impl Done {
    pub const fn ok(bytes: usize) -> Done {
        Done { status: NTSTATUS::SUCCESS, bytes }
    }

    pub const fn failed(status: NTSTATUS) -> Done {
        Done { status, bytes: 0 }
    }

    /// Whether it is reported like a success: to the event, the port and the routine.
    pub fn is_success(self) -> bool {
        self.status.is_ok() || self.status == NTSTATUS::BUFFER_OVERFLOW
    }

    /// The bytes, or the status of a failure.
    pub fn result(self) -> Result<usize, NTSTATUS> {
        if self.status.is_ok() { Ok(self.bytes) } else { Err(self.status) }
    }
}

impl From<Result<usize, NTSTATUS>> for Done {
    fn from(result: Result<usize, NTSTATUS>) -> Done {
        result.map_or_else(Done::failed, Done::ok)
    }
}

/// A thread that waits in a read or write.
struct Waiting {
    file: usize,
    thread: u32,
    waker: RawFd,
    cancelled: Arc<AtomicBool>,
}

static WAITING: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());

thread_local! {
    /// What ends the waits of a thread; made with its first.
    static WAKER: OnceCell<Option<OwnedFd>> = const { OnceCell::new() };
}

/// Tries until something comes of it, or the wait is cancelled.
pub(super) fn wait(file: &File, events: i16, attempt: impl FnMut() -> Option<Done>) -> Done {
    wait_for(file, file.fd(), events, attempt)
}

/// The same, when it is another descriptor that tells whether something can come of it.
pub(super) fn wait_for(file: &File, fd: RawFd, events: i16, mut attempt: impl FnMut() -> Option<Done>) -> Done {
    if let Some(done) = attempt() {
        return done;
    }
    let waker = WAKER.with(|waker| waker.get_or_init(|| host::eventfd::new(false).ok()).as_ref().map_or(-1, AsRawFd::as_raw_fd));
    let cancelled = Arc::new(AtomicBool::new(false));
    let entry = Waiting { file: &raw const *file as usize, thread: host::thread::current_id(), waker, cancelled: cancelled.clone() };
    WAITING.lock().push(entry);
    let done = loop {
        if let Some(done) = attempt() {
            break done;
        }
        pipe::wait(fd, events, waker);
        if cancelled.load(Ordering::Acquire) {
            break Done::failed(NTSTATUS::CANCELLED);
        }
    };
    WAITING.lock().retain(|w| !Arc::ptr_eq(&w.cancelled, &cancelled));
    if cancelled.load(Ordering::Acquire) {
        host::eventfd::wait(waker);
    }
    done
}

fn cancel(which: impl Fn(&Waiting) -> bool) -> bool {
    let mut any = false;
    for waiting in WAITING.lock().iter().filter(|w| which(w)) {
        waiting.cancelled.store(true, Ordering::Release);
        host::eventfd::wake(waiting.waker);
        any = true;
    }
    any
}

/// Ends the waits of all threads for a file. False when there are none.
pub(super) fn cancel_file(file: &File) -> bool {
    cancel(|waiting| waiting.file == &raw const *file as usize)
}

/// Ends a thread's wait in a read or write: CancelSynchronousIo. `thread`: the host's number. False when it is in none.
pub fn cancel_thread(thread: u32) -> bool {
    cancel(|waiting| waiting.thread == thread)
}

impl File {
    /// Whether its operations may have to wait.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Pipe | Kind::Console | Kind::Char)
    }

    /// Reads what is there. None: nothing yet.
    pub(super) fn read_now(&self, addr: usize, len: usize) -> Option<Done> {
        if let Some(pipe) = &self.pipe {
            return pipe.read_now(self, addr, len);
        }
        self.read_bytes_now(addr, len)
    }

    pub(super) fn read_bytes_now(&self, addr: usize, len: usize) -> Option<Done> {
        Some(match pipe::read_now(self.fd(), addr, len) {
            Err(Errno::EAGAIN | Errno::EINTR) => return None,
            Ok(0) if len != 0 => match self.kind {
                Kind::Pipe => Done::failed(NTSTATUS::PIPE_BROKEN),
                Kind::Console => Done::ok(0),
                _ => Done::failed(NTSTATUS::END_OF_FILE),
            },
            Ok(bytes) => Done::ok(bytes),
            Err(Errno::EIO) if self.kind == Kind::Console => Done::ok(0),
            Err(Errno::ECONNRESET) => Done::failed(NTSTATUS::PIPE_BROKEN),
            Err(Errno::EBADF) => Done::failed(NTSTATUS::ACCESS_DENIED),
            Err(errno) => Done::failed(errno_to_status(errno)),
        })
    }

    /// Writes what there is room for and counts it in `written`. None: the rest has to wait.
    pub(super) fn write_now(&self, addr: usize, len: usize, written: &mut usize) -> Option<Done> {
        if let Some(pipe) = &self.pipe
            && let Err(status) = pipe.prepare(self)
        {
            return Some(Done::failed(status));
        }
        while *written < len {
            match pipe::write_now(self.fd(), addr + *written, len - *written) {
                Ok(bytes) => *written += bytes,
                Err(Errno::EAGAIN | Errno::EINTR) => return None,
                Err(_) if *written != 0 => break,
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Some(Done::failed(NTSTATUS::PIPE_CLOSING)),
                Err(Errno::EBADF) => return Some(Done::failed(NTSTATUS::ACCESS_DENIED)),
                Err(errno) => return Some(Done::failed(errno_to_status(errno))),
            }
        }
        Some(Done::ok(*written))
    }
}
