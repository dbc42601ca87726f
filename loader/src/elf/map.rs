//! Mapping an ELF image.

use super::file::{PAGE, page, page_up};
use super::{ElfError, ElfFile, Segment};
use host::mem::{self, Place, Prot};
use std::ops::Range;

/// Where an image that may lie anywhere goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Where the host likes.
    Anywhere,
    /// Here if that is free, else where the host likes.
    Near(usize),
}

/// A mapped image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// All of its pages, and nothing else.
    pub range: Range<usize>,
    /// What was added to the addresses of its headers.
    pub moved: usize,
    pub entry: usize,
    /// Of the program headers in memory; 0: they are not there.
    pub headers: usize,
    pub header_count: usize,
}

fn prot(segment: &Segment) -> Prot {
    match (segment.write, segment.execute) {
        (false, false) => Prot::R,
        (true, false) => Prot::RW,
        (false, true) => Prot::RX,
        (true, true) => Prot::RWX,
    }
}

impl Image {
    /// Maps the file `fd`, whose headers are `file`. `instead` may name another file, and a place in it, with the same bytes for a
    /// segment.
    pub fn map(
        file: &ElfFile,
        fd: i32,
        placement: Placement,
        mut instead: impl FnMut(&Segment) -> Option<(i32, u64)>,
    ) -> Result<Image, ElfError> {
        let span = file.span();
        let size = (span.end - span.start) as usize;
        // As the kernel does it: the first segment is mapped as large as all together, and the others replace what is theirs.
        let first = if is_dense(file) { file.segments.first() } else { None };
        let base = reserve(file, span.start as usize, size, placement, |place, size| match first {
            Some(first) => mem::map_file(place, size, prot(first), fd, first.offset - first.address % PAGE, false),
            None => mem::map_anonymous(place, size, Prot::NONE),
        })?;
        let moved = base.wrapping_sub(span.start as usize);
        let mut fill = || -> host::Result<()> {
            for segment in &file.segments[usize::from(first.is_some())..] {
                map_segment(segment, instead(segment).unwrap_or((fd, segment.offset - segment.address % PAGE)), moved)?;
            }
            Ok(())
        };
        if let Err(error) = fill() {
            let _ = mem::unmap(base, size);
            return Err(ElfError::Memory(error));
        }
        let at = |address: u64| (address as usize).wrapping_add(moved);
        Ok(Image {
            range: base..base + size,
            moved,
            entry: at(file.entry),
            headers: if file.headers == 0 { 0 } else { at(file.headers) },
            header_count: usize::from(file.header_count),
        })
    }
}

/// Data of a program up to this size is copied as a whole when it is mapped: relocations touch most of its pages at once.
const SMALL: usize = 64 << 10;

/// Whether the first segment is whole in the file and not written, and no page between the segments belongs to none.
fn is_dense(file: &ElfFile) -> bool {
    let first = file
        .segments
        .first()
        .is_some_and(|first| !first.write && !first.execute && first.file_size != 0 && first.memory_size == first.file_size);
    let pages = |segment: &Segment| page(segment.address)..page_up(segment.address + segment.memory_size);
    first && file.segments.windows(2).all(|pair| pages(&pair[0]).end == pages(&pair[1]).start)
}

/// Takes the room for the whole image, so that nothing else gets between its segments.
fn reserve(
    file: &ElfFile,
    start: usize,
    size: usize,
    placement: Placement,
    map: impl Fn(Place, usize) -> host::Result<usize>,
) -> Result<usize, ElfError> {
    let anonymous = |place, size| mem::map_anonymous(place, size, Prot::NONE).map_err(ElfError::Memory);
    let map = |place, size| map(place, size).map_err(ElfError::Memory);
    if !file.movable {
        return map(Place::Exactly(start), size);
    }
    let align = file.align() as usize;
    if let Placement::Near(at) = placement
        && let Ok(base) = map(Place::Exactly(at.next_multiple_of(align)), size)
    {
        return Ok(base);
    }
    if align as u64 <= PAGE {
        return map(Place::Anywhere, size);
    }
    let room = anonymous(Place::Anywhere, size + align)?;
    let base = room.next_multiple_of(align);
    let after = base + size;
    let give_back = |from: usize, to: usize| if to > from { mem::unmap(from, to - from) } else { Ok(()) };
    give_back(room, base).and_then(|()| give_back(after, room + size + align)).map_err(ElfError::Memory)?;
    map(Place::Replace(base), size)
}

fn map_segment(segment: &Segment, (fd, offset): (i32, u64), moved: usize) -> host::Result<()> {
    let start = (page(segment.address) as usize).wrapping_add(moved);
    let lead = segment.address % PAGE;
    let file_end = (segment.address + segment.file_size) as usize;
    let file_pages = page_up(lead + segment.file_size) as usize;
    let all_pages = page_up(lead + segment.memory_size) as usize;
    let mapped = if segment.file_size == 0 { 0 } else { file_pages };
    if mapped != 0 {
        let map = if segment.write && mapped <= SMALL { mem::map_file_now } else { mem::map_file };
        map(Place::Replace(start), mapped, prot(segment), fd, offset, false)?;
    }
    if all_pages > mapped {
        mem::map_anonymous(Place::Replace(start + mapped), all_pages - mapped, prot(segment))?;
    }
    // What lies behind the file's part in its last page belongs to the zeroed rest. A file that is shorter than its
    // header says has no such page: the guest's fault, as on Linux.
    let tail = file_end.wrapping_add(moved);
    if segment.write && mapped != 0 && segment.memory_size > segment.file_size && tail % PAGE as usize != 0 {
        let zeros = [0u8; PAGE as usize];
        let len = PAGE as usize - tail % PAGE as usize;
        abi::fault::write_slice(tail, &zeros[..len]).map_err(|_| host::Errno::EFAULT)?;
    }
    Ok(())
}
