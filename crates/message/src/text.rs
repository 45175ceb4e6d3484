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
        ] {
            assert_eq!(contains_folded(haystack, needle), want, "{haystack} {needle}");
        }
    }

    #[test]
    fn a_preview_is_one_line() {
        assert_eq!(preview(" Hallo,\r\n\r\n\u{1}Welt\t! ", 100), "Hallo, Welt !");
        assert_eq!(preview("ää bb cc", 4), "ää b");
        assert_eq!(preview("ää bb cc", 3), "ää");
        assert_eq!(preview("", 3), "");
    }
}
