//! Guest threads: a host thread, a stack and a TEB each.
//!
//! One mapping holds a thread's stack and, above it, its TEB and the little stack that the host thread
//! starts on. The guest's stack is committed whole (the host fills pages in on demand), with a guard page
//! near its lower end and some room below that for handling the overflow.

use crate::memory::{self, Kind};
use crate::object::{self, Object};
use crate::wait::{self, Dispatcher, Signal, Waiter};
use crate::{ldr, process};
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, teb};
use host::futex::Deadline;
use host::mem::{self, PAGE, Place, Prot};
use host::stack::Exit;
use parking_lot::Mutex;
use std::cell::{OnceCell, UnsafeCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use windows_sys::Win32::System::Memory as m;

/// Room below the guard page, in bytes: never used by the guest, enough to handle its overflow.
const ROOM: usize = 0x8000;
/// Above the stack: the TEB, and the stack that the host thread starts on, with the host's own TLS.
const ABOVE: usize = 0x1_0000;
const MIN_STACK: usize = 0x1_0000;

/// A thread of the guest.
pub struct Thread {
    id: AtomicU32,
    teb: usize,
    stack: Stack,
    start: GuestFn,
    parameter: u64,
    dispatcher: Dispatcher,
    waiter: Arc<Waiter>,
    apcs: Mutex<VecDeque<Apc>>,
    has_apcs: AtomicBool,
    /// By NtAlertThread.
    alerted: AtomicBool,
    /// By NtAlertThreadByThreadId: 1 until the thread takes it. A futex word.
    pub(crate) id_alert: AtomicU32,
    apc_timers: Mutex<Vec<Arc<crate::sync::Timer>>>,
    exit_code: AtomicU32,
    ended: AtomicBool,
    /// CREATE_SUSPENDED and SuspendThread: above 0, the thread stands still. A futex word.
    pub suspended: AtomicU32,
    /// When it started, as a FILETIME number.
    pub created: i64,
    pub ended_at: AtomicUsize,
    exit: ExitCell,
    description: Mutex<Vec<u16>>,
    pub priority: AtomicU32,
}

/// Where `terminate` leaves to. Only the thread itself touches it.
struct ExitCell(UnsafeCell<Exit>);
#[allow(unsafe_code)]
// SAFETY: written by `enter` on the owning thread and read by `leave` on the same thread.
unsafe impl Sync for ExitCell {}

/// A user-mode asynchronous procedure call.
#[derive(Clone, Copy, Debug)]
pub struct Apc {
    pub function: GuestFn,
    pub arguments: [u64; 3],
}

#[derive(Clone, Copy, Debug)]
struct Stack {
    /// Of the whole mapping.
    bottom: usize,
    top: usize,
}

thread_local! {
    static CURRENT: OnceCell<Arc<Thread>> = const { OnceCell::new() };
}

/// All threads that have not ended.
static THREADS: Mutex<Vec<Weak<Thread>>> = Mutex::new(Vec::new());
/// Host threads that have ended or are about to, with their stacks, to be joined before reuse.
static ENDED: Mutex<Vec<(host::thread::Thread, Stack)>> = Mutex::new(Vec::new());

impl Object for Thread {
    fn type_name(&self) -> &'static str {
        "Thread"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }
}

/// The calling guest thread.
pub fn current() -> Arc<Thread> {
    CURRENT.with(|current| current.get().expect("only guest threads run API functions").clone())
}

/// The calling guest thread, if it is one.
pub fn try_current() -> Option<Arc<Thread>> {
    CURRENT.try_with(|current| current.get().cloned()).ok().flatten()
}

/// All living threads.
pub fn all() -> Vec<Arc<Thread>> {
    THREADS.lock().iter().filter_map(Weak::upgrade).collect()
}

/// The living thread of that id.
pub fn by_id(id: u32) -> Option<Arc<Thread>> {
    all().into_iter().find(|t| t.id() == id)
}

/// The thread that a handle or the pseudo handle means.
pub fn from_handle(handle: HANDLE, access: u32) -> Result<Arc<Thread>, NTSTATUS> {
    if handle == HANDLE::CURRENT_THREAD { Ok(current()) } else { object::get(handle, access) }
}

impl Thread {
    pub fn id(&self) -> u32 {
        self.id.load(Ordering::Relaxed)
    }

    pub fn teb(&self) -> usize {
        self.teb
    }

    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// STILL_ACTIVE (259) while it runs.
    pub fn exit_code(&self) -> u32 {
        if self.has_ended() { self.exit_code.load(Ordering::Relaxed) } else { 259 }
    }

    pub fn start_address(&self) -> GuestFn {
        self.start
    }

    pub fn description(&self) -> Vec<u16> {
        self.description.lock().clone()
    }

    /// SetThreadDescription. The host's name follows when it is the calling thread's own.
    pub fn set_description(&self, text: Vec<u16>) {
        if try_current().is_some_and(|t| t.id() == self.id()) {
            host::thread::set_name(&abi::wide::display(&text));
        }
        *self.description.lock() = text;
    }

    /// Queues an APC and wakes the thread if it waits alertably.
    pub fn queue_apc(&self, apc: Apc) {
        self.apcs.lock().push_back(apc);
        self.has_apcs.store(true, Ordering::Release);
        wait::alert(self);
    }

    pub fn has_apcs(&self) -> bool {
        self.has_apcs.load(Ordering::Acquire)
    }

    /// Ends this thread's alertable wait, now or when it begins.
    pub fn alert(&self) {
        self.alerted.store(true, Ordering::Release);
        wait::alert(self);
    }

    /// Whether it was alerted since the last time.
    pub fn take_alert(&self) -> bool {
        self.alerted.load(Ordering::Acquire) && self.alerted.swap(false, Ordering::AcqRel)
    }

    /// Whether an alertable wait has to end, or would: an alert or an APC is there.
    pub fn is_called(&self) -> bool {
        self.alerted.load(Ordering::Acquire) || self.has_apcs()
    }

    /// Ends an alertable wait of the calling thread if there is reason to: an alert, or APCs, which it runs.
    pub fn answer_call(&self) -> Option<wait::Outcome> {
        if self.take_alert() {
            return Some(wait::Outcome::Alerted);
        }
        self.run_apcs().then_some(wait::Outcome::UserApc)
    }

    /// Runs what is queued for the calling thread. True when anything ran.
    pub fn run_apcs(&self) -> bool {
        if !self.has_apcs() && self.apc_timers.lock().is_empty() {
            return false;
        }
        self.fire_apc_timers();
        let mut ran = false;
        loop {
            let next = {
                let mut apcs = self.apcs.lock();
                let next = apcs.pop_front();
                self.has_apcs.store(!apcs.is_empty(), Ordering::Release);
                next
            };
            let Some(apc) = next else { return ran };
            ran = true;
            apc.function.call(&apc.arguments);
        }
    }

    /// The timers whose completion routine runs on this thread.
    pub fn add_apc_timer(&self, timer: Arc<crate::sync::Timer>) {
        let mut timers = self.apc_timers.lock();
        timers.retain(|t| !Arc::ptr_eq(t, &timer));
        timers.push(timer);
    }

    pub fn next_apc_timer(&self) -> Option<Deadline> {
        self.apc_timers.lock().iter().filter_map(|t| t.next_apc()).min()
    }

    fn fire_apc_timers(&self) {
        let now = host::time::monotonic_ns();
        let mut timers = self.apc_timers.lock();
        let mut apcs = Vec::new();
        timers.retain(|timer| {
            apcs.extend(timer.take_apc(now));
            timer.next_apc().is_some()
        });
        drop(timers);
        if !apcs.is_empty() {
            self.apcs.lock().extend(apcs);
            self.has_apcs.store(true, Ordering::Release);
        }
    }
}

/// Takes a stack for a guest thread: from one that ended, or new. `size`: what the guest gets at least.
fn take_stack(size: usize) -> Result<Stack, NTSTATUS> {
    let size = (size.max(MIN_STACK) + ROOM + 2 * PAGE).next_multiple_of(memory::GRANULARITY);
    let mut ended = ENDED.lock();
    let found = ended.iter().rposition(|(_, stack)| stack.top - stack.bottom == size);
    let (old, spare) = match found {
        Some(index) => (Some(ended.swap_remove(index)), None),
        // Keep a few for reuse; the host threads of all of them are gone soon.
        None => (None, (ended.len() > 16).then(|| ended.swap_remove(0))),
    };
    drop(ended);
    if let Some((thread, stack)) = spare {
        thread.join();
        memory::release_stack(stack.bottom);
    }
    if let Some((thread, stack)) = old {
        thread.join();
        protect_stack(stack)?;
        return Ok(stack);
    }
    let map = |at: usize| mem::map_anonymous(Place::Exactly(at), size + ABOVE, Prot::RW).map(drop);
    let bottom = memory::insert(None, size + ABOVE, m::PAGE_READWRITE, Kind::Private, map)?;
    let stack = Stack { bottom, top: bottom + size };
    protect_stack(stack)?;
    Ok(stack)
}

/// A stack for a fiber.
pub struct FiberStack {
    /// Of the whole mapping, to be released with [`memory::release_stack`].
    pub bottom: usize,
    pub limit: usize,
    pub top: usize,
}

/// Maps a stack for a fiber, guarded like a thread's.
pub fn take_fiber_stack(size: usize) -> Result<FiberStack, NTSTATUS> {
    let size = (size.max(MIN_STACK) + ROOM + 2 * PAGE).next_multiple_of(memory::GRANULARITY);
    let map = |at: usize| mem::map_anonymous(Place::Exactly(at), size, Prot::RW).map(drop);
    let bottom = memory::insert(None, size, m::PAGE_READWRITE, Kind::Private, map)?;
    memory::set_stack_guard(bottom, bottom + ROOM)?;
    Ok(FiberStack { bottom, limit: bottom + ROOM + PAGE, top: bottom + size })
}

fn protect_stack(stack: Stack) -> Result<(), NTSTATUS> {
    memory::set_stack_guard(stack.bottom, stack.bottom + ROOM)
}

/// Fills a new TEB (winternl.h; offsets in `abi::teb`).
fn init_teb(base: usize, stack: Stack) {
    let put = |offset: usize, value: usize| Ptr::<u64>::new(base + offset).set(value as u64);
    for at in (0..teb::TEB_SIZE).step_by(8) {
        put(at, 0);
    }
    put(0, usize::MAX);
    put(teb::STACK_BASE, stack.top);
    put(teb::STACK_LIMIT, stack.bottom + ROOM + PAGE);
    put(teb::DEALLOCATION_STACK, stack.bottom);
    put(teb::SELF, base);
    put(teb::PEB, process::peb());
    put(0x10 + 0x08, 0);
    // StaticUnicodeString points to the buffer behind it.
    put(0x1258, 522 << 16);
    put(0x1260, base + 0x1268);
    put(0x108, 0x409);
}

fn new_thread(stack: Stack, start: GuestFn, parameter: u64, suspended: bool) -> Arc<Thread> {
    let teb = stack.top;
    init_teb(teb, stack);
    Arc::new(Thread {
        id: AtomicU32::new(0),
        teb,
        stack,
        start,
        parameter,
        dispatcher: Dispatcher::new(Signal::Notification, 0),
        waiter: Arc::default(),
        apcs: Mutex::default(),
        has_apcs: AtomicBool::new(false),
        alerted: AtomicBool::new(false),
        id_alert: AtomicU32::new(0),
        apc_timers: Mutex::default(),
        exit_code: AtomicU32::new(0),
        ended: AtomicBool::new(false),
        suspended: AtomicU32::new(suspended.into()),
        created: crate::time::system_time(),
        ended_at: AtomicUsize::new(0),
        exit: ExitCell(UnsafeCell::default()),
        description: Mutex::default(),
        priority: AtomicU32::new(0),
    })
}

/// Makes the host thread the guest thread `thread`: TEB, GS, identity.
fn become_guest(thread: &Arc<Thread>) {
    let tid = host::thread::current_id();
    thread.id.store(tid, Ordering::Relaxed);
    Ptr::<u64>::new(thread.teb + teb::CLIENT_ID).set(u64::from(host::process::id()));
    Ptr::<u64>::new(thread.teb + teb::CLIENT_ID + 8).set(u64::from(tid));
    Ptr::<u32>::new(thread.teb + 0x110 + 0x6d8).set(0);
    host::gs::set_base(thread.teb);
    host::signal::thread_init();
    crate::syscall::init_thread();
    CURRENT.with(|current| {
        let _ = current.set(thread.clone());
    });
    THREADS.lock().push(Arc::downgrade(thread));
}

/// Runs the calling host thread as the guest's first thread until the guest ends. `reserve`: stack size.
pub fn run_main(reserve: usize, run: extern "C" fn(usize)) -> NTSTATUS {
    let stack = match take_stack(reserve) {
        Ok(stack) => stack,
        Err(status) => return status,
    };
    let thread = new_thread(stack, GuestFn::NULL, 0, false);
    crate::exception::install();
    become_guest(&thread);
    enter(&thread, run, 0);
    finish(&thread);
    // Other threads go on, as on Windows; the last one to end ends the process.
    let remaining = all().len();
    if remaining != 0 {
        loop {
            host::time::sleep_ns(u64::MAX >> 2);
        }
    }
    NTSTATUS(thread.exit_code())
}

#[allow(unsafe_code)]
fn enter(thread: &Arc<Thread>, run: extern "C" fn(usize), arg: usize) {
    // SAFETY: only this thread uses its exit cell.
    let exit = unsafe { &mut *thread.exit.0.get() };
    host::stack::enter(thread.stack.top, exit, run, arg);
}

/// Creates a thread. `stack`: bytes to reserve, 0 for the program's default.
pub fn create(start: GuestFn, parameter: u64, stack: usize, suspended: bool) -> Result<Arc<Thread>, NTSTATUS> {
    if process::is_exiting() {
        return Err(NTSTATUS::PROCESS_IS_TERMINATING);
    }
    let stack = take_stack(if stack == 0 { process::default_stack() } else { stack })?;
    let thread = new_thread(stack, start, parameter, suspended);
    ldr::tls::attach_thread(thread.teb).inspect_err(|_| memory::release_stack(stack.bottom))?;
    let arg = Arc::into_raw(thread.clone()) as usize;
    let host = host::thread::Thread::spawn(stack.top + teb::TEB_SIZE, ABOVE - teb::TEB_SIZE, move || host_start(arg))
        .map_err(|_| NTSTATUS::INSUFFICIENT_RESOURCES)?;
    STARTED.lock().push((thread.teb, host));
    // The id is the host's, which only the new thread learns: wait for it.
    while thread.id() == 0 {
        host::futex::wait(&thread.id, 0, None);
    }
    Ok(thread)
}

/// Host threads that run, by TEB.
static STARTED: Mutex<Vec<(usize, host::thread::Thread)>> = Mutex::new(Vec::new());

#[allow(unsafe_code)]
fn host_start(arg: usize) {
    // SAFETY: made by Arc::into_raw in `create`.
    let thread = unsafe { Arc::from_raw(arg as *const Thread) };
    become_guest(&thread);
    host::futex::wake(&thread.id, 1);
    wait_while_suspended(&thread);
    enter(&thread, guest_start, &raw const *thread as usize);
    finish(&thread);
}

/// Stands still while the suspend count is above 0.
pub fn wait_while_suspended(thread: &Thread) {
    loop {
        let count = thread.suspended.load(Ordering::Acquire);
        if count == 0 {
            return;
        }
        host::futex::wait(&thread.suspended, count, None);
    }
}

#[allow(unsafe_code)]
extern "C" fn guest_start(arg: usize) {
    // SAFETY: host_start keeps the thread alive.
    let thread = unsafe { &*(arg as *const Thread) };
    ldr::notify_thread(ldr::DLL_THREAD_ATTACH);
    let code = thread.start.call(&[thread.parameter]) as u32;
    thread.exit_code.store(code, Ordering::Relaxed);
    before_exit();
    ldr::notify_thread(ldr::DLL_THREAD_DETACH);
}

/// What remains to be done when the guest's frames are gone.
fn finish(thread: &Arc<Thread>) {
    for hook in THREAD_EXIT_HOOKS {
        hook(thread);
    }
    crate::sync::abandon_mutants(thread.id());
    ldr::tls::detach_thread(thread.teb);
    thread.ended_at.store(crate::time::system_time() as usize, Ordering::Relaxed);
    let last = {
        let mut threads = THREADS.lock();
        threads.retain(|t| t.upgrade().is_some_and(|t| !Arc::ptr_eq(&t, thread)));
        threads.is_empty()
    };
    if last {
        process::exit(thread.exit_code.load(Ordering::Relaxed));
    }
    host::signal::thread_exit();
    let started = {
        let mut started = STARTED.lock();
        started.iter().position(|(teb, _)| *teb == thread.teb).map(|index| started.swap_remove(index).1)
    };
    if let Some(host) = started {
        ENDED.lock().push((host, thread.stack));
    }
    thread.ended.store(true, Ordering::Release);
    thread.dispatcher.set();
}

/// Runs when a thread ends, before its object is signalled.
#[linkme::distributed_slice]
pub static THREAD_EXIT_HOOKS: [fn(&Thread)];

/// Runs on a thread that ends, before the DLLs are told; may call the guest.
pub static BEFORE_EXIT: OnceLock<fn()> = OnceLock::new();

fn before_exit() {
    if let Some(hook) = BEFORE_EXIT.get() {
        hook();
    }
}

/// Ends the calling thread.
pub fn exit(code: u32) -> ! {
    let thread = current();
    thread.exit_code.store(code, Ordering::Relaxed);
    before_exit();
    ldr::notify_thread(ldr::DLL_THREAD_DETACH);
    leave(thread)
}

/// Ends the calling thread without telling DLLs.
pub fn terminate_current(code: u32) -> ! {
    let thread = current();
    thread.exit_code.store(code, Ordering::Relaxed);
    leave(thread)
}

#[allow(unsafe_code)]
fn leave(thread: Arc<Thread>) -> ! {
    let exit = thread.exit.0.get();
    // host_start and run_main hold the thread too.
    drop(thread);
    // SAFETY: the guest thread runs inside `enter`, which is where this goes.
    unsafe { host::stack::leave(exit) }
}
