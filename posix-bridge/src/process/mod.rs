//! Processes: unistd.h, sched.h, sys/wait.h, sys/prctl.h.

pub mod exec;
pub mod foreign;
pub mod fork;
mod prctl;

pub use exec::{execve, execveat};
pub use fork::{clone, clone3, fork, vfork};
pub use prctl::{arch_prctl, prctl};

use crate::args::Addr;
use crate::call::Call;
use host::{Errno, Result};

/// _exit(2) of a thread.
pub fn exit(call: &mut Call, code: i32) -> Result<usize> {
    call.thread().end(code as usize & 0xff)
}

/// exit_group(2)
pub fn exit_group(call: &mut Call, _code: i32) -> Result<usize> {
    fork::leave_vfork(call.thread());
    call.pass(call.args)
}

/// set_tid_address(2)
pub fn set_tid_address(call: &mut Call, at: Addr) -> Result<usize> {
    call.thread().clear_tid.set(at.0);
    call.pass_as(libc::SYS_gettid, [0; 6])
}

/// What only a privileged caller may do, or what concerns the whole host.
pub fn refused(_: &mut Call) -> Result<usize> {
    Err(Errno::EPERM)
}

/// process_vm_readv(2) and process_vm_writev(2). Of other processes the guest's are not told from the host's.
pub fn own_memory(call: &mut Call, pid: i32) -> Result<usize> {
    if pid as u32 == host::process::id() { call.pass(call.args) } else { Err(Errno::EPERM) }
}

/// What the kernel that we show does not have.
pub fn absent(_: &mut Call) -> Result<usize> {
    Err(Errno::ENOSYS)
}

/// Programs of these kinds are run: PER_LINUX, and PER_LINUX32, for which uname(2) names another machine.
const PERSONAS: [u32; 2] = [0, 8];
/// What narrows the memory that there is: ours needs it all.
const NARROW: u32 = (libc::ADDR_LIMIT_32BIT | libc::ADDR_LIMIT_3GB) as u32;

/// personality(2)
pub fn personality(call: &mut Call, persona: u32) -> Result<usize> {
    // The question what it is.
    let asks = persona == u32::MAX;
    if !asks && (!PERSONAS.contains(&(persona & 0xff)) || persona & NARROW != 0) {
        return Err(Errno::EINVAL);
    }
    call.pass(call.args)
}
