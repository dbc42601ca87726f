//! The process's handle table.

use super::{Object, downcast};
use abi::{HANDLE, NTSTATUS};
use parking_lot::RwLock;
use std::any::Any;
use std::sync::Arc;
use windows_sys::Win32::Foundation::{DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, HANDLE_FLAG_INHERIT, HANDLE_FLAG_PROTECT_FROM_CLOSE};

/// What a handle stands for.
#[derive(Clone)]
pub struct Entry {
    pub object: Arc<dyn Object>,
    /// Granted access rights.
    pub access: u32,
    pub inherit: bool,
    pub protected: bool,
}

/// Facts about one handle.
pub struct HandleInfo {
    pub access: u32,
    pub inherit: bool,
    pub protected: bool,
    pub type_name: &'static str,
    /// Handles of this process to the same object.
    pub handles: usize,
}

struct Table {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
}

/// Index 0 is never used: handle values start at 4.
static TABLE: RwLock<Table> = RwLock::new(Table { entries: Vec::new(), free: Vec::new() });

fn index_of(handle: HANDLE) -> usize {
    // The two low bits belong to the program (documented for handles).
    (handle.0 >> 2).wrapping_sub(1)
}

impl Table {
    fn get(&self, handle: HANDLE) -> Result<&Entry, NTSTATUS> {
        self.entries.get(index_of(handle)).and_then(Option::as_ref).ok_or(NTSTATUS::INVALID_HANDLE)
    }

    fn count(&self, object: &Arc<dyn Object>) -> usize {
        self.entries.iter().flatten().filter(|e| Arc::ptr_eq(&e.object, object)).count()
    }

    fn insert(&mut self, entry: Entry) -> HANDLE {
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => {
                self.entries.push(None);
                self.entries.len() - 1
            }
        };
        self.entries[index] = Some(entry);
        HANDLE((index + 1) << 2)
    }
}

/// Makes a handle.
pub fn insert(object: Arc<dyn Object>, access: u32) -> HANDLE {
    insert_inheritable(object, access, false)
}

/// Makes a handle that child processes may inherit.
pub fn insert_inheritable(object: Arc<dyn Object>, access: u32, inherit: bool) -> HANDLE {
    TABLE.write().insert(Entry { object, access, inherit, protected: false })
}

/// Makes a handle with a value that the parent chose. Before any other is made.
pub fn insert_inherited(handle: HANDLE, object: Arc<dyn Object>, access: u32) {
    let index = index_of(handle);
    // More than this no parent hands over.
    if index >= 1 << 24 {
        return;
    }
    let mut table = TABLE.write();
    while table.entries.len() <= index {
        let gap = table.entries.len() as u32;
        table.entries.push(None);
        table.free.push(gap);
    }
    table.free.retain(|&free| free as usize != index);
    table.entries[index] = Some(Entry { object, access, inherit: true, protected: false });
}

/// The handles that children may inherit.
pub fn inheritable() -> Vec<(HANDLE, Entry)> {
    let table = TABLE.read();
    let entries = table.entries.iter().enumerate();
    entries.filter_map(|(index, e)| Some((HANDLE((index + 1) << 2), e.clone()?))).filter(|(_, e)| e.inherit).collect()
}

/// Puts another object behind an existing handle.
pub fn replace(handle: HANDLE, object: Arc<dyn Object>) -> Result<(), NTSTATUS> {
    let mut table = TABLE.write();
    let entry = table.entries.get_mut(index_of(handle)).and_then(Option::as_mut).ok_or(NTSTATUS::INVALID_HANDLE)?;
    entry.object = object;
    Ok(())
}

/// Looks at an object in place. `look` takes no handle-table lock.
#[inline]
pub fn with<T: Object, R>(handle: HANDLE, access: u32, look: impl FnOnce(&T) -> R) -> Result<R, NTSTATUS> {
    let table = TABLE.read();
    let entry = table.get(handle)?;
    let any: &dyn Any = &*entry.object;
    let object = any.downcast_ref::<T>().ok_or(NTSTATUS::OBJECT_TYPE_MISMATCH)?;
    if entry.access & access != access {
        return Err(NTSTATUS::ACCESS_DENIED);
    }
    Ok(look(object))
}

/// The object behind a handle, kept alive by the result. `access`: the rights that are needed.
pub fn get<T: Object>(handle: HANDLE, access: u32) -> Result<Arc<T>, NTSTATUS> {
    let entry = table_info(handle)?;
    let object = downcast(entry.object).ok_or(NTSTATUS::OBJECT_TYPE_MISMATCH)?;
    if entry.access & access != access { Err(NTSTATUS::ACCESS_DENIED) } else { Ok(object) }
}

/// A copy of a handle's entry.
pub fn table_info(handle: HANDLE) -> Result<Entry, NTSTATUS> {
    TABLE.read().get(handle).cloned()
}

impl Entry {
    /// Facts to report about this entry.
    pub fn info(&self) -> HandleInfo {
        HandleInfo {
            access: self.access,
            inherit: self.inherit,
            protected: self.protected,
            type_name: self.object.type_name(),
            handles: TABLE.read().count(&self.object),
        }
    }
}

/// NtClose.
pub fn close(handle: HANDLE) -> Result<(), NTSTATUS> {
    let entry = {
        let mut table = TABLE.write();
        let index = index_of(handle);
        if table.get(handle)?.protected {
            return Err(NTSTATUS::HANDLE_NOT_CLOSABLE);
        }
        let entry = table.entries[index].take().ok_or(NTSTATUS::INVALID_HANDLE)?;
        table.free.push(index as u32);
        entry
    };
    // Most objects have one handle and nothing else refers to them: no need to search the table then.
    let last = Arc::strong_count(&entry.object) == 1 || TABLE.read().count(&entry.object) == 0;
    entry.object.on_close(last);
    Ok(())
}

/// NtDuplicateObject within this process. `source` is a real handle.
pub fn duplicate(source: HANDLE, access: u32, inherit: bool, options: u32) -> Result<HANDLE, NTSTATUS> {
    let mut entry = table_info(source)?;
    if options & DUPLICATE_SAME_ACCESS == 0 {
        entry.access = crate::access::map_generic(access, entry.object.type_name());
    }
    entry.inherit = inherit;
    entry.protected = false;
    let handle = TABLE.write().insert(entry);
    if options & DUPLICATE_CLOSE_SOURCE != 0 {
        close(source)?;
    }
    Ok(handle)
}

/// SetHandleInformation: changes the HANDLE_FLAG_* bits in `mask`.
pub fn set_flags(handle: HANDLE, mask: u32, flags: u32) -> Result<(), NTSTATUS> {
    let mut table = TABLE.write();
    let entry = table.entries.get_mut(index_of(handle)).and_then(Option::as_mut).ok_or(NTSTATUS::INVALID_HANDLE)?;
    if mask & HANDLE_FLAG_INHERIT != 0 {
        entry.inherit = flags & HANDLE_FLAG_INHERIT != 0;
    }
    if mask & HANDLE_FLAG_PROTECT_FROM_CLOSE != 0 {
        entry.protected = flags & HANDLE_FLAG_PROTECT_FROM_CLOSE != 0;
    }
    Ok(())
}
