//! Those who use the server.

pub mod imap;
pub mod pop3;
pub mod smtp;
