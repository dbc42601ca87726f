//! Unsafe edge (naked entries): errhandlingapi.h, exceptions and their filters.

#![allow(unsafe_code)]

use abi::{GuestFn, Ptr, export, export_asm};
use ntdll::context_entry;
use ntdll::exception::{self, ExceptionPointers, vectored};

context_entry!(raise_exception => exception::raise_exception);
export_asm!(raise_exception => kernel32 + kernelbase, full, name = "RaiseException");

context_entry!(raise_fail_fast_exception => exception::fail_fast);
export_asm!(raise_fail_fast_exception => kernel32 + kernelbase, full, name = "RaiseFailFastException");

/// Sets the filter that is asked when no handler takes an exception; returns the one before.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-setunhandledexceptionfilter>
#[export(kernel32 + kernelbase, full)]
pub fn SetUnhandledExceptionFilter(filter: GuestFn) -> GuestFn {
    exception::set_unhandled_filter(filter)
}

/// What happens to an exception that no handler took: the program's filter decides, else the process ends.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-unhandledexceptionfilter>
#[export(kernel32 + kernelbase, full, calls_guest)]
pub fn UnhandledExceptionFilter(pointers: Ptr<ExceptionPointers>) -> i32 {
    let pointers = pointers.get();
    match exception::unhandled_filter(&pointers) {
        exception::EXCEPTION_CONTINUE_SEARCH => exception::report::fatal(pointers.record, pointers.context),
        answer => answer,
    }
}

/// Registers a vectored exception handler, as the first or the last.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-addvectoredexceptionhandler>
#[export(kernel32 + kernelbase, full)]
pub fn AddVectoredExceptionHandler(first: u32, handler: GuestFn) -> u64 {
    vectored::RtlAddVectoredExceptionHandler(first, handler)
}

/// Removes a vectored exception handler.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-removevectoredexceptionhandler>
#[export(kernel32 + kernelbase, full)]
pub fn RemoveVectoredExceptionHandler(handle: u64) -> u32 {
    vectored::RtlRemoveVectoredExceptionHandler(handle)
}

/// Registers a vectored continue handler.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-addvectoredcontinuehandler>
#[export(kernel32 + kernelbase, full)]
pub fn AddVectoredContinueHandler(first: u32, handler: GuestFn) -> u64 {
    vectored::RtlAddVectoredContinueHandler(first, handler)
}

/// Removes a vectored continue handler.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-removevectoredcontinuehandler>
#[export(kernel32 + kernelbase, full)]
pub fn RemoveVectoredContinueHandler(handle: u64) -> u32 {
    vectored::RtlRemoveVectoredContinueHandler(handle)
}
