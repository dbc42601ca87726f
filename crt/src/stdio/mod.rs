//! stdio.h: streams. The FILE structure lies in guest memory in the form that msvcrt's macros use (pointer,
//! count, base, flags, descriptor), and it is the stream's true state: `_get_stream_buffer_pointers` hands
//! the same fields to the C++ library.

mod files;
mod narrow;
mod open;
mod wide;

use crate::codepage::{self, Decoded};
use crate::errno::Errno;
use crate::io::table::{self, Encoding, TEXT};
use crate::io::{self, transfer};
use crate::locale;
use crate::lock::Lock;
use crate::malloc;
use crate::raw::{self, Shared};
use crate::unit::Unit;
use abi::{Ptr, export, export_data};
use parking_lot::Mutex;

pub use open::{close, flush_all, open_fd};

/// `struct _iobuf` of msvcrt, 48 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct File {
    ptr: Ptr<u8>,
    count: i32,
    base: Ptr<u8>,
    flags: u32,
    fd: i32,
    char_buffer: i32,
    size: i32,
    /// Our lock, where msvcrt has the name of a temporary file.
    lock: usize,
}

pub const READ: u32 = 0x01;
pub const WRITE: u32 = 0x02;
pub const UNBUFFERED: u32 = 0x04;
const OWN_BUFFER: u32 = 0x08;
const AT_END: u32 = 0x10;
const ERROR: u32 = 0x20;
/// Writes to a string: never one of ours.
const STRING: u32 = 0x40;
pub const BOTH: u32 = 0x80;
const USER_BUFFER: u32 = 0x100;
pub const COMMIT: u32 = 0x4000;

const BUFFER: i32 = 4096;
/// Entries of `_iob`.
const IOB: usize = 20;

const EMPTY: File = File { ptr: Ptr::NULL, count: 0, base: Ptr::NULL, flags: 0, fd: -1, char_buffer: 0, size: 0, lock: 0 };

const fn initial() -> [File; IOB] {
    let mut files = [EMPTY; IOB];
    files[0] = File { flags: READ, fd: 0, ..EMPTY };
    files[1] = File { flags: WRITE, fd: 1, ..EMPTY };
    files[2] = File { flags: WRITE | UNBUFFERED, fd: 2, ..EMPTY };
    files
}

static FILES: Shared<[File; IOB]> = Shared::new(initial());
export_data!(FILES => msvcrt, full, name = "_iob");

static LOCKS: [Lock; IOB] = [const { Lock::new() }; IOB];
/// Streams outside of `_iob`, open or free for reuse.
static MORE: Mutex<Vec<Ptr<File>>> = Mutex::new(Vec::new());

fn iob(index: usize) -> Ptr<File> {
    FILES.ptr().cast::<File>().add(index)
}

pub fn stdin() -> Ptr<File> {
    iob(0)
}

pub fn stdout() -> Ptr<File> {
    iob(1)
}

/// The array of streams.
#[export(msvcrt, full)]
fn __iob_func() -> Ptr<File> {
    iob(0)
}

/// A standard stream.
#[export(msvcrt + ucrtbase, full)]
fn __acrt_iob_func(index: u32) -> Ptr<File> {
    iob(index as usize)
}

fn lock_of(file: Ptr<File>) -> &'static Lock {
    let offset = file.addr().wrapping_sub(iob(0).addr());
    if offset < IOB * size_of::<File>() {
        return &LOCKS[offset / size_of::<File>()];
    }
    raw::lock_at(file.lock())
}

/// Holds a stream's lock for a scope.
pub fn hold(file: Ptr<File>) -> crate::lock::Held<'static> {
    lock_of(file).hold()
}

/// Holds a stream until `_unlock_file`.
#[export(msvcrt + ucrtbase, full)]
fn _lock_file(file: Ptr<File>) {
    lock_of(file).lock();
}

/// Lets go of a stream.
#[export(msvcrt + ucrtbase, full)]
fn _unlock_file(file: Ptr<File>) {
    lock_of(file).unlock();
}

macro_rules! fields {
    ($($get:ident $set:ident $field:ident: $ty:ty;)*) => {
        /// The fields of a stream in guest memory.
        pub trait Fields: Copy {
            fn at<T>(self, offset: usize) -> Ptr<T>;
            $(
                fn $get(self) -> $ty {
                    self.at::<$ty>(std::mem::offset_of!(File, $field)).get()
                }
                fn $set(self, value: $ty) {
                    self.at::<$ty>(std::mem::offset_of!(File, $field)).set(value);
                }
            )*
        }
    };
}
fields! {
    ptr set_ptr ptr: Ptr<u8>;
    count set_count count: i32;
    base set_base base: Ptr<u8>;
    flags set_flags flags: u32;
    fd set_fd fd: i32;
    size set_size size: i32;
    lock set_lock lock: usize;
}

impl Fields for Ptr<File> {
    fn at<T>(self, offset: usize) -> Ptr<T> {
        Ptr::new(self.addr() + offset)
    }
}

fn has(file: Ptr<File>, flag: u32) -> bool {
    file.flags() & flag != 0
}

fn mark(file: Ptr<File>, flag: u32, on: bool) {
    file.set_flags(if on { file.flags() | flag } else { file.flags() & !flag });
}

fn is_open(file: Ptr<File>) -> bool {
    has(file, READ | WRITE | BOTH)
}

/// Gives the stream a buffer if it has none.
fn ensure_buffer(file: Ptr<File>) {
    if !file.base().is_null() {
        return;
    }
    let buffer = if has(file, UNBUFFERED) { Ptr::NULL } else { malloc::malloc(BUFFER as usize) };
    if buffer.is_null() {
        // The two bytes of the structure itself.
        mark(file, UNBUFFERED, true);
        file.set_base(file.at(std::mem::offset_of!(File, char_buffer)));
        file.set_size(2);
    } else {
        mark(file, OWN_BUFFER, true);
        file.set_base(buffer);
        file.set_size(BUFFER);
    }
    file.set_ptr(file.base());
    file.set_count(0);
}

/// Bytes that wait to be written.
fn pending(file: Ptr<File>) -> usize {
    if has(file, WRITE) && !file.base().is_null() { file.ptr().addr().wrapping_sub(file.base().addr()) } else { 0 }
}

/// Writes what waits.
fn flush(file: Ptr<File>) -> Result<(), Errno> {
    let count = pending(file);
    if has(file, WRITE) {
        file.set_ptr(file.base());
        file.set_count(0);
        if count > 0 {
            let bytes = raw::slice(file.base(), count);
            match transfer::write(file.fd(), bytes) {
                Ok(done) if done == count => {}
                Ok(_) => {
                    mark(file, ERROR, true);
                    return Err(Errno::ENOSPC);
                }
                Err(errno) => {
                    mark(file, ERROR, true);
                    return Err(errno);
                }
            }
        }
        if has(file, BOTH) {
            mark(file, WRITE, false);
        }
    }
    Ok(())
}

/// Turns the stream to reading.
fn to_read(file: Ptr<File>) -> Result<(), Errno> {
    if !is_open(file) || has(file, STRING) {
        return Err(Errno::EBADF);
    }
    if has(file, WRITE) {
        if !has(file, BOTH) {
            mark(file, ERROR, true);
            return Err(Errno::EBADF);
        }
        flush(file)?;
        mark(file, WRITE, false);
    }
    if !has(file, READ) {
        if !has(file, BOTH) {
            mark(file, ERROR, true);
            return Err(Errno::EBADF);
        }
        mark(file, READ, true);
    }
    Ok(())
}

/// Turns the stream to writing.
fn to_write(file: Ptr<File>) -> Result<(), Errno> {
    if !is_open(file) {
        return Err(Errno::EBADF);
    }
    if !has(file, WRITE) {
        if !has(file, BOTH) {
            mark(file, ERROR, true);
            return Err(Errno::EBADF);
        }
        if has(file, READ) {
            // The position goes back to what the program has read so far.
            let rest = file.count();
            if rest > 0 {
                let position = tell(file)?;
                let _ = io::seek(file.fd(), position, 0);
            }
            mark(file, READ, false);
        }
        file.set_ptr(file.base());
        file.set_count(0);
        mark(file, WRITE, true);
    }
    mark(file, AT_END, false);
    Ok(())
}

/// Reads a new buffer; its first byte, or None at the end or on an error.
fn fill(file: Ptr<File>) -> Option<u8> {
    if to_read(file).is_err() {
        crate::errno::set_errno(Errno::EBADF);
        return None;
    }
    if file.fd() == 0 {
        // A prompt should be seen before its answer is waited for.
        flush_terminal();
    }
    ensure_buffer(file);
    file.set_ptr(file.base());
    file.set_count(0);
    // An unbuffered wide stream takes two bytes at a time.
    let unicode = table::open_row(file.fd()).is_ok_and(|r| r.has(TEXT) && r.encoding() != Encoding::Ansi);
    let size = if has(file, UNBUFFERED) && !unicode { 1 } else { file.size() };
    match transfer::read(file.fd(), file.base(), size as usize) {
        Ok(0) => {
            mark(file, AT_END, true);
            None
        }
        Ok(count) => {
            file.set_count(count as i32 - 1);
            file.set_ptr(file.base().add(1));
            Some(file.base().get())
        }
        Err(errno) => {
            crate::errno::set_errno(errno);
            mark(file, ERROR, true);
            None
        }
    }
}

fn flush_terminal() {
    let out = stdout();
    if pending(out) > 0 && io::is_terminal(out.fd()) {
        let _held = hold(out);
        let _ = flush(out);
    }
}

/// The next byte.
pub fn get_byte(file: Ptr<File>) -> Option<u8> {
    if file.count() > 0 && has(file, READ) {
        file.set_count(file.count() - 1);
        let at = file.ptr();
        file.set_ptr(at.add(1));
        return Some(at.get());
    }
    fill(file)
}

/// Puts a byte back.
fn unget_byte(file: Ptr<File>, byte: u8) -> bool {
    if to_read(file).is_err() {
        return false;
    }
    ensure_buffer(file);
    if file.ptr() == file.base() {
        if file.count() > 0 {
            return false;
        }
        file.set_ptr(file.ptr().add(1));
    }
    let at = Ptr::new(file.ptr().addr() - 1);
    file.set_ptr(at);
    if at.get() != byte {
        at.set(byte);
    }
    file.set_count(file.count() + 1);
    mark(file, AT_END, false);
    true
}

/// Reads bytes; how many.
fn read_bytes(file: Ptr<File>, to: Ptr<u8>, len: usize) -> usize {
    let mut done = 0;
    while done < len {
        if file.count() > 0 && has(file, READ) {
            let take = (file.count() as usize).min(len - done);
            raw::copy(to.add(done), file.ptr(), take);
            file.set_ptr(file.ptr().add(take));
            file.set_count(file.count() - take as i32);
            done += take;
        } else if len - done >= BUFFER as usize && to_read(file).is_ok() {
            // Large requests go past the buffer.
            if file.fd() == 0 {
                flush_terminal();
            }
            match transfer::read(file.fd(), to.add(done), (len - done).min(0x4000_0000)) {
                Ok(0) => {
                    mark(file, AT_END, true);
                    break;
                }
                Ok(count) => done += count,
                Err(errno) => {
                    crate::errno::set_errno(errno);
                    mark(file, ERROR, true);
                    break;
                }
            }
        } else {
            match fill(file) {
                Some(byte) => {
                    to.add(done).set(byte);
                    done += 1;
                }
                None => break,
            }
        }
    }
    done
}

/// Writes bytes.
pub fn write_bytes(file: Ptr<File>, bytes: &[u8]) -> Result<(), Errno> {
    to_write(file)?;
    if bytes.is_empty() {
        return Ok(());
    }
    if file.base().is_null() {
        // Output to a terminal is not held back.
        if file.fd() == 1 && io::is_terminal(1) {
            mark(file, UNBUFFERED, true);
        }
        ensure_buffer(file);
    }
    let fail = |errno| {
        mark(file, ERROR, true);
        Err(errno)
    };
    if has(file, UNBUFFERED) || bytes.len() >= file.size() as usize {
        flush_keeping_mode(file)?;
        let mut done = 0;
        while done < bytes.len() {
            match transfer::write(file.fd(), &bytes[done..]) {
                Ok(count) => done += count,
                Err(errno) => return fail(errno),
            }
        }
        return Ok(());
    }
    if file.size() as usize - pending(file) < bytes.len() {
        flush_keeping_mode(file)?;
    }
    raw::put(file.ptr(), bytes);
    file.set_ptr(file.ptr().add(bytes.len()));
    file.set_count(file.size() - pending(file) as i32);
    Ok(())
}

fn flush_keeping_mode(file: Ptr<File>) -> Result<(), Errno> {
    let result = flush(file);
    mark(file, WRITE, true);
    result
}

fn row_text(file: Ptr<File>) -> (bool, Encoding) {
    table::open_row(file.fd()).map_or((true, Encoding::Ansi), |r| (r.has(TEXT), r.encoding()))
}

/// Writes text of either unit, under the stream's lock.
pub fn write_text<U: Unit>(file: Ptr<File>, text: &[U]) -> Result<(), Errno> {
    let _held = hold(file);
    write_text_unlocked(file, text)
}

fn write_text_unlocked<U: Unit>(file: Ptr<File>, text: &[U]) -> Result<(), Errno> {
    let (is_text, encoding) = row_text(file);
    if !U::WIDE {
        let bytes: Vec<u8> = text.iter().map(|u| u.code() as u8).collect();
        if is_text && encoding != Encoding::Ansi {
            let wide = codepage::to_wide(locale::page(), &bytes);
            return write_bytes(file, &wide.iter().flat_map(|u| u.to_le_bytes()).collect::<Vec<_>>());
        }
        return write_bytes(file, &bytes);
    }
    let units: Vec<u16> = text.iter().map(|u| u.code() as u16).collect();
    if !is_text || encoding != Encoding::Ansi {
        return write_bytes(file, &units.iter().flat_map(|u| u.to_le_bytes()).collect::<Vec<_>>());
    }
    match codepage::from_wide(locale::page(), &units) {
        Some(bytes) => write_bytes(file, &bytes),
        None => {
            // As far as it can be said; then an error.
            let good = units.iter().take_while(|u| codepage::from_wide(locale::page(), &[**u]).is_some()).count();
            let bytes = codepage::from_wide(locale::page(), &units[..good]).unwrap_or_default();
            write_bytes(file, &bytes)?;
            mark(file, ERROR, true);
            Err(Errno::EILSEQ)
        }
    }
}

/// The next unit of text; for wide units converted by the stream's mode.
pub fn get_unit<U: Unit>(file: Ptr<File>) -> Option<U> {
    if !U::WIDE {
        return get_byte(file).map(|b| U::of(b.into()));
    }
    let (is_text, encoding) = row_text(file);
    if !is_text || encoding != Encoding::Ansi {
        let (low, high) = (get_byte(file)?, get_byte(file)?);
        return Some(U::of(u16::from_le_bytes([low, high]).into()));
    }
    let page = locale::page();
    let mut bytes = vec![get_byte(file)?];
    loop {
        match codepage::decode_one(page, &bytes) {
            Decoded::Char(code, _) => return Some(U::of(code.min(0xffff))),
            Decoded::Incomplete if bytes.len() < 4 => bytes.push(get_byte(file)?),
            _ => {
                crate::errno::set_errno(Errno::EILSEQ);
                mark(file, ERROR, true);
                return None;
            }
        }
    }
}

/// Puts a unit back.
pub fn unget_unit<U: Unit>(file: Ptr<File>, unit: U) -> bool {
    if !U::WIDE {
        return unget_byte(file, unit.code() as u8);
    }
    let (is_text, encoding) = row_text(file);
    let bytes = if !is_text || encoding != Encoding::Ansi {
        (unit.code() as u16).to_le_bytes().to_vec()
    } else {
        codepage::from_wide_lossy(locale::page(), &[unit.code() as u16])
    };
    bytes.iter().rev().all(|&b| unget_byte(file, b))
}

/// The position as the program sees it.
fn tell(file: Ptr<File>) -> Result<i64, Errno> {
    let row = table::open_row(file.fd())?;
    let position = io::seek(file.fd(), 0, 1)?;
    let newlines = |at: Ptr<u8>, len: usize| raw::slice(at, len).iter().filter(|&&b| b == b'\n').count() as i64;
    let (text, encoding) = (row.has(TEXT), row.encoding());
    if has(file, WRITE) {
        let count = pending(file);
        let base = if row.has(table::APPEND) { crate::sys::size(row.handle())? as i64 } else { position };
        let base = if count > 0 { base } else { position };
        let extra = if text && encoding == Encoding::Ansi { newlines(file.base(), count) } else { 0 };
        return Ok(base + count as i64 + extra);
    }
    if has(file, READ) && file.count() > 0 {
        let count = file.count() as usize;
        let rest = match (text, encoding) {
            (true, Encoding::Utf8) => {
                let units: Vec<u16> =
                    raw::slice(file.ptr(), count & !1).chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]])).collect();
                let ends = if row.has(table::CRLF) { units.iter().filter(|&&u| u == 10).count() } else { 0 };
                (abi::wide::to_wtf8(&units).len() + ends) as i64
            }
            (true, Encoding::Ansi) if row.has(table::CRLF) => count as i64 + newlines(file.ptr(), count),
            _ => count as i64,
        };
        return Ok(position - rest);
    }
    Ok(position)
}

fn seek(file: Ptr<File>, offset: i64, whence: i32) -> Result<(), Errno> {
    if !is_open(file) || !(0..3).contains(&whence) {
        return Err(Errno::EINVAL);
    }
    let (offset, whence) = if whence == 1 { (offset + tell(file)?, 0) } else { (offset, whence) };
    flush(file)?;
    mark(file, AT_END, false);
    file.set_ptr(file.base());
    file.set_count(0);
    if has(file, BOTH) {
        mark(file, READ | WRITE, false);
    }
    io::seek(file.fd(), offset, whence)?;
    Ok(())
}
