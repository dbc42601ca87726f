//! CreateProcess: other Windows programs of the same prefix.

use crate::nls::{ansi_opt, wide_opt};
use abi::{BOOL, HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::child::{self, ChildProcess, ChildThread, Start};
use ntdll::file::File;
use ntdll::{object, path, process};
use std::sync::Arc;
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::Threading::{PROCESS_INFORMATION, STARTUPINFOW};

const CREATE_SUSPENDED: u32 = 4;
const CREATE_UNICODE_ENVIRONMENT: u32 = 0x400;
const EXTENDED_STARTUPINFO_PRESENT: u32 = 0x8_0000;
const STARTF_USESTDHANDLES: u32 = 0x100;
const PROC_THREAD_ATTRIBUTE_HANDLE_LIST: u64 = 0x2_0002;
const PROC_THREAD_ATTRIBUTE_JOB_LIST: u64 = 0x2_000d;

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
        match ntdll::file::query_path(&path::nt_path(full)?, true) {
            Ok((stat, _)) if stat.kind == host::file::FileType::Regular => Ok(full.to_vec()),
            // A link in the root of Linux programs may lead where only they can follow.
            _ if path::to_host(full).is_ok_and(|host| child::linux::is_program(&host)) => Ok(full.to_vec()),
            Ok(_) => Err(Win32Error::ACCESS_DENIED),
            Err(status) => Err(status.into()),
        }
    };
    let Some(name) = application else {
        let exe = abi::wide::wide(".exe");
        let names = candidates(line);
        let has_folder = |name: &&Vec<u16>| name.iter().any(|&u| u == u16::from(b'\\') || u == u16::from(b'/'));
        // A name with a folder may have no extension.
        let found = names.iter().find_map(|name| {
            let searched = crate::processenv::search(None, name, Some(&exe)).and_then(|full| is_file(&full).ok());
            searched.or_else(|| is_file(&path::full_path(Some(name).filter(has_folder)?).ok()?).ok())
        });
        // Of such a name it is told whether the folder is there.
        return found.ok_or_else(|| match names.first().filter(has_folder).map(|name| path::full_path(name)) {
            Some(Ok(full)) => is_file(&full).err().unwrap_or(Win32Error::FILE_NOT_FOUND),
            _ => Win32Error::FILE_NOT_FOUND,
        });
    };
    is_file(&path::full_path(&name)?)
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

/// What to start, and how.
pub struct Request {
    pub application: Option<Vec<u16>>,
    pub line: Option<Vec<u16>>,
    pub environment: Vec<Vec<u16>>,
    pub directory: Option<Vec<u16>>,
    /// The values of the new process's standard handles; None: those of this one.
    pub standard: Option<[HANDLE; 3]>,
    pub inherit: bool,
    /// PROC_THREAD_ATTRIBUTE_HANDLE_LIST: only these are inherited.
    pub only: Option<Vec<HANDLE>>,
    pub suspended: bool,
    /// STARTUPINFO.lpReserved2.
    pub reserved: Vec<u8>,
    /// PROC_THREAD_ATTRIBUTE_JOB_LIST.
    pub jobs: Vec<HANDLE>,
}

/// `.bat` and `.cmd` are run by the command interpreter.
fn is_script(image: &[u16]) -> bool {
    [".bat", ".cmd"].iter().any(|end| image.len() >= 4 && abi::wide::eq_ascii_case(&image[image.len() - 4..], end))
}

/// Starts a program of the same prefix. The new process and its first thread.
pub fn start(request: Request) -> Result<(Arc<ChildProcess>, Arc<ChildThread>), Win32Error> {
    let mut line = request.line.clone().or(request.application.clone()).ok_or(Win32Error::INVALID_PARAMETER)?;
    let mut image = find(request.application, &line)?;
    if is_script(&image) {
        let shell = process::variable(&abi::wide::wide("COMSPEC")).unwrap_or_else(|| abi::wide::wide("C:\\Windows\\System32\\cmd.exe"));
        line = [&abi::wide::wide("cmd.exe /c \"")[..], &line, &abi::wide::wide("\"")].concat();
        image = find(Some(shell), &line)?;
    }
    let host_image = path::to_host(&image)?;
    let is_linux = match loader::pe::PeFile::open(&host_image) {
        Ok(file) if !file.is_dll => false,
        _ if child::linux::is_program(&host_image) => true,
        _ => return Err(Win32Error::BAD_EXE_FORMAT),
    };
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
    let standard = request.standard.unwrap_or_else(|| [0, 1, 2].map(process::standard_handle));
    // Kept until the child has its own copies.
    let files = standard.map(|handle| object::get::<File>(handle, 0).ok());
    let mut inherited = if request.inherit { object::inheritable() } else { Vec::new() };
    if let Some(only) = &request.only {
        inherited.retain(|(handle, _)| only.contains(handle));
    }
    let start = Start {
        image,
        command_line: line,
        directory,
        environment: request.environment,
        standard,
        reserved: request.reserved,
        suspended: request.suspended,
    };
    let (child, thread) = match is_linux {
        true => child::linux::spawn(&start, &ntdll::arguments::split(&start.command_line), files)?,
        false => child::spawn(&start, &inherited, files)?,
    };
    crate::jobapi::add_child(&child, &request.jobs)?;
    Ok((child, thread))
}

/// What is in STARTUPINFOEX's attribute list that matters here: handles and jobs.
fn attributes(startup: Ptr<STARTUPINFOW>) -> Result<(Option<Vec<HANDLE>>, Vec<HANDLE>), Win32Error> {
    let list: Ptr<u64> = Ptr::new(startup.byte_add(size_of::<STARTUPINFOW>()).cast::<usize>().read()?);
    let (mut only, mut jobs) = (None, Vec::new());
    if list.is_null() {
        return Ok((only, jobs));
    }
    let used = (list.read()? >> 32) as usize;
    for index in 0..used {
        let [attribute, value, size] = list.byte_add(24 + index * 24).cast::<[u64; 3]>().read()?;
        let handles = || Ptr::<HANDLE>::new(value as usize).read_vec(size as usize / 8);
        match attribute {
            PROC_THREAD_ATTRIBUTE_HANDLE_LIST => only = Some(handles()?),
            PROC_THREAD_ATTRIBUTE_JOB_LIST => jobs = handles()?,
            _ => {}
        }
    }
    Ok((only, jobs))
}

/// What both forms of CreateProcess have in common.
struct Given {
    application: Option<Vec<u16>>,
    line: Option<Vec<u16>>,
    security: [Ptr<SECURITY_ATTRIBUTES>; 2],
    inherit: BOOL,
    flags: u32,
    environment: Ptr<u8>,
    directory: Option<Vec<u16>>,
    startup: Ptr<STARTUPINFOW>,
    info: Ptr<PROCESS_INFORMATION>,
}

fn create(given: Given) -> Result<(), Win32Error> {
    let s = given.startup.read()?;
    let handles = [s.hStdInput, s.hStdOutput, s.hStdError].map(|h| HANDLE(h as usize));
    let (only, jobs) = if given.flags & EXTENDED_STARTUPINFO_PRESENT != 0 { attributes(given.startup)? } else { (None, Vec::new()) };
    let reserved =
        if s.lpReserved2.is_null() { Vec::new() } else { Ptr::<u8>::new(s.lpReserved2 as usize).read_vec(s.cbReserved2.into())? };
    let inherits = [crate::synchapi::inherits(given.security[0])?, crate::synchapi::inherits(given.security[1])?];
    let (child, thread) = start(Request {
        application: given.application,
        line: given.line,
        environment: environment(given.environment, given.flags & CREATE_UNICODE_ENVIRONMENT != 0)?,
        directory: given.directory,
        standard: (s.dwFlags & STARTF_USESTDHANDLES != 0).then_some(handles),
        inherit: given.inherit.0,
        only,
        suspended: given.flags & CREATE_SUSPENDED != 0,
        reserved,
        jobs,
    })?;
    let pid = child.pid;
    let access = ntdll::access::PROCESS_ALL_ACCESS;
    let process = object::insert_inheritable(child, access, inherits[0]);
    let thread = object::insert_inheritable(thread, access, inherits[1]);
    Ok(given.info.write(PROCESS_INFORMATION {
        hProcess: process.0 as *mut _,
        hThread: thread.0 as *mut _,
        dwProcessId: pid,
        dwThreadId: pid,
    })?)
}

/// Starts a program.
#[export(kernel32, partial("Windows programs of the same prefix; inherits files, pipes, sockets and sections, no other handles"))]
pub fn CreateProcessW(
    application: PCWSTR,
    line: PCWSTR,
    process: Ptr<SECURITY_ATTRIBUTES>,
    thread: Ptr<SECURITY_ATTRIBUTES>,
    inherit: BOOL,
    flags: u32,
    environment: Ptr<u8>,
    directory: PCWSTR,
    startup: Ptr<STARTUPINFOW>,
    info: Ptr<PROCESS_INFORMATION>,
) -> Result<(), Win32Error> {
    let (application, line, directory) = (wide_opt(application)?, wide_opt(line)?, wide_opt(directory)?);
    create(Given { application, line, security: [process, thread], inherit, flags, environment, directory, startup, info })
}

/// CreateProcessW with ANSI texts.
#[export(kernel32, partial("Windows programs of the same prefix; inherits files, pipes, sockets and sections, no other handles"))]
pub fn CreateProcessA(
    application: PCSTR,
    line: PCSTR,
    process: Ptr<SECURITY_ATTRIBUTES>,
    thread: Ptr<SECURITY_ATTRIBUTES>,
    inherit: BOOL,
    flags: u32,
    environment: Ptr<u8>,
    directory: PCSTR,
    startup: Ptr<STARTUPINFOW>,
    info: Ptr<PROCESS_INFORMATION>,
) -> Result<(), Win32Error> {
    // STARTUPINFOA has the same layout but for what its pointers point to.
    let (application, line, directory) = (ansi_opt(application)?, ansi_opt(line)?, ansi_opt(directory)?);
    create(Given { application, line, security: [process, thread], inherit, flags, environment, directory, startup, info })
}

/// Bytes of an attribute list: its header, and 24 bytes for each.
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
    // The room in the low half, what is used of it in the high one.
    Ok(list.write(u64::from(count))?)
}

/// Adds an attribute, or replaces it. CreateProcess looks at handle and job lists.
#[export(kernel32, partial("attributes other than handle and job lists have no effect"))]
pub fn UpdateProcThreadAttribute(
    list: Ptr<u64>,
    flags: u32,
    attribute: u64,
    value: u64,
    size: u64,
    previous: usize,
    _returned: usize,
) -> Result<(), Win32Error> {
    if flags != 0 || previous != 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if attribute == PROC_THREAD_ATTRIBUTE_HANDLE_LIST && (size == 0 || !size.is_multiple_of(8)) {
        return Err(Win32Error(24)); // ERROR_BAD_LENGTH
    }
    let header = list.read()?;
    let (room, used) = (header & 0xffff_ffff, header >> 32);
    let slot = |index: u64| list.byte_add(24 + index as usize * 24).cast::<[u64; 3]>();
    for index in 0..used {
        if slot(index).read()?[0] == attribute {
            return Err(Win32Error(1919)); // ERROR_OBJECT_NAME_EXISTS
        }
    }
    if used == room {
        return Err(Win32Error::GEN_FAILURE);
    }
    slot(used).write([attribute, value, size])?;
    Ok(list.write(room | (used + 1) << 32)?)
}

/// Ends the use of a list.
#[export(kernel32, full)]
pub fn DeleteProcThreadAttributeList(_list: Ptr<u64>) {}
