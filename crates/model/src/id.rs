//! Identifiers: one newtype each, so that a sequence number is never taken for a UID.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Who owns mail; the number is given once and never reused.
    AccountId,
    u32
);
number!(
    /// A mailbox of an account; never reused within the account (RFC 8474 §5.1 MAILBOXID).
    MailboxId,
    u32
);
number!(
    /// A stored message of an account, kept through COPY and MOVE (RFC 8474 §5.1 EMAILID).
    EmailId,
    u64
);
number!(
    /// The conversation an email belongs to, chosen once at delivery (RFC 8474 §5.2 THREADID).
    ThreadId,
    u64
);
number!(
    /// A message in the queue; also what the trace calls it.
    QueueId,
    u64
);
number!(
    /// A message's number in one mailbox, strictly growing, never zero (RFC 9051 §2.3.1.1).
    Uid,
    u32
);
number!(
    /// The value that must change when UIDs start anew (RFC 9051 §2.3.1.1).
    UidValidity,
    u32
);
number!(
    /// A modification sequence of an account; 63 bits (RFC 7162 §7).
    ModSeq,
    u64
);
number!(
    /// A message's position in a session's view, from 1; never leaves the IMAP side (RFC 9051 §2.3.1.2).
    SeqNum,
    u32
);
