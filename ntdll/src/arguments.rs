//! Command lines taken apart as shell32 does it, for whoever has to.

const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

/// Takes a command line apart
/// (<https://learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw>).
pub fn split(line: &[u16]) -> Vec<Vec<u16>> {
    let is_space = |u: u16| u == 0x20 || u == 0x09;
    let mut arguments = Vec::new();
    // The program's name follows simpler rules: quotes group, backslashes mean themselves.
    let (program, mut rest) = match line.first() {
        Some(&QUOTE) => {
            let end = line[1..].iter().position(|&u| u == QUOTE).map_or(line.len(), |at| at + 1);
            (line[1..end].to_vec(), line.get(end + 1..).unwrap_or_default())
        }
        _ => {
            let end = line.iter().position(|&u| u <= 0x20).unwrap_or(line.len());
            (line[..end].to_vec(), &line[end..])
        }
    };
    arguments.push(program);
    loop {
        let start = rest.iter().position(|&u| !is_space(u));
        let Some(start) = start else { return arguments };
        rest = &rest[start..];
        let mut argument = Vec::new();
        let mut quoted = false;
        let mut at = 0;
        while at < rest.len() {
            let slashes = rest[at..].iter().take_while(|&&u| u == BACKSLASH).count();
            if slashes > 0 {
                at += slashes;
                if rest.get(at) == Some(&QUOTE) {
                    argument.extend(std::iter::repeat_n(BACKSLASH, slashes / 2));
                    if slashes % 2 == 1 {
                        argument.push(QUOTE);
                        at += 1;
                    }
                } else {
                    argument.extend(std::iter::repeat_n(BACKSLASH, slashes));
                }
                continue;
            }
            match rest[at] {
                QUOTE if quoted && rest.get(at + 1) == Some(&QUOTE) => {
                    argument.push(QUOTE);
                    at += 1;
                }
                QUOTE => quoted = !quoted,
                unit if !quoted && is_space(unit) => break,
                unit => argument.push(unit),
            }
            at += 1;
        }
        arguments.push(argument);
        rest = &rest[at..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Vec<String> {
        split(&abi::wide::wide(line)).iter().map(|a| abi::wide::display(a)).collect()
    }

    #[test]
    fn documented_examples() {
        assert_eq!(parts(r#"p "abc" d e"#), ["p", "abc", "d", "e"]);
        assert_eq!(parts(r#"p a\\b d"e f"g h"#), ["p", r"a\\b", "de fg", "h"]);
        assert_eq!(parts(r#"p a\\\"b c d"#), ["p", r#"a\"b"#, "c", "d"]);
        assert_eq!(parts(r#"p a\\\\"b c" d e"#), ["p", r"a\\b c", "d", "e"]);
        assert_eq!(parts(r#""c:\x y\p.exe" "" x"#), [r"c:\x y\p.exe", "", "x"]);
    }
}
