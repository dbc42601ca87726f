//! winuser.h: wsprintf, which knows fewer formats than the C runtimes and writes at most 1024 units.
//! <https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-wsprintfw>

use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, VaList, Win32Error, export};
use kernel32::nls::{ansi_to_wide, wide_to_ansi};

/// Documented: the buffer has 1024 units.
const MOST: usize = 1024;

/// What an `h`, `l`, `w` or `I64` before the type says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    None,
    Short,
    Long,
    Pointer,
    LongLong,
}

#[derive(Default)]
struct Field {
    left: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Field {
    /// Puts what stands before the digits, the digits themselves and the blanks around them.
    fn put(&self, out: &mut Vec<u16>, prefix: &str, body: &[u16], zero: bool) {
        let blanks = self.width.saturating_sub(prefix.len() + body.len());
        let fill = |unit: u8, count: usize| std::iter::repeat_n(u16::from(unit), count);
        if !self.left && !zero {
            out.extend(fill(b' ', blanks));
        }
        out.extend(prefix.encode_utf16());
        if !self.left && zero {
            out.extend(fill(b'0', blanks));
        }
        out.extend_from_slice(body);
        if self.left {
            out.extend(fill(b' ', blanks));
        }
    }

    fn number(&self, out: &mut Vec<u16>, prefix: &str, digits: &str) {
        let zeros = self.precision.unwrap_or(1).saturating_sub(digits.len());
        let body: Vec<u16> = std::iter::repeat_n(u16::from(b'0'), zeros).chain(digits.encode_utf16()).collect();
        self.put(out, prefix, &body, self.zero);
    }
}

/// The text that a format and its arguments make. `wide`: what `%s` and `%c` without a size mean.
fn format(format: &[u16], mut arguments: VaList, wide: bool) -> Result<Vec<u16>, Win32Error> {
    let mut out = Vec::new();
    let mut rest = format.iter().map(|&unit| char::from_u32(unit.into()).unwrap_or('\u{fffd}')).zip(format).peekable();
    while let Some((c, &unit)) = rest.next() {
        if c != '%' {
            out.push(unit);
            continue;
        }
        let mut field = Field::default();
        while let Some((flag, _)) = rest.next_if(|(c, _)| matches!(c, '-' | '#' | '0')) {
            match flag {
                '-' => field.left = true,
                '#' => field.alternate = true,
                _ => field.zero = true,
            }
        }
        field.width = digits(&mut rest).unwrap_or(0).min(MOST);
        if rest.next_if(|(c, _)| *c == '.').is_some() {
            field.precision = Some(digits(&mut rest).unwrap_or(0).min(MOST));
        }
        let mut size = Size::None;
        while let Some((c, _)) = rest.next_if(|(c, _)| matches!(c, 'h' | 'l' | 'w' | 'I')) {
            size = match (c, size) {
                ('h', _) => Size::Short,
                ('l', Size::Long) => Size::LongLong,
                ('I', _) => match digits(&mut rest) {
                    Some(64) => Size::LongLong,
                    Some(_) => Size::Long,
                    None => Size::Pointer,
                },
                _ => Size::Long,
            };
        }
        let Some((kind, &unit)) = rest.next() else { break };
        let is_wide = match (size, kind) {
            (Size::Short, _) => false,
            (Size::Long, _) => true,
            (_, 'S' | 'C') => !wide,
            _ => wide,
        };
        let mut integer = |signed: bool| -> i64 {
            let slot = arguments.next_slot();
            match (size, signed) {
                (Size::LongLong | Size::Pointer, _) => slot as i64,
                (Size::Short, true) => (slot as i16).into(),
                (Size::Short, false) => (slot as u16).into(),
                (_, true) => (slot as i32).into(),
                (_, false) => (slot as u32).into(),
            }
        };
        match kind {
            'd' | 'i' => {
                let value = integer(true);
                field.number(&mut out, if value < 0 { "-" } else { "" }, &value.unsigned_abs().to_string());
            }
            'u' => field.number(&mut out, "", &(integer(false) as u64).to_string()),
            'x' => field.number(&mut out, if field.alternate { "0x" } else { "" }, &format!("{:x}", integer(false))),
            'X' => field.number(&mut out, if field.alternate { "0X" } else { "" }, &format!("{:X}", integer(false))),
            'p' => field.number(&mut out, "", &format!("{:016X}", arguments.next_slot())),
            'c' | 'C' => {
                let slot = arguments.next_slot();
                let text = if is_wide { vec![slot as u16] } else { ansi_to_wide(&[slot as u8]) };
                field.put(&mut out, "", &text, false);
            }
            's' | 'S' => {
                let text = string(arguments.next_slot() as usize, is_wide, field.precision)?;
                field.put(&mut out, "", &text, field.zero);
            }
            // Documented: what is no type is printed.
            _ => out.push(unit),
        }
    }
    Ok(out)
}

fn digits<'a>(rest: &mut std::iter::Peekable<impl Iterator<Item = (char, &'a u16)>>) -> Option<usize> {
    let mut value = None;
    while let Some((digit, _)) = rest.next_if(|(c, _)| c.is_ascii_digit()) {
        value = Some(value.unwrap_or(0usize).saturating_mul(10).saturating_add(digit as usize - '0' as usize));
    }
    value
}

/// A text argument; no more of it is read than the precision allows.
fn string(at: usize, is_wide: bool, precision: Option<usize>) -> Result<Vec<u16>, Win32Error> {
    let most = precision.unwrap_or(usize::MAX);
    if at == 0 {
        return Ok(abi::wide::wide("(null)").into_iter().take(most).collect());
    }
    if is_wide {
        let text = Ptr::<u16>::new(at);
        let len = (0..most.min(MOST)).find(|&at| text.add(at).get() == 0).unwrap_or(most.min(MOST));
        return Ok(text.read_vec(len)?);
    }
    let text = Ptr::<u8>::new(at);
    let len = (0..most.min(MOST)).find(|&at| text.add(at).get() == 0).unwrap_or(most.min(MOST));
    Ok(ansi_to_wide(&text.read_vec(len)?))
}

fn print_w(to: PWSTR, text: PCWSTR, arguments: VaList) -> Result<i32, Win32Error> {
    let mut out = format(&text.read_wide()?, arguments, true)?;
    out.truncate(MOST - 1);
    to.write_slice(&out)?;
    to.add(out.len()).write(0)?;
    Ok(out.len() as i32)
}

fn print_a(to: PSTR, text: PCSTR, arguments: VaList) -> Result<i32, Win32Error> {
    let mut out = wide_to_ansi(&format(&ansi_to_wide(&text.read_bytes()?), arguments, false)?);
    out.truncate(MOST - 1);
    to.write_slice(&out)?;
    to.add(out.len()).write(0)?;
    Ok(out.len() as i32)
}

/// Writes formatted text.
#[export(user32, full)]
pub fn wsprintfW(to: PWSTR, text: PCWSTR, arguments: VaList) -> Result<i32, Win32Error> {
    print_w(to, text, arguments)
}

/// Writes formatted text.
#[export(user32, full)]
pub fn wsprintfA(to: PSTR, text: PCSTR, arguments: VaList) -> Result<i32, Win32Error> {
    print_a(to, text, arguments)
}

/// Writes formatted text.
#[export(user32, full)]
pub fn wvsprintfW(to: PWSTR, text: PCWSTR, arguments: Ptr<u64>) -> Result<i32, Win32Error> {
    print_w(to, text, VaList(arguments))
}

/// Writes formatted text.
#[export(user32, full)]
pub fn wvsprintfA(to: PSTR, text: PCSTR, arguments: Ptr<u64>) -> Result<i32, Win32Error> {
    print_a(to, text, VaList(arguments))
}
