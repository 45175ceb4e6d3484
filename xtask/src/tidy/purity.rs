//! Below layer 3 nobody knows a runtime, files, sockets, clocks, threads or randomness.

use super::Source;

const PURE: [&str; 14] = [
    "model",
    "meter",
    "message",
    "smtp",
    "imap",
    "pop3",
    "sasl",
    "env",
    "store",
    "transcript",
    "directory",
    "mailstore",
    "mta",
    "access",
];

const FORBIDDEN: [&str; 12] = [
    "tokio::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix::net",
    "std::thread",
    "std::process",
    "SystemTime",
    "Instant::now",
    "rand::",
    "getrandom",
    "std::env::var",
];

/// Tests may read their transcripts and corpora and race threads; the conformance suite and the transcripts' runner are
/// made for them; they and tools wait on a thread.
const TESTS: [&str; 5] =
    ["/tests/", "tests.rs", "crates/transcript/", "crates/store/src/conformance", "crates/store/src/block.rs"];

pub fn findings(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|source| is_pure(&source.path)).flat_map(of_source).collect()
}

fn is_pure(path: &str) -> bool {
    let krate = path.strip_prefix("crates/").and_then(|path| path.split('/').next()).unwrap_or_default();
    path.ends_with(".rs") && PURE.contains(&krate) && !TESTS.iter().any(|tests| path.contains(tests))
}

fn of_source(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for (n, line) in source.text.lines().enumerate() {
        // Tests inside of a file come last in it (STYLE: read from the top).
        if line.trim() == "#[cfg(test)]" && rest_is_tests(&source.text, n) {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for word in FORBIDDEN.iter().filter(|word| holds(code, word)) {
            findings.push(format!("{}:{}: {word} below layer 3", source.path, n + 1));
        }
    }
    findings
}

fn rest_is_tests(text: &str, line: usize) -> bool {
    text.lines().nth(line + 1).is_some_and(|next| next.trim_start().starts_with("mod tests"))
}

/// Whether `word` stands in `code`, and not as the end of a longer word: `operand::` is not `rand::`.
fn holds(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_a_session_is_found() {
        let check = |path: &str, text: &str, expected: &[&str]| {
            assert_eq!(findings(&[Source { path: path.into(), text: text.into() }]), expected);
        };
        let now = "fn f() {\n    let now = Instant::now();\n}\n";
        check("crates/smtp/src/a.rs", now, &["crates/smtp/src/a.rs:2: Instant::now below layer 3"]);
        check("crates/net/src/a.rs", now, &[]);
        check("crates/smtp/src/a.rs", "// Instant::now is not asked\nlet operand::X = 1;", &[]);
        check("crates/smtp/src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n use std::fs;\n}", &[]);
        check("crates/smtp/src/tests.rs", "use std::fs;", &[]);
    }
}
