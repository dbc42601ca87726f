//! ws2tcpip.h and the old name functions.

use super::address::{self, family_from_host, family_to_host};
use super::*;
use crate::{guest_alloc, guest_free, guest_text};
use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, export};
use host::socket::{self, Found, Hints};
use kernel32::nls::wide_to_ansi;

/// EAI_* of the host to Winsock's codes.
fn lookup_error(error: i32) -> u32 {
    match error {
        -1 => WSAEINVAL,
        -3 => 11002,
        -4 => 11003,
        -6 => WSAEAFNOSUPPORT,
        -7 => 10044,
        -8 => 10109,
        -10 => 8,
        _ => 11001,
    }
}

/// addrinfo(W): flags, family, kind, protocol, address length, name, address, next.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct AddressInfo {
    flags: i32,
    family: i32,
    kind: i32,
    protocol: i32,
    len: usize,
    name: usize,
    address: usize,
    next: usize,
}

fn find(node: Option<Vec<u8>>, service: Option<Vec<u8>>, hints: Ptr<AddressInfo>) -> Result<Vec<Found>, u32> {
    let mut wanted = Hints { flags: 0, family: 0, kind: 0, protocol: 0 };
    if let Some(hints) = hints.non_null() {
        let hints = hints.read().map_err(|_| WSAEFAULT)?;
        // AI_PASSIVE 1, AI_CANONNAME 2, AI_NUMERICHOST 4 agree; the others do not.
        wanted.flags = hints.flags & 7;
        for (bit, host) in [(0x8, 0x400), (0x400, 0x20), (0x800, 0x8), (0x100, 0x10)] {
            if hints.flags & bit != 0 {
                wanted.flags |= host;
            }
        }
        wanted.family = family_to_host(hints.family);
        wanted.kind = hints.kind;
        wanted.protocol = hints.protocol;
    }
    if node.is_none() && service.is_none() {
        return Err(11001);
    }
    // An empty name is this host.
    let node = match node {
        Some(name) if name.is_empty() || name == b"..localmachine" => Some(host::process::host_name().into_bytes()),
        other => other,
    };
    let service = service.filter(|service| !service.is_empty());
    let no_kind = wanted.kind == 0;
    let mut found = socket::look_up(node.as_deref(), service.as_deref(), &wanted).map_err(lookup_error)?;
    if no_kind {
        // Windows gives each address once, without a kind.
        found.retain(|found| found.kind == 1);
        for found in &mut found {
            if service.is_none() {
                (found.kind, found.protocol) = (0, 0);
            }
        }
    }
    Ok(found)
}

fn give(list: &[Found], wide: bool, to: Ptr<usize>) -> Result<(), Win32Error> {
    let mut next = 0;
    for found in list.iter().rev() {
        let address = address::from_host(found.address.clone());
        let room = size_of::<AddressInfo>();
        let block = guest_alloc(room + address.len())?;
        let name = match &found.canonical {
            None => 0,
            Some(name) if wide => guest_text(&abi::wide::from_host_bytes(name))?.addr(),
            Some(name) => {
                let text = guest_alloc(name.len() + 1)?;
                text.write_slice(name)?;
                text.addr()
            }
        };
        block.add(room).write_slice(&address)?;
        block.cast().write(AddressInfo {
            flags: 0,
            family: family_from_host(found.family),
            kind: found.kind,
            protocol: found.protocol,
            len: address.len(),
            name,
            address: block.add(room).addr(),
            next,
        })?;
        next = block.addr();
    }
    Ok(to.write(next)?)
}

fn look_up(node: Option<Vec<u8>>, service: Option<Vec<u8>>, hints: Ptr<AddressInfo>, wide: bool, to: Ptr<usize>) -> u32 {
    let _ = to.write(0);
    let error = match find(node, service, hints) {
        Ok(list) => give(&list, wide, to).err().map_or(0, |_| 8),
        Err(error) => error,
    };
    abi::teb::set_last_error(Win32Error(error));
    error
}

/// Looks a name up.
#[export(ws2_32, full)]
pub fn getaddrinfo(node: PCSTR, service: PCSTR, hints: Ptr<AddressInfo>, to: Ptr<usize>) -> u32 {
    let text = |text: PCSTR| if text.is_null() { None } else { text.read_bytes().ok() };
    look_up(text(node), text(service), hints, false, to)
}

/// Looks a name up.
#[export(ws2_32, full)]
pub fn GetAddrInfoW(node: PCWSTR, service: PCWSTR, hints: Ptr<AddressInfo>, to: Ptr<usize>) -> u32 {
    let text = |text: PCWSTR| {
        let text = if text.is_null() { None } else { text.read_wide().ok() }?;
        let text = String::from_utf16(&text).ok()?;
        Some(text.into_bytes())
    };
    look_up(text(node), text(service), hints, true, to)
}

/// Looks a name up; always at once.
#[export(ws2_32, partial("never asynchronous"))]
pub fn GetAddrInfoExW(
    node: PCWSTR,
    service: PCWSTR,
    _space: u32,
    _provider: Ptr<u8>,
    _hints: Ptr<u8>,
    _to: Ptr<usize>,
    _timeout: Ptr<u8>,
    _overlapped: Ptr<u8>,
    _routine: usize,
    _handle: Ptr<usize>,
) -> u32 {
    let _ = (node, service);
    WSAEOPNOTSUPP
}

/// Frees a look-up's results.
#[export(ws2_32, full)]
pub fn freeaddrinfo(list: Ptr<AddressInfo>) {
    let mut at = list;
    while !at.is_null() {
        let Ok(info) = at.read() else { return };
        guest_free(Ptr::new(info.name));
        guest_free(at.cast());
        at = Ptr::new(info.next);
    }
}

/// Frees a look-up's results.
#[export(ws2_32, full)]
pub fn FreeAddrInfoW(list: Ptr<AddressInfo>) {
    freeaddrinfo(list);
}

fn name_info(name: Ptr<u8>, len: i32, flags: i32) -> Result<(Vec<u8>, Vec<u8>), u32> {
    let bytes = address::read(name, len).map_err(|error| error.0)?;
    // NI_NOFQDN 1, NI_NUMERICHOST 2, NI_NAMEREQD 4, NI_NUMERICSERV 8, NI_DGRAM 16.
    let mut host = 0;
    for (bit, value) in [(1, 4), (2, 1), (4, 8), (8, 2), (16, 16)] {
        if flags & bit != 0 {
            host |= value;
        }
    }
    socket::name_of(&bytes, host).map_err(lookup_error)
}

fn give_name<T: Copy + Default>(text: &[T], to: Ptr<T>, size: u32) -> Result<(), u32> {
    if to.is_null() || size == 0 {
        return Ok(());
    }
    if size as usize <= text.len() {
        return Err(122);
    }
    to.write_slice(text).and_then(|()| to.add(text.len()).write(T::default())).map_err(|_| WSAEFAULT)
}

fn done(result: Result<(), u32>) -> u32 {
    let error = result.err().unwrap_or(0);
    abi::teb::set_last_error(Win32Error(error));
    error
}

/// Name and service of an address.
#[export(ws2_32, full)]
pub fn getnameinfo(name: Ptr<u8>, len: i32, node: PSTR, node_size: u32, service: PSTR, service_size: u32, flags: i32) -> u32 {
    done(name_info(name, len, flags).and_then(|(host, port)| {
        give_name(&host, node, node_size)?;
        give_name(&port, service, service_size)
    }))
}

/// Name and service of an address.
#[export(ws2_32, full)]
pub fn GetNameInfoW(name: Ptr<u8>, len: i32, node: PWSTR, node_size: u32, service: PWSTR, service_size: u32, flags: i32) -> u32 {
    done(name_info(name, len, flags).and_then(|(host, port)| {
        give_name(&abi::wide::from_host_bytes(&host), node, node_size)?;
        give_name(&abi::wide::from_host_bytes(&port), service, service_size)
    }))
}

/// This host's name.
#[export(ws2_32 + wsock32, full, ordinal = 57)]
pub fn gethostname(to: PSTR, size: i32) -> i32 {
    outcome(|| give_name(host::process::host_name().as_bytes(), to, size.max(0) as u32).map_err(|_| Error(WSAEFAULT)))
}

/// This host's name.
#[export(ws2_32, full)]
pub fn GetHostNameW(to: PWSTR, size: i32) -> i32 {
    outcome(|| give_name(&abi::wide::wide(&host::process::host_name()), to, size.max(0) as u32).map_err(|_| Error(WSAEFAULT)))
}

/// Byte order.
#[export(ws2_32 + wsock32, full, ordinal = 9)]
pub fn htons(value: u16) -> u16 {
    value.swap_bytes()
}

/// Byte order.
#[export(ws2_32 + wsock32, full, ordinal = 15)]
pub fn ntohs(value: u16) -> u16 {
    value.swap_bytes()
}

/// Byte order.
#[export(ws2_32 + wsock32, full, ordinal = 8)]
pub fn htonl(value: u32) -> u32 {
    value.swap_bytes()
}

/// Byte order.
#[export(ws2_32 + wsock32, full, ordinal = 14)]
pub fn ntohl(value: u32) -> u32 {
    value.swap_bytes()
}

/// A number of an old-style IPv4 address: decimal, octal or hexadecimal, one to four parts.
fn parse_ipv4(text: &str) -> Option<u32> {
    let number = |part: &str| -> Option<u32> {
        match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
            None => part.parse().ok(),
        }
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (&last, head) = parts.split_last()?;
    if head.len() > 3 || head.iter().any(|&part| part > 255) || u64::from(last) >= 1 << (8 * (4 - head.len())) {
        return None;
    }
    Some(head.iter().enumerate().fold(last, |value, (index, part)| value | part << (24 - 8 * index)))
}

/// Text to IPv4 address.
#[export(ws2_32, full, ordinal = 11)]
#[export(wsock32, full, ordinal = 10)]
pub fn inet_addr(text: PCSTR) -> u32 {
    let text = text.read_bytes().ok().and_then(|text| String::from_utf8(text).ok());
    text.and_then(|text| parse_ipv4(text.split(' ').next().unwrap_or(""))).map_or(u32::MAX, u32::swap_bytes)
}

thread_local! {
    /// What inet_ntoa, gethostbyname and the like return pointers into: guest memory of the thread's own.
    static SCRATCH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn scratch() -> Result<Ptr<u8>, Win32Error> {
    let mut at = SCRATCH.get();
    if at == 0 {
        at = guest_alloc(2048)?.addr();
        SCRATCH.set(at);
    }
    Ok(Ptr::new(at))
}

/// IPv4 address to text.
#[export(ws2_32, full, ordinal = 12)]
#[export(wsock32, full, ordinal = 11)]
pub fn inet_ntoa(address: u32) -> Result<Ptr<u8>, Win32Error> {
    let text = std::net::Ipv4Addr::from(address.swap_bytes()).to_string() + "\0";
    let at = scratch()?;
    at.write_slice(text.as_bytes())?;
    Ok(at)
}

fn parse(family: i32, text: &str) -> Option<Vec<u8>> {
    match family {
        2 => text.parse::<std::net::Ipv4Addr>().ok().map(|address| address.octets().to_vec()),
        23 => text.parse::<std::net::Ipv6Addr>().ok().map(|address| address.octets().to_vec()),
        _ => None,
    }
}

fn pton(family: i32, text: Option<String>, to: Ptr<u8>) -> i32 {
    if !matches!(family, 2 | 23) {
        abi::teb::set_last_error(Win32Error(WSAEAFNOSUPPORT));
        return -1;
    }
    match text.and_then(|text| parse(family, &text)) {
        Some(bytes) => to.write_slice(&bytes).map_or(-1, |()| 1),
        None => 0,
    }
}

/// Text to address.
#[export(ws2_32, full)]
pub fn inet_pton(family: i32, text: PCSTR, to: Ptr<u8>) -> i32 {
    pton(family, text.read_bytes().ok().and_then(|text| String::from_utf8(text).ok()), to)
}

/// Text to address.
#[export(ws2_32, full)]
pub fn InetPtonW(family: i32, text: PCWSTR, to: Ptr<u8>) -> i32 {
    pton(family, text.read_wide().ok().and_then(|text| String::from_utf16(&text).ok()), to)
}

fn ntop(family: i32, from: Ptr<u8>) -> Result<String, Win32Error> {
    Ok(match family {
        2 => std::net::Ipv4Addr::from(from.cast::<[u8; 4]>().read()?).to_string(),
        23 => std::net::Ipv6Addr::from(from.cast::<[u8; 16]>().read()?).to_string(),
        _ => return Err(Win32Error(WSAEAFNOSUPPORT)),
    })
}

/// Address to text.
#[export(ws2_32, full)]
pub fn inet_ntop(family: i32, from: Ptr<u8>, to: PSTR, size: usize) -> Result<PSTR, Win32Error> {
    let text = ntop(family, from)?;
    give_name(text.as_bytes(), to, size as u32).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    Ok(to)
}

/// Address to text.
#[export(ws2_32, full)]
pub fn InetNtopW(family: i32, from: Ptr<u8>, to: PWSTR, size: usize) -> Result<PWSTR, Win32Error> {
    let text = abi::wide::wide(&ntop(family, from)?);
    give_name(&text, to, size as u32).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    Ok(to)
}

fn address_text(name: Ptr<u8>) -> Result<String, Win32Error> {
    let head = name.cast::<[u8; 8]>().read()?;
    let port = u16::from_be_bytes([head[2], head[3]]);
    let family = i32::from(u16::from_le_bytes([head[0], head[1]]));
    let text = ntop(family, name.add(if family == 2 { 4 } else { 8 }))?;
    Ok(match (family, port) {
        (_, 0) => text,
        (2, port) => format!("{text}:{port}"),
        (_, port) => format!("[{text}]:{port}"),
    })
}

/// Address and port to text.
#[export(ws2_32, full)]
pub fn WSAAddressToStringW(name: Ptr<u8>, _len: u32, _info: Ptr<u8>, to: PWSTR, size: Ptr<u32>) -> i32 {
    outcome(|| {
        let text = abi::wide::wide(&address_text(name).map_err(|error| Error(error.0))?);
        let room = size.read()?;
        size.write(text.len() as u32 + 1)?;
        if (room as usize) <= text.len() { Err(Error(WSAEFAULT)) } else { give_name(&text, to, room).map_err(Error) }
    })
}

/// Address and port to text.
#[export(ws2_32, full)]
pub fn WSAAddressToStringA(name: Ptr<u8>, _len: u32, _info: Ptr<u8>, to: PSTR, size: Ptr<u32>) -> i32 {
    outcome(|| {
        let text = wide_to_ansi(&abi::wide::wide(&address_text(name).map_err(|error| Error(error.0))?));
        let room = size.read()?;
        size.write(text.len() as u32 + 1)?;
        if (room as usize) <= text.len() { Err(Error(WSAEFAULT)) } else { give_name(&text, to, room).map_err(Error) }
    })
}

fn string_to_address(text: &str, family: i32, to: Ptr<u8>, len: Ptr<i32>) -> Result<(), Error> {
    let bytes = match family {
        2 => {
            let (host, port) = text.split_once(':').unwrap_or((text, "0"));
            let address: std::net::Ipv4Addr = host.parse().map_err(|_| Error(WSAEINVAL))?;
            let port: u16 = port.parse().map_err(|_| Error(WSAEINVAL))?;
            let mut out = vec![2, 0];
            out.extend(port.to_be_bytes());
            out.extend(address.octets());
            out.resize(16, 0);
            out
        }
        23 => {
            let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("0")),
                None => (text, "0"),
            };
            let address: std::net::Ipv6Addr = host.parse().map_err(|_| Error(WSAEINVAL))?;
            let port: u16 = port.parse().map_err(|_| Error(WSAEINVAL))?;
            let mut out = vec![23, 0];
            out.extend(port.to_be_bytes());
            out.extend([0; 4]);
            out.extend(address.octets());
            out.resize(28, 0);
            out
        }
        _ => return Err(Error(WSAEAFNOSUPPORT)),
    };
    if (len.read()? as usize) < bytes.len() {
        return Err(Error(WSAEFAULT));
    }
    to.write_slice(&bytes)?;
    Ok(len.write(bytes.len() as i32)?)
}

/// Text to address and port.
#[export(ws2_32, full)]
pub fn WSAStringToAddressW(text: PCWSTR, family: i32, _info: Ptr<u8>, to: Ptr<u8>, len: Ptr<i32>) -> i32 {
    outcome(|| string_to_address(&abi::wide::display(&text.read_wide()?), family, to, len))
}

/// Text to address and port.
#[export(ws2_32, full)]
pub fn WSAStringToAddressA(text: PCSTR, family: i32, _info: Ptr<u8>, to: Ptr<u8>, len: Ptr<i32>) -> i32 {
    outcome(|| string_to_address(&String::from_utf8_lossy(&text.read_bytes()?), family, to, len))
}

/// hostent: name, aliases, type, length, addresses.
fn host_entry(name: &[u8], addresses: &[Vec<u8>]) -> Result<usize, Win32Error> {
    let base = scratch()?;
    let at = base.add(512);
    // Name at +256 (up to 250 bytes), list of addresses at +0, the addresses behind it.
    let name = &name[..name.len().min(250)];
    let count = addresses.len().min(16);
    let (list, data, text) = (at.add(64), at.add(256), at.add(640));
    text.write_slice(name)?;
    text.add(name.len()).write(0)?;
    for (index, address) in addresses.iter().take(count).enumerate() {
        data.add(index * 16).write_slice(address)?;
        list.cast::<usize>().add(index).write(data.add(index * 16).addr())?;
    }
    list.cast::<usize>().add(count).write(0)?;
    let none = at.add(48);
    none.cast::<usize>().write(0)?;
    at.cast::<usize>().write(text.addr())?;
    at.add(8).cast::<usize>().write(none.addr())?;
    at.add(16).cast::<[u16; 2]>().write([2, 4])?;
    at.add(24).cast::<usize>().write(list.addr())?;
    Ok(at.addr())
}

/// Looks a name up: IPv4 only.
#[export(ws2_32 + wsock32, full, ordinal = 52)]
pub fn gethostbyname(name: PCSTR) -> Result<usize, Win32Error> {
    let mut name = if name.is_null() { Vec::new() } else { name.read_bytes()? };
    if name.is_empty() {
        name = host::process::host_name().into_bytes();
    }
    let hints = Hints { flags: 2, family: 2, kind: 1, protocol: 0 };
    let found = socket::look_up(Some(&name), None, &hints).map_err(|error| Win32Error(lookup_error(error)))?;
    let addresses: Vec<Vec<u8>> = found.iter().filter_map(|found| found.address.get(4..8).map(<[u8]>::to_vec)).collect();
    let canonical = found.iter().find_map(|found| found.canonical.clone()).unwrap_or(name);
    host_entry(&canonical, &addresses)
}

/// The name of an IPv4 address.
#[export(ws2_32 + wsock32, partial("IPv4 only"), ordinal = 51)]
pub fn gethostbyaddr(address: Ptr<[u8; 4]>, _len: i32, family: i32) -> Result<usize, Win32Error> {
    if family != 2 {
        return Err(Win32Error(WSAEAFNOSUPPORT));
    }
    let address = address.read()?;
    let mut name = vec![2, 0, 0, 0];
    name.extend(address);
    name.resize(16, 0);
    let (host, _) = socket::name_of(&name, 8).map_err(|error| Win32Error(lookup_error(error)))?;
    host_entry(&host, &[address.to_vec()])
}

/// servent on 64 bits: name, aliases, protocol, port.
fn service_entry(found: Option<(Vec<u8>, u16, Vec<u8>)>) -> Result<usize, Win32Error> {
    let (name, port, protocol) = found.ok_or(Win32Error(11004))?;
    let at = scratch()?.add(1408);
    let (text, kind, none) = (at.add(64), at.add(192), at.add(48));
    for (to, bytes) in [(text, &name), (kind, &protocol)] {
        let bytes = &bytes[..bytes.len().min(100)];
        to.write_slice(bytes)?;
        to.add(bytes.len()).write(0)?;
    }
    none.cast::<usize>().write(0)?;
    at.cast::<[usize; 3]>().write([text.addr(), none.addr(), kind.addr()])?;
    at.add(24).cast::<u16>().write(port.to_be())?;
    Ok(at.addr())
}

/// The port of a service.
#[export(ws2_32 + wsock32, full, ordinal = 55)]
pub fn getservbyname(name: PCSTR, protocol: PCSTR) -> Result<usize, Win32Error> {
    let protocol = if protocol.is_null() { None } else { Some(protocol.read_bytes()?) };
    service_entry(socket::service(Some(&name.read_bytes()?), 0, protocol.as_deref()))
}

/// The service of a port.
#[export(ws2_32 + wsock32, full, ordinal = 56)]
pub fn getservbyport(port: u16, protocol: PCSTR) -> Result<usize, Win32Error> {
    let protocol = if protocol.is_null() { None } else { Some(protocol.read_bytes()?) };
    service_entry(socket::service(None, port.swap_bytes(), protocol.as_deref()))
}

failing! { ws2_32, "no protocol is known by name", 11004: getprotobyname getprotobynumber }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_addresses() {
        assert_eq!(parse_ipv4("127.0.0.1"), Some(0x7f00_0001));
        assert_eq!(parse_ipv4("127.1"), Some(0x7f00_0001));
        assert_eq!(parse_ipv4("0x7f000001"), Some(0x7f00_0001));
        assert_eq!(parse_ipv4("256.0.0.1"), None);
    }
}
