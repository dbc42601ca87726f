//! Parts of winbase.h and small headers: errors, debugging, error mode, encoded pointers, SLISTs.

use abi::{BOOL, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::process;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// The calling thread's last error.
#[export(kernel32, full)]
pub fn GetLastError() -> u32 {
    teb::last_error().0
}

/// Sets the calling thread's last error.
#[export(kernel32, full)]
pub fn SetLastError(error: u32) {
    teb::set_last_error(Win32Error(error));
}

/// Which errors the system reports to the user: it never asks here.
#[export(kernel32, full)]
pub fn SetErrorMode(mode: u32) -> u32 {
    process::ERROR_MODE.swap(mode, Ordering::Relaxed)
}

/// The error mode.
#[export(kernel32, full)]
pub fn GetErrorMode() -> u32 {
    process::ERROR_MODE.load(Ordering::Relaxed)
}

/// The error mode of the calling thread; kept for the process.
#[export(kernel32, full)]
pub fn SetThreadErrorMode(mode: u32, old: Ptr<u32>) -> Result<(), Win32Error> {
    let previous = process::ERROR_MODE.swap(mode, Ordering::Relaxed);
    Ok(old.write_opt(previous)?)
}

/// Whether a debugger is attached: none.
#[export(kernel32, full)]
pub fn IsDebuggerPresent() -> BOOL {
    BOOL(false)
}

/// Whether a debugger is attached: none.
#[export(kernel32, full)]
pub fn CheckRemoteDebuggerPresent(_process: usize, present: Ptr<i32>) -> Result<(), Win32Error> {
    Ok(present.write(0)?)
}

/// Tells a debugger: there is none.
#[export(kernel32, full)]
pub fn OutputDebugStringW(_text: PCWSTR) {}

/// Tells a debugger: there is none.
#[export(kernel32, full)]
pub fn OutputDebugStringA(_text: PCSTR) {}

fn cookie() -> u64 {
    static COOKIE: OnceLock<u64> = OnceLock::new();
    *COOKIE.get_or_init(|| {
        let mut bytes = [0; 8];
        host::process::random(&mut bytes);
        u64::from_le_bytes(bytes)
    })
}

/// Disguises a pointer.
#[export(kernel32, full)]
pub fn EncodePointer(pointer: u64) -> u64 {
    (pointer ^ cookie()).rotate_right(17)
}

/// Gives a disguised pointer back.
#[export(kernel32, full)]
pub fn DecodePointer(pointer: u64) -> u64 {
    pointer.rotate_left(17) ^ cookie()
}

/// Disguises a pointer.
#[export(kernel32, full)]
pub fn EncodeSystemPointer(pointer: u64) -> u64 {
    EncodePointer(pointer)
}

/// Gives a disguised pointer back.
#[export(kernel32, full)]
pub fn DecodeSystemPointer(pointer: u64) -> u64 {
    DecodePointer(pointer)
}

// SLIST_HEADER: depth in the low 16 bits of the first word, the first entry in the second.
static SLISTS: Mutex<()> = Mutex::new(());

/// Makes an interlocked list.
#[export(kernel32 + ntdll, full)]
pub fn InitializeSListHead(head: Ptr<u64>) {
    head.set(0);
    head.add(1).set(0);
}

/// Adds an entry. Returns what was first.
#[export(kernel32 + ntdll, full)]
pub fn InterlockedPushEntrySList(head: Ptr<u64>, entry: Ptr<u64>) -> Ptr<u64> {
    let _one = SLISTS.lock();
    let first = head.add(1).get();
    entry.set(first);
    head.add(1).set(entry.addr() as u64);
    head.set((head.get() & !0xffff) | ((head.get() + 1) & 0xffff));
    Ptr::new(first as usize)
}

/// Takes the first entry.
#[export(kernel32 + ntdll, full)]
pub fn InterlockedPopEntrySList(head: Ptr<u64>) -> Ptr<u64> {
    let _one = SLISTS.lock();
    let first: Ptr<u64> = Ptr::new(head.add(1).get() as usize);
    if !first.is_null() {
        head.add(1).set(first.get());
        head.set((head.get() & !0xffff) | (head.get().wrapping_sub(1) & 0xffff));
    }
    first
}

/// Takes all entries.
#[export(kernel32 + ntdll, full)]
pub fn InterlockedFlushSList(head: Ptr<u64>) -> Ptr<u64> {
    let _one = SLISTS.lock();
    let first = head.add(1).get();
    head.add(1).set(0);
    head.set(head.get() & !0xffff);
    Ptr::new(first as usize)
}

/// How many entries there are.
#[export(kernel32 + ntdll, full)]
pub fn QueryDepthSList(head: Ptr<u64>) -> u16 {
    head.get() as u16
}
