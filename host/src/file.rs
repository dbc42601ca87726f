//! Unsafe edge: files, folders and pipes of the host.
//!
//! Buffers are guest or host addresses; the kernel checks them and answers EFAULT.

use crate::errno::{Errno, Result, check, retry};
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub use libc::{
    O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC,
    O_WRONLY,
};

/// What kind of thing a file name leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileType {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    CharDevice,
    BlockDevice,
}

/// Facts about a file. Times are nanoseconds since 1970 (negative before).
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub mode: u32,
    pub kind: FileType,
    pub links: u32,
    pub size: u64,
    /// Bytes that are allocated on disk.
    pub allocated: u64,
    pub accessed: i64,
    pub modified: i64,
    pub changed: i64,
    /// Same as `modified` where the file system does not record it.
    pub created: i64,
}

fn c_path(path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|_| Errno::ENOENT)
}

/// Opens a file; O_CLOEXEC is added. `mode` applies when it is created.
pub fn open(path: &[u8], flags: i32, mode: u32) -> Result<OwnedFd> {
    // A short path needs no allocation: open is on the hottest path of all.
    let mut short = [0u8; 256];
    let long;
    let pointer = if path.len() < short.len() && !path.contains(&0) {
        short[..path.len()].copy_from_slice(path);
        short.as_ptr().cast()
    } else {
        long = c_path(path)?;
        long.as_ptr()
    };
    retry(|| {
        // SAFETY: a NUL-terminated path.
        let fd = unsafe { libc::open(pointer, flags | O_CLOEXEC, mode) };
        check(fd)?;
        // SAFETY: a new descriptor that nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    })
}

/// Reads at the file's own position. The buffer may be guest memory.
pub fn read(fd: RawFd, addr: usize, len: usize) -> Result<usize> {
    // SAFETY: the kernel checks the address; the caller owns or was given the range.
    retry(|| check(unsafe { libc::read(fd, addr as *mut _, len) } as i64)).map(|n| n as usize)
}

/// Reads at a position.
pub fn read_at(fd: RawFd, addr: usize, len: usize, offset: u64) -> Result<usize> {
    // SAFETY: as for read.
    retry(|| check(unsafe { libc::pread(fd, addr as *mut _, len, offset as i64) } as i64)).map(|n| n as usize)
}

/// Writes at the file's own position. The buffer may be guest memory.
pub fn write(fd: RawFd, addr: usize, len: usize) -> Result<usize> {
    // SAFETY: the kernel checks the address.
    from_memory(addr, len, || retry(|| check(unsafe { libc::write(fd, addr as *const _, len) } as i64)).map(|n| n as usize))
}

/// Makes a system call that reads guest memory, and once more if it met a page that is read in when it is touched:
/// system calls fail there instead.
pub(crate) fn from_memory<T>(addr: usize, len: usize, call: impl Fn() -> Result<T>) -> Result<T> {
    let touch = || (addr..addr + len).step_by(crate::mem::PAGE).chain([addr + len - 1]).all(|at| abi::fault::read::<u8>(at).is_ok());
    match call() {
        Err(Errno::EFAULT) if len != 0 && addr.checked_add(len).is_some() && touch() => call(),
        result => result,
    }
}

/// Writes at a position.
pub fn write_at(fd: RawFd, addr: usize, len: usize, offset: u64) -> Result<usize> {
    // SAFETY: the kernel checks the address.
    from_memory(addr, len, || retry(|| check(unsafe { libc::pwrite(fd, addr as *const _, len, offset as i64) } as i64)).map(|n| n as usize))
}

/// Writes all of a host slice.
pub fn write_all(fd: RawFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let n = write(fd, bytes.as_ptr() as usize, bytes.len())?;
        bytes = &bytes[n..];
    }
    Ok(())
}

/// Sets the file's own position; `whence` as for lseek(2).
pub fn seek(fd: RawFd, offset: i64, whence: i32) -> Result<u64> {
    // SAFETY: touches no memory.
    check(unsafe { libc::lseek(fd, offset, whence) }).map(|n| n as u64)
}

fn statx(dir: RawFd, path: &CString, flags: i32) -> Result<Stat> {
    // SAFETY: an all-zero statx is valid, and the call fills it.
    let raw = unsafe {
        let mut raw: libc::statx = std::mem::zeroed();
        check(libc::statx(dir, path.as_ptr(), flags, libc::STATX_BASIC_STATS | libc::STATX_BTIME, &mut raw))?;
        raw
    };
    let ns = |t: libc::statx_timestamp| t.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(t.tv_nsec));
    let kind = match u32::from(raw.stx_mode) & libc::S_IFMT {
        libc::S_IFDIR => FileType::Directory,
        libc::S_IFLNK => FileType::Symlink,
        libc::S_IFIFO => FileType::Fifo,
        libc::S_IFSOCK => FileType::Socket,
        libc::S_IFCHR => FileType::CharDevice,
        libc::S_IFBLK => FileType::BlockDevice,
        _ => FileType::Regular,
    };
    Ok(Stat {
        dev: libc::makedev(raw.stx_dev_major, raw.stx_dev_minor),
        ino: raw.stx_ino,
        mode: u32::from(raw.stx_mode),
        kind,
        links: raw.stx_nlink,
        size: raw.stx_size,
        allocated: raw.stx_blocks * 512,
        accessed: ns(raw.stx_atime),
        modified: ns(raw.stx_mtime),
        changed: ns(raw.stx_ctime),
        created: if raw.stx_mask & libc::STATX_BTIME != 0 { ns(raw.stx_btime) } else { ns(raw.stx_mtime) },
    })
}

/// Facts about an open file.
pub fn stat_fd(fd: RawFd) -> Result<Stat> {
    statx(fd, &CString::default(), libc::AT_EMPTY_PATH)
}

/// Facts about what a name leads to.
pub fn stat(path: &[u8]) -> Result<Stat> {
    statx(libc::AT_FDCWD, &c_path(path)?, 0)
}

/// Facts about a name itself, which may be a symbolic link.
pub fn stat_link(path: &[u8]) -> Result<Stat> {
    statx(libc::AT_FDCWD, &c_path(path)?, libc::AT_SYMLINK_NOFOLLOW)
}

/// Sets a file's length.
pub fn truncate(fd: RawFd, len: u64) -> Result<()> {
    let len = i64::try_from(len).map_err(|_| Errno::EFBIG)?;
    // SAFETY: touches no memory.
    retry(|| check(unsafe { libc::ftruncate(fd, len) })).map(drop)
}

/// Reserves disk space without changing the length.
pub fn allocate(fd: RawFd, len: u64) -> Result<()> {
    // SAFETY: touches no memory.
    retry(|| check(unsafe { libc::fallocate(fd, libc::FALLOC_FL_KEEP_SIZE, 0, len as i64) })).map(drop)
}

/// Forces a file to disk.
pub fn sync(fd: RawFd) -> Result<()> {
    // SAFETY: touches no memory.
    retry(|| check(unsafe { libc::fsync(fd) })).map(drop)
}

/// Removes a name.
pub fn unlink(path: &[u8]) -> Result<()> {
    // SAFETY: a NUL-terminated path.
    check(unsafe { libc::unlink(c_path(path)?.as_ptr()) }).map(drop)
}

/// Removes an empty folder.
pub fn remove_dir(path: &[u8]) -> Result<()> {
    // SAFETY: a NUL-terminated path.
    check(unsafe { libc::rmdir(c_path(path)?.as_ptr()) }).map(drop)
}

/// Makes a folder.
pub fn make_dir(path: &[u8], mode: u32) -> Result<()> {
    // SAFETY: a NUL-terminated path.
    check(unsafe { libc::mkdir(c_path(path)?.as_ptr(), mode) }).map(drop)
}

/// Renames; with `replace` false it fails with EEXIST when the new name is taken.
pub fn rename(from: &[u8], to: &[u8], replace: bool) -> Result<()> {
    let (from, to) = (c_path(from)?, c_path(to)?);
    let flags = if replace { 0 } else { libc::RENAME_NOREPLACE };
    // SAFETY: two NUL-terminated paths.
    check(unsafe { libc::renameat2(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), flags) }).map(drop)
}

/// Makes another name for a file.
pub fn hard_link(from: &[u8], to: &[u8]) -> Result<()> {
    let (from, to) = (c_path(from)?, c_path(to)?);
    // SAFETY: two NUL-terminated paths.
    check(unsafe { libc::link(from.as_ptr(), to.as_ptr()) }).map(drop)
}

/// Makes a symbolic link at `path`.
pub fn symlink(target: &[u8], path: &[u8]) -> Result<()> {
    let (target, path) = (c_path(target)?, c_path(path)?);
    // SAFETY: two NUL-terminated paths.
    check(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) }).map(drop)
}

/// What a symbolic link says.
pub fn read_link(path: &[u8]) -> Result<Vec<u8>> {
    let path = c_path(path)?;
    let mut buffer = vec![0u8; 4096];
    // SAFETY: the buffer has that size.
    let len = check(unsafe { libc::readlink(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) } as i64)?;
    buffer.truncate(len as usize);
    Ok(buffer)
}

/// The path by which the kernel knows an open file now.
pub fn path_of(fd: RawFd) -> Result<Vec<u8>> {
    read_link(format!("/proc/self/fd/{fd}").as_bytes())
}

/// Names in a folder, without `.` and `..`, with their types where the file system tells.
pub fn list(path: &[u8]) -> Result<Vec<(Vec<u8>, Option<FileType>)>> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let entries = std::fs::read_dir(std::ffi::OsStr::from_bytes(path))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type().ok().map(|t| {
            if t.is_dir() {
                FileType::Directory
            } else if t.is_symlink() {
                FileType::Symlink
            } else {
                FileType::Regular
            }
        });
        names.push((entry.file_name().into_vec(), kind));
    }
    Ok(names)
}

/// Whether a descriptor is a terminal.
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: touches no memory of ours.
    unsafe { libc::isatty(fd) == 1 }
}

/// Another descriptor for the same open file, closed on exec.
pub fn duplicate(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: touches no memory; the result is new.
    unsafe {
        let new = check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0))?;
        Ok(OwnedFd::from_raw_fd(new as RawFd))
    }
}

/// The descriptor 0, 1 or 2, closed on exec from now on. The caller is its only owner.
pub fn take_standard(number: RawFd) -> OwnedFd {
    // SAFETY: touches no memory; the caller vouches for the ownership.
    unsafe {
        libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        OwnedFd::from_raw_fd(number)
    }
}

/// Closes a standard descriptor but keeps its number: it stands for the null device then.
pub fn close_standard(number: RawFd) {
    if let Ok(null) = open(b"/dev/null", O_RDWR, 0) {
        // SAFETY: replaces a descriptor of the caller's.
        unsafe { libc::dup3(null.as_raw_fd(), number, O_CLOEXEC) };
    }
}

/// A pipe: read end, write end. Closed on exec.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: two new descriptors that nobody else owns.
    unsafe {
        check(libc::pipe2(fds.as_mut_ptr(), O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// Bytes that can be read at once from a pipe, socket or terminal.
pub fn available(fd: RawFd) -> Result<usize> {
    let mut count: i32 = 0;
    // SAFETY: FIONREAD writes an int.
    check(unsafe { libc::ioctl(fd, libc::FIONREAD, &mut count) })?;
    Ok(count.max(0) as usize)
}

/// Whether the other end of a pipe is gone.
pub fn hung_up(fd: RawFd) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd.
    unsafe { libc::poll(&mut poll, 1, 0) };
    poll.revents & libc::POLLHUP != 0
}

/// The open flags of a descriptor (access mode, O_APPEND, O_NONBLOCK).
pub fn flags(fd: RawFd) -> Result<i32> {
    // SAFETY: touches no memory.
    check(unsafe { libc::fcntl(fd, libc::F_GETFL) }).map(|n| n as i32)
}

/// Takes (or with `lock` None drops) a byte-range lock that belongs to the open file, across processes
/// too. Fails with EAGAIN when another open file holds a conflicting one.
pub fn lock_range(fd: RawFd, offset: u64, len: u64, exclusive: Option<bool>, wait: bool) -> Result<()> {
    // SAFETY: an all-zero flock is valid; the call reads it.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = match exclusive {
            Some(true) => libc::F_WRLCK,
            Some(false) => libc::F_RDLCK,
            None => libc::F_UNLCK,
        } as i16;
        lock.l_whence = libc::SEEK_SET as i16;
        // OFD locks end at the largest signed offset; Windows' may lie beyond it.
        lock.l_start = offset.min(i64::MAX as u64 - 1) as i64;
        lock.l_len = if offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64) { 0 } else { len as i64 };
        let command = if wait { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
        retry(|| check(libc::fcntl(fd, command, &lock))).map(drop)
    }
}

/// Size of a volume.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    pub block: u64,
    pub blocks: u64,
    pub free: u64,
    /// For users without privilege.
    pub available: u64,
    pub id: u64,
    pub read_only: bool,
}

/// The volume that an open file lies on.
pub fn volume(fd: RawFd) -> Result<Volume> {
    // SAFETY: an all-zero statvfs is valid, and the call fills it.
    unsafe {
        let mut raw: libc::statvfs = std::mem::zeroed();
        check(libc::fstatvfs(fd, &mut raw))?;
        Ok(Volume {
            block: raw.f_frsize,
            blocks: raw.f_blocks,
            free: raw.f_bfree,
            available: raw.f_bavail,
            id: raw.f_fsid,
            read_only: raw.f_flag & libc::ST_RDONLY != 0,
        })
    }
}

/// The number of a descriptor.
pub fn raw(fd: &OwnedFd) -> RawFd {
    fd.as_raw_fd()
}

/// A memory file that has no name.
pub fn memory_file(len: u64) -> Result<OwnedFd> {
    // SAFETY: a NUL-terminated name; the result is new.
    let fd = unsafe {
        let fd = check(libc::memfd_create(c"section".as_ptr(), libc::MFD_CLOEXEC))?;
        OwnedFd::from_raw_fd(fd as RawFd)
    };
    truncate(fd.as_raw_fd(), len)?;
    Ok(fd)
}

/// Whether the user may do this (R_OK 4, W_OK 2, X_OK 1) to what a name leads to.
pub fn access(path: &[u8], mode: i32) -> Result<()> {
    // SAFETY: a NUL-terminated path.
    check(unsafe { libc::access(c_path(path)?.as_ptr(), mode) }).map(drop)
}

/// Waits until a non-blocking pipe or socket takes data again.
pub fn wait_writable(fd: RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd.
    unsafe { libc::poll(&mut poll, 1, -1) };
}

/// Sets the permission bits of what a name leads to.
pub fn set_mode_path(path: &[u8], mode: u32) -> Result<()> {
    // SAFETY: a NUL-terminated path.
    check(unsafe { libc::chmod(c_path(path)?.as_ptr(), mode) }).map(drop)
}

/// Sets times by name; `follow`: of what a symbolic link leads to.
pub fn set_times_path(path: &[u8], accessed: Option<i64>, modified: Option<i64>, follow: bool) -> Result<()> {
    let times = [timespec(accessed), timespec(modified)];
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    // SAFETY: a NUL-terminated path and two timespecs.
    check(unsafe { libc::utimensat(libc::AT_FDCWD, c_path(path)?.as_ptr(), times.as_ptr(), flags) }).map(drop)
}

fn timespec(ns: Option<i64>) -> libc::timespec {
    match ns {
        Some(ns) => libc::timespec { tv_sec: ns.div_euclid(1_000_000_000), tv_nsec: ns.rem_euclid(1_000_000_000) },
        None => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT },
    }
}
