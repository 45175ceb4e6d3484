//! LSUB (RFC 3501 §6.3.9), which RFC 9051 did away with.

use super::client::Client;
use super::list::{Match, Patterns, entry, nodes};
use super::out::Out;
use super::running::Outcome;
use imap::Answer;
use imap::command::Lsub;
use imap::response::{self, ListAttribute};

/// Lists subscribed names, and with `%` at the pattern's end also levels above them.
pub(crate) async fn lsub(client: &Client, command: Lsub, out: &mut Out) -> Outcome {
    let mailboxes = client.account()?.mailboxes();
    // RFC 3501 §6.3.9: only `%` tells of levels that are not subscribed themselves.
    let levels = command.pattern.as_str().ends_with('%');
    let patterns = Patterns::new(&command.reference, &[command.pattern]);
    for node in nodes(&mailboxes) {
        let attributes: &[ListAttribute] = match patterns.matches(node.name) {
            Match::Yes | Match::Levels if node.subscribed => &[],
            Match::Levels if levels && node.child_subscribed => &[ListAttribute::NoSelect],
            _ => continue,
        };
        response::lsub(out, &entry(node.name, attributes, false), client.name_form());
        out.room().await;
    }
    Ok(Answer::ok("listed"))
}
