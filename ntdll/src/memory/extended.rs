//! VirtualAlloc2 and its kin: address requirements, and placeholders, which keep a range reserved while memory and views
//! in it come and go.
//! <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc2>

use super::{
    GRANULARITY, HIGHEST, Kind, LOWEST, PAGE, Place, Prot, Region, SPACE, Section, Space, host_prot, is_valid_protect, mem, round,
};
use crate::object;
use abi::{HANDLE, NTSTATUS, Ptr, export};
use std::sync::Arc;
use windows_sys::Win32::System::Memory as m;
use windows_sys::Win32::System::Memory::{MEM_COMMIT, MEM_RESERVE};

/// MEM_EXTENDED_PARAMETER: a type in the lower 8 bits of the first word, a number or pointer in the second.
pub type Parameter = [u64; 2];

/// What extended parameters ask for.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    /// The addresses that the memory may have.
    lowest: usize,
    end: usize,
    align: usize,
    any: bool,
}

impl Requirements {
    /// Reads extended parameters. Numa nodes and attributes are hints that change nothing here.
    pub fn read(parameters: Ptr<Parameter>, count: u32) -> Result<Requirements, NTSTATUS> {
        let mut requirements = Requirements { lowest: LOWEST, end: HIGHEST + 1, align: GRANULARITY, any: true };
        for index in 0..count as usize {
            let [kind, value] = parameters.add(index).read()?;
            match (kind & 0xff) as i32 {
                m::MemExtendedParameterAddressRequirements if requirements.any => {
                    // MEM_ADDRESS_REQUIREMENTS
                    let [lowest, highest, align]: [usize; 3] = Ptr::new(value as usize).read()?;
                    // Documented: the highest address is the last byte's, and ends a 64 KiB block.
                    let ends = highest == 0 || highest <= HIGHEST && (highest + 1) % GRANULARITY == 0 && highest > lowest;
                    let aligned = align == 0 || align.is_power_of_two() && align >= GRANULARITY;
                    if lowest % GRANULARITY != 0 || !ends || !aligned {
                        return Err(NTSTATUS::INVALID_PARAMETER);
                    }
                    requirements = Requirements {
                        lowest: lowest.max(LOWEST),
                        end: if highest == 0 { HIGHEST + 1 } else { highest + 1 },
                        align: if align == 0 { GRANULARITY } else { align },
                        any: false,
                    };
                }
                m::MemExtendedParameterNumaNode | m::MemExtendedParameterAttributeFlags => {}
                _ => return Err(NTSTATUS::INVALID_PARAMETER),
            }
        }
        Ok(requirements)
    }

    /// The place for `size` bytes, which `map` takes.
    fn place(&self, space: &mut Space, size: usize, map: impl FnMut(usize) -> host::Result<()>) -> Result<usize, NTSTATUS> {
        let arena = space.arena.clone();
        if self.any || self.lowest <= arena.start && self.end >= arena.end {
            return space.place(size, self.align, map);
        }
        // Where programs usually get memory, as far as that is allowed; else anywhere in bounds.
        let within = self.lowest.max(arena.start)..self.end.min(arena.end);
        let bounds = if within.start < within.end { within } else { self.lowest..self.end };
        let next = std::mem::replace(&mut space.next, bounds.start);
        space.arena = bounds;
        let placed = space.place(size, self.align, map);
        space.arena = arena;
        space.next = next;
        placed
    }
}

/// Reserves, commits, makes a placeholder, or replaces one. Returns base and size.
pub fn allocate(addr: usize, size: usize, flags: u32, protect: u32, wish: Requirements) -> Result<(usize, usize), NTSTATUS> {
    if addr != 0 && !wish.any {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let commit = flags & MEM_COMMIT != 0;
    // Commit alone without an address reserves too.
    let reserve = flags & MEM_RESERVE != 0 || commit && addr == 0;
    if flags & m::MEM_REPLACE_PLACEHOLDER != 0 {
        if !reserve || flags & !(MEM_RESERVE | MEM_COMMIT | m::MEM_REPLACE_PLACEHOLDER | super::MEM_WRITE_WATCH) != 0 || addr == 0 {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        if !is_valid_protect(protect) {
            return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
        }
        let mut space = SPACE.lock();
        let region = placeholder(&mut space, addr, size)?;
        if commit {
            mem::protect(addr, region.size, host_prot(protect)).map_err(|_| NTSTATUS::NO_MEMORY)?;
        }
        let watched = flags & super::MEM_WRITE_WATCH != 0;
        if watched {
            host::watch::start(addr, region.size).map_err(|_| NTSTATUS::NOT_SUPPORTED)?;
            if commit {
                host::watch::reset(addr, region.size).map_err(|_| NTSTATUS::NO_MEMORY)?;
            }
        }
        *region = Region::new(addr, region.size, protect, Kind::Private, commit.then_some(protect));
        region.watched = watched;
        return Ok((addr, region.size));
    }
    let make_placeholder = flags & m::MEM_RESERVE_PLACEHOLDER != 0;
    if make_placeholder && (!reserve || commit || protect != m::PAGE_NOACCESS) {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let plain = flags & !m::MEM_RESERVE_PLACEHOLDER;
    let (base, size) = if wish.any || !reserve {
        super::allocate(addr, size, plain, protect)?
    } else {
        if plain & !(MEM_RESERVE | MEM_COMMIT) != 0 || size == 0 {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        if !is_valid_protect(protect) {
            return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
        }
        let size = size.checked_next_multiple_of(PAGE).ok_or(NTSTATUS::NO_MEMORY)?;
        let prot = if commit { host_prot(protect) } else { Prot::NONE };
        let mut space = SPACE.lock();
        let base = wish.place(&mut space, size, |at| mem::map_anonymous(Place::Exactly(at), size, prot).map(drop))?;
        space.regions.insert(base, Region::new(base, size, protect, Kind::Private, commit.then_some(protect)));
        (base, size)
    };
    if make_placeholder && let Some(region) = SPACE.lock().region(base) {
        region.placeholder = true;
    }
    Ok((base, size))
}

/// The placeholder that is exactly that range.
fn placeholder(space: &mut Space, addr: usize, size: usize) -> Result<&mut Region, NTSTATUS> {
    let size = size.checked_next_multiple_of(PAGE).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let region = space.region(addr).filter(|region| region.placeholder && region.base == addr && region.size == size);
    region.ok_or(NTSTATUS::CONFLICTING_ADDRESSES)
}

/// MEM_RELEASE with MEM_PRESERVE_PLACEHOLDER: private memory becomes a placeholder again, or a placeholder is split.
pub(super) fn preserve(space: &mut Space, addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let (start, len) = round(addr, size)?;
    let region = space.region(start).ok_or(NTSTATUS::MEMORY_NOT_ALLOCATED)?;
    if start != addr || len == 0 || start + len > region.end() {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    let whole = region.base == start && region.size == len;
    if !region.placeholder {
        if region.kind != Kind::Private || !whole {
            return Err(NTSTATUS::CONFLICTING_ADDRESSES);
        }
        *region = empty(start, len)?;
        return Ok((start, len));
    }
    if whole {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    let mut parts = Vec::new();
    if start > region.base {
        let upper = region.split(start);
        parts.push(upper);
    }
    let last = parts.last_mut().unwrap_or(region);
    if start + len < last.end() {
        let upper = last.split(start + len);
        parts.push(upper);
    }
    space.regions.extend(parts.into_iter().map(|part| (part.base, part)));
    Ok((start, len))
}

/// MEM_RELEASE with MEM_COALESCE_PLACEHOLDERS: placeholders side by side become one.
pub(super) fn coalesce(space: &mut Space, addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let (start, len) = round(addr, size)?;
    let parts: Vec<(usize, usize, bool)> = space.regions.range(start..start + len).map(|(_, r)| (r.base, r.end(), r.placeholder)).collect();
    let adjacent = parts.windows(2).all(|pair| pair[0].1 == pair[1].0);
    let exact = parts.first().is_some_and(|first| first.0 == addr) && parts.last().is_some_and(|last| last.1 == start + len);
    if !adjacent || !exact || !parts.iter().all(|part| part.2) {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    for (base, ..) in parts {
        space.regions.remove(&base);
    }
    let mut region = Region::new(start, len, m::PAGE_NOACCESS, Kind::Private, None);
    region.placeholder = true;
    space.regions.insert(start, region);
    Ok((start, len))
}

/// A placeholder where something of the caller's was.
fn empty(base: usize, size: usize) -> Result<Region, NTSTATUS> {
    mem::map_anonymous(Place::Replace(base), size, Prot::NONE).map_err(|_| NTSTATUS::NO_MEMORY)?;
    let mut region = Region::new(base, size, m::PAGE_NOACCESS, Kind::Private, None);
    region.placeholder = true;
    Ok(region)
}

/// Maps a view, in place of a placeholder if the flags say so.
pub fn map_view(
    section: &Section,
    addr: usize,
    offset: u64,
    size: usize,
    flags: u32,
    protect: u32,
    wish: Requirements,
) -> Result<(usize, usize), NTSTATUS> {
    if addr != 0 && !wish.any || flags & !(MEM_RESERVE | m::MEM_REPLACE_PLACEHOLDER | m::MEM_LARGE_PAGES) != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if flags & m::MEM_REPLACE_PLACEHOLDER != 0 {
        // Documented: offset, address and size are multiples of the page's size.
        if offset % PAGE as u64 != 0 || addr % PAGE != 0 || size == 0 || size % PAGE != 0 {
            return Err(NTSTATUS(0xC000_0220)); // STATUS_MAPPED_ALIGNMENT
        }
        section.check(offset, size, protect)?;
        let mut space = SPACE.lock();
        let region = placeholder(&mut space, addr, size)?;
        section.map_pages(Place::Replace(addr), offset, size, protect).map_err(|_| NTSTATUS::NO_MEMORY)?;
        *region = Region::new(addr, size, protect, Kind::Mapped, Some(protect));
        return Ok((addr, size));
    }
    if wish.any {
        return section.map(addr, offset, size, protect);
    }
    let size = section.check(offset, size, protect)?;
    if offset % GRANULARITY as u64 != 0 {
        return Err(NTSTATUS(0xC000_0220));
    }
    let mut space = SPACE.lock();
    let base = wish.place(&mut space, size, |at| section.map_pages(Place::Exactly(at), offset, size, protect))?;
    space.regions.insert(base, Region::new(base, size, protect, Kind::Mapped, Some(protect)));
    Ok((base, size))
}

/// Unmaps a view; with MEM_PRESERVE_PLACEHOLDER its addresses stay reserved.
pub fn unmap_view(addr: usize, flags: u32) -> Result<(), NTSTATUS> {
    // MEM_UNMAP_WITH_TRANSIENT_BOOST is about scheduling.
    if flags & !(m::MEM_PRESERVE_PLACEHOLDER | m::MEM_UNMAP_WITH_TRANSIENT_BOOST) != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if flags & m::MEM_PRESERVE_PLACEHOLDER == 0 {
        return super::remove(addr).map(drop);
    }
    let mut space = SPACE.lock();
    let region = space.region(addr).filter(|region| region.kind == Kind::Mapped).ok_or(NTSTATUS::NOT_MAPPED_VIEW)?;
    *region = empty(region.base, region.size)?;
    Ok(())
}

/// NtAllocateVirtualMemory with extended parameters.
#[export(ntdll, partial("own process only"))]
fn NtAllocateVirtualMemoryEx(
    process: HANDLE,
    base: Ptr<usize>,
    size: Ptr<usize>,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<(), NTSTATUS> {
    super::own_process(process)?;
    let (at, len) = allocate(base.read()?, size.read()?, kind, protect, Requirements::read(parameters, count)?)?;
    crate::syscall::look_at_allocated(at, len, kind, protect);
    base.write(at)?;
    size.write(len)?;
    Ok(())
}

/// NtMapViewOfSection with extended parameters.
#[export(ntdll, partial("own process only"))]
fn NtMapViewOfSectionEx(
    section: HANDLE,
    process: HANDLE,
    base: Ptr<usize>,
    offset: Ptr<u64>,
    size: Ptr<usize>,
    kind: u32,
    protect: u32,
    parameters: Ptr<Parameter>,
    count: u32,
) -> Result<(), NTSTATUS> {
    super::own_process(process)?;
    let section: Arc<Section> = object::get(section, 0)?;
    let from = if offset.is_null() { 0 } else { offset.read()? };
    let (at, len) = map_view(&section, base.read()?, from, size.read()?, kind, protect, Requirements::read(parameters, count)?)?;
    base.write(at)?;
    size.write(len)?;
    Ok(())
}

/// Unmaps a view; its addresses may stay reserved as a placeholder.
#[export(ntdll, partial("own process only"))]
fn NtUnmapViewOfSectionEx(process: HANDLE, addr: usize, flags: u32) -> Result<(), NTSTATUS> {
    super::own_process(process)?;
    unmap_view(addr, flags)
}
