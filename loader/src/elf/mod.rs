//! ELF images of x86-64 Linux programs: parse, map, and the first stack.
//!
//! Nothing here knows system calls or paths: the caller opens files and hands descriptors in.

mod file;
mod map;
mod stack;

pub use file::{ElfFile, Segment};
pub use map::{Image, Placement};
pub use stack::{Aux, StackPlan, first_stack};

/// Why a file cannot be run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ElfError {
    #[error("this is no ELF program")]
    NotElf,
    #[error("the file is too short or damaged: {0}")]
    Damaged(&'static str),
    #[error("this is a program for {0}; only x86-64 Linux programs run here")]
    Machine(&'static str),
    #[error("this is a {0}, not a program")]
    Kind(&'static str),
    #[error("no memory at the program's addresses: {0}")]
    Memory(host::Errno),
}
