//! Opening what a path leads to.

use super::path::{Name, PathBuffer};
use super::resolve::{Last, Located, Reopen, magic, open_entry};
use super::{Dir, PLAIN, Vfs};
use crate::proc;
use host::linux::{self, OpenHow};
use host::{Errno, Result};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// How often an open is tried again because a name turned into a link meanwhile.
const TRIES: u32 = 40;

/// The flags that open(2) knows. It ignores others, openat2(2) refuses them.
const KNOWN: i32 = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_NOCTTY
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NONBLOCK
    | libc::O_SYNC
    | libc::O_ASYNC
    | libc::O_DIRECT
    | 0o100000 // O_LARGEFILE, which libc gives as 0
    | libc::O_DIRECTORY
    | libc::O_NOFOLLOW
    | libc::O_NOATIME
    | libc::O_CLOEXEC
    | libc::O_PATH
    | libc::O_TMPFILE;

/// open(2)'s flags and mode as openat2(2) takes them.
fn how(flags: i32, mode: u32) -> (u64, u64) {
    let mut flags = flags & KNOWN;
    if flags & libc::O_PATH != 0 {
        flags &= libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    }
    let creates = flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE;
    (flags as u64, if creates { u64::from(mode & 0o7777) } else { 0 })
}

/// Whether an open may change something.
fn writes(flags: i32) -> bool {
    flags & libc::O_PATH == 0 && (flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_TRUNC | libc::O_CREAT) != 0)
}

/// Whether an O_PATH descriptor stands for a link.
fn is_link(fd: &OwnedFd) -> Result<bool> {
    Ok(linux::fstat(fd.as_raw_fd())?.st_mode & libc::S_IFMT == libc::S_IFLNK)
}

impl Vfs {
    /// openat(2).
    pub fn open(&self, dir: RawFd, path: &CStr, flags: i32, mode: u32) -> Result<OwnedFd> {
        let (wanted, bits) = how(flags, mode);
        let flags = if flags & libc::O_PATH != 0 { wanted as i32 } else { flags };
        let mut buffer = PathBuffer::new();
        let mut end = PathBuffer::new();
        let path = self.past_links(path, flags & (libc::O_NOFOLLOW | libc::O_CREAT) == 0, &mut end);
        if let Some((base, rest, mount)) = self.quick(dir, path, &mut buffer)?
            && !(self.mounts[mount].read_only && writes(flags))
        {
            match linux::openat2(base, rest, OpenHow { flags: wanted, mode: bits, resolve: PLAIN }) {
                Err(Errno::ELOOP | Errno::EXDEV | Errno::EAGAIN) => {}
                done => return done,
            }
        }
        self.open_by_walk(dir, path, flags, mode, 0)
    }

    /// openat2(2) with limits, RESOLVE_ flags. What the kernel says of flags and mode has been asked.
    pub fn open_within(&self, dir: RawFd, path: &CStr, how: OpenHow) -> Result<OwnedFd> {
        let bytes = path.to_bytes();
        let is_absolute = bytes.first() == Some(&b'/');
        if how.resolve & libc::RESOLVE_BENEATH != 0 && is_absolute {
            return Err(Errno::EXDEV);
        }
        // The kernel keeps limits itself, where the path is one that may be handed to it: below a directory of the guest's.
        if how.resolve & (libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT) != 0 {
            let inside = &path[bytes.iter().position(|&c| c != b'/').unwrap_or(bytes.len())..];
            let inside = if is_absolute && inside.is_empty() { c"." } else { inside };
            let mut buffer = PathBuffer::new();
            if let Some((base, rest, mount)) = self.quick(dir, inside, &mut buffer)?
                && base == dir
                && !(self.mounts[mount].read_only && writes(how.flags as i32))
            {
                return linux::openat2(base, rest, how);
            }
        }
        self.open_by_walk(dir, path, how.flags as i32, how.mode as u32, how.resolve)
    }

    fn open_by_walk(&self, dir: RawFd, path: &CStr, flags: i32, mode: u32, limits: u64) -> Result<OwnedFd> {
        let (wanted, bits) = how(flags, mode);
        let is_path = flags & libc::O_PATH != 0;
        let exclusive = flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0;
        let mut last = match exclusive || flags & libc::O_NOFOLLOW != 0 {
            true => Last::NoFollow,
            // Such an open takes a link as it is.
            false if is_path => Last::Follow,
            false => Last::Unseen,
        };
        for _ in 0..TRIES {
            match self.walk_within(dir, path, last, limits)?.aside() {
                Located::Entry { dir: parent, name, mount, must_be_dir } => {
                    match self.open_located(&parent, &name, mount, must_be_dir, wanted, bits) {
                        // The last name is a link: ENOTDIR where a directory is wanted.
                        Err(Errno::ELOOP) | Err(Errno::ENOTDIR) if last == Last::Unseen => {
                            last = Last::Follow;
                            continue;
                        }
                        Err(Errno::ELOOP) if last != Last::NoFollow => {
                            last = Last::Follow;
                            continue;
                        }
                        // What is busy with links at this moment: look again.
                        Err(Errno::EAGAIN) if flags & libc::O_NONBLOCK == 0 => continue,
                        Ok(fd) if is_path && last == Last::Follow && is_link(&fd)? => continue,
                        done => return done,
                    }
                }
                other => return self.open_other(other, flags, mode),
            }
        }
        Err(Errno::ELOOP)
    }

    fn open_located(&self, dir: &Dir, name: &Name, mount: usize, must_be_dir: bool, mut flags: u64, mode: u64) -> Result<OwnedFd> {
        const CREAT: u64 = libc::O_CREAT as u64;
        if must_be_dir {
            if flags & CREAT != 0 {
                return Err(Errno::EISDIR);
            }
            flags |= libc::O_DIRECTORY as u64;
        }
        if self.mounts[mount].read_only && writes(flags as i32) {
            let only_creates = flags as i32 & (libc::O_ACCMODE | libc::O_TRUNC) == libc::O_RDONLY;
            if !only_creates || flags & libc::O_TMPFILE as u64 == libc::O_TMPFILE as u64 {
                return Err(Errno::EROFS);
            }
            if flags & libc::O_EXCL as u64 != 0 {
                return match linux::fstatat(dir.raw(), name.c_str(), libc::AT_SYMLINK_NOFOLLOW) {
                    Ok(_) => Err(Errno::EEXIST),
                    Err(Errno::ENOENT) => Err(Errno::EROFS),
                    Err(e) => Err(e),
                };
            }
            return open_entry(dir.raw(), name.c_str(), flags & !CREAT, 0).map_err(|e| if e == Errno::ENOENT { Errno::EROFS } else { e });
        }
        open_entry(dir.raw(), name.c_str(), flags, mode)
    }

    fn open_other(&self, located: Located, flags: i32, mode: u32) -> Result<OwnedFd> {
        let (wanted, bits) = how(flags, mode);
        let exclusive = flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0;
        if exclusive && !matches!(located, Located::Entry { .. }) {
            return Err(Errno::EEXIST);
        }
        match located {
            Located::Folder { dir, mount } => {
                if writes(flags) && self.mounts[mount].read_only {
                    return Err(if flags & libc::O_TMPFILE == libc::O_TMPFILE { Errno::EROFS } else { Errno::EISDIR });
                }
                linux::openat2(dir.raw(), c".", OpenHow { flags: wanted, mode: bits, resolve: PLAIN })
            }
            Located::Object { fd, mount, reopen } => {
                if flags & libc::O_DIRECTORY != 0 {
                    return Err(Errno::ENOTDIR);
                }
                if writes(flags) {
                    self.writable(mount)?;
                }
                if flags & libc::O_PATH == 0
                    && let Reopen::As(access) = reopen
                    && (flags & libc::O_ACCMODE != access && access != libc::O_RDWR || flags & libc::O_TRUNC != 0)
                {
                    return Err(Errno::EACCES);
                }
                if flags & libc::O_PATH != 0 {
                    return linux::duplicate(&fd, flags & libc::O_CLOEXEC != 0);
                }
                linux::openat(libc::AT_FDCWD, &magic(fd.as_raw_fd()), flags & KNOWN & !(libc::O_CREAT | libc::O_NOFOLLOW), 0)
            }
            Located::Proc(node) => node.open(self, flags & KNOWN),
            Located::Link(_) if flags & libc::O_PATH == 0 => Err(Errno::ELOOP),
            // An O_PATH descriptor of a link that no folder holds: there is nothing that could stand for it.
            Located::Link(_) => Err(Errno::ENOENT),
            Located::Entry { .. } => Err(Errno::ENOENT),
        }
    }

    /// An O_PATH descriptor of what a path leads to, its mount, and whether it belongs to the tree.
    pub fn node(&self, dir: RawFd, path: &CStr, last: Last) -> Result<Node> {
        let flags = (libc::O_PATH | libc::O_CLOEXEC) as u64;
        let mut buffer = PathBuffer::new();
        let mut end = PathBuffer::new();
        let path = self.past_links(path, last == Last::Follow, &mut end);
        if let Some((base, rest, mount)) = self.quick(dir, path, &mut buffer)? {
            let nofollow = if last == Last::NoFollow { libc::O_NOFOLLOW as u64 } else { 0 };
            match linux::openat2(base, rest, OpenHow { flags: flags | nofollow, mode: 0, resolve: PLAIN }) {
                Ok(fd) => return Ok(Node { fd, mount, own: true }),
                Err(Errno::ELOOP | Errno::EXDEV | Errno::EAGAIN) => {}
                Err(e) => return Err(e),
            }
        }
        for _ in 0..TRIES {
            match self.walk(dir, path, last)? {
                Located::Entry { dir: parent, name, mount, must_be_dir } => {
                    let wanted = flags | if must_be_dir { libc::O_DIRECTORY as u64 } else { 0 };
                    let fd = match open_entry(parent.raw(), name.c_str(), wanted, 0) {
                        Err(Errno::EAGAIN) => continue,
                        done => done?,
                    };
                    if last == Last::Follow && is_link(&fd)? {
                        continue;
                    }
                    return Ok(Node { fd, mount, own: true });
                }
                Located::Folder { dir, mount } => {
                    let fd = match dir {
                        Dir::Owned(fd) => fd,
                        shared => linux::openat(shared.raw(), c".", libc::O_PATH | libc::O_CLOEXEC, 0)?,
                    };
                    return Ok(Node { fd, mount, own: true });
                }
                Located::Object { fd, mount, .. } => {
                    return Ok(Node { own: self.place_of(fd.as_raw_fd())?.is_some_and(|_| !self.is_host_file(mount)), fd, mount });
                }
                Located::Proc(node) => {
                    return Ok(Node {
                        fd: node.open(self, libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC)?,
                        mount: proc::mount(self),
                        own: false,
                    });
                }
                Located::Link(_) => return Err(Errno::ENOENT),
            }
        }
        Err(Errno::ELOOP)
    }

    /// [`node`](Self::node) for changing what the thing itself is like: mode, owner, times, length.
    pub fn node_to_change(&self, dir: RawFd, path: &CStr, last: Last) -> Result<Node> {
        let node = self.node(dir, path, last)?;
        self.writable(node.mount)?;
        if node.own { Ok(node) } else { Err(Errno::EPERM) }
    }

    /// Whether mode, owner, times and attributes of an open file may be changed: as by path.
    pub fn changeable(&self, fd: RawFd) -> Result<()> {
        let kind = linux::fstat(fd)?.st_mode & libc::S_IFMT;
        let is_device = kind == libc::S_IFCHR || kind == libc::S_IFBLK;
        if !is_device && !self.any_read_only() {
            return Ok(());
        }
        match self.place_of(fd)? {
            Some((mount, _)) if self.is_host_file(mount) => Err(Errno::EPERM),
            Some((mount, _)) => self.writable(mount),
            None if is_device => Err(Errno::EPERM),
            None => Ok(()),
        }
    }

    /// Whether a mount is a file or device of the host that came with /dev, which the guest may use but not change.
    fn is_host_file(&self, mount: usize) -> bool {
        matches!(&self.mounts[mount].source, super::Source::File(path) if super::DEVICES.contains(&path.as_c_str()))
    }
}

/// What a path leads to.
pub struct Node {
    pub fd: OwnedFd,
    pub mount: usize,
    /// Whether the guest may change its mode, owner and times: it may not where it only borrows the host's.
    pub own: bool,
}
