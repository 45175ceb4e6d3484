//! `postamt backup messages`

use super::moment::moment;
use super::restore::all_read;
use super::{Which, past};
use crate::admin::when::When;
use crate::backups::mail::{Chosen, Shown, Wanted, choose};
use crate::cli::failure::Failure;
use crate::cli::place::{self, columns};
use crate::cli::text::{cut, harmless, size, table};
use crate::headline::Headline;
use crate::language::{say, told};
use backup::Gaps;
use clap::Args;
use message::text::folded;
use model::{Address, Timestamp};
use serde::Serialize;

pub const EXAMPLES: &str = "Examples:
  postamt backup messages /backup --account anna@example.org
  postamt backup messages /backup --account anna@example.org --mailbox INBOX --subject invoice
  postamt backup messages /backup --account anna@example.org --as-of '2026-11-21 17:00' --json

What one of them has in the column EMAILID brings it back: postamt backup restore /backup --account anna@example.org --message EMAILID

Exit codes: 0 done, 1 something cannot be read and was named, 2 the command is wrong, 3 there is no such thing.";

#[derive(Args, Debug)]
pub struct Messages {
    #[command(flatten)]
    which: Which,
    /// Which of its backups [default: the newest]; the beginning of its name is enough.
    #[arg(long, value_name = "BACKUP", default_value = "", hide_default_value = true)]
    backup: String,
    /// As it was at this moment, also between two backups: as 2026-11-22 09:30 (in UTC), or how long ago, as 2h.
    #[arg(long, value_name = "TIME", conflicts_with = "backup", value_parser = moment)]
    as_of: Option<Timestamp>,
    /// Whose mail in the backup.
    #[arg(long, value_name = "ADDRESS")]
    account: Address,
    /// Only this mailbox; may be named several times.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    /// Messages with this part in the subject.
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// JSON, one object a line, instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item {
    mailbox: String,
    uid: u32,
    email_id: String,
    arrived: When,
    size_octets: u64,
    flags: Vec<String>,
    from: Option<String>,
    subject: Option<String>,
    /// Why sender and subject are not known.
    trouble: Option<String>,
}

pub fn run(messages: &Messages) -> Result<(), Failure> {
    let account = &messages.account;
    let shown = match messages.as_of {
        Some(at) => past::at(&messages.which, account, at)?,
        None => past::now(messages.which.open(&messages.backup, Gaps::Skipped)?, account).map(Some)?,
    };
    let shown = shown.ok_or_else(|| past::unborn(account))?;
    let wanted = Wanted { mailboxes: messages.mailbox.clone(), ..Wanted::default() };
    let (_, chosen) = choose(&shown.picture, &wanted).map_err(Failure::Nothing)?;
    let items: Vec<Item> = chosen.iter().map(|chosen| item(&shown, chosen)).collect();
    let part = messages.subject.as_deref().map(folded);
    let fits = |item: &&Item| match (&part, &item.subject) {
        (None, _) => true,
        (Some(part), subject) => folded(subject.as_deref().unwrap_or_default()).contains(part.as_str()),
    };
    let items: Vec<&Item> = items.iter().filter(fits).collect();
    if items.is_empty() {
        return Err(Failure::Nothing(say!("there is no such message", "es gibt keine solche Nachricht")));
    }
    if messages.json {
        items.iter().try_for_each(place::json)?;
    } else {
        place::say(&text(&items))?;
    }
    let damage: Vec<String> = shown.backups.iter().flat_map(|backup| backup.damage()).map(|(_, why)| why).collect();
    match damage.is_empty() {
        true => all_read(&shown.picture),
        false => Err(Failure::Failed(damage.join("\n"))),
    }
}

fn item(shown: &Shown, chosen: &Chosen) -> Item {
    let Chosen { from: mailbox, member, .. } = chosen;
    let email = shown.email(member.email);
    let (headline, trouble) = match &email {
        Ok(email) => (Headline::of(email), None),
        Err(error) => (Headline { from: None, subject: None }, Some(told(error))),
    };
    Item {
        mailbox: mailbox.clone(),
        uid: member.uid.0,
        email_id: format!("M{}", member.email.0),
        arrived: When(member.internal_date),
        size_octets: member.size_octets,
        flags: shown.picture.flags(member),
        from: headline.from,
        subject: headline.subject,
        trouble,
    }
}

/// Longest texts in a table that is no wider for them.
const TEXT_CHARS_MAX: usize = 40;

fn text(items: &[&Item]) -> String {
    let short = |text: &Option<String>| cut(text.as_deref().unwrap_or("-"), TEXT_CHARS_MAX);
    let row = |item: &&Item| {
        let subject = item.trouble.as_deref().map_or_else(|| short(&item.subject), |why| format!("({why})"));
        let (arrived, octets) = (item.arrived.short(), size(item.size_octets));
        let mailbox = harmless(&cut(&item.mailbox, TEXT_CHARS_MAX));
        vec![mailbox, item.uid.to_string(), item.email_id.clone(), arrived, octets, short(&item.from), subject]
    };
    let heading =
        say!("MAILBOX >UID EMAILID ARRIVED >SIZE FROM SUBJECT", "ORDNER >UID EMAILID ANKUNFT >GRÖSSE VON BETREFF");
    let heading: Vec<String> = heading.split(' ').map(str::to_owned).collect();
    table(&heading, &items.iter().map(row).collect::<Vec<_>>(), columns())
}
