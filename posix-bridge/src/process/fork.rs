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
use host::mem::PAGE;
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

/// The bits of clone(2)'s flags that hold a signal (CSIGNAL).
const SIGNAL: u64 = 0xff;
/// Flags that only clone3(2) has (uapi/linux/sched.h).
const CLEAR_SIGHAND: u64 = 1 << 32;
const INTO_CGROUP: u64 = 1 << 33;

/// Flags of clone(2) that make a thread.
const THREAD: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32 as u64;

/// What a new process or thread is to be (clone(2)).
struct New {
    flags: u64,
    /// What the end of a process raises; 0: nothing.
    signal: u64,
    /// 0: as it is.
    stack: usize,
    parent_tid: usize,
    child_tid: usize,
    tls: usize,
    pidfd: usize,
}

impl New {
    fn has(&self, flag: libc::c_int) -> bool {
        self.flags & flag as u32 as u64 != 0
    }

    /// The address, if a flag says that something is to be done there.
    fn at(&self, flag: libc::c_int, address: usize) -> usize {
        if self.has(flag) { address } else { 0 }
    }
}

/// fork(2)
pub fn fork(call: &mut Call) -> Result<usize> {
    clone(call, libc::SIGCHLD as u64, 0, 0, 0, 0)
}

/// vfork(2)
pub fn vfork(call: &mut Call) -> Result<usize> {
    clone(call, (libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD) as u64, 0, 0, 0, 0)
}

/// clone(2)
pub fn clone(call: &mut Call, flags: u64, stack: usize, parent_tid: usize, child_tid: usize, tls: usize) -> Result<usize> {
    let new = New { flags: flags & !SIGNAL, signal: flags & SIGNAL, stack, parent_tid, child_tid, tls, pidfd: parent_tid };
    if new.has(libc::CLONE_PIDFD) && new.has(libc::CLONE_PARENT_SETTID) {
        return Err(Errno::EINVAL);
    }
    create(call, &new)
}

/// `struct clone_args` (uapi/linux/sched.h), by words.
const CLONE_ARGS: usize = 11;
/// Its first version, in bytes.
const CLONE_ARGS_SIZE_VER0: usize = 64;

/// clone3(2)
pub fn clone3(call: &mut Call, args: Addr, size: usize) -> Result<usize> {
    if size < CLONE_ARGS_SIZE_VER0 {
        return Err(Errno::EINVAL);
    }
    if size > PAGE {
        return Err(Errno(libc::E2BIG));
    }
    let mut known = [0; CLONE_ARGS * 8];
    let len = size.min(known.len());
    args.read_bytes(&mut known[..len])?;
    let mut unknown = vec![0; size - len];
    args.plus(len).read_bytes(&mut unknown)?;
    if unknown.iter().any(|&byte| byte != 0) {
        return Err(Errno(libc::E2BIG));
    }
    let mut words = known.chunks_exact(8).map(|word| word.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte)));
    let [flags, pidfd, child_tid, parent_tid, signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup] =
        std::array::from_fn(|_| words.next().unwrap_or_default());
    const LARGEST_SIGNAL: u64 = 64;
    let (set_tid, cgroup) = (set_tid != 0 || set_tid_size != 0, cgroup != 0 || flags & INTO_CGROUP != 0);
    if flags & (SIGNAL | libc::CLONE_DETACHED as u64) != 0 || signal > LARGEST_SIGNAL || (stack == 0) != (stack_size == 0) || cgroup {
        return Err(Errno::EINVAL);
    }
    if set_tid {
        // As for whoever has no privilege.
        return Err(Errno::EPERM);
    }
    let stack = stack.checked_add(stack_size).ok_or(Errno::EINVAL)? as usize;
    let [pidfd, child_tid, parent_tid, tls] = [pidfd, child_tid, parent_tid, tls].map(|at| at as usize);
    let new = New { flags, signal, stack, parent_tid, child_tid, tls, pidfd };
    if signal != 0 && (new.has(libc::CLONE_THREAD) || new.has(libc::CLONE_PARENT)) {
        return Err(Errno::EINVAL);
    }
    create(call, &new)
}

fn create(call: &mut Call, new: &New) -> Result<usize> {
    if new.flags & NAMESPACES != 0 {
        return Err(Errno::EPERM);
    }
    let shares_actions = new.has(libc::CLONE_SIGHAND);
    if new.flags & CLEAR_SIGHAND != 0 && shares_actions || new.has(libc::CLONE_THREAD) && !shares_actions {
        return Err(Errno::EINVAL);
    }
    if new.flags & THREAD == THREAD {
        return if new.has(libc::CLONE_PIDFD) { Err(Errno::EINVAL) } else { new_thread(call, new) };
    }
    let shares_memory = new.has(libc::CLONE_VM) && !new.has(libc::CLONE_VFORK);
    // What two processes of the host cannot share here, each with descriptors and a memory of its own that are ours.
    if shares_memory || shares_actions || new.has(libc::CLONE_FILES) || new.has(libc::CLONE_FS) {
        return Err(Errno::EINVAL);
    }
    let mask = call.block_signals()?;
    let done = new_process(call, new);
    let in_child = matches!(done, Ok((0, _)));
    if in_child && new.flags & CLEAR_SIGHAND != 0 {
        call.process.actions.reset();
    }
    trap::set_mask(mask);
    let (child, waits) = done?;
    if !in_child && let Some(pipe) = waits {
        wait_for_child(call, pipe);
    }
    Ok(child)
}

fn new_thread(call: &mut Call, new: &New) -> Result<usize> {
    // What is made once is made before there is a second thread: a fork must not find it half made.
    call.vfs.prepare();
    let mask = call.block_signals()?;
    let mut registers = *call.registers;
    registers.rax = 0;
    if new.stack != 0 {
        registers.rsp = new.stack as u64;
    }
    let fs = if new.has(libc::CLONE_SETTLS) { new.tls } else { block().guest_fs() };
    let tid_at = [new.at(libc::CLONE_PARENT_SETTID, new.parent_tid), new.at(libc::CLONE_CHILD_SETTID, new.child_tid)];
    // With the first one, the host's C library handles the signal that it changes identities by; so may the guest's.
    let first = call.process.threads.is_single();
    if first {
        call.process.actions.get(SIGSETXID);
    }
    let clear_tid = new.at(libc::CLONE_CHILD_CLEARTID, new.child_tid);
    let tid = Thread::spawn(&registers, call.state.bytes(), fs, mask, clear_tid, tid_at);
    if first {
        call.process.actions.restore(SIGSETXID);
    }
    trap::set_mask(mask);
    Ok(tid? as usize)
}

/// Forks. In the parent of a vfork, the pipe at which it waits is given too.
fn new_process(call: &mut Call, new: &New) -> Result<(usize, Option<Ours>)> {
    let pipe = if new.has(libc::CLONE_VFORK) { Some(ours_pipe()?) } else { None };
    session::share_with_child();
    let thread = call.thread();
    let process = call.process;
    // Whatever another thread holds at this moment would be held for ever in the child.
    let mut memory = process.memory.lock();
    if process.threads.is_single() {
        texts::refresh(call.vfs, &mut memory.texts);
    }
    let actions = process.actions.lock();
    let mut timers = process.timers.lock();
    let mut contexts = process.contexts.lock();
    let limit = process.descriptor_limit.lock();
    let identity = process.identity.lock();
    let mut list = process.threads.list.lock();
    let alone = process.threads.is_single() && list.is_settled();
    let passed = new.signal | new.flags & (libc::CLONE_PARENT | libc::CLONE_SYSVSEM | libc::CLONE_PIDFD) as u64;
    if !alone && passed & !(libc::CLONE_PIDFD as u64) != libc::SIGCHLD as u64 {
        // The C library's fork, which keeps the host's side in order, knows no other.
        return Err(Errno::EINVAL);
    }
    let mut pidfd = -1;
    let child = engine::fork(alone.then_some(passed as usize), &mut pidfd)?;
    if child == 0 {
        process.threads.only(thread);
        Threads::only_list(&mut list, thread);
        timers.clear();
        contexts.clear();
    }
    drop((memory, actions, timers, contexts, limit, identity, list));
    if child != 0 {
        if new.has(libc::CLONE_PARENT_SETTID) {
            let _ = Addr(new.parent_tid).write(child);
        }
        if new.has(libc::CLONE_PIDFD) {
            if !alone {
                // It is there until its parent waits for it, and nobody knows of it yet.
                pidfd = linux::pass(libc::SYS_pidfd_open, [child as usize, 0, 0, 0, 0, 0]).map_or(-1, |fd| fd as i32);
            }
            let _ = Addr(new.pidfd).write(pidfd);
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
    if new.has(libc::CLONE_CHILD_SETTID) {
        let _ = Addr(new.child_tid).write(thread.tid.load(std::sync::atomic::Ordering::Relaxed));
    }
    thread.clear_tid.set(new.at(libc::CLONE_CHILD_CLEARTID, new.child_tid));
    if new.has(libc::CLONE_SETTLS) {
        block().set_guest_fs(new.tls);
    }
    if new.stack != 0 {
        call.registers.rsp = new.stack as u64;
    }
    if new.has(libc::CLONE_VM) && new.stack != 0 {
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
