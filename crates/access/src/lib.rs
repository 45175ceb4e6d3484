//! What IMAP and POP3 commands mean over the mail store.
//!
//! [`imap::ImapConversation`] is a whole IMAP connection without its socket: it drives an `imap::Session` (grammar, states,
//! limits), carries each command out over [`mailstore`], and tells the client what others changed; [`pop3::Pop3Conversation`] is
//! the same of POP3. They know no socket, no runtime and no file.
//!
//! | module | |
//! |---|---|
//! | [`imap`] | [`imap::ImapConversation`], [`imap::Services`], [`imap::ImapPolicy`]; below it one file per command |
//! | [`pop3`] | [`pop3::Pop3Conversation`], [`pop3::Services`], [`pop3::Pop3Policy`] |
//!
//! ```
//! use access::imap::{ImapPolicy, PlaintextLogin, TlsOffer};
//! let policy = ImapPolicy { tls: TlsOffer::StartTls, plaintext_login: PlaintextLogin::Refused, ..Default::default() };
//! assert_eq!(policy.limits, ::imap::Limits::default());
//! ```

pub mod imap;
pub mod pop3;
