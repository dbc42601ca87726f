//! The `uosrun` program: command line, prefix, and the start of the guest.

// Tests have a `main` of their own.
#![cfg_attr(not(test), no_main)]

mod api;
mod check;
mod cli;
mod environment;
mod linux;
mod manage;
mod run;

// The builtin DLLs: linked for their export rows.
use crt as _;
use kernel32 as _;
use win32 as _;

/// The host's entry point. Rust's own would look for the stack's bounds and set up its handler of stack overflows, which
/// takes time and is replaced by ours.
#[cfg_attr(not(test), unsafe(export_name = "main"))]
#[cfg_attr(test, allow(dead_code))]
extern "C" fn start() -> std::ffi::c_int {
    let command = match cli::parse(std::env::args_os()) {
        // A Linux program finds signals and descriptors as whoever started it has left them.
        Ok(cli::Command::Run(options)) if options.root.is_some() => std::process::exit(linux::run(options)),
        Ok(command) => command,
        Err(message) => {
            eprintln!("uosrun: {message}\n  `uosrun --help` shows how it is used");
            std::process::exit(cli::EXIT_USAGE);
        }
    };
    host::process::begin();
    host::signal::limits_are_errors();
    if !matches!(command, cli::Command::Run(_)) {
        host::process::end_by_broken_pipe();
    }
    let code = match command {
        cli::Command::Help => {
            print!("{}", cli::HELP);
            0
        }
        cli::Command::Version => {
            println!("uosrun {}", env!("CARGO_PKG_VERSION"));
            0
        }
        cli::Command::Run(options) => run::run(options),
        cli::Command::Check(file) if check::begins_with(&file, b"\x7fELF") => linux::check(&file),
        cli::Command::Check(file) => check::check(&file),
        cli::Command::Api(pattern) => api::api(pattern.as_deref()),
        cli::Command::Paths(prefix, texts) => manage::paths(prefix, &texts),
        cli::Command::Prefixes(verb, folder) => manage::prefixes(&verb, folder),
        cli::Command::NewLinux(folder, from) => manage::new_linux(&folder, &from),
    };
    std::process::exit(code)
}
