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

/// Keep damaged tables from running on, and overlapping ones from filling the memory: no real module imports from so
/// many DLLs, so many functions, or so many bytes of names.
const MAX_DLLS: usize = 4_096;
const MAX_SLOTS: usize = 262_144;
const MAX_NAMES: usize = 32 << 20;

/// What the tables of one directory may still take.
struct Budget {
    slots: usize,
    names: usize,
}

impl Budget {
    const FULL: Budget = Budget { slots: MAX_SLOTS, names: MAX_NAMES };

    fn name(&mut self, name: String) -> Result<String, PeError> {
        self.names = self.names.checked_sub(name.len()).ok_or(PeError::Damaged("an import table has no end"))?;
        Ok(name)
    }
}

impl View {
    /// The DLLs that the image imports at load time.
    pub fn imports(&self) -> Result<Vec<Import>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT)? else { return Ok(Vec::new()) };
        let (mut imports, mut budget) = (Vec::new(), Budget::FULL);
        for at in (0..MAX_DLLS as u32).map(|index| rva.wrapping_add(index * 20)) {
            let lookup: u32 = self.read(at)?;
            let name: u32 = self.read(at.wrapping_add(12))?;
            let table: u32 = self.read(at.wrapping_add(16))?;
            if name == 0 || table == 0 {
                return Ok(imports);
            }
            let slots = self.slots(if lookup == 0 { table } else { lookup }, table, &mut budget)?;
            imports.push(Import { dll: budget.name(self.string(name)?)?, delayed: false, slots });
        }
        Err(PeError::Damaged("the import table has no end"))
    }

    /// The DLLs that the image imports when it first calls them.
    pub fn delayed_imports(&self) -> Result<Vec<Import>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT)? else { return Ok(Vec::new()) };
        let (mut imports, mut budget) = (Vec::new(), Budget::FULL);
        for at in (0..MAX_DLLS as u32).map(|index| rva.wrapping_add(index * 32)) {
            let attributes: u32 = self.read(at)?;
            let name: u32 = self.read(at.wrapping_add(4))?;
            let table: u32 = self.read(at.wrapping_add(12))?;
            let lookup: u32 = self.read(at.wrapping_add(16))?;
            // Attribute bit 0: fields are offsets. Only 32-bit linkers before 2002 wrote addresses.
            if name == 0 || attributes & 1 == 0 {
                return Ok(imports);
            }
            let slots = self.slots(lookup, table, &mut budget)?;
            imports.push(Import { dll: budget.name(self.string(name)?)?, delayed: true, slots });
        }
        Err(PeError::Damaged("the delay import table has no end"))
    }

    fn slots(&self, lookup: u32, table: u32, budget: &mut Budget) -> Result<Vec<(Symbol, u32)>, PeError> {
        let mut slots = Vec::new();
        for index in 0..MAX_SLOTS as u32 {
            budget.slots = budget.slots.checked_sub(1).ok_or(PeError::Damaged("an import table has no end"))?;
            let entry: u64 = self.read(lookup.wrapping_add(index * 8))?;
            if entry == 0 {
                return Ok(slots);
            }
            let symbol = if entry >> 63 != 0 {
                Symbol::Ordinal(entry as u16)
            } else {
                // Skip the two bytes of hint.
                Symbol::Name(budget.name(self.string((entry as u32 & 0x7fff_ffff).wrapping_add(2))?)?)
            };
            slots.push((symbol, table.wrapping_add(index * 8)));
        }
        Err(PeError::Damaged("an import table has no end"))
    }
}
