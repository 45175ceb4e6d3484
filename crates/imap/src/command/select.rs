//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3) with their parameters (RFC 4466 §2.1, RFC 7162 §7).

use model::{ModSeq, UidValidity};

use super::Encoder;
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;

/// SELECT or EXAMINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    /// What to open.
    pub mailbox: MailboxName,
    /// `CONDSTORE`: from now on the client reads MODSEQ (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// `QRESYNC`: tell what changed since the client was here last (RFC 7162 §3.2.5).
    pub qresync: Option<Resync>,
}

/// What a client that comes back remembers of a mailbox (RFC 7162 §3.2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resync {
    /// The mailbox's UIDVALIDITY then; if it is another now, the rest means nothing.
    pub uid_validity: UidValidity,
    /// Up to which change it knows everything. Zero, which the grammar does not allow, is read as what it says.
    pub mod_seq: ModSeq,
    /// The UIDs it knows, if it says so: numbers only, neither `*` nor `$`.
    pub known_uids: Option<SequenceSet>,
    /// Some sequence numbers and their UIDs.
    pub matches: Option<SeqMatch>,
}

/// Message sequence match data (RFC 7162 §3.2.5.2): as many sequence numbers as UIDs, both without `*` and `$`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeqMatch {
    /// Sequence numbers.
    pub seqs: SequenceSet,
    /// The UIDs that they had.
    pub uids: SequenceSet,
}

/// Parameters in one list; two exist.
const PARAMETERS_MAX: usize = 10;

impl Select {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Select> {
        cursor.space()?;
        let mut select = Select { mailbox: cursor.mailbox()?, condstore: false, qresync: None };
        if !cursor.take(b' ') {
            return Ok(select);
        }
        let before = cursor.clone();
        let parameters = cursor.list(PARAMETERS_MAX, |c| select.parse_parameter(c))?;
        if parameters.is_empty() { before.expected("CONDSTORE or QRESYNC") } else { Ok(select) }
    }

    fn parse_parameter(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        let before = cursor.clone();
        match cursor.word("a parameter")?.to_ascii_uppercase().as_str() {
            "CONDSTORE" => self.condstore = true,
            "QRESYNC" if self.qresync.is_none() => self.qresync = Some(Resync::parse(cursor)?),
            _ => return before.expected("CONDSTORE or QRESYNC"),
        }
        Ok(())
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.mailbox(&self.mailbox);
        match (&self.qresync, self.condstore) {
            (None, false) => {}
            (None, true) => drop(to.raw(" (CONDSTORE)")),
            (Some(resync), condstore) => {
                to.raw(if condstore { " (CONDSTORE " } else { " (" });
                resync.encode(to);
                to.raw(")");
            }
        }
    }
}

impl Resync {
    /// ` (uidvalidity modseq [known-uids] [(seqs uids)])`
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
        cursor.space()?;
        cursor.need(b'(', "an opening parenthesis")?;
        let uid_validity = UidValidity(cursor.nz_number("a UIDVALIDITY")?);
        cursor.space()?;
        let mod_seq = cursor.mod_seq()?;
        let (mut known_uids, mut matches) = (None, None);
        let mut more = cursor.take(b' ');
        if more && cursor.peek() != Some(b'(') {
            known_uids = Some(SequenceSet::parse_numbers(cursor)?);
            more = cursor.take(b' ');
        }
        if more {
            matches = Some(SeqMatch::parse(cursor)?);
        }
        cursor.need(b')', "a closing parenthesis")?;
        Ok(Resync { uid_validity, mod_seq, known_uids, matches })
    }

    fn encode(&self, to: &mut Encoder) {
        to.raw(&format!("QRESYNC ({} {}", self.uid_validity.0, self.mod_seq.0));
        if let Some(uids) = &self.known_uids {
            to.raw(&format!(" {uids}"));
        }
        if let Some(SeqMatch { seqs, uids }) = &self.matches {
            to.raw(&format!(" ({seqs} {uids})"));
        }
        to.raw(")");
    }
}

impl SeqMatch {
    fn parse(cursor: &mut Cursor<'_>) -> Parsed<SeqMatch> {
        cursor.need(b'(', "known UIDs or an opening parenthesis")?;
        let seqs = SequenceSet::parse_numbers(cursor)?;
        cursor.space()?;
        let uids = SequenceSet::parse_numbers(cursor)?;
        cursor.need(b')', "a closing parenthesis")?;
        let count = |set: &SequenceSet| set.resolve(0).map(|set| set.count());
        if count(&seqs) != count(&uids) {
            return Err(ParseError::bad("not as many known sequence numbers as UIDs".to_owned()));
        }
        Ok(SeqMatch { seqs, uids })
    }
}
