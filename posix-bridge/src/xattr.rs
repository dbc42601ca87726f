//! sys/xattr.h: extended attributes.

use crate::args::{Addr, Fd, Path};
use crate::call::Call;
use crate::fcntl::node;
use crate::vfs::path::PathBuffer;
use crate::vfs::resolve::{Last, magic};
use host::Result;
use host::linux;
use std::os::fd::AsRawFd;

/// Hands a call on that has its path first; the kernel follows our link to exactly the thing that was found, links included.
fn read(call: &Call, path: Path, last: Last, number: i64, rest: [usize; 3]) -> Result<usize> {
    let node = node(call, Fd(libc::AT_FDCWD), path, last)?;
    linux::pass(number, [magic(node.fd.as_raw_fd()).as_ptr() as usize, rest[0], rest[1], rest[2], 0, 0])
}

fn change(call: &Call, path: Path, last: Last, number: i64, rest: [usize; 4]) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let node = call.vfs.node_to_change(libc::AT_FDCWD, path.read(&mut buffer)?, last)?;
    linux::pass(number, [magic(node.fd.as_raw_fd()).as_ptr() as usize, rest[0], rest[1], rest[2], rest[3], 0])
}

/// setxattr(2)
pub fn setxattr(call: &mut Call, path: Path, name: Addr, value: Addr, size: usize, flags: i32) -> Result<usize> {
    change(call, path, Last::Follow, libc::SYS_setxattr, [name.0, value.0, size, flags as usize])
}

/// lsetxattr(2)
pub fn lsetxattr(call: &mut Call, path: Path, name: Addr, value: Addr, size: usize, flags: i32) -> Result<usize> {
    change(call, path, Last::NoFollow, libc::SYS_setxattr, [name.0, value.0, size, flags as usize])
}

/// getxattr(2)
pub fn getxattr(call: &mut Call, path: Path, name: Addr, value: Addr, size: usize) -> Result<usize> {
    read(call, path, Last::Follow, libc::SYS_getxattr, [name.0, value.0, size])
}

/// lgetxattr(2)
pub fn lgetxattr(call: &mut Call, path: Path, name: Addr, value: Addr, size: usize) -> Result<usize> {
    read(call, path, Last::NoFollow, libc::SYS_getxattr, [name.0, value.0, size])
}

/// listxattr(2)
pub fn listxattr(call: &mut Call, path: Path, list: Addr, size: usize) -> Result<usize> {
    read(call, path, Last::Follow, libc::SYS_listxattr, [list.0, size, 0])
}

/// llistxattr(2)
pub fn llistxattr(call: &mut Call, path: Path, list: Addr, size: usize) -> Result<usize> {
    read(call, path, Last::NoFollow, libc::SYS_listxattr, [list.0, size, 0])
}

/// removexattr(2)
pub fn removexattr(call: &mut Call, path: Path, name: Addr) -> Result<usize> {
    change(call, path, Last::Follow, libc::SYS_removexattr, [name.0, 0, 0, 0])
}

/// lremovexattr(2)
pub fn lremovexattr(call: &mut Call, path: Path, name: Addr) -> Result<usize> {
    change(call, path, Last::NoFollow, libc::SYS_removexattr, [name.0, 0, 0, 0])
}

/// fsetxattr(2)
pub fn fsetxattr(call: &mut Call, fd: Fd) -> Result<usize> {
    call.vfs.changeable(fd.0)?;
    call.pass(call.args)
}

/// fremovexattr(2)
pub fn fremovexattr(call: &mut Call, fd: Fd) -> Result<usize> {
    fsetxattr(call, fd)
}
