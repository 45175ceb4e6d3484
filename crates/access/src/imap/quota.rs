//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1): one quota root for all mailboxes of an account, if it has a quota.

use super::client::Client;
use super::out::Out;
use super::running::Outcome;
use imap::response::{self, QuotaResource};
use imap::{Answer, Code, MailboxName};
use mailstore::{Account, Usage};
use model::Quota;

/// The name of the one quota root.
const ROOT: &str = "";
/// What STORAGE is counted in (RFC 9208 §5.1).
const STORAGE_OCTETS: u64 = 1024;

/// Tells what a quota root allows, and what is used of it.
pub(crate) fn get_quota(client: &Client, root: &str, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let resources = resources(&account, &client.quota());
    if root != ROOT || resources.is_empty() {
        return Err(Answer::no("there is no such quota root").code(Code::NonExistent).into());
    }
    response::quota(out, ROOT, &resources);
    Ok(Answer::ok("that is the quota"))
}

/// Tells the quota roots of a mailbox, which need not exist, and what they allow.
pub(crate) fn get_quota_root(client: &Client, mailbox: &MailboxName, out: &mut Out) -> Outcome {
    let account = client.account()?;
    let resources = resources(&account, &client.quota());
    // RFC 9208 §7 `quota-list` cannot be empty: a root that limits nothing is none.
    let roots: &[&str] = if resources.is_empty() { &[] } else { &[ROOT] };
    response::quota_root(out, mailbox, roots, client.name_form());
    if !resources.is_empty() {
        response::quota(out, ROOT, &resources);
    }
    Ok(Answer::ok("those are the quota roots"))
}

/// Quotas are the administrator's: QUOTASET is not advertised.
pub(crate) fn set_quota() -> Outcome {
    Err(Answer::no("quotas are set by the administrator").code(Code::NoPerm).into())
}

/// What is limited. Halves of a unit count as whole ones.
fn resources(account: &Account, quota: &Quota) -> Vec<QuotaResource> {
    let Usage { octets, messages } = account.usage();
    let units = |octets: u64| octets.div_ceil(STORAGE_OCTETS);
    let storage =
        quota.octets.map(|limit| QuotaResource { name: "STORAGE", usage: units(octets), limit: units(limit) });
    let message = quota.messages.map(|limit| QuotaResource { name: "MESSAGE", usage: messages, limit });
    storage.into_iter().chain(message).collect()
}
