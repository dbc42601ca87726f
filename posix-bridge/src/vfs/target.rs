//! What calls act on: a name that may be created or removed, or whatever a path leads to.

use super::path::{Name, split_last};
use super::resolve::{Last, Located};
use super::{Dir, Vfs};
use host::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, RawFd};

/// A name in a folder, to create, remove or rename.
pub struct Entry<'p> {
    pub dir: Dir,
    /// With a slash behind it where the path had one.
    pub name: Name<'p>,
    pub mount: usize,
}

impl Vfs {
    /// The name that a path ends in. `taken` is the error where it means something that is no name in a folder of the host:
    /// the root, a mount point, a place of /proc.
    pub fn entry<'p>(&self, dir: RawFd, path: &'p CStr, taken: Errno) -> Result<Entry<'p>> {
        let make = |dir, name: Name<'p>, mount, slash| Ok(Entry { dir, name: if slash { name.with_slash() } else { name }, mount });
        match self.locate_quick(dir, path)? {
            Some(Located::Entry { dir, name, mount, must_be_dir }) => return make(dir, name, mount, must_be_dir),
            Some(_) => return Err(taken),
            None => {}
        }
        let (bare, slash) = match split_last(path.to_bytes()) {
            Some((parent, name, slash)) => ([parent, name].concat(), slash),
            None => (path.to_bytes().to_vec(), false),
        };
        let bare = CString::new(bare).map_err(|_| Errno::ENOENT)?;
        match self.walk(dir, &bare, Last::NoFollow)? {
            Located::Entry { dir, name, mount, .. } => make(dir, name, mount, slash),
            _ => Err(taken),
        }
    }

    /// As [`entry`](Self::entry), in a mount that may be written.
    pub fn entry_to_change<'p>(&self, dir: RawFd, path: &'p CStr, taken: Errno) -> Result<Entry<'p>> {
        let entry = self.entry(dir, path, taken)?;
        self.writable(entry.mount)?;
        Ok(entry)
    }

    /// Calls `act` with a directory, a name in it and AT_ flags that mean what the path leads to, for calls of the `*at`
    /// family that take AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH.
    pub fn at<T>(&self, located: &Located, act: impl FnOnce(RawFd, &CStr, i32) -> Result<T>) -> Result<T> {
        match located {
            Located::Entry { dir, name, .. } => act(dir.raw(), name.c_str(), libc::AT_SYMLINK_NOFOLLOW),
            Located::Folder { dir, .. } => act(dir.raw(), c"", libc::AT_EMPTY_PATH),
            Located::Object { fd, .. } => act(fd.as_raw_fd(), c"", libc::AT_EMPTY_PATH),
            Located::Proc(node) => {
                let path = CString::new(&node.path[..]).map_err(|_| Errno::ENOENT)?;
                let empty = if path.is_empty() { libc::AT_EMPTY_PATH } else { libc::AT_SYMLINK_NOFOLLOW };
                act(self.proc()?.fd.as_raw_fd(), &path, empty)
            }
            // A link of /proc stands for a link that no folder holds.
            Located::Link(_) => act(self.proc()?.fd.as_raw_fd(), c"mounts", libc::AT_SYMLINK_NOFOLLOW),
        }
    }
}
