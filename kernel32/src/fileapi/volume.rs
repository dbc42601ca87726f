//! Drives and volumes.

use crate::nls::{ansi_opt, wide_opt};
use crate::processenv::give_text;
use abi::{PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use host::file::Volume;
use ntdll::{nls, path};

const DRIVE_UNKNOWN: u32 = 0;
const DRIVE_NO_ROOT_DIR: u32 = 1;
const DRIVE_FIXED: u32 = 3;

fn or_current(name: Option<Vec<u16>>) -> Vec<u16> {
    name.unwrap_or_else(|| abi::wide::wide("\\"))
}

fn volume(name: &[u16]) -> Result<(Volume, u64), Win32Error> {
    let host = path::to_host(name)?;
    let error = |e| Win32Error::from(ntdll::errno_to_status(e));
    let fd = host::file::open(&host, host::file::O_PATH, 0).map_err(error)?;
    let raw = host::file::raw(&fd);
    Ok((host::file::volume(raw).map_err(error)?, host::file::stat_fd(raw).map_err(error)?.dev))
}

/// Bit mask of the drives: bit 0 is A.
#[export(kernel32, full)]
pub fn GetLogicalDrives() -> u32 {
    path::drives().iter().fold(0, |mask, letter| mask | 1 << (letter - b'A'))
}

/// The roots of all drives, each with a NUL, and one more.
#[export(kernel32, full)]
pub fn GetLogicalDriveStringsW(size: u32, to: PWSTR) -> Result<u32, Win32Error> {
    let text: Vec<u16> = path::drives().iter().flat_map(|&l| [u16::from(l), b':'.into(), b'\\'.into(), 0]).collect();
    give_text(&text, to, size)
}

fn drive_type(name: &[u16]) -> u32 {
    match path::to_host(name) {
        Ok(host) if host::file::stat(&host).is_ok() => DRIVE_FIXED,
        Ok(_) => DRIVE_NO_ROOT_DIR,
        Err(_) if name.is_empty() => DRIVE_UNKNOWN,
        Err(_) => DRIVE_NO_ROOT_DIR,
    }
}

/// What kind of drive it is: all are fixed disks.
#[export(kernel32, full)]
pub fn GetDriveTypeW(name: PCWSTR) -> Result<u32, Win32Error> {
    Ok(drive_type(&or_current(wide_opt(name)?)))
}

/// GetDriveTypeW in ANSI.
#[export(kernel32, full)]
pub fn GetDriveTypeA(name: PCSTR) -> Result<u32, Win32Error> {
    Ok(drive_type(&or_current(ansi_opt(name)?)))
}

fn free_space(name: &[u16], available: Ptr<u64>, total: Ptr<u64>, free: Ptr<u64>) -> Result<(), Win32Error> {
    let (v, _) = volume(name)?;
    available.write_opt(v.available * v.block)?;
    total.write_opt(v.blocks * v.block)?;
    Ok(free.write_opt(v.free * v.block)?)
}

/// Bytes on a volume: available to the user, in all, free.
#[export(kernel32, full)]
pub fn GetDiskFreeSpaceExW(name: PCWSTR, available: Ptr<u64>, total: Ptr<u64>, free: Ptr<u64>) -> Result<(), Win32Error> {
    free_space(&or_current(wide_opt(name)?), available, total, free)
}

/// GetDiskFreeSpaceExW in ANSI.
#[export(kernel32, full)]
pub fn GetDiskFreeSpaceExA(name: PCSTR, available: Ptr<u64>, total: Ptr<u64>, free: Ptr<u64>) -> Result<(), Win32Error> {
    free_space(&or_current(ansi_opt(name)?), available, total, free)
}

fn clusters(name: &[u16], sectors: Ptr<u32>, bytes: Ptr<u32>, free: Ptr<u32>, total: Ptr<u32>) -> Result<(), Win32Error> {
    let (v, _) = volume(name)?;
    let count = |blocks: u64| u32::try_from(blocks * v.block / 4096).unwrap_or(u32::MAX);
    sectors.write_opt(8)?;
    bytes.write_opt(512)?;
    free.write_opt(count(v.available))?;
    Ok(total.write_opt(count(v.blocks))?)
}

/// Clusters on a volume.
#[export(kernel32, full)]
pub fn GetDiskFreeSpaceW(name: PCWSTR, sectors: Ptr<u32>, bytes: Ptr<u32>, free: Ptr<u32>, total: Ptr<u32>) -> Result<(), Win32Error> {
    clusters(&or_current(wide_opt(name)?), sectors, bytes, free, total)
}

/// GetDiskFreeSpaceW in ANSI.
#[export(kernel32, full)]
pub fn GetDiskFreeSpaceA(name: PCSTR, sectors: Ptr<u32>, bytes: Ptr<u32>, free: Ptr<u32>, total: Ptr<u32>) -> Result<(), Win32Error> {
    clusters(&or_current(ansi_opt(name)?), sectors, bytes, free, total)
}

/// FILE_CASE_PRESERVED_NAMES, FILE_UNICODE_ON_DISK, FILE_SUPPORTS_REPARSE_POINTS, FILE_SUPPORTS_HARD_LINKS.
const VOLUME_FLAGS: u32 = 0x2 | 0x4 | 0x80 | 0x40_0000;

/// Name, serial number and abilities of a volume. It calls itself NTFS, whose rules names follow.
#[export(kernel32, full)]
pub fn GetVolumeInformationW(
    root: PCWSTR,
    name: PWSTR,
    name_size: u32,
    serial: Ptr<u32>,
    component: Ptr<u32>,
    flags: Ptr<u32>,
    fs: PWSTR,
    fs_size: u32,
) -> Result<(), Win32Error> {
    let (_, dev) = volume(&or_current(wide_opt(root)?))?;
    if !name.is_null() && name_size > 0 {
        name.write(0)?;
    }
    serial.write_opt(super::volume_serial(dev))?;
    component.write_opt(255)?;
    flags.write_opt(VOLUME_FLAGS)?;
    give_text(&abi::wide::wide("NTFS"), fs, fs_size)?;
    Ok(())
}

/// GetVolumeInformationW in ANSI.
#[export(kernel32, full)]
pub fn GetVolumeInformationA(
    root: PCSTR,
    name: PSTR,
    name_size: u32,
    serial: Ptr<u32>,
    component: Ptr<u32>,
    flags: Ptr<u32>,
    fs: PSTR,
    fs_size: u32,
) -> Result<(), Win32Error> {
    let (_, dev) = volume(&or_current(ansi_opt(root)?))?;
    if !name.is_null() && name_size > 0 {
        name.write(0)?;
    }
    serial.write_opt(super::volume_serial(dev))?;
    component.write_opt(255)?;
    flags.write_opt(VOLUME_FLAGS)?;
    give_text(&nls::wide_to_ansi(&abi::wide::wide("NTFS")), fs, fs_size)?;
    Ok(())
}

/// The root of the volume that a path is on: its drive.
#[export(kernel32, full)]
pub fn GetVolumePathNameW(name: PCWSTR, to: PWSTR, size: u32) -> Result<(), Win32Error> {
    let full = path::full_path(&name.read_wide()?)?;
    let at = full.iter().position(|&u| u == u16::from(b':')).ok_or(Win32Error::INVALID_NAME)?;
    let root = [&full[..=at], &[u16::from(b'\\')]].concat();
    if give_text(&root, to, size)? as usize == root.len() { Ok(()) } else { Err(Win32Error::FILENAME_EXCED_RANGE) }
}

/// The NT device that a drive stands for.
#[export(kernel32, partial("one drive at a time"))]
pub fn QueryDosDeviceW(name: PCWSTR, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    let text = wide_opt(name)?.ok_or(Win32Error::NOT_SUPPORTED)?;
    let letter =
        text.first().map(|&u| path::upcase(u)).filter(|&u| path::drives().contains(&(u as u8))).ok_or(Win32Error::FILE_NOT_FOUND)?;
    let mut device = path::volume_device(letter as u8);
    device.extend([0, 0]);
    if device.len() > size as usize {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    to.write_slice(&device)?;
    Ok(device.len() as u32)
}

/// Name, serial number and abilities of the volume of an open file.
#[export(kernel32, full)]
pub fn GetVolumeInformationByHandleW(
    handle: abi::HANDLE,
    name: PWSTR,
    name_size: u32,
    serial: Ptr<u32>,
    component: Ptr<u32>,
    flags: Ptr<u32>,
    fs: PWSTR,
    fs_size: u32,
) -> Result<(), Win32Error> {
    let file: std::sync::Arc<ntdll::file::File> = ntdll::object::get(handle, 0)?;
    if !name.is_null() && name_size > 0 {
        name.write(0)?;
    }
    serial.write_opt(super::volume_serial(file.stat()?.dev))?;
    component.write_opt(255)?;
    flags.write_opt(VOLUME_FLAGS)?;
    give_text(&abi::wide::wide("NTFS"), fs, fs_size)?;
    Ok(())
}
