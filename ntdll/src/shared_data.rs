//! Unsafe edge: KUSER_SHARED_DATA, the read-only page at 0x7FFE0000 from which programs read the time
//! and facts about the system without a call.
//!
//! The page faults until it is read. The first read fills it and starts a thread that keeps its clocks
//! going once a millisecond; when that has gone on for a while the page is hidden again and the thread
//! sleeps until the next read. So an idle process, or one that never looks, pays nothing.
//! Layout: ntddk.h, KUSER_SHARED_DATA.
#![allow(unsafe_code)]

use host::futex;
use host::mem::{self, PAGE, Place, Prot};
use parking_lot::Mutex;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Where the page lies in every Windows process.
pub const ADDRESS: usize = 0x7ffe_0000;

const TICK_NS: u64 = 1_000_000;
/// Ticks before the page is hidden again.
const TICKS_PER_READ: u32 = 64;

/// The page as we write it; 0 until the first read.
static ALIAS: AtomicUsize = AtomicUsize::new(0);
/// Ticks to go; 0: the ticking thread sleeps on it.
static TICKS: AtomicU32 = AtomicU32::new(0);
static STARTING: Mutex<()> = Mutex::new(());

/// Keeps the page's address free for it.
pub fn reserve() {
    let _ = mem::map_anonymous(Place::Exactly(ADDRESS), PAGE, Prot::NONE);
}

/// A read of the page faulted: makes it readable, with clocks that go. False if that is not possible.
pub fn on_fault(addr: usize) -> bool {
    if addr & !(PAGE - 1) != ADDRESS {
        return false;
    }
    let _one = STARTING.lock();
    if ALIAS.load(Ordering::Acquire) == 0 && start().is_err() {
        return false;
    }
    write_clocks();
    if mem::protect(ADDRESS, PAGE, Prot::R).is_err() {
        return false;
    }
    if TICKS.swap(TICKS_PER_READ, Ordering::AcqRel) == 0 {
        futex::wake(&TICKS, 1);
    }
    true
}

fn start() -> host::Result<()> {
    let file = host::file::memory_file(PAGE as u64)?;
    let alias = mem::map_file(Place::Anywhere, PAGE, Prot::RW, file.as_raw_fd(), 0, true)?;
    fill(alias);
    mem::map_file(Place::Replace(ADDRESS), PAGE, Prot::NONE, file.as_raw_fd(), 0, true)?;
    ALIAS.store(alias, Ordering::Release);
    host::thread::spawn_helper("uosrun-clock", tick)
}

fn tick() {
    loop {
        match TICKS.load(Ordering::Acquire) {
            0 => {
                let _ = futex::wait(&TICKS, 0, None);
            }
            1 => {
                // Hide first: a read from here on faults and sets the count again.
                let _one = STARTING.lock();
                if TICKS.compare_exchange(1, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    let _ = mem::protect(ADDRESS, PAGE, Prot::NONE);
                }
            }
            _ => {
                refresh();
                TICKS.fetch_sub(1, Ordering::AcqRel);
                host::time::sleep_ns(TICK_NS);
            }
        }
    }
}

/// Brings the clocks up to date, if anybody looks at them. Called when a wait ends, so that time is
/// never seen to lag behind it.
pub fn refresh() {
    if TICKS.load(Ordering::Relaxed) != 0 {
        write_clocks();
    }
}

fn write_clocks() {
    set_time(0x08, crate::time::interrupt_time());
    set_time(0x14, crate::time::system_time() as u64);
    set_time(0x320, crate::time::tick_count());
}

/// A KSYSTEM_TIME: High2Time, then LowPart and High1Time, so that a reader who sees both highs equal has a
/// consistent value.
fn set_time(offset: usize, value: u64) {
    let alias = ALIAS.load(Ordering::Acquire);
    // SAFETY: within our page; 4-byte aligned.
    let high2 = unsafe { &*((alias + offset + 8) as *const AtomicU32) };
    high2.store((value >> 32) as u32, Ordering::Release);
    let at = (alias + offset) as *mut u64;
    // SAFETY: within our page. x86 stores of 8 bytes within a cache line are single, aligned or not.
    unsafe { at.write_unaligned(value) };
    std::sync::atomic::compiler_fence(Ordering::Release);
}

fn fill(page: usize) {
    let put = |offset: usize, bytes: &[u8]| {
        // SAFETY: the page is ours and every offset plus length below lies within it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), (page + offset) as *mut u8, bytes.len()) };
    };
    put(0x004, &0x0fa0_0000u32.to_le_bytes()); // TickCountMultiplier: ticks are milliseconds
    put(0x02c, &0x8664u16.to_le_bytes()); // ImageNumberLow
    put(0x02e, &0x8664u16.to_le_bytes()); // ImageNumberHigh
    let root: Vec<u8> = "C:\\Windows".encode_utf16().flat_map(u16::to_le_bytes).collect();
    put(0x030, &root); // NtSystemRoot
    put(0x260, &crate::process::BUILD.to_le_bytes()); // NtBuildNumber
    put(0x264, &1u32.to_le_bytes()); // NtProductType: workstation
    put(0x268, &[1]); // ProductTypeIsValid
    put(0x26c, &10u32.to_le_bytes()); // NtMajorVersion
    put(0x270, &0u32.to_le_bytes()); // NtMinorVersion
    for feature in 0..64 {
        put(0x274 + feature, &[u8::from(crate::process::has_feature(feature as u32))]);
    }
    put(0x2d0, &0x100u32.to_le_bytes()); // SuiteMask: single user terminal services
    put(0x300, &crate::time::QPC_FREQUENCY.to_le_bytes()); // QpcFrequency
    put(0x3c0, &host::thread::affinity().count_ones().to_le_bytes()); // ActiveProcessorCount
    put(0x3c4, &[1]); // ActiveGroupCount
}
