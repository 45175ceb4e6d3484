//! What must hold once everything is healed and nothing is on its way.

use crate::disk::{Disk, all_blobs};
use crate::facts::Member;
use crate::ledger::{Fate, Ledger};
use crate::letter::{Found, Goal, recognise};
use crate::scene::Scene;
use crate::server::{account_address, queue_policy, quota};
use mailstore::{Account, Expunge, Leaving, MailboxRecord, check, check_links};
use mta::{Post, QueuePolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Cell, Space};

/// The queue's runner, housekeeping, and whatever is just about to end.
pub const TASKS_AT_REST_MAX: usize = 4;
/// Octets that a conversation may want to say at once: IMAP's buffer with a literal's piece.
const OUTPUT_OCTETS_MAX: usize = 512 << 10;

/// Deliveries that the queue tries at once, quick and slow ones, with their connections.
const ATTEMPTS_MAX: usize = 1200;

/// What is in the mailboxes.
#[derive(Default)]
struct Mail {
    /// Copies of letters.
    copies: BTreeMap<(u64, usize), u32>,
    /// Messages, by their UIDs.
    members: BTreeSet<Member>,
    /// Reports of failure: letter, and whom it did not reach.
    reports: BTreeSet<(u64, String)>,
}

fn account(scene: &Scene, post: &Arc<Post>, number: usize) -> Arc<Account> {
    let address = account_address(number).parse().unwrap();
    let id = post.directory.account(&address).expect("it is declared").id;
    scene.world().block_on(post.mailstore.account(id)).expect("all is healed")
}

/// Judges everything.
pub fn judge(scene: &Scene, disk: &Disk, post: &Arc<Post>) {
    let mut mail = Mail::default();
    // First what people miss, then why: of very many violations only the first are told.
    for number in 0..scene.plan().accounts {
        let account = account(scene, post, number);
        read(scene, number, &account, &mut mail);
        let wrong = scene.ledger().names.differences(number, &account.mailboxes());
        wrong.into_iter().for_each(|wrong| scene.violation(wrong));
    }
    copies_are_there(scene, &mail);
    for number in 0..scene.plan().accounts {
        let account = account(scene, post, number);
        let violations = scene.world().block_on(check(&disk.rows, account.id())).expect("rows can be read");
        violations.iter().for_each(|wrong| scene.violation(format!("account {number}: {wrong}")));
    }
    let links = scene.world().block_on(check_links(&disk.rows, &disk.blobs)).expect("rows can be read");
    links.iter().for_each(|wrong| scene.violation(wrong.to_string()));
    queue_is_over(scene, disk);
    blobs_are_named(scene, disk);
    fates(scene, &mail);
    let (in_flight, (output_octets, tasks)) = {
        let ledger = scene.ledger();
        (post.in_flight.octets(), (ledger.output_octets_max, ledger.tasks_max))
    };
    let tasks_max = 2 * (scene.plan().crowd() + scene.plan().accounts) + ATTEMPTS_MAX;
    if tasks > tasks_max {
        scene.violation(format!("the server had {tasks} tasks, at most {tasks_max} are explained"));
    }
    if in_flight != 0 {
        scene.violation(format!("{in_flight} octets of bodies are reckoned to come in, and none comes"));
    }
    if output_octets > OUTPUT_OCTETS_MAX {
        scene.violation(format!("a conversation held {output_octets} octets to say"));
    }
}

/// Reads all that an account has, and compares it with what clients were told.
fn read(scene: &Scene, number: usize, account: &Arc<Account>, mail: &mut Mail) {
    let (mut emails, mut octets_used) = (BTreeSet::new(), 0);
    for record in account.mailboxes().iter() {
        let place = (number, record.uid_validity.0);
        let view = scene.world().block_on(account.open(record.id)).expect("all is healed");
        judge_view(scene, place, record);
        let ids: Vec<_> = view.iter().map(|(_, member)| member.email).collect();
        let found = scene.world().block_on(account.emails(&ids)).expect("all is healed");
        for ((_, member), email) in view.iter().zip(found) {
            let uid = member.uid.0;
            let Some(email) = email else {
                scene.violation(format!("UID {uid} of {place:?} has no email"));
                continue;
            };
            if emails.insert(email.id) {
                octets_used += email.size_octets();
            }
            let octets = match scene.world().block_on(account.octets(&email, 0..email.size_octets())) {
                Ok(octets) => octets,
                Err(cause) => {
                    scene.violation(format!("UID {uid} of {place:?} cannot be read: {cause}"));
                    continue;
                }
            };
            let mut flags: Vec<&str> = view.keywords.names(member.flags).collect();
            flags.sort_unstable();
            let flags = scene.ledger().facts.flags((place, uid), member.modseq.0, &flags.join(" "));
            flags.unwrap_or_else(|wrong| scene.violation(wrong));
            let there = scene.ledger().facts.there((place, uid), member.modseq.0, u64::MAX);
            there.unwrap_or_else(|wrong| scene.violation(wrong));
            mail.members.insert((place, uid));
            one(scene, (number, place, uid), &octets, mail);
        }
    }
    let usage = account.usage();
    if (usage.octets, usage.messages) != (octets_used, emails.len() as u64) {
        let is = (octets_used, emails.len());
        scene.violation(format!("account {number} is said to use {usage:?}, and uses {is:?}"));
    }
}

fn judge_view(scene: &Scene, place: (usize, u32), record: &MailboxRecord) {
    let mut ledger = scene.ledger();
    let floor = ledger.facts.floor(place);
    let opened = ledger.facts.opened(place, record.uid_next.0, record.highest_modseq.0, floor);
    drop(ledger);
    opened.unwrap_or_else(|wrong| scene.violation(wrong));
}

/// A message in a mailbox: a letter as it was sent, or a report.
fn one(scene: &Scene, (account, place, uid): (usize, (usize, u32), u32), octets: &[u8], mail: &mut Mail) {
    let mut ledger = scene.ledger();
    match recognise(octets) {
        Found::Letter(tag) => {
            *mail.copies.entry((tag, account)).or_default() += 1;
            let same = ledger.letter(tag).is_some_and(|letter| octets.ends_with(&letter.octets));
            let known = ledger.facts.message(place, uid, &crate::letter::message_id(tag));
            drop(ledger);
            if !same {
                scene.violation(format!("letter {tag} in account {account} is not what was sent"));
            }
            known.unwrap_or_else(|wrong| scene.violation(wrong));
        }
        Found::Failure(tag, failed) => mail.reports.extend(failed.into_iter().map(|to| (tag, to))),
        Found::Other => {}
    }
}

/// Each copy that was acknowledged is there, unless a client took it away.
fn copies_are_there(scene: &Scene, mail: &Mail) {
    let ledger = scene.ledger();
    let promised = ledger.promised.difference(&ledger.doomed);
    let lost: Vec<Member> = promised.filter(|member| !mail.members.contains(member)).copied().collect();
    drop(ledger);
    for (place, uid) in lost {
        scene.violation(format!("UID {uid} of {place:?} was acknowledged, and nobody took it away"));
    }
}

/// Of a letter to one of us.
const LOST: &str = "is lost";
/// Of a letter to somebody elsewhere.
const UNTOLD: &str = "is lost, and nobody was told";

/// Whoever was promised a letter has it, or its sender knows; nobody has it oftener than there is a reason for.
fn fates(scene: &Scene, mail: &Mail) {
    let ledger = scene.ledger();
    let QueuePolicy { lifetime, report_lifetime, .. } = queue_policy();
    // A clock that went so far ahead may have ended the message's time, and then that of its report.
    let outlived = scene.set_forth() >= lifetime + report_lifetime;
    let mut wrong = Vec::new();
    let strangers =
        mail.copies.keys().filter(|(tag, account)| !ledger.fates.contains_key(&(*tag, Goal::Account(*account))));
    wrong.extend(
        strangers.map(|(tag, account)| format!("letter {tag} is in account {account}, and was not sent there")),
    );
    for ((tag, goal), fate) in &ledger.fates {
        let told = fate.names.iter().any(|name| {
            let report = (*tag, name.clone());
            mail.reports.contains(&report) || ledger.reports.contains(&report)
        });
        let story = match goal {
            Goal::Account(account) => {
                let copies = mail.copies.get(&(*tag, *account)).copied().unwrap_or_default();
                // One of us has to be waited for only while the mailbox is full.
                let outlived = outlived && quota(scene, *account).octets.is_some();
                here(fate, copies, told).filter(|story| story != LOST || !outlived)
            }
            Goal::Foreign(address) => {
                elsewhere(&ledger, *tag, address, fate, mail).filter(|story| story != UNTOLD || !outlived)
            }
        };
        wrong.extend(story.map(|story| format!("letter {tag} to {goal:?} {story}: {fate:?}")));
    }
    drop(ledger);
    wrong.into_iter().for_each(|wrong| scene.violation(wrong));
}

fn here(fate: &Fate, copies: u32, told: bool) -> Option<String> {
    let most = fate.acked + fate.doubt + if fate.acked + fate.doubt > 0 { fate.copied } else { 0 };
    if copies == 0 && fate.acked > 0 && !fate.doomed && !told {
        return Some(LOST.into());
    }
    (copies > most).then(|| format!("is there {copies} times, at most {most} are explained"))
}

fn elsewhere(ledger: &Ledger, tag: u64, address: &str, fate: &Fate, mail: &Mail) -> Option<String> {
    let takes = ledger.takes.get(&(tag, address.to_owned()));
    let ids: BTreeSet<&str> = takes.into_iter().flatten().map(|take| take.queue_id.as_str()).collect();
    let report = (tag, address.to_owned());
    let told = mail.reports.contains(&report) || ledger.reports.contains(&report);
    if ids.is_empty() && fate.acked > 0 && !told {
        return Some(UNTOLD.into());
    }
    let most = (fate.acked + fate.doubt) as usize;
    (ids.len() > most).then(|| format!("was sent as {ids:?}, at most {most} are explained"))
}

/// What is left of the queue is its lease.
fn queue_is_over(scene: &Scene, disk: &Disk) {
    let cell = Cell::new(b"q/0".as_slice());
    let rows = disk.rows.rows(Space::Rows, &cell);
    let left: Vec<char> = rows.iter().filter_map(|(key, _)| key.first()).map(|kind| char::from(*kind)).collect();
    if left != ['L'] {
        scene.violation(format!("rows of the queue that nobody will ever touch: {left:?}"));
    }
    let bodies = disk.rows.rows(Space::Bodies, &cell).len();
    if bodies > 0 {
        scene.violation(format!("{bodies} bodies of the queue that nobody will ever read"));
    }
}

/// Every blob that is still there is named by somebody.
fn blobs_are_named(scene: &Scene, disk: &Disk) {
    for blob in all_blobs(disk) {
        let (cell, _) = mailstore::queue_link(blob, model::QueueId(0));
        if disk.rows.rows(Space::Rows, &cell).is_empty() {
            scene.violation(format!("nobody names blob {blob}, and it is still there"));
        }
    }
}

/// Every message is removed.
pub fn take_all_away(scene: &Scene, post: &Arc<Post>) {
    for number in 0..scene.plan().accounts {
        let account = account(scene, post, number);
        for record in account.mailboxes().iter() {
            let view = scene.world().block_on(account.open(record.id)).expect("all is healed");
            let uids = view.iter().map(|(_, member)| member.uid).collect();
            let expunge = Expunge { mailbox: record.id, uids, leaving: Leaving::Any };
            scene.world().block_on(account.expunge(expunge)).expect("all is healed");
        }
        let usage = account.usage();
        if (usage.octets, usage.messages) != (0, 0) {
            scene.violation(format!("account {number} is empty and uses {usage:?}"));
        }
    }
}

/// No octet of a message is left on the disk.
pub fn nothing_left(scene: &Scene, disk: &Disk) {
    let blobs = all_blobs(disk).len();
    if blobs > 0 {
        scene.violation(format!("{blobs} blobs are left, and no message"));
    }
    let bodies = disk.rows.cells(Space::Bodies).len();
    let links = disk.rows.cells(Space::Rows).iter().filter(|cell| cell.as_bytes().first() == Some(&b'b')).count();
    if bodies + links > 0 {
        scene.violation(format!("bodies in {bodies} cells and links of {links} blobs are left, and no message"));
    }
}

/// Letters that arrived, by goal; and how many of them a fault had a hand in.
pub fn arrived(ledger: &Ledger) -> (u64, u64) {
    let arrived = ledger.fates.iter().filter(|((tag, goal), fate)| match goal {
        Goal::Account(_) => fate.acked > 0,
        Goal::Foreign(address) => ledger.takes.contains_key(&(*tag, address.clone())),
    });
    arrived.fold((0, 0), |(all, touched), (_, fate)| (all + 1, touched + u64::from(fate.touched)))
}
