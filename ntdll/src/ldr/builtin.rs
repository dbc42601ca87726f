//! Unsafe edge (images are leaked, and sorted in place): builtin DLLs as PE images in memory: headers, a stub for each export, and an export directory, so
//! that programs which walk modules find what they find on Windows.
//!
//! Few programs look, and a DLL has hundreds of exports. So an image is only address space at first: a stub is written
//! when its address is asked for, one behind the other, and everything else when somebody touches the headers or the
//! directory, which fault until then.
#![allow(unsafe_code)]

use super::stub::{self, STUB};
use crate::memory::{self, Kind as RegionKind};
use crate::trace;
use abi::dll::{self, Dll};
use abi::export::{Export, Kind};
use abi::{NTSTATUS, Ptr};
use host::mem::{self, PAGE, Place, Prot};
use parking_lot::Mutex;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use windows_sys::Win32::System::Memory as m;

/// An image of ours in memory. Images are never unloaded.
pub struct Image {
    pub base: usize,
    pub size: usize,
    pub dll: Dll,
    /// Size of the code.
    text: usize,
    directory: Layout,
    state: Mutex<State>,
    next: *const Image,
}

// SAFETY: `next` is set before the image is shared, and points to another one that lives for good.
unsafe impl Sync for Image {}
// SAFETY: as above.
unsafe impl Send for Image {}

struct State {
    /// Of each export, the number of its stub + 1, or 0.
    stubs: Vec<u16>,
    used: usize,
    /// Pages of code that are accessible, and how many of them are executable.
    open: usize,
    sealed: usize,
    /// Headers and directory are written.
    complete: bool,
}

/// Variables that a builtin DLL exports and that have to be filled in when a program binds one of them.
pub struct Variables {
    pub dll: &'static str,
    pub names: &'static [&'static str],
    fill: fn(),
    once: Once,
}

impl Variables {
    pub const fn new(dll: &'static str, names: &'static [&'static str], fill: fn()) -> Variables {
        Variables { dll, names, fill, once: Once::new() }
    }
}

#[linkme::distributed_slice]
pub static VARIABLES: [Variables];

/// Some image has code that is not executable yet.
static UNSEALED: AtomicBool = AtomicBool::new(false);

/// Offset of the code.
const TEXT: usize = PAGE;
const STUBS_PER_PAGE: usize = PAGE / STUB;

/// The newest image; each points to the one before.
static IMAGES: AtomicPtr<Image> = AtomicPtr::new(std::ptr::null_mut());

fn images() -> impl Iterator<Item = &'static Image> {
    // SAFETY: images are leaked boxes.
    let get = |image: *const Image| unsafe { image.as_ref() };
    std::iter::successors(get(IMAGES.load(Ordering::Acquire)), move |image| get(image.next))
}

/// Whether there is a builtin DLL of that name (lower case).
pub fn exists(dll: &str) -> bool {
    dll::find(dll).is_some()
}

/// Makes the image of a builtin DLL (lower case).
pub fn load(dll: &str) -> Result<&'static Image, NTSTATUS> {
    let dll = dll::find(dll).ok_or(NTSTATUS::DLL_NOT_FOUND)?;
    // Traced exports have two stubs each, on the same page.
    let stubs = if trace::is_on() { dll.rows().len() * 2 + dll.rows().len() / (STUBS_PER_PAGE / 2) } else { dll.rows().len() };
    let text = stubs.div_ceil(STUBS_PER_PAGE) * PAGE;
    let directory = Layout::of(dll, TEXT + text);
    let size = directory.end().next_multiple_of(PAGE);
    let map = |at: usize| mem::map_anonymous(Place::Exactly(at), size, Prot::NONE).map(drop);
    let base = memory::insert(None, size, m::PAGE_READONLY, RegionKind::Image, map)?;
    memory::note_protection(base + TEXT, text, m::PAGE_EXECUTE_READ);
    let image = Box::leak(Box::new(Image {
        base,
        size,
        dll,
        text,
        directory,
        state: Mutex::new(State { stubs: vec![0; dll.rows().len()], used: 0, open: 0, sealed: 0, complete: false }),
        next: IMAGES.load(Ordering::Acquire),
    }));
    // Under the loader lock: nobody else adds one.
    IMAGES.store(image, Ordering::Release);
    Ok(image)
}

/// Makes new stubs executable: to be called before guest code runs that may have got their addresses.
pub fn seal() -> Result<(), NTSTATUS> {
    if UNSEALED.swap(false, Ordering::AcqRel) {
        for image in images() {
            image.seal(&mut image.state.lock()).map_err(|_| NTSTATUS::NO_MEMORY)?;
        }
    }
    Ok(())
}

/// A page fault at `addr`: whether it was an image that is complete now. In a signal handler, so nothing is
/// allocated here.
pub fn on_fault(addr: usize) -> bool {
    match images().find(|image| addr.wrapping_sub(image.base) < image.size) {
        Some(image) => image.complete(),
        None => false,
    }
}

impl Image {
    /// The address that an export has for the guest.
    pub fn by_name(&self, name: &str) -> Option<usize> {
        self.address_of(self.dll.slot(name)?)
    }

    /// The address that an export has for the guest.
    pub fn by_ordinal(&self, ordinal: u16) -> Option<usize> {
        self.address_of(self.dll.slot_of_ordinal(ordinal)?)
    }

    fn address_of(&self, row: usize) -> Option<usize> {
        let export = &self.dll.rows()[row];
        if export.kind() == Kind::Data {
            let (dll, name) = (self.dll.name, export.name());
            VARIABLES.iter().filter(|v| v.dll == dll && v.names.contains(&name)).for_each(|v| v.once.call_once(v.fill));
            return Some(export.address());
        }
        self.stub(&mut self.state.lock(), row).ok().map(|stub| self.base + stub_offset(stub))
    }

    /// The number of an export's stub, which is written if need be. A traced one has the plain one behind it.
    fn stub(&self, state: &mut State, row: usize) -> host::Result<usize> {
        if state.stubs[row] != 0 {
            return Ok(usize::from(state.stubs[row]) - 1);
        }
        let export = &self.dll.rows()[row];
        let traced = trace::wants(export);
        if traced && state.used % STUBS_PER_PAGE == STUBS_PER_PAGE - 1 {
            state.used += 1;
        }
        let stub = state.used;
        self.open(state, stub / STUBS_PER_PAGE)?;
        let at = self.base + stub_offset(stub);
        let plain = if traced { at + STUB } else { at };
        let syscall = if self.dll.name == "ntdll.dll" { crate::syscall::number(export.name()) } else { None };
        stub::write(plain, export.kind(), export.number(), export.address(), syscall);
        if traced {
            stub::write_traced(at, export.number());
        }
        state.stubs[row] = stub as u16 + 1;
        state.used += 1 + usize::from(traced);
        UNSEALED.store(true, Ordering::Release);
        Ok(stub)
    }

    /// Makes a page of code writable.
    fn open(&self, state: &mut State, page: usize) -> host::Result<()> {
        let at = self.base + TEXT + page * PAGE;
        if page >= state.open {
            mem::protect(at, PAGE, Prot::RW)?;
            state.open = page + 1;
        } else if page < state.sealed {
            // Other threads may be in the stubs beside it.
            mem::protect(at, PAGE, Prot::RWX)?;
            state.sealed = page;
        }
        Ok(())
    }

    fn seal(&self, state: &mut State) -> host::Result<()> {
        if state.sealed < state.open {
            mem::protect(self.base + TEXT + state.sealed * PAGE, (state.open - state.sealed) * PAGE, Prot::RX)?;
            state.sealed = state.open;
        }
        Ok(())
    }

    /// Writes all that is not there yet. False if it was or cannot be.
    fn complete(&self) -> bool {
        let mut state = self.state.lock();
        if state.complete {
            return false;
        }
        let (edata, len) = (self.base + self.directory.at, self.size - self.directory.at);
        let written = code(self.dll).try_for_each(|(row, _)| self.stub(&mut state, row).map(drop)).and_then(|()| {
            self.seal(&mut state)?;
            mem::protect(edata, len, Prot::RW)?;
            self.directory.write(self.base, self.dll, &state.stubs);
            mem::protect(edata, len, Prot::R)?;
            mem::protect(self.base, PAGE, Prot::RW)?;
            write_headers(self.base, self.text, self.directory.at, self.size, self.directory.size());
            mem::protect(self.base, PAGE, Prot::R)
        });
        state.complete = written.is_ok();
        state.complete
    }
}

/// Where a stub is, from the image's base.
fn stub_offset(stub: usize) -> usize {
    TEXT + stub / STUBS_PER_PAGE * PAGE + stub % STUBS_PER_PAGE * STUB
}

/// Where the parts of an export directory are. Variables are not in it: they lie outside of the image.
struct Layout {
    /// Offset of the directory.
    at: usize,
    first_ordinal: u32,
    /// Ordinals from the lowest to the highest fixed one; exports without one follow.
    fixed: usize,
    functions: usize,
    names: usize,
    /// Bytes of all names, with their ends.
    strings: usize,
}

fn code(dll: Dll) -> impl Iterator<Item = (usize, &'static Export)> {
    dll.rows().iter().enumerate().filter(|(_, export)| export.kind() != Kind::Data)
}

impl Layout {
    fn of(dll: Dll, at: usize) -> Layout {
        let (mut low, mut high) = (u32::MAX, 0);
        let mut layout = Layout { at, first_ordinal: 1, fixed: 0, functions: 0, names: 0, strings: dll.name.len() + 1 };
        for (_, export) in code(dll) {
            match u32::from(export.ordinal) {
                0 => layout.functions += 1,
                ordinal => (low, high) = (low.min(ordinal), high.max(ordinal)),
            }
            if !export.name().is_empty() {
                layout.names += 1;
                layout.strings += export.name().len() + 1;
            }
        }
        if high != 0 {
            layout.first_ordinal = low;
            layout.fixed = (high - low + 1) as usize;
        }
        layout.functions += layout.fixed;
        layout
    }

    fn size(&self) -> usize {
        40 + self.functions * 4 + self.names * 6 + self.strings
    }

    fn end(&self) -> usize {
        self.at + self.size()
    }

    /// Writes IMAGE_EXPORT_DIRECTORY and its tables.
    fn write(&self, base: usize, dll: Dll, stubs: &[u16]) {
        let functions = self.at + 40;
        let name_table = functions + self.functions * 4;
        let ordinals = name_table + self.names * 4;
        let strings = ordinals + self.names * 2;
        let put32 = |offset: usize, value: usize| Ptr::<u32>::new(base + offset).set(value as u32);
        let put_string = |offset: usize, text: &str| {
            let _ = Ptr::<u8>::new(base + offset).write_slice(text.as_bytes());
        };
        // At first the table of names holds the row and the index of each.
        let mut unnumbered = self.fixed;
        let mut name = name_table;
        for (row, export) in code(dll) {
            let index = match export.ordinal {
                0 => {
                    unnumbered += 1;
                    unnumbered - 1
                }
                ordinal => usize::from(ordinal) - self.first_ordinal as usize,
            };
            put32(functions + index * 4, stub_offset(usize::from(stubs[row]) - 1));
            if !export.name().is_empty() {
                put32(name, row << 16 | index);
                name += 4;
            }
        }
        let name_of = |entry: u32| dll.rows()[(entry >> 16) as usize].name();
        // SAFETY: the table lies in the image, which is writable here and which nobody else touches yet.
        let entries = unsafe { std::slice::from_raw_parts_mut((base + name_table) as *mut u32, self.names) };
        entries.sort_unstable_by_key(|&entry| name_of(entry));
        let mut string = strings;
        for number in 0..self.names {
            let at = name_table + number * 4;
            let entry = Ptr::<u32>::new(base + at).get();
            let name = name_of(entry);
            Ptr::<u16>::new(base + ordinals + number * 2).set(entry as u16);
            put32(at, string);
            put_string(string, name);
            string += name.len() + 1;
        }
        put_string(string, dll.name);
        let header = [0, 0, 0, string, self.first_ordinal as usize, self.functions, self.names, functions, name_table, ordinals];
        for (index, word) in header.into_iter().enumerate() {
            put32(self.at + index * 4, word);
        }
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
