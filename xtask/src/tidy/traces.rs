//! Nothing of the machine that something was built on, and nothing half done, stays in the tree.

use super::Source;

/// Folders that exist on one machine only. Split, so that this file is clean itself.
const FOLDERS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("/Us", "ers/"),
];

const UNFINISHED: [&str; 4] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore]"), concat!("allow(dead", "_code)")];

pub fn findings(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(of_source).collect()
}

fn of_source(source: &Source) -> Vec<String> {
    let code = source.path.ends_with(".rs");
    let mut findings = Vec::new();
    for (n, line) in source.text.lines().enumerate() {
        let place = || format!("{}:{}", source.path, n + 1);
        for folder in FOLDERS.iter().filter(|folder| stands_alone(line, folder)) {
            findings.push(format!("{}: {folder} is a folder of some machine", place()));
        }
        for word in UNFINISHED.iter().filter(|word| code && line.contains(*word)) {
            findings.push(format!("{}: {word} is unfinished", place()));
        }
    }
    findings
}

/// Whether an absolute path begins here: `https://host/ho…` and `a/ro…` are others' paths.
fn stands_alone(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~$}/*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_found() {
        let check = |line: &str, findings: usize| {
            let source = Source { path: "a.rs".into(), text: line.into() };
            assert_eq!(of_source(&source).len(), findings, "{line}");
        };
        check(concat!("let p = \"/ho", "me/anna/x\";"), 1);
        check(concat!("https://example.org/ho", "me/"), 0);
        check(concat!("    to", "do!()"), 1);
        check("fine", 0);
    }
}
