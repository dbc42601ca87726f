//! libloaderapi.h: modules, procedures, and finding out about them. Resources are in `resources`.

use crate::nls::{ansi_arg, ansi_opt, wide_opt};
use abi::{HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export, teb};
use loader::pe::import::Symbol;
use ntdll::ldr::{self, Module};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const LOAD_LIBRARY_AS_DATAFILE: u32 = 2;
const LOAD_LIBRARY_AS_IMAGE_RESOURCE: u32 = 0x20;
const LOAD_LIBRARY_AS_DATAFILE_EXCLUSIVE: u32 = 0x40;
const DATA_FLAGS: u32 = LOAD_LIBRARY_AS_DATAFILE | LOAD_LIBRARY_AS_IMAGE_RESOURCE | LOAD_LIBRARY_AS_DATAFILE_EXCLUSIVE;

/// Folders added with AddDllDirectory, by cookie, and the one of SetDllDirectory.
static FOLDERS: Mutex<Vec<(usize, Vec<u16>)>> = Mutex::new(Vec::new());
static DLL_DIRECTORY: Mutex<Option<Vec<u16>>> = Mutex::new(None);

fn module(handle: usize) -> Result<Arc<Module>, Win32Error> {
    // The low two bits mark modules loaded as data.
    ldr::module_at(handle & !3).ok_or(Win32Error::MOD_NOT_FOUND)
}

fn folders() -> Vec<Vec<u16>> {
    let mut folders: Vec<Vec<u16>> = FOLDERS.lock().iter().map(|f| f.1.clone()).collect();
    folders.extend(DLL_DIRECTORY.lock().clone());
    for folder in &mut folders {
        if folder.last() != Some(&u16::from(b'\\')) {
            folder.push(b'\\'.into());
        }
    }
    folders
}

fn load(name: Option<Vec<u16>>, flags: u32) -> Result<usize, Win32Error> {
    let name = name.ok_or(Win32Error::INVALID_PARAMETER)?;
    let is_data = flags & DATA_FLAGS != 0;
    match ldr::load_library(&name, &folders(), is_data) {
        Ok(module) => Ok(module.base | if is_data && module.is_data { 2 } else { 0 }),
        Err(error) => Err(error.status.into()),
    }
}

/// Loads a DLL.
#[export(kernel32, full, calls_guest)]
pub fn LoadLibraryW(name: PCWSTR) -> Result<usize, Win32Error> {
    load(wide_opt(name)?, 0)
}

/// LoadLibraryW with an ANSI name.
#[export(kernel32, full, calls_guest)]
pub fn LoadLibraryA(name: PCSTR) -> Result<usize, Win32Error> {
    load(ansi_opt(name)?, 0)
}

/// Loads a DLL, or a file for its resources.
#[export(kernel32, partial("search flags other than data files are taken as the default order"), calls_guest)]
pub fn LoadLibraryExW(name: PCWSTR, _file: HANDLE, flags: u32) -> Result<usize, Win32Error> {
    load(wide_opt(name)?, flags)
}

/// LoadLibraryExW with an ANSI name.
#[export(kernel32, partial("search flags other than data files are taken as the default order"), calls_guest)]
pub fn LoadLibraryExA(name: PCSTR, _file: HANDLE, flags: u32) -> Result<usize, Win32Error> {
    load(ansi_opt(name)?, flags)
}

/// Gives up a reference to a DLL.
#[export(kernel32, full, calls_guest)]
pub fn FreeLibrary(handle: usize) -> Result<(), Win32Error> {
    let module = ldr::module_at(handle & !3).filter(|_| handle != 0).ok_or(Win32Error::INVALID_HANDLE)?;
    ldr::unload(&module);
    Ok(())
}

/// Gives up a reference to a DLL and ends the thread.
#[export(kernel32, full, calls_guest)]
pub fn FreeLibraryAndExitThread(handle: usize, code: u32) {
    if let Ok(module) = module(handle) {
        ldr::unload(&module);
    }
    ntdll::thread::exit(code);
}

/// The address of an export. Names below 64 KiB are ordinals.
#[export(kernel32, full, calls_guest)]
pub fn GetProcAddress(handle: usize, name: Ptr<u8>) -> Result<usize, Win32Error> {
    let symbol = if name.addr() >> 16 == 0 {
        Symbol::Ordinal(name.addr() as u16)
    } else {
        Symbol::Name(String::from_utf8_lossy(&name.read_bytes()?).into_owned())
    };
    let module = module(handle)?;
    ldr::procedure(&module, &symbol).ok_or(Win32Error::PROC_NOT_FOUND)
}

fn find(name: Option<Vec<u16>>) -> Result<Arc<Module>, Win32Error> {
    match name {
        None => ldr::module_at(0).ok_or(Win32Error::MOD_NOT_FOUND),
        Some(name) => {
            let at = name.iter().rposition(|&u| u == u16::from(b'\\') || u == u16::from(b'/')).map_or(0, |at| at + 1);
            let name = match name[at..].iter().position(|&u| u == u16::from(b'.')) {
                None => [&name[..], &abi::wide::wide(".dll")].concat(),
                Some(dot) if at + dot + 1 == name.len() => name[..name.len() - 1].to_vec(),
                _ => name,
            };
            ldr::find_module(&name).ok_or(Win32Error::MOD_NOT_FOUND)
        }
    }
}

/// The handle of a loaded module; with null of the program.
#[export(kernel32, full)]
pub fn GetModuleHandleW(name: PCWSTR) -> Result<usize, Win32Error> {
    Ok(find(wide_opt(name)?)?.base)
}

/// GetModuleHandleW with an ANSI name.
#[export(kernel32, full)]
pub fn GetModuleHandleA(name: PCSTR) -> Result<usize, Win32Error> {
    Ok(find(ansi_opt(name)?)?.base)
}

fn handle_ex(flags: u32, name: Option<Vec<u16>>, addr: usize, to: Ptr<usize>) -> Result<(), Win32Error> {
    const PIN: u32 = 1;
    const UNCHANGED_REFCOUNT: u32 = 2;
    const FROM_ADDRESS: u32 = 4;
    to.write(0)?;
    let module = if flags & FROM_ADDRESS != 0 { ldr::module_of(addr).ok_or(Win32Error::MOD_NOT_FOUND)? } else { find(name)? };
    if flags & PIN != 0 {
        ldr::pin(&module);
    } else if flags & UNCHANGED_REFCOUNT == 0 {
        ldr::add_reference(&module);
    }
    Ok(to.write(module.base)?)
}

/// The handle of a module by name or by an address in it, with or without a reference.
#[export(kernel32, full)]
pub fn GetModuleHandleExW(flags: u32, name: PCWSTR, to: Ptr<usize>) -> Result<(), Win32Error> {
    let text = if flags & 4 != 0 { None } else { wide_opt(name)? };
    handle_ex(flags, text, name.addr(), to)
}

/// GetModuleHandleExW with an ANSI name.
#[export(kernel32, full)]
pub fn GetModuleHandleExA(flags: u32, name: PCSTR, to: Ptr<usize>) -> Result<(), Win32Error> {
    let text = if flags & 4 != 0 { None } else { ansi_opt(name)? };
    handle_ex(flags, text, name.addr(), to)
}

/// Copies a path, cut if it must be: then the last error is ERROR_INSUFFICIENT_BUFFER and the length is the
/// buffer's.
fn give_path<T: Copy + Default>(path: &[T], to: Ptr<T>, size: u32) -> Result<u32, Win32Error> {
    if size == 0 {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    if path.len() < size as usize {
        to.write_slice(path)?;
        to.add(path.len()).write(T::default())?;
        teb::set_last_error(Win32Error::SUCCESS);
        return Ok(path.len() as u32);
    }
    to.write_slice(&path[..size as usize - 1])?;
    to.add(size as usize - 1).write(T::default())?;
    teb::set_last_error(Win32Error::INSUFFICIENT_BUFFER);
    Ok(size)
}

/// The path of a module.
#[export(kernel32, full)]
pub fn GetModuleFileNameW(handle: usize, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    give_path(&module(handle)?.path, to, size)
}

/// GetModuleFileNameW in ANSI.
#[export(kernel32, full)]
pub fn GetModuleFileNameA(handle: usize, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    give_path(&ntdll::nls::wide_to_ansi(&module(handle)?.path), to, size)
}

/// No DLL_THREAD_ATTACH and _DETACH for this DLL.
#[export(kernel32, full)]
pub fn DisableThreadLibraryCalls(handle: usize) -> Result<(), Win32Error> {
    module(handle)?.quiet.store(true, Ordering::Relaxed);
    Ok(())
}

/// Adds a folder to search for DLLs.
#[export(kernel32, full)]
pub fn AddDllDirectory(path: PCWSTR) -> Result<usize, Win32Error> {
    let path = path.read_wide()?;
    let mut folders = FOLDERS.lock();
    let cookie = folders.last().map_or(1, |f| f.0 + 1);
    folders.push((cookie, path));
    Ok(cookie)
}

/// Takes such a folder back.
#[export(kernel32, full)]
pub fn RemoveDllDirectory(cookie: usize) -> Result<(), Win32Error> {
    let mut folders = FOLDERS.lock();
    let at = folders.iter().position(|f| f.0 == cookie).ok_or(Win32Error::INVALID_PARAMETER)?;
    folders.remove(at);
    Ok(())
}

/// Sets the folder that is searched instead of the current one.
#[export(kernel32, full)]
pub fn SetDllDirectoryW(path: PCWSTR) -> Result<(), Win32Error> {
    *DLL_DIRECTORY.lock() = wide_opt(path)?.filter(|p| !p.is_empty());
    Ok(())
}

/// SetDllDirectoryW with an ANSI name.
#[export(kernel32, full)]
pub fn SetDllDirectoryA(path: PCSTR) -> Result<(), Win32Error> {
    *DLL_DIRECTORY.lock() = if path.is_null() { None } else { Some(ansi_arg(path)?) };
    Ok(())
}

/// That folder.
#[export(kernel32, full)]
pub fn GetDllDirectoryW(size: u32, to: PWSTR) -> Result<u32, Win32Error> {
    let path = DLL_DIRECTORY.lock().clone().unwrap_or_default();
    if (size as usize) <= path.len() {
        return Ok(path.len() as u32 + 1);
    }
    give_path(&path, to, size)
}

/// Chooses where DLLs are searched by default.
#[export(kernel32, stub("keeps the standard search order"))]
pub fn SetDefaultDllDirectories(_flags: u32) -> abi::BOOL {
    abi::BOOL(true)
}
