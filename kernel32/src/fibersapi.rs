//! fibersapi.h and the Tls functions: slots of thread-local and fiber-local storage.

use abi::{BOOL, GuestFn, Ptr, Win32Error, export, teb};
use ntdll::{heap, thread};
use parking_lot::Mutex;

const TLS_SLOTS: usize = 64;
const TLS_EXPANSION: usize = 1024;
/// TLS_OUT_OF_INDEXES and FLS_OUT_OF_INDEXES.
const OUT_OF_INDEXES: u32 = u32::MAX;

static TLS_USED: Mutex<Vec<bool>> = Mutex::new(Vec::new());
/// The callback of each FLS slot in use.
static FLS_USED: Mutex<Vec<Option<GuestFn>>> = Mutex::new(Vec::new());
const FLS_SLOTS: usize = 4096;

/// Where a thread keeps slot `index`; the expansion slots are made when first needed.
fn slot(teb: usize, index: u32, make: bool) -> Option<Ptr<u64>> {
    let index = index as usize;
    if index < TLS_SLOTS {
        return Some(Ptr::new(teb + teb::TLS_SLOTS + index * 8));
    }
    if index >= TLS_SLOTS + TLS_EXPANSION {
        return None;
    }
    let field = Ptr::<usize>::new(teb + teb::TLS_EXPANSION_SLOTS);
    if field.get() == 0 {
        if !make {
            return None;
        }
        field.set(heap::allocate(heap::process_heap(), 8, TLS_EXPANSION * 8).addr());
    }
    Some(Ptr::new(field.get() + (index - TLS_SLOTS) * 8))
}

/// Takes a TLS slot; it is 0 in all threads.
#[export(kernel32, full)]
pub fn TlsAlloc() -> u32 {
    let index = {
        let mut used = TLS_USED.lock();
        match used.iter().position(|used| !used) {
            Some(index) => {
                used[index] = true;
                index
            }
            None if used.len() < TLS_SLOTS + TLS_EXPANSION => {
                used.push(true);
                used.len() - 1
            }
            None => {
                teb::set_last_error(Win32Error::NO_SYSTEM_RESOURCES);
                return OUT_OF_INDEXES;
            }
        }
    };
    for thread in thread::all() {
        if let Some(slot) = slot(thread.teb(), index as u32, false) {
            slot.set(0);
        }
    }
    index as u32
}

/// Gives a TLS slot back.
#[export(kernel32, full)]
pub fn TlsFree(index: u32) -> Result<(), Win32Error> {
    match TLS_USED.lock().get_mut(index as usize) {
        Some(used) if *used => *used = false,
        _ => return Err(Win32Error::INVALID_PARAMETER),
    }
    Ok(())
}

/// The value of a TLS slot. Clears the last error, as documented.
#[export(kernel32, full)]
pub fn TlsGetValue(index: u32) -> Result<u64, Win32Error> {
    if index as usize >= TLS_SLOTS + TLS_EXPANSION {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    teb::set_last_error(Win32Error::SUCCESS);
    Ok(slot(teb::current(), index, false).map_or(0, Ptr::get))
}

/// Sets the value of a TLS slot.
#[export(kernel32, full)]
pub fn TlsSetValue(index: u32, value: u64) -> Result<(), Win32Error> {
    let slot = slot(teb::current(), index, true).ok_or(Win32Error::INVALID_PARAMETER)?;
    slot.set(value);
    Ok(())
}

/// The FLS blocks of all threads and fibers.
static FLS_BLOCKS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The calling fiber's FLS slots, made when first needed.
fn fls(make: bool) -> Ptr<u64> {
    let field = Ptr::<usize>::new(teb::current() + teb::FLS_DATA);
    if field.get() == 0 && make {
        let block = heap::allocate(heap::process_heap(), 8, FLS_SLOTS * 8).addr();
        field.set(block);
        FLS_BLOCKS.lock().push(block);
    }
    Ptr::new(field.get())
}

/// Calls the functions of the slots that an ending thread or fiber has values in, and frees its block.
pub fn run_callbacks(block: usize) {
    if block == 0 {
        return;
    }
    let slots = Ptr::<u64>::new(block);
    let mut index = 0;
    loop {
        // None: the end of the table.
        let Some(callback) = FLS_USED.lock().get(index).map(|slot| slot.unwrap_or(GuestFn::NULL)) else { break };
        let value = slots.add(index).get();
        slots.add(index).set(0);
        if value != 0 && !callback.is_null() {
            callback.call(&[value]);
        }
        index += 1;
    }
    FLS_BLOCKS.lock().retain(|&other| other != block);
    heap::free(heap::process_heap(), Ptr::new(block));
}

/// When a thread ends: its values, before the DLLs hear of it.
fn thread_ends() {
    let block = fls(false).addr();
    run_callbacks(block);
    Ptr::<usize>::new(teb::current() + teb::FLS_DATA).set(0);
}

/// Takes an FLS slot, with a function to be called for values that are left when a fiber or thread ends.
#[export(kernel32, full)]
pub fn FlsAlloc(callback: GuestFn) -> u32 {
    let _ = thread::BEFORE_EXIT.set(thread_ends);
    let mut used = FLS_USED.lock();
    let index = match used.iter().position(Option::is_none) {
        Some(index) => index,
        None if used.len() < FLS_SLOTS => {
            used.push(None);
            used.len() - 1
        }
        None => {
            teb::set_last_error(Win32Error::NO_SYSTEM_RESOURCES);
            return OUT_OF_INDEXES;
        }
    };
    used[index] = Some(callback);
    index as u32
}

/// Gives an FLS slot back, calling its function for the values of all threads and fibers.
#[export(kernel32, full, calls_guest)]
pub fn FlsFree(index: u32) -> Result<(), Win32Error> {
    let callback = match FLS_USED.lock().get_mut(index as usize) {
        Some(slot) => slot.take().ok_or(Win32Error::INVALID_PARAMETER)?,
        None => return Err(Win32Error::INVALID_PARAMETER),
    };
    let mut values = Vec::new();
    for &block in FLS_BLOCKS.lock().iter() {
        let slot = Ptr::<u64>::new(block).add(index as usize);
        if slot.get() != 0 {
            values.push(slot.get());
            slot.set(0);
        }
    }
    while let Some(value) = values.pop() {
        if !callback.is_null() {
            callback.call(&[value]);
        }
    }
    Ok(())
}

/// The value of an FLS slot.
#[export(kernel32, full)]
pub fn FlsGetValue(index: u32) -> Result<u64, Win32Error> {
    if index as usize >= FLS_SLOTS {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    teb::set_last_error(Win32Error::SUCCESS);
    let slots = fls(false);
    Ok(if slots.is_null() { 0 } else { slots.add(index as usize).get() })
}

/// Sets the value of an FLS slot.
#[export(kernel32, full)]
pub fn FlsSetValue(index: u32, value: u64) -> Result<(), Win32Error> {
    if FLS_USED.lock().get(index as usize).is_none_or(Option::is_none) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    fls(true).add(index as usize).set(value);
    Ok(())
}

/// Whether the calling thread is a fiber.
#[export(kernel32, full)]
pub fn IsThreadAFiber() -> BOOL {
    BOOL(teb::get_u64::<{ teb::FIBER_DATA }>() != 0)
}
