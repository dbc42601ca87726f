//! The process: PEB, parameters, environment, and its end.

use crate::object::{self, Object};
use crate::wait::{Dispatcher, Signal};
use crate::{heap, memory};
use abi::{HANDLE, NTSTATUS, Ptr};
use parking_lot::{Mutex, RwLock};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use windows_sys::Win32::System::Memory as m;

/// The Windows version that programs see: 10.0.19045, the last Windows 10.
pub const BUILD: u32 = 19045;

static PEB: AtomicUsize = AtomicUsize::new(0);
static DEFAULT_STACK: AtomicUsize = AtomicUsize::new(1 << 20);
static EXITING: AtomicBool = AtomicBool::new(false);
/// SetErrorMode.
pub static ERROR_MODE: AtomicU32 = AtomicU32::new(0);

/// The current process as an object.
pub struct Process {
    dispatcher: Dispatcher,
    pub pid: u32,
}

impl Object for Process {
    fn type_name(&self) -> &'static str {
        "Process"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }
}

static CURRENT: OnceLock<Arc<Process>> = OnceLock::new();

/// This process.
pub fn current() -> Arc<Process> {
    CURRENT.get_or_init(|| Arc::new(Process { dispatcher: Dispatcher::new(Signal::Notification, 0), pid: host::process::id() })).clone()
}

/// Whether a handle means this process.
pub fn is_current(handle: HANDLE) -> bool {
    handle == HANDLE::CURRENT_PROCESS || object::with(handle, 0, |p: &Process| p.pid == host::process::id()).unwrap_or(false)
}

/// What the program is started with.
pub struct Parameters {
    /// Windows path of the program.
    pub image: Vec<u16>,
    pub command_line: Vec<u16>,
    /// Windows path, with a backslash at its end.
    pub directory: Vec<u16>,
    /// `NAME=value` strings.
    pub environment: Vec<Vec<u16>>,
    pub standard_handles: [HANDLE; 3],
}

/// Everything that lives in the PEB's page block.
struct State {
    environment: Vec<Vec<u16>>,
    /// The block in guest memory that the process parameters point to.
    block: Ptr<u8>,
}

static STATE: RwLock<State> = RwLock::new(State { environment: Vec::new(), block: Ptr::NULL });
static DIRECTORY: RwLock<Vec<u16>> = RwLock::new(Vec::new());
static STANDARD: Mutex<[HANDLE; 3]> = Mutex::new([HANDLE::NULL; 3]);

/// Offset of RTL_USER_PROCESS_PARAMETERS in the PEB's block, and of PEB_LDR_DATA.
const PARAMETERS: usize = 0x1000;
pub const LDR_DATA: usize = 0x800;
const BLOCK: usize = 0x4000;

/// The address of the PEB.
pub fn peb() -> usize {
    PEB.load(Ordering::Relaxed)
}

/// The address of the process parameters.
pub fn parameters() -> usize {
    peb() + PARAMETERS
}

fn put16(offset: usize, value: u16) {
    Ptr::new(peb() + offset).set(value);
}
fn put32(offset: usize, value: u32) {
    Ptr::new(peb() + offset).set(value);
}
fn put64(offset: usize, value: usize) {
    Ptr::new(peb() + offset).set(value);
}

/// A UNICODE_STRING at `at`, with a copy of the text in the process heap.
fn put_string(at: usize, text: &[u16]) {
    let buffer: Ptr<u16> = heap::allocate(heap::process_heap(), 0, (text.len() + 1) * 2).cast();
    let _ = buffer.write_slice(text);
    buffer.add(text.len()).set(0);
    put16(at, (text.len() * 2) as u16);
    put16(at + 2, (text.len() * 2 + 2) as u16);
    put64(at + 8, buffer.addr());
}

/// Makes the PEB and the process parameters. Once, before the first guest thread.
pub fn init(parameters: Parameters) -> Result<(), NTSTATUS> {
    let (peb, _) = memory::allocate(0, BLOCK, m::MEM_RESERVE | m::MEM_COMMIT, m::PAGE_READWRITE)?;
    PEB.store(peb, Ordering::Relaxed);
    put64(0x08, usize::MAX); // Mutant
    put64(0x18, peb + LDR_DATA);
    put64(0x20, peb + PARAMETERS);
    put64(0x30, heap::process_heap().addr());
    // FastPebLock and LoaderLock: critical sections behind the loader's data.
    for (field, lock) in [(0x38, peb + LDR_DATA + 0x100), (0x110, peb + LDR_DATA + 0x140)] {
        put64(field, lock);
        crate::lock::RtlInitializeCriticalSectionEx(Ptr::new(lock), 0, 0)?;
    }
    put32(0xb8, host::thread::affinity().count_ones());
    put64(0xc8, 0x10_0000); // HeapSegmentReserve
    put64(0xd0, 0x2000); // HeapSegmentCommit
    put32(0xe8, 1); // NumberOfHeaps
    put32(0xec, 16);
    put32(0x118, 10); // OSMajorVersion
    put32(0x11c, 0);
    put16(0x120, BUILD as u16);
    put32(0x124, 2); // VER_PLATFORM_WIN32_NT
    put64(0x138, host::thread::affinity() as usize);
    put32(0x2c0, 1); // SessionId
    let p = PARAMETERS;
    put32(p, 0x400);
    put32(p + 4, 0x400);
    put32(p + 8, 1); // normalized
    for (index, handle) in parameters.standard_handles.iter().enumerate() {
        put64(p + 0x20 + index * 8, handle.0);
    }
    *STANDARD.lock() = parameters.standard_handles;
    put_string(p + 0x38, &parameters.directory);
    put64(p + 0x48, directory_handle(&parameters.directory));
    put_string(p + 0x50, &[]);
    put_string(p + 0x60, &parameters.image);
    put_string(p + 0x70, &parameters.command_line);
    put_string(p + 0xb0, &parameters.image);
    put_string(p + 0xc0, &abi::wide::wide("WinSta0\\Default"));
    put_string(p + 0xd0, &[]);
    *DIRECTORY.write() = parameters.directory;
    STATE.write().environment = parameters.environment;
    publish_environment();
    Ok(())
}

/// Fields that depend on the program's image.
pub fn set_image(base: usize, subsystem: u16, stack_reserve: u64) {
    put64(0x10, base);
    put32(0x128, u32::from(subsystem));
    put32(0x12c, 6);
    if stack_reserve >= 0x1_0000 && stack_reserve < 1 << 32 {
        DEFAULT_STACK.store(stack_reserve as usize, Ordering::Relaxed);
    }
}

/// Base of the program's image.
pub fn image_base() -> usize {
    Ptr::<usize>::new(peb() + 0x10).get()
}

/// Bytes of stack that threads get by default.
pub fn default_stack() -> usize {
    DEFAULT_STACK.load(Ordering::Relaxed)
}

fn read_string(at: usize) -> Vec<u16> {
    let len = Ptr::<u16>::new(at).get() as usize / 2;
    Ptr::<u16>::new(Ptr::<usize>::new(at + 8).get()).read_vec(len).unwrap_or_default()
}

/// The program's Windows path.
pub fn image_path() -> Vec<u16> {
    read_string(parameters() + 0x60)
}

/// The command line as one string.
pub fn command_line() -> Vec<u16> {
    read_string(parameters() + 0x70)
}

/// Where the command line lies in guest memory.
pub fn command_line_ptr() -> Ptr<u16> {
    Ptr::new(Ptr::<usize>::new(parameters() + 0x78).get())
}

/// CURDIR.Handle: an open handle of the current directory, relative to which some run-times open files. 0 if it cannot
/// be opened.
fn directory_handle(path: &[u16]) -> usize {
    let Ok(nt) = crate::path::nt_path(path) else { return 0 };
    // SYNCHRONIZE and FILE_TRAVERSE; FILE_DIRECTORY_FILE and FILE_SYNCHRONOUS_IO_NONALERT; shared with readers and writers.
    let how = crate::file::CreateOptions {
        access: 0x10_0020,
        share: 3,
        disposition: crate::file::Disposition::Open,
        options: 0x21,
        attributes: 0,
    };
    crate::file::open(&nt, &how).map_or(0, |(file, _)| {
        let access = file.access;
        crate::object::insert(std::sync::Arc::new(file), access).0
    })
}

/// The current directory as a Windows path, with a backslash at its end.
pub fn directory() -> Vec<u16> {
    DIRECTORY.read().clone()
}

/// Changes the current directory to a folder that exists.
pub fn change_directory(path: &[u16]) -> Result<(), NTSTATUS> {
    let mut full = crate::path::full_path(path)?;
    let (stat, _) = crate::file::query_path(&crate::path::nt_path(&full)?, true)?;
    if stat.kind != host::file::FileType::Directory {
        return Err(NTSTATUS::NOT_A_DIRECTORY);
    }
    if full.last() != Some(&u16::from(b'\\')) {
        full.push(b'\\'.into());
    }
    set_directory(full);
    Ok(())
}

/// Sets the current directory; `path` is absolute and ends with a backslash.
pub fn set_directory(path: Vec<u16>) {
    put_string(PARAMETERS + 0x38, &path);
    let old = HANDLE(Ptr::<usize>::new(parameters() + 0x48).get());
    put64(PARAMETERS + 0x48, directory_handle(&path));
    let _ = crate::object::close(old);
    *DIRECTORY.write() = path;
}

/// Standard handle number 0 (input), 1 (output) or 2 (error).
pub fn standard_handle(index: usize) -> HANDLE {
    Ptr::new(parameters() + 0x20 + index * 8).get()
}

/// Replaces a standard handle.
pub fn set_standard_handle(index: usize, handle: HANDLE) {
    put64(PARAMETERS + 0x20 + index * 8, handle.0);
}

fn name_of(entry: &[u16]) -> &[u16] {
    // A name may begin with '=' (the current directories of drives).
    let end = entry.iter().skip(1).position(|&c| c == u16::from(b'=')).map_or(entry.len(), |at| at + 1);
    &entry[..end]
}

fn same_name(a: &[u16], b: &[u16]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| crate::path::upcase(a) == crate::path::upcase(b))
}

/// The environment as `NAME=value` strings, sorted by name.
pub fn environment() -> Vec<Vec<u16>> {
    STATE.read().environment.clone()
}

/// The value of an environment variable.
pub fn variable(name: &[u16]) -> Option<Vec<u16>> {
    let state = STATE.read();
    let entry = state.environment.iter().find(|entry| same_name(name_of(entry), name))?;
    Some(entry.get(name.len() + 1..).unwrap_or_default().to_vec())
}

/// Sets (or with None removes) an environment variable. False when it was not there to remove.
pub fn set_variable(name: &[u16], value: Option<&[u16]>) -> bool {
    let found = {
        let mut state = STATE.write();
        let at = state.environment.iter().position(|entry| same_name(name_of(entry), name));
        match (at, value) {
            (Some(at), None) => {
                state.environment.remove(at);
            }
            (None, None) => {}
            (at, Some(value)) => {
                let entry = [name, &[u16::from(b'=')], value].concat();
                match at {
                    Some(at) => state.environment[at] = entry,
                    None => state.environment.push(entry),
                }
            }
        }
        at.is_some()
    };
    publish_environment();
    found
}

/// Replaces the whole environment.
pub fn set_environment(environment: Vec<Vec<u16>>) {
    STATE.write().environment = environment;
    publish_environment();
}

/// The environment as a block: strings with NULs, and one more NUL.
pub fn environment_block() -> Vec<u16> {
    let mut block = Vec::new();
    for entry in STATE.read().environment.iter() {
        block.extend_from_slice(entry);
        block.push(0);
    }
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    block
}

/// Lets the process parameters point to the environment as it is now. The old block stays: a program may
/// be reading it.
fn publish_environment() {
    fn key(entry: &[u16]) -> impl Iterator<Item = u16> {
        name_of(entry).iter().map(|&c| crate::path::upcase(c))
    }
    STATE.write().environment.sort_by(|a, b| key(a).cmp(key(b)));
    let block = environment_block();
    let mut state = STATE.write();
    let bytes = block.len() * 2;
    let reuse = !state.block.is_null() && heap::size(state.block).is_some_and(|size| size >= bytes);
    if !reuse {
        state.block = heap::allocate(heap::process_heap(), 0, bytes.next_multiple_of(4096));
    }
    let _ = state.block.cast::<u16>().write_slice(&block);
    put64(PARAMETERS + 0x80, state.block.addr());
    put64(PARAMETERS + 0x3f0, bytes);
}

/// IsProcessorFeaturePresent (PF_* numbers of winnt.h).
pub fn has_feature(feature: u32) -> bool {
    match feature {
        // Compare-exchange double, MMX, SSE, RDTSC, PAE, SSE2, NX, 128-bit compare-exchange, XSAVE,
        // write combining is off; second-level address translation and virtualization are not reported.
        2 | 3 | 6 | 8 | 9 | 10 | 12 | 14 => true,
        13 => std::arch::is_x86_feature_detected!("sse3"),
        17 => std::arch::is_x86_feature_detected!("xsave"),
        23 => true,  // PF_FASTFAIL_AVAILABLE
        22 => false, // RDWRFSGSBASE: GS and FS are not the program's to move
        28 => std::arch::is_x86_feature_detected!("rdrand"),
        32 => false, // RDTSCP
        36 => std::arch::is_x86_feature_detected!("ssse3"),
        37 => std::arch::is_x86_feature_detected!("sse4.1"),
        38 => std::arch::is_x86_feature_detected!("sse4.2"),
        39 => std::arch::is_x86_feature_detected!("avx"),
        40 => std::arch::is_x86_feature_detected!("avx2"),
        41 => std::arch::is_x86_feature_detected!("avx512f"),
        _ => false,
    }
}

/// Whether the process has begun to end.
pub fn is_exiting() -> bool {
    EXITING.load(Ordering::Acquire)
}

/// Things to do when the process ends, such as restoring the terminal.
#[linkme::distributed_slice]
#[allow(unsafe_code)] // a section of its own; only typed entries go there
pub static EXIT_HOOKS: [fn()];

/// RtlExitUserProcess: tells the DLLs, and ends the process.
pub fn exit(code: u32) -> ! {
    if !EXITING.swap(true, Ordering::AcqRel) {
        crate::ldr::notify_process_detach();
    }
    terminate(code)
}

/// NtTerminateProcess on this process: ends it at once.
pub fn terminate(code: u32) -> ! {
    EXITING.store(true, Ordering::Release);
    for hook in EXIT_HOOKS {
        hook();
    }
    crate::child::report(code);
    host::process::exit(host_exit_code(code))
}

/// The host has 8 bits for an exit code: the low ones of the guest's, 1 when those are 0 though the code
/// is not; a code that is an exception's becomes what the shell shows for the like signal.
pub fn host_exit_code(code: u32) -> i32 {
    if code >= 0xc000_0000 {
        return exit_code_of_exception(NTSTATUS(code));
    }
    if code != 0 && code & 0xff == 0 { 1 } else { (code & 0xff) as i32 }
}

/// What a process that an exception killed exits with: 128 plus the number of the signal that a Linux
/// program would have died of.
pub fn exit_code_of_exception(code: NTSTATUS) -> i32 {
    128 + match code {
        NTSTATUS::ACCESS_VIOLATION | NTSTATUS::IN_PAGE_ERROR | NTSTATUS::STACK_OVERFLOW | NTSTATUS::GUARD_PAGE_VIOLATION => 11,
        NTSTATUS::ILLEGAL_INSTRUCTION | NTSTATUS::PRIVILEGED_INSTRUCTION => 4,
        NTSTATUS::INTEGER_DIVIDE_BY_ZERO | NTSTATUS::INTEGER_OVERFLOW => 8,
        NTSTATUS(0xc000_008d..=0xc000_0093) => 8,
        NTSTATUS::BREAKPOINT | NTSTATUS::SINGLE_STEP => 5,
        NTSTATUS::CONTROL_C_EXIT => 2,
        _ => 6,
    }
}

/// Ends the process at once with a host exit code of our own.
pub fn terminate_with_host_code(code: i32) -> ! {
    EXITING.store(true, Ordering::Release);
    for hook in EXIT_HOOKS {
        hook();
    }
    host::process::exit(code)
}

static STARTED: AtomicBool = AtomicBool::new(false);

/// Whether the program's imports are still being initialized.
pub fn is_starting() -> bool {
    !STARTED.load(Ordering::Relaxed)
}

/// The program's own code begins.
pub fn set_started() {
    STARTED.store(true, Ordering::Relaxed);
}
