//! Reads a table key by key and notes what is wrong, with its line.

use super::keys::{ALL, Keys};
use super::mistake::Mistake;
use crate::language::{Tell, Text, both};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Edits by which a key may differ from one that we offer in its place.
const TYPO_EDITS_MAX: usize = 3;
/// More mistakes than this nobody reads at once.
const MISTAKES_MAX: usize = 200;

/// The text being read, and what is wrong with it so far.
pub(super) struct Reader {
    /// Where each line begins.
    lines: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// One table of the file.
pub(super) struct Section<'a> {
    reader: &'a Reader,
    table: &'a DeTable<'a>,
    /// Where it begins.
    pub span: Range<usize>,
    /// Its name, as `account[2]`; empty for the top.
    name: String,
}

impl Reader {
    pub(super) fn new(text: &str) -> Reader {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        Reader { lines: lines.collect(), mistakes: RefCell::default() }
    }

    pub(super) fn mistake(&self, span: Range<usize>, key: &str, text: Text) {
        let line = self.lines.partition_point(|&start| start <= span.start);
        let mut mistakes = self.mistakes.borrow_mut();
        // Behind what is no TOML only follow-ups would be found on that line.
        let no_toml = mistakes.iter().any(|other| other.key.is_empty() && other.line == Some(line));
        if !no_toml && mistakes.len() < MISTAKES_MAX {
            mistakes.push(Mistake { line: Some(line), key: key.to_owned(), text });
        }
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }
}

impl<'a> Section<'a> {
    /// Notes at once which of its keys nobody knows.
    pub(super) fn new(
        reader: &'a Reader,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        name: String,
        keys: &Keys,
    ) -> Section<'a> {
        let section = Section { reader, table, span, name };
        for (key, _) in table.iter() {
            let name = key.get_ref().as_ref();
            if !keys.keys.iter().any(|known| known.name == name) {
                section.mistake(key.span(), name, unknown(name, keys));
            }
        }
        section
    }

    pub(super) fn mistake(&self, span: Range<usize>, key: &str, text: Text) {
        self.reader.mistake(span, &self.full(key), text);
    }

    /// Notes that `key` has to be there.
    pub(super) fn missing(&self, key: &str, why: Text) {
        self.mistake(self.span.clone(), key, both!("is missing: {why}", "fehlt: {why}", why = why));
    }

    fn full(&self, key: &str) -> String {
        match (self.name.as_str(), key) {
            ("", key) => key.to_owned(),
            (name, "") => name.to_owned(),
            (name, key) => format!("{name}.{key}"),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key` if `read` takes it; else a mistake that says what was expected.
    fn value<T>(&self, key: &str, expected: Text, read: impl Fn(&'a DeValue<'a>) -> Option<T>) -> Option<Found<T>> {
        let value = self.table.get(key)?;
        let found = read(value.get_ref()).map(|taken| Found { value: taken, span: value.span() });
        if found.is_none() {
            let text = both!(
                "must be {expected}, not {found}",
                "muss {expected} sein, nicht {found}",
                expected = expected,
                found = named(value.get_ref())
            );
            self.mistake(value.span(), key, text);
        }
        found
    }

    pub(super) fn text(&self, key: &str) -> Option<Found<&'a str>> {
        self.value(key, both!("text in quotes", "Text in Anführungszeichen"), DeValue::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> Option<Found<bool>> {
        self.value(key, both!("true or false", "true oder false"), DeValue::as_bool)
    }

    pub(super) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Option<Found<u64>> {
        let parse = |value: &DeValue<'_>| {
            let number = value.as_integer()?;
            u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
        };
        let expected = both!("a whole number without quotes", "eine ganze Zahl ohne Anführungszeichen");
        let found = self.value(key, expected, parse)?;
        if !range.contains(&found.value) {
            let (min, max) = (range.start(), range.end());
            let text = both!("must lie between {min} and {max}", "muss zwischen {min} und {max} liegen");
            self.mistake(found.span, key, text);
            return None;
        }
        Some(found)
    }

    /// A text that is parsed into its type.
    pub(super) fn parsed<T: FromStr<Err: Tell>>(&self, key: &str) -> Option<Found<T>> {
        let found = self.text(key)?;
        self.parse(key, found)
    }

    /// A list of such texts.
    pub(super) fn list<T: FromStr<Err: Tell>>(&self, key: &str) -> Option<Vec<Found<T>>> {
        let expected = both!("a list, as [\"a\", \"b\"]", "eine Liste wie [\"a\", \"b\"]");
        let array = self.value(key, expected, DeValue::as_array)?;
        let texts = array.value.iter().filter_map(|element| match element.get_ref().as_str() {
            Some(text) => self.parse(key, Found { value: text, span: element.span() }),
            None => {
                let found = named(element.get_ref());
                let text = both!("must hold text, not {found}", "muss Text enthalten, nicht {found}", found = found);
                self.mistake(element.span(), key, text);
                None
            }
        });
        Some(texts.collect())
    }

    fn parse<T: FromStr<Err: Tell>>(&self, key: &str, found: Found<&str>) -> Option<Found<T>> {
        match found.value.parse() {
            Ok(value) => Some(Found { value, span: found.span }),
            Err(error) => {
                let text =
                    both!("\"{value}\": {cause}", "\"{value}\": {cause}", value = found.value, cause = error.tell());
                self.mistake(found.span, key, text);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<Found<T>> {
        let found = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return Some(Found { value: *value, span: found.span });
        }
        let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let text = both!(
            "\"{value}\" is none of {known}",
            "\"{value}\" ist nicht möglich, nur {known}",
            value = found.value,
            known = known.join(", ")
        );
        self.mistake(found.span, key, text);
        None
    }

    /// The table `[key]`.
    pub(super) fn section(&self, key: &str, keys: &Keys) -> Option<Section<'a>> {
        let expected = both!("a table, as {heading}", "eine Tabelle wie {heading}", heading = keys.heading);
        let found = self.value(key, expected, DeValue::as_table)?;
        Some(Section::new(self.reader, found.value, found.span, self.full(key), keys))
    }

    /// The tables `[[key]]`; `None` if there is none.
    pub(super) fn sections(&self, key: &str, keys: &Keys) -> Option<Vec<Section<'a>>> {
        let heading = keys.heading;
        let expected = both!("tables, each headed {heading}", "eine Folge von Tabellen mit der Überschrift {heading}");
        let array = self.value(key, expected, DeValue::as_array)?;
        let section = |(n, element): (usize, &'a Spanned<DeValue<'a>>)| {
            let name = format!("{}[{}]", self.full(key), n + 1);
            let table = element.get_ref().as_table();
            if table.is_none() {
                let text =
                    both!("must be a table headed {heading}", "muss eine Tabelle mit der Überschrift {heading} sein");
                self.reader.mistake(element.span(), &name, text);
            }
            Some(Section::new(self.reader, table?, element.span(), name, keys))
        };
        Some(array.value.iter().enumerate().filter_map(section).collect())
    }
}

fn named(value: &DeValue<'_>) -> Text {
    match value {
        DeValue::Integer(number) => both!("the number {n}", "die Zahl {n}", n = number.as_str()),
        DeValue::Float(number) => both!("the number {n}", "die Zahl {n}", n = number.as_str()),
        DeValue::Boolean(flag) => Text::same(flag),
        DeValue::String(_) => both!("text", "Text"),
        DeValue::Array(_) => both!("a list", "eine Liste"),
        DeValue::Table(_) => both!("a table", "eine Tabelle"),
        DeValue::Datetime(_) => both!("a date", "ein Datum"),
    }
}

/// Offers the nearest key of this table, else says where a key of this name would belong.
fn unknown(name: &str, keys: &Keys) -> Text {
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
    let near = keys.keys.iter().map(|key| (distance(key.name), key.name)).min();
    let elsewhere = ALL.iter().find(|other| other.keys.iter().any(|key| key.name == name));
    match (near, elsewhere) {
        (Some((edits, near)), _) if edits <= TYPO_EDITS_MAX.min(near.len() / 2) => {
            both!("unknown key; did you mean `{near}`?", "unbekannter Schlüssel; ist `{near}` gemeint?")
        }
        (_, Some(other)) if other.heading.is_empty() => {
            both!(
                "this key does not belong here; it stands before the first [table]",
                "dieser Schlüssel gehört nicht hierher; er steht vor der ersten [Tabelle]"
            )
        }
        (_, Some(other)) => both!(
            "this key does not belong here; it belongs under {heading}",
            "dieser Schlüssel gehört nicht hierher, sondern unter {heading}",
            heading = other.heading
        ),
        (near, None) => both!(
            "unknown key; the nearest is `{near}`",
            "unbekannter Schlüssel; am nächsten kommt `{near}`",
            near = near.map_or("", |(_, near)| near)
        ),
    }
}
