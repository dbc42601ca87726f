//! Names: links, removing, renaming, access, owners and lengths by path.

use crate::args::{Addr, Fd, Path};
use crate::call::Call;
use crate::identity::owner;
use crate::stat::exists_or_read_only;
use crate::vfs::Dir;
use crate::vfs::path::{Name, PathBuffer};
use crate::vfs::resolve::{Last, Located, magic, open_entry};
use host::linux;
use host::{Errno, Result};
use std::os::fd::AsRawFd;

const AT: Fd = Fd(libc::AT_FDCWD);

/// access(2)
pub fn access(call: &mut Call, path: Path, mode: i32) -> Result<usize> {
    faccessat2(call, AT, path, mode, 0)
}

/// faccessat(2)
pub fn faccessat(call: &mut Call, dir: Fd, path: Path, mode: i32) -> Result<usize> {
    faccessat2(call, dir, path, mode, 0)
}

/// faccessat2(2)
pub fn faccessat2(call: &mut Call, dir: Fd, path: Path, mode: i32, flags: i32) -> Result<usize> {
    if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH | libc::AT_EACCESS) != 0 || mode & !7 != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let ask = |fd: i32| {
        if let Some(done) = owner::access(call, fd, mode, flags & libc::AT_EACCESS != 0) {
            return done;
        }
        let at = libc::AT_EMPTY_PATH | flags & libc::AT_EACCESS;
        linux::pass(libc::SYS_faccessat2, [fd as usize, c"".as_ptr() as usize, mode as usize, at as usize, 0, 0])
    };
    if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        return ask(dir.0);
    }
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    let node = call.vfs.node(dir.0, path, last)?;
    if mode & libc::W_OK != 0
        && matches!(linux::fstat(node.fd.as_raw_fd())?.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR | libc::S_IFLNK)
    {
        call.vfs.writable(node.mount)?;
    }
    ask(node.fd.as_raw_fd())
}

/// unlink(2)
pub fn unlink(call: &mut Call, path: Path) -> Result<usize> {
    unlinkat(call, AT, path, 0)
}

/// rmdir(2)
pub fn rmdir(call: &mut Call, path: Path) -> Result<usize> {
    unlinkat(call, AT, path, libc::AT_REMOVEDIR)
}

/// unlinkat(2)
pub fn unlinkat(call: &mut Call, dir: Fd, path: Path, flags: i32) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let taken = match crate::vfs::path::split_last(path.to_bytes()) {
        _ if flags & libc::AT_REMOVEDIR == 0 => Errno::EISDIR,
        Some((_, b".", _)) => Errno::EINVAL,
        Some((_, b"..", _)) => Errno::ENOTEMPTY,
        _ => Errno::EBUSY,
    };
    let entry = call.vfs.entry_to_change(dir.0, path, taken)?;
    linux::pass(libc::SYS_unlinkat, [entry.dir.raw() as usize, entry.name.c_str().as_ptr() as usize, flags as usize, 0, 0, 0])
}

/// rename(2)
pub fn rename(call: &mut Call, old: Path, new: Path) -> Result<usize> {
    renameat2(call, AT, old, AT, new, 0)
}

/// renameat(2)
pub fn renameat(call: &mut Call, old_dir: Fd, old: Path, new_dir: Fd, new: Path) -> Result<usize> {
    renameat2(call, old_dir, old, new_dir, new, 0)
}

/// renameat2(2)
pub fn renameat2(call: &mut Call, old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: u32) -> Result<usize> {
    if flags & libc::RENAME_WHITEOUT != 0 {
        // A whiteout is a device.
        return Err(Errno::EPERM);
    }
    let (mut a, mut b) = (PathBuffer::new(), PathBuffer::new());
    let old = call.vfs.entry_to_change(old_dir.0, old.read(&mut a)?, Errno::EBUSY)?;
    let taken = if flags & libc::RENAME_NOREPLACE != 0 { Errno::EEXIST } else { Errno::EBUSY };
    let new = call.vfs.entry_to_change(new_dir.0, new.read(&mut b)?, taken)?;
    let path = |entry: &crate::vfs::target::Entry| (entry.dir.raw() as usize, entry.name.c_str().as_ptr() as usize);
    let ((from, from_name), (to, to_name)) = (path(&old), path(&new));
    linux::pass(libc::SYS_renameat2, [from, from_name, to, to_name, flags as usize, 0])
}

/// link(2)
pub fn link(call: &mut Call, old: Path, new: Path) -> Result<usize> {
    linkat(call, AT, old, AT, new, 0)
}

/// linkat(2)
pub fn linkat(call: &mut Call, old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: i32) -> Result<usize> {
    if flags & !(libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let (mut a, mut b) = (PathBuffer::new(), PathBuffer::new());
    let (old, new) = (old.read(&mut a)?, new.read(&mut b)?);
    let new = call.vfs.entry_to_change(new_dir.0, new, Errno::EEXIST)?;
    let to = |from: i32, name: &std::ffi::CStr, at: i32| {
        let (dir, name_to) = (new.dir.raw() as usize, new.name.c_str().as_ptr() as usize);
        linux::pass(libc::SYS_linkat, [from as usize, name.as_ptr() as usize, dir, name_to, at as usize, 0])
    };
    if old.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        return to(libc::AT_FDCWD, &magic(old_dir.0), libc::AT_SYMLINK_FOLLOW);
    }
    let last = if flags & libc::AT_SYMLINK_FOLLOW != 0 { Last::Follow } else { Last::NoFollow };
    match call.vfs.locate(old_dir.0, old, last)? {
        Located::Entry { dir, name, must_be_dir, .. } => {
            if must_be_dir {
                is_folder(&dir, &name)?;
            }
            to(dir.raw(), name.c_str(), 0)
        }
        Located::Folder { .. } => Err(Errno::EPERM),
        // A descriptor's file, such as one that O_TMPFILE made, gets a name; what lies outside of the tree does not.
        Located::Object { fd, .. } if call.vfs.place_of(fd.as_raw_fd())?.is_some() => {
            to(libc::AT_FDCWD, &magic(fd.as_raw_fd()), libc::AT_SYMLINK_FOLLOW)
        }
        Located::Object { .. } | Located::Proc(_) | Located::Link(_) => Err(Errno::EXDEV),
    }
}

/// Fails unless a name is that of a folder: one with slashes behind it.
fn is_folder(dir: &Dir, name: &Name) -> Result<()> {
    open_entry(dir.raw(), name.c_str(), (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64, 0).map(drop)
}

/// symlink(2)
pub fn symlink(call: &mut Call, text: Path, path: Path) -> Result<usize> {
    symlinkat(call, text, AT, path)
}

/// symlinkat(2). The text is stored as it is.
pub fn symlinkat(call: &mut Call, text: Path, dir: Fd, path: Path) -> Result<usize> {
    let (mut a, mut b) = (PathBuffer::new(), PathBuffer::new());
    let (text, path) = (text.read(&mut a)?, path.read(&mut b)?);
    let entry = call.vfs.entry(dir.0, path, Errno::EEXIST)?;
    if call.vfs.writable(entry.mount).is_err() {
        return Err(exists_or_read_only(&entry));
    }
    let name = entry.name.c_str().as_ptr() as usize;
    linux::pass(libc::SYS_symlinkat, [text.as_ptr() as usize, entry.dir.raw() as usize, name, 0, 0, 0])
}

/// readlink(2)
pub fn readlink(call: &mut Call, path: Path, buffer: Addr, size: usize) -> Result<usize> {
    readlinkat(call, AT, path, buffer, size)
}

/// readlinkat(2). An empty path reads the link that the descriptor stands for.
pub fn readlinkat(call: &mut Call, dir: Fd, path: Path, buffer: Addr, size: usize) -> Result<usize> {
    if size as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    let mut room = PathBuffer::new();
    let path = path.read(&mut room)?;
    let give = |text: &[u8]| {
        let len = text.len().min(size);
        buffer.write_bytes(&text[..len]).map(|()| len)
    };
    if path.is_empty() {
        return linux::pass(libc::SYS_readlinkat, [dir.0 as usize, path.as_ptr() as usize, buffer.0, size, 0, 0]);
    }
    match call.vfs.locate(dir.0, path, Last::NoFollow)? {
        Located::Entry { dir, name, must_be_dir: true, .. } => is_folder(&dir, &name).and(Err(Errno::EINVAL)),
        Located::Entry { dir, name, .. } => {
            linux::pass(libc::SYS_readlinkat, [dir.raw() as usize, name.c_str().as_ptr() as usize, buffer.0, size, 0, 0])
        }
        Located::Folder { .. } | Located::Object { .. } => Err(Errno::EINVAL),
        Located::Proc(node) => give(&node.read_link(call.vfs)?),
        Located::Link(text) => give(text),
    }
}

/// chown(2)
pub fn chown(call: &mut Call, path: Path, user: u32, group: u32) -> Result<usize> {
    fchownat(call, AT, path, user, group, 0)
}

/// lchown(2)
pub fn lchown(call: &mut Call, path: Path, user: u32, group: u32) -> Result<usize> {
    fchownat(call, AT, path, user, group, libc::AT_SYMLINK_NOFOLLOW)
}

/// fchownat(2)
pub fn fchownat(call: &mut Call, dir: Fd, path: Path, user: u32, group: u32, flags: i32) -> Result<usize> {
    if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let change = |fd: i32| {
        if let Some(done) = owner::change(call, fd, user, group) {
            return done;
        }
        let empty = libc::AT_EMPTY_PATH as usize;
        linux::pass(libc::SYS_fchownat, [fd as usize, c"".as_ptr() as usize, user as usize, group as usize, empty, 0])
    };
    if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        call.vfs.changeable(dir.0)?;
        return change(dir.0);
    }
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    change(call.vfs.node_to_change(dir.0, path, last)?.fd.as_raw_fd())
}

/// truncate(2)
pub fn truncate(call: &mut Call, path: Path, len: usize) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let node = call.vfs.node_to_change(libc::AT_FDCWD, path.read(&mut buffer)?, Last::Follow)?;
    linux::pass(libc::SYS_truncate, [magic(node.fd.as_raw_fd()).as_ptr() as usize, len, 0, 0, 0, 0])
}

/// fchown(2)
pub fn fchown(call: &mut Call, fd: Fd, user: u32, group: u32) -> Result<usize> {
    call.vfs.changeable(fd.0)?;
    owner::change(call, fd.0, user, group).unwrap_or_else(|| call.pass(call.args))
}
