//! Files of /proc that tell of paths, written with the paths of the guest.

use crate::engine::{self, texts};
use crate::session;
use crate::vfs::{Source, Vfs};
use host::linux;
use host::{Errno, Result};
use std::ffi::CString;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// The whole of a file of the host's /proc.
pub fn read(vfs: &Vfs, path: &[u8]) -> Result<Vec<u8>> {
    let path = CString::new(path).map_err(|_| Errno::ENOENT)?;
    let fd = linux::openat(vfs.proc()?.fd.as_raw_fd(), &path, libc::O_RDONLY | libc::O_CLOEXEC, 0)?;
    let mut all = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match linux::pread(fd.as_raw_fd(), &mut buffer, all.len() as u64)? {
            0 => return Ok(all),
            len => all.extend_from_slice(&buffer[..len]),
        }
    }
}

/// Where the file's name stands in a line of maps: after address, permissions, offset, device and inode.
fn name_of(line: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..5 {
        at += line[at..].iter().position(|&c| c == b' ').unwrap_or(line.len() - at);
        at += line[at..].iter().position(|&c| c != b' ').unwrap_or(line.len() - at);
    }
    at
}

/// The host's path of the file whose mapping begins at an address of this process.
pub fn mapped_path(vfs: &Vfs, start: usize) -> Option<CString> {
    let wanted = format!("{start:08x}-");
    let maps = read(vfs, b"self/maps").ok()?;
    let line = maps.split(|&c| c == b'\n').find(|line| line.starts_with(wanted.as_bytes()))?;
    CString::new(&line[name_of(line)..]).ok()
}

/// The front of a line and the name of what a mapping of prepared code stands for.
fn original(front: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = std::str::from_utf8(front).ok()?.split(' ');
    let (range, access, offset) = (parts.next()?, parts.next()?, parts.next()?);
    let origin = texts::origin(u64::from_str_radix(offset, 16).ok()?)?;
    let front = format!("{range} {access} {:08x} {}", origin.offset, origin.id);
    // Names stand in a column.
    Some((format!("{front:72} ").into_bytes(), origin.path))
}

/// The range of addresses that a line of maps begins with.
pub fn range_of(line: &[u8]) -> Option<Range<usize>> {
    let text = std::str::from_utf8(line.split(|&c| c == b' ').next()?).ok()?;
    let (start, end) = text.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

/// Mappings of the guest's files under the guest's names. Those of files outside of its tree are not its own. In smaps, lines about
/// a mapping follow, which begin with capital letters.
pub fn maps(vfs: &Vfs, path: &[u8]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut shown = false;
    // Of other processes it is not known.
    let is_own = path.split(|&c| c == b'/').next() == Some(host::process::id().to_string().as_bytes());
    let heap = if is_own { engine::break_range() } else { 0..0 };
    for line in read(vfs, path)?.split_inclusive(|&c| c == b'\n') {
        if line.first().is_some_and(u8::is_ascii_uppercase) {
            all.extend_from_slice(if shown { line } else { b"" });
            continue;
        }
        shown = false;
        let (front, name) = line.split_at(name_of(line));
        let name = name.trim_ascii_end();
        // Code that was prepared is that of its file; the rest of what is shared is ours.
        let prepared = if name.starts_with(session::NAME) {
            let Some(prepared) = original(front) else { continue };
            Some(prepared)
        } else {
            None
        };
        let (front, name) = prepared.as_ref().map_or((front, name), |(front, name)| (front, name));
        if name.starts_with(b"/") && !name.starts_with(b"/memfd:") && !name.starts_with(b"/dev/zero (") && !name.starts_with(b"/SYSV") {
            let Some(guest) = vfs.place_of_host(name)?.and_then(|(_, place)| vfs.seen_from_root(&place)) else { continue };
            all.extend_from_slice(front);
            all.extend_from_slice(&guest);
            all.push(b'\n');
        } else if name.is_empty() && range_of(line).is_some_and(|range| heap.start <= range.start && range.end <= heap.end) {
            let front = String::from_utf8_lossy(front.trim_ascii_end()).into_owned();
            all.extend_from_slice(format!("{front:72} [heap]\n").as_bytes());
        } else if name != b"[heap]" {
            all.extend_from_slice(line);
        } else {
            continue;
        }
        shown = true;
    }
    Ok(all)
}

/// Local sockets (proc_pid_net(5)), those that are bound to paths under the guest's names. What is bound outside of its tree is left out.
pub fn unix(vfs: &Vfs, path: &[u8]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for line in read(vfs, path)?.split_inclusive(|&c| c == b'\n') {
        let Some(at) = line.windows(2).position(|two| two == b" /").map(|at| at + 1) else {
            all.extend_from_slice(line);
            continue;
        };
        let (front, name) = (&line[..at], line[at..].trim_ascii_end());
        // Ours are bound below a descriptor, for want of room in an address.
        let below = name.strip_prefix(b"/proc/self/fd/").and_then(|rest| rest.splitn(2, |&c| c == b'/').nth(1).map(<[u8]>::to_vec));
        let seen = || Some(vfs.place_of_host(name).ok()?.and_then(|(_, place)| vfs.seen_from_root(&place)));
        if let Some(name) = below.or_else(|| seen().flatten()) {
            all.extend_from_slice(front);
            all.extend_from_slice(&name);
            all.push(b'\n');
        }
    }
    Ok(all)
}

/// proc_locks(5): locks on files that the process has open. Whose the others are is not told.
pub fn locks(vfs: &Vfs, path: &[u8]) -> Result<Vec<u8>> {
    let opened = vfs.open_descriptors()?;
    let files: Vec<String> = opened
        .into_iter()
        .filter_map(|fd| linux::fstat(fd).ok())
        .map(|stat| format!("{:02x}:{:02x}:{}", libc::major(stat.st_dev), libc::minor(stat.st_dev), stat.st_ino))
        .collect();
    let mut all = Vec::new();
    for line in read(vfs, path)?.split_inclusive(|&c| c == b'\n') {
        if line.split(|&c| c == b' ').any(|word| files.iter().any(|file| file.as_bytes() == word)) {
            all.extend_from_slice(line);
        }
    }
    Ok(all)
}

/// proc_pid_status(5) with the user and group that the process seems to have.
pub fn status(vfs: &Vfs, path: &[u8]) -> Result<Vec<u8>> {
    let pid = path.split(|&c| c == b'/').next().and_then(crate::dirent::number).unwrap_or(0);
    let seen = crate::identity::peer::of(vfs, pid as u32).ok().flatten();
    let text = read(vfs, path)?;
    let Some([user, group]) = seen else { return Ok(text) };
    let line = |line: &[u8]| match line {
        line if line.starts_with(b"Uid:") => format!("Uid:\t{user}\t{user}\t{user}\t{user}\n").into_bytes(),
        line if line.starts_with(b"Gid:") => format!("Gid:\t{group}\t{group}\t{group}\t{group}\n").into_bytes(),
        line => line.to_vec(),
    };
    Ok(text.split_inclusive(|&c| c == b'\n').flat_map(line).collect())
}

/// One mounted folder, for the two lists.
struct Row<'v> {
    device: &'v str,
    place: Vec<u8>,
    kind: &'v str,
    access: &'v str,
    id: u64,
}

fn rows(vfs: &Vfs) -> impl Iterator<Item = Row<'_>> {
    vfs.mounts.iter().filter_map(|mount| {
        let (device, kind, id) = match &mount.source {
            Source::Folder { .. } if mount.guest == b"/dev/pts" => ("devpts", "devpts", 0),
            Source::Folder { .. } => ("/dev/root", "ext4", mount.folder().ok().flatten().map_or(0, |folder| folder.id.0)),
            Source::Proc => ("proc", "proc", vfs.proc().map_or(0, |proc| proc.id.0)),
            Source::File(_) | Source::Link(_) => return None,
        };
        let place = escape(&vfs.seen_from_root(&mount.guest)?);
        Some(Row { device, place, kind, access: if mount.read_only { "ro" } else { "rw" }, id })
    })
}

/// Spaces and their like as mounts(5) writes them: in octal.
fn escape(path: &[u8]) -> Vec<u8> {
    path.iter().fold(Vec::new(), |mut text, &c| {
        match c {
            b' ' | b'\t' | b'\n' | b'\\' => text.extend_from_slice(format!("\\{c:03o}").as_bytes()),
            _ => text.push(c),
        }
        text
    })
}

/// fstab(5)'s form.
pub fn mounts(vfs: &Vfs, _: &[u8]) -> Result<Vec<u8>> {
    let line = |row: Row| {
        let rest = format!(" {} {},relatime 0 0\n", row.kind, row.access);
        [row.device.as_bytes(), b" ", &row.place[..], rest.as_bytes()].concat()
    };
    Ok(rows(vfs).flat_map(line).collect())
}

/// proc_pid_mountinfo(5).
pub fn mountinfo(vfs: &Vfs, _: &[u8]) -> Result<Vec<u8>> {
    const FIRST: usize = 22;
    let line = |(i, row): (usize, Row)| {
        let parent = if i == 0 { 1 } else { FIRST };
        let front = format!("{} {parent} {}:{} / ", FIRST + i, libc::major(row.id), libc::minor(row.id));
        let back = format!(" {},relatime - {} {} {}\n", row.access, row.kind, row.device, row.access);
        [front.as_bytes(), &row.place[..], back.as_bytes()].concat()
    };
    Ok(rows(vfs).enumerate().flat_map(line).collect())
}

/// The guest's processes are in no control group that it could look into.
pub fn cgroup(_: &Vfs, _: &[u8]) -> Result<Vec<u8>> {
    Ok(b"0::/\n".to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_in_maps() {
        let line = b"7f0000000000-7f0000001000 r-xp 00000000 fe:00 123                        /usr/lib/libc.so.6\n";
        assert_eq!(&line[name_of(line)..], b"/usr/lib/libc.so.6\n");
        let bare = b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n";
        assert_eq!(bare[name_of(bare)..].trim_ascii_end(), b"");
    }

    #[test]
    fn escapes_as_mounts() {
        assert_eq!(escape(b"/a b"), b"/a\\040b");
    }
}
