//! Memory blocks as the Rtl functions see them.

use abi::{Ptr, export};

/// Copies memory; the blocks may overlap.
/// <https://learn.microsoft.com/windows/win32/devnotes/rtlmovememory>
#[export(ntdll + kernel32, full)]
fn RtlMoveMemory(to: Ptr<u8>, from: Ptr<u8>, len: usize) {
    if to > from && to.addr() - from.addr() < len {
        for index in (0..len).rev() {
            to.add(index).set(from.add(index).get());
        }
        return;
    }
    // Front to back, eight bytes at a time: as a forward copy, also where the blocks overlap.
    let words = if from.addr() > to.addr() && from.addr() - to.addr() < 8 { 0 } else { len / 8 };
    for index in 0..words {
        to.cast::<u64>().add(index).set(from.cast::<u64>().add(index).get());
    }
    for index in words * 8..len {
        to.add(index).set(from.add(index).get());
    }
}

/// Copies memory.
#[export(ntdll + kernel32, full)]
fn RtlCopyMemory(to: Ptr<u8>, from: Ptr<u8>, len: usize) {
    RtlMoveMemory(to, from, len);
}

/// Fills memory with a byte.
#[export(ntdll + kernel32, full)]
fn RtlFillMemory(to: Ptr<u8>, len: usize, value: u8) {
    for index in 0..len {
        to.add(index).set(value);
    }
}

/// Fills memory with zeros.
#[export(ntdll + kernel32, full)]
fn RtlZeroMemory(to: Ptr<u8>, len: usize) {
    RtlFillMemory(to, len, 0);
}
