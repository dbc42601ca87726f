//! Unsafe edge (the linker's section): the table of everything that the builtin DLLs export.
//!
//! The linker collects the rows from all crates into one section; see `abi-macros`. Rows hold distances instead
//! of addresses, so they need no relocation and stay shared with the file. An index by name is made when the first
//! import is bound; parameters and notes are parsed from the row's text on demand.
#![allow(unsafe_code)]

use std::sync::OnceLock;

/// One export of one builtin DLL. The macros write it in assembly.
#[repr(C)]
pub struct Export {
    dll_hash: u32,
    name_hash: u32,
    /// From this field to the Rust entry or the data.
    entry: i32,
    /// From this field to the text: DLL, name, note, parameters `name:type,…`, result and module, each ended by a
    /// newline; then a zero byte.
    text: i32,
    /// 0: none is fixed.
    pub ordinal: u16,
    /// Where the name begins in the text, which is one more than the length of the DLL's name, and its length.
    name_at: u8,
    name_len: u8,
    kind: u8,
    level: u8,
    _fill: u16,
}

const _: () = assert!(size_of::<Export>() == 24);

// An empty contribution, so that the section exists in programs without exports, such as unit tests.
std::arch::global_asm!(".pushsection uosrun_exports,\"aR\",@progbits", ".popsection");

unsafe extern "C" {
    #[link_name = "__start_uosrun_exports"]
    static START: Export;
    #[link_name = "__stop_uosrun_exports"]
    static STOP: Export;
}

/// All rows, in link order.
pub fn exports() -> &'static [Export] {
    let (start, stop) = (&raw const START, &raw const STOP);
    // SAFETY: the linker defines both ends, and between them lie whole rows, which nobody writes.
    unsafe { std::slice::from_raw_parts(start, (stop as usize - start as usize) / size_of::<Export>()) }
}

/// How the stub of an export hands over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A plain function.
    Plain,
    /// Spill register arguments to their home slots first.
    Variadic,
    /// Calls back into the guest: comes through `abi::call::entry_frame`.
    CallsGuest,
    /// Needs the registers as they are: no stub.
    Asm,
    /// Not code.
    Data,
}

/// How complete an export is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Full,
    /// With what is missing.
    Partial(&'static str),
    /// With what it pretends.
    Stub(&'static str),
}

impl Export {
    fn text(&self) -> &'static str {
        let at = (&raw const self.text).cast::<u8>().wrapping_offset(self.text as isize);
        // SAFETY: the macro writes UTF-8 and a zero byte there.
        unsafe { std::ffi::CStr::from_ptr(at.cast()).to_str().unwrap_unchecked() }
    }

    fn field(&self, index: usize) -> &'static str {
        self.text().split('\n').nth(index).unwrap_or("")
    }

    fn part(&self, at: u8, len: u8) -> &'static str {
        let at = (&raw const self.text).cast::<u8>().wrapping_offset(self.text as isize).wrapping_add(at.into());
        // SAFETY: a part of the text, whose bounds the macro has counted.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(at, len.into())) }
    }

    /// File name of the DLL, in lower case.
    pub fn dll(&self) -> &'static str {
        self.part(0, self.name_at - 1)
    }

    /// Empty when it is exported by ordinal only.
    pub fn name(&self) -> &'static str {
        self.part(self.name_at, self.name_len)
    }

    pub fn kind(&self) -> Kind {
        match self.kind {
            b'v' => Kind::Variadic,
            b'g' => Kind::CallsGuest,
            b'a' => Kind::Asm,
            b'd' => Kind::Data,
            _ => Kind::Plain,
        }
    }

    pub fn level(&self) -> Level {
        match self.level {
            b'p' => Level::Partial(self.field(2)),
            b's' => Level::Stub(self.field(2)),
            _ => Level::Full,
        }
    }

    /// Pairs of parameter name and Rust type.
    pub fn params(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.field(3).split(',').filter_map(|p| p.split_once(':'))
    }

    /// The result's Rust type.
    pub fn result(&self) -> &'static str {
        self.field(4)
    }

    /// The last part of the Rust module's path: the header's name. (The row is in a module of its own in it.)
    pub fn module(&self) -> &'static str {
        self.field(5).rsplit("::").nth(1).unwrap_or("")
    }

    /// The address of the Rust entry or of the data.
    pub fn address(&self) -> usize {
        (&raw const self.entry as usize).wrapping_add_signed(self.entry as isize)
    }

    /// The row's number, which call rings and traces use.
    pub fn index(&'static self) -> u32 {
        ((&raw const *self as usize - &raw const START as usize) / size_of::<Export>()) as u32
    }

    /// The row's number among those of its DLL.
    pub fn slot(&'static self) -> usize {
        index().slots[self.index() as usize].into()
    }
}

/// FNV-1a, 32 bits. <http://www.isthe.com/chongo/tech/comp/fnv/>
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |value, &byte| (value ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What finds rows.
struct Index {
    /// A hash table with open addressing, by DLL and name: row number + 1, 0: free.
    table: Vec<u16>,
    /// Of each row: its number among those of its DLL.
    slots: Vec<u16>,
    /// The DLLs by hash of their name, and where their rows are in `order`.
    dlls: Vec<(u32, std::ops::Range<usize>)>,
    /// Row numbers, DLL by DLL, ascending.
    order: Vec<u16>,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let exports = exports();
        let size = (exports.len() * 2).next_power_of_two();
        let mut table = vec![0u16; size];
        let mut slots = Vec::with_capacity(exports.len());
        let mut dll_of = Vec::with_capacity(exports.len());
        let mut dlls: Vec<(u32, std::ops::Range<usize>)> = Vec::new();
        let mut current = 0;
        for (row, export) in exports.iter().enumerate() {
            let mut at = mix(export.dll_hash, export.name_hash) & (size - 1);
            while table[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            table[at] = row as u16 + 1;
            // Rows of one DLL come mostly one after the other.
            if dlls.get(current).is_none_or(|dll| dll.0 != export.dll_hash) {
                current = dlls.iter().position(|dll| dll.0 == export.dll_hash).unwrap_or_else(|| {
                    dlls.push((export.dll_hash, 0..0));
                    dlls.len() - 1
                });
            }
            dll_of.push(current as u8);
            slots.push(dlls[current].1.end as u16);
            dlls[current].1.end += 1;
        }
        let mut start = 0;
        for (_, range) in &mut dlls {
            *range = start..start + range.end;
            start = range.end;
        }
        let mut order = vec![0; exports.len()];
        for (row, &dll) in dll_of.iter().enumerate() {
            order[dlls[usize::from(dll)].1.start + usize::from(slots[row])] = row as u16;
        }
        Index { table, slots, dlls, order }
    })
}

fn mix(dll: u32, name: u32) -> usize {
    (u64::from(name) ^ (u64::from(dll) << 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 32
}

/// Finds an export by DLL (lower case) and name.
pub fn find(dll: &str, name: &str) -> Option<&'static Export> {
    let (index, exports) = (index(), exports());
    let (dll_hash, name_hash) = (hash(dll.as_bytes()), hash(name.as_bytes()));
    let mask = index.table.len() - 1;
    let mut at = mix(dll_hash, name_hash) & mask;
    loop {
        let row = index.table[at].checked_sub(1)?;
        let export = &exports[usize::from(row)];
        if export.dll_hash == dll_hash && export.name_hash == name_hash && export.name() == name && export.dll() == dll {
            return Some(export);
        }
        at = (at + 1) & mask;
    }
}

/// Finds an export by DLL (lower case) and ordinal.
pub fn find_ordinal(dll: &str, ordinal: u16) -> Option<&'static Export> {
    of_dll(dll).iter().find(|export| export.ordinal == ordinal)
}

/// The exports of one DLL, in link order.
#[derive(Clone, Copy)]
pub struct Rows(&'static [u16]);

impl Rows {
    pub fn len(self) -> usize {
        self.0.len()
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The export of a slot.
    pub fn get(self, slot: usize) -> Option<&'static Export> {
        self.0.get(slot).map(|&row| &exports()[usize::from(row)])
    }

    /// In the order of their slots.
    pub fn iter(self) -> impl Iterator<Item = &'static Export> {
        self.0.iter().map(|&row| &exports()[usize::from(row)])
    }
}

/// All exports of a DLL (lower case).
pub fn of_dll(dll: &str) -> Rows {
    let dll_hash = hash(dll.as_bytes());
    let index = index();
    Rows(index.dlls.iter().find(|d| d.0 == dll_hash).map_or(&[], |d| &index.order[d.1.clone()]))
}
