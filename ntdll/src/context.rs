//! Unsafe edge: the machine context of a guest thread, captured and restored.
//!
//! Exports that need the caller's registers as they are enter through [`enter_with_context`], which builds a
//! [`Context`] of the caller on the guest stack and names it in the TEB ([`Entry::Context`]), so that an unwinder
//! can go on from there. All code that runs with the guest's registers lies in the section `uosrun_edge`, in
//! which a thread may be stopped or faulted at any instruction as in guest code.
#![allow(unsafe_code)]

use abi::{NTSTATUS, Ptr, export_asm, teb};
use std::arch::naked_asm;
use std::cell::RefCell;
use windows_sys::Win32::System::Diagnostics::Debug as d;

/// CONTEXT of x86-64 (winnt.h), with the integer registers as an array in instruction order.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Context {
    pub home: [u64; 6],
    pub flags: u32,
    pub mxcsr: u32,
    /// CS, DS, ES, FS, GS, SS.
    pub segments: [u16; 6],
    pub eflags: u32,
    pub debug: [u64; 6],
    pub gpr: [u64; 16],
    pub rip: u64,
    pub fx: [u8; 512],
    pub vector: [u128; 26],
    pub rest: [u64; 6],
}

const _: () = {
    assert!(size_of::<Context>() == size_of::<d::CONTEXT>() && size_of::<Context>() == 0x4d0);
    assert!(std::mem::offset_of!(Context, flags) == std::mem::offset_of!(d::CONTEXT, ContextFlags));
    assert!(std::mem::offset_of!(Context, eflags) == std::mem::offset_of!(d::CONTEXT, EFlags));
    assert!(std::mem::offset_of!(Context, gpr) == std::mem::offset_of!(d::CONTEXT, Rax));
    assert!(std::mem::offset_of!(Context, rip) == std::mem::offset_of!(d::CONTEXT, Rip));
    assert!(std::mem::offset_of!(Context, fx) == std::mem::offset_of!(d::CONTEXT, Anonymous));
    assert!(std::mem::offset_of!(Context, vector) == std::mem::offset_of!(d::CONTEXT, VectorRegister));
};

pub const RAX: usize = 0;
pub const RCX: usize = 1;
pub const RDX: usize = 2;
pub const RBX: usize = 3;
pub const RSP: usize = 4;
pub const RBP: usize = 5;
pub const RSI: usize = 6;
pub const RDI: usize = 7;
pub const R8: usize = 8;
pub const R9: usize = 9;

/// CONTEXT_AMD64 and its parts (winnt.h).
pub const CONTEXT_AMD64: u32 = 0x10_0000;
pub const CONTEXT_CONTROL: u32 = 1;
pub const CONTEXT_INTEGER: u32 = 2;
pub const CONTEXT_SEGMENTS: u32 = 4;
pub const CONTEXT_FLOATING_POINT: u32 = 8;
pub const CONTEXT_DEBUG: u32 = 0x10;
pub const CONTEXT_XSTATE: u32 = 0x40;

/// XSAVE components that a context carries: x87, SSE, AVX and AVX-512. Not protection keys, not tiles.
pub const XSTATE_KEPT: u64 = 0xe7;

/// Flags in EFLAGS that a guest may set: CF PF AF ZF SF TF DF OF AC ID and RF.
const EFLAGS_USER: u32 = 0x0025_0dd5;

impl Context {
    pub const fn zeroed() -> Context {
        Context {
            home: [0; 6],
            flags: 0,
            mxcsr: 0x1f80,
            segments: [0x33, 0x2b, 0x2b, 0x53, 0x2b, 0x2b],
            eflags: 0x202,
            debug: [0; 6],
            gpr: [0; 16],
            rip: 0,
            fx: [0; 512],
            vector: [0; 26],
            rest: [0; 6],
        }
    }

    pub fn rsp(&self) -> u64 {
        self.gpr[RSP]
    }

    /// The bits of xmm `number`.
    pub fn xmm(&self, number: usize) -> u128 {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.fx[160 + number * 16..176 + number * 16]);
        u128::from_le_bytes(bytes)
    }

    pub fn set_xmm(&mut self, number: usize, value: u128) {
        self.fx[160 + number * 16..176 + number * 16].copy_from_slice(&value.to_le_bytes());
    }

    /// Copies the parts that `flags` (CONTEXT_*) selects from `other`.
    pub fn merge(&mut self, other: &Context, flags: u32) {
        if flags & CONTEXT_CONTROL != 0 {
            self.gpr[RSP] = other.gpr[RSP];
            self.rip = other.rip;
            self.eflags = other.eflags;
            self.segments[0] = other.segments[0];
            self.segments[5] = other.segments[5];
        }
        if flags & CONTEXT_INTEGER != 0 {
            let rsp = self.gpr[RSP];
            self.gpr = other.gpr;
            self.gpr[RSP] = rsp;
        }
        if flags & CONTEXT_SEGMENTS != 0 {
            self.segments[1..5].copy_from_slice(&other.segments[1..5]);
        }
        if flags & CONTEXT_FLOATING_POINT != 0 {
            self.fx = other.fx;
            self.mxcsr = other.mxcsr;
        }
        if flags & CONTEXT_DEBUG != 0 {
            self.debug = other.debug;
        }
    }
}

/// KNONVOLATILE_CONTEXT_POINTERS: where each register was found.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ContextPointers {
    pub xmm: [usize; 16],
    pub gpr: [usize; 16],
}

/// What the TEB's `GUEST_RSP` says about how the guest entered our code; the low bits tell which.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// Nothing lies beneath: the thread's first frame.
    None,
    /// A plain call: the return address lies there.
    Plain(usize),
    /// A call through `abi::call::entry_frame`: the nonvolatile registers lie beneath.
    Framed(usize),
    /// The caller's whole context lies there.
    Context(usize),
    /// A language handler runs: an `unwind::HandlerFrame` lies there.
    Handler(usize),
}

/// Marks of [`Entry::Context`] and [`Entry::Handler`] in `GUEST_RSP`.
pub const MARK_CONTEXT: u64 = 2;
pub const MARK_HANDLER: u64 = 4;

impl Entry {
    pub fn of(raw: u64) -> Entry {
        let addr = (raw & !7) as usize;
        match raw & 7 {
            _ if addr == 0 => Entry::None,
            0 => Entry::Plain(addr),
            2 => Entry::Context(addr),
            4 => Entry::Handler(addr),
            _ => Entry::Framed(addr),
        }
    }

    /// How the current thread entered our code.
    pub fn current() -> Entry {
        Entry::of(teb::get_u64::<{ teb::GUEST_RSP }>())
    }

    /// Makes `context` the context of the guest code that called us (or fails for the thread's first frame).
    /// For a plain entry the nonvolatile registers stay those in `context`.
    pub fn caller(self, context: &mut Context) -> Option<()> {
        match self {
            Entry::None => None,
            Entry::Plain(rsp) => pop_return(context, rsp),
            Entry::Framed(rsp) => {
                let saved: Ptr<u64> = Ptr::new(rsp - abi::call::FRAME_GPRS);
                for (index, register) in [RBP, RBX, RSI, RDI, 12, 13, 14, 15].into_iter().enumerate() {
                    context.gpr[register] = Ptr::<u64>::new(saved.addr() - index * 8).read().ok()?;
                }
                let xmm: Ptr<u128> = Ptr::new(rsp - abi::call::FRAME_XMM);
                for number in 6..16 {
                    context.set_xmm(number, xmm.add(number - 6).read().ok()?);
                }
                pop_return(context, rsp)
            }
            Entry::Context(at) => {
                *context = Ptr::<Context>::new(at).read().ok()?;
                Some(())
            }
            Entry::Handler(at) => {
                let caller: usize = Ptr::<usize>::new(at).read().ok()?;
                *context = Ptr::<Context>::new(caller).read().ok()?;
                Some(())
            }
        }
    }
}

/// Steps out of a function that has changed nothing but RSP: its return address lies at `rsp`.
pub fn pop_return(context: &mut Context, rsp: usize) -> Option<()> {
    context.rip = crate::exception::suspend::return_address(rsp)?;
    context.gpr[RSP] = (rsp as u64).wrapping_add(8);
    Some(())
}

unsafe extern "C" {
    #[link_name = "__start_uosrun_edge"]
    static EDGE_START: u8;
    #[link_name = "__stop_uosrun_edge"]
    static EDGE_STOP: u8;
}

/// Whether an address is in code of ours that runs with the guest's registers.
pub fn is_edge(addr: usize) -> bool {
    (&raw const EDGE_START as usize..&raw const EDGE_STOP as usize).contains(&addr)
}

/// Whether an address is code that may be stopped or faulted as the guest's.
pub fn is_guest_code(addr: usize) -> bool {
    is_edge(addr) || !host::signal::is_host_code(addr)
}

/// R10 is the address of a pointer to a Rust function `extern "win64" fn(&mut Context) -> u64`; its result is
/// returned to the guest. To be jumped to with RSP at the return address.
///
/// # Safety
/// Only from a naked export.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
pub unsafe extern "C" fn enter_with_context() {
    naked_asm!(
        "pushfq",
        "sub rsp, 0x4d0",
        "mov [rsp + 0x78], rax",
        "mov [rsp + 0x80], rcx",
        "mov [rsp + 0x88], rdx",
        "mov [rsp + 0x90], rbx",
        "lea rax, [rsp + 0x4e0]",
        "mov [rsp + 0x98], rax",
        "mov [rsp + 0xa0], rbp",
        "mov [rsp + 0xa8], rsi",
        "mov [rsp + 0xb0], rdi",
        "mov [rsp + 0xb8], r8",
        "mov [rsp + 0xc0], r9",
        "mov [rsp + 0xc8], r10",
        "mov [rsp + 0xd0], r11",
        "mov [rsp + 0xd8], r12",
        "mov [rsp + 0xe0], r13",
        "mov [rsp + 0xe8], r14",
        "mov [rsp + 0xf0], r15",
        "mov rax, [rsp + 0x4d8]",
        "mov [rsp + 0xf8], rax",
        "mov rax, [rsp + 0x4d0]",
        "mov [rsp + 0x44], eax",
        "fxsave64 [rsp + 0x100]",
        "stmxcsr [rsp + 0x34]",
        "mov dword ptr [rsp + 0x30], 0x10000f",
        "mov word ptr [rsp + 0x38], cs",
        "mov dword ptr [rsp + 0x3a], 0x002b002b",
        "mov dword ptr [rsp + 0x3e], 0x002b0053",
        "mov word ptr [rsp + 0x42], ss",
        "lea rax, [rsp + {mark}]",
        "mov gs:[{guest_rsp}], rax",
        "mov rcx, rsp",
        "sub rsp, 0x20",
        "cld",
        "call qword ptr [r10]",
        "add rsp, 0x4f8",
        "ret",
        mark = const MARK_CONTEXT,
        guest_rsp = const teb::GUEST_RSP,
    )
}

/// Makes a naked export that enters through [`enter_with_context`] and calls the Rust function
/// `extern "win64" fn(&mut Context) -> u64`.
#[macro_export]
macro_rules! context_entry {
    ($name:ident => $function:path) => {
        #[unsafe(naked)]
        #[unsafe(link_section = "uosrun_edge")]
        unsafe extern "C" fn $name() {
            static TARGET: extern "win64" fn(&mut $crate::context::Context) -> u64 = $function;
            std::arch::naked_asm!(
                "lea r10, [rip + {target}]",
                "jmp {enter}",
                target = sym TARGET,
                enter = sym $crate::context::enter_with_context,
            )
        }
    };
}

/// Argument `index` of the export that was entered with this context.
pub fn argument(context: &Context, index: usize) -> u64 {
    match index {
        0 => context.gpr[RCX],
        1 => context.gpr[RDX],
        2 => context.gpr[R8],
        3 => context.gpr[R9],
        _ => Ptr::new(context.rsp() as usize + index * 8).get(),
    }
}

#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "C" fn rtl_capture_context() {
    naked_asm!(
        "mov [rcx + 0x78], rax",
        "mov [rcx + 0x80], rcx",
        "mov [rcx + 0x88], rdx",
        "mov [rcx + 0x90], rbx",
        "lea rax, [rsp + 8]",
        "mov [rcx + 0x98], rax",
        "mov [rcx + 0xa0], rbp",
        "mov [rcx + 0xa8], rsi",
        "mov [rcx + 0xb0], rdi",
        "mov [rcx + 0xb8], r8",
        "mov [rcx + 0xc0], r9",
        "mov [rcx + 0xc8], r10",
        "mov [rcx + 0xd0], r11",
        "mov [rcx + 0xd8], r12",
        "mov [rcx + 0xe0], r13",
        "mov [rcx + 0xe8], r14",
        "mov [rcx + 0xf0], r15",
        "mov rax, [rsp]",
        "mov [rcx + 0xf8], rax",
        "pushfq",
        "pop rax",
        "mov [rcx + 0x44], eax",
        "fxsave64 [rcx + 0x100]",
        "stmxcsr [rcx + 0x34]",
        "mov dword ptr [rcx + 0x30], 0x10000f",
        "mov word ptr [rcx + 0x38], cs",
        "mov dword ptr [rcx + 0x3a], 0x002b002b",
        "mov dword ptr [rcx + 0x3e], 0x002b0053",
        "mov word ptr [rcx + 0x42], ss",
        "mov rax, [rcx + 0x78]",
        "ret",
    )
}
export_asm!(rtl_capture_context => ntdll + kernel32 + kernelbase, full, name = "RtlCaptureContext");

/// Loads every register from a context and goes on at its RIP. RDX is an XSAVE area, or 0.
///
/// Returns when the thread has to park first. The return frame is built on the current stack, which stays valid until the last instruction.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "win64" fn load_context(context: *const Context, xsave: *const u8) {
    naked_asm!(
        "cmp dword ptr gs:[{park}], 0",
        "jne 9f",
        "fxrstor64 [rcx + 0x100]",
        "ldmxcsr [rcx + 0x34]",
        "test rdx, rdx",
        "jz 2f",
        "mov r8, rdx",
        "mov eax, {kept}",
        "xor edx, edx",
        "xrstor64 [r8]",
        "2:",
        "and rsp, -16",
        "mov eax, ss",
        "push rax",
        "push qword ptr [rcx + 0x98]",
        "mov eax, [rcx + 0x44]",
        "push rax",
        "mov eax, cs",
        "push rax",
        "push qword ptr [rcx + 0xf8]",
        "mov rax, [rcx + 0x78]",
        "mov rdx, [rcx + 0x88]",
        "mov rbx, [rcx + 0x90]",
        "mov rbp, [rcx + 0xa0]",
        "mov rsi, [rcx + 0xa8]",
        "mov rdi, [rcx + 0xb0]",
        "mov r8, [rcx + 0xb8]",
        "mov r9, [rcx + 0xc0]",
        "mov r10, [rcx + 0xc8]",
        "mov r11, [rcx + 0xd0]",
        "mov r12, [rcx + 0xd8]",
        "mov r13, [rcx + 0xe0]",
        "mov r14, [rcx + 0xe8]",
        "mov r15, [rcx + 0xf0]",
        "mov rcx, [rcx + 0x80]",
        "iretq",
        "9:",
        "ret",
        park = const teb::PARK,
        kept = const XSTATE_KEPT,
    )
}

thread_local! {
    /// A 64-byte aligned place for the XSAVE area that [`load_context`] loads.
    static XSAVE: RefCell<Vec<[u128; 4]>> = const { RefCell::new(Vec::new()) };
}

/// Goes on in the guest with all registers of `context` (whose flags say which parts it has; parts that it
/// lacks are taken as zero or as they are). `xstate` is an XSAVE state from its header on, or empty.
pub fn resume(context: &mut Context, xstate: &[u8]) -> ! {
    context.eflags = context.eflags & EFLAGS_USER | 0x202;
    context.mxcsr &= 0xffff;
    if context.flags & CONTEXT_FLOATING_POINT == 0 {
        fill_fx(context);
    }
    context.fx[24..28].copy_from_slice(&context.mxcsr.to_le_bytes());
    let mut area = 0usize;
    // The first 8 bytes of the header say which components follow; 0 and 1 are the legacy ones.
    if xstate.len() > 64 && u64::from(xstate[0]) & XSTATE_KEPT & !3 != 0 {
        area = XSAVE.with_borrow_mut(|buffer| {
            // All that the instruction may read, though the guest gave less.
            buffer.resize((512 + xstate.len()).max(2688).div_ceil(64) + 1, [0; 4]);
            let base = buffer.as_mut_ptr() as usize;
            let base = base.next_multiple_of(64) as *mut u8;
            // SAFETY: the buffer has room for both parts after aligning by at most 48 bytes.
            unsafe {
                std::ptr::copy_nonoverlapping(context.fx.as_ptr(), base, 512);
                std::ptr::copy_nonoverlapping(xstate.as_ptr(), base.add(512), xstate.len());
                // x87 and SSE come from the legacy area; no compaction.
                *base.add(512) = (*base.add(512) | 3) & XSTATE_KEPT as u8;
                base.add(513).cast::<[u8; 7]>().write([0; 7]);
                base.add(520).cast::<[u64; 7]>().write_unaligned([0; 7]);
            }
            base as usize
        });
    }
    loop {
        // SAFETY: the context is the guest's own; this function has nothing left to drop.
        unsafe { load_context(context, area as *const u8) };
        crate::exception::suspend::park_here(Some(context));
    }
}

#[inline(never)]
fn fill_fx(context: &mut Context) {
    // SAFETY: the area is 512 bytes, 16-byte aligned by the struct's layout.
    unsafe { std::arch::asm!("fxsave64 [{}]", in(reg) &raw mut context.fx, options(nostack)) };
    context.mxcsr = 0x1f80;
}

/// What lies in a context whose flags have CONTEXT_XSTATE: CONTEXT_EX follows it, with offsets from itself.
fn xstate_of(context: Ptr<Context>, flags: u32) -> Vec<u8> {
    if flags & (CONTEXT_XSTATE | CONTEXT_AMD64) != CONTEXT_XSTATE | CONTEXT_AMD64 {
        return Vec::new();
    }
    let extended = context.byte_add(size_of::<Context>());
    // CONTEXT_EX: All, Legacy, XState; each an i32 offset and a u32 length.
    let Ok([_, _, _, _, offset, length]) = extended.cast::<[u32; 6]>().read() else { return Vec::new() };
    if !(64..=16384).contains(&length) {
        return Vec::new();
    }
    let at = extended.addr().wrapping_add_signed(offset as i32 as isize);
    Ptr::<u8>::new(at).read_vec(length as usize).unwrap_or_default()
}

/// NtContinue: goes on in the guest with the context at `at`.
///
/// Works on the guest's copy, since the stack may have room for little more (Go's goroutines).
pub fn continue_at(at: Ptr<Context>) -> NTSTATUS {
    let Ok(flags) = at.byte_add(0x30).cast::<u32>().read() else { return NTSTATUS::ACCESS_VIOLATION };
    if at.byte_add(size_of::<Context>() - 1).cast::<u8>().read().is_err() {
        return NTSTATUS::ACCESS_VIOLATION;
    }
    if flags & CONTEXT_AMD64 == 0 {
        return NTSTATUS::INVALID_PARAMETER;
    }
    const WHOLE: u32 = CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT;
    if flags & WHOLE != WHOLE || at.addr() % 16 != 0 {
        return continue_partly(at);
    }
    let xstate = xstate_of(at, flags);
    let stored = (xstate.as_ptr(), xstate.len());
    // What `resume` never returns from must not leak: the bytes are kept by the thread instead.
    KEPT.with_borrow_mut(|kept| *kept = xstate);
    // SAFETY: the guest's context was probed above, and nothing else of ours refers to it. Moving a Vec does not
    // move its bytes, and KEPT is only replaced by this thread.
    unsafe { resume(&mut *at.as_mut_ptr(), std::slice::from_raw_parts(stored.0, stored.1)) }
}

#[inline(never)]
fn continue_partly(at: Ptr<Context>) -> NTSTATUS {
    let Ok(context) = at.read() else { return NTSTATUS::ACCESS_VIOLATION };
    let mut whole = Context::zeroed();
    whole.merge(&context, context.flags);
    whole.flags = context.flags;
    resume(&mut whole, &[])
}

thread_local! {
    static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
