//! Activation contexts, of which there are none: manifests redirect nothing here.

use abi::{HANDLE, NTSTATUS, Ptr, export};

/// The calling thread's activation context: none.
#[export(ntdll, full)]
pub fn RtlGetActiveActivationContext(context: Ptr<HANDLE>) -> Result<(), NTSTATUS> {
    Ok(context.write(HANDLE::default())?)
}

/// Gives an activation context back.
#[export(ntdll, full)]
pub fn RtlReleaseActivationContext(_context: HANDLE) {}

/// Makes a context a thread's own.
#[export(ntdll, partial("only the null context, which redirects nothing, exists"))]
pub fn RtlActivateActivationContextEx(_flags: u32, _teb: usize, context: HANDLE, cookie: Ptr<usize>) -> Result<(), NTSTATUS> {
    if !context.is_null() {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    Ok(cookie.write(0)?)
}
