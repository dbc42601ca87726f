//! PE32+ images (<https://learn.microsoft.com/windows/win32/debug/pe-format>).
//!
//! [`file`] reads and checks a file's headers and maps it; [`view`] reads the directories of an image in
//! memory, wherever it came from. Every field is foreign: bad ones give a [`PeError`], never a panic.

pub mod export;
pub mod file;
#[cfg(test)]
mod hostile;
pub mod import;
pub mod resource;
pub mod update;
pub mod view;

pub use export::Target;
pub use file::PeFile;
pub use view::View;

/// What is wrong with an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeError {
    #[error("cannot read the file: {0}")]
    Io(String),
    #[error("not a Windows program: {0}")]
    NotPe(&'static str),
    #[error("a program for {0}; only x86-64 (PE32+) programs run so far")]
    Machine(&'static str),
    #[error("damaged image: {0}")]
    Damaged(&'static str),
    #[error("cannot map the image: {0}")]
    Map(String),
}

impl From<abi::Fault> for PeError {
    fn from(_: abi::Fault) -> PeError {
        PeError::Damaged("an address lies outside the image")
    }
}
