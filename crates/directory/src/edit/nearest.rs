//! What was perhaps meant.

use crate::people::People;
use model::{Address, Domain};

/// More wrong letters are another word, as is half of a short one.
const TYPOS_MAX: usize = 3;

pub(super) fn domain(wrong: &Domain, people: &People) -> Option<Domain> {
    nearest(wrong.as_str(), people.domains().map(|local| local.domain.clone()), |domain| domain.to_string())
}

/// Accounts and aliases.
pub(super) fn address(wrong: &Address, people: &People) -> Option<Address> {
    among(wrong, people.accounts_in(&wrong.domain).chain(people.aliases().map(|alias| alias.address)))
}

pub(super) fn among(wrong: &Address, known: impl Iterator<Item = Address>) -> Option<Address> {
    let known = known.filter(|address| address.domain == wrong.domain);
    nearest(&wrong.local.as_str().to_lowercase(), known, |address| address.local.as_str().to_lowercase())
}

fn nearest<T>(wrong: &str, known: impl Iterator<Item = T>, text: impl Fn(&T) -> String) -> Option<T> {
    let distances = known.map(|known| (strsim::damerau_levenshtein(wrong, &text(&known)), known));
    let most = TYPOS_MAX.min(wrong.chars().count() / 2);
    let close = distances.filter(|(distance, _)| *distance <= most);
    close.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}
