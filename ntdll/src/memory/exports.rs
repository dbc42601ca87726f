//! The Nt* functions of virtual memory and sections.

use super::Section;
use crate::access::map_generic;
use crate::file::File;
use crate::object::{self, Object};
use abi::{HANDLE, NTSTATUS, Ptr, export};
use std::sync::Arc;
use windows_sys::Win32::System::Memory as m;

/// Handles of other processes are not supported by the memory functions yet.
pub fn own_process(process: HANDLE) -> Result<(), NTSTATUS> {
    if process == HANDLE::CURRENT_PROCESS || crate::process::is_current(process) { Ok(()) } else { Err(NTSTATUS::NOT_SUPPORTED) }
}

/// Reserves or commits pages.
#[export(ntdll, partial("own process only"))]
pub fn NtAllocateVirtualMemory(
    process: HANDLE,
    base: Ptr<usize>,
    _zero_bits: usize,
    size: Ptr<usize>,
    kind: u32,
    protect: u32,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let (at, len) = super::allocate(base.read()?, size.read()?, kind, protect)?;
    crate::syscall::look_at_allocated(at, len, kind, protect);
    base.write(at)?;
    size.write(len)?;
    Ok(())
}

/// Releases or decommits pages.
#[export(ntdll, partial("own process only"))]
pub fn NtFreeVirtualMemory(process: HANDLE, base: Ptr<usize>, size: Ptr<usize>, kind: u32) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let (at, len) = super::free(base.read()?, size.read()?, kind)?;
    base.write(at)?;
    size.write(len)?;
    Ok(())
}

/// Changes the protection of pages.
#[export(ntdll, partial("own process only"))]
pub fn NtProtectVirtualMemory(process: HANDLE, base: Ptr<usize>, size: Ptr<usize>, protect: u32, old: Ptr<u32>) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let (previous, at, len) = super::protect(base.read()?, size.read()?, protect)?;
    crate::syscall::look_at_generated(at, len, protect);
    base.write(at)?;
    size.write(len)?;
    old.write(previous)?;
    Ok(())
}

/// Describes the pages around an address: MemoryBasicInformation.
#[export(ntdll, partial("MemoryBasicInformation only"))]
pub fn NtQueryVirtualMemory(
    process: HANDLE,
    addr: usize,
    class: u32,
    info: Ptr<m::MEMORY_BASIC_INFORMATION>,
    len: usize,
    returned: Ptr<usize>,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    if class != 0 {
        return Err(NTSTATUS::INVALID_INFO_CLASS);
    }
    if len < size_of::<m::MEMORY_BASIC_INFORMATION>() {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    info.write(basic_information(addr)?)?;
    returned.write_opt(size_of::<m::MEMORY_BASIC_INFORMATION>())?;
    Ok(())
}

/// MEMORY_BASIC_INFORMATION of an address.
pub fn basic_information(addr: usize) -> Result<m::MEMORY_BASIC_INFORMATION, NTSTATUS> {
    let info = super::query(addr)?;
    Ok(m::MEMORY_BASIC_INFORMATION {
        BaseAddress: info.base as *mut _,
        AllocationBase: info.allocation_base as *mut _,
        AllocationProtect: info.allocation_protect,
        PartitionId: 0,
        RegionSize: info.size,
        State: info.state,
        Protect: info.protect,
        Type: info.kind,
    })
}

/// Creates a section, of a file or of memory.
#[export(ntdll, partial("no image sections, no names"))]
pub fn NtCreateSection(
    section: Ptr<HANDLE>,
    access: u32,
    _attributes: Ptr<u8>,
    size: Ptr<u64>,
    protect: u32,
    allocation: u32,
    file: HANDLE,
) -> Result<(), NTSTATUS> {
    let size = if size.is_null() { 0 } else { size.read()? };
    let object: Arc<dyn Object> = Arc::new(create_section(file, size, protect, allocation)?);
    section.write(object::insert(object, map_generic(access, "Section")))?;
    Ok(())
}

/// A section of the file behind `file`, or of memory when it is null.
pub fn create_section(file: HANDLE, size: u64, protect: u32, allocation: u32) -> Result<Section, NTSTATUS> {
    if allocation & m::SEC_IMAGE != 0 {
        return Err(NTSTATUS::NOT_SUPPORTED);
    }
    if file.is_null() || file == HANDLE::INVALID {
        return Section::anonymous(size, protect, allocation);
    }
    let file: Arc<File> = object::get(file, 0)?;
    Section::of_file(file.duplicate_fd()?, size, protect, allocation)
}

/// Maps a view of a section.
#[export(ntdll, partial("own process only"))]
pub fn NtMapViewOfSection(
    section: HANDLE,
    process: HANDLE,
    base: Ptr<usize>,
    _zero_bits: usize,
    _commit: usize,
    offset: Ptr<u64>,
    size: Ptr<usize>,
    _inherit: u32,
    _kind: u32,
    protect: u32,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let section: Arc<Section> = object::get(section, 0)?;
    let at = if offset.is_null() { 0 } else { offset.read()? };
    let (addr, len) = section.map(base.read()?, at, size.read()?, protect)?;
    base.write(addr)?;
    size.write(len)?;
    Ok(())
}

/// Unmaps the view that contains an address.
#[export(ntdll, partial("own process only"))]
pub fn NtUnmapViewOfSection(process: HANDLE, addr: usize) -> Result<(), NTSTATUS> {
    own_process(process)?;
    super::remove(addr).map(drop)
}
