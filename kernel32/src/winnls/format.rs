//! winnls.h and datetimeapi.h: dates, times, numbers and amounts as text.

use crate::nls::{ansi_opt, give_bytes_z, give_z, locale, picture, wide_opt};
use abi::wide::{display, wide};
use abi::{GuestFn, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use windows_sys::Win32::Foundation::SYSTEMTIME;
use windows_sys::Win32::Globalization::*;

fn data(lcid: u32) -> Result<&'static locale::Locale, Win32Error> {
    locale::by_lcid(lcid).ok_or(Win32Error::INVALID_PARAMETER)
}

fn date_text(lcid: u32, flags: u32, date: Ptr<SYSTEMTIME>, format: Option<Vec<u16>>) -> Result<Vec<u16>, Win32Error> {
    let locale = data(lcid)?;
    if format.is_some() && flags & (DATE_SHORTDATE | DATE_LONGDATE | DATE_YEARMONTH | DATE_MONTHDAY) != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let mut date = match date.non_null() {
        Some(date) => date.read()?,
        None => crate::datetime::local_now(),
    };
    if date.wMonth == 0 || date.wMonth > 12 || date.wDay == 0 || date.wDay > crate::datetime::days_in_month(date.wYear, date.wMonth) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    date.wDayOfWeek = crate::datetime::day_of_week(date.wYear, date.wMonth, date.wDay);
    let picture = match format {
        Some(format) => display(&format),
        None if flags & DATE_LONGDATE != 0 => locale.long_date().to_string(),
        None if flags & DATE_YEARMONTH != 0 => locale.year_month().to_string(),
        None if flags & DATE_MONTHDAY != 0 => locale.month_day().to_string(),
        None => locale.short_date().to_string(),
    };
    Ok(wide(&picture::date(locale, &picture, &date)))
}

fn time_text(lcid: u32, flags: u32, time: Ptr<SYSTEMTIME>, format: Option<Vec<u16>>) -> Result<Vec<u16>, Win32Error> {
    let locale = data(lcid)?;
    let time = match time.non_null() {
        Some(time) => time.read()?,
        None => crate::datetime::local_now(),
    };
    if time.wHour > 23 || time.wMinute > 59 || time.wSecond > 59 || time.wMilliseconds > 999 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let picture = format.map_or_else(|| locale.long_time().to_string(), |format| display(&format));
    Ok(wide(&picture::time(locale, &picture, &time, flags)))
}

/// A date as text.
/// <https://learn.microsoft.com/windows/win32/api/datetimeapi/nf-datetimeapi-getdateformatex>
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"))]
pub fn GetDateFormatEx(
    name: PCWSTR,
    flags: u32,
    date: Ptr<SYSTEMTIME>,
    format: PCWSTR,
    to: PWSTR,
    capacity: i32,
    _calendar: PCWSTR,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    give_z(to, capacity, &date_text(lcid, flags, date, wide_opt(format)?)?)
}

/// A date as text.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"))]
pub fn GetDateFormatW(lcid: u32, flags: u32, date: Ptr<SYSTEMTIME>, format: PCWSTR, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_z(to, capacity, &date_text(lcid, flags, date, wide_opt(format)?)?)
}

/// A date as text in the ANSI code page.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"))]
pub fn GetDateFormatA(lcid: u32, flags: u32, date: Ptr<SYSTEMTIME>, format: PCSTR, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_bytes_z(to, capacity, &date_text(lcid, flags & !LOCALE_USE_CP_ACP, date, ansi_opt(format)?)?, 0)
}

/// A time of day as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetTimeFormatEx(
    name: PCWSTR,
    flags: u32,
    time: Ptr<SYSTEMTIME>,
    format: PCWSTR,
    to: PWSTR,
    capacity: i32,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    give_z(to, capacity, &time_text(lcid, flags, time, wide_opt(format)?)?)
}

/// A time of day as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetTimeFormatW(lcid: u32, flags: u32, time: Ptr<SYSTEMTIME>, format: PCWSTR, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_z(to, capacity, &time_text(lcid, flags, time, wide_opt(format)?)?)
}

/// A time of day as text in the ANSI code page.
#[export(kernel32 + kernelbase, full)]
pub fn GetTimeFormatA(lcid: u32, flags: u32, time: Ptr<SYSTEMTIME>, format: PCSTR, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_bytes_z(to, capacity, &time_text(lcid, flags, time, ansi_opt(format)?)?, 0)
}

/// NUMBERFMTW; text pointers are guest addresses.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct NumberFormat {
    digits: u32,
    leading_zero: u32,
    grouping: u32,
    decimal: PCWSTR,
    thousands: PCWSTR,
    negative_order: u32,
}

/// CURRENCYFMTW; text pointers are guest addresses.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CurrencyFormat {
    digits: u32,
    leading_zero: u32,
    grouping: u32,
    decimal: PCWSTR,
    thousands: PCWSTR,
    negative_order: u32,
    positive_order: u32,
    symbol: PCWSTR,
}

fn number_text(lcid: u32, value: &[u16], format: Ptr<NumberFormat>) -> Result<Vec<u16>, Win32Error> {
    let locale = data(lcid)?;
    let (number, order) = match format.non_null() {
        Some(format) => {
            let format = format.read()?;
            let number = picture::Number {
                digits: format.digits.min(9),
                leading_zero: format.leading_zero != 0,
                grouping: format.grouping,
                decimal: display(&format.decimal.read_wide()?),
                thousands: display(&format.thousands.read_wide()?),
            };
            (number, format.negative_order)
        }
        None => (default_number(locale, 2), 1),
    };
    let (negative, text) = picture::number(&display(value), &number).ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(wide(&picture::with_sign(negative, order, text)))
}

fn default_number(locale: &locale::Locale, digits: u32) -> picture::Number {
    picture::Number {
        digits,
        leading_zero: true,
        grouping: 3,
        decimal: locale.decimal().to_string(),
        thousands: locale.thousands().to_string(),
    }
}

fn currency_text(lcid: u32, value: &[u16], format: Ptr<CurrencyFormat>) -> Result<Vec<u16>, Win32Error> {
    let locale = data(lcid)?;
    let (number, positive, negative, symbol) = match format.non_null() {
        Some(format) => {
            let format = format.read()?;
            let number = picture::Number {
                digits: format.digits.min(9),
                leading_zero: format.leading_zero != 0,
                grouping: format.grouping,
                decimal: display(&format.decimal.read_wide()?),
                thousands: display(&format.thousands.read_wide()?),
            };
            (number, format.positive_order, format.negative_order, display(&format.symbol.read_wide()?))
        }
        None => {
            let digits = if matches!(locale.iso_currency(), "JPY" | "KRW") { 0 } else { 2 };
            let order = |text: &str| text.parse().unwrap_or(0);
            let orders = (order(locale.positive_currency()), order(locale.negative_currency()));
            (default_number(locale, digits), orders.0, orders.1, locale.currency().to_string())
        }
    };
    let (is_negative, text) = picture::number(&display(value), &number).ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(wide(&picture::with_currency(is_negative, positive, negative, &symbol, &text)))
}

/// A number as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetNumberFormatEx(
    name: PCWSTR,
    _flags: u32,
    value: PCWSTR,
    format: Ptr<NumberFormat>,
    to: PWSTR,
    capacity: i32,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    give_z(to, capacity, &number_text(lcid, &value.read_wide()?, format)?)
}

/// A number as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetNumberFormatW(
    lcid: u32,
    _flags: u32,
    value: PCWSTR,
    format: Ptr<NumberFormat>,
    to: PWSTR,
    capacity: i32,
) -> Result<i32, Win32Error> {
    give_z(to, capacity, &number_text(lcid, &value.read_wide()?, format)?)
}

/// A number as text in the ANSI code page.
#[export(kernel32, partial("a format of the caller's is ignored"))]
pub fn GetNumberFormatA(lcid: u32, _flags: u32, value: PCSTR, _format: Ptr<u8>, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_bytes_z(to, capacity, &number_text(lcid, &crate::nls::ansi_arg(value)?, Ptr::NULL)?, 0)
}

/// An amount of money as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrencyFormatEx(
    name: PCWSTR,
    _flags: u32,
    value: PCWSTR,
    format: Ptr<CurrencyFormat>,
    to: PWSTR,
    capacity: i32,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    give_z(to, capacity, &currency_text(lcid, &value.read_wide()?, format)?)
}

/// An amount of money as text.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrencyFormatW(
    lcid: u32,
    _flags: u32,
    value: PCWSTR,
    format: Ptr<CurrencyFormat>,
    to: PWSTR,
    capacity: i32,
) -> Result<i32, Win32Error> {
    give_z(to, capacity, &currency_text(lcid, &value.read_wide()?, format)?)
}

/// An amount of money as text in the ANSI code page.
#[export(kernel32, partial("a format of the caller's is ignored"))]
pub fn GetCurrencyFormatA(lcid: u32, _flags: u32, value: PCSTR, _format: Ptr<u8>, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_bytes_z(to, capacity, &currency_text(lcid, &crate::nls::ansi_arg(value)?, Ptr::NULL)?, 0)
}

/// Calls back with one picture; it is kept on the stack, so that nothing is lost when the guest does not return.
fn call_with(function: GuestFn, text: &str, more: &[u64]) {
    let mut buffer = [0u16; 80];
    text.encode_utf16().take(79).zip(buffer.iter_mut()).for_each(|(from, to)| *to = from);
    let address = buffer.as_ptr() as u64;
    match more {
        [] => function.call(&[address]),
        [a] => function.call(&[address, *a]),
        [a, b, ..] => function.call(&[address, *a, *b]),
    };
}

/// Calls back with the date pictures of a locale.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumDateFormatsW(function: GuestFn, lcid: u32, flags: u32) -> Result<(), Win32Error> {
    let locale = data(lcid)?;
    call_with(function, if flags & DATE_LONGDATE != 0 { locale.long_date() } else { locale.short_date() }, &[]);
    Ok(())
}

/// Calls back with the date pictures of a locale.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumDateFormatsExW(function: GuestFn, lcid: u32, flags: u32) -> Result<(), Win32Error> {
    let locale = data(lcid)?;
    call_with(function, if flags & DATE_LONGDATE != 0 { locale.long_date() } else { locale.short_date() }, &[1]);
    Ok(())
}

/// Calls back with the date pictures of a locale.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumDateFormatsExEx(function: GuestFn, name: PCWSTR, flags: u32, param: isize) -> Result<(), Win32Error> {
    let locale = data(locale::lcid_arg(wide_opt(name)?.as_deref())?)?;
    call_with(function, if flags & DATE_LONGDATE != 0 { locale.long_date() } else { locale.short_date() }, &[1, param as u64]);
    Ok(())
}

/// Calls back with the time pictures of a locale.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumTimeFormatsW(function: GuestFn, lcid: u32, flags: u32) -> Result<(), Win32Error> {
    let locale = data(lcid)?;
    call_with(function, if flags & TIME_NOSECONDS != 0 { locale.short_time() } else { locale.long_time() }, &[]);
    Ok(())
}

/// Calls back with the time pictures of a locale.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumTimeFormatsEx(function: GuestFn, name: PCWSTR, flags: u32, param: isize) -> Result<(), Win32Error> {
    let locale = data(locale::lcid_arg(wide_opt(name)?.as_deref())?)?;
    call_with(function, if flags & TIME_NOSECONDS != 0 { locale.short_time() } else { locale.long_time() }, &[param as u64]);
    Ok(())
}

/// The LCTYPE that says the same as a CALTYPE of the Gregorian calendar.
fn calendar_item(caltype: u32) -> Option<u32> {
    Some(match caltype & 0xffff {
        CAL_SSHORTDATE => LOCALE_SSHORTDATE,
        CAL_SLONGDATE => LOCALE_SLONGDATE,
        CAL_SYEARMONTH => LOCALE_SYEARMONTH,
        CAL_SMONTHDAY => LOCALE_SMONTHDAY,
        item @ CAL_SDAYNAME1..=CAL_SDAYNAME7 => LOCALE_SDAYNAME1 + item - CAL_SDAYNAME1,
        item @ CAL_SABBREVDAYNAME1..=CAL_SABBREVDAYNAME7 => LOCALE_SABBREVDAYNAME1 + item - CAL_SABBREVDAYNAME1,
        item @ CAL_SMONTHNAME1..=CAL_SMONTHNAME12 => LOCALE_SMONTHNAME1 + item - CAL_SMONTHNAME1,
        item @ CAL_SABBREVMONTHNAME1..=CAL_SABBREVMONTHNAME12 => LOCALE_SABBREVMONTHNAME1 + item - CAL_SABBREVMONTHNAME1,
        _ => return None,
    })
}

fn calendar_text(lcid: u32, caltype: u32) -> Result<String, Win32Error> {
    match caltype & 0xffff {
        CAL_ICALINTVALUE => Ok("1".to_string()),
        CAL_SCALNAME => Ok("Gregorian Calendar".to_string()),
        CAL_IYEAROFFSETRANGE => Ok("0".to_string()),
        CAL_SERASTRING | CAL_SABBREVERASTRING => Ok("A.D.".to_string()),
        CAL_ITWODIGITYEARMAX => Ok("2049".to_string()),
        _ => match locale::info(lcid, calendar_item(caltype).ok_or(Win32Error::INVALID_FLAGS)?)? {
            locale::Info::Text(text) => Ok(text),
            _ => Err(Win32Error::INVALID_FLAGS),
        },
    }
}

/// One item of a calendar's data.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"))]
pub fn GetCalendarInfoEx(
    name: PCWSTR,
    _calendar: u32,
    _reserved: PCWSTR,
    caltype: u32,
    to: PWSTR,
    capacity: i32,
    value: Ptr<u32>,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    GetCalendarInfoW(lcid, 1, caltype, to, capacity, value)
}

/// One item of a calendar's data.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"))]
pub fn GetCalendarInfoW(lcid: u32, _calendar: u32, caltype: u32, to: PWSTR, capacity: i32, value: Ptr<u32>) -> Result<i32, Win32Error> {
    let text = calendar_text(lcid, caltype)?;
    if caltype & CAL_RETURN_NUMBER != 0 {
        value.write(text.parse().map_err(|_| Win32Error::INVALID_FLAGS)?)?;
        return Ok(2);
    }
    give_z(to, capacity, &wide(&text))
}

/// Calls back with one item of the calendar's data.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"), calls_guest)]
pub fn EnumCalendarInfoW(function: GuestFn, lcid: u32, _calendar: u32, caltype: u32) -> Result<(), Win32Error> {
    let mut buffer = [0u16; 80];
    calendar_text(lcid, caltype)?.encode_utf16().take(79).zip(buffer.iter_mut()).for_each(|(from, to)| *to = from);
    function.call(&[buffer.as_ptr() as u64]);
    Ok(())
}

/// Calls back with one item of the calendar's data.
#[export(kernel32 + kernelbase, partial("Gregorian calendar only"), calls_guest)]
pub fn EnumCalendarInfoExEx(
    function: GuestFn,
    name: PCWSTR,
    _calendar: u32,
    _reserved: PCWSTR,
    caltype: u32,
    param: isize,
) -> Result<(), Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    let mut buffer = [0u16; 80];
    calendar_text(lcid, caltype)?.encode_utf16().take(79).zip(buffer.iter_mut()).for_each(|(from, to)| *to = from);
    function.call(&[buffer.as_ptr() as u64, 1, 0, param as u64]);
    Ok(())
}
