//! Exact decimal digits of doubles, with the roundings that Microsoft's runtimes have had.

/// What becomes of a digit string that is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To nearest, ties to even: the UCRT with `_CRT_INTERNAL_PRINTF_STANDARD_ROUNDING`.
    Even,
    /// To nearest, ties away from zero: the UCRT without it.
    Away,
    /// msvcrt.dll: seventeen digits exactly, then ties away; zeros after that.
    Seventeen,
}

/// Rust's formatter takes at most this many digits; no double has more.
const MAX: usize = 1100;

/// Decimal exponent of a positive finite number: 0 for 1.0 to 9.99.
pub fn exponent(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    // More digits than two doubles need to differ, so that no carry makes another power of ten of it.
    let text = format!("{value:.30e}");
    text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// `count` digits of a positive finite number and their decimal exponent. A count below one gives the digit
/// that rounding carries out of the number, or none.
pub fn significant(value: f64, count: i32, rounding: Rounding) -> (Vec<u8>, i32) {
    if value == 0.0 {
        return (vec![b'0'; count.max(0) as usize], 0);
    }
    let wanted = count.max(0) as usize;
    let exact = match rounding {
        Rounding::Even if wanted >= 1 => {
            let (mut digits, exponent) = split(&format!("{:.*e}", (wanted - 1).min(MAX), value));
            digits.resize(wanted, b'0');
            return (digits, exponent);
        }
        Rounding::Even | Rounding::Away => {
            // A few more digits decide, unless they look like a tie: then all of them are needed.
            let text = format!("{value:.*e}", (wanted + 20).min(MAX));
            let (digits, _) = split(&text);
            let rest = digits.get(wanted..).unwrap_or(&[]);
            let tie_like = rest.first() == Some(&b'5') && rest[1..].iter().all(|&d| d == b'0');
            if tie_like { format!("{value:.MAX$e}") } else { text }
        }
        Rounding::Seventeen => format!("{value:.16e}"),
    };
    let (mut digits, mut exponent) = split(&exact);
    if count < 0 {
        return (Vec::new(), exponent);
    }
    let next = digits.get(wanted).copied().unwrap_or(b'0');
    let up = match rounding {
        // Here only when no digit is kept: to even means to zero on a tie.
        Rounding::Even => next > b'5' || (next == b'5' && digits[wanted + 1..].iter().any(|&d| d != b'0')),
        _ => next >= b'5',
    };
    digits.resize(wanted, b'0');
    if up {
        let mut i = wanted;
        loop {
            if i == 0 {
                digits.insert(0, b'1');
                exponent += 1;
                if wanted > 0 {
                    digits.pop();
                }
                break;
            }
            i -= 1;
            if digits[i] == b'9' {
                digits[i] = b'0';
            } else {
                digits[i] += 1;
                break;
            }
        }
    }
    (digits, exponent)
}

fn split(text: &str) -> (Vec<u8>, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa.bytes().filter(|c| *c != b'.').collect(), exponent.parse().unwrap_or(0))
}

/// Digits before and after the point, `precision` after it.
pub fn fixed(value: f64, precision: usize, rounding: Rounding) -> (Vec<u8>, Vec<u8>) {
    if rounding == Rounding::Even {
        let text = format!("{:.*}", precision.min(MAX), value);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut fraction = fraction.as_bytes().to_vec();
        fraction.resize(precision, b'0');
        return (whole.as_bytes().to_vec(), fraction);
    }
    let count = exponent(value) + 1 + precision as i32;
    let (digits, exponent) = if value == 0.0 { (Vec::new(), 0) } else { significant(value, count, rounding) };
    let digit = |place: i32| {
        // Place 0 is the unit's.
        let index = exponent - place;
        if index < 0 { b'0' } else { digits.get(index as usize).copied().unwrap_or(b'0') }
    };
    let whole = (0..=exponent.max(0)).rev().map(digit).collect();
    let fraction = (1..=precision as i32).map(|i| digit(-i)).collect();
    (whole, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64, precision: usize, rounding: Rounding) -> String {
        let (whole, fraction) = fixed(value, precision, rounding);
        let fraction = String::from_utf8(fraction).unwrap();
        format!("{}{}{fraction}", String::from_utf8(whole).unwrap(), if precision > 0 { "." } else { "" })
    }

    #[test]
    fn ties() {
        assert_eq!(text(0.5, 0, Rounding::Even), "0");
        assert_eq!(text(0.5, 0, Rounding::Away), "1");
        assert_eq!(text(2.5, 0, Rounding::Even), "2");
        assert_eq!(text(2.5, 0, Rounding::Away), "3");
        assert_eq!(text(0.125, 2, Rounding::Away), "0.13");
        assert_eq!(text(0.125, 2, Rounding::Even), "0.12");
        assert_eq!(text(9.5, 0, Rounding::Away), "10");
    }

    #[test]
    fn seventeen_digits_then_zeros() {
        assert_eq!(text(0.1, 20, Rounding::Seventeen), "0.10000000000000001000");
        assert_eq!(text(0.1, 20, Rounding::Away), "0.10000000000000000555");
        assert_eq!(text(1e22, 1, Rounding::Seventeen), "10000000000000000000000.0");
        assert_eq!(text(0.001, 2, Rounding::Seventeen), "0.00");
        assert_eq!(text(0.009, 2, Rounding::Seventeen), "0.01");
        assert_eq!(text(0.0004, 3, Rounding::Away), "0.000");
        assert_eq!(text(0.0, 2, Rounding::Away), "0.00");
    }
}
