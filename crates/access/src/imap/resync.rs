//! QRESYNC: a client that comes back is told what changed since (RFC 7162 §3.2.5).

use super::flag_names::FlagNames;
use super::out::Out;
use super::selected::Selected;
use super::vanished::{self, Gone};
use env::yield_now;
use imap::NumberSet;
use imap::command::{Resync, SeqMatch};
use mailstore::{Account, Error, Member, View};
use model::{SeqNum, Uid};

/// Messages looked at before others get their turn.
const MEMBERS_AT_ONCE: usize = 4_096;

/// The answer to a client's question what changed, found before anything is told.
pub(crate) struct Changes {
    asked: NumberSet,
    gone_of: NumberSet,
    gone: Gone,
    since: model::ModSeq,
}

/// What `client` does not know of a mailbox; `None` if its UIDVALIDITY is another: then nothing it knows holds.
pub(crate) async fn changes(account: &Account, view: &View, client: &Resync) -> Result<Option<Changes>, Error> {
    if client.uid_validity != view.mailbox.uid_validity {
        return Ok(None);
    }
    let every = |set: NumberSet| vanished::given_out(view, &set, Uid(0));
    let asked = match client.known_uids.as_ref().and_then(|set| set.resolve(0)) {
        Some(set) => every(set),
        None => {
            let mut all = NumberSet::new();
            all.push_range(1, u32::MAX);
            every(all)
        }
    };
    let floor = match &client.matches {
        Some(matches) => last_match(view, matches).await,
        None => Uid(0),
    };
    let gone_of = vanished::given_out(view, &asked, floor);
    let gone = vanished::gone_since(account, view, &gone_of, client.mod_seq).await?;
    Ok(Some(Changes { asked, gone_of, gone, since: client.mod_seq }))
}

/// The last UID in order that has the sequence number which the client remembers: up to it nothing is gone that the client
/// does not know of (RFC 7162 §3.2.5.2). Behind the first that has another, all have.
async fn last_match(view: &View, matches: &SeqMatch) -> Uid {
    let (Some(seqs), Some(uids)) = (matches.seqs.resolve(0), matches.uids.resolve(0)) else { return Uid(0) };
    let mut last = Uid(0);
    for (i, (seq, uid)) in seqs.iter().zip(uids.iter()).enumerate() {
        if view.get(SeqNum(seq)).is_none_or(|member| member.uid != Uid(uid)) {
            break;
        }
        last = Uid(uid);
        if (i + 1) % MEMBERS_AT_ONCE == 0 {
            yield_now().await;
        }
    }
    last
}

impl Selected {
    /// `* VANISHED (EARLIER)`, then `* n FETCH (UID u FLAGS (…) MODSEQ (m))` for each message that changed or came.
    pub async fn tell_changes_since(&mut self, changes: &Changes, out: &mut Out) {
        let view = self.known.clone();
        vanished::tell_earlier(&changes.gone, &view, &changes.gone_of, out).await;
        let names = FlagNames::new(&view.keywords, &self.recent);
        let of_range = |(first, last)| view.uid_range(Uid(first), Uid(last)).map(|(_, member)| member);
        let members: Box<dyn Iterator<Item = Member> + Send> = Box::new(changes.asked.ranges().flat_map(of_range));
        for (i, member) in members.enumerate() {
            if member.modseq > changes.since {
                self.tell_flags(member.uid, &names, out);
                out.room().await;
            }
            if (i + 1) % MEMBERS_AT_ONCE == 0 {
                yield_now().await;
            }
        }
    }
}
