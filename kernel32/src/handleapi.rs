//! handleapi.h.

use abi::{BOOL, HANDLE, Ptr, Win32Error, export};
use ntdll::object;
use windows_sys::Win32::Foundation::{DUPLICATE_CLOSE_SOURCE, HANDLE_FLAG_INHERIT, HANDLE_FLAG_PROTECT_FROM_CLOSE};

/// Closes a handle.
#[export(kernel32, full)]
pub fn CloseHandle(handle: HANDLE) -> Result<(), Win32Error> {
    Ok(object::NtClose(handle)?)
}

/// Duplicates a handle.
#[export(kernel32, partial("own process only"))]
pub fn DuplicateHandle(
    source_process: HANDLE,
    source: HANDLE,
    target_process: HANDLE,
    target: Ptr<HANDLE>,
    access: u32,
    inherit: BOOL,
    options: u32,
) -> Result<(), Win32Error> {
    ntdll::memory::own_process(source_process)?;
    if target_process.is_null() && options & DUPLICATE_CLOSE_SOURCE != 0 {
        return Ok(object::close(source)?);
    }
    ntdll::memory::own_process(target_process)?;
    let new = object::duplicate_any(source, access, inherit.0, options)?;
    Ok(target.write_opt(new)?)
}

/// Whether a handle is inherited and protected from closing.
#[export(kernel32, full)]
pub fn GetHandleInformation(handle: HANDLE, flags: Ptr<u32>) -> Result<(), Win32Error> {
    let entry = object::table_info(handle)?;
    let inherit = if entry.inherit { HANDLE_FLAG_INHERIT } else { 0 };
    let protect = if entry.protected { HANDLE_FLAG_PROTECT_FROM_CLOSE } else { 0 };
    Ok(flags.write(inherit | protect)?)
}

/// Sets whether a handle is inherited and protected from closing.
#[export(kernel32, full)]
pub fn SetHandleInformation(handle: HANDLE, mask: u32, flags: u32) -> Result<(), Win32Error> {
    Ok(object::set_flags(handle, mask, flags)?)
}

/// Whether two handles name the same object.
#[export(kernel32 + kernelbase, full)]
pub fn CompareObjectHandles(a: HANDLE, b: HANDLE) -> BOOL {
    match (object::table_info(a), object::table_info(b)) {
        (Ok(a), Ok(b)) => BOOL(std::sync::Arc::ptr_eq(&a.object, &b.object)),
        _ => BOOL(a == b),
    }
}
