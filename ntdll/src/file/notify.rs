//! Change notification of folders: NtNotifyChangeDirectoryFile, over the host's own. What to watch for is settled by a
//! handle's first call; what happens between two calls is kept for the next.
//! <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwnotifychangedirectoryfile>

use super::pending::{self, Request, Started};
use super::{Done, File, Kind, open, stream};
use crate::errno_to_status;
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};
use host::file::FileType;
use host::notify::{self, Event};
use host::{Errno, pipe, socket};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

// FILE_NOTIFY_CHANGE_* (winnt.h).
const FILE_NAME: u32 = 1;
const DIR_NAME: u32 = 2;
const ATTRIBUTES: u32 = 4;
const SIZE: u32 = 8;
const LAST_WRITE: u32 = 0x10;
const LAST_ACCESS: u32 = 0x20;
const CREATION: u32 = 0x40;
const SECURITY: u32 = 0x100;
const ALL: u32 = 0xfff;

// FILE_ACTION_*.
const ADDED: u32 = 1;
const REMOVED: u32 = 2;
const MODIFIED: u32 = 3;
const RENAMED_OLD_NAME: u32 = 4;
const RENAMED_NEW_NAME: u32 = 5;

/// What a folder's handle watches.
pub struct Watch {
    /// Stands for the host's queue of events.
    queue: Arc<File>,
    folder: Vec<u8>,
    filter: u32,
    subtree: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The path of each watched folder, below the handle's.
    folders: HashMap<i32, Vec<u8>>,
    /// What was found in a new folder and told, before the host told it.
    told: HashSet<Vec<u8>>,
    changes: Vec<(u32, Vec<u8>)>,
    /// There was more than could be kept.
    lost: bool,
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// What of `path` is below `folder`, with the separator.
fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(folder).filter(|rest| rest.is_empty() || rest[0] == b'/')
}

impl Watch {
    fn new(file: &File, filter: u32, subtree: bool) -> Result<Watch, NTSTATUS> {
        let queue = notify::new().map_err(errno_to_status)?;
        let queue = File::new(queue, Kind::Char, 0, open::FILE_SYNCHRONOUS_IO_NONALERT, Vec::new(), None);
        // By the open folder, so that it may be renamed.
        let folder = format!("/proc/self/fd/{}/", file.fd()).into_bytes();
        let watch = Watch { queue: Arc::new(queue), folder, filter, subtree, state: Mutex::default() };
        watch.add(&mut watch.state.lock(), Vec::new(), false).map_err(|errno| match errno {
            // The user's number of watches is limited.
            Errno::ENOSPC | Errno::EMFILE => NTSTATUS::INSUFFICIENT_RESOURCES,
            other => errno_to_status(other),
        })?;
        Ok(watch)
    }

    fn host_path(&self, path: &[u8]) -> Vec<u8> {
        [&self.folder[..], path, b"/."].concat()
    }

    /// Watches a folder and, for a subtree, those in it. `tell`: what is in there counts as added.
    fn add(&self, state: &mut State, path: Vec<u8>, tell: bool) -> Result<(), Errno> {
        let mut events = 0;
        if self.filter & (FILE_NAME | DIR_NAME) != 0 || self.subtree {
            events |= notify::CREATE | notify::DELETE | notify::MOVED_FROM | notify::MOVED_TO;
        }
        if self.filter & (SIZE | LAST_WRITE) != 0 {
            events |= notify::MODIFY;
        }
        if self.filter & (ATTRIBUTES | LAST_WRITE | CREATION | SECURITY) != 0 {
            events |= notify::ATTRIB;
        }
        if self.filter & LAST_ACCESS != 0 {
            events |= notify::ACCESS;
        }
        let mut left = vec![path];
        while let Some(path) = left.pop() {
            let host = self.host_path(&path);
            let is_top = path.is_empty();
            match notify::add(self.queue.fd(), &host, events) {
                Ok(watch) => state.folders.insert(watch, path.clone()),
                Err(errno) if is_top || errno == Errno::ENOSPC => return Err(errno),
                // It has gone again, or may not be looked into.
                Err(_) => continue,
            };
            if !self.subtree {
                continue;
            }
            for (name, kind) in host::file::list(&host).unwrap_or_default() {
                let inner = join(&path, &name);
                let is_dir = kind == Some(FileType::Directory);
                if tell {
                    self.tell(state, ADDED, if is_dir { DIR_NAME } else { FILE_NAME }, inner.clone());
                    state.told.insert(inner.clone());
                }
                if is_dir {
                    left.push(inner);
                }
            }
        }
        Ok(())
    }

    /// A folder is no longer in the tree.
    fn remove(&self, state: &mut State, path: &[u8]) {
        let gone: Vec<i32> = state.folders.iter().filter(|(_, folder)| below(folder, path).is_some()).map(|(&watch, _)| watch).collect();
        for watch in gone {
            state.folders.remove(&watch);
            notify::remove(self.queue.fd(), watch);
        }
    }

    fn tell(&self, state: &mut State, action: u32, class: u32, path: Vec<u8>) {
        if self.filter & class != 0 && state.changes.last().is_none_or(|last| action != MODIFIED || *last != (action, path.clone())) {
            state.changes.push((action, path));
        }
    }

    fn collect(&self, state: &mut State) {
        let events = notify::read(self.queue.fd()).unwrap_or_default();
        let mut paired = HashSet::new();
        for (index, event) in events.iter().enumerate() {
            if event.mask & notify::OVERFLOW != 0 {
                state.lost = true;
            } else if event.mask & notify::IGNORED != 0 {
                state.folders.remove(&event.watch);
            } else if !event.name.is_empty()
                && !paired.contains(&index)
                && let Some(path) = state.folders.get(&event.watch).map(|folder| join(folder, &event.name))
            {
                let second = || {
                    let is_it = |other: &&(usize, &Event)| other.1.mask & notify::MOVED_TO != 0 && other.1.cookie == event.cookie;
                    events.iter().enumerate().skip(index + 1).find(|other| is_it(&other))
                };
                let pair = if event.mask & notify::MOVED_FROM != 0 { second() } else { None };
                paired.extend(pair.map(|(at, _)| at));
                self.take(state, event, path, pair.map(|(_, second)| second));
            }
        }
    }

    fn take(&self, state: &mut State, event: &Event, path: Vec<u8>, pair: Option<&Event>) {
        let has = |bits: u32| event.mask & bits != 0;
        let is_dir = has(notify::IS_DIR);
        let class = if is_dir { DIR_NAME } else { FILE_NAME };
        if has(notify::CREATE | notify::MOVED_TO) {
            if !state.told.remove(&path) {
                self.tell(state, ADDED, class, path.clone());
            }
            if is_dir && self.subtree && self.add(state, path, has(notify::CREATE)).is_err() {
                state.lost = true;
            }
        } else if has(notify::DELETE) {
            state.told.remove(&path);
            self.tell(state, REMOVED, class, path);
        } else if has(notify::MOVED_FROM) {
            state.told.remove(&path);
            let target = pair.and_then(|pair| state.folders.get(&pair.watch).map(|folder| (pair, join(folder, &pair.name))));
            let Some((pair, new)) = target else {
                self.tell(state, REMOVED, class, path.clone());
                return if is_dir {
                    self.remove(state, &path)
                };
            };
            // In another folder it is a new file.
            let renamed = pair.watch == event.watch;
            self.tell(state, if renamed { RENAMED_OLD_NAME } else { REMOVED }, class, path.clone());
            self.tell(state, if renamed { RENAMED_NEW_NAME } else { ADDED }, class, new.clone());
            for folder in state.folders.values_mut() {
                if is_dir && let Some(rest) = below(folder, &path) {
                    *folder = [&new[..], rest].concat();
                }
            }
        } else if has(notify::MODIFY) {
            self.tell(state, MODIFIED, SIZE | LAST_WRITE, path);
        } else if has(notify::ATTRIB) {
            self.tell(state, MODIFIED, ATTRIBUTES | LAST_WRITE | CREATION | SECURITY, path);
        } else if has(notify::ACCESS) {
            self.tell(state, MODIFIED, LAST_ACCESS, path);
        }
    }

    /// Writes what has changed, if anything has. What does not fit is not told at all: the caller has to look itself.
    fn deliver(&self, to: Ptr<u8>, len: usize) -> Option<Done> {
        let mut state = self.state.lock();
        self.collect(&mut state);
        if state.folders.is_empty() {
            return Some(Done::failed(NTSTATUS::DELETE_PENDING));
        }
        if state.changes.is_empty() && !state.lost {
            return None;
        }
        let lost = std::mem::take(&mut state.lost);
        let records = records(&std::mem::take(&mut state.changes));
        if lost || records.len() > len {
            return Some(Done { status: NTSTATUS::NOTIFY_ENUM_DIR, bytes: 0 });
        }
        Some(match to.write_slice(&records) {
            Ok(()) => Done::ok(records.len()),
            Err(fault) => Done::failed(fault.into()),
        })
    }
}

/// FILE_NOTIFY_INFORMATION, one behind the other.
fn records(changes: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, (action, path)) in changes.iter().enumerate() {
        let slash = |unit: u16| if unit == u16::from(b'/') { u16::from(b'\\') } else { unit };
        let name: Vec<u8> = abi::wide::from_host_bytes(path).into_iter().flat_map(|unit| slash(unit).to_le_bytes()).collect();
        let size = (12 + name.len()).next_multiple_of(4);
        let next = if index + 1 == changes.len() { 0 } else { size };
        let used = out.len();
        for word in [next as u32, *action, name.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(name);
        if next != 0 {
            out.resize(used + size, 0);
        }
    }
    out
}

/// Waits for changes in a folder, or lets them be reported.
pub fn start(file: &Arc<File>, to: Ptr<u8>, len: u32, filter: u32, subtree: bool, request: Request) -> Result<Started, NTSTATUS> {
    if file.kind != Kind::Directory || filter & ALL == 0 || filter & !ALL != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if to.addr() % 4 != 0 {
        return Err(NTSTATUS::DATATYPE_MISALIGNMENT);
    }
    let watch = {
        let mut slot = file.changes.lock();
        match &*slot {
            Some(watch) => watch.clone(),
            None => slot.insert(Arc::new(Watch::new(file, filter, subtree)?)).clone(),
        }
    };
    let (folder, queue) = (file.clone(), watch.queue.clone());
    let mut attempt = move || match folder.is_closed() {
        true => Some(Done { status: NTSTATUS::NOTIFY_CLEANUP, bytes: 0 }),
        false => watch.deliver(to, len as usize),
    };
    if file.is_synchronous() {
        let done = stream::wait_for(file, queue.fd(), pipe::READABLE, &mut attempt);
        if done.is_success() {
            pending::complete_at_once(file, request, done);
        }
        return Ok(Started::Done(done));
    }
    // The folder itself has no events, but may be closed.
    let waits = vec![(file.clone(), 0), (queue, socket::IN)];
    pending::start_waiting(file.clone(), waits, None, request, Box::new(attempt))
}

/// Whether a handle has been asked for changes.
pub fn is_watched(file: &File) -> bool {
    file.changes.lock().is_some()
}

/// Waits for changes in a folder.
#[export(
    ntdll,
    partial("a folder does not count as modified when something is made or removed in it; its own removal is told when it is closed")
)]
pub fn NtNotifyChangeDirectoryFile(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<u8>,
    to: Ptr<u8>,
    len: u32,
    filter: u32,
    subtree: bool,
) -> Result<NTSTATUS, NTSTATUS> {
    let file: Arc<File> = crate::object::get(handle, crate::access::FILE_READ_DATA)?;
    let request = Request::of_call(event, apc, context, status.addr())?;
    start(&file, to, len, filter, subtree, request)?.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_aligned_and_chained() {
        let bytes = records(&[(ADDED, b"a/b".to_vec()), (REMOVED, b"c".to_vec())]);
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!([word(0), word(4), word(8)], [20, ADDED, 6]);
        assert_eq!(&bytes[12..18], b"a\0\\\0b\0");
        assert_eq!([word(20), word(24), word(28), bytes.len() as u32], [0, REMOVED, 2, 34]);
        assert_eq!(below(b"a/b", b"a"), Some(&b"/b"[..]));
        assert_eq!(below(b"ab", b"a"), None);
    }
}
