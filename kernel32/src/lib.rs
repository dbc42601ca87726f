//! The Win32 base API over ntdll: kernel32.dll and kernelbase.dll.
#![deny(unsafe_code)]

pub mod console;
pub mod consoleapi;
pub mod datetime;
pub mod format_message;
pub mod nls;
pub mod resources;
pub mod stringapiset;
pub mod timezoneapi;
pub mod winbase_text;
pub mod winnls;
