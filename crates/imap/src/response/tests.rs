use message::Scanner;
use model::{Flag, ModSeq, SeqNum, Timestamp, Uid, UidValidity};

use super::*;
use crate::command::{Page, PageFrom, Partial, Section, SectionName, SectionText, SeenPolicy, StatusItem};
use crate::{MailboxName, NameForm, NumberSet};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn strings_take_the_form_they_need() {
    let check = |value: &str, string: &str, astring: &str| {
        assert_eq!(written(|out| text::string(out, value.as_bytes())), string);
        assert_eq!(written(|out| text::astring(out, value.as_bytes())), astring);
    };
    check("INBOX", "\"INBOX\"", "INBOX");
    check("", "\"\"", "\"\"");
    check("nil", "\"nil\"", "\"nil\"");
    check("a \"b\\c", "\"a \\\"b\\\\c\"", "\"a \\\"b\\\\c\"");
    check("a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb");
    check("ü", "{2}\r\nü", "{2}\r\nü");
    assert!(written(|out| text::string(out, &[b'a'; 1025])).starts_with("{1025}\r\n"));
    assert_eq!(written(|out| text::nstring(out, None)), "NIL");
    assert_eq!(written(|out| text::utf8_string(out, "ü")), "\"ü\"");
}

#[test]
fn numbers() {
    for n in [0, 1, 9, 10, 4_294_967_295, u64::MAX] {
        assert_eq!(written(|out| text::number(out, n)), n.to_string());
    }
}

proptest::proptest! {
    #[test]
    fn dates_are_as_the_model_writes_them(s in 0..253_000_000_000i64) {
        let time = Timestamp::from_unix_ms(s * 1000);
        assert_eq!(written(|out| text::date_time(out, time)), time.imap());
    }
}

#[test]
fn status_responses() {
    let check = |answer: Answer<'_>, line: &str| {
        let tag = Tag::new("a1").unwrap();
        assert_eq!(written(|out| super::answer(out, Some(&tag), &answer)), format!("a1 {line}\r\n"));
    };
    let sets = || ([304, 319, 320].into_iter().collect::<NumberSet>(), [3956, 3957, 3958].into_iter().collect());
    check(Answer::ok("done"), "OK done");
    check(Answer::no("one\r\n* OK two"), "NO one  * OK two");
    check(Answer::ok("x").code(Code::ReadOnly), "OK [READ-ONLY] x");
    check(Answer::ok("x").code(Code::UidNext(Uid(17))), "OK [UIDNEXT 17] x");
    check(
        Answer::ok("x").code(Code::AppendUid(UidValidity(38), [395].into_iter().collect())),
        "OK [APPENDUID 38 395] x",
    );
    let several = [395, 396, 397, 401].into_iter().collect();
    check(Answer::ok("x").code(Code::AppendUid(UidValidity(38), several)), "OK [APPENDUID 38 395:397,401] x");
    check(
        Answer::ok("x").code(Code::CopyUid(UidValidity(38), sets().0, sets().1)),
        "OK [COPYUID 38 304,319:320 3956:3958] x",
    );
    let flags = [Flag::Deleted, Flag::Seen];
    let code = |any| Code::PermanentFlags { flags: &flags, any };
    check(Answer::ok("x").code(code(true)), "OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] x");
    check(Answer::ok("x").code(Code::PermanentFlags { flags: &[], any: false }), "OK [PERMANENTFLAGS ()] x");
    check(Answer::ok("x").code(Code::HighestModSeq(715_194_045_007)), "OK [HIGHESTMODSEQ 715194045007] x");
    check(Answer::ok("x").code(Code::NoModSeq), "OK [NOMODSEQ] x");
    check(Answer::ok("x").code(Code::Modified([7, 9].into_iter().collect())), "OK [MODIFIED 7,9] x");
    check(Answer::ok("x").code(Code::MailboxId("F2212".into())), "OK [MAILBOXID (F2212)] x");
    check(Answer::bad("x").code(Code::BadCharset(&["UTF-8"])), "BAD [BADCHARSET (UTF-8)] x");
    assert_eq!(written(|out| bye(out, Some(&Code::Unavailable), "later")), "* BYE [UNAVAILABLE] later\r\n");
    assert_eq!(written(|out| continuation(out, "")), "+ \r\n");
}

#[test]
fn lists() {
    let entry = |name| ListEntry {
        attributes: &[ListAttribute::HasNoChildren, ListAttribute::Drafts],
        delimiter: Some('/'),
        name,
        child_subscribed: false,
        old_name: None,
    };
    let line = |entry: ListEntry<'_>, form| written(|out| list(out, &entry, form));
    assert_eq!(
        line(entry("Entwürfe"), NameForm::ModifiedUtf7),
        "* LIST (\\HasNoChildren \\Drafts) \"/\" Entw&APw-rfe\r\n"
    );
    assert_eq!(line(entry("Entwürfe"), NameForm::Utf8), "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entwürfe\"\r\n");
    let gone = ListEntry { attributes: &[], delimiter: None, name: "", child_subscribed: true, old_name: Some("a b") };
    assert_eq!(
        line(gone, NameForm::Utf8),
        "* LIST () NIL \"\" (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (\"a b\"))\r\n"
    );
    assert!(written(|out| lsub(out, &entry("a"), NameForm::Utf8)).starts_with("* LSUB ("));
}

#[test]
fn mailbox_data() {
    let name = MailboxName::new("blurdybloop").unwrap();
    let values = [
        StatusValue::Number(StatusItem::Messages, 231),
        StatusValue::UidNext(Uid(44292)),
        StatusValue::UidValidity(UidValidity(1)),
        StatusValue::HighestModSeq(ModSeq(7)),
        StatusValue::MailboxId("F1"),
    ];
    assert_eq!(
        written(|out| status(out, &name, &values, NameForm::Utf8)),
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 UIDVALIDITY 1 HIGHESTMODSEQ 7 MAILBOXID (F1))\r\n"
    );
    assert_eq!(written(|out| flags(out, &[Flag::Answered])), "* FLAGS (\\Answered)\r\n");
    assert_eq!(written(|out| exists(out, 23)), "* 23 EXISTS\r\n");
    assert_eq!(written(|out| recent(out, 0)), "* 0 RECENT\r\n");
    assert_eq!(written(|out| expunge(out, 44)), "* 44 EXPUNGE\r\n");
    assert_eq!(written(|out| search(out, [2, 3, 6])), "* SEARCH 2 3 6\r\n");
    assert_eq!(written(|out| search(out, [])), "* SEARCH\r\n");
    let found = written(|out| {
        search_begin(out);
        search_number(out, 2);
        search_mod_seq(out, ModSeq(917_162_500));
        search_end(out);
    });
    assert_eq!(found, "* SEARCH 2 (MODSEQ 917162500)\r\n");
    let gone = || [405, 407, 410, 411, 425].into_iter().collect::<NumberSet>();
    assert_eq!(written(|out| vanished(out, Vanished::Now, &gone())), "* VANISHED 405,407,410:411,425\r\n");
    assert_eq!(
        written(|out| vanished(out, Vanished::Earlier, &gone())),
        "* VANISHED (EARLIER) 405,407,410:411,425\r\n"
    );
    let tag = Tag::new("A285").unwrap();
    let all: NumberSet = [4, 5, 9].into_iter().collect();
    let found = ESearch {
        uid: true,
        min: Some(4),
        max: Some(9),
        all: Some(&all),
        count: Some(3),
        mod_seq: Some(ModSeq(917)),
        partial: None,
    };
    assert_eq!(
        written(|out| esearch(out, &tag, &found)),
        "* ESEARCH (TAG \"A285\") UID MIN 4 MAX 9 COUNT 3 ALL 4:5,9 MODSEQ 917\r\n"
    );
    let page = Page { from: PageFrom::End, first: 1, last: 100 };
    let paged = ESearch { partial: Some((page, &all)), ..ESearch::default() };
    assert_eq!(
        written(|out| esearch(out, &tag, &paged)),
        format!("* ESEARCH (TAG \"A285\") PARTIAL (-1:-100 {all})\r\n")
    );
    let none = ESearch { partial: Some((page, &NumberSet::new())), ..ESearch::default() };
    assert_eq!(written(|out| esearch(out, &tag, &none)), "* ESEARCH (TAG \"A285\") PARTIAL (-1:-100 NIL)\r\n");
    let nothing = ESearch { all: Some(&NumberSet::new()), ..ESearch::default() };
    assert_eq!(written(|out| esearch(out, &tag, &nothing)), "* ESEARCH (TAG \"A285\")\r\n");
    assert_eq!(written(|out| enabled(out, &["IMAP4REV2"])), "* ENABLED IMAP4REV2\r\n");
    assert_eq!(written(|out| id(out, &[("name", "postamt")])), "* ID (\"name\" \"postamt\")\r\n");
    assert_eq!(written(|out| id(out, &[])), "* ID NIL\r\n");
    let personal = [Namespace { prefix: "", delimiter: Some('/') }];
    assert_eq!(
        written(|out| namespace(out, [&personal, &[], &[]], NameForm::Utf8)),
        "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"
    );
    assert_eq!(written(|out| capability(out, "IMAP4rev1")), "* CAPABILITY IMAP4rev1\r\n");
}

fn fetched(write: impl FnOnce(&mut FetchWriter, &mut Vec<u8>)) -> String {
    written(|out| {
        let mut fetch = FetchWriter::begin(out, SeqNum(1));
        write(&mut fetch, out);
        fetch.end(out);
    })
}

#[test]
fn fetch_items() {
    let section = |part: &[u32], text, partial| Section {
        name: SectionName::Body,
        part: part.to_vec(),
        text,
        partial,
        seen: SeenPolicy::Peek,
    };
    let fields = SectionText::HeaderFields(vec!["DATE".to_owned(), "X Y".to_owned()]);
    let partial = Some(Partial { offset: 3, length: 9 });
    let response = fetched(|fetch, out| {
        fetch.flags(out, ["\\Seen", "\\Draft"].into_iter());
        fetch.internal_date(out, Timestamp::from_unix_ms(0));
        fetch.size(out, 44_827);
        fetch.mod_seq(out, ModSeq(5));
        fetch.section(out, &section(&[1, 2], SectionText::Mime, partial), 2);
        out.extend_from_slice(b"ab");
        fetch.section(out, &section(&[], fields, None), 0);
        fetch.section_nil(out, &section(&[9], SectionText::All, None));
        let rfc822 = Section { name: SectionName::Rfc822, ..section(&[], SectionText::All, None) };
        fetch.section(out, &rfc822, 1);
        out.push(b'x');
        fetch.binary(out, &[1], Some(0), 1);
        out.push(0);
        fetch.binary_nil(out, &[], None);
        fetch.binary_size(out, &[2], 7);
    });
    let expected = "* 1 FETCH (FLAGS (\\Seen \\Draft) INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\" RFC822.SIZE 44827 \
        MODSEQ (5) BODY[1.2.MIME]<3> {2}\r\nab BODY[HEADER.FIELDS (DATE \"X Y\")] {0}\r\n BODY[9] NIL \
        RFC822 {1}\r\nx BINARY[1]<0> ~{1}\r\n\0 BINARY[] NIL BINARY.SIZE[2] 7)\r\n";
    assert_eq!(response, expected);
}

fn scanned(mail: &[u8]) -> message::Scanned {
    let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
    scanner.push(mail);
    scanner.finish()
}

#[test]
fn the_envelope_of_the_standard() {
    let mail = b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\
        Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n\
        cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
        Message-Id: <B27397-0100000@cac.washington.ed>\r\n\r\nx\r\n";
    let envelope = scanned(mail).envelope;
    let gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))";
    let expected = format!(
        "* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" \
         {gray} {gray} {gray} ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")\
         (\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.ed>\"))\r\n"
    );
    assert_eq!(fetched(|fetch, out| fetch.envelope(out, &envelope)), expected);
}

#[test]
fn structures() {
    let check = |mail: &[u8], body: &str, extended: &str| {
        let structure = scanned(mail).structure;
        assert_eq!(fetched(|f, out| f.body(out, &structure)), format!("* 1 FETCH (BODY {body})\r\n"));
        let response = fetched(|f, out| f.body_structure(out, &structure));
        assert_eq!(response, format!("* 1 FETCH (BODYSTRUCTURE {extended})\r\n"));
    };
    let plain = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\"";
    check(b"\r\na\r\nb\r\n", &format!("({plain} 6 2)"), &format!("({plain} 6 2 NIL NIL NIL NIL)"));
    let mail = b"Content-Type: multipart/mixed; boundary=x\r\nContent-Language: de, en\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n\
        Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
        Content-Transfer-Encoding: base64\r\nContent-ID: <1@x>\r\n\r\nQQ==\r\n--x--\r\n";
    let pdf = "\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<1@x>\" NIL \"base64\" 4";
    check(
        mail,
        &format!("(({plain} 2 0)({pdf}) \"mixed\")"),
        &format!(
            "(({plain} 2 0 NIL NIL NIL NIL)({pdf} NIL (\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL) \"mixed\" \
             (\"boundary\" \"x\") NIL (\"de\" \"en\") NIL)"
        ),
    );
    let nothing = "NIL NIL NIL NIL NIL NIL NIL NIL NIL";
    check(
        b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n",
        &format!("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 19 (NIL \"in\" {}) ({plain} 4 1) 3)", &nothing[4..]),
        &format!(
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 19 (NIL \"in\" {}) ({plain} 4 1 NIL NIL NIL NIL) 3 \
             NIL NIL NIL NIL)",
            &nothing[4..]
        ),
    );
}
