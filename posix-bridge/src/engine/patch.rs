//! Sites of system calls that trap often are replaced by jumps.
//!
//! How is said in [`dbt::lazy`]. Code is not searched when it is loaded: most programs make most calls once.
//!
//! Trampolines lie in small arenas within reach of a jump. Arenas stay writable, since other threads run in them.

use super::texts::{self, Text};
use super::{Engine, memory::Memory, process};
use crate::session::session;
use dbt::lazy::{AROUND, Change, MAX_TRAMPOLINE};
use dbt::scan::{Code, JUMP};
use host::linux;
use host::linux::engine::{self, Block};
use host::mem::{self, PAGE, Place, Prot};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A site that traps so often is patched. A patch costs as much as a few traps, and makes later forks dearer: the page is no longer
/// shared with the file. Programs of a shell script live through thirty calls in all. A tool with threads that lives for ten
/// milliseconds gains one or two per cent over eight, a shell's loop nothing.
const OFTEN: u32 = 4;
/// The same while the process has several threads: a change of code then interrupts the other processors, several times, and costs as much as
/// some thirty traps.
const OFTEN_BESIDE_OTHERS: u32 = 32;
/// After so many a site is beyond help.
const TOLD: u32 = 8 * OFTEN_BESIDE_OTHERS;

/// A site that has trapped, by hash of its address, and how often. Two that share a slot displace each other.
struct Slot {
    site: AtomicUsize,
    traps: AtomicU32,
}

/// A page of them.
const SLOTS: usize = 256;
static TRAPPED: [Slot; SLOTS] = [const { Slot { site: AtomicUsize::new(0), traps: AtomicU32::new(0) } }; SLOTS];

fn slot(site: usize) -> &'static Slot {
    &TRAPPED[(site ^ site >> 12) % SLOTS]
}

/// Once is enough: what cannot be patched is not tried again until it has trapped much more often.
fn is_often(traps: u32) -> bool {
    traps == OFTEN && process().threads.is_single() || traps == OFTEN_BESIDE_OTHERS || traps == TOLD
}

/// A call was trapped. In the signal handler. True: [`consider`] is to be told, because the site is worth a patch or because others
/// are to know of it. Of what traps for ever nobody hears any more.
pub fn on_trap(site: usize) -> bool {
    if process().engine == Engine::Trap {
        return false;
    }
    let slot = slot(site);
    if slot.site.swap(site, Ordering::Relaxed) != site {
        slot.traps.store(0, Ordering::Relaxed);
    }
    let traps = slot.traps.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    let told = is_often(traps) || traps < TOLD && session().is_some();
    if told {
        engine::block().trapped.store(site, Ordering::Relaxed);
    }
    told
}

/// Patches the site that the thread has been told of, if there is one.
#[inline]
pub fn consider(block: &Block, number: u32) {
    if block.trapped.load(Ordering::Relaxed) != 0 {
        trapped(block.trapped.swap(0, Ordering::Relaxed), number);
    }
}

#[cold]
fn trapped(site: usize, number: u32) {
    let mut memory = process().memory.lock();
    texts::note(&mut memory.texts, site, number);
    let slot = slot(site);
    let often = slot.site.load(Ordering::Relaxed) == site && is_often(slot.traps.load(Ordering::Relaxed));
    if often && patch(&mut memory, site, number).is_some() {
        texts::patched(&mut memory.texts, site, number);
    }
}

/// Room for trampolines.
#[derive(Default)]
pub struct Arenas(Vec<Arena>);

struct Arena {
    range: Range<usize>,
    used: usize,
}

const ARENA: usize = 16 << 10;
/// Jumps reach 2 GiB; some room for what the trampolines refer to.
const REACH: usize = (1 << 31) - (1 << 20);

impl Arenas {
    fn near(&mut self, guest: &mut super::memory::Ranges, site: usize) -> Option<usize> {
        let room = |arena: &Arena| arena.range.start.abs_diff(site) < REACH && arena.range.len() - arena.used >= MAX_TRAMPOLINE;
        if let Some(found) = self.0.iter().position(room) {
            return Some(found);
        }
        // Away from the program's break, which grows upwards: first below, then as far above as possible.
        let page = site & !(PAGE - 1);
        let below = (1..32).map(|step| page.checked_sub(step * (60 << 20)));
        let above = (1..32).rev().map(|step| page.checked_add(step * (60 << 20)));
        let place = below.chain(above).flatten().filter(|&at| at >= 1 << 16);
        let start = place.into_iter().find_map(|at| mem::map_anonymous(Place::Exactly(at), ARENA, Prot::RWX).ok())?;
        guest.insert(start..start + ARENA);
        // It begins with the address of the entry.
        abi::fault::write(start, engine::entry()).ok()?;
        self.0.push(Arena { range: start..start + ARENA, used: 8 });
        Some(self.0.len() - 1)
    }
}

/// Patches a site. None: it stays as it is.
fn patch(memory: &mut Memory, address: usize, number: u32) -> Option<()> {
    let Memory { guest, arenas, texts, .. } = memory;
    let mut bytes = [0u8; 2 * AROUND as usize];
    let code = around(guest, address, &mut bytes)?;
    let index = arenas.near(guest, address)?;
    let arena = &mut arenas.0[index];
    let at = (arena.range.start + arena.used) as u64;
    let handler = arena.range.start as u64;
    let patch = dbt::lazy::patch(code, address as u64, number, at, handler)?;
    // What is jumped to is there before the jump.
    abi::fault::write_slice(at as usize, &patch.trampoline).ok()?;
    arena.used += patch.trampoline.len().next_multiple_of(16);
    write(&patch.changes, texts)
}

/// The code around a site that may be read: the guest's.
fn around<'b>(guest: &super::memory::Ranges, address: usize, bytes: &'b mut [u8; 2 * AROUND as usize]) -> Option<Code<'b>> {
    let wanted = address - AROUND as usize..address + AROUND as usize;
    let range = guest.within(wanted).find(|range| range.contains(&address))?;
    // The pages before and behind may be there and not be readable.
    let page = address & !(PAGE - 1)..(address & !(PAGE - 1)) + PAGE;
    for range in [range.clone(), range.start.max(page.start)..range.end.min(page.end)] {
        if abi::fault::read_slice(range.start, &mut bytes[..range.len()]).is_ok() {
            return Some(Code { bytes: &bytes[..range.len()], address: range.start as u64 });
        }
    }
    None
}

/// Changes code. The jump that a change begins with is one store where others may run the place.
fn write(changes: &[Change], texts: &[Text]) -> Option<()> {
    let fits = |change: &Change| change.at % 8 + (change.bytes.len() as u64).min(JUMP) <= 8;
    if process().threads.is_single() {
        // The kernel writes to the process' own memory whatever its protection is.
        let memory = linux::openat(process().vfs.proc().ok()?.fd.as_raw_fd(), c"self/mem", libc::O_RDWR | libc::O_CLOEXEC, 0).ok()?;
        let fd = memory.as_raw_fd();
        return changes
            .iter()
            .try_for_each(|change| host::file::write_at(fd, change.bytes.as_ptr() as usize, change.bytes.len(), change.at).ok().map(drop));
    }
    if !changes.last().is_some_and(fits) {
        return None;
    }
    for change in changes {
        let pages = change.at as usize & !(PAGE - 1)..(change.at as usize + change.bytes.len()).next_multiple_of(PAGE);
        // What the guest has left as it was mapped.
        let is_text = texts.iter().any(|text| text.range.start <= pages.start && pages.end <= text.range.end);
        let before = if is_text { Prot::RX } else { protection(pages.start)? };
        mem::protect(pages.start, pages.len(), Prot::RWX).ok()?;
        let written = if fits(change) {
            let word = change.at & !7;
            let mut value = abi::fault::read::<u64>(word as usize).ok()?.to_le_bytes();
            let offset = (change.at - word) as usize;
            let (first, rest) = change.bytes.split_at(change.bytes.len().min(8 - offset));
            value[offset..offset + first.len()].copy_from_slice(first);
            abi::fault::write(word as usize, u64::from_le_bytes(value)).and_then(|()| abi::fault::write_slice(word as usize + 8, rest))
        } else {
            abi::fault::write_slice(change.at as usize, &change.bytes)
        };
        let _ = mem::protect(pages.start, pages.len(), before);
        written.ok()?;
    }
    Some(())
}

/// The protection of a page, which /proc tells.
fn protection(page: usize) -> Option<Prot> {
    let maps = crate::proc::host_file(&process().vfs, b"self/maps").ok()?;
    let line = maps.split(|&c| c == b'\n').find(|line| crate::proc::range_of(line).is_some_and(|range| range.contains(&page)))?;
    let flags = line.split(|&c| c == b' ').nth(1)?;
    Some(if flags.get(1) == Some(&b'w') { Prot::RWX } else { Prot::RX })
}
