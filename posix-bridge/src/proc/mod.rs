//! /proc as a guest sees it (proc(5)): the host's, without what lies or tells of things outside of the guest's tree.
//!
//! A directory of it that the guest opens is the host's own, so a descriptor shows by its device number that it belongs
//! here. Files that tell of paths are written anew ([`text`]) into a memory file. Processes are seen that have the same
//! root: each holds it under the same descriptor number.

mod text;

pub use text::{mapped_path, range_of, read as host_file};

use crate::dirent::number;
use crate::vfs::ours::is_in_window;
use crate::vfs::{OURS, OURS_COUNT, Source, Vfs, id, is_ours};
use host::linux;
use host::{Errno, Result};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The descriptor by which each guest process holds its program.
pub const EXE: RawFd = OURS + OURS_COUNT - 1;

/// What a name in /proc is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// As the host shows it.
    Plain,
    /// As the host shows it, and not to be written.
    ReadOnly,
    /// A link whose text is right as the host has it.
    Link,
    Cwd,
    Root,
    Exe,
    /// A link in `fd`.
    Descriptor,
    /// A file that is written anew.
    Text(fn(&Vfs, &[u8]) -> Result<Vec<u8>>),
}

impl Kind {
    pub fn is_link(self) -> bool {
        matches!(self, Kind::Link | Kind::Cwd | Kind::Root | Kind::Exe | Kind::Descriptor)
    }
}

/// A place of /proc. `path` is the path below it, without a slash in front.
pub struct Node {
    pub path: Vec<u8>,
    pub kind: Kind,
    pub is_dir: bool,
}

/// What a link stands for.
pub enum Target {
    Text(Vec<u8>),
    Root,
    /// An O_PATH descriptor, and the access mode of the descriptor that the link is about (O_RDWR where there is none).
    Open {
        fd: OwnedFd,
        access: i32,
    },
}

const TOP: [&str; 13] = [
    "meminfo",
    "cpuinfo",
    "uptime",
    "loadavg",
    "stat",
    "version",
    "vmstat",
    "filesystems",
    "cgroups",
    "devices",
    "swaps",
    "zoneinfo",
    "buddyinfo",
];
const TOP_LINKS: [&str; 4] = ["self", "thread-self", "mounts", "net"];
const PROCESS: [&str; 25] = [
    "cmdline",
    "comm",
    "stat",
    "status",
    "statm",
    "limits",
    "io",
    "schedstat",
    "oom_score",
    "oom_score_adj",
    "oom_adj",
    "environ",
    "auxv",
    "wchan",
    "loginuid",
    "sessionid",
    "coredump_filter",
    "uid_map",
    "gid_map",
    "setgroups",
    "children",
    "timerslack_ns",
    "pagemap",
    "personality",
    "smaps_rollup",
];
const NET: [&str; 25] = [
    "arp",
    "dev",
    "dev_mcast",
    "dev_snmp6",
    "fib_trie",
    "icmp",
    "if_inet6",
    "igmp",
    "igmp6",
    "ipv6_route",
    "mcfilter",
    "mcfilter6",
    "netstat",
    "protocols",
    "raw",
    "raw6",
    "route",
    "snmp",
    "snmp6",
    "sockstat",
    "sockstat6",
    "tcp",
    "tcp6",
    "udp",
    "udp6",
];

fn among(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|known| known.as_bytes() == name)
}

/// Whether a process is a guest of the same tree.
pub fn is_visible(vfs: &Vfs, pid: i32) -> bool {
    if pid as u32 == std::process::id() {
        return true;
    }
    let root = || -> Result<bool> {
        let root = vfs.mounts[0].folder()?.ok_or(Errno::ENOENT)?;
        let link = c_string(format!("{pid}/fd/{}", root.fd.as_raw_fd()).as_bytes())?;
        Ok(id(&linux::fstatat(vfs.proc()?.fd.as_raw_fd(), &link, 0)?) == root.id)
    };
    root().unwrap_or(false)
}

fn c_string(path: &[u8]) -> Result<CString> {
    CString::new(if path.is_empty() { b"." } else { path }).map_err(|_| Errno::ENOENT)
}

/// The index of the mount that is /proc.
pub fn mount(vfs: &Vfs) -> usize {
    vfs.mounts.iter().position(|m| matches!(m.source, Source::Proc)).unwrap_or(0)
}

/// Whether an open thing is a file with a path, not a pipe, a socket or memory.
pub fn has_path(vfs: &Vfs, fd: RawFd) -> bool {
    vfs.host_path(fd).is_ok_and(|path| is_path(&path))
}

fn is_path(path: &[u8]) -> bool {
    path.starts_with(b"/") && !path.starts_with(b"/memfd:") && !path.starts_with(b"/SYSV") && !path.starts_with(b"/dev/zero (")
}

impl Node {
    pub fn directory(path: Vec<u8>) -> Node {
        Node { path, kind: Kind::Plain, is_dir: true }
    }

    /// The name `name` in the directory `here` of /proc.
    pub fn find(vfs: &Vfs, here: &[u8], name: &[u8]) -> Result<Node> {
        let kind = kind_of(vfs, here, name).ok_or(Errno::ENOENT)?;
        let mut path = here.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        let mut node = Node { path, kind, is_dir: false };
        node.is_dir = node.stat(vfs)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        Ok(node)
    }

    /// Facts about the place itself.
    pub fn stat(&self, vfs: &Vfs) -> Result<libc::stat> {
        linux::fstatat(vfs.proc()?.fd.as_raw_fd(), &c_string(&self.path)?, libc::AT_SYMLINK_NOFOLLOW)
    }

    /// The text of a link as the guest is to see it.
    pub fn read_link(&self, vfs: &Vfs) -> Result<Vec<u8>> {
        let text = |path: &[u8]| -> Result<Vec<u8>> {
            let mut buffer = vec![0; crate::vfs::path::PATH_MAX];
            let len = linux::readlinkat(vfs.proc()?.fd.as_raw_fd(), &c_string(path)?, &mut buffer)?.len();
            buffer.truncate(len);
            Ok(buffer)
        };
        let place =
            |host: Vec<u8>| -> Result<Option<Vec<u8>>> { Ok(vfs.place_of_host(&host)?.and_then(|(_, place)| vfs.seen_from_root(&place))) };
        match self.kind {
            Kind::Link => text(&self.path),
            Kind::Root => Ok(b"/".to_vec()),
            Kind::Cwd => place(text(&self.path)?)?.ok_or(Errno::ENOENT),
            Kind::Exe => place(text(&self.exe())?)?.ok_or(Errno::ENOENT),
            Kind::Descriptor => {
                let host = text(&self.path)?;
                if !is_path(&host) {
                    return Ok(host);
                }
                Ok(place(host)?.unwrap_or_else(|| b"(unreachable)".to_vec()))
            }
            Kind::Plain | Kind::ReadOnly | Kind::Text(_) => Err(Errno::EINVAL),
        }
    }

    /// The descriptor that stands for the program of the process in the path.
    fn exe(&self) -> Vec<u8> {
        let process = self.path.split(|&c| c == b'/').next().unwrap_or_default();
        [process, format!("/fd/{EXE}").as_bytes()].concat()
    }

    /// What a link stands for.
    pub fn follow(&self, vfs: &Vfs) -> Result<Target> {
        let proc = vfs.proc()?.fd.as_raw_fd();
        let open = |path: &[u8]| linux::openat(proc, &c_string(path)?, libc::O_PATH | libc::O_CLOEXEC, 0);
        match self.kind {
            Kind::Root => Ok(Target::Root),
            Kind::Cwd => Ok(Target::Open { fd: open(&self.path)?, access: libc::O_RDONLY }),
            Kind::Exe => Ok(Target::Open { fd: open(&self.exe())?, access: libc::O_RDONLY }),
            Kind::Descriptor => {
                // The mode of such a link shows the access of its descriptor: r for owner, w for owner (proc(5)).
                let access = match self.stat(vfs)?.st_mode & 0o600 {
                    0o600 => libc::O_RDWR,
                    0o200 => libc::O_WRONLY,
                    _ => libc::O_RDONLY,
                };
                Ok(Target::Open { fd: open(&self.path)?, access })
            }
            _ => Ok(Target::Text(self.read_link(vfs)?)),
        }
    }

    /// Opens the place; a link only with O_PATH.
    pub fn open(&self, vfs: &Vfs, flags: i32) -> Result<OwnedFd> {
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_TRUNC != 0;
        let path_only = flags & libc::O_PATH != 0;
        let flags = flags & !(libc::O_CREAT | libc::O_EXCL);
        if path_only && self.kind.is_link() {
            return linux::openat(vfs.proc()?.fd.as_raw_fd(), &c_string(&self.path)?, flags | libc::O_NOFOLLOW, 0);
        }
        match self.kind {
            Kind::ReadOnly if writes && !path_only => Err(Errno::EACCES),
            Kind::Text(_) if flags & libc::O_DIRECTORY != 0 => Err(Errno::ENOTDIR),
            Kind::Text(_) if writes && !path_only => Err(Errno::EACCES),
            Kind::Text(write) if !path_only => {
                let bytes = write(vfs, &self.path)?;
                let fd = linux::memfd(c"proc")?;
                host::file::write_all(fd.as_raw_fd(), &bytes)?;
                host::file::seek(fd.as_raw_fd(), 0, libc::SEEK_SET)?;
                let number = fd.as_raw_fd() as usize;
                linux::pass(libc::SYS_fchmod, [number, 0o444, 0, 0, 0, 0])?;
                if flags & libc::O_CLOEXEC == 0 {
                    linux::pass(libc::SYS_fcntl, [number, libc::F_SETFD as usize, 0, 0, 0, 0])?;
                }
                Ok(fd)
            }
            _ => linux::openat(vfs.proc()?.fd.as_raw_fd(), &c_string(&self.path)?, flags | libc::O_NOFOLLOW, 0),
        }
    }
}

/// What the name `name` in the directory `here` is. None: the guest does not see it.
pub fn kind_of(vfs: &Vfs, here: &[u8], name: &[u8]) -> Option<Kind> {
    let parts: Vec<&[u8]> = here.split(|&c| c == b'/').filter(|c| !c.is_empty()).collect();
    match parts[..] {
        [] => match number(name) {
            Some(pid) => is_visible(vfs, pid).then_some(Kind::Plain),
            None if among(&TOP, name) => Some(Kind::ReadOnly),
            None if name == b"sys" => Some(Kind::Plain),
            None if name == b"locks" => Some(Kind::Text(text::locks)),
            None => among(&TOP_LINKS, name).then_some(Kind::Link),
        },
        [b"sys", ..] => Some(Kind::ReadOnly),
        [_, b"task"] => number(name).map(|_| Kind::Plain),
        [_] | [_, b"task", _] => in_process(name, parts.len() == 1),
        [_, b"fd"] | [_, b"task", _, b"fd"] => number(name).filter(|&fd| !hides(parts[0], fd)).map(|_| Kind::Descriptor),
        [_, b"fdinfo"] | [_, b"task", _, b"fdinfo"] => number(name).filter(|&fd| !hides(parts[0], fd)).map(|_| Kind::ReadOnly),
        [_, b"net"] | [_, b"task", _, b"net"] if name == b"unix" => Some(Kind::Text(text::unix)),
        [_, b"net"] | [_, b"task", _, b"net"] => among(&NET, name).then_some(Kind::ReadOnly),
        [.., b"net", b"dev_snmp6"] => Some(Kind::ReadOnly),
        _ => None,
    }
}

/// Whether a descriptor of a process is not for the guest's eyes. Which ones another process has is not known here.
fn hides(process: &[u8], fd: RawFd) -> bool {
    match number(process) {
        Some(pid) if pid as u32 == std::process::id() => is_ours(fd),
        _ => is_in_window(fd),
    }
}

fn in_process(name: &[u8], leader: bool) -> Option<Kind> {
    Some(match name {
        b"cwd" => Kind::Cwd,
        b"root" => Kind::Root,
        b"exe" => Kind::Exe,
        b"fd" | b"fdinfo" | b"net" => Kind::Plain,
        b"task" if leader => Kind::Plain,
        b"maps" | b"smaps" => Kind::Text(text::maps),
        b"mounts" => Kind::Text(text::mounts),
        b"mountinfo" => Kind::Text(text::mountinfo),
        b"cgroup" => Kind::Text(text::cgroup),
        b"status" if crate::identity::peer::is_told() => Kind::Text(text::status),
        name => return among(&PROCESS, name).then_some(Kind::Plain),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_paths_of_memory_are_none() {
        assert!(!is_path(b"/memfd:x (deleted)"));
        assert!(!is_path(b"pipe:[12]"));
        assert!(is_path(b"/etc/passwd"));
    }
}
