//! The Nt* functions of files.

use super::named_pipe::{self, Configuration};
use super::pending::Request;
use super::transfer::{Operation, submit};
use super::{CreateOptions, Disposition, File, Kind, Opened, open};
use crate::object::{self};
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};
use std::sync::Arc;

/// IO_STATUS_BLOCK.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct IoStatus {
    pub status: usize,
    pub information: usize,
}

/// OBJECT_ATTRIBUTES.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ObjectAttributes {
    pub length: u32,
    pub root: HANDLE,
    pub name: Ptr<UnicodeString>,
    pub attributes: u32,
    pub security: usize,
    pub quality: usize,
}

/// UNICODE_STRING.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct UnicodeString {
    /// Bytes.
    pub length: u16,
    pub maximum: u16,
    pub buffer: Ptr<u16>,
}

/// OBJ_INHERIT.
pub const OBJ_INHERIT: u32 = 2;

impl UnicodeString {
    pub fn read(&self) -> Result<Vec<u16>, NTSTATUS> {
        Ok(self.buffer.read_vec(usize::from(self.length) / 2)?)
    }
}

impl ObjectAttributes {
    /// The name of an object that is no file, if it has one.
    pub fn object_name(&self) -> Result<Option<Vec<u16>>, NTSTATUS> {
        if self.name.is_null() {
            return Ok(None);
        }
        if !self.root.is_null() {
            return Err(NTSTATUS::NOT_SUPPORTED);
        }
        Ok(Some(self.name.read()?.read()?).filter(|name| !name.is_empty()))
    }

    /// The full NT path: relative to the root handle when there is one.
    pub fn path(&self) -> Result<Vec<u16>, NTSTATUS> {
        let name = if self.name.is_null() { Vec::new() } else { self.name.read()?.read()? };
        if self.root.is_null() {
            return Ok(name);
        }
        let root: Arc<File> = object::get(self.root, 0)?;
        if root.kind == Kind::PipeFolder {
            return Ok([&abi::wide::wide("\\Device\\NamedPipe\\")[..], &name].concat());
        }
        let base = crate::path::from_host(&root.path()).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?;
        let mut path = abi::wide::wide("\\??\\");
        path.extend(base);
        if !name.is_empty() && path.last() != Some(&u16::from(b'\\')) {
            path.push(b'\\'.into());
        }
        path.extend(name);
        Ok(path)
    }

    /// The server's end of a pipe that this names the other end of: its handle, and no name.
    fn other_end_of(&self) -> Result<Option<Arc<File>>, NTSTATUS> {
        if self.root.is_null() || !self.name.is_null() && self.name.read()?.length != 0 {
            return Ok(None);
        }
        Ok(object::get::<File>(self.root, 0).ok().filter(|root| root.pipe.is_some()))
    }
}

/// Opens or creates a file.
#[export(ntdll, partial("no extended attributes, no open by id"))]
pub fn NtCreateFile(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatus>,
    _allocation: Ptr<i64>,
    file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    _ea: Ptr<u8>,
    _ea_len: u32,
) -> Result<(), NTSTATUS> {
    let attributes = attributes.read()?;
    let disposition = Disposition::from_number(disposition).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let how = CreateOptions { access, share, disposition, options, attributes: file_attributes };
    let (file, opened) = match attributes.other_end_of()? {
        Some(server) => (named_pipe::open_other_end(&server, &how)?, Opened::Opened),
        None => open(&attributes.path()?, &how)?,
    };
    let granted = file.access;
    let new = object::insert_inheritable(Arc::new(file), granted, attributes.attributes & OBJ_INHERIT != 0);
    handle.write(new)?;
    status.write(IoStatus { status: 0, information: opened as usize })?;
    Ok(())
}

/// Creates an instance of a named pipe, or a pipe without a name whose other end is opened relative to this one.
#[export(ntdll, partial("the time-out is ignored"))]
pub fn NtCreateNamedPipeFile(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatus>,
    share: u32,
    disposition: u32,
    options: u32,
    kind: u32,
    read_mode: u32,
    completion_mode: u32,
    max_instances: u32,
    in_size: u32,
    out_size: u32,
    _timeout: Ptr<i64>,
) -> Result<(), NTSTATUS> {
    // FILE_PIPE_MESSAGE_TYPE, FILE_PIPE_MESSAGE_MODE and FILE_PIPE_COMPLETE_OPERATION are 1.
    let (messages, message_reads) = (kind & 1 != 0, read_mode & 1 != 0);
    let disposition = Disposition::from_number(disposition).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let known = matches!(disposition, Disposition::Create | Disposition::Open | Disposition::OpenIf);
    if !known || share & 3 == 0 || message_reads && !messages || max_instances == 0 {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let attributes = attributes.read()?;
    let configuration = Configuration {
        access: crate::access::map_generic(access, "File"),
        options,
        first: disposition == Disposition::Create,
        messages,
        message_reads,
        no_wait: completion_mode & 1 != 0,
        share,
        max_instances,
        in_size,
        out_size,
    };
    let name = match crate::path::place(&attributes.path()?)? {
        crate::path::Place::Pipe(name) => name,
        _ => return Err(NTSTATUS::OBJECT_NAME_INVALID),
    };
    if disposition == Disposition::Open && !named_pipe::probe(&name).0 {
        return Err(NTSTATUS::OBJECT_NAME_NOT_FOUND);
    }
    let file = if name.is_empty() { named_pipe::create_unnamed(&configuration)? } else { named_pipe::create(&name, &configuration)? };
    let granted = file.access;
    handle.write(object::insert_inheritable(Arc::new(file), granted, attributes.attributes & OBJ_INHERIT != 0))?;
    Ok(status.write(IoStatus { status: 0, information: Opened::Created as usize })?)
}

/// Opens a file.
#[export(ntdll, full)]
pub fn NtOpenFile(
    handle: Ptr<HANDLE>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatus>,
    share: u32,
    options: u32,
) -> Result<(), NTSTATUS> {
    NtCreateFile(handle, access, attributes, status, Ptr::NULL, 0, share, 1, options, Ptr::NULL, 0)
}

/// Does one read or write and reports it: status block, event, completion port, APC.
fn transfer(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<IoStatus>,
    offset: Ptr<i64>,
    operation: Operation,
    addr: usize,
    len: usize,
) -> Result<NTSTATUS, NTSTATUS> {
    let needed = match operation {
        Operation::Read => crate::access::FILE_READ_DATA,
        Operation::Write => crate::access::FILE_WRITE_DATA | crate::access::FILE_APPEND_DATA,
    };
    let entry = object::table_info(handle)?;
    let file: Arc<File> = object::downcast(entry.object).ok_or(NTSTATUS::OBJECT_TYPE_MISMATCH)?;
    if entry.access & needed == 0 {
        return Err(NTSTATUS::ACCESS_DENIED);
    }
    let offset = match (offset.is_null(), offset.addr()) {
        (true, _) => None,
        _ => match offset.read()? {
            -2 => None, // FILE_USE_FILE_POINTER_POSITION
            at => Some(at as u64),
        },
    };
    let request = Request::of_call(event, apc, context, status.addr())?;
    submit(&file, operation, addr, len, offset, request)?.into()
}

/// Reads from a file.
#[export(ntdll, full)]
pub fn NtReadFile(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<IoStatus>,
    buffer: Ptr<u8>,
    len: u32,
    offset: Ptr<i64>,
    _key: Ptr<u32>,
) -> Result<NTSTATUS, NTSTATUS> {
    transfer(handle, event, apc, context, status, offset, Operation::Read, buffer.addr(), len as usize)
}

/// Writes to a file.
#[export(ntdll, full)]
pub fn NtWriteFile(
    handle: HANDLE,
    event: HANDLE,
    apc: GuestFn,
    context: usize,
    status: Ptr<IoStatus>,
    buffer: Ptr<u8>,
    len: u32,
    offset: Ptr<i64>,
    _key: Ptr<u32>,
) -> Result<NTSTATUS, NTSTATUS> {
    transfer(handle, event, apc, context, status, offset, Operation::Write, buffer.addr(), len as usize)
}

/// Forces a file's contents to disk.
#[export(ntdll, full)]
pub fn NtFlushBuffersFile(handle: HANDLE, status: Ptr<IoStatus>) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    if file.kind == super::Kind::Disk {
        host::file::sync(file.fd()).map_err(crate::errno_to_status)?;
    }
    status.write(IoStatus::default())?;
    Ok(())
}
