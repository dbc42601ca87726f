//! Starting other host processes.

use crate::errno::{Errno, Result};
use std::ffi::OsString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The descriptor under which a child finds what [`spawn_self`] passes on.
pub const HANDOVER_FD: RawFd = 3;

/// How a child is started.
pub struct Spawn<'a> {
    pub arguments: &'a [OsString],
    /// Instead of our own.
    pub environment: Option<Vec<(OsString, OsString)>>,
    pub directory: Option<OsString>,
    /// Descriptors for its 0, 1 and 2 (None: the null device).
    pub standard: [Option<RawFd>; 3],
    /// Becomes descriptor 3.
    pub handover: Option<&'a OwnedFd>,
    /// Descriptors, above 3, that it has under the same numbers.
    pub kept: Vec<RawFd>,
}

/// Starts this very program.
pub fn spawn_self(spawn: Spawn) -> Result<Child> {
    let Spawn { arguments, environment, directory, standard, handover, kept } = spawn;
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments);
    if let Some(environment) = environment {
        command.env_clear().envs(environment);
    }
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let stdio = |fd: Option<RawFd>| match fd {
        Some(fd) => crate::file::duplicate(fd).map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    command.stdin(stdio(standard[0])?).stdout(stdio(standard[1])?).stderr(stdio(standard[2])?);
    let fd = handover.map(AsRawFd::as_raw_fd);
    // SAFETY: dup2 and fcntl are async-signal-safe, and the closure touches nothing else.
    unsafe {
        command.pre_exec(move || {
            let got = match fd {
                Some(HANDOVER_FD) => libc::fcntl(HANDOVER_FD, libc::F_SETFD, 0),
                Some(fd) => libc::dup2(fd, HANDOVER_FD),
                None => 0,
            };
            for &fd in &kept {
                if libc::fcntl(fd, libc::F_SETFD, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
            }
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

/// Another descriptor for the same open file, numbered above [`HANDOVER_FD`].
pub fn duplicate_above(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: touches no memory; the result is new.
    unsafe {
        let new = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, HANDOVER_FD + 1);
        if new == -1 { Err(Errno::last()) } else { Ok(OwnedFd::from_raw_fd(new)) }
    }
}

/// A descriptor that the parent left open for us, closed on exec from now on. Only for a process that was started by
/// [`spawn_self`], once for each number.
pub fn take_kept(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the parent made it for us, and nobody else has taken it.
    unsafe { (libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) != -1).then(|| OwnedFd::from_raw_fd(fd)) }
}

/// A descriptor that can be read when a process has ended.
pub fn process_descriptor(pid: u32) -> Result<OwnedFd> {
    // SAFETY: touches no memory; the result is new.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd == -1 { Err(Errno::last()) } else { Ok(OwnedFd::from_raw_fd(fd as RawFd)) }
    }
}

/// Processes that descend from `pid`, it first.
pub fn family(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|id| Some((id, crate::process::parent_and_threads(id)?.0)))
        .collect();
    let mut family = vec![pid];
    let mut at = 0;
    while at < family.len() {
        let of = family[at];
        family.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(id, _)| *id));
        at += 1;
    }
    family
}
