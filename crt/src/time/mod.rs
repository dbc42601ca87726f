//! time.h: calendar times, and the clock.

mod format;
mod zone;

use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::raw::{self, Shared};
use crate::unit::Unit;
use abi::{Ptr, export};
use kernel32::datetime;

pub use zone::attach;

/// `struct tm`: second, minute, hour, day, month, year, weekday, day of the year, daylight saving.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
pub struct Tm {
    pub sec: i32,
    pub min: i32,
    pub hour: i32,
    pub mday: i32,
    pub mon: i32,
    pub year: i32,
    pub wday: i32,
    pub yday: i32,
    pub isdst: i32,
}

/// The last second of the year 3000, and some: `_MAX__TIME64_T` of the documentation.
const MAX: i64 = 32_535_291_599;
const DAY: i64 = 86_400;

/// Days from 1970 to a date; the month may be any number.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, in eras of 400 years.
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12));
    let (y, m) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * m + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds since 1970 as a calendar time.
fn calendar(time: i64) -> Tm {
    let (day, second) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 2 } else { m - 10 };
    let year = era * 400 + year_of_era + i64::from(month < 2);
    Tm {
        sec: (second % 60) as i32,
        min: (second / 60 % 60) as i32,
        hour: (second / 3600) as i32,
        mday: (of_year - (153 * m + 2) / 5 + 1) as i32,
        mon: month as i32,
        year: (year - 1900) as i32,
        wday: (day + 4).rem_euclid(7) as i32,
        yday: (day - days(year, 0, 1)) as i32,
        isdst: 0,
    }
}

fn seconds(tm: &Tm) -> i64 {
    days(i64::from(tm.year) + 1900, tm.mon.into(), 1) * DAY
        + (i64::from(tm.mday) - 1) * DAY
        + i64::from(tm.hour) * 3600
        + i64::from(tm.min) * 60
        + i64::from(tm.sec)
}

fn filetime(time: i64) -> i64 {
    time * 10_000_000 + ntdll::time::UNIX_EPOCH
}

/// Seconds east of Greenwich at a time, and whether that is daylight saving time.
fn offset(time: i64) -> (i64, bool) {
    (datetime::offset_at(filetime(time)).into(), datetime::is_daylight_at(filetime(time)))
}

fn local(time: i64) -> Tm {
    let (offset, daylight) = offset(time);
    Tm { isdst: daylight.into(), ..calendar(time + offset) }
}

/// mktime: the time that a local calendar time means, and its normal form.
fn from_local(tm: &Tm) -> Option<(i64, Tm)> {
    let wanted = seconds(tm);
    let mut time = wanted - offset(wanted).0;
    // The offset there may differ from the one guessed by.
    time = wanted - offset(time).0;
    let (_, daylight) = offset(time);
    if tm.isdst > 0 && !daylight {
        time -= 3600;
    } else if tm.isdst == 0 && daylight {
        time += 3600;
    }
    (0..=MAX).contains(&time).then(|| (time, local(time)))
}

struct Buffers {
    tm: Shared<Tm>,
    narrow: Shared<[u8; 26]>,
    wide: Shared<[u16; 26]>,
}

thread_local! {
    static BUFFERS: Buffers = const { Buffers {
        tm: Shared::new(Tm { sec: 0, min: 0, hour: 0, mday: 0, mon: 0, year: 0, wday: 0, yday: 0, isdst: 0 }),
        narrow: Shared::new([0; 26]),
        wide: Shared::new([0; 26]),
    } };
}

fn own_tm() -> Ptr<Tm> {
    BUFFERS.with(|b| b.tm.ptr())
}

/// gmtime_s and localtime_s.
fn convert_s(to: Ptr<Tm>, time: Option<i64>, zone: bool) -> Result<(), Errno> {
    invalid::check(!to.is_null())?;
    let good = time.filter(|t| (-43_200..=MAX + 50_400).contains(t));
    let Some(time) = good else {
        to.set(Tm { sec: -1, min: -1, hour: -1, mday: -1, mon: -1, year: -1, wday: -1, yday: -1, isdst: -1 });
        return Err(match time {
            None => invalid::report(Errno::EINVAL),
            Some(_) => Errno::EINVAL,
        });
    };
    to.set(if zone { local(time) } else { calendar(time) });
    Ok(())
}

fn convert(time: Option<i64>, zone: bool) -> Ptr<Tm> {
    match convert_s(own_tm(), time, zone) {
        Ok(()) => own_tm(),
        Err(errno) => {
            set_errno(errno);
            Ptr::NULL
        }
    }
}

fn read64(time: Ptr<i64>) -> Option<i64> {
    (!time.is_null()).then(|| time.get())
}

fn read32(time: Ptr<i32>) -> Option<i64> {
    (!time.is_null()).then(|| time.get().into())
}

fn make(tm: Ptr<Tm>, zone: bool) -> Result<i64, Errno> {
    invalid::check(!tm.is_null())?;
    let value = tm.get();
    let made = if zone {
        from_local(&value)
    } else {
        let time = seconds(&value);
        (0..=MAX).contains(&time).then(|| (time, calendar(time)))
    };
    let (time, normal) = made.ok_or(Errno::EINVAL)?;
    tm.set(normal);
    Ok(time)
}

fn make32(tm: Ptr<Tm>, zone: bool) -> Result<i32, Errno> {
    i32::try_from(make(tm, zone)?).map_err(|_| Errno::EINVAL)
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// `Thu Jan 01 00:00:00 1970\n`.
fn text_of(tm: &Tm) -> Option<String> {
    let good = (0..60).contains(&tm.sec)
        && (0..60).contains(&tm.min)
        && (0..24).contains(&tm.hour)
        && (0..12).contains(&tm.mon)
        && (1..32).contains(&tm.mday)
        && (0..7).contains(&tm.wday)
        && tm.year >= 0;
    good.then(|| {
        let (day, month) = (&DAYS[tm.wday as usize][..3], &MONTHS[tm.mon as usize][..3]);
        // msvcrt.dll writes the day with a zero.
        let fill = if invalid::STRICT.load(std::sync::atomic::Ordering::Relaxed) { ' ' } else { '0' };
        let lead = if tm.mday < 10 { fill.to_string() } else { String::new() };
        format!("{day} {month} {lead}{} {:02}:{:02}:{:02} {:04}\n", tm.mday, tm.hour, tm.min, tm.sec, tm.year + 1900)
    })
}

fn own_text<U: Unit>() -> Ptr<U> {
    BUFFERS.with(|b| if U::WIDE { b.wide.ptr().cast() } else { b.narrow.ptr().cast() })
}

fn put_text<U: Unit>(to: Ptr<U>, size: usize, tm: Option<Tm>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    to.set(U::default());
    let text = tm.as_ref().and_then(text_of);
    let (true, Some(text)) = (size >= 26, text) else { return Err(invalid::report(Errno::EINVAL)) };
    raw::put_z(to, &crate::unit::units::<U>(&text));
    Ok(())
}

fn text<U: Unit>(tm: Option<Tm>) -> Ptr<U> {
    match put_text(own_text::<U>(), 26, tm) {
        Ok(()) => own_text(),
        Err(errno) => {
            set_errno(errno);
            Ptr::NULL
        }
    }
}

fn tm_of(tm: Ptr<Tm>) -> Option<Tm> {
    (!tm.is_null()).then(|| tm.get())
}

fn local_of(time: Option<i64>) -> Option<Tm> {
    time.filter(|t| (0..=MAX).contains(t)).map(local)
}

fn now() -> i64 {
    (ntdll::time::system_time() - ntdll::time::UNIX_EPOCH).div_euclid(10_000_000)
}

fn now_into<T: Copy>(to: Ptr<T>, value: T) -> T {
    if !to.is_null() {
        to.set(value);
    }
    value
}

/// `struct __timeb64` (16 bytes: time, milliseconds, minutes west, daylight saving) and its 32-bit kin.
fn timeb(to: Ptr<u8>, wide: bool) -> Result<(), Errno> {
    invalid::check(!to.is_null())?;
    let ticks = ntdll::time::system_time() - ntdll::time::UNIX_EPOCH;
    let time = ticks.div_euclid(10_000_000);
    let (offset, daylight) = offset(time);
    let after = if wide {
        to.cast::<i64>().set(time);
        8
    } else {
        to.cast::<i32>().set(time as i32);
        4
    };
    let words = to.add(after).cast::<i16>();
    words.set((ticks.rem_euclid(10_000_000) / 10_000) as i16);
    // Minutes west in standard time.
    words.add(1).set((-(offset - if daylight { 3600 } else { 0 }) / 60) as i16);
    words.add(2).set(daylight.into());
    Ok(())
}

/// Milliseconds of wall time since the process began, as Microsoft's clock() counts.
#[export(msvcrt + ucrtbase, full)]
fn clock() -> i32 {
    static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let start = *START.get_or_init(host::time::monotonic_ns);
    // The first call comes soon after the start; what went before is taken as the processor time used.
    static BEFORE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let before = *BEFORE.get_or_init(|| host::time::process_cpu_ns().0 + host::time::process_cpu_ns().1);
    ((host::time::monotonic_ns() - start + before) / 1_000_000) as i32
}

fn stamp<U: Unit>(to: Ptr<U>, size: usize, date: bool) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    if size < 9 {
        to.set(U::default());
        return Err(invalid::report(Errno::ERANGE));
    }
    let tm = local(now());
    let text = if date {
        format!("{:02}/{:02}/{:02}", tm.mon + 1, tm.mday, tm.year % 100)
    } else {
        format!("{:02}:{:02}:{:02}", tm.hour, tm.min, tm.sec)
    };
    raw::put_z(to, &crate::unit::units::<U>(&text));
    Ok(())
}

/// TIME_UTC into a timespec: seconds and nanoseconds.
fn timespec(to: Ptr<i64>, base: i32) -> i32 {
    if base != 1 || to.is_null() {
        return 0;
    }
    let ns = host::time::realtime_ns();
    to.set((ns / 1_000_000_000) as i64);
    to.add(1).set((ns % 1_000_000_000) as i64);
    base
}

/// The time in seconds since 1970.
#[export(msvcrt + ucrtbase, full)]
fn _time64(to: Ptr<i64>) -> i64 {
    now_into(to, now())
}

/// The time in seconds since 1970.
#[export(msvcrt + ucrtbase, full)]
fn _time32(to: Ptr<i32>) -> i32 {
    now_into(to, now() as i32)
}

/// The time in seconds since 1970.
#[export(msvcrt, full)]
fn time(to: Ptr<i64>) -> i64 {
    now_into(to, now())
}

/// Seconds between two times.
#[export(msvcrt + ucrtbase, full)]
fn _difftime64(end: i64, start: i64) -> f64 {
    end.wrapping_sub(start) as f64
}

/// Seconds between two times.
#[export(msvcrt + ucrtbase, full)]
fn _difftime32(end: i32, start: i32) -> f64 {
    f64::from(end) - f64::from(start)
}

/// Seconds between two times.
#[export(msvcrt, full)]
fn difftime(end: i64, start: i64) -> f64 {
    end.wrapping_sub(start) as f64
}

/// A time as a calendar time in UTC.
#[export(msvcrt + ucrtbase, full)]
fn _gmtime64(time: Ptr<i64>) -> Ptr<Tm> {
    convert(read64(time), false)
}

/// A time as a calendar time in UTC.
#[export(msvcrt + ucrtbase, full)]
fn _gmtime64_s(to: Ptr<Tm>, time: Ptr<i64>) -> Result<(), Errno> {
    convert_s(to, read64(time), false)
}

/// A time as a calendar time in UTC.
#[export(msvcrt + ucrtbase, full)]
fn _gmtime32(time: Ptr<i32>) -> Ptr<Tm> {
    convert(read32(time), false)
}

/// A time as a calendar time in UTC.
#[export(msvcrt + ucrtbase, full)]
fn _gmtime32_s(to: Ptr<Tm>, time: Ptr<i32>) -> Result<(), Errno> {
    convert_s(to, read32(time), false)
}

/// A time as a calendar time in UTC.
#[export(msvcrt, full)]
fn gmtime(time: Ptr<i64>) -> Ptr<Tm> {
    convert(read64(time), false)
}

/// A time as a calendar time in local time.
#[export(msvcrt + ucrtbase, full)]
fn _localtime64(time: Ptr<i64>) -> Ptr<Tm> {
    convert(read64(time), true)
}

/// A time as a calendar time in local time.
#[export(msvcrt + ucrtbase, full)]
fn _localtime64_s(to: Ptr<Tm>, time: Ptr<i64>) -> Result<(), Errno> {
    convert_s(to, read64(time), true)
}

/// A time as a calendar time in local time.
#[export(msvcrt + ucrtbase, full)]
fn _localtime32(time: Ptr<i32>) -> Ptr<Tm> {
    convert(read32(time), true)
}

/// A time as a calendar time in local time.
#[export(msvcrt + ucrtbase, full)]
fn _localtime32_s(to: Ptr<Tm>, time: Ptr<i32>) -> Result<(), Errno> {
    convert_s(to, read32(time), true)
}

/// A time as a calendar time in local time.
#[export(msvcrt, full)]
fn localtime(time: Ptr<i64>) -> Ptr<Tm> {
    convert(read64(time), true)
}

/// The time that a calendar time in local time means.
#[export(msvcrt + ucrtbase, full)]
fn _mktime64(tm: Ptr<Tm>) -> Result<i64, Errno> {
    make(tm, true)
}

/// The time that a calendar time in local time means.
#[export(msvcrt + ucrtbase, full)]
fn _mktime32(tm: Ptr<Tm>) -> Result<i32, Errno> {
    make32(tm, true)
}

/// The time that a calendar time in UTC means.
#[export(msvcrt + ucrtbase, full)]
fn _mkgmtime64(tm: Ptr<Tm>) -> Result<i64, Errno> {
    make(tm, false)
}

/// The time that a calendar time in UTC means.
#[export(msvcrt + ucrtbase, full)]
fn _mkgmtime32(tm: Ptr<Tm>) -> Result<i32, Errno> {
    make32(tm, false)
}

/// The time that a local calendar time means.
#[export(msvcrt, full)]
fn mktime(tm: Ptr<Tm>) -> Result<i64, Errno> {
    make(tm, true)
}

/// The time that a calendar time in UTC means.
#[export(msvcrt, full)]
fn _mkgmtime(tm: Ptr<Tm>) -> Result<i64, Errno> {
    make(tm, false)
}

/// A calendar time as text.
#[export(msvcrt + ucrtbase, full)]
fn asctime(tm: Ptr<Tm>) -> Ptr<u8> {
    text(tm_of(tm))
}

/// A calendar time as text.
#[export(msvcrt + ucrtbase, full)]
fn asctime_s(to: Ptr<u8>, size: usize, tm: Ptr<Tm>) -> Result<(), Errno> {
    put_text(to, size, tm_of(tm))
}

/// A calendar time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wasctime(tm: Ptr<Tm>) -> Ptr<u16> {
    text(tm_of(tm))
}

/// A calendar time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wasctime_s(to: Ptr<u16>, size: usize, tm: Ptr<Tm>) -> Result<(), Errno> {
    put_text(to, size, tm_of(tm))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _ctime64(time: Ptr<i64>) -> Ptr<u8> {
    text(local_of(read64(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _ctime64_s(to: Ptr<u8>, size: usize, time: Ptr<i64>) -> Result<(), Errno> {
    put_text(to, size, local_of(read64(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _ctime32(time: Ptr<i32>) -> Ptr<u8> {
    text(local_of(read32(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _ctime32_s(to: Ptr<u8>, size: usize, time: Ptr<i32>) -> Result<(), Errno> {
    put_text(to, size, local_of(read32(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wctime64(time: Ptr<i64>) -> Ptr<u16> {
    text(local_of(read64(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wctime64_s(to: Ptr<u16>, size: usize, time: Ptr<i64>) -> Result<(), Errno> {
    put_text(to, size, local_of(read64(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wctime32(time: Ptr<i32>) -> Ptr<u16> {
    text(local_of(read32(time)))
}

/// A time as text.
#[export(msvcrt + ucrtbase, full)]
fn _wctime32_s(to: Ptr<u16>, size: usize, time: Ptr<i32>) -> Result<(), Errno> {
    put_text(to, size, local_of(read32(time)))
}

/// A time as text.
#[export(msvcrt, full)]
fn ctime(time: Ptr<i64>) -> Ptr<u8> {
    text(local_of(read64(time)))
}

/// A time as text.
#[export(msvcrt, full)]
fn _wctime(time: Ptr<i64>) -> Ptr<u16> {
    text(local_of(read64(time)))
}

/// Time, milliseconds and zone.
#[export(msvcrt + ucrtbase, full)]
fn _ftime64_s(to: Ptr<u8>) -> Result<(), Errno> {
    timeb(to, true)
}

/// Time, milliseconds and zone.
#[export(msvcrt + ucrtbase, full)]
fn _ftime64(to: Ptr<u8>) {
    if let Err(errno) = timeb(to, true) {
        set_errno(errno);
    }
}

/// Time, milliseconds and zone.
#[export(msvcrt + ucrtbase, full)]
fn _ftime32_s(to: Ptr<u8>) -> Result<(), Errno> {
    timeb(to, false)
}

/// Time, milliseconds and zone.
#[export(msvcrt + ucrtbase, full)]
fn _ftime32(to: Ptr<u8>) {
    if let Err(errno) = timeb(to, false) {
        set_errno(errno);
    }
}

/// Time, milliseconds and zone.
#[export(msvcrt, full)]
fn _ftime(to: Ptr<u8>) {
    _ftime64(to)
}

/// Time, milliseconds and zone.
#[export(msvcrt, full)]
fn _ftime_s(to: Ptr<u8>) -> Result<(), Errno> {
    timeb(to, true)
}

/// The date of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _strdate(to: Ptr<u8>) -> Ptr<u8> {
    if stamp(to, 9, true).is_ok() { to } else { Ptr::NULL }
}

/// The date of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _strdate_s(to: Ptr<u8>, size: usize) -> Result<(), Errno> {
    stamp(to, size, true)
}

/// The time of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _strtime(to: Ptr<u8>) -> Ptr<u8> {
    if stamp(to, 9, false).is_ok() { to } else { Ptr::NULL }
}

/// The time of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _strtime_s(to: Ptr<u8>, size: usize) -> Result<(), Errno> {
    stamp(to, size, false)
}

/// The date of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _wstrdate(to: Ptr<u16>) -> Ptr<u16> {
    if stamp(to, 9, true).is_ok() { to } else { Ptr::NULL }
}

/// The date of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _wstrdate_s(to: Ptr<u16>, size: usize) -> Result<(), Errno> {
    stamp(to, size, true)
}

/// The time of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _wstrtime(to: Ptr<u16>) -> Ptr<u16> {
    if stamp(to, 9, false).is_ok() { to } else { Ptr::NULL }
}

/// The time of now as text.
#[export(msvcrt + ucrtbase, full)]
fn _wstrtime_s(to: Ptr<u16>, size: usize) -> Result<(), Errno> {
    stamp(to, size, false)
}

/// The time in nanoseconds.
#[export(ucrtbase, full)]
fn _timespec64_get(to: Ptr<i64>, base: i32) -> i32 {
    timespec(to, base)
}

/// The time in nanoseconds.
#[export(ucrtbase, full)]
fn _timespec32_get(to: Ptr<i32>, base: i32) -> i32 {
    if base != 1 || to.is_null() {
        return 0;
    }
    let ns = host::time::realtime_ns();
    to.set((ns / 1_000_000_000) as i32);
    to.add(1).set((ns % 1_000_000_000) as i32);
    base
}

/// The date and time of now; milliseconds as result.
#[export(msvcrt + ucrtbase, full)]
fn _getsystime(to: Ptr<Tm>) -> u32 {
    to.set(local(now()));
    ((ntdll::time::system_time() / 10_000) % 1000) as u32
}

/// Sets the system's time: not allowed.
#[export(msvcrt + ucrtbase, full)]
fn _setsystime(_tm: Ptr<Tm>, _milliseconds: u32) -> u32 {
    5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars() {
        let t = calendar(0);
        assert_eq!((t.year, t.mon, t.mday, t.wday, t.yday), (70, 0, 1, 4, 0));
        let t = calendar(951_782_400);
        assert_eq!((t.year, t.mon, t.mday, t.wday, t.yday), (100, 1, 29, 2, 59));
        for time in (0..4_000_000_000).step_by(86_399 * 37) {
            assert_eq!(seconds(&calendar(time)), time);
        }
        let t = Tm { year: 99, mon: 14, mday: 0, ..Tm::default() };
        assert_eq!(calendar(seconds(&t)).mday, 29);
        assert_eq!(text_of(&calendar(0)).as_deref(), Some("Thu Jan 01 00:00:00 1970\n"));
    }
}
