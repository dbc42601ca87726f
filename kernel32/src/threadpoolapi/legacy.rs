//! threadpoollegacyapiset.h: timer queues, work items, registered waits.

use super::{Callback, Kind, OBJECTS, find, forget, service};
use abi::{GuestFn, HANDLE, Ptr, Win32Error, export};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// WT_EXECUTEONLYONCE.
const EXECUTE_ONLY_ONCE: u32 = 8;

/// Timer queues with their timers, by number.
static QUEUES: LazyLock<Mutex<HashMap<usize, Vec<Arc<Callback>>>>> = LazyLock::new(Mutex::default);

/// Stops an object. `completion` INVALID waits for callbacks that run; another event is set when they have ended.
/// ERROR_IO_PENDING when some still run and nobody waits.
fn stop(object: &Arc<Callback>, completion: HANDLE) -> Result<(), Win32Error> {
    object.renew(false);
    OBJECTS.lock().remove(&(Arc::as_ptr(object) as usize));
    service::waits_changed();
    object.cancel_queued();
    if completion == HANDLE::INVALID {
        object.wait(true);
        return Ok(());
    }
    let mut state = object.state.lock();
    if state.running + state.queued == 0 {
        drop(state);
        if !completion.is_null() {
            crate::synchapi::SetEvent(completion)?;
        }
        return Ok(());
    }
    if !completion.is_null() {
        state.when_idle.push(completion);
    }
    Err(Win32Error::IO_PENDING)
}

/// Runs a function on another thread.
#[export(kernel32, partial("flags are ignored: any worker runs it, without impersonation"))]
pub fn QueueUserWorkItem(function: GuestFn, parameter: u64, _flags: u32) -> Result<(), Win32Error> {
    Callback::create(Kind::OldWork, function, parameter, 0).submit([0; 3]);
    Ok(())
}

/// Creates a timer queue.
#[export(kernel32, full)]
pub fn CreateTimerQueue() -> HANDLE {
    let mut queues = QUEUES.lock();
    let number = (1..).map(|n| n * 8).find(|n| !queues.contains_key(n)).unwrap_or(0);
    queues.insert(number, Vec::new());
    HANDLE(number)
}

/// Creates a timer in a queue (null: the default one).
#[export(kernel32, partial("flags other than WT_EXECUTEONLYONCE are ignored: any worker runs it"))]
pub fn CreateTimerQueueTimer(
    timer: Ptr<HANDLE>,
    queue: HANDLE,
    callback: GuestFn,
    parameter: u64,
    due: u32,
    period: u32,
    flags: u32,
) -> Result<(), Win32Error> {
    if !queue.is_null() && !QUEUES.lock().contains_key(&queue.0) {
        return Err(Win32Error::INVALID_HANDLE);
    }
    let object = Callback::create(Kind::OldTimer, callback, parameter, 0);
    timer.write(HANDLE(Arc::as_ptr(&object) as usize)).inspect_err(|_| forget(&object))?;
    if let Some(timers) = QUEUES.lock().get_mut(&queue.0) {
        timers.push(object.clone());
    }
    set(&object, due, if flags & EXECUTE_ONLY_ONCE != 0 { 0 } else { period });
    Ok(())
}

fn set(object: &Arc<Callback>, due: u32, period: u32) {
    let setting = object.renew(due != u32::MAX);
    if due != u32::MAX {
        service::add_timer(object, setting, u64::from(due) * 1_000_000, period);
    }
}

/// Sets a timer anew. One that was to fire once and has fired stays as it is.
#[export(kernel32, full)]
pub fn ChangeTimerQueueTimer(_queue: HANDLE, timer: HANDLE, due: u32, period: u32) -> Result<(), Win32Error> {
    let object = find(timer.0).filter(|object| object.kind == Kind::OldTimer).ok_or(Win32Error::INVALID_HANDLE)?;
    if object.state.lock().is_set {
        set(&object, due, period);
    }
    Ok(())
}

/// Stops and deletes a timer.
#[export(kernel32, full)]
pub fn DeleteTimerQueueTimer(queue: HANDLE, timer: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let object = find(timer.0).filter(|object| object.kind == Kind::OldTimer).ok_or(Win32Error::INVALID_HANDLE)?;
    if let Some(timers) = QUEUES.lock().get_mut(&queue.0) {
        timers.retain(|timer| !Arc::ptr_eq(timer, &object));
    }
    stop(&object, completion)
}

/// Stops and deletes a queue with its timers.
#[export(kernel32, full)]
pub fn DeleteTimerQueueEx(queue: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let timers = QUEUES.lock().remove(&queue.0).ok_or(Win32Error::INVALID_HANDLE)?;
    let wait = if completion == HANDLE::INVALID { completion } else { HANDLE::NULL };
    let pending: Vec<_> = timers.iter().filter(|timer| stop(timer, wait).is_err()).collect();
    if pending.is_empty() {
        if !completion.is_null() && completion != HANDLE::INVALID {
            crate::synchapi::SetEvent(completion)?;
        }
        return Ok(());
    }
    if !completion.is_null() {
        pending[pending.len() - 1].state.lock().when_idle.push(completion);
    }
    Err(Win32Error::IO_PENDING)
}

/// Stops and deletes a queue with its timers.
#[export(kernel32, full)]
pub fn DeleteTimerQueue(queue: HANDLE) -> Result<(), Win32Error> {
    DeleteTimerQueueEx(queue, HANDLE::NULL)
}

/// Calls a function when an object is signalled or a time is over.
#[export(kernel32, partial("flags other than WT_EXECUTEONLYONCE are ignored: any worker runs it"))]
pub fn RegisterWaitForSingleObject(
    new: Ptr<HANDLE>,
    handle: HANDLE,
    callback: GuestFn,
    parameter: u64,
    ms: u32,
    flags: u32,
) -> Result<(), Win32Error> {
    let waited = ntdll::object::table_info(handle)?.object;
    if waited.dispatcher().is_none() {
        return Err(Win32Error::INVALID_HANDLE);
    }
    let object = Callback::create(Kind::OldWait, callback, parameter, 0);
    new.write(HANDLE(Arc::as_ptr(&object) as usize)).inspect_err(|_| forget(&object))?;
    let ns = (ms != u32::MAX).then(|| u64::from(ms) * 1_000_000);
    let setting = object.renew(true);
    service::add_wait(&object, setting, waited, ns, (flags & EXECUTE_ONLY_ONCE == 0).then_some(ns));
    Ok(())
}

/// Takes that back.
#[export(kernel32, full)]
pub fn UnregisterWaitEx(wait: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let object = find(wait.0).filter(|object| object.kind == Kind::OldWait).ok_or(Win32Error::INVALID_HANDLE)?;
    stop(&object, completion)
}

/// Takes that back, not waiting for a callback that is running.
#[export(kernel32, full)]
pub fn UnregisterWait(wait: HANDLE) -> Result<(), Win32Error> {
    UnregisterWaitEx(wait, HANDLE::NULL)
}
