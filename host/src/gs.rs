//! Unsafe edge: the GS base, which on guest threads points to the Windows TEB. glibc uses FS only.

use std::arch::asm;
use std::sync::atomic::{AtomicU8, Ordering};

/// Sets the current thread's GS base.
pub fn set_base(addr: usize) {
    if has_fsgsbase() {
        // SAFETY: nothing in the host uses GS; the kernel has enabled the instruction.
        unsafe { asm!("wrgsbase {}", in(reg) addr, options(nostack, preserves_flags)) };
    } else {
        const ARCH_SET_GS: i32 = 0x1001;
        // SAFETY: nothing in the host uses GS.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, addr) };
    }
}

/// Whether the kernel lets user code run wrgsbase: bit 1 of AT_HWCAP2
/// (Linux Documentation/arch/x86/x86_64/fsgs.rst).
fn has_fsgsbase() -> bool {
    static STATE: AtomicU8 = AtomicU8::new(0);
    match STATE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: reads the auxiliary vector.
            let yes = unsafe { libc::getauxval(libc::AT_HWCAP2) } & 2 != 0;
            STATE.store(1 + u8::from(yes), Ordering::Relaxed);
            yes
        }
        state => state == 2,
    }
}
