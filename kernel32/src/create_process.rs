//! CreateProcess: other Windows programs of the same prefix.

use crate::nls::{ansi_opt, wide_opt};
use abi::{BOOL, HANDLE, NTSTATUS, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::child::{self, Start};
use ntdll::file::File;
use ntdll::{object, path, process};
use std::os::fd::RawFd;
use std::sync::Arc;
use windows_sys::Win32::System::Threading::{PROCESS_INFORMATION, STARTUPINFOW};

const CREATE_SUSPENDED: u32 = 4;
const CREATE_UNICODE_ENVIRONMENT: u32 = 0x400;
const STARTF_USESTDHANDLES: u32 = 0x100;

/// Candidates for the program when only a command line is given: its first token, or, unquoted, each
/// beginning up to a space (documented for CreateProcess).
fn candidates(line: &[u16]) -> Vec<Vec<u16>> {
    const QUOTE: u16 = b'"' as u16;
    if line.first() == Some(&QUOTE) {
        let end = line[1..].iter().position(|&u| u == QUOTE).map_or(line.len(), |at| at + 1);
        return vec![line[1..end].to_vec()];
    }
    let mut ends: Vec<usize> = line.iter().enumerate().filter(|(_, u)| matches!(**u, 0x20 | 0x09)).map(|(at, _)| at).collect();
    ends.push(line.len());
    ends.into_iter().filter(|&end| end > 0).map(|end| line[..end].to_vec()).collect()
}

fn find(application: Option<Vec<u16>>, line: &[u16]) -> Result<Vec<u16>, Win32Error> {
    let is_file = |full: &[u16]| {
        let nt = path::nt_path(full).ok()?;
        let (stat, _) = ntdll::file::query_path(&nt, true).ok()?;
        (stat.kind == host::file::FileType::Regular).then(|| full.to_vec())
    };
    match application {
        Some(name) => path::full_path(&name).ok().and_then(|full| is_file(&full)).ok_or(Win32Error::FILE_NOT_FOUND),
        None => candidates(line)
            .iter()
            .find_map(|name| crate::processenv::search(None, name, Some(&abi::wide::wide(".exe"))).and_then(|full| is_file(&full)))
            .ok_or(Win32Error::FILE_NOT_FOUND),
    }
}

fn environment(block: Ptr<u8>, unicode: bool) -> Result<Vec<Vec<u16>>, Win32Error> {
    if block.is_null() {
        return Ok(process::environment());
    }
    let mut entries = Vec::new();
    if unicode {
        let mut at: Ptr<u16> = block.cast();
        loop {
            let entry = at.read_wide()?;
            if entry.is_empty() {
                return Ok(entries);
            }
            at = at.add(entry.len() + 1);
            entries.push(entry);
        }
    }
    let mut at = block;
    loop {
        let entry = at.read_bytes()?;
        if entry.is_empty() {
            return Ok(entries);
        }
        at = at.add(entry.len() + 1);
        entries.push(ntdll::nls::ansi_to_wide(&entry));
    }
}

/// What is given to both forms of CreateProcess.
struct Request {
    application: Option<Vec<u16>>,
    line: Option<Vec<u16>>,
    flags: u32,
    environment: Ptr<u8>,
    directory: Option<Vec<u16>>,
    startup_flags: u32,
    handles: [HANDLE; 3],
}

fn create(request: Request, info: Ptr<PROCESS_INFORMATION>) -> Result<(), Win32Error> {
    if request.flags & CREATE_SUSPENDED != 0 {
        return Err(NTSTATUS::NOT_SUPPORTED.into());
    }
    let line = request.line.clone().or(request.application.clone()).ok_or(Win32Error::INVALID_PARAMETER)?;
    let image = find(request.application, &line)?;
    let mut directory = match request.directory {
        Some(directory) => path::full_path(&directory)?,
        None => process::directory(),
    };
    match ntdll::file::query_path(&path::nt_path(&directory)?, true) {
        Ok((stat, _)) if stat.kind == host::file::FileType::Directory => {}
        _ => return Err(Win32Error::DIRECTORY),
    }
    if directory.last() != Some(&u16::from(b'\\')) {
        directory.push(b'\\'.into());
    }
    let handles = if request.startup_flags & STARTF_USESTDHANDLES != 0 { request.handles } else { [0, 1, 2].map(process::standard_handle) };
    // Kept until the child has its own copies.
    let files = handles.map(|handle| object::get::<File>(handle, 0).ok());
    let standard: [Option<RawFd>; 3] = [0, 1, 2].map(|n: usize| files[n].as_ref().map(|f: &Arc<File>| f.fd()));
    let environment = environment(request.environment, request.flags & CREATE_UNICODE_ENVIRONMENT != 0)?;
    let child = child::spawn(&Start { image, command_line: line, directory, environment }, standard)?;
    let pid = child.pid;
    let access = ntdll::access::PROCESS_ALL_ACCESS;
    let process = object::insert(child.clone(), access);
    let thread = object::insert(child, access);
    Ok(info.write(PROCESS_INFORMATION { hProcess: process.0 as *mut _, hThread: thread.0 as *mut _, dwProcessId: pid, dwThreadId: pid })?)
}

/// Starts a program.
#[export(kernel32, partial("Windows programs of the same prefix; standard handles are inherited, others are not; not suspended"))]
pub fn CreateProcessW(
    application: PCWSTR,
    line: PCWSTR,
    _process: usize,
    _thread: usize,
    _inherit: BOOL,
    flags: u32,
    environment: Ptr<u8>,
    directory: PCWSTR,
    startup: Ptr<STARTUPINFOW>,
    info: Ptr<PROCESS_INFORMATION>,
) -> Result<(), Win32Error> {
    let s = startup.read()?;
    let handles = [s.hStdInput, s.hStdOutput, s.hStdError].map(|h| HANDLE(h as usize));
    let request = Request {
        application: wide_opt(application)?,
        line: wide_opt(line)?,
        flags,
        environment,
        directory: wide_opt(directory)?,
        startup_flags: s.dwFlags,
        handles,
    };
    create(request, info)
}

/// CreateProcessW with ANSI texts.
#[export(kernel32, partial("Windows programs of the same prefix; standard handles are inherited, others are not; not suspended"))]
pub fn CreateProcessA(
    application: PCSTR,
    line: PCSTR,
    _process: usize,
    _thread: usize,
    _inherit: BOOL,
    flags: u32,
    environment: Ptr<u8>,
    directory: PCSTR,
    startup: Ptr<STARTUPINFOW>,
    info: Ptr<PROCESS_INFORMATION>,
) -> Result<(), Win32Error> {
    // STARTUPINFOA has the same layout but for what its pointers point to.
    let s = startup.read()?;
    let handles = [s.hStdInput, s.hStdOutput, s.hStdError].map(|h| HANDLE(h as usize));
    let request = Request {
        application: ansi_opt(application)?,
        line: ansi_opt(line)?,
        flags,
        environment,
        directory: ansi_opt(directory)?,
        startup_flags: s.dwFlags,
        handles,
    };
    create(request, info)
}

/// Bytes of an attribute list: a count and 24 bytes for each.
fn list_size(count: u32) -> usize {
    24 + 24 * count as usize
}

/// Makes a list of attributes for a new process; with null tells its size.
#[export(kernel32, full)]
pub fn InitializeProcThreadAttributeList(list: Ptr<u64>, count: u32, _flags: u32, size: Ptr<usize>) -> Result<(), Win32Error> {
    let needed = list_size(count);
    let given = size.read()?;
    size.write(needed)?;
    if list.is_null() || given < needed {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(list.write(u64::from(count))?)
}

/// Adds an attribute.
#[export(kernel32, stub("is accepted and has no effect: CreateProcess looks at no attributes"))]
pub fn UpdateProcThreadAttribute(
    _list: Ptr<u64>,
    _flags: u32,
    _attribute: usize,
    _value: usize,
    _size: usize,
    _previous: usize,
    _returned: usize,
) -> BOOL {
    BOOL(true)
}

/// Ends the use of a list.
#[export(kernel32, full)]
pub fn DeleteProcThreadAttributeList(_list: Ptr<u64>) {}
