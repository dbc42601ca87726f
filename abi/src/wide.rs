//! UTF-16 text as the guest has it: it may hold lone surrogates, so it is kept as it came.

/// UTF-16 of a Rust string, without a NUL.
pub fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// UTF-16 of a Rust string, with a NUL.
pub fn wide_z(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// For messages only: lone surrogates become U+FFFD.
pub fn display(text: &[u16]) -> String {
    String::from_utf16_lossy(text)
}

/// Equal when ASCII letters are compared without case. For names that are ASCII by definition.
pub fn eq_ascii_case(a: &[u16], b: &str) -> bool {
    let fold = |unit: u16| if (0x41..=0x5a).contains(&unit) { unit + 32 } else { unit };
    a.iter().map(|&unit| fold(unit)).eq(b.encode_utf16().map(fold))
}

/// UTF-16 to WTF-8: UTF-8 in which a lone surrogate is kept as three bytes, so that it survives the way
/// to a host file name and back. <https://simonsapin.github.io/wtf-8/>
pub fn to_wtf8(text: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for unit in char::decode_utf16(text.iter().copied()) {
        match unit {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                out.extend_from_slice(&[0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]);
            }
        }
    }
    out
}

/// WTF-8 to UTF-16. A byte that is not WTF-8 becomes U+DC80 plus its low bits (a lone surrogate), so that
/// any host file name can be named by the guest; [`to_host_bytes`] turns it back.
pub fn from_host_bytes(bytes: &[u8]) -> Vec<u16> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.extend(text.encode_utf16());
                break;
            }
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                out.extend(String::from_utf8_lossy(valid).encode_utf16());
                match bad {
                    [0xed, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ..] => {
                        out.push(0xd000 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f));
                        rest = &bad[3..];
                    }
                    _ => {
                        out.push(0xdc00 | u16::from(bad[0]));
                        rest = &bad[1..];
                    }
                }
            }
        }
    }
    out
}

/// The host file name for a guest name; the inverse of [`from_host_bytes`].
pub fn to_host_bytes(text: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for unit in char::decode_utf16(text.iter().copied()) {
        match unit {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => match lone.unpaired_surrogate() {
                unit @ 0xdc80..=0xdcff => out.push(unit as u8),
                unit => out.extend(to_wtf8(&[unit])),
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_survive_the_round_trip() {
        for name in [&b"plain"[..], "näme €𝄞".as_bytes(), b"\xff\xfe", b"a\xe4b", b"\xed\xa0\x80x", b"\xc3"] {
            assert_eq!(to_host_bytes(&from_host_bytes(name)), name);
        }
    }

    #[test]
    fn lone_surrogates_survive_the_round_trip() {
        for name in [&[0xd800u16][..], &[0x61, 0xdbff, 0x62], &[0xdfff]] {
            assert_eq!(from_host_bytes(&to_host_bytes(name)), name);
        }
    }
}
