//! Ending: exit, abort, and what is called before.

use crate::invalid;
use crate::lock::Lock;
use crate::malloc;
use crate::stdio;
use abi::{GuestFn, Ptr, export};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

static AT_EXIT: Mutex<Vec<GuestFn>> = Mutex::new(Vec::new());
static AT_QUICK_EXIT: Mutex<Vec<GuestFn>> = Mutex::new(Vec::new());
static TLS_CALLBACK: AtomicUsize = AtomicUsize::new(0);
static ENDING: Lock = Lock::new();
/// _WRITE_ABORT_MSG | _CALL_REPORTFAULT.
static ABORT_FLAGS: AtomicU32 = AtomicU32::new(3);

/// Ends the process at once with a message: nothing of the program runs any more.
pub fn terminate(code: u32, message: &str) -> ! {
    let _ = stdio::flush_all(true);
    let text = format!("uosrun: {message}\n");
    let _ = host::file::write_all(2, text.as_bytes());
    ntdll::process::terminate(code)
}

/// Calls what a list holds, last first; the list may grow meanwhile.
fn run(list: &Mutex<Vec<GuestFn>>) {
    loop {
        let next = list.lock().pop();
        match next {
            Some(function) if function.is_null() => {}
            Some(function) => {
                function.call(&[]);
            }
            None => return,
        }
    }
}

/// What exit and _cexit do before the process ends.
fn finish() {
    static TLS_DONE: AtomicBool = AtomicBool::new(false);
    let callback = GuestFn(TLS_CALLBACK.load(Ordering::Acquire));
    if !callback.is_null() && !TLS_DONE.swap(true, Ordering::AcqRel) {
        // DLL_PROCESS_DETACH.
        callback.call(&[0, 0, 0]);
    }
    run(&AT_EXIT);
    let _ = stdio::flush_all(true);
}

/// Calls the functions of atexit, flushes the streams and ends the process.
#[export(msvcrt + ucrtbase, full, calls_guest)]
pub fn exit(code: i32) -> ! {
    ENDING.lock();
    finish();
    ntdll::process::exit(code as u32)
}

/// Ends the process without calling the functions of atexit.
#[export(msvcrt + ucrtbase, full, calls_guest)]
pub fn _exit(code: i32) -> ! {
    ntdll::process::exit(code as u32)
}

/// Ends the process without calling the functions of atexit.
#[export(msvcrt + ucrtbase, full, calls_guest, name = "_Exit")]
fn exit_c99(code: i32) -> ! {
    ntdll::process::exit(code as u32)
}

/// Calls the functions of at_quick_exit and ends the process.
#[export(ucrtbase, full, calls_guest)]
fn quick_exit(code: i32) -> ! {
    run(&AT_QUICK_EXIT);
    ntdll::process::exit(code as u32)
}

/// Does what exit does, but returns.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _cexit() {
    finish();
}

/// Does what _exit does, but returns.
#[export(msvcrt + ucrtbase, full)]
fn _c_exit() {}

/// Ends the program because of an error at start-up.
#[export(msvcrt, full)]
fn _amsg_exit(number: i32) {
    terminate(255, &format!("runtime error {number}"))
}

/// Ends the program abnormally: the handler of SIGABRT, then code 3, or in the UCRT a fast failure.
#[export(msvcrt + ucrtbase, full, calls_guest)]
pub fn abort() -> ! {
    crate::signal::raise_abort();
    if invalid::STRICT.load(Ordering::Relaxed) && ABORT_FLAGS.load(Ordering::Relaxed) & 2 != 0 {
        ntdll::process::terminate(0xc000_0409)
    }
    if !invalid::STRICT.load(Ordering::Relaxed) {
        let text = b"\nThis application has requested the Runtime to terminate it in an unusual way.\n";
        let _ = host::file::write_all(2, text);
    }
    ntdll::process::exit(3)
}

/// Chooses what abort does.
#[export(msvcrt + ucrtbase, full)]
fn _set_abort_behavior(flags: u32, mask: u32) -> u32 {
    let old = ABORT_FLAGS.load(Ordering::Relaxed);
    ABORT_FLAGS.store(old & !mask | flags & mask, Ordering::Relaxed);
    old
}

/// Registers a function for exit.
#[export(msvcrt + ucrtbase, full)]
fn _onexit(function: GuestFn) -> GuestFn {
    AT_EXIT.lock().push(function);
    function
}

/// Registers a function for exit.
#[export(msvcrt, full)]
fn atexit(function: GuestFn) -> i32 {
    AT_EXIT.lock().push(function);
    0
}

/// Registers a function for exit.
#[export(ucrtbase, full)]
fn _crt_atexit(function: GuestFn) -> i32 {
    AT_EXIT.lock().push(function);
    0
}

/// Registers a function for quick_exit.
#[export(ucrtbase, full)]
fn _crt_at_quick_exit(function: GuestFn) -> i32 {
    AT_QUICK_EXIT.lock().push(function);
    0
}

/// Registers a callback for the destructors of thread-local objects in the program.
#[export(msvcrt + ucrtbase, full)]
fn _register_thread_local_exe_atexit_callback(callback: GuestFn) {
    if TLS_CALLBACK.compare_exchange(0, callback.0, Ordering::AcqRel, Ordering::Acquire).is_err() {
        terminate(0x4000_0015, "the callback for thread-local destructors was set twice");
    }
}

/// Registers a function in a DLL's own table; the table may move.
#[export(msvcrt, full)]
fn __dllonexit(function: GuestFn, first: Ptr<Ptr<GuestFn>>, last: Ptr<Ptr<GuestFn>>) -> GuestFn {
    let (start, end) = (first.get(), last.get());
    let count = (end.addr() - start.addr()) / 8;
    let Ok(size) = malloc::_msize(start.cast()) else { return GuestFn::NULL };
    let start = if size / 8 < count + 1 {
        let moved = malloc::realloc(start.cast(), (count + 32) * 8).cast::<GuestFn>();
        if moved.is_null() {
            return GuestFn::NULL;
        }
        first.set(moved);
        moved
    } else {
        start
    };
    start.add(count).set(function);
    last.set(start.add(count + 1));
    function
}

/// `_onexit_table_t`: first, last and end of the functions.
type Table = Ptr<Ptr<GuestFn>>;

/// Empties a table.
#[export(msvcrt + ucrtbase, full)]
fn _initialize_onexit_table(table: Table) -> i32 {
    if table.is_null() {
        return -1;
    }
    if table.get() == table.add(2).get() {
        for i in 0..3 {
            table.add(i).set(Ptr::NULL);
        }
    }
    0
}

/// Appends to a table.
#[export(msvcrt + ucrtbase, full)]
fn _register_onexit_function(table: Table, function: GuestFn) -> i32 {
    if table.is_null() {
        return -1;
    }
    let _held = TABLES.lock();
    let (first, last, end) = (table.get(), table.add(1).get(), table.add(2).get());
    let used = (last.addr() - first.addr()) / 8;
    let mut at = first;
    if last == end {
        let room = (used * 2).max(32);
        at = malloc::realloc(first.cast(), room * 8).cast();
        if at.is_null() {
            return -1;
        }
        table.set(at);
        table.add(2).set(at.add(room));
    }
    at.add(used).set(function);
    table.add(1).set(at.add(used + 1));
    0
}

static TABLES: Mutex<()> = Mutex::new(());

/// Calls a table's functions, last first, and empties it.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _execute_onexit_table(table: Table) -> i32 {
    if table.is_null() {
        return -1;
    }
    loop {
        let (first, last) = (table.get(), table.add(1).get());
        if first.is_null() || last <= first {
            malloc::free(first.cast());
            for i in 0..3 {
                table.add(i).set(Ptr::NULL);
            }
            return 0;
        }
        let at = Ptr::<GuestFn>::new(last.addr() - 8);
        table.add(1).set(at);
        let function = at.get();
        if !function.is_null() {
            function.call(&[]);
        }
    }
}

/// A failed assertion: says where, and aborts.
fn assertion(text: &str) -> ! {
    let _ = stdio::flush_all(true);
    let _ = host::file::write_all(2, text.as_bytes());
    abort()
}

/// A failed assertion.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _assert(what: Ptr<u8>, file: Ptr<u8>, line: u32) {
    let text = |p: Ptr<u8>| String::from_utf8_lossy(&p.read_bytes().unwrap_or_default()).into_owned();
    assertion(&format!("Assertion failed: {}, file {}, line {line}\n", text(what), text(file)))
}

/// A failed assertion.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _wassert(what: Ptr<u16>, file: Ptr<u16>, line: u32) {
    let text = |p: Ptr<u16>| String::from_utf16_lossy(&p.read_wide().unwrap_or_default());
    assertion(&format!("Assertion failed: {}, file {}, line {line}\n", text(what), text(file)))
}
