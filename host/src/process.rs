//! Unsafe edge: this process, its standard descriptors, and what the machine has.

use std::ffi::CStr;

/// What a host program has to do first, and no more of what Rust's own start does: a broken pipe is an error, not a signal,
/// and the standard descriptors are open, so that no file gets their numbers.
pub fn begin() {
    // SAFETY: plain calls at the start of the process.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        let mut standard = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
        if libc::poll(standard.as_mut_ptr(), 3, 0) > 0 && standard.iter().any(|p| p.revents & libc::POLLNVAL != 0) {
            while (0..=2).contains(&libc::open(c"/dev/null".as_ptr(), libc::O_RDWR)) {}
        }
    }
}

/// Has a broken pipe end this process quietly, as it does other commands that print.
pub fn end_by_broken_pipe() {
    // SAFETY: a plain call; the default action touches no memory.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Ends the process at once, without running host exit handlers.
pub fn exit(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// The host's number for this process.
pub fn id() -> u32 {
    std::process::id()
}

/// Bytes of physical memory: all, and available now.
pub fn memory() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim_start_matches(':').trim().split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    };
    (field("MemTotal"), field("MemAvailable"))
}

/// Resident and peak resident bytes of this process.
pub fn resident() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Fills memory with random bytes from the kernel.
pub fn random(into: &mut [u8]) {
    let mut rest = into;
    while !rest.is_empty() {
        if let Ok(got) = crate::linux::pass(libc::SYS_getrandom, [rest.as_mut_ptr() as usize, rest.len(), 0, 0, 0, 0]) {
            rest = &mut rest[got..];
        }
    }
}

/// Name of the machine.
pub fn host_name() -> String {
    let mut name = [0u8; 256];
    // SAFETY: the call writes at most the given size, and the last byte stays zero.
    unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    CStr::from_bytes_until_nul(&name).map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

/// Sends the default action of a signal to this process: dies of it, as the shell expects.
pub fn die_of(signal: i32) -> ! {
    // SAFETY: restores the default action and raises.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
    exit(128 + signal)
}

/// Sends a signal to another process.
pub fn kill(pid: u32, signal: i32) -> crate::Result<()> {
    // SAFETY: sends a signal.
    match unsafe { libc::kill(pid as i32, signal) } {
        0 => Ok(()),
        _ => Err(crate::Errno::last()),
    }
}

pub const SIGKILL: i32 = libc::SIGKILL;
pub const SIGINT: i32 = libc::SIGINT;

/// A process of the host.
pub struct Entry {
    pub id: u32,
    pub parent: u32,
    pub threads: u32,
    pub arguments: Vec<Vec<u8>>,
}

/// The processes that run this very program for this user, own one included, by number.
pub fn of_this_program() -> Vec<Entry> {
    // Without /proc, at least this process itself.
    let Ok(own) = std::fs::read_link("/proc/self/exe") else {
        return vec![Entry { id: id(), parent: std::os::unix::process::parent_id(), threads: 1, arguments: Vec::new() }];
    };
    let mut list: Vec<Entry> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == own))
        .filter_map(entry)
        .collect();
    list.sort_by_key(|entry| entry.id);
    list
}

fn entry(id: u32) -> Option<Entry> {
    let (parent, threads) = parent_and_threads(id)?;
    let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    Some(Entry {
        id,
        parent,
        threads,
        arguments: line.split(|&byte| byte == 0).filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect(),
    })
}

/// A process's parent and the number of its threads.
pub(crate) fn parent_and_threads(id: u32) -> Option<(u32, u32)> {
    // proc(5): the command's name in parentheses may hold anything; the state follows, then the parent; field 20 counts threads.
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.nth(15)?.parse().ok()?))
}
