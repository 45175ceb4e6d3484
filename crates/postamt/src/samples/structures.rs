//! Messages of several parts: attachments, newsletters, nested ones, reports, invitations.

use super::part::{Part, Transfer};
use super::{ANNA, BEN, Draft, Person};

const PNG: &[u8] = include_bytes!("envelope.png");
const PDF: &[u8] = include_bytes!("invoice.pdf");
const CSV: &str = "Datum;Marke;Preis\r\n2026-03-01;Blaue Mauritius;1,10\r\n2026-03-02;Rote Mauritius;0,85\r\n";

const BOOKS: Person = ("Buchladen am Eck", "laden@buch.example");
const EVA: Person = ("Eva Müller", "eva@mueller.example");
const KIM: Person = ("Kim Jensen", "kim@jensen.example");
const DAEMON: Person = ("Mail Delivery System", "mailer-daemon@relay.example");

pub(super) fn all() -> Vec<Draft> {
    let mut all = attachments();
    all.extend([forward(), report(), invitation(), reply()]);
    all.extend(newsletters());
    all
}

/// Plain text and HTML saying the same.
fn alternative(text: &str, html: &str) -> Part {
    Part::multipart("alternative", vec![Part::text(text), Part::html(html)])
}

/// HTML with the image that it shows.
fn with_image(text: &str, html: &str, id: &str) -> Part {
    Part::multipart("related", vec![alternative(text, html), Part::inline_png(id, PNG)])
}

fn attachments() -> Vec<Draft> {
    let csv = |name| Part::file("text/csv; charset=UTF-8", name, CSV.as_bytes());
    let html = "<p>Look: <img src=\"cid:stamp@jensen.example\" alt=\"a stamp\"></p>\n";
    let deep = with_image("Look: a stamp.\n", html, "stamp@jensen.example");
    vec![
        Draft::new("INBOX", "", 5, BOOKS, "Ihre Rechnung für März").body(Part::multipart(
            "mixed",
            vec![
                Part::text("Guten Tag,\n\nanbei die Rechnung als PDF.\n\nIhr Buchladen\n"),
                Part::file("application/pdf", "Rechnung für März.pdf", PDF),
            ],
        )),
        Draft::new("INBOX", "seen", 26, BEN, "The table")
            .body(Part::multipart("mixed", vec![Part::text("As promised, see below.\n\nBen\n"), csv("stamps.csv")])),
        Draft::new("INBOX", "flagged", 44, KIM, "A stamp, inline").body(deep),
        Draft::new("Archive", "seen", 24 * 60, KIM, "Everything at once").body(Part::multipart(
            "mixed",
            vec![
                with_image(
                    "Text first.\n",
                    "<h1>Text first</h1><img src=\"cid:b@jensen.example\">\n",
                    "b@jensen.example",
                ),
                csv("Preise für Sammler €.csv"),
                Part::multipart(
                    "mixed",
                    vec![Part::text("And a text behind.\n"), Part::file("image/png", "envelope.png", PNG)],
                ),
            ],
        )),
        Draft::new("Archive", "seen", 24 * 45, EVA, "Gescannte Karte").body(Part::multipart(
            "mixed",
            vec![
                Part::file("image/png", "Karte aus Köln.png", PNG),
                Part::text("Nur das Bild, und dieser Satz danach.\n"),
            ],
        )),
    ]
}

fn forward() -> Draft {
    let inner = "Date: Mon, 2 Mar 2026 08:00:00 +0100\r\nFrom: =?UTF-8?B?RXZhIE3DvGxsZXI=?= <eva@mueller.example>\r\n\
        To: ben@demo.test\r\nSubject: Fahrplan\r\nMessage-ID: <fahrplan@mueller.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nDer Zug fährt um 8:12 auf Gleis 3.\r\n";
    let inner = Part::leaf("message/rfc822", Transfer::EightBit, inner.as_bytes().to_vec());
    Draft::new("INBOX", "seen $Forwarded", 65, BEN, "Fwd: Fahrplan").body(Part::multipart(
        "mixed",
        vec![Part::text("See the attached message.\n\nBen\n"), inner.field("Content-Disposition: attachment")],
    ))
}

/// A bounce (RFC 3464).
fn report() -> Draft {
    let status = "Reporting-MTA: dns; relay.example\r\nArrival-Date: Tue, 3 Mar 2026 10:00:00 +0000\r\n\r\n\
        Final-Recipient: rfc822; nobody@mueller.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Remote-MTA: dns; mx.mueller.example\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user here\r\n";
    let header = "From: Anna Demo <anna@demo.test>\r\nTo: nobody@mueller.example\r\nSubject: Salat\r\n\
        Message-ID: <bounced@demo.test>\r\n";
    let leaf = |content_type, text: &str| Part::leaf(content_type, Transfer::SevenBit, text.as_bytes().to_vec());
    Draft::new("INBOX", "", 98, DAEMON, "Undelivered Mail Returned to Sender")
        .field("Auto-Submitted: auto-replied")
        .body(Part::multipart(
            "report; report-type=delivery-status",
            vec![
                Part::text(
                    "Your message could not be delivered to nobody@mueller.example:\n550 5.1.1 No such user here\n",
                ),
                leaf("message/delivery-status", status),
                leaf("text/rfc822-headers", header),
            ],
        ))
}

/// An invitation (RFC 6047).
fn invitation() -> Draft {
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//postamt//demo//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
        UID:coffee@jensen.example\r\nDTSTAMP:20260301T090000Z\r\nDTSTART:20260310T130000Z\r\nDTEND:20260310T140000Z\r\n\
        SUMMARY:Coffee and stamps\r\nLOCATION:Café Zentral\r\nORGANIZER;CN=Kim Jensen:mailto:kim@jensen.example\r\n\
        ATTENDEE;CN=Anna Demo;RSVP=TRUE:mailto:anna@demo.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let calendar = |content_type| Part::leaf(content_type, Transfer::Base64, event.as_bytes().to_vec());
    Draft::new("INBOX", "", 24, KIM, "Invitation: Coffee and stamps").body(Part::multipart(
        "mixed",
        vec![
            Part::multipart(
                "alternative",
                vec![
                    Part::text("Coffee and stamps, 10 March, 13:00 UTC, Café Zentral\n"),
                    Part::html("<p><b>Coffee and stamps</b><br>10 March, 13:00 UTC, Café Zentral</p>\n"),
                    calendar("text/calendar; charset=UTF-8; method=REQUEST"),
                ],
            ),
            calendar("application/ics; name=\"invite.ics\"")
                .field("Content-Disposition: attachment; filename=\"invite.ics\""),
        ],
    ))
}

fn reply() -> Draft {
    let mut text = String::new();
    for depth in (1..=4).rev() {
        text += &format!("{} What Kim wrote {depth} mails ago.\n", ">".repeat(depth));
    }
    text += "\nAgreed, in every point.\n\nBen\n";
    Draft::new("INBOX", "seen answered", 110, BEN, "Re: Re: Re: Who brings the cake?")
        .field("In-Reply-To: <cake-3@jensen.example>")
        .field("References: <cake-1@jensen.example> <cake-2@demo.test> <cake-3@jensen.example>")
        .field(format!("Cc: {} <{}>", KIM.0, KIM.1))
        .to(ANNA)
        .body(Part::text(&text))
}

fn newsletters() -> Vec<Draft> {
    const ISSUES: [(&str, &str); 6] = [
        ("Neu im März: Krimis und Karten", "Drei Krimis, zwei Landkarten und ein Kochbuch sind eingetroffen."),
        ("Lesung am Donnerstag", "Um 19 Uhr liest Pia Sommer aus „Die letzte Post“. Eintritt frei."),
        ("Books of the month", "Our five favourites, with an excerpt of each."),
        ("Umtausch nach den Feiertagen", "Bis Mitte Januar, auch ohne Kassenzettel."),
        ("✂️ Gutschein: 5 € auf alles", "Einfach an der Kasse vorzeigen."),
        ("Inventur: montags geschlossen", "Am Dienstag sind wir wieder für Sie da."),
    ];
    let issue = |(n, (subject, text)): (usize, &(&'static str, &'static str))| {
        let id = format!("logo{n}@buch.example");
        let html = format!(
            "<!DOCTYPE html>\n<html><head><style>h1 {{ color: #5a3c00 }}</style></head><body style=\"font-family: sans-serif\">\n\
             <img src=\"cid:{id}\" alt=\"\" width=\"48\" height=\"32\"><h1>{subject}</h1>\n<p>{text}</p>\n\
             <table><tr><td>Mo–Fr</td><td>9–18 Uhr</td></tr><tr><td>Sa</td><td>10–14 Uhr</td></tr></table>\n\
             <p><small><a href=\"https://buch.example/abmelden\">Abmelden</a></small></p>\n</body></html>\n"
        );
        let flags = if n % 2 == 0 { "seen" } else { "" };
        Draft::new("Newsletters", flags, 24 * (7 * n as u64 + 2), BOOKS, subject)
            .field("List-Unsubscribe: <https://buch.example/abmelden>")
            .field("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
            .body(with_image(&format!("{text}\n\nAbmelden: https://buch.example/abmelden\n"), &html, &id))
    };
    ISSUES.iter().enumerate().map(issue).collect()
}
