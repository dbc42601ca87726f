//! psapi.dll: the functions of psapi.h under their own names; kernel32 has them with K32 before.

use abi::{HANDLE, PSTR, PWSTR, Ptr, Win32Error, export};
use kernel32::psapi;
use windows_sys::Win32::System::ProcessStatus::{MODULEINFO, PROCESS_MEMORY_COUNTERS};

/// The bases of a process's modules.
#[export(psapi, partial("own process only"))]
pub fn EnumProcessModules(process: HANDLE, to: Ptr<usize>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    psapi::EnumProcessModules(process, to, size, needed)
}

/// The same, with a filter by bitness.
#[export(psapi, partial("own process only"))]
pub fn EnumProcessModulesEx(process: HANDLE, to: Ptr<usize>, size: u32, needed: Ptr<u32>, filter: u32) -> Result<(), Win32Error> {
    psapi::EnumProcessModulesEx(process, to, size, needed, filter)
}

/// Base, size and entry point of a module.
#[export(psapi, partial("own process only"))]
pub fn GetModuleInformation(process: HANDLE, base: usize, info: Ptr<MODULEINFO>, size: u32) -> Result<(), Win32Error> {
    psapi::GetModuleInformation(process, base, info, size)
}

/// The path of a module.
#[export(psapi, partial("own process only"))]
pub fn GetModuleFileNameExW(process: HANDLE, base: usize, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    psapi::GetModuleFileNameExW(process, base, to, size)
}

/// The file name of a module.
#[export(psapi, partial("own process only"))]
pub fn GetModuleBaseNameW(process: HANDLE, base: usize, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    psapi::GetModuleBaseNameW(process, base, to, size)
}

/// GetModuleFileNameExW in ANSI.
#[export(psapi, partial("own process only"))]
pub fn GetModuleFileNameExA(process: HANDLE, base: usize, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    psapi::GetModuleFileNameExA(process, base, to, size)
}

/// GetModuleBaseNameW in ANSI.
#[export(psapi, partial("own process only"))]
pub fn GetModuleBaseNameA(process: HANDLE, base: usize, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    psapi::GetModuleBaseNameA(process, base, to, size)
}

/// How much memory a process uses.
#[export(psapi, partial("own process only; resident memory"))]
pub fn GetProcessMemoryInfo(process: HANDLE, to: Ptr<PROCESS_MEMORY_COUNTERS>, size: u32) -> Result<(), Win32Error> {
    psapi::GetProcessMemoryInfo(process, to, size)
}
