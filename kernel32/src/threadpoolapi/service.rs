//! The threads behind timers, waits and files: they hand over to the pool.

use super::{Callback, Object, find};
use abi::{GuestFn, HANDLE, Win32Error};
use ntdll::port::Port;
use ntdll::sync::Event;
use ntdll::wait::{self, Outcome};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

fn start(function: extern "win64" fn(u64) -> u32) -> bool {
    ntdll::thread::create(GuestFn(function as *const () as usize), 0, 0, false).is_ok()
}

// ---- timers

struct Due {
    object: Arc<Callback>,
    setting: u64,
    period_ns: u64,
}

#[derive(Default)]
struct Timers {
    /// By time and a number that keeps them apart.
    due: BTreeMap<(u64, u64), Due>,
    runs: bool,
}

static TIMERS: Mutex<Timers> = Mutex::new(Timers { due: BTreeMap::new(), runs: false });
static TIMERS_CHANGED: Condvar = Condvar::new();
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Has an object called back in `ns` from now, then every `period` ms (0: once).
pub fn add_timer(object: &Arc<Callback>, setting: u64, ns: u64, period: u32) {
    let at = host::time::monotonic_ns().saturating_add(ns);
    let mut timers = TIMERS.lock();
    let due = Due { object: object.clone(), setting, period_ns: u64::from(period) * 1_000_000 };
    timers.due.insert((at, NUMBER.fetch_add(1, Ordering::Relaxed)), due);
    let begin = !std::mem::replace(&mut timers.runs, true);
    drop(timers);
    if begin && !start(serve_timers) {
        TIMERS.lock().runs = false;
    }
    TIMERS_CHANGED.notify_one();
}

extern "win64" fn serve_timers(_: u64) -> u32 {
    let mut timers = TIMERS.lock();
    loop {
        // What was set anew meanwhile is not waited for.
        while timers.due.first_key_value().is_some_and(|(_, due)| !due.object.is_current(due.setting)) {
            timers.due.pop_first();
        }
        let now = host::time::monotonic_ns();
        match timers.due.first_key_value().map(|(&(at, _), _)| at) {
            None => {
                if TIMERS_CHANGED.wait_for(&mut timers, super::PATIENCE).timed_out() && timers.due.is_empty() {
                    timers.runs = false;
                    return 0;
                }
            }
            Some(at) if at > now => {
                TIMERS_CHANGED.wait_for(&mut timers, Duration::from_nanos(at - now));
            }
            Some(at) => {
                let Some((_, due)) = timers.due.pop_first() else { continue };
                let object = due.object.clone();
                if due.period_ns != 0 {
                    // A late timer does not fire for the periods that it missed.
                    let next = (at + due.period_ns).max(now);
                    timers.due.insert((next, NUMBER.fetch_add(1, Ordering::Relaxed)), due);
                } else {
                    object.state.lock().is_set = false;
                }
                parking_lot::MutexGuard::unlocked(&mut timers, || object.submit([0; 3]));
            }
        }
    }
}

// ---- waits

struct Waiting {
    wait: Arc<Callback>,
    setting: u64,
    object: Arc<dyn Object>,
    until: Option<u64>,
    /// Registered waits go on, with this time in ns for each round (None inside: for ever).
    again: Option<Option<u64>>,
}

#[derive(Default)]
struct Waits {
    list: Vec<Waiting>,
    runs: bool,
}

static WAITS: Mutex<Waits> = Mutex::new(Waits { list: Vec::new(), runs: false });
/// Set when the list has changed.
static WAITS_CHANGED: LazyLock<Arc<Event>> = LazyLock::new(|| Arc::new(Event::new(false, false)));

fn until(ns: Option<u64>) -> Option<u64> {
    ns.map(|ns| host::time::monotonic_ns().saturating_add(ns))
}

/// Has an object called back when `object` is signalled or `ns` are over.
pub fn add_wait(wait: &Arc<Callback>, setting: u64, object: Arc<dyn Object>, ns: Option<u64>, again: Option<Option<u64>>) {
    let mut waits = WAITS.lock();
    waits.list.push(Waiting { wait: wait.clone(), setting, object, until: until(ns), again });
    let begin = !std::mem::replace(&mut waits.runs, true);
    drop(waits);
    if begin && !start(serve_waits) {
        WAITS.lock().runs = false;
    }
    WAITS_CHANGED.set();
}

/// Lets the waiting thread see that settings have changed.
pub fn waits_changed() {
    if WAITS.lock().runs {
        WAITS_CHANGED.set();
    }
}

extern "win64" fn serve_waits(_: u64) -> u32 {
    loop {
        let (mut objects, mut next): (Vec<Arc<dyn Object>>, Option<u64>) = (vec![WAITS_CHANGED.clone()], None);
        {
            let mut waits = WAITS.lock();
            waits.list.retain(|w| w.wait.is_current(w.setting));
            for waiting in &waits.list {
                objects.push(waiting.object.clone());
                next = match (next, waiting.until) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        let idle = objects.len() == 1;
        let ns = if idle { Some(super::PATIENCE.as_nanos() as u64) } else { next.map(|at| at.saturating_sub(host::time::monotonic_ns())) };
        let outcome = wait::wait(&objects, false, false, ns.map(|ns| -(ns.div_ceil(100) as i64)));
        let mut called = Vec::new();
        let mut waits = WAITS.lock();
        match outcome {
            Ok(Outcome::Object(index) | Outcome::Abandoned(index)) if index > 0 => {
                // Entries are only removed by this thread, and added at the end.
                called.push((index as usize - 1, 0));
            }
            Ok(Outcome::TimedOut) => {
                if idle && waits.list.is_empty() {
                    waits.runs = false;
                    return 0;
                }
                let now = host::time::monotonic_ns();
                called
                    .extend((0..waits.list.len()).filter(|&at| waits.list[at].until.is_some_and(|until| until <= now)).map(|at| (at, 258)));
            }
            Ok(_) => {}
            // An object that cannot be waited for: nobody is called.
            Err(_) => waits.list.clear(),
        }
        let mut submit = Vec::new();
        for &(at, code) in called.iter().rev() {
            let waiting = &mut waits.list[at];
            if !waiting.wait.is_current(waiting.setting) {
                continue;
            }
            submit.push((waiting.wait.clone(), code));
            match waiting.again {
                Some(ns) => waiting.until = until(ns),
                None => {
                    waiting.wait.state.lock().is_set = false;
                    waits.list.remove(at);
                }
            }
        }
        drop(waits);
        for (wait, code) in submit {
            // Registered waits are told TimerOrWaitFired, the newer ones a wait result.
            wait.submit([if wait.kind == super::Kind::OldWait { u64::from(code != 0) } else { code }, 0, 0]);
        }
    }
}

// ---- files

static PORT: OnceLock<HANDLE> = OnceLock::new();

/// Has a file's finished operations handed to the object `key`.
pub fn bind_file(file: HANDLE, key: usize) -> Result<(), Win32Error> {
    let port = *PORT.get_or_init(|| {
        let port = ntdll::object::insert(Port::new(), 0x1f_0003);
        start(serve_files);
        port
    });
    crate::ioapiset::CreateIoCompletionPort(file, port, key, 0).map(drop)
}

extern "win64" fn serve_files(_: u64) -> u32 {
    let Ok(port) = ntdll::object::get::<Port>(*PORT.wait(), 0) else { return 0 };
    loop {
        for packet in port.take(16, false, None).unwrap_or_default() {
            let error = if packet.status.0 >> 30 == 0 { 0 } else { u64::from(packet.status.to_win32().0) };
            if let Some(object) = find(packet.key) {
                object.submit_started([packet.overlapped as u64, error, packet.bytes as u64]);
            }
        }
    }
}
