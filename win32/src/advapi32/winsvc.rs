//! winsvc.h: services. There is no service manager; programs run as ordinary processes.

use abi::{BOOL, Win32Error, export};

/// Connects a service's process to the manager: fails as for a program that was started from a console.
#[export(advapi32, full)]
pub fn StartServiceCtrlDispatcherW() -> Result<BOOL, Win32Error> {
    // ERROR_FAILED_SERVICE_CONTROLLER_CONNECT
    Err(Win32Error(1063))
}

/// Connects a service's process to the manager: fails as for a program that was started from a console.
#[export(advapi32, full)]
pub fn StartServiceCtrlDispatcherA() -> Result<BOOL, Win32Error> {
    Err(Win32Error(1063))
}

failing! { advapi32, "fails: access to the service manager is denied", 5:
OpenSCManagerW OpenSCManagerA CreateServiceW CreateServiceA DeleteService }
failing! { advapi32, "fails: there is no service", 1060:
OpenServiceW OpenServiceA StartServiceW StartServiceA ControlService QueryServiceStatus QueryServiceStatusEx QueryServiceConfigW
QueryServiceConfigA QueryServiceConfig2W ChangeServiceConfigW ChangeServiceConfig2W ChangeServiceConfig2A EnumServicesStatusW
EnumServicesStatusExW EnumDependentServicesW GetServiceDisplayNameW GetServiceKeyNameW NotifyServiceStatusChangeW }
failing! { advapi32, "fails: the process is no service", 6:
SetServiceStatus RegisterServiceCtrlHandlerW RegisterServiceCtrlHandlerA RegisterServiceCtrlHandlerExW RegisterServiceCtrlHandlerExA
CloseServiceHandle }
