//! Text: code pages, case mapping, normalization. Shared by ntdll's Rtl functions, kernel32's NLS
//! functions and the C runtimes.

pub mod case;
pub mod codepage;

use std::sync::atomic::{AtomicU32, Ordering};

static ANSI_CODE_PAGE: AtomicU32 = AtomicU32::new(1252);
static OEM_CODE_PAGE: AtomicU32 = AtomicU32::new(437);

/// The process's ANSI code page: 1252, or 65001 when the program's manifest asks for it.
/// <https://learn.microsoft.com/windows/apps/design/globalizing/use-utf8-code-page>
pub fn ansi_code_page() -> u32 {
    ANSI_CODE_PAGE.load(Ordering::Relaxed)
}

/// The process's OEM code page.
pub fn oem_code_page() -> u32 {
    OEM_CODE_PAGE.load(Ordering::Relaxed)
}

/// Makes UTF-8 the code page of the process (manifest `activeCodePage`).
pub fn use_utf8() {
    ANSI_CODE_PAGE.store(65001, Ordering::Relaxed);
    OEM_CODE_PAGE.store(65001, Ordering::Relaxed);
}

/// Text in the ANSI code page to UTF-16.
pub fn ansi_to_wide(bytes: &[u8]) -> Vec<u16> {
    codepage::decode_lossy(ansi_code_page(), bytes)
}

/// UTF-16 to text in the ANSI code page.
pub fn wide_to_ansi(text: &[u16]) -> Vec<u8> {
    codepage::encode_lossy(ansi_code_page(), text)
}

/// Text in the OEM code page to UTF-16.
pub fn oem_to_wide(bytes: &[u8]) -> Vec<u16> {
    codepage::decode_lossy(oem_code_page(), bytes)
}

/// UTF-16 to text in the OEM code page.
pub fn wide_to_oem(text: &[u16]) -> Vec<u8> {
    codepage::encode_lossy(oem_code_page(), text)
}
