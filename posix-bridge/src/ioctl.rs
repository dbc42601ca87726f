//! sys/ioctl.h: requests to terminals, files and sockets.

use crate::args::Fd;
use crate::call::Call;
use host::{Errno, Result};

/// The type of a request: its second byte (asm-generic/ioctl.h).
fn kind(request: u32) -> u8 {
    (request >> 8) as u8
}

// Of asm-generic/ioctls.h.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541C;
const TIOCCONS: u32 = 0x541D;
const TIOCSETD: u32 = 0x5423;

/// ioctl(2). Requests that are known to stay with the descriptor's own object are handed on.
pub fn ioctl(call: &mut Call, fd: Fd, request: u32, arg: usize) -> Result<usize> {
    let args = [fd.0 as usize, request as usize, arg, 0, 0, 0];
    match (kind(request), request as u8) {
        // These act on the terminal of whoever started the guest: typing into it, its console, its line discipline.
        _ if matches!(request, TIOCSTI | TIOCLINUX | TIOCCONS | TIOCSETD) => Err(Errno::EPERM),
        // Terminals and FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX; waiting for output to drain.
        (b'T', 0x09 | 0x03 | 0x04 | 0x07 | 0x08) => call.wait(args),
        (b'T', _) => call.pass(args),
        // Flags, versions, clones, trimming and extents of files (linux/fs.h): FS_IOC_*, FICLONE, FIDEDUPERANGE, FIEMAP.
        (b'f', _) | (b'v', 1 | 2) | (0x94, 9 | 13 | 54) | (b'X', 31 | 32) => call.pass(args),
        // FIGETBSZ, FIBMAP.
        (0, 1 | 2) => call.pass(args),
        // Sockets (linux/sockios.h): SIOCATMARK, SIOCGIF*, SIOCINQ and SIOCOUTQ are terminals' numbers.
        (0x89, _) => call.pass(args),
        // Timer descriptors, random, and the size of a block device.
        (b'R', 0) | (0x12, 0x60 | 0x68 | 0x72) => call.pass(args),
        // What the memory of another file would become through a perf, KVM or GPU descriptor cannot be followed.
        _ => Err(Errno::ENOTTY),
    }
}
