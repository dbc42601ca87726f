//! Unsafe edge (naked entries): the language handler of C's `__try`.
//! <https://learn.microsoft.com/cpp/build/exception-handling-x64#language-specific-handler>
#![allow(unsafe_code)]

use super::*;
use crate::unwind::{self, CONTINUE_EXECUTION, CONTINUE_SEARCH, Target};
use abi::export;

/// One `__try`: offsets from the image base. A jump target of 0 marks a `__finally`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Scope {
    begin: u32,
    end: u32,
    handler: u32,
    target: u32,
}

/// Filter value that stands for "always take it" in place of a filter function.
const ALWAYS: u32 = 1;

/// The handler of functions with `__try`: asks filters, unwinds to the one that takes the exception, and calls
/// termination handlers.
#[export(ntdll + kernel32 + msvcrt + vcruntime140 + ucrtbase, full, calls_guest)]
pub fn __C_specific_handler(record: Ptr<ExceptionRecord>, frame: u64, context: Ptr<Context>, dispatcher: Ptr<DispatcherContext>) -> u32 {
    let dispatch = dispatcher.get();
    let base = dispatch.image_base;
    let pc = dispatch.control_pc.wrapping_sub(base) as u32;
    let table = dispatch.handler_data;
    let count: u32 = table.cast().get();
    let scopes: Ptr<Scope> = table.byte_add(4).cast();
    let flags = record.get().flags;
    let mut index = dispatch.scope_index;
    if flags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND) == 0 {
        while index < count {
            let scope = scopes.add(index as usize).get();
            index += 1;
            if !(scope.begin..scope.end).contains(&pc) || scope.target == 0 {
                continue;
            }
            if scope.handler != ALWAYS {
                let pointers = ExceptionPointers { record, context };
                let answer = GuestFn((base + u64::from(scope.handler)) as usize).call(&[&raw const pointers as u64, frame]) as i32;
                if answer < 0 {
                    return CONTINUE_EXECUTION;
                }
                if answer == 0 {
                    continue;
                }
            }
            let start = caller_context();
            let target = Target { frame, ip: base + u64::from(scope.target), value: record.get().code.into() };
            unwind::unwind(&start, target, record, dispatch.history);
        }
        return CONTINUE_SEARCH;
    }
    let target_pc = dispatch.target_ip.wrapping_sub(base) as u32;
    while index < count {
        let scope = scopes.add(index as usize).get();
        index += 1;
        if !(scope.begin..scope.end).contains(&pc) {
            continue;
        }
        if flags & EXCEPTION_TARGET_UNWIND != 0 {
            // A target within this very __try (goto out of a nested one), or its own handler: here it ends.
            if (scope.begin..scope.end).contains(&target_pc) && scope.target == 0 && !in_any_handler(scopes, count, target_pc, index) {
                break;
            }
            if scope.target != 0 && scope.target == target_pc {
                break;
            }
        }
        if scope.target == 0 {
            // Set before the call: an unwind that collides with this one goes on after it.
            dispatcher.byte_add(std::mem::offset_of!(DispatcherContext, scope_index)).cast::<u32>().set(index);
            GuestFn((base + u64::from(scope.handler)) as usize).call(&[1, frame]);
        }
    }
    CONTINUE_SEARCH
}

/// Whether the target of an unwind is the handler of a scope further out.
fn in_any_handler(scopes: Ptr<Scope>, count: u32, target: u32, from: u32) -> bool {
    (from..count).any(|index| scopes.add(index as usize).get().target == target)
}

extern "win64" fn local_unwind(start: &mut Context) -> u64 {
    let target = Target { frame: argument(start, 0), ip: argument(start, 1), value: 0 };
    unwind::unwind(start, target, Ptr::NULL, Ptr::NULL)
}
context_entry!(local_unwind_entry => local_unwind);
export_asm!(local_unwind_entry => ntdll + msvcrt + vcruntime140, full, name = "_local_unwind");
