//! One system call of the guest.

use crate::vfs::Vfs;
use host::{Result, linux};

/// What a system call's function is given beside its arguments.
pub struct Call<'a> {
    pub number: usize,
    pub args: [usize; 6],
    pub vfs: &'a Vfs,
}

impl Call<'_> {
    /// Hands the call on to the host with these arguments.
    pub fn pass(&self, args: [usize; 6]) -> Result<usize> {
        linux::pass(self.number as i64, args)
    }

    /// Hands a call on that may wait, and that a signal for the guest is to interrupt.
    pub fn wait(&self, args: [usize; 6]) -> Result<usize> {
        self.wait_as(self.number as i64, args)
    }

    /// Makes another call than the guest's that may wait.
    pub fn wait_as(&self, number: i64, args: [usize; 6]) -> Result<usize> {
        linux::pass(number, args)
    }
}
