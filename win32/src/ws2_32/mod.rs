//! ws2_32.dll, wsock32.dll and mswsock.dll: sockets. A SOCKET is a handle to a file object on a host socket.
//! <https://learn.microsoft.com/windows/win32/api/winsock2/>

mod address;
mod exports;
mod names;
mod overlapped;
mod protocols;

pub use exports::*;
pub use names::*;
pub use overlapped::*;

use abi::{HANDLE, Win32Error};
use host::Errno;
use ntdll::file::File;
use std::sync::Arc;

pub const SOCKET_ERROR: i32 = -1;
pub const WSAEFAULT: u32 = 10014;
pub const WSAEINVAL: u32 = 10022;
pub const WSAEWOULDBLOCK: u32 = 10035;
pub const WSAENOTSOCK: u32 = 10038;
pub const WSAEMSGSIZE: u32 = 10040;
pub const WSAENOPROTOOPT: u32 = 10042;
pub const WSAEOPNOTSUPP: u32 = 10045;
pub const WSAEAFNOSUPPORT: u32 = 10047;
pub const WSAENOBUFS: u32 = 10055;
pub const WSA_IO_PENDING: u32 = 997;

/// A Winsock error code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error(pub u32);

impl From<Errno> for Error {
    fn from(errno: Errno) -> Error {
        // Linux' numbers (errno(3), asm-generic/errno.h).
        Error(match errno.0 {
            4 => 10004,
            9 | 88 => WSAENOTSOCK,
            1 | 13 => 10013,
            14 => WSAEFAULT,
            22 => WSAEINVAL,
            23 | 24 => 10024,
            11 | 115 => WSAEWOULDBLOCK,
            114 => 10037,
            32 => 10053,
            89 => 10039,
            90 => WSAEMSGSIZE,
            91 => 10041,
            92 => WSAENOPROTOOPT,
            93 => 10043,
            94 => 10044,
            95 => WSAEOPNOTSUPP,
            96 => 10046,
            97 => WSAEAFNOSUPPORT,
            98 => 10048,
            99 => 10049,
            100 => 10050,
            101 => 10051,
            102 => 10052,
            103 => 10053,
            104 => 10054,
            12 | 105 => WSAENOBUFS,
            106 => 10056,
            107 => 10057,
            108 => 10058,
            110 => 10060,
            111 => 10061,
            112 => 10064,
            113 => 10065,
            _ => WSAEINVAL,
        })
    }
}

impl From<abi::Fault> for Error {
    fn from(_: abi::Fault) -> Error {
        Error(WSAEFAULT)
    }
}

/// The socket behind a handle.
pub fn socket_of(handle: HANDLE) -> Result<Arc<File>, Error> {
    ntdll::object::get::<File>(handle, 0).map_err(|_| Error(WSAENOTSOCK))
}

/// 0 or -1 with the error where WSAGetLastError finds it.
pub fn outcome(work: impl FnOnce() -> Result<(), Error>) -> i32 {
    count(|| work().map(|()| 0))
}

/// A count, or -1 with the error where WSAGetLastError finds it.
pub fn count(work: impl FnOnce() -> Result<i32, Error>) -> i32 {
    work().unwrap_or_else(|error| {
        abi::teb::set_last_error(Win32Error(error.0));
        SOCKET_ERROR
    })
}

/// A new socket, or INVALID_SOCKET.
pub fn handle(work: impl FnOnce() -> Result<HANDLE, Error>) -> HANDLE {
    work().unwrap_or_else(|error| {
        abi::teb::set_last_error(Win32Error(error.0));
        HANDLE::INVALID
    })
}
