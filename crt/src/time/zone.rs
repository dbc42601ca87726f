//! The time zone as the runtime's variables tell it.

use super::offset;
use crate::errno::Errno;
use crate::invalid;
use crate::raw::{self, Shared};
use abi::{Ptr, export, export_data};

static TIMEZONE: Shared<i32> = Shared::new(28800);
static DAYLIGHT: Shared<i32> = Shared::new(1);
static DSTBIAS: Shared<i32> = Shared::new(-3600);
static NAMES: Shared<[[u8; 64]; 2]> = Shared::new([[0; 64]; 2]);
static TZNAME: Shared<[Ptr<u8>; 2]> = Shared::new([Ptr::NULL; 2]);
export_data!(TIMEZONE => msvcrt, full, name = "_timezone");
export_data!(DAYLIGHT => msvcrt, full, name = "_daylight");
export_data!(DSTBIAS => msvcrt, full, name = "_dstbias");
export_data!(TZNAME => msvcrt, full, name = "_tzname");

fn set(index: usize, name: &str) {
    let at = NAMES.ptr().cast::<u8>().add(index * 64);
    raw::put_z(at, &name.as_bytes()[..name.len().min(63)]);
    TZNAME.ptr().cast::<Ptr<u8>>().add(index).set(at);
}

/// The variables' values before `_tzset`, which a first look at them does not show.
pub fn attach() {
    set(0, "PST");
    set(1, "PDT");
}

/// A zone in the form `PST8PDT`: name, hours west, name in summer.
fn from_variable(text: &str) -> Option<(String, i32, String)> {
    let name = text.get(..3)?.to_string();
    let rest = &text[3..];
    let end = rest.find(|c: char| !matches!(c, '+' | '-' | ':' | '0'..='9')).unwrap_or(rest.len());
    let (number, summer) = rest.split_at(end);
    let negative = number.starts_with('-');
    let mut parts = number.trim_start_matches(['+', '-']).split(':').map(|p| p.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    let west: i32 = part() * 3600 + part() * 60 + part();
    Some((name, if negative { -west } else { west }, summer.chars().take(3).collect()))
}

/// Reads the time zone: of the variable TZ, else of the system.
#[export(msvcrt + ucrtbase, partial("TZ sets the variables but not the rules of localtime"))]
pub fn _tzset() {
    let variable = ntdll::process::variable(&abi::wide::wide("TZ")).map(|v| String::from_utf16_lossy(&v));
    if let Some((name, west, summer)) = variable.as_deref().and_then(from_variable) {
        set(0, &name);
        set(1, &summer);
        TIMEZONE.set(west);
        DAYLIGHT.set((!summer.is_empty()).into());
        return;
    }
    // Offsets in winter and summer of this year: the smaller one is standard time.
    let year = super::calendar(super::now()).year;
    let start = super::days(i64::from(year) + 1900, 0, 1) * super::DAY;
    let all: Vec<(i64, bool)> = (0..12).map(|m| offset(start + m * 30 * super::DAY)).collect();
    let standard = all.iter().filter(|o| !o.1).map(|o| o.0).next().unwrap_or(all[0].0);
    let daylight = all.iter().find(|o| o.1).map(|o| o.0);
    TIMEZONE.set(-standard as i32);
    DAYLIGHT.set(daylight.is_some().into());
    DSTBIAS.set(daylight.map_or(0, |d| (standard - d) as i32));
    let name = kernel32::datetime::zone_name();
    if name == "UTC" {
        set(0, "Coordinated Universal Time");
        set(1, "Coordinated Universal Time");
    } else {
        set(0, name);
        set(1, &name.replace("Standard Time", "Daylight Time"));
    }
}

fn once() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(_tzset);
}

/// The name of the zone now.
pub fn name(daylight: bool) -> Vec<u8> {
    once();
    raw::text(TZNAME.ptr().cast::<Ptr<u8>>().add(daylight.into()).get()).to_vec()
}

/// Address of the seconds west of Greenwich.
#[export(ucrtbase, full)]
fn __timezone() -> Ptr<i32> {
    once();
    TIMEZONE.ptr()
}

/// Address of the mark that the zone has daylight saving time.
#[export(ucrtbase, full)]
fn __daylight() -> Ptr<i32> {
    once();
    DAYLIGHT.ptr()
}

/// Address of the seconds that daylight saving time adds to the west.
#[export(ucrtbase, full)]
fn __dstbias() -> Ptr<i32> {
    once();
    DSTBIAS.ptr()
}

/// The zone's two names.
#[export(ucrtbase, full)]
fn __tzname() -> Ptr<Ptr<u8>> {
    once();
    TZNAME.ptr().cast()
}

fn give(to: Ptr<i32>, value: Ptr<i32>) -> Result<(), Errno> {
    invalid::check(!to.is_null())?;
    to.set(value.get());
    Ok(())
}

/// The seconds west of Greenwich.
#[export(msvcrt + ucrtbase, full)]
fn _get_timezone(to: Ptr<i32>) -> Result<(), Errno> {
    give(to, __timezone())
}

/// Whether the zone has daylight saving time.
#[export(msvcrt + ucrtbase, full)]
fn _get_daylight(to: Ptr<i32>) -> Result<(), Errno> {
    give(to, __daylight())
}

/// The seconds that daylight saving time adds to the west.
#[export(msvcrt + ucrtbase, full)]
fn _get_dstbias(to: Ptr<i32>) -> Result<(), Errno> {
    give(to, __dstbias())
}

/// One of the zone's names, into a buffer.
#[export(msvcrt + ucrtbase, full)]
fn _get_tzname(needed: Ptr<usize>, to: Ptr<u8>, size: usize, index: i32) -> Result<(), Errno> {
    invalid::check(!needed.is_null() && matches!(index, 0 | 1) && (!to.is_null() || size == 0))?;
    let name = name(index == 1);
    needed.set(name.len() + 1);
    if to.is_null() {
        return Ok(());
    }
    if name.len() >= size {
        return Err(Errno::ERANGE);
    }
    raw::put_z(to, &name);
    Ok(())
}
