//! werapi.h: Windows Error Reporting, which there is none of.

use abi::{HANDLE, Ptr, export};
use std::sync::atomic::{AtomicU32, Ordering};

static FLAGS: AtomicU32 = AtomicU32::new(0);

/// The fault reporting flags, as set.
#[export(kernel32, full)]
pub fn WerGetFlags(_process: HANDLE, flags: Ptr<u32>) -> u32 {
    flags.set(FLAGS.load(Ordering::Relaxed));
    0
}

/// Sets the fault reporting flags.
#[export(kernel32, full)]
pub fn WerSetFlags(flags: u32) -> u32 {
    FLAGS.store(flags, Ordering::Relaxed);
    0
}
