//! oleaut32.dll: strings and variants of automation.

use abi::{PCWSTR, PWSTR, Ptr, export};
use ntdll::heap;

/// A BSTR has its length in bytes in the four bytes before it. Ours keeps 16 for alignment.
const HEADER: usize = 16;

fn allocate(bytes: usize) -> Ptr<u8> {
    let block = heap::allocate(heap::process_heap(), 8, HEADER + bytes + 2);
    if block.is_null() {
        return Ptr::NULL;
    }
    block.byte_add(HEADER - 4).cast::<u32>().set(bytes as u32);
    block.byte_add(HEADER)
}

/// Copies a text.
#[export(oleaut32, full, ordinal = 2)]
pub fn SysAllocString(text: PCWSTR) -> PWSTR {
    if text.is_null() {
        return Ptr::NULL;
    }
    let units = text.read_wide().unwrap_or_default();
    let to: PWSTR = allocate(units.len() * 2).cast();
    let _ = to.write_slice(&units);
    to
}

/// Copies units; with null makes room for them.
#[export(oleaut32, full, ordinal = 4)]
pub fn SysAllocStringLen(text: PCWSTR, count: u32) -> PWSTR {
    let to: PWSTR = allocate(count as usize * 2).cast();
    if !text.is_null() && !to.is_null() {
        let _ = abi::fault::copy_within(to.addr(), text.addr(), count as usize * 2);
    }
    to
}

/// Copies bytes; with null makes room for them.
#[export(oleaut32, full, ordinal = 150)]
pub fn SysAllocStringByteLen(bytes: Ptr<u8>, count: u32) -> Ptr<u8> {
    let to = allocate(count as usize);
    if !bytes.is_null() && !to.is_null() {
        let _ = abi::fault::copy_within(to.addr(), bytes.addr(), count as usize);
    }
    to
}

/// Frees a BSTR.
#[export(oleaut32, full, ordinal = 6)]
pub fn SysFreeString(text: Ptr<u8>) {
    if !text.is_null() {
        heap::free(heap::process_heap(), Ptr::new(text.addr() - HEADER));
    }
}

/// The length of a BSTR in units.
#[export(oleaut32, full, ordinal = 7)]
pub fn SysStringLen(text: Ptr<u8>) -> u32 {
    SysStringByteLen(text) / 2
}

/// The length of a BSTR in bytes.
#[export(oleaut32, full, ordinal = 149)]
pub fn SysStringByteLen(text: Ptr<u8>) -> u32 {
    if text.is_null() { 0 } else { Ptr::<u32>::new(text.addr() - 4).get() }
}

const VT_BSTR: u16 = 8;
const E_INVALIDARG: u32 = 0x8007_0057;
const DISP_E_BADVARTYPE: u32 = 0x8002_0008;

/// Makes a variant empty.
#[export(oleaut32, full, ordinal = 8)]
pub fn VariantInit(variant: Ptr<u16>) {
    variant.set(0);
}

/// Frees what a variant holds and makes it empty.
#[export(oleaut32, partial("texts and plain values; objects and arrays are refused"), ordinal = 9)]
pub fn VariantClear(variant: Ptr<u16>) -> u32 {
    match variant.get() {
        VT_BSTR => SysFreeString(Ptr::new(variant.byte_add(8).cast::<usize>().get())),
        // Interfaces and arrays.
        9 | 13 | 0x2000.. => return DISP_E_BADVARTYPE,
        _ => {}
    }
    variant.set(0);
    0
}

/// Copies a variant.
#[export(oleaut32, partial("texts and plain values; objects and arrays are refused"), ordinal = 10)]
pub fn VariantCopy(to: Ptr<u16>, from: Ptr<u16>) -> u32 {
    if to == from {
        return 0;
    }
    let code = VariantClear(to);
    if code != 0 {
        return code;
    }
    if matches!(from.get(), 9 | 13 | 0x2000..) {
        return E_INVALIDARG;
    }
    let _ = abi::fault::copy_within(to.addr(), from.addr(), 24);
    if from.get() == VT_BSTR {
        let text: Ptr<u8> = Ptr::new(from.byte_add(8).cast::<usize>().get());
        let copy = SysAllocStringByteLen(text, SysStringByteLen(text));
        to.byte_add(8).cast::<usize>().set(copy.addr());
    }
    0
}
