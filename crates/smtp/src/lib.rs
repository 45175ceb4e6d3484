//! SMTP and LMTP server sessions without sockets: bytes in, events and bytes out.
