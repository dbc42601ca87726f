//! Unsafe edge: walking and unwinding guest stacks.
//!
//! A walk that reaches one of our own calls into the guest ([`abi::call::guest_call_return`]) goes on at the guest
//! code that had called us; see [`Entry`].
#![allow(unsafe_code)]

pub mod step;
pub mod tables;

use crate::context::{self, Context, ContextPointers, Entry, MARK_CONTEXT, MARK_HANDLER, RBP, RSP, argument};
use crate::context_entry;
use crate::exception::{self, ExceptionRecord};
use abi::{GuestFn, NTSTATUS, Ptr, export, export_asm, teb};
use step::{Step, UNW_FLAG_UHANDLER};
use tables::RuntimeFunction;

/// DISPATCHER_CONTEXT of x86-64 (winnt.h).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DispatcherContext {
    pub control_pc: u64,
    pub image_base: u64,
    pub function: Ptr<RuntimeFunction>,
    pub establisher: u64,
    pub target_ip: u64,
    pub context: Ptr<Context>,
    pub handler: u64,
    pub handler_data: Ptr<u8>,
    pub history: Ptr<u8>,
    pub scope_index: u32,
    pub fill: u32,
}

/// Lies on the stack while a language handler runs; the TEB's `GUEST_RSP` names it.
#[repr(C)]
pub struct HandlerFrame {
    /// Where a walk goes on: the context of the exception, or of the caller of RtlUnwindEx.
    pub caller: *const Context,
    pub dispatcher: *const DispatcherContext,
    /// The handler was called by an unwind, not by the search for a handler.
    pub unwinding: u64,
}

/// EXCEPTION_DISPOSITION (excpt.h).
pub const CONTINUE_EXECUTION: u32 = 0;
pub const CONTINUE_SEARCH: u32 = 1;
pub const NESTED_EXCEPTION: u32 = 2;

/// Stands for our own frames in what RtlLookupFunctionEntry returns; [`RtlVirtualUnwind`] knows its address.
static OWN: RuntimeFunction = RuntimeFunction { begin: 0, end: 1, unwind: 0 };

pub(crate) fn own_function(pc: u64) -> Option<(Ptr<RuntimeFunction>, u64)> {
    is_own(pc).then(|| (Ptr::of(&raw const OWN), pc))
}

/// Whether a return address lies in one of our own frames, which a guest has no use for.
fn is_own(pc: u64) -> bool {
    pc as usize == abi::call::guest_call_return() || is_detour(pc)
}

/// The return addresses of detours, whose frames are alike.
fn is_detour(pc: u64) -> bool {
    pc as usize == crate::trace::frame::return_address() || pc as usize == crate::syscall::return_address()
}

/// How the guest had entered our code, for a context at [`abi::call::guest_call_return`].
fn entry_beneath(context: &Context) -> Entry {
    let saved = context.gpr[RBP] as usize;
    Ptr::<u64>::new(saved.wrapping_sub(abi::call::CALL_SAVED_RSP)).read().map_or(Entry::None, Entry::of)
}

/// From the context in a function to the one in its caller. None: the walk ends here.
pub fn walk(context: &mut Context, kind: u8) -> Option<Step> {
    let pc = context.rip;
    if pc as usize == abi::call::guest_call_return() {
        let establisher = context.rsp();
        entry_beneath(context).caller(context)?;
        return Some(Step { establisher, handler: None });
    }
    if is_detour(pc) {
        // The detour's frame: the caller's RBP, and the return address.
        let frame = context.gpr[RBP] as usize;
        context.gpr[RBP] = Ptr::<u64>::new(frame).read().ok()?;
        context::pop_return(context, frame + 8)?;
        return Some(Step { establisher: frame as u64, handler: None });
    }
    match tables::lookup(pc) {
        Some((entry, base)) => {
            let entry = entry.read().ok()?;
            step::step(kind, base, pc, entry, context, None).ok()
        }
        None => {
            let rsp = context.rsp() as usize;
            context::pop_return(context, rsp)?;
            Some(Step { establisher: rsp as u64, handler: None })
        }
    }
}

/// Calls a language handler, with a [`HandlerFrame`] that tells walkers where to go on.
pub fn call_handler(frame: &HandlerFrame, handler: u64, record: u64, establisher: u64, context: u64, dispatcher: u64) -> u32 {
    let before = teb::get_u64::<{ teb::GUEST_RSP }>();
    teb::set_u64::<{ teb::GUEST_RSP }>(&raw const *frame as u64 | MARK_HANDLER);
    let disposition = GuestFn(handler as usize).call(&[record, establisher, context, dispatcher]);
    teb::set_u64::<{ teb::GUEST_RSP }>(before);
    disposition as u32
}

/// Where an unwind goes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The establisher frame to stop at; 0 unwinds everything.
    pub frame: u64,
    pub ip: u64,
    pub value: u64,
}

/// RtlUnwindEx: calls the termination handlers of all frames from `start` up to the target, then goes on there.
///
/// The caller's OriginalContext is workspace that is not needed here; it is often the context of the very exception
/// that is being handled, from which walks go on, so it stays as it is.
pub fn unwind(start: &Context, target: Target, record: Ptr<ExceptionRecord>, history: Ptr<u8>) -> ! {
    let mut own_record = ExceptionRecord::new(exception::STATUS_UNWIND, start.rip);
    let record = record.non_null().unwrap_or(Ptr::of(&raw mut own_record));
    let mut flags = record.get().flags | exception::EXCEPTION_UNWINDING;
    if target.frame == 0 {
        flags |= exception::EXCEPTION_EXIT_UNWIND;
    }
    let mut work = *start;
    let mut before = *start;
    let mut scope = None;
    loop {
        before.clone_from(&work);
        let pc = work.rip;
        if pc as usize == abi::call::guest_call_return()
            && let Entry::Handler(at) = entry_beneath(&work)
        {
            // SAFETY: an Entry::Handler names a live HandlerFrame further up this stack.
            let frame = unsafe { &*(at as *const HandlerFrame) };
            if frame.unwinding != 0 {
                // This unwind has met another one, which it replaces: go on at the frame that one was at.
                // SAFETY: the dispatcher context is in the frame of that other unwind, as the handler frame is.
                let other = unsafe { *frame.dispatcher };
                work = other.context.get();
                scope = Some(other.scope_index);
                continue;
            }
        }
        let found = tables::lookup(pc).filter(|_| pc as usize != abi::call::guest_call_return());
        let Some(step) = walk(&mut work, UNW_FLAG_UHANDLER) else { exception::bad_stack(record, start) };
        if target.frame != 0 && step.establisher > target.frame {
            exception::raise_status_from(NTSTATUS(exception::STATUS_INVALID_UNWIND_TARGET), start, record.addr() as u64);
        }
        let at_target = step.establisher == target.frame;
        if let (Some((handler, data)), Some((function, base))) = (step.handler, found) {
            let dispatcher = DispatcherContext {
                control_pc: pc,
                image_base: base,
                function,
                establisher: step.establisher,
                target_ip: target.ip,
                context: Ptr::of(&raw mut before),
                handler,
                handler_data: data,
                history,
                scope_index: scope.unwrap_or(0),
                fill: 0,
            };
            let mut call_flags = flags;
            if at_target {
                call_flags |= exception::EXCEPTION_TARGET_UNWIND;
            }
            if scope.take().is_some() {
                call_flags |= exception::EXCEPTION_COLLIDED_UNWIND;
            }
            record.byte_add(4).cast::<u32>().set(call_flags);
            before.gpr[context::RAX] = target.value;
            let frame = HandlerFrame { caller: start, dispatcher: &raw const dispatcher, unwinding: 1 };
            let disposition =
                call_handler(&frame, handler, record.addr() as u64, step.establisher, &raw mut before as u64, &raw const dispatcher as u64);
            record.byte_add(4).cast::<u32>().set(flags);
            if disposition != CONTINUE_SEARCH {
                exception::raise_status_from(NTSTATUS(exception::STATUS_INVALID_DISPOSITION), start, record.addr() as u64);
            }
        }
        scope = None;
        if at_target {
            break;
        }
    }
    before.gpr[context::RAX] = target.value;
    if record.get().code != exception::STATUS_UNWIND_CONSOLIDATE {
        before.rip = target.ip;
    }
    restore(&mut before, record)
}

/// RtlRestoreContext: goes on with a context, or in a special way that the record asks for.
pub fn restore(target: &mut Context, record: Ptr<ExceptionRecord>) -> ! {
    if let Some(record) = record.non_null() {
        let (code, count) = (record.get().code, record.get().count);
        if code == exception::STATUS_LONGJUMP && count >= 1 {
            let jump: JumpBuffer = Ptr::new(record.get().info[0] as usize).get();
            jump.apply(target);
        } else if code == exception::STATUS_UNWIND_CONSOLIDATE && count >= 1 {
            // The callback runs on top of everything that was unwound; a walk from it goes on at the target.
            let callback = GuestFn(record.get().info[0] as usize);
            teb::set_u64::<{ teb::GUEST_RSP }>(&raw const *target as u64 | MARK_CONTEXT);
            target.rip = callback.call(&[record.addr() as u64]);
        }
    }
    context::resume(target, &[])
}

/// _JUMP_BUFFER of x86-64 (setjmp.h).
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct JumpBuffer {
    pub frame: u64,
    pub rbx: u64,
    pub rsp: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r12_to_r15: [u64; 4],
    pub rip: u64,
    pub mxcsr: u32,
    pub x87: u16,
    pub spare: u16,
    pub xmm: [u128; 10],
}

impl JumpBuffer {
    pub fn apply(&self, context: &mut Context) {
        context.gpr[context::RBX] = self.rbx;
        context.gpr[RSP] = self.rsp;
        context.gpr[RBP] = self.rbp;
        context.gpr[context::RSI] = self.rsi;
        context.gpr[context::RDI] = self.rdi;
        context.gpr[12..16].copy_from_slice(&self.r12_to_r15);
        context.rip = self.rip;
        context.mxcsr = self.mxcsr;
        context.fx[0..2].copy_from_slice(&self.x87.to_le_bytes());
        for (number, value) in self.xmm.iter().enumerate() {
            context.set_xmm(number + 6, *value);
        }
    }
}

extern "win64" fn unwind_ex(start: &mut Context) -> u64 {
    let target = Target { frame: argument(start, 0), ip: argument(start, 1), value: argument(start, 3) };
    let record = Ptr::new(argument(start, 2) as usize);
    unwind(start, target, record, Ptr::new(argument(start, 5) as usize))
}
context_entry!(rtl_unwind_ex => unwind_ex);
export_asm!(rtl_unwind_ex => ntdll + kernel32 + kernelbase, full, name = "RtlUnwindEx");

extern "win64" fn unwind_old(start: &mut Context) -> u64 {
    let target = Target { frame: argument(start, 0), ip: argument(start, 1), value: argument(start, 3) };
    unwind(start, target, Ptr::new(argument(start, 2) as usize), Ptr::NULL)
}
context_entry!(rtl_unwind => unwind_old);
export_asm!(rtl_unwind => ntdll + kernel32 + kernelbase, full, name = "RtlUnwind");

extern "win64" fn restore_context(start: &mut Context) -> u64 {
    let (at, record) = (argument(start, 0) as usize, Ptr::<ExceptionRecord>::new(argument(start, 1) as usize));
    if !record.is_null() {
        let mut target: Context = Ptr::new(at).get();
        restore(&mut target, record);
    }
    context::continue_at(Ptr::new(at)).0.into()
}
context_entry!(rtl_restore_context => restore_context);
export_asm!(rtl_restore_context => ntdll + kernel32 + kernelbase, full, name = "RtlRestoreContext");

/// Steps from a function to its caller.
/// <https://learn.microsoft.com/windows/win32/api/winnt/nf-winnt-rtlvirtualunwind>
#[export(ntdll + kernel32 + kernelbase, full)]
fn RtlVirtualUnwind(
    kind: u32,
    image_base: u64,
    pc: u64,
    function: Ptr<RuntimeFunction>,
    at: Ptr<Context>,
    handler_data: Ptr<u64>,
    establisher: Ptr<u64>,
    pointers: Ptr<ContextPointers>,
) -> u64 {
    let own = function.addr() == &raw const OWN as usize;
    // SAFETY: the guest's context and pointer block, which it owns during the call; a bad address faults as its own.
    let (work, pointers) = unsafe { (&mut *at.as_mut_ptr(), pointers.as_mut_ptr().as_mut()) };
    let result = if own {
        let frame = work.rsp();
        entry_beneath(work).caller(work).map(|()| Step { establisher: frame, handler: None })
    } else if function.is_null() {
        let rsp = work.rsp() as usize;
        context::pop_return(work, rsp).map(|()| Step { establisher: rsp as u64, handler: None })
    } else {
        let entry = function.get();
        step::step(kind as u8 & 3, image_base, pc, entry, work, pointers).ok()
    };
    let Some(step) = result else {
        // The end of the stack, as walkers know it.
        work.rip = 0;
        return 0;
    };
    establisher.set(step.establisher);
    match step.handler {
        Some((handler, data)) => {
            if !handler_data.is_null() {
                handler_data.set(data.addr() as u64);
            }
            handler
        }
        None => 0,
    }
}

/// RtlVirtualUnwind that reports problems as a status, and the handler by pointer.
#[export(ntdll, partial("ignores the stack limits and the flags"))]
fn RtlVirtualUnwind2(
    kind: u32,
    image_base: u64,
    pc: u64,
    function: Ptr<RuntimeFunction>,
    at: Ptr<Context>,
    _machine_frame: Ptr<u8>,
    handler_data: Ptr<u64>,
    establisher: Ptr<u64>,
    pointers: Ptr<ContextPointers>,
    _low: Ptr<u64>,
    _high: Ptr<u64>,
    routine: Ptr<u64>,
) -> NTSTATUS {
    let handler = RtlVirtualUnwind(kind, image_base, pc, function, at, handler_data, establisher, pointers);
    if !routine.is_null() {
        routine.set(handler);
    }
    if at.get().rip == 0 { NTSTATUS(exception::STATUS_BAD_STACK) } else { NTSTATUS::SUCCESS }
}

/// The return addresses of a walk that starts at `context`, without the first `skip`.
pub fn backtrace(context: &mut Context, skip: usize, into: &mut dyn FnMut(u64) -> bool) {
    let mut seen = 0;
    let mut last = 0;
    // A first address of 0 is a call through a null pointer: its caller is of interest.
    while (context.rip != 0 || seen == 0) && seen < 10_000 {
        if !is_own(context.rip) {
            if seen >= skip && !into(context.rip) {
                return;
            }
            seen += 1;
        }
        if context.rsp() <= last && last != 0 {
            return;
        }
        last = context.rsp();
        if walk(context, 0).is_none() {
            return;
        }
    }
}

extern "win64" fn capture_back_trace(start: &mut Context) -> u64 {
    let (skip, count) = (argument(start, 0) as u32 as usize, argument(start, 1) as u32 as usize);
    let (frames, hash) = (Ptr::<u64>::new(argument(start, 2) as usize), Ptr::<u32>::new(argument(start, 3) as usize));
    let (mut taken, mut sum) = (0usize, 0u32);
    let mut work = *start;
    backtrace(&mut work, skip, &mut |pc| {
        if taken == count {
            return false;
        }
        frames.add(taken).set(pc);
        sum = sum.wrapping_add(pc as u32);
        taken += 1;
        true
    });
    if !hash.is_null() {
        hash.set(sum);
    }
    taken as u64
}
context_entry!(rtl_capture_stack_back_trace => capture_back_trace);
export_asm!(rtl_capture_stack_back_trace => ntdll + kernel32 + kernelbase, full, name = "RtlCaptureStackBackTrace");

extern "win64" fn walk_frame_chain(start: &mut Context) -> u64 {
    let (callers, count) = (Ptr::<u64>::new(argument(start, 0) as usize), argument(start, 1) as u32 as usize);
    // Bits 8 and up of the flags: frames to skip.
    let skip = (argument(start, 2) as u32 >> 8) as usize;
    let mut taken = 0usize;
    let mut work = *start;
    backtrace(&mut work, skip, &mut |pc| {
        if taken == count {
            return false;
        }
        callers.add(taken).set(pc);
        taken += 1;
        true
    });
    taken as u64
}
context_entry!(rtl_walk_frame_chain => walk_frame_chain);
export_asm!(rtl_walk_frame_chain => ntdll, full, name = "RtlWalkFrameChain");

/// Makes an unwind history table empty. It is an optimisation that this implementation doesn't need.
#[export(ntdll, full)]
fn RtlInitializeExtendedUnwindHistoryTable(table: Ptr<u32>) {
    table.set(0);
}

/// The handler frame that lies beneath a context at our own call into the guest, if a handler was called.
pub(crate) fn handler_beneath(context: &Context) -> Option<*const HandlerFrame> {
    match entry_beneath(context) {
        Entry::Handler(at) => Some(at as *const HandlerFrame),
        _ => None,
    }
}
