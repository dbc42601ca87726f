//! Share modes: what the openers of a file allow each other.
//!
//! <https://learn.microsoft.com/windows/win32/fileio/creating-and-opening-files>. Known within this process.

use crate::access::{DELETE, FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA};
use abi::NTSTATUS;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::LazyLock;
use windows_sys::Win32::Storage::FileSystem::{FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE};

const FILE_EXECUTE: u32 = 0x20;

struct Opener {
    id: u64,
    access: u32,
    share: u32,
}

#[derive(Default)]
struct Openers {
    list: Vec<Opener>,
    delete_pending: bool,
    next: u64,
}

type Key = (u64, u64);
static FILES: LazyLock<Mutex<HashMap<Key, Openers>>> = LazyLock::new(Mutex::default);

/// One opener's entry; dropping it takes the entry back.
pub struct Claim {
    key: Key,
    id: u64,
}

/// Rights that share modes speak of, as FILE_SHARE_* bits.
fn shared_rights(access: u32) -> u32 {
    let mut bits = 0;
    if access & (FILE_READ_DATA | FILE_EXECUTE) != 0 {
        bits |= FILE_SHARE_READ;
    }
    if access & (FILE_WRITE_DATA | FILE_APPEND_DATA) != 0 {
        bits |= FILE_SHARE_WRITE;
    }
    if access & DELETE != 0 {
        bits |= FILE_SHARE_DELETE;
    }
    bits
}

/// Enters an opener, if all others agree.
pub fn claim(dev: u64, ino: u64, access: u32, share: u32) -> Result<Claim, NTSTATUS> {
    let rights = shared_rights(access);
    let mut files = FILES.lock();
    let openers = files.entry((dev, ino)).or_default();
    if openers.delete_pending {
        return Err(NTSTATUS::DELETE_PENDING);
    }
    // Who wants attributes only is never in anybody's way.
    if rights != 0 && openers.list.iter().any(|o| rights & !o.share != 0 || o.access & !share != 0) {
        return Err(NTSTATUS::SHARING_VIOLATION);
    }
    openers.next += 1;
    let id = openers.next;
    let share = if rights == 0 { 7 } else { share };
    openers.list.push(Opener { id, access: rights, share });
    Ok(Claim { key: (dev, ino), id })
}

impl Claim {
    pub fn set_delete_pending(&self, pending: bool) {
        if let Some(openers) = FILES.lock().get_mut(&self.key) {
            openers.delete_pending = pending;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut files = FILES.lock();
        if let Some(openers) = files.get_mut(&self.key) {
            openers.list.retain(|o| o.id != self.id);
            if openers.list.is_empty() {
                files.remove(&self.key);
            }
        }
    }
}
