//! Tests: what the fuzz target (`fuzz/targets/image.rs`) has found, made small.

use super::file::Headers;
use super::{PeError, View, update};

const SIZE: usize = 0x8000;
const NT: usize = 0x40;

/// Headers and nothing else, at an address that stays.
struct Image(Vec<u64>);

impl Image {
    fn new() -> Image {
        let mut image = Image(vec![0; SIZE / 8]);
        image.put(0, 0x5a4d);
        image.put(0x3c, NT as u32);
        image.put(NT, 0x4550);
        image.put(NT + 4, 0x8664);
        image.put(NT + 20, 240);
        image.put(NT + 24, 0x20b);
        image.put(NT + 24 + 32, 0x1000);
        image.put(NT + 24 + 36, 0x200);
        image.put(NT + 24 + 56, SIZE as u32);
        image.put(NT + 24 + 60, 0x400);
        image.put(NT + 24 + 108, 16);
        image
    }
    fn bytes(&mut self) -> &mut [u8] {
        bytes_of(&mut self.0)
    }
    fn put(&mut self, at: usize, value: u32) {
        self.bytes()[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    fn directory(&mut self, index: usize, rva: u32, size: u32) {
        self.put(NT + 24 + 112 + index * 8, rva);
        self.put(NT + 24 + 116 + index * 8, size);
    }
    /// Section number 0: virtual size, RVA, raw size, raw offset.
    fn section(&mut self, fields: [u32; 4]) {
        self.put(NT + 4, 0x1_8664);
        for (index, value) in fields.into_iter().enumerate() {
            self.put(NT + 24 + 240 + 8 + index * 4, value);
        }
    }
    fn view(&self) -> View {
        View { base: self.0.as_ptr() as usize, size: SIZE }
    }
}

#[allow(unsafe_code)]
fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: any eight bytes are a word, and the slice is borrowed for as long.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 8) }
}

fn damaged<T>(result: Result<T, PeError>) -> bool {
    matches!(result, Err(PeError::Damaged(_)))
}

#[test]
fn import_tables_that_share_their_names_end() {
    let mut image = Image::new();
    image.directory(1, 0x1000, 0x1000);
    // 1,000 descriptors, all of the same table of 2,000 names of 2,000 bytes: 4 GB if each were kept.
    for index in 0..1000 {
        for (field, value) in [(0, 0x6000), (12, 0x7000), (16, 0x6000)] {
            image.put(0x800 + index * 20 + field, value);
        }
    }
    image.directory(1, 0x800, 20_000);
    for index in 0..900 {
        image.put(0x6000 + index * 8, 0x7800);
    }
    image.bytes()[0x7800..0x7fe0].fill(b'a');
    image.bytes()[0x7000..0x7004].copy_from_slice(b"dll\0");
    assert!(damaged(image.view().imports()));
}

#[test]
fn a_directory_at_the_end_of_the_address_space() {
    for index in [0, 1, 2, 3, 5, 9, 10, 13] {
        for rva in [u32::MAX, u32::MAX - 7, u32::MAX - 31, SIZE as u32 - 1] {
            let mut image = Image::new();
            image.directory(index, rva, 0x100);
            let view = image.view();
            let _ = (view.imports(), view.delayed_imports(), view.resources(), view.relocate(0x1000), view.tls());
            let _ = (view.security_cookie(), view.function_table(), view.export_by_name("a"), view.export_by_ordinal(1));
        }
    }
}

#[test]
fn resources_that_name_the_same_level_over_and_over_end() {
    let mut image = Image::new();
    image.directory(2, 0x1000, 0x7000);
    // Each entry of the only level leads to it again, the third time as data.
    image.put(0x100c, 1000 << 16);
    for index in 0..1000 {
        image.put(0x1010 + index * 8, index as u32);
        image.put(0x1014 + index * 8, 0x8000_0000);
    }
    assert!(damaged(image.view().resources()));
}

#[test]
fn new_resources_do_not_go_into_the_headers() {
    let mut image = Image::new();
    image.directory(2, 0x1000, 0x100);
    image.section([0x1000, 0x1000, 0x200, 0x40]);
    let file = image.bytes().to_vec();
    assert!(damaged(update::replace_resources(&file, &update::Tree::new())));
}

#[test]
fn new_resources_behind_a_section_that_ends_nowhere() {
    let mut image = Image::new();
    image.section([0x1000, 0x1000, 0x7fff_f000, 0x7fff_f000]);
    let file = image.bytes().to_vec();
    assert!(damaged(update::replace_resources(&file, &update::Tree::new())));
    // An alignment of 2 GiB would make the file as large.
    let mut image = Image::new();
    image.section([0x1000, 0x1000, 0x200, 0x400]);
    image.put(NT + 24 + 36, 1 << 31);
    let file = image.bytes().to_vec();
    assert!(damaged(update::replace_resources(&file, &update::Tree::new())));
}

#[test]
fn headers_cut_anywhere() {
    let mut image = Image::new();
    image.section([0x1000, 0x1000, 0x200, 0x400]);
    let file = image.bytes().to_vec();
    assert!(Headers::of_bytes(&file).is_ok());
    for len in 0..0x600 {
        assert!(Headers::of_bytes(&file[..len]).is_err());
    }
}
