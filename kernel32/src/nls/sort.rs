//! Sort keys: what CompareString compares and LCMapString(LCMAP_SORTKEY) gives out.
//!
//! Levels as on Windows: alphabetic weights, diacritics, case, then specials. Weights are our own: symbols
//! before digits before letters, Latin letters in alphabetical order, other scripts in code point order.
//! Word sort ignores hyphen and apostrophe except as a last resort.
//! <https://learn.microsoft.com/windows/win32/intl/handling-sorting-in-your-applications>

use super::case;
use windows_sys::Win32::Globalization::*;

/// One text's weights.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    primary: Vec<u32>,
    diacritics: Vec<u16>,
    case: Vec<u8>,
    special: Vec<(u16, u16)>,
}

/// Weights of a text under NORM_… and LINGUISTIC_… flags.
pub fn key(text: &[u16], flags: u32) -> Key {
    let normalizer = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
    let decomposed = if text.iter().all(|&unit| unit < 0x80) { text.into() } else { normalizer.normalize_utf16(text) };
    let ignore_case = flags & (NORM_IGNORECASE | LINGUISTIC_IGNORECASE) != 0;
    let ignore_diacritics = flags & (NORM_IGNORENONSPACE | LINGUISTIC_IGNOREDIACRITIC) != 0;
    let ignore_symbols = flags & NORM_IGNORESYMBOLS != 0;
    let string_sort = flags & SORT_STRINGSORT != 0;
    let numeric = flags & SORT_DIGITSASNUMBERS != 0;
    let mut key = Key { primary: Vec::with_capacity(text.len()), diacritics: Vec::new(), case: Vec::new(), special: Vec::new() };
    let units: &[u16] = &decomposed;
    let mut at = 0;
    while at < units.len() {
        let mut unit = units[at];
        at += 1;
        if unit == 0 {
            continue;
        }
        if (0x300..0x370).contains(&unit) {
            if !ignore_diacritics && let Some(last) = key.diacritics.last_mut() {
                *last = last.wrapping_mul(31).wrapping_add(unit - 0x2ff);
            }
            continue;
        }
        let mut width = 0;
        if (0xff01..=0xff5e).contains(&unit) {
            unit -= 0xfee0;
            width = if flags & NORM_IGNOREWIDTH != 0 { 0 } else { 1 };
        }
        if (0x30a1..=0x30f6).contains(&unit) {
            unit -= 0x60;
            width |= if flags & NORM_IGNOREKANATYPE != 0 { 0 } else { 2 };
        }
        if !string_sort && matches!(unit, 0x27 | 0x2d | 0xad | 0x2010 | 0x2011) {
            if !ignore_symbols {
                key.special.push((key.primary.len() as u16, unit));
            }
            continue;
        }
        if numeric && (0x30..=0x39).contains(&unit) {
            let start = at - 1;
            while at < units.len() && (0x30..=0x39).contains(&units[at]) {
                at += 1;
            }
            let digits = &units[start..at];
            let zeros = digits.iter().take_while(|&&digit| digit == 0x30).count().min(digits.len() - 1);
            let digits = &digits[zeros..];
            key.push(0x2_0000 + digits.len() as u32, 0);
            digits.iter().for_each(|&digit| key.push(0x2_0000 + u32::from(digit), 0));
            continue;
        }
        let lower = case::lower(unit);
        let Some(weight) = weight(lower, ignore_symbols) else { continue };
        for &weight in weight.iter().filter(|&&weight| weight != 0) {
            key.push(weight, if ignore_case || lower == unit { width << 1 } else { width << 1 | 1 });
        }
    }
    if ignore_diacritics {
        key.diacritics.clear();
    }
    while key.diacritics.last() == Some(&0) {
        key.diacritics.pop();
    }
    while key.case.last() == Some(&0) {
        key.case.pop();
    }
    key
}

impl Key {
    fn push(&mut self, weight: u32, case: u8) {
        self.primary.push(weight);
        self.diacritics.push(0);
        self.case.push(case);
    }

    /// The key as bytes that memcmp orders: levels end with 01, the key with 00.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.primary.len() * 3 + 5);
        for &weight in &self.primary {
            out.extend_from_slice(&[2 + (weight >> 14) as u8, 2 + (weight >> 7 & 0x7f) as u8, 2 + (weight & 0x7f) as u8]);
        }
        out.push(1);
        for &weight in &self.diacritics {
            out.extend_from_slice(&[2 + (weight >> 14) as u8, 2 + (weight >> 7 & 0x7f) as u8, 2 + (weight & 0x7f) as u8]);
        }
        out.push(1);
        out.extend(self.case.iter().map(|&case| case + 2));
        out.push(1);
        out.push(1);
        for &(position, unit) in &self.special {
            out.extend_from_slice(&[
                0x80 | (position >> 8) as u8,
                position as u8 | 1,
                2 + (unit >> 7 & 0x7f) as u8,
                2 + (unit & 0x7f) as u8,
            ]);
        }
        out.push(0);
        out
    }
}

/// Primary weights of a lower-case unit; None for what is ignored.
fn weight(unit: u16, ignore_symbols: bool) -> Option<[u32; 2]> {
    let one = |weight: u32| Some([weight, 0]);
    match unit {
        0x00..=0x08 | 0x0e..=0x1f | 0x7f..=0x84 | 0x86..=0x9f => None,
        0x30..=0x39 => one(0x2_0000 + u32::from(unit)),
        // Latin letters, with room in between for those that are no accented forms.
        0x61..=0x7a => one(0x2_1000 + u32::from(unit - 0x61) * 16),
        0xe6 => Some([0x2_1000, 0x2_1000 + 4 * 16]),
        0x153 => Some([0x2_1000 + 14 * 16, 0x2_1000 + 4 * 16]),
        0xdf => Some([0x2_1000 + 18 * 16, 0x2_1000 + 18 * 16]),
        0xf0 | 0x111 => one(0x2_1000 + 3 * 16 + 1),
        0xf8 => one(0x2_1000 + 14 * 16 + 1),
        0xfe => Some([0x2_1000 + 19 * 16, 0x2_1000 + 7 * 16]),
        0x131 => one(0x2_1000 + 8 * 16 + 1),
        0x142 => one(0x2_1000 + 11 * 16 + 1),
        _ => {
            let symbol = match char::from_u32(unit.into()) {
                Some(c) => !c.is_alphanumeric(),
                None => false,
            };
            match (symbol, ignore_symbols) {
                (true, true) => None,
                (true, false) => one(0x100 + u32::from(unit)),
                _ => one(0x3_0000 + u32::from(unit)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    fn compare(a: &str, b: &str, flags: u32) -> Ordering {
        let key = |text: &str| key(&text.encode_utf16().collect::<Vec<_>>(), flags);
        assert_eq!(key(a).to_bytes().cmp(&key(b).to_bytes()), key(a).cmp(&key(b)), "{a} {b}");
        key(a).cmp(&key(b))
    }

    #[test]
    fn documented_orders() {
        assert_eq!(compare("a", "B", 0), Ordering::Less);
        assert_eq!(compare("a", "A", 0), Ordering::Less);
        assert_eq!(compare("a", "A", NORM_IGNORECASE), Ordering::Equal);
        assert_eq!(compare("résumé", "resume", 0), Ordering::Greater);
        assert_eq!(compare("résumé", "resume", NORM_IGNORENONSPACE), Ordering::Equal);
        assert_eq!(compare("résumé", "resumf", 0), Ordering::Less);
        assert_eq!(compare("co-op", "coop", 0), Ordering::Greater);
        assert_eq!(compare("co-op", "copa", 0), Ordering::Less);
        assert_eq!(compare("_a", "a", 0), Ordering::Less);
        assert_eq!(compare("file10", "file9", 0), Ordering::Less);
        assert_eq!(compare("file10", "file9", SORT_DIGITSASNUMBERS), Ordering::Greater);
        assert_eq!(compare("ab", "abc", 0), Ordering::Less);
    }
}
