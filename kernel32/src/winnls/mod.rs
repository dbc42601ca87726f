//! winnls.h: code page and locale information, case mapping, formatting, normalization.

mod format;
mod languages;

use crate::nls::{ansi_to_wide, bytes_arg, case, codepage, give, give_bytes_z, give_z, locale, sort, wide_arg, wide_opt};
use abi::wide::{display, wide};
use abi::{BOOL, GuestFn, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use windows_sys::Win32::Globalization::*;

/// The ANSI code page.
#[export(kernel32 + kernelbase, full)]
pub fn GetACP() -> u32 {
    ntdll::nls::ansi_code_page()
}

/// The OEM code page.
#[export(kernel32 + kernelbase, full)]
pub fn GetOEMCP() -> u32 {
    ntdll::nls::oem_code_page()
}

/// Whether a code page is there.
#[export(kernel32 + kernelbase, full)]
pub fn IsValidCodePage(page: u32) -> BOOL {
    BOOL(page > 3 && codepage::kind(page).is_some())
}

/// Size of characters, default character and lead bytes of a code page.
#[export(kernel32 + kernelbase, full)]
pub fn GetCPInfo(page: u32, info: Ptr<CPINFO>) -> Result<(), Win32Error> {
    let max = codepage::max_char_size(page).ok_or(Win32Error::INVALID_PARAMETER)?;
    if info.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut value = CPINFO { MaxCharSize: max, DefaultChar: [b'?', 0], LeadByte: [0; 12] };
    let leads = codepage::lead_bytes(page);
    value.LeadByte[..leads.len()].copy_from_slice(leads);
    Ok(info.write(value)?)
}

fn page_name(page: u32) -> String {
    let what = match page {
        437 => "OEM - United States",
        850 => "OEM - Multilingual Latin I",
        932 => "ANSI/OEM - Japanese Shift-JIS",
        936 => "ANSI/OEM - Simplified Chinese GBK",
        949 => "ANSI/OEM - Korean",
        950 => "ANSI/OEM - Traditional Chinese Big5",
        1250 => "ANSI - Central Europe",
        1251 => "ANSI - Cyrillic",
        1252 => "ANSI - Latin I",
        20127 => "US-ASCII",
        28591 => "ISO 8859-1 Latin I",
        65000 => "UTF-7",
        65001 => "UTF-8",
        _ => return page.to_string(),
    };
    format!("{page:<5} ({what})")
}

/// GetCPInfo, with the code page's name.
#[export(kernel32 + kernelbase, full)]
pub fn GetCPInfoExW(page: u32, _flags: u32, info: Ptr<CPINFOEXW>) -> Result<(), Win32Error> {
    let max = codepage::max_char_size(page).ok_or(Win32Error::INVALID_PARAMETER)?;
    if info.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let page = codepage::resolve(page);
    let mut value = Box::new(CPINFOEXW {
        MaxCharSize: max,
        DefaultChar: [b'?', 0],
        LeadByte: [0; 12],
        UnicodeDefaultChar: if page == 65001 { 0xfffd } else { 0x3f },
        CodePage: page,
        CodePageName: [0; 260],
    });
    let leads = codepage::lead_bytes(page);
    value.LeadByte[..leads.len()].copy_from_slice(leads);
    for (to, from) in value.CodePageName.iter_mut().zip(wide(&page_name(page))) {
        *to = from;
    }
    Ok(info.write(*value)?)
}

/// GetCPInfo, with the code page's name.
#[export(kernel32, full)]
pub fn GetCPInfoExA(page: u32, _flags: u32, info: Ptr<CPINFOEXA>) -> Result<(), Win32Error> {
    let max = codepage::max_char_size(page).ok_or(Win32Error::INVALID_PARAMETER)?;
    let page = codepage::resolve(page);
    let mut value = CPINFOEXA {
        MaxCharSize: max,
        DefaultChar: [b'?', 0],
        LeadByte: [0; 12],
        UnicodeDefaultChar: if page == 65001 { 0xfffd } else { 0x3f },
        CodePage: page,
        CodePageName: [0; 260],
    };
    let leads = codepage::lead_bytes(page);
    value.LeadByte[..leads.len()].copy_from_slice(leads);
    for (to, from) in value.CodePageName.iter_mut().zip(page_name(page).bytes()) {
        *to = from as i8;
    }
    Ok(info.write(value)?)
}

/// Whether a byte is the first of two in the ANSI code page.
#[export(kernel32 + kernelbase, full)]
pub fn IsDBCSLeadByte(byte: u8) -> BOOL {
    BOOL(codepage::is_lead_byte(0, byte))
}

/// Whether a byte is the first of two in a code page.
#[export(kernel32 + kernelbase, full)]
pub fn IsDBCSLeadByteEx(page: u32, byte: u8) -> BOOL {
    BOOL(codepage::is_lead_byte(page, byte))
}

/// Calls back with the number of every code page.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumSystemCodePagesW(function: GuestFn, _flags: u32) -> Result<(), Win32Error> {
    for (index, _) in codepage::all().iter().enumerate() {
        let Some(&page) = codepage::all().get(index) else { break };
        let mut text = [0u16; 8];
        page.to_string().bytes().zip(text.iter_mut()).for_each(|(from, to)| *to = from.into());
        if function.call(&[text.as_ptr() as u64]) == 0 {
            break;
        }
    }
    Ok(())
}

/// Calls back with the number of every code page.
#[export(kernel32, full, calls_guest)]
pub fn EnumSystemCodePagesA(function: GuestFn, _flags: u32) -> Result<(), Win32Error> {
    for (index, _) in codepage::all().iter().enumerate() {
        let Some(&page) = codepage::all().get(index) else { break };
        let mut text = [0u8; 8];
        page.to_string().bytes().zip(text.iter_mut()).for_each(|(from, to)| *to = from);
        if function.call(&[text.as_ptr() as u64]) == 0 {
            break;
        }
    }
    Ok(())
}

/// LCMapString's work.
pub fn map_string(lcid: u32, flags: u32, text: &[u16]) -> Result<Vec<u16>, Win32Error> {
    let upper = flags & LCMAP_UPPERCASE != 0;
    let lower = flags & LCMAP_LOWERCASE != 0;
    if upper && lower && flags & LCMAP_TITLECASE == 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    if flags & (LCMAP_HIRAGANA | LCMAP_KATAKANA) == LCMAP_HIRAGANA | LCMAP_KATAKANA
        || flags & (LCMAP_HALFWIDTH | LCMAP_FULLWIDTH) == LCMAP_HALFWIDTH | LCMAP_FULLWIDTH
    {
        return Err(Win32Error::INVALID_FLAGS);
    }
    // Turkish and Azeri have dotted and dotless i of both cases.
    let turkic = flags & LCMAP_LINGUISTIC_CASING != 0 && matches!(lcid & 0x3ff, 0x1f | 0x2c);
    let mut out = Vec::with_capacity(text.len());
    let mut in_word = false;
    for &unit in text {
        if flags & NORM_IGNORESYMBOLS != 0 && char::from_u32(unit.into()).is_some_and(|c| !c.is_alphanumeric() && c != '\0') {
            continue;
        }
        if flags & NORM_IGNORENONSPACE != 0 && (0x300..0x370).contains(&unit) {
            continue;
        }
        let letter = char::from_u32(unit.into()).is_some_and(char::is_alphanumeric);
        let mut unit = match (flags & LCMAP_TITLECASE == LCMAP_TITLECASE, upper, lower) {
            (true, ..) if in_word => case::lower(unit),
            (true, ..) => case::upper(unit),
            (_, true, _) if turkic && unit == 0x69 => 0x130,
            (_, true, _) if turkic && unit == 0x131 => 0x49,
            (_, _, true) if turkic && unit == 0x49 => 0x131,
            (_, _, true) if turkic && unit == 0x130 => 0x69,
            (_, true, _) => case::upper(unit),
            (_, _, true) => case::lower(unit),
            _ => unit,
        };
        in_word = letter;
        unit = match unit {
            0x3041..=0x3096 if flags & LCMAP_KATAKANA != 0 => unit + 0x60,
            0x30a1..=0x30f6 if flags & LCMAP_HIRAGANA != 0 => unit - 0x60,
            unit => unit,
        };
        unit = match unit {
            0x21..=0x7e if flags & LCMAP_FULLWIDTH != 0 => unit + 0xfee0,
            0x20 if flags & LCMAP_FULLWIDTH != 0 => 0x3000,
            0xff01..=0xff5e if flags & LCMAP_HALFWIDTH != 0 => unit - 0xfee0,
            0x3000 if flags & LCMAP_HALFWIDTH != 0 => 0x20,
            unit => unit,
        };
        out.push(unit);
    }
    Ok(out)
}

const MAP_NOTHING: u32 = LCMAP_LINGUISTIC_CASING | 0x8000_0000 | LOCALE_USE_CP_ACP;

fn map(lcid: u32, flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    if text.is_null() || count == 0 || capacity < 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if flags & !MAP_NOTHING == 0 && flags & LCMAP_LINGUISTIC_CASING != 0 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let wide = wide_arg(text, count)?;
    if flags & LCMAP_SORTKEY != 0 {
        let wide = if count < 0 { &wide[..wide.len() - 1] } else { &wide[..] };
        return give(to.cast::<u8>(), capacity, &sort::key(wide, flags).to_bytes());
    }
    if flags & LCMAP_HASH != 0 {
        let bytes = sort::key(&wide, flags).to_bytes();
        let hash = bytes.iter().fold(0x811c_9dc5u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        return give(to.cast::<u8>(), capacity, &hash.to_le_bytes());
    }
    if flags & LCMAP_BYTEREV != 0 {
        let swapped: Vec<u16> = wide.iter().map(|unit| unit.swap_bytes()).collect();
        return give(to, capacity, &swapped);
    }
    give(to, capacity, &map_string(lcid, flags, &wide)?)
}

/// Maps case, width, kana, or makes a sort key.
/// <https://learn.microsoft.com/windows/win32/api/winnls/nf-winnls-lcmapstringex>
#[export(kernel32 + kernelbase, partial("no simplified and traditional Chinese mapping; sort weights are our own"))]
pub fn LCMapStringEx(
    name: PCWSTR,
    flags: u32,
    text: PCWSTR,
    count: i32,
    to: PWSTR,
    capacity: i32,
    _version: Ptr<u8>,
    _reserved: Ptr<u8>,
    _handle: isize,
) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref()).unwrap_or(locale::DEFAULT_LCID);
    map(lcid, flags, text, count, to, capacity)
}

/// Maps case, width, kana, or makes a sort key.
#[export(kernel32 + kernelbase, partial("no simplified and traditional Chinese mapping; sort weights are our own"))]
pub fn LCMapStringW(lcid: u32, flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    map(locale::resolve_lcid(lcid), flags, text, count, to, capacity)
}

/// LCMapStringW for text in the ANSI code page.
#[export(kernel32, partial("no simplified and traditional Chinese mapping; sort weights are our own"))]
pub fn LCMapStringA(lcid: u32, flags: u32, text: PCSTR, count: i32, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    if text.is_null() || count == 0 || capacity < 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let wide = ansi_to_wide(&bytes_arg(text, count)?);
    if flags & LCMAP_SORTKEY != 0 {
        return give(to, capacity, &sort::key(&wide, flags).to_bytes());
    }
    let mapped = map_string(locale::resolve_lcid(lcid), flags, &wide)?;
    give(to, capacity, &crate::nls::wide_to_ansi(&mapped))
}

/// The text or number of an LCTYPE as units.
fn info_units(lcid: u32, lctype: u32) -> Result<Vec<u16>, Win32Error> {
    match locale::info(lcid, lctype)? {
        locale::Info::Text(text) if lctype & LOCALE_RETURN_NUMBER != 0 => {
            let hex = matches!(lctype & 0xffff, LOCALE_ILANGUAGE | LOCALE_IDEFAULTLANGUAGE);
            let number = if hex { u32::from_str_radix(&text, 16).ok() } else { text.parse().ok() };
            let number: u32 = number.ok_or(Win32Error::INVALID_FLAGS)?;
            Ok(vec![number as u16, (number >> 16) as u16])
        }
        locale::Info::Number(number) if lctype & LOCALE_RETURN_NUMBER != 0 => Ok(vec![number as u16, (number >> 16) as u16]),
        locale::Info::Text(text) => Ok(text.encode_utf16().chain([0]).collect()),
        locale::Info::Number(number) => Ok(number.to_string().encode_utf16().chain([0]).collect()),
        // LOCALESIGNATURE: Latin scripts, code pages 1252 and 437.
        locale::Info::Signature => Ok([0x2f, 0, 0, 0, 0, 0, 0, 0x8000, 1, 0, 0, 0x8000, 1, 0, 0, 0x8000].into_iter().collect()),
    }
}

fn locale_info(lcid: u32, lctype: u32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    if capacity < 0 || (capacity > 0 && to.is_null()) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    give(to, capacity, &info_units(lcid, lctype)?)
}

/// One item of a locale's data.
/// <https://learn.microsoft.com/windows/win32/api/winnls/nf-winnls-getlocaleinfoex>
#[export(kernel32 + kernelbase, partial("15 locales have data of their own"))]
pub fn GetLocaleInfoEx(name: PCWSTR, lctype: u32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    let lcid = locale::lcid_arg(wide_opt(name)?.as_deref())?;
    locale_info(lcid, lctype, to, capacity)
}

/// One item of a locale's data.
#[export(kernel32 + kernelbase, partial("15 locales have data of their own"))]
pub fn GetLocaleInfoW(lcid: u32, lctype: u32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    locale_info(lcid, lctype, to, capacity)
}

/// One item of a locale's data, in its ANSI code page.
#[export(kernel32 + kernelbase, partial("15 locales have data of their own"))]
pub fn GetLocaleInfoA(lcid: u32, lctype: u32, to: PSTR, capacity: i32) -> Result<i32, Win32Error> {
    let units = info_units(lcid, lctype)?;
    if lctype & LOCALE_RETURN_NUMBER != 0 {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        return give(to, capacity, &bytes);
    }
    give(to, capacity, &crate::nls::wide_to_ansi(&units))
}

/// Changes an item of the user's locale.
#[export(kernel32 + kernelbase, stub("says that it was done"))]
pub fn SetLocaleInfoW(_lcid: u32, _lctype: u32, _data: PCWSTR) -> BOOL {
    BOOL(true)
}

/// Changes an item of the user's locale.
#[export(kernel32, stub("says that it was done"))]
pub fn SetLocaleInfoA(_lcid: u32, _lctype: u32, _data: PCSTR) -> BOOL {
    BOOL(true)
}

/// The user's locale.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserDefaultLCID() -> u32 {
    locale::DEFAULT_LCID
}

/// The system's locale.
#[export(kernel32 + kernelbase, full)]
pub fn GetSystemDefaultLCID() -> u32 {
    locale::DEFAULT_LCID
}

/// The user's language.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserDefaultLangID() -> u16 {
    locale::DEFAULT_LCID as u16
}

/// The system's language.
#[export(kernel32 + kernelbase, full)]
pub fn GetSystemDefaultLangID() -> u16 {
    locale::DEFAULT_LCID as u16
}

/// The language of the user's interface.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserDefaultUILanguage() -> u16 {
    locale::DEFAULT_LCID as u16
}

/// The language of the system's interface.
#[export(kernel32 + kernelbase, full)]
pub fn GetSystemDefaultUILanguage() -> u16 {
    locale::DEFAULT_LCID as u16
}

thread_local! {
    static THREAD_LOCALE: std::cell::Cell<u32> = const { std::cell::Cell::new(locale::DEFAULT_LCID) };
    static THREAD_LANGUAGE: std::cell::Cell<u16> = const { std::cell::Cell::new(locale::DEFAULT_LCID as u16) };
}

/// The calling thread's locale.
#[export(kernel32 + kernelbase, full)]
pub fn GetThreadLocale() -> u32 {
    THREAD_LOCALE.get()
}

/// Sets the calling thread's locale.
#[export(kernel32 + kernelbase, full)]
pub fn SetThreadLocale(lcid: u32) -> Result<(), Win32Error> {
    locale::name_of(lcid).ok_or(Win32Error::INVALID_PARAMETER)?;
    THREAD_LOCALE.set(locale::resolve_lcid(lcid));
    Ok(())
}

/// The calling thread's interface language.
#[export(kernel32 + kernelbase, full)]
pub fn GetThreadUILanguage() -> u16 {
    THREAD_LANGUAGE.get()
}

/// Sets the calling thread's interface language.
#[export(kernel32 + kernelbase, full)]
pub fn SetThreadUILanguage(language: u16) -> u16 {
    if language != 0 {
        THREAD_LANGUAGE.set(language);
    }
    THREAD_LANGUAGE.get()
}

/// The name of the user's locale.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserDefaultLocaleName(to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_z(to, capacity.max(1), &wide(locale::DEFAULT))
}

/// The name of the system's locale.
#[export(kernel32 + kernelbase, full)]
pub fn GetSystemDefaultLocaleName(to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_z(to, capacity.max(1), &wide(locale::DEFAULT))
}

/// Identifier to name.
#[export(kernel32 + kernelbase, full)]
pub fn LCIDToLocaleName(lcid: u32, to: PWSTR, capacity: i32, _flags: u32) -> Result<i32, Win32Error> {
    let name = locale::name_of(lcid).ok_or(Win32Error::INVALID_PARAMETER)?;
    give_z(to, capacity, &wide(name))
}

/// Name to identifier.
#[export(kernel32 + kernelbase, full)]
pub fn LocaleNameToLCID(name: PCWSTR, _flags: u32) -> Result<u32, Win32Error> {
    locale::lcid_arg(wide_opt(name)?.as_deref())
}

/// Whether a locale is there.
#[export(kernel32 + kernelbase, full)]
pub fn IsValidLocale(lcid: u32, _flags: u32) -> BOOL {
    // The defaults (0, 0x400, 0x800) are no locales of their own here.
    BOOL(!matches!(lcid, 0 | 0x400 | 0x800) && locale::name_of(lcid).is_some())
}

/// Whether a locale is there.
#[export(kernel32 + kernelbase, full)]
pub fn IsValidLocaleName(name: PCWSTR) -> BOOL {
    BOOL(name.read_wide().is_ok_and(|name| locale::lcid_of(&display(&name)).is_some()))
}

/// Whether a language group is there.
#[export(kernel32 + kernelbase, full)]
pub fn IsValidLanguageGroup(group: u32, _flags: u32) -> BOOL {
    BOOL((1..=17).contains(&group))
}

/// The closest locale that is there.
#[export(kernel32 + kernelbase, full)]
pub fn ResolveLocaleName(name: PCWSTR, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    let mut name = wide_opt(name)?.map_or_else(|| locale::DEFAULT.to_string(), |name| display(&name));
    let resolved = loop {
        if let Some(lcid) = locale::lcid_of(&name) {
            let found = locale::name_of(lcid).unwrap_or("");
            // A language alone stands for its main country.
            break if found.contains('-') || found.is_empty() {
                found.to_string()
            } else {
                let main = locale::by_lcid(lcid).map_or("", |locale| locale.name());
                if main.is_empty() {
                    locale::all().iter().find(|(_, full)| full.starts_with(&format!("{found}-"))).map_or("", |l| l.1)
                } else {
                    main
                }
                .to_string()
            };
        }
        match name.rsplit_once('-') {
            Some((shorter, _)) => name = shorter.to_string(),
            None => break String::new(),
        }
    };
    give_z(to, capacity, &wide(&resolved))
}

/// Calls back with every locale's identifier as eight hex digits.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumSystemLocalesW(function: GuestFn, _flags: u32) -> Result<(), Win32Error> {
    if function.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    for &(lcid, name) in locale::all() {
        if name.is_empty() || lcid < 0x400 {
            continue;
        }
        let mut text = [0u16; 9];
        for (index, unit) in text[..8].iter_mut().enumerate() {
            *unit = u16::from(b"0123456789abcdef"[(lcid >> (28 - 4 * index) & 15) as usize]);
        }
        if function.call(&[text.as_ptr() as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

/// Calls back with every locale's identifier as eight hex digits.
#[export(kernel32, full, calls_guest)]
pub fn EnumSystemLocalesA(function: GuestFn, _flags: u32) -> Result<(), Win32Error> {
    if function.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    for &(lcid, name) in locale::all() {
        if name.is_empty() || lcid < 0x400 {
            continue;
        }
        let mut text = [0u8; 9];
        for (index, byte) in text[..8].iter_mut().enumerate() {
            *byte = b"0123456789abcdef"[(lcid >> (28 - 4 * index) & 15) as usize];
        }
        if function.call(&[text.as_ptr() as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

/// Calls back with every locale's name.
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn EnumSystemLocalesEx(function: GuestFn, flags: u32, param: isize, _reserved: Ptr<u8>) -> Result<(), Win32Error> {
    if function.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    for &(lcid, name) in locale::all() {
        let neutral = lcid < 0x400 || !name.contains('-');
        let kind = if neutral { LOCALE_NEUTRALDATA } else { LOCALE_SPECIFICDATA };
        if flags & (LOCALE_NEUTRALDATA | LOCALE_SPECIFICDATA) != 0 && flags & kind == 0 {
            continue;
        }
        let mut text = [0u16; 85];
        name.bytes().zip(text.iter_mut()).for_each(|(from, to)| *to = from.into());
        if function.call(&[text.as_ptr() as u64, (kind | LOCALE_WINDOWS).into(), param as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

/// The name of a language (LANGID), as in version resources.
#[export(kernel32 + version, full)]
pub fn VerLanguageNameW(language: u32, to: PWSTR, capacity: u32) -> u32 {
    let name = match locale::info(language, LOCALE_SLOCALIZEDDISPLAYNAME) {
        Ok(locale::Info::Text(name)) => wide(&name),
        _ => wide("Language Neutral"),
    };
    let fits = &name[..name.len().min((capacity as usize).saturating_sub(1))];
    if capacity > 0 && !to.is_null() && to.write_slice(fits).and_then(|()| to.add(fits.len()).write(0)).is_err() {
        return 0;
    }
    name.len() as u32
}

/// The name of a language (LANGID), as in version resources.
#[export(kernel32 + version, full)]
pub fn VerLanguageNameA(language: u32, to: PSTR, capacity: u32) -> u32 {
    let name = match locale::info(language, LOCALE_SLOCALIZEDDISPLAYNAME) {
        Ok(locale::Info::Text(name)) => crate::nls::wide_to_ansi(&wide(&name)),
        _ => b"Language Neutral".to_vec(),
    };
    let fits = &name[..name.len().min((capacity as usize).saturating_sub(1))];
    if capacity > 0 && !to.is_null() && to.write_slice(fits).and_then(|()| to.add(fits.len()).write(0)).is_err() {
        return 0;
    }
    name.len() as u32
}

const NLS_VERSION: u32 = 0x0006_0305;

/// The version of the sort order.
#[export(kernel32 + kernelbase, full)]
pub fn GetNLSVersionEx(function: u32, name: PCWSTR, version: Ptr<NLSVERSIONINFOEX>) -> Result<(), Win32Error> {
    locale::lcid_arg(wide_opt(name)?.as_deref())?;
    if function != COMPARE_STRING as u32 {
        return Err(Win32Error::INVALID_FLAGS);
    }
    let size = version.cast::<u32>().read()?;
    version.cast::<u32>().add(1).write(NLS_VERSION)?;
    version.cast::<u32>().add(2).write(NLS_VERSION)?;
    match size as usize {
        12 => Ok(()),
        size if size >= size_of::<NLSVERSIONINFOEX>() => {
            version.cast::<u32>().add(3).write(0)?;
            Ok(version.byte_add(16).cast::<[u8; 16]>().write([0; 16])?)
        }
        _ => Err(Win32Error::INSUFFICIENT_BUFFER),
    }
}

/// The version of the sort order.
#[export(kernel32 + kernelbase, full)]
pub fn GetNLSVersion(function: u32, lcid: u32, version: Ptr<NLSVERSIONINFOEX>) -> Result<(), Win32Error> {
    locale::name_of(lcid).ok_or(Win32Error::INVALID_PARAMETER)?;
    GetNLSVersionEx(function, Ptr::NULL, version)
}

/// Whether a sort order version can be used.
#[export(kernel32 + kernelbase, full)]
pub fn IsValidNLSVersion(_function: u32, _name: PCWSTR, version: Ptr<u32>) -> Result<u32, Win32Error> {
    Ok((version.add(1).read()? == NLS_VERSION).into())
}

/// Whether all of a text has a sort weight.
#[export(kernel32 + kernelbase, full)]
pub fn IsNLSDefinedString(_function: u32, _flags: u32, _version: Ptr<u8>, text: PCWSTR, count: i32) -> Result<BOOL, Win32Error> {
    let text = wide_arg(text, count)?;
    Ok(BOOL(char::decode_utf16(text).all(|c| c.is_ok())))
}

fn find(source: &[u16], flags: u32, matches: impl Fn(&[u16]) -> Option<usize>) -> Option<(usize, usize)> {
    let at = |start: usize| matches(&source[start..]).map(|len| (start, len));
    if flags & FIND_STARTSWITH != 0 {
        return at(0);
    }
    if flags & FIND_ENDSWITH != 0 {
        return (0..=source.len()).rev().find_map(|start| at(start).filter(|(start, len)| start + len == source.len()));
    }
    if flags & FIND_FROMEND != 0 { (0..=source.len()).rev().find_map(at) } else { (0..=source.len()).find_map(at) }
}

fn find_nls(flags: u32, source: PCWSTR, source_count: i32, value: PCWSTR, value_count: i32, found: Ptr<i32>) -> Result<i32, Win32Error> {
    let trim = |mut text: Vec<u16>, count: i32| {
        if count < 0 {
            text.pop();
        }
        text
    };
    let source = trim(wide_arg(source, source_count)?, source_count);
    let value = trim(wide_arg(value, value_count)?, value_count);
    let wanted = sort::key(&value, flags & 0xffff_ff0f_u32 & !(0xf0_0000));
    let sort_flags = flags & !(FIND_STARTSWITH | FIND_ENDSWITH | FIND_FROMSTART | FIND_FROMEND);
    let matches = |rest: &[u16]| {
        // The match may be longer than the value: combining marks, ignored characters.
        let lengths = [value.len()].into_iter().chain(0..=rest.len().min(value.len() * 2 + 8)).filter(|&len| len <= rest.len());
        lengths.into_iter().find(|&len| sort::key(&rest[..len], sort_flags) == wanted)
    };
    match find(&source, flags, matches) {
        Some((start, len)) => {
            found.write_opt(len as i32)?;
            Ok(start as i32)
        }
        None => {
            abi::teb::set_last_error(Win32Error::SUCCESS);
            Ok(-1)
        }
    }
}

/// Finds a text in another as a reader would.
#[export(kernel32 + kernelbase, partial("one order for all locales"))]
pub fn FindNLSStringEx(
    _name: PCWSTR,
    flags: u32,
    source: PCWSTR,
    source_count: i32,
    value: PCWSTR,
    value_count: i32,
    found: Ptr<i32>,
    _version: Ptr<u8>,
    _reserved: Ptr<u8>,
    _handle: isize,
) -> i32 {
    find_nls(flags, source, source_count, value, value_count, found).unwrap_or_else(|error| {
        abi::teb::set_last_error(error);
        -1
    })
}

/// Finds a text in another as a reader would.
#[export(kernel32 + kernelbase, partial("one order for all locales"))]
pub fn FindNLSString(_lcid: u32, flags: u32, source: PCWSTR, source_count: i32, value: PCWSTR, value_count: i32, found: Ptr<i32>) -> i32 {
    find_nls(flags, source, source_count, value, value_count, found).unwrap_or_else(|error| {
        abi::teb::set_last_error(error);
        -1
    })
}

/// Finds a text in another unit by unit.
#[export(kernel32 + kernelbase, full)]
pub fn FindStringOrdinal(flags: u32, source: PCWSTR, source_count: i32, value: PCWSTR, value_count: i32, ignore_case: BOOL) -> i32 {
    let find_it = || -> Result<i32, Win32Error> {
        let trim = |mut text: Vec<u16>, count: i32| {
            if count < 0 {
                text.pop();
            }
            text
        };
        let source = trim(wide_arg(source, source_count)?, source_count);
        let value = trim(wide_arg(value, value_count)?, value_count);
        let equal = |a: &[u16]| if ignore_case.0 { case::equal(a, &value) } else { a == value };
        let matches = |rest: &[u16]| rest.get(..value.len()).filter(|part| equal(part)).map(|_| value.len());
        abi::teb::set_last_error(Win32Error::SUCCESS);
        Ok(find(&source, flags, matches).map_or(-1, |(start, _)| start as i32))
    };
    find_it().unwrap_or_else(|error| {
        abi::teb::set_last_error(error);
        -1
    })
}

fn normalized(form: i32, text: &[u16]) -> Result<Vec<u16>, Win32Error> {
    use icu_normalizer::{ComposingNormalizerBorrowed as Compose, DecomposingNormalizerBorrowed as Decompose};
    if let Some(Err(_)) = char::decode_utf16(text.iter().copied()).find(Result::is_err) {
        return Err(Win32Error::NO_UNICODE_TRANSLATION);
    }
    Ok(match form {
        1 => Compose::new_nfc().normalize_utf16(text).into_owned(),
        2 => Decompose::new_nfd().normalize_utf16(text).into_owned(),
        5 => Compose::new_nfkc().normalize_utf16(text).into_owned(),
        6 => Decompose::new_nfkd().normalize_utf16(text).into_owned(),
        _ => return Err(Win32Error::INVALID_PARAMETER),
    })
}

/// Normalizes (NFC, NFD, NFKC, NFKD).
/// <https://learn.microsoft.com/windows/win32/api/winnls/nf-winnls-normalizestring>
#[export(kernel32 + kernelbase + normaliz, full)]
pub fn NormalizeString(form: i32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    let text = normalized(form, &wide_arg(text, count)?)?;
    give(to, capacity, &text)
}

/// Whether a text is normalized.
#[export(kernel32 + kernelbase + normaliz, full)]
pub fn IsNormalizedString(form: i32, text: PCWSTR, count: i32) -> Result<BOOL, Win32Error> {
    let text = wide_arg(text, count)?;
    abi::teb::set_last_error(Win32Error::SUCCESS);
    Ok(BOOL(normalized(form, &text)? == text))
}

fn idn(text: PCWSTR, count: i32, to: PWSTR, capacity: i32, map: impl Fn(&str) -> Option<String>) -> Result<i32, Win32Error> {
    let mut text = wide_arg(text, count)?;
    let nul = text.last() == Some(&0);
    if nul {
        text.pop();
    }
    let text = String::from_utf16(&text).map_err(|_| Win32Error::INVALID_NAME)?;
    let mut out = wide(&map(&text).ok_or(Win32Error::INVALID_NAME)?);
    if nul {
        out.push(0);
    }
    give(to, capacity, &out)
}

/// Internationalized domain name to its ASCII form.
#[export(kernel32 + kernelbase + normaliz, partial("flags are ignored; follows UTS 46"))]
pub fn IdnToAscii(_flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    idn(text, count, to, capacity, |text| idna::domain_to_ascii(text).ok())
}

/// ASCII form of a domain name to its international form.
#[export(kernel32 + kernelbase + normaliz, partial("flags are ignored; follows UTS 46"))]
pub fn IdnToUnicode(_flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    idn(text, count, to, capacity, |text| {
        let (text, result) = idna::domain_to_unicode(text);
        result.ok().map(|()| text)
    })
}

/// The form of a domain name that is mapped for comparison.
#[export(kernel32 + kernelbase + normaliz, partial("flags are ignored; follows UTS 46"))]
pub fn IdnToNameprepUnicode(_flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    idn(text, count, to, capacity, |text| {
        let (text, result) = idna::domain_to_unicode(text);
        result.ok().map(|()| text)
    })
}

/// The user's country: the United States.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserGeoID(class: u32) -> u32 {
    if class == 14 { u32::MAX } else { 244 }
}

/// The user's country as ISO 3166 code.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserDefaultGeoName(to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    give_z(to, capacity, &wide("US"))
}

fn geo_info(row: &locale::Locale, kind: u32) -> Result<String, Win32Error> {
    Ok(match kind as i32 {
        GEO_NATION | GEO_ID => row.geo_id().to_string(),
        GEO_ISO2 | GEO_NAME => row.iso3166().to_string(),
        GEO_ISO3 => row.iso3166_3().to_string(),
        GEO_FRIENDLYNAME | GEO_OFFICIALNAME => row.country().to_string(),
        GEO_RFC1766 => row.name().to_lowercase(),
        GEO_LCID => format!("{:08x}", row.lcid),
        GEO_CURRENCYCODE => row.iso_currency().to_string(),
        GEO_CURRENCYSYMBOL => row.currency().to_string(),
        GEO_DIALINGCODE => row.country_code().to_string(),
        _ => return Err(Win32Error::INVALID_FLAGS),
    })
}

/// Facts about a country.
#[export(kernel32 + kernelbase, partial("14 countries; no coordinates and time zones"))]
pub fn GetGeoInfoW(location: u32, kind: u32, to: PWSTR, capacity: i32, _language: u16) -> Result<i32, Win32Error> {
    let rows = locale::all().iter().filter(|(_, name)| !name.is_empty()).filter_map(|&(lcid, _)| locale::by_lcid(lcid));
    let row = rows.into_iter().find(|row| row.geo_id().parse() == Ok(location)).ok_or(Win32Error::INVALID_PARAMETER)?;
    give_z(to, capacity, &wide(&geo_info(row, kind)?))
}

/// Facts about a country.
#[export(kernel32, partial("14 countries; no coordinates and time zones"))]
pub fn GetGeoInfoA(location: u32, kind: u32, to: PSTR, capacity: i32, _language: u16) -> Result<i32, Win32Error> {
    let rows = locale::all().iter().filter(|(_, name)| !name.is_empty()).filter_map(|&(lcid, _)| locale::by_lcid(lcid));
    let row = rows.into_iter().find(|row| row.geo_id().parse() == Ok(location)).ok_or(Win32Error::INVALID_PARAMETER)?;
    give_bytes_z(to, capacity, &wide(&geo_info(row, kind)?), 0)
}

/// Facts about a country.
#[export(kernel32 + kernelbase, partial("14 countries; no coordinates and time zones"))]
pub fn GetGeoInfoEx(location: PCWSTR, kind: u32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    let location = display(&location.read_wide()?);
    let rows = locale::all().iter().filter(|(_, name)| !name.is_empty()).filter_map(|&(lcid, _)| locale::by_lcid(lcid));
    let row = rows.into_iter().find(|row| row.iso3166().eq_ignore_ascii_case(&location)).ok_or(Win32Error::INVALID_PARAMETER)?;
    give_z(to, capacity, &wide(&geo_info(row, kind)?))
}
