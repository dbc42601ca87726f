//! consoleapi.h, consoleapi2.h, consoleapi3.h and wincon.h.

pub mod control;
pub mod screen;

use crate::console::{self, Event, STATE};
use crate::nls::codepage;
use abi::wide::wide;
use abi::{HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use std::sync::atomic::Ordering;
use windows_sys::Win32::System::Console::*;

/// How a console treats input or output.
/// <https://learn.microsoft.com/windows/console/getconsolemode>
#[export(kernel32, full)]
pub fn GetConsoleMode(handle: HANDLE, mode: Ptr<u32>) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    let state = STATE.lock();
    let value = if console::is_input(handle, &file) { state.input_mode } else { state.output_mode };
    drop(state);
    Ok(mode.write(value)?)
}

/// Sets how a console treats input or output.
/// <https://learn.microsoft.com/windows/console/setconsolemode>
#[export(kernel32, partial("mouse and window events are not reported; output is always VT"))]
pub fn SetConsoleMode(handle: HANDLE, mode: u32) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    if console::is_input(handle, &file) {
        if mode & !0x3ff != 0 || mode & (ENABLE_ECHO_INPUT | ENABLE_LINE_INPUT) == ENABLE_ECHO_INPUT {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        console::apply_input_mode(&file, mode)?;
        STATE.lock().input_mode = mode;
    } else {
        if mode & !0x1f != 0 {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        STATE.lock().output_mode = mode;
    }
    Ok(())
}

/// Writes UTF-16 to the console.
#[export(kernel32, full)]
pub fn WriteConsoleW(handle: HANDLE, text: PCWSTR, count: u32, written: Ptr<u32>, _reserved: Ptr<u8>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    console::write_wide(&file, &text.read_vec(count as usize)?)?;
    Ok(written.write_opt(count)?)
}

/// Writes text in the console's code page.
#[export(kernel32, full)]
pub fn WriteConsoleA(handle: HANDLE, text: PCSTR, count: u32, written: Ptr<u32>, _reserved: Ptr<u8>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let bytes = text.read_vec(count as usize)?;
    match console::OUTPUT_PAGE.load(Ordering::Relaxed) {
        // A character may come in several calls: the terminal puts it together.
        65001 => console::write_raw(&file, &bytes)?,
        page => console::write_wide(&file, &codepage::decode_lossy(page, &bytes))?,
    }
    Ok(written.write_opt(count)?)
}

/// Reads characters from the console.
#[export(kernel32, partial("no input control (wake-up keys, initial text)"))]
pub fn ReadConsoleW(handle: HANDLE, to: PWSTR, count: u32, read: Ptr<u32>, _control: Ptr<u8>) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    let text = console::read_text(&file, count as usize)?;
    to.write_slice(&text)?;
    Ok(read.write_opt(text.len() as u32)?)
}

/// Reads characters from the console, in its code page.
#[export(kernel32, partial("what does not fit of a character's bytes is lost"))]
pub fn ReadConsoleA(handle: HANDLE, to: PSTR, count: u32, read: Ptr<u32>, _control: Ptr<u8>) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    let page = console::INPUT_PAGE.load(Ordering::Relaxed);
    let each = codepage::max_char_size(page).unwrap_or(1) as usize;
    let text = console::read_text(&file, (count as usize / each).max(1))?;
    let mut bytes = codepage::encode_lossy(page, &text);
    bytes.truncate(count as usize);
    to.write_slice(&bytes)?;
    Ok(read.write_opt(bytes.len() as u32)?)
}

fn record(event: &Event, ansi: bool) -> INPUT_RECORD {
    let unit = if ansi && event.unit >= 0x80 {
        codepage::encode_lossy(console::INPUT_PAGE.load(Ordering::Relaxed), &[event.unit]).first().copied().unwrap_or(b'?').into()
    } else {
        event.unit
    };
    INPUT_RECORD {
        EventType: KEY_EVENT as u16,
        Event: INPUT_RECORD_0 {
            KeyEvent: KEY_EVENT_RECORD {
                bKeyDown: event.down.into(),
                wRepeatCount: 1,
                wVirtualKeyCode: event.key,
                wVirtualScanCode: event.scan,
                uChar: KEY_EVENT_RECORD_0 { UnicodeChar: unit },
                dwControlKeyState: event.control,
            },
        },
    }
}

fn input(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, got: Ptr<u32>, take: bool, ansi: bool) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    if STATE.lock().events.is_empty() {
        console::pump(&file, if take { -1 } else { 0 })?;
        while take && STATE.lock().events.is_empty() {
            console::pump(&file, -1)?;
        }
    }
    let mut state = STATE.lock();
    let count = (count as usize).min(state.events.len());
    let records: Vec<INPUT_RECORD> = state.events.iter().take(count).map(|event| record(event, ansi)).collect();
    if take {
        state.events.drain(..count);
    }
    drop(state);
    to.write_slice(&records)?;
    Ok(got.write(count as u32)?)
}

/// Reads input events, waiting for at least one.
#[export(kernel32, partial("key events only"))]
pub fn ReadConsoleInputW(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, read: Ptr<u32>) -> Result<(), Win32Error> {
    input(handle, to, count, read, true, false)
}

/// Reads input events, waiting for at least one.
#[export(kernel32, partial("key events only"))]
pub fn ReadConsoleInputA(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, read: Ptr<u32>) -> Result<(), Win32Error> {
    input(handle, to, count, read, true, true)
}

/// Reads input events; flags: 1 leaves them, 2 does not wait.
#[export(kernel32, partial("key events only"))]
pub fn ReadConsoleInputExW(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, read: Ptr<u32>, flags: u16) -> Result<(), Win32Error> {
    if flags & 2 != 0 && GetNumberOf(handle)? == 0 {
        return Ok(read.write(0)?);
    }
    input(handle, to, count, read, flags & 1 == 0, false)
}

/// Looks at input events.
#[export(kernel32, partial("key events only"))]
pub fn PeekConsoleInputW(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, read: Ptr<u32>) -> Result<(), Win32Error> {
    input(handle, to, count, read, false, false)
}

/// Looks at input events.
#[export(kernel32, partial("key events only"))]
pub fn PeekConsoleInputA(handle: HANDLE, to: Ptr<INPUT_RECORD>, count: u32, read: Ptr<u32>) -> Result<(), Win32Error> {
    input(handle, to, count, read, false, true)
}

#[allow(non_snake_case)]
fn GetNumberOf(handle: HANDLE) -> Result<u32, Win32Error> {
    let file = console::file(handle)?;
    if STATE.lock().events.is_empty() {
        console::pump(&file, 0)?;
    }
    Ok(STATE.lock().events.len() as u32)
}

/// How many input events there are.
#[export(kernel32, full)]
pub fn GetNumberOfConsoleInputEvents(handle: HANDLE, count: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(count.write(GetNumberOf(handle)?)?)
}

/// Drops input.
#[export(kernel32, full)]
pub fn FlushConsoleInputBuffer(handle: HANDLE) -> Result<(), Win32Error> {
    let file = console::file(handle)?;
    host::terminal::flush_input(file.fd());
    let mut state = STATE.lock();
    state.events.clear();
    state.line.clear();
    state.bytes.clear();
    Ok(())
}

/// Puts key events into the input.
#[allow(unsafe_code)]
fn write_input(handle: HANDLE, from: Ptr<INPUT_RECORD>, count: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    console::file(handle)?;
    let records = from.read_vec(count as usize)?;
    let events: Vec<Event> = records
        .iter()
        .filter(|record| record.EventType == KEY_EVENT as u16)
        .map(|record| {
            // SAFETY: all bit patterns of the union are valid, and the type says that it is this one.
            let (key, unit) = unsafe { (record.Event.KeyEvent, record.Event.KeyEvent.uChar.UnicodeChar) };
            Event { down: key.bKeyDown != 0, key: key.wVirtualKeyCode, scan: key.wVirtualScanCode, unit, control: key.dwControlKeyState }
        })
        .collect();
    STATE.lock().events.extend(events);
    Ok(written.write(count)?)
}

/// Puts events into the input.
#[export(kernel32, partial("key events only; a reader that waits already is not woken"))]
pub fn WriteConsoleInputW(handle: HANDLE, from: Ptr<INPUT_RECORD>, count: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    write_input(handle, from, count, written)
}

/// Puts events into the input.
#[export(kernel32, partial("key events only; a reader that waits already is not woken"))]
pub fn WriteConsoleInputA(handle: HANDLE, from: Ptr<INPUT_RECORD>, count: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    write_input(handle, from, count, written)
}

/// The code page of input.
#[export(kernel32, full)]
pub fn GetConsoleCP() -> u32 {
    console::INPUT_PAGE.load(Ordering::Relaxed)
}

/// The code page of output.
#[export(kernel32, full)]
pub fn GetConsoleOutputCP() -> u32 {
    console::OUTPUT_PAGE.load(Ordering::Relaxed)
}

/// Sets the code page of input.
#[export(kernel32, partial("ReadFile gives UTF-8 always"))]
pub fn SetConsoleCP(page: u32) -> Result<(), Win32Error> {
    console::set_page(&console::INPUT_PAGE, page)
}

/// Sets the code page of output.
#[export(kernel32, partial("WriteFile takes UTF-8 always"))]
pub fn SetConsoleOutputCP(page: u32) -> Result<(), Win32Error> {
    console::set_page(&console::OUTPUT_PAGE, page)
}

/// The window's title.
#[export(kernel32, partial("the title that this process has set"))]
pub fn GetConsoleTitleW(to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    let title = STATE.lock().title.clone();
    if size == 0 {
        return Ok(0);
    }
    let fits = &title[..title.len().min(size as usize - 1)];
    to.write_slice(fits)?;
    to.add(fits.len()).write(0)?;
    abi::teb::set_last_error(Win32Error::SUCCESS);
    Ok(title.len() as u32)
}

/// The window's title.
#[export(kernel32, partial("the title that this process has set"))]
pub fn GetConsoleTitleA(to: PSTR, size: u32) -> Result<u32, Win32Error> {
    let title = crate::nls::wide_to_ansi(&STATE.lock().title);
    if size == 0 {
        return Ok(0);
    }
    let fits = &title[..title.len().min(size as usize - 1)];
    to.write_slice(fits)?;
    to.add(fits.len()).write(0)?;
    Ok(title.len() as u32)
}

/// The title that the window had at first.
#[export(kernel32, stub("an empty title"))]
pub fn GetConsoleOriginalTitleW(to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    if size > 0 {
        to.write(0)?;
    }
    Ok(0)
}

fn set_title(title: Vec<u16>) {
    let sequence = format!("\x1b]0;{}\x07", String::from_utf16_lossy(&title).replace(['\x1b', '\x07'], ""));
    STATE.lock().title = title;
    let handle = ntdll::process::standard_handle(1);
    if let Ok(file) = console::file(handle) {
        let _ = console::write_raw(&file, sequence.as_bytes());
    }
}

/// Sets the window's title.
#[export(kernel32, full)]
pub fn SetConsoleTitleW(title: PCWSTR) -> Result<(), Win32Error> {
    set_title(title.read_wide()?);
    Ok(())
}

/// Sets the window's title.
#[export(kernel32, full)]
pub fn SetConsoleTitleA(title: PCSTR) -> Result<(), Win32Error> {
    set_title(crate::nls::ansi_arg(title)?);
    Ok(())
}

/// The window that shows the console: a terminal has none.
#[export(kernel32, full)]
pub fn GetConsoleWindow() -> HANDLE {
    HANDLE::NULL
}

/// Gets a console if the process has none.
#[export(kernel32, partial("the terminal that the process was started in"))]
pub fn AllocConsole() -> Result<(), Win32Error> {
    if console::set_attached(true) { Err(Win32Error::ACCESS_DENIED) } else { Ok(()) }
}

/// Takes the console of another process.
#[export(kernel32, partial("the terminal that the process was started in"))]
pub fn AttachConsole(_process: u32) -> Result<(), Win32Error> {
    if console::set_attached(true) { Err(Win32Error::ACCESS_DENIED) } else { Ok(()) }
}

/// Leaves the console.
#[export(kernel32, full)]
pub fn FreeConsole() -> Result<(), Win32Error> {
    if console::set_attached(false) { Ok(()) } else { Err(Win32Error::INVALID_PARAMETER) }
}

/// The processes of the console.
#[export(kernel32, partial("this process only"))]
pub fn GetConsoleProcessList(to: Ptr<u32>, count: u32) -> Result<u32, Win32Error> {
    if to.is_null() || count == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    to.write(host::process::id())?;
    Ok(1)
}

/// Whether the console shows in full screen, is being marked, ...
#[export(kernel32, full)]
pub fn GetConsoleSelectionInfo(info: Ptr<CONSOLE_SELECTION_INFO>) -> Result<(), Win32Error> {
    Ok(info.cast::<[u8; size_of::<CONSOLE_SELECTION_INFO>()]>().write([0; size_of::<CONSOLE_SELECTION_INFO>()])?)
}

/// Buttons of the mouse: none.
#[export(kernel32, full)]
pub fn GetNumberOfConsoleMouseButtons(count: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(count.write(0)?)
}

/// Aliases of command names: there are none.
#[export(kernel32, stub("no alias is defined"))]
pub fn GetConsoleAliasW(_source: PCWSTR, _target: PWSTR, _size: u32, _exe: PCWSTR) -> Result<u32, Win32Error> {
    Err(Win32Error::GEN_FAILURE)
}

/// The history of command lines.
#[export(kernel32, stub("default sizes"))]
pub fn GetConsoleHistoryInfo(info: Ptr<CONSOLE_HISTORY_INFO>) -> Result<(), Win32Error> {
    info.write(CONSOLE_HISTORY_INFO { cbSize: 16, HistoryBufferSize: 50, NumberOfHistoryBuffers: 4, dwFlags: 0 })?;
    Ok(())
}

/// The history of command lines.
#[export(kernel32, stub("says that it was done"))]
pub fn SetConsoleHistoryInfo(_info: Ptr<CONSOLE_HISTORY_INFO>) -> abi::BOOL {
    abi::BOOL(true)
}

/// Full screen or window: window.
#[export(kernel32, full)]
pub fn GetConsoleDisplayMode(mode: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(mode.write(0)?)
}

/// Makes the console full screen.
#[export(kernel32, full)]
pub fn SetConsoleDisplayMode(_handle: HANDLE, _mode: u32, _size: Ptr<u32>) -> Result<(), Win32Error> {
    Err(Win32Error::CALL_NOT_IMPLEMENTED)
}

/// E_NOTIMPL.
const NOT_IMPLEMENTED: u32 = 0x8000_4001;

/// Makes a pseudo console.
#[export(kernel32, stub("says that there are none (E_NOTIMPL)"))]
pub fn CreatePseudoConsole(_size: u32, _input: HANDLE, _output: HANDLE, _flags: u32, _console: Ptr<usize>) -> u32 {
    NOT_IMPLEMENTED
}

/// Resizes a pseudo console.
#[export(kernel32, stub("says that there are none (E_NOTIMPL)"))]
pub fn ResizePseudoConsole(_console: usize, _size: u32) -> u32 {
    NOT_IMPLEMENTED
}

/// Closes a pseudo console.
#[export(kernel32, stub("there are none"))]
pub fn ClosePseudoConsole(_console: usize) {}

/// The name of the console's keyboard layout.
#[export(kernel32, full)]
pub fn GetConsoleKeyboardLayoutNameW(to: PWSTR) -> Result<(), Win32Error> {
    Ok(to.write_slice(&[wide("00000409"), vec![0]].concat())?)
}
