//! bcryptprimitives.dll.

use abi::{BOOL, Ptr, export};

/// Fills a buffer with random bytes. Never fails.
/// <https://learn.microsoft.com/windows/win32/seccng/processprng>
#[export(bcryptprimitives, full)]
pub fn ProcessPrng(buffer: Ptr<u8>, len: usize) -> BOOL {
    let mut bytes = [0u8; 256];
    for at in (0..len).step_by(bytes.len()) {
        let part = &mut bytes[..(len - at).min(256)];
        host::process::random(part);
        for (index, byte) in part.iter().enumerate() {
            buffer.add(at + index).set(*byte);
        }
    }
    BOOL(true)
}
