//! The printf functions of conio.h.

use super::Options;
use super::format;
use crate::unit::Unit;
use abi::{Ptr, VaList, export};

fn to_console<U: Unit>(text: Ptr<U>, args: VaList, options: Options) -> i32 {
    let Ok(out) = format(text, args, options) else { return -1 };
    crate::conio::write(&out);
    out.len() as i32
}

/// Formats text to the console.
#[export(msvcrt, full)]
fn _cprintf(format: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT)
}

/// Formats text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcprintf(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT)
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _cprintf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT)
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcprintf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT)
}

/// Formats text to the console.
#[export(msvcrt, full)]
fn _cprintf_s(format: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.strict())
}

/// Formats text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcprintf_s(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _cprintf_s_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.strict())
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcprintf_s_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.strict())
}

/// Formats text to the console.
#[export(msvcrt, full)]
fn _cprintf_p(format: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.positional())
}

/// Formats text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcprintf_p(format: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _cprintf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.positional())
}

/// Formats text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcprintf_p_l(format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.positional())
}

/// Formats text to the console.
#[export(ucrtbase, full)]
fn __conio_common_vcprintf(flags: u64, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags))
}

/// Formats text to the console.
#[export(ucrtbase, full)]
fn __conio_common_vcprintf_s(flags: u64, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags).strict())
}

/// Formats text to the console, with numbered arguments.
#[export(ucrtbase, full)]
fn __conio_common_vcprintf_p(flags: u64, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags).positional())
}

/// Formats wide text to the console.
#[export(msvcrt, full)]
fn _cwprintf(format: Ptr<u16>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT)
}

/// Formats wide text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcwprintf(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _cwprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT)
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcwprintf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT)
}

/// Formats wide text to the console.
#[export(msvcrt, full)]
fn _cwprintf_s(format: Ptr<u16>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.strict())
}

/// Formats wide text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcwprintf_s(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _cwprintf_s_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.strict())
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcwprintf_s_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.strict())
}

/// Formats wide text to the console.
#[export(msvcrt, full)]
fn _cwprintf_p(format: Ptr<u16>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.positional())
}

/// Formats wide text to the console, with a va_list.
#[export(msvcrt, full)]
fn _vcwprintf_p(format: Ptr<u16>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _cwprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    to_console(format, args, Options::MSVCRT.positional())
}

/// Formats wide text to the console, with a locale.
#[export(msvcrt, full)]
fn _vcwprintf_p_l(format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::MSVCRT.positional())
}

/// Formats wide text to the console.
#[export(ucrtbase, full)]
fn __conio_common_vcwprintf(flags: u64, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags))
}

/// Formats wide text to the console.
#[export(ucrtbase, full)]
fn __conio_common_vcwprintf_s(flags: u64, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags).strict())
}

/// Formats wide text to the console, with numbered arguments.
#[export(ucrtbase, full)]
fn __conio_common_vcwprintf_p(flags: u64, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    to_console(format, VaList(args), Options::ucrt(flags).positional())
}
