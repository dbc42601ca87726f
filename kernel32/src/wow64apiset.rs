//! wow64apiset.h: 32-bit programs, of which none run here.

use abi::{HANDLE, Ptr, Win32Error, export};
use ntdll::child::ChildProcess;
use ntdll::object;

/// IMAGE_FILE_MACHINE_UNKNOWN: the process is the system's own kind.
const NATIVE: u16 = 0;
/// IMAGE_FILE_MACHINE_AMD64.
const AMD64: u16 = 0x8664;

fn check_process(process: HANDLE) -> Result<(), Win32Error> {
    if object::get::<ChildProcess>(process, 0).is_err() {
        ntdll::memory::own_process(process)?;
    }
    Ok(())
}

/// Whether a process is 32-bit: no.
#[export(kernel32, full)]
pub fn IsWow64Process(process: HANDLE, result: Ptr<i32>) -> Result<(), Win32Error> {
    check_process(process)?;
    Ok(result.write(0)?)
}

/// The machine that a process is emulated for (none), and the system's.
#[export(kernel32, full)]
pub fn IsWow64Process2(process: HANDLE, process_machine: Ptr<u16>, native: Ptr<u16>) -> Result<(), Win32Error> {
    check_process(process)?;
    process_machine.write(NATIVE)?;
    Ok(native.write_opt(AMD64)?)
}
