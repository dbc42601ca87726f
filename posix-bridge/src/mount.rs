//! sys/mount.h and its like: what only the system's owner may do. The guest is none.

use crate::call::Call;
use host::{Errno, Result};

/// mount(2), umount2(2), pivot_root(2), swapon(2), …: refused, as to any user.
pub fn refused(_: &mut Call) -> Result<usize> {
    Err(Errno::EPERM)
}

/// Interfaces that a kernel may be built without; programs then use others.
pub fn absent(_: &mut Call) -> Result<usize> {
    Err(Errno::ENOSYS)
}
