//! The demo: three accounts on loopback, every address taken, nothing sent away.

mod outbox;

pub use outbox::Outbox;

use crate::config::loopback;
use crate::language::say;
use crate::plan::{Certificate, Deleted, DemoPlan, Limits, Login, Outbound, Port, ServePlan};
use anyhow::{Context, bail};
use directory::{AccountSpec, CatchAll, Credential, DirectorySpec, Secret};
use env::Random;
use model::{Address, Domain};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use store_local::Backend;

const DOMAIN: &str = "demo.test";
/// The first one gets all mail and the samples.
const LOCALS: [&str; 3] = ["anna", "ben", "admin"];
const LOGINS_FILE: &str = "logins.txt";
const OUTBOX: &str = "outbox";
/// Sixteen letters and digits of this alphabet are 80 bits; none of them is mistaken for another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const PASSWORD_LETTERS: usize = 16;

/// The demo in the folder `data`, which is made if it is not there. The logins of an earlier start are kept.
pub fn plan(data: &Path, random: &dyn Random) -> anyhow::Result<ServePlan> {
    let name = data.display();
    let folder = fs::DirBuilder::new().recursive(true).create(data);
    folder.with_context(|| say!("cannot make {name}", "{name} lässt sich nicht anlegen"))?;
    let logins_file = data.join(LOGINS_FILE);
    let logins = logins(&logins_file, random)?;
    let anna = address(LOCALS[0]);
    let mut directory = DirectorySpec::new(vec![domain()]);
    directory.catch_all = CatchAll::Demo(anna.clone());
    let account = |login: &Login| AccountSpec::new(login.address.clone(), Credential::Clear(login.password.clone()));
    directory.accounts = logins.iter().map(account).collect();
    Ok(ServePlan {
        deleted: Deleted::default(),
        config: None,
        data: data.to_owned(),
        backend: Backend::default(),
        hostname: domain(),
        listeners: loopback(Port::MayMove),
        certificate: Certificate::SelfSigned,
        directory,
        outbound: Outbound::default(),
        relay_from: Vec::new(),
        limits: Limits::default(),
        demo: Some(DemoPlan { samples_for: anna, logins, logins_file, outbox: data.join(OUTBOX) }),
    })
}

fn domain() -> Domain {
    Domain::new(DOMAIN).expect("the demo's domain is one")
}

fn address(local: &str) -> Address {
    format!("{local}@{DOMAIN}").parse().expect("the demo's addresses are some")
}

fn logins(file: &Path, random: &dyn Random) -> anyhow::Result<Vec<Login>> {
    let name = file.display();
    match fs::read_to_string(file) {
        Ok(text) => {
            fs::set_permissions(file, fs::Permissions::from_mode(0o600))
                .with_context(|| say!("cannot make {name} private", "{name} lässt sich nicht vor anderen schützen"))?;
            read(&text).with_context(|| {
                say!(
                    "{name} cannot be used; mend it, or delete it for new passwords (mail stays)",
                    "{name} ist unbrauchbar; berichtigen oder für neue Passwörter löschen (Mail bleibt)"
                )
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let logins = LOCALS.map(|local| Login { address: address(local), password: password(random) });
            write(file, &print(&logins))
                .with_context(|| say!("cannot write {name}", "{name} lässt sich nicht schreiben"))?;
            Ok(logins.into())
        }
        Err(error) => Err(error).with_context(|| say!("cannot read {name}", "{name} lässt sich nicht lesen")),
    }
}

/// A new password of 80 bits, easily typed.
pub fn password(random: &dyn Random) -> Secret {
    let mut octets = [0u8; PASSWORD_LETTERS];
    random.fill(&mut octets);
    let letters = octets.iter().filter_map(|octet| ALPHABET.get(usize::from(octet % 32)));
    letters.map(|&letter| char::from(letter)).collect::<String>().into()
}

fn print(logins: &[Login]) -> String {
    let mut text = say!(
        "# Logins of the postamt demo. To change a password, edit it here and start again.\n",
        "# Zugangsdaten der postamt-Demo. Ein anderes Passwort: hier ändern und neu starten.\n"
    );
    for login in logins {
        text += &format!("{}  {}\n", login.address, login.password.expose());
    }
    text
}

/// The file is the source of truth, so what is odd in it is told and never guessed.
fn read(text: &str) -> anyhow::Result<Vec<Login>> {
    let mut logins: Vec<Login> = Vec::new();
    for (n, line) in text.lines().enumerate().map(|(n, line)| (n + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (address, password) = line.split_once(char::is_whitespace).with_context(|| {
            say!("line {n}: not an address and a password", "Zeile {n}: keine Adresse mit Passwort")
        })?;
        let parsed = address.parse();
        let address: Address = parsed.with_context(|| say!("line {n}: \"{address}\"", "Zeile {n}: \"{address}\""))?;
        if !LOCALS.map(self::address).contains(&address) {
            let text =
                say!("line {n}: the demo has no account {address}", "Zeile {n}: die Demo hat kein Konto {address}");
            bail!(text);
        }
        if logins.iter().any(|login| login.address == address) {
            bail!(say!("line {n}: {address} is there twice", "Zeile {n}: {address} steht doppelt da"));
        }
        logins.push(Login { address, password: password.trim().into() });
    }
    for local in LOCALS {
        if !logins.iter().any(|login| login.address == address(local)) {
            bail!(say!("the line of {local}@{DOMAIN} is missing", "die Zeile für {local}@{DOMAIN} fehlt"));
        }
    }
    Ok(logins)
}

/// Nobody ever sees half a file, nor anybody else its content.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.set_permissions(fs::Permissions::from_mode(0o600))?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&new, file)?;
    fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;
