//! Which states a power cut may leave at one point of the record.

use crate::content::Content;
use crate::dice::Dice;
use crate::disk::{Change, Disk, FileId, Names, Node, Pending, folder_of};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a disk writes whole or not at all.
const SECTORS: [u64; 2] = [512, 4096];
/// Of many writes under way, so many are left out one at a time.
const MISSING_MAX: usize = 4;

/// How a state differs from what the program did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// All that was under way is lost.
    Nothing,
    /// All of it arrived: the process alone was killed.
    Everything,
    /// The octets arrived, the names did not.
    OctetsOnly,
    /// The names arrived, the octets did not.
    NamesOnly,
    /// One write is missing, the others arrived.
    OneWriteMissing,
    /// One name is missing, all else arrived.
    OneNameMissing,
    /// The last write is cut at a sector, the file ends there.
    TornShort,
    /// The last write is cut at a sector, behind it is what was there before, or zeros.
    TornBehind,
    /// Files have grown, with zeros.
    GrownEmpty,
    /// Any of the writes, whole or some sectors of them, and any of the names.
    Some,
}

impl Class {
    /// All there are.
    pub const ALL: [Class; 10] = [
        Class::Nothing,
        Class::Everything,
        Class::OctetsOnly,
        Class::NamesOnly,
        Class::OneWriteMissing,
        Class::OneNameMissing,
        Class::TornShort,
        Class::TornBehind,
        Class::GrownEmpty,
        Class::Some,
    ];

    /// There are few of these, and a real power cut is most like them.
    pub fn is_always_judged(self) -> bool {
        matches!(self, Class::Nothing | Class::Everything | Class::TornShort | Class::TornBehind)
    }
}

/// What becomes of one write.
#[derive(Clone, Debug)]
enum Fate {
    Missing,
    Whole,
    /// The file is long enough, the octets are not there.
    Grown,
    /// Cut at this place of the file; whether the file ends there.
    Cut(u64, bool),
    /// Each sector by itself.
    Sectors(u64, Dice),
}

/// The files as the next start finds them.
#[derive(Clone, Default)]
pub struct Image(pub BTreeMap<String, Option<Arc<Content>>>);

impl Image {
    /// Equal for equal images.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for (path, content) in &self.0 {
            hasher.update(path.as_bytes()).update(&[0, u8::from(content.is_some())]);
            if let Some(content) = content {
                content.add_to(&mut hasher);
            }
        }
        hasher.finalize().into()
    }
}

/// The writes and names under way at a point, and what is decided about each.
struct Chooser<'a> {
    disk: &'a Disk,
    writes: Vec<(FileId, &'a Pending<Change>)>,
    random: usize,
    dice: Dice,
    wanted: &'a mut dyn FnMut(Class) -> bool,
    states: Vec<(Class, Image)>,
}

/// States of the disk as it is now, `random` of them by dice; of all these the `wanted` ones.
pub fn states(disk: &Disk, random: usize, dice: Dice, wanted: &mut dyn FnMut(Class) -> bool) -> Vec<(Class, Image)> {
    let mut writes: Vec<(FileId, &Pending<Change>)> = Vec::new();
    for (id, file) in disk.files.iter().enumerate() {
        writes.extend(file.pending.iter().map(|pending| (id, pending)));
    }
    writes.sort_by_key(|(_, pending)| pending.number);
    let mut chooser = Chooser { disk, writes, random, dice, wanted, states: Vec::new() };
    chooser.whole_ones();
    chooser.missing_ones();
    chooser.torn_ones();
    chooser.random_ones();
    chooser.states
}

impl Chooser<'_> {
    fn whole_ones(&mut self) {
        self.add(Class::Nothing, |_| Fate::Missing, |_| false);
        self.add(Class::Everything, |_| Fate::Whole, |_| true);
        self.add(Class::OctetsOnly, |_| Fate::Whole, |_| false);
        self.add(Class::NamesOnly, |_| Fate::Missing, |_| true);
        self.add(Class::GrownEmpty, |_| Fate::Grown, |_| true);
    }

    fn missing_ones(&mut self) {
        for missing in self.some_of(self.writes.len()) {
            let fate = |write| if write == missing { Fate::Missing } else { Fate::Whole };
            self.add(Class::OneWriteMissing, fate, |_| true);
        }
        for missing in self.some_of(self.disk.pending.len()) {
            self.add(Class::OneNameMissing, |_| Fate::Whole, |name| name != missing);
        }
    }

    fn torn_ones(&mut self) {
        let Some(last) = self.writes.iter().rposition(|(_, write)| matches!(write.change, Change::Write(..))) else {
            return;
        };
        let Change::Write(at, data) = &self.writes[last].1.change else { return };
        let (first, end) = (*at, at + data.len() as u64);
        for sector in SECTORS {
            let edges = end.div_ceil(sector).saturating_sub(first / sector + 1) as usize;
            if edges == 0 {
                continue; // it lies in one sector
            }
            let edge = (first / sector + 1 + self.dice.below(edges) as u64) * sector;
            for (class, ends) in [(Class::TornShort, true), (Class::TornBehind, false)] {
                let fate = |write| if write == last { Fate::Cut(edge, ends) } else { Fate::Whole };
                self.add(class, fate, |_| true);
            }
        }
    }

    fn random_ones(&mut self) {
        for _ in 0..self.random {
            let share = *self.dice.pick(&[20, 50, 80]);
            let names: Vec<bool> = self.disk.pending.iter().map(|_| self.dice.chance(share)).collect();
            let fates: Vec<Fate> = self.writes.iter().map(|_| random_fate(share, &mut self.dice)).collect();
            self.add(Class::Some, |write| fates[write].clone(), |name| names[name]);
        }
    }

    /// Up to [`MISSING_MAX`] of so many numbers; the last ones matter most often.
    fn some_of(&mut self, count: usize) -> Vec<usize> {
        if count <= MISSING_MAX {
            return (0..count).collect();
        }
        let mut some: Vec<usize> = (1..MISSING_MAX).map(|_| self.dice.below(count)).collect();
        some.push(count - 1);
        some
    }

    fn add(&mut self, class: Class, fate: impl Fn(usize) -> Fate, is_there: impl Fn(usize) -> bool) {
        if !(self.wanted)(class) {
            return;
        }
        let mut names = self.disk.durable.clone();
        for (number, pending) in self.disk.pending.iter().enumerate() {
            if is_there(number) {
                pending.change.apply(&mut names);
            }
        }
        let mut contents: HashMap<FileId, Content> = HashMap::new();
        for (number, (id, pending)) in self.writes.iter().enumerate() {
            let content = contents.entry(*id).or_insert_with(|| (*self.disk.files[*id].durable).clone());
            apply(&pending.change, fate(number), content);
        }
        self.states.push((class, image(self.disk, &names, contents)));
    }
}

fn random_fate(share: u64, dice: &mut Dice) -> Fate {
    if !dice.chance(share) {
        return if dice.chance(20) { Fate::Grown } else { Fate::Missing };
    }
    if dice.chance(25) { Fate::Sectors(*dice.pick(&SECTORS), dice.clone()) } else { Fate::Whole }
}

fn apply(change: &Change, fate: Fate, content: &mut Content) {
    let (at, data) = match (change, &fate) {
        (_, Fate::Missing) => return,
        (Change::Write(at, data), _) => (*at, data),
        (change, _) => return change.apply(content),
    };
    let end = at + data.len() as u64;
    match fate {
        Fate::Missing => {}
        Fate::Whole => content.write(at, data),
        Fate::Grown => content.set_length(content.length().max(end)),
        Fate::Cut(edge, ends) => {
            content.write_part(at, data, at..edge);
            if !ends {
                content.set_length(content.length().max(end));
            }
        }
        Fate::Sectors(sector, mut dice) => {
            content.set_length(content.length().max(end));
            for number in at / sector..end.div_ceil(sector) {
                if dice.chance(50) {
                    content.write_part(at, data, number * sector..(number + 1) * sector);
                }
            }
        }
    }
}

/// The files with a name in folders that are there.
fn image(disk: &Disk, names: &Names, contents: HashMap<FileId, Content>) -> Image {
    let contents: HashMap<FileId, Arc<Content>> =
        contents.into_iter().map(|(id, content)| (id, Arc::new(content))).collect();
    let mut image = Image::default();
    for (path, node) in names {
        let folder = folder_of(path);
        // A folder's name sorts before those of what lies in it.
        if !folder.is_empty() && image.0.get(folder).is_none_or(Option::is_some) {
            continue;
        }
        let content = match node {
            Node::Folder => None,
            Node::File(id) => Some(contents.get(id).unwrap_or(&disk.files[*id].durable).clone()),
        };
        image.0.insert(path.clone(), content);
    }
    image
}
