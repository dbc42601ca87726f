//! Unsafe edge (eventfd): descriptors that one thread or process makes readable for another.

use crate::errno::{Errno, Result};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Makes one, not readable, whose [`wait`] waits if `blocking`.
pub fn new(blocking: bool) -> Result<OwnedFd> {
    let flags = libc::EFD_CLOEXEC | if blocking { 0 } else { libc::EFD_NONBLOCK };
    // SAFETY: touches no memory; the result is new.
    match unsafe { libc::eventfd(0, flags) } {
        -1 => Err(Errno::last()),
        // SAFETY: nobody else has it.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// Makes it readable.
pub fn wake(fd: RawFd) {
    let one = 1u64;
    let _ = crate::file::write(fd, &raw const one as usize, 8);
}

/// Waits until it is readable (if it is a blocking one), and makes it unreadable again.
pub fn wait(fd: RawFd) {
    let mut count = 0u64;
    let _ = crate::file::read(fd, &raw mut count as usize, 8);
}
