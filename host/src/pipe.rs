//! Unsafe edge: reads and writes of pipes, sockets and terminals that do not wait, and waits for them that another thread
//! can end.

use crate::errno::{Errno, Result, check};
use crate::file::from_memory;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// For what to wait.
pub const READABLE: i16 = libc::POLLIN;
pub const WRITABLE: i16 = libc::POLLOUT;

fn ready(fd: RawFd, events: i16) -> bool {
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd.
    unsafe { libc::poll(&mut poll, 1, 0) > 0 }
}

/// Reads what is there; EAGAIN when there is nothing yet, 0 at the end.
pub fn read_now(fd: RawFd, addr: usize, len: usize) -> Result<usize> {
    let piece = libc::iovec { iov_base: addr as *mut _, iov_len: len };
    // SAFETY: the kernel checks the address.
    match check(unsafe { libc::preadv2(fd, &piece, 1, -1, libc::RWF_NOWAIT) } as i64) {
        // Terminals and older kernels: another reader may take what is there before us, and then this one waits.
        Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) if ready(fd, READABLE) => crate::file::read(fd, addr, len),
        Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => Err(Errno::EAGAIN),
        other => other.map(|n| n as usize),
    }
}

/// Writes what there is room for; EAGAIN when there is none.
pub fn write_now(fd: RawFd, addr: usize, len: usize) -> Result<usize> {
    let write = || {
        let piece = libc::iovec { iov_base: addr as *mut _, iov_len: len };
        // SAFETY: the kernel checks the address.
        match check(unsafe { libc::pwritev2(fd, &piece, 1, -1, libc::RWF_NOWAIT) } as i64) {
            Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) if ready(fd, WRITABLE) => crate::file::write(fd, addr, len),
            Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => Err(Errno::EAGAIN),
            other => other.map(|n| n as usize),
        }
    };
    from_memory(addr, len, write)
}

/// Looks at the next bytes of a pipe without taking them.
pub fn peek(fd: RawFd, into: &mut [u8]) -> Result<usize> {
    let (read, write) = crate::file::pipe()?;
    // SAFETY: no memory is passed.
    let copied = check(unsafe { libc::tee(fd, write.as_raw_fd(), into.len().min(65536), libc::SPLICE_F_NONBLOCK) } as i64);
    match copied {
        Ok(0) | Err(Errno::EAGAIN) => Ok(0),
        Ok(_) => crate::file::read(read.as_raw_fd(), into.as_mut_ptr() as usize, into.len()),
        // A socket.
        Err(Errno::EINVAL) => {
            // SAFETY: the slice is host memory of that size.
            let got = unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), libc::MSG_PEEK | libc::MSG_DONTWAIT) };
            match check(got as i64) {
                Err(Errno::EAGAIN) => Ok(0),
                other => other.map(|n| n as usize),
            }
        }
        Err(errno) => Err(errno),
    }
}

/// Waits until something can be done, or until `waker` is written to: then false.
pub fn wait(fd: RawFd, events: i16, waker: RawFd) -> bool {
    let mut list = [libc::pollfd { fd, events, revents: 0 }, libc::pollfd { fd: waker, events: libc::POLLIN, revents: 0 }];
    // SAFETY: two pollfds. A signal ends it early, which the caller's next attempt finds out.
    unsafe { libc::poll(list.as_mut_ptr(), 2, -1) };
    list[1].revents == 0
}

/// A local address outside of the file system, which vanishes with its last socket (unix(7), abstract).
fn address(name: &[u8]) -> Vec<u8> {
    let mut bytes = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&name[..name.len().min(107)]);
    bytes
}

/// What travels through a local connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    Bytes,
    Messages,
}

fn kind(carrier: Carrier) -> i32 {
    if carrier == Carrier::Bytes { libc::SOCK_STREAM } else { libc::SOCK_SEQPACKET }
}

/// Two ends that are connected with each other.
pub fn pair(carrier: Carrier) -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: two new descriptors that nobody else owns.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind(carrier) | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()))?;
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// Listens for one connection under a name. EADDRINUSE: somebody else does.
pub fn listen(name: &[u8], carrier: Carrier) -> Result<OwnedFd> {
    let socket = crate::socket::create(libc::AF_UNIX, kind(carrier) | libc::SOCK_NONBLOCK, 0)?;
    crate::socket::bind(socket.as_raw_fd(), &address(name))?;
    crate::socket::listen(socket.as_raw_fd(), 0)?;
    Ok(socket)
}

/// Takes the connection and puts it into the listening descriptor's place. EAGAIN: there is none yet.
pub fn accept_into(listener: RawFd) -> Result<()> {
    let (socket, _) = crate::socket::accept(listener)?;
    replace(listener, &socket)
}

/// Puts another open file into a descriptor's place.
pub fn replace(fd: RawFd, with: &OwnedFd) -> Result<()> {
    // SAFETY: no memory is passed; the caller owns both descriptors.
    check(unsafe { libc::dup3(with.as_raw_fd(), fd, libc::O_CLOEXEC) }).map(drop)
}

/// Connects to a listener of the same user and the same kind.
pub fn connect(name: &[u8], carrier: Carrier) -> Result<OwnedFd> {
    let socket = crate::socket::create(libc::AF_UNIX, kind(carrier) | libc::SOCK_NONBLOCK, 0)?;
    crate::socket::connect(socket.as_raw_fd(), &address(name))?;
    if peer(socket.as_raw_fd())?.1 != own_user() {
        return Err(Errno::ECONNREFUSED);
    }
    crate::socket::set_nonblocking(socket.as_raw_fd(), false)?;
    Ok(socket)
}

/// Marks a name as taken, without a listener; it is free again when the descriptor is closed.
pub fn mark(name: &[u8]) -> Result<OwnedFd> {
    let socket = crate::socket::create(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    crate::socket::bind(socket.as_raw_fd(), &address(name))?;
    Ok(socket)
}

/// Whether somebody listens under a name or has marked it.
pub fn is_taken(name: &[u8]) -> bool {
    [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].iter().any(|&kind| {
        let bind = || crate::socket::bind(crate::socket::create(libc::AF_UNIX, kind, 0)?.as_raw_fd(), &address(name));
        bind() == Err(Errno::EADDRINUSE)
    })
}

/// Process and user at the other end of a local connection.
pub fn peer(fd: RawFd) -> Result<(u32, u32)> {
    let raw = crate::socket::option(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, 12)?;
    let word = |at: usize| raw.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
    Ok((word(0), word(4)))
}

/// The user this process runs as.
pub fn own_user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// Length of the next message; None: the other end is gone. EAGAIN: none is there yet.
pub fn next_message(fd: RawFd) -> Result<Option<usize>> {
    let mut byte = 0u8;
    // SAFETY: one byte of host memory; MSG_TRUNC gives the message's whole length.
    let got = unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_DONTWAIT) };
    Ok(match check(got as i64)? {
        0 => None,
        n => Some(n as usize),
    })
}
