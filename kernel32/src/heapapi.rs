//! heapapi.h, and the Global and Local functions of winbase.h, which are on the same heap.

use abi::{HANDLE, Ptr, Win32Error, export};
use ntdll::heap;
use windows_sys::Win32::System::Memory as m;

/// The process's heap.
#[export(kernel32, full)]
pub fn GetProcessHeap() -> Ptr<u8> {
    heap::process_heap()
}

/// All heaps of the process. Returns how many there are.
#[export(kernel32, full)]
pub fn GetProcessHeaps(count: u32, heaps: Ptr<usize>) -> u32 {
    let all = heap::all();
    if all.len() <= count as usize {
        for (index, heap) in all.iter().enumerate() {
            heaps.add(index).set(heap.addr());
        }
    }
    all.len() as u32
}

/// Creates a heap.
#[export(kernel32, partial("grows without regard to the maximum size"))]
pub fn HeapCreate(flags: u32, _initial: usize, _maximum: usize) -> Ptr<u8> {
    heap::create(flags)
}

/// Destroys a heap.
#[export(kernel32, full)]
pub fn HeapDestroy(heap: Ptr<u8>) -> Result<(), Win32Error> {
    if heap::destroy(heap) { Ok(()) } else { Err(Win32Error::INVALID_HANDLE) }
}

/// Allocates a block. The last error is not set, as documented.
#[export(kernel32, full)]
pub fn HeapAlloc(heap: Ptr<u8>, flags: u32, size: usize) -> Ptr<u8> {
    heap::allocate(heap, flags, size)
}

/// Resizes a block.
#[export(kernel32, full)]
pub fn HeapReAlloc(heap: Ptr<u8>, flags: u32, block: Ptr<u8>, size: usize) -> Ptr<u8> {
    heap::reallocate(heap, flags, block, size)
}

/// Frees a block.
#[export(kernel32, full)]
pub fn HeapFree(heap: Ptr<u8>, _flags: u32, block: Ptr<u8>) -> Result<(), Win32Error> {
    if heap::free(heap, block) { Ok(()) } else { Err(Win32Error::INVALID_PARAMETER) }
}

/// The size of a block.
#[export(kernel32, full)]
pub fn HeapSize(_heap: Ptr<u8>, _flags: u32, block: Ptr<u8>) -> usize {
    heap::size(block).unwrap_or(usize::MAX)
}

/// Checks a block, or with null the heap.
#[export(kernel32, partial("does not walk the whole heap"))]
pub fn HeapValidate(_heap: Ptr<u8>, _flags: u32, block: Ptr<u8>) -> abi::BOOL {
    abi::BOOL(heap::validate(block))
}

/// Gives free memory back; the largest free block is not known.
#[export(kernel32, stub("does nothing and reports a megabyte"))]
pub fn HeapCompact(_heap: Ptr<u8>, _flags: u32) -> usize {
    1 << 20
}

/// Locks a heap; ours lock themselves.
#[export(kernel32, stub("excludes nobody"))]
pub fn HeapLock(_heap: Ptr<u8>) -> abi::BOOL {
    abi::BOOL(true)
}

/// Unlocks a heap.
#[export(kernel32, stub("excludes nobody"))]
pub fn HeapUnlock(_heap: Ptr<u8>) -> abi::BOOL {
    abi::BOOL(true)
}

/// Sets a feature of a heap; the low-fragmentation heap and termination on corruption are what is asked for.
#[export(kernel32, stub("accepts and ignores"))]
pub fn HeapSetInformation(_heap: Ptr<u8>, _class: u32, _info: Ptr<u8>, _len: usize) -> abi::BOOL {
    abi::BOOL(true)
}

/// Tells that a heap is a low-fragmentation heap (class 0: 2).
#[export(kernel32, full)]
pub fn HeapQueryInformation(_heap: Ptr<u8>, class: u32, info: Ptr<u32>, len: usize, returned: Ptr<usize>) -> Result<(), Win32Error> {
    if class != 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    returned.write_opt(4)?;
    if len < 4 {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(info.write(2)?)
}

// Global and Local memory: movable blocks are not moved, so a handle is the block's address.

fn local_flags(flags: u32) -> u32 {
    if flags & m::LMEM_ZEROINIT != 0 { m::HEAP_ZERO_MEMORY } else { 0 }
}

/// Allocates a block.
#[export(kernel32, partial("movable blocks never move"))]
pub fn LocalAlloc(flags: u32, size: usize) -> Result<Ptr<u8>, Win32Error> {
    heap::allocate(heap::process_heap(), local_flags(flags), size).non_null().ok_or(Win32Error::NOT_ENOUGH_MEMORY)
}

/// Frees a block. Returns null on success.
#[export(kernel32, full)]
pub fn LocalFree(block: Ptr<u8>) -> Ptr<u8> {
    if heap::free(heap::process_heap(), block) {
        return Ptr::NULL;
    }
    abi::teb::set_last_error(Win32Error::INVALID_HANDLE);
    block
}

/// Resizes a block.
#[export(kernel32, partial("movable blocks never move"))]
pub fn LocalReAlloc(block: Ptr<u8>, size: usize, flags: u32) -> Result<Ptr<u8>, Win32Error> {
    if flags & 0x80 != 0 {
        return Ok(block);
    }
    heap::reallocate(heap::process_heap(), local_flags(flags), block, size).non_null().ok_or(Win32Error::NOT_ENOUGH_MEMORY)
}

/// The address of a block.
#[export(kernel32, full)]
pub fn LocalLock(block: Ptr<u8>) -> Ptr<u8> {
    block
}

/// Unlocks a block. False with NO_ERROR: it is no longer locked.
#[export(kernel32, full)]
pub fn LocalUnlock(_block: Ptr<u8>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_LOCKED)
}

/// The size of a block.
#[export(kernel32, full)]
pub fn LocalSize(block: Ptr<u8>) -> Result<usize, Win32Error> {
    heap::size(block).ok_or(Win32Error::INVALID_HANDLE)
}

/// Flags of a block.
#[export(kernel32, full)]
pub fn LocalFlags(block: Ptr<u8>) -> u32 {
    if heap::size(block).is_some() { 0 } else { 0x8000 }
}

/// Allocates a block.
#[export(kernel32, partial("movable blocks never move"))]
pub fn GlobalAlloc(flags: u32, size: usize) -> Result<Ptr<u8>, Win32Error> {
    LocalAlloc(flags, size)
}

/// Frees a block. Returns null on success.
#[export(kernel32, full)]
pub fn GlobalFree(block: Ptr<u8>) -> Ptr<u8> {
    LocalFree(block)
}

/// Resizes a block.
#[export(kernel32, partial("movable blocks never move"))]
pub fn GlobalReAlloc(block: Ptr<u8>, size: usize, flags: u32) -> Result<Ptr<u8>, Win32Error> {
    LocalReAlloc(block, size, flags)
}

/// The address of a block.
#[export(kernel32, full)]
pub fn GlobalLock(block: Ptr<u8>) -> Ptr<u8> {
    block
}

/// Unlocks a block.
#[export(kernel32, full)]
pub fn GlobalUnlock(_block: Ptr<u8>) -> abi::BOOL {
    abi::teb::set_last_error(Win32Error::SUCCESS);
    abi::BOOL(false)
}

/// The size of a block.
#[export(kernel32, full)]
pub fn GlobalSize(block: Ptr<u8>) -> Result<usize, Win32Error> {
    LocalSize(block)
}

/// The handle of a block.
#[export(kernel32, full)]
pub fn GlobalHandle(block: Ptr<u8>) -> HANDLE {
    HANDLE(block.addr())
}

/// Flags of a block.
#[export(kernel32, full)]
pub fn GlobalFlags(block: Ptr<u8>) -> u32 {
    LocalFlags(block)
}

/// How much memory there is.
#[export(kernel32, full)]
pub fn GlobalMemoryStatusEx(status: Ptr<windows_sys::Win32::System::SystemInformation::MEMORYSTATUSEX>) -> Result<(), Win32Error> {
    let mut value = status.read()?;
    let (total, available) = host::process::memory();
    value.dwMemoryLoad = (100 - available * 100 / total.max(1)) as u32;
    value.ullTotalPhys = total;
    value.ullAvailPhys = available;
    value.ullTotalPageFile = total;
    value.ullAvailPageFile = available;
    value.ullTotalVirtual = ntdll::memory::HIGHEST as u64;
    value.ullAvailVirtual = ntdll::memory::HIGHEST as u64 - (8 << 30);
    value.ullAvailExtendedVirtual = 0;
    Ok(status.write(value)?)
}
