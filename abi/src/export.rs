//! The table of everything that the builtin DLLs export.
//!
//! The linker collects the rows ([`EXPORTS`]) from all crates. An index by name is made when the first
//! import is bound; everything else (parameters, levels) is parsed from the row's text on demand.

use std::sync::OnceLock;

/// All rows, in link order.
#[linkme::distributed_slice]
pub static EXPORTS: [Export];

/// One export of one builtin DLL.
pub struct Export {
    dll_hash: u32,
    name_hash: u32,
    pub ordinal: u16,
    entry: Entry,
    /// Newline-separated: DLL, name, kind and level letters, note, parameters `name:type,…`, result, module.
    text: &'static str,
}

struct Entry(*const ());
// SAFETY is not at stake: the pointer is only handed out as a number.
#[allow(unsafe_code)]
// SAFETY: the address of code or of a static, never dereferenced here.
unsafe impl Sync for Entry {}

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
    /// A row; `dll` is in lower case. Called by the macros.
    pub const fn new(dll: &str, name: &str, ordinal: u16, entry: *const (), text: &'static str) -> Export {
        Export { dll_hash: hash(dll.as_bytes()), name_hash: hash(name.as_bytes()), ordinal, entry: Entry(entry), text }
    }

    fn field(&self, index: usize) -> &'static str {
        self.text.split('\n').nth(index).unwrap_or("")
    }

    /// File name of the DLL, in lower case.
    pub fn dll(&self) -> &'static str {
        self.field(0)
    }

    /// Empty when it is exported by ordinal only.
    pub fn name(&self) -> &'static str {
        self.field(1)
    }

    pub fn kind(&self) -> Kind {
        match self.field(2).as_bytes().first() {
            Some(b'v') => Kind::Variadic,
            Some(b'g') => Kind::CallsGuest,
            Some(b'a') => Kind::Asm,
            Some(b'd') => Kind::Data,
            _ => Kind::Plain,
        }
    }

    pub fn level(&self) -> Level {
        match self.field(2).as_bytes().get(1) {
            Some(b'p') => Level::Partial(self.field(3)),
            Some(b's') => Level::Stub(self.field(3)),
            _ => Level::Full,
        }
    }

    /// Pairs of parameter name and Rust type.
    pub fn params(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.field(4).split(',').filter_map(|p| p.split_once(':'))
    }

    /// The result's Rust type.
    pub fn result(&self) -> &'static str {
        self.field(5)
    }

    /// The last part of the Rust module's path: the header's name.
    pub fn module(&self) -> &'static str {
        self.field(6).rsplit("::").next().unwrap_or("")
    }

    /// The address of the Rust entry or of the data.
    pub fn address(&self) -> usize {
        self.entry.0 as usize
    }

    /// Whether this row belongs to `dll` (lower case).
    pub fn is_in(&self, dll: &str) -> bool {
        self.dll_hash == hash(dll.as_bytes()) && self.dll() == dll
    }

    /// The row's number, which call rings and traces use.
    pub fn index(&'static self) -> u32 {
        let start = EXPORTS.as_ptr() as usize;
        ((&raw const *self as usize - start) / size_of::<Export>()) as u32
    }
}

/// FNV-1a, 32 bits. <http://www.isthe.com/chongo/tech/comp/fnv/>
const fn hash(bytes: &[u8]) -> u32 {
    let mut value = 0x811c_9dc5u32;
    let mut i = 0;
    while i < bytes.len() {
        value = (value ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    value
}

/// An open-addressing table of row numbers (+1), by DLL and name hash.
struct Index {
    slots: Vec<u32>,
    mask: usize,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let size = (EXPORTS.len() * 2).next_power_of_two();
        let mut index = Index { slots: vec![0; size], mask: size - 1 };
        for (row, export) in EXPORTS.iter().enumerate() {
            let mut slot = mix(export.dll_hash, export.name_hash) & index.mask;
            while index.slots[slot] != 0 {
                slot = (slot + 1) & index.mask;
            }
            index.slots[slot] = row as u32 + 1;
        }
        index
    })
}

fn mix(dll: u32, name: u32) -> usize {
    (u64::from(name) ^ (u64::from(dll) << 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 32
}

/// Finds an export by DLL (lower case) and name.
pub fn find(dll: &str, name: &str) -> Option<&'static Export> {
    let index = index();
    let (dll_hash, name_hash) = (hash(dll.as_bytes()), hash(name.as_bytes()));
    let mut slot = mix(dll_hash, name_hash) & index.mask;
    loop {
        let row = index.slots[slot];
        if row == 0 {
            return None;
        }
        let export = &EXPORTS[row as usize - 1];
        if export.dll_hash == dll_hash && export.name_hash == name_hash && export.name() == name && export.dll() == dll {
            return Some(export);
        }
        slot = (slot + 1) & index.mask;
    }
}

/// Finds an export by DLL (lower case) and ordinal.
pub fn find_ordinal(dll: &str, ordinal: u16) -> Option<&'static Export> {
    of_dll(dll).find(|export| export.ordinal == ordinal)
}

/// All exports of a DLL (lower case), in link order.
pub fn of_dll(dll: &str) -> impl Iterator<Item = &'static Export> {
    let dll_hash = hash(dll.as_bytes());
    let dll = dll.to_string();
    EXPORTS.iter().filter(move |export| export.dll_hash == dll_hash && export.dll() == dll)
}
