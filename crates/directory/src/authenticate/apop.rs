//! Log-in by APOP (RFC 1939 §7), with the same throttle as by password.
//!
//! Its digest can be checked only by who has the secret itself, and MD5 lets whoever listens guess at leisure. So it is off
//! until an account's owner asks for it, and its secret opens nothing else.

use super::AuthError;
use crate::people::Known;
use crate::throttle::Network;
use crate::{Account, Directory};
use env::BoxFuture;
use md5::{Digest, Md5};
use model::Address;
use sasl::prepare_password;
use std::net::IpAddr;
use std::sync::Arc;

/// The octets of an MD5 digest.
pub type ApopDigest = [u8; 16];

impl Directory {
    /// Whether anybody may log in by APOP: else no client is told of it.
    pub fn has_apop(&self) -> bool {
        self.people().has_apop()
    }

    /// Whether this account may; `None` if there is none.
    pub fn apop_of(&self, address: &Address) -> Option<bool> {
        let people = self.people();
        Some(match people.known(people.name(address)?.account?)? {
            Known::Declared(entry) => entry.apop.is_some(),
            Known::Stored(person) => person.has_apop(),
        })
    }

    /// The account that `login` (its address, or its local part where only one account has it) opens, if `digest` is MD5 of
    /// `timestamp`, with its angle brackets, and the account's secret.
    ///
    /// `peer` is whose failures are counted. Unknown logins, and accounts without APOP, cost what wrong digests cost.
    pub fn apop<'a>(
        &'a self,
        login: &'a str,
        timestamp: &'a str,
        digest: ApopDigest,
        peer: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Arc<Account>, AuthError>> {
        let network = peer.and_then(Network::of);
        Box::pin(self.check_apop(login, timestamp, digest, network))
    }

    async fn check_apop(
        &self,
        login: &str,
        timestamp: &str,
        digest: ApopDigest,
        network: Option<Network>,
    ) -> Result<Arc<Account>, AuthError> {
        let gate = &self.gate;
        let known = self.people().by_login(login);
        let name = gate.name(&self.in_full(login, known.as_ref()));
        if let Some(until) = gate.throttle().blocked_until(&name, network, gate.clock.monotonic()) {
            return Err(gate.not_before(until));
        }
        let evidence = self.evidence(known.as_ref(), &name).await?;
        let secret = evidence.own.as_ref().and_then(|own| own.apop.as_ref());
        // RFC 6856 §2.2: the secret is prepared as passwords are. Who has none is digested all the same.
        let prepared = prepare_password(secret.map_or("nobody", |secret| secret.expose()).as_bytes());
        let expected: ApopDigest = Md5::new().chain_update(timestamp).chain_update(prepared.expose()).finalize().into();
        // Keyed hashes are compared, in constant time.
        let right = gate.keyed(&[b"apop", &digest]) == gate.keyed(&[b"apop", &expected]) && secret.is_some();
        let (now, mut throttle) = (gate.clock.monotonic(), gate.throttle());
        match known {
            Some(known) if right => {
                throttle.succeeded(&name, network, now);
                Ok(known.account)
            }
            _ => {
                throttle.failed(&name, network, now);
                Err(AuthError::Rejected)
            }
        }
    }
}

#[cfg(test)]
mod tests;
