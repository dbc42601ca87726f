//! crypt32.dll: certificate stores, which are empty.

use abi::{HANDLE, PCSTR, PCWSTR, Ptr, Win32Error, export};
use ntdll::object::{self, Object};
use std::sync::Arc;

struct Store;
impl Object for Store {
    fn type_name(&self) -> &'static str {
        "CertStore"
    }
}

fn open() -> HANDLE {
    object::insert(Arc::new(Store), 0)
}

/// Opens a certificate store.
#[export(crypt32, partial("stores are empty"))]
pub fn CertOpenStore(_provider: usize, _encoding: u32, _old: usize, _flags: u32, _parameter: usize) -> HANDLE {
    open()
}

/// Opens a system certificate store.
#[export(crypt32, partial("stores are empty"))]
pub fn CertOpenSystemStoreW(_provider: usize, _name: PCWSTR) -> HANDLE {
    open()
}

/// Opens a system certificate store.
#[export(crypt32, partial("stores are empty"))]
pub fn CertOpenSystemStoreA(_provider: usize, _name: PCSTR) -> HANDLE {
    open()
}

/// Another reference to a store.
#[export(crypt32, full)]
pub fn CertDuplicateStore(store: HANDLE) -> Result<HANDLE, Win32Error> {
    Ok(object::duplicate(store, 0, false, 2)?)
}

/// Closes a certificate store.
#[export(crypt32, full)]
pub fn CertCloseStore(store: HANDLE, _flags: u32) -> Result<(), Win32Error> {
    if store.is_null() {
        return Ok(());
    }
    object::get::<Store>(store, 0)?;
    Ok(object::close(store)?)
}

/// Text to bytes.
#[export(crypt32, partial("Base64 and hexadecimal"))]
pub fn CryptStringToBinaryA(
    text: PCSTR,
    count: u32,
    kind: u32,
    to: Ptr<u8>,
    size: Ptr<u32>,
    skipped: Ptr<u32>,
    used: Ptr<u32>,
) -> Result<(), Win32Error> {
    let text = if count == 0 { text.read_bytes()? } else { text.read_vec(count as usize)? };
    convert(&text, kind, to, size, skipped, used)
}

/// Text to bytes.
#[export(crypt32, partial("Base64 and hexadecimal"))]
pub fn CryptStringToBinaryW(
    text: PCWSTR,
    count: u32,
    kind: u32,
    to: Ptr<u8>,
    size: Ptr<u32>,
    skipped: Ptr<u32>,
    used: Ptr<u32>,
) -> Result<(), Win32Error> {
    let text = if count == 0 { text.read_wide()? } else { text.read_vec(count as usize)? };
    let bytes: Vec<u8> = text.iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect();
    convert(&bytes, kind, to, size, skipped, used)
}

/// Base64 without its armour lines. <https://www.rfc-editor.org/rfc/rfc4648#section-4>
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' | b' ' | b'\r' | b'\n' | b'\t' | 0 => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

fn convert(text: &[u8], kind: u32, to: Ptr<u8>, size: Ptr<u32>, skipped: Ptr<u32>, used: Ptr<u32>) -> Result<(), Win32Error> {
    let body = || {
        let text = String::from_utf8_lossy(text).into_owned();
        let start = text.find("-----BEGIN")?;
        let body = text[start..].split_once("-----\n").or_else(|| text[start..].split_once("-----\r\n"))?.1.to_string();
        Some(body.split("-----END").next()?.as_bytes().to_vec())
    };
    let bytes = match kind & 0xff {
        0 => body().and_then(|body| base64(&body)),
        1 => base64(text),
        // Base64 of any kind, with or without armour.
        6 => body().and_then(|body| base64(&body)).or_else(|| base64(text)),
        4 | 12 => {
            let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_hexdigit).collect();
            digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
        }
        2 => Some(text.to_vec()),
        _ => None,
    };
    let bytes = bytes.ok_or(Win32Error::INVALID_DATA)?;
    skipped.write_opt(0)?;
    used.write_opt(kind)?;
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

failing! { crypt32, "nothing is found (CRYPT_E_NOT_FOUND)", 0x8009_2004u32:
CertEnumCertificatesInStore CertFindCertificateInStore CertGetCertificateContextProperty CertFindExtension CertEnumCRLsInStore
CertGetEnhancedKeyUsage CertGetCertificateChain CertEnumCTLsInStore CertGetIssuerCertificateFromStore CertFindChainInStore
CertGetNameStringA CertGetNameStringW }
failing! { crypt32, "fails: certificates are not handled", 50:
PFXImportCertStore PFXIsPFXBlob CertAddCertificateContextToStore CertAddEncodedCertificateToStore CertCreateCertificateContext
CertDeleteCertificateFromStore CertCreateCertificateChainEngine CertVerifyCertificateChainPolicy CryptDecodeObjectEx CryptDecodeObject
CryptEncodeObjectEx CryptQueryObject CertSetCertificateContextProperty CryptProtectData CryptUnprotectData CryptMsgOpenToDecode
CryptBinaryToStringA CryptBinaryToStringW CertDuplicateCertificateContext CertDuplicateCertificateChain CertAddStoreToCollection }
constants! { crypt32, "nothing to free": CertFreeCertificateContext = 1; CertFreeCRLContext = 1; CertFreeCTLContext = 1; CertFreeCertificateChain = 0; CertFreeCertificateChainEngine = 0; CertVerifyTimeValidity = 0; }
