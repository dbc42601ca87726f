//! Unsafe edge (reads the calling thread's block): the end of a program that nobody handled an exception of,
//! and what it leaves on standard error.
#![allow(unsafe_code)]

use super::*;
use crate::context::Context;
use abi::teb;
use std::fmt::Write;
use std::sync::OnceLock;

/// Ends the process with an exception's code.
pub fn terminate(code: u32) -> ! {
    crate::process::terminate(code)
}

fn name_of(code: u32) -> String {
    match code {
        0xe06d_7363 => "C++ exception".into(),
        0x2047_4343 => "C++ exception (GCC)".into(),
        STATUS_STACK_BUFFER_OVERRUN => "fail fast (STATUS_STACK_BUFFER_OVERRUN)".into(),
        _ => format!("{:?}", NTSTATUS(code)),
    }
}

/// `module+offset` of an address, as well as it is known.
pub fn place_of(addr: u64) -> String {
    match tables::image_of(addr as usize) {
        Some((base, _)) => match image_name(base) {
            Some(name) => format!("{name}+{:#x}", addr - base as u64),
            None => format!("{base:#x}+{:#x}", addr - base as u64),
        },
        None if host::signal::is_host_code(addr as usize) => "uosrun".into(),
        None => "no module".into(),
    }
}

/// The name in the image's export directory, if it has one.
fn image_name(base: usize) -> Option<String> {
    if let Some(name) = NAME_IMAGE.get().and_then(|name| name(base)) {
        return Some(name);
    }
    let header: u32 = Ptr::new(base + 0x3c).read().ok()?;
    let rva: u32 = Ptr::new(base + header as usize + 24 + 112).read().ok()?;
    if rva == 0 {
        return None;
    }
    let name: u32 = Ptr::new(base + rva as usize + 12).read().ok()?;
    let bytes = Ptr::<u8>::new(base + name as usize).read_bytes().ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

static NAME_IMAGE: OnceLock<fn(usize) -> Option<String>> = OnceLock::new();

/// Registers how an image is named by its base.
pub fn set_name_image(name: fn(usize) -> Option<String>) {
    let _ = NAME_IMAGE.set(name);
}

/// Reports an exception that nobody handled and ends the process.
#[inline(never)]
pub fn fatal(record: Ptr<ExceptionRecord>, at: Ptr<Context>) -> ! {
    let record = record.read().unwrap_or(ExceptionRecord::new(STATUS_BAD_STACK, 0));
    let mut text = String::new();
    describe(&record, at.read().ok(), &mut text);
    eprint!("{text}");
    terminate(record.code)
}

fn describe(record: &ExceptionRecord, context: Option<Context>, text: &mut String) {
    let _ = writeln!(
        text,
        "uosrun: unhandled exception {:#010x} {} at {:#x} ({})",
        record.code,
        name_of(record.code),
        record.address,
        place_of(record.address)
    );
    if matches!(record.code, STATUS_ACCESS_VIOLATION | STATUS_IN_PAGE_ERROR) && record.count >= 2 {
        let verb = ["reading", "writing"].get(record.info[0] as usize).unwrap_or(&"executing");
        let _ = writeln!(text, "  {verb} address {:#x}", record.info[1]);
    } else if record.count > 0 {
        let info: Vec<String> = record.info[..record.count.min(15) as usize].iter().map(|value| format!("{value:#x}")).collect();
        let _ = writeln!(text, "  parameters {}", info.join(" "));
    }
    if let Some(mut context) = context {
        const NAMES: [&str; 16] =
            ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
        for (index, (name, value)) in NAMES.iter().zip(context.gpr).enumerate() {
            let _ = write!(text, "{}{name:>3}={value:016x}", if index % 4 == 0 { "  " } else { " " });
            if index % 4 == 3 {
                text.push('\n');
            }
        }
        let _ = writeln!(text, "  rip={:016x} eflags={:08x}", context.rip, context.eflags);
        let _ = writeln!(text, "  backtrace:");
        let mut count = 0;
        unwind::backtrace(&mut context, 0, &mut |pc| {
            let _ = writeln!(text, "    {count:2} {pc:#x} {}", place_of(pc));
            count += 1;
            count < 32
        });
    }
    last_calls(text);
}

/// The names of this thread's latest calls, newest last.
fn last_calls(text: &mut String) {
    let block = teb::current();
    // SAFETY: the ring lies in the calling thread's own block.
    let (position, ring) =
        unsafe { (((block + teb::CALL_POS) as *const u8).read(), ((block + teb::CALL_RING) as *const [u32; 256]).read()) };
    let mut names = Vec::new();
    for back in (0..8u8).rev() {
        let number = ring[usize::from(position.wrapping_sub(back + 1))];
        if let Some(export) = abi::export::Export::of_number(number) {
            names.push(format!("{}!{}", export.dll(), export.name()));
        }
    }
    if !names.is_empty() {
        let _ = writeln!(text, "  last calls: {}", names.join(", "));
    }
}

/// Reports a fault that is uosrun's own and ends the process.
pub fn internal(signal: i32, rip: usize, addr: usize) -> ! {
    eprintln!("uosrun: internal error (a bug in uosrun): signal {signal} at {rip:#x}, address {addr:#x}");
    let mut text = String::new();
    last_calls(&mut text);
    eprint!("{text}");
    host::signal::default_action(6);
    std::process::exit(134)
}

/// For debugging uosrun: a fault in our code that is passed on to the guest.
pub fn note_host_fault(rip: usize, addr: usize) {
    eprintln!("uosrun: fault in host code at {rip:#x}, address {addr:#x}");
}
