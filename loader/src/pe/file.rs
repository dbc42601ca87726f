//! A PE file on disk: its headers, and mapping it into memory.

use super::PeError;
use host::mem::{self, PAGE, Place, Prot};
use object::LittleEndian as LE;
use object::pe::{self, ImageDataDirectory, ImageDosHeader, ImageNtHeaders64, ImageSectionHeader};
use std::os::fd::{AsRawFd, OwnedFd};

/// More than any real program has; the field's limit is 65,535, and the Windows loader's 96.
const MAX_SECTIONS: usize = 96;
/// Sections of this many bytes are read piece by piece: reading less at once costs about as much as a fault.
const DEFERRED_SIZE: usize = 512 << 10;
/// Images of 2 GiB and more cannot be addressed RIP-relatively and are refused by Windows too.
const MAX_IMAGE: u32 = 0x7fff_0000;

/// A section: where its bytes are, and where they go.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub rva: u32,
    pub virtual_size: u32,
    pub file_offset: u32,
    pub file_size: u32,
    /// IMAGE_SCN_* bits.
    pub characteristics: u32,
}

impl Section {
    /// What the section's pages allow once the image is bound.
    pub fn prot(&self) -> Prot {
        let has = |bit| self.characteristics & bit != 0;
        match (has(pe::IMAGE_SCN_MEM_READ), has(pe::IMAGE_SCN_MEM_WRITE), has(pe::IMAGE_SCN_MEM_EXECUTE)) {
            (_, true, true) => Prot::RWX,
            (_, true, false) => Prot::RW,
            (_, false, true) => Prot::RX,
            (true, false, false) => Prot::R,
            (false, false, false) => Prot::NONE,
        }
    }

    /// Whether it is read when it is touched: what is large and not written to, and what programs hardly look at.
    pub fn is_deferred(&self) -> bool {
        let writable = self.characteristics & pe::IMAGE_SCN_MEM_WRITE != 0;
        let rarely = self.characteristics & pe::IMAGE_SCN_MEM_DISCARDABLE != 0;
        !writable && self.file_bytes() != 0 && (rarely || self.memory_size() >= DEFERRED_SIZE)
    }

    /// Bytes that come from the file.
    pub fn file_bytes(&self) -> u64 {
        if self.file_offset == 0 { 0 } else { u64::from(self.file_size).min(self.memory_size() as u64) }
    }

    /// Bytes in memory, whole pages.
    pub fn memory_size(&self) -> usize {
        let size = if self.virtual_size == 0 { self.file_size } else { self.virtual_size };
        (size as usize).next_multiple_of(PAGE)
    }
}

/// A PE file whose headers have been checked.
pub struct PeFile {
    fd: OwnedFd,
    file_size: u64,
    headers: Headers,
}

impl std::ops::Deref for PeFile {
    type Target = Headers;
    fn deref(&self) -> &Headers {
        &self.headers
    }
}

/// What the headers say.
pub struct Headers {
    pub image_base: u64,
    pub image_size: u32,
    pub headers_size: u32,
    pub entry: u32,
    pub is_dll: bool,
    pub machine: u16,
    pub subsystem: u16,
    pub stack_reserve: u64,
    pub stack_commit: u64,
    /// IMAGE_FILE_LARGE_ADDRESS_AWARE: may get addresses above 2 GiB.
    pub large_address_aware: bool,
    /// The base may change: relocations are present or not needed.
    pub relocatable: bool,
    pub sections: Vec<Section>,
    pub directories: Vec<(u32, u32)>,
    pub timestamp: u32,
    pub checksum: u32,
}

impl PeFile {
    /// Opens and checks the headers.
    pub fn open(path: &[u8]) -> Result<PeFile, PeError> {
        let fd = host::file::open(path, host::file::O_RDONLY, 0).map_err(|e| PeError::Io(e.to_string()))?;
        PeFile::from_fd(fd)
    }

    /// Checks the headers of an open file.
    pub fn from_fd(fd: OwnedFd) -> Result<PeFile, PeError> {
        let stat = host::file::stat_fd(fd.as_raw_fd()).map_err(|e| PeError::Io(e.to_string()))?;
        if stat.kind == host::file::FileType::Directory {
            return Err(PeError::Io("it is a folder".into()));
        }
        let mut head = vec![0u8; (stat.size as usize).min(PAGE)];
        read_exact(&fd, &mut head, 0)?;
        let headers = Headers::parse(&mut head, stat.size, |into, offset| read_exact(&fd, into, offset))?;
        let file = PeFile { fd, file_size: stat.size, headers };
        file.check_sections(file.file_size)?;
        Ok(file)
    }

    /// Maps the image at `base`, which must be free, and reads its sections in, but for deferred ones, which are
    /// inaccessible. All other pages are writable until [`PeFile::protect`]. Relocations are not applied yet, so an image
    /// that is not where it wants to be has nothing deferred.
    pub fn map(&self, base: usize) -> Result<(), PeError> {
        let size = self.mapped_size();
        mem::map_anonymous(Place::Exactly(base), size, Prot::RW).map_err(|e| PeError::Map(e.to_string()))?;
        self.fill(base).inspect_err(|_| {
            let _ = mem::unmap(base, size);
        })
    }

    fn fill(&self, base: usize) -> Result<(), PeError> {
        let whole = base as u64 != self.image_base;
        self.read(base, u64::from(self.headers_size), 0)?;
        for section in &self.sections {
            let at = base + section.rva as usize;
            if section.is_deferred() && !whole {
                mem::protect(at, section.memory_size(), Prot::NONE).map_err(|e| PeError::Map(e.to_string()))?;
            } else if section.file_bytes() != 0 {
                self.read(at, section.file_bytes(), u64::from(section.file_offset))?;
            }
        }
        Ok(())
    }

    /// Reads a part of the file, as far as there is one, to an address.
    fn read(&self, at: usize, len: u64, offset: u64) -> Result<(), PeError> {
        let len = len.min(self.file_size.saturating_sub(offset));
        let mut done = 0;
        while done < len {
            match host::file::read_at(self.fd.as_raw_fd(), at + done as usize, (len - done) as usize, offset + done) {
                Ok(0) => return Err(PeError::Damaged("the file ended while it was read")),
                Ok(n) => done += n as u64,
                Err(e) => return Err(PeError::Io(e.to_string())),
            }
        }
        Ok(())
    }

    /// Gives every section of the image at `base` its final protection, but for deferred ones.
    pub fn protect(&self, base: usize) -> Result<(), PeError> {
        let whole = base as u64 != self.image_base;
        for (rva, size, prot) in self.ranges(|section| whole || !section.is_deferred()) {
            if prot != Prot::RW && size != 0 {
                mem::protect(base + rva, size, prot).map_err(|e| PeError::Map(e.to_string()))?;
            }
        }
        Ok(())
    }

    /// The sections that [`PeFile::map`] has left to be read when they are touched.
    pub fn deferred(&self, base: usize) -> Vec<Section> {
        let whole = base as u64 != self.image_base;
        self.sections.iter().filter(|section| !whole && section.is_deferred()).copied().collect()
    }

    /// The open file.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

impl Headers {
    /// Checks the headers of an image file that is in memory.
    pub fn of_bytes(file: &[u8]) -> Result<Headers, PeError> {
        let mut head = file[..file.len().min(PAGE)].to_vec();
        let headers = Headers::parse(&mut head, file.len() as u64, |into, offset| {
            let from = usize::try_from(offset).ok().and_then(|at| file.get(at..)?.get(..into.len()));
            into.copy_from_slice(from.ok_or(PeError::NotPe("the file is too short"))?);
            Ok(())
        })?;
        headers.check_sections(file.len() as u64)?;
        Ok(headers)
    }

    /// Sections must lie in the image, in order and without overlap, and their bytes in the file.
    fn check_sections(&self, file_size: u64) -> Result<(), PeError> {
        let mut end = u64::from(self.headers_size);
        for section in &self.sections {
            if section.rva as usize % PAGE != 0 {
                return Err(PeError::Damaged("a section is not page-aligned"));
            }
            if u64::from(section.rva) < end {
                return Err(PeError::Damaged("sections overlap"));
            }
            end = u64::from(section.rva) + section.memory_size() as u64;
            if end > u64::from(self.image_size).next_multiple_of(PAGE as u64) {
                return Err(PeError::Damaged("a section lies outside the image"));
            }
            let size = u64::from(section.file_size.min(section.memory_size() as u32));
            if section.file_size != 0 && section.file_offset != 0 && u64::from(section.file_offset) + size > file_size {
                // The last section's padding may be cut off; what is needed must be there.
                let needed = u64::from(section.file_size.min(section.virtual_size.max(1)));
                if u64::from(section.file_offset) + needed > file_size {
                    return Err(PeError::Damaged("the file is truncated: a section's data lies beyond its end"));
                }
            }
        }
        Ok(())
    }

    /// Bytes of address space the image takes.
    pub fn mapped_size(&self) -> usize {
        (self.image_size as usize).next_multiple_of(PAGE)
    }

    /// The ranges of the mapped image and their final protections, headers first; neighbours of the same protection
    /// are one range.
    pub fn protections(&self) -> Vec<(usize, usize, Prot)> {
        self.ranges(|_| true)
    }

    fn ranges(&self, wanted: impl Fn(&Section) -> bool) -> Vec<(usize, usize, Prot)> {
        let mut ranges: Vec<(usize, usize, Prot)> = vec![(0, (self.headers_size as usize).next_multiple_of(PAGE), Prot::R)];
        for section in self.sections.iter().filter(|section| wanted(section)) {
            let (rva, size, prot) = (section.rva as usize, section.memory_size(), section.prot());
            match ranges.last_mut() {
                Some(last) if last.2 == prot && (last.0 + last.1).next_multiple_of(PAGE) == rva => last.1 = rva + size - last.0,
                _ => ranges.push((rva, size, prot)),
            }
        }
        ranges
    }

    fn parse(head: &mut Vec<u8>, file_size: u64, read: impl Fn(&mut [u8], u64) -> Result<(), PeError>) -> Result<Headers, PeError> {
        let (dos, _) = object::pod::from_bytes::<ImageDosHeader>(head).map_err(|()| PeError::NotPe("the file is too short"))?;
        if dos.e_magic.get(LE) != pe::IMAGE_DOS_SIGNATURE {
            return Err(PeError::NotPe("it does not begin with MZ"));
        }
        let nt = dos.e_lfanew.get(LE) as usize;
        let end = nt.checked_add(size_of::<ImageNtHeaders64>() + MAX_SECTIONS * size_of::<ImageSectionHeader>());
        if nt % 4 != 0 || end.is_none_or(|end| end > 16 << 20) {
            return Err(PeError::NotPe("the offset of its PE header is out of range"));
        }
        if end.is_some_and(|end| end > head.len()) && head.len() == PAGE {
            // Rare: a long DOS stub or many sections. Read as much as there is.
            let mut more = vec![0u8; end.unwrap_or(0).min(usize::try_from(file_size).unwrap_or(usize::MAX))];
            read(&mut more, 0)?;
            *head = more;
        }
        let short = PeError::NotPe("it ends within the PE header");
        let bytes = head.get(nt..).ok_or(short.clone())?;
        if bytes.get(..4) != Some(b"PE\0\0") {
            return Err(PeError::NotPe("it has no PE signature (a DOS or 16-bit program?)"));
        }
        match bytes.get(4..6).map(|b| u16::from_le_bytes([b[0], b[1]])) {
            Some(pe::IMAGE_FILE_MACHINE_AMD64) => {}
            Some(pe::IMAGE_FILE_MACHINE_I386) => return Err(PeError::Machine("32-bit x86 (PE32)")),
            Some(pe::IMAGE_FILE_MACHINE_ARM64) => return Err(PeError::Machine("ARM64")),
            Some(pe::IMAGE_FILE_MACHINE_ARMNT) => return Err(PeError::Machine("32-bit ARM")),
            Some(_) => return Err(PeError::Machine("another processor")),
            None => return Err(short),
        }
        let (headers, _) = object::pod::from_bytes::<ImageNtHeaders64>(bytes).map_err(|()| short.clone())?;
        let optional = &headers.optional_header;
        if optional.magic.get(LE) != pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC {
            return Err(PeError::Machine("32-bit x86 (PE32)"));
        }
        let count = headers.file_header.number_of_sections.get(LE) as usize;
        if count > MAX_SECTIONS {
            return Err(PeError::Damaged("more than 96 sections"));
        }
        let optional_at = nt + 24;
        let sections_at = optional_at + headers.file_header.size_of_optional_header.get(LE) as usize;
        let directories_at = nt + size_of::<ImageNtHeaders64>();
        let directory_count = (optional.number_of_rva_and_sizes.get(LE) as usize).min(16);
        if directories_at + directory_count * 8 > sections_at {
            return Err(PeError::Damaged("the data directories do not fit in the optional header"));
        }
        let bytes = head.get(directories_at..).ok_or(short.clone())?;
        let (directories, _) = object::pod::slice_from_bytes::<ImageDataDirectory>(bytes, directory_count).map_err(|()| short.clone())?;
        let bytes = head.get(sections_at..).ok_or(short.clone())?;
        let (sections, _) = object::pod::slice_from_bytes::<ImageSectionHeader>(bytes, count).map_err(|()| short)?;
        let characteristics = headers.file_header.characteristics.get(LE);
        let image_size = optional.size_of_image.get(LE);
        if image_size == 0 || image_size > MAX_IMAGE {
            return Err(PeError::Damaged("SizeOfImage is out of range"));
        }
        let section_alignment = optional.section_alignment.get(LE);
        if !section_alignment.is_power_of_two() || (section_alignment as usize) < PAGE {
            return Err(PeError::Damaged("SectionAlignment is not a power of two of at least 4096"));
        }
        let entry = optional.address_of_entry_point.get(LE);
        if entry >= image_size {
            return Err(PeError::Damaged("the entry point lies outside the image"));
        }
        let headers_size = optional.size_of_headers.get(LE).min(image_size);
        if optional.image_base.get(LE) % 0x1_0000 != 0 {
            return Err(PeError::Damaged("ImageBase is not a multiple of 64 KiB"));
        }
        Ok(Headers {
            image_base: optional.image_base.get(LE),
            image_size,
            headers_size,
            entry,
            is_dll: characteristics & pe::IMAGE_FILE_DLL != 0,
            machine: headers.file_header.machine.get(LE),
            subsystem: optional.subsystem.get(LE),
            stack_reserve: optional.size_of_stack_reserve.get(LE),
            stack_commit: optional.size_of_stack_commit.get(LE),
            large_address_aware: characteristics & pe::IMAGE_FILE_LARGE_ADDRESS_AWARE != 0,
            relocatable: characteristics & pe::IMAGE_FILE_RELOCS_STRIPPED == 0,
            sections: sections
                .iter()
                .map(|s| Section {
                    rva: s.virtual_address.get(LE),
                    virtual_size: s.virtual_size.get(LE),
                    file_offset: s.pointer_to_raw_data.get(LE),
                    file_size: s.size_of_raw_data.get(LE),
                    characteristics: s.characteristics.get(LE),
                })
                .collect(),
            directories: directories.iter().map(|d| (d.virtual_address.get(LE), d.size.get(LE))).collect(),
            timestamp: headers.file_header.time_date_stamp.get(LE),
            checksum: optional.check_sum.get(LE),
        })
    }
}

fn read_exact(fd: &OwnedFd, into: &mut [u8], offset: u64) -> Result<(), PeError> {
    let mut done = 0;
    while done < into.len() {
        let rest = &mut into[done..];
        match host::file::read_at(fd.as_raw_fd(), rest.as_mut_ptr() as usize, rest.len(), offset + done as u64) {
            Ok(0) => return Err(PeError::NotPe("the file is too short")),
            Ok(n) => done += n,
            Err(e) => return Err(PeError::Io(e.to_string())),
        }
    }
    Ok(())
}
