//! Unsafe edge: the threads of the guest, each a thread of the host.
#![allow(unsafe_code)]

use super::lock::Lock;
use super::room::{List, Room};
use crate::process::exec::{self, Next};
use host::Result;
use host::linux::engine::{Block, Registers};
use host::linux::trap;
use host::linux::{self, engine};
use host::stack::{self, Exit};
use std::cell::{Cell, UnsafeCell};
use std::sync::Arc;
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
    /// None: the process' first thread, which ends otherwise.
    room: Option<Room>,
}

/// The threads of the process, for those who have to reach all of them.
#[derive(Default)]
pub struct Threads {
    pub list: Lock<List>,
    /// How many there are; waited for by who wants to be the only one.
    pub count: AtomicU32,
}

/// A thread that is in the list, and so alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ThreadPtr {
    thread: *const Thread,
    pub room: Option<Room>,
}

// SAFETY: only atomic fields are used by others, under the list's lock, which the thread takes before it ends.
unsafe impl Send for ThreadPtr {}

impl ThreadPtr {
    fn new(thread: &Thread) -> ThreadPtr {
        ThreadPtr { thread, room: thread.room }
    }

    pub fn with<T>(self, act: impl FnOnce(&AtomicI32, &AtomicBool) -> T) -> T {
        // SAFETY: see above.
        let thread = unsafe { &*self.thread };
        act(&thread.tid, &thread.ending)
    }

    fn is(self, thread: &Thread) -> bool {
        std::ptr::eq(self.thread, thread)
    }
}

/// The calling thread.
pub fn current() -> &'static Thread {
    // SAFETY: set when the thread attached its block, and alive as long as it.
    unsafe { &*(engine::block().data.load(Ordering::Relaxed) as *const Thread) }
}

/// What a new thread has, and what it starts with.
struct New {
    thread: Thread,
    block: Block,
    registers: Registers,
    state: Vec<u8>,
    mask: u64,
    /// [`WAITS`] or [`GO`], as soon as either is so.
    begun: AtomicU32,
}

// SAFETY: its creator uses all of it before it may begin, then only the thread itself does, but for what is atomic.
unsafe impl Sync for New {}

/// The new thread is there before its creator knows of it.
const WAITS: u32 = 1;
/// The new thread may begin.
const GO: u32 = 2;

impl Thread {
    fn new(tid: u32, room: Option<Room>) -> Thread {
        Thread {
            tid: AtomicI32::new(tid as i32),
            ending: AtomicBool::new(false),
            clear_tid: Cell::new(0),
            alt_stack: Cell::new(AltStack::NONE),
            blocked_faults: Cell::new(0),
            interrupted: Cell::new(None),
            vfork: Cell::new(None),
            exit: UnsafeCell::new(Exit::default()),
            room,
        }
    }

    /// Makes the calling thread the first one of the guest.
    pub fn attach_first() -> Result<()> {
        // Both live as long as the process, side by side: a fork copies each page that they lie in.
        let (thread, block) = Box::leak(Box::new((Thread::new(host::thread::current_id(), None), Block::default())));
        block.data.store(&raw const *thread as usize, Ordering::Relaxed);
        let mask = trap::mask();
        thread.blocked_faults.set(mask & trap::FAULTS);
        trap::set_mask(mask & !trap::FAULTS);
        super::process().threads.add(thread);
        block.attach(None)
    }

    /// Starts a thread of the guest with these registers. Signals are blocked, and will have `mask` in it. Its id is written to the addresses
    /// `tid_at` before it begins.
    pub fn spawn(registers: &Registers, state: &[u8], fs: usize, mask: u64, clear_tid: usize, tid_at: [usize; 2]) -> Result<i32> {
        let threads = &super::process().threads;
        let room = threads.list.lock().take_room()?;
        // Its number is known when it is there.
        let (thread, block) = (Thread::new(0, Some(room)), Block::default());
        thread.clear_tid.set(clear_tid);
        thread.blocked_faults.set(current().blocked_faults.get());
        block.set_guest_fs(fs);
        let new = Arc::new(New { thread, block, registers: *registers, state: state.to_vec(), mask, begun: AtomicU32::new(0) });
        // It has no block to find when somebody else's signal comes, even one of those that are never blocked else.
        let before = trap::set_mask(u64::MAX);
        let its = new.clone();
        let started = room.start(move || begin(&its));
        trap::set_mask(before);
        let host = started.inspect_err(|_| threads.list.lock().give_back(room))?;
        new.block.data.store(&raw const new.thread as usize, Ordering::Relaxed);
        let tid = host.id() as i32;
        new.thread.tid.store(tid, Ordering::Relaxed);
        threads.add_beside(&new.thread, current());
        for at in tid_at.into_iter().filter(|&at| at != 0) {
            let _ = abi::fault::write(at, tid);
        }
        if new.begun.swap(GO, Ordering::SeqCst) == WAITS {
            host::futex::wake(&new.begun, 1);
        }
        Ok(tid)
    }

    /// Ends the calling thread, and the process if it is the only one (_exit(2)).
    pub fn end(&self, code: usize) -> ! {
        // Nothing may come while the block goes away.
        trap::set_mask(!trap::FAULTS);
        let process = super::process();
        if let Some(next) = process.threads.take_next(self) {
            exec::succeed(process, self, next);
        }
        let last = process.threads.remove(self);
        if last {
            crate::process::fork::leave_vfork(self);
            let _ = linux::pass(libc::SYS_exit_group, [code, 0, 0, 0, 0, 0]);
        }
        let clear = self.clear_tid.get();
        // Where another program comes, nobody looks, and what is there may be its memory by now.
        if clear != 0 && !self.ending.load(Ordering::SeqCst) && abi::fault::write(clear, 0u32).is_ok() {
            host::futex::wake_at(clear, 1, false);
        }
        if self.room.is_none() {
            // The process stays under its number until the others have ended.
            let _ = linux::pass(libc::SYS_exit, [code, 0, 0, 0, 0, 0]);
        }
        // SAFETY: begin is active on this thread; the frames in between own nothing.
        unsafe { stack::leave(self.exit.get()) }
    }
}

impl Threads {
    fn add(&self, thread: &Thread) {
        self.list.lock().threads.push(ThreadPtr::new(thread));
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Adds what a thread has made. If that is to end, so is this one: who wants it has not seen it.
    fn add_beside(&self, thread: &Thread, creator: &Thread) {
        let mut list = self.list.lock();
        thread.ending.store(creator.ending.load(Ordering::SeqCst), Ordering::SeqCst);
        list.threads.push(ThreadPtr::new(thread));
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// The calling thread is about to end. True: it was the last one.
    fn remove(&self, thread: &Thread) -> bool {
        let mut list = self.list.lock();
        list.threads.retain(|other| !other.is(thread));
        if let Some(room) = thread.room {
            list.leave(room);
        }
        drop(list);
        let left = self.count.fetch_sub(1, Ordering::SeqCst) - 1;
        host::futex::wake(&self.count, 1);
        left == 0
    }

    /// In the child of a fork: there is only this one.
    pub fn only(&self, thread: &Thread) {
        thread.tid.store(host::thread::current_id() as i32, Ordering::Relaxed);
        thread.ending.store(false, Ordering::SeqCst);
        // The list's lock is held by who forks.
        self.count.store(1, Ordering::SeqCst);
    }

    pub fn only_list(list: &mut List, thread: &Thread) {
        list.alone(ThreadPtr::new(thread));
    }

    pub fn is_single(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 1
    }

    /// Ends all other threads, so that a program can be run that this one has asked for (execve(2)). None: this one is to end, too: the
    /// process' first thread runs the program, or another one that somebody else has asked for.
    pub fn end_others(&self, me: &Thread, next: Next) -> Option<Next> {
        if self.is_single() {
            return Some(next);
        }
        let pid = host::process::id() as i32;
        {
            let mut list = self.list.lock();
            if me.ending.load(Ordering::SeqCst) {
                return None;
            }
            let mut first_is_there = false;
            for other in list.threads.iter().filter(|other| !other.is(me)) {
                other.with(|tid, _| first_is_there |= tid.load(Ordering::SeqCst) == pid);
            }
            let mut next = Some(next);
            if first_is_there {
                list.next = next.take();
                me.ending.store(true, Ordering::SeqCst);
            }
            for other in list.threads.iter().filter(|other| !other.is(me)) {
                other.with(|tid, ending| {
                    ending.store(true, Ordering::SeqCst);
                    let tid = tid.load(Ordering::SeqCst) as usize;
                    let _ = linux::pass(libc::SYS_tgkill, [pid as usize, tid, libc::SIGSYS as usize, 0, 0, 0]);
                });
            }
            next
        }
        .inspect(|_| self.wait_for_others())
    }

    fn wait_for_others(&self) {
        loop {
            match self.count.load(Ordering::SeqCst) {
                1 => return,
                more => drop(host::futex::wait(&self.count, more, None)),
            }
        }
    }

    /// What the process' first thread is to run instead of ending, if it is this one. The others have ended then.
    fn take_next(&self, me: &Thread) -> Option<Next> {
        let next = {
            let mut list = self.list.lock();
            // Nobody is asked for the process' number at the end of each thread.
            if list.next.is_none() || me.tid.load(Ordering::SeqCst) as u32 != host::process::id() {
                return None;
            }
            list.next.take()?
        };
        self.wait_for_others();
        me.ending.store(false, Ordering::SeqCst);
        Some(next)
    }
}

extern "C" fn run(new: usize) {
    // SAFETY: begin's, which waits for us.
    let new = unsafe { &*(new as *const New) };
    trap::set_mask(new.mask);
    engine::start(&new.registers, Some(&new.state))
}

/// The whole life of a thread. Signals are blocked.
fn begin(new: &New) {
    if new.begun.compare_exchange(0, WAITS, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        while new.begun.load(Ordering::SeqCst) != GO {
            let _ = host::futex::wait(&new.begun, WAITS, None);
        }
    }
    let thread = &new.thread;
    let signals = thread.room.map(Room::signals);
    if !thread.ending.load(Ordering::SeqCst) && new.block.attach(signals).is_ok() {
        // SAFETY: only this thread uses it.
        let exit = unsafe { &mut *thread.exit.get() };
        stack::enter(0, exit, run, std::ptr::from_ref(new) as usize);
        new.block.detach();
    } else {
        super::process().threads.remove(thread);
    }
}
