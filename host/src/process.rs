//! Unsafe edge: this process, its standard descriptors, and what the machine has.

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
        // SAFETY: rest is host memory of that size.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        if got > 0 {
            rest = &mut rest[got as usize..];
        }
    }
}

/// Name of the machine.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string()
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
