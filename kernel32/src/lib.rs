//! The Win32 base API over ntdll: kernel32.dll and kernelbase.dll.
#![deny(unsafe_code)]

pub mod console;
pub mod consoleapi;
pub mod create_process;
pub mod datetime;
pub mod errhandlingapi;
pub mod fibersapi;
pub mod fileapi;
pub mod format_message;
pub mod handleapi;
pub mod heapapi;
pub mod ioapiset;
pub mod jobapi;
pub mod libloaderapi;
pub mod memoryapi;
pub mod namedpipeapi;
pub mod nls;
pub mod processenv;
pub mod processthreadsapi;
pub mod profile;
pub mod psapi;
pub mod resources;
pub mod stringapiset;
pub mod synchapi;
pub mod sysinfoapi;
pub mod thread_context;
pub mod threadpoolapi;
pub mod timezoneapi;
pub mod tlhelp32;
pub mod update_resource;
pub mod werapi;
pub mod winbase;
pub mod winbase_fibers;
pub mod winbase_text;
pub mod winnls;
pub mod wow64apiset;
