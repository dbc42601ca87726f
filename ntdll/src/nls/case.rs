//! Case mapping of single UTF-16 units, as file names, registry keys and `RtlUpcaseUnicodeChar` use it:
//! one unit to one unit, never into or out of ASCII, independent of locale.

/// Upper case of one unit.
#[inline]
pub fn upper(unit: u16) -> u16 {
    if unit < 0x80 { if (0x61..=0x7a).contains(&unit) { unit - 0x20 } else { unit } } else { map(unit, |c| single(c.to_uppercase())) }
}

/// Lower case of one unit.
#[inline]
pub fn lower(unit: u16) -> u16 {
    if unit < 0x80 { if (0x41..=0x5a).contains(&unit) { unit + 0x20 } else { unit } } else { map(unit, |c| single(c.to_lowercase())) }
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

fn map(unit: u16, to: impl Fn(char) -> Option<char>) -> u16 {
    match char::from_u32(unit.into()).and_then(to) {
        Some(c) if (0x80..0x10000).contains(&(c as u32)) => c as u16,
        _ => unit,
    }
}

/// Upper case of a whole text.
pub fn upper_text(text: &[u16]) -> Vec<u16> {
    text.iter().map(|&unit| upper(unit)).collect()
}

/// Lower case of a whole text.
pub fn lower_text(text: &[u16]) -> Vec<u16> {
    text.iter().map(|&unit| lower(unit)).collect()
}

/// Whether two texts are the same name.
pub fn equal(a: &[u16], b: &[u16]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| a == b || upper(a) == upper(b))
}

/// Order by upper-case units: that of `RtlCompareUnicodeString` and `CompareStringOrdinal`.
pub fn compare(a: &[u16], b: &[u16]) -> std::cmp::Ordering {
    a.iter().map(|&u| upper(u)).cmp(b.iter().map(|&u| upper(u)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_to_one() {
        assert_eq!(upper('ä' as u16), 'Ä' as u16);
        assert_eq!(upper('ß' as u16), 'ß' as u16);
        assert_eq!(upper('ı' as u16), 'ı' as u16);
        assert_eq!(upper('я' as u16), 'Я' as u16);
        assert_eq!(lower('İ' as u16), 'İ' as u16);
        assert_eq!(lower('Σ' as u16), 'σ' as u16);
        assert_eq!(upper(0xd800), 0xd800);
    }
}
