//! What the guest's processes share that come from one run of ours, by fork: a memory file. Nobody else has it, and it is gone
//! with the last of them.

use crate::vfs::Ours;
use host::Result;
use host::linux;
use host::mem::share;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much of the file is memory of all of them, in words of 8 bytes.
pub const WORDS: usize = 5376;
/// The file's name, which the host shows in /proc/PID/maps.
pub const NAME: &[u8] = b"/memfd:uosrun-session ";
/// As large as a file may become: what is not written takes no room.
const FILE_SIZE: usize = 1 << 36;
const FIRST_FREE: u64 = (WORDS as u64 * 8).next_multiple_of(4096);

const NAME_CHANGES: usize = 0;
const NEXT_FREE: usize = 1;
/// Where those of [`linux::answers`] begin, and those of [`crate::engine::texts`].
const ANSWERS: usize = 8;
pub const TEXTS: usize = ANSWERS + linux::answers::WORDS;

/// What is shared.
pub struct Session {
    words: &'static [AtomicU64; WORDS],
    file: Ours,
}

static SESSION: OnceLock<Session> = OnceLock::new();
/// Changes that were made before there was anybody to share with, and the process' own.
static OWN_CHANGES: AtomicU64 = AtomicU64::new(0);

/// There are others, and nothing is shared with them: nothing is to be believed.
static UNSHARED: AtomicBool = AtomicBool::new(false);

/// To be called before a fork. Without the memory the fork works all the same, and nothing is remembered from then on.
pub fn share_with_child() {
    if share_file().is_err() {
        UNSHARED.store(true, Ordering::Relaxed);
    }
}

fn share_file() -> Result<()> {
    if SESSION.get().is_none() && !UNSHARED.load(Ordering::Relaxed) {
        let file = Ours::new(linux::memfd(c"uosrun-session")?)?;
        linux::pass(libc::SYS_ftruncate, [file.as_raw_fd() as usize, FILE_SIZE, 0, 0, 0, 0])?;
        let words = share::<[AtomicU64; WORDS]>(file.as_raw_fd())?;
        words[NEXT_FREE].store(FIRST_FREE, Ordering::Relaxed);
        if let Some(memory) = words[ANSWERS..].first_chunk() {
            linux::answers::note_in(memory);
        }
        let _ = SESSION.set(Session { words, file });
    }
    Ok(())
}

/// What this process shares. None: it has had no child, and is none.
pub fn session() -> Option<&'static Session> {
    SESSION.get()
}

impl Session {
    pub fn word(&self, index: usize) -> &AtomicU64 {
        &self.words[index]
    }

    pub fn file(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Writes bytes to a place of the file that is nobody else's, and gives its offset. It may be mapped.
    pub fn append(&self, bytes: &[u8]) -> Result<u64> {
        let size = (bytes.len() as u64).next_multiple_of(4096);
        let at = self.words[NEXT_FREE].fetch_add(size, Ordering::Relaxed);
        let mut done = 0;
        while done < bytes.len() {
            let rest = &bytes[done..];
            done += host::file::write_at(self.file(), rest.as_ptr() as usize, rest.len(), at + done as u64)?;
        }
        Ok(at)
    }

    /// Reads what was written at an offset.
    pub fn read(&self, at: u64, into: &mut [u8]) -> Result<usize> {
        linux::pread(self.file(), into, at)
    }
}

/// Names may lead elsewhere from now on, or who may look has changed. For all processes.
pub fn names_changed() {
    match SESSION.get() {
        Some(session) => session.words[NAME_CHANGES].fetch_add(1, Ordering::AcqRel),
        None => OWN_CHANGES.fetch_add(1, Ordering::AcqRel),
    };
}

/// The same, for this process alone: its current directory is another one.
pub fn own_names_changed() {
    OWN_CHANGES.fetch_add(1, Ordering::AcqRel);
}

/// How often names have changed.
pub fn name_changes() -> u64 {
    if UNSHARED.load(Ordering::Relaxed) {
        own_names_changed();
    }
    let shared = SESSION.get().map_or(0, |session| session.words[NAME_CHANGES].load(Ordering::Acquire));
    shared.wrapping_add(OWN_CHANGES.load(Ordering::Acquire))
}
