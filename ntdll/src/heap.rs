//! Heaps: the guest's malloc, on top of the host's.
//!
//! Each block has a header with its size and heap, so that HeapSize is exact, a wrong pointer is noticed,
//! and destroying a heap frees what is left in it (private heaps keep a list of their blocks).

use abi::{Ptr, export};
use hashbrown::HashSet;
use host::mem;
use parking_lot::Mutex;
use std::sync::OnceLock;
use windows_sys::Win32::System::Memory as m;

/// 16 bytes before each block.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    size: u64,
    /// Low bits of the heap's address, and a mark.
    check: u32,
    /// SetUserValue and flags: unused.
    user: u32,
}

const HEADER: usize = 16;
const ALIGNED_MARK: u32 = 0x5eed_0000;
/// The largest block: beyond, sizes would overflow.
const MAX_BLOCK: usize = 0x7fff_ffff_0000;

/// What a heap handle points to, in guest memory: programs only compare it.
struct Heap {
    flags: u32,
    /// Blocks of a private heap; the process heap keeps none.
    blocks: Option<Mutex<HashSet<usize>>>,
}

static PROCESS_HEAP: OnceLock<usize> = OnceLock::new();
static HEAPS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

fn new_heap(flags: u32, private: bool) -> usize {
    Box::into_raw(Box::new(Heap { flags, blocks: private.then(Mutex::default) })) as usize
}

/// GetProcessHeap.
pub fn process_heap() -> Ptr<u8> {
    Ptr::new(*PROCESS_HEAP.get_or_init(|| new_heap(0, false)))
}

#[allow(unsafe_code)]
fn heap_of(heap: Ptr<u8>) -> Option<&'static Heap> {
    let known = heap == process_heap() || HEAPS.lock().contains(&heap.addr());
    // SAFETY: only addresses made by new_heap get here, and destroy takes them off the list first.
    known.then(|| unsafe { &*(heap.addr() as *const Heap) })
}

/// The heap when it is a private one.
fn private(heap: Ptr<u8>) -> Option<&'static Heap> {
    if heap == process_heap() { None } else { heap_of(heap).filter(|h| h.blocks.is_some()) }
}

fn header_of(block: usize) -> Ptr<Header> {
    Ptr::new(block - HEADER)
}

fn check_of(block: usize) -> u32 {
    ALIGNED_MARK ^ (block >> 4) as u32
}

/// HeapAlloc. Null when there is no memory.
pub fn allocate(heap: Ptr<u8>, flags: u32, size: usize) -> Ptr<u8> {
    if size > MAX_BLOCK {
        return Ptr::NULL;
    }
    let raw = if flags & m::HEAP_ZERO_MEMORY != 0 { mem::heap_allocate_zeroed(size + HEADER) } else { mem::heap_allocate(size + HEADER) };
    if raw == 0 {
        return Ptr::NULL;
    }
    let block = raw + HEADER;
    header_of(block).set(Header { size: size as u64, check: check_of(block), user: 0 });
    if let Some(blocks) = private(heap).and_then(|h| h.blocks.as_ref()) {
        blocks.lock().insert(block);
    }
    Ptr::new(block)
}

/// Whether a pointer is the start of a living block, as far as can be told without a fault.
fn is_block(block: Ptr<u8>) -> bool {
    block.addr() % 16 == 0 && block.addr() > HEADER && header_of(block.addr()).read().is_ok_and(|h| h.check == check_of(block.addr()))
}

/// HeapFree. False when it is no block.
pub fn free(heap: Ptr<u8>, block: Ptr<u8>) -> bool {
    if block.is_null() {
        return true;
    }
    if !is_block(block) {
        return false;
    }
    if let Some(blocks) = private(heap).and_then(|h| h.blocks.as_ref()) {
        blocks.lock().remove(&block.addr());
    }
    header_of(block.addr()).set(Header { size: 0, check: 0, user: 0 });
    mem::heap_free(block.addr() - HEADER);
    true
}

/// HeapReAlloc. Null on failure; the old block then stays.
pub fn reallocate(heap: Ptr<u8>, flags: u32, block: Ptr<u8>, size: usize) -> Ptr<u8> {
    if size > MAX_BLOCK || !is_block(block) {
        return Ptr::NULL;
    }
    let old = header_of(block.addr()).get().size as usize;
    if flags & m::HEAP_REALLOC_IN_PLACE_ONLY != 0 {
        if size > old {
            return Ptr::NULL;
        }
        header_of(block.addr()).set(Header { size: size as u64, check: check_of(block.addr()), user: 0 });
        return block;
    }
    let raw = mem::heap_reallocate(block.addr() - HEADER, size + HEADER);
    if raw == 0 {
        return Ptr::NULL;
    }
    let new = raw + HEADER;
    header_of(new).set(Header { size: size as u64, check: check_of(new), user: 0 });
    if flags & m::HEAP_ZERO_MEMORY != 0 {
        zero(new + old.min(size), size.saturating_sub(old));
    }
    if let Some(blocks) = private(heap).and_then(|h| h.blocks.as_ref()) {
        let mut blocks = blocks.lock();
        blocks.remove(&block.addr());
        blocks.insert(new);
    }
    Ptr::new(new)
}

#[allow(unsafe_code)]
fn zero(addr: usize, len: usize) {
    // SAFETY: the tail of a block that was just allocated with that size.
    unsafe { std::ptr::write_bytes(addr as *mut u8, 0, len) }
}

/// HeapSize; None when it is no block.
pub fn size(block: Ptr<u8>) -> Option<usize> {
    is_block(block).then(|| header_of(block.addr()).get().size as usize)
}

/// HeapValidate.
pub fn validate(block: Ptr<u8>) -> bool {
    block.is_null() || is_block(block)
}

/// HeapCreate.
pub fn create(flags: u32) -> Ptr<u8> {
    let heap = new_heap(flags, true);
    HEAPS.lock().push(heap);
    Ptr::new(heap)
}

/// All heaps, the process heap first.
pub fn all() -> Vec<Ptr<u8>> {
    std::iter::once(process_heap()).chain(HEAPS.lock().iter().map(|&h| Ptr::new(h))).collect()
}

/// HeapDestroy: frees the heap and what is left in it.
#[allow(unsafe_code)]
pub fn destroy(heap: Ptr<u8>) -> bool {
    {
        let mut heaps = HEAPS.lock();
        let Some(index) = heaps.iter().position(|&h| h == heap.addr()) else { return false };
        heaps.swap_remove(index);
    }
    // SAFETY: it was on the list, so new_heap made it, and nobody else can take it off again.
    let heap = unsafe { Box::from_raw(heap.addr() as *mut Heap) };
    for block in heap.blocks.map(Mutex::into_inner).unwrap_or_default() {
        mem::heap_free(block - HEADER);
    }
    true
}

/// Flags that the heap was made with (HEAP_GENERATE_EXCEPTIONS and the like).
pub fn flags(heap: Ptr<u8>) -> u32 {
    if heap == process_heap() { 0 } else { heap_of(heap).map_or(0, |h| h.flags) }
}

/// Allocates from a heap.
#[export(ntdll, full)]
pub fn RtlAllocateHeap(heap: Ptr<u8>, flags: u32, size: usize) -> Ptr<u8> {
    allocate(heap, flags, size)
}

/// Frees a block.
#[export(ntdll, full)]
pub fn RtlFreeHeap(heap: Ptr<u8>, _flags: u32, block: Ptr<u8>) -> bool {
    free(heap, block)
}

/// Resizes a block.
#[export(ntdll, full)]
pub fn RtlReAllocateHeap(heap: Ptr<u8>, flags: u32, block: Ptr<u8>, size: usize) -> Ptr<u8> {
    reallocate(heap, flags, block, size)
}

/// The size of a block in bytes, as it was asked for.
#[export(ntdll, full)]
pub fn RtlSizeHeap(_heap: Ptr<u8>, _flags: u32, block: Ptr<u8>) -> usize {
    size(block).unwrap_or(usize::MAX)
}

/// Creates a heap.
#[export(ntdll, partial("ignores the address and sizes"))]
pub fn RtlCreateHeap(flags: u32, _base: Ptr<u8>, _reserve: usize, _commit: usize, _lock: Ptr<u8>, _parameters: Ptr<u8>) -> Ptr<u8> {
    create(flags)
}

/// Destroys a heap. Returns null on success.
#[export(ntdll, full)]
pub fn RtlDestroyHeap(heap: Ptr<u8>) -> Ptr<u8> {
    if destroy(heap) { Ptr::NULL } else { heap }
}
