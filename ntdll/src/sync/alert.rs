//! Alerts: the flag by which one thread ends another's alertable wait, and the one that stands for a thread id.
//! <https://ntdoc.m417z.com/ntalertthreadbythreadid>

use crate::thread::{self, Thread};
use crate::wait;
use abi::{HANDLE, NTSTATUS, Ptr, export};
use host::futex::{self, Woken};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// THREAD_ALERT.
const THREAD_ALERT: u32 = 4;

/// Ends a thread's alertable wait, now or when it begins.
#[export(ntdll, full)]
pub fn NtAlertThread(handle: HANDLE) -> Result<(), NTSTATUS> {
    thread::from_handle(handle, THREAD_ALERT)?.alert();
    Ok(())
}

/// The same, and takes back one suspension.
#[export(ntdll, full)]
pub fn NtAlertResumeThread(handle: HANDLE, previous: Ptr<u32>) -> Result<(), NTSTATUS> {
    thread::from_handle(handle, THREAD_ALERT)?.alert();
    crate::exception::suspend::NtResumeThread(handle, previous)
}

/// Whether the calling thread was alerted. Runs its APCs.
#[export(ntdll, full, calls_guest)]
pub fn NtTestAlert() -> NTSTATUS {
    let thread = thread::current();
    let alerted = thread.take_alert();
    thread.run_apcs();
    if alerted { NTSTATUS::ALERTED } else { NTSTATUS::SUCCESS }
}

/// Ends NtWaitForAlertByThreadId of the thread with this number, now or when it begins.
#[export(ntdll, full)]
pub fn NtAlertThreadByThreadId(id: usize) -> Result<(), NTSTATUS> {
    let thread: Arc<Thread> = u32::try_from(id).ok().and_then(thread::by_id).ok_or(NTSTATUS::INVALID_CID)?;
    if thread.id_alert.swap(1, Ordering::Release) == 0 {
        futex::wake(&thread.id_alert, 1);
    }
    Ok(())
}

/// Waits for NtAlertThreadByThreadId. The address is only for debuggers to see.
#[export(ntdll, full)]
pub fn NtWaitForAlertByThreadId(_address: usize, timeout: Ptr<i64>) -> Result<NTSTATUS, NTSTATUS> {
    let timeout = if timeout.is_null() { None } else { Some(timeout.read()?) };
    let deadline = wait::deadline(timeout);
    let thread = thread::current();
    loop {
        if thread.id_alert.swap(0, Ordering::Acquire) != 0 {
            return Ok(NTSTATUS::ALERTED);
        }
        let woken = futex::wait(&thread.id_alert, 0, deadline);
        crate::shared_data::refresh();
        if woken == Woken::TimedOut && thread.id_alert.swap(0, Ordering::Acquire) == 0 {
            return Ok(NTSTATUS::TIMEOUT);
        } else if woken == Woken::TimedOut {
            return Ok(NTSTATUS::ALERTED);
        }
    }
}
