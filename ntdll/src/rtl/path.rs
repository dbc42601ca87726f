//! Rtl functions of paths and the current directory.

use crate::file::UnicodeString;
use crate::{heap, path, process};
use abi::{NTSTATUS, PCWSTR, PWSTR, Ptr, export};

/// Makes a DOS path absolute. Sizes are bytes; the result is the length, or the size needed.
#[export(ntdll, full)]
pub fn RtlGetFullPathName_U(name: PCWSTR, size: u32, to: PWSTR, file: Ptr<PWSTR>) -> u32 {
    let Ok(text) = name.read_wide() else { return 0 };
    let Ok(full) = path::full_path(&text) else { return 0 };
    let bytes = (full.len() * 2) as u32;
    if size < bytes + 2 {
        return bytes + 2;
    }
    let _ = to.write_slice(&full);
    to.add(full.len()).set(0);
    if !file.is_null() {
        let at = full.iter().rposition(|&u| u == u16::from(b'\\')).map_or(0, |at| at + 1);
        file.set(if at < full.len() { to.add(at) } else { Ptr::NULL });
    }
    bytes
}

/// The current directory. Sizes are bytes.
#[export(ntdll, full)]
pub fn RtlGetCurrentDirectory_U(size: u32, to: PWSTR) -> u32 {
    let mut text = process::directory();
    if text.len() > 3 {
        text.pop();
    }
    let bytes = (text.len() * 2) as u32;
    if size < bytes + 2 {
        return bytes + 2;
    }
    let _ = to.write_slice(&text);
    to.add(text.len()).set(0);
    bytes
}

/// Changes the current directory.
#[export(ntdll, full)]
pub fn RtlSetCurrentDirectory_U(path: Ptr<UnicodeString>) -> Result<(), NTSTATUS> {
    process::change_directory(&path.read()?.read()?)
}

/// The type of a DOS path: 1 UNC, 2 drive absolute, 3 drive relative, 4 rooted, 5 relative, 6 device, 7 root device.
#[export(ntdll, full)]
pub fn RtlDetermineDosPathNameType_U(name: PCWSTR) -> u32 {
    name.read_wide().map_or(0, |text| path::path_type(&text) as u32 + 1)
}

/// The NT path of a DOS path; its buffer is freed with RtlFreeUnicodeString.
#[export(ntdll, full)]
pub fn RtlDosPathNameToNtPathName_U_WithStatus(
    name: PCWSTR,
    nt: Ptr<UnicodeString>,
    _file: Ptr<PWSTR>,
    _relative: Ptr<u8>,
) -> Result<(), NTSTATUS> {
    let text = path::nt_path(&name.read_wide()?)?;
    let buffer: PWSTR = heap::allocate(heap::process_heap(), 0, text.len() * 2 + 2).cast();
    buffer.write_slice(&text)?;
    buffer.add(text.len()).write(0)?;
    let bytes = (text.len() * 2) as u16;
    Ok(nt.write(UnicodeString { length: bytes, maximum: bytes + 2, buffer })?)
}

/// The NT path of a DOS path.
#[export(ntdll, full)]
pub fn RtlDosPathNameToNtPathName_U(name: PCWSTR, nt: Ptr<UnicodeString>, file: Ptr<PWSTR>, relative: Ptr<u8>) -> bool {
    RtlDosPathNameToNtPathName_U_WithStatus(name, nt, file, relative).is_ok()
}
