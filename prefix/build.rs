//! Embeds `prefix-template/` as a table: folders, links and files.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn walk(root: &Path, relative: &Path, out: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(root.join(relative)).expect("readable template").map(|e| e.expect("entry")).collect();
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let path = relative.join(entry.file_name());
        let name = path.to_str().expect("template names are ASCII");
        let kind = entry.file_type().expect("type");
        if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("link");
            writeln!(out, "    Item::Link({name:?}, {:?}),", target.to_str().expect("ASCII")).expect("string");
        } else if kind.is_dir() {
            writeln!(out, "    Item::Folder({name:?}),").expect("string");
            walk(root, &path, out);
        } else if !name.ends_with(".keep") && name != "README.md" {
            writeln!(out, "    Item::File({name:?}, include_bytes!({:?})),", entry.path()).expect("string");
        }
    }
}

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo")).join("../prefix-template");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut table = String::from("pub(crate) static TEMPLATE: &[Item] = &[\n");
    walk(&root, Path::new(""), &mut table);
    table.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo")).join("template.rs"), table).expect("writable");
}
