//! A SEARCH key made ready: numbers and flags resolved, strings folded.

use super::facts::Facts;
use super::pace::Pace;
use crate::imap::numbers::Numbers;
use crate::imap::object_id;
use crate::imap::selected::Selected;
use env::BoxFuture;
use futures_util::FutureExt;
use imap::command::{CHARSETS, Numbering, SearchKey};
use imap::{Answer, Code, Date};
use mailstore::FlagBits;
use message::text::folded;
use model::{EmailId, Flag, ModSeq, ThreadId};
use std::ops::Range;

/// A condition on a message. It is as deep as the key, which the grammar bounds (`imap::limits::SEARCH_DEPTH_MAX`).
pub(super) enum Condition {
    Always(bool),
    And(Vec<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Numbers(Numbers),
    Flag(FlagBits),
    /// Internal date, in days.
    Received(Range<i64>),
    /// Date field, in days.
    Sent(Range<i64>),
    /// Internal date, in whole seconds (RFC 5032 §2).
    ReceivedAt(Range<i64>),
    /// Save date, in days.
    Saved(Range<i64>),
    Email(EmailId),
    Thread(ThreadId),
    Larger(u64),
    Smaller(u64),
    /// Changed at this mod-sequence or later.
    ModSeq(ModSeq),
    /// A field of the envelope.
    Envelope(EnvelopeField, String),
    Header {
        field: String,
        value: String,
    },
    Body(String),
    Text(String),
}

/// Fields that the envelope answers without a look at the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EnvelopeField {
    From,
    To,
    Cc,
    Bcc,
    Subject,
}

impl EnvelopeField {
    /// How many there are.
    pub const COUNT: usize = EnvelopeField::Subject as usize + 1;
}

impl Condition {
    /// What `key` means to this client.
    pub fn new(key: &SearchKey, selected: &Selected) -> Result<Condition, Answer<'static>> {
        let envelope = |field, value: &str| Condition::Envelope(field, folded(value));
        Ok(match key {
            SearchKey::UnknownCharset => {
                return Err(Answer::no("charset not supported").code(Code::BadCharset(&CHARSETS)));
            }
            SearchKey::All => Condition::Always(true),
            SearchKey::Recent => Condition::recent(selected),
            SearchKey::Old => Condition::Not(Condition::recent(selected).into()),
            // RFC 3501 §6.4.4: as RECENT UNSEEN.
            SearchKey::New => {
                let unseen = Condition::Not(Condition::Flag(FlagBits::SEEN).into());
                Condition::And(vec![Condition::recent(selected), unseen])
            }
            SearchKey::And(keys) => {
                Condition::And(keys.iter().map(|key| Condition::new(key, selected)).collect::<Result<_, _>>()?)
            }
            SearchKey::Or(a, b) => {
                Condition::Or(Condition::new(a, selected)?.into(), Condition::new(b, selected)?.into())
            }
            SearchKey::Not(key) => Condition::Not(Condition::new(key, selected)?.into()),
            SearchKey::SeqNum(set) => Condition::Numbers(Numbers::resolve(set, Numbering::SeqNum, selected)?),
            SearchKey::Uid(set) => Condition::Numbers(Numbers::resolve(set, Numbering::Uid, selected)?),
            SearchKey::Flag(flag) => Condition::flag(flag, selected),
            SearchKey::NotFlag(flag) => Condition::Not(Condition::flag(flag, selected).into()),
            SearchKey::Before(date) => Condition::Received(before(*date)),
            SearchKey::On(date) => Condition::Received(on(*date)),
            SearchKey::Since(date) => Condition::Received(since(*date)),
            SearchKey::SentBefore(date) => Condition::Sent(before(*date)),
            SearchKey::SentOn(date) => Condition::Sent(on(*date)),
            SearchKey::SentSince(date) => Condition::Sent(since(*date)),
            SearchKey::Older(seconds) => Condition::ReceivedAt(i64::MIN..ago(selected, *seconds) + 1),
            SearchKey::Younger(seconds) => Condition::ReceivedAt(ago(selected, *seconds)..i64::MAX),
            SearchKey::SavedBefore(date) => Condition::Saved(before(*date)),
            SearchKey::SavedOn(date) => Condition::Saved(on(*date)),
            SearchKey::SavedSince(date) => Condition::Saved(since(*date)),
            SearchKey::SaveDateSupported => Condition::Always(true),
            SearchKey::EmailId(id) => object_id::parse_email(id).map_or(Condition::Always(false), Condition::Email),
            SearchKey::ThreadId(id) => object_id::parse_thread(id).map_or(Condition::Always(false), Condition::Thread),
            SearchKey::Larger(octets) => Condition::Larger(*octets),
            SearchKey::Smaller(octets) => Condition::Smaller(*octets),
            SearchKey::ModSeq(since) => Condition::ModSeq(*since),
            SearchKey::Bcc(value) => envelope(EnvelopeField::Bcc, value),
            SearchKey::Cc(value) => envelope(EnvelopeField::Cc, value),
            SearchKey::From(value) => envelope(EnvelopeField::From, value),
            SearchKey::To(value) => envelope(EnvelopeField::To, value),
            SearchKey::Subject(value) => envelope(EnvelopeField::Subject, value),
            SearchKey::Body(value) => Condition::Body(folded(value)),
            SearchKey::Text(value) => Condition::Text(folded(value)),
            SearchKey::Header { field, value } => Condition::Header { field: field.clone(), value: folded(value) },
        })
    }

    fn recent(selected: &Selected) -> Condition {
        Condition::Numbers(Numbers::of_uids(selected.recent.uids().clone()))
    }

    /// A keyword that no message of the account ever had is nowhere.
    fn flag(flag: &Flag, selected: &Selected) -> Condition {
        selected.known.keywords.bit(flag).map_or(Condition::Always(false), Condition::Flag)
    }

    /// Whether it holds; `None` when that needs facts which are not there yet.
    pub fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Condition::Always(verdict) => Some(*verdict),
            Condition::And(all) => {
                let mut verdict = Some(true);
                for condition in all {
                    match condition.holds(facts) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => verdict = None,
                    }
                }
                verdict
            }
            Condition::Or(a, b) => match (a.holds(facts), b.holds(facts)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Condition::Not(condition) => condition.holds(facts).map(|verdict| !verdict),
            Condition::Numbers(numbers) => Some(numbers.contains(facts.seq, facts.member.uid)),
            Condition::Flag(bits) => Some(facts.member.flags.contains(*bits)),
            Condition::Received(days) => Some(days.contains(&facts.member.internal_date.unix_days())),
            Condition::ReceivedAt(seconds) => Some(seconds.contains(&facts.member.internal_date.unix_s())),
            Condition::Saved(days) => Some(days.contains(&facts.member.save_date.unix_days())),
            Condition::Email(id) => Some(facts.member.email == *id),
            Condition::Thread(id) => Some(facts.member.thread == *id),
            Condition::Larger(octets) => Some(facts.member.size_octets > *octets),
            Condition::Smaller(octets) => Some(facts.member.size_octets < *octets),
            Condition::ModSeq(since) => Some(facts.member.modseq >= *since),
            Condition::Sent(days) => {
                facts.row.map(|row| row.email.sent_at.is_some_and(|sent| days.contains(&sent.civil_day)))
            }
            Condition::Envelope(field, value) => {
                facts.row.map(|row| row.field(*field).is_some_and(|text| text.contains(value.as_str())))
            }
            Condition::Header { field, value } => {
                facts.text.map(|text| text.field(field).is_some_and(|text| text.contains(value.as_str())))
            }
            Condition::Body(value) => facts.text.map(|text| text.body.contains(value.as_str())),
            Condition::Text(value) => {
                facts.text.map(|text| text.body.contains(value.as_str()) || text.header.contains(value.as_str()))
            }
        }
    }

    /// The same with long texts: others get their turn between two looks.
    pub fn weigh<'a>(&'a self, facts: &'a Facts<'a>, pace: &'a mut Pace<'_>) -> BoxFuture<'a, Option<bool>> {
        async move {
            match self {
                Condition::And(all) => {
                    let mut verdict = Some(true);
                    for condition in all {
                        match condition.weigh(facts, pace).await {
                            Some(true) => {}
                            Some(false) => return Some(false),
                            None => verdict = None,
                        }
                    }
                    verdict
                }
                Condition::Or(a, b) => match a.weigh(facts, pace).await {
                    Some(true) => Some(true),
                    first => match b.weigh(facts, pace).await {
                        Some(false) => first,
                        second => second,
                    },
                },
                Condition::Not(condition) => condition.weigh(facts, pace).await.map(|verdict| !verdict),
                leaf => {
                    let verdict = leaf.holds(facts);
                    pace.took(leaf.octets(facts)).await;
                    verdict
                }
            }
        }
        .boxed()
    }

    /// How much is looked at for this condition itself.
    fn octets(&self, facts: &Facts<'_>) -> usize {
        match self {
            Condition::Envelope(field, _) => facts.row.and_then(|row| row.field(*field)).map_or(0, str::len),
            Condition::Header { field, .. } => facts.text.and_then(|text| text.field(field)).map_or(0, str::len),
            Condition::Body(_) => facts.text.map_or(0, |text| text.body.len()),
            Condition::Text(_) => facts.text.map_or(0, |text| text.header.len() + text.body.len()),
            _ => 0,
        }
    }

    /// Numbers outside of which nothing can be found.
    pub fn limits(&self) -> Option<&Numbers> {
        match self {
            Condition::Numbers(numbers) => Some(numbers),
            Condition::And(all) => all.iter().find_map(Condition::limits),
            _ => None,
        }
    }

    /// Whether `asks` is true of this or a condition within.
    pub fn any(&self, asks: &dyn Fn(&Condition) -> bool) -> bool {
        asks(self)
            || match self {
                Condition::And(all) => all.iter().any(|condition| condition.any(asks)),
                Condition::Or(a, b) => a.any(asks) || b.any(asks),
                Condition::Not(condition) => condition.any(asks),
                _ => false,
            }
    }
}

/// The moment so many seconds before now, in seconds.
fn ago(selected: &Selected, seconds: u32) -> i64 {
    selected.account.now().unix_s() - i64::from(seconds)
}

fn before(date: Date) -> Range<i64> {
    i64::MIN..date.unix_days()
}

fn on(date: Date) -> Range<i64> {
    date.unix_days()..date.unix_days() + 1
}

fn since(date: Date) -> Range<i64> {
    date.unix_days()..i64::MAX
}
