//! The layers: this crate reaches the host only through `host/`, and the two personalities know nothing of each other.

use std::fs;
use std::path::{Path, PathBuf};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The crates of this workspace that a crate depends on, without those of its tests.
fn dependencies(name: &str) -> Vec<String> {
    let text = fs::read_to_string(top().join(name).join("Cargo.toml")).unwrap();
    let section = text.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or_default();
    section.lines().filter_map(|line| line.split_once(['.', ' ', '='])).map(|(name, _)| name.to_owned()).collect()
}

/// The Rust files of a crate, with their lines that are not comments.
fn lines(name: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![top().join(name).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|n| n != "tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod").next().unwrap_or_default().to_owned();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                all.extend(code.map(|line| (path.display().to_string(), line.to_owned())));
            }
        }
    }
    assert!(!all.is_empty());
    all
}

/// Whether a line calls a function of libc, rather than naming a type or a constant.
fn calls_libc(line: &str) -> bool {
    line.match_indices("libc::").any(|(at, found)| {
        let name: String = line[at + found.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let is_function = name.starts_with(|c: char| c.is_ascii_lowercase()) && line[at + found.len() + name.len()..].starts_with('(');
        // Arithmetic on numbers of devices, which reaches nobody.
        is_function && !["major", "minor", "makedev"].contains(&name.as_str())
    })
}

#[test]
fn only_host_calls_the_host() {
    assert!(calls_libc("let x = unsafe { libc::getpid() };") && !calls_libc("libc::O_RDONLY | libc::stat"));
    let std = ["std::fs", "std::net", "std::process::Command", "std::thread::", "std::env::", "asm!("];
    for (path, line) in lines("posix-bridge") {
        assert!(!calls_libc(&line), "{path} calls libc: {line}");
        assert!(!std.iter().any(|part| line.contains(part)), "{path} goes around host/: {line}");
    }
}

#[test]
fn imports_point_downward() {
    let windows = ["ntdll", "kernel32", "crt", "win32", "programs"];
    for (crate_name, forbidden) in [
        ("posix-bridge", &[&windows[..], &["prefix"]].concat()[..]),
        ("ntdll", &["posix-bridge", "kernel32", "crt", "win32"]),
        ("kernel32", &["posix-bridge", "crt", "win32"]),
        ("crt", &["posix-bridge"]),
        ("win32", &["posix-bridge"]),
        ("loader", &["posix-bridge", "ntdll", "kernel32", "dbt", "prefix"]),
        ("dbt", &["posix-bridge", "ntdll", "kernel32", "loader", "prefix", "host"]),
        ("host", &["posix-bridge", "ntdll", "kernel32", "loader", "dbt", "prefix"]),
    ] {
        let found = dependencies(crate_name);
        assert!(!found.is_empty());
        let wrong: Vec<_> = found.iter().filter(|name| forbidden.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{crate_name} depends on {wrong:?}");
    }
}
