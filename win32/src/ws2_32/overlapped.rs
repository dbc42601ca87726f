//! Overlapped sends and receives: what cannot be done at once waits in a helper thread that polls for
//! readiness, which starts with the first such operation.

use super::{Error, WSA_IO_PENDING};
use abi::{HANDLE, NTSTATUS, Ptr, Win32Error};
use host::socket::{self, Poll};
use ntdll::file::File;
use ntdll::sync::Event;
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// An operation that is tried again when the socket is ready; None: not yet.
type Attempt = Box<dyn FnMut() -> Option<Result<usize, Error>> + Send>;

struct Pending {
    file: Arc<File>,
    events: i16,
    overlapped: usize,
    attempt: Attempt,
}

struct Reactor {
    waiting: Mutex<Vec<Pending>>,
    waker: OwnedFd,
}

static REACTOR: OnceLock<Option<Reactor>> = OnceLock::new();

fn reactor() -> Option<&'static Reactor> {
    let mut fresh = false;
    let reactor = REACTOR
        .get_or_init(|| {
            fresh = true;
            Some(Reactor { waiting: Mutex::new(Vec::new()), waker: socket::waker().ok()? })
        })
        .as_ref()?;
    if fresh {
        host::thread::spawn_helper("sockets", move || run(reactor)).ok()?;
    }
    Some(reactor)
}

fn wake(reactor: &Reactor) {
    let one = 1u64;
    let _ = host::file::write(reactor.waker.as_raw_fd(), &raw const one as usize, 8);
}

fn run(reactor: &'static Reactor) {
    loop {
        let mut list = vec![Poll { fd: reactor.waker.as_raw_fd(), events: socket::IN, got: 0 }];
        list.extend(reactor.waiting.lock().iter().map(|p| Poll { fd: p.file.fd(), events: p.events, got: 0 }));
        if socket::poll(&mut list, -1).is_err() {
            continue;
        }
        if list[0].got != 0 {
            let mut drained = 0u64;
            let _ = host::file::read(reactor.waker.as_raw_fd(), &raw mut drained as usize, 8);
        }
        let ready: Vec<i32> = list[1..].iter().filter(|poll| poll.got != 0).map(|poll| poll.fd).collect();
        if ready.is_empty() {
            continue;
        }
        let mut done = Vec::new();
        {
            let mut waiting = reactor.waiting.lock();
            let mut index = 0;
            while index < waiting.len() {
                if ready.contains(&waiting[index].file.fd())
                    && let Some(result) = (waiting[index].attempt)()
                {
                    done.push((waiting.remove(index), result));
                } else {
                    index += 1;
                }
            }
        }
        for (pending, result) in done {
            complete(&pending.file, pending.overlapped, result);
        }
    }
}

/// NTSTATUS that carries a Winsock code, which RtlNtStatusToDosError gives back.
pub fn status_of(error: Error) -> NTSTATUS {
    NTSTATUS(0xc007_0000 | error.0)
}

/// Writes the result to OVERLAPPED and tells whoever waits for it.
pub fn complete(file: &File, overlapped: usize, result: Result<usize, Error>) {
    let (status, bytes) = match result {
        Ok(bytes) => (NTSTATUS::SUCCESS, bytes),
        Err(error) => (status_of(error), 0),
    };
    let block = Ptr::<usize>::new(overlapped);
    let _ = block.add(1).write(bytes);
    let _ = block.write(status.0 as usize);
    let event = block.add(3).read().unwrap_or(0);
    // Bit 0 of the event keeps the completion from the port.
    if event & !1 != 0 {
        let _ = ntdll::object::with::<Event, _>(HANDLE(event & !1), 0, |event| event.set());
    }
    file.complete(if event & 1 != 0 { 0 } else { overlapped }, status, bytes);
}

/// Does an operation now or when the socket is ready. With OVERLAPPED the result goes there.
pub fn start(file: Arc<File>, events: i16, overlapped: usize, mut attempt: Attempt) -> Result<Option<usize>, Error> {
    let block = Ptr::<usize>::new(overlapped);
    let event = block.add(3).read()?;
    if event & !1 != 0 {
        let _ = ntdll::object::with::<Event, _>(HANDLE(event & !1), 0, |event| event.reset());
    }
    block.write(NTSTATUS::PENDING.0 as usize)?;
    if let Some(result) = attempt() {
        return match result {
            Ok(bytes) => {
                complete(&file, overlapped, Ok(bytes));
                Ok(Some(bytes))
            }
            Err(error) => Err(error),
        };
    }
    let reactor = reactor().ok_or(Error(10055))?;
    reactor.waiting.lock().push(Pending { file, events, overlapped, attempt });
    wake(reactor);
    Err(Error(WSA_IO_PENDING))
}

/// Ends what waits on a socket that is being closed, or one operation.
pub fn cancel(file: &Arc<File>, overlapped: Option<usize>) -> bool {
    let Some(Some(reactor)) = REACTOR.get() else { return false };
    let mut ended = Vec::new();
    {
        let mut waiting = reactor.waiting.lock();
        let mut index = 0;
        while index < waiting.len() {
            if Arc::ptr_eq(&waiting[index].file, file) && overlapped.is_none_or(|one| one == waiting[index].overlapped) {
                ended.push(waiting.remove(index));
            } else {
                index += 1;
            }
        }
    }
    wake(reactor);
    let any = !ended.is_empty();
    for pending in ended {
        // WSA_OPERATION_ABORTED is ERROR_OPERATION_ABORTED.
        complete(&pending.file, pending.overlapped, Err(Error(Win32Error::OPERATION_ABORTED.0)));
    }
    any
}
