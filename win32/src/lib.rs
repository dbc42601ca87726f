//! The other system DLLs, one module each.
//! The system DLLs besides ntdll, kernel32 and the C runtimes, one module each.
#![deny(unsafe_code)]

/// Exports that do nothing but return a constant. Arguments are not looked at: callers clean up for themselves.
macro_rules! constants {
    ($dll:ident, $note:tt: $($name:ident = $value:expr;)*) => {$(
        /// Returns a constant; see its level's note.
        #[abi::export($dll, stub($note))]
        pub fn $name() -> usize {
            $value as usize
        }
    )*};
}

/// Exports that fail with a Win32 error and a result of 0.
macro_rules! failing {
    ($dll:ident, $note:tt, $error:tt: $($name:ident)*) => {$(
        /// Fails; see its level's note.
        #[abi::export($dll, stub($note))]
        pub fn $name() -> usize {
            abi::teb::set_last_error(abi::Win32Error($error));
            0
        }
    )*};
}

pub mod advapi32;
pub mod bcrypt;
pub mod bcryptprimitives;
pub mod com;
pub mod crypt32;
pub mod dbghelp;
pub mod desktop;
pub mod misc;
pub mod oleaut32;
pub mod psapi;
pub mod shell32;
pub mod shlwapi;
pub mod version;
pub mod winmm;
pub mod winuser_rect;
pub mod winuser_text;
pub mod ws2_32;

use abi::{Ptr, Win32Error};

/// Runs a function whose result is the error code itself.
fn status(work: impl FnOnce() -> Result<(), Win32Error>) -> Win32Error {
    work().err().unwrap_or(Win32Error::SUCCESS)
}

/// Memory for the guest from the process heap.
fn guest_alloc(bytes: usize) -> Result<Ptr<u8>, Win32Error> {
    let block = ntdll::heap::allocate(ntdll::heap::process_heap(), 8, bytes.max(1));
    if block.is_null() { Err(Win32Error::NOT_ENOUGH_MEMORY) } else { Ok(block) }
}

fn guest_free(block: Ptr<u8>) {
    if !block.is_null() {
        ntdll::heap::free(ntdll::heap::process_heap(), block);
    }
}

/// A NUL-terminated UTF-16 copy in guest memory.
fn guest_text(text: &[u16]) -> Result<Ptr<u16>, Win32Error> {
    let block: Ptr<u16> = guest_alloc((text.len() + 1) * 2)?.cast();
    block.write_slice(text)?;
    block.add(text.len()).write(0)?;
    Ok(block)
}
