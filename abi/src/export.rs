//! Unsafe edge (rows in the linker's sections): what a builtin DLL exports.
//!
//! Rows hold distances instead of addresses, so they need no relocation and stay shared with the file; see
//! `abi-macros`. Parameters and notes are parsed from the row's text on demand.
#![allow(unsafe_code)]

use crate::dll;

/// One export of one builtin DLL. The macros write it in assembly.
#[repr(C, align(4))]
pub struct Export {
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

const _: () = assert!(size_of::<Export>() == 16);

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

    /// The row's number in call rings and traces: its distance from a place in the program.
    pub fn number(&'static self) -> u32 {
        (&raw const *self as usize).wrapping_sub(dll::anchor()) as u32
    }

    /// The row that has a number.
    pub fn of_number(number: u32) -> Option<&'static Export> {
        let at = dll::anchor().wrapping_add_signed(number as i32 as isize);
        dll::all().find_map(|dll| dll.rows().iter().find(|row| &raw const **row as usize == at))
    }
}
