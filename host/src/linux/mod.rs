//! Unsafe edge: system calls of a Linux host as they are, for the Linux guest (posix-bridge).
//!
//! [`pass`] hands a guest's own arguments on. Addresses among them are the guest's, and the kernel checks them; a guest that
//! names memory which is not its own harms nobody but the process that it is. The others are what path resolution needs:
//! they work on descriptors and never through the C library's errno, which lies in thread-local storage.

pub mod answers;
pub mod engine;
mod state;
pub mod trap;

use crate::errno::{Errno, Result};
use std::arch::asm;
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Makes a system call.
#[inline]
pub fn pass(number: i64, args: [usize; 6]) -> Result<usize> {
    let result: i64;
    // SAFETY: the kernel keeps all registers but these; see the module on memory.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            in("r8") args[4], in("r9") args[5], lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}

/// Takes over a descriptor that a call has made.
pub fn own(fd: RawFd) -> OwnedFd {
    descriptor(fd as usize)
}

fn descriptor(fd: usize) -> OwnedFd {
    // SAFETY: a new descriptor that nobody else owns.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

fn at(fd: RawFd) -> usize {
    fd as usize
}

/// `struct open_how` of openat2(2).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct OpenHow {
    pub flags: u64,
    pub mode: u64,
    pub resolve: u64,
}

/// Opens `path` beneath `dir` as openat2(2) does; O_CLOEXEC is not added.
pub fn openat2(dir: RawFd, path: &CStr, how: OpenHow) -> Result<OwnedFd> {
    let call = || pass(libc::SYS_openat2, [at(dir), path.as_ptr() as usize, &raw const how as usize, size_of::<OpenHow>(), 0, 0]);
    call().map(descriptor)
}

/// Opens `path` without any limit on where it leads: for paths that are ours, not the guest's.
pub fn openat(dir: RawFd, path: &CStr, flags: i32, mode: u32) -> Result<OwnedFd> {
    pass(libc::SYS_openat, [at(dir), path.as_ptr() as usize, flags as usize, mode as usize, 0, 0]).map(descriptor)
}

/// Opens a file for reading by a path below a folder that is taken for the root directory: links lead nowhere else.
pub fn open_in_root(root: &CStr, path: &CStr) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let root = openat(libc::AT_FDCWD, root, libc::O_PATH | libc::O_CLOEXEC, 0)?;
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK) as u64;
    openat2(root.as_raw_fd(), path, OpenHow { flags, mode: 0, resolve: libc::RESOLVE_IN_ROOT })
}

/// Facts about `path`, or with an empty path and AT_EMPTY_PATH about `dir` itself.
pub fn fstatat(dir: RawFd, path: &CStr, flags: i32) -> Result<libc::stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    pass(libc::SYS_newfstatat, [at(dir), path.as_ptr() as usize, stat.as_mut_ptr() as usize, flags as usize, 0, 0])?;
    // SAFETY: the call filled it.
    Ok(unsafe { stat.assume_init() })
}

/// Facts about an open file, O_PATH descriptors and AT_FDCWD included.
pub fn fstat(fd: RawFd) -> Result<libc::stat> {
    fstatat(fd, c"", libc::AT_EMPTY_PATH)
}

/// The text of a symbolic link, as much of it as fits. An empty path reads the link that an O_PATH descriptor stands for.
pub fn readlinkat<'a>(dir: RawFd, path: &CStr, into: &'a mut [u8]) -> Result<&'a [u8]> {
    let len = pass(libc::SYS_readlinkat, [at(dir), path.as_ptr() as usize, into.as_mut_ptr() as usize, into.len(), 0, 0])?;
    Ok(&into[..len])
}

/// The path by which the kernel knows the current directory, or `(unreachable)…`.
pub fn getcwd(into: &mut [u8]) -> Result<&[u8]> {
    let len = pass(libc::SYS_getcwd, [into.as_mut_ptr() as usize, into.len(), 0, 0, 0, 0])?;
    Ok(&into[..len.saturating_sub(1)])
}

/// Moves a descriptor to the lowest free number that is at least `lowest`, closed on exec.
pub fn move_up(fd: OwnedFd, lowest: RawFd) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let call = || pass(libc::SYS_fcntl, [at(fd.as_raw_fd()), libc::F_DUPFD_CLOEXEC as usize, at(lowest), 0, 0, 0]);
    beyond_limit(lowest, Errno::EINVAL, call).map(descriptor)
}

/// The same, or the descriptor where it is if the limit on descriptors is too low for that.
pub fn move_up_if_possible(fd: OwnedFd, lowest: RawFd) -> OwnedFd {
    use std::os::fd::AsRawFd;
    let call = || pass(libc::SYS_fcntl, [at(fd.as_raw_fd()), libc::F_DUPFD_CLOEXEC as usize, at(lowest), 0, 0, 0]);
    match beyond_limit(lowest, Errno::EINVAL, call) {
        Ok(new) => descriptor(new),
        Err(_) => fd,
    }
}

/// Another descriptor of an open file, with the lowest number that is free.
pub fn duplicate(fd: &OwnedFd, close_on_exec: bool) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let command = if close_on_exec { libc::F_DUPFD_CLOEXEC } else { libc::F_DUPFD };
    pass(libc::SYS_fcntl, [at(fd.as_raw_fd()), command as usize, 0, 0, 0, 0]).map(descriptor)
}

/// Makes `new` another number for an open file, closed on exec.
pub fn copy_to(fd: RawFd, new: RawFd) -> Result<()> {
    let call = || pass(libc::SYS_dup3, [at(fd), at(new), libc::O_CLOEXEC as usize, 0, 0, 0]);
    beyond_limit(new, Errno::EBADF, call).map(drop)
}

/// Makes a call that needs descriptors around `number`, which fails with `error` if the limit on them is lower: then with a higher
/// soft limit, for this moment.
fn beyond_limit(number: RawFd, error: Errno, call: impl Fn() -> Result<usize>) -> Result<usize> {
    let first = call();
    if first != Err(error) {
        return first;
    }
    let set = |limits: &[u64; 2]| pass(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, limits.as_ptr() as usize, 0, 0, 0]);
    let old = limit(libc::RLIMIT_NOFILE as i32)?;
    let enough = (number as u64 + 64).min(old[1]);
    if old[0] >= enough {
        return first;
    }
    set(&[enough, old[1]])?;
    let second = call();
    set(&old)?;
    second
}

/// Reads at a position into host memory.
pub fn pread(fd: RawFd, into: &mut [u8], offset: u64) -> Result<usize> {
    pass(libc::SYS_pread64, [at(fd), into.as_mut_ptr() as usize, into.len(), offset as usize, 0, 0])
}

/// A memory file with a name that only /proc shows.
pub fn memfd(name: &CStr) -> Result<OwnedFd> {
    pass(libc::SYS_memfd_create, [name.as_ptr() as usize, libc::MFD_CLOEXEC as usize, 0, 0, 0, 0]).map(descriptor)
}

/// Which of the 64 numbers from `first` on are those of open files, as bits; without ones that are open for their paths only (O_PATH).
/// Fails if the limit on descriptors is below 64.
pub fn which_are_open(first: RawFd) -> Result<u64> {
    let mut polled = [libc::pollfd { fd: 0, events: 0, revents: 0 }; 64];
    polled.iter_mut().zip(first..).for_each(|(one, fd)| one.fd = fd);
    pass(libc::SYS_poll, [polled.as_mut_ptr() as usize, polled.len(), 0, 0, 0, 0])?;
    Ok(polled.iter().enumerate().filter(|(_, one)| one.revents & libc::POLLNVAL == 0).fold(0, |bits, (bit, _)| bits | 1 << bit))
}

/// Gives up ownership: the number is the guest's from now on.
pub fn release(fd: OwnedFd) -> usize {
    use std::os::fd::IntoRawFd;
    fd.into_raw_fd() as usize
}

/// Reads directory entries into host memory (`struct linux_dirent64`).
pub fn getdents64(fd: RawFd, into: &mut [u8]) -> Result<usize> {
    pass(libc::SYS_getdents64, [at(fd), into.as_mut_ptr() as usize, into.len(), 0, 0, 0])
}

/// A value of the auxiliary vector; 0: there is none.
pub fn auxiliary(kind: u64) -> usize {
    // SAFETY: reads the auxiliary vector.
    unsafe { libc::getauxval(kind) as usize }
}

/// The soft and the hard limit of a resource (RLIMIT_*).
pub fn limit(resource: i32) -> Result<[u64; 2]> {
    let mut limits = [0u64; 2];
    pass(libc::SYS_prlimit64, [0, resource as usize, 0, limits.as_mut_ptr() as usize, 0, 0])?;
    Ok(limits)
}

/// Tells the kernel where this process' arguments, environment and auxiliary vector are, for /proc (PR_SET_MM_MAP of
/// prctl(2)). `texts`: arguments from the first to the second, environment to the third. Best effort: not every kernel does it.
pub fn show_texts(texts: &[usize; 3], aux: (usize, usize)) {
    const PR_SET_MM: usize = 35;
    const PR_SET_MM_MAP: usize = 14;
    // SAFETY: asks where the break is.
    let brk = unsafe { libc::sbrk(0) } as u64;
    let here = show_texts as *const () as u64 & !4095;
    let [arguments, environment, end] = texts.map(|at| at as u64);
    // start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end, auxv,
    // auxv_size and exe_fd (uapi/linux/prctl.h, struct prctl_mm_map). Code and data are ours, and interest nobody.
    let size_and_no_file = aux.1 as u64 | 0xffff_ffff << 32;
    let map = [
        here,
        here + 4096,
        here,
        here + 4096,
        brk,
        brk,
        arguments,
        arguments,
        environment,
        environment,
        end,
        aux.0 as u64,
        size_and_no_file,
    ];
    let _ = pass(libc::SYS_prctl, [PR_SET_MM, PR_SET_MM_MAP, map.as_ptr() as usize, size_of_val(&map), 0, 0]);
}
