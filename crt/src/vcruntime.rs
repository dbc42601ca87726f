//! What vcruntime140.dll has besides memory functions and exception handlers: std::exception's and
//! std::type_info's helpers, and start-up hooks.

use crate::malloc;
use crate::raw;
use abi::{GuestFn, Ptr, export};

/// Copies the text of a std::exception: pointer and whether it is to be freed.
#[export(vcruntime140 + ucrtbase, full)]
fn __std_exception_copy(from: Ptr<Ptr<u8>>, to: Ptr<Ptr<u8>>) {
    let (text, owned) = (from.get(), from.add(1).cast::<u8>().get());
    if owned == 0 || text.is_null() {
        to.set(text);
        to.add(1).cast::<u8>().set(0);
        return;
    }
    let size = raw::length(text) + 1;
    let copy = malloc::malloc(size);
    if !copy.is_null() {
        raw::copy(copy, text, size);
        to.set(copy);
        to.add(1).cast::<u8>().set(1);
    }
}

/// Frees the text of a std::exception.
#[export(vcruntime140 + ucrtbase, full)]
fn __std_exception_destroy(data: Ptr<Ptr<u8>>) {
    if data.add(1).cast::<u8>().get() != 0 {
        malloc::free(data.get());
    }
    data.set(Ptr::NULL);
    data.add(1).cast::<u8>().set(0);
}

/// Compares two types by their decorated names.
#[export(vcruntime140 + ucrtbase, full)]
fn __std_type_info_compare(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    // Data of a type_info: the undecorated name, then the decorated one, whose dot does not count.
    if a == b { 0 } else { raw::compare_text(a.add(9), b.add(9)).signum() }
}

/// FNV-1a of a type's decorated name.
#[export(vcruntime140 + ucrtbase, full)]
fn __std_type_info_hash(data: Ptr<u8>) -> usize {
    let hash = abi::hash::fnv1a(raw::text(data.add(9)));
    (hash ^ hash >> 32) as usize
}

/// The name of a type without decoration: `.?AVfoo@bar@@` is `class bar::foo`.
fn undecorate(name: &str) -> String {
    let body = name.strip_prefix('.').unwrap_or(name);
    for (prefix, word) in [("?AV", "class "), ("?AU", "struct "), ("?AT", "union "), ("?AW4", "enum ")] {
        if let Some(rest) = body.strip_prefix(prefix)
            && let Some(scopes) = rest.strip_suffix("@@")
            && !scopes.contains(['?', '$'])
        {
            let parts: Vec<&str> = scopes.split('@').rev().collect();
            return format!("{word}{}", parts.join("::"));
        }
    }
    let simple = match body {
        "D" => "char",
        "C" => "signed char",
        "E" => "unsigned char",
        "F" => "short",
        "G" => "unsigned short",
        "H" => "int",
        "I" => "unsigned int",
        "J" => "long",
        "K" => "unsigned long",
        "M" => "float",
        "N" => "double",
        "O" => "long double",
        "X" => "void",
        "_J" => "__int64",
        "_K" => "unsigned __int64",
        "_N" => "bool",
        "_W" => "wchar_t",
        "PEAD" => "char * __ptr64",
        "PEBD" => "char const * __ptr64",
        _ => body,
    };
    simple.to_string()
}

/// The readable name of a type, kept in its type_info.
#[export(vcruntime140 + ucrtbase, partial("names of templates stay decorated"))]
fn __std_type_info_name(data: Ptr<u8>, _root: Ptr<u8>) -> Ptr<u8> {
    let slot = data.cast::<Ptr<u8>>();
    if slot.get().is_null() {
        let decorated = String::from_utf8_lossy(raw::text(data.add(8))).into_owned();
        slot.set(crate::startup::arguments::keep(undecorate(&decorated).as_bytes()));
    }
    slot.get()
}

/// Frees the names that `__std_type_info_name` made: they stay, the process is ending.
#[export(vcruntime140 + ucrtbase, full)]
fn __std_type_info_destroy_list(_root: Ptr<u8>) {}

/// `type_info::~type_info`.
#[export(msvcrt + vcruntime140, full, name = "??1type_info@@UEAA@XZ")]
fn type_info_destructor(_this: Ptr<u8>) {}

/// `type_info::name`.
#[export(msvcrt, partial("names of templates stay decorated"), name = "?name@type_info@@QEBAPEBDXZ")]
fn type_info_name(this: Ptr<u8>) -> Ptr<u8> {
    __std_type_info_name(this.add(8), Ptr::NULL)
}

/// `type_info::raw_name`.
#[export(msvcrt, full, name = "?raw_name@type_info@@QEBAPEBDXZ")]
fn type_info_raw_name(this: Ptr<u8>) -> Ptr<u8> {
    this.add(16)
}

/// `type_info::operator==`.
#[export(msvcrt, full, name = "??8type_info@@QEBAHAEBV0@@Z")]
fn type_info_equal(this: Ptr<u8>, other: Ptr<u8>) -> i32 {
    (raw::compare_text(this.add(17), other.add(17)) == 0).into()
}

/// `type_info::operator!=`.
#[export(msvcrt, full, name = "??9type_info@@QEBAHAEBV0@@Z")]
fn type_info_differs(this: Ptr<u8>, other: Ptr<u8>) -> i32 {
    (raw::compare_text(this.add(17), other.add(17)) != 0).into()
}

/// `type_info::before`.
#[export(msvcrt, full, name = "?before@type_info@@QEBAHAEBV1@@Z")]
fn type_info_before(this: Ptr<u8>, other: Ptr<u8>) -> i32 {
    (raw::compare_text(this.add(17), other.add(17)) < 0).into()
}

/// Loads what the UCRT needs of this DLL: nothing.
#[export(vcruntime140, full)]
fn __vcrt_InitializeCriticalSectionEx(section: Ptr<u8>, _spin: u32, _flags: u32) -> i32 {
    // RTL_CRITICAL_SECTION, unowned: LockCount is -1.
    raw::fill(section, 0, 40);
    section.add(8).cast::<i32>().set(-1);
    1
}

/// The name of a DLL that a message would show.
#[export(vcruntime140, full)]
fn __vcrt_GetModuleFileNameW(_module: usize, to: Ptr<u16>, size: u32) -> u32 {
    let path = ntdll::process::image_path();
    let count = path.len().min((size as usize).saturating_sub(1));
    raw::put_z(to, &path[..count]);
    count as u32
}

/// A stack cookie was damaged: the program ends at once.
#[export(vcruntime140 + ucrtbase, full)]
fn __report_gsfailure(_cookie: usize) -> ! {
    crate::startup::terminate(0xc000_0409, "the program overran a buffer on its stack")
}

/// Tells a debugger about a crash: there is none.
#[export(ucrtbase, full)]
fn _crt_debugger_hook(_reserved: i32) {}

/// The handler of unexpected exceptions: none is ever set.
#[export(vcruntime140, full)]
fn _get_unexpected() -> GuestFn {
    GuestFn::NULL
}

/// Demangles a name.
#[export(msvcrt + ucrtbase + vcruntime140, partial("only names of classes and simple types"))]
fn __unDName(to: Ptr<u8>, name: Ptr<u8>, length: i32, _malloc: GuestFn, _free: GuestFn, _flags: u16) -> Ptr<u8> {
    let text = undecorate(&String::from_utf8_lossy(raw::text(name)));
    if to.is_null() {
        return crate::startup::arguments::keep(text.as_bytes());
    }
    let count = text.len().min((length.max(1) - 1) as usize);
    raw::put_z(to, &text.as_bytes()[..count]);
    to
}

/// Demangles a name with a callback for template parameters.
#[export(msvcrt + ucrtbase + vcruntime140, partial("only names of classes and simple types"))]
fn __unDNameEx(to: Ptr<u8>, name: Ptr<u8>, length: i32, malloc: GuestFn, free: GuestFn, _parameter: usize, flags: u16) -> Ptr<u8> {
    __unDName(to, name, length, malloc, free, flags)
}
