//! The guest's file system: a root folder of the host, other host folders and files bound into it, and /proc.
//!
//! What is trusted are descriptors, never texts: the root and the binds are held as O_PATH descriptors, a path is walked from
//! one of them, and no step follows a link or leaves them (see [`resolve`]). The guest's current directory is the host
//! process' own, so that it is inherited and shared as the kernel does it.

mod links;
mod memo;
pub mod open;
pub mod ours;
pub mod path;
pub mod resolve;
pub mod target;

#[cfg(test)]
mod tests;

use crate::session;
use host::linux::{self, OpenHow};
use host::{Errno, Result};
use path::{PathBuffer, below, components, normal, pop, split_first};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

pub use ours::{OURS, OURS_COUNT, Ours, is_ours};
pub use resolve::Located;

/// Device and inode number.
pub type Id = (u64, u64);

pub fn id(stat: &libc::stat) -> Id {
    (stat.st_dev, stat.st_ino)
}

/// A folder of the host that is held open.
pub struct Folder {
    pub fd: Ours,
    pub id: Id,
}

impl Folder {
    /// Opens a folder of the host by the host's path.
    pub fn open(path: &CStr) -> Result<Folder> {
        Folder::hold(linux::openat(libc::AT_FDCWD, path, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC, 0)?)
    }

    fn hold(fd: OwnedFd) -> Result<Folder> {
        let fd = Ours::new(fd)?;
        Ok(Folder { id: id(&linux::fstat(fd.as_raw_fd())?), fd })
    }
}

/// What is found at a mount point.
pub enum Source {
    /// A folder of the host; opened when it is first met where the path is one that every host has.
    Folder { host: CString, folder: OnceLock<Folder> },
    /// A file or device of the host, by the host's path.
    File(CString),
    /// A symbolic link.
    Link(&'static [u8]),
    /// The host's /proc, filtered by [`crate::proc`].
    Proc,
}

/// A place of the guest's tree where something else than the root folder's own contents is seen.
pub struct Mount {
    /// Absolute and normal, without a slash at the end: empty for the root.
    pub guest: Vec<u8>,
    pub source: Source,
    pub read_only: bool,
}

impl Mount {
    /// The folder that is mounted, if it is one.
    pub fn folder(&self) -> Result<Option<&Folder>> {
        match &self.source {
            Source::Folder { host, folder } => match folder.get() {
                Some(folder) => Ok(Some(folder)),
                None => {
                    let new = Folder::open(host)?;
                    Ok(Some(folder.get_or_init(|| new)))
                }
            },
            _ => Ok(None),
        }
    }
}

/// What a bind needs: `--bind HOST:GUEST[:ro]`.
#[derive(Clone, Debug)]
pub struct Bind {
    pub host: Vec<u8>,
    pub guest: Vec<u8>,
    pub read_only: bool,
}

/// A directory that absolute paths start from.
struct Root {
    fd: RawFd,
    id: Id,
    mount: usize,
    /// Its place in the whole tree, normal.
    at: Vec<u8>,
    /// Keeps `fd` open where chroot(2) opened it.
    _held: Option<Folder>,
}

/// How often a process may call chroot(2): each keeps a descriptor.
const CHROOTS: usize = 16;

/// How paths relative to the current directory may be resolved.
const CWD_UNKNOWN: u8 = 0;
const CWD_PLAIN: u8 = 1;
const CWD_SPECIAL: u8 = 2;

/// The file system of one guest process.
pub struct Vfs {
    /// The first one is the root.
    pub(crate) mounts: Vec<Mount>,
    any_read_only: bool,
    /// Directories of the root folder on the way to mount points.
    ancestors: OnceLock<Vec<Id>>,
    proc: OnceLock<Folder>,
    /// What chroot(2) chose, in order; `root` counts them.
    chroots: [OnceLock<Root>; CHROOTS],
    root: AtomicUsize,
    cwd: AtomicU8,
    top_links: links::TopLinks,
    /// Whether the guest watches files: whoever is told when a directory is gone must not hold it open by looking into it.
    is_watched: AtomicBool,
}

/// Devices that are the host's own, and what a /dev has beside them.
const DEVICES: [&CStr; 7] = [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty", c"/dev/ptmx"];
const DEVICE_LINKS: [(&[u8], &[u8]); 4] = [
    (b"/dev/fd", b"/proc/self/fd"),
    (b"/dev/stdin", b"/proc/self/fd/0"),
    (b"/dev/stdout", b"/proc/self/fd/1"),
    (b"/dev/stderr", b"/proc/self/fd/2"),
];

/// A directory that a path is relative to: the guest's, or one that is closed afterwards.
pub enum Dir {
    Borrowed(RawFd),
    Owned(OwnedFd),
    Held(Rc<memo::Parent>),
}

impl Dir {
    pub fn raw(&self) -> RawFd {
        match self {
            Dir::Borrowed(fd) => *fd,
            Dir::Owned(fd) => fd.as_raw_fd(),
            Dir::Held(parent) => parent.fd.as_raw_fd(),
        }
    }
}

/// openat2's RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS (which no magic link passes either).
pub(crate) const PLAIN: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS;

/// Opens a directory below another for looking further, following nothing: a link anywhere gives ELOOP.
pub(crate) fn open_dir(dir: RawFd, path: &CStr) -> Result<OwnedFd> {
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64;
    linux::openat2(dir, path, OpenHow { flags, mode: 0, resolve: PLAIN })
}

/// Opens the directory above another, wherever that is: whether it may be is for the caller to know.
pub(crate) fn open_dir_above(dir: RawFd) -> Result<OwnedFd> {
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64;
    linux::openat2(dir, c"..", OpenHow { flags, mode: 0, resolve: libc::RESOLVE_NO_SYMLINKS })
}

/// Makes the directories that mount points lie in, and those of folders, where the tree does not have them: programs find
/// mount points by listing. A tree that may not be written stays as it is.
fn make_mount_points(root: &Folder, mounts: &[Mount], system: bool) {
    let make = |path: &[u8], mode: usize| {
        let Ok(path) = CString::new(path) else { return };
        let _ = match path.to_bytes().iter().rposition(|&c| c == b'/') {
            None => linux::pass(libc::SYS_mkdirat, [root.fd.as_raw_fd() as usize, path.as_ptr() as usize, mode, 0, 0, 0]),
            // Links in the tree are not followed, wherever they lead.
            Some(slash) => CString::new(&path.to_bytes()[..slash]).map_err(|_| Errno::ENOENT).and_then(|parent| {
                let parent = open_dir(root.fd.as_raw_fd(), &parent)?;
                let name = path.as_ptr() as usize + slash + 1;
                linux::pass(libc::SYS_mkdirat, [parent.as_raw_fd() as usize, name, mode, 0, 0, 0])
            }),
        };
    };
    if system && linux::fstatat(root.fd.as_raw_fd(), c"dev", libc::AT_SYMLINK_NOFOLLOW).is_err() {
        make(b"dev", 0o755);
        make(b"dev/pts", 0o755);
        make(b"dev/shm", 0o1777);
    }
    if system && linux::fstatat(root.fd.as_raw_fd(), c"proc", libc::AT_SYMLINK_NOFOLLOW).is_err() {
        make(b"proc", 0o555);
    }
    for mount in mounts[1..].iter().filter(|m| matches!(m.source, Source::Folder { .. }) && m.guest != b"/dev/pts") {
        let path = &mount.guest[1..];
        path.iter().enumerate().filter(|(_, c)| **c == b'/').for_each(|(i, _)| make(&path[..i], 0o755));
        make(path, 0o755);
    }
}

impl Vfs {
    /// A guest's file system in the folder `root` of the host. `system`: with the /proc and /dev that every program expects.
    pub fn new(root: &[u8], binds: &[Bind], system: bool) -> Result<Vfs> {
        let text = |path: &[u8]| CString::new(path).map_err(|_| Errno::ENOENT);
        let folder = |host: &CStr, guest: Vec<u8>, read_only| -> Result<Mount> {
            let source = Source::Folder { host: host.to_owned(), folder: OnceLock::from(Folder::open(host)?) };
            Ok(Mount { guest, source, read_only })
        };
        let mut mounts = vec![folder(&text(root)?, Vec::new(), false)?];
        let given = |mounts: &[Mount], guest: &[u8]| mounts.iter().any(|m| m.guest == guest);
        for bind in binds {
            let (host, guest) = (text(&bind.host)?, normal(&bind.guest));
            if guest.is_empty() || given(&mounts, &guest) {
                return Err(Errno::EBUSY);
            }
            let stat = linux::fstatat(libc::AT_FDCWD, &host, 0)?;
            mounts.push(match stat.st_mode & libc::S_IFMT {
                libc::S_IFDIR => folder(&host, guest, bind.read_only)?,
                _ => Mount { guest, source: Source::File(host), read_only: bind.read_only },
            });
        }
        if system {
            let mut add = |guest: &[u8], source: Source| {
                if !given(&mounts, guest) {
                    mounts.push(Mount { guest: guest.to_vec(), source, read_only: false });
                }
            };
            add(b"/proc", Source::Proc);
            DEVICES.iter().for_each(|path| add(path.to_bytes(), Source::File((*path).to_owned())));
            add(b"/dev/pts", Source::Folder { host: c"/dev/pts".to_owned(), folder: OnceLock::new() });
            DEVICE_LINKS.iter().for_each(|(guest, link)| add(guest, Source::Link(link)));
        }
        let root = mounts[0].folder()?.ok_or(Errno::ENOENT)?;
        make_mount_points(root, &mounts, system);
        session::names_changed();
        Ok(Vfs {
            any_read_only: mounts.iter().any(|m| m.read_only),
            mounts,
            ancestors: OnceLock::new(),
            proc: OnceLock::new(),
            chroots: [const { OnceLock::new() }; CHROOTS],
            root: AtomicUsize::new(0),
            cwd: AtomicU8::new(CWD_UNKNOWN),
            top_links: links::TopLinks::default(),
            is_watched: AtomicBool::new(false),
        })
    }

    /// Makes all that is otherwise made when it is first needed.
    pub fn prepare(&self) {
        let _ = self.proc();
        self.ancestors();
        for mount in &self.mounts {
            let _ = mount.folder();
        }
    }

    /// The host's /proc.
    pub fn proc(&self) -> Result<&Folder> {
        if let Some(proc) = self.proc.get() {
            return Ok(proc);
        }
        let new = Folder::open(c"/proc")?;
        Ok(self.proc.get_or_init(|| new))
    }

    fn chroot_now(&self) -> Option<&Root> {
        match self.root.load(Ordering::Acquire) {
            0 => None,
            n => self.chroots[n - 1].get(),
        }
    }

    /// Makes a directory of the tree the one where absolute paths start. (chroot(2))
    pub fn chroot(&self, fd: OwnedFd) -> Result<()> {
        let (mount, at) = self.place_of_folder(fd.as_raw_fd())?.ok_or(Errno::EACCES)?;
        let folder = Folder::hold(fd)?;
        let mut root = Root { fd: folder.fd.as_raw_fd(), id: folder.id, mount, at, _held: Some(folder) };
        for (i, slot) in self.chroots.iter().enumerate().skip(self.root.load(Ordering::Acquire)) {
            match slot.set(root) {
                Ok(()) => {
                    self.root.store(i + 1, Ordering::Release);
                    self.cwd_changed();
                    return Ok(());
                }
                Err(back) => root = back,
            }
        }
        Err(Errno::ENOMEM)
    }

    /// Where absolute paths start: descriptor, identity, mount, place.
    pub(crate) fn root(&self) -> Result<(RawFd, Id, usize, &[u8])> {
        if let Some(root) = self.chroot_now() {
            return Ok((root.fd, root.id, root.mount, &root.at));
        }
        let folder = self.mounts[0].folder()?.ok_or(Errno::ENOENT)?;
        Ok((folder.fd.as_raw_fd(), folder.id, 0, b""))
    }

    /// What tells this tree from others, wherever chroot(2) leads.
    pub(crate) fn id(&self) -> Result<Id> {
        Ok(self.mounts[0].folder()?.ok_or(Errno::ENOENT)?.id)
    }

    /// The mount at exactly this place of the tree.
    pub(crate) fn mount_at(&self, place: &[u8]) -> Option<usize> {
        self.mounts[1..].iter().position(|m| m.guest == place).map(|i| i + 1)
    }

    /// Whether a mount point lies at or below this place.
    pub(crate) fn mounts_below(&self, place: &[u8]) -> bool {
        self.mounts[1..].iter().any(|m| below(&m.guest, place).is_some())
    }

    pub(crate) fn any_read_only(&self) -> bool {
        self.any_read_only
    }

    /// EROFS for what lies in a mount that is read-only.
    pub fn writable(&self, mount: usize) -> Result<()> {
        if self.mounts[mount].read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Where a path can be handed to the kernel as it is, because no mount point can lie on it unless a link leads there:
    /// directory, the path below it, mount. Most paths can.
    pub(crate) fn quick<'p>(&self, dir: RawFd, path: &'p CStr, buffer: &'p mut PathBuffer) -> Result<Option<(RawFd, &'p CStr, usize)>> {
        match path.to_bytes().first() {
            None => Err(Errno::ENOENT),
            Some(b'/') => {
                if self.chroot_now().is_some() {
                    return Ok(None);
                }
                let Some((mut mount, mut rest)) = self.lexical(path) else { return Ok(None) };
                if mount == 0
                    && let Some(root) = self.mounts[0].folder()?
                    && let Some(path) = self.top_links.without(root.fd.as_raw_fd(), path.to_bytes(), buffer, None)
                {
                    let Some(found) = self.lexical(path) else { return Ok(None) };
                    (mount, rest) = found;
                }
                let Some(folder) = self.mounts[mount].folder()? else { return Ok(None) };
                Ok(Some((folder.fd.as_raw_fd(), if rest.is_empty() { c"." } else { rest }, mount)))
            }
            Some(_) if self.is_plain(dir)? => {
                let mount = if self.any_read_only { self.place_of_folder(dir)?.map_or(0, |(mount, _)| mount) } else { 0 };
                Ok(Some((dir, path, mount)))
            }
            Some(_) => Ok(None),
        }
    }

    /// The mount that an absolute path lies in and what is left of the path, going by the text alone. None where that does
    /// not tell.
    fn lexical<'p>(&self, path: &'p CStr) -> Option<(usize, &'p CStr)> {
        let bytes = path.to_bytes();
        let (mount, rest) = self.lexical_bytes(bytes)?;
        let start = bytes.len() - rest.iter().position(|&c| c != b'/').map_or(0, |i| rest.len() - i);
        Some((mount, &path[start..]))
    }

    fn lexical_bytes<'p>(&self, path: &'p [u8]) -> Option<(usize, &'p [u8])> {
        let first_of = |path| split_first(path).map(|(first, _)| first);
        let dots = components(path).any(|c| c == b"..");
        if dots {
            // It may pass through a mount point and out again: only names that begin no mount point are certain.
            let mut seen = components(path).filter(|c| *c != b"..");
            let risky = seen.any(|c| self.mounts[1..].iter().any(|m| first_of(&m.guest) == Some(c)));
            return if risky { None } else { Some((0, path)) };
        }
        let first = match first_of(path) {
            Some(b".") => return None,
            Some(first) => first,
            None => return Some((0, path)),
        };
        let mut best = (0, path);
        let mut depth = 0;
        for (i, mount) in self.mounts.iter().enumerate().skip(1) {
            if first_of(&mount.guest) != Some(first) {
                continue;
            }
            let (mut rest, mut count) = (path, 0);
            let inside = components(&mount.guest).all(|wanted| {
                count += 1;
                loop {
                    match split_first(rest) {
                        Some((b".", next)) => rest = next,
                        Some((name, next)) if name == wanted => {
                            rest = next;
                            return true;
                        }
                        _ => return false,
                    }
                }
            });
            if inside && count > depth {
                (best, depth) = ((i, rest), count);
            }
        }
        Some(best)
    }

    /// Whether no path below a directory can meet a mount point without passing a link or `..`.
    fn is_plain(&self, dir: RawFd) -> Result<bool> {
        if dir != libc::AT_FDCWD {
            return self.look_plain(dir);
        }
        match self.cwd.load(Ordering::Relaxed) {
            CWD_PLAIN => Ok(true),
            CWD_SPECIAL => Ok(false),
            _ => {
                let plain = self.look_plain(dir)?;
                self.cwd.store(if plain { CWD_PLAIN } else { CWD_SPECIAL }, Ordering::Relaxed);
                Ok(plain)
            }
        }
    }

    fn look_plain(&self, dir: RawFd) -> Result<bool> {
        if self.mounts.len() == 1 {
            return Ok(true);
        }
        let stat = linux::fstat(dir)?;
        Ok(stat.st_dev != self.proc()?.id.0 && !self.ancestors().contains(&id(&stat)))
    }

    /// To be called after each change of the current directory.
    pub fn cwd_changed(&self) {
        session::own_names_changed();
        self.cwd.store(CWD_UNKNOWN, Ordering::Relaxed);
    }

    /// Whether the guest watches files from now on.
    pub fn set_watched(&self, is_watched: bool) {
        self.is_watched.store(is_watched, Ordering::Relaxed);
        if is_watched {
            memo::let_go();
        }
    }

    /// Whether a directory is one that a mount point lies below.
    pub(crate) fn ancestors(&self) -> &[Id] {
        self.ancestors.get_or_init(|| {
            let (mut ids, mut places) = (Vec::new(), Vec::new());
            let Ok(Some(root)) = self.mounts[0].folder() else { return ids };
            for mount in &self.mounts[1..] {
                let mut place = mount.guest.clone();
                while !place.is_empty() {
                    pop(&mut place);
                    if places.contains(&place) {
                        break;
                    }
                    places.push(place.clone());
                    let stat = match place.get(1..) {
                        None => linux::fstat(root.fd.as_raw_fd()),
                        Some(rest) => CString::new(rest)
                            .map_err(|_| Errno::ENOENT)
                            .and_then(|rest| open_dir(root.fd.as_raw_fd(), &rest))
                            .and_then(|fd| linux::fstat(fd.as_raw_fd())),
                    };
                    if let Ok(stat) = stat
                        && !ids.contains(&id(&stat))
                    {
                        ids.push(id(&stat));
                    }
                }
            }
            ids
        })
    }

    /// The path by which the host's kernel knows an open file (or AT_FDCWD) now.
    pub(crate) fn host_path(&self, fd: RawFd) -> Result<Vec<u8>> {
        let mut buffer = vec![0; path::PATH_MAX];
        let link = if fd == libc::AT_FDCWD { "self/cwd".to_owned() } else { format!("self/fd/{fd}") };
        let link = CString::new(link).map_err(|_| Errno::EBADF)?;
        let link = linux::readlinkat(self.proc()?.fd.as_raw_fd(), &link, &mut buffer);
        let len = link.map_err(|e| if e == Errno::ENOENT { Errno::EBADF } else { e })?.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    /// Where in the whole tree an open directory or file lies: mount and place. None for what lies outside, and for what
    /// has no path.
    pub fn place_of(&self, fd: RawFd) -> Result<Option<(usize, Vec<u8>)>> {
        let host = self.host_path(fd)?;
        self.place_of_host(&host)
    }

    /// [`place_of`](Self::place_of) for an open directory, which may lie deeper than a path can tell. What lies that deep is no mount
    /// point, so there components without a name stand for those that are not known.
    pub(crate) fn place_of_folder(&self, dir: RawFd) -> Result<Option<(usize, Vec<u8>)>> {
        let mut above: Option<OwnedFd> = None;
        let mut unknown = 0;
        loop {
            let fd = above.as_ref().map_or(dir, AsRawFd::as_raw_fd);
            match self.place_of(fd) {
                Err(Errno::ENAMETOOLONG) => {
                    above = Some(open_dir_above(fd)?);
                    unknown += 1;
                }
                Ok(Some((mount, mut at))) => {
                    at.resize(at.len() + unknown, b'/');
                    return Ok(Some((mount, at)));
                }
                done => return done,
            }
        }
    }

    /// Where in the whole tree a path of the host lies.
    pub fn place_of_host(&self, host: &[u8]) -> Result<Option<(usize, Vec<u8>)>> {
        if host.first() != Some(&b'/') {
            return Ok(None);
        }
        let mut best: Option<(usize, Vec<u8>)> = None;
        let mut longest = 0;
        for (i, mount) in self.mounts.iter().enumerate() {
            let at = match &mount.source {
                Source::Folder { host, folder } => match folder.get() {
                    Some(folder) => self.host_path(folder.fd.as_raw_fd())?,
                    None => host.to_bytes().to_vec(),
                },
                Source::File(path) => path.to_bytes().to_vec(),
                Source::Proc => b"/proc".to_vec(),
                Source::Link(_) => continue,
            };
            let at = if at == b"/" { &b""[..] } else { &at[..] };
            if let Some(rest) = below(host, at)
                && (best.is_none() || at.len() > longest)
            {
                let rest = if rest == b"/" { &b""[..] } else { rest };
                best = Some((i, [&mount.guest, rest].concat()));
                longest = at.len();
            }
        }
        Ok(best)
    }

    /// The path by which the guest knows an open file (or AT_FDCWD) now. None for what lies outside of its tree.
    pub fn guest_path(&self, fd: RawFd) -> Result<Option<Vec<u8>>> {
        let Some((_, place)) = self.place_of(fd)? else { return Ok(None) };
        Ok(self.seen_from_root(&place))
    }

    /// A place of the whole tree as it is called below the guest's root directory.
    pub(crate) fn seen_from_root(&self, place: &[u8]) -> Option<Vec<u8>> {
        let at = self.chroot_now().map_or(&b""[..], |root| &root.at);
        let rest = below(place, at)?;
        Some(if rest.is_empty() { b"/".to_vec() } else { rest.to_vec() })
    }

    /// Closes directories outside of the tree that the guest would inherit: paths relative to them would lead out.
    pub fn close_outside(&self) -> Result<()> {
        for fd in self.open_descriptors()? {
            let Ok(stat) = linux::fstat(fd) else { continue };
            if !is_ours(fd) && stat.st_mode & libc::S_IFMT == libc::S_IFDIR && self.place_of_folder(fd)?.is_none() {
                linux::pass(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0])?;
            }
        }
        Ok(())
    }

    /// The process' descriptors, without ours.
    pub(crate) fn open_descriptors(&self) -> Result<Vec<RawFd>> {
        self.low_descriptors().map_or_else(|| self.listed_descriptors(), Ok)
    }

    /// The same where all others have low numbers: a few calls tell which of them are open, and the size of the folder (since Linux
    /// 6.2) that there are no more. Listing it makes the kernel set up an entry for each.
    fn low_descriptors(&self) -> Option<Vec<RawFd>> {
        let count = linux::fstatat(self.proc().ok()?.fd.as_raw_fd(), c"self/fd", 0).ok()?.st_size;
        let missing = usize::try_from(count).ok()?.checked_sub(ours::count())?;
        let mut open = Vec::with_capacity(missing);
        for first in (0..256).step_by(64) {
            if missing == open.len() {
                break;
            }
            let bits = linux::which_are_open(first).ok()?;
            open.extend((0..64).filter(|bit| bits >> bit & 1 != 0).map(|bit| first + bit));
        }
        (missing == open.len()).then_some(open)
    }

    fn listed_descriptors(&self) -> Result<Vec<RawFd>> {
        let dir = linux::openat(self.proc()?.fd.as_raw_fd(), c"self/fd", libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC, 0)?;
        let mut fds = Vec::new();
        crate::dirent::each(dir.as_raw_fd(), |entry| {
            if let Some(fd) = crate::dirent::number(entry.name)
                && fd != dir.as_raw_fd()
                && !is_ours(fd)
            {
                fds.push(fd);
            }
        })?;
        Ok(fds)
    }
}
