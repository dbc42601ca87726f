//! Facts and settings of processes and threads that Linux has no counterpart for, or that are the same for all.

use abi::{BOOL, HANDLE, Ptr, Win32Error, export};
use ntdll::{memory, thread};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The terminal session of a process.
#[export(kernel32, partial("session 1 for every process, whether it exists or not"))]
pub fn ProcessIdToSessionId(_id: u32, session: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(session.write(1)?)
}

/// The working set's limits, in bytes: those that a Windows process starts with, until they are set.
static WORKING_SET: [AtomicUsize; 2] = [AtomicUsize::new(50 * 4096), AtomicUsize::new(345 * 4096)];
/// QUOTA_LIMITS_HARDWS_MIN_DISABLE and QUOTA_LIMITS_HARDWS_MAX_DISABLE.
const SOFT_LIMITS: u32 = 2 | 8;

/// The limits of the working set.
#[export(kernel32, partial("own process only; the limits restrict nothing"))]
pub fn GetProcessWorkingSetSizeEx(process: HANDLE, least: Ptr<usize>, most: Ptr<usize>, flags: Ptr<u32>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    least.write(WORKING_SET[0].load(Ordering::Relaxed))?;
    most.write(WORKING_SET[1].load(Ordering::Relaxed))?;
    Ok(flags.write_opt(SOFT_LIMITS)?)
}

/// The limits of the working set.
#[export(kernel32, partial("own process only; the limits restrict nothing"))]
pub fn GetProcessWorkingSetSize(process: HANDLE, least: Ptr<usize>, most: Ptr<usize>) -> Result<(), Win32Error> {
    GetProcessWorkingSetSizeEx(process, least, most, Ptr::NULL)
}

/// Sets the limits of the working set; -1 twice asks for it to be emptied.
#[export(kernel32, partial("own process only; the limits restrict nothing"))]
pub fn SetProcessWorkingSetSizeEx(process: HANDLE, least: usize, most: usize, _flags: u32) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    if (least, most) == (usize::MAX, usize::MAX) {
        return Ok(());
    }
    if least > most || least == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    WORKING_SET[0].store(least, Ordering::Relaxed);
    WORKING_SET[1].store(most, Ordering::Relaxed);
    Ok(())
}

/// Sets the limits of the working set; -1 twice asks for it to be emptied.
#[export(kernel32, partial("own process only; the limits restrict nothing"))]
pub fn SetProcessWorkingSetSize(process: HANDLE, least: usize, most: usize) -> Result<(), Win32Error> {
    SetProcessWorkingSetSizeEx(process, least, most, 0)
}

/// Whether the system may not go on without a process: it may.
#[export(kernel32, partial("own process only"))]
pub fn IsProcessCritical(process: HANDLE, critical: Ptr<i32>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    Ok(critical.write(0)?)
}

/// When in the order of a shutdown the process is told, and its flags.
static SHUTDOWN: [AtomicU32; 2] = [AtomicU32::new(0x280), AtomicU32::new(0)];

/// When in the order of a shutdown the process is told.
#[export(kernel32, full)]
pub fn GetProcessShutdownParameters(level: Ptr<u32>, flags: Ptr<u32>) -> Result<(), Win32Error> {
    level.write(SHUTDOWN[0].load(Ordering::Relaxed))?;
    Ok(flags.write(SHUTDOWN[1].load(Ordering::Relaxed))?)
}

/// Sets that.
#[export(kernel32, stub("remembers it; the process is not told of a shutdown"))]
pub fn SetProcessShutdownParameters(level: u32, flags: u32) -> Result<(), Win32Error> {
    // 0x000 to 0x0ff and 0x400 to 0x4ff are the system's own.
    if !(0x100..0x400).contains(&level) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    SHUTDOWN[0].store(level, Ordering::Relaxed);
    SHUTDOWN[1].store(flags, Ordering::Relaxed);
    Ok(())
}

/// The processor that a thread prefers: none is, so the first.
#[export(kernel32, full)]
pub fn GetThreadIdealProcessorEx(handle: HANDLE, processor: Ptr<u32>) -> Result<(), Win32Error> {
    thread::from_handle(handle, 0)?;
    Ok(processor.write(0)?)
}

/// The processors that a thread may use, in the only group.
#[export(kernel32, partial("the calling thread's"))]
pub fn GetThreadGroupAffinity(handle: HANDLE, to: Ptr<[u64; 2]>) -> Result<(), Win32Error> {
    thread::from_handle(handle, 0)?;
    Ok(to.write([host::thread::affinity(), 0])?)
}

/// Idle, kernel (idle included) and user time of all processors.
/// <https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getsystemtimes>
#[export(kernel32, full)]
pub fn GetSystemTimes(idle: Ptr<u64>, kernel: Ptr<u64>, user: Ptr<u64>) -> Result<(), Win32Error> {
    let times = host::time::system_cpu_ns();
    idle.write_opt(times.idle / 100)?;
    kernel.write_opt((times.kernel + times.idle) / 100)?;
    Ok(user.write_opt(times.user / 100)?)
}

/// The full name of the package that the program came in: it is no packaged program.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrentPackageFullName(_size: Ptr<u32>, _name: Ptr<u16>) -> Win32Error {
    APPMODEL_ERROR_NO_PACKAGE
}

/// The family name of the package that the program came in: it is no packaged program.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrentPackageFamilyName(_size: Ptr<u32>, _name: Ptr<u16>) -> Win32Error {
    APPMODEL_ERROR_NO_PACKAGE
}

/// The identity of the package that the program came in: it is no packaged program.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrentPackageId(_size: Ptr<u32>, _id: Ptr<u8>) -> Win32Error {
    APPMODEL_ERROR_NO_PACKAGE
}
const APPMODEL_ERROR_NO_PACKAGE: Win32Error = Win32Error(15700);

/// Data execution prevention of a 32-bit process: of a 64-bit one it cannot be asked.
#[export(kernel32, full)]
pub fn GetProcessDEPPolicy(_process: HANDLE, _flags: Ptr<u32>, _permanent: Ptr<i32>) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// Sets that: a 64-bit process cannot.
#[export(kernel32, full)]
pub fn SetProcessDEPPolicy(_flags: u32) -> Result<(), Win32Error> {
    Err(Win32Error::NOT_SUPPORTED)
}

/// For which processes data execution prevention is on: OptIn, as Windows for clients has it.
#[export(kernel32, full)]
pub fn GetSystemDEPPolicy() -> u32 {
    2
}

/// The session at the machine's own screen and keyboard.
#[export(kernel32, full)]
pub fn WTSGetActiveConsoleSessionId() -> u32 {
    1
}

/// The error mode of the calling thread, which is the process's.
#[export(kernel32, full)]
pub fn GetThreadErrorMode() -> u32 {
    ntdll::process::ERROR_MODE.load(Ordering::Relaxed)
}

/// Sets the last error, not telling a debugger.
#[export(kernel32, full)]
pub fn RestoreLastError(error: u32) {
    abi::teb::set_last_error(Win32Error(error));
}

/// Whether the system runs from a virtual disk: no.
#[export(kernel32, full)]
pub fn IsNativeVhdBoot(native: Ptr<i32>) -> Result<(), Win32Error> {
    Ok(native.write(0)?)
}

/// Whether the thread keeps the machine awake; returns what was set before.
/// <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setthreadexecutionstate>
#[export(kernel32, stub("remembers it for the process; the machine may sleep"))]
pub fn SetThreadExecutionState(flags: u32) -> u32 {
    const CONTINUOUS: u32 = 0x8000_0000;
    static STATE: AtomicU32 = AtomicU32::new(CONTINUOUS);
    if flags & !(CONTINUOUS | 0x47) != 0 {
        return 0;
    }
    match flags & CONTINUOUS {
        0 => STATE.load(Ordering::Relaxed),
        _ => STATE.swap(flags, Ordering::Relaxed),
    }
}

/// Has the program started again after a crash.
#[export(kernel32, stub("says it was done; nobody starts it again"))]
pub fn RegisterApplicationRestart(_line: Ptr<u16>, _flags: u32) -> u32 {
    0
}

/// Takes that back.
#[export(kernel32, full)]
pub fn UnregisterApplicationRestart() -> u32 {
    0
}

/// Whether a thread's priority is raised for a while when a wait ends: Linux decides for itself.
#[export(kernel32, partial("always says that it is not switched off"))]
pub fn GetThreadPriorityBoost(handle: HANDLE, disabled: Ptr<i32>) -> Result<(), Win32Error> {
    thread::from_handle(handle, 0)?;
    Ok(disabled.write(0)?)
}

/// The same of a process.
#[export(kernel32, partial("own process only; always says that it is not switched off"))]
pub fn GetProcessPriorityBoost(process: HANDLE, disabled: Ptr<i32>) -> Result<(), Win32Error> {
    memory::own_process(process)?;
    Ok(disabled.write(0)?)
}

/// Memory priority, power throttling and the like of a thread.
#[export(kernel32, stub("says it was done"))]
pub fn SetThreadInformation(handle: HANDLE, _class: u32, _info: Ptr<u8>, _size: u32) -> Result<(), Win32Error> {
    thread::from_handle(handle, 0)?;
    Ok(())
}

/// Memory priority, power throttling and the like of a process.
#[export(kernel32, stub("says it was done"))]
pub fn SetProcessInformation(process: HANDLE, _class: u32, _info: Ptr<u8>, _size: u32) -> BOOL {
    BOOL(memory::own_process(process).is_ok())
}
