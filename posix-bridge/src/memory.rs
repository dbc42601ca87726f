//! sys/mman.h, sys/shm.h and the program break.

use crate::args::{Addr, Fd};
use crate::call::Call;
use crate::engine::texts;
use host::mem::PAGE;
use host::{Errno, Result};

fn pages(len: usize) -> Result<usize> {
    len.checked_next_multiple_of(PAGE).ok_or(Errno::ENOMEM)
}

/// Data of a file up to this size is copied as a whole when it is mapped over something else.
const SMALL: usize = 64 << 10;

/// mmap(2)
pub fn mmap(call: &mut Call, address: usize, len: usize, prot: i32, flags: i32, fd: Fd, offset: usize) -> Result<usize> {
    let mut memory = call.process.memory.lock();
    let size = pages(len)?;
    let fixed = flags & libc::MAP_FIXED != 0 && flags & libc::MAP_FIXED_NOREPLACE != libc::MAP_FIXED_NOREPLACE;
    if fixed && size != 0 && address % PAGE == 0 {
        let end = address.checked_add(size).filter(|&end| end <= 1 << 47).ok_or(Errno::ENOMEM)?;
        memory.claim(address..end)?;
    }
    let is_of_file = flags & (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) == libc::MAP_PRIVATE;
    let is_code = is_of_file && prot & (libc::PROT_EXEC | libc::PROT_WRITE) == libc::PROT_EXEC;
    let mut text = if is_code { texts::find(call.vfs, fd.0, offset as u64, size) } else { None };
    let (file, start) = text.as_mut().and_then(|text| text.source(fd.0)).map_or((fd.0, offset), |(file, at)| (file, at as usize));
    // The data of a library, which relocations are about to touch.
    let is_data = is_of_file && fixed && prot & libc::PROT_WRITE != 0 && size <= SMALL;
    let now = if is_data { libc::MAP_POPULATE } else { 0 };
    let at = call.pass([address, len, prot as usize, (flags | now) as usize, file as usize, start])?;
    memory.guest.insert(at..at + size);
    memory.forget_texts(at..at + size);
    memory.texts.extend(text.map(|text| text.placed(at)));
    Ok(at)
}

/// munmap(2)
pub fn munmap(call: &mut Call, address: usize, len: usize) -> Result<usize> {
    if len == 0 || address % PAGE != 0 {
        return Err(Errno::EINVAL);
    }
    let end = address.checked_add(pages(len).map_err(|_| Errno::EINVAL)?).filter(|&end| end <= 1 << 47).ok_or(Errno::EINVAL)?;
    let mut memory = call.process.memory.lock();
    for range in memory.guest.within(address..end) {
        call.pass([range.start, range.len(), 0, 0, 0, 0])?;
    }
    memory.guest.remove(address..end);
    memory.forget_texts(address..end);
    Ok(0)
}

/// mprotect(2)
pub fn mprotect(call: &mut Call, address: usize, len: usize, prot: i32) -> Result<usize> {
    if prot & (libc::PROT_GROWSDOWN | libc::PROT_GROWSUP) == libc::PROT_GROWSDOWN
        && let Some(start) = call.process.memory.lock().stack_below(address)
        && address % PAGE == 0
        && len != 0
    {
        // The host does not know that our stack is one which grows down.
        let [_, _, _, rest @ ..] = call.args;
        let [a, b, c] = rest;
        let prot = prot & !libc::PROT_GROWSDOWN;
        return call.pass([start, address.saturating_add(len) - start, prot as usize, a, b, c]);
    }
    // Code that the guest may change, or that is to be no code any more.
    if prot & (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) != libc::PROT_READ | libc::PROT_EXEC {
        let end = address.saturating_add(len).saturating_add(PAGE);
        call.process.memory.lock().forget_texts(address..end);
    }
    call.pass(call.args)
}

/// pkey_mprotect(2)
pub fn pkey_mprotect(call: &mut Call, address: usize, len: usize, prot: i32, _key: i32) -> Result<usize> {
    mprotect(call, address, len, prot)
}

/// mremap(2)
pub fn mremap(call: &mut Call, old: usize, old_len: usize, new_len: usize, flags: i32, new: usize) -> Result<usize> {
    let (old_size, new_size) = (pages(old_len)?, pages(new_len)?);
    let mut memory = call.process.memory.lock();
    if old % PAGE != 0 || new_size == 0 {
        return Err(Errno::EINVAL);
    }
    let old_end = old.checked_add(old_size).ok_or(Errno::EINVAL)?;
    if !memory.guest.contains(old..old_end.max(old + PAGE)) {
        return Err(Errno::EFAULT);
    }
    if flags & libc::MREMAP_FIXED != 0 && new % PAGE == 0 {
        let end = new.checked_add(new_size).filter(|&end| end <= 1 << 47).ok_or(Errno::EINVAL)?;
        memory.claim(new..end)?;
    }
    let at = call.pass([old, old_len, new_len, flags as usize, new, 0])?;
    if flags & libc::MREMAP_DONTUNMAP == 0 {
        memory.guest.remove(old..old_end);
    }
    memory.guest.insert(at..at + new_size);
    memory.forget_texts(old..old_end.max(old + PAGE));
    memory.forget_texts(at..at + new_size);
    Ok(at)
}

/// remap_file_pages(2)
pub fn remap_file_pages(call: &mut Call, start: usize, len: usize, _prot: i32, _offset: usize, _flags: i32) -> Result<usize> {
    let mut memory = call.process.memory.lock();
    let start = start & !(PAGE - 1);
    let end = start.checked_add(len & !(PAGE - 1)).ok_or(Errno::EINVAL)?;
    if !memory.guest.contains(start..end) {
        return Err(Errno::EINVAL);
    }
    memory.forget_texts(start..end);
    call.pass(call.args)
}

/// brk(2): the kernel's own, which returns where the break is.
pub fn brk(call: &mut Call, wanted: usize) -> Result<usize> {
    let mut memory = call.process.memory.lock();
    let now = memory.break_end;
    if wanted < memory.break_start || wanted > 1 << 47 {
        return Ok(now);
    }
    let (from, to) = (now.next_multiple_of(PAGE), wanted.next_multiple_of(PAGE));
    if to > from {
        let limit = host::linux::limit(libc::RLIMIT_DATA as i32).map_or(u64::MAX, |[soft, _]| soft);
        if (to - memory.break_start) as u64 > limit {
            return Ok(now);
        }
        // A guest that has mapped something there has set the break's end itself.
        if host::mem::map_anonymous(host::mem::Place::Exactly(from), to - from, host::mem::Prot::RW).is_err() {
            return Ok(now);
        }
        memory.guest.insert(from..to);
    } else if to < from {
        if host::mem::unmap(to, from - to).is_err() {
            return Ok(now);
        }
        memory.guest.remove(to..from);
    }
    memory.break_end = wanted;
    Ok(wanted)
}

/// The size of a segment, from shmctl(2)'s `struct shmid_ds`.
fn segment_size(id: i32) -> Result<usize> {
    let mut facts = [0u64; 16];
    host::linux::pass(libc::SYS_shmctl, [id as usize, libc::IPC_STAT as usize, facts.as_mut_ptr() as usize, 0, 0, 0])?;
    // After `struct ipc_perm`, which has 48 bytes.
    pages(facts[6] as usize)
}

/// shmat(2)
pub fn shmat(call: &mut Call, id: i32, address: usize, flags: i32) -> Result<usize> {
    let size = segment_size(id)?;
    let mut memory = call.process.memory.lock();
    if flags & libc::SHM_REMAP != 0 && address != 0 {
        memory.claim(address & !(PAGE - 1)..(address & !(PAGE - 1)) + size)?;
    }
    let at = call.pass([id as usize, address, flags as usize, 0, 0, 0])?;
    memory.guest.insert(at..at + size);
    memory.forget_texts(at..at + size);
    Ok(at)
}

/// shmdt(2). The range stays the guest's: its size is not known any more, and nobody else maps there by address.
pub fn shmdt(call: &mut Call, address: Addr) -> Result<usize> {
    call.pass([address.0, 0, 0, 0, 0, 0])
}
