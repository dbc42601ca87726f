//! Unsafe edge: which pages of a range have been written to.
//!
//! Linux 6.7 and later say so exactly: asynchronous write protection of userfaultfd(2), read with the PAGEMAP_SCAN
//! request of ioctl(2) (<https://docs.kernel.org/admin-guide/mm/pagemap.html>). Writes by system calls count too, and
//! none faults into us. Where that is not to be had (older kernels, containers that forbid it), every resident page
//! counts as written: more than was, never less.
#![allow(unsafe_code)]

use crate::errno::{Errno, Result};
use crate::mem::PAGE;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

const UFFD_USER_MODE_ONLY: libc::c_int = 1;
const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
const UFFDIO_REGISTER: libc::c_ulong = 0xc020_aa00;
const UFFDIO_WRITEPROTECT: libc::c_ulong = 0xc018_aa06;
const PAGEMAP_SCAN: libc::c_ulong = 0xc060_6610;
const UFFD_API: u64 = 0xaa;
/// UFFD_FEATURE_WP_UNPOPULATED and UFFD_FEATURE_WP_ASYNC.
const FEATURES: u64 = 1 << 13 | 1 << 15;
const MODE_WP: u64 = 1 << 1;
const WRITEPROTECT_MODE_WP: u64 = 1;
const PM_SCAN_WP_MATCHING: u64 = 1;
const PAGE_IS_WRITTEN: u64 = 1 << 1;

/// `struct pm_scan_arg` (uapi/linux/fs.h).
#[repr(C)]
#[derive(Default)]
struct Scan {
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

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Run {
    start: u64,
    end: u64,
    categories: u64,
}

struct Watch {
    faults: OwnedFd,
    pages: OwnedFd,
}

fn watch() -> Option<&'static Watch> {
    static WATCH: OnceLock<Option<Watch>> = OnceLock::new();
    WATCH.get_or_init(open).as_ref()
}

fn open() -> Option<Watch> {
    // SAFETY: a plain system call; a descriptor that it returns is ours.
    let faults = unsafe {
        let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | UFFD_USER_MODE_ONLY);
        if fd < 0 {
            return None;
        }
        OwnedFd::from_raw_fd(fd as i32)
    };
    request(&faults, UFFDIO_API, &mut [UFFD_API, FEATURES, 0]).ok()?;
    let pages = crate::file::open(b"/proc/self/pagemap", libc::O_RDONLY, 0).ok()?;
    Some(Watch { faults, pages })
}

fn request<T>(fd: &OwnedFd, number: libc::c_ulong, argument: &mut T) -> Result<i32> {
    // SAFETY: every caller passes the structure that the request takes.
    match unsafe { libc::ioctl(fd.as_raw_fd(), number, argument) } {
        -1 => Err(Errno::last()),
        done => Ok(done),
    }
}

/// Begins to watch a mapping of private memory; what is mapped anew in its place has to be watched anew. False: only
/// the coarse answer can be had.
pub fn start(addr: usize, len: usize) -> bool {
    let Some(watch) = watch() else { return false };
    request(&watch.faults, UFFDIO_REGISTER, &mut [addr as u64, len as u64, MODE_WP, 0]).is_ok() && reset(addr, len).is_ok()
}

/// From now on, only later writes count.
pub fn reset(addr: usize, len: usize) -> Result<()> {
    let watch = watch().ok_or(Errno::ENOSYS)?;
    request(&watch.faults, UFFDIO_WRITEPROTECT, &mut [addr as u64, len as u64, WRITEPROTECT_MODE_WP]).map(drop)
}

/// The first `max` pages of a range that have been written to, in ascending order. `reset`: those count anew.
pub fn written(addr: usize, len: usize, max: usize, reset: bool) -> Vec<usize> {
    exactly(addr, len, max, reset).unwrap_or_else(|_| resident(addr, len, max))
}

fn exactly(addr: usize, len: usize, max: usize, reset: bool) -> Result<Vec<usize>> {
    let watch = watch().ok_or(Errno::ENOSYS)?;
    let (mut at, end) = (addr, addr + len);
    let mut found = Vec::new();
    let mut runs = vec![Run::default(); 256];
    while at < end && found.len() < max {
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: if reset { PM_SCAN_WP_MATCHING } else { 0 },
            start: at as u64,
            end: end as u64,
            vec: runs.as_mut_ptr() as u64,
            vec_len: runs.len() as u64,
            max_pages: (max - found.len()) as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Scan::default()
        };
        let count = request(&watch.pages, PAGEMAP_SCAN, &mut scan)? as usize;
        for run in &runs[..count.min(runs.len())] {
            found.extend((run.start as usize..run.end as usize).step_by(PAGE));
        }
        if scan.walk_end as usize <= at {
            break;
        }
        at = scan.walk_end as usize;
    }
    Ok(found)
}

fn resident(addr: usize, len: usize, max: usize) -> Vec<usize> {
    let mut states = vec![0u8; len / PAGE];
    // SAFETY: one byte for each page; nothing else is written.
    if unsafe { libc::mincore(addr as *mut _, len, states.as_mut_ptr()) } != 0 {
        states.fill(1);
    }
    states.iter().enumerate().filter(|(_, state)| **state & 1 != 0).map(|(page, _)| addr + page * PAGE).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{Place, Prot, map_anonymous};

    #[test]
    fn pages_that_are_written_to() {
        let base = map_anonymous(Place::Anywhere, 8 * PAGE, Prot::RW).unwrap();
        let exact = start(base, 8 * PAGE);
        // SAFETY: the test's own mapping.
        unsafe {
            (base as *mut u8).add(PAGE).write_volatile(1);
            (base as *mut u8).add(5 * PAGE + 7).write_volatile(1);
            (base as *const u8).add(3 * PAGE).read_volatile();
        }
        let pages = written(base, 8 * PAGE, 100, true);
        assert!(pages.contains(&(base + PAGE)) && pages.contains(&(base + 5 * PAGE)));
        if exact {
            assert_eq!(pages, [base + PAGE, base + 5 * PAGE]);
            assert!(written(base, 8 * PAGE, 100, false).is_empty());
        }
        assert_eq!(written(base, 8 * PAGE, 0, false), []);
    }
}
