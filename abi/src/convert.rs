//! Arguments in, results out: how Rust types travel in the registers of the Windows calling convention.

use crate::call::{GuestFn, VaList};
use crate::handle::HANDLE;
use crate::ptr::Ptr;
use crate::status::{NTSTATUS, Win32Error};
use crate::teb;

/// A type that an export can take.
pub trait Arg: Sized {
    type Abi: Copy;
    fn from_abi(raw: Self::Abi) -> Self;
}

/// A type that an export can return.
pub trait Ret {
    type Abi;
    fn into_abi(self) -> Self::Abi;
}

/// An error that an export can return together with a `T`: says what number the guest gets, and leaves the
/// code where the guest looks for it.
pub trait GuestError<T> {
    type Abi;
    fn ok(value: T) -> Self::Abi;
    fn err(self) -> Self::Abi;
}

impl<T, E: GuestError<T>> Ret for Result<T, E> {
    type Abi = E::Abi;
    #[inline]
    fn into_abi(self) -> E::Abi {
        match self {
            Ok(value) => E::ok(value),
            Err(error) => error.err(),
        }
    }
}

macro_rules! plain {
    ($($ty:ty),*) => {$(
        impl Arg for $ty {
            type Abi = $ty;
            #[inline]
            fn from_abi(raw: $ty) -> $ty { raw }
        }
        impl Ret for $ty {
            type Abi = $ty;
            #[inline]
            fn into_abi(self) -> $ty { self }
        }
    )*};
}
plain!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize, f32, f64);

impl Ret for () {
    type Abi = ();
    fn into_abi(self) {}
}

macro_rules! word {
    ($ty:ty, $raw:ty, $from:expr, $into:expr $(, $generic:ident)?) => {
        impl$(<$generic>)? Arg for $ty {
            type Abi = $raw;
            #[inline]
            fn from_abi(raw: $raw) -> $ty { $from(raw) }
        }
        impl$(<$generic>)? Ret for $ty {
            type Abi = $raw;
            #[inline]
            fn into_abi(self) -> $raw { $into(self) }
        }
    };
}
word!(HANDLE, usize, HANDLE, |h: HANDLE| h.0);
word!(Ptr<T>, usize, Ptr::new, Ptr::addr, T);
word!(GuestFn, usize, GuestFn, |f: GuestFn| f.0);
word!(NTSTATUS, u32, NTSTATUS, |s: NTSTATUS| s.0);
word!(Win32Error, u32, Win32Error, |e: Win32Error| e.0);

impl Arg for VaList {
    type Abi = usize;
    fn from_abi(raw: usize) -> VaList {
        VaList(Ptr::new(raw))
    }
}

/// A 32-bit truth value: any number but 0 is true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BOOL(pub bool);

impl Arg for BOOL {
    type Abi = i32;
    fn from_abi(raw: i32) -> BOOL {
        BOOL(raw != 0)
    }
}
impl Ret for BOOL {
    type Abi = i32;
    fn into_abi(self) -> i32 {
        self.0.into()
    }
}
/// BOOLEAN: one byte. EAX is filled whole, since some callers test all of it.
impl Ret for bool {
    type Abi = i32;
    fn into_abi(self) -> i32 {
        self.into()
    }
}
impl Arg for bool {
    type Abi = u8;
    fn from_abi(raw: u8) -> bool {
        raw != 0
    }
}

/// A handle from a function that reports failure as INVALID_HANDLE_VALUE rather than NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileHandle(pub HANDLE);

/// A result of the Win32 base API: what it looks like to the guest, and what stands for failure.
pub trait Win32Value {
    type Abi;
    const FAILURE: Self::Abi;
    fn into_value(self) -> Self::Abi;
}

macro_rules! win32_value {
    ($ty:ty, $raw:ty, $failure:expr, $into:expr $(, $generic:ident)?) => {
        impl$(<$generic>)? Win32Value for $ty {
            type Abi = $raw;
            const FAILURE: $raw = $failure;
            #[inline]
            fn into_value(self) -> $raw { $into(self) }
        }
    };
}
win32_value!((), i32, 0, |()| 1);
win32_value!(BOOL, i32, 0, |b: BOOL| b.0.into());
win32_value!(bool, i32, 0, |b: bool| b.into());
win32_value!(u8, u8, 0, |v| v);
win32_value!(u16, u16, 0, |v| v);
win32_value!(u32, u32, 0, |v| v);
win32_value!(i32, i32, 0, |v| v);
win32_value!(u64, u64, 0, |v| v);
win32_value!(i64, i64, 0, |v| v);
win32_value!(usize, usize, 0, |v| v);
win32_value!(HANDLE, usize, 0, |h: HANDLE| h.0);
win32_value!(FileHandle, usize, usize::MAX, |h: FileHandle| h.0.0);
win32_value!(GuestFn, usize, 0, |f: GuestFn| f.0);
win32_value!(Ptr<T>, usize, 0, Ptr::addr, T);

/// The Win32 convention: the code goes to the thread's last error.
impl<T: Win32Value> GuestError<T> for Win32Error {
    type Abi = T::Abi;
    #[inline]
    fn ok(value: T) -> T::Abi {
        value.into_value()
    }
    #[inline]
    fn err(self) -> T::Abi {
        teb::set_last_error(self);
        T::FAILURE
    }
}

/// The NT convention: the status is the result.
impl GuestError<()> for NTSTATUS {
    type Abi = u32;
    #[inline]
    fn ok((): ()) -> u32 {
        0
    }
    #[inline]
    fn err(self) -> u32 {
        self.0
    }
}

/// For calls that have several success codes.
impl GuestError<NTSTATUS> for NTSTATUS {
    type Abi = u32;
    #[inline]
    fn ok(value: NTSTATUS) -> u32 {
        value.0
    }
    #[inline]
    fn err(self) -> u32 {
        self.0
    }
}
