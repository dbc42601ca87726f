//! The import directories, plain and delayed.

use super::{PeError, View};
use object::pe;

/// How an import names what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    Name(String),
    Ordinal(u16),
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Symbol::Name(name) => f.write_str(name),
            Symbol::Ordinal(ordinal) => write!(f, "#{ordinal}"),
        }
    }
}

/// One imported DLL.
#[derive(Clone, Debug)]
pub struct Import {
    pub dll: String,
    /// Bound when first called, by the program's own helper.
    pub delayed: bool,
    /// What is wanted, and the offset of the slot that takes its address.
    pub slots: Vec<(Symbol, u32)>,
}

/// Keeps damaged tables from running on: no real module imports that much from one DLL.
const MAX_SLOTS: usize = 65_536;
const MAX_DLLS: usize = 4_096;

impl View {
    /// The DLLs that the image imports at load time.
    pub fn imports(&self) -> Result<Vec<Import>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT)? else { return Ok(Vec::new()) };
        let mut imports = Vec::new();
        for at in (rva..).step_by(20).take(MAX_DLLS) {
            let lookup: u32 = self.read(at)?;
            let name: u32 = self.read(at.wrapping_add(12))?;
            let table: u32 = self.read(at.wrapping_add(16))?;
            if name == 0 || table == 0 {
                return Ok(imports);
            }
            let slots = self.slots(if lookup == 0 { table } else { lookup }, table)?;
            imports.push(Import { dll: self.string(name)?, delayed: false, slots });
        }
        Err(PeError::Damaged("the import table has no end"))
    }

    /// The DLLs that the image imports when it first calls them.
    pub fn delayed_imports(&self) -> Result<Vec<Import>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT)? else { return Ok(Vec::new()) };
        let mut imports = Vec::new();
        for at in (rva..).step_by(32).take(MAX_DLLS) {
            let attributes: u32 = self.read(at)?;
            let name: u32 = self.read(at.wrapping_add(4))?;
            let table: u32 = self.read(at.wrapping_add(12))?;
            let lookup: u32 = self.read(at.wrapping_add(16))?;
            // Attribute bit 0: fields are offsets. Only 32-bit linkers before 2002 wrote addresses.
            if name == 0 || attributes & 1 == 0 {
                return Ok(imports);
            }
            imports.push(Import { dll: self.string(name)?, delayed: true, slots: self.slots(lookup, table)? });
        }
        Err(PeError::Damaged("the delay import table has no end"))
    }

    fn slots(&self, lookup: u32, table: u32) -> Result<Vec<(Symbol, u32)>, PeError> {
        let mut slots = Vec::new();
        for index in 0..MAX_SLOTS as u32 {
            let entry: u64 = self.read(lookup.wrapping_add(index * 8))?;
            if entry == 0 {
                return Ok(slots);
            }
            let symbol = if entry >> 63 != 0 {
                Symbol::Ordinal(entry as u16)
            } else {
                // Skip the two bytes of hint.
                Symbol::Name(self.string((entry as u32 & 0x7fff_ffff).wrapping_add(2))?)
            };
            slots.push((symbol, table.wrapping_add(index * 8)));
        }
        Err(PeError::Damaged("an import table has no end"))
    }
}
