//! Unsafe edge: sockets and name look-up. Addresses are the host's `sockaddr` bytes.

use crate::errno::{Errno, Result, check};
use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

const ROOM: usize = 128;

pub fn create(domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    // SAFETY: the descriptor that socket returns is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol))? as RawFd)) }
}

pub fn bind(fd: RawFd, address: &[u8]) -> Result<()> {
    // SAFETY: address and length belong together.
    check(unsafe { libc::bind(fd, address.as_ptr().cast(), address.len() as u32) }).map(drop)
}

pub fn connect(fd: RawFd, address: &[u8]) -> Result<()> {
    // SAFETY: address and length belong together.
    check(unsafe { libc::connect(fd, address.as_ptr().cast(), address.len() as u32) }).map(drop)
}

pub fn listen(fd: RawFd, backlog: i32) -> Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::listen(fd, backlog) }).map(drop)
}

pub fn accept(fd: RawFd) -> Result<(OwnedFd, Vec<u8>)> {
    let mut address = vec![0u8; ROOM];
    let mut len = ROOM as u32;
    // SAFETY: the address has room for len bytes; the new descriptor is ours.
    let new =
        unsafe { OwnedFd::from_raw_fd(check(libc::accept4(fd, address.as_mut_ptr().cast(), &mut len, libc::SOCK_CLOEXEC))? as RawFd) };
    address.truncate(len as usize);
    Ok((new, address))
}

/// The own or the peer's address.
pub fn name(fd: RawFd, peer: bool) -> Result<Vec<u8>> {
    let mut address = vec![0u8; ROOM];
    let mut len = ROOM as u32;
    // SAFETY: the address has room for len bytes.
    check(unsafe {
        if peer {
            libc::getpeername(fd, address.as_mut_ptr().cast(), &mut len)
        } else {
            libc::getsockname(fd, address.as_mut_ptr().cast(), &mut len)
        }
    })?;
    address.truncate(len as usize);
    Ok(address)
}

pub fn shutdown(fd: RawFd, how: i32) -> Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::shutdown(fd, how) }).map(drop)
}

/// Sends `len` bytes at an address that the kernel checks.
pub fn send(fd: RawFd, addr: usize, len: usize, flags: i32, to: Option<&[u8]>) -> Result<usize> {
    let (address, size) = to.map_or((std::ptr::null(), 0), |to| (to.as_ptr(), to.len() as u32));
    crate::file::from_memory(addr, len, || {
        // SAFETY: the kernel checks the buffer; address and size belong together.
        check(unsafe { libc::sendto(fd, addr as *const _, len, flags | libc::MSG_NOSIGNAL, address.cast(), size) }).map(|n| n as usize)
    })
}

/// Receives; also gives the sender's address, the message's whole length being more than `len` if it was cut.
pub fn receive(fd: RawFd, addr: usize, len: usize, flags: i32) -> Result<(usize, Vec<u8>)> {
    let mut from = vec![0u8; ROOM];
    let mut size = ROOM as u32;
    // SAFETY: the kernel checks the buffer; `from` has room for size bytes.
    let got = check(unsafe { libc::recvfrom(fd, addr as *mut _, len, flags, from.as_mut_ptr().cast(), &mut size) })?;
    from.truncate((size as usize).min(ROOM));
    Ok((got as usize, from))
}

pub const DONT_WAIT: i32 = libc::MSG_DONTWAIT;
pub const TRUNC: i32 = libc::MSG_TRUNC;

pub fn set_option(fd: RawFd, level: i32, option: i32, value: &[u8]) -> Result<()> {
    // SAFETY: value and length belong together.
    check(unsafe { libc::setsockopt(fd, level, option, value.as_ptr().cast(), value.len() as u32) }).map(drop)
}

pub fn option(fd: RawFd, level: i32, option: i32, room: usize) -> Result<Vec<u8>> {
    let mut value = vec![0u8; room];
    let mut len = room as u32;
    // SAFETY: value has room for len bytes.
    check(unsafe { libc::getsockopt(fd, level, option, value.as_mut_ptr().cast(), &mut len) })?;
    value.truncate(len as usize);
    Ok(value)
}

pub fn set_nonblocking(fd: RawFd, on: bool) -> Result<()> {
    let mut value = i32::from(on);
    // SAFETY: FIONBIO reads an int.
    check(unsafe { libc::ioctl(fd, libc::FIONBIO, &mut value) }).map(drop)
}

pub fn is_nonblocking(fd: RawFd) -> bool {
    // SAFETY: no memory is passed.
    unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

/// One descriptor to wait for: POLLIN and so on in, what is there out.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Poll {
    pub fd: RawFd,
    pub events: i16,
    pub got: i16,
}

pub const SOL_SOCKET: i32 = libc::SOL_SOCKET;
pub const SOCK_STREAM: u32 = libc::SOCK_STREAM as u32;
pub const SO_TYPE: i32 = libc::SO_TYPE;
pub const SO_DOMAIN: i32 = libc::SO_DOMAIN;
pub const SO_PROTOCOL: i32 = libc::SO_PROTOCOL;
pub const SO_ACCEPTCONN: i32 = libc::SO_ACCEPTCONN;

/// A socket's option that is a number.
pub fn number_option(fd: RawFd, level: i32, name: i32) -> Result<u32> {
    let value = option(fd, level, name, 4)?;
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(Errno(libc::EINVAL))
}

/// Whether a TCP connection has existed: the other end has acknowledged something of ours.
pub fn was_connected(fd: RawFd) -> bool {
    // struct tcp_info of linux/tcp.h: tcpi_bytes_acked, which counts the SYN too.
    const BYTES_ACKED: usize = 120;
    let info = option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, BYTES_ACKED + 8).unwrap_or_default();
    info.get(BYTES_ACKED..).is_some_and(|acked| acked.iter().any(|&byte| byte != 0))
}

pub const IN: i16 = libc::POLLIN;
pub const OUT: i16 = libc::POLLOUT;
pub const PRI: i16 = libc::POLLPRI;
pub const RDHUP: i16 = libc::POLLRDHUP;
pub const ERR: i16 = libc::POLLERR;
pub const HUP: i16 = libc::POLLHUP;
pub const NVAL: i16 = libc::POLLNVAL;

/// Waits for any; `ms` < 0: without limit. The number that are ready.
pub fn poll(list: &mut [Poll], ms: i32) -> Result<usize> {
    loop {
        // SAFETY: Poll is laid out as pollfd.
        let got = unsafe { libc::poll(list.as_mut_ptr().cast(), list.len() as libc::nfds_t, ms) };
        match check(got) {
            Err(Errno(libc::EINTR)) if ms < 0 => {}
            other => return other.map(|n| n as usize),
        }
    }
}

/// One result of a look-up.
pub struct Found {
    pub family: i32,
    pub kind: i32,
    pub protocol: i32,
    pub address: Vec<u8>,
    pub canonical: Option<Vec<u8>>,
}

/// What to look up.
pub struct Hints {
    pub flags: i32,
    pub family: i32,
    pub kind: i32,
    pub protocol: i32,
}

/// getaddrinfo; the error is one of EAI_*.
pub fn look_up(node: Option<&[u8]>, service: Option<&[u8]>, hints: &Hints) -> std::result::Result<Vec<Found>, i32> {
    let text = |text: Option<&[u8]>| text.map(|text| CString::new(text).map_err(|_| libc::EAI_NONAME)).transpose();
    let (node, service) = (text(node)?, text(service)?);
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    let mut out = Vec::new();
    // SAFETY: all pointers live through the call; the list is walked before it is freed.
    unsafe {
        let mut wanted: libc::addrinfo = std::mem::zeroed();
        wanted.ai_flags = hints.flags;
        wanted.ai_family = hints.family;
        wanted.ai_socktype = hints.kind;
        wanted.ai_protocol = hints.protocol;
        let mut list = std::ptr::null_mut();
        let error = libc::getaddrinfo(pointer(&node), pointer(&service), &wanted, &mut list);
        if error != 0 {
            return Err(error);
        }
        let mut at = list;
        while !at.is_null() {
            let info = &*at;
            out.push(Found {
                family: info.ai_family,
                kind: info.ai_socktype,
                protocol: info.ai_protocol,
                address: std::slice::from_raw_parts(info.ai_addr.cast::<u8>(), info.ai_addrlen as usize).to_vec(),
                canonical: (!info.ai_canonname.is_null()).then(|| std::ffi::CStr::from_ptr(info.ai_canonname).to_bytes().to_vec()),
            });
            at = info.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    Ok(out)
}

/// getnameinfo: host and service.
pub fn name_of(address: &[u8], flags: i32) -> std::result::Result<(Vec<u8>, Vec<u8>), i32> {
    let (mut host, mut service) = (vec![0u8; 1025], vec![0u8; 32]);
    // SAFETY: buffers and lengths belong together.
    let error = unsafe {
        libc::getnameinfo(
            address.as_ptr().cast(),
            address.len() as u32,
            host.as_mut_ptr().cast(),
            host.len() as u32,
            service.as_mut_ptr().cast(),
            service.len() as u32,
            flags,
        )
    };
    if error != 0 {
        return Err(error);
    }
    for text in [&mut host, &mut service] {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        text.truncate(end);
    }
    Ok((host, service))
}

/// Port and official name of a service, by name or number.
pub fn service(name: Option<&[u8]>, port: u16, protocol: Option<&[u8]>) -> Option<(Vec<u8>, u16, Vec<u8>)> {
    let text = std::fs::read_to_string("/etc/services").ok()?;
    text.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let (first, (number, kind)) = (words.next()?, words.next()?.split_once('/')?);
        let number: u16 = number.parse().ok()?;
        let named = name.is_none_or(|name| std::iter::once(first).chain(words).any(|word| word.as_bytes() == name));
        let fits = named && (name.is_some() || number == port) && protocol.is_none_or(|protocol| protocol == kind.as_bytes());
        fits.then(|| (first.as_bytes().to_vec(), number, kind.as_bytes().to_vec()))
    })
}
