//! Overlapped operations: what cannot be done at once waits in a helper thread, which starts with the first such operation
//! and sleeps until a descriptor is ready.

use super::{Done, File};
use crate::object;
use crate::sync::Event;
use abi::fault::Fault;
use abi::{HANDLE, NTSTATUS, Ptr};
use host::socket::{self, Poll};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// An operation that is tried again when its file is ready; None: not yet.
pub type Attempt = Box<dyn FnMut() -> Option<Done> + Send>;

/// What to do when an operation is done.
pub struct Request {
    /// Address of the IO_STATUS_BLOCK, which is also how OVERLAPPED begins.
    pub block: usize,
    pub event: Option<Arc<Event>>,
    /// What the completion port gets; 0: nothing.
    pub context: usize,
    pub routine: Option<Box<dyn FnOnce(Done) + Send>>,
}

impl Request {
    /// The request that an OVERLAPPED stands for. Bit 0 of its event keeps the operation from the completion port.
    pub fn of_overlapped(overlapped: usize) -> Result<Request, Fault> {
        let event = Ptr::<usize>::new(overlapped + 24).read()?;
        let object = HANDLE(event & !1);
        let event_object = if object.is_null() { None } else { object::get::<Event>(object, 0).ok() };
        Ok(Request { block: overlapped, event: event_object, context: if event & 1 != 0 { 0 } else { overlapped }, routine: None })
    }
}

/// What became of an operation that was started.
pub enum Started {
    /// Failures that come at once are only returned; successes are reported like later ones, too.
    Done(Done),
    Pending,
}

struct Pending {
    file: Arc<File>,
    events: i16,
    request: Request,
    attempt: Attempt,
}

struct Reactor {
    waiting: Mutex<Vec<Pending>>,
    waker: OwnedFd,
}

static REACTOR: OnceLock<Option<Reactor>> = OnceLock::new();

fn reactor() -> Option<&'static Reactor> {
    let mut fresh = false;
    let make = || {
        fresh = true;
        Some(Reactor { waiting: Mutex::new(Vec::new()), waker: host::eventfd::new(false).ok()? })
    };
    let reactor = REACTOR.get_or_init(make).as_ref()?;
    if fresh {
        host::thread::spawn_helper("uosrun-io", move || run(reactor)).ok()?;
    }
    Some(reactor)
}

/// Does an operation now, or when the file is ready for `events`.
pub fn start(file: Arc<File>, events: i16, request: Request, mut attempt: Attempt) -> Result<Started, NTSTATUS> {
    if let Some(event) = &request.event {
        event.reset();
    }
    file.dispatcher.reset();
    Ptr::<usize>::new(request.block).write(NTSTATUS::PENDING.0 as usize)?;
    if let Some(done) = attempt() {
        if done.is_success() {
            complete(&file, request, done);
        }
        return Ok(Started::Done(done));
    }
    let reactor = reactor().ok_or(NTSTATUS::INSUFFICIENT_RESOURCES)?;
    reactor.waiting.lock().push(Pending { file, events, request, attempt });
    host::eventfd::wake(reactor.waker.as_raw_fd());
    Ok(Started::Pending)
}

/// Writes how an operation ended and tells whoever waits for it.
pub fn complete(file: &File, request: Request, done: Done) {
    let block = Ptr::<usize>::new(request.block);
    let _ = block.add(1).write(done.bytes);
    let _ = block.write(done.status.0 as usize);
    if let Some(event) = &request.event {
        event.set();
    }
    file.complete(request.context, done.status, done.bytes);
    if let Some(routine) = request.routine {
        routine(done);
    }
}

/// Cancels a file's operations, all or the one with this block. False when there were none.
pub(super) fn cancel(file: &Arc<File>, block: Option<usize>) -> bool {
    let Some(Some(reactor)) = REACTOR.get() else { return false };
    let cancelled: Vec<Pending> = reactor
        .waiting
        .lock()
        .extract_if(.., |pending| Arc::ptr_eq(&pending.file, file) && block.is_none_or(|one| one == pending.request.block))
        .collect();
    let any = !cancelled.is_empty();
    for pending in cancelled {
        complete(&pending.file, pending.request, Done::failed(NTSTATUS::CANCELLED));
    }
    if any {
        host::eventfd::wake(reactor.waker.as_raw_fd());
    }
    any
}

fn run(reactor: &'static Reactor) {
    let waker = reactor.waker.as_raw_fd();
    loop {
        let mut list = vec![Poll { fd: waker, events: socket::IN, got: 0 }];
        list.extend(reactor.waiting.lock().iter().map(|p| Poll { fd: p.file.fd(), events: p.events, got: 0 }));
        if socket::poll(&mut list, -1).is_err() {
            continue;
        }
        if list[0].got != 0 {
            host::eventfd::wait(waker);
        }
        let ready: Vec<i32> = list[1..].iter().filter(|poll| poll.got != 0).map(|poll| poll.fd).collect();
        let mut done = Vec::new();
        {
            let mut waiting = reactor.waiting.lock();
            // Operations of one kind on one file end in the order in which they began.
            let mut behind: Vec<(i32, i16)> = Vec::new();
            let mut index = 0;
            while index < waiting.len() {
                let key = (waiting[index].file.fd(), waiting[index].events);
                if !ready.contains(&key.0) || behind.contains(&key) {
                    index += 1;
                } else if let Some(how) = (waiting[index].attempt)() {
                    done.push((waiting.remove(index), how));
                } else {
                    behind.push(key);
                    index += 1;
                }
            }
        }
        for (pending, how) in done {
            complete(&pending.file, pending.request, how);
        }
    }
}
