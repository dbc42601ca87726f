//! libloaderapi.h and winbase.h: resources of loaded modules.
//! <https://learn.microsoft.com/windows/win32/debug/pe-format#the-rsrc-section>

use crate::nls::{ansi_to_wide, case};
use abi::{BOOL, GuestFn, PCSTR, PCWSTR, Ptr, Win32Error, export};

/// A type, name or language: a number or a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Id {
    Number(u16),
    Text(Vec<u16>),
}

/// MAKEINTRESOURCE: a small address is a number; text `#12` is one too.
pub fn id_wide(id: PCWSTR) -> Result<Id, Win32Error> {
    if id.addr() < 0x1_0000 {
        return Ok(Id::Number(id.addr() as u16));
    }
    Ok(id_of_text(id.read_wide()?))
}

fn id_ansi(id: PCSTR) -> Result<Id, Win32Error> {
    if id.addr() < 0x1_0000 {
        return Ok(Id::Number(id.addr() as u16));
    }
    Ok(id_of_text(ansi_to_wide(&id.read_bytes()?)))
}

fn id_of_text(text: Vec<u16>) -> Id {
    if let Some((0x23, digits)) = text.split_first()
        && let Ok(number) = String::from_utf16_lossy(digits).parse()
    {
        return Id::Number(number);
    }
    Id::Text(text)
}

fn read32(address: usize) -> Option<u32> {
    Ptr::<u32>::new(address).read().ok()
}

fn read16(address: usize) -> Option<u16> {
    Ptr::<u16>::new(address).read().ok()
}

/// A module's image: its base and the root of its resources. Modules that were loaded as data files carry
/// marks in the low bits of their handle.
fn root(module: usize) -> Option<(usize, usize)> {
    let base = if module & !3 == 0 { ntdll::process::image_base() } else { module & !3 };
    let headers = base + read32(base + 0x3c)? as usize;
    let rva = match read16(headers + 24)? {
        0x20b => read32(headers + 24 + 112 + 16)?,
        _ => read32(headers + 24 + 96 + 16)?,
    };
    (rva != 0).then_some((base, base + rva as usize))
}

/// The entries of a directory: identifier, offset, whether it is a directory.
fn entries(root: usize, directory: usize) -> Option<Vec<(Id, usize, bool)>> {
    let count = usize::from(read16(directory + 12)?) + usize::from(read16(directory + 14)?);
    let mut out = Vec::with_capacity(count);
    for index in 0..count {
        let (name, offset) = (read32(directory + 16 + index * 8)?, read32(directory + 20 + index * 8)?);
        let id = if name & 0x8000_0000 != 0 {
            let text = root + (name & 0x7fff_ffff) as usize;
            Id::Text(Ptr::<u16>::new(text + 2).read_vec(read16(text)?.into()).ok()?)
        } else {
            Id::Number(name as u16)
        };
        out.push((id, root + (offset & 0x7fff_ffff) as usize, offset & 0x8000_0000 != 0));
    }
    Some(out)
}

fn same(a: &Id, b: &Id) -> bool {
    match (a, b) {
        (Id::Text(a), Id::Text(b)) => case::equal(a, b),
        _ => a == b,
    }
}

fn child(root: usize, directory: usize, id: &Id) -> Option<usize> {
    entries(root, directory)?.into_iter().find(|(known, ..)| same(known, id)).map(|(_, at, _)| at)
}

/// The data entry (IMAGE_RESOURCE_DATA_ENTRY) of a resource.
fn find_entry(module: usize, kind: &Id, name: &Id, language: Option<u16>) -> Result<usize, Win32Error> {
    let (_, root) = root(module).ok_or(Win32Error::RESOURCE_DATA_NOT_FOUND)?;
    let names = child(root, root, kind).ok_or(Win32Error::RESOURCE_TYPE_NOT_FOUND)?;
    let languages = child(root, names, name).ok_or(Win32Error::RESOURCE_NAME_NOT_FOUND)?;
    let languages = entries(root, languages).ok_or(Win32Error::RESOURCE_LANG_NOT_FOUND)?;
    let find = |wanted: u16| languages.iter().find(|(id, ..)| *id == Id::Number(wanted)).map(|&(_, at, _)| at);
    let found = match language {
        Some(language) if language != 0 => find(language).or_else(|| find(language & 0x3ff)),
        _ => find(0).or_else(|| find(0x409)).or_else(|| find(9)),
    };
    found.or_else(|| languages.first().map(|&(_, at, _)| at)).ok_or(Win32Error::RESOURCE_LANG_NOT_FOUND)
}

/// Address and size of a resource's data.
pub fn find_data(module: usize, kind: &Id, name: &Id, language: Option<u16>) -> Option<(usize, usize)> {
    let entry = find_entry(module, kind, name, language).ok()?;
    let (base, _) = root(module)?;
    Some((base + read32(entry)? as usize, read32(entry + 4)? as usize))
}

/// Finds a resource.
#[export(kernel32, full)]
pub fn FindResourceW(module: usize, name: PCWSTR, kind: PCWSTR) -> Result<usize, Win32Error> {
    find_entry(module, &id_wide(kind)?, &id_wide(name)?, None)
}

/// Finds a resource.
#[export(kernel32, full)]
pub fn FindResourceA(module: usize, name: PCSTR, kind: PCSTR) -> Result<usize, Win32Error> {
    find_entry(module, &id_ansi(kind)?, &id_ansi(name)?, None)
}

/// Finds a resource in a language.
#[export(kernel32, full)]
pub fn FindResourceExW(module: usize, kind: PCWSTR, name: PCWSTR, language: u16) -> Result<usize, Win32Error> {
    find_entry(module, &id_wide(kind)?, &id_wide(name)?, Some(language))
}

/// Finds a resource in a language.
#[export(kernel32, full)]
pub fn FindResourceExA(module: usize, kind: PCSTR, name: PCSTR, language: u16) -> Result<usize, Win32Error> {
    find_entry(module, &id_ansi(kind)?, &id_ansi(name)?, Some(language))
}

/// A resource's handle: the address of its data.
#[export(kernel32, full)]
pub fn LoadResource(module: usize, resource: usize) -> Result<usize, Win32Error> {
    if resource == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let (base, _) = root(module).ok_or(Win32Error::RESOURCE_DATA_NOT_FOUND)?;
    Ok(base + Ptr::<u32>::new(resource).read()? as usize)
}

/// The address of a loaded resource's data.
#[export(kernel32, full)]
pub fn LockResource(data: usize) -> usize {
    data
}

/// Resources need no freeing.
#[export(kernel32, full)]
pub fn FreeResource(_data: usize) -> BOOL {
    BOOL(false)
}

/// A resource's size.
#[export(kernel32, full)]
pub fn SizeofResource(_module: usize, resource: usize) -> Result<u32, Win32Error> {
    if resource == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    Ok(Ptr::<u32>::new(resource + 4).read()?)
}

/// The address to hand to a callback for an identifier; text is kept in `buffer`.
fn wide_argument(id: &Id, buffer: &mut [u16; 128]) -> u64 {
    match id {
        Id::Number(number) => u64::from(*number),
        Id::Text(text) => {
            buffer.fill(0);
            text.iter().take(127).zip(buffer.iter_mut()).for_each(|(from, to)| *to = *from);
            buffer.as_ptr() as u64
        }
    }
}

fn directory(module: usize, path: &[&Id]) -> Result<(usize, usize), Win32Error> {
    let (_, root) = root(module).ok_or(Win32Error::RESOURCE_DATA_NOT_FOUND)?;
    let missing = [Win32Error::RESOURCE_TYPE_NOT_FOUND, Win32Error::RESOURCE_NAME_NOT_FOUND];
    let mut at = root;
    for (id, &error) in path.iter().zip(&missing) {
        at = child(root, at, id).ok_or(error)?;
    }
    Ok((root, at))
}

/// The n-th entry's identifier, by value: nothing is held while the guest runs.
fn nth(root: usize, at: usize, index: usize) -> Option<Id> {
    entries(root, at)?.into_iter().nth(index).map(|(id, ..)| id)
}

/// Calls back with each type of resource.
#[export(kernel32, full, calls_guest)]
pub fn EnumResourceTypesW(module: usize, function: GuestFn, param: isize) -> Result<(), Win32Error> {
    let (root, at) = directory(module, &[])?;
    let mut buffer = [0u16; 128];
    for index in 0.. {
        let argument = match nth(root, at, index) {
            Some(id) => wide_argument(&id, &mut buffer),
            None => break,
        };
        if function.call(&[module as u64, argument, param as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

/// Calls back with each name of a type.
#[export(kernel32, full, calls_guest)]
pub fn EnumResourceNamesW(module: usize, kind: PCWSTR, function: GuestFn, param: isize) -> Result<(), Win32Error> {
    let (root, at) = directory(module, &[&id_wide(kind)?])?;
    let mut buffer = [0u16; 128];
    for index in 0.. {
        let argument = match nth(root, at, index) {
            Some(id) => wide_argument(&id, &mut buffer),
            None => break,
        };
        if function.call(&[module as u64, kind.addr() as u64, argument, param as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

/// Calls back with each name of a type.
#[export(kernel32, partial("names that are text are given as UTF-16"), calls_guest)]
pub fn EnumResourceNamesA(module: usize, kind: PCSTR, function: GuestFn, param: isize) -> Result<(), Win32Error> {
    let (root, at) = directory(module, &[&id_ansi(kind)?])?;
    let mut buffer = [0u16; 128];
    for index in 0.. {
        let argument = match nth(root, at, index) {
            Some(id) => wide_argument(&id, &mut buffer),
            None => break,
        };
        if function.call(&[module as u64, kind.addr() as u64, argument, param as u64]) as u32 == 0 {
            break;
        }
    }
    Ok(())
}

fn enum_languages(module: usize, at: (usize, usize), function: GuestFn, kind: u64, name: u64, param: isize) {
    for index in 0.. {
        let Some(Id::Number(language)) = nth(at.0, at.1, index) else { break };
        if function.call(&[module as u64, kind, name, language.into(), param as u64]) as u32 == 0 {
            break;
        }
    }
}

/// Calls back with each language of a resource.
#[export(kernel32, full, calls_guest)]
pub fn EnumResourceLanguagesW(module: usize, kind: PCWSTR, name: PCWSTR, function: GuestFn, param: isize) -> Result<(), Win32Error> {
    let at = directory(module, &[&id_wide(kind)?, &id_wide(name)?])?;
    enum_languages(module, at, function, kind.addr() as u64, name.addr() as u64, param);
    Ok(())
}

/// Calls back with each language of a resource.
#[export(kernel32, full, calls_guest)]
pub fn EnumResourceLanguagesA(module: usize, kind: PCSTR, name: PCSTR, function: GuestFn, param: isize) -> Result<(), Win32Error> {
    let at = directory(module, &[&id_ansi(kind)?, &id_ansi(name)?])?;
    enum_languages(module, at, function, kind.addr() as u64, name.addr() as u64, param);
    Ok(())
}

/// The text of a string resource: blocks of 16, each text with its length before it.
pub fn string(module: usize, number: u32) -> Option<(usize, u16)> {
    let (mut at, _) = find_data(module, &Id::Number(6), &Id::Number((number >> 4) as u16 + 1), None)?;
    for _ in 0..number & 15 {
        at += 2 + usize::from(read16(at)?) * 2;
    }
    Some((at + 2, read16(at)?))
}
