//! Unsafe edge: exceptions. From a host signal or a call of RaiseException to vectored handlers, frame handlers, the
//! filter of unhandled exceptions, and the end of the process.
#![allow(unsafe_code)]

pub mod c_handler;
pub mod report;
pub mod suspend;
pub mod trap;
pub mod vectored;

use crate::context::{self, Context, Entry, argument};
use crate::context_entry;
use crate::unwind::step::UNW_FLAG_EHANDLER;
use crate::unwind::{self, DispatcherContext, HandlerFrame, tables};
use abi::{GuestFn, NTSTATUS, Ptr, export, export_asm};
use std::sync::atomic::{AtomicUsize, Ordering};

pub use trap::{FaultAction, add_fault_hook, install};

/// EXCEPTION_RECORD (winnt.h).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ExceptionRecord {
    pub code: u32,
    pub flags: u32,
    pub record: u64,
    pub address: u64,
    pub count: u32,
    pub fill: u32,
    pub info: [u64; 15],
}

impl ExceptionRecord {
    pub const fn new(code: u32, address: u64) -> ExceptionRecord {
        ExceptionRecord { code, flags: 0, record: 0, address, count: 0, fill: 0, info: [0; 15] }
    }

    pub fn with(mut self, info: &[u64]) -> ExceptionRecord {
        let count = info.len().min(15);
        self.count = count as u32;
        self.info[..count].copy_from_slice(&info[..count]);
        self
    }
}

/// EXCEPTION_POINTERS.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ExceptionPointers {
    pub record: Ptr<ExceptionRecord>,
    pub context: Ptr<Context>,
}

pub const EXCEPTION_NONCONTINUABLE: u32 = 1;
pub const EXCEPTION_UNWINDING: u32 = 2;
pub const EXCEPTION_EXIT_UNWIND: u32 = 4;
pub const EXCEPTION_STACK_INVALID: u32 = 8;
pub const EXCEPTION_NESTED_CALL: u32 = 0x10;
pub const EXCEPTION_TARGET_UNWIND: u32 = 0x20;
pub const EXCEPTION_COLLIDED_UNWIND: u32 = 0x40;
pub const EXCEPTION_SOFTWARE_ORIGINATE: u32 = 0x80;

pub const STATUS_GUARD_PAGE_VIOLATION: u32 = 0x8000_0001;
pub const STATUS_DATATYPE_MISALIGNMENT: u32 = 0x8000_0002;
pub const STATUS_BREAKPOINT: u32 = 0x8000_0003;
pub const STATUS_SINGLE_STEP: u32 = 0x8000_0004;
pub const STATUS_LONGJUMP: u32 = 0x8000_0026;
pub const STATUS_UNWIND_CONSOLIDATE: u32 = 0x8000_0029;
pub const STATUS_ACCESS_VIOLATION: u32 = 0xc000_0005;
pub const STATUS_IN_PAGE_ERROR: u32 = 0xc000_0006;
pub const STATUS_ILLEGAL_INSTRUCTION: u32 = 0xc000_001d;
pub const STATUS_NONCONTINUABLE_EXCEPTION: u32 = 0xc000_0025;
pub const STATUS_INVALID_DISPOSITION: u32 = 0xc000_0026;
pub const STATUS_UNWIND: u32 = 0xc000_0027;
pub const STATUS_BAD_STACK: u32 = 0xc000_0028;
pub const STATUS_INVALID_UNWIND_TARGET: u32 = 0xc000_0029;
pub const STATUS_PRIVILEGED_INSTRUCTION: u32 = 0xc000_0096;
pub const STATUS_STACK_OVERFLOW: u32 = 0xc000_00fd;
pub const STATUS_STACK_BUFFER_OVERRUN: u32 = 0xc000_0409;
pub const STATUS_ASSERTION_FAILURE: u32 = 0xc000_0420;
pub const STATUS_FAIL_FAST_EXCEPTION: u32 = 0xc000_0602;

/// What the filter of a vectored handler or of unhandled exceptions says (excpt.h).
pub const EXCEPTION_CONTINUE_EXECUTION: i32 = -1;
pub const EXCEPTION_CONTINUE_SEARCH: i32 = 0;
pub const EXCEPTION_EXECUTE_HANDLER: i32 = 1;

/// Dispatches an exception whose record and context lie on the guest stack. Frames are small up to the call of
/// the vectored handlers: a goroutine has about 4 KiB for all of this.
pub extern "win64" fn dispatch(record: Ptr<ExceptionRecord>, at: Ptr<Context>) -> ! {
    let go_on = vectored::call(vectored::List::Exception, record, at) || frames(record, at);
    if !go_on {
        unhandled(record, at);
    }
    vectored::call(vectored::List::Continue, record, at);
    context::continue_at(at);
    // The context cannot be read any more.
    report::fatal(record, at)
}

/// The search for a frame handler. True: go on with the context. A handler that takes the exception doesn't return.
#[inline(never)]
fn frames(record: Ptr<ExceptionRecord>, at: Ptr<Context>) -> bool {
    let start = at.as_mut_ptr().cast_const();
    let mut work = at.get();
    let mut scope = None;
    let flags = record.byte_add(4).cast::<u32>();
    let mut last = 0;
    let mut nested = 0;
    loop {
        let pc = work.rip;
        // At first, 0 is a call through a null pointer, later the end of the stack.
        if pc == 0 && last != 0 || work.rsp() < last {
            return false;
        }
        last = work.rsp();
        let own = pc as usize == abi::call::guest_call_return();
        if own && let Some(frame) = unwind::handler_beneath(&work) {
            // SAFETY: it lies in a live frame further up this stack.
            let frame = unsafe { &*frame };
            // SAFETY: as above.
            let other = unsafe { *frame.dispatcher };
            if frame.unwinding != 0 {
                // An exception in a termination handler: the frames that the unwind has passed are gone.
                work = other.context.get();
                scope = Some(other.scope_index);
                continue;
            }
            flags.set(flags.get() | EXCEPTION_NESTED_CALL);
            nested = nested.max(other.establisher);
        }
        let found = if own { None } else { tables::lookup(pc) };
        let Some(step) = unwind::walk(&mut work, UNW_FLAG_EHANDLER) else { return false };
        if nested != 0 && step.establisher > nested {
            flags.set(flags.get() & !EXCEPTION_NESTED_CALL);
            nested = 0;
        }
        if let (Some((handler, data)), Some((function, base))) = (step.handler, found) {
            let mut dispatcher = DispatcherContext {
                control_pc: pc,
                image_base: base,
                function,
                establisher: step.establisher,
                target_ip: 0,
                context: Ptr::of(&raw mut work),
                handler,
                handler_data: data,
                history: Ptr::NULL,
                scope_index: scope.take().unwrap_or(0),
                fill: 0,
            };
            let frame = HandlerFrame { caller: start, dispatcher: &raw const dispatcher, unwinding: 0 };
            let disposition =
                unwind::call_handler(&frame, handler, record.addr() as u64, step.establisher, at.addr() as u64, &raw mut dispatcher as u64);
            match disposition {
                unwind::CONTINUE_EXECUTION => {
                    if flags.get() & EXCEPTION_NONCONTINUABLE != 0 {
                        // SAFETY: the guest's context, readable as it was read above.
                        raise_status_from(NTSTATUS(STATUS_NONCONTINUABLE_EXCEPTION), unsafe { &*start }, record.addr() as u64);
                    }
                    return true;
                }
                unwind::CONTINUE_SEARCH => {}
                unwind::NESTED_EXCEPTION => {
                    flags.set(flags.get() | EXCEPTION_NESTED_CALL);
                    nested = nested.max(dispatcher.establisher);
                }
                // SAFETY: as above.
                _ => raise_status_from(NTSTATUS(STATUS_INVALID_DISPOSITION), unsafe { &*start }, record.addr() as u64),
            }
        }
        scope = None;
    }
}

/// What SetUnhandledExceptionFilter registered; 0 is none.
static UNHANDLED_FILTER: AtomicUsize = AtomicUsize::new(0);

/// Replaces the filter of unhandled exceptions and returns the one before.
pub fn set_unhandled_filter(filter: GuestFn) -> GuestFn {
    GuestFn(UNHANDLED_FILTER.swap(filter.0, Ordering::AcqRel))
}

/// What the program's filter of unhandled exceptions says.
pub fn unhandled_filter(pointers: &ExceptionPointers) -> i32 {
    let filter = GuestFn(UNHANDLED_FILTER.load(Ordering::Acquire));
    if filter.is_null() {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    filter.call(&[&raw const *pointers as u64]) as i32
}

#[inline(never)]
fn unhandled(record: Ptr<ExceptionRecord>, at: Ptr<Context>) {
    let pointers = ExceptionPointers { record, context: at };
    match unhandled_filter(&pointers) {
        EXCEPTION_CONTINUE_EXECUTION if record.get().flags & EXCEPTION_NONCONTINUABLE == 0 => {}
        EXCEPTION_EXECUTE_HANDLER => report::terminate(record.get().code),
        _ => report::fatal(record, at),
    }
}

/// Raises an exception with the context `start`, from within our code.
pub fn raise_from(record: &mut ExceptionRecord, start: &Context) -> ! {
    let mut copy = *start;
    copy.flags |= 0x10_000f;
    dispatch(Ptr::of(&raw mut *record), Ptr::of(&raw mut copy))
}

/// Raises a non-continuable status, caused by the exception `cause` (or 0).
pub fn raise_status_from(status: NTSTATUS, start: &Context, cause: u64) -> ! {
    let mut record = ExceptionRecord::new(status.0, start.rip);
    record.flags = EXCEPTION_NONCONTINUABLE;
    record.record = cause;
    raise_from(&mut record, start)
}

/// An unwind has left the stack without meeting its target.
pub fn bad_stack(record: Ptr<ExceptionRecord>, start: &Context) -> ! {
    let mut copy = *start;
    report::fatal(record, Ptr::of(&raw mut copy))
}

/// Raises an exception as if the export that the guest is in had done so at once: the context is the guest's
/// at the call. For Rust code of exports; it owns nothing that needs dropping.
pub fn raise(code: u32, flags: u32, info: &[u64]) -> ! {
    let mut record = ExceptionRecord::new(code, 0).with(info);
    record.flags = flags;
    trap::raise_here(&record)
}

extern "win64" fn rtl_raise(start: &mut Context) -> u64 {
    let record = Ptr::<ExceptionRecord>::new(argument(start, 0) as usize);
    record.byte_add(16).cast::<u64>().set(start.rip);
    dispatch(record, Ptr::of(&raw mut *start))
}
context_entry!(rtl_raise_exception => rtl_raise);
export_asm!(rtl_raise_exception => ntdll, full, name = "RtlRaiseException");

extern "win64" fn rtl_raise_code(start: &mut Context) -> u64 {
    let status = NTSTATUS(argument(start, 0) as u32);
    raise_status_from(status, start, 0)
}
context_entry!(rtl_raise_status => rtl_raise_code);
export_asm!(rtl_raise_status => ntdll, full, name = "RtlRaiseStatus");

/// RaiseException: code, flags, count, arguments.
pub extern "win64" fn raise_exception(start: &mut Context) -> u64 {
    let mut record = ExceptionRecord::new(argument(start, 0) as u32, start.rip);
    record.flags = argument(start, 1) as u32 & EXCEPTION_NONCONTINUABLE;
    let (count, arguments) = ((argument(start, 2) as u32).min(15), Ptr::<u64>::new(argument(start, 3) as usize));
    if !arguments.is_null() {
        record.count = count;
        for index in 0..count as usize {
            record.info[index] = arguments.add(index).get();
        }
    }
    dispatch(Ptr::of(&raw mut record), Ptr::of(&raw mut *start))
}

extern "win64" fn nt_raise(start: &mut Context) -> u64 {
    let (record, at) = (Ptr::<ExceptionRecord>::new(argument(start, 0) as usize), Ptr::<Context>::new(argument(start, 1) as usize));
    if record.read().is_err() || at.read().is_err() {
        return STATUS_ACCESS_VIOLATION.into();
    }
    if argument(start, 2) as u8 == 0 {
        report::fatal(record, at);
    }
    dispatch(record, at)
}
context_entry!(nt_raise_exception => nt_raise);
export_asm!(nt_raise_exception => ntdll, full, name = "NtRaiseException");
export_asm!(nt_raise_exception => ntdll, full, name = "ZwRaiseException");

/// Goes on in the guest with the given context.
#[export(ntdll, partial("does not deliver APCs for TestAlert"))]
fn NtContinue(at: Ptr<Context>, _test_alert: bool) -> NTSTATUS {
    context::continue_at(at)
}

/// The same as NtContinue.
#[export(ntdll, partial("does not deliver APCs for TestAlert"))]
fn ZwContinue(at: Ptr<Context>, _test_alert: bool) -> NTSTATUS {
    context::continue_at(at)
}

/// RaiseFailFastException: ends the process without any handler.
pub extern "win64" fn fail_fast(start: &mut Context) -> u64 {
    let mut own = ExceptionRecord::new(STATUS_FAIL_FAST_EXCEPTION, start.rip);
    own.flags = EXCEPTION_NONCONTINUABLE;
    let record = Ptr::<ExceptionRecord>::new(argument(start, 0) as usize).non_null().unwrap_or(Ptr::of(&raw mut own));
    let given = Ptr::<Context>::new(argument(start, 1) as usize).non_null().unwrap_or(Ptr::of(&raw mut *start));
    // FAIL_FAST_GENERATE_EXCEPTION_ADDRESS
    if argument(start, 2) & 1 != 0 {
        record.byte_add(16).cast::<u64>().set(start.rip);
    }
    report::fatal(record, given)
}

/// The context of the guest code that called the export which runs now, as well as it is known.
pub fn caller_context() -> Context {
    let mut context = Context::zeroed();
    context.flags = 0x10_000b;
    let _ = Entry::current().caller(&mut context);
    context
}
