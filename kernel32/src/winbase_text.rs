//! winbase.h: small helpers with text and numbers.

use crate::nls::{ansi_to_wide, case, sort, wide_to_ansi};
use abi::{BOOL, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};

/// Length of a text; 0 for null and for what cannot be read.
#[export(kernel32, full)]
pub fn lstrlenW(text: PCWSTR) -> i32 {
    if text.is_null() { 0 } else { text.read_wide().map_or(0, |text| text.len() as i32) }
}

/// Length of a text; 0 for null and for what cannot be read.
#[export(kernel32, full)]
pub fn lstrlenA(text: PCSTR) -> i32 {
    if text.is_null() { 0 } else { text.read_bytes().map_or(0, |text| text.len() as i32) }
}

fn put<T: Copy + Default>(to: Ptr<T>, text: &[T]) -> Ptr<T> {
    match to.write_slice(text).and_then(|()| to.add(text.len()).write(T::default())) {
        Ok(()) => to,
        Err(_) => Ptr::NULL,
    }
}

/// Copies a text; null when memory cannot be accessed.
#[export(kernel32, full)]
pub fn lstrcpyW(to: PWSTR, from: PCWSTR) -> PWSTR {
    from.read_wide().map_or(Ptr::NULL, |text| put(to, &text))
}

/// Copies a text; null when memory cannot be accessed.
#[export(kernel32, full)]
pub fn lstrcpyA(to: PSTR, from: PCSTR) -> PSTR {
    from.read_bytes().map_or(Ptr::NULL, |text| put(to, &text))
}

/// Copies at most `size` units, the NUL included.
#[export(kernel32, full)]
pub fn lstrcpynW(to: PWSTR, from: PCWSTR, size: i32) -> PWSTR {
    let Ok(mut text) = from.read_wide() else { return Ptr::NULL };
    if size <= 0 {
        return to;
    }
    text.truncate(size as usize - 1);
    put(to, &text)
}

/// Copies at most `size` bytes, the NUL included.
#[export(kernel32, full)]
pub fn lstrcpynA(to: PSTR, from: PCSTR, size: i32) -> PSTR {
    let Ok(mut text) = from.read_bytes() else { return Ptr::NULL };
    if size <= 0 {
        return to;
    }
    text.truncate(size as usize - 1);
    put(to, &text)
}

/// Appends a text.
#[export(kernel32, full)]
pub fn lstrcatW(to: PWSTR, from: PCWSTR) -> PWSTR {
    let (Ok(old), Ok(text)) = (to.read_wide(), from.read_wide()) else { return Ptr::NULL };
    if put(to.add(old.len()), &text).is_null() { Ptr::NULL } else { to }
}

/// Appends a text.
#[export(kernel32, full)]
pub fn lstrcatA(to: PSTR, from: PCSTR) -> PSTR {
    let (Ok(old), Ok(text)) = (to.read_bytes(), from.read_bytes()) else { return Ptr::NULL };
    if put(to.add(old.len()), &text).is_null() { Ptr::NULL } else { to }
}

fn compare(a: &[u16], b: &[u16], flags: u32) -> i32 {
    if a == b { 0 } else { sort::key(a, flags).cmp(&sort::key(b, flags)) as i32 }
}

fn wide_or_empty(text: PCWSTR) -> Vec<u16> {
    if text.is_null() { Vec::new() } else { text.read_wide().unwrap_or_default() }
}

fn ansi_or_empty(text: PCSTR) -> Vec<u16> {
    if text.is_null() { Vec::new() } else { ansi_to_wide(&text.read_bytes().unwrap_or_default()) }
}

/// Compares as words are ordered.
#[export(kernel32, full)]
pub fn lstrcmpW(a: PCWSTR, b: PCWSTR) -> i32 {
    compare(&wide_or_empty(a), &wide_or_empty(b), 0)
}

/// Compares as words are ordered.
#[export(kernel32, full)]
pub fn lstrcmpA(a: PCSTR, b: PCSTR) -> i32 {
    compare(&ansi_or_empty(a), &ansi_or_empty(b), 0)
}

/// Compares as words are ordered, without case.
#[export(kernel32, full)]
pub fn lstrcmpiW(a: PCWSTR, b: PCWSTR) -> i32 {
    compare(&wide_or_empty(a), &wide_or_empty(b), 1)
}

/// Compares as words are ordered, without case.
#[export(kernel32, full)]
pub fn lstrcmpiA(a: PCSTR, b: PCSTR) -> i32 {
    compare(&ansi_or_empty(a), &ansi_or_empty(b), 1)
}

/// a × b ÷ c, rounded, through 64 bits; -1 when it does not fit.
#[export(kernel32, full)]
pub fn MulDiv(number: i32, numerator: i32, denominator: i32) -> i32 {
    if denominator == 0 {
        return -1;
    }
    let (mut product, mut divisor) = (i64::from(number) * i64::from(numerator), i64::from(denominator));
    if divisor < 0 {
        (product, divisor) = (-product, -divisor);
    }
    let half = if product < 0 { -(divisor / 2) } else { divisor / 2 };
    i32::try_from((product + half) / divisor).unwrap_or(-1)
}

/// Whether memory cannot be read.
#[export(kernel32, full)]
pub fn IsBadReadPtr(address: usize, size: usize) -> BOOL {
    BOOL(size != 0 && (0..size).step_by(4096).chain([size - 1]).any(|at| Ptr::<u8>::new(address.wrapping_add(at)).read().is_err()))
}

/// Whether memory cannot be written.
#[export(kernel32, full)]
pub fn IsBadWritePtr(address: usize, size: usize) -> BOOL {
    let bad = |at: usize| {
        let at = Ptr::<u8>::new(address.wrapping_add(at));
        at.read().and_then(|byte| at.write(byte)).is_err()
    };
    BOOL(size != 0 && (0..size).step_by(4096).chain([size - 1]).any(bad))
}

/// Whether memory cannot be executed (here: read).
#[export(kernel32, full)]
pub fn IsBadCodePtr(address: usize) -> BOOL {
    BOOL(Ptr::<u8>::new(address).read().is_err())
}

/// Whether a text cannot be read.
#[export(kernel32, full)]
pub fn IsBadStringPtrW(text: PCWSTR, _maximum: usize) -> BOOL {
    BOOL(text.read_wide().is_err())
}

/// Whether a text cannot be read.
#[export(kernel32, full)]
pub fn IsBadStringPtrA(text: PCSTR, _maximum: usize) -> BOOL {
    BOOL(text.read_bytes().is_err())
}

/// A tone.
#[export(kernel32, stub("silent"))]
pub fn Beep(_frequency: u32, _duration: u32) -> BOOL {
    BOOL(true)
}

/// The version that this system says it is: Windows 10 22H2.
const VERSION: (u32, u32, u32) = (10, 0, 19045);

/// The low word: major and minor; bits 16 to 30: the build. Without a manifest that says otherwise it is
/// that of Windows 10 here too.
#[export(kernel32, full)]
pub fn GetVersion() -> u32 {
    VERSION.0 | VERSION.1 << 8 | VERSION.2 << 16
}

/// OSVERSIONINFO(EX) in UTF-16.
#[export(kernel32, full)]
pub fn GetVersionExW(info: Ptr<u32>) -> Result<(), Win32Error> {
    let size = info.read()?;
    // OSVERSIONINFOW is 276 bytes, OSVERSIONINFOEXW 284.
    if !matches!(size, 276 | 284) {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    let mut bytes = vec![0u8; size as usize];
    version_head(&mut bytes, size);
    if size == 284 {
        bytes[280..282].copy_from_slice(&0x100u16.to_le_bytes());
        bytes[282] = 1;
    }
    Ok(info.cast::<u8>().write_slice(&bytes)?)
}

/// OSVERSIONINFO(EX) in the ANSI code page.
#[export(kernel32, full)]
pub fn GetVersionExA(info: Ptr<u32>) -> Result<(), Win32Error> {
    let size = info.read()?;
    // OSVERSIONINFOA is 148 bytes, OSVERSIONINFOEXA 156.
    if !matches!(size, 148 | 156) {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    let mut bytes = vec![0u8; size as usize];
    version_head(&mut bytes, size);
    if size == 156 {
        bytes[152..154].copy_from_slice(&0x100u16.to_le_bytes());
        bytes[154] = 1;
    }
    Ok(info.cast::<u8>().write_slice(&bytes)?)
}

fn version_head(bytes: &mut [u8], size: u32) {
    for (index, value) in [size, VERSION.0, VERSION.1, VERSION.2, 2].into_iter().enumerate() {
        bytes[index * 4..index * 4 + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// The bits of a type mask, in the order in which versions are compared.
const MAJOR: u32 = 2;
const MINOR: u32 = 1;
const BUILD: u32 = 4;
const PLATFORM: u32 = 8;
const PACK_MINOR: u32 = 0x10;
const PACK_MAJOR: u32 = 0x20;
const SUITE: u32 = 0x40;
const PRODUCT: u32 = 0x80;

/// Adds a condition (three bits for each type) to a mask.
#[export(kernel32 + ntdll, full)]
pub fn VerSetConditionMask(mask: u64, types: u32, condition: u8) -> u64 {
    let condition = u64::from(condition & 7);
    (0..8).filter(|bit| types & 1 << bit != 0).fold(mask, |mask, bit| mask | condition << (bit * 3))
}

/// Compares a version with this system's. `wanted`: major, minor, build, platform, pack major, pack minor, suite, product.
fn verify(wanted: [u32; 8], types: u32, mask: u64) -> Result<(), Win32Error> {
    if types == 0 {
        return Err(Win32Error(160));
    }
    let condition = |kind: u32| (mask >> (kind.trailing_zeros() * 3) & 7) as u32;
    let holds = |condition: u32, have: u32, want: u32| match condition {
        1 => have == want,
        2 => have > want,
        3 => have >= want,
        4 => have < want,
        5 => have <= want,
        6 => have & want == want,
        7 => have & want != 0,
        _ => false,
    };
    let have = [VERSION.0, VERSION.1, VERSION.2, 2, 0, 0, 0x100, 1];
    let single = [(BUILD, 2), (PLATFORM, 3), (SUITE, 6), (PRODUCT, 7)];
    let mut ok = single.iter().all(|&(kind, at)| types & kind == 0 || holds(condition(kind), have[at], wanted[at]));
    // Major, minor and service pack make one number, compared by the condition of the first that is asked for.
    let order = [(MAJOR, 0), (MINOR, 1), (PACK_MAJOR, 4), (PACK_MINOR, 5)];
    let asked: Vec<_> = order.iter().filter(|(kind, _)| types & kind != 0).collect();
    for (index, &&(kind, at)) in asked.iter().enumerate() {
        let how = condition(kind);
        if have[at] != wanted[at] || index + 1 == asked.len() {
            ok &= holds(how, have[at], wanted[at]);
            break;
        }
        if matches!(how, 1) {
            continue;
        }
    }
    // ERROR_OLD_WIN_VERSION.
    if ok { Ok(()) } else { Err(Win32Error(1150)) }
}

fn wanted(info: Ptr<u32>, tail: usize) -> Result<[u32; 8], Win32Error> {
    let head = info.add(1).cast::<[u32; 4]>().read()?;
    let packs = info.byte_add(tail).cast::<[u16; 3]>().read()?;
    let product = info.byte_add(tail + 6).cast::<u8>().read()?;
    Ok([head[0], head[1], head[2], head[3], packs[0].into(), packs[1].into(), packs[2].into(), product.into()])
}

/// Compares the system's version.
#[export(kernel32, full)]
pub fn VerifyVersionInfoW(info: Ptr<u32>, types: u32, mask: u64) -> Result<(), Win32Error> {
    verify(wanted(info, 276)?, types, mask)
}

/// Compares the system's version.
#[export(kernel32, full)]
pub fn VerifyVersionInfoA(info: Ptr<u32>, types: u32, mask: u64) -> Result<(), Win32Error> {
    verify(wanted(info, 148)?, types, mask)
}

/// Compares the system's version.
#[export(ntdll, full)]
pub fn RtlVerifyVersionInfo(info: Ptr<u32>, types: u32, mask: u64) -> Result<(), abi::NTSTATUS> {
    let wanted = wanted(info, 276).map_err(|_| abi::NTSTATUS::ACCESS_VIOLATION)?;
    // STATUS_REVISION_MISMATCH.
    verify(wanted, types, mask).map_err(|_| abi::NTSTATUS(0xc000_0059))
}

/// The product: Professional.
#[export(kernel32, full)]
pub fn GetProductInfo(_major: u32, _minor: u32, _pack_major: u32, _pack_minor: u32, kind: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(kind.write(48)?)
}

/// Global and local atoms live in one table of this process; global ones are not seen by others.
mod atoms {
    use super::*;
    use parking_lot::Mutex;

    static ATOMS: Mutex<Vec<Option<(Vec<u16>, u32)>>> = Mutex::new(Vec::new());
    const FIRST: usize = 0xc000;

    pub fn add(text: &[u16]) -> Result<u16, Win32Error> {
        if text.is_empty() || text.len() > 255 {
            return Err(Win32Error::INVALID_PARAMETER);
        }
        let mut atoms = ATOMS.lock();
        for (index, slot) in atoms.iter_mut().enumerate() {
            if let Some((known, count)) = slot
                && case::equal(known, text)
            {
                *count += 1;
                return Ok((FIRST + index) as u16);
            }
        }
        let index = atoms.iter().position(Option::is_none).unwrap_or(atoms.len());
        if index >= 0x4000 {
            return Err(Win32Error::NOT_ENOUGH_MEMORY);
        }
        let entry = Some((text.to_vec(), 1));
        if index == atoms.len() {
            atoms.push(entry)
        } else {
            atoms[index] = entry
        }
        Ok((FIRST + index) as u16)
    }

    pub fn find(text: &[u16]) -> Result<u16, Win32Error> {
        let atoms = ATOMS.lock();
        let index = atoms.iter().position(|slot| slot.as_ref().is_some_and(|(known, _)| case::equal(known, text)));
        index.map(|index| (FIRST + index) as u16).ok_or(Win32Error::FILE_NOT_FOUND)
    }

    pub fn delete(atom: u16) -> Result<(), Win32Error> {
        let mut atoms = ATOMS.lock();
        let slot = usize::from(atom).checked_sub(FIRST).and_then(|index| atoms.get_mut(index));
        match slot {
            None if atom < 0xc000 => Ok(()),
            Some(slot @ Some(_)) => {
                if let Some((_, count)) = slot {
                    *count -= 1;
                    if *count == 0 {
                        *slot = None;
                    }
                }
                Ok(())
            }
            _ => Err(Win32Error::INVALID_HANDLE),
        }
    }

    pub fn name(atom: u16) -> Result<Vec<u16>, Win32Error> {
        if atom == 0 {
            return Err(Win32Error::INVALID_HANDLE);
        }
        if atom < 0xc000 {
            return Ok(abi::wide::wide(&format!("#{atom}")));
        }
        let atoms = ATOMS.lock();
        let slot = atoms.get(usize::from(atom) - FIRST).and_then(Option::as_ref);
        slot.map(|(name, _)| name.clone()).ok_or(Win32Error::INVALID_HANDLE)
    }
}

/// An integer atom (an address below 0xC000, or `#n`), or the text.
fn atom_arg(text: Vec<u16>) -> Result<u16, Vec<u16>> {
    match text.split_first() {
        Some((0x23, digits)) => String::from_utf16_lossy(digits).parse().ok().filter(|&atom| atom < 0xc000).ok_or(text),
        _ => Err(text),
    }
}

macro_rules! atom_functions {
    ($($add:ident, $find:ident, $name:ident: $ptr:ident, $read:expr, $give:expr;)*) => {$(
        /// Adds a text to the atom table, or counts one use more.
        #[export(kernel32, partial("the table is this process's own"))]
        pub fn $add(text: $ptr) -> Result<u16, Win32Error> {
            if text.addr() < 0x1_0000 {
                return if text.addr() < 0xc000 { Ok(text.addr() as u16) } else { Err(Win32Error::INVALID_PARAMETER) };
            }
            match atom_arg(($read)(text)?) {
                Ok(atom) => Ok(atom),
                Err(text) => atoms::add(&text),
            }
        }

        /// Finds a text in the atom table.
        #[export(kernel32, partial("the table is this process's own"))]
        pub fn $find(text: $ptr) -> Result<u16, Win32Error> {
            if text.addr() < 0xc000 {
                return Ok(text.addr() as u16);
            }
            match atom_arg(($read)(text)?) {
                Ok(atom) => Ok(atom),
                Err(text) => atoms::find(&text),
            }
        }

        /// An atom's text.
        #[export(kernel32, partial("the table is this process's own"))]
        pub fn $name(atom: u16, to: $ptr, size: i32) -> Result<u32, Win32Error> {
            let text = ($give)(atoms::name(atom)?);
            if size <= 0 {
                return Err(Win32Error::MORE_DATA);
            }
            let fits = &text[..text.len().min(size as usize - 1)];
            to.write_slice(fits)?;
            to.add(fits.len()).write(0)?;
            if fits.len() < text.len() { Err(Win32Error::MORE_DATA) } else { Ok(fits.len() as u32) }
        }
    )*};
}
atom_functions! {
    AddAtomW, FindAtomW, GetAtomNameW: PWSTR, |text: PCWSTR| text.read_wide(), |text: Vec<u16>| text;
    AddAtomA, FindAtomA, GetAtomNameA: PSTR, crate::nls::ansi_arg, |text: Vec<u16>| wide_to_ansi(&text);
    GlobalAddAtomW, GlobalFindAtomW, GlobalGetAtomNameW: PWSTR, |text: PCWSTR| text.read_wide(), |text: Vec<u16>| text;
    GlobalAddAtomA, GlobalFindAtomA, GlobalGetAtomNameA: PSTR, crate::nls::ansi_arg, |text: Vec<u16>| wide_to_ansi(&text);
}

/// Gives an atom back: 0 for success.
#[export(kernel32, full)]
pub fn DeleteAtom(atom: u16) -> u16 {
    match atoms::delete(atom) {
        Ok(()) => 0,
        Err(error) => {
            abi::teb::set_last_error(error);
            atom
        }
    }
}

/// Gives an atom back.
#[export(kernel32, full)]
pub fn GlobalDeleteAtom(atom: u16) -> u16 {
    if let Err(error) = atoms::delete(atom) {
        abi::teb::set_last_error(error);
    }
    0
}

/// Makes the local atom table.
#[export(kernel32, full)]
pub fn InitAtomTable(_size: u32) -> BOOL {
    BOOL(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_documented() {
        let mask = VerSetConditionMask(VerSetConditionMask(0, MAJOR, 3), MINOR, 3);
        assert!(verify([6, 1, 0, 0, 0, 0, 0, 0], MAJOR | MINOR, mask).is_ok());
        assert!(verify([10, 0, 0, 0, 0, 0, 0, 0], MAJOR | MINOR, mask).is_ok());
        assert!(verify([10, 1, 0, 0, 0, 0, 0, 0], MAJOR | MINOR, mask).is_err());
        assert!(verify([11, 0, 0, 0, 0, 0, 0, 0], MAJOR, mask).is_err());
        assert!(verify([0, 0, 15000, 0, 0, 0, 0, 0], BUILD, VerSetConditionMask(0, BUILD, 3)).is_ok());
    }

    #[test]
    fn mul_div_rounds() {
        assert_eq!(MulDiv(10, 3, 4), 8);
        assert_eq!(MulDiv(-10, 3, 4), -8);
        assert_eq!(MulDiv(i32::MAX, 2, 1), -1);
        assert_eq!(MulDiv(1, 1, 0), -1);
    }
}
