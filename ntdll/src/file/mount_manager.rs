//! The mount manager (`\??\MountPointManager`): which drive letter stands for which volume (mountmgr.h).
//! <https://learn.microsoft.com/windows-hardware/drivers/ddi/mountmgr/>

use crate::path::{self, eq_name};
use abi::NTSTATUS;
use abi::wide::wide;

const IOCTL_MOUNTMGR_QUERY_POINTS: u32 = 0x006d_0008;
const IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATH: u32 = 0x006d_0030;
const IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATHS: u32 = 0x006d_0034;

/// MOUNTMGR_MOUNT_POINT: the place and length of a symbolic link's name, of a unique id and of a device's name.
const MOUNT_POINT: usize = 24;
/// MOUNTMGR_MOUNT_POINTS without its points.
const MOUNT_POINTS: usize = 8;

/// One drive letter.
struct Point {
    link: Vec<u8>,
    id: Vec<u8>,
    device: Vec<u8>,
}

fn bytes(text: &[u16]) -> Vec<u8> {
    text.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn points() -> Vec<Point> {
    let point = |letter: u8| {
        let folder = path::folder_of_drive(letter).and_then(|folder| host::file::stat(&folder).ok());
        let (dev, ino) = folder.map_or((0, 0), |stat| (stat.dev, stat.ino));
        Point {
            link: bytes(&wide(&format!("\\DosDevices\\{}:", letter as char))),
            id: [dev.to_le_bytes(), ino.to_le_bytes()].concat(),
            device: bytes(&path::volume_device(letter)),
        }
    };
    path::drives().into_iter().map(point).collect()
}

/// What a request asks for, as MOUNTMGR_MOUNT_POINT describes it: by link, else by id, else by device, else all.
fn selected(input: &[u8]) -> Result<Vec<Point>, NTSTATUS> {
    let header = input.get(..MOUNT_POINT).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let field = |index: usize| {
        let at = index * 8;
        let offset = u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
        let len = usize::from(u16::from_le_bytes([header[at + 4], header[at + 5]]));
        input.get(offset..).and_then(|rest| rest.get(..len)).ok_or(NTSTATUS::INVALID_PARAMETER)
    };
    let (link, id, device) = (field(0)?, field(1)?, field(2)?);
    let same = |a: &[u8], b: &[u8]| eq_name(&units(a), &units(b));
    let mut points = points();
    points.retain(|point| match (link, id, device) {
        ([_, ..], ..) => same(&point.link, link),
        (_, [_, ..], _) => point.id == id,
        (.., [_, ..]) => same(&point.device, device),
        _ => true,
    });
    if points.is_empty() { Err(NTSTATUS::OBJECT_NAME_NOT_FOUND) } else { Ok(points) }
}

/// MOUNTMGR_MOUNT_POINTS.
fn record(points: &[Point]) -> Vec<u8> {
    let mut texts: Vec<u8> = Vec::new();
    let mut out = vec![0; MOUNT_POINTS];
    let start = MOUNT_POINTS + points.len() * MOUNT_POINT;
    for point in points {
        for text in [&point.link, &point.id, &point.device] {
            out.extend(((start + texts.len()) as u32).to_le_bytes());
            out.extend((text.len() as u32).to_le_bytes());
            texts.extend(text);
        }
    }
    out.extend(texts);
    let size = (out.len() as u32).to_le_bytes();
    out[..4].copy_from_slice(&size);
    out[4..8].copy_from_slice(&(points.len() as u32).to_le_bytes());
    out
}

/// MOUNTMGR_VOLUME_PATHS of the volume that a MOUNTMGR_TARGET_NAME names.
fn volume_paths(input: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    let len = input.get(..2).map(|len| usize::from(u16::from_le_bytes([len[0], len[1]]))).ok_or(NTSTATUS::INVALID_PARAMETER)?;
    let name = units(input.get(2..2 + len).ok_or(NTSTATUS::INVALID_PARAMETER)?);
    let is_it = |letter: &u8| eq_name(&path::volume_device(*letter), &name);
    let letter = path::drives().into_iter().find(is_it).ok_or(NTSTATUS::OBJECT_NAME_NOT_FOUND)?;
    let list = bytes(&wide(&format!("{}:\0\0", letter as char)));
    Ok([&(list.len() as u32).to_le_bytes()[..], &list].concat())
}

/// Answers a control code. What does not fit is cut, and its first member still says how large it is.
pub(super) fn control(code: u32, input: &[u8], room: usize) -> Result<(NTSTATUS, Vec<u8>), NTSTATUS> {
    let (mut out, fixed) = match code {
        IOCTL_MOUNTMGR_QUERY_POINTS if room < MOUNT_POINTS + MOUNT_POINT => return Err(NTSTATUS::INVALID_PARAMETER),
        IOCTL_MOUNTMGR_QUERY_POINTS => (record(&selected(input)?), MOUNT_POINTS),
        IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATH | IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATHS => (volume_paths(input)?, 4),
        _ => return Err(NTSTATUS::INVALID_DEVICE_REQUEST),
    };
    if room < fixed {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    if out.len() <= room {
        return Ok((NTSTATUS::SUCCESS, out));
    }
    out.truncate(fixed);
    Ok((NTSTATUS::BUFFER_OVERFLOW, out))
}
