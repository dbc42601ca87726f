//! The Nt* functions that query and change files, folders and volumes by information class
//! (ntifs.h, FILE_INFORMATION_CLASS and FS_INFORMATION_CLASS).

use super::{BasicInfo, File, IoStatus, Kind, ObjectAttributes, UnicodeString, attributes, basic_info, named_pipe, query_path};
use crate::object;
use crate::path;
use abi::{GuestFn, HANDLE, NTSTATUS, Ptr, export};
use std::sync::Arc;

/// A record under construction.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn u64(mut self, value: u64) -> Record {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Record {
        self.0.extend(value.to_le_bytes());
        self
    }
    fn bytes(mut self, bytes: &[u8]) -> Record {
        self.0.extend_from_slice(bytes);
        self
    }
    fn wide(mut self, text: &[u16]) -> Record {
        self.0.extend(text.iter().flat_map(|u| u.to_le_bytes()));
        self
    }
    fn basic(self, info: &BasicInfo) -> Record {
        self.u64(info.creation_time as u64)
            .u64(info.last_access_time as u64)
            .u64(info.last_write_time as u64)
            .u64(info.change_time as u64)
            .u32(info.attributes)
    }
}

/// Writes a record; when it does not fit, its beginning, if that is at least `fixed` bytes.
fn give(record: Record, fixed: usize, to: Ptr<u8>, len: u32, status: Ptr<IoStatus>) -> Result<(), NTSTATUS> {
    let len = len as usize;
    if len < fixed {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    let n = record.0.len().min(len);
    to.write_slice(&record.0[..n])?;
    let code = if n < record.0.len() { NTSTATUS::BUFFER_OVERFLOW } else { NTSTATUS::SUCCESS };
    status.write(IoStatus { status: code.0 as usize, information: n })?;
    if code == NTSTATUS::SUCCESS { Ok(()) } else { Err(code) }
}

/// The path from the volume's root, such as `\x\y`.
fn volume_path(file: &File) -> Vec<u16> {
    path::from_host(&file.path()).and_then(|p| p.get(2..).map(<[u16]>::to_vec)).unwrap_or_default()
}

/// Facts about an open file.
#[export(ntdll, partial("no streams, pipes and quotas"))]
pub fn NtQueryInformationFile(handle: HANDLE, status: Ptr<IoStatus>, to: Ptr<u8>, len: u32, class: u32) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    let stat = file.stat()?;
    let info = basic_info(&stat, file.is_link);
    let directory = file.kind == Kind::Directory;
    let size = if directory { 0 } else { stat.size };
    let standard =
        |r: Record| r.u64(stat.allocated).u64(size).u32(stat.links).bytes(&[file.is_delete_pending().into(), directory.into(), 0, 0]);
    let name = || volume_path(&file);
    let record = Record::default();
    let (record, fixed) = match class {
        4 => (record.basic(&info).u32(0), 40),
        5 => (standard(record), 24),
        6 => (record.u64(stat.ino), 8),
        7 => (record.u32(0), 4),
        8 => (record.u32(file.access), 4),
        9 | 48 => {
            let name = name();
            (record.u32((name.len() * 2) as u32).wide(&name), 8)
        }
        14 => (record.u64(file.position().unwrap_or(0)), 8),
        16 => (record.u32(file.options & 0x103e), 4),
        17 => (record.u32(0), 4),
        18 => {
            let name = name();
            let position = file.position().unwrap_or(0);
            let all =
                standard(record.basic(&info).u32(0)).u64(stat.ino).u32(0).u32(file.access).u64(position).u32(file.options & 0x103e).u32(0);
            (all.u32((name.len() * 2) as u32).wide(&name), 104)
        }
        34 => {
            let times = record.u64(info.creation_time as u64).u64(info.last_access_time as u64).u64(info.last_write_time as u64);
            (times.u64(info.change_time as u64).u64(stat.allocated).u64(size).u32(info.attributes).u32(0), 56)
        }
        35 => (record.u32(info.attributes).u32(file.reparse_tag()), 8),
        // FilePipeInformation (byte stream, blocking) and FilePipeLocalInformation.
        23 if file.kind == Kind::Pipe => {
            let (message_reads, no_wait) = file.pipe.as_ref().map_or((false, false), |pipe| pipe.modes());
            (record.u32(message_reads.into()).u32(no_wait.into()), 8)
        }
        24 if file.kind == Kind::Pipe => {
            let available = host::file::available(file.fd()).unwrap_or(0) as u32;
            let facts = named_pipe::local_information(&file, available);
            (facts.into_iter().fold(record, Record::u32), 40)
        }
        59 => (record.u64(stat.dev).u64(stat.ino).u64(0), 24),
        68 => {
            // FILE_STAT_INFORMATION
            let times =
                record.u64(stat.ino).u64(info.creation_time as u64).u64(info.last_access_time as u64).u64(info.last_write_time as u64);
            let sizes = times.u64(info.change_time as u64).u64(stat.allocated).u64(size).u32(info.attributes);
            (sizes.u32(file.reparse_tag()).u32(stat.links).u32(file.access), 72)
        }
        _ => return Err(NTSTATUS::INVALID_INFO_CLASS),
    };
    give(record, fixed, to, len, status)
}

/// Target of a rename or link: relative to a folder's handle, an NT path, or a name in the same folder.
fn target(file: &File, from: Ptr<u8>) -> Result<Vec<u16>, NTSTATUS> {
    let root: HANDLE = from.byte_add(8).cast().read()?;
    let len = from.byte_add(16).cast::<u32>().read()? as usize;
    let name = from.byte_add(20).cast::<u16>().read_vec(len / 2)?;
    if name.first() == Some(&u16::from(b'\\')) && root.is_null() {
        return Ok(name);
    }
    let folder = if root.is_null() {
        let path = file.path();
        path[..path.iter().rposition(|&b| b == b'/').unwrap_or(0)].to_vec()
    } else {
        object::get::<File>(root, 0)?.path()
    };
    let base = path::from_host(&folder).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?;
    Ok([&abi::wide::wide("\\??\\")[..], &base, &[u16::from(b'\\')], &name].concat())
}

/// Changes an open file.
#[export(ntdll, partial("no streams, no quotas"))]
pub fn NtSetInformationFile(handle: HANDLE, status: Ptr<IoStatus>, from: Ptr<u8>, len: u32, class: u32) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    let need = |n: u32| if len < n { Err(NTSTATUS::INFO_LENGTH_MISMATCH) } else { Ok(()) };
    match class {
        4 => {
            need(40)?;
            file.set_basic_info(&from.cast::<BasicInfo>().read()?)?;
        }
        10 | 65 => {
            need(24)?;
            let flags = if class == 10 { u32::from(from.read()?) } else { from.cast::<u32>().read()? };
            file.rename(&target(&file, from)?, flags & 1 != 0)?;
        }
        11 | 72 => {
            need(24)?;
            file.link(&target(&file, from)?, from.read()? & 1 != 0)?;
        }
        13 => {
            need(1)?;
            file.set_disposition(from.read()? != 0, false, false)?;
        }
        64 => {
            need(4)?;
            let flags: u32 = from.cast().read()?;
            file.set_disposition(flags & 1 != 0, flags & 2 != 0, flags & 0x10 != 0)?;
        }
        14 => {
            need(8)?;
            file.set_position(from.cast::<u64>().read()?)?;
        }
        19 => {
            need(8)?;
            let size: u64 = from.cast().read()?;
            if size < file.stat()?.size {
                file.set_end_of_file(size)?;
            }
        }
        20 => {
            need(8)?;
            file.set_end_of_file(from.cast::<u64>().read()?)?;
        }
        30 => {
            need(16)?;
            let port: Arc<crate::port::Port> = object::get(from.cast::<HANDLE>().read()?, 0)?;
            let mut slot = file.completion.lock();
            if slot.is_some() {
                return Err(NTSTATUS::INVALID_PARAMETER);
            }
            *slot = Some((port, from.byte_add(8).cast::<usize>().read()?));
        }
        23 if file.kind == Kind::Pipe => {
            need(8)?;
            let [message_reads, no_wait]: [u32; 2] = from.cast().read()?;
            match &file.pipe {
                Some(pipe) => pipe.set_modes(message_reads != 0, no_wait != 0)?,
                None if message_reads != 0 => return Err(NTSTATUS::INVALID_PARAMETER),
                None => {}
            }
        }
        // FILE_IO_COMPLETION_NOTIFICATION_INFORMATION.
        41 => {
            need(4)?;
            file.add_notification_modes(from.cast::<u32>().read()?)?;
        }
        _ => return Err(NTSTATUS::INVALID_INFO_CLASS),
    }
    Ok(status.write(IoStatus::default())?)
}

/// Facts about the volume of an open file.
#[export(ntdll, partial("volume, size, device, attribute and full size information"))]
pub fn NtQueryVolumeInformationFile(handle: HANDLE, status: Ptr<IoStatus>, to: Ptr<u8>, len: u32, class: u32) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    let record = Record::default();
    if class == 4 {
        // FILE_FS_DEVICE_INFORMATION: named pipe, console, null or disk.
        let device = match file.kind {
            Kind::Pipe | Kind::PipeFolder => 0x11,
            Kind::Console => 0x50,
            Kind::Char => 0x15,
            _ => 7,
        };
        return give(record.u32(device).u32(if device == 7 { 0x20 } else { 0 }), 8, to, len, status);
    }
    let volume = host::file::volume(file.fd()).map_err(crate::errno_to_status)?;
    let units = |blocks: u64| blocks * volume.block / 4096;
    let (record, fixed) = match class {
        1 => (record.u64(0).u32(file.stat()?.dev as u32 ^ 0x756f_7372).u32(0).bytes(&[0, 0]), 18),
        3 => (record.u64(units(volume.blocks)).u64(units(volume.available)).u32(8).u32(512), 24),
        5 => (record.u32(0x0040_0086).u32(255).u32(8).wide(&abi::wide::wide("NTFS")), 12),
        7 => (record.u64(units(volume.blocks)).u64(units(volume.available)).u64(units(volume.free)).u32(8).u32(512), 32),
        _ => return Err(NTSTATUS::INVALID_INFO_CLASS),
    };
    give(record, fixed, to, len, status)
}

/// Lists a folder.
#[export(ntdll, partial("finishes before it returns"))]
pub fn NtQueryDirectoryFile(
    handle: HANDLE,
    _event: HANDLE,
    _apc: GuestFn,
    _context: usize,
    status: Ptr<IoStatus>,
    to: Ptr<u8>,
    len: u32,
    class: u32,
    single: bool,
    pattern: Ptr<UnicodeString>,
    restart: bool,
) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, crate::access::FILE_READ_DATA)?;
    if file.kind != Kind::Directory {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    let header = match class {
        1 => 64,   // FileDirectoryInformation
        2 => 68,   // FileFullDirectoryInformation
        3 => 94,   // FileBothDirectoryInformation
        12 => 12,  // FileNamesInformation
        37 => 104, // FileIdBothDirectoryInformation
        38 => 80,  // FileIdFullDirectoryInformation
        _ => return Err(NTSTATUS::INVALID_INFO_CLASS),
    };
    let pattern = if pattern.is_null() { None } else { Some(pattern.read()?.read()?).filter(|p| !p.is_empty()) };
    let (mut at, mut previous, mut stop) = (0usize, None::<usize>, false);
    file.list(pattern.as_deref(), restart, |entry| {
        let start = at.next_multiple_of(8);
        let size = header + entry.name.len() * 2;
        if stop || start + size > len as usize {
            return false;
        }
        let info = basic_info(&entry.stat, entry.is_link);
        let directory = info.attributes & super::ATTRIBUTE_DIRECTORY != 0;
        let mut record = vec![0u8; size];
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        let name_len = ((entry.name.len() * 2) as u32).to_le_bytes();
        if class == 12 {
            put(8, &name_len);
        } else {
            for (index, time) in [info.creation_time, info.last_access_time, info.last_write_time, info.change_time].iter().enumerate() {
                put(8 + index * 8, &time.to_le_bytes());
            }
            put(40, &(if directory { 0 } else { entry.stat.size }).to_le_bytes());
            put(48, &entry.stat.allocated.to_le_bytes());
            put(56, &info.attributes.to_le_bytes());
            put(60, &name_len);
            if class != 1 && entry.is_link {
                put(64, &super::reparse::TAG_SYMLINK.to_le_bytes());
            }
            match class {
                37 => put(96, &entry.stat.ino.to_le_bytes()),
                38 => put(72, &entry.stat.ino.to_le_bytes()),
                _ => {}
            }
        }
        for (index, unit) in entry.name.iter().enumerate() {
            put(header + index * 2, &unit.to_le_bytes());
        }
        let _ = to.byte_add(start).write_slice(&record);
        if let Some(previous) = previous {
            let _ = to.byte_add(previous).cast::<u32>().write((start - previous) as u32);
        }
        previous = Some(start);
        at = start + size;
        stop = single;
        true
    })?;
    if previous.is_none() {
        return Err(NTSTATUS::BUFFER_OVERFLOW);
    }
    Ok(status.write(IoStatus { status: 0, information: at })?)
}

/// Times and attributes of a file by name.
#[export(ntdll, full)]
pub fn NtQueryAttributesFile(name: Ptr<ObjectAttributes>, to: Ptr<BasicInfo>) -> Result<(), NTSTATUS> {
    let (stat, is_link) = query_path(&name.read()?.path()?, false)?;
    Ok(to.write(basic_info(&stat, is_link))?)
}

/// Times, sizes and attributes of a file by name.
#[export(ntdll, full)]
pub fn NtQueryFullAttributesFile(name: Ptr<ObjectAttributes>, to: Ptr<[u64; 7]>) -> Result<(), NTSTATUS> {
    let (stat, is_link) = query_path(&name.read()?.path()?, false)?;
    let info = basic_info(&stat, is_link);
    let bits = u64::from(attributes(&stat, is_link));
    let times = [info.creation_time, info.last_access_time, info.last_write_time, info.change_time].map(|t| t as u64);
    Ok(to.write([times[0], times[1], times[2], times[3], stat.allocated, stat.size, bits])?)
}

/// Deletes a file by name.
#[export(ntdll, full)]
pub fn NtDeleteFile(name: Ptr<ObjectAttributes>) -> Result<(), NTSTATUS> {
    let how = super::CreateOptions {
        access: crate::access::DELETE,
        share: 7,
        disposition: super::Disposition::Open,
        options: super::open::FILE_OPEN_REPARSE_POINT,
        attributes: 0,
    };
    let (file, _) = super::open(&name.read()?.path()?, &how)?;
    file.set_disposition(true, true, false)
}

/// Locks a range of bytes.
#[export(ntdll, partial("finishes before it returns"))]
pub fn NtLockFile(
    handle: HANDLE,
    _event: HANDLE,
    _apc: GuestFn,
    _context: usize,
    status: Ptr<IoStatus>,
    offset: Ptr<u64>,
    len: Ptr<u64>,
    _key: u32,
    at_once: bool,
    exclusive: bool,
) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    file.lock(offset.read()?, len.read()?, exclusive, !at_once)?;
    Ok(status.write(IoStatus::default())?)
}

/// Unlocks a range of bytes.
#[export(ntdll, full)]
pub fn NtUnlockFile(handle: HANDLE, status: Ptr<IoStatus>, offset: Ptr<u64>, len: Ptr<u64>, _key: u32) -> Result<(), NTSTATUS> {
    let file: Arc<File> = object::get(handle, 0)?;
    file.unlock(offset.read()?, len.read()?)?;
    Ok(status.write(IoStatus::default())?)
}

/// Cancels pending operations: all of a file, or one.
#[export(ntdll, full)]
pub fn NtCancelIoFileEx(handle: HANDLE, which: Ptr<IoStatus>, status: Ptr<IoStatus>) -> Result<(), NTSTATUS> {
    let file = object::get::<File>(handle, 0)?;
    let result = if super::cancel(&file, which.non_null().map(Ptr::addr)) { NTSTATUS::SUCCESS } else { NTSTATUS::NOT_FOUND };
    status.write(IoStatus { status: result.0 as usize, information: 0 })?;
    if result.is_ok() { Ok(()) } else { Err(result) }
}

/// Cancels what a thread waits for in a read, a write or a connection.
#[export(ntdll, partial("reads and writes of pipes and terminals, and the wait for a pipe's client"))]
pub fn NtCancelSynchronousIoFile(thread: HANDLE, _which: Ptr<IoStatus>, status: Ptr<IoStatus>) -> Result<(), NTSTATUS> {
    let thread = crate::thread::from_handle(thread, 0)?;
    let result = if super::cancel_thread(thread.id()) { NTSTATUS::SUCCESS } else { NTSTATUS::NOT_FOUND };
    status.write(IoStatus { status: result.0 as usize, information: 0 })?;
    if result.is_ok() { Ok(()) } else { Err(result) }
}

/// Facts about an object, by class: 0 basic, 1 name, 2 type.
#[export(ntdll, partial("basic, name of files, type"))]
pub fn NtQueryObject(handle: HANDLE, class: u32, to: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), NTSTATUS> {
    let entry = object::table_info(handle)?;
    let text = match class {
        0 => {
            let info = entry.info();
            let record = Record::default().u32(0).u32(info.access).u32(info.handles as u32).u32(info.handles as u32).bytes(&[0; 40]);
            returned.write_opt(56)?;
            return if len < 56 { Err(NTSTATUS::INFO_LENGTH_MISMATCH) } else { Ok(to.write_slice(&record.0)?) };
        }
        1 => match object::downcast::<File>(entry.object.clone()) {
            Some(file) => {
                let path = path::from_host(&file.path()).unwrap_or_default();
                match path.first() {
                    Some(&letter) => [&path::volume_device(letter as u8)[..], &path[2..]].concat(),
                    None => Vec::new(),
                }
            }
            None => object::name_of(&entry.object).unwrap_or_default(),
        },
        2 => abi::wide::wide(entry.object.type_name()),
        _ => return Err(NTSTATUS::INVALID_INFO_CLASS),
    };
    // A UNICODE_STRING, for types followed by numbers that are 0 here, and the text behind.
    let fixed = if class == 2 { 104 } else { 16 };
    let size = fixed + text.len() * 2 + 2;
    returned.write_opt(size as u32)?;
    if (len as usize) < size {
        return Err(NTSTATUS::INFO_LENGTH_MISMATCH);
    }
    let bytes = (text.len() * 2) as u16;
    to.write_slice(&vec![0u8; size])?;
    to.cast::<UnicodeString>().write(UnicodeString { length: bytes, maximum: bytes + 2, buffer: to.byte_add(fixed).cast() })?;
    Ok(to.byte_add(fixed).cast::<u16>().write_slice(&text)?)
}
