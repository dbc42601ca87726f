//! How names are really spelled: guests look them up without regard to case, hosts do not.
//!
//! A folder that was read once is remembered until its time of change says otherwise: programs search for many files that are
//! nowhere (modules, headers), and each such search would read the folder again.

use crate::path::upcase;
use abi::NTSTATUS;
use abi::wide;
use hashbrown::HashMap;
use host::file::FileType;
use parking_lot::Mutex;
use std::sync::{Arc, LazyLock};

/// Folders that are remembered; then all are forgotten.
const MAX_FOLDERS: usize = 256;
/// A change that comes within a file system's tick of the last one does not show in the folder's time. So a folder is
/// remembered only when its last change is older than any tick, in nanoseconds: of the kernel's clock, or of FAT.
const TICK: i64 = 100_000_000;
const TICK_OF_SECONDS: i64 = 2_100_000_000;
const SECOND: i64 = 1_000_000_000;

struct Folder {
    modified: i64,
    /// By upper case. Names that differ in case only share an entry.
    names: HashMap<Vec<u16>, Vec<Vec<u8>>>,
}

/// By device and inode number.
static FOLDERS: LazyLock<Mutex<HashMap<(u64, u64), Arc<Folder>>>> = LazyLock::new(Mutex::default);

fn fold(name: &[u8]) -> Vec<u16> {
    wide::from_host_bytes(name).into_iter().map(upcase).collect()
}

/// What is in a folder. None: there is no such folder.
fn folder(path: &[u8]) -> Option<Arc<Folder>> {
    let stat = host::file::stat(path).ok().filter(|stat| stat.kind == FileType::Directory)?;
    let key = (stat.dev, stat.ino);
    if let Some(known) = FOLDERS.lock().get(&key)
        && known.modified == stat.modified
    {
        return Some(known.clone());
    }
    let mut names: HashMap<Vec<u16>, Vec<Vec<u8>>> = HashMap::new();
    // One that may not be read has only names as they are.
    for (name, _) in host::file::list(path).unwrap_or_default() {
        names.entry(fold(&name)).or_default().push(name);
    }
    names.values_mut().for_each(|same| same.sort_unstable());
    let folder = Arc::new(Folder { modified: stat.modified, names });
    let tick = if stat.modified % SECOND == 0 { TICK_OF_SECONDS } else { TICK };
    if host::time::realtime_ns() as i64 - stat.modified > tick {
        let mut folders = FOLDERS.lock();
        if folders.len() >= MAX_FOLDERS {
            folders.clear();
        }
        folders.insert(key, folder.clone());
    }
    Some(folder)
}

impl Folder {
    /// The name as it is spelled, the same spelling first. None: nothing has that name.
    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let same = self.names.get(&fold(name))?;
        same.iter().find(|exact| *exact == name).or_else(|| same.first()).map(Vec::as_slice)
    }
}

/// Finds how a path is really spelled, when its exact spelling does not exist. The last part may be new: then it is kept as it is.
/// An error when a folder is missing.
pub fn resolve_case(path: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    // Most often only the last part is missing.
    if let Some(slash) = path.iter().rposition(|&b| b == b'/').filter(|&slash| slash + 1 < path.len())
        && let Some(folder) = folder(if slash == 0 { b"/" } else { &path[..slash] })
    {
        let name = &path[slash + 1..];
        return Ok([&path[..=slash], folder.find(name).unwrap_or(name)].concat());
    }
    let parts: Vec<&[u8]> = path.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
    let mut out = Vec::with_capacity(path.len());
    for (index, part) in parts.iter().enumerate() {
        let parent = out.len();
        out.push(b'/');
        out.extend_from_slice(part);
        if host::file::stat_link(&out).is_ok() {
            continue;
        }
        let folder = folder(if parent == 0 { b"/" } else { &out[..parent] }).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?;
        match folder.find(part) {
            Some(name) => {
                out.truncate(parent + 1);
                out.extend_from_slice(name);
            }
            None if index + 1 == parts.len() => {}
            None => return Err(NTSTATUS::OBJECT_PATH_NOT_FOUND),
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_again_when_it_has_changed() {
        let top = std::env::temp_dir().join(format!("uosrun-spelling-{}", std::process::id()));
        let inner = top.join("Inner");
        std::fs::create_dir_all(&inner).expect("a folder");
        let path = |name: &str| format!("{}/{name}", top.display()).into_bytes();
        let resolve = |name: &str| resolve_case(&path(name)).map(|found| String::from_utf8_lossy(&found[path("").len()..]).into_owned());
        for _ in 0..3 {
            assert_eq!(resolve("inner/new.txt").as_deref(), Ok("Inner/new.txt"));
        }
        // Old enough to be remembered.
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_millis(5_250);
        let folder = std::fs::File::open(&inner).expect("the folder");
        folder.set_times(std::fs::FileTimes::new().set_modified(long_ago)).expect("its time");
        assert_eq!(resolve("Inner/A.TXT").as_deref(), Ok("Inner/A.TXT"));
        let stat = host::file::stat(&path("Inner")).expect("the folder");
        assert!(FOLDERS.lock().contains_key(&(stat.dev, stat.ino)), "it is remembered");
        std::fs::write(inner.join("a.txt"), "").expect("a file");
        assert_eq!(resolve("Inner/A.TXT").as_deref(), Ok("Inner/a.txt"));
        std::fs::write(inner.join("A.txt"), "").expect("a file");
        assert_eq!(resolve("Inner/a.TXT").as_deref(), Ok("Inner/A.txt"), "the first in order");
        assert_eq!(resolve("Inner/a.txt").as_deref(), Ok("Inner/a.txt"), "the same spelling");
        std::fs::remove_file(inner.join("A.txt")).expect("removed");
        assert_eq!(resolve("INNER/A.txt").as_deref(), Ok("Inner/a.txt"));
        assert_eq!(resolve("none/a.txt"), Err(NTSTATUS::OBJECT_PATH_NOT_FOUND));
        assert_eq!(resolve("inner/a.txt/b"), Err(NTSTATUS::OBJECT_PATH_NOT_FOUND));
        assert_eq!(fold("ä".as_bytes()), fold("Ä".as_bytes()));
        std::fs::remove_dir_all(&top).expect("removed");
    }
}
