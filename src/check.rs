//! `uosrun check FILE`: what a program needs, and what of it is missing. Runs nothing.

use abi::dll;
use abi::export::{Export, Level};
use host::mem::{self, Place, Prot};
use loader::pe::import::{Import, Symbol};
use loader::pe::{PeFile, View};
use ntdll::ldr;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Whether a file of the host begins with these bytes, as images do.
pub fn begins_with(file: &Path, magic: &[u8]) -> bool {
    let mut start = vec![0; magic.len()];
    std::fs::File::open(file).and_then(|file| file.read_exact_at(&mut start, 0)).is_ok() && start == magic
}

/// Totals over all images.
#[derive(Default)]
struct Count {
    full: usize,
    partial: usize,
    stub: usize,
    missing: usize,
}

/// Checks a program and the DLLs beside it. Exit code 1 when something is missing.
pub fn check(file: &Path) -> i32 {
    let mut queue = vec![file.to_path_buf()];
    let mut seen = BTreeSet::new();
    let mut count = Count::default();
    while let Some(path) = queue.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        match imports_of(&path) {
            Ok(imports) => {
                println!("{}", path.display());
                for import in &imports {
                    report(&path, import, &mut count, &mut queue);
                }
            }
            Err(message) => {
                eprintln!("uosrun: {}: {message}", path.display());
                return crate::cli::EXIT_CANNOT_RUN;
            }
        }
    }
    println!("{} full, {} partial, {} stub, {} missing", count.full, count.partial, count.stub, count.missing);
    i32::from(count.missing != 0)
}

fn imports_of(path: &Path) -> Result<Vec<Import>, String> {
    let file = PeFile::open(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    let size = file.mapped_size();
    // A free place: found by mapping there, which the image then replaces.
    let base = mem::map_anonymous(Place::Anywhere, size, Prot::NONE)
        .and_then(|at| mem::unmap(at, size).map(|()| at))
        .map_err(|e| e.to_string())?;
    file.map(base).map_err(|e| e.to_string())?;
    let view = View { base, size };
    let mut imports = view.imports().map_err(|e| e.to_string())?;
    imports.extend(view.delayed_imports().map_err(|e| e.to_string())?);
    mem::unmap(base, size).map_err(|e| e.to_string())?;
    Ok(imports)
}

/// The file of that name beside the program, whatever its case.
fn beside(program: &Path, dll: &str) -> Option<PathBuf> {
    let folder = program.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|e| e.path())
        .find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().eq_ignore_ascii_case(dll)))
}

fn find(dll: &str, symbol: &Symbol) -> Option<&'static Export> {
    match symbol {
        Symbol::Ordinal(ordinal) => dll::find(dll)?.by_ordinal(*ordinal),
        Symbol::Name(name) => std::iter::once(dll).chain(ldr::also_in(dll).iter().copied()).find_map(|dll| dll::find(dll)?.by_name(name)),
    }
}

fn report(program: &Path, import: &Import, count: &mut Count, queue: &mut Vec<PathBuf>) {
    let lower = import.dll.to_ascii_lowercase();
    let dll = ldr::host_dll(&lower).unwrap_or(&lower);
    let delayed = if import.delayed { " (when first called)" } else { "" };
    if !ldr::builtin::exists(dll) {
        if let Some(path) = beside(program, &import.dll) {
            queue.push(path);
            return;
        }
        println!("  {}{delayed}: missing, with {} functions", import.dll, import.slots.len());
        count.missing += import.slots.len().max(1);
        return;
    }
    for (symbol, _) in &import.slots {
        let line = match find(dll, symbol).map(Export::level) {
            Some(Level::Full) => {
                count.full += 1;
                continue;
            }
            Some(Level::Partial(note)) => {
                count.partial += 1;
                format!("partial: {note}")
            }
            Some(Level::Stub(note)) => {
                count.stub += 1;
                format!("stub: {note}")
            }
            None => {
                count.missing += 1;
                "missing".to_string()
            }
        };
        println!("  {}!{symbol}{delayed}: {line}", import.dll);
    }
}
