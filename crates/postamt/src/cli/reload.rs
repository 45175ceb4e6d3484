//! `postamt reload`: the configuration, taken anew.

use super::failure::Failure;
use super::place::{Place, columns, json};
use super::text::{accounts, domains, harmless, wrap};
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::reload::Reloaded;
use crate::config::Mistakes;
use crate::language::{caller, say};

pub const EXAMPLES: &str = "Example:
  postamt reload --config /etc/postamt/postamt.toml

The server reads the file that it was started with; kill -HUP does the same, and logs what came of it.
Connections stay, but for those of listeners that are gone from the file. `data` cannot change this way.
Exit code 2: the file is wrong, and nothing has changed.";

pub fn run(place: &Place) -> Result<(), Failure> {
    let data = match place.data() {
        Ok(data) => data,
        Err(mistakes) => return Err(refused(place, &mistakes.within(caller()))),
    };
    let mut done: Reloaded = Client::connect(&data)?.one(Request::Reload {})?;
    if done.mistakes.is_empty() {
        return place.tell(&done, |done| text(done, columns()));
    }
    let file = done.file.take().unwrap_or_default().into();
    Err(refused(place, &Mistakes { file, mistakes: done.mistakes }))
}

/// As `postamt check` tells it.
fn refused(place: &Place, mistakes: &Mistakes<String>) -> Failure {
    if !place.json {
        return Failure::Wrong(say!(
            "nothing has changed, for the configuration is wrong:\n{mistakes}",
            "nichts wurde geändert, denn die Konfiguration ist falsch:\n{mistakes}"
        ));
    }
    json(mistakes).err().unwrap_or(Failure::WrongTold)
}

fn text(done: &Reloaded, columns: Option<usize>) -> String {
    let mut out = match &done.file {
        Some(file) => wrap(&say!("{file} is in effect", "{file} ist in Kraft", file = harmless(file)), columns, 0),
        None => say!(
            "there is no configuration file; the certificates were read anew\n",
            "es gibt keine Konfigurationsdatei; die Zertifikate wurden neu gelesen\n"
        ),
    };
    let mut line = |name: &str, text: String| {
        out.push_str(&wrap(&format!("  {name:<12} {}", harmless(&text)), columns, 15));
    };
    let groups = [
        (say!("opened", "geöffnet"), &done.opened),
        (say!("closed", "geschlossen"), &done.closed),
        (say!("changed", "geändert"), &done.changed),
    ];
    for (name, listeners) in &groups {
        for listener in *listeners {
            line(name, listener.told());
        }
    }
    if done.file.is_some() {
        line(&say!("declared", "deklariert"), format!("{}, {}", accounts(done.accounts), domains(done.domains)));
    }
    for certificate in &done.certificates {
        line(&say!("certificate", "Zertifikat"), certificate.told());
    }
    out
}
