//! Unsafe edge: the thread environment block, which GS points to, and our own part behind it.
//!
//! Offsets up to 0x1838 are Windows' own (winternl.h and the public symbols); those from 0x1900 are ours.
#![allow(unsafe_code)]

use crate::status::{NTSTATUS, Win32Error};
use std::arch::asm;

/// Size of the block that is allocated for a thread: Windows' TEB and our part.
pub const TEB_SIZE: usize = 0x3000;

pub const STACK_BASE: usize = 0x08;
pub const STACK_LIMIT: usize = 0x10;
pub const FIBER_DATA: usize = 0x20;
pub const SELF: usize = 0x30;
pub const CLIENT_ID: usize = 0x40;
pub const TLS_POINTER: usize = 0x58;
pub const PEB: usize = 0x60;
pub const LAST_ERROR: usize = 0x68;
pub const LAST_STATUS: usize = 0x1250;
pub const DEALLOCATION_STACK: usize = 0x1478;
pub const TLS_SLOTS: usize = 0x1480;
pub const GUARANTEED_STACK_BYTES: usize = 0x1748;
pub const TLS_EXPANSION_SLOTS: usize = 0x1780;
pub const FLS_DATA: usize = 0x17c8;

/// RSP of the guest at its latest call into a builtin DLL (it points to the return address). Bit 0 is set
/// when the entry has saved the nonvolatile registers beneath; see `abi::call`.
pub const GUEST_RSP: usize = 0x1900;
/// u8: where the next entry of [`CALL_RING`] goes.
pub const CALL_POS: usize = 0x1908;
/// u32: not 0 when the thread has to park before it runs guest code again (it is suspended).
pub const PARK: usize = 0x1918;
/// Address of the thread's record of suspensions (ntdll), or 0.
pub const SUSPENSION: usize = 0x1920;
/// Our own per-thread object (ntdll).
pub const HOST_THREAD: usize = 0x1910;
/// 256 u32: the numbers of the latest calls, oldest overwritten first.
pub const CALL_RING: usize = 0x2000;

macro_rules! gs {
    ($get:ident, $set:ident, $ty:ty, $modifier:literal) => {
        /// Reads a field of the current thread's TEB.
        #[inline]
        pub fn $get<const OFFSET: usize>() -> $ty {
            let value: $ty;
            // SAFETY: GS points to a TEB on every thread that runs guest code, and offsets are below TEB_SIZE.
            unsafe {
                asm!(concat!("mov {v", $modifier, "}, gs:[{o}]"), v = out(reg) value, o = const OFFSET,
                    options(nostack, readonly, preserves_flags));
            }
            value
        }
        /// Writes a field of the current thread's TEB.
        #[inline]
        pub fn $set<const OFFSET: usize>(value: $ty) {
            // SAFETY: as above.
            unsafe {
                asm!(concat!("mov gs:[{o}], {v", $modifier, "}"), v = in(reg) value, o = const OFFSET,
                    options(nostack, preserves_flags));
            }
        }
    };
}
gs!(get_u64, set_u64, u64, ":r");
gs!(get_u32, set_u32, u32, ":e");

/// The address of the current thread's TEB.
#[inline]
pub fn current() -> usize {
    get_u64::<SELF>() as usize
}

/// The guest's RSP at its call into us, which points to the return address.
#[inline]
pub fn guest_rsp() -> usize {
    get_u64::<GUEST_RSP>() as usize & !7
}

#[inline]
pub fn last_error() -> Win32Error {
    Win32Error(get_u32::<LAST_ERROR>())
}

#[inline]
pub fn set_last_error(error: Win32Error) {
    set_u32::<LAST_ERROR>(error.0);
}

#[inline]
pub fn set_last_status(status: NTSTATUS) {
    set_u32::<LAST_STATUS>(status.0);
}
