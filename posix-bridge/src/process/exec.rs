//! execve(2): another program takes this process' place, in the same process of the host.

use super::foreign::Foreign;
use super::fork::release_vfork;
use crate::args::{Addr, Fd, Path};
use crate::call::Call;
use crate::engine::Process;
use crate::engine::texts::{self, Text};
use crate::engine::thread::{AltStack, Thread, current};
use crate::identity::owner;
use crate::proc::EXE;
use crate::vfs::Vfs;
use crate::vfs::path::PathBuffer;
use crate::vfs::resolve::Last;
use host::linux::engine::{self, Registers, USER_CS, USER_SS, block};
use host::linux::{self, trap};
use host::mem::{self, PAGE, Place, Prot};
use host::{Errno, Result};
use loader::elf::{Aux, ElfError, ElfFile, Image, Placement, StackPlan, first_stack};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Arguments and environment together (execve(2): a quarter of the stack's limit, at most 6 MiB).
const MAX_TEXTS: usize = 6 << 20;
/// One of them (MAX_ARG_STRLEN).
const MAX_TEXT: usize = 128 << 10;
/// Scripts that are interpreted by scripts (execve(2)).
const MAX_SCRIPTS: usize = 5;
/// The line that a script begins with (BINPRM_BUF_SIZE).
const SCRIPT_LINE: usize = 256;

/// What a file is that is to be executed.
pub enum Program {
    Elf(Loaded),
    Foreign(Foreign),
}

/// An ELF program that is open, and what it is called with.
pub struct Loaded {
    file: OwnedFd,
    elf: ElfFile,
    interpreter: Option<(OwnedFd, ElfFile)>,
    /// Its path, as it was given.
    path: Vec<u8>,
    arguments: Vec<Vec<u8>>,
}

/// A list of texts that ends with a null pointer. A null pointer is an empty list.
fn read_texts(list: Addr, total: &mut usize) -> Result<Vec<Vec<u8>>> {
    let mut texts = Vec::new();
    if list.is_null() {
        return Ok(texts);
    }
    loop {
        let at: usize = list.plus(texts.len() * 8).read()?;
        if at == 0 {
            return Ok(texts);
        }
        let text = read_text(at)?;
        *total += text.len() + 9;
        if *total > MAX_TEXTS {
            return Err(Errno(libc::E2BIG));
        }
        texts.push(text);
    }
}

fn read_text(at: usize) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut block = [0u8; 256];
    loop {
        // Blocks that end with their page are there as a whole or not at all.
        let from = at + text.len();
        let len = block.len().min(PAGE - from % PAGE);
        Addr(from).read_bytes(&mut block[..len])?;
        match block[..len].iter().position(|&c| c == 0) {
            Some(end) => {
                text.extend_from_slice(&block[..end]);
                return Ok(text);
            }
            None => text.extend_from_slice(&block[..len]),
        }
        if text.len() > MAX_TEXT {
            return Err(Errno(libc::E2BIG));
        }
    }
}

/// A file that may be run (execve(2)).
fn open(vfs: &Vfs, dir: RawFd, path: &CStr, last: Last) -> Result<OwnedFd> {
    let flags = if last == Last::NoFollow { libc::O_NOFOLLOW } else { 0 };
    // A socket cannot be opened.
    let denied = |error| if error == Errno(libc::ENXIO) { Errno::EACCES } else { error };
    let file = vfs.open(dir, path, libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | flags, 0).map_err(denied)?;
    let stat = linux::fstat(file.as_raw_fd())?;
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(Errno::EACCES);
    }
    let args =
        [file.as_raw_fd() as usize, c"".as_ptr() as usize, libc::X_OK as usize, (libc::AT_EMPTY_PATH | libc::AT_EACCESS) as usize, 0, 0];
    linux::pass(libc::SYS_faccessat2, args).map_err(|e| if e == Errno::ENOSYS && stat.st_mode & 0o111 != 0 { e } else { Errno::EACCES })?;
    owner::may_run(crate::engine::process(), file.as_raw_fd())?;
    Ok(file)
}

fn parse(file: &OwnedFd) -> std::result::Result<ElfFile, ElfError> {
    ElfFile::parse(|offset, into| linux::pread(file.as_raw_fd(), into, offset).unwrap_or(0))
}

/// What is wrong with a program that cannot be run, for people. Scripts and their interpreters are not followed.
pub fn why(vfs: &Vfs, path: &CStr) -> Option<ElfError> {
    parse(&open(vfs, libc::AT_FDCWD, path, Last::Follow).ok()?).err()
}

/// What execve(2) says of an image that is wrong.
fn refuse(error: ElfError) -> Errno {
    match error {
        ElfError::Memory(error) => error,
        _ => Errno(libc::ENOEXEC),
    }
}

/// The interpreter and its argument that a script names.
fn script(line: &[u8]) -> Option<Result<(Vec<u8>, Option<Vec<u8>>)>> {
    let rest = line.strip_prefix(b"#!")?;
    let end = rest.iter().position(|&c| c == b'\n');
    if end.is_none() && line.len() == SCRIPT_LINE && !rest.trim_ascii_start().iter().any(|c| b" \t".contains(c)) {
        // The interpreter's path itself is cut off.
        return Some(Err(Errno(libc::ENOEXEC)));
    }
    let text = rest[..end.unwrap_or(rest.len())].trim_ascii();
    let text = text.split(|&c| c == 0).next().unwrap_or_default();
    let (path, argument) = match text.iter().position(|c| b" \t".contains(c)) {
        Some(at) => (&text[..at], Some(text[at..].trim_ascii().to_vec())),
        None => (text, None),
    };
    if path.is_empty() {
        return Some(Err(Errno(libc::ENOEXEC)));
    }
    Some(Ok((path.to_vec(), argument)))
}

impl Program {
    /// Opens a program, its interpreter, and those of scripts.
    pub fn open(vfs: &Vfs, dir: RawFd, path: &CStr, arguments: Vec<Vec<u8>>) -> Result<Program> {
        let file = open(vfs, dir, path, Last::Follow)?;
        Program::from_file(vfs, file, path.to_bytes().to_vec(), arguments)
    }

    fn from_file(vfs: &Vfs, mut file: OwnedFd, mut path: Vec<u8>, mut arguments: Vec<Vec<u8>>) -> Result<Program> {
        let mut scripts = 0;
        let elf = loop {
            match parse(&file) {
                Ok(elf) => break elf,
                Err(ElfError::NotElf) => {}
                Err(error) => return Err(refuse(error)),
            }
            let mut line = [0u8; SCRIPT_LINE];
            let len = linux::pread(file.as_raw_fd(), &mut line, 0)?;
            let Some(script) = script(&line[..len]) else { return Foreign::new(&file, &arguments).map(Program::Foreign) };
            let (interpreter, argument) = script?;
            scripts += 1;
            if scripts > MAX_SCRIPTS {
                return Err(Errno::ELOOP);
            }
            let rest = arguments.drain(..).skip(1);
            arguments = [Some(interpreter.clone()), argument, Some(path)].into_iter().flatten().chain(rest).collect();
            let name = CString::new(interpreter).map_err(|_| Errno::ENOENT)?;
            file = open(vfs, libc::AT_FDCWD, &name, Last::Follow)?;
            path = name.into_bytes();
        };
        let interpreter = match &elf.interpreter {
            None => None,
            Some(range) => {
                let mut name = vec![0; (range.end - range.start) as usize];
                let len = linux::pread(file.as_raw_fd(), &mut name, range.start)?;
                let name = CStr::from_bytes_until_nul(&name[..len]).map_err(|_| Errno(libc::ENOEXEC))?;
                let file = open(vfs, libc::AT_FDCWD, name, Last::Follow)?;
                // An interpreter that is none (execve(2), ELIBBAD).
                let elf = parse(&file).map_err(|e| if e == ElfError::NotElf { Errno(libc::ELIBBAD) } else { refuse(e) })?;
                Some((file, elf))
            }
        };
        Ok(Program::Elf(Loaded { file, elf, interpreter, path, arguments }))
    }
}

impl Loaded {
    /// Puts the program in the place of what the process has run so far. Returns the registers that it begins with. An error
    /// comes too late for the old one.
    pub fn replace(self, process: &Process, environment: Vec<Vec<u8>>) -> Result<Registers> {
        let vfs = &process.vfs;
        let mut memory = process.memory.lock();
        memory.clear();
        let failed = |error: ElfError| refuse(error);
        let mut random = [0u8; 24];
        host::process::random(&mut random);
        let (random, layout) = random.split_at(16);
        let layout = Layout::new(layout);
        let image = map(vfs, &self.elf, &self.file, Placement::Near(layout.base), &mut memory.texts).map_err(failed)?;
        memory.guest.insert(image.range.clone());
        memory.break_start = image.range.end.next_multiple_of(PAGE) + layout.break_gap;
        memory.break_end = memory.break_start;
        let (entry, interpreter_base) = match &self.interpreter {
            None => (image.entry, 0),
            Some((file, elf)) => {
                let interpreter = map(vfs, elf, file, Placement::Anywhere, &mut memory.texts).map_err(failed)?;
                memory.guest.insert(interpreter.range.clone());
                (interpreter.entry, interpreter.moved)
            }
        };
        let (stack, size) = map_stack(self.elf.executable_stack)?;
        memory.guest.insert(stack..stack + size);
        memory.stack = stack..stack + size;
        drop(memory);
        let mut aux = auxiliary(&image, interpreter_base, random.try_into().unwrap_or_default());
        become_owner(process, &self.file, &mut aux);
        let plan = StackPlan { arguments: &self.arguments, environment: &environment, path: &self.path, aux: &aux };
        let first = first_stack(&plan, stack + size);
        Addr(first.start).write_bytes(&first.bytes)?;
        tell_kernel(&self.path, &first.texts, first.aux);
        // By this descriptor /proc knows the program.
        linux::copy_to(self.file.as_raw_fd(), EXE)?;
        crate::vfs::ours::take(EXE);
        Ok(Registers { rip: entry as u64, rsp: first.start as u64, flags: 0x202, cs: USER_CS, ss: USER_SS, ..Registers::default() })
    }
}

/// Maps an image, and prepared code where there is some.
fn map(vfs: &Vfs, elf: &ElfFile, file: &OwnedFd, placement: Placement, texts: &mut Vec<Text>) -> std::result::Result<Image, ElfError> {
    let mut found = Vec::new();
    let image = Image::map(elf, file.as_raw_fd(), placement, |segment| {
        let is_code = segment.execute && !segment.write && segment.file_size == segment.memory_size;
        let lead = segment.address % PAGE as u64;
        let size = ((lead + segment.file_size) as usize).next_multiple_of(PAGE);
        let mut text = if is_code { texts::find(vfs, file.as_raw_fd(), segment.offset - lead, size) } else { None };
        let source = text.as_mut().and_then(|text| text.source(file.as_raw_fd()));
        found.extend(text.map(|text| (text, segment.address - lead)));
        source
    })?;
    texts.extend(found.into_iter().map(|(text, address)| text.placed((address as usize).wrapping_add(image.moved))));
    Ok(image)
}

/// Where a program goes.
struct Layout {
    /// If it may lie anywhere: below where Linux puts one, which we are ourselves, and with room for its break. What knows the layout of
    /// addresses, as sanitizers do, expects it where addresses begin with 0x55 or 0x56.
    base: usize,
    /// How far behind its memory its break begins: up to 32 MiB, as on Linux.
    break_gap: usize,
}

impl Layout {
    /// `random`: eight bytes, of no account if the guest does not want addresses to be random.
    fn new(random: &[u8]) -> Layout {
        let persona = linux::pass(libc::SYS_personality, [u32::MAX as usize, 0, 0, 0, 0, 0]).unwrap_or(0);
        let is_fixed = persona & libc::ADDR_NO_RANDOMIZE as usize != 0;
        let number = random.iter().fold(0usize, |number, &byte| number << 8 | usize::from(byte));
        let [base, gap] = if is_fixed { [0, 0] } else { [number >> 32 & 0x3ff_ffff, 1 + number % 0x1fff] };
        Layout { base: 0x5500_0000_0000 + base * PAGE, break_gap: gap * PAGE }
    }
}

/// The stack: as large as the limit on it says.
fn map_stack(executable: bool) -> Result<(usize, usize)> {
    const LEAST: usize = 128 << 10;
    const UNLIMITED: usize = 64 << 20;
    let limit = linux::limit(libc::RLIMIT_STACK as i32).map_or(8 << 20, |[soft, _]| soft);
    let size = if limit >= UNLIMITED as u64 { UNLIMITED } else { (limit as usize).max(LEAST) & !(PAGE - 1) };
    let start = mem::map_anonymous(Place::Anywhere, size + PAGE, if executable { Prot::RWX } else { Prot::RW })?;
    mem::protect(start, PAGE, Prot::NONE)?;
    Ok((start, size + PAGE))
}

fn auxiliary(image: &Image, interpreter: usize, random: [u8; 16]) -> Vec<Aux> {
    let ours = |kind: u64| (kind as usize, linux::auxiliary(kind));
    let mut aux = vec![
        Aux::Value(libc::AT_PHDR as usize, image.headers),
        Aux::Value(libc::AT_PHENT as usize, 56),
        Aux::Value(libc::AT_PHNUM as usize, image.header_count),
        Aux::Value(libc::AT_BASE as usize, interpreter),
        Aux::Value(libc::AT_ENTRY as usize, image.entry),
        Aux::Value(libc::AT_FLAGS as usize, 0),
        Aux::Random(libc::AT_RANDOM as usize, random),
        Aux::Path(libc::AT_EXECFN as usize),
        Aux::Text(libc::AT_PLATFORM as usize, "x86_64"),
        Aux::Value(libc::AT_SECURE as usize, 0),
    ];
    let same = [
        libc::AT_SYSINFO_EHDR,
        libc::AT_HWCAP,
        libc::AT_PAGESZ,
        libc::AT_CLKTCK,
        libc::AT_UID,
        libc::AT_EUID,
        libc::AT_GID,
        libc::AT_EGID,
        libc::AT_HWCAP2,
        libc::AT_MINSIGSTKSZ,
    ];
    aux.extend(
        same.map(ours)
            .into_iter()
            .filter(|(kind, value)| *value != 0 || *kind != libc::AT_SYSINFO_EHDR as usize)
            .map(|(k, v)| Aux::Value(k, v)),
    );
    aux
}

/// Where the guest seems to be root: a program whose mode says so runs as its file's owner. Tells it who it is.
fn become_owner(process: &Process, file: &OwnedFd, aux: &mut [Aux]) {
    let mut identity = process.identity.lock();
    let Some(identity) = identity.as_mut() else { return };
    let (mode, owner) = owner::of(identity, file.as_raw_fd()).unwrap_or_default();
    let distrusts = identity.execute(mode, owner);
    let [user, effective_user, group, effective_group] = identity.auxiliary().map(|id| id as usize);
    for entry in aux {
        if let Aux::Value(kind, value) = entry {
            *value = match *kind as u64 {
                libc::AT_UID => user,
                libc::AT_EUID => effective_user,
                libc::AT_GID => group,
                libc::AT_EGID => effective_group,
                libc::AT_SECURE => usize::from(distrusts),
                _ => continue,
            };
        }
    }
}

/// What the host shows of the process: its name, arguments, environment.
fn tell_kernel(path: &[u8], texts: &[usize; 3], aux: (usize, usize)) {
    let name = path.rsplit(|&c| c == b'/').next().unwrap_or_default();
    let mut comm = [0u8; 16];
    name.iter().take(15).zip(&mut comm).for_each(|(from, to)| *to = *from);
    let _ = linux::pass(libc::SYS_prctl, [libc::PR_SET_NAME as usize, comm.as_ptr() as usize, 0, 0, 0, 0]);
    linux::show_texts(texts, aux);
}

/// Closes what is to be closed with a new program.
fn close_on_exec(vfs: &Vfs) -> Result<()> {
    for fd in vfs.open_descriptors()? {
        let flags = linux::pass(libc::SYS_fcntl, [fd as usize, libc::F_GETFD as usize, 0, 0, 0, 0]).unwrap_or(0);
        if flags & libc::FD_CLOEXEC as usize != 0 {
            let _ = linux::pass(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]);
        }
    }
    Ok(())
}

/// execve(2)
pub fn execve(call: &mut Call, path: Path, arguments: Addr, environment: Addr) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let mut total = 0;
    let arguments = read_texts(arguments, &mut total)?;
    let environment = read_texts(environment, &mut total)?;
    let program = Program::open(call.vfs, libc::AT_FDCWD, path, at_least_one(arguments))?;
    run(call, program, environment)
}

/// A program has a first argument, if only an empty one (execve(2), since Linux 5.18).
fn at_least_one(mut arguments: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if arguments.is_empty() {
        arguments.push(Vec::new());
    }
    arguments
}

/// execveat(2)
pub fn execveat(call: &mut Call, dir: Fd, path: Path, arguments: Addr, environment: Addr, flags: i32) -> Result<usize> {
    if flags & !(libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = path.read(&mut buffer)?;
    let mut total = 0;
    let arguments = at_least_one(read_texts(arguments, &mut total)?);
    let environment = read_texts(environment, &mut total)?;
    let last = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { Last::NoFollow } else { Last::Follow };
    let own = format!("/dev/fd/{}", dir.0);
    let program = if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        let own = CString::new(own).map_err(|_| Errno::EINVAL)?;
        Program::open(call.vfs, libc::AT_FDCWD, &own, arguments)?
    } else {
        let shown = if dir.0 == libc::AT_FDCWD || path.to_bytes().first() == Some(&b'/') {
            path.to_bytes().to_vec()
        } else {
            [own.as_bytes(), b"/", path.to_bytes()].concat()
        };
        Program::from_file(call.vfs, open(call.vfs, dir.0, path, last)?, shown, arguments)?
    };
    run(call, program, environment)
}

/// A program that is to take the old one's place, and what a thread has that runs it.
pub struct Next {
    program: Program,
    environment: Vec<Vec<u8>>,
    mask: u64,
    blocked_faults: u64,
}

fn run(call: &mut Call, program: Program, environment: Vec<Vec<u8>>) -> Result<usize> {
    let mask = call.block_signals()?;
    let thread = current();
    let next = Next { program, environment, mask, blocked_faults: thread.blocked_faults.get() };
    let Some(next) = call.process.threads.end_others(thread, next) else { thread.end(0) };
    *call.registers = replace_program(call.process, thread, next);
    call.state.reset();
    block().load_all();
    call.replaced = true;
    trap::set_mask(mask);
    Ok(0)
}

/// Another thread has asked for a program, which the process' first thread, the only one that is left, is to run: it keeps the process' number.
pub fn succeed(process: &Process, thread: &Thread, next: Next) -> ! {
    let mask = next.mask;
    thread.blocked_faults.set(next.blocked_faults);
    let registers = replace_program(process, thread, next);
    trap::set_mask(mask);
    engine::start(&registers, None)
}

/// Replaces the process' program: no other thread is left. Returns the registers that the new one begins with.
fn replace_program(process: &Process, thread: &Thread, next: Next) -> Registers {
    process.threads.list.lock().clear();
    process.actions.reset();
    process.vfs.set_watched(false);
    thread.alt_stack.set(AltStack::NONE);
    thread.clear_tid.set(0);
    let _ = linux::pass(libc::SYS_set_robust_list, [0, 24, 0, 0, 0, 0]);
    for timer in process.timers.lock().drain(..) {
        let _ = linux::pass(libc::SYS_timer_delete, [timer as usize, 0, 0, 0, 0, 0]);
    }
    for context in process.contexts.lock().drain(..) {
        let _ = linux::pass(libc::SYS_io_destroy, [context, 0, 0, 0, 0, 0]);
    }
    let registers = match next.program {
        Program::Elf(loaded) => loaded.replace(process, next.environment),
        Program::Foreign(foreign) => Err(foreign.run(&next.environment, next.mask)),
    };
    // The old program is gone: as the kernel does it.
    let registers = registers.unwrap_or_else(|_| trap::die_of(libc::SIGSEGV));
    // The program's own files are closed by now.
    let _ = close_on_exec(&process.vfs);
    release_vfork(thread);
    block().set_guest_fs(0);
    registers
}

/// Where the program is that the command line names: a path, or a name to look for on the guest's PATH.
pub fn find(vfs: &Vfs, program: &[u8], environment: &[Vec<u8>]) -> Result<CString> {
    let name = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| Errno::ENOENT);
    if program.contains(&b'/') {
        return name(program.to_vec());
    }
    let path = environment.iter().find_map(|text| text.strip_prefix(b"PATH=")).unwrap_or(b"/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let mut denied = false;
    for folder in path.split(|&c| c == b':') {
        let candidate = name([if folder.is_empty() { b"." } else { folder }, b"/", program].concat())?;
        match open(vfs, libc::AT_FDCWD, &candidate, Last::Follow) {
            Ok(_) => return Ok(candidate),
            Err(error) => denied |= error == Errno::EACCES,
        }
    }
    Err(if denied { Errno::EACCES } else { Errno::ENOENT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_scripts() {
        let ok = |line: &[u8]| script(line).unwrap().unwrap();
        assert_eq!(ok(b"#!/bin/sh\nrest"), (b"/bin/sh".to_vec(), None));
        assert_eq!(ok(b"#! /usr/bin/env  python3 -u \n"), (b"/usr/bin/env".to_vec(), Some(b"python3 -u".to_vec())));
        assert_eq!(ok(b"#!/bin/sh"), (b"/bin/sh".to_vec(), None));
        assert!(script(b"echo").is_none());
        assert_eq!(script(b"#!  \n"), Some(Err(Errno(libc::ENOEXEC))));
    }
}
