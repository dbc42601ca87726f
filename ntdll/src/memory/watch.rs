//! Write watch: which pages of a region have been written to, for garbage collectors.
//! <https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-getwritewatch>

use super::{PAGE, Region, SPACE, own_process, round};
use abi::{HANDLE, NTSTATUS, Ptr, export};
use windows_sys::Win32::System::SystemServices::WRITE_WATCH_FLAG_RESET;

/// The committed stretches, start and size, of a range that lies in one watched region.
fn committed(addr: usize, size: usize) -> Result<Vec<(usize, usize)>, NTSTATUS> {
    let (start, len) = round(addr, size)?;
    let mut space = SPACE.lock();
    let region = space.region(start).filter(|region| region.watched && len != 0 && start + len <= region.end());
    let stretches = region.ok_or(NTSTATUS::INVALID_PARAMETER)?.stretches(start, len);
    Ok(stretches.into_iter().filter(|stretch| stretch.2.is_some()).map(|(start, end, _)| (start, end - start)).collect())
}

/// Pages of a watched region are about to be committed: those that were not are watched from now on.
pub(super) fn commit(region: &Region, start: usize, size: usize) -> host::Result<()> {
    let new = region.stretches(start, size).into_iter().filter(|stretch| stretch.2.is_none());
    new.map(|(start, end, _)| host::watch::reset(start, end - start)).collect()
}

/// The pages that were written to since the region was made or reset: at most `most`.
pub fn written(addr: usize, size: usize, most: usize, flags: u32) -> Result<Vec<usize>, NTSTATUS> {
    if flags & !WRITE_WATCH_FLAG_RESET != 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let mut pages = Vec::new();
    for (start, len) in committed(addr, size)? {
        if pages.len() < most {
            pages.extend(host::watch::written(start, len, most - pages.len(), flags != 0).map_err(|_| NTSTATUS::NO_MEMORY)?);
        }
    }
    Ok(pages)
}

/// Forgets which pages of a range were written to.
pub fn reset(addr: usize, size: usize) -> Result<(), NTSTATUS> {
    let all = committed(addr, size)?;
    all.into_iter().try_for_each(|(start, len)| host::watch::reset(start, len)).map_err(|_| NTSTATUS::NO_MEMORY)
}

/// Puts the addresses of written pages into the caller's array, whose size is in `count`.
pub fn get(flags: u32, base: usize, size: usize, addresses: Ptr<usize>, count: Ptr<usize>, granularity: Ptr<u32>) -> Result<(), NTSTATUS> {
    let most = count.read()?;
    if most == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let pages = written(base, size, most, flags)?;
    addresses.write_slice(&pages)?;
    count.write(pages.len())?;
    granularity.write(PAGE as u32)?;
    Ok(())
}

/// Lists the pages that were written to in memory allocated with MEM_WRITE_WATCH.
#[export(ntdll, partial("own process only"))]
fn NtGetWriteWatch(
    process: HANDLE,
    flags: u32,
    base: usize,
    size: usize,
    addresses: Ptr<usize>,
    count: Ptr<usize>,
    granularity: Ptr<u32>,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    get(flags, base, size, addresses, count, granularity)
}

/// Forgets which pages were written to.
#[export(ntdll, partial("own process only"))]
fn NtResetWriteWatch(process: HANDLE, base: usize, size: usize) -> Result<(), NTSTATUS> {
    own_process(process)?;
    reset(base, size)
}
