//! Keyed events: a thread that waits with a key and one that releases it meet; whoever comes first waits for the other.

use super::create;
use crate::file::ObjectAttributes;
use crate::object::{self, Object};
use crate::wait;
use abi::{HANDLE, NTSTATUS, Ptr, export};
use host::futex::{self, Woken};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

// KEYEDEVENT_WAIT and KEYEDEVENT_WAKE.
const KEYEDEVENT_WAIT: u32 = 1;
const KEYEDEVENT_WAKE: u32 = 2;

/// A keyed event.
#[derive(Default)]
pub struct KeyedEvent {
    sleepers: Mutex<Vec<Sleeper>>,
}

impl Object for KeyedEvent {
    fn type_name(&self) -> &'static str {
        "KeyedEvent"
    }
}

struct Sleeper {
    key: usize,
    releases: bool,
    /// 1 once the other one has come.
    met: Arc<AtomicU32>,
}

/// The event that the null handle means, which every process has.
static COMMON: LazyLock<Arc<KeyedEvent>> = LazyLock::new(Arc::default);

impl KeyedEvent {
    /// Meets a thread on the other side, or waits for one.
    fn meet(&self, key: usize, releases: bool, timeout: Option<i64>) -> NTSTATUS {
        let deadline = wait::deadline(timeout);
        let met = {
            let mut sleepers = self.sleepers.lock();
            if let Some(at) = sleepers.iter().position(|other| other.key == key && other.releases != releases) {
                let other = sleepers.remove(at);
                other.met.store(1, Ordering::Release);
                futex::wake(&other.met, 1);
                return NTSTATUS::SUCCESS;
            }
            let met = Arc::new(AtomicU32::new(0));
            sleepers.push(Sleeper { key, releases, met: met.clone() });
            met
        };
        while met.load(Ordering::Acquire) == 0 {
            if futex::wait(&met, 0, deadline) == Woken::TimedOut {
                let mut sleepers = self.sleepers.lock();
                // Somebody may have come at the last moment.
                if met.load(Ordering::Acquire) == 0 {
                    sleepers.retain(|sleeper| !Arc::ptr_eq(&sleeper.met, &met));
                    return NTSTATUS::TIMEOUT;
                }
            }
        }
        crate::shared_data::refresh();
        NTSTATUS::SUCCESS
    }
}

fn meet(handle: HANDLE, access: u32, key: usize, releases: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    if key & 1 != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER_1);
    }
    let timeout = if timeout.is_null() { None } else { Some(timeout.read()?) };
    let event = if handle.is_null() { COMMON.clone() } else { object::get::<KeyedEvent>(handle, access)? };
    Ok(event.meet(key, releases, timeout))
}

/// Creates a keyed event.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtCreateKeyedEvent(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>, flags: u32) -> Result<NTSTATUS, NTSTATUS> {
    if flags != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    create::create(handle, access, attributes, Arc::new(KeyedEvent::default()))
}

/// Opens a named keyed event.
#[export(ntdll, partial("names are known within one process"))]
pub fn NtOpenKeyedEvent(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    create::open(handle, access, attributes, "KeyedEvent")
}

/// Waits until somebody releases the key, which is even.
#[export(ntdll, partial("APCs wait until it has ended"))]
pub fn NtWaitForKeyedEvent(handle: HANDLE, key: usize, _alertable: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    meet(handle, KEYEDEVENT_WAIT, key, false, timeout)
}

/// Releases one thread that waits with the key; waits for one if there is none.
#[export(ntdll, partial("APCs wait until it has ended"))]
pub fn NtReleaseKeyedEvent(handle: HANDLE, key: usize, _alertable: bool, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    meet(handle, KEYEDEVENT_WAKE, key, true, timeout)
}
