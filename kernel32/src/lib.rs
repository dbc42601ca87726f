//! The Win32 base API over ntdll: kernel32.dll and kernelbase.dll.
#![deny(unsafe_code)]

pub mod console;
pub mod consoleapi;
pub mod datetime;
pub mod errhandlingapi;
pub mod nls;
pub mod stringapiset;
pub mod thread_context;
pub mod timezoneapi;
pub mod winnls;
