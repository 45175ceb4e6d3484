//! From [`Command`] to octets, as a client sends them; strings that need it go as non-synchronizing literals (RFC 7888).

use model::Flag;

use super::{Command, Numbering, SectionText, Tagged};
use crate::mailbox::{self, ListPattern, MailboxName, NameForm};
use crate::response::{section_spec, text};

/// Collects a command's octets.
pub(crate) struct Encoder {
    out: Vec<u8>,
    pub(super) form: NameForm,
}

impl Encoder {
    pub(super) fn new(form: NameForm) -> Encoder {
        Encoder { out: Vec::new(), form }
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    /// Quoted, or a literal for what old servers do not take in quotes.
    pub(super) fn string(&mut self, value: &[u8]) -> &mut Self {
        if value.iter().all(|&b| b != 0 && b != b'\r' && b != b'\n' && b < 0x80) {
            text::quoted(&mut self.out, value);
        } else {
            self.raw(&format!("{{{}+}}\r\n", value.len()));
            self.out.extend_from_slice(value);
        }
        self
    }

    /// A space and an `astring`.
    pub(super) fn astring(&mut self, value: &[u8]) -> &mut Self {
        self.raw(" ");
        if text::is_astring_atom(value) {
            self.out.extend_from_slice(value);
            return self;
        }
        self.string(value)
    }

    /// A space and a mailbox name that may be empty.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        let form = self.form;
        self.astring(mailbox::encode(name, form).as_bytes())
    }

    pub(super) fn mailbox(&mut self, name: &MailboxName) -> &mut Self {
        self.name(name.as_str())
    }

    pub(super) fn pattern(&mut self, pattern: &ListPattern) -> &mut Self {
        let form = self.form;
        self.string(mailbox::encode(pattern.as_str(), form).as_bytes())
    }

    /// The words that are set, with spaces between.
    pub(super) fn options(&mut self, options: &[(bool, &str)]) -> &mut Self {
        for (i, (_, word)) in options.iter().filter(|(set, _)| *set).enumerate() {
            self.raw(if i == 0 { "" } else { " " }).raw(word);
        }
        self
    }

    /// `[1.2.HEADER]`; field names are atoms.
    pub(super) fn section(&mut self, part: &[u32], what: &SectionText) -> &mut Self {
        self.raw("[");
        section_spec(&mut self.out, part, what);
        self.raw("]")
    }

    pub(super) fn flags(&mut self, flags: &[Flag]) -> &mut Self {
        self.raw("(");
        for (i, flag) in flags.iter().enumerate() {
            self.raw(if i == 0 { "" } else { " " }).raw(flag.as_str());
        }
        self.raw(")")
    }
}

impl Tagged {
    /// The command as a client sends it, with CRLF.
    pub fn encode(&self, form: NameForm) -> Vec<u8> {
        let mut to = Encoder::new(form);
        to.raw(self.tag.as_str()).raw(" ");
        self.command.encode(&mut to);
        to.raw("\r\n");
        to.done()
    }
}

impl Command {
    fn encode(&self, to: &mut Encoder) {
        if self.numbering() == Numbering::Uid {
            to.raw("UID ");
        }
        to.raw(self.name());
        match self {
            Command::Id(id) => id.encode(to),
            Command::Authenticate(authenticate) => authenticate.encode(to),
            Command::Login(login) => login.encode(to),
            Command::Enable(names) => names.iter().for_each(|name| {
                to.raw(" ").raw(name);
            }),
            Command::Select(select) | Command::Examine(select) => select.encode(to),
            Command::Delete(name) | Command::Subscribe(name) | Command::Unsubscribe(name) => {
                to.mailbox(name);
            }
            Command::Create(create) => create.encode(to),
            Command::Rename { from, to: name } => {
                to.mailbox(from).mailbox(name);
            }
            Command::List(list) => list.encode(to),
            Command::Lsub(lsub) => lsub.encode(to),
            Command::Status(status) => status.encode(to),
            Command::GetQuota(root) => {
                to.astring(root.as_bytes());
            }
            Command::GetQuotaRoot(name) => {
                to.mailbox(name);
            }
            Command::SetQuota(set) => set.encode(to),
            Command::Expunge(expunge) => expunge.encode(to),
            Command::Search(search) => search.encode(to),
            Command::Sort(sort) => sort.encode(to),
            Command::Thread(thread) => thread.encode(to),
            Command::Fetch(fetch) => fetch.encode(to),
            Command::Store(store) => store.encode(to),
            Command::Copy(copy) | Command::Move(copy) => copy.encode(to),
            Command::Compress => {
                to.raw(" DEFLATE");
            }
            Command::Capability
            | Command::Noop
            | Command::Logout
            | Command::Unauthenticate
            | Command::StartTls
            | Command::Namespace
            | Command::Idle
            | Command::Check
            | Command::Close
            | Command::Unselect => (),
        }
    }

    fn numbering(&self) -> Numbering {
        match self {
            Command::Expunge(expunge) if expunge.uids.is_some() => Numbering::Uid,
            Command::Search(search) => search.numbering,
            Command::Sort(sort) => sort.numbering,
            Command::Thread(thread) => thread.numbering,
            Command::Fetch(fetch) => fetch.numbering,
            Command::Store(store) => store.numbering,
            Command::Copy(copy) | Command::Move(copy) => copy.numbering,
            _ => Numbering::SeqNum,
        }
    }
}
