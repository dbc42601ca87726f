//! signal.h: actions, masks, alternate stacks, and how signals reach the guest (signal(7)).
//!
//! The guest's mask is the host thread's, but for signals that faults raise: those are never blocked. A signal that
//! the guest neither handles nor ignores has the host's default action. For one that it handles, the host calls our handler, which lets the guest
//! go on in its own.

pub mod action;
pub mod frame;

use crate::args::Addr;
use crate::call::Call;
use crate::engine::process;
use crate::engine::thread::{self, AltStack, SS_AUTODISARM, Thread};
use action::{SIG_DFL, SIG_IGN};
use host::linux::engine::{self, Registers, State, block};
use host::linux::trap::{self, Action, Arrival, FAULTS, bit};
use host::{Errno, Result};

/// Has a call made again.
fn rewind(registers: &mut Registers, number: usize) {
    registers.rax = number as u64;
    registers.rcx = registers.rip;
    registers.rip = engine::entry() as u64;
    block().load_all();
}

/// Something is to be done before the guest goes on after a call.
pub fn on_pending(registers: &mut Registers, mut state: State) {
    let thread = thread::current();
    let interrupted = thread.interrupted.take();
    let waiting = block().take_waiting();
    if thread.ending.load(std::sync::atomic::Ordering::SeqCst) {
        thread.end(0);
    }
    // The signal came before the call, or the host has looked at its SA_RESTART already: the call is made, after the handler.
    if let Some(number) = interrupted {
        rewind(registers, number);
    }
    let Some((info, mask)) = waiting else { return };
    let signal = info[0] as i32;
    let mask = deliver(thread, Signal { number: signal, info: &info, fault: None }, registers, &mut state, mask);
    block().load_all();
    trap::set_mask(mask);
}

/// A signal while the guest runs.
pub fn on_signal(arrival: &mut Arrival) {
    let thread = thread::current();
    if thread.ending.load(std::sync::atomic::Ordering::SeqCst) {
        // It makes the call that ends it.
        arrival.registers.rax = libc::SYS_exit as u64;
        arrival.registers.rip = engine::entry() as u64;
        return;
    }
    let fault = trap::is_fault(arrival.signal, arrival.info[1] as i32).then_some(&arrival.fault);
    let signal = Signal { number: arrival.signal, info: &arrival.info, fault };
    arrival.mask = deliver(thread, signal, &mut arrival.registers, &mut arrival.state, arrival.mask);
}

/// A signal that is to be delivered.
pub struct Signal<'a> {
    pub number: i32,
    pub info: &'a [u64; 16],
    /// CR2, error code and trap number, if the guest's own instruction has raised it.
    pub fault: Option<&'a [u64; 3]>,
}

/// Does what the signal's action is. Returns the host's mask that the guest goes on with.
fn deliver(thread: &Thread, signal: Signal, registers: &mut Registers, state: &mut State, mask: u64) -> u64 {
    let number = signal.number;
    let blocked = thread.blocked_faults.get();
    if blocked & bit(number) != 0 {
        // The kernel ends a program that blocks what its own instruction raises. From elsewhere it would wait; here it is lost.
        if signal.fault.is_some() {
            trap::die_of(number);
        }
        return mask;
    }
    let action = process().actions.take(number);
    match action.handler {
        SIG_IGN if signal.fault.is_none() => return mask,
        SIG_DFL | SIG_IGN => {
            // The host's default action comes by itself but for these; and the action may just have changed.
            if bit(number) & FAULTS != 0 || action::ends(number) {
                trap::die_of(number);
            }
            return mask;
        }
        _ => {}
    }
    let old = mask | blocked;
    if frame::push(thread, &signal, &action, registers, state, old).is_err() {
        // There is no room for it: the kernel then raises SIGSEGV, which ends the program if that is what has no room.
        if number == libc::SIGSEGV {
            trap::die_of(number);
        }
        let mut info = [0; 16];
        info[0] = libc::SIGSEGV as u64;
        info[1] = libc::SI_KERNEL as u64;
        return deliver(thread, Signal { number: libc::SIGSEGV, info: &info, fault: Some(&[0; 3]) }, registers, state, mask);
    }
    let own = if action.flags & libc::SA_NODEFER as u64 != 0 { 0 } else { bit(number) };
    let new = old | action.mask | own;
    thread.blocked_faults.set(new & FAULTS);
    new & !FAULTS
}

/// The set of signals at an address, without those that nobody can block.
fn read_set(at: Addr, size: usize) -> Result<u64> {
    if size != 8 {
        return Err(Errno::EINVAL);
    }
    Ok(at.read::<u64>()? & !(bit(libc::SIGKILL) | bit(libc::SIGSTOP)))
}

/// rt_sigaction(2)
pub fn rt_sigaction(call: &mut Call, signal: i32, new: Addr, old: Addr, size: usize) -> Result<usize> {
    if size != 8 || !(1..=64).contains(&signal) {
        return Err(Errno::EINVAL);
    }
    let new: Option<Action> = if new.is_null() { None } else { Some(new.read()?) };
    if new.is_some() && (signal == libc::SIGKILL || signal == libc::SIGSTOP) {
        return Err(Errno::EINVAL);
    }
    let before = match new {
        Some(new) => call.process.actions.set(signal, new)?,
        None => call.process.actions.get(signal),
    };
    if !old.is_null() {
        old.write(before)?;
    }
    Ok(0)
}

/// rt_sigprocmask(2)
pub fn rt_sigprocmask(call: &mut Call, how: i32, set: Addr, old: Addr, size: usize) -> Result<usize> {
    if size != 8 {
        return Err(Errno::EINVAL);
    }
    let thread = call.thread();
    let blocked = thread.blocked_faults.get();
    let before = if set.is_null() {
        call.change_mask(libc::SIG_BLOCK, 0)?
    } else {
        let set = read_set(set, size)?;
        if !(libc::SIG_BLOCK..=libc::SIG_SETMASK).contains(&how) {
            return Err(Errno::EINVAL);
        }
        let before = call.change_mask(how, set & !FAULTS)?;
        let now = match how {
            libc::SIG_BLOCK => blocked | set & FAULTS,
            libc::SIG_UNBLOCK => blocked & !set,
            _ => set & FAULTS,
        };
        // Not written to without need: after a fork each process would have a page more of its own.
        if now != blocked {
            thread.blocked_faults.set(now);
        }
        before
    };
    if !old.is_null() {
        old.write(before | blocked)?;
    }
    Ok(0)
}

/// sigaltstack(2)
pub fn sigaltstack(call: &mut Call, new: Addr, old: Addr) -> Result<usize> {
    let thread = call.thread();
    let now = thread.alt_stack.get();
    let on = now.holds(call.registers.rsp);
    let shown = [now.start as u64, now.flags as u32 as u64 | if on { libc::SS_ONSTACK as u64 } else { 0 }, now.size as u64];
    let new = if new.is_null() { None } else { Some(new.read::<[u64; 3]>()?) };
    if let Some([start, flags, size]) = new {
        if on {
            return Err(Errno::EPERM);
        }
        let flags = flags as i32;
        let mode = flags & !SS_AUTODISARM;
        if mode != libc::SS_DISABLE && mode != libc::SS_ONSTACK && mode != 0 {
            return Err(Errno::EINVAL);
        }
        if mode == libc::SS_DISABLE {
            thread.alt_stack.set(AltStack { flags, ..AltStack::NONE });
        } else {
            if (size as usize) < frame::smallest_stack() {
                return Err(Errno::ENOMEM);
            }
            thread.alt_stack.set(AltStack { start: start as usize, size: size as usize, flags: flags & SS_AUTODISARM });
        }
    }
    if !old.is_null() {
        old.write(shown)?;
    }
    Ok(0)
}

/// rt_sigreturn(2)
pub fn rt_sigreturn(call: &mut Call) -> Result<usize> {
    // The mask in the frame comes at the end, when nothing of the frame is needed any more.
    call.block_signals()?;
    let thread = call.thread();
    let Ok(mask) = frame::pop(thread, call.registers, call.state) else { trap::die_of(libc::SIGSEGV) };
    thread.blocked_faults.set(mask & FAULTS);
    block().load_all();
    call.replaced = true;
    trap::set_mask(mask & !FAULTS);
    Ok(0)
}

/// rt_sigsuspend(2)
pub fn rt_sigsuspend(call: &mut Call, set: Addr, size: usize) -> Result<usize> {
    let set = read_set(set, size)? & !FAULTS;
    call.wait([&raw const set as usize, 8, 0, 0, 0, 0])
}

/// Lets `wait` have the address of a set of the guest's, which the host is to have as its mask meanwhile. 0: none.
fn with_mask(set: Addr, size: usize, wait: impl FnOnce(usize) -> Result<usize>) -> Result<usize> {
    if set.is_null() {
        return wait(0);
    }
    let set = read_set(set, size)? & !FAULTS;
    wait(&raw const set as usize)
}

/// ppoll(2)
pub fn ppoll(call: &mut Call, fds: Addr, count: usize, timeout: Addr, set: Addr, size: usize) -> Result<usize> {
    with_mask(set, size, |set| call.wait([fds.0, count, timeout.0, set, size, 0]))
}

/// pselect(2)
pub fn pselect6(call: &mut Call, count: i32, read: Addr, write: Addr, except: Addr, timeout: Addr, set: Addr) -> Result<usize> {
    let [set, size] = if set.is_null() { [0; 2] } else { set.read::<[usize; 2]>()? };
    with_mask(Addr(set), size, |set| {
        let pair = [set, size];
        call.wait([count as usize, read.0, write.0, except.0, timeout.0, &raw const pair as usize])
    })
}

/// epoll_pwait(2)
pub fn epoll_pwait(call: &mut Call, epoll: i32, events: Addr, count: i32, timeout: usize, set: Addr, size: usize) -> Result<usize> {
    with_mask(set, size, |set| call.wait([epoll as usize, events.0, count as usize, timeout, set, size]))
}
