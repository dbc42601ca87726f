//! Loading and unloading.

use super::{
    DLL_PROCESS_ATTACH, DLL_PROCESS_DETACH, INITIALIZED, LOADER_LOCK, MODULES, Module, apiset, builtin, lists, missing, system, tls,
};
use crate::memory::{self, Kind};
use crate::{path, process};
use abi::{NTSTATUS, dll, wide};
use host::mem::Prot;
use loader::pe::import::{Import, Symbol};
use loader::pe::{PeError, PeFile, Target, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use windows_sys::Win32::System::Memory as m;

/// Why an image could not be loaded, for people.
#[derive(Debug)]
pub struct LoadError {
    pub status: NTSTATUS,
    pub message: String,
    /// The DLL itself was not found, rather than one that it needs.
    absent: bool,
}

impl LoadError {
    fn new(status: NTSTATUS, message: String) -> LoadError {
        LoadError { status, message, absent: false }
    }

    fn absent(name: &[u16]) -> LoadError {
        LoadError { absent: true, ..LoadError::new(NTSTATUS::DLL_NOT_FOUND, format!("{}: not found", wide::display(name))) }
    }

    fn of_image(file: &[u16], error: &PeError) -> LoadError {
        let status = match error {
            PeError::Io(_) => NTSTATUS::DLL_NOT_FOUND,
            PeError::Map(_) => NTSTATUS::NO_MEMORY,
            _ => NTSTATUS::INVALID_IMAGE_FORMAT,
        };
        LoadError::new(status, format!("{}: {error}", wide::display(file)))
    }
}

fn protect_flags(prot: Prot) -> u32 {
    match prot {
        Prot::R => m::PAGE_READONLY,
        Prot::RW => m::PAGE_READWRITE,
        Prot::RX => m::PAGE_EXECUTE_READ,
        Prot::RWX => m::PAGE_EXECUTE_READWRITE,
        _ => m::PAGE_NOACCESS,
    }
}

/// Maps and relocates an image, with all pages writable still.
fn map_image(file: &PeFile, name: &[u16]) -> Result<View, LoadError> {
    let mut failure = None;
    let preferred = file.image_base as usize;
    let map = |at: usize| match file.map(at) {
        Ok(()) => Ok(()),
        Err(PeError::Map(_)) => Err(host::Errno::EEXIST),
        Err(error) => {
            failure = Some(error);
            Err(host::Errno::EIO)
        }
    };
    let wish = (preferred >= memory::LOWEST && preferred < memory::HIGHEST).then_some(preferred);
    let base = memory::insert(wish, file.mapped_size(), m::PAGE_EXECUTE_WRITECOPY, Kind::Image, map);
    let base = match (base, failure) {
        (Ok(base), _) => base,
        (Err(_), Some(error)) => return Err(LoadError::of_image(name, &error)),
        (Err(status), None) => return Err(LoadError::new(status, format!("{}: no room in memory", wide::display(name)))),
    };
    let view = View { base, size: file.mapped_size() };
    if let Err(error) = memory::paging::add(base, file) {
        let _ = memory::remove(base);
        return Err(LoadError::of_image(name, &PeError::Map(error.to_string())));
    }
    let relocate = || {
        if base != preferred {
            if !file.relocatable {
                return Err(PeError::Map("its preferred address is taken and it cannot be relocated".into()));
            }
            view.relocate((base as u64).wrapping_sub(file.image_base))?;
            view.set_image_base()?;
        }
        Ok(())
    };
    relocate().map_err(|error| {
        memory::paging::remove(base);
        let _ = memory::remove(base);
        LoadError::of_image(name, &error)
    })?;
    Ok(view)
}

fn protect_image(file: &PeFile, base: usize, name: &[u16]) -> Result<(), LoadError> {
    file.protect(base).map_err(|error| LoadError::of_image(name, &error))?;
    memory::paging::seal(base).map_err(|e| LoadError::of_image(name, &PeError::Map(e.to_string())))?;
    for (rva, size, prot) in file.protections() {
        memory::note_protection(base + rva, size, protect_flags(prot));
    }
    Ok(())
}

/// A random stack cookie, unless the program has set one (its default is a constant of the linker's CRT).
fn set_cookie(view: View) -> Result<(), PeError> {
    const DEFAULT: u64 = 0x0000_2b99_2ddf_a232;
    if let Some(at) = view.security_cookie()?
        && abi::fault::read::<u64>(at)? == DEFAULT
    {
        let mut bytes = [0; 8];
        host::process::random(&mut bytes);
        // The upper 16 bits are zero, so that a string copy stops at it.
        abi::fault::write(at, (u64::from_le_bytes(bytes) & 0xffff_ffff_ffff) | 1)?;
    }
    Ok(())
}

/// Loads the program and everything it imports, without running any of it.
pub fn load_program(file: PeFile, windows_path: Vec<u16>) -> Result<Arc<Module>, LoadError> {
    lists::init();
    if !file.large_address_aware {
        memory::stay_low();
    }
    let module = load_file(file, windows_path, true, false)?;
    for dll in ["ntdll.dll", "kernel32.dll", "kernelbase.dll"] {
        load_builtin(dll)?;
    }
    bind(&module)?;
    seal()?;
    Ok(module)
}

fn seal() -> Result<(), LoadError> {
    builtin::seal().map_err(|status| LoadError::new(status, "no memory for a builtin DLL".into()))
}

/// Maps a file and enters it into the lists. Its imports are bound by [`bind`].
fn load_file(file: PeFile, path: Vec<u16>, is_exe: bool, is_data: bool) -> Result<Arc<Module>, LoadError> {
    let view = map_image(&file, &path)?;
    if is_exe {
        process::set_image(view.base, file.subsystem, file.stack_reserve);
    }
    let name = path.iter().rposition(|&u| u == u16::from(b'\\')).map_or(&path[..], |at| &path[at + 1..]).to_vec();
    let fail = |error: PeError| LoadError::of_image(&path, &error);
    let tls = if is_data { None } else { view.tls().map_err(fail)? };
    let tls_index = match &tls {
        Some(tls) => {
            Some(tls::register(tls).map_err(|status| LoadError::new(status, format!("{}: no memory for its TLS", wide::display(&path))))?)
        }
        None => None,
    };
    if !is_data {
        set_cookie(view).map_err(fail)?;
    }
    let entry = (file.entry != 0 && !is_data).then_some(view.base + file.entry as usize);
    let module = Arc::new(Module {
        base: view.base,
        size: view.size,
        entry,
        name,
        path,
        is_exe,
        builtin: None,
        tls_callbacks: tls.map(|t| t.callbacks).unwrap_or_default(),
        tls_index,
        imports: Default::default(),
        references: AtomicU32::new(1),
        list_entry: AtomicUsize::new(0),
        initialized: AtomicBool::new(is_data),
        quiet: AtomicBool::new(false),
        is_data,
    });
    if !is_data {
        module.list_entry.store(lists::add(&module), Ordering::Relaxed);
    }
    MODULES.write().push(module.clone());
    FILES.lock().push((module.base, file));
    Ok(module)
}

/// Files of images that are mapped but not protected yet.
static FILES: parking_lot::Mutex<Vec<(usize, PeFile)>> = parking_lot::Mutex::new(Vec::new());

/// Binds a module's imports and gives its sections their protections.
fn bind(module: &Arc<Module>) -> Result<(), LoadError> {
    let file = {
        let mut files = FILES.lock();
        let at = files.iter().position(|(base, _)| *base == module.base);
        at.map(|at| files.swap_remove(at).1)
    };
    let Some(file) = file else { return Ok(()) };
    if !module.is_data {
        let imports = module.view().imports().map_err(|error| LoadError::of_image(&module.path, &error))?;
        for import in &imports {
            bind_import(module, import)?;
        }
        crate::syscall::patch_image(&file, module.view());
    }
    protect_image(&file, module.base, &module.path)
}

fn bind_import(module: &Arc<Module>, import: &Import) -> Result<(), LoadError> {
    let folder = folder_of(&module.path);
    let dll = wide::wide(&import.dll);
    let loaded = match find_and_load(&dll, &[folder], false) {
        Ok(loaded) => Some(loaded),
        Err(error) if error.absent && is_windows_own(&import.dll.to_ascii_lowercase()) => None,
        Err(error) if error.absent => {
            return Err(LoadError::new(
                NTSTATUS::DLL_NOT_FOUND,
                format!("{} needs {}, which is neither builtin nor beside the program", wide::display(&module.name), import.dll),
            ));
        }
        Err(error) => return Err(error),
    };
    let view = module.view();
    for (symbol, slot) in &import.slots {
        let address = match loaded.as_ref().and_then(|dll| resolve(dll, symbol)) {
            Some(address) => address,
            None => missing::entry(&import.dll, &symbol.to_string()).map_err(|s| LoadError::new(s, "no memory".into()))?,
        };
        view.write(*slot, address as u64).map_err(|error| LoadError::of_image(&module.path, &error))?;
    }
    if let Some(loaded) = loaded {
        module.imports.write().push(loaded);
    }
    Ok(())
}

/// A DLL or contract of Windows that nobody implements yet: its functions are bound to entries that say so.
fn is_windows_own(dll: &str) -> bool {
    apiset::host_dll(dll).is_some() || system::is_system(dll)
}

/// The address of an export, through forwarders. None when there is no such export.
pub fn resolve(module: &Arc<Module>, symbol: &Symbol) -> Option<usize> {
    resolve_depth(module, symbol, 0)
}

fn resolve_depth(module: &Arc<Module>, symbol: &Symbol, depth: usize) -> Option<usize> {
    if depth > 16 {
        return None;
    }
    if module.builtin.is_some() {
        return resolve_builtin(module, symbol);
    }
    let target = match symbol {
        Symbol::Name(name) => module.view().export_by_name(name),
        Symbol::Ordinal(ordinal) => module.view().export_by_ordinal(u32::from(*ordinal)),
    };
    match target.ok()?? {
        Target::Address(address) => Some(address),
        Target::Forward(text) => {
            let (dll, name) = text.rsplit_once('.')?;
            let dll = wide::wide(&format!("{dll}.dll"));
            let next = find_and_load(&dll, &[folder_of(&module.path)], false).ok()?;
            let symbol = match name.strip_prefix('#') {
                Some(ordinal) => Symbol::Ordinal(ordinal.parse().ok()?),
                None => Symbol::Name(name.to_string()),
            };
            resolve_depth(&next, &symbol, depth + 1)
        }
    }
}

fn resolve_builtin(module: &Arc<Module>, symbol: &Symbol) -> Option<usize> {
    let image = module.builtin?;
    let found = match symbol {
        Symbol::Name(name) => image.by_name(name),
        Symbol::Ordinal(ordinal) => image.by_ordinal(*ordinal),
    };
    let Symbol::Name(name) = symbol else { return found };
    found.or_else(|| {
        apiset::also_in(image.dll.name).iter().find_map(|&other| {
            dll::find(other)?.slot(name)?;
            load_builtin(other).ok()?.builtin?.by_name(name)
        })
    })
}

fn folder_of(path: &[u16]) -> Vec<u16> {
    path.iter().rposition(|&u| u == u16::from(b'\\')).map_or(Vec::new(), |at| path[..=at].to_vec())
}

/// The loaded module of a file name (lower case, with extension) or full path.
pub fn find_loaded(name: &[u16]) -> Option<Arc<Module>> {
    let has_folder = name.iter().any(|&u| u == u16::from(b'\\') || u == u16::from(b'/'));
    if has_folder {
        let full = path::full_path(name).ok()?;
        return MODULES.read().iter().find(|m| !m.is_data && path::eq_name(&m.path, &full)).cloned();
    }
    let lower = wide::display(name).to_ascii_lowercase();
    let wanted = apiset::host_dll(&lower).map_or_else(|| name.to_vec(), wide::wide);
    MODULES.read().iter().find(|m| !m.is_data && path::eq_name(&m.name, &wanted)).cloned()
}

/// DLLs that always come from the system, whatever lies beside the program: Windows' KnownDLLs, and the
/// universal C runtime, which Windows 10 takes from the system too.
fn is_known(dll: &str) -> bool {
    const KNOWN: &[&str] = &[
        "ntdll.dll",
        "kernel32.dll",
        "kernelbase.dll",
        "advapi32.dll",
        "user32.dll",
        "gdi32.dll",
        "shell32.dll",
        "ole32.dll",
        "combase.dll",
        "oleaut32.dll",
        "msvcrt.dll",
        "ws2_32.dll",
        "shlwapi.dll",
        "rpcrt4.dll",
        "sechost.dll",
        "psapi.dll",
        "imm32.dll",
        "ucrtbase.dll",
        "bcryptprimitives.dll",
        "crypt32.dll",
        "comdlg32.dll",
        "shcore.dll",
        "normaliz.dll",
        "setupapi.dll",
        "wldap32.dll",
    ];
    KNOWN.contains(&dll)
}

fn with_extension(name: &[u16]) -> Vec<u16> {
    let file = name.iter().rposition(|&u| u == u16::from(b'\\') || u == u16::from(b'/')).map_or(name, |at| &name[at + 1..]);
    if file.ends_with(&[u16::from(b'.')]) {
        return name[..name.len() - 1].to_vec();
    }
    if file.contains(&u16::from(b'.')) { name.to_vec() } else { [name, &wide::wide(".dll")].concat() }
}

/// The builtin DLL of that name (lower case), loaded if need be.
pub fn load_builtin(dll: &str) -> Result<Arc<Module>, LoadError> {
    let name = wide::wide(dll);
    if let Some(module) = MODULES.read().iter().find(|m| m.builtin.is_some() && path::eq_name(&m.name, &name)) {
        return Ok(module.clone());
    }
    let _lock = LOADER_LOCK.lock();
    let image = builtin::load(dll).map_err(|status| LoadError::new(status, format!("{dll}: no memory")))?;
    let module = Arc::new(Module {
        base: image.base,
        size: image.size,
        entry: None,
        path: [&wide::wide("C:\\Windows\\System32\\")[..], &name].concat(),
        name,
        is_exe: false,
        builtin: Some(image),
        tls_callbacks: Vec::new(),
        tls_index: None,
        imports: Default::default(),
        references: AtomicU32::new(1),
        list_entry: AtomicUsize::new(0),
        initialized: AtomicBool::new(true),
        quiet: AtomicBool::new(true),
        is_data: false,
    });
    module.list_entry.store(lists::add(&module), Ordering::Relaxed);
    MODULES.write().push(module.clone());
    Ok(module)
}

/// The address that an export of a builtin DLL (lower case) has for the guest.
pub fn builtin_address(dll: &str, name: &str) -> Option<usize> {
    let address = load_builtin(dll).ok()?.builtin?.by_name(name);
    builtin::seal().ok()?;
    address
}

/// Finds a DLL by Windows' rules, loads and binds it; initialization is left to the caller.
fn find_and_load(name: &[u16], folders: &[Vec<u16>], is_data: bool) -> Result<Arc<Module>, LoadError> {
    let name = with_extension(name);
    if !is_data && let Some(module) = find_loaded(&name) {
        module.references.fetch_add(1, Ordering::Relaxed);
        return Ok(module);
    }
    let has_folder = name.iter().any(|&u| u == u16::from(b'\\') || u == u16::from(b'/'));
    let lower = wide::display(&name).to_ascii_lowercase();
    if let Some(host) = apiset::host_dll(&lower)
        && builtin::exists(host)
    {
        return load_builtin(host);
    }
    if has_folder {
        let full = path::full_path(&name).map_err(|s| LoadError::new(s, "bad path".into()))?;
        if let Some(file) = open_at(&full)? {
            return load_and_bind(file, full, is_data);
        }
        // A builtin DLL by its full path in the system folder.
        let at = full.iter().rposition(|&u| u == u16::from(b'\\')).map_or(0, |at| at + 1);
        let base = wide::display(&full[at..]).to_ascii_lowercase();
        let folder = wide::display(&full[..at]).to_ascii_lowercase();
        if folder.starts_with("c:\\windows\\sys") && builtin::exists(&base) {
            return load_builtin(&base);
        }
        return Err(LoadError::absent(&name));
    }
    if is_known(&lower) && builtin::exists(&lower) {
        return load_builtin(&lower);
    }
    let program = folder_of(&process::image_path());
    let mut search: Vec<Vec<u16>> = vec![program];
    search.extend(folders.iter().filter(|f| !f.is_empty()).cloned());
    for folder in &search {
        let full = [&folder[..], &name].concat();
        if let Some(file) = open_at(&full)? {
            return load_and_bind(file, full, is_data);
        }
    }
    if builtin::exists(&lower) {
        return load_builtin(&lower);
    }
    let mut later = vec![wide::wide("C:\\Windows\\System32\\"), wide::wide("C:\\Windows\\"), process::directory()];
    let path_variable = process::variable(&wide::wide("PATH")).unwrap_or_default();
    later.extend(path_variable.split(|&u| u == u16::from(b';')).filter(|f| !f.is_empty()).map(|f| [f, &wide::wide("\\")].concat()));
    for folder in later {
        let Ok(full) = path::full_path(&[&folder[..], &name].concat()) else { continue };
        if let Some(file) = open_at(&full)? {
            return load_and_bind(file, full, is_data);
        }
    }
    Err(LoadError::absent(&name))
}

/// Opens an image; None when there is no such file.
fn open_at(path: &[u16]) -> Result<Option<PeFile>, LoadError> {
    let Ok(host) = path::to_host(path) else { return Ok(None) };
    match host::file::open(&host, host::file::O_RDONLY, 0) {
        Ok(fd) => PeFile::from_fd(fd).map(Some).map_err(|error| LoadError::of_image(path, &error)),
        Err(_) => Ok(None),
    }
}

fn load_and_bind(file: PeFile, path: Vec<u16>, is_data: bool) -> Result<Arc<Module>, LoadError> {
    let module = load_file(file, path, false, is_data)?;
    match bind(&module) {
        Ok(()) => Ok(module),
        Err(error) => {
            forget(&module);
            Err(error)
        }
    }
}

/// Runs the TLS callbacks and DllMain of a module and, before, of what it imports.
pub fn initialize(module: &Arc<Module>) -> Result<(), NTSTATUS> {
    if module.initialized.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    let imports = module.imports.read().clone();
    for import in &imports {
        initialize(import)?;
    }
    INITIALIZED.write().push(module.clone());
    let reserved = u64::from(process::is_starting());
    if !module.notify(DLL_PROCESS_ATTACH, reserved) {
        INITIALIZED.write().retain(|m| !Arc::ptr_eq(m, module));
        return Err(NTSTATUS::DLL_INIT_FAILED);
    }
    Ok(())
}

/// LdrLoadDll: finds, loads, binds and initializes a DLL. `folders`: to search after the program's own.
pub fn load_library(name: &[u16], folders: &[Vec<u16>], is_data: bool) -> Result<Arc<Module>, LoadError> {
    let _lock = LOADER_LOCK.lock();
    let module = find_and_load(name, folders, is_data)?;
    seal()?;
    if let Err(status) = initialize(&module) {
        let message = format!("{}: its DllMain refused", wide::display(&module.path));
        unload(&module);
        return Err(LoadError::new(status, message));
    }
    Ok(module)
}

/// Gives one reference up; the last one unloads the module and what only it needed.
pub fn unload(module: &Arc<Module>) {
    let _lock = LOADER_LOCK.lock();
    if module.builtin.is_some() || module.is_exe || module.references.load(Ordering::Relaxed) == u32::MAX {
        return;
    }
    if module.references.fetch_sub(1, Ordering::AcqRel) != 1 {
        return;
    }
    let was_initialized = INITIALIZED.read().iter().any(|m| Arc::ptr_eq(m, module));
    if was_initialized {
        module.notify(DLL_PROCESS_DETACH, 0);
        INITIALIZED.write().retain(|m| !Arc::ptr_eq(m, module));
    }
    forget(module);
}

fn forget(module: &Arc<Module>) {
    MODULES.write().retain(|m| !Arc::ptr_eq(m, module));
    FILES.lock().retain(|(base, _)| *base != module.base);
    let entry = module.list_entry.swap(0, Ordering::Relaxed);
    if entry != 0 {
        lists::remove(entry);
    }
    if let Some(index) = module.tls_index {
        tls::unregister(index);
    }
    let imports = std::mem::take(&mut *module.imports.write());
    for import in &imports {
        unload(import);
    }
    memory::paging::remove(module.base);
    let _ = memory::remove(module.base);
}

/// Keeps a module loaded for good (GET_MODULE_HANDLE_EX_FLAG_PIN).
pub fn pin(module: &Module) {
    module.references.store(u32::MAX, Ordering::Relaxed);
}

/// Adds a reference.
pub fn add_reference(module: &Module) {
    if module.references.load(Ordering::Relaxed) != u32::MAX {
        module.references.fetch_add(1, Ordering::Relaxed);
    }
}
