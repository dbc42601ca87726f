//! winmm.dll: the multimedia timer's clock.

use abi::{Ptr, export};

/// Milliseconds since boot.
#[export(winmm, full)]
pub fn timeGetTime() -> u32 {
    ntdll::time::tick_count() as u32
}

/// Asks for a timer resolution in milliseconds: waits are always precise. 0 is TIMERR_NOERROR.
#[export(winmm, full)]
pub fn timeBeginPeriod(_ms: u32) -> u32 {
    0
}

/// Takes that back.
#[export(winmm, full)]
pub fn timeEndPeriod(_ms: u32) -> u32 {
    0
}

/// The range of resolutions: 1 to 1,000,000 ms.
#[export(winmm, full)]
pub fn timeGetDevCaps(caps: Ptr<[u32; 2]>, _size: u32) -> u32 {
    caps.set([1, 1_000_000]);
    0
}
