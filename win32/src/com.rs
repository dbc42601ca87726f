//! ole32.dll and combase.dll: COM without any classes of its own, its memory, and identifiers as text.

use crate::{guest_alloc, guest_free, guest_text};
use abi::{PCWSTR, PWSTR, Ptr, Win32Error, export};
use std::cell::Cell;

const S_FALSE: u32 = 1;
const E_INVALIDARG: u32 = 0x8007_0057;
const CLASS_NOT_REGISTERED: u32 = 0x8004_0154;
const CLASS_STRING: u32 = 0x8004_01f3;

thread_local! {
    static INITIALIZED: Cell<u32> = const { Cell::new(0) };
}

/// Begins COM in this thread.
#[export(ole32, full)]
pub fn CoInitializeEx(_reserved: Ptr<u8>, _mode: u32) -> u32 {
    INITIALIZED.set(INITIALIZED.get() + 1);
    if INITIALIZED.get() == 1 { 0 } else { S_FALSE }
}

/// Begins COM in this thread.
#[export(ole32, full)]
pub fn CoInitialize(reserved: Ptr<u8>) -> u32 {
    CoInitializeEx(reserved, 2)
}

/// Begins COM in this thread.
#[export(ole32, full)]
pub fn OleInitialize(reserved: Ptr<u8>) -> u32 {
    CoInitializeEx(reserved, 2)
}

/// Ends COM in this thread.
#[export(ole32, full)]
pub fn CoUninitialize() {
    INITIALIZED.set(INITIALIZED.get().saturating_sub(1));
}

/// Ends COM in this thread.
#[export(ole32, full)]
pub fn OleUninitialize() {
    CoUninitialize();
}

/// Allocates memory.
#[export(ole32, full)]
pub fn CoTaskMemAlloc(size: usize) -> Ptr<u8> {
    guest_alloc(size).unwrap_or(Ptr::NULL)
}

/// Reallocates memory.
#[export(ole32, full)]
pub fn CoTaskMemRealloc(block: Ptr<u8>, size: usize) -> Ptr<u8> {
    if block.is_null() {
        return CoTaskMemAlloc(size);
    }
    if size == 0 {
        guest_free(block);
        return Ptr::NULL;
    }
    ntdll::heap::reallocate(ntdll::heap::process_heap(), 0, block, size)
}

/// Frees memory.
#[export(ole32, full)]
pub fn CoTaskMemFree(block: Ptr<u8>) {
    guest_free(block);
}

/// A new identifier. <https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-4>
pub fn new_guid() -> [u8; 16] {
    let mut bytes = [0u8; 16];
    host::process::random(&mut bytes);
    bytes[7] = bytes[7] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// The usual text of an identifier, without braces. The first three parts are little-endian.
pub fn guid_text(guid: &[u8; 16]) -> String {
    let part = |order: &[usize]| order.iter().map(|&index| format!("{:02X}", guid[index])).collect::<String>();
    [part(&[3, 2, 1, 0]), part(&[5, 4]), part(&[7, 6]), part(&[8, 9]), part(&[10, 11, 12, 13, 14, 15])].join("-")
}

/// Text, with or without braces, to identifier.
pub fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).collect::<Vec<_>>() != [8, 4, 4, 4, 12] || !text.is_ascii() {
        return None;
    }
    let digits: String = parts.concat();
    let mut out = [0u8; 16];
    for (index, at) in [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].into_iter().enumerate() {
        out[at] = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(out)
}

/// A new identifier.
#[export(ole32, full)]
pub fn CoCreateGuid(to: Ptr<[u8; 16]>) -> u32 {
    if to.write(new_guid()).is_ok() { 0 } else { E_INVALIDARG }
}

/// Identifier to text with braces; the length with the NUL.
#[export(ole32, full)]
pub fn StringFromGUID2(guid: Ptr<[u8; 16]>, to: PWSTR, size: i32) -> i32 {
    let Ok(guid) = guid.read() else { return 0 };
    let text = abi::wide::wide_z(&format!("{{{}}}", guid_text(&guid)));
    if (size as usize) < text.len() || to.write_slice(&text).is_err() { 0 } else { text.len() as i32 }
}

fn string_from(guid: Ptr<[u8; 16]>, to: Ptr<PWSTR>) -> u32 {
    let work = || -> Result<(), Win32Error> {
        let text = guest_text(&abi::wide::wide(&format!("{{{}}}", guid_text(&guid.read()?))))?;
        Ok(to.write(text)?)
    };
    work().map_or(E_INVALIDARG, |()| 0)
}

/// Identifier to text that the caller frees.
#[export(ole32, full)]
pub fn StringFromCLSID(guid: Ptr<[u8; 16]>, to: Ptr<PWSTR>) -> u32 {
    string_from(guid, to)
}

/// Identifier to text that the caller frees.
#[export(ole32, full)]
pub fn StringFromIID(guid: Ptr<[u8; 16]>, to: Ptr<PWSTR>) -> u32 {
    string_from(guid, to)
}

fn from_string(text: PCWSTR, to: Ptr<[u8; 16]>) -> u32 {
    if text.is_null() {
        return to.write([0; 16]).map_or(E_INVALIDARG, |()| 0);
    }
    let guid = text.read_wide().ok().and_then(|text| parse_guid(&abi::wide::display(&text)));
    match guid {
        Some(guid) => to.write(guid).map_or(E_INVALIDARG, |()| 0),
        None => CLASS_STRING,
    }
}

/// Text to identifier.
#[export(ole32, partial("no program identifiers"))]
pub fn CLSIDFromString(text: PCWSTR, to: Ptr<[u8; 16]>) -> u32 {
    from_string(text, to)
}

/// Text to identifier.
#[export(ole32, full)]
pub fn IIDFromString(text: PCWSTR, to: Ptr<[u8; 16]>) -> u32 {
    from_string(text, to)
}

/// Makes an object.
#[export(ole32, stub("no class is registered"))]
pub fn CoCreateInstance(_class: Ptr<u8>, _outer: usize, _context: u32, _interface: Ptr<u8>, to: Ptr<usize>) -> u32 {
    let _ = to.write_opt(0);
    CLASS_NOT_REGISTERED
}

/// Makes an object.
#[export(ole32, stub("no class is registered"))]
pub fn CoGetClassObject(_class: Ptr<u8>, _context: u32, _server: usize, _interface: Ptr<u8>, to: Ptr<usize>) -> u32 {
    let _ = to.write_opt(0);
    CLASS_NOT_REGISTERED
}

/// Clears a PROPVARIANT.
#[export(ole32, partial("text and plain values"))]
pub fn PropVariantClear(value: Ptr<u16>) -> u32 {
    // VT_LPSTR, VT_LPWSTR, VT_CLSID own a block.
    if let (Ok(30 | 31 | 72), Ok(block)) = (value.read(), value.byte_add(8).cast::<usize>().read()) {
        guest_free(Ptr::new(block));
    }
    value.cast::<[u64; 3]>().write([0; 3]).map_or(E_INVALIDARG, |()| 0)
}

constants! { ole32, "no class is registered (REGDB_E_CLASSNOTREG)": CoCreateInstanceEx = 0x8004_0154u32; CLSIDFromProgID = 0x8004_01f3u32; ProgIDFromCLSID = 0x8004_0154u32; }
constants! { ole32, "says that it was done": CoInitializeSecurity = 0; CoSetProxyBlanket = 0; CoFreeUnusedLibraries = 0; CoRegisterClassObject = 0; CoRevokeClassObject = 0; CoDisconnectObject = 0; CoLockObjectExternal = 0; RevokeDragDrop = 0; RegisterDragDrop = 0; }
constants! { ole32, "fails (E_NOTIMPL)": CreateStreamOnHGlobal = 0x8000_4001u32; GetHGlobalFromStream = 0x8000_4001u32; CreateBindCtx = 0x8000_4001u32; GetRunningObjectTable = 0x8000_4001u32; OleLoadFromStream = 0x8000_4001u32; OleSaveToStream = 0x8000_4001u32; CoGetMalloc = 0x8000_4001u32; CoCreateFreeThreadedMarshaler = 0x8000_4001u32; CoMarshalInterThreadInterfaceInStream = 0x8000_4001u32; CoGetInterfaceAndReleaseStream = 0x8000_4001u32; }
constants! { combase, "no class is registered (REGDB_E_CLASSNOTREG)": RoGetActivationFactory = 0x8004_0154u32; RoActivateInstance = 0x8004_0154u32; }
constants! { combase, "says that it was done": RoInitialize = 0; RoUninitialize = 0; RoOriginateLanguageException = 0; RoOriginateErrorW = 0; }
constants! { oleaut32, "no error information is set (S_FALSE)": GetErrorInfo = 1; SetErrorInfo = 0; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_as_text() {
        let text = "3D5D1BCE-0A4F-4D4E-8A28-0123456789AB";
        assert_eq!(guid_text(&parse_guid(text).unwrap()), text);
        assert_eq!(parse_guid(&format!("{{{text}}}")), parse_guid(text));
        assert_eq!(parse_guid(text).unwrap()[..4], [0xce, 0x1b, 0x5d, 0x3d]);
        assert!(parse_guid("x").is_none());
    }
}
