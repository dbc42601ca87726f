//! The console behind consoleapi.h, consoleapi2.h and wincon.h: a terminal.
//!
//! A console handle is a file object on a terminal. Modes, code pages and attributes are kept here;
//! input modes are carried over to the terminal and undone when the process ends.

use abi::{HANDLE, NTSTATUS, Win32Error};
use ntdll::file::{File, Kind};
use ntdll::object;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use windows_sys::Win32::System::Console::*;

/// What a console is set to.
pub struct State {
    pub input_mode: u32,
    pub output_mode: u32,
    pub attributes: u16,
    pub cursor: (i16, i16),
    pub cursor_size: u32,
    pub cursor_visible: bool,
    pub title: Vec<u16>,
    /// Input records that were decoded and not read.
    pub events: VecDeque<Event>,
    /// Characters of a line that were not read.
    pub line: VecDeque<u16>,
    /// Bytes of an unfinished character or key sequence.
    pub bytes: Vec<u8>,
    /// The other half of a character that was written.
    pub high_surrogate: Option<u16>,
    attached: bool,
}

pub static STATE: Mutex<State> = Mutex::new(State {
    input_mode: ENABLE_PROCESSED_INPUT
        | ENABLE_LINE_INPUT
        | ENABLE_ECHO_INPUT
        | ENABLE_MOUSE_INPUT
        | ENABLE_INSERT_MODE
        | ENABLE_QUICK_EDIT_MODE
        | ENABLE_EXTENDED_FLAGS,
    output_mode: ENABLE_PROCESSED_OUTPUT | ENABLE_WRAP_AT_EOL_OUTPUT,
    attributes: 7,
    cursor: (0, 0),
    cursor_size: 25,
    cursor_visible: true,
    title: Vec::new(),
    events: VecDeque::new(),
    line: VecDeque::new(),
    bytes: Vec::new(),
    high_surrogate: None,
    attached: true,
});

/// The terminal speaks UTF-8, so that is what bytes mean until the program says otherwise.
pub static INPUT_PAGE: AtomicU32 = AtomicU32::new(65001);
pub static OUTPUT_PAGE: AtomicU32 = AtomicU32::new(65001);

/// The file object of a console handle; other handles are invalid, as on Windows.
pub fn file(handle: HANDLE) -> Result<Arc<File>, Win32Error> {
    // The pseudo handles of old (3, 7, 11) do not exist.
    let file: Arc<File> = object::get(handle, 0).map_err(|_| Win32Error::INVALID_HANDLE)?;
    if file.kind == Kind::Console { Ok(file) } else { Err(Win32Error::INVALID_HANDLE) }
}

/// A console handle that can be read from: an input buffer. Standard handles may be open for both ways.
pub fn is_input(handle: HANDLE, file: &File) -> bool {
    if handle == ntdll::process::standard_handle(0) {
        return true;
    }
    if handle == ntdll::process::standard_handle(1) || handle == ntdll::process::standard_handle(2) {
        return false;
    }
    // Both CONIN$ and CONOUT$ may be open for reading and writing: what they were opened as is in the path.
    file.access & ntdll::access::FILE_READ_DATA != 0 && file.access & ntdll::access::FILE_WRITE_DATA == 0
}

pub fn output(handle: HANDLE) -> Result<Arc<File>, Win32Error> {
    file(handle)
}

pub fn is_attached() -> bool {
    STATE.lock().attached
}

pub fn set_attached(attached: bool) -> bool {
    std::mem::replace(&mut STATE.lock().attached, attached)
}

/// Writes bytes as they are.
pub fn write_raw(file: &File, bytes: &[u8]) -> Result<(), Win32Error> {
    file.write(bytes.as_ptr() as usize, bytes.len(), None)?;
    Ok(())
}

/// Writes UTF-16; a surrogate pair may come in two calls.
pub fn write_wide(file: &File, text: &[u16]) -> Result<(), Win32Error> {
    let mut whole;
    let mut text = text;
    {
        let mut state = STATE.lock();
        if let Some(high) = state.high_surrogate.take() {
            whole = vec![high];
            whole.extend_from_slice(text);
            text = &whole;
        }
        if let Some((&last, rest)) = text.split_last()
            && (0xd800..0xdc00).contains(&last)
        {
            state.high_surrogate = Some(last);
            text = rest;
        }
        track_cursor(&mut state, text);
    }
    write_raw(file, String::from_utf16_lossy(text).as_bytes())
}

/// Keeps a rough idea of the column.
fn track_cursor(state: &mut State, text: &[u16]) {
    for &unit in text {
        match unit {
            0x0a => state.cursor = (0, state.cursor.1.saturating_add(1)),
            0x0d => state.cursor.0 = 0,
            0x08 => state.cursor.0 = (state.cursor.0 - 1).max(0),
            0x20.. => state.cursor.0 = state.cursor.0.saturating_add(1),
            _ => {}
        }
    }
}

/// Columns and rows of a terminal.
pub fn size(file: &File) -> (i16, i16) {
    match host::terminal::size(file.fd()) {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.min(i16::MAX as u16) as i16, rows.min(i16::MAX as u16) as i16),
        _ => (80, 25),
    }
}

/// Carries input modes over to the terminal.
pub fn apply_input_mode(file: &File, mode: u32) -> Result<(), Win32Error> {
    let input = host::terminal::Input {
        lines: mode & ENABLE_LINE_INPUT != 0,
        echo: mode & ENABLE_ECHO_INPUT != 0 && mode & ENABLE_LINE_INPUT != 0,
        signals: mode & ENABLE_PROCESSED_INPUT != 0,
    };
    host::terminal::set_input(file.fd(), input).map_err(|errno| ntdll::errno_to_status(errno).into())
}

#[linkme::distributed_slice(ntdll::process::EXIT_HOOKS)]
#[linkme(crate = linkme)]
#[allow(unsafe_code)]
static RESTORE: fn() = host::terminal::restore;

/// SGR sequence for character attributes. Windows' colours have blue in bit 0 and red in bit 2.
pub fn sgr(attributes: u16) -> String {
    let colour = |bits: u16| (bits & 1) << 2 | (bits & 2) | (bits & 4) >> 2;
    let (fore, back) = (attributes & 15, attributes >> 4 & 15);
    if attributes & 0xff == 7 {
        return "\x1b[0m".to_string() + if attributes & COMMON_LVB_REVERSE_VIDEO != 0 { "\x1b[7m" } else { "" };
    }
    let mut out = format!("\x1b[0;{}", colour(fore) + if fore & 8 != 0 { 90 } else { 30 });
    if back != 0 {
        out.push_str(&format!(";{}", colour(back) + if back & 8 != 0 { 100 } else { 40 }));
    }
    if attributes & COMMON_LVB_REVERSE_VIDEO != 0 {
        out.push_str(";7");
    }
    if attributes & COMMON_LVB_UNDERSCORE != 0 {
        out.push_str(";4");
    }
    out.push('m');
    out
}

/// One key press or release, as KEY_EVENT_RECORD tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    pub down: bool,
    pub key: u16,
    pub scan: u16,
    pub unit: u16,
    pub control: u32,
}

/// Virtual key, scan code and control keys for a character.
fn key_of(unit: u16) -> (u16, u16, u32) {
    let letter = |unit: u16| {
        // Scan codes of the letters on a US keyboard, a to z.
        const SCAN: [u8; 26] = [30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44];
        (unit & !0x20, u16::from(SCAN[usize::from((unit & !0x20) - 0x41) % 26]))
    };
    match unit {
        0x08 => (0x08, 14, 0),
        0x7f => (0x08, 14, 0),
        0x09 => (0x09, 15, 0),
        0x0a | 0x0d => (0x0d, 28, 0),
        0x1b => (0x1b, 1, 0),
        0x20 => (0x20, 57, 0),
        0x30 => (0x30, 11, 0),
        0x31..=0x39 => (unit, unit - 0x31 + 2, 0),
        0x01..=0x1a => {
            let (key, scan) = letter(unit + 0x40);
            (key, scan, LEFT_CTRL_PRESSED)
        }
        0x41..=0x5a => {
            let (key, scan) = letter(unit);
            (key, scan, SHIFT_PRESSED)
        }
        0x61..=0x7a => {
            let (key, scan) = letter(unit);
            (key, scan, 0)
        }
        _ => (0, 0, 0),
    }
}

/// A key without a character, from the last byte (and number) of its sequence.
/// <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html>
fn special_key(parameters: &str, last: u8) -> Option<(u16, u16, u32)> {
    let mut numbers = parameters.split(';').map(|number| number.parse::<u32>().unwrap_or(1));
    let (first, modifiers) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1).saturating_sub(1));
    let mut control = 0;
    for (bit, flag) in [(1, SHIFT_PRESSED), (2, LEFT_ALT_PRESSED), (4, LEFT_CTRL_PRESSED)] {
        if modifiers & bit != 0 {
            control |= flag;
        }
    }
    let (key, scan) = match (last, first) {
        (b'A', _) => (0x26, 72),
        (b'B', _) => (0x28, 80),
        (b'C', _) => (0x27, 77),
        (b'D', _) => (0x25, 75),
        (b'H', _) | (b'~', 1 | 7) => (0x24, 71),
        (b'F', _) | (b'~', 4 | 8) => (0x23, 79),
        (b'~', 2) => (0x2d, 82),
        (b'~', 3) => (0x2e, 83),
        (b'~', 5) => (0x21, 73),
        (b'~', 6) => (0x22, 81),
        (b'P'..=b'S', _) => (0x70 + u16::from(last - b'P'), 59 + u16::from(last - b'P')),
        (b'~', number @ 11..=15) => (0x70 + number as u16 - 11, 59 + number as u16 - 11),
        (b'~', number @ 17..=21) => (0x75 + number as u16 - 17, 64 + number as u16 - 17),
        (b'~', number @ 23..=24) => (0x7a + number as u16 - 23, 87 + number as u16 - 23),
        (b'Z', _) => {
            control |= SHIFT_PRESSED;
            (0x09, 15)
        }
        _ => return None,
    };
    Some((key, scan, control | ENHANCED_KEY))
}

/// Takes whole keys off the front of `bytes`. `more`: an unfinished sequence may go on.
pub fn decode(bytes: &mut Vec<u8>, as_text: bool, more: bool, mut take: impl FnMut(Event)) {
    let mut press = |key, scan, unit, control| {
        take(Event { down: true, key, scan, unit, control });
        take(Event { down: false, key, scan, unit, control });
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest[0] == 0x1b && !as_text {
            match rest.get(1) {
                None if more => break,
                Some(b'[' | b'O') => {
                    let end = rest[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
                    match end {
                        Some(end) => {
                            let text = String::from_utf8_lossy(&rest[2..2 + end]).into_owned();
                            if let Some((key, scan, control)) = special_key(&text, rest[2 + end]) {
                                press(key, scan, if key == 9 { 9 } else { 0 }, control);
                            }
                            at += end + 3;
                            continue;
                        }
                        None if more => break,
                        None => {}
                    }
                }
                Some(&byte) if byte != 0x1b && byte < 0x80 => {
                    let (key, scan, control) = key_of(byte.into());
                    press(key, scan, byte.into(), control | LEFT_ALT_PRESSED);
                    at += 2;
                    continue;
                }
                _ => {}
            }
        }
        let len = match rest[0] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        if rest.len() < len && more {
            break;
        }
        let text = String::from_utf8_lossy(&rest[..len.min(rest.len())]).into_owned();
        for unit in text.encode_utf16() {
            // Terminals send DEL for the backspace key, and CR (or LF) for Enter.
            let unit = match unit {
                0x7f => 0x08,
                0x0a => 0x0d,
                unit => unit,
            };
            let (key, scan, control) = key_of(unit);
            press(key, scan, unit, control);
        }
        at += len.min(rest.len());
    }
    bytes.drain(..at);
}

/// Reads what is there into the queue of events. `ms`: how long to wait for something (-1 without limit).
/// The terminal must not gather lines meanwhile.
pub fn pump(file: &File, ms: i32) -> Result<(), Win32Error> {
    let mode = STATE.lock().input_mode;
    // Key by key, whatever the mode for ReadConsole is.
    if host::terminal::input(file.fd()).is_ok_and(|input| input.lines) {
        apply_input_mode(file, mode & !(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT))?;
    }
    let mut wait = ms;
    while host::terminal::wait_input(file.fd(), wait) {
        let mut buffer = vec![0u8; 256];
        let got = host::file::read(file.fd(), buffer.as_mut_ptr() as usize, buffer.len()).unwrap_or(0);
        if got == 0 {
            return Err(Win32Error::from(NTSTATUS::PIPE_BROKEN));
        }
        let mut state = STATE.lock();
        let mut bytes = std::mem::take(&mut state.bytes);
        bytes.extend_from_slice(&buffer[..got]);
        let as_text = mode & ENABLE_VIRTUAL_TERMINAL_INPUT != 0;
        decode(&mut bytes, as_text, true, |event| state.events.push_back(event));
        // What is left is an escape key or the start of a sequence: which, shows soon.
        state.bytes = bytes;
        if state.bytes.is_empty() {
            return Ok(());
        }
        drop(state);
        wait = 20;
    }
    let mut state = STATE.lock();
    let mut bytes = std::mem::take(&mut state.bytes);
    let as_text = mode & ENABLE_VIRTUAL_TERMINAL_INPUT != 0;
    decode(&mut bytes, as_text, false, |event| state.events.push_back(event));
    Ok(())
}

/// Reads characters: a line (with CR LF) or, without line input, what is there.
pub fn read_text(file: &File, units: usize) -> Result<Vec<u16>, Win32Error> {
    let mode = STATE.lock().input_mode;
    let lines = mode & ENABLE_LINE_INPUT != 0;
    if !lines {
        loop {
            {
                let mut state = STATE.lock();
                let mut out = Vec::new();
                while out.len() < units
                    && let Some(event) = state.events.pop_front()
                {
                    if event.down && event.unit != 0 {
                        out.push(event.unit);
                    }
                }
                if !out.is_empty() {
                    return Ok(out);
                }
            }
            match pump(file, -1) {
                Ok(()) => {}
                Err(_) => return Ok(Vec::new()),
            }
        }
    }
    let mut state = STATE.lock();
    if state.line.is_empty() {
        // Keys that were looked at one by one come first.
        let typed: Vec<u16> = state.events.drain(..).filter(|event| event.down && event.unit != 0).map(|event| event.unit).collect();
        drop(state);
        if host::terminal::input(file.fd()).is_ok_and(|input| !input.lines) {
            apply_input_mode(file, mode)?;
        }
        let mut bytes = Vec::new();
        loop {
            let mut buffer = vec![0u8; 4096];
            let got = host::file::read(file.fd(), buffer.as_mut_ptr() as usize, buffer.len()).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..got]);
            if got == 0 || bytes.last() == Some(&b'\n') {
                break;
            }
        }
        state = STATE.lock();
        state.line.extend(typed);
        for unit in abi::wide::from_host_bytes(&bytes) {
            if unit == 0x0a {
                state.line.push_back(0x0d);
            }
            state.line.push_back(unit);
        }
        state.cursor = (0, state.cursor.1.saturating_add(1));
    }
    let take = units.min(state.line.len());
    Ok(state.line.drain(..take).collect())
}

/// Sets both code pages' atomics.
pub fn set_page(page: &AtomicU32, number: u32) -> Result<(), Win32Error> {
    if number < 4 || crate::nls::codepage::kind(number).is_none() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    page.store(number, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8], more: bool) -> (Vec<(u16, u16, u32)>, usize) {
        let mut bytes = bytes.to_vec();
        let mut out = Vec::new();
        decode(&mut bytes, false, more, |event| {
            if event.down {
                out.push((event.key, event.unit, event.control));
            }
        });
        (out, bytes.len())
    }

    #[test]
    fn keys_decode() {
        assert_eq!(keys(b"aB", true).0, [(0x41, 0x61, 0), (0x42, 0x42, SHIFT_PRESSED)]);
        assert_eq!(keys(b"\x1b[A\x1b[1;5C", true).0, [(0x26, 0, ENHANCED_KEY), (0x27, 0, ENHANCED_KEY | LEFT_CTRL_PRESSED)]);
        assert_eq!(keys(b"\x1b", true), (vec![], 1));
        assert_eq!(keys(b"\x1b", false).0, [(0x1b, 0x1b, 0)]);
        assert_eq!(keys("ä".as_bytes(), true).0, [(0, 0xe4, 0)]);
        assert_eq!(keys(&"ä".as_bytes()[..1], true).1, 1);
        assert_eq!(keys(b"\x7f\r", true).0, [(8, 8, 0), (13, 13, 0)]);
    }

    #[test]
    fn attributes() {
        assert_eq!(sgr(7), "\x1b[0m");
        assert_eq!(sgr(4 | 8), "\x1b[0;91m");
        assert_eq!(sgr(1 | 0x20), "\x1b[0;34;42m");
    }
}
