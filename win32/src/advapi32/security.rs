//! securitybaseapi.h, sddl.h, aclapi.h, winbase.h: identity and access.
//!
//! The program is an ordinary user without administrator's rights. Objects have no security descriptors of
//! their own; those that are asked for say that the user may do everything.

use crate::{guest_alloc, guest_free, status};
use abi::wide::wide;
use abi::{BOOL, HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use kernel32::nls::{ansi_arg, give_sized, wide_to_ansi};
use ntdll::object::{self, Object};
use ntdll::registry::USER_SID;
use std::sync::Arc;

struct Token {
    impersonation: bool,
}

impl Object for Token {
    fn type_name(&self) -> &'static str {
        "Token"
    }
}

/// `S-1-5-…` to the binary form.
pub fn parse_sid(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.strip_prefix("S-").or_else(|| text.strip_prefix("s-"))?.split('-');
    let revision: u8 = parts.next()?.parse().ok()?;
    let authority = parts.next()?;
    let authority: u64 = match authority.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => authority.parse().ok()?,
    };
    let subs: Vec<u32> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if subs.len() > 15 {
        return None;
    }
    let mut out = vec![revision, subs.len() as u8];
    out.extend_from_slice(&authority.to_be_bytes()[2..]);
    subs.iter().for_each(|sub| out.extend_from_slice(&sub.to_le_bytes()));
    Some(out)
}

fn sid_text(sid: &[u8]) -> String {
    let authority = sid[2..8].iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let mut out = format!("S-{}-{authority}", sid[0]);
    for sub in sid[8..].chunks_exact(4) {
        out.push_str(&format!("-{}", u32::from_le_bytes([sub[0], sub[1], sub[2], sub[3]])));
    }
    out
}

fn read_sid(sid: Ptr<u8>) -> Result<Vec<u8>, Win32Error> {
    let head = sid.cast::<[u8; 2]>().read()?;
    if head[0] != 1 || head[1] > 15 {
        return Err(Win32Error::INVALID_SID);
    }
    Ok(sid.read_vec(8 + usize::from(head[1]) * 4)?)
}

fn sid(text: &str) -> Vec<u8> {
    parse_sid(text).unwrap_or_default()
}

const GROUPS: &[(&str, u32)] = &[
    // Mandatory, enabled by default, enabled.
    ("S-1-5-21-1004336348-1177238915-682003330-513", 7),
    ("S-1-1-0", 7),
    ("S-1-5-32-545", 7),
    ("S-1-5-4", 7),
    ("S-1-2-1", 7),
    ("S-1-5-11", 7),
    ("S-1-5-15", 7),
    ("S-1-2-0", 7),
];
const INTEGRITY: &str = "S-1-16-8192";

/// Privileges of an ordinary user: name, LUID, enabled.
const PRIVILEGES: &[(&str, u32, bool)] = &[
    ("SeShutdownPrivilege", 19, false),
    ("SeChangeNotifyPrivilege", 23, true),
    ("SeUndockPrivilege", 25, false),
    ("SeIncreaseWorkingSetPrivilege", 33, false),
    ("SeTimeZonePrivilege", 34, false),
];
const ALL_PRIVILEGES: &[(&str, u32)] = &[
    ("SeCreateTokenPrivilege", 2),
    ("SeAssignPrimaryTokenPrivilege", 3),
    ("SeLockMemoryPrivilege", 4),
    ("SeIncreaseQuotaPrivilege", 5),
    ("SeTcbPrivilege", 7),
    ("SeSecurityPrivilege", 8),
    ("SeTakeOwnershipPrivilege", 9),
    ("SeLoadDriverPrivilege", 10),
    ("SeSystemProfilePrivilege", 11),
    ("SeSystemtimePrivilege", 12),
    ("SeProfileSingleProcessPrivilege", 13),
    ("SeIncreaseBasePriorityPrivilege", 14),
    ("SeCreatePagefilePrivilege", 15),
    ("SeBackupPrivilege", 17),
    ("SeRestorePrivilege", 18),
    ("SeShutdownPrivilege", 19),
    ("SeDebugPrivilege", 20),
    ("SeAuditPrivilege", 21),
    ("SeSystemEnvironmentPrivilege", 22),
    ("SeChangeNotifyPrivilege", 23),
    ("SeRemoteShutdownPrivilege", 24),
    ("SeUndockPrivilege", 25),
    ("SeManageVolumePrivilege", 28),
    ("SeImpersonatePrivilege", 29),
    ("SeCreateGlobalPrivilege", 30),
    ("SeIncreaseWorkingSetPrivilege", 33),
    ("SeTimeZonePrivilege", 34),
    ("SeCreateSymbolicLinkPrivilege", 35),
];

fn new_token(impersonation: bool) -> HANDLE {
    object::insert(Arc::new(Token { impersonation }), 0xf_01ff)
}

/// Opens a process's token.
#[export(advapi32, partial("all processes have the same token"))]
pub fn OpenProcessToken(_process: HANDLE, _access: u32, token: Ptr<HANDLE>) -> Result<(), Win32Error> {
    Ok(token.write(new_token(false))?)
}

/// Opens a thread's token: threads do not impersonate.
#[export(advapi32, full)]
pub fn OpenThreadToken(_thread: HANDLE, _access: u32, _as_self: BOOL, _token: Ptr<HANDLE>) -> Result<(), Win32Error> {
    Err(Win32Error::NO_TOKEN)
}

/// Copies a token.
#[export(advapi32, full)]
pub fn DuplicateToken(_token: HANDLE, _level: u32, new: Ptr<HANDLE>) -> Result<(), Win32Error> {
    Ok(new.write(new_token(true))?)
}

/// Copies a token.
#[export(advapi32, full)]
pub fn DuplicateTokenEx(
    _token: HANDLE,
    _access: u32,
    _security: Ptr<u8>,
    _level: u32,
    kind: u32,
    new: Ptr<HANDLE>,
) -> Result<(), Win32Error> {
    Ok(new.write(new_token(kind == 2))?)
}

/// A token with fewer rights.
#[export(advapi32, stub("the same rights"))]
pub fn CreateRestrictedToken(
    _token: HANDLE,
    _flags: u32,
    _disable: u32,
    _sids: Ptr<u8>,
    _delete: u32,
    _privileges: Ptr<u8>,
    _restrict: u32,
    _more: Ptr<u8>,
    new: Ptr<HANDLE>,
) -> Result<(), Win32Error> {
    Ok(new.write(new_token(false))?)
}

constants! { advapi32, "says that it was done: there is one identity":
    ImpersonateSelf = 1;
    ImpersonateLoggedOnUser = 1;
    ImpersonateAnonymousToken = 1;
    RevertToSelf = 1;
    SetThreadToken = 1;
    SetTokenInformation = 1;
    SetKernelObjectSecurity = 1;
    SetFileSecurityW = 1;
    SetFileSecurityA = 1;
    SetSecurityInfo = 0;
    SetNamedSecurityInfoW = 0;
    SetNamedSecurityInfoA = 0;
    AuditFree = 0;
    IsTokenRestricted = 0;
    IsTokenUntrusted = 0;
}
failing! { advapi32, "fails: needs a privilege", 1314: CreateProcessAsUserW CreateProcessAsUserA CreateProcessWithTokenW CreateProcessWithLogonW LogonUserW LogonUserA AdjustTokenGroups InitiateSystemShutdownW InitiateSystemShutdownExW }
failing! { advapi32, "no credential is stored", 1168: CredReadW CredReadA CredDeleteW CredDeleteA CredEnumerateW CredWriteW CredWriteA }
constants! { advapi32, "nothing to free": CredFree = 0; }
constants! { advapi32, "no file type is executable": SaferiIsExecutableFileType = 0; }

/// Lays out an array of (SID, attributes) after `head` bytes; addresses are those in guest memory.
fn sid_list(base: usize, head: usize, list: &[(Vec<u8>, u32)]) -> Vec<u8> {
    let mut out = vec![0u8; head + list.len() * 16];
    for (index, (sid, attributes)) in list.iter().enumerate() {
        let at = out.len();
        let entry = head + index * 16;
        out[entry..entry + 8].copy_from_slice(&((base + at) as u64).to_le_bytes());
        out[entry + 8..entry + 12].copy_from_slice(&attributes.to_le_bytes());
        out.extend(sid);
    }
    out
}

/// Facts about a token.
/// <https://learn.microsoft.com/windows/win32/api/securitybaseapi/nf-securitybaseapi-gettokeninformation>
#[export(advapi32, partial("classes that programs ask for"))]
pub fn GetTokenInformation(token: HANDLE, class: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    // The pseudo tokens -4 to -6 stand for the process's.
    let impersonation =
        if token.0 as isize >= -6 && (token.0 as isize) < -3 { false } else { object::get::<Token>(token, 0)?.impersonation };
    let base = to.addr();
    let number = |value: u32| value.to_le_bytes().to_vec();
    let one = |text: &str| {
        let mut out = ((base + 8) as u64).to_le_bytes().to_vec();
        out.extend(sid(text));
        out
    };
    let bytes = match class {
        1 => sid_list(base, 0, &[(sid(USER_SID), 0)]),
        2 => {
            let list: Vec<_> = GROUPS.iter().map(|&(text, attributes)| (sid(text), attributes)).collect();
            let mut out = sid_list(base, 8, &list);
            out[..4].copy_from_slice(&(list.len() as u32).to_le_bytes());
            out
        }
        3 => {
            let mut out = number(PRIVILEGES.len() as u32);
            for &(_, luid, enabled) in PRIVILEGES {
                out.extend(number(luid));
                out.extend(number(0));
                out.extend(number(if enabled { 3 } else { 0 }));
            }
            out
        }
        4 => one(USER_SID),
        5 => one(GROUPS[0].0),
        // No default DACL.
        6 => vec![0; 8],
        7 => b"User32 \0\0\0\0\0\0\0\0\0".to_vec(),
        8 => number(if impersonation { 2 } else { 1 }),
        9 if impersonation => number(2),
        9 => return Err(Win32Error::INVALID_PARAMETER),
        10 => vec![0; 56],
        12 => number(1),
        15 | 21 | 23 | 24 | 26 | 29 | 40 => number(0),
        18 => number(1),
        20 => number(0),
        25 => {
            let mut out = sid_list(base, 0, &[(sid(INTEGRITY), 0x60)]);
            out[8] = 0x60;
            out
        }
        27 => number(1),
        28 => one("S-1-5-5-0-1"),
        31 => vec![0; 8],
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    needed.write_opt(bytes.len() as u32)?;
    if (size as usize) < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// Switches privileges on and off.
#[export(advapi32, partial("no state is kept; the previous state is not told"))]
pub fn AdjustTokenPrivileges(
    _token: HANDLE,
    disable_all: BOOL,
    new: Ptr<u32>,
    _size: u32,
    previous: Ptr<u32>,
    needed: Ptr<u32>,
) -> Result<(), Win32Error> {
    previous.write_opt(0)?;
    needed.write_opt(4)?;
    let mut all = true;
    if !disable_all.0 && !new.is_null() {
        for index in 0..new.read()?.min(64) as usize {
            let [luid, _, attributes] = new.add(1 + index * 3).cast::<[u32; 3]>().read()?;
            all &= attributes & 2 == 0 || PRIVILEGES.iter().any(|&(_, known, _)| known == luid);
        }
    }
    abi::teb::set_last_error(if all { Win32Error::SUCCESS } else { Win32Error::NOT_ALL_ASSIGNED });
    Ok(())
}

fn privilege(name: &[u16], luid: Ptr<[u32; 2]>) -> Result<(), Win32Error> {
    let found = ALL_PRIVILEGES.iter().find(|(known, _)| abi::wide::eq_ascii_case(name, known));
    let &(_, number) = found.ok_or(Win32Error::NO_SUCH_PRIVILEGE)?;
    Ok(luid.write([number, 0])?)
}

/// The number of a privilege.
#[export(advapi32, full)]
pub fn LookupPrivilegeValueW(_system: PCWSTR, name: PCWSTR, luid: Ptr<[u32; 2]>) -> Result<(), Win32Error> {
    privilege(&name.read_wide()?, luid)
}

/// The number of a privilege.
#[export(advapi32, full)]
pub fn LookupPrivilegeValueA(_system: PCSTR, name: PCSTR, luid: Ptr<[u32; 2]>) -> Result<(), Win32Error> {
    privilege(&ansi_arg(name)?, luid)
}

/// The name of a privilege.
#[export(advapi32, full)]
pub fn LookupPrivilegeNameW(_system: PCWSTR, luid: Ptr<[u32; 2]>, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let [number, _] = luid.read()?;
    let found = ALL_PRIVILEGES.iter().find(|(_, known)| *known == number).ok_or(Win32Error::NO_SUCH_PRIVILEGE)?;
    give_sized(to, size, &wide(found.0), 0, Win32Error::INSUFFICIENT_BUFFER)
}

/// Whether all of some privileges are enabled.
#[export(advapi32, full)]
pub fn PrivilegeCheck(_token: HANDLE, set: Ptr<u32>, result: Ptr<u32>) -> Result<(), Win32Error> {
    let count = set.read()?.min(64) as usize;
    let mut all = true;
    for index in 0..count {
        let luid = set.add(2 + index * 3).read()?;
        all &= PRIVILEGES.iter().any(|&(_, known, enabled)| known == luid && enabled);
    }
    Ok(result.write(all.into())?)
}

/// Whether a SID is among the token's enabled groups.
#[export(advapi32, full)]
pub fn CheckTokenMembership(_token: HANDLE, group: Ptr<u8>, is_member: Ptr<u32>) -> Result<(), Win32Error> {
    let text = sid_text(&read_sid(group)?);
    let member = text == USER_SID || GROUPS.iter().any(|(known, _)| *known == text);
    Ok(is_member.write(member.into())?)
}

/// The user's name.
pub fn user_name() -> Vec<u16> {
    ntdll::process::variable(&wide("USERNAME")).filter(|name| !name.is_empty()).unwrap_or_else(|| wide("user"))
}

fn give_user<T: Copy>(to: Ptr<T>, size: Ptr<u32>, name: &[T], nul: T) -> Result<(), Win32Error> {
    give_sized(to, size, name, nul, Win32Error::INSUFFICIENT_BUFFER)?;
    // This one counts the NUL.
    Ok(size.write(name.len() as u32 + 1)?)
}

/// The user's name.
#[export(advapi32, full)]
pub fn GetUserNameW(to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    give_user(to, size, &user_name(), 0)
}

/// The user's name.
#[export(advapi32, full)]
pub fn GetUserNameA(to: PSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    give_user(to, size, &wide_to_ansi(&user_name()), 0)
}

fn machine() -> Vec<u16> {
    wide(&host::process::host_name().split('.').next().unwrap_or("").to_uppercase())
}

/// Name, domain and kind (SID_NAME_USE) of a SID.
fn account(text: &str) -> Option<(Vec<u16>, Vec<u16>, u32)> {
    let known = [
        ("S-1-1-0", "Everyone", "", 5),
        ("S-1-2-0", "LOCAL", "", 5),
        ("S-1-3-0", "CREATOR OWNER", "", 5),
        ("S-1-5-4", "INTERACTIVE", "NT AUTHORITY", 5),
        ("S-1-5-11", "Authenticated Users", "NT AUTHORITY", 5),
        ("S-1-5-18", "SYSTEM", "NT AUTHORITY", 5),
        ("S-1-5-19", "LOCAL SERVICE", "NT AUTHORITY", 5),
        ("S-1-5-20", "NETWORK SERVICE", "NT AUTHORITY", 5),
        ("S-1-5-32-544", "Administrators", "BUILTIN", 4),
        ("S-1-5-32-545", "Users", "BUILTIN", 4),
        ("S-1-5-32-546", "Guests", "BUILTIN", 4),
        (INTEGRITY, "Medium Mandatory Level", "Mandatory Label", 10),
    ];
    if text == USER_SID {
        return Some((user_name(), machine(), 1));
    }
    if text == GROUPS[0].0 {
        return Some((wide("None"), machine(), 2));
    }
    known.iter().find(|row| row.0 == text).map(|row| (wide(row.1), wide(row.2), row.3))
}

/// The account that a SID names.
#[export(advapi32, full)]
pub fn LookupAccountSidW(
    _system: PCWSTR,
    sid: Ptr<u8>,
    name: PWSTR,
    name_size: Ptr<u32>,
    domain: PWSTR,
    domain_size: Ptr<u32>,
    kind: Ptr<u32>,
) -> Result<(), Win32Error> {
    // ERROR_NONE_MAPPED
    let (text, place, number) = account(&sid_text(&read_sid(sid)?)).ok_or(Win32Error(1332))?;
    kind.write(number)?;
    let first = give_sized(name, name_size, &text, 0, Win32Error::INSUFFICIENT_BUFFER);
    let second = give_sized(domain, domain_size, &place, 0, Win32Error::INSUFFICIENT_BUFFER);
    first.and(second)
}

/// The account that a SID names.
#[export(advapi32, full)]
pub fn LookupAccountSidA(
    _system: PCSTR,
    sid: Ptr<u8>,
    name: PSTR,
    name_size: Ptr<u32>,
    domain: PSTR,
    domain_size: Ptr<u32>,
    kind: Ptr<u32>,
) -> Result<(), Win32Error> {
    let (text, place, number) = account(&sid_text(&read_sid(sid)?)).ok_or(Win32Error(1332))?;
    kind.write(number)?;
    let first = give_sized(name, name_size, &wide_to_ansi(&text), 0, Win32Error::INSUFFICIENT_BUFFER);
    let second = give_sized(domain, domain_size, &wide_to_ansi(&place), 0, Win32Error::INSUFFICIENT_BUFFER);
    first.and(second)
}

/// The SID of an account.
#[export(advapi32, partial("this user and the well-known accounts"))]
pub fn LookupAccountNameW(
    _system: PCWSTR,
    name: PCWSTR,
    to: Ptr<u8>,
    size: Ptr<u32>,
    domain: PWSTR,
    domain_size: Ptr<u32>,
    kind: Ptr<u32>,
) -> Result<(), Win32Error> {
    let name = name.read_wide()?;
    let bare = name.rsplit(|&unit| unit == u16::from(b'\\')).next().unwrap_or(&name).to_vec();
    let candidates = [USER_SID, "S-1-1-0", "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-32-544", "S-1-5-32-545"];
    let found = candidates
        .iter()
        .find_map(|text| account(text).filter(|(known, ..)| kernel32::nls::case::equal(known, &bare)).map(|row| (text, row)));
    let (text, (_, place, number)) = found.ok_or(Win32Error(1332))?;
    let bytes = sid(text);
    let capacity = size.read()? as usize;
    size.write(bytes.len() as u32)?;
    kind.write(number)?;
    let second = give_sized(domain, domain_size, &place, 0, Win32Error::INSUFFICIENT_BUFFER);
    if capacity < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    to.write_slice(&bytes)?;
    second
}

/// Makes a SID.
#[export(advapi32, full)]
pub fn AllocateAndInitializeSid(
    authority: Ptr<[u8; 6]>,
    count: u8,
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
    to: Ptr<Ptr<u8>>,
) -> Result<(), Win32Error> {
    if count > 8 {
        return Err(Win32Error::INVALID_SID);
    }
    let mut out = vec![1, count];
    out.extend(authority.read()?);
    [a, b, c, d, e, f, g, h][..usize::from(count)].iter().for_each(|sub| out.extend_from_slice(&sub.to_le_bytes()));
    let block = guest_alloc(out.len())?;
    block.write_slice(&out)?;
    Ok(to.write(block)?)
}

/// Frees a SID that AllocateAndInitializeSid made.
#[export(advapi32, full)]
pub fn FreeSid(sid: Ptr<u8>) -> usize {
    guest_free(sid);
    0
}

/// Prepares a SID's head.
#[export(advapi32 + ntdll, full)]
pub fn InitializeSid(sid: Ptr<u8>, authority: Ptr<[u8; 6]>, count: u8) -> Result<(), Win32Error> {
    sid.write_slice(&[1, count])?;
    Ok(sid.add(2).cast::<[u8; 6]>().write(authority.read()?)?)
}

/// Bytes of a SID.
#[export(advapi32, full)]
pub fn GetLengthSid(sid: Ptr<u8>) -> u32 {
    8 + u32::from(sid.add(1).get()) * 4
}

/// Bytes of a SID with that many sub-authorities.
#[export(advapi32, full)]
pub fn GetSidLengthRequired(count: u8) -> u32 {
    8 + u32::from(count) * 4
}

/// Whether it looks like a SID.
#[export(advapi32, full)]
pub fn IsValidSid(sid: Ptr<u8>) -> BOOL {
    BOOL(read_sid(sid).is_ok())
}

/// Whether two SIDs are equal.
#[export(advapi32, full)]
pub fn EqualSid(a: Ptr<u8>, b: Ptr<u8>) -> Result<BOOL, Win32Error> {
    Ok(BOOL(read_sid(a)? == read_sid(b)?))
}

/// Whether two SIDs differ in the last sub-authority at most.
#[export(advapi32, full)]
pub fn EqualPrefixSid(a: Ptr<u8>, b: Ptr<u8>) -> Result<BOOL, Win32Error> {
    let (a, b) = (read_sid(a)?, read_sid(b)?);
    Ok(BOOL(a.len() == b.len() && a[..a.len().saturating_sub(4).max(8)] == b[..b.len().saturating_sub(4).max(8)]))
}

/// Copies a SID.
#[export(advapi32, full)]
pub fn CopySid(size: u32, to: Ptr<u8>, from: Ptr<u8>) -> Result<(), Win32Error> {
    let bytes = read_sid(from)?;
    if (size as usize) < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// The address of a sub-authority.
#[export(advapi32, full)]
pub fn GetSidSubAuthority(sid: Ptr<u8>, index: u32) -> Ptr<u8> {
    sid.add(8 + index as usize * 4)
}

/// The address of the number of sub-authorities.
#[export(advapi32, full)]
pub fn GetSidSubAuthorityCount(sid: Ptr<u8>) -> Ptr<u8> {
    sid.add(1)
}

/// The address of the authority.
#[export(advapi32, full)]
pub fn GetSidIdentifierAuthority(sid: Ptr<u8>) -> Ptr<u8> {
    sid.add(2)
}

/// A SID as text; the caller frees it with LocalFree.
#[export(advapi32, full)]
pub fn ConvertSidToStringSidW(sid: Ptr<u8>, to: Ptr<PWSTR>) -> Result<(), Win32Error> {
    Ok(to.write(crate::guest_text(&wide(&sid_text(&read_sid(sid)?)))?)?)
}

/// A SID as text; the caller frees it with LocalFree.
#[export(advapi32, full)]
pub fn ConvertSidToStringSidA(sid: Ptr<u8>, to: Ptr<PSTR>) -> Result<(), Win32Error> {
    let text = sid_text(&read_sid(sid)?);
    let block = guest_alloc(text.len() + 1)?;
    block.write_slice(text.as_bytes())?;
    Ok(to.write(block)?)
}

/// Text to SID; the caller frees it with LocalFree.
#[export(advapi32, partial("no two-letter abbreviations"))]
pub fn ConvertStringSidToSidW(text: PCWSTR, to: Ptr<Ptr<u8>>) -> Result<(), Win32Error> {
    let bytes = parse_sid(&abi::wide::display(&text.read_wide()?)).ok_or(Win32Error::INVALID_SID)?;
    let block = guest_alloc(bytes.len())?;
    block.write_slice(&bytes)?;
    Ok(to.write(block)?)
}

/// Text to SID; the caller frees it with LocalFree.
#[export(advapi32, partial("no two-letter abbreviations"))]
pub fn ConvertStringSidToSidA(text: PCSTR, to: Ptr<Ptr<u8>>) -> Result<(), Win32Error> {
    let bytes = parse_sid(&abi::wide::display(&ansi_arg(text)?)).ok_or(Win32Error::INVALID_SID)?;
    let block = guest_alloc(bytes.len())?;
    block.write_slice(&bytes)?;
    Ok(to.write(block)?)
}

/// WELL_KNOWN_SID_TYPE, the common ones.
fn well_known(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "S-1-0-0",
        1 => "S-1-1-0",
        2 => "S-1-2-0",
        3 => "S-1-3-0",
        4 => "S-1-3-1",
        9 => "S-1-5-2",
        11 => "S-1-5-4",
        12 => "S-1-5-6",
        13 => "S-1-5-7",
        17 => "S-1-5-11",
        22 => "S-1-5-18",
        23 => "S-1-5-19",
        24 => "S-1-5-20",
        26 => "S-1-5-32-544",
        27 => "S-1-5-32-545",
        28 => "S-1-5-32-546",
        29 => "S-1-5-32-547",
        65 => "S-1-16-0",
        66 => "S-1-16-4096",
        67 => "S-1-16-8192",
        68 => "S-1-16-12288",
        69 => "S-1-16-16384",
        84 => "S-1-15-2-1",
        _ => return None,
    })
}

/// Makes one of the well-known SIDs.
#[export(advapi32, partial("those without a domain"))]
pub fn CreateWellKnownSid(kind: u32, _domain: Ptr<u8>, to: Ptr<u8>, size: Ptr<u32>) -> Result<(), Win32Error> {
    let bytes = sid(well_known(kind).ok_or(Win32Error::INVALID_PARAMETER)?);
    let capacity = size.read()? as usize;
    size.write(bytes.len() as u32)?;
    if to.is_null() || capacity < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// Whether a SID is a certain well-known one.
#[export(advapi32, partial("those without a domain"))]
pub fn IsWellKnownSid(sid: Ptr<u8>, kind: u32) -> BOOL {
    BOOL(read_sid(sid).is_ok_and(|bytes| well_known(kind).is_some_and(|text| sid_text(&bytes) == text)))
}

// Security descriptors in absolute form (winnt.h): revision, 0, control, and on 8-byte boundaries owner,
// group, SACL, DACL.

/// Prepares a security descriptor.
#[export(advapi32, full)]
pub fn InitializeSecurityDescriptor(sd: Ptr<u8>, revision: u32) -> Result<(), Win32Error> {
    if revision != 1 {
        return Err(Win32Error(1305));
    }
    let mut bytes = [0u8; 40];
    bytes[0] = 1;
    Ok(sd.write_slice(&bytes)?)
}

const SELF_RELATIVE: u16 = 0x8000;

fn set_part(sd: Ptr<u8>, offset: usize, value: usize, set: u16, clear: u16) -> Result<(), Win32Error> {
    let control = sd.add(2).cast::<u16>().read()?;
    if control & SELF_RELATIVE != 0 {
        return Err(Win32Error(1338));
    }
    sd.add(2).cast::<u16>().write(control & !clear | set)?;
    Ok(sd.add(offset).cast::<usize>().write(value)?)
}

/// The address of a part; self-relative descriptors have 32-bit offsets.
fn part(sd: Ptr<u8>, index: usize) -> Result<usize, Win32Error> {
    if sd.add(2).cast::<u16>().read()? & SELF_RELATIVE == 0 {
        return Ok(sd.add(8 + index * 8).cast::<usize>().read()?);
    }
    Ok(match sd.add(4 + index * 4).cast::<u32>().read()? {
        0 => 0,
        offset => sd.addr() + offset as usize,
    })
}

/// Sets the owner.
#[export(advapi32, full)]
pub fn SetSecurityDescriptorOwner(sd: Ptr<u8>, owner: usize, defaulted: BOOL) -> Result<(), Win32Error> {
    set_part(sd, 8, owner, defaulted.0.into(), 1)
}

/// Sets the group.
#[export(advapi32, full)]
pub fn SetSecurityDescriptorGroup(sd: Ptr<u8>, group: usize, defaulted: BOOL) -> Result<(), Win32Error> {
    set_part(sd, 16, group, u16::from(defaulted.0) << 1, 2)
}

/// Sets the DACL.
#[export(advapi32, full)]
pub fn SetSecurityDescriptorDacl(sd: Ptr<u8>, present: BOOL, dacl: usize, defaulted: BOOL) -> Result<(), Win32Error> {
    set_part(sd, 32, if present.0 { dacl } else { 0 }, u16::from(present.0) << 2 | u16::from(defaulted.0) << 3, 12)
}

/// Sets the SACL.
#[export(advapi32, full)]
pub fn SetSecurityDescriptorSacl(sd: Ptr<u8>, present: BOOL, sacl: usize, defaulted: BOOL) -> Result<(), Win32Error> {
    set_part(sd, 24, if present.0 { sacl } else { 0 }, u16::from(present.0) << 4 | u16::from(defaulted.0) << 5, 0x30)
}

/// Changes control bits.
#[export(advapi32, full)]
pub fn SetSecurityDescriptorControl(sd: Ptr<u8>, mask: u16, bits: u16) -> Result<(), Win32Error> {
    let control = sd.add(2).cast::<u16>().read()?;
    Ok(sd.add(2).cast::<u16>().write(control & !mask | bits & mask)?)
}

/// The control bits.
#[export(advapi32, full)]
pub fn GetSecurityDescriptorControl(sd: Ptr<u8>, control: Ptr<u16>, revision: Ptr<u32>) -> Result<(), Win32Error> {
    revision.write(sd.read()?.into())?;
    Ok(control.write(sd.add(2).cast::<u16>().read()?)?)
}

/// The owner.
#[export(advapi32, full)]
pub fn GetSecurityDescriptorOwner(sd: Ptr<u8>, owner: Ptr<usize>, defaulted: Ptr<u32>) -> Result<(), Win32Error> {
    defaulted.write_opt((sd.add(2).cast::<u16>().read()? & 1).into())?;
    Ok(owner.write(part(sd, 0)?)?)
}

/// The group.
#[export(advapi32, full)]
pub fn GetSecurityDescriptorGroup(sd: Ptr<u8>, group: Ptr<usize>, defaulted: Ptr<u32>) -> Result<(), Win32Error> {
    defaulted.write_opt((sd.add(2).cast::<u16>().read()? >> 1 & 1).into())?;
    Ok(group.write(part(sd, 1)?)?)
}

/// The DACL.
#[export(advapi32, full)]
pub fn GetSecurityDescriptorDacl(sd: Ptr<u8>, present: Ptr<u32>, dacl: Ptr<usize>, defaulted: Ptr<u32>) -> Result<(), Win32Error> {
    let control = sd.add(2).cast::<u16>().read()?;
    present.write((control >> 2 & 1).into())?;
    if control & 4 != 0 {
        dacl.write(part(sd, 3)?)?;
        defaulted.write_opt((control >> 3 & 1).into())?;
    }
    Ok(())
}

/// Whether it looks like a security descriptor.
#[export(advapi32, full)]
pub fn IsValidSecurityDescriptor(sd: Ptr<u8>) -> BOOL {
    BOOL(sd.read() == Ok(1))
}

fn acl_size(acl: usize) -> Result<usize, Win32Error> {
    Ok(if acl == 0 { 0 } else { usize::from(Ptr::<u16>::new(acl + 2).read()?) })
}

/// A descriptor in self-relative form.
fn self_relative(sd: Ptr<u8>) -> Result<Vec<u8>, Win32Error> {
    let mut out = vec![0u8; 20];
    out[0] = 1;
    let control = sd.add(2).cast::<u16>().read()? | SELF_RELATIVE;
    out[2..4].copy_from_slice(&control.to_le_bytes());
    for index in [2, 3, 0, 1] {
        let address = part(sd, index)?;
        if address == 0 {
            continue;
        }
        let at = out.len() as u32;
        out[4 + index * 4..8 + index * 4].copy_from_slice(&at.to_le_bytes());
        let bytes = if index < 2 { read_sid(Ptr::new(address))? } else { Ptr::<u8>::new(address).read_vec(acl_size(address)?)? };
        out.extend(bytes);
    }
    Ok(out)
}

/// Copies a descriptor into one block.
#[export(advapi32, full)]
pub fn MakeSelfRelativeSD(sd: Ptr<u8>, to: Ptr<u8>, size: Ptr<u32>) -> Result<(), Win32Error> {
    let bytes = self_relative(sd)?;
    let capacity = size.read()? as usize;
    size.write(bytes.len() as u32)?;
    if capacity < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// Bytes that a descriptor takes in one block.
#[export(advapi32, full)]
pub fn GetSecurityDescriptorLength(sd: Ptr<u8>) -> u32 {
    self_relative(sd).map_or(0, |bytes| bytes.len() as u32)
}

// Access control lists: revision, 0, size, count, 0; then entries of type, flags, size, mask, SID.

/// Prepares an access control list.
#[export(advapi32, full)]
pub fn InitializeAcl(acl: Ptr<u8>, size: u32, revision: u32) -> Result<(), Win32Error> {
    if !(8..=0xffff).contains(&size) || !matches!(revision, 2 | 4) {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut head = [0u8; 8];
    head[0] = revision as u8;
    head[2..4].copy_from_slice(&((size & !3) as u16).to_le_bytes());
    Ok(acl.write_slice(&head)?)
}

/// Where the entries end, and how many there are.
fn acl_end(acl: Ptr<u8>) -> Result<(usize, u16), Win32Error> {
    let count = acl.add(4).cast::<u16>().read()?;
    let mut at = 8;
    for _ in 0..count {
        at += usize::from(acl.add(at + 2).cast::<u16>().read()?).max(4);
    }
    Ok((at, count))
}

fn add_ace(acl: Ptr<u8>, kind: u8, flags: u32, mask: u32, sid: Ptr<u8>) -> Result<(), Win32Error> {
    let sid = read_sid(sid)?;
    let mut ace = vec![kind, flags as u8];
    ace.extend_from_slice(&((8 + sid.len()) as u16).to_le_bytes());
    ace.extend_from_slice(&mask.to_le_bytes());
    ace.extend(sid);
    append(acl, &ace, 1)
}

fn append(acl: Ptr<u8>, aces: &[u8], more: u16) -> Result<(), Win32Error> {
    let (end, count) = acl_end(acl)?;
    if end + aces.len() > acl_size(acl.addr())? {
        // ERROR_ALLOTTED_SPACE_EXCEEDED
        return Err(Win32Error(1344));
    }
    acl.add(end).write_slice(aces)?;
    Ok(acl.add(4).cast::<u16>().write(count + more)?)
}

/// Adds an entry that allows.
#[export(advapi32, full)]
pub fn AddAccessAllowedAce(acl: Ptr<u8>, _revision: u32, mask: u32, sid: Ptr<u8>) -> Result<(), Win32Error> {
    add_ace(acl, 0, 0, mask, sid)
}

/// Adds an entry that allows.
#[export(advapi32, full)]
pub fn AddAccessAllowedAceEx(acl: Ptr<u8>, _revision: u32, flags: u32, mask: u32, sid: Ptr<u8>) -> Result<(), Win32Error> {
    add_ace(acl, 0, flags, mask, sid)
}

/// Adds an entry that denies.
#[export(advapi32, full)]
pub fn AddAccessDeniedAce(acl: Ptr<u8>, _revision: u32, mask: u32, sid: Ptr<u8>) -> Result<(), Win32Error> {
    add_ace(acl, 1, 0, mask, sid)
}

/// Adds an entry that denies.
#[export(advapi32, full)]
pub fn AddAccessDeniedAceEx(acl: Ptr<u8>, _revision: u32, flags: u32, mask: u32, sid: Ptr<u8>) -> Result<(), Win32Error> {
    add_ace(acl, 1, flags, mask, sid)
}

/// Adds entries that are laid out already.
#[export(advapi32, partial("always at the end"))]
pub fn AddAce(acl: Ptr<u8>, _revision: u32, _index: u32, list: Ptr<u8>, size: u32) -> Result<(), Win32Error> {
    let bytes = list.read_vec(size as usize)?;
    let (mut at, mut count) = (0, 0);
    while at + 4 <= bytes.len() {
        at += usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]])).max(4);
        count += 1;
    }
    append(acl, &bytes, count)
}

/// The address of an entry.
#[export(advapi32, full)]
pub fn GetAce(acl: Ptr<u8>, index: u32, to: Ptr<usize>) -> Result<(), Win32Error> {
    if index >= acl.add(4).cast::<u16>().read()?.into() {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let mut at = acl.add(8);
    for _ in 0..index {
        at = at.add(at.add(2).cast::<u16>().read()?.max(4).into());
    }
    Ok(to.write(at.addr())?)
}

/// Facts about a list: revision (1) or sizes (2).
#[export(advapi32, full)]
pub fn GetAclInformation(acl: Ptr<u8>, to: Ptr<u32>, size: u32, class: u32) -> Result<(), Win32Error> {
    match class {
        1 if size >= 4 => Ok(to.write(acl.read()?.into())?),
        2 if size >= 12 => {
            let (end, count) = acl_end(acl)?;
            Ok(to.cast::<[u32; 3]>().write([count.into(), end as u32, (acl_size(acl.addr())? - end) as u32])?)
        }
        _ => Err(Win32Error::INSUFFICIENT_BUFFER),
    }
}

/// Whether it looks like an access control list.
#[export(advapi32, full)]
pub fn IsValidAcl(acl: Ptr<u8>) -> BOOL {
    BOOL(matches!(acl.read(), Ok(2..=4)))
}

/// An empty list that the caller frees: what SetEntriesInAcl gives.
fn everyone_acl() -> Vec<u8> {
    let everyone = sid("S-1-1-0");
    let mut acl = vec![2, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    acl.extend_from_slice(&((8 + everyone.len()) as u16).to_le_bytes());
    acl.extend_from_slice(&0x001f_01ffu32.to_le_bytes());
    acl.extend(everyone);
    let size = acl.len() as u16;
    acl[2..4].copy_from_slice(&size.to_le_bytes());
    acl
}

fn set_entries(to: Ptr<usize>) -> Win32Error {
    status(|| {
        let acl = everyone_acl();
        let block = guest_alloc(acl.len())?;
        block.write_slice(&acl)?;
        Ok(to.write(block.addr())?)
    })
}

/// Makes a list with more entries.
#[export(advapi32, stub("a list that allows everyone everything"))]
pub fn SetEntriesInAclW(_count: u32, _entries: Ptr<u8>, _old: usize, to: Ptr<usize>) -> Win32Error {
    set_entries(to)
}

/// Makes a list with more entries.
#[export(advapi32, stub("a list that allows everyone everything"))]
pub fn SetEntriesInAclA(_count: u32, _entries: Ptr<u8>, _old: usize, to: Ptr<usize>) -> Win32Error {
    set_entries(to)
}

/// The self-relative descriptor that every object has: the user owns it, everyone may do everything.
fn default_descriptor() -> Vec<u8> {
    let (owner, group, dacl) = (sid(USER_SID), sid(GROUPS[0].0), everyone_acl());
    let mut out = vec![0u8; 20];
    out[0] = 1;
    out[2..4].copy_from_slice(&(SELF_RELATIVE | 4).to_le_bytes());
    for (slot, bytes) in [(16, dacl), (4, owner), (8, group)] {
        let at = out.len() as u32;
        out[slot..slot + 4].copy_from_slice(&at.to_le_bytes());
        out.extend(bytes);
    }
    out
}

fn security_info(owner: Ptr<usize>, group: Ptr<usize>, dacl: Ptr<usize>, sacl: Ptr<usize>, sd: Ptr<usize>) -> Win32Error {
    status(|| {
        let bytes = default_descriptor();
        let block = guest_alloc(bytes.len())?;
        block.write_slice(&bytes)?;
        owner.write_opt(part(block, 0)?)?;
        group.write_opt(part(block, 1)?)?;
        sacl.write_opt(0)?;
        dacl.write_opt(part(block, 3)?)?;
        Ok(sd.write_opt(block.addr())?)
    })
}

/// An object's security.
#[export(advapi32, stub("the user owns all, everyone may do everything"))]
pub fn GetSecurityInfo(
    _handle: HANDLE,
    _kind: u32,
    _what: u32,
    owner: Ptr<usize>,
    group: Ptr<usize>,
    dacl: Ptr<usize>,
    sacl: Ptr<usize>,
    sd: Ptr<usize>,
) -> Win32Error {
    security_info(owner, group, dacl, sacl, sd)
}

/// An object's security.
#[export(advapi32, stub("the user owns all, everyone may do everything"))]
pub fn GetNamedSecurityInfoW(
    _name: PCWSTR,
    _kind: u32,
    _what: u32,
    owner: Ptr<usize>,
    group: Ptr<usize>,
    dacl: Ptr<usize>,
    sacl: Ptr<usize>,
    sd: Ptr<usize>,
) -> Win32Error {
    security_info(owner, group, dacl, sacl, sd)
}

fn give_descriptor(to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    let bytes = default_descriptor();
    needed.write_opt(bytes.len() as u32)?;
    if (size as usize) < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// A file's security.
#[export(advapi32, stub("the user owns all, everyone may do everything"))]
pub fn GetFileSecurityW(_name: PCWSTR, _what: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    give_descriptor(to, size, needed)
}

/// An object's security.
#[export(advapi32, stub("the user owns all, everyone may do everything"))]
pub fn GetKernelObjectSecurity(_handle: HANDLE, _what: u32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    give_descriptor(to, size, needed)
}

/// Whether a token may do something with an object.
#[export(advapi32, stub("everything is allowed"))]
pub fn AccessCheck(
    _sd: Ptr<u8>,
    _token: HANDLE,
    desired: u32,
    _mapping: Ptr<u8>,
    _set: Ptr<u8>,
    _set_size: Ptr<u32>,
    granted: Ptr<u32>,
    result: Ptr<u32>,
) -> Result<(), Win32Error> {
    granted.write(if desired & 0x0200_0000 != 0 { 0x001f_01ff } else { desired })?;
    Ok(result.write(1)?)
}

/// Replaces generic rights by an object type's own.
#[export(advapi32, full)]
pub fn MapGenericMask(mask: Ptr<u32>, mapping: Ptr<[u32; 4]>) {
    let (value, map) = (mask.get(), mapping.get());
    let mut out = value & 0x0fff_ffff;
    for (bit, rights) in [(31, map[0]), (30, map[1]), (29, map[2]), (28, map[3])] {
        if value >> bit & 1 != 0 {
            out |= rights;
        }
    }
    mask.set(out);
}

/// Text form (SDDL) to descriptor.
#[export(advapi32, stub("a descriptor that allows everyone everything"))]
pub fn ConvertStringSecurityDescriptorToSecurityDescriptorW(
    _text: PCWSTR,
    _revision: u32,
    to: Ptr<usize>,
    size: Ptr<u32>,
) -> Result<(), Win32Error> {
    let bytes = default_descriptor();
    let block = guest_alloc(bytes.len())?;
    block.write_slice(&bytes)?;
    size.write_opt(bytes.len() as u32)?;
    Ok(to.write(block.addr())?)
}

/// Rights that an entry of a list gives.
#[export(advapi32, stub("everything is allowed"))]
pub fn GetEffectiveRightsFromAclW(_acl: Ptr<u8>, _trustee: Ptr<u8>, mask: Ptr<u32>) -> Win32Error {
    status(|| Ok(mask.write(0x001f_01ff)?))
}

/// A unique number of this machine.
#[export(advapi32, full)]
pub fn AllocateLocallyUniqueId(luid: Ptr<u64>) -> Result<(), Win32Error> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0x1_0000);
    Ok(luid.write(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_as_text() {
        for text in [USER_SID, "S-1-5-32-544", "S-1-1-0"] {
            assert_eq!(sid_text(&parse_sid(text).unwrap()), text);
        }
        assert_eq!(parse_sid("S-1-5-18").unwrap(), [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
        assert!(parse_sid("X-1").is_none());
    }
}
