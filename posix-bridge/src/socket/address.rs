//! Addresses of local sockets that are paths (unix(7)).
//!
//! The host's socket is bound or found through the descriptor of its directory: the kernel is given
//! `/proc/self/fd/N/name`. It remembers that text, so addresses that come back are turned into what the guest bound: in the
//! process that bound, the guest's own text; in others the name alone.

use crate::args::Addr;
use crate::call::Call;
use crate::vfs::resolve::{Last, magic};
use host::linux;
use host::{Errno, Result};
use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, PoisonError};

/// Offset of the path, and its room.
const PATH: usize = std::mem::offset_of!(libc::sockaddr_un, sun_path);
const ROOM: usize = size_of::<libc::sockaddr_un>() - PATH;
/// What begins every address of ours.
const OURS: &[u8] = b"/proc/self/fd/";

/// What this process has bound: the kernel's text and the guest's.
static BOUND: Mutex<Vec<(Vec<u8>, Vec<u8>)>> = Mutex::new(Vec::new());

/// A local socket's path as the guest gives it.
pub struct Address(CString);

/// A `sockaddr_un`; its bytes up to a length.
fn sockaddr(path: &[u8]) -> Result<([u8; size_of::<libc::sockaddr_un>()], usize)> {
    let mut bytes = [0; size_of::<libc::sockaddr_un>()];
    bytes[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
    bytes.get_mut(PATH..PATH + path.len()).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(path);
    let with_nul = usize::from(path.len() < ROOM);
    Ok((bytes, PATH + path.len() + with_nul))
}

impl Address {
    /// The path in an address, if it is a local one with a path: neither without a name nor an abstract name.
    pub fn read(address: Addr, len: u32) -> Result<Option<Address>> {
        let len = len as usize;
        if len < PATH || len > size_of::<libc::sockaddr_un>() || i32::from(address.read::<u16>()?) != libc::AF_UNIX {
            return Ok(None);
        }
        let mut bytes = vec![0; len - PATH];
        address.plus(PATH).read_bytes(&mut bytes)?;
        match bytes.iter().position(|&c| c == 0).unwrap_or(bytes.len()) {
            0 => Ok(None),
            end => Ok(CString::new(&bytes[..end]).ok().map(Address)),
        }
    }

    /// Binds a socket to the path.
    pub fn bind(self, call: &Call, fd: RawFd) -> Result<usize> {
        let in_use = |e| if e == Errno::EEXIST { Errno::EADDRINUSE } else { e };
        let entry = call.vfs.entry_to_change(libc::AT_FDCWD, &self.0, Errno::EADDRINUSE).map_err(in_use)?;
        // The directory's descriptor may be the guest's current directory, which has no number.
        let held;
        let dir = match entry.dir.raw() {
            libc::AT_FDCWD => {
                held = linux::openat(libc::AT_FDCWD, c".", libc::O_PATH | libc::O_CLOEXEC, 0)?;
                held.as_raw_fd()
            }
            fd => fd,
        };
        let text = [OURS, dir.to_string().as_bytes(), b"/", entry.name.bytes()].concat();
        let (bytes, len) = sockaddr(&text)?;
        linux::pass(libc::SYS_bind, [fd as usize, bytes.as_ptr() as usize, len, 0, 0, 0])?;
        let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
        bound.retain(|(known, _)| *known != text);
        bound.push((text, self.0.into_bytes()));
        Ok(0)
    }

    /// Calls `act` with an address of the host's that leads to the socket that the path leads to.
    pub fn with_socket(self, call: &Call, act: impl FnOnce(usize, usize) -> Result<usize>) -> Result<usize> {
        let node = call.vfs.node(libc::AT_FDCWD, &self.0, Last::Follow)?;
        call.vfs.writable(node.mount)?;
        let (bytes, len) = sockaddr(magic(node.fd.as_raw_fd()).to_bytes())?;
        act(bytes.as_ptr() as usize, len)
    }
}

/// How many bytes the guest has room for in an address that is about to be written.
pub fn room(address: Addr, len: Addr) -> usize {
    if address.is_null() || len.is_null() { 0 } else { len.read::<u32>().unwrap_or(0) as usize }
}

/// Writes the guest's text over an address of ours that the kernel has written.
pub fn give_back(address: Addr, len: Addr, room: usize) {
    let Ok(used) = len.read::<u32>() else { return };
    if room == 0 {
        return;
    }
    if let Some(used) = translate(address, used as usize, room) {
        let _ = len.write(used as u32);
    }
}

/// As [`give_back`], for a length that is not in memory of its own: the new one.
pub fn translate(address: Addr, used: usize, room: usize) -> Option<usize> {
    let shown = used.min(room);
    if shown < PATH + OURS.len() || address.read::<u16>().ok()? != libc::AF_UNIX as u16 {
        return None;
    }
    let mut bytes = [0; size_of::<libc::sockaddr_un>()];
    let shown = shown.min(bytes.len());
    address.read_bytes(&mut bytes[..shown]).ok()?;
    let text = &bytes[PATH..shown];
    let text = &text[..text.iter().position(|&c| c == 0).unwrap_or(text.len())];
    if !text.starts_with(OURS) {
        return None;
    }
    let bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let own = bound.iter().find(|(known, _)| known == text).map(|(_, own)| own.clone());
    drop(bound);
    let own = own.unwrap_or_else(|| text.rsplit(|&c| c == b'/').next().unwrap_or_default().to_vec());
    let (bytes, len) = sockaddr(&own).ok()?;
    address.write_bytes(&bytes[..len.min(room)]).ok()?;
    Some(len)
}
