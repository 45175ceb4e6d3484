//! Why an operation on an account did not happen.

use crate::erased::ENDED_FORMAT;
use model::RecordError;
use store::{CommitError, ReadError};

/// Nothing of the operation took effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such mailbox (any more).
    #[error("there is no such mailbox")]
    MailboxMissing,
    /// The message is gone.
    #[error("the message is expunged")]
    MessageMissing,
    /// The name is taken.
    #[error("there is a mailbox of that name already")]
    MailboxExists,
    /// The name breaks a rule of [`MailboxRecord::name`](crate::MailboxRecord).
    #[error("not a mailbox name: {0}")]
    MailboxName(&'static str),
    /// INBOX stays (RFC 9051 §6.3.5).
    #[error("INBOX cannot be deleted")]
    InboxStays,
    /// More mailboxes than [`MAILBOXES_MAX`](crate::MAILBOXES_MAX).
    #[error("an account has at most {} mailboxes", crate::MAILBOXES_MAX)]
    MailboxesFull,
    /// More subscriptions than [`SUBSCRIPTIONS_MAX`](crate::SUBSCRIPTIONS_MAX).
    #[error("an account has at most {} subscriptions", crate::SUBSCRIPTIONS_MAX)]
    SubscriptionsFull,
    /// The account has no room for it.
    #[error("over quota: {used} of {limit} {unit} used")]
    OverQuota {
        /// Before this operation.
        used: u64,
        /// What the account may have.
        limit: u64,
        /// `octets` or `messages`.
        unit: &'static str,
    },
    /// The account uses all its keywords.
    #[error("an account has at most {} different keywords", crate::flags::KEYWORDS_MAX)]
    KeywordsFull,
    /// More messages than one operation takes.
    #[error("at most {} messages at once", crate::MESSAGES_AT_ONCE_MAX)]
    TooManyAtOnce,
    /// A mailbox has given out its last UID (RFC 9051 §2.3.1.1).
    #[error("the mailbox has used up its UIDs")]
    UidsExhausted,
    /// A row is damaged or of a newer format.
    #[error("{row}: {cause}")]
    Row {
        /// Which row.
        row: String,
        /// What is wrong with it.
        cause: RecordError,
    },
    /// A body that a row names is not there.
    #[error("the body of email {0} is missing")]
    BodyMissing(model::EmailId),
    /// A body is not the one that was stored: it is given to nobody.
    #[error("the body of email {email} is damaged: {what}")]
    BodyDamaged {
        /// Whose.
        email: model::EmailId,
        /// How that shows.
        what: String,
    },
    /// The store cannot be read now, or not here.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store did not take the change.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// More operations wait than the account's lane takes.
    #[error("too many operations wait for this account")]
    Busy,
}

impl Error {
    /// Whether it heals when somebody makes space on the disk.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Error::Commit(CommitError::NoSpace(_)))
    }

    /// Whether what is stored is wrong, and stays so until somebody mends it.
    pub fn is_damage(&self) -> bool {
        match self {
            // The account was erased; who still holds it open is told so.
            Error::Row { cause: RecordError::Version { found: ENDED_FORMAT, .. }, .. } => false,
            Error::Row { .. } | Error::BodyMissing(_) | Error::BodyDamaged { .. } => true,
            Error::Read(error) => error.is_damage(),
            _ => false,
        }
    }

    /// Whether the same operation may work later without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        self.is_damage() || matches!(self, Error::Read(_) | Error::Commit(_) | Error::Busy)
    }
}
