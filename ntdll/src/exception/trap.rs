//! Unsafe edge: host signals become exceptions on the guest stack.
#![allow(unsafe_code)]

use super::*;
use crate::context::{self, CONTEXT_XSTATE, MARK_CONTEXT, RSP};
use abi::teb;
use host::signal::Trap;
use parking_lot::RwLock;
use std::arch::naked_asm;

/// What a fault hook says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// It knows nothing of this address.
    NotMine,
    /// The page is there now: try again.
    Resume,
    /// Raise an exception with this status (guard page, stack overflow, in-page error).
    Raise(u32),
}

type FaultHook = fn(usize, bool) -> FaultAction;

static HOOKS: RwLock<Vec<FaultHook>> = RwLock::new(Vec::new());

/// Registers a hook that is asked about page faults: address, and whether it was a write. It runs in a
/// signal handler, so it takes no lock that guest code's thread could hold.
pub fn add_fault_hook(hook: FaultHook) {
    HOOKS.write().push(hook);
}

/// Registers the handler of host signals. Once per process, before guest code runs.
pub fn install() {
    tables::set_find_image(crate::ldr::image_range);
    report::set_name_image(|base| crate::ldr::module_at(base).map(|module| abi::wide::display(&module.name)));
    add_fault_hook(own_pages);
    host::signal::install(on_trap);
}

/// The shared data page, and guard pages.
fn own_pages(addr: usize, _write: bool) -> FaultAction {
    if crate::shared_data::on_fault(addr) {
        return FaultAction::Resume;
    }
    if !crate::memory::take_guard(addr) {
        return FaultAction::NotMine;
    }
    let stack = teb::get_u64::<{ teb::DEALLOCATION_STACK }>() as usize..teb::get_u64::<{ teb::STACK_BASE }>() as usize;
    FaultAction::Raise(if stack.contains(&addr) { STATUS_STACK_OVERFLOW } else { STATUS_GUARD_PAGE_VIOLATION })
}

fn ask_hooks(addr: usize, write: bool) -> FaultAction {
    let mut index = 0;
    loop {
        let Some(hook) = HOOKS.read_recursive().get(index).copied() else { return FaultAction::NotMine };
        match hook(addr, write) {
            FaultAction::NotMine => index += 1,
            action => return action,
        }
    }
}

fn on_trap(trap: &mut Trap) {
    let rip = trap.rip() as usize;
    let page_fault = trap.vector() == 14 && matches!(trap.signal, libc_signal::SEGV | libc_signal::BUS);
    // What is only not there yet, and copies that expect a fault, may be met by any thread.
    let addr = trap.fault_address() as usize;
    if page_fault && (crate::ldr::builtin::on_fault(addr) || crate::memory::paging::on_fault(addr, trap.error())) {
        return;
    }
    if !host::signal::is_guest_thread() {
        match abi::fault::landing(rip) {
            Some(landing) => {
                trap.set_rip(landing as u64);
                trap.set_gpr(context::RAX, 1);
                return;
            }
            None => return host::signal::default_action(trap.signal),
        }
    }
    let mut status = None;
    if page_fault {
        match ask_hooks(addr, trap.error() & 2 != 0) {
            FaultAction::Resume => return,
            FaultAction::Raise(code) => status = Some(code),
            FaultAction::NotMine => {}
        }
    }
    if let Some(landing) = abi::fault::landing(rip) {
        trap.set_rip(landing as u64);
        trap.set_gpr(context::RAX, 1);
        return;
    }
    if rip == raise_address() {
        // `raise_here`: the record is in RDI.
        let Ok(record) = Ptr::<ExceptionRecord>::new(trap.gpr(context::RDI) as usize).read() else { return };
        return deliver_at_call(trap, record);
    }
    if is_int_2e(trap) {
        return crate::syscall::redirect(trap, rip as u64 + 2);
    }
    let record = describe(trap, status);
    if context::is_guest_code(rip) {
        deliver(trap, record);
    } else {
        deliver_at_call(trap, record);
    }
}

/// `int 0x2e`, the older way to make an NT system call, which stubs still have for processors without `syscall`.
fn is_int_2e(trap: &Trap) -> bool {
    let rip = trap.rip() as usize;
    trap.signal == libc_signal::SEGV
        && trap.vector() == 13
        && trap.error() == 0x2e * 8 + 2
        && context::is_guest_code(rip)
        && Ptr::<[u8; 2]>::new(rip).read() == Ok([0xcd, 0x2e])
}

/// Signal numbers of Linux on x86-64 (signal(7)).
mod libc_signal {
    pub const ILL: i32 = 4;
    pub const TRAP: i32 = 5;
    pub const BUS: i32 = 7;
    pub const FPE: i32 = 8;
    pub const SEGV: i32 = 11;
}

/// The exception that a trap is. May move RIP back to the instruction that trapped.
fn describe(trap: &mut Trap, status: Option<u32>) -> ExceptionRecord {
    let rip = trap.rip();
    let code_at = |offset: u64| Ptr::<u8>::new((rip + offset) as usize).read().unwrap_or(0);
    match trap.signal {
        libc_signal::SEGV | libc_signal::BUS if trap.vector() == 14 => {
            // 0 is a read, 1 a write, 8 an instruction fetch.
            let kind = if trap.error() & 16 != 0 { 8 } else { trap.error() >> 1 & 1 };
            let info = [kind, trap.fault_address(), 0xc000_009c];
            let code = status.unwrap_or(if trap.signal == libc_signal::BUS { STATUS_IN_PAGE_ERROR } else { STATUS_ACCESS_VIOLATION });
            // An in-page error carries the status of the failed read too.
            let count = if code == STATUS_IN_PAGE_ERROR { 3 } else { 2 };
            ExceptionRecord::new(code, rip).with(&info[..count])
        }
        libc_signal::BUS if trap.vector() == 17 => ExceptionRecord::new(STATUS_DATATYPE_MISALIGNMENT, rip),
        libc_signal::SEGV | libc_signal::BUS => general_protection(trap),
        libc_signal::ILL => ExceptionRecord::new(STATUS_ILLEGAL_INSTRUCTION, rip),
        libc_signal::TRAP if trap.vector() == 1 => {
            trap.set_eflags(trap.eflags() & !0x100);
            ExceptionRecord::new(STATUS_SINGLE_STEP, rip)
        }
        libc_signal::TRAP => {
            // The processor reports the address after the instruction, Windows that of the instruction.
            let at = if Ptr::<u8>::new(rip.wrapping_sub(1) as usize).read() == Ok(0xcc) { rip - 1 } else { rip };
            trap.set_rip(at);
            ExceptionRecord::new(STATUS_BREAKPOINT, at).with(&[0])
        }
        libc_signal::FPE => ExceptionRecord::new(arithmetic(trap), rip).with(if trap.vector() == 0 { &[] } else { &[0] }),
        _ => ExceptionRecord::new(0xc000_0000 | u32::from(code_at(0)), rip),
    }
}

/// A general protection fault: a non-canonical address, a privileged instruction, or a software interrupt.
fn general_protection(trap: &mut Trap) -> ExceptionRecord {
    let rip = trap.rip();
    let byte = |offset: u64| Ptr::<u8>::new((rip + offset) as usize).read().unwrap_or(0x90);
    if byte(0) == 0xcd {
        match byte(1) {
            // __fastfail: the code is in ECX. <https://learn.microsoft.com/cpp/intrinsics/fastfail>
            0x29 => {
                let mut record = ExceptionRecord::new(STATUS_STACK_BUFFER_OVERRUN, rip).with(&[trap.gpr(context::RCX)]);
                record.flags = EXCEPTION_NONCONTINUABLE;
                return record;
            }
            0x2c => return ExceptionRecord::new(STATUS_ASSERTION_FAILURE, rip),
            // The debug service: a breakpoint, after the instruction and the byte behind it.
            0x2d => {
                trap.set_rip(rip + 3);
                return ExceptionRecord::new(STATUS_BREAKPOINT, rip).with(&[trap.gpr(context::RAX)]);
            }
            0x03 => return ExceptionRecord::new(STATUS_BREAKPOINT, rip).with(&[0]),
            _ => {}
        }
    }
    let mut at = 0;
    while matches!(byte(at), 0x66 | 0x67 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 | 0x40..=0x4f) && at < 14 {
        at += 1;
    }
    let privileged = match byte(at) {
        // in, out, hlt, cli, sti
        0x6c..=0x6f | 0xe4..=0xe7 | 0xec..=0xef | 0xf4 | 0xfa | 0xfb => true,
        // mov to and from control and debug registers, wrmsr, rdmsr, rdpmc, clts, invd, wbinvd, lgdt and its group
        0x0f => matches!(byte(at + 1), 0x00 | 0x01 | 0x06 | 0x08 | 0x09 | 0x20..=0x23 | 0x30 | 0x32 | 0x33),
        _ => false,
    };
    if privileged {
        ExceptionRecord::new(STATUS_PRIVILEGED_INSTRUCTION, rip)
    } else {
        ExceptionRecord::new(STATUS_ACCESS_VIOLATION, rip).with(&[0, u64::MAX])
    }
}

/// The status of a division error or of a floating-point exception.
fn arithmetic(trap: &Trap) -> u32 {
    const STATUS_FLOAT_DENORMAL_OPERAND: u32 = 0xc000_008d;
    const STATUS_FLOAT_DIVIDE_BY_ZERO: u32 = 0xc000_008e;
    const STATUS_FLOAT_INEXACT_RESULT: u32 = 0xc000_008f;
    const STATUS_FLOAT_INVALID_OPERATION: u32 = 0xc000_0090;
    const STATUS_FLOAT_OVERFLOW: u32 = 0xc000_0091;
    const STATUS_FLOAT_STACK_CHECK: u32 = 0xc000_0092;
    const STATUS_FLOAT_UNDERFLOW: u32 = 0xc000_0093;
    const STATUS_INTEGER_DIVIDE_BY_ZERO: u32 = 0xc000_0094;
    const STATUS_INTEGER_OVERFLOW: u32 = 0xc000_0095;
    if trap.vector() == 0 {
        let mut code = [0u8; 15];
        for (index, byte) in code.iter_mut().enumerate() {
            *byte = Ptr::<u8>::new(trap.rip() as usize + index).read().unwrap_or(0x90);
        }
        let read = |addr: u64, size: usize| -> Option<u64> {
            let mut value = [0u8; 8];
            Ptr::<u8>::new(addr as usize).read_slice(&mut value[..size]).ok()?;
            Some(u64::from_le_bytes(value))
        };
        return match dbt::divisor(&code, trap.rip(), &trap.gprs(), read) {
            Some(divisor) if divisor != 0 => STATUS_INTEGER_OVERFLOW,
            _ => STATUS_INTEGER_DIVIDE_BY_ZERO,
        };
    }
    let Some(fx) = trap.fx() else { return STATUS_FLOAT_INVALID_OPERATION };
    let flags = if trap.vector() == 19 {
        let mxcsr = u32::from_le_bytes([fx[24], fx[25], fx[26], fx[27]]);
        mxcsr & !(mxcsr >> 7) & 0x3f
    } else {
        let (control, status) = (u16::from_le_bytes([fx[0], fx[1]]), u16::from_le_bytes([fx[2], fx[3]]));
        if status & 0x41 == 0x41 && control & 1 == 0 {
            return STATUS_FLOAT_STACK_CHECK;
        }
        u32::from(status & !control & 0x3f)
    };
    match flags {
        f if f & 1 != 0 => STATUS_FLOAT_INVALID_OPERATION,
        f if f & 4 != 0 => STATUS_FLOAT_DIVIDE_BY_ZERO,
        f if f & 2 != 0 => STATUS_FLOAT_DENORMAL_OPERAND,
        f if f & 8 != 0 => STATUS_FLOAT_OVERFLOW,
        f if f & 16 != 0 => STATUS_FLOAT_UNDERFLOW,
        f if f & 32 != 0 => STATUS_FLOAT_INEXACT_RESULT,
        _ => STATUS_FLOAT_INVALID_OPERATION,
    }
}

/// The context of a thread that a signal has interrupted in guest code.
pub fn context_of(trap: &Trap, into: &mut Context) {
    *into = Context::zeroed();
    into.flags = 0x10_000f;
    into.gpr = trap.gprs();
    into.rip = trap.rip();
    into.eflags = trap.eflags();
    if let Some(fx) = trap.fx() {
        into.fx = fx;
        into.mxcsr = u32::from_le_bytes([fx[24], fx[25], fx[26], fx[27]]);
    }
}

/// The context at the call by which the guest entered our code, for a thread that a signal has interrupted there.
pub fn call_context_of(trap: &Trap, into: &mut Context) -> Option<()> {
    context_of(trap, into);
    let entry = Entry::current();
    if let Entry::Plain(rsp) = entry
        && let Some(saved) = host::signal::nonvolatile_at(rsp)
    {
        into.gpr[context::RBX] = saved.rbx;
        into.gpr[context::RBP] = saved.rbp;
        into.gpr[context::RSI] = saved.rsi;
        into.gpr[context::RDI] = saved.rdi;
        into.gpr[12..16].copy_from_slice(&[saved.r12, saved.r13, saved.r14, saved.r15]);
    }
    entry.caller(into)
}

/// The AVX and AVX-512 state that is in use, from the XSAVE header on: up to the end of the last component.
///
/// Nothing on a stack that is not the thread's own: Go's goroutines have about 4 KiB for an exception, and go
/// on elsewhere, where vector registers are dead.
fn extended_state(trap: &Trap, rsp: usize) -> &[u8] {
    let xstate = trap.xstate();
    let own = teb::get_u64::<{ teb::STACK_LIMIT }>() as usize..teb::get_u64::<{ teb::STACK_BASE }>() as usize;
    if xstate.len() <= 64 || !own.contains(&rsp) {
        return &[];
    }
    // Offsets of the standard format are fixed for AVX (Intel SDM 13.4.2): 576 + 256. Those of AVX-512 are what
    // CPUID leaf 0Dh says; all three end before 2688 on every processor that has them.
    let end = match u64::from(xstate[0]) & context::XSTATE_KEPT {
        used if used & 0xe0 != 0 => 2688 - 512,
        used if used & 4 != 0 => 832 - 512,
        _ => 0,
    };
    &xstate[..end.min(xstate.len())]
}

/// Puts record and context below the stack pointer of `guest`, and lets the thread go on in the dispatcher.
///
/// The layout is the one that Windows' dispatcher finds: the context, CONTEXT_EX, the record at 0x4f0, then the
/// extended state.
fn place(trap: &mut Trap, record: &ExceptionRecord, guest: &mut Context) {
    const RECORD: usize = 0x4f0;
    const FRAME: usize = 0x590;
    let xstate = extended_state(trap, guest.rsp() as usize);
    let in_use = !xstate.is_empty();
    let room = xstate.len();
    // The extended state is 64-byte aligned, and so is what lies below it.
    let top = (guest.rsp() as usize).wrapping_sub(room) & !63;
    let base = top.wrapping_sub(FRAME) & !63;
    if in_use {
        guest.flags |= CONTEXT_XSTATE;
        let offset = |at: usize| (at.wrapping_sub(base + size_of::<Context>())) as u32;
        let extended =
            [offset(base), (top + room - base) as u32, offset(base), size_of::<Context>() as u32, offset(top), room as u32, 0, 0];
        // The header's mask names only the components that are kept.
        let components = u64::from(xstate[0]) & context::XSTATE_KEPT;
        let written = Ptr::<u8>::new(top).write_slice(xstate).is_ok() && Ptr::new(top).write(components).is_ok();
        if !written || Ptr::new(base + size_of::<Context>()).write(extended).is_err() {
            guest.flags &= !CONTEXT_XSTATE;
        }
    }
    let written = Ptr::new(base + RECORD).write(*record).is_ok() && Ptr::new(base).write(*guest).is_ok();
    if !written {
        // There is no stack to run handlers on.
        let mut copy = *record;
        if copy.code == STATUS_ACCESS_VIOLATION || copy.code == STATUS_GUARD_PAGE_VIOLATION {
            copy.code = STATUS_STACK_OVERFLOW;
        }
        report::fatal(Ptr::of(&raw mut copy), Ptr::of(&raw mut *guest));
    }
    if trap.signal == libc_signal::FPE
        && trap.vector() != 0
        && let Some(mut fx) = trap.fx()
    {
        // The handlers run with exceptions masked and none pending.
        fx[0..2].copy_from_slice(&0x27fu16.to_le_bytes());
        fx[2..4].copy_from_slice(&[0, 0]);
        fx[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
        trap.set_fx(&fx);
    }
    trap.set_gpr(RSP, base as u64);
    trap.set_rip(exception_entry as *const () as u64);
    // Direction and trap flag off.
    trap.set_eflags(trap.eflags() & !0x500);
}

fn deliver(trap: &mut Trap, record: ExceptionRecord) {
    let mut guest = Context::zeroed();
    context_of(trap, &mut guest);
    if record.code == STATUS_STACK_BUFFER_OVERRUN {
        let mut copy = record;
        report::fatal(Ptr::of(&raw mut copy), Ptr::of(&raw mut guest));
    }
    place(trap, &record, &mut guest);
}

/// A fault in our own code, on a pointer that the guest gave: the exception is the guest's, at the call.
fn deliver_at_call(trap: &mut Trap, mut record: ExceptionRecord) {
    let mut guest = Context::zeroed();
    let at = trap.rip() as usize;
    if call_context_of(trap, &mut guest).is_none() {
        report::internal(trap.signal, at, trap.fault_address() as usize);
    }
    if std::env::var_os("UOSRUN_DEBUG_FAULTS").is_some() {
        report::note_host_fault(at, trap.fault_address() as usize);
    }
    record.address = guest.rip;
    place(trap, &record, &mut guest);
}

/// Where the guest stack is entered after a signal: RSP is at the context.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "C" fn exception_entry() {
    naked_asm!(
        "mov rdx, rsp",
        "lea rcx, [rsp + 0x4f0]",
        "lea rax, [rsp + {mark}]",
        "mov gs:[{guest_rsp}], rax",
        "sub rsp, 0x20",
        "cld",
        "call {dispatch}",
        "ud2",
        mark = const MARK_CONTEXT,
        guest_rsp = const teb::GUEST_RSP,
        dispatch = sym super::dispatch,
    )
}

/// Traps; [`on_trap`] knows the address. Its own function, so that the walk over our frames starts well.
#[unsafe(naked)]
unsafe extern "C" fn raise_trap(record: *const ExceptionRecord) -> ! {
    naked_asm!("ud2")
}

fn raise_address() -> usize {
    raise_trap as *const () as usize
}

/// Raises an exception at the call by which the guest entered our code: a trap, so that the registers at the call
/// are found by walking our own frames.
pub fn raise_here(record: &ExceptionRecord) -> ! {
    // SAFETY: the trap handler copies the record, and doesn't come back.
    unsafe { raise_trap(record) }
}
