//! Functions that programs import and nobody implements: calling one ends the program with a message.

use super::stub::{self, STUB};
use crate::memory;
use abi::{NTSTATUS, Ptr, teb};
use parking_lot::Mutex;
use windows_sys::Win32::System::Memory as m;

#[derive(Default)]
struct Missing {
    names: Vec<String>,
    /// The page being filled, and bytes used.
    page: usize,
    used: usize,
}

static MISSING: Mutex<Missing> = Mutex::new(Missing { names: Vec::new(), page: 0, used: 0 });

const CHUNK: usize = 0x1_0000;

/// An entry for `dll!symbol`.
pub fn entry(dll: &str, symbol: &str) -> Result<usize, NTSTATUS> {
    let name = format!("{dll}!{symbol}");
    let mut missing = MISSING.lock();
    if missing.page == 0 || missing.used + STUB > CHUNK {
        let (page, _) = memory::allocate(0, CHUNK, m::MEM_RESERVE | m::MEM_COMMIT, m::PAGE_EXECUTE_READWRITE)?;
        Ptr::<u64>::new(page).set(called as *const () as u64);
        missing.page = page;
        missing.used = 16;
    }
    let at = missing.page + missing.used;
    stub::write_missing(at, missing.names.len() as u32, missing.page);
    missing.names.push(name);
    missing.used += STUB;
    Ok(at)
}

/// Text for a number in a thread's ring of last calls.
pub fn name_of_call(number: u32) -> String {
    if number & stub::MISSING != 0 {
        let missing = MISSING.lock();
        return missing.names.get((number & !stub::MISSING) as usize).cloned().unwrap_or_default();
    }
    abi::export::Export::of_number(number).map_or(String::new(), |e| format!("{}!{}", e.dll().trim_end_matches(".dll"), e.name()))
}

extern "win64" fn called(index: u32) {
    let name = MISSING.lock().names.get(index as usize).cloned().unwrap_or_default();
    let rsp = teb::guest_rsp();
    let caller = Ptr::<usize>::new(rsp).read().unwrap_or(0);
    let from = match super::module_of(caller) {
        Some(module) => format!("{}+{:#x}", abi::wide::display(&module.name), caller - module.base),
        None => format!("{caller:#x}"),
    };
    let arguments: Vec<String> = (1..=4).map(|n| format!("{:#x}", Ptr::<u64>::new(rsp + n * 8).read().unwrap_or(0))).collect();
    eprintln!(
        "uosrun: the program called {name}, which uosrun does not implement yet\n  called from {from} with {}\n  `uosrun check` lists what else is missing for this program",
        arguments.join(", ")
    );
    crate::process::terminate_with_host_code(EXIT_MISSING);
}

/// What the process exits with after calling a missing function: like a shell's "command not found".
pub const EXIT_MISSING: i32 = 127;
