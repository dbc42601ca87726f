//! The one scanner of all scanf functions.
//! <https://learn.microsoft.com/cpp/c-runtime-library/format-specification-fields-scanf-and-wscanf-functions>

mod functions;

use crate::codepage::{self, Decoded};
use crate::conv::float;
use crate::ctype;
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::locale;
use crate::unit::Unit;
use abi::{Ptr, VaList};

/// What differs between the variants.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `%s`, `%c` and `%[` take the buffer's size as another argument.
    pub secure: bool,
    /// In wide functions `%s` means wide and `%S` narrow.
    pub wide_follows: bool,
}

impl Options {
    pub const MSVCRT: Options = Options { secure: false, wide_follows: true };
    pub const MSVCRT_S: Options = Options { secure: true, wide_follows: true };

    /// From the flags of `__stdio_common_v*scanf` (`_CRT_INTERNAL_SCANF_*` in corecrt_stdio_config.h).
    pub fn ucrt(flags: u64) -> Options {
        Options { secure: flags & 1 != 0, wide_follows: flags & 2 != 0 }
    }
}

/// Where the text comes from.
pub trait Source<U> {
    fn next(&mut self) -> Option<U>;
    fn unread(&mut self, unit: U);
}

/// A string of at most `left` units, up to its NUL.
pub struct Text<U> {
    pub at: Ptr<U>,
    pub left: usize,
}

impl<U: Unit> Source<U> for Text<U> {
    fn next(&mut self) -> Option<U> {
        if self.left == 0 {
            return None;
        }
        let unit = self.at.get();
        if unit.is_nul() {
            return None;
        }
        self.at = self.at.add(1);
        self.left -= 1;
        Some(unit)
    }

    fn unread(&mut self, _unit: U) {
        self.at = Ptr::new(self.at.addr() - size_of::<U>());
        self.left += 1;
    }
}

struct Scanner<'a, U> {
    source: &'a mut dyn Source<U>,
    args: VaList,
    options: Options,
    /// Units read so far, for `%n`.
    count: usize,
    assigned: i32,
    /// Input has ended.
    ended: bool,
}

/// Why scanning stops.
enum Stop {
    End,
    Mismatch,
    Invalid,
}

fn is_space<U: Unit>(unit: U) -> bool {
    match unit.code() {
        9..=13 | 32 => true,
        code => U::WIDE && code >= 0x80 && ctype::wide_class(code) & ctype::SPACE != 0,
    }
}

/// Scans; the number of fields assigned, or -1 when the input ends before the first.
pub fn scan<U: Unit>(source: &mut dyn Source<U>, format: Ptr<U>, args: VaList, options: Options) -> i32 {
    if invalid::check(!format.is_null()).is_err() {
        return -1;
    }
    let mut scanner = Scanner { source, args, options, count: 0, assigned: 0, ended: false };
    match scanner.run(format) {
        Ok(()) | Err(Stop::Mismatch) => scanner.assigned,
        Err(Stop::End) => {
            if scanner.assigned > 0 {
                scanner.assigned
            } else {
                -1
            }
        }
        Err(Stop::Invalid) => {
            invalid::report(Errno::EINVAL);
            if scanner.assigned > 0 { scanner.assigned } else { -1 }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    None,
    Char,
    Short,
    Long,
    LongLong,
    Wide,
    /// `L`: 64 bits for integers, double for floats.
    LongDouble,
}

impl<U: Unit> Scanner<'_, U> {
    fn next(&mut self) -> Option<U> {
        let unit = self.source.next();
        match unit {
            Some(_) => self.count += 1,
            None => self.ended = true,
        }
        unit
    }

    fn unread(&mut self, unit: U) {
        self.count -= 1;
        self.source.unread(unit);
    }

    fn skip_space(&mut self) {
        while let Some(unit) = self.next() {
            if !is_space(unit) {
                self.unread(unit);
                break;
            }
        }
    }

    fn run(&mut self, format: Ptr<U>) -> Result<(), Stop> {
        let mut at = format;
        loop {
            let unit = at.get();
            if unit.is_nul() {
                return Ok(());
            }
            at = at.add(1);
            if is_space(unit) {
                self.skip_space();
            } else if unit.ascii() == b'%' && at.get().ascii() != b'%' {
                at = self.directive(at)?;
            } else {
                if unit.ascii() == b'%' {
                    at = at.add(1);
                    self.skip_space();
                }
                match self.next() {
                    Some(read) if read == unit => {}
                    Some(read) => {
                        self.unread(read);
                        return Err(Stop::Mismatch);
                    }
                    None => return Err(Stop::End),
                }
            }
        }
    }

    fn directive(&mut self, mut at: Ptr<U>) -> Result<Ptr<U>, Stop> {
        let peek = |at: Ptr<U>| at.get().ascii();
        let suppress = peek(at) == b'*';
        if suppress {
            at = at.add(1);
        }
        let mut width = None;
        while peek(at).is_ascii_digit() {
            width = Some(width.unwrap_or(0usize).saturating_mul(10) + usize::from(peek(at) - b'0'));
            at = at.add(1);
        }
        if width == Some(0) {
            return Err(Stop::Invalid);
        }
        let mut size = Size::None;
        loop {
            size = match peek(at) {
                b'h' if size == Size::Short => Size::Char,
                b'h' => Size::Short,
                b'l' if size == Size::Long => Size::LongLong,
                b'l' => Size::Long,
                b'w' => Size::Wide,
                b'L' => Size::LongDouble,
                b'j' | b'z' | b't' => Size::LongLong,
                b'I' if peek(at.add(1)) == b'6' && peek(at.add(2)) == b'4' => {
                    at = at.add(2);
                    Size::LongLong
                }
                b'I' if peek(at.add(1)) == b'3' && peek(at.add(2)) == b'2' => {
                    at = at.add(2);
                    Size::None
                }
                b'I' => Size::LongLong,
                _ => break,
            };
            at = at.add(1);
        }
        let kind = peek(at);
        at = at.add(1);
        let max = width.unwrap_or(usize::MAX);
        match kind {
            b'd' | b'u' => self.integer(10, max, size, suppress)?,
            b'i' => self.integer(0, max, size, suppress)?,
            b'o' => self.integer(8, max, size, suppress)?,
            b'x' | b'X' => self.integer(16, max, size, suppress)?,
            b'p' => self.integer(16, max, Size::LongLong, suppress)?,
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => self.float(max, size, suppress)?,
            b'c' | b'C' => {
                let wide = self.wants_wide(kind, size);
                self.text(&mut |_| true, width.unwrap_or(1), wide, suppress, true)?;
            }
            b's' | b'S' => {
                self.skip_space();
                let wide = self.wants_wide(kind, size);
                self.text(&mut |unit| !is_space(unit), max, wide, suppress, false)?;
            }
            b'[' => {
                let (set, end) = Set::parse(at).ok_or(Stop::Invalid)?;
                at = end;
                let wide = self.wants_wide(b's', size);
                self.text(&mut |unit| set.contains(unit), max, wide, suppress, false)?;
            }
            b'n' => {
                if !suppress {
                    let to = self.args.next_slot() as usize;
                    store(to, self.count as u64, size);
                }
            }
            _ => return Err(Stop::Invalid),
        }
        Ok(at)
    }

    fn wants_wide(&self, kind: u8, size: Size) -> bool {
        match size {
            Size::Short | Size::Char => false,
            Size::Long | Size::LongLong | Size::Wide | Size::LongDouble => true,
            Size::None => {
                let natural = U::WIDE && self.options.wide_follows;
                if kind.is_ascii_uppercase() { if U::WIDE { !natural } else { true } } else { natural }
            }
        }
    }

    fn fail(&self) -> Stop {
        if self.ended { Stop::End } else { Stop::Mismatch }
    }

    fn integer(&mut self, base: u32, max: usize, size: Size, suppress: bool) -> Result<(), Stop> {
        self.skip_space();
        let mut left = max;
        let mut base = base;
        let mut unit = self.take(&mut left);
        let negative = unit.is_some_and(|u| u.ascii() == b'-');
        if unit.is_some_and(|u| matches!(u.ascii(), b'-' | b'+')) {
            unit = self.take(&mut left);
        }
        let (mut value, mut seen) = (0u64, false);
        if matches!(base, 0 | 16) && unit.is_some_and(|u| u.ascii() == b'0') {
            seen = true;
            unit = self.take(&mut left);
            if unit.is_some_and(|u| matches!(u.ascii(), b'x' | b'X')) {
                base = 16;
                unit = self.take(&mut left);
            } else if base == 0 {
                base = 8;
            }
        } else if base == 0 {
            base = 10;
        }
        while let Some(read) = unit {
            let Some(digit) = char::from(read.ascii()).to_digit(base) else { break };
            seen = true;
            value = value.wrapping_mul(base.into()).wrapping_add(digit.into());
            unit = self.take(&mut left);
        }
        if let Some(unit) = unit {
            self.unread(unit);
        }
        if !seen {
            return Err(self.fail());
        }
        if !suppress {
            let value = if negative { value.wrapping_neg() } else { value };
            store(self.args.next_slot() as usize, value, size);
            self.assigned += 1;
        }
        Ok(())
    }

    /// The next unit of a field with `left` to go.
    fn take(&mut self, left: &mut usize) -> Option<U> {
        if *left == 0 {
            return None;
        }
        *left -= 1;
        self.next()
    }

    fn float(&mut self, max: usize, size: Size, suppress: bool) -> Result<(), Stop> {
        self.skip_space();
        let point = locale::decimal_point();
        let mut text: Vec<u8> = Vec::new();
        let mut left = max;
        let mut last = None;
        while let Some(unit) = self.take(&mut left) {
            let c = unit.ascii();
            let previous = text.last().map_or(0, u8::to_ascii_lowercase);
            let body = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(&text);
            let hex = body.len() >= 2 && body[0] == b'0' && body[1].eq_ignore_ascii_case(&b'x');
            let exponent = body.iter().any(|b| b.eq_ignore_ascii_case(if hex { &b'p' } else { &b'e' }));
            let word = body.first().is_some_and(|b| matches!(b.to_ascii_lowercase(), b'i' | b'n'));
            let fits = match c.to_ascii_lowercase() {
                b'+' | b'-' => text.is_empty() || (exponent && previous == if hex { b'p' } else { b'e' }),
                b'0'..=b'9' => !word,
                _ if c == point && c != 0 => !word && !exponent && !text.contains(&point),
                b'x' => body == b"0",
                b'e' if !hex && !word => !exponent && body.iter().any(u8::is_ascii_digit),
                b'p' if hex => !exponent && body.len() > 2,
                b'a'..=b'f' if hex => !exponent,
                letter => {
                    let mut long = body.to_ascii_lowercase();
                    long.push(letter);
                    c != 0 && (b"infinity".starts_with(&long) || b"nan".starts_with(&long))
                }
            };
            if !fits {
                last = Some(unit);
                break;
            }
            text.push(c);
        }
        if let Some(unit) = last {
            self.unread(unit);
        }
        let Some(parsed) = float::parse(&text, point) else { return Err(self.fail()) };
        if !suppress {
            let to = self.args.next_slot() as usize;
            if matches!(size, Size::Long | Size::LongLong | Size::LongDouble) {
                let value = float::to_f64(&parsed.number).0;
                Ptr::new(to).set(if parsed.negative { -value } else { value });
            } else {
                let value = float::to_f32(&parsed.number).0;
                Ptr::new(to).set(if parsed.negative { -value } else { value });
            }
            self.assigned += 1;
        }
        Ok(())
    }

    /// `%s`, `%c` and `%[`.
    fn text(&mut self, accept: &mut dyn FnMut(U) -> bool, max: usize, wide: bool, suppress: bool, exact: bool) -> Result<(), Stop> {
        let mut out = if suppress { None } else { Some(Out::new(self.args.next_slot() as usize, wide)) };
        if let (Some(out), true) = (&mut out, self.options.secure) {
            out.room = self.args.next_slot() as u32 as usize;
        }
        let mut read = 0;
        while read < max {
            let Some(unit) = self.next() else { break };
            if !accept(unit) {
                self.unread(unit);
                break;
            }
            read += 1;
            if let Some(out) = &mut out
                && out.put(unit).is_none()
            {
                out.clear();
                set_errno(Errno::ENOMEM);
                return Err(Stop::Mismatch);
            }
        }
        if read == 0 || (exact && read < max && max != usize::MAX) {
            return Err(self.fail());
        }
        if let Some(out) = &mut out {
            if !exact && out.finish().is_none() {
                out.clear();
                set_errno(Errno::ENOMEM);
                return Err(Stop::Mismatch);
            }
            self.assigned += 1;
        }
        Ok(())
    }
}

/// The buffer of a text field.
struct Out {
    start: usize,
    at: usize,
    wide: bool,
    /// Elements that still fit.
    room: usize,
    /// Bytes of a character that is not whole yet.
    pending: Vec<u8>,
}

impl Out {
    fn new(at: usize, wide: bool) -> Out {
        Out { start: at, at, wide, room: usize::MAX, pending: Vec::new() }
    }

    fn element(&mut self, code: u32) -> Option<()> {
        self.room = self.room.checked_sub(1)?;
        if self.wide {
            Ptr::new(self.at).set(code as u16);
            self.at += 2;
        } else {
            Ptr::new(self.at).set(code as u8);
            self.at += 1;
        }
        Some(())
    }

    fn put<U: Unit>(&mut self, unit: U) -> Option<()> {
        if U::WIDE == self.wide {
            return self.element(unit.code());
        }
        if U::WIDE {
            for byte in codepage::from_wide_lossy(locale::page(), &[unit.code() as u16]) {
                self.element(byte.into())?;
            }
            return Some(());
        }
        self.pending.push(unit.code() as u8);
        match codepage::decode_one(locale::page(), &self.pending) {
            Decoded::Incomplete => return Some(()),
            Decoded::Char(code, _) => {
                let mut units = [0; 2];
                for unit in char::from_u32(code).unwrap_or('\u{fffd}').encode_utf16(&mut units) {
                    self.element(u32::from(*unit))?;
                }
            }
            Decoded::Invalid => self.element(b'?'.into())?,
        }
        self.pending.clear();
        Some(())
    }

    fn finish(&mut self) -> Option<()> {
        self.element(0)
    }

    fn clear(&mut self) {
        (self.at, self.room) = (self.start, 1);
        self.element(0);
    }
}

fn store(to: usize, value: u64, size: Size) {
    match size {
        Size::Char => Ptr::new(to).set(value as u8),
        Size::Short => Ptr::new(to).set(value as u16),
        Size::LongLong | Size::LongDouble => Ptr::new(to).set(value),
        _ => Ptr::new(to).set(value as u32),
    }
}

/// `%[a-z]`.
struct Set {
    negated: bool,
    ranges: Vec<(u32, u32)>,
}

impl Set {
    /// Parses after the bracket; the set and where the format goes on.
    fn parse<U: Unit>(mut at: Ptr<U>) -> Option<(Set, Ptr<U>)> {
        let negated = at.get().ascii() == b'^';
        if negated {
            at = at.add(1);
        }
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let first = at;
        loop {
            let unit = at.get();
            if unit.is_nul() {
                return None;
            }
            at = at.add(1);
            if unit.ascii() == b']' && at.addr() != first.addr() + size_of::<U>() {
                return Some((Set { negated, ranges }, at));
            }
            let end = at.add(1).get_if(at.get().ascii() == b'-');
            match end {
                Some(end) if !end.is_nul() && end.ascii() != b']' => {
                    let (a, b) = (unit.code(), end.code());
                    ranges.push((a.min(b), a.max(b)));
                    at = at.add(2);
                }
                _ => ranges.push((unit.code(), unit.code())),
            }
        }
    }

    fn contains<U: Unit>(&self, unit: U) -> bool {
        self.ranges.iter().any(|&(a, b)| (a..=b).contains(&unit.code())) != self.negated
    }
}

/// Reads only when a condition holds.
trait GetIf<U> {
    fn get_if(self, condition: bool) -> Option<U>;
}

impl<U: Unit> GetIf<U> for Ptr<U> {
    fn get_if(self, condition: bool) -> Option<U> {
        condition.then(|| self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &str, format: &str, args: &[u64]) -> i32 {
        let (input, format) = (format!("{input}\0"), format!("{format}\0"));
        let mut source = Text { at: Ptr::of(input.as_ptr()), left: usize::MAX };
        scan(&mut source, Ptr::of(format.as_ptr()), VaList(Ptr::of(args.as_ptr())), Options { secure: false, wide_follows: true })
    }

    fn at<T>(value: &mut T) -> u64 {
        &raw mut *value as u64
    }

    #[test]
    fn numbers() {
        let (mut a, mut b, mut c) = (0i32, 0i64, 0u8);
        assert_eq!(run(" 12 -7,ff", "%d %I64d,%hhx", &[at(&mut a), at(&mut b), at(&mut c)]), 3);
        assert_eq!((a, b, c), (12, -7, 255));
        assert_eq!(run("0x1F", "%i", &[at(&mut a)]), 1);
        assert_eq!(a, 31);
        assert_eq!(run("12345", "%3d%d", &[at(&mut a), at(&mut b)]), 2);
        assert_eq!((a, b as i32), (123, 45));
        assert_eq!(run("x", "%d", &[at(&mut a)]), 0);
        assert_eq!(run("", "%d", &[at(&mut a)]), -1);
        assert_eq!(run("7 x", "%*d %n", &[at(&mut a)]), 0);
        assert_eq!(a, 2);
    }

    #[test]
    fn floats() {
        let (mut a, mut b) = (0f64, 0f32);
        assert_eq!(run("1.5e3 -2.25", "%lf%f", &[at(&mut a), at(&mut b)]), 2);
        assert_eq!((a, b), (1500.0, -2.25));
        assert_eq!(run("inf", "%lf", &[at(&mut a)]), 1);
        assert!(a.is_infinite());
    }

    #[test]
    fn text() {
        let (mut a, mut b) = ([0u8; 16], [0u8; 16]);
        assert_eq!(run("key=value rest", "%[^=]=%s", &[at(&mut a), at(&mut b)]), 2);
        assert_eq!((&a[..4], &b[..6]), (&b"key\0"[..], &b"value\0"[..]));
        assert_eq!(run("abcdef", "%3c", &[at(&mut a)]), 1);
        assert_eq!(&a[..4], b"abc\0");
        assert_eq!(run("a-z]", "%[]a-]", &[at(&mut a)]), 1);
        assert_eq!(&a[..3], b"a-\0");
        let mut wide = [0u16; 8];
        assert_eq!(run("hi there", "%ls", &[at(&mut wide)]), 1);
        assert_eq!(&wide[..3], &[104, 105, 0]);
    }
}
