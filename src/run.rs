//! Running a Windows program.

use crate::cli::{EXIT_CANNOT_RUN, EXIT_NOT_FOUND, RunOptions};
use crate::environment;
use abi::{GuestFn, HANDLE, NTSTATUS};
use loader::pe::PeFile;
use ntdll::file::File;
use ntdll::trace::filter::Filter;
use ntdll::{ldr, path, process, thread};
use parking_lot::Mutex;
use prefix::Prefix;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The program between its headers' check and its loading, which happens on its own stack.
static PROGRAM: Mutex<Option<(PeFile, Vec<u16>)>> = Mutex::new(None);

/// Runs the program. Returns only when it cannot be started.
pub fn run(options: RunOptions) -> i32 {
    match start(options) {
        Ok(never) => never,
        Err((code, message)) => {
            eprintln!("uosrun: {message}");
            code
        }
    }
}

/// Finds the program: as named, or with `.exe`.
fn find(program: &Path) -> Result<PathBuf, (i32, String)> {
    let mut candidates = vec![program.to_path_buf()];
    if program.extension().is_none() {
        candidates.push(program.with_extension("exe"));
    }
    for candidate in candidates {
        if candidate.is_file() {
            return std::path::absolute(&candidate).map_err(|e| (EXIT_CANNOT_RUN, format!("{}: {e}", candidate.display())));
        }
    }
    if program.is_dir() {
        return Err((EXIT_CANNOT_RUN, format!("{} is a folder", program.display())));
    }
    Err((EXIT_NOT_FOUND, format!("{}: no such program", program.display())))
}

fn start(options: RunOptions) -> Result<i32, (i32, String)> {
    let program = find(&options.program)?;
    let file = PeFile::open(program.as_os_str().as_bytes()).map_err(|e| (EXIT_CANNOT_RUN, format!("{}: {e}", program.display())))?;
    if file.is_dll {
        return Err((EXIT_CANNOT_RUN, format!("{}: this is a DLL, not a program", program.display())));
    }
    let failed = |e: prefix::PrefixError| (EXIT_CANNOT_RUN, e.to_string());
    let folder = match &options.prefix {
        Some(folder) => folder.clone(),
        None => prefix::default_for(&program).map_err(failed)?,
    };
    let prefix = Prefix::open_or_create(&folder).map_err(failed)?;
    let root = options.from_root.then(|| prefix.path().join("root"));
    path::init(prefix.path().as_os_str().as_bytes(), prefix.drives().map_err(failed)?);
    let not_visible = |p: &Path| {
        (EXIT_CANNOT_RUN, format!("{} is on none of the prefix's drives\n  add a link to {}/drives", p.display(), prefix.path().display()))
    };
    let image = path::from_host(program.as_os_str().as_bytes()).ok_or_else(|| not_visible(&program))?;
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let mut directory = path::from_host(directory.as_os_str().as_bytes()).unwrap_or_else(|| abi::wide::wide("C:\\"));
    if directory.last() != Some(&u16::from(b'\\')) {
        directory.push(b'\\'.into());
    }
    let handed_over = if options.handover { ntdll::child::receive() } else { None };
    let reserved = handed_over.as_ref().map(|start| start.reserved.clone()).unwrap_or_default();
    let parameters = match handed_over {
        Some(start) => process::Parameters {
            image: start.image,
            command_line: start.command_line,
            directory: start.directory,
            environment: start.environment,
            standard_handles: [0, 1, 2]
                .map(|n: usize| if start.standard[n].is_null() { standard_handle(n as i32) } else { start.standard[n] }),
        },
        None => process::Parameters {
            command_line: environment::command_line(&image, &options.arguments),
            image: image.clone(),
            directory,
            environment: environment::variables(&prefix::user_name(), &options.environment, root.as_deref()),
            standard_handles: [0, 1, 2].map(standard_handle),
        },
    };
    start_trace(options.trace, options.trace_json.as_deref())?;
    process::init(parameters).map_err(|status| (EXIT_CANNOT_RUN, format!("no memory for the process: {status}")))?;
    ntdll::child::publish_reserved(&reserved);
    ntdll::shared_data::reserve();
    ntdll::exception::install();
    let stack = file.stack_reserve as usize;
    *PROGRAM.lock() = Some((file, image));
    let status = thread::run_main(stack, guest_main);
    Err((EXIT_CANNOT_RUN, format!("cannot start the first thread: {status}")))
}

/// `--trace-json` alone is about all calls.
fn start_trace(filter: Option<Filter>, json: Option<&Path>) -> Result<(), (i32, String)> {
    let file = match json {
        Some(path) => {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            Some(file.map_err(|e| (EXIT_CANNOT_RUN, format!("--trace-json {}: {e}", path.display())))?)
        }
        None => None,
    };
    if filter.is_some() || file.is_some() {
        ntdll::trace::start(filter.unwrap_or_default(), file);
    }
    Ok(())
}

fn standard_handle(number: i32) -> HANDLE {
    match File::standard(number) {
        Some(file) => {
            let access = file.access;
            ntdll::object::insert_inheritable(Arc::new(file), access, true)
        }
        None => HANDLE::NULL,
    }
}

/// The first thread: loads the program, initializes its DLLs and calls its entry point.
extern "C" fn guest_main(_: usize) {
    let Some((file, image)) = PROGRAM.lock().take() else { return };
    let module = match ldr::load_program(file, image) {
        Ok(module) => module,
        Err(error) => {
            eprintln!("uosrun: {}", error.message);
            process::terminate_with_host_code(EXIT_CANNOT_RUN);
        }
    };
    if let Err(status) = ldr::initialize(&module) {
        eprintln!("uosrun: a DLL that {} needs did not initialize: {status}", abi::wide::display(&module.name));
        process::terminate(NTSTATUS::DLL_INIT_FAILED.0);
    }
    process::set_started();
    let entry = GuestFn(module.entry.unwrap_or(0));
    drop(module);
    let code = entry.call(&[process::peb() as u64]) as u32;
    thread::exit(code);
}
