//! wincrypt.h's oldest part: providers, hashes, random numbers.

use crate::bcrypt::Digest;
use abi::{HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::object::{self, Object};
use parking_lot::Mutex;
use std::sync::Arc;

struct Provider;
impl Object for Provider {
    fn type_name(&self) -> &'static str {
        "CryptProvider"
    }
}

struct Hash {
    kind: u32,
    digest: Mutex<Digest>,
}
impl Object for Hash {
    fn type_name(&self) -> &'static str {
        "CryptHash"
    }
}

/// Opens a provider.
#[export(advapi32, partial("hashes and random numbers only; no key containers"))]
pub fn CryptAcquireContextW(to: Ptr<HANDLE>, _container: PCWSTR, _provider: PCWSTR, _kind: u32, _flags: u32) -> Result<(), Win32Error> {
    Ok(to.write(object::insert(Arc::new(Provider), 0))?)
}

/// Opens a provider.
#[export(advapi32, partial("hashes and random numbers only; no key containers"))]
pub fn CryptAcquireContextA(to: Ptr<HANDLE>, _container: PCSTR, _provider: PCSTR, _kind: u32, _flags: u32) -> Result<(), Win32Error> {
    Ok(to.write(object::insert(Arc::new(Provider), 0))?)
}

/// Closes a provider.
#[export(advapi32, full)]
pub fn CryptReleaseContext(provider: HANDLE, _flags: u32) -> Result<(), Win32Error> {
    object::get::<Provider>(provider, 0).map_err(|_| Win32Error::INVALID_PARAMETER)?;
    Ok(object::close(provider)?)
}

fn fill(to: Ptr<u8>, size: usize) -> Result<(), Win32Error> {
    let mut bytes = vec![0u8; size.min(1 << 16)];
    let mut done = 0;
    while done < size {
        let part = bytes.len().min(size - done);
        host::process::random(&mut bytes[..part]);
        to.add(done).write_slice(&bytes[..part])?;
        done += part;
    }
    Ok(())
}

/// Random bytes.
#[export(advapi32, full)]
pub fn CryptGenRandom(_provider: HANDLE, size: u32, to: Ptr<u8>) -> Result<(), Win32Error> {
    fill(to, size as usize)
}

/// Random bytes: RtlGenRandom.
#[export(advapi32 + cryptbase, full, name = "SystemFunction036")]
pub fn RtlGenRandom(to: Ptr<u8>, size: u32) -> bool {
    fill(to, size as usize).is_ok()
}

/// Begins a hash.
#[export(advapi32, partial("MD5, SHA-1 and SHA-2"))]
pub fn CryptCreateHash(_provider: HANDLE, kind: u32, key: HANDLE, _flags: u32, to: Ptr<HANDLE>) -> Result<(), Win32Error> {
    // ALG_ID
    let name = match kind {
        0x8003 => "MD5",
        0x8004 => "SHA1",
        0x800c => "SHA256",
        0x800d => "SHA384",
        0x800e => "SHA512",
        _ => return Err(Win32Error(0x8009_0008)),
    };
    if !key.is_null() {
        return Err(Win32Error(0x8009_0003));
    }
    let digest = Mutex::new(Digest::new(name, &[]).ok_or(Win32Error(0x8009_0008))?);
    Ok(to.write(object::insert(Arc::new(Hash { kind, digest }), 0))?)
}

/// Adds data to a hash.
#[export(advapi32, full)]
pub fn CryptHashData(hash: HANDLE, data: Ptr<u8>, size: u32, _flags: u32) -> Result<(), Win32Error> {
    let hash = object::get::<Hash>(hash, 0)?;
    let data = data.read_vec(size as usize)?;
    hash.digest.lock().update(&data);
    Ok(())
}

/// The hash's algorithm (1), size (4) or value (2).
#[export(advapi32, full)]
pub fn CryptGetHashParam(hash: HANDLE, what: u32, to: Ptr<u8>, size: Ptr<u32>, _flags: u32) -> Result<(), Win32Error> {
    let hash = object::get::<Hash>(hash, 0)?;
    let bytes = match what {
        1 => hash.kind.to_le_bytes().to_vec(),
        4 => (hash.digest.lock().size() as u32).to_le_bytes().to_vec(),
        2 => hash.digest.lock().value(),
        _ => return Err(Win32Error(0x8009_000a)),
    };
    let capacity = size.read()? as usize;
    size.write(bytes.len() as u32)?;
    if to.is_null() {
        return Ok(());
    }
    if capacity < bytes.len() {
        return Err(Win32Error::MORE_DATA);
    }
    Ok(to.write_slice(&bytes)?)
}

/// Frees a hash.
#[export(advapi32, full)]
pub fn CryptDestroyHash(hash: HANDLE) -> Result<(), Win32Error> {
    object::get::<Hash>(hash, 0)?;
    Ok(object::close(hash)?)
}

failing! { advapi32, "fails: there are no keys (NTE_BAD_KEY)", 0x8009_0003u32:
CryptDecrypt CryptEncrypt CryptDestroyKey CryptExportKey CryptImportKey CryptGetUserKey CryptSignHashW CryptSignHashA CryptGenKey
CryptDeriveKey CryptSetKeyParam CryptGetKeyParam CryptVerifySignatureW CryptDuplicateKey CryptSetHashParam CryptDuplicateHash }
failing! { advapi32, "fails: there is no more (ERROR_NO_MORE_ITEMS)", 259: CryptEnumProvidersW CryptEnumProvidersA CryptGetProvParam CryptSetProvParam }
