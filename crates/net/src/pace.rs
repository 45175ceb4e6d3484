//! How often an address may connect.

use model::Moment;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses remembered at once, some 3 MiB. One that finds no row is let pass: the limits of open connections still
/// hold for it, and refusing strangers would give whoever fills the table what he wants.
const ROWS_MAX: usize = 65_536;

/// How often a full table is looked through for rows that say nothing any more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);

/// A bucket of tokens per address, which holds a minute's worth and fills evenly. A row is the moment at which the
/// bucket will be full again, so a row of the past says as much as none.
#[derive(Default)]
pub(crate) struct Pace {
    full_at: HashMap<IpAddr, Moment>,
    swept: Option<Moment>,
}

impl Pace {
    /// Takes one of the `per_minute` tokens of `address`; false if there is none.
    pub(crate) fn take(&mut self, address: IpAddr, per_minute: u32, now: Moment) -> bool {
        if per_minute == 0 {
            return false;
        }
        if self.full_at.len() >= ROWS_MAX && !self.full_at.contains_key(&address) && !self.sweep(now) {
            return true;
        }
        let full_at = self.full_at.entry(address).or_insert(now);
        let after = (*full_at).max(now) + MINUTE / per_minute;
        let enough = after - now <= MINUTE;
        if enough {
            *full_at = after;
        }
        enough
    }

    /// Forgets the rows that say nothing; whether there is room then.
    fn sweep(&mut self, now: Moment) -> bool {
        if self.swept.is_none_or(|swept| now - swept >= SWEEP_EVERY) {
            self.swept = Some(now);
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        self.full_at.len() < ROWS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_one_by_one() {
        let (mut pace, address) = (Pace::default(), IpAddr::from([192, 0, 2, 1]));
        let taken = |pace: &mut Pace, now| (0..100).filter(|_| pace.take(address, 6, now)).count();
        assert_eq!(taken(&mut pace, at(5)), 6);
        assert_eq!(taken(&mut pace, at(14)), 0);
        assert_eq!(taken(&mut pace, at(15)), 1);
        assert_eq!(taken(&mut pace, at(39)), 2);
        assert_eq!(taken(&mut pace, at(1000)), 6);
        assert!(pace.take([192, 0, 2, 2].into(), 6, at(1000)));
        assert!(!pace.take([192, 0, 2, 3].into(), 0, at(1000)));
    }

    #[test]
    fn the_table_is_bounded_and_strangers_pass_when_it_is_full() {
        let mut pace = Pace::default();
        for n in 0..ROWS_MAX as u32 + 10 {
            assert!(pace.take(std::net::Ipv4Addr::from_bits(n).into(), 1, at(1)));
        }
        assert_eq!(pace.full_at.len(), ROWS_MAX);
        assert!(!pace.take([0, 0, 0, 1].into(), 1, at(60)));
        assert!(pace.take([192, 0, 2, 1].into(), 1, at(61)));
        assert_eq!(pace.full_at.len(), 1);
    }
}
