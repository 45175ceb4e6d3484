//! The door for messages that come from another mail system, with all that they were there.

use crate::incoming::Received;
use crate::receive::AppendTo;
use mailstore::{Account, Append, Comes, Error, Import, NewEmail, Outcome, SourceId};
use std::future::Future;
use std::sync::Arc;
use store::Bytes;

/// Puts a message where it belongs, with its flags and date: it passes no station, gets no trace, and nothing of it is mended.
/// Of one `source` there is one message, however often it is imported, but for what [`Comes`] says. It is queued when this is called, so that messages keep
/// the order they come in.
pub fn import(
    account: &Arc<Account>,
    to: AppendTo,
    (source, comes): (SourceId, Comes),
    received: Received,
) -> impl Future<Output = Result<Outcome, Error>> + Send + use<> {
    let AppendTo { mailbox, flags, internal_date, quota } = to;
    let email = NewEmail { prefix: Bytes::new(), body: received.body, scanned: received.scanned };
    let append = Append { mailbox, email, flags, internal_date, quota, delivery: None, beside: Vec::new() };
    account.import(Import { append, source, comes })
}
