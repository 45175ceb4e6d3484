//! STORE (RFC 9051 §6.4.6).

use super::client::Client;
use super::failure;
use super::flag_names::FlagNames;
use super::numbers::Numbers;
use super::out::Out;
use super::running::Outcome;
use super::selected::{Access, Selected};
use imap::command::{Numbering, Store, StoreOperation, StoreReport};
use imap::{Answer, Code, FetchWriter, response};
use mailstore::{FlagBits, FlagChange, StoreFlags, View};
use model::Uid;
use std::sync::Arc;

/// Messages changed by one operation: its batch stays small, and others get their turn.
const MESSAGES_AT_ONCE: usize = 5_000;

/// Changes flags, and tells them unless `.SILENT`.
pub(crate) async fn store(client: &mut Client, command: Store, out: &mut Out) -> Outcome {
    let selected = client.selected()?;
    if selected.access == Access::ReadOnly {
        return Err(failure::read_only().into());
    }
    let numbers = Numbers::resolve(&command.set, command.numbering, selected)?;
    let uids = numbers.uids(&selected.known);
    let change = match command.operation {
        StoreOperation::Replace => FlagChange::Replace,
        StoreOperation::Add => FlagChange::Add,
        StoreOperation::Remove => FlagChange::Remove,
    };
    let mut gone = false;
    for uids in uids.chunks(MESSAGES_AT_ONCE) {
        let (mailbox, flags) = (selected.mailbox, command.flags.clone());
        let operation = StoreFlags { mailbox, uids: uids.to_vec(), change, flags, unchanged_since: None };
        let stored = selected.account.store_flags(operation).await?.view;
        let before = selected.known.clone();
        selected.learn(uids, &stored);
        if before.keywords != stored.keywords {
            response::flags(out, &super::flag_names::all(&stored.keywords));
        }
        let told = Told { before: &before, stored: &stored, command: &command, change };
        gone |= told.tell(selected, uids, out).await;
    }
    let told = command.report == StoreReport::Full && command.numbering == Numbering::SeqNum;
    Ok(match gone && told {
        // RFC 2180 §4.2.3; silent ones succeed (§4.2.1), and UIDs that are gone are passed over (RFC 9051 §6.4.9).
        true => Answer::no("some of these messages are expunged, the others are changed").code(Code::ExpungeIssued),
        false => Answer::ok("flags stored"),
    })
}

/// What a STORE tells.
struct Told<'a> {
    before: &'a View,
    stored: &'a Arc<View>,
    command: &'a Store,
    change: FlagChange,
}

impl Told<'_> {
    /// Tells the flags of `uids`; whether any of them is gone.
    async fn tell(&self, selected: &Selected, uids: &[Uid], out: &mut Out) -> bool {
        let names = FlagNames::new(&self.stored.keywords, &selected.recent);
        let named = self.named();
        let mut gone = false;
        for &uid in uids {
            let Some(is) = self.stored.by_uid(uid) else {
                gone = true;
                continue;
            };
            let expected = self.before.by_uid(uid).map(|was| self.expected(was.flags, named));
            // RFC 9051 §6.4.6: what others changed is told even if `.SILENT`.
            if self.command.report == StoreReport::Silent && expected == Some(is.flags) {
                continue;
            }
            let Some(seq) = selected.known.seq_of(uid) else { continue };
            let mut fetch = FetchWriter::begin(out, seq);
            if self.command.numbering == Numbering::Uid {
                fetch.uid(out, uid);
            }
            fetch.flags(out, names.of(uid, is.flags));
            fetch.end(out);
            out.room().await;
        }
        gone
    }

    fn named(&self) -> FlagBits {
        let bits = self.command.flags.iter().filter_map(|flag| self.stored.keywords.bit(flag));
        bits.fold(FlagBits::NONE, FlagBits::or)
    }

    /// What the client reckons with.
    fn expected(&self, was: FlagBits, named: FlagBits) -> FlagBits {
        match self.change {
            FlagChange::Replace => named,
            FlagChange::Add => was.or(named),
            FlagChange::Remove => was.without(named),
        }
    }
}
