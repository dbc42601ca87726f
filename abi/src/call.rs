//! Unsafe edge: how control passes between guest and host code.
//!
//! **In.** The stub of an export stores RSP in the TEB ([`crate::teb::GUEST_RSP`]) and jumps to the Rust
//! entry. Exports that call back (`calls_guest`) come through [`entry_frame`], which saves the nonvolatile
//! registers in a frame of known form, so that an unwinder can step over our frames.
//! **Out.** Every call into guest code goes through [`GuestFn::call`], which saves and restores that RSP.
#![allow(unsafe_code)]

use crate::ptr::Ptr;
use crate::teb;
use std::arch::naked_asm;
use std::sync::atomic::AtomicUsize;

/// The address of a guest function with the Windows calling convention.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct GuestFn(pub usize);

impl GuestFn {
    pub const NULL: GuestFn = GuestFn(0);

    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Calls the guest function with integer or pointer arguments (in xmm0 to xmm3 too, as bits) and
    /// returns RAX.
    ///
    /// The guest may not return: it may end the thread, or unwind past this call. So the caller holds no
    /// lock and nothing that needs dropping.
    pub fn call(self, args: &[u64]) -> u64 {
        // SAFETY: guest code is free to do anything; that it keeps to the calling convention is what running
        // it natively means.
        unsafe { guest_call(self.0, args.as_ptr(), args.len()) }
    }
}

/// Offset below the saved RBP where [`guest_call`] keeps the RSP of the entry it was called under.
pub const CALL_SAVED_RSP: usize = 8;

/// Address of an `extern "C" fn()` that waits while the calling thread is suspended; see `teb::PARK`.
pub static PARK_HOOK: AtomicUsize = AtomicUsize::new(0);

#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "sysv64" fn guest_call(function: usize, args: *const u64, count: usize) -> u64 {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push qword ptr gs:[{rsp}]",
        "cmp dword ptr gs:[{park}], 0",
        "jne 9f",
        "8:",
        // Room for the arguments, at least the four home slots, keeping RSP 16-byte aligned.
        "lea rax, [rdx + 1]",
        "cmp rax, 5",
        "jae 1f",
        "mov eax, 5",
        "1:",
        "or rax, 1",
        "shl rax, 3",
        "sub rsp, rax",
        "mov r10, rdi",
        "mov r11, rsi",
        "mov rcx, rdx",
        "cmp rcx, 4",
        "jbe 3f",
        // Arguments from the fifth on go above the home slots.
        "2:",
        "mov rax, [r11 + rcx*8 - 8]",
        "mov [rsp + rcx*8 - 8], rax",
        "dec rcx",
        "cmp rcx, 4",
        "ja 2b",
        "3:",
        "mov rax, rdx",
        "xor ecx, ecx",
        "xor edx, edx",
        "xor r8d, r8d",
        "xor r9d, r9d",
        "test rax, rax",
        "jz 4f",
        "mov rcx, [r11]",
        "cmp rax, 1",
        "je 4f",
        "mov rdx, [r11 + 8]",
        "cmp rax, 2",
        "je 4f",
        "mov r8, [r11 + 16]",
        "cmp rax, 3",
        "je 4f",
        "mov r9, [r11 + 24]",
        "4:",
        "movq xmm0, rcx",
        "movq xmm1, rdx",
        "movq xmm2, r8",
        "movq xmm3, r9",
        "call r10",
        ".globl uosrun_guest_call_return",
        "uosrun_guest_call_return:",
        "mov rcx, [rbp - 8]",
        "mov gs:[{rsp}], rcx",
        "leave",
        "ret",
        // The thread is suspended: it stands still here.
        "9:",
        "push rdi",
        "push rsi",
        "push rdx",
        // Here RSP is 16-byte aligned. PARK is only ever set after the hook.
        "call qword ptr [rip + {hook}]",
        "pop rdx",
        "pop rsi",
        "pop rdi",
        "cmp dword ptr gs:[{park}], 0",
        "jne 9b",
        "jmp 8b",
        rsp = const teb::GUEST_RSP,
        park = const teb::PARK,
        hook = sym PARK_HOOK,
    )
}

unsafe extern "C" {
    static uosrun_guest_call_return: u8;
}

/// The return address that a guest function sees when it was called by [`GuestFn::call`].
pub fn guest_call_return() -> usize {
    &raw const uosrun_guest_call_return as usize
}

/// Bytes below the entry's RSP at which `entry_frame` saves, in this order going down: RBP, RBX, RSI, RDI,
/// R12, R13, R14, R15.
pub const FRAME_GPRS: usize = 8;
/// Bytes below the entry's RSP at which XMM6 is saved; XMM7 to XMM15 follow upwards.
pub const FRAME_XMM: usize = 64 + 0xa0;

/// Entry of exports that call back into the guest: R10 is the address of a pointer to the Rust function.
///
/// Saves the nonvolatile registers, copies up to eight stack arguments, calls, restores.
///
/// # Safety
/// To be jumped to by a stub only, with RSP at the return address.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
pub unsafe extern "C" fn entry_frame() {
    naked_asm!(
        "lea rax, [rsp + 1]",
        "mov gs:[{guest_rsp}], rax",
        "push rbp",
        "push rbx",
        "push rsi",
        "push rdi",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 0x108",
        "movups [rsp + 0x68], xmm6",
        "movups [rsp + 0x78], xmm7",
        "movups [rsp + 0x88], xmm8",
        "movups [rsp + 0x98], xmm9",
        "movups [rsp + 0xa8], xmm10",
        "movups [rsp + 0xb8], xmm11",
        "movups [rsp + 0xc8], xmm12",
        "movups [rsp + 0xd8], xmm13",
        "movups [rsp + 0xe8], xmm14",
        "movups [rsp + 0xf8], xmm15",
        // 0x108 + 64 bytes of pushes + the return address + 0x20 home slots = 0x170.
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7",
        "mov rax, [rsp + 0x170 + \\i * 8]",
        "mov [rsp + 0x20 + \\i * 8], rax",
        ".endr",
        "call qword ptr [r10]",
        "movups xmm6, [rsp + 0x68]",
        "movups xmm7, [rsp + 0x78]",
        "movups xmm8, [rsp + 0x88]",
        "movups xmm9, [rsp + 0x98]",
        "movups xmm10, [rsp + 0xa8]",
        "movups xmm11, [rsp + 0xb8]",
        "movups xmm12, [rsp + 0xc8]",
        "movups xmm13, [rsp + 0xd8]",
        "movups xmm14, [rsp + 0xe8]",
        "movups xmm15, [rsp + 0xf8]",
        "add rsp, 0x108",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rdi",
        "pop rsi",
        "pop rbx",
        "pop rbp",
        "ret",
        guest_rsp = const teb::GUEST_RSP,
    )
}

/// A Windows va_list: the address of the next 8-byte argument slot. Floating-point arguments of variadic
/// functions are doubles in the same slots.
/// <https://learn.microsoft.com/cpp/build/x64-calling-convention#varargs>
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct VaList(pub Ptr<u64>);

impl VaList {
    /// The variable arguments of the export that was just entered, which has `fixed` named parameters. Its
    /// stub has spilled the register arguments to their home slots. To be called first thing.
    #[inline]
    pub fn of_entry(fixed: usize) -> VaList {
        VaList(Ptr::new(teb::guest_rsp() + 8 + fixed * 8))
    }

    /// The next argument's 8 bytes.
    #[inline]
    pub fn next_slot(&mut self) -> u64 {
        let value = self.0.get();
        self.0 = self.0.add(1);
        value
    }
}

/// A plain load from guest memory: a fault becomes the guest's access violation (see `abi::ptr`).
#[inline]
pub(crate) fn raw_read<T: Copy>(addr: usize) -> T {
    // SAFETY: guest memory is not borrowed by host code; a bad address is the guest's fault by contract.
    unsafe { (addr as *const T).read_unaligned() }
}

#[inline]
pub(crate) fn raw_write<T: Copy>(addr: usize, value: T) {
    // SAFETY: as for raw_read.
    unsafe { (addr as *mut T).write_unaligned(value) }
}

impl Ptr<u32> {
    /// A 32-bit word of guest memory that several threads change at once. An access to a bad address is the
    /// guest's access violation (see `abi::ptr`).
    #[inline]
    pub fn atomic(self) -> &'static std::sync::atomic::AtomicU32 {
        // SAFETY: the guest's own threads treat it as an atomic word too; whether the address is good is the guest's matter.
        unsafe { &*(self.addr() as *const std::sync::atomic::AtomicU32) }
    }
}

impl Ptr<u64> {
    /// A 64-bit word of guest memory that several threads change at once.
    #[inline]
    pub fn atomic(self) -> &'static std::sync::atomic::AtomicU64 {
        // SAFETY: as for 32 bits.
        unsafe { &*(self.addr() as *const std::sync::atomic::AtomicU64) }
    }
}
