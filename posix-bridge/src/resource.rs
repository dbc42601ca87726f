//! sys/resource.h: limits. They are the host's, but for the hard limit on descriptors, below which ours must fit.

use crate::args::Addr;
use crate::call::Call;
use crate::vfs::{OURS, OURS_COUNT};
use host::{Errno, Result, linux};

/// The least hard limit on descriptors that the host is told.
const LEAST: u64 = (OURS + OURS_COUNT) as u64;
const NOFILE: i32 = libc::RLIMIT_NOFILE as i32;

/// getrlimit(2)
pub fn getrlimit(call: &mut Call, resource: i32, limit: Addr) -> Result<usize> {
    prlimit64(call, 0, resource, Addr(0), limit)
}

/// setrlimit(2)
pub fn setrlimit(call: &mut Call, resource: i32, limit: Addr) -> Result<usize> {
    if limit.is_null() {
        return Err(Errno::EFAULT);
    }
    prlimit64(call, 0, resource, limit, Addr(0))
}

/// prlimit(2)
pub fn prlimit64(call: &mut Call, pid: i32, resource: i32, new: Addr, old: Addr) -> Result<usize> {
    let own = pid == 0 || pid as u32 == host::process::id();
    if resource != NOFILE || !own {
        return call.pass_as(libc::SYS_prlimit64, [pid as usize, resource as usize, new.0, old.0, 0, 0]);
    }
    let mut shown = call.process.descriptor_limit.lock();
    let real = linux::limit(NOFILE)?;
    // What the guest has set, as long as the host has the soft limit of it.
    let now = shown.filter(|shown| shown[0] == real[0]).unwrap_or(real);
    if !new.is_null() {
        let wanted: [u64; 2] = new.read()?;
        if wanted[0] > wanted[1] {
            return Err(Errno::EINVAL);
        }
        if wanted[1] > now[1] && call.pass_as(libc::SYS_geteuid, [0; 6])? != 0 {
            return Err(Errno::EPERM);
        }
        let told = [wanted[0], wanted[1].max(LEAST.min(real[1]))];
        call.pass_as(libc::SYS_prlimit64, [0, NOFILE as usize, told.as_ptr() as usize, 0, 0, 0])?;
        *shown = Some(wanted);
    }
    if !old.is_null() {
        old.write(now)?;
    }
    Ok(0)
}
