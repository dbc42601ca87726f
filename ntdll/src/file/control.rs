//! Control codes of files and devices: NtDeviceIoControlFile and NtFsControlFile.

use super::pending::Request;
use super::{File, IoStatus, Kind, afd, mount_manager, named_pipe, reparse};
use crate::object;
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};

/// Answers a code that is done at once: the bytes to return, at most `room`, and whether those are all.
pub fn at_once(file: &File, code: u32, input: &[u8], room: usize) -> Result<(NTSTATUS, Vec<u8>), NTSTATUS> {
    if file.kind == Kind::MountManager {
        return mount_manager::control(code, input, room);
    }
    if file.kind == Kind::Random {
        return random(code, room);
    }
    let answer = reparse::control(file, code, input).or_else(|| named_pipe::control(file, code, room));
    let data = answer.ok_or(NTSTATUS::INVALID_DEVICE_REQUEST)??;
    if data.len() > room { Err(NTSTATUS::BUFFER_TOO_SMALL) } else { Ok((NTSTATUS::SUCCESS, data)) }
}

// IOCTL_KSEC_RNG and IOCTL_KSEC_RNG_REKEY (CTL_CODE of FILE_DEVICE_KSEC).
const IOCTL_KSEC_RNG: u32 = 0x0039_0004;
const IOCTL_KSEC_RNG_REKEY: u32 = 0x0039_0008;

/// Fills the caller's buffer with random bytes.
fn random(code: u32, room: usize) -> Result<(NTSTATUS, Vec<u8>), NTSTATUS> {
    if !matches!(code, IOCTL_KSEC_RNG | IOCTL_KSEC_RNG_REKEY) {
        return Err(NTSTATUS::INVALID_DEVICE_REQUEST);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(room).map_err(|_| NTSTATUS::NO_MEMORY)?;
    bytes.resize(room, 0);
    host::process::random(&mut bytes);
    Ok((NTSTATUS::SUCCESS, bytes))
}

fn answer(
    file: &File,
    status: Ptr<IoStatus>,
    code: u32,
    (input, input_len): (Ptr<u8>, u32),
    (output, output_len): (Ptr<u8>, u32),
) -> Result<NTSTATUS, NTSTATUS> {
    let (result, data) = at_once(file, code, &input.read_vec(input_len as usize)?, output_len as usize)?;
    output.write_slice(&data)?;
    status.write(IoStatus { status: result.0 as usize, information: data.len() })?;
    Ok(result)
}

/// Device control: sockets and `\Device\Afd` are polled, the mount manager knows drive letters, the CNG device gives random bytes;
/// other files have none.
#[export(ntdll, partial("IOCTL_AFD_POLL; IOCTL_KSEC_RNG; the mount manager's points and paths of volumes"))]
pub fn NtDeviceIoControlFile(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<IoStatus>,
    code: u32,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
) -> Result<NTSTATUS, NTSTATUS> {
    let file = object::get::<File>(handle, 0)?;
    if code == afd::IOCTL_AFD_POLL {
        let request = Request::of_call(event, apc, context, status.addr())?;
        return afd::poll(file, input, input_len, (output, output_len), request)?.into();
    }
    if !matches!(file.kind, Kind::MountManager | Kind::Random) {
        return Err(NTSTATUS::INVALID_DEVICE_REQUEST);
    }
    answer(&file, status, code, (input, input_len), (output, output_len))
}

/// File system control codes: reparse points, and of named pipes to listen, disconnect and peek.
#[export(ntdll, partial("reparse points; named pipes' listen, disconnect and peek"))]
pub fn NtFsControlFile(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<IoStatus>,
    code: u32,
    input: Ptr<u8>,
    input_len: u32,
    output: Ptr<u8>,
    output_len: u32,
) -> Result<NTSTATUS, NTSTATUS> {
    let file = object::get::<File>(handle, 0)?;
    if code == named_pipe::FSCTL_PIPE_LISTEN {
        let request = Request::of_call(event, apc, context, status.addr())?;
        return named_pipe::listen_for_client(&file, request)?.into();
    }
    answer(&file, status, code, (input, input_len), (output, output_len))
}
