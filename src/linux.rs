//! Running a Linux program in a folder.

use crate::cli::{EXIT_CANNOT_RUN, EXIT_NOT_FOUND, RunOptions};
use host::Errno;
use posix_bridge::engine::{self, Options, StartError};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Runs the program. Returns only when it cannot be started.
pub fn run(options: RunOptions) -> i32 {
    let root = options.root.unwrap_or_default();
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
    });
    let (code, message) = match error {
        StartError::Host(message) => (EXIT_CANNOT_RUN, message),
        StartError::Program(Errno::ENOENT) => (EXIT_NOT_FOUND, format!("{shown}: no such program, or its interpreter is missing")),
        StartError::Program(error) => (EXIT_CANNOT_RUN, format!("{shown}: {error}")),
    };
    eprintln!("uosrun: {message}");
    code
}

/// The environment as it is, with what was set for the program.
fn environment(set: Vec<(OsString, OsString)>) -> Vec<Vec<u8>> {
    let kept = std::env::vars_os().filter(|(name, _)| !set.iter().any(|(other, _)| other == name));
    kept.map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
        .chain(set.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect()
}
