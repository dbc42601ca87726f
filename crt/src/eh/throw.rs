//! Unsafe edge (naked entries): throwing, and what is known of the exceptions in flight.
#![allow(unsafe_code)]

use abi::{GuestFn, Ptr, export, export_asm};
use ntdll::context::{Context, argument};
use ntdll::context_entry;
use ntdll::exception::{self, ExceptionPointers, ExceptionRecord};
use std::cell::{Cell, RefCell};

/// The exception code of C++ exceptions: 'msc' with 0xE0 before it.
pub const CODE: u32 = 0xe06d_7363;
const MAGIC: u64 = 0x1993_0520;
/// Of C++/CX and later throw sites.
const MAGIC_PURE: u64 = 0x0199_4000;

/// Whether a record is one of a C++ exception.
pub fn is_cpp(record: &ExceptionRecord) -> bool {
    record.code == CODE && record.count >= 4 && ((MAGIC..=MAGIC + 2).contains(&record.info[0]) || record.info[0] == MAGIC_PURE)
}

/// A catch block that runs.
#[derive(Clone, Copy)]
pub struct Active {
    /// The frame that has the try block.
    pub frame: u64,
    pub try_index: usize,
    /// The frame's state as far as it is unwound.
    pub state: i32,
    pub record: ExceptionRecord,
    /// Where the record lies on the stack while the catch block runs.
    pub at: u64,
}

thread_local! {
    pub static ACTIVE: RefCell<Vec<Active>> = const { RefCell::new(Vec::new()) };
    /// Exceptions that were thrown and not yet caught.
    pub static UNCAUGHT: Cell<i32> = const { Cell::new(0) };
    static CURRENT: Cell<u64> = const { Cell::new(0) };
    static CURRENT_CONTEXT: Cell<u64> = const { Cell::new(0) };
    static TRANSLATOR: Cell<GuestFn> = const { Cell::new(GuestFn::NULL) };
    static TERMINATE: Cell<GuestFn> = const { Cell::new(GuestFn::NULL) };
    static UNEXPECTED: Cell<GuestFn> = const { Cell::new(GuestFn::NULL) };
    /// The three words that `__current_exception` and its like hand out addresses of.
    static WORDS: [Cell<u64>; 3] = const { [const { Cell::new(0) }; 3] };
}

extern "win64" fn throw(start: &mut Context) -> u64 {
    let (object, info) = (argument(start, 0), argument(start, 1));
    let base = ntdll::unwind::tables::image_of(info as usize).map_or(0, |(base, _)| base as u64);
    let mut record = ExceptionRecord::new(CODE, start.rip).with(&[MAGIC, object, info, base]);
    if info == 0 {
        // `throw;` throws what is being handled.
        match ACTIVE.with_borrow(|active| active.last().map(|a| a.record)) {
            Some(handled) => record.info = handled.info,
            None => do_terminate(),
        }
    }
    record.flags = exception::EXCEPTION_NONCONTINUABLE;
    UNCAUGHT.set(UNCAUGHT.get() + 1);
    exception::raise_from(&mut record, start)
}
context_entry!(cxx_throw_exception => throw);
export_asm!(cxx_throw_exception => vcruntime140 + msvcrt + ucrtbase, full, name = "_CxxThrowException");

/// Calls the terminate handler of this thread; without one, or if it returns, the process is aborted.
pub fn do_terminate() -> ! {
    let handler = TERMINATE.get();
    if !handler.is_null() {
        handler.call(&[]);
    }
    exception::report::terminate(exception::STATUS_STACK_BUFFER_OVERRUN)
}

/// The destructor of an exception's object.
pub fn destroy(record: &ExceptionRecord) {
    let (object, info, base) = (record.info[1], record.info[2], record.info[3]);
    if !is_cpp(record) || object == 0 || info == 0 {
        return;
    }
    let destructor = Ptr::<u32>::new(info as usize + 4).get();
    if destructor != 0 {
        GuestFn((base + u64::from(destructor)) as usize).call(&[object]);
    }
}

/// Destroys the object of an exception record. `__DestructExceptionObject`
#[export(vcruntime140 + msvcrt, full, calls_guest)]
fn __DestructExceptionObject(record: Ptr<ExceptionRecord>, _may_throw: u32) {
    if !record.is_null() {
        let copy = record.get();
        destroy(&copy);
    }
}

fn publish() -> (u64, u64) {
    let last = ACTIVE.with_borrow(|active| active.last().map(|a| a.at)).unwrap_or(0);
    (last, CURRENT_CONTEXT.get())
}

/// Remembers which exception is looked at: for filters and `__current_exception`.
pub fn set_current(record: u64, context: u64) {
    CURRENT.set(record);
    CURRENT_CONTEXT.set(context);
    WORDS.with(|words| {
        words[0].set(record);
        words[1].set(context);
    });
}

/// Address of this thread's pointer to the record of the exception that is handled.
#[export(vcruntime140 + ucrtbase, full)]
fn __current_exception() -> Ptr<u8> {
    let (record, _) = publish();
    WORDS.with(|words| {
        if record != 0 {
            words[0].set(record);
        }
        Ptr::of(words[0].as_ptr().cast())
    })
}

/// Address of this thread's pointer to the context of the exception that is handled.
#[export(vcruntime140 + ucrtbase, full)]
fn __current_exception_context() -> Ptr<u8> {
    WORDS.with(|words| Ptr::of(words[1].as_ptr().cast()))
}

/// Address of this thread's count of uncaught exceptions.
#[export(vcruntime140 + msvcrt + ucrtbase, full)]
fn __processing_throw() -> Ptr<i32> {
    UNCAUGHT.with(|count| Ptr::of(count.as_ptr()))
}

/// Whether an exception is thrown and not yet caught.
#[export(vcruntime140 + ucrtbase, full)]
fn __uncaught_exception() -> bool {
    UNCAUGHT.get() > 0
}

/// The number of exceptions that are thrown and not yet caught.
#[export(vcruntime140 + ucrtbase, full)]
fn __uncaught_exceptions() -> i32 {
    UNCAUGHT.get()
}

/// std::uncaught_exception of msvcrt.
#[export(msvcrt, full, name = "?uncaught_exception@@YA_NXZ")]
fn uncaught_exception() -> bool {
    UNCAUGHT.get() > 0
}

/// Ends the program as `std::terminate` does.
#[export(vcruntime140 + ucrtbase, full, calls_guest)]
fn __std_terminate() {
    do_terminate()
}

/// Ends the program through the terminate handler.
#[export(ucrtbase, full, calls_guest)]
fn terminate() {
    do_terminate()
}

/// Ends the program through the terminate handler.
#[export(msvcrt, full, calls_guest, name = "?terminate@@YAXXZ")]
fn terminate_msvcrt() {
    do_terminate()
}

/// Sets this thread's terminate handler; returns the one before.
#[export(ucrtbase + vcruntime140, full)]
fn set_terminate(handler: GuestFn) -> GuestFn {
    TERMINATE.replace(handler)
}

/// This thread's terminate handler.
#[export(ucrtbase + vcruntime140, full)]
fn _get_terminate() -> GuestFn {
    TERMINATE.get()
}

/// Sets this thread's terminate handler; returns the one before.
#[export(msvcrt, full, name = "?set_terminate@@YAP6AXXZP6AXXZ@Z")]
fn set_terminate_msvcrt(handler: GuestFn) -> GuestFn {
    TERMINATE.replace(handler)
}

/// Sets this thread's unexpected handler; returns the one before.
#[export(ucrtbase + vcruntime140, full)]
fn set_unexpected(handler: GuestFn) -> GuestFn {
    UNEXPECTED.replace(handler)
}

/// Sets this thread's unexpected handler; returns the one before.
#[export(msvcrt, full, name = "?set_unexpected@@YAP6AXXZP6AXXZ@Z")]
fn set_unexpected_msvcrt(handler: GuestFn) -> GuestFn {
    UNEXPECTED.replace(handler)
}

/// Calls the unexpected handler, then terminates.
#[export(msvcrt, full, calls_guest, name = "?unexpected@@YAXXZ")]
fn unexpected_msvcrt() {
    let handler = UNEXPECTED.get();
    if !handler.is_null() {
        handler.call(&[]);
    }
    do_terminate()
}

/// Sets this thread's translator of structured exceptions; returns the one before.
#[export(vcruntime140 + ucrtbase + msvcrt, full)]
fn _set_se_translator(translator: GuestFn) -> GuestFn {
    TRANSLATOR.replace(translator)
}

/// The same by its C++ name.
#[export(msvcrt, full, name = "?_set_se_translator@@YAP6AXIPEAU_EXCEPTION_POINTERS@@@ZP6AXI0@Z@Z")]
fn set_se_translator_msvcrt(translator: GuestFn) -> GuestFn {
    TRANSLATOR.replace(translator)
}

/// Lets the translator throw a C++ exception in place of a structured one.
pub fn translate(record: Ptr<ExceptionRecord>, context: Ptr<Context>) {
    let translator = TRANSLATOR.get();
    if !translator.is_null() {
        let pointers = ExceptionPointers { record, context };
        translator.call(&[record.get().code.into(), &raw const pointers as u64]);
    }
}

/// Whether the exception that is handled has a type of that name; 0 when it has not.
#[export(vcruntime140 + msvcrt, full)]
fn _is_exception_typeof(descriptor: u64, pointers: Ptr<ExceptionPointers>) -> i32 {
    let record = pointers.get().record.get();
    if !is_cpp(&record) || record.info[2] == 0 {
        return 0;
    }
    super::catch::catchable_types(&record).any(|t| super::catch::same_type(t.descriptor, descriptor)).into()
}

/// The record and context of the exception that is looked at. `__GetPlatformExceptionInfo`
#[export(vcruntime140, full)]
fn __GetPlatformExceptionInfo(out: Ptr<u32>) -> i32 {
    out.set(ACTIVE.with_borrow(|active| active.last().map_or(0, |a| a.record.code)));
    0
}

/// The filter around C++ unwinding: an exception of the unwind itself ends the program.
#[export(vcruntime140 + msvcrt, full, calls_guest)]
fn __FrameUnwindFilter(pointers: Ptr<ExceptionPointers>) -> i32 {
    if pointers.get().record.get().code == CODE {
        UNCAUGHT.set(0);
        do_terminate()
    }
    exception::EXCEPTION_CONTINUE_SEARCH
}

static PURECALL: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Called for a pure virtual function.
#[export(vcruntime140 + msvcrt + ucrtbase, full, calls_guest)]
fn _purecall() {
    let handler = GuestFn(PURECALL.load(std::sync::atomic::Ordering::Acquire));
    if !handler.is_null() {
        handler.call(&[]);
    }
    eprintln!("uosrun: a pure virtual function was called");
    exception::report::terminate(exception::STATUS_STACK_BUFFER_OVERRUN)
}

/// Sets the handler of calls to pure virtual functions; returns the one before.
#[export(vcruntime140 + msvcrt + ucrtbase, full)]
fn _set_purecall_handler(handler: GuestFn) -> GuestFn {
    GuestFn(PURECALL.swap(handler.0, std::sync::atomic::Ordering::AcqRel))
}

/// The handler of calls to pure virtual functions.
#[export(vcruntime140 + msvcrt + ucrtbase, full)]
fn _get_purecall_handler() -> GuestFn {
    GuestFn(PURECALL.load(std::sync::atomic::Ordering::Acquire))
}
