//! Unsafe edge (register switching): the fibers of winbase.h.
//!
//! A fiber is a block that begins like Windows' own (GetFiberData reads its first field); a fiber that does not run has
//! its nonvolatile registers on its stack. Only the switch itself is assembly.
//! <https://learn.microsoft.com/windows/win32/procthread/fibers>
#![allow(unsafe_code)]

use crate::fibersapi;
use abi::{GuestFn, Ptr, Win32Error, export, export_asm, teb};
use ntdll::{heap, thread};
use std::arch::naked_asm;
use std::mem::offset_of;

#[repr(C)]
#[derive(Clone, Copy)]
struct Fiber {
    parameter: u64,
    exceptions: u64,
    stack_base: u64,
    stack_limit: u64,
    deallocation: u64,
    rsp: u64,
    fls: u64,
    start: u64,
    guaranteed: u64,
    /// The mapping that is its stack; 0 for one that was a thread.
    stack: u64,
}

/// Bytes that the switch keeps on the stack: 8 registers, 10 of 16 bytes, the control words.
const SAVED: u64 = 8 * 8 + 0xa8;

fn current() -> Ptr<Fiber> {
    Ptr::new(Ptr::<u64>::new(teb::current() + teb::FIBER_DATA).get() as usize)
}

fn allocate() -> Result<Ptr<Fiber>, Win32Error> {
    let fiber: Ptr<Fiber> = heap::allocate(heap::process_heap(), 8, size_of::<Fiber>()).cast();
    if fiber.is_null() { Err(Win32Error::NOT_ENOUGH_MEMORY) } else { Ok(fiber) }
}

/// Makes the thread a fiber, so that it can switch to others.
#[export(kernel32, full)]
pub fn ConvertThreadToFiber(parameter: u64) -> Result<Ptr<u8>, Win32Error> {
    ConvertThreadToFiberEx(parameter, 0)
}

/// The same; flag 1 (floating-point state is switched) is always on.
#[export(kernel32, full)]
pub fn ConvertThreadToFiberEx(parameter: u64, flags: u32) -> Result<Ptr<u8>, Win32Error> {
    if flags & !1 != 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    if !current().is_null() {
        // ERROR_ALREADY_FIBER
        return Err(Win32Error(1280));
    }
    let fiber = allocate()?;
    fiber.cast::<u64>().set(parameter);
    Ptr::<u64>::new(teb::current() + teb::FIBER_DATA).set(fiber.addr() as u64);
    Ok(fiber.cast())
}

/// Makes the running fiber a plain thread again.
#[export(kernel32, full)]
pub fn ConvertFiberToThread() -> Result<(), Win32Error> {
    let fiber = current();
    if fiber.is_null() {
        // ERROR_ALREADY_THREAD
        return Err(Win32Error(1281));
    }
    Ptr::<u64>::new(teb::current() + teb::FIBER_DATA).set(0);
    // The stack, if it was a fiber's own, stays with the thread.
    heap::free(heap::process_heap(), fiber.cast());
    Ok(())
}

/// Creates a fiber with a stack of its own.
#[export(kernel32, full)]
pub fn CreateFiber(stack: usize, start: GuestFn, parameter: u64) -> Result<Ptr<u8>, Win32Error> {
    CreateFiberEx(stack, 0, 0, start, parameter)
}

/// The same, with the sizes to commit and to reserve; flag 1 (floating-point state is switched) is always on.
#[export(kernel32, full)]
pub fn CreateFiberEx(commit: usize, reserve: usize, flags: u32, start: GuestFn, parameter: u64) -> Result<Ptr<u8>, Win32Error> {
    if flags & !1 != 0 {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let size = match reserve {
        0 => ntdll::process::default_stack().max(commit),
        _ => reserve.max(commit),
    };
    let fiber = allocate()?;
    let stack = match thread::take_fiber_stack(size) {
        Ok(stack) => stack,
        Err(status) => {
            heap::free(heap::process_heap(), fiber.cast());
            return Err(status.into());
        }
    };
    // On the stack: what the switch restores, the address it returns to, home slots.
    let rsp = stack.top as u64 - 0x40 - SAVED;
    let top = Ptr::<u64>::new(rsp as usize);
    // MXCSR and the x87 control word as a thread starts with them: all masked, double precision.
    top.byte_add(0xa0).set(0x027f_0000_1f80);
    top.byte_add(SAVED as usize).set(fiber_start as *const () as u64);
    fiber.set(Fiber {
        parameter,
        exceptions: u64::MAX,
        stack_base: stack.top as u64,
        stack_limit: stack.limit as u64,
        deallocation: stack.bottom as u64,
        rsp,
        fls: 0,
        start: start.0 as u64,
        guaranteed: 0,
        stack: stack.bottom as u64,
    });
    Ok(fiber.cast())
}

/// Deletes a fiber. The running one: ends the thread.
#[export(kernel32, full, calls_guest)]
pub fn DeleteFiber(fiber: Ptr<u8>) {
    if fiber.is_null() {
        return;
    }
    if fiber.addr() == current().addr() {
        thread::exit(1);
    }
    let record: Fiber = fiber.cast().get();
    fibersapi::run_callbacks(record.fls as usize);
    if record.stack != 0 {
        ntdll::memory::release_stack(record.stack as usize);
    }
    heap::free(heap::process_heap(), fiber);
}

/// Where a new fiber begins: the switch returns here, with RSP as if this had been called.
#[unsafe(naked)]
unsafe extern "C" fn fiber_start() {
    naked_asm!(
        // Nothing was entered on this stack yet.
        "mov qword ptr gs:[{guest_rsp}], 0",
        "mov rcx, gs:[{fiber}]",
        "xor ebp, ebp",
        // As a return address would have it.
        "push 0",
        "sub rsp, 0x20",
        "and rsp, -16",
        "call {run}",
        "ud2",
        guest_rsp = const teb::GUEST_RSP,
        fiber = const teb::FIBER_DATA,
        run = sym run_fiber,
    )
}

extern "win64" fn run_fiber(fiber: usize) {
    let record: Fiber = Ptr::new(fiber).get();
    GuestFn(record.start as usize).call(&[record.parameter]);
    // A fiber's function that returns ends its thread.
    thread::exit(0)
}

/// Saves the running fiber's registers and stack fields, and goes on with another's.
/// <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-switchtofiber>
#[unsafe(naked)]
unsafe extern "C" fn switch_to_fiber() {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push rsi",
        "push rdi",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 0xa8",
        "movups [rsp], xmm6",
        "movups [rsp + 0x10], xmm7",
        "movups [rsp + 0x20], xmm8",
        "movups [rsp + 0x30], xmm9",
        "movups [rsp + 0x40], xmm10",
        "movups [rsp + 0x50], xmm11",
        "movups [rsp + 0x60], xmm12",
        "movups [rsp + 0x70], xmm13",
        "movups [rsp + 0x80], xmm14",
        "movups [rsp + 0x90], xmm15",
        "stmxcsr [rsp + 0xa0]",
        "fnstcw [rsp + 0xa4]",
        "mov rax, gs:[{fiber}]",
        "mov [rax + {rsp}], rsp",
        "mov rdx, gs:[0]",
        "mov [rax + {exceptions}], rdx",
        "mov rdx, [rcx + {exceptions}]",
        "mov gs:[0], rdx",
        "mov rdx, gs:[{teb_base}]",
        "mov [rax + {base}], rdx",
        "mov rdx, [rcx + {base}]",
        "mov gs:[{teb_base}], rdx",
        "mov rdx, gs:[{teb_limit}]",
        "mov [rax + {limit}], rdx",
        "mov rdx, [rcx + {limit}]",
        "mov gs:[{teb_limit}], rdx",
        "mov rdx, gs:[{teb_deallocation}]",
        "mov [rax + {deallocation}], rdx",
        "mov rdx, [rcx + {deallocation}]",
        "mov gs:[{teb_deallocation}], rdx",
        "mov rdx, gs:[{teb_fls}]",
        "mov [rax + {fls}], rdx",
        "mov rdx, [rcx + {fls}]",
        "mov gs:[{teb_fls}], rdx",
        "mov edx, gs:[{teb_guaranteed}]",
        "mov [rax + {guaranteed}], edx",
        "mov edx, [rcx + {guaranteed}]",
        "mov gs:[{teb_guaranteed}], edx",
        "mov gs:[{fiber}], rcx",
        "mov rsp, [rcx + {rsp}]",
        "movups xmm6, [rsp]",
        "movups xmm7, [rsp + 0x10]",
        "movups xmm8, [rsp + 0x20]",
        "movups xmm9, [rsp + 0x30]",
        "movups xmm10, [rsp + 0x40]",
        "movups xmm11, [rsp + 0x50]",
        "movups xmm12, [rsp + 0x60]",
        "movups xmm13, [rsp + 0x70]",
        "movups xmm14, [rsp + 0x80]",
        "movups xmm15, [rsp + 0x90]",
        "ldmxcsr [rsp + 0xa0]",
        "fldcw [rsp + 0xa4]",
        "add rsp, 0xa8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rdi",
        "pop rsi",
        "pop rbx",
        "pop rbp",
        "ret",
        fiber = const teb::FIBER_DATA,
        teb_base = const teb::STACK_BASE,
        teb_limit = const teb::STACK_LIMIT,
        teb_deallocation = const teb::DEALLOCATION_STACK,
        teb_fls = const teb::FLS_DATA,
        teb_guaranteed = const teb::GUARANTEED_STACK_BYTES,
        rsp = const offset_of!(Fiber, rsp),
        exceptions = const offset_of!(Fiber, exceptions),
        base = const offset_of!(Fiber, stack_base),
        limit = const offset_of!(Fiber, stack_limit),
        deallocation = const offset_of!(Fiber, deallocation),
        fls = const offset_of!(Fiber, fls),
        guaranteed = const offset_of!(Fiber, guaranteed),
    )
}

export_asm!(switch_to_fiber => kernel32 + kernelbase, full, name = "SwitchToFiber");
