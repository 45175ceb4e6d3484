//! What no compiler checks. Also a test, so that `cargo test` covers it.

mod arrows;
pub mod citations;
mod explained;
mod licences;
mod purity;
mod traces;

use crate::run::root;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// A file of the tree, with its path from the root.
pub struct Source {
    /// As `crates/smtp/src/lib.rs`.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// All checks; every finding of all of them is told.
pub fn run() -> Result<()> {
    let findings = findings()?;
    if findings.is_empty() {
        println!("tidy: nothing to say");
        return Ok(());
    }
    bail!("{} findings:\n{}", findings.len(), findings.join("\n"))
}

fn findings() -> Result<Vec<String>> {
    let sources = sources()?;
    let mut findings = arrows::findings()?;
    findings.extend(purity::findings(&sources));
    findings.extend(citations::findings(&sources)?);
    findings.extend(traces::findings(&sources));
    findings.extend(explained::findings(&sources));
    findings.extend(licences::findings()?);
    findings.extend(crate::standards::findings(&sources)?);
    Ok(findings)
}

/// Everything we wrote: code, documents, scripts.
pub fn sources() -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !IGNORED.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if is_ours(&path)
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                sources.push(Source { path: from_root(&path), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Not written by us, or not by hand.
const IGNORED: [&str; 7] = ["target", ".git", "node_modules", "corpus", "artifacts", "postamt-demo", "__pycache__"];
const ENDINGS: [&str; 10] = ["rs", "toml", "md", "txt", "py", "sh", "css", "html", "ts", "yml"];

fn is_ours(path: &Path) -> bool {
    match path.extension() {
        Some(ending) => ENDINGS.iter().any(|known| ending == *known),
        // Scripts such as `.ci/run`.
        None => path.parent().and_then(Path::file_name).is_some_and(|folder| folder == ".ci" || folder == "interop"),
    }
}

fn from_root(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).map(Path::to_owned).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let findings = super::findings().unwrap();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }
}
