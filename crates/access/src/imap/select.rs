//! SELECT, EXAMINE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.2; RFC 7162 §3.1.2, §3.1.8, §3.2.5).

use super::client::{Client, Revision};
use super::failure;
use super::flag_names;
use super::list::{Node, tell_node, tell_renamed};
use super::modseq::Awareness;
use super::object_id;
use super::out::Out;
use super::recent::Recent;
use super::resync;
use super::running::Outcome;
use super::selected::{self, Selected};
use imap::command::Select;
use imap::{Answer, Code, response};
use mailstore::{KEYWORDS_MAX, View};

pub(crate) use super::selected::Access;

/// Opens a mailbox; one that was open is closed, also when this fails (RFC 9051 §6.3.2).
pub(crate) async fn select(client: &mut Client, command: Select, access: Access, out: &mut Out) -> Outcome {
    let account = client.account()?;
    if command.qresync.is_some() && client.aware < Awareness::Qresync {
        return Err(Answer::bad("QRESYNC has to be enabled first").into());
    }
    let before = client.selected.take();
    if before.is_some() {
        selected::closed(out);
    }
    if command.condstore {
        client.becomes(Awareness::Condstore, out);
    }
    let mailbox = account.mailboxes().named(command.mailbox.as_str()).ok_or_else(failure::missing)?.id;
    let known = account.open(mailbox).await?;
    let changes = match &command.qresync {
        Some(resync) => resync::changes(&account, &known, resync).await?,
        None => None,
    };
    let mut recent = Recent::new(client.revision);
    recent.learn(&account, &known, access);
    tell(client.revision, &known, access, &mut recent, out);
    if client.revision == Revision::Rev2 {
        // RFC 9051 §6.3.2: the name as it is kept, with its attributes; and what the client called it.
        let mailboxes = account.mailboxes();
        let (node, form) = (Node::of(&mailboxes, &known.mailbox.name), client.name_form());
        match command.mailbox.as_str() {
            supplied if supplied == node.name => tell_node(out, &node, form),
            supplied => tell_renamed(out, &node, supplied, form),
        }
    }
    let mut selected = Selected::new(account, (known, recent), access, client.aware);
    if let Some(changes) = changes {
        selected.tell_changes_since(&changes, out).await;
    }
    client.selected = Some(selected);
    Ok(match access {
        Access::ReadWrite => Answer::ok("mailbox selected").code(Code::ReadWrite),
        Access::ReadOnly => Answer::ok("mailbox selected read-only").code(Code::ReadOnly),
    })
}

/// Leaves the mailbox as it is.
pub(crate) fn unselect(client: &mut Client) -> Outcome {
    client.selected = None;
    Ok(Answer::ok("mailbox closed, nothing expunged"))
}

fn tell(revision: Revision, view: &View, access: Access, recent: &mut Recent, out: &mut Out) {
    let flags = flag_names::all(&view.keywords);
    response::flags(out, &flags);
    response::exists(out, view.len());
    recent.tell(view, out);
    let mut ok = |code: Code<'_>, text: &'static str| response::answer(out, None, &Answer::ok(text).code(code));
    if let (Revision::Rev1, Some(unseen)) = (revision, view.first_unseen()) {
        ok(Code::Unseen(unseen.0), "the first unseen message");
    }
    let mailbox = &view.mailbox;
    ok(Code::UidValidity(mailbox.uid_validity), "UIDs are valid");
    ok(Code::UidNext(mailbox.uid_next), "the next UID");
    ok(Code::MailboxId(object_id::mailbox(mailbox.id).into()), "the mailbox's identifier");
    ok(Code::HighestModSeq(mailbox.highest_modseq.0), "the greatest mod-sequence");
    match access {
        Access::ReadWrite => {
            let any = view.keywords.keywords().len() < KEYWORDS_MAX;
            ok(Code::PermanentFlags { flags: &flags, any }, "these flags are kept");
        }
        Access::ReadOnly => ok(Code::PermanentFlags { flags: &[], any: false }, "no flag can be changed"),
    }
}
