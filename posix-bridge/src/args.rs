//! Arguments of system calls: how they are taken from registers and guest memory.

use crate::vfs::path::{PATH_MAX, PathBuffer};
use abi::fault;
use host::{Errno, Result};
use std::ffi::CStr;
use std::os::fd::RawFd;

/// A descriptor, or AT_FDCWD.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(pub RawFd);

/// The address of a C string that is a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path(pub usize);

/// An address in guest memory that is handed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addr(pub usize);

/// What open(2) takes: O_RDONLY and so on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFlags(pub i32);

/// Permission bits, written in octal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode(pub u32);

/// What a register means.
pub trait Arg {
    fn from_register(raw: usize) -> Self;
}

macro_rules! from_register {
    ($($ty:ty: $raw:ident => $value:expr;)*) => {
        $(impl Arg for $ty {
            #[inline]
            fn from_register($raw: usize) -> Self {
                $value
            }
        })*
    };
}
from_register! {
    Fd: raw => Fd(raw as i32);
    Path: raw => Path(raw);
    Addr: raw => Addr(raw);
    OpenFlags: raw => OpenFlags(raw as i32);
    Mode: raw => Mode(raw as u32);
    i32: raw => raw as i32;
    u32: raw => raw as u32;
    i64: raw => raw as i64;
    u64: raw => raw as u64;
    usize: raw => raw;
}

impl Path {
    /// Copies the path out of guest memory: nothing that the guest changes meanwhile changes what was looked at.
    pub fn read(self, buffer: &mut PathBuffer) -> Result<&CStr> {
        /// Of its address, so that a word does not reach into a page that may not be there.
        const ALIGN: usize = size_of::<u64>();
        buffer.clear();
        let mut from = self.0;
        loop {
            let skipped = from % ALIGN;
            let word = fault::read::<u64>(from - skipped).map_err(|_| Errno::EFAULT)? >> (8 * skipped);
            let len = (ALIGN - skipped).min(PATH_MAX - buffer.len());
            if let Some(end) = first_zero(word).filter(|&end| end < len) {
                buffer.extend_from_word(word, end + 1);
                return CStr::from_bytes_with_nul(buffer).map_err(|_| Errno::EFAULT);
            }
            buffer.extend_from_word(word, len);
            if buffer.len() == PATH_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            from = from.checked_add(len).ok_or(Errno::EFAULT)?;
        }
    }

    /// As [`read`](Self::read), with an empty path for a null pointer.
    pub fn read_or_empty(self, buffer: &mut PathBuffer) -> Result<&CStr> {
        if self.0 == 0 { Ok(c"") } else { self.read(buffer) }
    }
}

/// The first of a word's bytes, from the lowest on, that is zero.
fn first_zero(word: u64) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    // Of the zero bytes, and of ones above them, the highest bits.
    let marks = word.wrapping_sub(ONES) & !word & (ONES << 7);
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

impl Addr {
    /// Reads a value; any bit pattern of it must be valid.
    pub fn read<T: Copy>(self) -> Result<T> {
        fault::read(self.0).map_err(|_| Errno::EFAULT)
    }

    pub fn write<T: Copy>(self, value: T) -> Result<()> {
        fault::write(self.0, value).map_err(|_| Errno::EFAULT)
    }

    pub fn read_bytes(self, into: &mut [u8]) -> Result<()> {
        fault::read_slice(self.0, into).map_err(|_| Errno::EFAULT)
    }

    pub fn write_bytes(self, bytes: &[u8]) -> Result<()> {
        fault::write_slice(self.0, bytes).map_err(|_| Errno::EFAULT)
    }

    pub fn plus(self, offset: usize) -> Addr {
        Addr(self.0.wrapping_add(offset))
    }

    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_at_their_nul() {
        let text = [b"x".repeat(70), b"\0rest".to_vec()].concat();
        let mut buffer = PathBuffer::new();
        assert_eq!(Path(text.as_ptr() as usize).read(&mut buffer).unwrap().to_bytes(), b"x".repeat(70));
        for (start, len) in (0..16).flat_map(|start| (0..32).map(move |len| (start, len))) {
            let text = [vec![0u8; start], vec![0x80; len], vec![0, 1, 0xff]].concat();
            assert_eq!(Path(text.as_ptr() as usize + start).read(&mut buffer).unwrap().to_bytes(), vec![0x80; len]);
        }
        let long = vec![b'x'; PATH_MAX + 64];
        assert_eq!(Path(long.as_ptr() as usize).read(&mut buffer), Err(Errno::ENAMETOOLONG));
        assert_eq!(Path(0).read_or_empty(&mut buffer).unwrap(), c"");
    }
}
