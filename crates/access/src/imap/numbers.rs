//! From the numbers of a command to messages of the selected mailbox.

use super::selected::Selected;
use imap::Answer;
use imap::command::{Numbering, Page};
use imap::sequence::{NumberSet, SeqBound, SequenceSet};
use mailstore::{Member, View};
use model::{SeqNum, Uid};

/// The messages that a command names.
pub(crate) struct Numbers {
    set: NumberSet,
    numbering: Numbering,
}

impl Numbers {
    /// What `set` means to this client. UIDs that do not exist are passed over (RFC 9051 §6.4.9).
    ///
    /// # Errors
    /// `BAD` for a sequence number that does not exist (RFC 9051 §9 `seq-number`).
    pub fn resolve(set: &SequenceSet, numbering: Numbering, selected: &Selected) -> Result<Numbers, Answer<'static>> {
        let view = &selected.known;
        let max = match numbering {
            Numbering::SeqNum => view.len(),
            Numbering::Uid => view.last_uid().map_or(0, |uid| uid.0),
        };
        // `$` is kept as UIDs, whatever the command counts by.
        let Some(resolved) = set.resolve(max) else {
            return Ok(Numbers { set: selected.saved.clone(), numbering: Numbering::Uid });
        };
        if numbering == Numbering::SeqNum && resolved.max().is_some_and(|n| n > max) {
            if max > 0 || !is_open(set) {
                return Err(Answer::bad(format!("there are only {max} messages")));
            }
            // `1:*` in an empty mailbox: clients ask so, and mean nothing.
            return Ok(Numbers { set: NumberSet::new(), numbering });
        }
        Ok(Numbers { set: resolved, numbering })
    }

    /// The messages with these UIDs.
    pub fn of_uids(set: NumberSet) -> Numbers {
        Numbers { set, numbering: Numbering::Uid }
    }

    /// Whether a message is meant.
    pub fn contains(&self, seq: SeqNum, uid: Uid) -> bool {
        self.set.contains(match self.numbering {
            Numbering::SeqNum => seq.0,
            Numbering::Uid => uid.0,
        })
    }

    /// The messages, in order.
    pub fn members<'a>(&'a self, view: &'a View) -> impl Iterator<Item = (SeqNum, Member)> + Send + 'a {
        let by_seq = (self.numbering == Numbering::SeqNum).then(|| {
            self.set.ranges().flat_map(move |(first, last)| {
                let seqs = (first..=last.min(view.len())).map(SeqNum);
                seqs.filter_map(move |seq| view.get(seq).map(|member| (seq, member)))
            })
        });
        let by_uid = (self.numbering == Numbering::Uid)
            .then(|| self.set.ranges().flat_map(move |(first, last)| view.uid_range(Uid(first), Uid(last))));
        by_seq.into_iter().flatten().chain(by_uid.into_iter().flatten())
    }

    /// Only a page of them (RFC 9394 §3.3).
    pub fn page(self, page: Page, view: &View) -> Numbers {
        let seqs: NumberSet = self.members(view).map(|(seq, _)| seq.0).collect();
        Numbers { set: seqs.at(page.places(seqs.count())), numbering: Numbering::SeqNum }
    }

    /// Their UIDs, ascending.
    pub fn uids(&self, view: &View) -> Vec<Uid> {
        self.members(view).map(|(_, member)| member.uid).collect()
    }
}

/// Whether each of its ranges reaches to the last message.
fn is_open(set: &SequenceSet) -> bool {
    match set {
        SequenceSet::Saved => false,
        SequenceSet::Ranges(ranges) => ranges.iter().all(|range| [range.first, range.last].contains(&SeqBound::Star)),
    }
}
