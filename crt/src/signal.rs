//! signal.h.

use crate::errno::{Errno, set_errno};
use crate::invalid;
use abi::{GuestFn, Ptr, export};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

const SIGINT: i32 = 2;
const SIGILL: i32 = 4;
const SIGABRT_COMPAT: i32 = 6;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const SIGTERM: i32 = 15;
const SIGBREAK: i32 = 21;
const SIGABRT: i32 = 22;

const DEFAULT: usize = 0;
const IGNORE: usize = 1;
/// SIG_GET: asks only.
const GET: usize = 2;
const ERROR: usize = usize::MAX;

/// Handlers of the whole process, by signal number.
static PROCESS: [AtomicUsize; 24] = [const { AtomicUsize::new(DEFAULT) }; 24];

thread_local! {
    /// Handlers of SIGFPE, SIGILL and SIGSEGV, which belong to the thread.
    static THREAD: Cell<[usize; 3]> = const { Cell::new([DEFAULT; 3]) };
    /// What `_pxcptinfoptrs` points to while such a handler runs.
    static POINTERS: crate::raw::Shared<Ptr<u8>> = const { crate::raw::Shared::new(Ptr::NULL) };
    static FPE_CODE: crate::raw::Shared<i32> = const { crate::raw::Shared::new(0) };
}

fn thread_index(signal: i32) -> Option<usize> {
    match signal {
        SIGFPE => Some(0),
        SIGILL => Some(1),
        SIGSEGV => Some(2),
        _ => None,
    }
}

fn swap(signal: i32, handler: usize) -> usize {
    match thread_index(signal) {
        Some(index) => THREAD.with(|t| {
            let mut all = t.get();
            let old = std::mem::replace(&mut all[index], handler);
            t.set(all);
            old
        }),
        None => PROCESS[signal as usize].swap(handler, Ordering::AcqRel),
    }
}

fn current(signal: i32) -> usize {
    match thread_index(signal) {
        Some(index) => THREAD.with(|t| t.get()[index]),
        None => PROCESS[signal as usize].load(Ordering::Acquire),
    }
}

/// Sets what happens on a signal; the old setting, or SIG_ERR.
#[export(msvcrt + ucrtbase, partial("SIGINT and SIGBREAK come only from raise"))]
fn signal(signal: i32, handler: GuestFn) -> GuestFn {
    let signal = if signal == SIGABRT_COMPAT { SIGABRT } else { signal };
    let known = matches!(signal, SIGINT | SIGILL | SIGFPE | SIGSEGV | SIGTERM | SIGBREAK | SIGABRT);
    if !known || handler.0 == 4 || handler.0 == ERROR {
        set_errno(Errno::EINVAL);
        return GuestFn(ERROR);
    }
    GuestFn(if handler.0 == GET { current(signal) } else { swap(signal, handler.0) })
}

/// Calls the handler of SIGABRT, when there is one.
pub fn raise_abort() {
    let handler = swap(SIGABRT, DEFAULT);
    if handler > GET {
        GuestFn(handler).call(&[SIGABRT as u64]);
    }
}

/// Sends a signal to the program itself.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn raise(signal: i32) -> i32 {
    let signal = if signal == SIGABRT_COMPAT { SIGABRT } else { signal };
    if !matches!(signal, SIGINT | SIGILL | SIGFPE | SIGSEGV | SIGTERM | SIGBREAK | SIGABRT) {
        invalid::report(Errno::EINVAL);
        return -1;
    }
    match current(signal) {
        DEFAULT => crate::startup::exit::_exit(3),
        IGNORE => {}
        handler => {
            swap(signal, DEFAULT);
            let code = if signal == SIGFPE { 0x8c } else { 0 };
            GuestFn(handler).call(&[signal as u64, code]);
        }
    }
    0
}

/// EXCEPTION_CONTINUE_EXECUTION and EXCEPTION_CONTINUE_SEARCH.
const CONTINUE: i32 = -1;
const SEARCH: i32 = 0;

/// The signal that an exception stands for, and the code that SIGFPE's handler gets.
fn signal_of(exception: u32) -> Option<(i32, i32)> {
    Some(match exception {
        0xc000_0005 => (SIGSEGV, 0),
        0xc000_001d | 0xc000_0096 => (SIGILL, 0),
        0xc000_008d => (SIGFPE, 0x82),
        0xc000_008e => (SIGFPE, 0x83),
        0xc000_008f => (SIGFPE, 0x86),
        0xc000_0090 => (SIGFPE, 0x81),
        0xc000_0091 => (SIGFPE, 0x84),
        0xc000_0092 => (SIGFPE, 0x8a),
        0xc000_0093 => (SIGFPE, 0x85),
        _ => return None,
    })
}

fn filter(exception: u32, pointers: Ptr<u8>) -> i32 {
    let Some((signal, code)) = signal_of(exception) else { return SEARCH };
    match current(signal) {
        DEFAULT => SEARCH,
        IGNORE => CONTINUE,
        handler => {
            swap(signal, DEFAULT);
            POINTERS.with(|p| p.set(pointers));
            FPE_CODE.with(|c| c.set(code));
            GuestFn(handler).call(&[signal as u64, code as u64]);
            CONTINUE
        }
    }
}

/// The filter around main: turns exceptions into signals.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _XcptFilter(exception: u32, pointers: Ptr<u8>) -> i32 {
    filter(exception, pointers)
}

/// The filter around a DLL's start: only C++ exceptions are its own.
#[export(msvcrt, full, calls_guest)]
fn __CppXcptFilter(exception: u32, pointers: Ptr<u8>) -> i32 {
    if exception == 0xe06d_7363 { filter(exception, pointers) } else { SEARCH }
}

/// The filter around main: turns exceptions into signals.
#[export(ucrtbase, full, calls_guest)]
fn _seh_filter_exe(exception: u32, pointers: Ptr<u8>) -> i32 {
    filter(exception, pointers)
}

/// The filter around a DLL's start: only C++ exceptions are its own.
#[export(ucrtbase, full, calls_guest)]
fn _seh_filter_dll(exception: u32, pointers: Ptr<u8>) -> i32 {
    if exception == 0xe06d_7363 { filter(exception, pointers) } else { SEARCH }
}

/// Address of the exception's description, for handlers.
#[export(msvcrt + ucrtbase, full)]
fn __pxcptinfoptrs() -> Ptr<Ptr<u8>> {
    POINTERS.with(|p| p.ptr())
}

/// Address of the floating-point error's code, for handlers.
#[export(msvcrt + ucrtbase, full)]
fn __fpecode() -> Ptr<i32> {
    FPE_CODE.with(|c| c.ptr())
}
