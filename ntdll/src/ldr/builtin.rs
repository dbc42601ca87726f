//! Builtin DLLs as PE images in memory: headers, a stub for each export, and an export directory, so
//! that programs which walk modules find what they find on Windows.

use super::stub::{self, STUB};
use crate::memory::{self, Kind as RegionKind};
use abi::export::{self, Export, Kind};
use abi::{NTSTATUS, Ptr};
use host::mem::{self, PAGE, Place, Prot};
use windows_sys::Win32::System::Memory as m;

/// An image of ours in memory.
pub struct Image {
    pub base: usize,
    pub size: usize,
    /// Row numbers in the table of exports, ascending; the n-th has the n-th stub.
    rows: Vec<u32>,
    stubs: usize,
}

/// What builtin DLLs do when they are loaded, by file name: filling in the variables that they export.
#[linkme::distributed_slice]
pub static ATTACH: [(&'static str, fn())];

/// First page of code. Its first words point to the Rust functions.
const TEXT: usize = 0x1000;

impl Image {
    /// The address that an export has for the guest.
    pub fn address_of(&self, export: &'static Export) -> Option<usize> {
        if export.kind() == Kind::Data {
            return Some(export.address());
        }
        let slot = self.rows.binary_search(&export.index()).ok()?;
        Some(self.stubs + slot * STUB)
    }
}

/// Whether there is a builtin DLL of that name (lower case).
pub fn exists(dll: &str) -> bool {
    dll == "kernelbase.dll" || export::of_dll(dll).next().is_some()
}

/// Makes the image of a builtin DLL.
pub fn load(dll: &str) -> Result<Image, NTSTATUS> {
    let exports: Vec<&'static Export> = export::of_dll(dll).collect();
    let rows: Vec<u32> = exports.iter().map(|e| e.index()).collect();
    let count = exports.len();
    let table = (count + 1) * 8;
    let text_size = (table.next_multiple_of(16) + count * STUB).next_multiple_of(PAGE);
    let directory = Directory::of(&exports, dll);
    let edata = TEXT + text_size;
    let size = edata + directory.size().next_multiple_of(PAGE);
    let map = |at: usize| mem::map_anonymous(Place::Exactly(at), size, Prot::RW).map(drop);
    let base = memory::insert(None, size, m::PAGE_READONLY, RegionKind::Image, map)?;
    let stubs = base + TEXT + table.next_multiple_of(16);
    let frame = base + TEXT + count * 8;
    Ptr::<u64>::new(frame).set(abi::call::entry_frame as *const () as u64);
    let is_ntdll = dll == "ntdll.dll";
    for (slot, export) in exports.iter().enumerate() {
        let target = base + TEXT + slot * 8;
        Ptr::<u64>::new(target).set(export.address() as u64);
        let is_syscall = is_ntdll && export.name().starts_with("Nt");
        stub::write(stubs + slot * STUB, export.kind(), rows[slot], target, frame, is_syscall.then_some(slot as u32));
    }
    directory.write(base, edata, stubs);
    write_headers(base, text_size, edata, size, directory.size());
    mem::protect(base, PAGE, Prot::R).map_err(|_| NTSTATUS::NO_MEMORY)?;
    mem::protect(base + TEXT, text_size, Prot::RX).map_err(|_| NTSTATUS::NO_MEMORY)?;
    mem::protect(base + edata, size - edata, Prot::R).map_err(|_| NTSTATUS::NO_MEMORY)?;
    memory::note_protection(base + TEXT, text_size, m::PAGE_EXECUTE_READ);
    Ok(Image { base, size, rows, stubs })
}

/// The export directory before it is written.
struct Directory {
    dll: String,
    /// Name and slot, sorted by name, code only.
    names: Vec<(&'static str, u32)>,
    /// Slot of each ordinal from the lowest on.
    first_ordinal: u32,
    slots: Vec<Option<u32>>,
}

impl Directory {
    fn of(exports: &[&'static Export], dll: &str) -> Directory {
        let code = || exports.iter().enumerate().filter(|(_, e)| e.kind() != Kind::Data);
        let fixed = || code().filter(|(_, e)| e.ordinal != 0);
        let first_ordinal = fixed().map(|(_, e)| u32::from(e.ordinal)).min().unwrap_or(1);
        let mut slots: Vec<Option<u32>> = Vec::new();
        for (slot, export) in fixed() {
            let at = usize::from(export.ordinal) - first_ordinal as usize;
            if slots.len() <= at {
                slots.resize(at + 1, None);
            }
            slots[at] = Some(slot as u32);
        }
        let mut names: Vec<(&'static str, u32)> = Vec::with_capacity(exports.len());
        for (slot, export) in code() {
            let at = match export.ordinal {
                0 => {
                    slots.push(Some(slot as u32));
                    slots.len() - 1
                }
                ordinal => usize::from(ordinal) - first_ordinal as usize,
            };
            if !export.name().is_empty() {
                names.push((export.name(), at as u32));
            }
        }
        names.sort_unstable();
        Directory { dll: dll.to_string(), names, first_ordinal, slots }
    }

    fn size(&self) -> usize {
        40 + self.slots.len() * 4 + self.names.len() * 6 + self.names.iter().map(|n| n.0.len() + 1).sum::<usize>() + self.dll.len() + 1
    }

    /// IMAGE_EXPORT_DIRECTORY and its tables at offset `at`.
    fn write(&self, base: usize, at: usize, stubs: usize) {
        let functions = at + 40;
        let name_table = functions + self.slots.len() * 4;
        let ordinals = name_table + self.names.len() * 4;
        let mut strings = ordinals + self.names.len() * 2;
        let mut bytes = vec![0u8; self.size()];
        let mut put = |offset: usize, data: &[u8]| bytes[offset - at..offset - at + data.len()].copy_from_slice(data);
        for (index, slot) in self.slots.iter().enumerate() {
            let rva = slot.map_or(0, |slot| (stubs - base + slot as usize * STUB) as u32);
            put(functions + index * 4, &rva.to_le_bytes());
        }
        for (index, (name, slot)) in self.names.iter().enumerate() {
            put(name_table + index * 4, &(strings as u32).to_le_bytes());
            put(ordinals + index * 2, &(*slot as u16).to_le_bytes());
            put(strings, name.as_bytes());
            strings += name.len() + 1;
        }
        put(strings, self.dll.as_bytes());
        let header = [
            0,
            0,
            0,
            strings as u32,
            self.first_ordinal,
            self.slots.len() as u32,
            self.names.len() as u32,
            functions as u32,
            name_table as u32,
            ordinals as u32,
        ];
        for (index, word) in header.iter().enumerate() {
            put(at + index * 4, &word.to_le_bytes());
        }
        let _ = Ptr::<u8>::new(base + at).write_slice(&bytes);
    }
}

/// DOS header, NT headers and section table.
fn write_headers(base: usize, text_size: usize, edata: usize, size: usize, edata_size: usize) {
    let put16 = |at: usize, v: u16| Ptr::<u16>::new(base + at).set(v);
    let put32 = |at: usize, v: u32| Ptr::<u32>::new(base + at).set(v);
    let put64 = |at: usize, v: u64| Ptr::<u64>::new(base + at).set(v);
    put16(0, 0x5a4d);
    put32(0x3c, 0x80);
    let nt = 0x80;
    put32(nt, 0x4550);
    put16(nt + 4, 0x8664);
    put16(nt + 6, 2); // sections
    put16(nt + 20, 240); // size of optional header
    put16(nt + 22, 0x2022); // executable, large addresses, DLL
    let optional = nt + 24;
    put16(optional, 0x20b);
    put32(optional + 4, text_size as u32);
    put32(optional + 20, TEXT as u32);
    put64(optional + 24, base as u64);
    put32(optional + 32, PAGE as u32);
    put32(optional + 36, PAGE as u32);
    put16(optional + 40, 10);
    put16(optional + 44, 10);
    put16(optional + 48, 10);
    put32(optional + 56, size as u32);
    put32(optional + 60, PAGE as u32);
    put16(optional + 68, 3);
    put16(optional + 70, 0x160);
    put32(optional + 108, 16);
    put32(optional + 112, edata as u32);
    put32(optional + 116, edata_size as u32);
    let section = |index: usize, name: &[u8], rva: usize, len: usize, characteristics: u32| {
        let at = optional + 240 + index * 40;
        let _ = Ptr::<u8>::new(base + at).write_slice(name);
        put32(at + 8, len as u32);
        put32(at + 12, rva as u32);
        put32(at + 16, len as u32);
        put32(at + 20, rva as u32);
        put32(at + 36, characteristics);
    };
    section(0, b".text", TEXT, text_size, 0x6000_0020);
    section(1, b".edata", edata, size - edata, 0x4000_0040);
}
