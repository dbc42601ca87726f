//! Locks that live in guest memory: critical sections, SRW locks, condition variables, run-once, and
//! waiting on an address. All are futexes on the guest's own words.

use abi::{HANDLE, NTSTATUS, Ptr, export, teb};
use host::futex::{self, Woken};
use std::sync::atomic::{AtomicU32, Ordering};

/// RTL_CRITICAL_SECTION (winnt.h).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CriticalSection {
    pub debug_info: usize,
    /// -1: free.
    pub lock_count: i32,
    pub recursion_count: i32,
    /// The owner's thread id.
    pub owning_thread: HANDLE,
    pub lock_semaphore: HANDLE,
    pub spin_count: usize,
}

// Values of LockCount, which programs may initialize statically to -1.
const FREE: u32 = -1i32 as u32;
const LOCKED: u32 = -2i32 as u32;
const CONTENDED: u32 = -6i32 as u32;

fn lock_word(section: Ptr<CriticalSection>) -> &'static AtomicU32 {
    section.byte_add(8).cast::<u32>().atomic()
}
fn recursion(section: Ptr<CriticalSection>) -> Ptr<i32> {
    section.byte_add(12).cast()
}
fn owner(section: Ptr<CriticalSection>) -> &'static AtomicU32 {
    section.byte_add(16).cast::<u32>().atomic()
}

#[inline]
fn thread_id() -> u32 {
    teb::get_u32::<{ teb::CLIENT_ID + 8 }>()
}

/// Makes a critical section.
#[export(ntdll, full)]
pub fn RtlInitializeCriticalSection(section: Ptr<CriticalSection>) -> Result<(), NTSTATUS> {
    RtlInitializeCriticalSectionEx(section, 0, 0)
}

/// Makes a critical section with a spin count.
#[export(ntdll, full)]
pub fn RtlInitializeCriticalSectionAndSpinCount(section: Ptr<CriticalSection>, spin: u32) -> Result<(), NTSTATUS> {
    RtlInitializeCriticalSectionEx(section, spin, 0)
}

/// Makes a critical section with a spin count and flags.
#[export(ntdll, full)]
pub fn RtlInitializeCriticalSectionEx(section: Ptr<CriticalSection>, spin: u32, _flags: u32) -> Result<(), NTSTATUS> {
    section.write(CriticalSection {
        debug_info: usize::MAX,
        lock_count: -1,
        recursion_count: 0,
        owning_thread: HANDLE::NULL,
        lock_semaphore: HANDLE::NULL,
        spin_count: (spin & 0x00ff_ffff) as usize,
    })?;
    Ok(())
}

/// Ends the use of a critical section.
#[export(ntdll + kernel32, full, name = "DeleteCriticalSection")]
pub fn RtlDeleteCriticalSection(section: Ptr<CriticalSection>) {
    section.set(CriticalSection {
        debug_info: 0,
        lock_count: -1,
        recursion_count: 0,
        owning_thread: HANDLE::NULL,
        lock_semaphore: HANDLE::NULL,
        spin_count: 0,
    });
}

/// Enters a critical section, waiting for it.
#[export(ntdll + kernel32, full, name = "EnterCriticalSection")]
pub fn RtlEnterCriticalSection(section: Ptr<CriticalSection>) {
    let me = thread_id();
    let word = lock_word(section);
    if word.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_err() {
        if owner(section).load(Ordering::Relaxed) == me {
            recursion(section).set(recursion(section).get() + 1);
            return;
        }
        // Whoever waited assumes that others wait too.
        while word.swap(CONTENDED, Ordering::Acquire) != FREE {
            futex::wait(word, CONTENDED, None);
        }
    }
    owner(section).store(me, Ordering::Relaxed);
    recursion(section).set(1);
}

/// Enters a critical section if it is free.
#[export(ntdll + kernel32, full, name = "TryEnterCriticalSection")]
pub fn RtlTryEnterCriticalSection(section: Ptr<CriticalSection>) -> bool {
    let me = thread_id();
    if lock_word(section).compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok() {
        owner(section).store(me, Ordering::Relaxed);
        recursion(section).set(1);
        return true;
    }
    if owner(section).load(Ordering::Relaxed) == me {
        recursion(section).set(recursion(section).get() + 1);
        return true;
    }
    false
}

/// Leaves a critical section.
#[export(ntdll + kernel32, full, name = "LeaveCriticalSection")]
pub fn RtlLeaveCriticalSection(section: Ptr<CriticalSection>) -> NTSTATUS {
    let count = recursion(section).get() - 1;
    recursion(section).set(count);
    if count > 0 {
        return NTSTATUS::SUCCESS;
    }
    recursion(section).set(0);
    owner(section).store(0, Ordering::Relaxed);
    let word = lock_word(section);
    if word.swap(FREE, Ordering::Release) == CONTENDED {
        futex::wake(word, 1);
    }
    NTSTATUS::SUCCESS
}

// The names that ntdll itself uses, and those of kernel32, where they differ.
macro_rules! alias {
    ($($dll:ident $name:literal $rust:ident = $target:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {$(
        #[doc = concat!("The same as `", stringify!($target), "`.")]
        #[export($dll, full, name = $name)]
        fn $rust($($arg: $ty),*) $(-> $ret)? {
            $target($($arg),*)
        }
    )*};
}
alias! {
    ntdll "RtlDeleteCriticalSection" delete_nt = RtlDeleteCriticalSection(section: Ptr<CriticalSection>);
    ntdll "RtlEnterCriticalSection" enter_nt = RtlEnterCriticalSection(section: Ptr<CriticalSection>);
    ntdll "RtlTryEnterCriticalSection" try_enter_nt = RtlTryEnterCriticalSection(section: Ptr<CriticalSection>) -> bool;
    ntdll "RtlLeaveCriticalSection" leave_nt = RtlLeaveCriticalSection(section: Ptr<CriticalSection>) -> NTSTATUS;
    ntdll "RtlInitializeSRWLock" init_srw_nt = InitializeSRWLock(lock: Ptr<u64>);
    ntdll "RtlAcquireSRWLockExclusive" exclusive_nt = AcquireSRWLockExclusive(lock: Ptr<u64>);
    ntdll "RtlReleaseSRWLockExclusive" release_exclusive_nt = ReleaseSRWLockExclusive(lock: Ptr<u64>);
    ntdll "RtlAcquireSRWLockShared" shared_nt = AcquireSRWLockShared(lock: Ptr<u64>);
    ntdll "RtlReleaseSRWLockShared" release_shared_nt = ReleaseSRWLockShared(lock: Ptr<u64>);
    ntdll "RtlTryAcquireSRWLockExclusive" try_exclusive_nt = TryAcquireSRWLockExclusive(lock: Ptr<u64>) -> bool;
    ntdll "RtlTryAcquireSRWLockShared" try_shared_nt = TryAcquireSRWLockShared(lock: Ptr<u64>) -> bool;
    ntdll "RtlInitializeConditionVariable" init_cv_nt = InitializeConditionVariable(variable: Ptr<u64>);
    ntdll "RtlWakeConditionVariable" wake_cv_nt = WakeConditionVariable(variable: Ptr<u64>);
    ntdll "RtlWakeAllConditionVariable" wake_all_cv_nt = WakeAllConditionVariable(variable: Ptr<u64>);
    ntdll "RtlWakeAddressSingle" wake_single_nt = WakeByAddressSingle(address: usize);
    ntdll "RtlWakeAddressAll" wake_all_nt = WakeByAddressAll(address: usize);
}

// An SRW lock's low 32 bits: the number of readers, or WRITER; and whether anybody sleeps.
const WRITER: u32 = 0x3fff_ffff;
const SLEEPERS: u32 = 0x4000_0000;
const HOLDERS: u32 = 0x3fff_ffff;

fn srw(lock: Ptr<u64>) -> &'static AtomicU32 {
    lock.cast::<u32>().atomic()
}

/// Makes an SRW lock.
#[export(kernel32, full)]
pub fn InitializeSRWLock(lock: Ptr<u64>) {
    lock.set(0);
}

/// Takes an SRW lock for writing.
#[export(kernel32, full)]
pub fn AcquireSRWLockExclusive(lock: Ptr<u64>) {
    let word = srw(lock);
    if word.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_err() {
        acquire_slowly(word, |state| (state & HOLDERS == 0).then_some(WRITER));
    }
}

fn acquire_slowly(word: &AtomicU32, next: impl Fn(u32) -> Option<u32>) {
    let mut slept = 0;
    let mut state = word.load(Ordering::Relaxed);
    loop {
        if let Some(holders) = next(state) {
            // A sleeper that wakes keeps the mark: there may be others.
            let new = holders | state & SLEEPERS | slept;
            match word.compare_exchange(state, new, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
            continue;
        }
        if state & SLEEPERS == 0 {
            if let Err(now) = word.compare_exchange(state, state | SLEEPERS, Ordering::Relaxed, Ordering::Relaxed) {
                state = now;
                continue;
            }
            state |= SLEEPERS;
        }
        futex::wait(word, state, None);
        slept = SLEEPERS;
        state = word.load(Ordering::Relaxed);
    }
}

/// Takes an SRW lock for writing if it is free.
#[export(kernel32, full)]
pub fn TryAcquireSRWLockExclusive(lock: Ptr<u64>) -> bool {
    let word = srw(lock);
    let state = word.load(Ordering::Relaxed);
    state & HOLDERS == 0 && word.compare_exchange(state, state | WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Gives up an SRW lock taken for writing.
#[export(kernel32, full)]
pub fn ReleaseSRWLockExclusive(lock: Ptr<u64>) {
    let word = srw(lock);
    if word.swap(0, Ordering::Release) & SLEEPERS != 0 {
        futex::wake(word, u32::MAX);
    }
}

fn one_more_reader(state: u32) -> Option<u32> {
    let readers = state & HOLDERS;
    (readers < WRITER - 1).then_some(readers + 1)
}

/// Takes an SRW lock for reading.
#[export(kernel32, full)]
pub fn AcquireSRWLockShared(lock: Ptr<u64>) {
    acquire_slowly(srw(lock), one_more_reader);
}

/// Takes an SRW lock for reading if nobody writes.
#[export(kernel32, full)]
pub fn TryAcquireSRWLockShared(lock: Ptr<u64>) -> bool {
    let word = srw(lock);
    let mut state = word.load(Ordering::Relaxed);
    while let Some(readers) = one_more_reader(state) {
        match word.compare_exchange(state, readers | state & SLEEPERS, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => state = now,
        }
    }
    false
}

/// Gives up an SRW lock taken for reading.
#[export(kernel32, full)]
pub fn ReleaseSRWLockShared(lock: Ptr<u64>) {
    let word = srw(lock);
    let old = word.fetch_sub(1, Ordering::Release);
    if old & HOLDERS == 1 && old & SLEEPERS != 0 {
        // The last reader: let the sleepers try. They set the mark again if they must.
        word.fetch_and(!SLEEPERS, Ordering::Relaxed);
        futex::wake(word, u32::MAX);
    }
}

/// Makes a condition variable.
#[export(kernel32, full)]
pub fn InitializeConditionVariable(variable: Ptr<u64>) {
    variable.set(0);
}

/// Wakes one thread that waits.
#[export(kernel32, full)]
pub fn WakeConditionVariable(variable: Ptr<u64>) {
    let word = srw(variable);
    word.fetch_add(1, Ordering::Relaxed);
    futex::wake(word, 1);
}

/// Wakes all threads that wait.
#[export(kernel32, full)]
pub fn WakeAllConditionVariable(variable: Ptr<u64>) {
    let word = srw(variable);
    word.fetch_add(1, Ordering::Relaxed);
    futex::wake(word, u32::MAX);
}

/// Waits on a condition variable between `release` and `acquire`. False: the time is over.
pub fn sleep_on_condition(variable: Ptr<u64>, timeout: Option<i64>, release: impl FnOnce(), acquire: impl FnOnce()) -> bool {
    let word = srw(variable);
    let seen = word.load(Ordering::Relaxed);
    let deadline = crate::wait::deadline(timeout);
    release();
    let woken = futex::wait(word, seen, deadline);
    acquire();
    crate::shared_data::refresh();
    woken == Woken::LookAgain
}

fn optional(timeout: Ptr<i64>) -> Result<Option<i64>, NTSTATUS> {
    Ok(if timeout.is_null() { None } else { Some(timeout.read()?) })
}

/// Waits on a condition variable, leaving a critical section meanwhile.
#[export(ntdll, full)]
pub fn RtlSleepConditionVariableCS(variable: Ptr<u64>, section: Ptr<CriticalSection>, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let leave = || {
        RtlLeaveCriticalSection(section);
    };
    let woken = sleep_on_condition(variable, optional(timeout)?, leave, || RtlEnterCriticalSection(section));
    Ok(if woken { NTSTATUS::SUCCESS } else { NTSTATUS::TIMEOUT })
}

/// Waits on a condition variable, releasing an SRW lock meanwhile (flag 1: it is held for reading).
#[export(ntdll, full)]
pub fn RtlSleepConditionVariableSRW(variable: Ptr<u64>, lock: Ptr<u64>, timeout: Ptr<i64>, flags: u32) -> Result<NTSTATUS, NTSTATUS> {
    let timeout = optional(timeout)?;
    let woken = if flags & 1 != 0 {
        sleep_on_condition(variable, timeout, || ReleaseSRWLockShared(lock), || AcquireSRWLockShared(lock))
    } else {
        sleep_on_condition(variable, timeout, || ReleaseSRWLockExclusive(lock), || AcquireSRWLockExclusive(lock))
    };
    Ok(if woken { NTSTATUS::SUCCESS } else { NTSTATUS::TIMEOUT })
}

/// Where threads sleep that wait on an address: a counter of wakes, and how many sleep.
struct Bucket {
    wakes: AtomicU32,
    sleepers: AtomicU32,
}

static BUCKETS: [Bucket; 256] = [const { Bucket { wakes: AtomicU32::new(0), sleepers: AtomicU32::new(0) } }; 256];

fn bucket(address: usize) -> &'static Bucket {
    &BUCKETS[(address >> 2).wrapping_mul(0x9e37_79b9) >> 8 & 0xff]
}

fn load(address: usize, size: usize) -> Result<u64, NTSTATUS> {
    Ok(match size {
        1 => u64::from(Ptr::<u8>::new(address).read()?),
        2 => u64::from(Ptr::<u16>::new(address).read()?),
        4 => u64::from(Ptr::<u32>::new(address).read()?),
        8 => Ptr::<u64>::new(address).read()?,
        _ => return Err(NTSTATUS::INVALID_PARAMETER),
    })
}

/// Waits while the value at `address` equals that at `compare`. May end early, as documented.
pub fn wait_on_address(address: usize, compare: usize, size: usize, timeout: Option<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let undesired = load(compare, size)?;
    let bucket = bucket(address);
    bucket.sleepers.fetch_add(1, Ordering::SeqCst);
    let wakes = bucket.wakes.load(Ordering::SeqCst);
    let woken = match load(address, size) {
        Ok(value) if value == undesired => futex::wait(&bucket.wakes, wakes, crate::wait::deadline(timeout)),
        _ => Woken::LookAgain,
    };
    bucket.sleepers.fetch_sub(1, Ordering::SeqCst);
    crate::shared_data::refresh();
    Ok(if woken == Woken::TimedOut { NTSTATUS::TIMEOUT } else { NTSTATUS::SUCCESS })
}

/// Waits while a value in memory stays the same.
#[export(ntdll, full)]
pub fn RtlWaitOnAddress(address: usize, compare: usize, size: usize, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    wait_on_address(address, compare, size, optional(timeout)?)
}

fn wake_bucket(address: usize) {
    let bucket = bucket(address);
    std::sync::atomic::fence(Ordering::SeqCst);
    if bucket.sleepers.load(Ordering::SeqCst) != 0 {
        bucket.wakes.fetch_add(1, Ordering::SeqCst);
        // Others may share the bucket: wake all, each looks at its own value.
        futex::wake(&bucket.wakes, u32::MAX);
    }
}

/// Wakes a thread that waits on an address.
#[export(kernel32 + kernelbase, full)]
pub fn WakeByAddressSingle(address: usize) {
    wake_bucket(address);
}

/// Wakes all threads that wait on an address.
#[export(kernel32 + kernelbase, full)]
pub fn WakeByAddressAll(address: usize) {
    wake_bucket(address);
}

// RTL_RUN_ONCE: the low two bits are the state, the rest is the context.
const ONCE_PENDING: u64 = 1;
const ONCE_DONE: u64 = 2;

/// INIT_ONCE_CHECK_ONLY, INIT_ONCE_ASYNC and INIT_ONCE_INIT_FAILED.
pub const ONCE_CHECK_ONLY: u32 = 1;
pub const ONCE_ASYNC: u32 = 2;
pub const ONCE_INIT_FAILED: u32 = 4;

/// Begins one-time initialization. True: it is the caller's to do. False: it is done, with this context.
pub fn once_begin(once: Ptr<u64>, flags: u32) -> Result<(bool, u64), NTSTATUS> {
    let word = once.atomic();
    loop {
        let state = word.load(Ordering::Acquire);
        match state & 3 {
            ONCE_DONE => return Ok((false, state & !3)),
            _ if flags & ONCE_CHECK_ONLY != 0 => return Err(NTSTATUS::UNSUCCESSFUL),
            0 | 3 if flags & ONCE_ASYNC != 0 => {
                // Several may try at once; the first to complete wins.
                let _ = word.compare_exchange(0, 3, Ordering::AcqRel, Ordering::Acquire);
                return Ok((true, 0));
            }
            0 => {
                if word.compare_exchange(0, ONCE_PENDING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    return Ok((true, 0));
                }
            }
            _ => {
                let compare = state;
                wait_on_address(once.addr(), &raw const compare as usize, 8, None)?;
            }
        }
    }
}

/// Ends one-time initialization.
pub fn once_complete(once: Ptr<u64>, flags: u32, context: u64) -> Result<(), NTSTATUS> {
    let word = once.atomic();
    if context & 3 != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let done = if flags & ONCE_INIT_FAILED != 0 { 0 } else { context | ONCE_DONE };
    let expected = if flags & ONCE_ASYNC != 0 { 3 } else { ONCE_PENDING };
    if word.compare_exchange(expected, done, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Err(NTSTATUS::UNSUCCESSFUL);
    }
    wake_bucket(once.addr());
    Ok(())
}
