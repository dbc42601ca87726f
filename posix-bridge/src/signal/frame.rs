//! The frame that a signal handler finds on its stack (uapi/asm/sigcontext.h, uapi/asm/ucontext.h; System V ABI for AMD64).

use super::Signal;
use crate::engine::thread::{AltStack, SS_AUTODISARM, Thread};
use abi::Fault;
use abi::fault;
use host::linux::engine::{Registers, SW_BYTES, State, USER_CS, USER_SS, XSAVE_HEADER, features, state_size};
use host::linux::trap::Action;

/// `struct ucontext` and in it `struct sigcontext_64`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Context {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    /// R8 to R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP.
    registers: [u64; 17],
    eflags: u64,
    cs: u16,
    gs: u16,
    fs: u16,
    ss: u16,
    err: u64,
    trapno: u64,
    oldmask: u64,
    cr2: u64,
    fpstate: u64,
    reserved: [u64; 8],
    mask: u64,
}
const _: () = assert!(size_of::<Context>() == 304);

/// `struct rt_sigframe`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Frame {
    restorer: u64,
    context: Context,
    info: [u64; 16],
}
const _: () = assert!(size_of::<Frame>() == 440);

/// UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS.
const FLAGS: u64 = 7;
const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;
const RED_ZONE: u64 = 128;
/// Flags that a handler does not begin with: trap, direction, resume.
const CLEARED: u64 = 1 << 8 | 1 << 10 | 1 << 16;
/// Flags that a program may change by itself.
const CHANGEABLE: u64 = 0x24_4dd5;

/// The least size of an alternate stack (MINSIGSTKSZ).
pub fn smallest_stack() -> usize {
    2048
}

/// Puts the frame on the stack, and the registers to the handler's start. `mask`: what was blocked.
pub fn push(
    thread: &Thread,
    signal: &Signal,
    action: &Action,
    registers: &mut Registers,
    state: &mut State,
    mask: u64,
) -> Result<(), Fault> {
    let alt = thread.alt_stack.get();
    let mut top = registers.rsp.wrapping_sub(RED_ZONE);
    let mut on_alt = alt.holds(registers.rsp);
    if action.flags & libc::SA_ONSTACK as u64 != 0 && alt.flags & libc::SS_DISABLE == 0 && !on_alt {
        on_alt = true;
        top = (alt.start + alt.size) as u64;
    }
    let size = state_size();
    let fpstate = top.wrapping_sub(size as u64 + 4) & !63;
    let at = (fpstate.wrapping_sub(size_of::<Frame>() as u64) & !15).wrapping_sub(8);
    // A frame that does not fit on the alternate stack goes nowhere else.
    if on_alt && at < alt.start as u64 {
        return Err(Fault);
    }
    let r = *registers;
    let [cr2, err, trapno] = signal.fault.copied().unwrap_or_default();
    let frame = Frame {
        restorer: action.restorer as u64,
        context: Context {
            flags: FLAGS,
            link: 0,
            stack: [alt.start as u64, alt.flags as u32 as u64, alt.size as u64],
            registers: [
                r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax, r.rcx, r.rsp, r.rip,
            ],
            eflags: r.flags,
            cs: USER_CS as u16,
            gs: 0,
            fs: 0,
            ss: USER_SS as u16,
            err,
            trapno,
            oldmask: mask,
            cr2,
            fpstate,
            reserved: [0; 8],
            mask,
        },
        info: *signal.info,
    };
    // `struct _fpx_sw_bytes`: magic1, extended_size, xfeatures, xstate_size.
    let bytes = state.bytes_mut();
    let mut software = [0u8; 48];
    software[0..4].copy_from_slice(&MAGIC1.to_ne_bytes());
    software[4..8].copy_from_slice(&(size as u32 + 4).to_ne_bytes());
    software[8..16].copy_from_slice(&features().to_ne_bytes());
    software[16..20].copy_from_slice(&(size as u32).to_ne_bytes());
    fault::write_slice(fpstate as usize, bytes)?;
    fault::write_slice(fpstate as usize + SW_BYTES, &software)?;
    fault::write(fpstate as usize + size, MAGIC2)?;
    fault::write(at as usize, frame)?;
    state.reset();
    registers.rip = action.handler as u64;
    registers.rsp = at;
    registers.rdi = signal.number as u64;
    registers.rsi = at + std::mem::offset_of!(Frame, info) as u64;
    registers.rdx = at + std::mem::offset_of!(Frame, context) as u64;
    registers.rax = 0;
    registers.flags &= !CLEARED;
    if alt.flags & SS_AUTODISARM != 0 {
        thread.alt_stack.set(AltStack::NONE);
    }
    Ok(())
}

/// Takes the frame back whose handler has returned: its return address is gone from the stack. Returns the mask.
pub fn pop(thread: &Thread, registers: &mut Registers, state: &mut State) -> Result<u64, Fault> {
    let c: Context = fault::read(registers.rsp as usize)?;
    if c.fpstate != 0 {
        state.load(|bytes| {
            fault::read_slice(c.fpstate as usize, &mut bytes[..XSAVE_HEADER])?;
            let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            let extended = word(SW_BYTES) == MAGIC1 && word(SW_BYTES + 16) as usize >= bytes.len();
            if extended {
                fault::read_slice(c.fpstate as usize, bytes)?;
            }
            Ok(if extended { bytes.len() } else { XSAVE_HEADER })
        })?;
    } else {
        state.reset();
    }
    let [r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip] = c.registers;
    let flags = registers.flags & !CHANGEABLE | c.eflags & CHANGEABLE;
    *registers =
        Registers { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rip, cs: USER_CS, flags, rsp, ss: USER_SS };
    let [start, flags, size] = c.stack;
    if !thread.alt_stack.get().holds(rsp) {
        thread.alt_stack.set(AltStack { start: start as usize, size: size as usize, flags: flags as i32 & !libc::SS_ONSTACK });
    }
    Ok(c.mask)
}
