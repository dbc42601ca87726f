//! Virtual memory: one tree of regions, mapped onto the host's pages.
//!
//! <https://learn.microsoft.com/windows/win32/memory/virtual-address-space>

mod exports;
pub mod extended;
pub mod paging;
mod region;
mod section;
pub mod watch;

pub use exports::*;
pub use region::{Kind, Page, Region, host_prot, is_valid_protect};
pub use section::*;

use abi::NTSTATUS;
use host::mem::{self, PAGE, Place, Prot};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use windows_sys::Win32::System::Memory as m;
use windows_sys::Win32::System::Memory::{MEM_COMMIT, MEM_RESERVE};

/// Allocations start at multiples of this many bytes.
pub const GRANULARITY: usize = 0x1_0000;
/// The lowest and the highest address that programs get (documented for 64-bit Windows).
pub const LOWEST: usize = 0x1_0000;
pub const HIGHEST: usize = 0x7fff_fffe_ffff;
/// Where allocations without a wish go: far from images, from what runtimes ask for by address
/// (Go: 0xc000000000), and from the host's own mappings.
const ARENA: std::ops::Range<usize> = 0x0200_0000_0000..0x5000_0000_0000;
/// For programs that cannot handle addresses above 2 GiB.
const LOW_ARENA: std::ops::Range<usize> = 0x0100_0000..0x7ff0_0000;

/// Documented with VirtualAlloc and VirtualFree.
pub const MEM_WRITE_WATCH: u32 = 0x0020_0000;
const MEM_COALESCE_PLACEHOLDERS: u32 = 1;

struct Space {
    regions: BTreeMap<usize, Region>,
    arena: std::ops::Range<usize>,
    /// Where the next search for a gap begins.
    next: usize,
}

static SPACE: Mutex<Space> = Mutex::new(Space { regions: BTreeMap::new(), arena: ARENA, next: ARENA.start });

/// Keeps all allocations below 2 GiB, for an image that is not large-address aware.
pub fn stay_low() {
    let mut space = SPACE.lock();
    space.arena = LOW_ARENA;
    space.next = LOW_ARENA.start;
}

/// What VirtualQuery tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    pub base: usize,
    pub allocation_base: usize,
    pub allocation_protect: u32,
    pub size: usize,
    /// MEM_COMMIT, MEM_RESERVE or MEM_FREE.
    pub state: u32,
    pub protect: u32,
    /// MEM_PRIVATE, MEM_MAPPED, MEM_IMAGE or 0.
    pub kind: u32,
}

impl Space {
    fn region(&mut self, addr: usize) -> Option<&mut Region> {
        self.regions.range_mut(..=addr).next_back().map(|(_, r)| r).filter(|r| addr < r.end())
    }

    fn overlaps(&self, addr: usize, size: usize) -> bool {
        self.regions.range(..addr + size).next_back().is_some_and(|(_, r)| r.end() > addr)
    }

    /// Finds a gap for `size` bytes at a multiple of `align`, and calls `map` with candidates until it takes one.
    fn place(&mut self, size: usize, align: usize, mut map: impl FnMut(usize) -> host::Result<()>) -> Result<usize, NTSTATUS> {
        let mut at = self.next.next_multiple_of(align);
        let mut wrapped = false;
        loop {
            if at.checked_add(size).is_none_or(|end| end > self.arena.end) {
                if wrapped {
                    return Err(NTSTATUS::NO_MEMORY);
                }
                wrapped = true;
                at = self.arena.start.next_multiple_of(align);
                continue;
            }
            if let Some((_, r)) = self.regions.range(..at + size).next_back()
                && r.end() > at
            {
                at = r.end().next_multiple_of(align);
                continue;
            }
            match map(at) {
                Ok(()) => {
                    self.next = (at + size).next_multiple_of(GRANULARITY);
                    return Ok(at);
                }
                // Something of the host's lies there.
                Err(host::Errno::EEXIST) => at += size.next_multiple_of(align),
                Err(_) => return Err(NTSTATUS::NO_MEMORY),
            }
        }
    }

    fn forget(&mut self, base: usize) {
        self.regions.remove(&base);
        // Reuse the lowest gap first: addresses stay dense, and so do the page tables.
        if self.arena.contains(&base) && base < self.next {
            self.next = base;
        }
    }
}

fn round(addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let start = addr & !(PAGE - 1);
    let end = addr.checked_add(size).and_then(|end| end.checked_next_multiple_of(PAGE)).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    if end > HIGHEST + 1 { Err(NTSTATUS::INVALID_PARAMETER) } else { Ok((start, end - start)) }
}

/// NtAllocateVirtualMemory: reserves, commits or both. `addr` 0: anywhere. Returns base and size.
pub fn allocate(addr: usize, size: usize, flags: u32, protect: u32) -> Result<(usize, usize), NTSTATUS> {
    allocate_aligned(addr, size, flags, protect, GRANULARITY)
}

/// The same with an alignment (a power of two of at least 64 KiB) for reservations without an address.
pub fn allocate_aligned(addr: usize, size: usize, flags: u32, protect: u32, align: usize) -> Result<(usize, usize), NTSTATUS> {
    const KNOWN: u32 =
        MEM_COMMIT | MEM_RESERVE | m::MEM_RESET | MEM_TOP_DOWN | m::MEM_RESET_UNDO | m::MEM_LARGE_PAGES | MEM_PHYSICAL | MEM_WRITE_WATCH;
    const MEM_TOP_DOWN: u32 = 0x0010_0000;
    const MEM_PHYSICAL: u32 = 0x0040_0000;
    if flags & !KNOWN != 0 || flags & MEM_PHYSICAL != 0 || size == 0 || flags & (MEM_WRITE_WATCH | MEM_RESERVE) == MEM_WRITE_WATCH {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if flags & m::MEM_LARGE_PAGES != 0 {
        return Err(NTSTATUS::PRIVILEGE_NOT_HELD);
    }
    if !is_valid_protect(protect) || protect & 0xff == m::PAGE_WRITECOPY || protect & 0xff == m::PAGE_EXECUTE_WRITECOPY {
        return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
    }
    if flags & (m::MEM_RESET | m::MEM_RESET_UNDO) != 0 {
        let (start, size) = round(addr, size)?;
        let mut space = SPACE.lock();
        let region = space.region(start).ok_or(NTSTATUS::CONFLICTING_ADDRESSES)?;
        return if start + size <= region.end() { Ok((start, size)) } else { Err(NTSTATUS::CONFLICTING_ADDRESSES) };
    }
    if flags & (MEM_COMMIT | MEM_RESERVE) == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let mut space = SPACE.lock();
    // Commit alone without an address reserves too.
    if flags & MEM_RESERVE != 0 || addr == 0 {
        let commit = flags & MEM_COMMIT != 0;
        let prot = if commit { host_prot(protect) } else { Prot::NONE };
        let map = |at: usize, size: usize| mem::map_anonymous(Place::Exactly(at), size, prot).map(drop);
        let (base, size) = if addr == 0 {
            let size = size.checked_next_multiple_of(PAGE).ok_or(NTSTATUS::NO_MEMORY)?;
            (space.place(size, align, |at| map(at, size))?, size)
        } else {
            let base = addr & !(GRANULARITY - 1);
            if base < LOWEST {
                return Err(NTSTATUS::INVALID_PARAMETER);
            }
            let (base, size) = round(base, addr - base + size)?;
            if space.overlaps(base, size) || map(base, size).is_err() {
                return Err(NTSTATUS::CONFLICTING_ADDRESSES);
            }
            (base, size)
        };
        let mut region = Region::new(base, size, protect, Kind::Private, commit.then_some(protect));
        if flags & MEM_WRITE_WATCH != 0 {
            region.watched = true;
            let watch = || host::watch::start(base, size).and_then(|()| if commit { host::watch::reset(base, size) } else { Ok(()) });
            watch().map_err(|_| {
                let _ = mem::unmap(base, size);
                NTSTATUS::NOT_SUPPORTED
            })?;
        }
        space.regions.insert(base, region);
        return Ok((base, size));
    }
    let (start, size) = round(addr, size)?;
    let region = space.region(start).ok_or(NTSTATUS::CONFLICTING_ADDRESSES)?;
    if start + size > region.end() || region.kind == Kind::Image || region.placeholder {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    if region.watched {
        watch::commit(region, start, size).map_err(|_| NTSTATUS::NO_MEMORY)?;
    }
    mem::protect(start, size, host_prot(protect)).map_err(|_| NTSTATUS::NO_MEMORY)?;
    region.set(start, size, Some(protect));
    Ok((start, size))
}

/// NtFreeVirtualMemory. Returns the range that was freed.
pub fn free(addr: usize, size: usize, flags: u32) -> Result<(usize, usize), NTSTATUS> {
    let mut space = SPACE.lock();
    match flags {
        m::MEM_RELEASE => {
            let region = space.region(addr).ok_or(NTSTATUS::MEMORY_NOT_ALLOCATED)?;
            if region.kind != Kind::Private {
                return Err(NTSTATUS::UNABLE_TO_DELETE_SECTION);
            }
            let (base, len) = (region.base, region.size);
            if addr != base || size != 0 && size.next_multiple_of(PAGE) != len {
                return Err(if size == 0 { NTSTATUS::FREE_VM_NOT_AT_BASE } else { NTSTATUS::UNABLE_TO_FREE_VM });
            }
            mem::unmap(base, len).map_err(|_| NTSTATUS::NO_MEMORY)?;
            space.forget(base);
            Ok((base, len))
        }
        m::MEM_DECOMMIT => {
            let region = space.region(addr).ok_or(NTSTATUS::MEMORY_NOT_ALLOCATED)?;
            let (start, len) = if size == 0 {
                if addr & !(PAGE - 1) != region.base {
                    return Err(NTSTATUS::FREE_VM_NOT_AT_BASE);
                }
                (region.base, region.size)
            } else {
                round(addr, size)?
            };
            if start + len > region.end() || region.kind != Kind::Private {
                return Err(NTSTATUS::UNABLE_TO_FREE_VM);
            }
            let decommit = || {
                if region.watched {
                    mem::discard(start, len)?;
                    return mem::protect(start, len, Prot::NONE);
                }
                // Mapping anew gives the pages back and makes them unreadable in one call.
                mem::map_anonymous(Place::Replace(start), len, Prot::NONE).map(drop)
            };
            decommit().map_err(|_| NTSTATUS::NO_MEMORY)?;
            region.set(start, len, None);
            Ok((start, len))
        }
        _ if flags == m::MEM_RELEASE | m::MEM_PRESERVE_PLACEHOLDER => extended::preserve(&mut space, addr, size),
        _ if flags == m::MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS => extended::coalesce(&mut space, addr, size),
        _ => Err(NTSTATUS::INVALID_PARAMETER),
    }
}

/// NtProtectVirtualMemory. Returns the first page's old protection and the rounded range.
pub fn protect(addr: usize, size: usize, protect: u32) -> Result<(u32, usize, usize), NTSTATUS> {
    if !is_valid_protect(protect) {
        return Err(NTSTATUS::INVALID_PAGE_PROTECTION);
    }
    let (start, size) = round(addr, size)?;
    paging::populate(start, size);
    let mut space = SPACE.lock();
    let region = space.region(start).ok_or(NTSTATUS::INVALID_ADDRESS)?;
    if size == 0 || start + size > region.end() {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    let old = region.query(start).0;
    if region.stretches(start, size).iter().any(|s| s.2.is_none()) {
        return Err(NTSTATUS::NOT_COMMITTED);
    }
    mem::protect(start, size, host_prot(protect)).map_err(|_| NTSTATUS::SECTION_PROTECTION)?;
    region.set(start, size, Some(protect));
    Ok((old.unwrap_or(0), start, size))
}

/// Whether a page's protection allows an access. In a signal handler: true, too, while the answer cannot be had.
fn allows(addr: usize, write: bool, fetch: bool) -> bool {
    let Some(mut space) = SPACE.try_lock() else { return true };
    let protect = space.region(addr).and_then(|region| region.query(addr & !(PAGE - 1)).0).unwrap_or(0);
    let writable = m::PAGE_READWRITE | m::PAGE_WRITECOPY | m::PAGE_EXECUTE_READWRITE | m::PAGE_EXECUTE_WRITECOPY;
    let executable = m::PAGE_EXECUTE | m::PAGE_EXECUTE_READ | m::PAGE_EXECUTE_READWRITE | m::PAGE_EXECUTE_WRITECOPY;
    let wanted = match (write, fetch) {
        (true, _) => writable,
        (_, true) => executable,
        _ => writable | executable | m::PAGE_READONLY,
    };
    protect & m::PAGE_GUARD == 0 && protect & wanted != 0
}

/// NtQueryVirtualMemory, MemoryBasicInformation.
pub fn query(addr: usize) -> Result<Info, NTSTATUS> {
    if addr > HIGHEST {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let addr = addr & !(PAGE - 1);
    let mut space = SPACE.lock();
    if let Some(region) = space.region(addr) {
        let (page, end) = region.query(addr);
        return Ok(Info {
            base: addr,
            allocation_base: region.base,
            allocation_protect: region.allocation_protect,
            size: end - addr,
            state: region::state_of(page),
            protect: page.unwrap_or(0),
            kind: region.kind.flags(),
        });
    }
    let end = space.regions.range(addr..).next().map_or(HIGHEST + 1, |(&base, _)| base);
    Ok(Info {
        base: addr,
        allocation_base: 0,
        allocation_protect: 0,
        size: end - addr,
        state: m::MEM_FREE,
        protect: m::PAGE_NOACCESS,
        kind: 0,
    })
}

/// Checks that a range is whole pages of private memory, committed for reading and writing.
pub fn check_private(addr: usize, size: usize) -> Result<(), NTSTATUS> {
    if addr % PAGE != 0 || size % PAGE != 0 || size == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let end = addr.checked_add(size).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let mut at = addr;
    while at < end {
        let info = query(at)?;
        let writable = matches!(info.protect, m::PAGE_READWRITE | m::PAGE_EXECUTE_READWRITE);
        if info.state != m::MEM_COMMIT || info.kind != m::MEM_PRIVATE || !writable {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        at = info.base + info.size;
    }
    Ok(())
}

/// Gives private pages back to the host: what is in them is undefined afterwards.
pub fn discard(addr: usize, size: usize) -> Result<(), NTSTATUS> {
    check_private(addr, size)?;
    mem::discard(addr, size).map_err(|_| NTSTATUS::INVALID_PARAMETER)
}

/// Maps something of ours (an image, a view) with `map`, at `wish` if that is free, else anywhere; and
/// enters it into the tree as committed with `protect`.
pub fn insert(
    wish: Option<usize>,
    size: usize,
    protect: u32,
    kind: Kind,
    mut map: impl FnMut(usize) -> host::Result<()>,
) -> Result<usize, NTSTATUS> {
    let size = size.next_multiple_of(PAGE);
    let mut space = SPACE.lock();
    let base = match wish {
        Some(base) if !space.overlaps(base, size) && map(base).is_ok() => base,
        _ => space.place(size, GRANULARITY, map)?,
    };
    space.regions.insert(base, Region::new(base, size, protect, kind, Some(protect)));
    Ok(base)
}

/// Enters a range that is already mapped.
pub fn adopt(base: usize, size: usize, protect: u32, kind: Kind) {
    let mut space = SPACE.lock();
    space.regions.insert(base, Region::new(base, size, protect, kind, Some(protect)));
}

/// Records the protection of pages that the caller has set itself.
pub fn note_protection(addr: usize, size: usize, protect: u32) {
    if let Some(region) = SPACE.lock().region(addr)
        && size != 0
        && addr + size <= region.end()
    {
        region.set(addr, size, Some(protect));
    }
}

/// Unmaps the view or image that contains `addr`. Returns its base.
pub fn remove(addr: usize) -> Result<usize, NTSTATUS> {
    let mut space = SPACE.lock();
    let region = space.region(addr).ok_or(NTSTATUS::NOT_MAPPED_VIEW)?;
    if region.kind == Kind::Private {
        return Err(NTSTATUS::NOT_MAPPED_VIEW);
    }
    let (base, size) = (region.base, region.size);
    mem::unmap(base, size).map_err(|_| NTSTATUS::NOT_MAPPED_VIEW)?;
    space.forget(base);
    Ok(base)
}

/// A guest touched an address that faulted. A guard page loses its guard; true: raise
/// STATUS_GUARD_PAGE_VIOLATION.
pub fn take_guard(addr: usize) -> bool {
    // The tree may be locked by the very code that faulted; then it is no guard page of the guest's.
    let Some(mut space) = SPACE.try_lock() else { return false };
    let page_addr = addr & !(PAGE - 1);
    let Some(region) = space.region(addr) else { return false };
    match region.query(page_addr).0 {
        Some(protect) if protect & m::PAGE_GUARD != 0 => {
            let protect = protect & !m::PAGE_GUARD;
            region.set(page_addr, PAGE, Some(protect));
            mem::protect(page_addr, PAGE, host_prot(protect)).is_ok()
        }
        _ => false,
    }
}

/// Makes `[bottom, guard)` room for handling a stack overflow, and the page at `guard` its guard page.
pub fn set_stack_guard(bottom: usize, guard: usize) -> Result<(), NTSTATUS> {
    mem::protect(guard, PAGE, Prot::NONE).map_err(|_| NTSTATUS::NO_MEMORY)?;
    mem::protect(bottom, PAGE, Prot::NONE).map_err(|_| NTSTATUS::NO_MEMORY)?;
    if let Some(region) = SPACE.lock().region(bottom) {
        region.set(bottom, PAGE, None);
        region.set(guard, PAGE, Some(m::PAGE_READWRITE | m::PAGE_GUARD));
    }
    Ok(())
}

/// Unmaps a stack that nobody runs on any more.
pub fn release_stack(bottom: usize) {
    let _ = free(bottom, 0, m::MEM_RELEASE);
}

/// Like [`insert`] at a fixed address, or not at all.
pub fn insert_at(
    base: usize,
    size: usize,
    protect: u32,
    kind: Kind,
    mut map: impl FnMut(usize) -> host::Result<()>,
) -> Result<usize, NTSTATUS> {
    let mut space = SPACE.lock();
    if space.overlaps(base, size) || map(base).is_err() {
        return Err(NTSTATUS::CONFLICTING_ADDRESSES);
    }
    space.regions.insert(base, Region::new(base, size, protect, kind, Some(protect)));
    Ok(base)
}
