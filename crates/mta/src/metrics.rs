//! What is counted of messages and of people who log in.

use crate::queue::{Outcome, OutcomeKind, Target};
use crate::receive::Origin;
use ::smtp::Reply;
use directory::SignInError;
use std::time::Duration;

const TO: [&str; 2] = ["local", "remote"];
const ORIGINS: [&str; 3] = ["smtp", "lmtp", "submission"];

meter::metrics! {
    /// Messages that came in with their body, by what their giver was told; a message by LMTP counts once for each recipient.
    MESSAGES_RECEIVED: Counter "messages_received_total" {
        origin: ORIGINS,
        outcome: ["accepted", "deferred", "refused"],
    };
    /// Octets of messages that were accepted.
    RECEIVED_OCTETS: Counter "messages_received_octets_total" { origin: ORIGINS };
    /// Recipients that were named to an SMTP or LMTP listener.
    RECIPIENTS: Counter "recipients_total" { outcome: ["accepted", "deferred", "refused"] };
    /// What became of deliveries: `delivered` lie in a mailbox, `relayed` at the next hop, `deferred` are tried again,
    /// `failed` are reported to their sender. A delivery that waits counts at each attempt.
    DELIVERIES: Counter "deliveries_total" { to: TO, outcome: ["delivered", "relayed", "deferred", "failed"] };
    /// How long it took from the acceptance of a message to its delivery.
    DELIVERY_SECONDS: Histogram "delivery_seconds" { to: TO }
        buckets [0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0, 172_800.0];
    /// Reports to senders that were put into the queue.
    REPORTS: Counter "reports_total" { about: ["failure", "delay", "success"] };
    /// Attempts to log in; `refused` had a wrong name or password, `deferred` came too often or met a fault.
    LOGINS: Counter "logins_total" {
        protocol: ["imap", "pop3", "submission", "other"],
        outcome: ["accepted", "refused", "deferred"],
    };
    /// Commands that were carried out, by their answer.
    COMMANDS: Counter "commands_total" { protocol: ["imap", "pop3", "other"], outcome: ["ok", "no", "bad"] };
    /// Commands that were refused unread: bad syntax, lines and bodies beyond their bounds.
    COMMANDS_REFUSED: Counter "commands_refused_total" { protocol: ["smtp", "imap", "pop3", "other"] };
}

/// RFC 5321 §4.2.1: what the first digit says.
fn outcome(reply: &Reply) -> &'static str {
    match reply.code() {
        200..400 => "accepted",
        400..500 => "deferred",
        _ => "refused",
    }
}

/// Somebody tried to log in by `protocol`; no error: they are in.
pub fn login(protocol: &str, refusal: Option<&SignInError>) {
    let outcome = match refusal {
        None => "accepted",
        Some(error) if error.is_temporary() => "deferred",
        Some(_) => "refused",
    };
    LOGINS.add(1, &[protocol, outcome]);
}

pub(crate) fn received(origin: &Origin, reply: &Reply, octets: u64) {
    let (origin, outcome) = (origin.name(), outcome(reply));
    MESSAGES_RECEIVED.add(1, &[origin, outcome]);
    if outcome == "accepted" {
        RECEIVED_OCTETS.add(octets, &[origin]);
    }
}

pub(crate) fn recipient(refusal: Option<&Reply>) {
    RECIPIENTS.add(1, &[refusal.map_or("accepted", outcome)]);
}

/// An attempt at a queued delivery, so long after its acceptance.
pub(crate) fn attempted(target: &Target, made: &Outcome, after: Duration) {
    let to = match target {
        Target::Account { .. } => "local",
        Target::Remote { .. } => "remote",
    };
    let outcome = match made.kind {
        OutcomeKind::Delivered => "delivered",
        OutcomeKind::Relayed { .. } => "relayed",
        OutcomeKind::Deferred => "deferred",
        OutcomeKind::Failed => "failed",
    };
    DELIVERIES.add(1, &[to, outcome]);
    if matches!(made.kind, OutcomeKind::Delivered | OutcomeKind::Relayed { .. }) {
        DELIVERY_SECONDS.record(after.as_secs_f64(), &[to]);
    }
}

/// A message that went into its mailbox at once.
pub(crate) fn delivered_at_once(after: Duration) {
    DELIVERIES.add(1, &["local", "delivered"]);
    DELIVERY_SECONDS.record(after.as_secs_f64(), &["local"]);
}
