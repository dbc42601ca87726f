//! Unsafe edge: copies between guest and host memory that survive a bad guest address.
//!
//! Each instruction here that touches guest memory has a row in the fault table (ELF section
//! `uosrun_ex`): pairs of self-relative offsets, the instruction and where to go on when it faults.
//! The fault handler (ntdll) looks a faulting RIP up with [`landing`] and sets RAX to 1.
#![allow(unsafe_code)]

use std::arch::asm;
use std::mem::MaybeUninit;

/// A guest address could not be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault;

macro_rules! table_row {
    () => {
        ".pushsection uosrun_ex,\"aR\",@progbits\n.balign 4\n.long 2b - .\n.long 3b - .\n.popsection"
    };
}

unsafe extern "C" {
    #[link_name = "__start_uosrun_ex"]
    static TABLE_START: [i32; 2];
    #[link_name = "__stop_uosrun_ex"]
    static TABLE_STOP: [i32; 2];
}

/// Where to continue after a fault at `rip`, if that instruction is one of this file's.
pub fn landing(rip: usize) -> Option<usize> {
    let mut row = &raw const TABLE_START;
    let stop = &raw const TABLE_STOP;
    while row < stop {
        let base = row as usize;
        // SAFETY: the linker places whole rows between the two symbols.
        let [instruction, landing] = unsafe { *row };
        if base.wrapping_add_signed(instruction as isize) == rip {
            return Some((base + 4).wrapping_add_signed(landing as isize));
        }
        // SAFETY: stays within the section or one past its end.
        row = unsafe { row.add(1) };
    }
    None
}

/// Copies `len` bytes; one of the two sides is guest memory.
///
/// # Safety
/// The host side must be valid for `len` bytes; the guest side may be anything.
pub unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) -> Result<(), Fault> {
    let failed: usize;
    // SAFETY: the caller vouches for the host side; a fault on the guest side lands at label 3 with RAX = 1.
    unsafe {
        asm!(
            "xor eax, eax",
            "2: rep movsb",
            "3:",
            table_row!(),
            inout("rcx") len => _,
            inout("rdi") dst => _,
            inout("rsi") src => _,
            out("rax") failed,
            options(nostack)
        );
    }
    if failed == 0 { Ok(()) } else { Err(Fault) }
}

macro_rules! scalar {
    ($load:ident, $store:ident, $ty:ty, $reg:ident, $modifier:literal) => {
        #[inline]
        fn $load(addr: usize) -> Result<$ty, Fault> {
            let (failed, value): (usize, $ty);
            // SAFETY: only reads; a fault lands at label 3 with RAX = 1.
            unsafe {
                asm!("xor eax, eax", concat!("2: mov {v", $modifier, "}, [{p}]"), "3:", table_row!(),
                    v = out($reg) value, p = in(reg) addr, out("rax") failed, options(nostack, readonly));
            }
            if failed == 0 { Ok(value) } else { Err(Fault) }
        }
        #[inline]
        fn $store(addr: usize, value: $ty) -> Result<(), Fault> {
            let failed: usize;
            // SAFETY: writes guest memory, which the host never borrows; a fault lands at label 3 with RAX = 1.
            unsafe {
                asm!("xor eax, eax", concat!("2: mov [{p}], {v", $modifier, "}"), "3:", table_row!(),
                    v = in($reg) value, p = in(reg) addr, out("rax") failed, options(nostack));
            }
            if failed == 0 { Ok(()) } else { Err(Fault) }
        }
    };
}
scalar!(load1, store1, u8, reg_byte, "");
scalar!(load2, store2, u16, reg, ":x");
scalar!(load4, store4, u32, reg, ":e");
scalar!(load8, store8, u64, reg, ":r");

/// Reads a value from guest memory. `T` must be plain data for which every bit pattern is valid.
#[inline]
pub fn read<T: Copy>(addr: usize) -> Result<T, Fault> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: value is size_of::<T> bytes of host memory, and each arm fills all of it.
    unsafe {
        match size_of::<T>() {
            1 => value.as_mut_ptr().cast::<u8>().write(load1(addr)?),
            2 => value.as_mut_ptr().cast::<u16>().write_unaligned(load2(addr)?),
            4 => value.as_mut_ptr().cast::<u32>().write_unaligned(load4(addr)?),
            8 => value.as_mut_ptr().cast::<u64>().write_unaligned(load8(addr)?),
            len => copy(value.as_mut_ptr().cast(), addr as *const u8, len)?,
        }
        Ok(value.assume_init())
    }
}

/// Writes a value to guest memory.
#[inline]
pub fn write<T: Copy>(addr: usize, value: T) -> Result<(), Fault> {
    let source = &raw const value;
    // SAFETY: value is size_of::<T> bytes of host memory.
    unsafe {
        match size_of::<T>() {
            1 => store1(addr, source.cast::<u8>().read()),
            2 => store2(addr, source.cast::<u16>().read_unaligned()),
            4 => store4(addr, source.cast::<u32>().read_unaligned()),
            8 => store8(addr, source.cast::<u64>().read_unaligned()),
            len => copy(addr as *mut u8, source.cast(), len),
        }
    }
}

/// Reads `into.len()` values from guest memory.
pub fn read_slice<T: Copy>(addr: usize, into: &mut [T]) -> Result<(), Fault> {
    // SAFETY: the slice is host memory of exactly that size.
    unsafe { copy(into.as_mut_ptr().cast(), addr as *const u8, size_of_val(into)) }
}

/// Writes a slice to guest memory.
pub fn write_slice<T: Copy>(addr: usize, from: &[T]) -> Result<(), Fault> {
    // SAFETY: the slice is host memory of exactly that size.
    unsafe { copy(addr as *mut u8, from.as_ptr().cast(), size_of_val(from)) }
}

/// Copies within guest memory, front to back.
pub fn copy_within(to: usize, from: usize, len: usize) -> Result<(), Fault> {
    // SAFETY: both sides are guest memory; `copy` survives a fault on either.
    unsafe { copy(to as *mut u8, from as *const u8, len) }
}
