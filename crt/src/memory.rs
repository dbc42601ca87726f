//! memory.h, and the memory functions of string.h.

use crate::errno::Errno;
use crate::invalid;
use crate::raw;
use abi::{Ptr, export};

/// Copies bytes.
#[export(msvcrt + ucrtbase + vcruntime140 + ntdll, full)]
pub fn memcpy(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    raw::copy(to, from, count);
    to
}

/// Copies bytes between runs that may overlap.
#[export(msvcrt + ucrtbase + vcruntime140 + ntdll, full)]
pub fn memmove(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    raw::copy(to, from, count);
    to
}

/// Fills with a byte.
#[export(msvcrt + ucrtbase + vcruntime140 + ntdll, full)]
pub fn memset(to: Ptr<u8>, byte: i32, count: usize) -> Ptr<u8> {
    raw::fill(to, byte as u8, count);
    to
}

/// Compares bytes.
#[export(msvcrt + ucrtbase + vcruntime140 + ntdll, full)]
fn memcmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    raw::compare(a, b, count).signum()
}

/// Finds a byte.
#[export(msvcrt + ucrtbase + vcruntime140 + ntdll, full)]
fn memchr(at: Ptr<u8>, byte: i32, count: usize) -> Ptr<u8> {
    raw::find_byte(at, byte as u8, count)
}

/// Copies bytes up to and including the first that equals `byte`; returns the place after it.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn _memccpy(to: Ptr<u8>, from: Ptr<u8>, byte: i32, count: usize) -> Ptr<u8> {
    for i in 0..count {
        let value = from.add(i).get();
        to.add(i).set(value);
        if value == byte as u8 {
            return to.add(i + 1);
        }
    }
    Ptr::NULL
}

/// Compares bytes without regard to ASCII case.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn _memicmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    for i in 0..count {
        let (x, y) = (a.add(i).get().to_ascii_lowercase(), b.add(i).get().to_ascii_lowercase());
        if x != y {
            return i32::from(x) - i32::from(y);
        }
    }
    0
}

/// Compares bytes without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _memicmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    _memicmp(a, b, count)
}

/// Copies bytes into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn memcpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    if count == 0 {
        return Ok(());
    }
    invalid::check(!to.is_null())?;
    if from.is_null() || size < count {
        raw::fill(to, 0, size);
        return Err(invalid::report(if from.is_null() { Errno::EINVAL } else { Errno::ERANGE }));
    }
    raw::copy(to, from, count);
    Ok(())
}

/// Copies overlapping bytes into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn memmove_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    if count == 0 {
        return Ok(());
    }
    invalid::check(!to.is_null() && !from.is_null())?;
    if size < count {
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::copy(to, from, count);
    Ok(())
}

/// Copies wide characters into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wmemcpy_s(to: Ptr<u16>, size: usize, from: Ptr<u16>, count: usize) -> Result<(), Errno> {
    memcpy_s(to.cast(), size.saturating_mul(2), from.cast(), count.saturating_mul(2))
}

/// Copies overlapping wide characters into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wmemmove_s(to: Ptr<u16>, size: usize, from: Ptr<u16>, count: usize) -> Result<(), Errno> {
    memmove_s(to.cast(), size.saturating_mul(2), from.cast(), count.saturating_mul(2))
}

/// Copies bytes in pairs, each swapped.
#[export(msvcrt + ucrtbase, full)]
fn _swab(from: Ptr<u8>, to: Ptr<u8>, count: i32) {
    for i in (0..count.max(0) as usize & !1).step_by(2) {
        let (a, b) = (from.add(i).get(), from.add(i + 1).get());
        to.add(i).set(b);
        to.add(i + 1).set(a);
    }
}

/// Rotates 32 bits left.
#[export(msvcrt + ucrtbase, full)]
fn _rotl(value: u32, by: i32) -> u32 {
    value.rotate_left(by as u32 & 31)
}

/// Rotates 32 bits right.
#[export(msvcrt + ucrtbase, full)]
fn _rotr(value: u32, by: i32) -> u32 {
    value.rotate_right(by as u32 & 31)
}

/// Rotates 32 bits left.
#[export(msvcrt + ucrtbase, full)]
fn _lrotl(value: u32, by: i32) -> u32 {
    value.rotate_left(by as u32 & 31)
}

/// Rotates 32 bits right.
#[export(msvcrt + ucrtbase, full)]
fn _lrotr(value: u32, by: i32) -> u32 {
    value.rotate_right(by as u32 & 31)
}

/// Rotates 64 bits left.
#[export(msvcrt + ucrtbase, full)]
fn _rotl64(value: u64, by: i32) -> u64 {
    value.rotate_left(by as u32 & 63)
}

/// Rotates 64 bits right.
#[export(msvcrt + ucrtbase, full)]
fn _rotr64(value: u64, by: i32) -> u64 {
    value.rotate_right(by as u32 & 63)
}

/// Reverses the bytes of 16 bits.
#[export(ucrtbase, full)]
fn _byteswap_ushort(value: u16) -> u16 {
    value.swap_bytes()
}

/// Reverses the bytes of 32 bits.
#[export(ucrtbase, full)]
fn _byteswap_ulong(value: u32) -> u32 {
    value.swap_bytes()
}

/// Reverses the bytes of 64 bits.
#[export(ucrtbase, full)]
fn _byteswap_uint64(value: u64) -> u64 {
    value.swap_bytes()
}
