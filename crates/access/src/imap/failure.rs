//! What a client is told when the mail store did not do it.

use imap::{Answer, Code};
use mailstore::Error;

/// `NO` with the code that fits (RFC 5530 §3, RFC 9051 §7.1). What an operator must know goes to the log, not to the client.
pub(crate) fn no(error: &Error) -> Answer<'static> {
    let code = match error {
        Error::MailboxMissing => Code::NonExistent,
        // RFC 5530 §3: NOOP will tell.
        Error::MessageMissing => Code::ExpungeIssued,
        Error::MailboxExists => Code::AlreadyExists,
        Error::MailboxName(_) | Error::InboxStays => Code::Cannot,
        Error::OverQuota { .. } => Code::OverQuota,
        Error::MailboxesFull
        | Error::SubscriptionsFull
        | Error::KeywordsFull
        | Error::TooManyAtOnce
        | Error::UidsExhausted => Code::Limit,
        error if error.is_damage() => {
            tracing::error!(event = "mail.damaged", cause = %error);
            return Answer::no("stored data are damaged; the administrator must look").code(Code::Corruption);
        }
        error if error.is_disk_full() => {
            tracing::warn!(event = "command.failed", cause = %error);
            let text = "the server's disk is full; expunging still works, all else when there is space again";
            return Answer::no(text).code(Code::Unavailable);
        }
        Error::Row { .. } | Error::BodyMissing(_) | Error::BodyDamaged { .. } | Error::Read(_) | Error::Commit(_) => {
            tracing::warn!(event = "command.failed", cause = %error);
            return Answer::no("the mail store is not available now; try again later").code(Code::Unavailable);
        }
        Error::Busy => Code::Unavailable,
    };
    Answer::no(error.to_string()).code(code)
}

/// As [`no`], for commands that name a destination: one that is missing may be made (RFC 9051 §7.1 TRYCREATE).
pub(crate) fn no_destination(error: &Error) -> Answer<'static> {
    match error {
        Error::MailboxMissing => try_create(),
        other => no(other),
    }
}

/// There is no such destination.
pub(crate) fn try_create() -> Answer<'static> {
    Answer::no("there is no such mailbox; create it first").code(Code::TryCreate)
}

/// There is no such mailbox.
pub(crate) fn missing() -> Answer<'static> {
    no(&Error::MailboxMissing)
}

/// The mailbox was opened by EXAMINE (RFC 9051 §6.3.3).
pub(crate) fn read_only() -> Answer<'static> {
    Answer::no("the mailbox is selected read-only").code(Code::ReadOnly)
}
