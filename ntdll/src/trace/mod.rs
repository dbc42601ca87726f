//! `--trace`: the calls that a program makes into builtin DLLs, one line each, in the manner of strace.
//!
//! The loader binds a traced export to a stub that goes through [`frame::enter`]; all others are bound as always, so
//! what is not traced costs nothing.

pub mod filter;
pub mod frame;
mod json;
mod print;

use abi::export::{Export, Kind};
use filter::Filter;
use frame::Frame;
use parking_lot::Mutex;
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

/// What is traced, and where to.
struct Trace {
    filter: Filter,
    json: Option<File>,
    /// The call whose line on standard error is not complete yet: thread, and the address of its frame.
    open: Mutex<Option<(u32, usize)>>,
}

static TRACE: OnceLock<Trace> = OnceLock::new();

/// Starts to trace what `filter` says: to standard error, or as lines of JSON to a file. To be called before anything
/// is bound.
pub fn start(filter: Filter, json: Option<File>) {
    let _ = TRACE.set(Trace { filter, json, open: Mutex::new(None) });
}

/// Whether anything is traced.
pub fn is_on() -> bool {
    TRACE.get().is_some()
}

/// Whether calls of an export are traced.
pub fn wants(export: &Export) -> bool {
    TRACE.get().is_some_and(|trace| trace.filter.matches(export))
}

/// Slots handed on to a variadic function, if the stack goes that far up.
const VARIADIC: usize = 64;

/// A call begins. Returns how many 8-byte slots of arguments to hand on, or 0 if its end is not seen.
pub(crate) fn begin(export: &'static Export, frame: Frame) -> usize {
    let Some(trace) = TRACE.get() else { return 0 };
    let ends = export.kind() != Kind::Asm && export.result() != "!";
    if trace.json.is_some() {
        if !ends {
            trace.json(&json::line(export, frame, None));
        }
    } else {
        let mut open = trace.open.lock();
        let line = format!(
            "{}[{}] {}:{} {}({}){}",
            if open.is_some() { " <unfinished …>\n" } else { "" },
            thread(),
            export.dll().trim_end_matches(".dll"),
            export.module(),
            export.name(),
            print::arguments(export, frame),
            if ends { "" } else { "\n" },
        );
        eprint!("{line}");
        *open = ends.then(|| (thread(), frame.at));
    }
    match export.kind() {
        _ if !ends => 0,
        Kind::Variadic => {
            let stack = abi::teb::get_u64::<{ abi::teb::STACK_BASE }>() as usize;
            (stack.saturating_sub(frame.at + 0x10) / 8).min(VARIADIC)
        }
        _ => export.params().count().max(4),
    }
}

/// A call ends.
pub(crate) fn end(export: &'static Export, frame: Frame, result: frame::Result) {
    let Some(trace) = TRACE.get() else { return };
    if trace.json.is_some() {
        return trace.json(&json::line(export, frame, Some(result)));
    }
    let mut open = trace.open.lock();
    let text = print::result(export, result);
    let equals = if text.is_empty() { "" } else { " = " };
    match open.take() {
        Some(call) if call == (thread(), frame.at) => eprintln!("{equals}{text}"),
        other => {
            let unfinished = if other.is_some() { " <unfinished …>\n" } else { "" };
            eprintln!("{unfinished}[{}] <… {} resumed>{equals}{text}", thread(), export.name());
        }
    }
}

fn thread() -> u32 {
    host::thread::current_id()
}

impl Trace {
    fn json(&self, line: &str) {
        if let Some(mut file) = self.json.as_ref() {
            let _ = file.write_all(line.as_bytes());
        }
    }
}
