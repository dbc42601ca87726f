//! Text in code pages: the conversions that file names, arguments and multibyte functions need.

use abi::wide;

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

/// The system's tables.
mod nls {
    use ntdll::nls::codepage as pages;

    pub fn ansi() -> u32 {
        ntdll::nls::ansi_code_page()
    }

    pub fn decode(page: u32, text: &[u8]) -> Vec<u16> {
        pages::decode_lossy(page, text)
    }

    /// None when a character is not in the page.
    pub fn encode(page: u32, text: &[u16]) -> Option<Vec<u8>> {
        let how = pages::Encode { no_best_fit: true, ..Default::default() };
        match pages::encode(page, text, how)? {
            Ok((bytes, false)) => Some(bytes),
            _ => None,
        }
    }
}
