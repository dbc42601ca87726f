//! Text to floating point: the grammar of strtod, and exact conversion.

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Decimal digits in a form that Rust's exact parser takes.
    Decimal(String),
    /// Mantissa bits (the lowest one sticky) and binary exponent: value is `mantissa * 2^exponent`.
    Hex(u64, i64),
    Infinity,
    Nan,
}

/// A number with its sign, and how many characters it took.
pub struct Parsed {
    pub negative: bool,
    pub number: Number,
    pub length: usize,
}

fn exponent(text: &[u8], at: usize, letter: u8) -> Option<(i64, usize)> {
    if text.get(at).map(u8::to_ascii_lowercase) != Some(letter) {
        return None;
    }
    let mut i = at + 1;
    let negative = text.get(i) == Some(&b'-');
    if matches!(text.get(i), Some(b'+' | b'-')) {
        i += 1;
    }
    let start = i;
    let mut value = 0i64;
    while let Some(d) = text.get(i).filter(|c| c.is_ascii_digit()) {
        value = (value * 10 + i64::from(d - b'0')).min(1_000_000);
        i += 1;
    }
    (i > start).then_some((if negative { -value } else { value }, i))
}

fn starts_with_no_case(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word)
}

/// Parses a number at the start of `text` (no white space before it).
pub fn parse(text: &[u8], point: u8) -> Option<Parsed> {
    let negative = text.first() == Some(&b'-');
    let mut i = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let done = |number, length| Some(Parsed { negative, number, length });
    if starts_with_no_case(&text[i..], b"inf") {
        let long = starts_with_no_case(&text[i..], b"infinity");
        return done(Number::Infinity, i + if long { 8 } else { 3 });
    }
    if starts_with_no_case(&text[i..], b"nan") {
        i += 3;
        if text.get(i) == Some(&b'(') {
            let inner = text[i + 1..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == b'_').count();
            if text.get(i + 1 + inner) == Some(&b')') {
                i += inner + 2;
            }
        }
        return done(Number::Nan, i);
    }
    if text.get(i) == Some(&b'0') && matches!(text.get(i + 1), Some(b'x' | b'X')) {
        if let Some((number, length)) = hex(text, i + 2, point) {
            return done(number, length);
        }
        return done(Number::Decimal("0".into()), i + 1);
    }
    let mut digits = String::new();
    let start = i;
    while let Some(&c) = text.get(i).filter(|c| c.is_ascii_digit()) {
        digits.push(c.into());
        i += 1;
    }
    let mut seen = i > start;
    if text.get(i) == Some(&point) {
        let fraction = i + 1;
        let mut j = fraction;
        while text.get(j).is_some_and(u8::is_ascii_digit) {
            j += 1;
        }
        if seen || j > fraction {
            digits.push('.');
            digits.extend(text[fraction..j].iter().map(|&c| c as char));
            seen |= j > fraction;
            i = j;
        }
    }
    if !seen {
        return None;
    }
    if let Some((value, end)) = exponent(text, i, b'e') {
        digits.push_str(&format!("e{value}"));
        i = end;
    }
    done(Number::Decimal(digits), i)
}

fn hex(text: &[u8], start: usize, point: u8) -> Option<(Number, usize)> {
    let (mut mantissa, mut exp, mut seen, mut fraction) = (0u64, 0i64, false, false);
    let mut i = start;
    while let Some(&c) = text.get(i) {
        if c == point && !fraction {
            fraction = true;
        } else if let Some(digit) = (c as char).to_digit(16) {
            seen = true;
            if mantissa >> 59 == 0 {
                mantissa = mantissa << 4 | u64::from(digit);
                exp -= if fraction { 4 } else { 0 };
            } else {
                mantissa |= u64::from(digit != 0);
                exp += if fraction { 0 } else { 4 };
            }
        } else {
            break;
        }
        i += 1;
    }
    if !seen {
        return None;
    }
    if let Some((value, end)) = exponent(text, i, b'p') {
        exp += value;
        i = end;
    }
    Some((Number::Hex(mantissa, exp), i))
}

/// `mantissa * 2^exponent` rounded to nearest even, for a format with `bits` of mantissa and `min` as the
/// exponent of its smallest number. Returns the rounded mantissa and its exponent.
fn round_binary(mantissa: u64, exponent: i64, bits: u32, min: i64) -> (u64, i64) {
    if mantissa == 0 {
        return (0, 0);
    }
    let width = i64::from(64 - mantissa.leading_zeros());
    let drop = (width - i64::from(bits)).max(min - exponent);
    if drop <= 0 {
        return (mantissa, exponent);
    }
    if drop > 64 {
        return (0, exponent + drop);
    }
    let wide = u128::from(mantissa);
    let (kept, rest, half) = (wide >> drop, wide & ((1u128 << drop) - 1), 1u128 << (drop - 1));
    let up = rest > half || (rest == half && kept & 1 == 1);
    ((kept + u128::from(up)) as u64, exponent + drop)
}

/// Value, and whether it is out of range (too large, or not zero but rounded to less than a normal number).
pub fn to_f64(number: &Number) -> (f64, bool) {
    match number {
        Number::Decimal(text) => {
            let value: f64 = text.parse().unwrap_or(0.0);
            let nonzero = text.split('e').next().is_some_and(|m| m.bytes().any(|c| c.is_ascii_digit() && c != b'0'));
            (value, value.is_infinite() || (value == 0.0 && nonzero))
        }
        Number::Hex(mantissa, exponent) => {
            let (m, e) = round_binary(*mantissa, *exponent, 53, -1074);
            let value = scale(m as f64, e);
            (value, value.is_infinite() || (value == 0.0 && *mantissa != 0))
        }
        Number::Infinity => (f64::INFINITY, false),
        Number::Nan => (f64::NAN, false),
    }
}

pub fn to_f32(number: &Number) -> (f32, bool) {
    match number {
        Number::Decimal(text) => {
            let value: f32 = text.parse().unwrap_or(0.0);
            let nonzero = text.split('e').next().is_some_and(|m| m.bytes().any(|c| c.is_ascii_digit() && c != b'0'));
            (value, value.is_infinite() || (value == 0.0 && nonzero))
        }
        Number::Hex(mantissa, exponent) => {
            let (m, e) = round_binary(*mantissa, *exponent, 24, -149);
            let value = scale(m as f64, e) as f32;
            (value, value.is_infinite() || (value == 0.0 && *mantissa != 0))
        }
        Number::Infinity => (f32::INFINITY, false),
        Number::Nan => (f32::NAN, false),
    }
}

/// Multiplies by a power of two; the result is representable or overflows, so each step is exact.
fn scale(mut value: f64, mut exponent: i64) -> f64 {
    while exponent > 1000 && value.is_finite() && value != 0.0 {
        value *= 2f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 && value != 0.0 {
        value *= 2f64.powi(-1000);
        exponent += 1000;
    }
    value * 2f64.powi(exponent.clamp(-1074, 1023) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(f64, usize)> {
        parse(text.as_bytes(), b'.').map(|p| {
            let value = to_f64(&p.number).0;
            (if p.negative { -value } else { value }, p.length)
        })
    }

    #[test]
    fn decimal() {
        assert_eq!(read("3.25xyz"), Some((3.25, 4)));
        assert_eq!(read("-.5e1"), Some((-5.0, 5)));
        assert_eq!(read("1e"), Some((1.0, 1)));
        assert_eq!(read("1e+"), Some((1.0, 1)));
        assert_eq!(read("7."), Some((7.0, 2)));
        assert_eq!(read("."), None);
        assert_eq!(read("x"), None);
        assert_eq!(read("1e999").map(|r| r.0), Some(f64::INFINITY));
        assert_eq!(read("2.2250738585072011e-308").map(|r| r.0), Some(2.225073858507201e-308));
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(read("0x1.8p1"), Some((3.0, 7)));
        assert_eq!(read("0x.1p4"), Some((1.0, 6)));
        assert_eq!(read("0xg"), Some((0.0, 1)));
        assert_eq!(read("0x1p-1074"), Some((5e-324, 9)));
        assert_eq!(read("0x1.fffffffffffffp1023"), Some((f64::MAX, 22)));
        assert_eq!(read("0x1.00000000000008p0").map(|r| r.0), Some(1.0));
        assert_eq!(read("0x1.000000000000081p0").map(|r| r.0), Some(1.0 + f64::EPSILON));
    }

    #[test]
    fn words() {
        assert_eq!(read("infinityx").map(|r| r.1), Some(8));
        assert_eq!(read("-inf"), Some((f64::NEG_INFINITY, 4)));
        assert_eq!(read("nan(12)").map(|r| r.1), Some(7));
        assert_eq!(read("nan(12").map(|r| r.1), Some(3));
    }
}
