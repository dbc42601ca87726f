//! The floating-point environment: float.h's control and status words, and fenv.h. The processor's MXCSR
//! is what counts on x64.

use crate::errno::Errno;
use abi::{Ptr, export};
use std::arch::asm;

fn mxcsr() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores the control register to a local.
    unsafe { asm!("stmxcsr [{p}]", p = in(reg) &raw mut value, options(nostack)) };
    value
}

fn set_mxcsr(value: u32) {
    let value = value & 0xffff;
    // SAFETY: loads the control register, whose reserved bits are clear. The guest asked for its own modes;
    // Rust code between here and the return does no floating-point arithmetic.
    unsafe { asm!("ldmxcsr [{p}]", p = in(reg) &raw const value, options(nostack)) };
}

/// Exception bits of MXCSR (invalid, denormal, zero-divide, overflow, underflow, inexact) and of float.h.
const PAIRS: [(u32, u32); 6] = [(1, 0x10), (2, 0x80000), (4, 8), (8, 4), (16, 2), (32, 1)];

fn to_abstract(bits: u32) -> u32 {
    PAIRS.iter().filter(|(hw, _)| bits & hw != 0).map(|(_, sw)| sw).sum()
}

fn to_hardware(bits: u32) -> u32 {
    PAIRS.iter().filter(|(_, sw)| bits & sw != 0).map(|(hw, _)| hw).sum()
}

/// The control word as float.h has it.
fn control() -> u32 {
    let bits = mxcsr();
    let rounding = [0, 0x100, 0x200, 0x300][(bits >> 13 & 3) as usize];
    let denormal = match (bits >> 15 & 1, bits >> 6 & 1) {
        (0, 0) => 0,
        (1, 0) => 0x200_0000,
        (0, _) => 0x300_0000,
        _ => 0x100_0000,
    };
    to_abstract(bits >> 7 & 0x3f) | rounding | denormal
}

fn set_control(word: u32) {
    let masks = to_hardware(word & 0x8_001f) << 7;
    let rounding = (word >> 8 & 3) << 13;
    let denormal = match word & 0x300_0000 {
        0x100_0000 => 0x8040,
        0x200_0000 => 0x8000,
        0x300_0000 => 0x40,
        _ => 0,
    };
    set_mxcsr(mxcsr() & 0x3f | masks | rounding | denormal);
}

fn change(new: u32, mask: u32) -> u32 {
    // x64 has neither precision nor infinity control.
    let mask = mask & 0x308_031f;
    let word = control();
    if mask != 0 {
        set_control(word & !mask | new & mask);
    }
    control()
}

/// Reads and changes the control word; the denormal mask is left alone.
#[export(msvcrt + ucrtbase, full)]
fn _controlfp(new: u32, mask: u32) -> u32 {
    change(new, mask & !0x8_0000)
}

/// Reads and changes the control word.
#[export(msvcrt + ucrtbase, full)]
fn _control87(new: u32, mask: u32) -> u32 {
    change(new, mask)
}

/// Reads and changes the control word.
#[export(msvcrt + ucrtbase, full)]
fn _controlfp_s(current: Ptr<u32>, new: u32, mask: u32) -> Result<(), Errno> {
    let word = change(new, mask & !0x8_0000);
    if !current.is_null() {
        current.set(word);
    }
    Ok(())
}

/// Changes the control word.
#[export(ucrtbase, full)]
fn _set_controlfp(new: u32, mask: u32) {
    change(new, mask & !0x8_0000);
}

/// Exceptions so far.
#[export(msvcrt + ucrtbase, full)]
fn _statusfp() -> u32 {
    to_abstract(mxcsr() & 0x3f)
}

/// Exceptions so far, which are then cleared.
#[export(msvcrt + ucrtbase, full)]
fn _clearfp() -> u32 {
    let bits = mxcsr();
    set_mxcsr(bits & !0x3f);
    to_abstract(bits & 0x3f)
}

/// Resets the floating-point unit.
#[export(msvcrt + ucrtbase, full)]
fn _fpreset() {
    set_mxcsr(0x1f80);
}

/// Sets the handler of math errors, which x64's library does not call.
#[export(msvcrt + ucrtbase, stub("the handler is never called"))]
fn __setusermatherr(_handler: abi::GuestFn) {}

/// Whether fused multiplication is used.
#[export(ucrtbase, full)]
fn _get_FMA3_enable() -> i32 {
    1
}

/// Chooses whether fused multiplication is used.
#[export(ucrtbase, stub("the host's libm decides"))]
fn _set_FMA3_enable(flag: i32) -> i32 {
    flag
}

/// FLT_ROUNDS.
#[export(ucrtbase, full)]
fn __fpe_flt_rounds() -> i32 {
    [1, 3, 2, 0][(mxcsr() >> 13 & 3) as usize]
}

/// fenv_t: control word, status word.
#[derive(Clone, Copy)]
#[repr(C)]
struct Environment {
    control: u32,
    status: u32,
}

/// Rounding mode.
#[export(ucrtbase, full)]
fn fegetround() -> i32 {
    (control() & 0x300) as i32
}

/// Sets the rounding mode.
#[export(ucrtbase, full)]
fn fesetround(mode: i32) -> i32 {
    if mode & !0x300 != 0 {
        return 1;
    }
    change(mode as u32, 0x300);
    0
}

/// Keeps the environment.
#[export(ucrtbase, full)]
fn fegetenv(to: Ptr<Environment>) -> i32 {
    to.set(Environment { control: control(), status: _statusfp() });
    0
}

/// Restores the environment.
#[export(ucrtbase, full)]
fn fesetenv(from: Ptr<Environment>) -> i32 {
    let value = from.get();
    set_control(value.control);
    set_mxcsr(mxcsr() & !0x3f | to_hardware(value.status));
    0
}

/// Keeps the environment and turns traps off.
#[export(ucrtbase, full)]
fn feholdexcept(to: Ptr<Environment>) -> i32 {
    fegetenv(to);
    _clearfp();
    change(0x8_001f, 0x8_001f);
    0
}

/// Clears exceptions.
#[export(ucrtbase, full)]
fn feclearexcept(flags: i32) -> i32 {
    set_mxcsr(mxcsr() & !to_hardware(flags as u32 & 0x1f));
    0
}

/// Which of these exceptions there were.
#[export(ucrtbase, full)]
fn fetestexcept(flags: i32) -> i32 {
    (_statusfp() & flags as u32 & 0x1f) as i32
}

/// Keeps exceptions.
#[export(ucrtbase, full)]
fn fegetexceptflag(to: Ptr<u32>, flags: i32) -> i32 {
    to.set(_statusfp() & flags as u32);
    0
}

/// Restores exceptions.
#[export(ucrtbase, full)]
fn fesetexceptflag(from: Ptr<u32>, flags: i32) -> i32 {
    let mask = to_hardware(flags as u32 & 0x1f);
    set_mxcsr(mxcsr() & !mask | to_hardware(from.get()) & mask);
    0
}
