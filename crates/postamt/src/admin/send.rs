//! A message handed in from the command line.

use super::accounts::address;
use super::protocol::{SentItem, Trouble};
use super::server::{Exchange, Fault, Office};
use crate::language::{Text, both};
use directory::Account;
use model::Address;
use mta::{Submitting, queue_name};
use smtp::Reply;
use std::sync::Arc;

/// As many as a mail program may name at once.
const RECIPIENTS_MAX: usize = 1000;

pub async fn answer(
    office: &Office,
    from: &str,
    recipients: &[String],
    size_octets: u64,
    to: &mut Exchange,
) -> Result<(), Fault> {
    let from = address(from)?;
    if recipients.len() > RECIPIENTS_MAX {
        let text = both!(
            "a message has at most {n} recipients",
            "eine Nachricht hat höchstens {n} Empfänger",
            n = RECIPIENTS_MAX
        );
        return Err(Trouble::wrong(text).into());
    }
    let recipients = recipients.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    if size_octets > office.message_octets_max() {
        let text = both!(
            "the message has {size_octets} octets; at most {max} are taken",
            "die Nachricht hat {size_octets} Byte; angenommen werden höchstens {max}",
            max = office.message_octets_max()
        );
        return Err(Trouble::refused(text).into());
    }
    let account = sender(office, &from)?;
    let mut submitting = Submitting::begin(&office.post, &office.board.current().hostname, account, from, recipients)
        .map_err(|reply| refused(&reply))?;
    to.go_on().await?;
    let (mut left, mut refusal) = (size_octets, None);
    while left > 0 {
        let piece = to.take(&mut left).await?;
        // What was announced is taken to its end, so that the connection stays of use.
        if refusal.is_none() {
            refusal = submitting.take(&piece).await.err();
        }
    }
    if let Some(reply) = refusal {
        return Err(refused(&reply).into());
    }
    let queue_id = queue_name(submitting.id());
    let reply = submitting.finish().await;
    if !reply.is_positive() {
        return Err(refused(&reply).into());
    }
    to.item(&SentItem { queue_id, reply: reply.to_string() }).await
}

/// The account with this address, or the only one that may write it as its own.
fn sender(office: &Office, from: &Address) -> Result<Arc<Account>, Trouble> {
    let directory = &office.post.directory;
    if let Some(account) = directory.account(from) {
        return Ok(account);
    }
    let own = directory.accounts().find(|account| directory.may_send_as(account, from));
    own.ok_or_else(|| {
        Trouble::not_found(both!(
            "nobody here may send as {from}; see: postamt account list and postamt alias list",
            "als {from} darf hier niemand senden; siehe: postamt account list und postamt alias list"
        ))
    })
}

fn refused(reply: &Reply) -> Trouble {
    // The words that a mail program gets.
    let text = Text::same(reply);
    if reply.is_temporary() { Trouble::failed(text) } else { Trouble::refused(text) }
}
