//! sys/stat.h: facts about files, permission bits, directories and special files.

use crate::args::{Addr, Fd, Mode, Path};
use crate::call::Call;
use crate::fcntl::node;
use crate::identity::owner;
use crate::vfs::path::PathBuffer;
use crate::vfs::resolve::{Last, Located, magic};
use host::linux;
use host::{Errno, Result};
use std::ffi::CStr;
use std::os::fd::AsRawFd;

const AT: Fd = Fd(libc::AT_FDCWD);
/// Where `struct stat` and `struct statx` have their mode.
const STAT_MODE: usize = std::mem::offset_of!(libc::stat, st_mode);
const STATX_MODE: usize = std::mem::offset_of!(libc::statx, stx_mode);

fn is_link(mode: u32) -> bool {
    mode & libc::S_IFMT == libc::S_IFLNK
}

/// stat(2)
pub fn stat(call: &mut Call, path: Path, buffer: Addr) -> Result<usize> {
    newfstatat(call, AT, path, buffer, 0)
}

/// lstat(2)
pub fn lstat(call: &mut Call, path: Path, buffer: Addr) -> Result<usize> {
    newfstatat(call, AT, path, buffer, libc::AT_SYMLINK_NOFOLLOW)
}

/// fstatat(2)
pub fn newfstatat(call: &mut Call, dir: Fd, path: Path, stat: Addr, flags: i32) -> Result<usize> {
    facts(call, dir, path, flags, |fd, name, at| {
        let done = linux::pass(libc::SYS_newfstatat, [fd as usize, name.as_ptr() as usize, stat.0, at as usize, 0, 0])?;
        owner::show_stat(call, stat, fd, name)?;
        Ok((done, stat.plus(STAT_MODE).read::<u32>()?))
    })
}

/// fstat(2)
pub fn fstat(call: &mut Call, fd: Fd, stat: Addr) -> Result<usize> {
    let done = call.pass(call.args)?;
    owner::show_stat(call, stat, fd.0, c"")?;
    Ok(done)
}

/// statx(2)
pub fn statx(call: &mut Call, dir: Fd, path: Path, flags: i32, mask: u32, statx: Addr) -> Result<usize> {
    let sync = flags & libc::AT_STATX_SYNC_TYPE;
    facts(call, dir, path, flags, |fd, name, at| {
        let at = (at | sync) as usize;
        let done = linux::pass(libc::SYS_statx, [fd as usize, name.as_ptr() as usize, at, (mask | libc::STATX_TYPE) as usize, statx.0, 0])?;
        owner::show_statx(call, statx, fd, name)?;
        Ok((done, u32::from(statx.plus(STATX_MODE).read::<u16>()?)))
    })
}

/// Lets `ask` write facts to the guest's memory; it gives the mode back.
fn facts(call: &Call, dir: Fd, path: Path, flags: i32, ask: impl Fn(i32, &CStr, i32) -> Result<(usize, u32)>) -> Result<usize> {
    let known = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT | libc::AT_STATX_SYNC_TYPE;
    if flags & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let empty = flags & libc::AT_EMPTY_PATH != 0;
    let path = if empty { path.read_or_empty(&mut buffer)? } else { path.read(&mut buffer)? };
    if path.is_empty() && empty {
        return ask(dir.0, c"", libc::AT_EMPTY_PATH).map(|(done, _)| done);
    }
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    let mut end = PathBuffer::new();
    let path = call.vfs.past_links(path, last == Last::Follow, &mut end);
    if let Some(located) = call.vfs.locate_quick(dir.0, path)?
        && !matches!(located, Located::Entry { must_be_dir: true, .. })
    {
        let (done, mode) = call.vfs.at(&located, &ask)?;
        if last == Last::NoFollow || !is_link(mode) {
            return Ok(done);
        }
    }
    let located = call.vfs.walk(dir.0, path, last)?;
    let (done, mode) = call.vfs.at(&located, &ask)?;
    match located {
        Located::Entry { must_be_dir: true, .. } if mode & libc::S_IFMT != libc::S_IFDIR => Err(Errno::ENOTDIR),
        _ => Ok(done),
    }
}

/// chmod(2)
pub fn chmod(call: &mut Call, path: Path, mode: Mode) -> Result<usize> {
    fchmodat(call, AT, path, mode)
}

/// fchmodat(2)
pub fn fchmodat(call: &mut Call, dir: Fd, path: Path, mode: Mode) -> Result<usize> {
    fchmodat2(call, dir, path, mode, 0)
}

/// fchmodat2(2)
pub fn fchmodat2(call: &mut Call, dir: Fd, path: Path, mode: Mode, flags: i32) -> Result<usize> {
    if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        call.vfs.changeable(dir.0)?;
        if let Some(done) = owner::change_mode(call, dir.0, mode.0) {
            return done;
        }
        return linux::pass(libc::SYS_fchmod, [dir.0 as usize, mode.0 as usize, 0, 0, 0, 0]);
    }
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    let node = call.vfs.node_to_change(dir.0, path, last)?;
    if is_link(linux::fstat(node.fd.as_raw_fd())?.st_mode) {
        return Err(Errno::EOPNOTSUPP);
    }
    if let Some(done) = owner::change_mode(call, node.fd.as_raw_fd(), mode.0) {
        return done;
    }
    let path = magic(node.fd.as_raw_fd());
    linux::pass(libc::SYS_fchmodat, [libc::AT_FDCWD as usize, path.as_ptr() as usize, mode.0 as usize, 0, 0, 0])
}

/// mkdir(2)
pub fn mkdir(call: &mut Call, path: Path, mode: Mode) -> Result<usize> {
    mkdirat(call, AT, path, mode)
}

/// mkdirat(2)
pub fn mkdirat(call: &mut Call, dir: Fd, path: Path, mode: Mode) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let entry = call.vfs.entry(dir.0, path.read(&mut buffer)?, Errno::EEXIST)?;
    if call.vfs.writable(entry.mount).is_err() {
        return Err(exists_or_read_only(&entry));
    }
    let done = linux::pass(libc::SYS_mkdirat, [entry.dir.raw() as usize, entry.name.c_str().as_ptr() as usize, mode.0 as usize, 0, 0, 0])?;
    owner::made(call, entry.dir.raw(), entry.name.c_str());
    Ok(done)
}

/// Creating what exists fails with EEXIST on a read-only file system too.
pub(crate) fn exists_or_read_only(entry: &crate::vfs::target::Entry) -> Errno {
    match linux::fstatat(entry.dir.raw(), entry.name.c_str(), libc::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => Errno::EEXIST,
        Err(_) => Errno::EROFS,
    }
}

/// mknod(2)
pub fn mknod(call: &mut Call, path: Path, mode: Mode, device: usize) -> Result<usize> {
    mknodat(call, AT, path, mode, device)
}

/// mknodat(2). Devices would be the host's.
pub fn mknodat(call: &mut Call, dir: Fd, path: Path, mode: Mode, device: usize) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let entry = call.vfs.entry_to_change(dir.0, path.read(&mut buffer)?, Errno::EEXIST)?;
    match mode.0 & libc::S_IFMT {
        libc::S_IFCHR | libc::S_IFBLK => {
            owner::make_device(call, entry.dir.raw(), entry.name.c_str(), mode.0, device as u32 as u64).unwrap_or(Err(Errno::EPERM))
        }
        _ => {
            let (at, name) = (entry.dir.raw(), entry.name.c_str());
            let done = linux::pass(libc::SYS_mknodat, [at as usize, name.as_ptr() as usize, mode.0 as usize, device, 0, 0])?;
            owner::made(call, at, name);
            Ok(done)
        }
    }
}

/// utimensat(2). Without a path it is about the descriptor.
pub fn utimensat(call: &mut Call, dir: Fd, path: Path, times: Addr, flags: i32) -> Result<usize> {
    if path.0 == 0 {
        call.vfs.changeable(dir.0)?;
        return call.pass([dir.0 as usize, 0, times.0, flags as usize, 0, 0]);
    }
    if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        call.vfs.changeable(dir.0)?;
        return call.pass([dir.0 as usize, c"".as_ptr() as usize, times.0, libc::AT_EMPTY_PATH as usize, 0, 0]);
    }
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    let node = call.vfs.node_to_change(dir.0, path, last)?;
    set_times(&node, times.0)
}

fn set_times(node: &crate::vfs::open::Node, times: usize) -> Result<usize> {
    let fd = node.fd.as_raw_fd() as usize;
    linux::pass(libc::SYS_utimensat, [fd, c"".as_ptr() as usize, times, libc::AT_EMPTY_PATH as usize, 0, 0])
}

/// fchmod(2)
pub fn fchmod(call: &mut Call, fd: Fd, mode: Mode) -> Result<usize> {
    call.vfs.changeable(fd.0)?;
    owner::change_mode(call, fd.0, mode.0).unwrap_or_else(|| call.pass(call.args))
}

/// utime(2)
pub fn utime(call: &mut Call, path: Path, times: Addr) -> Result<usize> {
    let times = match times.is_null() {
        true => None,
        false => Some(times.read::<[i64; 2]>()?.map(|seconds| [seconds, 0])),
    };
    set_path_times(call, AT, path, times)
}

/// utimes(2)
pub fn utimes(call: &mut Call, path: Path, times: Addr) -> Result<usize> {
    futimesat(call, AT, path, times)
}

/// futimesat(2)
pub fn futimesat(call: &mut Call, dir: Fd, path: Path, times: Addr) -> Result<usize> {
    let times = match times.is_null() {
        true => None,
        false => {
            let times = times.read::<[[i64; 2]; 2]>()?;
            if times.iter().any(|[_, microseconds]| !(0..1_000_000).contains(microseconds)) {
                return Err(Errno::EINVAL);
            }
            Some(times.map(|[seconds, microseconds]| [seconds, microseconds * 1000]))
        }
    };
    if path.0 == 0 {
        let times = times.as_ref().map_or(0, |times| times.as_ptr() as usize);
        return linux::pass(libc::SYS_utimensat, [dir.0 as usize, 0, times, 0, 0, 0]);
    }
    set_path_times(call, dir, path, times)
}

fn set_path_times(call: &Call, dir: Fd, path: Path, times: Option<[[i64; 2]; 2]>) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let node = call.vfs.node_to_change(dir.0, path.read(&mut buffer)?, Last::Follow)?;
    set_times(&node, times.as_ref().map_or(0, |times| times.as_ptr() as usize))
}

/// statfs(2)
pub fn statfs(call: &mut Call, path: Path, buffer: Addr) -> Result<usize> {
    let node = node(call, AT, path, Last::Follow)?;
    linux::pass(libc::SYS_fstatfs, [node.fd.as_raw_fd() as usize, buffer.0, 0, 0, 0, 0])
}
