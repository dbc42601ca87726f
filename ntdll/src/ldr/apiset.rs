//! Api-set names: contracts such as `api-ms-win-core-file-l1-1-0.dll` that some real DLL fulfils.
//!
//! <https://learn.microsoft.com/windows/win32/apiindex/windows-apisets>

/// Which DLL stands behind each family of contracts; the first prefix that fits counts.
const FAMILIES: &[(&str, &str)] = &[
    ("api-ms-win-crt-", "ucrtbase.dll"),
    ("api-ms-win-core-com-", "combase.dll"),
    ("api-ms-win-core-winrt-", "combase.dll"),
    ("api-ms-win-core-registry-", "advapi32.dll"),
    ("api-ms-win-core-psapi-", "kernel32.dll"),
    ("api-ms-win-core-version-", "version.dll"),
    ("api-ms-win-core-shlwapi-", "shlwapi.dll"),
    ("api-ms-win-core-path-", "kernel32.dll"),
    ("api-ms-win-core-rtlsupport-", "ntdll.dll"),
    ("api-ms-win-core-crt-", "msvcrt.dll"),
    ("api-ms-win-core-", "kernel32.dll"),
    ("api-ms-win-eventing-", "advapi32.dll"),
    ("api-ms-win-security-", "advapi32.dll"),
    ("api-ms-win-service-", "advapi32.dll"),
    ("api-ms-win-shcore-", "shcore.dll"),
    ("api-ms-win-ntuser-", "user32.dll"),
    ("api-ms-win-gdi-", "gdi32.dll"),
    ("api-ms-win-", "kernel32.dll"),
    ("ext-ms-win-ntuser-", "user32.dll"),
    ("ext-ms-win-gdi-", "gdi32.dll"),
];

/// The DLL behind a contract, given in lower case; None for names that are none.
pub fn host_dll(name: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|&(_, dll)| dll)
}

/// DLLs whose exports another one offers too, in the order to look.
pub fn also_in(dll: &str) -> &'static [&'static str] {
    match dll {
        "kernel32.dll" => &["kernelbase.dll", "ntdll.dll"],
        "kernelbase.dll" => &["kernel32.dll", "advapi32.dll", "shlwapi.dll", "version.dll", "ntdll.dll"],
        "advapi32.dll" => &["kernel32.dll"],
        "combase.dll" => &["ole32.dll"],
        "ole32.dll" => &["combase.dll"],
        "shcore.dll" => &["shlwapi.dll", "user32.dll"],
        "ucrtbase.dll" => &["vcruntime140.dll", "vcruntime140_1.dll"],
        "wsock32.dll" => &["ws2_32.dll"],
        _ => &[],
    }
}
