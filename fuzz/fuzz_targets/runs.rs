//! Lets a short input stand for a long one, so that bounds of many KiB are reached.

const OCTETS_MAX: usize = 80 * 1024;

/// The octet 0xff and one more, n, stand for n² times the octet before.
pub fn expand(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = tail;
        match (octet, out.last().copied(), tail.split_first()) {
            (0xff, Some(last), Some((&n, tail))) => {
                rest = tail;
                let times = (usize::from(n) * usize::from(n)).min(OCTETS_MAX.saturating_sub(out.len()));
                out.resize(out.len() + times, last);
            }
            _ => out.push(octet),
        }
    }
    out
}
