//! Child processes: other guests of the same prefix.
//!
//! Parent and child share a memory file: the parent writes how to start (program, command line, directory,
//! environment, the handles that are inherited), the child its 32-bit exit code, for which the host has only 8 bits.

pub mod linux;

use crate::file::File;
use crate::file::inherit::Description;
use crate::memory::Section;
use crate::object::{self, Object};
use crate::wait::{Dispatcher, Signal};
use crate::{errno_to_status, path};
use abi::{HANDLE, NTSTATUS, Ptr};
use host::spawn::Spawn;
use parking_lot::Mutex;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Another process: one that this one started, or that it has opened by its number.
pub struct ChildProcess {
    dispatcher: Dispatcher,
    pub pid: u32,
    exit_code: AtomicU32,
    /// When it was started, as a FILETIME number.
    pub created: i64,
    ended: AtomicI64,
    at_end: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    /// While it runs.
    first_thread: Mutex<Option<Arc<ChildThread>>>,
}

impl Object for ChildProcess {
    fn type_name(&self) -> &'static str {
        "Process"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }
}

/// The first thread of another process.
pub struct ChildThread {
    pub process: Arc<ChildProcess>,
    suspended: AtomicU32,
    gate: Option<OwnedFd>,
}

impl Object for ChildThread {
    fn type_name(&self) -> &'static str {
        "Thread"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        self.process.dispatcher()
    }
}

impl ChildThread {
    /// ResumeThread: lets a process go on that was started suspended. Returns the count before.
    pub fn resume(&self) -> u32 {
        let before = self.suspended.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).unwrap_or(0);
        if before == 1
            && let Some(gate) = &self.gate
        {
            host::eventfd::wake(gate.as_raw_fd());
        }
        before
    }

    /// SuspendThread, before it has begun.
    pub fn suspend(&self) -> Result<u32, NTSTATUS> {
        let counted = |n: u32| if n == 0 { None } else { n.checked_add(1) };
        self.suspended.fetch_update(Ordering::AcqRel, Ordering::Acquire, counted).map_err(|_| NTSTATUS::NOT_SUPPORTED)
    }
}

/// STILL_ACTIVE.
const STILL_ACTIVE: u32 = 259;
/// The file's first words: the exit code, and 1 when the child has written it.
const HEADER: u64 = 8;

impl ChildProcess {
    fn new(pid: u32) -> Arc<ChildProcess> {
        let new = Arc::new(ChildProcess {
            dispatcher: Dispatcher::new(Signal::Notification, 0),
            pid,
            exit_code: AtomicU32::new(STILL_ACTIVE),
            created: crate::time::system_time(),
            ended: AtomicI64::new(0),
            at_end: Mutex::default(),
            first_thread: Mutex::default(),
        });
        let mut known = KNOWN.lock();
        known.retain(|p| p.strong_count() != 0);
        known.push(Arc::downgrade(&new));
        new
    }

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
        if self.ended() != 0 {
            return Err(NTSTATUS::PROCESS_IS_TERMINATING);
        }
        KILLED.lock().push((self.pid, code));
        host::process::kill(self.pid, host::process::SIGKILL).map_err(errno_to_status)
    }

    /// Ends it and what it has started.
    pub fn terminate_family(&self, code: u32) {
        if self.ended() != 0 {
            return;
        }
        for pid in host::spawn::family(self.pid).into_iter().skip(1) {
            let _ = host::process::kill(pid, host::process::SIGKILL);
        }
        let _ = self.terminate(code);
    }

    /// Does something when it has ended, at once if it has.
    pub fn when_ended(&self, action: impl FnOnce() + Send + 'static) {
        let mut list = self.at_end.lock();
        if self.ended() == 0 {
            list.push(Box::new(action));
        } else {
            drop(list);
            action();
        }
    }

    fn end(&self, code: u32) {
        let actions = {
            let mut list = self.at_end.lock();
            self.exit_code.store(code, Ordering::Release);
            self.ended.store(crate::time::system_time(), Ordering::Relaxed);
            std::mem::take(&mut *list)
        };
        *self.first_thread.lock() = None;
        self.dispatcher.set();
        for action in actions {
            action();
        }
    }
}

/// Processes that run, or of which somebody holds a handle.
static KNOWN: Mutex<Vec<Weak<ChildProcess>>> = Mutex::new(Vec::new());
/// Codes given to TerminateProcess, until the process is gone.
static KILLED: Mutex<Vec<(u32, u32)>> = Mutex::new(Vec::new());
/// In a child: where its exit code goes.
static REPORT: OnceLock<OwnedFd> = OnceLock::new();

fn killed(pid: u32) -> Option<u32> {
    let mut killed = KILLED.lock();
    killed.iter().position(|k| k.0 == pid).map(|at| killed.swap_remove(at).1)
}

/// A running process by its number: one of ours, or another one of the host, whose exit code stays unknown (0).
pub fn open(pid: u32) -> Result<Arc<ChildProcess>, NTSTATUS> {
    if let Some(known) = KNOWN.lock().iter().filter_map(Weak::upgrade).filter(|p| p.pid == pid).max_by_key(|p| p.created) {
        return Ok(known);
    }
    let descriptor = host::spawn::process_descriptor(pid).map_err(|_| NTSTATUS::INVALID_CID)?;
    let process = ChildProcess::new(pid);
    let object = process.clone();
    host::thread::spawn_helper("uosrun-process", move || {
        let mut polls = [host::socket::Poll { fd: descriptor.as_raw_fd(), events: host::socket::IN, got: 0 }];
        let _ = host::socket::poll(&mut polls, -1);
        process.end(killed(pid).unwrap_or(0));
    })
    .map_err(errno_to_status)?;
    Ok(object)
}

/// The first threads of the children that run.
pub fn first_threads() -> Vec<Arc<ChildThread>> {
    let known: Vec<_> = KNOWN.lock().iter().filter_map(Weak::upgrade).collect();
    known.iter().filter_map(|process| process.first_thread.lock().clone()).collect()
}

/// What a child is started with.
pub struct Start {
    pub image: Vec<u16>,
    pub command_line: Vec<u16>,
    pub directory: Vec<u16>,
    pub environment: Vec<Vec<u16>>,
    /// Values of the standard handles.
    pub standard: [HANDLE; 3],
    /// STARTUPINFO.lpReserved2.
    pub reserved: Vec<u8>,
    pub suspended: bool,
}

/// Writes what the child reads.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
    fn text(&mut self, text: &[u16]) {
        self.number(text.len() as u64);
        self.0.extend(text.iter().flat_map(|u| u.to_le_bytes()));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let len = self.number()? as usize;
        let (first, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(first.to_vec())
    }
    fn text(&mut self) -> Option<Vec<u16>> {
        let len = self.number()? as usize;
        let (first, rest) = self.0.split_at_checked(len.checked_mul(2)?)?;
        self.0 = rest;
        Some(first.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect())
    }
}

const FILE: u64 = 1;
const SECTION: u64 = 2;

/// Describes an inherited handle for the child, which has the object's descriptor as `fd`.
fn put_handle(out: &mut Writer, handle: HANDLE, entry: &object::Entry, fd: RawFd) {
    if let Some(section) = object::downcast::<Section>(entry.object.clone()) {
        for number in [SECTION, handle.0 as u64, u64::from(entry.access), fd as u64, section.size] {
            out.number(number);
        }
        out.number(u64::from(section.protect) | u64::from(section.attributes) << 32);
        return out.number(section.has_file.into());
    }
    let Some(file) = object::downcast::<File>(entry.object.clone()) else { return };
    let about = file.describe();
    for number in [FILE, handle.0 as u64, u64::from(entry.access), fd as u64] {
        out.number(number);
    }
    for number in [u64::from(about.access), u64::from(about.options), about.is_link.into()] {
        out.number(number);
    }
    out.bytes(&about.path);
    out.number(about.pipe.is_some().into());
    if let Some((name, numbers)) = about.pipe {
        out.bytes(name.as_bytes());
        for number in numbers {
            out.number(number.into());
        }
    }
}

fn take_handle(from: &mut Reader) -> Option<()> {
    let kind = from.number()?;
    let (handle, access, fd) = (HANDLE(from.number()? as usize), from.number()? as u32, from.number()? as RawFd);
    let object: Arc<dyn Object> = if kind == SECTION {
        let (size, bits, has_file) = (from.number()?, from.number()?, from.number()? != 0);
        Arc::new(Section::inherited(host::spawn::take_kept(fd)?, size, bits as u32, (bits >> 32) as u32, has_file))
    } else {
        let (granted, options, is_link) = (from.number()? as u32, from.number()? as u32, from.number()? != 0);
        let path = from.bytes()?;
        let pipe = if from.number()? != 0 {
            let name = String::from_utf8(from.bytes()?).ok()?;
            let mut numbers = [0; 7];
            for number in &mut numbers {
                *number = from.number()? as u32;
            }
            Some((name, numbers))
        } else {
            None
        };
        Arc::new(File::inherited(host::spawn::take_kept(fd)?, Description { access: granted, options, is_link, path, pipe }))
    };
    object::insert_inherited(handle, object, access);
    Some(())
}

/// The descriptor that an object stands on, for a child.
fn descriptor_of(entry: &object::Entry) -> Option<RawFd> {
    object::downcast::<File>(entry.object.clone())
        .map(|file| file.fd())
        .or_else(|| object::downcast::<Section>(entry.object.clone()).map(|section| section.fd()))
}

/// What a suspended child waits at: readable when it may go on.
fn gate() -> host::Result<OwnedFd> {
    host::spawn::duplicate_above(host::eventfd::new(true)?.as_raw_fd())
}

/// Starts a child. `inherited`: the handles that it gets; `standard`: the files behind its standard handles, where those
/// are not among them.
pub fn spawn(
    start: &Start,
    inherited: &[(HANDLE, object::Entry)],
    standard: [Option<Arc<File>>; 3],
) -> Result<(Arc<ChildProcess>, Arc<ChildThread>), NTSTATUS> {
    let mut out = Writer(vec![0u8; HEADER as usize]);
    out.text(&start.image);
    out.text(&start.command_line);
    out.text(&start.directory);
    out.number(start.environment.len() as u64);
    for entry in &start.environment {
        out.text(entry);
    }
    out.bytes(&start.reserved);
    let gate = if start.suspended { Some(gate().map_err(errno_to_status)?) } else { None };
    out.number(gate.as_ref().map_or(0, |g| g.as_raw_fd() as u64));
    let mut kept: Vec<RawFd> = gate.iter().map(AsRawFd::as_raw_fd).collect();
    let mut copies: Vec<OwnedFd> = Vec::new();
    let mut handles = Writer::default();
    let mut count = 0u64;
    // A standard handle that is inherited takes the standard descriptor, so that closing it closes the file.
    let mut values = [0u64; 3];
    for (handle, entry) in inherited {
        let Some(fd) = descriptor_of(entry) else { continue };
        let numbers: Vec<usize> = (0..3).filter(|&n| start.standard[n] == *handle && standard[n].is_some()).collect();
        let fd = match numbers.first() {
            Some(&number) => {
                for number in numbers {
                    values[number] = handle.0 as u64;
                }
                number as RawFd
            }
            None => {
                let copy = host::spawn::duplicate_above(fd).map_err(errno_to_status)?;
                kept.push(copy.as_raw_fd());
                copies.push(copy);
                kept[kept.len() - 1]
            }
        };
        put_handle(&mut handles, *handle, entry, fd);
        count += 1;
    }
    for value in values {
        out.number(value);
    }
    out.number(count);
    out.0.extend(handles.0);
    let bytes = out.0;
    let file = host::file::memory_file(bytes.len() as u64).map_err(errno_to_status)?;
    host::file::write_at(file.as_raw_fd(), bytes.as_ptr() as usize, bytes.len(), 0).map_err(errno_to_status)?;
    let os = |bytes: Vec<u8>| -> OsString { std::os::unix::ffi::OsStringExt::from_vec(bytes) };
    let host_image = path::to_host(&start.image)?;
    let arguments = [OsString::from("--prefix"), os(path::prefix().to_vec()), OsString::from("--handover"), os(host_image)];
    let descriptors = [0, 1, 2].map(|n: usize| standard[n].as_ref().map(|f| f.fd()));
    let spawn = Spawn { arguments: &arguments, environment: None, directory: None, standard: descriptors, handover: Some(&file), kept };
    let child = host::spawn::spawn_self(spawn).map_err(errno_to_status)?;
    drop(copies);
    watch(child, start.suspended, gate, Some(file))
}

/// The objects of a child that has been started, and what waits for its end. `report`: where a guest of ours writes its exit code.
fn watch(
    mut child: std::process::Child,
    suspended: bool,
    gate: Option<OwnedFd>,
    report: Option<OwnedFd>,
) -> Result<(Arc<ChildProcess>, Arc<ChildThread>), NTSTATUS> {
    let object = ChildProcess::new(child.id());
    let thread = Arc::new(ChildThread { process: object.clone(), suspended: AtomicU32::new(suspended.into()), gate });
    *object.first_thread.lock() = Some(thread.clone());
    let process = object.clone();
    host::thread::spawn_helper("uosrun-child", move || {
        let status = child.wait();
        let mut words = [0u32; 2];
        if let Some(report) = report {
            let _ = host::file::read_at(report.as_raw_fd(), words.as_mut_ptr() as usize, 8, 0);
        }
        let by_us = killed(process.pid);
        process.end(match (by_us, words) {
            (_, [code, 1]) => code,
            (Some(code), _) => code,
            _ => status.map_or(1, host_code),
        });
    })
    .map_err(errno_to_status)?;
    Ok((object, thread))
}

/// The code of a process that does not report one: as a shell gives it.
fn host_code(status: std::process::ExitStatus) -> u32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1) as u32
}

/// In a child: what the parent handed over. The inherited handles are there when this returns. A child that was started
/// suspended waits here.
pub fn receive() -> Option<Start> {
    let file = host::spawn::take_handover();
    let size = host::file::stat_fd(file.as_raw_fd()).ok()?.size as usize;
    let mut bytes = vec![0u8; size];
    host::file::read_at(file.as_raw_fd(), bytes.as_mut_ptr() as usize, size, 0).ok()?;
    let mut from = Reader(bytes.get(HEADER as usize..)?);
    let (image, command_line, directory) = (from.text()?, from.text()?, from.text()?);
    let count = from.number()?;
    let environment = (0..count).map_while(|_| from.text()).collect();
    let reserved = from.bytes()?;
    let gate = from.number()? as RawFd;
    let standard = [HANDLE(from.number()? as usize), HANDLE(from.number()? as usize), HANDLE(from.number()? as usize)];
    for _ in 0..from.number()? {
        take_handle(&mut from)?;
    }
    let _ = REPORT.set(file);
    if gate != 0
        && let Some(gate) = host::spawn::take_kept(gate)
    {
        host::eventfd::wait(gate.as_raw_fd());
    }
    Some(Start { image, command_line, directory, environment, standard, reserved, suspended: false })
}

/// Puts STARTUPINFO.lpReserved2 into the process parameters: RuntimeData, a UNICODE_STRING of bytes.
pub fn publish_reserved(bytes: &[u8]) {
    let len = bytes.len().min(0xfffe);
    if len == 0 {
        return;
    }
    let buffer = crate::heap::allocate(crate::heap::process_heap(), 0, len);
    let _ = buffer.write_slice(&bytes[..len]);
    let at = crate::process::parameters() + 0xe0;
    Ptr::<[u16; 2]>::new(at).set([len as u16; 2]);
    Ptr::<usize>::new(at + 8).set(buffer.addr());
}

/// Tells the parent the whole exit code, if it is a guest too.
pub fn report(code: u32) {
    if let Some(file) = REPORT.get() {
        let words = [code, 1];
        let _ = host::file::write_at(file.as_raw_fd(), words.as_ptr() as usize, 8, 0);
    }
}
