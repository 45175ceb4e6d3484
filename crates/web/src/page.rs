//! The page for people.

use crate::status::{Health, Listening, Security, Status};
use crate::xml::escape;
use std::fmt::Write;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");

/// The languages the page speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    English,
    German,
}

/// The page's words in one language.
struct Words {
    code: &'static str,
    group: char,
    well: &'static str,
    ill: &'static str,
    version: &'static str,
    uptime: &'static str,
    accounts: &'static str,
    messages: &'static str,
    listeners: &'static str,
    service: &'static str,
    address: &'static str,
    security: &'static str,
    unprotected: &'static str,
    connect: &'static str,
    how: &'static str,
    /// Singular and plural of day, hour, minute.
    units: [[&'static str; 2]; 3],
}

const ENGLISH: Words = Words {
    code: "en",
    group: ',',
    well: "All is well",
    ill: "Something is wrong",
    version: "Version",
    uptime: "Running for",
    accounts: "Accounts",
    messages: "Messages",
    listeners: "Where it listens",
    service: "Service",
    address: "Address",
    security: "Protection",
    unprotected: "none",
    connect: "How to connect",
    how: "In your mail program, enter your address and password, and as server for receiving (IMAP) and sending (SMTP)",
    units: [["day", "days"], ["hour", "hours"], ["minute", "minutes"]],
};

const GERMAN: Words = Words {
    code: "de",
    group: '.',
    well: "Alles in Ordnung",
    ill: "Etwas stimmt nicht",
    version: "Version",
    uptime: "Läuft seit",
    accounts: "Konten",
    messages: "Nachrichten",
    listeners: "Wo der Server lauscht",
    service: "Dienst",
    address: "Adresse",
    security: "Schutz",
    unprotected: "keiner",
    connect: "So verbinden Sie sich",
    how: "Tragen Sie im Mailprogramm Ihre Adresse und Ihr Passwort ein, und als Server für Empfang (IMAP) und Versand (SMTP)",
    units: [["Tag", "Tagen"], ["Stunde", "Stunden"], ["Minute", "Minuten"]],
};

impl Language {
    /// The one that `accept_language` prefers; English if it names neither.
    pub(crate) fn preferred(accept_language: &str) -> Language {
        let mut best = (Language::English, 0.0);
        for range in accept_language.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(0.0);
            let language = match tag.trim().split('-').next().map(str::to_ascii_lowercase).as_deref() {
                Some("de") => Language::German,
                Some("en") => Language::English,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    fn words(self) -> &'static Words {
        match self {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

/// The page.
pub(crate) fn render(status: &Status, language: Language) -> String {
    let words = language.words();
    let program = escape(&status.program);
    let (class, health, reason) = match &status.health {
        Health::Well => ("well", words.well, String::new()),
        Health::Ill(reason) => ("ill", words.ill, format!("<p>{}</p>", escape(reason))),
    };
    let facts = [
        (words.version, escape(&status.version).into_owned()),
        (words.uptime, duration(status.uptime, words)),
        (words.accounts, grouped(status.accounts, words.group)),
        (words.messages, grouped(status.messages, words.group)),
    ]
    .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"))
    .concat();
    let hint = status.hint.as_deref().map(|hint| format!("<p>{}</p>\n", escape(hint))).unwrap_or_default();
    format!(
        r#"<!doctype html>
<html lang="{code}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{program} · {health}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<header><h1>{program}</h1><p class="host">{host}</p></header>
<section class="health {class}" role="status"><h2>{health}</h2>{reason}</section>
<dl>
{facts}</dl>
<section><h2>{listeners}</h2>
{table}</section>
<section><h2>{connect}</h2>
<p>{how} <strong>{host}</strong>.</p>
{hint}</section>
</main>
</body>
</html>
"#,
        code = words.code,
        host = escape(&status.host),
        listeners = words.listeners,
        table = table(&status.listeners, words),
        connect = words.connect,
        how = words.how,
    )
}

fn table(listeners: &[Listening], words: &Words) -> String {
    let mut table = format!(
        "<table>\n<thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>\n<tbody>\n",
        words.service, words.address, words.security
    );
    for listening in listeners {
        let security = match listening.security {
            Security::None => words.unprotected,
            Security::StartTls => "STARTTLS",
            Security::Tls => "TLS",
        };
        let (service, address) = (escape(&listening.service), escape(&listening.address));
        // Writing to a string cannot fail.
        let _ = writeln!(table, "<tr><td>{service}</td><td><code>{address}</code></td><td>{security}</td></tr>");
    }
    table + "</tbody>\n</table>\n"
}

/// The two largest units, as people say it.
fn duration(duration: Duration, words: &Words) -> String {
    let minutes = duration.as_secs() / 60;
    let counts = [minutes / 1440, minutes / 60 % 24, minutes % 60];
    let mut parts = counts
        .into_iter()
        .zip(words.units)
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, [one, many])| format!("{count} {}", if count == 1 { one } else { many }))
        .collect::<Vec<_>>();
    if parts.is_empty() {
        let [_, _, [one, _]] = words.units;
        parts.push(format!("&lt; 1 {one}"));
    }
    parts.join(" ")
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_counts() {
        let check = |header, language| assert_eq!(Language::preferred(header), language, "{header}");
        check("", Language::English);
        check("de", Language::German);
        check("de-AT,de;q=0.9,en;q=0.8", Language::German);
        check("en-GB, de;q=0.9", Language::English);
        check("fr, DE;q=0.5, en;q=0.4", Language::German);
        check("de;q=0, *", Language::English);
        check("de;q=x;;,,", Language::English);
    }

    #[test]
    fn numbers_and_times_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(|n| grouped(n, ',')), ["0", "999", "1,000", "1,234,567"]);
        let check = |s, text| assert_eq!(duration(Duration::from_secs(s), &ENGLISH), text);
        check(5, "&lt; 1 minute");
        check(61, "1 minute");
        check(3600 * 2 + 60, "2 hours 1 minute");
        check(86_400 + 59 * 60, "1 day");
        check(86_400 * 3 + 3600 * 4, "3 days 4 hours");
        assert_eq!(duration(Duration::from_secs(86_400 * 3), &GERMAN), "3 Tagen");
    }
}
