//! Linux programs: running one in a folder, and saying beforehand what it needs.

use crate::check;
use crate::cli::{EXIT_CANNOT_RUN, EXIT_NOT_FOUND, RunOptions};
use dbt::scan::{Code, candidates};
use host::Errno;
use loader::elf::ElfFile;
use posix_bridge::engine::{self, Options, StartError};
use posix_bridge::process::foreign::Launcher;
use posix_bridge::table::{self, Level};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Runs the program. Returns only when it cannot be started.
pub fn run(options: RunOptions) -> i32 {
    if let Some(gate) = options.gate.and_then(host::spawn::take_kept) {
        host::eventfd::wait(gate.as_raw_fd());
    }
    let root = options.root.unwrap_or_default();
    let launcher = options.prefix.as_deref().and_then(|prefix| launcher(prefix, &root));
    let file = root.join(options.program.strip_prefix("/").unwrap_or(&options.program));
    let bytes = |text: OsString| text.into_vec();
    let program = options.program.into_os_string();
    let shown = program.to_string_lossy().into_owned();
    let arguments = std::iter::once(program.clone()).chain(options.arguments).map(bytes).collect();
    let error = engine::run(Options {
        root: root.as_os_str().as_bytes().to_vec(),
        binds: options.binds,
        engine: options.engine,
        trace: options.trace.is_some(),
        program: program.into_vec(),
        arguments,
        environment: environment(options.environment),
        launcher,
        as_root: options.as_root,
    });
    let (code, message) = match error {
        StartError::Host(message) => (EXIT_CANNOT_RUN, message),
        StartError::Program(Errno::ENOENT) => (EXIT_NOT_FOUND, format!("{shown}: no such program, or its interpreter is missing")),
        StartError::Image(_) if check::begins_with(&file, b"MZ") => (
            EXIT_CANNOT_RUN,
            format!(
                "{shown}: a Windows program\n  run it without --root, or make a prefix for both with `uosrun prefix new --linux` \
                 and run it with --prefix"
            ),
        ),
        StartError::Image(why) => (EXIT_CANNOT_RUN, format!("{shown}: {why}")),
        StartError::Program(error) => (EXIT_CANNOT_RUN, format!("{shown}: {error}")),
    };
    eprintln!("uosrun: {message}");
    code
}

/// Who runs Windows programs that Linux programs of a prefix execute. None: the folder is not that prefix's.
fn launcher(prefix: &Path, root: &Path) -> Option<Launcher> {
    let same = prefix::linux::root_of(prefix)?.canonicalize().ok()? == root.canonicalize().ok()?;
    let prefix = std::path::absolute(prefix).ok()?.into_os_string().into_vec();
    let arguments = [&b"uosrun"[..], b"--from-root", b"--prefix", &prefix].map(<[u8]>::to_vec).to_vec();
    same.then(|| Launcher { magic: *b"MZ", program: c"/proc/self/exe".to_owned(), arguments })
}

/// `uosrun check ELF`: what the program is, and which of the system calls whose numbers stand in its code are missing or not
/// complete. What its libraries call is theirs. Exit code 1 when something is missing.
pub fn check(path: &Path) -> i32 {
    let read = || -> Result<(Vec<u8>, ElfFile), String> {
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        let elf = ElfFile::parse(|offset, into| {
            let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
            len
        });
        elf.map(|elf| (bytes, elf)).map_err(|e| e.to_string())
    };
    let (bytes, elf) = match read() {
        Ok(read) => read,
        Err(message) => {
            eprintln!("uosrun: {}: {message}", path.display());
            return EXIT_CANNOT_RUN;
        }
    };
    println!("{}", path.display());
    let place = if elf.movable { "position independent" } else { "at fixed addresses" };
    match &elf.interpreter {
        Some(range) => {
            let text = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
            println!("  dynamic, {place}, by {}", String::from_utf8_lossy(text).trim_end_matches('\0'));
        }
        None => println!("  static, {place}"),
    }
    let sites = Sites::of(&bytes, &elf);
    println!("  {} system calls in its code; {} can become jumps when they have trapped a few times", sites.found, sites.patched);
    let mut count = [0; 4];
    for number in sites.numbers {
        let (kind, line) = match table::find(number).map(|entry| (entry.name, entry.level)) {
            Some((_, Level::Full)) => (0, None),
            Some((name, Level::Partial(note))) => (1, Some(format!("{name}: partial: {note}"))),
            Some((name, Level::Stub(note))) => (2, Some(format!("{name}: stub: {note}"))),
            None => (3, Some(format!("system call {number}: missing"))),
        };
        count[kind] += 1;
        line.into_iter().for_each(|line| println!("  {line}"));
    }
    println!("{} full, {} partial, {} stub, {} missing", count[0], count[1], count[2], count[3]);
    i32::from(count[3] != 0)
}

/// What stands in a program's code of system calls.
#[derive(Default)]
struct Sites {
    found: usize,
    /// Those that [`dbt::lazy`] can replace.
    patched: usize,
    /// The numbers that are loaded right before a `syscall`.
    numbers: BTreeSet<usize>,
}

impl Sites {
    fn of(bytes: &[u8], elf: &ElfFile) -> Sites {
        let mut sites = Sites::default();
        for segment in elf.segments.iter().filter(|segment| segment.execute) {
            let bytes = bytes.get(segment.offset as usize..(segment.offset + segment.file_size) as usize).unwrap_or_default();
            // In reach of where trampolines are taken to be: both ends of it.
            let code = Code { bytes, address: 1 << 20 };
            let (handler, trampoline) = (code.address - 16, code.range().end);
            for site in candidates(code) {
                let around = code.around(site);
                if !dbt::may_be_syscall(around.bytes, (site - around.address) as usize) {
                    continue;
                }
                sites.found += 1;
                let number = match bytes[..(site - code.address) as usize] {
                    [.., 0xb8, a, b, 0, 0] => Some(u16::from_le_bytes([a, b])),
                    _ => None,
                };
                let trapped_with = number.map_or(u32::MAX, u32::from);
                sites.patched += usize::from(dbt::lazy::patch(around, site, trapped_with, trampoline, handler).is_some());
                // Larger ones are bytes that look like it.
                sites.numbers.extend(number.map(usize::from).filter(|&number| number < 512));
            }
        }
        sites
    }
}

/// The environment as it is, with what was set for the program.
fn environment(set: Vec<(OsString, OsString)>) -> Vec<Vec<u8>> {
    let kept = std::env::vars_os().filter(|(name, _)| !set.iter().any(|(other, _)| other == name));
    kept.map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
        .chain(set.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect()
}
