//! namedpipeapi.h: anonymous and named pipes.

use crate::nls::ansi_arg;
use abi::{BOOL, FileHandle, HANDLE, NTSTATUS, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::access::{FILE_GENERIC_READ, FILE_GENERIC_WRITE};
use ntdll::file::named_pipe::{self, Configuration, NamedPipe, State};
use ntdll::file::pending::{self, Request, Started};
use ntdll::file::transfer::{Operation, transfer, wait};
use ntdll::file::{File, Kind};
use ntdll::object;
use std::sync::Arc;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::IO::OVERLAPPED;

const PIPE_ACCESS_INBOUND: u32 = 1;
const PIPE_ACCESS_OUTBOUND: u32 = 2;
const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
const FILE_FLAG_FIRST_PIPE_INSTANCE: u32 = 0x0008_0000;
const PIPE_NOWAIT: u32 = 1;
const PIPE_READMODE_MESSAGE: u32 = 2;
const PIPE_TYPE_MESSAGE: u32 = 4;
const PIPE_SERVER_END: u32 = 1;
/// FILE_SYNCHRONOUS_IO_NONALERT.
const SYNCHRONOUS: u32 = 0x20;
const NMPWAIT_WAIT_FOREVER: u32 = u32::MAX;
/// Between two looks for a pipe that is busy.
const LOOK_NS: u64 = 10_000_000;

/// Creates a pipe.
#[export(kernel32, full)]
pub fn CreatePipe(read: Ptr<HANDLE>, write: Ptr<HANDLE>, attributes: Ptr<SECURITY_ATTRIBUTES>, _size: u32) -> Result<(), Win32Error> {
    let inherit = crate::synchapi::inherits(attributes)?;
    let (reader, writer) = ntdll::file::create_pipe()?;
    let (reader_access, writer_access) = (reader.access, writer.access);
    read.write(object::insert_inheritable(Arc::new(reader), reader_access, inherit))?;
    Ok(write.write(object::insert_inheritable(Arc::new(writer), writer_access, inherit))?)
}

/// `\\.\pipe\NAME` without what stands before the name.
fn pipe_name(path: &[u16]) -> Result<Vec<u16>, Win32Error> {
    let nt = ntdll::path::nt_path(path)?;
    match ntdll::path::place(&nt)? {
        ntdll::path::Place::Pipe(name) if !name.is_empty() => Ok(name),
        _ => Err(Win32Error::INVALID_NAME),
    }
}

fn create(
    path: &[u16],
    open: u32,
    mode: u32,
    instances: u32,
    sizes: [u32; 2],
    attributes: Ptr<SECURITY_ATTRIBUTES>,
) -> Result<FileHandle, Win32Error> {
    let messages = mode & PIPE_TYPE_MESSAGE != 0;
    let reads = mode & PIPE_READMODE_MESSAGE != 0;
    if open & 3 == 0 || reads && !messages || !(1..=255).contains(&instances) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut access = 0;
    if open & PIPE_ACCESS_INBOUND != 0 {
        access |= FILE_GENERIC_READ;
    }
    if open & PIPE_ACCESS_OUTBOUND != 0 {
        access |= FILE_GENERIC_WRITE;
    }
    let configuration = Configuration {
        access,
        options: if open & FILE_FLAG_OVERLAPPED != 0 { 0 } else { SYNCHRONOUS },
        first: open & FILE_FLAG_FIRST_PIPE_INSTANCE != 0,
        messages,
        message_reads: reads,
        no_wait: mode & PIPE_NOWAIT != 0,
        share: (open & PIPE_ACCESS_INBOUND) << 1 | (open & PIPE_ACCESS_OUTBOUND) >> 1,
        max_instances: instances,
        in_size: sizes[1],
        out_size: sizes[0],
    };
    let file = named_pipe::create(&pipe_name(path)?, &configuration)?;
    let inherit = crate::synchapi::inherits(attributes)?;
    Ok(FileHandle(object::insert_inheritable(Arc::new(file), access, inherit)))
}

/// Creates an instance of a named pipe.
#[export(kernel32 + kernelbase, partial("security attributes other than inheritance and the time-out are ignored"))]
pub fn CreateNamedPipeW(
    name: PCWSTR,
    open: u32,
    mode: u32,
    instances: u32,
    out_size: u32,
    in_size: u32,
    _timeout: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
) -> Result<FileHandle, Win32Error> {
    create(&name.read_wide()?, open, mode, instances, [out_size, in_size], attributes)
}

/// Creates an instance of a named pipe.
#[export(kernel32, partial("security attributes other than inheritance and the time-out are ignored"))]
pub fn CreateNamedPipeA(
    name: PCSTR,
    open: u32,
    mode: u32,
    instances: u32,
    out_size: u32,
    in_size: u32,
    _timeout: u32,
    attributes: Ptr<SECURITY_ATTRIBUTES>,
) -> Result<FileHandle, Win32Error> {
    create(&ansi_arg(name)?, open, mode, instances, [out_size, in_size], attributes)
}

fn end_of(handle: HANDLE) -> Result<Arc<File>, Win32Error> {
    let file: Arc<File> = object::get(handle, 0)?;
    if file.kind == Kind::Pipe { Ok(file) } else { Err(Win32Error::INVALID_FUNCTION) }
}

fn named(file: &File) -> Result<&NamedPipe, Win32Error> {
    file.pipe.as_deref().ok_or(Win32Error::INVALID_FUNCTION)
}

/// Waits for a client.
#[export(kernel32 + kernelbase, full)]
pub fn ConnectNamedPipe(handle: HANDLE, overlapped: Ptr<OVERLAPPED>) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    let pipe = named(&file)?;
    pipe.begin_listening(&file)?;
    if pipe.modes().1 {
        return Err(Win32Error::PIPE_LISTENING);
    }
    if overlapped.is_null() || file.is_synchronous() {
        let done = wait(&file, || pipe.try_connect(&file));
        return done.result().map(drop).map_err(Win32Error::from);
    }
    let own = file.clone();
    let attempt = Box::new(move || own.pipe.as_ref().and_then(|pipe| pipe.try_connect(&own)));
    match pending::start(file.clone(), host::pipe::READABLE, Request::of_overlapped(overlapped.addr())?, attempt)? {
        Started::Done(done) => done.result().map(drop).map_err(Win32Error::from),
        Started::Pending => Err(Win32Error::IO_PENDING),
    }
}

/// Ends the connection with the client.
#[export(kernel32 + kernelbase, full)]
pub fn DisconnectNamedPipe(handle: HANDLE) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    Ok(named(&file)?.disconnect(&file)?)
}

fn wait_named(path: &[u16], ms: u32) -> Result<(), Win32Error> {
    let name = pipe_name(path)?;
    let start = host::time::monotonic_ns();
    loop {
        match named_pipe::probe(&name) {
            (_, true) => return Ok(()),
            (false, _) => return Err(Win32Error::FILE_NOT_FOUND),
            _ => {}
        }
        // 0 is the server's default, which is 50 ms unless it says otherwise.
        let limit = u64::from(if ms == 0 { 50 } else { ms }) * 1_000_000;
        if ms != NMPWAIT_WAIT_FOREVER && host::time::monotonic_ns() - start >= limit {
            return Err(Win32Error::SEM_TIMEOUT);
        }
        host::time::sleep_ns(LOOK_NS);
    }
}

/// Waits until an instance of a pipe listens.
#[export(kernel32 + kernelbase, partial("while all instances are busy it looks again every 10 ms"))]
pub fn WaitNamedPipeW(name: PCWSTR, ms: u32) -> Result<(), Win32Error> {
    wait_named(&name.read_wide()?, ms)
}

/// Waits until an instance of a pipe listens.
#[export(kernel32, partial("while all instances are busy it looks again every 10 ms"))]
pub fn WaitNamedPipeA(name: PCSTR, ms: u32) -> Result<(), Win32Error> {
    wait_named(&ansi_arg(name)?, ms)
}

/// How much can be read from a pipe at once, and the first of it.
#[export(kernel32 + kernelbase, full)]
pub fn PeekNamedPipe(
    handle: HANDLE,
    buffer: Ptr<u8>,
    len: u32,
    read: Ptr<u32>,
    available: Ptr<u32>,
    left: Ptr<u32>,
) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    let peek = named_pipe::peek(&file, if buffer.is_null() { 0 } else { len as usize })?;
    buffer.write_slice(&peek.data)?;
    read.write_opt(peek.data.len() as u32)?;
    available.write_opt(peek.available as u32)?;
    Ok(left.write_opt(peek.left as u32)?)
}

/// Changes how an end of a pipe reads and waits.
#[export(kernel32 + kernelbase, partial("collection counts and time-outs are ignored"))]
pub fn SetNamedPipeHandleState(handle: HANDLE, mode: Ptr<u32>, _most: Ptr<u32>, _timeout: Ptr<u32>) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    if mode.is_null() {
        return Ok(());
    }
    let mode = mode.read()?;
    match &file.pipe {
        Some(pipe) => Ok(pipe.set_modes(mode & PIPE_READMODE_MESSAGE != 0, mode & PIPE_NOWAIT != 0)?),
        // An anonymous pipe reads bytes.
        None if mode & PIPE_READMODE_MESSAGE != 0 => Err(Win32Error::INVALID_PARAMETER),
        None => Ok(()),
    }
}

/// How an end of a pipe reads and waits, and how many instances there are.
#[export(kernel32 + kernelbase, partial("instances of this process; no collection counts, no user name"))]
pub fn GetNamedPipeHandleStateW(
    handle: HANDLE,
    state: Ptr<u32>,
    instances: Ptr<u32>,
    most: Ptr<u32>,
    timeout: Ptr<u32>,
    user: Ptr<u16>,
    user_len: u32,
) -> Result<(), Win32Error> {
    handle_state(handle, state, instances, [most, timeout])?;
    if !user.is_null() && user_len != 0 {
        user.write(0)?;
    }
    Ok(())
}

/// How an end of a pipe reads and waits, and how many instances there are.
#[export(kernel32, partial("instances of this process; no collection counts, no user name"))]
pub fn GetNamedPipeHandleStateA(
    handle: HANDLE,
    state: Ptr<u32>,
    instances: Ptr<u32>,
    most: Ptr<u32>,
    timeout: Ptr<u32>,
    user: Ptr<u8>,
    user_len: u32,
) -> Result<(), Win32Error> {
    handle_state(handle, state, instances, [most, timeout])?;
    if !user.is_null() && user_len != 0 {
        user.write(0)?;
    }
    Ok(())
}

fn handle_state(handle: HANDLE, state: Ptr<u32>, instances: Ptr<u32>, unknown: [Ptr<u32>; 2]) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    let (message_reads, no_wait) = file.pipe.as_ref().map_or((false, false), |pipe| pipe.modes());
    state.write_opt(if message_reads { PIPE_READMODE_MESSAGE } else { 0 } | u32::from(no_wait))?;
    instances.write_opt(file.pipe.as_ref().map_or(1, |pipe| pipe.instances()))?;
    unknown.iter().try_for_each(|number| number.write_opt(0))?;
    Ok(())
}

/// What kind of pipe it is.
#[export(kernel32 + kernelbase, full)]
pub fn GetNamedPipeInfo(
    handle: HANDLE,
    flags: Ptr<u32>,
    out_size: Ptr<u32>,
    in_size: Ptr<u32>,
    instances: Ptr<u32>,
) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    let pipe = file.pipe.as_deref();
    let server = pipe.is_some_and(NamedPipe::is_server);
    let messages = pipe.is_some_and(|pipe| pipe.configuration.messages);
    flags.write_opt(if server { PIPE_SERVER_END } else { 0 } | if messages { PIPE_TYPE_MESSAGE } else { 0 })?;
    out_size.write_opt(pipe.map_or(4096, |pipe| pipe.configuration.out_size))?;
    in_size.write_opt(pipe.map_or(4096, |pipe| pipe.configuration.in_size))?;
    Ok(instances.write_opt(pipe.map_or(1, |pipe| pipe.configuration.max_instances))?)
}

/// Writes a message and reads the answer.
#[export(kernel32 + kernelbase, partial("waits, overlapped or not"))]
pub fn TransactNamedPipe(
    handle: HANDLE,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
    read: Ptr<u32>,
    overlapped: Ptr<OVERLAPPED>,
) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    if !named(&file)?.modes().0 {
        return Err(Win32Error::BAD_PIPE);
    }
    transfer(&file, Operation::Write, input.addr(), input_len as usize, None).result()?;
    let done = transfer(&file, Operation::Read, output.addr(), output_len as usize, None);
    read.write_opt(done.bytes as u32)?;
    if !overlapped.is_null() && done.is_success() {
        pending::complete_at_once(&file, Request::of_overlapped(overlapped.addr())?, done);
    }
    if done.status.is_ok() { Ok(()) } else { Err(done.status.into()) }
}

fn call(path: &[u16], input: Ptr<u8>, input_len: u32, output: Ptr<u8>, output_len: u32, read: Ptr<u32>, ms: u32) -> Result<(), Win32Error> {
    let how = ntdll::file::CreateOptions {
        access: FILE_GENERIC_READ | FILE_GENERIC_WRITE,
        share: 0,
        disposition: ntdll::file::Disposition::Open,
        options: SYNCHRONOUS,
        attributes: 0,
    };
    let name = pipe_name(path)?;
    let file = match named_pipe::connect(&name, &how) {
        Err(NTSTATUS::PIPE_NOT_AVAILABLE) if ms != 1 => {
            wait_named(path, ms)?;
            named_pipe::connect(&name, &how)
        }
        other => other,
    }?;
    named(&file)?.set_modes(true, false)?;
    transfer(&file, Operation::Write, input.addr(), input_len as usize, None).result()?;
    let done = transfer(&file, Operation::Read, output.addr(), output_len as usize, None);
    read.write_opt(done.bytes as u32)?;
    if done.status.is_ok() { Ok(()) } else { Err(done.status.into()) }
}

/// Connects to a message pipe, writes a message, reads the answer and closes.
#[export(kernel32 + kernelbase, full)]
pub fn CallNamedPipeW(
    name: PCWSTR,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
    read: Ptr<u32>,
    ms: u32,
) -> Result<(), Win32Error> {
    call(&name.read_wide()?, input, input_len, output, output_len, read, ms)
}

/// Connects to a message pipe, writes a message, reads the answer and closes.
#[export(kernel32, full)]
pub fn CallNamedPipeA(
    name: PCSTR,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
    read: Ptr<u32>,
    ms: u32,
) -> Result<(), Win32Error> {
    call(&ansi_arg(name)?, input, input_len, output, output_len, read, ms)
}

fn peer(handle: HANDLE, id: Ptr<u32>, server: bool) -> Result<(), Win32Error> {
    let file = end_of(handle)?;
    let pipe = named(&file)?;
    let process = match (pipe.is_server() == server, pipe.state()) {
        (true, _) => host::process::id(),
        (false, State::Connected) => named_pipe::peer_process(&file)?,
        _ => return Err(Win32Error::PIPE_NOT_CONNECTED),
    };
    Ok(id.write(process)?)
}

/// The process that holds the client's end.
#[export(kernel32 + kernelbase, partial("a process number of the host, without the offset of process objects"))]
pub fn GetNamedPipeClientProcessId(handle: HANDLE, id: Ptr<u32>) -> Result<(), Win32Error> {
    peer(handle, id, false)
}

/// The process that holds the server's end.
#[export(kernel32 + kernelbase, partial("a process number of the host, without the offset of process objects"))]
pub fn GetNamedPipeServerProcessId(handle: HANDLE, id: Ptr<u32>) -> Result<(), Win32Error> {
    peer(handle, id, true)
}

/// Takes on the client's identity.
#[export(kernel32 + advapi32, stub("client and server are the same user"))]
pub fn ImpersonateNamedPipeClient(handle: HANDLE) -> Result<BOOL, Win32Error> {
    end_of(handle)?;
    Ok(BOOL(true))
}
