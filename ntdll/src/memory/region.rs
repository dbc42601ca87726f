//! One allocation of address space and the state of its pages.

use super::{MEM_COMMIT, MEM_RESERVE};
use host::mem::{PAGE, Prot};
use windows_sys::Win32::System::Memory as m;

/// What stands behind a region: MEM_PRIVATE, MEM_MAPPED or MEM_IMAGE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Private,
    Mapped,
    Image,
}

impl Kind {
    pub fn flags(self) -> u32 {
        match self {
            Kind::Private => m::MEM_PRIVATE,
            Kind::Mapped => m::MEM_MAPPED,
            Kind::Image => m::MEM_IMAGE,
        }
    }
}

/// A page's protection (PAGE_* bits); None while it is only reserved.
pub type Page = Option<u32>;

/// An allocation: what one VirtualAlloc, view or image occupies.
#[derive(Debug)]
pub struct Region {
    pub base: usize,
    /// Bytes, whole pages.
    pub size: usize,
    pub allocation_protect: u32,
    pub kind: Kind,
    /// Reserved by VirtualAlloc2 as a placeholder, to be replaced.
    pub placeholder: bool,
    /// Allocated with MEM_WRITE_WATCH.
    pub watched: bool,
    /// Sorted starts (page number within the region) of stretches of pages in the same state.
    runs: Vec<(u32, Page)>,
}

impl Region {
    pub fn new(base: usize, size: usize, protect: u32, kind: Kind, page: Page) -> Region {
        Region { base, size, allocation_protect: protect, kind, placeholder: false, watched: false, runs: vec![(0, page)] }
    }

    pub fn end(&self) -> usize {
        self.base + self.size
    }

    fn pages(&self) -> u32 {
        (self.size / PAGE) as u32
    }

    fn run_index(&self, page: u32) -> usize {
        self.runs.partition_point(|&(start, _)| start <= page) - 1
    }

    /// The state of the page at `addr`, and the stretch of equal pages around it from that page on.
    pub fn query(&self, addr: usize) -> (Page, usize) {
        let page = ((addr - self.base) / PAGE) as u32;
        let index = self.run_index(page);
        let end = self.runs.get(index + 1).map_or(self.pages(), |&(start, _)| start);
        (self.runs[index].1, self.base + end as usize * PAGE)
    }

    /// The stretches of `[addr, addr + size)`: start, end and state of each.
    pub fn stretches(&self, addr: usize, size: usize) -> Vec<(usize, usize, Page)> {
        let mut out = Vec::new();
        let mut at = addr;
        while at < addr + size {
            let (page, end) = self.query(at);
            let end = end.min(addr + size);
            out.push((at, end, page));
            at = end;
        }
        out
    }

    /// Sets the state of whole pages.
    pub fn set(&mut self, addr: usize, size: usize, page: Page) {
        let (first, last) = (((addr - self.base) / PAGE) as u32, ((addr + size - self.base) / PAGE) as u32);
        if first == 0 && last == self.pages() {
            self.runs = vec![(0, page)];
            return;
        }
        let after = (last < self.pages()).then(|| self.runs[self.run_index(last)].1);
        let from = self.runs.partition_point(|&(start, _)| start < first);
        let to = self.runs.partition_point(|&(start, _)| start <= last);
        let mut new = vec![(first, page)];
        new.extend(after.map(|page| (last, page)));
        self.runs.splice(from..to, new);
        self.runs.dedup_by(|next, previous| next.1 == previous.1);
    }

    /// Splits at `addr`: self keeps what is below, the rest is returned.
    pub fn split(&mut self, addr: usize) -> Region {
        let page = ((addr - self.base) / PAGE) as u32;
        let state = self.runs[self.run_index(page)].1;
        let mut runs: Vec<_> = self.runs.iter().filter(|r| r.0 > page).map(|&(s, p)| (s - page, p)).collect();
        runs.insert(0, (0, state));
        self.runs.retain(|r| r.0 < page);
        let upper = Region { base: addr, size: self.end() - addr, runs, ..*self };
        self.size = addr - self.base;
        upper
    }
}

/// MEM_COMMIT or MEM_RESERVE of a page.
pub fn state_of(page: Page) -> u32 {
    if page.is_some() { MEM_COMMIT } else { MEM_RESERVE }
}

/// Whether these PAGE_* bits are one that VirtualAlloc and VirtualProtect take.
pub fn is_valid_protect(protect: u32) -> bool {
    let base = protect & 0xff;
    let modifiers = protect & !0xff;
    base.is_power_of_two()
        && modifiers & !(m::PAGE_GUARD | m::PAGE_NOCACHE | m::PAGE_WRITECOMBINE | m::PAGE_TARGETS_INVALID) == 0
        && !(base == m::PAGE_NOACCESS && modifiers & (m::PAGE_GUARD | m::PAGE_NOCACHE | m::PAGE_WRITECOMBINE) != 0)
}

/// The host protection for PAGE_* bits. A guard page allows nothing, so that the first touch faults.
pub fn host_prot(protect: u32) -> Prot {
    if protect & m::PAGE_GUARD != 0 {
        return Prot::NONE;
    }
    match protect & 0xff {
        m::PAGE_READONLY => Prot::R,
        m::PAGE_READWRITE | m::PAGE_WRITECOPY => Prot::RW,
        m::PAGE_EXECUTE | m::PAGE_EXECUTE_READ => Prot::RX,
        m::PAGE_EXECUTE_READWRITE | m::PAGE_EXECUTE_WRITECOPY => Prot::RWX,
        _ => Prot::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_split_and_merge() {
        let mut r = Region::new(0x10000, 16 * PAGE, 4, Kind::Private, None);
        r.set(0x10000 + 4 * PAGE, 4 * PAGE, Some(4));
        assert_eq!(r.query(0x10000), (None, 0x10000 + 4 * PAGE));
        assert_eq!(r.query(0x10000 + 5 * PAGE), (Some(4), 0x10000 + 8 * PAGE));
        r.set(0x10000 + 8 * PAGE, PAGE, Some(4));
        assert_eq!(r.query(0x10000 + 4 * PAGE), (Some(4), 0x10000 + 9 * PAGE));
        r.set(0x10000 + 5 * PAGE, PAGE, Some(2));
        assert_eq!(r.stretches(0x10000 + 4 * PAGE, 5 * PAGE).len(), 3);
        r.set(0x10000 + 5 * PAGE, PAGE, Some(4));
        assert_eq!(r.stretches(0x10000 + 4 * PAGE, 5 * PAGE).len(), 1);
        r.set(0x10000, 16 * PAGE, None);
        assert_eq!(r.runs.len(), 1);
    }

    #[test]
    fn split_keeps_states() {
        let mut r = Region::new(0x10000, 16 * PAGE, 4, Kind::Private, None);
        r.set(0x10000 + 2 * PAGE, 10 * PAGE, Some(4));
        let upper = r.split(0x10000 + 8 * PAGE);
        assert_eq!(r.query(0x10000 + 7 * PAGE), (Some(4), 0x10000 + 8 * PAGE));
        assert_eq!(upper.query(0x10000 + 8 * PAGE), (Some(4), 0x10000 + 12 * PAGE));
        assert_eq!(upper.query(0x10000 + 13 * PAGE), (None, 0x10000 + 16 * PAGE));
    }
}
