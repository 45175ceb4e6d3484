//! Accounts.

use super::protocol::{AccountItem, Done, Password, QuotaSet, Trouble};
use super::server::{Exchange, Fault, Office};
use super::when::When;
use crate::language::{Tell, both};
use directory::{AccountState, Credential, CredentialError, Edit, EditError, Edited, Origin, Quota};
use mailstore::Keeping;
use model::{Address, AddressError};
use tokio::sync::oneshot;

pub async fn list(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    for account in office.post.directory.accounts() {
        let usage = office.post.mailstore.usage(account.id).await.map_err(Trouble::failed)?;
        let kept = office.post.mailstore.kept(account.id).await.map_err(Trouble::failed)?;
        let item = AccountItem {
            address: account.address.to_string(),
            id: account.id.0,
            enabled: account.state == AccountState::Enabled,
            declared: account.origin == Origin::Declared,
            apop: office.post.directory.apop_of(&account.address).unwrap_or_default(),
            messages: usage.messages,
            used_octets: usage.octets,
            deleted_octets: kept.octets,
            quota_octets: account.quota.octets,
            quota_messages: account.quota.messages,
        };
        to.item(&item).await?;
    }
    Ok(())
}

pub async fn add(office: &Office, address: &str, password: Password, quota: Quota) -> Result<Done, Fault> {
    let address = self::address(address)?;
    let credential = hashed(office, password).await?;
    let edited = edit(office, Edit::AddAccount { address, credential, quota }).await?;
    let (Edited::Added(id) | Edited::Returned(id)) = edited else { return Ok(changed(edited)) };
    // A new account's mailboxes are made when it is first looked at: now, so that its owner never finds it without.
    office.post.mailstore.account(id).await.map_err(Trouble::failed)?;
    let back = || {
        both!("it was there before, and finds its mail again", "es war schon einmal da und findet seine Mail wieder")
    };
    let note = matches!(edited, Edited::Returned(_)).then(back);
    Ok(Done { changed: 1, note })
}

pub async fn set(
    office: &Office,
    address: &str,
    password: Option<Password>,
    enabled: Option<bool>,
    quota: Option<QuotaSet>,
) -> Result<Done, Fault> {
    let address = self::address(address)?;
    let credential = match password {
        Some(password) => Some(hashed(office, password).await?),
        None => None,
    };
    let quota = quota.map(|quota| Quota { octets: quota.octets, messages: quota.messages });
    let state = enabled.map(|enabled| if enabled { AccountState::Enabled } else { AccountState::Disabled });
    let had_apop = credential.is_some() && office.post.directory.apop_of(&address) == Some(true);
    let edited = edit(office, Edit::SetAccount { address, credential, quota, state }).await?;
    let off = || {
        both!(
            "APOP is off now; postamt account apop sets a new secret",
            "APOP ist nun abgeschaltet; ein neues Geheimnis setzt: postamt account apop"
        )
    };
    let note = had_apop.then(off);
    let changed = changed(edited);
    Ok(Done { note: changed.note.or(note), ..changed })
}

/// The secret itself is stored: without it APOP cannot be checked (RFC 1939 §7).
pub async fn apop(office: &Office, address: &str, secret: Option<Password>) -> Result<Done, Fault> {
    let (address, secret) = (self::address(address)?, secret.map(|secret| secret.0.into()));
    Ok(changed(edit(office, Edit::SetApop { address, secret }).await?))
}

pub async fn remove(office: &Office, address: &str) -> Result<Done, Fault> {
    let at = office.env.clock.wall();
    let edited = edit(office, Edit::RemoveAccount { address: self::address(address)?, at }).await?;
    let until = When(at + office.kept.time()).short();
    let note = both!(
        "until {until} it can be brought back with its mail: postamt account restore {address}",
        "bis {until} lässt es sich mit seiner Mail zurückholen: postamt account restore {address}"
    );
    Ok(Done { note: Some(note), ..changed(edited) })
}

/// The hash takes tens of milliseconds, which mail does not wait for.
async fn hashed(office: &Office, password: Password) -> Result<Credential, Fault> {
    let (sender, receiver) = oneshot::channel();
    let random = office.env.random.clone();
    office.env.spawn.compute(Box::new(move || {
        // Whoever asked may be gone.
        drop(sender.send(Credential::from_password(password.0.as_bytes(), &*random)));
    }));
    let credential = receiver.await.map_err(|_| {
        Trouble::failed(both!("the password could not be hashed", "das Passwort ließ sich nicht hashen"))
    })?;
    Ok(credential.map_err(|error| match error {
        CredentialError::Password => Trouble::wrong(error),
        error => Trouble::failed(error),
    })?)
}

pub fn address(text: &str) -> Result<Address, Trouble> {
    let wrong = |error: AddressError| both!("\"{text}\": {cause}", "\"{text}\": {cause}", cause = error.tell());
    text.parse().map_err(|error| Trouble::wrong(wrong(error)))
}

pub async fn edit(office: &Office, edit: Edit) -> Result<Edited, Fault> {
    let edited = office.post.directory.edit(edit).await.map_err(|error| match error {
        EditError::UnknownDomain { .. } | EditError::UnknownAccount { .. } | EditError::UnknownAlias { .. } => {
            Trouble::not_found(error)
        }
        EditError::UnknownTarget { .. } | EditError::NotRemoved(_) => Trouble::not_found(error),
        EditError::Rows(_) | EditError::Stopped => Trouble::failed(error),
        error => Trouble::refused(error),
    })?;
    office.reloading.people_changed().await;
    Ok(edited)
}

pub fn changed(edited: Edited) -> Done {
    match edited {
        Edited::Unchanged => Done { changed: 0, note: Some(both!("it is so already", "es ist schon so")) },
        _ => Done { changed: 1, note: None },
    }
}
