//! Programs of another system that a guest executes: whoever runs those takes this process' place, as on Linux an interpreter does.

use crate::engine::process;
use host::linux::{self, trap};
use host::{Errno, Result};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

/// A command that runs programs of another system.
pub struct Launcher {
    /// What the files of its programs begin with.
    pub magic: [u8; 2],
    /// The host's path of the program that runs them.
    pub program: CString,
    /// Its arguments, its own name included, before the program's path and arguments.
    pub arguments: Vec<Vec<u8>>,
}

/// A program of another system that is to be run.
pub struct Foreign {
    launcher: &'static Launcher,
    /// The launcher's own, and the program's.
    arguments: Vec<CString>,
}

fn text(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

impl Foreign {
    /// A file that is neither an ELF image nor a script. ENOEXEC: nobody here runs such files.
    pub fn new(file: &OwnedFd, arguments: &[Vec<u8>]) -> Result<Foreign> {
        let refused = Errno(libc::ENOEXEC);
        let mut magic = [0; 2];
        let launcher = process().launcher.as_ref().ok_or(refused)?;
        if linux::pread(file.as_raw_fd(), &mut magic, 0)? != magic.len() || magic != launcher.magic {
            return Err(refused);
        }
        let path = process().vfs.host_path(file.as_raw_fd())?;
        let all = launcher.arguments.iter().chain([&path]).chain(arguments.iter().skip(1));
        Ok(Foreign { launcher, arguments: all.map(|bytes| text(bytes)).collect::<Result<_>>()? })
    }

    /// Runs it. The current directory, descriptors that are not closed on exec, and ignored signals are the kernel's to hand on;
    /// `mask` is what the guest has blocked. Returns only when it cannot be started, which is too late for the guest.
    pub fn run(&self, environment: &[Vec<u8>], mask: u64) -> Errno {
        let environment: Vec<CString> = environment.iter().filter_map(|entry| text(entry).ok()).collect();
        let pointers = |list: &[CString]| list.iter().map(|text| text.as_ptr() as usize).chain([0]).collect::<Vec<_>>();
        let (arguments, variables) = (pointers(&self.arguments), pointers(&environment));
        trap::set_mask(mask);
        let args = [self.launcher.program.as_ptr() as usize, arguments.as_ptr() as usize, variables.as_ptr() as usize, 0, 0, 0];
        linux::pass(libc::SYS_execve, args).err().unwrap_or(Errno(libc::ENOEXEC))
    }
}
