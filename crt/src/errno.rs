//! errno.h: the error number of each thread, and how system errors become one.
//! <https://learn.microsoft.com/cpp/c-runtime-library/errno-constants>

use crate::raw::Shared;
use abi::{GuestError, Ptr, Ret, Win32Error, export};

/// An error number of the C runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $number:literal,)*) => {
        impl Errno { $(pub const $name: Errno = Errno($number);)* }
    };
}
errnos! {
    OK = 0, EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9,
    ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, EXDEV = 18,
    ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, EFBIG = 27,
    ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 36,
    ENAMETOOLONG = 38, ENOLCK = 39, ENOSYS = 40, ENOTEMPTY = 41, EILSEQ = 42, STRUNCATE = 80,
}

struct Cells {
    errno: Shared<i32>,
    doserrno: Shared<u32>,
}

thread_local! {
    static CELLS: Cells = const { Cells { errno: Shared::new(0), doserrno: Shared::new(0) } };
}

/// Address of the thread's error number.
#[export(msvcrt + ucrtbase, full)]
pub fn _errno() -> Ptr<i32> {
    CELLS.with(|c| c.errno.ptr())
}

/// Address of the thread's latest system error number.
#[export(msvcrt + ucrtbase, full)]
pub fn __doserrno() -> Ptr<u32> {
    CELLS.with(|c| c.doserrno.ptr())
}

pub fn set_errno(errno: Errno) {
    _errno().set(errno.0);
}

pub fn errno() -> i32 {
    _errno().get()
}

/// Reads errno.
#[export(msvcrt + ucrtbase, full)]
fn _get_errno(value: Ptr<i32>) -> Result<(), Errno> {
    crate::invalid::check(!value.is_null())?;
    value.set(errno());
    Ok(())
}

/// Sets errno.
#[export(msvcrt + ucrtbase, full)]
fn _set_errno(value: i32) -> i32 {
    _errno().set(value);
    0
}

/// Reads the system error number.
#[export(msvcrt + ucrtbase, full)]
fn _get_doserrno(value: Ptr<u32>) -> Result<(), Errno> {
    crate::invalid::check(!value.is_null())?;
    value.set(__doserrno().get());
    Ok(())
}

/// Sets the system error number.
#[export(msvcrt + ucrtbase, full)]
fn _set_doserrno(value: u32) -> i32 {
    __doserrno().set(value);
    0
}

/// A system error: noted in `_doserrno`, and translated.
impl From<Win32Error> for Errno {
    fn from(error: Win32Error) -> Errno {
        __doserrno().set(error.0);
        of_win32(error.0)
    }
}

/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/dosmaperr> and observed values.
fn of_win32(code: u32) -> Errno {
    match code {
        1 => Errno::EINVAL,
        2 | 3 | 15 | 18 | 53 | 67 | 161 | 206 | 123 => Errno::ENOENT,
        4 => Errno::EMFILE,
        5 | 16 | 65 | 82 | 83 | 108 | 132 | 158 | 167 => Errno::EACCES,
        19..=36 => Errno::EACCES,
        145 => Errno::ENOTEMPTY,
        6 | 114 | 130 => Errno::EBADF,
        7 | 8 | 9 | 1816 => Errno::ENOMEM,
        10 => Errno::E2BIG,
        11 | 188..=202 => Errno::ENOEXEC,
        17 => Errno::EXDEV,
        80 | 183 => Errno::EEXIST,
        109 | 232 => Errno::EPIPE,
        112 => Errno::ENOSPC,
        128 | 129 => Errno::ECHILD,
        89 | 164 | 215 => Errno::EAGAIN,
        1113 => Errno::EILSEQ,
        267 => Errno::EINVAL,
        _ => Errno::EINVAL,
    }
}

/// The functions that return the error number itself.
impl Ret for Errno {
    type Abi = i32;
    fn into_abi(self) -> i32 {
        self.0
    }
}

impl GuestError<()> for Errno {
    type Abi = i32;
    fn ok((): ()) -> i32 {
        0
    }
    fn err(self) -> i32 {
        set_errno(self);
        self.0
    }
}

macro_rules! errno_result {
    ($ty:ty, $raw:ty, $failure:expr, $into:expr $(, $generic:ident)?) => {
        impl$(<$generic>)? GuestError<$ty> for Errno {
            type Abi = $raw;
            fn ok(value: $ty) -> $raw { $into(value) }
            fn err(self) -> $raw {
                set_errno(self);
                $failure
            }
        }
    };
}
errno_result!(i32, i32, -1, |v| v);
errno_result!(i64, i64, -1, |v| v);
errno_result!(usize, usize, usize::MAX, |v| v);
errno_result!(Ptr<T>, usize, 0, Ptr::addr, T);

/// The text of an error number.
pub fn message(errno: i32) -> &'static str {
    match errno {
        0 => "No error",
        1 => "Operation not permitted",
        2 => "No such file or directory",
        3 => "No such process",
        4 => "Interrupted function call",
        5 => "Input/output error",
        6 => "No such device or address",
        7 => "Arg list too long",
        8 => "Exec format error",
        9 => "Bad file descriptor",
        10 => "No child processes",
        11 => "Resource temporarily unavailable",
        12 => "Not enough space",
        13 => "Permission denied",
        14 => "Bad address",
        16 => "Resource device",
        17 => "File exists",
        18 => "Improper link",
        19 => "No such device",
        20 => "Not a directory",
        21 => "Is a directory",
        22 => "Invalid argument",
        23 => "Too many open files in system",
        24 => "Too many open files",
        25 => "Inappropriate I/O control operation",
        27 => "File too large",
        28 => "No space left on device",
        29 => "Invalid seek",
        30 => "Read-only file system",
        31 => "Too many links",
        32 => "Broken pipe",
        33 => "Domain error",
        34 => "Result too large",
        36 => "Resource deadlock avoided",
        38 => "Filename too long",
        39 => "No locks available",
        40 => "Function not implemented",
        41 => "Directory not empty",
        42 => "Illegal byte sequence",
        100 => "address in use",
        101 => "address not available",
        102 => "address family not supported",
        103 => "connection already in progress",
        104 => "bad message",
        105 => "operation canceled",
        106 => "connection aborted",
        107 => "connection refused",
        108 => "connection reset",
        109 => "destination address required",
        110 => "host unreachable",
        111 => "identifier removed",
        112 => "operation in progress",
        113 => "already connected",
        114 => "too many symbolic link levels",
        115 => "message size",
        116 => "network down",
        117 => "network reset",
        118 => "network unreachable",
        119 => "no buffer space",
        120 => "no message available",
        121 => "no link",
        122 => "no message",
        123 => "no protocol option",
        124 => "no stream resources",
        125 => "not a stream",
        126 => "not connected",
        127 => "state not recoverable",
        128 => "not a socket",
        129 => "not supported",
        130 => "operation not supported",
        132 => "value too large",
        133 => "owner dead",
        134 => "protocol error",
        135 => "protocol not supported",
        136 => "wrong protocol type",
        137 => "stream timeout",
        138 => "timed out",
        139 => "text file busy",
        140 => "operation would block",
        _ => "Unknown error",
    }
}
