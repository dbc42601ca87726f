//! Asynchronous reads and writes of the kernel's (io_setup(2)). They name descriptors and the guest's memory only.

use crate::args::Addr;
use crate::call::Call;
use host::Result;

/// io_setup(2)
pub fn io_setup(call: &mut Call, _events: u32, context: Addr) -> Result<usize> {
    let mut contexts = call.process.contexts.lock();
    call.pass(call.args)?;
    contexts.push(context.read()?);
    Ok(0)
}

/// io_destroy(2)
pub fn io_destroy(call: &mut Call, context: usize) -> Result<usize> {
    let mut contexts = call.process.contexts.lock();
    call.pass(call.args)?;
    contexts.retain(|other| *other != context);
    Ok(0)
}
