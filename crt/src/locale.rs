//! locale.h: which locale is set, and what follows from it.

use crate::codepage;
use crate::ctype;
use crate::raw::{self, Shared};
use crate::unit::Unit;
use abi::{Ptr, export, export_data};
use parking_lot::Mutex;
use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// What a locale's name stands for: language tag, English names of language and country, ANSI code page,
/// decimal point, thousands separator, ISO 4217 code, currency sign.
struct Known(&'static str, &'static str, &'static str, u32, u8, u16, &'static str, &'static str);

/// From the published "Language Identifier Constants and Strings" and CLDR's number symbols.
const KNOWN: &[Known] = &[
    Known("en-US", "English", "United States", 1252, b'.', 44, "USD", "$"),
    Known("en-GB", "English", "United Kingdom", 1252, b'.', 44, "GBP", "\u{a3}"),
    Known("en-CA", "English", "Canada", 1252, b'.', 44, "CAD", "$"),
    Known("en-AU", "English", "Australia", 1252, b'.', 44, "AUD", "$"),
    Known("de-DE", "German", "Germany", 1252, b',', 46, "EUR", "\u{20ac}"),
    Known("de-AT", "German", "Austria", 1252, b',', 0xa0, "EUR", "\u{20ac}"),
    Known("de-CH", "German", "Switzerland", 1252, b'.', 0x2019, "CHF", "CHF"),
    Known("fr-FR", "French", "France", 1252, b',', 0x202f, "EUR", "\u{20ac}"),
    Known("fr-CA", "French", "Canada", 1252, b',', 0xa0, "CAD", "$"),
    Known("es-ES", "Spanish", "Spain", 1252, b',', 46, "EUR", "\u{20ac}"),
    Known("it-IT", "Italian", "Italy", 1252, b',', 46, "EUR", "\u{20ac}"),
    Known("nl-NL", "Dutch", "Netherlands", 1252, b',', 46, "EUR", "\u{20ac}"),
    Known("pt-BR", "Portuguese", "Brazil", 1252, b',', 46, "BRL", "R$"),
    Known("pt-PT", "Portuguese", "Portugal", 1252, b',', 0xa0, "EUR", "\u{20ac}"),
    Known("sv-SE", "Swedish", "Sweden", 1252, b',', 0xa0, "SEK", "kr"),
    Known("nb-NO", "Norwegian Bokm\u{e5}l", "Norway", 1252, b',', 0xa0, "NOK", "kr"),
    Known("da-DK", "Danish", "Denmark", 1252, b',', 46, "DKK", "kr."),
    Known("fi-FI", "Finnish", "Finland", 1252, b',', 0xa0, "EUR", "\u{20ac}"),
    Known("pl-PL", "Polish", "Poland", 1250, b',', 0xa0, "PLN", "z\u{142}"),
    Known("cs-CZ", "Czech", "Czech Republic", 1250, b',', 0xa0, "CZK", "K\u{10d}"),
    Known("hu-HU", "Hungarian", "Hungary", 1250, b',', 0xa0, "HUF", "Ft"),
    Known("ru-RU", "Russian", "Russia", 1251, b',', 0xa0, "RUB", "\u{20bd}"),
    Known("uk-UA", "Ukrainian", "Ukraine", 1251, b',', 0xa0, "UAH", "\u{20b4}"),
    Known("el-GR", "Greek", "Greece", 1253, b',', 46, "EUR", "\u{20ac}"),
    Known("tr-TR", "Turkish", "Turkey", 1254, b',', 46, "TRY", "\u{20ba}"),
    Known("ja-JP", "Japanese", "Japan", 932, b'.', 44, "JPY", "\u{a5}"),
    Known("ko-KR", "Korean", "Korea", 949, b'.', 44, "KRW", "\u{20a9}"),
    Known("zh-CN", "Chinese", "China", 936, b'.', 44, "CNY", "\u{a5}"),
    Known("zh-TW", "Chinese", "Taiwan", 950, b'.', 44, "TWD", "NT$"),
];

const ALL: i32 = 0;
const CTYPE: usize = 2;
const MONETARY: usize = 3;
const NUMERIC: usize = 4;
const CATEGORIES: [&str; 6] = ["LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"];

#[derive(Clone)]
struct Setting {
    /// As setlocale returns it.
    name: String,
    /// None for "C".
    known: Option<&'static Known>,
    page: u32,
}

struct State {
    settings: [Setting; 6],
    /// Results that have been handed out; they stay.
    narrow: Vec<&'static [u8]>,
    wide: Vec<&'static [u16]>,
}

static STATE: Mutex<Option<Box<State>>> = Mutex::new(None);
static CTYPE_IS_C: AtomicBool = AtomicBool::new(true);
static COLLATES: AtomicBool = AtomicBool::new(false);
static PAGE: AtomicU32 = AtomicU32::new(0);
static DECIMAL: AtomicU32 = AtomicU32::new(b'.' as u32);
static MB_CUR_MAX: Shared<i32> = Shared::new(1);
static LC_CODEPAGE: Shared<u32> = Shared::new(0);
static LC_COLLATE_CP: Shared<u32> = Shared::new(0);
static LC_HANDLE: Shared<[u32; 6]> = Shared::new([0; 6]);
static SETLC_ACTIVE: Shared<i32> = Shared::new(0);
export_data!(MB_CUR_MAX => msvcrt, full, name = "__mb_cur_max");
export_data!(LC_CODEPAGE => msvcrt, full, name = "__lc_codepage");
export_data!(LC_COLLATE_CP => msvcrt, full, name = "__lc_collate_cp");
export_data!(LC_HANDLE => msvcrt, full, name = "__lc_handle");
export_data!(SETLC_ACTIVE => msvcrt, full, name = "__setlc_active");
export_data!(SETLC_ACTIVE => msvcrt, full, name = "__unguarded_readlc_active");

/// Whether LC_CTYPE is "C".
#[inline]
pub fn is_c() -> bool {
    CTYPE_IS_C.load(Relaxed)
}

/// Code page of LC_CTYPE; 0 in "C".
#[inline]
pub fn page() -> u32 {
    PAGE.load(Relaxed)
}

/// Whether LC_COLLATE is other than "C".
pub fn collates() -> bool {
    COLLATES.load(Relaxed)
}

/// LC_NUMERIC's decimal point.
#[inline]
pub fn decimal_point() -> u8 {
    DECIMAL.load(Relaxed) as u8
}

/// A key whose order is near that of a dictionary: letters without case and accents first, then the rest.
fn dictionary_key(text: &[u16]) -> (Vec<u32>, Vec<u32>) {
    let chars: Vec<char> = char::decode_utf16(text.iter().copied()).map(|c| c.unwrap_or('\u{fffd}')).collect();
    let class = |c: char| if c.is_alphabetic() { 0x40_0000 } else { u32::from(c.is_numeric()) * 0x20_0000 };
    let base = chars.iter().map(|&c| class(c) + u32::from(c.to_lowercase().next().unwrap_or(c))).collect();
    // Lower case sorts before upper case.
    let case = chars.iter().map(|c| u32::from(c.is_uppercase())).collect();
    (base, case)
}

fn widen<U: Unit>(text: &[U]) -> Vec<u16> {
    if U::WIDE {
        text.iter().map(|u| u.code() as u16).collect()
    } else {
        codepage::to_wide(page(), &text.iter().map(|u| u.code() as u8).collect::<Vec<_>>())
    }
}

/// Compares in the order of LC_COLLATE.
pub fn collate<U: Unit>(a: &[U], b: &[U], no_case: bool) -> Ordering {
    let (a, b) = (dictionary_key(&widen(a)), dictionary_key(&widen(b)));
    let order = a.0.cmp(&b.0);
    if no_case { order } else { order.then_with(|| a.1.cmp(&b.1)) }
}

/// A string whose strcmp order is the locale's order.
pub fn sort_key<U: Unit>(text: &[U]) -> Vec<U> {
    if !collates() {
        return text.to_vec();
    }
    let (base, case) = dictionary_key(&widen(text));
    let mut key = Vec::new();
    for weight in base {
        for shift in [18, 12, 6, 0] {
            key.push(U::of((weight >> shift & 0x3f) + 0x40));
        }
    }
    key.push(U::of(1));
    key.extend(case.into_iter().map(|c| U::of(c + 2)));
    key
}

fn parse(name: &str) -> Option<Setting> {
    if name == "C" {
        return Some(Setting { name: "C".into(), known: None, page: 0 });
    }
    if name.len() > 130 {
        return None;
    }
    let (place, page) = name.split_once('.').map_or((name, None), |(p, c)| (p, Some(c)));
    let (language, country) = place.split_once(['_', '-']).map_or((place, None), |(l, c)| (l, Some(c)));
    let known = if place.is_empty() {
        KNOWN.first()?
    } else {
        KNOWN.iter().find(|k| {
            let (tag_language, tag_country) = k.0.split_once('-').unwrap_or((k.0, ""));
            let is_language = k.1.eq_ignore_ascii_case(language) || tag_language.eq_ignore_ascii_case(language);
            is_language
                && country.is_none_or(|c| {
                    k.2.eq_ignore_ascii_case(c)
                        || tag_country.eq_ignore_ascii_case(c)
                        || (k.2 == "United States" && ["USA", "US", "America"].iter().any(|n| n.eq_ignore_ascii_case(c)))
                })
        })?
    };
    // A language tag is kept as the name; the old form is spelled out.
    let is_tag = place.eq_ignore_ascii_case(known.0) || place.replace('_', "-").eq_ignore_ascii_case(known.0);
    let (page, suffix) = match page {
        None if is_tag => (known.3, String::new()),
        None => (known.3, format!(".{}", known.3)),
        Some(p) if p.eq_ignore_ascii_case("utf8") || p.eq_ignore_ascii_case("utf-8") => (codepage::UTF8, format!(".{p}")),
        Some(p) if p.eq_ignore_ascii_case("ACP") => (known.3, format!(".{}", known.3)),
        Some(p) if p.eq_ignore_ascii_case("OCP") => (437, ".437".into()),
        Some(p) => {
            let number: u32 = p.parse().ok()?;
            (if number == 0 { known.3 } else { number }, format!(".{number}"))
        }
    };
    let full = if is_tag { format!("{place}{suffix}") } else { format!("{}_{}{suffix}", known.1, known.2) };
    Some(Setting { name: full, known: Some(known), page })
}

fn c_setting() -> Setting {
    Setting { name: "C".into(), known: None, page: 0 }
}

fn apply(state: &State) {
    let ctype = &state.settings[CTYPE];
    CTYPE_IS_C.store(ctype.known.is_none(), Relaxed);
    PAGE.store(ctype.page, Relaxed);
    LC_CODEPAGE.set(ctype.page);
    MB_CUR_MAX.set(codepage::max_length(ctype.page));
    ctype::set_page(ctype.page);
    COLLATES.store(state.settings[1].known.is_some(), Relaxed);
    LC_COLLATE_CP.set(state.settings[1].page);
    DECIMAL.store(u32::from(state.settings[NUMERIC].known.map_or(b'.', |k| k.4)), Relaxed);
    fill_lconv(state);
}

fn with_state<R>(f: impl FnOnce(&mut State) -> R) -> R {
    let mut guard = STATE.lock();
    let state = guard
        .get_or_insert_with(|| Box::new(State { settings: std::array::from_fn(|_| c_setting()), narrow: Vec::new(), wide: Vec::new() }));
    f(state)
}

/// Sets what is asked for, and returns the name.
fn set(category: i32, name: Option<String>) -> Option<String> {
    let index = usize::try_from(category).ok().filter(|&c| c < 6)?;
    with_state(|state| {
        if let Some(name) = name {
            let mut settings = state.settings.clone();
            if let (true, Some(_)) = (category == ALL, name.find('=')) {
                for part in name.split(';') {
                    let (key, value) = part.split_once('=')?;
                    let at = CATEGORIES.iter().position(|c| *c == key)?;
                    settings[at] = parse(value)?;
                }
            } else {
                let setting = parse(&name)?;
                if category == ALL {
                    settings.fill(setting);
                } else {
                    settings[index] = setting;
                }
            }
            state.settings = settings;
            apply(state);
        }
        let of = |i: usize| state.settings[i].name.clone();
        if category != ALL {
            return Some(of(index));
        }
        if (2..6).all(|i| of(i) == of(1)) {
            return Some(of(1));
        }
        Some((1..6).map(|i| format!("{}={}", CATEGORIES[i], of(i))).collect::<Vec<_>>().join(";"))
    })
}

/// Sets or asks for the locale of the program.
#[export(msvcrt + ucrtbase, partial("29 locales; collation is approximate"))]
fn setlocale(category: i32, name: Ptr<u8>) -> Ptr<u8> {
    let name = (!name.is_null()).then(|| String::from_utf8_lossy(raw::text(name)).into_owned());
    let Some(result) = set(category, name) else { return Ptr::NULL };
    let result = format!("{result}\0").into_bytes();
    with_state(|state| {
        if !state.narrow.contains(&result.as_slice()) {
            state.narrow.push(result.clone().leak());
        }
        state.narrow.iter().find(|t| **t == result).map_or(Ptr::NULL, |t| Ptr::of(t.as_ptr()))
    })
}

/// Sets or asks for the locale of the program.
#[export(msvcrt + ucrtbase, partial("29 locales; collation is approximate"))]
fn _wsetlocale(category: i32, name: Ptr<u16>) -> Ptr<u16> {
    let name = (!name.is_null()).then(|| String::from_utf16_lossy(raw::text(name)));
    let Some(result) = set(category, name) else { return Ptr::NULL };
    let result = abi::wide::wide_z(&result);
    with_state(|state| {
        if !state.wide.contains(&result.as_slice()) {
            state.wide.push(result.clone().leak());
        }
        state.wide.iter().find(|t| **t == result).map_or(Ptr::NULL, |t| Ptr::of(t.as_ptr()))
    })
}

/// `struct lconv`: ten strings, eight numbers, eight wide strings.
#[derive(Clone, Copy)]
#[repr(C)]
struct Lconv {
    text: [Ptr<u8>; 10],
    numbers: [u8; 8],
    wide: [Ptr<u16>; 8],
}

static LCONV: Shared<Lconv> = Shared::new(Lconv { text: [Ptr::NULL; 10], numbers: [0x7f; 8], wide: [Ptr::NULL; 8] });

fn leak(text: &str, page: u32) -> (Ptr<u8>, Ptr<u16>) {
    if text.is_empty() {
        return (Ptr::of(c"".as_ptr().cast::<u8>()), Ptr::of([0u16].as_ptr()));
    }
    let wide: &'static mut [u16] = abi::wide::wide_z(text).leak();
    let mut narrow = codepage::from_wide_lossy(page, &wide[..wide.len() - 1]);
    narrow.push(0);
    (Ptr::of(narrow.leak().as_ptr()), Ptr::of(wide.as_ptr()))
}

fn fill_lconv(state: &State) {
    let unit = |code: u16| char::from_u32(code.into()).map(String::from).unwrap_or_default();
    let page = state.settings[CTYPE].page;
    let (numeric, money) = (state.settings[NUMERIC].known, state.settings[MONETARY].known);
    let point = |k: Option<&Known>| k.map(|k| unit(k.4.into()));
    let decimal = leak(&point(numeric).unwrap_or(".".into()), page);
    let thousands = leak(&numeric.map(|k| unit(k.5)).unwrap_or_default(), page);
    let grouping = |k: Option<&Known>| leak(if k.is_some() { "\u{3}" } else { "" }, 0).0;
    let code = leak(money.map_or("", |k| k.6), page);
    let sign = leak(money.map_or("", |k| k.7), page);
    let money_decimal = leak(&point(money).unwrap_or_default(), page);
    let money_thousands = leak(&money.map(|k| unit(k.5)).unwrap_or_default(), page);
    let (plus, minus) = (leak("", 0), leak(if money.is_some() { "-" } else { "" }, 0));
    LCONV.set(Lconv {
        text: [
            decimal.0,
            thousands.0,
            grouping(numeric),
            code.0,
            sign.0,
            money_decimal.0,
            money_thousands.0,
            grouping(money),
            plus.0,
            minus.0,
        ],
        numbers: if money.is_some() { [2, 2, 1, 0, 1, 0, 3, 0] } else { [0x7f; 8] },
        wide: [decimal.1, thousands.1, code.1, sign.1, money_decimal.1, money_thousands.1, plus.1, minus.1],
    });
}

/// Formats of numbers and money.
#[export(msvcrt + ucrtbase, full)]
fn localeconv() -> Ptr<u8> {
    with_state(|state| {
        if LCONV.get().text[0].is_null() {
            fill_lconv(state);
        }
    });
    LCONV.ptr().cast()
}

/// Start-up of `char` as unsigned in lconv: its unset numbers become 255.
#[export(msvcrt, full)]
fn __lconv_init() -> i32 {
    localeconv();
    let mut lconv = LCONV.get();
    lconv.numbers = lconv.numbers.map(|n| if n == 0x7f { 0xff } else { n });
    LCONV.set(lconv);
    0
}

/// Start-up of `char` as unsigned in lconv.
#[export(ucrtbase, full)]
fn __initialize_lconv_for_unsigned_char() {
    __lconv_init();
}

/// Code page of LC_CTYPE.
#[export(msvcrt + ucrtbase, full)]
fn ___lc_codepage_func() -> u32 {
    page()
}

/// Code page of LC_COLLATE.
#[export(msvcrt + ucrtbase, full)]
fn ___lc_collate_cp_func() -> u32 {
    LC_COLLATE_CP.get()
}

/// LCIDs by category.
#[export(msvcrt, full)]
fn ___lc_handle_func() -> Ptr<u32> {
    LC_HANDLE.ptr().cast()
}

/// Names of the locales by category; null for "C".
#[export(ucrtbase, full)]
fn ___lc_locale_name_func() -> Ptr<Ptr<u16>> {
    static NAMES: Shared<[Ptr<u16>; 6]> = Shared::new([Ptr::NULL; 6]);
    with_state(|state| {
        for (i, setting) in state.settings.iter().enumerate() {
            let name = setting.known.map_or(Ptr::NULL, |k| leak(k.0, 0).1);
            NAMES.ptr().cast::<Ptr<u16>>().add(i).set(name);
        }
    });
    NAMES.ptr().cast()
}

/// Whether setlocale is at work.
#[export(msvcrt, full)]
fn ___setlc_active_func() -> i32 {
    0
}

/// Counts threads that read the locale without a lock.
#[export(msvcrt, full)]
fn ___unguarded_readlc_active_add_func() -> Ptr<i32> {
    SETLC_ACTIVE.ptr()
}

/// Most bytes of a character in the locale.
#[export(msvcrt + ucrtbase, full)]
fn ___mb_cur_max_func() -> i32 {
    MB_CUR_MAX.get()
}

/// Most bytes of a character in a locale.
#[export(ucrtbase, full)]
fn ___mb_cur_max_l_func(locale: Ptr<u8>) -> i32 {
    if locale.is_null() { MB_CUR_MAX.get() } else { codepage::max_length(locale.cast::<u32>().add(4).get()) }
}

/// Chooses whether threads have locales of their own; says what was before (1 own, 2 shared).
#[export(msvcrt + ucrtbase, partial("the locale is always shared by all threads"))]
fn _configthreadlocale(kind: i32) -> i32 {
    static KIND: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(2);
    match kind {
        0 => KIND.load(Relaxed),
        1 | 2 => KIND.swap(kind, Relaxed),
        _ => {
            crate::invalid::report(crate::errno::Errno::EINVAL);
            -1
        }
    }
}

/// Holds the locale's lock.
#[export(ucrtbase, full)]
fn _lock_locales() {
    LOCALES.lock();
}

/// Releases the locale's lock.
#[export(ucrtbase, full)]
fn _unlock_locales() {
    LOCALES.unlock();
}

static LOCALES: crate::lock::Lock = crate::lock::Lock::new();

fn create(category: i32, name: Option<String>) -> Ptr<u8> {
    let (Some(name), 0..=5) = (name, category) else { return Ptr::NULL };
    let Some(setting) = parse(&name) else { return Ptr::NULL };
    // Two pointers as `_locale_t` has, then what is ours: the code page.
    let block = crate::malloc::calloc(1, 64);
    if !block.is_null() {
        block.cast::<Ptr<u8>>().set(block.add(32));
        block.cast::<Ptr<u8>>().add(1).set(block.add(32));
        block.cast::<u32>().add(4).set(setting.page);
    }
    block
}

/// Makes a locale object.
#[export(msvcrt + ucrtbase, partial("functions that take a locale use the program's"))]
fn _create_locale(category: i32, name: Ptr<u8>) -> Ptr<u8> {
    create(category, (!name.is_null()).then(|| String::from_utf8_lossy(raw::text(name)).into_owned()))
}

/// Makes a locale object.
#[export(ucrtbase, partial("functions that take a locale use the program's"))]
fn _wcreate_locale(category: i32, name: Ptr<u16>) -> Ptr<u8> {
    create(category, (!name.is_null()).then(|| String::from_utf16_lossy(raw::text(name))))
}

/// Frees a locale object.
#[export(msvcrt + ucrtbase, full)]
fn _free_locale(locale: Ptr<u8>) {
    crate::malloc::free(locale);
}

/// The program's locale as an object.
#[export(msvcrt + ucrtbase, full)]
fn _get_current_locale() -> Ptr<u8> {
    let name = with_state(|state| state.settings[CTYPE].name.clone());
    create(0, Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = |n: &str| parse(n).map(|s| s.name);
        assert_eq!(name("").as_deref(), Some("English_United States.1252"));
        assert_eq!(name(".utf8").as_deref(), Some("English_United States.utf8"));
        assert_eq!(name("en-US").as_deref(), Some("en-US"));
        assert_eq!(name("en_US.UTF-8").as_deref(), Some("en_US.UTF-8"));
        assert_eq!(name("German_Germany.1252").as_deref(), Some("German_Germany.1252"));
        assert_eq!(name("german").as_deref(), Some("German_Germany.1252"));
        assert_eq!(name("xx_YY"), None);
        assert_eq!(name("POSIX"), None);
    }

    #[test]
    fn dictionary_order() {
        assert_eq!(collate(b"apple", b"Banana", false), Ordering::Less);
        assert_eq!(collate(b"apple", b"Apple", false), Ordering::Less);
        assert_eq!(collate(b"apple", b"Apple", true), Ordering::Equal);
    }
}
