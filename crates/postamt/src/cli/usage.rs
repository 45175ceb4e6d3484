//! What is wrong with a command line. Clap says it in English; in German it is said from what clap found.

use crate::language::{Language, caller, of_fault};
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::process::ExitCode;

/// Tells why there is nothing to do: help was asked for, or something is wrong.
pub fn told(error: &Error) -> ExitCode {
    let done = match (caller(), error.use_stderr()) {
        (Language::German, true) => {
            eprint!("{}", german(error));
            Ok(())
        }
        _ => error.print(),
    };
    // That nobody reads it is no failure of its own.
    drop(done);
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(super::WRONG))
}

fn german(error: &Error) -> String {
    let of = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    // Shown when a subcommand is missing: the whole help, which is German already.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return error.render().to_string();
    }
    let mut text = format!("Fehler: {}\n", wrong(error));
    let valid = of(ContextKind::ValidValue);
    if !valid.is_empty() && error.kind() == ErrorKind::InvalidValue {
        text += &format!("  [mögliche Werte: {valid}]\n");
    }
    let similar = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    for meant in similar.map(of).iter().filter(|meant| !meant.is_empty()) {
        text += &format!("\n  Tipp: gemeint ist vielleicht '{meant}'\n");
    }
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
        for tip in tips.iter().filter_map(|tip| self::tip(&tip.to_string())) {
            text += &format!("\n  Tipp: {tip}\n");
        }
    }
    let usage = of(ContextKind::Usage);
    if !usage.is_empty() {
        text += &format!("\nAufruf:{}\n", usage.trim_start_matches("Usage:").trim_end());
    }
    text + "\nMehr dazu mit '--help'.\n"
}

fn wrong(error: &Error) -> String {
    let of = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (arg, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let list = |kind| of(kind).split(", ").map(|name| format!("\n  {name}")).collect::<String>();
    match error.kind() {
        ErrorKind::ArgumentConflict => match of(ContextKind::PriorArg) {
            prior if prior.is_empty() || prior == arg => format!("'{arg}' ist mehrfach oder mit anderen angegeben"),
            prior => format!("'{arg}' geht nicht zusammen mit '{prior}'"),
        },
        ErrorKind::InvalidValue if value.is_empty() => format!("bei '{arg}' fehlt der Wert"),
        ErrorKind::InvalidValue => format!("ungültiger Wert '{value}' für '{arg}'"),
        ErrorKind::ValueValidation => {
            let cause = error.source().map(|cause| bounds(&of_fault(cause).german)).unwrap_or_default();
            format!("ungültiger Wert '{value}' für '{arg}': {cause}")
        }
        ErrorKind::InvalidSubcommand => format!("unbekannter Befehl '{}'", of(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => format!("es fehlt:{}", list(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand => format!("nach '{}' fehlt ein Befehl", of(ContextKind::InvalidSubcommand)),
        ErrorKind::UnknownArgument => format!("unbekanntes Argument '{arg}'"),
        ErrorKind::TooManyValues => format!("überzähliger Wert '{value}' für '{arg}'"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("zu wenige oder zu viele Werte für '{arg}'")
        }
        ErrorKind::NoEquals => format!("bei '{arg}' fehlt das Gleichheitszeichen"),
        ErrorKind::InvalidUtf8 => "ein Argument ist kein UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// Clap's words on numbers have no type of their own.
fn bounds(text: &str) -> String {
    match text.split_once(" is not in ") {
        Some((value, range)) => format!("{value} liegt nicht im Bereich {range}"),
        None => text.to_owned(),
    }
}

/// The one tip that these commands can bring about; others would be English, and are left out.
fn tip(english: &str) -> Option<String> {
    let (value, instead) = english.strip_prefix("to pass '")?.strip_suffix('\'')?.split_once("' as a value, use '")?;
    Some(format!("'{value}' als Wert übergibt '{instead}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::in_german;

    fn check(line: &str, expected: &str) {
        in_german(|| {
            let error = super::super::tree::command().try_get_matches_from(line.split(' ')).unwrap_err();
            let text = german(&error);
            assert!(text.starts_with(expected), "{line}:\n{text}");
            for word in ["error", "Usage", "tip:", "OPTIONS", " is ", " not "] {
                assert!(!text.contains(word), "{line}:\n{text}");
            }
        });
    }

    #[test]
    fn mistakes_in_a_command_line_are_told_in_german() {
        check("postamt serve", "Fehler: es fehlt:\n  --config <DATEI>\n\nAufruf: postamt serve");
        check("postamt serv", "Fehler: unbekannter Befehl 'serv'\n\n  Tipp: gemeint ist vielleicht 'serve'\n");
        check(
            "postamt status --jsn",
            "Fehler: unbekanntes Argument '--jsn'\n\n  Tipp: gemeint ist vielleicht '--json'\n",
        );
        check("postamt trace a b", "Fehler: unbekanntes Argument 'b'\n");
        check("postamt trace --limit x", "Fehler: ungültiger Wert 'x' für '--limit <ZAHL>': keine ganze Zahl\n");
        check("postamt trace --since 5", "Fehler: ungültiger Wert '5' für '--since <ZEIT>': eine Zeitspanne ist ");
        check("postamt status --config", "Fehler: bei '--config <DATEI>' fehlt der Wert\n");
        check(
            "postamt status --config a --data b",
            "Fehler: '--config <DATEI>' geht nicht zusammen mit '--data <ORDNER>'\n",
        );
        check("postamt alias add anna", "Fehler: ungültiger Wert 'anna' für '<ADRESSE>': eine Adresse hat die Form ");
        check("postamt completions sh", "Fehler: ungültiger Wert 'sh' für '<SHELL>'\n  [mögliche Werte: bash, ");
        check(
            "postamt account quota a@b.test --quota-messages 0",
            "Fehler: ungültiger Wert '0' für '--quota-messages <ZAHL>': 0 ",
        );
        check(
            "postamt --language fr",
            "Fehler: ungültiger Wert 'fr' für '--language <SPRACHE>'\n  [mögliche Werte: en, de]\n",
        );
        check(
            "postamt queue reroute x http://y",
            "Fehler: ungültiger Wert 'http://y' für '<NÄCHSTER_HOP>': \"http://y\": am Anfang",
        );
    }
}
