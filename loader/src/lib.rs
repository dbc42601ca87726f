//! PE and ELF images: parse, map, relocate, bind, list. Knows no API function.
#![deny(unsafe_code)]

pub mod elf;
pub mod pe;
