//! The Ancillary Function Driver's poll (`\Device\Afd`, IOCTL_AFD_POLL): one overlapped operation that ends when a socket is
//! ready. Event loops on Windows (mio, libuv, wepoll) stand on it.
//!
//! Microsoft documents it nowhere; its interface is as those libraries declare and use it, for example
//! <https://github.com/piscisaureus/wepoll/blob/dist/wepoll.c> (BSD licence) and <https://docs.rs/mio>.

use super::pending::{self, Request, Started};
use super::{Done, File};
use crate::object;
use abi::{HANDLE, NTSTATUS, Ptr};
use host::socket::{self, Poll};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The control code. Input and output are [`Header`] and as many [`Entry`]s as it says.
pub const IOCTL_AFD_POLL: u32 = 0x0001_2024;

const RECEIVE: u32 = 0x01;
const RECEIVE_EXPEDITED: u32 = 0x02;
const SEND: u32 = 0x04;
const DISCONNECT: u32 = 0x08;
const ABORT: u32 = 0x10;
const LOCAL_CLOSE: u32 = 0x20;
const CONNECT: u32 = 0x40;
const ACCEPT: u32 = 0x80;
const CONNECT_FAIL: u32 = 0x100;

/// Most sockets in one poll; a bound on what is read from the guest.
const MOST: u32 = 4096;

/// AFD_POLL_INFO without its handles.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    /// As for NtWaitForSingleObject: below 0 relative, in 100 ns.
    timeout: i64,
    handles: u32,
    exclusive: u32,
}

/// AFD_POLL_HANDLE_INFO.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    handle: HANDLE,
    events: u32,
    status: u32,
}

/// A socket that is looked at.
struct Watched {
    file: Arc<File>,
    entry: Entry,
}

/// A poll from the control code's arguments. `output`: address and length.
pub fn poll(device: Arc<File>, input: Ptr<u8>, input_len: u32, output: (Ptr<u8>, u32), request: Request) -> Result<Started, NTSTATUS> {
    if (input_len as usize) < size_of::<Header>() {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let header: Header = input.cast().read()?;
    let size = |count: u32| size_of::<Header>() as u32 + count * size_of::<Entry>() as u32;
    if header.handles == 0 || header.handles > MOST || input_len < size(header.handles) || output.1 < size(header.handles) {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let entries: Ptr<Entry> = input.add(size_of::<Header>()).cast();
    let watched = (0..header.handles as usize).map(|index| {
        let entry = entries.add(index).read()?;
        let file = object::get::<File>(entry.handle, 0)?;
        socket::number_option(file.fd(), socket::SOL_SOCKET, socket::SO_TYPE).map_err(|_| NTSTATUS::INVALID_HANDLE)?;
        Ok(Watched { file, entry })
    });
    let watched: Vec<Watched> = watched.collect::<Result<_, NTSTATUS>>()?;
    let waits = watched.iter().map(|watched| (watched.file.clone(), host_events(watched.entry.events))).collect();
    let deadline = deadline(header.timeout);
    let ended = Arc::new(AtomicBool::new(false));
    if header.exclusive != 0 {
        take_over(&watched, &ended);
    }
    let attempt = Box::new(move || {
        let found = look(&watched);
        let expired = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        (!found.is_empty() || expired || ended.load(Ordering::Acquire)).then(|| write(output.0, header, &found))
    });
    pending::start_waiting(device, waits, deadline, request, attempt)
}

/// An exclusive poll of a socket ends the one before it, which then has found nothing.
fn take_over(watched: &[Watched], ended: &Arc<AtomicBool>) {
    for Watched { file, .. } in watched {
        let before = std::mem::replace(&mut *file.exclusive_poll.lock(), Arc::downgrade(ended));
        if let Some(before) = before.upgrade() {
            before.store(true, Ordering::Release);
            pending::stir(file);
        }
    }
}

/// None: never.
fn deadline(timeout: i64) -> Option<Instant> {
    let left = match timeout {
        ..=0 => Duration::from_nanos(timeout.unsigned_abs().saturating_mul(100)),
        i64::MAX => return None,
        at => Duration::from_nanos(at.saturating_sub(crate::time::system_time()).max(0).unsigned_abs().saturating_mul(100)),
    };
    Instant::now().checked_add(left)
}

/// What the host has to watch for.
fn host_events(wanted: u32) -> i16 {
    let bit = |events: u32, host: i16| if wanted & events != 0 { host } else { 0 };
    bit(RECEIVE | ACCEPT, socket::IN)
        | bit(RECEIVE_EXPEDITED, socket::PRI)
        | bit(SEND | CONNECT, socket::OUT)
        | bit(DISCONNECT, socket::RDHUP)
}

/// The events of each socket that has any that were asked for.
fn look(watched: &[Watched]) -> Vec<Entry> {
    let all = socket::IN | socket::PRI | socket::OUT | socket::RDHUP;
    let mut list: Vec<Poll> = watched.iter().map(|watched| Poll { fd: watched.file.fd(), events: all, got: 0 }).collect();
    let _ = socket::poll(&mut list, 0);
    let found = watched.iter().zip(&list).map(|(Watched { file, entry }, poll)| {
        // Whether asked for or not, or the poll would keep the connection open.
        let events = if file.is_closed() { LOCAL_CLOSE } else { events(file.fd(), poll.got, entry.events) };
        Entry { events, status: 0, ..*entry }
    });
    found.filter(|entry| entry.events != 0).collect()
}

/// What the host's events mean, of those that were asked for.
fn events(fd: RawFd, got: i16, wanted: u32) -> u32 {
    let number = |name| socket::number_option(fd, socket::SOL_SOCKET, name);
    let has = |host: i16, events: u32| if got & host != 0 { events } else { 0 };
    // A stream socket that never tried to connect is writable, hangs up, and has nothing to say.
    if got & socket::HUP != 0 && got & (socket::IN | socket::ERR) == 0 {
        return 0;
    }
    let mut events = has(socket::PRI, RECEIVE_EXPEDITED) | has(socket::RDHUP, DISCONNECT);
    // Whoever asks for one of the two means that it can be read from, as select does.
    let readable = match wanted & (RECEIVE | ACCEPT) {
        one if one != RECEIVE | ACCEPT => one,
        _ if number(socket::SO_ACCEPTCONN) == Ok(1) => ACCEPT,
        _ => RECEIVE,
    };
    events |= has(socket::IN, readable);
    if got & socket::ERR == 0 {
        events |= has(socket::OUT, SEND | CONNECT);
    } else if number(socket::SO_TYPE) != Ok(socket::SOCK_STREAM) {
        // The next call returns the error, and the socket goes on.
        events |= readable | has(socket::OUT, SEND);
    } else {
        events |= if socket::was_connected(fd) { ABORT } else { CONNECT_FAIL };
    }
    events & wanted
}

fn write(to: Ptr<u8>, header: Header, found: &[Entry]) -> Done {
    let head = to.cast::<Header>().write(Header { handles: found.len() as u32, ..header });
    let rest = to.add(size_of::<Header>()).cast::<Entry>().write_slice(found);
    match head.and(rest) {
        Ok(()) => Done::ok(size_of::<Header>() + size_of_val(found)),
        Err(fault) => Done::failed(fault.into()),
    }
}
