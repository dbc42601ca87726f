//! One generic text unit for the narrow and the wide half of every function pair.

/// A `char` or a `wchar_t`.
pub trait Unit: Copy + Eq + Ord + Default + std::fmt::Debug + 'static {
    const WIDE: bool;
    fn of(code: u32) -> Self;
    fn code(self) -> u32;

    #[inline]
    fn is_nul(self) -> bool {
        self.code() == 0
    }

    /// The character if it is ASCII, else NUL.
    #[inline]
    fn ascii(self) -> u8 {
        let code = self.code();
        if code < 0x80 { code as u8 } else { 0 }
    }
}

impl Unit for u8 {
    const WIDE: bool = false;
    #[inline]
    fn of(code: u32) -> u8 {
        code as u8
    }
    #[inline]
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u16 {
    const WIDE: bool = true;
    #[inline]
    fn of(code: u32) -> u16 {
        code as u16
    }
    #[inline]
    fn code(self) -> u32 {
        self.into()
    }
}

/// ASCII text as units.
pub fn units<U: Unit>(text: &str) -> Vec<U> {
    text.bytes().map(|b| U::of(b.into())).collect()
}
