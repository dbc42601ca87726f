//! psapi.h, toolhelp and other facts about processes and their modules: this one's.

use crate::processenv::give_text;
use abi::{HANDLE, PSTR, PWSTR, Ptr, Win32Error, export};
use ntdll::ldr;
use std::sync::Arc;
use windows_sys::Win32::System::ProcessStatus::{MODULEINFO, PROCESS_MEMORY_COUNTERS};

/// The bases of a process's modules.
#[export(kernel32, partial("own process only"), name = "K32EnumProcessModules")]
pub fn EnumProcessModules(process: HANDLE, to: Ptr<usize>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    ntdll::memory::own_process(process)?;
    let modules = ldr::modules();
    for (index, module) in modules.iter().take(size as usize / 8).enumerate() {
        to.add(index).write(module.base)?;
    }
    Ok(needed.write((modules.len() * 8) as u32)?)
}

/// The same, with a filter by bitness.
#[export(kernel32, partial("own process only"), name = "K32EnumProcessModulesEx")]
pub fn EnumProcessModulesEx(process: HANDLE, to: Ptr<usize>, size: u32, needed: Ptr<u32>, _filter: u32) -> Result<(), Win32Error> {
    EnumProcessModules(process, to, size, needed)
}

/// Base, size and entry point of a module.
#[export(kernel32, partial("own process only"), name = "K32GetModuleInformation")]
pub fn GetModuleInformation(process: HANDLE, base: usize, info: Ptr<MODULEINFO>, _size: u32) -> Result<(), Win32Error> {
    ntdll::memory::own_process(process)?;
    let module = ldr::module_at(base).ok_or(Win32Error::INVALID_HANDLE)?;
    Ok(info.write(MODULEINFO {
        lpBaseOfDll: module.base as *mut _,
        SizeOfImage: module.size as u32,
        EntryPoint: module.entry.unwrap_or(0) as *mut _,
    })?)
}

/// Copies a text, cut to the room that there is, with its NUL. Returns the length of what was copied.
fn give<T: Copy + Default>(text: &[T], to: Ptr<T>, size: u32) -> Result<u32, Win32Error> {
    let Some(room) = (size as usize).checked_sub(1) else { return Err(Win32Error::INSUFFICIENT_BUFFER) };
    let len = text.len().min(room);
    to.write_slice(&text[..len])?;
    to.add(len).write(T::default())?;
    Ok(len as u32)
}

fn module(process: HANDLE, base: usize) -> Result<Arc<ldr::Module>, Win32Error> {
    ntdll::memory::own_process(process)?;
    ldr::module_at(base).ok_or(Win32Error::INVALID_HANDLE)
}

/// The path of a module; 0 is the program.
#[export(kernel32, partial("own process only"), name = "K32GetModuleFileNameExW")]
pub fn GetModuleFileNameExW(process: HANDLE, base: usize, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    give(&module(process, base)?.path, to, size)
}

/// GetModuleFileNameExW in ANSI.
#[export(kernel32, partial("own process only"), name = "K32GetModuleFileNameExA")]
pub fn GetModuleFileNameExA(process: HANDLE, base: usize, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    give(&ntdll::nls::wide_to_ansi(&module(process, base)?.path), to, size)
}

/// The file name of a module; 0 is the program.
#[export(kernel32, partial("own process only"), name = "K32GetModuleBaseNameW")]
pub fn GetModuleBaseNameW(process: HANDLE, base: usize, to: PWSTR, size: u32) -> Result<u32, Win32Error> {
    give(&module(process, base)?.name, to, size)
}

/// GetModuleBaseNameW in ANSI.
#[export(kernel32, partial("own process only"), name = "K32GetModuleBaseNameA")]
pub fn GetModuleBaseNameA(process: HANDLE, base: usize, to: PSTR, size: u32) -> Result<u32, Win32Error> {
    give(&ntdll::nls::wide_to_ansi(&module(process, base)?.name), to, size)
}

/// How much memory a process uses.
#[export(kernel32, partial("own process only; resident memory"), name = "K32GetProcessMemoryInfo")]
pub fn GetProcessMemoryInfo(process: HANDLE, to: Ptr<PROCESS_MEMORY_COUNTERS>, size: u32) -> Result<(), Win32Error> {
    ntdll::memory::own_process(process)?;
    if (size as usize) < size_of::<PROCESS_MEMORY_COUNTERS>() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    let (now, peak) = host::process::resident();
    let (now, peak) = (now as usize, peak as usize);
    to.write(PROCESS_MEMORY_COUNTERS {
        cb: size,
        PageFaultCount: 0,
        PeakWorkingSetSize: peak,
        WorkingSetSize: now,
        QuotaPeakPagedPoolUsage: 0,
        QuotaPagedPoolUsage: 0,
        QuotaPeakNonPagedPoolUsage: 0,
        QuotaNonPagedPoolUsage: 0,
        PagefileUsage: now,
        PeakPagefileUsage: peak,
    })?;
    // PROCESS_MEMORY_COUNTERS_EX has the private bytes behind.
    if size as usize >= size_of::<PROCESS_MEMORY_COUNTERS>() + 8 {
        to.byte_add(size_of::<PROCESS_MEMORY_COUNTERS>()).cast::<usize>().write(now)?;
    }
    Ok(())
}

/// The path of a process's program; flag 1: as an NT path.
#[export(kernel32, partial("own process only"))]
pub fn QueryFullProcessImageNameW(process: HANDLE, _flags: u32, to: PWSTR, size: Ptr<u32>) -> Result<(), Win32Error> {
    ntdll::memory::own_process(process)?;
    let path = ntdll::process::image_path();
    if give_text(&path, to, size.read()?)? as usize != path.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(size.write(path.len() as u32)?)
}

/// The processors' relations: one package, one cache-less core for each processor, one group and node.
#[export(kernel32, partial("cores, groups and nodes; no caches"))]
pub fn GetLogicalProcessorInformationEx(kind: u32, to: Ptr<u8>, len: Ptr<u32>) -> Result<(), Win32Error> {
    let mask = host::thread::affinity();
    let mut out = Vec::new();
    let mut add = |relation: u32, body: &[u8]| {
        out.extend(relation.to_le_bytes());
        out.extend((8 + body.len() as u32).to_le_bytes());
        out.extend_from_slice(body);
    };
    let group_mask = |mask: u64| [&mask.to_le_bytes()[..], &[0; 8]].concat();
    const ALL: u32 = 0xffff;
    // PROCESSOR_RELATIONSHIP: flags, efficiency, 20 reserved, group count, masks.
    let processor = |mask: u64| [&[0u8; 22][..], &1u16.to_le_bytes(), &group_mask(mask)].concat();
    if matches!(kind, 0 | ALL) {
        for cpu in (0..64).filter(|cpu| mask & 1 << cpu != 0) {
            add(0, &processor(1 << cpu));
        }
    }
    if matches!(kind, 1 | ALL) {
        // NUMA_NODE_RELATIONSHIP: number, 18 reserved, group count, mask.
        add(1, &[&[0u8; 24][..], &group_mask(mask)].concat());
    }
    if matches!(kind, 3 | ALL) {
        add(3, &processor(mask));
    }
    if matches!(kind, 4 | ALL) {
        // GROUP_RELATIONSHIP: maximum and active groups, 20 reserved; PROCESSOR_GROUP_INFO.
        let count = mask.count_ones() as u8;
        add(4, &[&1u16.to_le_bytes()[..], &1u16.to_le_bytes(), &[0; 20], &[count, count], &[0; 38], &mask.to_le_bytes()].concat());
    }
    let capacity = len.read()? as usize;
    len.write(out.len() as u32)?;
    if capacity < out.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&out)?)
}

/// The processors' relations in the old layout: one record for each core, and one node.
#[export(kernel32, partial("cores, packages and nodes; no caches"))]
pub fn GetLogicalProcessorInformation(to: Ptr<u64>, len: Ptr<u32>) -> Result<(), Win32Error> {
    let mask = host::thread::affinity();
    let mut words: Vec<u64> = Vec::new();
    for cpu in (0..64).filter(|cpu| mask & 1 << cpu != 0) {
        words.extend([1 << cpu, 0, 0, 0]);
    }
    words.extend([mask, 3, 0, 0]);
    words.extend([mask, 1, 0, 0]);
    let capacity = len.read()? as usize;
    len.write((words.len() * 8) as u32)?;
    if capacity < words.len() * 8 {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&words)?)
}

/// The group of processors that a process runs in.
#[export(kernel32, full)]
pub fn GetProcessGroupAffinity(_process: HANDLE, count: Ptr<u16>, groups: Ptr<u16>) -> Result<(), Win32Error> {
    if count.read()? < 1 {
        count.write(1)?;
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    count.write(1)?;
    Ok(groups.write(0)?)
}

/// Restricts a thread to processors of a group.
#[export(kernel32, full)]
pub fn SetThreadGroupAffinity(handle: HANDLE, to: Ptr<[u64; 2]>, old: Ptr<[u64; 2]>) -> Result<(), Win32Error> {
    old.write_opt([host::thread::affinity(), 0])?;
    crate::processthreadsapi::SetThreadAffinityMask(handle, to.read()?[0] as usize).map(drop)
}

/// The processors of a memory node.
#[export(kernel32, full)]
pub fn GetNumaNodeProcessorMaskEx(_node: u16, to: Ptr<[u64; 2]>) -> Result<(), Win32Error> {
    Ok(to.write([host::thread::affinity(), 0])?)
}

/// Mains or battery: mains.
#[export(kernel32, full)]
pub fn GetSystemPowerStatus(to: Ptr<[u8; 12]>) -> Result<(), Win32Error> {
    // On line, no battery, nothing known of its life.
    Ok(to.write([1, 128, 255, 0, 255, 255, 255, 255, 255, 255, 255, 255])?)
}
