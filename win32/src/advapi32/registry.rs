//! winreg.h. <https://learn.microsoft.com/windows/win32/sysinfo/registry-functions>

use crate::status;
use abi::{HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use kernel32::nls::{ansi_opt, ansi_to_wide, wide_opt, wide_to_ansi};
use ntdll::registry::{self as reg, KEY_ENUMERATE_SUB_KEYS, KEY_QUERY_VALUE, KEY_SET_VALUE, Value};

const SZ: u32 = 1;
const EXPAND_SZ: u32 = 2;
const BINARY: u32 = 3;
const DWORD: u32 = 4;
const MULTI_SZ: u32 = 7;
const QWORD: u32 = 11;

fn is_text(kind: u32) -> bool {
    matches!(kind, SZ | EXPAND_SZ | MULTI_SZ)
}

fn to_units(data: &[u8]) -> Vec<u16> {
    data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn to_bytes(text: &[u16]) -> Vec<u8> {
    text.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// A value's data as the A functions give it.
fn ansi_data(value: &Value) -> Vec<u8> {
    if is_text(value.kind) { wide_to_ansi(&to_units(&value.data)) } else { value.data.clone() }
}

fn open(key: HANDLE, name: Option<Vec<u16>>, access: u32, to: Ptr<HANDLE>) -> Result<(), Win32Error> {
    let root = reg::path_of(key, 0)?;
    let name = name.unwrap_or_default();
    if name.is_empty() && reg::predefined(key).is_some() {
        return Ok(to.write(key)?);
    }
    Ok(to.write(reg::open(root, &name, access)?)?)
}

/// Opens a key.
#[export(advapi32, full)]
pub fn RegOpenKeyExW(key: HANDLE, name: PCWSTR, _options: u32, access: u32, to: Ptr<HANDLE>) -> Win32Error {
    status(|| open(key, wide_opt(name)?, access, to))
}

/// Opens a key.
#[export(advapi32, full)]
pub fn RegOpenKeyExA(key: HANDLE, name: PCSTR, _options: u32, access: u32, to: Ptr<HANDLE>) -> Win32Error {
    status(|| open(key, ansi_opt(name)?, access, to))
}

/// Opens a key.
#[export(advapi32, full)]
pub fn RegOpenKeyW(key: HANDLE, name: PCWSTR, to: Ptr<HANDLE>) -> Win32Error {
    status(|| open(key, wide_opt(name)?, 0x0200_0000, to))
}

/// Opens a key.
#[export(advapi32, full)]
pub fn RegOpenKeyA(key: HANDLE, name: PCSTR, to: Ptr<HANDLE>) -> Win32Error {
    status(|| open(key, ansi_opt(name)?, 0x0200_0000, to))
}

/// Opens HKEY_CURRENT_USER.
#[export(advapi32, full)]
pub fn RegOpenCurrentUser(_access: u32, to: Ptr<HANDLE>) -> Win32Error {
    status(|| Ok(to.write(HANDLE(0xffff_ffff_8000_0001))?))
}

fn create(
    key: HANDLE,
    name: Option<Vec<u16>>,
    options: u32,
    access: u32,
    to: Ptr<HANDLE>,
    disposition: Ptr<u32>,
) -> Result<(), Win32Error> {
    let (handle, new) = reg::create(reg::path_of(key, 0)?, &name.unwrap_or_default(), access, options & 1 != 0)?;
    disposition.write_opt(if new { 1 } else { 2 })?;
    Ok(to.write(handle)?)
}

/// Makes or opens a key.
#[export(advapi32, full)]
pub fn RegCreateKeyExW(
    key: HANDLE,
    name: PCWSTR,
    _reserved: u32,
    _class: PCWSTR,
    options: u32,
    access: u32,
    _security: Ptr<u8>,
    to: Ptr<HANDLE>,
    disposition: Ptr<u32>,
) -> Win32Error {
    status(|| create(key, wide_opt(name)?, options, access, to, disposition))
}

/// Makes or opens a key.
#[export(advapi32, full)]
pub fn RegCreateKeyExA(
    key: HANDLE,
    name: PCSTR,
    _reserved: u32,
    _class: PCSTR,
    options: u32,
    access: u32,
    _security: Ptr<u8>,
    to: Ptr<HANDLE>,
    disposition: Ptr<u32>,
) -> Win32Error {
    status(|| create(key, ansi_opt(name)?, options, access, to, disposition))
}

/// Makes or opens a key.
#[export(advapi32, full)]
pub fn RegCreateKeyW(key: HANDLE, name: PCWSTR, to: Ptr<HANDLE>) -> Win32Error {
    status(|| create(key, wide_opt(name)?, 0, 0x0200_0000, to, Ptr::NULL))
}

/// Makes or opens a key.
#[export(advapi32, full)]
pub fn RegCreateKeyA(key: HANDLE, name: PCSTR, to: Ptr<HANDLE>) -> Win32Error {
    status(|| create(key, ansi_opt(name)?, 0, 0x0200_0000, to, Ptr::NULL))
}

/// Closes a key.
#[export(advapi32, full)]
pub fn RegCloseKey(key: HANDLE) -> Win32Error {
    if reg::predefined(key).is_some() {
        return Win32Error::SUCCESS;
    }
    status(|| {
        ntdll::object::table_info(key)?;
        Ok(ntdll::object::close(key)?)
    })
}

/// Writes changes to the prefix.
#[export(advapi32, full)]
pub fn RegFlushKey(_key: HANDLE) -> Win32Error {
    status(|| Ok(reg::flush()?))
}

fn give_data(data: &[u8], to: Ptr<u8>, size: Ptr<u32>) -> Result<(), Win32Error> {
    if size.is_null() {
        return if to.is_null() { Ok(()) } else { Err(Win32Error::INVALID_PARAMETER) };
    }
    let capacity = size.read()?;
    size.write(data.len() as u32)?;
    if to.is_null() {
        return Ok(());
    }
    if (capacity as usize) < data.len() {
        return Err(Win32Error::MORE_DATA);
    }
    Ok(to.write_slice(data)?)
}

/// A value by name.
#[export(advapi32, full)]
pub fn RegQueryValueExW(key: HANDLE, name: PCWSTR, _reserved: Ptr<u32>, kind: Ptr<u32>, to: Ptr<u8>, size: Ptr<u32>) -> Win32Error {
    status(|| {
        let value = reg::value(&reg::path_of(key, KEY_QUERY_VALUE)?, &wide_opt(name)?.unwrap_or_default())?;
        kind.write_opt(value.kind)?;
        give_data(&value.data, to, size)
    })
}

/// A value by name, text in the ANSI code page.
#[export(advapi32, full)]
pub fn RegQueryValueExA(key: HANDLE, name: PCSTR, _reserved: Ptr<u32>, kind: Ptr<u32>, to: Ptr<u8>, size: Ptr<u32>) -> Win32Error {
    status(|| {
        let value = reg::value(&reg::path_of(key, KEY_QUERY_VALUE)?, &ansi_opt(name)?.unwrap_or_default())?;
        kind.write_opt(value.kind)?;
        give_data(&ansi_data(&value), to, size)
    })
}

fn expand(text: &[u16]) -> Vec<u16> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let percent = u16::from(b'%');
    while let Some(start) = rest.iter().position(|&unit| unit == percent) {
        out.extend_from_slice(&rest[..start]);
        let after = &rest[start + 1..];
        match after.iter().position(|&unit| unit == percent) {
            Some(end) => {
                match ntdll::process::variable(&after[..end]) {
                    Some(value) => out.extend(value),
                    None => out.extend_from_slice(&rest[start..start + end + 2]),
                }
                rest = &after[end + 1..];
            }
            None => {
                out.push(percent);
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

const RRF_NOEXPAND: u32 = 0x1000_0000;
const RRF_ZEROONFAILURE: u32 = 0x2000_0000;

fn get_value(
    key: HANDLE,
    subkey: Option<Vec<u16>>,
    name: Option<Vec<u16>>,
    flags: u32,
    kind: Ptr<u32>,
    to: Ptr<u8>,
    size: Ptr<u32>,
    ansi: bool,
) -> Result<(), Win32Error> {
    let mut path = reg::path_of(key, 0)?;
    let parts = reg::split(&subkey.unwrap_or_default());
    path.extend(parts.iter().map(|part| kernel32::nls::case::upper_text(part)));
    let value =
        reg::look(&path, |_| ()).map_err(|_| Win32Error::FILE_NOT_FOUND).and_then(|()| Ok(reg::value(&path, &name.unwrap_or_default())?));
    let mut value = match value {
        Ok(value) => value,
        Err(error) => {
            if flags & RRF_ZEROONFAILURE != 0 && !to.is_null() && !size.is_null() {
                to.write_slice(&vec![0; size.read()? as usize])?;
            }
            return Err(error);
        }
    };
    if value.kind == EXPAND_SZ && flags & RRF_NOEXPAND == 0 {
        value.kind = SZ;
        value.data = to_bytes(&expand(&to_units(&value.data)));
    }
    let allowed = match value.kind {
        0 => 1,
        SZ => 2,
        EXPAND_SZ => 4,
        BINARY => 8,
        DWORD => 0x10,
        MULTI_SZ => 0x20,
        QWORD => 0x40,
        _ => 0,
    };
    if flags & 0xffff & allowed == 0 && flags & 0xffff != 0xffff {
        // ERROR_UNSUPPORTED_TYPE
        return Err(Win32Error(1630));
    }
    if is_text(value.kind) {
        let mut text = to_units(&value.data);
        let nuls = if value.kind == MULTI_SZ { 2 } else { 1 };
        while text.len() < nuls || text[text.len() - nuls..].iter().any(|&unit| unit != 0) {
            text.push(0);
        }
        value.data = to_bytes(&text);
    }
    kind.write_opt(value.kind)?;
    give_data(&if ansi { ansi_data(&value) } else { value.data }, to, size)
}

/// A value of a key or subkey, checked for its type; text always ends with NUL.
#[export(advapi32, full)]
pub fn RegGetValueW(key: HANDLE, subkey: PCWSTR, name: PCWSTR, flags: u32, kind: Ptr<u32>, to: Ptr<u8>, size: Ptr<u32>) -> Win32Error {
    status(|| get_value(key, wide_opt(subkey)?, wide_opt(name)?, flags, kind, to, size, false))
}

/// A value of a key or subkey, checked for its type; text always ends with NUL.
#[export(advapi32, full)]
pub fn RegGetValueA(key: HANDLE, subkey: PCSTR, name: PCSTR, flags: u32, kind: Ptr<u32>, to: Ptr<u8>, size: Ptr<u32>) -> Win32Error {
    status(|| get_value(key, ansi_opt(subkey)?, ansi_opt(name)?, flags, kind, to, size, true))
}

/// The default value of a subkey.
#[export(advapi32, full)]
pub fn RegQueryValueW(key: HANDLE, subkey: PCWSTR, to: PWSTR, size: Ptr<u32>) -> Win32Error {
    status(|| get_value(key, wide_opt(subkey)?, None, 0xffff, Ptr::NULL, to.cast(), size, false))
}

/// Sets a value.
#[export(advapi32, full)]
pub fn RegSetValueExW(key: HANDLE, name: PCWSTR, _reserved: u32, kind: u32, data: Ptr<u8>, size: u32) -> Win32Error {
    status(|| {
        let data = if data.is_null() { Vec::new() } else { data.read_vec(size as usize)? };
        Ok(reg::set_value(&reg::path_of(key, KEY_SET_VALUE)?, &wide_opt(name)?.unwrap_or_default(), kind, &data)?)
    })
}

/// Sets a value, text in the ANSI code page.
#[export(advapi32, full)]
pub fn RegSetValueExA(key: HANDLE, name: PCSTR, _reserved: u32, kind: u32, data: Ptr<u8>, size: u32) -> Win32Error {
    status(|| {
        let mut data = if data.is_null() { Vec::new() } else { data.read_vec(size as usize)? };
        if is_text(kind) {
            data = to_bytes(&ansi_to_wide(&data));
        }
        Ok(reg::set_value(&reg::path_of(key, KEY_SET_VALUE)?, &ansi_opt(name)?.unwrap_or_default(), kind, &data)?)
    })
}

/// Sets a value of a subkey, making it if need be.
#[export(advapi32, full)]
pub fn RegSetKeyValueW(key: HANDLE, subkey: PCWSTR, name: PCWSTR, kind: u32, data: Ptr<u8>, size: u32) -> Win32Error {
    status(|| {
        let (handle, _) = reg::create(reg::path_of(key, 0)?, &wide_opt(subkey)?.unwrap_or_default(), KEY_SET_VALUE, false)?;
        let path = reg::path_of(handle, 0)?;
        ntdll::object::close(handle)?;
        let data = if data.is_null() { Vec::new() } else { data.read_vec(size as usize)? };
        Ok(reg::set_value(&path, &wide_opt(name)?.unwrap_or_default(), kind, &data)?)
    })
}

/// Deletes a value.
#[export(advapi32, full)]
pub fn RegDeleteValueW(key: HANDLE, name: PCWSTR) -> Win32Error {
    status(|| Ok(reg::delete_value(&reg::path_of(key, KEY_SET_VALUE)?, &wide_opt(name)?.unwrap_or_default())?))
}

/// Deletes a value.
#[export(advapi32, full)]
pub fn RegDeleteValueA(key: HANDLE, name: PCSTR) -> Win32Error {
    status(|| Ok(reg::delete_value(&reg::path_of(key, KEY_SET_VALUE)?, &ansi_opt(name)?.unwrap_or_default())?))
}

fn delete_key(key: HANDLE, name: Option<Vec<u16>>, tree: bool) -> Result<(), Win32Error> {
    let mut path = reg::path_of(key, 0)?;
    path.extend(reg::split(&name.unwrap_or_default()).iter().map(|part| kernel32::nls::case::upper_text(part)));
    reg::delete_key(&path, tree).map_err(|status| match status {
        abi::NTSTATUS::CANNOT_DELETE => Win32Error::ACCESS_DENIED,
        status => status.into(),
    })
}

/// Deletes a key without subkeys.
#[export(advapi32, full)]
pub fn RegDeleteKeyW(key: HANDLE, name: PCWSTR) -> Win32Error {
    status(|| delete_key(key, wide_opt(name)?, false))
}

/// Deletes a key without subkeys.
#[export(advapi32, full)]
pub fn RegDeleteKeyA(key: HANDLE, name: PCSTR) -> Win32Error {
    status(|| delete_key(key, ansi_opt(name)?, false))
}

/// Deletes a key without subkeys.
#[export(advapi32, full)]
pub fn RegDeleteKeyExW(key: HANDLE, name: PCWSTR, _view: u32, _reserved: u32) -> Win32Error {
    status(|| delete_key(key, wide_opt(name)?, false))
}

/// Deletes a key without subkeys.
#[export(advapi32, full)]
pub fn RegDeleteKeyExA(key: HANDLE, name: PCSTR, _view: u32, _reserved: u32) -> Win32Error {
    status(|| delete_key(key, ansi_opt(name)?, false))
}

/// Deletes a key and all below it.
#[export(advapi32, partial("without a name the key itself goes too"))]
pub fn RegDeleteTreeW(key: HANDLE, name: PCWSTR) -> Win32Error {
    status(|| delete_key(key, wide_opt(name)?, true))
}

/// Deletes a key and all below it.
#[export(advapi32, partial("without a name the key itself goes too"))]
pub fn RegDeleteTreeA(key: HANDLE, name: PCSTR) -> Win32Error {
    status(|| delete_key(key, ansi_opt(name)?, true))
}

fn nth_subkey(key: HANDLE, index: u32) -> Result<(Vec<u16>, i64), Win32Error> {
    let path = reg::path_of(key, KEY_ENUMERATE_SUB_KEYS)?;
    let found = reg::look(&path, |key| key.children.values().nth(index as usize).map(|child| (child.name.clone(), child.written)))?;
    found.ok_or(Win32Error::NO_MORE_ITEMS)
}

fn give_name<T: Copy + Default>(name: &[T], to: Ptr<T>, size: Ptr<u32>) -> Result<(), Win32Error> {
    let capacity = size.read()? as usize;
    if capacity <= name.len() {
        return Err(Win32Error::MORE_DATA);
    }
    to.write_slice(name)?;
    to.add(name.len()).write(T::default())?;
    Ok(size.write(name.len() as u32)?)
}

/// A subkey by number.
#[export(advapi32, full)]
pub fn RegEnumKeyExW(
    key: HANDLE,
    index: u32,
    to: PWSTR,
    size: Ptr<u32>,
    _reserved: Ptr<u32>,
    _class: PWSTR,
    class_size: Ptr<u32>,
    written: Ptr<i64>,
) -> Win32Error {
    status(|| {
        let (name, time) = nth_subkey(key, index)?;
        give_name(&name, to, size)?;
        class_size.write_opt(0)?;
        Ok(written.write_opt(time)?)
    })
}

/// A subkey by number.
#[export(advapi32, full)]
pub fn RegEnumKeyExA(
    key: HANDLE,
    index: u32,
    to: PSTR,
    size: Ptr<u32>,
    _reserved: Ptr<u32>,
    _class: PSTR,
    class_size: Ptr<u32>,
    written: Ptr<i64>,
) -> Win32Error {
    status(|| {
        let (name, time) = nth_subkey(key, index)?;
        give_name(&wide_to_ansi(&name), to, size)?;
        class_size.write_opt(0)?;
        Ok(written.write_opt(time)?)
    })
}

/// A subkey by number.
#[export(advapi32, full)]
pub fn RegEnumKeyW(key: HANDLE, index: u32, to: PWSTR, size: u32) -> Win32Error {
    status(|| {
        let (name, _) = nth_subkey(key, index)?;
        if size as usize <= name.len() {
            return Err(Win32Error::MORE_DATA);
        }
        to.write_slice(&name)?;
        Ok(to.add(name.len()).write(0)?)
    })
}

/// A subkey by number.
#[export(advapi32, full)]
pub fn RegEnumKeyA(key: HANDLE, index: u32, to: PSTR, size: u32) -> Win32Error {
    status(|| {
        let name = wide_to_ansi(&nth_subkey(key, index)?.0);
        if size as usize <= name.len() {
            return Err(Win32Error::MORE_DATA);
        }
        to.write_slice(&name)?;
        Ok(to.add(name.len()).write(0)?)
    })
}

fn nth_value(key: HANDLE, index: u32) -> Result<Value, Win32Error> {
    let path = reg::path_of(key, KEY_QUERY_VALUE)?;
    reg::look(&path, |key| key.values.get(index as usize).cloned())?.ok_or(Win32Error::NO_MORE_ITEMS)
}

/// A value by number.
#[export(advapi32, full)]
pub fn RegEnumValueW(
    key: HANDLE,
    index: u32,
    name: PWSTR,
    name_size: Ptr<u32>,
    _reserved: Ptr<u32>,
    kind: Ptr<u32>,
    to: Ptr<u8>,
    size: Ptr<u32>,
) -> Win32Error {
    status(|| {
        let value = nth_value(key, index)?;
        give_name(&value.name, name, name_size)?;
        kind.write_opt(value.kind)?;
        give_data(&value.data, to, size)
    })
}

/// A value by number.
#[export(advapi32, full)]
pub fn RegEnumValueA(
    key: HANDLE,
    index: u32,
    name: PSTR,
    name_size: Ptr<u32>,
    _reserved: Ptr<u32>,
    kind: Ptr<u32>,
    to: Ptr<u8>,
    size: Ptr<u32>,
) -> Win32Error {
    status(|| {
        let value = nth_value(key, index)?;
        give_name(&wide_to_ansi(&value.name), name, name_size)?;
        kind.write_opt(value.kind)?;
        give_data(&ansi_data(&value), to, size)
    })
}

/// Facts about a key.
#[export(advapi32, full)]
pub fn RegQueryInfoKeyW(
    key: HANDLE,
    class: PWSTR,
    class_size: Ptr<u32>,
    _reserved: Ptr<u32>,
    subkeys: Ptr<u32>,
    longest_subkey: Ptr<u32>,
    longest_class: Ptr<u32>,
    values: Ptr<u32>,
    longest_value: Ptr<u32>,
    longest_data: Ptr<u32>,
    security: Ptr<u32>,
    written: Ptr<i64>,
) -> Win32Error {
    status(|| {
        let info = reg::look(&reg::path_of(key, KEY_QUERY_VALUE)?, |key| key.info())?;
        if !class.is_null() && !class_size.is_null() && class_size.read()? > 0 {
            class.write(0)?;
        }
        class_size.write_opt(0)?;
        subkeys.write_opt(info.subkeys)?;
        longest_subkey.write_opt(info.longest_subkey)?;
        longest_class.write_opt(0)?;
        values.write_opt(info.values)?;
        longest_value.write_opt(info.longest_value_name)?;
        longest_data.write_opt(info.longest_data)?;
        security.write_opt(0)?;
        Ok(written.write_opt(info.written)?)
    })
}

/// Facts about a key.
#[export(advapi32, full)]
pub fn RegQueryInfoKeyA(
    key: HANDLE,
    class: PSTR,
    class_size: Ptr<u32>,
    reserved: Ptr<u32>,
    subkeys: Ptr<u32>,
    longest_subkey: Ptr<u32>,
    longest_class: Ptr<u32>,
    values: Ptr<u32>,
    longest_value: Ptr<u32>,
    longest_data: Ptr<u32>,
    security: Ptr<u32>,
    written: Ptr<i64>,
) -> Win32Error {
    let _ = class;
    RegQueryInfoKeyW(
        key,
        Ptr::NULL,
        class_size,
        reserved,
        subkeys,
        longest_subkey,
        longest_class,
        values,
        longest_value,
        longest_data,
        security,
        written,
    )
}

/// Reports changes of a key.
#[export(advapi32, stub("no change is ever reported"))]
pub fn RegNotifyChangeKeyValue(key: HANDLE, _subtree: i32, _filter: u32, _event: HANDLE, asynchronous: i32) -> Win32Error {
    status(|| {
        reg::path_of(key, 0)?;
        if asynchronous != 0 { Ok(()) } else { Err(Win32Error::NOT_SUPPORTED) }
    })
}

/// Opens the registry of a machine: this one.
#[export(advapi32, partial("this machine only"))]
pub fn RegConnectRegistryW(machine: PCWSTR, key: HANDLE, to: Ptr<HANDLE>) -> Win32Error {
    status(|| match wide_opt(machine)? {
        Some(name) if !name.is_empty() => Err(Win32Error::BAD_NETPATH),
        _ => Ok(to.write(key)?),
    })
}

constants! { advapi32, "says that it was done":
    RegDisablePredefinedCache = 0;
    RegDisablePredefinedCacheEx = 0;
    RegOverridePredefKey = 0;
    RegDisableReflectionKey = 0;
}
constants! { advapi32, "fails: needs a privilege": RegLoadKeyW = 1314; RegUnLoadKeyW = 1314; RegSaveKeyW = 1314; RegSaveKeyExW = 1314; RegRestoreKeyW = 1314; RegReplaceKeyW = 1314; }
constants! { advapi32, "fails: keys have no security": RegGetKeySecurity = 5; RegSetKeySecurity = 5; }

/// The text of a value that may name a resource (`@file,-id`).
#[export(advapi32, partial("texts in resources are not looked up"))]
pub fn RegLoadMUIStringW(key: HANDLE, name: PCWSTR, to: PWSTR, size: u32, needed: Ptr<u32>, _flags: u32, _folder: PCWSTR) -> Win32Error {
    status(|| {
        let value = reg::value(&reg::path_of(key, KEY_QUERY_VALUE)?, &wide_opt(name)?.unwrap_or_default())?;
        if to_units(&value.data).first() == Some(&0x40) {
            return Err(Win32Error::FILE_NOT_FOUND);
        }
        needed.write_opt(value.data.len() as u32)?;
        if (size as usize) < value.data.len() {
            return Err(Win32Error::MORE_DATA);
        }
        Ok(to.cast::<u8>().write_slice(&value.data)?)
    })
}
