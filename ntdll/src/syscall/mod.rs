//! Unsafe edge: raw NT system calls, made by programs that bring ntdll-like stubs of their own.
//!
//! `mov r10, rcx; mov eax, number; syscall` in a program does what the export of ntdll with that number does. Sites in
//! small images, which are read whole, are replaced when the image is loaded, if that is provably right (`dbt::scan`).
//! What cannot be proved, and code that is paged in or generated later, is caught by the host's system call dispatch,
//! which is switched on for good when the first such code is met: it makes every call of ours into the host dearer.
//!
//! Stubs of the builtin ntdll begin as those of Windows do, so that the numbers can be read out of them.
#![allow(unsafe_code)]

mod numbers;

pub use numbers::number;

use crate::memory::{self, Kind};
use crate::thread;
use crate::unwind::tables;
use abi::{Ptr, teb};
use dbt::scan::{Code, Found, candidates, scan};
use host::mem::{self, PAGE, Place, Prot};
use host::signal::Trap;
use loader::pe::{PeFile, Target, View};
use std::arch::naked_asm;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use windows_sys::Win32::System::Memory as m;

/// Whether system calls are dispatched, in every thread.
static ARMED: AtomicBool = AtomicBool::new(false);

/// Of each number, the address of its function, with the count of parameters in the upper byte; 0: not asked for yet.
static FUNCTIONS: [AtomicUsize; numbers::COUNT] = [const { AtomicUsize::new(0) }; numbers::COUNT];

/// The parameters and the address of the function of a number. 0: there is none.
extern "win64" fn resolve(number: u32, parameters: &mut u64) -> usize {
    let Some(place) = numbers::place(number) else { return 0 };
    let known = FUNCTIONS[place].load(Ordering::Relaxed);
    let known = if known == 0 { find(number).unwrap_or(0) } else { known };
    FUNCTIONS[place].store(known, Ordering::Relaxed);
    *parameters = known as u64 >> 56;
    known & (1 << 56) - 1
}

fn find(number: u32) -> Option<usize> {
    let name = numbers::name(number)?;
    let row = abi::dll::find("ntdll.dll")?.by_name(name)?;
    Some(crate::ldr::builtin_address("ntdll.dll", name)? | row.params().count() << 56)
}

unsafe extern "C" {
    static uosrun_syscall_return: u8;
}

/// The return address of functions that were called by number: in [`enter`].
pub fn return_address() -> usize {
    &raw const uosrun_syscall_return as usize
}

/// Does the system call whose number is in EAX and first argument in R10, and goes on at RCX.
///
/// Its frame is like that of a traced call: the caller's RBP and the return address lie at RBP.
#[unsafe(naked)]
#[unsafe(link_section = "uosrun_edge")]
unsafe extern "C" fn enter() {
    naked_asm!(
        "push rcx",
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 0x30",
        "and rsp, -16",
        "mov [rbp - 0x08], r10",
        "mov [rbp - 0x10], rdx",
        "mov [rbp - 0x18], r8",
        "mov [rbp - 0x20], r9",
        "sub rsp, 0x20",
        "lea r11, [rbp + 8]",
        "mov gs:[{guest_rsp}], r11",
        "mov ecx, eax",
        "lea rdx, [rbp - 0x28]",
        "call {resolve}",
        "test rax, rax",
        "jz 4f",
        // Room for the arguments, keeping RSP 16-byte aligned.
        "mov ecx, [rbp - 0x28]",
        "lea r11, [rcx*8 + 8]",
        "and r11, -16",
        "sub rsp, r11",
        // Those from the fifth on lie above a return address and the home slots, and go above the home slots.
        "2:",
        "cmp rcx, 4",
        "jle 3f",
        "mov r10, [rbp + rcx*8 + 0x10]",
        "mov [rsp + rcx*8 - 8], r10",
        "dec rcx",
        "jmp 2b",
        "3:",
        "mov rcx, [rbp - 0x08]",
        "mov rdx, [rbp - 0x10]",
        "mov r8, [rbp - 0x18]",
        "mov r9, [rbp - 0x20]",
        "call rax",
        ".globl uosrun_syscall_return",
        "uosrun_syscall_return:",
        "leave",
        "pop rcx",
        "jmp rcx",
        "4:",
        "mov eax, {invalid}",
        "leave",
        "pop rcx",
        "jmp rcx",
        resolve = sym resolve,
        guest_rsp = const teb::GUEST_RSP,
        invalid = const 0xc000_001c_u32 as i32,
    )
}

/// Lets an interrupted thread make the system call that its registers name, and go on at `next`.
pub fn redirect(trap: &mut Trap, next: u64) {
    trap.set_gpr(crate::context::RCX, next);
    trap.set_rip(enter as *const () as u64);
}

/// Replaces the system calls in the code of an image that is mapped, bound, and still writable.
pub fn patch_image(file: &PeFile, view: View) {
    let deferred = file.deferred(view.base);
    let whole = |rva: u32| !deferred.iter().any(|section| section.rva == rva);
    let executable = file.sections.iter().filter(|s| s.prot() == Prot::RX || s.prot() == Prot::RWX).filter(|s| whole(s.rva));
    let mut functions = None;
    for section in executable {
        let code = code_of(view.base + section.rva as usize, section.file_bytes() as usize);
        if candidates(code).next().is_none() {
            continue;
        }
        let functions = functions.get_or_insert_with(|| functions_of(file, view));
        let parts: Vec<Code> =
            file.sections.iter().filter(|s| whole(s.rva)).map(|s| code_of(view.base + s.rva as usize, s.file_bytes() as usize)).collect();
        // What is not there yet cannot be searched for references: then nothing is certain. Relocations and debug
        // information do not count.
        const DISCARDABLE: u32 = 0x0200_0000;
        let found = if deferred.iter().all(|section| section.characteristics & DISCARDABLE != 0) {
            scan(code, functions, &parts, view.base as u64)
        } else {
            Found { sites: Vec::new(), unproved: candidates(code).collect() }
        };
        let patched = write_patches(code, &found, view).unwrap_or(false);
        let possible = |at: &u64| is_real(view.base, view.size, *at as usize);
        if found.unproved.iter().any(possible) || !patched {
            arm();
        }
    }
}

/// An image's bytes in memory. Nobody runs or changes them yet.
fn code_of(at: usize, len: usize) -> Code<'static> {
    // SAFETY: mapped by the loader, and used only while the image is being loaded, under the loader lock.
    Code { bytes: unsafe { std::slice::from_raw_parts(at as *const u8, len) }, address: at as u64 }
}

/// Where functions begin, and end if that is known: the function table, exports and the entry point.
fn functions_of(file: &PeFile, view: View) -> Vec<(u64, Option<u64>)> {
    let at = |rva: u32| view.base as u64 + u64::from(rva);
    let mut functions = Vec::new();
    if let Some((table, count)) = tables::exception_directory(view.base, view.size) {
        let entries = (0..count as usize).filter_map(|index| table.add(index).read().ok());
        functions.extend(entries.map(|entry| (at(entry.begin), Some(at(entry.end)))));
    }
    functions.extend(view.exports().unwrap_or_default().into_iter().filter_map(|export| match export {
        Target::Address(address) => Some((address as u64, None)),
        Target::Forward(_) => None,
    }));
    if file.entry != 0 {
        functions.push((at(file.entry), None));
    }
    functions
}

/// Writes patches and, near by, their trampolines. False: there is no room for them.
fn write_patches(code: Code, found: &Found, view: View) -> Option<bool> {
    if found.sites.is_empty() {
        return Some(true);
    }
    let size = (8 + found.sites.len() * dbt::patch::MAX_TRAMPOLINE).next_multiple_of(PAGE);
    let map = |at: usize| mem::map_anonymous(Place::Exactly(at), size, Prot::RW).map(drop);
    let end = (view.base + view.size).next_multiple_of(memory::GRANULARITY);
    // Anywhere in reach: at first right behind the image.
    let page = (end..end + (1 << 30))
        .step_by(memory::GRANULARITY)
        .take(4096)
        .find_map(|at| memory::insert_at(at, size, m::PAGE_EXECUTE_READ, Kind::Private, map).ok())?;
    Ptr::<u64>::new(page).write(enter as *const () as u64).ok()?;
    let mut at = page + 8;
    let mut all = true;
    for site in &found.sites {
        match dbt::patch::patch(code, site, at as u64, page as u64) {
            Some(patch) => {
                Ptr::<u8>::new(at).write_slice(&patch.trampoline).ok()?;
                Ptr::<u8>::new(site.start as usize).write_slice(&patch.bytes).ok()?;
                at += patch.trampoline.len();
            }
            None => all = false,
        }
    }
    mem::protect(page, size, Prot::RX).ok()?;
    Some(all)
}

/// Whether the bytes at an address that look like a system call may be one: they are not if the function that they lie
/// in, read from its start, has another instruction there, or, if there is none, the code around is read in other ways.
fn is_real(base: usize, size: usize, at: usize) -> bool {
    if Ptr::<[u8; 2]>::new(at).read() != Ok([0x0f, 0x05]) {
        return false;
    }
    let find = || {
        let (table, count) = tables::exception_directory(base, size)?;
        let entry = tables::search(table, count, (at - base) as u32)?.read().ok()?;
        let read = |from: u64, bytes: &mut [u8; 15]| {
            (0..15).rev().map(|n| n + 1).find(|&n| Ptr::<u8>::new(from as usize).read_slice(&mut bytes[..n]).is_ok()).unwrap_or(0)
        };
        dbt::is_syscall(base as u64 + u64::from(entry.begin), at as u64, read)
    };
    find().unwrap_or_else(|| {
        const BEFORE: usize = 512;
        let mut code = [0u8; BEFORE + 16];
        let from = at.saturating_sub(BEFORE).max(base);
        let code = &mut code[..at - from + (base + size - at).min(16)];
        // mov r10, rcx: every NT system call has its first argument there, and little else has.
        let has_r10 = |code: &[u8]| code.windows(3).any(|bytes| bytes == [0x4c, 0x8b, 0xd1] || bytes == [0x49, 0x89, 0xca]);
        let read = Ptr::<u8>::new(from).read_slice(code).is_ok();
        !read || has_r10(&code[(at - from).saturating_sub(24)..at - from]) || dbt::may_be_syscall(code, at - from)
    })
}

/// A piece of an image's code has been paged in. In a signal handler, so nothing is allocated here unless dispatch is
/// switched on: the interrupted thread was accessing guest memory, so it was not in the allocator.
pub fn look_at_piece(base: usize, size: usize, at: usize, len: usize) {
    if ARMED.load(Ordering::Relaxed) {
        return;
    }
    let code = code_of(at, len);
    // The last byte may be the first half of one.
    let last = (code.bytes.last() == Some(&0x0f)).then_some((at + len - 1) as u64);
    if candidates(code).chain(last).any(|found| is_real(base, size, found as usize)) {
        arm();
    }
}

/// The guest allocates memory. `kind`: MEM_*.
pub fn look_at_allocated(addr: usize, len: usize, kind: u32, protect: u32) {
    if kind & m::MEM_COMMIT != 0 {
        look_at_generated(addr, len, protect);
    }
}

/// The guest makes memory executable. Code that it may still write to, or that has a system call in it, is what dispatch
/// is for.
pub fn look_at_generated(addr: usize, len: usize, protect: u32) {
    const EXECUTABLE: u32 = m::PAGE_EXECUTE | m::PAGE_EXECUTE_READ | m::PAGE_EXECUTE_READWRITE | m::PAGE_EXECUTE_WRITECOPY;
    if protect & EXECUTABLE == 0 || ARMED.load(Ordering::Relaxed) {
        return;
    }
    let writable = protect & (m::PAGE_EXECUTE_READWRITE | m::PAGE_EXECUTE_WRITECOPY) != 0;
    let mut bytes = vec![0; 64 << 10];
    let mut has_syscall = || {
        (addr..addr + len).step_by(bytes.len() - 1).any(|at| {
            let part = &mut bytes[..(addr + len - at).min(64 << 10)];
            Ptr::<u8>::new(at).read_slice(part).is_ok() && candidates(Code { bytes: part, address: at as u64 }).next().is_some()
        })
    };
    if writable || has_syscall() {
        arm();
    }
}

/// Has every system call that is not ours dispatched, in all threads.
fn arm() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| host::signal::install_syscall(on_syscall));
    if ARMED.swap(true, Ordering::SeqCst) {
        return;
    }
    host::signal::dispatch_syscalls();
    if let Some(current) = thread::try_current() {
        crate::exception::suspend::interrupt_others(&current);
    }
}

/// Does for the calling thread what [`arm`] did for those before it.
pub fn init_thread() {
    if ARMED.load(Ordering::SeqCst) {
        host::signal::dispatch_syscalls();
    }
}

fn on_syscall(trap: &mut Trap) {
    // The host sets RIP behind the instruction and leaves the number in RAX.
    let next = trap.rip();
    if host::signal::is_host_code(next as usize) {
        trap.run_syscall();
    } else {
        redirect(trap, next);
    }
}
