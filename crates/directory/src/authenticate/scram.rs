//! Log-in by SCRAM: keys for whoever asks, and the same throttle as for passwords.
//!
//! Somebody who guesses logins learns nothing: where there is no account, or one without keys, the keys are made up, the same
//! ones each time.

use super::evidence::untold;
use super::{AuthError, Gate};
use crate::account::Entry;
use crate::credential::{SALT_OCTETS, SCRAM_ITERATIONS};
use crate::people::Known;
use crate::throttle::{Login, Network};
use crate::{Account, Credential, Directory, Secret};
use env::BoxFuture;
use model::AccountId;
use sasl::{ScramHash, ScramKeys};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

/// Accounts with a password in the clear are few; a hundred octets each.
const DERIVED_MAX: usize = 1024;
/// What is made from a stored key in this context says nothing about the key.
const DECOY_CONTEXT: &str = "postamt directory 2026-11 made-up SCRAM keys";

/// Keys computed from passwords in the clear, by a keyed hash over account, password and hash function.
pub(super) type Derived = HashMap<[u8; blake3::OUT_LEN], ScramKeys>;

/// One log-in by SCRAM, from the keys to the proof. Dropping it counts as nothing: without a proof nobody guessed.
#[derive(Debug)]
pub struct ScramTicket {
    keys: ScramKeys,
    /// Who it is, if the proof is right; `None` with made-up keys.
    account: Option<Arc<Account>>,
    name: Login,
    network: Option<Network>,
}

impl ScramTicket {
    /// By which the client is asked and judged.
    pub fn keys(&self) -> &ScramKeys {
        &self.keys
    }
}

/// From what made-up keys are made.
#[derive(Clone)]
struct Decoys {
    key: [u8; blake3::KEY_LEN],
    iterations: u32,
}

/// What made-up keys were last made from: whose stored keys, by number and stamp.
pub(super) struct MadeUp {
    of: (AccountId, u64),
    decoys: Decoys,
}

impl Directory {
    /// The keys by which `login` (its address, or its local part where only one account has it) is verified.
    ///
    /// `peer` is whose failures are counted, as with [`Directory::authenticate`]. There are keys for every login.
    pub fn scram_keys<'a>(
        &'a self,
        login: &'a str,
        hash: ScramHash,
        peer: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<ScramTicket, AuthError>> {
        Box::pin(self.ticket(login, hash, peer.and_then(Network::of)))
    }

    /// Ends the log-in: `right` says whether the client's proof was. Until this has agreed, tell the client nothing.
    ///
    /// # Errors
    /// `Rejected`; `Throttled` when others failed meanwhile, so that a stock of tickets buys no guesses.
    pub fn scram_finished(&self, ticket: ScramTicket, right: bool) -> Result<Arc<Account>, AuthError> {
        let ScramTicket { account, name, network, keys: _ } = ticket;
        let (now, mut throttle) = (self.gate.clock.monotonic(), self.gate.throttle());
        if let Some(until) = throttle.blocked_until(&name, network, now) {
            return Err(self.gate.not_before(until));
        }
        let Some(account) = account.filter(|_| right) else {
            throttle.failed(&name, network, now);
            return Err(AuthError::Rejected);
        };
        throttle.succeeded(&name, network, now);
        Ok(account)
    }

    /// Whether every account can be verified by SCRAM with this hash. Clients take the strongest mechanism that they are
    /// offered, and one that their account lacks would lock them out.
    pub fn all_have_scram(&self, hash: ScramHash) -> bool {
        self.people().all_have_scram(hash)
    }

    async fn ticket(&self, login: &str, hash: ScramHash, network: Option<Network>) -> Result<ScramTicket, AuthError> {
        let gate = &self.gate;
        let people = self.people();
        let known = people.by_login(login);
        let address = self.in_full(login, known.as_ref());
        let name = gate.name(&address);
        if let Some(until) = gate.throttle().blocked_until(&name, network, gate.clock.monotonic()) {
            return Err(gate.not_before(until));
        }
        // A local part that several share opens no account, yet shows the same keys as one of its addresses.
        let other = if known.is_none() { people.by_login(&address) } else { None };
        let evidence = self.evidence(known.as_ref().or(other.as_ref()), &name).await?;
        let decoys = self.decoys().await;
        let keys = match evidence.own.as_deref().map(|entry| (entry, &entry.credential)) {
            Some((_, hashed @ Credential::Hashed { .. })) => hashed.scram(hash).cloned(),
            Some((entry, Credential::Clear(secret))) => {
                Some(gate.derive(entry, secret, (hash, decoys.salt(hash, &address), decoys.iterations)).await?)
            }
            None => None,
        };
        let account = known.filter(|_| keys.is_some()).map(|known| known.account);
        let keys = keys.unwrap_or_else(|| decoys.keys(hash, &address));
        Ok(ScramTicket { keys, account, name, network })
    }

    /// Made from the first keys at rest, so that a restart changes made-up keys no more than others; where all passwords are
    /// in the clear, from this process's key, and likewise where that one row cannot be read: it shall not lock out all others. The
    /// row of who has them is read once, and after they changed.
    async fn decoys(&self) -> Decoys {
        let (people, gate) = (self.people(), &self.gate);
        let (address, of) = match people.first_with_keys() {
            None => return gate.decoys(None),
            Some(Known::Declared(entry)) => return gate.decoys(Some(entry)),
            Some(Known::Stored(person)) => (people.address(person), (person.id(), person.stamp())),
        };
        let made_up = || gate.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(MadeUp { decoys, .. }) = made_up().as_ref().filter(|made_up| made_up.of == of) {
            return decoys.clone();
        }
        let Ok((entry, _)) = self.principal(&address).await.inspect_err(untold) else { return gate.decoys(None) };
        let decoys = gate.decoys(Some(&entry));
        *made_up() = Some(MadeUp { of, decoys: decoys.clone() });
        decoys
    }
}

impl Decoys {
    fn octets(&self, what: &str, hash: ScramHash, address: &str, octets: usize) -> Vec<u8> {
        let mut out = vec![0; octets];
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [what, hash.name(), address] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hasher.finalize_xof().fill(&mut out);
        out
    }

    fn salt(&self, hash: ScramHash, address: &str) -> Vec<u8> {
        self.octets("salt", hash, address, SALT_OCTETS)
    }

    /// Nobody knows the password that belongs to these, nor is there one.
    fn keys(&self, hash: ScramHash, address: &str) -> ScramKeys {
        ScramKeys {
            hash,
            salt: self.salt(hash, address),
            iterations: self.iterations,
            stored_key: self.octets("stored", hash, address, hash.octets()),
            server_key: self.octets("server", hash, address, hash.octets()),
        }
    }
}

impl Gate {
    fn decoys(&self, entry: Option<&Entry>) -> Decoys {
        let keys = entry.and_then(|entry| entry.credential.scram(ScramHash::Sha256));
        let (secret, iterations) =
            keys.map_or((&self.key[..], SCRAM_ITERATIONS), |keys| (&keys.server_key, keys.iterations));
        Decoys { key: blake3::derive_key(DECOY_CONTEXT, secret), iterations }
    }

    /// The keys of a password in the clear, computed once on the pool.
    async fn derive(
        &self,
        entry: &Entry,
        secret: &Secret,
        (hash, salt, iterations): (ScramHash, Vec<u8>, u32),
    ) -> Result<ScramKeys, AuthError> {
        let (id, password) = (entry.account.id.0.to_le_bytes(), secret.expose().as_bytes());
        let place = self.keyed(&[b"scram", &id, hash.name().as_bytes(), &salt, password]).into();
        let derived = || self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = derived().get(&place) {
            return Ok(keys.clone());
        }
        let password = sasl::Secret::new(password.to_vec());
        let work = move || ScramKeys::derive(hash, password.expose(), &salt, iterations);
        let keys = self.hashing.run(work).await.map_err(|_| AuthError::Busy)?;
        let keys = keys.expect("our salt and iterations are in bounds");
        let mut derived = derived();
        if derived.len() >= DERIVED_MAX {
            derived.clear();
        }
        derived.insert(place, keys.clone());
        Ok(keys)
    }
}

#[cfg(test)]
mod tests;
