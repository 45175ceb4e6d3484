//! SORT (RFC 5256 §3, RFC 5957 §4, RFC 5267 §3): what is found, as columns of numbers, in the order asked for.

mod columns;
mod cooperative;

use super::client::Client;
use super::modseq::asks_modseq;
use super::out::Out;
use super::running::{Outcome, Refusal};
use super::search::{Asked, find, keep_saved, of_told};
use super::selected::{Selected, Told};
use env::yield_now;
use imap::command::{Numbering, SearchReturn, Sort, SortKey, Tag};
use imap::response::{self, ESearch, text};
use imap::{Answer, NumberSet};
use mailstore::{Error, KEYS_AT_ONCE, Keys, Member, View, WantedKeys};
use model::{ModSeq, SeqNum};
use std::sync::Arc;

pub(crate) use columns::sent_s;
pub(crate) use cooperative::sorted;

/// Finds messages and tells their numbers in order.
pub(crate) async fn sort(client: &mut Client, command: Sort, tag: &Tag, out: &mut Out) -> Outcome {
    let selected = client.selected()?;
    selected.tell(Told::AllButExpunged, out).await?;
    let returns = command.returns.unwrap_or_default();
    let asked = Asked::saving(&command.key, selected, returns.save)?;
    let found = find(selected, asked, Numbering::SeqNum, out).await?;
    let view = selected.known.clone();
    let members = members(&found.numbers, &view).await;
    let numbers = in_order(selected, &members, &command).await?;
    if returns.save {
        keep_saved(selected, saved(&numbers, returns, command.numbering, &view))?;
    }
    // RFC 7162 §3.1.9, §3.1.10
    let modseq = Some(found.highest).filter(|_| asks_modseq(&command.key) && !numbers.is_empty());
    match command.returns {
        None => tell_sort(&numbers, modseq, out).await,
        Some(returns) => {
            let ends = [numbers.first().filter(|_| returns.min), numbers.last().filter(|_| returns.max)];
            let told = ends.into_iter().flatten().chain(page(&numbers, &returns)).copied();
            let mod_seq = modseq.map(|highest| of_told(told, returns, command.numbering, &view).unwrap_or(highest));
            let result = ESearch { uid: command.numbering == Numbering::Uid, mod_seq, ..ESearch::default() };
            tell_esearch(&numbers, returns, result, tag, out).await;
        }
    }
    Ok(Answer::ok("sorted"))
}

/// Members that are looked up before others get their turn.
const MEMBERS_AT_ONCE: usize = 16_384;

/// What was found, in mailbox order.
pub(crate) async fn members(found: &NumberSet, view: &View) -> Vec<(SeqNum, Member)> {
    let mut members = Vec::with_capacity(usize::try_from(found.count()).unwrap_or_default());
    for (i, seq) in found.iter().enumerate() {
        members.extend(view.get(SeqNum(seq)).map(|member| (SeqNum(seq), member)));
        if (i + 1) % MEMBERS_AT_ONCE == 0 {
            yield_now().await;
        }
    }
    members
}

/// The numbers of `members`, in the order asked for.
async fn in_order(selected: &Selected, members: &[(SeqNum, Member)], command: &Sort) -> Result<Vec<u32>, Refusal> {
    let of_view = |key: SortKey| matches!(key, SortKey::Arrival | SortKey::Size);
    let keys = match command.criteria.iter().all(|criterion| of_view(criterion.key)) {
        true => None,
        false => Some(keys_of(selected, members, columns::wanted(&command.criteria)).await?),
    };
    let order = columns::order(members, keys.as_deref(), &command.criteria).await;
    let number = |(seq, member): &(SeqNum, Member)| match command.numbering {
        Numbering::SeqNum => seq.0,
        Numbering::Uid => member.uid.0,
    };
    Ok(order.into_iter().filter_map(|place| members.get(place as usize)).map(number).collect())
}

/// The keys of `members`, of which those that nobody needed yet are read.
pub(crate) async fn keys_of(
    selected: &Selected,
    members: &[(SeqNum, Member)],
    wanted: WantedKeys,
) -> Result<Arc<Keys>, Error> {
    let (account, mailbox) = (&selected.account, selected.mailbox);
    let emails = || members.iter().map(|(_, member)| member.email);
    if let Some(keys) = account.kept_keys(mailbox, wanted).filter(|keys| keys.lacking(emails()).is_empty()) {
        return Ok(keys);
    }
    let mut keys = account.take_keys(&selected.known, wanted);
    let lacking = keys.lacking(emails());
    keys.reserve(lacking.len());
    for block in lacking.chunks(KEYS_AT_ONCE) {
        account.read_keys(block, &mut keys).await?;
        yield_now().await;
    }
    Ok(account.keep_keys(mailbox, keys))
}

/// The places of a page in a result.
fn page<'a>(numbers: &'a [u32], returns: &SearchReturn) -> &'a [u32] {
    let places = returns.partial.map(|page| page.places(numbers.len() as u64)).unwrap_or_default();
    numbers.get(places.start as usize..places.end as usize).unwrap_or_default()
}

/// What `$` becomes, as for SEARCH (RFC 9051 §6.4.4.1, RFC 9394 §3.2); `$` itself has no order.
fn saved(numbers: &[u32], returns: SearchReturn, numbering: Numbering, view: &View) -> NumberSet {
    let SearchReturn { min, max, all, count, partial, .. } = returns;
    let mut kept: Vec<u32> = if (min || max || partial.is_some()) && !all && !count {
        let ends = [numbers.first().filter(|_| min), numbers.last().filter(|_| max)];
        ends.into_iter().flatten().chain(page(numbers, &returns)).copied().collect()
    } else {
        numbers.to_vec()
    };
    kept.sort_unstable();
    let uid = |number: u32| match numbering {
        Numbering::Uid => Some(number),
        Numbering::SeqNum => view.get(SeqNum(number)).map(|member| member.uid.0),
    };
    kept.into_iter().filter_map(uid).collect()
}

/// `* SORT …`, number by number; with the greatest MODSEQ (RFC 7162 §3.1.9).
async fn tell_sort(numbers: &[u32], modseq: Option<ModSeq>, out: &mut Out) {
    response::sort_begin(out);
    for number in numbers {
        response::search_number(out, *number);
        out.room().await;
    }
    if let Some(modseq) = modseq {
        response::search_mod_seq(out, modseq);
    }
    response::search_end(out);
}

async fn tell_esearch(numbers: &[u32], returns: SearchReturn, result: ESearch<'_>, tag: &Tag, out: &mut Out) {
    let SearchReturn { min, max, all, count, save, partial } = returns;
    if save && !(min || max || all || count || partial.is_some()) {
        return;
    }
    let result = ESearch {
        min: numbers.first().copied().filter(|_| min),
        max: numbers.last().copied().filter(|_| max),
        count: count.then_some(numbers.len() as u64),
        ..result
    };
    response::esearch_begin(out, tag, &result);
    if all && !numbers.is_empty() {
        out.extend_from_slice(b" ALL ");
        tell_runs(numbers, out).await;
    }
    if let Some(asked) = partial {
        out.extend_from_slice(format!(" PARTIAL ({asked} ").as_bytes());
        match page(numbers, &returns) {
            [] => text::nil(out),
            page => tell_runs(page, out).await,
        }
        out.push(b')');
    }
    response::esearch_end(out, &result);
}

async fn tell_runs(numbers: &[u32], out: &mut Out) {
    for (i, run) in response::runs(numbers).enumerate() {
        response::run(out, run, i == 0);
        out.room().await;
    }
}
