//! sys/inotify.h: watching files and directories.

use crate::args::{Fd, Path};
use crate::call::Call;
use crate::vfs::path::PathBuffer;
use crate::vfs::resolve::{Last, magic};
use host::Result;
use std::os::fd::AsRawFd;

/// inotify_add_watch(2)
pub fn inotify_add_watch(call: &mut Call, fd: Fd, path: Path, mask: u32) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let last = if mask & libc::IN_DONT_FOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    call.vfs.set_watched(true);
    let node = call.vfs.node(libc::AT_FDCWD, path.read(&mut buffer)?, last)?;
    // The link that is followed is ours, to what was found.
    let mask = mask & !libc::IN_DONT_FOLLOW;
    call.pass([fd.0 as usize, magic(node.fd.as_raw_fd()).as_ptr() as usize, mask as usize, 0, 0, 0])
}
