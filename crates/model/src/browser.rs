//! Web browsers that were talked into speaking to a mail server.

const VERBS: [&[u8]; 10] =
    [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"CONNECT", b"PATCH", b"TRACE", b"PRI"];

/// Whether a line, or what is there of one, was sent by a web browser: what follows it was written by somebody else and must
/// not be read as commands (ALPACA; Topf, "The HTML Form Protocol Attack").
pub fn is_http(line: &[u8]) -> bool {
    let verb = line.split(|&b| b == b' ').next().unwrap_or_default();
    let version = line.rsplit(|&b| b == b' ').next().unwrap_or_default();
    VERBS.contains(&verb) || version.starts_with(b"HTTP/")
}
