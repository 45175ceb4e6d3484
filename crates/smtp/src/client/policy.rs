//! How we call ourselves, and how long we wait.

use crate::policy::Flavour;
use model::Domain;
use std::time::Duration;

/// What is the same for many connections.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How we call ourselves in EHLO; a domain or an address literal, so nothing else can get into the line.
    pub host_name: Domain,
    /// SMTP or LMTP.
    pub flavour: Flavour,
    /// How long we wait.
    pub timeouts: ClientTimeouts,
}

impl Policy {
    /// SMTP with the usual patience.
    pub fn new(host_name: Domain) -> Policy {
        Policy { host_name, flavour: Flavour::Smtp, timeouts: ClientTimeouts::default() }
    }
}

/// How long we wait at each stage. A reply must be complete within that time, counted from the command, or from the reply
/// before it when commands were pipelined: one who drips octets gains nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientTimeouts {
    /// RFC 5321 §4.5.3.2.1.
    pub greeting: Duration,
    /// EHLO, STARTTLS, AUTH, RSET, for which RFC 5321 names no time.
    pub command: Duration,
    /// RFC 5321 §4.5.3.2.2.
    pub mail: Duration,
    /// RFC 5321 §4.5.3.2.3.
    pub rcpt: Duration,
    /// RFC 5321 §4.5.3.2.4.
    pub data: Duration,
    /// RFC 5321 §4.5.3.2.5: for what the output holds, 64 KiB at most.
    pub block: Duration,
    /// RFC 5321 §4.5.3.2.6.
    pub body_end: Duration,
    /// QUIT: nothing hangs on its answer.
    pub quit: Duration,
    /// From MAIL to the end of the message, whatever the stages add up to. It never shortens `body_end`.
    pub transaction: Duration,
}

impl Default for ClientTimeouts {
    /// The least that RFC 5321 §4.5.3.2 wants; two hours for a transaction, which is 7 kB/s for 50 MiB.
    fn default() -> ClientTimeouts {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        ClientTimeouts {
            greeting: minutes(5),
            command: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            body_end: minutes(10),
            quit: minutes(1),
            transaction: minutes(120),
        }
    }
}
