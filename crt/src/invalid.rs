//! The invalid-parameter handler of stdlib.h.
//! <https://learn.microsoft.com/cpp/c-runtime-library/parameter-validation>

use crate::errno::{Errno, set_errno};
use abi::{GuestFn, Ptr, export};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static HANDLER: AtomicUsize = AtomicUsize::new(0);
/// Set when the program was started by the UCRT's start-up functions: then an invalid parameter without a
/// handler ends the program. msvcrt.dll goes on with the error.
pub static STRICT: AtomicBool = AtomicBool::new(false);

thread_local! {
    static THREAD_HANDLER: Cell<usize> = const { Cell::new(0) };
}

/// EINVAL through the handler, unless `good`.
pub fn check(good: bool) -> Result<(), Errno> {
    if good { Ok(()) } else { Err(report(Errno::EINVAL)) }
}

/// Calls the handler for an error that the caller then returns.
pub fn report(errno: Errno) -> Errno {
    set_errno(errno);
    invoke();
    errno
}

fn invoke() {
    let own = THREAD_HANDLER.with(Cell::get);
    let handler = GuestFn(if own != 0 { own } else { HANDLER.load(Ordering::Acquire) });
    if !handler.is_null() {
        handler.call(&[0, 0, 0, 0, 0]);
    } else if STRICT.load(Ordering::Relaxed) {
        fail_fast();
    }
}

/// Ends the process as the UCRT does: STATUS_STACK_BUFFER_OVERRUN, the code of every fast failure.
pub fn fail_fast() -> ! {
    crate::startup::terminate(0xc000_0409, "invalid parameter passed to a C runtime function")
}

/// Sets the handler for all threads, and returns the old one.
#[export(msvcrt + ucrtbase, full)]
fn _set_invalid_parameter_handler(handler: GuestFn) -> GuestFn {
    GuestFn(HANDLER.swap(handler.0, Ordering::AcqRel))
}

/// The handler of all threads.
#[export(msvcrt + ucrtbase, full)]
fn _get_invalid_parameter_handler() -> GuestFn {
    GuestFn(HANDLER.load(Ordering::Acquire))
}

/// Sets the handler of this thread, and returns the old one.
#[export(ucrtbase, full)]
fn _set_thread_local_invalid_parameter_handler(handler: GuestFn) -> GuestFn {
    GuestFn(THREAD_HANDLER.with(|h| h.replace(handler.0)))
}

/// The handler of this thread.
#[export(ucrtbase, full)]
fn _get_thread_local_invalid_parameter_handler() -> GuestFn {
    GuestFn(THREAD_HANDLER.with(Cell::get))
}

/// Reports an invalid parameter with the place where it was found.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _invalid_parameter(expression: Ptr<u16>, function: Ptr<u16>, file: Ptr<u16>, line: u32, reserved: usize) {
    let own = THREAD_HANDLER.with(Cell::get);
    let handler = GuestFn(if own != 0 { own } else { HANDLER.load(Ordering::Acquire) });
    if handler.is_null() {
        fail_fast();
    }
    handler.call(&[expression.addr() as u64, function.addr() as u64, file.addr() as u64, line.into(), reserved as u64]);
}

/// Reports an invalid parameter.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _invalid_parameter_noinfo() {
    invoke();
}

/// Reports an invalid parameter and ends the process.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _invalid_parameter_noinfo_noreturn() -> ! {
    invoke();
    fail_fast()
}

/// Ends the process because of an invalid parameter.
#[export(msvcrt + ucrtbase, full)]
fn _invoke_watson(_expression: Ptr<u16>, _function: Ptr<u16>, _file: Ptr<u16>, _line: u32, _reserved: usize) -> ! {
    fail_fast()
}
