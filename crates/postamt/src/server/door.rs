//! The listeners that are open. They change while others stay with their connections.

use super::listeners::{Offer, Standing};
use crate::plan::{Bound, ListenerPlan};
use net::{ListenAddress, Reception, Shutdown};
use sasl::Mechanism;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// All listeners.
pub struct Door {
    offer: Offer,
    /// What the offer says of log-ins.
    mechanisms: Vec<Mechanism>,
    open: Vec<Open>,
    /// Listeners that are closed, and may still have connections.
    closing: Vec<JoinHandle<()>>,
    /// Ends the task that looks at the files of certificates.
    watching: Shutdown,
}

struct Open {
    bound: Bound,
    reception: Arc<Reception>,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

/// The listeners of a new plan, in its order.
pub struct Layout(Vec<Place>);

struct Place {
    plan: ListenerPlan,
    /// The open one that it becomes.
    from: Option<usize>,
}

/// How the listeners differ from those before.
#[derive(Default)]
pub struct Difference {
    pub opened: Vec<Bound>,
    pub closed: Vec<Bound>,
    pub changed: Vec<Bound>,
}

impl Door {
    /// Opens the listeners.
    pub fn new(offer: Offer, standing: Vec<Standing>) -> Door {
        let mechanisms = mechanisms(&offer);
        let watching = watch(&offer);
        let open = standing.into_iter().map(|standing| open(&offer, standing)).collect();
        Door { offer, mechanisms, open, closing: Vec::new(), watching }
    }

    /// What is offered now.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Which listeners stay when `plans` are all there is.
    pub fn layout(&self, plans: &[ListenerPlan]) -> Layout {
        let mut left: Vec<usize> = (0..self.open.len()).collect();
        let place = |plan: &ListenerPlan| {
            let from = self.stays(plan, &left);
            left.retain(|at| Some(*at) != from);
            Place { plan: plan.clone(), from }
        };
        Layout(plans.iter().map(place).collect())
    }

    /// The open listener that `plan` is about: one with its address. Any free port is the same only for the same protocol.
    fn stays(&self, plan: &ListenerPlan, left: &[usize]) -> Option<usize> {
        let open = left.iter().filter_map(|at| Some((*at, &self.open.get(*at)?.bound)));
        let same = open.filter(|(_, bound)| {
            bound.address == plan.address
                || (bound.plan.address == plan.address && bound.plan.protocol == plan.protocol)
        });
        same.min_by_key(|(_, bound)| bound.plan != *plan).map(|(at, _)| at)
    }

    /// The open listener that is not in `layout`, and has the port of `address` until it is closed.
    pub fn in_the_way(&self, layout: &Layout, address: &ListenAddress) -> Option<&Bound> {
        let stays = |at| layout.0.iter().any(|place| place.from == Some(at));
        let going = self.open.iter().enumerate().filter(|(at, _)| !stays(*at)).map(|(_, open)| &open.bound);
        let mut same_port = going.filter(|bound| match (&bound.address, address) {
            (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => one.port() == other.port(),
            _ => false,
        });
        same_port.next()
    }

    /// Where the listeners of `layout` stand, once those that are new do.
    pub fn bound(&self, layout: &Layout, new: &[Standing]) -> Vec<Bound> {
        let mut new = new.iter().map(|standing| standing.bound.clone());
        let bound = |place: &Place| match place.from.and_then(|at| self.open.get(at)) {
            Some(open) => Some(Bound { plan: place.plan.clone(), address: open.bound.address.clone() }),
            None => new.next(),
        };
        layout.0.iter().filter_map(bound).collect()
    }

    /// Whoever connects from now on gets `offer`, on the listeners of `layout`; the `new` ones are opened, those that are
    /// not in it are closed.
    pub fn change(&mut self, offer: Offer, layout: Layout, new: Vec<Standing>) -> Difference {
        let mut difference = Difference::default();
        let mut before: Vec<Option<Open>> = std::mem::take(&mut self.open).into_iter().map(Some).collect();
        let mut new = new.into_iter();
        for Place { plan, from } in layout.0 {
            match from.and_then(|at| before.get_mut(at)?.take()) {
                Some(mut open) => {
                    open.reception.exchange(offer.service(&plan, &open.shutdown));
                    let is_changed = open.bound.plan != plan;
                    open.bound.plan = plan;
                    difference.changed.extend(is_changed.then(|| open.bound.clone()));
                    self.open.push(open);
                }
                None => {
                    let open = new.next().map(|standing| open(&offer, standing));
                    difference.opened.extend(open.iter().map(|open| open.bound.clone()));
                    self.open.extend(open);
                }
            }
        }
        self.closing.retain(|serving| !serving.is_finished());
        for open in before.into_iter().flatten() {
            open.shutdown.begin();
            difference.closed.push(open.bound);
            self.closing.push(open.serving);
        }
        self.watching.begin();
        self.watching = watch(&offer);
        self.mechanisms = mechanisms(&offer);
        self.offer = offer;
        difference
    }

    /// Offers the log-ins that everybody can use now, if they are others than before.
    pub fn renew(&mut self) {
        let mechanisms = mechanisms(&self.offer);
        if mechanisms == self.mechanisms {
            return;
        }
        for open in &self.open {
            open.reception.exchange(self.offer.service(&open.bound.plan, &open.shutdown));
        }
        self.mechanisms = mechanisms;
    }

    /// Closes all listeners; each handle ends when their connections have.
    pub fn close(self) -> Vec<JoinHandle<()>> {
        self.watching.begin();
        let close = |open: Open| {
            open.shutdown.begin();
            open.serving
        };
        self.open.into_iter().map(close).chain(self.closing).collect()
    }
}

impl Layout {
    /// The listeners that have to be bound.
    pub fn new_ones(&self) -> Vec<ListenerPlan> {
        self.0.iter().filter(|place| place.from.is_none()).map(|place| place.plan.clone()).collect()
    }
}

fn open(offer: &Offer, Standing { bound, listener }: Standing) -> Open {
    let shutdown = Shutdown::new();
    let service = offer.service(&bound.plan, &shutdown);
    let reception = Reception::new(service, offer.desk.env.clock.clone(), shutdown.clone());
    let served = reception.clone();
    let serving = tokio::spawn(async move { served.serve(listener).await });
    Open { bound, reception, shutdown, serving }
}

fn mechanisms(offer: &Offer) -> Vec<Mechanism> {
    offer.desk.post.directory.mechanisms(true)
}

/// Looks at the files of the certificates until the signal is given.
fn watch(offer: &Offer) -> Shutdown {
    let watching = Shutdown::new();
    if let Some(acceptor) = &offer.acceptor {
        tokio::spawn(net::tls::watch(acceptor.clone(), watching.clone()));
    }
    watching
}
