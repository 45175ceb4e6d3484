//! What CAPA lists (RFC 2449 §5, §6).

/// What a connection offers; the rest is the same for all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// Whether STLS is possible now (RFC 2595 §4).
    pub stls: bool,
    /// Whether USER and PASS are taken (RFC 2449 §6.2).
    pub user: bool,
    /// SASL mechanisms, the best first; none: AUTH is not offered (RFC 2449 §6.3).
    pub sasl: Vec<&'static str>,
    /// What the server is, for those who have logged in (RFC 2449 §6.9).
    pub implementation: Option<&'static str>,
}

/// RFC 2449 §6.1, §6.4 to §6.8; RFC 3206 §6; RFC 6856 §2, §3. Mail is never removed but by its owner, and nobody has to wait
/// between two log-ins: a log-in costs next to nothing, and an answer that is no comes by IMAP all the same.
const FIXED: &str = "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nLOGIN-DELAY 0\r\nEXPIRE NEVER\r\n\
                     UTF8 USER\r\nLANG\r\n";

impl Capabilities {
    /// Appends the lines, with the final dot.
    pub fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(FIXED.as_bytes());
        if self.user {
            out.extend_from_slice(b"USER\r\n");
        }
        if !self.sasl.is_empty() {
            out.extend_from_slice(format!("SASL {}\r\n", self.sasl.join(" ")).as_bytes());
        }
        if self.stls {
            out.extend_from_slice(b"STLS\r\n");
        }
        if let Some(implementation) = self.implementation {
            out.extend_from_slice(format!("IMPLEMENTATION {implementation}\r\n").as_bytes());
        }
        out.extend_from_slice(b".\r\n");
    }
}
