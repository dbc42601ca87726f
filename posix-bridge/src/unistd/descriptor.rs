//! Descriptors: closing and copying them. Ours are none of the guest's.

use crate::args::Fd;
use crate::call::Call;
use crate::vfs::{OURS, OURS_COUNT, is_ours};
use host::{Errno, Result};

/// close(2)
pub fn close(call: &mut Call, fd: Fd) -> Result<usize> {
    if is_ours(fd.0) {
        return Err(Errno::EBADF);
    }
    call.pass([fd.0 as usize, 0, 0, 0, 0, 0])
}

/// close_range(2), around ours.
pub fn close_range(call: &mut Call, first: u32, last: u32, flags: u32) -> Result<usize> {
    if first > last {
        return Err(Errno::EINVAL);
    }
    let (ours, after) = (OURS as u32, (OURS + OURS_COUNT) as u32);
    let part = |first: u32, last: u32| call.pass([first as usize, last as usize, flags as usize, 0, 0, 0]);
    if last < ours || first >= after {
        return part(first, last);
    }
    // Those between two of ours, and what lies before and after them.
    let mut from = first;
    for fd in (first.max(ours)..=last.min(after - 1)).filter(|&fd| is_ours(fd as i32)) {
        if from < fd {
            part(from, fd - 1)?;
        }
        from = fd + 1;
    }
    if from <= last { part(from, last) } else { Ok(0) }
}

/// dup2(2)
pub fn dup2(call: &mut Call, old: Fd, new: Fd) -> Result<usize> {
    if is_ours(new.0) {
        return Err(Errno::EBADF);
    }
    call.pass([old.0 as usize, new.0 as usize, 0, 0, 0, 0])
}

/// dup3(2)
pub fn dup3(call: &mut Call, old: Fd, new: Fd, flags: i32) -> Result<usize> {
    if is_ours(new.0) {
        return Err(Errno::EBADF);
    }
    call.pass([old.0 as usize, new.0 as usize, flags as usize, 0, 0, 0])
}
