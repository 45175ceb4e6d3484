//! What is counted of connections.

/// As listeners name what they speak.
const PROTOCOLS: [&str; 7] = ["smtp", "submission", "lmtp", "imap", "pop3", "http", "other"];

meter::metrics! {
    /// Connections that came; `refused` are those for which a limit left no room, or that came from no trusted proxy.
    CONNECTIONS: Counter "connections_total" { protocol: PROTOCOLS, outcome: ["accepted", "refused"] };
    /// Connections that are open.
    CONNECTIONS_OPEN: Gauge "open_connections" { protocol: PROTOCOLS };
    /// TLS handshakes as the server, begun at once or by STARTTLS.
    HANDSHAKES: Counter "tls_handshakes_total" { outcome: ["TLSv1.3", "TLSv1.2", "failed"] };
    /// Octets of mail protocols, inside of TLS.
    OCTETS: Counter "connection_octets_total" { protocol: PROTOCOLS, direction: ["in", "out"] };
}
