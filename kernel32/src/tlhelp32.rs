//! tlhelp32.h: snapshots of processes, threads and modules.

use abi::{BOOL, FileHandle, HANDLE, Ptr, Win32Error, export, wide};
use ntdll::object::{self, Object};
use parking_lot::Mutex;
use std::sync::Arc;
use windows_sys::Win32::System::Diagnostics::ToolHelp as th;

/// What a snapshot holds, and how far each list has been read.
struct Snapshot {
    processes: Vec<host::process::Entry>,
    /// Process and thread.
    threads: Vec<(u32, u32)>,
    modules: Vec<Arc<ntdll::ldr::Module>>,
    next: Mutex<[usize; 3]>,
}

impl Object for Snapshot {
    fn type_name(&self) -> &'static str {
        "Snapshot"
    }
}

#[derive(Clone, Copy)]
enum List {
    Processes,
    Threads,
    Modules,
}

/// Takes a snapshot of the processes that run Windows programs of this user, of this process's threads and its modules.
#[export(kernel32, partial("modules of this process only; of its children the first threads; no heaps"))]
pub fn CreateToolhelp32Snapshot(flags: u32, pid: u32) -> Result<FileHandle, Win32Error> {
    let wants = |bit| flags & bit != 0;
    let modules = wants(th::TH32CS_SNAPMODULE | th::TH32CS_SNAPMODULE32);
    if modules && pid != 0 && pid != host::process::id() {
        return Err(Win32Error::ACCESS_DENIED);
    }
    let snapshot = Snapshot {
        processes: if wants(th::TH32CS_SNAPPROCESS) { host::process::of_this_program() } else { Vec::new() },
        threads: if wants(th::TH32CS_SNAPTHREAD) { threads() } else { Vec::new() },
        modules: if modules { ntdll::ldr::modules() } else { Vec::new() },
        next: Mutex::new([0; 3]),
    };
    Ok(FileHandle(object::insert(Arc::new(snapshot), 0x001f_0000)))
}

/// The threads of this process, and the first ones of its children.
fn threads() -> Vec<(u32, u32)> {
    let own = ntdll::thread::all().into_iter().map(|t| (host::process::id(), t.id()));
    own.chain(ntdll::child::first_threads().into_iter().map(|t| (t.process.pid, t.process.pid))).collect()
}

/// The next entry of a list, or the first; its size must be what the caller says.
fn entry<T: Copy>(
    handle: HANDLE,
    list: List,
    first: bool,
    to: Ptr<T>,
    get: impl FnOnce(&Snapshot, usize) -> Option<T>,
) -> Result<(), Win32Error> {
    let snapshot: Arc<Snapshot> = object::get(handle, 0)?;
    if (to.cast::<u32>().read()? as usize) < size_of::<T>() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    let mut next = snapshot.next.lock();
    let at = &mut next[list as usize];
    if first {
        *at = 0;
    }
    let found = get(&snapshot, *at).ok_or(Win32Error::NO_MORE_FILES)?;
    *at += 1;
    Ok(to.write(found)?)
}

fn fill<const N: usize>(text: &[u16]) -> [u16; N] {
    let mut out = [0; N];
    let len = text.len().min(N - 1);
    out[..len].copy_from_slice(&text[..len]);
    out
}

fn fill_ansi<const N: usize>(text: &[u16]) -> [i8; N] {
    let mut out = [0; N];
    for (to, from) in out[..N - 1].iter_mut().zip(ntdll::nls::codepage::encode_lossy(0, text)) {
        *to = from as i8;
    }
    out
}

/// The file name of a process's program, from its command line.
fn program_name(process: &host::process::Entry) -> Vec<u16> {
    let path = process.arguments.iter().skip(1).find(|argument| argument.to_ascii_lowercase().ends_with(b".exe"));
    let path = path.or(process.arguments.first()).map_or(&[][..], Vec::as_slice);
    let from = path.iter().rposition(|&b| b == b'/' || b == b'\\').map_or(0, |at| at + 1);
    wide::from_host_bytes(&path[from..])
}

/// The W and A entries differ in their texts only.
macro_rules! process_entry {
    ($name:ident, $ty:ident, $fill:ident) => {
        fn $name(snapshot: &Snapshot, at: usize) -> Option<th::$ty> {
            let process = snapshot.processes.get(at)?;
            Some(th::$ty {
                dwSize: size_of::<th::$ty>() as u32,
                th32ProcessID: process.id,
                cntThreads: process.threads,
                th32ParentProcessID: process.parent,
                pcPriClassBase: 8,
                szExeFile: $fill(&program_name(process)),
                ..Default::default()
            })
        }
    };
}
process_entry!(process_w, PROCESSENTRY32W, fill);
process_entry!(process_a, PROCESSENTRY32, fill_ansi);

fn thread(snapshot: &Snapshot, at: usize) -> Option<th::THREADENTRY32> {
    let &(process, id) = snapshot.threads.get(at)?;
    Some(th::THREADENTRY32 {
        dwSize: size_of::<th::THREADENTRY32>() as u32,
        th32ThreadID: id,
        th32OwnerProcessID: process,
        tpBasePri: 8,
        ..Default::default()
    })
}

macro_rules! module_entry {
    ($name:ident, $ty:ident, $fill:ident) => {
        fn $name(snapshot: &Snapshot, at: usize) -> Option<th::$ty> {
            let module = snapshot.modules.get(at)?;
            Some(th::$ty {
                dwSize: size_of::<th::$ty>() as u32,
                th32ModuleID: 1,
                th32ProcessID: host::process::id(),
                GlblcntUsage: 1,
                ProccntUsage: 1,
                modBaseAddr: module.base as *mut u8,
                modBaseSize: module.size as u32,
                hModule: module.base as _,
                szModule: $fill(&module.name),
                szExePath: $fill(&module.path),
            })
        }
    };
}
module_entry!(module_w, MODULEENTRY32W, fill);
module_entry!(module_a, MODULEENTRY32, fill_ansi);

macro_rules! walk {
    ($first:ident, $next:ident, $ty:ty, $list:ident, $get:ident, $what:literal) => {
        #[doc = concat!("The first ", $what, " of a snapshot.")]
        #[export(kernel32, full)]
        pub fn $first(snapshot: HANDLE, to: Ptr<$ty>) -> Result<BOOL, Win32Error> {
            entry(snapshot, List::$list, true, to, $get).map(|()| BOOL(true))
        }
        #[doc = concat!("The next ", $what, " of a snapshot.")]
        #[export(kernel32, full)]
        pub fn $next(snapshot: HANDLE, to: Ptr<$ty>) -> Result<BOOL, Win32Error> {
            entry(snapshot, List::$list, false, to, $get).map(|()| BOOL(true))
        }
    };
}
walk!(Process32FirstW, Process32NextW, th::PROCESSENTRY32W, Processes, process_w, "process");
walk!(Process32First, Process32Next, th::PROCESSENTRY32, Processes, process_a, "process");
walk!(Thread32First, Thread32Next, th::THREADENTRY32, Threads, thread, "thread");
walk!(Module32FirstW, Module32NextW, th::MODULEENTRY32W, Modules, module_w, "module");
walk!(Module32First, Module32Next, th::MODULEENTRY32, Modules, module_a, "module");
