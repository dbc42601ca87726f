//! `uosrun api [PATTERN]`: what is implemented, at which level.

use abi::dll;
use abi::export::Level;
use posix_bridge::table;
use std::io::Write;

/// How complete a system call of Linux is, by its name (`linux!openat`) and number.
fn system_calls(pattern: &str) -> impl Iterator<Item = String> {
    table::LIST.iter().filter_map(move |call| {
        let place = format!("linux!{}", call.name);
        let level = match call.level {
            table::Level::Full => "full".to_string(),
            table::Level::Partial(note) => format!("partial: {note}"),
            table::Level::Stub(note) => format!("stub: {note}"),
        };
        place.contains(pattern).then(|| format!("{place}\t{}\t{level}\n", call.number))
    })
}

/// Lists exports whose DLL, header or name contains the pattern (any case), and system calls of Linux. Exit code 1 when none does.
pub fn api(pattern: Option<&str>) -> i32 {
    let pattern = pattern.unwrap_or("").to_ascii_lowercase();
    let mut lines: Vec<String> = dll::all()
        .flat_map(|dll| dll.rows())
        .filter_map(|export| {
            let name = if export.name().is_empty() { format!("#{}", export.ordinal) } else { export.name().to_string() };
            let place = format!("{}!{name}", export.dll().trim_end_matches(".dll"));
            if !place.to_ascii_lowercase().contains(&pattern) && !export.module().contains(&pattern) {
                return None;
            }
            let level = match export.level() {
                Level::Full => "full".to_string(),
                Level::Partial(note) => format!("partial: {note}"),
                Level::Stub(note) => format!("stub: {note}"),
            };
            Some(format!("{place}\t{}\t{level}\n", export.module()))
        })
        .chain(system_calls(&pattern))
        .collect();
    lines.sort();
    let mut out = std::io::stdout().lock();
    for line in &lines {
        // A closed pipe (`uosrun api | head`) ends the list quietly.
        if out.write_all(line.as_bytes()).is_err() {
            return 0;
        }
    }
    i32::from(lines.is_empty())
}

#[cfg(test)]
mod tests {
    use abi::dll;

    #[test]
    fn every_export_is_found_by_its_own_name_or_ordinal() {
        let mut count = 0;
        for dll in dll::all() {
            for (slot, export) in dll.rows().iter().enumerate() {
                let found = match export.name() {
                    "" => dll.slot_of_ordinal(export.ordinal),
                    name => dll.slot(name),
                };
                assert_eq!(found, Some(slot), "{}!{}#{}", export.dll(), export.name(), export.ordinal);
                assert_eq!(export.dll(), dll.name);
                count += 1;
            }
            assert_eq!(dll.slot_of_ordinal(0), None, "no export has ordinal 0");
        }
        assert!(count > 3000, "only {count} exports");
    }
}
