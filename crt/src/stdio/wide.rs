//! Characters and lines of wide streams.

use super::narrow::{line, line_of_stdin};
use super::*;
use crate::errno::set_errno;
use crate::invalid;

/// WEOF.
const END: u16 = 0xffff;

fn good(file: Ptr<File>) -> bool {
    invalid::check(!file.is_null()).is_ok()
}

fn get(file: Ptr<File>) -> u16 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    get_unit(file).unwrap_or(END)
}

fn put(c: u16, file: Ptr<File>) -> u16 {
    if !good(file) {
        return END;
    }
    match write_text(file, &[c]) {
        Ok(()) => c,
        Err(errno) => {
            set_errno(errno);
            END
        }
    }
}

/// Reads a wide character.
#[export(msvcrt + ucrtbase, full)]
fn fgetwc(file: Ptr<File>) -> u16 {
    get(file)
}

/// Reads a wide character.
#[export(msvcrt + ucrtbase, full)]
fn getwc(file: Ptr<File>) -> u16 {
    get(file)
}

/// Reads a wide character from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fgetwc_nolock(file: Ptr<File>) -> u16 {
    get(file)
}

/// Reads a wide character from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _getwc_nolock(file: Ptr<File>) -> u16 {
    get(file)
}

/// Reads a wide character from stdin.
#[export(msvcrt + ucrtbase, full)]
fn getwchar() -> u16 {
    get(stdin())
}

/// Reads a wide character from stdin.
#[export(msvcrt + ucrtbase, full)]
fn _fgetwchar() -> u16 {
    get(stdin())
}

/// Writes a wide character.
#[export(msvcrt + ucrtbase, full)]
fn fputwc(c: u16, file: Ptr<File>) -> u16 {
    put(c, file)
}

/// Writes a wide character.
#[export(msvcrt + ucrtbase, full)]
fn putwc(c: u16, file: Ptr<File>) -> u16 {
    put(c, file)
}

/// Writes a wide character to a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fputwc_nolock(c: u16, file: Ptr<File>) -> u16 {
    put(c, file)
}

/// Writes a wide character to a stream whose lock is held.
#[export(ucrtbase, full)]
fn _putwc_nolock(c: u16, file: Ptr<File>) -> u16 {
    put(c, file)
}

/// Writes a wide character to stdout.
#[export(msvcrt + ucrtbase, full)]
fn putwchar(c: u16) -> u16 {
    put(c, stdout())
}

/// Writes a wide character to stdout.
#[export(msvcrt + ucrtbase, full)]
fn _fputwchar(c: u16) -> u16 {
    put(c, stdout())
}

/// Puts a wide character back.
#[export(msvcrt + ucrtbase, full)]
fn ungetwc(c: u16, file: Ptr<File>) -> u16 {
    if c == END || !good(file) {
        return END;
    }
    let _held = hold(file);
    if unget_unit(file, c) { c } else { END }
}

/// Puts a wide character back.
#[export(ucrtbase, full)]
fn _ungetwc_nolock(c: u16, file: Ptr<File>) -> u16 {
    if c == END || !good(file) {
        return END;
    }
    let _held = hold(file);
    if unget_unit(file, c) { c } else { END }
}

/// Reads a wide line.
#[export(msvcrt + ucrtbase, full)]
fn fgetws(to: Ptr<u16>, count: i32, file: Ptr<File>) -> Ptr<u16> {
    if line(to, count, file) { to } else { Ptr::NULL }
}

/// Reads a wide line of stdin.
#[export(msvcrt + ucrtbase, full)]
fn _getws(to: Ptr<u16>) -> Ptr<u16> {
    line_of_stdin(to, usize::MAX)
}

/// Reads a wide line of stdin into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _getws_s(to: Ptr<u16>, size: usize) -> Ptr<u16> {
    line_of_stdin(to, size)
}

/// Writes a wide string.
#[export(msvcrt + ucrtbase, full)]
fn fputws(text: Ptr<u16>, file: Ptr<File>) -> i32 {
    if invalid::check(!file.is_null() && !text.is_null()).is_err() {
        return -1;
    }
    match write_text(file, raw::text(text)) {
        Ok(()) => 0,
        Err(errno) => {
            set_errno(errno);
            -1
        }
    }
}

/// Writes a wide string and a newline to stdout.
#[export(msvcrt + ucrtbase, full)]
fn _putws(text: Ptr<u16>) -> i32 {
    if invalid::check(!text.is_null()).is_err() {
        return -1;
    }
    let mut line = raw::text(text).to_vec();
    line.push(10);
    match write_text(stdout(), &line) {
        Ok(()) => 0,
        Err(errno) => {
            set_errno(errno);
            -1
        }
    }
}
