//! Demand paging of images: sections that are read from the file when they are first touched.
//!
//! A PE file's sections lie in it at multiples of 512 bytes, so they cannot be mapped; reading a program of 100 MB whole
//! takes longer than most of its runs. Deferred sections are inaccessible at first. A fault in one reads the piece around
//! it aside and moves it into place at once, so that other threads see all of it or nothing. System calls do not fault;
//! those that take guest memory to read from try again after a look at it (`host::file::write`).

use host::mem::{self, PAGE, Place, Prot};
use loader::pe::PeFile;
use loader::pe::file::Section;
use parking_lot::{Mutex, RwLock};
use std::os::fd::{AsRawFd, OwnedFd};

/// Bytes that one fault reads.
const PIECE: usize = 64 << 10;

struct Image {
    base: usize,
    size: usize,
    fd: OwnedFd,
    sections: Vec<Section>,
    state: Mutex<State>,
}

struct State {
    /// Of each section, which pieces are there.
    present: Vec<Vec<bool>>,
    /// Imports are bound: pieces get their final protection. Before, they are writable.
    sealed: bool,
}

/// Read in signal handlers; written, under the loader lock, by code that touches no image meanwhile.
static IMAGES: RwLock<Vec<Image>> = RwLock::new(Vec::new());

/// Takes over the deferred sections of an image that was mapped at `base`.
pub fn add(base: usize, file: &PeFile) -> host::Result<()> {
    let sections = file.deferred(base);
    if sections.is_empty() {
        return Ok(());
    }
    let fd = host::file::duplicate(file.fd().as_raw_fd())?;
    let present = sections.iter().map(|s| vec![false; s.memory_size().div_ceil(PIECE)]).collect();
    let image = Image { base, size: file.mapped_size(), fd, sections, state: Mutex::new(State { present, sealed: false }) };
    IMAGES.write().push(image);
    Ok(())
}

/// The imports of the image at `base` are bound.
pub fn seal(base: usize) -> host::Result<()> {
    let images = IMAGES.read();
    let Some(image) = images.iter().find(|image| image.base == base) else { return Ok(()) };
    let mut state = image.state.lock();
    state.sealed = true;
    for (section, present) in image.sections.iter().zip(&state.present) {
        for (piece, _) in present.iter().enumerate().filter(|(_, present)| **present) {
            let (at, len) = image.piece(section, piece);
            mem::protect(at, len, section.prot())?;
        }
    }
    Ok(())
}

/// The image at `base` is gone.
pub fn remove(base: usize) {
    IMAGES.write().retain(|image| image.base != base);
}

/// A page fault: whether to try again, since the piece is there now. `error`: the processor's error code (bit 1: a write,
/// bit 4: an instruction fetch). In a signal handler, so nothing is allocated here.
pub fn on_fault(addr: usize, error: u64) -> bool {
    let images = IMAGES.read_recursive();
    let Some(image) = images.iter().find(|image| addr.wrapping_sub(image.base) < image.size) else { return false };
    match image.load(addr) {
        Piece::None => false,
        Piece::Loaded => {
            image.look_at(addr);
            true
        }
        // Another thread was faster; or the fault is of another kind.
        Piece::Present => super::allows(addr, error & 2 != 0, error & 16 != 0),
    }
}

/// What became of the piece at an address.
enum Piece {
    /// There is none, or it cannot be read.
    None,
    Loaded,
    /// It was there already.
    Present,
}

/// Reads what is missing in a range, whose protection is about to change.
pub fn populate(addr: usize, size: usize) {
    let images = IMAGES.read();
    for image in images.iter().filter(|image| addr < image.base + image.size && image.base < addr + size) {
        let mut at = addr & !(PAGE - 1);
        while at < addr + size {
            if matches!(image.load(at), Piece::Loaded) {
                image.look_at(at);
            }
            at += PAGE;
        }
    }
}

impl Image {
    /// Address and size of a piece.
    fn piece(&self, section: &Section, piece: usize) -> (usize, usize) {
        let offset = piece * PIECE;
        (self.base + section.rva as usize + offset, PIECE.min(section.memory_size() - offset))
    }

    /// Looks for system calls in the piece at an address, which is there.
    fn look_at(&self, addr: usize) {
        let rva = addr - self.base;
        let section = self.sections.iter().find(|s| rva.wrapping_sub(s.rva as usize) < s.memory_size());
        if let Some(section) = section.filter(|s| s.prot() == Prot::RX) {
            let (at, len) = self.piece(section, (rva - section.rva as usize) / PIECE);
            crate::syscall::look_at_piece(self.base, self.size, at, len);
        }
    }

    fn load(&self, addr: usize) -> Piece {
        let rva = addr - self.base;
        let within = |s: &Section| rva.wrapping_sub(s.rva as usize) < s.memory_size();
        let Some(index) = self.sections.iter().position(within) else { return Piece::None };
        let section = &self.sections[index];
        let piece = (rva - section.rva as usize) / PIECE;
        let mut state = self.state.lock();
        if state.present[index][piece] {
            return Piece::Present;
        }
        let prot = if state.sealed { section.prot() } else { Prot::RW };
        let loaded = self.read(section, piece, prot).is_ok();
        state.present[index][piece] = loaded;
        if loaded { Piece::Loaded } else { Piece::None }
    }

    fn read(&self, section: &Section, piece: usize, prot: Prot) -> host::Result<()> {
        let (at, len) = self.piece(section, piece);
        let aside = mem::map_anonymous(Place::Anywhere, len, Prot::RW)?;
        let fill = || {
            let offset = piece * PIECE;
            let bytes = (section.file_bytes() as usize).saturating_sub(offset).min(len);
            let mut done = 0;
            while done < bytes {
                match host::file::read_at(
                    self.fd.as_raw_fd(),
                    aside + done,
                    bytes - done,
                    u64::from(section.file_offset) + (offset + done) as u64,
                )? {
                    // Padding that the file's end cuts off reads as zeros.
                    0 => break,
                    n => done += n,
                }
            }
            if prot != Prot::RW {
                mem::protect(aside, len, prot)?;
            }
            mem::move_to(aside, len, at)
        };
        fill().inspect_err(|_| {
            let _ = mem::unmap(aside, len);
        })
    }
}
