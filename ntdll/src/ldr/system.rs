//! Names of DLLs that every Windows has. One of them that is not implemented is no reason to refuse a program:
//! only calling its functions is an error. From the published Win32 metadata and the census of real programs.

const SYSTEM: &[&str] = &[
    "advapi32.dll",
    "avicap32.dll",
    "avrt.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "cabinet.dll",
    "cfgmgr32.dll",
    "comctl32.dll",
    "comdlg32.dll",
    "credui.dll",
    "crypt32.dll",
    "cryptui.dll",
    "d2d1.dll",
    "d3d11.dll",
    "d3d12.dll",
    "dbghelp.dll",
    "dnsapi.dll",
    "dwmapi.dll",
    "dwrite.dll",
    "dxgi.dll",
    "esent.dll",
    "gdi32.dll",
    "hid.dll",
    "icu.dll",
    "icuin.dll",
    "icuuc.dll",
    "imm32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "ktmw32.dll",
    "mpr.dll",
    "mscoree.dll",
    "msvfw32.dll",
    "mswsock.dll",
    "ncrypt.dll",
    "netapi32.dll",
    "normaliz.dll",
    "ntdll.dll",
    "ntdllk.dll",
    "ntmarta.dll",
    "ole32.dll",
    "oleacc.dll",
    "oleaut32.dll",
    "opengl32.dll",
    "pdh.dll",
    "powrprof.dll",
    "propsys.dll",
    "psapi.dll",
    "rpcrt4.dll",
    "rstrtmgr.dll",
    "sechost.dll",
    "secur32.dll",
    "setupapi.dll",
    "shell32.dll",
    "shlwapi.dll",
    "urlmon.dll",
    "user32.dll",
    "userenv.dll",
    "uxtheme.dll",
    "version.dll",
    "virtdisk.dll",
    "wer.dll",
    "winhttp.dll",
    "wininet.dll",
    "winmm.dll",
    "wintrust.dll",
    "wldap32.dll",
    "ws2_32.dll",
    "wtsapi32.dll",
];

/// Whether Windows itself brings a DLL of that name (lower case).
pub fn is_system(dll: &str) -> bool {
    SYSTEM.binary_search(&dll).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sorted() {
        assert!(super::SYSTEM.is_sorted());
    }
}
