//! Reading and writing descriptors, with the translation of text mode.
//! <https://learn.microsoft.com/cpp/c-runtime-library/text-and-binary-mode-file-i-o>

use super::table::{self, APPEND, CRLF, DEVICE, EOF, Encoding, PIPE, Row, TEXT};
use crate::errno::Errno;
use crate::raw;
use crate::sys;
use abi::{Ptr, Win32Error};

const CTRL_Z: u8 = 26;

fn system(error: Win32Error) -> Errno {
    match error.0 {
        // ERROR_ACCESS_DENIED here means that the handle was not opened for this.
        5 => {
            let _ = Errno::from(error);
            Errno::EBADF
        }
        109 => Errno::EPIPE,
        _ => error.into(),
    }
}

/// Reads up to `len` bytes, fewer when text mode drops some. 0 at the end.
pub fn read(fd: i32, to: Ptr<u8>, len: usize) -> Result<usize, Errno> {
    let row = table::open_row(fd)?;
    if len == 0 || row.has(EOF) {
        return Ok(0);
    }
    if !row.has(TEXT) {
        let mut got = 0;
        if row.ahead() != b'\n' {
            to.set(row.ahead());
            row.set_ahead(b'\n');
            got = 1;
        }
        if got == len || (got == 1 && row.has(PIPE | DEVICE)) {
            return Ok(got);
        }
        return Ok(got + sys::read(row.handle(), to.addr() + got, len - got).map_err(system)?);
    }
    match row.encoding() {
        Encoding::Ansi => read_text(row, to, len),
        Encoding::Utf8 => read_utf8(row, to, len),
        Encoding::Utf16 => read_utf16(row, to, len),
    }
}

/// Drops the CR of CR LF; stops at Ctrl-Z.
fn read_text(row: Row, to: Ptr<u8>, len: usize) -> Result<usize, Errno> {
    let mut got = 0;
    if row.ahead() != b'\n' {
        to.set(row.ahead());
        row.set_ahead(b'\n');
        got = 1;
    }
    if !(got == len || (got == 1 && row.has(PIPE | DEVICE))) {
        got += sys::read(row.handle(), to.addr() + got, len - got).map_err(system)?;
    }
    if got == 0 {
        return Ok(0);
    }
    row.mark(CRLF, to.get() == b'\n');
    let (mut from, mut out) = (0, 0);
    while from < got {
        let byte = to.add(from).get();
        from += 1;
        match byte {
            CTRL_Z => {
                if row.has(DEVICE) {
                    // Typed at a terminal it ends this input only.
                    break;
                }
                row.mark(EOF, true);
                break;
            }
            b'\r' if from < got => {
                if to.add(from).get() == b'\n' {
                    row.mark(CRLF, true);
                    from += 1;
                    to.add(out).set(b'\n');
                } else {
                    to.add(out).set(b'\r');
                }
                out += 1;
            }
            b'\r' => {
                to.add(out).set(after_cr(row));
                out += 1;
            }
            _ => {
                to.add(out).set(byte);
                out += 1;
            }
        }
    }
    Ok(out)
}

/// A CR was the last byte read: looks at the next one to tell what the CR stands for.
fn after_cr(row: Row) -> u8 {
    let mut next = [0u8];
    match sys::read_into(row.handle(), &mut next) {
        Ok(1) if next[0] == b'\n' => {
            row.mark(CRLF, true);
            b'\n'
        }
        Ok(1) => {
            if row.has(PIPE | DEVICE) || sys::seek(row.handle(), -1, 1).is_err() {
                row.set_ahead(next[0]);
            }
            b'\r'
        }
        _ => b'\r',
    }
}

/// UTF-8 in the file, UTF-16 for the program.
fn read_utf8(row: Row, to: Ptr<u8>, len: usize) -> Result<usize, Errno> {
    let mut bytes = vec![0u8; (len / 2).max(4)];
    let mut got = sys::read_into(row.handle(), &mut bytes).map_err(system)?;
    // The rest of a character that was cut, byte by byte.
    while got > 0 && incomplete(&bytes[..got]) {
        let mut next = [0u8];
        if sys::read_into(row.handle(), &mut next).map_err(system)? == 0 {
            break;
        }
        bytes.truncate(got);
        bytes.push(next[0]);
        got += 1;
    }
    let text: Vec<u16> = String::from_utf8_lossy(&bytes[..got]).encode_utf16().collect();
    put_wide(row, to, len, text)
}

/// Whether the bytes end within a character.
fn incomplete(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(e) if e.error_len().is_none())
}

fn read_utf16(row: Row, to: Ptr<u8>, len: usize) -> Result<usize, Errno> {
    let mut bytes = vec![0u8; len.max(2) & !1];
    let mut got = sys::read_into(row.handle(), &mut bytes).map_err(system)?;
    if got % 2 == 1 {
        got += sys::read_into(row.handle(), &mut bytes[got..got + 1]).map_err(system)?;
    }
    let text = bytes[..got & !1].chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]])).collect();
    put_wide(row, to, len, text)
}

fn put_wide(row: Row, to: Ptr<u8>, len: usize, mut text: Vec<u16>) -> Result<usize, Errno> {
    if let Some(end) = text.iter().position(|&u| u == u16::from(CTRL_Z)) {
        text.truncate(end);
        row.mark(EOF, !row.has(DEVICE));
    }
    let mut out = Vec::with_capacity(text.len());
    for (i, &unit) in text.iter().enumerate() {
        if unit == 13 && text.get(i + 1) == Some(&10) {
            row.mark(CRLF, true);
            continue;
        }
        out.push(unit);
    }
    out.truncate(len / 2);
    raw::put(to.cast(), &out);
    Ok(out.len() * 2)
}

/// Writes; the number of the caller's bytes that were written.
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    let row = table::open_row(fd)?;
    if bytes.is_empty() {
        return Ok(0);
    }
    if row.has(APPEND) {
        let _ = sys::seek(row.handle(), 0, 2);
    }
    if !row.has(TEXT) {
        let done = sys::write(row.handle(), bytes).map_err(system)?;
        return if done == 0 { Err(Errno::ENOSPC) } else { Ok(done) };
    }
    let translated = match row.encoding() {
        Encoding::Ansi => expand(bytes),
        Encoding::Utf8 | Encoding::Utf16 => {
            if bytes.len() % 2 != 0 {
                return Err(crate::invalid::report(Errno::EINVAL));
            }
            let mut text = Vec::with_capacity(bytes.len() / 2);
            for pair in bytes.chunks_exact(2) {
                let unit = u16::from_le_bytes([pair[0], pair[1]]);
                if unit == 10 {
                    text.push(13);
                }
                text.push(unit);
            }
            if row.encoding() == Encoding::Utf8 { abi::wide::to_wtf8(&text) } else { text.iter().flat_map(|u| u.to_le_bytes()).collect() }
        }
    };
    let done = sys::write(row.handle(), &translated).map_err(system)?;
    if done == 0 {
        return Err(Errno::ENOSPC);
    }
    Ok(if done == translated.len() { bytes.len() } else { done.min(bytes.len()) })
}

/// LF becomes CR LF.
fn expand(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 16);
    for &byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}
