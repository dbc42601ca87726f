//! timezoneapi.h, and the time conversions of fileapi.h and winbase.h.

use crate::datetime::{self, Rule, from_filetime, to_filetime};
use abi::wide::wide;
use abi::{Ptr, Win32Error, export};
use windows_sys::Win32::Foundation::SYSTEMTIME;
use windows_sys::Win32::System::Time::{DYNAMIC_TIME_ZONE_INFORMATION, TIME_ZONE_INFORMATION};

/// FILETIME number to date.
#[export(kernel32 + kernelbase, full)]
pub fn FileTimeToSystemTime(time: Ptr<u64>, date: Ptr<SYSTEMTIME>) -> Result<(), Win32Error> {
    let value = from_filetime(time.read()?).ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(date.write(value)?)
}

/// Date to FILETIME number.
#[export(kernel32 + kernelbase, full)]
pub fn SystemTimeToFileTime(date: Ptr<SYSTEMTIME>, time: Ptr<u64>) -> Result<(), Win32Error> {
    let value = to_filetime(&date.read()?).ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(time.write(value)?)
}

/// -1, 0 or 1.
#[export(kernel32 + kernelbase, full)]
pub fn CompareFileTime(a: Ptr<u64>, b: Ptr<u64>) -> i32 {
    a.get().cmp(&b.get()) as i32
}

/// Minutes that the current offset from UTC is, as FileTimeToLocalFileTime uses it for all dates.
fn current_bias() -> i64 {
    i64::from(datetime::offset_at(ntdll::time::system_time())) * 10_000_000
}

/// UTC to local time, with the offset of today.
#[export(kernel32 + kernelbase, full)]
pub fn FileTimeToLocalFileTime(time: Ptr<u64>, local: Ptr<u64>) -> Result<(), Win32Error> {
    Ok(local.write(time.read()?.wrapping_add_signed(current_bias()))?)
}

/// Local time to UTC, with the offset of today.
#[export(kernel32 + kernelbase, full)]
pub fn LocalFileTimeToFileTime(local: Ptr<u64>, time: Ptr<u64>) -> Result<(), Win32Error> {
    Ok(time.write(local.read()?.wrapping_add_signed(-current_bias()))?)
}

/// MS-DOS date and time (2 seconds' resolution, from 1980) of a FILETIME number.
#[export(kernel32 + kernelbase, full)]
pub fn FileTimeToDosDateTime(time: Ptr<u64>, dos_date: Ptr<u16>, dos_time: Ptr<u16>) -> Result<(), Win32Error> {
    // Odd seconds are rounded up.
    let date = from_filetime(time.read()?.saturating_add(19_999_999)).ok_or(Win32Error::INVALID_PARAMETER)?;
    if !(1980..=2107).contains(&date.wYear) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    dos_date.write((date.wYear - 1980) << 9 | date.wMonth << 5 | date.wDay)?;
    Ok(dos_time.write(date.wHour << 11 | date.wMinute << 5 | date.wSecond / 2)?)
}

/// FILETIME number of an MS-DOS date and time.
#[export(kernel32 + kernelbase, full)]
pub fn DosDateTimeToFileTime(dos_date: u16, dos_time: u16, time: Ptr<u64>) -> Result<(), Win32Error> {
    let date = SYSTEMTIME {
        wYear: (dos_date >> 9) + 1980,
        wMonth: dos_date >> 5 & 15,
        wDayOfWeek: 0,
        wDay: dos_date & 31,
        wHour: dos_time >> 11,
        wMinute: dos_time >> 5 & 63,
        wSecond: (dos_time & 31) * 2,
        wMilliseconds: 0,
    };
    Ok(time.write(to_filetime(&date).ok_or(Win32Error::INVALID_PARAMETER)?)?)
}

fn copy_name(to: &mut [u16], name: &str) {
    let len = to.len();
    wide(name).into_iter().take(len - 1).zip(to.iter_mut()).for_each(|(from, to)| *to = from);
}

/// The host's zone in a year.
fn information(year: u16) -> Box<DYNAMIC_TIME_ZONE_INFORMATION> {
    let rules = datetime::year_rules(datetime::zone(), year as i16);
    let name = datetime::zone_name();
    let none = Rule::default().to_systemtime();
    let mut info = Box::new(DYNAMIC_TIME_ZONE_INFORMATION {
        Bias: rules.bias,
        StandardName: [0; 32],
        StandardDate: rules.change.map_or(none, |(standard, _)| standard.to_systemtime()),
        StandardBias: 0,
        DaylightName: [0; 32],
        DaylightDate: rules.change.map_or(none, |(_, daylight)| daylight.to_systemtime()),
        DaylightBias: if rules.change.is_some() { rules.daylight_bias } else { -60 },
        TimeZoneKeyName: [0; 128],
        DynamicDaylightTimeDisabled: false,
    });
    if name == "UTC" {
        info.DaylightBias = 0;
    }
    let standard = if name == "UTC" { "Coordinated Universal Time" } else { name };
    copy_name(&mut info.StandardName, standard);
    copy_name(&mut info.DaylightName, &standard.replace("Standard Time", "Daylight Time"));
    copy_name(&mut info.TimeZoneKeyName, name);
    info
}

fn plain(info: &DYNAMIC_TIME_ZONE_INFORMATION) -> TIME_ZONE_INFORMATION {
    TIME_ZONE_INFORMATION {
        Bias: info.Bias,
        StandardName: info.StandardName,
        StandardDate: info.StandardDate,
        StandardBias: info.StandardBias,
        DaylightName: info.DaylightName,
        DaylightDate: info.DaylightDate,
        DaylightBias: info.DaylightBias,
    }
}

/// TIME_ZONE_ID_UNKNOWN, _STANDARD or _DAYLIGHT for now.
fn current_id(info: &DYNAMIC_TIME_ZONE_INFORMATION) -> u32 {
    match info.StandardDate.wMonth {
        0 => 0,
        _ if datetime::is_daylight_at(ntdll::time::system_time()) => 2,
        _ => 1,
    }
}

/// The time zone.
/// <https://learn.microsoft.com/windows/win32/api/timezoneapi/nf-timezoneapi-gettimezoneinformation>
#[export(kernel32 + kernelbase, full)]
pub fn GetTimeZoneInformation(to: Ptr<TIME_ZONE_INFORMATION>) -> Result<u32, Win32Error> {
    let info = information(datetime::local_now().wYear);
    to.write(plain(&info))?;
    Ok(current_id(&info))
}

/// The time zone, with its registry name.
#[export(kernel32 + kernelbase, full)]
pub fn GetDynamicTimeZoneInformation(to: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>) -> Result<u32, Win32Error> {
    let info = information(datetime::local_now().wYear);
    to.write(*info)?;
    Ok(current_id(&info))
}

/// The time zone's rules in a year.
#[export(kernel32 + kernelbase, partial("a zone of the caller's keeps its own rules in every year"))]
pub fn GetTimeZoneInformationForYear(
    year: u16,
    zone: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>,
    to: Ptr<TIME_ZONE_INFORMATION>,
) -> Result<(), Win32Error> {
    let own = information(year);
    let info = match zone.non_null() {
        Some(zone) => {
            let zone = Box::new(zone.read()?);
            if zone.TimeZoneKeyName == own.TimeZoneKeyName || zone.TimeZoneKeyName[0] == 0 { own } else { zone }
        }
        None => own,
    };
    Ok(to.write(plain(&info))?)
}

/// Changes the time zone of the machine.
#[export(kernel32 + kernelbase, full)]
pub fn SetTimeZoneInformation(_info: Ptr<TIME_ZONE_INFORMATION>) -> Result<(), Win32Error> {
    Err(Win32Error::PRIVILEGE_NOT_HELD)
}

/// Changes the time zone of the machine.
#[export(kernel32 + kernelbase, full)]
pub fn SetDynamicTimeZoneInformation(_info: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>) -> Result<(), Win32Error> {
    Err(Win32Error::PRIVILEGE_NOT_HELD)
}

/// Minutes west of Greenwich that a zone has at a time; `local` says which clock the time is on.
fn bias_at(info: &TIME_ZONE_INFORMATION, time: i64, local: bool) -> i64 {
    let minute = 600_000_000i64;
    let standard = i64::from(info.Bias + info.StandardBias);
    let daylight = i64::from(info.Bias + info.DaylightBias);
    let year = match from_filetime((if local { time } else { time - standard * minute }) as u64) {
        Some(date) => date.wYear,
        None => return standard,
    };
    let (Some(to_standard), Some(to_daylight)) = (Rule::at(&info.StandardDate, year), Rule::at(&info.DaylightDate, year)) else {
        return i64::from(info.Bias) + if info.StandardDate.wMonth == 0 { 0 } else { i64::from(info.StandardBias) };
    };
    // The change to standard time is told in daylight time and the other way round.
    let (to_standard, to_daylight) =
        if local { (to_standard, to_daylight) } else { (to_standard + daylight * minute, to_daylight + standard * minute) };
    let is_daylight =
        if to_daylight < to_standard { (to_daylight..to_standard).contains(&time) } else { !(to_standard..to_daylight).contains(&time) };
    if is_daylight { daylight } else { standard }
}

fn convert(info: &TIME_ZONE_INFORMATION, from: Ptr<SYSTEMTIME>, to: Ptr<SYSTEMTIME>, local: bool) -> Result<(), Win32Error> {
    let time = to_filetime(&from.read()?).ok_or(Win32Error::INVALID_PARAMETER)? as i64;
    let bias = bias_at(info, time, local) * 600_000_000;
    let time = u64::try_from(if local { time + bias } else { time - bias }).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    Ok(to.write(from_filetime(time).ok_or(Win32Error::INVALID_PARAMETER)?)?)
}

fn zone_or_own(zone: Ptr<TIME_ZONE_INFORMATION>, date: Ptr<SYSTEMTIME>) -> Result<Box<TIME_ZONE_INFORMATION>, Win32Error> {
    Ok(match zone.non_null() {
        Some(zone) => Box::new(zone.read()?),
        None => Box::new(plain(&information(date.read()?.wYear))),
    })
}

/// UTC to a zone's local time.
#[export(kernel32 + kernelbase, full)]
pub fn SystemTimeToTzSpecificLocalTime(
    zone: Ptr<TIME_ZONE_INFORMATION>,
    utc: Ptr<SYSTEMTIME>,
    local: Ptr<SYSTEMTIME>,
) -> Result<(), Win32Error> {
    convert(&*zone_or_own(zone, utc)?, utc, local, false)
}

/// A zone's local time to UTC.
#[export(kernel32 + kernelbase, full)]
pub fn TzSpecificLocalTimeToSystemTime(
    zone: Ptr<TIME_ZONE_INFORMATION>,
    local: Ptr<SYSTEMTIME>,
    utc: Ptr<SYSTEMTIME>,
) -> Result<(), Win32Error> {
    convert(&*zone_or_own(zone, local)?, local, utc, true)
}

/// UTC to a zone's local time.
#[export(kernel32 + kernelbase, full)]
pub fn SystemTimeToTzSpecificLocalTimeEx(
    zone: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>,
    utc: Ptr<SYSTEMTIME>,
    local: Ptr<SYSTEMTIME>,
) -> Result<(), Win32Error> {
    convert(&*zone_or_own(zone.cast(), utc)?, utc, local, false)
}

/// A zone's local time to UTC.
#[export(kernel32 + kernelbase, full)]
pub fn TzSpecificLocalTimeToSystemTimeEx(
    zone: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>,
    local: Ptr<SYSTEMTIME>,
    utc: Ptr<SYSTEMTIME>,
) -> Result<(), Win32Error> {
    convert(&*zone_or_own(zone.cast(), local)?, local, utc, true)
}

/// The zones that the system knows, by number.
#[export(kernel32 + kernelbase + advapi32, partial("the host's zone only"))]
pub fn EnumDynamicTimeZoneInformation(index: u32, to: Ptr<DYNAMIC_TIME_ZONE_INFORMATION>) -> Win32Error {
    if index != 0 {
        return Win32Error::NO_MORE_ITEMS;
    }
    match to.write(*information(datetime::local_now().wYear)) {
        Ok(()) => Win32Error::SUCCESS,
        Err(_) => Win32Error::NOACCESS,
    }
}

/// First and last year that a zone has rules of its own for.
#[export(kernel32 + kernelbase + advapi32, stub("says that there are none"))]
pub fn GetDynamicTimeZoneInformationEffectiveYears(_zone: Ptr<u8>, _first: Ptr<u32>, _last: Ptr<u32>) -> Win32Error {
    Win32Error::FILE_NOT_FOUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daylight_time_of_a_zone() {
        // Berlin's rules.
        let rule = |month, hour| Rule { month, week: 5, weekday: 0, hour, minute: 0 }.to_systemtime();
        let info = TIME_ZONE_INFORMATION {
            Bias: -60,
            StandardName: [0; 32],
            StandardDate: rule(10, 3),
            StandardBias: 0,
            DaylightName: [0; 32],
            DaylightDate: rule(3, 2),
            DaylightBias: -60,
        };
        let date = |month, day, hour, minute| SYSTEMTIME {
            wYear: 2024,
            wMonth: month,
            wDayOfWeek: 0,
            wDay: day,
            wHour: hour,
            wMinute: minute,
            wSecond: 0,
            wMilliseconds: 0,
        };
        let bias = |month, day, hour, minute| bias_at(&info, to_filetime(&date(month, day, hour, minute)).unwrap() as i64, false);
        assert_eq!(bias(1, 15, 12, 0), -60);
        assert_eq!(bias(7, 15, 12, 0), -120);
        assert_eq!(bias(3, 31, 0, 59), -60);
        assert_eq!(bias(3, 31, 1, 0), -120);
        assert_eq!(bias(10, 27, 0, 59), -120);
        assert_eq!(bias(10, 27, 1, 0), -60);
    }
}
