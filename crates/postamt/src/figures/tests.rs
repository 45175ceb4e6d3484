use super::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `UPDATE=1` writes it anew.
#[test]
fn the_reference_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference(), "docs/metrics.md is old: run UPDATE=1 cargo test -p postamt reference");
}

#[test]
fn what_is_described_is_shown_and_nothing_else() {
    let recorder = recorder().unwrap();
    metrics::with_local_recorder(&recorder, || all().for_each(Figure::register));
    let text = recorder.handle().render();
    let shown: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.replace(" counter", "").replace(" gauge", "").replace(" histogram", ""))
        .collect();
    let described: Vec<String> = all().map(|figure| figure.description().full_name()).collect();
    assert_eq!(shown, described.iter().cloned().collect(), "{text}");
    assert_eq!(shown.len(), described.len(), "two figures have one name");
    for figure in all() {
        let described = figure.description();
        assert!(described.sentence().ends_with('.'), "{}", described.name);
        assert!(described.series() <= 50, "{} has {} series", described.name, described.series());
        assert_eq!(described.kind == "Histogram", !figure.buckets().is_empty(), "{}", described.name);
    }
}

/// Every figure is counted somewhere outside the file that declares it, or in a function beside the declaration.
#[test]
fn what_is_described_is_counted() {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                code += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    for figure in all() {
        let ident = figure.description().ident;
        let counted = ["add", "set", "change", "record"].iter().any(|verb| code.contains(&format!("{ident}.{verb}(")));
        assert!(counted, "{ident} is counted nowhere");
    }
}
