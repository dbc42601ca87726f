//! ctype.h and wctype.h: classes of characters and their case.

use crate::codepage;
use crate::locale;
use crate::raw::Shared;
use crate::unit::Unit;
use abi::{Ptr, export, export_data};

pub const UPPER: u16 = 0x1;
pub const LOWER: u16 = 0x2;
pub const DIGIT: u16 = 0x4;
pub const SPACE: u16 = 0x8;
pub const PUNCT: u16 = 0x10;
pub const CONTROL: u16 = 0x20;
pub const BLANK: u16 = 0x40;
pub const HEX: u16 = 0x80;
pub const ALPHA: u16 = 0x103;
pub const LEAD: u16 = 0x8000;

const fn ascii_class(c: u8) -> u16 {
    match c {
        b'\t' => SPACE | CONTROL | BLANK,
        0x0a..=0x0d => SPACE | CONTROL,
        0..=0x1f | 0x7f => CONTROL,
        b' ' => SPACE | BLANK,
        b'0'..=b'9' => DIGIT | HEX,
        b'A'..=b'F' => UPPER | HEX | 0x100,
        b'G'..=b'Z' => UPPER | 0x100,
        b'a'..=b'f' => LOWER | HEX | 0x100,
        b'g'..=b'z' => LOWER | 0x100,
        0x21..=0x7e => PUNCT,
        _ => 0,
    }
}

/// Index 0 is for EOF.
const fn c_table() -> [u16; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i < 128 {
        // In the narrow table the ALPHA bit itself is not set: UPPER and LOWER say it.
        table[i + 1] = ascii_class(i as u8) & !0x100;
        i += 1;
    }
    table
}

static CTYPE: Shared<[u16; 257]> = Shared::new(c_table());
static PCTYPE: Shared<Ptr<u16>> = Shared::new(Ptr::NULL);
static WCTYPE: Shared<[u16; 257]> = Shared::new(c_table());
static PWCTYPE: Shared<Ptr<u16>> = Shared::new(Ptr::NULL);
export_data!(CTYPE => msvcrt, full, name = "_ctype");
export_data!(PCTYPE => msvcrt, full, name = "_pctype");
export_data!(WCTYPE => msvcrt, full, name = "_wctype");
export_data!(PWCTYPE => msvcrt, full, name = "_pwctype");

/// Fills in the pointers that programs import as data. Called when the DLL is attached.
pub fn attach() {
    PCTYPE.set(CTYPE.ptr().cast::<u16>().add(1));
    for c in 128..256u32 {
        WCTYPE.ptr().cast::<u16>().add(c as usize + 1).set(wide_class(c));
    }
    PWCTYPE.set(WCTYPE.ptr().cast::<u16>().add(1));
}

/// Makes the narrow table that of a code page.
pub fn set_page(page: u32) {
    let table = CTYPE.ptr().cast::<u16>().add(1);
    for byte in 0x80..=0xffu8 {
        let class = match (page, codepage::decode_one(page, &[byte])) {
            (codepage::C | codepage::UTF8, _) => 0,
            _ if codepage::is_lead(page, byte) => LEAD,
            (_, codepage::Decoded::Char(c, _)) => wide_class(c),
            _ => 0,
        };
        table.add(byte.into()).set(class);
    }
}

/// The address of the narrow table.
#[export(msvcrt + ucrtbase, full)]
fn __pctype_func() -> Ptr<u16> {
    CTYPE.ptr().cast::<u16>().add(1)
}

/// The address of the wide table.
#[export(msvcrt + ucrtbase, full)]
fn __pwctype_func() -> Ptr<u16> {
    for c in 128..256u32 {
        WCTYPE.ptr().cast::<u16>().add(c as usize + 1).set(wide_class(c));
    }
    WCTYPE.ptr().cast::<u16>().add(1)
}

/// Class bits of a narrow character (-1 to 255).
pub fn class(c: i32) -> u16 {
    if (-1..256).contains(&c) { CTYPE.ptr().cast::<u16>().add((c + 1) as usize).get() } else { 0 }
}

/// Class bits of a wide character, as GetStringTypeW's CT_CTYPE1 says them.
pub fn wide_class(code: u32) -> u16 {
    if code < 0x80 {
        return ascii_class(code as u8);
    }
    let Some(c) = char::from_u32(code) else { return 0 };
    let mut class = 0;
    if c.is_alphabetic() {
        class |= 0x100;
        if c.is_uppercase() {
            class |= UPPER;
        }
        if c.is_lowercase() {
            class |= LOWER;
        }
    }
    if c.is_whitespace() {
        class |= SPACE;
        if !matches!(code, 0x85 | 0x2028 | 0x2029) {
            class |= BLANK;
        }
    }
    if c.is_control() {
        class |= CONTROL;
    }
    if matches!(code, 0xb2 | 0xb3 | 0xb9) || c.is_ascii_digit() || is_decimal(code) {
        class |= DIGIT;
    }
    if class == 0 && code != 0xffff {
        class = PUNCT;
    }
    class
}

/// The decimal digits of other scripts, as far as they are in the BMP's common blocks.
fn is_decimal(code: u32) -> bool {
    const ZEROS: [u32; 22] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0x1810,
        0x1946, 0x19d0, 0x1b50, 0xff10,
    ];
    ZEROS.iter().any(|&zero| (zero..zero + 10).contains(&code))
}

/// The lower case of one unit in the current locale.
#[inline]
pub fn lower<U: Unit>(unit: U) -> U {
    let code = unit.code();
    if code < 0x80 {
        return U::of(u32::from((code as u8).to_ascii_lowercase()));
    }
    if locale::is_c() { unit } else { cased(unit, false) }
}

/// The upper case of one unit in the current locale.
#[inline]
pub fn upper<U: Unit>(unit: U) -> U {
    let code = unit.code();
    if code < 0x80 {
        return U::of(u32::from((code as u8).to_ascii_uppercase()));
    }
    if locale::is_c() { unit } else { cased(unit, true) }
}

fn wide_cased(code: u32, upper: bool) -> u32 {
    let Some(c) = char::from_u32(code) else { return code };
    // One unit to one unit: what would need more stays as it is.
    let mut mapped: (Option<char>, Option<char>) = (None, None);
    if upper {
        let mut it = c.to_uppercase();
        mapped = (it.next(), it.next());
    } else {
        let mut it = c.to_lowercase();
        mapped = if mapped.0.is_none() { (it.next(), it.next()) } else { mapped };
    }
    match mapped {
        (Some(m), None) if u32::from(m) < 0x10000 => m.into(),
        _ => code,
    }
}

fn cased<U: Unit>(unit: U, upper: bool) -> U {
    if U::WIDE {
        return U::of(wide_cased(unit.code(), upper));
    }
    let page = locale::page();
    if codepage::max_length(page) > 1 {
        return unit;
    }
    let codepage::Decoded::Char(code, _) = codepage::decode_one(page, &[unit.code() as u8]) else { return unit };
    match codepage::from_wide(page, &[wide_cased(code, upper) as u16]).as_deref() {
        Some(&[byte]) => U::of(byte.into()),
        _ => unit,
    }
}

fn is(c: i32, mask: u16) -> i32 {
    (class(c) & mask).into()
}

fn wide_is(c: u16, mask: u16) -> i32 {
    if c == 0xffff { 0 } else { (wide_class(c.into()) & mask).into() }
}

/// Whether a character is a letter or a digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isalnum(c: i32) -> i32 {
    is(c, ALPHA | DIGIT)
}

/// Whether a character is a letter or a digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isalnum_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, ALPHA | DIGIT)
}

/// Whether a wide character is a letter or a digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswalnum(c: u16) -> i32 {
    wide_is(c, ALPHA | DIGIT)
}

/// Whether a wide character is a letter or a digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswalnum_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, ALPHA | DIGIT)
}

/// Whether a character is a letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isalpha(c: i32) -> i32 {
    is(c, ALPHA)
}

/// Whether a character is a letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isalpha_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, ALPHA)
}

/// Whether a wide character is a letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswalpha(c: u16) -> i32 {
    wide_is(c, ALPHA)
}

/// Whether a wide character is a letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswalpha_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, ALPHA)
}

/// Whether a character is a control character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iscntrl(c: i32) -> i32 {
    is(c, CONTROL)
}

/// Whether a character is a control character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iscntrl_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, CONTROL)
}

/// Whether a wide character is a control character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswcntrl(c: u16) -> i32 {
    wide_is(c, CONTROL)
}

/// Whether a wide character is a control character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswcntrl_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, CONTROL)
}

/// Whether a character is a decimal digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isdigit(c: i32) -> i32 {
    is(c, DIGIT)
}

/// Whether a character is a decimal digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isdigit_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, DIGIT)
}

/// Whether a wide character is a decimal digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswdigit(c: u16) -> i32 {
    wide_is(c, DIGIT)
}

/// Whether a wide character is a decimal digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswdigit_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, DIGIT)
}

/// Whether a character is visible.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isgraph(c: i32) -> i32 {
    is(c, PUNCT | ALPHA | DIGIT)
}

/// Whether a character is visible, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isgraph_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, PUNCT | ALPHA | DIGIT)
}

/// Whether a wide character is visible.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswgraph(c: u16) -> i32 {
    wide_is(c, PUNCT | ALPHA | DIGIT)
}

/// Whether a wide character is visible, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswgraph_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, PUNCT | ALPHA | DIGIT)
}

/// Whether a character is a lower-case letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn islower(c: i32) -> i32 {
    is(c, LOWER)
}

/// Whether a character is a lower-case letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _islower_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, LOWER)
}

/// Whether a wide character is a lower-case letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswlower(c: u16) -> i32 {
    wide_is(c, LOWER)
}

/// Whether a wide character is a lower-case letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswlower_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, LOWER)
}

/// Whether a character is printable.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isprint(c: i32) -> i32 {
    is(c, PUNCT | ALPHA | DIGIT | BLANK)
}

/// Whether a character is printable, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isprint_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, PUNCT | ALPHA | DIGIT | BLANK)
}

/// Whether a wide character is printable.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswprint(c: u16) -> i32 {
    wide_is(c, PUNCT | ALPHA | DIGIT | BLANK)
}

/// Whether a wide character is printable, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswprint_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, PUNCT | ALPHA | DIGIT | BLANK)
}

/// Whether a character is punctuation.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn ispunct(c: i32) -> i32 {
    is(c, PUNCT)
}

/// Whether a character is punctuation, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _ispunct_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, PUNCT)
}

/// Whether a wide character is punctuation.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswpunct(c: u16) -> i32 {
    wide_is(c, PUNCT)
}

/// Whether a wide character is punctuation, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswpunct_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, PUNCT)
}

/// Whether a character is white space.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isspace(c: i32) -> i32 {
    is(c, SPACE)
}

/// Whether a character is white space, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isspace_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, SPACE)
}

/// Whether a wide character is white space.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswspace(c: u16) -> i32 {
    wide_is(c, SPACE)
}

/// Whether a wide character is white space, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswspace_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, SPACE)
}

/// Whether a character is an upper-case letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isupper(c: i32) -> i32 {
    is(c, UPPER)
}

/// Whether a character is an upper-case letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isupper_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, UPPER)
}

/// Whether a wide character is an upper-case letter.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswupper(c: u16) -> i32 {
    wide_is(c, UPPER)
}

/// Whether a wide character is an upper-case letter, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswupper_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, UPPER)
}

/// Whether a character is a hexadecimal digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn isxdigit(c: i32) -> i32 {
    is(c, HEX)
}

/// Whether a character is a hexadecimal digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isxdigit_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, HEX)
}

/// Whether a wide character is a hexadecimal digit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn iswxdigit(c: u16) -> i32 {
    wide_is(c, HEX)
}

/// Whether a wide character is a hexadecimal digit, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswxdigit_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, HEX)
}

/// Whether a character is a blank.
#[export(ucrtbase, full)]
pub fn isblank(c: i32) -> i32 {
    if c == 9 { BLANK.into() } else { is(c, BLANK) }
}

/// Whether a character is a blank, with a locale.
#[export(ucrtbase, full)]
pub fn _isblank_l(c: i32, _locale: Ptr<u8>) -> i32 {
    if c == 9 { BLANK.into() } else { is(c, BLANK) }
}

/// Whether a wide character is a blank.
#[export(ucrtbase, full)]
pub fn iswblank(c: u16) -> i32 {
    wide_is(c, BLANK)
}

/// Whether a wide character is a blank, with a locale.
#[export(ucrtbase, full)]
pub fn _iswblank_l(c: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, BLANK)
}

/// Whether a character is in a class.
#[export(msvcrt + ucrtbase, full)]
pub fn _isctype(c: i32, mask: i32) -> i32 {
    is(c, mask as u16)
}

/// Whether a character is in a class, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isctype_l(c: i32, mask: i32, _locale: Ptr<u8>) -> i32 {
    is(c, mask as u16)
}

/// Whether a wide character is in a class.
#[export(msvcrt + ucrtbase, full)]
pub fn iswctype(c: u16, mask: u16) -> i32 {
    wide_is(c, mask)
}

/// Whether a wide character is in a class, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _iswctype_l(c: u16, mask: u16, _locale: Ptr<u8>) -> i32 {
    wide_is(c, mask)
}

/// Whether a wide character is in a class.
#[export(msvcrt + ucrtbase, full)]
pub fn is_wctype(c: u16, mask: u16) -> i32 {
    wide_is(c, mask)
}

/// Whether a byte begins a two-byte character.
#[export(msvcrt + ucrtbase, full)]
pub fn isleadbyte(c: i32) -> i32 {
    is(c, LEAD)
}

/// Whether a byte begins a two-byte character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _isleadbyte_l(c: i32, _locale: Ptr<u8>) -> i32 {
    is(c, LEAD)
}

/// Whether a wide character is ASCII.
#[export(msvcrt + ucrtbase, full)]
pub fn iswascii(c: u16) -> i32 {
    (c < 0x80).into()
}

/// Whether a character is ASCII.
#[export(msvcrt + ucrtbase, full)]
pub fn __isascii(c: i32) -> i32 {
    i32::from((0..0x80).contains(&c))
}

/// The low seven bits.
#[export(msvcrt + ucrtbase, full)]
pub fn __toascii(c: i32) -> i32 {
    c & 0x7f
}

/// Whether a character may be in a C name.
#[export(msvcrt + ucrtbase, full)]
pub fn __iscsym(c: i32) -> i32 {
    if c == 95 { 1 } else { is(c, ALPHA | DIGIT) }
}

/// Whether a character may begin a C name.
#[export(msvcrt + ucrtbase, full)]
pub fn __iscsymf(c: i32) -> i32 {
    if c == 95 { 1 } else { is(c, ALPHA) }
}

/// Whether a wide character may be in a C name.
#[export(ucrtbase, full)]
pub fn __iswcsym(c: u16) -> i32 {
    if c == 95 { 1 } else { wide_is(c, ALPHA | DIGIT) }
}

/// Whether a wide character may begin a C name.
#[export(ucrtbase, full)]
pub fn __iswcsymf(c: u16) -> i32 {
    if c == 95 { 1 } else { wide_is(c, ALPHA) }
}

/// Whether a wide character may be in a C name, with a locale.
#[export(ucrtbase, full)]
pub fn _iswcsym_l(c: u16, _locale: Ptr<u8>) -> i32 {
    __iswcsym(c)
}

/// Whether a wide character may begin a C name, with a locale.
#[export(ucrtbase, full)]
pub fn _iswcsymf_l(c: u16, _locale: Ptr<u8>) -> i32 {
    __iswcsymf(c)
}

/// The lower case of a character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn tolower(c: i32) -> i32 {
    if c as u32 > 255 { c } else { lower(c as u8).into() }
}

/// The lower case of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _tolower_l(c: i32, _locale: Ptr<u8>) -> i32 {
    if c as u32 > 255 { c } else { lower(c as u8).into() }
}

/// The upper case of a character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn toupper(c: i32) -> i32 {
    if c as u32 > 255 { c } else { upper(c as u8).into() }
}

/// The upper case of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _toupper_l(c: i32, _locale: Ptr<u8>) -> i32 {
    if c as u32 > 255 { c } else { upper(c as u8).into() }
}

/// The lower case of a wide character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn towlower(c: u16) -> u16 {
    lower(c)
}

/// The lower case of a wide character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _towlower_l(c: u16, _locale: Ptr<u8>) -> u16 {
    lower(c)
}

/// The upper case of a wide character.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn towupper(c: u16) -> u16 {
    upper(c)
}

/// The upper case of a wide character, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _towupper_l(c: u16, _locale: Ptr<u8>) -> u16 {
    upper(c)
}

/// The lower case of an upper-case letter.
#[export(msvcrt + ucrtbase, full)]
pub fn _tolower(c: i32) -> i32 {
    c - 65 + 97
}

/// The upper case of a lower-case letter.
#[export(msvcrt + ucrtbase, full)]
pub fn _toupper(c: i32) -> i32 {
    c - 97 + 65
}

/// The mapping of a name, for towctrans: 1 is to lower case, 0 to upper case.
#[export(ucrtbase, full)]
fn wctrans(name: Ptr<u8>) -> u16 {
    u16::from(crate::raw::text(name) == b"tolower")
}

/// Maps a wide character.
#[export(ucrtbase, full)]
fn towctrans(c: u16, mapping: u16) -> u16 {
    if mapping == 1 { lower(c) } else { upper(c) }
}

/// The class of a name, for iswctype.
#[export(ucrtbase, full)]
fn wctype(name: Ptr<u8>) -> u16 {
    match crate::raw::text(name) {
        b"alnum" => ALPHA | DIGIT,
        b"alpha" => ALPHA,
        b"blank" => BLANK,
        b"cntrl" => CONTROL,
        b"digit" => DIGIT,
        b"graph" => PUNCT | ALPHA | DIGIT,
        b"lower" => LOWER,
        b"print" => PUNCT | ALPHA | DIGIT | BLANK,
        b"punct" => PUNCT,
        b"space" => SPACE,
        b"upper" => UPPER,
        b"xdigit" => HEX,
        _ => 0,
    }
}
