//! The Linux personality: system calls, processes, signals and files of Linux programs.
#![deny(unsafe_code)]

pub mod aio;
pub mod args;
pub mod call;
pub mod dirent;
pub mod engine;
pub mod fcntl;
pub mod identity;
pub mod inotify;
pub mod ioctl;
pub mod memory;
pub mod mount;
pub mod mqueue;
pub mod proc;
pub mod process;
pub mod resource;
pub mod session;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod table;
pub mod time;
pub mod trace;
pub mod unistd;
pub mod vfs;
pub mod xattr;
