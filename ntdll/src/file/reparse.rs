//! Reparse points: symbolic links and junctions, which are symbolic links of the host. A junction's target ends in `/.`, which
//! leads to the same folder and tells it from a link. A target that is rooted, on the drive of the link whichever that is
//! (`\x`), begins with `//`, which to the host is the same as `/`.
//! <https://learn.microsoft.com/openspecs/windows_protocols/ms-fscc/c3a420cb-8a72-4adf-87e8-eee95379d78f>

use super::{File, Kind};
use crate::errno_to_status;
use crate::path::{self, PathType, Place};
use abi::{NTSTATUS, wide};
use host::file as hf;

/// IO_REPARSE_TAG_SYMLINK and IO_REPARSE_TAG_MOUNT_POINT.
pub const TAG_SYMLINK: u32 = 0xa000_000c;
pub const TAG_MOUNT_POINT: u32 = 0xa000_0003;

pub const FSCTL_SET_REPARSE_POINT: u32 = 0x0009_00a4;
pub const FSCTL_GET_REPARSE_POINT: u32 = 0x0009_00a8;
pub const FSCTL_DELETE_REPARSE_POINT: u32 = 0x0009_00ac;

const IO_REPARSE_DATA_INVALID: NTSTATUS = NTSTATUS(0xc000_0278);
const IO_REPARSE_TAG_INVALID: NTSTATUS = NTSTATUS(0xc000_0276);
/// SYMLINK_FLAG_RELATIVE.
const RELATIVE: u32 = 1;

/// The tag of a link with that target on the host.
pub fn tag_of(target: &[u8]) -> u32 {
    if target.starts_with(b"/") && target.ends_with(b"/.") { TAG_MOUNT_POINT } else { TAG_SYMLINK }
}

impl File {
    /// The tag of a file that is a link itself, else 0.
    pub fn reparse_tag(&self) -> u32 {
        if self.is_link { hf::read_link(&self.path()).map_or(TAG_SYMLINK, |target| tag_of(&target)) } else { 0 }
    }
}

/// REPARSE_DATA_BUFFER of a link.
pub fn get(file: &File) -> Result<Vec<u8>, NTSTATUS> {
    if !file.is_link {
        return Err(NTSTATUS::NOT_A_REPARSE_POINT);
    }
    let mut target = hf::read_link(&file.path()).map_err(errno_to_status)?;
    let tag = tag_of(&target);
    if tag == TAG_MOUNT_POINT {
        target.truncate((target.len() - 2).max(1));
    }
    let rooted = rooted_target(&target, &file.path());
    let absolute = target.first() == Some(&b'/') && rooted.is_none();
    let print: Vec<u16> = if let Some(rooted) = rooted {
        rooted
    } else if absolute {
        path::from_host(&target).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?
    } else {
        wide::from_host_bytes(&target).into_iter().map(|u| if u == u16::from(b'/') { u16::from(b'\\') } else { u }).collect()
    };
    let substitute = if absolute { [&wide::wide("\\??\\")[..], &print].concat() } else { print.clone() };
    // A junction's names end in NULs.
    let end = if tag == TAG_MOUNT_POINT { &[0u16][..] } else { &[] };
    let names: Vec<u16> = [&substitute[..], end, &print, end].concat();
    let flags_size = if tag == TAG_SYMLINK { 4 } else { 0 };
    let mut out = tag.to_le_bytes().to_vec();
    out.extend(((8 + flags_size + names.len() * 2) as u16).to_le_bytes());
    out.extend(0u16.to_le_bytes());
    for word in [0, substitute.len() * 2, (substitute.len() + end.len()) * 2, print.len() * 2] {
        out.extend((word as u16).to_le_bytes());
    }
    if tag == TAG_SYMLINK {
        out.extend(if absolute { 0 } else { RELATIVE }.to_le_bytes());
    }
    out.extend(names.iter().flat_map(|u| u.to_le_bytes()));
    Ok(out)
}

/// The target of a rooted link, such as `\x`.
fn rooted_target(target: &[u8], link: &[u8]) -> Option<Vec<u16>> {
    let path = path::from_host(target.strip_prefix(b"/").filter(|rest| rest.starts_with(b"/"))?)?;
    let drive = path::from_host(link)?;
    (path.first() == drive.first()).then(|| path[2..].to_vec())
}

/// The host's target for a link at `link` to a DOS path. It need not exist.
pub fn host_target(target: &[u16], link: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    let place = |dos: &[u16]| match path::place(&path::nt_path(dos)?)? {
        Place::Host(exact, _) => Ok(crate::spelling::resolve_case(&exact).unwrap_or(exact)),
        _ => Err(NTSTATUS::OBJECT_NAME_INVALID),
    };
    match path::path_type(target) {
        PathType::Relative => {
            let slashed: Vec<u16> = target.iter().map(|&u| if u == u16::from(b'\\') { u16::from(b'/') } else { u }).collect();
            Ok(wide::to_host_bytes(&slashed))
        }
        PathType::Rooted => {
            let drive = path::from_host(link).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?;
            Ok([b"/", &place(&[&drive[..2], target].concat())?[..]].concat())
        }
        _ => place(target),
    }
}

/// Where a REPARSE_DATA_BUFFER of a link at `link` leads, on the host.
fn target_of(data: &[u8], link: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    let word = |at: usize| data.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).ok_or(IO_REPARSE_DATA_INVALID);
    let long = |at: usize| Ok::<u32, NTSTATUS>((word(at)? | word(at + 2)? << 16) as u32);
    let tag = long(0)?;
    let (names, relative) = match tag {
        TAG_MOUNT_POINT => (16, false),
        TAG_SYMLINK => (20, long(16)? & RELATIVE != 0),
        _ => return Err(IO_REPARSE_TAG_INVALID),
    };
    let (start, len) = (names + word(8)?, word(10)?);
    let bytes = data.get(start..start + len).ok_or(IO_REPARSE_DATA_INVALID)?;
    let name: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    if relative {
        return host_target(&name, link);
    }
    let Place::Host(mut host, _) = path::place(&name)? else { return Err(IO_REPARSE_DATA_INVALID) };
    if tag == TAG_MOUNT_POINT {
        host.extend(b"/.");
    }
    Ok(host)
}

/// Makes an empty folder or file a link or junction.
pub fn set(file: &File, data: &[u8]) -> Result<(), NTSTATUS> {
    let at = file.path();
    let target = target_of(data, &at)?;
    let is_folder = file.kind == Kind::Directory;
    let removed = if is_folder { hf::remove_dir(&at) } else { hf::unlink(&at) };
    removed.map_err(errno_to_status)?;
    hf::symlink(&target, &at).map_err(|errno| {
        if is_folder {
            let _ = hf::make_dir(&at, 0o777);
        }
        errno_to_status(errno)
    })
}

/// Makes a link an empty folder or file again.
pub fn delete(file: &File) -> Result<(), NTSTATUS> {
    if !file.is_link {
        return Err(NTSTATUS::NOT_A_REPARSE_POINT);
    }
    let at = file.path();
    let is_folder = hf::stat(&at).is_ok_and(|stat| stat.kind == hf::FileType::Directory);
    hf::unlink(&at).map_err(errno_to_status)?;
    if is_folder {
        return hf::make_dir(&at, 0o777).map_err(errno_to_status);
    }
    hf::open(&at, hf::O_RDWR | hf::O_CREAT | hf::O_EXCL, 0o666).map(drop).map_err(errno_to_status)
}

/// The reparse control codes: what they return. None: another code.
pub fn control(file: &File, code: u32, input: &[u8]) -> Option<Result<Vec<u8>, NTSTATUS>> {
    Some(match code {
        FSCTL_GET_REPARSE_POINT => get(file),
        FSCTL_SET_REPARSE_POINT => set(file, input).map(|()| Vec::new()),
        FSCTL_DELETE_REPARSE_POINT => delete(file).map(|()| Vec::new()),
        _ => return None,
    })
}
