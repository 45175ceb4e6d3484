//! UIDs that are gone: VANISHED (RFC 7162 §3.2.10).

use super::out::Out;
use env::yield_now;
use imap::NumberSet;
use imap::response::{self, VANISHED_RANGES_MAX, Vanished};
use mailstore::{Account, Error, View};
use model::{ModSeq, Uid};
use std::iter::{from_fn, once};

/// Which of some UIDs left a mailbox since a modification.
pub(crate) enum Gone {
    /// These, ascending.
    These(Vec<Uid>),
    /// Nobody knows any more since when: all that are not there (RFC 7162 §3.2.6).
    AllAbsent,
}

/// What of `asked` left the mailbox of `view` behind `since`; UIDs that were never given out are passed over.
pub(crate) async fn gone_since(
    account: &Account,
    view: &View,
    asked: &NumberSet,
    since: ModSeq,
) -> Result<Gone, Error> {
    // Mostly nothing is missing, and the log need not be read.
    if since >= view.mailbox.highest_modseq || absent(view, asked).next().is_none() {
        return Ok(Gone::These(Vec::new()));
    }
    let until = view.mailbox.highest_modseq;
    // What left after the view was made is told when the view's next one is.
    let is_absent = |uid: Uid| asked.contains(uid.0) && view.by_uid(uid).is_none();
    let gone = account.vanished(view.mailbox.id, (since, until), &is_absent).await?;
    Ok(gone.map_or(Gone::AllAbsent, Gone::These))
}

/// `asked` as far as UIDs were given out, and above `floor`.
pub(crate) fn given_out(view: &View, asked: &NumberSet, floor: Uid) -> NumberSet {
    let last_given = view.mailbox.uid_next.0.saturating_sub(1);
    let mut given = NumberSet::new();
    for (first, last) in asked.ranges() {
        let (first, last) = (first.max(floor.0.saturating_add(1)), last.min(last_given));
        if first <= last {
            given.push_range(first, last);
        }
    }
    given
}

/// `* VANISHED (EARLIER)`: what is gone of `asked`.
pub(crate) async fn tell_earlier(gone: &Gone, view: &View, asked: &NumberSet, out: &mut Out) {
    match gone {
        Gone::These(uids) => tell(Vanished::Earlier, Box::new(runs(uids)), out).await,
        Gone::AllAbsent => tell(Vanished::Earlier, Box::new(absent(view, asked)), out).await,
    }
}

/// `* VANISHED`: these UIDs, ascending, were there and are gone.
pub(crate) async fn tell_now(uids: &[Uid], out: &mut Out) {
    tell(Vanished::Now, Box::new(runs(uids)), out).await;
}

async fn tell(kind: Vanished, ranges: Box<dyn Iterator<Item = (u32, u32)> + Send + '_>, out: &mut Out) {
    let (mut set, mut count) = (NumberSet::new(), 0);
    for (first, last) in ranges {
        set.push_range(first, last);
        count += 1;
        if count == VANISHED_RANGES_MAX {
            response::vanished(out, kind, &std::mem::take(&mut set));
            count = 0;
            out.room().await;
            yield_now().await;
        }
    }
    if count > 0 {
        response::vanished(out, kind, &set);
    }
}

/// The gaps that a mailbox has in `asked`, as ranges.
fn absent<'a>(view: &'a View, asked: &'a NumberSet) -> impl Iterator<Item = (u32, u32)> + Send + 'a {
    asked.ranges().flat_map(move |(first, last)| {
        let mut next = u64::from(first);
        let there = view.uid_range(Uid(first), Uid(last)).map(|(_, member)| u64::from(member.uid.0));
        there.chain(once(u64::from(last) + 1)).filter_map(move |there| {
            let gap = (next < there).then_some((next as u32, (there - 1) as u32));
            next = there + 1;
            gap
        })
    })
}

/// Ascending numbers as ranges.
fn runs(uids: &[Uid]) -> impl Iterator<Item = (u32, u32)> + Send + '_ {
    let mut uids = uids.iter().map(|uid| uid.0).peekable();
    from_fn(move || {
        let first = uids.next()?;
        let mut last = first;
        while let Some(next) = uids.next_if(|next| *next <= last.saturating_add(1)) {
            last = next;
        }
        Some((first, last))
    })
}
