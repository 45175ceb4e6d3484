//! The languages in which people are told things: English and German.
//!
//! A text stands in the source once in each, side by side, so that none can be forgotten:
//!
//! - `say!("{n} added", "{n} hinzugefügt")` is a `String` in the language of whoever called the command ([`caller`]). It is for
//!   what the command line says, and for failures that end the start of a server.
//! - `both!(…)` is a [`Text`] that has both. It is for what the running server says: its log is English, and who asks over the
//!   admin socket says in which language (see [`Line`](crate::admin::protocol::Line)).
//! - The help of commands has its German in a table (`cli::german`), by the English text; a test walks the command tree.
//!
//! Errors of other crates print English; [`Tell`] has their German. What the system and foreign libraries say stays as it is,
//! but for the usual failures of files. Log events and `--json` are English always: programs read them.

mod causes;

pub use causes::{Tell, of_error, of_fault};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::sync::OnceLock;

/// A language that people are told things in.
#[derive(ValueEnum, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    #[default]
    #[value(name = "en")]
    #[serde(rename = "en")]
    English,
    #[value(name = "de")]
    #[serde(rename = "de")]
    German,
}

/// The option that goes before the environment.
pub const OPTION: &str = "language";

static CALLER: OnceLock<Language> = OnceLock::new();

/// The language of whoever called this command; English until [`begin`] was called.
pub fn caller() -> Language {
    #[cfg(test)]
    if let Some(language) = tests::OF_THREAD.get() {
        return language;
    }
    CALLER.get().copied().unwrap_or_default()
}

/// Settles the caller's language for the life of the process: what the command line says, else the environment.
pub fn begin() {
    let chosen =
        of_arguments(std::env::args_os().skip(1)).unwrap_or_else(|| of_environment(|name| std::env::var_os(name)));
    // It is settled once, before anything is said.
    CALLER.get_or_init(|| chosen);
}

/// What the arguments say, before they are parsed in full: help and what is wrong with them have a language as well.
fn of_arguments(arguments: impl Iterator<Item = OsString>) -> Option<Language> {
    let mut arguments =
        arguments.map(|argument| argument.to_string_lossy().into_owned()).take_while(|text| text != "--");
    let mut found = None;
    while let Some(argument) = arguments.next() {
        let named = match argument.strip_prefix("--") {
            Some("json") => return Some(Language::English),
            Some(OPTION) => arguments.next(),
            Some(option) => option.strip_prefix(OPTION).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned),
            None => None,
        };
        found = named.and_then(|name| Language::from_str(&name, false).ok()).or(found);
    }
    found
}

/// What the locale says: the first of these variables that is not empty counts (POSIX.1-2024, Base Definitions §8.2).
fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Language {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    match locale.split(['_', '.', '@', '-']).next() {
        Some("de") => Language::German,
        _ => Language::English,
    }
}

/// A text in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text {
    pub english: String,
    pub german: String,
}

impl Text {
    /// What reads the same in both: names, and the words of others.
    pub fn same(text: impl fmt::Display) -> Text {
        let english = text.to_string();
        Text { german: english.clone(), english }
    }

    pub fn within(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::German => &self.german,
        }
    }

    /// With `more` behind it.
    pub fn then(mut self, more: &Text) -> Text {
        self.english += &more.english;
        self.german += &more.german;
        self
    }
}

/// What a placeholder of `both!` holds: a text has both languages, all else reads the same in both.
pub trait Said {
    fn said(&self, language: Language) -> String;
}

impl Said for Text {
    fn said(&self, language: Language) -> String {
        self.within(language).to_owned()
    }
}

impl<T: fmt::Display + ?Sized> Said for T {
    fn said(&self, _: Language) -> String {
        self.to_string()
    }
}

/// A failure of the running server, which is logged in English and told in the asker's language.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained(pub Text);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.english)
    }
}

impl std::error::Error for Explained {}

/// Says what was being done when something failed.
pub trait During<T> {
    fn during(self, what: impl FnOnce() -> Text) -> Result<T, Explained>;
}

impl<T, E: Tell> During<T> for Result<T, E> {
    fn during(self, what: impl FnOnce() -> Text) -> Result<T, Explained> {
        self.map_err(|error| Explained(what().then(&Text::same(": ")).then(&error.tell())))
    }
}

/// An error in the caller's language.
pub fn told(error: &impl Tell) -> String {
    error.tell().within(caller()).to_owned()
}

/// `say!("English {name}", "Deutsch {name}", name = value)`: a `String` in the caller's language.
macro_rules! say {
    ($english:literal, $german:literal $(, $name:ident = $value:expr)* $(,)?) => {
        match $crate::language::caller() {
            $crate::language::Language::English => format!($english $(, $name = $value)*),
            $crate::language::Language::German => format!($german $(, $name = $value)*),
        }
    };
}

/// As `say!`, but a [`Text`](crate::language::Text) in both languages; values may be texts themselves.
macro_rules! both {
    ($english:literal, $german:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        let english = {
            $(let $name = $crate::language::Said::said(&$value, $crate::language::Language::English);)*
            format!($english)
        };
        let german = {
            $(let $name = $crate::language::Said::said(&$value, $crate::language::Language::German);)*
            format!($german)
        };
        $crate::language::Text { english, german }
    }};
}

pub(crate) use {both, say};

#[cfg(test)]
pub mod tests;
