//! One system call of the guest.

use crate::engine::Process;
use crate::engine::thread::{self, Thread};
use crate::vfs::Vfs;
use host::linux::engine::{self, Registers, State};
use host::linux::trap;
use host::{Result, linux};

/// What a system call's function is given beside its arguments.
pub struct Call<'a> {
    pub number: usize,
    pub args: [usize; 6],
    pub vfs: &'a Vfs,
    pub process: &'a Process,
    pub registers: &'a mut Registers,
    pub state: &'a mut State,
    /// The registers are what the guest is to go on with, its result included.
    pub replaced: bool,
}

impl Call<'_> {
    /// Hands the call on to the host with these arguments.
    pub fn pass(&self, args: [usize; 6]) -> Result<usize> {
        linux::pass(self.number as i64, args)
    }

    /// Makes another call than the guest's.
    pub fn pass_as(&self, number: i64, args: [usize; 6]) -> Result<usize> {
        linux::pass(number, args)
    }

    /// Hands a call on that may wait, and that a signal for the guest is to interrupt.
    pub fn wait(&self, args: [usize; 6]) -> Result<usize> {
        self.wait_as(self.number as i64, args)
    }

    /// Makes another call than the guest's that may wait.
    pub fn wait_as(&self, number: i64, args: [usize; 6]) -> Result<usize> {
        engine::wait(number, args)
    }

    /// The calling thread.
    pub fn thread(&self) -> &'static Thread {
        thread::current()
    }

    /// Blocks the thread's signals, which then have the mask that is returned. A signal that has come before is delivered
    /// first: then the whole call is made again.
    pub fn block_signals(&self) -> Result<u64> {
        self.change_mask(libc::SIG_BLOCK, !trap::FAULTS)
    }

    /// Changes the thread's mask, in step with the signals that come. Returns the old one.
    pub fn change_mask(&self, how: i32, mask: u64) -> Result<u64> {
        let mut old = 0u64;
        let args = [how as usize, &raw const mask as usize, &raw mut old as usize, 8, 0, 0];
        engine::wait(libc::SYS_rt_sigprocmask, args).map(|_| old)
    }
}
