//! The resource directory: a tree of three levels, type, name and language.

use super::{PeError, View};
use object::pe;

/// A resource's type or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    Number(u16),
    Name(Vec<u16>),
}

/// One entry of a level.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: Id,
    /// Offset from the start of the resource section; with bit 31 set it leads to a further level.
    pub offset: u32,
}

/// UTF-16 units of all names of one level.
const MAX_NAMES: usize = 1 << 20;

impl View {
    fn resource_base(&self) -> Result<Option<u32>, PeError> {
        Ok(self.directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE)?.map(|(rva, _)| rva))
    }

    /// The entries of the level at `offset` (0: the types).
    pub fn resource_level(&self, offset: u32) -> Result<Vec<Entry>, PeError> {
        let Some(base) = self.resource_base()? else { return Ok(Vec::new()) };
        let at = base.wrapping_add(offset & 0x7fff_ffff);
        let named: u16 = self.read(at.wrapping_add(12))?;
        let numbered: u16 = self.read(at.wrapping_add(14))?;
        let mut entries = Vec::new();
        let mut names = 0;
        for index in 0..u32::from(named) + u32::from(numbered) {
            let entry = at.wrapping_add(16 + index * 8);
            let (id, offset) = (self.read::<u32>(entry)?, self.read::<u32>(entry.wrapping_add(4))?);
            let id = if id >> 31 == 0 {
                Id::Number(id as u16)
            } else {
                let text = base.wrapping_add(id & 0x7fff_ffff);
                let len: u16 = self.read(text)?;
                // Names that overlap could fill the memory.
                names += usize::from(len);
                if names > MAX_NAMES {
                    return Err(PeError::Damaged("the resource names are longer than any real ones"));
                }
                let units = (0..u32::from(len)).map(|i| self.read::<u16>(text.wrapping_add(2 + i * 2)));
                Id::Name(units.collect::<Result<_, _>>()?)
            };
            entries.push(Entry { id, offset });
        }
        Ok(entries)
    }

    /// The data entry at `offset`: its own offset from the image base (what HRSRC is), the data's offset,
    /// and the data's size.
    pub fn resource_data(&self, offset: u32) -> Result<(u32, u32, u32), PeError> {
        let base = self.resource_base()?.ok_or(PeError::Damaged("no resources"))?;
        let entry = base.wrapping_add(offset & 0x7fff_ffff);
        let (rva, size) = (self.read::<u32>(entry)?, self.read::<u32>(entry.wrapping_add(4))?);
        if (rva as usize).checked_add(size as usize).is_none_or(|end| end > self.size) {
            return Err(PeError::Damaged("a resource lies outside the image"));
        }
        Ok((entry, rva, size))
    }
}
