//! Child processes: other guests of the same prefix.
//!
//! Parent and child share a memory file: the parent writes how to start (program, command line, directory,
//! environment), the child its 32-bit exit code, for which the host has only 8 bits.

use crate::object::Object;
use crate::wait::{Dispatcher, Signal};
use crate::{errno_to_status, path};
use abi::NTSTATUS;
use parking_lot::Mutex;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// A process that this one started.
pub struct ChildProcess {
    dispatcher: Dispatcher,
    pub pid: u32,
    exit_code: AtomicU32,
    /// When it was started, as a FILETIME number.
    pub created: i64,
    ended: AtomicI64,
}

/// Children that somebody holds a handle of, or that run.
static CHILDREN: Mutex<Vec<Weak<ChildProcess>>> = Mutex::new(Vec::new());

/// The child with that number, while it runs or a handle of it is open.
pub fn by_id(pid: u32) -> Option<Arc<ChildProcess>> {
    CHILDREN.lock().iter().filter_map(Weak::upgrade).find(|child| child.pid == pid)
}

impl Object for ChildProcess {
    fn type_name(&self) -> &'static str {
        "Process"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }
}

/// STILL_ACTIVE.
const STILL_ACTIVE: u32 = 259;
/// The file's first words: the exit code, and 1 when the child has written it.
const HEADER: u64 = 8;

impl ChildProcess {
    /// STILL_ACTIVE while it runs.
    pub fn exit_code(&self) -> u32 {
        self.exit_code.load(Ordering::Acquire)
    }

    /// When it ended, as a FILETIME number; 0 while it runs.
    pub fn ended(&self) -> i64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// User and kernel time in nanoseconds, of all children that have ended.
    pub fn cpu_ns(&self) -> (u64, u64) {
        host::time::children_cpu_ns()
    }

    /// Ends it.
    pub fn terminate(&self, code: u32) -> Result<(), NTSTATUS> {
        if self.exit_code() != STILL_ACTIVE {
            return Err(NTSTATUS::PROCESS_IS_TERMINATING);
        }
        KILLED.lock().push((self.pid, code));
        host::process::kill(self.pid, host::process::SIGKILL).map_err(errno_to_status)
    }
}

/// Codes given to TerminateProcess, until the process is gone.
static KILLED: Mutex<Vec<(u32, u32)>> = Mutex::new(Vec::new());
/// In a child: where its exit code goes.
static REPORT: OnceLock<OwnedFd> = OnceLock::new();

/// What a child is started with.
pub struct Start {
    pub image: Vec<u16>,
    pub command_line: Vec<u16>,
    pub directory: Vec<u16>,
    pub environment: Vec<Vec<u16>>,
}

fn put(out: &mut Vec<u8>, text: &[u16]) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.iter().flat_map(|u| u.to_le_bytes()));
}

fn take(bytes: &mut &[u8]) -> Option<Vec<u16>> {
    let len = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let text = bytes.get(4..4 + len * 2)?.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    *bytes = &bytes[4 + len * 2..];
    Some(text)
}

/// Starts a child. `standard`: the descriptors behind its standard handles.
pub fn spawn(start: &Start, standard: [Option<RawFd>; 3]) -> Result<Arc<ChildProcess>, NTSTATUS> {
    let mut bytes = vec![0u8; HEADER as usize];
    put(&mut bytes, &start.image);
    put(&mut bytes, &start.command_line);
    put(&mut bytes, &start.directory);
    for entry in &start.environment {
        put(&mut bytes, entry);
    }
    let file = host::file::memory_file(bytes.len() as u64).map_err(errno_to_status)?;
    host::file::write_at(file.as_raw_fd(), bytes.as_ptr() as usize, bytes.len(), 0).map_err(errno_to_status)?;
    let os = |bytes: Vec<u8>| -> OsString { std::os::unix::ffi::OsStringExt::from_vec(bytes) };
    let host_image = path::to_host(&start.image)?;
    let arguments = [OsString::from("--prefix"), os(path::prefix().to_vec()), OsString::from("--handover"), os(host_image)];
    let mut child = host::spawn::spawn_self(&arguments, standard, &file).map_err(errno_to_status)?;
    let object = Arc::new(ChildProcess {
        dispatcher: Dispatcher::new(Signal::Notification, 0),
        pid: child.id(),
        exit_code: AtomicU32::new(STILL_ACTIVE),
        created: crate::time::system_time(),
        ended: AtomicI64::new(0),
    });
    let mut children = CHILDREN.lock();
    children.retain(|child| child.strong_count() != 0);
    children.push(Arc::downgrade(&object));
    drop(children);
    let process = object.clone();
    host::thread::spawn_helper("uosrun-child", move || {
        let status = child.wait();
        let mut report = [0u32; 2];
        let _ = host::file::read_at(file.as_raw_fd(), report.as_mut_ptr() as usize, 8, 0);
        let mut killed = KILLED.lock();
        let by_us = killed.iter().position(|k| k.0 == process.pid).map(|at| killed.swap_remove(at).1);
        drop(killed);
        let code = match (by_us, report) {
            (_, [code, 1]) => code,
            (Some(code), _) => code,
            _ => status.ok().and_then(|s| s.code()).unwrap_or(1) as u32,
        };
        process.ended.store(crate::time::system_time(), Ordering::Relaxed);
        process.exit_code.store(code, Ordering::Release);
        process.dispatcher.set();
    })
    .map_err(errno_to_status)?;
    Ok(object)
}

/// In a child: what the parent handed over.
pub fn receive() -> Option<Start> {
    let file = host::spawn::take_handover();
    let size = host::file::stat_fd(file.as_raw_fd()).ok()?.size as usize;
    let mut bytes = vec![0u8; size];
    host::file::read_at(file.as_raw_fd(), bytes.as_mut_ptr() as usize, size, 0).ok()?;
    let mut rest = bytes.get(HEADER as usize..)?;
    let start = Start {
        image: take(&mut rest)?,
        command_line: take(&mut rest)?,
        directory: take(&mut rest)?,
        environment: std::iter::from_fn(|| take(&mut rest)).collect(),
    };
    let _ = REPORT.set(file);
    Some(start)
}

/// Tells the parent the whole exit code, if it is a guest too.
pub fn report(code: u32) {
    if let Some(file) = REPORT.get() {
        let words = [code, 1];
        let _ = host::file::write_at(file.as_raw_fd(), words.as_ptr() as usize, 8, 0);
    }
}
