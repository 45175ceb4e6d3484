//! IMAP4rev1 and IMAP4rev2 server sessions without sockets: grammar, commands, responses.
