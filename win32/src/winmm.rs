//! winmm.dll: the multimedia timer's clock and resolution (timeapi.h).

use abi::{Ptr, export};
use windows_sys::Win32::Media::{TIMERR_NOCANDO, TIMERR_NOERROR};

/// The finest and the coarsest period, in milliseconds. Waits of the host are at least that fine always.
const FINEST: u32 = 1;
const COARSEST: u32 = 1_000_000;

fn check(period: u32) -> u32 {
    if (FINEST..=COARSEST).contains(&period) { TIMERR_NOERROR } else { TIMERR_NOCANDO }
}

/// Asks for a timer resolution: the host's is always as fine.
/// <https://learn.microsoft.com/windows/win32/api/timeapi/nf-timeapi-timebeginperiod>
#[export(winmm, full)]
fn timeBeginPeriod(period: u32) -> u32 {
    check(period)
}

/// Takes a request for a timer resolution back.
/// <https://learn.microsoft.com/windows/win32/api/timeapi/nf-timeapi-timeendperiod>
#[export(winmm, full)]
fn timeEndPeriod(period: u32) -> u32 {
    check(period)
}

/// Milliseconds since the system started.
/// <https://learn.microsoft.com/windows/win32/api/timeapi/nf-timeapi-timegettime>
#[export(winmm, full)]
fn timeGetTime() -> u32 {
    (host::time::monotonic_ns() / 1_000_000) as u32
}

/// The finest and the coarsest period.
/// <https://learn.microsoft.com/windows/win32/api/timeapi/nf-timeapi-timegetdevcaps>
#[export(winmm, full)]
fn timeGetDevCaps(caps: Ptr<[u32; 2]>, size: u32) -> u32 {
    if caps.is_null() || size < 8 {
        return TIMERR_NOCANDO;
    }
    caps.set([FINEST, COARSEST]);
    TIMERR_NOERROR
}
