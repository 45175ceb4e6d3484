//! Log-in by password; `scram` is the way in without showing it.

mod apop;
mod evidence;
mod scram;

use crate::account::folded;
use crate::credential::{Argon2id, PASSWORD_OCTETS_MAX};
use crate::hashing::Hashing;
use crate::people::Login;
use crate::remembered::{Proof, Remembered};
use crate::throttle::{self, Network, Throttle};
use crate::{Account, Credential, Directory};
use env::{BoxFuture, Clock, Random, Spawn};
use evidence::Evidence;
use model::{Address, Moment, Timestamp};
use sasl::prepare_password;
use scram::{Derived, MadeUp};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use apop::ApopDigest;
pub use scram::ScramTicket;

/// Why somebody may not log in. Its text may be told to the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// No such account, or not its password; which, is nobody's business.
    #[error("login or password is wrong")]
    Rejected,
    /// Too many failures; heals by itself.
    #[error("too many failed log-ins; try again after {}", until.rfc5322())]
    Throttled {
        /// From when on the next try is looked at.
        until: Timestamp,
    },
    /// Too many log-ins wait to be checked; heals by itself.
    #[error("too many log-ins at once; try again in a moment")]
    Busy,
    /// What it is checked against cannot be read; it may heal.
    #[error("log-ins cannot be checked now; try again later")]
    Unavailable,
}

/// What stands between a password and its account.
pub(crate) struct Gate {
    clock: Arc<dyn Clock>,
    hashing: Arc<Hashing>,
    /// Of this process; what is hashed with it says nothing elsewhere.
    key: [u8; blake3::KEY_LEN],
    throttle: Mutex<Throttle>,
    remembered: Mutex<Remembered>,
    derived: Mutex<Derived>,
    made_up: Mutex<Option<MadeUp>>,
}

impl Gate {
    pub(crate) fn new(spawn: Arc<dyn Spawn>, clock: Arc<dyn Clock>, random: &dyn Random) -> Gate {
        let mut key = [0; blake3::KEY_LEN];
        random.fill(&mut key);
        let hashing = Hashing::new(spawn);
        let (throttle, remembered, derived, made_up) = Default::default();
        Gate { clock, hashing, key, throttle, remembered, derived, made_up }
    }

    fn keyed(&self, parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize()
    }

    /// Bound to the credential, so that a changed one is a different proof; and to the network, so that nobody elsewhere gets
    /// past the throttle by guessing what somebody has just signed in with.
    fn proof(&self, account: &Account, stamp: u64, password: &[u8], network: Option<Network>) -> Proof {
        let (id, network) = (account.id.0.to_le_bytes(), network.map(Network::octets));
        let network = network.as_ref().map_or(&[][..], |octets| octets);
        self.keyed(&[b"proof", &id, &stamp.to_le_bytes(), network, password]).into()
    }

    /// By which a login's failures are counted.
    fn name(&self, address: &str) -> throttle::Login {
        self.keyed(&[b"login", address.as_bytes()]).into()
    }

    async fn hash_matches(&self, hash: &Argon2id, password: &[u8]) -> Result<bool, AuthError> {
        let (hash, password) = (hash.clone(), password.to_vec());
        self.hashing.run(move || hash.verify(&password)).await.map_err(|_| AuthError::Busy)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_before(&self, until: Moment) -> AuthError {
        AuthError::Throttled { until: self.clock.wall() + (until - self.clock.monotonic()) }
    }
}

impl Directory {
    /// The account that `login` (its address, or its local part where only one account has it) and `password` open.
    ///
    /// `peer` is whose failures are counted; `None` where there is no network between. Unknown logins cost what wrong
    /// passwords cost. A password verified in the last minutes from there is neither hashed nor throttled again.
    pub fn authenticate<'a>(
        &'a self,
        login: &'a str,
        password: &'a [u8],
        peer: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Arc<Account>, AuthError>> {
        Box::pin(self.check(login, password, peer.and_then(Network::of)))
    }

    async fn check(&self, login: &str, password: &[u8], network: Option<Network>) -> Result<Arc<Account>, AuthError> {
        if password.len() > PASSWORD_OCTETS_MAX {
            return Err(AuthError::Rejected);
        }
        let password = prepare_password(password);
        let password = password.expose();
        let gate = &self.gate;
        let known = self.people().by_login(login);
        if let Some(Login { account, stamp, .. }) = &known
            && gate.remembered().holds(&gate.proof(account, *stamp, password, network), gate.clock.monotonic())
        {
            return Ok(account.clone());
        }
        let name = gate.name(&self.in_full(login, known.as_ref()));
        if let Some(until) = gate.throttle().blocked_until(&name, network, gate.clock.monotonic()) {
            return Err(gate.not_before(until));
        }
        let evidence = self.evidence(known.as_ref(), &name).await?;
        let right = self.password_is_right(&evidence, password).await?;
        let now = gate.clock.monotonic();
        match known {
            Some(Login { account, .. }) if right => {
                gate.throttle().succeeded(&name, network, now);
                gate.remembered().keep(gate.proof(&account, evidence.stamp, password, network), now);
                Ok(account)
            }
            _ => {
                gate.throttle().failed(&name, network, now);
                Err(AuthError::Rejected)
            }
        }
    }

    /// The address that is meant. One under two spellings is one login, whether or not there is such an account: a bare local
    /// part that nobody has, or several, is of the first domain.
    fn in_full(&self, login: &str, known: Option<&Login>) -> String {
        match (known, login.parse::<Address>()) {
            (Some(known), _) => folded(&known.account.address),
            (None, Ok(address)) => folded(&address),
            (None, Err(_)) => {
                let people = self.people();
                let first = people.domains().map(|local| local.domain.as_str()).min();
                format!("{}@{}", login.to_lowercase(), first.unwrap_or_default())
            }
        }
    }

    async fn password_is_right(&self, evidence: &Evidence, password: &[u8]) -> Result<bool, AuthError> {
        let gate = &self.gate;
        let clear = match evidence.own.as_ref().map(|own| &own.credential) {
            Some(Credential::Hashed { argon2id, .. }) => return gate.hash_matches(argon2id, password).await,
            Some(Credential::Clear(secret)) => Some(prepare_password(secret.expose().as_bytes())),
            None => None,
        };
        // Keyed hashes are compared, in constant time: neither length nor prefix of the password shows.
        let expected = gate.keyed(&[b"clear", clear.as_ref().map_or(&[][..], |secret| secret.expose())]);
        let right = gate.keyed(&[b"clear", password]) == expected && clear.is_some();
        if !right && let Some(decoy) = evidence.decoy() {
            gate.hash_matches(decoy, password).await?;
        }
        Ok(right)
    }
}

#[cfg(test)]
mod tests;
