//! stringapiset.h: conversions between code pages and UTF-16, comparison, character types.

use crate::nls::{ansi_to_wide, bytes_arg, case, codepage, give, sort, wide_arg, wide_opt};
use abi::{BOOL, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, GeneralCategory};
use windows_sys::Win32::Globalization::*;

/// Converts text in a code page to UTF-16.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-multibytetowidechar>
#[export(kernel32 + kernelbase, full)]
pub fn MultiByteToWideChar(code_page: u32, flags: u32, text: PCSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    if count == 0 || text.is_null() || capacity < 0 || (capacity > 0 && (to.is_null() || to.addr() == text.addr())) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let page = codepage::resolve(code_page);
    if codepage::kind(page).is_none() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let allowed = match page {
        65001 | 54936 => MB_ERR_INVALID_CHARS,
        50220..=50229 | 57002..=57011 | 65000 | 42 => 0,
        _ => MB_PRECOMPOSED | MB_COMPOSITE | MB_USEGLYPHCHARS | MB_ERR_INVALID_CHARS,
    };
    if flags & !allowed != 0 || flags & (MB_PRECOMPOSED | MB_COMPOSITE) == MB_PRECOMPOSED | MB_COMPOSITE {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let bytes = bytes_arg(text, count)?;
    let Some(decoded) = codepage::decode(page, &bytes, flags & MB_ERR_INVALID_CHARS != 0) else {
        return Err(Win32Error::INVALID_PARAMETER);
    };
    let mut wide = decoded.map_err(|_| Win32Error::NO_UNICODE_TRANSLATION)?;
    if flags & MB_COMPOSITE != 0 {
        wide = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize_utf16(&wide).into_owned();
    }
    give(to, capacity, &wide)
}

/// Converts UTF-16 to text in a code page.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-widechartomultibyte>
#[export(kernel32 + kernelbase, full)]
pub fn WideCharToMultiByte(
    code_page: u32,
    flags: u32,
    text: PCWSTR,
    count: i32,
    to: PSTR,
    capacity: i32,
    default_char: PCSTR,
    used_default: Ptr<i32>,
) -> Result<i32, Win32Error> {
    if count == 0 || text.is_null() || capacity < 0 || (capacity > 0 && (to.is_null() || to.addr() == text.addr())) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let page = codepage::resolve(code_page);
    if codepage::kind(page).is_none() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let allowed = match page {
        65001 | 54936 => WC_ERR_INVALID_CHARS,
        50220..=50229 | 57002..=57011 | 65000 | 42 => 0,
        _ => WC_COMPOSITECHECK | WC_DISCARDNS | WC_SEPCHARS | WC_DEFAULTCHAR | WC_NO_BEST_FIT_CHARS,
    };
    if flags & !allowed != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    if matches!(page, 65000 | 65001) && !(default_char.is_null() && used_default.is_null()) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut wide = wide_arg(text, count)?;
    if flags & WC_COMPOSITECHECK != 0 {
        wide = icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize_utf16(&wide).into_owned();
    }
    let default = if default_char.is_null() {
        Vec::new()
    } else {
        let first = default_char.read()?;
        if codepage::is_lead_byte(page, first) { vec![first, default_char.add(1).read()?] } else { vec![first] }
    };
    let how = codepage::Encode {
        strict: flags & WC_ERR_INVALID_CHARS != 0 && matches!(page, 65001 | 54936),
        no_best_fit: flags & WC_NO_BEST_FIT_CHARS != 0 && !matches!(page, 65001 | 54936),
        default: &default,
    };
    let Some(encoded) = codepage::encode(page, &wide, how) else {
        return Err(Win32Error::INVALID_PARAMETER);
    };
    let (bytes, used) = encoded.map_err(|_| Win32Error::NO_UNICODE_TRANSLATION)?;
    used_default.write_opt(used.into())?;
    give(to, capacity, &bytes)
}

/// CompareString's result: 1 less, 2 equal, 3 greater.
fn three_way(order: std::cmp::Ordering) -> i32 {
    order as i32 + 2
}

const COMPARE_FLAGS: u32 = NORM_IGNORECASE
    | NORM_IGNORENONSPACE
    | NORM_IGNORESYMBOLS
    | NORM_IGNOREKANATYPE
    | NORM_IGNOREWIDTH
    | LINGUISTIC_IGNORECASE
    | LINGUISTIC_IGNOREDIACRITIC
    | NORM_LINGUISTIC_CASING
    | SORT_STRINGSORT
    | SORT_DIGITSASNUMBERS
    | LOCALE_USE_CP_ACP
    | 0x8000_0000;

fn compare(flags: u32, a: PCWSTR, a_count: i32, b: PCWSTR, b_count: i32) -> Result<i32, Win32Error> {
    if flags & !COMPARE_FLAGS != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let (a, b) = (wide_arg(a, a_count)?, wide_arg(b, b_count)?);
    if a == b {
        return Ok(2);
    }
    Ok(three_way(sort::key(&a, flags).cmp(&sort::key(&b, flags))))
}

/// Compares two texts as a reader of the locale would order them.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-comparestringex>
#[export(kernel32 + kernelbase, partial("one order for all locales"))]
pub fn CompareStringEx(
    locale: PCWSTR,
    flags: u32,
    a: PCWSTR,
    a_count: i32,
    b: PCWSTR,
    b_count: i32,
    _version: Ptr<u8>,
    _reserved: Ptr<u8>,
    _param: isize,
) -> Result<i32, Win32Error> {
    wide_opt(locale)?;
    compare(flags, a, a_count, b, b_count)
}

/// Compares two texts as a reader of the locale would order them.
#[export(kernel32 + kernelbase, partial("one order for all locales"))]
pub fn CompareStringW(_locale: u32, flags: u32, a: PCWSTR, a_count: i32, b: PCWSTR, b_count: i32) -> Result<i32, Win32Error> {
    compare(flags, a, a_count, b, b_count)
}

/// CompareStringW for text in the ANSI code page.
#[export(kernel32 + kernelbase, partial("one order for all locales"))]
pub fn CompareStringA(_locale: u32, flags: u32, a: PCSTR, a_count: i32, b: PCSTR, b_count: i32) -> Result<i32, Win32Error> {
    if flags & !COMPARE_FLAGS != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let (a, b) = (ansi_to_wide(&bytes_arg(a, a_count)?), ansi_to_wide(&bytes_arg(b, b_count)?));
    Ok(three_way(sort::key(&a, flags).cmp(&sort::key(&b, flags))))
}

/// Compares two texts unit by unit, perhaps without case.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-comparestringordinal>
#[export(kernel32 + kernelbase, full)]
pub fn CompareStringOrdinal(a: PCWSTR, a_count: i32, b: PCWSTR, b_count: i32, ignore_case: BOOL) -> Result<i32, Win32Error> {
    if a_count < -1 || b_count < -1 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let (a, b) = (wide_arg(a, a_count)?, wide_arg(b, b_count)?);
    Ok(three_way(if ignore_case.0 { case::compare(&a, &b) } else { a.cmp(&b) }))
}

/// Maps full-width forms, digits, compositions.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-foldstringw>
#[export(kernel32 + kernelbase, full)]
pub fn FoldStringW(flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    if flags == 0 || flags & !(MAP_FOLDCZONE | MAP_PRECOMPOSED | MAP_COMPOSITE | MAP_FOLDDIGITS | MAP_EXPAND_LIGATURES) != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    if flags & (MAP_PRECOMPOSED | MAP_COMPOSITE) == MAP_PRECOMPOSED | MAP_COMPOSITE {
        return Err(Win32Error::INVALID_FLAGS);
    }
    if count == 0 || text.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut wide = wide_arg(text, count)?;
    if flags & MAP_FOLDCZONE != 0 {
        for unit in &mut wide {
            *unit = match *unit {
                full @ 0xff01..=0xff5e => full - 0xfee0,
                0xa0 | 0x3000 => 0x20,
                other => other,
            };
        }
    }
    if flags & MAP_FOLDDIGITS != 0 {
        for unit in &mut wide {
            if let Some(digit) = decimal_digit(*unit) {
                *unit = 0x30 + digit;
            }
        }
    }
    if flags & MAP_EXPAND_LIGATURES != 0 {
        wide = wide.iter().flat_map(|&unit| expand_ligature(unit)).collect();
    }
    if flags & MAP_PRECOMPOSED != 0 {
        wide = icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize_utf16(&wide).into_owned();
    }
    if flags & MAP_COMPOSITE != 0 {
        wide = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize_utf16(&wide).into_owned();
    }
    give(to, capacity, &wide)
}

fn expand_ligature(unit: u16) -> Vec<u16> {
    let text = match unit {
        0xc6 => "AE",
        0xe6 => "ae",
        0x152 => "OE",
        0x153 => "oe",
        0xdf => "ss",
        0xfb00 => "ff",
        0xfb01 => "fi",
        0xfb02 => "fl",
        0xfb03 => "ffi",
        0xfb04 => "ffl",
        0xfb05 | 0xfb06 => "st",
        _ => return vec![unit],
    };
    text.encode_utf16().collect()
}

/// The value of a decimal digit of any script: digits come in runs of ten, from 0 up.
fn decimal_digit(unit: u16) -> Option<u16> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |unit: u16| categories.get32(unit.into()) == GeneralCategory::DecimalNumber;
    if !is_digit(unit) {
        return None;
    }
    let start = (0..unit).rev().take_while(|&unit| is_digit(unit)).last().unwrap_or(unit);
    Some((unit - start) % 10)
}

/// Character types of one unit, in the way of CT_CTYPE1, 2 or 3.
pub fn character_type(unit: u16, info: u32) -> u16 {
    match info {
        CT_CTYPE1 => ctype1(unit),
        CT_CTYPE2 => ctype2(unit),
        _ => ctype3(unit),
    }
}

fn ctype1(unit: u16) -> u16 {
    use GeneralCategory as G;
    const UPPER: u16 = 1;
    const LOWER: u16 = 2;
    const DIGIT: u16 = 4;
    const SPACE: u16 = 8;
    const PUNCT: u16 = 0x10;
    const CNTRL: u16 = 0x20;
    const BLANK: u16 = 0x40;
    const XDIGIT: u16 = 0x80;
    const ALPHA: u16 = 0x100;
    const DEFINED: u16 = 0x200;
    let extra = match unit {
        0x09 => return DEFINED | SPACE | CNTRL | BLANK,
        0x0a..=0x0d | 0x85 => return DEFINED | SPACE | CNTRL,
        0x30..=0x39 | 0x41..=0x46 | 0x61..=0x66 => XDIGIT,
        0xb2 | 0xb3 | 0xb9 => DIGIT,
        0xff10..=0xff19 | 0xff21..=0xff26 | 0xff41..=0xff46 => XDIGIT,
        _ => 0,
    };
    let kind = match CodePointMapData::<GeneralCategory>::new().get32(unit.into()) {
        G::UppercaseLetter => UPPER | ALPHA,
        G::LowercaseLetter => LOWER | ALPHA,
        G::TitlecaseLetter => UPPER | LOWER | ALPHA,
        G::OtherLetter | G::ModifierLetter | G::LetterNumber => ALPHA,
        G::DecimalNumber => DIGIT,
        G::SpaceSeparator => SPACE | BLANK,
        G::LineSeparator | G::ParagraphSeparator => SPACE,
        G::Control | G::Format => CNTRL,
        G::Unassigned => return 0,
        G::PrivateUse | G::Surrogate | G::OtherNumber => 0,
        G::NonspacingMark | G::SpacingMark | G::EnclosingMark => PUNCT,
        _ => PUNCT,
    };
    DEFINED | kind | extra
}

fn ctype2(unit: u16) -> u16 {
    match CodePointMapData::<BidiClass>::new().get32(unit.into()) {
        BidiClass::LeftToRight => 1,
        BidiClass::RightToLeft | BidiClass::ArabicLetter => 2,
        BidiClass::EuropeanNumber => 3,
        BidiClass::EuropeanSeparator => 4,
        BidiClass::EuropeanTerminator => 5,
        BidiClass::ArabicNumber => 6,
        BidiClass::CommonSeparator => 7,
        BidiClass::ParagraphSeparator => 8,
        BidiClass::SegmentSeparator => 9,
        BidiClass::WhiteSpace => 10,
        BidiClass::OtherNeutral => 11,
        _ => 0,
    }
}

fn ctype3(unit: u16) -> u16 {
    use GeneralCategory as G;
    let kind = match CodePointMapData::<GeneralCategory>::new().get32(unit.into()) {
        G::NonspacingMark | G::EnclosingMark => 0x1,
        G::SpacingMark => 0x1,
        G::MathSymbol | G::CurrencySymbol | G::OtherSymbol => 0x8,
        G::ModifierSymbol => 0x8 | 0x2,
        G::ConnectorPunctuation | G::DashPunctuation | G::OpenPunctuation | G::ClosePunctuation | G::OtherPunctuation => 0x8,
        G::SpaceSeparator => 0x8,
        G::Surrogate => return if unit < 0xdc00 { 0x800 } else { 0x1000 },
        category if ctype1(unit) & 0x100 != 0 => {
            let _ = category;
            0x8000
        }
        _ => 0,
    };
    let script = match unit {
        0x3041..=0x309f => 0x20,
        0x30a0..=0x30ff => 0x10,
        0xff66..=0xff9f => 0x10 | 0x40,
        0xff01..=0xff5e => 0x80,
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff => 0x100,
        0x20..=0x7e => 0x40,
        _ => 0,
    };
    kind | script
}

fn string_type(info: u32, text: &[u16], to: Ptr<u16>) -> Result<(), Win32Error> {
    if !matches!(info, CT_CTYPE1..=CT_CTYPE3) || info == 3 || to.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let types: Vec<u16> = text.iter().map(|&unit| character_type(unit, info)).collect();
    to.write_slice(&types)?;
    Ok(())
}

/// Says for each unit what kind of character it is.
/// <https://learn.microsoft.com/windows/win32/api/stringapiset/nf-stringapiset-getstringtypew>
#[export(kernel32 + kernelbase, full)]
pub fn GetStringTypeW(info: u32, text: PCWSTR, count: i32, to: Ptr<u16>) -> Result<(), Win32Error> {
    string_type(info, &wide_arg(text, count)?, to)
}

/// Says for each unit what kind of character it is.
#[export(kernel32 + kernelbase, full)]
pub fn GetStringTypeExW(_locale: u32, info: u32, text: PCWSTR, count: i32, to: Ptr<u16>) -> Result<(), Win32Error> {
    string_type(info, &wide_arg(text, count)?, to)
}

/// GetStringTypeW for text in the ANSI code page.
#[export(kernel32 + kernelbase, full)]
pub fn GetStringTypeA(_locale: u32, info: u32, text: PCSTR, count: i32, to: Ptr<u16>) -> Result<(), Win32Error> {
    string_type(info, &ansi_to_wide(&bytes_arg(text, count)?), to)
}

/// GetStringTypeW for text in the ANSI code page.
#[export(kernel32, full)]
pub fn GetStringTypeExA(locale: u32, info: u32, text: PCSTR, count: i32, to: Ptr<u16>) -> Result<(), Win32Error> {
    GetStringTypeA(locale, info, text, count, to)
}
