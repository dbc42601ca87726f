//! Unsafe edge: mapping, protecting and unmapping memory.
//!
//! Callers name ranges that they own; the crates above keep one tree of regions (ntdll::memory).

use crate::errno::{Errno, Result};

/// The host's page size in bytes.
pub const PAGE: usize = 4096;

/// What may be done with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prot(i32);

impl Prot {
    pub const NONE: Prot = Prot(libc::PROT_NONE);
    pub const R: Prot = Prot(libc::PROT_READ);
    pub const RW: Prot = Prot(libc::PROT_READ | libc::PROT_WRITE);
    pub const RX: Prot = Prot(libc::PROT_READ | libc::PROT_EXEC);
    pub const RWX: Prot = Prot(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
}

/// Where a mapping goes.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Where the host likes.
    Anywhere,
    /// Here, or fail with EEXIST when something is there.
    Exactly(usize),
    /// Here, replacing what the caller owns there.
    Replace(usize),
}

fn map(place: Place, len: usize, prot: Prot, flags: i32, fd: i32, offset: u64) -> Result<usize> {
    let (addr, extra) = match place {
        Place::Anywhere => (0, 0),
        Place::Exactly(addr) => (addr, libc::MAP_FIXED_NOREPLACE),
        Place::Replace(addr) => (addr, libc::MAP_FIXED),
    };
    // SAFETY: a new mapping harms nobody; a replaced one is the caller's by contract.
    let got = unsafe { libc::mmap(addr as *mut _, len, prot.0, flags | extra, fd, offset as i64) };
    if got == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    if let Place::Exactly(addr) = place
        && got as usize != addr
    {
        unmap(got as usize, len)?;
        return Err(Errno::EEXIST);
    }
    Ok(got as usize)
}

/// Maps zeroed private memory, not charged until touched.
pub fn map_anonymous(place: Place, len: usize, prot: Prot) -> Result<usize> {
    map(place, len, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
}

/// Maps zeroed memory that children inherit as shared.
pub fn map_shared_anonymous(place: Place, len: usize, prot: Prot) -> Result<usize> {
    map(place, len, prot, libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
}

/// Types for which all-zero bytes are a value, and which several processes may use at once.
///
/// # Safety
/// Both are so.
pub unsafe trait Zeroed: Sync + 'static {}
// SAFETY: atomics are made for this.
unsafe impl<const N: usize> Zeroed for [std::sync::atomic::AtomicU64; N] {}

/// The value at the beginning of a file of zeroes, which all share that have the file. It is never freed.
pub fn share<T: Zeroed>(fd: i32) -> Result<&'static T> {
    let at = map_file(Place::Anywhere, size_of::<T>().next_multiple_of(PAGE), Prot::RW, fd, 0, true)?;
    // SAFETY: new memory that is large enough, aligned to a page and never unmapped; see the trait for the rest.
    Ok(unsafe { &*(at as *const T) })
}

/// Maps a file; `shared` writes through to it, otherwise pages are copied on write.
pub fn map_file(place: Place, len: usize, prot: Prot, fd: i32, offset: u64, shared: bool) -> Result<usize> {
    map(place, len, prot, if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE | libc::MAP_NORESERVE }, fd, offset)
}

/// The same, with all pages there at once, copied if they may be written.
pub fn map_file_now(place: Place, len: usize, prot: Prot, fd: i32, offset: u64, shared: bool) -> Result<usize> {
    map(place, len, prot, if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE } | libc::MAP_POPULATE, fd, offset)
}

/// Changes the protection of whole pages.
pub fn protect(addr: usize, len: usize, prot: Prot) -> Result<()> {
    // SAFETY: the range is the caller's by contract.
    match unsafe { libc::mprotect(addr as *mut _, len, prot.0) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Gives a range back.
pub fn unmap(addr: usize, len: usize) -> Result<()> {
    // SAFETY: the range is the caller's by contract.
    match unsafe { libc::munmap(addr as *mut _, len) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Drops the contents of private pages: they read as zero afterwards.
pub fn discard(addr: usize, len: usize) -> Result<()> {
    // SAFETY: the range is the caller's by contract.
    match unsafe { libc::madvise(addr as *mut _, len, libc::MADV_DONTNEED) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Has a mapped file's pages read ahead.
pub fn prefetch(addr: usize, len: usize) -> Result<()> {
    // SAFETY: changes no contents.
    match unsafe { libc::madvise(addr as *mut _, len, libc::MADV_WILLNEED) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Writes a mapped file's dirty pages to it.
pub fn sync(addr: usize, len: usize) -> Result<()> {
    // SAFETY: the range is the caller's by contract.
    match unsafe { libc::msync(addr as *mut _, len, libc::MS_SYNC) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Moves a mapping to a fixed place, replacing what the caller owns there.
pub fn move_to(from: usize, len: usize, to: usize) -> Result<()> {
    // SAFETY: both ranges are the caller's by contract.
    let got = unsafe { libc::mremap(from as *mut _, len, len, libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED, to as *mut libc::c_void) };
    if got == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(()) }
}

/// Pins pages in memory.
pub fn lock(addr: usize, len: usize) -> Result<()> {
    // SAFETY: pinning changes no contents.
    match unsafe { libc::mlock(addr as *const _, len) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Unpins pages.
pub fn unlock(addr: usize, len: usize) -> Result<()> {
    // SAFETY: unpinning changes no contents.
    match unsafe { libc::munlock(addr as *const _, len) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// malloc, for guest heaps: 16-byte aligned, 0 on failure.
pub fn heap_allocate(len: usize) -> usize {
    // SAFETY: plain allocation.
    unsafe { libc::malloc(len) as usize }
}

/// calloc: zeroed.
pub fn heap_allocate_zeroed(len: usize) -> usize {
    // SAFETY: plain allocation.
    unsafe { libc::calloc(1, len) as usize }
}

/// realloc; contents move along. 0 on failure, the old block then stays.
pub fn heap_reallocate(block: usize, len: usize) -> usize {
    // SAFETY: the block came from one of these functions by contract.
    unsafe { libc::realloc(block as *mut _, len) as usize }
}

/// free.
pub fn heap_free(block: usize) {
    // SAFETY: the block came from one of these functions by contract.
    unsafe { libc::free(block as *mut _) }
}
