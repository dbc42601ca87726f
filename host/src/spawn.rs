//! Starting other host processes.

use crate::errno::{Errno, Result};
use std::ffi::OsString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The descriptor under which a child finds what [`spawn_self`] passes on.
pub const HANDOVER_FD: RawFd = 3;

/// Starts this very program with `arguments`. `standard`: descriptors for the child's 0, 1 and 2 (None: the
/// null device). `handover` becomes descriptor 3.
pub fn spawn_self(arguments: &[OsString], standard: [Option<RawFd>; 3], handover: &OwnedFd) -> Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments);
    let stdio = |fd: Option<RawFd>| match fd {
        Some(fd) => crate::file::duplicate(fd).map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    command.stdin(stdio(standard[0])?).stdout(stdio(standard[1])?).stderr(stdio(standard[2])?);
    let fd = handover.as_raw_fd();
    // SAFETY: dup2 and fcntl are async-signal-safe, and the closure touches nothing else.
    unsafe {
        command.pre_exec(move || {
            let got = if fd == HANDOVER_FD { libc::fcntl(fd, libc::F_SETFD, 0) } else { libc::dup2(fd, HANDOVER_FD) };
            if got == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        });
    }
    command.spawn().map_err(Errno::from)
}

/// The descriptor that the parent handed over, closed on exec from now on. Only for a process that was
/// started by [`spawn_self`].
pub fn take_handover() -> OwnedFd {
    // SAFETY: descriptor 3 was made for us by the parent, and nobody else has taken it.
    unsafe {
        libc::fcntl(HANDOVER_FD, libc::F_SETFD, libc::FD_CLOEXEC);
        OwnedFd::from_raw_fd(HANDOVER_FD)
    }
}
