//! Path resolution inside the root (path_resolution(7)).
//!
//! [`Vfs::locate`] first tries to open the parent directory with one openat2 that follows no link and does not leave the
//! directory that it starts from; most paths have no link in them. Where a link, a `..` above the start, a mount point or
//! /proc is met, a [`Walk`] goes on component by component. It holds each directory by a descriptor and checks by device and
//! inode number, not by name, that `..` stops at the root; so neither links nor concurrent renames lead out.

use super::links::{self, Link};
use super::memo::{self, Opened, Stamp};
use super::path::{NAME_MAX, Name, PATH_MAX, PathBuffer, below, c_path, pop, split_first, split_last};
use super::{Dir, Folder, OURS, PLAIN, Source, Vfs, id, open_dir, open_dir_above};
use crate::proc;
use host::linux::{self, OpenHow};
use host::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;

/// Links that one resolution may follow (MAXSYMLINKS of the kernel).
const MAX_LINKS: u32 = 40;

/// Where a path leads, short of its last step.
pub enum Located<'p> {
    /// A name in a folder of the host, which may not exist and must not be followed.
    Entry { dir: Dir, name: Name<'p>, mount: usize, must_be_dir: bool },
    /// A folder of the host itself: the root, a mount point, or what a path that ends in `.` or `..` means.
    Folder { dir: Dir, mount: usize },
    /// A thing that is open: a bound file or device, or what a link in /proc stands for. `fd` is an O_PATH descriptor.
    Object { fd: OwnedFd, mount: usize, reopen: Reopen },
    /// A place of /proc.
    Proc(proc::Node),
    /// A symbolic link that the root folder does not hold, not followed.
    Link(&'static [u8]),
}

impl<'p> Located<'p> {
    /// Moves the descriptor that stands for it up to ours, so that what is opened next gets the lowest number that is free, as open(2)
    /// promises. (Moving the new one down would close a descriptor of the file, and the process' locks on it with that.)
    pub(crate) fn aside(self) -> Located<'p> {
        let up = |fd| linux::move_up_if_possible(fd, OURS);
        match self {
            Located::Entry { dir: Dir::Owned(fd), name, mount, must_be_dir } => {
                Located::Entry { dir: Dir::Owned(up(fd)), name, mount, must_be_dir }
            }
            Located::Folder { dir: Dir::Owned(fd), mount } => Located::Folder { dir: Dir::Owned(up(fd)), mount },
            Located::Object { fd, mount, reopen } => Located::Object { fd: up(fd), mount, reopen },
            other => other,
        }
    }
}

/// With which access a thing may be opened once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reopen {
    /// As its own permissions say.
    Any,
    /// It lies outside of the tree and the guest has it by inheritance: only with the access mode that it has (O_RDONLY,
    /// O_WRONLY, O_RDWR).
    As(i32),
}

/// What to do with a link in the last place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Last {
    Follow,
    NoFollow,
    /// Follow it, but do not look whether the last name is one: the caller's own call finds out, and fails with ELOOP.
    Unseen,
}

impl Vfs {
    /// Finds where a path leads. With [`Last::Follow`] the name of an [`Located::Entry`] was not a link when it was looked at.
    pub fn locate<'p>(&self, dir: RawFd, path: &'p CStr, last: Last) -> Result<Located<'p>> {
        match self.locate_quick(dir, path)? {
            Some(Located::Entry { dir: parent, name, mount, must_be_dir }) => {
                let follow = last == Last::Follow || must_be_dir;
                if follow && linux::readlinkat(parent.raw(), name.c_str(), &mut [0]).is_ok() {
                    return self.walk(dir, path, last);
                }
                Ok(Located::Entry { dir: parent, name, mount, must_be_dir })
            }
            Some(located) => Ok(located),
            None => self.walk(dir, path, last),
        }
    }

    /// [`locate`](Self::locate) where no link is met; the last name is not looked at and may be one.
    pub(crate) fn locate_quick<'p>(&self, dir: RawFd, path: &'p CStr) -> Result<Option<Located<'p>>> {
        // What a descriptor of the guest's stands for is not noted.
        let is_watched = self.is_watched.load(Ordering::Relaxed);
        if is_watched {
            memo::let_go();
        }
        let is_noted = !is_watched && (dir == libc::AT_FDCWD || path.to_bytes().first() == Some(&b'/'));
        let begun = match is_noted.then(|| memo::again(path.to_bytes())) {
            Some(Ok((parent, len, mount))) => {
                let name = Name::last_of(path, len, false)?;
                return Ok(Some(Located::Entry { dir: Dir::Held(parent), name, mount, must_be_dir: false }));
            }
            Some(Err(now)) => Some(now),
            None => None,
        };
        let mut buffer = PathBuffer::new();
        let Some((base, rest, mount)) = self.quick(dir, path, &mut buffer)? else { return Ok(None) };
        let Some((parent, name, slash)) = split_last(rest.to_bytes()) else { return Ok(None) };
        if name == b".." {
            return Ok(None);
        }
        if name == b"." && parent.is_empty() {
            return Ok(Some(Located::Folder { dir: Dir::Borrowed(base), mount }));
        }
        // Whatever the path begins with, it ends as it was given.
        let (name, is_dot) = (Name::last_of(path, name.len(), slash)?, name == b".");
        let parent = if parent.is_empty() {
            Dir::Borrowed(base)
        } else {
            match if is_watched { memo::open_once(base, parent) } else { memo::open_parent(base, parent) } {
                Ok(Opened::New(fd)) => Dir::Owned(fd),
                Ok(Opened::Held(parent)) => {
                    if let Some(begun) = begun.filter(|_| !slash && !is_dot) {
                        let text = path.to_bytes();
                        memo::note(&text[..text.len() - name.bytes().len()], &parent, mount, begun);
                    }
                    Dir::Held(parent)
                }
                Err(Errno::ELOOP | Errno::EXDEV | Errno::EAGAIN) => return Ok(None),
                Err(e) => return Err(e),
            }
        };
        Ok(Some(match is_dot {
            true => Located::Folder { dir: parent, mount },
            false => Located::Entry { dir: parent, name, mount, must_be_dir: slash },
        }))
    }

    /// Finds where a path leads, component by component.
    pub(crate) fn walk(&self, dir: RawFd, path: &CStr, last: Last) -> Result<Located<'static>> {
        self.walk_within(dir, path, last, 0)
    }

    /// The same within limits: RESOLVE_ flags of openat2(2).
    pub(crate) fn walk_within(&self, dir: RawFd, path: &CStr, last: Last, limits: u64) -> Result<Located<'static>> {
        let bytes = path.to_bytes();
        if bytes.is_empty() {
            return Err(Errno::ENOENT);
        }
        let is_absolute = bytes[0] == b'/';
        if is_absolute && limits & libc::RESOLVE_BENEATH != 0 {
            return Err(Errno::EXDEV);
        }
        let mut walk = if is_absolute && limits & libc::RESOLVE_IN_ROOT == 0 { Walk::at_root(self)? } else { Walk::at(self, dir)? };
        walk.limits = limits;
        if limits & SCOPED != 0 {
            let id = id(&linux::fstat(dir)?);
            walk.scope = Some(Scope { dir, id, mount: walk.mount, at: walk.at.clone(), proc: walk.proc.clone() });
        }
        walk.trail = (is_absolute && limits == 0 && self.chroot_now().is_none()).then(Vec::new);
        let mut buffer = PathBuffer::new();
        let shorter = match &mut walk.trail {
            Some(trail) => self.top_links.without(walk.dir.raw(), bytes, &mut buffer, Some(trail)),
            None => None,
        };
        walk.rest = shorter.map_or(bytes, CStr::to_bytes).to_vec();
        walk.run(last, bytes)
    }

    /// A path, or, if a link in its last place is to be followed, where it led the last time, if it still does: without links unless one
    /// has just been made.
    pub(crate) fn past_links<'p>(&self, path: &'p CStr, follow: bool, buffer: &'p mut PathBuffer) -> &'p CStr {
        if !follow || path.to_bytes().first() != Some(&b'/') || self.chroot_now().is_some() {
            return path;
        }
        self.root().ok().and_then(|(root, ..)| links::end_of(root, path.to_bytes(), buffer)).unwrap_or(path)
    }
}

/// A resolution under way.
struct Walk<'v> {
    vfs: &'v Vfs,
    dir: Dir,
    mount: usize,
    /// Where `dir` lies in the whole tree. Only mount points are recognised by it.
    at: Vec<u8>,
    /// Within /proc: the path below it.
    proc: Option<Vec<u8>>,
    rest: Vec<u8>,
    links: u32,
    /// The links that were followed, while all lie in the root folder.
    trail: Option<Vec<Link>>,
    begun: Stamp,
    /// RESOLVE_ flags of openat2(2).
    limits: u64,
    /// Where it began, if that is not to be left.
    scope: Option<Scope>,
}

/// Limits that keep a resolution below the directory in which it begins.
const SCOPED: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT;

/// A directory that a resolution does not leave.
struct Scope {
    dir: RawFd,
    id: super::Id,
    mount: usize,
    at: Vec<u8>,
    proc: Option<Vec<u8>>,
}

impl<'v> Walk<'v> {
    fn at_root(vfs: &'v Vfs) -> Result<Walk<'v>> {
        let (fd, _, mount, at) = vfs.root()?;
        Ok(Walk::new(vfs, fd, mount, at.to_vec(), None))
    }

    /// Begins at an open directory of the guest's, or at AT_FDCWD.
    fn at(vfs: &'v Vfs, dir: RawFd) -> Result<Walk<'v>> {
        let stat = linux::fstat(dir)?;
        if stat.st_mode & libc::S_IFMT != libc::S_IFDIR {
            return Err(Errno::ENOTDIR);
        }
        let (mount, at) = vfs.place_of_folder(dir)?.ok_or(Errno::EACCES)?;
        let proc = match vfs.mounts[mount].source {
            Source::Proc => below(&at, &vfs.mounts[mount].guest).map(|rest| rest.strip_prefix(b"/").unwrap_or(rest).to_vec()),
            _ => None,
        };
        Ok(Walk::new(vfs, dir, mount, at, proc))
    }

    fn new(vfs: &'v Vfs, dir: RawFd, mount: usize, at: Vec<u8>, proc: Option<Vec<u8>>) -> Walk<'v> {
        let dir = Dir::Borrowed(dir);
        Walk { vfs, dir, mount, at, proc, rest: Vec::new(), links: 0, trail: None, begun: Stamp::now(), limits: 0, scope: None }
    }

    fn has(&self, limit: u64) -> bool {
        self.limits & limit != 0
    }

    /// Goes to the root directory, or to what takes its place; what is left of the path stays.
    fn go_to_root(&mut self) -> Result<()> {
        if let Some(scope) = self.scope.as_ref().filter(|_| self.has(libc::RESOLVE_IN_ROOT)) {
            (self.dir, self.mount) = (Dir::Borrowed(scope.dir), scope.mount);
            (self.at, self.proc) = (scope.at.clone(), scope.proc.clone());
            return Ok(());
        }
        let (fd, _, mount, at) = self.vfs.root()?;
        self.dir = Dir::Borrowed(fd);
        self.mount = mount;
        self.at = at.to_vec();
        self.proc = None;
        Ok(())
    }

    /// The folder that the walk has reached.
    fn here(self) -> Located<'static> {
        match self.proc {
            Some(path) => Located::Proc(proc::Node::directory(path)),
            None => Located::Folder { dir: self.dir, mount: self.mount },
        }
    }

    fn run(mut self, last: Last, asked: &[u8]) -> Result<Located<'static>> {
        self.skip_ahead()?;
        loop {
            let Some((name, after)) = split_first(&self.rest) else { return Ok(self.here()) };
            let (name, after) = (name.to_vec(), after.to_vec());
            let is_last = after.iter().all(|&c| c == b'/');
            let slash = is_last && !after.is_empty();
            let follow = last != Last::NoFollow || !is_last || slash;
            if name == b"." || name == b".." {
                self.rest = after;
                if name == b".." {
                    self.up()?;
                }
                continue;
            }
            if name.len() > NAME_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            if self.proc.is_some() {
                match self.step_in_proc(&name, after, is_last, slash, follow)? {
                    Some(located) => return Ok(located),
                    None => continue,
                }
            }
            let place = [&self.at[..], b"/", &name[..]].concat();
            if let Some(mount) = self.vfs.mount_at(&place) {
                self.trail = None;
                if self.has(libc::RESOLVE_NO_XDEV) && !matches!(self.vfs.mounts[mount].source, Source::Link(_)) {
                    return Err(Errno::EXDEV);
                }
                match &self.vfs.mounts[mount].source {
                    Source::Folder { .. } => {
                        let Some(folder) = self.vfs.mounts[mount].folder()? else { return Err(Errno::ENOENT) };
                        self.dir = Dir::Borrowed(folder.fd.as_raw_fd());
                        (self.mount, self.at, self.rest) = (mount, place, after);
                        self.skip_ahead()?;
                    }
                    Source::Proc => (self.mount, self.at, self.rest, self.proc) = (mount, place, after, Some(Vec::new())),
                    Source::Link(text) if follow => self.follow(text, &after)?,
                    Source::Link(text) => return Ok(Located::Link(text)),
                    Source::File(host) if is_last && !slash => {
                        let fd = linux::openat(libc::AT_FDCWD, host, libc::O_PATH | libc::O_CLOEXEC, 0)?;
                        return Ok(Located::Object { fd, mount, reopen: Reopen::Any });
                    }
                    Source::File(_) => return Err(Errno::ENOTDIR),
                }
                continue;
            }
            let name = Name::new(&name)?;
            if !is_last {
                match open_dir(self.dir.raw(), name.c_str()) {
                    Ok(fd) => {
                        self.dir = Dir::Owned(fd);
                        (self.at, self.rest) = (place, after);
                        continue;
                    }
                    Err(Errno::ELOOP | Errno::EAGAIN) => {}
                    Err(e) => return Err(e),
                }
            } else if !follow || last == Last::Unseen && !slash {
                return Ok(Located::Entry { dir: self.dir, name, mount: self.mount, must_be_dir: false });
            }
            let mut text = [0; PATH_MAX];
            match linux::readlinkat(self.dir.raw(), name.c_str(), &mut text) {
                Ok(text) => {
                    if self.at.is_empty() && !is_last {
                        self.vfs.top_links.learn(name.bytes());
                    }
                    if let Some(trail) = &mut self.trail {
                        trail.push(Link::new(&place, text));
                    }
                    self.follow(text, &after)?;
                }
                Err(error @ (Errno::EINVAL | Errno::ENOENT)) if is_last => {
                    if let Some(trail) = self.trail.take()
                        && !trail.is_empty()
                        && error == Errno::EINVAL
                        && !slash
                    {
                        links::remember(self.vfs.root()?.0, asked, trail, &place, self.begun);
                    }
                    return Ok(Located::Entry { dir: self.dir, name, mount: self.mount, must_be_dir: slash });
                }
                // It was a link a moment ago: look again.
                Err(Errno::EINVAL) => self.count()?,
                Err(e) => return Err(e),
            }
        }
    }

    fn count(&mut self) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS { Err(Errno::ELOOP) } else { Ok(()) }
    }

    /// Goes where a link in the current directory says.
    fn follow(&mut self, text: &[u8], after: &[u8]) -> Result<()> {
        if self.has(libc::RESOLVE_NO_SYMLINKS) {
            return Err(Errno::ELOOP);
        }
        self.count()?;
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        if text.len() + after.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if text[0] == b'/' {
            if self.has(libc::RESOLVE_BENEATH) {
                return Err(Errno::EXDEV);
            }
            self.go_to_root()?;
        }
        self.rest = [text, after].concat();
        self.skip_ahead()
    }

    /// Takes all directories but the last name in one step, if no mount point can be among them and no link is.
    fn skip_ahead(&mut self) -> Result<()> {
        if self.proc.is_some() {
            return Ok(());
        }
        let Some((parent, name, slash)) = split_last(&self.rest) else { return Ok(()) };
        let parent = &parent[parent.iter().position(|&c| c != b'/').unwrap_or(parent.len())..];
        let Some((first, _)) = split_first(parent) else { return Ok(()) };
        if first == b"." || parent.split(|&c| c == b'/').any(|c| c == b"..") {
            return Ok(());
        }
        if self.vfs.mounts_below(&[&self.at[..], b"/", first].concat()) {
            return Ok(());
        }
        let mut buffer = PathBuffer::new();
        match open_dir(self.dir.raw(), c_path(&[parent], &mut buffer)?) {
            Ok(fd) => {
                for component in super::path::components(parent) {
                    self.at.push(b'/');
                    self.at.extend_from_slice(component);
                }
                self.dir = Dir::Owned(fd);
                self.rest = [name, if slash { &b"/"[..] } else { b"" }].concat();
                Ok(())
            }
            Err(Errno::ELOOP | Errno::EXDEV | Errno::EAGAIN) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Goes to the parent directory, which at the root is the root itself.
    fn up(&mut self) -> Result<()> {
        self.trail = None;
        if self.is_at_scope()? {
            return if self.has(libc::RESOLVE_BENEATH) { Err(Errno::EXDEV) } else { Ok(()) };
        }
        if let Some(path) = &mut self.proc {
            if path.is_empty() {
                return self.leave_mount();
            }
            path.truncate(path.iter().rposition(|&c| c == b'/').unwrap_or(0));
            pop(&mut self.at);
            return Ok(());
        }
        let now = id(&linux::fstat(self.dir.raw())?);
        let (_, root, ..) = self.vfs.root()?;
        if now == root {
            return if self.scope.is_some() { Err(Errno::EAGAIN) } else { self.go_to_root() };
        }
        if self.is_top(self.mount, now) {
            return if self.mount == 0 { self.go_to_root() } else { self.leave_mount() };
        }
        // The top of another mount that the walk is not in: a rename has brought its directory there. It ends there too,
        // unless that mount shows a part of this one.
        let other = (0..self.vfs.mounts.len()).find(|&m| m != self.mount && self.is_top(m, now) && !self.contains(m));
        if let Some(other) = other {
            self.mount = other;
            return if other == 0 { self.go_to_root() } else { self.leave_mount() };
        }
        self.dir = Dir::Owned(open_dir_above(self.dir.raw())?);
        pop(&mut self.at);
        self.stays_in_scope()
    }

    /// EAGAIN: a rename has brought the directory to where it does not lie in the one that is not to be left.
    fn stays_in_scope(&self) -> Result<()> {
        let Some(scope) = &self.scope else { return Ok(()) };
        let [inner, outer] = [self.dir.raw(), scope.dir].map(|fd| self.vfs.place_of(fd));
        match (inner?, outer?) {
            (Some((_, inner)), Some((_, outer))) if below(&inner, &outer).is_some() => Ok(()),
            _ => Err(Errno::EAGAIN),
        }
    }

    /// Whether the walk is in the directory that it is not to leave.
    fn is_at_scope(&self) -> Result<bool> {
        Ok(match &self.scope {
            None => false,
            Some(scope) if self.proc.is_some() || scope.proc.is_some() => self.proc == scope.proc,
            Some(scope) => id(&linux::fstat(self.dir.raw())?) == scope.id,
        })
    }

    fn is_top(&self, mount: usize, now: super::Id) -> bool {
        matches!(&self.vfs.mounts[mount].source, Source::Folder { folder, .. } if folder.get().is_some_and(|f| f.id == now))
    }

    /// Whether another mount's folder lies inside the folder of the mount that the walk is in.
    fn contains(&self, other: usize) -> bool {
        let path = |mount: usize| match &self.vfs.mounts[mount].source {
            Source::Folder { folder, .. } => folder.get().and_then(|f: &Folder| self.vfs.host_path(f.fd.as_raw_fd()).ok()),
            _ => None,
        };
        match (path(self.mount), path(other)) {
            (Some(outer), Some(inner)) => outer == b"/" || below(&inner, &outer).is_some(),
            _ => false,
        }
    }

    /// Goes from the top of a mount to the directory that its mount point lies in.
    fn leave_mount(&mut self) -> Result<()> {
        if self.has(libc::RESOLVE_NO_XDEV) {
            return Err(Errno::EXDEV);
        }
        if self.scope.is_some() {
            // As openat2(2) says where it cannot tell whether that leads out.
            return Err(Errno::EAGAIN);
        }
        let mut parent = self.vfs.mounts[self.mount].guest.clone();
        pop(&mut parent);
        self.go_to_root()?;
        let rest = std::mem::take(&mut self.rest);
        let up = self.vfs.seen_from_root(&parent).unwrap_or_default();
        self.rest = [&up[..], b"/", &rest[..]].concat();
        Ok(())
    }

    fn step_in_proc(&mut self, name: &[u8], after: Vec<u8>, is_last: bool, slash: bool, follow: bool) -> Result<Option<Located<'static>>> {
        let here = self.proc.clone().unwrap_or_default();
        let node = proc::Node::find(self.vfs, &here, name)?;
        if node.kind.is_link() {
            if !follow {
                return Ok(Some(Located::Proc(node)));
            }
            let target = node.follow(self.vfs)?;
            if !matches!(target, proc::Target::Text(_)) {
                if self.has(libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS) {
                    return Err(Errno::ELOOP);
                }
                if self.has(SCOPED | libc::RESOLVE_NO_XDEV) {
                    return Err(Errno::EXDEV);
                }
            }
            match target {
                proc::Target::Text(text) => self.follow(&text, &after)?,
                proc::Target::Root => {
                    self.count()?;
                    self.go_to_root()?;
                    self.rest = after;
                }
                proc::Target::Open { fd, access } => {
                    self.count()?;
                    let stat = linux::fstat(fd.as_raw_fd())?;
                    if stat.st_mode & libc::S_IFMT == libc::S_IFDIR {
                        let mut there = Walk::at(self.vfs, fd.as_raw_fd())?;
                        (self.proc, self.mount, self.at) = (there.proc.take(), there.mount, std::mem::take(&mut there.at));
                        (self.dir, self.rest) = (Dir::Owned(fd), after);
                    } else if is_last && !slash {
                        let place = self.vfs.place_of(fd.as_raw_fd())?;
                        let reopen = match place {
                            None if proc::has_path(self.vfs, fd.as_raw_fd()) => Reopen::As(access),
                            _ => Reopen::Any,
                        };
                        return Ok(Some(Located::Object { fd, mount: place.map_or(0, |(mount, _)| mount), reopen }));
                    } else {
                        return Err(Errno::ENOTDIR);
                    }
                }
            }
            return Ok(None);
        }
        if is_last && !(slash && node.is_dir) {
            return if slash { Err(Errno::ENOTDIR) } else { Ok(Some(Located::Proc(node))) };
        }
        if !node.is_dir {
            return Err(Errno::ENOTDIR);
        }
        self.at.push(b'/');
        self.at.extend_from_slice(name);
        self.proc = Some(node.path);
        self.rest = after;
        Ok(None)
    }
}

/// Opens with a descriptor's directory and a name, following nothing.
pub(crate) fn open_entry(dir: RawFd, name: &CStr, flags: u64, mode: u64) -> Result<OwnedFd> {
    linux::openat2(dir, name, OpenHow { flags: flags | libc::O_NOFOLLOW as u64, mode, resolve: PLAIN })
}

/// The path by which the kernel leads to what an open descriptor stands for.
pub(crate) fn magic(fd: RawFd) -> CString {
    CString::new(format!("/proc/self/fd/{fd}")).unwrap_or_default()
}
