//! shell32.dll.

use abi::{PCWSTR, PWSTR, Ptr, Win32Error, export};
use ntdll::heap;

/// Takes a command line apart into an array that LocalFree frees in one piece.
#[export(shell32, full)]
pub fn CommandLineToArgvW(line: PCWSTR, count: Ptr<i32>) -> Result<Ptr<PWSTR>, Win32Error> {
    let text = line.read_wide()?;
    let arguments = if text.is_empty() { vec![ntdll::process::image_path()] } else { ntdll::arguments::split(&text) };
    let table = (arguments.len() + 1) * 8;
    let size = table + arguments.iter().map(|a| (a.len() + 1) * 2).sum::<usize>();
    let block = heap::allocate(heap::process_heap(), 8, size).non_null().ok_or(Win32Error::NOT_ENOUGH_MEMORY)?;
    let mut at: PWSTR = block.byte_add(table).cast();
    for (index, argument) in arguments.iter().enumerate() {
        block.cast::<PWSTR>().add(index).write(at)?;
        at.write_slice(argument)?;
        at = at.add(argument.len() + 1);
    }
    count.write(arguments.len() as i32)?;
    Ok(block.cast())
}

/// Known folders by the first word of their GUID, and where they lie under the profile or drive.
const KNOWN_FOLDERS: &[(u32, &str)] = &[
    (0x5e6c_858f, "%USERPROFILE%"),
    (0x3eb6_85db, "%APPDATA%"),
    (0xf1b3_2785, "%LOCALAPPDATA%"),
    (0xa520_a1a4, "%USERPROFILE%\\AppData\\LocalLow"),
    (0x62ab_5d82, "%ProgramData%"),
    (0xb4bf_cc3a, "%USERPROFILE%\\Desktop"),
    (0xfdd3_9ad0, "%USERPROFILE%\\Documents"),
    (0x374d_e290, "%USERPROFILE%\\Downloads"),
    (0x33e2_8130, "%USERPROFILE%\\Pictures"),
    (0x4bd8_d571, "%USERPROFILE%\\Music"),
    (0x1898_3b1d, "%USERPROFILE%\\Videos"),
    (0xdfdf_76a2, "%PUBLIC%"),
    (0x905e_63b6, "%ProgramFiles%"),
    (0x6d80_9377, "%ProgramFiles%"),
    (0xf7f1_ed05, "%CommonProgramFiles%"),
    (0xf38b_f404, "%windir%"),
    (0x1ac1_4e77, "%windir%\\System32"),
    (0xfd22_8cb7, "%windir%\\Fonts"),
];

/// CSIDL numbers and the same places.
const CSIDL: &[(u32, &str)] = &[
    (0x28, "%USERPROFILE%"),
    (0x1a, "%APPDATA%"),
    (0x1c, "%LOCALAPPDATA%"),
    (0x23, "%ProgramData%"),
    (0x00, "%USERPROFILE%\\Desktop"),
    (0x10, "%USERPROFILE%\\Desktop"),
    (0x05, "%USERPROFILE%\\Documents"),
    (0x26, "%ProgramFiles%"),
    (0x2b, "%CommonProgramFiles%"),
    (0x24, "%windir%"),
    (0x25, "%windir%\\System32"),
    (0x14, "%windir%\\Fonts"),
];

const S_OK: u32 = 0;
const E_FILE_NOT_FOUND: u32 = 0x8007_0002;
const E_POINTER: u32 = 0x8000_4003;

fn folder<K: PartialEq>(table: &[(K, &str)], key: K) -> Option<Vec<u16>> {
    let (_, text) = table.iter().find(|(k, _)| *k == key)?;
    Some(kernel32::processenv::expand(&abi::wide::wide(text)))
}

/// The path of a known folder; freed with CoTaskMemFree.
#[export(shell32, partial("the user's and the system's usual folders; ignores token and flags"))]
pub fn SHGetKnownFolderPath(id: Ptr<u32>, _flags: u32, _token: usize, to: Ptr<PWSTR>) -> u32 {
    let Some(path) = id.read().ok().and_then(|id| folder(KNOWN_FOLDERS, id)) else {
        let _ = to.write(Ptr::NULL);
        return E_FILE_NOT_FOUND;
    };
    let block: PWSTR = heap::allocate(heap::process_heap(), 8, path.len() * 2 + 2).cast();
    let _ = block.write_slice(&path);
    if to.write(block).is_ok() { S_OK } else { E_POINTER }
}

/// The path of a folder by its CSIDL, into a buffer of MAX_PATH units.
#[export(shell32, partial("the user's and the system's usual folders; ignores token and flags"))]
pub fn SHGetFolderPathW(_window: usize, csidl: u32, _token: usize, _flags: u32, to: PWSTR) -> u32 {
    match folder(CSIDL, csidl & 0xff) {
        Some(path) if to.write_slice(&[&path[..], &[0]].concat()).is_ok() => S_OK,
        Some(_) => E_POINTER,
        None => E_FILE_NOT_FOUND,
    }
}

/// SHGetFolderPathW in ANSI.
#[export(shell32, partial("the user's and the system's usual folders; ignores token and flags"))]
pub fn SHGetFolderPathA(_window: usize, csidl: u32, _token: usize, _flags: u32, to: abi::PSTR) -> u32 {
    match folder(CSIDL, csidl & 0xff) {
        Some(path) if to.write_slice(&[&ntdll::nls::wide_to_ansi(&path)[..], &[0]].concat()).is_ok() => S_OK,
        Some(_) => E_POINTER,
        None => E_FILE_NOT_FOUND,
    }
}
