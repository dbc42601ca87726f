//! Clocks in NT's units of 100 ns.

/// From 1601-01-01 to 1970-01-01, in 100 ns (documented for FILETIME).
pub const UNIX_EPOCH: i64 = 116_444_736_000_000_000;

/// Ticks per second of the performance counter: 10 MHz, as on current Windows.
pub const QPC_FREQUENCY: i64 = 10_000_000;

/// Now, as a FILETIME number (UTC).
pub fn system_time() -> i64 {
    from_unix_ns(host::time::realtime_ns() as i64)
}

/// Time since boot without suspension, which is what waits use.
pub fn interrupt_time() -> u64 {
    host::time::monotonic_ns() / 100
}

/// Milliseconds since boot (GetTickCount64).
pub fn tick_count() -> u64 {
    host::time::monotonic_ns() / 1_000_000
}

/// The performance counter.
pub fn performance_counter() -> i64 {
    (host::time::monotonic_ns() / 100) as i64
}

/// Nanoseconds since 1970 to a FILETIME number.
pub fn from_unix_ns(ns: i64) -> i64 {
    ns.div_euclid(100) + UNIX_EPOCH
}

/// A FILETIME number to nanoseconds since 1970.
pub fn to_unix_ns(time: i64) -> i64 {
    (time - UNIX_EPOCH).saturating_mul(100)
}
