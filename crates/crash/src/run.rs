//! One sequence: recorded, its states enumerated, each rebuilt and judged.

use crate::dice::Dice;
use crate::disk::Disk;
use crate::host::Setting;
use crate::judge::{Promise, judge};
use crate::marks::Reached;
use crate::plan::{ACCOUNTS, Plan, State};
use crate::record::{Kind, Record};
use crate::states::{Class, Image, states};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use store_local::Backend;
use tempfile::TempDir;

/// What is looked at beyond what must be.
#[derive(Clone, Copy)]
pub struct Depth {
    /// States by dice at each point.
    pub random: usize,
    /// So many points in a hundred are looked at.
    pub points: u64,
    /// So many states in a hundred of each of these, beside those that always are.
    pub states: u64,
}

const SIGKILL: i32 = 9;

/// Syncs that did nothing, say: whoever judges must find them missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doctored {
    /// Those of the journal, or redb's file.
    Rows,
    /// Those of blobs before they get their names.
    Blobs,
    /// Those of the folders that blobs lie in.
    BlobFolders,
}

/// A state that broke a promise.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its number within the sequence.
    pub state: usize,
    /// How many records had happened.
    pub point: usize,
    /// What it was made of.
    pub class: Class,
    /// What is wrong.
    pub wrong: Vec<String>,
}

/// What came of a sequence.
#[derive(Default)]
pub struct Report {
    /// Operations in the record.
    pub records: usize,
    /// Points in it that were looked at.
    pub points: usize,
    /// States there, equal ones too.
    pub states: u64,
    /// Judged.
    pub judged: BTreeMap<Class, u64>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether one of the findings says so.
    pub fn says(&self, what: &str) -> bool {
        self.findings.iter().flat_map(|finding| &finding.wrong).any(|wrong| wrong.contains(what))
    }
}

/// Builds the recorder into `folder`; where it is.
///
/// # Errors
/// When there is no C compiler, or it refuses.
pub fn build_shim(folder: &Path) -> io::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/shim.c");
    let shim = folder.join("shim.so");
    let status =
        Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&shim).arg(source).arg("-ldl").status()?;
    if status.success() { Ok(shim) } else { Err(io::Error::other("cc refuses interop/shim.c")) }
}

/// Runs the sequence as `program write` under the recorder. In some plans it is killed and goes on from what it finds: what a
/// process sees that nobody synced can still be lost.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn record(program: &Path, shim: &Path, backend: Backend, seed: u64, to: &Path) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    File::create(data.with_extension("mark"))?;
    File::create(to)?; // an older record would be written on
    let mut write = Command::new(program);
    write.args(["write", backend.name(), &seed.to_string()]).arg(&data);
    write.env("LD_PRELOAD", shim).env("SHIM_UNDER", &data).env("SHIM_RECORD", to);
    if let Some(point) = Plan::new(seed).killed_at {
        let action = if point.is_multiple_of(2) { "kill-before" } else { "kill-after" };
        let status = write.env("SHIM_AT", format!("*:{point}:{action}")).status()?;
        write.env_remove("SHIM_AT");
        if status.success() {
            return Ok(()); // it was over by then
        }
        if status.signal() != Some(SIGKILL) {
            return Err(io::Error::other(format!("the writer of seed {seed} failed before it was killed")));
        }
    }
    let whole = write.status()?.success() && fs::metadata(to)?.len() > 0;
    if whole { Ok(()) } else { Err(io::Error::other(format!("the writer of seed {seed} failed, or was not recorded"))) }
}

/// No file has this number: a sync of it makes nothing durable.
const OF_NOTHING: u64 = u64::MAX;

/// Makes some syncs of a record do nothing.
pub fn doctor(records: &mut [Record], doctored: Doctored) {
    let is_hit = |record: &Record| match doctored {
        Doctored::Rows => !record.folder && (record.path.ends_with(".jnl") || record.path.ends_with("rows.redb")),
        Doctored::Blobs => !record.folder && record.path.starts_with("blobs/tmp/"),
        Doctored::BlobFolders => record.folder && record.path.starts_with("blobs/"),
    };
    let syncs = records.iter_mut().filter(|record| matches!(record.kind, Kind::Sync | Kind::Synced) && is_hit(record));
    syncs.for_each(|record| (record.inode, record.folder) = (OF_NOTHING, false));
}

/// Goes through all points of a record.
pub struct Walk<'a> {
    /// Whose record this is.
    pub seed: u64,
    /// The engine that made it.
    pub backend: Backend,
    /// How much is looked at.
    pub depth: Depth,
    /// The one state that is wanted.
    pub only: Option<usize>,
    /// Where states are rebuilt.
    pub folder: &'a Path,
}

/// One in so many states is opened a second time.
const THOROUGH_EVERY: usize = 4;
/// States of a point are numbered from its number times this: there are never so many.
const STATES_OF_A_POINT_MAX: usize = 100;
/// One in so many points that nothing speaks for is looked at.
const POINT_EVERY: usize = 12;

impl Walk<'_> {
    /// Judges the states of all points.
    pub fn go(&self, records: &[Record]) -> Report {
        let plan = Plan::new(self.seed);
        let after: Vec<Vec<State>> = (0..ACCOUNTS).map(|account| plan.states(account)).collect();
        let setting = Setting::of(&plan, self.backend);
        let (mut disk, mut reached, mut seen) = (Disk::default(), Reached::default(), HashSet::new());
        let mut report = Report { records: records.len(), ..Report::default() };
        for point in 0..=records.len() {
            if self.is_wanted(records, point) {
                report.points += 1;
                let promise = Promise { seed: self.seed, setting, states: &after, reached };
                for (state, class, image) in self.chosen(&disk, point, &mut report) {
                    if seen.insert((image.fingerprint(), reached.done)) {
                        self.look(&mut report, (point, class, state), &image, &promise);
                    }
                }
            }
            if let Some(record) = records.get(point) {
                disk.step(point, record);
                reached.step(record);
            }
        }
        report
    }

    /// Most is under way, and most was promised, just before a sync succeeds; names change one by one.
    fn is_wanted(&self, records: &[Record], point: usize) -> bool {
        let (next, last) = (records.get(point), point.checked_sub(1).and_then(|last| records.get(last)));
        let matters = next.is_none_or(|next| next.kind == Kind::Synced)
            || last.is_some_and(|last| matches!(last.kind, Kind::Rename | Kind::Unlink))
            || Dice::new(self.seed, 2 << 32 | point as u64).below(POINT_EVERY) == 0;
        matters && Dice::new(self.seed, 4 << 32 | point as u64).chance(self.depth.points)
    }

    /// The states of a point that are to be judged, with their numbers, by which they are found again at any depth.
    fn chosen(&self, disk: &Disk, point: usize, report: &mut Report) -> Vec<(usize, Class, Image)> {
        let mut numbers = Vec::new();
        let mut number = point * STATES_OF_A_POINT_MAX;
        let mut wanted = |class: Class| {
            report.states += 1;
            number += 1;
            let wanted = match self.only {
                Some(only) => only == number,
                None => {
                    class.is_always_judged() || Dice::new(self.seed, 3 << 32 | number as u64).chance(self.depth.states)
                }
            };
            if wanted {
                numbers.push(number);
            }
            wanted
        };
        let dice = Dice::new(self.seed, 1 << 32 | point as u64);
        let states = states(disk, self.depth.random, dice, &mut wanted);
        numbers.into_iter().zip(states).map(|(number, (class, image))| (number, class, image)).collect()
    }

    fn look(
        &self,
        report: &mut Report,
        (point, class, state): (usize, Class, usize),
        image: &Image,
        promise: &Promise,
    ) {
        *report.judged.entry(class).or_default() += 1;
        rebuild(image, self.folder).expect("states are rebuilt in memory");
        if self.only.is_some() {
            println!("state {state}, {class:?} at point {point}, {:?}", promise.reached);
            println!("rebuilt in {}", self.folder.display());
        }
        let thorough = state.is_multiple_of(THOROUGH_EVERY);
        let judged = catch_unwind(AssertUnwindSafe(|| judge(self.folder, promise, thorough)));
        let wrong = judged.unwrap_or_else(|_| vec!["panicked".into()]);
        if !wrong.is_empty() {
            report.findings.push(Finding { state, point, class, wrong });
        }
    }
}

/// Linux has a disk of memory there, which syncs cost nothing.
const MEMORY: &str = "/dev/shm";

/// A folder to rebuild states in: in memory where there is such a place.
///
/// # Errors
/// Those of the disk.
pub fn workplace() -> io::Result<TempDir> {
    let place = Some(PathBuf::from(MEMORY)).filter(|memory| memory.is_dir()).unwrap_or_else(std::env::temp_dir);
    tempfile::Builder::new().prefix("crash-").tempdir_in(place)
}

/// Makes the data folder what the image says.
///
/// # Errors
/// Those of the disk.
pub fn rebuild(image: &Image, data: &Path) -> io::Result<()> {
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    fs::create_dir_all(data)?;
    for (path, content) in &image.0 {
        let path = data.join(path);
        match content {
            None => fs::create_dir(path)?,
            Some(content) => content.save(&path)?,
        }
    }
    Ok(())
}
