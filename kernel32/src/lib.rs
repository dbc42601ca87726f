//! The Win32 base API over ntdll. Exports kernel32.dll and kernelbase.dll.
#![deny(unsafe_code)]

pub mod errhandlingapi;
