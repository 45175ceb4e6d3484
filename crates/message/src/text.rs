//! Text as SEARCH and people see it.

use mail_parser::decoders::html::html_to_text;
use model::Budget;

use crate::charset;
use crate::structure::{Kind, Part};
use crate::transfer::decode_transfer;

/// The text of a text part: transfer encoding, charset and HTML tags undone. Other parts have none.
///
/// Reads at most `budget.octets` of `body`; the rest is not searched.
pub fn searchable(part: &Part, body: &[u8], budget: &Budget) -> String {
    if part.kind != Kind::Text {
        return String::new();
    }
    let body = body.get(..budget.octets).unwrap_or(body);
    let octets = decode_transfer(&part.encoding, body).unwrap_or(body.into());
    let charset = part.parameter("charset").unwrap_or_default();
    let text = charset::decode(charset.trim().as_bytes(), &octets);
    if &*part.media_subtype == "html" { html_to_text(&text) } else { text }
}

/// `text` without case, so that texts that differ in case only are equal (close to RFC 5051 `i;unicode-casemap`).
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let one_form = |c: char| match c {
        'ς' => 'σ',
        'ſ' => 's',
        c => c,
    };
    text.chars().flat_map(char::to_lowercase).map(one_form).collect()
}

/// Whether `needle` stands in `haystack`, whatever the case (RFC 9051 §6.4.4). An empty needle stands everywhere.
pub fn contains_folded(haystack: &str, needle: &str) -> bool {
    folded(haystack).contains(&folded(needle))
}

/// The first words on one line, at most `chars_max` characters.
pub(crate) fn preview(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut room = chars_max;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if room < 2 {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
            room -= 1;
        }
        out.extend(word.chars().take(room));
        room = room.saturating_sub(word.chars().take(room).count());
    }
    out
}
