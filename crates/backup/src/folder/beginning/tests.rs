use super::super::{Folder, MARK};
use super::*;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a creation makes, in its order: a folder, or a file and its content.
fn steps() -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let dir = |path: String| (PathBuf::from(path), None);
    let mut steps = vec![(LOCK.into(), Some(Vec::new()))];
    steps.extend([TEMPORARY, MANIFESTS, OBJECTS].map(|path| dir(path.to_owned())));
    steps.extend((0..=u8::MAX).map(|first| dir(format!("{OBJECTS}/{first:02x}"))));
    let mark = mark_text().into_bytes();
    let drafts = [0, 1, 40, mark.len()].map(|octets| mark[..octets].to_vec());
    let lost = vec![0; mark.len()];
    steps.extend(drafts.into_iter().chain([lost]).map(|draft| (format!("{TEMPORARY}/1").into(), Some(draft))));
    steps
}

fn make(top: &Path, (path, content): &(PathBuf, Option<Vec<u8>>)) {
    let path = top.join(path);
    match content {
        Some(content) => fs::write(path, content).unwrap(),
        None => fs::create_dir_all(path).unwrap(),
    }
}

/// All paths below.
fn tree(top: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![top.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            left.extend(path.is_dir().then(|| path.clone()));
            found.insert(path.strip_prefix(top).unwrap().to_owned());
        }
    }
    found
}

#[test]
fn a_creation_that_ended_anywhere_is_gone_on_with() {
    let top = tempfile::tempdir().unwrap();
    let whole = top.path().join("whole");
    drop(Folder::open_or_make(&whole).unwrap());
    let whole = tree(&whole);
    let mut made: BTreeSet<_> = steps().into_iter().map(|(path, _)| path).filter(|path| !path.ends_with("1")).collect();
    made.insert(MARK.into());
    assert_eq!(made, whole, "the steps are those of a creation");
    let begun = top.path().join("begun");
    fs::create_dir(&begun).unwrap();
    for (ended, step) in steps().iter().enumerate() {
        assert!(is_ours(&begun).unwrap(), "after {ended} steps");
        make(&begun, step);
        // The folders of objects are all alike: a few stand for them, so that the test is short.
        if step.0.starts_with(OBJECTS) && ended % 64 > 0 {
            continue;
        }
        let folder = top.path().join(ended.to_string());
        fs::create_dir(&folder).unwrap();
        steps().iter().take(ended).for_each(|step| make(&folder, step));
        drop(Folder::open_or_make(&folder).unwrap_or_else(|error| panic!("after {ended} steps: {error}")));
        assert_eq!(tree(&folder), whole, "after {ended} steps");
        Folder::open(&folder).unwrap();
    }
    drop(Folder::open_or_make(&begun).unwrap());
    assert_eq!(tree(&begun), whole);
}

#[test]
fn what_is_somebody_elses_is_refused_and_left() {
    let foreign =
        ["letter", "tmp/2", "tmp/letter", "tmp/1", "manifests/x", "objects/x", "objects/AB", "objects/ab/x", "lock"];
    for name in foreign {
        let top = tempfile::tempdir().unwrap();
        steps().iter().filter(|(_, content)| content.is_none()).for_each(|step| make(top.path(), step));
        let path = top.path().join(name);
        fs::write(&path, "mine").unwrap();
        let refused = Folder::open_or_make(top.path()).err();
        assert!(matches!(refused, Some(Error::Foreign { .. })), "{name}: {refused:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
    for name in [LOCK, MARK] {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join(name)).unwrap();
        assert!(Folder::open_or_make(top.path()).is_err(), "{name} is a folder");
    }
}

/// A disk that was made for backups.
#[test]
fn a_new_file_system_is_empty() {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir(top.path().join("lost+found")).unwrap();
    drop(Folder::open_or_make(top.path()).unwrap());
    Folder::open(top.path()).unwrap();
}

#[test]
fn of_first_creations_at_once_each_makes_it_or_waits() {
    let top = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let folder = top.path().join(round.to_string());
        let open = || match Folder::open_or_make(&folder) {
            Ok(_) => true,
            Err(Error::Locked(_)) => false,
            Err(other) => panic!("{other}"),
        };
        let opened = std::thread::scope(|scope| {
            let all = [(); 4].map(|()| scope.spawn(open));
            all.map(|one| one.join().unwrap())
        });
        assert!(opened.contains(&true));
        Folder::open(&folder).unwrap();
    }
}
