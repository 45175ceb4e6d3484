//! A mailing list with one long thread and one short one.

use super::part::Part;
use super::{BEN, Draft, Person};

const LIST: Person = ("rust-de", "rust-de@lists.example");
const PIA: Person = ("Pia Sommer", "pia@sommer.example");
const TOM: Person = ("Tom Winter", "tom@winter.example");
const ULI: Person = ("Uli König", "uli@koenig.example");

const LIFETIMES: &str = "[rust-de] Lebenszeiten in Traits";
const RE_LIFETIMES: &str = "Re: [rust-de] Lebenszeiten in Traits";

/// Number, whom it answers, who writes, and what.
const THREAD: [(u32, &[u32], Person, &str); 10] = [
    (
        1,
        &[],
        PIA,
        "Hallo zusammen,\n\nwie gebe ich aus einer Trait-Methode einen Iterator zurück, der von self borgt?\n\nPia\n",
    ),
    (2, &[1], TOM, "> der von self borgt?\n\nSeit 2024 einfach mit impl Iterator im Trait.\n\nTom\n"),
    (3, &[1, 2], PIA, "Und wenn der Trait dyn-fähig sein muss?\n\nPia\n"),
    (
        4,
        &[1, 2, 3],
        ULI,
        "Dann eine Box: Box<dyn Iterator<Item = T> + '_>. Kostet eine Allokation, fällt kaum auf.\n\nGrüße, Uli\n",
    ),
    (5, &[1, 2, 3], TOM, "Oder ein Besucher: fn each(&self, f: &mut dyn FnMut(&T)). Das geht ohne Box.\n\nTom\n"),
    (6, &[1, 2, 3, 4], PIA, "> Kostet eine Allokation\n\nIch habe gemessen: man sieht sie nicht. Danke!\n\nPia\n"),
    (7, &[1, 2, 3, 5], BEN, "Den Besucher nutzen wir auch. Abbrechen geht mit ControlFlow.\n\nBen\n"),
    (8, &[1, 2, 3, 5, 7], ULI, "ControlFlow ist schöner als bool, da sieht man, was gemeint ist.\n\nUli\n"),
    (9, &[1, 2, 3, 4, 6], TOM, "Magst du die Messung ins Wiki stellen?\n\nTom\n"),
    (10, &[1, 2, 3, 4, 6, 9], PIA, "Erledigt: https://wiki.lists.example/iteratoren\n\nPia\n"),
];

pub(super) fn all() -> Vec<Draft> {
    let mut all: Vec<Draft> =
        THREAD.iter().map(|(number, parents, from, text)| post(*number, parents, *from, text)).collect();
    all.push(
        posting(36, PIA, "[rust-de] Treffen im Dezember")
            .id("treffen-1")
            .body(Part::text("Wir treffen uns am 10. um 19 Uhr im Café Zentral. Wer kommt?\n\nPia\n")),
    );
    all.push(
        posting(30, ULI, "Re: [rust-de] Treffen im Dezember")
            .field("In-Reply-To: <treffen-1@sommer.example>")
            .field("References: <treffen-1@sommer.example>")
            .body(Part::text("Ich, und ich bringe das Beamerkabel mit.\n\nUli\n")),
    );
    all
}

fn post(number: u32, parents: &[u32], from: Person, text: &str) -> Draft {
    let subject = if parents.is_empty() { LIFETIMES } else { RE_LIFETIMES };
    let draft = posting(u64::from(100 - 5 * number), from, subject).id(format!("lebenszeiten-{number}"));
    let draft = draft.body(Part::text(text));
    let ids: Vec<String> = parents.iter().map(|&parent| id(parent)).collect();
    match ids.last() {
        None => draft,
        Some(parent) => {
            let references = format!("References: {}", ids.join("\r\n "));
            draft.field(format!("In-Reply-To: {parent}")).field(references)
        }
    }
}

fn posting(hours_ago: u64, from: Person, subject: &'static str) -> Draft {
    let flags = if hours_ago > 70 { "seen" } else { "" };
    Draft::new("Lists/rust-de", flags, hours_ago, from, subject)
        .to(LIST)
        .field("List-Id: Rust auf Deutsch <rust-de.lists.example>")
        .field("List-Post: <mailto:rust-de@lists.example>")
        .field("List-Unsubscribe: <mailto:rust-de-leave@lists.example>")
        .field("Precedence: list")
}

/// The Message-ID of the thread's `number`th message.
fn id(number: u32) -> String {
    let author = THREAD.iter().find(|(n, ..)| *n == number).map(|(_, _, from, _)| from.1);
    let domain = author.and_then(|address| address.split('@').nth(1)).unwrap_or_default();
    format!("<lebenszeiten-{number}@{domain}>")
}
