//! Where formatted text goes, with the buffer rules of each family; and the UCRT's common entries.

use super::{Options, format};
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::raw;
use crate::stdio::{self, File};
use crate::string::generic::TRUNCATE;
use crate::unit::Unit;
use abi::{Ptr, VaList, export};

/// fprintf: the number of characters, or -1.
pub fn to_stream<U: Unit>(stream: Ptr<File>, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!stream.is_null()).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else { return -1 };
    match stdio::write_text(stream, &out) {
        Ok(()) => out.len() as i32,
        Err(errno) => {
            set_errno(errno);
            -1
        }
    }
}

/// sprintf: the buffer's size is unknown.
pub fn to_unbounded<U: Unit>(to: Ptr<U>, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!to.is_null()).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else { return -1 };
    raw::put_z(to, &out);
    out.len() as i32
}

/// _scprintf: only the length.
pub fn to_nothing<U: Unit>(text: Ptr<U>, args: VaList, options: Options) -> i32 {
    format(text, args, options).map_or(-1, |out| out.len() as i32)
}

/// _snprintf: a full buffer has no NUL; what does not fit gives -1.
pub fn to_counted<U: Unit>(to: Ptr<U>, count: usize, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!to.is_null() || count == 0).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else { return -1 };
    if to.is_null() {
        return out.len() as i32;
    }
    raw::put(to, &out[..out.len().min(count)]);
    if out.len() < count {
        to.add(out.len()).set(U::default());
    }
    if out.len() > count { -1 } else { out.len() as i32 }
}

/// C99's snprintf: always a NUL, always the whole length.
pub fn to_standard<U: Unit>(to: Ptr<U>, count: usize, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!to.is_null() || count == 0).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else { return -1 };
    if count > 0 {
        raw::put_z(to, &out[..out.len().min(count - 1)]);
    }
    out.len() as i32
}

/// vswprintf of the UCRT and the _c functions: always a NUL, and `short` for what does not fit.
pub fn to_terminated<U: Unit>(to: Ptr<U>, count: usize, text: Ptr<U>, args: VaList, options: Options, short: i32) -> i32 {
    let whole = to_standard(to, count, text, args, options);
    if to.is_null() || whole < 0 || (whole as usize) < count { whole } else { short }
}

/// sprintf_s: what does not fit is an invalid parameter.
pub fn to_checked<U: Unit>(to: Ptr<U>, size: usize, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!to.is_null() && size > 0 && !text.is_null()).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else {
        to.set(U::default());
        return -1;
    };
    if out.len() >= size {
        to.set(U::default());
        invalid::report(Errno::ERANGE);
        return -1;
    }
    raw::put_z(to, &out);
    out.len() as i32
}

/// _snprintf_s: at most `count` characters of what does not fit, when `count` allows to cut.
pub fn to_checked_counted<U: Unit>(to: Ptr<U>, size: usize, count: usize, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if count == 0 && to.is_null() && size == 0 {
        return 0;
    }
    if invalid::check(!to.is_null() && size > 0 && !text.is_null()).is_err() {
        return -1;
    }
    let Ok(out) = format(text, args, options) else {
        to.set(U::default());
        return -1;
    };
    if out.len() < size && (out.len() <= count) {
        raw::put_z(to, &out);
        return out.len() as i32;
    }
    if count == TRUNCATE || count < size {
        raw::put_z(to, &out[..count.min(size - 1).min(out.len())]);
        return -1;
    }
    to.set(U::default());
    invalid::report(Errno::ERANGE);
    -1
}

/// The options' bits of `__stdio_common_*`.
const LEGACY_TERMINATION: u64 = 1;
const STANDARD: u64 = 2;

/// The three ways of `__stdio_common_vsprintf`.
pub fn to_common<U: Unit>(flags: u64, to: Ptr<U>, count: usize, text: Ptr<U>, args: VaList, options: Options) -> i32 {
    if flags & STANDARD != 0 {
        to_standard(to, count, text, args, options)
    } else if flags & LEGACY_TERMINATION != 0 {
        to_counted(to, count, text, args, options)
    } else if count == usize::MAX {
        to_unbounded(to, text, args, options)
    } else {
        to_terminated(to, count, text, args, options, -2)
    }
}

/// Formats text to a stream: what fprintf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfprintf(flags: u64, stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags))
}

/// Formats text to a stream: what fprintf_s and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfprintf_s(flags: u64, stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags).strict())
}

/// Formats text to a stream: what fprintf_p and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfprintf_p(flags: u64, stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags).positional())
}

/// Formats text into a buffer: what sprintf, snprintf and their kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vsprintf(flags: u64, to: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_common(flags, to, count, format, VaList(args), Options::ucrt(flags))
}

/// Formats text into a buffer of known size.
#[export(ucrtbase, full)]
fn __stdio_common_vsprintf_s(flags: u64, to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::ucrt(flags))
}

/// Formats text into a buffer, with numbered arguments.
#[export(ucrtbase, full)]
fn __stdio_common_vsprintf_p(flags: u64, to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::ucrt(flags).positional())
}

/// Formats text into a buffer of known size, cut to a length.
#[export(ucrtbase, full)]
fn __stdio_common_vsnprintf_s(
    flags: u64,
    to: Ptr<u8>,
    size: usize,
    count: usize,
    format: Ptr<u8>,
    _locale: Ptr<u8>,
    args: Ptr<u64>,
) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::ucrt(flags))
}

/// Formats wide text to a stream: what fprintf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfwprintf(flags: u64, stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags))
}

/// Formats wide text to a stream: what fprintf_s and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfwprintf_s(flags: u64, stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags).strict())
}

/// Formats wide text to a stream: what fprintf_p and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfwprintf_p(flags: u64, stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::ucrt(flags).positional())
}

/// Formats wide text into a buffer: what sprintf, snprintf and their kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vswprintf(flags: u64, to: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_common(flags, to, count, format, VaList(args), Options::ucrt(flags))
}

/// Formats wide text into a buffer of known size.
#[export(ucrtbase, full)]
fn __stdio_common_vswprintf_s(flags: u64, to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::ucrt(flags))
}

/// Formats wide text into a buffer, with numbered arguments.
#[export(ucrtbase, full)]
fn __stdio_common_vswprintf_p(flags: u64, to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::ucrt(flags).positional())
}

/// Formats wide text into a buffer of known size, cut to a length.
#[export(ucrtbase, full)]
fn __stdio_common_vsnwprintf_s(
    flags: u64,
    to: Ptr<u16>,
    size: usize,
    count: usize,
    format: Ptr<u16>,
    _locale: Ptr<u8>,
    args: Ptr<u64>,
) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::ucrt(flags))
}
