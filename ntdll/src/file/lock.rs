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

impl Range {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    fn overlaps(&self, other: &Range) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }
}

/// The parts of a range, each with what the host is to hold there for these locks: an exclusive lock, a shared one, or none.
fn parts(range: &Range, locks: &[Range]) -> Vec<(u64, u64, Option<bool>)> {
    let mut cuts: Vec<u64> = locks.iter().filter(|lock| lock.overlaps(range)).flat_map(|lock| [lock.offset, lock.end()]).collect();
    cuts.retain(|&cut| range.offset < cut && cut < range.end());
    cuts.extend([range.offset, range.end()]);
    cuts.sort_unstable();
    cuts.dedup();
    let part = |ends: &[u64]| {
        let part = Range { offset: ends[0], len: ends[1] - ends[0], exclusive: false };
        let held = locks.iter().filter(|lock| lock.overlaps(&part)).map(|lock| lock.exclusive).max();
        (part.offset, part.len, held)
    };
    cuts.windows(2).map(part).collect()
}

impl File {
    /// NtLockFile: fails at once when another open file holds a conflicting lock, unless `wait`. A range that is locked
    /// exclusively may be locked as shared by the same open file, which then unlocks it twice: the exclusive lock first.
    pub fn lock(&self, offset: u64, len: u64, exclusive: bool, wait: bool) -> Result<(), NTSTATUS> {
        let new = Range { offset, len: len.max(1), exclusive };
        let with_new = {
            let locks = self.locks.lock();
            if exclusive && locks.iter().any(|lock| lock.overlaps(&new)) {
                return Err(NTSTATUS::LOCK_NOT_GRANTED);
            }
            [&locks[..], &[new]].concat()
        };
        self.hold(&parts(&new, &with_new), wait).map_err(|errno| {
            let _ = self.hold(&parts(&new, &with_new[..with_new.len() - 1]), false);
            match errno {
                host::Errno::EAGAIN | host::Errno::EACCES => NTSTATUS::LOCK_NOT_GRANTED,
                other => crate::errno_to_status(other),
            }
        })?;
        self.locks.lock().push(new);
        Ok(())
    }

    /// NtUnlockFile: exactly a range that was locked.
    pub fn unlock(&self, offset: u64, len: u64) -> Result<(), NTSTATUS> {
        let mut locks = self.locks.lock();
        let is_it = |lock: &Range| lock.offset == offset && lock.len == len.max(1);
        let exclusive = locks.iter().position(|lock| is_it(lock) && lock.exclusive);
        let at = exclusive.or_else(|| locks.iter().position(is_it)).ok_or(NTSTATUS::RANGE_NOT_LOCKED)?;
        let gone = locks.remove(at);
        self.hold(&parts(&gone, &locks), false).map_err(crate::errno_to_status)
    }

    /// Has the host hold these locks.
    fn hold(&self, parts: &[(u64, u64, Option<bool>)], wait: bool) -> host::Result<()> {
        // The host wants a descriptor that can write for an exclusive lock.
        let writes = || host::file::flags(self.fd()).is_ok_and(|flags| flags & 3 != host::file::O_RDONLY);
        for &(offset, len, held) in parts {
            let held = held.map(|exclusive| exclusive && writes());
            host::file::lock_range(self.fd(), offset, len, held, wait)?;
        }
        Ok(())
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
        let _ = host::file::lock_range(file.fd(), range.offset, range.len, None, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_lock_over_an_exclusive_one_leaves_it() {
        let lock = |offset, len, exclusive| Range { offset, len, exclusive };
        let exclusive = lock(10, 10, true);
        assert_eq!(parts(&exclusive, &[]), [(10, 10, None)]);
        let shared = lock(5, 10, false);
        assert_eq!(parts(&shared, &[exclusive, shared]), [(5, 5, Some(false)), (10, 5, Some(true))]);
        assert_eq!(parts(&exclusive, &[shared]), [(10, 5, Some(false)), (15, 5, None)]);
        let all = lock(u64::MAX - 1, 8, true);
        assert_eq!(parts(&all, &[all]), [(u64::MAX - 1, 1, Some(true))]);
    }
}
