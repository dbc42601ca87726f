//! Write watch: which pages of a MEM_WRITE_WATCH allocation have been written to.

use super::{SPACE, round};
use crate::memory::own_process;
use abi::{HANDLE, NTSTATUS, Ptr, export};
use host::mem::PAGE;
use windows_sys::Win32::System::SystemServices::WRITE_WATCH_FLAG_RESET;

/// The whole pages of a range, which lies in one allocation that is watched.
fn watched(addr: usize, size: usize) -> Result<(usize, usize), NTSTATUS> {
    let (start, len) = round(addr, size)?;
    match SPACE.lock().region(start) {
        Some(region) if region.watched && len != 0 && start + len <= region.end() => Ok((start, len)),
        _ => Err(NTSTATUS::INVALID_PARAMETER),
    }
}

/// The pages of a watched range that have been written to since it was allocated, or since they were reset.
#[export(ntdll, partial("before Linux 6.7: pages in use instead of pages written to"))]
pub fn NtGetWriteWatch(
    process: HANDLE,
    flags: u32,
    base: usize,
    size: usize,
    addresses: Ptr<usize>,
    count: Ptr<usize>,
    granularity: Ptr<u32>,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    if flags & !WRITE_WATCH_FLAG_RESET != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let max = count.read()?;
    if max == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let (start, len) = watched(base, size)?;
    // What cannot be reported is not reset either.
    addresses.add(max.min(len / PAGE) - 1).write(0)?;
    let pages = host::watch::written(start, len, max, flags & WRITE_WATCH_FLAG_RESET != 0);
    addresses.write_slice(&pages)?;
    count.write(pages.len())?;
    granularity.write(PAGE as u32)?;
    Ok(())
}

/// Starts anew: from now on only later writes to a watched range count.
#[export(ntdll, partial("does nothing before Linux 6.7"))]
pub fn NtResetWriteWatch(process: HANDLE, base: usize, size: usize) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let (start, len) = watched(base, size)?;
    let _ = host::watch::reset(start, len);
    Ok(())
}
