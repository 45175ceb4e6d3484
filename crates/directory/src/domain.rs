//! A local domain and its settings.

use crate::Origin;
use model::{Address, Domain};
use std::fmt;
use std::str::FromStr;

/// A domain whose mail is ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalDomain {
    /// Its name.
    pub domain: Domain,
    /// How it treats local parts.
    pub settings: DomainSettings,
    /// Where it is edited.
    pub origin: Origin,
}

/// How a domain treats local parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DomainSettings {
    /// Who gets mail to local parts that nobody has; empty: it is refused.
    pub catch_all: Vec<Address>,
    /// What stands between a local part and its detail.
    pub separators: Separators,
    /// This domain is only another name of that one: it has no people and settings of its own.
    pub same_as: Option<Domain>,
}

/// Characters that separate a local part from its detail, as in `anna+lists` (RFC 5233 §4); there may be none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Separators(Box<str>);

/// What may be a separator, and stands in addresses without quotes (RFC 5322 §3.2.3).
const SEPARATORS: &str = "!#$%&'*+-./=?^_`{|}~";

/// Why a text is no set of separators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a separator is one of {SEPARATORS}, each once; usual is +")]
pub struct SeparatorError;

impl Separators {
    /// Subaddresses are addresses like others.
    pub fn none() -> Separators {
        Separators("".into())
    }

    /// Whether `c` separates.
    pub(crate) fn contains(&self, c: char) -> bool {
        self.0.contains(c)
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What most servers and people use.
impl Default for Separators {
    fn default() -> Separators {
        Separators("+".into())
    }
}

impl FromStr for Separators {
    type Err = SeparatorError;
    fn from_str(text: &str) -> Result<Separators, SeparatorError> {
        let twice = |c: char| text.matches(c).count() > 1;
        if text.len() > SEPARATORS.len() || text.chars().any(|c| !SEPARATORS.contains(c) || twice(c)) {
            return Err(SeparatorError);
        }
        Ok(Separators(text.into()))
    }
}

impl fmt::Display for Separators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
