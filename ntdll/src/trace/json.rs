//! A traced call as a line of JSON (<https://jsonlines.org>).

use super::frame::{Frame, Result};
use super::print;
use abi::export::Export;
use abi::teb;
use std::fmt::Write;

/// `time` is in nanoseconds of the host's monotonic clock, at the call's end; `args` and `result` are as in the text form;
/// `last_error` is the thread's after the call. A call without `result` is one whose end is not seen.
pub fn line(export: &Export, frame: Frame, result: Option<Result>) -> String {
    let mut line = format!(
        "{{\"time\":{},\"thread\":{},\"dll\":{},\"header\":{},\"function\":{},\"args\":{{",
        host::time::monotonic_ns(),
        super::thread(),
        string(export.dll()),
        string(export.module()),
        string(export.name()),
    );
    for (index, (name, kind)) in export.params().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(line, "{comma}{}:{}", string(name), string(&print::argument(kind, name, index, frame)));
    }
    line.push('}');
    if let Some(result) = result {
        let _ = write!(
            line,
            ",\"result\":{},\"rax\":{},\"last_error\":{}",
            string(&print::result(export, result)),
            result.rax,
            teb::last_error().0
        );
    }
    line.push_str("}\n");
    line
}

/// A JSON string (RFC 8259, section 7).
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\0'..='\u{1f}' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #[test]
    fn strings() {
        assert_eq!(super::string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
