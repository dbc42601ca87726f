//! Locales: names, identifiers and their data, from `locales.txt` (full data) and `locale_names.txt`
//! (names whose data is that of the language, or else the invariant one).

use abi::Win32Error;
use abi::wide::display;
use std::sync::LazyLock;
use windows_sys::Win32::Globalization::*;

/// The data of a locale: fields of one row of `locales.txt`.
pub struct Locale {
    fields: Vec<&'static str>,
    pub lcid: u32,
}

macro_rules! fields {
    ($($name:ident = $index:literal),* $(,)?) => {
        impl Locale {
            $(pub fn $name(&self) -> &'static str { self.fields.get($index).copied().unwrap_or("") })*
        }
    };
}
fields! {
    name = 0, language = 2, native_language = 3, country = 4, native_country = 5, iso639 = 6, iso639_3 = 7, iso3166 = 8,
    iso3166_3 = 9, abbreviation = 10, decimal = 11, thousands = 12, currency = 13, iso_currency = 14, currency_name = 15,
    short_date = 16, long_date = 17, year_month = 18, month_day = 19, long_time = 20, short_time = 21, first_day = 22,
    am = 23, pm = 24, ansi = 29, oem = 30, mac = 31, geo_id = 32, country_code = 33, positive_currency = 34,
    negative_currency = 35, list_separator = 36, measure = 37, paper = 38, first_week = 39,
}

impl Locale {
    fn list(&self, index: usize, item: usize) -> &'static str {
        self.fields.get(index).and_then(|list| list.split(';').nth(item)).unwrap_or("")
    }
    /// 0 is Monday.
    pub fn day(&self, day: usize) -> &'static str {
        self.list(25, day)
    }
    pub fn short_day(&self, day: usize) -> &'static str {
        self.list(26, day)
    }
    /// 0 is January.
    pub fn month(&self, month: usize) -> &'static str {
        self.list(27, month)
    }
    pub fn short_month(&self, month: usize) -> &'static str {
        self.list(28, month)
    }
}

struct Tables {
    locales: Vec<Locale>,
    names: Vec<(u32, &'static str)>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let locales: Vec<Locale> = include_str!("locales.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let fields: Vec<_> = line.split('|').collect();
            Locale { lcid: u32::from_str_radix(fields[1], 16).unwrap_or(0), fields }
        })
        .collect();
    let mut names: Vec<_> = locales.iter().map(|locale| (locale.lcid, locale.name())).collect();
    let more = include_str!("locale_names.txt").lines().filter_map(|line| line.split_once(' '));
    names.extend(more.filter_map(|(lcid, name)| Some((u32::from_str_radix(lcid, 16).ok()?, name))));
    Tables { locales, names }
});

/// The user's locale.
pub const DEFAULT: &str = "en-US";
pub const DEFAULT_LCID: u32 = 0x409;

/// Every locale: identifier and name.
pub fn all() -> &'static [(u32, &'static str)] {
    &TABLES.names
}

/// LOCALE_USER_DEFAULT and the like resolved; sort and version bits dropped.
pub fn resolve_lcid(lcid: u32) -> u32 {
    match lcid & 0xffff {
        0 | 0x400 | 0x800 | 0xc00 | 0x1000 | 0x1400 => DEFAULT_LCID,
        lcid => lcid,
    }
}

/// The name of an identifier.
pub fn name_of(lcid: u32) -> Option<&'static str> {
    let lcid = resolve_lcid(lcid);
    TABLES.names.iter().find(|(known, _)| *known == lcid).map(|&(_, name)| name)
}

/// The identifier of a name; a sort suffix (`de-DE_phoneb`) is ignored.
pub fn lcid_of(name: &str) -> Option<u32> {
    if name == "!x-sys-default-locale" {
        return Some(DEFAULT_LCID);
    }
    let found = |name: &str| TABLES.names.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|&(lcid, _)| lcid);
    found(name).or_else(|| name.split_once('_').and_then(|(name, _)| found(name)))
}

/// The data for an identifier.
pub fn by_lcid(lcid: u32) -> Option<&'static Locale> {
    let lcid = resolve_lcid(lcid);
    name_of(lcid)?;
    let exact = TABLES.locales.iter().find(|locale| locale.lcid == lcid);
    // Low ten bits: the primary language.
    exact.or_else(|| TABLES.locales.iter().find(|locale| locale.lcid & 0x3ff == lcid & 0x3ff)).or(TABLES.locales.first())
}

/// The identifier that a locale name argument means: null is the user's default.
pub fn lcid_arg(name: Option<&[u16]>) -> Result<u32, Win32Error> {
    match name {
        None => Ok(DEFAULT_LCID),
        Some(name) => lcid_of(&display(name)).ok_or(Win32Error::INVALID_PARAMETER),
    }
}

/// An LCTYPE's value: text, or a number.
pub enum Info {
    Text(String),
    Number(u32),
    Signature,
}

/// One item of a locale's data. `lcid` may be one whose data is that of another locale.
pub fn info(lcid: u32, lctype: u32) -> Result<Info, Win32Error> {
    let lcid = resolve_lcid(lcid);
    let locale = by_lcid(lcid).ok_or(Win32Error::INVALID_PARAMETER)?;
    let name = name_of(lcid).unwrap_or("");
    let text = |text: &str| Ok(Info::Text(text.to_string()));
    let number = |text: &str| Ok(Info::Number(text.parse().unwrap_or(0)));
    let (language, country) = match name.split_once('-') {
        Some((language, rest)) => (language, rest.rsplit('-').next().unwrap_or(rest).split('_').next().unwrap_or(rest)),
        None => (if name.is_empty() { locale.iso639() } else { name }, locale.iso3166()),
    };
    let item = lctype & !(LOCALE_NOUSEROVERRIDE | LOCALE_USE_CP_ACP | LOCALE_RETURN_NUMBER | LOCALE_RETURN_GENITIVE_NAMES);
    match item {
        LOCALE_SNAME => text(name),
        LOCALE_ILANGUAGE => Ok(Info::Text(format!("{lcid:04x}"))),
        LOCALE_SLOCALIZEDDISPLAYNAME | LOCALE_SENGLISHDISPLAYNAME => match name {
            "" => text("Invariant Language (Invariant Country)"),
            name if name.contains('-') && locale.name() == name => Ok(Info::Text(format!("{} ({})", locale.language(), locale.country()))),
            name if name.contains('-') => Ok(Info::Text(format!("{} ({country})", locale.language()))),
            _ => text(locale.language()),
        },
        LOCALE_SNATIVEDISPLAYNAME => Ok(Info::Text(format!("{} ({})", locale.native_language(), locale.native_country()))),
        LOCALE_SLOCALIZEDLANGUAGENAME | LOCALE_SENGLISHLANGUAGENAME => text(locale.language()),
        LOCALE_SNATIVELANGUAGENAME => text(locale.native_language()),
        LOCALE_SLOCALIZEDCOUNTRYNAME | LOCALE_SENGLISHCOUNTRYNAME => text(locale.country()),
        LOCALE_SNATIVECOUNTRYNAME => text(locale.native_country()),
        LOCALE_SABBREVLANGNAME => text(locale.abbreviation()),
        LOCALE_SABBREVCTRYNAME | LOCALE_SISO3166CTRYNAME2 => text(locale.iso3166_3()),
        LOCALE_ICOUNTRY | LOCALE_IDEFAULTCOUNTRY => text(locale.country_code()),
        LOCALE_IDEFAULTLANGUAGE => Ok(Info::Text(format!("{:04x}", locale.lcid))),
        LOCALE_IDEFAULTCODEPAGE => number(locale.oem()),
        LOCALE_IDEFAULTANSICODEPAGE => number(locale.ansi()),
        LOCALE_IDEFAULTMACCODEPAGE => number(locale.mac()),
        LOCALE_IDEFAULTEBCDICCODEPAGE => Ok(Info::Number(37)),
        LOCALE_IGEOID => number(locale.geo_id()),
        LOCALE_SISO639LANGNAME => text(language),
        LOCALE_SISO639LANGNAME2 => text(locale.iso639_3()),
        LOCALE_SISO3166CTRYNAME => text(country),
        LOCALE_SPARENT => text(name.rsplit_once('-').map_or("", |(parent, _)| parent)),
        LOCALE_SLIST => text(locale.list_separator()),
        LOCALE_IMEASURE => text(locale.measure()),
        LOCALE_SDECIMAL | LOCALE_SMONDECIMALSEP => text(locale.decimal()),
        LOCALE_STHOUSAND | LOCALE_SMONTHOUSANDSEP => text(locale.thousands()),
        LOCALE_SGROUPING | LOCALE_SMONGROUPING => text("3;0"),
        LOCALE_IDIGITS | LOCALE_ICURRDIGITS | LOCALE_IINTLCURRDIGITS => {
            Ok(Info::Number(if item != LOCALE_IDIGITS && matches!(locale.iso_currency(), "JPY" | "KRW") { 0 } else { 2 }))
        }
        LOCALE_ILZERO | LOCALE_INEGNUMBER => Ok(Info::Number(1)),
        LOCALE_SNATIVEDIGITS => text("0123456789"),
        LOCALE_IDIGITSUBSTITUTION => Ok(Info::Number(1)),
        LOCALE_SCURRENCY => text(locale.currency()),
        LOCALE_SINTLSYMBOL => text(locale.iso_currency()),
        LOCALE_SENGCURRNAME | LOCALE_SNATIVECURRNAME => text(locale.currency_name()),
        LOCALE_ICURRENCY => number(locale.positive_currency()),
        LOCALE_INEGCURR => number(locale.negative_currency()),
        LOCALE_SDATE => Ok(Info::Text(separator(locale.short_date(), "dMy"))),
        LOCALE_STIME => Ok(Info::Text(separator(locale.long_time(), "hHmst"))),
        LOCALE_SSHORTDATE => text(locale.short_date()),
        LOCALE_SLONGDATE => text(locale.long_date()),
        LOCALE_SYEARMONTH => text(locale.year_month()),
        LOCALE_SMONTHDAY => text(locale.month_day()),
        LOCALE_STIMEFORMAT => text(locale.long_time()),
        LOCALE_SSHORTTIME => text(locale.short_time()),
        LOCALE_IDATE | LOCALE_ILDATE => Ok(Info::Number(match locale.short_date().trim_start_matches('\'').chars().next() {
            Some('M') => 0,
            Some('d') => 1,
            _ => 2,
        })),
        LOCALE_ITIME => Ok(Info::Number(locale.long_time().contains('H').into())),
        LOCALE_ITIMEMARKPOSN => Ok(Info::Number(locale.long_time().starts_with('t').into())),
        LOCALE_ICENTURY => Ok(Info::Number(locale.short_date().contains("yyyy").into())),
        LOCALE_ITLZERO => Ok(Info::Number((locale.long_time().contains("HH") || locale.long_time().contains("hh")).into())),
        LOCALE_IDAYLZERO => Ok(Info::Number(locale.short_date().contains("dd").into())),
        LOCALE_IMONLZERO => Ok(Info::Number(locale.short_date().contains("MM").into())),
        LOCALE_SAM => text(locale.am()),
        LOCALE_SPM => text(locale.pm()),
        LOCALE_ICALENDARTYPE => Ok(Info::Number(1)),
        LOCALE_IOPTIONALCALENDAR => Ok(Info::Number(0)),
        LOCALE_IFIRSTDAYOFWEEK => number(locale.first_day()),
        LOCALE_IFIRSTWEEKOFYEAR => number(locale.first_week()),
        LOCALE_SDAYNAME1..=LOCALE_SDAYNAME7 => text(locale.day((item - LOCALE_SDAYNAME1) as usize)),
        LOCALE_SABBREVDAYNAME1..=LOCALE_SABBREVDAYNAME7 => text(locale.short_day((item - LOCALE_SABBREVDAYNAME1) as usize)),
        LOCALE_SSHORTESTDAYNAME1..=LOCALE_SSHORTESTDAYNAME7 => {
            Ok(Info::Text(locale.short_day((item - LOCALE_SSHORTESTDAYNAME1) as usize).chars().take(2).collect()))
        }
        LOCALE_SMONTHNAME1..=LOCALE_SMONTHNAME12 => text(locale.month((item - LOCALE_SMONTHNAME1) as usize)),
        LOCALE_SABBREVMONTHNAME1..=LOCALE_SABBREVMONTHNAME12 => text(locale.short_month((item - LOCALE_SABBREVMONTHNAME1) as usize)),
        LOCALE_SMONTHNAME13 | LOCALE_SABBREVMONTHNAME13 => text(""),
        LOCALE_SPOSITIVESIGN => text(""),
        LOCALE_SNEGATIVESIGN => text("-"),
        LOCALE_IPOSSIGNPOSN => Ok(Info::Number(3)),
        LOCALE_INEGSIGNPOSN => Ok(Info::Number(0)),
        LOCALE_IPOSSYMPRECEDES | LOCALE_INEGSYMPRECEDES => Ok(Info::Number(matches!(locale.positive_currency(), "0" | "2").into())),
        LOCALE_IPOSSEPBYSPACE | LOCALE_INEGSEPBYSPACE => Ok(Info::Number(matches!(locale.positive_currency(), "2" | "3").into())),
        LOCALE_FONTSIGNATURE => Ok(Info::Signature),
        LOCALE_SNAN => text("NaN"),
        LOCALE_SPOSINFINITY => text("∞"),
        LOCALE_SNEGINFINITY => text("-∞"),
        LOCALE_SSCRIPTS => text(match locale.iso639() {
            "ru" => "Cyrl;",
            "ja" => "Hani;Hira;Jpan;Kana;",
            "zh" => "Hani;Hans;",
            "ko" => "Hang;Hani;Kore;",
            _ => "Latn;",
        }),
        LOCALE_SCONSOLEFALLBACKNAME => text(if name.is_empty() { "" } else { locale.name() }),
        LOCALE_SKEYBOARDSTOINSTALL => Ok(Info::Text(format!("{lcid:04x}:{lcid:08x}"))),
        LOCALE_IPAPERSIZE => number(locale.paper()),
        LOCALE_INEUTRAL => Ok(Info::Number((!name.contains('-') && !name.is_empty()).into())),
        LOCALE_IREADINGLAYOUT => Ok(Info::Number(matches!(language, "ar" | "he" | "fa" | "ur").into())),
        LOCALE_IPOSITIVEPERCENT | LOCALE_INEGATIVEPERCENT => Ok(Info::Number(1)),
        LOCALE_SPERCENT => text("%"),
        LOCALE_SPERMILLE => text("‰"),
        LOCALE_SSORTNAME | LOCALE_SSORTLOCALE => text(if item == LOCALE_SSORTNAME { "Default" } else { name }),
        LOCALE_SDURATION => text("h:mm:ss"),
        _ => Err(Win32Error::INVALID_FLAGS),
    }
}

/// The first run of characters between two fields of a date or time picture.
fn separator(picture: &str, letters: &str) -> String {
    let rest = picture.trim_start_matches(|c| letters.contains(c));
    rest.chars().take_while(|&c| !letters.contains(c)).collect::<String>().trim_matches('\'').to_string()
}
