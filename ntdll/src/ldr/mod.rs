//! The loader: modules, how they are found, bound, initialized and unloaded.
//!
//! <https://learn.microsoft.com/windows/win32/dlls/dynamic-link-library-search-order>

mod apiset;
pub mod builtin;
mod exports;
mod lists;
mod load;
mod missing;
mod stub;
mod system;
pub mod tls;

pub use apiset::{also_in, host_dll};
pub use exports::*;
pub use load::{LoadError, load_library, load_program, unload};
pub use missing::name_of_call;

use abi::GuestFn;
use loader::pe::View;
use parking_lot::{ReentrantMutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

pub const DLL_PROCESS_DETACH: u32 = 0;
pub const DLL_PROCESS_ATTACH: u32 = 1;
pub const DLL_THREAD_ATTACH: u32 = 2;
pub const DLL_THREAD_DETACH: u32 = 3;

/// A loaded image.
pub struct Module {
    pub base: usize,
    pub size: usize,
    pub entry: Option<usize>,
    /// File name, such as `KERNEL32.DLL`.
    pub name: Vec<u16>,
    /// Full Windows path.
    pub path: Vec<u16>,
    pub is_exe: bool,
    /// Present for builtin DLLs.
    pub builtin: Option<&'static builtin::Image>,
    tls_callbacks: Vec<usize>,
    tls_index: Option<u32>,
    /// What its imports loaded; released with it.
    imports: RwLock<Vec<Arc<Module>>>,
    references: AtomicU32,
    list_entry: AtomicUsize,
    initialized: AtomicBool,
    /// DisableThreadLibraryCalls.
    pub quiet: AtomicBool,
    /// LoadLibraryEx as a data file: not bound, not run.
    pub is_data: bool,
}

/// All modules, in the order in which they were loaded.
static MODULES: RwLock<Vec<Arc<Module>>> = RwLock::new(Vec::new());
/// Those that were initialized, in that order.
static INITIALIZED: RwLock<Vec<Arc<Module>>> = RwLock::new(Vec::new());
/// The loader lock: one thread at a time loads, unloads and runs DllMain.
pub static LOADER_LOCK: ReentrantMutex<()> = ReentrantMutex::new(());

impl Module {
    pub fn view(&self) -> View {
        View { base: self.base, size: self.size }
    }

    fn contains(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.base) < self.size
    }

    fn notify(&self, reason: u32, reserved: u64) -> bool {
        for &callback in &self.tls_callbacks {
            GuestFn(callback).call(&[self.base as u64, u64::from(reason), reserved]);
        }
        match self.entry {
            Some(entry) if !self.is_exe && self.builtin.is_none() => {
                GuestFn(entry).call(&[self.base as u64, u64::from(reason), reserved]) as i32 != 0
            }
            _ => true,
        }
    }
}

/// All modules, in load order.
pub fn modules() -> Vec<Arc<Module>> {
    MODULES.read().clone()
}

/// The module that contains an address.
pub fn module_of(addr: usize) -> Option<Arc<Module>> {
    MODULES.read().iter().find(|m| m.contains(addr)).cloned()
}

/// Base and size of the module that contains an address.
pub fn image_range(addr: usize) -> Option<(usize, usize)> {
    MODULES.read().iter().find(|m| m.contains(addr)).map(|m| (m.base, m.size))
}

/// The module at a base address (0: the program).
pub fn module_at(base: usize) -> Option<Arc<Module>> {
    let base = if base == 0 { crate::process::image_base() } else { base };
    MODULES.read().iter().find(|m| m.base == base).cloned()
}

/// The program's own module.
pub fn program() -> Option<Arc<Module>> {
    MODULES.read().iter().find(|m| m.is_exe).cloned()
}

/// Initialized modules to notify of threads: those with a DllMain or TLS callbacks.
fn listeners() -> Vec<Arc<Module>> {
    INITIALIZED
        .read()
        .iter()
        .filter(|m| !m.tls_callbacks.is_empty() || m.builtin.is_none() && !m.is_exe && m.entry.is_some())
        .cloned()
        .collect()
}

/// Tells DLLs that the calling thread starts or ends.
pub fn notify_thread(reason: u32) {
    if !has_listeners() {
        return;
    }
    let _lock = LOADER_LOCK.lock();
    let mut modules = listeners();
    if reason == DLL_THREAD_DETACH {
        modules.reverse();
    }
    for module in modules.iter().filter(|m| !m.quiet.load(Ordering::Relaxed)) {
        module.notify(reason, 0);
    }
}

fn has_listeners() -> bool {
    INITIALIZED.read().iter().any(|m| !m.tls_callbacks.is_empty() || m.builtin.is_none() && !m.is_exe && m.entry.is_some())
}

/// Tells DLLs that the process ends, last initialized first.
pub fn notify_process_detach() {
    let _lock = LOADER_LOCK.lock();
    for module in listeners().iter().rev() {
        module.notify(DLL_PROCESS_DETACH, 1);
    }
}
