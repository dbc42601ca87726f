//! How a program's C part starts: the variables and functions that its start-up code asks for.

pub mod arguments;
pub mod environment;
pub mod exit;

use crate::errno::Errno;
use crate::invalid;
use crate::raw::Shared;
use abi::{GuestFn, Ptr, export, export_data};
use ntdll::ldr::builtin::Variables;
use std::sync::atomic::{AtomicI32, Ordering};

pub use exit::terminate;

pub static FMODE: Shared<i32> = Shared::new(0);
static COMMODE: Shared<i32> = Shared::new(0);
static OSPLATFORM: Shared<u32> = Shared::new(2);
/// Windows 10.0.19045.
static OSVER: Shared<u32> = Shared::new(19045);
static WINVER: Shared<u32> = Shared::new(0x0a00);
static WINMAJOR: Shared<u32> = Shared::new(10);
static WINMINOR: Shared<u32> = Shared::new(0);
static HUGE: Shared<f64> = Shared::new(f64::INFINITY);
static FILEINFO: Shared<i32> = Shared::new(-1);
static AEXIT_RTN: Shared<usize> = Shared::new(0);
export_data!(FMODE => msvcrt, full, name = "_fmode");
export_data!(COMMODE => msvcrt, full, name = "_commode");
export_data!(OSPLATFORM => msvcrt, full, name = "_osplatform");
export_data!(OSVER => msvcrt, full, name = "_osver");
export_data!(WINVER => msvcrt, full, name = "_winver");
export_data!(WINMAJOR => msvcrt, full, name = "_winmajor");
export_data!(WINMINOR => msvcrt, full, name = "_winminor");
export_data!(HUGE => msvcrt, full, name = "_HUGE");
export_data!(FILEINFO => msvcrt, full, name = "_fileinfo");
export_data!(AEXIT_RTN => msvcrt, stub("is not called"), name = "_aexit_rtn");

macro_rules! filled {
    ($row:ident, [$($name:literal),+], $fill:path) => {
        #[linkme::distributed_slice(ntdll::ldr::builtin::VARIABLES)]
        static $row: Variables = Variables::new("msvcrt.dll", &[$($name),+], $fill);
    };
}
filled!(CTYPE, ["_pctype", "_wctype", "_pwctype"], crate::ctype::attach);
filled!(ERRORS, ["_sys_errlist"], crate::string::errors::attach);
filled!(IOINFO, ["__pioinfo", "__badioinfo"], crate::io::table::start);
filled!(ARGUMENTS, ["_acmdln", "_wcmdln", "_pgmptr", "_wpgmptr"], arguments::attach);
filled!(ENVIRONMENT, ["_environ", "_wenviron", "__initenv", "__winitenv"], environment::attach);
filled!(ZONE, ["_tzname"], crate::time::attach);

/// Calls each function of a table that is not null.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _initterm(first: Ptr<GuestFn>, last: Ptr<GuestFn>) {
    let mut at = first;
    while at < last {
        let function = at.get();
        if !function.is_null() {
            function.call(&[]);
        }
        at = at.add(1);
    }
}

/// Calls each function of a table that is not null, until one fails.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _initterm_e(first: Ptr<GuestFn>, last: Ptr<GuestFn>) -> i32 {
    let mut at = first;
    while at < last {
        let function = at.get();
        if !function.is_null() {
            let result = function.call(&[]) as i32;
            if result != 0 {
                return result;
            }
        }
        at = at.add(1);
    }
    0
}

static APP_TYPE: AtomicI32 = AtomicI32::new(0);

/// Says whether the program is a console (1) or a window program (2).
#[export(msvcrt, full)]
fn __set_app_type(kind: i32) {
    APP_TYPE.store(kind, Ordering::Relaxed);
}

/// Says whether the program is a console (1) or a window program (2).
#[export(ucrtbase, full)]
fn _set_app_type(kind: i32) {
    APP_TYPE.store(kind, Ordering::Relaxed);
    // The UCRT's start-up code runs: its rules for invalid parameters hold.
    invalid::STRICT.store(true, Ordering::Relaxed);
}

/// What the program said that it is.
#[export(ucrtbase, full)]
fn _query_app_type() -> i32 {
    APP_TYPE.load(Ordering::Relaxed)
}

/// Address of the default file mode.
#[export(msvcrt + ucrtbase, full)]
fn __p__fmode() -> Ptr<i32> {
    FMODE.ptr()
}

/// Address of the default commit mode.
#[export(msvcrt + ucrtbase, full)]
fn __p__commode() -> Ptr<i32> {
    COMMODE.ptr()
}

/// Sets the default file mode.
#[export(msvcrt + ucrtbase, full)]
fn _set_fmode(mode: i32) -> Result<(), Errno> {
    invalid::check(matches!(mode, 0x4000 | 0x8000 | 0x10000))?;
    FMODE.set(mode);
    Ok(())
}

/// Reads the default file mode.
#[export(msvcrt + ucrtbase, full)]
fn _get_fmode(mode: Ptr<i32>) -> Result<(), Errno> {
    invalid::check(!mode.is_null())?;
    mode.set(FMODE.get());
    Ok(())
}

static ERROR_MODE: AtomicI32 = AtomicI32::new(0);

/// Chooses where error messages go; 3 asks.
#[export(msvcrt + ucrtbase, full)]
fn _set_error_mode(mode: i32) -> i32 {
    match mode {
        0..=2 => ERROR_MODE.swap(mode, Ordering::Relaxed),
        3 => ERROR_MODE.load(Ordering::Relaxed),
        _ => {
            invalid::report(Errno::EINVAL);
            -1
        }
    }
}

/// Sets the process's error mode.
#[export(msvcrt + ucrtbase, stub("there are no error boxes to suppress"))]
fn _seterrormode(_mode: i32) {}

/// Locks of the runtime by number: msvcrt's own code shares them.
static LOCKS: [crate::lock::Lock; 48] = [const { crate::lock::Lock::new() }; 48];

/// Takes one of the runtime's locks.
#[export(msvcrt, full)]
fn _lock(number: i32) {
    if let Some(lock) = LOCKS.get(number as usize) {
        lock.lock();
    }
}

/// Releases one of the runtime's locks.
#[export(msvcrt, full)]
fn _unlock(number: i32) {
    if let Some(lock) = LOCKS.get(number as usize) {
        lock.unlock();
    }
}

/// The version of Windows.
#[export(msvcrt, full)]
fn _get_osver(version: Ptr<u32>) -> i32 {
    version.set(OSVER.get());
    0
}

/// Where %n may be used: nowhere.
#[export(ucrtbase, full)]
fn _get_printf_count_output() -> i32 {
    0
}

/// Allows %n; the old setting.
#[export(ucrtbase, stub("%n stays off"))]
fn _set_printf_count_output(_value: i32) -> i32 {
    0
}

/// The exponent digits of printf: three.
#[export(msvcrt, full)]
fn _get_output_format() -> u32 {
    0
}

/// Chooses the exponent digits of printf.
#[export(msvcrt, stub("msvcrt's printf keeps three digits"))]
fn _set_output_format(_format: u32) -> u32 {
    0
}
