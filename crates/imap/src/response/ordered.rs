//! SORT, THREAD, and ESEARCH of a SORT: numbers in an order of their own (RFC 5256 §4, RFC 5267 §3.2).

use super::text;

/// `* SORT`: then any numbers of [`super::search_number`], then [`super::search_end`].
pub fn sort_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* SORT");
}

/// `* THREAD`: then the threads, then [`super::search_end`].
pub fn thread_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* THREAD");
}

/// The stretches of `numbers` that a sequence set writes as one item: neighbours that go up by one, since `12:10` would be
/// read as `10:12` (RFC 5267 §3.2).
pub fn runs(numbers: &[u32]) -> impl Iterator<Item = (u32, u32)> + Send + '_ {
    let run = |run: &[u32]| run.first().copied().zip(run.last().copied());
    numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).filter_map(run)
}

/// One item of a sequence set, with a comma before all but the first.
pub fn run(out: &mut Vec<u8>, (first, last): (u32, u32), is_first: bool) {
    if !is_first {
        out.push(b',');
    }
    text::number(out, first.into());
    if last != first {
        out.push(b':');
        text::number(out, last.into());
    }
}
