//! sys/prctl.h, and its like for the architecture.

use crate::args::Addr;
use crate::call::Call;
use crate::identity;
use host::linux::engine::block;
use host::{Errno, Result};

/// Requests that concern the process alone and leave the engine alone (uapi/linux/prctl.h).
const PASSED: [i32; 27] = [
    libc::PR_SET_PDEATHSIG,
    libc::PR_GET_PDEATHSIG,
    libc::PR_GET_DUMPABLE,
    libc::PR_SET_DUMPABLE,
    libc::PR_GET_KEEPCAPS,
    libc::PR_SET_KEEPCAPS,
    libc::PR_GET_TIMING,
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_GET_SECCOMP,
    libc::PR_CAPBSET_READ,
    libc::PR_CAPBSET_DROP,
    libc::PR_GET_SECUREBITS,
    libc::PR_SET_SECUREBITS,
    libc::PR_SET_TIMERSLACK,
    libc::PR_GET_TIMERSLACK,
    libc::PR_MCE_KILL_GET,
    libc::PR_SET_CHILD_SUBREAPER,
    libc::PR_GET_CHILD_SUBREAPER,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_SET_THP_DISABLE,
    libc::PR_GET_THP_DISABLE,
    libc::PR_CAP_AMBIENT,
    libc::PR_GET_SPECULATION_CTRL,
    libc::PR_SET_PTRACER,
    0x5356_4d41, // PR_SET_VMA: names of mappings
];

/// prctl(2)
pub fn prctl(call: &mut Call, option: i32) -> Result<usize> {
    if let Some(done) = identity::prctl(call, option, call.args[1]) {
        return done;
    }
    if PASSED.contains(&option) { call.pass(call.args) } else { Err(Errno::EINVAL) }
}

const ARCH_SET_GS: i32 = 0x1001;
const ARCH_SET_FS: i32 = 0x1002;
const ARCH_GET_FS: i32 = 0x1003;
const ARCH_GET_GS: i32 = 0x1004;
const ARCH_GET_XCOMP_SUPP: i32 = 0x1021;
const ARCH_GET_XCOMP_PERM: i32 = 0x1022;

/// arch_prctl(2)
pub fn arch_prctl(call: &mut Call, code: i32, address: usize) -> Result<usize> {
    match code {
        ARCH_SET_FS if address >> 47 != 0 => Err(Errno::EPERM),
        ARCH_SET_FS => {
            block().set_guest_fs(address);
            Ok(0)
        }
        ARCH_GET_FS => Addr(address).write(block().guest_fs()).map(|()| 0),
        ARCH_GET_GS => Addr(address).write(0usize).map(|()| 0),
        // GS is the engine's.
        ARCH_SET_GS => Err(Errno::EPERM),
        ARCH_GET_XCOMP_SUPP | ARCH_GET_XCOMP_PERM => Addr(address).write(host::linux::engine::features()).map(|()| 0),
        _ => {
            let _ = call;
            Err(Errno::EINVAL)
        }
    }
}
