//! Waiting: NT's dispatcher objects on top of futexes. Nothing spins, nothing polls.
//!
//! Each waitable object has a [`Dispatcher`]: its state and the list of waiters, under one small lock. A
//! thread that waits puts its [`Waiter`] on the lists and sleeps. Who signals an object claims waiters and
//! takes the signal on their behalf, so that no signal is lost or taken twice. A wait for *all* takes
//! nothing before all are signalled: its waiter is only told to look again.
//! <https://learn.microsoft.com/windows/win32/sync/wait-functions>

use crate::object::Object;
use crate::thread::{self, Thread};
use abi::NTSTATUS;
use host::futex::{self, Deadline, Woken};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// More objects than one wait can take (MAXIMUM_WAIT_OBJECTS).
pub const MAXIMUM_WAIT_OBJECTS: usize = 64;

/// What a dispatcher's signal means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Stays until it is reset: manual-reset events, threads, processes.
    Notification,
    /// Lets one waiter through: auto-reset events, synchronization timers.
    Synchronization,
    /// Counts down.
    Semaphore,
    /// Is owned.
    Mutant,
}

/// State of a waitable object.
pub struct Dispatcher {
    signal: Signal,
    state: Mutex<State>,
}

/// What is protected by the dispatcher's lock.
pub struct State {
    /// Signalled when above 0. Semaphores: the count. Mutants: 1 when free, 0 and below when owned.
    pub count: i32,
    /// Mutants: the owner's thread id, 0 when free.
    pub owner: u32,
    /// Mutants: the last owner ended without releasing it.
    pub abandoned: bool,
    /// Timers: when it is signalled next (monotonic ns), and then again each period (ns).
    pub due: Option<Deadline>,
    pub period: u64,
    waiters: Vec<Listed>,
}

struct Listed {
    waiter: Arc<Waiter>,
    /// Which of its objects this is; None when it waits for all of them.
    index: Option<u32>,
}

/// A sleeping thread.
#[derive(Default)]
pub struct Waiter {
    word: AtomicU32,
    tid: AtomicU32,
}

// Values of the futex word. From SATISFIED on: the index of the object that ended the wait.
const IDLE: u32 = 0;
const WAITING: u32 = 1;
const LOOK_AGAIN: u32 = 2;
const ALERTED: u32 = 3;
const SATISFIED: u32 = 0x100;
const ABANDONED: u32 = 0x200;

impl Waiter {
    fn claim(&self, value: u32) -> bool {
        let claimed = self.word.compare_exchange(WAITING, value, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if claimed {
            futex::wake(&self.word, 1);
        }
        claimed
    }

    /// Makes the thread look for APCs, if it sleeps.
    pub fn alert(&self) {
        // A wait that is not alertable goes back to sleep.
        self.claim(ALERTED);
    }
}

impl Dispatcher {
    pub fn new(signal: Signal, count: i32) -> Dispatcher {
        Dispatcher { signal, state: Mutex::new(State { count, owner: 0, abandoned: false, due: None, period: 0, waiters: Vec::new() }) }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub fn signal_type(&self) -> Signal {
        self.signal
    }

    /// Whether a wait by `tid` would end now.
    fn is_signalled(&self, state: &mut State, tid: u32) -> bool {
        if let Some(due) = state.due
            && due <= host::time::monotonic_ns()
        {
            state.count = 1;
            state.due = (state.period != 0).then(|| due + state.period);
        }
        state.count > 0 || self.signal == Signal::Mutant && state.owner == tid
    }

    /// Takes the signal for `tid`. True when a mutant had been abandoned.
    fn take(&self, state: &mut State, tid: u32) -> bool {
        match self.signal {
            Signal::Notification => false,
            Signal::Synchronization => {
                state.count = 0;
                false
            }
            Signal::Semaphore => {
                state.count -= 1;
                false
            }
            Signal::Mutant => {
                state.count -= 1;
                state.owner = tid;
                std::mem::take(&mut state.abandoned)
            }
        }
    }

    /// Lets waiters go that the state allows to, in the order they came.
    pub fn release_waiters(&self, state: &mut State) {
        let mut at = 0;
        while at < state.waiters.len() {
            let listed = &state.waiters[at];
            let waiter = listed.waiter.clone();
            let index = listed.index;
            if !self.is_signalled(state, waiter.tid.load(Ordering::Relaxed)) {
                return;
            }
            match index {
                None => {
                    waiter.claim(LOOK_AGAIN);
                    at += 1;
                }
                Some(index) => {
                    let abandoned = if self.signal == Signal::Mutant && state.abandoned { ABANDONED } else { 0 };
                    if waiter.claim(SATISFIED | abandoned | index) {
                        self.take(state, waiter.tid.load(Ordering::Relaxed));
                    }
                    state.waiters.remove(at);
                }
            }
        }
    }

    /// Tells all waiters to look again (a timer was set anew).
    pub fn nudge_waiters(&self, state: &mut State) {
        for listed in &state.waiters {
            listed.waiter.claim(LOOK_AGAIN);
        }
    }

    /// Makes it signalled for good or for one (by its type), and lets waiters go. Returns the old count.
    pub fn set(&self) -> i32 {
        let mut state = self.lock();
        let old = std::mem::replace(&mut state.count, 1);
        if !state.waiters.is_empty() {
            self.release_waiters(&mut state);
        }
        old
    }

    /// Makes it not signalled. Returns the old count.
    pub fn reset(&self) -> i32 {
        std::mem::replace(&mut self.lock().count, 0)
    }

    /// Lets all go that wait now, and leaves it not signalled (PulseEvent).
    pub fn pulse(&self) -> i32 {
        let mut state = self.lock();
        let old = std::mem::replace(&mut state.count, 1);
        self.release_waiters(&mut state);
        state.count = 0;
        old
    }
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// By the object of this index (0 for a wait for all).
    Object(u32),
    /// The same, and it was an abandoned mutant.
    Abandoned(u32),
    TimedOut,
    /// An APC ran.
    UserApc,
    /// NtAlertThread ended it.
    Alerted,
}

impl Outcome {
    pub fn status(self) -> NTSTATUS {
        match self {
            Outcome::Object(index) => NTSTATUS(index),
            Outcome::Abandoned(index) => NTSTATUS(NTSTATUS::ABANDONED_WAIT_0.0 + index),
            Outcome::TimedOut => NTSTATUS::TIMEOUT,
            Outcome::UserApc => NTSTATUS::USER_APC,
            Outcome::Alerted => NTSTATUS::ALERTED,
        }
    }
}

/// A wait's timeout as NT gives it: None for ever, negative relative, positive an absolute system time,
/// in units of 100 ns.
pub fn deadline(timeout: Option<i64>) -> Option<Deadline> {
    let timeout = timeout?;
    let now = host::time::monotonic_ns();
    if timeout <= 0 {
        return now.checked_add(timeout.unsigned_abs().saturating_mul(100)).filter(|&at| at < i64::MAX as u64);
    }
    let wall = crate::time::system_time();
    Some(now.saturating_add(((timeout - wall).max(0) as u64).saturating_mul(100)))
}

/// Waits for one object (the usual case, without allocation when it is signalled already).
pub fn wait_one(object: &Arc<dyn Object>, alertable: bool, timeout: Option<i64>) -> Result<Outcome, NTSTATUS> {
    wait(std::slice::from_ref(object), false, alertable, timeout)
}

/// Tries to take an object's signal without waiting.
pub fn try_take(dispatcher: &Dispatcher, tid: u32) -> Option<Outcome> {
    let mut state = dispatcher.lock();
    if dispatcher.is_signalled(&mut state, tid) {
        return Some(if dispatcher.take(&mut state, tid) { Outcome::Abandoned(0) } else { Outcome::Object(0) });
    }
    None
}

/// NtWaitForMultipleObjects.
pub fn wait(objects: &[Arc<dyn Object>], all: bool, alertable: bool, timeout: Option<i64>) -> Result<Outcome, NTSTATUS> {
    let mut dispatchers = Vec::with_capacity(objects.len());
    for object in objects {
        dispatchers.push(object.dispatcher().ok_or(NTSTATUS::OBJECT_TYPE_MISMATCH)?);
    }
    let thread = thread::current();
    let call = || if alertable { thread.answer_call() } else { None };
    if let Some(outcome) = call() {
        return Ok(outcome);
    }
    let tid = thread.id();
    if timeout == Some(0) {
        return Ok(if all { try_all(&dispatchers, tid) } else { try_any(&dispatchers, tid) }.unwrap_or(Outcome::TimedOut));
    }
    let deadline = deadline(timeout);
    let waiter = thread.waiter();
    waiter.tid.store(tid, Ordering::Relaxed);
    loop {
        waiter.word.store(WAITING, Ordering::Release);
        let outcome = if all { try_all_or_list(&dispatchers, waiter, tid) } else { try_any_or_list(&dispatchers, waiter, tid) };
        if let Some(outcome) = outcome {
            waiter.word.store(IDLE, Ordering::Release);
            unlist(&dispatchers, waiter);
            crate::shared_data::refresh();
            return Ok(outcome);
        }
        if alertable && thread.is_called() {
            waiter.claim(ALERTED);
        }
        // A timer among the objects bounds the sleep, and so does an APC timer of this thread.
        let due = dispatchers.iter().filter_map(|d| d.lock().due).min();
        let due = if alertable { earliest(due, thread.next_apc_timer()) } else { due };
        let value = sleep(waiter, earliest(deadline, due));
        unlist(&dispatchers, waiter);
        crate::shared_data::refresh();
        match value {
            LOOK_AGAIN => {}
            ALERTED => {
                if let Some(outcome) = call() {
                    return Ok(outcome);
                }
            }
            IDLE => {
                let now = host::time::monotonic_ns();
                if alertable && thread.next_apc_timer().is_some_and(|at| at <= now) && thread.run_apcs() {
                    return Ok(Outcome::UserApc);
                }
                if deadline.is_some_and(|at| at <= now) {
                    return Ok(Outcome::TimedOut);
                }
            }
            value if value & ABANDONED != 0 => return Ok(Outcome::Abandoned(value & 0xff)),
            value => return Ok(Outcome::Object(value & 0xff)),
        }
    }
}

fn earliest(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Sleeps until claimed or the deadline; IDLE on timeout.
fn sleep(waiter: &Waiter, deadline: Option<Deadline>) -> u32 {
    loop {
        let value = waiter.word.load(Ordering::Acquire);
        if value != WAITING {
            return value;
        }
        if futex::wait(&waiter.word, WAITING, deadline) == Woken::TimedOut {
            return match waiter.word.compare_exchange(WAITING, IDLE, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => IDLE,
                Err(value) => value,
            };
        }
    }
}

fn try_any(dispatchers: &[&Dispatcher], tid: u32) -> Option<Outcome> {
    dispatchers.iter().enumerate().find_map(|(index, dispatcher)| {
        let outcome = try_take(dispatcher, tid)?;
        Some(with_index(outcome, index as u32))
    })
}

fn with_index(outcome: Outcome, index: u32) -> Outcome {
    match outcome {
        Outcome::Abandoned(_) => Outcome::Abandoned(index),
        _ => Outcome::Object(index),
    }
}

fn try_any_or_list(dispatchers: &[&Dispatcher], waiter: &Arc<Waiter>, tid: u32) -> Option<Outcome> {
    for (index, dispatcher) in dispatchers.iter().enumerate() {
        let mut state = dispatcher.lock();
        if dispatcher.is_signalled(&mut state, tid) {
            // An earlier object of the list may have claimed us meanwhile: its signal is already taken.
            if waiter.word.compare_exchange(WAITING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_err() {
                return None;
            }
            let abandoned = dispatcher.take(&mut state, tid);
            return Some(if abandoned { Outcome::Abandoned(index as u32) } else { Outcome::Object(index as u32) });
        }
        state.waiters.push(Listed { waiter: waiter.clone(), index: Some(index as u32) });
    }
    None
}

/// Locks all, in the order of their addresses so that two such waits cannot block each other.
fn lock_all<'a>(dispatchers: &[&'a Dispatcher]) -> Vec<(&'a Dispatcher, MutexGuard<'a, State>)> {
    let mut sorted = dispatchers.to_vec();
    sorted.sort_by_key(|d| &raw const **d as usize);
    sorted.dedup_by_key(|d| &raw const **d as usize);
    sorted.into_iter().map(|d| (d, d.lock())).collect()
}

fn take_all(locked: &mut [(&Dispatcher, MutexGuard<'_, State>)], tid: u32) -> Option<Outcome> {
    if !locked.iter_mut().all(|(dispatcher, state)| dispatcher.is_signalled(state, tid)) {
        return None;
    }
    let mut abandoned = false;
    for (dispatcher, state) in locked {
        abandoned |= dispatcher.take(state, tid);
    }
    Some(if abandoned { Outcome::Abandoned(0) } else { Outcome::Object(0) })
}

fn try_all(dispatchers: &[&Dispatcher], tid: u32) -> Option<Outcome> {
    take_all(&mut lock_all(dispatchers), tid)
}

fn try_all_or_list(dispatchers: &[&Dispatcher], waiter: &Arc<Waiter>, tid: u32) -> Option<Outcome> {
    let mut locked = lock_all(dispatchers);
    let outcome = take_all(&mut locked, tid);
    if outcome.is_none() {
        for (_, state) in &mut locked {
            state.waiters.push(Listed { waiter: waiter.clone(), index: None });
        }
    }
    outcome
}

fn unlist(dispatchers: &[&Dispatcher], waiter: &Arc<Waiter>) {
    for dispatcher in dispatchers {
        dispatcher.lock().waiters.retain(|listed| !Arc::ptr_eq(&listed.waiter, waiter));
    }
}

/// Sleeps, and tells what ended the sleep: time, an APC or an alert.
pub fn delay(alertable: bool, timeout: Option<i64>) -> Outcome {
    let thread = thread::current();
    let call = || if alertable { thread.answer_call() } else { None };
    if let Some(outcome) = call() {
        return outcome;
    }
    if timeout == Some(0) {
        host::thread::yield_now();
        return Outcome::TimedOut;
    }
    let deadline = deadline(timeout);
    let waiter = thread.waiter();
    loop {
        waiter.word.store(WAITING, Ordering::Release);
        if alertable && thread.is_called() {
            waiter.claim(ALERTED);
        }
        let due = if alertable { thread.next_apc_timer() } else { None };
        let value = sleep(waiter, earliest(deadline, due));
        crate::shared_data::refresh();
        if let Some(outcome) = call() {
            return outcome;
        }
        if value == IDLE && deadline.is_some_and(|at| at <= host::time::monotonic_ns()) {
            return Outcome::TimedOut;
        }
    }
}

/// Frees what a thread that ends still owns: its mutants are abandoned.
pub fn abandon(dispatcher: &Dispatcher, tid: u32) {
    let mut state = dispatcher.lock();
    if state.owner == tid {
        state.owner = 0;
        state.count = 1;
        state.abandoned = true;
        dispatcher.release_waiters(&mut state);
    }
}

/// Wakes a thread out of an alertable wait to run its APCs.
pub fn alert(thread: &Thread) {
    thread.waiter().alert();
}
