//! Symbolic links that were met, so that the next path through them needs fewer steps. Nothing here is believed: a link is
//! read again (see [`Stamp`] for how soon), and what it leads to is opened without following any.

use super::memo::{Stamp, hash};
use super::open_dir;
use super::path::{Name, PathBuffer, c_path, split_first, split_last};
use host::linux;
use std::cell::RefCell;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest text of a link that is remembered.
const TEXT_MAX: usize = 256;

/// A link: where it lies below the root directory, by a path that has none in it, and what it says.
pub struct Link {
    at: Vec<u8>,
    text: Vec<u8>,
}

impl Link {
    /// `at` is absolute.
    pub fn new(at: &[u8], text: &[u8]) -> Link {
        Link { at: at.strip_prefix(b"/").unwrap_or(at).to_vec(), text: text.to_vec() }
    }

    /// Whether it still says the same.
    fn still_is(&self, root: RawFd) -> bool {
        let Some((parent, name, _)) = split_last(&self.at) else { return false };
        let mut text = [0; TEXT_MAX];
        let Ok(name) = Name::new(name) else { return false };
        let text = if parent.is_empty() {
            linux::readlinkat(root, name.c_str(), &mut text)
        } else {
            let parent = c_path(&[parent], &mut PathBuffer::new()).and_then(|parent| open_dir(root, parent));
            parent.and_then(|parent| linux::readlinkat(parent.as_raw_fd(), name.c_str(), &mut text))
        };
        text.is_ok_and(|text| text == self.text)
    }
}

/// A path that led through links, and where to.
struct Trail {
    root: RawFd,
    path: Vec<u8>,
    links: Vec<Link>,
    /// Absolute, without links.
    end: Vec<u8>,
    seen: Stamp,
}

/// A link in the root directory.
struct TopLink {
    root: RawFd,
    name: Vec<u8>,
    text: Vec<u8>,
    seen: Stamp,
}

/// How many trails a thread keeps: those of the programs and interpreters that it starts.
const TRAILS: usize = 8;

thread_local! {
    static TRAIL: RefCell<Vec<Trail>> = const { RefCell::new(Vec::new()) };
    static TOP: RefCell<Vec<TopLink>> = const { RefCell::new(Vec::new()) };
}

/// Remembers where an absolute path led, by which links.
pub fn remember(root: RawFd, path: &[u8], links: Vec<Link>, end: &[u8], seen: Stamp) {
    if links.iter().any(|link| link.text.len() >= TEXT_MAX) {
        return;
    }
    TRAIL.with_borrow_mut(|trails| {
        trails.retain(|trail| trail.root != root || trail.path != path);
        trails.truncate(TRAILS - 1);
        trails.insert(0, Trail { root, path: path.to_vec(), links, end: end.to_vec(), seen });
    });
}

/// Where an absolute path that ends in a link led, if its links still say the same.
pub fn end_of<'b>(root: RawFd, path: &[u8], buffer: &'b mut PathBuffer) -> Option<&'b CStr> {
    TRAIL.with_borrow_mut(|trails| {
        let index = trails.iter().position(|trail| trail.root == root && trail.path == path)?;
        let now = Stamp::now();
        if trails[index].seen != now {
            if !trails[index].links.iter().all(|link| link.still_is(root)) {
                trails.remove(index);
                return None;
            }
            trails[index].seen = now;
        }
        c_path(&[&trails[index].end], buffer).ok()
    })
}

/// Names in the root directory that were links when they were met, such as `lib` and `bin`: paths that begin with them are
/// worth a look at the link first.
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

    /// The path without the link that it begins with, if it does and goes on behind it. The link is added to `met`.
    pub fn without<'b>(&self, root: RawFd, path: &[u8], buffer: &'b mut PathBuffer, met: Option<&mut Vec<Link>>) -> Option<&'b CStr> {
        if self.0[0].load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (first, rest) = split_first(path)?;
        split_first(rest)?;
        let hash = hash(first);
        if !self.0.iter().any(|slot| slot.load(Ordering::Relaxed) == hash) {
            return None;
        }
        TOP.with_borrow_mut(|links| {
            let now = Stamp::now();
            let known = links.iter().position(|link| link.root == root && link.name == first);
            let index = match known {
                Some(index) if links[index].seen == now => index,
                _ => {
                    known.map(|index| links.remove(index));
                    let mut text = [0; TEXT_MAX];
                    let text = linux::readlinkat(root, Name::new(first).ok()?.c_str(), &mut text).ok()?;
                    // A `..` or `.` in a link is the walker's.
                    if text.is_empty() || text.len() == TEXT_MAX || text.split(|&c| c == b'/').any(|c| c.starts_with(b".")) {
                        return None;
                    }
                    links.push(TopLink { root, name: first.to_vec(), text: text.to_vec(), seen: now });
                    links.len() - 1
                }
            };
            if let Some(met) = met {
                met.push(Link::new(first, &links[index].text));
            }
            c_path(&[b"/", &links[index].text, rest], buffer).ok()
        })
    }
}
