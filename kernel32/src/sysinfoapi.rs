//! sysinfoapi.h and profileapi.h: the system, its folders, its clocks.

use crate::processenv::give_text;
use abi::{BOOL, PSTR, PWSTR, Ptr, Win32Error, export};
use ntdll::{memory, time};
use windows_sys::Win32::Foundation::{FILETIME, SYSTEMTIME};
use windows_sys::Win32::System::SystemInformation::SYSTEM_INFO;

/// Processors, page size, address range.
#[export(kernel32, full)]
pub fn GetSystemInfo(info: Ptr<SYSTEM_INFO>) {
    let put32 = |offset: usize, value: u32| info.byte_add(offset).cast::<u32>().set(value);
    let put64 = |offset: usize, value: usize| info.byte_add(offset).cast::<usize>().set(value);
    let mask = host::thread::affinity();
    put32(0, 9); // PROCESSOR_ARCHITECTURE_AMD64
    put32(4, 4096);
    put64(8, memory::LOWEST);
    put64(16, memory::HIGHEST);
    put64(24, mask as usize);
    put32(32, mask.count_ones());
    put32(36, 8664);
    put32(40, memory::GRANULARITY as u32);
    put32(44, 6);
}

/// The same: programs are 64-bit.
#[export(kernel32, full)]
pub fn GetNativeSystemInfo(info: Ptr<SYSTEM_INFO>) {
    GetSystemInfo(info);
}

fn filetime(value: i64) -> FILETIME {
    FILETIME { dwLowDateTime: value as u32, dwHighDateTime: (value >> 32) as u32 }
}

/// Now, in UTC.
#[export(kernel32, full)]
pub fn GetSystemTimeAsFileTime(to: Ptr<FILETIME>) {
    to.set(filetime(time::system_time()));
}

/// Now, in UTC, as precisely as known.
#[export(kernel32, full)]
pub fn GetSystemTimePreciseAsFileTime(to: Ptr<FILETIME>) {
    to.set(filetime(time::system_time()));
}

/// Now, in UTC, in parts.
#[export(kernel32, full)]
pub fn GetSystemTime(to: Ptr<SYSTEMTIME>) {
    if let Some(date) = crate::datetime::from_filetime(time::system_time() as u64) {
        to.set(date);
    }
}

/// Now, in local time, in parts.
#[export(kernel32, full)]
pub fn GetLocalTime(to: Ptr<SYSTEMTIME>) {
    to.set(crate::datetime::local_now());
}

/// Sets the clock: not ours to set.
#[export(kernel32, full)]
pub fn SetSystemTime(_date: Ptr<SYSTEMTIME>) -> Result<(), Win32Error> {
    Err(Win32Error::PRIVILEGE_NOT_HELD)
}

/// Sets the clock: not ours to set.
#[export(kernel32, full)]
pub fn SetLocalTime(_date: Ptr<SYSTEMTIME>) -> Result<(), Win32Error> {
    Err(Win32Error::PRIVILEGE_NOT_HELD)
}

/// Milliseconds since boot, wrapping.
#[export(kernel32, full)]
pub fn GetTickCount() -> u32 {
    time::tick_count() as u32
}

/// Milliseconds since boot.
#[export(kernel32, full)]
pub fn GetTickCount64() -> u64 {
    time::tick_count()
}

/// The performance counter.
#[export(kernel32, full)]
pub fn QueryPerformanceCounter(to: Ptr<i64>) -> Result<(), Win32Error> {
    Ok(to.write(time::performance_counter())?)
}

/// Its ticks per second.
#[export(kernel32, full)]
pub fn QueryPerformanceFrequency(to: Ptr<i64>) -> Result<(), Win32Error> {
    Ok(to.write(time::QPC_FREQUENCY)?)
}

/// 100 ns since boot, without suspension.
#[export(kernel32, full)]
pub fn QueryUnbiasedInterruptTime(to: Ptr<u64>) -> BOOL {
    to.set(time::interrupt_time());
    BOOL(true)
}

/// 100 ns since boot.
#[export(kernel32 + kernelbase, full)]
pub fn QueryInterruptTime(to: Ptr<u64>) {
    to.set(host::time::boot_ns() / 100);
}

/// How the clock is being adjusted: it ticks each 15.625 ms without adjustment.
#[export(kernel32, full)]
pub fn GetSystemTimeAdjustment(adjustment: Ptr<u32>, increment: Ptr<u32>, disabled: Ptr<i32>) -> Result<(), Win32Error> {
    adjustment.write(156_250)?;
    increment.write(156_250)?;
    Ok(disabled.write(1)?)
}

macro_rules! folders {
    ($($wide:ident $ansi:ident $text:literal $what:literal;)*) => {$(
        #[doc = $what]
        #[export(kernel32, full)]
        pub fn $wide(to: PWSTR, size: u32) -> Result<u32, Win32Error> {
            give_text(&abi::wide::wide($text), to, size)
        }
        #[doc = $what]
        #[export(kernel32, full)]
        pub fn $ansi(to: PSTR, size: u32) -> Result<u32, Win32Error> {
            give_text($text.as_bytes(), to, size)
        }
    )*};
}
folders! {
    GetSystemDirectoryW GetSystemDirectoryA "C:\\Windows\\System32" "The system folder.";
    GetWindowsDirectoryW GetWindowsDirectoryA "C:\\Windows" "The Windows folder.";
    GetSystemWindowsDirectoryW GetSystemWindowsDirectoryA "C:\\Windows" "The Windows folder.";
}

/// The machine's name.
#[export(kernel32, full)]
pub fn GetComputerNameW(to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    GetComputerNameExW(0, to, size)
}

fn computer_name(kind: u32) -> Vec<u16> {
    let host = host::process::host_name();
    abi::wide::wide(&match kind {
        0 | 4 => host.to_uppercase().chars().take(15).collect(),
        2 | 6 => String::new(),
        _ => host,
    })
}

/// The machine's name: NetBIOS (0, in upper case), DNS host (1), domain (2), fully qualified (3).
#[export(kernel32, partial("no domain"))]
pub fn GetComputerNameExW(kind: u32, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let text = computer_name(kind);
    let capacity = size.read()?;
    if text.len() >= capacity as usize {
        size.write(text.len() as u32 + 1)?;
        return Err(if kind == 0 { Win32Error::BUFFER_OVERFLOW } else { Win32Error::MORE_DATA });
    }
    give_text(&text, to, capacity)?;
    Ok(size.write(text.len() as u32)?)
}

/// The machine's name in ANSI.
#[export(kernel32, full)]
pub fn GetComputerNameA(to: PSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    GetComputerNameExA(0, to, size)
}

/// GetComputerNameExW in ANSI.
#[export(kernel32, partial("no domain"))]
pub fn GetComputerNameExA(kind: u32, to: PSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    let text = crate::nls::wide_to_ansi(&computer_name(kind));
    let capacity = size.read()?;
    if text.len() >= capacity as usize {
        size.write(text.len() as u32 + 1)?;
        return Err(if kind == 0 { Win32Error::BUFFER_OVERFLOW } else { Win32Error::MORE_DATA });
    }
    to.write_slice(&text)?;
    to.add(text.len()).write(0)?;
    Ok(size.write(text.len() as u32)?)
}

/// Kibibytes of memory in the machine.
#[export(kernel32, full)]
pub fn GetPhysicallyInstalledSystemMemory(to: Ptr<u64>) -> Result<(), Win32Error> {
    Ok(to.write(host::process::memory().0 / 1024)?)
}

/// How many processors a group has: there is one group.
#[export(kernel32, full)]
pub fn GetActiveProcessorCount(_group: u16) -> u32 {
    host::thread::affinity().count_ones()
}

/// How many processors a group can have.
#[export(kernel32, full)]
pub fn GetMaximumProcessorCount(_group: u16) -> u32 {
    host::thread::affinity().count_ones()
}

/// How many groups of processors there are.
#[export(kernel32, full)]
pub fn GetActiveProcessorGroupCount() -> u16 {
    1
}

/// The highest number of a memory node: there is one node.
#[export(kernel32, full)]
pub fn GetNumaHighestNodeNumber(to: Ptr<u32>) -> Result<(), Win32Error> {
    Ok(to.write(0)?)
}

/// The processors of a memory node.
#[export(kernel32, full)]
pub fn GetNumaNodeProcessorMask(_node: u8, to: Ptr<u64>) -> Result<(), Win32Error> {
    Ok(to.write(host::thread::affinity())?)
}
