//! The NT personality: objects and handles, memory, threads, files, the loader's lists. Exports ntdll.dll.
//!
//! Knows no Win32: kernel32 and the other DLLs are built on what is here.
#![deny(unsafe_code)]

pub mod access;
pub mod arguments;
pub mod child;
pub mod context;
pub mod exception;
pub mod file;
pub mod heap;
pub mod ldr;
pub mod lock;
pub mod memory;
pub mod nls;
pub mod object;
pub mod path;
pub mod port;
pub mod process;
pub mod registry;
pub mod rtl;
pub mod rtlmem;
pub mod shared_data;
pub mod spelling;
pub mod status;
pub mod sync;
pub mod syscall;
pub mod thread;
pub mod time;
pub mod trace;
pub mod unwind;
pub mod wait;

pub use status::errno_to_status;
