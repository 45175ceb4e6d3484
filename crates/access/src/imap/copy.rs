//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 4315 §3, RFC 6851 §3.3).

use super::client::Client;
use super::failure;
use super::numbers::Numbers;
use super::out::Out;
use super::running::Outcome;
use super::selected::Access;
use imap::command::Copy;
use imap::{Answer, Code, NumberSet, response};
use mailstore::{Copied, CopyMessages, Transfer};

/// Copies messages: all, or on an error none.
pub(crate) async fn copy(client: &mut Client, command: Copy) -> Outcome {
    let (copied, wanted) = transfer(client, command, Transfer::Copy).await?;
    let answer = Answer::ok(summary("copied", copied.uids.len(), wanted));
    Ok(match code(&copied) {
        Some(code) => answer.code(code),
        None => answer,
    })
}

/// Moves messages: COPYUID is told at once, EXPUNGE or VANISHED follows with what else happened (RFC 9051 §6.4.8).
pub(crate) async fn move_(client: &mut Client, command: Copy, out: &mut Out) -> Outcome {
    if client.selected()?.access == Access::ReadOnly {
        return Err(failure::read_only().into());
    }
    let (moved, wanted) = transfer(client, command, Transfer::Move).await?;
    if let Some(code) = code(&moved) {
        client.selected()?.reckoned.owe();
        response::answer(out, None, &Answer::ok("moved").code(code));
    }
    Ok(Answer::ok(summary("moved", moved.uids.len(), wanted)))
}

async fn transfer(client: &mut Client, command: Copy, transfer: Transfer) -> Result<(Copied, usize), Answer<'static>> {
    let selected = client.selected()?;
    let account = selected.account.clone();
    let numbers = Numbers::resolve(&command.set, command.numbering, selected)?;
    let to = account.mailboxes().named(command.mailbox.as_str()).ok_or_else(failure::try_create)?.id;
    let uids = numbers.uids(&selected.known);
    let wanted = uids.len();
    let operation = CopyMessages { from: selected.mailbox, uids, to, transfer };
    let copied = account.copy(operation).await.map_err(|error| failure::no_destination(&error))?;
    Ok((copied, wanted))
}

/// None when nothing was copied (RFC 4315 §3).
fn code(copied: &Copied) -> Option<Code<'static>> {
    let (from, to): (Vec<u32>, Vec<u32>) = copied.uids.iter().map(|(from, to)| (from.0, to.0)).unzip();
    let set = |uids: Vec<u32>| uids.into_iter().collect::<NumberSet>();
    (!from.is_empty()).then(|| Code::CopyUid(copied.uid_validity, set(from), set(to)))
}

/// Says so when some were expunged meanwhile: COPYUID names those that were not (RFC 2180 §4.4).
fn summary(done: &str, count: usize, wanted: usize) -> String {
    if count == wanted {
        format!("{count} {done}")
    } else {
        format!("{count} {done}; {} were expunged meanwhile", wanted - count)
    }
}
