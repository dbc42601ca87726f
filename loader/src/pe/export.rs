//! The export directory.

use super::{PeError, View};
use object::pe;

/// What an export leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Address(usize),
    /// `DLL.Name` or `DLL.#ordinal`.
    Forward(String),
}

struct Directory {
    rva: u32,
    size: u32,
    base: u32,
    functions: u32,
    function_count: u32,
    names: u32,
    name_count: u32,
    ordinals: u32,
}

impl View {
    fn export_directory(&self) -> Result<Option<Directory>, PeError> {
        let Some((rva, size)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_EXPORT)? else { return Ok(None) };
        let field = |offset: u32| self.read::<u32>(rva.wrapping_add(offset));
        Ok(Some(Directory {
            rva,
            size,
            base: field(16)?,
            function_count: field(20)?,
            name_count: field(24)?,
            functions: field(28)?,
            names: field(32)?,
            ordinals: field(36)?,
        }))
    }

    fn export_at(&self, directory: &Directory, index: u32) -> Result<Option<Target>, PeError> {
        if index >= directory.function_count {
            return Ok(None);
        }
        let rva: u32 = self.read(directory.functions.wrapping_add(index.wrapping_mul(4)))?;
        if rva == 0 {
            return Ok(None);
        }
        if rva.wrapping_sub(directory.rva) < directory.size {
            return Ok(Some(Target::Forward(self.string(rva)?)));
        }
        if rva as usize >= self.size {
            return Err(PeError::Damaged("an export lies outside the image"));
        }
        Ok(Some(Target::Address(self.base + rva as usize)))
    }

    /// Finds an export by name. Names are sorted, so this is a binary search.
    pub fn export_by_name(&self, name: &str) -> Result<Option<Target>, PeError> {
        let Some(directory) = self.export_directory()? else { return Ok(None) };
        let (mut low, mut high) = (0, directory.name_count);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.string(self.read(directory.names.wrapping_add(middle.wrapping_mul(4)))?)?;
            match found.as_str().cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let index: u16 = self.read(directory.ordinals.wrapping_add(middle.wrapping_mul(2)))?;
                    return self.export_at(&directory, u32::from(index));
                }
            }
        }
        Ok(None)
    }

    /// What all exports lead to.
    pub fn exports(&self) -> Result<Vec<Target>, PeError> {
        let Some(directory) = self.export_directory()? else { return Ok(Vec::new()) };
        // Ordinals have 16 bits.
        let count = directory.function_count.min(65_536);
        (0..count).filter_map(|index| self.export_at(&directory, index).transpose()).collect()
    }

    /// Finds an export by ordinal.
    pub fn export_by_ordinal(&self, ordinal: u32) -> Result<Option<Target>, PeError> {
        let Some(directory) = self.export_directory()? else { return Ok(None) };
        match ordinal.checked_sub(directory.base) {
            Some(index) => self.export_at(&directory, index),
            None => Ok(None),
        }
    }
}
