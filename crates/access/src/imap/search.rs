//! SEARCH (RFC 9051 §6.4.4, RFC 7162 §3.1.5), by looking at each message, the cheap questions first.

mod condition;
mod facts;
mod pace;

use super::client::{Client, Revision};
use super::modseq::asks_modseq;
use super::out::Out;
use super::running::{Outcome, Refusal};
use super::selected::{Selected, Told};
use condition::Condition;
use env::yield_now;
use facts::{Facts, Loader, Row};
use imap::command::{Numbering, Search, SearchKey, SearchReturn, Tag};
use imap::response::{self, ESearch, text};
use imap::{Answer, Code, NumberSet, Status};
use mailstore::{Error, Member, View};
use model::{EmailId, ModSeq, SeqNum, Uid};
use pace::Pace;

/// Messages that are looked at together.
const BLOCK: usize = 64;
/// Blocks answered from the view alone before others get their turn.
const BLOCKS_AT_ONCE: usize = 64;

/// Ranges that `$` holds while the connection idles (RFC 9051 §6.4.4.3 allows a limit): 128 KiB.
const SAVED_RANGES_MAX: usize = 16_384;

/// Finds messages and tells their numbers.
pub(crate) async fn search(client: &mut Client, command: Search, tag: &Tag, out: &mut Out) -> Outcome {
    let revision = client.revision;
    let selected = client.selected()?;
    // What others did counts, as far as the client may know it.
    selected.tell(Told::AllButExpunged, out).await?;
    let saves = command.returns.is_some_and(|returns| returns.save);
    let asked = Asked::saving(&command.key, selected, saves)?;
    let found = find(selected, asked, command.numbering, out).await?;
    if saves {
        let saved = saved(&found.numbers, &command, &selected.known);
        keep_saved(selected, saved)?;
    }
    let modseq = |returns| found.modseq(&command.key, returns, command.numbering, &selected.known);
    match (command.returns, revision) {
        (None, Revision::Rev1) => tell_search(&found.numbers, modseq(ALL), out).await,
        (returns, _) => {
            let returns = returns.unwrap_or(ALL);
            tell_esearch((&found.numbers, modseq(returns)), returns, command.numbering, tag, out);
        }
    }
    Ok(Answer::ok("searched"))
}

/// Makes `saved` what `$` means.
///
/// # Errors
/// `NO [NOTSAVED]` when it has too many ranges.
pub(crate) fn keep_saved(selected: &mut Selected, saved: NumberSet) -> Result<(), Answer<'static>> {
    if saved.ranges().count() > SAVED_RANGES_MAX {
        return Err(Answer::no("too many messages to be saved").code(Code::NotSaved));
    }
    selected.saved = saved;
    Ok(())
}

/// What RFC 9051 §6.4.4 tells without RETURN.
const ALL: SearchReturn = SearchReturn { min: false, max: false, all: true, count: false, save: false, partial: None };

/// A search's key, with the numbers and flags in it resolved: `$` may change from here on.
pub(crate) struct Asked(Condition);

impl Asked {
    /// The same, for a command that may save its result: if it fails with NO, now or later, `$` is empty; a BAD leaves it
    /// alone (RFC 9051 §6.4.4.1).
    pub fn saving(key: &SearchKey, selected: &mut Selected, saves: bool) -> Result<Asked, Answer<'static>> {
        let asked = Asked::new(key, selected);
        if saves && !asked.as_ref().is_err_and(|answer| answer.status == Status::Bad) {
            selected.saved = NumberSet::new();
        }
        asked
    }

    /// What `key` means to this client.
    ///
    /// # Errors
    /// `BAD` for a sequence number that does not exist.
    pub fn new(key: &SearchKey, selected: &Selected) -> Result<Asked, Answer<'static>> {
        Condition::new(key, selected).map(Asked)
    }
}

/// What a search finds.
#[derive(Default)]
pub(crate) struct Found {
    /// As the command counts.
    pub numbers: NumberSet,
    /// The greatest MODSEQ among them.
    pub highest: ModSeq,
}

/// The numbers, as the command counts, of what is found.
pub(crate) async fn find(
    selected: &mut Selected,
    Asked(condition): Asked,
    numbering: Numbering,
    out: &mut Out,
) -> Result<Found, Refusal> {
    let view = selected.known.clone();
    let loader = Loader::new(&selected.account, &condition);
    let mut found = Found::default();
    let mut members: Box<dyn Iterator<Item = (SeqNum, Member)> + Send> = match condition.limits() {
        Some(numbers) => Box::new(numbers.members(&view)),
        None => Box::new(view.iter()),
    };
    let (mut blocks, mut pace) = (0, Pace::new(out));
    loop {
        let block: Vec<(SeqNum, Member)> = members.by_ref().take(BLOCK).collect();
        if block.is_empty() {
            return Ok(found);
        }
        let verdicts = judge(&condition, &loader, &block, &mut pace).await?;
        for ((seq, member), _) in block.iter().zip(verdicts).filter(|(_, matches)| *matches) {
            found.highest = found.highest.max(member.modseq);
            found.numbers.push(match numbering {
                Numbering::SeqNum => seq.0,
                Numbering::Uid => member.uid.0,
            });
        }
        blocks += 1;
        if loader.reads() || blocks % BLOCKS_AT_ONCE == 0 {
            yield_now().await;
        }
    }
}

/// Asks the membership, then, of those that leave it open, the row, then the octets.
async fn judge(
    condition: &Condition,
    loader: &Loader,
    block: &[(SeqNum, Member)],
    pace: &mut Pace<'_>,
) -> Result<Vec<bool>, Error> {
    let from_view = |(seq, member): &(SeqNum, Member)| condition.holds(&Facts::of_view(*seq, member));
    let first: Vec<Option<bool>> = block.iter().map(from_view).collect();
    let open = || block.iter().zip(&first).filter(|(_, verdict)| verdict.is_none()).map(|(asked, _)| asked);
    let ids: Vec<EmailId> = open().map(|(_, member)| member.email).collect();
    let mut rows = loader.rows(&ids).await?.into_iter();
    let mut verdicts = Vec::with_capacity(block.len());
    for ((seq, member), verdict) in block.iter().zip(first) {
        verdicts.push(match verdict {
            Some(verdict) => verdict,
            None => match rows.next().flatten() {
                // Expunged meanwhile, or damaged, which the loader has noted: it is not found.
                None => false,
                Some(row) => by_row(condition, loader, (*seq, member), &row, pace).await?,
            },
        });
    }
    Ok(verdicts)
}

async fn by_row(
    condition: &Condition,
    loader: &Loader,
    (seq, member): (SeqNum, &Member),
    row: &Row,
    pace: &mut Pace<'_>,
) -> Result<bool, Error> {
    let facts = Facts { row: Some(row), ..Facts::of_view(seq, member) };
    if let Some(verdict) = condition.weigh(&facts, pace).await {
        return Ok(verdict);
    }
    let Some(text) = loader.text(row, pace).await? else { return Ok(false) };
    Ok(condition.weigh(&Facts { text: Some(&text), ..facts }, pace).await.unwrap_or(false))
}

/// What `$` becomes: with MIN, MAX or PARTIAL alone, only those (RFC 9051 §6.4.4.1, RFC 9394 §3.2).
fn saved(found: &NumberSet, command: &Search, view: &View) -> NumberSet {
    let SearchReturn { min, max, all, count, partial, .. } = command.returns.unwrap_or_default();
    let kept: NumberSet = if (min || max || partial.is_some()) && !all && !count {
        let page = partial.map(|page| found.at(page.places(found.count()))).unwrap_or_default();
        let first = found.min().filter(|first| min && page.min().is_none_or(|min| *first < min));
        let last = found.max().filter(|_| max);
        first.into_iter().chain(page.iter()).chain(last).collect()
    } else {
        found.clone()
    };
    match command.numbering {
        Numbering::Uid => kept,
        Numbering::SeqNum => kept.iter().filter_map(|seq| view.get(SeqNum(seq))).map(|member| member.uid.0).collect(),
    }
}

impl Found {
    /// The MODSEQ that is told with a result, if the search asks for it and found something (RFC 7162 §3.1.6).
    fn modseq(&self, key: &SearchKey, returns: SearchReturn, numbering: Numbering, view: &View) -> Option<ModSeq> {
        if !asks_modseq(key) || self.numbers.is_empty() {
            return None;
        }
        let page = returns.partial.map(|page| self.numbers.at(page.places(self.numbers.count()))).unwrap_or_default();
        let min = self.numbers.min().filter(|_| returns.min);
        let told = min.into_iter().chain(self.numbers.max().filter(|_| returns.max)).chain(page.iter());
        Some(of_told(told, returns, numbering, view).unwrap_or(self.highest))
    }
}

/// The greatest MODSEQ of `told`: what MIN, MAX and PARTIAL tell when nothing else is told (RFC 4731 §3.2).
pub(crate) fn of_told(
    told: impl Iterator<Item = u32>,
    returns: SearchReturn,
    numbering: Numbering,
    view: &View,
) -> Option<ModSeq> {
    if returns.all || returns.count {
        return None;
    }
    let member = |number: u32| match numbering {
        Numbering::SeqNum => view.get(SeqNum(number)),
        Numbering::Uid => view.by_uid(Uid(number)),
    };
    told.filter_map(member).map(|member| member.modseq).max()
}

/// `* SEARCH …` (RFC 3501 §7.2.5), number by number; with the greatest MODSEQ (RFC 7162 §3.1.6).
async fn tell_search(found: &NumberSet, modseq: Option<ModSeq>, out: &mut Out) {
    out.extend_from_slice(b"* SEARCH");
    for number in found.iter() {
        out.push(b' ');
        text::number(out, number.into());
        out.room().await;
    }
    if let Some(modseq) = modseq {
        response::search_mod_seq(out, modseq);
    }
    out.extend_from_slice(b"\r\n");
}

fn tell_esearch(
    (found, mod_seq): (&NumberSet, Option<ModSeq>),
    returns: SearchReturn,
    numbering: Numbering,
    tag: &Tag,
    out: &mut Out,
) {
    let SearchReturn { min, max, all, count, save, partial } = returns;
    if save && !(min || max || all || count || partial.is_some()) {
        return;
    }
    let page = partial.map(|page| (page, found.at(page.places(found.count()))));
    let result = ESearch {
        uid: numbering == Numbering::Uid,
        min: found.min().filter(|_| min),
        max: found.max().filter(|_| max),
        all: all.then_some(found),
        count: count.then(|| found.count()),
        mod_seq,
        partial: page.as_ref().map(|(page, numbers)| (*page, numbers)),
    };
    response::esearch(out, tag, &result);
}
