//! time.h: timers. Clocks are the host's.

use crate::args::Addr;
use crate::call::Call;
use host::{Errno, Result};

/// timer_create(2)
pub fn timer_create(call: &mut Call, _clock: i32, _event: Addr, timer: Addr) -> Result<usize> {
    let mut timers = call.process.timers.lock();
    let done = call.pass(call.args)?;
    timers.push(timer.read()?);
    Ok(done)
}

/// timer_delete(2)
pub fn timer_delete(call: &mut Call, timer: i32) -> Result<usize> {
    let mut timers = call.process.timers.lock();
    let at = timers.iter().position(|&known| known == timer).ok_or(Errno::EINVAL)?;
    let done = call.pass(call.args)?;
    timers.swap_remove(at);
    Ok(done)
}
