//! The tree, its operations and its files.

use super::{Path, USER_SID, text};
use crate::nls::case;
use abi::NTSTATUS;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    pub name: Vec<u16>,
    /// REG_SZ and so on.
    pub kind: u32,
    pub data: Vec<u8>,
}

/// A key with its values and subkeys (by upper-case name).
#[derive(Debug)]
pub struct Key {
    pub name: Vec<u16>,
    pub values: Vec<Value>,
    pub children: BTreeMap<Vec<u16>, Key>,
    pub volatile: bool,
    pub written: i64,
}

/// What RegQueryInfoKey tells.
#[derive(Clone, Copy, Default, Debug)]
pub struct KeyInfo {
    pub subkeys: u32,
    /// In units.
    pub longest_subkey: u32,
    pub values: u32,
    pub longest_value_name: u32,
    /// In bytes.
    pub longest_data: u32,
    pub written: i64,
}

impl Key {
    pub fn new(name: Vec<u16>, volatile: bool) -> Key {
        Key { name, values: Vec::new(), children: BTreeMap::new(), volatile, written: crate::time::system_time() }
    }

    pub fn find(&self, path: &[Vec<u16>]) -> Result<&Key, NTSTATUS> {
        path.iter().try_fold(self, |key, name| key.children.get(name)).ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)
    }

    fn find_mut(&mut self, path: &[Vec<u16>]) -> Option<&mut Key> {
        path.iter().try_fold(self, |key, name| key.children.get_mut(name))
    }

    /// The key of a path given by names as they are written.
    pub fn make(&mut self, names: &[Vec<u16>]) -> &mut Key {
        names.iter().fold(self, |key, name| key.children.entry(case::upper_text(name)).or_insert_with(|| Key::new(name.clone(), false)))
    }

    pub fn value(&self, name: &[u16]) -> Option<&Value> {
        self.values.iter().find(|value| case::equal(&value.name, name))
    }

    pub fn put(&mut self, value: Value) {
        self.written = crate::time::system_time();
        match self.values.iter_mut().find(|known| case::equal(&known.name, &value.name)) {
            Some(known) => {
                known.kind = value.kind;
                known.data = value.data;
            }
            None => self.values.push(value),
        }
    }

    pub fn info(&self) -> KeyInfo {
        let max = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0) as u32;
        KeyInfo {
            subkeys: self.children.len() as u32,
            longest_subkey: max(&mut self.children.values().map(|key| key.name.len())),
            values: self.values.len() as u32,
            longest_value_name: max(&mut self.values.iter().map(|value| value.name.len())),
            longest_data: max(&mut self.values.iter().map(|value| value.data.len())),
            written: self.written,
        }
    }
}

/// A change that is not in the files yet.
enum Change {
    Make(Vec<Vec<u16>>),
    Put(Path, Value),
    Remove(Path, Vec<u16>),
    Delete(Path),
}

struct State {
    root: Key,
    changes: Vec<Change>,
    stamps: [Option<SystemTime>; 2],
}

static STATE: Mutex<Option<Box<State>>> = Mutex::new(None);

/// The files, and the keys at their roots: as written in the file, and as paths.
const FILES: [(&str, &str, &str); 2] = [("machine.reg", "HKEY_LOCAL_MACHINE", "MACHINE"), ("user.reg", "HKEY_CURRENT_USER", "USER")];

fn folder() -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::path::Path::new(std::ffi::OsStr::from_bytes(crate::path::prefix())).join("registry")
}

fn names(text: &str) -> Vec<Vec<u16>> {
    text.split('\\').map(|part| part.encode_utf16().collect()).collect()
}

fn root_names(index: usize) -> Vec<Vec<u16>> {
    if index == 0 { names("MACHINE") } else { names(&format!("USER\\{USER_SID}")) }
}

fn stamp(index: usize) -> Option<SystemTime> {
    std::fs::metadata(folder().join(FILES[index].0)).and_then(|data| data.modified()).ok()
}

fn load() -> Key {
    let mut root = Key::new(Vec::new(), false);
    for (index, (file, label, _)) in FILES.iter().enumerate() {
        root.make(&root_names(index));
        let Ok(bytes) = std::fs::read(folder().join(file)) else { continue };
        text::read(&String::from_utf8_lossy(&bytes), &mut root, |path| {
            let rest = path.get(..label.len()).filter(|head| head.eq_ignore_ascii_case(label)).map(|_| &path[label.len()..])?;
            let mut full = root_names(index);
            full.extend(super::split(&rest.encode_utf16().collect::<Vec<_>>()));
            Some(full)
        });
    }
    for path in [r"MACHINE\Software\Classes", r"MACHINE\System\CurrentControlSet\Hardware Profiles\Current", r"USER\.Default"] {
        root.make(&names(path));
    }
    root
}

impl State {
    fn new() -> Box<State> {
        let mut state = Box::new(State { root: load(), changes: Vec::new(), stamps: [stamp(0), stamp(1)] });
        state.add_generated();
        state
    }

    /// What each prefix has of its own: an identifier of the machine.
    fn add_generated(&mut self) {
        let path = names(r"MACHINE\Software\Microsoft\Cryptography");
        let upper: Path = path.iter().map(|name| case::upper_text(name)).collect();
        let guid: Vec<u16> = "MachineGuid".encode_utf16().collect();
        if self.root.find(&upper).is_ok_and(|key| key.value(&guid).is_some()) {
            return;
        }
        let mut bytes = [0u8; 16];
        host::process::random(&mut bytes);
        // RFC 9562, version 4.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-");
        let data = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        self.apply(Change::Make(path));
        self.apply(Change::Put(upper, Value { name: guid, kind: 1, data }));
    }

    fn change(root: &mut Key, change: &Change) {
        match change {
            Change::Make(names) => drop(root.make(names)),
            Change::Put(path, value) => {
                if let Some(key) = root.find_mut(path) {
                    key.put(value.clone());
                }
            }
            Change::Remove(path, name) => {
                if let Some(key) = root.find_mut(path) {
                    key.values.retain(|value| !case::equal(&value.name, name));
                    key.written = crate::time::system_time();
                }
            }
            Change::Delete(path) => {
                if let Some((last, above)) = path.split_last()
                    && let Some(key) = root.find_mut(above)
                {
                    key.children.remove(last);
                    key.written = crate::time::system_time();
                }
            }
        }
    }

    /// Makes a change here and notes it, unless it is to a volatile key.
    fn apply(&mut self, change: Change) {
        Self::change(&mut self.root, &change);
        let volatile = match &change {
            Change::Put(path, _) | Change::Remove(path, _) => self.root.find(path).is_ok_and(|key| key.volatile),
            _ => false,
        };
        if !volatile {
            self.changes.push(change);
        }
    }
}

/// Looks at the tree; loads it first, or again when another process has saved.
pub fn with<R>(look: impl FnOnce(&Key) -> R) -> R {
    let mut state = STATE.lock();
    let state = state.get_or_insert_with(State::new);
    look(&state.root)
}

fn change<R>(work: impl FnOnce(&mut State) -> Result<R, NTSTATUS>) -> Result<R, NTSTATUS> {
    let mut state = STATE.lock();
    work(state.get_or_insert_with(State::new))
}

/// Makes the key of a path. `names`: the components after the first `base` ones, as written.
pub fn create(path: &Path, base: usize, names: &[Vec<u16>], volatile: bool) -> Result<bool, NTSTATUS> {
    change(|state| {
        if state.root.find(path).is_ok() {
            return Ok(false);
        }
        let parent = state.root.find(&path[..base])?;
        // The names above, as they are written.
        let mut full: Vec<Vec<u16>> = Vec::new();
        let mut at = &state.root;
        for name in &path[..base] {
            at = at.children.get(name).ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)?;
            full.push(at.name.clone());
        }
        if base == 0 {
            return Err(NTSTATUS::ACCESS_DENIED);
        }
        if names.iter().any(|name| name.len() > 255) {
            return Err(NTSTATUS::OBJECT_NAME_INVALID);
        }
        let volatile_parent = parent.volatile;
        if volatile_parent && !volatile {
            return Err(NTSTATUS::CHILD_MUST_BE_VOLATILE);
        }
        full.extend_from_slice(names);
        if volatile {
            let mut depth = full.len();
            while depth > 0 && state.root.find(&path[..depth]).is_err() {
                depth -= 1;
            }
            state.root.make(&full);
            for end in depth + 1..=path.len() {
                if let Some(key) = state.root.find_mut(&path[..end]) {
                    key.volatile = true;
                }
            }
        } else {
            state.apply(Change::Make(full));
        }
        Ok(true)
    })
}

pub fn set_value(path: &Path, name: &[u16], kind: u32, data: &[u8]) -> Result<(), NTSTATUS> {
    change(|state| {
        state.root.find(path).map_err(|_| NTSTATUS::KEY_DELETED)?;
        state.apply(Change::Put(path.clone(), Value { name: name.to_vec(), kind, data: data.to_vec() }));
        Ok(())
    })
}

pub fn delete_value(path: &Path, name: &[u16]) -> Result<(), NTSTATUS> {
    change(|state| {
        let key = state.root.find(path).map_err(|_| NTSTATUS::KEY_DELETED)?;
        key.value(name).ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)?;
        state.apply(Change::Remove(path.clone(), name.to_vec()));
        Ok(())
    })
}

pub fn delete_key(path: &Path, tree: bool) -> Result<(), NTSTATUS> {
    change(|state| {
        let key = state.root.find(path)?;
        if path.len() < 2 || (!tree && !key.children.is_empty()) {
            return Err(NTSTATUS::CANNOT_DELETE);
        }
        if key.volatile {
            State::change(&mut state.root, &Change::Delete(path.clone()));
        } else {
            state.apply(Change::Delete(path.clone()));
        }
        Ok(())
    })
}

/// Writes the changes to the files.
pub fn save(sync: bool) -> Result<(), NTSTATUS> {
    let mut state = STATE.lock();
    let Some(state) = state.as_mut() else { return Ok(()) };
    if state.changes.is_empty() {
        return Ok(());
    }
    let failed = |_: std::io::Error| NTSTATUS::UNSUCCESSFUL;
    std::fs::create_dir_all(folder()).map_err(failed)?;
    let lock = std::fs::File::create(folder().join(".lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let stamps = [stamp(0), stamp(1)];
    let mut fresh = None;
    if stamps != state.stamps {
        // Somebody else has saved meanwhile: our changes go on top of theirs.
        let mut root = load();
        state.changes.iter().for_each(|change| State::change(&mut root, change));
        fresh = Some(root);
    }
    let root = fresh.as_ref().unwrap_or(&state.root);
    for (index, (file, label, top)) in FILES.iter().enumerate() {
        let is_touched = |path: &[Vec<u16>]| path.first().is_some_and(|first| first.iter().copied().eq(top.encode_utf16()));
        let touched = state.changes.iter().any(|change| match change {
            Change::Make(path) | Change::Put(path, _) | Change::Remove(path, _) | Change::Delete(path) => is_touched(path),
        });
        if !touched {
            continue;
        }
        let path: Path = root_names(index).iter().map(|name| case::upper_text(name)).collect();
        let Ok(key) = root.find(&path) else { continue };
        let mut out = String::new();
        text::write(&mut out, label, key);
        let temporary = folder().join(format!("{file}.new"));
        std::fs::write(&temporary, out).map_err(failed)?;
        if sync {
            std::fs::File::open(&temporary).and_then(|file| file.sync_all()).map_err(failed)?;
        }
        std::fs::rename(&temporary, folder().join(file)).map_err(failed)?;
    }
    state.changes.clear();
    if let Some(root) = fresh {
        state.root = root;
    }
    state.stamps = [stamp(0), stamp(1)];
    Ok(())
}
