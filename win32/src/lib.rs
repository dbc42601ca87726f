//! The system DLLs besides ntdll, kernel32 and the C runtimes, one module each.
#![deny(unsafe_code)]

pub mod bcryptprimitives;
pub mod oleaut32;
pub mod shell32;
pub mod winmm;
