//! Vectored exception and continue handlers.
//! <https://learn.microsoft.com/windows/win32/debug/vectored-exception-handling>

use super::{EXCEPTION_CONTINUE_EXECUTION, ExceptionPointers, ExceptionRecord};
use crate::context::Context;
use abi::{GuestFn, Ptr, export};
use parking_lot::RwLock;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum List {
    Exception,
    Continue,
}

struct Handlers {
    /// The next handle; a handle is a multiple of 16 and never used twice.
    next: u64,
    exception: Vec<(u64, GuestFn)>,
    on_continue: Vec<(u64, GuestFn)>,
}

static HANDLERS: RwLock<Handlers> = RwLock::new(Handlers { next: 0x10_0000, exception: Vec::new(), on_continue: Vec::new() });

impl Handlers {
    fn list(&mut self, list: List) -> &mut Vec<(u64, GuestFn)> {
        match list {
            List::Exception => &mut self.exception,
            List::Continue => &mut self.on_continue,
        }
    }
}

/// The handler after the one with handle `after` (0: the first).
///
/// Looked up anew each time, since a handler may add and remove handlers, and may never return.
fn next(list: List, after: u64) -> Option<(u64, GuestFn)> {
    let handlers = HANDLERS.read();
    let entries = match list {
        List::Exception => &handlers.exception,
        List::Continue => &handlers.on_continue,
    };
    let start = if after == 0 { 0 } else { entries.iter().position(|&(id, _)| id == after)? + 1 };
    entries.get(start).copied()
}

/// Calls the handlers in order. True: one of them said that execution goes on.
#[inline(never)]
pub fn call(list: List, record: Ptr<ExceptionRecord>, context: Ptr<Context>) -> bool {
    let pointers = ExceptionPointers { record, context };
    let mut after = 0;
    while let Some((id, handler)) = next(list, after) {
        if handler.call(&[&raw const pointers as u64]) as i32 == EXCEPTION_CONTINUE_EXECUTION {
            return true;
        }
        after = id;
    }
    false
}

fn add(list: List, first: u32, handler: GuestFn) -> u64 {
    let mut handlers = HANDLERS.write();
    handlers.next += 16;
    let id = handlers.next;
    let entries = handlers.list(list);
    let position = if first != 0 { 0 } else { entries.len() };
    entries.insert(position, (id, handler));
    id
}

fn remove(list: List, id: u64) -> u32 {
    let mut handlers = HANDLERS.write();
    let entries = handlers.list(list);
    match entries.iter().position(|&(entry, _)| entry == id) {
        Some(position) => {
            entries.remove(position);
            1
        }
        None => 0,
    }
}

/// Registers a vectored exception handler, as the first or the last.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-addvectoredexceptionhandler>
#[export(ntdll, full)]
pub fn RtlAddVectoredExceptionHandler(first: u32, handler: GuestFn) -> u64 {
    add(List::Exception, first, handler)
}

/// Removes a vectored exception handler; 0 if there is none with that handle.
#[export(ntdll, full)]
pub fn RtlRemoveVectoredExceptionHandler(handle: u64) -> u32 {
    remove(List::Exception, handle)
}

/// Registers a handler that is called before execution goes on after an exception.
/// <https://learn.microsoft.com/windows/win32/api/errhandlingapi/nf-errhandlingapi-addvectoredcontinuehandler>
#[export(ntdll, full)]
pub fn RtlAddVectoredContinueHandler(first: u32, handler: GuestFn) -> u64 {
    add(List::Continue, first, handler)
}

/// Removes a vectored continue handler; 0 if there is none with that handle.
#[export(ntdll, full)]
pub fn RtlRemoveVectoredContinueHandler(handle: u64) -> u32 {
    remove(List::Continue, handle)
}
