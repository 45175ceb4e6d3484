//! Next hops as they are written: a domain, `route:NAME`, `smtp://host:port`, `smtps://…`, `lmtp://…`.

use model::{Address, Domain};
use smtp::Flavour;
use std::fmt;
use std::str::FromStr;

/// Where a message goes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextHop {
    /// To the exchangers of this domain.
    Domain(Domain),
    /// As the route of this name says.
    Route(String),
    /// To this host.
    Host(HostHop),
}

/// A host and how to talk to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostHop {
    /// SMTP or LMTP.
    pub flavour: Flavour,
    /// Its name, or an address literal.
    pub host: Domain,
    /// Where it listens.
    pub port: u16,
    /// Whether TLS comes with the connection (RFC 8314 §3.3).
    pub implicit_tls: bool,
}

/// How much TLS is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsDemand {
    /// None.
    Never,
    /// If there is any, whoever signed the certificate (RFC 7435).
    Welcome,
    /// Without it nothing is sent; whoever signed the certificate.
    Required,
    /// Without it and a certificate that is valid for the host's name nothing is sent.
    Verified,
}

/// Who we are at a smart host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The name.
    pub user: String,
    /// What proves it.
    pub password: directory::Secret,
}

/// An exception from MX.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaticRoute {
    /// By which it is known in the queue.
    pub name: String,
    /// For which mail; none: for all.
    pub matches: Vec<RouteMatch>,
    /// Where it goes.
    pub hop: HostHop,
    /// How much TLS it takes.
    pub tls: TlsDemand,
    /// Who we are there.
    pub login: Option<Login>,
}

/// Which mail a route is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteMatch {
    /// To this domain.
    RecipientDomain(Domain),
    /// To this domain's subdomains.
    RecipientSubdomains(Domain),
    /// To this address.
    Recipient(Address),
    /// From this domain.
    SenderDomain(Domain),
    /// From this address.
    Sender(Address),
}

impl StaticRoute {
    /// Whether mail from `reverse_path` (empty for `<>`) to `recipient` goes this way.
    pub fn matches(&self, reverse_path: &str, recipient: &Address) -> bool {
        let sender = reverse_path.parse::<Address>().ok();
        let same = |a: &Address, b: &Address| a.to_string().to_lowercase() == b.to_string().to_lowercase();
        self.matches.is_empty()
            || self.matches.iter().any(|route| match route {
                RouteMatch::RecipientDomain(domain) => recipient.domain == *domain,
                RouteMatch::RecipientSubdomains(domain) => {
                    let rest = recipient.domain.as_str().strip_suffix(domain.as_str());
                    rest.is_some_and(|rest| rest.ends_with('.'))
                }
                RouteMatch::Recipient(address) => same(recipient, address),
                RouteMatch::SenderDomain(domain) => sender.as_ref().is_some_and(|sender| sender.domain == *domain),
                RouteMatch::Sender(address) => sender.as_ref().is_some_and(|sender| same(sender, address)),
            })
    }
}

/// `user@domain`, `domain`, `*.domain`, each behind `from:` when the sender's is meant.
impl FromStr for RouteMatch {
    type Err = HopError;
    fn from_str(text: &str) -> Result<RouteMatch, HopError> {
        let wrong = |_| HopError::Match;
        if let Some(sender) = text.strip_prefix("from:") {
            return Ok(match sender.contains('@') {
                true => RouteMatch::Sender(sender.parse().map_err(wrong)?),
                false => RouteMatch::SenderDomain(sender.parse().map_err(wrong)?),
            });
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return Ok(RouteMatch::RecipientSubdomains(domain.parse().map_err(wrong)?));
        }
        Ok(match text.contains('@') {
            true => RouteMatch::Recipient(text.parse().map_err(wrong)?),
            false => RouteMatch::RecipientDomain(text.parse().map_err(wrong)?),
        })
    }
}

/// Why a text names no next hop.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HopError {
    /// Of [`RouteMatch`].
    #[error("is no address, domain, *.domain, or one of these behind from:")]
    Match,
    /// No scheme.
    #[error("a host is written as smtp://mail.example.org:587")]
    Form,
    /// Another one.
    #[error("it begins with smtp, smtps or lmtp")]
    Scheme,
    /// No number, or too large.
    #[error("the port is a number up to 65535")]
    Port,
    /// Neither name nor address.
    #[error("the host is a name or an IP address")]
    Host,
    /// A host where any next hop may stand.
    #[error("\"{text}\": {cause}")]
    Within {
        /// As it was written.
        text: String,
        /// What is wrong with it.
        cause: Box<HopError>,
    },
    /// Nothing of what may stand there.
    #[error("\"{0}\" is no domain, route:NAME, smtp://HOST:PORT, smtps://HOST:PORT or lmtp://HOST:PORT")]
    NextHop(String),
}

impl FromStr for NextHop {
    type Err = HopError;
    fn from_str(text: &str) -> Result<NextHop, HopError> {
        if let Some(name) = text.strip_prefix("route:") {
            return Ok(NextHop::Route(name.to_owned()));
        }
        if text.contains("://") {
            let within = |cause| HopError::Within { text: text.to_owned(), cause: Box::new(cause) };
            return text.parse().map(NextHop::Host).map_err(within);
        }
        text.parse().map(NextHop::Domain).map_err(|_| HopError::NextHop(text.to_owned()))
    }
}

impl FromStr for HostHop {
    type Err = HopError;
    fn from_str(text: &str) -> Result<HostHop, HopError> {
        let schemes = [
            ("smtp", Flavour::Smtp, 25, false),
            ("smtps", Flavour::Smtp, 465, true),
            ("lmtp", Flavour::Lmtp, 24, false),
        ];
        let (scheme, rest) = text.split_once("://").ok_or(HopError::Form)?;
        let known = schemes.into_iter().find(|(name, ..)| name.eq_ignore_ascii_case(scheme));
        let (_, flavour, default_port, implicit_tls) = known.ok_or(HopError::Scheme)?;
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| HopError::Port)?),
            None => (rest, default_port),
        };
        // An IPv4 address needs no brackets, and IPv6 is written in them as in a URL.
        let literal = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_ok() => format!("[IPv6:{v6}]"),
            _ if host.parse::<std::net::Ipv4Addr>().is_ok() => format!("[{host}]"),
            _ => host.to_owned(),
        };
        let host = literal.parse().map_err(|_| HopError::Host)?;
        Ok(HostHop { flavour, host, port, implicit_tls })
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NextHop::Domain(domain) => domain.fmt(f),
            NextHop::Route(name) => write!(f, "route:{name}"),
            NextHop::Host(hop) => hop.fmt(f),
        }
    }
}

impl fmt::Display for HostHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.flavour, self.implicit_tls) {
            (Flavour::Lmtp, _) => "lmtp",
            (Flavour::Smtp, true) => "smtps",
            (Flavour::Smtp, false) => "smtp",
        };
        let host = self.host.as_str();
        match host.strip_prefix("[ipv6:").and_then(|host| host.strip_suffix(']')) {
            Some(v6) => write!(f, "{scheme}://[{v6}]:{}", self.port),
            None => write!(f, "{scheme}://{}:{}", host.trim_matches(['[', ']']), self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_are_printed_as_they_are_read() {
        for text in [
            "example.org",
            "route:smarthost",
            "smtp://mail.example.org:587",
            "smtps://192.0.2.1:465",
            "lmtp://[2001:db8::1]:24",
        ] {
            assert_eq!(text.parse::<NextHop>().unwrap().to_string(), text);
        }
        assert_eq!("smtp://mail.example.org".parse::<NextHop>().unwrap().to_string(), "smtp://mail.example.org:25");
        for text in ["", "a b", "http://x", "smtp://x:99999", "smtp://", "smtp://:25"] {
            assert!(text.parse::<NextHop>().is_err(), "{text}");
        }
    }

    #[test]
    fn routes_match_by_sender_recipient_and_domain() {
        let to: Address = "Anna@mail.example.org".parse().unwrap();
        let check = |text: &str, from: &str| {
            let hop = "smtp://h.test:25".parse().unwrap();
            let route = StaticRoute {
                name: "r".into(),
                matches: vec![text.parse().unwrap()],
                hop,
                tls: TlsDemand::Welcome,
                login: None,
            };
            route.matches(from, &to)
        };
        assert!(check("mail.example.org", ""));
        assert!(check("*.example.org", ""));
        assert!(!check("*.mail.example.org", ""));
        assert!(!check("example.org", ""));
        assert!(check("anna@mail.example.org", ""));
        assert!(check("from:boss@home.test", "Boss@home.test"));
        assert!(check("from:home.test", "x@home.test"));
        assert!(!check("from:home.test", ""));
    }
}
