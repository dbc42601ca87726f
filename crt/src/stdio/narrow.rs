//! Characters, lines and blocks of narrow streams; positions.

use super::*;
use crate::errno::set_errno;
use crate::invalid;

const END: i32 = -1;

fn byte_or_end(byte: Option<u8>) -> i32 {
    byte.map_or(END, i32::from)
}

fn put(file: Ptr<File>, byte: i32) -> i32 {
    match write_bytes(file, &[byte as u8]) {
        Ok(()) => byte & 0xff,
        Err(errno) => {
            set_errno(errno);
            END
        }
    }
}

fn good(file: Ptr<File>) -> bool {
    invalid::check(!file.is_null()).is_ok()
}

/// Reads a character.
#[export(msvcrt + ucrtbase, full)]
fn fgetc(file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    byte_or_end(get_byte(file))
}

/// Reads a character.
#[export(msvcrt + ucrtbase, full)]
fn getc(file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    byte_or_end(get_byte(file))
}

/// Reads a character from stdin.
#[export(msvcrt + ucrtbase, full)]
fn getchar() -> i32 {
    fgetc(stdin())
}

/// Reads a character from stdin.
#[export(msvcrt + ucrtbase, full)]
fn _fgetchar() -> i32 {
    fgetc(stdin())
}

/// Reads a character from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fgetc_nolock(file: Ptr<File>) -> i32 {
    if good(file) { byte_or_end(get_byte(file)) } else { END }
}

/// Reads a character from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _getc_nolock(file: Ptr<File>) -> i32 {
    if good(file) { byte_or_end(get_byte(file)) } else { END }
}

/// Fills a buffer and reads its first character: for the macro getc.
#[export(msvcrt, full)]
fn _filbuf(file: Ptr<File>) -> i32 {
    byte_or_end(fill(file))
}

/// Writes a character.
#[export(msvcrt + ucrtbase, full)]
fn fputc(c: i32, file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    put(file, c)
}

/// Writes a character.
#[export(msvcrt + ucrtbase, full)]
fn putc(c: i32, file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    put(file, c)
}

/// Writes a character to stdout.
#[export(msvcrt + ucrtbase, full)]
fn putchar(c: i32) -> i32 {
    fputc(c, stdout())
}

/// Writes a character to stdout.
#[export(msvcrt + ucrtbase, full)]
fn _fputchar(c: i32) -> i32 {
    fputc(c, stdout())
}

/// Writes a character to a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fputc_nolock(c: i32, file: Ptr<File>) -> i32 {
    if good(file) { put(file, c) } else { END }
}

/// Writes a character to a stream whose lock is held.
#[export(ucrtbase, full)]
fn _putc_nolock(c: i32, file: Ptr<File>) -> i32 {
    if good(file) { put(file, c) } else { END }
}

/// Writes a buffer and then a character: for the macro putc.
#[export(msvcrt, full)]
fn _flsbuf(c: i32, file: Ptr<File>) -> i32 {
    put(file, c)
}

/// Puts a character back.
#[export(msvcrt + ucrtbase, full)]
fn ungetc(c: i32, file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    if c != END && unget_byte(file, c as u8) { c & 0xff } else { END }
}

/// Puts a character back into a stream whose lock is held.
#[export(ucrtbase, full)]
fn _ungetc_nolock(c: i32, file: Ptr<File>) -> i32 {
    if good(file) && c != END && unget_byte(file, c as u8) { c & 0xff } else { END }
}

/// Reads an int.
#[export(msvcrt + ucrtbase, full)]
fn _getw(file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    let mut value = [0u8; 4];
    for byte in &mut value {
        match get_byte(file) {
            Some(read) => *byte = read,
            None => return END,
        }
    }
    i32::from_le_bytes(value)
}

/// Writes an int.
#[export(msvcrt + ucrtbase, full)]
fn _putw(value: i32, file: Ptr<File>) -> i32 {
    if !good(file) {
        return END;
    }
    let _held = hold(file);
    if write_bytes(file, &value.to_le_bytes()).is_ok() { value } else { END }
}

/// A line of at most `count - 1` units, with its newline; false at the end.
pub(super) fn line<U: Unit>(to: Ptr<U>, count: i32, file: Ptr<File>) -> bool {
    if invalid::check(!file.is_null() && count >= 0 && (!to.is_null() || count == 0)).is_err() || count == 0 {
        return false;
    }
    let _held = hold(file);
    let mut done = 0;
    while done < count as usize - 1 {
        let Some(unit) = get_unit::<U>(file) else { break };
        to.add(done).set(unit);
        done += 1;
        if unit.ascii() == b'\n' {
            break;
        }
    }
    if done == 0 && count > 1 {
        return false;
    }
    to.add(done).set(U::default());
    true
}

/// gets: a line of stdin without its newline, into `size` units.
pub(super) fn line_of_stdin<U: Unit>(to: Ptr<U>, size: usize) -> Ptr<U> {
    if invalid::check(!to.is_null() && size > 0).is_err() {
        return Ptr::NULL;
    }
    let file = stdin();
    let _held = hold(file);
    let (mut done, mut any) = (0, false);
    while let Some(unit) = get_unit::<U>(file) {
        any = true;
        if unit.ascii() == b'\n' {
            break;
        }
        if done + 1 >= size {
            to.set(U::default());
            invalid::report(Errno::ERANGE);
            return Ptr::NULL;
        }
        to.add(done).set(unit);
        done += 1;
    }
    if !any {
        return Ptr::NULL;
    }
    to.add(done).set(U::default());
    to
}

/// Reads a line.
#[export(msvcrt + ucrtbase, full)]
fn fgets(to: Ptr<u8>, count: i32, file: Ptr<File>) -> Ptr<u8> {
    if line(to, count, file) { to } else { Ptr::NULL }
}

/// Reads a line of stdin.
#[export(msvcrt + ucrtbase, full)]
fn gets(to: Ptr<u8>) -> Ptr<u8> {
    line_of_stdin(to, usize::MAX)
}

/// Reads a line of stdin into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn gets_s(to: Ptr<u8>, size: usize) -> Ptr<u8> {
    line_of_stdin(to, size)
}

/// Writes a string.
#[export(msvcrt + ucrtbase, full)]
fn fputs(text: Ptr<u8>, file: Ptr<File>) -> i32 {
    if invalid::check(!file.is_null() && !text.is_null()).is_err() {
        return END;
    }
    match write_text(file, raw::text(text)) {
        Ok(()) => 0,
        Err(errno) => {
            set_errno(errno);
            END
        }
    }
}

/// Writes a string and a newline to stdout.
#[export(msvcrt + ucrtbase, full)]
fn puts(text: Ptr<u8>) -> i32 {
    if invalid::check(!text.is_null()).is_err() {
        return END;
    }
    let mut line = raw::text(text).to_vec();
    line.push(b'\n');
    match write_text(stdout(), &line) {
        Ok(()) => 0,
        Err(errno) => {
            set_errno(errno);
            END
        }
    }
}

fn read_items(to: Ptr<u8>, room: usize, size: usize, count: usize, file: Ptr<File>) -> usize {
    if size == 0 || count == 0 {
        return 0;
    }
    if invalid::check(!file.is_null() && !to.is_null()).is_err() {
        return 0;
    }
    let Some(bytes) = size.checked_mul(count) else {
        invalid::report(Errno::EINVAL);
        return 0;
    };
    if bytes > room {
        raw::fill(to, 0, room);
        invalid::report(Errno::ERANGE);
        return 0;
    }
    read_bytes(file, to, bytes) / size
}

fn write_items(from: Ptr<u8>, size: usize, count: usize, file: Ptr<File>) -> usize {
    if size == 0 || count == 0 {
        return 0;
    }
    let bytes = size.checked_mul(count);
    let (true, Some(bytes)) = (invalid::check(!file.is_null() && !from.is_null()).is_ok(), bytes) else { return 0 };
    match write_bytes(file, raw::slice(from, bytes)) {
        Ok(()) => count,
        Err(errno) => {
            set_errno(errno);
            0
        }
    }
}

/// Reads a block.
#[export(msvcrt + ucrtbase, full)]
fn fread(to: Ptr<u8>, size: usize, count: usize, file: Ptr<File>) -> usize {
    if file.is_null() {
        invalid::report(Errno::EINVAL);
        return 0;
    }
    let _held = hold(file);
    read_items(to, usize::MAX, size, count, file)
}

/// Reads a block into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn fread_s(to: Ptr<u8>, room: usize, size: usize, count: usize, file: Ptr<File>) -> usize {
    if file.is_null() {
        invalid::report(Errno::EINVAL);
        return 0;
    }
    let _held = hold(file);
    read_items(to, room, size, count, file)
}

/// Reads a block from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fread_nolock(to: Ptr<u8>, size: usize, count: usize, file: Ptr<File>) -> usize {
    read_items(to, usize::MAX, size, count, file)
}

/// Reads a block from a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fread_nolock_s(to: Ptr<u8>, room: usize, size: usize, count: usize, file: Ptr<File>) -> usize {
    read_items(to, room, size, count, file)
}

/// Writes a block.
#[export(msvcrt + ucrtbase, full)]
fn fwrite(from: Ptr<u8>, size: usize, count: usize, file: Ptr<File>) -> usize {
    if file.is_null() {
        invalid::report(Errno::EINVAL);
        return 0;
    }
    let _held = hold(file);
    write_items(from, size, count, file)
}

/// Writes a block to a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fwrite_nolock(from: Ptr<u8>, size: usize, count: usize, file: Ptr<File>) -> usize {
    write_items(from, size, count, file)
}

/// Moves the position.
#[export(msvcrt + ucrtbase, full)]
fn fseek(file: Ptr<File>, offset: i32, whence: i32) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    seek(file, offset.into(), whence)?;
    Ok(0)
}

/// Moves the position.
#[export(msvcrt + ucrtbase, full)]
fn _fseeki64(file: Ptr<File>, offset: i64, whence: i32) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    seek(file, offset, whence)?;
    Ok(0)
}

/// Moves the position of a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fseek_nolock(file: Ptr<File>, offset: i32, whence: i32) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    seek(file, offset.into(), whence)?;
    Ok(0)
}

/// Moves the position of a stream whose lock is held.
#[export(ucrtbase, full)]
fn _fseeki64_nolock(file: Ptr<File>, offset: i64, whence: i32) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    seek(file, offset, whence)?;
    Ok(0)
}

/// The position.
#[export(msvcrt + ucrtbase, full)]
fn ftell(file: Ptr<File>) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    i32::try_from(tell(file)?).map_err(|_| Errno::EINVAL)
}

/// The position.
#[export(msvcrt + ucrtbase, full)]
fn _ftelli64(file: Ptr<File>) -> Result<i64, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    tell(file)
}

/// The position of a stream whose lock is held.
#[export(ucrtbase, full)]
fn _ftell_nolock(file: Ptr<File>) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    i32::try_from(tell(file)?).map_err(|_| Errno::EINVAL)
}

/// The position of a stream whose lock is held.
#[export(ucrtbase, full)]
fn _ftelli64_nolock(file: Ptr<File>) -> Result<i64, Errno> {
    invalid::check(!file.is_null())?;
    let _held = hold(file);
    tell(file)
}

/// Moves the position to the start and clears errors.
#[export(msvcrt + ucrtbase, full)]
fn rewind(file: Ptr<File>) {
    if !good(file) {
        return;
    }
    let _held = hold(file);
    if let Err(errno) = seek(file, 0, 0) {
        set_errno(errno);
    }
    mark(file, AT_END | ERROR, false);
}

/// Keeps the position.
#[export(msvcrt + ucrtbase, full)]
fn fgetpos(file: Ptr<File>, position: Ptr<i64>) -> Result<i32, Errno> {
    invalid::check(!file.is_null() && !position.is_null())?;
    let _held = hold(file);
    position.set(tell(file)?);
    Ok(0)
}

/// Restores the position.
#[export(msvcrt + ucrtbase, full)]
fn fsetpos(file: Ptr<File>, position: Ptr<i64>) -> Result<i32, Errno> {
    invalid::check(!file.is_null() && !position.is_null())?;
    let _held = hold(file);
    seek(file, position.get(), 0)?;
    Ok(0)
}

/// Whether reading has met the end.
#[export(msvcrt + ucrtbase, full)]
fn feof(file: Ptr<File>) -> i32 {
    if good(file) { (file.flags() & AT_END) as i32 } else { 0 }
}

/// Whether there was an error.
#[export(msvcrt + ucrtbase, full)]
fn ferror(file: Ptr<File>) -> i32 {
    if good(file) { (file.flags() & ERROR) as i32 } else { 0 }
}

/// Clears the error and end marks.
#[export(msvcrt + ucrtbase, full)]
fn clearerr(file: Ptr<File>) {
    if good(file) {
        let _held = hold(file);
        mark(file, AT_END | ERROR, false);
        if let Ok(row) = table::open_row(file.fd()) {
            row.mark(table::EOF, false);
        }
    }
}

/// Clears the error and end marks.
#[export(msvcrt + ucrtbase, full)]
fn clearerr_s(file: Ptr<File>) -> Result<(), Errno> {
    invalid::check(!file.is_null())?;
    clearerr(file);
    Ok(())
}
