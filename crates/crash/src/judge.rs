//! Opens what a crash left and compares it with what was promised.

use crate::host::{Host, Setting, plain};
use crate::marks::{PLAIN, Reached};
use crate::plan::{ACCOUNTS, Folder, ROWS_KEPT, State, letter, value};
use crate::writer::{account_id, append};
use mailstore::{Account, INBOX_ID, Outcome, Violation, check, check_links};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use store::block_on;
use store::{Query, ReadError, Scan, Space, Store};

/// What is held against a state.
pub struct Promise<'a> {
    /// Whose letters these are.
    pub seed: u64,
    /// How the store is opened.
    pub setting: Setting,
    /// What each account holds after each of its operations.
    pub states: &'a [Vec<State>],
    /// How far all had come.
    pub reached: Reached,
}

/// Numbers of letters that no plan sends: the one that is delivered after the crash, small or large.
const LETTER_AFTER: [u64; 2] = [1_000_001, 1_000_002];

/// All that is wrong with the data folder. `thorough`: it is opened once more, after another delivery.
pub fn judge(data: &Path, promise: &Promise, thorough: bool) -> Vec<String> {
    let host = match Host::open(data, promise.setting) {
        Ok(host) => host,
        Err(text) => return vec![format!("refused: {text}")],
    };
    let mut wrong = sound(&host);
    for number in 0..ACCOUNTS {
        wrong.extend(mail(&host, promise, number));
    }
    wrong.extend(plain_rows(&host, promise));
    let tag = LETTER_AFTER[usize::from(thorough)];
    wrong.extend(deliver(&host, promise.seed, tag).err());
    host.close();
    if thorough && wrong.is_empty() {
        wrong.extend(second_opening(data, promise, tag));
    }
    wrong
}

fn sound(host: &Host) -> Vec<String> {
    let told = |found: Result<Vec<Violation>, mailstore::Error>| match found {
        Ok(violations) => violations.iter().map(|wrong| format!("unsound: {wrong}")).collect(),
        Err(error) => vec![format!("unreadable: {error}")],
    };
    let mut wrong = Vec::new();
    for number in 0..ACCOUNTS {
        wrong.extend(told(block_on(check(&*host.store, account_id(number)))));
    }
    wrong.extend(told(block_on(check_links(&*host.store, &*host.blobs))));
    wrong
}

/// What may be there: all that was answered, and of the rest the first ones.
fn may_be(reached: &Reached, who: usize) -> RangeInclusive<usize> {
    reached.done[who]..=reached.begun[who].max(reached.done[who])
}

fn mail(host: &Host, promise: &Promise, number: usize) -> Vec<String> {
    let account = match block_on(host.mailstore.account(account_id(number))) {
        Ok(account) => account,
        Err(error) => return vec![format!("unreadable: account {number}: {error}")],
    };
    let found = match mailboxes(&account, promise.seed) {
        Ok(found) => found,
        Err(wrong) => return vec![format!("account {number}: {wrong}")],
    };
    let range = may_be(&promise.reached, number);
    let states = &promise.states[number];
    if states[range.clone()].iter().any(|state| state.mailboxes == found) {
        return Vec::new();
    }
    let kind = match states.iter().position(|state| state.mailboxes == found) {
        Some(early) if early < *range.start() => "lost",
        Some(_) => "never sent",
        None => "mixed",
    };
    let (least, most) = (&states[*range.start()].mailboxes, &states[*range.end()].mailboxes);
    vec![format!("{kind}: account {number} holds {found:?}, not from {least:?} to {most:?}")]
}

/// All mailboxes, each letter compared with what was sent.
///
/// # Errors
/// When something cannot be read, or is no letter.
pub fn mailboxes(account: &Arc<Account>, seed: u64) -> Result<BTreeMap<String, Folder>, String> {
    let unreadable = |error: mailstore::Error| format!("unreadable: {error}");
    let mut found = BTreeMap::new();
    for record in account.mailboxes().iter() {
        let view = block_on(account.open(record.id)).map_err(unreadable)?;
        let mut folder = Folder { uid_next: record.uid_next.0, messages: BTreeMap::new() };
        let ids: Vec<_> = view.iter().map(|(_, member)| member.email).collect();
        let emails = block_on(account.emails(&ids)).map_err(unreadable)?;
        for ((_, member), email) in view.iter().zip(emails) {
            let email = email.ok_or_else(|| format!("torn: {} of {} has no email", member.uid, record.name))?;
            let octets = block_on(account.octets(&email, 0..email.size_octets())).map_err(unreadable)?;
            let tag = tag_of(&octets, seed).ok_or_else(|| format!("torn: {} of {}", member.uid, record.name))?;
            let flags = view.keywords.names(member.flags).map(str::to_owned).collect();
            folder.messages.insert(member.uid.0, (tag, flags));
        }
        // Those that every account has from the beginning, and no operation touches.
        let untouched = record.special_use.is_some() && folder.messages.is_empty();
        if !untouched {
            found.insert(record.name.to_string(), folder);
        }
    }
    Ok(found)
}

/// Which letter this is, if it is one to the last octet.
fn tag_of(octets: &[u8], seed: u64) -> Option<u64> {
    let line = octets.split(|octet| *octet == b'\r').next()?;
    let tag = std::str::from_utf8(line).ok()?.strip_prefix("Received: letter ")?.split(' ').next()?.parse().ok()?;
    let letter = letter(seed, tag);
    let same = octets.strip_prefix(letter.prefix.as_bytes()).is_some_and(|body| body == letter.body);
    same.then_some(tag)
}

/// The last batch of plain rows.
///
/// # Errors
/// When it cannot be read.
pub fn plain_head(store: &dyn Store) -> Result<u64, ReadError> {
    let head = block_on(store.read(vec![Query::row(&plain(), "head")]))?.into_row();
    Ok(head.map_or(0, |row| row.as_ref().try_into().map_or(u64::MAX, u64::from_be_bytes)))
}

fn plain_rows(host: &Host, promise: &Promise) -> Vec<String> {
    let mut scan = Query::prefix(&plain(), b"", None, usize::MAX);
    if let Query::Scan(Scan { space, octets_max, .. }) = &mut scan {
        (*space, *octets_max) = (Space::Bodies, usize::MAX);
    }
    let (head, rows) = match (plain_head(&*host.store), block_on(host.store.read(vec![scan]))) {
        (Ok(head), Ok(rows)) => (head, rows.into_page().rows),
        (Err(error), _) | (_, Err(error)) => return vec![format!("unreadable: plain rows: {error}")],
    };
    let range = may_be(&promise.reached, PLAIN);
    if !range.contains(&(head as usize)) {
        let kind = if (head as usize) < *range.start() { "lost" } else { "never sent" };
        return vec![format!("{kind}: plain rows end with {head}, not {range:?}")];
    }
    let wanted =
        (head.saturating_sub(ROWS_KEPT) + 1..=head).map(|n| (n.to_be_bytes().to_vec(), value(promise.seed, n)));
    let found = rows.iter().map(|(key, value)| (key.to_vec(), value.to_vec()));
    if wanted.eq(found) { Vec::new() } else { vec![format!("torn: plain rows of batch {head}")] }
}

fn deliver(host: &Host, seed: u64, tag: u64) -> Result<(), String> {
    let account = block_on(host.mailstore.account(account_id(0))).map_err(|error| format!("unreadable: {error}"))?;
    let append = append(host, (seed, tag), INBOX_ID, &[], None);
    match block_on(account.append(append)) {
        Ok(Outcome::Appended(_)) => Ok(()),
        other => Err(format!("dead: a letter after the crash: {other:?}")),
    }
}

fn second_opening(data: &Path, promise: &Promise, tag: u64) -> Vec<String> {
    let host = match Host::open(data, promise.setting) {
        Ok(host) => host,
        Err(text) => return vec![format!("refused: the second time: {text}")],
    };
    let mut wrong = sound(&host);
    let found = block_on(host.mailstore.account(account_id(0)))
        .map_err(|error| error.to_string())
        .and_then(|account| mailboxes(&account, promise.seed));
    let is_there = |found: &BTreeMap<String, Folder>| found["INBOX"].messages.values().any(|(is, _)| *is == tag);
    match found {
        Ok(found) if is_there(&found) => {}
        Ok(_) => wrong.push("lost: the letter that came after the crash".into()),
        Err(error) => wrong.push(format!("unreadable: the second time: {error}")),
    }
    host.close();
    wrong
}
