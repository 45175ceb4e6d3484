//! Standards are cited in one form, `RFC 9051 §6.4.8`, and only those we have looked at (`docs/rfcs.txt`).

use super::{Source, sources};
use crate::run::root;
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};

/// A citation, as it stands in a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Citation {
    /// `9051`.
    pub number: String,
    /// `6.4.8`; empty when the whole RFC is meant.
    pub section: String,
}

pub fn findings(sources: &[Source]) -> Result<Vec<String>> {
    let file = root().join("docs/rfcs.txt");
    let listed = std::fs::read_to_string(&file).context("docs/rfcs.txt")?;
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_cited_in(&source.path)) {
        for (n, line) in source.text.lines().enumerate() {
            for citation in cited(line) {
                match citation {
                    Err(odd) => findings.push(format!("{}:{}: \"{odd}\" is not `RFC NNNN §S`", source.path, n + 1)),
                    Ok(c) if !listed.contains(c.number.as_str()) => {
                        findings.push(format!("{}:{}: RFC {} is not in docs/rfcs.txt", source.path, n + 1, c.number));
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    Ok(findings)
}

/// Which section of an RFC is cited where.
pub fn print(number: &str) -> Result<()> {
    let number = number.trim_start_matches("RFC").trim_start_matches("rfc").trim();
    let mut places: BTreeMap<Vec<u32>, (String, Vec<String>)> = BTreeMap::new();
    for source in sources()?.iter().filter(|source| is_cited_in(&source.path)) {
        for (n, line) in source.text.lines().enumerate() {
            for citation in cited(line).into_iter().flatten().filter(|citation| citation.number == number) {
                let order = citation.section.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect();
                let place = places.entry(order).or_insert_with(|| (citation.section.clone(), Vec::new()));
                place.1.push(format!("{}:{}", source.path, n + 1));
            }
        }
    }
    ensure!(!places.is_empty(), "RFC {number} is cited nowhere");
    for (section, places) in places.values() {
        let section = if section.is_empty() { "whole".to_owned() } else { format!("§{section}") };
        println!("{section:<12} {}", places.join("\n             "));
    }
    Ok(())
}

/// Code and transcripts; documents tell stories and may write as they like. This file holds the counter-examples.
pub fn is_cited_in(path: &str) -> bool {
    (path.ends_with(".rs") || path.contains("/transcripts/")) && !path.ends_with("tidy/citations.rs")
}

/// The citations of a line; those of odd form as an error.
pub fn cited(line: &str) -> Vec<Result<Citation, String>> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("RFC") {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let rest = line.get(at + 3..).unwrap_or_default();
        // `RFC822.SIZE` and its like are data items of IMAP.
        if before.is_some_and(char::is_alphanumeric) || !begins_like_a_number(rest) || rest.starts_with("822") {
            continue;
        }
        found.push(citation(rest).ok_or_else(|| format!("RFC{}", rest.chars().take(16).collect::<String>())));
    }
    found
}

/// Whether behind `RFC` comes something that is meant as its number: `RFCs` and `an RFC says` are not.
fn begins_like_a_number(rest: &str) -> bool {
    rest.trim_start_matches([' ', '-', '_', '#']).starts_with(|c: char| c.is_ascii_digit())
}

fn citation(rest: &str) -> Option<Citation> {
    let rest = rest.strip_prefix(' ')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at_checked(digits).filter(|(number, _)| (3..=5).contains(&number.len()))?;
    let Some(section) = rest.strip_prefix(" §") else {
        // A bare section number, or the section in words.
        let bare = rest.strip_prefix(' ').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let words = ["§", " section", ", section", " Section", ", Section"].iter().any(|odd| rest.starts_with(odd));
        return (!bare && !words).then(|| Citation { number: number.to_owned(), section: String::new() });
    };
    let end = section.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(section.len());
    let section = section.get(..end)?.trim_end_matches('.');
    let part = |part: &str| !part.is_empty() && part.len() <= 3;
    let good = !section.is_empty() && section.split('.').all(part);
    good.then(|| Citation { number: number.to_owned(), section: section.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_have_one_form() {
        let check = |line: &str, expected: &[Result<(&str, &str), &str>]| {
            let found: Vec<_> = cited(line).into_iter().map(|c| c.map(|c| (c.number, c.section))).collect();
            let expected: Vec<_> =
                expected.iter().map(|e| e.map(|(n, s)| (n.to_owned(), s.to_owned())).map_err(str::to_owned)).collect();
            assert_eq!(found, expected, "{line}");
        };
        check("see RFC 9051 §6.4.8.", &[Ok(("9051", "6.4.8"))]);
        check("(RFC 5321 §2.4, RFC 2142 §4)", &[Ok(("5321", "2.4")), Ok(("2142", "4"))]);
        check("RFC 3501 §A.1, RFC 822 and others; the RFCs", &[Ok(("3501", "A.1")), Ok(("822", ""))]);
        check("RFC9051", &[Err("RFC9051")]);
        check("RFC 9051 6.4", &[Err("RFC 9051 6.4")]);
        check("RFC 9051 section 6", &[Err("RFC 9051 section 6")]);
        check("RFC 9051§6", &[Err("RFC 9051§6")]);
        check("RFC 9051 § 6", &[Err("RFC 9051 § 6")]);
    }
}
