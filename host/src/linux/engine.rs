//! Unsafe edge: where a Linux guest's system calls arrive, and how its threads go on.
//!
//! GS points to the thread's [`Block`]. A call arrives at [`enter`], from a patched site or sent there by the handler of trapped
//! calls, with RCX the address to go on at and all else as the guest has it. Calls that need nothing of us are made right there, on the guest's
//! stack and with its registers; others get a stack of ours, our FS base, and an image of the guest's registers and vector
//! state, and go to the function in [`Hooks`].
//!
//! A signal may come at any instruction. The selector byte, which also tells the kernel whether to trap system calls, says
//! whose state is in the registers; where both are mixed, labels tell the handler ([`super::trap`]) how to get out of it.

pub use super::state::{SW_BYTES, State, XSAVE_HEADER, features, state_size};

use super::state::{self, AVX512, AVX512_AT, OTHERS, SIMPLE, STATE_MASK, STATE_SIZE, UPPER};
use crate::errno::{Errno, Result};
use std::arch::{asm, naked_asm};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Whose code runs: the selector of syscall user dispatch.
/// <https://docs.kernel.org/admin-guide/syscall-user-dispatch.html>
pub const HOST: u8 = 0;
pub const GUEST: u8 = 1;

/// What the asm here and the signal handler know of a thread.
#[repr(C)]
pub struct Block {
    pub(super) selector: AtomicU8,
    /// Something is to be done before the guest goes on: [`Hooks::pending`].
    pub(super) pending: AtomicU8,
    /// A waiting call was not made, or is to be made again, because something is pending.
    pub(super) restart: AtomicU8,
    /// All registers are to be loaded, RCX and R11 included, which a system call does not keep.
    pub(super) full: AtomicU8,
    /// How the entry has saved the guest's [`State`]: 0 whole, else one of `SIMPLE`'s values: what is not in memory is still in the processor,
    /// where nobody of us touches it: the x87 part.
    pub(super) light: AtomicU8,
    pub(super) resume: AtomicUsize,
    pub(super) guest_rsp: AtomicUsize,
    pub(super) host_rsp: AtomicUsize,
    pub(super) host_fs: AtomicUsize,
    pub(super) guest_fs: AtomicUsize,
    pub(super) frame: AtomicUsize,
    pub(super) state: AtomicUsize,
    /// Whatever who attaches the block wants to find again.
    pub data: AtomicUsize,
    /// The site whose call was trapped and is to be looked at; 0: none.
    pub trapped: AtomicUsize,
    /// The signal that waits for the guest to go on, and the mask that it interrupted.
    pub(super) waiting: std::cell::UnsafeCell<[u64; 16]>,
    pub(super) mask: AtomicU64,
}

// SAFETY: `waiting` is touched by its own thread only.
unsafe impl Sync for Block {}

const SELECTOR: usize = std::mem::offset_of!(Block, selector);
const PENDING: usize = std::mem::offset_of!(Block, pending);
const RESTART: usize = std::mem::offset_of!(Block, restart);
const FULL: usize = std::mem::offset_of!(Block, full);
const LIGHT: usize = std::mem::offset_of!(Block, light);
const RESUME: usize = std::mem::offset_of!(Block, resume);
const GUEST_RSP: usize = std::mem::offset_of!(Block, guest_rsp);
const HOST_RSP: usize = std::mem::offset_of!(Block, host_rsp);
pub(super) const HOST_FS: usize = std::mem::offset_of!(Block, host_fs);
const GUEST_FS: usize = std::mem::offset_of!(Block, guest_fs);
const FRAME: usize = std::mem::offset_of!(Block, frame);
const STATE: usize = std::mem::offset_of!(Block, state);
pub(super) const SELECTOR_AT: usize = SELECTOR;

/// The guest's general registers, as the asm lays them out; the last five as iretq takes them.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Registers {
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rbx: u64,
    pub rbp: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub cs: u64,
    pub flags: u64,
    pub rsp: u64,
    pub ss: u64,
}
const _: () = assert!(size_of::<Registers>() == 160);

/// The code and stack segments of 64-bit user code (arch/x86/include/asm/segment.h, ABI).
pub const USER_CS: u64 = 0x33;
pub const USER_SS: u64 = 0x2b;

/// What the guest's personality does where the engine meets it.
pub struct Hooks {
    /// A system call. What it leaves in the registers is what the guest goes on with.
    pub call: fn(&mut Registers, State),
    /// Something is pending: see [`take_waiting`].
    pub pending: fn(&mut Registers, State),
    /// A signal while the guest runs.
    pub signal: fn(&mut super::trap::Arrival),
    /// A call was trapped at this address. True: [`Hooks::call`] is to be told, even if the call itself needs nothing of us.
    pub trapped: fn(usize) -> bool,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

pub(super) fn hooks() -> &'static Hooks {
    // Set before any guest code runs.
    match HOOKS.get() {
        Some(hooks) => hooks,
        None => std::process::abort(),
    }
}

/// Which calls need nothing of us, by the low 16 bits of their number.
static FAST: [AtomicU8; 1 << 16] = [const { AtomicU8::new(0) }; 1 << 16];

/// A call that is made as the guest makes it.
pub fn set_fast(number: usize) {
    if let Some(fast) = FAST.get(number) {
        fast.store(1, Ordering::Relaxed);
    }
}

/// Prepares the process. ENOSYS: processor or kernel lack something, said by the message.
pub fn init(hooks: Hooks) -> std::result::Result<(), &'static str> {
    // SAFETY: reads the auxiliary vector.
    if unsafe { libc::getauxval(libc::AT_HWCAP2) } & 2 == 0 {
        return Err("the processor or kernel has no rdfsbase and wrfsbase (Linux 5.9, Ivy Bridge)");
    }
    state::init()?;
    let _ = HOOKS.set(hooks);
    super::trap::install();
    Ok(())
}

/// The address that a patched site jumps to.
pub fn entry() -> usize {
    enter as *const () as usize
}

/// The block of a thread that is to run guest code.
impl Default for Block {
    fn default() -> Block {
        Block {
            selector: AtomicU8::new(HOST),
            pending: AtomicU8::new(0),
            restart: AtomicU8::new(0),
            full: AtomicU8::new(0),
            light: AtomicU8::new(0),
            resume: AtomicUsize::new(0),
            guest_rsp: AtomicUsize::new(0),
            host_rsp: AtomicUsize::new(0),
            host_fs: AtomicUsize::new(0),
            guest_fs: AtomicUsize::new(0),
            frame: AtomicUsize::new(0),
            state: AtomicUsize::new(0),
            data: AtomicUsize::new(0),
            trapped: AtomicUsize::new(0),
            waiting: std::cell::UnsafeCell::new([0; 16]),
            mask: AtomicU64::new(0),
        }
    }
}

impl Block {
    /// Makes it the calling thread's: GS, the stack for signals, and dispatch. It stays where it is until the thread ends, as do `signals`, the
    /// memory of that stack; without it, one is made.
    pub fn attach(&self, signals: Option<Range<usize>>) -> Result<()> {
        let fs: usize;
        // SAFETY: init has made sure that the instruction is there.
        unsafe { asm!("rdfsbase {}", out(reg) fs, options(nomem, nostack, preserves_flags)) };
        self.host_fs.store(fs, Ordering::Relaxed);
        crate::gs::set_base(&raw const *self as usize);
        match signals {
            None => crate::signal::thread_init(),
            Some(memory) => {
                let stack = libc::stack_t { ss_sp: memory.start as *mut _, ss_flags: 0, ss_size: memory.len() };
                super::pass(libc::SYS_sigaltstack, [&raw const stack as usize, 0, 0, 0, 0, 0])?;
            }
        }
        self.arm()
    }

    /// Has the kernel trap the guest's system calls. Once for each thread, and again in the child of a fork.
    pub fn arm(&self) -> Result<()> {
        const PR_SET_SYSCALL_USER_DISPATCH: usize = 59;
        let (start, len) = allowed();
        super::pass(libc::SYS_prctl, [PR_SET_SYSCALL_USER_DISPATCH, 1, start, len, self.selector.as_ptr() as usize, 0]).map(drop)
    }

    /// The end of [`attach`](Self::attach) with memory for signals, which are blocked until the thread has ended.
    pub fn detach(&self) {
        const PR_SET_SYSCALL_USER_DISPATCH: usize = 59;
        let _ = super::pass(libc::SYS_prctl, [PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0, 0]);
        crate::gs::set_base(0);
    }

    pub fn guest_fs(&self) -> usize {
        self.guest_fs.load(Ordering::Relaxed)
    }

    pub fn set_guest_fs(&self, base: usize) {
        self.guest_fs.store(base, Ordering::Relaxed);
    }

    /// Lets the guest go on with all the registers that it is given.
    pub fn load_all(&self) {
        self.full.store(1, Ordering::Relaxed);
    }

    /// Whether a call that waits was kept from doing so.
    pub fn take_restart(&self) -> bool {
        self.restart.load(Ordering::Relaxed) != 0 && self.restart.swap(0, Ordering::Relaxed) != 0
    }

    /// Has [`Hooks::pending`] called before the guest goes on.
    pub fn set_pending(&self) {
        self.pending.store(1, Ordering::SeqCst);
    }

    pub fn is_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst) != 0
    }

    /// The signal that waits (its siginfo), and the mask that it interrupted. The thread's signals are blocked until
    /// [`super::trap::set_mask`].
    pub fn take_waiting(&self) -> Option<([u64; 16], u64)> {
        self.pending.store(0, Ordering::SeqCst);
        // SAFETY: the thread's own; the handler writes it only while nothing waits.
        let info = unsafe { std::mem::take(&mut *self.waiting.get()) };
        (info[0] as u32 != 0).then(|| (info, self.mask.load(Ordering::Relaxed)))
    }
}

/// The calling thread's block. Only on threads that have attached one.
pub fn block() -> &'static Block {
    let at: usize;
    // SAFETY: the thread's block, which lives as long as the thread.
    unsafe {
        asm!("rdgsbase {}", out(reg) at, options(nomem, nostack, preserves_flags));
        &*(at as *const Block)
    }
}

/// Whether the calling thread has a block.
pub fn is_attached() -> bool {
    let at: usize;
    // SAFETY: init has made sure that the instruction is there.
    unsafe { asm!("rdgsbase {}", out(reg) at, options(nomem, nostack, preserves_flags)) };
    at != 0
}

extern "C" fn call_hook(registers: *mut Registers, state: *mut u8) {
    // SAFETY: the asm's image of the guest's state, on this thread's stack.
    let (registers, state) = unsafe { (&mut *registers, State::of_entry(state)) };
    (hooks().call)(registers, state);
}

extern "C" fn pending_hook(registers: *mut Registers, state: *mut u8) {
    // SAFETY: as above.
    let (registers, state) = unsafe { (&mut *registers, State::of_entry(state)) };
    (hooks().pending)(registers, state);
}

unsafe extern "C" {
    static uosrun_fast_syscall: u8;
    static uosrun_fast_after: u8;
    static uosrun_slow: u8;
    static uosrun_exit: u8;
    static uosrun_exit_done: u8;
    static uosrun_redo: u8;
    static uosrun_iret: u8;
    fn uosrun_window(number: usize, args: *const [usize; 6]) -> isize;
    static uosrun_restorer: u8;
    /// Our image from its start to the end of its code (given by the linker).
    static __executable_start: u8;
    static etext: u8;
    static uosrun_window_start: u8;
    static uosrun_window_syscall: u8;
    static uosrun_window_pending: u8;
}

/// Addresses of the places that the signal handler has to know.
pub(super) struct Labels {
    pub enter: usize,
    pub fast_syscall: usize,
    pub fast_after: usize,
    pub slow: usize,
    pub exit: usize,
    pub exit_done: usize,
    pub redo: usize,
    pub iret: usize,
    pub window_start: usize,
    pub window_syscall: usize,
    pub window_pending: usize,
}

pub(super) fn labels() -> Labels {
    Labels {
        enter: entry(),
        fast_syscall: &raw const uosrun_fast_syscall as usize,
        fast_after: &raw const uosrun_fast_after as usize,
        slow: &raw const uosrun_slow as usize,
        exit: &raw const uosrun_exit as usize,
        exit_done: &raw const uosrun_exit_done as usize,
        redo: &raw const uosrun_redo as usize,
        iret: &raw const uosrun_iret as usize,
        window_start: &raw const uosrun_window_start as usize,
        window_syscall: &raw const uosrun_window_syscall as usize,
        window_pending: &raw const uosrun_window_pending as usize,
    }
}

/// Where the kernel lets system calls pass without a look at the selector: in all of our code. It must do so for calls that are made here
/// in the guest's stead, and for the return of the signal handler, since then the selector says that the guest runs; for the others
/// it saves the look, 25 ns.
fn allowed() -> (usize, usize) {
    let [start, end] = [&raw const __executable_start, &raw const etext].map(|at| at as usize);
    (start, end - start)
}

/// The return of the signal handler, as SA_RESTORER wants it.
pub(super) fn restorer() -> usize {
    &raw const uosrun_restorer as usize
}

/// See the module. Flags stay as they are up to `uosrun_slow`: a system call keeps them.
#[unsafe(naked)]
unsafe extern "C" fn enter() {
    naked_asm!(
        "mov gs:[{resume}], rcx",
        "mov byte ptr gs:[{selector}], 0",
        "movzx r11d, ax",
        "lea rcx, [rip + {fast}]",
        "movzx ecx, byte ptr [rcx + r11]",
        "jrcxz uosrun_slow",
        ".globl uosrun_fast_syscall",
        "uosrun_fast_syscall:",
        "syscall",
        ".globl uosrun_fast_after",
        "uosrun_fast_after:",
        "mov rcx, gs:[{resume}]",
        "mov byte ptr gs:[{selector}], 1",
        "jmp rcx",
        ".globl uosrun_slow",
        "uosrun_slow:",
        "mov gs:[{guest_rsp}], rsp",
        "mov rsp, gs:[{host_rsp}]",
        "push {ss}",
        "push qword ptr gs:[{guest_rsp}]",
        "pushfq",
        "push {cs}",
        "push qword ptr gs:[{resume}]",
        "push r15",
        "push r14",
        "push r13",
        "push r12",
        "push r11",
        "push r10",
        "push r9",
        "push r8",
        "push rdi",
        "push rsi",
        "push rbp",
        "push rbx",
        "push rdx",
        "push qword ptr gs:[{resume}]",
        "push rax",
        "mov byte ptr gs:[{full}], 0",
        "cld",
        "mov rbx, rsp",
        "mov gs:[{frame}], rsp",
        "sub rsp, [rip + {state_size}]",
        "and rsp, -64",
        "mov r12, rsp",
        "mov gs:[{state}], rsp",
        "xor eax, eax",
        "mov [r12 + 512], rax",
        "mov [r12 + 520], rax",
        "mov [r12 + 528], rax",
        "mov [r12 + 536], rax",
        "mov [r12 + 544], rax",
        "mov [r12 + 552], rax",
        "mov [r12 + 560], rax",
        "mov [r12 + 568], rax",
        "mov al, [rip + {simple}]",
        "mov gs:[{light}], al",
        "test al, al",
        "jz 3f",
        "stmxcsr [r12 + 24]",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"movaps [r12 + 160 + 16 * \n], xmm\n",
        ".endr",
        // What of the rest is in use.
        "mov ecx, 1",
        "xgetbv",
        "and eax, [rip + {mask}]",
        "and eax, 0xe4",
        "test al, 4",
        "jz 4f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"vextractf128 [r12 + 576 + 16 * \n], ymm\n, 1",
        ".endr",
        "4:",
        "test al, 0xe0",
        "jz 9f",
        "mov r13, [rip + {avx512_at}]",
        "add r13, r12",
        "test al, 0x20",
        "jz 6f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        r"kmovq [r13 + 8 * \n], k\n",
        ".endr",
        "6:",
        "test al, 0x40",
        "jz 7f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"vextractf64x4 [r13 + {upper} + 32 * \n], zmm\n, 1",
        ".endr",
        "7:",
        "test al, 0x80",
        "jz 9f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        r"vmovaps [r13 + {others} + 64 * (\n - 16)], zmm\n",
        ".endr",
        "9:",
        "or eax, 2",
        "mov [r12 + 512], eax",
        "jmp 5f",
        "3:",
        "mov eax, [rip + {mask}]",
        "mov edx, [rip + {mask} + 4]",
        "xsaveopt64 [r12]",
        "5:",
        "rdfsbase rax",
        "mov gs:[{guest_fs}], rax",
        "mov rax, gs:[{host_fs}]",
        "wrfsbase rax",
        "mov rdi, rbx",
        "mov rsi, r12",
        "call {call}",
        ".globl uosrun_exit",
        "uosrun_exit:",
        "cmp byte ptr gs:[{pending}], 0",
        "jne uosrun_redo",
        "cmp byte ptr gs:[{light}], 0",
        "je 3f",
        "vzeroupper",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"movaps xmm\n, [r12 + 160 + 16 * \n]",
        ".endr",
        "test byte ptr [r12 + 512], 4",
        "jz 4f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"vinsertf128 ymm\n, ymm\n, [r12 + 576 + 16 * \n], 1",
        ".endr",
        "4:",
        "ldmxcsr [r12 + 24]",
        "cmp byte ptr gs:[{light}], {avx512}",
        "jne 5f",
        // What was not in use was zero, and library functions may have used it.
        "mov r13, [rip + {avx512_at}]",
        "add r13, r12",
        "test byte ptr [r12 + 512], 0x40",
        "jz 6f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        r"vinsertf64x4 zmm\n, zmm\n, [r13 + {upper} + 32 * \n], 1",
        ".endr",
        "6:",
        "test byte ptr [r12 + 512], 0x20",
        "jz 7f",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        r"kmovq k\n, [r13 + 8 * \n]",
        ".endr",
        "jmp 8f",
        "7:",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        r"kxorq k\n, k\n, k\n",
        ".endr",
        "8:",
        "test byte ptr [r12 + 512], 0x80",
        "jz 9f",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        r"vmovaps zmm\n, [r13 + {others} + 64 * (\n - 16)]",
        ".endr",
        "jmp 5f",
        "9:",
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        r"vpxorq zmm\n, zmm\n, zmm\n",
        ".endr",
        "jmp 5f",
        "3:",
        "mov eax, [rip + {mask}]",
        "mov edx, [rip + {mask} + 4]",
        "xrstor64 [r12]",
        "5:",
        "mov rax, gs:[{guest_fs}]",
        "wrfsbase rax",
        "mov rsp, rbx",
        "cmp byte ptr gs:[{full}], 0",
        "pop rax",
        "pop rcx",
        "pop rdx",
        "pop rbx",
        "pop rbp",
        "pop rsi",
        "pop rdi",
        "pop r8",
        "pop r9",
        "pop r10",
        "pop r11",
        "pop r12",
        "pop r13",
        "pop r14",
        "pop r15",
        "jne 2f",
        // Nothing is written here: the image must be whole if a signal sends us back.
        "mov rcx, [rsp]",
        "lea rsp, [rsp + 16]",
        "popfq",
        "mov rsp, [rsp]",
        "mov byte ptr gs:[{selector}], 1",
        "jmp rcx",
        "2:",
        "mov byte ptr gs:[{selector}], 1",
        ".globl uosrun_exit_done",
        "uosrun_exit_done:",
        ".globl uosrun_iret",
        "uosrun_iret:",
        "iretq",
        ".globl uosrun_redo",
        "uosrun_redo:",
        "mov rax, gs:[{host_fs}]",
        "wrfsbase rax",
        "mov rbx, gs:[{frame}]",
        "mov r12, gs:[{state}]",
        "mov rsp, r12",
        "cld",
        "mov rdi, rbx",
        "mov rsi, r12",
        "call {pending_hook}",
        "jmp uosrun_exit",
        // fn(number, &[usize; 6]) -> isize: see `wait`.
        ".globl uosrun_window",
        "uosrun_window:",
        "mov rax, rdi",
        "mov r11, rsi",
        "mov rdi, [r11]",
        "mov rsi, [r11 + 8]",
        "mov rdx, [r11 + 16]",
        "mov r10, [r11 + 24]",
        "mov r8, [r11 + 32]",
        "mov r9, [r11 + 40]",
        ".globl uosrun_window_start",
        "uosrun_window_start:",
        "cmp byte ptr gs:[{pending}], 0",
        "jne uosrun_window_pending",
        ".globl uosrun_window_syscall",
        "uosrun_window_syscall:",
        "syscall",
        "ret",
        ".globl uosrun_window_pending",
        "uosrun_window_pending:",
        "mov byte ptr gs:[{restart}], 1",
        "mov rax, -4",
        "ret",
        // The return of the signal handler.
        ".globl uosrun_restorer",
        "uosrun_restorer:",
        "mov eax, 15",
        "syscall",
        "ud2",
        restart = const RESTART,
        resume = const RESUME,
        selector = const SELECTOR,
        guest_rsp = const GUEST_RSP,
        host_rsp = const HOST_RSP,
        frame = const FRAME,
        state = const STATE,
        guest_fs = const GUEST_FS,
        host_fs = const HOST_FS,
        pending = const PENDING,
        full = const FULL,
        light = const LIGHT,
        simple = sym SIMPLE,
        avx512 = const AVX512,
        avx512_at = sym AVX512_AT,
        upper = const UPPER,
        others = const OTHERS,
        ss = const USER_SS,
        cs = const USER_CS,
        fast = sym FAST,
        mask = sym STATE_MASK,
        state_size = sym STATE_SIZE,
        call = sym call_hook,
        pending_hook = sym pending_hook,
    )
}

#[unsafe(naked)]
unsafe extern "C" fn start_asm(registers: *const Registers, state: *const u8) -> ! {
    naked_asm!(
        "and rsp, -64",
        "mov gs:[{host_rsp}], rsp",
        "sub rsp, {size}",
        "mov rax, rsi",
        "mov rsi, rdi",
        "mov rdi, rsp",
        "mov ecx, {size}",
        "cld",
        "rep movsb",
        "mov rbx, rsp",
        "mov gs:[{frame}], rsp",
        "mov rcx, [rip + {state_size}]",
        "sub rsp, rcx",
        "and rsp, -64",
        "mov rsi, rax",
        "mov rdi, rsp",
        "rep movsb",
        "mov r12, rsp",
        "mov gs:[{state}], rsp",
        "mov byte ptr gs:[{full}], 1",
        "jmp uosrun_exit",
        host_rsp = const HOST_RSP,
        size = const size_of::<Registers>(),
        frame = const FRAME,
        state = const STATE,
        full = const FULL,
        state_size = sym STATE_SIZE,
    )
}

/// Lets the calling thread, which has attached its block, run guest code: never to return but by [`crate::stack::leave`].
/// Without a `state`, the processor's initial one.
pub fn start(registers: &Registers, state: Option<&[u8]>) -> ! {
    let initial;
    let state = match state {
        Some(state) => state,
        None => {
            let mut reset = vec![0; state_size()];
            state::reset(&mut reset);
            initial = reset.leak();
            initial
        }
    };
    assert!(state.len() >= state_size());
    // SAFETY: both are read before the stack below them is used; the block is attached.
    unsafe { start_asm(registers, state.as_ptr()) }
}

/// Makes a system call that may wait. A signal for the guest that comes before it, or interrupts it so that the kernel would
/// make it again, ends it with EINTR and [`Block::take_restart`]: the guest is to make the call again after its handler.
pub fn wait(number: i64, args: [usize; 6]) -> Result<usize> {
    // SAFETY: see super::pass; the thread has a block.
    let result = unsafe { uosrun_window(number as usize, &args) };
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}

/// Splits the process. The child has the calling thread only, with its block, armed. Signals are blocked meanwhile by the
/// caller. `alone`: the process has no other thread, so that no lock of the C library is held and it need not be asked: its own
/// fork touches a dozen pages, each of which both processes then copy. Then these are clone(2)'s flags, and with CLONE_PIDFD the parent gets
/// a descriptor in `pidfd`. Without it, the child's end raises SIGCHLD.
pub fn fork(alone: Option<usize>, pidfd: &mut i32) -> Result<u32> {
    let child = if let Some(flags) = alone {
        super::pass(libc::SYS_clone, [flags, 0, &raw mut *pidfd as usize, 0, 0, 0])? as i32
    } else {
        // SAFETY: the C library's fork keeps its own locks in order; ours are held by the caller.
        unsafe { libc::fork() }
    };
    match child {
        -1 => Err(Errno::last()),
        0 => block().arm().map(|()| 0),
        child => Ok(child as u32),
    }
}
