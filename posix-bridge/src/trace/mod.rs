//! `--trace`: a line for each call, in the manner of strace(1).

mod symbols;

use crate::args::{Fd, Path};
use crate::call::Call;
use crate::table;
use crate::vfs::Ours;
use crate::vfs::path::PathBuffer;
use host::{Errno, Result};
use std::fmt::Write;
use std::os::fd::AsRawFd;

/// How much of a text or of data is shown.
const SHOWN: usize = 48;

/// A call that is under way: its name and arguments.
pub struct Begun(String);

fn quote(bytes: &[u8], out: &mut String) {
    out.push('"');
    for &c in bytes.iter().take(SHOWN) {
        let _ = match c {
            b'\n' => write!(out, "\\n"),
            b'\t' => write!(out, "\\t"),
            b'\r' => write!(out, "\\r"),
            b'"' | b'\\' => write!(out, "\\{}", c as char),
            0x20..0x7f => write!(out, "{}", c as char),
            _ => write!(out, "\\{c:o}"),
        };
    }
    out.push_str(if bytes.len() > SHOWN { "\"..." } else { "\"" });
}

fn open_flags(flags: i32, out: &mut String) {
    const NAMES: [(i32, &str); 12] = [
        (libc::O_CREAT, "O_CREAT"),
        (libc::O_EXCL, "O_EXCL"),
        (libc::O_NOCTTY, "O_NOCTTY"),
        (libc::O_TRUNC, "O_TRUNC"),
        (libc::O_APPEND, "O_APPEND"),
        (libc::O_NONBLOCK, "O_NONBLOCK"),
        (libc::O_DIRECTORY, "O_DIRECTORY"),
        (libc::O_NOFOLLOW, "O_NOFOLLOW"),
        (libc::O_CLOEXEC, "O_CLOEXEC"),
        (libc::O_PATH, "O_PATH"),
        (libc::O_DIRECT, "O_DIRECT"),
        (libc::O_NOATIME, "O_NOATIME"),
    ];
    out.push_str(["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][(flags & libc::O_ACCMODE) as usize]);
    let rest = NAMES.iter().filter(|(flag, _)| flags & flag == *flag).fold(flags & !libc::O_ACCMODE, |rest, (flag, name)| {
        let _ = write!(out, "|{name}");
        rest & !flag
    });
    if rest != 0 {
        let _ = write!(out, "|{rest:#x}");
    }
}

fn argument(call: &str, kind: &str, name: &str, raw: usize, out: &mut String) {
    if symbols::write(call, name, raw, out) {
        return;
    }
    let _ = match kind {
        "Fd" => match Fd(raw as i32).0 {
            libc::AT_FDCWD => write!(out, "AT_FDCWD"),
            fd => write!(out, "{fd}"),
        },
        "Path" => {
            let mut buffer = PathBuffer::new();
            match Path(raw).read(&mut buffer) {
                Ok(path) => quote(path.to_bytes(), out),
                Err(_) if raw == 0 => out.push_str("NULL"),
                Err(_) => drop(write!(out, "{raw:#x}")),
            }
            Ok(())
        }
        "OpenFlags" => {
            open_flags(raw as i32, out);
            Ok(())
        }
        "Mode" => write!(out, "0{:o}", raw as u32),
        "i32" => write!(out, "{}", raw as i32),
        "u32" if name == "flags" || name == "mask" => write!(out, "{:#x}", raw as u32),
        "u32" => write!(out, "{}", raw as u32),
        "i64" => write!(out, "{}", raw as i64),
        "Addr" if raw == 0 => write!(out, "NULL"),
        "usize" if raw == 0 && name == "address" => write!(out, "NULL"),
        "Addr" => write!(out, "{raw:#x}"),
        // Lengths and counts are small, addresses are not.
        _ if raw < 1 << 32 => write!(out, "{raw}"),
        _ => write!(out, "{raw:#x}"),
    };
}

/// Stands for data that a call gives, until it has come back.
const DATA: char = '\u{1}';

/// Whether an argument is the address of data that a call gives.
fn gives_data(call: &str, argument: &str) -> bool {
    argument == "buffer" && matches!(call, "read" | "pread64" | "readlink" | "readlinkat" | "getcwd" | "getrandom")
        || argument == "data" && call == "recvfrom"
}

/// Data that a call has given, or where it would have been.
fn given(at: usize, result: Result<usize>) -> String {
    let mut shown = String::new();
    let mut data = vec![0; result.unwrap_or(0).min(SHOWN + 1)];
    match crate::args::Addr(at).read_bytes(&mut data) {
        Ok(()) if result.is_ok() => quote(&data, &mut shown),
        _ => drop(write!(shown, "{at:#x}")),
    }
    shown
}

/// What is known before the call is made. A call that does not come back is shown at once.
pub fn begin(call: &Call, to: &Ours) -> Begun {
    let mut line = format!("{:5} ", host::thread::current_id());
    match table::find(call.number) {
        Some(entry) => {
            let _ = write!(line, "{}(", entry.name);
            for (index, ((name, kind), raw)) in entry.args.iter().zip(call.args).enumerate() {
                line.push_str(if index == 0 { "" } else { ", " });
                // What is written is worth seeing.
                if *kind == "Addr" && *name == "buffer" && (entry.name == "write" || entry.name == "pwrite64") {
                    let mut data = vec![0; call.args[2].min(SHOWN + 1)];
                    match crate::args::Addr(raw).read_bytes(&mut data) {
                        Ok(()) => quote(&data, &mut line),
                        Err(_) => drop(write!(line, "{raw:#x}")),
                    }
                    continue;
                }
                if gives_data(entry.name, name) {
                    line.push(DATA);
                    continue;
                }
                argument(entry.name, kind, name, raw, &mut line);
            }
        }
        None => drop(write!(line, "syscall_{}({:#x}, {:#x}, {:#x}", call.number, call.args[0], call.args[1], call.args[2])),
    }
    line.push(')');
    let ends = matches!(call.number as i64, libc::SYS_exit | libc::SYS_exit_group);
    if ends || call.number as i64 == libc::SYS_execve {
        line.push_str(if ends { " = ?\n" } else { "\n" });
        print(to, &line);
        line.clear();
    }
    Begun(line)
}

/// The call has come back.
pub fn end(call: &Call, Begun(mut line): Begun, result: Result<usize>, to: &Ours) {
    if line.is_empty() {
        let _ = write!(line, "{:5} {}", host::thread::current_id(), table::find(call.number).map_or("", |entry| entry.name));
    }
    if let Some(entry) = table::find(call.number)
        && let Some(data) = entry.args.iter().position(|(name, _)| gives_data(entry.name, name))
    {
        line = line.replacen(DATA, &given(call.args[data], result), 1);
    }
    let _ = match result {
        Ok(value) if value < 1 << 31 => writeln!(line, " = {value}"),
        Ok(value) => writeln!(line, " = {value:#x}"),
        Err(Errno(code)) => writeln!(line, " = -1 {} ({})", name(code), described(code)),
    };
    print(to, &line);
}

/// As the C library describes an error, without its number.
fn described(code: i32) -> String {
    let text = Errno(code).to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

fn name(code: i32) -> String {
    match host::errno::name(code) {
        Some(name) => name.into(),
        None => format!("errno {code}"),
    }
}

fn print(to: &Ours, line: &str) {
    let _ = host::file::write_all(to.as_raw_fd(), line.as_bytes());
}
