//! The list of system calls: number, name, arguments, function, how complete it is.
//!
//! `pass` hands a call on as it is, `wait` does so with one that may wait; others name their function. Those in round brackets are
//! handed on as they are unless the guest seems to be root. Those in braces change where names lead, or who may look: what is remembered of that is forgotten. Numbers and argument
//! order are those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl, and the man page of each).

use crate::args::{Addr, Arg, Fd, Mode, OpenFlags, Path};
use crate::call::Call;
use crate::{
    aio, fcntl, identity, inotify, ioctl, memory, mount, mqueue, process, resource, session, signal, socket, stat, time, unistd, xattr,
};
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
    /// Needs nothing of us: made as the guest makes it.
    pub fast: bool,
    /// The same, unless the guest seems to be root.
    pub fast_as_oneself: bool,
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
    ($call:ident, ($($function:tt)+), $($arg:ident: $type:ty),*) => {
        body!($call, [$($function)+], $($arg: $type),*)
    };
    ($call:ident, {$($function:tt)+}, $($arg:ident: $type:ty),*) => {{
        let result = body!($call, [$($function)+], $($arg: $type),*);
        session::names_changed();
        result
    }};
    ($call:ident, [$($function:tt)+], $($arg:ident: $type:ty),*) => {{
        let mut registers = $call.args.into_iter();
        let _ = &mut registers;
        $($function)+($call $(, <$type as Arg>::from_register(registers.next().unwrap_or(0)))*)
    }};
}

macro_rules! is_fast {
    (pass) => {
        true
    };
    (wait) => {
        true
    };
    ($how:tt) => {
        false
    };
}

macro_rules! is_about_identity {
    (($($function:tt)+)) => {
        true
    };
    ($how:tt) => {
        false
    };
}

macro_rules! table {
    ($($number:literal $name:ident($($arg:ident: $type:ty),*) $how:tt $level:ident $(($note:literal))?;)*) => {
        /// All that is answered, in no particular order.
        pub static LIST: &[Entry] = &[$(Entry {
            number: $number,
            name: stringify!($name),
            run: |call| body!(call, $how, $($arg: $type),*),
            level: Level::$level$(($note))?,
            fast: is_fast!($how),
            fast_as_oneself: is_about_identity!($how),
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
    82 rename(old: Path, new: Path) {unistd::rename} Full;
    84 rmdir(path: Path) {unistd::rmdir} Full;
    86 link(old: Path, new: Path) {unistd::link} Full;
    87 unlink(path: Path) {unistd::unlink} Full;
    88 symlink(text: Path, path: Path) {unistd::symlink} Full;
    89 readlink(path: Path, buffer: Addr, size: usize) [unistd::readlink] Full;
    76 truncate(path: Path, length: usize) [unistd::truncate] Full;
    92 chown(path: Path, user: u32, group: u32) {unistd::chown} Full;
    93 fchown(fd: Fd, user: u32, group: u32) {unistd::fchown} Full;
    94 lchown(path: Path, user: u32, group: u32) {unistd::lchown} Full;
    260 fchownat(dir: Fd, path: Path, user: u32, group: u32, flags: i32) {unistd::fchownat} Full;
    263 unlinkat(dir: Fd, path: Path, flags: i32) {unistd::unlinkat} Full;
    264 renameat(old_dir: Fd, old: Path, new_dir: Fd, new: Path) {unistd::renameat} Full;
    265 linkat(old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: i32) {unistd::linkat} Full;
    266 symlinkat(text: Path, dir: Fd, path: Path) {unistd::symlinkat} Full;
    267 readlinkat(dir: Fd, path: Path, buffer: Addr, size: usize) [unistd::readlinkat] Full;
    269 faccessat(dir: Fd, path: Path, mode: i32) [unistd::faccessat] Full;
    316 renameat2(old_dir: Fd, old: Path, new_dir: Fd, new: Path, flags: u32) {unistd::renameat2} Full;
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
    437 openat2(dir: Fd, path: Path, how: Addr, size: usize) [fcntl::openat2] Partial("below a directory that is not to be left, .. out of a mount point is EAGAIN");

    // linux/aio_abi.h
    206 io_setup(events: u32, context: Addr) [aio::io_setup] Full;
    207 io_destroy(context: usize) [aio::io_destroy] Full;
    208 io_getevents(context: usize, least: i64, most: i64, events: Addr, timeout: Addr) wait Full;
    209 io_submit(context: usize, count: i64, requests: Addr) wait Full;
    210 io_cancel(context: usize, request: Addr, result: Addr) pass Full;

    // sys/stat.h
    4 stat(path: Path, stat: Addr) [stat::stat] Full;
    5 fstat(fd: Fd, stat: Addr) (stat::fstat) Full;
    6 lstat(path: Path, stat: Addr) [stat::lstat] Full;
    83 mkdir(path: Path, mode: Mode) [stat::mkdir] Full;
    90 chmod(path: Path, mode: Mode) {stat::chmod} Full;
    91 fchmod(fd: Fd, mode: Mode) {stat::fchmod} Full;
    95 umask(mask: Mode) pass Full;
    132 utime(path: Path, times: Addr) [stat::utime] Full;
    133 mknod(path: Path, mode: Mode, device: usize) [stat::mknod] Partial("no devices; of those that a root makes who is none, only null and its like can be used");
    137 statfs(path: Path, buffer: Addr) [stat::statfs] Full;
    138 fstatfs(fd: Fd, buffer: Addr) pass Full;
    235 utimes(path: Path, times: Addr) [stat::utimes] Full;
    258 mkdirat(dir: Fd, path: Path, mode: Mode) [stat::mkdirat] Full;
    259 mknodat(dir: Fd, path: Path, mode: Mode, device: usize) [stat::mknodat] Partial("as mknod");
    261 futimesat(dir: Fd, path: Path, times: Addr) [stat::futimesat] Full;
    262 newfstatat(dir: Fd, path: Path, stat: Addr, flags: i32) [stat::newfstatat] Full;
    268 fchmodat(dir: Fd, path: Path, mode: Mode) {stat::fchmodat} Full;
    280 utimensat(dir: Fd, path: Path, times: Addr, flags: i32) [stat::utimensat] Full;
    332 statx(dir: Fd, path: Path, flags: i32, mask: u32, statx: Addr) [stat::statx] Full;
    452 fchmodat2(dir: Fd, path: Path, mode: Mode, flags: i32) {stat::fchmodat2} Full;

    // sys/xattr.h
    188 setxattr(path: Path, name: Addr, value: Addr, size: usize, flags: i32) {xattr::setxattr} Full;
    189 lsetxattr(path: Path, name: Addr, value: Addr, size: usize, flags: i32) {xattr::lsetxattr} Full;
    190 fsetxattr(fd: Fd) {xattr::fsetxattr} Full;
    191 getxattr(path: Path, name: Addr, value: Addr, size: usize) [xattr::getxattr] Full;
    192 lgetxattr(path: Path, name: Addr, value: Addr, size: usize) [xattr::lgetxattr] Full;
    193 fgetxattr(fd: Fd, name: Addr, value: Addr, size: usize) pass Full;
    194 listxattr(path: Path, list: Addr, size: usize) [xattr::listxattr] Full;
    195 llistxattr(path: Path, list: Addr, size: usize) [xattr::llistxattr] Full;
    196 flistxattr(fd: Fd, list: Addr, size: usize) pass Full;
    197 removexattr(path: Path, name: Addr) {xattr::removexattr} Full;
    198 lremovexattr(path: Path, name: Addr) {xattr::lremovexattr} Full;
    199 fremovexattr(fd: Fd) {xattr::fremovexattr} Full;

    // sys/socket.h
    41 socket(family: i32, kind: i32, protocol: i32) (socket::socket) Full;
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
    55 getsockopt(fd: Fd, level: i32, option: i32, value: Addr, length: Addr) (socket::getsockopt) Full;
    288 accept4(fd: Fd, address: Addr, length: Addr, flags: i32) [socket::accept4] Full;
    299 recvmmsg(fd: Fd, messages: Addr, count: u32, flags: i32, timeout: Addr) [socket::recvmmsg] Full;
    307 sendmmsg(fd: Fd, messages: Addr, count: u32, flags: i32) [socket::sendmmsg] Full;

    // poll.h, sys/select.h, sys/epoll.h
    7 poll(fds: Addr, count: usize, timeout: i32) wait Full;
    23 select(count: i32, read: Addr, write: Addr, except: Addr, timeout: Addr) wait Full;
    213 epoll_create(size: i32) pass Full;
    232 epoll_wait(epoll: Fd, events: Addr, count: i32, timeout: i32) wait Full;
    233 epoll_ctl(epoll: Fd, operation: i32, fd: Fd, event: Addr) pass Full;
    270 pselect6(count: i32, read: Addr, write: Addr, except: Addr, timeout: Addr, mask: Addr) [signal::pselect6] Full;
    271 ppoll(fds: Addr, count: usize, timeout: Addr, mask: Addr, size: usize) [signal::ppoll] Full;
    281 epoll_pwait(epoll: i32, events: Addr, count: i32, timeout: usize, mask: Addr, size: usize) [signal::epoll_pwait] Full;
    291 epoll_create1(flags: i32) pass Full;
    441 epoll_pwait2(epoll: i32, events: Addr, count: i32, timeout: usize, mask: Addr, size: usize) [signal::epoll_pwait] Full;

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

    // sys/mman.h, sys/shm.h, sys/sem.h, sys/msg.h
    9 mmap(address: usize, length: usize, protection: i32, flags: i32, fd: Fd, offset: usize) [memory::mmap] Full;
    10 mprotect(address: usize, length: usize, protection: i32) [memory::mprotect] Full;
    11 munmap(address: usize, length: usize) [memory::munmap] Full;
    12 brk(address: usize) [memory::brk] Full;
    25 mremap(old: usize, old_length: usize, new_length: usize, flags: i32, new: usize) [memory::mremap] Full;
    216 remap_file_pages(start: usize, len: usize, prot: i32, offset: usize, flags: i32) [memory::remap_file_pages] Full;
    26 msync(address: usize, length: usize, flags: i32) pass Full;
    27 mincore(address: usize, length: usize, vector: Addr) pass Full;
    28 madvise(address: usize, length: usize, advice: i32) pass Full;
    29 shmget(key: i32, size: usize, flags: i32) pass Full;
    30 shmat(id: i32, address: usize, flags: i32) [memory::shmat] Full;
    31 shmctl(id: i32, command: i32, buffer: Addr) pass Full;
    64 semget(key: i32, count: i32, flags: i32) pass Full;
    65 semop(id: i32, operations: Addr, count: usize) wait Full;
    66 semctl(id: i32, number: i32, command: i32, arg: usize) pass Full;
    67 shmdt(address: Addr) [memory::shmdt] Full;
    68 msgget(key: i32, flags: i32) pass Full;
    69 msgsnd(id: i32, message: Addr, size: usize, flags: i32) wait Full;
    70 msgrcv(id: i32, message: Addr, size: usize, kind: i64, flags: i32) wait Full;
    240 mq_open(name: Path, flags: i32, mode: Mode, attributes: Addr) [mqueue::mq_open] Full;
    241 mq_unlink(name: Path) [mqueue::mq_unlink] Full;
    242 mq_timedsend(queue: Fd, message: Addr, len: usize, priority: u32, timeout: Addr) wait Full;
    243 mq_timedreceive(queue: Fd, message: Addr, len: usize, priority: Addr, timeout: Addr) wait Full;
    244 mq_notify(queue: Fd, event: Addr) pass Full;
    245 mq_getsetattr(queue: Fd, new: Addr, old: Addr) pass Full;
    71 msgctl(id: i32, command: i32, buffer: Addr) pass Full;
    149 mlock(address: usize, length: usize) pass Full;
    150 munlock(address: usize, length: usize) pass Full;
    151 mlockall(flags: i32) pass Full;
    152 munlockall() pass Full;
    220 semtimedop(id: i32, operations: Addr, count: usize, timeout: Addr) wait Full;
    325 mlock2(address: usize, length: usize, flags: i32) pass Full;
    329 pkey_mprotect(address: usize, length: usize, protection: i32, key: i32) [memory::pkey_mprotect] Full;
    330 pkey_alloc(flags: u32, rights: u32) pass Full;
    331 pkey_free(key: i32) pass Full;
    237 mbind(address: usize, length: usize, mode: i32, nodes: Addr, count: usize, flags: u32) pass Full;
    238 set_mempolicy(mode: i32, nodes: Addr, count: usize) pass Full;
    239 get_mempolicy(mode: Addr, nodes: Addr, count: usize, address: usize, flags: u32) pass Full;

    // signal.h
    13 rt_sigaction(signal: i32, new: Addr, old: Addr, size: usize) [signal::rt_sigaction] Full;
    14 rt_sigprocmask(how: i32, set: Addr, old: Addr, size: usize) [signal::rt_sigprocmask] Full;
    15 rt_sigreturn() [signal::rt_sigreturn] Full;
    34 pause() wait Full;
    62 kill(pid: i32, signal: i32) pass Full;
    127 rt_sigpending(set: Addr, size: usize) pass Full;
    128 rt_sigtimedwait(set: Addr, info: Addr, timeout: Addr, size: usize) wait Full;
    129 rt_sigqueueinfo(pid: i32, signal: i32, info: Addr) pass Full;
    130 rt_sigsuspend(set: Addr, size: usize) [signal::rt_sigsuspend] Full;
    131 sigaltstack(new: Addr, old: Addr) [signal::sigaltstack] Full;
    200 tkill(tid: i32, signal: i32) pass Full;
    219 restart_syscall() wait Full;
    234 tgkill(pid: i32, tid: i32, signal: i32) pass Full;
    282 signalfd(fd: Fd, set: Addr, size: usize) pass Full;
    289 signalfd4(fd: Fd, set: Addr, size: usize, flags: i32) pass Full;
    297 rt_tgsigqueueinfo(pid: i32, tid: i32, signal: i32, info: Addr) pass Full;
    424 pidfd_send_signal(fd: Fd, signal: i32, info: Addr, flags: u32) pass Full;

    // unistd.h, sched.h, sys/wait.h: processes and threads
    24 sched_yield() pass Full;
    39 getpid() pass Full;
    56 clone(flags: u64, stack: usize, parent_tid: usize, child_tid: usize, tls: usize) [process::clone] Partial("no namespaces; processes share memory only as vfork's, and no descriptors; beside other threads only SIGCHLD");
    57 fork() [process::fork] Full;
    58 vfork() [process::vfork] Partial("of what the child writes, only the 32 KiB of its parent's stack above where it called are seen by it");
    59 execve(path: Path, arguments: Addr, environment: Addr) [process::execve] Partial("when the first thread has ended, another one keeps its id");
    60 exit(code: i32) [process::exit] Full;
    61 wait4(pid: i32, status: Addr, options: i32, usage: Addr) wait Full;
    109 setpgid(pid: i32, group: i32) pass Full;
    110 getppid() pass Full;
    111 getpgrp() pass Full;
    112 setsid() pass Full;
    121 getpgid(pid: i32) pass Full;
    124 getsid(pid: i32) pass Full;
    135 personality(persona: u32) [process::personality] Partial("no narrower address space; without address randomization the program alone has a fixed place");
    140 getpriority(which: i32, who: u32) pass Full;
    141 setpriority(which: i32, who: u32, priority: i32) pass Full;
    142 sched_setparam(pid: i32, param: Addr) pass Full;
    143 sched_getparam(pid: i32, param: Addr) pass Full;
    144 sched_setscheduler(pid: i32, policy: i32, param: Addr) pass Full;
    145 sched_getscheduler(pid: i32) pass Full;
    146 sched_get_priority_max(policy: i32) pass Full;
    147 sched_get_priority_min(policy: i32) pass Full;
    148 sched_rr_get_interval(pid: i32, interval: Addr) pass Full;
    157 prctl(option: i32) [process::prctl] Partial("nothing that changes how system calls are made");
    158 arch_prctl(code: i32, address: usize) [process::arch_prctl] Partial("no GS base");
    186 gettid() pass Full;
    202 futex(word: Addr, operation: i32, value: u32, timeout: usize, word2: Addr, value3: u32) wait Full;
    203 sched_setaffinity(pid: i32, size: usize, mask: Addr) pass Full;
    204 sched_getaffinity(pid: i32, size: usize, mask: Addr) pass Full;
    218 set_tid_address(at: Addr) [process::set_tid_address] Full;
    231 exit_group(code: i32) [process::exit_group] Full;
    247 waitid(kind: i32, id: i32, info: Addr, options: i32, usage: Addr) wait Full;
    251 ioprio_set(which: i32, who: i32, priority: i32) pass Full;
    252 ioprio_get(which: i32, who: i32) pass Full;
    273 set_robust_list(head: Addr, size: usize) pass Full;
    274 get_robust_list(pid: i32, head: Addr, size: Addr) pass Full;
    309 getcpu(processor: Addr, node: Addr) pass Full;
    314 sched_setattr(pid: i32, attributes: Addr, flags: u32) pass Full;
    315 sched_getattr(pid: i32, attributes: Addr, size: u32, flags: u32) pass Full;
    322 execveat(dir: Fd, path: Path, arguments: Addr, environment: Addr, flags: i32) [process::execveat] Partial("as execve");
    324 membarrier(command: i32, flags: u32, processor: i32) pass Full;
    334 rseq() [process::absent] Stub("a kernel without it");
    434 pidfd_open(pid: i32, flags: u32) pass Full;
    435 clone3(args: Addr, size: usize) [process::clone3] Partial("as clone; no set_tid, no cgroup");
    449 futex_waitv(waiters: Addr, count: u32, flags: u32, timeout: Addr, clock: i32) wait Full;

    // time.h, sys/time.h
    35 nanosleep(time: Addr, rest: Addr) wait Full;
    36 getitimer(which: i32, value: Addr) pass Full;
    37 alarm(seconds: u32) pass Full;
    38 setitimer(which: i32, new: Addr, old: Addr) pass Full;
    96 gettimeofday(time: Addr, zone: Addr) pass Full;
    100 times(buffer: Addr) pass Full;
    164 settimeofday() [process::refused] Stub("a caller without privilege");
    159 adjtimex(buffer: Addr) pass Full;
    201 time(at: Addr) pass Full;
    222 timer_create(clock: i32, event: Addr, timer: Addr) [time::timer_create] Full;
    223 timer_settime(timer: i32, flags: i32, new: Addr, old: Addr) pass Full;
    224 timer_gettime(timer: i32, value: Addr) pass Full;
    225 timer_getoverrun(timer: i32) pass Full;
    226 timer_delete(timer: i32) [time::timer_delete] Full;
    227 clock_settime() [process::refused] Stub("a caller without privilege");
    228 clock_gettime(clock: i32, time: Addr) pass Full;
    229 clock_getres(clock: i32, time: Addr) pass Full;
    230 clock_nanosleep(clock: i32, flags: i32, time: Addr, rest: Addr) wait Full;
    305 clock_adjtime(clock: i32, buffer: Addr) pass Full;

    // sys/resource.h, sys/sysinfo.h, sys/utsname.h, sys/random.h
    63 uname(buffer: Addr) pass Full;
    97 getrlimit(resource: i32, limit: Addr) [resource::getrlimit] Full;
    98 getrusage(who: i32, usage: Addr) pass Full;
    99 sysinfo(info: Addr) pass Full;
    160 setrlimit(resource: i32, limit: Addr) [resource::setrlimit] Full;
    302 prlimit64(pid: i32, resource: i32, new: Addr, old: Addr) [resource::prlimit64] Full;
    318 getrandom(buffer: Addr, size: usize, flags: u32) wait Full;

    // unistd.h, grp.h, sys/capability.h: identities
    102 getuid() (identity::getuid) Full;
    104 getgid() (identity::getgid) Full;
    105 setuid(user: u32) {identity::setuid} Full;
    106 setgid(group: u32) {identity::setgid} Full;
    107 geteuid() (identity::geteuid) Full;
    108 getegid() (identity::getegid) Full;
    113 setreuid(real: u32, effective: u32) {identity::setreuid} Full;
    114 setregid(real: u32, effective: u32) {identity::setregid} Full;
    115 getgroups(size: i32, list: Addr) (identity::getgroups) Full;
    116 setgroups(size: usize, list: Addr) {identity::setgroups} Full;
    117 setresuid(real: u32, effective: u32, saved: u32) {identity::setresuid} Full;
    118 getresuid(real: Addr, effective: Addr, saved: Addr) (identity::getresuid) Full;
    119 setresgid(real: u32, effective: u32, saved: u32) {identity::setresgid} Full;
    120 getresgid(real: Addr, effective: Addr, saved: Addr) (identity::getresgid) Full;
    122 setfsuid(user: u32) {identity::setfsuid} Full;
    123 setfsgid(group: u32) {identity::setfsgid} Full;
    125 capget(header: Addr, data: Addr) (identity::capget) Full;
    126 capset(header: Addr, data: Addr) {identity::capset} Full;

    // What reaches into other processes, the kernel or the whole system
    101 ptrace() [process::refused] Stub("a caller without privilege");
    103 syslog() [process::refused] Stub("a caller without privilege");
    153 vhangup() [process::refused] Stub("a caller without privilege");
    154 modify_ldt() [process::absent] Stub("a kernel without it");
    169 reboot() [process::refused] Stub("a caller without privilege");
    170 sethostname() [process::refused] Stub("a caller without privilege");
    171 setdomainname() [process::refused] Stub("a caller without privilege");
    172 iopl() [process::refused] Stub("a caller without privilege");
    173 ioperm() [process::refused] Stub("a caller without privilege");
    175 init_module() [process::refused] Stub("a caller without privilege");
    176 delete_module() [process::refused] Stub("a caller without privilege");
    246 kexec_load() [process::refused] Stub("a caller without privilege");
    248 add_key() [process::absent] Stub("a kernel without it");
    249 request_key() [process::absent] Stub("a kernel without it");
    250 keyctl() [process::absent] Stub("a kernel without it");
    272 unshare() [process::refused] Stub("a caller without privilege");
    298 perf_event_open() [process::refused] Stub("a caller without privilege");
    308 setns() [process::refused] Stub("a caller without privilege");
    310 process_vm_readv(pid: i32) [process::own_memory] Partial("the process itself alone");
    311 process_vm_writev(pid: i32) [process::own_memory] Partial("the process itself alone");
    312 kcmp() [process::refused] Stub("a caller without privilege");
    313 finit_module() [process::refused] Stub("a caller without privilege");
    317 seccomp() [process::absent] Stub("a kernel without it");
    321 bpf() [process::refused] Stub("a caller without privilege");
    440 process_madvise() [process::refused] Stub("a caller without privilege");
    448 process_mrelease() [process::refused] Stub("a caller without privilege");
    438 pidfd_getfd() [process::refused] Stub("a caller without privilege");
    444 landlock_create_ruleset() [process::absent] Stub("a kernel without it");

    // What Linux has no more
    134 uselib() [process::absent] Full;
    136 ustat() [process::absent] Full;
    174 create_module() [process::absent] Full;
    177 get_kernel_syms() [process::absent] Full;
    178 query_module() [process::absent] Full;
    180 nfsservctl() [process::absent] Full;

    // sys/mount.h and other matters of the whole system
    155 pivot_root() [mount::refused] Stub("a caller without privilege");
    163 acct() [mount::refused] Stub("a caller without privilege");
    165 mount() [mount::refused] Stub("a caller without privilege");
    166 umount2() [mount::refused] Stub("a caller without privilege");
    167 swapon() [mount::refused] Stub("a caller without privilege");
    168 swapoff() [mount::refused] Stub("a caller without privilege");
    179 quotactl() [mount::absent] Stub("a kernel without it");
    300 fanotify_init() [mount::absent] Stub("a kernel without it");
    323 userfaultfd() [mount::absent] Stub("a kernel without it");
    301 fanotify_mark() [mount::absent] Stub("a kernel without it");
    425 io_uring_setup() [mount::absent] Stub("a kernel without it");
    428 open_tree() [mount::refused] Stub("a caller without privilege");
    429 move_mount() [mount::refused] Stub("a caller without privilege");
    430 fsopen() [mount::refused] Stub("a caller without privilege");
    431 fsconfig() [mount::refused] Stub("a caller without privilege");
    432 fsmount() [mount::refused] Stub("a caller without privilege");
    433 fspick() [mount::refused] Stub("a caller without privilege");
    442 mount_setattr() [mount::refused] Stub("a caller without privilege");
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
