//! The fields that delivery puts before a message (RFC 5321 §4.4).

use model::{Domain, ForwardPath, QueueId, Timestamp};
use std::fmt::{Display, Write};

/// The hop over which a message came to us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// What the client called itself; `None` when it did not say.
    pub helo: Option<String>,
    /// Its address as it stands in a `Received` field: `[192.0.2.1]`; `None` on a Unix socket.
    pub address: Option<String>,
    /// As `ESMTPS` (RFC 3848).
    pub protocol: &'static str,
    /// As `TLSv1.3 with cipher TLS13_AES_128_GCM_SHA256`.
    pub tls: Option<String>,
    /// Our name.
    pub by: Domain,
    /// The connection's number in the log.
    pub session_id: u64,
}

impl Hop {
    /// `Received: from … by … with … id …; date`, folded. The recipient stands in it only when it is the only one, so
    /// that nobody learns of a blind copy (RFC 5321 §7.6).
    pub(crate) fn received(&self, id: QueueId, only: Option<&ForwardPath>, now: Timestamp) -> String {
        let mut field = String::from("Received: from ");
        // Of somebody who signed in neither name nor address is told: it is nobody's business where they are.
        let unknown = if self.protocol.ends_with('A') { "unknown (authenticated)" } else { "unknown" };
        field.push_str(self.helo.as_deref().filter(|name| is_plain(name)).unwrap_or(unknown));
        if let Some(address) = &self.address {
            let _ = write!(field, " ({address})");
        }
        let _ = write!(field, "\r\n\tby {} with {} id {}", self.by, self.protocol, queue_name(id));
        if let Some(tls) = &self.tls {
            let _ = write!(field, "\r\n\t(using {tls})");
        }
        if let Some(path) =
            only.map(ToString::to_string).filter(|path| path.is_ascii() || self.protocol.starts_with("UTF8"))
        {
            let _ = write!(field, "\r\n\tfor <{path}>");
        }
        let _ = write!(field, ";\r\n\t{}\r\n", now.rfc5322());
        field
    }
}

/// A name that can stand in a field as it is: the client chose it.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

/// The id as people and logs write it.
pub fn queue_name(id: QueueId) -> String {
    format!("{:016x}", id.0)
}

/// `Return-Path` and `Delivered-To`, for one recipient (RFC 5321 §4.4; `Delivered-To` marks loops, RFC 9228 §2).
pub(crate) fn delivery_prefix(reverse_path: &impl Display, account: &impl Display, received: &str) -> Vec<u8> {
    format!("Return-Path: {reverse_path}\r\nDelivered-To: {account}\r\n{received}").into_bytes()
}
