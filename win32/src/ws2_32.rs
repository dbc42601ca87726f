//! ws2_32.dll: the beginnings of Windows Sockets.

use abi::{BOOL, HANDLE, Ptr, Win32Error, export, teb};
use std::sync::atomic::{AtomicU32, Ordering};

const WSAEINVAL: u32 = 10022;
const WSAEFAULT: u32 = 10014;
const WSAVERNOTSUPPORTED: u32 = 10092;
const WSANOTINITIALISED: u32 = 10093;

/// How often WSAStartup was called and not taken back.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Starts the use of sockets and says which version there is: up to 2.2.
/// <https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-wsastartup>
#[export(ws2_32, full)]
fn WSAStartup(wanted: u16, data: Ptr<u8>) -> u32 {
    if wanted & 0xff == 0 {
        return WSAVERNOTSUPPORTED;
    }
    // WSADATA of 64-bit programs: version, highest version, limits, vendor, then the two texts.
    let version = if wanted & 0xff > 2 || wanted == 0x0202 { 0x0202 } else { wanted };
    let mut bytes = [0u8; 16];
    bytes[0..2].copy_from_slice(&version.to_le_bytes());
    bytes[2..4].copy_from_slice(&0x0202u16.to_le_bytes());
    if data.write_slice(&bytes).is_err() {
        return WSAEFAULT;
    }
    let (description, status) = (data.byte_add(16), data.byte_add(16 + 257));
    if description.write_slice(b"WinSock 2.0\0").is_err() || status.write_slice(b"Running\0").is_err() {
        return WSAEFAULT;
    }
    STARTED.fetch_add(1, Ordering::AcqRel);
    0
}

/// Takes one WSAStartup back.
#[export(ws2_32, full)]
fn WSACleanup() -> i32 {
    let taken = STARTED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
    if taken.is_err() {
        teb::set_last_error(Win32Error(WSANOTINITIALISED));
        return -1;
    }
    0
}

/// The thread's last socket error.
#[export(ws2_32, full)]
fn WSAGetLastError() -> u32 {
    teb::last_error().0
}

/// Sets the thread's last socket error.
#[export(ws2_32, full)]
fn WSASetLastError(error: u32) {
    teb::set_last_error(Win32Error(error));
}

/// The result of an overlapped operation on a socket.
/// <https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsagetoverlappedresult>
#[export(ws2_32, partial("does not wait: operations finish before they return"))]
fn WSAGetOverlappedResult(_socket: HANDLE, overlapped: Ptr<[u64; 2]>, transferred: Ptr<u32>, _wait: BOOL, flags: Ptr<u32>) -> BOOL {
    let Ok([status, bytes]) = overlapped.read() else {
        teb::set_last_error(Win32Error(WSAEFAULT));
        return BOOL(false);
    };
    if transferred.write(bytes as u32).is_err() || flags.write_opt(0).is_err() {
        teb::set_last_error(Win32Error(WSAEINVAL));
        return BOOL(false);
    }
    if status as u32 != 0 {
        teb::set_last_error(abi::NTSTATUS(status as u32).to_win32());
        return BOOL(false);
    }
    BOOL(true)
}

/// Host to network byte order.
#[export(ws2_32, full, ordinal = 9)]
fn htons(value: u16) -> u16 {
    value.to_be()
}

/// Host to network byte order.
#[export(ws2_32, full, ordinal = 8)]
fn htonl(value: u32) -> u32 {
    value.to_be()
}

/// Network to host byte order.
#[export(ws2_32, full, ordinal = 15)]
fn ntohs(value: u16) -> u16 {
    u16::from_be(value)
}

/// Network to host byte order.
#[export(ws2_32, full, ordinal = 14)]
fn ntohl(value: u32) -> u32 {
    u32::from_be(value)
}
