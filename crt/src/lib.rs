//! The C runtimes of Windows: msvcrt.dll, ucrtbase.dll (with all api-ms-win-crt-* names) and vcruntime140.dll.
//!
//! One implementation serves all of them, with one set of streams, descriptors and locales; where they
//! differ (exponent digits of printf, layout of the start-up functions) an option says which is meant.
#![deny(unsafe_code)]

pub mod codepage;
pub mod conio;
pub mod conv;
pub mod ctype;
pub mod direct;
pub mod eh;
pub mod errno;
pub mod find;
pub mod invalid;
pub mod io;
pub mod locale;
pub mod lock;
pub mod malloc;
pub mod math;
pub mod mbstring;
pub mod memory;
pub mod printf;
pub mod process;
pub mod raw;
pub mod scanf;
pub mod search;
pub mod setjmp;
pub mod signal;
pub mod startup;
pub mod stat;
pub mod stdio;
pub mod string;
pub mod sys;
pub mod time;
pub mod unit;
pub mod vcruntime;
