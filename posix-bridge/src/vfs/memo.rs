//! What is remembered between resolutions to save system calls. Nothing here is believed: each use asks the kernel again.

use super::path::split_first;
use super::resolve::c_path;
use super::{Id, OURS, id, open_dir};
use crate::args::PathBuffer;
use host::Result;
use host::linux;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() | 1
}

/// Names in the root directory that were links when they were met, such as `lib` and `bin`: paths that begin with them are
/// worth a readlink first.
#[derive(Default)]
pub struct TopLinks([AtomicU64; 8]);

impl TopLinks {
    pub fn learn(&self, name: &[u8]) {
        let hash = hash(name);
        for slot in &self.0 {
            match slot.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                Err(known) if known != hash => {}
                _ => return,
            }
        }
    }

    /// The path without the link that it begins with, if it does and goes on behind it.
    pub fn without<'b>(&self, root: RawFd, path: &[u8], buffer: &'b mut PathBuffer) -> Option<&'b CStr> {
        if self.0[0].load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (first, rest) = split_first(path)?;
        split_first(rest)?;
        let hash = hash(first);
        if !self.0.iter().any(|slot| slot.load(Ordering::Relaxed) == hash) {
            return None;
        }
        let mut text = [0; 256];
        let text = linux::readlinkat(root, super::path::Name::new(first).ok()?.c_str(), &mut text).ok()?;
        // A `..` or `.` in a link is the walker's.
        if text.is_empty() || text.len() == 256 || text.split(|&c| c == b'/').any(|c| c.starts_with(b".")) {
            return None;
        }
        let len = 1 + text.len() + rest.len();
        let room = buffer.get_mut(..=len)?;
        room[0] = b'/';
        room[1..=text.len()].copy_from_slice(text);
        room[1 + text.len()..len].copy_from_slice(rest);
        room[len] = 0;
        CStr::from_bytes_until_nul(room).ok()
    }
}

/// A parent directory that was opened for a path, and where it was found.
pub struct Parent {
    base: RawFd,
    path: Vec<u8>,
    pub fd: OwnedFd,
    id: Id,
}

thread_local! {
    /// The last parent directory that the thread used twice in a row. Each has its own: programs that look at many files share them
    /// out by folders.
    static HELD: RefCell<Option<Rc<Parent>>> = const { RefCell::new(None) };
    /// What the last use was about.
    static USED: Cell<u64> = const { Cell::new(0) };
}

/// The parent directory `path` below `base` if it is the one that is held. The kernel finds the path once more, wherever
/// links may lead it; what counts is that it arrives at the very directory that was found without any.
fn find(base: RawFd, path: &[u8], c_path: &CStr) -> Option<Rc<Parent>> {
    let parent = HELD.with_borrow(|held| held.as_ref().filter(|held| held.base == base && held.path == path).cloned())?;
    let now = linux::fstatat(base, c_path, 0).ok()?;
    (id(&now) == parent.id).then_some(parent)
}

/// Opens a parent directory, and holds it if it is the second time in a row.
pub fn open_parent(base: RawFd, path: &[u8], buffer: &mut PathBuffer) -> Result<Opened> {
    let c_path = c_path(path, buffer)?;
    if let Some(parent) = find(base, path, c_path) {
        return Ok(Opened::Held(parent));
    }
    let fd = open_dir(base, c_path)?;
    let now = hash((base, path));
    if USED.replace(now) != now {
        return Ok(Opened::New(fd));
    }
    let fd = linux::move_up(fd, OURS)?;
    let id = id(&linux::fstat(fd.as_raw_fd())?);
    let parent = Rc::new(Parent { base, path: path.to_vec(), fd, id });
    HELD.set(Some(parent.clone()));
    Ok(Opened::Held(parent))
}

/// A parent directory.
pub enum Opened {
    New(OwnedFd),
    Held(Rc<Parent>),
}
