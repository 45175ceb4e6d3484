//! The PROXY protocol, versions 1 and 2: a proxy in front of us says whom it speaks for (HAProxy's `proxy-protocol.txt`).

use model::Network;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long the header may take: a proxy sends it together with its connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest header of version 1, with its line end (`proxy-protocol.txt` §2.1).
const V1_OCTETS_MAX: usize = 107;

/// The longest header of version 2 behind its first 16 octets. The addresses take 216 at most; a TLS client's name or
/// certificate may follow, which nobody here reads.
const V2_OCTETS_MAX: usize = 4096 - V2_FIXED_OCTETS;
const V2_FIXED_OCTETS: usize = 16;

/// How version 2 begins. Version 1 begins with `PROXY ` and is never shorter, so both can be told apart by it.
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// A listener on which every connection begins with a PROXY header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyPolicy {
    /// Who may say so; all others are refused, for they could claim any address. Whoever may open a Unix socket may.
    pub trusted: Vec<Network>,
}

/// Why there is no telling who speaks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("the connection ended in its PROXY header: {0}")]
    Read(#[from] io::Error),
    #[error("no PROXY header came within {} s", HEADER_TIMEOUT.as_secs())]
    Late,
    #[error("the connection begins with no PROXY header")]
    Missing,
    #[error("the PROXY header is malformed")]
    Malformed,
}

impl ProxyPolicy {
    /// Whether a connection from `source` may name another address; `None` is a Unix socket.
    pub(crate) fn trusts(&self, source: Option<IpAddr>) -> bool {
        source.is_none_or(|source| self.trusted.iter().any(|network| network.contains(source)))
    }
}

/// Reads the header and not an octet more; the address it announces, or `None` if the proxy speaks for itself or cannot
/// tell.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyError> {
    match tokio::time::timeout(HEADER_TIMEOUT, read(stream)).await {
        Ok(announced) => announced,
        Err(_) => Err(ProxyError::Late),
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyError> {
    let mut start = V2_SIGNATURE;
    stream.read_exact(&mut start).await?;
    if start == V2_SIGNATURE {
        return read_v2(stream).await;
    }
    if !start.starts_with(b"PROXY ") {
        return Err(ProxyError::Missing);
    }
    let mut line = start.to_vec();
    // Octet by octet, since what follows the line belongs to the protocol behind it, and cannot be put back.
    while !line.ends_with(b"\r\n") {
        if line.len() >= V1_OCTETS_MAX {
            return Err(ProxyError::Malformed);
        }
        line.push(stream.read_u8().await?);
    }
    let line = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    parse_v1(line.ok_or(ProxyError::Malformed)?).ok_or(ProxyError::Malformed)
}

/// `proxy-protocol.txt` §2.1: one space between fields, addresses and ports in canonical form.
fn parse_v1(line: &str) -> Option<Option<SocketAddr>> {
    let mut fields = line.split(' ').skip(1);
    let family = fields.next()?;
    if family == "UNKNOWN" {
        // "the receiver must ignore anything presented before the CRLF".
        return Some(None);
    }
    let [source, destination, source_port, destination_port] = std::array::from_fn(|_| fields.next());
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let port = |text: &str| -> Option<u16> { text.parse().ok().filter(|port: &u16| port.to_string() == text) };
    address(destination?)?;
    port(destination_port?)?;
    let source = SocketAddr::new(address(source?)?.to_canonical(), port(source_port?)?);
    fields.next().is_none().then_some(Some(source))
}

/// `proxy-protocol.txt` §2.2, behind the signature.
async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyError> {
    let (command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let octets = usize::from(stream.read_u16().await?);
    if octets > V2_OCTETS_MAX {
        return Err(ProxyError::Malformed);
    }
    let mut rest = vec![0; octets];
    stream.read_exact(&mut rest).await?;
    parse_v2(command, family, &rest).ok_or(ProxyError::Malformed)
}

fn parse_v2(command: u8, family: u8, rest: &[u8]) -> Option<Option<SocketAddr>> {
    const LOCAL: u8 = 0x20;
    const PROXY: u8 = 0x21;
    const TCP4: u8 = 0x11;
    const TCP6: u8 = 0x21;
    const UNIX: u8 = 0x31;
    const UNSPECIFIED: u8 = 0x00;
    let port = |octets: &[u8; 2]| u16::from_be_bytes(*octets);
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED | UNIX) => Some(None),
        (PROXY, TCP4) => {
            let (source, rest) = rest.split_first_chunk::<4>()?;
            let ports = rest.get(4..)?.first_chunk::<4>()?;
            Some(Some(SocketAddr::new(Ipv4Addr::from(*source).into(), port(ports.first_chunk()?))))
        }
        (PROXY, TCP6) => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let ports = rest.get(16..)?.first_chunk::<4>()?;
            let source = IpAddr::from(Ipv6Addr::from(*source)).to_canonical();
            Some(Some(SocketAddr::new(source, port(ports.first_chunk()?))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    /// Reads a header in front of `EHLO`, whole and octet by octet; the address or the error as text.
    async fn outcome(header: &[u8]) -> String {
        async fn of(mut stream: impl AsyncRead + Unpin) -> String {
            match read_header(&mut stream).await {
                Ok(announced) => {
                    let mut rest = String::new();
                    stream.read_to_string(&mut rest).await.unwrap();
                    assert_eq!(rest, "EHLO");
                    announced.map_or("none".to_owned(), |address| address.to_string())
                }
                Err(error) => error.to_string(),
            }
        }
        let sent = [header, b"EHLO"].concat();
        let whole = of(&sent[..]).await;
        let pieces = in_pieces(&sent);
        assert_eq!(of(pieces).await, whole);
        whole
    }

    /// One octet at a time.
    fn in_pieces(octets: &[u8]) -> impl AsyncRead + Unpin + use<> {
        let (mut write, read) = tokio::io::duplex(1);
        let octets = octets.to_vec();
        tokio::spawn(async move {
            // The reader stops at an error.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut write, &octets).await;
        });
        read
    }

    async fn check<H: AsRef<[u8]> + Debug>(header: H, expected: &str) {
        assert_eq!(outcome(header.as_ref()).await, expected, "{header:?}");
    }

    const MALFORMED: &str = "the PROXY header is malformed";

    #[tokio::test]
    async fn version_1() {
        check("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n", "192.0.2.1:56324").await;
        check("PROXY TCP6 2001:db8::1 2001:db8::2 65535 465\r\n", "[2001:db8::1]:65535").await;
        check("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 25\r\n", "192.0.2.1:1").await;
        check("PROXY UNKNOWN\r\n", "none").await;
        check("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "none").await;
        for line in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 \r\n",
            "PROXY TCP4 192.0.2.1  198.51.100.1 56324 25\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 056324 25\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 25\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.1 1 25\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 25\r\n",
            "PROXY TCP4 \u{e9}192.0.2.1 198.51.100.1 1 25\r\n",
        ] {
            check(line, MALFORMED).await;
        }
        check(format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_OCTETS_MAX - 16)), "none").await;
        check(format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_OCTETS_MAX - 15)), MALFORMED).await;
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let octets = (rest.len() as u16).to_be_bytes();
        [&V2_SIGNATURE[..], &[command, family], &octets, rest].concat()
    }

    #[tokio::test]
    async fn version_2() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 0, 25];
        check(v2(0x21, 0x11, &four), "192.0.2.1:56324").await;
        check(v2(0x21, 0x11, &[&four[..], &[0xea, 0, 2, 1, 2]].concat()), "192.0.2.1:56324").await;
        check(v2(0x21, 0x11, &four[..11]), MALFORMED).await;
        let mut six = [0; 36];
        (six[0], six[1], six[15], six[33]) = (0x20, 1, 1, 7);
        check(v2(0x21, 0x21, &six), "[2001::1]:7").await;
        check(v2(0x21, 0x21, &six[..35]), MALFORMED).await;
        check(v2(0x20, 0x00, &[]), "none").await;
        check(v2(0x20, 0x11, &four), "none").await;
        check(v2(0x21, 0x00, &[1, 2, 3]), "none").await;
        check(v2(0x21, 0x31, &[0; 216]), "none").await;
        check(v2(0x21, 0x12, &four), MALFORMED).await;
        check(v2(0x22, 0x11, &four), MALFORMED).await;
        check(v2(0x11, 0x11, &four), MALFORMED).await;
        check(v2(0x20, 0, &[0; V2_OCTETS_MAX]), "none").await;
        check(v2(0x20, 0, &[0; V2_OCTETS_MAX + 1]), MALFORMED).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_header_and_what_never_comes() {
        check("EHLO client.example\r\n", "the connection begins with no PROXY header").await;
        check("PROXY\tTCP4 192.0.2.1\r\n", "the connection begins with no PROXY header").await;
        let (_open, mut silent) = tokio::io::duplex(1);
        assert!(matches!(read_header(&mut silent).await, Err(ProxyError::Late)));
        assert!(matches!(read_header(&mut &b"PROXY TCP"[..]).await, Err(ProxyError::Read(_))));
    }

    #[test]
    fn only_the_trusted_may_speak_for_others() {
        let trusted = ["192.0.2.0/24", "2001:db8::1"].map(|network| network.parse().unwrap()).to_vec();
        let policy = ProxyPolicy { trusted };
        let trusts = |address: &str| policy.trusts(Some(address.parse().unwrap()));
        assert!(trusts("192.0.2.9") && trusts("::ffff:192.0.2.9") && trusts("2001:db8::1"));
        assert!(!trusts("192.0.3.9") && !trusts("2001:db8::2") && !trusts("127.0.0.1"));
        assert!(policy.trusts(None));
    }
}
