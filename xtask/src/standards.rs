//! `docs/standards.md`: which section of which standard is implemented where and proved by what, from the code's citations and
//! the transcripts' folders.

mod capabilities;

use crate::run::root;
use crate::tidy::Source;
use crate::tidy::citations::{cited, is_cited_in};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const PAGE: &str = "docs/standards.md";

const HEAD: &str = "# Standards

Made by `cargo xtask standards` from the citations in the code and from the transcripts; change those.

A section stands here when code cites it or a transcript proves it. Paths of code leave out `crates/` and `src/`; transcripts
lie in `tests/transcripts` (those of POP3 in `tests/transcripts-pop3`) of the crate they name.
";

/// Writes the page anew.
pub fn write(sources: &[Source]) -> Result<()> {
    std::fs::write(root().join(PAGE), page(sources)?).context(PAGE)
}

/// What is wrong with the capabilities, and whether the page is current; with `UPDATE=1` it is made so.
pub fn findings(sources: &[Source]) -> Result<Vec<String>> {
    let mut findings = capabilities::findings(sources, &Transcript::all(sources));
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        write(sources)?;
    } else if std::fs::read_to_string(root().join(PAGE)).ok() != Some(page(sources)?) {
        findings.push(format!("{PAGE} is not current: cargo xtask standards"));
    }
    Ok(findings)
}

/// A transcript that lies where the standard says it.
struct Transcript {
    /// As `access/rfc9051/6.4.8-move`.
    name: String,
    /// `9051`.
    number: String,
    /// `6.4.8`.
    section: String,
    /// What its first comment says.
    about: String,
    /// From the root.
    path: String,
}

impl Transcript {
    fn all(sources: &[Source]) -> Vec<Transcript> {
        sources.iter().filter_map(Transcript::of).collect()
    }

    fn of(source: &Source) -> Option<Transcript> {
        let (krate, rest) = source.path.strip_prefix("crates/")?.split_once("/tests/transcripts")?;
        let rest = rest.strip_prefix("-pop3").unwrap_or(rest).strip_prefix('/')?;
        let (folder, file) = rest.strip_suffix(".txt")?.split_once('/')?;
        let number = folder.strip_prefix("rfc")?;
        let section = file.split('-').next()?;
        let comments = source.text.lines().map_while(|line| line.strip_prefix("# "));
        Some(Transcript {
            name: format!("{krate}/{folder}/{file}"),
            number: number.to_owned(),
            section: section.to_owned(),
            about: comments.collect::<Vec<_>>().join(" "),
            path: source.path.clone(),
        })
    }
}

/// What is known of one section.
#[derive(Default)]
struct Section<'a> {
    code: BTreeSet<String>,
    transcripts: Vec<&'a Transcript>,
}

/// By number of the RFC, then by section in the order of the standard.
type Standards<'a> = BTreeMap<u32, BTreeMap<(Vec<u32>, String), Section<'a>>>;

fn page(sources: &[Source]) -> Result<String> {
    let transcripts = Transcript::all(sources);
    let titles = titles()?;
    let mut out = HEAD.to_owned();
    capabilities::table(&mut out, sources, &transcripts);
    gaps(&mut out, sources);
    for (number, sections) in collected(sources, &transcripts) {
        let title = titles.get(&number).map_or("", String::as_str);
        let _ = write!(out, "\n## RFC {number}: {title}\n\n| section | code | proved by |\n|---|---|---|\n");
        for ((_, name), section) in sections {
            let name = if name.is_empty() { "whole" } else { &name };
            let code = Vec::from_iter(section.code.iter().map(|file| format!("`{file}`"))).join(", ");
            let proofs = section.transcripts.iter().map(|t| format!("[{}](../{}): {}", t.name, t.path, cell(&t.about)));
            let _ = writeln!(out, "| {name} | {code} | {} |", Vec::from_iter(proofs).join("<br>"));
        }
    }
    Ok(out)
}

fn collected<'a>(sources: &[Source], transcripts: &'a [Transcript]) -> Standards<'a> {
    let mut standards = Standards::new();
    for source in sources.iter().filter(|source| is_code(&source.path)) {
        for citation in source.text.lines().flat_map(cited).flatten() {
            let Ok(number) = citation.number.parse() else { continue };
            let sections = standards.entry(number).or_default();
            sections.entry(ordered(&citation.section)).or_default().code.insert(short(&source.path));
        }
    }
    for transcript in transcripts {
        let Ok(number) = transcript.number.parse() else { continue };
        let sections = standards.entry(number).or_default();
        sections.entry(ordered(&transcript.section)).or_default().transcripts.push(transcript);
    }
    standards
}

/// Code that does something; tests prove, and are found by what they test.
fn is_code(path: &str) -> bool {
    let test = path.ends_with("tests.rs")
        || ["/tests/", "/benches/", "fuzz/", "xtask/"].iter().any(|part| path.contains(part));
    path.ends_with(".rs") && is_cited_in(path) && !test
}

/// `imap/command/fetch.rs` for `crates/imap/src/command/fetch.rs`.
fn short(path: &str) -> String {
    path.trim_start_matches("crates/").replacen("/src/", "/", 1)
}

/// So that §10 comes behind §9, and an appendix behind both.
fn ordered(section: &str) -> (Vec<u32>, String) {
    let place = |part: &str| match part.parse() {
        Ok(number) => number,
        Err(_) => part.chars().fold(1 << 16, |sum: u32, c| sum.saturating_add(c as u32)),
    };
    (section.split('.').filter(|part| !part.is_empty()).map(place).collect(), section.to_owned())
}

/// What `// Todo(RFC NNNN §S): …` says, up to the end of its comment.
fn gaps(out: &mut String, sources: &[Source]) {
    out.push_str("\n## Known gaps\n\n");
    let before = out.len();
    for source in sources.iter().filter(|source| is_code(&source.path)) {
        let mut lines = source.text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(todo) = line.strip_prefix("// Todo(") else { continue };
            let more =
                lines.clone().map_while(|line| line.strip_prefix("// ").filter(|more| !more.starts_with("Todo(")));
            let text = Vec::from_iter(std::iter::once(todo).chain(more)).join(" ");
            let text = text.replacen("):", ":", 1);
            let _ = writeln!(out, "- {text} (`{}`)", short(&source.path));
        }
    }
    if out.len() == before {
        out.push_str("None is written down.\n");
    }
}

fn titles() -> Result<BTreeMap<u32, String>> {
    let listed = std::fs::read_to_string(root().join("docs/rfcs.txt")).context("docs/rfcs.txt")?;
    let lines = listed.lines().filter_map(|line| line.split_once(' '));
    Ok(lines.filter_map(|(number, title)| Some((number.parse().ok()?, title.trim().to_owned()))).collect())
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn sections_stand_in_the_order_of_the_standard() {
        let mut sections = ["A.1", "10", "9.10", "9.2", "9", ""].map(ordered);
        sections.sort();
        assert_eq!(sections.map(|(_, section)| section), ["", "9", "9.2", "9.10", "10", "A.1"]);
    }

    #[test]
    fn a_row_names_code_and_proof() {
        let sources = [
            source(
                "crates/imap/src/command/copy.rs",
                "/// MOVE (RFC 6851 §3.3)\n// Todo(RFC 6851 §4.4): all\n// of it\nfn x() {}",
            ),
            source("crates/imap/src/command/tests.rs", "// RFC 6851 §9"),
            source("crates/access/tests/transcripts/rfc6851/3.3-move.txt", "# MOVE a|b\n# twice\nC: x\n# no more"),
        ];
        let page = page(&sources).unwrap();
        let row = "| 3.3 | `imap/command/copy.rs` | [access/rfc6851/3.3-move](../crates/access/tests/transcripts/rfc6851/3.3-move.txt): MOVE a\\|b twice |\n";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("- RFC 6851 §4.4: all of it (`imap/command/copy.rs`)\n"), "{page}");
        assert!(!page.contains("| 9 |"), "{page}");
    }
}
