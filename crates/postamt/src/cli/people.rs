//! What the commands for accounts, domains and aliases have in common.

use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::table;
use crate::admin::protocol::{Changed, Request};
use crate::language::say;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes one change and tells what came of it; `password` is one that was made.
pub fn change(place: &Place, ask: Request, done: &str, password: Option<String>) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told {
        #[serde(flatten)]
        changed: Changed,
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    }
    let changed: Changed = place.connect()?.one(ask)?;
    place.tell(&Told { changed, password }, |told| {
        let mut text = match (&told.changed.note, told.changed.changed) {
            (Some(note), 0) => say!("nothing changed: {note}\n", "nichts geändert: {note}\n"),
            (Some(note), _) => format!("{done}; {note}\n"),
            (None, _) => format!("{done}\n"),
        };
        if let Some(password) = &told.password {
            text += &say!("its password is {password}\n", "das Passwort lautet {password}\n");
        }
        text
    })
}

/// Prints all of a kind under a heading, or says that there is none.
pub fn list<T: Serialize + DeserializeOwned>(
    place: &Place,
    ask: Request,
    none: fn() -> String,
    heading: fn() -> Vec<String>,
    row: fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    let mut items: Vec<T> = Vec::new();
    place.connect()?.ask(ask, |item| {
        items.push(item);
        true
    })?;
    if items.is_empty() {
        return Err(Failure::Nothing(none()));
    }
    if place.json {
        return items.iter().try_for_each(json);
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    say(&table(&heading(), &rows, columns()))
}

/// Where it is edited.
pub fn declared(declared: bool) -> String {
    if declared { say!(" (in the configuration)", " (in der Konfiguration)") } else { String::new() }
}
