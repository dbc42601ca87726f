//! Guest pointers. A [`Ptr`] is an address that the guest gave us: nothing is known about it until it
//! is read or written.
//!
//! Two ways of access, as on Windows:
//! - [`Ptr::read`] and [`Ptr::write`] are for system calls: a bad address is an error to report.
//! - [`Ptr::get`] and [`Ptr::set`] are for what is user-mode code on Windows (`strlen`, `RtlZeroMemory`):
//!   a bad address is an access violation in the guest, raised at the call into the DLL. A function
//!   that uses them holds no lock and nothing that needs dropping at that moment.

use crate::fault::{self, Fault};
use std::marker::PhantomData;

/// A guest address of a `T` (or of the first of several).
#[repr(transparent)]
pub struct Ptr<T>(usize, PhantomData<fn() -> T>);

pub type PVOID = Ptr<u8>;
/// A NUL-terminated byte string in the ANSI code page.
pub type PCSTR = Ptr<u8>;
pub type PSTR = Ptr<u8>;
/// A NUL-terminated UTF-16 string.
pub type PCWSTR = Ptr<u16>;
pub type PWSTR = Ptr<u16>;

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Ptr<T> {}
impl<T> PartialEq for Ptr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Ptr<T> {}
impl<T> PartialOrd for Ptr<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.0.cmp(&other.0))
    }
}
impl<T> Default for Ptr<T> {
    fn default() -> Self {
        Self::NULL
    }
}
impl<T> std::fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl<T> Ptr<T> {
    pub const NULL: Ptr<T> = Ptr(0, PhantomData);

    pub const fn new(addr: usize) -> Self {
        Ptr(addr, PhantomData)
    }

    /// The address of host memory that is handed to the guest.
    pub fn of(value: *const T) -> Self {
        Ptr::new(value as usize)
    }

    pub const fn addr(self) -> usize {
        self.0
    }

    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// None for a null pointer.
    pub fn non_null(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }

    pub const fn cast<U>(self) -> Ptr<U> {
        Ptr::new(self.0)
    }

    /// The address `bytes` further on.
    pub const fn byte_add(self, bytes: usize) -> Self {
        Ptr::new(self.0.wrapping_add(bytes))
    }

    pub fn as_mut_ptr(self) -> *mut T {
        self.0 as *mut T
    }
}

impl<T: Copy> Ptr<T> {
    /// The address of element `count`.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub const fn add(self, count: usize) -> Self {
        Ptr::new(self.0.wrapping_add(count.wrapping_mul(size_of::<T>())))
    }

    #[inline]
    pub fn read(self) -> Result<T, Fault> {
        fault::read(self.0)
    }

    #[inline]
    pub fn write(self, value: T) -> Result<(), Fault> {
        fault::write(self.0, value)
    }

    /// Writes unless the pointer is null: an optional out parameter.
    pub fn write_opt(self, value: T) -> Result<(), Fault> {
        if self.is_null() { Ok(()) } else { self.write(value) }
    }

    /// Fills `into` from guest memory.
    pub fn read_slice(self, into: &mut [T]) -> Result<(), Fault> {
        fault::read_slice(self.0, into)
    }

    /// Copies `from` to guest memory.
    pub fn write_slice(self, from: &[T]) -> Result<(), Fault> {
        fault::write_slice(self.0, from)
    }

    /// Reads `count` elements. Fails, rather than allocating, when the end is not readable.
    pub fn read_vec(self, count: usize) -> Result<Vec<T>, Fault> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(Fault)?;
        if bytes == 0 {
            return Ok(Vec::new());
        }
        fault::read::<u8>(self.0.checked_add(bytes - 1).ok_or(Fault)?)?;
        let first = self.read()?;
        let mut values = vec![first; count];
        self.read_slice(&mut values)?;
        Ok(values)
    }

    /// Reads as user-mode code does; see the module's text.
    #[inline]
    pub fn get(self) -> T {
        crate::call::raw_read(self.0)
    }

    /// Writes as user-mode code does; see the module's text.
    #[inline]
    pub fn set(self, value: T) {
        crate::call::raw_write(self.0, value);
    }
}

impl Ptr<u16> {
    /// The UTF-16 string up to its NUL (not included).
    pub fn read_wide(self) -> Result<Vec<u16>, Fault> {
        let mut text = Vec::new();
        let mut at = self;
        loop {
            let unit = at.read()?;
            if unit == 0 {
                return Ok(text);
            }
            text.push(unit);
            at = at.add(1);
        }
    }
}

impl Ptr<u8> {
    /// The bytes up to the NUL (not included).
    pub fn read_bytes(self) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        let mut at = self;
        loop {
            let byte = at.read()?;
            if byte == 0 {
                return Ok(text);
            }
            text.push(byte);
            at = at.add(1);
        }
    }
}
