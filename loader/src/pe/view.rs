//! Reading the directories of an image that is in memory.

use super::PeError;
use abi::fault;
use object::pe;

/// An image in memory, at `base`, of `size` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub base: usize,
    pub size: usize,
}

/// IMAGE_TLS_DIRECTORY64, as addresses.
#[derive(Clone, Debug)]
pub struct Tls {
    pub template: usize,
    pub template_size: usize,
    pub zero_fill: usize,
    /// Address of the variable that takes the module's index.
    pub index: usize,
    pub callbacks: Vec<usize>,
}

/// More than any real module has; keeps damaged lists from running on.
const MAX_CALLBACKS: usize = 256;

impl View {
    /// Reads a `T` at an offset from the base.
    pub fn read<T: Copy>(&self, rva: u32) -> Result<T, PeError> {
        let end = (rva as usize).checked_add(size_of::<T>());
        if end.is_none_or(|end| end > self.size) {
            return Err(PeError::Damaged("an address lies outside the image"));
        }
        Ok(fault::read(self.base + rva as usize)?)
    }

    /// Writes a `T` at an offset from the base.
    pub fn write<T: Copy>(&self, rva: u32, value: T) -> Result<(), PeError> {
        let end = (rva as usize).checked_add(size_of::<T>());
        if end.is_none_or(|end| end > self.size) {
            return Err(PeError::Damaged("an address lies outside the image"));
        }
        Ok(fault::write(self.base + rva as usize, value)?)
    }

    /// The NUL-terminated string at an offset.
    pub fn string(&self, rva: u32) -> Result<String, PeError> {
        let mut bytes = Vec::new();
        let mut at = rva;
        loop {
            match self.read::<u8>(at)? {
                0 => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                byte => bytes.push(byte),
            }
            if bytes.len() > 4096 {
                return Err(PeError::Damaged("a name has no end"));
            }
            at += 1;
        }
    }

    fn nt(&self) -> Result<u32, PeError> {
        self.read::<u32>(0x3c)
    }

    /// Data directory number `index`: offset and size, None when absent.
    pub fn directory(&self, index: usize) -> Result<Option<(u32, u32)>, PeError> {
        let nt = self.nt()?;
        let count: u32 = self.read(nt.wrapping_add(24 + 108))?;
        if index as u32 >= count {
            return Ok(None);
        }
        let at = nt.wrapping_add(24 + 112 + index as u32 * 8);
        let (rva, size) = (self.read::<u32>(at)?, self.read::<u32>(at.wrapping_add(4))?);
        Ok((rva != 0 && size != 0).then_some((rva, size)))
    }

    /// Offset of the entry point; None when there is none.
    pub fn entry(&self) -> Result<Option<u32>, PeError> {
        let entry: u32 = self.read(self.nt()?.wrapping_add(24 + 16))?;
        Ok((entry != 0).then_some(entry))
    }

    /// Records the base at which the image was mapped in its headers, as the Windows loader does.
    pub fn set_image_base(&self) -> Result<(), PeError> {
        self.write(self.nt()?.wrapping_add(24 + 24), self.base as u64)
    }

    /// Applies base relocations for a move by `delta` bytes.
    pub fn relocate(&self, delta: u64) -> Result<(), PeError> {
        if delta == 0 {
            return Ok(());
        }
        let Some((start, size)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC)? else {
            // Nothing in it depends on its address: a DLL of data alone.
            return Ok(());
        };
        let end = start.checked_add(size).ok_or(PeError::Damaged("the relocation table is out of range"))?;
        let mut block = start;
        while end - block >= 8 {
            let (page, len) = (self.read::<u32>(block)?, self.read::<u32>(block + 4)?);
            if len < 8 || len > end - block {
                return Err(PeError::Damaged("a relocation block has a wrong size"));
            }
            for entry in (block + 8..block + (len & !1)).step_by(2) {
                let entry: u16 = self.read(entry)?;
                let at = page.wrapping_add(u32::from(entry & 0xfff));
                match entry >> 12 {
                    pe::IMAGE_REL_BASED_ABSOLUTE => {}
                    pe::IMAGE_REL_BASED_DIR64 => self.write(at, self.read::<u64>(at)?.wrapping_add(delta))?,
                    pe::IMAGE_REL_BASED_HIGHLOW => self.write(at, self.read::<u32>(at)?.wrapping_add(delta as u32))?,
                    pe::IMAGE_REL_BASED_HIGH => self.write(at, self.read::<u16>(at)?.wrapping_add((delta >> 16) as u16))?,
                    pe::IMAGE_REL_BASED_LOW => self.write(at, self.read::<u16>(at)?.wrapping_add(delta as u16))?,
                    _ => return Err(PeError::Damaged("a relocation of unknown type")),
                }
            }
            block += len;
        }
        Ok(())
    }

    fn offset_of(&self, address: u64) -> Result<u32, PeError> {
        let offset = (address as usize).wrapping_sub(self.base);
        if offset < self.size { Ok(offset as u32) } else { Err(PeError::Damaged("an address lies outside the image")) }
    }

    /// The TLS directory.
    pub fn tls(&self) -> Result<Option<Tls>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_TLS)? else { return Ok(None) };
        let start: u64 = self.read(rva)?;
        let end: u64 = self.read(rva + 8)?;
        let index: u64 = self.read(rva + 16)?;
        let list: u64 = self.read(rva + 24)?;
        let zero_fill: u32 = self.read(rva + 32)?;
        let template_size = end.checked_sub(start).ok_or(PeError::Damaged("the TLS template ends before it starts"))? as usize;
        if template_size != 0 {
            let first = self.offset_of(start)? as usize;
            if template_size > self.size - first || zero_fill as usize > self.size {
                return Err(PeError::Damaged("the TLS template lies outside the image"));
            }
        }
        let mut callbacks = Vec::new();
        if list != 0 {
            let mut at = self.offset_of(list)?;
            loop {
                let callback: u64 = self.read(at)?;
                if callback == 0 {
                    break;
                }
                if callbacks.len() == MAX_CALLBACKS {
                    return Err(PeError::Damaged("the list of TLS callbacks has no end"));
                }
                callbacks.push(callback as usize);
                at += 8;
            }
        }
        Ok(Some(Tls { template: start as usize, template_size, zero_fill: zero_fill as usize, index: index as usize, callbacks }))
    }

    /// Where the stack cookie of the load configuration lives, when there is one
    /// (SecurityCookie at offset 88 of IMAGE_LOAD_CONFIG_DIRECTORY64).
    pub fn security_cookie(&self) -> Result<Option<usize>, PeError> {
        let Some((rva, _)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG)? else { return Ok(None) };
        let size: u32 = self.read(rva)?;
        if size < 96 {
            return Ok(None);
        }
        let address: u64 = self.read(rva + 88)?;
        if address == 0 {
            return Ok(None);
        }
        self.offset_of(address)?;
        Ok(Some(address as usize))
    }

    /// The exception directory (`.pdata`): address and number of RUNTIME_FUNCTION entries.
    pub fn function_table(&self) -> Result<Option<(usize, usize)>, PeError> {
        let Some((rva, size)) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION)? else { return Ok(None) };
        let fits = (rva as usize).checked_add(size as usize).is_some_and(|end| end <= self.size);
        Ok(fits.then_some((self.base + rva as usize, size as usize / 12)))
    }
}
