//! Access rights: what the generic ones stand for, by object type.
//!
//! <https://learn.microsoft.com/windows/win32/secauthz/generic-access-rights>

use windows_sys::Win32::Foundation::{GENERIC_ALL, GENERIC_EXECUTE, GENERIC_READ, GENERIC_WRITE};

pub const SYNCHRONIZE: u32 = 0x0010_0000;
pub const DELETE: u32 = 0x0001_0000;
pub const READ_CONTROL: u32 = 0x0002_0000;
pub const STANDARD_RIGHTS_REQUIRED: u32 = 0x000f_0000;
pub const MAXIMUM_ALLOWED: u32 = 0x0200_0000;

pub const FILE_READ_DATA: u32 = 1;
pub const FILE_WRITE_DATA: u32 = 2;
pub const FILE_APPEND_DATA: u32 = 4;
pub const FILE_READ_ATTRIBUTES: u32 = 0x80;
pub const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
pub const FILE_GENERIC_READ: u32 = 0x0012_0089;
pub const FILE_GENERIC_WRITE: u32 = 0x0012_0116;
pub const FILE_GENERIC_EXECUTE: u32 = 0x0012_00a0;
pub const FILE_ALL_ACCESS: u32 = 0x001f_01ff;

pub const EVENT_MODIFY_STATE: u32 = 2;
pub const SEMAPHORE_MODIFY_STATE: u32 = 2;
pub const TIMER_MODIFY_STATE: u32 = 2;
pub const EVENT_ALL_ACCESS: u32 = 0x001f_0003;
pub const SEMAPHORE_ALL_ACCESS: u32 = 0x001f_0003;
pub const TIMER_ALL_ACCESS: u32 = 0x001f_0003;
pub const MUTANT_ALL_ACCESS: u32 = 0x001f_0001;
pub const SECTION_ALL_ACCESS: u32 = 0x000f_001f;
pub const THREAD_ALL_ACCESS: u32 = 0x001f_ffff;
pub const PROCESS_ALL_ACCESS: u32 = 0x001f_ffff;

/// Replaces generic rights by the type's own. MAXIMUM_ALLOWED gives all.
pub fn map_generic(access: u32, type_name: &str) -> u32 {
    let (read, write, execute, all) = match type_name {
        "File" => (FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS),
        "Event" => (0x0002_0001, 0x0002_0002, 0x0012_0000, EVENT_ALL_ACCESS),
        "Mutant" => (0x0002_0001, 0x0002_0000, 0x0012_0000, MUTANT_ALL_ACCESS),
        "Section" => (0x0002_0005, 0x0002_0002, 0x0002_0008, SECTION_ALL_ACCESS),
        "Key" => (0x0002_0019, 0x0002_0006, 0x0002_0019, 0x000f_003f),
        "Thread" | "Process" => (0x0002_0448, 0x0002_037b, 0x0012_1000, PROCESS_ALL_ACCESS),
        _ => (0x0002_0001, 0x0002_0002, 0x0012_0000, 0x001f_0003),
    };
    let mut out = access & !(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL | MAXIMUM_ALLOWED);
    for (generic, own) in
        [(GENERIC_READ, read), (GENERIC_WRITE, write), (GENERIC_EXECUTE, execute), (GENERIC_ALL, all), (MAXIMUM_ALLOWED, all)]
    {
        if access & generic != 0 {
            out |= own;
        }
    }
    out
}
