//! Small DLLs: winmm, userenv, rpcrt4, powrprof, secur32, shlwapi, shell32's folders and others.

use crate::com::{guid_text, new_guid, parse_guid};
use crate::{guest_alloc, guest_free, guest_text};
use abi::wide::wide;
use abi::{HANDLE, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use kernel32::nls::{give_sized, wide_to_ansi};

// ---- winmm

constants! { winmm, "the clock is always fine": timeKillEvent = 0; }
constants! { winmm, "no devices": waveOutGetNumDevs = 0; waveInGetNumDevs = 0; midiOutGetNumDevs = 0; mixerGetNumDevs = 0; joyGetNumDevs = 0; auxGetNumDevs = 0; PlaySoundW = 0; PlaySoundA = 0; sndPlaySoundW = 0; timeSetEvent = 0; }
constants! { winmm, "no such device (MMSYSERR_BADDEVICEID)": waveInOpen = 2; waveOutOpen = 2; waveInClose = 2; waveOutClose = 2; waveInStart = 2; waveInReset = 2; waveOutReset = 2; waveOutWrite = 2; waveInAddBuffer = 2; waveInGetDevCapsW = 2; waveOutGetDevCapsW = 2; waveInPrepareHeader = 2; waveOutPrepareHeader = 2; waveInUnprepareHeader = 2; waveOutUnprepareHeader = 2; waveOutGetErrorTextW = 2; }

// ---- userenv

fn profile() -> Vec<u16> {
    ntdll::process::variable(&wide("USERPROFILE")).unwrap_or_else(|| wide(r"C:\Users\Public"))
}

/// The user's folder.
#[export(userenv, full)]
pub fn GetUserProfileDirectoryW(_token: HANDLE, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let path = profile();
    give_sized(to, size, &path, 0, Win32Error::INSUFFICIENT_BUFFER)?;
    Ok(size.write(path.len() as u32 + 1)?)
}

/// The user's folder.
#[export(userenv, full)]
pub fn GetUserProfileDirectoryA(_token: HANDLE, to: PSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let path = wide_to_ansi(&profile());
    give_sized(to, size, &path, 0, Win32Error::INSUFFICIENT_BUFFER)?;
    Ok(size.write(path.len() as u32 + 1)?)
}

/// The folder of all users' folders.
#[export(userenv, full)]
pub fn GetProfilesDirectoryW(to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    give_sized(to, size, &wide(r"C:\Users"), 0, Win32Error::INSUFFICIENT_BUFFER)
}

/// A user's environment: this process's.
#[export(userenv, partial("this process's own"))]
pub fn CreateEnvironmentBlock(to: Ptr<usize>, _token: HANDLE, _inherit: i32) -> Result<(), Win32Error> {
    let block = ntdll::process::environment_block();
    let memory = guest_alloc(block.len() * 2 + 4)?;
    memory.cast::<u16>().write_slice(&block)?;
    Ok(to.write(memory.addr())?)
}

/// Frees an environment.
#[export(userenv, full)]
pub fn DestroyEnvironmentBlock(block: Ptr<u8>) -> abi::BOOL {
    guest_free(block);
    abi::BOOL(true)
}

// ---- shell32

constants! { shell32, "nothing is opened (SE_ERR_NOASSOC)": ShellExecuteW = 31; ShellExecuteA = 31; }
failing! { shell32, "fails: nothing is opened", 1155: ShellExecuteExW ShellExecuteExA }
constants! { shell32, "fails (E_NOTIMPL)": SHCreateItemFromParsingName = 0x8000_4001u32; SHGetMalloc = 0x8000_4001u32; SHGetDesktopFolder = 0x8000_4001u32; SHParseDisplayName = 0x8000_4001u32; }
constants! { shell32, "there is no desktop": DragAcceptFiles = 0; DragFinish = 0; DragQueryFileW = 0; ExtractIconExW = 0; SHChangeNotify = 0; SHGetFileInfoW = 0; Shell_NotifyIconW = 0; SetCurrentProcessExplicitAppUserModelID = 0; IsUserAnAdmin = 0; }

// ---- rpcrt4

/// A new identifier.
#[export(rpcrt4, full)]
pub fn UuidCreate(to: Ptr<[u8; 16]>) -> u32 {
    to.write(new_guid()).map_or(87, |()| 0)
}

/// A new identifier; RPC_S_UUID_LOCAL_ONLY, since it does not tell a network card.
#[export(rpcrt4, full)]
pub fn UuidCreateSequential(to: Ptr<[u8; 16]>) -> u32 {
    to.write(new_guid()).map_or(87, |()| 1824)
}

/// Identifier to text that the caller frees.
#[export(rpcrt4, full)]
pub fn UuidToStringW(id: Ptr<[u8; 16]>, to: Ptr<PWSTR>) -> u32 {
    let work = || -> Result<(), Win32Error> { Ok(to.write(guest_text(&wide(&guid_text(&id.read()?).to_lowercase()))?)?) };
    work().map_or(14, |()| 0)
}

/// Identifier to text that the caller frees.
#[export(rpcrt4, full)]
pub fn UuidToStringA(id: Ptr<[u8; 16]>, to: Ptr<PSTR>) -> u32 {
    let work = || -> Result<(), Win32Error> {
        let text = guid_text(&id.read()?).to_lowercase() + "\0";
        let block = guest_alloc(text.len())?;
        block.write_slice(text.as_bytes())?;
        Ok(to.write(block)?)
    };
    work().map_or(14, |()| 0)
}

/// Text to identifier; RPC_S_INVALID_STRING_UUID.
#[export(rpcrt4, full)]
pub fn UuidFromStringW(text: PCWSTR, to: Ptr<[u8; 16]>) -> u32 {
    let guid = text.read_wide().ok().and_then(|text| parse_guid(&abi::wide::display(&text)));
    guid.map_or(1705, |guid| to.write(guid).map_or(87, |()| 0))
}

fn free_text(text: Ptr<usize>) -> u32 {
    if let Ok(block) = text.read() {
        guest_free(Ptr::new(block));
        let _ = text.write(0);
    }
    0
}

/// Frees a text.
#[export(rpcrt4, full)]
pub fn RpcStringFreeW(text: Ptr<usize>) -> u32 {
    free_text(text)
}

/// Frees a text.
#[export(rpcrt4, full)]
pub fn RpcStringFreeA(text: Ptr<usize>) -> u32 {
    free_text(text)
}

// ---- the rest: nothing behind them

constants! { powrprof, "STATUS_NOT_SUPPORTED": CallNtPowerInformation = 0xc000_00bbu32; }
constants! { powrprof, "never suspends": PowerRegisterSuspendResumeNotification = 0; PowerUnregisterSuspendResumeNotification = 0; PowerGetActiveScheme = 2; }
constants! { iphlpapi, "no adapters are told (ERROR_NO_DATA)": GetAdaptersAddresses = 232; GetAdaptersInfo = 232; GetIfTable = 232; GetIfTable2 = 232; GetIpAddrTable = 232; GetNetworkParams = 50; GetUnicastIpAddressTable = 1168; GetBestRoute2 = 1168; GetBestInterface = 1168; GetIfEntry2 = 2; GetExtendedTcpTable = 50; GetExtendedUdpTable = 50; GetTcpTable = 232; }
constants! { iphlpapi, "no adapters are told": if_nametoindex = 0; if_indextoname = 0; FreeMibTable = 0; NotifyIpInterfaceChange = 50; CancelMibChangeNotify2 = 0; ConvertInterfaceIndexToLuid = 2; ConvertInterfaceLuidToNameW = 2; ConvertInterfaceNameToLuidW = 123; ConvertLengthToIpv4Mask = 87; NotifyAddrChange = 50; }
constants! { rstrtmgr, "fails (ERROR_NOT_SUPPORTED)": RmStartSession = 50; RmRegisterResources = 50; RmGetList = 50; RmEndSession = 50; }
constants! { secur32, "fails (SEC_E_SECPKG_NOT_FOUND)": AcquireCredentialsHandleA = 0x8009_0305u32; AcquireCredentialsHandleW = 0x8009_0305u32; InitializeSecurityContextA = 0x8009_0305u32; InitializeSecurityContextW = 0x8009_0305u32; AcceptSecurityContext = 0x8009_0305u32; QueryContextAttributesW = 0x8009_0305u32; QuerySecurityPackageInfoW = 0x8009_0305u32; QuerySecurityPackageInfoA = 0x8009_0305u32; EncryptMessage = 0x8009_0305u32; DecryptMessage = 0x8009_0305u32; ApplyControlToken = 0x8009_0305u32; CompleteAuthToken = 0x8009_0305u32; QuerySecurityContextToken = 0x8009_0305u32; EnumerateSecurityPackagesW = 0x8009_0305u32; }
constants! { secur32, "nothing to free": FreeCredentialsHandle = 0; DeleteSecurityContext = 0; FreeContextBuffer = 0; InitSecurityInterfaceA = 0; InitSecurityInterfaceW = 0; }
failing! { secur32, "fails: no domain", 1332: GetUserNameExW GetUserNameExA TranslateNameA TranslateNameW }
constants! { netapi32, "no network": NetShareEnum = 2114; NetShareAdd = 5; NetShareDel = 5; NetApiBufferFree = 0; NetUserGetInfo = 2221; NetWkstaGetInfo = 2138; NetGetJoinInformation = 2138; NetUserGetLocalGroups = 2221; NetServerGetInfo = 2114; }
constants! { mpr, "no network (ERROR_NO_NETWORK)": WNetGetUniversalNameW = 1222; WNetGetConnectionW = 1222; WNetOpenEnumW = 1222; WNetEnumResourceW = 1222; WNetCloseEnum = 0; WNetAddConnection2W = 1222; WNetGetConnectionA = 1222; }
constants! { pdh, "no counters (PDH_CSTATUS_NO_OBJECT)": PdhOpenQueryA = 0xc000_0bb8u32; PdhOpenQueryW = 0xc000_0bb8u32; PdhAddEnglishCounterW = 0xc000_0bb8u32; PdhCollectQueryData = 0xc000_0bb8u32; PdhGetFormattedCounterValue = 0xc000_0bb8u32; PdhRemoveCounter = 0; PdhCloseQuery = 0; }
constants! { dnsapi, "fails (DNS_ERROR_RCODE_NAME_ERROR)": DnsQuery_W = 9003; DnsQuery_A = 9003; DnsQuery_UTF8 = 9003; DnsFree = 0; DnsRecordListFree = 0; }
failing! { winhttp, "fails (ERROR_WINHTTP_INTERNAL_ERROR)", 12004: WinHttpOpen WinHttpConnect WinHttpOpenRequest WinHttpSendRequest WinHttpGetIEProxyConfigForCurrentUser WinHttpGetProxyForUrl WinHttpGetDefaultProxyConfiguration }
constants! { winhttp, "nothing to close": WinHttpCloseHandle = 1; }
failing! { setupapi, "there are no devices", 259: SetupDiEnumDeviceInfo SetupDiEnumDeviceInterfaces SetupDiGetDeviceRegistryPropertyW SetupDiGetDeviceRegistryPropertyA SetupDiGetDeviceInterfaceDetailW }
constants! { setupapi, "there are no devices": SetupDiGetClassDevsW = usize::MAX; SetupDiGetClassDevsA = usize::MAX; SetupDiDestroyDeviceInfoList = 1; }
failing! { authz, "fails: no authorization manager", 50: AuthzInitializeResourceManager AuthzInitializeContextFromToken AuthzInitializeContextFromSid AuthzAccessCheck }
constants! { authz, "nothing to free": AuthzFreeResourceManager = 1; AuthzFreeContext = 1; }
failing! { avicap32, "there is no camera", 1168: capCreateCaptureWindowA capGetDriverDescriptionA }
constants! { comctl32, "there are no windows": InitCommonControls = 0; InitCommonControlsEx = 1; }
constants! { wintrust, "nothing is trusted (TRUST_E_PROVIDER_UNKNOWN)": WinVerifyTrust = 0x800b_0001u32; }
constants! { dwmapi, "fails (E_NOTIMPL)": DwmIsCompositionEnabled = 0x8000_4001u32; DwmSetWindowAttribute = 0x8000_4001u32; }
constants! { shlwapi, "fails (E_NOTIMPL)": SHCreateStreamOnFileA = 0x8000_4001u32; SHCreateStreamOnFileW = 0x8000_4001u32; AssocQueryStringW = 0x8000_4001u32; SHCreateMemStream = 0; UrlIsW = 0; PathCreateFromUrlW = 0x8000_4001u32; }
