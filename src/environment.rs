//! The environment and command line that a Windows program starts with.

use abi::wide;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Host variables that mean something else on Windows, or hold host paths only we understand.
const DROPPED: &[&str] = &["PATH", "TMPDIR", "TEMP", "TMP", "PWD", "OLDPWD", "_", "SHLVL", "LS_COLORS"];

/// `NAME=value` strings: what Windows sets, the host's own variables, and `extra` on top. `root`: paths in the host's variables are
/// those of a Linux program that sees this folder as its root.
pub fn variables(user: &str, extra: &[(OsString, OsString)], root: Option<&Path>) -> Vec<Vec<u16>> {
    let from_host = |path: &[u8]| match root {
        Some(root) => ntdll::path::from_host(&[root.as_os_str().as_bytes(), path].concat()),
        None => ntdll::path::from_host(path),
    };
    let profile = format!("C:\\Users\\{user}");
    let processors = host::thread::affinity().count_ones();
    let host_name = host::process::host_name();
    let mut list: Vec<(Vec<u16>, Vec<u16>)> = Vec::new();
    let mut set = |name: &[u16], value: Vec<u16>| {
        let same = |other: &[u16]| ntdll::path::eq_name(other, name);
        match list.iter_mut().find(|(other, _)| same(other)) {
            Some(entry) => entry.1 = value,
            None => list.push((name.to_vec(), value)),
        }
    };
    for (name, value) in std::env::vars_os() {
        if !DROPPED.iter().any(|dropped| name == *dropped) {
            set(&wide::from_host_bytes(name.as_bytes()), wide::from_host_bytes(value.as_bytes()));
        }
    }
    if let Some(home) = std::env::var_os("HOME").and_then(|home| from_host(home.as_bytes())) {
        set(&wide::wide("HOME"), home);
    }
    let fixed = [
        ("ALLUSERSPROFILE", "C:\\ProgramData".to_string()),
        ("APPDATA", format!("{profile}\\AppData\\Roaming")),
        ("CommonProgramFiles", "C:\\Program Files\\Common Files".into()),
        ("COMPUTERNAME", host_name.to_uppercase()),
        ("ComSpec", "C:\\Windows\\System32\\cmd.exe".into()),
        ("HOMEDRIVE", "C:".into()),
        ("HOMEPATH", format!("\\Users\\{user}")),
        ("LOCALAPPDATA", format!("{profile}\\AppData\\Local")),
        ("NUMBER_OF_PROCESSORS", processors.to_string()),
        ("OS", "Windows_NT".into()),
        ("PATHEXT", ".COM;.EXE;.BAT;.CMD".into()),
        ("PROCESSOR_ARCHITECTURE", "AMD64".into()),
        ("PROCESSOR_IDENTIFIER", "Intel64 Family 6".into()),
        ("PROCESSOR_LEVEL", "6".into()),
        ("PROCESSOR_REVISION", "0000".into()),
        ("ProgramData", "C:\\ProgramData".into()),
        ("ProgramFiles", "C:\\Program Files".into()),
        ("ProgramW6432", "C:\\Program Files".into()),
        ("PUBLIC", "C:\\Users\\Public".into()),
        ("SystemDrive", "C:".into()),
        ("SystemRoot", "C:\\Windows".into()),
        ("TEMP", format!("{profile}\\AppData\\Local\\Temp")),
        ("TMP", format!("{profile}\\AppData\\Local\\Temp")),
        ("USERDOMAIN", host_name.to_uppercase()),
        ("USERNAME", user.into()),
        ("USERPROFILE", profile.clone()),
        ("windir", "C:\\Windows".into()),
    ];
    for (name, value) in &fixed {
        set(&wide::wide(name), wide::wide(value));
    }
    set(&wide::wide("PATH"), search_path(from_host));
    for (name, value) in extra {
        set(&wide::from_host_bytes(name.as_bytes()), wide::from_host_bytes(value.as_bytes()));
    }
    list.into_iter().map(|(name, value)| [&name[..], &[u16::from(b'=')], &value].concat()).collect()
}

/// The system folders, then the host's PATH as the program can reach it.
fn search_path(from_host: impl Fn(&[u8]) -> Option<Vec<u16>>) -> Vec<u16> {
    let mut path = wide::wide("C:\\Windows\\System32;C:\\Windows");
    let host = std::env::var_os("PATH").unwrap_or_default();
    for folder in host.as_bytes().split(|&b| b == b':').filter(|f| f.first() == Some(&b'/')) {
        if let Some(folder) = from_host(folder) {
            path.push(b';'.into());
            path.extend(folder);
        }
    }
    path
}

/// One command line from arguments, quoted so that CommandLineToArgvW and the C runtimes take it apart
/// again (<https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments>).
pub fn command_line(program: &[u16], arguments: &[OsString]) -> Vec<u16> {
    let mut line = vec![u16::from(b'"')];
    line.extend_from_slice(program);
    line.push(b'"'.into());
    for argument in arguments {
        line.push(b' '.into());
        quote(argument, &mut line);
    }
    line
}

fn quote(argument: &OsStr, line: &mut Vec<u16>) {
    const QUOTE: u16 = b'"' as u16;
    const BACKSLASH: u16 = b'\\' as u16;
    let text = wide::from_host_bytes(argument.as_bytes());
    let plain = !text.is_empty() && !text.iter().any(|&u| u == QUOTE || u == 0x20 || (0x09..=0x0d).contains(&u));
    if plain {
        line.extend(text);
        return;
    }
    line.push(QUOTE);
    let mut backslashes = 0;
    for unit in text {
        if unit == QUOTE {
            // Backslashes before a quote are doubled, and the quote gets one.
            line.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1));
        }
        backslashes = if unit == BACKSLASH { backslashes + 1 } else { 0 };
        line.push(unit);
    }
    line.extend(std::iter::repeat_n(BACKSLASH, backslashes));
    line.push(QUOTE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        wide::display(&command_line(&wide::wide("p.exe"), &arguments))
    }

    #[test]
    fn quoting() {
        assert_eq!(line(&["a", "b c", ""]), "\"p.exe\" a \"b c\" \"\"");
        assert_eq!(line(&["a\"b"]), "\"p.exe\" \"a\\\"b\"");
        assert_eq!(line(&["c d\\"]), "\"p.exe\" \"c d\\\\\"");
        assert_eq!(line(&["a\\\\\"b"]), "\"p.exe\" \"a\\\\\\\\\\\"b\"");
        assert_eq!(line(&["x\\y"]), "\"p.exe\" x\\y");
    }
}
