//! The names of numbers among the arguments, as the headers have them.

use std::fmt::Write;

/// What the numbers of an argument mean.
enum Symbols {
    /// Each is one of these.
    One(&'static [(i64, &'static str)]),
    /// One of the first, and bits that may be set besides.
    Flags(&'static [(i64, &'static str)], &'static [(i64, &'static str)]),
    Signal,
}

macro_rules! names {
    ($($name:ident)*) => {
        &[$((libc::$name as i64, stringify!($name))),*]
    };
}

type Names = &'static [(i64, &'static str)];

const PROT: Names = names!(PROT_READ PROT_WRITE PROT_EXEC);
const MAP_KIND: Names = names!(MAP_SHARED_VALIDATE MAP_SHARED MAP_PRIVATE);
const MAP: Names = names!(MAP_FIXED_NOREPLACE MAP_FIXED MAP_ANONYMOUS MAP_GROWSDOWN MAP_DENYWRITE MAP_LOCKED MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK
    MAP_HUGETLB);
const MREMAP: Names = names!(MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP);
const ADVICE: Names = names!(MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE MADV_DONTFORK MADV_DOFORK
    MADV_HUGEPAGE MADV_NOHUGEPAGE MADV_DONTDUMP MADV_DODUMP);
const AT: Names = names!(AT_SYMLINK_NOFOLLOW AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH);
const ACCESS: Names = names!(R_OK W_OK X_OK);
const WHENCE: Names = names!(SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE);
const FCNTL: Names = names!(F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_DUPFD_CLOEXEC F_OFD_GETLK F_OFD_SETLK
    F_OFD_SETLKW F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS);
const LOCK: Names = names!(LOCK_SH LOCK_EX LOCK_UN LOCK_NB);
const OPEN: Names = names!(O_CLOEXEC O_NONBLOCK O_DIRECT);
const FAMILY: Names = names!(AF_UNSPEC AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET);
const SOCKET_KIND: Names = names!(SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET);
const SOCKET: Names = names!(SOCK_CLOEXEC SOCK_NONBLOCK);
const MSG: Names =
    names!(MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_TRUNC MSG_DONTWAIT MSG_WAITALL MSG_NOSIGNAL MSG_ERRQUEUE MSG_MORE MSG_CMSG_CLOEXEC);
const SHUT: Names = names!(SHUT_RD SHUT_WR SHUT_RDWR);
const EPOLL: Names = names!(EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD);
const CLOCK: Names = names!(CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE
    CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME);
const TIMER: Names = names!(TIMER_ABSTIME);
const FUTEX: Names = names!(FUTEX_WAIT FUTEX_WAKE FUTEX_FD FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI FUTEX_UNLOCK_PI FUTEX_TRYLOCK_PI
    FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET FUTEX_WAIT_REQUEUE_PI FUTEX_CMP_REQUEUE_PI);
const FUTEX_FLAGS: Names = names!(FUTEX_PRIVATE_FLAG FUTEX_CLOCK_REALTIME);
const CLONE: Names = names!(CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_VFORK CLONE_PARENT CLONE_THREAD CLONE_SYSVSEM CLONE_SETTLS
    CLONE_PARENT_SETTID CLONE_CHILD_CLEARTID CLONE_CHILD_SETTID CLONE_NEWNS CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET);
const CLONE_SIGNAL: Names = names!(SIGCHLD);
const WAIT: Names = names!(WNOHANG WUNTRACED WEXITED WCONTINUED WNOWAIT);
const WAIT_FOR: Names = names!(P_ALL P_PID P_PGID P_PIDFD);
const MASK: Names = names!(SIG_BLOCK SIG_UNBLOCK SIG_SETMASK);
const LIMIT: Names = names!(RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS
    RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME);
const MEMFD: Names = names!(MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB);
const RANDOM: Names = names!(GRND_NONBLOCK GRND_RANDOM);
const RENAME: Names = names!(RENAME_NOREPLACE RENAME_EXCHANGE);
const UNLINK: Names = names!(AT_REMOVEDIR);
const EVENTFD: Names = names!(EFD_CLOEXEC EFD_NONBLOCK EFD_SEMAPHORE);
const SIGNALS: Names = names!(SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT
    SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS);
const NONE: Names = &[];

/// The first signal without a name of its own (signal(7); the C library keeps two of those for itself).
const REAL_TIME: i64 = 32;

fn of(call: &str, argument: &str) -> Option<Symbols> {
    use Symbols::{Flags, One};
    Some(match (call, argument) {
        (_, "protection" | "prot") => Flags(NONE, PROT),
        (_, "signal") => Symbols::Signal,
        (_, "whence") => One(WHENCE),
        (_, "clock") => One(CLOCK),
        (_, "resource") => One(LIMIT),
        (_, "family") => One(FAMILY),
        ("socket" | "socketpair", "kind") => Flags(SOCKET_KIND, SOCKET),
        ("accept4", "flags") => Flags(NONE, SOCKET),
        ("mmap", "flags") => Flags(MAP_KIND, MAP),
        ("mremap", "flags") => Flags(NONE, MREMAP),
        ("madvise", "advice") => One(ADVICE),
        ("access" | "faccessat" | "faccessat2", "mode") => Flags(&[(0, "F_OK")], ACCESS),
        ("fcntl", "command") => One(FCNTL),
        ("flock", "operation") => Flags(NONE, LOCK),
        ("pipe2" | "dup3" | "epoll_create1" | "inotify_init1" | "timerfd_create" | "signalfd4", "flags") => Flags(NONE, OPEN),
        ("eventfd2", "flags") => Flags(NONE, EVENTFD),
        ("memfd_create", "flags") => Flags(NONE, MEMFD),
        ("getrandom", "flags") => Flags(NONE, RANDOM),
        ("renameat2", "flags") => Flags(NONE, RENAME),
        ("unlinkat", "flags") => Flags(NONE, UNLINK),
        ("fchownat" | "linkat" | "faccessat2" | "newfstatat" | "utimensat" | "statx" | "fchmodat2" | "execveat", "flags") => {
            Flags(NONE, AT)
        }
        ("sendto" | "recvfrom" | "sendmsg" | "recvmsg" | "sendmmsg" | "recvmmsg", "flags") => Flags(NONE, MSG),
        ("shutdown", "how") => One(SHUT),
        ("rt_sigprocmask", "how") => One(MASK),
        ("epoll_ctl", "operation") => One(EPOLL),
        ("futex", "operation") => Flags(FUTEX, FUTEX_FLAGS),
        ("clone", "flags") => Flags(CLONE_SIGNAL, CLONE),
        ("wait4" | "waitid", "options") => Flags(NONE, WAIT),
        ("waitid", "kind") => One(WAIT_FOR),
        ("clock_nanosleep" | "timer_settime" | "timerfd_settime", "flags") => Flags(NONE, TIMER),
        _ => return None,
    })
}

/// Writes an argument by its name. False: it has none.
pub fn write(call: &str, argument: &str, raw: usize, out: &mut String) -> bool {
    let number = i64::from(raw as i32);
    let Some(symbols) = of(call, argument) else { return false };
    let name_of = |names: Names, number| names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    match symbols {
        Symbols::One(names) => match name_of(names, number) {
            Some(name) => out.push_str(name),
            None => return false,
        },
        Symbols::Signal => match name_of(SIGNALS, number) {
            Some(name) => out.push_str(name),
            None if (REAL_TIME..=64).contains(&number) => drop(write!(out, "SIGRT_{}", number - REAL_TIME)),
            None => return false,
        },
        Symbols::Flags(kinds, flags) => {
            // What is no flag says what kind it is.
            let (set, rest) = flags.iter().fold((Vec::new(), number), |(mut set, rest), (flag, name)| {
                let is_set = rest & flag == *flag;
                set.extend(is_set.then_some(*name));
                (set, if is_set { rest & !flag } else { rest })
            });
            let mut parts: Vec<String> = Vec::new();
            match name_of(kinds, rest) {
                Some(kind) => parts.push(kind.into()),
                None if rest != 0 => parts.push(format!("{rest:#x}")),
                None => {}
            }
            parts.extend(set.into_iter().map(String::from));
            if parts.is_empty() {
                return false;
            }
            out.push_str(&parts.join("|"));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(call: &str, argument: &str, raw: i32) -> Option<String> {
        let mut out = String::new();
        write(call, argument, raw as u32 as usize, &mut out).then_some(out)
    }

    #[test]
    fn as_the_headers_have_them() {
        let shown = |call, argument, raw| shown(call, argument, raw).unwrap_or_default();
        assert_eq!(shown("mmap", "protection", 5), "PROT_READ|PROT_EXEC");
        assert_eq!(shown("mmap", "flags", 0x812), "MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE");
        assert_eq!(shown("mmap", "flags", 0x40_0002), "0x400002", "nobody knows");
        assert_eq!(shown("mmap", "flags", 0x22), "MAP_PRIVATE|MAP_ANONYMOUS");
        assert_eq!(shown("futex", "operation", 0x189), "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME");
        assert_eq!(shown("clone", "flags", 0x0120_0011), "SIGCHLD|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID");
        assert_eq!(shown("kill", "signal", 9), "SIGKILL");
        assert_eq!(shown("kill", "signal", 34), "SIGRT_2");
        assert_eq!(shown("socket", "kind", 0x80801), "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK");
        assert_eq!(shown("access", "mode", 0), "F_OK");
    }

    #[test]
    fn what_has_no_name() {
        assert_eq!(shown("lseek", "whence", 77), None);
        assert_eq!(shown("pipe2", "flags", 0), None);
        assert_eq!(shown("kill", "signal", 0), None);
        assert_eq!(shown("read", "count", 1), None);
    }
}
