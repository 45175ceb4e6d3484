//! SEARCH (RFC 9051 §6.4.4).

use model::{Flag, ModSeq};

use super::{Encoder, Numbering, Page};
use crate::cursor::{Cursor, ParseError, Parsed};
use crate::date::Date;
use crate::limits::{SEARCH_DEPTH_MAX, SEARCH_KEYS_MAX};
use crate::mailbox::NameForm;
use crate::sequence::SequenceSet;

/// SEARCH: its strings are UTF-8, whatever charset named it; for others see [`SearchKey::UnknownCharset`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// What numbers are answered. `UID` and sequence keys inside say themselves what they are.
    pub numbering: Numbering,
    /// `None` without RETURN: then IMAP4rev1 answers SEARCH, IMAP4rev2 ESEARCH with ALL (RFC 9051 §6.4.4).
    pub returns: Option<SearchReturn>,
    /// Several keys are one `And`.
    pub key: SearchKey,
}

/// RETURN options (RFC 9051 §6.4.4); `RETURN ()` is `ALL`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchReturn {
    /// `MIN`
    pub min: bool,
    /// `MAX`
    pub max: bool,
    /// `ALL`
    pub all: bool,
    /// `COUNT`
    pub count: bool,
    /// `SAVE`: keep the result as `$` (RFC 9051 §6.4.4.1).
    pub save: bool,
    /// `PARTIAL` (RFC 9394 §3.1); never together with `ALL`.
    pub partial: Option<Page>,
}

/// A condition on a message; nested at most [`crate::limits::SEARCH_DEPTH_MAX`] deep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    /// What stands in a charset that is not among [`CHARSETS`]: nobody read it. Refused with `NO [BADCHARSET]`, after which
    /// `$` is empty (RFC 9051 §6.4.4.1). Never within another.
    UnknownCharset,
    /// `ALL`
    All,
    /// All of these: keys side by side, or in parentheses. At least two.
    And(Vec<SearchKey>),
    /// `OR a b`
    Or(Box<SearchKey>, Box<SearchKey>),
    /// `NOT a`
    Not(Box<SearchKey>),
    /// These sequence numbers.
    SeqNum(SequenceSet),
    /// `UID`: these UIDs.
    Uid(SequenceSet),
    /// `SEEN`, `ANSWERED`, …, `KEYWORD k`: has the flag.
    Flag(Flag),
    /// `UNSEEN`, …, `UNKEYWORD k`: has it not.
    NotFlag(Flag),
    /// `RECENT` (RFC 3501 §6.4.4)
    Recent,
    /// `OLD`: not recent (RFC 3501 §6.4.4)
    Old,
    /// `NEW`: recent and unseen (RFC 3501 §6.4.4)
    New,
    /// `BEFORE`: internal date earlier than the day.
    Before(Date),
    /// `ON`: internal date within the day.
    On(Date),
    /// `SINCE`: internal date within the day or later.
    Since(Date),
    /// `SENTBEFORE`: the same for the Date field.
    SentBefore(Date),
    /// `SENTON`
    SentOn(Date),
    /// `SENTSINCE`
    SentSince(Date),
    /// `LARGER`: more octets than this.
    Larger(u64),
    /// `SMALLER`: fewer octets than this.
    Smaller(u64),
    /// `MODSEQ`: changed at this mod-sequence or later (RFC 7162 §3.1.5). Which flag it asks about is read and passed over, as it
    /// shall be where a message has one mod-sequence for all.
    ModSeq(ModSeq),
    /// `OLDER`: internal date at least so many seconds ago (RFC 5032 §2).
    Older(u32),
    /// `YOUNGER`: internal date at most so many seconds ago.
    Younger(u32),
    /// `SAVEDBEFORE`: save date earlier than the day (RFC 8514 §4.3).
    SavedBefore(Date),
    /// `SAVEDON`
    SavedOn(Date),
    /// `SAVEDSINCE`
    SavedSince(Date),
    /// `SAVEDATESUPPORTED`: the mailbox keeps save dates.
    SaveDateSupported,
    /// `EMAILID`: exactly this object identifier (RFC 8474 §6).
    EmailId(String),
    /// `THREADID`
    ThreadId(String),
    /// `BCC`: the envelope's field contains the string.
    Bcc(String),
    /// `CC`
    Cc(String),
    /// `FROM`
    From(String),
    /// `TO`
    To(String),
    /// `SUBJECT`
    Subject(String),
    /// `BODY`: the body contains the string.
    Body(String),
    /// `TEXT`: header or body contains the string.
    Text(String),
    /// `HEADER`: the named field contains the string; an empty string matches any message with the field.
    Header {
        /// The field's name.
        field: String,
        /// What it contains.
        value: String,
    },
}

impl Search {
    pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Search> {
        let returns = SearchReturn::parse_if_any(cursor)?;
        cursor.space()?;
        let key = match cursor.take_word("CHARSET ") {
            true => SearchKey::parse_behind_charset(cursor)?,
            false => SearchKey::parse_side_by_side(cursor)?,
        };
        Ok(Search { numbering, returns, key })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        SearchReturn::encode(self.returns, to);
        // RFC 9051 §6.4.4: UTF-8 goes without saying there; IMAP4rev1 wants it said.
        match self.key == SearchKey::UnknownCharset || to.form == NameForm::ModifiedUtf7 {
            true => self.key.encode_behind_charset(to.raw(" CHARSET")),
            false => self.key.encode_side_by_side(to.raw(" ")),
        }
    }
}

/// RFC 7162 §7 `search-modsequence`, behind `MODSEQ `: `["/flags/\\\\seen" all] 620162338`.
fn modseq(cursor: &mut Cursor<'_>) -> Parsed<ModSeq> {
    if cursor.peek() == Some(b'"') {
        let before = cursor.clone();
        let entry = cursor.string("an entry name")?;
        if !entry.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"/flags/")) {
            return before.expected("an entry name that begins with /flags/");
        }
        cursor.space()?;
        if !["priv ", "shared ", "all "].iter().any(|kind| cursor.take_word(kind)) {
            return cursor.expected("priv, shared or all");
        }
    }
    cursor.mod_seq()
}

/// RFC 9051 §6.4.4: UTF-8 and US-ASCII, no other. RFC 6855 §3 asks to refuse any after ENABLE UTF8=ACCEPT: we allow more, because
/// these two say nothing else than none does, and clients that always name one work.
fn is_charset_known(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    let name = cursor.text("a charset")?;
    Ok(CHARSETS.iter().any(|known| known.eq_ignore_ascii_case(&name)))
}

/// The charsets of searches.
pub const CHARSETS: [&str; 2] = ["UTF-8", "US-ASCII"];

impl SearchReturn {
    /// ` RETURN (…)`, if it is there.
    pub(super) fn parse_if_any(cursor: &mut Cursor<'_>) -> Parsed<Option<SearchReturn>> {
        if cursor.take_word(" RETURN ") { SearchReturn::parse(cursor).map(Some) } else { Ok(None) }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Parsed<SearchReturn> {
        /// Options in one list; six exist.
        const OPTIONS_MAX: usize = 10;
        let mut returns = SearchReturn::default();
        let start = cursor.clone();
        cursor.list(OPTIONS_MAX, |c| {
            let before = c.clone();
            match c.word("a return option")?.to_ascii_uppercase().as_str() {
                "MIN" => returns.min = true,
                "MAX" => returns.max = true,
                "ALL" => returns.all = true,
                "COUNT" => returns.count = true,
                "SAVE" => returns.save = true,
                "PARTIAL" if returns.partial.is_none() => {
                    c.space()?;
                    returns.partial = Some(Page::parse(c)?);
                }
                _ => return before.expected("MIN, MAX, ALL, COUNT, SAVE or one PARTIAL"),
            }
            Ok(())
        })?;
        if returns.all && returns.partial.is_some() {
            // RFC 9394 §3.1
            return start.expected("PARTIAL or ALL, not both,");
        }
        // RFC 9051 §6.4.4: no option at all means ALL; SAVE alone answers nothing (§6.4.4.1).
        returns.all |= returns == SearchReturn::default();
        Ok(returns)
    }

    pub(super) fn encode(returns: Option<SearchReturn>, to: &mut Encoder) {
        let Some(r) = returns else { return };
        let partial = r.partial.map(|page| format!("PARTIAL {page}")).unwrap_or_default();
        let options = [
            (r.min, "MIN"),
            (r.max, "MAX"),
            (r.all, "ALL"),
            (r.count, "COUNT"),
            (r.save, "SAVE"),
            (r.partial.is_some(), &partial),
        ];
        to.raw(" RETURN (").options(&options).raw(")");
    }
}

impl SearchKey {
    /// ` UTF-8 key key …`: what SORT and THREAD end with (RFC 5256 §5 `search-criteria`).
    pub(super) fn parse_with_charset(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        cursor.space()?;
        SearchKey::parse_behind_charset(cursor)
    }

    fn parse_behind_charset(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        let known = is_charset_known(cursor)?;
        cursor.space()?;
        if known {
            SearchKey::parse_side_by_side(cursor)
        } else {
            cursor.run(|_| true);
            Ok(SearchKey::UnknownCharset)
        }
    }

    /// ` UTF-8 key key …`
    pub(super) fn encode_behind_charset(&self, to: &mut Encoder) {
        match self {
            SearchKey::UnknownCharset => drop(to.raw(" UNKNOWN ALL")),
            key => key.encode_side_by_side(to.raw(" UTF-8 ")),
        }
    }

    /// Keys up to the end of the command: all of them are meant.
    fn parse_side_by_side(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        let mut left = SEARCH_KEYS_MAX;
        let mut keys = vec![SearchKey::parse(cursor, SEARCH_DEPTH_MAX, &mut left)?];
        while cursor.take(b' ') {
            keys.push(SearchKey::parse(cursor, SEARCH_DEPTH_MAX, &mut left)?);
        }
        Ok(SearchKey::all_of(keys))
    }

    /// Keys side by side mean "and"; parentheses here would count against the bounds on keys and nesting.
    pub(super) fn encode_side_by_side(&self, to: &mut Encoder) {
        match self {
            SearchKey::And(keys) => SearchKey::encode_all(keys, to),
            key => key.encode(to),
        }
    }

    /// One key as itself, several as `And`.
    fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
        match keys.pop() {
            Some(only) if keys.is_empty() => only,
            Some(last) => {
                keys.push(last);
                SearchKey::And(keys)
            }
            None => SearchKey::All,
        }
    }

    /// Whether `asks` is true of this key or one within.
    pub fn any(&self, asks: &dyn Fn(&SearchKey) -> bool) -> bool {
        asks(self)
            || match self {
                SearchKey::And(keys) => keys.iter().any(|key| key.any(asks)),
                SearchKey::Or(a, b) => a.any(asks) || b.any(asks),
                SearchKey::Not(key) => key.any(asks),
                _ => false,
            }
    }

    /// Recurses at most `depth` times; takes one of `left` for each key.
    fn parse(cursor: &mut Cursor<'_>, depth: usize, left: &mut usize) -> Parsed<SearchKey> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(ParseError::bad(format!("search keys nested deeper than {SEARCH_DEPTH_MAX}")));
        };
        match left.checked_sub(1) {
            Some(fewer) => *left = fewer,
            None => return Err(ParseError::bad(format!("more than {SEARCH_KEYS_MAX} search keys"))),
        }
        let before = cursor.clone();
        match cursor.peek() {
            Some(b'(') => {
                let keys = cursor.list(SEARCH_KEYS_MAX, |c| SearchKey::parse(c, depth, left))?;
                return if keys.is_empty() { before.expected("a search key") } else { Ok(SearchKey::all_of(keys)) };
            }
            Some(b'0'..=b'9' | b'*' | b'$') => return SequenceSet::parse(cursor).map(SearchKey::SeqNum),
            _ => (),
        }
        let name = cursor.word("a search key")?.to_ascii_uppercase();
        if let Some(key) = SearchKey::without_argument(&name) {
            return Ok(key);
        }
        cursor.space().or_else(|_| before.expected("a search key"))?;
        let mut nested = |c: &mut Cursor<'_>| SearchKey::parse(c, depth, left).map(Box::new);
        Ok(match name.as_str() {
            "NOT" => SearchKey::Not(nested(cursor)?),
            "OR" => {
                let first = nested(cursor)?;
                cursor.space()?;
                SearchKey::Or(first, nested(cursor)?)
            }
            _ => return SearchKey::with_argument(&name, cursor, &before),
        })
    }

    fn without_argument(name: &str) -> Option<SearchKey> {
        use SearchKey::{Flag as Has, NotFlag as HasNot};
        Some(match name {
            "ALL" => SearchKey::All,
            "ANSWERED" => Has(Flag::Answered),
            "DELETED" => Has(Flag::Deleted),
            "DRAFT" => Has(Flag::Draft),
            "FLAGGED" => Has(Flag::Flagged),
            "SEEN" => Has(Flag::Seen),
            "UNANSWERED" => HasNot(Flag::Answered),
            "UNDELETED" => HasNot(Flag::Deleted),
            "UNDRAFT" => HasNot(Flag::Draft),
            "UNFLAGGED" => HasNot(Flag::Flagged),
            "UNSEEN" => HasNot(Flag::Seen),
            "NEW" => SearchKey::New,
            "OLD" => SearchKey::Old,
            "RECENT" => SearchKey::Recent,
            "SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
            _ => return None,
        })
    }

    fn with_argument(name: &str, c: &mut Cursor<'_>, before: &Cursor<'_>) -> Parsed<SearchKey> {
        const TEXT: &str = "a search string";
        const SECONDS: &str = "a number of seconds";
        Ok(match name {
            "BEFORE" => SearchKey::Before(Date::parse(c)?),
            "ON" => SearchKey::On(Date::parse(c)?),
            "SINCE" => SearchKey::Since(Date::parse(c)?),
            "SENTBEFORE" => SearchKey::SentBefore(Date::parse(c)?),
            "SENTON" => SearchKey::SentOn(Date::parse(c)?),
            "SENTSINCE" => SearchKey::SentSince(Date::parse(c)?),
            "LARGER" => SearchKey::Larger(c.number64()?),
            "SMALLER" => SearchKey::Smaller(c.number64()?),
            "MODSEQ" => SearchKey::ModSeq(modseq(c)?),
            "OLDER" => SearchKey::Older(c.nz_number(SECONDS)?),
            "YOUNGER" => SearchKey::Younger(c.nz_number(SECONDS)?),
            "SAVEDBEFORE" => SearchKey::SavedBefore(Date::parse(c)?),
            "SAVEDON" => SearchKey::SavedOn(Date::parse(c)?),
            "SAVEDSINCE" => SearchKey::SavedSince(Date::parse(c)?),
            "EMAILID" => SearchKey::EmailId(c.object_id()?),
            "THREADID" => SearchKey::ThreadId(c.object_id()?),
            "UID" => SearchKey::Uid(SequenceSet::parse(c)?),
            "KEYWORD" => SearchKey::Flag(Flag::Keyword(c.keyword()?)),
            "UNKEYWORD" => SearchKey::NotFlag(Flag::Keyword(c.keyword()?)),
            "BCC" => SearchKey::Bcc(c.text(TEXT)?),
            "CC" => SearchKey::Cc(c.text(TEXT)?),
            "FROM" => SearchKey::From(c.text(TEXT)?),
            "TO" => SearchKey::To(c.text(TEXT)?),
            "SUBJECT" => SearchKey::Subject(c.text(TEXT)?),
            "BODY" => SearchKey::Body(c.text(TEXT)?),
            "TEXT" => SearchKey::Text(c.text(TEXT)?),
            "HEADER" => {
                let field = c.field_name()?;
                c.space()?;
                SearchKey::Header { field, value: c.text(TEXT)? }
            }
            _ => return before.expected("a search key"),
        })
    }

    /// With a space between them.
    fn encode_all<'a>(keys: impl IntoIterator<Item = &'a SearchKey>, to: &mut Encoder) {
        for (i, key) in keys.into_iter().enumerate() {
            to.raw(if i == 0 { "" } else { " " });
            key.encode(to);
        }
    }

    fn encode(&self, to: &mut Encoder) {
        let text = |to: &mut Encoder, word: &str, text: &str| {
            to.raw(word).astring(text.as_bytes());
        };
        match self {
            SearchKey::And(keys) => {
                to.raw("(");
                SearchKey::encode_all(keys, to);
                to.raw(")");
            }
            SearchKey::Or(a, b) => {
                to.raw("OR ");
                SearchKey::encode_all([&**a, &**b], to);
            }
            SearchKey::Not(key) => {
                to.raw("NOT ");
                key.encode(to);
            }
            SearchKey::Bcc(value) => text(to, "BCC", value),
            SearchKey::Cc(value) => text(to, "CC", value),
            SearchKey::From(value) => text(to, "FROM", value),
            SearchKey::To(value) => text(to, "TO", value),
            SearchKey::Subject(value) => text(to, "SUBJECT", value),
            SearchKey::Body(value) => text(to, "BODY", value),
            SearchKey::Text(value) => text(to, "TEXT", value),
            SearchKey::Header { field, value } => {
                to.raw("HEADER").astring(field.as_bytes()).astring(value.as_bytes());
            }
            plain => {
                to.raw(&plain.plain_text());
            }
        }
    }

    /// Keys of ASCII that hold no other keys.
    fn plain_text(&self) -> String {
        match self {
            SearchKey::Flag(Flag::Keyword(keyword)) => format!("KEYWORD {}", keyword.as_str()),
            SearchKey::NotFlag(Flag::Keyword(keyword)) => format!("UNKEYWORD {}", keyword.as_str()),
            SearchKey::Flag(flag) => flag.as_str().trim_start_matches('\\').to_ascii_uppercase(),
            SearchKey::NotFlag(flag) => format!("UN{}", flag.as_str().trim_start_matches('\\').to_ascii_uppercase()),
            SearchKey::SeqNum(set) => set.to_string(),
            SearchKey::Uid(set) => format!("UID {set}"),
            SearchKey::Before(date) => format!("BEFORE {date}"),
            SearchKey::On(date) => format!("ON {date}"),
            SearchKey::Since(date) => format!("SINCE {date}"),
            SearchKey::SentBefore(date) => format!("SENTBEFORE {date}"),
            SearchKey::SentOn(date) => format!("SENTON {date}"),
            SearchKey::SentSince(date) => format!("SENTSINCE {date}"),
            SearchKey::Larger(octets) => format!("LARGER {octets}"),
            SearchKey::Smaller(octets) => format!("SMALLER {octets}"),
            SearchKey::ModSeq(modseq) => format!("MODSEQ {}", modseq.0),
            SearchKey::Older(seconds) => format!("OLDER {seconds}"),
            SearchKey::Younger(seconds) => format!("YOUNGER {seconds}"),
            SearchKey::SavedBefore(date) => format!("SAVEDBEFORE {date}"),
            SearchKey::SavedOn(date) => format!("SAVEDON {date}"),
            SearchKey::SavedSince(date) => format!("SAVEDSINCE {date}"),
            SearchKey::SaveDateSupported => "SAVEDATESUPPORTED".to_owned(),
            SearchKey::EmailId(id) => format!("EMAILID {id}"),
            SearchKey::ThreadId(id) => format!("THREADID {id}"),
            SearchKey::Recent => "RECENT".to_owned(),
            SearchKey::Old => "OLD".to_owned(),
            SearchKey::New => "NEW".to_owned(),
            _ => "ALL".to_owned(),
        }
    }
}
