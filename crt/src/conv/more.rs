//! The rest of stdlib.h that needs no system: absolute values, quotients, random numbers, old float texts.

use super::double;
use crate::errno::Errno;
use crate::invalid;
use crate::printf::decimal;
use crate::raw;
use abi::{Ptr, export};
use std::cell::Cell;

/// Absolute value of an int.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn abs(value: i32) -> i32 {
    value.wrapping_abs()
}

/// Absolute value of a long.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn labs(value: i32) -> i32 {
    value.wrapping_abs()
}

/// Absolute value of a long long.
#[export(msvcrt + ucrtbase, full)]
fn llabs(value: i64) -> i64 {
    value.wrapping_abs()
}

/// Absolute value of a 64-bit integer.
#[export(msvcrt + ucrtbase, full)]
fn _abs64(value: i64) -> i64 {
    value.wrapping_abs()
}

/// Absolute value of an intmax_t.
#[export(ucrtbase, full)]
fn imaxabs(value: i64) -> i64 {
    value.wrapping_abs()
}

fn quotient(a: i32, b: i32) -> u64 {
    u64::from(a.wrapping_div(b) as u32) | u64::from(a.wrapping_rem(b) as u32) << 32
}

/// Quotient and remainder of ints, as a structure in RAX.
#[export(msvcrt + ucrtbase, partial("division by zero ends the program rather than raising the exception"))]
fn div(a: i32, b: i32) -> u64 {
    quotient(a, b)
}

/// Quotient and remainder of longs, as a structure in RAX.
#[export(msvcrt + ucrtbase, partial("division by zero ends the program rather than raising the exception"))]
fn ldiv(a: i32, b: i32) -> u64 {
    quotient(a, b)
}

/// Quotient and remainder of long longs.
#[export(msvcrt + ucrtbase, partial("division by zero ends the program rather than raising the exception"))]
fn lldiv(result: Ptr<i64>, a: i64, b: i64) -> Ptr<i64> {
    result.set(a.wrapping_div(b));
    result.add(1).set(a.wrapping_rem(b));
    result
}

/// Quotient and remainder of intmax_t.
#[export(ucrtbase, partial("division by zero ends the program rather than raising the exception"))]
fn imaxdiv(result: Ptr<i64>, a: i64, b: i64) -> Ptr<i64> {
    lldiv(result, a, b)
}

thread_local! {
    static SEED: Cell<u32> = const { Cell::new(1) };
}

/// The next pseudo-random number of the thread, 0 to 32767. The sequence is the documented one of
/// Microsoft's runtimes: a linear congruential generator with factor 214013 and increment 2531011.
#[export(msvcrt + ucrtbase, full)]
fn rand() -> i32 {
    let next = SEED.get().wrapping_mul(214_013).wrapping_add(2_531_011);
    SEED.set(next);
    (next >> 16 & 0x7fff) as i32
}

/// Starts the thread's pseudo-random sequence.
#[export(msvcrt + ucrtbase, full)]
fn srand(seed: u32) {
    SEED.set(seed);
}

/// A random number from the system.
#[export(msvcrt + ucrtbase, full)]
fn rand_s(value: Ptr<u32>) -> Result<(), Errno> {
    invalid::check(!value.is_null())?;
    let mut bytes = [0; 4];
    host::process::random(&mut bytes);
    value.set(u32::from_ne_bytes(bytes));
    Ok(())
}

thread_local! {
    /// The buffer of _ecvt and _fcvt, made when first asked for.
    static BUFFER: Cell<usize> = const { Cell::new(0) };
}

const SIZE: usize = 352;

fn buffer() -> Ptr<u8> {
    if BUFFER.get() == 0 {
        BUFFER.set(crate::malloc::malloc(SIZE).addr());
    }
    Ptr::new(BUFFER.get())
}

/// Digits and the place of the point: `significant` digits, or `count` digits after the point.
fn cvt(value: f64, count: i32, significant: bool) -> (Vec<u8>, i32) {
    if !value.is_finite() {
        let text: &[u8] = if value.is_nan() { b"1#QNAN" } else { b"1#INF" };
        return (text.to_vec(), 1);
    }
    let value = value.abs();
    let count = count.clamp(-320, 340);
    if value == 0.0 {
        return (vec![b'0'; count.max(0) as usize], 0);
    }
    let first = decimal::exponent(value);
    let wanted = if significant { count.max(0) } else { first + 1 + count };
    let (digits, exponent) = decimal::significant(value, wanted, decimal::Rounding::Away);
    if digits.is_empty() {
        return (Vec::new(), if significant { exponent + 1 } else { -count });
    }
    (digits, exponent + 1)
}

fn cvt_s(to: Ptr<u8>, size: usize, value: f64, count: i32, point: Ptr<i32>, sign: Ptr<i32>, significant: bool) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0 && !point.is_null() && !sign.is_null())?;
    let (digits, at) = cvt(value, count, significant);
    if digits.len() >= size {
        to.set(0);
        return Err(invalid::report(Errno::ERANGE));
    }
    point.set(at);
    sign.set(value.is_sign_negative().into());
    raw::put_z(to, &digits);
    Ok(())
}

/// Digits of a number, `count` in all.
#[export(msvcrt + ucrtbase, full)]
fn _ecvt(value: f64, count: i32, point: Ptr<i32>, sign: Ptr<i32>) -> Ptr<u8> {
    let to = buffer();
    if cvt_s(to, SIZE, value, count, point, sign, true).is_ok() { to } else { Ptr::NULL }
}

/// Digits of a number, `count` after the point.
#[export(msvcrt + ucrtbase, full)]
fn _fcvt(value: f64, count: i32, point: Ptr<i32>, sign: Ptr<i32>) -> Ptr<u8> {
    let to = buffer();
    if cvt_s(to, SIZE, value, count, point, sign, false).is_ok() { to } else { Ptr::NULL }
}

/// Digits of a number, `count` in all.
#[export(msvcrt + ucrtbase, full)]
fn _ecvt_s(to: Ptr<u8>, size: usize, value: f64, count: i32, point: Ptr<i32>, sign: Ptr<i32>) -> Result<(), Errno> {
    cvt_s(to, size, value, count, point, sign, true)
}

/// Digits of a number, `count` after the point.
#[export(msvcrt + ucrtbase, full)]
fn _fcvt_s(to: Ptr<u8>, size: usize, value: f64, count: i32, point: Ptr<i32>, sign: Ptr<i32>) -> Result<(), Errno> {
    cvt_s(to, size, value, count, point, sign, false)
}

fn gcvt(value: f64, count: i32) -> Vec<u8> {
    let mut text = crate::printf::number(value, b'g', Some(count.clamp(0, 330) as usize));
    // _gcvt keeps the point: "2." and "1.e+020".
    if value.is_finite() && !text.contains(&b'.') {
        let at = text.iter().position(|&c| c == b'e').unwrap_or(text.len());
        text.insert(at, b'.');
    }
    text
}

/// A number as text with `count` significant digits.
#[export(msvcrt + ucrtbase, full)]
fn _gcvt(value: f64, count: i32, to: Ptr<u8>) -> Ptr<u8> {
    if invalid::check(!to.is_null() && count >= 0).is_err() {
        return Ptr::NULL;
    }
    raw::put_z(to, &gcvt(value, count));
    to
}

/// A number as text with `count` significant digits.
#[export(msvcrt + ucrtbase, full)]
fn _gcvt_s(to: Ptr<u8>, size: usize, value: f64, count: i32) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    let text = gcvt(value, count);
    if text.len() >= size {
        to.set(0);
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put_z(to, &text);
    Ok(())
}

/// Reads a double: 0 when it fits, 3 (`_OVERFLOW`) or 4 (`_UNDERFLOW`).
#[export(msvcrt + ucrtbase, full)]
fn _atodbl(to: Ptr<f64>, text: Ptr<u8>) -> i32 {
    let value = double(text, Ptr::NULL);
    to.set(value);
    if value.is_infinite() { 3 } else { 0 }
}

/// Reads a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _atodbl_l(to: Ptr<f64>, text: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    _atodbl(to, text)
}

/// Reads a float: 0 when it fits, 3 (`_OVERFLOW`).
#[export(msvcrt + ucrtbase, full)]
fn _atoflt(to: Ptr<f32>, text: Ptr<u8>) -> i32 {
    let value = double(text, Ptr::NULL) as f32;
    to.set(value);
    if value.is_infinite() { 3 } else { 0 }
}

/// Reads a float, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _atoflt_l(to: Ptr<f32>, text: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    _atoflt(to, text)
}
