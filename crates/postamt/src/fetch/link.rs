//! A connection to another server: octets out, octets in, TLS.

use super::remote::Remote;
use crate::language::{say, told};
use env::{Dialer, Verify, Wire};
use model::Domain;
use net::dial::TokioDialer;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// A busy server needs a while to find a large mailbox; one that says nothing for longer is gone.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// Octets read at once.
const READ_OCTETS: usize = 64 << 10;

/// Whose certificate is taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trust {
    /// Authorities beside those of the system, in PEM form.
    pub authority: Option<PathBuf>,
    /// This very certificate, by its hash in hexadecimal digits.
    pub fingerprint: Option<String>,
    /// Any; on this machine only.
    pub any: bool,
    /// No TLS; on this machine only.
    pub insecure: bool,
}

/// An open connection.
pub struct Link {
    wire: Option<Box<dyn Wire>>,
    name: Domain,
    trust: Trust,
    /// Whether nobody else can listen.
    pub secure: bool,
    input: Vec<u8>,
    at: usize,
}

impl Link {
    /// Connects, to one address of the server's after the other.
    ///
    /// # Errors
    /// Why it cannot be reached, or why it would not be safe.
    pub async fn open(remote: &Remote, trust: &Trust) -> Result<Link, String> {
        let name = name(&remote.host)?;
        let found = tokio::net::lookup_host((remote.host.as_str(), remote.port)).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| format!("{}: {}", no_address(&remote.host), told(&error)))?.collect();
        let local = !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback());
        if (trust.any || trust.insecure) && !local {
            return Err(say!(
                "{host} is not on this machine: others could read the password and the mail. Leave --insecure and --tls-any \
                 out; for a certificate that no authority signed, name its --tls-fingerprint",
                "{host} liegt nicht auf dieser Maschine: andere könnten Passwort und Mail mitlesen. --insecure und --tls-any \
                 weglassen; für ein Zertifikat ohne Zertifizierungsstelle dessen --tls-fingerprint angeben",
                host = remote.host
            ));
        }
        let dialer = TokioDialer::new(trust.authority.as_deref()).map_err(|error| told(&error))?;
        let mut last = no_address(&remote.host);
        for address in addresses {
            match dialer.dial(address, None).await {
                Ok(wire) => {
                    let (trust, secure) = (trust.clone(), trust.insecure);
                    return Ok(Link { wire: Some(wire), name, trust, secure, input: Vec::new(), at: 0 });
                }
                Err(error) => {
                    last = say!("cannot connect to {address}: {error}", "keine Verbindung zu {address}: {error}");
                }
            }
        }
        Err(last)
    }

    /// Begins TLS. What came before it in the clear is forgotten: somebody else may have said it.
    ///
    /// # Errors
    /// Why the server is not believed, and what may be done.
    pub async fn start_tls(&mut self) -> Result<(), String> {
        self.input.clear();
        self.at = 0;
        let verify = if self.trust.any || self.trust.fingerprint.is_some() { Verify::Nobody } else { Verify::Name };
        let wire = self.wire.take().ok_or_else(lost)?;
        let (wire, tls) = wire.start_tls(&self.name, verify).await.map_err(|error| {
            say!(
                "{error}. If it is your own server with a certificate that no authority signed, name its \
                 --tls-fingerprint, or the --authority that signed it",
                "{error}. Ist es der eigene Server mit einem Zertifikat ohne bekannte Zertifizierungsstelle, hilft dessen \
                 --tls-fingerprint oder die --authority, die es ausgestellt hat"
            )
        })?;
        if let Some(wanted) = &self.trust.fingerprint {
            let shown: String =
                tls.server_end_point.unwrap_or_default().iter().map(|octet| format!("{octet:02x}")).collect();
            if *wanted != shown {
                return Err(say!(
                    "the server's certificate has the fingerprint {shown}, not {wanted}",
                    "das Zertifikat des Servers hat den Fingerabdruck {shown}, nicht {wanted}"
                ));
            }
        }
        self.wire = Some(wire);
        self.secure = true;
        Ok(())
    }

    /// Sends octets.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(&mut self, mut octets: &[u8]) -> Result<(), String> {
        let wire = self.wire.as_mut().ok_or_else(lost)?;
        while !octets.is_empty() {
            let written =
                timeout(SILENCE_MAX, poll_fn(|cx| wire.poll_write(cx, octets))).await.map_err(|_| silence())?;
            octets = octets.get(written.map_err(|error| told(&error))?..).unwrap_or_default();
        }
        Ok(())
    }

    /// What came in and was not [passed](Self::pass).
    pub fn input(&self) -> &[u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// Passes over octets of the input.
    pub fn pass(&mut self, octets: usize) {
        self.at += octets;
    }

    /// Waits for more input.
    ///
    /// # Errors
    /// When the connection is lost, or nothing comes.
    pub async fn fill(&mut self) -> Result<(), String> {
        self.input.drain(..self.at.min(self.input.len()));
        self.at = 0;
        let wire = self.wire.as_mut().ok_or_else(lost)?;
        let mut piece = vec![0; READ_OCTETS];
        let read = timeout(SILENCE_MAX, poll_fn(|cx| wire.poll_read(cx, &mut piece))).await.map_err(|_| silence())?;
        match read.map_err(|error| told(&error))? {
            0 => Err(say!("the server has closed the connection", "der Server hat die Verbindung geschlossen")),
            read => {
                self.input.extend_from_slice(piece.get(..read).unwrap_or_default());
                Ok(())
            }
        }
    }

    /// The next line with its end; of at most so many octets.
    ///
    /// # Errors
    /// As [`fill`](Self::fill), and where a line is longer.
    pub async fn line(&mut self, octets_max: usize) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        loop {
            let input = self.input();
            let end = input.iter().position(|&octet| octet == b'\n');
            let taken = end.map_or(input.len(), |end| end + 1);
            line.extend_from_slice(input.get(..taken).unwrap_or_default());
            self.pass(taken);
            if line.len() > octets_max {
                return Err(say!(
                    "the server sent a line of more than {octets_max} octets",
                    "der Server hat eine Zeile von mehr als {octets_max} Byte geschickt"
                ));
            }
            if end.is_some() {
                return Ok(line);
            }
            self.fill().await?;
        }
    }
}

fn silence() -> String {
    let minutes = SILENCE_MAX.as_secs() / 60;
    say!("the server said nothing for {minutes} minutes", "der Server hat {minutes} Minuten lang nichts gesagt")
}

fn lost() -> String {
    say!("the connection is lost", "die Verbindung ist abgebrochen")
}

fn no_address(host: &str) -> String {
    say!("{host} has no address", "{host} hat keine Adresse")
}

fn name(host: &str) -> Result<Domain, String> {
    let literal = match host.parse() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => host.to_owned(),
    };
    Domain::new(&literal).map_err(|error| format!("\"{host}\": {}", told(&error)))
}
