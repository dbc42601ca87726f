//! winnls.h: preferred interface languages.

use crate::nls::{case, locale, wide_opt};
use abi::wide::{display, wide};
use abi::{BOOL, PCWSTR, PWSTR, Ptr, Win32Error, export};
use parking_lot::Mutex;
use windows_sys::Win32::Globalization::*;

static PROCESS_LANGUAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    static THREAD_LANGUAGES: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn give(flags: u32, names: &[String], count: Ptr<u32>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let mut text = Vec::new();
    for name in names {
        if flags & MUI_LANGUAGE_ID != 0 {
            text.extend(wide(&format!("{:04X}", locale::lcid_of(name).unwrap_or(locale::DEFAULT_LCID))));
        } else {
            text.extend(wide(name));
        }
        text.push(0);
    }
    text.push(0);
    if text.len() == 1 {
        text.push(0);
    }
    count.write_opt(names.len() as u32)?;
    let capacity = size.read()?;
    size.write(text.len() as u32)?;
    if to.is_null() {
        return if capacity == 0 { Ok(()) } else { Err(Win32Error::INVALID_PARAMETER) };
    }
    if (capacity as usize) < text.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&text)?)
}

/// The list, and after it what it falls back to.
fn with_fallbacks(mut names: Vec<String>) -> Vec<String> {
    for name in [locale::DEFAULT, "en"] {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_string());
        }
    }
    names
}

fn parse(list: PCWSTR) -> Result<Vec<String>, Win32Error> {
    let mut names = Vec::new();
    let mut at = list;
    while !at.is_null() {
        let name = at.read_wide()?;
        if name.is_empty() {
            break;
        }
        at = at.add(name.len() + 1);
        names.push(display(&name));
    }
    Ok(names)
}

/// The user's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn GetUserPreferredUILanguages(flags: u32, count: Ptr<u32>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    give(flags, &[locale::DEFAULT.to_string()], count, to, size)
}

/// The system's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn GetSystemPreferredUILanguages(flags: u32, count: Ptr<u32>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    give(flags, &[locale::DEFAULT.to_string()], count, to, size)
}

/// The thread's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn GetThreadPreferredUILanguages(flags: u32, count: Ptr<u32>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let own = THREAD_LANGUAGES.with_borrow(Clone::clone);
    give(flags, &if flags & MUI_THREAD_LANGUAGES != 0 { own } else { with_fallbacks(own) }, count, to, size)
}

/// The process's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn GetProcessPreferredUILanguages(flags: u32, count: Ptr<u32>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let names = PROCESS_LANGUAGES.lock().clone();
    give(flags, &names, count, to, size)
}

/// Sets the thread's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn SetThreadPreferredUILanguages(_flags: u32, list: PCWSTR, count: Ptr<u32>) -> Result<(), Win32Error> {
    let names = parse(list)?;
    count.write_opt(names.len() as u32)?;
    THREAD_LANGUAGES.set(names);
    Ok(())
}

/// Sets the process's interface languages.
#[export(kernel32 + kernelbase, full)]
pub fn SetProcessPreferredUILanguages(_flags: u32, list: PCWSTR, count: Ptr<u32>) -> Result<(), Win32Error> {
    let names = parse(list)?;
    count.write_opt(names.len() as u32)?;
    *PROCESS_LANGUAGES.lock() = names;
    Ok(())
}

/// Interface languages of a module file: none are split off.
#[export(kernel32, stub("no language-specific resource files are found"))]
pub fn GetFileMUIPath(
    _flags: u32,
    _path: PCWSTR,
    _language: PWSTR,
    _language_size: Ptr<u32>,
    _file: PWSTR,
    _file_size: Ptr<u32>,
    _enumerator: Ptr<u64>,
) -> Result<(), Win32Error> {
    Err(Win32Error::FILE_NOT_FOUND)
}

/// Attributes of an interface language.
#[export(kernel32 + kernelbase, partial("no fallback list"))]
pub fn GetUILanguageInfo(_flags: u32, language: PCWSTR, _fallback: PWSTR, _size: Ptr<u32>, attributes: Ptr<u32>) -> Result<(), Win32Error> {
    let name = wide_opt(language)?.ok_or(Win32Error::INVALID_PARAMETER)?;
    let installed = case::equal(&name, &wide(locale::DEFAULT));
    attributes.write(if installed { MUI_FULL_LANGUAGE | MUI_LANGUAGE_INSTALLED | MUI_LANGUAGE_LICENSED } else { 0 })?;
    Ok(())
}

/// Whether a text needs right-to-left or complex shaping: not asked for here.
#[export(kernel32 + kernelbase, full)]
pub fn GetStringScripts(_flags: u32, text: PCWSTR, count: i32, to: PWSTR, capacity: i32) -> Result<i32, Win32Error> {
    let text = crate::nls::wide_arg(text, count)?;
    let mut scripts: Vec<&str> = Vec::new();
    for &unit in &text {
        let script = match unit {
            0x41..=0x5a | 0x61..=0x7a | 0xc0..=0x24f => "Latn",
            0x370..=0x3ff => "Grek",
            0x400..=0x52f => "Cyrl",
            0x530..=0x58f => "Armn",
            0x590..=0x5ff => "Hebr",
            0x600..=0x6ff => "Arab",
            0x900..=0x97f => "Deva",
            0xe00..=0xe7f => "Thai",
            0x3040..=0x309f => "Hira",
            0x30a0..=0x30ff => "Kana",
            0x3400..=0x9fff => "Hani",
            0xac00..=0xd7a3 => "Hang",
            _ => continue,
        };
        if !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    scripts.sort_unstable();
    let list: String = scripts.iter().flat_map(|script| [*script, ";"]).collect();
    crate::nls::give_z(to, capacity, &wide(&list))
}

/// Whether a locale's scripts are all in a list.
#[export(kernel32 + kernelbase, full)]
pub fn VerifyScripts(_flags: u32, locale_scripts: PCWSTR, test: PCWSTR) -> Result<BOOL, Win32Error> {
    let (known, test) = (display(&locale_scripts.read_wide()?), display(&test.read_wide()?));
    let known: Vec<&str> = known.split(';').collect();
    Ok(BOOL(test.split(';').all(|script| known.contains(&script))))
}
