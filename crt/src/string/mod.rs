//! string.h and wchar.h: the narrow and wide string functions. The work is done in `generic`.

pub mod errors;
pub mod generic;
pub mod mb;

use crate::ctype::{lower, upper};
use crate::errno::Errno;
use crate::raw::{self, Shared};
use abi::{Ptr, export};
use generic as g;

struct TokenState {
    narrow: Shared<Ptr<u8>>,
    wide: Shared<Ptr<u16>>,
}

thread_local! {
    static TOKEN: TokenState = const { TokenState { narrow: Shared::new(Ptr::NULL), wide: Shared::new(Ptr::NULL) } };
}

/// Length of a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strlen(text: Ptr<u8>) -> usize {
    raw::length(text)
}

/// Length of a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcslen(text: Ptr<u16>) -> usize {
    raw::length(text)
}

/// Length of a string, up to a limit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strnlen(text: Ptr<u8>, max: usize) -> usize {
    raw::length_max(text, max)
}

/// Length of a string, up to a limit.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsnlen(text: Ptr<u16>, max: usize) -> usize {
    raw::length_max(text, max)
}

/// Length of a string, up to a limit.
#[export(ucrtbase, full)]
pub fn __strncnt(text: Ptr<u8>, max: usize) -> usize {
    raw::length_max(text, max)
}

/// Length of a string, up to a limit.
#[export(ucrtbase, full)]
pub fn __wcsncnt(text: Ptr<u16>, max: usize) -> usize {
    raw::length_max(text, max)
}

/// Copies a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcpy(to: Ptr<u8>, from: Ptr<u8>) -> Ptr<u8> {
    g::copy(to, from)
}

/// Copies a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscpy(to: Ptr<u16>, from: Ptr<u16>) -> Ptr<u16> {
    g::copy(to, from)
}

/// Copies a string into a run of fixed length, filled up with NULs.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strncpy(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    g::copy_max(to, from, count)
}

/// Copies a string into a run of fixed length, filled up with NULs.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsncpy(to: Ptr<u16>, from: Ptr<u16>, count: usize) -> Ptr<u16> {
    g::copy_max(to, from, count)
}

/// Appends a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcat(to: Ptr<u8>, from: Ptr<u8>) -> Ptr<u8> {
    g::append(to, from)
}

/// Appends a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscat(to: Ptr<u16>, from: Ptr<u16>) -> Ptr<u16> {
    g::append(to, from)
}

/// Appends the start of a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strncat(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    g::append_max(to, from, count)
}

/// Appends the start of a string.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsncat(to: Ptr<u16>, from: Ptr<u16>, count: usize) -> Ptr<u16> {
    g::append_max(to, from, count)
}

/// Finds a character.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn strchr(text: Ptr<u8>, c: i32) -> Ptr<u8> {
    g::find(text, c as u8)
}

/// Finds the last occurrence of a character.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn strrchr(text: Ptr<u8>, c: i32) -> Ptr<u8> {
    g::find_last(text, c as u8)
}

/// Finds a character.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn wcschr(text: Ptr<u16>, c: u16) -> Ptr<u16> {
    g::find(text, c)
}

/// Finds the last occurrence of a character.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn wcsrchr(text: Ptr<u16>, c: u16) -> Ptr<u16> {
    g::find_last(text, c)
}

/// Finds a string in a string.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn strstr(text: Ptr<u8>, what: Ptr<u8>) -> Ptr<u8> {
    g::find_text(text, what)
}

/// Finds a string in a string.
#[export(msvcrt + ucrtbase + ntdll + vcruntime140, full)]
pub fn wcsstr(text: Ptr<u16>, what: Ptr<u16>) -> Ptr<u16> {
    g::find_text(text, what)
}

/// How many characters at the start are in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strspn(text: Ptr<u8>, set: Ptr<u8>) -> usize {
    g::span(text, set, true)
}

/// How many characters at the start are in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsspn(text: Ptr<u16>, set: Ptr<u16>) -> usize {
    g::span(text, set, true)
}

/// How many characters at the start are not in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcspn(text: Ptr<u8>, set: Ptr<u8>) -> usize {
    g::span(text, set, false)
}

/// How many characters at the start are not in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscspn(text: Ptr<u16>, set: Ptr<u16>) -> usize {
    g::span(text, set, false)
}

/// Finds the first character that is in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strpbrk(text: Ptr<u8>, set: Ptr<u8>) -> Ptr<u8> {
    g::find_any(text, set)
}

/// Finds the first character that is in a set.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcspbrk(text: Ptr<u16>, set: Ptr<u16>) -> Ptr<u16> {
    g::find_any(text, set)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcmp(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    raw::compare_text(a, b).signum()
}

/// Compares two strings.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscmp(a: Ptr<u16>, b: Ptr<u16>) -> i32 {
    g::compare(a, b, usize::MAX)
}

/// Compares the starts of two strings.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strncmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    g::compare(a, b, count)
}

/// Compares the starts of two strings.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsncmp(a: Ptr<u16>, b: Ptr<u16>, count: usize) -> i32 {
    g::compare(a, b, count)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _stricmp(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, usize::MAX)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _stricmp_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, usize::MAX)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcsicmp(a: Ptr<u16>, b: Ptr<u16>) -> i32 {
    g::compare_no_case(a, b, usize::MAX)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsicmp_l(a: Ptr<u16>, b: Ptr<u16>, _locale: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, usize::MAX)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strcmpi(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, usize::MAX)
}

/// Compares the starts of two strings without regard to case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strnicmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    g::compare_no_case(a, b, count)
}

/// Compares the starts of two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strnicmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, count)
}

/// Compares the starts of two strings without regard to case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcsnicmp(a: Ptr<u16>, b: Ptr<u16>, count: usize) -> i32 {
    g::compare_no_case(a, b, count)
}

/// Compares the starts of two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsnicmp_l(a: Ptr<u16>, b: Ptr<u16>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::compare_no_case(a, b, count)
}

/// Compares two strings in the locale's order.
#[export(msvcrt + ucrtbase, full)]
pub fn strcoll(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, false)
}

/// Compares two strings in the locale's order, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strcoll_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, false)
}

/// Compares two strings in the locale's order.
#[export(msvcrt + ucrtbase, full)]
pub fn wcscoll(a: Ptr<u16>, b: Ptr<u16>) -> i32 {
    g::collate(a, b, usize::MAX, false)
}

/// Compares two strings in the locale's order, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcscoll_l(a: Ptr<u16>, b: Ptr<u16>, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, false)
}

/// Compares two strings in the locale's order without regard to case.
#[export(msvcrt + ucrtbase, full)]
pub fn _stricoll(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, true)
}

/// Compares two strings in the locale's order without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _stricoll_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, true)
}

/// Compares two strings in the locale's order without regard to case.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsicoll(a: Ptr<u16>, b: Ptr<u16>) -> i32 {
    g::collate(a, b, usize::MAX, true)
}

/// Compares two strings in the locale's order without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsicoll_l(a: Ptr<u16>, b: Ptr<u16>, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, usize::MAX, true)
}

/// Compares the starts of two strings in the locale's order.
#[export(msvcrt + ucrtbase, full)]
pub fn _strncoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    g::collate(a, b, count, false)
}

/// Compares the starts of two strings in the locale's order, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strncoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, count, false)
}

/// Compares the starts of two strings in the locale's order.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsncoll(a: Ptr<u16>, b: Ptr<u16>, count: usize) -> i32 {
    g::collate(a, b, count, false)
}

/// Compares the starts of two strings in the locale's order, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsncoll_l(a: Ptr<u16>, b: Ptr<u16>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, count, false)
}

/// Compares the starts of two strings in the locale's order without regard to case.
#[export(msvcrt + ucrtbase, full)]
pub fn _strnicoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    g::collate(a, b, count, true)
}

/// Compares the starts of two strings in the locale's order without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strnicoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, count, true)
}

/// Compares the starts of two strings in the locale's order without regard to case.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsnicoll(a: Ptr<u16>, b: Ptr<u16>, count: usize) -> i32 {
    g::collate(a, b, count, true)
}

/// Compares the starts of two strings in the locale's order without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsnicoll_l(a: Ptr<u16>, b: Ptr<u16>, count: usize, _locale: Ptr<u8>) -> i32 {
    g::collate(a, b, count, true)
}

/// Makes a sort key.
#[export(msvcrt + ucrtbase, full)]
pub fn strxfrm(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> usize {
    g::transform(to, from, count)
}

/// Makes a sort key, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strxfrm_l(to: Ptr<u8>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> usize {
    g::transform(to, from, count)
}

/// Makes a sort key.
#[export(msvcrt + ucrtbase, full)]
pub fn wcsxfrm(to: Ptr<u16>, from: Ptr<u16>, count: usize) -> usize {
    g::transform(to, from, count)
}

/// Makes a sort key, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsxfrm_l(to: Ptr<u16>, from: Ptr<u16>, count: usize, _locale: Ptr<u8>) -> usize {
    g::transform(to, from, count)
}

/// Copies a string into a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _strdup(text: Ptr<u8>) -> Ptr<u8> {
    g::duplicate(text)
}

/// Copies a string into a block of its own.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsdup(text: Ptr<u16>) -> Ptr<u16> {
    g::duplicate(text)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strlwr(text: Ptr<u8>) -> Ptr<u8> {
    g::to_lower(text)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strlwr_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    g::to_lower(text)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcslwr(text: Ptr<u16>) -> Ptr<u16> {
    g::to_lower(text)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcslwr_l(text: Ptr<u16>, _locale: Ptr<u8>) -> Ptr<u16> {
    g::to_lower(text)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strupr(text: Ptr<u8>) -> Ptr<u8> {
    g::to_upper(text)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strupr_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    g::to_upper(text)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcsupr(text: Ptr<u16>) -> Ptr<u16> {
    g::to_upper(text)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsupr_l(text: Ptr<u16>, _locale: Ptr<u8>) -> Ptr<u16> {
    g::to_upper(text)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strlwr_s(text: Ptr<u8>, size: usize) -> Result<(), Errno> {
    g::map_s(text, size, lower)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strlwr_s_l(text: Ptr<u8>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::map_s(text, size, lower)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcslwr_s(text: Ptr<u16>, size: usize) -> Result<(), Errno> {
    g::map_s(text, size, lower)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcslwr_s_l(text: Ptr<u16>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::map_s(text, size, lower)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _strupr_s(text: Ptr<u8>, size: usize) -> Result<(), Errno> {
    g::map_s(text, size, upper)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _strupr_s_l(text: Ptr<u8>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::map_s(text, size, upper)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn _wcsupr_s(text: Ptr<u16>, size: usize) -> Result<(), Errno> {
    g::map_s(text, size, upper)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsupr_s_l(text: Ptr<u16>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::map_s(text, size, upper)
}

/// Reverses a string.
#[export(msvcrt + ucrtbase, full)]
pub fn _strrev(text: Ptr<u8>) -> Ptr<u8> {
    g::reverse(text)
}

/// Reverses a string.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsrev(text: Ptr<u16>) -> Ptr<u16> {
    g::reverse(text)
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _strset(text: Ptr<u8>, c: i32) -> Ptr<u8> {
    g::map(text, usize::MAX, |_| c as u8)
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsset(text: Ptr<u16>, c: u16) -> Ptr<u16> {
    g::map(text, usize::MAX, |_| c)
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _strnset(text: Ptr<u8>, c: i32, count: usize) -> Ptr<u8> {
    g::map(text, count, |_| c as u8)
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsnset(text: Ptr<u16>, c: u16, count: usize) -> Ptr<u16> {
    g::map(text, count, |_| c)
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _strset_s(text: Ptr<u8>, size: usize, c: i32) -> Result<(), Errno> {
    g::set_max_s(text, size, c as u8, usize::MAX)
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsset_s(text: Ptr<u16>, size: usize, c: u16) -> Result<(), Errno> {
    g::set_max_s(text, size, c, usize::MAX)
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _strnset_s(text: Ptr<u8>, size: usize, c: i32, count: usize) -> Result<(), Errno> {
    g::set_max_s(text, size, c as u8, count)
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
pub fn _wcsnset_s(text: Ptr<u16>, size: usize, c: u16, count: usize) -> Result<(), Errno> {
    g::set_max_s(text, size, c, count)
}

/// Copies a string into a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>) -> Result<(), Errno> {
    g::copy_s(to, size, from)
}

/// Copies a string into a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscpy_s(to: Ptr<u16>, size: usize, from: Ptr<u16>) -> Result<(), Errno> {
    g::copy_s(to, size, from)
}

/// Appends a string in a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strcat_s(to: Ptr<u8>, size: usize, from: Ptr<u8>) -> Result<(), Errno> {
    g::append_s(to, size, from)
}

/// Appends a string in a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcscat_s(to: Ptr<u16>, size: usize, from: Ptr<u16>) -> Result<(), Errno> {
    g::append_s(to, size, from)
}

/// Copies the start of a string into a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strncpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Errno {
    quiet(g::copy_max_s(to, size, from, count))
}

/// Copies the start of a string into a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsncpy_s(to: Ptr<u16>, size: usize, from: Ptr<u16>, count: usize) -> Errno {
    quiet(g::copy_max_s(to, size, from, count))
}

/// Appends the start of a string in a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn strncat_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Errno {
    quiet(g::append_max_s(to, size, from, count))
}

/// Appends the start of a string in a buffer of known size.
#[export(msvcrt + ucrtbase + ntdll, full)]
pub fn wcsncat_s(to: Ptr<u16>, size: usize, from: Ptr<u16>, count: usize) -> Errno {
    quiet(g::append_max_s(to, size, from, count))
}

/// Cuts the next token from a string; the state is the caller's.
#[export(msvcrt + ucrtbase, full)]
pub fn strtok_s(text: Ptr<u8>, set: Ptr<u8>, context: Ptr<Ptr<u8>>) -> Ptr<u8> {
    g::token_s(text, set, context)
}

/// Cuts the next token from a string; the state is the caller's.
#[export(msvcrt + ucrtbase, full)]
pub fn wcstok_s(text: Ptr<u16>, set: Ptr<u16>, context: Ptr<Ptr<u16>>) -> Ptr<u16> {
    g::token_s(text, set, context)
}

/// Cuts the next token from a string.
#[export(msvcrt + ucrtbase, full)]
pub fn strtok(text: Ptr<u8>, set: Ptr<u8>) -> Ptr<u8> {
    g::token(text, set, TOKEN.with(|t| t.narrow.ptr()))
}

/// Cuts the next token from a string. The UCRT's third parameter is a context, which may be null.
#[export(ucrtbase, full)]
pub fn wcstok(text: Ptr<u16>, set: Ptr<u16>, context: Ptr<Ptr<u16>>) -> Ptr<u16> {
    let context = if context.is_null() { TOKEN.with(|t| t.wide.ptr()) } else { context };
    g::token(text, set, context)
}

/// Cuts the next token from a string.
#[export(msvcrt, full, name = "wcstok")]
fn wcstok_msvcrt(text: Ptr<u16>, set: Ptr<u16>) -> Ptr<u16> {
    g::token(text, set, TOKEN.with(|t| t.wide.ptr()))
}

/// The code of functions whose truncation is no error: errno is set where the error was found.
fn quiet(result: Result<(), Errno>) -> Errno {
    result.err().unwrap_or(Errno::OK)
}
