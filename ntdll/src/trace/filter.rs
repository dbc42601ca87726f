//! What to trace: `kernel32:fileapi,ntdll,-kernel32:heapapi`.

use abi::export::Export;

/// Rules in the order given; the last one that fits a function decides.
#[derive(Debug)]
pub struct Filter {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    include: bool,
    /// Without `.dll`; empty: all.
    dll: String,
    header: Option<String>,
    name: Option<String>,
}

impl Default for Filter {
    /// Everything.
    fn default() -> Filter {
        Filter { rules: vec![Rule { include: true, dll: String::new(), header: None, name: None }] }
    }
}

impl Filter {
    /// Reads a list of `DLL`, `DLL:HEADER` and `DLL!FUNCTION`, each with `-` before it to leave it out; `all` is every DLL.
    /// A list that begins with something to leave out is about all the rest. Any case. An error is a message for people.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let mut rules = Vec::new();
        for item in text.to_ascii_lowercase().split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (include, item) = match item.strip_prefix('-') {
                Some(rest) => (false, rest),
                None => (true, item),
            };
            let (dll, header, name) = match (item.split_once(':'), item.split_once('!')) {
                (Some((dll, header)), _) => (dll, Some(header.to_string()), None),
                (None, Some((dll, name))) => (dll, None, Some(name.to_string())),
                (None, None) => (item, None, None),
            };
            let dll = dll.trim_end_matches(".dll");
            if dll != "all" && abi::dll::find(&format!("{dll}.dll")).is_none() {
                return Err(format!("--trace: there is no builtin DLL {dll}; `uosrun api` lists what there is"));
            }
            if rules.is_empty() && !include {
                rules = Filter::default().rules;
            }
            rules.push(Rule { include, dll: if dll == "all" { String::new() } else { dll.to_string() }, header, name });
        }
        Ok(if rules.is_empty() { Filter::default() } else { Filter { rules } })
    }

    /// Whether calls of a function are wanted.
    pub fn matches(&self, export: &Export) -> bool {
        self.rules.iter().rev().find(|rule| rule.fits(export)).is_some_and(|rule| rule.include)
    }
}

impl Rule {
    fn fits(&self, export: &Export) -> bool {
        (self.dll.is_empty() || export.dll().trim_end_matches(".dll") == self.dll)
            && self.header.as_ref().is_none_or(|header| export.module().eq_ignore_ascii_case(header))
            && self.name.as_ref().is_none_or(|name| export.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    fn wants(filter: &str, name: &str) -> bool {
        let export = abi::dll::find("ntdll.dll").and_then(|dll| dll.by_name(name)).expect("an export");
        Filter::parse(filter).expect("a filter").matches(export)
    }

    #[test]
    fn last_rule_counts() {
        assert!(wants("ntdll", "NtClose"));
        assert!(wants("NTDLL!ntclose", "NtClose"));
        assert!(!wants("ntdll!NtOpenFile", "NtClose"));
        assert!(!wants("ntdll,-ntdll!NtClose", "NtClose"));
        assert!(wants("-ntdll,ntdll!NtClose", "NtClose"));
        assert!(!wants("-ntdll", "NtClose"));
        assert!(wants("", "NtClose"));
        assert!(Filter::parse("nosuch:fileapi").is_err());
    }
}
