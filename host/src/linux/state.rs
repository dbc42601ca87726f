//! Unsafe edge: vector and floating-point state, which the entry of a call saves and its exit loads ([`super::engine`]).

use super::engine::block;
use std::arch::asm;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

pub(super) static STATE_SIZE: AtomicUsize = AtomicUsize::new(0);
pub(super) static STATE_MASK: AtomicU64 = AtomicU64::new(0);
/// Whether the entry can save a state by single moves, XSAVE and XRSTOR taking several times as long: 0 no; [`AVX`] or [`AVX512`] if it
/// has no other parts than those.
pub(super) static SIMPLE: AtomicU8 = AtomicU8::new(0);
const AVX: u8 = 1;
pub(super) const AVX512: u8 = 2;
/// Of AVX-512's parts, which follow each other: mask registers, upper halves of the first 16 registers, the other 16. From a state's
/// start, in bytes.
pub(super) static AVX512_AT: AtomicUsize = AtomicUsize::new(0);
/// From there.
pub(super) const UPPER: usize = 64;
pub(super) const OTHERS: usize = UPPER + 16 * 32;

/// Numbers of parts (Intel SDM volume 1, 13.1), and where that of AVX ends. An operating system enables all three of AVX-512 or none.
const AVX_PART: u64 = 1 << 2;
const AVX_END: usize = 576 + 16 * 16;
const MASKS_PART: u32 = 5;
const UPPER_PART: u32 = 6;
const OTHERS_PART: u32 = 7;

/// Bytes of a [`State`].
pub fn state_size() -> usize {
    STATE_SIZE.load(Ordering::Relaxed)
}

/// The parts of the processor's state that a [`State`] has.
pub fn features() -> u64 {
    STATE_MASK.load(Ordering::Relaxed)
}

/// Vector and floating-point state in XSAVE's standard format (Intel SDM vol. 1, 13.4).
pub struct State {
    at: *mut u8,
    /// Saved by the entry, and so perhaps not whole yet: see `light` of [`super::engine::Block`].
    ours: bool,
}

/// Offset of the XSAVE header.
pub const XSAVE_HEADER: usize = 512;
const MXCSR: usize = 24;
/// The software bytes of the legacy area (uapi/asm/sigcontext.h, `struct _fpx_sw_bytes`).
pub const SW_BYTES: usize = 464;

impl State {
    /// # Safety
    /// `at` is a state of [`state_size`] bytes that outlives this value.
    pub(super) unsafe fn new(at: *mut u8) -> State {
        State { at, ours: false }
    }

    /// # Safety
    /// As for `new`; the entry has saved it.
    pub(super) unsafe fn of_entry(at: *mut u8) -> State {
        State { at, ours: true }
    }

    /// Saves what the entry has left in the processor. From then on the exit loads all of it.
    fn complete(&self) {
        if self.ours && block().light.swap(0, Ordering::Relaxed) != 0 {
            // SAFETY: the area has room for it, and a header that the entry has filled.
            unsafe { asm!("xsave64 [{}]", in(reg) self.at, in("eax") 1, in("edx") 0, options(nostack, preserves_flags)) };
        }
    }

    pub fn bytes(&self) -> &[u8] {
        self.complete();
        // SAFETY: see `new`.
        unsafe { std::slice::from_raw_parts(self.at, state_size()) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.complete();
        // SAFETY: see `new`; the value is the only way to it meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.at, state_size()) }
    }

    /// As the processor starts with, and as a signal handler finds it.
    pub fn reset(&mut self) {
        reset(self.bytes_mut());
    }

    /// Takes over a state that the guest has written: `read` puts it there and says how much there is. If it fails, what is there
    /// is of no use.
    pub fn load<E>(&mut self, read: impl FnOnce(&mut [u8]) -> std::result::Result<usize, E>) -> std::result::Result<(), E> {
        let features = features();
        let bytes = self.bytes_mut();
        let len = read(bytes)?;
        if len < XSAVE_HEADER + 64 {
            bytes[XSAVE_HEADER..XSAVE_HEADER + 64].fill(0);
            bytes[XSAVE_HEADER] = 3;
        }
        // What xrstor would refuse: features that are not there, the compacted form, reserved bits.
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[XSAVE_HEADER..XSAVE_HEADER + 8]);
        let present = u64::from_ne_bytes(word) & features;
        bytes[XSAVE_HEADER..XSAVE_HEADER + 8].copy_from_slice(&present.to_ne_bytes());
        bytes[XSAVE_HEADER + 8..XSAVE_HEADER + 64].fill(0);
        bytes[MXCSR + 2..MXCSR + 4].fill(0);
        Ok(())
    }
}

/// See [`State::reset`].
pub(super) fn reset(bytes: &mut [u8]) {
    if let Some(header) = bytes.get_mut(XSAVE_HEADER..XSAVE_HEADER + 64) {
        header.fill(0);
    }
    // Control word and MXCSR as after a reset; XRSTOR takes MXCSR from here in any case.
    bytes[0..2].copy_from_slice(&0x37fu16.to_ne_bytes());
    bytes[MXCSR..MXCSR + 4].copy_from_slice(&0x1f80u32.to_ne_bytes());
}

/// Finds out what there is to save. An error says what the processor lacks.
pub(super) fn init() -> std::result::Result<(), &'static str> {
    const XSAVEOPT: u32 = 1;
    /// XGETBV that tells what is in use.
    const TELLS_USE: u32 = 4;
    let xsave = crate::cpu::xsave_features();
    if xsave & XSAVEOPT == 0 {
        return Err("the processor has no xsaveopt");
    }
    let (low, high): (u32, u32);
    // SAFETY: xsaveopt implies XGETBV and an operating system that has enabled it.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack)) };
    // Without AMX tiles: 8 KiB that a program has to ask the kernel for first. And without PKRU, which nobody changes here: what the
    // guest denies itself is denied to calls that it makes (pkeys(7)).
    let mask = (u64::from(high) << 32 | u64::from(low)) & !(3 << 17 | 1 << 9);
    // Size and offset of the parts. AVX' are always the same (Intel SDM volume 1, 13.5.3), and the last one ends last.
    let mut size = if mask & AVX_PART != 0 { AVX_END } else { XSAVE_HEADER + 64 };
    let mut avx512 = [0; 2];
    for part in (3..63).filter(|part| mask & 1 << part != 0 && *part != UPPER_PART) {
        let said = crate::cpu::xsave_part(part);
        size = size.max((said.eax + said.ebx) as usize);
        match part {
            MASKS_PART => avx512[0] = said.ebx as usize,
            OTHERS_PART => avx512[1] = said.ebx as usize,
            _ => {}
        }
    }
    STATE_MASK.store(mask, Ordering::Relaxed);
    let [masks, others] = avx512;
    let simple = match mask {
        7 => AVX,
        // Mask registers of 64 bits.
        0xe7 if others == masks + OTHERS && crate::cpu::has_avx512bw() => AVX512,
        _ => 0,
    };
    AVX512_AT.store(masks, Ordering::Relaxed);
    SIMPLE.store(if xsave & TELLS_USE != 0 { simple } else { 0 }, Ordering::Relaxed);
    STATE_SIZE.store(size, Ordering::Relaxed);
    Ok(())
}
