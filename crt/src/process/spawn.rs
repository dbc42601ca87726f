//! Other programs: _spawn, _exec, system and _popen.

use super::{POPENED, take_popen};
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::io::{self, table};
use crate::raw;
use crate::stdio::{self, File};
use crate::sys;
use crate::unit::Unit;
use abi::{HANDLE, Ptr, VaList, export};
use std::collections::HashMap;

const WAIT: i32 = 0;
const NOWAIT: i32 = 1;
const OVERLAY: i32 = 2;
const NOWAITO: i32 = 3;
const DETACH: i32 = 4;

/// The array of strings, up to its null pointer.
fn strings<U: Unit>(at: Ptr<Ptr<U>>) -> Result<Vec<Vec<u16>>, Errno> {
    (0..).map(|i| at.add(i).get()).take_while(|p| !p.is_null()).map(io::path).collect()
}

/// The strings among variable arguments; then, when `with_env`, the environment.
fn listed<U: Unit>(first: Ptr<U>, mut rest: VaList, with_env: bool) -> Result<(Vec<Vec<u16>>, Option<Vec<Vec<u16>>>), Errno> {
    let mut arguments = Vec::new();
    let mut next = first;
    while !next.is_null() {
        arguments.push(io::path(next)?);
        next = Ptr::new(rest.next_slot() as usize);
    }
    let environment = if with_env { Some(strings(Ptr::<Ptr<U>>::new(rest.next_slot() as usize))?) } else { None };
    Ok((arguments, environment))
}

fn vectors<U: Unit>(argv: Ptr<Ptr<U>>, env: Ptr<Ptr<U>>) -> Result<(Vec<Vec<u16>>, Option<Vec<Vec<u16>>>), Errno> {
    invalid::check(!argv.is_null() && !argv.get().is_null())?;
    Ok((strings(argv)?, if env.is_null() { None } else { Some(strings(env)?) }))
}

/// The program's file: as it is, with the usual extensions, and in the folders of PATH when asked for.
fn find(name: &[u16], on_path: bool) -> Result<Vec<u16>, Errno> {
    let is_separator = |u: &u16| matches!(*u, 92 | 47 | 58);
    let file = name.iter().rposition(is_separator).map_or(name, |i| &name[i + 1..]);
    let has_extension = file.contains(&u16::from(b'.'));
    let candidates = |base: &[u16]| -> Vec<Vec<u16>> {
        if has_extension {
            return vec![base.to_vec()];
        }
        [".com", ".exe", ".bat", ".cmd"].iter().map(|e| [base, &abi::wide::wide(e)].concat()).collect()
    };
    let exists = |path: &Vec<u16>| sys::stat_path(path).is_ok_and(|s| s.kind != host::file::FileType::Directory);
    if let Some(found) = candidates(name).into_iter().find(exists) {
        return Ok(found);
    }
    if on_path && !name.iter().any(is_separator) {
        let folders = ntdll::process::variable(&abi::wide::wide("PATH")).unwrap_or_default();
        for folder in folders.split(|&u| u == u16::from(b';')).filter(|f| !f.is_empty()) {
            let base = [folder, &abi::wide::wide("\\"), name].concat();
            if let Some(found) = candidates(&base).into_iter().find(exists) {
                return Ok(found);
            }
        }
    }
    Err(Errno::ENOENT)
}

/// Runs a program; its exit code (P_WAIT) or handle.
fn spawn(mode: i32, name: &[u16], (arguments, environment): (Vec<Vec<u16>>, Option<Vec<Vec<u16>>>), on_path: bool) -> Result<i64, Errno> {
    invalid::check((WAIT..=DETACH).contains(&mode) && !name.is_empty() && !arguments.is_empty())?;
    let program = find(name, on_path)?;
    let _ = stdio::flush_all(true);
    // Microsoft's runtimes put the arguments together with spaces and quote nothing.
    let line = arguments.join(&u16::from(b' '));
    let process = sys::create_process(Some(&program), &line, environment.as_deref(), &table::inheritance(), mode == DETACH, None)?;
    match mode {
        WAIT => Ok(i64::from(sys::wait_process(process)? as i32)),
        OVERLAY => {
            // The new program takes this one's place: here, this one waits and passes the code on.
            let code = sys::wait_process(process)?;
            crate::startup::exit::_exit(code as i32)
        }
        NOWAIT | NOWAITO => Ok(process.0 as i64),
        _ => {
            let _ = sys::close(process);
            Ok(0)
        }
    }
}

/// The command interpreter and a command line for it.
fn shell(command: &[u16]) -> (Vec<u16>, Vec<u16>) {
    let program =
        ntdll::process::variable(&abi::wide::wide("COMSPEC")).unwrap_or_else(|| abi::wide::wide("C:\\Windows\\System32\\cmd.exe"));
    let line = [&program[..], &abi::wide::wide(" /c "), command].concat();
    (program, line)
}

fn run_system<U: Unit>(command: Ptr<U>) -> Result<i32, Errno> {
    if command.is_null() {
        let (program, _) = shell(&[]);
        return Ok(sys::stat_path(&program).is_ok().into());
    }
    let (program, line) = shell(&io::path(command)?);
    let _ = stdio::flush_all(true);
    let process = sys::create_process(Some(&program), &line, None, &table::inheritance(), false, None)?;
    Ok(sys::wait_process(process)? as i32)
}

fn popen<U: Unit>(command: Ptr<U>, mode: Ptr<U>) -> Result<Ptr<File>, Errno> {
    invalid::check(!command.is_null() && !mode.is_null())?;
    let text: Vec<u8> = raw::text(mode).iter().map(|u| u.ascii()).collect();
    let reads = match text.first() {
        Some(b'r') => true,
        Some(b'w') => false,
        _ => return Err(invalid::report(Errno::EINVAL)),
    };
    let (program, line) = shell(&io::path(command)?);
    let _ = stdio::flush_all(true);
    let (read, write) = sys::pipe(false)?;
    let (own, theirs) = if reads { (read, write) } else { (write, read) };
    let inherited = sys::duplicate(theirs, true)?;
    let _ = sys::close(theirs);
    let redirect = Some((if reads { 1 } else { 0 }, inherited));
    let process = sys::create_process(Some(&program), &line, None, &[], false, redirect);
    let _ = sys::close(inherited);
    let process = match process {
        Ok(process) => process,
        Err(error) => {
            let _ = sys::close(own);
            return Err(error.into());
        }
    };
    let flags = if text.contains(&b'b') { io::O_BINARY } else { io::O_TEXT };
    let fd = io::_open_osfhandle(own, flags as i32)?;
    let file = stdio::open_fd(fd, mode)?;
    POPENED.lock().get_or_insert_with(HashMap::new).insert(file.addr(), process);
    Ok(file)
}

/// Closes a stream of _popen; the exit code of its program.
#[export(msvcrt + ucrtbase, full)]
fn _pclose(file: Ptr<File>) -> Result<i32, Errno> {
    invalid::check(!file.is_null())?;
    let process = take_popen(file).ok_or(Errno::EBADF)?;
    stdio::close(file)?;
    Ok(sys::wait_process(process)? as i32)
}

/// Waits for a process; its handle, with the exit code at `code`.
#[export(msvcrt + ucrtbase, full)]
fn _cwait(code: Ptr<i32>, process: HANDLE, _action: i32) -> i64 {
    match sys::wait_process(process) {
        Ok(value) => {
            if !code.is_null() {
                code.set(value as i32);
            }
            process.0 as i64
        }
        Err(_) => {
            set_errno(Errno::ECHILD);
            -1
        }
    }
}

/// Loads a DLL.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _loaddll(name: Ptr<u8>) -> usize {
    io::path(name).ok().and_then(|n| ntdll::ldr::load_library(&n, &[], false).ok()).map_or(0, |module| {
        let _ = ntdll::ldr::initialize(&module);
        module.base
    })
}

/// Unloads a DLL.
#[export(msvcrt + ucrtbase, stub("the DLL stays loaded"))]
fn _unloaddll(_module: usize) -> i32 {
    0
}

/// Runs a command line.
#[export(msvcrt + ucrtbase, full)]
fn system(command: Ptr<u8>) -> Result<i32, Errno> {
    run_system(command)
}

/// Runs a command line with a pipe to or from it.
#[export(msvcrt + ucrtbase, full)]
fn _popen(command: Ptr<u8>, mode: Ptr<u8>) -> Result<Ptr<File>, Errno> {
    popen(command, mode)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnl(mode: i32, name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, false)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execl(name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, false)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnv(mode: i32, name: Ptr<u8>, argv: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, Ptr::NULL)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execv(name: Ptr<u8>, argv: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, Ptr::NULL)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnle(mode: i32, name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, true)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execle(name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, true)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnve(mode: i32, name: Ptr<u8>, argv: Ptr<Ptr<u8>>, env: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, env)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execve(name: Ptr<u8>, argv: Ptr<Ptr<u8>>, env: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, env)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnlp(mode: i32, name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, false)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execlp(name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, false)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnvp(mode: i32, name: Ptr<u8>, argv: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, Ptr::NULL)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execvp(name: Ptr<u8>, argv: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, Ptr::NULL)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnlpe(mode: i32, name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, true)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execlpe(name: Ptr<u8>, first: Ptr<u8>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, true)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _spawnvpe(mode: i32, name: Ptr<u8>, argv: Ptr<Ptr<u8>>, env: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, env)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _execvpe(name: Ptr<u8>, argv: Ptr<Ptr<u8>>, env: Ptr<Ptr<u8>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, env)?, true)
}

/// Runs a command line.
#[export(msvcrt + ucrtbase, full)]
fn _wsystem(command: Ptr<u16>) -> Result<i32, Errno> {
    run_system(command)
}

/// Runs a command line with a pipe to or from it.
#[export(msvcrt + ucrtbase, full)]
fn _wpopen(command: Ptr<u16>, mode: Ptr<u16>) -> Result<Ptr<File>, Errno> {
    popen(command, mode)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnl(mode: i32, name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, false)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecl(name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, false)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnv(mode: i32, name: Ptr<u16>, argv: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, Ptr::NULL)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecv(name: Ptr<u16>, argv: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, Ptr::NULL)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnle(mode: i32, name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, true)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecle(name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, true)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnve(mode: i32, name: Ptr<u16>, argv: Ptr<Ptr<u16>>, env: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, env)?, false)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecve(name: Ptr<u16>, argv: Ptr<Ptr<u16>>, env: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, env)?, false)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnlp(mode: i32, name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, false)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexeclp(name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, false)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnvp(mode: i32, name: Ptr<u16>, argv: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, Ptr::NULL)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecvp(name: Ptr<u16>, argv: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, Ptr::NULL)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnlpe(mode: i32, name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, listed(first, args, true)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexeclpe(name: Ptr<u16>, first: Ptr<u16>, args: VaList) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, listed(first, args, true)?, true)
}

/// Runs a program.
#[export(msvcrt + ucrtbase, full)]
fn _wspawnvpe(mode: i32, name: Ptr<u16>, argv: Ptr<Ptr<u16>>, env: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(mode, &io::path(name)?, vectors(argv, env)?, true)
}

/// Runs a program in the place of this one.
#[export(msvcrt + ucrtbase, partial("the new program runs beside this one, which waits for it"))]
fn _wexecvpe(name: Ptr<u16>, argv: Ptr<Ptr<u16>>, env: Ptr<Ptr<u16>>) -> Result<i64, Errno> {
    spawn(OVERLAY, &io::path(name)?, vectors(argv, env)?, true)
}
