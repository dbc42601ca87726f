//! Unsafe edge: running on another stack, and leaving a thread's guest code for good.

use std::arch::naked_asm;

/// Where [`leave`] goes back to. One per guest thread, pinned while the guest runs.
#[repr(C)]
#[derive(Default)]
pub struct Exit {
    rsp: usize,
}

/// Runs `function(arg)` on the stack that ends at `top` (16-byte aligned; 0 keeps the current one), and
/// returns when it returns or when [`leave`] is called with the same `exit`.
pub fn enter(top: usize, exit: &mut Exit, function: extern "C" fn(usize), arg: usize) {
    // SAFETY: top is the end of a mapped stack by contract; all callee-saved registers are kept on the old stack.
    unsafe { enter_asm(top, exit, function, arg) }
}

/// Abandons everything between here and the `enter` that `exit` belongs to. The skipped frames own nothing
/// that needs dropping and hold no lock.
///
/// # Safety
/// That `enter` is still active, on this thread.
pub unsafe fn leave(exit: *const Exit) -> ! {
    // SAFETY: as promised by the caller.
    unsafe { leave_asm(exit) }
}

#[unsafe(naked)]
unsafe extern "sysv64" fn enter_asm(top: usize, exit: *mut Exit, function: extern "C" fn(usize), arg: usize) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rsi], rsp",
        "mov rbx, rsi",
        "test rdi, rdi",
        "cmovnz rsp, rdi",
        "and rsp, -16",
        "mov rdi, rcx",
        "call rdx",
        "mov rdi, rbx",
        "jmp {leave}",
        leave = sym leave_asm,
    )
}

#[unsafe(naked)]
unsafe extern "sysv64" fn leave_asm(exit: *const Exit) -> ! {
    naked_asm!(
        "mov rsp, [rdi]",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "cld",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static SEEN: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn returns(arg: usize) {
        SEEN.store(arg, Ordering::Relaxed);
    }

    extern "C" fn leaves(arg: usize) {
        // SAFETY: the test below is inside `enter` with this exit.
        unsafe { leave(arg as *const Exit) }
    }

    #[test]
    fn comes_back_either_way() {
        let stack = crate::mem::map_anonymous(crate::mem::Place::Anywhere, 1 << 16, crate::mem::Prot::RW).unwrap();
        let mut exit = Exit::default();
        enter(stack + (1 << 16), &mut exit, returns, 42);
        assert_eq!(SEEN.load(Ordering::Relaxed), 42);
        let arg = &raw const exit as usize;
        enter(stack + (1 << 16), &mut exit, leaves, arg);
    }
}
