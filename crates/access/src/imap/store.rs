//! STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

use super::client::Client;
use super::failure;
use super::flag_names::FlagNames;
use super::modseq::Awareness;
use super::numbers::Numbers;
use super::out::Out;
use super::running::Outcome;
use super::selected::{Access, Selected};
use imap::command::{Numbering, Store, StoreOperation, StoreReport};
use imap::{Answer, Code, FetchWriter, NumberSet, response};
use mailstore::{FlagBits, FlagChange, FlagsStored, Member, StoreFlags, Unchanged, View};
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
    let (mut gone, mut modified) = (false, NumberSet::new());
    for uids in uids.chunks(MESSAGES_AT_ONCE) {
        let before = selected.known.clone();
        let unchanged = |since| Unchanged { since, known: Some(before.clone()) };
        let operation = StoreFlags {
            mailbox: selected.mailbox,
            uids: uids.to_vec(),
            change,
            flags: command.flags.clone(),
            unchanged_since: command.unchanged_since.map(unchanged),
        };
        let FlagsStored { view: stored, modified: failed } = selected.account.store_flags(operation).await?;
        selected.learn(uids, &stored);
        if before.keywords != stored.keywords {
            response::flags(out, &super::flag_names::all(&stored.keywords));
        }
        let told = Told {
            before: &before,
            stored: &stored,
            failed: &failed,
            command: &command,
            names: FlagNames::new(&stored.keywords, &selected.recent),
            named: named(&command, &stored),
        };
        gone |= told.tell(selected, uids, out).await;
        failed.iter().filter_map(|uid| number(*uid, &command, &before)).for_each(|number| modified.push(number));
    }
    Ok(answer(&command, gone, modified))
}

/// As the command counts.
fn number(uid: Uid, command: &Store, view: &View) -> Option<u32> {
    match command.numbering {
        Numbering::Uid => Some(uid.0),
        Numbering::SeqNum => view.seq_of(uid).map(|seq| seq.0),
    }
}

fn answer(command: &Store, gone: bool, modified: NumberSet) -> Answer<'static> {
    let told = command.report == StoreReport::Full && command.numbering == Numbering::SeqNum;
    let answer = match gone && told {
        // RFC 2180 §4.2.3; silent ones succeed (§4.2.1), and UIDs that are gone are passed over (RFC 9051 §6.4.9).
        true => Answer::no("some of these messages are expunged, the others are changed").code(Code::ExpungeIssued),
        false => Answer::ok("flags stored"),
    };
    if modified.is_empty() {
        return answer;
    }
    // RFC 7162 §3.1.3, also with NO.
    let text = format!("{}; {} had changed meanwhile and are left alone", answer.text, modified.count());
    Answer { text: text.into(), ..answer }.code(Code::Modified(modified))
}

/// What a STORE tells.
struct Told<'a> {
    before: &'a View,
    stored: &'a Arc<View>,
    /// Messages left alone, ascending.
    failed: &'a [Uid],
    command: &'a Store,
    names: FlagNames,
    /// The flags that the command names.
    named: FlagBits,
}

fn named(command: &Store, stored: &View) -> FlagBits {
    let bits = command.flags.iter().filter_map(|flag| stored.keywords.bit(flag));
    bits.fold(FlagBits::NONE, FlagBits::or)
}

impl Told<'_> {
    /// Tells the flags of `uids`; whether any of them is gone.
    async fn tell(&self, selected: &mut Selected, uids: &[Uid], out: &mut Out) -> bool {
        let mut gone = false;
        for &uid in uids {
            let Some(is) = self.stored.by_uid(uid) else {
                gone = true;
                continue;
            };
            self.tell_one(selected, &is, out);
            out.room().await;
        }
        gone
    }

    /// A client that reads MODSEQ learns what became of it even if `.SILENT`, and, where its condition did not hold, why.
    fn tell_one(&self, selected: &mut Selected, is: &Member, out: &mut Out) {
        let was = self.before.by_uid(is.uid);
        let expected = was.map(|was| self.expected(was.flags));
        let failed = self.failed.binary_search(&is.uid).is_ok();
        // RFC 9051 §6.4.6: what others changed is told even if `.SILENT`.
        let flags = self.command.report == StoreReport::Full || failed || expected != Some(is.flags);
        let aware = selected.aware > Awareness::None;
        let touched = self.command.unchanged_since.is_some() || was.is_none_or(|was| was.modseq != is.modseq);
        if !(flags || (aware && touched)) {
            return;
        }
        let Some(seq) = selected.known.seq_of(is.uid) else { return };
        let mut fetch = FetchWriter::begin(out, seq);
        if aware || self.command.numbering == Numbering::Uid {
            fetch.uid(out, is.uid);
        }
        if flags {
            fetch.flags(out, self.names.of(is.uid, is.flags));
        }
        if aware {
            fetch.mod_seq(out, is.modseq);
            selected.reckoned.saw(is.modseq);
        }
        fetch.end(out);
    }

    /// What the client reckons with.
    fn expected(&self, was: FlagBits) -> FlagBits {
        match self.command.operation {
            StoreOperation::Replace => self.named,
            StoreOperation::Add => was.or(self.named),
            StoreOperation::Remove => was.without(self.named),
        }
    }
}
