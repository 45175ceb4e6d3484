//! Many messages into a mailbox: APPEND of many at once (RFC 3502), their literals without waiting (RFC 7888).

use crate::message;
use crate::wire::Imap;
use anyhow::{Result, ensure};
use std::fmt::Write as _;

/// Messages in one command: what the server takes.
const AT_ONCE: usize = 100;
/// RFC 7888 §5: longer ones have to be announced.
const LITERAL_MAX: usize = 4096;

/// Puts messages `from..to` of about `octets` each into the mailbox, as read.
///
/// # Errors
/// When the server refuses.
pub async fn append(imap: &mut Imap, mailbox: &str, numbers: std::ops::Range<usize>, octets: usize) -> Result<()> {
    let mut from = numbers.start;
    while from < numbers.end {
        let to = numbers.end.min(from + AT_ONCE);
        let mut command = format!("a APPEND {mailbox}").into_bytes();
        for n in from..to {
            let message = message(n, octets);
            ensure!(message.len() <= LITERAL_MAX, "such messages are too long for this: {octets}");
            let mut head = String::new();
            // Writing to a String does not fail.
            let _ = write!(head, " (\\Seen) {{{}+}}\r\n", message.len());
            command.extend_from_slice(head.as_bytes());
            command.extend_from_slice(&message);
        }
        command.extend_from_slice(b"\r\n");
        imap.0.send(&command).await?;
        imap.answer().await?;
        from = to;
    }
    Ok(())
}
