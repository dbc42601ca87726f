//! Counted strings: UNICODE_STRING and its conversions.

use crate::file::UnicodeString;
use crate::ldr::AnsiString;
use crate::nls::case;
use crate::{heap, nls};
use abi::{NTSTATUS, PCSTR, PCWSTR, Ptr, export};

/// The address of the PEB.
#[export(ntdll, full)]
pub fn RtlGetCurrentPeb() -> usize {
    crate::process::peb()
}

/// Describes a NUL-terminated string.
#[export(ntdll, full)]
pub fn RtlInitUnicodeString(to: Ptr<UnicodeString>, text: PCWSTR) {
    let len = if text.is_null() { 0 } else { text.read_wide().map_or(0, |t| t.len()) };
    let bytes = (len * 2).min(0xfffc) as u16;
    to.set(UnicodeString { length: bytes, maximum: if text.is_null() { 0 } else { bytes + 2 }, buffer: text });
}

/// The same, refusing strings that are too long.
#[export(ntdll, full)]
pub fn RtlInitUnicodeStringEx(to: Ptr<UnicodeString>, text: PCWSTR) -> Result<(), NTSTATUS> {
    if !text.is_null() && text.read_wide()?.len() > 0x7ffe {
        return Err(NTSTATUS::NAME_TOO_LONG);
    }
    RtlInitUnicodeString(to, text);
    Ok(())
}

/// Describes a NUL-terminated byte string.
#[export(ntdll, full)]
pub fn RtlInitAnsiString(to: Ptr<AnsiString>, text: PCSTR) {
    let len = if text.is_null() { 0 } else { text.read_bytes().map_or(0, |t| t.len()) } as u16;
    to.set(AnsiString { length: len, maximum: if text.is_null() { 0 } else { len + 1 }, buffer: text });
}

/// Frees a string made by a conversion.
#[export(ntdll, full)]
pub fn RtlFreeUnicodeString(text: Ptr<UnicodeString>) {
    heap::free(heap::process_heap(), text.get().buffer.cast());
    text.set(UnicodeString::default());
}

/// Frees a string made by a conversion.
#[export(ntdll, full)]
pub fn RtlFreeAnsiString(text: Ptr<AnsiString>) {
    heap::free(heap::process_heap(), text.get().buffer);
    text.set(AnsiString { length: 0, maximum: 0, buffer: Ptr::NULL });
}

fn read(text: Ptr<UnicodeString>) -> Vec<u16> {
    text.get().read().unwrap_or_default()
}

/// Whether two strings are equal.
#[export(ntdll, full)]
pub fn RtlEqualUnicodeString(a: Ptr<UnicodeString>, b: Ptr<UnicodeString>, ignore_case: bool) -> bool {
    let (a, b) = (read(a), read(b));
    if ignore_case { case::equal(&a, &b) } else { a == b }
}

/// Compares two strings.
#[export(ntdll, full)]
pub fn RtlCompareUnicodeString(a: Ptr<UnicodeString>, b: Ptr<UnicodeString>, ignore_case: bool) -> i32 {
    let (a, b) = (read(a), read(b));
    if ignore_case { case::compare(&a, &b) as i32 } else { a.cmp(&b) as i32 }
}

/// Upper case of a character.
#[export(ntdll, full)]
pub fn RtlUpcaseUnicodeChar(unit: u16) -> u16 {
    case::upper(unit)
}

/// Lower case of a character.
#[export(ntdll, full)]
pub fn RtlDowncaseUnicodeChar(unit: u16) -> u16 {
    case::lower(unit)
}

/// Converts from the ANSI code page.
#[export(ntdll, full)]
pub fn RtlAnsiStringToUnicodeString(to: Ptr<UnicodeString>, from: Ptr<AnsiString>, allocate: bool) -> Result<(), NTSTATUS> {
    let source = from.read()?;
    let text = nls::ansi_to_wide(&source.buffer.read_vec(source.length.into())?);
    let bytes = text.len() * 2;
    let mut target = to.read()?;
    if allocate {
        target.buffer = heap::allocate(heap::process_heap(), 0, bytes + 2).cast();
        target.maximum = (bytes + 2) as u16;
    } else if usize::from(target.maximum) < bytes + 2 {
        return Err(NTSTATUS::BUFFER_OVERFLOW);
    }
    target.length = bytes as u16;
    target.buffer.write_slice(&text)?;
    target.buffer.add(text.len()).write(0)?;
    Ok(to.write(target)?)
}

/// Converts to the ANSI code page.
#[export(ntdll, full)]
pub fn RtlUnicodeStringToAnsiString(to: Ptr<AnsiString>, from: Ptr<UnicodeString>, allocate: bool) -> Result<(), NTSTATUS> {
    let text = nls::wide_to_ansi(&from.read()?.read()?);
    let mut target = to.read()?;
    if allocate {
        target.buffer = heap::allocate(heap::process_heap(), 0, text.len() + 1);
        target.maximum = (text.len() + 1) as u16;
    } else if usize::from(target.maximum) < text.len() + 1 {
        return Err(NTSTATUS::BUFFER_OVERFLOW);
    }
    target.length = text.len() as u16;
    target.buffer.write_slice(&text)?;
    target.buffer.add(text.len()).write(0)?;
    Ok(to.write(target)?)
}
