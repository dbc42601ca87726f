//! From the guest's paths to the host's and back.
//!
//! A DOS path (`C:\x`, `x`, `\\?\C:\x`) becomes an NT path (`\??\C:\x`), and that a host path: drives are
//! links in the prefix's `drives` folder, and names are looked up without regard to case where the exact
//! name does not exist. Host paths are bytes, guest paths UTF-16: see `abi::wide`.

use abi::NTSTATUS;
use parking_lot::RwLock;
use std::sync::OnceLock;

/// Drives: letter (upper case) and the host folder they stand for, without a slash at the end.
static DRIVES: RwLock<Vec<(u8, Vec<u8>)>> = RwLock::new(Vec::new());
static PREFIX: OnceLock<Vec<u8>> = OnceLock::new();

/// What [`Place::Device`] calls the mount manager.
pub const MOUNT_MANAGER: &str = "MountPointManager";
/// What it calls the source of random bytes.
pub const RANDOM: &str = "CNG";

const BACKSLASH: u16 = b'\\' as u16;
const SLASH: u16 = b'/' as u16;
const COLON: u16 = b':' as u16;

/// Sets the prefix's folder and its drives. Once, at start.
pub fn init(prefix: &[u8], drives: Vec<(u8, Vec<u8>)>) {
    let _ = PREFIX.set(prefix.to_vec());
    *DRIVES.write() = drives;
}

/// The prefix's folder.
pub fn prefix() -> &'static [u8] {
    PREFIX.get().map_or(b"", Vec::as_slice)
}

/// Letters of the drives that exist.
pub fn drives() -> Vec<u8> {
    DRIVES.read().iter().map(|d| d.0).collect()
}

/// The host folder that a drive stands for.
pub fn folder_of_drive(letter: u8) -> Option<Vec<u8>> {
    DRIVES.read().iter().find(|drive| drive.0 == letter).map(|drive| drive.1.clone())
}

/// The NT device of a drive: volume numbers are letters, 1 is A, 3 is C.
pub fn volume_device(letter: u8) -> Vec<u16> {
    abi::wide::wide(&format!("\\Device\\HarddiskVolume{}", letter - b'A' + 1))
}

/// Upper case of one UTF-16 unit, as NT's file systems compare names: simple, one to one, no locale.
pub fn upcase(unit: u16) -> u16 {
    match unit {
        0x61..=0x7a => unit - 32,
        0..=0x7f => unit,
        _ => {
            let Some(c) = char::from_u32(unit.into()) else { return unit };
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(u), None) => u16::try_from(u as u32).unwrap_or(unit),
                _ => unit,
            }
        }
    }
}

/// Equal but for case.
pub fn eq_name(a: &[u16], b: &[u16]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| a == b || upcase(a) == upcase(b))
}

fn is_separator(unit: u16) -> bool {
    unit == BACKSLASH || unit == SLASH
}

/// What a DOS path is (RtlDetermineDosPathNameType_U).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathType {
    /// `\\server\share`
    Unc,
    /// `C:\x`
    DriveAbsolute,
    /// `C:x`
    DriveRelative,
    /// `\x`
    Rooted,
    /// `x`
    Relative,
    /// `\\.\x` or `\\?\x`
    Device,
    /// `\\.` or `\\?`
    RootDevice,
}

/// The type of a DOS path.
pub fn path_type(path: &[u16]) -> PathType {
    match path {
        [a, b, rest @ ..] if is_separator(*a) && is_separator(*b) => match rest {
            [c, d, ..] if (*c == u16::from(b'.') || *c == u16::from(b'?')) && is_separator(*d) => PathType::Device,
            [c] if *c == u16::from(b'.') || *c == u16::from(b'?') => PathType::RootDevice,
            _ => PathType::Unc,
        },
        [a, ..] if is_separator(*a) => PathType::Rooted,
        [_, b, c, ..] if *b == COLON && is_separator(*c) => PathType::DriveAbsolute,
        [_, b, ..] if *b == COLON => PathType::DriveRelative,
        _ => PathType::Relative,
    }
}

/// The device that a DOS file name means whatever its folder: `NUL`, `CON`, `COM1` and so on
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file>). Only bare names count.
pub fn dos_device(path: &[u16]) -> Option<&'static str> {
    if path.len() > 8 || path.is_empty() {
        return None;
    }
    let text: String = path.iter().map(|&u| char::from_u32(upcase(u).into()).unwrap_or('\u{fffd}')).collect();
    let text = text.trim_end_matches([' ', ':']);
    const DEVICES: [&str; 23] = [
        "NUL", "CON", "CONIN$", "CONOUT$", "AUX", "PRN", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1",
        "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8",
    ];
    DEVICES.into_iter().find(|device| *device == text)
}

/// RtlGetFullPathName_U: makes a DOS path absolute and removes `.`, `..`, doubled separators, and dots
/// and spaces at the end.
pub fn full_path(path: &[u16]) -> Result<Vec<u16>, NTSTATUS> {
    if path.is_empty() {
        return Err(NTSTATUS::OBJECT_NAME_INVALID);
    }
    if let Some(device) = dos_device(path) {
        return Ok(abi::wide::wide(&format!("\\\\.\\{device}")));
    }
    let kind = path_type(path);
    let directory = crate::process::directory();
    let (root, rest): (Vec<u16>, Vec<u16>) = match kind {
        PathType::Device | PathType::RootDevice => {
            let rest = path.get(4..).unwrap_or_default();
            // \\?\ is taken literally.
            if path.get(2) == Some(&u16::from(b'?')) && path.first() == Some(&BACKSLASH) {
                return Ok(path.to_vec());
            }
            (abi::wide::wide("\\\\.\\"), rest.to_vec())
        }
        PathType::Unc => {
            let rest = &path[2..];
            let mut parts = rest.splitn(3, |&u| is_separator(u));
            let (server, share) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let root = [&[BACKSLASH, BACKSLASH][..], server, &[BACKSLASH], share, &[BACKSLASH]].concat();
            (root, parts.next().unwrap_or_default().to_vec())
        }
        PathType::DriveAbsolute => (vec![path[0], COLON, BACKSLASH], path[3..].to_vec()),
        PathType::DriveRelative => {
            let same = directory.first().is_some_and(|&d| upcase(d) == upcase(path[0]));
            let base = if same {
                directory.get(3..).unwrap_or_default().to_vec()
            } else {
                let saved = crate::process::variable(&[u16::from(b'='), upcase(path[0]), COLON]).unwrap_or_default();
                saved.get(3..).unwrap_or_default().to_vec()
            };
            (vec![path[0], COLON, BACKSLASH], [&base[..], &[BACKSLASH], &path[2..]].concat())
        }
        PathType::Rooted => {
            let (root, _) = split_root(&directory);
            (root.to_vec(), path.to_vec())
        }
        PathType::Relative => {
            let (root, rest) = split_root(&directory);
            (root.to_vec(), [rest, &[BACKSLASH], path].concat())
        }
    };
    let mut out = root;
    let floor = out.len();
    let ends_with_separator = rest.last().is_some_and(|&u| is_separator(u));
    let mut parts: Vec<&[u16]> = rest.split(|&u| is_separator(u)).filter(|p| !p.is_empty()).collect();
    // Dots and spaces at the very end of the path go.
    while let Some(last) = parts.last_mut() {
        if *last == [u16::from(b'.')] || *last == [u16::from(b'.'), u16::from(b'.')] || ends_with_separator {
            break;
        }
        let end = last.iter().rposition(|&u| u != u16::from(b'.') && u != u16::from(b' ')).map_or(0, |at| at + 1);
        *last = &last[..end];
        if last.is_empty() {
            parts.pop();
        } else {
            break;
        }
    }
    for part in parts {
        if *part == [u16::from(b'.')] {
            continue;
        }
        if *part == [u16::from(b'.'), u16::from(b'.')] {
            let cut = out[floor..].iter().rposition(|&u| u == BACKSLASH).map_or(0, |at| at);
            out.truncate(floor + cut);
            continue;
        }
        // A dot at the end of an inner part goes too.
        let part = if part.len() > 1 && part.ends_with(&[u16::from(b'.')]) && !part.ends_with(&[u16::from(b'.'), u16::from(b'.')]) {
            &part[..part.len() - 1]
        } else {
            part
        };
        if out.last() != Some(&BACKSLASH) {
            out.push(BACKSLASH);
        }
        out.extend_from_slice(part);
    }
    if ends_with_separator && out.last() != Some(&BACKSLASH) {
        out.push(BACKSLASH);
    }
    if out.len() == 2 && out[1] == COLON {
        out.push(BACKSLASH);
    }
    Ok(out)
}

/// Splits an absolute directory into `C:\` (or `\\server\share\`) and the rest.
fn split_root(path: &[u16]) -> (&[u16], &[u16]) {
    match path_type(path) {
        PathType::Unc => {
            let end = path.iter().enumerate().filter(|(_, u)| is_separator(**u)).nth(3).map_or(path.len(), |(at, _)| at + 1);
            path.split_at(end)
        }
        PathType::Device => {
            path.split_at(path.iter().enumerate().filter(|(_, u)| is_separator(**u)).nth(3).map_or(path.len(), |(at, _)| at + 1))
        }
        _ => path.split_at(path.len().min(3)),
    }
}

/// Where an NT path leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A path on the host, not looked up yet; true when the guest's path ended with a separator.
    Host(Vec<u8>, bool),
    /// A device, by its DOS name in upper case, such as `NUL`.
    Device(String),
    /// A named pipe's name; empty: the folder of them.
    Pipe(Vec<u16>),
}

/// RtlDosPathNameToNtPathName_U: the NT path of a DOS path.
pub fn nt_path(path: &[u16]) -> Result<Vec<u16>, NTSTATUS> {
    let full = full_path(path)?;
    let prefix = abi::wide::wide("\\??\\");
    Ok(match path_type(&full) {
        PathType::Device | PathType::RootDevice => [&prefix[..], full.get(4..).unwrap_or_default()].concat(),
        PathType::Unc => [&prefix[..], &abi::wide::wide("UNC\\"), &full[2..]].concat(),
        _ => [&prefix[..], &full].concat(),
    })
}

/// Where an NT path leads.
pub fn place(nt: &[u16]) -> Result<Place, NTSTATUS> {
    let rest = ["\\??\\", "\\DosDevices\\", "\\GLOBAL??\\"].iter().find_map(|p| {
        let p: Vec<u16> = p.encode_utf16().collect();
        (nt.len() >= p.len() && eq_name(&nt[..p.len()], &p)).then(|| &nt[p.len()..])
    });
    let Some(rest) = rest else {
        return device_path(nt);
    };
    if let [letter, COLON, tail @ ..] = rest {
        let letter = upcase(*letter) as u8;
        if tail.first().is_some_and(|&u| u != BACKSLASH) {
            return Err(NTSTATUS::OBJECT_PATH_NOT_FOUND);
        }
        return drive_path(letter, tail);
    }
    let name_end = rest.iter().position(|&u| u == BACKSLASH).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(name_end);
    if abi::wide::eq_ascii_case(head, "pipe") {
        return Ok(Place::Pipe(tail.get(1..).unwrap_or_default().to_vec()));
    }
    if abi::wide::eq_ascii_case(head, "UNC") {
        return Err(NTSTATUS(0xC000_00CC)); // STATUS_BAD_NETWORK_NAME
    }
    if let Some(inner) = head.len().checked_sub(0).filter(|_| abi::wide::eq_ascii_case(head, "GLOBALROOT")) {
        let _ = inner;
        return place(tail);
    }
    if tail.is_empty() && abi::wide::eq_ascii_case(head, "MountPointManager") {
        return Ok(Place::Device(MOUNT_MANAGER.into()));
    }
    match dos_device(head) {
        Some(device) if tail.is_empty() => Ok(Place::Device(device.to_string())),
        _ => Err(NTSTATUS::OBJECT_NAME_NOT_FOUND),
    }
}

fn device_path(nt: &[u16]) -> Result<Place, NTSTATUS> {
    let text = abi::wide::display(nt);
    let lower = text.to_ascii_lowercase();
    if lower == "\\device\\null" {
        return Ok(Place::Device("NUL".into()));
    }
    // Whatever follows is the caller's own name for its handle.
    if lower == "\\device\\afd" || lower.starts_with("\\device\\afd\\") {
        return Ok(Place::Device("AFD".into()));
    }
    if lower == "\\device\\mountpointmanager" {
        return Ok(Place::Device(MOUNT_MANAGER.into()));
    }
    if matches!(lower.as_str(), "\\device\\cng" | "\\device\\ksecdd") {
        return Ok(Place::Device(RANDOM.into()));
    }
    let pipes = "\\device\\namedpipe";
    if lower == pipes || lower.strip_prefix(pipes).is_some_and(|rest| rest.starts_with('\\')) {
        return Ok(Place::Pipe(nt.get(pipes.len() + 1..).unwrap_or_default().to_vec()));
    }
    if let Some(rest) = lower.strip_prefix("\\device\\harddiskvolume") {
        // See `volume_device`.
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(number @ 1..=26) = digits.parse::<u8>() {
            let at = "\\device\\harddiskvolume".len() + digits.len();
            return drive_path(b'A' + number - 1, &nt[at..]);
        }
    }
    if lower.starts_with("\\systemroot") {
        return drive_path(b'C', &[&abi::wide::wide("\\Windows")[..], &nt["\\systemroot".len()..]].concat());
    }
    Err(if nt.first() == Some(&BACKSLASH) { NTSTATUS::OBJECT_PATH_NOT_FOUND } else { NTSTATUS::OBJECT_PATH_SYNTAX_BAD })
}

fn drive_path(letter: u8, tail: &[u16]) -> Result<Place, NTSTATUS> {
    let drives = DRIVES.read();
    let (_, folder) = drives.iter().find(|d| d.0 == letter).ok_or(NTSTATUS::OBJECT_PATH_NOT_FOUND)?;
    let mut host = Vec::with_capacity(folder.len() + tail.len() + 8);
    host.extend_from_slice(folder);
    let trailing = tail.len() > 1 && tail.last() == Some(&BACKSLASH);
    for part in tail.split(|&u| u == BACKSLASH).filter(|p| !p.is_empty()) {
        if let Some(bad) = part.iter().find(|&&u| u < 0x20 || u < 0x80 && b"<>\"|?*".contains(&(u as u8))) {
            let _ = bad;
            return Err(NTSTATUS::OBJECT_NAME_INVALID);
        }
        if part.contains(&SLASH) {
            return Err(NTSTATUS::OBJECT_NAME_INVALID);
        }
        // Streams other than the file itself (`name::$DATA`) do not exist.
        if let Some(colon) = part.iter().position(|&u| u == COLON) {
            if abi::wide::eq_ascii_case(&part[colon..], "::$DATA") {
                host.push(b'/');
                host.extend(abi::wide::to_host_bytes(&part[..colon]));
                continue;
            }
            return Err(NTSTATUS::OBJECT_NAME_INVALID);
        }
        if *part == [u16::from(b'.')] || *part == [u16::from(b'.'), u16::from(b'.')] {
            return Err(NTSTATUS::OBJECT_NAME_INVALID);
        }
        host.push(b'/');
        host.extend(abi::wide::to_host_bytes(part));
    }
    if host.is_empty() {
        host.push(b'/');
    }
    Ok(Place::Host(host, trailing))
}

/// The Windows path of a host path: by the drive whose folder contains it most closely.
pub fn from_host(path: &[u8]) -> Option<Vec<u16>> {
    let drives = DRIVES.read();
    let mut best: Option<(u8, &[u8])> = None;
    for (letter, folder) in drives.iter() {
        if let Some(rest) = path.strip_prefix(folder.as_slice())
            && (rest.is_empty() || rest[0] == b'/' || folder.is_empty())
            && best.is_none_or(|(_, b)| rest.len() < b.len())
        {
            best = Some((*letter, rest));
        }
    }
    let (letter, rest) = best?;
    let mut out = vec![u16::from(letter), COLON];
    for part in rest.split(|&b| b == b'/').filter(|p| !p.is_empty()) {
        out.push(BACKSLASH);
        out.extend(abi::wide::from_host_bytes(part));
    }
    if out.len() == 2 {
        out.push(BACKSLASH);
    }
    Some(out)
}

/// The host path of a DOS path, with names spelled as they are on disk where they exist.
pub fn to_host(path: &[u16]) -> Result<Vec<u8>, NTSTATUS> {
    match place(&nt_path(path)?)? {
        Place::Host(host, _) => {
            if host::file::stat_link(&host).is_ok() {
                return Ok(host);
            }
            crate::spelling::resolve_case(&host)
        }
        _ => Err(NTSTATUS::OBJECT_NAME_INVALID),
    }
}
