//! By what a message finds its thread: its identifiers and its base subject (RFC 5256 §2.1 and §3).

use crate::Octets;
use crate::cursor::is_wsp;
use std::borrow::Cow;

/// What links a message to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threading {
    /// Inside of the angle brackets of `Message-ID`.
    pub message_id: Option<Octets>,
    /// The identifiers of `References` and the first of `In-Reply-To`, oldest first; at most [`Threading::REFERENCES_MAX`].
    pub references: Vec<Octets>,
    /// The subject without what replies and forwards add (RFC 5256 §2.1), decoded, in its own case.
    pub base_subject: String,
    /// Whether something that replies and forwards add was there.
    pub is_reply_or_forward: bool,
}

/// What identifiers and subjects are looked up by: equal inputs give equal keys, and nobody can aim at a collision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadKey(pub [u8; 16]);

impl Threading {
    /// The root and the nearest ancestors: more do not help to find the thread.
    pub const REFERENCES_MAX: usize = 20;
    /// A longer identifier fits no line (RFC 5322 §2.1.1) and is left out.
    pub const ID_OCTETS_MAX: usize = 998;
    /// Of a subject; the rest tells no threads apart, and RFC 5256 §2.1 is quadratic.
    pub const SUBJECT_CHARS_MAX: usize = 500;

    /// From the unfolded values of `Message-ID`, `References`, `In-Reply-To` and the decoded subject.
    pub fn new(message_id: &[u8], references: &[u8], in_reply_to: &[u8], subject: &str) -> Threading {
        let (base_subject, is_reply_or_forward) = base_subject(subject);
        let mut ids: Vec<&[u8]> = identifiers(references).collect();
        ids.extend(identifiers(in_reply_to).next().filter(|id| !ids.contains(id)));
        let surplus = ids.len().saturating_sub(Self::REFERENCES_MAX);
        if surplus > 0 {
            ids.drain(1..1 + surplus);
        }
        Threading {
            message_id: identifiers(message_id).next().or_else(|| bare_identifier(message_id)).map(compact),
            references: ids.into_iter().map(compact).collect(),
            base_subject: base_subject.into_owned(),
            is_reply_or_forward,
        }
    }

    /// The key of an identifier as this type holds them.
    pub fn id_key(id: &[u8]) -> ThreadKey {
        key(b"message-id", id)
    }

    /// The key of the base subject; `None` if it is empty and so links nothing.
    pub fn subject_key(&self) -> Option<ThreadKey> {
        let folded = crate::text::folded(&self.base_subject);
        (!folded.is_empty()).then(|| key(b"base-subject", folded.as_bytes()))
    }
}

fn key(kind: &[u8], value: &[u8]) -> ThreadKey {
    let mut hash = blake3::Hasher::new();
    hash.update(kind).update(&[0]).update(value);
    let mut key = [0; 16];
    hash.finalize_xof().fill(&mut key);
    ThreadKey(key)
}

/// The insides of the angle brackets.
pub(crate) fn identifiers(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&octet| octet == b'<')
        .skip(1)
        .filter_map(|piece| piece.split(|&octet| octet == b'>').next())
        .map(<[u8]>::trim_ascii)
        .filter(|id| !id.is_empty() && id.len() <= Threading::ID_OCTETS_MAX)
}

pub(crate) fn bare_identifier(value: &[u8]) -> Option<&[u8]> {
    Some(value.trim_ascii()).filter(|id| !id.is_empty() && id.len() <= Threading::ID_OCTETS_MAX)
}

/// Some mailers fold inside of long identifiers.
pub(crate) fn compact(id: &[u8]) -> Octets {
    id.iter().copied().filter(|&octet| !is_wsp(octet)).collect()
}

/// The base subject of a decoded subject, and whether anything was taken off (RFC 5256 §2.1).
pub fn base_subject(subject: &str) -> (Cow<'_, str>, bool) {
    match spaced(subject) {
        Cow::Borrowed(text) => {
            let (base, is_reply) = base(text);
            (base.into(), is_reply)
        }
        Cow::Owned(text) => {
            let (base, is_reply) = base(&text);
            (base.to_owned().into(), is_reply)
        }
    }
}

/// The first characters, with one space between words.
fn spaced(subject: &str) -> Cow<'_, str> {
    let end = subject.char_indices().nth(Threading::SUBJECT_CHARS_MAX).map_or(subject.len(), |(end, _)| end);
    let text = subject.get(..end).unwrap_or(subject);
    let space = |octet: &u8| octet.is_ascii_whitespace();
    let odd = |pair: &[u8]| matches!(pair, [a, b] if space(a) && (*a != b' ' || space(b)));
    match text == text.trim_ascii() && !text.as_bytes().windows(2).any(odd) {
        true => text.into(),
        false => text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").into(),
    }
}

fn base(text: &str) -> (&str, bool) {
    let mut rest = text;
    let mut is_reply = false;
    loop {
        while let Some(before) = without_suffix(rest.trim_end(), "(fwd)") {
            (rest, is_reply) = (before, true);
        }
        rest = rest.trim();
        loop {
            if let Some(behind) = behind_leader(rest) {
                (rest, is_reply) = (behind.trim_start(), true);
            } else if let Some(behind) = behind_blob(rest).map(str::trim_start).filter(|behind| !behind.is_empty()) {
                rest = behind;
            } else {
                break;
            }
        }
        match without_prefix(rest, "[fwd:").and_then(|inside| inside.strip_suffix(']')) {
            Some(inside) => (rest, is_reply) = (inside, true),
            None => return (rest, is_reply),
        }
    }
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn without_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Behind `*subj-blob subj-refwd`.
fn behind_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = behind_blob(rest) {
        rest = behind.trim_start();
    }
    let rest = ["re", "fwd", "fw"].iter().find_map(|word| without_prefix(rest, word))?.trim_start();
    let rest = behind_blob(rest).map_or(rest, str::trim_start);
    rest.strip_prefix(':')
}

/// Behind `subj-blob`: brackets around anything but brackets.
fn behind_blob(text: &str) -> Option<&str> {
    let (inside, behind) = text.strip_prefix('[')?.split_once(']')?;
    (!inside.contains('[')).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_subjects() {
        let check = |subject: &str, base: &str, is_reply: bool| {
            assert_eq!(base_subject(subject), (base.into(), is_reply), "{subject}");
        };
        check("Lunch", "Lunch", false);
        check("Re: Lunch", "Lunch", true);
        check("RE: fwd : FW: [list] re[2]: Lunch (fwd) (FWD) ", "Lunch", true);
        check("[list] Lunch", "Lunch", false);
        check("[list]", "[list]", false);
        check("[a][b] Re: x", "x", true);
        check("[Fwd: Re: Lunch]", "Lunch", true);
        check("Re:", "", true);
        check("a \t b\u{a0}c", "a b\u{a0}c", false);
        check("Regarding: Lunch", "Regarding: Lunch", false);
        check("[[x] y", "[[x] y", false);
    }

    #[test]
    fn identifiers_of_a_thread() {
        let check = |id: &str, references: &str, in_reply_to: &str, want_id: Option<&str>, want: &[&str]| {
            let threading = Threading::new(id.as_bytes(), references.as_bytes(), in_reply_to.as_bytes(), "");
            assert_eq!(threading.message_id.as_deref(), want_id.map(str::as_bytes), "{id}");
            assert_eq!(threading.references.iter().map(|r| str::from_utf8(r).unwrap()).collect::<Vec<_>>(), want);
        };
        check("<a@b>", "<x@y><z@y>", "<z@y>", Some("a@b"), &["x@y", "z@y"]);
        check(" a@b ", "junk <x@y> junk", "Anna's message of Friday <q@r>", Some("a@b"), &["x@y", "q@r"]);
        check("", "", "", None, &[]);
        check("<>", "<", ">", Some("<>"), &[]);
        check("<a @\tb>", "<open@end", "", Some("a@b"), &["open@end"]);
        let many: String = (0..100).map(|n| format!("<{n}@x>")).collect();
        let threading = Threading::new(b"", many.as_bytes(), b"", "");
        assert_eq!(threading.references.len(), Threading::REFERENCES_MAX);
        assert_eq!(&*threading.references[0], b"0@x");
        assert_eq!(&*threading.references[19], b"99@x");
    }

    #[test]
    fn keys_tell_kinds_apart_but_no_cases() {
        let of = |subject: &str| Threading::new(b"", b"", b"", subject).subject_key();
        assert_eq!(of("Re: GR\u{dc}SSE"), of("gr\u{fc}sse"));
        assert_ne!(of("a"), Some(Threading::id_key(b"a")));
        assert_eq!(of("Re:"), None);
    }
}
