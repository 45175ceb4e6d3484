//! The rows in redb's file, read without redb: of its file format 3, which redb's `docs/design.md` describes, what they need.
//! Integers are little-endian.
//!
//! | what | octets |
//! |---|---|
//! | header | 9 that are always the same, flags, more that is; at 64 and at 192 the last two commits |
//! | commit | 3, whether there is a tree; at 8 its root, at 104 its number (u64), at 112 the sum of all before it |
//! | root | page (u64), sum (u128), count (u64) |
//! | page's name | 20 bits its place, in pages of its size; 20 bits the region of 4 GiB; the upper 5 bits: it is 4,096 << these octets long |
//! | leaf | 1, 0, count (u16); each key's end, each value's end (u32); keys; values |
//! | branch | 2, 0, count (u16), 0 (u32); sums of count + 1 children; their pages; each key's end (u32); keys, the last one each child may have |
//!
//! The first tree says where the tables' trees are. A page's sum stands with its name, and is of what is in use of it.

#[cfg(test)]
pub(super) mod tests;

use super::archive::octets;
use super::mend::{EFFORT_OCTETS, mend};
use super::{Lost, LostKind};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use store::Bytes;
use xxhash_rust::xxh3::xxh3_128;

/// Octets of the smallest page, and of what stands before all pages.
const PAGE_OCTETS: u64 = 4096;
const REGION_OCTETS: u64 = 4 << 30;
const HEADER_OCTETS: u64 = 320;
const COMMIT_OCTETS: usize = 128;
/// Of a commit.
const SUMMED_OCTETS: usize = 112;
const FORMAT: u8 = 3;
const PRIMARY: u8 = 1;
const RECOVERY_REQUIRED: u8 = 2;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// No row takes more, nor do all of a page's.
const PAGE_OCTETS_MAX: u64 = 64 << 20;
/// No real tree is half as deep.
const DEPTH_MAX: u8 = 64;
const TABLES: [&[u8]; 2] = [b"bodies", b"rows"];

/// What the header says.
pub(super) struct Head {
    flags: u8,
    commits: [Option<Commit>; 2],
}

/// A transaction that is right by its sum.
#[derive(Clone, Copy)]
struct Commit {
    number: u64,
    root: Option<Named>,
}

/// A page as whoever names it says that it is.
#[derive(Clone, Copy)]
struct Named {
    page: u64,
    sum: u128,
    /// Whoever names it is right by its own sum.
    surely: bool,
}

/// A page's octets and where its parts are; if they fit together.
type Read = Option<(Vec<u8>, Contents)>;

/// What keys in a page may be: greater than the first, up to the second.
type Bounds = (Option<Vec<u8>>, Option<Vec<u8>>);

impl Head {
    /// `None`: the disk cannot read it, or it is not all there.
    fn of(file: &File) -> io::Result<Option<Head>> {
        Self::read(file, |slot| is_sound(slot).then(|| commit(slot)).flatten())
    }

    /// As [`Head::of`]; a commit in which one octet is wrong counts as right.
    fn mended(file: &File, effort: &Cell<u64>) -> io::Result<Option<Head>> {
        Self::read(file, |slot| {
            let mut slot = slot.to_vec();
            (is_sound(&slot) || mend(&mut slot, COMMIT_OCTETS, effort, is_sound)).then(|| commit(&slot)).flatten()
        })
    }

    fn read(file: &File, commit: impl Fn(&[u8]) -> Option<Commit>) -> io::Result<Option<Head>> {
        let head = octets(file, 0..HEADER_OCTETS)?;
        Ok(head.map(|head| Head {
            flags: head.get(9).copied().unwrap_or(0),
            commits: [64, 192].map(|at| head.get(at..at + COMMIT_OCTETS).and_then(&commit)),
        }))
    }

    /// Whether it names the one before the last commit, though it counts as closed.
    fn is_behind(&self) -> bool {
        let number = |commit: Option<Commit>| commit.map(|commit| commit.number);
        let [named, other] = self.named_first();
        self.flags & RECOVERY_REQUIRED == 0 && named.is_some() && number(other) > number(named)
    }

    fn named_first(&self) -> [Option<Commit>; 2] {
        let [first, second] = self.commits;
        if self.flags & PRIMARY == 0 { [first, second] } else { [second, first] }
    }
}

/// Whether a commit in the header is as it was written.
fn is_sound(slot: &[u8]) -> bool {
    let parts = slot.split_at_checked(SUMMED_OCTETS);
    parts.is_some_and(|(said, sum)| said.first() == Some(&FORMAT) && u128_at(sum, 0) == Some(xxh3_128(said)))
}

/// Is there while redb has the file open, and after a crash until it was closed in order: so long its header may say for a moment
/// that it is closed and name the last commit but one, which is how redb begins after it has mended it.
pub(crate) fn in_use(file: &Path) -> PathBuf {
    file.with_extension("in-use")
}

/// Whether the header names the commit before the last one though the file was closed: redb would open it, without the last one.
pub(crate) fn is_behind(file: &Path) -> io::Result<bool> {
    Ok(!in_use(file).exists() && Head::of(&File::open(file)?)?.is_some_and(|head| head.is_behind()))
}

fn commit(slot: &[u8]) -> Option<Commit> {
    let root = if slot.get(1) == Some(&0) { None } else { Some(root(slot, 8, true)?) };
    Some(Commit { number: u64_at(slot, 104)?, root })
}

fn root(octets: &[u8], at: usize, surely: bool) -> Option<Named> {
    Some(Named { page: u64_at(octets, at)?, sum: u128_at(octets, at + 8)?, surely })
}

/// A row as it was found: its key and value.
pub(super) type Take<'a> = &'a mut dyn FnMut(Vec<u8>, Bytes) -> io::Result<()>;

/// The roots of tables, by their names; of an empty one none.
type Tables = BTreeMap<Vec<u8>, Option<Named>>;

/// redb's file, and the tables in it that were found.
pub(super) struct Tree<'a> {
    path: &'a Path,
    file: File,
    length: u64,
    /// What may still be done to find single wrong octets.
    effort: Cell<u64>,
    /// Pages that may still be followed: each stands in each commit's tree once, but in one that is damaged maybe in itself.
    pages_left: Cell<u64>,
    tables: Tables,
}

impl Tree<'_> {
    /// Looks up the tables: in the commit that counts, and those that are not right there in the other one.
    pub fn of<'a>(path: &'a Path, told: &mut dyn FnMut(Lost)) -> io::Result<Tree<'a>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let effort = Cell::new(EFFORT_OCTETS);
        let head = Head::mended(&file, &effort)?;
        let pages_left = Cell::new(2 * (length / PAGE_OCTETS));
        let mut tree = Tree { path, file, length, effort, pages_left, tables: Tables::new() };
        let Some(head) = head else { return Ok(tree) };
        let mut commits = head.named_first();
        if is_behind(path)? {
            commits.reverse();
        }
        if commits.first().is_some_and(Option::is_none) {
            told(Lost { file: path.to_owned(), at: 0..HEADER_OCTETS, kind: LostKind::Changes });
        }
        for root in commits.into_iter().flatten().filter_map(|commit| commit.root) {
            for (name, table) in tree.look_up(root, told)? {
                tree.tables.entry(name).or_insert(table);
            }
            if TABLES.iter().all(|name| tree.tables.contains_key(*name)) {
                break;
            }
        }
        Ok(tree)
    }

    /// The tables that a commit names. One that a wrong page names counts if its tree begins with a page that is right.
    fn look_up(&self, first: Named, told: &mut dyn FnMut(Lost)) -> io::Result<Tables> {
        let (mut found, mut surely) = (Tables::new(), true);
        let mut told = |lost| {
            surely = false;
            told(lost);
        };
        self.walk((first, 0), (None, None), &mut told, &mut |name, definition| {
            // What kind of table it is, how many rows it has, whether there is a root, and that.
            let tree = if definition.get(9) == Some(&0) { None } else { root(&definition, 10, true) };
            found.insert(name, tree);
            Ok(())
        })?;
        if !surely {
            let is_right = |tree: &Option<Named>| tree.is_some_and(|tree| matches!(self.read(&tree), Ok((_, true))));
            found.retain(|_, tree| is_right(tree));
        }
        Ok(found)
    }

    /// Gives all rows of the table to `take`; whether there is such a table.
    pub fn rows(&self, table: &str, told: &mut dyn FnMut(Lost), take: Take<'_>) -> io::Result<bool> {
        let Some(root) = self.tables.get(table.as_bytes()) else { return Ok(false) };
        root.map_or(Ok(()), |root| self.walk((root, 0), (None, None), told, take))?;
        Ok(true)
    }

    /// A page that is not as it was written is told, and what is in it taken all the same where its parts fit together: rows have
    /// sums of their own. It may be whole, and its name be wrong, in another page that is not: so it counts if pages that it names
    /// are right.
    fn walk(
        &self,
        (named, depth): (Named, u8),
        bounds: Bounds,
        told: &mut dyn FnMut(Lost),
        take: Take<'_>,
    ) -> io::Result<()> {
        let (page, is_right) = self.read(&named)?;
        let may_follow = depth < DEPTH_MAX && self.pages_left.get() > 0;
        self.pages_left.set(self.pages_left.get().saturating_sub(1));
        if !is_right || !may_follow {
            told(Lost { file: self.path.to_owned(), at: place_of(named.page), kind: LostKind::Rows });
        }
        match page {
            Some((page, Contents::Leaf(rows))) => {
                for (key, value) in rows {
                    let (Some(key), Some(value)) = (page.get(key), page.get(value)) else { continue };
                    if bounds.0.as_deref().is_none_or(|from| key > from) && !is_past(key, &bounds.1) {
                        take(key.to_vec(), Bytes::copy_from_slice(value))?;
                    }
                }
            }
            Some((page, Contents::Branch(children))) if may_follow => {
                if !is_right && !named.surely && !self.any_right(&children)? {
                    return Ok(());
                }
                let mut from = bounds.0;
                for (child, last) in children {
                    let last = last.and_then(|last| page.get(last)).filter(|last| !is_past(last, &bounds.1));
                    let to = last.map_or_else(|| bounds.1.clone(), |last| Some(last.to_vec()));
                    let child = Named { surely: is_right, ..child };
                    self.walk((child, depth + 1), (from.clone(), to.clone()), told, take)?;
                    from = from.max(to);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn any_right(&self, pages: &[(Named, Option<Range<usize>>)]) -> io::Result<bool> {
        for (named, _) in pages {
            if self.read(named)?.1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A page, and whether it is as it was written, but for one octet at most, which is made what it was.
    fn read(&self, named: &Named) -> io::Result<(Read, bool)> {
        let place = place_of(named.page);
        let fits = place.end <= self.length && place.end - place.start <= PAGE_OCTETS_MAX;
        let Some(mut page) = (if fits { octets(&self.file, place)? } else { None }) else { return Ok((None, false)) };
        let is_whole =
            |page: &[u8]| end(page).and_then(|end| page.get(..end)).is_some_and(|used| xxh3_128(used) == named.sum);
        let summed = page.len();
        let is_right = is_whole(&page) || named.surely && mend(&mut page, summed, &self.effort, is_whole);
        Ok((contents(&page).map(|contents| (page, contents)), is_right))
    }
}

fn is_past(key: &[u8], last: &Option<Vec<u8>>) -> bool {
    last.as_deref().is_some_and(|last| key > last)
}

fn place_of(page: u64) -> Range<u64> {
    let order = page >> 59;
    let (index, region) = (page & (0xf_ffff >> order), page >> 20 & 0xf_ffff);
    let octets = PAGE_OCTETS << order;
    let from = PAGE_OCTETS + region * REGION_OCTETS + index * octets;
    from..from + octets
}

/// Where the parts of a page are.
enum Contents {
    /// Keys and values.
    Leaf(Vec<(Range<usize>, Range<usize>)>),
    /// Children, and the last key that each may have.
    Branch(Vec<(Named, Option<Range<usize>>)>),
}

/// Where what is in use of a page ends.
fn end(page: &[u8]) -> Option<usize> {
    let (kind, count) = kind(page)?;
    let place = match kind {
        LEAF => 4 + 8 * count - 4,
        BRANCH => 8 + 24 * (count + 1) + 4 * count - 4,
        _ => return None,
    };
    Some(u32::from_le_bytes(page.get(place..place + 4)?.try_into().ok()?) as usize)
}

/// What a page is, and how many keys it has: one at least.
fn kind(page: &[u8]) -> Option<(u8, usize)> {
    let count = u16::from_le_bytes(page.get(2..4)?.try_into().ok()?);
    Some((*page.first()?, usize::from(count))).filter(|(_, count)| *count > 0)
}

/// `None` where it is not as redb writes them.
fn contents(page: &[u8]) -> Option<Contents> {
    let (kind, count) = kind(page)?;
    match kind {
        LEAF => {
            let keys = parts(page, 4, count, 4 + 8 * count)?;
            let values = parts(page, 4 + 4 * count, count, keys.last()?.end)?;
            Some(Contents::Leaf(keys.into_iter().zip(values).collect()))
        }
        BRANCH => {
            let (sums, pages) = (8, 8 + 16 * (count + 1));
            let ends = pages + 8 * (count + 1);
            let keys = parts(page, ends, count, ends + 4 * count)?;
            let child = |n| {
                Some(Named { page: u64_at(page, pages + 8 * n)?, sum: u128_at(page, sums + 16 * n)?, surely: false })
            };
            let children: Option<Vec<_>> = (0..=count).map(child).collect();
            let keys = keys.into_iter().map(Some).chain([None]);
            Some(Contents::Branch(children?.into_iter().zip(keys).collect()))
        }
        _ => None,
    }
}

/// So many parts, whose ends stand at `ends`, one behind the other from `start`.
fn parts(page: &[u8], ends: usize, count: usize, start: usize) -> Option<Vec<Range<usize>>> {
    let mut from = start;
    let part = |n| {
        let end = page.get(ends + 4 * n..ends + 4 * n + 4)?.try_into().ok()?;
        let to = u32::from_le_bytes(end) as usize;
        let part = from..to;
        from = to;
        (part.start <= part.end && part.end <= page.len()).then_some(part)
    };
    (0..count).map(part).collect()
}

fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(octets.get(at..at + 8)?.try_into().ok()?))
}

fn u128_at(octets: &[u8], at: usize) -> Option<u128> {
    Some(u128::from_le_bytes(octets.get(at..at + 16)?.try_into().ok()?))
}
