//! Directories: the current one, the root, and reading them.

use crate::args::{Addr, Fd, Path};
use crate::call::Call;
use crate::dirent::{self, HEADER};
use crate::proc;
use crate::vfs::path::{PATH_MAX, PathBuffer, below};
use crate::vfs::resolve::Last;
use crate::vfs::{Source, Vfs, id};
use host::linux;
use host::{Errno, Result};
use std::os::fd::{AsRawFd, RawFd};

/// chdir(2)
pub fn chdir(call: &mut Call, path: Path) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let node = call.vfs.node(libc::AT_FDCWD, path.read(&mut buffer)?, Last::Follow)?;
    change_to(call.vfs, node.fd.as_raw_fd())
}

/// fchdir(2)
pub fn fchdir(call: &mut Call, dir: Fd) -> Result<usize> {
    change_to(call.vfs, dir.0)
}

fn change_to(vfs: &Vfs, fd: RawFd) -> Result<usize> {
    linux::pass(libc::SYS_fchdir, [fd as usize, 0, 0, 0, 0, 0])?;
    vfs.cwd_changed();
    Ok(0)
}

/// getcwd(2)
pub fn getcwd(call: &mut Call, buffer: Addr, size: usize) -> Result<usize> {
    // A directory that is gone has no path.
    linux::getcwd(&mut [0; PATH_MAX])?;
    let mut path = match call.vfs.guest_path(libc::AT_FDCWD)? {
        Some(path) => path,
        None => b"(unreachable)".to_vec(),
    };
    path.push(0);
    if path.len() > size {
        return Err(Errno(libc::ERANGE));
    }
    buffer.write_bytes(&path)?;
    Ok(path.len())
}

/// chroot(2), inside the root that there is.
pub fn chroot(call: &mut Call, path: Path) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let node = call.vfs.node(libc::AT_FDCWD, path.read(&mut buffer)?, Last::Follow)?;
    if linux::fstat(node.fd.as_raw_fd())?.st_mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    call.vfs.chroot(node.fd)?;
    Ok(0)
}

/// getdents64(2): as the host has it, with the mount points that the folder itself does not show, and in /proc without what
/// the guest does not see.
pub fn getdents64(call: &mut Call, dir: Fd, buffer: Addr, size: usize) -> Result<usize> {
    let vfs = call.vfs;
    let pass = |at: Addr, size: usize| linux::pass(libc::SYS_getdents64, [dir.0 as usize, at.0, size, 0, 0, 0]);
    if vfs.mounts.len() == 1 {
        return pass(buffer, size);
    }
    let stat = linux::fstat(dir.0)?;
    if stat.st_dev == vfs.proc()?.id.0 && matches!(vfs.mounts[proc::mount(vfs)].source, Source::Proc) {
        return read_proc(vfs, dir.0, buffer, size);
    }
    if !vfs.ancestors().contains(&id(&stat)) || linux::pass(libc::SYS_lseek, [dir.0 as usize, 0, libc::SEEK_CUR as usize, 0, 0, 0])? != 0 {
        return pass(buffer, size);
    }
    let added = added(vfs, dir.0)?;
    // What does not fit beside one entry of the longest name is left out.
    if added.len() + HEADER + 264 > size {
        return pass(buffer, size);
    }
    let len = pass(buffer.plus(added.len()), size - added.len())?;
    buffer.write_bytes(&added)?;
    Ok(added.len() + len)
}

/// Records for the mount points in a directory which the folder itself has no names for.
fn added(vfs: &Vfs, dir: RawFd) -> Result<Vec<u8>> {
    let mut records = Vec::new();
    let Some((_, place)) = vfs.place_of(dir)? else { return Ok(records) };
    for mount in &vfs.mounts[1..] {
        let Some(name) = below(&mount.guest, &place).and_then(|rest| rest.strip_prefix(b"/")) else { continue };
        if name.is_empty() || name.contains(&b'/') {
            continue;
        }
        let name = crate::vfs::path::Name::new(name)?;
        if linux::fstatat(dir, name.c_str(), libc::AT_SYMLINK_NOFOLLOW).is_ok() {
            continue;
        }
        let (kind, inode) = match &mount.source {
            Source::Folder { .. } => (libc::DT_DIR, mount.folder().ok().flatten().map_or(1, |folder| folder.id.1)),
            Source::Proc => (libc::DT_DIR, 1),
            Source::Link(_) => (libc::DT_LNK, 2),
            Source::File(path) => match linux::fstatat(libc::AT_FDCWD, path, 0) {
                Ok(stat) => (((stat.st_mode & libc::S_IFMT) >> 12) as u8, stat.st_ino),
                Err(_) => continue,
            },
        };
        records.extend_from_slice(&dirent::record(inode, 0, kind, name.bytes()));
    }
    Ok(records)
}

fn read_proc(vfs: &Vfs, dir: RawFd, buffer: Addr, size: usize) -> Result<usize> {
    let Some(here) = vfs.host_path(dir)?.strip_prefix(b"/proc").map(|rest| rest.strip_prefix(b"/").unwrap_or(rest).to_vec()) else {
        return Err(Errno::ENOENT);
    };
    let mut room = vec![0; size.min(1 << 16)];
    let mut seen = Vec::new();
    // A part of a directory may have nothing that the guest sees, and is not its end.
    while seen.is_empty() {
        let len = linux::getdents64(dir, &mut room)?;
        if len == 0 {
            break;
        }
        for entry in dirent::entries(&room[..len]) {
            if entry.name == b"." || entry.name == b".." || proc::kind_of(vfs, &here, entry.name).is_some() {
                seen.extend_from_slice(entry.record);
            }
        }
    }
    buffer.write_bytes(&seen)?;
    Ok(seen.len())
}

/// getdents(2), with the older `struct linux_dirent`: the type is its last byte, behind the name.
pub fn getdents(call: &mut Call, dir: Fd, buffer: Addr, size: usize) -> Result<usize> {
    // Of the same name both records take the same room: 18 bytes, name, NUL, type against 19 bytes, name, NUL.
    let len = getdents64(call, dir, buffer, size)?;
    let mut bytes = vec![0; len];
    buffer.read_bytes(&mut bytes)?;
    let mut at = 0;
    while let Some(record) = bytes.get_mut(at..).filter(|rest| rest.len() > HEADER) {
        let len = usize::from(u16::from_ne_bytes([record[16], record[17]]));
        let Some(record) = record.get_mut(..len).filter(|_| len > HEADER) else { break };
        let kind = record[18];
        record.copy_within(HEADER.., 18);
        record[len - 1] = kind;
        at += len;
    }
    buffer.write_bytes(&bytes)?;
    Ok(len)
}
