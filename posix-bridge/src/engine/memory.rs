//! Which memory is the guest's. The rest of the address space is ours, or nobody's.

use host::mem::{self, Place, Prot};
use std::ops::Range;

/// Ranges of addresses, in order, apart from each other.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<Range<usize>>);

impl Ranges {
    pub fn insert(&mut self, new: Range<usize>) {
        if new.is_empty() {
            return;
        }
        // Those that touch it melt into it.
        let first = self.0.partition_point(|r| r.end < new.start);
        let last = self.0.partition_point(|r| r.start <= new.end);
        let merged = match self.0.get(first..last) {
            Some([]) | None => new,
            Some(touched) => touched[0].start.min(new.start)..touched[touched.len() - 1].end.max(new.end),
        };
        self.0.splice(first..last, [merged]);
    }

    pub fn remove(&mut self, old: Range<usize>) {
        let first = self.0.partition_point(|r| r.end <= old.start);
        let last = self.0.partition_point(|r| r.start < old.end);
        if first >= last {
            return;
        }
        let rest = [self.0[first].start..old.start, old.end..self.0[last - 1].end];
        self.0.splice(first..last, rest.into_iter().filter(|r| r.start < r.end));
    }

    /// The parts of a range that are in it.
    pub fn within(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.0.partition_point(|r| r.end <= range.start);
        let inside = self.0[first..].iter().take_while(move |r| r.start < range.end);
        inside.map(move |r| r.start.max(range.start)..r.end.min(range.end))
    }

    /// The parts of a range that are not in it.
    pub fn gaps(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut gaps = Vec::new();
        let mut at = range.start;
        for inside in self.within(range.clone()) {
            gaps.push(at..inside.start);
            at = inside.end;
        }
        gaps.push(at..range.end);
        gaps.retain(|gap| !gap.is_empty());
        gaps
    }

    pub fn contains(&self, range: Range<usize>) -> bool {
        self.gaps(range).is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Range<usize>> {
        self.0.iter()
    }
}

/// The guest's memory.
#[derive(Default)]
pub struct Memory {
    pub guest: Ranges,
    /// Where the program break began, and where it is.
    pub break_start: usize,
    pub break_end: usize,
    /// The first thread's stack.
    pub stack: Range<usize>,
    pub arenas: super::patch::Arenas,
    pub texts: Vec<super::texts::Text>,
}

impl Memory {
    /// Makes sure that nothing of ours lies in a range that the guest wants for itself: what is free of it is taken.
    pub fn claim(&mut self, range: Range<usize>) -> host::Result<()> {
        let mut taken: Vec<Range<usize>> = Vec::new();
        for gap in self.guest.gaps(range) {
            if mem::map_anonymous(Place::Exactly(gap.start), gap.len(), Prot::NONE).is_err() {
                for range in taken {
                    mem::unmap(range.start, range.len())?;
                }
                return Err(host::Errno::ENOMEM);
            }
            taken.push(gap);
        }
        taken.into_iter().for_each(|range| self.guest.insert(range));
        Ok(())
    }

    /// Where the part of the first thread's stack begins that an address lies in.
    pub fn stack_below(&self, address: usize) -> Option<usize> {
        // Its lowest page is there for nobody.
        let whole = self.stack.start + mem::PAGE..self.stack.end;
        if !whole.contains(&address) {
            return None;
        }
        Some(self.guest.gaps(whole.start..address).last().map_or(whole.start, |gap| gap.end))
    }

    /// The guest changes what is there, or may do so.
    pub fn forget_texts(&mut self, range: Range<usize>) {
        self.texts.retain(|text| text.range.end <= range.start || range.end <= text.range.start);
    }

    /// Gives everything back: another program is to come.
    pub fn clear(&mut self) {
        for range in self.guest.iter() {
            let _ = mem::unmap(range.start, range.len());
        }
        *self = Memory::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_melt_and_split() {
        let mut ranges = Ranges::default();
        ranges.insert(10..20);
        ranges.insert(30..40);
        assert_eq!(ranges.gaps(5..50), [5..10, 20..30, 40..50]);
        ranges.insert(20..30);
        assert_eq!(ranges.0, vec![10..40]);
        ranges.remove(15..20);
        assert_eq!(ranges.0, vec![10..15, 20..40]);
        assert!(ranges.contains(20..40) && !ranges.contains(14..21));
        assert_eq!(ranges.within(0..25).collect::<Vec<_>>(), [10..15, 20..25]);
        ranges.remove(0..100);
        assert_eq!(ranges, Ranges::default());
    }
}
