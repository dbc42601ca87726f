//! msvcrt.dll's printf functions to streams.

use super::Options;
use super::common::*;
use crate::stdio::{self, File};
use abi::{Ptr, VaList, export};

/// Formats text to stdout.
#[export(msvcrt, full)]
fn printf(format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT)
}

/// Formats text to stdout, with a va_list.
#[export(msvcrt, full)]
fn vprintf(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT)
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _printf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT)
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vprintf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT)
}

/// Formats text to a stream.
#[export(msvcrt, full)]
fn fprintf(stream: Ptr<File>, format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT)
}

/// Formats text to a stream, with a va_list.
#[export(msvcrt, full)]
fn vfprintf(stream: Ptr<File>, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT)
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fprintf_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT)
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfprintf_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT)
}

/// Formats text to stdout.
#[export(msvcrt, full)]
fn printf_s(format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.strict())
}

/// Formats text to stdout, with a va_list.
#[export(msvcrt, full)]
fn vprintf_s(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _printf_s_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.strict())
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vprintf_s_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to a stream.
#[export(msvcrt, full)]
fn fprintf_s(stream: Ptr<File>, format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.strict())
}

/// Formats text to a stream, with a va_list.
#[export(msvcrt, full)]
fn vfprintf_s(stream: Ptr<File>, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fprintf_s_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.strict())
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfprintf_s_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to stdout.
#[export(msvcrt, full)]
fn _printf_p(format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.positional())
}

/// Formats text to stdout, with a va_list.
#[export(msvcrt, full)]
fn _vprintf_p(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _printf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.positional())
}

/// Formats text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vprintf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text to a stream.
#[export(msvcrt, full)]
fn _fprintf_p(stream: Ptr<File>, format: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.positional())
}

/// Formats text to a stream, with a va_list.
#[export(msvcrt, full)]
fn _vfprintf_p(stream: Ptr<File>, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fprintf_p_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.positional())
}

/// Formats text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfprintf_p_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to stdout.
#[export(msvcrt, full)]
fn wprintf(format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT)
}

/// Formats wide text to stdout, with a va_list.
#[export(msvcrt, full)]
fn vwprintf(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _wprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT)
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vwprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to a stream.
#[export(msvcrt, full)]
fn fwprintf(stream: Ptr<File>, format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT)
}

/// Formats wide text to a stream, with a va_list.
#[export(msvcrt, full)]
fn vfwprintf(stream: Ptr<File>, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fwprintf_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT)
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfwprintf_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to stdout.
#[export(msvcrt, full)]
fn wprintf_s(format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.strict())
}

/// Formats wide text to stdout, with a va_list.
#[export(msvcrt, full)]
fn vwprintf_s(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _wprintf_s_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.strict())
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vwprintf_s_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to a stream.
#[export(msvcrt, full)]
fn fwprintf_s(stream: Ptr<File>, format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.strict())
}

/// Formats wide text to a stream, with a va_list.
#[export(msvcrt, full)]
fn vfwprintf_s(stream: Ptr<File>, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fwprintf_s_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.strict())
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfwprintf_s_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to stdout.
#[export(msvcrt, full)]
fn _wprintf_p(format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.positional())
}

/// Formats wide text to stdout, with a va_list.
#[export(msvcrt, full)]
fn _vwprintf_p(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _wprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stdio::stdout(), format, args, Options::MSVCRT.positional())
}

/// Formats wide text to stdout, with a locale.
#[export(msvcrt, full)]
fn _vwprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stdio::stdout(), format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to a stream.
#[export(msvcrt, full)]
fn _fwprintf_p(stream: Ptr<File>, format: Ptr<u16>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.positional())
}

/// Formats wide text to a stream, with a va_list.
#[export(msvcrt, full)]
fn _vfwprintf_p(stream: Ptr<File>, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _fwprintf_p_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_stream(stream, format, args, Options::MSVCRT.positional())
}

/// Formats wide text to a stream, with a locale.
#[export(msvcrt, full)]
fn _vfwprintf_p_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_stream(stream, format, VaList(args), Options::MSVCRT.positional())
}
