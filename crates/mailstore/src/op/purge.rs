//! What was deleted goes for good: because it is old, because it is much, or because somebody says so.

use crate::Usage;
use crate::error::Error;
use crate::gone::{self, Was, weight};
use crate::lane::Operation;
use crate::op::expunge::places_of;
use crate::rows::{self, Departure};
use crate::view::Member;
use crate::working::{Working, row_error};
use model::Timestamp;
use store::Bytes;

/// Departures that go in one step.
pub(crate) const PURGE_STEP: usize = 1000;

/// The oldest go.
pub(crate) struct Purge {
    /// Those from before this.
    pub before: Timestamp,
    /// And others, until what is kept weighs no more than this.
    pub weight_max: Option<u64>,
}

/// What went in one step.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Purged {
    /// Emails that ended.
    pub ended: Usage,
    /// Whether there may be more to purge.
    pub more: bool,
}

impl Operation for Purge {
    type Done = Purged;

    fn makes_room(&self) -> bool {
        true
    }

    async fn fold(&self, w: &mut Working) -> Result<Purged, Error> {
        let before = w.head.kept.unwrap_or_default();
        let page = w.scan_page(rows::GONE, None, PURGE_STEP).await?;
        let mut stayed = false;
        for going in going(w, page.rows).await? {
            let heavy = self.weight_max.is_some_and(|max| weight(w.head.kept.unwrap_or_default()) > max);
            if going.departure.at >= self.before && !heavy {
                stayed = true;
                break;
            }
            end(w, going);
        }
        let mailboxes = w.scan_page(rows::DELETED_MAILBOX, None, PURGE_STEP).await?;
        let old = |key: &Bytes| rows::deleted_at(key).map_or(true, |at| at < self.before);
        let due: Vec<_> = mailboxes.rows.iter().map(|(key, _)| key.clone()).take_while(old).collect();
        let more = (page.more && !stayed) || (mailboxes.more && due.len() == mailboxes.rows.len());
        due.into_iter().for_each(|key| w.set_readable(key, None));
        Ok(Purged { ended: lost(before, w), more })
    }
}

/// These go.
pub(crate) struct Erase {
    pub departures: Vec<Departure>,
    /// The rows of deleted mailboxes.
    pub mailboxes: Vec<Bytes>,
}

impl Operation for Erase {
    type Done = Usage;

    fn octets(&self) -> usize {
        size_of_val(self.departures.as_slice()) + size_of_val(self.mailboxes.as_slice())
    }

    fn makes_room(&self) -> bool {
        true
    }

    async fn fold(&self, w: &mut Working) -> Result<Usage, Error> {
        let before = w.head.kept.unwrap_or_default();
        let keys: Vec<_> = self.departures.iter().map(|departure| rows::gone(*departure)).collect();
        let rows = w.rows(&keys).await?;
        let rows = keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect();
        for going in going(w, rows).await? {
            end(w, going);
        }
        self.mailboxes.iter().for_each(|key| w.set_readable(key.clone(), None));
        Ok(lost(before, w))
    }
}

fn lost(before: Usage, w: &Working) -> Usage {
    before.less(w.head.kept.unwrap_or_default())
}

/// A departure that is forgotten.
struct Going {
    key: Bytes,
    departure: Departure,
    /// `None` where its row is damaged: nobody can restore it.
    was: Option<(Member, Option<rows::Places>)>,
}

/// What `rows` say, without those that another operation took before.
async fn going(w: &Working, rows: Vec<(Bytes, Bytes)>) -> Result<Vec<Going>, Error> {
    let mut going = Vec::with_capacity(rows.len());
    for (key, row) in rows {
        if matches!(w.folded(&key), Some(None)) {
            continue;
        }
        let departure = rows::departure_of(&key).map_err(row_error("departure"))?;
        let was = match gone::decode(departure, &row) {
            Ok(member) => Some((member, None)),
            Err(cause) => {
                tracing::error!(event = "departure.damaged", account = %w.account, ?departure, %cause);
                None
            }
        };
        going.push(Going { key, departure, was });
    }
    let members: Vec<Member> = going.iter().filter_map(|going| Some(going.was.as_ref()?.0)).collect();
    let mut places = places_of(w, &members).await?.into_iter();
    for (_, known) in going.iter_mut().filter_map(|going| going.was.as_mut()) {
        *known = places.next().flatten();
    }
    Ok(going)
}

/// Forgets a departure; with its last one an email that has no place ends.
fn end(w: &mut Working, going: Going) {
    let Going { key, departure, was } = going;
    w.set_readable(key, None);
    let Some((member, places)) = was else { return };
    // One that an older program ended has no places.
    let Some(mut places) = gone::current(w, member.email, places) else { return };
    let before = if places.memberships.is_empty() { Was::Kept } else { Was::There };
    places.departures.retain(|other| *other != departure);
    gone::settle(w, member.email, before, &places);
}
