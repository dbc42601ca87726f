//! Descriptors of our own among the guest's.
//!
//! They lie in a window of numbers that a guest seldom reaches. One with very many files open is handed numbers of the window by
//! the kernel, too: those that are not ours are the guest's as any other.

use host::{Errno, Result, linux};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// The lowest number for descriptors of our own. They lie high, below the usual limit of 1024: the kernel copies tables
/// of descriptors up to the highest one at each fork.
pub const OURS: RawFd = 960;
/// How many numbers from [`OURS`] on may be ours: as many as a word has bits.
pub const OURS_COUNT: RawFd = 64;

/// Which numbers of the window are ours.
static TAKEN: AtomicU64 = AtomicU64::new(0);

fn bit(fd: RawFd) -> u64 {
    if is_in_window(fd) { 1 << (fd - OURS) } else { 0 }
}

/// Whether a number is one that may be ours, in this process or another.
pub fn is_in_window(fd: RawFd) -> bool {
    (OURS..OURS + OURS_COUNT).contains(&fd)
}

/// Whether a descriptor is one of ours, which the guest must neither see, close nor replace.
pub fn is_ours(fd: RawFd) -> bool {
    TAKEN.load(Ordering::Relaxed) & bit(fd) != 0
}

/// How many descriptors are ours.
pub fn count() -> usize {
    TAKEN.load(Ordering::Relaxed).count_ones() as usize
}

/// A number is ours from now on.
pub fn take(fd: RawFd) {
    TAKEN.fetch_or(bit(fd), Ordering::Relaxed);
}

/// Closes one of ours.
pub fn close(fd: RawFd) {
    // Before it is closed: from then on the number may be the guest's.
    TAKEN.fetch_and(!bit(fd), Ordering::Relaxed);
    let _ = linux::pass(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]);
}

/// A descriptor of our own. Not an `OwnedFd`: a guest that closes whatever numbers there are may have closed it.
pub struct Ours(RawFd);

impl Ours {
    /// Moves a descriptor to where ours lie. EMFILE: the guest's own files are everywhere there.
    pub fn new(fd: OwnedFd) -> Result<Ours> {
        let fd = linux::move_up(fd, OURS)?;
        if !is_in_window(fd.as_raw_fd()) {
            return Err(Errno(libc::EMFILE));
        }
        Ok(Ours::taken(fd))
    }

    /// The same, or somewhere else, unprotected: for what is closed again soon.
    pub fn new_if_possible(fd: OwnedFd) -> Ours {
        Ours::taken(linux::move_up_if_possible(fd, OURS))
    }

    fn taken(fd: OwnedFd) -> Ours {
        take(fd.as_raw_fd());
        Ours(fd.into_raw_fd())
    }

    /// Gives up ownership; [`close`] closes it.
    pub fn into_raw(self) -> RawFd {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl AsRawFd for Ours {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        close(self.0);
    }
}
