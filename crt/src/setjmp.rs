//! Unsafe edge: setjmp and longjmp, which keep and restore the caller's registers.
//!
//! The buffer is `_JUMP_BUFFER` of setjmp.h: frame, the nonvolatile registers, RIP, MXCSR and the x87
//! control word, XMM6 to XMM15.
#![allow(unsafe_code)]

use abi::export_asm;
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

/// Restores what setjmp kept and returns there.
#[unsafe(naked)]
unsafe extern "C" fn longjmp() {
    naked_asm!(
        "mov eax, edx",
        "test eax, eax",
        "jnz 2f",
        "inc eax",
        "2:",
        "mov rbx, [rcx + 0x08]",
        "mov rbp, [rcx + 0x18]",
        "mov rsi, [rcx + 0x20]",
        "mov rdi, [rcx + 0x28]",
        "mov r12, [rcx + 0x30]",
        "mov r13, [rcx + 0x38]",
        "mov r14, [rcx + 0x40]",
        "mov r15, [rcx + 0x48]",
        "ldmxcsr [rcx + 0x58]",
        "fnclex",
        "fldcw [rcx + 0x5c]",
        "movdqu xmm6, [rcx + 0x60]",
        "movdqu xmm7, [rcx + 0x70]",
        "movdqu xmm8, [rcx + 0x80]",
        "movdqu xmm9, [rcx + 0x90]",
        "movdqu xmm10, [rcx + 0xa0]",
        "movdqu xmm11, [rcx + 0xb0]",
        "movdqu xmm12, [rcx + 0xc0]",
        "movdqu xmm13, [rcx + 0xd0]",
        "movdqu xmm14, [rcx + 0xe0]",
        "movdqu xmm15, [rcx + 0xf0]",
        "mov rdx, [rcx + 0x50]",
        "mov rsp, [rcx + 0x10]",
        "jmp rdx",
    )
}

export_asm!(setjmp_frame => msvcrt + ucrtbase, full, name = "_setjmp");
export_asm!(setjmp_frame => msvcrt + ucrtbase, full, name = "_setjmpex");
export_asm!(setjmp_frame => ntdll, full, name = "_setjmp");
export_asm!(setjmp_frame => ntdll, full, name = "_setjmpex");
export_asm!(setjmp_frame => msvcrt, full, name = "setjmp");
export_asm!(setjmp_frame => vcruntime140 + ucrtbase, full, name = "__intrinsic_setjmp");
export_asm!(setjmp_frame => vcruntime140 + ucrtbase, full, name = "__intrinsic_setjmpex");
export_asm!(longjmp => msvcrt + ucrtbase + vcruntime140 + ntdll, partial("does not run the unwind handlers of the frames that it leaves"), name = "longjmp");
