//! A file's octets: pages that are not all zeros, and a length. A journal is 64 MiB of zeros with a beginning.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const PAGE: usize = 4096;
const ZEROS: [u8; PAGE] = [0; PAGE];

/// See the module.
#[derive(Clone, Default)]
pub struct Content {
    pages: BTreeMap<u64, Arc<[u8; PAGE]>>,
    length: u64,
}

impl Content {
    /// How many octets.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes it this long; what is new is zeros.
    pub fn set_length(&mut self, length: u64) {
        if length < self.length {
            let (last, within) = (length / PAGE as u64, (length % PAGE as u64) as usize);
            drop(self.pages.split_off(&(last + u64::from(within > 0))));
            if let Some(page) = self.pages.get_mut(&last) {
                Arc::make_mut(page)[within..].fill(0);
            }
        }
        self.length = length;
    }

    /// Writes `data` at `at`; the length grows as far as needed.
    pub fn write(&mut self, at: u64, data: &[u8]) {
        self.length = self.length.max(at + data.len() as u64);
        let mut done = 0;
        while done < data.len() {
            let place = at + done as u64;
            let (number, within) = (place / PAGE as u64, (place % PAGE as u64) as usize);
            let octets = (PAGE - within).min(data.len() - done);
            let part = &data[done..done + octets];
            done += octets;
            if part == &ZEROS[..octets] && !self.pages.contains_key(&number) {
                continue;
            }
            let page = self.pages.entry(number).or_insert_with(|| Arc::new(ZEROS));
            Arc::make_mut(page)[within..within + octets].copy_from_slice(part);
            if **page == ZEROS {
                self.pages.remove(&number);
            }
        }
    }

    /// Writes those octets of `data`, which is for `at`, that lie in `range` of the file; the length stays if it is enough.
    pub fn write_part(&mut self, at: u64, data: &[u8], range: Range<u64>) {
        let end = at + data.len() as u64;
        let (from, to) = (range.start.clamp(at, end), range.end.clamp(at, end));
        if from < to {
            self.write(from, &data[(from - at) as usize..(to - at) as usize]);
        }
    }

    /// Adds what it is to a hash.
    pub fn add_to(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.length.to_le_bytes());
        for (number, page) in &self.pages {
            hasher.update(&number.to_le_bytes()).update(&page[..]);
        }
    }

    /// Makes a file of it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        for (number, page) in &self.pages {
            file.write_all_at(&page[..], number * PAGE as u64)?;
        }
        file.set_len(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(content: &Content) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        content.save(file.path()).unwrap();
        std::fs::read(file.path()).unwrap()
    }

    #[test]
    fn it_is_as_a_file_would_be() {
        let mut content = Content::default();
        content.write(4000, &[1; 5000]);
        content.set_length(8500);
        content.set_length(20_000);
        content.write_part(12_000, &[2; 1000], 12_500..13_000);
        let mut file = vec![0; 20_000];
        file[4000..8500].fill(1);
        file[12_500..13_000].fill(2);
        assert!(octets(&content) == file);
        content.write(0, &[0; 20_000]);
        assert!(content.pages.is_empty());
    }
}
