//! Unsafe edge: setjmp and longjmp, which keep and restore the caller's registers.
//!
//! The buffer is `_JUMP_BUFFER` of setjmp.h: frame, the nonvolatile registers, RIP, MXCSR and the x87
//! control word, XMM6 to XMM15.
#![allow(unsafe_code)]

use abi::{Ptr, export_asm};
use ntdll::context::{Context, argument};
use ntdll::context_entry;
use ntdll::exception::{ExceptionRecord, STATUS_LONGJUMP};
use ntdll::unwind::{JumpBuffer, Target};
use std::arch::naked_asm;

macro_rules! save {
    ($frame:literal) => {
        concat!(
            $frame,
            "
            mov [rcx + 0x08], rbx
            lea rax, [rsp + 8]
            mov [rcx + 0x10], rax
            mov [rcx + 0x18], rbp
            mov [rcx + 0x20], rsi
            mov [rcx + 0x28], rdi
            mov [rcx + 0x30], r12
            mov [rcx + 0x38], r13
            mov [rcx + 0x40], r14
            mov [rcx + 0x48], r15
            mov rax, [rsp]
            mov [rcx + 0x50], rax
            stmxcsr [rcx + 0x58]
            fnstcw [rcx + 0x5c]
            movdqu [rcx + 0x60], xmm6
            movdqu [rcx + 0x70], xmm7
            movdqu [rcx + 0x80], xmm8
            movdqu [rcx + 0x90], xmm9
            movdqu [rcx + 0xa0], xmm10
            movdqu [rcx + 0xb0], xmm11
            movdqu [rcx + 0xc0], xmm12
            movdqu [rcx + 0xd0], xmm13
            movdqu [rcx + 0xe0], xmm14
            movdqu [rcx + 0xf0], xmm15
            xor eax, eax
            ret"
        )
    };
}

/// `setjmp(buffer, frame)`: the second argument is kept for longjmp, which then unwinds to it.
#[unsafe(naked)]
unsafe extern "C" fn setjmp_frame() {
    naked_asm!(save!("mov [rcx], rdx"))
}

/// Goes back to where setjmp was: with a frame in the buffer by unwinding up to it (STATUS_LONGJUMP), so
/// that the termination handlers on the way run; without one at once.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/longjmp>
extern "win64" fn longjmp_from(start: &mut Context) -> u64 {
    let (buffer, value) = (argument(start, 0), argument(start, 1) as u32);
    let value = u64::from(value.max(1));
    let kept: JumpBuffer = Ptr::new(buffer as usize).get();
    if kept.frame == 0 {
        kept.apply(start);
        start.gpr[ntdll::context::RAX] = value;
        ntdll::context::resume(start, &[]);
    }
    let mut record = ExceptionRecord::new(STATUS_LONGJUMP, start.rip);
    record.count = 1;
    record.info[0] = buffer;
    let target = Target { frame: kept.frame, ip: kept.rip, value };
    ntdll::unwind::unwind(start, target, Ptr::of(&raw const record), Ptr::NULL)
}
context_entry!(longjmp => longjmp_from);

export_asm!(setjmp_frame => msvcrt + ucrtbase, full, name = "_setjmp");
export_asm!(setjmp_frame => msvcrt + ucrtbase, full, name = "_setjmpex");
export_asm!(setjmp_frame => ntdll, full, name = "_setjmp");
export_asm!(setjmp_frame => ntdll, full, name = "_setjmpex");
export_asm!(setjmp_frame => msvcrt, full, name = "setjmp");
export_asm!(setjmp_frame => vcruntime140 + ucrtbase, full, name = "__intrinsic_setjmp");
export_asm!(setjmp_frame => vcruntime140 + ucrtbase, full, name = "__intrinsic_setjmpex");
export_asm!(longjmp => msvcrt + ucrtbase + vcruntime140 + ntdll, full, name = "longjmp");
