//! Handles: small numbers that name an object in the process's handle table.

/// A Windows HANDLE. Real handles are multiples of four; a few negative values are pseudo handles.
/// <https://learn.microsoft.com/windows/win32/sysinfo/handles-and-objects>
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct HANDLE(pub usize);

impl HANDLE {
    pub const NULL: HANDLE = HANDLE(0);
    /// INVALID_HANDLE_VALUE, which is the same number as the current process's pseudo handle.
    pub const INVALID: HANDLE = HANDLE(usize::MAX);
    pub const CURRENT_PROCESS: HANDLE = HANDLE(usize::MAX);
    pub const CURRENT_THREAD: HANDLE = HANDLE(usize::MAX - 1);

    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Neither null nor INVALID_HANDLE_VALUE.
    pub fn is_valid(self) -> bool {
        self.0 != 0 && self.0 != usize::MAX
    }
}

impl std::fmt::Debug for HANDLE {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
