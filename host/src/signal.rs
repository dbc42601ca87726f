//! Unsafe edge: host signals, and the machine state that they carry.
//!
//! [`install`] is called once per process and [`thread_init`] by every thread that runs guest code. The
//! handler that ntdll registers sees a [`Trap`] and may change any register in it: the thread goes on with them.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// General registers in the order in which instructions number them: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
/// R8 to R15. Windows' CONTEXT has them in the same order.
pub type Gprs = [u64; 16];

const ORDER: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// Size of the legacy (FXSAVE) part of the floating-point state.
pub const FX_SIZE: usize = 512;
/// Offset in the FXSAVE area at which the kernel says how much follows it (uapi/asm/sigcontext.h,
/// `struct _fpx_sw_bytes`).
const SW_BYTES: usize = 464;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;

/// The machine state of a thread that a signal has interrupted.
pub struct Trap {
    pub signal: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub addr: usize,
    context: *mut libc::ucontext_t,
}

impl Trap {
    fn greg(&self, index: libc::c_int) -> u64 {
        // SAFETY: the kernel's ucontext lives until the handler returns.
        unsafe { (&raw const (*self.context).uc_mcontext.gregs[index as usize]).read() as u64 }
    }

    fn set_greg(&mut self, index: libc::c_int, value: u64) {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.context).uc_mcontext.gregs[index as usize]).write(value as i64) }
    }

    pub fn gprs(&self) -> Gprs {
        ORDER.map(|index| self.greg(index))
    }

    pub fn set_gprs(&mut self, gprs: &Gprs) {
        for (index, value) in ORDER.iter().zip(gprs) {
            self.set_greg(*index, *value);
        }
    }

    pub fn gpr(&self, number: usize) -> u64 {
        self.greg(ORDER[number])
    }

    pub fn set_gpr(&mut self, number: usize, value: u64) {
        self.set_greg(ORDER[number], value);
    }

    pub fn rip(&self) -> u64 {
        self.greg(libc::REG_RIP)
    }

    pub fn set_rip(&mut self, value: u64) {
        self.set_greg(libc::REG_RIP, value);
    }

    pub fn eflags(&self) -> u32 {
        self.greg(libc::REG_EFL) as u32
    }

    pub fn set_eflags(&mut self, value: u32) {
        self.set_greg(libc::REG_EFL, value.into());
    }

    /// Makes the host's system call that the registers name, for one that was caught in host code outside of libc.
    pub fn run_syscall(&mut self) {
        let argument = |index| self.greg(index);
        // SAFETY: the call that host code wanted to make itself.
        let result = unsafe {
            libc::syscall(
                argument(libc::REG_RAX) as libc::c_long,
                argument(libc::REG_RDI),
                argument(libc::REG_RSI),
                argument(libc::REG_RDX),
                argument(libc::REG_R10),
                argument(libc::REG_R8),
                argument(libc::REG_R9),
            )
        };
        // SAFETY: errno is thread-local.
        let result = if result == -1 { -i64::from(unsafe { *libc::__errno_location() }) } else { result };
        self.set_greg(libc::REG_RAX, result as u64);
    }

    /// The processor's exception number (14 is a page fault).
    pub fn vector(&self) -> u32 {
        self.greg(libc::REG_TRAPNO) as u32
    }

    /// The processor's error code.
    pub fn error(&self) -> u64 {
        self.greg(libc::REG_ERR)
    }

    /// The faulting address of a page fault.
    pub fn fault_address(&self) -> u64 {
        self.greg(libc::REG_CR2)
    }

    fn fpstate(&self) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.context).uc_mcontext.fpregs.cast() }
    }

    /// The FXSAVE area: x87 and SSE state.
    pub fn fx(&self) -> Option<[u8; FX_SIZE]> {
        let state = self.fpstate();
        if state.is_null() {
            return None;
        }
        // SAFETY: the kernel's frame has at least the legacy area where the pointer is set.
        Some(unsafe { state.cast::<[u8; FX_SIZE]>().read_unaligned() })
    }

    /// Replaces x87 and SSE state; the software bytes at the end stay as the kernel made them.
    pub fn set_fx(&mut self, fx: &[u8; FX_SIZE]) {
        let state = self.fpstate();
        if !state.is_null() {
            // SAFETY: as above; bytes up to 464 are machine state.
            unsafe {
                std::ptr::copy_nonoverlapping(fx.as_ptr(), state, SW_BYTES);
                // The header's mask must say that x87 and SSE state are not in their initial configuration.
                if self.extended_size() > FX_SIZE + 64 {
                    let mask = state.add(FX_SIZE).cast::<u64>();
                    mask.write_unaligned(mask.read_unaligned() | 3);
                }
            }
        }
    }

    /// Bytes of XSAVE state, or 0 when there is only the legacy area.
    fn extended_size(&self) -> usize {
        let state = self.fpstate();
        // SAFETY: as above.
        unsafe {
            if state.is_null() || state.add(SW_BYTES).cast::<u32>().read_unaligned() != FP_XSTATE_MAGIC1 {
                return 0;
            }
            // magic1, extended_size, xfeatures (u64), xstate_size
            state.add(SW_BYTES + 16).cast::<u32>().read_unaligned() as usize
        }
    }

    /// The XSAVE state from its header on (standard format, without the legacy area).
    pub fn xstate(&self) -> &[u8] {
        let size = self.extended_size();
        if size <= FX_SIZE {
            return &[];
        }
        // SAFETY: the kernel says that so many bytes are there; they live as long as the handler.
        unsafe { std::slice::from_raw_parts(self.fpstate().add(FX_SIZE), size - FX_SIZE) }
    }

    /// Puts an XSAVE state (from its header on) back.
    pub fn set_xstate(&mut self, state: &[u8]) {
        let size = self.extended_size();
        if size > FX_SIZE && state.len() == size - FX_SIZE {
            // SAFETY: as above.
            unsafe { std::ptr::copy_nonoverlapping(state.as_ptr(), self.fpstate().add(FX_SIZE), state.len()) }
        }
    }
}

/// Looks at a trap; returning lets the thread go on with the registers in it.
pub type Handler = fn(&mut Trap);

static TRAP_HANDLER: OnceLock<Handler> = OnceLock::new();
static INTERRUPT_HANDLER: OnceLock<Handler> = OnceLock::new();
static SYSCALL_HANDLER: OnceLock<Handler> = OnceLock::new();

thread_local! {
    /// The alternate stack: address, or 0 when this thread has none (it runs no guest code).
    static ALTERNATE: Cell<usize> = const { Cell::new(0) };
}

/// Size of the alternate stack: the kernel's frame (up to 11 KiB with AMX), the handlers, and the walk over
/// our own frames. Only touched pages cost memory.
const ALTERNATE_SIZE: usize = 128 * 1024;

extern "C" fn on_trap(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    deliver(&TRAP_HANDLER, signal, info, context);
}

extern "C" fn on_interrupt(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: errno is thread-local; the interrupted code must find it unchanged.
    let errno = unsafe { *libc::__errno_location() };
    deliver(&INTERRUPT_HANDLER, signal, info, context);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

extern "C" fn on_sigsys(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: errno is thread-local; the interrupted code must find it unchanged.
    let errno = unsafe { *libc::__errno_location() };
    deliver(&SYSCALL_HANDLER, signal, info, context);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn deliver(handler: &OnceLock<Handler>, signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes both to an SA_SIGINFO handler.
    let (code, addr) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let mut trap = Trap { signal, code, addr, context: context.cast() };
    match handler.get() {
        Some(handler) => handler(&mut trap),
        None => default_action(signal),
    }
}

/// A write beyond the limit on a file's size (setrlimit) is an error from now on, as on a full disk, and no signal.
pub fn limits_are_errors() {
    // SAFETY: a plain call.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Ends the process as the signal does by default (with a core dump where they are on).
pub fn default_action(signal: i32) {
    // SAFETY: plain calls; the signal is delivered when the handler returns or at once.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
}

fn set_action(signal: i32, action: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void), flags: libc::c_int) {
    // SAFETY: a well-formed sigaction; the handlers are signal-safe by their own contract.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action as *const () as usize;
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | flags;
        libc::sigemptyset(&mut new.sa_mask);
        libc::sigaddset(&mut new.sa_mask, interrupt_signal());
        libc::sigaction(signal, &new, std::ptr::null_mut());
    }
}

/// Installs the handler of faults and traps. Once per process, before guest code runs.
///
/// A fault inside the handler is delivered again (the handler reads guest memory).
pub fn install(handler: Handler) {
    refresh_host_code();
    if TRAP_HANDLER.set(handler).is_ok() {
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
            set_action(signal, on_trap, libc::SA_NODEFER);
        }
    }
}

/// The signal by which one thread interrupts another one.
pub fn interrupt_signal() -> i32 {
    libc::SIGRTMIN() + 4
}

/// Installs the handler of [`interrupt`]. Once per process, when first needed.
pub fn install_interrupt(handler: Handler) {
    if INTERRUPT_HANDLER.set(handler).is_ok() {
        set_action(interrupt_signal(), on_interrupt, libc::SA_RESTART);
    }
}

/// Runs the interrupt handler on a thread of this process (by its host thread id). False: no such thread.
pub fn interrupt(tid: i32) -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, interrupt_signal()) == 0 }
}

/// Gives the calling thread an alternate stack for signals. Before it runs guest code.
pub fn thread_init() {
    if ALTERNATE.get() != 0 {
        return;
    }
    // SAFETY: a fresh mapping; the lowest page stays inaccessible so that an overflow is noticed.
    unsafe {
        let base = libc::mmap(
            std::ptr::null_mut(),
            ALTERNATE_SIZE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if base == libc::MAP_FAILED {
            return;
        }
        libc::mprotect(base, 4096, libc::PROT_NONE);
        let stack = libc::stack_t { ss_sp: base.cast::<u8>().add(4096).cast(), ss_flags: 0, ss_size: ALTERNATE_SIZE - 4096 };
        libc::sigaltstack(&stack, std::ptr::null_mut());
        ALTERNATE.set(base as usize);
    }
}

/// Gives the alternate stack back. The last thing before a guest thread's host thread ends.
pub fn thread_exit() {
    let base = ALTERNATE.replace(0);
    if base != 0 {
        // SAFETY: the mapping of thread_init; nothing runs on it, as this code doesn't.
        unsafe {
            let off = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            libc::sigaltstack(&off, std::ptr::null_mut());
            libc::munmap(base as *mut libc::c_void, ALTERNATE_SIZE);
        }
    }
}

/// Whether the calling thread runs guest code (it called [`thread_init`]).
pub fn is_guest_thread() -> bool {
    ALTERNATE.get() != 0
}

/// Ranges of host code: our own and that of the host's libraries. Pairs of start and end; 0 is free.
static HOST_CODE: [AtomicUsize; 2 * 48] = [const { AtomicUsize::new(0) }; 96];

/// Lists the host's code again. After a host library was loaded.
pub fn refresh_host_code() {
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _size: usize, data: *mut libc::c_void) -> libc::c_int {
        // SAFETY: glibc passes a valid entry, and `data` is the counter below.
        unsafe {
            let count = &mut *data.cast::<usize>();
            let headers = std::slice::from_raw_parts((*info).dlpi_phdr, (*info).dlpi_phnum.into());
            for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_X != 0) {
                if *count < HOST_CODE.len() / 2 {
                    let start = (*info).dlpi_addr.wrapping_add(header.p_vaddr) as usize;
                    HOST_CODE[*count * 2 + 1].store(start + header.p_memsz as usize, Ordering::Relaxed);
                    HOST_CODE[*count * 2].store(start, Ordering::Release);
                    *count += 1;
                }
            }
        }
        0
    }
    let mut count = 0usize;
    // SAFETY: the callback matches the prototype and only lives for the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut count).cast()) };
}

/// Whether an address is in host code.
pub fn is_host_code(addr: usize) -> bool {
    for range in HOST_CODE.chunks_exact(2) {
        let start = range[0].load(Ordering::Acquire);
        if start == 0 {
            return false;
        }
        if addr >= start && addr < range[1].load(Ordering::Relaxed) {
            return true;
        }
    }
    false
}

/// Nonvolatile registers of the Windows convention, as they were where a host function was entered.
#[derive(Clone, Copy, Default, Debug)]
pub struct Nonvolatile {
    pub rbx: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
}

struct Search {
    target: u64,
    found: Option<Nonvolatile>,
    frames: u32,
}

unsafe extern "C" {
    fn _Unwind_Backtrace(each: extern "C" fn(*mut libc::c_void, *mut libc::c_void) -> i32, data: *mut libc::c_void) -> i32;
    fn _Unwind_GetGR(context: *mut libc::c_void, register: i32) -> usize;
    fn _Unwind_GetCFA(context: *mut libc::c_void) -> usize;
}

/// Walks our own frames, from within a signal handler, up to the one whose return address lies at
/// `entry_rsp`, and says what the nonvolatile registers were there.
pub fn nonvolatile_at(entry_rsp: usize) -> Option<Nonvolatile> {
    extern "C" fn each(context: *mut libc::c_void, data: *mut libc::c_void) -> i32 {
        // SAFETY: the unwinder passes its context and our data.
        unsafe {
            let search = &mut *data.cast::<Search>();
            search.frames += 1;
            // In the callback, the CFA is the RSP of the frame named by the context: just above the return
            // address by which its callee was called.
            let cfa = _Unwind_GetCFA(context) as u64;
            if search.frames > 4 && cfa == search.target {
                // DWARF numbers: rbx 3, rsi 4, rdi 5, rbp 6. https://gitlab.com/x86-psABIs/x86-64-ABI
                search.found = Some(Nonvolatile {
                    rbx: _Unwind_GetGR(context, 3) as u64,
                    rsi: _Unwind_GetGR(context, 4) as u64,
                    rdi: _Unwind_GetGR(context, 5) as u64,
                    rbp: _Unwind_GetGR(context, 6) as u64,
                    r12: _Unwind_GetGR(context, 12) as u64,
                    r13: _Unwind_GetGR(context, 13) as u64,
                    r14: _Unwind_GetGR(context, 14) as u64,
                    r15: _Unwind_GetGR(context, 15) as u64,
                });
                return 4;
            }
            if search.frames > 200 { 4 } else { 0 }
        }
    }
    let mut search = Search { target: entry_rsp as u64 + 8, found: None, frames: 0 };
    // SAFETY: the callback matches; the walk ends where there is no unwind data (guest code).
    unsafe { _Unwind_Backtrace(each, (&raw mut search).cast()) };
    search.found
}

/// Installs the handler of system calls that were caught by [`dispatch_syscalls`].
pub fn install_syscall(handler: Handler) {
    if SYSCALL_HANDLER.set(handler).is_ok() {
        set_action(libc::SIGSYS, on_sigsys, libc::SA_NODEFER);
    }
}

const PR_SET_SYSCALL_USER_DISPATCH: libc::c_int = 59;
const PR_SYS_DISPATCH_ON: libc::c_ulong = 1;

/// From now on, a `syscall` instruction of this thread that lies outside of libc raises SIGSYS; our own calls are all in
/// libc. False: the host's kernel cannot do it. <https://docs.kernel.org/admin-guide/syscall-user-dispatch.html>
pub fn dispatch_syscalls() -> bool {
    let inside = libc::syscall as *const () as usize;
    let bounds = HOST_CODE.chunks_exact(2).map(|range| [0, 1].map(|index| range[index].load(Ordering::Acquire)));
    let Some([start, end]) = bounds.into_iter().find(|&[start, end]| (start..end).contains(&inside)) else { return false };
    // SAFETY: a plain system call. There is no selector byte: dispatch stays on.
    unsafe {
        libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, start as libc::c_ulong, (end - start) as libc::c_ulong, 0usize) == 0
    }
}
