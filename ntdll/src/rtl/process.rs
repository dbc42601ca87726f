//! The process and the system: ending, asking.

use crate::child::ChildProcess;
use crate::memory::own_process;
use crate::object;
use crate::thread;
use abi::{HANDLE, NTSTATUS, Ptr, export};

/// PROCESS_TERMINATE.
const PROCESS_TERMINATE: u32 = 1;

/// Ends the process.
#[export(ntdll, full, calls_guest)]
pub fn RtlExitUserProcess(code: u32) {
    crate::process::exit(code);
}

/// Ends the calling thread.
#[export(ntdll, full, calls_guest)]
pub fn RtlExitUserThread(code: u32) {
    thread::exit(code);
}

/// Ends a process; 0 and the pseudo handle mean this one.
#[export(ntdll, partial("this process and its children"))]
pub fn NtTerminateProcess(process: HANDLE, code: u32) -> Result<(), NTSTATUS> {
    if let Ok(child) = object::get::<ChildProcess>(process, PROCESS_TERMINATE) {
        return child.terminate(code);
    }
    if !process.is_null() {
        own_process(process)?;
    }
    crate::process::terminate(code);
}

/// Reports that a process ends itself: nobody listens.
#[export(ntdll, stub("does nothing"))]
pub fn RtlReportSilentProcessExit(_process: HANDLE, _code: u32) -> Result<(), NTSTATUS> {
    Ok(())
}

/// Writes `value` if the buffer has its size.
fn give<T: Copy>(to: Ptr<u8>, len: u32, returned: Ptr<u32>, value: T) -> Result<(), NTSTATUS> {
    returned.write_opt(size_of::<T>() as u32)?;
    if (len as usize) < size_of::<T>() {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    Ok(to.cast::<T>().write(value)?)
}

/// Facts about a process, by class.
#[export(
    ntdll,
    partial("basic information, times, handle count, image name, Wow64, debug port and cookie; of children the first two and Wow64")
)]
pub fn NtQueryInformationProcess(process: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    if let Ok(child) = object::get::<ChildProcess>(process, 0) {
        let (pid, parent) = (u64::from(child.pid), u64::from(host::process::id()));
        return match class {
            // Its PEB is in an address space that cannot be looked into.
            0 => give(to, len, returned, [u64::from(child.exit_code()), 0, host::thread::affinity(), 8, pid, parent]),
            4 => give(to, len, returned, [child.created as u64, child.ended() as u64, 0, 0]),
            7 | 26 => give(to, len, returned, 0u64),
            _ => Err(NTSTATUS::INVALID_INFO_CLASS),
        };
    }
    own_process(process)?;
    match class {
        // PROCESS_BASIC_INFORMATION
        0 => {
            give(to, len, returned, [259u64, crate::process::peb() as u64, host::thread::affinity(), 8, u64::from(host::process::id()), 1])
        }
        4 => {
            let (user, kernel) = host::time::process_cpu_ns();
            let created = thread::all().iter().map(|t| t.created).min().unwrap_or(0) as u64;
            give(to, len, returned, [created, 0, kernel / 100, user / 100])
        }
        7 | 26 => give(to, len, returned, 0u64),
        20 => give(to, len, returned, 64u32),
        24 => give(to, len, returned, 1u32),
        31 => give(to, len, returned, 1u32),
        36 => give(to, len, returned, 0x5eed_c0deu32),
        27 | 43 => {
            let path = crate::process::image_path();
            let bytes = path.len() * 2;
            returned.write_opt((16 + bytes + 2) as u32)?;
            if (len as usize) < 16 + bytes + 2 {
                return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
            }
            to.cast::<u16>().write(bytes as u16)?;
            to.byte_add(2).cast::<u16>().write(bytes as u16 + 2)?;
            to.byte_add(8).cast::<usize>().write(to.addr() + 16)?;
            to.byte_add(16).cast::<u16>().write_slice(&path)?;
            Ok(to.byte_add(16 + bytes).cast::<u16>().write(0)?)
        }
        _ => Err(NTSTATUS::INVALID_INFO_CLASS),
    }
}

/// Changes a process, by class.
#[export(ntdll, stub("accepts and ignores"))]
pub fn NtSetInformationProcess(process: HANDLE, _class: u32, _from: Ptr<u8>, _len: u32) -> Result<(), NTSTATUS> {
    own_process(process)
}

/// Facts about a thread, by class.
#[export(ntdll, partial("basic information, times, start address, last thread"))]
pub fn NtQueryInformationThread(handle: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let thread = thread::from_handle(handle, 0)?;
    match class {
        0 => {
            let status = u64::from(thread.exit_code());
            give(
                to,
                len,
                returned,
                [
                    status,
                    thread.teb() as u64,
                    u64::from(host::process::id()),
                    u64::from(thread.id()),
                    host::thread::affinity(),
                    8 << 32 | 8,
                ],
            )
        }
        1 => {
            let (user, kernel) = if thread.id() == thread::current().id() { host::time::thread_cpu_ns() } else { (0, 0) };
            give(to, len, returned, [thread.created as u64, 0, kernel / 100, user / 100])
        }
        9 => give(to, len, returned, thread.start_address().0 as u64),
        12 => give(to, len, returned, u32::from(thread::all().len() == 1)),
        _ => Err(NTSTATUS::INVALID_INFO_CLASS),
    }
}

/// Changes a thread, by class.
#[export(ntdll, stub("accepts and ignores"))]
pub fn NtSetInformationThread(handle: HANDLE, _class: u32, _from: Ptr<u8>, _len: u32) -> Result<(), NTSTATUS> {
    thread::from_handle(handle, 0).map(drop)
}

/// Facts about the system, by class.
#[export(ntdll, partial("basic, processor and time-of-day information"))]
pub fn NtQuerySystemInformation(class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let processors = host::thread::affinity().count_ones();
    match class {
        0 => {
            let pages = (host::process::memory().0 / 4096) as u32;
            let low = [0u32, 5000, 4096, pages, 1, pages, crate::memory::GRANULARITY as u32, 0];
            let high = [crate::memory::LOWEST as u64, crate::memory::HIGHEST as u64, host::thread::affinity(), u64::from(processors)];
            #[derive(Clone, Copy)]
            #[repr(C)]
            struct Basic([u32; 8], [u64; 4]);
            give(to, len, returned, Basic(low, high))
        }
        1 => give(to, len, returned, [9u16, 6, 0, processors as u16, 0, 0]),
        3 => {
            let now = crate::time::system_time() as u64;
            give(to, len, returned, [now - host::time::boot_ns() / 100, now, 0, 0, 0, 0])
        }
        _ => Err(NTSTATUS::INVALID_INFO_CLASS),
    }
}

/// Tells the memory manager about use to come.
#[export(ntdll, stub("accepts and ignores"))]
pub fn NtSetInformationVirtualMemory(
    _process: HANDLE,
    _class: u32,
    _count: usize,
    _ranges: Ptr<u8>,
    _info: Ptr<u8>,
    _len: u32,
) -> Result<(), NTSTATUS> {
    Ok(())
}

/// Creates a thread.
#[export(ntdll, partial("own process only; ignores the attribute list"))]
pub fn NtCreateThreadEx(
    handle: Ptr<HANDLE>,
    access: u32,
    _attributes: Ptr<u8>,
    process: HANDLE,
    start: abi::GuestFn,
    parameter: u64,
    flags: u32,
    _zero_bits: usize,
    _commit: usize,
    reserve: usize,
    _list: Ptr<u8>,
) -> Result<(), NTSTATUS> {
    own_process(process)?;
    let thread = thread::create(start, parameter, reserve, flags & 1 != 0)?;
    Ok(handle.write(crate::object::insert(thread, crate::access::map_generic(access, "Thread")))?)
}

/// Opens a thread by its id.
#[export(ntdll, partial("threads of this process only"))]
pub fn NtOpenThread(handle: Ptr<HANDLE>, access: u32, _attributes: Ptr<u8>, client: Ptr<[u64; 2]>) -> Result<(), NTSTATUS> {
    let thread = thread::by_id(client.read()?[1] as u32).ok_or(NTSTATUS::INVALID_CID)?;
    Ok(handle.write(crate::object::insert(thread, crate::access::map_generic(access, "Thread")))?)
}

/// Ends a thread; 0 means the calling one.
#[export(ntdll, partial("the calling thread only"), calls_guest)]
pub fn NtTerminateThread(handle: HANDLE, code: u32) -> Result<(), NTSTATUS> {
    if handle.is_null() || thread::from_handle(handle, 0)?.id() == thread::current().id() {
        thread::terminate_current(code);
    }
    Err(NTSTATUS::NOT_SUPPORTED)
}

/// Queues an APC.
#[export(ntdll, full)]
pub fn NtQueueApcThread(handle: HANDLE, function: abi::GuestFn, a: u64, b: u64, c: u64) -> Result<(), NTSTATUS> {
    thread::from_handle(handle, 0)?.queue_apc(thread::Apc { function, arguments: [a, b, c] });
    Ok(())
}
