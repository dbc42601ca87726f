//! malloc.h: the C heap, which is the process heap.

use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::raw;
use abi::{GuestFn, Ptr, export};
use ntdll::heap;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

static NEW_HANDLER: AtomicUsize = AtomicUsize::new(0);
static NEW_MODE: AtomicI32 = AtomicI32::new(0);
/// Largest request: `_HEAP_MAXREQ`.
const MAX: usize = 0xffff_ffff_ffff_ffe0;
const ZERO: u32 = 8;

fn allocate(size: usize, flags: u32) -> Ptr<u8> {
    if size <= MAX {
        loop {
            let block = heap::allocate(heap::process_heap(), flags, size.max(1));
            if !block.is_null() {
                return block;
            }
            if NEW_MODE.load(Ordering::Relaxed) == 0 || _callnewh(size) == 0 {
                break;
            }
        }
    }
    set_errno(Errno::ENOMEM);
    Ptr::NULL
}

/// Allocates a block.
#[export(msvcrt + ucrtbase, full)]
pub fn malloc(size: usize) -> Ptr<u8> {
    allocate(size, 0)
}

/// Allocates a zeroed array.
#[export(msvcrt + ucrtbase, full)]
pub fn calloc(count: usize, size: usize) -> Ptr<u8> {
    match count.checked_mul(size) {
        Some(bytes) => allocate(bytes, ZERO),
        None => {
            set_errno(Errno::ENOMEM);
            Ptr::NULL
        }
    }
}

/// Frees a block.
#[export(msvcrt + ucrtbase, full)]
pub fn free(block: Ptr<u8>) {
    if !block.is_null() {
        heap::free(heap::process_heap(), block);
    }
}

/// Makes a block larger or smaller; it may move.
#[export(msvcrt + ucrtbase, full)]
pub fn realloc(block: Ptr<u8>, size: usize) -> Ptr<u8> {
    if block.is_null() {
        return malloc(size);
    }
    if size == 0 {
        free(block);
        return Ptr::NULL;
    }
    let moved = if size <= MAX { heap::reallocate(heap::process_heap(), 0, block, size) } else { Ptr::NULL };
    if moved.is_null() {
        set_errno(Errno::ENOMEM);
    }
    moved
}

/// Size of a block.
#[export(msvcrt + ucrtbase, full)]
pub fn _msize(block: Ptr<u8>) -> Result<usize, Errno> {
    invalid::check(!block.is_null())?;
    Ok(heap::size(block).unwrap_or(0))
}

/// Makes an array larger or smaller; new bytes are zero.
#[export(msvcrt + ucrtbase, full)]
fn _recalloc(block: Ptr<u8>, count: usize, size: usize) -> Ptr<u8> {
    let Some(bytes) = count.checked_mul(size) else {
        set_errno(Errno::ENOMEM);
        return Ptr::NULL;
    };
    let old = if block.is_null() { 0 } else { heap::size(block).unwrap_or(0) };
    let moved = realloc(block, bytes);
    if !moved.is_null() && bytes > old {
        raw::fill(moved.add(old), 0, bytes - old);
    }
    moved
}

/// Changes a block's size without moving it.
#[export(msvcrt + ucrtbase, partial("only shrinks: growing in place fails"))]
fn _expand(block: Ptr<u8>, size: usize) -> Ptr<u8> {
    if !block.is_null() && size <= heap::size(block).unwrap_or(0) { block } else { Ptr::NULL }
}

/// The heap of `malloc`.
#[export(msvcrt + ucrtbase, full)]
fn _get_heap_handle() -> Ptr<u8> {
    heap::process_heap()
}

/// malloc under the UCRT's private name.
#[export(ucrtbase, full)]
fn _malloc_base(size: usize) -> Ptr<u8> {
    malloc(size)
}

/// calloc under the UCRT's private name.
#[export(ucrtbase, full)]
fn _calloc_base(count: usize, size: usize) -> Ptr<u8> {
    calloc(count, size)
}

/// realloc under the UCRT's private name.
#[export(ucrtbase, full)]
fn _realloc_base(block: Ptr<u8>, size: usize) -> Ptr<u8> {
    realloc(block, size)
}

/// free under the UCRT's private name.
#[export(ucrtbase, full)]
fn _free_base(block: Ptr<u8>) {
    free(block);
}

/// The block that an aligned block lies in: its address is stored just below.
fn block_of(aligned: Ptr<u8>) -> Ptr<u8> {
    Ptr::<Ptr<u8>>::new((aligned.addr() & !7).wrapping_sub(8)).get()
}

/// Allocates such that the address plus `offset` is a multiple of `alignment`.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_offset_malloc(size: usize, alignment: usize, offset: usize) -> Ptr<u8> {
    let good = alignment.is_power_of_two() && (offset == 0 || offset < size);
    if invalid::check(good).is_err() {
        return Ptr::NULL;
    }
    let alignment = alignment.max(8);
    let Some(bytes) = size.checked_add(alignment + 16) else {
        set_errno(Errno::ENOMEM);
        return Ptr::NULL;
    };
    let block = malloc(bytes);
    if block.is_null() {
        return block;
    }
    // The pointer below is 8-aligned whatever the offset is.
    let aligned = ((block.addr() + 16 + offset + alignment - 1) & !(alignment - 1)) - offset;
    Ptr::<Ptr<u8>>::new((aligned & !7) - 8).set(block);
    Ptr::new(aligned)
}

/// Allocates an aligned block.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_malloc(size: usize, alignment: usize) -> Ptr<u8> {
    _aligned_offset_malloc(size, alignment, 0)
}

/// Frees an aligned block.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_free(aligned: Ptr<u8>) {
    if !aligned.is_null() {
        free(block_of(aligned));
    }
}

/// Size of an aligned block.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_msize(aligned: Ptr<u8>, _alignment: usize, _offset: usize) -> Result<usize, Errno> {
    invalid::check(!aligned.is_null())?;
    let block = block_of(aligned);
    Ok(heap::size(block).unwrap_or(0) - (aligned.addr() - block.addr()))
}

/// Resizes an aligned block.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_offset_realloc(aligned: Ptr<u8>, size: usize, alignment: usize, offset: usize) -> Ptr<u8> {
    if aligned.is_null() {
        return _aligned_offset_malloc(size, alignment, offset);
    }
    if size == 0 {
        _aligned_free(aligned);
        return Ptr::NULL;
    }
    let old = heap::size(block_of(aligned)).unwrap_or(0) - (aligned.addr() - block_of(aligned).addr());
    let moved = _aligned_offset_malloc(size, alignment, offset);
    if !moved.is_null() {
        raw::copy(moved, aligned, old.min(size));
        _aligned_free(aligned);
    }
    moved
}

/// Resizes an aligned block.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_realloc(aligned: Ptr<u8>, size: usize, alignment: usize) -> Ptr<u8> {
    _aligned_offset_realloc(aligned, size, alignment, 0)
}

/// Resizes an aligned array; new bytes are zero.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_offset_recalloc(aligned: Ptr<u8>, count: usize, size: usize, alignment: usize, offset: usize) -> Ptr<u8> {
    let Some(bytes) = count.checked_mul(size) else {
        set_errno(Errno::ENOMEM);
        return Ptr::NULL;
    };
    let old = if aligned.is_null() { 0 } else { _aligned_msize(aligned, alignment, offset).unwrap_or(0) };
    let moved = _aligned_offset_realloc(aligned, bytes, alignment, offset);
    if !moved.is_null() && bytes > old {
        raw::fill(moved.add(old), 0, bytes - old);
    }
    moved
}

/// Resizes an aligned array; new bytes are zero.
#[export(msvcrt + ucrtbase, full)]
fn _aligned_recalloc(aligned: Ptr<u8>, count: usize, size: usize, alignment: usize) -> Ptr<u8> {
    _aligned_offset_recalloc(aligned, count, size, alignment, 0)
}

/// Says whether the heap is consistent: `_HEAPOK`.
#[export(msvcrt + ucrtbase, full)]
fn _heapchk() -> i32 {
    -2
}

/// Gives unused memory back.
#[export(msvcrt + ucrtbase, full)]
fn _heapmin() -> i32 {
    0
}

/// Walks the heap's blocks: there are none to see, `_HEAPEND`.
#[export(msvcrt + ucrtbase, stub("pretends that the heap is empty"))]
fn _heapwalk(_info: Ptr<u8>) -> i32 {
    -5
}

/// Calls the handler for a failed allocation; 1 when it wants another try.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _callnewh(size: usize) -> i32 {
    let handler = GuestFn(NEW_HANDLER.load(Ordering::Acquire));
    if handler.is_null() {
        set_errno(Errno::ENOMEM);
        return 0;
    }
    i32::from(handler.call(&[size as u64]) as i32 != 0)
}

/// Sets the handler for failed allocations, and returns the old one.
#[export(ucrtbase, full)]
fn _set_new_handler(handler: GuestFn) -> GuestFn {
    GuestFn(NEW_HANDLER.swap(handler.0, Ordering::AcqRel))
}

/// Sets the handler for failed allocations.
#[export(msvcrt, full, name = "?_set_new_handler@@YAP6AH_K@ZP6AH0@Z@Z")]
fn set_new_handler_cpp(handler: GuestFn) -> GuestFn {
    _set_new_handler(handler)
}

/// C++'s set_new_handler, which can only clear.
#[export(msvcrt, full, name = "?set_new_handler@@YAP6AXXZP6AXXZ@Z")]
fn set_new_handler_std(_handler: GuestFn) -> GuestFn {
    NEW_HANDLER.store(0, Ordering::Release);
    GuestFn::NULL
}

/// The handler for failed allocations.
#[export(ucrtbase, full)]
fn _query_new_handler() -> GuestFn {
    GuestFn(NEW_HANDLER.load(Ordering::Acquire))
}

/// The handler for failed allocations.
#[export(msvcrt, full, name = "?_query_new_handler@@YAP6AH_K@ZXZ")]
fn query_new_handler_cpp() -> GuestFn {
    _query_new_handler()
}

/// Chooses whether malloc calls the new handler.
#[export(ucrtbase, full)]
pub fn _set_new_mode(mode: i32) -> i32 {
    NEW_MODE.swap(mode, Ordering::Relaxed)
}

/// Chooses whether malloc calls the new handler.
#[export(msvcrt, full, name = "?_set_new_mode@@YAHH@Z")]
fn set_new_mode_cpp(mode: i32) -> i32 {
    _set_new_mode(mode)
}

/// Whether malloc calls the new handler.
#[export(ucrtbase, full)]
fn _query_new_mode() -> i32 {
    NEW_MODE.load(Ordering::Relaxed)
}

/// Whether malloc calls the new handler.
#[export(msvcrt, full, name = "?_query_new_mode@@YAHXZ")]
fn query_new_mode_cpp() -> i32 {
    _query_new_mode()
}

/// `operator new`.
#[export(msvcrt, partial("does not throw bad_alloc"), name = "??2@YAPEAX_K@Z")]
fn operator_new(size: usize) -> Ptr<u8> {
    loop {
        let block = malloc(size);
        if !block.is_null() || _callnewh(size) == 0 {
            return block;
        }
    }
}

/// `operator new[]`.
#[export(msvcrt, partial("does not throw bad_alloc"), name = "??_U@YAPEAX_K@Z")]
fn operator_new_array(size: usize) -> Ptr<u8> {
    operator_new(size)
}

/// `operator delete`.
#[export(msvcrt, full, name = "??3@YAXPEAX@Z")]
fn operator_delete(block: Ptr<u8>) {
    free(block);
}

/// `operator delete[]`.
#[export(msvcrt, full, name = "??_V@YAXPEAX@Z")]
fn operator_delete_array(block: Ptr<u8>) {
    free(block);
}

/// Makes the stack's guard page again after an overflow.
#[export(msvcrt + ucrtbase, stub("the guard page comes back by itself"))]
fn _resetstkoflw() -> i32 {
    1
}

/// Threshold of the small-block heap, which no longer exists.
#[export(msvcrt, full)]
fn _get_sbh_threshold() -> usize {
    0
}

/// Threshold of the small-block heap, which no longer exists.
#[export(msvcrt, full)]
fn _set_sbh_threshold(_threshold: usize) -> i32 {
    0
}
