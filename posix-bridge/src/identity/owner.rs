//! The owners that files seem to have where the guest seems to be root.
//!
//! On the host all are the same user's. An owner that the guest has given to a file is an extended attribute of it (xattr(7)), so that
//! it lasts, and moves with the file; without one it is root's. Files that cannot have one (links, special files) are always root's.

use super::{Identity, SAME};
use crate::args::Addr;
use crate::call::Call;
use crate::vfs::resolve::magic;
use host::linux;
use host::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

const ATTRIBUTE: &CStr = c"user.uosrun.owner";
/// Where `struct stat` and `struct statx` have user and group, side by side.
const STAT: usize = std::mem::offset_of!(libc::stat, st_uid);
const STATX: usize = std::mem::offset_of!(libc::statx, stx_uid);
const _: () = assert!(std::mem::offset_of!(libc::stat, st_gid) == STAT + 4 && std::mem::offset_of!(libc::statx, stx_gid) == STATX + 4);

/// A path that leads to what a directory and a name mean, or to the descriptor's own file where the name is empty. A link is not
/// followed by calls that begin with l.
fn path_of(dir: RawFd, name: &CStr) -> Result<CString> {
    match (dir, name.to_bytes()) {
        (libc::AT_FDCWD, []) => Ok(c".".to_owned()),
        (libc::AT_FDCWD, name) | (_, name @ [b'/', ..]) => CString::new(name).map_err(|_| Errno::EINVAL),
        (_, []) => Ok(magic(dir)),
        (_, name) => CString::new([magic(dir).to_bytes(), b"/", name].concat()).map_err(|_| Errno::EINVAL),
    }
}

/// The owner that is remembered for a file.
fn remembered(path: &CStr, follow: bool) -> Option<[u32; 2]> {
    let number = if follow { libc::SYS_getxattr } else { libc::SYS_lgetxattr };
    let mut value = [0u8; 8];
    let args = [path.as_ptr() as usize, ATTRIBUTE.as_ptr() as usize, value.as_mut_ptr() as usize, value.len(), 0, 0];
    if linux::pass(number, args) != Ok(value.len()) {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = value;
    Some([u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])])
}

/// The owner that a file seems to have, of whom the host says that it is `host`.
fn seen(identity: &Identity, host: [u32; 2], dir: RawFd, name: &CStr) -> [u32; 2] {
    let known = if host[0] != identity.host[0] { None } else { path_of(dir, name).ok().and_then(|path| remembered(&path, name.is_empty())) };
    let or_root = |index: usize| if host[index] == identity.host[index] { 0 } else { host[index] };
    known.unwrap_or_else(|| [or_root(0), or_root(1)])
}

fn identity(call: &Call) -> Option<Identity> {
    if call.process.emulates_root { call.process.identity.lock().clone() } else { None }
}

/// The facts of stat(2) that the host has written are made those that the guest is to see.
pub fn show_stat(call: &Call, stat: Addr, dir: RawFd, name: &CStr) -> Result<()> {
    show(call, stat.plus(STAT), dir, name)
}

/// The same for statx(2).
pub fn show_statx(call: &Call, statx: Addr, dir: RawFd, name: &CStr) -> Result<()> {
    show(call, statx.plus(STATX), dir, name)
}

fn show(call: &Call, at: Addr, dir: RawFd, name: &CStr) -> Result<()> {
    match identity(call) {
        Some(identity) => at.write(seen(&identity, at.read()?, dir, name)),
        None => Ok(()),
    }
}

/// The owner that the file of a descriptor seems to have.
pub fn of(identity: &Identity, fd: RawFd) -> Result<[u32; 2]> {
    let stat = linux::fstat(fd)?;
    Ok(seen(identity, [stat.st_uid, stat.st_gid], fd, c""))
}

fn remember(path: &CStr, mode: u32, owner: [u32; 2]) -> Result<()> {
    let [a, b, c, d] = owner[0].to_le_bytes();
    let [e, f, g, h] = owner[1].to_le_bytes();
    let value = [a, b, c, d, e, f, g, h];
    let (path, name) = (path.as_ptr() as usize, ATTRIBUTE.as_ptr() as usize);
    let act = || match owner {
        [0, 0] => linux::pass(libc::SYS_removexattr, [path, name, 0, 0, 0, 0]),
        _ => linux::pass(libc::SYS_setxattr, [path, name, value.as_ptr() as usize, value.len(), 0, 0]),
    };
    let change_mode = |mode: u32| linux::pass(libc::SYS_fchmodat, [libc::AT_FDCWD as usize, path, mode as usize, 0, 0, 0]);
    let mut done = act();
    if done == Err(Errno::EACCES) {
        // An attribute needs the right to write; a file that nobody may write has an owner all the same.
        change_mode(mode & 0o7777 | libc::S_IWUSR)?;
        done = act();
        change_mode(mode & 0o7777)?;
    }
    match done {
        Ok(_) | Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno(libc::ENODATA)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// chown(2) of what a descriptor stands for, which may be open for its path only. None: the host is to do it.
pub fn change(call: &Call, fd: RawFd, user: u32, group: u32) -> Option<Result<usize>> {
    let identity = identity(call)?;
    Some(change_as(&identity, fd, user, group))
}

fn change_as(identity: &Identity, fd: RawFd, user: u32, group: u32) -> Result<usize> {
    let stat = linux::fstat(fd)?;
    let now = seen(identity, [stat.st_uid, stat.st_gid], fd, c"");
    let wanted = [if user == SAME { now[0] } else { user }, if group == SAME { now[1] } else { group }];
    let among = |group: u32| identity.groups[super::FILES] == group || identity.others.contains(&group);
    let own = now[0] == identity.users[super::FILES] && wanted[0] == now[0] && (wanted[1] == now[1] || among(wanted[1]));
    if !(identity.is_root() || own) {
        return Err(Errno::EPERM);
    }
    if stat.st_uid != identity.host[0] {
        // Another user's, such as a device: as long as nothing is to change.
        return if wanted == now { Ok(0) } else { Err(Errno::EPERM) };
    }
    let kind = stat.st_mode & libc::S_IFMT;
    let path = magic(fd);
    let mut mode = stat.st_mode & 0o7777;
    if kind == libc::S_IFREG && mode & 0o111 != 0 {
        // The bits that give a program its owner's rights are gone (chown(2)).
        mode &= !(libc::S_ISUID | if mode & libc::S_IXGRP != 0 { libc::S_ISGID } else { 0 });
        if mode != stat.st_mode & 0o7777 {
            linux::pass(libc::SYS_fchmodat, [libc::AT_FDCWD as usize, path.as_ptr() as usize, mode as usize, 0, 0, 0])?;
        }
    }
    if kind == libc::S_IFREG || kind == libc::S_IFDIR {
        remember(&path, mode, wanted)?;
    }
    Ok(0)
}

/// Whether new files are to belong to somebody else than root.
pub fn gives(call: &Call) -> bool {
    call.process.emulates_root && call.process.identity.lock().as_ref().is_some_and(|identity| identity.of_files() != [0, 0])
}

/// A file was made: it belongs to whoever made it.
pub fn made(call: &Call, dir: RawFd, name: &CStr) {
    let Some(identity) = identity(call).filter(|identity| identity.of_files() != [0, 0]) else { return };
    let Ok(path) = path_of(dir, name) else { return };
    let stat = if name.is_empty() { linux::fstat(dir) } else { linux::fstatat(dir, name, libc::AT_SYMLINK_NOFOLLOW) };
    if let Ok(stat) = stat
        && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR)
    {
        let _ = remember(&path, stat.st_mode, identity.of_files());
    }
}

/// access(2) of what a descriptor stands for. None: the host is to say.
pub fn access(call: &Call, fd: RawFd, mode: i32, effective: bool) -> Option<Result<usize>> {
    let identity = identity(call)?;
    let [user, group] = match effective {
        true => identity.of_files(),
        false => [identity.users[super::REAL], identity.groups[super::REAL]],
    };
    let stat = match linux::fstat(fd) {
        Ok(stat) => stat,
        Err(error) => return Some(Err(error)),
    };
    let [owner, owning_group] = seen(&identity, [stat.st_uid, stat.st_gid], fd, c"");
    let bits = if user == owner {
        stat.st_mode >> 6
    } else if group == owning_group || identity.others.contains(&owning_group) {
        stat.st_mode >> 3
    } else {
        stat.st_mode
    };
    let is_dir = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    // Root may do all, but run only what somebody may run.
    let may = if user != 0 { bits & 7 } else { 6 | u32::from(is_dir || stat.st_mode & 0o111 != 0) };
    Some(if mode as u32 & !may == 0 { Ok(0) } else { Err(Errno::EACCES) })
}
