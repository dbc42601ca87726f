//! The Linux personality: system calls, processes, signals and files of Linux programs.
#![deny(unsafe_code)]

pub mod dirent;
pub mod proc;
pub mod vfs;
