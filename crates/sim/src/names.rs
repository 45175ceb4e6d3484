//! Mailboxes of which each is changed by one client at a time: what is acknowledged of them is certain.

use crate::dice::Dice;
use mailstore::Mailboxes;
use std::collections::BTreeMap;

/// Names that clients of one world think of: of any a mailbox or a subscription may be left of which nobody is certain.
const NAMES_MAX: u32 = 400;

/// What can be there or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A mailbox.
    Mailbox,
    /// A subscription, which needs no mailbox.
    Subscription,
}

/// Whether something of this name is there.
type Claim = (Kind, String, bool);

/// A command, and what holds once it is acknowledged.
pub struct Step {
    /// The command.
    pub command: String,
    claims: Vec<Claim>,
}

/// What was acknowledged of each account's names; `None` where an answer is missing, or was no.
#[derive(Default)]
pub struct Names {
    known: BTreeMap<(usize, Kind, String), Option<bool>>,
    thought_of: u32,
}

impl Names {
    /// Something to do: what it changes is in doubt from now on. `None` if there are too many names.
    pub fn begin(&mut self, account: usize, dice: &mut Dice) -> Option<Step> {
        let settled = self.settled(account);
        let fresh = if settled.is_empty() || dice.chance(0.3) { Some(self.fresh()?) } else { None };
        let (name, there, subscribed) = match fresh {
            Some(name) => (name, false, false),
            None => dice.pick(&settled).clone(),
        };
        let (mailbox, subscription) = (Kind::Mailbox, Kind::Subscription);
        let (command, claims) = match (there, dice.below(10)) {
            (false, _) if subscribed => (format!("UNSUBSCRIBE \"{name}\""), vec![(subscription, name, false)]),
            (false, _) => (format!("CREATE \"{name}\""), vec![(mailbox, name, true)]),
            (true, 0..3) => {
                let to = self.fresh()?;
                let command = format!("RENAME \"{name}\" \"{to}\"");
                (command, vec![(mailbox, name, false), (mailbox, to, true)])
            }
            (true, 3..6) => {
                let un = if subscribed { "UN" } else { "" };
                (format!("{un}SUBSCRIBE \"{name}\""), vec![(subscription, name, !subscribed)])
            }
            (true, _) => (format!("DELETE \"{name}\""), vec![(mailbox, name, false)]),
        };
        for (kind, name, _) in &claims {
            self.known.insert((account, *kind, name.clone()), None);
        }
        Some(Step { command, claims })
    }

    /// It was acknowledged.
    pub fn acknowledged(&mut self, account: usize, step: Step) {
        let known = step.claims.into_iter().map(|(kind, name, is)| ((account, kind, name), Some(is)));
        self.known.extend(known);
    }

    /// Names of which something is there and nothing in doubt: whether there is a mailbox, and a subscription.
    fn settled(&self, account: usize) -> Vec<(String, bool, bool)> {
        let of = |kind, name: &String| self.known.get(&(account, kind, name.clone())).copied().unwrap_or(Some(false));
        let mailboxes = self.known.range((account, Kind::Mailbox, String::new())..);
        let names = mailboxes.map(|((of, kind, name), _)| (*of, *kind, name));
        let names = names.take_while(|(of, kind, _)| (*of, *kind) == (account, Kind::Mailbox));
        let settled =
            names.filter_map(|(_, kind, name)| Some((name.clone(), of(kind, name)?, of(Kind::Subscription, name)?)));
        settled.filter(|(_, there, subscribed)| *there || *subscribed).collect()
    }

    /// A name that nobody ever used.
    fn fresh(&mut self) -> Option<String> {
        self.thought_of += 1;
        (self.thought_of <= NAMES_MAX).then(|| format!("Own {}", self.thought_of))
    }

    /// What is otherwise than it was acknowledged.
    pub fn differences(&self, account: usize, mailboxes: &Mailboxes) -> Vec<String> {
        let known = self.known.iter().filter(|((of, ..), _)| *of == account);
        let wrong = known.filter_map(|((_, kind, name), known)| {
            let is = match kind {
                Kind::Mailbox => mailboxes.named(name).is_some(),
                Kind::Subscription => mailboxes.is_subscribed(name),
            };
            let how = if is { "is there and was acknowledged to be gone" } else { "was acknowledged and is gone" };
            (known.is_some_and(|known| known != is)).then(|| format!("{kind:?} {name:?} of account {account} {how}"))
        });
        wrong.collect()
    }
}
