//! Which messages one answers, as THREAD=REFERENCES compares them (RFC 5256 §3).

use crate::threading::{Threading, bare_identifier, compact, identifiers};

/// A Message-ID by which a row names other messages: equal identifiers have equal keys, also when one is quoted.
///
/// Eight octets of a hash: who finds two identifiers with one key can put a message of his into a foreign conversation,
/// which he could as well by naming it in References.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdKey(pub u64);

/// Ancestors that are kept of a message: the root and the nearest ones. Senders cut the list themselves (RFC 5256 §3 reckons
/// with that), most at some twenty.
pub const ANCESTORS_MAX: usize = 100;

impl IdKey {
    /// Of the inside of the angle brackets.
    fn new(id: &[u8]) -> IdKey {
        IdKey(u64::from_le_bytes(
            Threading::id_key(&unquoted(&compact(id))).0.first_chunk().copied().unwrap_or_default(),
        ))
    }

    /// Of an unfolded `Message-ID`.
    pub fn of_message(message_id: &[u8]) -> Option<IdKey> {
        identifiers(message_id).next().or_else(|| bare_identifier(message_id)).map(IdKey::new)
    }

    /// The first of an unfolded `In-Reply-To`: what counts where References names nobody.
    pub fn of_parent(in_reply_to: &[u8]) -> Option<IdKey> {
        identifiers(in_reply_to).next().map(IdKey::new)
    }
}

/// The identifiers of unfolded `References`, the oldest first; at most [`ANCESTORS_MAX`].
pub fn ancestors(references: &[u8]) -> Vec<IdKey> {
    let mut ids: Vec<&[u8]> = identifiers(references).collect();
    let surplus = ids.len().saturating_sub(ANCESTORS_MAX);
    if surplus > 0 {
        ids.drain(1..1 + surplus);
    }
    ids.into_iter().map(IdKey::new).collect()
}

/// `"a\.b"@c` as `a.b@c` (RFC 5256 §3: quoting makes no other identifier).
fn unquoted(id: &[u8]) -> Vec<u8> {
    if id.first() != Some(&b'"') {
        return id.to_vec();
    }
    let (mut out, mut quoted, mut escaped) = (Vec::with_capacity(id.len()), false, false);
    for &octet in id {
        match octet {
            b'"' if !escaped => quoted = !quoted,
            b'\\' if quoted && !escaped => {
                escaped = true;
                continue;
            }
            octet => out.push(octet),
        }
        escaped = false;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_and_folding_make_no_other_identifier() {
        let key = |id: &str| IdKey::of_message(id.as_bytes());
        let same = ["<01KF8JCEOCBS0045PS@xxx.yyy.com>", "<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>"];
        assert_eq!(key(same[0]), key(same[1]));
        assert_eq!(key("<\"a\\\"b c\\\\\"@d>"), key("<\"a\\\"bc\\\\\"@d>"));
        assert_eq!(key("<a @\tb>"), key(" a@b "));
        assert_ne!(key("<a@b>"), key("<A@b>"));
        assert_eq!(key(""), None);
    }

    #[test]
    fn the_root_and_the_nearest_ancestors() {
        let of = |n: usize| IdKey::of_message(format!("<{n}@x>").as_bytes()).unwrap();
        let many: String = (0..100_000).map(|n| format!("<{n}@x> ")).collect();
        let kept = ancestors(many.as_bytes());
        assert_eq!((kept.len(), kept[0], kept[1], kept[99]), (ANCESTORS_MAX, of(0), of(99_901), of(99_999)));
        assert_eq!(ancestors(b"nothing <> <"), []);
        assert_eq!(IdKey::of_parent(b"Your message of Friday <a@b> <c@d>"), IdKey::of_message(b"<a@b>"));
        assert_eq!(IdKey::of_parent(b"a@b"), None);
    }
}
