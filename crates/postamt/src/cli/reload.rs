//! `postamt reload`: the configuration, taken anew.

use super::failure::Failure;
use super::place::{Place, columns, json};
use super::text::{count, harmless, wrap};
use crate::admin::client::Client;
use crate::admin::protocol::Request;
use crate::admin::reload::Reloaded;
use crate::config::Mistakes;

pub const EXAMPLES: &str = "Example:
  postamt reload --config /etc/postamt/postamt.toml

The server reads the file that it was started with; kill -HUP does the same, and logs what came of it.
Connections stay, but for those of listeners that are gone from the file. `data` cannot change this way.
Exit code 2: the file is wrong, and nothing has changed.";

pub fn run(place: &Place) -> Result<(), Failure> {
    let data = match place.data() {
        Ok(data) => data,
        Err(mistakes) => return Err(refused(place, mistakes)),
    };
    let mut done: Reloaded = Client::connect(&data)?.one(Request::Reload {})?;
    if done.mistakes.is_empty() {
        return place.tell(&done, |done| text(done, columns()));
    }
    let file = done.file.take().unwrap_or_default().into();
    Err(refused(place, Mistakes { file, mistakes: done.mistakes }))
}

/// As `postamt check` tells it.
fn refused(place: &Place, mistakes: Mistakes) -> Failure {
    if !place.json {
        return Failure::Wrong(format!("nothing has changed, for the configuration is wrong:\n{mistakes}"));
    }
    json(&mistakes).err().unwrap_or(Failure::WrongTold)
}

fn text(done: &Reloaded, columns: Option<usize>) -> String {
    let mut out = match &done.file {
        Some(file) => wrap(&format!("{} is in effect", harmless(file)), columns, 0),
        None => "there is no configuration file; the certificates were read anew\n".into(),
    };
    let mut line = |name: &str, text: String| {
        out.push_str(&wrap(&format!("  {name:<12} {}", harmless(&text)), columns, 15));
    };
    for (name, listeners) in [("opened", &done.opened), ("closed", &done.closed), ("changed", &done.changed)] {
        for listener in listeners {
            line(name, listener.to_string());
        }
    }
    if done.file.is_some() {
        let accounts = count(done.accounts, "account", "accounts");
        line("declared", format!("{accounts}, {}", count(done.domains, "domain", "domains")));
    }
    for certificate in &done.certificates {
        line("certificate", certificate.to_string());
    }
    out
}
