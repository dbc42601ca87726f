//! The Ldr* functions.

use super::load::{self, find_loaded};
use super::{LOADER_LOCK, Module, builtin};
use crate::file::UnicodeString;
use abi::{NTSTATUS, Ptr, export};
use loader::pe::import::Symbol;
use std::sync::Arc;

pub use load::{add_reference, builtin_address, find_loaded as find_module, initialize, load_builtin, pin, resolve};

/// Loads a DLL.
#[export(ntdll, partial("ignores the search path and flags"), calls_guest)]
pub fn LdrLoadDll(_path: Ptr<u16>, _flags: Ptr<u32>, name: Ptr<UnicodeString>, base: Ptr<usize>) -> Result<(), NTSTATUS> {
    let module = load::load_library(&name.read()?.read()?, &[], false).map_err(|e| e.status)?;
    Ok(base.write(module.base)?)
}

/// Gives up a reference to a DLL.
#[export(ntdll, full, calls_guest)]
pub fn LdrUnloadDll(base: usize) -> Result<(), NTSTATUS> {
    let module = super::module_at(base).ok_or(NTSTATUS::DLL_NOT_FOUND)?;
    load::unload(&module);
    Ok(())
}

/// Finds a loaded DLL.
#[export(ntdll, full)]
pub fn LdrGetDllHandle(_path: Ptr<u16>, _flags: Ptr<u32>, name: Ptr<UnicodeString>, base: Ptr<usize>) -> Result<(), NTSTATUS> {
    let module = find_loaded(&name.read()?.read()?).ok_or(NTSTATUS::DLL_NOT_FOUND)?;
    Ok(base.write(module.base)?)
}

/// STRING: a counted byte string.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct AnsiString {
    pub length: u16,
    pub maximum: u16,
    pub buffer: Ptr<u8>,
}

/// The address of an export, by name or ordinal.
#[export(ntdll, full, calls_guest)]
pub fn LdrGetProcedureAddress(base: usize, name: Ptr<AnsiString>, ordinal: u32, address: Ptr<usize>) -> Result<(), NTSTATUS> {
    let module = super::module_at(base).ok_or(NTSTATUS::DLL_NOT_FOUND)?;
    let symbol = if name.is_null() {
        Symbol::Ordinal(ordinal as u16)
    } else {
        let name = name.read()?;
        Symbol::Name(String::from_utf8_lossy(&name.buffer.read_vec(name.length.into())?).into_owned())
    };
    let found = procedure(&module, &symbol).ok_or(match symbol {
        Symbol::Name(_) => NTSTATUS::ENTRYPOINT_NOT_FOUND,
        Symbol::Ordinal(_) => NTSTATUS::ORDINAL_NOT_FOUND,
    })?;
    Ok(address.write(found)?)
}

/// GetProcAddress.
pub fn procedure(module: &Arc<Module>, symbol: &Symbol) -> Option<usize> {
    // A forwarder may load another DLL.
    let _lock = module.builtin.is_none().then(|| LOADER_LOCK.lock());
    let address = resolve(module, symbol);
    builtin::seal().ok()?;
    address
}

/// Adds a reference to a loaded DLL (flag 1: for good).
#[export(ntdll, full)]
pub fn LdrAddRefDll(flags: u32, base: usize) -> Result<(), NTSTATUS> {
    let module = super::module_at(base).ok_or(NTSTATUS::DLL_NOT_FOUND)?;
    if flags & 1 != 0 {
        pin(&module)
    } else {
        add_reference(&module)
    }
    Ok(())
}
