//! Unsafe edge (an entry that the unwinder calls): the frame handlers of C++ functions.
//!
//! A search visits frames from the throw outward. A frame is a function's or that of one of its catch blocks, which are
//! functions of their own; each frame answers for the try blocks that lie directly in it. The frame that
//! takes an exception is unwound to, and the catch block then runs on top of everything that was unwound (the
//! exception's object lives there), as the callback of a consolidating unwind.
#![allow(unsafe_code)]

use super::tables::{self, Action, Function, Handler};
use super::throw::{self, ACTIVE, Active, UNCAUGHT};
use abi::{GuestFn, Ptr, export};
use ntdll::context::Context;
use ntdll::exception::{self, ExceptionRecord};
use ntdll::unwind::{self, CONTINUE_SEARCH, DispatcherContext, Target};

const IS_CONST: u32 = 1;
const IS_VOLATILE: u32 = 2;
const IS_UNALIGNED: u32 = 4;
const IS_REFERENCE: u32 = 8;

const BY_REFERENCE_ONLY: u32 = 2;
const SIMPLE_TYPE: u32 = 1;
const HAS_VIRTUAL_BASE: u32 = 4;

/// A type that a handler may name to catch the object: itself and its bases.
#[derive(Clone, Copy, Debug)]
pub struct Catchable {
    pub properties: u32,
    pub descriptor: u64,
    /// Member displacement, displacement of the virtual base pointer (or -1), displacement within its table.
    pub displacement: [i32; 3],
    pub size: u32,
    pub copy: u64,
}

/// The types by which a thrown object can be caught, most derived first.
pub fn catchable_types(record: &ExceptionRecord) -> impl Iterator<Item = Catchable> + use<> {
    let (info, base) = (record.info[2], record.info[3]);
    let at = move |rva: u32| base + u64::from(rva);
    let list = at(Ptr::<u32>::new(info as usize + 12).get()) as usize;
    let count: u32 = if info == 0 { 0 } else { Ptr::new(list).get() };
    (0..count as usize).map(move |index| {
        let rva: u32 = Ptr::new(list + 4 + index * 4).get();
        let words: [u32; 7] = Ptr::new(at(rva) as usize).get();
        Catchable {
            properties: words[0],
            descriptor: at(words[1]),
            displacement: [words[2] as i32, words[3] as i32, words[4] as i32],
            size: words[5],
            copy: if words[6] == 0 { 0 } else { at(words[6]) },
        }
    })
}

/// Two type descriptors are the same type when their decorated names are.
pub fn same_type(a: u64, b: u64) -> bool {
    let name = |descriptor: u64| Ptr::<u8>::new(descriptor as usize + 16);
    if a == b {
        return true;
    }
    let (a, b) = (name(a), name(b));
    for index in 0.. {
        let (x, y) = (a.add(index).get(), b.add(index).get());
        if x != y {
            return false;
        }
        if x == 0 {
            break;
        }
    }
    true
}

/// The address of a base of the object at `object`. `__AdjustPointer`
pub fn adjust(object: u64, [member, table_at, within]: [i32; 3]) -> u64 {
    let mut result = object.wrapping_add_signed(member.into());
    if table_at >= 0 {
        let table_pointer = object + table_at as u64;
        let table: u64 = Ptr::new(table_pointer as usize).get();
        let offset: i32 = Ptr::new(table.wrapping_add_signed(within.into()) as usize).get();
        result = result.wrapping_add(table_at as u64).wrapping_add_signed(offset.into());
    }
    result
}

/// The address of a base of an object, by a PMD.
#[export(vcruntime140 + msvcrt, full)]
fn __AdjustPointer(object: u64, displacement: Ptr<[i32; 3]>) -> u64 {
    adjust(object, displacement.get())
}

fn is_ellipsis(handler: &Handler) -> bool {
    handler.type_descriptor == 0 || Ptr::<u8>::new(handler.type_descriptor as usize + 16).get() == 0
}

/// The type by which a handler takes a thrown object. `Some(None)`: `catch (...)`.
fn matches(handler: &Handler, record: &ExceptionRecord, cpp: bool) -> Option<Option<Catchable>> {
    if is_ellipsis(handler) {
        return Some(None);
    }
    if !cpp || record.info[2] == 0 {
        return None;
    }
    let attributes: u32 = Ptr::new(record.info[2] as usize).get();
    catchable_types(record)
        .find(|t| {
            same_type(t.descriptor, handler.type_descriptor)
                && (t.properties & BY_REFERENCE_ONLY == 0 || handler.adjectives & IS_REFERENCE != 0)
                && attributes & (IS_CONST | IS_VOLATILE | IS_UNALIGNED) & !handler.adjectives == 0
        })
        .map(Some)
}

/// Makes the object that the catch block declares.
fn build_object(handler: &Handler, catchable: Option<Catchable>, record: &ExceptionRecord, parent: u64) {
    let Some(catchable) = catchable else { return };
    if handler.object == 0 {
        return;
    }
    let into = parent.wrapping_add_signed(i64::from(handler.object as i32)) as usize;
    let object = record.info[1];
    if handler.adjectives & IS_REFERENCE != 0 {
        Ptr::<u64>::new(into).set(adjust(object, catchable.displacement));
    } else if catchable.properties & SIMPLE_TYPE != 0 {
        copy_bytes(into, object as usize, catchable.size as usize);
        let pointer: Ptr<u64> = Ptr::new(into);
        if catchable.size == 8 && pointer.get() != 0 {
            pointer.set(adjust(pointer.get(), catchable.displacement));
        }
    } else {
        let from = adjust(object, catchable.displacement);
        if catchable.copy == 0 {
            copy_bytes(into, from as usize, catchable.size as usize);
        } else if catchable.properties & HAS_VIRTUAL_BASE != 0 {
            GuestFn(catchable.copy as usize).call(&[into as u64, from, 1]);
        } else {
            GuestFn(catchable.copy as usize).call(&[into as u64, from]);
        }
    }
}

fn copy_bytes(into: usize, from: usize, count: usize) {
    for index in 0..count {
        Ptr::<u8>::new(into + index).set(Ptr::<u8>::new(from + index).get());
    }
}

/// What a frame is: the function's own, or that of a catch block.
struct Frame {
    function: Function,
    /// The frame of the function, in which all locals lie.
    parent: u64,
    /// For a catch block: the try block that it belongs to.
    catch_of: Option<usize>,
}

fn frame_of(function: Function, establisher: u64, begin: u64) -> Frame {
    let mut catch_of = None;
    let mut parent_offset = function.parent_offset;
    for (index, block) in function.tries.iter().enumerate() {
        if let Some(handler) = block.handlers.iter().find(|h| h.funclet == begin) {
            catch_of = Some(index);
            parent_offset = parent_offset.or(Some(handler.parent_offset));
        }
    }
    let parent = match parent_offset {
        Some(offset) => Ptr::new((establisher + u64::from(offset)) as usize).get(),
        None => establisher,
    };
    Frame { function, parent, catch_of }
}

/// The catch block that runs for a try block of that very frame.
fn active_in(frame: u64) -> Option<Active> {
    ACTIVE.with_borrow(|active| active.iter().rev().find(|a| a.frame == frame).copied())
}

/// Forgets the catch blocks of a frame that is left, and destroys their exceptions unless they go on.
fn leave(frame: u64, going_on: &ExceptionRecord) {
    while let Some(left) = active_in(frame) {
        ACTIVE.with_borrow_mut(|active| {
            if let Some(index) = active.iter().rposition(|a| a.frame == frame) {
                active.remove(index);
            }
        });
        destroy_unless_used(&left.record, Some(going_on));
    }
}

fn destroy_unless_used(record: &ExceptionRecord, going_on: Option<&ExceptionRecord>) {
    let same = |other: &ExceptionRecord| throw::is_cpp(other) && other.info[1] == record.info[1];
    let used = ACTIVE.with_borrow(|active| active.iter().any(|a| same(&a.record)));
    if !used && !going_on.is_some_and(same) {
        throw::destroy(record);
    }
}

/// Leaves states one by one until `stop` says so.
fn leave_states(function: &Function, parent: u64, mut state: i32, stop: impl Fn(i32) -> bool) {
    while state >= 0 && !stop(state) {
        let Some(&(to, action)) = function.unwind.get(state as usize) else { return };
        match action {
            Action::None => {}
            // The second argument is the frame; the first is the funclet by convention.
            Action::Funclet(address) => {
                GuestFn(address as usize).call(&[address, parent]);
            }
            Action::Destroy(address, offset) => {
                GuestFn(address as usize).call(&[parent.wrapping_add(offset.into())]);
            }
            Action::DestroyIndirect(address, offset) => {
                let object: u64 = Ptr::new(parent.wrapping_add(offset.into()) as usize).get();
                GuestFn(address as usize).call(&[object]);
            }
        }
        state = to;
    }
}

/// Words of the record that a consolidating unwind to a catch block carries, after the callback.
const FUNCLET: usize = 2;
const STATE: usize = 3;
const PARENT: usize = 4;
const RECORD: usize = 5;
const CONTINUATIONS: usize = 6;
const TRY: usize = 9;
const FRAME: usize = 1;

fn handle(
    record: Ptr<ExceptionRecord>,
    establisher: u64,
    context: Ptr<Context>,
    dispatcher: Ptr<DispatcherContext>,
    read: fn(Ptr<u8>, u64, u32, u64) -> Function,
) -> u32 {
    let dispatch = dispatcher.get();
    let base = dispatch.image_base;
    let begin = dispatch.function.get().begin;
    let info: u32 = dispatch.handler_data.cast().get();
    let info = Ptr::<u8>::new(base as usize + info as usize);
    let frame = frame_of(read(info, base, begin, dispatch.control_pc), establisher, base + u64::from(begin));
    let active = active_in(establisher);
    let state = active.map_or(frame.function.state, |a| a.state);
    let raised = record.get();
    if raised.flags & (exception::EXCEPTION_UNWINDING | exception::EXCEPTION_EXIT_UNWIND) != 0 {
        unwind_frame(&frame, establisher, state, &raised, &dispatch, |pc| read(info, base, begin, pc).state);
        return CONTINUE_SEARCH;
    }
    let cpp = throw::is_cpp(&raised);
    if !cpp {
        let foreign =
            frame.function.synchronous || raised.code == exception::STATUS_BREAKPOINT || raised.code == exception::STATUS_LONGJUMP;
        if foreign || frame.function.tries.is_empty() {
            return CONTINUE_SEARCH;
        }
        throw::translate(record, context);
    }
    let chosen = frame.function.tries.iter().enumerate().find_map(|(index, block)| {
        let inside = (block.low..=block.high).contains(&state);
        // Of a catch block, only the try blocks in it; those around it belong to the frame further out.
        let mine = frame.catch_of.is_none_or(|own| {
            let own = &frame.function.tries[own];
            block.low > own.high && block.high <= own.catch_high
        });
        // While a catch block runs, only the try blocks around it.
        let around = active.is_none_or(|a| {
            frame
                .function
                .tries
                .get(a.try_index)
                .is_none_or(|own| index != a.try_index && block.low <= own.low && block.high >= own.catch_high)
        });
        if !(inside && mine && around) {
            return None;
        }
        block.handlers.iter().find_map(|handler| matches(handler, &raised, cpp).map(|t| (index, block.low, *handler, t)))
    });
    let Some((index, low, handler, catchable)) = chosen else {
        if cpp && frame.function.noexcept {
            throw::do_terminate();
        }
        return CONTINUE_SEARCH;
    };
    let parent = frame.parent;
    // From here on nothing may be owned: the unwind does not return.
    drop(frame);
    build_object(&handler, catchable, &raised, parent);
    let mut unwinding = ExceptionRecord::new(exception::STATUS_UNWIND_CONSOLIDATE, 0);
    unwinding.flags = exception::EXCEPTION_NONCONTINUABLE;
    unwinding.count = 15;
    unwinding.info[0] = run_catch as *const () as u64;
    unwinding.info[FRAME] = establisher;
    unwinding.info[FUNCLET] = handler.funclet;
    unwinding.info[STATE] = low as u64;
    unwinding.info[PARENT] = parent;
    unwinding.info[RECORD] = record.addr() as u64;
    unwinding.info[CONTINUATIONS] = handler.continuation_count.into();
    unwinding.info[CONTINUATIONS + 1] = handler.continuations[0];
    unwinding.info[CONTINUATIONS + 2] = handler.continuations[1];
    unwinding.info[TRY] = index as u64;
    let start = exception::caller_context();
    let target = Target { frame: establisher, ip: handler.funclet, value: 0 };
    unwind::unwind(&start, target, Ptr::of(&raw mut unwinding), dispatch.history)
}

fn unwind_frame(
    frame: &Frame,
    establisher: u64,
    state: i32,
    raised: &ExceptionRecord,
    dispatch: &DispatcherContext,
    state_at: impl Fn(u64) -> i32,
) {
    let ours = raised.code == exception::STATUS_UNWIND_CONSOLIDATE && raised.info[0] == run_catch as *const () as u64;
    if raised.flags & exception::EXCEPTION_TARGET_UNWIND != 0 {
        let target = if ours { raised.info[STATE] as i32 } else { state_at(dispatch.target_ip) };
        leave_states(&frame.function, frame.parent, state, |state| state == target);
        return;
    }
    match frame.catch_of {
        Some(own) => {
            let own = &frame.function.tries[own];
            leave_states(&frame.function, frame.parent, state, |state| state <= own.high || state > own.catch_high);
        }
        None => leave_states(&frame.function, frame.parent, state, |_| false),
    }
    let going_on = if ours { Ptr::<ExceptionRecord>::new(raised.info[RECORD] as usize).get() } else { *raised };
    leave(establisher, &going_on);
}

/// Runs a catch block and returns the address at which its function goes on.
extern "win64" fn run_catch(unwinding: Ptr<ExceptionRecord>) -> u64 {
    let info = unwinding.get().info;
    let record = Ptr::<ExceptionRecord>::new(info[RECORD] as usize).get();
    leave(info[FRAME], &record);
    if throw::is_cpp(&record) {
        UNCAUGHT.set((UNCAUGHT.get() - 1).max(0));
    }
    let entry = Active { frame: info[FRAME], try_index: info[TRY] as usize, state: info[STATE] as u32 as i32, record, at: info[RECORD] };
    ACTIVE.with_borrow_mut(|active| active.push(entry));
    let answer = GuestFn(info[FUNCLET] as usize).call(&[info[FUNCLET], info[PARENT]]);
    ACTIVE.with_borrow_mut(|active| {
        if let Some(index) = active.iter().rposition(|a| a.frame == info[FRAME]) {
            active.remove(index);
        }
    });
    destroy_unless_used(&record, None);
    match info[CONTINUATIONS] {
        0 => answer,
        count => info[CONTINUATIONS + 1 + answer.min(count - 1) as usize],
    }
}

fn read3(info: Ptr<u8>, base: u64, _begin: u32, pc: u64) -> Function {
    tables::read3(info, base, pc)
}

/// Handles exceptions in frames of C++ functions.
#[export(vcruntime140 + msvcrt + ucrtbase, full, calls_guest)]
fn __CxxFrameHandler3(record: Ptr<ExceptionRecord>, frame: u64, context: Ptr<Context>, dispatcher: Ptr<DispatcherContext>) -> u32 {
    handle(record, frame, context, dispatcher, read3)
}

/// Handles exceptions in frames of C++ functions of older compilers; the tables say which.
#[export(vcruntime140 + msvcrt + ucrtbase, full, calls_guest)]
fn __CxxFrameHandler2(record: Ptr<ExceptionRecord>, frame: u64, context: Ptr<Context>, dispatcher: Ptr<DispatcherContext>) -> u32 {
    handle(record, frame, context, dispatcher, read3)
}

/// Handles exceptions in frames of C++ functions of older compilers; the tables say which.
#[export(vcruntime140 + msvcrt + ucrtbase, full, calls_guest)]
fn __CxxFrameHandler(record: Ptr<ExceptionRecord>, frame: u64, context: Ptr<Context>, dispatcher: Ptr<DispatcherContext>) -> u32 {
    handle(record, frame, context, dispatcher, read3)
}

/// Handles exceptions in frames of C++ functions with compressed tables.
#[export(vcruntime140_1 + ucrtbase, full, calls_guest)]
fn __CxxFrameHandler4(record: Ptr<ExceptionRecord>, frame: u64, context: Ptr<Context>, dispatcher: Ptr<DispatcherContext>) -> u32 {
    handle(record, frame, context, dispatcher, tables::read4)
}
