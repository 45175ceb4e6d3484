//! What a submission agent looks at beyond SMTP (RFC 6409): as whom one sends, and what the header lacks.

use crate::incoming::Mend;
use crate::receive::Post;
use ::smtp::Reply;
use directory::Account;
use message::submission::Fixups;
use model::{Address, Domain, QueueId, ReversePath, Timestamp};
use std::sync::Arc;

/// Whether the account may use this reverse path. `<>` is what receipts are sent with (RFC 8098 §3).
pub(crate) fn check_sender(post: &Post, account: &Account, reverse_path: &ReversePath) -> Result<(), Reply> {
    match reverse_path {
        ReversePath::Address(address) if !post.directory.may_send_as(account, address) => {
            let text = format!(
                "you are signed in as {}, to whom the address {address} does not belong; send with your own address, \
                 or ask the postmaster for an alias",
                account.address
            );
            Err(Reply::new(553, (5, 7, 1), text))
        }
        _ => Ok(()),
    }
}

/// How the header of a message from `account` is mended.
pub(crate) fn mend(post: &Arc<Post>, account: &Arc<Account>, host: &Domain, id: QueueId, now: Timestamp) -> Mend {
    let (post, account) = (post.clone(), account.clone());
    let message_id = format!("<{}@{host}>", crate::fields::queue_name(id));
    Box::new(move |header| {
        let own = |address: &str| {
            address.parse::<Address>().is_ok_and(|address| post.directory.may_send_as(&account, &address))
        };
        let fixups = Fixups::of(header, now, &message_id, &account.address, &own);
        fixups.map(|fixups| fixups.apply(header)).map_err(|error| Reply::new(550, (5, 6, 0), error.to_string()))
    })
}
