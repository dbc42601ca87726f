//! FormatMessage: message texts and their inserts.
//! <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-formatmessagew>

use crate::nls::{ansi_to_wide, wide_to_ansi};
use abi::wide::wide;
use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use windows_sys::Win32::System::Diagnostics::Debug::*;

/// The system's text for an error code, or for an HRESULT that carries one.
pub fn system_text(code: u32) -> Option<&'static str> {
    let find = |code: u32| {
        include_str!("nls/messages.txt").lines().filter_map(|line| line.split_once(' ')).find(|(number, _)| number.parse() == Ok(code))
    };
    let text = find(code).or_else(|| if code >> 16 == 0x8007 { find(code & 0xffff) } else { None });
    text.map(|(_, text)| text)
}

/// The text for an NTSTATUS, which ntdll's message table has.
pub fn status_text(status: u32) -> Option<&'static str> {
    let lines = include_str!("nls/status_messages.txt").lines().filter_map(|line| line.split_once(' '));
    lines.into_iter().find(|(number, _)| u32::from_str_radix(number, 16) == Ok(status)).map(|(_, text)| text)
}

/// Where inserts come from.
enum Arguments {
    None,
    /// A va_list or an array: one slot each.
    Slots(Ptr<u64>),
}

impl Arguments {
    fn slot(&self, index: usize) -> Result<u64, Win32Error> {
        match self {
            Arguments::None => Err(Win32Error::INVALID_PARAMETER),
            Arguments::Slots(at) => Ok(at.add(index).read()?),
        }
    }
}

/// One insert: `%n` or `%n!format!`, as printf does it. `next` is the index of the argument that follows
/// (for `*`).
fn insert(out: &mut Vec<u16>, index: usize, format: &str, arguments: &Arguments, ansi: bool) -> Result<(), Win32Error> {
    let mut at = index;
    let mut chars = format.chars().peekable();
    let (mut left, mut zero, mut plus, mut alternate, mut space) = (false, false, false, false, false);
    while let Some(&c) = chars.peek() {
        match c {
            '-' => left = true,
            '0' => zero = true,
            '+' => plus = true,
            '#' => alternate = true,
            ' ' => space = true,
            _ => break,
        }
        chars.next();
    }
    let number = |chars: &mut std::iter::Peekable<std::str::Chars>, at: &mut usize| -> Result<Option<usize>, Win32Error> {
        if chars.peek() == Some(&'*') {
            chars.next();
            let value = arguments.slot(*at)? as i32;
            *at += 1;
            return Ok(Some(value.unsigned_abs() as usize));
        }
        let mut digits = String::new();
        while let Some(&c) = chars.peek().filter(|c| c.is_ascii_digit()) {
            digits.push(c);
            chars.next();
        }
        Ok(digits.parse().ok())
    };
    let width = number(&mut chars, &mut at)?.unwrap_or(0).min(0xffff);
    let precision = if chars.peek() == Some(&'.') {
        chars.next();
        Some(number(&mut chars, &mut at)?.unwrap_or(0))
    } else {
        None
    };
    let rest: String = chars.collect();
    let value = arguments.slot(at)?;
    let (size, kind) = match rest.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        Some(size) => (size, rest.chars().last().unwrap_or('s')),
        None => ("", 's'),
    };
    let wide_size = matches!(size, "I64" | "ll" | "I");
    let signed = if wide_size { value as i64 } else { i64::from(value as i32) };
    let unsigned = if wide_size { value } else { u64::from(value as u32) };
    let text: Vec<u16> = match kind {
        's' | 'S' => {
            let is_ansi = match (size, kind) {
                ("h", _) => true,
                ("l" | "w", _) => false,
                (_, 's') => ansi,
                _ => !ansi,
            };
            let mut text = match value {
                0 => wide("(null)"),
                address if is_ansi => ansi_to_wide(&PCSTR::new(address as usize).read_bytes()?),
                address => PCWSTR::new(address as usize).read_wide()?,
            };
            text.truncate(precision.unwrap_or(usize::MAX));
            text
        }
        'c' | 'C' => vec![value as u16],
        'd' | 'i' => {
            let digits = format!("{:0>width$}", signed.unsigned_abs(), width = precision.unwrap_or(0));
            let sign = match signed {
                ..0 => "-",
                _ if plus => "+",
                _ if space => " ",
                _ => "",
            };
            let fill = if zero && !left { width.saturating_sub(digits.len() + sign.len()) } else { 0 };
            wide(&format!("{sign}{}{digits}", "0".repeat(fill)))
        }
        'u' | 'x' | 'X' | 'o' | 'p' => {
            let (digits, prefix) = match kind {
                'x' => (format!("{unsigned:x}"), if alternate { "0x" } else { "" }),
                'X' => (format!("{unsigned:X}"), if alternate { "0X" } else { "" }),
                'o' => (format!("{unsigned:o}"), ""),
                'p' => (format!("{value:016X}"), ""),
                _ => (unsigned.to_string(), ""),
            };
            let digits = format!("{digits:0>width$}", width = precision.unwrap_or(0));
            let fill = if zero && !left { width.saturating_sub(digits.len() + prefix.len()) } else { 0 };
            wide(&format!("{prefix}{}{digits}", "0".repeat(fill)))
        }
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    let pad = vec![0x20u16; width.saturating_sub(text.len())];
    if left {
        out.extend(text);
        out.extend(pad);
    } else {
        out.extend(pad);
        out.extend(text);
    }
    Ok(())
}

/// Puts the inserts into a message; `%n` and line breaks after the rules of the documentation.
fn expand(flags: u32, message: &[u16], arguments: &Arguments, ansi: bool) -> Result<Vec<u16>, Win32Error> {
    let width = flags & 0xff;
    let unit = |c: char| c as u16;
    let mut out: Vec<u16> = Vec::with_capacity(message.len());
    let mut at = 0;
    while at < message.len() {
        let c = message[at];
        at += 1;
        if c == unit('\r') || c == unit('\n') {
            if c == unit('\r') && message.get(at) == Some(&unit('\n')) {
                at += 1;
            }
            if width == 0 {
                out.extend(wide("\r\n"))
            } else {
                out.push(unit(' '))
            }
            continue;
        }
        if c != unit('%') || at >= message.len() {
            out.push(c);
            continue;
        }
        let next = message[at];
        at += 1;
        match u8::try_from(next).unwrap_or(0) {
            b'1'..=b'9' if flags & FORMAT_MESSAGE_IGNORE_INSERTS != 0 => out.extend([c, next]),
            b'1'..=b'9' => {
                let mut index = usize::from(next - unit('0'));
                if let Some(&digit @ 0x30..=0x39) = message.get(at) {
                    index = index * 10 + usize::from(digit - 0x30);
                    at += 1;
                }
                let mut format = String::from("s");
                if message.get(at) == Some(&unit('!'))
                    && let Some(end) = message[at + 1..].iter().position(|&c| c == unit('!'))
                {
                    format = String::from_utf16_lossy(&message[at + 1..at + 1 + end]);
                    at += end + 2;
                }
                insert(&mut out, index - 1, &format, arguments, ansi)?;
            }
            b'0' => break,
            b'n' => out.extend(wide("\r\n")),
            b'r' => out.push(unit('\r')),
            b't' => out.push(unit('\t')),
            b'b' | b' ' => out.push(unit(' ')),
            _ => out.push(next),
        }
    }
    if width != 0 && width != 0xff {
        out = wrap(&out, width as usize);
    }
    Ok(out)
}

/// Breaks lines at blanks, so that they are no longer than `width`.
fn wrap(text: &[u16], width: usize) -> Vec<u16> {
    let mut out = Vec::with_capacity(text.len());
    for (index, line) in text.split(|&unit| unit == 0x0a).enumerate() {
        if index > 0 {
            out.push(0x0a);
        }
        let mut column = 0;
        for (index, word) in line.split(|&unit| unit == 0x20).enumerate() {
            if index > 0 {
                if column + 1 + word.len() > width {
                    out.extend([0x0d, 0x0a]);
                    column = 0;
                } else {
                    out.push(0x20);
                    column += 1;
                }
            }
            out.extend_from_slice(word);
            column += word.len();
        }
    }
    out
}

/// The message table of a module: RT_MESSAGETABLE, resource 1.
/// <https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-message_resource_data>
fn module_text(module: usize, code: u32) -> Result<Option<Vec<u16>>, Win32Error> {
    let Some(module) = (if module == 0 { ntdll::ldr::program() } else { ntdll::ldr::module_at(module) }) else {
        return Ok(None);
    };
    if module.builtin.is_some() {
        let name = String::from_utf16_lossy(&module.name).to_ascii_lowercase();
        let text = if name == "ntdll.dll" { status_text(code) } else { system_text(code) };
        return Ok(text.map(|text| wide(&format!("{text}\r\n"))));
    }
    let Some((address, _)) =
        crate::resources::find_data(module.base, &crate::resources::Id::Number(11), &crate::resources::Id::Number(1), None)
    else {
        return Ok(None);
    };
    let blocks = Ptr::<u32>::new(address).read()?;
    for block in 0..blocks as usize {
        let [low, high, offset] = Ptr::<[u32; 3]>::new(address + 4 + block * 12).read()?;
        if !(low..=high).contains(&code) {
            continue;
        }
        let mut entry = address + offset as usize;
        for _ in low..code {
            entry += usize::from(Ptr::<u16>::new(entry).read()?.max(4));
        }
        let [length, flags] = Ptr::<[u16; 2]>::new(entry).read()?;
        let len = usize::from(length).saturating_sub(4);
        let mut text = if flags & 1 != 0 {
            Ptr::<u16>::new(entry + 4).read_vec(len / 2)?
        } else {
            ansi_to_wide(&Ptr::<u8>::new(entry + 4).read_vec(len)?)
        };
        while text.last() == Some(&0) {
            text.pop();
        }
        return Ok(Some(text));
    }
    Ok(None)
}

fn message(flags: u32, source: usize, code: u32, arguments: Ptr<u64>, ansi: bool) -> Result<Vec<u16>, Win32Error> {
    let text = if flags & FORMAT_MESSAGE_FROM_STRING != 0 {
        if source == 0 {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        if ansi { ansi_to_wide(&PCSTR::new(source).read_bytes()?) } else { PCWSTR::new(source).read_wide()? }
    } else {
        let mut text = None;
        if flags & FORMAT_MESSAGE_FROM_HMODULE != 0 {
            text = module_text(source, code)?;
        }
        if text.is_none() && flags & FORMAT_MESSAGE_FROM_SYSTEM != 0 {
            text = system_text(code).map(|text| wide(&format!("{text}\r\n")));
        }
        if flags & (FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_FROM_SYSTEM) == 0 {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        text.ok_or(Win32Error::MR_MID_NOT_FOUND)?
    };
    let arguments = match arguments.non_null() {
        None => Arguments::None,
        Some(at) if flags & FORMAT_MESSAGE_ARGUMENT_ARRAY != 0 => Arguments::Slots(at),
        // A pointer to a va_list, which is the address of the slots.
        Some(at) => Arguments::Slots(Ptr::new(at.read()? as usize)),
    };
    expand(flags, &text, &arguments, ansi)
}

fn give<T: Copy + Default>(flags: u32, to: Ptr<T>, size: u32, text: &[T]) -> Result<u32, Win32Error> {
    let bytes = (text.len() + 1) * size_of::<T>();
    if flags & FORMAT_MESSAGE_ALLOCATE_BUFFER != 0 {
        if to.is_null() {
            return Err(Win32Error::NOT_ENOUGH_MEMORY);
        }
        // LocalAlloc(LMEM_FIXED): a block of the process heap.
        let block: Ptr<T> = ntdll::heap::allocate(ntdll::heap::process_heap(), 0, bytes.max(size as usize * size_of::<T>())).cast();
        if block.is_null() {
            return Err(Win32Error::NOT_ENOUGH_MEMORY);
        }
        block.write_slice(text)?;
        block.add(text.len()).write(T::default())?;
        to.cast::<usize>().write(block.addr())?;
    } else {
        if text.len() >= size as usize {
            return Err(Win32Error::INSUFFICIENT_BUFFER);
        }
        to.write_slice(text)?;
        to.add(text.len()).write(T::default())?;
    }
    if text.is_empty() {
        abi::teb::set_last_error(Win32Error::SUCCESS);
    }
    Ok(text.len() as u32)
}

/// The text of a message.
#[export(kernel32, partial("messages are in English; about 250 of the system's"))]
pub fn FormatMessageW(
    flags: u32,
    source: usize,
    code: u32,
    _language: u32,
    to: PWSTR,
    size: u32,
    arguments: Ptr<u64>,
) -> Result<u32, Win32Error> {
    give(flags, to, size, &message(flags, source, code, arguments, false)?)
}

/// The text of a message, in the ANSI code page.
#[export(kernel32, partial("messages are in English; about 250 of the system's"))]
pub fn FormatMessageA(
    flags: u32,
    source: usize,
    code: u32,
    _language: u32,
    to: PSTR,
    size: u32,
    arguments: Ptr<u64>,
) -> Result<u32, Win32Error> {
    give(flags, to, size, &wide_to_ansi(&message(flags, source, code, arguments, true)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_inserts() {
        assert_eq!(system_text(2), Some("The system cannot find the file specified."));
        assert_eq!(system_text(0x8007_0005), Some("Access is denied."));
        let name = wide("world\0");
        let slots = [name.as_ptr() as u64, 42, -7i64 as u64];
        let arguments = Arguments::Slots(Ptr::of(slots.as_ptr()));
        let text = expand(0, &wide("hello %1, %2!05d! %3!d! %2!#x! 100%%%0 rest"), &arguments, false).unwrap();
        assert_eq!(String::from_utf16_lossy(&text), "hello world, 00042 -7 0x2a 100%");
        let ignore = expand(FORMAT_MESSAGE_IGNORE_INSERTS, &wide("a %1 b%n"), &Arguments::None, false).unwrap();
        assert_eq!(String::from_utf16_lossy(&ignore), "a %1 b\r\n");
    }
}
