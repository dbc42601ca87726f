//! The scanf functions.

use super::{Options, Source, Text, scan};
use crate::invalid;
use crate::stdio::{self, File};
use crate::unit::Unit;
use abi::{Ptr, VaList, export};

/// A stream as a source of text.
struct Stream(Ptr<File>);

impl<U: Unit> Source<U> for Stream {
    fn next(&mut self) -> Option<U> {
        stdio::get_unit(self.0)
    }

    fn unread(&mut self, unit: U) {
        stdio::unget_unit(self.0, unit);
    }
}

fn from_stream<U: Unit>(stream: Ptr<File>, format: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!stream.is_null()).is_err() {
        return -1;
    }
    let _held = stdio::hold(stream);
    scan::<U>(&mut Stream(stream), format, args, options)
}

fn from_text<U: Unit>(text: Ptr<U>, left: usize, format: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!text.is_null()).is_err() {
        return -1;
    }
    scan::<U>(&mut Text { at: text, left }, format, args, options)
}

/// Reads formatted text from stdin.
#[export(msvcrt, full)]
fn scanf(format: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT)
}

/// Reads formatted text from a stream.
#[export(msvcrt, full)]
fn fscanf(stream: Ptr<File>, format: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT)
}

/// Reads formatted text from a string.
#[export(msvcrt + ntdll, full)]
fn sscanf(text: Ptr<u8>, format: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT)
}

/// Reads formatted text from a counted string.
#[export(msvcrt, full)]
fn _snscanf(text: Ptr<u8>, count: usize, format: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT)
}

/// Reads formatted text from stdin, with a locale.
#[export(msvcrt, full)]
fn _scanf_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT)
}

/// Reads formatted text from a stream, with a locale.
#[export(msvcrt, full)]
fn _fscanf_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT)
}

/// Reads formatted text from a string, with a locale.
#[export(msvcrt, full)]
fn _sscanf_l(text: Ptr<u8>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT)
}

/// Reads formatted text from a counted string, with a locale.
#[export(msvcrt, full)]
fn _snscanf_l(text: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT)
}

/// Reads formatted text from stdin, with buffer sizes.
#[export(msvcrt, full)]
fn scanf_s(format: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a stream, with buffer sizes.
#[export(msvcrt, full)]
fn fscanf_s(stream: Ptr<File>, format: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a string, with buffer sizes.
#[export(msvcrt + ntdll, full)]
fn sscanf_s(text: Ptr<u8>, format: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a counted string, with buffer sizes.
#[export(msvcrt, full)]
fn _snscanf_s(text: Ptr<u8>, count: usize, format: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from stdin, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _scanf_s_l(format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a stream, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _fscanf_s_l(stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a string, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _sscanf_s_l(text: Ptr<u8>, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a counted string, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _snscanf_s_l(text: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT_S)
}

/// Reads formatted text from a stream: what fscanf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfscanf(flags: u64, stream: Ptr<File>, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    from_stream(stream, format, VaList(args), Options::ucrt(flags))
}

/// Reads formatted text from a string: what sscanf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vsscanf(flags: u64, text: Ptr<u8>, count: usize, format: Ptr<u8>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    from_text(text, count, format, VaList(args), Options::ucrt(flags))
}

/// Reads formatted wide text from stdin.
#[export(msvcrt, full)]
fn wscanf(format: Ptr<u16>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a stream.
#[export(msvcrt, full)]
fn fwscanf(stream: Ptr<File>, format: Ptr<u16>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a string.
#[export(msvcrt, full)]
fn swscanf(text: Ptr<u16>, format: Ptr<u16>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a counted string.
#[export(msvcrt, full)]
fn _snwscanf(text: Ptr<u16>, count: usize, format: Ptr<u16>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from stdin, with a locale.
#[export(msvcrt, full)]
fn _wscanf_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a stream, with a locale.
#[export(msvcrt, full)]
fn _fwscanf_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a string, with a locale.
#[export(msvcrt, full)]
fn _swscanf_l(text: Ptr<u16>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from a counted string, with a locale.
#[export(msvcrt, full)]
fn _snwscanf_l(text: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT)
}

/// Reads formatted wide text from stdin, with buffer sizes.
#[export(msvcrt, full)]
fn wscanf_s(format: Ptr<u16>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a stream, with buffer sizes.
#[export(msvcrt, full)]
fn fwscanf_s(stream: Ptr<File>, format: Ptr<u16>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a string, with buffer sizes.
#[export(msvcrt, full)]
fn swscanf_s(text: Ptr<u16>, format: Ptr<u16>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a counted string, with buffer sizes.
#[export(msvcrt, full)]
fn _snwscanf_s(text: Ptr<u16>, count: usize, format: Ptr<u16>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from stdin, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _wscanf_s_l(format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stdio::stdin(), format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a stream, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _fwscanf_s_l(stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_stream(stream, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a string, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _swscanf_s_l(text: Ptr<u16>, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, usize::MAX, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a counted string, with buffer sizes, with a locale.
#[export(msvcrt, full)]
fn _snwscanf_s_l(text: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: VaList) -> i32 {
    from_text(text, count, format, args, Options::MSVCRT_S)
}

/// Reads formatted wide text from a stream: what fscanf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vfwscanf(flags: u64, stream: Ptr<File>, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    from_stream(stream, format, VaList(args), Options::ucrt(flags))
}

/// Reads formatted wide text from a string: what sscanf and its kin are made of.
#[export(ucrtbase, full)]
fn __stdio_common_vswscanf(flags: u64, text: Ptr<u16>, count: usize, format: Ptr<u16>, _locale: Ptr<u8>, args: Ptr<u64>) -> i32 {
    from_text(text, count, format, VaList(args), Options::ucrt(flags))
}
