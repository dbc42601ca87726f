//! Who other processes seem to be: each that seems to be somebody else says so in the name of a memory file that it holds under a
//! number of its own, which the host shows in /proc/PID/fd.

use super::Identity;
use crate::vfs::{OURS, OURS_COUNT, Vfs, ours};
use host::{Result, linux};
use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The descriptor; the last one of the window is the program ([`crate::proc::EXE`]).
const SIGN: RawFd = OURS + OURS_COUNT - 2;
const NAME: &str = "uosrun-identity:";

/// Whether this process has told: all of one run have, or none.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Whether the processes of this run seem to be somebody else.
pub fn is_told() -> bool {
    TOLD.load(Ordering::Relaxed)
}

/// Tells others who this process seems to be. A fork and a new program keep it.
pub fn tell(identity: &Identity) {
    let [_, user, _, group] = identity.auxiliary();
    TOLD.store(true, Ordering::Relaxed);
    // Without it, others see the host's user.
    let _ = CString::new(format!("{NAME}{user}:{group}")).map_err(drop).and_then(|name| {
        let file = linux::memfd(&name).map_err(drop)?;
        linux::copy_to(file.as_raw_fd(), SIGN).map_err(drop)?;
        ours::take(SIGN);
        Ok(())
    });
}

/// The user and group that a process seems to have, if it is such a one.
pub fn of(vfs: &Vfs, pid: u32) -> Result<Option<[u32; 2]>> {
    let link = CString::new(format!("{pid}/fd/{SIGN}")).unwrap_or_default();
    let mut buffer = [0u8; 64];
    let text = linux::readlinkat(vfs.proc()?.fd.as_raw_fd(), &link, &mut buffer)?;
    Ok(parse(text))
}

fn parse(link: &[u8]) -> Option<[u32; 2]> {
    let ids = std::str::from_utf8(link).ok()?.strip_prefix("/memfd:")?.strip_prefix(NAME)?;
    let (user, group) = ids.strip_suffix(" (deleted)")?.split_once(':')?;
    Some([user.parse().ok()?, group.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs() {
        assert_eq!(parse(b"/memfd:uosrun-identity:33:0 (deleted)"), Some([33, 0]));
        assert_eq!(parse(b"/memfd:other (deleted)"), None);
    }
}
