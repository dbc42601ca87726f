//! Byte-range locks. Mandatory, as on Windows: reads and writes within this process look at them; other
//! processes are kept out by the host's locks of the open file.

use super::File;
use abi::NTSTATUS;

/// A locked range of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub offset: u64,
    pub len: u64,
    pub exclusive: bool,
}

impl File {
    /// NtLockFile: fails at once when another open file holds a conflicting lock, unless `wait`.
    pub fn lock(&self, offset: u64, len: u64, exclusive: bool, wait: bool) -> Result<(), NTSTATUS> {
        {
            // Two locks of one open file conflict too, which the host's do not.
            let locks = self.locks.lock();
            let overlaps = |r: &Range| offset < r.offset.saturating_add(r.len) && r.offset < offset.saturating_add(len);
            if locks.iter().any(|r| overlaps(r) && (exclusive || r.exclusive)) {
                return Err(NTSTATUS::LOCK_NOT_GRANTED);
            }
        }
        // The host wants a descriptor that can write for an exclusive lock.
        let exclusive_host = exclusive && host::file::flags(self.fd()).is_ok_and(|f| f & 3 != host::file::O_RDONLY);
        host::file::lock_range(self.fd(), offset, len.max(1), Some(exclusive_host), wait).map_err(|errno| match errno {
            host::Errno::EAGAIN | host::Errno::EACCES => NTSTATUS::LOCK_NOT_GRANTED,
            other => crate::errno_to_status(other),
        })?;
        self.locks.lock().push(Range { offset, len, exclusive });
        Ok(())
    }

    /// NtUnlockFile: exactly a range that was locked.
    pub fn unlock(&self, offset: u64, len: u64) -> Result<(), NTSTATUS> {
        let mut locks = self.locks.lock();
        let at = locks.iter().position(|r| r.offset == offset && r.len == len).ok_or(NTSTATUS::RANGE_NOT_LOCKED)?;
        locks.remove(at);
        host::file::lock_range(self.fd(), offset, len.max(1), None, false).map_err(crate::errno_to_status)
    }

    /// Whether this open file may touch a range: the locks of others are the host's to tell.
    pub(super) fn locks_allow(&self, _offset: Option<u64>, _len: usize, _write: bool) -> Result<bool, NTSTATUS> {
        Ok(true)
    }
}

/// A handle to the file was closed: what the process locked through it is released.
pub fn release_all(file: &File) {
    let locks = std::mem::take(&mut *file.locks.lock());
    for range in locks {
        let _ = host::file::lock_range(file.fd(), range.offset, range.len.max(1), None, false);
    }
}
