//! What a report tells people, short and kind.

use model::Timestamp;
use model::time::MONTHS;

use crate::report::{Action, DeliveryReport, Language, RecipientReport};

/// Characters of a line that reads well.
const LINE_MAX: usize = 72;
/// Characters of a foreign text that are quoted; an answer stands in the part for programs too.
const QUOTE_CHARS_MAX: usize = 1_000;

/// RFC 5646.
pub(super) fn tag(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::German => "de",
    }
}

/// The name before the address in `From`.
pub(super) fn sender(language: Language) -> &'static str {
    match language {
        Language::English => "Mail Delivery",
        Language::German => "Postzustellung",
    }
}

/// What stands before the message's own subject.
pub(super) fn subject(action: Action, language: Language) -> &'static str {
    match (language, action) {
        (Language::English, Action::Failed) => "Undelivered mail",
        (Language::English, Action::Delayed) => "Delayed mail",
        (Language::English, Action::Delivered) => "Delivered mail",
        (Language::English, Action::Relayed) => "Mail handed on",
        (Language::English, Action::Expanded) => "Mail distributed",
        (Language::German, Action::Failed) => "Nicht zugestellt",
        (Language::German, Action::Delayed) => "Verzögert",
        (Language::German, Action::Delivered) => "Zugestellt",
        (Language::German, Action::Relayed) => "Weitergegeben",
        (Language::German, Action::Expanded) => "Verteilt",
    }
}

/// The whole text, lines ended by CRLF.
pub(super) fn text(report: &DeliveryReport) -> String {
    let language = report.language;
    let mut out = Text::default();
    out.paragraph("", &greeting(report));
    for action in Action::ALL {
        let mut recipients = report.recipients.iter().filter(|recipient| recipient.action == action).peekable();
        if recipients.peek().is_none() {
            continue;
        }
        out.paragraph("", happened(action, language));
        recipients.for_each(|recipient| tell(recipient, language, &mut out));
    }
    let closing = match language {
        Language::English => {
            format!("This is an automatic notice of {}. You need not answer it.", report.reporting_mta)
        }
        Language::German => {
            format!(
                "Dies ist eine automatische Nachricht von {}. Sie brauchen nicht zu antworten.",
                report.reporting_mta
            )
        }
    };
    out.paragraph("", &closing);
    out.0
}

/// Which message it is about.
fn greeting(report: &DeliveryReport) -> String {
    let (language, arrival) = (report.language, day(report.arrival, report.language));
    let subject: String =
        report.original.subject.as_deref().unwrap_or_default().trim().chars().take(QUOTE_CHARS_MAX).collect();
    match (language, subject.is_empty()) {
        (Language::English, true) => format!("Hello, this is the mail server. It is about your message of {arrival}."),
        (Language::English, false) => {
            format!("Hello, this is the mail server. It is about your message \"{subject}\" of {arrival}.")
        }
        (Language::German, true) => {
            format!("Guten Tag, hier ist der Mailserver. Es geht um Ihre Nachricht vom {arrival}.")
        }
        (Language::German, false) => {
            format!("Guten Tag, hier ist der Mailserver. Es geht um Ihre Nachricht „{subject}“ vom {arrival}.")
        }
    }
}

fn happened(action: Action, language: Language) -> &'static str {
    match (language, action) {
        (Language::English, Action::Failed) => "Sorry, it could not be delivered to:",
        (Language::English, Action::Delayed) => {
            "It has not been delivered yet, and we keep trying. You need not send it again:"
        }
        (Language::English, Action::Delivered) => "It was delivered to:",
        (Language::English, Action::Relayed) => "It was handed on to a server that sends no further notices, for:",
        (Language::English, Action::Expanded) => "It was delivered and sent on to all who stand behind this address:",
        (Language::German, Action::Failed) => "Leider konnte sie nicht zugestellt werden an:",
        (Language::German, Action::Delayed) => {
            "Sie ist noch nicht zugestellt; wir versuchen es weiter. Bitte nicht noch einmal senden:"
        }
        (Language::German, Action::Delivered) => "Sie wurde zugestellt an:",
        (Language::German, Action::Relayed) => {
            "Sie wurde an einen Server weitergegeben, der nichts weiter meldet, für:"
        }
        (Language::German, Action::Expanded) => {
            "Sie wurde zugestellt und an alle verteilt, für die diese Adresse steht:"
        }
    }
}

/// One recipient: the address, why, the other side's words, what to do.
fn tell(recipient: &RecipientReport, language: Language, out: &mut Text) {
    out.paragraph("    ", &recipient.final_recipient);
    if !recipient.explanation.trim().is_empty() {
        out.paragraph("", &recipient.explanation);
    }
    if let Some(diagnostic) = recipient.diagnostic.as_deref().filter(|text| !text.trim().is_empty()) {
        let said = diagnostic.strip_prefix("smtp;").unwrap_or(diagnostic);
        let said: String = said.chars().take(QUOTE_CHARS_MAX).collect();
        let introduction = match (language, recipient.remote_mta.as_deref()) {
            (Language::English, Some(remote)) => format!("The server {remote} said:"),
            (Language::English, None) => "The answer was:".to_owned(),
            (Language::German, Some(remote)) => format!("Der Server {remote} antwortete:"),
            (Language::German, None) => "Die Antwort war:".to_owned(),
        };
        out.paragraph("", &introduction);
        out.paragraph("    ", &said);
    }
    match (recipient.action, recipient.will_retry_until, language) {
        (Action::Failed, ..) => out.paragraph("", advice(recipient.status, language)),
        (Action::Delayed, Some(until), Language::English) => {
            out.paragraph("", &format!("We will try until {}, and tell you if it fails.", day(until, language)));
        }
        (Action::Delayed, Some(until), Language::German) => {
            let until = day(until, language);
            out.paragraph("", &format!("Wir versuchen es bis {until} und melden uns, falls es scheitert."));
        }
        _ => {}
    }
}

/// What to do about a failure, by its status (RFC 3463 §3).
fn advice(status: (u8, u16, u16), language: Language) -> &'static str {
    match (language, status) {
        (Language::English, (_, 1, _)) => "Please check the address for typing errors and send the message again.",
        (Language::English, (_, 2, 2)) => {
            "The mailbox is full. Please try again later, or reach the person another way."
        }
        (Language::English, (_, 2 | 3, 3 | 4)) => {
            "The message is too large there. Please send it smaller, or share a link."
        }
        (Language::English, (_, 6, _)) => {
            "The other server cannot take this form of message. Please send it in a simpler form."
        }
        (Language::English, (_, 7, _)) => {
            "The other side refused it. Please reach the person another way, or ask your postmaster."
        }
        (Language::English, (4, ..)) => "The other server could not be reached in time. Please try again later.",
        (Language::English, _) => "Please try again later, or reach the person another way.",
        (Language::German, (_, 1, _)) => {
            "Bitte prüfen Sie die Adresse auf Tippfehler und senden Sie die Nachricht noch einmal."
        }
        (Language::German, (_, 2, 2)) => "Das Postfach ist voll. Bitte versuchen Sie es später oder auf anderem Weg.",
        (Language::German, (_, 2 | 3, 3 | 4)) => {
            "Die Nachricht ist dort zu groß. Bitte senden Sie sie kleiner oder teilen Sie einen Link."
        }
        (Language::German, (_, 6, _)) => {
            "Der andere Server kann diese Form nicht annehmen. Bitte senden Sie sie in einfacherer Form."
        }
        (Language::German, (_, 7, _)) => {
            "Die Gegenseite hat sie abgelehnt. Bitte wählen Sie einen anderen Weg oder fragen Sie Ihren Postmaster."
        }
        (Language::German, (4, ..)) => {
            "Der andere Server war nicht rechtzeitig erreichbar. Bitte versuchen Sie es später noch einmal."
        }
        (Language::German, _) => "Bitte versuchen Sie es später oder auf anderem Weg.",
    }
}

fn day(at: Timestamp, language: Language) -> String {
    let c = at.civil();
    match language {
        Language::English => {
            let month = MONTHS.get(usize::from(c.month).wrapping_sub(1)).copied().unwrap_or_default();
            format!("{} {month} {}, {:02}:{:02} UTC", c.day, c.year, c.hour, c.minute)
        }
        Language::German => format!("{}.{}.{}, {:02}:{:02} Uhr UTC", c.day, c.month, c.year, c.hour, c.minute),
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// Appends words in lines that read well, after a blank line. Controls in them become spaces.
    fn paragraph(&mut self, indent: &str, words: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        let mut column = 0;
        for word in words.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()) {
            let chars = word.chars().count();
            if column > 0 && column + 1 + chars > LINE_MAX {
                self.0.push_str("\r\n");
                column = 0;
            }
            let before = if column == 0 { indent } else { " " };
            self.0.push_str(before);
            self.0.push_str(word);
            column += before.len() + chars;
        }
        self.0.push_str("\r\n");
    }
}
