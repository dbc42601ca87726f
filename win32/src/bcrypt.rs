//! bcrypt.dll, bcryptprimitives.dll and ncrypt.dll.
//! <https://learn.microsoft.com/windows/win32/api/bcrypt/>

use abi::{HANDLE, NTSTATUS, PCWSTR, PVOID, Ptr, export};
use hmac::{Hmac, KeyInit, Mac};
use ntdll::object::{self, Object};
use parking_lot::Mutex;
use sha2::Digest as _;
use std::sync::Arc;

/// A hash or HMAC on its way.
#[derive(Clone)]
pub enum Digest {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    HmacMd5(Hmac<md5::Md5>),
    HmacSha1(Hmac<sha1::Sha1>),
    HmacSha256(Hmac<sha2::Sha256>),
    HmacSha384(Hmac<sha2::Sha384>),
    HmacSha512(Hmac<sha2::Sha512>),
}

macro_rules! each {
    ($self:expr, $hash:ident => $plain:expr, $keyed:expr) => {
        match $self {
            Digest::Md5($hash) => $plain,
            Digest::Sha1($hash) => $plain,
            Digest::Sha256($hash) => $plain,
            Digest::Sha384($hash) => $plain,
            Digest::Sha512($hash) => $plain,
            Digest::HmacMd5($hash) => $keyed,
            Digest::HmacSha1($hash) => $keyed,
            Digest::HmacSha256($hash) => $keyed,
            Digest::HmacSha384($hash) => $keyed,
            Digest::HmacSha512($hash) => $keyed,
        }
    };
}

impl Digest {
    /// By CNG's name of the algorithm; with a key it is an HMAC.
    pub fn new(name: &str, key: &[u8]) -> Option<Digest> {
        let plain = key.is_empty();
        Some(match name {
            "MD5" if plain => Digest::Md5(md5::Md5::default()),
            "SHA1" if plain => Digest::Sha1(sha1::Sha1::default()),
            "SHA256" if plain => Digest::Sha256(sha2::Sha256::default()),
            "SHA384" if plain => Digest::Sha384(sha2::Sha384::default()),
            "SHA512" if plain => Digest::Sha512(sha2::Sha512::default()),
            _ => return Digest::keyed(name, key),
        })
    }

    /// An HMAC, whose key may be empty.
    pub fn keyed(name: &str, key: &[u8]) -> Option<Digest> {
        Some(match name {
            "MD5" => Digest::HmacMd5(Hmac::new_from_slice(key).ok()?),
            "SHA1" => Digest::HmacSha1(Hmac::new_from_slice(key).ok()?),
            "SHA256" => Digest::HmacSha256(Hmac::new_from_slice(key).ok()?),
            "SHA384" => Digest::HmacSha384(Hmac::new_from_slice(key).ok()?),
            "SHA512" => Digest::HmacSha512(Hmac::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    pub fn update(&mut self, data: &[u8]) {
        each!(self, hash => sha2::Digest::update(hash, data), Mac::update(hash, data));
    }

    /// The value of what was added so far.
    pub fn value(&self) -> Vec<u8> {
        each!(self.clone(), hash => hash.finalize().to_vec(), hash.finalize().into_bytes().to_vec())
    }

    pub fn size(&self) -> usize {
        self.value().len()
    }
}

struct Algorithm {
    name: String,
    hmac: bool,
}
impl Object for Algorithm {
    fn type_name(&self) -> &'static str {
        "BCryptAlgorithm"
    }
}

struct Hash {
    digest: Mutex<Digest>,
    fresh: Digest,
}
impl Object for Hash {
    fn type_name(&self) -> &'static str {
        "BCryptHash"
    }
}

fn random(to: PVOID, size: usize) -> Result<(), NTSTATUS> {
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
#[export(bcrypt, full)]
pub fn BCryptGenRandom(algorithm: HANDLE, to: PVOID, size: u32, flags: u32) -> Result<(), NTSTATUS> {
    if algorithm.is_null() && flags & 2 == 0 {
        return Err(NTSTATUS::INVALID_HANDLE);
    }
    random(to, size as usize)
}

/// Opens an algorithm.
#[export(bcrypt, partial("random numbers, MD5, SHA-1, SHA-2 and their HMACs, PBKDF2"))]
pub fn BCryptOpenAlgorithmProvider(to: Ptr<HANDLE>, name: PCWSTR, _implementation: PCWSTR, flags: u32) -> Result<(), NTSTATUS> {
    let name = abi::wide::display(&name.read_wide()?).to_uppercase();
    if !matches!(&*name, "RNG" | "MD5" | "SHA1" | "SHA256" | "SHA384" | "SHA512" | "PBKDF2") {
        return Err(NTSTATUS::NOT_FOUND);
    }
    Ok(to.write(object::insert(Arc::new(Algorithm { name, hmac: flags & 8 != 0 }), 0))?)
}

/// Closes an algorithm.
#[export(bcrypt, full)]
pub fn BCryptCloseAlgorithmProvider(algorithm: HANDLE, _flags: u32) -> Result<(), NTSTATUS> {
    object::get::<Algorithm>(algorithm, 0).map_err(|_| NTSTATUS::INVALID_HANDLE)?;
    object::close(algorithm)
}

/// The pseudo handles of Windows 10: BCRYPT_SHA256_ALG_HANDLE and so on.
fn algorithm(handle: HANDLE) -> Result<(String, bool), NTSTATUS> {
    let pseudo = match handle.0 {
        0x21 => ("MD5", false),
        0x31 => ("SHA1", false),
        0x41 => ("SHA256", false),
        0x51 => ("SHA384", false),
        0x61 => ("SHA512", false),
        0x91 => ("MD5", true),
        0xa1 => ("SHA1", true),
        0xb1 => ("SHA256", true),
        0xc1 => ("SHA384", true),
        0xd1 => ("SHA512", true),
        _ => {
            let algorithm = object::get::<Algorithm>(handle, 0).map_err(|_| NTSTATUS::INVALID_HANDLE)?;
            return Ok((algorithm.name.clone(), algorithm.hmac));
        }
    };
    Ok((pseudo.0.to_string(), pseudo.1))
}

fn digest(handle: HANDLE, key: PVOID, key_size: u32) -> Result<Digest, NTSTATUS> {
    let (name, hmac) = algorithm(handle)?;
    let key = if key.is_null() { Vec::new() } else { key.read_vec(key_size as usize)? };
    let digest = if hmac { Digest::keyed(&name, &key) } else { Digest::new(&name, &[]) };
    digest.ok_or(NTSTATUS::NOT_SUPPORTED)
}

/// Begins a hash.
#[export(bcrypt, full)]
pub fn BCryptCreateHash(
    algorithm: HANDLE,
    to: Ptr<HANDLE>,
    _object: PVOID,
    _object_size: u32,
    key: PVOID,
    key_size: u32,
    _flags: u32,
) -> Result<(), NTSTATUS> {
    let fresh = digest(algorithm, key, key_size)?;
    Ok(to.write(object::insert(Arc::new(Hash { digest: Mutex::new(fresh.clone()), fresh }), 0))?)
}

/// Adds data to a hash.
#[export(bcrypt, full)]
pub fn BCryptHashData(hash: HANDLE, data: PVOID, size: u32, _flags: u32) -> Result<(), NTSTATUS> {
    let hash = object::get::<Hash>(hash, 0)?;
    let data = data.read_vec(size as usize)?;
    hash.digest.lock().update(&data);
    Ok(())
}

/// Ends a hash and gives its value; it begins anew.
#[export(bcrypt, full)]
pub fn BCryptFinishHash(hash: HANDLE, to: PVOID, size: u32, _flags: u32) -> Result<(), NTSTATUS> {
    let hash = object::get::<Hash>(hash, 0)?;
    let value = hash.digest.lock().value();
    if size as usize != value.len() {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    *hash.digest.lock() = hash.fresh.clone();
    Ok(to.write_slice(&value)?)
}

/// Copies a hash.
#[export(bcrypt, full)]
pub fn BCryptDuplicateHash(hash: HANDLE, to: Ptr<HANDLE>, _object: PVOID, _size: u32, _flags: u32) -> Result<(), NTSTATUS> {
    let hash = object::get::<Hash>(hash, 0)?;
    let digest = Mutex::new(hash.digest.lock().clone());
    Ok(to.write(object::insert(Arc::new(Hash { digest, fresh: hash.fresh.clone() }), 0))?)
}

/// Frees a hash.
#[export(bcrypt, full)]
pub fn BCryptDestroyHash(hash: HANDLE) -> Result<(), NTSTATUS> {
    object::get::<Hash>(hash, 0)?;
    object::close(hash)
}

/// Hash of one block of data.
#[export(bcrypt, full)]
pub fn BCryptHash(algorithm: HANDLE, key: PVOID, key_size: u32, data: PVOID, data_size: u32, to: PVOID, size: u32) -> Result<(), NTSTATUS> {
    let mut digest = digest(algorithm, key, key_size)?;
    digest.update(&data.read_vec(data_size as usize)?);
    let value = digest.value();
    if size as usize != value.len() {
        return Err(NTSTATUS::INVALID_PARAMETER);
    }
    Ok(to.write_slice(&value)?)
}

/// Facts about an algorithm or hash.
#[export(bcrypt, partial("lengths and name"))]
pub fn BCryptGetProperty(object: HANDLE, name: PCWSTR, to: PVOID, size: u32, got: Ptr<u32>, _flags: u32) -> Result<(), NTSTATUS> {
    let name = abi::wide::display(&name.read_wide()?);
    let digest = match object::get::<Hash>(object, 0) {
        Ok(hash) => hash.fresh.clone(),
        Err(_) => {
            let (name, _) = algorithm(object)?;
            Digest::new(&name, &[]).ok_or(NTSTATUS::NOT_SUPPORTED)?
        }
    };
    let value = match &*name {
        "HashDigestLength" => digest.size() as u32,
        "HashBlockLength" => {
            if digest.size() > 32 {
                128
            } else {
                64
            }
        }
        "ObjectLength" => 512,
        _ => return Err(NTSTATUS::NOT_SUPPORTED),
    };
    got.write(4)?;
    if to.is_null() {
        return Ok(());
    }
    if size < 4 {
        return Err(NTSTATUS::BUFFER_TOO_SMALL);
    }
    Ok(to.cast::<u32>().write(value)?)
}

/// Sets a property.
#[export(bcrypt, stub("says that it was done"))]
pub fn BCryptSetProperty(_object: HANDLE, _name: PCWSTR, _value: PVOID, _size: u32, _flags: u32) -> u32 {
    0
}

/// Key from a password. <https://www.rfc-editor.org/rfc/rfc8018#section-5.2>
#[export(bcrypt, full)]
pub fn BCryptDeriveKeyPBKDF2(
    algorithm: HANDLE,
    password: PVOID,
    password_size: u32,
    salt: PVOID,
    salt_size: u32,
    rounds: u64,
    to: PVOID,
    size: u32,
    _flags: u32,
) -> Result<(), NTSTATUS> {
    let prf = digest(algorithm, password, password_size)?;
    let (password, salt) = (password.read_vec(password_size as usize)?, salt.read_vec(salt_size as usize)?);
    let _ = password;
    let mut out = Vec::with_capacity(size as usize);
    for block in 1u32.. {
        if out.len() >= size as usize {
            break;
        }
        let mut step = prf.clone();
        step.update(&salt);
        step.update(&block.to_be_bytes());
        let mut u = step.value();
        let mut t = u.clone();
        for _ in 1..rounds {
            let mut step = prf.clone();
            step.update(&u);
            u = step.value();
            t.iter_mut().zip(&u).for_each(|(t, u)| *t ^= u);
        }
        out.extend(t);
    }
    Ok(to.write_slice(&out[..size as usize])?)
}

constants! { bcrypt, "fails: ciphers and keys are not there (STATUS_NOT_SUPPORTED)":
    BCryptGenerateSymmetricKey = 0xc000_00bbu32; BCryptEncrypt = 0xc000_00bbu32; BCryptDecrypt = 0xc000_00bbu32;
    BCryptDestroyKey = 0xc000_00bbu32; BCryptImportKey = 0xc000_00bbu32; BCryptExportKey = 0xc000_00bbu32;
    BCryptImportKeyPair = 0xc000_00bbu32; BCryptGenerateKeyPair = 0xc000_00bbu32; BCryptFinalizeKeyPair = 0xc000_00bbu32;
    BCryptSignHash = 0xc000_00bbu32; BCryptVerifySignature = 0xc000_00bbu32; BCryptSecretAgreement = 0xc000_00bbu32;
    BCryptDeriveKey = 0xc000_00bbu32; BCryptDestroySecret = 0xc000_00bbu32; BCryptKeyDerivation = 0xc000_00bbu32;
    BCryptEnumAlgorithms = 0xc000_00bbu32; BCryptEnumContextFunctions = 0xc000_00bbu32;
}
constants! { bcrypt, "no mode is set": BCryptGetFipsAlgorithmMode = 0xc000_00bbu32; BCryptFreeBuffer = 0; }
constants! { ncrypt, "fails: no key store (NTE_NOT_SUPPORTED)":
    NCryptOpenStorageProvider = 0x8009_0029u32; NCryptOpenKey = 0x8009_0029u32; NCryptFreeObject = 0; NCryptSignHash = 0x8009_0029u32;
    NCryptGetProperty = 0x8009_0029u32; NCryptDecrypt = 0x8009_0029u32; NCryptExportKey = 0x8009_0029u32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut digest = Digest::new("SHA256", &[]).unwrap();
        digest.update(b"abc");
        assert_eq!(hex(digest.value()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let mut digest = Digest::keyed("MD5", b"Jefe").unwrap();
        digest.update(b"what do ya want for nothing?");
        assert_eq!(hex(digest.value()), "750c783e6ab0b503eaa86e310a5db738");
    }
}
