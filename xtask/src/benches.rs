//! What is measured: every `benches/NAME.rs` of a crate.

use crate::run::{cargo, root};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// One line each: the first of what the file says about itself.
pub fn list() -> Result<()> {
    for file in files()? {
        let text = std::fs::read_to_string(&file)?;
        let about = text.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or_default();
        println!("  {:16} {about}", name(&file));
    }
    Ok(())
}

/// Builds and runs one. Those that start the real program need it built, unless another is named.
pub fn run(name: &str, rest: &[&str]) -> Result<()> {
    if std::env::var_os("POSTAMT").is_none() && starts_the_program(name)? {
        cargo(&["build", "--release", "--package", "postamt"])?;
    }
    cargo(&[&["bench", "--workspace", "--bench", name, "--"], rest].concat())
}

fn starts_the_program(wanted: &str) -> Result<bool> {
    for file in files()?.iter().filter(|file| name(file) == wanted) {
        if std::fs::read_to_string(file)?.contains("benches::server") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn files() -> Result<Vec<PathBuf>> {
    let mut folders = vec![root().join("benches/benches")];
    for entry in std::fs::read_dir(root().join("crates"))? {
        folders.push(entry?.path().join("benches"));
    }
    let mut files = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
