//! strerror and its family.

use crate::errno::{self, Errno};
use crate::invalid;
use crate::raw;
use crate::unit::{Unit, units};
use abi::{Ptr, export, export_data};
use std::cell::Cell;

/// How many messages `_sys_errlist` has.
const COUNT: usize = 43;

static SYS_NERR: raw::Shared<i32> = raw::Shared::new(COUNT as i32);
static SYS_ERRLIST: raw::Shared<[Ptr<u8>; COUNT + 1]> = raw::Shared::new([Ptr::NULL; COUNT + 1]);
export_data!(SYS_NERR => msvcrt, full, name = "_sys_nerr");
export_data!(SYS_ERRLIST => msvcrt, full, name = "_sys_errlist");

/// Fills in the messages. Called when the DLL is attached.
pub fn attach() {
    for i in 0..=COUNT {
        let text = format!("{}\0", if i == COUNT { "Unknown error" } else { errno::message(i as i32) });
        SYS_ERRLIST.ptr().cast::<Ptr<u8>>().add(i).set(Ptr::of(text.leak().as_ptr()));
    }
}

/// How many messages there are.
#[export(ucrtbase, full)]
fn __sys_nerr() -> Ptr<i32> {
    SYS_NERR.ptr()
}

/// The messages by error number.
#[export(ucrtbase, full)]
fn __sys_errlist() -> Ptr<Ptr<u8>> {
    if SYS_ERRLIST.ptr().cast::<Ptr<u8>>().get().is_null() {
        attach();
    }
    SYS_ERRLIST.ptr().cast()
}

thread_local! {
    /// The thread's message buffers, made when first asked for: narrow and wide.
    static BUFFERS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

const SIZE: usize = 134;

fn buffer<U: Unit>() -> Ptr<U> {
    let (mut narrow, mut wide) = BUFFERS.get();
    if narrow == 0 {
        narrow = crate::malloc::malloc(SIZE * 3).addr();
        wide = narrow + SIZE;
        BUFFERS.set((narrow, wide));
    }
    Ptr::new(if U::WIDE { wide } else { narrow })
}

fn put<U: Unit>(text: &str) -> Ptr<U> {
    let to = buffer();
    let text: Vec<U> = units(text);
    raw::put_z(to, &text[..text.len().min(SIZE - 1)]);
    to
}

/// `prefix: message` and a newline, as `_strerror` writes it.
fn with_prefix<U: Unit>(prefix: Ptr<U>) -> Vec<U> {
    let mut text = Vec::new();
    if !prefix.is_null() && !prefix.get().is_nul() {
        text.extend_from_slice(raw::text_max(prefix, 94));
        text.extend(units::<U>(": "));
    }
    text.extend(units::<U>(errno::message(errno::errno())));
    text.push(U::of(10));
    text
}

fn put_s<U: Unit>(to: Ptr<U>, size: usize, text: &[U]) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    raw::put_z(to, &text[..text.len().min(size - 1)]);
    Ok(())
}

/// The message of an error number.
#[export(msvcrt + ucrtbase, full)]
fn strerror(number: i32) -> Ptr<u8> {
    put(errno::message(number))
}

/// The message of an error number, wide.
#[export(msvcrt + ucrtbase, full)]
fn _wcserror(number: i32) -> Ptr<u16> {
    put(errno::message(number))
}

/// The message of errno, after a prefix.
#[export(msvcrt + ucrtbase, full)]
fn _strerror(prefix: Ptr<u8>) -> Ptr<u8> {
    raw::put_z(buffer(), &with_prefix(prefix));
    buffer()
}

/// The message of errno, after a prefix, wide.
#[export(msvcrt + ucrtbase, full)]
fn __wcserror(prefix: Ptr<u16>) -> Ptr<u16> {
    raw::put_z(buffer(), &with_prefix(prefix));
    buffer()
}

/// The message of an error number, into a buffer.
#[export(msvcrt + ucrtbase, full)]
fn strerror_s(to: Ptr<u8>, size: usize, number: i32) -> Result<(), Errno> {
    put_s(to, size, errno::message(number).as_bytes())
}

/// The message of an error number, into a wide buffer.
#[export(msvcrt + ucrtbase, full)]
fn _wcserror_s(to: Ptr<u16>, size: usize, number: i32) -> Result<(), Errno> {
    put_s(to, size, &units::<u16>(errno::message(number)))
}

/// The message of errno after a prefix, into a buffer.
#[export(msvcrt + ucrtbase, full)]
fn _strerror_s(to: Ptr<u8>, size: usize, prefix: Ptr<u8>) -> Result<(), Errno> {
    put_s(to, size, &with_prefix(prefix))
}

/// The message of errno after a prefix, into a wide buffer.
#[export(msvcrt + ucrtbase, full)]
fn __wcserror_s(to: Ptr<u16>, size: usize, prefix: Ptr<u16>) -> Result<(), Errno> {
    put_s(to, size, &with_prefix(prefix))
}
