//! Unsafe edge: signals of a Linux host while a Linux guest runs, and its trapped system calls.
//!
//! One handler takes them all, on a stack of its own, with everything blocked. If the registers are the guest's, or can be
//! made so, the personality's hook is asked at once. Else the signal waits in the thread's block until the guest is about to go on, and no
//! other one comes meanwhile.

use super::engine::{GUEST, HOST, HOST_FS, Registers, SELECTOR_AT, State, USER_CS, USER_SS, block, hooks, labels, restorer};
use super::pass;
use crate::errno::Result;
use std::arch::naked_asm;
use std::sync::atomic::Ordering;

/// Signals that faults and trapped calls raise: blocked, they would kill.
pub const FAULTS: u64 =
    bit(libc::SIGSEGV) | bit(libc::SIGBUS) | bit(libc::SIGILL) | bit(libc::SIGFPE) | bit(libc::SIGTRAP) | bit(libc::SIGSYS);

/// A signal in a mask.
pub const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// `struct sigaction` as the kernel takes it.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Action {
    pub handler: usize,
    pub flags: u64,
    pub restorer: usize,
    pub mask: u64,
}

pub const SA_RESTORER: u64 = 0x0400_0000;

/// A signal that has come while the guest runs.
pub struct Arrival {
    pub signal: i32,
    /// Its siginfo.
    pub info: [u64; 16],
    pub registers: Registers,
    pub state: State,
    /// The mask that the guest goes on with; at first the one that it had.
    pub mask: u64,
    /// CR2, the error code and the trap number of a fault.
    pub fault: [u64; 3],
}

/// SI_USER and its like have no `si_code` above 0; the kernel's own do (sigaction(2)).
pub fn is_fault(signal: i32, code: i32) -> bool {
    code > 0 && bit(signal) & FAULTS != 0
}

/// SYS_USER_DISPATCH (uapi/asm-generic/siginfo.h).
const SYS_USER_DISPATCH: i32 = 2;

const ORDER: [libc::c_int; 17] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
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
    libc::REG_RIP,
    libc::REG_EFL,
];

/// The context that the kernel has saved, and goes on with.
struct Context(*mut libc::ucontext_t);

impl Context {
    fn get(&self, index: libc::c_int) -> u64 {
        // SAFETY: the kernel's ucontext lives until the handler returns.
        unsafe { (&raw const (*self.0).uc_mcontext.gregs[index as usize]).read() as u64 }
    }

    fn set(&mut self, index: libc::c_int, value: u64) {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0).uc_mcontext.gregs[index as usize]).write(value as i64) }
    }

    fn mask(&self) -> u64 {
        // SAFETY: as above; the kernel's mask has 64 bits.
        unsafe { (&raw const (*self.0).uc_sigmask).cast::<u64>().read() }
    }

    fn set_mask(&mut self, mask: u64) {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0).uc_sigmask).cast::<u64>().write(mask) }
    }

    fn registers(&self) -> Registers {
        let values = ORDER.map(|index| self.get(index));
        let [rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rip, flags] = values;
        let rsp = self.get(libc::REG_RSP);
        Registers { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rip, cs: USER_CS, flags, rsp, ss: USER_SS }
    }

    fn set_registers(&mut self, r: &Registers) {
        let values =
            [r.rax, r.rcx, r.rdx, r.rbx, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip, r.flags];
        for (index, value) in ORDER.iter().zip(values) {
            self.set(*index, value);
        }
        self.set(libc::REG_RSP, r.rsp);
    }
}

/// Handles a signal; `was`: whose code ran. Returns whose code is to run.
extern "C" fn arrived(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::ucontext_t, was: u8) -> u8 {
    let mut context = Context(context);
    let block = block();
    let labels = labels();
    let rip = context.get(libc::REG_RIP) as usize;
    // SAFETY: the kernel passes 128 bytes.
    let info = unsafe { info.cast::<[u64; 16]>().read() };
    let code = info[1] as i32;
    if signal == libc::SIGSYS && code == SYS_USER_DISPATCH {
        context.set(libc::REG_RCX, rip as u64);
        if (hooks().trapped)(rip - 2) {
            block.resume.store(rip, Ordering::Relaxed);
            context.set(libc::REG_RIP, labels.slow as u64);
            return HOST;
        }
        context.set(libc::REG_RIP, labels.enter as u64);
        return GUEST;
    }
    let resume = block.resume.load(Ordering::Relaxed) as u64;
    let mut registers = context.registers();
    let guest = if rip > labels.enter && rip <= labels.fast_syscall {
        (registers.rip, registers.rcx) = (labels.enter as u64, resume);
        true
    } else if rip >= labels.fast_after && rip < labels.slow {
        (registers.rip, registers.rcx) = (resume, resume);
        true
    } else {
        if was == GUEST && rip == labels.iret {
            // SAFETY: iretq's operand: RIP, CS, flags, RSP, SS, on this thread's stack.
            let [rip, _, flags, rsp, _] = unsafe { (registers.rsp as *const [u64; 5]).read() };
            (registers.rip, registers.flags, registers.rsp) = (rip, flags, rsp);
        }
        was == GUEST
    };
    if guest {
        // SAFETY: the kernel's frame holds the whole state; see mod engine on its size.
        let state = unsafe { State::new((*context.0).uc_mcontext.fpregs.cast()) };
        let fault = [libc::REG_CR2, libc::REG_ERR, libc::REG_TRAPNO].map(|index| context.get(index));
        let mut arrival = Arrival { signal, info, registers, state, mask: context.mask(), fault };
        (hooks().signal)(&mut arrival);
        context.set_registers(&arrival.registers);
        context.set_mask(arrival.mask);
        return GUEST;
    }
    if is_fault(signal, code) {
        match abi::fault::landing(rip) {
            Some(landing) => {
                context.set(libc::REG_RIP, landing as u64);
                context.set(libc::REG_RAX, 1);
            }
            None => fault_of_ours(signal, rip, context.get(libc::REG_CR2)),
        }
        return was;
    }
    // SAFETY: the thread's own; signals are blocked from here until it is taken.
    unsafe { *block.waiting.get() = info };
    block.mask.store(context.mask(), Ordering::Relaxed);
    block.set_pending();
    context.set_mask(!FAULTS);
    if rip >= labels.window_start && rip <= labels.window_syscall {
        context.set(libc::REG_RIP, labels.window_pending as u64);
    } else if rip >= labels.exit && rip < labels.exit_done {
        context.set(libc::REG_RIP, labels.redo as u64);
    }
    was
}

fn fault_of_ours(signal: i32, rip: usize, address: u64) -> ! {
    let start = labels().enter;
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("uosrun: internal fault (signal {signal}) at {rip:#x}, address {address:#x}; the engine's entry is at {start:#x}\n"),
    );
    die_of(signal)
}

/// Ends the process as a signal does by default.
pub fn die_of(signal: i32) -> ! {
    let _ = set_action(signal, &Action::default());
    // SAFETY: no arguments.
    let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    let _ = pass(libc::SYS_tgkill, [process as usize, thread as usize, signal as usize, 0, 0, 0]);
    let _ = set_mask(!bit(signal));
    // A signal that does not end processes by default.
    crate::process::exit(128 + signal)
}

/// The handler: everything else needs our FS base. The stack is ours, and 16-byte aligned below the return address.
#[unsafe(naked)]
unsafe extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    naked_asm!(
        "push rbx",
        "cld",
        "rdfsbase rbx",
        "mov rax, gs:[{host_fs}]",
        "wrfsbase rax",
        "movzx ecx, byte ptr gs:[{selector}]",
        "mov byte ptr gs:[{selector}], 0",
        "call {arrived}",
        "mov gs:[{selector}], al",
        "wrfsbase rbx",
        "pop rbx",
        "ret",
        host_fs = const HOST_FS,
        selector = const SELECTOR_AT,
        arrived = sym arrived,
    )
}

/// Has a signal handled by us. `flags`: of SA_RESTART, SA_NOCLDSTOP and SA_NOCLDWAIT those that the guest wants.
pub fn handle(signal: i32, flags: u64) -> Result<()> {
    // A fault within the handler is delivered again: it copies guest memory.
    const OURS: u64 = libc::SA_SIGINFO as u64 | libc::SA_ONSTACK as u64 | libc::SA_NODEFER as u64 | SA_RESTORER;
    set_action(signal, &Action { handler: on_signal as *const () as usize, flags: flags | OURS, restorer: restorer(), mask: !FAULTS })
}

/// rt_sigaction(2) for the process itself.
pub fn set_action(signal: i32, action: &Action) -> Result<()> {
    pass(libc::SYS_rt_sigaction, [signal as usize, &raw const *action as usize, 0, 8, 0, 0]).map(drop)
}

/// What a signal does.
pub fn action(signal: i32) -> Result<Action> {
    let mut action = Action::default();
    pass(libc::SYS_rt_sigaction, [signal as usize, 0, &raw mut action as usize, 8, 0, 0])?;
    Ok(action)
}

/// Sets the calling thread's mask. Returns the old one.
pub fn set_mask(mask: u64) -> u64 {
    let mut old = 0u64;
    let _ = pass(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, &raw const mask as usize, &raw mut old as usize, 8, 0, 0]);
    old
}

/// The calling thread's mask.
pub fn mask() -> u64 {
    let mut old = 0u64;
    let _ = pass(libc::SYS_rt_sigprocmask, [0, 0, &raw mut old as usize, 8, 0, 0]);
    old
}

pub(super) fn install() {
    for signal in (1..=64).filter(|&signal| bit(signal) & FAULTS != 0) {
        let _ = handle(signal, 0);
    }
}
