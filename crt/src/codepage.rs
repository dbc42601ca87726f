//! Text in code pages: the conversions that file names, arguments and multibyte functions need.

use abi::wide;
use kernel32_nls as nls;

/// The "C" locale's code page: each byte is one character with that code.
pub const C: u32 = 0;
pub const UTF8: u32 = 65001;

/// The system's ANSI code page.
pub fn ansi() -> u32 {
    nls::ansi()
}

/// Bytes of a code page as UTF-16; what is invalid becomes the replacement character.
pub fn to_wide(page: u32, text: &[u8]) -> Vec<u16> {
    match page {
        _ if text.is_ascii() => text.iter().map(|&b| b.into()).collect(),
        C => text.iter().map(|&b| b.into()).collect(),
        UTF8 => String::from_utf8_lossy(text).encode_utf16().collect(),
        _ => nls::decode(page, text),
    }
}

/// UTF-16 in a code page; None when a character is not in it.
pub fn from_wide(page: u32, text: &[u16]) -> Option<Vec<u8>> {
    match page {
        _ if text.iter().all(|&u| u < 0x80) => Some(text.iter().map(|&u| u as u8).collect()),
        C => text.iter().map(|&u| u8::try_from(u).ok()).collect(),
        UTF8 => {
            let mut out = Vec::with_capacity(text.len());
            for unit in char::decode_utf16(text.iter().copied()) {
                out.extend_from_slice(unit.ok()?.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(out)
        }
        _ => nls::encode(page, text),
    }
}

/// UTF-16 in a code page; what is not in it becomes a question mark.
pub fn from_wide_lossy(page: u32, text: &[u16]) -> Vec<u8> {
    if let Some(out) = from_wide(page, text) {
        return out;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let pair = rest.len() > 1 && (0xd800..0xdc00).contains(&rest[0]) && (0xdc00..0xe000).contains(&rest[1]);
        let (one, more) = rest.split_at(1 + usize::from(pair));
        match from_wide(page, one) {
            Some(bytes) => out.extend(bytes),
            None if page == UTF8 => out.extend("\u{fffd}".bytes()),
            None => out.push(b'?'),
        }
        rest = more;
    }
    out
}

/// Bytes of a path or an argument, as the system sees them.
pub fn path_to_wide(text: &[u8]) -> Vec<u16> {
    to_wide(ansi(), text)
}

/// For the host's text: environment and the like.
pub fn narrow(text: &[u16]) -> Vec<u8> {
    from_wide_lossy(ansi(), text)
}

/// How many bytes a character that begins with `lead` has at most.
pub fn max_length(page: u32) -> i32 {
    match page {
        UTF8 => 4,
        932 | 936 | 949 | 950 | 1361 => 2,
        _ => 1,
    }
}

pub fn is_lead(page: u32, byte: u8) -> bool {
    match page {
        932 => matches!(byte, 0x81..=0x9f | 0xe0..=0xfc),
        936 | 949 | 950 => matches!(byte, 0x81..=0xfe),
        _ => false,
    }
}

/// One character from the start of `bytes`.
pub enum Decoded {
    /// A scalar value or code, and how many bytes it took.
    Char(u32, usize),
    /// More bytes are needed.
    Incomplete,
    Invalid,
}

pub fn decode_one(page: u32, bytes: &[u8]) -> Decoded {
    let Some(&first) = bytes.first() else { return Decoded::Incomplete };
    if first < 0x80 || page == C {
        return Decoded::Char(first.into(), 1);
    }
    match page {
        UTF8 => {
            let need = match first {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return Decoded::Invalid,
            };
            let have = &bytes[..need.min(bytes.len())];
            match std::str::from_utf8(have) {
                Ok(text) => Decoded::Char(text.chars().next().map_or(0, u32::from), need),
                Err(e) if e.error_len().is_none() && have.len() < need => Decoded::Incomplete,
                Err(_) => Decoded::Invalid,
            }
        }
        _ => {
            let need = 1 + usize::from(is_lead(page, first));
            if bytes.len() < need {
                return Decoded::Incomplete;
            }
            match nls::decode(page, &bytes[..need]).first() {
                Some(&unit) if unit != 0xfffd => Decoded::Char(unit.into(), need),
                _ => Decoded::Invalid,
            }
        }
    }
}

/// Host text that came from the command line or the environment.
pub fn from_host(bytes: &[u8]) -> Vec<u16> {
    wide::from_host_bytes(bytes)
}

/// The single-byte pages that are always needed; the rest is kernel32's.
mod kernel32_nls {
    const HIGH_1252: [u16; 32] = [
        0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018,
        0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
    ];

    pub fn ansi() -> u32 {
        1252
    }

    pub fn decode(_page: u32, text: &[u8]) -> Vec<u16> {
        text.iter().map(|&b| if (0x80..0xa0).contains(&b) { HIGH_1252[b as usize - 0x80] } else { b.into() }).collect()
    }

    pub fn encode(_page: u32, text: &[u16]) -> Option<Vec<u8>> {
        text.iter()
            .map(|&u| match u {
                0..0x80 | 0xa0..=0xff => Some(u as u8),
                _ => HIGH_1252.iter().position(|&h| h == u).map(|i| 0x80 + i as u8),
            })
            .collect()
    }
}
