//! mqueue.h: message queues. The host keeps them by name, for all of its users; so each root has names of its own.

use crate::args::{Addr, Mode, Path};
use crate::call::Call;
use crate::vfs::path::{PathBuffer, c_path};
use host::Result;
use std::ffi::CStr;

/// The name by which the host knows a queue. The C library takes the slash away that it begins with (mq_overview(7)).
fn host_name<'b>(call: &Call, name: Path, buffer: &'b mut PathBuffer) -> Result<&'b CStr> {
    let mut own = PathBuffer::new();
    let name = name.read(&mut own)?.to_bytes();
    let (device, inode) = call.vfs.id()?;
    // What is no name stays none.
    let prefix = if name.is_empty() || name.contains(&b'/') { String::new() } else { format!("uosrun-{device:x}-{inode:x}-") };
    c_path(&[prefix.as_bytes(), name], buffer)
}

/// mq_open(3)
pub fn mq_open(call: &mut Call, name: Path, flags: i32, mode: Mode, attributes: Addr) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let name = host_name(call, name, &mut buffer)?;
    call.pass([name.as_ptr() as usize, flags as usize, mode.0 as usize, attributes.0, 0, 0])
}

/// mq_unlink(3)
pub fn mq_unlink(call: &mut Call, name: Path) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let name = host_name(call, name, &mut buffer)?;
    call.pass([name.as_ptr() as usize, 0, 0, 0, 0, 0])
}
