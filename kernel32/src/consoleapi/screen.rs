//! The screen buffer: size, cursor, attributes, filling.

use crate::console::{self, STATE, sgr};
use abi::{HANDLE, Ptr, Win32Error, export};
use ntdll::file::File;
use windows_sys::Win32::System::Console::*;

/// COORD in a register: X in the low half, Y in the high half.
fn coord(packed: u32) -> COORD {
    COORD { X: packed as i16, Y: (packed >> 16) as i16 }
}

/// The buffer's size, its window, cursor and attributes.
#[export(kernel32, partial("the cursor's position is an estimate; the buffer is the window"))]
pub fn GetConsoleScreenBufferInfo(handle: HANDLE, info: Ptr<CONSOLE_SCREEN_BUFFER_INFO>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    if console::is_input(handle, &file) {
        return Err(Win32Error::INVALID_HANDLE);
    }
    let (columns, rows) = console::size(&file);
    let state = STATE.lock();
    let value = CONSOLE_SCREEN_BUFFER_INFO {
        dwSize: COORD { X: columns, Y: rows },
        dwCursorPosition: COORD { X: state.cursor.0.clamp(0, columns - 1), Y: state.cursor.1.clamp(0, rows - 1) },
        wAttributes: state.attributes,
        srWindow: SMALL_RECT { Left: 0, Top: 0, Right: columns - 1, Bottom: rows - 1 },
        dwMaximumWindowSize: COORD { X: columns, Y: rows },
    };
    drop(state);
    Ok(info.write(value)?)
}

/// The colours of a console, Windows' own defaults.
const COLOURS: [u32; 16] = [
    0x0c0c0c, 0xda3700, 0x0ea113, 0xdd963a, 0x1f0fc5, 0x981788, 0x009cc1, 0xcccccc, 0x767676, 0xff783b, 0x0cc616, 0xd6d661, 0x5648e7,
    0x9e00b4, 0xa5f1f9, 0xf2f2f2,
];

/// GetConsoleScreenBufferInfo, with the colours.
#[export(kernel32, partial("the cursor's position is an estimate; the buffer is the window"))]
pub fn GetConsoleScreenBufferInfoEx(handle: HANDLE, info: Ptr<CONSOLE_SCREEN_BUFFER_INFOEX>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    if info.cast::<u32>().read()? as usize != size_of::<CONSOLE_SCREEN_BUFFER_INFOEX>() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let (columns, rows) = console::size(&file);
    let state = STATE.lock();
    let value = CONSOLE_SCREEN_BUFFER_INFOEX {
        cbSize: size_of::<CONSOLE_SCREEN_BUFFER_INFOEX>() as u32,
        dwSize: COORD { X: columns, Y: rows },
        dwCursorPosition: COORD { X: state.cursor.0.clamp(0, columns - 1), Y: state.cursor.1.clamp(0, rows - 1) },
        wAttributes: state.attributes,
        srWindow: SMALL_RECT { Left: 0, Top: 0, Right: columns, Bottom: rows },
        dwMaximumWindowSize: COORD { X: columns, Y: rows },
        wPopupAttributes: 0xf5,
        bFullscreenSupported: 0,
        ColorTable: COLOURS,
    };
    drop(state);
    Ok(info.write(value)?)
}

/// Sets size, colours and attributes.
#[export(kernel32, partial("attributes only"))]
pub fn SetConsoleScreenBufferInfoEx(handle: HANDLE, info: Ptr<CONSOLE_SCREEN_BUFFER_INFOEX>) -> Result<(), Win32Error> {
    SetConsoleTextAttribute(handle, info.read()?.wAttributes)
}

/// Sets the attributes of what is written from now on.
#[export(kernel32, full)]
pub fn SetConsoleTextAttribute(handle: HANDLE, attributes: u16) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    STATE.lock().attributes = attributes;
    console::write_raw(&file, sgr(attributes).as_bytes())
}

/// Moves the cursor.
#[export(kernel32, full)]
pub fn SetConsoleCursorPosition(handle: HANDLE, position: u32) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let (columns, rows) = console::size(&file);
    let position = coord(position);
    if position.X < 0 || position.Y < 0 || position.X >= columns || position.Y >= rows {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    STATE.lock().cursor = (position.X, position.Y);
    console::write_raw(&file, format!("\x1b[{};{}H", position.Y + 1, position.X + 1).as_bytes())
}

/// The cursor's size and whether it shows.
#[export(kernel32, full)]
pub fn GetConsoleCursorInfo(handle: HANDLE, info: Ptr<CONSOLE_CURSOR_INFO>) -> Result<(), Win32Error> {
    console::output(handle)?;
    let value = {
        let state = STATE.lock();
        CONSOLE_CURSOR_INFO { dwSize: state.cursor_size, bVisible: state.cursor_visible.into() }
    };
    Ok(info.write(value)?)
}

/// Shows or hides the cursor.
#[export(kernel32, full)]
pub fn SetConsoleCursorInfo(handle: HANDLE, info: Ptr<CONSOLE_CURSOR_INFO>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let info = info.read()?;
    if info.dwSize == 0 || info.dwSize > 100 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    {
        let mut state = STATE.lock();
        state.cursor_size = info.dwSize;
        state.cursor_visible = info.bVisible != 0;
    }
    console::write_raw(&file, if info.bVisible != 0 { b"\x1b[?25h" } else { b"\x1b[?25l" })
}

/// Writes text at a place and puts the cursor back.
fn write_at(file: &File, at: COORD, text: &str) -> Result<(), Win32Error> {
    console::write_raw(file, format!("\x1b7\x1b[{};{}H{text}\x1b8", at.Y.max(0) + 1, at.X.max(0) + 1).as_bytes())
}

fn fill(handle: HANDLE, unit: u16, count: u32, at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let at = coord(at);
    let (columns, rows) = console::size(&file);
    let cell = i64::from(at.Y) * i64::from(columns) + i64::from(at.X);
    let all = i64::from(columns) * i64::from(rows);
    let count = i64::from(count).min(all - cell).max(0);
    if unit == 0x20 && cell + count >= all {
        // To the end of the screen: the terminal's own way keeps its scroll-back in order.
        write_at(&file, at, "\x1b[J")?;
    } else {
        let c = char::from_u32(unit.into()).unwrap_or('\u{fffd}');
        write_at(&file, at, &c.to_string().repeat(count as usize))?;
    }
    Ok(written.write(count as u32)?)
}

/// Writes one character many times.
#[export(kernel32, full)]
pub fn FillConsoleOutputCharacterW(handle: HANDLE, unit: u16, count: u32, at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    fill(handle, unit, count, at, written)
}

/// Writes one character many times.
#[export(kernel32, full)]
pub fn FillConsoleOutputCharacterA(handle: HANDLE, byte: u8, count: u32, at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    fill(handle, byte.into(), count, at, written)
}

/// Gives cells attributes.
#[export(kernel32, stub("says that it was done: a terminal cannot recolour what it shows"))]
pub fn FillConsoleOutputAttribute(handle: HANDLE, _attributes: u16, count: u32, _at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    console::output(handle)?;
    Ok(written.write(count)?)
}

/// Gives cells attributes.
#[export(kernel32, stub("says that it was done: a terminal cannot recolour what it shows"))]
pub fn WriteConsoleOutputAttribute(handle: HANDLE, _from: Ptr<u16>, count: u32, _at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    console::output(handle)?;
    Ok(written.write(count)?)
}

/// Writes characters at a place without moving the cursor.
#[export(kernel32, full)]
pub fn WriteConsoleOutputCharacterW(handle: HANDLE, text: Ptr<u16>, count: u32, at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    write_at(&file, coord(at), &String::from_utf16_lossy(&text.read_vec(count as usize)?))?;
    Ok(written.write(count)?)
}

/// Writes characters at a place without moving the cursor.
#[export(kernel32, full)]
pub fn WriteConsoleOutputCharacterA(handle: HANDLE, text: Ptr<u8>, count: u32, at: u32, written: Ptr<u32>) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let page = console::OUTPUT_PAGE.load(std::sync::atomic::Ordering::Relaxed);
    let text = crate::nls::codepage::decode_lossy(page, &text.read_vec(count as usize)?);
    write_at(&file, coord(at), &String::from_utf16_lossy(&text))?;
    Ok(written.write(count)?)
}

#[allow(unsafe_code)]
fn write_cells(handle: HANDLE, cells: Ptr<CHAR_INFO>, size: u32, from: u32, region: Ptr<SMALL_RECT>, ansi: bool) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let (size, from, area) = (coord(size), coord(from), region.read()?);
    let own = STATE.lock().attributes;
    let mut out = String::from("\x1b7");
    let mut last = None;
    for row in 0..=area.Bottom.saturating_sub(area.Top) {
        let y = from.Y + row;
        if y >= size.Y || row > 1000 {
            break;
        }
        out.push_str(&format!("\x1b[{};{}H", area.Top + row + 1, area.Left + 1));
        for column in 0..=area.Right.saturating_sub(area.Left) {
            let x = from.X + column;
            if x >= size.X {
                break;
            }
            let cell = cells.add(y as usize * size.X as usize + x as usize).read()?;
            // SAFETY: both readings of the union are plain numbers.
            let unit = unsafe { if ansi { u16::from(cell.Char.AsciiChar as u8) } else { cell.Char.UnicodeChar } };
            if last != Some(cell.Attributes) {
                out.push_str(&sgr(cell.Attributes));
                last = Some(cell.Attributes);
            }
            out.push(char::from_u32(unit.into()).filter(|c| !c.is_control()).unwrap_or(' '));
        }
    }
    out.push_str(&sgr(own));
    out.push_str("\x1b8");
    console::write_raw(&file, out.as_bytes())
}

/// Writes a rectangle of characters with attributes.
#[export(kernel32, full)]
pub fn WriteConsoleOutputW(handle: HANDLE, cells: Ptr<CHAR_INFO>, size: u32, from: u32, area: Ptr<SMALL_RECT>) -> Result<(), Win32Error> {
    write_cells(handle, cells, size, from, area, false)
}

/// Writes a rectangle of characters with attributes.
#[export(kernel32, full)]
pub fn WriteConsoleOutputA(handle: HANDLE, cells: Ptr<CHAR_INFO>, size: u32, from: u32, area: Ptr<SMALL_RECT>) -> Result<(), Win32Error> {
    write_cells(handle, cells, size, from, area, true)
}

/// Reads a rectangle of cells: what a terminal shows cannot be read back.
#[export(kernel32, stub("fails: a terminal cannot be read back"))]
pub fn ReadConsoleOutputW(_h: HANDLE, _cells: Ptr<CHAR_INFO>, _size: u32, _at: u32, _area: Ptr<SMALL_RECT>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// Reads a rectangle of cells: what a terminal shows cannot be read back.
#[export(kernel32, stub("fails: a terminal cannot be read back"))]
pub fn ReadConsoleOutputA(_h: HANDLE, _cells: Ptr<CHAR_INFO>, _size: u32, _at: u32, _area: Ptr<SMALL_RECT>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// Reads characters: what a terminal shows cannot be read back.
#[export(kernel32, stub("fails: a terminal cannot be read back"))]
pub fn ReadConsoleOutputCharacterW(_h: HANDLE, _to: Ptr<u16>, _count: u32, _at: u32, _read: Ptr<u32>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// Reads attributes: what a terminal shows cannot be read back.
#[export(kernel32, stub("fails: a terminal cannot be read back"))]
pub fn ReadConsoleOutputAttribute(_h: HANDLE, _to: Ptr<u16>, _count: u32, _at: u32, _read: Ptr<u32>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// Moves a part of the screen.
#[export(kernel32, partial("whole screen up or down only"))]
pub fn ScrollConsoleScreenBufferW(
    handle: HANDLE,
    area: Ptr<SMALL_RECT>,
    _clip: Ptr<SMALL_RECT>,
    to: u32,
    _fill: Ptr<CHAR_INFO>,
) -> Result<(), Win32Error> {
    let file = console::output(handle)?;
    let lines = area.read()?.Top - coord(to).Y;
    match lines {
        0 => Ok(()),
        up @ 1.. => console::write_raw(&file, format!("\x1b[{up}S").as_bytes()),
        down => console::write_raw(&file, format!("\x1b[{}T", down.unsigned_abs()).as_bytes()),
    }
}

/// Moves a part of the screen.
#[export(kernel32, partial("whole screen up or down only"))]
pub fn ScrollConsoleScreenBufferA(
    handle: HANDLE,
    area: Ptr<SMALL_RECT>,
    clip: Ptr<SMALL_RECT>,
    to: u32,
    fill: Ptr<CHAR_INFO>,
) -> Result<(), Win32Error> {
    ScrollConsoleScreenBufferW(handle, area, clip, to, fill)
}

/// Makes another screen buffer.
#[export(kernel32, partial("another handle to the same screen"))]
pub fn CreateConsoleScreenBuffer(
    _access: u32,
    _share: u32,
    _security: Ptr<u8>,
    _flags: u32,
    _data: Ptr<u8>,
) -> Result<abi::FileHandle, Win32Error> {
    let output = ntdll::process::standard_handle(1);
    console::output(output)?;
    Ok(abi::FileHandle(ntdll::object::duplicate(output, 0, false, 2)?))
}

/// Shows a screen buffer.
#[export(kernel32, partial("there is one screen"))]
pub fn SetConsoleActiveScreenBuffer(handle: HANDLE) -> Result<(), Win32Error> {
    console::output(handle).map(drop)
}

/// Sets the buffer's size: it follows the terminal's window.
#[export(kernel32, stub("says that it was done"))]
pub fn SetConsoleScreenBufferSize(handle: HANDLE, _size: u32) -> Result<(), Win32Error> {
    console::output(handle).map(drop)
}

/// Sets the window's place: it is the terminal's.
#[export(kernel32, stub("says that it was done"))]
pub fn SetConsoleWindowInfo(handle: HANDLE, _absolute: i32, _area: Ptr<SMALL_RECT>) -> Result<(), Win32Error> {
    console::output(handle).map(drop)
}

/// The largest window that fits the screen.
#[export(kernel32, full)]
pub fn GetLargestConsoleWindowSize(handle: HANDLE) -> Result<u32, Win32Error> {
    let (columns, rows) = console::size(&*console::output(handle)?);
    Ok(u32::from(columns as u16) | u32::from(rows as u16) << 16)
}

/// The font: a terminal's is not known.
#[export(kernel32, stub("an 8 by 16 font"))]
pub fn GetCurrentConsoleFontEx(handle: HANDLE, _maximum: i32, info: Ptr<CONSOLE_FONT_INFOEX>) -> Result<(), Win32Error> {
    console::output(handle)?;
    let mut value = CONSOLE_FONT_INFOEX {
        cbSize: size_of::<CONSOLE_FONT_INFOEX>() as u32,
        nFont: 0,
        dwFontSize: COORD { X: 8, Y: 16 },
        FontFamily: 54,
        FontWeight: 400,
        FaceName: [0; 32],
    };
    "Consolas".encode_utf16().zip(value.FaceName.iter_mut()).for_each(|(from, to)| *to = from);
    Ok(info.write(value)?)
}

/// The font: a terminal's is not known.
#[export(kernel32, stub("an 8 by 16 font"))]
pub fn GetCurrentConsoleFont(handle: HANDLE, _maximum: i32, info: Ptr<CONSOLE_FONT_INFO>) -> Result<(), Win32Error> {
    console::output(handle)?;
    Ok(info.write(CONSOLE_FONT_INFO { nFont: 0, dwFontSize: COORD { X: 8, Y: 16 } })?)
}

/// Sets the font.
#[export(kernel32, stub("says that it was done"))]
pub fn SetCurrentConsoleFontEx(handle: HANDLE, _maximum: i32, _info: Ptr<u8>) -> Result<(), Win32Error> {
    console::output(handle).map(drop)
}

/// The size of a font.
#[export(kernel32, stub("an 8 by 16 font"))]
pub fn GetConsoleFontSize(handle: HANDLE, _font: u32) -> Result<u32, Win32Error> {
    console::output(handle)?;
    Ok(8 | 16 << 16)
}
