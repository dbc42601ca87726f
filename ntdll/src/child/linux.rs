//! Children that are Linux programs: files of the drive that stands for the root folder of a prefix.
//!
//! They get standard handles, the environment, the current directory and the exit code; other handles they would not know.

use super::{ChildProcess, ChildThread, Start, gate, watch};
use crate::file::File;
use crate::{errno_to_status, path};
use abi::NTSTATUS;
use host::spawn::Spawn;
use std::ffi::{CString, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

/// Where programs look for others if nothing says so.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The root folder of the prefix's Linux programs.
fn root() -> Vec<u8> {
    [path::prefix(), b"/root"].concat()
}

/// The path inside the root of a host path.
fn inside(host: &[u8]) -> Option<Vec<u8>> {
    let rest = host.strip_prefix(&root()[..])?;
    match rest {
        [] => Some(b"/".to_vec()),
        [b'/', ..] => Some(rest.to_vec()),
        _ => None,
    }
}

/// Whether a file is a Linux program of the prefix: an ELF image or a script. Links lead to where they lead inside the root.
pub fn is_program(host_image: &[u8]) -> bool {
    let magic = || -> host::Result<[u8; 4]> {
        let path = inside(host_image).ok_or(host::Errno::ENOENT)?;
        let text = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| host::Errno::ENOENT);
        let file = host::linux::open_in_root(&text(root())?, &text(path)?)?;
        let mut magic = [0; 4];
        host::linux::pread(file.as_raw_fd(), &mut magic, 0)?;
        Ok(magic)
    };
    magic().is_ok_and(|magic| magic == *b"\x7fELF" || magic.starts_with(b"#!"))
}

/// The environment as a Linux program expects it: names of files of the root are its own names for them.
fn environment(entries: &[Vec<u16>]) -> Vec<(OsString, OsString)> {
    let own = |text: &[u16]| path::to_host(text).ok().and_then(|host| inside(&host));
    let mut list = Vec::new();
    let mut search = Vec::new();
    for entry in entries {
        // `=C:=C:\…` is the directory of a drive.
        let Some(at) = entry.iter().skip(1).position(|&unit| unit == u16::from(b'=')).map(|at| at + 1) else { continue };
        let (name, value) = (abi::wide::to_host_bytes(&entry[..at]), &entry[at + 1..]);
        match &name.to_ascii_uppercase()[..] {
            [b'=', ..] | b"TEMP" | b"TMP" => {}
            b"PATH" => search = value.split(|&unit| unit == u16::from(b';')).filter_map(own).collect(),
            b"HOME" => list.extend(own(value).map(|home| (name, home))),
            _ => list.push((name, abi::wide::to_host_bytes(value))),
        }
    }
    let search = if search.is_empty() { DEFAULT_PATH.to_vec() } else { search.join(&b':') };
    list.push((b"PATH".to_vec(), search));
    list.into_iter().map(|(name, value)| (OsString::from_vec(name), OsString::from_vec(value))).collect()
}

/// Starts a child. `arguments`: its command line, taken apart; `standard`: the files behind its standard handles.
pub fn spawn(
    start: &Start,
    arguments: &[Vec<u16>],
    standard: [Option<Arc<File>>; 3],
) -> Result<(Arc<ChildProcess>, Arc<ChildThread>), NTSTATUS> {
    let image = inside(&path::to_host(&start.image)?).ok_or(NTSTATUS::INVALID_IMAGE_FORMAT)?;
    let gate = if start.suspended { Some(gate().map_err(errno_to_status)?) } else { None };
    let os = OsString::from_vec;
    let mut list: Vec<OsString> = vec!["--prefix".into(), os(path::prefix().to_vec()), "--root".into(), os(root())];
    if let Some(gate) = &gate {
        list.extend(["--gate".into(), gate.as_raw_fd().to_string().into()]);
    }
    list.push(os(image));
    list.extend(arguments.iter().skip(1).map(|argument| os(abi::wide::to_host_bytes(argument))));
    let child = host::spawn::spawn_self(Spawn {
        arguments: &list,
        environment: Some(environment(&start.environment)),
        directory: Some(os(path::to_host(&start.directory)?)),
        standard: [0, 1, 2].map(|n: usize| standard[n].as_ref().map(|file| file.fd())),
        handover: None,
        kept: gate.iter().map(AsRawFd::as_raw_fd).collect(),
    });
    watch(child.map_err(errno_to_status)?, start.suspended, gate, None)
}
