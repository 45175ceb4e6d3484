//! Mail as it lies in an account, for whoever takes it out.

use super::accounts::address;
use super::protocol::Trouble;
use super::server::{Exchange, Fault, Office};
use super::transfer::{KnownItem, MailboxItem, MemberItem, Source};
use super::when::When;
use crate::language::both;
use mailstore::{Account, Email, Error, Member, SourceId, View};
use model::{AccountId, Uid};
use std::sync::Arc;

/// Octets read at once, and sent before more are read.
const PIECE_OCTETS: u64 = 64 << 10;
/// Messages asked for at once: their rows are read together.
pub const MESSAGES_AT_ONCE_MAX: usize = 1000;
/// Sources asked about at once.
pub const SOURCES_AT_ONCE_MAX: usize = 10_000;

/// Whose account, and what it may hold.
pub async fn account_of(office: &Office, text: &str) -> Result<(Arc<Account>, model::Quota), Fault> {
    let address = address(text)?;
    let person = office
        .post
        .directory
        .account(&address)
        .ok_or_else(|| {
            both!(
                "there is no account {address}; see: postamt account list",
                "es gibt kein Konto {address}; siehe: postamt account list"
            )
        })
        .map_err(Trouble::not_found)?;
    let account = office.post.mailstore.account(person.id).await.map_err(Trouble::failed)?;
    Ok((account, person.quota))
}

/// Whose account, also one that has no address any more, by its number.
async fn mail_of(office: &Office, text: &str) -> Result<Arc<Account>, Fault> {
    let Ok(number) = text.parse() else { return Ok(account_of(office, text).await?.0) };
    let mailstore = &office.post.mailstore;
    if !mailstore.has(AccountId(number)).await.map_err(Trouble::failed)? {
        return Err(Trouble::not_found(both!(
            "no account has the number {number}",
            "kein Konto hat die Nummer {number}"
        ))
        .into());
    }
    Ok(mailstore.account(AccountId(number)).await.map_err(Trouble::failed)?)
}

pub async fn mailboxes(office: &Office, address: &str, to: &mut Exchange) -> Result<(), Fault> {
    let account = mail_of(office, address).await?;
    let mailboxes = account.mailboxes();
    for mailbox in mailboxes.iter() {
        let item = MailboxItem {
            name: mailbox.name.to_string(),
            account: account.id().0,
            special_use: mailbox.special_use.map(|special_use| special_use.attribute().to_owned()),
            uid_validity: mailbox.uid_validity.0,
            messages: mailbox.messages,
            size_octets: mailbox.size_octets,
            subscribed: mailboxes.is_subscribed(&mailbox.name),
            message_octets_max: office.import_octets_max(),
        };
        to.item(&item).await?;
    }
    Ok(())
}

/// Messages of a mailbox; with `read` each is read to its end, and told why it cannot be.
pub async fn messages(
    office: &Office,
    (address, mailbox): (&str, &str),
    read: bool,
    to: &mut Exchange,
) -> Result<(), Fault> {
    let account = mail_of(office, address).await?;
    let view = view(&account, mailbox).await?;
    let members: Vec<Member> = view.iter().map(|(_, member)| member).collect();
    for some in members.chunks(MESSAGES_AT_ONCE_MAX) {
        let ids: Vec<_> = some.iter().map(|member| member.email).collect();
        let emails = if read { account.emails(&ids).await.map_err(Trouble::failed)? } else { Vec::new() };
        let mut emails = emails.into_iter();
        for member in some {
            let trouble = if read { unread(&account, member, emails.next().flatten()).await } else { None };
            let trouble = trouble.map(|error| to.told(&error));
            to.item(&MemberItem { trouble, ..item(&view, member) }).await?;
        }
    }
    Ok(())
}

/// Why a message cannot be read.
async fn unread(account: &Arc<Account>, member: &Member, email: Option<Email>) -> Option<Error> {
    let Some(email) = email else { return Some(Error::BodyMissing(member.email)) };
    let (size, mut at) = (email.size_octets(), 0);
    while at < size {
        match account.octets(&email, at..size.min(at + PIECE_OCTETS)).await {
            Ok(piece) if piece.is_empty() => return Some(Error::BodyMissing(email.id)),
            Ok(piece) => at += piece.len() as u64,
            Err(error) => return Some(error),
        }
    }
    None
}

/// Messages with their octets; those that are gone meanwhile are left out.
pub async fn read(office: &Office, address: &str, mailbox: &str, uids: &[u32], to: &mut Exchange) -> Result<(), Fault> {
    if uids.len() > MESSAGES_AT_ONCE_MAX {
        return Err(Trouble::wrong(both!(
            "at most {MESSAGES_AT_ONCE_MAX} messages at once",
            "höchstens {MESSAGES_AT_ONCE_MAX} Nachrichten auf einmal"
        ))
        .into());
    }
    let account = mail_of(office, address).await?;
    let view = view(&account, mailbox).await?;
    let members: Vec<Member> = uids.iter().filter_map(|uid| view.by_uid(Uid(*uid))).collect();
    let ids: Vec<_> = members.iter().map(|member| member.email).collect();
    let emails = account.emails(&ids).await.map_err(Trouble::failed)?;
    for (member, email) in members.into_iter().zip(emails) {
        let Some(email) = email else { continue };
        message(&account, item(&view, &member), &email, to).await?;
    }
    Ok(())
}

/// The first piece is read before any octet is promised: a body that is lost is told, and the next message goes on.
async fn message(account: &Arc<Account>, item: MemberItem, email: &Email, to: &mut Exchange) -> Result<(), Fault> {
    let size = email.size_octets();
    let mut piece = match account.octets(email, 0..PIECE_OCTETS.min(size)).await {
        Ok(piece) if !piece.is_empty() || size == 0 => piece,
        Ok(_) => return lost(item, &Error::BodyMissing(email.id), to).await,
        Err(error) => return lost(item, &error, to).await,
    };
    to.item(&MemberItem { size_octets: size, ..item }).await?;
    let mut sent = 0;
    loop {
        sent += piece.len() as u64;
        to.octets(&piece).await?;
        if sent >= size {
            return Ok(());
        }
        piece = account.octets(email, sent..size.min(sent + PIECE_OCTETS)).await.map_err(broken)?;
        if piece.is_empty() {
            return Err(broken(Error::BodyMissing(email.id)));
        }
    }
}

async fn lost(item: MemberItem, error: &Error, to: &mut Exchange) -> Result<(), Fault> {
    to.item(&MemberItem { size_octets: 0, trouble: Some(to.told(error)), ..item }).await
}

/// Octets were promised that do not come: nothing but the end of the connection tells that.
fn broken(error: Error) -> Fault {
    Fault::Lost(std::io::Error::other(error))
}

/// Which sources messages came from before.
pub async fn known(office: &Office, address: &str, sources: &[Source]) -> Result<KnownItem, Fault> {
    if sources.len() > SOURCES_AT_ONCE_MAX {
        return Err(Trouble::wrong(both!(
            "at most {SOURCES_AT_ONCE_MAX} sources at once",
            "höchstens {SOURCES_AT_ONCE_MAX} Herkünfte auf einmal"
        ))
        .into());
    }
    let (account, _) = account_of(office, address).await?;
    let sources: Vec<SourceId> = sources.iter().map(|source| SourceId(source.0)).collect();
    Ok(KnownItem { known: account.imported(&sources).await.map_err(Trouble::failed)? })
}

async fn view(account: &Arc<Account>, name: &str) -> Result<Arc<View>, Fault> {
    let mailbox = account.mailboxes().named(name).map(|mailbox| mailbox.id);
    let missing = || Trouble::not_found(both!("there is no mailbox \"{name}\"", "es gibt keinen Ordner \"{name}\""));
    Ok(account.open(mailbox.ok_or_else(missing)?).await.map_err(Trouble::failed)?)
}

fn item(view: &View, member: &Member) -> MemberItem {
    MemberItem {
        uid: member.uid.0,
        email: member.email.0,
        flags: view.keywords.names(member.flags).map(str::to_owned).collect(),
        date: When(member.internal_date),
        size_octets: member.size_octets,
        trouble: None,
    }
}
