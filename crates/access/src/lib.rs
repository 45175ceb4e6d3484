//! What IMAP commands mean over the mail store.
