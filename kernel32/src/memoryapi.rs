//! memoryapi.h: virtual memory and file mappings.

use crate::nls::{ansi_opt, wide_opt};
use crate::synchapi::inherits;
use abi::{BOOL, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::access::{SECTION_ALL_ACCESS, map_generic};
use ntdll::memory::extended::{self, Parameter, Requirements};
use ntdll::memory::{self, Section};
use ntdll::{object, sync};
use std::sync::Arc;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::Memory as m;

/// Reserves or commits pages.
#[export(kernel32, full)]
pub fn VirtualAlloc(addr: usize, size: usize, kind: u32, protect: u32) -> Result<Ptr<u8>, Win32Error> {
    let (base, len) = memory::allocate(addr, size, kind, protect)?;
    ntdll::syscall::look_at_allocated(base, len, kind, protect);
    Ok(Ptr::new(base))
}

/// Reserves or commits pages of a process.
#[export(kernel32, partial("own process only"))]
pub fn VirtualAllocEx(process: HANDLE, addr: usize, size: usize, kind: u32, protect: u32) -> Result<Ptr<u8>, Win32Error> {
    memory::own_process(process)?;
    VirtualAlloc(addr, size, kind, protect)
}

/// Reserves or commits pages near a processor; all memory is equally near here.
#[export(kernel32, partial("own process only"))]
pub fn VirtualAllocExNuma(process: HANDLE, addr: usize, size: usize, kind: u32, protect: u32, _node: u32) -> Result<Ptr<u8>, Win32Error> {
    VirtualAllocEx(process, addr, size, kind, protect)
}

/// Reserves or commits pages at certain addresses, makes placeholders or replaces them.
/// <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc2>
#[export(kernelbase, partial("own process only"))]
pub fn VirtualAlloc2(
    process: HANDLE,
    addr: usize,
    size: usize,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<Ptr<u8>, Win32Error> {
    if !process.is_null() {
        memory::own_process(process)?;
    }
    let (base, len) = extended::allocate(addr, size, kind, protect, Requirements::read(parameters, count)?)?;
    ntdll::syscall::look_at_allocated(base, len, kind, protect);
    Ok(Ptr::new(base))
}

/// The same for packaged programs.
#[export(kernelbase, partial("own process only"))]
pub fn VirtualAlloc2FromApp(
    process: HANDLE,
    addr: usize,
    size: usize,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<Ptr<u8>, Win32Error> {
    VirtualAlloc2(process, addr, size, kind, protect, parameters, count)
}

/// VirtualAlloc for packaged programs.
#[export(kernelbase, full)]
pub fn VirtualAllocFromApp(addr: usize, size: usize, kind: u32, protect: u32) -> Result<Ptr<u8>, Win32Error> {
    VirtualAlloc(addr, size, kind, protect)
}

/// VirtualProtect for packaged programs.
#[export(kernelbase, full)]
pub fn VirtualProtectFromApp(addr: usize, size: usize, protect: u32, old: Ptr<u32>) -> Result<(), Win32Error> {
    VirtualProtect(addr, size, protect, old)
}

/// What [`GetWriteWatch`] and [`ResetWriteWatch`] return when they fail; documented as nonzero.
const WATCH_FAILED: u32 = u32::MAX;

fn watch_result(result: Result<(), abi::NTSTATUS>) -> u32 {
    match result {
        Ok(()) => 0,
        Err(status) => {
            teb::set_last_error(status.into());
            WATCH_FAILED
        }
    }
}

/// Lists the pages that were written to in memory allocated with MEM_WRITE_WATCH.
/// <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-getwritewatch>
#[export(kernel32 + kernelbase, full)]
pub fn GetWriteWatch(flags: u32, base: usize, size: usize, addresses: Ptr<usize>, count: Ptr<usize>, granularity: Ptr<u32>) -> u32 {
    watch_result(memory::watch::get(flags, base, size, addresses, count, granularity))
}

/// Forgets which pages were written to.
/// <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-resetwritewatch>
#[export(kernel32 + kernelbase, full)]
pub fn ResetWriteWatch(base: usize, size: usize) -> u32 {
    watch_result(memory::watch::reset(base, size))
}

/// Decommits or releases pages.
#[export(kernel32, full)]
pub fn VirtualFree(addr: usize, size: usize, kind: u32) -> Result<(), Win32Error> {
    memory::free(addr, size, kind)?;
    Ok(())
}

/// Decommits or releases pages of a process.
#[export(kernel32, partial("own process only"))]
pub fn VirtualFreeEx(process: HANDLE, addr: usize, size: usize, kind: u32) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    VirtualFree(addr, size, kind)
}

/// Changes the protection of pages.
#[export(kernel32, full)]
pub fn VirtualProtect(addr: usize, size: usize, protect: u32, old: Ptr<u32>) -> Result<(), Win32Error> {
    // The old protection must be writable before anything changes.
    old.write(old.read()?)?;
    let (before, at, len) = memory::protect(addr, size, protect)?;
    ntdll::syscall::look_at_generated(at, len, protect);
    Ok(old.write(before)?)
}

/// Changes the protection of pages of a process.
#[export(kernel32, partial("own process only"))]
pub fn VirtualProtectEx(process: HANDLE, addr: usize, size: usize, protect: u32, old: Ptr<u32>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    VirtualProtect(addr, size, protect, old)
}

/// Describes the pages around an address.
#[export(kernel32, full)]
pub fn VirtualQuery(addr: usize, info: Ptr<m::MEMORY_BASIC_INFORMATION>, len: usize) -> Result<usize, Win32Error> {
    if len < size_of::<m::MEMORY_BASIC_INFORMATION>() {
        return Err(Win32Error::BAD_LENGTH);
    }
    info.write(memory::basic_information(addr)?)?;
    Ok(size_of::<m::MEMORY_BASIC_INFORMATION>())
}

/// Describes the pages around an address of a process.
#[export(kernel32, partial("own process only"))]
pub fn VirtualQueryEx(process: HANDLE, addr: usize, info: Ptr<m::MEMORY_BASIC_INFORMATION>, len: usize) -> Result<usize, Win32Error> {
    memory::own_process(process)?;
    VirtualQuery(addr, info, len)
}

/// Keeps pages in memory.
#[export(kernel32, full)]
pub fn VirtualLock(addr: usize, size: usize) -> Result<(), Win32Error> {
    host::mem::lock(addr, size).map_err(|_| Win32Error::WORKING_SET_QUOTA)
}

/// Lets pages be swapped out again.
#[export(kernel32, full)]
pub fn VirtualUnlock(addr: usize, size: usize) -> Result<(), Win32Error> {
    host::mem::unlock(addr, size).map_err(|_| Win32Error::NOT_LOCKED)
}

fn create_mapping(
    file: HANDLE,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    protect: u32,
    size: u64,
    name: Option<Vec<u16>>,
) -> Result<HANDLE, Win32Error> {
    const ATTRIBUTES: u32 = 0xff00_0000 | 0x00ff_0000;
    let page = protect & 0xff;
    if !matches!(
        page,
        m::PAGE_READONLY
            | m::PAGE_READWRITE
            | m::PAGE_WRITECOPY
            | m::PAGE_EXECUTE_READ
            | m::PAGE_EXECUTE_READWRITE
            | m::PAGE_EXECUTE_WRITECOPY
    ) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let section = memory::create_section(file, size, page, protect & ATTRIBUTES)?;
    let (handle, existed) =
        sync::create_named(Arc::new(section), name.as_deref().filter(|n| !n.is_empty()), SECTION_ALL_ACCESS, inherits(attributes)?)?;
    teb::set_last_error(if existed { Win32Error::ALREADY_EXISTS } else { Win32Error::SUCCESS });
    Ok(handle)
}

/// Creates a file mapping, of a file or of memory.
#[export(kernel32, partial("names are known within one process; no images"))]
pub fn CreateFileMappingW(
    file: HANDLE,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    protect: u32,
    high: u32,
    low: u32,
    name: PCWSTR,
) -> Result<HANDLE, Win32Error> {
    create_mapping(file, attributes, protect, u64::from(high) << 32 | u64::from(low), wide_opt(name)?)
}

/// CreateFileMappingW with an ANSI name.
#[export(kernel32, partial("names are known within one process; no images"))]
pub fn CreateFileMappingA(
    file: HANDLE,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
    protect: u32,
    high: u32,
    low: u32,
    name: PCSTR,
) -> Result<HANDLE, Win32Error> {
    create_mapping(file, attributes, protect, u64::from(high) << 32 | u64::from(low), ansi_opt(name)?)
}

/// Opens a named file mapping.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenFileMappingW(access: u32, inherit: BOOL, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    Ok(sync::open_named(&wide_opt(name)?.ok_or(Win32Error::INVALID_PARAMETER)?, "Section", map_generic(access, "Section"), inherit.0)?)
}

/// OpenFileMappingW with an ANSI name.
#[export(kernel32, partial("names are known within one process"))]
pub fn OpenFileMappingA(access: u32, inherit: BOOL, name: PCSTR) -> Result<HANDLE, Win32Error> {
    Ok(sync::open_named(&ansi_opt(name)?.ok_or(Win32Error::INVALID_PARAMETER)?, "Section", map_generic(access, "Section"), inherit.0)?)
}

/// Maps a view of a file mapping.
#[export(kernel32, full)]
pub fn MapViewOfFile(mapping: HANDLE, access: u32, high: u32, low: u32, size: usize) -> Result<Ptr<u8>, Win32Error> {
    MapViewOfFileEx(mapping, access, high, low, size, 0)
}

/// Maps a view of a file mapping at an address.
#[export(kernel32, full)]
pub fn MapViewOfFileEx(mapping: HANDLE, access: u32, high: u32, low: u32, size: usize, addr: usize) -> Result<Ptr<u8>, Win32Error> {
    let section: Arc<Section> = object::get(mapping, 0)?;
    let execute = access & m::FILE_MAP_EXECUTE != 0;
    let all = access & m::FILE_MAP_ALL_ACCESS == m::FILE_MAP_ALL_ACCESS;
    let protect = if access & m::FILE_MAP_COPY != 0 && !all {
        if execute { m::PAGE_EXECUTE_WRITECOPY } else { m::PAGE_WRITECOPY }
    } else if access & m::FILE_MAP_WRITE != 0 || all {
        if execute { m::PAGE_EXECUTE_READWRITE } else { m::PAGE_READWRITE }
    } else if execute {
        m::PAGE_EXECUTE_READ
    } else {
        m::PAGE_READONLY
    };
    // FILE_MAP_ALL_ACCESS on a copy-on-write mapping gives a copy.
    let protect = if protect == m::PAGE_READWRITE && section.protect == m::PAGE_WRITECOPY { m::PAGE_WRITECOPY } else { protect };
    let offset = u64::from(high) << 32 | u64::from(low);
    section.map(addr, offset, size, protect).map(|(base, _)| Ptr::new(base)).map_err(|s| match s {
        abi::NTSTATUS::SECTION_PROTECTION | abi::NTSTATUS::INVALID_VIEW_SIZE => Win32Error::ACCESS_DENIED,
        abi::NTSTATUS(0xC000_0220) => Win32Error::MAPPED_ALIGNMENT,
        other => other.into(),
    })
}

/// Maps a view, at certain addresses or in place of a placeholder.
#[export(kernelbase, partial("own process only"))]
pub fn MapViewOfFile3(
    mapping: HANDLE,
    process: HANDLE,
    addr: usize,
    offset: u64,
    size: usize,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<Ptr<u8>, Win32Error> {
    memory::own_process(process)?;
    let section: Arc<Section> = object::get(mapping, 0)?;
    let (base, _) = extended::map_view(&section, addr, offset, size, kind, protect, Requirements::read(parameters, count)?)?;
    Ok(Ptr::new(base))
}

/// The same for packaged programs.
#[export(kernelbase, partial("own process only"))]
pub fn MapViewOfFile3FromApp(
    mapping: HANDLE,
    process: HANDLE,
    addr: usize,
    offset: u64,
    size: usize,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<Ptr<u8>, Win32Error> {
    MapViewOfFile3(mapping, process, addr, offset, size, kind, protect, parameters, count)
}

/// Maps a view near a processor; all memory is equally near here.
#[export(kernelbase, partial("own process only"))]
pub fn MapViewOfFileNuma2(
    mapping: HANDLE,
    process: HANDLE,
    offset: u64,
    addr: usize,
    size: usize,
    kind: u32,
    protect: u32,
    _node: u32,
) -> Result<Ptr<u8>, Win32Error> {
    MapViewOfFile3(mapping, process, addr, offset, size, kind, protect, Ptr::NULL, 0)
}

/// Unmaps a view; its addresses may stay reserved as a placeholder.
#[export(kernelbase, partial("own process only"))]
pub fn UnmapViewOfFile2(process: HANDLE, addr: usize, flags: u32) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    Ok(extended::unmap_view(addr, flags)?)
}

/// Unmaps a view; its addresses may stay reserved as a placeholder.
#[export(kernelbase + kernel32, full)]
pub fn UnmapViewOfFileEx(addr: usize, flags: u32) -> Result<(), Win32Error> {
    Ok(extended::unmap_view(addr, flags)?)
}

/// Unmaps a view.
#[export(kernel32, full)]
pub fn UnmapViewOfFile(addr: usize) -> Result<(), Win32Error> {
    memory::remove(addr)?;
    Ok(())
}

/// Writes a view's changes to its file.
#[export(kernel32, full)]
pub fn FlushViewOfFile(addr: usize, size: usize) -> Result<(), Win32Error> {
    let info = memory::query(addr)?;
    let start = addr & !0xfff;
    let len = if size == 0 { info.size } else { (addr + size - start).min(info.size) };
    host::mem::sync(start, len).map_err(|_| Win32Error::INVALID_ADDRESS)
}

/// Gives up what is in pages, which stay committed.
#[export(kernel32 + kernelbase, full)]
pub fn DiscardVirtualMemory(addr: usize, size: usize) -> Win32Error {
    memory::discard(addr, size).err().map_or(Win32Error::SUCCESS, Win32Error::from)
}

/// Says that pages are not needed for now.
#[export(kernel32 + kernelbase, partial("the pages are never taken"))]
pub fn OfferVirtualMemory(addr: usize, size: usize, priority: u32) -> Win32Error {
    // OFFER_PRIORITY: 1 very low to 4 normal.
    if !(1..=4).contains(&priority) {
        return Win32Error::INVALID_PARAMETER;
    }
    memory::check_private(addr, size).err().map_or(Win32Error::SUCCESS, Win32Error::from)
}

/// Takes offered pages back: nothing was taken meanwhile.
#[export(kernel32 + kernelbase, full)]
pub fn ReclaimVirtualMemory(addr: usize, size: usize) -> Win32Error {
    memory::check_private(addr, size).err().map_or(Win32Error::SUCCESS, Win32Error::from)
}

/// Has pages read ahead. It is a hint: what cannot be read is left out.
#[export(kernel32 + kernelbase, partial("own process only"))]
pub fn PrefetchVirtualMemory(process: HANDLE, count: usize, ranges: Ptr<[usize; 2]>, flags: u32) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    if flags != 0 || count == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    for [addr, size] in ranges.read_vec(count)? {
        let start = addr & !0xfff;
        let _ = host::mem::prefetch(start, (addr - start).saturating_add(size));
    }
    Ok(())
}

/// Bytes of a large page: none are to be had.
#[export(kernel32, full)]
pub fn GetLargePageMinimum() -> usize {
    0
}

/// Reads memory of a process.
#[export(kernel32, partial("own process only"))]
pub fn ReadProcessMemory(process: HANDLE, from: usize, to: usize, size: usize, done: Ptr<usize>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    let result = abi::fault::copy_within(to, from, size);
    done.write_opt(if result.is_ok() { size } else { 0 })?;
    result.map_err(|_| Win32Error::PARTIAL_COPY)
}

/// Writes memory of a process.
#[export(kernel32, partial("own process only"))]
pub fn WriteProcessMemory(process: HANDLE, to: usize, from: usize, size: usize, done: Ptr<usize>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    let result = abi::fault::copy_within(to, from, size);
    done.write_opt(if result.is_ok() { size } else { 0 })?;
    result.map_err(|_| Win32Error::NOACCESS)
}
