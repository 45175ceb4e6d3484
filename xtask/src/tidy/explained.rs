//! What `interop/explained*.py` calls deliberate is shown by a transcript, and the transcript is there.

use super::Source;
use std::collections::BTreeSet;

const TRANSCRIPTS: &str = "crates/access/tests/transcripts/";

pub fn findings(sources: &[Source]) -> Vec<String> {
    let there: BTreeSet<&str> = sources.iter().filter_map(|source| source.path.strip_prefix(TRANSCRIPTS)).collect();
    let rules = sources.iter().filter(|source| source.path.starts_with("interop/explained"));
    rules.flat_map(|source| of_rules(source, &there)).collect()
}

fn of_rules(source: &Source, there: &BTreeSet<&str>) -> Vec<String> {
    let rules =
        source.text.lines().enumerate().filter(|(_, line)| line.starts_with("@rule(") || line.starts_with("@parting("));
    // The standard, then the transcript.
    let missing = rules.filter(|(_, line)| !line.split('"').nth(3).is_some_and(|named| there.contains(named)));
    missing.map(|(n, _)| format!("{}:{}: a rule without a transcript", source.path, n + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_a_transcript_that_is_there() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let rules = "@rule(\"RFC 9051 §9\", \"rfc1/1-a.txt\", \"why\")\n@parting(\"RFC 9051 §9\", \"rfc1/1-b.txt\", \"why\")\n@rule(x)\n";
        let sources =
            [source("interop/explained_x.py", rules), source("crates/access/tests/transcripts/rfc1/1-a.txt", "")];
        let told = [
            "interop/explained_x.py:2: a rule without a transcript",
            "interop/explained_x.py:3: a rule without a transcript",
        ];
        assert_eq!(findings(&sources), told);
    }
}
