//! winsock2.h: the functions on sockets.

use super::address::{self, Form, option};
use super::*;
use abi::{BOOL, GuestFn, NTSTATUS, Ptr, export};
use host::socket::{self, Poll};
use windows_sys::Win32::Networking::WinSock::{SO_PROTOCOL_INFOA, SO_PROTOCOL_INFOW, SOL_SOCKET, WSAPROTOCOL_INFOW};

/// Starts Winsock.
#[export(ws2_32 + wsock32, full, ordinal = 115)]
pub fn WSAStartup(version: u16, data: Ptr<u8>) -> u32 {
    // WSADATA on 64 bits: versions, counts, vendor pointer, description, status.
    let mut bytes = vec![0u8; 408];
    let (major, minor) = (version & 0xff, version >> 8);
    let used = if major > 2 || (major == 2 && minor > 2) { 0x0202 } else { version };
    if major == 0 {
        return 10092;
    }
    bytes[..2].copy_from_slice(&used.to_le_bytes());
    bytes[2..4].copy_from_slice(&0x0202u16.to_le_bytes());
    bytes[16..28].copy_from_slice(b"WinSock 2.0\0");
    bytes[273..281].copy_from_slice(b"Running\0");
    if data.write_slice(&bytes).is_err() { WSAEFAULT } else { 0 }
}

/// Ends Winsock.
#[export(ws2_32 + wsock32, full, ordinal = 116)]
pub fn WSACleanup() -> i32 {
    0
}

/// The thread's last error.
#[export(ws2_32 + wsock32, full, ordinal = 111)]
pub fn WSAGetLastError() -> u32 {
    abi::teb::last_error().0
}

/// Sets the thread's last error.
#[export(ws2_32 + wsock32, full, ordinal = 112)]
pub fn WSASetLastError(error: u32) {
    abi::teb::set_last_error(Win32Error(error));
}

fn create(family: i32, kind: i32, protocol: i32, inherit: bool) -> HANDLE {
    handle(|| {
        let family = if family == 0 { 2 } else { address::family_to_host(family) };
        let fd = socket::create(family, kind, protocol)?;
        let file = File::of_fd(fd, ntdll::access::FILE_ALL_ACCESS);
        Ok(ntdll::object::insert_inheritable(Arc::new(file), ntdll::access::FILE_ALL_ACCESS, inherit))
    })
}

/// Makes a socket.
#[export(ws2_32 + wsock32, full, ordinal = 23)]
pub fn socket(family: i32, kind: i32, protocol: i32) -> HANDLE {
    create(family, kind, protocol, true)
}

/// Makes a socket.
#[export(ws2_32, partial("no sockets of other processes (WSADuplicateSocket)"))]
pub fn WSASocketW(family: i32, kind: i32, protocol: i32, _info: Ptr<u8>, _group: u32, flags: u32) -> HANDLE {
    // WSA_FLAG_NO_HANDLE_INHERIT
    create(family, kind, protocol, flags & 0x80 == 0)
}

/// Makes a socket.
#[export(ws2_32, partial("no sockets of other processes (WSADuplicateSocket)"))]
pub fn WSASocketA(family: i32, kind: i32, protocol: i32, _info: Ptr<u8>, _group: u32, flags: u32) -> HANDLE {
    create(family, kind, protocol, flags & 0x80 == 0)
}

/// Closes a socket.
#[export(ws2_32 + wsock32, full, ordinal = 3)]
pub fn closesocket(s: HANDLE) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        // Who waits in another thread learns of it.
        ntdll::file::cancel(&file, None);
        unwatch(&file);
        drop(file);
        ntdll::object::close(s).map_err(|_| Error(WSAENOTSOCK))
    })
}

/// Gives a socket its own address.
#[export(ws2_32 + wsock32, full, ordinal = 2)]
pub fn bind(s: HANDLE, name: Ptr<u8>, len: i32) -> i32 {
    outcome(|| Ok(socket::bind(socket_of(s)?.fd(), &address::read(name, len)?)?))
}

/// Connects.
#[export(ws2_32 + wsock32, full, ordinal = 4)]
pub fn connect(s: HANDLE, name: Ptr<u8>, len: i32) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        let result = socket::connect(file.fd(), &address::read(name, len)?);
        rearm(&file, FD_CONNECT | FD_WRITE | FD_READ | FD_CLOSE);
        ntdll::file::pending::stir(&file);
        Ok(result?)
    })
}

/// Connects.
#[export(ws2_32, full)]
pub fn WSAConnect(s: HANDLE, name: Ptr<u8>, len: i32, _caller: Ptr<u8>, _callee: Ptr<u8>, _sqos: Ptr<u8>, _gqos: Ptr<u8>) -> i32 {
    connect(s, name, len)
}

/// Takes connections from now on.
#[export(ws2_32 + wsock32, full, ordinal = 13)]
pub fn listen(s: HANDLE, backlog: i32) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        socket::listen(file.fd(), backlog)?;
        rearm(&file, FD_ACCEPT);
        ntdll::file::pending::stir(&file);
        Ok(())
    })
}

/// Takes a connection.
#[export(ws2_32 + wsock32, full, ordinal = 1)]
pub fn accept(s: HANDLE, name: Ptr<u8>, len: Ptr<i32>) -> HANDLE {
    handle(|| {
        let file = socket_of(s)?;
        let accepted = socket::accept(file.fd());
        rearm(&file, FD_ACCEPT);
        ntdll::file::pending::stir(&file);
        let (fd, from) = accepted?;
        if socket::is_nonblocking(file.fd()) {
            socket::set_nonblocking(std::os::fd::AsRawFd::as_raw_fd(&fd), true)?;
        }
        address::write(from, name, len)?;
        Ok(ntdll::object::insert_inheritable(
            Arc::new(File::of_fd(fd, ntdll::access::FILE_ALL_ACCESS)),
            ntdll::access::FILE_ALL_ACCESS,
            true,
        ))
    })
}

/// Takes a connection.
#[export(ws2_32, partial("no condition function"))]
pub fn WSAAccept(s: HANDLE, name: Ptr<u8>, len: Ptr<i32>, _condition: GuestFn, _data: usize) -> HANDLE {
    accept(s, name, len)
}

/// The socket's own address.
#[export(ws2_32 + wsock32, full, ordinal = 6)]
pub fn getsockname(s: HANDLE, name: Ptr<u8>, len: Ptr<i32>) -> i32 {
    outcome(|| {
        let own = socket::name(socket_of(s)?.fd(), false)?;
        // A socket that is not bound has no address yet.
        if own.len() >= 4 && own[2..].iter().all(|&byte| byte == 0) {
            return Err(Error(WSAEINVAL));
        }
        address::write(own, name, len)
    })
}

/// The peer's address.
#[export(ws2_32 + wsock32, full, ordinal = 5)]
pub fn getpeername(s: HANDLE, name: Ptr<u8>, len: Ptr<i32>) -> i32 {
    outcome(|| address::write(socket::name(socket_of(s)?.fd(), true)?, name, len))
}

/// Ends sending, receiving or both.
#[export(ws2_32 + wsock32, full, ordinal = 22)]
pub fn shutdown(s: HANDLE, how: i32) -> i32 {
    outcome(|| Ok(socket::shutdown(socket_of(s)?.fd(), how)?))
}

/// MSG_OOB, MSG_PEEK and MSG_DONTROUTE have the host's numbers; MSG_WAITALL has not.
fn flags(flags: i32) -> i32 {
    flags & 7 | if flags & 8 != 0 { 0x100 } else { 0 }
}

fn send_one(file: &Arc<File>, addr: usize, len: usize, how: i32, to: Option<&[u8]>) -> Result<usize, Error> {
    let result = socket::send(file.fd(), addr, len, how, to).map_err(Error::from);
    if result == Err(Error(WSAEWOULDBLOCK)) {
        rearm(file, FD_WRITE);
    }
    result
}

/// Sends.
#[export(ws2_32 + wsock32, full, ordinal = 19)]
pub fn send(s: HANDLE, data: Ptr<u8>, len: i32, how: i32) -> i32 {
    count(|| Ok(send_one(&socket_of(s)?, data.addr(), len as usize, flags(how), None)? as i32))
}

/// Sends to an address.
#[export(ws2_32 + wsock32, full, ordinal = 20)]
pub fn sendto(s: HANDLE, data: Ptr<u8>, len: i32, how: i32, to: Ptr<u8>, to_len: i32) -> i32 {
    count(|| {
        let to = if to.is_null() { None } else { Some(address::read(to, to_len)?) };
        Ok(send_one(&socket_of(s)?, data.addr(), len as usize, flags(how), to.as_deref())? as i32)
    })
}

fn receive(file: &Arc<File>, addr: usize, len: usize, how: i32) -> Result<(usize, Vec<u8>), Error> {
    let result = socket::receive(file.fd(), addr, len, how | if how & 0x100 == 0 { socket_trunc(file) } else { 0 });
    rearm(file, FD_READ | FD_CLOSE);
    let (got, from) = result?;
    if got > len {
        return Err(Error(WSAEMSGSIZE));
    }
    Ok((got, from))
}

/// MSG_TRUNC makes a datagram socket tell a message's whole length; for streams it means another thing.
fn socket_trunc(file: &File) -> i32 {
    match socket::option(file.fd(), 1, 3, 4) {
        Ok(kind) if kind.first() == Some(&2) => socket::TRUNC,
        _ => 0,
    }
}

/// Receives.
#[export(ws2_32 + wsock32, full, ordinal = 16)]
pub fn recv(s: HANDLE, to: Ptr<u8>, len: i32, how: i32) -> i32 {
    count(|| Ok(receive(&socket_of(s)?, to.addr(), len as usize, flags(how))?.0 as i32))
}

/// Receives, and tells from whom.
#[export(ws2_32 + wsock32, full, ordinal = 17)]
pub fn recvfrom(s: HANDLE, to: Ptr<u8>, len: i32, how: i32, from: Ptr<u8>, from_len: Ptr<i32>) -> i32 {
    count(|| {
        let (got, sender) = receive(&socket_of(s)?, to.addr(), len as usize, flags(how))?;
        if !sender.is_empty() {
            address::write(sender, from, from_len)?;
        }
        Ok(got as i32)
    })
}

/// WSABUF: length and address.
type Buffer = [u64; 2];

fn buffers(list: Ptr<Buffer>, count: u32) -> Result<Vec<(usize, usize)>, Error> {
    Ok(list.read_vec(count as usize)?.iter().map(|&[len, addr]| (addr as usize, len as u32 as usize)).collect())
}

/// Sends what several buffers hold, in one message.
fn send_all(file: &Arc<File>, list: &[(usize, usize)], how: i32, to: Option<&[u8]>) -> Result<usize, Error> {
    if let [(addr, len)] = *list {
        return send_one(file, addr, len, how, to);
    }
    let mut whole = Vec::new();
    for &(addr, len) in list {
        whole.extend(Ptr::<u8>::new(addr).read_vec(len)?);
    }
    send_one(file, whole.as_ptr() as usize, whole.len(), how, to)
}

fn receive_all(file: &Arc<File>, list: &[(usize, usize)], how: i32) -> Result<(usize, Vec<u8>), Error> {
    if let [(addr, len)] = *list {
        return receive(file, addr, len, how);
    }
    let total = list.iter().map(|(_, len)| len).sum();
    let mut whole = vec![0u8; total];
    let (got, from) = receive(file, whole.as_mut_ptr() as usize, total, how)?;
    let mut rest = &whole[..got];
    for &(addr, len) in list {
        let (part, next) = rest.split_at(len.min(rest.len()));
        Ptr::<u8>::new(addr).write_slice(part)?;
        rest = next;
    }
    Ok((got, from))
}

/// None while the socket is not ready.
fn when_ready<T>(result: Result<T, Error>) -> Option<Result<T, Error>> {
    match result {
        Err(Error(WSAEWOULDBLOCK)) => None,
        other => Some(other),
    }
}

/// Sends several buffers, perhaps overlapped.
#[export(ws2_32, partial("no completion routine"))]
pub fn WSASend(s: HANDLE, list: Ptr<Buffer>, buffers_count: u32, sent: Ptr<u32>, how: u32, overlapped: usize, _routine: GuestFn) -> i32 {
    WSASendTo(s, list, buffers_count, sent, how, Ptr::NULL, 0, overlapped, GuestFn::NULL)
}

/// Sends several buffers to an address, perhaps overlapped.
#[export(ws2_32, partial("no completion routine"))]
pub fn WSASendTo(
    s: HANDLE,
    list: Ptr<Buffer>,
    buffers_count: u32,
    sent: Ptr<u32>,
    how: u32,
    to: Ptr<u8>,
    to_len: i32,
    overlapped: usize,
    _routine: GuestFn,
) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        let list = buffers(list, buffers_count)?;
        let to = if to.is_null() { None } else { Some(address::read(to, to_len)?) };
        let how = flags(how as i32);
        if overlapped == 0 {
            sent.write_opt(send_all(&file, &list, how, to.as_deref())? as u32)?;
            return Ok(());
        }
        // A stream may take a part only: go on until all is sent.
        let mut left = list;
        let mut done = 0;
        let socket = file.clone();
        let attempt = move || loop {
            match when_ready(send_all(&socket, &left, how | socket::DONT_WAIT, to.as_deref()))? {
                Ok(mut sent) => {
                    done += sent;
                    while let Some((addr, len)) = left.first_mut() {
                        if sent < *len {
                            *addr += sent;
                            *len -= sent;
                            break;
                        }
                        sent -= *len;
                        left.remove(0);
                    }
                    if left.is_empty() {
                        return Some(Ok(done));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        };
        if let Some(bytes) = start(file, socket::OUT, overlapped, Box::new(attempt))? {
            sent.write_opt(bytes as u32)?;
        }
        Ok(())
    })
}

/// Receives into several buffers, perhaps overlapped.
#[export(ws2_32, partial("no completion routine"))]
pub fn WSARecv(
    s: HANDLE,
    list: Ptr<Buffer>,
    buffers_count: u32,
    got: Ptr<u32>,
    how: Ptr<u32>,
    overlapped: usize,
    _routine: GuestFn,
) -> i32 {
    WSARecvFrom(s, list, buffers_count, got, how, Ptr::NULL, Ptr::NULL, overlapped, GuestFn::NULL)
}

/// Receives into several buffers and tells from whom, perhaps overlapped.
#[export(ws2_32, partial("no completion routine"))]
pub fn WSARecvFrom(
    s: HANDLE,
    list: Ptr<Buffer>,
    buffers_count: u32,
    got: Ptr<u32>,
    how: Ptr<u32>,
    from: Ptr<u8>,
    from_len: Ptr<i32>,
    overlapped: usize,
    _routine: GuestFn,
) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        let list = buffers(list, buffers_count)?;
        let flags = if how.is_null() { 0 } else { flags(how.read()? as i32) };
        if overlapped == 0 {
            let (bytes, sender) = receive_all(&file, &list, flags)?;
            if !sender.is_empty() {
                address::write(sender, from, from_len)?;
            }
            how.write_opt(0)?;
            return Ok(got.write_opt(bytes as u32)?);
        }
        let socket = file.clone();
        let attempt = move || {
            // No buffer: only wait until there is something.
            if list.iter().all(|(_, len)| *len == 0) {
                let mut poll = [Poll { fd: socket.fd(), events: socket::IN, got: 0 }];
                return match socket::poll(&mut poll, 0) {
                    Ok(0) => None,
                    _ => Some(Ok(0)),
                };
            }
            Some(match when_ready(receive_all(&socket, &list, flags | socket::DONT_WAIT))? {
                Ok((bytes, sender)) if !sender.is_empty() => address::write(sender, from, from_len).map(|()| bytes),
                Ok((bytes, _)) => Ok(bytes),
                Err(error) => Err(error),
            })
        };
        if let Some(bytes) = start(file, socket::IN, overlapped, Box::new(attempt))? {
            got.write_opt(bytes as u32)?;
        }
        Ok(())
    })
}

/// The result of an overlapped operation.
#[export(ws2_32, full)]
pub fn WSAGetOverlappedResult(s: HANDLE, overlapped: Ptr<usize>, bytes: Ptr<u32>, wait: BOOL, how: Ptr<u32>) -> Result<(), Win32Error> {
    let file = socket_of(s).map_err(|error| Win32Error(error.0))?;
    let pending = || -> Result<bool, Win32Error> { Ok(overlapped.read()? as u32 == NTSTATUS::PENDING.0) };
    if pending()? {
        if !wait.0 {
            // WSA_IO_INCOMPLETE
            return Err(Win32Error::IO_INCOMPLETE);
        }
        let event = overlapped.add(3).read()? & !1;
        while pending()? {
            if event != 0 {
                ntdll::sync::wait_for_handle(HANDLE(event), false, None)?;
            } else {
                let object: Arc<dyn ntdll::object::Object> = file.clone();
                ntdll::wait::wait_one(&object, false, None)?;
            }
        }
    }
    bytes.write_opt(overlapped.add(1).read()? as u32)?;
    how.write_opt(0)?;
    match NTSTATUS(overlapped.read()? as u32) {
        status if status.is_ok() => Ok(()),
        status => Err(status.into()),
    }
}

/// Sets an option.
#[export(ws2_32 + wsock32, partial("the common options"), ordinal = 21)]
pub fn setsockopt(s: HANDLE, level: i32, name: i32, value: Ptr<u8>, len: i32) -> i32 {
    outcome(|| {
        let fd = socket_of(s)?.fd();
        // SO_DONTLINGER is the opposite of SO_LINGER; SO_UPDATE_* and others have no effect.
        if (level, name) == (0xffff, !0x80) {
            return Ok(());
        }
        let (host_level, host_name, form) = option(level, name).ok_or(Error(WSAENOPROTOOPT))?;
        let number = || -> Result<u32, Error> {
            Ok(match len {
                1..=3 => value.read()?.into(),
                4.. => value.cast::<u32>().read()?,
                _ => return Err(Error(WSAEFAULT)),
            })
        };
        let bytes = match form {
            Form::Ignored => return Ok(()),
            Form::Number => number()?.to_le_bytes().to_vec(),
            Form::Time => {
                let ms = u64::from(number()?);
                [(ms / 1000).to_le_bytes(), (ms % 1000 * 1000).to_le_bytes()].concat()
            }
            Form::Linger => {
                let [on, seconds] = value.cast::<[u16; 2]>().read()?;
                [i32::from(on).to_le_bytes(), i32::from(seconds).to_le_bytes()].concat()
            }
            Form::Bytes => value.read_vec(len.max(0) as usize)?,
        };
        // SO_REUSEADDR on Windows lets several sockets share a port; for servers the host's meaning is the safe one.
        Ok(socket::set_option(fd, host_level, host_name, &bytes)?)
    })
}

/// The catalogue's entry for a socket.
fn protocol_info(fd: i32) -> Result<WSAPROTOCOL_INFOW, Error> {
    let number = |name| socket::number_option(fd, socket::SOL_SOCKET, name).map(|value| value as i32);
    let mut info = protocols::of_socket(address::family_from_host(number(socket::SO_DOMAIN)?), number(socket::SO_TYPE)?)
        .ok_or(Error(WSAENOPROTOOPT))?;
    info.iProtocol = number(socket::SO_PROTOCOL)?;
    Ok(info)
}

fn give_whole<T: Copy>(to: Ptr<u8>, len: Ptr<i32>, value: T) -> Result<(), Error> {
    if (len.read()?.max(0) as usize) < size_of::<T>() {
        return Err(Error(WSAEFAULT));
    }
    to.cast::<T>().write(value)?;
    Ok(len.write(size_of::<T>() as i32)?)
}

/// An option's value.
#[export(ws2_32 + wsock32, partial("the common options"), ordinal = 7)]
pub fn getsockopt(s: HANDLE, level: i32, name: i32, value: Ptr<u8>, len: Ptr<i32>) -> i32 {
    outcome(|| {
        let fd = socket_of(s)?.fd();
        let room = len.read()?.max(0) as usize;
        if level == SOL_SOCKET && (name == SO_PROTOCOL_INFOA || name == SO_PROTOCOL_INFOW) {
            let info = protocol_info(fd)?;
            return match name {
                SO_PROTOCOL_INFOW => give_whole(value, len, info),
                _ => give_whole(value, len, protocols::narrow(&info)),
            };
        }
        let (host_level, host_name, form) = option(level, name).ok_or(Error(WSAENOPROTOOPT))?;
        let as_number = |bytes: &[u8]| bytes.get(..4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let bytes = match (level, name, form) {
            (.., Form::Ignored) => 0u32.to_le_bytes().to_vec(),
            (0xffff, 0x1007, _) => match as_number(&socket::option(fd, host_level, host_name, 4)?) {
                0 => vec![0; 4],
                errno => Error::from(Errno(errno as i32)).0.to_le_bytes().to_vec(),
            },
            (.., Form::Time) => {
                let time = socket::option(fd, host_level, host_name, 16)?;
                let part =
                    |at: usize| time.get(at..at + 8).map_or(0, |b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
                ((part(0) * 1000 + part(8) / 1000) as u32).to_le_bytes().to_vec()
            }
            (.., Form::Linger) => {
                let linger = socket::option(fd, host_level, host_name, 8)?;
                vec![linger[0], linger[1], linger[4], linger[5]]
            }
            _ => socket::option(fd, host_level, host_name, 64)?,
        };
        let take = bytes.len().min(room);
        value.write_slice(&bytes[..take])?;
        Ok(len.write(take as i32)?)
    })
}

const FIONBIO: u32 = 0x8004_667e;
const FIONREAD: u32 = 0x4004_667f;
const SIOCATMARK: u32 = 0x4004_7307;

/// Blocking or not, bytes that can be read.
#[export(ws2_32, full, ordinal = 10)]
#[export(wsock32, full, ordinal = 12)]
pub fn ioctlsocket(s: HANDLE, command: u32, argument: Ptr<u32>) -> i32 {
    outcome(|| {
        let fd = socket_of(s)?.fd();
        match command {
            FIONBIO => Ok(socket::set_nonblocking(fd, argument.read()? != 0)?),
            FIONREAD => Ok(argument.write(host::file::available(fd)? as u32)?),
            SIOCATMARK => Ok(argument.write(1)?),
            _ => Err(Error(WSAEOPNOTSUPP)),
        }
    })
}

/// Functions that are found by identifier: SIO_GET_EXTENSION_FUNCTION_POINTER.
fn extension(guid: [u8; 16]) -> Option<&'static str> {
    Some(match u32::from_le_bytes([guid[0], guid[1], guid[2], guid[3]]) {
        0xb536_7df1 => "AcceptEx",
        0x25a2_07b9 => "ConnectEx",
        0x7fda_2e11 => "DisconnectEx",
        0xb536_7df2 => "GetAcceptExSockaddrs",
        0xb536_7df0 => "TransmitFile",
        _ => return None,
    })
}

/// Control codes.
#[export(ws2_32, partial("extension functions, blocking, bytes to read; others are accepted without effect or refused"))]
pub fn WSAIoctl(
    s: HANDLE,
    command: u32,
    input: Ptr<u8>,
    _input_size: u32,
    output: Ptr<u8>,
    output_size: u32,
    got: Ptr<u32>,
    _overlapped: usize,
    _routine: GuestFn,
) -> i32 {
    outcome(|| {
        socket_of(s)?;
        match command {
            0xc800_0006 => {
                let name = extension(input.cast::<[u8; 16]>().read()?).ok_or(Error(WSAEOPNOTSUPP))?;
                // The address that the guest may call is that in the DLL's image.
                let address = ntdll::ldr::builtin_address("mswsock.dll", name).ok_or(Error(WSAEOPNOTSUPP))?;
                output.cast::<usize>().write(address)?;
                Ok(got.write_opt(8)?)
            }
            FIONBIO | FIONREAD => match ioctlsocket(s, command, if command == FIONBIO { input.cast() } else { output.cast() }) {
                0 => Ok(got.write_opt(4)?),
                _ => Err(Error(WSAGetLastError())),
            },
            // SIO_KEEPALIVE_VALS, SIO_UDP_CONNRESET, SIO_LOOPBACK_FAST_PATH, SIO_UDP_NETRESET
            0x9800_0004 | 0x9800_000c | 0x9800_0010 | 0x9800_000f => Ok(got.write_opt(0)?),
            // SIO_BASE_HANDLE, SIO_BSP_HANDLE, _SELECT, _POLL: no layers.
            0x4800_0022 | 0x4800_001b | 0x4800_001c | 0x4800_001d if output_size >= 8 => {
                output.cast::<usize>().write(s.0)?;
                Ok(got.write_opt(8)?)
            }
            _ => Err(Error(WSAEOPNOTSUPP)),
        }
    })
}

/// fd_set: a count and handles.
fn set_of(set: Ptr<u32>) -> Result<Vec<HANDLE>, Error> {
    if set.is_null() {
        return Ok(Vec::new());
    }
    let count = set.read()?.min(0x1_0000) as usize;
    Ok(set.byte_add(8).cast::<usize>().read_vec(count)?.into_iter().map(HANDLE).collect())
}

fn write_set(set: Ptr<u32>, handles: &[usize]) -> Result<(), Error> {
    if !set.is_null() {
        set.write(handles.len() as u32)?;
        set.byte_add(8).cast::<usize>().write_slice(handles)?;
    }
    Ok(())
}

/// Waits until some of the sockets are ready.
#[export(ws2_32 + wsock32, full, ordinal = 18)]
pub fn select(_count: i32, read: Ptr<u32>, write: Ptr<u32>, except: Ptr<u32>, timeout: Ptr<[i32; 2]>) -> i32 {
    count(|| {
        let sets = [set_of(read)?, set_of(write)?, set_of(except)?];
        if sets.iter().all(Vec::is_empty) {
            return Err(Error(WSAEINVAL));
        }
        let mut list = Vec::new();
        let mut files = Vec::new();
        for (set, events) in sets.iter().zip([socket::IN, socket::OUT, socket::PRI]) {
            for &handle in set {
                let file = socket_of(handle)?;
                list.push(Poll { fd: file.fd(), events, got: 0 });
                files.push(file);
            }
        }
        let ms = match timeout.non_null() {
            Some(timeout) => {
                let [seconds, us] = timeout.read()?;
                i32::try_from(i64::from(seconds) * 1000 + (i64::from(us) + 999) / 1000).unwrap_or(i32::MAX)
            }
            None => -1,
        };
        socket::poll(&mut list, ms)?;
        let mut at = 0;
        let mut total = 0;
        for (index, (set, to)) in sets.iter().zip([read, write, except]).enumerate() {
            // A connection that failed shows in the third set only.
            let wanted = match index {
                0 => socket::IN | socket::HUP | socket::ERR,
                1 => socket::OUT,
                _ => socket::PRI | socket::ERR,
            };
            let mut ready = Vec::new();
            for &handle in set {
                let got = list[at].got;
                let failed_connect = got & socket::ERR != 0 && !socket::was_connected(files[at].fd());
                if got & wanted != 0 && !(index == 1 && failed_connect) {
                    ready.push(handle.0);
                }
                at += 1;
            }
            total += ready.len() as i32;
            write_set(to, &ready)?;
        }
        Ok(total)
    })
}

/// Whether a set holds a socket.
#[export(ws2_32 + wsock32, full, ordinal = 151)]
pub fn __WSAFDIsSet(s: HANDLE, set: Ptr<u32>) -> i32 {
    set_of(set).is_ok_and(|set| set.contains(&s)).into()
}

/// Waits until some of the sockets are ready (WSAPOLLFD: handle, events, results).
#[export(ws2_32, full)]
pub fn WSAPoll(list: Ptr<[u64; 2]>, entries: u32, ms: i32) -> i32 {
    count(|| {
        // POLLRDNORM 0x100, POLLRDBAND 0x200, POLLWRNORM 0x10, POLLERR 1, POLLHUP 2, POLLNVAL 4.
        let values = list.read_vec(entries as usize)?;
        let mut polls = Vec::with_capacity(values.len());
        let mut files = Vec::new();
        for &[handle, events] in &values {
            let events = events as u16;
            let mut wanted = 0;
            if events & 0x100 != 0 {
                wanted |= socket::IN;
            }
            if events & 0x200 != 0 {
                wanted |= socket::PRI;
            }
            if events & 0x10 != 0 {
                wanted |= socket::OUT;
            }
            match socket_of(HANDLE(handle as usize)) {
                Ok(file) => {
                    polls.push(Poll { fd: file.fd(), events: wanted, got: 0 });
                    files.push(file);
                }
                Err(_) => polls.push(Poll { fd: -1, events: 0, got: socket::NVAL }),
            }
        }
        let invalid: Vec<bool> = polls.iter().map(|poll| poll.fd < 0).collect();
        socket::poll(&mut polls, if invalid.contains(&true) { 0 } else { ms })?;
        let mut ready = 0;
        for (index, poll) in polls.iter().enumerate() {
            let mut got = 0u16;
            for (bit, value) in [(socket::IN, 0x100), (socket::PRI, 0x200), (socket::OUT, 0x10), (socket::ERR, 1), (socket::HUP, 2)] {
                if poll.got & bit != 0 {
                    got |= value;
                }
            }
            if invalid[index] {
                got = 4;
            }
            ready += i32::from(got != 0);
            list.add(index).byte_add(10).cast::<u16>().write(got)?;
        }
        Ok(ready)
    })
}

/// Events and their handles are those of kernel32.
#[export(ws2_32, full)]
pub fn WSACreateEvent() -> HANDLE {
    ntdll::object::insert(Arc::new(ntdll::sync::Event::new(true, false)), ntdll::access::EVENT_ALL_ACCESS)
}

/// Closes an event.
#[export(ws2_32, full)]
pub fn WSACloseEvent(event: HANDLE) -> Result<(), Win32Error> {
    Ok(ntdll::object::close(event)?)
}

/// Sets an event.
#[export(ws2_32, full)]
pub fn WSASetEvent(event: HANDLE) -> Result<(), Win32Error> {
    ntdll::object::with::<ntdll::sync::Event, _>(event, 2, |event| event.set())?;
    Ok(())
}

/// Resets an event.
#[export(ws2_32, full)]
pub fn WSAResetEvent(event: HANDLE) -> Result<(), Win32Error> {
    ntdll::object::with::<ntdll::sync::Event, _>(event, 2, |event| event.reset())?;
    Ok(())
}

/// Waits for events.
#[export(ws2_32, full)]
pub fn WSAWaitForMultipleEvents(entries: u32, events: Ptr<usize>, all: BOOL, ms: u32, alertable: BOOL) -> u32 {
    let wait = || -> Result<u32, NTSTATUS> {
        let handles: Vec<HANDLE> = events.read_vec(entries as usize)?.into_iter().map(HANDLE).collect();
        let timeout = if ms == u32::MAX { None } else { Some(-i64::from(ms) * 10_000) };
        Ok(ntdll::sync::wait_for_handles(&handles, all.0, alertable.0, timeout)?.0)
    };
    wait().unwrap_or_else(|status| {
        abi::teb::set_last_error(status.into());
        u32::MAX
    })
}

constants! { ws2_32, "fails (SOCKET_ERROR): no window messages for sockets": WSAAsyncSelect = usize::MAX; }
constants! { ws2_32, "fails (SOCKET_ERROR): sockets are not passed to other processes": WSADuplicateSocketW = usize::MAX; WSADuplicateSocketA = usize::MAX; }
constants! { ws2_32, "fails (SOCKET_ERROR): no catalogue": WSASendMsg = usize::MAX; WSALookupServiceBeginW = usize::MAX; WSALookupServiceNextW = usize::MAX; WSALookupServiceEnd = 0; WSCGetProviderPath = usize::MAX; }

/// Signals an event when a socket is ready; the socket does not block from now on.
/// <https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaeventselect>
#[export(ws2_32, partial("no FD_OOB, FD_QOS and the like"))]
pub fn WSAEventSelect(s: HANDLE, event: HANDLE, mask: u32) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        socket::set_nonblocking(file.fd(), true)?;
        let event = if event.is_null() { None } else { Some(ntdll::object::get(event, 0).map_err(|_| Error(6))?) };
        watch(&file, event, mask)
    })
}

/// Tells and forgets what a socket has signalled; resets the event.
#[export(ws2_32, full)]
pub fn WSAEnumNetworkEvents(s: HANDLE, event: HANDLE, to: Ptr<[u32; 11]>) -> i32 {
    outcome(|| {
        let file = socket_of(s)?;
        if !event.is_null() {
            ntdll::object::with::<ntdll::sync::Event, _>(event, 0, |event| event.reset()).map_err(|_| Error(6))?;
        }
        let (bits, error) = take_events(&file).unwrap_or((0, 0));
        let mut out = [0u32; 11];
        out[0] = bits;
        // Errors follow, one for each bit: FD_CONNECT_BIT is 4.
        out[5] = error;
        Ok(to.write(out)?)
    })
}

/// Takes a connection into a socket that is made already, overlapped.
#[export(mswsock, partial("no data with the connection"))]
pub fn AcceptEx(
    listener: HANDLE,
    s: HANDLE,
    to: Ptr<u8>,
    _receive: u32,
    own_len: u32,
    peer_len: u32,
    bytes: Ptr<u32>,
    overlapped: usize,
) -> BOOL {
    let work = || -> Result<(), Error> {
        let file = socket_of(listener)?;
        socket_of(s)?;
        bytes.write_opt(0)?;
        let listener = file.clone();
        socket::set_nonblocking(file.fd(), true)?;
        let attempt = move || {
            Some(match when_ready(socket::accept(listener.fd()).map_err(Error::from))? {
                Ok((fd, peer)) => (|| {
                    let own = socket::name(std::os::fd::AsRawFd::as_raw_fd(&fd), false)?;
                    socket::set_nonblocking(std::os::fd::AsRawFd::as_raw_fd(&fd), false)?;
                    // The handle stands for the connection from now on; a port that it was bound to is kept.
                    let new = Arc::new(File::of_fd(fd, ntdll::access::FILE_ALL_ACCESS));
                    if let Ok(old) = socket_of(s) {
                        *new.completion.lock() = old.completion.lock().clone();
                    }
                    ntdll::object::replace(s, new).map_err(|_| Error(WSAENOTSOCK))?;
                    if !to.is_null() {
                        let mut out = vec![0u8; (own_len + peer_len) as usize];
                        for (address, at, room) in [(own, 0, own_len), (peer, own_len, peer_len)] {
                            let address = address::from_host(address);
                            let len = address.len().min(room as usize);
                            out[at as usize..at as usize + len].copy_from_slice(&address[..len]);
                        }
                        to.write_slice(&out)?;
                    }
                    Ok(0)
                })(),
                Err(error) => Err(error),
            })
        };
        start(file, socket::IN, overlapped, Box::new(attempt)).map(drop)
    };
    BOOL(outcome(work) == 0)
}

/// The addresses that AcceptEx has written.
#[export(mswsock, full)]
pub fn GetAcceptExSockaddrs(
    buffer: Ptr<u8>,
    receive: u32,
    own_len: u32,
    _peer_len: u32,
    own: Ptr<usize>,
    own_size: Ptr<i32>,
    peer: Ptr<usize>,
    peer_size: Ptr<i32>,
) {
    let first = buffer.add(receive as usize);
    let second = first.add(own_len as usize);
    let size = |at: Ptr<u8>| if at.cast::<u16>().read() == Ok(address::AF_INET6) { 28 } else { 16 };
    let _ = own.write_opt(first.addr());
    let _ = own_size.write_opt(size(first));
    let _ = peer.write_opt(second.addr());
    let _ = peer_size.write_opt(size(second));
}

/// Connects, overlapped.
#[export(mswsock, partial("no data with the connection"))]
pub fn ConnectEx(s: HANDLE, name: Ptr<u8>, len: i32, _data: Ptr<u8>, _size: u32, sent: Ptr<u32>, overlapped: usize) -> BOOL {
    let work = || -> Result<(), Error> {
        let file = socket_of(s)?;
        let name = address::read(name, len)?;
        sent.write_opt(0)?;
        let blocking = !socket::is_nonblocking(file.fd());
        socket::set_nonblocking(file.fd(), true)?;
        let begun = socket::connect(file.fd(), &name).map_err(Error::from);
        ntdll::file::pending::stir(&file);
        let socket = file.clone();
        let mut first = Some(begun);
        let attempt = move || {
            let result = match first.take() {
                Some(Ok(())) => Ok(0),
                Some(Err(Error(WSAEWOULDBLOCK))) => return None,
                Some(Err(error)) => Err(error),
                None => match socket::option(socket.fd(), 1, 4, 4) {
                    Ok(value) if value.iter().all(|&byte| byte == 0) => Ok(0),
                    Ok(value) => Err(Error::from(Errno(i32::from(value[0])))),
                    Err(errno) => Err(errno.into()),
                },
            };
            if blocking {
                let _ = socket::set_nonblocking(socket.fd(), false);
            }
            Some(result)
        };
        start(file, socket::OUT, overlapped, Box::new(attempt)).map(drop)
    };
    BOOL(outcome(work) == 0)
}

/// Ends a connection.
#[export(mswsock, partial("the socket cannot be used again"))]
pub fn DisconnectEx(s: HANDLE, overlapped: usize, _flags: u32, _reserved: u32) -> BOOL {
    let work = || -> Result<(), Error> {
        let file = socket_of(s)?;
        let _ = socket::shutdown(file.fd(), 2);
        if overlapped != 0 {
            complete(&file, overlapped, Ok(0));
        }
        Ok(())
    };
    BOOL(outcome(work) == 0)
}

failing! { mswsock, "fails: not there", 50: TransmitFile TransmitPackets WSARecvEx }
