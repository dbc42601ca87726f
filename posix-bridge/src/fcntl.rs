//! fcntl.h: opening files and working on descriptors.

use crate::args::{Addr, Fd, Mode, OpenFlags, Path};
use crate::call::Call;
use crate::identity::owner;
use crate::vfs::is_ours;
use crate::vfs::path::PathBuffer;
use crate::vfs::resolve::Last;
use host::linux::{self, OpenHow};
use host::{Errno, Result};
use std::os::fd::AsRawFd;

/// open(2)
pub fn open(call: &mut Call, path: Path, flags: OpenFlags, mode: Mode) -> Result<usize> {
    openat(call, Fd(libc::AT_FDCWD), path, flags, mode)
}

/// creat(2)
pub fn creat(call: &mut Call, path: Path, mode: Mode) -> Result<usize> {
    openat(call, Fd(libc::AT_FDCWD), path, OpenFlags(libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC), mode)
}

/// openat(2)
pub fn openat(call: &mut Call, dir: Fd, path: Path, flags: OpenFlags, mode: Mode) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    if call.process.emulates_root && flags.0 & libc::O_CREAT != 0 {
        // Only what is new belongs to its maker.
        match call.vfs.open(dir.0, path, flags.0 | libc::O_EXCL, mode.0) {
            Ok(new) => {
                owner::made(call, new.as_raw_fd(), c"");
                return Ok(linux::release(new));
            }
            Err(Errno::EEXIST) if flags.0 & libc::O_EXCL == 0 => {}
            Err(error) => return Err(error),
        }
    }
    if !call.process.emulates_root {
        return call.vfs.open(dir.0, path, flags.0, mode.0).map(linux::release);
    }
    owner::may_open(call, dir.0, path, flags.0)?;
    let opened = call.vfs.open(dir.0, path, flags.0, mode.0)?;
    owner::device(call, opened, flags.0).map(linux::release)
}

/// openat2(2)
pub fn openat2(call: &mut Call, dir: Fd, path: Path, how: Addr, size: usize) -> Result<usize> {
    // The kernel looks at all of it before it looks for the directory.
    match call.pass([usize::MAX, c"name".as_ptr() as usize, how.0, size, 0, 0]) {
        Err(Errno::EBADF) => {}
        done => return done,
    }
    let how: OpenHow = how.read()?;
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let opened = match how.resolve {
        0 => call.vfs.open(dir.0, path, how.flags as i32, how.mode as u32),
        _ => call.vfs.open_within(dir.0, path, how),
    };
    opened.map(linux::release)
}

/// fcntl(2)
pub fn fcntl(call: &mut Call, fd: Fd, command: i32, arg: usize) -> Result<usize> {
    if is_ours(fd.0) {
        return Err(Errno::EBADF);
    }
    match command {
        libc::F_SETLKW | libc::F_OFD_SETLKW => call.wait([fd.0 as usize, command as usize, arg, 0, 0, 0]),
        _ => call.pass([fd.0 as usize, command as usize, arg, 0, 0, 0]),
    }
}

/// name_to_handle_at(2): file handles name files beyond the root.
pub fn name_to_handle_at(_: &mut Call, _: Fd, _: Path) -> Result<usize> {
    Err(Errno::EOPNOTSUPP)
}

/// open_by_handle_at(2)
pub fn open_by_handle_at(_: &mut Call, _: Fd, _: Addr, _: OpenFlags) -> Result<usize> {
    Err(Errno::EPERM)
}

/// An O_PATH descriptor's worth of a path for calls that take the whole path and follow its last link.
pub(crate) fn node(call: &Call, dir: Fd, path: Path, last: Last) -> Result<crate::vfs::open::Node> {
    let mut buffer = PathBuffer::new();
    call.vfs.node(dir.0, path.read(&mut buffer)?, last)
}
