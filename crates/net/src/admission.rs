//! Who gets in: limits per listener, per address and for the whole process.

use event_listener::Event;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections one listener keeps open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// All of them together.
    pub connections_max: usize,
    /// From one IPv4 address or one IPv6 /64, in which a host takes addresses as it likes. Loopback has no limit of its
    /// own: a proxy, a webmail and a test all come from there.
    pub per_address_max: usize,
}

impl Limits {
    /// Sessions are short and each may hold a message: 2,000, and 100 from one address.
    pub const SMTP: Limits = Limits { connections_max: 2_000, per_address_max: 100 };
    /// Sessions stay for days, several per device, many people behind one address.
    pub const IMAP: Limits = Limits { connections_max: 20_000, per_address_max: 500 };
}

/// How many connections the process keeps open over all listeners; clones share the count.
#[derive(Clone)]
pub struct Capacity {
    open: Arc<AtomicUsize>,
    max: usize,
}

impl Capacity {
    /// Room for `max` connections; choose it below the limit of open files.
    pub fn new(max: usize) -> Capacity {
        Capacity { open: Arc::default(), max }
    }

    /// How many are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Why a connection was not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    Process,
    Listener,
    Address,
}

impl Refused {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refused::Process => "the process has too many connections",
            Refused::Listener => "the listener has too many connections",
            Refused::Address => "the address has too many connections",
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
    /// Only addresses that have a connection: no more rows than connections.
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it gives the place back.
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(limits: Limits, capacity: Capacity) -> Arc<Admission> {
        Arc::new(Admission { limits, capacity, open: Mutex::default(), emptied: Event::new() })
    }

    /// A place for a connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Ticket, Refused> {
        let address = address.filter(|address| !address.is_loopback()).map(customer);
        let mut open = self.open();
        if open.connections >= self.limits.connections_max {
            return Err(Refused::Listener);
        }
        let here = address.and_then(|address| open.by_address.get(&address)).copied().unwrap_or(0);
        if here >= self.limits.per_address_max {
            return Err(Refused::Address);
        }
        let raise = |open| (open < self.capacity.max).then_some(open + 1);
        if self.capacity.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raise).is_err() {
            return Err(Refused::Process);
        }
        open.connections += 1;
        if let Some(address) = address {
            open.by_address.insert(address, here + 1);
        }
        drop(open);
        Ok(Ticket { admission: self.clone(), address })
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

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.connections -= 1;
        if let Some(address) = self.address
            && let Some(here) = open.by_address.get_mut(&address)
        {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&address);
            }
        }
        self.admission.capacity.open.fetch_sub(1, Ordering::Relaxed);
        if open.connections == 0 {
            self.admission.emptied.notify(usize::MAX);
        }
    }
}

/// The address as far as it tells customers apart.
fn customer(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections_max: usize, per_address_max: usize, process: usize) -> Arc<Admission> {
        Admission::new(Limits { connections_max, per_address_max }, Capacity::new(process))
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn one_customer_does_not_take_all_places() {
        let door = admission(10, 2, 100);
        let first = door.admit(ip("192.0.2.1")).unwrap();
        let _second = door.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(door.admit(ip("192.0.2.1")).err(), Some(Refused::Address));
        assert!(door.admit(ip("192.0.2.2")).is_ok());
        drop(first);
        assert!(door.admit(ip("192.0.2.1")).is_ok());
        let _six = [door.admit(ip("2001:db8::1")).unwrap(), door.admit(ip("2001:db8::2:1")).unwrap()];
        assert_eq!(door.admit(ip("2001:db8::3")).err(), Some(Refused::Address));
        assert!(door.admit(ip("2001:db8:0:1::3")).is_ok());
    }

    #[test]
    fn loopback_and_unix_sockets_are_limited_by_the_listener_only() {
        let door = admission(6, 2, 100);
        let _places: Vec<_> =
            [ip("127.0.0.1"), ip("::1"), None].repeat(2).into_iter().map(|ip| door.admit(ip)).collect();
        assert_eq!(door.admit(None).err(), Some(Refused::Listener));
    }

    #[test]
    fn listeners_share_the_process() {
        let capacity = Capacity::new(2);
        let doors = [Limits::SMTP, Limits::IMAP].map(|limits| Admission::new(limits, capacity.clone()));
        let places = [doors[0].admit(None).unwrap(), doors[1].admit(None).unwrap()];
        assert_eq!(doors[0].admit(None).err(), Some(Refused::Process));
        drop(places);
        assert_eq!(capacity.open(), 0);
        assert_eq!(doors[0].open().connections, 0);
    }
}
