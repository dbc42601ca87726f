//! Embeds `prefix-template/` as a table: folders, links and files.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn walk(root: &Path, relative: &Path, out: &mut String) {
    println!("cargo::rerun-if-changed={}", root.join(relative).display());
    let mut entries: Vec<_> = fs::read_dir(root.join(relative)).expect("readable template").map(|e| e.expect("entry")).collect();
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let path = relative.join(entry.file_name());
        let name = path.to_str().expect("template names are ASCII");
        if entry.file_type().expect("type").is_dir() {
            writeln!(out, "    Item::Folder({name:?}),").expect("string");
            walk(root, &path, out);
        } else if !name.ends_with(".keep") && name != "README.md" && name != "links" {
            writeln!(out, "    Item::File({name:?}, include_bytes!({:?})),", entry.path()).expect("string");
        }
    }
}

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo")).join("../prefix-template");
    let mut table = String::from("pub(crate) static TEMPLATE: &[Item] = &[\n");
    walk(&root, Path::new(""), &mut table);
    // Links are listed in a text file: a real link to `/` in the source tree would lead tools astray.
    for line in fs::read_to_string(root.join("links")).expect("links").lines() {
        let (name, target) = line.split_once(' ').expect("name and target");
        writeln!(table, "    Item::Link({name:?}, {target:?}),").expect("string");
    }
    table.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo")).join("template.rs"), table).expect("writable");
}
