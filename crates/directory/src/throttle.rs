//! Who failed too often waits before the next password is even looked at.
//!
//! Failures count against the peer's network and against the login. A network from which the account was signed in
//! lately is not held responsible for what others try on its login, nor is the machine itself for what the network tries:
//! the owner is never locked out.

use model::Moment;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// A person mistypes, a client repeats an old password a few times.
const FREE_FAILURES: u32 = 10;
/// The first wait; each further failure doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait: guessing gets four tries an hour.
const WAIT_MAX: Duration = Duration::from_secs(900);
/// Failures are forgotten after this long without another one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// How long a network counts as the owner's after a log-in.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// At most this many failing peers and logins, and as many known networks, are kept: under a MiB.
const ENTRIES_MAX: usize = 4096;

/// A login, hashed so that a long one costs no more.
pub(crate) type Login = [u8; blake3::OUT_LEN];

/// A peer's network: an IPv4 address, or an IPv6 /64, which is what one customer has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Network(u128);

impl Network {
    /// `None` for loopback: everybody behind a local proxy or webmail shares it.
    pub(crate) fn of(peer: IpAddr) -> Option<Network> {
        let peer = peer.to_canonical();
        match peer {
            _ if peer.is_loopback() => None,
            IpAddr::V4(v4) => Some(Network(v4.to_ipv6_mapped().to_bits())),
            IpAddr::V6(v6) => Some(Network(v6.to_bits() >> 64 << 64)),
        }
    }

    pub(crate) fn octets(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Network(Network),
    Login(Login, Side),
}

/// From where a login is tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Remote,
    Local,
}

impl Side {
    fn of(network: Option<Network>) -> Side {
        if network.is_some() { Side::Remote } else { Side::Local }
    }
}

struct Failures {
    count: u32,
    last: Moment,
}

impl Failures {
    fn blocked_until(&self) -> Moment {
        let Some(over) = self.count.checked_sub(FREE_FAILURES) else { return Moment::default() };
        self.last + WAIT_FIRST.saturating_mul(1 << over.min(16)).min(WAIT_MAX)
    }
}

/// The table of failures.
#[derive(Default)]
pub(crate) struct Throttle {
    failures: HashMap<Key, Failures>,
    /// Where accounts were signed in from, and when.
    known: HashMap<(Login, Network), Moment>,
}

impl Throttle {
    /// Until when this peer has to wait before it may try this login.
    pub(crate) fn blocked_until(&self, login: &Login, network: Option<Network>, now: Moment) -> Option<Moment> {
        let keys = self.keys(login, network, now);
        let until = keys.into_iter().flatten().filter_map(|key| self.failures.get(&key)).map(Failures::blocked_until);
        until.max().filter(|&until| now < until)
    }

    /// Counts a wrong password, or a proof that is none.
    pub(crate) fn failed(&mut self, login: &Login, network: Option<Network>, now: Moment) {
        for key in self.keys(login, network, now).into_iter().flatten() {
            make_room(&mut self.failures, now, FORGOTTEN_AFTER, |failures| failures.last);
            let failures = self.failures.entry(key).or_insert(Failures { count: 0, last: now });
            if now - failures.last >= FORGOTTEN_AFTER {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
    }

    /// Forgets the failures of who came in after all, and knows the network from now on.
    pub(crate) fn succeeded(&mut self, login: &Login, network: Option<Network>, now: Moment) {
        self.failures.remove(&Key::Login(*login, Side::of(network)));
        if let Some(network) = network {
            self.failures.remove(&Key::Network(network));
            make_room(&mut self.known, now, KNOWN_FOR, |since| *since);
            self.known.insert((*login, network), now);
        }
    }

    /// What a try counts against.
    fn keys(&self, login: &Login, network: Option<Network>, now: Moment) -> [Option<Key>; 2] {
        let known = network.and_then(|network| self.known.get(&(*login, network)));
        let known = known.is_some_and(|&since| now - since < KNOWN_FOR);
        [network.map(Key::Network), (!known).then_some(Key::Login(*login, Side::of(network)))]
    }
}

/// Drops what is over, and when that is not enough the oldest entry.
fn make_room<K: Copy + Eq + std::hash::Hash, V>(
    table: &mut HashMap<K, V>,
    now: Moment,
    kept_for: Duration,
    since: impl Fn(&V) -> Moment,
) {
    if table.len() < ENTRIES_MAX {
        return;
    }
    table.retain(|_, value| now - since(value) < kept_for);
    if table.len() >= ENTRIES_MAX
        && let Some(oldest) = table.iter().min_by_key(|(_, value)| since(value)).map(|(key, _)| *key)
    {
        table.remove(&oldest);
    }
}
