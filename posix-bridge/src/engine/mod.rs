//! The engine: where system calls of the guest arrive, and what belongs to the whole process.

pub mod lock;
pub mod memory;
pub mod patch;
pub mod room;
pub mod texts;
pub mod thread;

use crate::call::Call;
use crate::identity::{Identity, peer};
use crate::process::{exec, foreign::Launcher};
use crate::signal;
use crate::table;
use crate::trace;
use crate::vfs::{Bind, Vfs};
use host::linux::engine::{self, Hooks, Registers, State, block};
use host::mem::PAGE;
use host::{Errno, linux};
use lock::Lock;
use memory::Memory;
use signal::action::Actions;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use thread::Thread;

/// How system calls are caught.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Engine {
    /// Trapped; sites that trap often are patched.
    #[default]
    Patch,
    /// All trapped.
    Trap,
}

/// What to run.
pub struct Options {
    /// A folder of the host that is the guest's whole file system.
    pub root: Vec<u8>,
    pub binds: Vec<Bind>,
    pub engine: Engine,
    pub trace: bool,
    /// The program's path inside the root, or a name to look for on PATH.
    pub program: Vec<u8>,
    pub arguments: Vec<Vec<u8>>,
    pub environment: Vec<Vec<u8>>,
    /// Who runs programs of another system that the guest executes.
    pub launcher: Option<Launcher>,
    /// The guest is to seem to be root.
    pub as_root: bool,
}

/// What belongs to the guest's process as a whole.
pub struct Process {
    pub vfs: Vfs,
    pub memory: Lock<Memory>,
    pub actions: Actions,
    pub threads: thread::Threads,
    /// Timers of timer_create(2), which do not outlive the program.
    pub timers: Lock<Vec<i32>>,
    /// Contexts of io_setup(2), likewise.
    pub contexts: Lock<Vec<usize>>,
    /// The limits on descriptors that the guest has set.
    pub descriptor_limit: Lock<Option<[u64; 2]>>,
    pub engine: Engine,
    /// Where calls are shown.
    pub trace: Option<crate::vfs::Ours>,
    pub launcher: Option<Launcher>,
    /// Whether `identity` is there.
    pub emulates_root: bool,
    /// Who the guest seems to be; None: who it is.
    pub identity: Lock<Option<Identity>>,
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// The guest's process.
pub fn process() -> &'static Process {
    match PROCESS.get() {
        Some(process) => process,
        // Set before any guest code runs.
        None => std::process::abort(),
    }
}

/// The guest's program break, from its beginning to the end of its last page. Empty where there is none, and before a guest runs.
pub fn break_range() -> Range<usize> {
    PROCESS.get().map_or(0..0, |process| {
        let memory = process.memory.lock();
        memory.break_start..memory.break_end.next_multiple_of(PAGE)
    })
}

/// Why a program could not be started.
#[derive(Debug)]
pub enum StartError {
    /// What is wrong with the host, the root or a bind.
    Host(String),
    /// The program itself.
    Program(Errno),
    /// What its file is.
    Image(String),
}

/// Starts the guest's first program in this process. Returns only when it cannot be started.
pub fn run(options: Options) -> StartError {
    match start(options) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn start(options: Options) -> Result<std::convert::Infallible, StartError> {
    // Root need not seem to be root.
    let as_root = options.as_root && linux::pass(libc::SYS_geteuid, [0; 6]) != Ok(0);
    let shown = String::from_utf8_lossy(&options.root).into_owned();
    let needed = (crate::vfs::OURS + crate::vfs::OURS_COUNT) as u64;
    if linux::limit(libc::RLIMIT_NOFILE as i32).is_ok_and(|[_, hard]| hard < needed) {
        return Err(StartError::Host(format!("the hard limit on descriptors (ulimit -Hn) is below {needed}")));
    }
    let vfs = Vfs::new(&options.root, &options.binds, true).map_err(|e| StartError::Host(format!("{shown}: {e}")))?;
    vfs.close_outside().map_err(|e| StartError::Host(format!("descriptors: {e}")))?;
    enter_root(&vfs).map_err(|e| StartError::Host(format!("{shown}: {e}")))?;
    let hooks = Hooks { call: on_call, pending: signal::on_pending, signal: signal::on_signal, trapped: patch::on_trap };
    engine::init(hooks).map_err(|e| StartError::Host(e.into()))?;
    if !options.trace {
        table::LIST.iter().filter(|entry| entry.fast || entry.fast_as_oneself && !as_root).for_each(|entry| engine::set_fast(entry.number));
    }
    // Errors of the guest may go elsewhere later.
    let trace = options.trace.then(|| host::file::duplicate(2).and_then(crate::vfs::Ours::new));
    let trace = trace.transpose().map_err(|e| StartError::Host(format!("standard error: {e}")))?;
    let identity = if as_root { Identity::root().map(Some) } else { Ok(None) };
    let identity = identity.map_err(|e| StartError::Host(format!("identity: {e}")))?;
    identity.as_ref().inspect(|identity| peer::tell(identity));
    let process = PROCESS.get_or_init(|| Process {
        vfs,
        memory: Lock::default(),
        actions: Actions::default(),
        threads: thread::Threads::default(),
        timers: Lock::default(),
        contexts: Lock::default(),
        descriptor_limit: Lock::default(),
        engine: options.engine,
        trace,
        launcher: options.launcher,
        emulates_root: as_root,
        identity: Lock::new(identity),
    });
    let mask = host::linux::trap::mask();
    Thread::attach_first().map_err(|e| StartError::Host(format!("the first thread: {e}")))?;
    let program = exec::find(&process.vfs, &options.program, &options.environment).map_err(StartError::Program)?;
    let image = exec::Program::open(&process.vfs, libc::AT_FDCWD, &program, options.arguments).map_err(|error| {
        let why = if error == Errno(libc::ENOEXEC) { exec::why(&process.vfs, &program) } else { None };
        why.map_or(StartError::Program(error), |why| StartError::Image(why.to_string()))
    })?;
    let loaded = match image {
        exec::Program::Elf(loaded) => loaded,
        exec::Program::Foreign(foreign) => return Err(StartError::Program(foreign.run(&options.environment, mask))),
    };
    let registers = loaded.replace(process, options.environment).map_err(StartError::Program)?;
    block().set_guest_fs(0);
    engine::start(&registers, None)
}

/// The guest starts in the directory that the host process is in, if that lies in the tree; else in the root.
fn enter_root(vfs: &Vfs) -> host::Result<()> {
    if vfs.place_of_folder(libc::AT_FDCWD)?.is_none() {
        let root = vfs.node(libc::AT_FDCWD, c"/", crate::vfs::resolve::Last::Follow)?;
        linux::pass(libc::SYS_fchdir, [root.fd.as_raw_fd() as usize, 0, 0, 0, 0, 0])?;
    }
    vfs.cwd_changed();
    Ok(())
}

/// A system call.
fn on_call(registers: &mut Registers, mut state: State) {
    patch::consider(block(), registers.rax as u32);
    let process = process();
    // The kernel looks at its lower half alone.
    let number = registers.rax as u32 as usize;
    let args = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9].map(|r| r as usize);
    let mut call = Call { number, args, vfs: &process.vfs, process, registers, state: &mut state, replaced: false };
    let begun = process.trace.as_ref().map(|to| (to, trace::begin(&call, to)));
    let result = table::dispatch(&mut call);
    if let Some((to, begun)) = begun {
        trace::end(&call, begun, result, to);
    }
    let replaced = call.replaced;
    if block().take_restart() && result == Err(Errno::EINTR) {
        thread::current().interrupted.set(Some(number));
    }
    if !replaced {
        registers.rax = match result {
            Ok(value) => value as u64,
            Err(error) => -i64::from(error.0) as u64,
        };
    }
}
