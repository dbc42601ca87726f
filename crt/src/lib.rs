//! The C runtimes of Windows.
#![deny(unsafe_code)]

pub mod eh;
