//! Date, time, number and currency pictures.
//! <https://learn.microsoft.com/windows/win32/intl/day--month--year--and-era-format-pictures>

use super::locale::Locale;
use windows_sys::Win32::Foundation::SYSTEMTIME;

/// Splits a picture into runs of the same letter and literal text (quoted or not).
fn pieces(picture: &str, letters: &str) -> Vec<(Option<char>, String)> {
    let mut out: Vec<(Option<char>, String)> = Vec::new();
    let mut chars = picture.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            let mut literal = String::new();
            if chars.peek() == Some(&'\'') {
                chars.next();
                literal.push('\'');
            } else {
                while let Some(c) = chars.next() {
                    if c == '\'' {
                        if chars.peek() != Some(&'\'') {
                            break;
                        }
                        chars.next();
                    }
                    literal.push(c);
                }
            }
            out.push((None, literal));
        } else if letters.contains(c) {
            match out.last_mut() {
                Some((Some(last), run)) if *last == c => run.push(c),
                _ => out.push((Some(c), c.to_string())),
            }
        } else {
            out.push((None, c.to_string()));
        }
    }
    out
}

/// Formats a date.
pub fn date(locale: &Locale, picture: &str, date: &SYSTEMTIME) -> String {
    let mut out = String::new();
    // 0 is Sunday in SYSTEMTIME, Monday in the locale.
    let weekday = usize::from(date.wDayOfWeek + 6) % 7;
    let month = usize::from(date.wMonth.max(1)) - 1;
    for (letter, run) in pieces(picture, "dMyg") {
        let text = match (letter, run.len()) {
            (Some('d'), 1) => date.wDay.to_string(),
            (Some('d'), 2) => format!("{:02}", date.wDay),
            (Some('d'), 3) => locale.short_day(weekday).to_string(),
            (Some('d'), _) => locale.day(weekday).to_string(),
            (Some('M'), 1) => date.wMonth.to_string(),
            (Some('M'), 2) => format!("{:02}", date.wMonth),
            (Some('M'), 3) => locale.short_month(month).to_string(),
            (Some('M'), _) => locale.month(month).to_string(),
            (Some('y'), 1) => (date.wYear % 100).to_string(),
            (Some('y'), 2) => format!("{:02}", date.wYear % 100),
            (Some('y'), _) => format!("{:04}", date.wYear),
            (Some(_), _) => "A.D.".to_string(),
            (None, _) => run,
        };
        out.push_str(&text);
    }
    out
}

pub const NO_MINUTES: u32 = 1;
pub const NO_SECONDS: u32 = 2;
pub const NO_MARKER: u32 = 4;
pub const FORCE_24_HOURS: u32 = 8;

/// Formats a time of day under TIME_… flags.
pub fn time(locale: &Locale, picture: &str, time: &SYSTEMTIME, flags: u32) -> String {
    let mut out: Vec<(bool, String)> = Vec::new();
    for (letter, run) in pieces(picture, "hHmst") {
        let hour12 = match time.wHour % 12 {
            0 => 12,
            hour => hour,
        };
        let marker = if time.wHour < 12 { locale.am() } else { locale.pm() };
        let letter = if letter == Some('h') && flags & FORCE_24_HOURS != 0 { Some('H') } else { letter };
        let text = match (letter, run.len()) {
            (Some('m' | 's'), _) if flags & NO_MINUTES != 0 => None,
            (Some('s'), _) if flags & NO_SECONDS != 0 => None,
            (Some('t'), _) if flags & NO_MARKER != 0 => None,
            (Some('h'), 1) => Some(hour12.to_string()),
            (Some('h'), _) => Some(format!("{hour12:02}")),
            (Some('H'), 1) => Some(time.wHour.to_string()),
            (Some('H'), _) => Some(format!("{:02}", time.wHour)),
            (Some('m'), 1) => Some(time.wMinute.to_string()),
            (Some('m'), _) => Some(format!("{:02}", time.wMinute)),
            (Some('s'), 1) => Some(time.wSecond.to_string()),
            (Some('s'), _) => Some(format!("{:02}", time.wSecond)),
            (Some(_), 1) => Some(marker.chars().take(1).collect()),
            (Some(_), _) => Some(marker.to_string()),
            (None, _) => {
                out.push((false, run));
                continue;
            }
        };
        match text {
            Some(text) => out.push((true, text)),
            // The separator before a field that is left out goes with it.
            None => {
                while out.last().is_some_and(|(field, _)| !field) {
                    out.pop();
                }
            }
        }
    }
    out.into_iter().map(|(_, text)| text).collect()
}

/// What NUMBERFMT and CURRENCYFMT have in common.
pub struct Number {
    pub digits: u32,
    pub leading_zero: bool,
    pub grouping: u32,
    pub decimal: String,
    pub thousands: String,
}

/// Formats the digits of a decimal number (`-?[0-9]*(\.[0-9]*)?`). The result has no sign; the flag says
/// whether it is negative. None for text that is no number.
pub fn number(value: &str, format: &Number) -> Option<(bool, String)> {
    let (negative, value) = value.strip_prefix('-').map_or((false, value), |value| (true, value));
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut digits: Vec<u8> = whole.bytes().collect();
    let places = format.digits as usize;
    digits.extend(fraction.bytes().chain(std::iter::repeat(b'0')).take(places));
    if fraction.as_bytes().get(places).is_some_and(|&next| next >= b'5') {
        let mut at = digits.len();
        loop {
            if at == 0 {
                digits.insert(0, b'1');
                break;
            }
            at -= 1;
            if digits[at] < b'9' {
                digits[at] += 1;
                break;
            }
            digits[at] = b'0';
        }
    }
    let text = String::from_utf8(digits).ok()?;
    let (whole, fraction) = text.split_at(text.len() - places);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() && (format.leading_zero || places == 0) { "0" } else { whole };
    let mut groups: Vec<&str> = Vec::new();
    let mut rest = whole;
    // 3 means 3;0: groups of three on and on. 32 means 3;2;0, and a last 0 (30) means no repetition.
    let sizes: Vec<usize> = format.grouping.to_string().bytes().map(|digit| usize::from(digit - b'0')).collect();
    let mut step = 0;
    loop {
        let size = match sizes.get(step) {
            Some(&size) => size,
            None => sizes.last().copied().unwrap_or(0),
        };
        if size == 0 || rest.len() <= size {
            break;
        }
        let (head, tail) = rest.split_at(rest.len() - size);
        groups.push(tail);
        rest = head;
        step += 1;
    }
    groups.push(rest);
    groups.reverse();
    let mut out = groups.join(&format.thousands);
    if places > 0 {
        out.push_str(&format.decimal);
        out.push_str(fraction);
    }
    let negative = negative && text.bytes().any(|digit| digit != b'0');
    Some((negative, out))
}

/// Puts the sign to a number (NegativeOrder).
pub fn with_sign(negative: bool, order: u32, text: String) -> String {
    match (negative, order) {
        (false, _) => text,
        (_, 0) => format!("({text})"),
        (_, 2) => format!("- {text}"),
        (_, 3) => format!("{text}-"),
        (_, 4) => format!("{text} -"),
        _ => format!("-{text}"),
    }
}

/// Puts sign and symbol to an amount (PositiveOrder and NegativeOrder).
pub fn with_currency(negative: bool, positive_order: u32, negative_order: u32, symbol: &str, text: &str) -> String {
    if !negative {
        return match positive_order {
            0 => format!("{symbol}{text}"),
            1 => format!("{text}{symbol}"),
            2 => format!("{symbol} {text}"),
            _ => format!("{text} {symbol}"),
        };
    }
    match negative_order {
        0 => format!("({symbol}{text})"),
        1 => format!("-{symbol}{text}"),
        2 => format!("{symbol}-{text}"),
        3 => format!("{symbol}{text}-"),
        4 => format!("({text}{symbol})"),
        5 => format!("-{text}{symbol}"),
        6 => format!("{text}-{symbol}"),
        7 => format!("{text}{symbol}-"),
        8 => format!("-{text} {symbol}"),
        9 => format!("-{symbol} {text}"),
        10 => format!("{text} {symbol}-"),
        11 => format!("{symbol} {text}-"),
        12 => format!("{symbol} -{text}"),
        13 => format!("{text}- {symbol}"),
        14 => format!("({symbol} {text})"),
        _ => format!("({text} {symbol})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::locale;
    use super::*;

    #[test]
    fn pictures() {
        let us = locale::by_lcid(0x409).unwrap();
        let at = SYSTEMTIME { wYear: 2024, wMonth: 2, wDayOfWeek: 4, wDay: 29, wHour: 13, wMinute: 5, wSecond: 7, wMilliseconds: 0 };
        assert_eq!(date(us, us.long_date(), &at), "Thursday, February 29, 2024");
        assert_eq!(date(us, "d' of 'MMM ''yy", &at), "29 of Feb '24");
        assert_eq!(time(us, us.long_time(), &at, 0), "1:05:07 PM");
        assert_eq!(time(us, us.long_time(), &at, NO_SECONDS), "1:05 PM");
        assert_eq!(time(us, us.long_time(), &at, FORCE_24_HOURS | NO_MARKER), "13:05:07");
        let de = locale::by_lcid(0x407).unwrap();
        assert_eq!(date(de, de.long_date(), &at), "Donnerstag, 29. Februar 2024");
    }

    #[test]
    fn numbers() {
        let format = Number { digits: 2, leading_zero: true, grouping: 3, decimal: ".".into(), thousands: ",".into() };
        assert_eq!(number("1234567.895", &format), Some((false, "1,234,567.90".into())));
        assert_eq!(number("-.5", &format), Some((true, "0.50".into())));
        assert_eq!(number("999.999", &format), Some((false, "1,000.00".into())));
        assert_eq!(number("-0.001", &format), Some((false, "0.00".into())));
        assert_eq!(number("1x", &format), None);
        assert_eq!(number("1234567", &Number { grouping: 32, digits: 0, ..format }), Some((false, "12,34,567".into())));
    }
}
