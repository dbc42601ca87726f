//! The command line.

use crate::check;
use ntdll::trace::filter::Filter;
use posix_bridge::engine::Engine;
use posix_bridge::vfs::Bind;
use std::ffi::OsString;
use std::path::PathBuf;

/// Exit code for a wrong command line, as for `sh`.
pub const EXIT_USAGE: i32 = 2;
/// Exit code when the program cannot be started.
pub const EXIT_CANNOT_RUN: i32 = 126;
/// Exit code when the program is not there.
pub const EXIT_NOT_FOUND: i32 = 127;

pub const HELP: &str = "\
uosrun runs Windows programs, and Linux programs in a folder of their own (x86-64), as ordinary Linux processes.

  uosrun [options] PROGRAM.exe [arguments…]   run a Windows program
  uosrun --root DIR PROGRAM [arguments…]      run a Linux program that sees DIR as its whole file system
  uosrun check FILE                           say what it needs that is missing
  uosrun api [PATTERN]                        list the functions and system calls that are implemented
  uosrun path PATH…                           translate paths, both ways
  uosrun prefix new|list|info|remove [DIR]    manage prefixes
  uosrun prefix new --linux --from TREE DIR   make one for Linux programs from a folder or tar file

options
  --prefix DIR        the folder in which the program lives (default: one for each program,
                      under $XDG_DATA_HOME/uosrun/prefixes); made when it is missing
  --env NAME=VALUE    set an environment variable for the program
  --trace[=LIST]      show the program's calls into Windows' DLLs on standard error, like strace;
                      LIST is kernel32, kernel32:fileapi or kernel32!CreateFileW, separated by
                      commas, with - before what is to be left out
  --trace-json FILE   write the calls to FILE as lines of JSON instead
  --root DIR          run a Linux program in this folder (or in a prefix that was made with --linux;
                      there, Windows and Linux programs start each other)
  --as-root           let it seem to be root: owners of files are remembered, identities change as it likes
  --bind HOST:GUEST[:ro]  show it a folder or file of the host at GUEST, to read only with :ro
  --engine=patch|trap patch system calls that are made often (the default), or trap them all
  --version, --help

A Windows program sees its prefix as C:\\ and the host's files as Z:\\. Standard input and output, pipes, the working
directory and signals are those of any Linux program. The exit code is the program's (its low 8 bits);
126: it cannot be started, 127: it is not there or called a function that is missing, 128+n: an exception
killed it as signal n would have.
";

/// What to do.
pub enum Command {
    Help,
    Version,
    Run(RunOptions),
    Check(PathBuf),
    Api(Option<String>),
    Paths(Option<PathBuf>, Vec<OsString>),
    Prefixes(String, Option<PathBuf>),
    /// A prefix for Linux programs: its folder, and what it is made from.
    NewLinux(PathBuf, PathBuf),
}

/// How to run a program.
pub struct RunOptions {
    pub prefix: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Which calls to show.
    pub trace: Option<Filter>,
    /// Where to write them as JSON.
    pub trace_json: Option<PathBuf>,
    /// Started by another guest, which hands over the rest.
    pub handover: bool,
    /// Started by a Linux program of the prefix: paths in the environment are its own.
    pub from_root: bool,
    /// A Linux program waits until this descriptor can be read.
    pub gate: Option<i32>,
    /// Of Linux programs.
    pub root: Option<PathBuf>,
    pub as_root: bool,
    pub binds: Vec<Bind>,
    pub engine: Engine,
}

/// Reads the command line. An error is a message for the user.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut options = RunOptions {
        prefix: None,
        environment: Vec::new(),
        program: PathBuf::new(),
        arguments: Vec::new(),
        trace: None,
        trace_json: None,
        handover: false,
        from_root: false,
        gate: None,
        root: None,
        as_root: false,
        binds: Vec::new(),
        engine: Engine::default(),
    };
    let text = |e: lexopt::Error| e.to_string();
    while let Some(argument) = parser.next().map_err(text)? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("version") | Short('V') => return Ok(Command::Version),
            Long("prefix") => options.prefix = Some(parser.value().map_err(text)?.into()),
            Long("trace") => {
                let list = parser.optional_value().unwrap_or_default();
                options.trace = Some(Filter::parse(&list.to_string_lossy())?);
            }
            Long("trace-json") => options.trace_json = Some(parser.value().map_err(text)?.into()),
            // Not for people: how a guest starts another one.
            Long("handover") => options.handover = true,
            Long("from-root") => options.from_root = true,
            Long("gate") => options.gate = parser.value().map_err(text)?.to_str().and_then(|number| number.parse().ok()),
            Long("as-root") => options.as_root = true,
            Long("root") => options.root = Some(parser.value().map_err(text)?.into()),
            Long("bind") => options.binds.push(bind(&parser.value().map_err(text)?)?),
            Long("engine") => {
                options.engine = match &*parser.value().map_err(text)?.to_string_lossy() {
                    "patch" => Engine::Patch,
                    "trap" => Engine::Trap,
                    other => return Err(format!("--engine takes patch or trap, not {other:?}")),
                }
            }
            Long("env") => options.environment.push(assignment(parser.value().map_err(text)?)?),
            Value(verb) if is_verb(&verb) => return sub_command(&verb.to_string_lossy(), options.prefix, &mut parser),
            Value(program) => {
                options.program = program.into();
                // A prefix of Linux programs is a folder for --root, unless a file of the host is named that is a Windows program.
                if options.root.is_none()
                    && let Some(root) = options.prefix.as_deref().and_then(prefix::linux::root_of)
                    && !check::begins_with(&options.program, b"MZ")
                {
                    options.root = Some(root);
                }
                options.arguments = parser.raw_args().map_err(text)?.collect();
                return Ok(Command::Run(options));
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    Err("no program given".into())
}

/// A program of that name is run as `./check`.
fn is_verb(word: &std::ffi::OsStr) -> bool {
    ["check", "api", "path", "prefix"].iter().any(|verb| word == *verb)
}

fn sub_command(verb: &str, prefix: Option<PathBuf>, parser: &mut lexopt::Parser) -> Result<Command, String> {
    use lexopt::prelude::*;
    let mut folder = prefix;
    let mut words = Vec::new();
    let (mut linux, mut from) = (false, None);
    while let Some(argument) = parser.next().map_err(|e| e.to_string())? {
        match argument {
            Long("prefix") => folder = Some(parser.value().map_err(|e| e.to_string())?.into()),
            Long("linux") if verb == "prefix" => linux = true,
            Long("from") if verb == "prefix" => from = Some(PathBuf::from(parser.value().map_err(|e| e.to_string())?)),
            Value(word) => words.push(word),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let mut words = words.into_iter();
    Ok(match verb {
        "check" => Command::Check(words.next().ok_or("check needs a file")?.into()),
        "api" => Command::Api(words.next().map(|w| w.to_string_lossy().into_owned())),
        "path" => Command::Paths(folder, words.collect()),
        _ => {
            let action = words.next().ok_or("prefix takes new, list, info or remove")?;
            if linux && action == "new" {
                let folder = words.next().map(PathBuf::from).or(folder).ok_or("prefix new --linux needs the prefix's folder")?;
                return Ok(Command::NewLinux(folder, from.ok_or("prefix new --linux needs --from DIR or --from TAR")?));
            }
            Command::Prefixes(action.to_string_lossy().into_owned(), words.next().map(PathBuf::from).or(folder))
        }
    })
}

/// HOST:GUEST[:ro]
fn bind(value: &std::ffi::OsStr) -> Result<Bind, String> {
    use std::os::unix::ffi::OsStrExt;
    let whole = value.as_bytes();
    let (rest, read_only) = match whole.strip_suffix(b":ro") {
        Some(rest) => (rest, true),
        None => (whole, false),
    };
    let at = rest.iter().rposition(|&c| c == b':').filter(|&at| at > 0 && rest.get(at + 1) == Some(&b'/'));
    let at = at.ok_or_else(|| format!("--bind takes HOST:GUEST or HOST:GUEST:ro with an absolute GUEST, not {value:?}"))?;
    Ok(Bind { host: rest[..at].to_vec(), guest: rest[at + 1..].to_vec(), read_only })
}

fn assignment(value: OsString) -> Result<(OsString, OsString), String> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = value.as_bytes();
    let at = bytes.iter().position(|&b| b == b'=').filter(|&at| at > 0);
    let at = at.ok_or_else(|| format!("--env takes NAME=VALUE, not {value:?}"))?;
    Ok((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec())))
}
