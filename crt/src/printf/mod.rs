//! The one formatter of all printf functions.
//! <https://learn.microsoft.com/cpp/c-runtime-library/format-specification-syntax-printf-and-wprintf-functions>
//!
//! It formats into a buffer first; locks and streams come after. So a bad pointer among the arguments
//! faults while nothing is held.

mod common;
mod console;
pub mod decimal;
mod files;
mod strings;

use crate::codepage;
use crate::conv::digits;
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::locale;
use crate::raw;
use crate::unit::Unit;
use abi::{Ptr, VaList};
use decimal::Rounding;

/// What differs between the runtimes and between the functions' variants.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// In wide functions `%s` means wide and `%S` narrow. Standard C: `%s` is always narrow.
    pub wide_follows: bool,
    pub three_digit_exponent: bool,
    /// `1.#INF` rather than `inf`.
    pub old_infinity: bool,
    pub rounding: Rounding,
    /// What is not a format is an invalid parameter; else it is printed.
    pub strict: bool,
    /// `%1$s`.
    pub positional: bool,
}

impl Options {
    /// msvcrt.dll.
    pub const MSVCRT: Options = Options {
        wide_follows: true,
        three_digit_exponent: true,
        old_infinity: true,
        rounding: Rounding::Seventeen,
        strict: false,
        positional: false,
    };

    /// From the flags of the UCRT's `__stdio_common_*` functions (`_CRT_INTERNAL_PRINTF_*` in corecrt_stdio_config.h).
    pub fn ucrt(flags: u64) -> Options {
        Options {
            wide_follows: flags & 4 != 0,
            three_digit_exponent: flags & 0x10 != 0,
            old_infinity: flags & 8 != 0,
            rounding: if flags & 0x20 != 0 { Rounding::Even } else { Rounding::Away },
            strict: true,
            positional: false,
        }
    }

    pub fn positional(self) -> Options {
        Options { positional: true, ..self }
    }

    pub fn strict(self) -> Options {
        Options { strict: true, ..self }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    None,
    Char,
    Short,
    Long,
    LongLong,
    Int32,
    /// `w`: wide text.
    Wide,
}

#[derive(Default)]
struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
}

/// Where the next argument comes from.
struct Args {
    first: VaList,
    next: VaList,
}

impl Args {
    fn take(&mut self, position: Option<usize>) -> u64 {
        match position {
            Some(n) => self.first.0.add(n - 1).get(),
            None => self.next.next_slot(),
        }
    }
}

/// Cursor over the format text.
struct Format<U> {
    at: Ptr<U>,
}

impl<U: Unit> Format<U> {
    fn peek(&self) -> u8 {
        self.at.get().ascii()
    }

    fn step(&mut self) {
        self.at = self.at.add(1);
    }

    fn number(&mut self) -> Option<usize> {
        let mut value = None;
        while self.peek().is_ascii_digit() {
            let digit = usize::from(self.peek() - b'0');
            value = Some(value.unwrap_or(0usize).saturating_mul(10).saturating_add(digit));
            self.step();
        }
        value
    }

    /// `n$`, when it stands here.
    fn position(&mut self) -> Option<usize> {
        let start = self.at;
        match self.number() {
            Some(n) if n > 0 && n <= 100 && self.peek() == b'$' => {
                self.step();
                Some(n)
            }
            _ => {
                self.at = start;
                None
            }
        }
    }
}

/// Longest field: what is larger is an error, not a use of all memory.
const MAX_FIELD: usize = 0x1000_0000;

/// Formats; the error is already noted in errno.
pub fn format<U: Unit>(format: Ptr<U>, args: VaList, options: Options) -> Result<Vec<U>, Errno> {
    invalid::check(!format.is_null())?;
    let mut out = Vec::new();
    let mut format = Format { at: format };
    let mut args = Args { first: args, next: args };
    loop {
        let start = format.at;
        let mut length = 0;
        loop {
            let unit = start.add(length).get();
            if unit.is_nul() || unit.ascii() == b'%' {
                break;
            }
            length += 1;
        }
        out.extend_from_slice(raw::slice(start, length));
        format.at = start.add(length);
        if format.at.get().is_nul() {
            return Ok(out);
        }
        format.step();
        if format.peek() == b'%' {
            out.push(U::of(b'%'.into()));
            format.step();
            continue;
        }
        directive(&mut out, &mut format, &mut args, options)?;
    }
}

fn directive<U: Unit>(out: &mut Vec<U>, format: &mut Format<U>, args: &mut Args, options: Options) -> Result<(), Errno> {
    let position = if options.positional { format.position() } else { None };
    let mut flags = Flags::default();
    loop {
        match format.peek() {
            b'-' => flags.left = true,
            b'+' => flags.plus = true,
            b' ' => flags.space = true,
            b'#' => flags.alternate = true,
            b'0' => flags.zero = true,
            _ => break,
        }
        format.step();
    }
    let mut width = 0;
    if format.peek() == b'*' {
        format.step();
        let at = if options.positional { format.position() } else { None };
        let value = args.take(at) as i32;
        flags.left |= value < 0;
        width = value.unsigned_abs() as usize;
    } else if let Some(n) = format.number() {
        width = n;
    }
    let mut precision = None;
    if format.peek() == b'.' {
        format.step();
        if format.peek() == b'*' {
            format.step();
            let at = if options.positional { format.position() } else { None };
            precision = usize::try_from(args.take(at) as i32).ok();
        } else {
            precision = Some(format.number().unwrap_or(0));
        }
    }
    if width > MAX_FIELD || precision.is_some_and(|p| p > MAX_FIELD && p < usize::MAX / 2) {
        set_errno(Errno::ERANGE);
        return Err(Errno::ERANGE);
    }
    let mut size = read_size(format);
    if size == Size::Char && options.rounding == Rounding::Seventeen {
        // msvcrt.dll knows no hh: it is h twice.
        size = Size::Short;
    }
    let kind = format.at.get().ascii();
    if kind == 0 {
        if options.strict {
            return Err(invalid::report(Errno::EINVAL));
        }
        return Ok(());
    }
    format.step();
    let field = Field { flags, width, precision };
    let upper = kind.is_ascii_uppercase();
    match kind {
        b'd' | b'i' => {
            let value = signed(args.take(position), size);
            field.integer(out, value.unsigned_abs(), 10, false, b"", Some(value < 0));
        }
        b'u' => field.integer(out, unsigned(args.take(position), size), 10, false, b"", None),
        b'o' => field.integer(out, unsigned(args.take(position), size), 8, false, b"", None),
        b'x' | b'X' => {
            let value = unsigned(args.take(position), size);
            let prefix: &[u8] = match (field.flags.alternate && value != 0, upper) {
                (false, _) => b"",
                (true, false) => b"0x",
                (true, true) => b"0X",
            };
            field.integer(out, value, 16, upper, prefix, None);
        }
        b'p' => {
            let value = args.take(position);
            let field = Field { precision: Some(16), ..field };
            field.integer(out, value, 16, true, if field.flags.alternate { b"0X" } else { b"" }, None);
        }
        b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => {
            let value = f64::from_bits(args.take(position));
            field.float(out, value, kind, options);
        }
        b'c' | b'C' => field.character(out, args.take(position), wants_wide::<U>(kind, size, options))?,
        b's' | b'S' => {
            let wide = wants_wide::<U>(kind, size, options);
            field.string(out, args.take(position) as usize, None, wide)?;
        }
        b'Z' => {
            // A counted string: ANSI_STRING or UNICODE_STRING.
            let at = Ptr::<u16>::new(args.take(position) as usize);
            let (length, text) = if at.is_null() { (0, 0) } else { (at.get().into(), at.byte_add(8).cast::<usize>().get()) };
            let wide = matches!(size, Size::Wide | Size::Long) || (U::WIDE && !matches!(size, Size::Short | Size::Char));
            field.string(out, text, Some(length), wide)?;
        }
        // Writing through %n is off, as in Microsoft's runtimes.
        b'n' => return Err(invalid::report(Errno::EINVAL)),
        _ if options.strict => return Err(invalid::report(Errno::EINVAL)),
        _ => out.push(U::of(kind.into())),
    }
    Ok(())
}

fn read_size<U: Unit>(format: &mut Format<U>) -> Size {
    let mut size = Size::None;
    loop {
        size = match format.peek() {
            b'h' if size == Size::Short => Size::Char,
            b'h' => Size::Short,
            b'l' if size == Size::Long => Size::LongLong,
            b'l' => Size::Long,
            b'w' => Size::Wide,
            // long double is double; for integers the same as ll.
            b'L' => Size::LongLong,
            b'j' | b'z' | b't' => Size::LongLong,
            b'I' => {
                let (a, b) =
                    (format.at.add(1).get().ascii(), if format.at.add(1).get().is_nul() { 0 } else { format.at.add(2).get().ascii() });
                match (a, b) {
                    (b'6', b'4') | (b'3', b'2') => {
                        format.at = format.at.add(2);
                        if a == b'6' { Size::LongLong } else { Size::Int32 }
                    }
                    _ => Size::LongLong,
                }
            }
            _ => return size,
        };
        format.step();
    }
}

fn signed(raw: u64, size: Size) -> i64 {
    match size {
        Size::Char => i64::from(raw as i8),
        Size::Short => i64::from(raw as i16),
        Size::LongLong => raw as i64,
        _ => i64::from(raw as i32),
    }
}

fn unsigned(raw: u64, size: Size) -> u64 {
    match size {
        Size::Char => u64::from(raw as u8),
        Size::Short => u64::from(raw as u16),
        Size::LongLong => raw,
        _ => u64::from(raw as u32),
    }
}

/// Whether `%s` and `%c` of this size mean wide text.
fn wants_wide<U: Unit>(kind: u8, size: Size, options: Options) -> bool {
    match size {
        Size::Short | Size::Char => false,
        Size::Long | Size::LongLong | Size::Wide => true,
        _ => {
            let natural = U::WIDE && options.wide_follows;
            // Capitals mean the other kind; in standard mode always wide.
            if kind.is_ascii_uppercase() { if U::WIDE { !natural } else { true } } else { natural }
        }
    }
}

struct Field {
    flags: Flags,
    width: usize,
    precision: Option<usize>,
}

impl Field {
    /// Puts sign or prefix and body into the field; `numeric` fields may be padded with zeros between them.
    fn pad<U: Unit>(&self, out: &mut Vec<U>, prefix: &[u8], body: &[U], zero: bool) {
        let fill = self.width.saturating_sub(prefix.len() + body.len());
        let repeat = |out: &mut Vec<U>, c: u8| out.resize(out.len() + fill, U::of(c.into()));
        if !self.flags.left && !zero {
            repeat(out, b' ');
        }
        out.extend(prefix.iter().map(|&c| U::of(c.into())));
        if !self.flags.left && zero {
            repeat(out, b'0');
        }
        out.extend_from_slice(body);
        if self.flags.left {
            repeat(out, b' ');
        }
    }

    fn sign(&self, negative: bool) -> &'static [u8] {
        match negative {
            true => b"-",
            false if self.flags.plus => b"+",
            false if self.flags.space => b" ",
            false => b"",
        }
    }

    fn integer<U: Unit>(&self, out: &mut Vec<U>, value: u64, base: u32, upper: bool, prefix: &[u8], sign: Option<bool>) {
        let mut body: Vec<U> = if value == 0 && self.precision == Some(0) { Vec::new() } else { digits(value, base, false) };
        if upper {
            body.iter_mut().for_each(|u| *u = U::of(u.ascii().to_ascii_uppercase().into()));
        }
        if let Some(missing) = self.precision.and_then(|p| p.checked_sub(body.len())) {
            body.splice(0..0, std::iter::repeat_n(U::of(b'0'.into()), missing));
        }
        if base == 8 && self.flags.alternate && body.first().is_none_or(|u| u.ascii() != b'0') {
            body.insert(0, U::of(b'0'.into()));
        }
        let prefix = match sign {
            Some(negative) => self.sign(negative),
            None => prefix,
        };
        self.pad(out, prefix, &body, self.flags.zero && self.precision.is_none());
    }

    fn float<U: Unit>(&self, out: &mut Vec<U>, value: f64, kind: u8, options: Options) {
        let negative = value.is_sign_negative();
        let body = float_body(value.abs(), negative, kind, self.precision, self.flags.alternate, options);
        let mut prefix = self.sign(negative).to_vec();
        if value.is_finite() && matches!(kind, b'a' | b'A') {
            prefix.extend(if kind == b'a' { b"0x" } else { b"0X" });
        }
        let body: Vec<U> = body.iter().map(|&c| U::of(c.into())).collect();
        let zero = self.flags.zero && (value.is_finite() || options.old_infinity);
        self.pad(out, &prefix, &body, zero);
    }

    fn character<U: Unit>(&self, out: &mut Vec<U>, raw: u64, wide: bool) -> Result<(), Errno> {
        let body = if wide { convert::<U>(&[raw as u16]) } else { widen::<U>(&[raw as u8]) };
        match body {
            Some(body) => self.pad(out, b"", &body, self.flags.zero),
            // msvcrt and the UCRT write nothing and fail.
            None => {
                set_errno(Errno::EILSEQ);
                return Err(Errno::EILSEQ);
            }
        }
        Ok(())
    }

    /// `bytes` is the length of a counted string.
    fn string<U: Unit>(&self, out: &mut Vec<U>, at: usize, bytes: Option<usize>, wide: bool) -> Result<(), Errno> {
        let max = self.precision.unwrap_or(usize::MAX);
        let body: Option<Vec<U>> = if at == 0 {
            Some(crate::unit::units::<U>("(null)").into_iter().take(max).collect())
        } else if wide {
            let text = Ptr::<u16>::new(at);
            // Every unit gives at least a byte, or half of one: `max` units are enough.
            let count = bytes.map_or_else(|| raw::length_max(text, max), |b| (b / 2).min(max));
            let text = raw::slice(text, count);
            if U::WIDE { Some(text.iter().map(|&u| U::of(u.into())).collect()) } else { narrow_max(text, max) }
        } else {
            let text = Ptr::<u8>::new(at);
            let limit = if U::WIDE { max.saturating_mul(4) } else { max };
            let count = bytes.map_or_else(|| raw::length_max(text, limit), |b| b.min(limit));
            widen(raw::slice(text, count)).map(|mut body: Vec<U>| {
                body.truncate(max);
                body
            })
        };
        match body {
            Some(body) => self.pad(out, b"", &body, self.flags.zero),
            None => {
                set_errno(Errno::EILSEQ);
                return Err(Errno::EILSEQ);
            }
        }
        Ok(())
    }
}

/// Wide text as units of the output.
fn convert<U: Unit>(text: &[u16]) -> Option<Vec<U>> {
    if U::WIDE {
        return Some(text.iter().map(|&u| U::of(u.into())).collect());
    }
    Some(codepage::from_wide(locale::page(), text)?.into_iter().map(|b| U::of(b.into())).collect())
}

/// Wide text as bytes, only whole characters within `max`.
fn narrow_max<U: Unit>(text: &[u16], max: usize) -> Option<Vec<U>> {
    if max == usize::MAX {
        return convert(text);
    }
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let pair = rest.len() > 1 && (0xd800..0xdc00).contains(&rest[0]);
        let (one, more) = rest.split_at(1 + usize::from(pair));
        let bytes = convert::<U>(one)?;
        if out.len() + bytes.len() > max {
            break;
        }
        out.extend(bytes);
        rest = more;
    }
    Some(out)
}

/// Narrow text as units of the output.
fn widen<U: Unit>(text: &[u8]) -> Option<Vec<U>> {
    if !U::WIDE {
        return Some(text.iter().map(|&b| U::of(b.into())).collect());
    }
    Some(codepage::to_wide(locale::page(), text).into_iter().map(|u| U::of(u.into())).collect())
}

/// A number as `%<kind>` of the UCRT prints it.
pub fn number(value: f64, kind: u8, precision: Option<usize>) -> Vec<u8> {
    let options = Options { three_digit_exponent: false, old_infinity: false, rounding: Rounding::Away, ..Options::MSVCRT };
    let mut text = if value.is_sign_negative() { b"-".to_vec() } else { Vec::new() };
    text.extend(float_body(value.abs(), value.is_sign_negative(), kind, precision, false, options));
    text
}

fn float_body(value: f64, negative: bool, kind: u8, precision: Option<usize>, alternate: bool, options: Options) -> Vec<u8> {
    let upper = kind.is_ascii_uppercase();
    let lower = kind.to_ascii_lowercase();
    if !value.is_finite() {
        return special(value, negative, lower, upper, precision, options);
    }
    let point = locale::decimal_point();
    let mut text = match lower {
        b'a' => hex(value, precision, alternate, point),
        b'f' => {
            let (mut text, fraction) = decimal::fixed(value, precision.unwrap_or(6), options.rounding);
            join(&mut text, &fraction, alternate, point);
            text
        }
        b'e' => {
            let (digits, exponent) = decimal::significant(value, precision.unwrap_or(6) as i32 + 1, options.rounding);
            exponential(&digits, exponent, alternate, point, options)
        }
        _ => {
            let significant = precision.unwrap_or(6).max(1);
            let (mut digits, exponent) = decimal::significant(value, significant as i32, options.rounding);
            let fixed = exponent >= -4 && exponent < significant as i32;
            if !alternate {
                let keep = digits.iter().rposition(|&d| d != b'0').map_or(1, |i| i + 1);
                digits.truncate(keep);
            }
            if fixed {
                let digit = |i: i32| digits.get(i as usize).copied().unwrap_or(b'0');
                let (mut text, fraction) = if exponent < 0 {
                    let zeros = vec![b'0'; exponent.unsigned_abs() as usize - 1];
                    (vec![b'0'], [zeros, digits.clone()].concat())
                } else {
                    ((0..=exponent).map(digit).collect(), digits.get(exponent as usize + 1..).unwrap_or(&[]).to_vec())
                };
                join(&mut text, &fraction, alternate, point);
                text
            } else {
                exponential(&digits, exponent, alternate, point, options)
            }
        }
    };
    if upper {
        text.make_ascii_uppercase();
    }
    text
}

fn join(text: &mut Vec<u8>, fraction: &[u8], alternate: bool, point: u8) {
    if alternate || !fraction.is_empty() {
        text.push(point);
        text.extend_from_slice(fraction);
    }
}

fn exponential(digits: &[u8], exponent: i32, alternate: bool, point: u8, options: Options) -> Vec<u8> {
    let mut text = vec![digits.first().copied().unwrap_or(b'0')];
    join(&mut text, digits.get(1..).unwrap_or(&[]), alternate, point);
    let width = if options.three_digit_exponent { 3 } else { 2 };
    let sign = if exponent < 0 { '-' } else { '+' };
    text.extend(format!("e{sign}{:0width$}", exponent.unsigned_abs()).bytes());
    text
}

fn hex(value: f64, precision: Option<usize>, alternate: bool, point: u8) -> Vec<u8> {
    let bits = value.to_bits();
    let (mut mantissa, raw) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let exponent = match (raw, mantissa) {
        (0, 0) => 0,
        (0, _) => -1022,
        _ => raw - 1023,
    };
    let mut lead = u64::from(raw != 0);
    let precision = precision.unwrap_or(13);
    if precision < 13 {
        let drop = 4 * (13 - precision as u32);
        let (kept, rest, half) = (mantissa >> drop, mantissa & ((1 << drop) - 1), 1u64 << (drop - 1));
        // Microsoft's runtimes round ties up here.
        let rounded = kept + u64::from(rest >= half);
        lead += rounded >> (52 - drop);
        mantissa = (rounded << drop) & ((1 << 52) - 1);
    }
    let mut fraction = format!("{mantissa:013x}").into_bytes();
    fraction.resize(precision, b'0');
    let mut text = format!("{lead:x}").into_bytes();
    join(&mut text, &fraction, alternate, point);
    text.extend(format!("p{exponent:+}").bytes());
    text
}

fn special(value: f64, negative: bool, kind: u8, upper: bool, precision: Option<usize>, options: Options) -> Vec<u8> {
    let quiet = value.to_bits() >> 51 & 1 == 1;
    // The default NaN of x86 is negative with an empty payload: "indefinite".
    let indefinite = negative && value.abs().to_bits() == 0x7ff8_0000_0000_0000;
    if !options.old_infinity {
        let text: &[u8] = match (value.is_infinite(), indefinite, quiet) {
            (true, ..) => b"inf",
            (_, true, _) => b"nan(ind)",
            (_, _, true) => b"nan",
            _ => b"nan(snan)",
        };
        return if upper { text.to_ascii_uppercase() } else { text.to_vec() };
    }
    let tail: &[u8] = match (value.is_infinite(), indefinite, quiet) {
        (true, ..) => b"#INF",
        (_, true, _) => b"#IND",
        (_, _, true) => b"#QNAN",
        _ => b"#SNAN",
    };
    // It is printed as if these were the digits after "1.", cut and rounded as digits are.
    let places = match kind {
        b'g' => precision.unwrap_or(6).max(1) - 1,
        _ => precision.unwrap_or(6),
    };
    let mut text = vec![b'1'];
    let mut fraction: Vec<u8> = tail.iter().copied().take(places).collect();
    if places < tail.len() {
        if tail[places] >= b'5'
            && let Some(last) = fraction.last_mut()
        {
            *last += 1;
        }
    } else if kind != b'g' {
        fraction.resize(places, b'0');
    }
    join(&mut text, &fraction, false, b'.');
    if kind == b'e' {
        text.extend(if upper { b"E+000" } else { b"e+000" });
    }
    text
}

#[cfg(test)]
mod tests;
