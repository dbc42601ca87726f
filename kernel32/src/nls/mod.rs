//! What the NLS functions share: text arguments and results, sort keys, locales and their data.

pub mod locale;
pub mod picture;
pub mod sort;

pub use ntdll::nls::{ansi_to_wide, case, codepage, oem_to_wide, wide_to_ansi, wide_to_oem};

use abi::{PCSTR, PCWSTR, Ptr, Win32Error};

/// A counted UTF-16 argument; a negative count means up to and including the NUL.
pub fn wide_arg(text: PCWSTR, count: i32) -> Result<Vec<u16>, Win32Error> {
    if text.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if count < 0 {
        let mut text = text.read_wide()?;
        text.push(0);
        return Ok(text);
    }
    Ok(text.read_vec(count as usize)?)
}

/// A counted byte-string argument; a negative count means up to and including the NUL.
pub fn bytes_arg(text: PCSTR, count: i32) -> Result<Vec<u8>, Win32Error> {
    if text.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if count < 0 {
        let mut text = text.read_bytes()?;
        text.push(0);
        return Ok(text);
    }
    Ok(text.read_vec(count as usize)?)
}

/// A string argument that may be null.
pub fn wide_opt(text: PCWSTR) -> Result<Option<Vec<u16>>, Win32Error> {
    if text.is_null() { Ok(None) } else { Ok(Some(text.read_wide()?)) }
}

/// A NUL-terminated string in the ANSI code page, as UTF-16.
pub fn ansi_arg(text: PCSTR) -> Result<Vec<u16>, Win32Error> {
    Ok(ansi_to_wide(&text.read_bytes()?))
}

/// As [`ansi_arg`]; null stays null.
pub fn ansi_opt(text: PCSTR) -> Result<Option<Vec<u16>>, Win32Error> {
    if text.is_null() { Ok(None) } else { Ok(Some(ansi_arg(text)?)) }
}

/// Hands a result over: a capacity of 0 asks for the length.
pub fn give<T: Copy>(to: Ptr<T>, capacity: i32, text: &[T]) -> Result<i32, Win32Error> {
    let capacity = usize::try_from(capacity).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    if capacity == 0 {
        return Ok(text.len() as i32);
    }
    if to.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if text.len() > capacity {
        to.write_slice(&text[..capacity])?;
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    to.write_slice(text)?;
    Ok(text.len() as i32)
}

/// As [`give`], with a NUL at the end.
pub fn give_z(to: Ptr<u16>, capacity: i32, text: &[u16]) -> Result<i32, Win32Error> {
    let mut text = text.to_vec();
    text.push(0);
    give(to, capacity, &text)
}

/// As [`give_z`], in a code page.
pub fn give_bytes_z(to: Ptr<u8>, capacity: i32, text: &[u16], page: u32) -> Result<i32, Win32Error> {
    let mut bytes = codepage::encode_lossy(page, text);
    bytes.push(0);
    give(to, capacity, &bytes)
}

/// The `nSize` convention of GetComputerName and others: `size` is in units, holds the length (without NUL)
/// on success and the length with NUL when the buffer is too small.
pub fn give_sized<T: Copy>(to: Ptr<T>, size: Ptr<u32>, text: &[T], nul: T, too_small: Win32Error) -> Result<(), Win32Error> {
    let capacity = size.read()? as usize;
    if to.is_null() || capacity <= text.len() {
        size.write(text.len() as u32 + 1)?;
        return Err(too_small);
    }
    to.write_slice(text)?;
    to.add(text.len()).write(nul)?;
    size.write(text.len() as u32)?;
    Ok(())
}

/// The GetTempPath convention: the length without NUL when it fits, with NUL when it does not.
pub fn give_path<T: Copy>(to: Ptr<T>, capacity: u32, text: &[T], nul: T) -> Result<u32, Win32Error> {
    if to.is_null() || (capacity as usize) <= text.len() {
        return Ok(text.len() as u32 + 1);
    }
    to.write_slice(text)?;
    to.add(text.len()).write(nul)?;
    Ok(text.len() as u32)
}
