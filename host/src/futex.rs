//! Unsafe edge: futex waits, the ground that all waiting stands on.

use crate::errno::Errno;
use std::sync::atomic::AtomicU32;

/// A moment on the monotonic clock, in nanoseconds.
pub type Deadline = u64;

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// Woken, interrupted, or the value had changed: look again.
    LookAgain,
    TimedOut,
}

/// Sleeps while `*word == expected`, until woken or the deadline passes.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Deadline>) -> Woken {
    wait_at(word.as_ptr() as usize, expected, deadline, true)
}

/// The same at a bare address; `private`: no other process waits there.
pub fn wait_at(addr: usize, expected: u32, deadline: Option<Deadline>, private: bool) -> Woken {
    let spec = deadline.map(|ns| libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 });
    let spec_ptr = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock (futex(2)).
    let op = libc::FUTEX_WAIT_BITSET | if private { libc::FUTEX_PRIVATE_FLAG } else { 0 };
    // SAFETY: the kernel checks the address; the timespec lives until the call returns.
    let got =
        unsafe { libc::syscall(libc::SYS_futex, addr, op, expected, spec_ptr, std::ptr::null::<u32>(), libc::FUTEX_BITSET_MATCH_ANY) };
    if got == -1 && Errno::last() == Errno::ETIMEDOUT { Woken::TimedOut } else { Woken::LookAgain }
}

/// Wakes at most `count` sleepers.
pub fn wake(word: &AtomicU32, count: u32) {
    wake_at(word.as_ptr() as usize, count, true);
}

/// The same at a bare address.
pub fn wake_at(addr: usize, count: u32, private: bool) {
    let op = libc::FUTEX_WAKE | if private { libc::FUTEX_PRIVATE_FLAG } else { 0 };
    // SAFETY: wakes threads, touches no memory.
    unsafe { libc::syscall(libc::SYS_futex, addr, op, count.min(i32::MAX as u32)) };
}
