//! The directory that a thread last looked into, held open: programs look at many files of one directory in turn.

use super::path::{NAME_MAX, PathBuffer, c_path};
use super::{Id, Ours, id, is_ours, open_dir};
use crate::session;
use host::Result;
use host::linux;
use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

pub(super) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() | 1
}

/// When something was seen. What was seen at this tick of the kernel's clock (1 to 10 ms), and before any guest of this run has
/// changed where names lead, needs no second look. So what a guest does holds at once, and what is done to its folder from outside
/// after a tick at the latest. A stale answer is about the directory that was there a moment ago: never about one outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    tick: u64,
    changes: u64,
}

impl Stamp {
    pub fn now() -> Stamp {
        Stamp { tick: host::time::tick_ns(), changes: session::name_changes() }
    }
}

/// A parent directory that was opened for a path, and where it was found.
pub struct Parent {
    base: RawFd,
    path: Vec<u8>,
    pub fd: Ours,
    id: Id,
    seen: Cell<Stamp>,
    /// How often it was used since.
    uses: Cell<u32>,
}

thread_local! {
    /// The last parent directory that the thread used twice in a row. Each has its own: programs that look at many files share them
    /// out by folders.
    static HELD: RefCell<Option<Rc<Parent>>> = const { RefCell::new(None) };
    /// How the last one was asked for that is held.
    static ASKED: RefCell<Option<Asked>> = const { RefCell::new(None) };
    /// What the last use was about.
    static USED: Cell<u64> = const { Cell::new(0) };
}

/// How a parent directory was asked for.
struct Asked {
    /// What stood before the name: relative to the current directory, or absolute.
    text: Vec<u8>,
    parent: Rc<Parent>,
    mount: usize,
    /// From when on it led there.
    since: Stamp,
}

/// The parent directory of a path, the length of the name in it, and the mount, if all of it was asked for at this tick, but for the
/// name. Else the tick. The path is absolute or relative to the current directory, and is given without its NUL.
pub fn again(path: &[u8]) -> std::result::Result<(Rc<Parent>, usize, usize), Stamp> {
    let now = Stamp::now();
    ASKED.with_borrow(|asked| {
        let asked = asked.as_ref().filter(|asked| asked.since == now).ok_or(now)?;
        let name = path.strip_prefix(&asked.text[..]).ok_or(now)?;
        let is_other = name.is_empty() || name.len() > NAME_MAX || name == b"." || name == b".." || name.contains(&b'/');
        if is_other {
            return Err(now);
        }
        asked.parent.uses.set(asked.parent.uses.get().saturating_add(1));
        Ok((asked.parent.clone(), name.len(), asked.mount))
    })
}

/// Notes for [`again`] how a parent directory was asked for, which was looked at since that moment.
pub fn note(text: &[u8], parent: &Rc<Parent>, mount: usize, since: Stamp) {
    ASKED.with_borrow_mut(|asked| match asked {
        Some(asked) if asked.text == text && Rc::ptr_eq(&asked.parent, parent) && asked.mount == mount => asked.since = since,
        _ => *asked = Some(Asked { text: text.to_vec(), parent: parent.clone(), mount, since }),
    });
}

/// The parent directory `path` below `base` if it is the one that is held. The kernel finds the path once more, wherever
/// links may lead it; what counts is that it arrives at the very directory that was found without any.
fn find(base: RawFd, path: &[u8]) -> Option<Rc<Parent>> {
    let parent = HELD.with_borrow(|held| held.as_ref().filter(|held| held.base == base && held.path == path).cloned())?;
    let now = Stamp::now();
    // A descriptor of the guest's may stand for something else by now.
    let same_base = base == libc::AT_FDCWD || is_ours(base);
    if !same_base || parent.seen.get() != now {
        let stat = linux::fstatat(base, c_path(&[path], &mut PathBuffer::new()).ok()?, 0).ok()?;
        if id(&stat) != parent.id {
            return None;
        }
        parent.seen.set(now);
    }
    parent.uses.set(parent.uses.get().saturating_add(1));
    Some(parent)
}

/// Opens a parent directory, and does not hold it.
pub fn open_once(base: RawFd, path: &[u8]) -> Result<Opened> {
    open_dir(base, c_path(&[path], &mut PathBuffer::new())?).map(Opened::New)
}

/// Closes what this thread holds.
pub fn let_go() {
    ASKED.set(None);
    HELD.set(None);
}

/// Opens a parent directory, and holds it if it is the second time in a row, or is likely to be used again.
pub fn open_parent(base: RawFd, path: &[u8]) -> Result<Opened> {
    if let Some(parent) = find(base, path) {
        return Ok(Opened::Held(parent));
    }
    let mut buffer = PathBuffer::new();
    let c_path = c_path(&[path], &mut buffer)?;
    let seen = Cell::new(Stamp::now());
    let fd = open_dir(base, c_path)?;
    let now = hash((base, path));
    // Whoever has looked at many files of the last one will do so again.
    let habit = HELD.with_borrow(|held| held.as_ref().is_some_and(|held| held.uses.get() >= 8));
    if USED.replace(now) != now && !habit {
        return Ok(Opened::New(fd));
    }
    let id = id(&linux::fstat(fd.as_raw_fd())?);
    // There is no room for one more of ours.
    let Ok(fd) = Ours::new(fd) else { return open_dir(base, c_path).map(Opened::New) };
    let parent = Rc::new(Parent { base, path: path.to_vec(), fd, id, seen, uses: Cell::new(0) });
    // The one before is not to stay open for what was asked of it.
    ASKED.set(None);
    HELD.set(Some(parent.clone()));
    Ok(Opened::Held(parent))
}

/// A parent directory.
pub enum Opened {
    New(OwnedFd),
    Held(Rc<Parent>),
}
