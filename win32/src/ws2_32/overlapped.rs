//! Overlapped sends and receives, and sockets that signal events (WSAEventSelect): those are watched by a helper thread,
//! which starts with the first.

use super::{Error, WSA_IO_PENDING};
use abi::NTSTATUS;
use host::socket::{self, Poll};
use ntdll::file::pending::{self, Request, Started};
use ntdll::file::{Done, File};
use ntdll::sync::Event;
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A socket that signals an event (WSAEventSelect).
struct Watch {
    file: Arc<File>,
    event: Arc<Event>,
    /// FD_* bits that the program asked for.
    mask: u32,
    /// Those that are looked for: one that was reported rests until its enabling function is called.
    armed: u32,
    /// Those to be told by WSAEnumNetworkEvents, and the error of FD_CONNECT.
    fired: u32,
    connect_error: u32,
}

pub const FD_READ: u32 = 1;
pub const FD_WRITE: u32 = 2;
pub const FD_ACCEPT: u32 = 8;
pub const FD_CONNECT: u32 = 16;
pub const FD_CLOSE: u32 = 32;

impl Watch {
    fn events(&self) -> i16 {
        let mut events = 0;
        if self.armed & (FD_READ | FD_ACCEPT | FD_CLOSE) != 0 {
            events |= socket::IN;
        }
        if self.armed & (FD_WRITE | FD_CONNECT) != 0 {
            events |= socket::OUT;
        }
        events
    }

    /// Takes note of what poll says.
    fn fire(&mut self, got: i16) {
        let mut now = 0;
        if got & (socket::OUT | socket::ERR | socket::HUP) != 0 && self.armed & FD_CONNECT != 0 {
            now |= FD_CONNECT;
            let error = socket::option(self.file.fd(), 1, 4, 4).ok().and_then(|value| value.first().copied()).unwrap_or(0);
            self.connect_error = if error == 0 { 0 } else { Error::from(host::Errno(error.into())).0 };
            if error != 0 {
                self.armed = FD_CONNECT;
            }
        }
        if got & socket::OUT != 0 {
            now |= self.armed & FD_WRITE;
        }
        if got & (socket::IN | socket::HUP | socket::ERR) != 0 && self.armed & (FD_READ | FD_ACCEPT | FD_CLOSE) != 0 {
            let mut byte = 0u8;
            let peek = 2 | socket::DONT_WAIT;
            now |= self.armed
                & match socket::receive(self.file.fd(), &raw mut byte as usize, 1, peek) {
                    _ if self.armed & FD_ACCEPT != 0 => FD_ACCEPT,
                    Ok((1.., _)) => FD_READ,
                    Err(error) if Error::from(error).0 == super::WSAEWOULDBLOCK => 0,
                    _ => FD_CLOSE,
                };
            // A connection that has ended stays readable: it is told once.
            if now & FD_CLOSE != 0 {
                self.armed &= !(FD_READ | FD_CLOSE);
            } else if now & FD_READ != 0 {
                // The end is looked for when the data has been read.
                self.armed &= !FD_CLOSE;
            } else if got & socket::IN != 0 && self.armed & FD_ACCEPT == 0 && now == 0 {
                self.armed &= !(FD_READ | FD_CLOSE);
            }
        }
        self.armed &= !now;
        if now != 0 {
            self.fired |= now;
            self.event.set();
        }
    }
}

struct Reactor {
    watches: Mutex<Vec<Watch>>,
    waker: OwnedFd,
}

static REACTOR: OnceLock<Option<Reactor>> = OnceLock::new();

fn reactor() -> Option<&'static Reactor> {
    let mut fresh = false;
    let reactor = REACTOR
        .get_or_init(|| {
            fresh = true;
            Some(Reactor { watches: Mutex::new(Vec::new()), waker: host::eventfd::new(false).ok()? })
        })
        .as_ref()?;
    if fresh {
        host::thread::spawn_helper("sockets", move || run(reactor)).ok()?;
    }
    Some(reactor)
}

fn wake(reactor: &Reactor) {
    host::eventfd::wake(reactor.waker.as_raw_fd());
}

fn run(reactor: &'static Reactor) {
    loop {
        let mut list = vec![Poll { fd: reactor.waker.as_raw_fd(), events: socket::IN, got: 0 }];
        list.extend(reactor.watches.lock().iter().map(|w| Poll {
            fd: if w.events() == 0 { -1 } else { w.file.fd() },
            events: w.events(),
            got: 0,
        }));
        if socket::poll(&mut list, -1).is_err() {
            continue;
        }
        if list[0].got != 0 {
            host::eventfd::wait(reactor.waker.as_raw_fd());
        }
        for poll in list[1..].iter().filter(|poll| poll.got != 0) {
            for watch in reactor.watches.lock().iter_mut().filter(|watch| watch.file.fd() == poll.fd) {
                watch.fire(poll.got);
            }
        }
    }
}

/// NTSTATUS that carries a Winsock code, which RtlNtStatusToDosError gives back.
pub fn status_of(error: Error) -> NTSTATUS {
    NTSTATUS(0xc007_0000 | error.0)
}

fn done(result: Result<usize, Error>) -> Done {
    result.map_or_else(|error| Done::failed(status_of(error)), Done::ok)
}

/// Writes the result to OVERLAPPED and tells whoever waits for it.
pub fn complete(file: &File, overlapped: usize, result: Result<usize, Error>) {
    if let Ok(request) = Request::of_overlapped(overlapped) {
        pending::complete_at_once(file, request, done(result));
    }
}

/// An operation that is tried again when the socket is ready; None: not yet.
type Attempt = Box<dyn FnMut() -> Option<Result<usize, Error>> + Send>;

/// Does an operation now or when the socket is ready. With OVERLAPPED the result goes there.
pub fn start(file: Arc<File>, events: i16, overlapped: usize, mut attempt: Attempt) -> Result<Option<usize>, Error> {
    let request = Request::of_overlapped(overlapped)?;
    match pending::start(file, events, request, Box::new(move || attempt().map(done))) {
        Ok(Started::Done(Done { status, bytes })) if status.is_ok() => Ok(Some(bytes)),
        Ok(Started::Done(Done { status, .. })) => Err(Error(status.0 & 0xffff)),
        Ok(Started::Pending) => Err(Error(WSA_IO_PENDING)),
        Err(_) => Err(Error(super::WSAENOBUFS)),
    }
}

/// Whether any socket signals an event: enabling functions look no further when none does.
static WATCHING: AtomicBool = AtomicBool::new(false);

/// WSAEventSelect: `mask` 0 ends it.
pub fn watch(file: &Arc<File>, event: Option<Arc<Event>>, mask: u32) -> Result<(), Error> {
    let reactor = reactor().ok_or(Error(super::WSAENOBUFS))?;
    let mut watches = reactor.watches.lock();
    watches.retain(|watch| !Arc::ptr_eq(&watch.file, file));
    if let Some(event) = event.filter(|_| mask != 0) {
        let is = |option| socket::option(file.fd(), 1, option, 4).is_ok_and(|value| value.first() == Some(&1));
        let (listens, is_stream) = (is(30), is(3));
        let connected = !is_stream || socket::name(file.fd(), true).is_ok();
        let armed = match (listens, connected) {
            (true, _) => FD_ACCEPT,
            (_, true) => FD_READ | FD_WRITE | FD_CLOSE,
            // Asked for before connect or during it: connect arms the rest.
            _ => 0,
        };
        watches.push(Watch { file: file.clone(), event, mask, armed: armed & mask, fired: 0, connect_error: 0 });
        WATCHING.store(true, Ordering::Relaxed);
    }
    drop(watches);
    wake(reactor);
    Ok(())
}

/// A socket is being closed.
pub fn unwatch(file: &Arc<File>) {
    if WATCHING.load(Ordering::Relaxed)
        && let Some(Some(reactor)) = REACTOR.get()
    {
        reactor.watches.lock().retain(|watch| !Arc::ptr_eq(&watch.file, file));
        wake(reactor);
    }
}

/// An enabling function was called: what it enables is looked for again.
pub fn rearm(file: &Arc<File>, bits: u32) {
    if !WATCHING.load(Ordering::Relaxed) {
        return;
    }
    let Some(Some(reactor)) = REACTOR.get() else { return };
    let mut any = false;
    for watch in reactor.watches.lock().iter_mut().filter(|watch| Arc::ptr_eq(&watch.file, file)) {
        watch.armed |= bits & watch.mask & if watch.fired & FD_CLOSE != 0 { !FD_CLOSE } else { u32::MAX };
        any = true;
    }
    if any {
        wake(reactor);
    }
}

/// Takes what was noted: FD_* bits and the error of FD_CONNECT.
pub fn take_events(file: &Arc<File>) -> Option<(u32, u32)> {
    let reactor = REACTOR.get()?.as_ref()?;
    let mut watches = reactor.watches.lock();
    let watch = watches.iter_mut().find(|watch| Arc::ptr_eq(&watch.file, file))?;
    Some((std::mem::take(&mut watch.fired), watch.connect_error))
}
