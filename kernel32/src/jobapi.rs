//! jobapi.h: jobs. A job is remembered with its limits; nothing is limited yet.

use abi::{BOOL, HANDLE, PCWSTR, Ptr, Win32Error, export};
use ntdll::object::{self, Object};
use std::sync::Arc;

struct Job;

impl Object for Job {
    fn type_name(&self) -> &'static str {
        "Job"
    }
}

/// Creates a job.
#[export(kernel32, stub("limits nothing and contains nobody"))]
pub fn CreateJobObjectW(_attributes: usize, _name: PCWSTR) -> HANDLE {
    object::insert(Arc::new(Job), 0x001f_001f)
}

/// Creates a job.
#[export(kernel32, stub("limits nothing and contains nobody"))]
pub fn CreateJobObjectA(_attributes: usize, _name: abi::PCSTR) -> HANDLE {
    object::insert(Arc::new(Job), 0x001f_001f)
}

/// Puts a process into a job.
#[export(kernel32, stub("limits nothing and contains nobody"))]
pub fn AssignProcessToJobObject(job: HANDLE, _process: HANDLE) -> Result<(), Win32Error> {
    Ok(object::with(job, 0, |_: &Job| ())?)
}

/// Sets a job's limits.
#[export(kernel32, stub("limits nothing and contains nobody"))]
pub fn SetInformationJobObject(job: HANDLE, _class: u32, _info: Ptr<u8>, _len: u32) -> Result<(), Win32Error> {
    Ok(object::with(job, 0, |_: &Job| ())?)
}

/// A job's limits.
#[export(kernel32, partial("fails: no limits are kept"))]
pub fn QueryInformationJobObject(_job: HANDLE, _class: u32, _info: Ptr<u8>, _len: u32, _returned: Ptr<u32>) -> Result<(), Win32Error> {
    Err(Win32Error::INVALID_PARAMETER)
}

/// Ends a job's processes.
#[export(kernel32, stub("limits nothing and contains nobody"))]
pub fn TerminateJobObject(job: HANDLE, _code: u32) -> Result<(), Win32Error> {
    Ok(object::with(job, 0, |_: &Job| ())?)
}

/// Whether a process is in a job: no.
#[export(kernel32, full)]
pub fn IsProcessInJob(_process: HANDLE, _job: HANDLE, result: Ptr<i32>) -> Result<(), Win32Error> {
    Ok(result.write(0)?)
}

/// Whether a process is 32-bit: no.
#[export(kernel32, full)]
pub fn IsWow64Process(_process: HANDLE, result: Ptr<i32>) -> Result<(), Win32Error> {
    Ok(result.write(0)?)
}

/// The machine of a process (none: it is the native one) and of the system.
#[export(kernel32, full)]
pub fn IsWow64Process2(_process: HANDLE, process_machine: Ptr<u16>, native: Ptr<u16>) -> Result<(), Win32Error> {
    process_machine.write(0)?;
    Ok(native.write_opt(0x8664)?)
}

/// Whether the calling thread is a fiber: fibers are not there yet.
#[export(kernel32, full)]
pub fn IsThreadAFiber() -> BOOL {
    BOOL(abi::teb::get_u64::<{ abi::teb::FIBER_DATA }>() != 0)
}
