//! processthreadsapi.h: processes and threads. TLS and FLS slots are in `fibersapi`.

pub mod info;

use abi::{BOOL, GuestFn, HANDLE, PCWSTR, PWSTR, Ptr, Win32Error, export};
use ntdll::access::{PROCESS_ALL_ACCESS, THREAD_ALL_ACCESS};
use ntdll::child::ChildProcess;
use ntdll::thread::{self, Apc};
use ntdll::{object, process};
use std::sync::atomic::Ordering;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::{STARTUPINFOA, STARTUPINFOW};

const CREATE_SUSPENDED: u32 = 4;

/// The calling thread's id.
#[export(kernel32, full)]
pub fn GetCurrentThreadId() -> u32 {
    abi::teb::get_u32::<{ abi::teb::CLIENT_ID + 8 }>()
}

/// The process's id.
#[export(kernel32, full)]
pub fn GetCurrentProcessId() -> u32 {
    abi::teb::get_u32::<{ abi::teb::CLIENT_ID }>()
}

/// The pseudo handle of the process.
#[export(kernel32, full)]
pub fn GetCurrentProcess() -> HANDLE {
    HANDLE::CURRENT_PROCESS
}

/// The pseudo handle of the calling thread.
#[export(kernel32, full)]
pub fn GetCurrentThread() -> HANDLE {
    HANDLE::CURRENT_THREAD
}

/// Creates a thread.
#[export(kernel32, full)]
pub fn CreateThread(
    attributes: Ptr<windows_sys::Win32::Security::SECURITY_ATTRIBUTES>,
    stack: usize,
    start: GuestFn,
    parameter: u64,
    flags: u32,
    id: Ptr<u32>,
) -> Result<HANDLE, Win32Error> {
    // Without STACK_SIZE_PARAM_IS_A_RESERVATION the size is what to commit: the reservation is at least the default.
    const RESERVATION: u32 = 0x1_0000;
    let stack = if flags & RESERVATION != 0 || stack == 0 { stack } else { stack.max(process::default_stack()) };
    let thread = thread::create(start, parameter, stack, flags & CREATE_SUSPENDED != 0)?;
    id.write_opt(thread.id())?;
    Ok(object::insert_inheritable(thread, THREAD_ALL_ACCESS, crate::synchapi::inherits(attributes)?))
}

/// Creates a thread in a process.
#[export(kernel32, partial("own process only"))]
pub fn CreateRemoteThread(
    target: HANDLE,
    attributes: Ptr<windows_sys::Win32::Security::SECURITY_ATTRIBUTES>,
    stack: usize,
    start: GuestFn,
    parameter: u64,
    flags: u32,
    id: Ptr<u32>,
) -> Result<HANDLE, Win32Error> {
    ntdll::memory::own_process(target)?;
    CreateThread(attributes, stack, start, parameter, flags, id)
}

/// Ends the calling thread.
#[export(kernel32, full, calls_guest)]
pub fn ExitThread(code: u32) {
    thread::exit(code);
}

/// Ends a thread. Only the calling thread can be ended this way so far.
#[export(kernel32, partial("the calling thread only"))]
pub fn TerminateThread(handle: HANDLE, code: u32) -> Result<(), Win32Error> {
    let target = thread::from_handle(handle, 0)?;
    if target.id() == thread::current().id() {
        drop(target);
        thread::terminate_current(code);
    }
    Err(Win32Error::NOT_SUPPORTED)
}

/// A thread's exit code, or STILL_ACTIVE.
#[export(kernel32, full)]
pub fn GetExitCodeThread(handle: HANDLE, code: Ptr<u32>) -> Result<(), Win32Error> {
    if let Ok(other) = object::get::<ntdll::child::ChildThread>(handle, 0) {
        return Ok(code.write(other.process.exit_code())?);
    }
    Ok(code.write(thread::from_handle(handle, 0)?.exit_code())?)
}

/// A thread's id.
#[export(kernel32, full)]
pub fn GetThreadId(handle: HANDLE) -> Result<u32, Win32Error> {
    if let Ok(other) = object::get::<ntdll::child::ChildThread>(handle, 0) {
        return Ok(other.process.pid);
    }
    Ok(thread::from_handle(handle, 0)?.id())
}

/// The id of a thread's process.
#[export(kernel32, full)]
pub fn GetProcessIdOfThread(handle: HANDLE) -> Result<u32, Win32Error> {
    if let Ok(other) = object::get::<ntdll::child::ChildThread>(handle, 0) {
        return Ok(other.process.pid);
    }
    thread::from_handle(handle, 0)?;
    Ok(host::process::id())
}

/// Opens a thread of this process.
#[export(kernel32, partial("threads of this process, and the first ones of its children"))]
pub fn OpenThread(access: u32, inherit: BOOL, id: u32) -> Result<HANDLE, Win32Error> {
    if let Some(other) = ntdll::child::first_threads().into_iter().find(|t| t.process.pid == id) {
        return Ok(object::insert_inheritable(other, ntdll::access::map_generic(access, "Thread"), inherit.0));
    }
    let thread = thread::by_id(id).ok_or(Win32Error::INVALID_PARAMETER)?;
    Ok(object::insert_inheritable(thread, ntdll::access::map_generic(access, "Thread"), inherit.0))
}

/// Queues an APC.
#[export(kernel32, full)]
pub fn QueueUserAPC(function: GuestFn, handle: HANDLE, argument: u64) -> Result<u32, Win32Error> {
    let target = thread::from_handle(handle, 0)?;
    if target.has_ended() {
        return Err(Win32Error::GEN_FAILURE);
    }
    target.queue_apc(Apc { function, arguments: [argument, 0, 0] });
    Ok(1)
}

/// Lets another thread run. False: there was none (which is not known here).
#[export(kernel32, full)]
pub fn SwitchToThread() -> BOOL {
    host::thread::yield_now();
    BOOL(true)
}

/// Sets a thread's priority.
#[export(kernel32, partial("is remembered; the host's scheduler is not told"))]
pub fn SetThreadPriority(handle: HANDLE, priority: i32) -> Result<(), Win32Error> {
    if !matches!(priority, -15 | -7..=6 | 15 | 0x10000 | 0x20000) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    thread::from_handle(handle, 0)?.priority.store(priority as u32, Ordering::Relaxed);
    Ok(())
}

/// A thread's priority, as set.
#[export(kernel32, full)]
pub fn GetThreadPriority(handle: HANDLE) -> i32 {
    thread::from_handle(handle, 0).map_or(0x7fff_ffff, |t| t.priority.load(Ordering::Relaxed) as i32)
}

/// Turns priority boosts on or off.
#[export(kernel32, stub("accepts and ignores"))]
pub fn SetThreadPriorityBoost(_handle: HANDLE, _disable: BOOL) -> BOOL {
    BOOL(true)
}

/// Turns priority boosts on or off.
#[export(kernel32, stub("accepts and ignores"))]
pub fn SetProcessPriorityBoost(_handle: HANDLE, _disable: BOOL) -> BOOL {
    BOOL(true)
}

/// The priority class of a process.
#[export(kernel32, stub("always normal"))]
pub fn GetPriorityClass(_process: HANDLE) -> u32 {
    0x20
}

/// Sets the priority class of a process.
#[export(kernel32, stub("accepts and ignores"))]
pub fn SetPriorityClass(_process: HANDLE, _class: u32) -> BOOL {
    BOOL(true)
}

/// Gives a thread a name, for debuggers.
#[export(kernel32 + kernelbase, full)]
pub fn SetThreadDescription(handle: HANDLE, text: PCWSTR) -> u32 {
    match (thread::from_handle(handle, 0), text.read_wide()) {
        (Ok(thread), Ok(text)) => {
            thread.set_description(text);
            0x1000_0000 // S_OK with a facility of NT, as Windows returns it
        }
        (Err(status), _) => 0xd000_0000 | status.0,
        _ => 0x8007_03e6,
    }
}

/// The name of a thread; to be freed with LocalFree.
#[export(kernel32 + kernelbase, full)]
pub fn GetThreadDescription(handle: HANDLE, to: Ptr<PWSTR>) -> u32 {
    let Ok(thread) = thread::from_handle(handle, 0) else { return 0xd000_0008 };
    let text = thread.description();
    let block: PWSTR = ntdll::heap::allocate(ntdll::heap::process_heap(), 8, text.len() * 2 + 2).cast();
    let _ = block.write_slice(&text);
    match to.write(block) {
        Ok(()) => 0x1000_0000,
        Err(_) => 0x8007_03e6,
    }
}

/// The limits of the calling thread's stack.
#[export(kernel32 + kernelbase, full)]
pub fn GetCurrentThreadStackLimits(low: Ptr<u64>, high: Ptr<u64>) {
    low.set(abi::teb::get_u64::<{ abi::teb::DEALLOCATION_STACK }>());
    high.set(abi::teb::get_u64::<{ abi::teb::STACK_BASE }>());
}

/// Bytes of stack that stay usable after an overflow. There is room for 24 KiB.
#[export(kernel32 + kernelbase, partial("at most 24 KiB"))]
pub fn SetThreadStackGuarantee(size: Ptr<u32>) -> Result<(), Win32Error> {
    let wanted = size.read()?;
    let old = abi::teb::get_u32::<{ abi::teb::GUARANTEED_STACK_BYTES }>();
    if wanted != 0 {
        abi::teb::set_u32::<{ abi::teb::GUARANTEED_STACK_BYTES }>(wanted);
    }
    Ok(size.write(old)?)
}

/// Ends the process.
#[export(kernel32, full, calls_guest)]
pub fn ExitProcess(code: u32) {
    process::exit(code);
}

/// Ends a process at once.
#[export(kernel32, partial("this process and its children"))]
pub fn TerminateProcess(handle: HANDLE, code: u32) -> Result<(), Win32Error> {
    if let Ok(child) = object::get::<ChildProcess>(handle, 0) {
        return Ok(child.terminate(code)?);
    }
    ntdll::memory::own_process(handle)?;
    process::terminate(code);
}

/// A process's exit code, or STILL_ACTIVE.
#[export(kernel32, partial("this process and its children"))]
pub fn GetExitCodeProcess(handle: HANDLE, code: Ptr<u32>) -> Result<(), Win32Error> {
    if let Ok(child) = object::get::<ChildProcess>(handle, 0) {
        return Ok(code.write(child.exit_code())?);
    }
    ntdll::memory::own_process(handle)?;
    Ok(code.write(259)?)
}

/// A process's id.
#[export(kernel32, partial("this process and its children"))]
pub fn GetProcessId(handle: HANDLE) -> Result<u32, Win32Error> {
    if let Ok(child) = object::get::<ChildProcess>(handle, 0) {
        return Ok(child.pid);
    }
    ntdll::memory::own_process(handle).map_err(|_| Win32Error::INVALID_HANDLE)?;
    Ok(host::process::id())
}

/// Opens a process.
#[export(
    kernel32,
    partial("of processes that are not children the exit code stays unknown; memory and threads of others are out of reach")
)]
pub fn OpenProcess(access: u32, inherit: BOOL, id: u32) -> Result<HANDLE, Win32Error> {
    if id != host::process::id() {
        let process = ntdll::child::open(id).map_err(|_| Win32Error::INVALID_PARAMETER)?;
        return Ok(object::insert_inheritable(process, ntdll::access::map_generic(access, "Process"), inherit.0));
    }
    let access = if access == 0 { PROCESS_ALL_ACCESS } else { ntdll::access::map_generic(access, "Process") };
    Ok(object::insert_inheritable(process::current(), access, inherit.0))
}

fn filetime(value: u64) -> FILETIME {
    FILETIME { dwLowDateTime: value as u32, dwHighDateTime: (value >> 32) as u32 }
}

/// Creation, exit, kernel and user time of a process.
#[export(kernel32, partial("this process and its children; CPU times of a child when it has ended, of all ended children together"))]
pub fn GetProcessTimes(
    handle: HANDLE,
    creation: Ptr<FILETIME>,
    exit: Ptr<FILETIME>,
    kernel: Ptr<FILETIME>,
    user: Ptr<FILETIME>,
) -> Result<(), Win32Error> {
    if let Ok(child) = object::get::<ChildProcess>(handle, 0) {
        let (user_ns, kernel_ns) = child.cpu_ns();
        creation.write(filetime(child.created as u64))?;
        exit.write(filetime(child.ended() as u64))?;
        kernel.write(filetime(kernel_ns / 100))?;
        return Ok(user.write(filetime(user_ns / 100))?);
    }
    ntdll::memory::own_process(handle)?;
    let (user_ns, kernel_ns) = host::time::process_cpu_ns();
    let created = thread::all().iter().map(|t| t.created).min().unwrap_or(0);
    creation.write(filetime(created as u64))?;
    exit.write(filetime(0))?;
    kernel.write(filetime(kernel_ns / 100))?;
    Ok(user.write(filetime(user_ns / 100))?)
}

/// Creation, exit, kernel and user time of a thread.
#[export(kernel32, partial("CPU times of the calling thread only; 0 for others"))]
pub fn GetThreadTimes(
    handle: HANDLE,
    creation: Ptr<FILETIME>,
    exit: Ptr<FILETIME>,
    kernel: Ptr<FILETIME>,
    user: Ptr<FILETIME>,
) -> Result<(), Win32Error> {
    let thread = thread::from_handle(handle, 0)?;
    let own = thread.id() == thread::current().id();
    let (user_ns, kernel_ns) = if own { host::time::thread_cpu_ns() } else { (0, 0) };
    creation.write(filetime(thread.created as u64))?;
    exit.write(filetime(thread.ended_at.load(Ordering::Relaxed) as u64))?;
    kernel.write(filetime(kernel_ns / 100))?;
    Ok(user.write(filetime(user_ns / 100))?)
}

/// Cycles a thread has used: nanoseconds of its CPU time.
#[export(kernel32, partial("the calling thread's CPU time in nanoseconds"))]
pub fn QueryThreadCycleTime(_handle: HANDLE, cycles: Ptr<u64>) -> Result<(), Win32Error> {
    let (user, kernel) = host::time::thread_cpu_ns();
    Ok(cycles.write(user + kernel)?)
}

/// Cycles a process has used: nanoseconds of its CPU time.
#[export(kernel32, partial("the CPU time in nanoseconds"))]
pub fn QueryProcessCycleTime(_handle: HANDLE, cycles: Ptr<u64>) -> Result<(), Win32Error> {
    let (user, kernel) = host::time::process_cpu_ns();
    Ok(cycles.write(user + kernel)?)
}

/// Processors that the process may use, and all of them.
#[export(kernel32, full)]
pub fn GetProcessAffinityMask(process: HANDLE, own: Ptr<usize>, system: Ptr<usize>) -> Result<(), Win32Error> {
    let mask =
        object::get::<ChildProcess>(process, 0).map_or_else(|_| host::thread::affinity(), |child| host::thread::affinity_of(child.pid));
    own.write(mask as usize)?;
    Ok(system.write(host::thread::affinity() as usize)?)
}

/// Restricts the process to some processors.
#[export(kernel32, partial("the calling thread and those it creates"))]
pub fn SetProcessAffinityMask(process: HANDLE, mask: usize) -> Result<(), Win32Error> {
    let thread = object::get::<ChildProcess>(process, 0).map_or(0, |child| child.pid);
    host::thread::set_affinity(thread, mask as u64).map_err(|_| Win32Error::INVALID_PARAMETER)
}

/// Restricts a thread to some processors. Returns the old mask.
#[export(kernel32, full)]
pub fn SetThreadAffinityMask(handle: HANDLE, mask: usize) -> Result<usize, Win32Error> {
    let old = host::thread::affinity();
    host::thread::set_affinity(thread::from_handle(handle, 0)?.id(), mask as u64).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    Ok(old as usize)
}

/// Suggests a processor for a thread.
#[export(kernel32, stub("accepts and ignores"))]
pub fn SetThreadIdealProcessor(_handle: HANDLE, _processor: u32) -> u32 {
    0
}

/// The processor that the calling thread runs on.
#[export(kernel32, full)]
pub fn GetCurrentProcessorNumber() -> u32 {
    host::thread::current_processor()
}

/// The processor that the calling thread runs on, with its group.
#[export(kernel32, full)]
pub fn GetCurrentProcessorNumberEx(to: Ptr<[u16; 2]>) {
    to.set([0, host::thread::current_processor() as u16]);
}

/// Makes other processors see this thread's writes: a full barrier through the kernel.
#[export(kernel32, partial("orders this thread's writes only"))]
pub fn FlushProcessWriteBuffers() {
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// Makes changed code visible; x86 does that itself.
#[export(kernel32, full)]
pub fn FlushInstructionCache(_process: HANDLE, _addr: usize, _size: usize) -> BOOL {
    BOOL(true)
}

/// Whether a processor feature is there.
#[export(kernel32, full)]
pub fn IsProcessorFeaturePresent(feature: u32) -> BOOL {
    BOOL(process::has_feature(feature))
}

/// How the process was started.
#[export(kernel32, full)]
pub fn GetStartupInfoW(info: Ptr<STARTUPINFOW>) {
    let parameters = process::parameters();
    let string = |offset: usize| Ptr::<usize>::new(parameters + offset + 8).get() as *mut u16;
    let [input, output, error] = [0, 1, 2].map(|n| process::standard_handle(n).0 as *mut _);
    info.set(STARTUPINFOW {
        cb: size_of::<STARTUPINFOW>() as u32,
        lpReserved: std::ptr::null_mut(),
        lpDesktop: string(0xc0),
        lpTitle: string(0xb0),
        dwX: 0,
        dwY: 0,
        dwXSize: 0,
        dwYSize: 0,
        dwXCountChars: 0,
        dwYCountChars: 0,
        dwFillAttribute: 0,
        dwFlags: 0x100, // STARTF_USESTDHANDLES
        wShowWindow: 0,
        cbReserved2: Ptr::<u16>::new(process::parameters() + 0xe0).get(),
        lpReserved2: string(0xe0).cast(),
        hStdInput: input,
        hStdOutput: output,
        hStdError: error,
    });
}

/// How the process was started, with ANSI strings.
#[export(kernel32, partial("no title and desktop"))]
pub fn GetStartupInfoA(info: Ptr<STARTUPINFOA>) {
    let [input, output, error] = [0, 1, 2].map(|n| process::standard_handle(n).0 as *mut _);
    info.set(STARTUPINFOA {
        cb: size_of::<STARTUPINFOA>() as u32,
        lpReserved: std::ptr::null_mut(),
        lpDesktop: std::ptr::null_mut(),
        lpTitle: std::ptr::null_mut(),
        dwX: 0,
        dwY: 0,
        dwXSize: 0,
        dwYSize: 0,
        dwXCountChars: 0,
        dwYCountChars: 0,
        dwFillAttribute: 0,
        dwFlags: 0x100,
        wShowWindow: 0,
        cbReserved2: Ptr::<u16>::new(process::parameters() + 0xe0).get(),
        lpReserved2: Ptr::<usize>::new(process::parameters() + 0xe8).get() as *mut u8,
        hStdInput: input,
        hStdOutput: output,
        hStdError: error,
    });
}

/// How a packaged app ends its process: not packaged, so by ending it.
#[export(kernel32 + kernelbase, full)]
pub fn AppPolicyGetProcessTerminationMethod(_token: HANDLE, policy: Ptr<u32>) -> Win32Error {
    match policy.write(0) {
        Ok(()) => Win32Error::SUCCESS,
        Err(_) => Win32Error::INVALID_PARAMETER,
    }
}
