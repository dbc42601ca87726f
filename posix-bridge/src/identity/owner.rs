//! The owners and modes that files seem to have where the guest seems to be root.
//!
//! On the host all are the same user's, who needs the rights of an owner to whatever root may do: a file's true mode has them always.
//! An owner that the guest has given to a file, and a mode without such rights, are an extended attribute of it (xattr(7)), so that they
//! last, and move with the file; without one it is root's. Files that cannot have one (links, special files) are always root's.

use super::{Capability, Identity, SAME, peer};
use crate::args::Addr;
use crate::call::Call;
use crate::engine::Process;
use crate::vfs::resolve::{Last, magic};
use host::linux;
use host::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

const ATTRIBUTE: &CStr = c"user.uosrun.owner";
/// As many bytes has the attribute: user, group, mode, device, each of 4 but the last of 8.
const RECORD: usize = 20;
const STAT_MODE: usize = std::mem::offset_of!(libc::stat, st_mode);
const STATX_MODE: usize = std::mem::offset_of!(libc::statx, stx_mode);
/// Where `struct stat` and `struct statx` have user and group, side by side.
const STAT: usize = std::mem::offset_of!(libc::stat, st_uid);
const STATX: usize = std::mem::offset_of!(libc::statx, stx_uid);
const _: () = assert!(std::mem::offset_of!(libc::stat, st_gid) == STAT + 4 && std::mem::offset_of!(libc::statx, stx_gid) == STATX + 4);
/// The bits of a mode that are not the file's kind.
const BITS: u32 = 0o7777;

/// What a file seems to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Facts {
    user: u32,
    group: u32,
    /// With the file's kind.
    mode: u32,
    /// Of a device, which is an empty file on the host.
    device: u64,
}

impl Facts {
    fn kind(self) -> u32 {
        self.mode & libc::S_IFMT
    }

    /// Whether it is a device that is none on the host: root has made it.
    fn is_device(self) -> bool {
        matches!(self.kind(), libc::S_IFCHR | libc::S_IFBLK)
    }

    /// Whether there can be an attribute.
    fn can_be_kept(self) -> bool {
        matches!(self.kind(), libc::S_IFREG | libc::S_IFDIR) || self.is_device()
    }

    /// The bits that the host is told: with them its user may do what root may, and nobody gets this user's rights by a program that
    /// is to give away another's.
    fn true_bits(self) -> u32 {
        let is_dir = self.kind() == libc::S_IFDIR;
        let kept = if is_dir { BITS } else { BITS & !(libc::S_ISUID | libc::S_ISGID) };
        self.mode & kept | 0o600 | if is_dir || self.mode & 0o111 != 0 { 0o100 } else { 0 }
    }

    fn bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let words = [self.user, self.group, self.mode, self.device as u32, (self.device >> 32) as u32];
        bytes.chunks_exact_mut(4).zip(words).for_each(|(to, word)| to.copy_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// What a file seems to be of which the host says `stat`.
    fn of(identity: &Identity, stat: &libc::stat, dir: RawFd, name: &CStr) -> Facts {
        let host = [stat.st_uid, stat.st_gid];
        let (user, group) = (identity.not_host(0, host[0]), identity.not_host(1, host[1]));
        let facts = Facts { user, group, mode: stat.st_mode, device: stat.st_rdev };
        if host[0] != identity.host[0] || !matches!(facts.kind(), libc::S_IFREG | libc::S_IFDIR) {
            return facts;
        }
        let mut value = [0u8; RECORD];
        let known = path_of(dir, name).is_ok_and(|path| {
            let number = if name.is_empty() { libc::SYS_getxattr } else { libc::SYS_lgetxattr };
            let args = [path.as_ptr() as usize, ATTRIBUTE.as_ptr() as usize, value.as_mut_ptr() as usize, value.len(), 0, 0];
            linux::pass(number, args) == Ok(value.len())
        });
        if !known {
            return facts;
        }
        let word = |at: usize| u32::from_le_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
        let kept = Facts { user: word(0), group: word(4), mode: word(8), device: u64::from(word(12)) | u64::from(word(16)) << 32 };
        // A mode that something outside has changed counts.
        let mode = if kept.true_bits() == stat.st_mode & BITS { kept.mode & BITS } else { stat.st_mode & BITS };
        let kind = if kept.is_device() && facts.kind() == libc::S_IFREG { kept.kind() } else { facts.kind() };
        Facts { mode: kind | mode, ..kept }
    }

    /// What is in /proc/PID belongs to whom the process seems to be.
    fn of_process(self, call: &Call, dir: RawFd, name: &CStr) -> Facts {
        let is_proc = call.vfs.proc().is_ok_and(|proc| proc.fd.as_raw_fd() == dir);
        let pid = name.to_bytes().split(|&c| c == b'/').next().and_then(crate::dirent::number).filter(|_| is_proc && self.user == 0);
        match pid.and_then(|pid| peer::of(call.vfs, pid as u32).ok().flatten()) {
            Some([user, group]) => Facts { user, group, ..self },
            None => self,
        }
    }

    /// Has the file be what it is to seem to be.
    fn keep(self, path: &CStr, true_mode: u32) -> Result<()> {
        let at = path.as_ptr() as usize;
        if self.true_bits() != true_mode & BITS {
            linux::pass(libc::SYS_fchmodat, [libc::AT_FDCWD as usize, at, self.true_bits() as usize, 0, 0, 0])?;
        }
        let (name, value) = (ATTRIBUTE.as_ptr() as usize, self.bytes());
        let plain = self.user == 0 && self.group == 0 && self.true_bits() == self.mode & BITS && !self.is_device();
        let done = match plain {
            true => linux::pass(libc::SYS_removexattr, [at, name, 0, 0, 0, 0]),
            false => linux::pass(libc::SYS_setxattr, [at, name, value.as_ptr() as usize, value.len(), 0, 0]),
        };
        match done {
            Ok(_) | Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno(libc::ENODATA)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Identity {
    /// A user (0) or group (1) of the host's as the guest sees it.
    fn not_host(&self, kind: usize, id: u32) -> u32 {
        if id == self.host[kind] { 0 } else { id }
    }
}

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

fn identity(call: &Call) -> Option<Identity> {
    if call.process.emulates_root { call.process.identity.lock().clone() } else { None }
}

/// The facts of stat(2) that the host has written are made those that the guest is to see.
pub fn show_stat(call: &Call, stat: Addr, dir: RawFd, name: &CStr) -> Result<()> {
    let Some(identity) = identity(call) else { return Ok(()) };
    let facts = Facts::of(&identity, &stat.read()?, dir, name).of_process(call, dir, name);
    stat.plus(STAT_MODE).write(facts.mode)?;
    stat.plus(std::mem::offset_of!(libc::stat, st_rdev)).write(facts.device)?;
    stat.plus(STAT).write([facts.user, facts.group])
}

/// The same for statx(2).
pub fn show_statx(call: &Call, statx: Addr, dir: RawFd, name: &CStr) -> Result<()> {
    let Some(identity) = identity(call) else { return Ok(()) };
    let mut stat = if name.is_empty() { linux::fstat(dir)? } else { linux::fstatat(dir, name, libc::AT_SYMLINK_NOFOLLOW)? };
    [stat.st_uid, stat.st_gid] = statx.plus(STATX).read()?;
    let facts = Facts::of(&identity, &stat, dir, name).of_process(call, dir, name);
    statx.plus(STATX_MODE).write(facts.mode as u16)?;
    let (major, minor) = (libc::major(facts.device), libc::minor(facts.device));
    statx.plus(std::mem::offset_of!(libc::statx, stx_rdev_major)).write([major, minor])?;
    statx.plus(STATX).write([facts.user, facts.group])
}

/// The mode and the owner that the file of a descriptor seems to have.
pub fn of(identity: &Identity, fd: RawFd) -> Result<(u32, [u32; 2])> {
    let facts = Facts::of(identity, &linux::fstat(fd)?, fd, c"");
    Ok((facts.mode, [facts.user, facts.group]))
}

/// chown(2) of what a descriptor stands for, which may be open for its path only. None: the host is to do it.
pub fn change(call: &Call, fd: RawFd, user: u32, group: u32) -> Option<Result<usize>> {
    let identity = identity(call)?;
    Some(change_owner(&identity, fd, user, group))
}

fn change_owner(identity: &Identity, fd: RawFd, user: u32, group: u32) -> Result<usize> {
    let stat = linux::fstat(fd)?;
    let now = Facts::of(identity, &stat, fd, c"");
    let mut new = Facts { user: if user == SAME { now.user } else { user }, group: if group == SAME { now.group } else { group }, ..now };
    let among = |group: u32| identity.groups[super::FILES] == group || identity.others.contains(&group);
    let own = now.user == identity.users[super::FILES] && new.user == now.user && (new.group == now.group || among(new.group));
    if !(identity.can(Capability::Chown) || own) {
        return Err(Errno::EPERM);
    }
    if stat.st_uid != identity.host[0] {
        // Another user's, such as a device: as long as nothing is to change.
        return if new == now { Ok(0) } else { Err(Errno::EPERM) };
    }
    if new.kind() == libc::S_IFREG && new.mode & 0o111 != 0 {
        // The bits that give a program its owner's rights are gone (chown(2)).
        new.mode &= !(libc::S_ISUID | if new.mode & libc::S_IXGRP != 0 { libc::S_ISGID } else { 0 });
    }
    if new.can_be_kept() {
        new.keep(&magic(fd), stat.st_mode)?;
    }
    Ok(0)
}

/// chmod(2) of what a descriptor stands for. None: the host is to do it.
pub fn change_mode(call: &Call, fd: RawFd, mode: u32) -> Option<Result<usize>> {
    let identity = identity(call)?;
    let stat = match linux::fstat(fd) {
        Ok(stat) => stat,
        Err(error) => return Some(Err(error)),
    };
    let now = Facts::of(&identity, &stat, fd, c"");
    if !now.can_be_kept() || stat.st_uid != identity.host[0] {
        return None;
    }
    if !identity.can(Capability::Fowner) && now.user != identity.users[super::FILES] {
        return Some(Err(Errno::EPERM));
    }
    let new = Facts { mode: now.kind() | mode & BITS, ..now };
    Some(new.keep(&magic(fd), stat.st_mode).map(|()| 0))
}

/// A file was made: it belongs to whoever made it.
pub fn made(call: &Call, dir: RawFd, name: &CStr) {
    let Some(identity) = identity(call) else { return };
    let Ok(path) = path_of(dir, name) else { return };
    let stat = if name.is_empty() { linux::fstat(dir) } else { linux::fstatat(dir, name, libc::AT_SYMLINK_NOFOLLOW) };
    if let Ok(stat) = stat {
        let [user, group] = identity.of_files();
        // In a folder with that bit, the host has given it the folder's group, and a folder the bit.
        let facts = Facts { user, group, mode: stat.st_mode, device: 0 };
        if facts.can_be_kept() && (user != 0 || group != 0 || facts.true_bits() != stat.st_mode & BITS) {
            let _ = facts.keep(&path, stat.st_mode);
        }
    }
}

/// mknod(2) of a device, where the guest seems to be root: an empty file that seems to be one. None: the host is to do it.
pub fn make_device(call: &Call, dir: RawFd, name: &CStr, mode: u32, device: u64) -> Option<Result<usize>> {
    let identity = identity(call)?;
    let make = || {
        let at = name.as_ptr() as usize;
        linux::pass(libc::SYS_mknodat, [dir as usize, at, (libc::S_IFREG | mode & BITS) as usize, 0, 0, 0])?;
        let stat = linux::fstatat(dir, name, libc::AT_SYMLINK_NOFOLLOW)?;
        let [user, group] = identity.of_files();
        let facts = Facts { user, group, mode: mode & libc::S_IFMT | stat.st_mode & BITS, device };
        facts.keep(&path_of(dir, name)?, stat.st_mode).map(|()| 0)
    };
    Some(if identity.can(Capability::Mknod) { make() } else { Err(Errno::EPERM) })
}

/// Devices that every program may use, by their numbers.
const USABLE: [(u32, u32, &CStr); 7] = [
    (1, 3, c"/dev/null"),
    (1, 5, c"/dev/zero"),
    (1, 7, c"/dev/full"),
    (1, 8, c"/dev/random"),
    (1, 9, c"/dev/urandom"),
    (5, 0, c"/dev/tty"),
    (5, 2, c"/dev/ptmx"),
];

/// What was opened, or the device of the host that it seems to be. ENXIO: one that is not for everybody.
pub fn device(call: &Call, opened: OwnedFd, flags: i32) -> Result<OwnedFd> {
    let Some(identity) = identity(call).filter(|_| flags & libc::O_PATH == 0) else { return Ok(opened) };
    let stat = linux::fstat(opened.as_raw_fd())?;
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(opened);
    }
    let facts = Facts::of(&identity, &stat, opened.as_raw_fd(), c"");
    if !facts.is_device() {
        return Ok(opened);
    }
    let number = (libc::major(facts.device), libc::minor(facts.device));
    let known = USABLE.iter().find(|(major, minor, _)| facts.kind() == libc::S_IFCHR && (*major, *minor) == number);
    let (.., path) = known.ok_or(Errno(libc::ENXIO))?;
    drop(opened);
    linux::openat(libc::AT_FDCWD, path, flags & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC), 0)
}

/// access(2) of what a descriptor stands for. None: the host is to say.
pub fn access(call: &Call, fd: RawFd, mode: i32, effective: bool) -> Option<Result<usize>> {
    Some(may(&identity(call)?, fd, mode, effective))
}

fn may(identity: &Identity, fd: RawFd, mode: i32, effective: bool) -> Result<usize> {
    let [user, group] = match effective {
        true => identity.of_files(),
        false => [identity.users[super::REAL], identity.groups[super::REAL]],
    };
    let facts = Facts::of(identity, &linux::fstat(fd)?, fd, c"");
    let bits = if user == facts.user {
        facts.mode >> 6
    } else if group == facts.group || identity.others.contains(&facts.group) {
        facts.mode >> 3
    } else {
        facts.mode
    };
    // Who may do all may run only what somebody may run.
    let runs = facts.kind() == libc::S_IFDIR || facts.mode & 0o111 != 0;
    let all = if effective { identity.can(Capability::DacOverride) } else { user == 0 };
    let may = if all { 6 | u32::from(runs) } else { bits & 7 };
    if mode as u32 & !may == 0 { Ok(0) } else { Err(Errno::EACCES) }
}

/// Whether who only seems to be somebody may run a file. The host's user is asked besides.
pub fn may_run(process: &Process, fd: RawFd) -> Result<()> {
    match process.identity.lock().as_ref() {
        Some(identity) => may(identity, fd, libc::X_OK, true).map(drop),
        None => Ok(()),
    }
}

/// Whether who is not root, and only seems to be somebody else, may open a file; EACCES if not. What the host's user may open
/// besides is its own matter, and the folders on the way are not asked.
pub fn may_open(call: &Call, dir: RawFd, path: &CStr, flags: i32) -> Result<()> {
    let may_all = call.process.identity.lock().as_ref().is_none_or(|identity| identity.can(Capability::DacOverride));
    if may_all || flags & libc::O_PATH != 0 {
        return Ok(());
    }
    let last = if flags & libc::O_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    // What cannot be found is the open's to tell.
    let Ok(node) = call.vfs.node(dir, path, last) else { return Ok(()) };
    if node.mount != 0 {
        return Ok(());
    }
    let reads = if flags & libc::O_ACCMODE != libc::O_WRONLY { libc::R_OK } else { 0 };
    let writes = if flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_TRUNC != 0 { libc::W_OK } else { 0 };
    access(call, node.fd.as_raw_fd(), reads | writes, true).unwrap_or(Ok(0)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_keeps_its_rights() {
        let bits = |mode| Facts { user: 0, group: 0, mode, device: 0 }.true_bits();
        assert_eq!(bits(libc::S_IFREG | 0o444), 0o644);
        assert_eq!(bits(libc::S_IFREG | 0o6511), 0o711);
        assert_eq!(bits(libc::S_IFDIR | 0o2511), 0o2711);
        assert_eq!(bits(libc::S_IFDIR | 0o050), 0o750);
        assert_eq!(bits(libc::S_IFREG), 0o600);
    }
}
