//! Reading and writing: the one way of ReadFile, NtReadFile and their like.

use super::pending::{self, Request, Started};
use super::{Done, File, Kind, stream};
use crate::errno_to_status;
use abi::NTSTATUS;
use host::pipe::{READABLE, WRITABLE};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Read,
    Write,
}

/// Reads or writes guest (or host) memory, waiting for it. `offset` None: at the file's position.
pub fn transfer(file: &File, operation: Operation, addr: usize, len: usize, offset: Option<u64>) -> Done {
    match operation {
        _ if file.kind == Kind::Directory => Done::failed(NTSTATUS::INVALID_DEVICE_REQUEST),
        Operation::Read if file.is_stream() => stream::wait(file, READABLE, || file.read_now(addr, len)),
        Operation::Write if file.is_stream() => {
            let mut written = 0;
            stream::wait(file, WRITABLE, || file.write_now(addr, len, &mut written))
        }
        Operation::Read => file.read_disk(addr, len, offset).into(),
        Operation::Write => file.write_disk(addr, len, offset).into(),
    }
}

/// Tries until something comes of it, in a way that can be cancelled. `attempt` may read from the file.
pub fn wait(file: &File, attempt: impl FnMut() -> Option<Done>) -> Done {
    stream::wait(file, READABLE, attempt)
}

/// Starts to read or write. Disk files and synchronous handles are done with it at once.
pub fn submit(
    file: &Arc<File>,
    operation: Operation,
    addr: usize,
    len: usize,
    offset: Option<u64>,
    request: Request,
) -> Result<Started, NTSTATUS> {
    if file.is_stream() && !file.is_synchronous() {
        let own = file.clone();
        let mut written = 0;
        return match operation {
            Operation::Read => pending::start(file.clone(), READABLE, request, Box::new(move || own.read_now(addr, len))),
            Operation::Write => pending::start(file.clone(), WRITABLE, request, Box::new(move || own.write_now(addr, len, &mut written))),
        };
    }
    if let Some(event) = &request.event {
        event.reset();
    }
    let done = transfer(file, operation, addr, len, offset);
    if done.is_success() {
        pending::complete_at_once(file, request, done);
    } else {
        abi::Ptr::<[usize; 2]>::new(request.block).write([done.status.0 as usize, 0])?;
    }
    Ok(Started::Done(done))
}

impl File {
    /// Reads, waiting for it; see [`transfer`].
    pub fn read(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        transfer(self, Operation::Read, addr, len, offset).result()
    }

    /// Writes, waiting for it; see [`transfer`].
    pub fn write(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        transfer(self, Operation::Write, addr, len, offset).result()
    }

    fn read_disk(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        if !self.locks_allow(offset, len, false)? {
            return Err(NTSTATUS::FILE_LOCK_CONFLICT);
        }
        let got = match offset {
            Some(offset) => {
                let got = host::file::read_at(self.fd(), addr, len, offset);
                if self.is_synchronous()
                    && let Ok(n) = got
                {
                    let _ = host::file::seek(self.fd(), (offset + n as u64) as i64, 0);
                }
                got
            }
            None => host::file::read(self.fd(), addr, len),
        };
        match got {
            Ok(0) if len != 0 => Err(NTSTATUS::END_OF_FILE),
            Ok(n) => Ok(n),
            Err(host::Errno::EISDIR) => Err(NTSTATUS::INVALID_DEVICE_REQUEST),
            Err(host::Errno::EBADF) => Err(NTSTATUS::ACCESS_DENIED),
            Err(errno) => Err(errno_to_status(errno)),
        }
    }

    /// `offset` None: at the file's position, or at its end for handles that only append.
    fn write_disk(&self, addr: usize, len: usize, offset: Option<u64>) -> Result<usize, NTSTATUS> {
        if !self.locks_allow(offset, len, true)? {
            return Err(NTSTATUS::FILE_LOCK_CONFLICT);
        }
        let append_only =
            self.access & (crate::access::FILE_WRITE_DATA | crate::access::FILE_APPEND_DATA) == crate::access::FILE_APPEND_DATA;
        let offset = match offset {
            // 0xFFFFFFFF_FFFFFFFF means the end of the file (FILE_WRITE_TO_END_OF_FILE).
            Some(u64::MAX) => Some(self.stat()?.size),
            _ if append_only => Some(self.stat()?.size),
            other => other,
        };
        let mut done = 0;
        while done < len {
            let result = match offset {
                Some(offset) => host::file::write_at(self.fd(), addr + done, len - done, offset + done as u64),
                None => host::file::write(self.fd(), addr + done, len - done),
            };
            match result {
                Ok(n) => done += n,
                Err(host::Errno::EBADF) => return Err(NTSTATUS::ACCESS_DENIED),
                Err(_) if done != 0 => break,
                Err(errno) => return Err(errno_to_status(errno)),
            }
        }
        if let Some(offset) = offset
            && self.is_synchronous()
        {
            let _ = host::file::seek(self.fd(), (offset + done as u64) as i64, 0);
        }
        Ok(done)
    }
}
