//! Unsafe edge: the threads of the guest, each a thread of the host.
#![allow(unsafe_code)]

use super::lock::Lock;
use host::linux::engine::{Block, Registers};
use host::linux::trap;
use host::linux::{self, engine};
use host::stack::{self, Exit};
use host::{Errno, Result};
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// sigaltstack(2)'s stack.
#[derive(Clone, Copy, Debug)]
pub struct AltStack {
    pub start: usize,
    pub size: usize,
    /// SS_DISABLE, SS_AUTODISARM.
    pub flags: i32,
}

impl AltStack {
    pub const NONE: AltStack = AltStack { start: 0, size: 0, flags: libc::SS_DISABLE };

    /// Whether a stack pointer lies on it (sigaltstack(2): SS_ONSTACK).
    pub fn holds(&self, rsp: u64) -> bool {
        self.flags & (libc::SS_DISABLE | SS_AUTODISARM) == 0 && rsp as usize > self.start && rsp as usize - self.start <= self.size
    }
}

/// uapi/linux/signal.h
pub const SS_AUTODISARM: i32 = 1 << 31;

/// A thread of the guest. Used by itself alone but for the atomic fields.
pub struct Thread {
    pub tid: AtomicI32,
    /// Another thread of the process wants this one to end.
    pub ending: AtomicBool,
    /// Where to write 0 and wake a waiter at the end (set_tid_address(2)).
    pub clear_tid: Cell<usize>,
    pub alt_stack: Cell<AltStack>,
    /// Of the signals that faults raise, those that the guest has blocked. The host never blocks them.
    pub blocked_faults: Cell<u64>,
    /// The call that a signal has kept from being made, or interrupted so that it is to be made again.
    pub interrupted: Cell<Option<usize>>,
    /// In the child of a vfork: what its parent waits for, and where the parent's stack is.
    pub vfork: Cell<Option<crate::process::fork::Vfork>>,
    exit: UnsafeCell<Exit>,
    /// The process' first thread, which ends otherwise.
    first: bool,
}

/// The threads of the process, for those who have to reach all of them.
#[derive(Default)]
pub struct Threads {
    pub list: Lock<Vec<ThreadPtr>>,
    /// How many there are; waited for by who wants to be the only one.
    pub count: AtomicU32,
}

/// A thread that is in the list, and so alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ThreadPtr(*const Thread);

// SAFETY: only atomic fields are used by others, under the list's lock, which the thread takes before it ends.
unsafe impl Send for ThreadPtr {}

impl ThreadPtr {
    pub fn with<T>(self, act: impl FnOnce(&AtomicI32, &AtomicBool) -> T) -> T {
        // SAFETY: see above.
        let thread = unsafe { &*self.0 };
        act(&thread.tid, &thread.ending)
    }

    pub fn is(self, thread: &Thread) -> bool {
        std::ptr::eq(self.0, thread)
    }
}

/// The calling thread.
pub fn current() -> &'static Thread {
    // SAFETY: set when the thread attached its block, and alive as long as it.
    unsafe { &*(engine::block().data.load(Ordering::Relaxed) as *const Thread) }
}

/// What a new thread starts with.
struct Start {
    registers: Registers,
    state: Vec<u8>,
    fs: usize,
    mask: u64,
    blocked_faults: u64,
    clear_tid: usize,
    /// Addresses at which the thread's id is written.
    tid_at: [usize; 2],
    /// Waited for by the creator: the id.
    tid: AtomicU32,
}

/// Room for our own calls and for the frames of our signal handler's callees.
const HOST_STACK: usize = 512 << 10;

impl Thread {
    fn new(first: bool) -> Thread {
        Thread {
            tid: AtomicI32::new(host::thread::current_id() as i32),
            ending: AtomicBool::new(false),
            clear_tid: Cell::new(0),
            alt_stack: Cell::new(AltStack::NONE),
            blocked_faults: Cell::new(0),
            interrupted: Cell::new(None),
            vfork: Cell::new(None),
            exit: UnsafeCell::new(Exit::default()),
            first,
        }
    }

    /// Makes the calling thread the first one of the guest.
    pub fn attach_first() -> Result<()> {
        // Both live as long as the process, side by side: a fork copies each page that they lie in.
        let (thread, block) = Box::leak(Box::new((Thread::new(true), Block::default())));
        block.data.store(&raw const *thread as usize, Ordering::Relaxed);
        let mask = trap::mask();
        thread.blocked_faults.set(mask & trap::FAULTS);
        trap::set_mask(mask & !trap::FAULTS);
        super::process().threads.add(thread);
        block.attach()
    }

    /// Starts a thread of the guest with these registers. Signals are blocked, and will have `mask` in it.
    pub fn spawn(registers: &Registers, state: &[u8], fs: usize, mask: u64, clear_tid: usize, tid_at: [usize; 2]) -> Result<i32> {
        let blocked_faults = current().blocked_faults.get();
        let start =
            Start { registers: *registers, state: state.to_vec(), fs, mask, blocked_faults, clear_tid, tid_at, tid: AtomicU32::new(0) };
        // Read by the thread until it has said its id.
        host::thread::spawn_detached(HOST_STACK, begin, &raw const start as usize).map_err(|_| Errno::EAGAIN)?;
        loop {
            match start.tid.load(Ordering::Acquire) {
                0 => drop(host::futex::wait(&start.tid, 0, None)),
                tid => return Ok(tid as i32),
            }
        }
    }

    /// Ends the calling thread, and the process if it is the only one (_exit(2)).
    pub fn end(&self, code: usize) -> ! {
        // Nothing may come while the block goes away.
        trap::set_mask(!trap::FAULTS);
        let process = super::process();
        let last = process.threads.remove(self);
        if last {
            crate::process::fork::leave_vfork(self);
            let _ = linux::pass(libc::SYS_exit_group, [code, 0, 0, 0, 0, 0]);
        }
        let clear = self.clear_tid.get();
        if clear != 0 && abi::fault::write(clear, 0u32).is_ok() {
            host::futex::wake_at(clear, 1, false);
        }
        if self.first {
            // The process stays under its number until the others have ended.
            let _ = linux::pass(libc::SYS_exit, [code, 0, 0, 0, 0, 0]);
        }
        // SAFETY: begin is active on this thread; the frames in between own nothing.
        unsafe { stack::leave(self.exit.get()) }
    }
}

impl Threads {
    fn add(&self, thread: &Thread) {
        self.list.lock().push(ThreadPtr(thread));
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// True: it was the last one.
    fn remove(&self, thread: &Thread) -> bool {
        self.list.lock().retain(|other| !other.is(thread));
        let left = self.count.fetch_sub(1, Ordering::SeqCst) - 1;
        host::futex::wake(&self.count, 1);
        left == 0
    }

    /// In the child of a fork: there is only this one.
    pub fn only(&self, thread: &Thread) {
        thread.tid.store(host::thread::current_id() as i32, Ordering::Relaxed);
        // The list's lock is held by who forks.
        self.count.store(1, Ordering::SeqCst);
    }

    pub fn only_list(list: &mut Vec<ThreadPtr>, thread: &Thread) {
        list.retain(|other| other.is(thread));
    }

    pub fn is_single(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 1
    }

    /// Ends all other threads (execve(2)). False: another thread is ending this one.
    pub fn end_others(&self, me: &Thread) -> bool {
        if self.is_single() {
            return true;
        }
        let pid = host::process::id() as usize;
        {
            let list = self.list.lock();
            if me.ending.load(Ordering::SeqCst) {
                return false;
            }
            for other in list.iter().filter(|other| !other.is(me)) {
                other.with(|tid, ending| {
                    ending.store(true, Ordering::SeqCst);
                    let _ = linux::pass(libc::SYS_tgkill, [pid, tid.load(Ordering::SeqCst) as usize, libc::SIGSYS as usize, 0, 0, 0]);
                });
            }
        }
        loop {
            match self.count.load(Ordering::SeqCst) {
                1 => return true,
                more => drop(host::futex::wait(&self.count, more, None)),
            }
        }
    }
}

extern "C" fn run(start: usize) {
    // SAFETY: the creator waits until it has the id.
    let start = unsafe { &*(start as *const Start) };
    let thread = current();
    thread.clear_tid.set(start.clear_tid);
    thread.blocked_faults.set(start.blocked_faults);
    engine::block().set_guest_fs(start.fs);
    let tid = thread.tid.load(Ordering::Relaxed);
    for at in start.tid_at.into_iter().filter(|&at| at != 0) {
        let _ = abi::fault::write(at, tid);
    }
    let (registers, mask) = (start.registers, start.mask);
    let mut room = [0u8; 4096];
    let long;
    let state = match room.get_mut(..start.state.len()) {
        Some(room) => {
            room.copy_from_slice(&start.state);
            &room[..]
        }
        None => {
            long = start.state.clone().leak();
            &long[..]
        }
    };
    let state = &state[..engine::state_size()];
    start.tid.store(tid as u32, Ordering::Release);
    host::futex::wake(&start.tid, 1);
    trap::set_mask(mask);
    engine::start(&registers, Some(state))
}

/// The whole life of a thread. Signals are blocked.
fn begin(start: usize) {
    let thread = Thread::new(false);
    let block = Block::default();
    block.data.store(&raw const thread as usize, Ordering::Relaxed);
    super::process().threads.add(&thread);
    if block.attach().is_ok() {
        // SAFETY: only this thread uses it.
        let exit = unsafe { &mut *thread.exit.get() };
        stack::enter(0, exit, run, start);
    }
    block.detach();
}
