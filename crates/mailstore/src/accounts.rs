//! The accounts in memory: those in use, and some that may soon be used again.

use model::AccountId;
use std::collections::HashMap;
use std::sync::Arc;

/// Accounts held though nobody uses them, at most; half of them may go at once.
const UNUSED_MAX: usize = 1024;

pub(crate) struct Accounts<Account> {
    accounts: HashMap<AccountId, One<Account>>,
    /// With so many it is time to look which are still wanted.
    sweep_at: usize,
}

struct One<Account> {
    account: Arc<Account>,
    /// Somebody asked for it since the last sweep.
    wanted: bool,
}

impl<Account> One<Account> {
    /// An account's sessions, operations and runner hold it; the others can be read again.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.account) > 1
    }
}

impl<Account> Accounts<Account> {
    pub fn new() -> Accounts<Account> {
        Accounts { accounts: HashMap::new(), sweep_at: UNUSED_MAX }
    }

    pub fn get(&mut self, id: AccountId, new: impl FnOnce() -> Account) -> Arc<Account> {
        if let Some(one) = self.accounts.get_mut(&id) {
            one.wanted = true;
            return one.account.clone();
        }
        if self.accounts.len() >= self.sweep_at {
            self.sweep();
        }
        let account = Arc::new(new());
        self.accounts.insert(id, One { account: account.clone(), wanted: true });
        account
    }

    /// The account, if it is in memory.
    pub fn held(&self, id: AccountId) -> Option<Arc<Account>> {
        self.accounts.get(&id).map(|one| one.account.clone())
    }

    pub fn remove(&mut self, id: AccountId) {
        self.accounts.remove(&id);
    }

    fn sweep(&mut self) {
        let mut unused = 0;
        self.accounts.retain(|_, one| {
            let stays = std::mem::take(&mut one.wanted) && unused < UNUSED_MAX / 2;
            one.is_in_use() || {
                unused += usize::from(stays);
                stays
            }
        });
        self.sweep_at = self.accounts.len() + UNUSED_MAX / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> AccountId {
        AccountId(n as u32)
    }

    #[test]
    fn those_in_use_stay_and_take_no_room_from_those_that_are_wanted() {
        let mut held = Accounts::new();
        let crowd: Vec<_> = (0..5 * UNUSED_MAX).map(|n| held.get(id(n), || n)).collect();
        let mut made = 0;
        for round in 0..20 {
            for n in 0..UNUSED_MAX / 4 {
                held.get(id(10 * UNUSED_MAX + n), || {
                    made += 1;
                    n
                });
            }
            held.get(id(20 * UNUSED_MAX + round), || round);
        }
        assert_eq!(made, UNUSED_MAX / 4, "each was made once");
        for (n, account) in crowd.iter().enumerate() {
            assert!(Arc::ptr_eq(account, &held.get(id(n), || unreachable!())));
        }
    }

    #[test]
    fn those_unused_are_bounded_and_the_least_wanted_go_first() {
        let mut held = Accounts::new();
        let mut made = 0;
        for n in 0..10 * UNUSED_MAX {
            held.get(id(0), || made += 1);
            held.get(id(n + 1), || ());
            assert!(held.accounts.len() <= UNUSED_MAX, "{}", held.accounts.len());
        }
        assert!(made <= 20, "the one that is wanted all the time was made {made} times");
    }
}
