//! The registry: a tree in memory, loaded from text files of the prefix when first asked for.
//!
//! Every change is noted as an operation. Saving (flush, process end) takes the prefix's registry lock,
//! reads the files anew if another process has changed them, applies the operations and replaces the files
//! by renaming: processes do not lose each other's changes, and a crash leaves whole files.

mod exports;
mod store;
mod text;

pub use exports::*;

use crate::object::{self, Object};
use abi::{HANDLE, NTSTATUS};
use std::sync::Arc;
pub use store::{Key, KeyInfo, Value};

/// A path from the root: upper-case components, such as `MACHINE`, `SOFTWARE`.
pub type Path = Vec<Vec<u16>>;

/// What key handles name.
pub struct KeyObject {
    pub path: Path,
}

impl Object for KeyObject {
    fn type_name(&self) -> &'static str {
        "Key"
    }
}

/// The user that programs run as: a made-up account of this machine.
pub const USER_SID: &str = "S-1-5-21-1004336348-1177238915-682003330-1001";

pub const KEY_QUERY_VALUE: u32 = 1;
pub const KEY_SET_VALUE: u32 = 2;
pub const KEY_CREATE_SUB_KEY: u32 = 4;
pub const KEY_ENUMERATE_SUB_KEYS: u32 = 8;
pub const DELETE: u32 = 0x1_0000;

fn components(text: &str) -> Path {
    text.split('\\').filter(|part| !part.is_empty()).map(|part| part.encode_utf16().map(crate::nls::case::upper).collect()).collect()
}

/// The path of one of the predefined keys (HKEY_LOCAL_MACHINE and so on).
pub fn predefined(handle: HANDLE) -> Option<Path> {
    // The constants are sign-extended from 32 bits; some callers do not.
    Some(match handle.0 as u32 {
        0x8000_0000 => components(r"MACHINE\SOFTWARE\CLASSES"),
        0x8000_0001 => components(&format!(r"USER\{USER_SID}")),
        0x8000_0002 => components("MACHINE"),
        0x8000_0003 => components("USER"),
        0x8000_0004 | 0x8000_0050 | 0x8000_0060 => components("PERFORMANCE"),
        0x8000_0005 => components(r"MACHINE\SYSTEM\CURRENTCONTROLSET\HARDWARE PROFILES\CURRENT"),
        _ => return None,
    })
}

/// The path that a handle names; `access`: the rights that are needed.
pub fn path_of(handle: HANDLE, access: u32) -> Result<Path, NTSTATUS> {
    match predefined(handle) {
        Some(path) => Ok(path),
        None => Ok(object::get::<KeyObject>(handle, access)?.path.clone()),
    }
}

/// Splits a subkey's name at backslashes.
pub fn split(name: &[u16]) -> Vec<Vec<u16>> {
    name.split(|&unit| unit == u16::from(b'\\')).filter(|part| !part.is_empty()).map(<[u16]>::to_vec).collect()
}

fn resolve(mut path: Path, name: &[u16]) -> (Path, Vec<Vec<u16>>) {
    let names = split(name);
    for name in &names {
        let upper = crate::nls::case::upper_text(name);
        // The 32-bit view is the same as the 64-bit one: there is one set of programs.
        if upper.iter().copied().eq("WOW6432NODE".encode_utf16()) {
            continue;
        }
        path.push(upper);
    }
    let names =
        names.into_iter().filter(|name| !crate::nls::case::upper_text(name).iter().copied().eq("WOW6432NODE".encode_utf16())).collect();
    (path, names)
}

/// Opens a key.
pub fn open(root: Path, name: &[u16], access: u32) -> Result<HANDLE, NTSTATUS> {
    let (path, _) = resolve(root, name);
    store::with(|tree| tree.find(&path).map(drop))?;
    Ok(object::insert(Arc::new(KeyObject { path }), crate::access::map_generic(access & !0x300, "Key")))
}

/// Opens a key, making it (and what is missing above it). True when it is new.
pub fn create(root: Path, name: &[u16], access: u32, volatile: bool) -> Result<(HANDLE, bool), NTSTATUS> {
    let base = root.len();
    let (path, names) = resolve(root, name);
    let new = store::create(&path, base, &names, volatile)?;
    let handle = object::insert(Arc::new(KeyObject { path }), crate::access::map_generic(access & !0x300, "Key"));
    Ok((handle, new))
}

/// Looks at a key.
pub fn look<R>(path: &Path, look: impl FnOnce(&Key) -> R) -> Result<R, NTSTATUS> {
    store::with(|tree| tree.find(path).map(look)).map_err(|status| match status {
        NTSTATUS::OBJECT_NAME_NOT_FOUND => NTSTATUS::KEY_DELETED,
        status => status,
    })
}

/// A value by name; the empty name is the key's default value.
pub fn value(path: &Path, name: &[u16]) -> Result<Value, NTSTATUS> {
    look(path, |key| key.value(name).cloned())?.ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)
}

pub fn set_value(path: &Path, name: &[u16], kind: u32, data: &[u8]) -> Result<(), NTSTATUS> {
    store::set_value(path, name, kind, data)
}

pub fn delete_value(path: &Path, name: &[u16]) -> Result<(), NTSTATUS> {
    store::delete_value(path, name)
}

/// Deletes a key without subkeys, or with all of them.
pub fn delete_key(path: &Path, tree: bool) -> Result<(), NTSTATUS> {
    store::delete_key(path, tree)
}

/// Writes what has changed to the prefix.
pub fn flush() -> Result<(), NTSTATUS> {
    store::save(true)
}

#[linkme::distributed_slice(crate::process::EXIT_HOOKS)]
#[linkme(crate = linkme)]
#[allow(unsafe_code)]
static SAVE: fn() = || {
    let _ = store::save(false);
};

/// A text value by path below the root, such as `MACHINE\SOFTWARE\…`.
pub fn text_value(path: &str, name: &str) -> Option<Vec<u16>> {
    let value = value(&components(path), &name.encode_utf16().collect::<Vec<_>>()).ok()?;
    let mut text: Vec<u16> = value.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    while text.last() == Some(&0) {
        text.pop();
    }
    Some(text)
}
