//! Sites of system calls that trap often are replaced by jumps.
//!
//! That a site has trapped proves that a `syscall` instruction begins there. Compilers load the number right before it:
//! `mov eax, imm32; syscall`. The `mov` has the five bytes that a jump needs, and the `syscall` stays where it is, so whoever jumps to
//! it still makes a call. Code is not searched when it is loaded: most programs make most calls once.
//!
//! Trampolines lie in small arenas within reach of a jump. Arenas stay writable, since other threads run in them.

use super::{Engine, memory::Memory, process};
use dbt::lazy::LEAD;
use dbt::patch::MAX_TRAMPOLINE;
use dbt::scan::Code;
use host::linux::engine::{self, Block};
use host::mem::{self, PAGE, Place, Prot};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A site that traps so often is patched: that costs about as much as so many traps.
const OFTEN: u32 = 4;

const SLOTS: usize = 1024;
/// Sites that have trapped, by hash of their address, and how often. Two that share a slot displace each other.
static SITES: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];
static TRAPS: [AtomicU32; SLOTS] = [const { AtomicU32::new(0) }; SLOTS];

/// A call was trapped. In the signal handler. True: the site is worth a patch.
pub fn on_trap(site: usize) -> bool {
    if process().engine == Engine::Trap {
        return false;
    }
    let slot = (site ^ site >> 12) % SLOTS;
    if SITES[slot].swap(site, Ordering::Relaxed) != site {
        TRAPS[slot].store(1, Ordering::Relaxed);
        return false;
    }
    let often = TRAPS[slot].fetch_add(1, Ordering::Relaxed) + 1 == OFTEN;
    if often {
        engine::block().trapped.store(site, Ordering::Relaxed);
    }
    often
}

/// Patches the site that the thread has been told of, if there is one.
#[inline]
pub fn consider(block: &Block, number: u32) {
    if block.trapped.load(Ordering::Relaxed) != 0 {
        let site = block.trapped.swap(0, Ordering::Relaxed);
        let _ = patch(&mut process().memory.lock(), site, number);
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
        // Away from the program's break, which grows upwards: first below, then above.
        let page = site & !(PAGE - 1);
        let below = (1..32).map(|step| page.checked_sub(step * (60 << 20)));
        let above = (1..32).map(|step| page.checked_add(step * (60 << 20)));
        let place = below.chain(above).flatten().filter(|&at| at >= 1 << 16);
        let start = place.into_iter().find_map(|at| mem::map_anonymous(Place::Exactly(at), ARENA, Prot::RWX).ok())?;
        guest.insert(start..start + ARENA);
        // It begins with the address of the entry.
        abi::fault::write(start, engine::entry()).ok()?;
        self.0.push(Arena { range: start..start + ARENA, used: 8 });
        Some(self.0.len() - 1)
    }
}

/// None: the site stays as it is.
fn patch(memory: &mut Memory, address: usize, number: u32) -> Option<()> {
    // What lies before the site, within its page: the page before may not be there.
    let from = (address - LEAD as usize).max(address & !(PAGE - 1));
    let mut bytes = [0u8; LEAD as usize + 2];
    let bytes = &mut bytes[..address + 2 - from];
    abi::fault::read_slice(from, bytes).ok()?;
    let code = Code { bytes, address: from as u64 };
    let site = dbt::lazy::site(code, address as u64, number)?;
    let start = site.start as usize;
    if !memory.guest.contains(start..address + 2) {
        return None;
    }
    let Memory { guest, arenas, .. } = memory;
    let index = arenas.near(guest, address)?;
    let arena = &mut arenas.0[index];
    let at = arena.range.start + arena.used;
    let patch = dbt::patch::patch(code, &site, at as u64, arena.range.start as u64)?;
    abi::fault::write_slice(at, &patch.trampoline).ok()?;
    arena.used += patch.trampoline.len().next_multiple_of(16);
    let pages = start & !(PAGE - 1)..(start + 5).next_multiple_of(PAGE);
    // Another thread may run here: the bytes change at once, which an aligned store of 8 bytes does.
    let word = start & !7;
    if start + 5 > word + 8 && !process().threads.is_single() {
        return None;
    }
    mem::protect(pages.start, pages.len(), Prot::RWX).ok()?;
    let written = if start + 5 <= word + 8 {
        let mut value: [u8; 8] = abi::fault::read::<u64>(word).ok()?.to_le_bytes();
        value[start - word..start - word + 5].copy_from_slice(&patch.bytes[..5]);
        abi::fault::write(word, u64::from_le_bytes(value))
    } else {
        abi::fault::write_slice(start, &patch.bytes[..5])
    };
    let _ = mem::protect(pages.start, pages.len(), Prot::RX);
    written.ok()
}
