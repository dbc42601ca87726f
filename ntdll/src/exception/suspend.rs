//! Unsafe edge: stopping other threads, and reading and changing their contexts.
//!
//! A thread that runs guest code stops within the signal handler. One that runs our code may hold locks, so it goes
//! on: it counts as suspended at once, with the context at its call, and parks when it comes back to the guest.
//! Three ways lead back: the return address of the call (which is replaced by [`park_stub`]), a call
//! of a guest function, and `context::resume`; the last two look at `teb::PARK` in code that is itself
//! safe to stop at.
#![allow(unsafe_code)]

use super::trap;
use crate::context::{self, CONTEXT_CONTROL, CONTEXT_INTEGER, Context, Entry, RSP};
use crate::context_entry;
use crate::thread::{self, Thread};
use abi::{HANDLE, NTSTATUS, Ptr, export, teb};
use host::futex;
use host::signal::Trap;
use parking_lot::Mutex;
use std::arch::naked_asm;
use std::cell::UnsafeCell;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

const RUNNING: u32 = 0;
/// In the signal handler, in guest code.
const STOPPED: u32 = 1;
/// In our code; will park.
const IN_CALL: u32 = 2;
/// Added to the state by one who suspends the thread again before it has gone on.
const HELD: u32 = 4;

const SLOTS: usize = 32;

/// A thread's part in suspensions; made at the first one, named in its TEB.
struct Suspension {
    state: AtomicU32,
    /// The thread's count of suspensions, a futex word. The thread outlives this record.
    count: *const AtomicU32,
    /// Of the thread while it is suspended. Written by the thread before `state` says so, then by whoever holds
    /// [`SUSPENDING`], until the count of suspensions is 0.
    context: UnsafeCell<Context>,
    /// CONTEXT_* parts that were set and have to be applied.
    set: AtomicU32,
    /// Return addresses that were replaced: where, and by what they were. Used by the thread itself only.
    slots: [(AtomicUsize, AtomicU64); SLOTS],
}

/// Serialises suspending, resuming and contexts of other threads. MAXIMUM_SUSPEND_COUNT is 127 (winnt.h).
static SUSPENDING: Mutex<()> = Mutex::new(());
const MAXIMUM_SUSPEND_COUNT: u32 = 127;

fn suspension_of(teb: usize) -> Option<&'static Suspension> {
    let at: usize = Ptr::new(teb + teb::SUSPENSION).get();
    // SAFETY: the field is null or what `make` put there, which lives as long as the thread.
    unsafe { (at as *const Suspension).as_ref() }
}

impl Suspension {
    fn count(&self) -> &AtomicU32 {
        // SAFETY: the thread removes this record before it goes.
        unsafe { &*self.count }
    }

    /// Waits until the thread may go on, with the state RUNNING. `apply` takes over what was set, and is called
    /// again if the thread is suspended anew meanwhile.
    fn leave(&self, mut apply: impl FnMut(&Context, u32)) {
        loop {
            wait(self.count());
            let state = self.state.load(Ordering::Acquire);
            if state & HELD != 0 {
                self.state.fetch_and(!HELD, Ordering::AcqRel);
                continue;
            }
            let set = self.set.swap(0, Ordering::AcqRel);
            // SAFETY: the count was 0: nobody changes the context; if somebody has begun to, it is applied again.
            apply(unsafe { &*self.context.get() }, set);
            if self.state.compare_exchange(state, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }
}

fn make(thread: &Thread) -> &'static Suspension {
    let teb = thread.teb();
    suspension_of(teb).unwrap_or_else(|| {
        let made = Box::leak(Box::new(Suspension {
            state: AtomicU32::new(RUNNING),
            count: &raw const thread.suspended,
            context: UnsafeCell::new(Context::zeroed()),
            set: AtomicU32::new(0),
            slots: Default::default(),
        }));
        Ptr::<usize>::new(teb + teb::SUSPENSION).set(&raw const *made as usize);
        made
    })
}

#[linkme::distributed_slice(thread::THREAD_EXIT_HOOKS)]
static FREE: fn(&Thread) = |thread| {
    let _one = SUSPENDING.lock();
    if let Some(suspension) = suspension_of(thread.teb()) {
        Ptr::<usize>::new(thread.teb() + teb::SUSPENSION).set(0);
        // SAFETY: made by Box::leak in `make`; nobody else looks at it without the lock, except this thread's signal
        // handler, which finds the field null.
        drop(unsafe { Box::from_raw((&raw const *suspension).cast_mut()) });
    }
};

/// The return address at `slot`, though it may have been replaced.
pub fn return_address(slot: usize) -> Option<u64> {
    let found = Ptr::<u64>::new(slot).read().ok()?;
    if found as usize != park_stub as *const () as usize {
        return Some(found);
    }
    let suspension = suspension_of(teb::current())?;
    suspension.slots.iter().find(|(at, _)| at.load(Ordering::Relaxed) == slot).map(|(_, old)| old.load(Ordering::Relaxed))
}

/// Replaces the return address at `slot`.
fn replace_return(suspension: &Suspension, slot: usize) {
    let pointer: Ptr<u64> = Ptr::new(slot);
    let stub = park_stub as *const () as u64;
    match pointer.read() {
        Ok(old) if old != stub => {
            // Entries for frames that are gone are free again.
            let free = suspension.slots.iter().find(|(at, _)| at.load(Ordering::Relaxed) <= slot);
            if let Some((at, before)) = free {
                at.store(slot, Ordering::Relaxed);
                before.store(old, Ordering::Relaxed);
                let _ = pointer.write(stub);
            }
        }
        _ => {}
    }
}

fn on_interrupt(trap: &mut Trap) {
    if !host::signal::is_guest_thread() {
        return;
    }
    crate::syscall::init_thread();
    let Some(suspension) = suspension_of(teb::current()) else { return };
    if suspension.count().load(Ordering::Acquire) == 0 || suspension.state.load(Ordering::Acquire) != RUNNING {
        return;
    }
    // SAFETY: the state is RUNNING, so nobody else looks at the context.
    let context = unsafe { &mut *suspension.context.get() };
    suspension.set.store(0, Ordering::Relaxed);
    if context::is_guest_code(trap.rip() as usize) {
        trap::context_of(trap, context);
        publish(suspension, STOPPED);
        suspension.leave(|context, set| {
            if set & (CONTEXT_CONTROL | CONTEXT_INTEGER) != 0 {
                trap.set_gprs(&context.gpr);
                trap.set_rip(context.rip);
                trap.set_eflags(context.eflags & 0x0025_0dd5 | 0x202);
            }
            if set & context::CONTEXT_FLOATING_POINT != 0 {
                trap.set_fx(&context.fx);
            }
        });
        return;
    }
    if trap::call_context_of(trap, context).is_none() {
        // It has not come to its first guest instruction.
        context.gpr = [0; 16];
        context.rip = 0;
    }
    match Entry::current() {
        Entry::Plain(slot) | Entry::Framed(slot) => replace_return(suspension, slot),
        Entry::Context(at) => {
            // The export may still return by the address below the captured stack pointer.
            if let Ok(captured) = Ptr::<Context>::new(at).read() {
                let slot = captured.gpr[RSP] as usize - 8;
                if Ptr::<u64>::new(slot).read() == Ok(captured.rip) {
                    replace_return(suspension, slot);
                }
            }
        }
        Entry::Handler(_) | Entry::None => {}
    }
    teb::set_u32::<{ teb::PARK }>(1);
    publish(suspension, IN_CALL);
}

fn publish(suspension: &Suspension, state: u32) {
    suspension.state.store(state, Ordering::Release);
    futex::wake(&suspension.state, u32::MAX);
}

fn wait(count: &AtomicU32) {
    loop {
        let value = count.load(Ordering::Acquire);
        if value == 0 {
            return;
        }
        futex::wait(count, value, None);
    }
}

/// Where a replaced return address leads: with the registers as the API function returned them.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "C" fn park_stub() {
    naked_asm!("lea rsp, [rsp - 8]", "jmp {enter}", enter = sym park_entry)
}
context_entry!(park_entry => park);

extern "win64" fn park(context: &mut Context) -> u64 {
    let slot = context.gpr[RSP] as usize - 8;
    if let Some(old) = return_address(slot) {
        context.rip = old;
        let _ = Ptr::<u64>::new(slot).write(old);
    }
    if let Some(suspension) = suspension_of(teb::current())
        && let Some((at, _)) = suspension.slots.iter().find(|(at, _)| at.load(Ordering::Relaxed) == slot)
    {
        at.store(0, Ordering::Relaxed);
    }
    context::resume(context, &[])
}

/// Waits until the calling thread is no longer suspended, when `teb::PARK` says that it is to park. Takes
/// over what was set of `context`.
pub fn park_here(mut context: Option<&mut Context>) {
    let Some(suspension) = suspension_of(teb::current()) else {
        teb::set_u32::<{ teb::PARK }>(0);
        return;
    };
    let mut replaced = None;
    suspension.leave(|changed, set| {
        if set != 0 {
            match context.as_deref_mut() {
                Some(context) => context.merge(changed, set),
                None => replaced = Some(*changed),
            }
        }
        teb::set_u32::<{ teb::PARK }>(0);
    });
    if let Some(mut whole) = replaced {
        whole.flags |= 0x10_000b;
        context::resume(&mut whole, &[]);
    }
}

/// Called by `abi::call::guest_call` when `teb::PARK` is set.
extern "C" fn park_before_call() {
    park_here(None);
}

fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        abi::call::PARK_HOOK.store(park_before_call as *const () as usize, Ordering::Release);
        host::signal::install_interrupt(on_interrupt);
    });
}

/// Has all other threads take notice of what is new for the whole process.
pub fn interrupt_others(current: &Thread) {
    prepare();
    for thread in crate::thread::all().iter().filter(|thread| thread.id() != current.id() && thread.id() != 0) {
        host::signal::interrupt(thread.id() as i32);
    }
}

/// Suspends a thread; returns the count before. With [`SUSPENDING`] held.
fn stop(thread: &Thread) -> Result<u32, NTSTATUS> {
    prepare();
    if thread.has_ended() {
        return Err(NTSTATUS::THREAD_IS_TERMINATING);
    }
    let before = thread.suspended.load(Ordering::Acquire);
    if before >= MAXIMUM_SUSPEND_COUNT {
        return Err(NTSTATUS::SUSPEND_COUNT_EXCEEDED);
    }
    let suspension = make(thread);
    thread.suspended.store(before + 1, Ordering::Release);
    loop {
        let state = suspension.state.load(Ordering::Acquire);
        if state != RUNNING {
            // Suspended already, or on its way out: then it finds that it is held.
            if state & HELD != 0 || suspension.state.compare_exchange(state, state | HELD, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Ok(before);
            }
            continue;
        }
        if !host::signal::interrupt(thread.id() as i32) || thread.has_ended() {
            thread.suspended.store(before, Ordering::Release);
            return Err(NTSTATUS::THREAD_IS_TERMINATING);
        }
        // The deadline is for a thread that ends while it is being interrupted.
        futex::wait(&suspension.state, RUNNING, Some(host::time::monotonic_ns() + 50_000_000));
        let state = suspension.state.load(Ordering::Acquire);
        if state != RUNNING {
            return Ok(before);
        }
    }
}

fn go_on(thread: &Thread) -> u32 {
    let before = thread.suspended.load(Ordering::Acquire);
    if before != 0 {
        thread.suspended.store(before - 1, Ordering::Release);
        if before == 1 {
            futex::wake(&thread.suspended, u32::MAX);
        }
    }
    before
}

const THREAD_SUSPEND_RESUME: u32 = 2;
const THREAD_GET_CONTEXT: u32 = 8;
const THREAD_SET_CONTEXT: u32 = 0x10;

/// Suspends a thread; returns the count before.
pub fn suspend(handle: HANDLE) -> Result<u32, NTSTATUS> {
    if let Ok(other) = crate::object::get::<crate::child::ChildThread>(handle, THREAD_SUSPEND_RESUME) {
        return other.suspend();
    }
    let thread = thread::from_handle(handle, THREAD_SUSPEND_RESUME)?;
    let _one = SUSPENDING.lock();
    stop(&thread)
}

/// Takes one suspension back; returns the count before.
pub fn resume(handle: HANDLE) -> Result<u32, NTSTATUS> {
    if let Ok(other) = crate::object::get::<crate::child::ChildThread>(handle, THREAD_SUSPEND_RESUME) {
        return Ok(other.resume());
    }
    let thread = thread::from_handle(handle, THREAD_SUSPEND_RESUME)?;
    let _one = SUSPENDING.lock();
    Ok(go_on(&thread))
}

/// Runs `action` on the context of a thread, which is suspended meanwhile.
fn with_context(thread: &Thread, action: impl FnOnce(&mut Context, &AtomicU32)) -> Result<(), NTSTATUS> {
    let _one = SUSPENDING.lock();
    let own = thread.suspended.load(Ordering::Acquire) == 0;
    let known = suspension_of(thread.teb()).is_some_and(|s| s.state.load(Ordering::Acquire) != RUNNING);
    if own || !known {
        stop(thread)?;
    }
    let suspension = make(thread);
    // SAFETY: the thread is suspended and its state is not RUNNING; the lock is held.
    let context = unsafe { &mut *suspension.context.get() };
    if context.rip == 0 {
        context.rip = thread.start_address().0 as u64;
    }
    action(context, &suspension.set);
    if own || !known {
        go_on(thread);
    }
    Ok(())
}

/// Fills the parts of a context that its flags ask for.
pub fn get_context(handle: HANDLE, into: Ptr<Context>) -> Result<(), NTSTATUS> {
    let thread = thread::from_handle(handle, THREAD_GET_CONTEXT)?;
    let mut wanted = into.read()?;
    let flags = wanted.flags;
    if flags & context::CONTEXT_AMD64 == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if thread.id() == thread::current().id() {
        wanted.merge(&super::caller_context(), flags);
    } else {
        with_context(&thread, |context, _| wanted.merge(context, flags))?;
    }
    into.write(wanted)?;
    Ok(())
}

/// Sets the parts of a thread's context that the flags name.
pub fn set_context(handle: HANDLE, from: Ptr<Context>) -> Result<(), NTSTATUS> {
    let thread = thread::from_handle(handle, THREAD_SET_CONTEXT)?;
    let given = from.read()?;
    if given.flags & context::CONTEXT_AMD64 == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if thread.id() == thread::current().id() {
        drop(thread);
        let mut whole = super::caller_context();
        whole.merge(&given, given.flags);
        context::resume(&mut whole, &[]);
    }
    with_context(&thread, |context, set| {
        context.merge(&given, given.flags);
        set.fetch_or(given.flags & 0x1f, Ordering::AcqRel);
    })
}

/// Suspends a thread.
#[export(ntdll, full)]
pub fn NtSuspendThread(thread: HANDLE, previous: Ptr<u32>) -> Result<(), NTSTATUS> {
    let before = suspend(thread)?;
    previous.write_opt(before)?;
    Ok(())
}

/// Takes one suspension back.
#[export(ntdll, full)]
pub fn NtResumeThread(thread: HANDLE, previous: Ptr<u32>) -> Result<(), NTSTATUS> {
    let before = resume(thread)?;
    previous.write_opt(before)?;
    Ok(())
}

/// Reads a thread's registers.
#[export(ntdll, full)]
pub fn NtGetContextThread(thread: HANDLE, context: Ptr<Context>) -> Result<(), NTSTATUS> {
    get_context(thread, context)
}

/// Sets a thread's registers.
#[export(ntdll, full)]
pub fn NtSetContextThread(thread: HANDLE, context: Ptr<Context>) -> Result<(), NTSTATUS> {
    set_context(thread, context)
}
