//! Placeholders: reserved address space that is split, joined, and replaced by memory or views in one step.
//!
//! <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualalloc2#remarks>

use super::{GRANULARITY, Kind, LOWEST, Region, SPACE, Section, host_prot, is_valid_protect, round};
use abi::NTSTATUS;
use host::mem::{self, PAGE, Place, Prot};
use windows_sys::Win32::System::Memory as m;

/// Where an allocation may lie: MEM_ADDRESS_REQUIREMENTS. 0 means the default of each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requirements {
    pub lowest: usize,
    /// The last address that may be used.
    pub highest: usize,
    pub alignment: usize,
}

impl Requirements {
    fn is_valid(self) -> bool {
        self.lowest % GRANULARITY == 0
            && (self.highest == 0 || (self.highest % GRANULARITY == GRANULARITY - 1 && self.highest > self.lowest))
            && (self.alignment == 0 || self.alignment.is_power_of_two() && self.alignment >= GRANULARITY)
    }
}

/// VirtualAlloc2 without placeholders, with requirements.
pub fn allocate_within(size: usize, flags: u32, protect: u32, wanted: Requirements) -> Result<(usize, usize), NTSTATUS> {
    if !wanted.is_valid() {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let align = wanted.alignment.max(GRANULARITY);
    if wanted.lowest == 0 && wanted.highest == 0 {
        return super::allocate_aligned(0, size, flags, protect, align);
    }
    // A free range is looked for first, and taken by address: another thread may be faster, then the next is tried.
    let size = size.checked_next_multiple_of(PAGE).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let end = if wanted.highest == 0 { super::HIGHEST + 1 } else { (wanted.highest + 1).min(super::HIGHEST + 1) };
    let mut at = wanted.lowest.max(LOWEST).next_multiple_of(align);
    while at.checked_add(size).is_some_and(|last| last <= end) {
        let taken = SPACE.lock().regions.range(..at + size).next_back().map(|(_, region)| region.end()).filter(|&end| end > at);
        match taken {
            Some(next) => at = next.next_multiple_of(align),
            None => match super::allocate(at, size, flags | m::MEM_RESERVE, protect) {
                Err(NTSTATUS::CONFLICTING_ADDRESSES) => at += size.next_multiple_of(align),
                other => return other,
            },
        }
    }
    Err(NTSTATUS::NO_MEMORY)
}

/// MEM_RESERVE_PLACEHOLDER: reserves address space to be replaced.
pub fn reserve_placeholder(addr: usize, size: usize, protect: u32, wanted: Requirements) -> Result<(usize, usize), NTSTATUS> {
    if protect != m::PAGE_NOACCESS {
        return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
    }
    let (base, len) = match addr {
        0 => allocate_within(size, m::MEM_RESERVE, protect, wanted)?,
        _ => super::allocate(addr, size, m::MEM_RESERVE, protect)?,
    };
    if let Some(region) = SPACE.lock().region(base) {
        region.placeholder = true;
    }
    Ok((base, len))
}

/// MEM_REPLACE_PLACEHOLDER: puts memory in the place of a whole placeholder.
pub fn replace_placeholder(addr: usize, size: usize, commit: bool, protect: u32) -> Result<(usize, usize), NTSTATUS> {
    if !is_valid_protect(protect) {
        return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
    }
    let (base, len) = round(addr, size)?;
    let mut space = SPACE.lock();
    let region = whole_placeholder(space.region(base), base, len)?;
    if commit {
        mem::protect(base, len, host_prot(protect)).map_err(|_| NTSTATUS::NO_MEMORY)?;
    }
    *region = Region::new(base, len, protect, Kind::Private, commit.then_some(protect));
    Ok((base, len))
}

/// Maps a view in the place of a whole placeholder.
pub fn map_over_placeholder(section: &Section, addr: usize, offset: u64, size: usize, protect: u32) -> Result<(usize, usize), NTSTATUS> {
    let (base, len) = round(addr, size)?;
    let mut space = SPACE.lock();
    let region = whole_placeholder(space.region(base), base, len)?;
    section.map_in_place(base, offset, len, protect)?;
    *region = Region::new(base, len, protect, Kind::Mapped, Some(protect));
    Ok((base, len))
}

fn whole_placeholder(region: Option<&mut Region>, base: usize, len: usize) -> Result<&mut Region, NTSTATUS> {
    match region {
        Some(region) if region.placeholder && region.base == base && region.size == len && len != 0 => Ok(region),
        _ => Err(NTSTATUS::CONFLICTING_ADDRESSES),
    }
}

/// MEM_PRESERVE_PLACEHOLDER: a part of a placeholder becomes one of its own; of a replaced one, memory is released and
/// the address space stays a placeholder.
pub(super) fn preserve(addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let mut space = SPACE.lock();
    let region = space.region(addr).ok_or(NTSTATUS::MEMORY_NOT_ALLOCATED)?;
    let (start, len) = if size == 0 && addr == region.base { (region.base, region.size) } else { round(addr, size)? };
    if region.kind != Kind::Private || len == 0 || start + len > region.end() {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    if region.placeholder && (start, len) == (region.base, region.size) {
        // There is nothing to split off.
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    if !region.placeholder {
        mem::map_anonymous(Place::Replace(start), len, Prot::NONE).map_err(|_| NTSTATUS::NO_MEMORY)?;
    }
    let rest = (start + len < region.end()).then(|| region.split(start + len));
    let middle = if start == region.base {
        *region = Region::new(start, len, m::PAGE_NOACCESS, Kind::Private, None);
        region.placeholder = true;
        None
    } else {
        let mut middle = region.split(start);
        middle = Region::new(middle.base, middle.size, m::PAGE_NOACCESS, Kind::Private, None);
        middle.placeholder = true;
        Some(middle)
    };
    for part in [middle, rest].into_iter().flatten() {
        space.regions.insert(part.base, part);
    }
    Ok((start, len))
}

/// MEM_COALESCE_PLACEHOLDERS: joins the placeholders that make up a range.
pub(super) fn coalesce(addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let (start, len) = round(addr, size)?;
    let mut space = SPACE.lock();
    let mut at = start;
    while at < start + len {
        match space.region(at) {
            Some(region) if region.placeholder && region.base == at && region.end() <= start + len => at = region.end(),
            _ => return Err(NTSTATUS::CONFLICTING_ADDRESSES),
        }
    }
    if space.region(start).is_none_or(|first| first.size == len) {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    space.regions.retain(|base, _| !(start..start + len).contains(base));
    let mut whole = Region::new(start, len, m::PAGE_NOACCESS, Kind::Private, None);
    whole.placeholder = true;
    space.regions.insert(start, whole);
    Ok((start, len))
}

/// Unmaps a view and leaves a placeholder in its place.
pub fn unmap_to_placeholder(addr: usize) -> Result<(), NTSTATUS> {
    let mut space = SPACE.lock();
    let region = space.region(addr).filter(|region| region.kind == Kind::Mapped).ok_or(NTSTATUS::NOT_MAPPED_VIEW)?;
    mem::map_anonymous(Place::Replace(region.base), region.size, Prot::NONE).map_err(|_| NTSTATUS::NO_MEMORY)?;
    *region = Region::new(region.base, region.size, m::PAGE_NOACCESS, Kind::Private, None);
    region.placeholder = true;
    Ok(())
}
