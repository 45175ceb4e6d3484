//! Messages by IMAP: read only, many asked for at once, nothing marked as seen.

mod conversation;

use super::link::Link;
use super::remote::Start;
use super::{Afterwards, Errand};
use crate::admin::transfer::Source;
use crate::import::letter::Letter;
use crate::import::names::{self, Foreign, Naming};
use crate::language::say;
use ::imap::NumberSet;
use ::imap::client::{Listed, Octets, Response};
use conversation::Conversation;
use mailstore::SpecialUse;
use model::Timestamp;
use std::collections::{HashMap, VecDeque};

/// Messages asked for by one command, and their octets.
const GROUP_MESSAGES_MAX: usize = 100;
const GROUP_OCTETS_MAX: u64 = 4 << 20;
/// Commands sent before the first is answered.
const PIPELINE: usize = 3;
/// Longest set of UIDs in one command.
const SET_RANGES_MAX: usize = 500;

/// Which mailboxes, and what they become.
pub struct Choice<'a> {
    /// Only these; none: all.
    pub mailboxes: &'a [String],
    pub ours: &'a [(String, SpecialUse)],
    pub naming: Naming,
    pub into: Option<&'a str>,
}

/// Fetches; returns how many mailboxes were looked into.
///
/// # Errors
/// Why it ended before its end. What was sent to our server by then stays.
pub async fn fetch(errand: &mut Errand<'_>, link: Link, password: &str, choice: &Choice<'_>) -> Result<usize, String> {
    let mut there = Conversation::begin(link, errand.remote.start == Start::Implicit, errand.octets_max).await?;
    there.login(&errand.remote.user, password).await?;
    let listed = chosen(there.list().await?, choice, errand)?;
    let foreign: Vec<Foreign> = listed.iter().map(foreign).collect();
    let targets = names::plan(&foreign, choice.ours, choice.naming, choice.into);
    for (listed, target) in listed.iter().zip(&targets) {
        errand.uplink.mailbox(target)?;
        match mailbox(errand, &mut there, listed, target).await {
            Ok(()) => {}
            Err(Trouble::Mailbox(cause)) => {
                errand.uplink.trouble(say!("mailbox {name}", "Ordner {name}", name = listed.name), cause)
            }
            Err(Trouble::All(cause)) => return Err(cause),
        }
    }
    there.logout().await;
    Ok(listed.len())
}

/// What ends a mailbox, and what ends everything.
enum Trouble {
    Mailbox(String),
    All(String),
}

impl From<String> for Trouble {
    fn from(cause: String) -> Trouble {
        Trouble::All(cause)
    }
}

/// The mailboxes that have messages and are wanted. Views over all mailboxes have none of their own.
fn chosen(listed: Vec<Listed>, choice: &Choice<'_>, errand: &Errand<'_>) -> Result<Vec<Listed>, String> {
    let is = |listed: &Listed, name: &String| listed.name == *name || foreign(listed).name.eq_ignore_ascii_case(name);
    if let Some(missing) = choice.mailboxes.iter().find(|name| !listed.iter().any(|listed| is(listed, name))) {
        let there: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        let (remote, there) = (errand.remote, there.join(", "));
        return Err(say!(
            "{remote} has no mailbox \"{missing}\"; it has: {there}",
            "{remote} hat keinen Ordner \"{missing}\"; vorhanden sind: {there}"
        ));
    }
    let wanted = |listed: &Listed| match choice.mailboxes {
        [] => !["\\Flagged", "\\Important"].iter().any(|view| listed.is(view)),
        names => names.iter().any(|name| is(listed, name)),
    };
    let selectable = |listed: &Listed| !listed.is("\\Noselect") && !listed.is("\\NonExistent");
    Ok(listed.into_iter().filter(|listed| selectable(listed) && wanted(listed)).collect())
}

fn foreign(listed: &Listed) -> Foreign {
    let name = match listed.delimiter {
        Some(delimiter) if delimiter != '/' => listed.name.replace(delimiter, "/"),
        _ => listed.name.clone(),
    };
    let special_use = SpecialUse::ALL.into_iter().find(|known| listed.is(known.attribute()));
    Foreign { name, special_use }
}

/// What is known of a message before it is fetched.
struct Known {
    uid: u32,
    source: Source,
    flags: Vec<String>,
    date: Option<Timestamp>,
    size_octets: u64,
}

async fn mailbox(
    errand: &mut Errand<'_>,
    there: &mut Conversation,
    listed: &Listed,
    target: &str,
) -> Result<(), Trouble> {
    let writes = errand.afterwards == Afterwards::Delete;
    let (uid_validity, exists) = there.select(&listed.wire, writes).await?.map_err(Trouble::Mailbox)?;
    if exists == 0 {
        return Ok(());
    }
    let all = messages(errand, there, listed, uid_validity).await?;
    let sources: Vec<Source> = all.iter().map(|message| message.source).collect();
    let known = errand.known(&sources)?;
    let (mut deletable, mut new): (Vec<u32>, VecDeque<Known>) = (Vec::new(), VecDeque::new());
    for (message, known) in all.into_iter().zip(known) {
        if known {
            deletable.push(message.uid);
        } else if message.size_octets > errand.octets_max {
            let place = format!("{}, UID {}", listed.name, message.uid);
            let cause = super::too_large(message.size_octets, errand.octets_max);
            errand.uplink.trouble(place, cause);
        } else {
            new.push_back(message);
        }
    }
    errand.uplink.known(deletable.len() as u64);
    let mut sent = bodies(errand, there, listed, target, new).await?;
    for lost in errand.uplink.settle()? {
        sent.remove(&lost);
    }
    if writes {
        deletable.extend(sent.into_values());
        delete(there, &deletable.into_iter().collect()).await?;
    }
    Ok(())
}

/// Everything but the octets of the messages of a mailbox.
async fn messages(
    errand: &Errand<'_>,
    there: &mut Conversation,
    listed: &Listed,
    uid_validity: u32,
) -> Result<Vec<Known>, String> {
    let mut all = Vec::new();
    let tag = there.send("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)").await?;
    there
        .answered(&tag, |response, _| {
            if let Response::Fetch(fetched) = response
                && let (Some(uid), Some(flags)) = (fetched.uid, fetched.flags)
            {
                let parts: [&[u8]; 3] = [&listed.wire, &uid_validity.to_be_bytes(), &uid.to_be_bytes()];
                all.push(Known {
                    uid,
                    source: errand.remote.source(&parts),
                    flags: flags.into_iter().filter(|flag| !flag.eq_ignore_ascii_case("\\Recent")).collect(),
                    date: fetched.internal_date,
                    size_octets: fetched.size_octets.unwrap_or(0),
                });
            }
            Ok(())
        })
        .await?;
    all.sort_by_key(|message| message.uid);
    all.dedup_by_key(|message| message.uid);
    Ok(all)
}

/// Fetches messages and gives them to our server; the numbers they have there, and their UIDs.
async fn bodies(
    errand: &mut Errand<'_>,
    there: &mut Conversation,
    listed: &Listed,
    target: &str,
    mut new: VecDeque<Known>,
) -> Result<HashMap<u64, u32>, String> {
    let (mut sent, mut waiting) = (HashMap::new(), HashMap::<u32, Known>::new());
    let mut asked: Vec<(::imap::Tag, Vec<u32>)> = Vec::new();
    loop {
        while asked.len() < PIPELINE && !new.is_empty() {
            let group = group(&mut new);
            let set: NumberSet = group.iter().map(|message| message.uid).collect();
            // PEEK, so that nothing is marked as seen (RFC 9051 §6.4.5).
            let tag = there.send(&format!("UID FETCH {set} (BODY.PEEK[])")).await?;
            asked.push((tag, group.iter().map(|message| message.uid).collect()));
            waiting.extend(group.into_iter().map(|message| (message.uid, message)));
        }
        if asked.is_empty() {
            return Ok(sent);
        }
        let tags: Vec<&::imap::Tag> = asked.iter().map(|(tag, _)| tag).collect();
        let uplink = &mut errand.uplink;
        // Servers may carry out such commands side by side (RFC 9051 §5.5).
        let (done, refused) = there
            .any_answered(&tags, |response, body| {
                let Some((uid, octets)) = whole(response, body) else { return Ok(()) };
                let Some(known) = waiting.remove(&uid) else { return Ok(()) };
                let place = format!("{}, UID {uid}", listed.name);
                let letter = Letter { place, octets, flags: known.flags, date: known.date };
                sent.insert(uplink.send(target, known.source, letter)?, uid);
                Ok(())
            })
            .await?;
        let (_, uids) = asked.swap_remove(done);
        for uid in uids.into_iter().filter(|uid| waiting.remove(uid).is_some()) {
            let cause = refused
                .clone()
                .unwrap_or_else(|| say!("start again to ask once more", "ein neuer Start fragt noch einmal"));
            let cause = say!("the server did not send it: {cause}", "der Server hat sie nicht geschickt: {cause}");
            errand.uplink.trouble(format!("{}, UID {uid}", listed.name), cause);
        }
    }
}

/// A message's UID and octets, if that is what a response brings.
fn whole(response: Response, body: &mut Vec<u8>) -> Option<(u32, Vec<u8>)> {
    let Response::Fetch(fetched) = response else { return None };
    let section = fetched.sections.into_iter().find(|section| section.section.is_empty())?;
    match section.octets {
        Octets::Streamed(_) => Some((fetched.uid?, std::mem::take(body))),
        Octets::Here(octets) => Some((fetched.uid?, octets)),
        Octets::Nil => None,
    }
}

/// The next messages, as many as one command asks for.
fn group(new: &mut VecDeque<Known>) -> Vec<Known> {
    let (mut group, mut octets) = (Vec::new(), 0_u64);
    while let Some(next) = new.front() {
        octets += next.size_octets;
        if group.len() >= GROUP_MESSAGES_MAX || (octets > GROUP_OCTETS_MAX && !group.is_empty()) {
            break;
        }
        group.extend(new.pop_front());
    }
    group
}

/// Deletes just these messages; where the server cannot (RFC 4315 §2.1), they are only marked.
async fn delete(there: &mut Conversation, uids: &NumberSet) -> Result<(), String> {
    let ranges: Vec<(u32, u32)> = uids.ranges().collect();
    for ranges in ranges.chunks(SET_RANGES_MAX) {
        let set: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}:{last}")).collect();
        let set = set.join(",");
        there.done(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)")).await?;
        if there.can("UIDPLUS") || there.can("IMAP4rev2") {
            there.done(&format!("UID EXPUNGE {set}")).await?;
        }
    }
    Ok(())
}
