//! The host operating system: memory, threads, files, clocks and waits.
//!
//! The only crate that calls it. Nothing here knows Windows or the guest; addresses are plain numbers.

pub mod cpu;
pub mod errno;
pub mod eventfd;
pub mod file;
pub mod futex;
pub mod gs;
#[cfg(target_os = "linux")]
pub mod linux;
pub mod mem;
pub mod notify;
pub mod pipe;
pub mod process;
pub mod signal;
pub mod socket;
pub mod spawn;
pub mod stack;
pub mod terminal;
pub mod thread;
pub mod time;
pub mod watch;

pub use errno::{Errno, Result};
