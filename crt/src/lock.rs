//! A recursive lock that can be taken and released in different calls, as `_lock_file` wants.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Held by one thread (named by its TEB), any number of times.
pub struct Lock {
    /// 0 free, 1 held, 2 held and waited for.
    word: AtomicU32,
    owner: AtomicUsize,
    depth: AtomicU32,
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl Lock {
    pub const fn new() -> Lock {
        Lock { word: AtomicU32::new(0), owner: AtomicUsize::new(0), depth: AtomicU32::new(0) }
    }

    pub fn lock(&self) {
        let me = abi::teb::current();
        if self.owner.load(Ordering::Relaxed) == me {
            self.depth.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while self.word.swap(2, Ordering::Acquire) != 0 {
                host::futex::wait(&self.word, 2, None);
            }
        }
        self.owner.store(me, Ordering::Relaxed);
        self.depth.store(1, Ordering::Relaxed);
    }

    /// Releases once. Not the owner: nothing happens.
    pub fn unlock(&self) {
        if self.owner.load(Ordering::Relaxed) != abi::teb::current() {
            return;
        }
        if self.depth.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.owner.store(0, Ordering::Relaxed);
            if self.word.swap(0, Ordering::Release) == 2 {
                host::futex::wake(&self.word, 1);
            }
        }
    }

    /// Holds the lock until the result is dropped.
    pub fn hold(&self) -> Held<'_> {
        self.lock();
        Held(self)
    }
}

pub struct Held<'a>(&'a Lock);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
