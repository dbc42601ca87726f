//! Directory entries: `struct linux_dirent64` of getdents(2).

use host::Result;
use host::linux;
use std::os::fd::RawFd;

/// Bytes before the name: inode (8), offset (8), length (2), type (1).
pub const HEADER: usize = 19;

/// One entry.
pub struct Entry<'b> {
    /// The whole record.
    pub record: &'b [u8],
    pub name: &'b [u8],
}

/// The entries of a filled buffer.
pub fn entries(mut buffer: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes([*buffer.get(16)?, *buffer.get(17)?]));
        let record = buffer.get(..len).filter(|record| record.len() > HEADER)?;
        buffer = &buffer[len..];
        let name = &record[HEADER..];
        let end = name.iter().position(|&c| c == 0).unwrap_or(name.len());
        Some(Entry { record, name: &name[..end] })
    })
}

/// A record as the kernel makes it, aligned to 8 bytes.
pub fn record(inode: u64, offset: u64, kind: u8, name: &[u8]) -> Vec<u8> {
    let len = (HEADER + name.len() + 1).next_multiple_of(8);
    let mut record = Vec::with_capacity(len);
    record.extend_from_slice(&inode.to_ne_bytes());
    record.extend_from_slice(&offset.to_ne_bytes());
    record.extend_from_slice(&(len as u16).to_ne_bytes());
    record.push(kind);
    record.extend_from_slice(name);
    record.resize(len, 0);
    record
}

/// Calls `visit` with each entry from the descriptor's position on.
pub fn each(dir: RawFd, mut visit: impl FnMut(Entry)) -> Result<()> {
    let mut buffer = vec![0; 1 << 15];
    loop {
        match linux::getdents64(dir, &mut buffer)? {
            0 => return Ok(()),
            len => entries(&buffer[..len]).for_each(&mut visit),
        }
    }
}

/// A name that is a number, as those of processes and descriptors.
pub fn number(name: &[u8]) -> Option<i32> {
    std::str::from_utf8(name).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?.parse().ok()
}
