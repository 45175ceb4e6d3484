//! One octet of a small store is another one: whatever octet it is, that is found and named, mail is as it was or refused, and
//! nothing is missing without a word. A store whose files are damaged is then repaired: it is sound again, and has
//! all mail, or what is missing is named. A few hundred octets in the ordinary suite; `cargo xtask flips` takes all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

mod flips {
    pub mod flush;
    pub mod house;
    pub mod look;
}

use flips::house::{House, State};
use flips::look::{Look, Sight};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use store_local::Backend;

/// Flips in fjall's tables and lists of them, of which there are many files: each makes a new store.
const LISTS_WANTED: usize = 8;

/// What became of flips, by file.
#[derive(Default, Debug)]
struct Tally {
    flips: usize,
    /// Nothing reads the octet, or it means nothing.
    harmless: usize,
    /// The store does not open, and says why.
    unopened: usize,
    /// Of these, repaired, so many have all mail.
    whole_again: usize,
    /// Named, and some mail is refused.
    refused: usize,
    /// Named, and all mail is there.
    named: usize,
    most_refused: usize,
}

/// How many octets lie between two that are flipped, and at which the first one lies.
fn stride(octets: usize, wanted: usize) -> usize {
    match std::env::var("FLIPS_EVERY").ok().and_then(|every| every.parse().ok()) {
        Some(every) => every,
        None => (octets / wanted).max(1) | 1,
    }
}

/// The same names on each engine, so that the table can be read.
fn shown(file: &Path) -> String {
    let name = file.display().to_string();
    let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
    name.chars().map(digits).collect::<String>().replace("##", "#").replace("##", "#")
}

fn run(house: &House, wanted: usize) -> BTreeMap<String, Tally> {
    let look = Look::of(house);
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut holes = Vec::new();
    for file in house.files() {
        let whole = fs::read(house.path().join(&file)).unwrap();
        let tally = tallies.entry(shown(&file)).or_default();
        let wanted = if file.starts_with("store/rows/keyspaces") { wanted.min(LISTS_WANTED) } else { wanted };
        // Pages that are not in use are the same wherever they lie.
        let offsets = (0..whole.len()).step_by(stride(whole.len(), wanted));
        for at in
            offsets.filter(|at| *at % 512 == 0 || whole[at / 512 * 512..].iter().take(512).any(|octet| *octet != 0))
        {
            tally.flips += 1;
            let mut flipped = whole.clone();
            flipped[at] ^= if at % 2 == 0 { 0xff } else { 1 << (at % 8) };
            let sight = catch_unwind(AssertUnwindSafe(|| look.at(&file, &flipped)));
            match sight {
                Ok(Sight::Same) => tally.harmless += 1,
                Ok(Sight::Unopened { why, .. }) if !why.contains("store") => {
                    holes.push(format!("{} at {at}: {why}", file.display()))
                }
                Ok(Sight::Unopened { missing, .. }) => {
                    tally.unopened += 1;
                    tally.whole_again += usize::from(missing == 0);
                    tally.most_refused = tally.most_refused.max(missing);
                }
                Ok(Sight::Named { refused: 0 }) => tally.named += 1,
                Ok(Sight::Named { refused }) => {
                    tally.refused += 1;
                    tally.most_refused = tally.most_refused.max(refused);
                }
                Ok(Sight::Hole(what)) => holes.push(format!("{} at {at}: {what}", file.display())),
                Err(_) => holes.push(format!("{} at {at}: it panicked", file.display())),
            }
        }
    }
    look.restore();
    assert!(holes.is_empty(), "{} holes:\n{}", holes.len(), holes[..holes.len().min(60)].join("\n"));
    tallies
}

fn told(title: &str, messages: usize, tallies: &BTreeMap<String, Tally>) {
    println!("{title}, {messages} messages");
    println!(
        "{:<44} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}",
        "file", "flips", "harmless", "unopened", "whole", "named", "refused", "most"
    );
    for (file, tally) in tallies {
        let Tally { flips, harmless, unopened, whole_again, named, refused, most_refused } = tally;
        print!("{file:<44} {flips:>8} {harmless:>8} {unopened:>8} {whole_again:>8} ");
        println!("{named:>8} {refused:>8} {most_refused:>6}");
    }
}

fn engine(backend: Backend, state: State, wanted: usize) {
    let house = House::new(backend, state);
    let tallies = run(&house, wanted);
    told(&format!("{backend}, {state:?}"), house.mail.len(), &tallies);
    assert!(tallies.values().any(|tally| tally.refused + tally.named > 0), "nothing was found: {tallies:?}");
}

#[test]
fn in_the_journal_of_fjall() {
    engine(Backend::Fjall, State::Journal, 50);
}

#[test]
fn in_the_tables_of_fjall() {
    engine(Backend::Fjall, State::Tables, 6);
}

#[test]
fn in_the_file_of_redb() {
    engine(Backend::Redb, State::Tables, 60);
}

/// The other files of a store are looked at with either engine.
#[test]
fn the_files_that_are_flipped_are_all_there_are() {
    let house = House::new(Backend::Fjall, State::Journal);
    let files: Vec<PathBuf> = house.files();
    let has = |part: &str| files.iter().any(|file| file.display().to_string().contains(part));
    assert!(has("FORMAT") && has("jnl") && has("blobs/"), "{files:?}");
}
