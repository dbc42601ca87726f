//! The table of file descriptors. Its rows lie in guest memory in the form that programs expect of
//! `__pioinfo`: blocks of 32 rows, handle first, then the flag byte.

use crate::errno::Errno;
use crate::malloc;
use crate::raw::Shared;
use crate::sys;
use abi::{HANDLE, Ptr, export_data};
use ntdll::file::Kind;
use parking_lot::Mutex;

pub const OPEN: u8 = 0x01;
pub const EOF: u8 = 0x02;
/// Text with CR LF line ends has been read.
pub const CRLF: u8 = 0x04;
pub const PIPE: u8 = 0x08;
pub const NO_INHERIT: u8 = 0x10;
pub const APPEND: u8 = 0x20;
pub const DEVICE: u8 = 0x40;
pub const TEXT: u8 = 0x80;

const ROW: usize = 64;
const ROWS: usize = 32;
const BLOCKS: usize = 64;
/// Most descriptors.
pub const LIMIT: i32 = (ROWS * BLOCKS) as i32;

static PIOINFO: Shared<[Ptr<u8>; BLOCKS]> = Shared::new([Ptr::NULL; BLOCKS]);
static BADIOINFO: Shared<[u64; 8]> = Shared::new([u64::MAX, 0x0a80, 0, 0, 0, 0, 0, 0]);
export_data!(PIOINFO => msvcrt, full, name = "__pioinfo");
export_data!(BADIOINFO => msvcrt, full, name = "__badioinfo");

/// Held while descriptors are made.
static ALLOCATION: Mutex<()> = Mutex::new(());

/// Text encodings of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Ansi,
    Utf8,
    Utf16,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Row(Ptr<u8>);

impl Row {
    pub fn handle(self) -> HANDLE {
        self.0.cast().get()
    }

    pub fn set_handle(self, handle: HANDLE) {
        self.0.cast().set(handle);
    }

    pub fn flags(self) -> u8 {
        self.0.add(8).get()
    }

    pub fn set_flags(self, flags: u8) {
        self.0.add(8).set(flags);
    }

    pub fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    pub fn mark(self, flag: u8, on: bool) {
        self.set_flags(if on { self.flags() | flag } else { self.flags() & !flag });
    }

    /// A byte that was read ahead from a pipe or device; LF means none.
    pub fn ahead(self) -> u8 {
        self.0.add(9).get()
    }

    pub fn set_ahead(self, byte: u8) {
        self.0.add(9).set(byte);
    }

    pub fn encoding(self) -> Encoding {
        match self.0.add(56).get() & 0x7f {
            1 => Encoding::Utf8,
            2 => Encoding::Utf16,
            _ => Encoding::Ansi,
        }
    }

    pub fn set_encoding(self, encoding: Encoding) {
        self.0.add(56).set(encoding as u8);
    }

    fn reset(self) {
        self.set_handle(HANDLE::INVALID);
        self.set_flags(0);
        self.set_ahead(b'\n');
        self.set_encoding(Encoding::Ansi);
    }
}

/// The row of a number, if its block exists.
fn row(fd: i32) -> Option<Row> {
    if !(0..LIMIT).contains(&fd) {
        return None;
    }
    start();
    let block = PIOINFO.ptr().cast::<Ptr<u8>>().add(fd as usize / ROWS).get();
    (!block.is_null()).then(|| Row(block.add(fd as usize % ROWS * ROW)))
}

/// The row of an open descriptor.
pub fn open_row(fd: i32) -> Result<Row, Errno> {
    row(fd).filter(|r| r.has(OPEN)).ok_or(Errno::EBADF)
}

fn make_block(index: usize) -> bool {
    let at = PIOINFO.ptr().cast::<Ptr<u8>>().add(index);
    if !at.get().is_null() {
        return true;
    }
    let block = malloc::calloc(ROWS, ROW);
    if block.is_null() {
        return false;
    }
    for i in 0..ROWS {
        Row(block.add(i * ROW)).reset();
    }
    at.set(block);
    true
}

/// Takes the lowest free descriptor (not below `from`). It is marked open; the caller fills it in.
pub fn allocate(from: i32) -> Result<(i32, Row), Errno> {
    start();
    let _held = ALLOCATION.lock();
    for fd in from..LIMIT {
        if !make_block(fd as usize / ROWS) {
            return Err(Errno::ENOMEM);
        }
        if let Some(row) = row(fd).filter(|r| !r.has(OPEN)) {
            row.reset();
            row.set_flags(OPEN);
            return Ok((fd, row));
        }
    }
    Err(Errno::EMFILE)
}

/// Takes exactly this descriptor.
pub fn claim(fd: i32) -> Result<Row, Errno> {
    start();
    let _held = ALLOCATION.lock();
    if !(0..LIMIT).contains(&fd) || !make_block(fd as usize / ROWS) {
        return Err(Errno::EBADF);
    }
    let row = row(fd).ok_or(Errno::EBADF)?;
    row.reset();
    row.set_flags(OPEN);
    Ok(row)
}

pub fn release(row: Row) {
    row.reset();
}

/// PIPE and DEVICE for a handle.
pub fn kind_flags(handle: HANDLE) -> u8 {
    match sys::kind(handle) {
        Some(Kind::Pipe | Kind::PipeFolder) => PIPE,
        Some(Kind::Console | Kind::Char) => DEVICE,
        _ => 0,
    }
}

/// Makes the table when it is first used: what the parent passed on, and the three standard handles.
pub fn start() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        make_block(0);
        inherit();
        for fd in 0..3 {
            let row = Row(PIOINFO.ptr().cast::<Ptr<u8>>().get().add(fd * ROW));
            if row.has(OPEN) && row.handle().is_valid() {
                continue;
            }
            let handle = ntdll::process::standard_handle(fd);
            if sys::kind(handle).is_some() {
                row.set_handle(handle);
                row.set_flags(OPEN | TEXT | kind_flags(handle));
            } else {
                // No such file: -2, open but of no use.
                row.set_handle(HANDLE(usize::MAX - 1));
                row.set_flags(OPEN | TEXT | DEVICE);
            }
        }
    });
}

/// STARTUPINFO.lpReserved2: a count, that many flag bytes, that many handles.
fn inherit() {
    let parameters = ntdll::process::parameters();
    // RTL_USER_PROCESS_PARAMETERS.RuntimeData, a UNICODE_STRING.
    let length = Ptr::<u16>::new(parameters + 0xe0).get() as usize;
    let data = Ptr::<u8>::new(Ptr::<usize>::new(parameters + 0xe8).get());
    if data.is_null() || length < 4 {
        return;
    }
    let count = (data.cast::<u32>().get() as usize).min((length - 4) / 9).min(LIMIT as usize);
    for fd in 0..count {
        let flags = data.add(4 + fd).get();
        let handle: HANDLE = data.add(4 + count + fd * 8).cast().get();
        if flags & OPEN == 0 || !handle.is_valid() || sys::kind(handle).is_none() || !make_block(fd / ROWS) {
            continue;
        }
        let block = PIOINFO.ptr().cast::<Ptr<u8>>().add(fd / ROWS).get();
        let row = Row(block.add(fd % ROWS * ROW));
        row.set_handle(handle);
        row.set_flags(flags);
    }
}

/// What lpReserved2 of a child should hold.
pub fn inheritance() -> Vec<u8> {
    let rows: Vec<(u8, HANDLE)> = (0..LIMIT)
        .map_while(row)
        .map(|r| if r.has(OPEN) && !r.has(NO_INHERIT) { (r.flags(), r.handle()) } else { (0, HANDLE::INVALID) })
        .collect();
    let count = rows.iter().rposition(|r| r.0 != 0).map_or(0, |i| i + 1);
    let mut data = (count as u32).to_le_bytes().to_vec();
    data.extend(rows[..count].iter().map(|r| r.0));
    data.extend(rows[..count].iter().flat_map(|r| r.1.0.to_le_bytes()));
    data
}
