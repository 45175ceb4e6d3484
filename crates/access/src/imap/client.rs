//! What a connection remembers from one command to the next.

use super::modseq::Awareness;
use super::selected::Selected;
use imap::{Answer, NameForm, State};
use std::sync::Arc;

/// Which protocol the client speaks; both are understood, they differ in what is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Revision {
    /// RFC 3501
    #[default]
    Rev1,
    /// RFC 9051, after `ENABLE IMAP4rev2`.
    Rev2,
}

/// Who is logged in.
#[derive(Clone)]
pub(crate) struct User {
    /// Who.
    pub login: Arc<directory::Account>,
    /// Their mail.
    pub account: Arc<mailstore::Account>,
}

/// A connection's memory.
pub(crate) struct Client {
    pub user: Option<User>,
    pub selected: Option<Selected>,
    pub revision: Revision,
    /// After `ENABLE UTF8=ACCEPT`.
    ///
    /// RFC 6855 §7 leaves open what other clients get of messages with UTF-8 in their headers. They get the message as it is,
    /// 8-bit strings in literals, as they get any old message with 8-bit headers: sizes, signatures and UIDs stay
    /// those of one and the same message for all clients, and there is no surrogate that could be taken for it.
    pub accepts_utf8: bool,
    /// The largest message that APPEND takes on this listener.
    pub append_octets_max: u64,
    pub aware: Awareness,
}

impl Client {
    /// Somebody who is not logged in.
    pub fn new(append_octets_max: u64) -> Client {
        Client {
            user: None,
            selected: None,
            revision: Revision::default(),
            accepts_utf8: false,
            append_octets_max,
            aware: Awareness::None,
        }
    }

    pub fn state(&self) -> State {
        match (&self.user, &self.selected) {
            (None, _) => State::NotAuthenticated,
            (_, None) => State::Authenticated,
            _ => State::Selected,
        }
    }

    pub fn name_form(&self) -> NameForm {
        if self.reads_utf8() { NameForm::Utf8 } else { NameForm::ModifiedUtf7 }
    }

    /// Whether UTF-8 may stand in quotes and headers.
    pub fn reads_utf8(&self) -> bool {
        self.accepts_utf8 || self.revision == Revision::Rev2
    }

    /// The mail of who is logged in.
    ///
    /// # Errors
    /// The answer for who is not: the session lets no such command through.
    pub fn account(&self) -> Result<Arc<mailstore::Account>, Answer<'static>> {
        self.user.as_ref().map(|user| user.account.clone()).ok_or_else(|| Answer::bad("log in first"))
    }

    /// What the account may hold.
    pub fn quota(&self) -> model::Quota {
        self.user.as_ref().map(|user| user.login.quota).unwrap_or_default()
    }

    /// What is selected, likewise.
    pub fn selected(&mut self) -> Result<&mut Selected, Answer<'static>> {
        self.selected.as_mut().ok_or_else(|| Answer::bad("select a mailbox first"))
    }
}
