//! Function tables: which RUNTIME_FUNCTION covers an address. Those of images are found through the image's
//! exception directory; others are registered by the program (code that it generates).

use abi::{GuestFn, NTSTATUS, Ptr, export};
use parking_lot::RwLock;
use std::sync::OnceLock;

/// RUNTIME_FUNCTION of x86-64. <https://learn.microsoft.com/cpp/build/exception-handling-x64#struct-runtime_function>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RuntimeFunction {
    pub begin: u32,
    pub end: u32,
    pub unwind: u32,
}

/// Finds the image that holds an address: base and size.
pub type FindImage = fn(usize) -> Option<(usize, usize)>;

static FIND_IMAGE: OnceLock<FindImage> = OnceLock::new();

/// Registers how images are found; the loader does so once.
pub fn set_find_image(find: FindImage) {
    let _ = FIND_IMAGE.set(find);
}

/// The image that holds `pc`: base and size.
pub fn image_of(pc: usize) -> Option<(usize, usize)> {
    FIND_IMAGE.get().and_then(|find| find(pc))
}

#[derive(Clone, Copy)]
enum Source {
    /// RtlAddFunctionTable and RtlAddGrowableFunctionTable.
    Table {
        address: usize,
        count: u32,
    },
    Callback {
        function: GuestFn,
        context: u64,
    },
}

struct Registered {
    id: u64,
    base: u64,
    start: u64,
    end: u64,
    source: Source,
}

static REGISTERED: RwLock<Vec<Registered>> = RwLock::new(Vec::new());

/// The function that covers `pc` and the base that its offsets are relative to.
pub fn lookup(pc: u64) -> Option<(Ptr<RuntimeFunction>, u64)> {
    if let Some(frame) = super::own_function(pc) {
        return Some(frame);
    }
    if let Some((base, size)) = image_of(pc as usize) {
        let (table, count) = exception_directory(base, size)?;
        return search(table, count, (pc - base as u64) as u32).map(|entry| (entry, base as u64));
    }
    let found = REGISTERED.read().iter().find(|r| (r.start..r.end).contains(&pc)).map(|r| (r.source, r.base));
    match found? {
        (Source::Table { address, count }, base) => {
            search(Ptr::new(address), count, pc.wrapping_sub(base) as u32).map(|entry| (entry, base))
        }
        (Source::Callback { function, context }, base) => {
            let entry = Ptr::new(function.call(&[pc, context]) as usize);
            (!entry.is_null()).then_some((entry, base))
        }
    }
}

/// IMAGE_DIRECTORY_ENTRY_EXCEPTION of a mapped PE32+ image. <https://learn.microsoft.com/windows/win32/debug/pe-format>
pub fn exception_directory(base: usize, size: usize) -> Option<(Ptr<RuntimeFunction>, u32)> {
    let header: u32 = Ptr::new(base.wrapping_add(0x3c)).read().ok()?;
    let header = base.checked_add(header as usize)?;
    let magic: u16 = Ptr::new(header + 24).read().ok()?;
    if magic != 0x20b {
        return None;
    }
    let directories: u32 = Ptr::new(header + 24 + 108).read().ok()?;
    if directories <= 3 {
        return None;
    }
    let [rva, bytes]: [u32; 2] = Ptr::new(header + 24 + 112 + 3 * 8).read().ok()?;
    if rva == 0 || rva as usize + bytes as usize > size {
        return None;
    }
    Some((Ptr::new(base + rva as usize), bytes / 12))
}

/// Binary search in a table that is sorted by begin address.
pub fn search(table: Ptr<RuntimeFunction>, count: u32, rva: u32) -> Option<Ptr<RuntimeFunction>> {
    let (mut low, mut high) = (0u32, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let at = table.add(middle as usize);
        let entry = at.read().ok()?;
        if rva < entry.begin {
            high = middle;
        } else if rva >= entry.end {
            low = middle + 1;
        } else {
            return Some(at);
        }
    }
    None
}

/// The whole range that a table's entries cover, and whether they are sorted.
fn extent(table: Ptr<RuntimeFunction>, count: u32) -> Option<(u32, u32)> {
    let mut range: Option<(u32, u32)> = None;
    for index in 0..count as usize {
        let entry = table.add(index).read().ok()?;
        let (low, high) = range.get_or_insert((entry.begin, entry.end));
        *low = (*low).min(entry.begin);
        *high = (*high).max(entry.end);
    }
    range
}

/// Adds a table of functions that the program generated.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtladdfunctiontable>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlAddFunctionTable(table: Ptr<RuntimeFunction>, count: u32, base: u64) -> bool {
    let Some((low, high)) = extent(table, count) else { return false };
    let source = Source::Table { address: table.addr(), count };
    let entry = Registered { id: table.addr() as u64, base, start: base + u64::from(low), end: base + u64::from(high), source };
    REGISTERED.write().push(entry);
    true
}

/// Removes a table, or a callback by its identifier.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtldeletefunctiontable>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlDeleteFunctionTable(table: Ptr<RuntimeFunction>) -> bool {
    remove(table.addr() as u64)
}

fn remove(id: u64) -> bool {
    let mut registered = REGISTERED.write();
    let position = registered.iter().position(|r| r.id == id);
    if let Some(position) = position {
        registered.remove(position);
    }
    position.is_some()
}

/// Adds a callback that answers for a range of generated code. The out-of-process DLL is for debuggers.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlinstallfunctiontablecallback>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlInstallFunctionTableCallback(id: u64, base: u64, length: u32, callback: GuestFn, context: u64, _dll: abi::PCWSTR) -> bool {
    // Documented: the two low-order bits of the identifier must be set.
    if id & 3 != 3 {
        return false;
    }
    let source = Source::Callback { function: callback, context };
    REGISTERED.write().push(Registered { id, base, start: base, end: base + u64::from(length), source });
    true
}

/// Adds a table that will grow.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtladdgrowablefunctiontable>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlAddGrowableFunctionTable(
    dynamic: Ptr<u64>,
    table: Ptr<RuntimeFunction>,
    count: u32,
    maximum: u32,
    start: u64,
    end: u64,
) -> Result<(), NTSTATUS> {
    if count > maximum || start >= end {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let id = {
        let mut registered = REGISTERED.write();
        // Identifiers of growable tables are small even numbers: no address and no callback has them.
        let id = registered.iter().map(|r| r.id).filter(|&id| id < 0x1_0000 && id % 4 == 0).max().unwrap_or(0) + 4;
        let source = Source::Table { address: table.addr(), count };
        registered.push(Registered { id, base: start, start, end, source });
        id
    };
    dynamic.write(id).map_err(|_| {
        remove(id);
        NTSTATUS::ACCESS_VIOLATION
    })
}

/// Says that a growable table now has more entries.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlgrowfunctiontable>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlGrowFunctionTable(dynamic: u64, count: u32) {
    if let Some(Registered { source: Source::Table { count: old, .. }, .. }) = REGISTERED.write().iter_mut().find(|r| r.id == dynamic) {
        *old = count.max(*old);
    }
}

/// Removes a growable table.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtldeletegrowablefunctiontable>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlDeleteGrowableFunctionTable(dynamic: u64) {
    remove(dynamic);
}

/// Finds the function that covers an address.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtllookupfunctionentry>
#[export(ntdll + kernel32 + kernelbase, full, calls_guest)]
fn RtlLookupFunctionEntry(pc: u64, image_base: Ptr<u64>, _history: Ptr<u8>) -> Ptr<RuntimeFunction> {
    match lookup(pc) {
        Some((entry, base)) => {
            image_base.set(base);
            entry
        }
        None => {
            // Callers use the base for messages even where there is no entry.
            if let Some((base, _)) = image_of(pc as usize) {
                image_base.set(base as u64);
            }
            Ptr::NULL
        }
    }
}

/// The function table, its image's base and its size in bytes, for an address in an image.
#[export(ntdll, full)]
fn RtlLookupFunctionTable(pc: u64, image_base: Ptr<u64>, size: Ptr<u32>) -> Ptr<RuntimeFunction> {
    let Some((base, image_size)) = image_of(pc as usize) else { return Ptr::NULL };
    image_base.set(base as u64);
    let Some((table, count)) = exception_directory(base, image_size) else { return Ptr::NULL };
    size.set(count * 12);
    table
}

/// The base of the image that holds an address. <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlpctofileheader>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlPcToFileHeader(pc: u64, base_out: Ptr<u64>) -> u64 {
    let base = image_of(pc as usize).map_or(0, |(base, _)| base as u64);
    base_out.set(base);
    base
}
