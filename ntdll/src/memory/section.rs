//! Sections: memory that can be mapped, with or without a file behind it.

use super::{Kind, host_prot, insert};
use crate::errno_to_status;
use crate::object::Object;
use abi::NTSTATUS;
use host::mem::{self, Place};
use std::os::fd::{AsRawFd, OwnedFd};
use windows_sys::Win32::System::Memory as m;

/// A section object.
pub struct Section {
    /// What is mapped: the file's own descriptor, or a memory file.
    fd: OwnedFd,
    pub size: u64,
    /// PAGE_* bits that views may have at most.
    pub protect: u32,
    /// SEC_RESERVE or SEC_COMMIT and the like.
    pub attributes: u32,
    pub has_file: bool,
}

impl Object for Section {
    fn type_name(&self) -> &'static str {
        "Section"
    }
}

impl Section {
    /// A section of a parent's.
    pub fn inherited(fd: OwnedFd, size: u64, protect: u32, attributes: u32, has_file: bool) -> Section {
        Section { fd, size, protect, attributes, has_file }
    }

    /// The host descriptor.
    pub fn fd(&self) -> std::os::fd::RawFd {
        self.fd.as_raw_fd()
    }

    /// A section without a file.
    pub fn anonymous(size: u64, protect: u32, attributes: u32) -> Result<Section, NTSTATUS> {
        if size == 0 {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        let fd = host::file::memory_file(size.next_multiple_of(4096)).map_err(errno_to_status)?;
        Ok(Section { fd, size, protect, attributes, has_file: false })
    }

    /// A section of an open file; the file grows when `size` asks for more and it is writable.
    pub fn of_file(fd: OwnedFd, size: u64, protect: u32, attributes: u32) -> Result<Section, NTSTATUS> {
        let stat = host::file::stat_fd(fd.as_raw_fd()).map_err(errno_to_status)?;
        let writable = matches!(protect & 0xff, m::PAGE_READWRITE | m::PAGE_EXECUTE_READWRITE);
        let size = match size {
            0 if stat.size == 0 => return Err(NTSTATUS(0xC000_011E)), // STATUS_MAPPED_FILE_SIZE_ZERO
            0 => stat.size,
            size if size > stat.size && writable => {
                host::file::truncate(fd.as_raw_fd(), size).map_err(errno_to_status)?;
                size
            }
            size if size > stat.size => return Err(NTSTATUS::SECTION_TOO_BIG),
            size => size,
        };
        Ok(Section { fd, size, protect, attributes, has_file: true })
    }

    /// Whether a view can be had; its size (`size` 0: to the section's end).
    pub fn check(&self, offset: u64, size: usize, protect: u32) -> Result<usize, NTSTATUS> {
        if offset >= self.size || size as u64 > (self.size - offset).next_multiple_of(4096) {
            return Err(NTSTATUS::INVALID_VIEW_SIZE);
        }
        let writable = matches!(protect & 0xff, m::PAGE_READWRITE | m::PAGE_EXECUTE_READWRITE);
        if writable && !matches!(self.protect & 0xff, m::PAGE_READWRITE | m::PAGE_EXECUTE_READWRITE) {
            return Err(NTSTATUS::SECTION_PROTECTION);
        }
        let size = if size == 0 { (self.size - offset) as usize } else { size };
        Ok(size.next_multiple_of(mem::PAGE))
    }

    /// Maps whole pages of a view that was checked.
    pub fn map_pages(&self, place: Place, offset: u64, size: usize, protect: u32) -> host::Result<()> {
        let copy = matches!(protect & 0xff, m::PAGE_WRITECOPY | m::PAGE_EXECUTE_WRITECOPY);
        mem::map_file(place, size, host_prot(protect), self.fd.as_raw_fd(), offset, !copy).map(drop)
    }

    /// Maps a view. `addr` 0: anywhere; `size` 0: to the section's end. Returns base and size.
    pub fn map(&self, addr: usize, offset: u64, size: usize, protect: u32) -> Result<(usize, usize), NTSTATUS> {
        if offset % super::GRANULARITY as u64 != 0 || addr % super::GRANULARITY != 0 {
            return Err(NTSTATUS(0xC000_0220));
        }
        let size = self.check(offset, size, protect)?;
        let map = |at: usize| self.map_pages(Place::Exactly(at), offset, size, protect);
        let base = if addr == 0 {
            insert(None, size, protect, Kind::Mapped, map)?
        } else {
            super::insert_at(addr, size, protect, Kind::Mapped, map)?
        };
        Ok((base, size))
    }
}
