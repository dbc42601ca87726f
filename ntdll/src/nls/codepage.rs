//! Code pages. Tables come from `encoding_rs` (ANSI and East Asian pages) and `oem_cp` (DOS pages).
//! <https://learn.microsoft.com/windows/win32/intl/code-page-identifiers>

use encoding_rs as enc;
use encoding_rs::Encoding;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// What a single-byte page maps its bytes to; `UNDEFINED` where it maps to nothing.
pub struct Table {
    to_wide: [u16; 256],
    to_byte: HashMap<u16, u8>,
}

const UNDEFINED: u16 = 0xfffe;

/// How a code page works.
#[derive(Clone, Copy)]
pub enum Kind {
    Single(&'static Table),
    /// Lead bytes as pairs of first and last.
    Double(&'static Encoding, &'static [u8]),
    Multi(&'static Encoding),
    Utf8,
    Utf7,
}

/// There were bytes or characters that have no counterpart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Untranslatable;

const SINGLE: &[(u32, &Encoding)] = &[
    (874, enc::WINDOWS_874),
    (1250, enc::WINDOWS_1250),
    (1251, enc::WINDOWS_1251),
    (1252, enc::WINDOWS_1252),
    (1253, enc::WINDOWS_1253),
    (1254, enc::WINDOWS_1254),
    (1255, enc::WINDOWS_1255),
    (1256, enc::WINDOWS_1256),
    (1257, enc::WINDOWS_1257),
    (1258, enc::WINDOWS_1258),
    (10000, enc::MACINTOSH),
    (10007, enc::X_MAC_CYRILLIC),
    (20866, enc::KOI8_R),
    (21866, enc::KOI8_U),
    (28592, enc::ISO_8859_2),
    (28593, enc::ISO_8859_3),
    (28594, enc::ISO_8859_4),
    (28595, enc::ISO_8859_5),
    (28596, enc::ISO_8859_6),
    (28597, enc::ISO_8859_7),
    (28598, enc::ISO_8859_8),
    (28599, enc::WINDOWS_1254),
    (28603, enc::ISO_8859_13),
    (28605, enc::ISO_8859_15),
    (38598, enc::ISO_8859_8_I),
];

const DOS: &[u32] = &[437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869];

/// Every code page there is here, for EnumSystemCodePages.
pub fn all() -> Vec<u32> {
    let mut pages: Vec<u32> = SINGLE.iter().map(|&(page, _)| page).chain(DOS.iter().copied()).collect();
    pages.extend([932, 936, 949, 950, 20127, 20932, 28591, 50220, 51932, 51949, 54936, 65000, 65001]);
    pages.sort_unstable();
    pages
}

/// The number of a page: CP_ACP and the like resolved.
pub fn resolve(page: u32) -> u32 {
    match page {
        0 | 3 => super::ansi_code_page(),
        1 => super::oem_code_page(),
        2 => 10000,
        page => page,
    }
}

/// The code page with this number (CP_ACP and the like included), if there is one.
pub fn kind(page: u32) -> Option<Kind> {
    Some(match resolve(page) {
        65001 => Kind::Utf8,
        65000 => Kind::Utf7,
        932 => Kind::Double(enc::SHIFT_JIS, &[0x81, 0x9f, 0xe0, 0xfc]),
        936 => Kind::Double(enc::GBK, &[0x81, 0xfe]),
        949 => Kind::Double(enc::EUC_KR, &[0x81, 0xfe]),
        950 => Kind::Double(enc::BIG5, &[0x81, 0xfe]),
        20932 => Kind::Double(enc::EUC_JP, &[0xa1, 0xfe]),
        51932 => Kind::Multi(enc::EUC_JP),
        51949 => Kind::Multi(enc::EUC_KR),
        50220 => Kind::Multi(enc::ISO_2022_JP),
        54936 => Kind::Multi(enc::GB18030),
        page => Kind::Single(table(page)?),
    })
}

/// Bytes that a character takes at most: CPINFO's MaxCharSize.
pub fn max_char_size(page: u32) -> Option<u32> {
    Some(match (kind(page)?, resolve(page)) {
        (Kind::Single(_), _) => 1,
        (Kind::Double(..), _) => 2,
        (Kind::Utf7, _) | (_, 50220) => 5,
        (_, 51932) => 3,
        (_, 51949) => 2,
        _ => 4,
    })
}

/// Pairs of first and last lead byte.
pub fn lead_bytes(page: u32) -> &'static [u8] {
    match kind(page) {
        Some(Kind::Double(_, leads)) => leads,
        _ => &[],
    }
}

/// Whether a byte is the first of two.
pub fn is_lead_byte(page: u32, byte: u8) -> bool {
    byte >= 0x80 && lead_bytes(page).chunks_exact(2).any(|pair| (pair[0]..=pair[1]).contains(&byte))
}

fn table(page: u32) -> Option<&'static Table> {
    static TABLES: OnceLock<Mutex<HashMap<u32, &'static Table>>> = OnceLock::new();
    let tables = TABLES.get_or_init(Default::default);
    let mut tables = tables.lock().ok()?;
    if let Some(&table) = tables.get(&page) {
        return Some(table);
    }
    let table: &'static Table = Box::leak(make_table(page)?);
    tables.insert(page, table);
    Some(table)
}

fn make_table(page: u32) -> Option<Box<Table>> {
    let mut to_wide = [UNDEFINED; 256];
    for byte in 0..0x80u16 {
        to_wide[usize::from(byte)] = byte;
    }
    if page == 28591 {
        for byte in 0x80..0x100u16 {
            to_wide[usize::from(byte)] = byte;
        }
    } else if let Some(&(_, encoding)) = SINGLE.iter().find(|(number, _)| *number == page) {
        for byte in 0x80..=0xffu8 {
            let bytes = [byte];
            let (text, bad) = encoding.decode_without_bom_handling(&bytes);
            let mut units = text.encode_utf16();
            to_wide[usize::from(byte)] = match units.next() {
                Some(unit) if !bad => unit,
                // Where a page maps a byte of the C1 range to nothing, Windows keeps its value.
                _ if byte < 0xa0 => byte.into(),
                _ => UNDEFINED,
            };
        }
        if page == 28599 {
            (0x80..0xa0u16).for_each(|byte| to_wide[usize::from(byte)] = byte);
        }
    } else if DOS.contains(&page) {
        let table = oem_cp::code_table::DECODING_TABLE_CP_MAP.get(&(page as u16))?;
        for byte in 0x80..=0xffu8 {
            let text = table.decode_string_checked(&[byte]);
            to_wide[usize::from(byte)] = text.and_then(|text| text.encode_utf16().next()).unwrap_or(UNDEFINED);
        }
    } else if page == 20127 {
        // US-ASCII takes the low seven bits.
        for byte in 0x80..0x100u16 {
            to_wide[usize::from(byte)] = byte & 0x7f;
        }
    } else {
        return None;
    }
    let to_byte = (0u8..=255).rev().map(|byte| (to_wide[usize::from(byte)], byte)).filter(|(unit, _)| *unit != UNDEFINED).collect();
    Some(Box::new(Table { to_wide, to_byte }))
}

/// Decodes; a sequence that means nothing becomes U+FFFD (or is an error, when `strict`).
pub fn decode(page: u32, bytes: &[u8], strict: bool) -> Option<Result<Vec<u16>, Untranslatable>> {
    let kind = kind(page)?;
    if bytes.is_ascii() && !matches!(kind, Kind::Utf7) && resolve(page) != 50220 {
        return Some(Ok(bytes.iter().map(|&byte| byte.into()).collect()));
    }
    Some(match kind {
        Kind::Utf8 => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.encode_utf16().collect()),
            Err(_) if strict => Err(Untranslatable),
            Err(_) => Ok(String::from_utf8_lossy(bytes).encode_utf16().collect()),
        },
        Kind::Utf7 => utf7_decode(bytes),
        Kind::Single(table) => {
            let mut out = Vec::with_capacity(bytes.len());
            for &byte in bytes {
                match table.to_wide[usize::from(byte)] {
                    UNDEFINED if strict => return Some(Err(Untranslatable)),
                    UNDEFINED => out.push(0xfffd),
                    unit => out.push(unit),
                }
            }
            Ok(out)
        }
        Kind::Double(encoding, _) | Kind::Multi(encoding) => {
            let (text, bad) = encoding.decode_without_bom_handling(bytes);
            if bad && strict { Err(Untranslatable) } else { Ok(text.encode_utf16().collect()) }
        }
    })
}

/// What WideCharToMultiByte's parameters say.
#[derive(Clone, Copy, Default)]
pub struct Encode<'a> {
    /// A lone surrogate is an error (UTF-8 and GB18030).
    pub strict: bool,
    /// No look-alikes for what the page does not have.
    pub no_best_fit: bool,
    /// Bytes for what the page does not have; `?` if empty.
    pub default: &'a [u8],
}

/// Encodes; also says whether the default character was used.
pub fn encode(page: u32, text: &[u16], how: Encode) -> Option<Result<(Vec<u8>, bool), Untranslatable>> {
    let kind = kind(page)?;
    if matches!(kind, Kind::Utf7) {
        return Some(Ok((utf7_encode(text), false)));
    }
    if text.iter().all(|&unit| unit < 0x80) {
        return Some(Ok((text.iter().map(|&unit| unit as u8).collect(), false)));
    }
    let default = if how.default.is_empty() { &b"?"[..] } else { how.default };
    let mut used = false;
    let mut out = Vec::with_capacity(text.len() + text.len() / 2);
    let mut buffer = [0u8; 4];
    if let Kind::Single(table) = kind {
        for &unit in text {
            match table.to_byte.get(&unit).copied().or_else(|| if how.no_best_fit { None } else { best_fit(table, unit) }) {
                Some(byte) => out.push(byte),
                // The two halves of a pair get a default character each.
                None => {
                    used = true;
                    out.extend_from_slice(default);
                }
            }
        }
        return Some(Ok((out, used)));
    }
    let mut multi = String::new();
    for item in char::decode_utf16(text.iter().copied()) {
        match (item, kind) {
            (Ok(c), Kind::Utf8) => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
            (Err(_), _) if how.strict => return Some(Err(Untranslatable)),
            (Err(_), Kind::Utf8) => out.extend_from_slice(&[0xef, 0xbf, 0xbd]),
            (Ok(c), Kind::Multi(_)) => multi.push(c),
            (Ok(c), Kind::Double(encoding, _)) => {
                let text = c.encode_utf8(&mut buffer);
                let (bytes, _, bad) = encoding.encode(text);
                if bad {
                    used = true;
                    out.extend_from_slice(default);
                } else {
                    out.extend_from_slice(&bytes);
                }
            }
            (Err(_), Kind::Multi(_)) => multi.push('?'),
            _ => {
                used = true;
                out.extend_from_slice(default);
            }
        }
    }
    if let Kind::Multi(encoding) = kind {
        let (bytes, _, bad) = encoding.encode(&multi);
        if bad {
            // Character by character, so that only what is missing is replaced.
            for c in multi.chars() {
                let (bytes, _, bad) = encoding.encode(c.encode_utf8(&mut buffer));
                used |= bad;
                out.extend_from_slice(if bad { default } else { &bytes });
            }
        } else {
            out.extend_from_slice(&bytes);
        }
    }
    Some(Ok((out, used)))
}

/// The look-alike that Windows takes for a character that a single-byte page does not have: the ASCII form
/// of a full-width one, the letter without its accent, plain forms of punctuation.
fn best_fit(table: &Table, unit: u16) -> Option<u8> {
    let plain = match unit {
        0xff01..=0xff5e => unit - 0xfee0,
        0x2000..=0x200a | 0x3000 => 0x20,
        0x2010..=0x2015 | 0x2212 => 0x2d,
        0x2018..=0x201b | 0x2032 | 0x02b9 | 0x02bc => 0x27,
        0x201c..=0x201f | 0x2033 | 0x02ba => 0x22,
        0x2044 | 0x2215 => 0x2f,
        0x2216 => 0x5c,
        0x2217 => 0x2a,
        0x2223 => 0x7c,
        0x221e => 0x38,
        0x2039 | 0x2329 | 0x3008 => 0x3c,
        0x203a | 0x232a | 0x3009 => 0x3e,
        0x2022 | 0x2219 => 0xb7,
        0x02c6 | 0x2303 => 0x5e,
        0x02dc | 0x223c => 0x7e,
        _ => {
            let character = char::from_u32(unit.into())?;
            let decomposed = icu_normalizer::properties::CanonicalDecompositionBorrowed::new().decompose(character);
            match decomposed {
                icu_normalizer::properties::Decomposed::Expansion(base, _) => u16::try_from(u32::from(base)).ok()?,
                icu_normalizer::properties::Decomposed::Singleton(base) => u16::try_from(u32::from(base)).ok()?,
                icu_normalizer::properties::Decomposed::Default => return None,
            }
        }
    };
    table.to_byte.get(&plain).copied()
}

/// Decodes, never failing; an unknown page counts as Latin-1.
pub fn decode_lossy(page: u32, bytes: &[u8]) -> Vec<u16> {
    match decode(page, bytes, false) {
        Some(Ok(text)) => text,
        _ => bytes.iter().map(|&byte| byte.into()).collect(),
    }
}

/// Encodes, never failing; an unknown page counts as ASCII.
pub fn encode_lossy(page: u32, text: &[u16]) -> Vec<u8> {
    match encode(page, text, Encode::default()) {
        Some(Ok((bytes, _))) => bytes,
        _ => text.iter().map(|&unit| if unit < 0x80 { unit as u8 } else { b'?' }).collect(),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// UTF-7. <https://www.rfc-editor.org/rfc/rfc2152>
fn utf7_decode(bytes: &[u8]) -> Result<Vec<u16>, Untranslatable> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if byte != b'+' {
            out.push(byte.into());
            continue;
        }
        if bytes.get(at) == Some(&b'-') {
            out.push(b'+'.into());
            at += 1;
            continue;
        }
        let (mut bits, mut count) = (0u32, 0);
        while let Some(value) = bytes.get(at).and_then(|byte| BASE64.iter().position(|letter| letter == byte)) {
            bits = bits << 6 | value as u32;
            count += 6;
            if count >= 16 {
                count -= 16;
                out.push((bits >> count) as u16);
            }
            at += 1;
        }
        if bytes.get(at) == Some(&b'-') {
            at += 1;
        }
    }
    Ok(out)
}

fn utf7_encode(text: &[u16]) -> Vec<u8> {
    let direct = |unit: u16| u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric() || b"'(),-./:? \t\r\n\0".contains(&byte));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if direct(text[at]) {
            out.push(text[at] as u8);
            at += 1;
            continue;
        }
        out.push(b'+');
        if text[at] == u16::from(b'+') {
            out.push(b'-');
            at += 1;
            continue;
        }
        let (mut bits, mut count) = (0u32, 0);
        while at < text.len() && !direct(text[at]) {
            bits = bits << 16 | u32::from(text[at]);
            count += 16;
            while count >= 6 {
                count -= 6;
                out.push(BASE64[(bits >> count & 0x3f) as usize]);
            }
            at += 1;
        }
        if count > 0 {
            out.push(BASE64[(bits << (6 - count) & 0x3f) as usize]);
        }
        out.push(b'-');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn pages_decode() {
        for (page, bytes, text) in [
            (1252, &b"\x80\x81\xe4"[..], "€\u{81}ä"),
            (437, b"\x84\xb3\xff", "ä│\u{a0}"),
            (850, b"\x84\xd5", "äı"),
            (932, b"\x83\x65\x83\x58", "テス"),
            (936, b"\xc4\xe3", "你"),
            (949, b"\xb0\xa1", "가"),
            (950, b"\xa4\x40", "一"),
            (28591, b"\x80\xe4", "\u{80}ä"),
            (65000, b"+AOQ-x+-", "äx+"),
            (65001, "ä€𝄞".as_bytes(), "ä€𝄞"),
            (65001, b"a\xffb\xe2\x82", "a\u{fffd}b\u{fffd}"),
        ] {
            assert_eq!(decode(page, bytes, false).unwrap().unwrap(), wide(text), "{page}");
        }
        assert_eq!(decode(65001, b"\xff", true), Some(Err(Untranslatable)));
        assert!(decode(1, b"", false).is_some() && decode(4711, b"", false).is_none());
    }

    #[test]
    fn pages_encode() {
        assert_eq!(encode_lossy(1252, &wide("ä€")), b"\xe4\x80");
        assert_eq!(encode_lossy(1252, &wide("Āａ−")), b"Aa-");
        assert_eq!(encode_lossy(437, &wide("ä│")), b"\x84\xb3");
        assert_eq!(encode_lossy(932, &wide("テス")), b"\x83\x65\x83\x58");
        assert_eq!(encode_lossy(65000, &wide("äx+")), b"+AOQ-x+-");
        assert_eq!(encode_lossy(65001, &[0xd800, 0x41]), b"\xef\xbf\xbdA");
        let how = Encode { no_best_fit: true, default: b"!", ..Encode::default() };
        assert_eq!(encode(1252, &wide("Āb"), how), Some(Ok((b"!b".to_vec(), true))));
        let how = Encode { strict: true, ..Encode::default() };
        assert_eq!(encode(65001, &[0xdc00], how), Some(Err(Untranslatable)));
    }
}
