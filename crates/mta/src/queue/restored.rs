//! What waited when a backup was taken may have been delivered since: nobody but its owner can say.

use super::row::{self, Delivery, Target};
use super::{PAGE_ROWS, QueueError};
use store::{Batch, Query, Space, Store};

/// Whether accounts know which deliveries to them are done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accounts {
    /// They were restored with the queue: deliveries to them go on.
    OfTheQueue,
    /// They are of a later moment: those are held back too.
    Later,
}

/// Holds back deliveries that lie in a store which was restored, to other servers or all, until somebody releases them; returns how
/// many. Nobody else may have the store open.
///
/// # Errors
/// Those of the store.
pub async fn hold_restored(store: &dyn Store, accounts: Accounts) -> Result<usize, QueueError> {
    let (mut held, mut after) = (0, None);
    loop {
        let query = Query::prefix(&row::cell(), &row::deliveries(None), after.take(), PAGE_ROWS);
        let page = store.read(vec![query]).await?.into_page();
        let mut batch = Batch::new(row::cell());
        for (key, octets) in &page.rows {
            let Ok(mut delivery) = Delivery::decode(key, octets) else { continue };
            let is_known = accounts == Accounts::OfTheQueue && !matches!(delivery.target, Target::Remote { .. });
            if !is_known && !delivery.held {
                delivery.held = true;
                batch.put(Space::Rows, key.clone(), delivery.encode());
                held += 1;
            }
        }
        if !batch.writes.is_empty() {
            store.commit(batch).await?;
        }
        match page.rows.last().filter(|_| page.more) {
            Some((key, _)) => after = Some(key.clone()),
            None => return Ok(held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::DeliveryKey;
    use model::{AccountId, QueueId, Quota, Timestamp};
    use store::block_on;
    use store::memory::MemoryStore;

    fn delivery(ordinal: u32, target: Target) -> Delivery {
        let at = Timestamp::from_unix_ms(0);
        Delivery {
            key: DeliveryKey { id: QueueId(7), ordinal },
            recipient: "ben@example.org".into(),
            target,
            notify: None,
            original: None,
            attempts: 0,
            due: at,
            late_from: at,
            expires: at,
            held: false,
            delay_told: false,
            last: None,
        }
    }

    #[test]
    fn only_what_leaves_the_house_is_held() {
        let store = MemoryStore::new();
        let own = Target::Account { account: AccountId(1), address: "a@b".into(), quota: Quota::default() };
        let mut batch = Batch::new(row::cell());
        for (n, target) in [own, Target::Remote { next_hop: "example.net".into() }].into_iter().enumerate() {
            let delivery = delivery(n as u32, target);
            batch.put(Space::Rows, row::delivery_key(delivery.key), delivery.encode());
        }
        block_on(store.commit(batch)).unwrap();
        let hold = |accounts| block_on(hold_restored(&store, accounts));
        assert_eq!(hold(Accounts::OfTheQueue), Ok(1));
        assert_eq!(hold(Accounts::OfTheQueue), Ok(0), "it is held already");
        let rows = store.rows(Space::Rows, &row::cell());
        let held: Vec<bool> = rows.iter().map(|(key, row)| Delivery::decode(key, row).unwrap().held).collect();
        assert_eq!(held, [false, true]);
        assert_eq!(hold(Accounts::Later), Ok(1));
    }
}
