//! Which crate may know which: arrows point down, and only where a line here says so.

use crate::run::root;
use anyhow::{Context, Result};
use std::fs;

/// A crate and the crates of ours that it may use. What is not here is not a crate yet.
const ALLOWED: [(&str, &[&str]); 23] = [
    ("model", &[]),
    ("meter", &[]),
    ("message", &["model"]),
    ("smtp", &["model"]),
    ("imap", &["model", "message"]),
    ("sasl", &["model"]),
    ("pop3", &["model"]),
    ("env", &["model"]),
    ("store", &["model"]),
    ("transcript", &["model", "env"]),
    ("directory", &["model", "env", "store", "sasl"]),
    ("mailstore", &["model", "env", "store", "message"]),
    ("mta", &["model", "env", "store", "message", "mailstore", "directory", "sasl", "smtp", "meter"]),
    ("access", &["model", "env", "message", "mailstore", "directory", "mta", "sasl", "imap", "pop3"]),
    ("net", &["model", "env", "meter"]),
    ("web", &["model"]),
    ("store-local", &["model", "store", "meter"]),
    ("backup", &["model", "store", "mailstore", "directory"]),
    ("upkeep", &["model", "store", "message", "mailstore", "directory", "mta"]),
    (
        "postamt",
        &[
            "model",
            "meter",
            "env",
            "store",
            "store-local",
            "backup",
            "upkeep",
            "message",
            "directory",
            "mailstore",
            "mta",
            "access",
            "sasl",
            "smtp",
            "imap",
            "pop3",
            "net",
            "web",
        ],
    ),
    ("sim", &["model", "env", "store", "mailstore", "directory", "mta", "access", "sasl", "smtp", "imap", "pop3"]),
    ("crash", &["model", "env", "store", "store-local", "message", "mailstore"]),
    ("xtask", &[]),
];

/// What tests may use besides: the transcripts' runner, and what lies no higher than the crate itself.
const TESTS_MAY_USE: [&str; 3] = ["transcript", "store", "env"];

pub fn findings() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut folders: Vec<_> = fs::read_dir(root().join("crates"))?.collect::<Result<_, _>>()?;
    folders.sort_by_key(fs::DirEntry::file_name);
    for folder in folders {
        let name = folder.file_name().to_string_lossy().into_owned();
        let manifest = folder.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let manifest: toml::Table = text.parse().with_context(|| manifest.display().to_string())?;
        findings.extend(of_crate(&name, &manifest));
    }
    Ok(findings)
}

fn of_crate(name: &str, manifest: &toml::Table) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!("crates/{name}: not in the table of arrows (xtask/src/tidy/arrows.rs)")];
    };
    let used = |section: &str| -> Vec<String> {
        let table = manifest.get(section).and_then(toml::Value::as_table);
        table.into_iter().flat_map(|table| table.keys()).filter(|used| is_ours(used)).cloned().collect()
    };
    let may_use = |used: &str, tests: bool| allowed.contains(&used) || (tests && TESTS_MAY_USE.contains(&used));
    let mut findings = Vec::new();
    for (section, tests) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
        for used in used(section).iter().filter(|used| !may_use(used, tests)) {
            findings.push(format!("crates/{name}/Cargo.toml: {section}: {name} must not know {used}"));
        }
    }
    findings
}

fn is_ours(name: &str) -> bool {
    ALLOWED.iter().any(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let check = |name: &str, manifest: &str, expected: &[&str]| {
            assert_eq!(of_crate(name, &manifest.parse().unwrap()), expected);
        };
        check("smtp", "[dependencies]\nmodel.workspace = true\nbytes = '1'", &[]);
        check(
            "smtp",
            "[dependencies]\nmta.workspace = true",
            &["crates/smtp/Cargo.toml: dependencies: smtp must not know mta"],
        );
        check("mta", "[dev-dependencies]\ntranscript.workspace = true", &[]);
        check(
            "model",
            "[dev-dependencies]\nmta.workspace = true",
            &["crates/model/Cargo.toml: dev-dependencies: model must not know mta"],
        );
        check("tools", "", &["crates/tools: not in the table of arrows (xtask/src/tidy/arrows.rs)"]);
    }
}
