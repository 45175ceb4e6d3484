//! What a connection remembers from one command to the next.

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
#[derive(Default)]
pub(crate) struct Client {
    pub user: Option<User>,
    pub selected: Option<Selected>,
    pub revision: Revision,
}

impl Client {
    pub fn state(&self) -> State {
        match (&self.user, &self.selected) {
            (None, _) => State::NotAuthenticated,
            (_, None) => State::Authenticated,
            _ => State::Selected,
        }
    }

    pub fn name_form(&self) -> NameForm {
        match self.revision {
            Revision::Rev1 => NameForm::ModifiedUtf7,
            Revision::Rev2 => NameForm::Utf8,
        }
    }

    /// The mail of who is logged in.
    ///
    /// # Errors
    /// The answer for who is not: the session lets no such command through.
    pub fn account(&self) -> Result<Arc<mailstore::Account>, Answer<'static>> {
        self.user.as_ref().map(|user| user.account.clone()).ok_or_else(|| Answer::bad("log in first"))
    }

    /// What is selected, likewise.
    pub fn selected(&mut self) -> Result<&mut Selected, Answer<'static>> {
        self.selected.as_mut().ok_or_else(|| Answer::bad("select a mailbox first"))
    }
}
