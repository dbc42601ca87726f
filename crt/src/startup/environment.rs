//! The environment as the C runtime keeps it: arrays of strings that the program may look at and change.

use super::arguments::keep;
use crate::codepage;
use crate::errno::Errno;
use crate::invalid;
use crate::raw::{self, Shared};
use crate::unit::Unit;
use abi::{Ptr, export, export_data};
use parking_lot::Mutex;

static ENVIRON: Shared<Ptr<Ptr<u8>>> = Shared::new(Ptr::NULL);
static WENVIRON: Shared<Ptr<Ptr<u16>>> = Shared::new(Ptr::NULL);
static INITENV: Shared<Ptr<Ptr<u8>>> = Shared::new(Ptr::NULL);
static WINITENV: Shared<Ptr<Ptr<u16>>> = Shared::new(Ptr::NULL);
export_data!(ENVIRON => msvcrt, full, name = "_environ");
export_data!(WENVIRON => msvcrt, full, name = "_wenviron");
export_data!(INITENV => msvcrt, full, name = "__initenv");
export_data!(WINITENV => msvcrt, full, name = "__winitenv");

/// Held while the arrays change.
static CHANGE: Mutex<()> = Mutex::new(());

trait Half: Unit {
    fn slot() -> Ptr<Ptr<Ptr<Self>>>;
    fn of(text: &[u16]) -> Vec<Self>;
}

impl Half for u8 {
    fn slot() -> Ptr<Ptr<Ptr<u8>>> {
        ENVIRON.ptr()
    }

    fn of(text: &[u16]) -> Vec<u8> {
        codepage::narrow(text)
    }
}

impl Half for u16 {
    fn slot() -> Ptr<Ptr<Ptr<u16>>> {
        WENVIRON.ptr()
    }

    fn of(text: &[u16]) -> Vec<u16> {
        text.to_vec()
    }
}

/// The array, made from the system's environment when first asked for.
fn array<U: Half>() -> Ptr<Ptr<U>> {
    let slot = U::slot();
    if slot.get().is_null() {
        // Names that begin with '=' are the system's own.
        let all = ntdll::process::environment();
        let strings: Vec<Ptr<U>> = all.iter().filter(|e| e.first() != Some(&u16::from(b'='))).map(|e| keep(&<U as Half>::of(e))).collect();
        slot.set(keep(&strings));
    }
    slot.get()
}

pub fn narrow() -> Ptr<Ptr<u8>> {
    array()
}

pub fn wide() -> Ptr<Ptr<u16>> {
    array()
}

/// Fills in the variables.
pub fn attach() {
    INITENV.set(narrow());
}

/// Index of a name in the array, and of its value in the string.
fn find<U: Half>(name: &[U]) -> Option<(usize, Ptr<U>)> {
    if name.is_empty() {
        return None;
    }
    let array = array::<U>();
    let mut index = 0;
    loop {
        let entry = array.add(index).get();
        if entry.is_null() {
            return None;
        }
        let same = name.iter().enumerate().all(|(i, unit)| {
            let here = entry.add(i).get();
            here == *unit || crate::ctype::lower(here) == crate::ctype::lower(*unit)
        });
        // `all` stops at the string's NUL, which no name has.
        if same && entry.add(name.len()).get().ascii() == b'=' {
            return Some((index, entry.add(name.len() + 1)));
        }
        index += 1;
    }
}

fn count<U: Half>() -> usize {
    let array = array::<U>();
    (0..).take_while(|&i| !array.add(i).get().is_null()).count()
}

/// Puts `NAME=value` into the array, or takes the name out. Strings that went stay: getenv gave them away.
fn change<U: Half>(name: &[U], entry: Option<&[U]>) {
    let array = array::<U>();
    match (find(name), entry) {
        (Some((index, _)), Some(entry)) => array.add(index).set(keep(entry)),
        (Some((index, _)), None) => {
            for i in index..count::<U>() {
                array.add(i).set(array.add(i + 1).get());
            }
        }
        (None, Some(entry)) => {
            let used = count::<U>();
            let mut all: Vec<Ptr<U>> = (0..used).map(|i| array.add(i).get()).collect();
            all.push(keep(entry));
            U::slot().set(keep(&all));
        }
        (None, None) => {}
    }
}

fn to_wide<U: Unit>(text: &[U]) -> Vec<u16> {
    if U::WIDE {
        text.iter().map(|u| u.code() as u16).collect()
    } else {
        codepage::path_to_wide(&text.iter().map(|u| u.code() as u8).collect::<Vec<_>>())
    }
}

/// Sets a variable here and in the system; an empty value removes it.
fn set<U: Unit>(name: &[U], value: &[U]) -> Result<(), Errno> {
    let (name, value) = (to_wide(name), to_wide(value));
    invalid::check(!name.is_empty() && !name.contains(&u16::from(b'=')))?;
    let _held = CHANGE.lock();
    let entry = (!value.is_empty()).then(|| [&name[..], &[u16::from(b'=')], &value].concat());
    change::<u8>(&codepage::narrow(&name), entry.as_deref().map(codepage::narrow).as_deref());
    if !WENVIRON.get().is_null() {
        change::<u16>(&name, entry.as_deref());
    }
    ntdll::process::set_variable(&name, (!value.is_empty()).then_some(&value));
    Ok(())
}

/// `NAME=value` as one string.
fn put<U: Unit>(text: Ptr<U>) -> Result<i32, Errno> {
    invalid::check(!text.is_null())?;
    let text = raw::text(text);
    let Some(at) = text.iter().position(|u| u.ascii() == b'=').filter(|&at| at > 0) else {
        return Err(invalid::report(Errno::EINVAL));
    };
    set(&text[..at], &text[at + 1..])?;
    Ok(0)
}

fn get<U: Half>(name: Ptr<U>) -> Ptr<U> {
    if invalid::check(!name.is_null()).is_err() {
        return Ptr::NULL;
    }
    find(raw::text(name)).map_or(Ptr::NULL, |(_, value)| value)
}

fn get_s<U: Half>(needed: Ptr<usize>, to: Ptr<U>, size: usize, name: Ptr<U>) -> Result<(), Errno> {
    invalid::check(!needed.is_null() && (!to.is_null() || size == 0))?;
    needed.set(0);
    if !to.is_null() {
        to.set(U::default());
    }
    let value = get(name);
    if value.is_null() {
        return Ok(());
    }
    let value = raw::text(value);
    needed.set(value.len() + 1);
    if size == 0 {
        return Ok(());
    }
    if value.len() >= size {
        return Err(Errno::ERANGE);
    }
    raw::put_z(to, value);
    Ok(())
}

fn duplicate<U: Half>(to: Ptr<Ptr<U>>, count: Ptr<usize>, name: Ptr<U>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && !name.is_null())?;
    to.set(Ptr::NULL);
    if !count.is_null() {
        count.set(0);
    }
    let value = get(name);
    if value.is_null() {
        return Ok(());
    }
    let copy = keep(raw::text(value));
    if copy.is_null() {
        return Err(Errno::ENOMEM);
    }
    to.set(copy);
    if !count.is_null() {
        count.set(raw::length(value) + 1);
    }
    Ok(())
}

/// The value of an environment variable.
#[export(msvcrt + ucrtbase, full)]
pub fn getenv(name: Ptr<u8>) -> Ptr<u8> {
    get(name)
}

/// The value of an environment variable, into a buffer.
#[export(msvcrt + ucrtbase, full)]
pub fn getenv_s(needed: Ptr<usize>, to: Ptr<u8>, size: usize, name: Ptr<u8>) -> Result<(), Errno> {
    get_s(needed, to, size, name)
}

/// The value of an environment variable.
#[export(msvcrt + ucrtbase, full)]
pub fn _wgetenv(name: Ptr<u16>) -> Ptr<u16> {
    get(name)
}

/// The value of an environment variable, into a buffer.
#[export(msvcrt + ucrtbase, full)]
pub fn _wgetenv_s(needed: Ptr<usize>, to: Ptr<u16>, size: usize, name: Ptr<u16>) -> Result<(), Errno> {
    get_s(needed, to, size, name)
}

/// The value of an environment variable, in a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _dupenv_s(to: Ptr<Ptr<u8>>, count: Ptr<usize>, name: Ptr<u8>) -> Result<(), Errno> {
    duplicate(to, count, name)
}

/// The value of an environment variable, in a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _wdupenv_s(to: Ptr<Ptr<u16>>, count: Ptr<usize>, name: Ptr<u16>) -> Result<(), Errno> {
    duplicate(to, count, name)
}

/// Sets an environment variable: NAME=value.
#[export(msvcrt + ucrtbase, full)]
pub fn _putenv(text: Ptr<u8>) -> Result<i32, Errno> {
    put(text)
}

/// Sets an environment variable.
#[export(msvcrt + ucrtbase, full)]
pub fn _putenv_s(name: Ptr<u8>, value: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!name.is_null() && !value.is_null())?;
    set(raw::text(name), raw::text(value))
}

/// Sets an environment variable: NAME=value.
#[export(msvcrt + ucrtbase, full)]
pub fn _wputenv(text: Ptr<u16>) -> Result<i32, Errno> {
    put(text)
}

/// Sets an environment variable.
#[export(msvcrt + ucrtbase, full)]
pub fn _wputenv_s(name: Ptr<u16>, value: Ptr<u16>) -> Result<(), Errno> {
    invalid::check(!name.is_null() && !value.is_null())?;
    set(raw::text(name), raw::text(value))
}

/// Prepares the environment.
#[export(ucrtbase, full)]
pub fn _initialize_narrow_environment() -> i32 {
    narrow();
    0
}

/// Prepares the wide environment.
#[export(ucrtbase, full)]
pub fn _initialize_wide_environment() -> i32 {
    wide();
    0
}

/// The environment that main gets.
#[export(ucrtbase, full)]
pub fn _get_initial_narrow_environment() -> Ptr<Ptr<u8>> {
    if INITENV.get().is_null() {
        INITENV.set(narrow());
    }
    INITENV.get()
}

/// The environment that wmain gets.
#[export(ucrtbase, full)]
pub fn _get_initial_wide_environment() -> Ptr<Ptr<u16>> {
    if WINITENV.get().is_null() {
        WINITENV.set(wide());
    }
    WINITENV.get()
}

/// Address of the environment.
#[export(msvcrt + ucrtbase, full)]
pub fn __p__environ() -> Ptr<Ptr<Ptr<u8>>> {
    narrow();
    ENVIRON.ptr()
}

/// Address of the wide environment.
#[export(msvcrt + ucrtbase, full)]
pub fn __p__wenviron() -> Ptr<Ptr<Ptr<u16>>> {
    wide();
    WENVIRON.ptr()
}

/// Address of the environment that main gets.
#[export(msvcrt, full)]
pub fn __p___initenv() -> Ptr<Ptr<Ptr<u8>>> {
    INITENV.ptr()
}

/// Address of the environment that wmain gets.
#[export(msvcrt, full)]
pub fn __p___winitenv() -> Ptr<Ptr<Ptr<u16>>> {
    WINITENV.ptr()
}
