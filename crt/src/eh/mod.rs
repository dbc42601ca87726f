//! C++ exceptions of the Microsoft compilers: throwing, the frame handlers, and run-time type information.
//!
//! The tables are those that MSVC and clang emit: [`tables`] reads both generations into one form.

pub mod catch;
pub mod rtti;
pub mod tables;
pub mod throw;
