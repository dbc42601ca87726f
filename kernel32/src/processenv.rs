//! processenv.h: environment, command line, current directory, standard handles, SearchPath.

use crate::nls::{ansi_arg, wide_opt};
use abi::{FileHandle, HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export, teb};
use ntdll::{heap, nls, path, process};
use std::sync::OnceLock;

/// Copies a text with its NUL when it fits. Returns its length without NUL, or the size needed.
pub fn give_text<T: Copy + Default>(text: &[T], to: Ptr<T>, size: u32) -> Result<u32, Win32Error> {
    if text.len() >= size as usize || to.is_null() {
        return Ok(text.len() as u32 + 1);
    }
    to.write_slice(text)?;
    to.add(text.len()).write(T::default())?;
    Ok(text.len() as u32)
}

/// The command line.
#[export(kernel32, full)]
pub fn GetCommandLineW() -> PWSTR {
    process::command_line_ptr()
}

/// The command line in ANSI.
#[export(kernel32, full)]
pub fn GetCommandLineA() -> PSTR {
    static LINE: OnceLock<Vec<u8>> = OnceLock::new();
    let line = LINE.get_or_init(|| [nls::wide_to_ansi(&process::command_line()), vec![0]].concat());
    Ptr::of(line.as_ptr())
}

/// A standard handle: STD_INPUT_HANDLE is -10, output -11, error -12.
#[export(kernel32, full)]
pub fn GetStdHandle(which: u32) -> Result<FileHandle, Win32Error> {
    match (which as i32).checked_neg() {
        Some(n @ 10..=12) => Ok(FileHandle(process::standard_handle(n as usize - 10))),
        _ => Err(Win32Error::INVALID_HANDLE),
    }
}

/// Replaces a standard handle.
#[export(kernel32, full)]
pub fn SetStdHandle(which: u32, handle: HANDLE) -> Result<(), Win32Error> {
    match (which as i32).checked_neg() {
        Some(n @ 10..=12) => {
            process::set_standard_handle(n as usize - 10, handle);
            Ok(())
        }
        _ => Err(Win32Error::INVALID_HANDLE),
    }
}

/// The value of an environment variable.
#[export(kernel32, full)]
pub fn GetEnvironmentVariableW(name: PCWSTR, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    let value = process::variable(&name.read_wide()?).ok_or(Win32Error::ENVVAR_NOT_FOUND)?;
    teb::set_last_error(Win32Error::SUCCESS);
    give_text(&value, to, size)
}

/// GetEnvironmentVariableW in ANSI.
#[export(kernel32, full)]
pub fn GetEnvironmentVariableA(name: PCSTR, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    let value = process::variable(&ansi_arg(name)?).ok_or(Win32Error::ENVVAR_NOT_FOUND)?;
    teb::set_last_error(Win32Error::SUCCESS);
    give_text(&nls::wide_to_ansi(&value), to, size)
}

fn set_variable(name: &[u16], value: Option<&[u16]>) -> Result<(), Win32Error> {
    if name.is_empty() || name.iter().skip(1).any(|&u| u == u16::from(b'=')) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let found = process::set_variable(name, value);
    if !found && value.is_none() { Err(Win32Error::ENVVAR_NOT_FOUND) } else { Ok(()) }
}

/// Sets an environment variable; with null removes it.
#[export(kernel32, full)]
pub fn SetEnvironmentVariableW(name: PCWSTR, value: PCWSTR) -> Result<(), Win32Error> {
    set_variable(&name.read_wide()?, wide_opt(value)?.as_deref())
}

/// SetEnvironmentVariableW in ANSI.
#[export(kernel32, full)]
pub fn SetEnvironmentVariableA(name: PCSTR, value: PCSTR) -> Result<(), Win32Error> {
    let value = if value.is_null() { None } else { Some(ansi_arg(value)?) };
    set_variable(&ansi_arg(name)?, value.as_deref())
}

/// A copy of the environment.
#[export(kernel32, full)]
pub fn GetEnvironmentStringsW() -> Result<PWSTR, Win32Error> {
    let block = process::environment_block();
    let copy: PWSTR = heap::allocate(heap::process_heap(), 0, block.len() * 2).cast();
    copy.write_slice(&block)?;
    Ok(copy)
}

/// A copy of the environment in the OEM code page, as documented.
#[export(kernel32, full)]
pub fn GetEnvironmentStringsA() -> Result<PSTR, Win32Error> {
    let block = nls::wide_to_oem(&process::environment_block());
    let copy = heap::allocate(heap::process_heap(), 0, block.len());
    copy.write_slice(&block)?;
    Ok(copy)
}

/// The same as GetEnvironmentStringsA.
#[export(kernel32, full)]
pub fn GetEnvironmentStrings() -> Result<PSTR, Win32Error> {
    GetEnvironmentStringsA()
}

/// Frees such a copy.
#[export(kernel32, full)]
pub fn FreeEnvironmentStringsW(block: Ptr<u8>) -> Result<(), Win32Error> {
    if heap::free(heap::process_heap(), block) { Ok(()) } else { Err(Win32Error::INVALID_PARAMETER) }
}

/// Frees such a copy.
#[export(kernel32, full)]
pub fn FreeEnvironmentStringsA(block: Ptr<u8>) -> Result<(), Win32Error> {
    FreeEnvironmentStringsW(block)
}

/// Replaces `%NAME%` by values; unknown names stay.
pub fn expand(text: &[u16]) -> Vec<u16> {
    const PERCENT: u16 = b'%' as u16;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&u| u == PERCENT) {
        out.extend_from_slice(&rest[..at]);
        let tail = &rest[at + 1..];
        match tail.iter().position(|&u| u == PERCENT) {
            Some(end) => match process::variable(&tail[..end]).filter(|_| end > 0) {
                Some(value) => {
                    out.extend(value);
                    rest = &tail[end + 1..];
                }
                None => {
                    out.push(PERCENT);
                    rest = tail;
                }
            },
            None => {
                out.push(PERCENT);
                rest = tail;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Replaces `%NAME%` by values. The result counts the NUL.
#[export(kernel32, full)]
pub fn ExpandEnvironmentStringsW(from: PCWSTR, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    let text = expand(&from.read_wide()?);
    give_text(&text, to, size)?;
    Ok(text.len() as u32 + 1)
}

/// ExpandEnvironmentStringsW in ANSI.
#[export(kernel32, full)]
pub fn ExpandEnvironmentStringsA(from: PCSTR, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    let text = nls::wide_to_ansi(&expand(&ansi_arg(from)?));
    give_text(&text, to, size)?;
    Ok(text.len() as u32 + 1)
}

fn without_slash(path: &[u16]) -> &[u16] {
    if path.len() > 3 && path.last() == Some(&u16::from(b'\\')) { &path[..path.len() - 1] } else { path }
}

/// The current directory.
#[export(kernel32, full)]
pub fn GetCurrentDirectoryW(size: u32, to: PWSTR) -> Result<u32, Win32Error> {
    give_text(without_slash(&process::directory()), to, size)
}

/// GetCurrentDirectoryW in ANSI.
#[export(kernel32, full)]
pub fn GetCurrentDirectoryA(size: u32, to: PSTR) -> Result<u32, Win32Error> {
    give_text(&nls::wide_to_ansi(without_slash(&process::directory())), to, size)
}

/// Makes a folder the current directory.
pub fn set_directory(text: &[u16]) -> Result<(), Win32Error> {
    Ok(process::change_directory(text)?)
}

/// Sets the current directory.
#[export(kernel32, full)]
pub fn SetCurrentDirectoryW(path: PCWSTR) -> Result<(), Win32Error> {
    set_directory(&path.read_wide()?)
}

/// SetCurrentDirectoryW with an ANSI name.
#[export(kernel32, full)]
pub fn SetCurrentDirectoryA(path: PCSTR) -> Result<(), Win32Error> {
    set_directory(&ansi_arg(path)?)
}

/// Whether commands are searched in the current directory first.
#[export(kernel32, full)]
pub fn NeedCurrentDirectoryForExePathW(name: PCWSTR) -> abi::BOOL {
    let has_slash = name.read_wide().is_ok_and(|n| n.contains(&u16::from(b'\\')));
    abi::BOOL(has_slash || process::variable(&abi::wide::wide("NoDefaultCurrentDirectoryInExePath")).is_none())
}

/// Finds a file along a search path; null is the standard one.
pub fn search(folders: Option<Vec<u16>>, name: &[u16], extension: Option<&[u16]>) -> Option<Vec<u16>> {
    let has_dot = name.iter().rev().take_while(|&&u| u != u16::from(b'\\') && u != u16::from(b'/')).any(|&u| u == u16::from(b'.'));
    let name = if has_dot { name.to_vec() } else { [name, extension.unwrap_or_default()].concat() };
    let exists = |candidate: &[u16]| {
        let full = path::full_path(candidate).ok()?;
        ntdll::file::query_path(&path::nt_path(&full).ok()?, true).ok()?;
        Some(full)
    };
    if !matches!(path::path_type(&name), path::PathType::Relative) {
        return exists(&name);
    }
    let folders = folders.unwrap_or_else(|| {
        let image = process::image_path();
        let at = image.iter().rposition(|&u| u == u16::from(b'\\')).unwrap_or(0);
        let system = abi::wide::wide(";.;C:\\Windows\\System32;C:\\Windows;");
        [&image[..at], &system, &process::variable(&abi::wide::wide("PATH")).unwrap_or_default()].concat()
    });
    folders
        .split(|&u| u == u16::from(b';'))
        .filter(|f| !f.is_empty())
        .find_map(|folder| exists(&[folder, &[u16::from(b'\\')], &name].concat()))
}

/// Finds a file along a search path.
#[export(kernel32, full)]
pub fn SearchPathW(folders: PCWSTR, name: PCWSTR, extension: PCWSTR, size: u32, to: PWSTR, file: Ptr<PWSTR>) -> Result<u32, Win32Error> {
    let found = search(wide_opt(folders)?, &name.read_wide()?, wide_opt(extension)?.as_deref()).ok_or(Win32Error::FILE_NOT_FOUND)?;
    let len = give_text(&found, to, size)?;
    if len as usize == found.len() && !file.is_null() {
        let at = found.iter().rposition(|&u| u == u16::from(b'\\')).map_or(0, |at| at + 1);
        file.write(to.add(at))?;
    }
    Ok(len)
}

/// SearchPathW in ANSI.
#[export(kernel32, full)]
pub fn SearchPathA(folders: PCSTR, name: PCSTR, extension: PCSTR, size: u32, to: PSTR, file: Ptr<PSTR>) -> Result<u32, Win32Error> {
    let folders = if folders.is_null() { None } else { Some(ansi_arg(folders)?) };
    let extension = if extension.is_null() { None } else { Some(ansi_arg(extension)?) };
    let found = search(folders, &ansi_arg(name)?, extension.as_deref()).ok_or(Win32Error::FILE_NOT_FOUND)?;
    let found = nls::wide_to_ansi(&found);
    let len = give_text(&found, to, size)?;
    if len as usize == found.len() && !file.is_null() {
        let at = found.iter().rposition(|&u| u == b'\\').map_or(0, |at| at + 1);
        file.write(to.add(at))?;
    }
    Ok(len)
}
