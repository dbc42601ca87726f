//! Program images: parse, map, relocate, list. Knows no API function.
#![deny(unsafe_code)]

pub mod pe;
