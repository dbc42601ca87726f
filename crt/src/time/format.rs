//! strftime.
//! <https://learn.microsoft.com/cpp/c-runtime-library/reference/strftime-wcsftime-strftime-l-wcsftime-l>

use super::{DAYS, MONTHS, Tm, days, offset, seconds};
use crate::errno::Errno;
use crate::invalid;
use crate::raw;
use crate::unit::{Unit, units};
use abi::{Ptr, export};

/// Week of the year by ISO 8601, and the year that it belongs to.
fn iso_week(tm: &Tm) -> (i32, i32) {
    let year = tm.year + 1900;
    let weekday = (tm.wday + 6).rem_euclid(7);
    let week = (tm.yday - weekday + 10).div_euclid(7);
    // A year has 53 weeks when it begins on a Thursday, or on a Wednesday in a leap year.
    let weeks = |year: i32| {
        let first = (days(year.into(), 0, 1) + 3).rem_euclid(7);
        let leap = days(i64::from(year) + 1, 0, 1) - days(year.into(), 0, 1) == 366;
        if first == 3 || (first == 2 && leap) { 53 } else { 52 }
    };
    if week < 1 {
        (year - 1, weeks(year - 1))
    } else if week > weeks(year) {
        (year + 1, 1)
    } else {
        (year, week)
    }
}

/// One conversion. `bare`: the `#` flag, which drops leading zeros or makes dates long.
fn field(tm: &Tm, kind: u8, bare: bool, classic: bool) -> Option<String> {
    let two = |n: i32| if bare { n.to_string() } else { format!("{n:02}") };
    let year = tm.year + 1900;
    let hour12 = if tm.hour % 12 == 0 { 12 } else { tm.hour % 12 };
    let all = |kinds: &str| -> Option<String> {
        kinds.bytes().try_fold(String::new(), |text, c| match c {
            b'a'..=b'z' | b'A'..=b'Z' => Some(text + &field(tm, c, false, classic)?),
            _ => Some(text + &(c as char).to_string()),
        })
    };
    let long_date = || Some(format!("{}, {} {:02}, {year}", day(tm)?, month(tm)?, tm.mday));
    Some(match kind {
        b'a' => day(tm)?[..3].to_string(),
        b'A' => day(tm)?.to_string(),
        b'b' | b'h' => month(tm)?[..3].to_string(),
        b'B' => month(tm)?.to_string(),
        b'c' if bare => format!("{} {}", long_date()?, all("H:M:S")?),
        b'c' if classic => all("m/d/y H:M:S")?,
        b'c' => all("a b e H:M:S Y")?,
        b'C' => two(year / 100),
        b'd' => two(tm.mday),
        b'D' => all("m/d/y")?,
        b'e' => {
            if bare {
                tm.mday.to_string()
            } else {
                format!("{:2}", tm.mday)
            }
        }
        b'F' => all("Y-m-d")?,
        b'g' => two(iso_week(tm).0 % 100),
        b'G' => format!("{:04}", iso_week(tm).0),
        b'H' => two(tm.hour),
        b'I' => two(hour12),
        b'j' => {
            if bare {
                (tm.yday + 1).to_string()
            } else {
                format!("{:03}", tm.yday + 1)
            }
        }
        b'm' => two(tm.mon + 1),
        b'M' => two(tm.min),
        b'n' => "\n".into(),
        b'p' => if tm.hour < 12 { "AM" } else { "PM" }.into(),
        b'r' => all("I:M:S p")?,
        b'R' => all("H:M")?,
        b'S' => two(tm.sec),
        b't' => "\t".into(),
        b'T' => all("H:M:S")?,
        b'u' => if tm.wday == 0 { 7 } else { tm.wday }.to_string(),
        b'U' => two((tm.yday + 7 - tm.wday) / 7),
        b'V' => two(iso_week(tm).1),
        b'w' => tm.wday.to_string(),
        b'W' => two((tm.yday + 7 - (tm.wday + 6) % 7) / 7),
        b'x' if bare => long_date()?,
        b'x' => all("m/d/y")?,
        b'X' => all("H:M:S")?,
        b'y' => two(year.rem_euclid(100)),
        b'Y' => {
            if bare {
                year.to_string()
            } else {
                format!("{year:04}")
            }
        }
        b'z' => {
            let guess = seconds(tm);
            let minutes = offset(guess - offset(guess).0).0 / 60;
            format!("{}{:02}{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
        }
        b'Z' => String::from_utf8_lossy(&super::zone::name(tm.isdst > 0)).into_owned(),
        _ => return None,
    })
}

fn day(tm: &Tm) -> Option<&'static str> {
    DAYS.get(tm.wday as usize).copied()
}

fn month(tm: &Tm) -> Option<&'static str> {
    MONTHS.get(tm.mon as usize).copied()
}

fn format<U: Unit>(to: Ptr<U>, size: usize, format: Ptr<U>, tm: Ptr<Tm>, classic: bool) -> usize {
    if invalid::check(!to.is_null() && size > 0 && !format.is_null()).is_err() {
        return 0;
    }
    to.set(U::default());
    let mut out: Vec<U> = Vec::new();
    let mut at = format;
    let mut value = None;
    while !at.get().is_nul() {
        let unit = at.get();
        at = at.add(1);
        if unit.ascii() != b'%' {
            out.push(unit);
            continue;
        }
        let bare = at.get().ascii() == b'#';
        if bare {
            at = at.add(1);
        }
        if matches!(at.get().ascii(), b'E' | b'O') {
            at = at.add(1);
        }
        let kind = at.get().ascii();
        at = at.add(1);
        if kind == b'%' {
            out.push(U::of(b'%'.into()));
            continue;
        }
        if value.is_none() {
            if invalid::check(!tm.is_null()).is_err() {
                return 0;
            }
            value = Some(tm.get());
        }
        let Some(text) = value.as_ref().and_then(|tm| field(tm, kind, bare, classic)) else {
            invalid::report(Errno::EINVAL);
            return 0;
        };
        out.extend(units::<U>(&text));
    }
    if out.len() >= size {
        crate::errno::set_errno(Errno::ERANGE);
        return 0;
    }
    raw::put_z(to, &out);
    out.len()
}

/// Names in the form `:Sun:Sunday:Mon:Monday…`, in a block of its own.
fn names<U: Unit>(all: &[&str]) -> Ptr<U> {
    let text: String = all.iter().map(|n| format!(":{}:{n}", &n[..3])).collect();
    crate::startup::arguments::keep(&units::<U>(&text))
}

/// Formats a calendar time as text.
#[export(ucrtbase, full)]
fn strftime(to: Ptr<u8>, size: usize, text: Ptr<u8>, tm: Ptr<Tm>) -> usize {
    format(to, size, text, tm, false)
}

/// Formats a calendar time as text, with a locale.
#[export(ucrtbase, full)]
fn _strftime_l(to: Ptr<u8>, size: usize, text: Ptr<u8>, tm: Ptr<Tm>, _locale: Ptr<u8>) -> usize {
    format(to, size, text, tm, false)
}

/// Formats a calendar time as text.
#[export(msvcrt, full, name = "strftime")]
fn strftime_msvcrt(to: Ptr<u8>, size: usize, text: Ptr<u8>, tm: Ptr<Tm>) -> usize {
    format(to, size, text, tm, true)
}

/// Formats a calendar time as text, with a locale.
#[export(msvcrt, full, name = "_strftime_l")]
fn _strftime_l_msvcrt(to: Ptr<u8>, size: usize, text: Ptr<u8>, tm: Ptr<Tm>, _locale: Ptr<u8>) -> usize {
    format(to, size, text, tm, true)
}

/// Formats a calendar time as wide text.
#[export(ucrtbase, full)]
fn wcsftime(to: Ptr<u16>, size: usize, text: Ptr<u16>, tm: Ptr<Tm>) -> usize {
    format(to, size, text, tm, false)
}

/// Formats a calendar time as wide text, with a locale.
#[export(ucrtbase, full)]
fn _wcsftime_l(to: Ptr<u16>, size: usize, text: Ptr<u16>, tm: Ptr<Tm>, _locale: Ptr<u8>) -> usize {
    format(to, size, text, tm, false)
}

/// Formats a calendar time as wide text.
#[export(msvcrt, full, name = "wcsftime")]
fn wcsftime_msvcrt(to: Ptr<u16>, size: usize, text: Ptr<u16>, tm: Ptr<Tm>) -> usize {
    format(to, size, text, tm, true)
}

/// Formats a calendar time as wide text, with a locale.
#[export(msvcrt, full, name = "_wcsftime_l")]
fn _wcsftime_l_msvcrt(to: Ptr<u16>, size: usize, text: Ptr<u16>, tm: Ptr<Tm>, _locale: Ptr<u8>) -> usize {
    format(to, size, text, tm, true)
}

/// Formats a calendar time with given names.
#[export(msvcrt + ucrtbase, full)]
fn _Strftime(to: Ptr<u8>, size: usize, text: Ptr<u8>, tm: Ptr<Tm>, _names: Ptr<u8>) -> usize {
    format(to, size, text, tm, false)
}

/// Formats a calendar time with given names.
#[export(ucrtbase, full)]
fn _Wcsftime(to: Ptr<u16>, size: usize, text: Ptr<u16>, tm: Ptr<Tm>, _names: Ptr<u8>) -> usize {
    format(to, size, text, tm, false)
}

/// The names of the days.
#[export(msvcrt + ucrtbase, full)]
fn _Getdays() -> Ptr<u8> {
    names(&DAYS)
}

/// The names of the months.
#[export(msvcrt + ucrtbase, full)]
fn _Getmonths() -> Ptr<u8> {
    names(&MONTHS)
}

/// The names of the days.
#[export(ucrtbase, full)]
fn _W_Getdays() -> Ptr<u16> {
    names(&DAYS)
}

/// The names of the months.
#[export(ucrtbase, full)]
fn _W_Getmonths() -> Ptr<u16> {
    names(&MONTHS)
}

/// A copy of the locale's time names, for `_Strftime`.
#[export(msvcrt + ucrtbase, stub("the names in it are not filled in: `_Strftime` does not look at them"))]
fn _Gettnames() -> Ptr<u8> {
    crate::malloc::calloc(1, 0x400)
}

/// A copy of the locale's time names, for `_Wcsftime`.
#[export(ucrtbase, stub("the names in it are not filled in: `_Wcsftime` does not look at them"))]
fn _W_Gettnames() -> Ptr<u8> {
    crate::malloc::calloc(1, 0x400)
}
