//! Code of files, prepared with the patches that it needs, so that a process begins with what others have found out.
//!
//! The processes of a run note where they trap in the code of a file. When that has cost them more than it takes, a copy of the
//! code is made in the file that they share, with all of these sites patched ([`dbt::lazy`]), and from then on it is mapped in the
//! place of the file's own: its pages are shared by all, and none is touched to patch it. In the same copy `cpuid` is answered without
//! the processor, where that is the same for all processors ([`dbt::cpuid`]).
//!
//! Trampolines lie behind the end of the segment, in the rest of its last page. A later copy adds to the one before: whoever is
//! in a trampoline stays in it.

use super::{Engine, process};
use crate::proc::mapped_path;
use crate::session::{self, Session, session};
use crate::vfs::Vfs;
use dbt::cpuid;
use dbt::lazy::{self, Patch};
use dbt::scan::Code;
use host::linux::{self, answers, engine};
use host::mem::{self, PAGE, Place, Prot};
use loader::elf::ElfFile;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many texts are known.
const SLOTS: usize = 64;
/// How many sites of each.
const SITES: usize = 56;
/// How many copies are made of each.
const COPIES: usize = 4;
/// Larger ones are not copied: it is memory, too.
const MAX_SIZE: usize = 32 << 20;

// The shared words of a slot; the keys of all slots come first.
const STATE: usize = 0;
const TRAPS: usize = 1;
const SITE_COUNT: usize = 2;
/// Sites that the last copy knows.
const PREPARED: usize = 3;
/// From the text's start: where the address of the entry stands, and where the next trampoline goes.
const HANDLER: usize = 4;
const NEXT: usize = 5;
/// The size of the text.
const SIZE: usize = 6;
const COPY_COUNT: usize = 7;
/// Where the copies lie in the shared file. What [`origin`] tells stands behind each.
const COPY: usize = 8;
const SITE: usize = COPY + COPIES;
const SLOT_WORDS: usize = SITE + SITES;
const _: () = assert!(session::TEXTS + SLOTS * (2 + SLOT_WORDS) <= session::WORDS);

// What a slot's state says.
const OPEN: u64 = 0;
/// Somebody makes a copy.
const BUSY: u64 = 1;
/// There will be no more copies.
const CLOSED: u64 = 2;

/// What a trap costs, in nanoseconds, against the native call.
const TRAP_COST: u64 = 3000;
/// What it costs a fork and the end of its child that a text's pages are no longer those of the file, in traps.
const TRAPS_PER_FORK: u64 = 8;

/// Where code is taken to lie while it is patched: all that it refers to is relative.
const BASE: u64 = 1 << 32;

/// Code of a file in the guest's memory that it has not changed.
pub struct Text {
    pub range: Range<usize>,
    /// In the file.
    offset: u64,
    key: [u64; 2],
    /// Its slot, as soon as there is anybody to share with.
    slot: Option<usize>,
    /// The copy that is mapped, counted from 1; 0: the file's own.
    copy: u64,
    /// Sites that the process has patched on its own, and that nobody else knows yet.
    own_sites: Vec<u64>,
    /// Whether it has patched any in what is mapped now: its pages are no longer those of the file, and a fork copies its page tables.
    has_own: bool,
}

/// A slot's words.
struct Slot {
    session: &'static Session,
    first: usize,
}

impl Slot {
    fn new(session: &'static Session, index: usize) -> Slot {
        Slot { session, first: session::TEXTS + 2 * SLOTS + index * SLOT_WORDS }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        self.session.word(self.first + index)
    }

    fn get(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::Acquire)
    }

    /// The last copy: its number and its place.
    fn copy(&self) -> Option<(u64, u64)> {
        let count = self.get(COPY_COUNT).min(COPIES as u64);
        (count != 0).then(|| (count, self.get(COPY + count as usize - 1)))
    }

    /// How many sites are known.
    fn sites(&self) -> u64 {
        self.get(SITE_COUNT).min(SITES as u64)
    }

    /// Adds a site, if it is new: its offset above, its number below. Returns its index if it is not.
    fn add(&self, site: u64) -> Option<usize> {
        let known = (0..self.sites() as usize).position(|index| self.get(SITE + index) >> 32 == site >> 32);
        if known.is_none() && self.sites() < SITES as u64 {
            let index = self.word(SITE_COUNT).fetch_add(1, Ordering::AcqRel) as usize;
            if index < SITES {
                self.word(SITE + index).store(site, Ordering::Release);
            }
        }
        known
    }

    /// Makes a copy, if nobody else does.
    fn prepare(&self, vfs: &Vfs, fd: RawFd, stat: &libc::stat, offset: u64, size: usize) {
        if self.word(STATE).compare_exchange(OPEN, BUSY, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let made = self.make_copy(vfs, fd, stat, offset, size);
            let is_last = made.is_none() || self.get(COPY_COUNT) == COPIES as u64;
            self.word(STATE).store(if is_last { CLOSED } else { OPEN }, Ordering::Release);
        }
    }

    fn make_copy(&self, vfs: &Vfs, fd: RawFd, stat: &libc::stat, offset: u64, size: usize) -> Option<()> {
        let mut code = vec![0; size];
        let (handler, mut next) = match self.copy() {
            Some((_, at)) => {
                self.session.read(at, &mut code).ok().filter(|&len| len == size)?;
                (self.get(HANDLER) as usize, self.get(NEXT) as usize)
            }
            None => {
                let end = segment_end(fd, offset, size)?;
                linux::pread(fd, &mut code[..end], offset).ok().filter(|&len| len == end)?;
                let handler = end.next_multiple_of(16);
                code.get_mut(handler..handler + 8)?.copy_from_slice(&engine::entry().to_le_bytes());
                (handler, handler + 16)
            }
        };
        let mut prepared = self.get(PREPARED);
        // A site that is counted may not be written yet.
        while prepared < self.sites()
            && let site = self.get(SITE + prepared as usize)
            && site != 0
        {
            next = patch(&mut code, site, handler, next).unwrap_or(next);
            prepared += 1;
        }
        if self.copy().is_none() {
            next = answer_cpuid(&mut code, handler, next);
        }
        let path = vfs.host_path(fd).ok()?;
        let facts = format!("{offset} {:02x}:{:02x} {} ", libc::major(stat.st_dev), libc::minor(stat.st_dev), stat.st_ino);
        let at = self.session.append(&[&code, facts.as_bytes(), &path, b"\n"].concat()).ok()?;
        let count = self.get(COPY_COUNT);
        for (word, value) in [(COPY + count as usize, at), (HANDLER, handler as u64), (NEXT, next as u64), (SIZE, size as u64)] {
            self.word(word).store(value, Ordering::Release);
        }
        self.word(PREPARED).store(prepared, Ordering::Release);
        self.word(TRAPS).store(0, Ordering::Relaxed);
        self.word(COPY_COUNT).store(count + 1, Ordering::Release);
        Some(())
    }

    /// Whether a copy with what is known by now would cost less than what traps have cost since the last one.
    fn pays(&self, size: usize) -> bool {
        let cost = 20_000 + size as u64 / 4 + self.sites() * 8_000;
        self.get(STATE) == OPEN && size <= MAX_SIZE && self.sites() > self.get(PREPARED) && self.get(TRAPS) * TRAP_COST > cost
    }
}

/// What tells texts apart: what `stat` says of the file, and the part that is mapped.
fn key(stat: &libc::stat, offset: u64, size: usize) -> [u64; 2] {
    let facts = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
    [1, 2].map(|salt| {
        let mut hasher = DefaultHasher::new();
        (facts, offset, size, salt).hash(&mut hasher);
        hasher.finish() | 1
    })
}

/// The slot of a text. None: there are too many.
fn find_slot(session: &'static Session, [first, second]: [u64; 2]) -> Option<usize> {
    (0..SLOTS).find(|index| {
        let [a, b] = [0, 1].map(|part| session.word(session::TEXTS + 2 * index + part));
        match a.compare_exchange(0, first, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => b.store(second, Ordering::Release),
            Err(known) if known != first => return false,
            // Somebody writes the rest at this moment: not this time.
            Err(_) => {}
        }
        b.load(Ordering::Acquire) == second
    })
}

/// Code of a file that is about to be mapped, privately and not to be written: `size` bytes from `offset` on. Its copy is made if
/// that is due. The text has its range when it is [`placed`](Text::placed).
pub fn find(vfs: &Vfs, fd: RawFd, offset: u64, size: usize) -> Option<Text> {
    if process().engine == Engine::Trap {
        return None;
    }
    let stat = linux::fstat(fd).ok()?;
    let mut text =
        Text { range: 0..size, offset, key: key(&stat, offset, size), slot: None, copy: 0, own_sites: Vec::new(), has_own: false };
    if let Some(slot) = text.slot()
        && slot.pays(size)
    {
        slot.prepare(vfs, fd, &stat, offset, size);
    }
    Some(text)
}

impl Text {
    fn slot(&mut self) -> Option<Slot> {
        let session = session()?;
        if self.slot.is_none() {
            self.slot = find_slot(session, self.key);
        }
        let slot = Slot::new(session, self.slot?);
        // Not written to without need: each process would have a page more of its own.
        if !self.own_sites.is_empty() {
            for site in self.own_sites.drain(..) {
                slot.add(site);
            }
        }
        Some(slot)
    }

    /// The file that is to be mapped instead of `fd`, and where in it.
    pub fn source(&mut self, fd: RawFd) -> Option<(RawFd, u64)> {
        let slot = self.slot()?;
        let (number, at) = slot.copy()?;
        // What may not be read may not be mapped (mmap(2), EACCES and EBADF).
        let flags = linux::pass(libc::SYS_fcntl, [fd as usize, libc::F_GETFL as usize, 0, 0, 0, 0]).ok()? as i32;
        if flags & libc::O_PATH != 0 || flags & libc::O_ACCMODE == libc::O_WRONLY {
            return None;
        }
        self.copy = number;
        Some((slot.session.file(), at))
    }

    /// Where it has been mapped.
    pub fn placed(mut self, start: usize) -> Text {
        self.range = start..start + self.range.len();
        self
    }

    /// Maps the last copy, if it is not mapped. No other thread may run in it.
    fn take_copy(&mut self) {
        if let Some(slot) = self.slot()
            && let Some((number, at)) = slot.copy()
            && number != self.copy
            && mem::map_file(Place::Replace(self.range.start), self.range.len(), Prot::RX, slot.session.file(), at, false).is_ok()
        {
            self.copy = number;
            self.has_own = false;
        }
    }

    /// Counts what a fork costs because of own patches, and has a copy made if it would cost less. The file is found by the path
    /// that the kernel knows.
    fn weigh(&mut self, vfs: &Vfs) -> Option<()> {
        let slot = self.slot()?;
        slot.word(TRAPS).fetch_add(TRAPS_PER_FORK, Ordering::Relaxed);
        if !slot.pays(self.range.len()) {
            return None;
        }
        let file =
            linux::openat(libc::AT_FDCWD, &mapped_path(vfs, self.range.start)?, libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK, 0)
                .ok()?;
        let stat = linux::fstat(file.as_raw_fd()).ok()?;
        if key(&stat, self.offset, self.range.len()) == self.key {
            slot.prepare(vfs, file.as_raw_fd(), &stat, self.offset, self.range.len());
        }
        Some(())
    }

    fn word(&self, site: usize, number: u32) -> u64 {
        ((site - self.range.start) as u64) << 32 | u64::from(number)
    }
}

/// Before a fork of a process without other threads: its child is to have what is known by now.
pub fn refresh(vfs: &Vfs, texts: &mut [Text]) {
    for text in texts {
        if text.has_own {
            text.weigh(vfs);
        }
        text.take_copy();
    }
}

/// The process has patched a site on its own.
pub fn patched(texts: &mut [Text], site: usize, number: u32) {
    if let Some(text) = texts.iter_mut().find(|text| text.range.contains(&site)) {
        text.own_sites.push(text.word(site, number));
        text.has_own = true;
    }
}

/// A call was trapped there, with this number.
pub fn note(texts: &mut [Text], site: usize, number: u32) {
    let Some(text) = texts.iter_mut().find(|text| text.range.contains(&site)) else { return };
    let word = text.word(site, number);
    let is_copy = text.copy != 0;
    let Some(slot) = text.slot() else { return };
    if slot.get(STATE) == CLOSED {
        return;
    }
    // What could not be patched will not be.
    if slot.add(word).is_some_and(|index| (index as u64) < slot.get(PREPARED) && is_copy) {
        return;
    }
    slot.word(TRAPS).fetch_add(1, Ordering::Relaxed);
}

/// Where the executable segment that is mapped from `offset` on ends, from there; what follows in its last page is nobody's.
fn segment_end(fd: RawFd, offset: u64, size: usize) -> Option<usize> {
    let file = ElfFile::parse(|at, into| linux::pread(fd, into, at).unwrap_or(0)).ok()?;
    let segment = file.segments.iter().find(|s| s.execute && !s.write && s.offset & !(PAGE as u64 - 1) == offset)?;
    let end = usize::try_from((segment.offset + segment.file_size).checked_sub(offset)?).ok()?;
    (segment.file_size == segment.memory_size && end.next_multiple_of(PAGE) == size).then_some(end)
}

/// Patches a site (see [`Slot::add`] for its form) in a text, with a trampoline at `next`. Returns where that ends.
fn patch(code: &mut [u8], site: u64, handler: usize, next: usize) -> Option<usize> {
    let (site, number) = ((site >> 32) as usize, site as u32);
    // Two processes may have noted it at once: then it is patched by now.
    if code.get(site..site + 2)? != [0x0f, 0x05] {
        return None;
    }
    let site = BASE + site as u64;
    let view = Code { bytes: code, address: BASE }.around(site);
    let patch = lazy::patch(view, site, number, BASE + next as u64, BASE + handler as u64)?;
    apply(code, patch, next)
}

/// Writes a patch whose trampoline is at `next`. Returns where that ends.
fn apply(code: &mut [u8], patch: Patch, next: usize) -> Option<usize> {
    let end = next + patch.trampoline.len();
    code.get_mut(next..end)?.copy_from_slice(&patch.trampoline);
    for change in &patch.changes {
        let at = (change.at - BASE) as usize;
        code.get_mut(at..at + change.bytes.len())?.copy_from_slice(&change.bytes);
    }
    Some(end.next_multiple_of(16))
}

/// Has `cpuid` answered in a text wherever that can be, up to `end`, with trampolines from `next` on. Returns where those end.
fn answer_cpuid(code: &mut [u8], end: usize, mut next: usize) -> usize {
    if !answers::are_worth_it() {
        return next;
    }
    let handler = end + 8;
    code[handler..handler + 8].copy_from_slice(&answers::entry().to_le_bytes());
    // Later copies have more system calls to patch.
    let limit = next + code.len().saturating_sub(next) / 2;
    let sites: Vec<_> = cpuid::sites(Code { bytes: &code[..end], address: BASE }, answers::may_answer).collect();
    for site in sites {
        if next + lazy::MAX_TRAMPOLINE > limit {
            break;
        }
        let view = Code { bytes: &code[..end], address: BASE }.around(site);
        if let Some(patch) = cpuid::patch(view, site, BASE + next as u64, BASE + handler as u64) {
            next = apply(code, patch, next).unwrap_or(next);
        }
    }
    next
}

/// What a mapping of the shared file stands for, by its offset there.
pub struct Origin {
    /// The offset in the program's file.
    pub offset: u64,
    /// Device and inode number as /proc/PID/maps writes them.
    pub id: String,
    /// The file's path on the host.
    pub path: Vec<u8>,
}

/// See [`Origin`].
pub fn origin(offset: u64) -> Option<Origin> {
    let session = session()?;
    let copies = |slot: &Slot| (0..slot.get(COPY_COUNT).min(COPIES as u64) as usize).map(|copy| slot.get(COPY + copy)).collect::<Vec<_>>();
    let (at, size) = (0..SLOTS).find_map(|index| {
        let slot = Slot::new(session, index);
        let size = slot.get(SIZE);
        copies(&slot).into_iter().find(|&at| (at..at + size).contains(&offset)).map(|at| (at, size))
    })?;
    let mut facts = vec![0; PAGE + 64];
    let len = session.read(at + size, &mut facts).ok()?;
    let line = facts[..len].split(|&c| c == b'\n').next()?;
    let mut parts = line.splitn(4, |&c| c == b' ');
    let mut text = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
    let (start, device, inode) = (text()?.parse::<u64>().ok()?, text()?, text()?);
    let id = format!("{device} {inode}");
    Some(Origin { offset: start + (offset - at), id, path: parts.next()?.to_vec() })
}
