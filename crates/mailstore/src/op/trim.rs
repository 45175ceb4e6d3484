//! What has served its time goes: old entries of the change log, marks of deliveries long done.

use crate::error::Error;
use crate::lane::Operation;
use crate::log::Entry;
use crate::op::append::DELIVERY_FORMAT;
use crate::rows;
use crate::working::Working;
use model::{Decoder, Timestamp};

/// Rows looked at in one step.
const TRIM_STEP: usize = 1000;

pub(crate) struct Trim {
    /// Log entries from before this go.
    pub log_before: Timestamp,
    /// Marks of deliveries from before this go.
    pub deliveries_before: Timestamp,
}

impl Operation for Trim {
    /// Whether there may be more to trim.
    type Done = bool;

    fn makes_room(&self) -> bool {
        true
    }

    async fn fold(&self, w: &mut Working) -> Result<bool, Error> {
        let log = w.scan_page(rows::LOG, None, TRIM_STEP).await?;
        let deliveries = w.scan_page(rows::DELIVERY, None, TRIM_STEP).await?;
        let mut count = 0;
        for (place, (_, row)) in log.rows.iter().enumerate() {
            match Entry::decode(row) {
                Ok(entry) if entry.at >= self.log_before => break,
                Ok(_) => count = place + 1,
                Err(_) => {} // it goes with a later one
            }
        }
        let mut old: Vec<_> = log.rows.iter().take(count).map(|(key, _)| key.clone()).collect();
        let mut more = log.more && old.len() == log.rows.len();
        let logged = old.len();
        for (key, row) in &deliveries.rows {
            let at = Decoder::new(row, DELIVERY_FORMAT).and_then(|mut d| d.time());
            if at.is_ok_and(|at| at < self.deliveries_before) {
                old.push(key.clone());
            }
        }
        // Their order is the queue's, about that of time: where nothing of a page is old, nothing behind it is.
        more |= deliveries.more && old.len() > logged;
        old.into_iter().for_each(|key| w.set_readable(key, None));
        Ok(more)
    }
}
