//! Who is at the other end of a local socket (unix(7), SO_PEERCRED and SCM_CREDENTIALS), where the guest seems to be root: the kernel knows
//! of the host's user only. The other process is who it seems to be at the moment of the question.

use crate::args::{Addr, Fd};
use crate::call::Call;
use crate::identity::peer;
use host::{Errno, Result};

/// `struct ucred`.
type Ucred = [u32; 3];

/// What the guest is to see instead of credentials that the kernel has given.
pub fn show(call: &Call, at: Addr) -> Result<()> {
    let identity = call.process.identity.lock();
    let Some(identity) = identity.as_ref() else { return Ok(()) };
    let [pid, user, group] = at.read::<Ucred>()?;
    let [host_user, host_group] = identity.host();
    // Of one that is gone nobody knows; it was most likely root.
    let [seen_user, seen_group] = peer::of(call.vfs, pid).ok().flatten().unwrap_or_default();
    at.write([pid, if user == host_user { seen_user } else { user }, if group == host_group { seen_group } else { group }])
}

/// Credentials that the guest sends become such as the kernel lets it send.
pub fn send(call: &Call, bytes: &mut [u8]) {
    let identity = call.process.identity.lock();
    let Some(identity) = identity.as_ref() else { return };
    for (to, id) in bytes[4..].chunks_exact_mut(4).zip(identity.host()) {
        to.copy_from_slice(&id.to_ne_bytes());
    }
}

/// socket(2), where the guest seems to be root: the kernel has no auditing, to which root alone may write (netlink(7)).
pub fn socket(call: &mut Call, family: i32, _kind: i32, protocol: i32) -> Result<usize> {
    if call.process.emulates_root && family == libc::AF_NETLINK && protocol == libc::NETLINK_AUDIT {
        return Err(Errno(libc::EPROTONOSUPPORT));
    }
    call.pass(call.args)
}

/// getsockopt(2)
pub fn getsockopt(call: &mut Call, _fd: Fd, level: i32, option: i32, value: Addr, len: Addr) -> Result<usize> {
    let done = call.pass(call.args)?;
    if level == libc::SOL_SOCKET && option == libc::SO_PEERCRED && len.read::<u32>()? as usize == size_of::<Ucred>() {
        show(call, value)?;
    }
    Ok(done)
}

/// Makes a call with a message whose control data has the guest's credentials, if it has any, as the kernel wants them. `control`: where
/// the data is.
pub fn with_control<T>(call: &Call, control: Addr, len: usize, act: impl FnOnce(usize) -> Result<T>) -> Result<T> {
    /// More than the kernel takes (net.core.optmem_max is less).
    const MOST: usize = 1 << 20;
    if !call.process.emulates_root || control.is_null() || len > MOST {
        return act(control.0);
    }
    let mut bytes = vec![0u8; len];
    control.read_bytes(&mut bytes)?;
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 16) {
        let word = |at: usize| i32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (len, level, kind) = (word(0) as usize, word(8), word(12));
        if len < 16 {
            break;
        }
        if level == libc::SOL_SOCKET
            && kind == libc::SCM_CREDENTIALS
            && let Some(credentials) = bytes.get_mut(at + 16..at + 28)
        {
            send(call, credentials);
        }
        at += len.next_multiple_of(8);
    }
    act(bytes.as_ptr() as usize)
}
