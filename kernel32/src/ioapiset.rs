//! ioapiset.h: completion ports, overlapped results, device control.

use abi::{BOOL, HANDLE, NTSTATUS, Ptr, Win32Error, export};
use ntdll::file::pending::{self, Request};
use ntdll::file::{Done, File, control};
use ntdll::object;
use ntdll::port::{Packet, Port};
use std::sync::Arc;
use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_ENTRY};

const PORT_ACCESS: u32 = 0x001f_0003;

/// Creates a completion port, or ties a file to one.
#[export(kernel32, full)]
pub fn CreateIoCompletionPort(file: HANDLE, port: HANDLE, key: usize, _threads: u32) -> Result<HANDLE, Win32Error> {
    // Without a file only a new port can be made.
    if file == HANDLE::INVALID && !port.is_null() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let (port_handle, port) = if port.is_null() {
        let port = Port::new();
        (object::insert(port.clone(), PORT_ACCESS), port)
    } else {
        (port, object::get::<Port>(port, 0)?)
    };
    if file != HANDLE::INVALID {
        associate(file, port, key)?;
    }
    Ok(port_handle)
}

fn associate(file: HANDLE, port: Arc<Port>, key: usize) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(file, 0)?;
    let mut slot = file.completion.lock();
    if slot.is_some() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    *slot = Some((port, key));
    Ok(())
}

/// Puts a packet into a completion port.
#[export(kernel32, full)]
pub fn PostQueuedCompletionStatus(port: HANDLE, bytes: u32, key: usize, overlapped: usize) -> Result<(), Win32Error> {
    let port: Arc<Port> = object::get(port, 0)?;
    port.push(Packet { key, overlapped, status: NTSTATUS::SUCCESS, bytes: bytes as usize });
    Ok(())
}

/// Takes a packet from a completion port.
#[export(kernel32, full)]
pub fn GetQueuedCompletionStatus(
    port: HANDLE,
    bytes: Ptr<u32>,
    key: Ptr<usize>,
    overlapped: Ptr<usize>,
    ms: u32,
) -> Result<(), Win32Error> {
    let port: Arc<Port> = object::get(port, 0)?;
    overlapped.write(0)?;
    let packets = port.take(1, false, crate::synchapi::timeout(ms))?;
    let Some(packet) = packets.first() else {
        return Err(Win32Error(258)); // WAIT_TIMEOUT
    };
    bytes.write(packet.bytes as u32)?;
    key.write(packet.key)?;
    overlapped.write(packet.overlapped)?;
    if packet.status.is_ok() { Ok(()) } else { Err(packet.status.into()) }
}

/// Takes several packets from a completion port.
#[export(kernel32, full, calls_guest)]
pub fn GetQueuedCompletionStatusEx(
    port: HANDLE,
    entries: Ptr<OVERLAPPED_ENTRY>,
    count: u32,
    removed: Ptr<u32>,
    ms: u32,
    alertable: BOOL,
) -> Result<(), Win32Error> {
    let port: Arc<Port> = object::get(port, 0)?;
    if count == 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let packets = port.take(count as usize, alertable.0, crate::synchapi::timeout(ms)).map_err(|status| match status {
        NTSTATUS::USER_APC => Win32Error(0xc0), // WAIT_IO_COMPLETION
        other => other.into(),
    })?;
    removed.write(packets.len() as u32)?;
    if packets.is_empty() {
        return Err(Win32Error(258));
    }
    for (index, packet) in packets.iter().enumerate() {
        entries.add(index).write(OVERLAPPED_ENTRY {
            lpCompletionKey: packet.key,
            lpOverlapped: packet.overlapped as *mut OVERLAPPED,
            Internal: packet.status.0 as usize,
            dwNumberOfBytesTransferred: packet.bytes as u32,
        })?;
    }
    Ok(())
}

/// The result of an overlapped operation.
#[export(kernel32, full)]
pub fn GetOverlappedResult(file: HANDLE, overlapped: Ptr<OVERLAPPED>, bytes: Ptr<u32>, wait: BOOL) -> Result<(), Win32Error> {
    GetOverlappedResultEx(file, overlapped, bytes, if wait.0 { u32::MAX } else { 0 }, BOOL(false))
}

/// The result of an overlapped operation, waiting for it at most some time.
#[export(kernel32, full, calls_guest)]
pub fn GetOverlappedResultEx(
    file: HANDLE,
    overlapped: Ptr<OVERLAPPED>,
    bytes: Ptr<u32>,
    ms: u32,
    alertable: BOOL,
) -> Result<(), Win32Error> {
    let status: Ptr<usize> = overlapped.cast();
    if status.read()? as u32 == NTSTATUS::PENDING.0 {
        if ms == 0 {
            return Err(Win32Error::IO_INCOMPLETE);
        }
        let event: HANDLE = HANDLE(overlapped.byte_add(24).cast::<usize>().read()? & !1);
        let target = if event.is_null() { file } else { event };
        let outcome = ntdll::sync::wait_for_handle(target, alertable.0, crate::synchapi::timeout(ms))?;
        if outcome == NTSTATUS::TIMEOUT {
            return Err(Win32Error(258));
        }
    }
    bytes.write(status.add(1).read()? as u32)?;
    match NTSTATUS(status.read()? as u32) {
        status if status.is_ok() => Ok(()),
        status => Err(status.into()),
    }
}

/// Cancels pending operations: all of a file, or one.
#[export(kernel32, full)]
pub fn CancelIoEx(file: HANDLE, overlapped: usize) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(file, 0)?;
    if ntdll::file::cancel(&file, (overlapped != 0).then_some(overlapped)) { Ok(()) } else { Err(Win32Error::NOT_FOUND) }
}

/// Cancels a file's pending operations.
#[export(kernel32, partial("those of other threads too"))]
pub fn CancelIo(file: HANDLE) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(file, 0)?;
    ntdll::file::cancel(&file, None);
    Ok(())
}

/// Cancels a thread's blocking operation.
#[export(kernel32, partial("reads and writes of pipes and terminals, and ConnectNamedPipe"))]
pub fn CancelSynchronousIo(thread: HANDLE) -> Result<(), Win32Error> {
    let thread = ntdll::thread::from_handle(thread, 0)?;
    if ntdll::file::cancel_thread(thread.id()) { Ok(()) } else { Err(Win32Error::NOT_FOUND) }
}

/// Which operations skip the completion port, and whether they signal the file itself.
/// <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setfilecompletionnotificationmodes>
#[export(kernel32, full)]
pub fn SetFileCompletionNotificationModes(file: HANDLE, flags: u8) -> Result<(), Win32Error> {
    Ok(object::get::<File>(file, 0)?.add_notification_modes(flags.into())?)
}

/// Control codes of files and devices. With an OVERLAPPED the result is reported as well, to its event or port.
#[export(kernel32, partial("reparse points; named pipes' disconnect and peek; the mount manager's points and paths of volumes"))]
pub fn DeviceIoControl(
    file: HANDLE,
    code: u32,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
    returned: Ptr<u32>,
    overlapped: Ptr<OVERLAPPED>,
) -> Result<(), Win32Error> {
    let file: Arc<File> = object::get(file, 0)?;
    returned.write_opt(0)?;
    let input = input.read_vec(input_len as usize)?;
    let (status, data) = control::at_once(&file, code, &input, output_len as usize)?;
    output.write_slice(&data)?;
    returned.write_opt(data.len() as u32)?;
    if !overlapped.is_null() {
        let request = Request::of_overlapped(overlapped.addr())?;
        pending::complete_at_once(&file, request, Done { status, bytes: data.len() });
    }
    if status == NTSTATUS::SUCCESS { Ok(()) } else { Err(status.into()) }
}
