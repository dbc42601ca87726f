//! The list of system calls: number, name, arguments, function, how complete it is.
//!
//! `pass` hands a call on as it is, `wait` does so with one that may wait; others name their function. Numbers and argument
//! order are those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl, and the man page of each).

use crate::args::{Addr, Arg, Fd, Mode, OpenFlags, Path};
use crate::call::Call;
use crate::{fcntl, inotify, ioctl, mount, socket, stat, unistd, xattr};
use host::{Errno, Result};

/// How complete a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Full,
    /// What is missing.
    Partial(&'static str),
    /// What it pretends.
    Stub(&'static str),
}

/// One system call.
pub struct Entry {
    pub number: usize,
    pub name: &'static str,
    pub run: fn(&mut Call) -> Result<usize>,
    pub level: Level,
    /// Names and types of the arguments, for traces.
    pub args: &'static [(&'static str, &'static str)],
}

/// More than any number in the list.
const LIMIT: usize = 512;

macro_rules! body {
    ($call:ident, pass, $($arg:ident: $type:ty),*) => {{
        let args = $call.args;
        $call.pass(args)
    }};
    ($call:ident, wait, $($arg:ident: $type:ty),*) => {{
        let args = $call.args;
        $call.wait(args)
    }};
    ($call:ident, [$($function:tt)+], $($arg:ident: $type:ty),*) => {{
        let mut registers = $call.args.into_iter();
        let _ = &mut registers;
        $($function)+($call $(, <$type as Arg>::from_register(registers.next().unwrap_or(0)))*)
    }};
}

macro_rules! table {
    ($($number:literal $name:ident($($arg:ident: $type:ty),*) $how:tt $level:ident $(($note:literal))?;)*) => {
        /// All that is answered, in no particular order.
        pub static LIST: &[Entry] = &[$(Entry {
            number: $number,
            name: stringify!($name),
            run: |call| body!(call, $how, $($arg: $type),*),
            level: Level::$level$(($note))?,
            args: &[$((stringify!($arg), stringify!($type))),*],
        }),*];
    };
}

table! {
    // unistd.h, sys/uio.h: descriptors
    0 read(fd: Fd, buffer: Addr, count: usize) wait Full;
    1 write(fd: Fd, buffer: Addr, count: usize) wait Full;
    3 close(fd: Fd) [unistd::close] Full;
    8 lseek(fd: Fd, offset: i64, whence: i32) pass Full;
    17 pread64(fd: Fd, buffer: Addr, count: usize, offset: i64) wait Full;
    18 pwrite64(fd: Fd, buffer: Addr, count: usize, offset: i64) wait Full;
    19 readv(fd: Fd, vectors: Addr, count: i32) wait Full;
    20 writev(fd: Fd, vectors: Addr, count: i32) wait Full;
    22 pipe(fds: Addr) pass Full;
    32 dup(fd: Fd) pass Full;
    33 dup2(old: Fd, new: Fd) [unistd::dup2] Full;
    74 fsync(fd: Fd) pass Full;
    75 fdatasync(fd: Fd) pass Full;
    77 ftruncate(fd: Fd, length: i64) pass Full;
    162 sync() pass Full;
    292 dup3(old: Fd, new: Fd, flags: i32) [unistd::dup3] Full;
    293 pipe2(fds: Addr, flags: i32) pass Full;
    295 preadv(fd: Fd, vectors: Addr, count: i32, low: usize, high: usize) wait Full;
    296 pwritev(fd: Fd, vectors: Addr, count: i32, low: usize, high: usize) wait Full;
    306 syncfs(fd: Fd) pass Full;
    327 preadv2(fd: Fd, vectors: Addr, count: i32, low: usize, high: usize, flags: i32) wait Full;
    328 pwritev2(fd: Fd, vectors: Addr, count: i32, low: usize, high: usize, flags: i32) wait Full;
    436 close_range(first: u32, last: u32, flags: u32) [unistd::close_range] Full;

    // unistd.h: names
    21 access(path: Path, mode: i32) [unistd::access] Full;
    82 rename(old: Path, new: Path) [unistd::rename] Full;
    84 rmdir(path: Path) [unistd::rmdir] Full;
    86 link(old: Path, new: Path) [unistd::link] Full;
    87 unlink(path: Path) [unistd::unlink] Full;
    88 symlink(text: Path, path: Path) [unistd::symlink] Full;
    89 readlink(path: Path, buffer: Addr, size: usize) [unistd::readlink] Full;
    76 truncate(path: Path, length: usize) [unistd::truncate] Full;
    92 chown(path: Path, user: u32, group: u32) [unistd::chown] Full;
    93 fchown(fd: Fd, user: u32, group: u32) pass Full;
    94 lchown(path: Path, user: u32, group: u32) [unistd::lchown] Full;
    260 fchownat(dir: Fd, path: Path, user: u32, group: u32, flags: i32) [unistd::fchownat] Full;
    263 unlinkat(dir: Fd, path: Path, flags: i32) [unistd::unlinkat] Full;
    264 renameat(old_dir: Fd, old: Path, new_dir: Fd, new: Path) [unistd::renameat] Full;
    265 linkat(old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: i32) [unistd::linkat] Full;
    266 symlinkat(text: Path, dir: Fd, path: Path) [unistd::symlinkat] Full;
    267 readlinkat(dir: Fd, path: Path, buffer: Addr, size: usize) [unistd::readlinkat] Full;
    269 faccessat(dir: Fd, path: Path, mode: i32) [unistd::faccessat] Full;
    316 renameat2(old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: u32) [unistd::renameat2] Full;
    439 faccessat2(dir: Fd, path: Path, mode: i32, flags: i32) [unistd::faccessat2] Full;

    // unistd.h, dirent.h: directories
    78 getdents(dir: Fd, buffer: Addr, size: usize) [unistd::getdents] Full;
    79 getcwd(buffer: Addr, size: usize) [unistd::getcwd] Full;
    80 chdir(path: Path) [unistd::chdir] Full;
    81 fchdir(dir: Fd) [unistd::fchdir] Full;
    161 chroot(path: Path) [unistd::chroot] Partial("at most 16 times in a process");
    217 getdents64(dir: Fd, buffer: Addr, size: usize) [unistd::getdents64] Partial("what a mount point covers keeps the type of its own");

    // fcntl.h
    2 open(path: Path, flags: OpenFlags, mode: Mode) [fcntl::open] Full;
    72 fcntl(fd: Fd, command: i32, arg: usize) [fcntl::fcntl] Full;
    73 flock(fd: Fd, operation: i32) wait Full;
    85 creat(path: Path, mode: Mode) [fcntl::creat] Full;
    187 readahead(fd: Fd, offset: i64, count: usize) pass Full;
    221 fadvise64(fd: Fd, offset: i64, length: usize, advice: i32) pass Full;
    257 openat(dir: Fd, path: Path, flags: OpenFlags, mode: Mode) [fcntl::openat] Full;
    275 splice(from: Fd, from_offset: Addr, to: Fd, to_offset: Addr, count: usize, flags: u32) wait Full;
    276 tee(from: Fd, to: Fd, count: usize, flags: u32) wait Full;
    277 sync_file_range(fd: Fd, offset: i64, count: i64, flags: u32) pass Full;
    278 vmsplice(fd: Fd, vectors: Addr, count: usize, flags: u32) wait Full;
    285 fallocate(fd: Fd, mode: i32, offset: i64, length: i64) pass Full;
    303 name_to_handle_at(dir: Fd, path: Path) [fcntl::name_to_handle_at] Stub("a file system without handles");
    304 open_by_handle_at(mount: Fd, handle: Addr, flags: OpenFlags) [fcntl::open_by_handle_at] Stub("a caller without privilege");
    326 copy_file_range(from: Fd, from_offset: Addr, to: Fd, to_offset: Addr, count: usize, flags: u32) wait Full;
    40 sendfile(to: Fd, from: Fd, offset: Addr, count: usize) wait Full;
    437 openat2(dir: Fd, path: Path, how: Addr, size: usize) [fcntl::openat2] Partial("RESOLVE_IN_ROOT and RESOLVE_BENEATH only where no mount point is near");

    // sys/stat.h
    4 stat(path: Path, stat: Addr) [stat::stat] Full;
    5 fstat(fd: Fd, stat: Addr) pass Full;
    6 lstat(path: Path, stat: Addr) [stat::lstat] Full;
    83 mkdir(path: Path, mode: Mode) [stat::mkdir] Full;
    90 chmod(path: Path, mode: Mode) [stat::chmod] Full;
    91 fchmod(fd: Fd, mode: Mode) pass Full;
    95 umask(mask: Mode) pass Full;
    132 utime(path: Path, times: Addr) [stat::utime] Full;
    133 mknod(path: Path, mode: Mode, device: usize) [stat::mknod] Partial("no devices");
    137 statfs(path: Path, buffer: Addr) [stat::statfs] Full;
    138 fstatfs(fd: Fd, buffer: Addr) pass Full;
    235 utimes(path: Path, times: Addr) [stat::utimes] Full;
    258 mkdirat(dir: Fd, path: Path, mode: Mode) [stat::mkdirat] Full;
    259 mknodat(dir: Fd, path: Path, mode: Mode, device: usize) [stat::mknodat] Partial("no devices");
    261 futimesat(dir: Fd, path: Path, times: Addr) [stat::futimesat] Full;
    262 newfstatat(dir: Fd, path: Path, stat: Addr, flags: i32) [stat::newfstatat] Full;
    268 fchmodat(dir: Fd, path: Path, mode: Mode) [stat::fchmodat] Full;
    280 utimensat(dir: Fd, path: Path, times: Addr, flags: i32) [stat::utimensat] Full;
    332 statx(dir: Fd, path: Path, flags: i32, mask: u32, statx: Addr) [stat::statx] Full;
    452 fchmodat2(dir: Fd, path: Path, mode: Mode, flags: i32) [stat::fchmodat2] Full;

    // sys/xattr.h
    188 setxattr(path: Path, name: Addr, value: Addr, size: usize, flags: i32) [xattr::setxattr] Full;
    189 lsetxattr(path: Path, name: Addr, value: Addr, size: usize, flags: i32) [xattr::lsetxattr] Full;
    190 fsetxattr(fd: Fd, name: Addr, value: Addr, size: usize, flags: i32) pass Full;
    191 getxattr(path: Path, name: Addr, value: Addr, size: usize) [xattr::getxattr] Full;
    192 lgetxattr(path: Path, name: Addr, value: Addr, size: usize) [xattr::lgetxattr] Full;
    193 fgetxattr(fd: Fd, name: Addr, value: Addr, size: usize) pass Full;
    194 listxattr(path: Path, list: Addr, size: usize) [xattr::listxattr] Full;
    195 llistxattr(path: Path, list: Addr, size: usize) [xattr::llistxattr] Full;
    196 flistxattr(fd: Fd, list: Addr, size: usize) pass Full;
    197 removexattr(path: Path, name: Addr) [xattr::removexattr] Full;
    198 lremovexattr(path: Path, name: Addr) [xattr::lremovexattr] Full;
    199 fremovexattr(fd: Fd, name: Addr) pass Full;

    // sys/socket.h
    41 socket(family: i32, kind: i32, protocol: i32) pass Full;
    42 connect(fd: Fd, address: Addr, length: u32) [socket::connect] Full;
    43 accept(fd: Fd, address: Addr, length: Addr) [socket::accept] Full;
    44 sendto(fd: Fd, data: Addr, size: usize, flags: i32, address: Addr, length: u32) [socket::sendto] Full;
    45 recvfrom(fd: Fd, data: Addr, size: usize, flags: i32, address: Addr, length: Addr) [socket::recvfrom] Full;
    46 sendmsg(fd: Fd, message: Addr, flags: i32) [socket::sendmsg] Full;
    47 recvmsg(fd: Fd, message: Addr, flags: i32) [socket::recvmsg] Full;
    48 shutdown(fd: Fd, how: i32) pass Full;
    49 bind(fd: Fd, address: Addr, length: u32) [socket::bind] Partial("of local sockets' paths, other processes are told the last name; it may have about 85 bytes");
    50 listen(fd: Fd, backlog: i32) pass Full;
    51 getsockname(fd: Fd, address: Addr, length: Addr) [socket::getsockname] Full;
    52 getpeername(fd: Fd, address: Addr, length: Addr) [socket::getpeername] Full;
    53 socketpair(family: i32, kind: i32, protocol: i32, fds: Addr) pass Full;
    54 setsockopt(fd: Fd, level: i32, option: i32, value: Addr, length: u32) pass Full;
    55 getsockopt(fd: Fd, level: i32, option: i32, value: Addr, length: Addr) pass Full;
    288 accept4(fd: Fd, address: Addr, length: Addr, flags: i32) [socket::accept4] Full;
    299 recvmmsg(fd: Fd, messages: Addr, count: u32, flags: i32, timeout: Addr) [socket::recvmmsg] Full;
    307 sendmmsg(fd: Fd, messages: Addr, count: u32, flags: i32) [socket::sendmmsg] Full;

    // poll.h, sys/select.h, sys/epoll.h
    7 poll(fds: Addr, count: usize, timeout: i32) wait Full;
    23 select(count: i32, read: Addr, write: Addr, except: Addr, timeout: Addr) wait Full;
    213 epoll_create(size: i32) pass Full;
    232 epoll_wait(epoll: Fd, events: Addr, count: i32, timeout: i32) wait Full;
    233 epoll_ctl(epoll: Fd, operation: i32, fd: Fd, event: Addr) pass Full;
    270 pselect6(count: i32, read: Addr, write: Addr, except: Addr, timeout: Addr, mask: Addr) wait Full;
    271 ppoll(fds: Addr, count: usize, timeout: Addr, mask: Addr, size: usize) wait Full;
    281 epoll_pwait(epoll: Fd, events: Addr, count: i32, timeout: i32, mask: Addr, size: usize) wait Full;
    291 epoll_create1(flags: i32) pass Full;
    441 epoll_pwait2(epoll: Fd, events: Addr, count: i32, timeout: Addr, mask: Addr, size: usize) wait Full;

    // sys/eventfd.h, sys/timerfd.h, sys/inotify.h, sys/mman.h
    253 inotify_init() pass Full;
    254 inotify_add_watch(fd: Fd, path: Path, mask: u32) [inotify::inotify_add_watch] Full;
    255 inotify_rm_watch(fd: Fd, watch: i32) pass Full;
    283 timerfd_create(clock: i32, flags: i32) pass Full;
    284 eventfd(count: u32) pass Full;
    286 timerfd_settime(fd: Fd, flags: i32, new: Addr, old: Addr) pass Full;
    287 timerfd_gettime(fd: Fd, value: Addr) pass Full;
    290 eventfd2(count: u32, flags: i32) pass Full;
    294 inotify_init1(flags: i32) pass Full;
    319 memfd_create(name: Path, flags: u32) pass Full;

    // sys/ioctl.h
    16 ioctl(fd: Fd, request: u32, arg: usize) [ioctl::ioctl] Partial("terminals, files, sockets and timers; nothing of devices");

    // sys/mount.h and other matters of the whole system
    155 pivot_root() [mount::refused] Stub("a caller without privilege");
    163 acct() [mount::refused] Stub("a caller without privilege");
    165 mount() [mount::refused] Stub("a caller without privilege");
    166 umount2() [mount::refused] Stub("a caller without privilege");
    167 swapon() [mount::refused] Stub("a caller without privilege");
    168 swapoff() [mount::refused] Stub("a caller without privilege");
    179 quotactl() [mount::absent] Stub("a kernel without it");
    206 io_setup() [mount::absent] Stub("a kernel without it");
    300 fanotify_init() [mount::absent] Stub("a kernel without it");
    323 userfaultfd() [mount::absent] Stub("a kernel without it");
    425 io_uring_setup() [mount::absent] Stub("a kernel without it");
    428 open_tree() [mount::refused] Stub("a caller without privilege");
    429 move_mount() [mount::refused] Stub("a caller without privilege");
    430 fsopen() [mount::refused] Stub("a caller without privilege");
}

/// Where each number stands in [`LIST`], plus one; 0 for those that are not in it.
static INDEX: [u16; LIMIT] = {
    let mut index = [0; LIMIT];
    let mut i = 0;
    while i < LIST.len() {
        assert!(index[LIST[i].number] == 0, "a number stands twice in the table");
        index[LIST[i].number] = i as u16 + 1;
        i += 1;
    }
    index
};

/// The entry of a number.
pub fn find(number: usize) -> Option<&'static Entry> {
    match INDEX.get(number) {
        None | Some(0) => None,
        Some(&i) => LIST.get(usize::from(i) - 1),
    }
}

/// Answers a system call.
pub fn dispatch(call: &mut Call) -> Result<usize> {
    match find(call.number) {
        Some(entry) => (entry.run)(call),
        None => Err(Errno::ENOSYS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        for (number, name) in [
            (libc::SYS_openat, "openat"),
            (libc::SYS_newfstatat, "newfstatat"),
            (libc::SYS_epoll_pwait2, "epoll_pwait2"),
            (libc::SYS_fchmodat2, "fchmodat2"),
            (libc::SYS_timerfd_create, "timerfd_create"),
            (libc::SYS_recvmmsg, "recvmmsg"),
            (libc::SYS_lremovexattr, "lremovexattr"),
        ] {
            assert_eq!(find(number as usize).map(|entry| entry.name), Some(name));
        }
        assert!(find(LIMIT).is_none());
    }
}
