//! NtOpenKey and its kin.
//! <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwopenkey>

use super::*;
use crate::file::{ObjectAttributes, UnicodeString};
use abi::{Ptr, export};

/// The key that OBJECT_ATTRIBUTES name: `\Registry\Machine\…` or relative to a key.
fn target(attributes: Ptr<ObjectAttributes>) -> Result<(Path, Vec<u16>), NTSTATUS> {
    let attributes = attributes.read()?;
    let name = if attributes.name.is_null() { Vec::new() } else { attributes.name.read()?.read()? };
    if !attributes.root.is_null() {
        return Ok((path_of(attributes.root, 0)?, name));
    }
    let parts = split(&name);
    let (first, rest) = parts.split_first().ok_or(NTSTATUS::OBJECT_NAME_INVALID)?;
    if !abi::wide::eq_ascii_case(first, "registry") {
        return Err(NTSTATUS::OBJECT_PATH_SYNTAX_BAD);
    }
    Ok((Vec::new(), rest.join(&u16::from(b'\\'))))
}

/// Opens a key.
#[export(ntdll, full)]
pub fn NtOpenKey(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    let (root, name) = target(attributes)?;
    Ok(handle.write(open(root, &name, access)?)?)
}

/// Opens a key.
#[export(ntdll, partial("options are ignored"))]
pub fn NtOpenKeyEx(handle: Ptr<HANDLE>, access: u32, attributes: Ptr<ObjectAttributes>, _options: u32) -> Result<(), NTSTATUS> {
    NtOpenKey(handle, access, attributes)
}

/// Makes or opens a key.
#[export(ntdll, full)]
pub fn NtCreateKey(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    _title: u32,
    _class: Ptr<UnicodeString>,
    options: u32,
    disposition: Ptr<u32>,
) -> Result<(), NTSTATUS> {
    let (mut root, mut name) = target(attributes)?;
    if root.is_empty() {
        // The hive's own name belongs to the root.
        let parts = split(&name);
        let (hive, rest) = parts.split_first().ok_or(NTSTATUS::OBJECT_NAME_INVALID)?;
        root.push(crate::nls::case::upper_text(hive));
        name = rest.join(&u16::from(b'\\'));
    }
    let (key, new) = create(root, &name, access, options & 1 != 0)?;
    disposition.write_opt(if new { 1 } else { 2 })?;
    Ok(handle.write(key)?)
}

/// Hands a structure over as far as it fits; its first `head` bytes must.
fn give(to: Ptr<u8>, size: u32, needed: Ptr<u32>, head: usize, bytes: &[u8]) -> Result<(), NTSTATUS> {
    needed.write_opt(bytes.len() as u32)?;
    if (size as usize) < head {
        return Err(NTSTATUS::BUFFER_TOO_SMALL);
    }
    to.write_slice(&bytes[..bytes.len().min(size as usize)])?;
    if (size as usize) < bytes.len() { Err(NTSTATUS::BUFFER_OVERFLOW) } else { Ok(()) }
}

fn utf16_bytes(text: &[u16]) -> Vec<u8> {
    text.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// KEY_VALUE_BASIC, _FULL or _PARTIAL_INFORMATION (64-bit aligned kinds are 3 and 4).
fn value_information(class: u32, value: &Value) -> Result<(usize, Vec<u8>), NTSTATUS> {
    let name = utf16_bytes(&value.name);
    let mut out = Vec::new();
    let put = |out: &mut Vec<u8>, number: u32| out.extend_from_slice(&number.to_le_bytes());
    put(&mut out, 0);
    put(&mut out, value.kind);
    let head = match class {
        0 => {
            put(&mut out, name.len() as u32);
            out.extend(&name);
            12
        }
        1 => {
            let offset = (20 + name.len()).next_multiple_of(8);
            put(&mut out, value.data.len() as u32);
            put(&mut out, offset as u32);
            put(&mut out, name.len() as u32);
            // The order in the structure: offset, data length, name length.
            out[8..12].copy_from_slice(&(offset as u32).to_le_bytes());
            out[12..16].copy_from_slice(&(value.data.len() as u32).to_le_bytes());
            out.extend(&name);
            out.resize(offset, 0);
            out.extend(&value.data);
            20
        }
        2 => {
            put(&mut out, value.data.len() as u32);
            out.extend(&value.data);
            12
        }
        4 => {
            // No title index: type, length, data.
            out.drain(..4);
            put(&mut out, value.data.len() as u32);
            out.extend(&value.data);
            8
        }
        _ => return Err(NTSTATUS::INVALID_PARAMETER),
    };
    Ok((head, out))
}

/// A value by name.
#[export(ntdll, full)]
pub fn NtQueryValueKey(
    key: HANDLE,
    name: Ptr<UnicodeString>,
    class: u32,
    to: Ptr<u8>,
    size: u32,
    needed: Ptr<u32>,
) -> Result<(), NTSTATUS> {
    let value = value(&path_of(key, KEY_QUERY_VALUE)?, &name.read()?.read()?)?;
    let (head, bytes) = value_information(class, &value)?;
    give(to, size, needed, head, &bytes)
}

/// A value by number.
#[export(ntdll, full)]
pub fn NtEnumerateValueKey(key: HANDLE, index: u32, class: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), NTSTATUS> {
    let path = path_of(key, KEY_QUERY_VALUE)?;
    let value = look(&path, |key| key.values.get(index as usize).cloned())?.ok_or(NTSTATUS::NO_MORE_ENTRIES)?;
    let (head, bytes) = value_information(class, &value)?;
    give(to, size, needed, head, &bytes)
}

/// Sets a value.
#[export(ntdll, full)]
pub fn NtSetValueKey(key: HANDLE, name: Ptr<UnicodeString>, _title: u32, kind: u32, data: Ptr<u8>, size: u32) -> Result<(), NTSTATUS> {
    let path = path_of(key, KEY_SET_VALUE)?;
    set_value(&path, &name.read()?.read()?, kind, &data.read_vec(size as usize)?)
}

/// Deletes a value.
#[export(ntdll, full)]
pub fn NtDeleteValueKey(key: HANDLE, name: Ptr<UnicodeString>) -> Result<(), NTSTATUS> {
    delete_value(&path_of(key, KEY_SET_VALUE)?, &name.read()?.read()?)
}

/// Deletes a key without subkeys.
#[export(ntdll, full)]
pub fn NtDeleteKey(key: HANDLE) -> Result<(), NTSTATUS> {
    delete_key(&path_of(key, 0)?, false)
}

/// KEY_BASIC, _NODE, _FULL, _NAME or _CACHED_INFORMATION.
fn key_information(class: u32, key: &Key, path: &Path) -> Result<(usize, Vec<u8>), NTSTATUS> {
    let info = key.info();
    let name = utf16_bytes(&key.name);
    let mut out = info.written.to_le_bytes().to_vec();
    let put = |out: &mut Vec<u8>, number: u32| out.extend_from_slice(&number.to_le_bytes());
    put(&mut out, 0);
    Ok(match class {
        0 => {
            put(&mut out, name.len() as u32);
            out.extend(name);
            (16, out)
        }
        1 => {
            put(&mut out, u32::MAX);
            put(&mut out, 0);
            put(&mut out, name.len() as u32);
            out.extend(name);
            (24, out)
        }
        2 => {
            let numbers =
                [u32::MAX, 0, info.subkeys, info.longest_subkey * 2, 0, info.values, info.longest_value_name * 2, info.longest_data];
            numbers.into_iter().for_each(|number| put(&mut out, number));
            (44, out)
        }
        3 => {
            let mut text = "\\REGISTRY".encode_utf16().collect::<Vec<_>>();
            for part in path {
                text.push(u16::from(b'\\'));
                text.extend(part);
            }
            let text = utf16_bytes(&text);
            let mut out = (text.len() as u32).to_le_bytes().to_vec();
            out.extend(text);
            (4, out)
        }
        _ => return Err(NTSTATUS::INVALID_PARAMETER),
    })
}

/// Facts about a key.
#[export(ntdll, partial("classes 0 to 3"))]
pub fn NtQueryKey(key: HANDLE, class: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), NTSTATUS> {
    let path = path_of(key, 0)?;
    let (head, bytes) = look(&path, |key| key_information(class, key, &path))??;
    give(to, size, needed, head, &bytes)
}

/// A subkey by number.
#[export(ntdll, partial("classes 0 to 3"))]
pub fn NtEnumerateKey(key: HANDLE, index: u32, class: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), NTSTATUS> {
    let path = path_of(key, KEY_ENUMERATE_SUB_KEYS)?;
    let found = look(&path, |key| key.children.values().nth(index as usize).map(|child| key_information(class, child, &path)))?;
    let (head, bytes) = found.ok_or(NTSTATUS::NO_MORE_ENTRIES)??;
    give(to, size, needed, head, &bytes)
}

/// Writes changes to the prefix.
#[export(ntdll, full)]
pub fn NtFlushKey(_key: HANDLE) -> Result<(), NTSTATUS> {
    flush()
}

/// Loads a hive: needs a privilege that programs here do not have.
#[export(ntdll, full)]
pub fn NtLoadKey(_target: Ptr<ObjectAttributes>, _file: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    Err(NTSTATUS::PRIVILEGE_NOT_HELD)
}

/// Loads a hive: needs a privilege that programs here do not have.
#[export(ntdll, full)]
pub fn NtLoadKeyEx(
    _target: Ptr<ObjectAttributes>,
    _file: Ptr<ObjectAttributes>,
    _flags: u32,
    _trust: HANDLE,
    _event: HANDLE,
    _access: u32,
    _root: Ptr<HANDLE>,
    _status: Ptr<u8>,
) -> Result<(), NTSTATUS> {
    Err(NTSTATUS::PRIVILEGE_NOT_HELD)
}

/// Waits for changes of a key.
#[export(ntdll, stub("no change is ever reported"))]
pub fn NtNotifyChangeKey(
    key: HANDLE,
    _event: HANDLE,
    _apc: usize,
    _context: usize,
    _status: Ptr<u8>,
    _filter: u32,
    _subtree: bool,
    _buffer: Ptr<u8>,
    _size: u32,
    asynchronous: bool,
) -> Result<NTSTATUS, NTSTATUS> {
    path_of(key, 0)?;
    if asynchronous { Ok(NTSTATUS::PENDING) } else { Err(NTSTATUS::NOT_SUPPORTED) }
}

/// Opens HKEY_CURRENT_USER.
#[export(ntdll, full)]
pub fn RtlOpenCurrentUser(access: u32, handle: Ptr<HANDLE>) -> Result<(), NTSTATUS> {
    Ok(handle.write(open(predefined(HANDLE(0x8000_0001)).unwrap_or_default(), &[], access)?)?)
}
