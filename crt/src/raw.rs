//! Unsafe edge: whole runs of guest memory at once. C's memory and string functions work on the memory
//! that the program names, and on nothing else; a bad address is the program's access violation, as in user-mode code
//! on Windows.
//!
//! A slice from here lives for the duration of one call. A program that changes the memory from another
//! thread meanwhile has the data race that it would have on Windows.
#![allow(unsafe_code)]

use crate::unit::Unit;
use abi::Ptr;

/// `count` values at `at`. A misaligned run is copied.
pub fn slice<'a, T: Copy>(at: Ptr<T>, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    let first = at.get();
    if at.addr() % align_of::<T>() != 0 {
        let mut copied = Vec::with_capacity(count);
        copied.push(first);
        copied.extend((1..count).map(|i| at.add(i).get()));
        return copied.leak();
    }
    // SAFETY: the first element was readable and is aligned; see the module's text for the rest.
    unsafe { std::slice::from_raw_parts(at.as_mut_ptr(), count) }
}

/// The string at `at`, without its NUL.
pub fn text<'a, U: Unit>(at: Ptr<U>) -> &'a [U] {
    slice(at, length(at))
}

/// The string at `at`, at most `max` units.
pub fn text_max<'a, U: Unit>(at: Ptr<U>, max: usize) -> &'a [U] {
    slice(at, length_max(at, max))
}

/// strlen and wcslen.
pub fn length<U: Unit>(at: Ptr<U>) -> usize {
    if !U::WIDE {
        at.get();
        // SAFETY: reads up to the NUL; see the module's text.
        return unsafe { libc::strlen(at.as_mut_ptr().cast()) };
    }
    let mut count = 0;
    while !at.add(count).get().is_nul() {
        count += 1;
    }
    count
}

/// strnlen and wcsnlen.
pub fn length_max<U: Unit>(at: Ptr<U>, max: usize) -> usize {
    let mut count = 0;
    while count < max && !at.add(count).get().is_nul() {
        count += 1;
    }
    count
}

/// memmove, in bytes.
#[inline]
pub fn copy<T>(to: Ptr<T>, from: Ptr<T>, bytes: usize) {
    // SAFETY: see the module's text; libc's function takes overlapping and misaligned runs.
    unsafe { libc::memmove(to.as_mut_ptr().cast(), from.as_mut_ptr().cast(), bytes) };
}

/// Writes `from` at `to`.
#[inline]
pub fn put<T: Copy>(to: Ptr<T>, from: &[T]) {
    // SAFETY: `from` is host memory; for `to` see the module's text.
    unsafe { libc::memmove(to.as_mut_ptr().cast(), from.as_ptr().cast(), size_of_val(from)) };
}

/// Writes a string and its NUL.
pub fn put_z<U: Unit>(to: Ptr<U>, from: &[U]) {
    put(to, from);
    to.add(from.len()).set(U::default());
}

#[inline]
pub fn fill(to: Ptr<u8>, byte: u8, bytes: usize) {
    // SAFETY: see the module's text.
    unsafe { libc::memset(to.as_mut_ptr().cast(), byte.into(), bytes) };
}

/// memcmp: the sign of the first difference.
#[inline]
pub fn compare(a: Ptr<u8>, b: Ptr<u8>, bytes: usize) -> i32 {
    // SAFETY: see the module's text.
    unsafe { libc::memcmp(a.as_mut_ptr().cast(), b.as_mut_ptr().cast(), bytes) }
}

/// strcmp.
#[inline]
pub fn compare_text(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    // SAFETY: see the module's text.
    unsafe { libc::strcmp(a.as_mut_ptr().cast(), b.as_mut_ptr().cast()) }
}

/// memchr: the address of the byte, or null.
#[inline]
pub fn find_byte(at: Ptr<u8>, byte: u8, bytes: usize) -> Ptr<u8> {
    // SAFETY: see the module's text.
    Ptr::of(unsafe { libc::memchr(at.as_mut_ptr().cast(), byte.into(), bytes) }.cast())
}

/// Marks a static's interior as shared with the guest, which reads and writes it as it likes.
#[repr(transparent)]
pub struct Shared<T>(std::cell::UnsafeCell<T>);

// SAFETY: only handed out as a guest pointer; accesses are plain loads and stores of guest memory.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub const fn new(value: T) -> Self {
        Shared(std::cell::UnsafeCell::new(value))
    }

    pub fn ptr(&self) -> Ptr<T> {
        Ptr::of(self.0.get())
    }
}

impl<T: Copy> Shared<T> {
    #[inline]
    pub fn get(&self) -> T {
        self.ptr().get()
    }

    #[inline]
    pub fn set(&self, value: T) {
        self.ptr().set(value);
    }
}

/// The lock whose address a stream holds.
pub fn lock_at(addr: usize) -> &'static crate::lock::Lock {
    static FALLBACK: crate::lock::Lock = crate::lock::Lock::new();
    if addr == 0 {
        return &FALLBACK;
    }
    // SAFETY: streams outside of `_iob` get a leaked lock's address when they are made, and keep it.
    unsafe { &*(addr as *const crate::lock::Lock) }
}
