//! stdlib.h: numbers to text and back, and other small functions.

pub mod float;
mod more;

use crate::ctype;
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::locale;
use crate::raw;
use crate::unit::Unit;
use abi::{Ptr, export};

fn is_space<U: Unit>(unit: U) -> bool {
    let code = unit.code();
    matches!(code, 9..=13 | 32) || (U::WIDE && code > 0x7f && ctype::wide_class(code) & ctype::SPACE != 0)
}

/// The value of a digit in bases up to 36.
fn digit<U: Unit>(unit: U) -> Option<u32> {
    char::from_u32(unit.code()).and_then(|c| c.to_digit(36))
}

/// What strtol and its kin read: sign, magnitude (None when it overflows 64 bits), end.
struct Integer<U> {
    negative: bool,
    value: Option<u64>,
    end: Ptr<U>,
}

fn read_integer<U: Unit>(text: Ptr<U>, base: u32) -> Integer<U> {
    let mut at = text;
    while is_space(at.get()) {
        at = at.add(1);
    }
    let negative = at.get().ascii() == b'-';
    if matches!(at.get().ascii(), b'-' | b'+') {
        at = at.add(1);
    }
    let mut base = base;
    if (base == 0 || base == 16) && at.get().ascii() == b'0' && matches!(at.add(1).get().ascii(), b'x' | b'X') {
        if digit(at.add(2).get()).is_some_and(|d| d < 16) {
            at = at.add(2);
        }
        base = 16;
    } else if base == 0 {
        base = if at.get().ascii() == b'0' { 8 } else { 10 };
    }
    let start = at;
    let mut value = Some(0u64);
    while let Some(d) = digit(at.get()).filter(|&d| d < base) {
        value = value.and_then(|v| v.checked_mul(base.into())?.checked_add(d.into()));
        at = at.add(1);
    }
    Integer { negative, value, end: if at == start { text } else { at } }
}

fn checked_base<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32) -> Option<Integer<U>> {
    if invalid::check(!text.is_null() && (base == 0 || (2..=36).contains(&base))).is_err() {
        if !end.is_null() {
            end.set(text);
        }
        return None;
    }
    let read = read_integer(text, base as u32);
    if !end.is_null() {
        end.set(read.end);
    }
    Some(read)
}

/// strtol for a signed type with the limits `min` and `max`.
fn to_signed<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32, min: i64, max: i64) -> i64 {
    let Some(read) = checked_base(text, end, base) else { return 0 };
    let limit = if read.negative { min.unsigned_abs() } else { max as u64 };
    match read.value.filter(|&v| v <= limit) {
        Some(v) if read.negative => (v as i64).wrapping_neg(),
        Some(v) => v as i64,
        None => {
            set_errno(Errno::ERANGE);
            if read.negative { min } else { max }
        }
    }
}

fn to_unsigned<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32, max: u64) -> u64 {
    let Some(read) = checked_base(text, end, base) else { return 0 };
    match read.value.filter(|&v| v <= max) {
        Some(v) if read.negative => v.wrapping_neg() & max,
        Some(v) => v,
        None => {
            set_errno(Errno::ERANGE);
            max
        }
    }
}

fn long<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32) -> i32 {
    to_signed(text, end, base, i32::MIN.into(), i32::MAX.into()) as i32
}

fn long_long<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32) -> i64 {
    to_signed(text, end, base, i64::MIN, i64::MAX)
}

fn unsigned_long<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32) -> u32 {
    to_unsigned(text, end, base, u32::MAX.into()) as u32
}

fn unsigned_long_long<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>, base: i32) -> u64 {
    to_unsigned(text, end, base, u64::MAX)
}

fn ato<U: Unit>(text: Ptr<U>, min: i64, max: i64) -> i64 {
    to_signed(text, Ptr::NULL, 10, min, max)
}

/// The number at `text`: sign, number, end. The end is `text` when there is none.
fn read_float<U: Unit>(text: Ptr<U>) -> (bool, Option<float::Number>, Ptr<U>) {
    let mut at = text;
    while is_space(at.get()) {
        at = at.add(1);
    }
    let point = locale::decimal_point();
    let mut run = Vec::new();
    loop {
        let c = at.add(run.len()).get().ascii();
        if c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'(' | b')' | b'_') || (c == point && c != 0) {
            run.push(c);
        } else {
            break;
        }
    }
    match float::parse(&run, point) {
        Some(parsed) => (parsed.negative, Some(parsed.number), at.add(parsed.length)),
        None => (false, None, text),
    }
}

fn double<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>) -> f64 {
    if invalid::check(!text.is_null()).is_err() {
        return 0.0;
    }
    let (negative, number, stop) = read_float(text);
    if !end.is_null() {
        end.set(stop);
    }
    let (value, range) = number.map_or((0.0, false), |n| float::to_f64(&n));
    if range {
        set_errno(Errno::ERANGE);
    }
    if negative { -value } else { value }
}

fn single<U: Unit>(text: Ptr<U>, end: Ptr<Ptr<U>>) -> f32 {
    if invalid::check(!text.is_null()).is_err() {
        return 0.0;
    }
    let (negative, number, stop) = read_float(text);
    if !end.is_null() {
        end.set(stop);
    }
    let (value, range) = number.map_or((0.0, false), |n| float::to_f32(&n));
    if range {
        set_errno(Errno::ERANGE);
    }
    if negative { -value } else { value }
}

/// Digits of a number in a base, most significant first.
pub fn digits<U: Unit>(mut value: u64, base: u32, negative: bool) -> Vec<U> {
    let mut text = Vec::new();
    loop {
        let digit = char::from_digit((value % u64::from(base)) as u32, base).unwrap_or('0');
        text.push(U::of(digit.into()));
        value /= u64::from(base);
        if value == 0 {
            break;
        }
    }
    if negative {
        text.push(U::of(b'-'.into()));
    }
    text.reverse();
    text
}

/// The bit pattern and sign that _itoa prints: only base 10 is signed.
fn signed(value: i64, base: i32, mask: u64) -> (u64, bool) {
    if base == 10 && value < 0 { (value.unsigned_abs(), true) } else { (value as u64 & mask, false) }
}

fn to_text<U: Unit>((value, negative): (u64, bool), to: Ptr<U>, base: i32) -> Ptr<U> {
    if invalid::check(!to.is_null() && (2..=36).contains(&base)).is_ok() {
        raw::put_z(to, &digits::<U>(value, base as u32, negative));
    }
    to
}

fn to_text_s<U: Unit>((value, negative): (u64, bool), to: Ptr<U>, size: usize, base: i32) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    to.set(U::default());
    invalid::check((2..=36).contains(&base))?;
    let text = digits::<U>(value, base as u32, negative);
    if text.len() >= size {
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put_z(to, &text);
    Ok(())
}

const MASK32: u64 = 0xffff_ffff;

/// Reads a long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strtol(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> i32 {
    long(text, end, base)
}

/// Reads a long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtol_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> i32 {
    long(text, end, base)
}

/// Reads a long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcstol(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> i32 {
    long(text, end, base)
}

/// Reads a long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstol_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> i32 {
    long(text, end, base)
}

/// Reads an unsigned long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strtoul(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> u32 {
    unsigned_long(text, end, base)
}

/// Reads an unsigned long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoul_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> u32 {
    unsigned_long(text, end, base)
}

/// Reads an unsigned long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcstoul(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> u32 {
    unsigned_long(text, end, base)
}

/// Reads an unsigned long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoul_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> u32 {
    unsigned_long(text, end, base)
}

/// Reads a long long.
#[export(msvcrt + ucrtbase, full)]
pub fn strtoll(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads a long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoll_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads a long long.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstoll(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads a long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoll_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads an unsigned long long.
#[export(msvcrt + ucrtbase, full)]
pub fn strtoull(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoull_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned long long.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstoull(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoull_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an intmax_t.
#[export(msvcrt + ucrtbase, full)]
pub fn strtoimax(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads an intmax_t, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoimax_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads an intmax_t.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstoimax(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads an intmax_t, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoimax_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads a uintmax_t.
#[export(msvcrt + ucrtbase, full)]
pub fn strtoumax(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads a uintmax_t, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoumax_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads a uintmax_t.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstoumax(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads a uintmax_t, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoumax_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads a 64-bit integer.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoi64(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads a 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoi64_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads a 64-bit integer.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoi64(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> i64 {
    long_long(text, end, base)
}

/// Reads a 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoi64_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> i64 {
    long_long(text, end, base)
}

/// Reads an unsigned 64-bit integer.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoui64(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtoui64_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned 64-bit integer.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoui64(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads an unsigned 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstoui64_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, base: i32, _locale: Ptr<u8>) -> u64 {
    unsigned_long_long(text, end, base)
}

/// Reads a double.
#[export(msvcrt + ucrtbase, full)]
pub fn strtod(text: Ptr<u8>, end: Ptr<Ptr<u8>>) -> f64 {
    double(text, end)
}

/// Reads a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtod_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, _locale: Ptr<u8>) -> f64 {
    double(text, end)
}

/// Reads a double.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstod(text: Ptr<u16>, end: Ptr<Ptr<u16>>) -> f64 {
    double(text, end)
}

/// Reads a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstod_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, _locale: Ptr<u8>) -> f64 {
    double(text, end)
}

/// Reads a long double, which is a double.
#[export(msvcrt + ucrtbase, full)]
pub fn strtold(text: Ptr<u8>, end: Ptr<Ptr<u8>>) -> f64 {
    double(text, end)
}

/// Reads a long double, which is a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtold_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, _locale: Ptr<u8>) -> f64 {
    double(text, end)
}

/// Reads a long double, which is a double.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstold(text: Ptr<u16>, end: Ptr<Ptr<u16>>) -> f64 {
    double(text, end)
}

/// Reads a long double, which is a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstold_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, _locale: Ptr<u8>) -> f64 {
    double(text, end)
}

/// Reads a float.
#[export(msvcrt + ucrtbase, full)]
pub fn strtof(text: Ptr<u8>, end: Ptr<Ptr<u8>>) -> f32 {
    single(text, end)
}

/// Reads a float, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strtof_l(text: Ptr<u8>, end: Ptr<Ptr<u8>>, _locale: Ptr<u8>) -> f32 {
    single(text, end)
}

/// Reads a float.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstof(text: Ptr<u16>, end: Ptr<Ptr<u16>>) -> f32 {
    single(text, end)
}

/// Reads a float, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcstof_l(text: Ptr<u16>, end: Ptr<Ptr<u16>>, _locale: Ptr<u8>) -> f32 {
    single(text, end)
}

/// Reads a double.
#[export(msvcrt + ucrtbase, full)]
pub fn atof(text: Ptr<u8>) -> f64 {
    double(text, Ptr::NULL)
}

/// Reads a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _atof_l(text: Ptr<u8>, _locale: Ptr<u8>) -> f64 {
    double(text, Ptr::NULL)
}

/// Reads a double.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtof(text: Ptr<u16>) -> f64 {
    double(text, Ptr::NULL)
}

/// Reads a double, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtof_l(text: Ptr<u16>, _locale: Ptr<u8>) -> f64 {
    double(text, Ptr::NULL)
}

/// Reads an int.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn atoi(text: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads an int, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _atoi_l(text: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads an int.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wtoi(text: Ptr<u16>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads an int, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtoi_l(text: Ptr<u16>, _locale: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads a long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn atol(text: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads a long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _atol_l(text: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads a long.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wtol(text: Ptr<u16>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads a long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtol_l(text: Ptr<u16>, _locale: Ptr<u8>) -> i32 {
    ato(text, i32::MIN.into(), i32::MAX.into()) as i32
}

/// Reads a long long.
#[export(msvcrt + ucrtbase, full)]
pub fn atoll(text: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _atoll_l(text: Ptr<u8>, _locale: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a long long.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtoll(text: Ptr<u16>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a long long, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtoll_l(text: Ptr<u16>, _locale: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a 64-bit integer.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _atoi64(text: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _atoi64_l(text: Ptr<u8>, _locale: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a 64-bit integer.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wtoi64(text: Ptr<u16>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Reads a 64-bit integer, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wtoi64_l(text: Ptr<u16>, _locale: Ptr<u8>) -> i64 {
    ato(text, i64::MIN, i64::MAX)
}

/// Writes an int in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _itoa(value: i32, to: Ptr<u8>, base: i32) -> Ptr<u8> {
    to_text(signed(value.into(), base, MASK32), to, base)
}

/// Writes an int in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _itow(value: i32, to: Ptr<u16>, base: i32) -> Ptr<u16> {
    to_text(signed(value.into(), base, MASK32), to, base)
}

/// Writes a long in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ltoa(value: i32, to: Ptr<u8>, base: i32) -> Ptr<u8> {
    to_text(signed(value.into(), base, MASK32), to, base)
}

/// Writes a long in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ltow(value: i32, to: Ptr<u16>, base: i32) -> Ptr<u16> {
    to_text(signed(value.into(), base, MASK32), to, base)
}

/// Writes an unsigned long in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ultoa(value: u32, to: Ptr<u8>, base: i32) -> Ptr<u8> {
    to_text((value.into(), false), to, base)
}

/// Writes an unsigned long in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ultow(value: u32, to: Ptr<u16>, base: i32) -> Ptr<u16> {
    to_text((value.into(), false), to, base)
}

/// Writes a 64-bit integer in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _i64toa(value: i64, to: Ptr<u8>, base: i32) -> Ptr<u8> {
    to_text(signed(value, base, u64::MAX), to, base)
}

/// Writes a 64-bit integer in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _i64tow(value: i64, to: Ptr<u16>, base: i32) -> Ptr<u16> {
    to_text(signed(value, base, u64::MAX), to, base)
}

/// Writes an unsigned 64-bit integer in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ui64toa(value: u64, to: Ptr<u8>, base: i32) -> Ptr<u8> {
    to_text((value, false), to, base)
}

/// Writes an unsigned 64-bit integer in a base.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _ui64tow(value: u64, to: Ptr<u16>, base: i32) -> Ptr<u16> {
    to_text((value, false), to, base)
}

/// Writes an int in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _itoa_s(value: i32, to: Ptr<u8>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value.into(), base, MASK32), to, size, base)
}

/// Writes an int in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _itow_s(value: i32, to: Ptr<u16>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value.into(), base, MASK32), to, size, base)
}

/// Writes a long in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ltoa_s(value: i32, to: Ptr<u8>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value.into(), base, MASK32), to, size, base)
}

/// Writes a long in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ltow_s(value: i32, to: Ptr<u16>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value.into(), base, MASK32), to, size, base)
}

/// Writes an unsigned long in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ultoa_s(value: u32, to: Ptr<u8>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s((value.into(), false), to, size, base)
}

/// Writes an unsigned long in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ultow_s(value: u32, to: Ptr<u16>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s((value.into(), false), to, size, base)
}

/// Writes a 64-bit integer in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _i64toa_s(value: i64, to: Ptr<u8>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value, base, u64::MAX), to, size, base)
}

/// Writes a 64-bit integer in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _i64tow_s(value: i64, to: Ptr<u16>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s(signed(value, base, u64::MAX), to, size, base)
}

/// Writes an unsigned 64-bit integer in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ui64toa_s(value: u64, to: Ptr<u8>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s((value, false), to, size, base)
}

/// Writes an unsigned 64-bit integer in a base.
#[export(msvcrt + ucrtbase, full)]
pub fn _ui64tow_s(value: u64, to: Ptr<u16>, size: usize, base: i32) -> Result<(), Errno> {
    to_text_s((value, false), to, size, base)
}
