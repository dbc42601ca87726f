//! sys/socket.h. Sockets are the host's; paths of local ones are resolved inside the root, and descriptors that arrive are
//! looked at.

mod address;
mod credentials;
mod message;

pub use credentials::{getsockopt, socket};
pub use message::*;

use crate::args::{Addr, Fd};
use crate::call::Call;
use address::{Address, give_back};
use host::Result;
use host::linux;

/// bind(2)
pub fn bind(call: &mut Call, fd: Fd, address: Addr, len: u32) -> Result<usize> {
    match Address::read(address, len)? {
        Some(path) => path.bind(call, fd.0),
        None => call.pass([fd.0 as usize, address.0, len as usize, 0, 0, 0]),
    }
}

/// connect(2)
pub fn connect(call: &mut Call, fd: Fd, address: Addr, len: u32) -> Result<usize> {
    match Address::read(address, len)? {
        Some(path) => path.with_socket(call, |address, len| call.wait([fd.0 as usize, address, len, 0, 0, 0])),
        None => call.wait([fd.0 as usize, address.0, len as usize, 0, 0, 0]),
    }
}

/// accept(2)
pub fn accept(call: &mut Call, fd: Fd, address: Addr, len: Addr) -> Result<usize> {
    accept4(call, fd, address, len, 0)
}

/// accept4(2)
pub fn accept4(call: &mut Call, fd: Fd, address: Addr, len: Addr, flags: i32) -> Result<usize> {
    let room = address::room(address, len);
    let new = call.wait_as(libc::SYS_accept4, [fd.0 as usize, address.0, len.0, flags as usize, 0, 0])?;
    give_back(address, len, room);
    Ok(new)
}

/// getsockname(2)
pub fn getsockname(call: &mut Call, fd: Fd, address: Addr, len: Addr) -> Result<usize> {
    let room = address::room(address, len);
    let done = call.pass([fd.0 as usize, address.0, len.0, 0, 0, 0])?;
    give_back(address, len, room);
    Ok(done)
}

/// getpeername(2)
pub fn getpeername(call: &mut Call, fd: Fd, address: Addr, len: Addr) -> Result<usize> {
    getsockname(call, fd, address, len)
}

/// sendto(2)
pub fn sendto(call: &mut Call, fd: Fd, data: Addr, size: usize, flags: i32, address: Addr, len: u32) -> Result<usize> {
    let send = |address: usize, len: usize| call.wait([fd.0 as usize, data.0, size, flags as usize, address, len]);
    match if address.is_null() { None } else { Address::read(address, len)? } {
        Some(path) => path.with_socket(call, send),
        None => send(address.0, len as usize),
    }
}

/// recvfrom(2)
pub fn recvfrom(call: &mut Call, fd: Fd, data: Addr, size: usize, flags: i32, address: Addr, len: Addr) -> Result<usize> {
    let room = address::room(address, len);
    let done = call.wait([fd.0 as usize, data.0, size, flags as usize, address.0, len.0])?;
    give_back(address, len, room);
    Ok(done)
}

/// Closes directories from outside of the tree among descriptors that have arrived: paths relative to them would lead out.
/// In their place stands an empty pipe end.
pub(crate) fn keep_out(call: &Call, fd: i32) -> Result<()> {
    let is_dir = linux::fstat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
    if is_dir && call.vfs.place_of_folder(fd)?.is_none() {
        let (read, _) = host::file::pipe()?;
        use std::os::fd::AsRawFd;
        linux::pass(libc::SYS_dup3, [read.as_raw_fd() as usize, fd as usize, libc::O_CLOEXEC as usize, 0, 0, 0])?;
    }
    Ok(())
}
