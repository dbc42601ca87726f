//! Threads.

use crate::errno::{Errno, set_errno};
use crate::invalid;
use abi::{GuestFn, HANDLE, Ptr, export};

/// CREATE_SUSPENDED.
const SUSPENDED: u32 = 4;

fn create(start: GuestFn, argument: u64, stack: u32, suspended: bool, id: Ptr<u32>) -> Result<HANDLE, Errno> {
    invalid::check(!start.is_null())?;
    // EAGAIN stands for all that is short.
    let thread = ntdll::thread::create(start, argument, stack as usize, suspended).map_err(|_| Errno::EAGAIN)?;
    if !id.is_null() {
        id.set(thread.id());
    }
    Ok(ntdll::object::insert(thread, ntdll::access::THREAD_ALL_ACCESS))
}

/// Starts a thread; its handle, or 0.
#[export(msvcrt + ucrtbase, full)]
fn _beginthreadex(_security: Ptr<u8>, stack: u32, start: GuestFn, argument: u64, flags: u32, id: Ptr<u32>) -> usize {
    match create(start, argument, stack, flags & SUSPENDED != 0, id) {
        Ok(handle) => handle.0,
        Err(errno) => {
            set_errno(errno);
            0
        }
    }
}

/// Starts a thread; its handle, or -1.
#[export(msvcrt + ucrtbase, partial("the handle stays open after the thread's end"))]
fn _beginthread(start: GuestFn, stack: u32, argument: u64) -> usize {
    match create(start, argument, stack, false, Ptr::NULL) {
        Ok(handle) => handle.0,
        Err(errno) => {
            set_errno(errno);
            usize::MAX
        }
    }
}

/// Ends the thread.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _endthreadex(code: u32) -> ! {
    ntdll::thread::exit(code)
}

/// Ends the thread.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _endthread() -> ! {
    ntdll::thread::exit(0)
}

/// The thread's number.
#[export(msvcrt, full)]
fn __threadid() -> u32 {
    ntdll::thread::current().id()
}

/// The thread's handle.
#[export(msvcrt, full)]
fn __threadhandle() -> HANDLE {
    HANDLE::CURRENT_THREAD
}

/// The process's number.
#[export(msvcrt + ucrtbase, full)]
fn _getpid() -> i32 {
    host::process::id() as i32
}

/// Waits.
#[export(msvcrt + ucrtbase, full)]
fn _sleep(milliseconds: u32) {
    host::time::sleep_ns(u64::from(milliseconds.max(1)) * 1_000_000);
}

/// Makes a sound.
#[export(msvcrt + ucrtbase, stub("is silent"))]
fn _beep(_frequency: u32, _duration: u32) {}
