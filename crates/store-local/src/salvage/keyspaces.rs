//! Which of fjall's folders hold what, and which tables in them count.

use super::archive::{Archive, octets};
use super::merge::{Latest, Merge};
use super::table::Table;
use super::{Lost, LostKind};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use store::Space;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A table that is in use, and the sum of its file, if that is known.
#[derive(Debug)]
pub(super) struct Live {
    pub path: PathBuf,
    pub sum: Option<u128>,
}

/// Tables of a keyspace.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub live: Vec<Live>,
    /// Why the list of tables is not known: all that lie there are taken. One that was merged into others, and that a crash
    /// kept from being removed, has rows which were deleted since: they come back.
    pub unlisted: Option<String>,
}

/// fjall's list of keyspaces is one itself.
const NAMES: u64 = 0;
/// In it: the name of the keyspace whose number follows.
const NAME: u8 = b'n';
/// A list of tables is some 33 octets for each of them.
const VERSION_OCTETS_MAX: u64 = 64 << 20;
const PIECE_OCTETS: usize = 1 << 18;

fn name_of(space: Space) -> &'static str {
    match space {
        Space::Rows => "rows",
        Space::Bodies => "bodies",
    }
}

pub(super) fn folder(rows: &Path, id: u64) -> PathBuf {
    rows.join("keyspaces").join(id.to_string())
}

/// The numbers of all keyspaces, in the order in which they were made.
pub(super) fn all(rows: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(rows.join("keyspaces")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// The number of each space's keyspace. Where fjall's list of names cannot be read, they are in the order in which they are
/// made, rows first: no other keyspace was ever made.
pub(super) fn numbers(rows: &Path) -> io::Result<[(Space, u64); 2]> {
    let ids: Vec<u64> = all(rows)?.into_iter().filter(|id| *id != NAMES).collect();
    let names = names(rows)?;
    let named = |space: Space| names.iter().find(|(_, name)| **name == name_of(space)).map(|(id, _)| *id);
    let taken: Vec<u64> = names.keys().copied().collect();
    let mut others = ids.into_iter().filter(|id| !taken.contains(id));
    let mut number = |space: Space, made: u64| named(space).or_else(|| others.next()).unwrap_or(made);
    Ok([(Space::Rows, number(Space::Rows, 1)), (Space::Bodies, number(Space::Bodies, 2))])
}

fn names(rows: &Path) -> io::Result<BTreeMap<u64, String>> {
    let mut names = BTreeMap::new();
    let found = tables(rows, NAMES, &mut |_| {})?;
    let opened = found.live.iter().map(|table| Table::of(&table.path)).collect::<io::Result<_>>()?;
    let mut merge = Merge::of(opened, Latest::new(), &mut |_| {})?;
    while let Some((key, name)) = merge.next_row(&mut |_| {})? {
        let id = key.strip_prefix(&[NAME]).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
        names.extend(id.zip(String::from_utf8(name.to_vec()).ok()));
    }
    Ok(names)
}

/// The tables of a keyspace that are in use; those that are missing are told.
pub(super) fn tables(rows: &Path, id: u64, told: &mut dyn FnMut(Lost)) -> io::Result<Tables> {
    let folder = folder(rows, id);
    let place = folder.join("tables");
    let listed = match listed(&folder)? {
        Ok(listed) => listed,
        Err(why) => {
            let mut live = Vec::new();
            let entries = match fs::read_dir(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                entries => Some(entries?),
            };
            for entry in entries.into_iter().flatten() {
                let path = entry?.path();
                let is_table =
                    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u64>().is_ok());
                live.extend(is_table.then_some(Live { path, sum: None }));
            }
            live.sort_by(|one, other| one.path.cmp(&other.path));
            return Ok(Tables { live, unlisted: Some(why) });
        }
    };
    let mut tables = Tables::default();
    for (id, sum) in listed {
        let path = place.join(id.to_string());
        match path.try_exists()? {
            true => tables.live.push(Live { path, sum: Some(sum) }),
            false => told(Lost { file: path, at: 0..0, kind: LostKind::Table }),
        }
    }
    Ok(tables)
}

/// What `current` names: the list of tables with their sums; or why it cannot be read.
fn listed(folder: &Path) -> io::Result<Result<Vec<(u64, u128)>, String>> {
    let current = folder.join("current");
    let bad = |file: &Path| Ok(Err(format!("{} is not as it was written", file.display())));
    let Some(said) = whole(&current)? else { return bad(&current) };
    let split = said.split_first_chunk().and_then(|(id, rest)| Some((id, rest.split_first_chunk()?)));
    let Some((id, (sum, [0]))) = split else { return bad(&current) };
    let file = folder.join(format!("v{}", u64::from_le_bytes(*id)));
    let Some(version) = whole(&file)? else { return bad(&current) };
    if xxh3_128(&version) != u128::from_le_bytes(*sum) {
        return bad(&file);
    }
    let opened = File::open(&file)?;
    let section = Archive::of(&opened)?.and_then(|archive| archive.section("tables"));
    let tables = section.map_or(Ok(None), |place| octets(&opened, place))?;
    Ok(tables.and_then(|tables| decode(&tables)).ok_or_else(|| format!("{} is of another version", file.display())))
}

/// A small file; `None`: it is missing, too long or out of the disk's reach.
fn whole(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let length = opened.metadata()?.len();
    if length > VERSION_OCTETS_MAX { Ok(None) } else { octets(&opened, 0..length) }
}

/// Levels (u8), runs of each (u8), tables of each (u32): number (u64), kind of sum (u8), sum (u128), a number of a batch (u64)
/// that is 0 for all that we write.
fn decode(mut rest: &[u8]) -> Option<Vec<(u64, u128)>> {
    fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
        let (taken, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(*taken)
    }
    let mut tables = Vec::new();
    let [levels] = take(&mut rest)?;
    for _ in 0..levels {
        let [runs] = take(&mut rest)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
                let id = u64::from_le_bytes(take(&mut rest)?);
                let [0] = take(&mut rest)? else { return None };
                tables.push((id, u128::from_le_bytes(take(&mut rest)?)));
                let _batch: [u8; 8] = take(&mut rest)?;
            }
        }
    }
    rest.is_empty().then_some(tables)
}

/// Why fjall must not be let near these files: it asks for as much memory as a damaged count says, and ends the process when
/// there is not so much; and what a list that is lost does not name any more it deletes.
pub(super) fn dangerous(rows: &Path) -> io::Result<Option<String>> {
    let ids = all(rows)?;
    if ids.first().is_some_and(|first| *first != NAMES) {
        return Ok(Some(format!("{} is missing", folder(rows, NAMES).display())));
    }
    for id in ids {
        let found = tables(rows, id, &mut |_| {})?; // fjall says so itself
        // What was not made to its end has neither.
        let is_made = folder(rows, id).join("current").try_exists()? || !found.live.is_empty();
        if let Some(why) = found.unlisted.filter(|_| is_made) {
            return Ok(Some(why));
        }
        for Live { path, .. } in found.live {
            if Archive::of(&File::open(&path)?)?.is_none() {
                return Ok(Some(format!("{} is not as it was written", path.display())));
            }
        }
    }
    Ok(None)
}

/// Reads every file that is in use, and says which are not as they were written.
pub(super) fn changed(rows: &Path) -> io::Result<Vec<String>> {
    let mut changed = Vec::new();
    for id in all(rows)? {
        let found = tables(rows, id, &mut |lost| changed.push(format!("{} is missing", lost.file.display())))?;
        changed.extend(found.unlisted);
        for table in found.live {
            if table.sum.is_some() && sum_of(&table.path)? != table.sum {
                changed.push(format!("{} is not as it was written", table.path.display()));
            }
        }
    }
    Ok(changed)
}

fn sum_of(file: &Path) -> io::Result<Option<u128>> {
    let (mut sum, mut file, mut piece) = (Xxh3::new(), File::open(file)?, vec![0; PIECE_OCTETS]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Some(sum.digest128())),
            Ok(octets) => sum.update(piece.get(..octets).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if super::archive::is_bad_sector(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}
