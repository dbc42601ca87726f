//! Rtl and Nt functions that are about nothing in particular: status codes, versions, time, the process.

mod activation;
mod path;
mod process;
mod string;

pub use activation::*;
pub use path::*;
pub use process::*;
pub use string::*;

use abi::{NTSTATUS, Ptr, export, teb};

/// The Win32 error for a status; also sets the thread's last status, as documented.
#[export(ntdll, full)]
pub fn RtlNtStatusToDosError(status: u32) -> u32 {
    teb::set_last_status(NTSTATUS(status));
    NTSTATUS(status).to_win32().0
}

/// The Win32 error for a status.
#[export(ntdll, full)]
pub fn RtlNtStatusToDosErrorNoTeb(status: u32) -> u32 {
    NTSTATUS(status).to_win32().0
}

/// The thread's last status.
#[export(ntdll, full)]
pub fn RtlGetLastNtStatus() -> u32 {
    teb::get_u32::<{ teb::LAST_STATUS }>()
}

/// The thread's last error.
#[export(ntdll, full)]
pub fn RtlGetLastWin32Error() -> u32 {
    teb::last_error().0
}

/// Sets the thread's last error.
#[export(ntdll, full)]
pub fn RtlSetLastWin32Error(error: u32) {
    teb::set_last_error(abi::Win32Error(error));
}

/// The version of Windows: RTL_OSVERSIONINFOW or, by its size, RTL_OSVERSIONINFOEXW.
#[export(ntdll, full)]
pub fn RtlGetVersion(info: Ptr<u32>) -> Result<(), NTSTATUS> {
    let size = info.read()?;
    for (index, value) in [10, 0, crate::process::BUILD, 2].into_iter().enumerate() {
        info.add(index + 1).write(value)?;
    }
    // The service pack's text is empty.
    info.byte_add(20).cast::<u16>().write(0)?;
    if size >= 284 {
        for at in (276..284).step_by(2) {
            info.byte_add(at).cast::<u16>().write(0)?;
        }
        info.byte_add(280).cast::<u16>().write(0x100)?; // VER_SUITE_SINGLEUSERTS
        info.byte_add(282).cast::<u8>().write(1)?; // VER_NT_WORKSTATION
    }
    Ok(())
}

/// Major, minor and build number; the upper bits of the build say that it is a free build.
#[export(ntdll, full)]
pub fn RtlGetNtVersionNumbers(major: Ptr<u32>, minor: Ptr<u32>, build: Ptr<u32>) -> Result<(), NTSTATUS> {
    major.write_opt(10)?;
    minor.write_opt(0)?;
    Ok(build.write_opt(0xf000_0000 | crate::process::BUILD)?)
}

/// Now, in UTC.
#[export(ntdll, full)]
pub fn NtQuerySystemTime(to: Ptr<i64>) -> Result<(), NTSTATUS> {
    Ok(to.write(crate::time::system_time())?)
}

/// Now, in UTC.
#[export(ntdll, full)]
pub fn RtlGetSystemTimePrecise() -> i64 {
    crate::time::system_time()
}

/// The performance counter and its frequency.
#[export(ntdll, full)]
pub fn NtQueryPerformanceCounter(counter: Ptr<i64>, frequency: Ptr<i64>) -> Result<(), NTSTATUS> {
    counter.write(crate::time::performance_counter())?;
    Ok(frequency.write_opt(crate::time::QPC_FREQUENCY)?)
}

/// The performance counter.
#[export(ntdll, full)]
pub fn RtlQueryPerformanceCounter(to: Ptr<i64>) -> bool {
    to.set(crate::time::performance_counter());
    true
}

/// Its frequency.
#[export(ntdll, full)]
pub fn RtlQueryPerformanceFrequency(to: Ptr<i64>) -> bool {
    to.set(crate::time::QPC_FREQUENCY);
    true
}

/// Lets another thread run.
#[export(ntdll, full)]
pub fn NtYieldExecution() -> Result<(), NTSTATUS> {
    host::thread::yield_now();
    Ok(())
}

/// Asks for a resolution of the clock: it always has the finest.
#[export(ntdll, full)]
pub fn NtSetTimerResolution(_wanted: u32, _set: bool, actual: Ptr<u32>) -> Result<(), NTSTATUS> {
    Ok(actual.write(5000)?)
}

/// The resolution of the clock: coarsest, finest, current.
#[export(ntdll, full)]
pub fn NtQueryTimerResolution(coarsest: Ptr<u32>, finest: Ptr<u32>, current: Ptr<u32>) -> Result<(), NTSTATUS> {
    coarsest.write(156_250)?;
    finest.write(5000)?;
    Ok(current.write(5000)?)
}
