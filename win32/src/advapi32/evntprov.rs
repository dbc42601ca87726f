//! evntprov.h and evntrace.h: event tracing. Nobody listens here, which is a normal state on Windows too.

use abi::{Ptr, Win32Error, export};

/// Registers a provider; nobody will ever enable it.
#[export(advapi32 + ntdll, full)]
pub fn EventRegister(_provider: Ptr<u8>, _callback: usize, _context: usize, handle: Ptr<u64>) -> u32 {
    if handle.write(1).is_err() { Win32Error::INVALID_PARAMETER.0 } else { 0 }
}

constants! { advapi32, "nobody listens to events":
    EventUnregister = 0;
    EventWrite = 0;
    EventWriteEx = 0;
    EventWriteString = 0;
    EventWriteTransfer = 0;
    EventSetInformation = 0;
    EventEnabled = 0;
    EventProviderEnabled = 0;
    EventActivityIdControl = 0;
    TraceEvent = 0;
    TraceMessage = 0;
    UnregisterTraceGuids = 0;
    RegisterTraceGuidsW = 0;
    RegisterTraceGuidsA = 0;
    GetTraceEnableFlags = 0;
    GetTraceEnableLevel = 0;
    CloseTrace = 0;
}
constants! { advapi32, "fails: needs a privilege (ERROR_ACCESS_DENIED)": StartTraceW = 5; StartTraceA = 5; ControlTraceW = 5; ControlTraceA = 5; EnableTrace = 5; EnableTraceEx = 5; EnableTraceEx2 = 5; QueryAllTracesW = 5; ProcessTrace = 5; }
constants! { advapi32, "fails: INVALID_PROCESSTRACE_HANDLE": OpenTraceW = usize::MAX; OpenTraceA = usize::MAX; }
failing! { advapi32, "no session is the caller's", 6: GetTraceLoggerHandle }

constants! { advapi32, "events are dropped":
    RegisterEventSourceW = 0x7e7e;
    RegisterEventSourceA = 0x7e7e;
    DeregisterEventSource = 1;
    ReportEventW = 1;
    ReportEventA = 1;
    CloseEventLog = 1;
}
failing! { advapi32, "there is no event log", 2: OpenEventLogW OpenEventLogA ReadEventLogW GetNumberOfEventLogRecords }
