//! threadpoolapi.h, and the older timer queues, work items and registered waits of winbase.h and threadpoollegacyapiset.h.
//!
//! A pool has workers that take callbacks from a queue; one is added when a callback finds none idle, and idle ones end
//! after a while. One thread serves all timers and one all waits: they only hand over to the pool.
//! Objects are kept in a table by their address; the guest holds that address as an opaque pointer.
//! <https://learn.microsoft.com/windows/win32/procthread/thread-pool-api>

mod legacy;
mod service;
mod worker;

pub use legacy::*;

use abi::{BOOL, GuestFn, HANDLE, Ptr, Win32Error, export, teb};
use ntdll::object::Object;
use parking_lot::{Condvar, Mutex};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// What a callback object reacts to, and so what its callback is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Simple,
    Work,
    Timer,
    Wait,
    Io,
    OldWork,
    OldTimer,
    OldWait,
}

/// A callback object (TP_WORK, TP_TIMER, TP_WAIT, TP_IO, or one of the older kinds).
struct Callback {
    kind: Kind,
    function: GuestFn,
    context: u64,
    finalization: GuestFn,
    cancel: GuestFn,
    pool: Arc<Pool>,
    group: Option<Arc<Group>>,
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    /// In the pool's queue, and running.
    queued: usize,
    running: usize,
    /// StartThreadpoolIo calls whose operations have not ended.
    started: usize,
    /// Given up while operations were under way: kept until they have ended.
    closing: bool,
    /// Counts settings: what the services know of an older one is void.
    setting: u64,
    is_set: bool,
    /// Events to be set when the object rests.
    when_idle: Vec<HANDLE>,
}

/// A queued callback, with what it is told besides object and context.
struct Job {
    object: Arc<Callback>,
    told: [u64; 3],
}

/// Workers and what they have to do.
struct Pool {
    state: Mutex<PoolState>,
    work: Condvar,
}

struct PoolState {
    queue: VecDeque<Job>,
    idle: usize,
    threads: usize,
    minimum: usize,
    maximum: usize,
}

/// A cleanup group: objects that are closed together.
#[derive(Default)]
struct Group {
    members: Mutex<Vec<Arc<Callback>>>,
}

/// Windows' default maximum of a pool.
const MAXIMUM: usize = 500;
/// How long a worker waits for work.
const PATIENCE: Duration = Duration::from_secs(20);

static OBJECTS: LazyLock<Mutex<HashMap<usize, Arc<Callback>>>> = LazyLock::new(Mutex::default);
static POOLS: LazyLock<Mutex<HashMap<usize, Arc<Pool>>>> = LazyLock::new(Mutex::default);
static GROUPS: LazyLock<Mutex<HashMap<usize, Arc<Group>>>> = LazyLock::new(Mutex::default);
static DEFAULT_POOL: LazyLock<Arc<Pool>> = LazyLock::new(Pool::new);

/// What is to be done when the running callback returns.
enum Action {
    SetEvent(HANDLE),
    ReleaseSemaphore(HANDLE, u32),
    ReleaseMutex(HANDLE),
    LeaveSection(Ptr<ntdll::lock::CriticalSection>),
    FreeLibrary(usize),
}

#[derive(Default)]
struct Instance {
    actions: Vec<Action>,
    object: Option<Arc<Callback>>,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

/// The fields of TP_CALLBACK_ENVIRON (winnt.h) that matter here.
#[derive(Default)]
struct Environment {
    pool: Option<Arc<Pool>>,
    group: Option<Arc<Group>>,
    cancel: GuestFn,
    finalization: GuestFn,
}

impl Environment {
    fn read(at: usize) -> Environment {
        if at == 0 {
            return Environment::default();
        }
        let field = |offset: usize| Ptr::<u64>::new(at + offset).get() as usize;
        Environment {
            pool: POOLS.lock().get(&field(8)).cloned(),
            group: GROUPS.lock().get(&field(16)).cloned(),
            cancel: GuestFn(field(24)),
            finalization: GuestFn(field(48)),
        }
    }
}

impl Pool {
    fn new() -> Arc<Pool> {
        let state = PoolState { queue: VecDeque::new(), idle: 0, threads: 0, minimum: 0, maximum: MAXIMUM };
        Arc::new(Pool { state: Mutex::new(state), work: Condvar::new() })
    }

    fn push(self: &Arc<Pool>, job: Job) {
        let mut state = self.state.lock();
        state.queue.push_back(job);
        if state.idle >= state.queue.len() || state.threads >= state.maximum {
            self.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        if worker::spawn(self).is_err() {
            self.state.lock().threads -= 1;
        }
    }

    /// The next job; none when there was nothing to do for a while.
    fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let timed_out = self.work.wait_for(&mut state, PATIENCE).timed_out();
            state.idle -= 1;
            if timed_out && state.queue.is_empty() && state.threads > state.minimum {
                state.threads -= 1;
                return None;
            }
        }
    }
}

fn run(job: Job) {
    let Job { object, told } = job;
    {
        let mut state = object.state.lock();
        state.queued -= 1;
        state.running += 1;
    }
    INSTANCE.with_borrow_mut(|instance| instance.object = Some(object.clone()));
    let (instance, key) = (teb::current() as u64, Arc::as_ptr(&object) as u64);
    let context = object.context;
    match object.kind {
        Kind::Simple => object.function.call(&[instance, context]),
        Kind::Work | Kind::Timer => object.function.call(&[instance, context, key]),
        Kind::Wait => object.function.call(&[instance, context, key, told[0]]),
        Kind::Io => object.function.call(&[instance, context, told[0], told[1], told[2], key]),
        Kind::OldWork => object.function.call(&[context]),
        Kind::OldTimer => object.function.call(&[context, 1]),
        Kind::OldWait => object.function.call(&[context, told[0]]),
    };
    let instance = INSTANCE.take();
    for action in instance.actions {
        // A failure has nobody to be told to.
        match action {
            Action::SetEvent(event) => drop(crate::synchapi::SetEvent(event)),
            Action::ReleaseSemaphore(semaphore, count) => drop(crate::synchapi::ReleaseSemaphore(semaphore, count as i32, Ptr::NULL)),
            Action::ReleaseMutex(mutex) => drop(crate::synchapi::ReleaseMutex(mutex)),
            Action::LeaveSection(section) => drop(ntdll::lock::RtlLeaveCriticalSection(section)),
            Action::FreeLibrary(module) => drop(crate::libloaderapi::FreeLibrary(module)),
        }
    }
    if !object.finalization.is_null() {
        object.finalization.call(&[teb::current() as u64, context]);
    }
    if matches!(object.kind, Kind::Simple | Kind::OldWork) {
        forget(&object);
    }
    if instance.object.is_some() {
        object.finished();
    }
}

/// Takes an object out of the tables.
fn forget(object: &Arc<Callback>) {
    OBJECTS.lock().remove(&(Arc::as_ptr(object) as usize));
    if let Some(group) = &object.group {
        group.members.lock().retain(|member| !Arc::ptr_eq(member, object));
    }
}

impl Callback {
    fn create(kind: Kind, function: GuestFn, context: u64, environment: usize) -> Arc<Callback> {
        let Environment { pool, group, cancel, finalization } = Environment::read(environment);
        let object = Arc::new(Callback {
            kind,
            function,
            context,
            finalization,
            cancel,
            pool: pool.unwrap_or_else(|| DEFAULT_POOL.clone()),
            group,
            state: Mutex::default(),
            idle: Condvar::new(),
        });
        OBJECTS.lock().insert(Arc::as_ptr(&object) as usize, object.clone());
        if let Some(group) = &object.group {
            group.members.lock().push(object.clone());
        }
        object
    }

    fn submit(self: &Arc<Callback>, told: [u64; 3]) {
        self.state.lock().queued += 1;
        self.pool.push(Job { object: self.clone(), told });
    }

    /// An operation has ended: it turns into a callback in one step, so that a waiter never sees neither.
    fn submit_started(self: &Arc<Callback>, told: [u64; 3]) {
        let last = {
            let mut state = self.state.lock();
            state.started = state.started.saturating_sub(1);
            state.queued += 1;
            state.closing && state.started == 0
        };
        self.pool.push(Job { object: self.clone(), told });
        if last {
            forget(self);
        }
    }

    /// One callback less runs.
    fn finished(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        self.notify(state);
    }

    fn notify(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        if state.running + state.queued + state.started == 0 {
            let events = std::mem::take(&mut state.when_idle);
            drop(state);
            self.idle.notify_all();
            for event in events {
                let _ = crate::synchapi::SetEvent(event);
            }
        }
    }

    /// Takes back what is queued but not running.
    fn cancel_queued(self: &Arc<Callback>) {
        let mut removed = 0;
        self.pool.state.lock().queue.retain(|job| {
            let keep = !Arc::ptr_eq(&job.object, self);
            removed += usize::from(!keep);
            keep
        });
        let mut state = self.state.lock();
        state.queued -= removed;
        self.notify(state);
    }

    fn wait(self: &Arc<Callback>, cancel: bool) {
        if cancel {
            self.cancel_queued();
        }
        let mut state = self.state.lock();
        while state.running + state.queued + if cancel { 0 } else { state.started } != 0 {
            self.idle.wait(&mut state);
        }
    }

    /// Makes timers and waits of earlier settings void. Returns the number of the new setting.
    fn renew(&self, is_set: bool) -> u64 {
        let mut state = self.state.lock();
        state.setting += 1;
        state.is_set = is_set;
        state.setting
    }

    /// Whether a setting is the one in force.
    fn is_current(&self, setting: u64) -> bool {
        let state = self.state.lock();
        state.is_set && state.setting == setting
    }
}

fn find(key: usize) -> Option<Arc<Callback>> {
    OBJECTS.lock().get(&key).cloned()
}

fn close(key: usize) {
    if let Some(object) = find(key) {
        object.renew(false);
        forget(&object);
    }
}

fn wait_for(key: usize, cancel: BOOL) {
    if let Some(object) = find(key) {
        object.wait(cancel.0);
    }
}

// ---- work

/// Creates work that can be submitted many times.
#[export(kernel32, partial("priority, RaceDll and activation context of the environment are ignored"))]
pub fn CreateThreadpoolWork(callback: GuestFn, context: u64, environment: usize) -> usize {
    Arc::as_ptr(&Callback::create(Kind::Work, callback, context, environment)) as usize
}

/// Has work done.
#[export(kernel32, full)]
pub fn SubmitThreadpoolWork(work: usize) {
    if let Some(work) = find(work) {
        work.submit([0; 3]);
    }
}

/// Waits until the work's callbacks have ended; can take back those that have not begun.
#[export(kernel32, full)]
pub fn WaitForThreadpoolWorkCallbacks(work: usize, cancel: BOOL) {
    wait_for(work, cancel);
}

/// Gives work up; it lives until its callbacks have ended.
#[export(kernel32, full)]
pub fn CloseThreadpoolWork(work: usize) {
    close(work);
}

/// Runs a callback once, soon.
#[export(kernel32, partial("priority, RaceDll and activation context of the environment are ignored"))]
pub fn TrySubmitThreadpoolCallback(callback: GuestFn, context: u64, environment: usize) -> BOOL {
    Callback::create(Kind::Simple, callback, context, environment).submit([0; 3]);
    BOOL(true)
}

// ---- timers

/// Creates a timer, not set.
#[export(kernel32, partial("priority, RaceDll and activation context of the environment are ignored"))]
pub fn CreateThreadpoolTimer(callback: GuestFn, context: u64, environment: usize) -> usize {
    Arc::as_ptr(&Callback::create(Kind::Timer, callback, context, environment)) as usize
}

/// Sets a timer: due at a FILETIME (negative: from now), then every `period` ms. Without a time: stops it.
#[export(kernel32, partial("timers are not batched: the window is ignored"))]
pub fn SetThreadpoolTimer(timer: usize, due: Ptr<i64>, period: u32, window: u32) {
    SetThreadpoolTimerEx(timer, due, period, window);
}

/// The same; tells whether the timer was set before.
#[export(kernel32, partial("timers are not batched: the window is ignored"))]
pub fn SetThreadpoolTimerEx(timer: usize, due: Ptr<i64>, period: u32, _window: u32) -> BOOL {
    let due = due.non_null().map(Ptr::get);
    let Some(object) = find(timer) else { return BOOL(false) };
    let was = object.state.lock().is_set;
    let setting = object.renew(due.is_some());
    if let Some(due) = due {
        let ticks = if due > 0 { due - ntdll::time::system_time() } else { due.saturating_neg() };
        service::add_timer(&object, setting, ticks.max(0) as u64 * 100, period);
    }
    BOOL(was)
}

/// Whether a timer is set.
#[export(kernel32, full)]
pub fn IsThreadpoolTimerSet(timer: usize) -> BOOL {
    BOOL(find(timer).is_some_and(|timer| timer.state.lock().is_set))
}

/// Waits until the timer's callbacks have ended; can take back those that have not begun.
#[export(kernel32, full)]
pub fn WaitForThreadpoolTimerCallbacks(timer: usize, cancel: BOOL) {
    wait_for(timer, cancel);
}

/// Stops a timer and gives it up.
#[export(kernel32, full)]
pub fn CloseThreadpoolTimer(timer: usize) {
    close(timer);
}

// ---- waits

/// Creates a wait object, not set.
#[export(kernel32, partial("priority, RaceDll and activation context of the environment are ignored"))]
pub fn CreateThreadpoolWait(callback: GuestFn, context: u64, environment: usize) -> usize {
    Arc::as_ptr(&Callback::create(Kind::Wait, callback, context, environment)) as usize
}

/// Waits once for an object; null stops waiting. The time is a FILETIME (negative: from now), none: for ever.
#[export(kernel32, full)]
pub fn SetThreadpoolWait(wait: usize, handle: HANDLE, timeout: Ptr<i64>) {
    SetThreadpoolWaitEx(wait, handle, timeout, 0);
}

/// The same; tells whether the wait was set before.
#[export(kernel32, full)]
pub fn SetThreadpoolWaitEx(wait: usize, handle: HANDLE, timeout: Ptr<i64>, _reserved: usize) -> BOOL {
    let timeout = timeout.non_null().map(Ptr::get);
    let Some(wait) = find(wait) else { return BOOL(false) };
    let was = wait.state.lock().is_set;
    let object = if handle.is_null() { None } else { ntdll::object::table_info(handle).ok().map(|entry| entry.object) };
    let setting = wait.renew(object.is_some());
    if let Some(object) = object {
        let ns = timeout.map(|at| if at > 0 { (at - ntdll::time::system_time()).max(0) } else { at.saturating_neg() } as u64 * 100);
        service::add_wait(&wait, setting, object, ns, None);
    }
    BOOL(was)
}

/// Waits until the callbacks have ended; can take back those that have not begun.
#[export(kernel32, full)]
pub fn WaitForThreadpoolWaitCallbacks(wait: usize, cancel: BOOL) {
    wait_for(wait, cancel);
}

/// Stops waiting and gives the object up.
#[export(kernel32, full)]
pub fn CloseThreadpoolWait(wait: usize) {
    close(wait);
}

// ---- files

/// Binds a file to the pool: its operations end in the callback.
#[export(kernel32, partial("priority, RaceDll and activation context of the environment are ignored"))]
pub fn CreateThreadpoolIo(file: HANDLE, callback: GuestFn, context: u64, environment: usize) -> Result<usize, Win32Error> {
    let object = Callback::create(Kind::Io, callback, context, environment);
    let key = Arc::as_ptr(&object) as usize;
    service::bind_file(file, key).inspect_err(|_| forget(&object))?;
    Ok(key)
}

/// Says that an operation is about to be started.
#[export(kernel32, full)]
pub fn StartThreadpoolIo(io: usize) {
    if let Some(io) = find(io) {
        io.state.lock().started += 1;
    }
}

/// Says that it was not, or ended at once.
#[export(kernel32, full)]
pub fn CancelThreadpoolIo(io: usize) {
    if let Some(io) = find(io) {
        let mut state = io.state.lock();
        state.started = state.started.saturating_sub(1);
        let last = state.closing && state.started == 0;
        io.notify(state);
        if last {
            forget(&io);
        }
    }
}

/// Waits until operations and callbacks have ended; can take back callbacks that have not begun.
#[export(kernel32, full)]
pub fn WaitForThreadpoolIoCallbacks(io: usize, cancel: BOOL) {
    wait_for(io, cancel);
}

/// Gives the binding up; it lives until its operations and callbacks have ended.
#[export(kernel32, full)]
pub fn CloseThreadpoolIo(io: usize) {
    let Some(object) = find(io) else { return };
    let mut state = object.state.lock();
    if state.started != 0 {
        state.closing = true;
        return;
    }
    drop(state);
    close(io);
}

// ---- pools and groups

/// Creates a pool.
#[export(kernel32, full)]
pub fn CreateThreadpool(_reserved: usize) -> usize {
    let pool = Pool::new();
    let key = Arc::as_ptr(&pool) as usize;
    POOLS.lock().insert(key, pool);
    key
}

/// Sets how many workers a pool may have.
#[export(kernel32, full)]
pub fn SetThreadpoolThreadMaximum(pool: usize, most: u32) {
    if let Some(pool) = POOLS.lock().get(&pool) {
        pool.state.lock().maximum = (most as usize).max(1);
    }
}

/// Sets how many workers a pool has at least.
#[export(kernel32, full)]
pub fn SetThreadpoolThreadMinimum(pool: usize, least: u32) -> BOOL {
    let Some(pool) = POOLS.lock().get(&pool).cloned() else { return BOOL(false) };
    let missing = {
        let mut state = pool.state.lock();
        state.minimum = least as usize;
        let missing = state.minimum.saturating_sub(state.threads);
        state.threads += missing;
        missing
    };
    for made in 0..missing {
        if worker::spawn(&pool).is_err() {
            pool.state.lock().threads -= missing - made;
            return BOOL(false);
        }
    }
    BOOL(true)
}

/// Gives a pool up; it lives until its callbacks have ended.
#[export(kernel32, full)]
pub fn CloseThreadpool(pool: usize) {
    if let Some(pool) = POOLS.lock().remove(&pool) {
        pool.state.lock().minimum = 0;
    }
}

/// Creates a cleanup group.
#[export(kernel32, full)]
pub fn CreateThreadpoolCleanupGroup() -> usize {
    let group = Arc::<Group>::default();
    let key = Arc::as_ptr(&group) as usize;
    GROUPS.lock().insert(key, group);
    key
}

/// Waits for the callbacks of all objects of a group, or takes them back, and closes the objects.
#[export(kernel32, full, calls_guest)]
pub fn CloseThreadpoolCleanupGroupMembers(group: usize, cancel: BOOL, context: u64) {
    let members = GROUPS.lock().get(&group).map(|group| std::mem::take(&mut *group.members.lock())).unwrap_or_default();
    let mut told = Vec::new();
    for member in &members {
        member.renew(false);
        member.wait(cancel.0);
        OBJECTS.lock().remove(&(Arc::as_ptr(member) as usize));
        if cancel.0 && !member.cancel.is_null() {
            told.push((member.cancel, member.context));
        }
    }
    drop(members);
    while let Some((function, object)) = told.pop() {
        function.call(&[object, context]);
    }
}

/// Gives a group up; it has no members any more.
#[export(kernel32, full)]
pub fn CloseThreadpoolCleanupGroup(group: usize) {
    GROUPS.lock().remove(&group);
}

// ---- in a callback

fn when_done(action: Action) {
    INSTANCE.with_borrow_mut(|instance| instance.actions.push(action));
}

/// Sets an event when the callback returns.
#[export(kernel32, full)]
pub fn SetEventWhenCallbackReturns(_instance: usize, event: HANDLE) {
    when_done(Action::SetEvent(event));
}

/// Releases a semaphore when the callback returns.
#[export(kernel32, full)]
pub fn ReleaseSemaphoreWhenCallbackReturns(_instance: usize, semaphore: HANDLE, count: u32) {
    when_done(Action::ReleaseSemaphore(semaphore, count));
}

/// Releases a mutex when the callback returns.
#[export(kernel32, full)]
pub fn ReleaseMutexWhenCallbackReturns(_instance: usize, mutex: HANDLE) {
    when_done(Action::ReleaseMutex(mutex));
}

/// Leaves a critical section when the callback returns.
#[export(kernel32, full)]
pub fn LeaveCriticalSectionWhenCallbackReturns(_instance: usize, section: Ptr<ntdll::lock::CriticalSection>) {
    when_done(Action::LeaveSection(section));
}

/// Frees a DLL when the callback returns.
#[export(kernel32, full)]
pub fn FreeLibraryWhenCallbackReturns(_instance: usize, module: usize) {
    when_done(Action::FreeLibrary(module));
}

/// Says that the callback takes long; tells whether another worker can be had.
#[export(kernel32, full)]
pub fn CallbackMayRunLong(_instance: usize) -> BOOL {
    let object = INSTANCE.with_borrow(|instance| instance.object.clone());
    BOOL(object.is_some_and(|object| {
        let state = object.pool.state.lock();
        state.idle > 0 || state.threads < state.maximum
    }))
}

/// Who waits for this callback waits no longer.
#[export(kernel32, full)]
pub fn DisassociateCurrentThreadFromCallback(_instance: usize) {
    if let Some(object) = INSTANCE.with_borrow_mut(|instance| instance.object.take()) {
        object.finished();
    }
}
