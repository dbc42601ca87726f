//! Overlapped operations: what cannot be done at once waits in a helper thread, which starts with the first such operation
//! and sleeps until a descriptor is ready.

use super::{Done, File, SKIP_COMPLETION_PORT_ON_SUCCESS};
use crate::object;
use crate::sync::Event;
use abi::fault::Fault;
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr};
use host::socket::{self, Poll};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

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

    /// The request of an NT call: with an APC, the context is its argument, else the completion port's.
    pub fn of_call(event: HANDLE, apc: GuestFn, context: usize, block: usize) -> Result<Request, NTSTATUS> {
        let event = if event.is_null() { None } else { Some(object::get::<Event>(event, 0)?) };
        let mut request = Request { block, event, context: if apc.is_null() { context } else { 0 }, routine: None };
        if !apc.is_null() {
            let thread = crate::thread::current();
            let arguments = [context as u64, block as u64, 0];
            request.routine = Some(Box::new(move |_| thread.queue_apc(crate::thread::Apc { function: apc, arguments })));
        }
        Ok(request)
    }
}

/// What became of an operation that was started.
pub enum Started {
    /// Failures that come at once are only returned; successes are reported like later ones, too.
    Done(Done),
    Pending,
}

/// What an NT call returns.
impl From<Started> for Result<NTSTATUS, NTSTATUS> {
    fn from(started: Started) -> Self {
        match started {
            Started::Done(done) if done.is_success() => Ok(done.status),
            Started::Done(done) => Err(done.status),
            Started::Pending => Ok(NTSTATUS::PENDING),
        }
    }
}

struct Pending {
    file: Arc<File>,
    /// The files, and the host's events on them, that make another attempt worthwhile.
    waits: Vec<(Arc<File>, i16)>,
    /// When to make another attempt in any case.
    deadline: Option<Instant>,
    request: Request,
    attempt: Attempt,
    next: Next,
    /// Operations of one kind on one file end in the order in which they began. Polls take nothing from their files, so
    /// they have no order.
    ordered: bool,
}

/// When the next attempt is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    WhenReady,
    /// The host reports a hang-up that means nothing, and would go on: not before [`stir`].
    WhenStirred,
    Now,
}

impl Pending {
    /// What other operations must share to stand in line with this one.
    fn kind(&self) -> Option<(RawFd, i16)> {
        self.waits.first().filter(|_| self.ordered).map(|(file, events)| (file.fd(), *events))
    }
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
pub fn start(file: Arc<File>, events: i16, request: Request, attempt: Attempt) -> Result<Started, NTSTATUS> {
    let waits = vec![(file.clone(), events)];
    begin(file, waits, None, true, request, attempt)
}

/// Does an operation now, or when one of `waits` is ready for its events or the deadline has come.
pub(super) fn start_waiting(
    file: Arc<File>,
    waits: Vec<(Arc<File>, i16)>,
    deadline: Option<Instant>,
    request: Request,
    attempt: Attempt,
) -> Result<Started, NTSTATUS> {
    begin(file, waits, deadline, false, request, attempt)
}

fn begin(
    file: Arc<File>,
    waits: Vec<(Arc<File>, i16)>,
    deadline: Option<Instant>,
    ordered: bool,
    request: Request,
    mut attempt: Attempt,
) -> Result<Started, NTSTATUS> {
    if let Some(event) = &request.event {
        event.reset();
    }
    file.dispatcher.reset();
    Ptr::<usize>::new(request.block).write(NTSTATUS::PENDING.0 as usize)?;
    if let Some(done) = attempt() {
        if done.is_success() {
            complete_at_once(&file, request, done);
        }
        return Ok(Started::Done(done));
    }
    let reactor = reactor().ok_or(NTSTATUS::INSUFFICIENT_RESOURCES)?;
    // Since the attempt, a poll may have been stirred, which nobody tells again.
    let next = if ordered { Next::WhenReady } else { Next::Now };
    reactor.waiting.lock().push(Pending { file, waits, deadline, request, attempt, next, ordered });
    host::eventfd::wake(reactor.waker.as_raw_fd());
    Ok(Started::Pending)
}

/// Completes an operation before its call returns.
pub fn complete_at_once(file: &File, mut request: Request, done: Done) {
    if done.status.is_ok() && file.notification_modes() & SKIP_COMPLETION_PORT_ON_SUCCESS != 0 {
        request.context = 0;
    }
    complete(file, request, done);
}

/// Writes how an operation ended and tells whoever waits for it.
fn complete(file: &File, request: Request, done: Done) {
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

/// A file has changed in a way that the host does not report: it was closed, or began to connect.
pub fn stir(file: &File) {
    let Some(Some(reactor)) = REACTOR.get() else { return };
    let mut any = false;
    for pending in reactor.waiting.lock().iter_mut() {
        if pending.waits.iter().any(|(waited, _)| std::ptr::eq(&raw const **waited, file)) {
            pending.next = Next::Now;
            any = true;
        }
    }
    if any {
        host::eventfd::wake(reactor.waker.as_raw_fd());
    }
}

fn run(reactor: &'static Reactor) {
    let waker = reactor.waker.as_raw_fd();
    loop {
        let mut list = vec![Poll { fd: waker, events: socket::IN, got: 0 }];
        let mut deadline: Option<Instant> = None;
        for pending in reactor.waiting.lock().iter() {
            if pending.next != Next::WhenStirred {
                list.extend(pending.waits.iter().map(|(file, events)| Poll { fd: file.fd(), events: *events, got: 0 }));
            }
            deadline = [deadline, pending.deadline].into_iter().flatten().min();
        }
        if socket::poll(&mut list, deadline.map_or(-1, milliseconds_to)).is_err() {
            continue;
        }
        if list[0].got != 0 {
            host::eventfd::wait(waker);
        }
        let ready: Vec<Poll> = list.drain(1..).filter(|poll| poll.got != 0).collect();
        let done = attempts(&mut reactor.waiting.lock(), &ready);
        for (pending, how) in done {
            complete(&pending.file, pending.request, how);
        }
    }
}

/// Rounded up, so that the deadline has passed then.
fn milliseconds_to(deadline: Instant) -> i32 {
    let left = deadline.saturating_duration_since(Instant::now());
    left.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX)
}

/// Tries again what may go on now, and takes out what is done.
fn attempts(waiting: &mut Vec<Pending>, ready: &[Poll]) -> Vec<(Pending, Done)> {
    let now = Instant::now();
    let mut done = Vec::new();
    let mut behind: Vec<(RawFd, i16)> = Vec::new();
    let mut index = 0;
    while index < waiting.len() {
        let pending = &mut waiting[index];
        let is_waited = |poll: &&Poll| pending.waits.iter().any(|(file, _)| file.fd() == poll.fd);
        let got = ready.iter().filter(is_waited).fold(0, |got, poll| got | poll.got);
        let due = got != 0 || pending.next == Next::Now || pending.deadline.is_some_and(|deadline| deadline <= now);
        let kind = pending.kind();
        if !due || kind.is_some_and(|kind| behind.contains(&kind)) {
            index += 1;
        } else if let Some(how) = (pending.attempt)() {
            done.push((waiting.remove(index), how));
        } else {
            // A hang-up lasts. `got` may be older than what stirred this one, though.
            pending.next = if got & socket::HUP != 0 && pending.next != Next::Now { Next::WhenStirred } else { Next::WhenReady };
            behind.extend(kind);
            index += 1;
        }
    }
    done
}
