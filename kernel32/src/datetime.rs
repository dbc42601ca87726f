//! Calendar arithmetic and time zones behind timezoneapi.h and the formatting functions.
//!
//! Days are counted from 1601-01-01, a Monday, the epoch of FILETIME.

use jiff::tz::TimeZone;
use std::sync::OnceLock;
use windows_sys::Win32::Foundation::SYSTEMTIME;

pub const TICKS_PER_DAY: i64 = 864_000_000_000;

/// Whether a Gregorian year has 366 days.
fn leap(year: u16) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

/// Days in a month of 1 to 12.
pub fn days_in_month(year: u16, month: u16) -> u16 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u16::from(leap(year)),
        _ => 31,
    }
}

/// Days from 1601-01-01 to a date. <https://howardhinnant.github.io/date_algorithms.html>
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    // 584,694 days from 0000-03-01 to 1601-01-01.
    era * 146_097 + day_of_era - 584_694
}

fn civil_from_days(days: i64) -> (i64, u16, u16) {
    let days = days + 584_694;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u16, day as u16)
}

/// Day of the week, 0 for Sunday.
pub fn day_of_week(year: u16, month: u16, day: u16) -> u16 {
    (days_from_civil(year.into(), month.into(), day.into()) + 1).rem_euclid(7) as u16
}

/// A FILETIME number as a date; None beyond year 30827.
pub fn from_filetime(time: u64) -> Option<SYSTEMTIME> {
    let time = i64::try_from(time).ok()?;
    let (days, ticks) = (time / TICKS_PER_DAY, time % TICKS_PER_DAY);
    let (year, month, day) = civil_from_days(days);
    let ms = ticks / 10_000;
    Some(SYSTEMTIME {
        wYear: u16::try_from(year).ok()?,
        wMonth: month,
        wDayOfWeek: ((days + 1) % 7) as u16,
        wDay: day,
        wHour: (ms / 3_600_000) as u16,
        wMinute: (ms / 60_000 % 60) as u16,
        wSecond: (ms / 1000 % 60) as u16,
        wMilliseconds: (ms % 1000) as u16,
    })
}

/// A date as FILETIME number; None for dates that do not exist or lie outside 1601 to 30827.
pub fn to_filetime(date: &SYSTEMTIME) -> Option<u64> {
    let valid = (1601..=30827).contains(&date.wYear)
        && (1..=12).contains(&date.wMonth)
        && date.wDay >= 1
        && date.wDay <= days_in_month(date.wYear, date.wMonth)
        && date.wHour < 24
        && date.wMinute < 60
        && date.wSecond < 60
        && date.wMilliseconds < 1000;
    if !valid {
        return None;
    }
    let days = days_from_civil(date.wYear.into(), date.wMonth.into(), date.wDay.into());
    let ms = ((i64::from(date.wHour) * 60 + i64::from(date.wMinute)) * 60 + i64::from(date.wSecond)) * 1000 + i64::from(date.wMilliseconds);
    Some((days * TICKS_PER_DAY + ms * 10_000) as u64)
}

/// When standard or daylight time begins each year: the n-th weekday of a month (5 is the last).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rule {
    pub month: u16,
    pub week: u16,
    pub weekday: u16,
    pub hour: u16,
    pub minute: u16,
}

impl Rule {
    /// The rule as a SYSTEMTIME in "day-in-month" form.
    pub fn to_systemtime(self) -> SYSTEMTIME {
        SYSTEMTIME {
            wYear: 0,
            wMonth: self.month,
            wDayOfWeek: self.weekday,
            wDay: self.week,
            wHour: self.hour,
            wMinute: self.minute,
            wSecond: 0,
            wMilliseconds: 0,
        }
    }

    /// The wall-clock FILETIME number of the change in `year`; absolute dates have a year of their own.
    pub fn at(rule: &SYSTEMTIME, year: u16) -> Option<i64> {
        if rule.wMonth == 0 || rule.wMonth > 12 {
            return None;
        }
        let day = if rule.wYear != 0 {
            if rule.wYear != year {
                return None;
            }
            rule.wDay
        } else {
            let first = day_of_week(year, rule.wMonth, 1);
            let mut day = 1 + (7 + rule.wDayOfWeek - first) % 7 + (rule.wDay.clamp(1, 5) - 1) * 7;
            while day > days_in_month(year, rule.wMonth) {
                day -= 7;
            }
            day
        };
        let date = SYSTEMTIME { wYear: year, wDay: day, wDayOfWeek: 0, ..*rule };
        to_filetime(&date).map(|time| time as i64)
    }
}

/// A zone in one year, in the terms of TIME_ZONE_INFORMATION. Minutes west of Greenwich.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct YearRules {
    pub bias: i32,
    pub daylight_bias: i32,
    /// To standard time and to daylight time; None where the clock does not change.
    pub change: Option<(Rule, Rule)>,
}

/// The host's time zone.
pub fn zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

/// The rules of a zone in a year.
pub fn year_rules(zone: &TimeZone, year: i16) -> YearRules {
    let offset_at = |time| zone.to_offset_info(time);
    let start = jiff::civil::date(year, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let end = jiff::civil::date(year.saturating_add(1), 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let (Ok(start), Ok(end)) = (start, end) else { return YearRules::default() };
    let west = |seconds: i32| -seconds.div_euclid(60);
    let info = offset_at(start);
    let mut rules = YearRules { bias: west(info.offset().seconds()), ..YearRules::default() };
    let mut before = info.offset().seconds();
    let (mut to_standard, mut to_daylight) = (None, None);
    for transition in zone.following(start).take_while(|transition| transition.timestamp() < end) {
        let after = transition.offset().seconds();
        if after == before {
            continue;
        }
        let wall =
            transition.timestamp().to_zoned(TimeZone::fixed(jiff::tz::Offset::from_seconds(before).unwrap_or(jiff::tz::Offset::UTC)));
        let day = wall.day() as u16;
        let last = day + 7 > wall.days_in_month() as u16;
        let rule = Rule {
            month: wall.month() as u16,
            week: if last { 5 } else { (day - 1) / 7 + 1 },
            weekday: wall.weekday().to_sunday_zero_offset() as u16,
            hour: wall.hour() as u16,
            minute: wall.minute() as u16,
        };
        if transition.dst().is_dst() {
            rules.daylight_bias = west(after) - west(before);
            to_daylight = Some(rule);
        } else {
            rules.bias = west(after);
            to_standard = Some(rule);
        }
        before = after;
    }
    if let (Some(standard), Some(daylight)) = (to_standard, to_daylight) {
        rules.change = Some((standard, daylight));
    } else {
        rules.bias = west(before);
        rules.daylight_bias = 0;
    }
    rules
}

/// The Windows name of the host's zone: by its IANA name, or else of a zone with the same rules.
pub fn zone_name() -> &'static str {
    static NAME: OnceLock<&'static str> = OnceLock::new();
    NAME.get_or_init(|| {
        let names = || include_str!("nls/time_zones.txt").lines();
        let iana = |name: &str| name.parse::<windows_timezones::WindowsTimezone>().ok().map(|zone| zone.tzdb_id());
        let host = zone().iana_name().unwrap_or("UTC");
        if matches!(host, "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Zulu") {
            return "UTC";
        }
        if let Some(name) = names().find(|&name| iana(name) == Some(host)) {
            return name;
        }
        let year = current_year();
        let wanted = year_rules(zone(), year);
        let same = |name: &&str| iana(name).and_then(|id| TimeZone::get(id).ok()).is_some_and(|zone| year_rules(&zone, year) == wanted);
        names().find(same).unwrap_or("UTC")
    })
}

fn current_year() -> i16 {
    from_filetime(ntdll::time::system_time() as u64).map_or(2026, |date| date.wYear as i16)
}

/// Seconds east of Greenwich at a FILETIME number (UTC) in the host's zone.
pub fn offset_at(time: i64) -> i32 {
    let seconds = (time - ntdll::time::UNIX_EPOCH).div_euclid(10_000_000);
    jiff::Timestamp::from_second(seconds).map_or(0, |at| zone().to_offset(at).seconds())
}

/// Whether daylight saving time is on at a FILETIME number (UTC) in the host's zone.
pub fn is_daylight_at(time: i64) -> bool {
    let seconds = (time - ntdll::time::UNIX_EPOCH).div_euclid(10_000_000);
    jiff::Timestamp::from_second(seconds).is_ok_and(|at| zone().to_offset_info(at).dst().is_dst())
}

/// The local time of now.
pub fn local_now() -> SYSTEMTIME {
    let now = ntdll::time::system_time();
    let local = now + i64::from(offset_at(now)) * 10_000_000;
    from_filetime(local as u64).unwrap_or(SYSTEMTIME {
        wYear: 1601,
        wMonth: 1,
        wDayOfWeek: 1,
        wDay: 1,
        wHour: 0,
        wMinute: 0,
        wSecond: 0,
        wMilliseconds: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_numbers() {
        let epoch = from_filetime(0).unwrap();
        assert_eq!((epoch.wYear, epoch.wMonth, epoch.wDay, epoch.wDayOfWeek), (1601, 1, 1, 1));
        let unix = from_filetime(ntdll::time::UNIX_EPOCH as u64).unwrap();
        assert_eq!((unix.wYear, unix.wMonth, unix.wDay, unix.wDayOfWeek), (1970, 1, 1, 4));
        for time in [0u64, 1_234_567 * 10_000, 132_000_000_000_000_000, 9_000_000_000_000_000_000] {
            let time = time / 10_000 * 10_000;
            assert_eq!(to_filetime(&from_filetime(time).unwrap()), Some(time));
        }
        assert_eq!(day_of_week(2024, 2, 29), 4);
        assert!(from_filetime(u64::MAX).is_none());
    }

    #[test]
    fn rules_of_known_zones() {
        let Ok(berlin) = TimeZone::get("Europe/Berlin") else { return };
        let rules = year_rules(&berlin, 2024);
        assert_eq!((rules.bias, rules.daylight_bias), (-60, -60));
        let (standard, daylight) = rules.change.unwrap();
        assert_eq!((standard.month, standard.week, standard.weekday, standard.hour), (10, 5, 0, 3));
        assert_eq!((daylight.month, daylight.week, daylight.weekday, daylight.hour), (3, 5, 0, 2));
        let sydney = year_rules(&TimeZone::get("Australia/Sydney").unwrap(), 2024);
        assert_eq!((sydney.bias, sydney.daylight_bias), (-600, -60));
        let tokyo = year_rules(&TimeZone::get("Asia/Tokyo").unwrap(), 2024);
        assert_eq!((tokyo.bias, tokyo.change), (-540, None));
    }
}
