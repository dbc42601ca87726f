//! Locks that a fork may copy.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose whole state is in its word, so that a child in which nobody else is can unlock and take it, whoever waited for it in the
/// parent. (parking_lot keeps queues of threads elsewhere.)
#[derive(Default)]
pub struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub const fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        // Nobody unwinds: a panic ends the process.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
