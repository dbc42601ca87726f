//! Unsafe edge (a reference handed to a thread as a number): the workers of a pool.
#![allow(unsafe_code)]

use super::{Pool, run};
use abi::{GuestFn, Win32Error};
use std::sync::Arc;

/// Starts a worker, which keeps its pool for as long as it runs: the guest may close the pool before it has begun.
pub(super) fn spawn(pool: &Arc<Pool>) -> Result<(), Win32Error> {
    let reference = Arc::into_raw(pool.clone()) as u64;
    if let Err(status) = ntdll::thread::create(GuestFn(worker as *const () as usize), reference, 0, false) {
        // SAFETY: made by `into_raw` above, and no thread was started that would take it.
        drop(unsafe { Arc::from_raw(reference as *const Pool) });
        return Err(status.into());
    }
    Ok(())
}

extern "win64" fn worker(reference: u64) -> u32 {
    // SAFETY: `spawn` gives each worker a reference of its own.
    let pool = unsafe { Arc::from_raw(reference as *const Pool) };
    while let Some(job) = pool.take() {
        run(job);
    }
    0
}
