//! Events, mutants, semaphores and timers as the NT calls make, open and describe them (ntexapi.h).

use super::{Event, Mutant, Semaphore, Timer, create_named, open_named};
use crate::file::{OBJ_INHERIT, ObjectAttributes};
use crate::object::{self, Object};
use crate::thread;
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};
use std::sync::Arc;

/// OBJ_OPENIF: an object that has the name already will do.
const OBJ_OPENIF: u32 = 0x80;
// Rights to look at an object: EVENT_QUERY_STATE, MUTANT_QUERY_STATE, SEMAPHORE_QUERY_STATE and TIMER_QUERY_STATE.
const QUERY_STATE: u32 = 1;
const TIMER_MODIFY_STATE: u32 = 2;

/// Name, whether the handle is inherited, and whether an existing object will do.
fn attributes_of(attributes: Ptr<ObjectAttributes>) -> Result<(Option<Vec<u16>>, bool, bool), NTSTATUS> {
    if attributes.is_null() {
        return Ok((None, false, false));
    }
    let attributes = attributes.read()?;
    Ok((attributes.object_name()?, attributes.attributes & OBJ_INHERIT != 0, attributes.attributes & OBJ_OPENIF != 0))
}

pub(super) fn create<T: Object>(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    object: Arc<T>,
) -> Result<NTSTATUS, NTSTATUS> {
    let (name, inherit, open_if) = attributes_of(attributes)?;
    let (new, existed) = create_named(object, name.as_deref(), access, inherit)?;
    if existed && !open_if {
        object::close(new)?;
        return Err(NTSTATUS::OBJECT_NAME_COLLISION);
    }
    handle.write(new)?;
    Ok(if existed { NTSTATUS::OBJECT_NAME_EXISTS } else { NTSTATUS::SUCCESS })
}

pub(super) fn open(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>, kind: &str) -> Result<(), NTSTATUS> {
    let (name, inherit, _) = attributes_of(attributes)?;
    let name = name.ok_or(NTSTATUS::OBJECT_PATH_SYNTAX_BAD)?;
    Ok(handle.write(open_named(&name, kind, access, inherit)?)?)
}

/// Writes the only class of information that an object has, number 0.
fn describe(class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>, record: &[u8]) -> Result<(), NTSTATUS> {
    if class != 0 {
        return Err(NTSTATUS::INVALID_INFO_CLASS);
    }
    if len as usize != record.len() {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    to.write_slice(record)?;
    Ok(returned.write_opt(len)?)
}

fn two(a: u32, b: u32) -> [u8; 8] {
    (u64::from(a) | u64::from(b) << 32).to_le_bytes()
}

/// Creates an event, which is reset by hand (type 0) or by the wait that it ends (1).
#[export(ntdll, partial("names are known within one process"))]
pub fn NtCreateEvent(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    kind: u32,
    signalled: bool,
) -> Result<NTSTATUS, NTSTATUS> {
    if kind > 1 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    create(handle, access, attributes, Arc::new(Event::new(kind == 0, signalled)))
}

/// Opens a named event.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtOpenEvent(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    open(handle, access, attributes, "Event")
}

/// Lets those go who wait for an event now, and resets it.
#[export(ntdll, full)]
pub fn NtPulseEvent(event: HANDLE, previous: Ptr<i32>) -> Result<(), NTSTATUS> {
    let old = object::with(event, crate::access::EVENT_MODIFY_STATE, Event::pulse)?;
    Ok(previous.write_opt(old)?)
}

/// EVENT_BASIC_INFORMATION: type and state.
#[export(ntdll, full)]
pub fn NtQueryEvent(event: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let (by_hand, state) = object::with(event, QUERY_STATE, Event::state)?;
    describe(class, to, len, returned, &two(u32::from(!by_hand), state as u32))
}

/// Creates a mutant.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtCreateMutant(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>, owned: bool) -> Result<NTSTATUS, NTSTATUS> {
    create(handle, access, attributes, Mutant::new(owned))
}

/// Opens a named mutant.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtOpenMutant(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    open(handle, access, attributes, "Mutant")
}

/// MUTANT_BASIC_INFORMATION: count, whether the caller owns it, whether it was abandoned.
#[export(ntdll, full)]
pub fn NtQueryMutant(mutant: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let (count, owner, abandoned) = object::with(mutant, QUERY_STATE, Mutant::state)?;
    let owned = count <= 0 && owner == thread::current().id();
    describe(class, to, len, returned, &two(count as u32, u32::from(owned) | u32::from(abandoned) << 8))
}

/// Creates a semaphore.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtCreateSemaphore(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    initial: i32,
    maximum: i32,
) -> Result<NTSTATUS, NTSTATUS> {
    create(handle, access, attributes, Arc::new(Semaphore::new(initial, maximum)?))
}

/// Opens a named semaphore.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtOpenSemaphore(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    open(handle, access, attributes, "Semaphore")
}

/// SEMAPHORE_BASIC_INFORMATION: count and maximum.
#[export(ntdll, full)]
pub fn NtQuerySemaphore(semaphore: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let (count, maximum) = object::with(semaphore, QUERY_STATE, Semaphore::state)?;
    describe(class, to, len, returned, &two(count as u32, maximum as u32))
}

/// Creates a timer, which is reset by hand (type 0) or by the wait that it ends (1).
#[export(ntdll, partial("names are known within one process"))]
pub fn NtCreateTimer(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>, kind: u32) -> Result<NTSTATUS, NTSTATUS> {
    if kind > 1 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    create(handle, access, attributes, Arc::new(Timer::new(kind == 0)))
}

/// Opens a named timer.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtOpenTimer(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    open(handle, access, attributes, "Timer")
}

/// Sets a timer: due time, a routine for the calling thread, and a period in milliseconds.
#[export(ntdll, partial("does not wake the machine"))]
pub fn NtSetTimer(
    timer: HANDLE,
    due: Ptr<i64>,
    routine: GuestFn,
    context: u64,
    _resume: bool,
    period: i32,
    previous: Ptr<u8>,
) -> Result<(), NTSTATUS> {
    let timer: Arc<Timer> = object::get(timer, TIMER_MODIFY_STATE)?;
    let due = due.read()?;
    if period < 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let was = timer.is_signalled();
    timer.set(due, period as u32, routine, context);
    Ok(previous.write_opt(was.into())?)
}

/// Stops a timer; its state stays.
#[export(ntdll, full)]
pub fn NtCancelTimer(timer: HANDLE, state: Ptr<u8>) -> Result<(), NTSTATUS> {
    let timer: Arc<Timer> = object::get(timer, TIMER_MODIFY_STATE)?;
    let was = timer.is_signalled();
    timer.cancel();
    Ok(state.write_opt(was.into())?)
}

/// TIMER_BASIC_INFORMATION: the time left in units of 100 ns, and whether it is signalled.
#[export(ntdll, full)]
pub fn NtQueryTimer(timer: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let timer: Arc<Timer> = object::get(timer, QUERY_STATE)?;
    let mut record = [0; 16];
    record[..8].copy_from_slice(&timer.time_left().to_le_bytes());
    record[8] = timer.is_signalled().into();
    describe(class, to, len, returned, &record)
}

/// Signals one object and waits for another.
#[export(ntdll, full, calls_guest)]
pub fn NtSignalAndWaitForSingleObject(signal: HANDLE, wait: HANDLE, alertable: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let timeout = if timeout.is_null() { None } else { Some(timeout.read()?) };
    super::signal(signal)?;
    super::wait_for_handle(wait, alertable, timeout)
}
