//! Text as SEARCH and people see it.

use mail_parser::decoders::html::html_to_text;
use model::Budget;
use unicode_normalization::UnicodeNormalization;

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

/// `text` as `i;unicode-casemap` compares it, octet by octet: without case, composed letters taken apart (RFC 5051 §2).
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// Appends what [`folded`] gives.
pub fn fold_into(text: &str, out: &mut String) {
    // ASCII is never reordered, so what lies between can be decomposed by itself.
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|octet| !octet.is_ascii()).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(ascii);
        let start = out.len();
        out.push_str(run);
        out.get_mut(start..).unwrap_or_default().make_ascii_uppercase();
        let other = behind.bytes().position(|octet| octet.is_ascii()).unwrap_or(behind.len());
        let (run, behind) = behind.split_at(other);
        out.extend(run.chars().map(titlecase).nfkd());
        rest = behind;
    }
}

/// The titlecase property of UnicodeData.txt, which is one character: the uppercase one, but for digraphs, for Greek with
/// iota below, and for letters whose uppercase is several, which keep their form.
fn titlecase(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{1f80}'..='\u{1faf}' => char::from_u32(u32::from(c) | 8).unwrap_or(c),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        c => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => upper,
                _ => c,
            }
        }
    }
}

/// Whether `needle` stands in `haystack`, whatever the case (RFC 9051 §6.4.4). An empty needle stands everywhere.
pub fn contains_folded(haystack: &str, needle: &str) -> bool {
    folded(haystack).contains(&folded(needle))
}

/// The first words on one line, at most `chars_max` characters.
pub(crate) fn preview(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(chars_max.min(text.len()));
    let (mut room, mut between) = (chars_max, true);
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            between = true;
            continue;
        }
        let gap = usize::from(between && !out.is_empty());
        // No word is begun for one letter.
        if room < gap + 1 || (between && room < 2) {
            break;
        }
        if gap > 0 {
            out.push(' ');
        }
        out.push(c);
        room -= gap + 1;
        between = false;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn check(message: &str, want: &str) {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        scanner.push(message.as_bytes());
        let scanned = scanner.finish();
        let root = scanned.structure.root();
        let body = &message.as_bytes()[root.body_start as usize..];
        assert_eq!(searchable(root, body, &Scanner::DEFAULT_BUDGET).trim_end(), want);
    }

    #[test]
    fn text_to_search_in() {
        check("\n\nHallo", "\nHallo");
        check("Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=latin1\n\n5Pb8\n", "äöü");
        check("Content-Type: text/html\n\n<style>p {}</style><p>Tom &amp; J&eacute;r<b>ry</b></p>", "Tom & Jérry");
        check("Content-Type: image/png\n\nHallo", "");
        check("Content-Transfer-Encoding: x-odd\n\nHallo", "Hallo");
    }

    #[test]
    fn case_does_not_matter() {
        for (haystack, needle, want) in [
            ("Grüße aus KÖLN", "köln", true),
            ("ΟΔΟΣ", "οδος", true),
            ("οδός ή", "ΔΌΣ Ή", true),
            ("abc", "", true),
            ("abc", "abd", false),
            ("İstanbul", "i\u{307}stan", true),
            ("Caf\u{e9}", "CAFE\u{301}", true),
            ("ǆep", "Ǆ", true),
            ("ᾧ", "ᾯ", true),
            ("ﬁn", "ﬁ", true),
            ("weiß", "WEIß", true),
        ] {
            assert_eq!(contains_folded(haystack, needle), want, "{haystack} {needle}");
        }
    }

    #[test]
    fn the_order_is_that_of_unicode_casemap() {
        // Small letters stand where capitals do: before `_`; a letter with an accent behind the letter without.
        let mut words = ["_", "zebra", "Äpfel", "apfel", "Zebra2", "ängste", "Birne", ""];
        words.sort_by_key(|word| folded(word));
        assert_eq!(words, ["", "apfel", "ängste", "Äpfel", "Birne", "zebra", "Zebra2", "_"]);
    }

    #[test]
    fn a_preview_is_one_line() {
        assert_eq!(preview(" Hallo,\r\n\r\n\u{1}Welt\t! ", 100), "Hallo, Welt !");
        assert_eq!(preview("ää bb cc", 4), "ää b");
        assert_eq!(preview("ää bb cc", 3), "ää");
        assert_eq!(preview("", 3), "");
    }
}
