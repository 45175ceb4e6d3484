//! What IMAP commands mean over the mail store.
//!
//! [`imap::ImapConversation`] is a whole IMAP connection without its socket: it drives an `imap::Session` (grammar, states,
//! limits), carries each command out over [`mailstore`], and tells the client what others changed. It knows no socket, no
//! runtime and no file.
//!
//! | module | |
//! |---|---|
//! | [`imap`] | [`imap::ImapConversation`], [`imap::Services`], [`imap::ImapPolicy`]; below it one file per command |
//!
//! ```
//! use access::imap::{ImapPolicy, PlaintextLogin, TlsOffer};
//! let policy = ImapPolicy { tls: TlsOffer::StartTls, plaintext_login: PlaintextLogin::Refused, ..Default::default() };
//! assert_eq!(policy.limits, ::imap::Limits::default());
//! ```

pub mod imap;
