//! `postamt backup list`

use super::{Keys, shown};
use crate::admin::when::When;
use crate::cli::failure::Failure;
use crate::cli::place::{self, columns};
use crate::cli::text::{messages, size, table};
use crate::language::{say, told};
use backup::{AccountEntry, Content, Folder, Listed, content};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  postamt backup list /backup
  postamt backup list /backup --accounts --identity /media/stick/backup.key

Exit codes: 0 done, 1 a backup cannot be read, 2 the command is wrong.";

#[derive(Args, Debug)]
pub struct List {
    /// The folder of backups.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also whose mail is in each.
    #[arg(long)]
    accounts: bool,
    #[command(flatten)]
    keys: Keys,
    /// JSON, one object a line, instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item {
    backup: String,
    taken: Option<When>,
    program: Option<String>,
    encrypted: bool,
    objects: usize,
    /// Nothing where it is encrypted and no key was given.
    accounts: Option<Vec<AccountItem>>,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct AccountItem {
    address: Option<String>,
    id: u32,
    messages: u64,
    octets: u64,
    modseq: u64,
}

impl From<&AccountEntry> for AccountItem {
    fn from(entry: &AccountEntry) -> AccountItem {
        let AccountEntry { id, address, messages, octets, modseq } = entry.clone();
        AccountItem { address, id: id.0, messages, octets, modseq }
    }
}

pub fn run(list: &List) -> Result<(), Failure> {
    let (folder, identities) = (Folder::open(&list.folder)?, list.keys.read()?);
    let mut items = Vec::new();
    for id in folder.ids()? {
        let listed = folder.listed(&id);
        let sealed = listed.manifest.as_ref().is_ok_and(|manifest| manifest.sealed);
        let content = match sealed && identities.is_empty() || listed.manifest.is_err() {
            true => None,
            false => Some(content(&folder, &listed, &identities)),
        };
        items.push(item(listed, content));
    }
    let troubles = items.iter().filter(|item| item.taken.is_none()).count();
    if list.json {
        items.iter().try_for_each(place::json)?;
    } else {
        place::say(&text(&items, list))?;
    }
    match troubles {
        0 => Ok(()),
        _ => {
            let folder = shown(&list.folder);
            Err(Failure::Failed(say!(
                "not all backups in {folder} can be read",
                "nicht alle Backups in {folder} sind lesbar"
            )))
        }
    }
}

fn item(listed: Listed, content: Option<Result<Content, backup::Error>>) -> Item {
    let Listed { id, manifest, copy_damaged, .. } = listed;
    let damaged = copy_damaged.map(|error| {
        let error = told(&error);
        say!(
            "one of two copies of its list is damaged: {error}",
            "eine von zwei Kopien seiner Liste ist beschädigt: {error}"
        )
    });
    match (manifest, content.transpose()) {
        (Ok(manifest), Ok(content)) => Item {
            backup: id,
            taken: Some(When(manifest.taken)),
            program: Some(manifest.program),
            encrypted: manifest.sealed,
            objects: manifest.objects.len(),
            accounts: content.map(|content| content.accounts.iter().map(AccountItem::from).collect()),
            trouble: damaged,
        },
        (Err(error), _) | (_, Err(error)) => Item {
            backup: id,
            taken: None,
            program: None,
            encrypted: false,
            objects: 0,
            accounts: None,
            trouble: Some(told(&error)),
        },
    }
}

fn text(items: &[Item], list: &List) -> String {
    let none = || "?".to_owned();
    let row = |item: &Item| {
        let sum = item.accounts.as_ref().map(|accounts| accounts.iter().map(|account| account.messages).sum::<u64>());
        vec![
            item.backup.clone(),
            item.taken.map_or_else(none, When::short),
            item.accounts.as_ref().map_or_else(none, |accounts| accounts.len().to_string()),
            sum.map_or_else(none, |sum| sum.to_string()),
            item.objects.to_string(),
            if item.encrypted { say!("yes", "ja") } else { say!("no", "nein") },
        ]
    };
    let heading = say!(
        "BACKUP TAKEN >ACCOUNTS >MESSAGES >OBJECTS ENCRYPTED",
        "BACKUP VOM >KONTEN >NACHRICHTEN >OBJEKTE VERSCHLÜSSELT"
    );
    let heading: Vec<String> = heading.split(' ').map(str::to_owned).collect();
    let mut out = table(&heading, &items.iter().map(row).collect::<Vec<_>>(), columns());
    for item in items {
        if let Some(trouble) = &item.trouble {
            out += &format!("{}: {trouble}\n", item.backup);
        }
        for account in item.accounts.iter().flatten().filter(|_| list.accounts) {
            let address = account.address.clone().unwrap_or_else(|| say!("nobody any more", "niemandes mehr"));
            let messages = messages(usize::try_from(account.messages).unwrap_or(usize::MAX));
            out += &format!("{}: {address}: {messages}, {}\n", item.backup, size(account.octets));
        }
    }
    out
}
