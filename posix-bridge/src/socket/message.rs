//! Messages with headers: sendmsg(2), recvmsg(2) and their forms for several.

use super::address::{Address, translate};
use super::{credentials, keep_out};
use crate::args::{Addr, Fd};
use crate::call::Call;
use host::{Errno, Result};

/// `struct msghdr` as addresses.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    name: usize,
    name_len: u32,
    _pad: u32,
    vectors: usize,
    vector_count: usize,
    control: usize,
    control_len: usize,
    flags: u32,
    _pad2: u32,
}

/// `struct mmsghdr`: a header and how much was sent or received.
const MANY: usize = size_of::<Header>() + 8;
/// `struct cmsghdr`: length, level, type.
const CONTROL_HEADER: usize = 16;

/// sendmsg(2)
pub fn sendmsg(call: &mut Call, fd: Fd, message: Addr, flags: i32) -> Result<usize> {
    send(call, fd, message, flags)
}

fn send(call: &Call, fd: Fd, message: Addr, flags: i32) -> Result<usize> {
    let header: Header = message.read()?;
    let pass = |header: Header| call.wait_as(libc::SYS_sendmsg, [fd.0 as usize, &raw const header as usize, flags as usize, 0, 0, 0]);
    credentials::with_control(call, Addr(header.control), header.control_len, |control| {
        let header = Header { control, ..header };
        match if header.name == 0 { None } else { Address::read(Addr(header.name), header.name_len)? } {
            Some(path) => path.with_socket(call, |address, len| pass(Header { name: address, name_len: len as u32, ..header })),
            None => pass(header),
        }
    })
}

/// sendmmsg(2)
pub fn sendmmsg(call: &mut Call, fd: Fd, messages: Addr, count: u32, flags: i32) -> Result<usize> {
    let named = call.process.emulates_root
        || (0..count.min(1024) as usize).any(|i| messages.plus(i * MANY).read::<usize>().is_ok_and(|name| name != 0));
    if !named {
        return call.wait([fd.0 as usize, messages.0, count as usize, flags as usize, 0, 0]);
    }
    for i in 0..count.min(1024) as usize {
        let message = messages.plus(i * MANY);
        match send(call, fd, message, flags).and_then(|sent| message.plus(size_of::<Header>()).write(sent as u32)) {
            Ok(()) => {}
            Err(e) if i == 0 => return Err(e),
            Err(_) => return Ok(i),
        }
    }
    Ok(count.min(1024) as usize)
}

/// recvmsg(2)
pub fn recvmsg(call: &mut Call, fd: Fd, message: Addr, flags: i32) -> Result<usize> {
    let before: Header = message.read()?;
    let received = call.wait([fd.0 as usize, message.0, flags as usize, 0, 0, 0])?;
    arrived(call, message, before.name_len)?;
    Ok(received)
}

/// recvmmsg(2)
pub fn recvmmsg(call: &mut Call, fd: Fd, messages: Addr, count: u32, flags: i32, timeout: Addr) -> Result<usize> {
    let count = count.min(1024) as usize;
    let mut rooms = Vec::with_capacity(count);
    for i in 0..count {
        rooms.push(messages.plus(i * MANY).read::<Header>()?.name_len);
    }
    let received = call.wait([fd.0 as usize, messages.0, count, flags as usize, timeout.0, 0])?;
    for (i, room) in rooms.into_iter().enumerate().take(received) {
        arrived(call, messages.plus(i * MANY), room)?;
    }
    Ok(received)
}

/// Looks at what came beside the data: the sender's address and descriptors.
fn arrived(call: &Call, message: Addr, room: u32) -> Result<()> {
    let header: Header = message.read()?;
    if header.name != 0
        && let Some(len) = translate(Addr(header.name), header.name_len as usize, room as usize)
    {
        message.plus(std::mem::offset_of!(Header, name_len)).write(len as u32)?;
    }
    let mut at = 0;
    while at + CONTROL_HEADER <= header.control_len {
        let control = Addr(header.control).plus(at);
        let len: usize = control.read()?;
        let [level, kind]: [i32; 2] = control.plus(8).read()?;
        if len < CONTROL_HEADER || len > header.control_len - at {
            break;
        }
        if level == libc::SOL_SOCKET && kind == libc::SCM_CREDENTIALS && len >= CONTROL_HEADER + 12 {
            credentials::show(call, control.plus(CONTROL_HEADER))?;
        }
        if level == libc::SOL_SOCKET && kind == libc::SCM_RIGHTS {
            for i in (CONTROL_HEADER..len - len % 4).step_by(4) {
                match keep_out(call, control.plus(i).read()?) {
                    Ok(()) | Err(Errno::EBADF) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        at += len.next_multiple_of(8);
    }
    Ok(())
}
