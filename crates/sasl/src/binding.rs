//! Channel binding: what ties an exchange to its TLS connection.

/// What this TLS connection can be known by on both of its ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChannelBinding {
    /// `tls-exporter` (RFC 9266 §2): 32 octets exported with the label `EXPORTER-Channel-Binding` and an empty context (not none); from
    /// TLS 1.3, or 1.2 with extended master secret.
    pub exporter: Option<Vec<u8>>,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate.
    pub server_end_point: Option<Vec<u8>>,
}

pub(crate) const EXPORTER: &str = "tls-exporter";
pub(crate) const SERVER_END_POINT: &str = "tls-server-end-point";

impl ChannelBinding {
    /// The octets of the binding with this registered name. RFC 5802's default `tls-unique` is absent: RFC 7677 §1 tells why.
    pub(crate) fn named(&self, name: &str) -> Option<&[u8]> {
        match name {
            EXPORTER => self.exporter.as_deref(),
            SERVER_END_POINT => self.server_end_point.as_deref(),
            _ => None,
        }
    }

    /// The one that a client uses: the exporter is bound to the connection, the other only to the certificate.
    pub(crate) fn strongest(&self) -> Option<(&'static str, &[u8])> {
        let exporter = self.exporter.as_deref().map(|octets| (EXPORTER, octets));
        exporter.or_else(|| self.server_end_point.as_deref().map(|octets| (SERVER_END_POINT, octets)))
    }

    /// Whether there is anything to bind to.
    pub fn is_empty(&self) -> bool {
        self.exporter.is_none() && self.server_end_point.is_none()
    }
}
