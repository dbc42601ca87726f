//! conio.h: the console, past the streams.

use crate::codepage;
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::raw::{self, Shared};
use crate::unit::Unit;
use abi::{HANDLE, Ptr, export};
use kernel32::consoleapi;
use ntdll::file::Disposition;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

/// The console for writing, opened when first used.
fn output() -> Option<HANDLE> {
    static HANDLE_OUT: OnceLock<Option<HANDLE>> = OnceLock::new();
    *HANDLE_OUT.get_or_init(|| open("CONOUT$", 0x4000_0000))
}

fn input() -> Option<HANDLE> {
    static HANDLE_IN: OnceLock<Option<HANDLE>> = OnceLock::new();
    *HANDLE_IN.get_or_init(|| open("CONIN$", 0x8000_0000))
}

fn open(name: &str, access: u32) -> Option<HANDLE> {
    crate::sys::open(&abi::wide::wide(name), access, 3, Disposition::Open, 0, 0, false).ok()
}

/// Writes to the console; nothing happens when there is none.
pub fn write<U: Unit>(text: &[U]) {
    let bytes = if U::WIDE {
        abi::wide::to_wtf8(&text.iter().map(|u| u.code() as u16).collect::<Vec<_>>())
    } else {
        let bytes: Vec<u8> = text.iter().map(|u| u.code() as u8).collect();
        abi::wide::to_wtf8(&codepage::path_to_wide(&bytes))
    };
    if let Some(handle) = output() {
        let _ = crate::sys::write(handle, &bytes);
    }
}

/// A character that `_ungetch` put back; -1: none.
static PUSHED: AtomicI32 = AtomicI32::new(-1);

/// INPUT_RECORD as far as keys go: kind, whether pressed, character.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Record {
    kind: u16,
    fill: u16,
    down: i32,
    repeat: u16,
    key: u16,
    scan: u16,
    character: u16,
    state: u32,
}

impl Record {
    fn is_character(&self) -> bool {
        // KEY_EVENT.
        self.kind == 1 && self.down != 0 && self.character != 0
    }
}

/// Does something with the console in raw mode, as _getch does.
fn raw_mode<R>(handle: HANDLE, f: impl FnOnce() -> R) -> R {
    let mode = Shared::new(0u32);
    let known = consoleapi::GetConsoleMode(handle, mode.ptr()).is_ok();
    if known {
        let _ = consoleapi::SetConsoleMode(handle, 0);
    }
    let result = f();
    if known {
        let _ = consoleapi::SetConsoleMode(handle, mode.get());
    }
    result
}

/// The next key that is a character; waits for it.
fn read() -> Option<u16> {
    let pushed = PUSHED.swap(-1, Ordering::Relaxed);
    if pushed >= 0 {
        return Some(pushed as u16);
    }
    let handle = input()?;
    raw_mode(handle, || {
        loop {
            let (record, count) = (Shared::new(Record::default()), Shared::new(0u32));
            consoleapi::ReadConsoleInputW(handle, record.ptr().cast(), 1, count.ptr()).ok()?;
            let record = record.get();
            if count.get() == 1 && record.is_character() {
                return Some(record.character);
            }
        }
    })
}

/// A key as a byte of the ANSI code page.
fn read_byte() -> Option<u8> {
    codepage::narrow(&[read()?]).first().copied()
}

fn echo(unit: Option<u16>) -> Option<u16> {
    if let Some(unit) = unit {
        write(&[unit]);
    }
    unit
}

/// Whether a character waits.
fn waiting() -> bool {
    if PUSHED.load(Ordering::Relaxed) >= 0 {
        return true;
    }
    let Some(handle) = input() else { return false };
    raw_mode(handle, || {
        let (records, count) = (Shared::new([Record::default(); 32]), Shared::new(0u32));
        if consoleapi::PeekConsoleInputW(handle, records.ptr().cast(), 32, count.ptr()).is_err() {
            return false;
        }
        records.get().iter().take(count.get() as usize).any(Record::is_character)
    })
}

fn read_line<U: Unit>(max: usize) -> Vec<U> {
    let mut line = Vec::new();
    while line.len() < max {
        match echo(read()) {
            None | Some(10 | 13) => break,
            // Backspace takes the last one back.
            Some(8 | 127) => {
                line.pop();
            }
            Some(unit) if U::WIDE => line.push(U::of(unit.into())),
            Some(unit) => line.extend(codepage::narrow(&[unit]).into_iter().map(|b| U::of(b.into()))),
        }
    }
    line
}

fn line_into<U: Unit>(to: Ptr<U>, size: usize, used: Ptr<usize>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    let line = read_line::<U>(size - 1);
    if !used.is_null() {
        used.set(line.len());
    }
    raw::put_z(to, &line);
    Ok(())
}

/// _cgets: the first unit says how many fit, the second gets how many there are.
fn counted_line<U: Unit>(to: Ptr<U>) -> Ptr<U> {
    if invalid::check(!to.is_null() && !to.get().is_nul()).is_err() {
        return Ptr::NULL;
    }
    let line = read_line::<U>(to.get().code() as usize - 1);
    to.add(1).set(U::of(line.len() as u32));
    raw::put_z(to.add(2), &line);
    to.add(2)
}

fn unread(c: i32) -> i32 {
    if c < 0 || PUSHED.compare_exchange(-1, c & 0xff, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        set_errno(Errno::EINVAL);
        return -1;
    }
    c
}

/// Reads a key.
#[export(msvcrt + ucrtbase, partial("arrow and function keys give nothing"))]
fn _getch() -> i32 {
    read_byte().map_or(-1, i32::from)
}

/// Reads a key.
#[export(msvcrt + ucrtbase, partial("arrow and function keys give nothing"))]
fn _getche() -> i32 {
    echo(read()).and_then(|u| codepage::narrow(&[u]).first().copied()).map_or(-1, i32::from)
}

/// Reads a key.
#[export(ucrtbase, partial("arrow and function keys give nothing"))]
fn _getch_nolock() -> i32 {
    read_byte().map_or(-1, i32::from)
}

/// Reads a key.
#[export(ucrtbase, partial("arrow and function keys give nothing"))]
fn _getche_nolock() -> i32 {
    echo(read()).and_then(|u| codepage::narrow(&[u]).first().copied()).map_or(-1, i32::from)
}

/// Reads a key.
#[export(msvcrt + ucrtbase, partial("arrow and function keys give nothing"))]
fn _getwch() -> u16 {
    read().unwrap_or(0xffff)
}

/// Reads a key.
#[export(msvcrt + ucrtbase, partial("arrow and function keys give nothing"))]
fn _getwche() -> u16 {
    echo(read()).unwrap_or(0xffff)
}

/// Reads a key.
#[export(ucrtbase, partial("arrow and function keys give nothing"))]
fn _getwch_nolock() -> u16 {
    read().unwrap_or(0xffff)
}

/// Reads a key.
#[export(ucrtbase, partial("arrow and function keys give nothing"))]
fn _getwche_nolock() -> u16 {
    echo(read()).unwrap_or(0xffff)
}

/// Writes a character to the console.
#[export(msvcrt + ucrtbase, full)]
fn _putch(c: i32) -> i32 {
    write(&[c as u8]);
    c
}

/// Writes a character to the console.
#[export(ucrtbase, full)]
fn _putch_nolock(c: i32) -> i32 {
    write(&[c as u8]);
    c
}

/// Writes a wide character to the console.
#[export(msvcrt + ucrtbase, full)]
fn _putwch(c: u16) -> u16 {
    write(&[c]);
    c
}

/// Writes a wide character to the console.
#[export(ucrtbase, full)]
fn _putwch_nolock(c: u16) -> u16 {
    write(&[c]);
    c
}

/// Puts a key back.
#[export(msvcrt + ucrtbase, full)]
fn _ungetch(c: i32) -> i32 {
    unread(c)
}

/// Puts a key back.
#[export(ucrtbase, full)]
fn _ungetch_nolock(c: i32) -> i32 {
    unread(c)
}

/// Puts a key back.
#[export(msvcrt + ucrtbase, full)]
fn _ungetwch(c: u16) -> u16 {
    unread(c.into()) as u16
}

/// Puts a key back.
#[export(ucrtbase, full)]
fn _ungetwch_nolock(c: u16) -> u16 {
    unread(c.into()) as u16
}

/// Whether a key is waiting.
#[export(msvcrt + ucrtbase, full)]
fn _kbhit() -> i32 {
    waiting().into()
}

/// Writes a string to the console.
#[export(msvcrt + ucrtbase, full)]
fn _cputs(text: Ptr<u8>) -> i32 {
    if invalid::check(!text.is_null()).is_err() {
        return -1;
    }
    write(raw::text(text));
    0
}

/// Writes a wide string to the console.
#[export(msvcrt + ucrtbase, full)]
fn _cputws(text: Ptr<u16>) -> i32 {
    if invalid::check(!text.is_null()).is_err() {
        return -1;
    }
    write(raw::text(text));
    0
}

/// Reads a line from the console.
#[export(msvcrt + ucrtbase, full)]
fn _cgets(to: Ptr<u8>) -> Ptr<u8> {
    counted_line(to)
}

/// Reads a wide line from the console.
#[export(msvcrt + ucrtbase, full)]
fn _cgetws(to: Ptr<u16>) -> Ptr<u16> {
    counted_line(to)
}

/// Reads a line from the console.
#[export(msvcrt + ucrtbase, full)]
fn _cgets_s(to: Ptr<u8>, size: usize, used: Ptr<usize>) -> Result<(), Errno> {
    line_into(to, size, used)
}

/// Reads a wide line from the console.
#[export(msvcrt + ucrtbase, full)]
fn _cgetws_s(to: Ptr<u16>, size: usize, used: Ptr<usize>) -> Result<(), Errno> {
    line_into(to, size, used)
}
