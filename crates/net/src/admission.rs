//! Who gets in: limits per listener, per address, per network and for the whole process.

use crate::pace::Pace;
use event_listener::Event;
use model::{Moment, Network};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The address as far as it tells customers apart: a host takes addresses within its IPv6 /64 as it likes.
const CUSTOMER_BITS: (u8, u8) = (32, 64);

/// What is rented as one piece: a hoster's customers and a site's hosts share it.
const NETWORK_BITS: (u8, u8) = (24, 48);

/// How many connections one listener keeps open, and how fast they may come. Loopback and Unix sockets have no limit of
/// their own: a proxy, a webmail and a test all come from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// All of them together.
    pub connections_max: usize,
    /// From one IPv4 address or one IPv6 /64.
    pub per_address_max: usize,
    /// From one IPv4 /24 or one IPv6 /48.
    pub per_network_max: usize,
    /// New ones in a minute from one IPv4 address or one IPv6 /64; so many may also come at once.
    pub per_address_per_minute: u32,
}

impl Limits {
    /// Sessions are short and each may hold a message: 2,000, and 100 from one address. Ten a second is more than an
    /// honest server opens that may send several messages on each.
    pub const SMTP: Limits =
        Limits { connections_max: 2_000, per_address_max: 100, per_network_max: 400, per_address_per_minute: 600 };
    /// Sessions stay for days, several per device, many people behind one address; all of them come back at once after
    /// their line was down.
    pub const IMAP: Limits =
        Limits { connections_max: 20_000, per_address_max: 500, per_network_max: 4_000, per_address_per_minute: 1_500 };
    /// Sessions are short, and come back every few minutes; many people behind one address.
    pub const POP3: Limits =
        Limits { connections_max: 4_000, per_address_max: 200, per_network_max: 1_000, per_address_per_minute: 1_500 };
    /// A mail program asks once when it is set up, a browser opens six connections; an office may stand behind one address.
    pub const HTTP: Limits =
        Limits { connections_max: 2_000, per_address_max: 50, per_network_max: 200, per_address_per_minute: 300 };
}

/// How many connections the process keeps open over all listeners; clones share the count.
#[derive(Clone)]
pub struct Capacity {
    open: Arc<AtomicUsize>,
    max: Arc<AtomicUsize>,
}

impl Capacity {
    /// Room for `max` connections; choose it below the limit of open files.
    pub fn new(max: usize) -> Capacity {
        Capacity { open: Arc::default(), max: Arc::new(AtomicUsize::new(max)) }
    }

    /// Room for so many from now on; those beyond it that are there may stay.
    pub fn resize(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// For how many there is room.
    pub fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// How many are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Why a connection was not let in; as text, what its peer may know: `Too many connections from 192.0.2.1 (100 at once
/// allowed)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The process has no room.
    Process,
    /// The listener has no room.
    Listener,
    /// The process has more to do than it gets done.
    Strain,
    /// The customer has so many connections.
    Address {
        /// The customer's address or /64.
        customer: Network,
        /// How many it may have.
        max: usize,
    },
    /// The network around the customer has so many connections.
    Network {
        /// The /24 or /48.
        network: Network,
        /// How many it may have.
        max: usize,
    },
    /// The customer connects too often.
    Pace {
        /// The customer's address or /64.
        customer: Network,
        /// How often it may.
        per_minute: u32,
    },
}

impl Refused {
    /// For the operator.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refused::Process => "the process has too many connections",
            Refused::Strain => "there is too much to do",
            Refused::Listener => "the listener has too many connections",
            Refused::Address { .. } => "the address has too many connections",
            Refused::Network { .. } => "the network has too many connections",
            Refused::Pace { .. } => "the address connects too often",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Strain => f.write_str("Too much to do"),
            Refused::Process | Refused::Listener => f.write_str("Too many connections"),
            Refused::Address { customer: from, max } | Refused::Network { network: from, max } => {
                write!(f, "Too many connections from {from} ({max} at once allowed)")
            }
            Refused::Pace { customer, per_minute } => {
                write!(f, "Too many connections from {customer} ({per_minute} in a minute allowed)")
            }
        }
    }
}

/// One listener's door.
pub(crate) struct Admission {
    limits: Limits,
    capacity: Capacity,
    open: Mutex<Open>,
    emptied: Event,
}

#[derive(Default)]
struct Open {
    connections: usize,
    /// Customers and networks that have a connection: no more than two rows for each.
    by_source: HashMap<Network, usize>,
    pace: Pace,
}

/// One connection's place; dropping it gives the place back.
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    counted: Option<Source>,
}

/// Where a connection comes from, as far as limits tell apart.
#[derive(Clone, Copy)]
struct Source {
    customer: Network,
    network: Network,
}

impl Source {
    /// Of those that have limits of their own.
    fn limited(address: IpAddr) -> Option<Source> {
        let address = address.to_canonical();
        let around = |(v4, v6)| Network::around(address, if address.is_ipv4() { v4 } else { v6 });
        (!address.is_loopback()).then(|| Source { customer: around(CUSTOMER_BITS), network: around(NETWORK_BITS) })
    }
}

impl Admission {
    pub(crate) fn new(limits: Limits, capacity: Capacity) -> Arc<Admission> {
        Arc::new(Admission { limits, capacity, open: Mutex::default(), emptied: Event::new() })
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether there is a place in the listener and the process.
    pub(crate) fn has_room(&self) -> bool {
        self.connections() < self.limits.connections_max && self.capacity.open() < self.capacity.max()
    }

    /// How many have a place.
    pub(crate) fn connections(&self) -> usize {
        self.open().connections
    }

    /// A place for a connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>, now: Moment) -> Result<Ticket, Refused> {
        let mut ticket = self.seat()?;
        ticket.count(address, now)?;
        Ok(ticket)
    }

    /// A place for a connection that has yet to say where it comes from: [`Ticket::count`] must follow.
    pub(crate) fn seat(self: &Arc<Self>) -> Result<Ticket, Refused> {
        let mut open = self.open();
        if open.connections >= self.limits.connections_max {
            return Err(Refused::Listener);
        }
        let raise = |open| (open < self.capacity.max()).then_some(open + 1);
        if self.capacity.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raise).is_err() {
            return Err(Refused::Process);
        }
        open.connections += 1;
        drop(open);
        Ok(Ticket { admission: self.clone(), counted: None })
    }

    /// Waits until no connection is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.listen();
            if self.open().connections == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Counts the connection for `address`, once.
    pub(crate) fn count(&mut self, address: Option<IpAddr>, now: Moment) -> Result<(), Refused> {
        let Some(source) = address.and_then(Source::limited) else { return Ok(()) };
        let Source { customer, network } = source;
        let Limits { per_address_max, per_network_max, per_address_per_minute: per_minute, .. } = self.admission.limits;
        let mut open = self.admission.open();
        let here = |place: &Network| open.by_source.get(place).copied().unwrap_or(0);
        if here(&customer) >= per_address_max {
            return Err(Refused::Address { customer, max: per_address_max });
        }
        if here(&network) >= per_network_max {
            return Err(Refused::Network { network, max: per_network_max });
        }
        if !open.pace.take(customer.address(), per_minute, now) {
            return Err(Refused::Pace { customer, per_minute });
        }
        for place in [customer, network] {
            *open.by_source.entry(place).or_default() += 1;
        }
        drop(open);
        self.counted = Some(source);
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.connections -= 1;
        for place in self.counted.into_iter().flat_map(|Source { customer, network }| [customer, network]) {
            if let Some(here) = open.by_source.get_mut(&place) {
                *here -= 1;
                if *here == 0 {
                    open.by_source.remove(&place);
                }
            }
        }
        self.admission.capacity.open.fetch_sub(1, Ordering::Relaxed);
        if open.connections == 0 {
            self.admission.emptied.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Moment = Moment(Duration::ZERO);

    fn admission(limits: Limits) -> Arc<Admission> {
        Admission::new(limits, Capacity::new(100))
    }

    fn limits(connections_max: usize, per_address_max: usize) -> Limits {
        Limits { connections_max, per_address_max, per_network_max: 100, per_address_per_minute: 100 }
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn refusal(door: &Arc<Admission>, address: &str) -> String {
        door.admit(ip(address), NOW).err().map(|refused| refused.to_string()).unwrap_or_default()
    }

    #[test]
    fn one_customer_does_not_take_all_places() {
        let door = admission(limits(10, 2));
        let first = door.admit(ip("192.0.2.1"), NOW).unwrap();
        let _second = door.admit(ip("192.0.2.1"), NOW).unwrap();
        assert_eq!(refusal(&door, "192.0.2.1"), "Too many connections from 192.0.2.1 (2 at once allowed)");
        assert!(door.admit(ip("192.0.2.2"), NOW).is_ok());
        drop(first);
        assert!(door.admit(ip("192.0.2.1"), NOW).is_ok());
        let _six = ["2001:db8::1", "2001:db8::2:1"].map(|address| door.admit(ip(address), NOW).unwrap());
        assert_eq!(refusal(&door, "2001:db8::3"), "Too many connections from 2001:db8::/64 (2 at once allowed)");
        assert!(door.admit(ip("2001:db8:0:1::3"), NOW).is_ok());
    }

    #[test]
    fn nor_does_one_network() {
        let door = admission(Limits { per_network_max: 2, ..limits(10, 2) });
        let _places =
            ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::"].map(|ip_| door.admit(ip(ip_), NOW).unwrap());
        assert_eq!(refusal(&door, "192.0.2.3"), "Too many connections from 192.0.2.0/24 (2 at once allowed)");
        assert_eq!(refusal(&door, "2001:db8:0:2::1"), "Too many connections from 2001:db8::/48 (2 at once allowed)");
        assert!(door.admit(ip("192.0.3.3"), NOW).is_ok());
        assert!(door.admit(ip("2001:db8:1::1"), NOW).is_ok());
    }

    #[test]
    fn nor_does_one_come_again_and_again() {
        let door = admission(Limits { per_address_per_minute: 2, ..limits(10, 2) });
        assert_eq!([refusal(&door, "192.0.2.1"), refusal(&door, "192.0.2.1")], [""; 2]);
        assert_eq!(refusal(&door, "192.0.2.1"), "Too many connections from 192.0.2.1 (2 in a minute allowed)");
        assert!(door.admit(ip("192.0.2.1"), NOW + Duration::from_secs(30)).is_ok());
        assert!(door.admit(ip("192.0.2.2"), NOW).is_ok());
    }

    #[test]
    fn loopback_and_unix_sockets_are_limited_by_the_listener_only() {
        let door = admission(limits(8, 2));
        let addresses = [ip("127.0.0.1"), ip("::1"), ip("::ffff:127.0.0.1"), None].repeat(2);
        let _places: Vec<_> = addresses.into_iter().map(|address| door.admit(address, NOW)).collect();
        assert_eq!(door.admit(None, NOW).err(), Some(Refused::Listener));
        assert_eq!(Refused::Listener.to_string(), "Too many connections");
    }

    #[test]
    fn listeners_share_the_process() {
        let capacity = Capacity::new(2);
        let doors = [Limits::SMTP, Limits::IMAP].map(|limits| Admission::new(limits, capacity.clone()));
        let places = [doors[0].admit(None, NOW).unwrap(), doors[1].admit(ip("192.0.2.1"), NOW).unwrap()];
        assert_eq!(doors[0].admit(None, NOW).err(), Some(Refused::Process));
        drop(places);
        assert_eq!(capacity.open(), 0);
        assert_eq!(doors[0].open().connections, 0);
        assert!(doors[1].open().by_source.is_empty());
    }
}
