//! Unsafe edge: which pages have been written to. The host's kernel protects pages against writing, and lifts that at the
//! first write by itself; nothing of ours runs then. Linux 6.7 and later.
//!
//! <https://docs.kernel.org/admin-guide/mm/userfaultfd.html>, <https://docs.kernel.org/admin-guide/mm/pagemap.html>
#![allow(unsafe_code)]

use crate::errno::{Errno, Result};
use crate::mem::PAGE;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

// linux/userfaultfd.h
const UFFD_API: u64 = 0xaa;
const UFFD_USER_MODE_ONLY: libc::c_int = 1;
const UFFD_FEATURE_WP_UNPOPULATED: u64 = 1 << 13;
const UFFD_FEATURE_WP_ASYNC: u64 = 1 << 15;
const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
const UFFDIO_REGISTER: libc::c_ulong = 0xc020_aa00;
const UFFDIO_REGISTER_MODE_WP: u64 = 2;
const UFFDIO_WRITEPROTECT: libc::c_ulong = 0xc018_aa06;
const UFFDIO_WRITEPROTECT_MODE_WP: u64 = 1;
// linux/fs.h
const PAGEMAP_SCAN: libc::c_ulong = 0xc060_6610;
const PM_SCAN_WP_MATCHING: u64 = 1;
const PAGE_IS_WRITTEN: u64 = 2;

#[repr(C)]
#[derive(Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

struct Watcher {
    userfault: OwnedFd,
    pagemap: OwnedFd,
}

static WATCHER: OnceLock<Result<Watcher>> = OnceLock::new();

fn control<T>(fd: &OwnedFd, request: libc::c_ulong, argument: &mut T) -> Result<i32> {
    // SAFETY: each request here takes a pointer to the structure that it is called with.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request, std::ptr::from_mut(argument)) } {
        -1 => Err(Errno::last()),
        done => Ok(done),
    }
}

fn open() -> Result<Watcher> {
    // SAFETY: a plain system call; the descriptor is ours.
    let userfault = unsafe {
        let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY);
        if fd < 0 {
            return Err(Errno::last());
        }
        OwnedFd::from_raw_fd(fd as i32)
    };
    control(&userfault, UFFDIO_API, &mut [UFFD_API, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED, 0])?;
    let pagemap = crate::file::open(b"/proc/self/pagemap", crate::file::O_RDONLY, 0)?;
    Ok(Watcher { userfault, pagemap })
}

fn watcher() -> Result<&'static Watcher> {
    WATCHER.get_or_init(open).as_ref().map_err(|error| *error)
}

/// Begins to watch whole pages of private memory. Each counts as written to until it is [`reset`].
pub fn start(addr: usize, len: usize) -> Result<()> {
    control(&watcher()?.userfault, UFFDIO_REGISTER, &mut [addr as u64, len as u64, UFFDIO_REGISTER_MODE_WP, 0])?;
    Ok(())
}

/// Forgets what was written to in watched memory.
pub fn reset(addr: usize, len: usize) -> Result<()> {
    control(&watcher()?.userfault, UFFDIO_WRITEPROTECT, &mut [addr as u64, len as u64, UFFDIO_WRITEPROTECT_MODE_WP])?;
    Ok(())
}

/// The pages of a watched range that were written to, at most `most` of them, lowest first. `reset`: forgets them in the
/// same moment.
pub fn written(addr: usize, len: usize, most: usize, reset: bool) -> Result<Vec<usize>> {
    let watcher = watcher()?;
    let mut pages = Vec::new();
    let mut regions = [PageRegion::default(); 64];
    let mut start = addr as u64;
    while start < (addr + len) as u64 && pages.len() < most {
        let mut arguments = ScanArguments {
            size: size_of::<ScanArguments>() as u64,
            flags: if reset { PM_SCAN_WP_MATCHING } else { 0 },
            start,
            end: (addr + len) as u64,
            vec: regions.as_mut_ptr() as u64,
            vec_len: regions.len() as u64,
            max_pages: (most - pages.len()) as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Default::default()
        };
        let count = control(&watcher.pagemap, PAGEMAP_SCAN, &mut arguments)?;
        pages.extend(regions[..count as usize].iter().flat_map(|region| (region.start as usize..region.end as usize).step_by(PAGE)));
        start = arguments.walk_end;
    }
    pages.truncate(most);
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{self, Place, Prot};

    #[test]
    fn writes_are_seen_once() {
        let base = mem::map_anonymous(Place::Anywhere, 8 * PAGE, Prot::RW).expect("memory");
        match start(base, 8 * PAGE) {
            Ok(()) => {}
            // A kernel before 6.7, or one that keeps userfaultfd from users.
            Err(Errno(libc::ENOSYS | libc::EINVAL | libc::EPERM | libc::ENOTTY)) => return,
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(reset(base, 8 * PAGE), Ok(()));
        assert_eq!(written(base, 8 * PAGE, 100, false), Ok(vec![]));
        for page in [1, 2, 5] {
            // SAFETY: the mapping above.
            unsafe { ((base + page * PAGE + 7) as *mut u8).write_volatile(1) };
        }
        let at = |page: usize| base + page * PAGE;
        assert_eq!(written(base, 8 * PAGE, 2, false), Ok(vec![at(1), at(2)]));
        assert_eq!(written(base, 8 * PAGE, 100, true), Ok(vec![at(1), at(2), at(5)]));
        assert_eq!(written(base, 8 * PAGE, 100, false), Ok(vec![]));
        // SAFETY: as above.
        unsafe { (at(5) as *mut u8).write_volatile(2) };
        assert_eq!(written(base, 8 * PAGE, 100, false), Ok(vec![at(5)]));
        assert_eq!(reset(base, 8 * PAGE), Ok(()));
        assert_eq!(written(base, 8 * PAGE, 100, false), Ok(vec![]));
    }
}
