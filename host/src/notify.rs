//! Unsafe edge (inotify): what changes in folders.
//!
//! <https://man7.org/linux/man-pages/man7/inotify.7.html>
#![allow(unsafe_code)]

use crate::errno::{Errno, Result, check};
use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

pub const ACCESS: u32 = libc::IN_ACCESS;
pub const MODIFY: u32 = libc::IN_MODIFY;
pub const ATTRIB: u32 = libc::IN_ATTRIB;
pub const CREATE: u32 = libc::IN_CREATE;
pub const DELETE: u32 = libc::IN_DELETE;
pub const MOVED_FROM: u32 = libc::IN_MOVED_FROM;
pub const MOVED_TO: u32 = libc::IN_MOVED_TO;
/// The name is a folder's.
pub const IS_DIR: u32 = libc::IN_ISDIR;
/// The watch is gone, as its folder is.
pub const IGNORED: u32 = libc::IN_IGNORED;
/// Events were lost.
pub const OVERFLOW: u32 = libc::IN_Q_OVERFLOW;

/// How long the second half of a rename may take to follow the first.
const PAIR_MS: i32 = 10;
/// struct inotify_event without its name.
const HEADER: usize = 16;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    pub watch: i32,
    pub mask: u32,
    /// The same in both halves of a rename.
    pub cookie: u32,
    /// In the watched folder; empty: the folder itself.
    pub name: Vec<u8>,
}

/// Makes a queue of events, which is readable while there are any.
pub fn new() -> Result<OwnedFd> {
    // SAFETY: touches no memory; nobody else has the result.
    unsafe { check(libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)).map(|fd| OwnedFd::from_raw_fd(fd as i32)) }
}

/// Watches a folder, which must not be a symbolic link.
pub fn add(queue: RawFd, path: &[u8], events: u32) -> Result<i32> {
    let path = CString::new(path).map_err(|_| Errno::ENOENT)?;
    let how = events | libc::IN_ONLYDIR | libc::IN_DONT_FOLLOW;
    // SAFETY: the path is a C string.
    check(unsafe { libc::inotify_add_watch(queue, path.as_ptr(), how) }).map(|watch| watch as i32)
}

/// Watches it no longer.
pub fn remove(queue: RawFd, watch: i32) {
    // SAFETY: touches no memory. One that has gone already is no loss.
    unsafe { libc::inotify_rm_watch(queue, watch) };
}

/// The events that are there.
pub fn read(queue: RawFd) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut buffer = vec![0u8; 65536];
    loop {
        match crate::file::read(queue, buffer.as_mut_ptr() as usize, buffer.len()) {
            Ok(size) => parse(&buffer[..size], &mut events),
            Err(Errno::EINTR) => {}
            // The halves of a rename are put into the queue one by one.
            Err(Errno::EAGAIN) if events.last().is_some_and(|last| last.mask & MOVED_FROM != 0) && readable(queue) => {}
            Err(Errno::EAGAIN) => return Ok(events),
            Err(errno) => return Err(errno),
        }
    }
}

fn readable(queue: RawFd) -> bool {
    let mut list = [crate::socket::Poll { fd: queue, events: crate::socket::IN, got: 0 }];
    crate::socket::poll(&mut list, PAIR_MS).is_ok() && list[0].got != 0
}

fn parse(mut bytes: &[u8], events: &mut Vec<Event>) {
    while let Some(header) = bytes.get(..HEADER) {
        let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let end = HEADER + word(12) as usize;
        let name = bytes.get(HEADER..end).unwrap_or_default();
        let name = name.iter().position(|&b| b == 0).map_or(name, |at| &name[..at]).to_vec();
        events.push(Event { watch: word(0) as i32, mask: word(4), cookie: word(8), name });
        bytes = bytes.get(end..).unwrap_or_default();
    }
}
