//! The command line, as one string and cut into arguments.
//! <https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments>

use crate::codepage;
use crate::errno::Errno;
use crate::malloc;
use crate::raw::{self, Shared};
use abi::{Ptr, export, export_data};
use parking_lot::Once;

static ACMDLN: Shared<Ptr<u8>> = Shared::new(Ptr::NULL);
static WCMDLN: Shared<Ptr<u16>> = Shared::new(Ptr::NULL);
static ARGC: Shared<i32> = Shared::new(0);
static ARGV: Shared<Ptr<Ptr<u8>>> = Shared::new(Ptr::NULL);
static WARGV: Shared<Ptr<Ptr<u16>>> = Shared::new(Ptr::NULL);
static PGMPTR: Shared<Ptr<u8>> = Shared::new(Ptr::NULL);
static WPGMPTR: Shared<Ptr<u16>> = Shared::new(Ptr::NULL);
export_data!(ACMDLN => msvcrt, full, name = "_acmdln");
export_data!(WCMDLN => msvcrt, full, name = "_wcmdln");
export_data!(ARGC => msvcrt, full, name = "__argc");
export_data!(ARGV => msvcrt, full, name = "__argv");
export_data!(WARGV => msvcrt, full, name = "__wargv");
export_data!(PGMPTR => msvcrt, full, name = "_pgmptr");
export_data!(WPGMPTR => msvcrt, full, name = "_wpgmptr");

/// Guest memory that holds the values, with a NUL.
pub fn keep<T: Copy + Default>(values: &[T]) -> Ptr<T> {
    let at = malloc::malloc(size_of_val(values) + size_of::<T>()).cast::<T>();
    if !at.is_null() {
        raw::put(at, values);
        at.add(values.len()).set(T::default());
    }
    at
}

/// Fills in the variables.
pub fn attach() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let line = ntdll::process::command_line();
        WCMDLN.set(keep(&line));
        ACMDLN.set(keep(&codepage::narrow(&line)));
        let image = ntdll::process::image_path();
        WPGMPTR.set(keep(&image));
        PGMPTR.set(keep(&codepage::narrow(&image)));
    });
}

/// An argument, and whether it has wildcards outside of quotes.
struct Argument {
    text: Vec<u16>,
    wild: bool,
}

const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

fn is_blank(unit: u16) -> bool {
    unit == 32 || unit == 9
}

/// Where the arguments begin, after the program's name.
fn after_program(line: &[u16]) -> usize {
    let mut quoted = false;
    for (i, &unit) in line.iter().enumerate() {
        if unit == QUOTE {
            quoted = !quoted;
        } else if is_blank(unit) && !quoted {
            return i;
        }
    }
    line.len()
}

fn split(line: &[u16]) -> Vec<Argument> {
    let end = after_program(line);
    let program = line[..end].iter().copied().filter(|&u| u != QUOTE).collect();
    let mut arguments = vec![Argument { text: program, wild: false }];
    let mut i = end;
    loop {
        while i < line.len() && is_blank(line[i]) {
            i += 1;
        }
        if i >= line.len() {
            return arguments;
        }
        let mut argument = Argument { text: Vec::new(), wild: false };
        let mut quoted = false;
        while i < line.len() {
            let mut slashes = 0;
            while i < line.len() && line[i] == BACKSLASH {
                slashes += 1;
                i += 1;
            }
            if i < line.len() && line[i] == QUOTE {
                argument.text.extend(std::iter::repeat_n(BACKSLASH, slashes / 2));
                if slashes % 2 == 1 {
                    argument.text.push(QUOTE);
                } else if quoted && line.get(i + 1) == Some(&QUOTE) {
                    // Two quotes within quotes are one.
                    argument.text.push(QUOTE);
                    i += 1;
                } else {
                    quoted = !quoted;
                }
                i += 1;
                continue;
            }
            argument.text.extend(std::iter::repeat_n(BACKSLASH, slashes));
            if i >= line.len() || (is_blank(line[i]) && !quoted) {
                break;
            }
            argument.wild |= !quoted && (line[i] == u16::from(b'*') || line[i] == u16::from(b'?'));
            argument.text.push(line[i]);
            i += 1;
        }
        arguments.push(argument);
    }
}

/// The files that a pattern names, sorted; none: the pattern itself.
fn glob(pattern: &[u16]) -> Vec<Vec<u16>> {
    let cut = pattern.iter().rposition(|&u| u == BACKSLASH || u == u16::from(b'/') || u == u16::from(b':')).map_or(0, |i| i + 1);
    let (folder, name) = pattern.split_at(cut);
    let mut found: Vec<Vec<u16>> = crate::sys::list(if folder.is_empty() { &[b'.' as u16] } else { folder }, name)
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.name)
        .filter(|n| n != &[46] && n != &[46, 46])
        .map(|n| [folder, &n].concat())
        .collect();
    if found.is_empty() {
        found.push(pattern.to_vec());
    }
    found
}

fn arguments(wildcards: bool) -> Vec<Vec<u16>> {
    let mut line = ntdll::process::command_line();
    if line.is_empty() {
        line = ntdll::process::image_path();
    }
    split(&line).into_iter().flat_map(|a| if wildcards && a.wild { glob(&a.text) } else { vec![a.text] }).collect()
}

/// Sets up `__argc`, `__argv` and `__wargv`.
fn configure(wildcards: bool) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        attach();
        let all = arguments(wildcards);
        ARGC.set(all.len() as i32);
        let narrow: Vec<Ptr<u8>> = all.iter().map(|a| keep(&codepage::narrow(a))).collect();
        let wide: Vec<Ptr<u16>> = all.iter().map(|a| keep(a)).collect();
        ARGV.set(keep(&narrow));
        WARGV.set(keep(&wide));
    });
}

/// Hands out arguments and environment. `start_info` holds the mode for failed allocations.
#[export(msvcrt, full)]
fn __getmainargs(argc: Ptr<i32>, argv: Ptr<Ptr<Ptr<u8>>>, environ: Ptr<Ptr<Ptr<u8>>>, wildcards: i32, start_info: Ptr<i32>) -> i32 {
    configure(wildcards != 0);
    argc.set(ARGC.get());
    argv.set(ARGV.get());
    environ.set(super::environment::narrow());
    if !start_info.is_null() {
        malloc::_set_new_mode(start_info.get());
    }
    0
}

/// Hands out wide arguments and environment.
#[export(msvcrt, full)]
fn __wgetmainargs(argc: Ptr<i32>, argv: Ptr<Ptr<Ptr<u16>>>, environ: Ptr<Ptr<Ptr<u16>>>, wildcards: i32, start_info: Ptr<i32>) -> i32 {
    configure(wildcards != 0);
    argc.set(ARGC.get());
    argv.set(WARGV.get());
    environ.set(super::environment::wide());
    if !start_info.is_null() {
        malloc::_set_new_mode(start_info.get());
    }
    0
}

/// Prepares `__argv`; mode 2 expands wildcards.
#[export(ucrtbase, full)]
fn _configure_narrow_argv(mode: i32) -> Result<(), Errno> {
    configure(mode == 2);
    Ok(())
}

/// Prepares `__wargv`; mode 2 expands wildcards.
#[export(ucrtbase, full)]
fn _configure_wide_argv(mode: i32) -> Result<(), Errno> {
    configure(mode == 2);
    Ok(())
}

/// Address of the argument count.
#[export(msvcrt + ucrtbase, full)]
fn __p___argc() -> Ptr<i32> {
    ARGC.ptr()
}

/// Address of the arguments.
#[export(msvcrt + ucrtbase, full)]
fn __p___argv() -> Ptr<Ptr<Ptr<u8>>> {
    ARGV.ptr()
}

/// Address of the wide arguments.
#[export(msvcrt + ucrtbase, full)]
fn __p___wargv() -> Ptr<Ptr<Ptr<u16>>> {
    WARGV.ptr()
}

/// Address of the command line.
#[export(msvcrt + ucrtbase, full)]
fn __p__acmdln() -> Ptr<Ptr<u8>> {
    attach();
    ACMDLN.ptr()
}

/// Address of the wide command line.
#[export(msvcrt + ucrtbase, full)]
fn __p__wcmdln() -> Ptr<Ptr<u16>> {
    attach();
    WCMDLN.ptr()
}

/// Address of the program's path.
#[export(msvcrt + ucrtbase, full)]
fn __p__pgmptr() -> Ptr<Ptr<u8>> {
    attach();
    PGMPTR.ptr()
}

/// Address of the program's wide path.
#[export(msvcrt + ucrtbase, full)]
fn __p__wpgmptr() -> Ptr<Ptr<u16>> {
    attach();
    WPGMPTR.ptr()
}

/// The program's path.
#[export(msvcrt + ucrtbase, full)]
fn _get_pgmptr(value: Ptr<Ptr<u8>>) -> Result<(), Errno> {
    attach();
    crate::invalid::check(!value.is_null())?;
    value.set(PGMPTR.get());
    Ok(())
}

/// The program's wide path.
#[export(msvcrt + ucrtbase, full)]
fn _get_wpgmptr(value: Ptr<Ptr<u16>>) -> Result<(), Errno> {
    attach();
    crate::invalid::check(!value.is_null())?;
    value.set(WPGMPTR.get());
    Ok(())
}

/// How many units WinMain's command line starts after.
fn winmain_offset(line: &[u16]) -> usize {
    let end = after_program(line);
    end + line[end..].iter().take_while(|&&u| is_blank(u)).count()
}

/// The command line without the program's name.
#[export(ucrtbase, full)]
fn _get_narrow_winmain_command_line() -> Ptr<u8> {
    attach();
    let line: Vec<u16> = raw::text(ACMDLN.get()).iter().map(|&b| b.into()).collect();
    ACMDLN.get().add(winmain_offset(&line))
}

/// The wide command line without the program's name.
#[export(ucrtbase, full)]
fn _get_wide_winmain_command_line() -> Ptr<u16> {
    attach();
    WCMDLN.get().add(winmain_offset(raw::text(WCMDLN.get())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<String> {
        split(&abi::wide::wide(line)).into_iter().map(|a| String::from_utf16_lossy(&a.text)).collect()
    }

    /// The examples of the documentation.
    #[test]
    fn quoting() {
        assert_eq!(cut(r#"p "a b c" d e"#), ["p", "a b c", "d", "e"]);
        assert_eq!(cut(r#"p "ab\"c" "\\" d"#), ["p", r#"ab"c"#, r"\", "d"]);
        assert_eq!(cut(r#"p a\\\b d"e f"g h"#), ["p", r"a\\\b", "de fg", "h"]);
        assert_eq!(cut(r#"p a\\\"b c d"#), ["p", r#"a\"b"#, "c", "d"]);
        assert_eq!(cut(r#"p a\\\\"b c" d e"#), ["p", r"a\\b c", "d", "e"]);
        assert_eq!(cut(r#"p a"b"" c d"#), ["p", r#"ab" c d"#]);
        assert_eq!(cut(r#""C:\Program Files\x.exe"  "" z"#), [r"C:\Program Files\x.exe", "", "z"]);
    }
}
