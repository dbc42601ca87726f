//! Static thread-local storage of modules: a template each, copied for every thread.

use crate::{heap, thread};
use abi::{NTSTATUS, Ptr, teb};
use loader::pe::view::Tls;
use parking_lot::Mutex;

struct Template {
    template: usize,
    template_size: usize,
    size: usize,
}

static TEMPLATES: Mutex<Vec<Option<Template>>> = Mutex::new(Vec::new());

/// The array's length at first: it grows when a DLL with TLS is loaded later.
const MIN_SLOTS: usize = 16;

fn new_block(template: &Template) -> Result<usize, NTSTATUS> {
    let block = heap::allocate(heap::process_heap(), 0, template.size.max(1));
    if block.is_null() {
        return Err(NTSTATUS::NO_MEMORY);
    }
    abi::fault::copy_within(block.addr(), template.template, template.template_size)?;
    for at in template.template_size..template.size {
        block.add(at).set(0);
    }
    Ok(block.addr())
}

/// Gives a module its index and all threads their copy. Returns the index.
pub fn register(tls: &Tls) -> Result<u32, NTSTATUS> {
    let mut templates = TEMPLATES.lock();
    let index = templates.iter().position(Option::is_none).unwrap_or(templates.len());
    let template = Template { template: tls.template, template_size: tls.template_size, size: tls.template_size + tls.zero_fill };
    Ptr::<u32>::new(tls.index).write(index as u32)?;
    let threads = thread::all();
    for thread in &threads {
        let array = grow(thread.teb(), index + 1)?;
        array.add(index).set(new_block(&template)? as u64);
    }
    if index == templates.len() {
        templates.push(Some(template));
    } else {
        templates[index] = Some(template);
    }
    Ok(index as u32)
}

/// Takes a module's index back.
pub fn unregister(index: u32) {
    if let Some(slot) = TEMPLATES.lock().get_mut(index as usize) {
        *slot = None;
    }
}

fn slots(teb: usize) -> (Ptr<u64>, usize) {
    let array = Ptr::<u64>::new(Ptr::<usize>::new(teb + teb::TLS_POINTER).get());
    (array, heap::size(array.cast()).map_or(0, |bytes| bytes / 8))
}

/// A thread's array with room for `count` slots. An outgrown one stays: its thread may be reading it.
fn grow(teb: usize, count: usize) -> Result<Ptr<u64>, NTSTATUS> {
    let (old, len) = slots(teb);
    if !old.is_null() && len >= count {
        return Ok(old);
    }
    let new: Ptr<u64> = heap::allocate(heap::process_heap(), 8, count.max(MIN_SLOTS).next_power_of_two() * 8).cast();
    if new.is_null() {
        return Err(NTSTATUS::NO_MEMORY);
    }
    for at in 0..len {
        new.add(at).set(old.add(at).get());
    }
    Ptr::<usize>::new(teb + teb::TLS_POINTER).set(new.addr());
    Ok(new)
}

/// Gives a new thread its copies.
pub fn attach_thread(teb: usize) -> Result<(), NTSTATUS> {
    let templates = TEMPLATES.lock();
    if templates.is_empty() {
        return Ok(());
    }
    let array = grow(teb, templates.len())?;
    for (index, template) in templates.iter().enumerate() {
        if let Some(template) = template {
            array.add(index).set(new_block(template)? as u64);
        }
    }
    Ok(())
}

/// Frees a thread's copies.
pub fn detach_thread(teb: usize) {
    let (array, len) = slots(teb);
    if array.is_null() {
        return;
    }
    Ptr::<usize>::new(teb + teb::TLS_POINTER).set(0);
    for at in 0..len {
        let block = array.add(at).get() as usize;
        if block != 0 {
            heap::free(heap::process_heap(), Ptr::new(block));
        }
    }
    heap::free(heap::process_heap(), array.cast());
}
