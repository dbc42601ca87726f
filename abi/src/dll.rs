//! Unsafe edge (the linker's sections): the builtin DLLs, and what finds their exports.
//!
//! The linker collects the rows of each DLL, from all crates, into two sections: the rows themselves and, in the same
//! order, hashes of their names. Searching the hashes of one DLL takes less time than building an index of them would
//! at every start.
#![allow(unsafe_code)]

use crate::export::Export;
use crate::hash::fnv1a;

abi_macros::dlls! {
    advapi32 authz avicap32 avrt bcrypt bcryptprimitives cabinet cfgmgr32 combase comctl32 comdlg32 credui crypt32
    cryptbase cryptui dbghelp dnsapi dwmapi dxgi gdi32 hid imm32 iphlpapi kernel32 kernelbase mpr msimg32 msvcp140
    msvcrt mswsock ncrypt netapi32 normaliz ntdll ole32 oleacc oleaut32 pdh powrprof propsys psapi rpcrt4 rstrtmgr
    sechost secur32 security setupapi shcore shell32 shlwapi ucrtbase urlmon user32 userenv uxtheme vcruntime140
    vcruntime140_1 version virtdisk wer winhttp wininet winmm winspool_drv wintrust wldap32 ws2_32 wsock32 wtsapi32
}

/// A builtin DLL.
#[derive(Clone, Copy)]
pub struct Dll {
    /// File name, in lower case.
    pub name: &'static str,
    rows: &'static [Export],
    hashes: &'static [u64],
}

/// The builtin DLL of that name (lower case, with extension), if it exports anything.
pub fn find(name: &str) -> Option<Dll> {
    let (name, start, end, hashes) = sections(name)?;
    let count = (end as usize - start as usize) / size_of::<Export>();
    // SAFETY: the linker defines both ends, and between them lie whole rows, which nobody writes.
    let rows = unsafe { std::slice::from_raw_parts(start, count) };
    // SAFETY: there is one hash for each row.
    let hashes = unsafe { std::slice::from_raw_parts(hashes, count) };
    (count != 0).then_some(Dll { name, rows, hashes })
}

/// All builtin DLLs that export anything.
pub fn all() -> impl Iterator<Item = Dll> {
    NAMES.iter().filter_map(|name| find(name))
}

/// What numbers of rows count from.
static ANCHOR: u8 = 0;

pub(crate) fn anchor() -> usize {
    &raw const ANCHOR as usize
}

impl Dll {
    /// The exports in link order.
    pub fn rows(self) -> &'static [Export] {
        self.rows
    }

    /// Finds an export by name: its place in the rows. Equal hashes are taken for equal names, so that the names
    /// themselves, all over the file, need not be read.
    pub fn slot(self, name: &str) -> Option<usize> {
        // ntdll has its system calls under two names, of which only one has a row.
        let twin = || name.strip_prefix("Zw").filter(|_| self.name == "ntdll.dll").and_then(|rest| self.place(&format!("Nt{rest}")));
        self.place(name).or_else(twin)
    }

    fn place(self, name: &str) -> Option<usize> {
        let wanted = fnv1a(name.as_bytes());
        self.hashes.iter().position(|&hash| hash == wanted)
    }

    /// Finds an export by name.
    pub fn by_name(self, name: &str) -> Option<&'static Export> {
        self.slot(name).map(|slot| &self.rows[slot])
    }

    /// Finds an export by ordinal, which is never 0: its place in the rows.
    pub fn slot_of_ordinal(self, ordinal: u16) -> Option<usize> {
        self.rows.iter().position(|row| row.ordinal == ordinal).filter(|_| ordinal != 0)
    }

    /// Finds an export by ordinal.
    pub fn by_ordinal(self, ordinal: u16) -> Option<&'static Export> {
        self.slot_of_ordinal(ordinal).map(|slot| &self.rows[slot])
    }
}
