//! Events, mutants, semaphores and timers.

mod alert;
mod create;
mod keyed_event;

pub use alert::*;
pub use create::*;
pub use keyed_event::*;

use crate::access::map_generic;
use crate::object::{self, Object};
use crate::thread::{self, Apc};
use crate::wait::{self, Dispatcher, Signal};
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};
use host::futex::Deadline;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

macro_rules! waitable {
    ($ty:ident, $name:literal) => {
        impl Object for $ty {
            fn type_name(&self) -> &'static str {
                $name
            }
            fn dispatcher(&self) -> Option<&Dispatcher> {
                Some(&self.dispatcher)
            }
        }
    };
}

/// An event.
pub struct Event {
    dispatcher: Dispatcher,
}
waitable!(Event, "Event");

impl Event {
    pub fn new(manual_reset: bool, signalled: bool) -> Event {
        let signal = if manual_reset { Signal::Notification } else { Signal::Synchronization };
        Event { dispatcher: Dispatcher::new(signal, signalled.into()) }
    }
    pub fn set(&self) -> i32 {
        self.dispatcher.set()
    }
    pub fn reset(&self) -> i32 {
        self.dispatcher.reset()
    }
    pub fn pulse(&self) -> i32 {
        self.dispatcher.pulse()
    }
    /// Whether it is reset by hand, and its state.
    pub fn state(&self) -> (bool, i32) {
        (self.dispatcher.signal_type() == Signal::Notification, self.dispatcher.lock().count)
    }
}

/// A mutex, which NT calls mutant.
pub struct Mutant {
    dispatcher: Dispatcher,
}
waitable!(Mutant, "Mutant");

static MUTANTS: Mutex<Vec<Weak<Mutant>>> = Mutex::new(Vec::new());

impl Mutant {
    pub fn new(owned: bool) -> Arc<Mutant> {
        let mutant = Arc::new(Mutant { dispatcher: Dispatcher::new(Signal::Mutant, i32::from(!owned)) });
        if owned {
            mutant.dispatcher.lock().owner = thread::current().id();
        }
        let mut mutants = MUTANTS.lock();
        mutants.retain(|m| m.strong_count() > 0);
        mutants.push(Arc::downgrade(&mutant));
        mutant
    }

    /// Count (1: free), owner's thread id, and whether the last owner abandoned it.
    pub fn state(&self) -> (i32, u32, bool) {
        let state = self.dispatcher.lock();
        (state.count, state.owner, state.abandoned)
    }

    /// Gives up one ownership. Returns the previous count.
    pub fn release(&self) -> Result<i32, NTSTATUS> {
        let mut state = self.dispatcher.lock();
        if state.owner != thread::current().id() || state.count > 0 {
            return Err(NTSTATUS::MUTANT_NOT_OWNED);
        }
        let old = state.count;
        state.count += 1;
        if state.count == 1 {
            state.owner = 0;
            self.dispatcher.release_waiters(&mut state);
        }
        Ok(old)
    }
}

/// Abandons the mutants that a thread owned.
pub fn abandon_mutants(tid: u32) {
    let mutants: Vec<_> = MUTANTS.lock().iter().filter_map(Weak::upgrade).collect();
    for mutant in mutants {
        wait::abandon(&mutant.dispatcher, tid);
    }
}

/// A semaphore.
pub struct Semaphore {
    dispatcher: Dispatcher,
    maximum: i32,
}
waitable!(Semaphore, "Semaphore");

impl Semaphore {
    pub fn new(initial: i32, maximum: i32) -> Result<Semaphore, NTSTATUS> {
        if maximum <= 0 || initial < 0 || initial > maximum {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        Ok(Semaphore { dispatcher: Dispatcher::new(Signal::Semaphore, initial), maximum })
    }

    /// Count and maximum.
    pub fn state(&self) -> (i32, i32) {
        (self.dispatcher.lock().count, self.maximum)
    }

    /// Adds to the count. Returns the previous one.
    pub fn release(&self, count: i32) -> Result<i32, NTSTATUS> {
        let mut state = self.dispatcher.lock();
        if count <= 0 || state.count.checked_add(count).is_none_or(|sum| sum > self.maximum) {
            return Err(NTSTATUS::SEMAPHORE_LIMIT_EXCEEDED);
        }
        let old = state.count;
        state.count += count;
        self.dispatcher.release_waiters(&mut state);
        Ok(old)
    }
}

/// A waitable timer. Nobody ticks for it: who waits looks at when it is due.
pub struct Timer {
    dispatcher: Dispatcher,
    apc: Mutex<Option<TimerApc>>,
}
waitable!(Timer, "Timer");

#[derive(Clone, Copy)]
struct TimerApc {
    function: GuestFn,
    argument: u64,
    due: Deadline,
    period: u64,
}

impl Timer {
    pub fn new(manual_reset: bool) -> Timer {
        let signal = if manual_reset { Signal::Notification } else { Signal::Synchronization };
        Timer { dispatcher: Dispatcher::new(signal, 0), apc: Mutex::new(None) }
    }

    /// Sets it to fire at `due` (as NT gives timeouts) and then every `period` milliseconds.
    pub fn set(self: &Arc<Timer>, due: i64, period: u32, function: GuestFn, argument: u64) {
        let due = wait::deadline(Some(due)).unwrap_or(u64::MAX);
        let period = u64::from(period) * 1_000_000;
        *self.apc.lock() = (!function.is_null()).then_some(TimerApc { function, argument, due, period });
        {
            let mut state = self.dispatcher.lock();
            state.count = 0;
            state.due = Some(due);
            state.period = period;
            self.dispatcher.nudge_waiters(&mut state);
        }
        if !function.is_null() {
            thread::current().add_apc_timer(self.clone());
        }
    }

    pub fn is_signalled(&self) -> bool {
        let state = self.dispatcher.lock();
        state.count > 0 || state.due.is_some_and(|due| due <= host::time::monotonic_ns())
    }

    /// Until it is due, in units of 100 ns; below 0 when it was, 0 when it is not set.
    pub fn time_left(&self) -> i64 {
        let left = |due: Deadline| (due as i64).wrapping_sub(host::time::monotonic_ns() as i64) / 100;
        self.dispatcher.lock().due.map_or(0, left)
    }

    pub fn cancel(&self) {
        *self.apc.lock() = None;
        let mut state = self.dispatcher.lock();
        state.due = None;
    }

    /// When its APC is due.
    pub fn next_apc(&self) -> Option<Deadline> {
        self.apc.lock().map(|apc| apc.due)
    }

    /// Its APC, if due; it is rearmed when the timer is periodic.
    pub fn take_apc(&self, now: Deadline) -> Option<Apc> {
        let mut slot = self.apc.lock();
        let apc = (*slot)?;
        if apc.due > now {
            return None;
        }
        *slot = (apc.period != 0).then(|| TimerApc { due: apc.due + apc.period, ..apc });
        let time = crate::time::system_time() as u64;
        Some(Apc { function: apc.function, arguments: [apc.argument, time & 0xffff_ffff, time >> 32] })
    }
}

/// Makes a handle for a new object, or for the one that has the name already (then OBJECT_NAME_EXISTS).
pub fn create_named<T: Object>(object: Arc<T>, name: Option<&[u16]>, access: u32, inherit: bool) -> Result<(HANDLE, bool), NTSTATUS> {
    let type_name = object.type_name();
    let access = map_generic(access, type_name);
    let object: Arc<dyn Object> = object;
    if let Some(name) = name
        && let Some(existing) = object::publish(name, &object)
    {
        if existing.type_name() != type_name {
            return Err(NTSTATUS::OBJECT_TYPE_MISMATCH);
        }
        return Ok((object::insert_inheritable(existing, access, inherit), true));
    }
    Ok((object::insert_inheritable(object, access, inherit), false))
}

/// Opens a named object of a type.
pub fn open_named(name: &[u16], type_name: &str, access: u32, inherit: bool) -> Result<HANDLE, NTSTATUS> {
    let object = object::find_named(name).ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)?;
    if object.type_name() != type_name {
        return Err(NTSTATUS::OBJECT_TYPE_MISMATCH);
    }
    Ok(object::insert_inheritable(object, map_generic(access, type_name), inherit))
}

/// Signals an event, releases a mutant, or adds 1 to a semaphore.
pub fn signal(handle: HANDLE) -> Result<(), NTSTATUS> {
    object::with(handle, crate::access::EVENT_MODIFY_STATE, Event::set)
        .map(drop)
        .or_else(|_| object::with(handle, 0, Mutant::release).and_then(|released| released).map(drop))
        .or_else(|_| {
            let release = |semaphore: &Semaphore| semaphore.release(1);
            object::with(handle, crate::access::SEMAPHORE_MODIFY_STATE, release).and_then(|released| released).map(drop)
        })
}

/// Waits for one object.
#[export(ntdll, full, calls_guest)]
pub fn NtWaitForSingleObject(handle: HANDLE, alertable: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let timeout = if timeout.is_null() { None } else { Some(timeout.read()?) };
    wait_for_handle(handle, alertable, timeout)
}

/// Waits for the object behind a handle or pseudo handle.
pub fn wait_for_handle(handle: HANDLE, alertable: bool, timeout: Option<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let object = waitable(handle)?;
    Ok(wait::wait_one(&object, alertable, timeout)?.status())
}

fn waitable(handle: HANDLE) -> Result<Arc<dyn Object>, NTSTATUS> {
    match handle {
        HANDLE::CURRENT_THREAD => Ok(thread::current()),
        HANDLE::CURRENT_PROCESS => Ok(crate::process::current()),
        _ => {
            let entry = object::table_info(handle)?;
            if entry.access & crate::access::SYNCHRONIZE == 0 { Err(NTSTATUS::ACCESS_DENIED) } else { Ok(entry.object) }
        }
    }
}

/// Waits for several objects.
#[export(ntdll, full, calls_guest)]
pub fn NtWaitForMultipleObjects(
    count: u32,
    handles: Ptr<HANDLE>,
    wait_any: u32,
    alertable: bool,
    timeout: Ptr<i64>,
) -> Result<NTSTATUS, NTSTATUS> {
    let timeout = if timeout.is_null() { None } else { Some(timeout.read()?) };
    if count == 0 || count as usize > wait::MAXIMUM_WAIT_OBJECTS {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    wait_for_handles(&handles.read_vec(count as usize)?, wait_any == 0, alertable, timeout)
}

/// Waits for the objects behind handles.
pub fn wait_for_handles(handles: &[HANDLE], all: bool, alertable: bool, timeout: Option<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let objects = handles.iter().map(|&h| waitable(h)).collect::<Result<Vec<_>, _>>()?;
    if all {
        for (index, handle) in handles.iter().enumerate() {
            if handles[..index].contains(handle) {
                return Err(NTSTATUS::INVALID_PARAMETER_MIX);
            }
        }
    }
    Ok(wait::wait(&objects, all, alertable, timeout)?.status())
}

/// Sleeps, alertably or not.
#[export(ntdll, full, calls_guest)]
pub fn NtDelayExecution(alertable: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    Ok(match wait::delay(alertable, Some(timeout.read()?)) {
        wait::Outcome::TimedOut => NTSTATUS::SUCCESS,
        outcome => outcome.status(),
    })
}

/// Signals an event.
#[export(ntdll, full)]
pub fn NtSetEvent(event: HANDLE, previous: Ptr<i32>) -> Result<(), NTSTATUS> {
    let old = object::with(event, crate::access::EVENT_MODIFY_STATE, Event::set)?;
    Ok(previous.write_opt(old)?)
}

/// Resets an event.
#[export(ntdll, full)]
pub fn NtResetEvent(event: HANDLE, previous: Ptr<i32>) -> Result<(), NTSTATUS> {
    let old = object::with(event, crate::access::EVENT_MODIFY_STATE, Event::reset)?;
    Ok(previous.write_opt(old)?)
}

/// Resets an event.
#[export(ntdll, full)]
pub fn NtClearEvent(event: HANDLE) -> Result<(), NTSTATUS> {
    object::with(event, crate::access::EVENT_MODIFY_STATE, Event::reset).map(drop)
}

/// Releases a mutant.
#[export(ntdll, full)]
pub fn NtReleaseMutant(mutant: HANDLE, previous: Ptr<i32>) -> Result<(), NTSTATUS> {
    let old = object::with(mutant, 0, Mutant::release)??;
    Ok(previous.write_opt(old)?)
}

/// Adds to a semaphore's count.
#[export(ntdll, full)]
pub fn NtReleaseSemaphore(semaphore: HANDLE, count: i32, previous: Ptr<i32>) -> Result<(), NTSTATUS> {
    let old = object::with(semaphore, crate::access::SEMAPHORE_MODIFY_STATE, |s: &Semaphore| s.release(count))??;
    Ok(previous.write_opt(old)?)
}
