//! What is borrowed may go into the binary, and brings no second cryptography.

use crate::run::cargo_output;
use anyhow::Result;

/// Licences that ask for no more than a notice. Of an `OR` one must be here, of an `AND` all.
const ALLOWED: [&str; 14] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "OpenSSL",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unicode-3.0",
    "BSL-1.0",
    "MPL-2.0",
];

/// One provider of cryptography: aws-lc-rs.
const UNWANTED: [&str; 4] = ["ring", "openssl", "openssl-sys", "native-tls"];

pub fn findings() -> Result<Vec<String>> {
    // What is built, of all targets: Cargo.lock also lists what no feature of ours turns on.
    let tree = ["tree", "--workspace", "--locked", "--target", "all", "--prefix", "none", "--no-dedupe"];
    let tree = cargo_output(&[&tree[..], &["--edges", "normal,build,dev", "--format", "{p}|{l}"]].concat())?;
    let mut findings: Vec<String> = tree.lines().flat_map(of_line).collect();
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Of a line as `ring v0.17.14|Apache-2.0 AND ISC`.
fn of_line(line: &str) -> Vec<String> {
    let Some((package, licence)) = line.split_once('|') else { return Vec::new() };
    let name = package.split(' ').next().unwrap_or_default();
    let mut findings = Vec::new();
    if UNWANTED.contains(&name) {
        findings.push(format!("{package}: a second provider of cryptography; find the feature that brings it"));
    }
    if !allowed(licence) {
        findings.push(format!("{package}: the licence {licence:?} is not in the list (xtask/src/tidy/licences.rs)"));
    }
    findings
}

/// Reads the expressions that occur: `A OR B`, `A AND (B OR C)`, the old `A/B`.
fn allowed(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    let clause = |clause: &str| {
        clause
            .split(" OR ")
            .any(|one| ALLOWED.contains(&one.trim_matches(|c: char| c.is_whitespace() || "()".contains(c))))
    };
    // AND binds closer than OR, but for parentheses.
    if licence.contains('(') {
        return licence.split(" AND ").all(clause);
    }
    licence.split(" OR ").any(|all| all.split(" AND ").all(clause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_and_cryptography() {
        let check = |line: &str, findings: usize| assert_eq!(of_line(line).len(), findings, "{line}");
        check("a v1.0.0|MIT OR Apache-2.0", 0);
        check("a v1.0.0|MIT/Apache-2.0", 0);
        check("a v1.0.0|ISC AND (Apache-2.0 OR ISC)", 0);
        check("a v1.0.0|(MIT OR Apache-2.0) AND Unicode-3.0", 0);
        check("a v1.0.0|AGPL-3.0-only", 1);
        check("a v1.0.0|MIT AND GPL-3.0", 1);
        check("a v1.0.0|", 1);
        check("ring v0.17.14|Apache-2.0 AND ISC", 1);
    }
}
