//! Clocks.

fn clock(id: libc::clockid_t) -> u64 {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: spec is a timespec of ours.
    unsafe { libc::clock_gettime(id, &mut spec) };
    (spec.tv_sec as u64) * 1_000_000_000 + spec.tv_nsec as u64
}

/// Nanoseconds on the clock that waits use. Starts at boot, does not count suspension.
pub fn monotonic_ns() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// The same as of the kernel's last tick, for which nobody asks the kernel.
pub fn tick_ns() -> u64 {
    clock(libc::CLOCK_MONOTONIC_COARSE)
}

/// Nanoseconds since boot, suspension included.
pub fn boot_ns() -> u64 {
    clock(libc::CLOCK_BOOTTIME)
}

/// Nanoseconds since 1970-01-01 UTC.
pub fn realtime_ns() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

/// CPU time of this process in nanoseconds: user and kernel.
pub fn process_cpu_ns() -> (u64, u64) {
    usage(libc::RUSAGE_SELF)
}

/// CPU time of this process's ended children in nanoseconds: user and kernel.
pub fn children_cpu_ns() -> (u64, u64) {
    usage(libc::RUSAGE_CHILDREN)
}

/// CPU time of this thread in nanoseconds: user and kernel.
pub fn thread_cpu_ns() -> (u64, u64) {
    usage(libc::RUSAGE_THREAD)
}

fn usage(who: i32) -> (u64, u64) {
    let ns = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1000;
    // SAFETY: an all-zero rusage is valid, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    (ns(usage.ru_utime), ns(usage.ru_stime))
}

/// What all processors together have done since the start, in nanoseconds.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemTimes {
    pub idle: u64,
    pub kernel: u64,
    pub user: u64,
}

/// The first line of /proc/stat (proc(5)): user, nice, system, idle, iowait, irq, softirq in ticks of a hundredth of a second.
pub fn system_cpu_ns() -> SystemTimes {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map(|word| word.parse().unwrap_or(0)).collect();
    let ns = |fields: &[usize]| fields.iter().map(|&field| ticks.get(field).copied().unwrap_or(0) * 10_000_000).sum();
    SystemTimes { idle: ns(&[3, 4]), kernel: ns(&[2, 5, 6]), user: ns(&[0, 1]) }
}

/// Sleeps on the monotonic clock; may end early when a signal arrives.
pub fn sleep_ns(ns: u64) {
    let spec = libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 };
    // SAFETY: spec lives until the call returns.
    unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &spec, std::ptr::null_mut()) };
}
