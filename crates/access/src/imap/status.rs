//! STATUS (RFC 9051 §6.3.11).

use super::client::Client;
use super::out::Out;
use super::running::Outcome;
use super::{failure, object_id};
use imap::command::{StatusCommand, StatusItem};
use imap::response::{self, StatusValue};
use imap::{Answer, MailboxName, NameForm};
use mailstore::MailboxRecord;

/// Tells what the mailbox's record says; no message is looked at.
pub(crate) fn status(client: &Client, command: StatusCommand, out: &mut Out) -> Outcome {
    let mailboxes = client.account()?.mailboxes();
    let record = mailboxes.named(command.mailbox.as_str()).ok_or_else(failure::missing)?;
    tell(out, &command.mailbox, record, &command.items, client.name_form());
    Ok(Answer::ok("that is its status"))
}

/// One STATUS response; also LIST's with RETURN (STATUS).
pub(crate) fn tell(out: &mut Out, name: &MailboxName, record: &MailboxRecord, items: &[StatusItem], form: NameForm) {
    let id = object_id::mailbox(record.id);
    let value = |item: &StatusItem| match item {
        StatusItem::Messages => StatusValue::Number(*item, record.messages.into()),
        StatusItem::Recent => StatusValue::Number(*item, 0),
        StatusItem::UidNext => StatusValue::UidNext(record.uid_next),
        StatusItem::UidValidity => StatusValue::UidValidity(record.uid_validity),
        StatusItem::Unseen => StatusValue::Number(*item, record.unseen.into()),
        StatusItem::Deleted => StatusValue::Number(*item, record.deleted.into()),
        StatusItem::Size => StatusValue::Number(*item, record.size_octets),
        StatusItem::HighestModSeq => StatusValue::HighestModSeq(record.highest_modseq),
        StatusItem::MailboxId => StatusValue::MailboxId(&id),
    };
    let values: Vec<_> = items.iter().map(value).collect();
    response::status(out, name, &values, form);
}
