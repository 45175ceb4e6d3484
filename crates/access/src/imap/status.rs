//! STATUS (RFC 9051 §6.3.11).

use super::client::{Client, Revision};
use super::out::Out;
use super::running::Outcome;
use super::{failure, object_id};
use imap::command::{StatusCommand, StatusItem};
use imap::response::{self, StatusValue};
use imap::{Answer, MailboxName};
use mailstore::{Account, Error, FlagBits, MailboxRecord};
use model::Uid;
use std::sync::Arc;

/// Tells what the mailbox's record says; messages are looked at only for what it does not count.
pub(crate) async fn status(client: &Client, command: StatusCommand, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let record = account.mailboxes().named(command.mailbox.as_str()).cloned().ok_or_else(failure::missing)?;
    tell(client, (&command.mailbox, &record), &command.items, out).await?;
    Ok(Answer::ok("that is its status"))
}

/// One STATUS response; also LIST's with RETURN (STATUS).
pub(crate) async fn tell(
    client: &Client,
    (name, record): (&MailboxName, &MailboxRecord),
    items: &[StatusItem],
    out: &mut Out,
) -> Result<(), Error> {
    let counted = match &client.user {
        Some(user) => Counted::of(&user.account, record, items, client.revision).await?,
        None => Counted::default(),
    };
    let id = object_id::mailbox(record.id);
    let value = |item: &StatusItem| match item {
        StatusItem::Messages => StatusValue::Number(*item, record.messages.into()),
        StatusItem::Recent => StatusValue::Number(*item, counted.recent),
        StatusItem::UidNext => StatusValue::UidNext(record.uid_next),
        StatusItem::UidValidity => StatusValue::UidValidity(record.uid_validity),
        StatusItem::Unseen => StatusValue::Number(*item, record.unseen.into()),
        StatusItem::Deleted => StatusValue::Number(*item, record.deleted.into()),
        StatusItem::DeletedStorage => StatusValue::Number(*item, counted.deleted_octets),
        StatusItem::AppendLimit => StatusValue::Number(*item, client.append_octets_max),
        StatusItem::Size => StatusValue::Number(*item, record.size_octets),
        StatusItem::HighestModSeq => StatusValue::HighestModSeq(record.highest_modseq),
        StatusItem::MailboxId => StatusValue::MailboxId(&id),
    };
    let values: Vec<_> = items.iter().map(value).collect();
    response::status(out, name, &values, client.name_form());
    Ok(())
}

/// What the record does not count.
#[derive(Default)]
struct Counted {
    recent: u64,
    /// Sum of sizes (RFC 9208 §4.1.4).
    deleted_octets: u64,
}

impl Counted {
    async fn of(
        account: &Arc<Account>,
        record: &MailboxRecord,
        items: &[StatusItem],
        revision: Revision,
    ) -> Result<Counted, Error> {
        let recent_from = account.recent_from(record);
        let recent = items.contains(&StatusItem::Recent) && revision == Revision::Rev1 && recent_from < record.uid_next;
        let deleted = items.contains(&StatusItem::DeletedStorage) && record.deleted > 0;
        if !recent && !deleted {
            return Ok(Counted::default());
        }
        let view = account.open(record.id).await?;
        let mut counted = Counted::default();
        if recent {
            counted.recent = view.count_of(recent_from, Uid(u32::MAX)).into();
        }
        if deleted {
            let deleted = view.iter().filter(|(_, member)| member.flags.contains(FlagBits::DELETED));
            counted.deleted_octets = deleted.map(|(_, member)| member.size_octets).sum();
        }
        Ok(counted)
    }
}
