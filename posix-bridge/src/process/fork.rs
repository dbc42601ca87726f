//! New processes and threads (fork(2), vfork(2), clone(2)).
//!
//! A child is the host's own. The parent of a vfork, whose child shares its memory on Linux, waits in the same way, but the child has a copy:
//! what a child that ends without another program has written to its parent's stack is handed back, which is how
//! posix_spawn(3) learns why a program cannot be started.

use crate::args::Addr;
use crate::call::Call;
use crate::engine::texts;
use crate::engine::thread::{Thread, Threads};
use crate::session;
use crate::vfs::ours::{self, Ours};
use host::linux::engine::{self, block};
use host::linux::{self, trap};
use host::{Errno, Result};
use std::os::fd::{AsRawFd, RawFd};

/// What a child of a vfork holds until it runs another program or ends.
#[derive(Clone, Copy, Debug)]
pub struct Vfork {
    /// The end of a pipe at whose other end the parent waits.
    pub pipe: RawFd,
    /// The part of the parent's stack that is handed back.
    pub from: usize,
    pub len: usize,
}

/// How much of the parent's stack a child may have written to: less than a pipe holds.
const HANDED_BACK: usize = 32 << 10;

/// The signal by which C libraries have all threads change their identity (nptl(7)).
const SIGSETXID: i32 = 33;

/// Flags of clone(2) that make a thread.
const THREAD: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32 as u64;

/// fork(2)
pub fn fork(call: &mut Call) -> Result<usize> {
    clone(call, libc::SIGCHLD as u64, 0, 0, 0, 0)
}

/// vfork(2)
pub fn vfork(call: &mut Call) -> Result<usize> {
    clone(call, (libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD) as u64, 0, 0, 0, 0)
}

/// clone3(2): callers do with the older one.
pub fn clone3(_: &mut Call) -> Result<usize> {
    Err(Errno::ENOSYS)
}

/// clone(2)
pub fn clone(call: &mut Call, flags: u64, stack: usize, parent_tid: usize, child_tid: usize, tls: usize) -> Result<usize> {
    let has = |flag: libc::c_int| flags & flag as u32 as u64 != 0;
    if flags & NAMESPACES != 0 {
        return Err(Errno::EPERM);
    }
    if flags & THREAD == THREAD {
        return new_thread(call, flags, stack, parent_tid, child_tid, tls);
    }
    let shares_memory = has(libc::CLONE_VM) && !has(libc::CLONE_VFORK);
    if shares_memory || has(libc::CLONE_THREAD) || has(libc::CLONE_SIGHAND) && !has(libc::CLONE_VM) {
        return Err(Errno::EINVAL);
    }
    let signal = flags as i32 & 0xff;
    if signal != libc::SIGCHLD {
        // The C library's fork, which keeps the host's side in order, knows no other.
        return Err(Errno::EINVAL);
    }
    let mask = call.block_signals()?;
    let done = new_process(call, flags, stack, [parent_tid, child_tid, tls]);
    let in_child = matches!(done, Ok((0, _)));
    trap::set_mask(mask);
    let (child, waits) = done?;
    if !in_child && let Some(pipe) = waits {
        wait_for_child(call, pipe);
    }
    Ok(child)
}

fn new_thread(call: &mut Call, flags: u64, stack: usize, parent_tid: usize, child_tid: usize, tls: usize) -> Result<usize> {
    let has = |flag: libc::c_int| flags & flag as u32 as u64 != 0;
    // What is made once is made before there is a second thread: a fork must not find it half made.
    call.vfs.prepare();
    let mask = call.block_signals()?;
    let mut registers = *call.registers;
    registers.rax = 0;
    if stack != 0 {
        registers.rsp = stack as u64;
    }
    let at = |flag, at| if has(flag) { at } else { 0 };
    let fs = if has(libc::CLONE_SETTLS) { tls } else { block().guest_fs() };
    let tid_at = [at(libc::CLONE_PARENT_SETTID, parent_tid), at(libc::CLONE_CHILD_SETTID, child_tid)];
    // With the first one, the host's C library handles the signal that it changes identities by; so may the guest's.
    let first = call.process.threads.is_single();
    if first {
        call.process.actions.get(SIGSETXID);
    }
    let tid = Thread::spawn(&registers, call.state.bytes(), fs, mask, at(libc::CLONE_CHILD_CLEARTID, child_tid), tid_at);
    if first {
        call.process.actions.restore(SIGSETXID);
    }
    trap::set_mask(mask);
    Ok(tid? as usize)
}

/// Forks. In the parent of a vfork, the pipe at which it waits is given too.
fn new_process(call: &mut Call, flags: u64, stack: usize, [parent_tid, child_tid, tls]: [usize; 3]) -> Result<(usize, Option<Ours>)> {
    let has = |flag: libc::c_int| flags & flag as u32 as u64 != 0;
    let pipe = if has(libc::CLONE_VFORK) { Some(ours_pipe()?) } else { None };
    session::share_with_child();
    let thread = call.thread();
    let process = call.process;
    // Whatever another thread holds at this moment would be held for ever in the child.
    let alone = process.threads.is_single();
    let mut memory = process.memory.lock();
    if alone {
        texts::refresh(call.vfs, &mut memory.texts);
    }
    let actions = process.actions.lock();
    let mut timers = process.timers.lock();
    let mut contexts = process.contexts.lock();
    let limit = process.descriptor_limit.lock();
    let identity = process.identity.lock();
    let mut list = process.threads.list.lock();
    let child = engine::fork(alone)?;
    if child == 0 {
        process.threads.only(thread);
        Threads::only_list(&mut list, thread);
        timers.clear();
        contexts.clear();
    }
    drop((memory, actions, timers, contexts, limit, identity, list));
    if child != 0 {
        if has(libc::CLONE_PARENT_SETTID) {
            let _ = Addr(parent_tid).write(child);
        }
        return Ok((child as usize, pipe.map(|(read, _)| read)));
    }
    if let Some(old) = thread.vfork.take() {
        // The grandparent waits for its own child only.
        ours::close(old.pipe);
    }
    if let Some((read, write)) = pipe {
        drop(read);
        thread.vfork.set(Some(Vfork { pipe: write.into_raw(), from: call.registers.rsp as usize, len: HANDED_BACK }));
    }
    if has(libc::CLONE_CHILD_SETTID) {
        let _ = Addr(child_tid).write(thread.tid.load(std::sync::atomic::Ordering::Relaxed));
    }
    thread.clear_tid.set(if has(libc::CLONE_CHILD_CLEARTID) { child_tid } else { 0 });
    if has(libc::CLONE_SETTLS) {
        block().set_guest_fs(tls);
    }
    if stack != 0 {
        call.registers.rsp = stack as u64;
    }
    if has(libc::CLONE_VM) && stack != 0 {
        // As sigaltstack(2) says: a child that shares memory without vfork's stack has none; one on a stack of its own neither.
        thread.alt_stack.set(crate::engine::thread::AltStack::NONE);
    }
    Ok((0, None))
}

/// A pipe among our own descriptors.
fn ours_pipe() -> Result<(Ours, Ours)> {
    let mut fds = [0i32; 2];
    linux::pass(libc::SYS_pipe2, [fds.as_mut_ptr() as usize, libc::O_CLOEXEC as usize, 0, 0, 0, 0])?;
    let [read, write] = fds.map(linux::own);
    Ok((Ours::new_if_possible(read), Ours::new_if_possible(write)))
}

/// Waits until the child of a vfork runs another program or has ended, and takes back what it wrote to our stack.
fn wait_for_child(call: &Call, pipe: Ours) {
    // Only a fatal signal ends this wait on Linux (vfork(2)); the others wait, too.
    let mask = trap::set_mask(!trap::FAULTS);
    let mut bytes = Vec::new();
    let mut part = vec![0u8; HANDED_BACK];
    while let Ok(len) = host::file::read(pipe.as_raw_fd(), part.as_mut_ptr() as usize, part.len())
        && len != 0
    {
        bytes.extend_from_slice(&part[..len]);
    }
    let at = call.registers.rsp as usize;
    let mut now = vec![0u8; bytes.len()];
    if !bytes.is_empty() && Addr(at).read_bytes(&mut now).is_ok() {
        for (index, (new, old)) in bytes.iter().zip(&now).enumerate() {
            if new != old {
                let _ = Addr(at + index).write(*new);
            }
        }
    }
    trap::set_mask(mask);
}

/// The child of a vfork ends: hands back what it has written to its parent's stack.
pub fn leave_vfork(thread: &Thread) {
    let Some(vfork) = thread.vfork.take() else { return };
    let memory = crate::engine::process().memory.lock();
    let len = memory
        .guest
        .within(vfork.from..vfork.from + vfork.len)
        .next()
        .map_or(0, |range| if range.start == vfork.from { range.len() } else { 0 });
    let mut bytes = vec![0u8; len];
    if Addr(vfork.from).read_bytes(&mut bytes).is_ok() {
        let _ = host::file::write_all(vfork.pipe, &bytes);
    }
    ours::close(vfork.pipe);
}

/// The child of a vfork runs another program: its parent goes on.
pub fn release_vfork(thread: &Thread) {
    if let Some(vfork) = thread.vfork.take() {
        ours::close(vfork.pipe);
    }
}
