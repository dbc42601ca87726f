//! synchapi.h: events, mutexes, semaphores, timers, waits, sleeping. Locks in memory are in ntdll::lock.

use crate::nls::{ansi_opt, wide_opt};
use abi::{BOOL, GuestFn, HANDLE, NTSTATUS, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::access::{
    EVENT_ALL_ACCESS, EVENT_MODIFY_STATE, MUTANT_ALL_ACCESS, SEMAPHORE_ALL_ACCESS, SEMAPHORE_MODIFY_STATE, TIMER_ALL_ACCESS,
};
use ntdll::lock::{self, CriticalSection};
use ntdll::object::{self, Object};
use ntdll::sync::{self, Event, Mutant, Semaphore, Timer};
use ntdll::wait::Outcome;
use std::sync::Arc;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;

/// INFINITE.
pub const INFINITE: u32 = u32::MAX;
const WAIT_IO_COMPLETION: u32 = 0xc0;

/// Milliseconds as NT's relative timeout.
pub fn timeout(ms: u32) -> Option<i64> {
    (ms != INFINITE).then(|| -i64::from(ms) * 10_000)
}

/// Whether security attributes ask for an inheritable handle.
pub fn inherits(attributes: Ptr<SECURITY_ATTRIBUTES>) -> Result<bool, Win32Error> {
    Ok(!attributes.is_null() && attributes.read()?.bInheritHandle != 0)
}

/// Creates or opens; the last error tells which.
fn create<T: Object>(
    object: Arc<T>,
    name: Option<Vec<u16>>,
    access: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
) -> Result<HANDLE, Win32Error> {
    let (handle, existed) =
        sync::create_named(object, name.as_deref().filter(|n| !n.is_empty()), access, inherits(attributes)?).map_err(|s| {
            // A name of another type of object: documented as ERROR_INVALID_HANDLE.
            if s == NTSTATUS::OBJECT_TYPE_MISMATCH { Win32Error::INVALID_HANDLE } else { s.into() }
        })?;
    teb::set_last_error(if existed { Win32Error::ALREADY_EXISTS } else { Win32Error::SUCCESS });
    Ok(handle)
}

fn open(name: Option<Vec<u16>>, type_name: &str, access: u32, inherit: BOOL) -> Result<HANDLE, Win32Error> {
    let name = name.ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(sync::open_named(&name, type_name, access, inherit.0)?)
}

/// Creates or opens an event.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateEventW(attributes: Ptr<SECURITY_ATTRIBUTES>, manual_reset: BOOL, initial: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Event::new(manual_reset.0, initial.0)), wide_opt(name)?, EVENT_ALL_ACCESS, attributes)
}

/// CreateEventW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateEventA(attributes: Ptr<SECURITY_ATTRIBUTES>, manual_reset: BOOL, initial: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Event::new(manual_reset.0, initial.0)), ansi_opt(name)?, EVENT_ALL_ACCESS, attributes)
}

/// Creates or opens an event, with flags and rights.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateEventExW(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCWSTR, flags: u32, access: u32) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Event::new(flags & 1 != 0, flags & 2 != 0)), wide_opt(name)?, access, attributes)
}

/// CreateEventExW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateEventExA(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCSTR, flags: u32, access: u32) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Event::new(flags & 1 != 0, flags & 2 != 0)), ansi_opt(name)?, access, attributes)
}

/// Opens a named event.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenEventW(access: u32, inherit: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    open(wide_opt(name)?, "Event", access, inherit)
}

/// OpenEventW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenEventA(access: u32, inherit: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    open(ansi_opt(name)?, "Event", access, inherit)
}

/// Sets an event to the signalled state.
#[export(kernel32, full)]
pub fn SetEvent(event: HANDLE) -> Result<(), Win32Error> {
    object::with(event, EVENT_MODIFY_STATE, Event::set)?;
    Ok(())
}

/// Sets an event to the nonsignalled state.
#[export(kernel32, full)]
pub fn ResetEvent(event: HANDLE) -> Result<(), Win32Error> {
    object::with(event, EVENT_MODIFY_STATE, Event::reset)?;
    Ok(())
}

/// Releases the threads that wait for an event now, and resets it.
#[export(kernel32, full)]
pub fn PulseEvent(event: HANDLE) -> Result<(), Win32Error> {
    object::with(event, EVENT_MODIFY_STATE, Event::pulse)?;
    Ok(())
}

/// Creates or opens a mutex.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateMutexW(attributes: Ptr<SECURITY_ATTRIBUTES>, owned: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    create(Mutant::new(owned.0), wide_opt(name)?, MUTANT_ALL_ACCESS, attributes)
}

/// CreateMutexW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateMutexA(attributes: Ptr<SECURITY_ATTRIBUTES>, owned: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    create(Mutant::new(owned.0), ansi_opt(name)?, MUTANT_ALL_ACCESS, attributes)
}

/// Creates or opens a mutex, with flags and rights.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateMutexExW(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCWSTR, flags: u32, access: u32) -> Result<HANDLE, Win32Error> {
    create(Mutant::new(flags & 1 != 0), wide_opt(name)?, access, attributes)
}

/// Opens a named mutex.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenMutexW(access: u32, inherit: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    open(wide_opt(name)?, "Mutant", access, inherit)
}

/// Gives up ownership of a mutex.
#[export(kernel32, full)]
pub fn ReleaseMutex(mutex: HANDLE) -> Result<(), Win32Error> {
    object::with(mutex, 0, Mutant::release)??;
    Ok(())
}

/// Creates or opens a semaphore.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateSemaphoreW(attributes: Ptr<SECURITY_ATTRIBUTES>, initial: i32, maximum: i32, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Semaphore::new(initial, maximum)?), wide_opt(name)?, SEMAPHORE_ALL_ACCESS, attributes)
}

/// CreateSemaphoreW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateSemaphoreA(attributes: Ptr<SECURITY_ATTRIBUTES>, initial: i32, maximum: i32, name: PCSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Semaphore::new(initial, maximum)?), ansi_opt(name)?, SEMAPHORE_ALL_ACCESS, attributes)
}

/// Creates or opens a semaphore, with rights.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateSemaphoreExW(
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    initial: i32,
    maximum: i32,
    name: PCWSTR,
    _flags: u32,
    access: u32,
) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Semaphore::new(initial, maximum)?), wide_opt(name)?, access, attributes)
}

/// Opens a named semaphore.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenSemaphoreW(access: u32, inherit: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    open(wide_opt(name)?, "Semaphore", access, inherit)
}

/// OpenSemaphoreW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenSemaphoreA(access: u32, inherit: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    open(ansi_opt(name)?, "Semaphore", access, inherit)
}

/// Adds to the count of a semaphore.
#[export(kernel32, full)]
pub fn ReleaseSemaphore(semaphore: HANDLE, count: i32, previous: Ptr<i32>) -> Result<(), Win32Error> {
    let old = object::with(semaphore, SEMAPHORE_MODIFY_STATE, |s: &Semaphore| s.release(count))??;
    Ok(previous.write_opt(old)?)
}

/// Creates or opens a waitable timer.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateWaitableTimerW(attributes: Ptr<SECURITY_ATTRIBUTES>, manual_reset: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Timer::new(manual_reset.0)), wide_opt(name)?, TIMER_ALL_ACCESS, attributes)
}

/// CreateWaitableTimerW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateWaitableTimerA(attributes: Ptr<SECURITY_ATTRIBUTES>, manual_reset: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Timer::new(manual_reset.0)), ansi_opt(name)?, TIMER_ALL_ACCESS, attributes)
}

/// Creates or opens a waitable timer, with flags and rights. All timers have high resolution.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateWaitableTimerExW(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCWSTR, flags: u32, access: u32) -> Result<HANDLE, Win32Error> {
    create(Arc::new(Timer::new(flags & 1 != 0)), wide_opt(name)?, access, attributes)
}

/// Sets a waitable timer.
#[export(kernel32, full)]
pub fn SetWaitableTimer(
    timer: HANDLE,
    due: Ptr<i64>,
    period: i32,
    routine: GuestFn,
    argument: u64,
    _resume: BOOL,
) -> Result<(), Win32Error> {
    let timer: Arc<Timer> = object::get(timer, ntdll::access::TIMER_MODIFY_STATE)?;
    if period < 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    timer.set(due.read()?, period as u32, routine, argument);
    Ok(())
}

/// Sets a waitable timer, with a tolerance (which is not needed here).
#[export(kernel32, full)]
pub fn SetWaitableTimerEx(
    timer: HANDLE,
    due: Ptr<i64>,
    period: i32,
    routine: GuestFn,
    argument: u64,
    _wake: usize,
    _tolerance: u32,
) -> Result<(), Win32Error> {
    SetWaitableTimer(timer, due, period, routine, argument, BOOL(false))
}

/// Stops a waitable timer.
#[export(kernel32, full)]
pub fn CancelWaitableTimer(timer: HANDLE) -> Result<(), Win32Error> {
    object::with(timer, ntdll::access::TIMER_MODIFY_STATE, Timer::cancel)?;
    Ok(())
}

fn wait_result(status: NTSTATUS) -> u32 {
    match status {
        NTSTATUS::USER_APC => WAIT_IO_COMPLETION,
        status => status.0,
    }
}

/// Turns a wait's failure into WAIT_FAILED and the last error.
fn or_failed(result: Result<NTSTATUS, NTSTATUS>) -> u32 {
    match result {
        Ok(status) => wait_result(status),
        Err(status) => {
            teb::set_last_error(status.into());
            u32::MAX
        }
    }
}

/// Waits until an object is signalled or the time is over.
#[export(kernel32, full)]
pub fn WaitForSingleObject(handle: HANDLE, ms: u32) -> u32 {
    or_failed(sync::wait_for_handle(handle, false, timeout(ms)))
}

/// Waits until an object is signalled, the time is over or an APC ran.
#[export(kernel32, full, calls_guest)]
pub fn WaitForSingleObjectEx(handle: HANDLE, ms: u32, alertable: BOOL) -> u32 {
    or_failed(sync::wait_for_handle(handle, alertable.0, timeout(ms)))
}

/// Waits for one or all of several objects.
#[export(kernel32, full)]
pub fn WaitForMultipleObjects(count: u32, handles: Ptr<HANDLE>, all: BOOL, ms: u32) -> u32 {
    WaitForMultipleObjectsEx(count, handles, all, ms, BOOL(false))
}

/// Waits for one or all of several objects, or for an APC.
#[export(kernel32, full, calls_guest)]
pub fn WaitForMultipleObjectsEx(count: u32, handles: Ptr<HANDLE>, all: BOOL, ms: u32, alertable: BOOL) -> u32 {
    let wait = || {
        if count == 0 || count as usize > ntdll::wait::MAXIMUM_WAIT_OBJECTS {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        sync::wait_for_handles(&handles.read_vec(count as usize)?, all.0, alertable.0, timeout(ms))
    };
    or_failed(wait())
}

/// Signals one object and waits for another.
#[export(kernel32, full, calls_guest)]
pub fn SignalObjectAndWait(signal: HANDLE, wait: HANDLE, ms: u32, alertable: BOOL) -> u32 {
    or_failed(sync::signal(signal).and_then(|()| sync::wait_for_handle(wait, alertable.0, timeout(ms))))
}

/// Sleeps.
#[export(kernel32, full)]
pub fn Sleep(ms: u32) {
    ntdll::wait::delay(false, timeout(ms));
}

/// Sleeps until the time is over or an APC ran.
#[export(kernel32, full, calls_guest)]
pub fn SleepEx(ms: u32, alertable: BOOL) -> u32 {
    if ntdll::wait::delay(alertable.0, timeout(ms)) == Outcome::UserApc { WAIT_IO_COMPLETION } else { 0 }
}

/// Makes a critical section.
#[export(kernel32, full)]
pub fn InitializeCriticalSection(section: Ptr<CriticalSection>) {
    let _ = lock::RtlInitializeCriticalSectionEx(section, 0, 0);
}

/// Makes a critical section with a spin count.
#[export(kernel32, full)]
pub fn InitializeCriticalSectionAndSpinCount(section: Ptr<CriticalSection>, spin: u32) -> Result<(), Win32Error> {
    Ok(lock::RtlInitializeCriticalSectionEx(section, spin, 0)?)
}

/// Makes a critical section with a spin count and flags.
#[export(kernel32, full)]
pub fn InitializeCriticalSectionEx(section: Ptr<CriticalSection>, spin: u32, flags: u32) -> Result<(), Win32Error> {
    Ok(lock::RtlInitializeCriticalSectionEx(section, spin, flags)?)
}

/// Sets the spin count of a critical section. Returns the old one.
#[export(kernel32, full)]
pub fn SetCriticalSectionSpinCount(section: Ptr<CriticalSection>, spin: u32) -> u32 {
    let field: Ptr<u64> = section.byte_add(32).cast();
    let old = field.get() as u32;
    field.set(u64::from(spin));
    old
}

fn condition_result(woken: bool) -> Result<(), Win32Error> {
    if woken { Ok(()) } else { Err(Win32Error::TIMEOUT) }
}

/// Waits on a condition variable, leaving a critical section meanwhile.
#[export(kernel32, full)]
pub fn SleepConditionVariableCS(variable: Ptr<u64>, section: Ptr<CriticalSection>, ms: u32) -> Result<(), Win32Error> {
    let leave = || {
        lock::RtlLeaveCriticalSection(section);
    };
    condition_result(lock::sleep_on_condition(variable, timeout(ms), leave, || lock::RtlEnterCriticalSection(section)))
}

/// Waits on a condition variable, releasing an SRW lock meanwhile.
#[export(kernel32, full)]
pub fn SleepConditionVariableSRW(variable: Ptr<u64>, srw: Ptr<u64>, ms: u32, flags: u32) -> Result<(), Win32Error> {
    let woken = if flags & 1 != 0 {
        lock::sleep_on_condition(variable, timeout(ms), || lock::ReleaseSRWLockShared(srw), || lock::AcquireSRWLockShared(srw))
    } else {
        lock::sleep_on_condition(variable, timeout(ms), || lock::ReleaseSRWLockExclusive(srw), || lock::AcquireSRWLockExclusive(srw))
    };
    condition_result(woken)
}

/// Waits while a value in memory stays the same.
#[export(kernel32 + kernelbase, full)]
pub fn WaitOnAddress(address: usize, compare: usize, size: usize, ms: u32) -> Result<(), Win32Error> {
    match lock::wait_on_address(address, compare, size, timeout(ms))? {
        NTSTATUS::TIMEOUT => Err(Win32Error::TIMEOUT),
        _ => Ok(()),
    }
}

/// Makes a one-time initialization variable.
#[export(kernel32, full)]
pub fn InitOnceInitialize(once: Ptr<u64>) {
    once.set(0);
}

/// Begins one-time initialization.
#[export(kernel32, full)]
pub fn InitOnceBeginInitialize(once: Ptr<u64>, flags: u32, pending: Ptr<i32>, context: Ptr<u64>) -> Result<(), Win32Error> {
    let (mine, value) = lock::once_begin(once, flags)?;
    pending.write_opt(mine.into())?;
    if !mine {
        context.write_opt(value)?;
    }
    Ok(())
}

/// Ends one-time initialization.
#[export(kernel32, full)]
pub fn InitOnceComplete(once: Ptr<u64>, flags: u32, context: u64) -> Result<(), Win32Error> {
    Ok(lock::once_complete(once, flags, context)?)
}

/// Runs a function once.
#[export(kernel32, full, calls_guest)]
pub fn InitOnceExecuteOnce(once: Ptr<u64>, function: GuestFn, parameter: u64, context: Ptr<u64>) -> Result<(), Win32Error> {
    let (mine, value) = lock::once_begin(once, 0)?;
    if !mine {
        return Ok(context.write_opt(value)?);
    }
    let ok = function.call(&[once.addr() as u64, parameter, context.addr() as u64]) as i32 != 0;
    if !ok {
        lock::once_complete(once, lock::ONCE_INIT_FAILED, 0)?;
        return Err(teb::last_error());
    }
    let value = if context.is_null() { 0 } else { context.read()? };
    Ok(lock::once_complete(once, 0, value)?)
}

/// CreateMutexExW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateMutexExA(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCSTR, flags: u32, access: u32) -> Result<HANDLE, Win32Error> {
    create(Mutant::new(flags & 1 != 0), ansi_opt(name)?, access, attributes)
}

/// OpenMutexW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenMutexA(access: u32, inherit: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    open(ansi_opt(name)?, "Mutant", access, inherit)
}

/// Opens a named waitable timer.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenWaitableTimerW(access: u32, inherit: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    open(wide_opt(name)?, "Timer", access, inherit)
}

/// OpenWaitableTimerW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenWaitableTimerA(access: u32, inherit: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    open(ansi_opt(name)?, "Timer", access, inherit)
}

// RTL_BARRIER (winnt.h, 32 bytes). Ours: threads that are missing, threads in all; at 24 the round, threads inside.
const BARRIER_ROUND: usize = 24;
const BARRIER_INSIDE: usize = 28;

/// Makes a barrier for so many threads.
/// <https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-initializesynchronizationbarrier>
#[export(kernel32, full)]
pub fn InitializeSynchronizationBarrier(barrier: Ptr<u32>, threads: i32, spin: i32) -> Result<(), Win32Error> {
    if threads <= 0 || spin < -1 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    barrier.write(threads as u32)?;
    barrier.add(1).write(threads as u32)?;
    barrier.byte_add(BARRIER_ROUND).write(0)?;
    Ok(barrier.byte_add(BARRIER_INSIDE).write(0)?)
}

/// Waits until all threads have come. TRUE for the one that came last.
/// <https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-entersynchronizationbarrier>
#[export(kernel32, full)]
pub fn EnterSynchronizationBarrier(barrier: Ptr<u32>, _flags: u32) -> BOOL {
    use std::sync::atomic::Ordering::SeqCst;
    let round = barrier.byte_add(BARRIER_ROUND);
    let inside = barrier.byte_add(BARRIER_INSIDE);
    inside.atomic().fetch_add(1, SeqCst);
    let mine = round.atomic().load(SeqCst);
    let last = barrier.atomic().fetch_sub(1, SeqCst) == 1;
    if last {
        barrier.atomic().store(barrier.add(1).get(), SeqCst);
        round.atomic().fetch_add(1, SeqCst);
        lock::WakeByAddressAll(round.addr());
    } else {
        while round.atomic().load(SeqCst) == mine {
            let _ = lock::wait_on_address(round.addr(), &raw const mine as usize, 4, None);
        }
    }
    if inside.atomic().fetch_sub(1, SeqCst) == 1 {
        lock::WakeByAddressAll(inside.addr());
    }
    BOOL(last)
}

/// Gives a barrier up when all threads have left it.
#[export(kernel32, full)]
pub fn DeleteSynchronizationBarrier(barrier: Ptr<u32>) -> BOOL {
    let inside = barrier.byte_add(BARRIER_INSIDE);
    loop {
        let count = inside.atomic().load(std::sync::atomic::Ordering::SeqCst);
        if count == 0 {
            return BOOL(true);
        }
        let _ = lock::wait_on_address(inside.addr(), &raw const count as usize, 4, None);
    }
}
