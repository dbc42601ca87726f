//! Changing the resources of an image file: what UpdateResource does.

use super::resource::{Entry, Id};
use super::{PeError, View};
use object::pe;
use std::collections::BTreeMap;

/// A type's or name's place in the tree: names before numbers, each ascending, as the format wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Name(Vec<u16>),
    Number(u16),
}

impl From<Id> for Key {
    fn from(id: Id) -> Key {
        match id {
            Id::Name(name) => Key::Name(name),
            Id::Number(number) => Key::Number(number),
        }
    }
}

/// Data and code page by type, name and language.
pub type Tree = BTreeMap<Key, BTreeMap<Key, BTreeMap<u16, Vec<u8>>>>;

impl View {
    /// All resources of the image.
    pub fn resources(&self) -> Result<Tree, PeError> {
        let mut tree = Tree::new();
        // A damaged tree may name the same data, or the same level, over and over.
        let (mut bytes_left, mut levels_left) = (self.size.saturating_mul(4), 65_536u32);
        let mut level = |offset: u32| {
            levels_left = levels_left.checked_sub(1).ok_or(PeError::Damaged("the resource tree has no end"))?;
            self.resource_level(offset)
        };
        let inner = |entry: &Entry| entry.offset >> 31 != 0;
        for kind in level(0)?.into_iter().filter(inner) {
            let names = tree.entry(kind.id.into()).or_default();
            for name in level(kind.offset)?.into_iter().filter(inner) {
                let languages = names.entry(name.id.into()).or_default();
                for language in level(name.offset)? {
                    let Id::Number(number) = language.id else { continue };
                    if language.offset >> 31 != 0 {
                        return Err(PeError::Damaged("the resource tree has more than three levels"));
                    }
                    let (_, rva, size) = self.resource_data(language.offset)?;
                    bytes_left = bytes_left.checked_sub(size as usize).ok_or(PeError::Damaged("the resource tree has no end"))?;
                    let mut bytes = vec![0; size as usize];
                    abi::fault::read_slice(self.base + rva as usize, &mut bytes)?;
                    languages.insert(number, bytes);
                }
            }
        }
        Ok(tree)
    }
}

fn align(len: usize, to: usize) -> usize {
    len.next_multiple_of(to)
}

/// The resource section's bytes for an image offset of `rva`.
fn serialize(tree: &Tree, rva: u32) -> Vec<u8> {
    let kinds = tree.len();
    let names: usize = tree.values().map(BTreeMap::len).sum();
    let leaves: usize = tree.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum();
    let directories = 16 * (1 + kinds + names) + 8 * (kinds + names + leaves);
    let data_entries = directories;
    let strings = data_entries + leaves * 16;
    let mut text = Vec::new();
    let mut data = Vec::new();
    let texts_len: usize =
        tree.keys().chain(tree.values().flat_map(BTreeMap::keys)).map(|k| if let Key::Name(n) = k { 2 + n.len() * 2 } else { 0 }).sum();
    let data_at = align(strings + texts_len, 16);
    let mut out = vec![0u8; directories + leaves * 16];
    let put32 = |out: &mut Vec<u8>, at: usize, v: u32| out[at..at + 4].copy_from_slice(&v.to_le_bytes());
    let header = |out: &mut Vec<u8>, at: usize, named: usize, numbered: usize| {
        out[at + 12..at + 14].copy_from_slice(&(named as u16).to_le_bytes());
        out[at + 14..at + 16].copy_from_slice(&(numbered as u16).to_le_bytes());
    };
    let named = |keys: &mut dyn Iterator<Item = &Key>| keys.filter(|k| matches!(k, Key::Name(_))).count();
    let mut id = |key: &Key| match key {
        Key::Number(number) => u32::from(*number),
        Key::Name(name) => {
            let at = strings + text.len();
            text.extend((name.len() as u16).to_le_bytes());
            text.extend(name.iter().flat_map(|u| u.to_le_bytes()));
            at as u32 | 1 << 31
        }
    };
    // Level by level: the root, then each type's names, then each name's languages.
    let mut next = 16 + kinds * 8;
    let n = named(&mut tree.keys());
    header(&mut out, 0, n, kinds - n);
    let mut name_directories = Vec::new();
    for (index, (key, children)) in tree.iter().enumerate() {
        let entry = 16 + index * 8;
        let value = id(key);
        put32(&mut out, entry, value);
        put32(&mut out, entry + 4, next as u32 | 1 << 31);
        name_directories.push((next, children));
        next += 16 + children.len() * 8;
    }
    let mut language_directories = Vec::new();
    for (at, children) in name_directories {
        let n = named(&mut children.keys());
        header(&mut out, at, n, children.len() - n);
        for (index, (key, languages)) in children.iter().enumerate() {
            let entry = at + 16 + index * 8;
            let value = id(key);
            put32(&mut out, entry, value);
            put32(&mut out, entry + 4, next as u32 | 1 << 31);
            language_directories.push((next, languages));
            next += 16 + languages.len() * 8;
        }
    }
    let mut leaf = data_entries;
    for (at, languages) in language_directories {
        header(&mut out, at, 0, languages.len());
        for (index, (language, bytes)) in languages.iter().enumerate() {
            let entry = at + 16 + index * 8;
            put32(&mut out, entry, u32::from(*language));
            put32(&mut out, entry + 4, leaf as u32);
            put32(&mut out, leaf, rva + (data_at + data.len()) as u32);
            put32(&mut out, leaf + 4, bytes.len() as u32);
            leaf += 16;
            data.extend_from_slice(bytes);
            data.resize(align(data.len(), 8), 0);
        }
    }
    out.extend(text);
    out.resize(data_at, 0);
    out.extend(data);
    out
}

fn get32(file: &[u8], at: usize) -> Result<u32, PeError> {
    let bytes = file.get(at..at + 4).ok_or(PeError::Damaged("a header lies outside the file"))?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn put32(file: &mut [u8], at: usize, value: u32) -> Result<(), PeError> {
    file.get_mut(at..at + 4).ok_or(PeError::Damaged("a header lies outside the file"))?.copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// The image file with other resources. Data behind the last section (a self-extractor's payload, a
/// signature) is dropped, as Windows does.
pub fn replace_resources(file: &[u8], tree: &Tree) -> Result<Vec<u8>, PeError> {
    let nt = get32(file, 0x3c)? as usize;
    let count = (get32(file, nt + 4)? >> 16) as usize;
    let optional = nt + 24;
    let sections = optional + (get32(file, nt + 20)? & 0xffff) as usize;
    let section_alignment = get32(file, optional + 32)? as usize;
    let file_alignment = (get32(file, optional + 36)? as usize).max(512);
    let headers = get32(file, optional + 60)? as usize;
    // The format's own bounds: FileAlignment is at most 64 KiB.
    let aligned = section_alignment.is_power_of_two() && file_alignment.is_power_of_two() && file_alignment <= 0x1_0000;
    if !aligned || section_alignment > 1 << 28 || count == 0 || count > 96 {
        return Err(PeError::Damaged("alignments or section count are out of range"));
    }
    let directory = |index: usize| optional + 112 + index * 8;
    // A section's header fields: 8 virtual size, 12 RVA, 16 raw size, 20 raw offset.
    let header = |index: usize| sections + index * 40;
    let find = |file: &[u8], rva: u32| -> Result<Option<usize>, PeError> {
        for index in 0..count {
            if rva != 0 && get32(file, header(index) + 12)? == rva {
                return Ok(Some(index));
            }
        }
        Ok(None)
    };
    let resource = find(file, get32(file, directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE))?)?;
    let relocation = find(file, get32(file, directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC))?)?;
    let mut out = file.to_vec();
    // Where the new section goes: in the old one's place when nothing but relocations, which can be moved,
    // come behind; else behind all sections.
    let (index, moved) = match resource {
        Some(index) if index + 1 == count => (index, None),
        Some(index) if index + 2 == count && relocation == Some(index + 1) => (index, Some(index + 1)),
        _ => {
            if header(count + 1) > headers || header(count + 1) > out.len() {
                return Err(PeError::Damaged("no room for another section header"));
            }
            (count, None)
        }
    };
    let moved_data = match moved {
        Some(index) => {
            let (at, len) = (get32(file, header(index) + 20)? as usize, get32(file, header(index) + 16)? as usize);
            file.get(at..at + len).ok_or(PeError::Damaged("a section lies outside the file"))?.to_vec()
        }
        None => Vec::new(),
    };
    let (rva, offset) = if index < count {
        (get32(file, header(index) + 12)? as usize, get32(file, header(index) + 20)? as usize)
    } else {
        let last = header(count - 1);
        let rva = align(get32(file, last + 12)? as usize + get32(file, last + 8)? as usize, section_alignment);
        (rva, align(get32(file, last + 20)? as usize + get32(file, last + 16)? as usize, file_alignment))
    };
    // Section data comes behind the headers.
    if offset < header(index) + 40 || offset > file.len() + file_alignment || rva >> 31 != 0 {
        return Err(PeError::Damaged("a section lies outside the file"));
    }
    let data = serialize(tree, rva as u32);
    out.truncate(offset.min(out.len()));
    out.resize(offset, 0);
    out.extend_from_slice(&data);
    out.resize(align(out.len(), file_alignment), 0);
    let h = header(index);
    if index == count {
        out[h..h + 8].copy_from_slice(b".rsrc\0\0\0");
        for at in [24, 28, 32] {
            put32(&mut out, h + at, 0)?;
        }
        put32(&mut out, h + 36, 0x4000_0040)?;
        put32(&mut out, h + 12, rva as u32)?;
        put32(&mut out, h + 20, offset as u32)?;
        let machine = get32(&out, nt + 4)?;
        put32(&mut out, nt + 4, machine + 0x1_0000)?;
    }
    put32(&mut out, h + 8, data.len() as u32)?;
    put32(&mut out, h + 16, align(data.len(), file_alignment) as u32)?;
    put32(&mut out, directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE), rva as u32)?;
    put32(&mut out, directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE) + 4, data.len() as u32)?;
    let mut end = align(rva + data.len(), section_alignment);
    if let Some(index) = moved {
        let h = header(index);
        let raw = out.len();
        out.extend_from_slice(&moved_data);
        put32(&mut out, h + 12, end as u32)?;
        put32(&mut out, h + 20, raw as u32)?;
        put32(&mut out, directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC), end as u32)?;
        end = align(end + get32(file, h + 8)? as usize, section_alignment);
    }
    put32(&mut out, optional + 56, end as u32)?;
    // The signature covered the old bytes, and the checksum too.
    put32(&mut out, directory(pe::IMAGE_DIRECTORY_ENTRY_SECURITY), 0)?;
    put32(&mut out, directory(pe::IMAGE_DIRECTORY_ENTRY_SECURITY) + 4, 0)?;
    put32(&mut out, optional + 64, 0)?;
    Ok(out)
}
