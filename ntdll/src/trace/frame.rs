//! Unsafe edge: the detour that a traced call takes.
//!
//! A traced export's stub jumps to [`enter`] with the export's number in R10 and the address of its ordinary stub in R11.
//! The detour has a frame of its own, which a walk of the stack knows by its return address ([`return_address`]): the
//! caller's RBP and the return address lie at RBP.
#![allow(unsafe_code)]

use abi::Ptr;
use abi::export::Export;
use std::arch::naked_asm;

/// The registers of a traced call: RBP of the detour.
#[derive(Clone, Copy)]
pub struct Frame {
    pub at: usize,
}

/// Where the detour keeps XMM0 to XMM5, relative to RBP.
const XMM: usize = 0x80;

impl Frame {
    /// An argument's 8 bytes as an integer register or stack slot holds them.
    pub fn slot(self, index: usize) -> u64 {
        Ptr::<u64>::new(self.at + 0x10 + index * 8).read().unwrap_or(0)
    }

    /// An argument's 8 bytes if it is a floating-point number.
    pub fn float(self, index: usize) -> u64 {
        if index < 4 { Ptr::<u64>::new(self.at - XMM + index * 16).read().unwrap_or(0) } else { self.slot(index) }
    }
}

/// What a call returned: RAX and the low half of XMM0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Result {
    pub rax: u64,
    pub xmm0: u64,
}

extern "win64" fn begin(number: u32, at: usize) -> usize {
    Export::of_number(number).map_or(0, |export| super::begin(export, Frame { at }))
}

extern "win64" fn end(number: u32, at: usize, result: &Result) {
    if let Some(export) = Export::of_number(number) {
        super::end(export, Frame { at }, *result);
    }
}

unsafe extern "C" {
    static uosrun_trace_return: u8;
}

/// The return address of traced functions: in [`enter`].
pub fn return_address() -> usize {
    &raw const uosrun_trace_return as usize
}

/// See the module's text. Changes what a function may change, and for functions whose end is not seen nothing but R10 and R11.
///
/// # Safety
/// To be jumped to by a traced export's stub only.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
pub unsafe extern "C" fn enter() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov [rbp + 0x10], rcx",
        "mov [rbp + 0x18], rdx",
        "mov [rbp + 0x20], r8",
        "mov [rbp + 0x28], r9",
        "sub rsp, 0xa0",
        "mov [rbp - 0x08], rax",
        "mov [rbp - 0x10], r10",
        "mov [rbp - 0x18], r11",
        "movups [rbp - 0x80], xmm0",
        "movups [rbp - 0x70], xmm1",
        "movups [rbp - 0x60], xmm2",
        "movups [rbp - 0x50], xmm3",
        "movups [rbp - 0x40], xmm4",
        "movups [rbp - 0x30], xmm5",
        "mov ecx, r10d",
        "mov rdx, rbp",
        "call {begin}",
        // Room for the arguments, keeping RSP 16-byte aligned.
        "mov r10, rax",
        "lea rax, [rax*8 + 8]",
        "and rax, -16",
        "sub rsp, rax",
        // Those from the fifth on go above the home slots.
        "mov rcx, r10",
        "2:",
        "cmp rcx, 4",
        "jle 3f",
        "mov rax, [rbp + rcx*8 + 8]",
        "mov [rsp + rcx*8 - 8], rax",
        "dec rcx",
        "jmp 2b",
        "3:",
        "movups xmm0, [rbp - 0x80]",
        "movups xmm1, [rbp - 0x70]",
        "movups xmm2, [rbp - 0x60]",
        "movups xmm3, [rbp - 0x50]",
        "movups xmm4, [rbp - 0x40]",
        "movups xmm5, [rbp - 0x30]",
        "mov rcx, [rbp + 0x10]",
        "mov rdx, [rbp + 0x18]",
        "mov r8, [rbp + 0x20]",
        "mov r9, [rbp + 0x28]",
        "mov rax, [rbp - 0x08]",
        "mov r11, [rbp - 0x18]",
        "test r10, r10",
        "jnz 4f",
        "leave",
        "jmp r11",
        "4:",
        "call r11",
        ".globl uosrun_trace_return",
        "uosrun_trace_return:",
        "mov [rbp - 0x80], rax",
        "movups [rbp - 0x70], xmm0",
        "movq [rbp - 0x78], xmm0",
        "mov ecx, [rbp - 0x10]",
        "mov rdx, rbp",
        "lea r8, [rbp - 0x80]",
        "call {end}",
        "mov rax, [rbp - 0x80]",
        "movups xmm0, [rbp - 0x70]",
        "leave",
        "ret",
        begin = sym begin,
        end = sym end,
    )
}
