//! Socket addresses, families and options, from Windows' numbers to the host's and back.

use super::{Error, WSAEAFNOSUPPORT, WSAEFAULT};
use abi::Ptr;

pub const AF_INET6: u16 = 23;
const HOST_INET6: u16 = 10;

pub fn family_to_host(family: i32) -> i32 {
    if family == AF_INET6.into() { HOST_INET6.into() } else { family }
}

pub fn family_from_host(family: i32) -> i32 {
    if family == HOST_INET6.into() { AF_INET6.into() } else { family }
}

/// An address of the guest as the host's bytes. AF_INET, AF_INET6 and AF_UNIX have the same layout but for the number.
pub fn read(address: Ptr<u8>, len: i32) -> Result<Vec<u8>, Error> {
    if address.is_null() || !(2..=128).contains(&len) {
        return Err(Error(WSAEFAULT));
    }
    let mut bytes = address.read_vec(len as usize)?;
    let family = u16::from_le_bytes([bytes[0], bytes[1]]);
    match family {
        2 if len >= 16 => bytes.truncate(16),
        AF_INET6 if len >= 28 => bytes.truncate(28),
        1 => {}
        0 if len >= 16 => {}
        2 | AF_INET6 => return Err(Error(WSAEFAULT)),
        _ => return Err(Error(WSAEAFNOSUPPORT)),
    }
    bytes[..2].copy_from_slice(&(family_to_host(family.into()) as u16).to_le_bytes());
    Ok(bytes)
}

/// The host's address as the guest knows it.
pub fn from_host(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() >= 2 {
        let family = u16::from_le_bytes([bytes[0], bytes[1]]);
        bytes[..2].copy_from_slice(&(family_from_host(family.into()) as u16).to_le_bytes());
    }
    bytes
}

/// Hands an address over; null pointers ask for nothing.
pub fn write(bytes: Vec<u8>, to: Ptr<u8>, len: Ptr<i32>) -> Result<(), Error> {
    if to.is_null() || len.is_null() {
        return Ok(());
    }
    let bytes = from_host(bytes);
    if (len.read()? as usize) < bytes.len() {
        return Err(Error(WSAEFAULT));
    }
    to.write_slice(&bytes)?;
    Ok(len.write(bytes.len() as i32)?)
}

/// How an option's value is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Number,
    /// Milliseconds against a timeval.
    Time,
    /// Two 16-bit numbers against two ints.
    Linger,
    Bytes,
    /// Accepted without effect.
    Ignored,
}

/// The host's level and number of an option.
pub fn option(level: i32, name: i32) -> Option<(i32, i32, Form)> {
    use Form::{Bytes, Ignored, Linger, Number, Time};
    Some(match (level, name) {
        (0xffff, 0x0004) => (1, 2, Number), // SO_REUSEADDR
        (0xffff, -5) => (1, 2, Ignored),    // SO_EXCLUSIVEADDRUSE
        (0xffff, 0x0008) => (1, 9, Number), // SO_KEEPALIVE
        (0xffff, 0x0010) => (1, 5, Number), // SO_DONTROUTE
        (0xffff, 0x0020) => (1, 6, Number), // SO_BROADCAST
        (0xffff, 0x0080) => (1, 13, Linger),
        (0xffff, 0x0100) => (1, 10, Number), // SO_OOBINLINE
        (0xffff, 0x1001) => (1, 7, Number),  // SO_SNDBUF
        (0xffff, 0x1002) => (1, 8, Number),  // SO_RCVBUF
        (0xffff, 0x1005) => (1, 21, Time),   // SO_SNDTIMEO
        (0xffff, 0x1006) => (1, 20, Time),   // SO_RCVTIMEO
        (0xffff, 0x1007) => (1, 4, Number),  // SO_ERROR
        (0xffff, 0x1008) => (1, 3, Number),  // SO_TYPE
        (0xffff, 0x0002) => (1, 30, Number), // SO_ACCEPTCONN
        (0xffff, 0x700b | 0x7010 | 0x3002 | 0x3005 | 0x3006 | 0x3007 | 0x3008) => (0, 0, Ignored), // update contexts, port sharing
        (6, 1) => (6, 1, Number),            // TCP_NODELAY
        (6, 3) => (6, 4, Number),            // TCP_KEEPIDLE
        (6, 16) => (6, 6, Number),           // TCP_KEEPCNT
        (6, 17) => (6, 5, Number),           // TCP_KEEPINTVL
        (6, _) => (0, 0, Ignored),
        (0, 3) => (0, 1, Number),   // IP_TOS
        (0, 4) => (0, 2, Number),   // IP_TTL
        (0, 9) => (0, 32, Bytes),   // IP_MULTICAST_IF
        (0, 10) => (0, 33, Number), // IP_MULTICAST_TTL
        (0, 11) => (0, 34, Number), // IP_MULTICAST_LOOP
        (0, 12) => (0, 35, Bytes),  // IP_ADD_MEMBERSHIP
        (0, 13) => (0, 36, Bytes),  // IP_DROP_MEMBERSHIP
        (0, _) => (0, 0, Ignored),
        (41, 4) => (41, 16, Number),  // IPV6_UNICAST_HOPS
        (41, 9) => (41, 17, Number),  // IPV6_MULTICAST_IF
        (41, 10) => (41, 18, Number), // IPV6_MULTICAST_HOPS
        (41, 11) => (41, 19, Number), // IPV6_MULTICAST_LOOP
        (41, 12) => (41, 20, Bytes),  // IPV6_JOIN_GROUP
        (41, 13) => (41, 21, Bytes),  // IPV6_LEAVE_GROUP
        (41, 27) => (41, 26, Number), // IPV6_V6ONLY
        (41, _) => (0, 0, Ignored),
        _ => return None,
    })
}
