//! BeginUpdateResource, UpdateResource, EndUpdateResource: changing the resources of an image file.

use crate::nls::ansi_arg;
use abi::{BOOL, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export};
use host::mem::{self, Place, Prot};
use loader::pe::update::{Key, Tree, replace_resources};
use loader::pe::{PeError, PeFile, View};
use ntdll::object::{self, Object};
use ntdll::path;
use parking_lot::Mutex;
use std::sync::Arc;

/// An update in progress.
struct Update {
    host: Vec<u8>,
    tree: Mutex<Tree>,
}

impl Object for Update {
    fn type_name(&self) -> &'static str {
        "ResourceUpdate"
    }
}

fn error(error: PeError) -> Win32Error {
    match error {
        PeError::Io(_) => Win32Error::FILE_NOT_FOUND,
        _ => Win32Error::BAD_EXE_FORMAT,
    }
}

fn begin(name: &[u16], delete: bool) -> Result<HANDLE, Win32Error> {
    let host = path::to_host(name)?;
    host::file::access(&host, 2).map_err(|e| Win32Error::from(ntdll::errno_to_status(e)))?;
    let file = PeFile::open(&host).map_err(error)?;
    let mut tree = Tree::new();
    if !delete {
        let size = file.mapped_size();
        let no_memory = |_| Win32Error::NOT_ENOUGH_MEMORY;
        // A free place: found by mapping there, which the image then replaces.
        let base = mem::map_anonymous(Place::Anywhere, size, Prot::NONE).map_err(no_memory)?;
        mem::unmap(base, size).map_err(no_memory)?;
        file.map(base).map_err(error)?;
        let resources = View { base, size }.resources();
        mem::unmap(base, size).map_err(no_memory)?;
        tree = resources.map_err(error)?;
    }
    Ok(object::insert(Arc::new(Update { host, tree: Mutex::new(tree) }), 0))
}

/// Begins to change a file's resources, keeping the present ones or not.
#[export(kernel32, full)]
pub fn BeginUpdateResourceW(file: PCWSTR, delete: BOOL) -> Result<HANDLE, Win32Error> {
    begin(&file.read_wide()?, delete.0)
}

/// BeginUpdateResourceW with an ANSI name.
#[export(kernel32, full)]
pub fn BeginUpdateResourceA(file: PCSTR, delete: BOOL) -> Result<HANDLE, Win32Error> {
    begin(&ansi_arg(file)?, delete.0)
}

/// A type or name: a number below 64 KiB, `#number`, or text, which is kept in upper case.
fn key(id: usize, text: impl FnOnce() -> Result<Vec<u16>, Win32Error>) -> Result<Key, Win32Error> {
    if id >> 16 == 0 {
        return Ok(Key::Number(id as u16));
    }
    let text = text()?;
    if let Some(number) = String::from_utf16_lossy(&text).strip_prefix('#') {
        return number.parse().map(Key::Number).map_err(|_| Win32Error::INVALID_PARAMETER);
    }
    Ok(Key::Name(text.into_iter().map(path::upcase).collect()))
}

fn update(handle: HANDLE, kind: Key, name: Key, language: u16, data: Ptr<u8>, size: u32) -> Result<(), Win32Error> {
    let update: Arc<Update> = object::get(handle, 0)?;
    let mut tree = update.tree.lock();
    if data.is_null() {
        let names = tree.get_mut(&kind).ok_or(Win32Error::INVALID_PARAMETER)?;
        let languages = names.get_mut(&name).ok_or(Win32Error::INVALID_PARAMETER)?;
        languages.remove(&language).ok_or(Win32Error::INVALID_PARAMETER)?;
        if languages.is_empty() {
            names.remove(&name);
        }
        if names.is_empty() {
            tree.remove(&kind);
        }
        return Ok(());
    }
    tree.entry(kind).or_default().entry(name).or_default().insert(language, data.read_vec(size as usize)?);
    Ok(())
}

/// Adds, replaces or (with null data) removes a resource.
#[export(kernel32, full)]
pub fn UpdateResourceW(handle: HANDLE, kind: PCWSTR, name: PCWSTR, language: u16, data: Ptr<u8>, size: u32) -> Result<(), Win32Error> {
    let kind = key(kind.addr(), || Ok(kind.read_wide()?))?;
    let name = key(name.addr(), || Ok(name.read_wide()?))?;
    update(handle, kind, name, language, data, size)
}

/// UpdateResourceW with ANSI names.
#[export(kernel32, full)]
pub fn UpdateResourceA(handle: HANDLE, kind: PCSTR, name: PCSTR, language: u16, data: Ptr<u8>, size: u32) -> Result<(), Win32Error> {
    let kind = key(kind.addr(), || ansi_arg(kind))?;
    let name = key(name.addr(), || ansi_arg(name))?;
    update(handle, kind, name, language, data, size)
}

/// Writes the changes to the file, or forgets them. The file is replaced as a whole, so that a failure
/// leaves the old one.
#[export(kernel32, full)]
pub fn EndUpdateResourceW(handle: HANDLE, discard: BOOL) -> Result<(), Win32Error> {
    let update: Arc<Update> = object::get(handle, 0)?;
    object::close(handle)?;
    if discard.0 {
        return Ok(());
    }
    let failed = |e: host::Errno| Win32Error::from(ntdll::errno_to_status(e));
    let old = host::file::open(&update.host, host::file::O_RDONLY, 0).map_err(failed)?;
    let stat = host::file::stat_fd(host::file::raw(&old)).map_err(failed)?;
    let mut bytes = vec![0u8; stat.size as usize];
    let mut done = 0;
    while done < bytes.len() {
        match host::file::read_at(host::file::raw(&old), bytes[done..].as_mut_ptr() as usize, bytes.len() - done, done as u64)
            .map_err(failed)?
        {
            0 => return Err(Win32Error::HANDLE_EOF),
            n => done += n,
        }
    }
    let new = replace_resources(&bytes, &update.tree.lock()).map_err(error)?;
    let temporary = [&update.host[..], b".uosrun-update"].concat();
    let write = || {
        let fd = host::file::open(&temporary, host::file::O_WRONLY | host::file::O_CREAT | host::file::O_TRUNC, stat.mode & 0o7777)?;
        host::file::write_all(host::file::raw(&fd), &new)?;
        host::file::rename(&temporary, &update.host, true)
    };
    write().map_err(|e| {
        let _ = host::file::unlink(&temporary);
        failed(e)
    })
}

/// Writes the changes to the file, or forgets them.
#[export(kernel32, full)]
pub fn EndUpdateResourceA(handle: HANDLE, discard: BOOL) -> Result<(), Win32Error> {
    EndUpdateResourceW(handle, discard)
}
