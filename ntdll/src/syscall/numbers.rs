//! The numbers of NT system calls.
//!
//! Microsoft documents none and changes them between versions; programs read them out of ntdll's stubs or carry a table
//! for the version that they find. Those up to 0x62 are Windows 10's, which have not changed since its first release (as
//! listed in <https://github.com/j00ru/windows-syscalls>); the others are ours, in the order in which they came.

/// Windows 10's, from 0 on. Not all are implemented.
const WINDOWS: &[&str] = &[
    "NtAccessCheck",
    "NtWorkerFactoryWorkerReady",
    "NtAcceptConnectPort",
    "NtMapUserPhysicalPagesScatter",
    "NtWaitForSingleObject",
    "NtCallbackReturn",
    "NtReadFile",
    "NtDeviceIoControlFile",
    "NtWriteFile",
    "NtRemoveIoCompletion",
    "NtReleaseSemaphore",
    "NtReplyWaitReceivePort",
    "NtReplyPort",
    "NtSetInformationThread",
    "NtSetEvent",
    "NtClose",
    "NtQueryObject",
    "NtQueryInformationFile",
    "NtOpenKey",
    "NtEnumerateValueKey",
    "NtFindAtom",
    "NtQueryDefaultLocale",
    "NtQueryKey",
    "NtQueryValueKey",
    "NtAllocateVirtualMemory",
    "NtQueryInformationProcess",
    "NtWaitForMultipleObjects32",
    "NtWriteFileGather",
    "NtSetInformationProcess",
    "NtCreateKey",
    "NtFreeVirtualMemory",
    "NtImpersonateClientOfPort",
    "NtReleaseMutant",
    "NtQueryInformationToken",
    "NtRequestWaitReplyPort",
    "NtQueryVirtualMemory",
    "NtOpenThreadToken",
    "NtQueryInformationThread",
    "NtOpenProcess",
    "NtSetInformationFile",
    "NtMapViewOfSection",
    "NtAccessCheckAndAuditAlarm",
    "NtUnmapViewOfSection",
    "NtReplyWaitReceivePortEx",
    "NtTerminateProcess",
    "NtSetEventBoostPriority",
    "NtReadFileScatter",
    "NtOpenThreadTokenEx",
    "NtOpenProcessTokenEx",
    "NtQueryPerformanceCounter",
    "NtEnumerateKey",
    "NtOpenFile",
    "NtDelayExecution",
    "NtQueryDirectoryFile",
    "NtQuerySystemInformation",
    "NtOpenSection",
    "NtQueryTimer",
    "NtFsControlFile",
    "NtWriteVirtualMemory",
    "NtCloseObjectAuditAlarm",
    "NtDuplicateObject",
    "NtQueryAttributesFile",
    "NtClearEvent",
    "NtReadVirtualMemory",
    "NtOpenEvent",
    "NtAdjustPrivilegesToken",
    "NtDuplicateToken",
    "NtContinue",
    "NtQueryDefaultUILanguage",
    "NtQueueApcThread",
    "NtYieldExecution",
    "NtAddAtom",
    "NtCreateEvent",
    "NtQueryVolumeInformationFile",
    "NtCreateSection",
    "NtFlushBuffersFile",
    "NtApphelpCacheControl",
    "NtCreateProcessEx",
    "NtCreateThread",
    "NtIsProcessInJob",
    "NtProtectVirtualMemory",
    "NtQuerySection",
    "NtResumeThread",
    "NtTerminateThread",
    "NtReadRequestData",
    "NtCreateFile",
    "NtQueryEvent",
    "NtWriteRequestData",
    "NtOpenDirectoryObject",
    "NtAccessCheckByTypeAndAuditAlarm",
    "NtQuerySystemTime",
    "NtWaitForMultipleObjects",
    "NtSetInformationObject",
    "NtCancelIoFile",
    "NtTraceEvent",
    "NtPowerInformation",
    "NtSetValueKey",
    "NtCancelTimer",
    "NtSetTimer",
];

/// The first of our own. A new one goes to the end of the list.
const FIRST: u32 = 0x800;
const OURS: &[&str] = &[
    "NtCancelIoFileEx",
    "NtCreateThreadEx",
    "NtDeleteFile",
    "NtDeleteKey",
    "NtDeleteValueKey",
    "NtFlushKey",
    "NtGetContextThread",
    "NtLoadKey",
    "NtLoadKeyEx",
    "NtLockFile",
    "NtNotifyChangeKey",
    "NtOpenKeyEx",
    "NtOpenThread",
    "NtQueryFullAttributesFile",
    "NtQueryTimerResolution",
    "NtRaiseException",
    "NtResetEvent",
    "NtSetContextThread",
    "NtSetInformationVirtualMemory",
    "NtSetTimerResolution",
    "NtSuspendThread",
    "NtUnlockFile",
    "NtAllocateVirtualMemoryEx",
    "NtGetWriteWatch",
    "NtMapViewOfSectionEx",
    "NtResetWriteWatch",
    "NtUnmapViewOfSectionEx",
    "NtAlertResumeThread",
    "NtAlertThread",
    "NtAlertThreadByThreadId",
    "NtCancelSynchronousIoFile",
    "NtCreateKeyedEvent",
    "NtCreateMutant",
    "NtCreateNamedPipeFile",
    "NtCreateSemaphore",
    "NtCreateTimer",
    "NtNotifyChangeDirectoryFile",
    "NtOpenKeyedEvent",
    "NtOpenMutant",
    "NtOpenSemaphore",
    "NtOpenTimer",
    "NtPulseEvent",
    "NtQueryMutant",
    "NtQuerySemaphore",
    "NtReleaseKeyedEvent",
    "NtSignalAndWaitForSingleObject",
    "NtTestAlert",
    "NtWaitForAlertByThreadId",
    "NtWaitForKeyedEvent",
];

/// The number of a function. `Zw*` is another name of `Nt*`.
pub fn number(name: &str) -> Option<u32> {
    let same = |other: &&str| name.get(2..) == other.get(2..) && (name.starts_with("Nt") || name.starts_with("Zw"));
    let at = |list: &[&str]| list.iter().position(same).map(|at| at as u32);
    at(WINDOWS).or_else(|| Some(at(OURS)? + FIRST))
}

/// How many numbers there are, and the place of one among them.
pub const COUNT: usize = WINDOWS.len() + OURS.len();

pub fn place(number: u32) -> Option<usize> {
    let number = number as usize;
    match number.checked_sub(FIRST as usize) {
        None => (number < WINDOWS.len()).then_some(number),
        Some(ours) => (ours < OURS.len()).then_some(WINDOWS.len() + ours),
    }
}

/// The name of a number's function.
pub fn name(number: u32) -> Option<&'static str> {
    let at = |list: &[&'static str], first: u32| list.get(number.checked_sub(first)? as usize).copied();
    at(WINDOWS, 0).or_else(|| at(OURS, FIRST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_windows_has_them() {
        for (call, expected) in [
            // Rows of the published table, and through them those between.
            ("NtAccessCheck", 0x00),
            ("NtAcceptConnectPort", 0x02),
            ("NtCallbackReturn", 0x05),
            ("NtClose", 0x0f),
            ("ZwClose", 0x0f),
            ("NtAllocateVirtualMemory", 0x18),
            ("NtAccessCheckAndAuditAlarm", 0x29),
            ("NtCloseObjectAuditAlarm", 0x3b),
            ("NtClearEvent", 0x3e),
            ("NtAdjustPrivilegesToken", 0x41),
            ("NtContinue", 0x43),
            ("NtAddAtom", 0x47),
            ("NtCreateEvent", 0x48),
            ("NtApphelpCacheControl", 0x4c),
            ("NtCreateFile", 0x55),
            ("NtAccessCheckByTypeAndAuditAlarm", 0x59),
            ("NtCancelIoFile", 0x5d),
            ("NtCancelTimer", 0x61),
        ] {
            assert_eq!(number(call), Some(expected), "{call}");
        }
        assert_eq!((number("NtNoSuchCall"), number(""), name(0x7ff), name(u32::MAX)), (None, None, None, None));
    }

    #[test]
    fn every_export_has_one() {
        let ntdll = abi::dll::find("ntdll.dll").expect("it is builtin");
        for export in ntdll.rows().iter().filter(|export| export.name().starts_with("Nt")) {
            let number = number(export.name()).unwrap_or_else(|| panic!("{} has no number; it goes to the end of OURS", export.name()));
            assert_eq!(name(number), Some(export.name()));
        }
    }
}
