//! The words that CAPABILITY says (RFC 9051 §6.1.1), which standard each is of, and that transcripts prove it.

use super::Transcript;
use crate::tidy::Source;
use std::fmt::Write;

/// Where they are advertised.
const ADVERTISED: &str = "crates/access/src/imap/capability.rs";

/// A word that may be advertised: its RFC, and where its proofs lie if not in that RFC's folder alone. A word that ends with
/// `=` is any of that family.
type Known = (&'static str, u32, &'static [&'static str]);

/// The registry's, as far as we have or may come to have them; what RFC 9051 took in is proved in its folder too.
const KNOWN: &[Known] = &[
    ("ACL", 4314, &[]),
    ("APPENDLIMIT", 7889, &[]),
    ("AUTH=", 9051, &["rfc9051/6.2.2", "rfc4616", "rfc5802", "rfc7628", "rfc7677"]),
    ("BINARY", 3516, &[]),
    ("CATENATE", 4469, &[]),
    ("CHILDREN", 3348, &["rfc9051/6.3.9.6"]),
    ("COMPRESS=DEFLATE", 4978, &[]),
    ("CONDSTORE", 7162, &[]),
    ("CONTEXT=SEARCH", 5267, &[]),
    ("CONTEXT=SORT", 5267, &[]),
    ("CREATE-SPECIAL-USE", 6154, &[]),
    ("ENABLE", 5161, &[]),
    ("ESEARCH", 4731, &["rfc9051/6.4.4"]),
    ("ESORT", 5267, &[]),
    ("FILTERS", 5466, &[]),
    ("I18NLEVEL=", 5255, &[]),
    ("ID", 2971, &[]),
    ("IDLE", 2177, &[]),
    ("IMAP4rev1", 3501, &[]),
    ("IMAP4rev2", 9051, &[]),
    ("INPROGRESS", 9585, &[]),
    ("JMAPACCESS", 9698, &[]),
    ("LANGUAGE", 5255, &[]),
    ("LIST-EXTENDED", 5258, &["rfc9051/6.3.9"]),
    ("LIST-METADATA", 9590, &[]),
    ("LIST-MYRIGHTS", 8440, &[]),
    ("LIST-STATUS", 5819, &[]),
    ("LITERAL+", 7888, &[]),
    ("LITERAL-", 7888, &[]),
    ("LOGINDISABLED", 9051, &["rfc9051/6.1.1", "rfc9051/6.2.3"]),
    ("METADATA", 5464, &[]),
    ("METADATA-SERVER", 5464, &[]),
    ("MOVE", 6851, &[]),
    ("MULTIAPPEND", 3502, &[]),
    ("MULTISEARCH", 7377, &[]),
    ("NAMESPACE", 2342, &["rfc9051/6.3.10"]),
    ("NOTIFY", 5465, &[]),
    ("OBJECTID", 8474, &[]),
    ("PARTIAL", 9394, &[]),
    ("PREVIEW", 8970, &[]),
    ("QRESYNC", 7162, &[]),
    ("QUOTA", 9208, &[]),
    ("QUOTA=", 9208, &[]),
    ("QUOTASET", 9208, &[]),
    ("REPLACE", 8508, &[]),
    ("RIGHTS=", 4314, &[]),
    ("SASL-IR", 4959, &[]),
    ("SAVEDATE", 8514, &[]),
    ("SEARCH=FUZZY", 6203, &[]),
    ("SEARCHRES", 5182, &[]),
    ("SORT", 5256, &[]),
    ("SORT=DISPLAY", 5957, &[]),
    ("SPECIAL-USE", 6154, &[]),
    ("STARTTLS", 9051, &["rfc9051/6.1.1", "rfc9051/6.2.1"]),
    ("STATUS=SIZE", 8438, &["rfc9051/6.3.11"]),
    ("THREAD=", 5256, &[]),
    ("UIDBATCHES", 9738, &[]),
    ("UIDONLY", 9586, &[]),
    ("UIDPLUS", 4315, &[]),
    ("UNAUTHENTICATE", 8437, &[]),
    ("UNSELECT", 3691, &[]),
    ("URLAUTH", 4467, &[]),
    ("UTF8=ACCEPT", 6855, &[]),
    ("WITHIN", 5032, &[]),
];

/// What is advertised without a proof.
pub(super) fn findings(sources: &[Source], transcripts: &[Transcript]) -> Vec<String> {
    let mut findings = Vec::new();
    for word in advertised(sources) {
        match known(&word) {
            None => findings
                .push(format!("{ADVERTISED}: which RFC is {word} of? xtask/src/standards/capabilities.rs is to say")),
            Some(known) if proofs(known, transcripts).next().is_none() => {
                findings.push(format!("{ADVERTISED}: {word} is advertised without a transcript of RFC {}", known.1));
            }
            Some(_) => {}
        }
    }
    findings
}

pub(super) fn table(out: &mut String, sources: &[Source], transcripts: &[Transcript]) {
    out.push_str("\n## IMAP capabilities\n\n| word | RFC | proved by |\n|---|---|---|\n");
    for word in advertised(sources) {
        let Some(known) = known(&word) else { continue };
        // Of the protocol itself there are too many to name here.
        let whole = word.starts_with("IMAP4");
        let links: Vec<_> = proofs(known, transcripts).map(|t| format!("[{}](../{})", t.name, t.path)).collect();
        let links = if whole { format!("{} transcripts, below", links.len()) } else { links.join(", ") };
        let _ = writeln!(out, "| `{word}` | {} | {links} |", known.1);
    }
}

/// The words in the strings of the file that says them, each once, in order.
fn advertised(sources: &[Source]) -> Vec<String> {
    let text = sources.iter().find(|source| source.path == ADVERTISED).map_or("", |source| &source.text);
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let strings = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    let mut words: Vec<String> =
        strings.flat_map(str::split_whitespace).filter(|word| is_word(word)).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

fn is_word(word: &str) -> bool {
    word.starts_with("IMAP4")
        || word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "=+-_".contains(c))
}

fn known(word: &str) -> Option<&'static Known> {
    let family = |known: &&Known| known.0.ends_with('=') && word.starts_with(known.0);
    KNOWN.iter().find(|known| known.0 == word).or_else(|| KNOWN.iter().find(family))
}

fn proofs<'a>(known: &'static Known, transcripts: &'a [Transcript]) -> impl Iterator<Item = &'a Transcript> {
    let &(_, number, elsewhere) = known;
    transcripts.iter().filter(move |transcript| {
        let place = format!("rfc{}/{}", transcript.number, transcript.section);
        let own = transcript.number == number.to_string()
            && elsewhere.iter().all(|folder| !folder.starts_with(&format!("rfc{number}/")));
        own || elsewhere.iter().any(|folder| {
            place.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_without_transcript_or_standard_is_found() {
        let check = |code: &str, found: usize| {
            let sources = [
                Source { path: ADVERTISED.into(), text: code.into() },
                Source { path: "crates/access/tests/transcripts/rfc2177/3-idle.txt".into(), text: "# IDLE".into() },
                Source {
                    path: "crates/access/tests/transcripts/rfc9051/6.2.2-plain.txt".into(),
                    text: "# PLAIN".into(),
                },
            ];
            assert_eq!(findings(&sources, &Transcript::all(&sources)).len(), found, "{code}");
        };
        check("// \" MOVE\"\n\" IDLE\",", 0);
        check("\"IDLE AUTH=PLAIN\"", 0);
        check("\" MOVE\",", 1);
        check("\" X-OWN\",", 1);
    }
}
