//! Address lists (RFC 5322 §3.4 and §4.4), read as forgivingly as mail is written, in linear time and without recursion.

use crate::cursor::{Cursor, is_wsp};
use crate::envelope::EnvelopeAddress;

/// Reads the addresses of an unfolded field, at most `addresses_max` of them. The flag tells whether those are all.
pub fn parse_addresses(value: &[u8], addresses_max: usize) -> (Vec<EnvelopeAddress>, bool) {
    let mut list = List { out: Vec::new(), in_group: false, complete: true };
    let mut cursor = Cursor::new(value);
    while cursor.peek().is_some() {
        if list.out.len() >= addresses_max {
            list.complete = false;
            break;
        }
        list.one(&mut cursor);
    }
    if list.in_group {
        list.out.push(EnvelopeAddress::group_end());
    }
    (list.out, list.complete)
}

struct List {
    out: Vec<EnvelopeAddress>,
    in_group: bool,
    complete: bool,
}

/// Words as they gather before it is known whether they are a name or a local part.
#[derive(Default)]
struct Words {
    text: Vec<u8>,
    /// Where the last run without white space begins.
    run: usize,
    space: bool,
    quoted: bool,
}

impl Words {
    fn push(&mut self, word: &[u8]) {
        if std::mem::take(&mut self.space) && !self.text.is_empty() {
            let dotted = self.text.ends_with(b".");
            self.text.push(b' ');
            if !dotted {
                self.run = self.text.len();
            }
        }
        self.text.extend_from_slice(word);
    }

    /// White space before a dot is none: `a . b` (RFC 5322 §4.4 `obs-local-part`).
    fn dot(&mut self) {
        self.space = false;
        self.text.push(b'.');
    }

    fn name(self) -> Option<Box<[u8]>> {
        let name = self.text.trim_ascii();
        (!name.is_empty()).then(|| name.into())
    }

    /// What stands before an `@`, and the name before that if someone forgot the angle brackets.
    fn split_local(mut self) -> (Option<Box<[u8]>>, Vec<u8>) {
        let mut local = self.text.split_off(self.run.min(self.text.len()));
        if !self.quoted {
            local.retain(|&octet| !is_wsp(octet));
        }
        (self.name(), local)
    }
}

impl List {
    /// Reads up to and including the next comma, semicolon, or a group's colon.
    fn one(&mut self, cursor: &mut Cursor<'_>) {
        let mut words = Words::default();
        let mut comment = None;
        let mut found: Option<EnvelopeAddress> = None;
        let mut group_ends = false;
        while let Some(octet) = cursor.peek() {
            match octet {
                b',' | b';' => {
                    cursor.next();
                    group_ends = octet == b';';
                    break;
                }
                b':' if found.is_none() && !self.in_group => {
                    cursor.next();
                    self.out.push(EnvelopeAddress::group_start(words.text.trim_ascii()));
                    self.in_group = true;
                    return;
                }
                b'<' if found.is_none() => {
                    cursor.next();
                    let (mailbox, host) = angle(cursor);
                    let name = std::mem::take(&mut words).name();
                    found = Some(EnvelopeAddress { name, mailbox: Some(mailbox.into()), host: Some(host.into()) });
                }
                b'@' if found.is_none() => {
                    cursor.next();
                    let (name, mailbox) = std::mem::take(&mut words).split_local();
                    let host = domain(cursor);
                    found = Some(EnvelopeAddress { name, mailbox: Some(mailbox.into()), host: Some(host.into()) });
                }
                b'(' => {
                    cursor.next();
                    comment = Some(cursor.comment());
                    words.space = true;
                }
                _ => word(cursor, &mut words),
            }
        }
        if found.is_none() && !words.text.is_empty() {
            found = Some(EnvelopeAddress { name: None, mailbox: Some(words.text.into()), host: Some(Box::default()) });
        }
        if let Some(mut address) = found {
            let comment = comment.as_deref().map(<[u8]>::trim_ascii).filter(|comment| !comment.is_empty());
            address.name = address.name.or(comment.map(Into::into));
            self.out.push(address);
        }
        if group_ends && std::mem::take(&mut self.in_group) {
            self.out.push(EnvelopeAddress::group_end());
        }
    }
}

/// One word, dot or run of white space. Octets that make no sense here count as part of a word.
fn word(cursor: &mut Cursor<'_>, words: &mut Words) {
    match cursor.peek() {
        Some(b'"') => {
            cursor.next();
            words.quoted = true;
            words.push(&cursor.quoted());
        }
        Some(b'.') => {
            cursor.next();
            words.dot();
        }
        Some(octet) if is_wsp(octet) => words.space |= cursor.skip_wsp(),
        Some(octet) if is_special(octet) => {
            cursor.next();
            words.push(&[octet]);
        }
        _ => words.push(cursor.take_while(|octet| !is_special(octet) && !is_wsp(octet) && octet != b'.')),
    }
}

fn is_special(octet: u8) -> bool {
    matches!(octet, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'"')
}

/// Local part and domain between angle brackets, whose `<` was taken; a source route is left out (RFC 5322 §4.4).
fn angle(cursor: &mut Cursor<'_>) -> (Vec<u8>, Vec<u8>) {
    cursor.skip_cfws();
    if cursor.peek() == Some(b'@') {
        let mut behind = *cursor;
        behind.take_while(|octet| !matches!(octet, b':' | b'<' | b'>'));
        if behind.eat(b':') {
            *cursor = behind;
        }
    }
    let mut words = Words::default();
    let mut host = Vec::new();
    loop {
        match cursor.peek() {
            None | Some(b',' | b';') => break,
            Some(b'>') => {
                cursor.next();
                break;
            }
            Some(b'@') => {
                cursor.next();
                host = domain(cursor);
                loop {
                    cursor.skip_cfws();
                    let more = cursor.take_while(|octet| !matches!(octet, b'>' | b',' | b';' | b'(') && !is_wsp(octet));
                    if more.is_empty() {
                        break;
                    }
                    host.extend_from_slice(more);
                }
                cursor.eat(b'>');
                break;
            }
            Some(b'(') => cursor.skip_cfws(),
            _ => word(cursor, &mut words),
        }
    }
    (words.text, host)
}

/// A domain or address literal behind its `@`; dots may have white space around them.
fn domain(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut domain = Vec::new();
    cursor.skip_wsp();
    if cursor.peek() == Some(b'[') {
        domain.extend(cursor.take_while(|octet| !matches!(octet, b']' | b'>' | b',' | b';')));
        if cursor.eat(b']') {
            domain.push(b']');
        }
        return domain;
    }
    loop {
        domain.extend(cursor.take_while(|octet| !is_special(octet) && !is_wsp(octet)));
        let mut behind = *cursor;
        let spaced = behind.skip_wsp();
        if !spaced || !(behind.peek() == Some(b'.') || domain.ends_with(b".")) || behind.peek().is_none() {
            return domain;
        }
        if behind.peek().is_some_and(is_special) {
            return domain;
        }
        *cursor = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &EnvelopeAddress) -> String {
        let text = |value: &Option<Box<[u8]>>| match value {
            None => "NIL".to_owned(),
            Some(value) => String::from_utf8_lossy(value).into_owned(),
        };
        format!("{}|{}|{}", text(&address.name), text(&address.mailbox), text(&address.host))
    }

    fn check(value: &str, want: &[&str]) {
        let (addresses, complete) = parse_addresses(value.as_bytes(), 100);
        assert!(complete);
        assert_eq!(addresses.iter().map(shown).collect::<Vec<_>>(), want, "{value}");
    }

    #[test]
    fn addresses_by_the_book() {
        check("anna@demo.test", &["NIL|anna|demo.test"]);
        check("Anna B. Clay <anna@demo.test>", &["Anna B. Clay|anna|demo.test"]);
        check(
            "\"Clay, \\\"Anna\\\"\" <anna@demo.test>,bob@b.test",
            &["Clay, \"Anna\"|anna|demo.test", "NIL|bob|b.test"],
        );
        check("=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_K?= <j@k.test>", &["=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_K?=|j|k.test"]);
        check("anna@demo.test (Anna (the) Clay)", &["Anna (the) Clay|anna|demo.test"]);
        check("\"a b\"@c.test", &["NIL|a b|c.test"]);
        check("<@r1.test,@r2.test:anna@demo.test>", &["NIL|anna|demo.test"]);
        check("a@[192.0.2.1], <b@[IPv6:::1]>", &["NIL|a|[192.0.2.1]", "NIL|b|[IPv6:::1]"]);
        check("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", &["Pete|pete|silly.test"]);
        check("a . b @ c . d", &["NIL|a.b|c.d"]);
    }

    #[test]
    fn groups_have_a_begin_and_an_end() {
        check("undisclosed-recipients:;", &["NIL|undisclosed-recipients|NIL", "NIL|NIL|NIL"]);
        check(
            "A Group:Ed <e@x.test>,j@y.test; z@z.test",
            &["NIL|A Group|NIL", "Ed|e|x.test", "NIL|j|y.test", "NIL|NIL|NIL", "NIL|z|z.test"],
        );
        check("Open: a@b.test", &["NIL|Open|NIL", "NIL|a|b.test", "NIL|NIL|NIL"]);
    }

    #[test]
    fn addresses_as_they_are_sent() {
        check("", &[]);
        check(" , ,,", &[]);
        check("root", &["NIL|root|"]);
        check("<>", &["NIL||"]);
        check("<root>", &["NIL|root|"]);
        check("Anna Clay anna@demo.test", &["Anna Clay|anna|demo.test"]);
        check("Anna <anna@demo.test", &["Anna|anna|demo.test"]);
        check("Anna <anna@demo.test> junk, b@c.test", &["Anna|anna|demo.test", "NIL|b|c.test"]);
        check("a@b@c", &["NIL|a|b"]);
        check("<a@b@c>", &["NIL|a|b@c"]);
        check("\"unclosed <a@b>, c@d", &["NIL|unclosed <a@b>, c@d|"]);
        check("(unclosed <a@b>", &[]);
        check("@", &["NIL||"]);
        check("J\u{f6}rg <j@k.test>", &["J\u{f6}rg|j|k.test"]);
        check("<a@b>;<c@d>", &["NIL|a|b", "NIL|c|d"]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let (addresses, complete) =
            parse_addresses("g:".bytes().chain("a@b,".bytes().cycle().take(4000)).collect::<Vec<_>>().as_slice(), 10);
        assert_eq!((addresses.len(), complete), (11, false));
        assert_eq!(addresses.last(), Some(&EnvelopeAddress::group_end()));
    }
}
