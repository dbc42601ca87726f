//! The Nt* functions of handles.

use abi::{HANDLE, NTSTATUS, Ptr, export};
use windows_sys::Win32::Foundation::DUPLICATE_CLOSE_SOURCE;

/// Closes a handle.
#[export(ntdll, full)]
pub fn NtClose(handle: HANDLE) -> Result<(), NTSTATUS> {
    if handle == HANDLE::CURRENT_PROCESS || handle == HANDLE::CURRENT_THREAD {
        return Ok(());
    }
    super::close(handle)
}

/// Duplicates a handle within this process.
#[export(ntdll, partial("own process only"))]
pub fn NtDuplicateObject(
    source_process: HANDLE,
    source: HANDLE,
    target_process: HANDLE,
    target: Ptr<HANDLE>,
    access: u32,
    attributes: u32,
    options: u32,
) -> Result<(), NTSTATUS> {
    crate::memory::own_process(source_process)?;
    let new = duplicate_any(source, access, attributes & crate::file::OBJ_INHERIT != 0, options)?;
    if target_process.is_null() && options & DUPLICATE_CLOSE_SOURCE != 0 {
        return super::close(new);
    }
    crate::memory::own_process(target_process)?;
    Ok(target.write_opt(new)?)
}

/// Duplicates a handle or a pseudo handle.
pub fn duplicate_any(source: HANDLE, access: u32, inherit: bool, options: u32) -> Result<HANDLE, NTSTATUS> {
    match source {
        HANDLE::CURRENT_PROCESS => Ok(super::insert_inheritable(crate::process::current(), crate::access::PROCESS_ALL_ACCESS, inherit)),
        HANDLE::CURRENT_THREAD => Ok(super::insert_inheritable(crate::thread::current(), crate::access::THREAD_ALL_ACCESS, inherit)),
        _ => super::duplicate(source, access, inherit, options),
    }
}

/// Changes the flags of a handle: class 4, OBJECT_HANDLE_FLAG_INFORMATION.
#[export(ntdll, full)]
pub fn NtSetInformationObject(handle: HANDLE, class: u32, from: Ptr<u8>, len: u32) -> Result<(), NTSTATUS> {
    if class != 4 {
        return Err(NTSTATUS::INVALID_INFO_CLASS);
    }
    if len != 2 {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    let [inherit, protect]: [u8; 2] = from.cast().read()?;
    // HANDLE_FLAG_INHERIT and HANDLE_FLAG_PROTECT_FROM_CLOSE.
    super::set_flags(handle, 3, u32::from(inherit != 0) | u32::from(protect != 0) << 1)
}
