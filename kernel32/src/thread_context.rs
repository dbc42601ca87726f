//! processthreadsapi.h: suspending threads, and their contexts.

use abi::{HANDLE, Ptr, Win32Error, export};
use ntdll::context::Context;
use ntdll::exception::suspend;

/// Suspends a thread; returns how often it was suspended before, or -1.
/// <https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-suspendthread>
#[export(kernel32 + kernelbase, full)]
pub fn SuspendThread(thread: HANDLE) -> u32 {
    count(suspend::suspend(thread))
}

/// Takes one suspension back; returns how often it was suspended before, or -1.
/// <https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-resumethread>
#[export(kernel32 + kernelbase, full)]
pub fn ResumeThread(thread: HANDLE) -> u32 {
    count(suspend::resume(thread))
}

fn count(result: Result<u32, abi::NTSTATUS>) -> u32 {
    result.unwrap_or_else(|status| {
        abi::teb::set_last_error(status.to_win32());
        u32::MAX
    })
}

/// Reads a thread's registers.
/// <https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getthreadcontext>
#[export(kernel32 + kernelbase, full)]
pub fn GetThreadContext(thread: HANDLE, context: Ptr<Context>) -> Result<(), Win32Error> {
    Ok(suspend::get_context(thread, context)?)
}

/// Sets a thread's registers.
/// <https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-setthreadcontext>
#[export(kernel32 + kernelbase, full)]
pub fn SetThreadContext(thread: HANDLE, context: Ptr<Context>) -> Result<(), Win32Error> {
    Ok(suspend::set_context(thread, context)?)
}
