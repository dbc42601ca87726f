//! What guest and host code agree on: guest pointers and handles, status codes, the Windows calling
//! convention, the thread block, and the table of everything that the builtin DLLs export.
//!
//! This crate knows no API function and calls no host function.
#![deny(unsafe_code)]

pub mod call;
pub mod convert;
pub mod dll;
pub mod export;
pub mod fault;
pub mod handle;
pub mod hash;
pub mod ptr;
pub mod status;
pub mod teb;
pub mod wide;

pub use abi_macros::{export, export_asm, export_data};
pub use call::{GuestFn, VaList};
pub use convert::{Arg, BOOL, FileHandle, GuestError, Ret, Win32Value};
pub use fault::Fault;
pub use handle::HANDLE;
pub use ptr::{PCSTR, PCWSTR, PSTR, PVOID, PWSTR, Ptr};
pub use status::{NTSTATUS, Win32Error};
