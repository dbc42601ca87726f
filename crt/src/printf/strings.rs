//! msvcrt.dll's printf functions to buffers.

use super::Options;
use super::common::*;
use abi::{Ptr, VaList, export};

/// Formats text into a buffer.
#[export(msvcrt + ntdll, full)]
fn sprintf(to: Ptr<u8>, format: Ptr<u8>, args: VaList) -> i32 {
    to_unbounded(to, format, args, Options::MSVCRT)
}

/// Formats text into a buffer, with a va_list.
#[export(msvcrt + ntdll, full)]
fn vsprintf(to: Ptr<u8>, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_unbounded(to, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer, with a locale.
#[export(msvcrt, full)]
fn _sprintf_l(to: Ptr<u8>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_unbounded(to, format, args, Options::MSVCRT)
}

/// Formats text into a buffer, with a locale.
#[export(msvcrt, full)]
fn _vsprintf_l(to: Ptr<u8>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_unbounded(to, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer that always gets a NUL.
#[export(msvcrt, full)]
fn _snprintf_c(to: Ptr<u8>, count: usize, format: Ptr<u8>, args: VaList) -> i32 {
    to_terminated(to, count, format, args, Options::MSVCRT, -1)
}

/// Formats text into a buffer that always gets a NUL, with a va_list.
#[export(msvcrt, full)]
fn _vsnprintf_c(to: Ptr<u8>, count: usize, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_terminated(to, count, format, VaList(args), Options::MSVCRT, -1)
}

/// Formats text into a buffer that always gets a NUL, with a locale.
#[export(msvcrt, full)]
fn _snprintf_c_l(to: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_terminated(to, count, format, args, Options::MSVCRT, -1)
}

/// Formats text into a buffer that always gets a NUL, with a locale.
#[export(msvcrt, full)]
fn _vsnprintf_c_l(to: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_terminated(to, count, format, VaList(args), Options::MSVCRT, -1)
}

/// Formats text into a buffer; without a NUL when it is full.
#[export(msvcrt + ntdll, full)]
fn _snprintf(to: Ptr<u8>, count: usize, format: Ptr<u8>, args: VaList) -> i32 {
    to_counted(to, count, format, args, Options::MSVCRT)
}

/// Formats text into a buffer; without a NUL when it is full, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vsnprintf(to: Ptr<u8>, count: usize, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_counted(to, count, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer; without a NUL when it is full, with a locale.
#[export(msvcrt, full)]
fn _snprintf_l(to: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_counted(to, count, format, args, Options::MSVCRT)
}

/// Formats text into a buffer; without a NUL when it is full, with a locale.
#[export(msvcrt, full)]
fn _vsnprintf_l(to: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_counted(to, count, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer of known size.
#[export(msvcrt + ntdll, full)]
fn sprintf_s(to: Ptr<u8>, size: usize, format: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT)
}

/// Formats text into a buffer of known size, with a va_list.
#[export(msvcrt + ntdll, full)]
fn vsprintf_s(to: Ptr<u8>, size: usize, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer of known size, with a locale.
#[export(msvcrt, full)]
fn _sprintf_s_l(to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT)
}

/// Formats text into a buffer of known size, with a locale.
#[export(msvcrt, full)]
fn _vsprintf_s_l(to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer of known size, cut to a length.
#[export(msvcrt + ntdll, full)]
fn _snprintf_s(to: Ptr<u8>, size: usize, count: usize, format: Ptr<u8>, args: VaList) -> i32 {
    to_checked_counted(to, size, count, format, args, Options::MSVCRT)
}

/// Formats text into a buffer of known size, cut to a length, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vsnprintf_s(to: Ptr<u8>, size: usize, count: usize, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer of known size, cut to a length, with a locale.
#[export(msvcrt, full)]
fn _snprintf_s_l(to: Ptr<u8>, size: usize, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked_counted(to, size, count, format, args, Options::MSVCRT)
}

/// Formats text into a buffer of known size, cut to a length, with a locale.
#[export(msvcrt, full)]
fn _vsnprintf_s_l(to: Ptr<u8>, size: usize, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::MSVCRT)
}

/// Formats text into a buffer, with numbered arguments.
#[export(msvcrt, full)]
fn _sprintf_p(to: Ptr<u8>, size: usize, format: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT.positional())
}

/// Formats text into a buffer, with numbered arguments, with a va_list.
#[export(msvcrt, full)]
fn _vsprintf_p(to: Ptr<u8>, size: usize, format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text into a buffer, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _sprintf_p_l(to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT.positional())
}

/// Formats text into a buffer, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _vsprintf_p_l(to: Ptr<u8>, size: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT.positional())
}

/// Length of formatted text.
#[export(msvcrt + ntdll, full)]
fn _scprintf(format: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT)
}

/// Length of formatted text, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vscprintf(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT)
}

/// Length of formatted text, with a locale.
#[export(msvcrt, full)]
fn _scprintf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT)
}

/// Length of formatted text, with a locale.
#[export(msvcrt, full)]
fn _vscprintf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT)
}

/// Length of formatted text, with numbered arguments.
#[export(msvcrt, full)]
fn _scprintf_p(format: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT.positional())
}

/// Length of formatted text, with numbered arguments, with a va_list.
#[export(msvcrt, full)]
fn _vscprintf_p(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT.positional())
}

/// Length of formatted text, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _scprintf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT.positional())
}

/// Length of formatted text, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _vscprintf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text into a buffer.
#[export(msvcrt + ntdll, full)]
fn swprintf(to: Ptr<u16>, format: Ptr<u16>, args: VaList) -> i32 {
    to_unbounded(to, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer, with a va_list.
#[export(msvcrt + ntdll, full)]
fn vswprintf(to: Ptr<u16>, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_unbounded(to, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer.
#[export(msvcrt, full)]
fn _swprintf(to: Ptr<u16>, format: Ptr<u16>, args: VaList) -> i32 {
    to_unbounded(to, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer, with a va_list.
#[export(msvcrt, full)]
fn _vswprintf(to: Ptr<u16>, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_unbounded(to, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer, with a locale.
#[export(msvcrt, full)]
fn __swprintf_l(to: Ptr<u16>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_unbounded(to, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer, with a locale, with a va_list.
#[export(msvcrt, full)]
fn __vswprintf_l(to: Ptr<u16>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_unbounded(to, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer that always gets a NUL.
#[export(msvcrt, full)]
fn _swprintf_c(to: Ptr<u16>, count: usize, format: Ptr<u16>, args: VaList) -> i32 {
    to_terminated(to, count, format, args, Options::MSVCRT, -1)
}

/// Formats wide text into a buffer that always gets a NUL, with a va_list.
#[export(msvcrt, full)]
fn _vswprintf_c(to: Ptr<u16>, count: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_terminated(to, count, format, VaList(args), Options::MSVCRT, -1)
}

/// Formats wide text into a buffer that always gets a NUL, with a locale.
#[export(msvcrt, full)]
fn _swprintf_c_l(to: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_terminated(to, count, format, args, Options::MSVCRT, -1)
}

/// Formats wide text into a buffer that always gets a NUL, with a locale.
#[export(msvcrt, full)]
fn _vswprintf_c_l(to: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_terminated(to, count, format, VaList(args), Options::MSVCRT, -1)
}

/// Formats wide text into a buffer, as C99 does, with a va_list.
#[export(msvcrt, full)]
fn vsnwprintf(to: Ptr<u16>, count: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_standard(to, count, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer; without a NUL when it is full.
#[export(msvcrt + ntdll, full)]
fn _snwprintf(to: Ptr<u16>, count: usize, format: Ptr<u16>, args: VaList) -> i32 {
    to_counted(to, count, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer; without a NUL when it is full, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vsnwprintf(to: Ptr<u16>, count: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_counted(to, count, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer; without a NUL when it is full, with a locale.
#[export(msvcrt, full)]
fn _snwprintf_l(to: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_counted(to, count, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer; without a NUL when it is full, with a locale.
#[export(msvcrt, full)]
fn _vsnwprintf_l(to: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_counted(to, count, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer of known size.
#[export(msvcrt + ntdll, full)]
fn swprintf_s(to: Ptr<u16>, size: usize, format: Ptr<u16>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, with a va_list.
#[export(msvcrt + ntdll, full)]
fn vswprintf_s(to: Ptr<u16>, size: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, with a locale.
#[export(msvcrt, full)]
fn _swprintf_s_l(to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, with a locale.
#[export(msvcrt, full)]
fn _vswprintf_s_l(to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, cut to a length.
#[export(msvcrt + ntdll, full)]
fn _snwprintf_s(to: Ptr<u16>, size: usize, count: usize, format: Ptr<u16>, args: VaList) -> i32 {
    to_checked_counted(to, size, count, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, cut to a length, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vsnwprintf_s(to: Ptr<u16>, size: usize, count: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, cut to a length, with a locale.
#[export(msvcrt, full)]
fn _snwprintf_s_l(to: Ptr<u16>, size: usize, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked_counted(to, size, count, format, args, Options::MSVCRT)
}

/// Formats wide text into a buffer of known size, cut to a length, with a locale.
#[export(msvcrt, full)]
fn _vsnwprintf_s_l(to: Ptr<u16>, size: usize, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked_counted(to, size, count, format, VaList(args), Options::MSVCRT)
}

/// Formats wide text into a buffer, with numbered arguments.
#[export(msvcrt, full)]
fn _swprintf_p(to: Ptr<u16>, size: usize, format: Ptr<u16>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT.positional())
}

/// Formats wide text into a buffer, with numbered arguments, with a va_list.
#[export(msvcrt, full)]
fn _vswprintf_p(to: Ptr<u16>, size: usize, format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text into a buffer, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _swprintf_p_l(to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_checked(to, size, format, args, Options::MSVCRT.positional())
}

/// Formats wide text into a buffer, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _vswprintf_p_l(to: Ptr<u16>, size: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_checked(to, size, format, VaList(args), Options::MSVCRT.positional())
}

/// Length of formatted wide text.
#[export(msvcrt + ntdll, full)]
fn _scwprintf(format: Ptr<u16>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT)
}

/// Length of formatted wide text, with a va_list.
#[export(msvcrt + ntdll, full)]
fn _vscwprintf(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT)
}

/// Length of formatted wide text, with a locale.
#[export(msvcrt, full)]
fn _scwprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT)
}

/// Length of formatted wide text, with a locale.
#[export(msvcrt, full)]
fn _vscwprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT)
}

/// Length of formatted wide text, with numbered arguments.
#[export(msvcrt, full)]
fn _scwprintf_p(format: Ptr<u16>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT.positional())
}

/// Length of formatted wide text, with numbered arguments, with a va_list.
#[export(msvcrt, full)]
fn _vscwprintf_p(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT.positional())
}

/// Length of formatted wide text, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _scwprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_nothing(format, args, Options::MSVCRT.positional())
}

/// Length of formatted wide text, with numbered arguments, with a locale.
#[export(msvcrt, full)]
fn _vscwprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_nothing(format, VaList(args), Options::MSVCRT.positional())
}
