//! Names that lead to several: aliases and catch-alls, and what they come to in the end.

use crate::people::People;
use crate::{Account, Origin, Target};
use model::{AccountId, Address, Domain};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// Aliases that lead to aliases, counted from the address that mail comes to. Nobody understands more; loops end here too.
pub const DEPTH_MAX: usize = 10;
/// Whom one address leads to in the end, and how many aliases it passes on the way: one message makes as many deliveries,
/// and whoever knows the address may send it. More is a list's business.
pub const TARGETS_MAX: usize = 1000;

/// An address that stands for others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    /// The address.
    pub address: Address,
    /// Where its mail goes: here or to another server.
    pub targets: Vec<Address>,
    /// Where it is edited.
    pub origin: Origin,
}

/// An alias or a catch-all with its targets looked up.
pub(crate) struct List {
    pub(crate) name: ListName,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ListName {
    Alias(Address),
    CatchAll(Domain),
}

/// One target.
pub(crate) struct Step {
    pub(crate) address: Address,
    pub(crate) place: Place,
    pub(crate) detail: Option<String>,
}

/// Where a target is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Account(AccountId),
    List(usize),
    Foreign,
    Nowhere,
}

/// What is wrong with people that are there: mail takes the best way round it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It leads back to itself.
    #[error("mail would go round in a circle: {}", chain.join(" → "))]
    Loop {
        /// The way, with the same name at both ends.
        chain: Vec<String>,
    },
    /// It passes more than [`DEPTH_MAX`] aliases in a row, or leads to more than [`TARGETS_MAX`].
    #[error("{list} leads through more than {DEPTH_MAX} aliases in a row or to more than {TARGETS_MAX} addresses")]
    Large {
        /// Which.
        list: String,
    },
    /// Nobody has one of its targets.
    #[error("{list} leads to {target}, which nobody has")]
    Nowhere {
        /// Which.
        list: String,
        /// That target.
        target: Address,
    },
    /// It is in a domain that is not ours (any more).
    #[error("{address} is in a domain that is not local")]
    Stranded {
        /// An account or an alias.
        address: Address,
    },
    /// The other domain is not ours (any more).
    #[error("{domain} is to be the same as {same_as}, which is not a local domain")]
    SameAs {
        /// The domain that is another's name.
        domain: Domain,
        /// The other.
        same_as: Domain,
    },
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListName::Alias(address) => address.fmt(f),
            ListName::CatchAll(domain) => write!(f, "*@{domain}"),
        }
    }
}

impl List {
    /// With targets not looked up yet.
    pub(crate) fn new(name: ListName, targets: &[Address]) -> List {
        let step = |address: &Address| Step { address: address.clone(), place: Place::Nowhere, detail: None };
        List { name, steps: targets.iter().map(step).collect() }
    }
}

/// What a list comes to.
#[derive(Default)]
pub(crate) struct Expansion<'a> {
    /// Each once.
    ends: Vec<End<'a>>,
    /// A bound was met: something is missing.
    pub(crate) cut: bool,
}

/// Where mail to a list arrives.
enum End<'a> {
    Account(AccountId, Option<&'a str>),
    Foreign(&'a Address),
}

impl People {
    /// Follows the list at `start`, nearest first; `detail` is for the accounts that get none on the way.
    pub(crate) fn expand<'a>(&'a self, start: usize, detail: Option<&'a str>) -> Expansion<'a> {
        let mut expansion = Expansion::default();
        let (mut accounts, mut foreign) = (HashSet::new(), HashSet::new());
        let mut visited = HashSet::from([start]);
        let mut level = vec![(start, detail)];
        for _ in 0..DEPTH_MAX {
            let mut next = Vec::new();
            let steps = level.iter().filter_map(|&(at, detail)| Some((self.lists().get(at)?, detail)));
            for (step, inherited) in steps.flat_map(|(list, detail)| list.steps.iter().map(move |step| (step, detail)))
            {
                let detail = step.detail.as_deref().or(inherited);
                match step.place {
                    Place::Account(id) if accounts.insert(id) => expansion.add(End::Account(id, detail)),
                    Place::Foreign if foreign.insert(&step.address) => expansion.add(End::Foreign(&step.address)),
                    Place::List(at) if visited.insert(at) => match visited.len() > TARGETS_MAX {
                        true => expansion.cut = true,
                        false => next.push((at, detail)),
                    },
                    Place::Account(_) | Place::Foreign | Place::List(_) | Place::Nowhere => {}
                }
            }
            level = next;
        }
        expansion.cut |= !level.is_empty();
        expansion
    }

    /// Where mail to the list at `start` goes.
    pub(crate) fn targets(&self, start: usize, detail: Option<&str>) -> Vec<Target> {
        let target = |end| match end {
            End::Account(id, detail) => Some(Target::account(self.account_by_id(id)?, detail)),
            End::Foreign(address) => Some(Target::Foreign(Address::clone(address))),
        };
        self.expand(start, detail).ends.into_iter().filter_map(target).collect()
    }

    /// Whether the list at `start` leads to `account`.
    pub(crate) fn leads_to(&self, start: usize, account: &Account) -> bool {
        self.expand(start, None).ends.iter().any(|end| matches!(end, End::Account(id, _) if *id == account.id))
    }

    /// What is wrong with the lists.
    pub(crate) fn lists_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (at, list) in self.lists().iter().enumerate() {
            let nowhere = list.steps.iter().filter(|step| step.place == Place::Nowhere);
            let name = || list.name.to_string();
            faults.extend(nowhere.map(|step| Fault::Nowhere { list: name(), target: step.address.clone() }));
            // Few lists lead to lists.
            let leads_on = list.steps.iter().any(|step| matches!(step.place, Place::List(_)));
            if leads_on {
                faults.extend(self.loop_through(at).map(|chain| Fault::Loop { chain }));
            }
            if (leads_on || list.steps.len() > TARGETS_MAX) && self.expand(at, None).cut {
                faults.push(Fault::Large { list: name() });
            }
        }
        faults
    }

    /// The shortest way from a list back to itself.
    fn loop_through(&self, start: usize) -> Option<Vec<String>> {
        let mut came_from = HashMap::new();
        let mut line = vec![start];
        let mut next = 0;
        while let Some(&at) = line.get(next) {
            next += 1;
            for step in self.lists().get(at).into_iter().flat_map(|list| &list.steps) {
                match step.place {
                    Place::List(found) if found == start => return Some(self.way(start, at, &came_from)),
                    Place::List(found) if !came_from.contains_key(&found) => {
                        came_from.insert(found, at);
                        line.push(found);
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// `start`, …, `end`, `start`.
    fn way(&self, start: usize, end: usize, came_from: &HashMap<usize, usize>) -> Vec<String> {
        let back = std::iter::successors(Some(end), |at| came_from.get(at).copied());
        let mut way: Vec<usize> = std::iter::once(start).chain(back).collect();
        way.reverse();
        way.iter().filter_map(|&at| self.lists().get(at)).map(|list| list.name.to_string()).collect()
    }
}

impl<'a> Expansion<'a> {
    fn add(&mut self, end: End<'a>) {
        if self.ends.len() < TARGETS_MAX {
            self.ends.push(end);
        } else {
            self.cut = true;
        }
    }
}

impl Fault {
    /// Whether it is the same thing that is wrong, be it in another way.
    pub(crate) fn is_like(&self, other: &Fault) -> bool {
        match (self, other) {
            (Fault::Loop { chain }, Fault::Loop { chain: other }) => chain.first() == other.first(),
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests;
