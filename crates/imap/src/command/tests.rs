use model::ModSeq;
use proptest::prelude::*;

use super::*;
use crate::{NameForm, SequenceSet};

/// What a client may send, and the one form in which we would send it.
fn check(input: &str, printed: &str) {
    let command = parse(input.as_bytes(), NameForm::ModifiedUtf7).unwrap_or_else(|e| panic!("{input}: {e:?}"));
    let line = command.encode(NameForm::ModifiedUtf7);
    let wire = line.strip_suffix(b"\r\n").unwrap();
    assert_eq!(String::from_utf8_lossy(wire), printed, "{input}");
    assert_eq!(parse(wire, NameForm::ModifiedUtf7).as_ref(), Ok(&command), "{printed}");
}

/// What the client is told about a command that is none.
fn refused(input: &str, answer: &str) {
    let error = parse(input.as_bytes(), NameForm::ModifiedUtf7).err().unwrap_or_else(|| panic!("{input} was taken"));
    let mut out = Vec::new();
    crate::response::answer(&mut out, None, &error.answer());
    assert_eq!(String::from_utf8(out).unwrap(), format!("* {answer}\r\n"), "{input}");
}

#[test]
fn commands_without_mailboxes() {
    for plain in
        ["CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "NAMESPACE", "IDLE", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE"]
    {
        check(&format!("a1 {}", plain.to_lowercase()), &format!("a1 {plain}"));
    }
    check("a UNauthenticate", "a UNAUTHENTICATE");
    check("a compress deflate", "a COMPRESS DEFLATE");
    refused("a COMPRESS LZ4", "BAD COMPRESS: expected DEFLATE at column 12");
    refused("a COMPRESS DEFLATE64", "BAD COMPRESS: expected the end of the command at column 19");
    check("a023 ID NIL", "a023 ID NIL");
    check("a023 ID (\"name\" \"sodr\" \"version\" NIL)", "a023 ID (\"name\" \"sodr\" \"version\" NIL)");
    check("a ENABLE utf8=accept imap4rev2", "a ENABLE UTF8=ACCEPT IMAP4REV2");
    check("A001 AUTHENTICATE plain", "A001 AUTHENTICATE PLAIN");
    check("A001 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=", "A001 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=");
    check("A001 AUTHENTICATE EXTERNAL =", "A001 AUTHENTICATE EXTERNAL =");
    check("a001 LOGIN SMITH SESAME", "a001 LOGIN SMITH SESAME");
    check("a001 LOGIN {11}\r\nFRED FOOBAR {7+}\r\nfat man", "a001 LOGIN \"FRED FOOBAR\" \"fat man\"");
    check("a001 LOGIN \"a\\\"b\\\\c\" {3}\r\n\u{fc}x", "a001 LOGIN \"a\\\"b\\\\c\" {3+}\r\n\u{fc}x");
}

#[test]
fn commands_on_mailboxes() {
    check("A142 SELECT inbox", "A142 SELECT INBOX");
    check("A142 SELECT \"My \\\"Mail\\\"\"", "A142 SELECT \"My \\\"Mail\\\"\"");
    check("A932 EXAMINE blurdybloop", "A932 EXAMINE blurdybloop");
    check("A003 CREATE owatagusiam/", "A003 CREATE owatagusiam/");
    check("A003 CREATE \"Entw&APw-rfe\"", "A003 CREATE Entw&APw-rfe");
    check("A003 CREATE \"Entwürfe\"", "A003 CREATE Entw&APw-rfe");
    check("A683 DELETE blurdybloop", "A683 DELETE blurdybloop");
    check("A682 RENAME INBOX {8}\r\nold-mail", "A682 RENAME INBOX old-mail");
    check("A002 SUBSCRIBE #news.comp.mail.mime", "A002 SUBSCRIBE #news.comp.mail.mime");
    check("A002 UNSUBSCRIBE NIL", "A002 UNSUBSCRIBE \"NIL\"");
    check("A042 STATUS blurdybloop (UIDNEXT messages UIDNEXT)", "A042 STATUS blurdybloop (UIDNEXT MESSAGES)");
    check("A042 STATUS a (SIZE DELETED MAILBOXID)", "A042 STATUS a (SIZE DELETED MAILBOXID)");
    refused("a SELECT", "BAD SELECT: expected a space at column 9");
    refused("a SELECT \"x", "BAD SELECT: expected the closing quote at column 12");
    refused("a SELECT a b", "BAD SELECT: expected an opening parenthesis at column 12");
    refused("a SELECT \"a&b\"", "NO [CANNOT] SELECT: the mailbox name is not valid modified UTF-7 or UTF-8");
    refused("a SELECT \"\"", "NO [CANNOT] SELECT: a mailbox name must not be empty");
    refused("a STATUS INBOX ()", "BAD STATUS: expected at least one status item at column 16");
    refused("a STATUS INBOX (FOO)", "BAD STATUS: expected a status item at column 17");
}

#[test]
fn list_and_its_extensions() {
    check("A101 LIST \"\" \"\"", "A101 LIST \"\" \"\"");
    check("A103 LIST /usr/staff/jones %", "A103 LIST /usr/staff/jones \"%\"");
    check("A01 LIST (SUBSCRIBED) \"\" *", "A01 LIST (SUBSCRIBED) \"\" (\"*\") RETURN ()");
    check(
        "A04 LIST (REMOTE recursivematch SUBSCRIBED) \"\" (\"INBOX\" \"Drafts\" a/%) RETURN (CHILDREN SUBSCRIBED)",
        "A04 LIST (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" (\"INBOX\" \"Drafts\" \"a/%\") RETURN (SUBSCRIBED CHILDREN)",
    );
    check(
        "A LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN) CHILDREN)",
        "A LIST () \"\" (\"%\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))",
    );
    check("A002 LSUB #news. comp.mail.*", "A002 LSUB #news. \"comp.mail.*\"");
    refused("a LIST (RECURSIVEMATCH) \"\" *", "BAD LIST: RECURSIVEMATCH needs SUBSCRIBED");
    refused("a LIST (FOO) \"\" *", "BAD LIST: expected a selection option we support at column 9");
    refused("a LIST \"\" ()", "BAD LIST: expected at least one mailbox pattern at column 13");
}

#[test]
fn fetch() {
    check(
        "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
        "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
    );
    check("a FETCH 1 fast", "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)");
    check("a FETCH 1 ALL", "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)");
    check("a UID FETCH *:1,3 FULL", "a UID FETCH *:1,3 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)");
    check("a FETCH $ body[]", "a FETCH $ (BODY[])");
    check("a FETCH 1 (BODY.PEEK[1.2.MIME]<0.2048> BODY[TEXT])", "a FETCH 1 (BODY.PEEK[1.2.MIME]<0.2048> BODY[TEXT])");
    check("a FETCH 1 BODY[4.1.HEADER.FIELDS.NOT (\"x-a\")]", "a FETCH 1 (BODY[4.1.HEADER.FIELDS.NOT (x-a)])");
    check(
        "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT BODYSTRUCTURE UID)",
        "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT BODYSTRUCTURE UID)",
    );
    check(
        "a FETCH 1 (BINARY[1]<3.4> BINARY.PEEK[] BINARY.SIZE[2.1])",
        "a FETCH 1 (BINARY[1]<3.4> BINARY.PEEK[] BINARY.SIZE[2.1])",
    );
    refused("a FETCH FLAGS", "BAD FETCH: expected a sequence set at column 9");
    refused("a FETCH 1, FLAGS", "BAD FETCH: expected a sequence set at column 11");
    refused("a FETCH 0 FLAGS", "BAD FETCH: expected a sequence set at column 9");
    refused("a FETCH 4294967296 FLAGS", "BAD FETCH: expected a sequence set at column 9");
    refused("a FETCH 1 (ALL)", "BAD FETCH: expected a data item at column 12");
    refused("a FETCH 1 ()", "BAD FETCH: expected at least one data item at column 11");
    refused("a FETCH 1 BODY[MIME]", "BAD FETCH: expected a section at column 16");
    refused("a FETCH 1 BODY[1.]", "BAD FETCH: expected a section at column 18");
    refused("a FETCH 1 BODY[]<0.0>", "BAD FETCH: expected a length that is not zero at column 20");
    refused("a FETCH 1 BODY[]<0>", "BAD FETCH: expected a dot at column 19");
    refused("a FETCH 1 BINARY[1.TEXT]", "BAD FETCH: expected a part number at column 20");
}

#[test]
fn store_copy_move_expunge() {
    check("A003 STORE 2:4 +FLAGS (\\Deleted)", "A003 STORE 2:4 +FLAGS (\\Deleted)");
    check("a UID STORE 7 -flags.silent \\seen $Junk", "a UID STORE 7 -FLAGS.SILENT (\\Seen $Junk)");
    check("a STORE 1 FLAGS ()", "a STORE 1 FLAGS ()");
    check("A003 COPY 2:4 MEETING", "A003 COPY 2:4 MEETING");
    check("a UID MOVE 42:69 foo", "a UID MOVE 42:69 foo");
    check("A003 UID EXPUNGE 3000:3002", "A003 UID EXPUNGE 3000:3002");
    refused("a STORE 1 FLAGS (\\Recent)", "BAD STORE: expected a flag that can be set at column 18");
    refused("a STORE 1 FLAGS (\\Foo)", "BAD STORE: expected a flag that can be set at column 18");
    refused("a STORE 1 *FLAGS ()", "BAD STORE: expected FLAGS at column 11");
    refused(
        "a UID NOOP",
        "BAD UID: expected FETCH, STORE, SEARCH, SORT, THREAD, COPY, MOVE, REPLACE or EXPUNGE at column 7",
    );
    refused("a UID EXPUNGE", "BAD UID EXPUNGE: expected a space at column 14");
}

#[test]
fn search() {
    let check = |input: &str, printed: &str| check(&format!("a SEARCH {input}"), &format!("a SEARCH {printed}"));
    check("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", "CHARSET UTF-8 FLAGGED SINCE 1-Feb-1994 NOT FROM Smith");
    check(
        "CHARSET utf-8 TEXT {9}\r\n\u{43c}\u{430}\u{442}\u{44c}!",
        "CHARSET UTF-8 TEXT {9+}\r\n\u{43c}\u{430}\u{442}\u{44c}!",
    );
    check("RETURN (MIN COUNT) FLAGGED", "RETURN (MIN COUNT) CHARSET UTF-8 FLAGGED");
    check("RETURN () 1,2,8:*", "RETURN (ALL) CHARSET UTF-8 1,2,8:*");
    check("RETURN (SAVE) UID $", "RETURN (SAVE) CHARSET UTF-8 UID $");
    check("OR (SEEN) (TO a BCC b)", "CHARSET UTF-8 OR SEEN (TO a BCC b)");
    check("HEADER Message-ID \"\" UNKEYWORD $Junk", "CHARSET UTF-8 HEADER Message-ID \"\" UNKEYWORD $Junk");
    check("ON \"01-Feb-1994\" LARGER 5000000000", "CHARSET UTF-8 ON 1-Feb-1994 LARGER 5000000000");
    check("NEW OLD RECENT UNSEEN ALL", "CHARSET UTF-8 NEW OLD RECENT UNSEEN ALL");
    check("(SEEN DRAFT) (NOT (OLD (ALL)))", "CHARSET UTF-8 (SEEN DRAFT) NOT (OLD ALL)");
    check("RETURN (SAVE) CHARSET KOI8-R TEXT {1}\r\n\u{43c}", "RETURN (SAVE) CHARSET UNKNOWN ALL");
    refused("a SEARCH", "BAD SEARCH: expected a space at column 9");
    refused("a SEARCH FOO", "BAD SEARCH: expected a search key at column 10");
    refused("a SEARCH ON 30-Feb-1994", "BAD SEARCH: expected a date as 1-Feb-1994 at column 13");
    refused("a SEARCH SUBJECT \"a\\n\"", "BAD SEARCH: expected a quote or backslash at column 21");
    refused("a SEARCH ()", "BAD SEARCH: expected a search key at column 10");
}

#[test]
fn search_extensions() {
    let check = |input: &str, printed: &str| check(&format!("a SEARCH {input}"), &format!("a SEARCH {printed}"));
    check("UNSEEN YOUNGER 259200 older 1", "CHARSET UTF-8 UNSEEN YOUNGER 259200 OLDER 1");
    check(
        "SAVEDON 28-Dec-2014 SAVEDSINCE 1-Jan-2015 SAVEDBEFORE 02-Jan-2015 savedatesupported",
        "CHARSET UTF-8 SAVEDON 28-Dec-2014 SAVEDSINCE 1-Jan-2015 SAVEDBEFORE 2-Jan-2015 SAVEDATESUPPORTED",
    );
    check("OR EMAILID M6d99 THREADID T64-b_", "CHARSET UTF-8 OR EMAILID M6d99 THREADID T64-b_");
    check("RETURN (PARTIAL -1:-100 COUNT) ALL", "RETURN (COUNT PARTIAL -1:-100) CHARSET UTF-8 ALL");
    check("RETURN (partial 500:400) ALL", "RETURN (PARTIAL 500:400) CHARSET UTF-8 ALL");
    refused("a SEARCH OLDER 0", "BAD SEARCH: expected a number of seconds at column 16");
    refused("a SEARCH YOUNGER 1d", "BAD SEARCH: expected the end of the command at column 19");
    refused("a SEARCH EMAILID (M1)", "BAD SEARCH: expected an object identifier at column 18");
    refused(&format!("a SEARCH EMAILID {}", "x".repeat(256)), "BAD SEARCH: expected an object identifier at column 18");
    let range = |at| format!("BAD SEARCH: expected a range as 1:100 or -1:-100 at column {at}");
    refused("a SEARCH RETURN (PARTIAL 1:*) ALL", &range(28));
    refused("a SEARCH RETURN (PARTIAL 1:-2) ALL", &range(28));
    refused("a SEARCH RETURN (PARTIAL -1:2) ALL", &range(29));
    refused("a SEARCH RETURN (PARTIAL 0:2) ALL", &range(26));
    refused("a SEARCH RETURN (PARTIAL 7) ALL", &range(27));
    let both = "BAD SEARCH: expected PARTIAL or ALL, not both, at column 17";
    refused("a SEARCH RETURN (ALL PARTIAL 1:2) ALL", both);
    refused(
        "a SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
        "BAD SEARCH: expected MIN, MAX, ALL, COUNT, SAVE or one PARTIAL at column 30",
    );
}

#[test]
fn sort_and_thread() {
    check("A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994", "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994");
    check("a UID SORT (subject reverse date) us-ascii ALL", "a UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL");
    check(
        "a SORT RETURN () (REVERSE DISPLAYFROM DISPLAYTO ARRIVAL CC FROM SIZE TO) \"UTF-8\" 1:* DELETED",
        "a SORT RETURN (ALL) (REVERSE DISPLAYFROM DISPLAYTO ARRIVAL CC FROM SIZE TO) UTF-8 1:* DELETED",
    );
    check("A283 THREAD orderedsubject UTF-8 ALL", "A283 THREAD ORDEREDSUBJECT UTF-8 ALL");
    check("a UID THREAD REFERENCES US-ASCII TEXT gewp", "a UID THREAD REFERENCES UTF-8 TEXT gewp");
    check("a SORT (SUBJECT) KOI8-R ALL", "a SORT (SUBJECT) UNKNOWN ALL");
    check("a UID THREAD REFERENCES X ALL", "a UID THREAD REFERENCES UNKNOWN ALL");
    refused("a SORT (SUBJECT) ALL", "BAD SORT: expected a space at column 21");
    refused("a SORT (SUBJECT) UTF-8", "BAD SORT: expected a space at column 23");
    refused("a SORT () UTF-8 ALL", "BAD SORT: expected at least one sort criterion at column 8");
    refused("a SORT (BCC) UTF-8 ALL", "BAD SORT: expected a sort criterion at column 9");
    refused("a SORT (REVERSE) UTF-8 ALL", "BAD SORT: expected a sort criterion at column 9");
    refused("a SORT (REVERSE REVERSE DATE) UTF-8 ALL", "BAD SORT: expected a sort criterion at column 17");
    refused(&format!("a SORT (CC{}) UTF-8 ALL", " CC".repeat(18)), "BAD SORT: more than 18 items in a list");
    refused("a THREAD JWZ UTF-8 ALL", "BAD THREAD: expected ORDEREDSUBJECT or REFERENCES at column 10");
    refused(
        "a THREAD RETURN () REFERENCES UTF-8 ALL",
        "BAD THREAD: expected ORDEREDSUBJECT or REFERENCES at column 10",
    );
    let deep = |n: usize| format!("a THREAD REFERENCES UTF-8 {}ALL{}", "(".repeat(n), ")".repeat(n));
    check(&deep(99), "a THREAD REFERENCES UTF-8 ALL");
    refused(&deep(100), "BAD THREAD: search keys nested deeper than 100");
}

#[test]
fn fetch_extensions() {
    check(
        "a FETCH 1 (EMAILID threadid SAVEDATE PREVIEW (LAZY) PREVIEW FLAGS)",
        "a FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW (LAZY) PREVIEW FLAGS)",
    );
    check("a UID FETCH 1:4 preview", "a UID FETCH 1:4 (PREVIEW)");
    check("a FETCH 1 PREVIEW (lazy LAZY)", "a FETCH 1 (PREVIEW (LAZY))");
    check("a UID FETCH 1:9 preview (partial -1:-30)", "a UID FETCH 1:9 (PREVIEW) (PARTIAL -1:-30)");
    check(
        "101 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 98305)",
        "101 UID FETCH 25900:26600 (UID FLAGS) (CHANGEDSINCE 98305 PARTIAL -1:-30)",
    );
    refused("a FETCH 1:9 FLAGS (PARTIAL 1:2)", "BAD FETCH: PARTIAL goes with UID FETCH only");
    refused("a UID FETCH 1:9 FLAGS (PARTIAL 1:2 PARTIAL 1:2)", "BAD UID FETCH: expected a modifier at column 36");
    refused("a FETCH 1 (PREVIEW (LAZY EAGER))", "BAD FETCH: expected LAZY at column 26");
    refused("a FETCH 1 (PREVIEW (LAZYNESS))", "BAD FETCH: expected a space or closing parenthesis at column 25");
    refused("a FETCH 1 (PREVIEW())", "BAD FETCH: expected a space or closing parenthesis at column 19");
}

#[test]
fn bounds_are_told() {
    let deep = |n: usize| format!("a SEARCH {}ALL{}", "(".repeat(n), ")".repeat(n));
    check(&deep(99), "a SEARCH CHARSET UTF-8 ALL");
    refused(&deep(100), "BAD SEARCH: search keys nested deeper than 100");
    refused(&format!("a SEARCH {}ALL", "NOT ".repeat(15_000)), "BAD SEARCH: search keys nested deeper than 100");
    let seen = |n: usize| " SEEN".repeat(n);
    check(&format!("a SEARCH{}", seen(1000)), &format!("a SEARCH CHARSET UTF-8{}", seen(1000)));
    check(&format!("a SEARCH (NEW{})", seen(998)), &format!("a SEARCH CHARSET UTF-8 NEW{}", seen(998)));
    refused(&format!("a SEARCH{}", seen(1001)), "BAD SEARCH: more than 1000 search keys");
    refused(&format!("a FETCH 1{} FLAGS", ",1".repeat(10_000)), "BAD FETCH: more than 10000 items in a sequence set");
    refused(&format!("a FETCH 1 (UID{})", " UID".repeat(100)), "BAD FETCH: more than 100 items in a list");
    refused(&format!("a STORE 1 FLAGS a{}", " a".repeat(200)), "BAD STORE: more than 200 flags");
    refused(&format!("a FETCH 1 BODY[1{}]", ".1".repeat(100)), "BAD FETCH: a part number deeper than 100");
    refused(&format!("a SELECT {}", "x".repeat(1001)), "NO [CANNOT] SELECT: the mailbox name is too long");
    refused(&format!("{} NOOP", "x".repeat(129)), "BAD expected a tag at column 1");
}

#[test]
fn select_with_parameters() {
    check("A142 SELECT INBOX (condstore)", "A142 SELECT INBOX (CONDSTORE)");
    check(
        "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
        "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
    );
    check("a EXAMINE x (QRESYNC (1 2) CONDSTORE)", "a EXAMINE x (CONDSTORE QRESYNC (1 2))");
    check("a EXAMINE x (QRESYNC (1 0 (4,7 9:10)))", "a EXAMINE x (QRESYNC (1 0 (4,7 9:10)))");
    check("a SELECT x (QRESYNC (1 2 1:97 (5,7 15,22)))", "a SELECT x (QRESYNC (1 2 1:97 (5,7 15,22)))");
    refused("a SELECT x ()", "BAD SELECT: expected CONDSTORE or QRESYNC at column 12");
    refused("a SELECT x (FOO)", "BAD SELECT: expected CONDSTORE or QRESYNC at column 13");
    refused("a SELECT x (QRESYNC)", "BAD SELECT: expected a space at column 20");
    refused("a SELECT x (QRESYNC (0 1))", "BAD SELECT: expected a UIDVALIDITY at column 22");
    refused("a SELECT x (QRESYNC (1))", "BAD SELECT: expected a space at column 23");
    refused("a SELECT x (QRESYNC (1 9223372036854775808))", "BAD SELECT: expected a mod-sequence at column 24");
    refused("a SELECT x (QRESYNC (1 2 1:*))", "BAD SELECT: expected a set of numbers without * and $ at column 26");
    refused("a SELECT x (QRESYNC (1 2 $))", "BAD SELECT: expected a set of numbers without * and $ at column 26");
    refused("a SELECT x (QRESYNC (1 2 3 4))", "BAD SELECT: expected known UIDs or an opening parenthesis at column 28");
    refused("a SELECT x (QRESYNC (1 2 (1:2 3)))", "BAD SELECT: not as many known sequence numbers as UIDs");
    refused("a SELECT x (QRESYNC (1 2 (1 2)", "BAD SELECT: expected a closing parenthesis at column 31");
    refused("a SELECT x (QRESYNC (1 2) QRESYNC (1 2))", "BAD SELECT: expected CONDSTORE or QRESYNC at column 27");
}

#[test]
fn mod_sequences() {
    check("s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)", "s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)");
    check(
        "s UID FETCH 300:500 FLAGS (vanished CHANGEDSINCE 12345)",
        "s UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    );
    check(
        "a FETCH 1:3 ALL (CHANGEDSINCE 9223372036854775807)",
        "a FETCH 1:3 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE) (CHANGEDSINCE 9223372036854775807)",
    );
    check("a FETCH 1:3 modseq", "a FETCH 1:3 (MODSEQ)");
    check(
        "a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
        "a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
    );
    check("a102 STORE 12 (unchangedsince 0) FLAGS ($MDNSent)", "a102 STORE 12 (UNCHANGEDSINCE 0) FLAGS ($MDNSent)");
    check("a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338", "a SEARCH CHARSET UTF-8 MODSEQ 620162338");
    check("a SEARCH MODSEQ \"/flags/$todo\" SHARED 0", "a SEARCH CHARSET UTF-8 MODSEQ 0");
    check(
        "t SEARCH OR NOT MODSEQ 720162338 LARGER 50000",
        "t SEARCH CHARSET UTF-8 OR NOT MODSEQ 720162338 LARGER 50000",
    );
    check("a STATUS x (HIGHESTMODSEQ)", "a STATUS x (HIGHESTMODSEQ)");
    refused("a FETCH 1 FLAGS ()", "BAD FETCH: expected at least one modifier at column 17");
    refused("a FETCH 1 FLAGS (FOO)", "BAD FETCH: expected a modifier at column 18");
    refused("a FETCH 1 FLAGS (CHANGEDSINCE)", "BAD FETCH: expected a space at column 30");
    refused("a FETCH 1 FLAGS (CHANGEDSINCE x)", "BAD FETCH: expected a mod-sequence at column 31");
    refused(
        "a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "BAD FETCH: VANISHED goes with UID FETCH and CHANGEDSINCE only",
    );
    refused("a UID FETCH 1 FLAGS (VANISHED)", "BAD UID FETCH: VANISHED goes with UID FETCH and CHANGEDSINCE only");
    refused(
        "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()",
        "BAD STORE: expected a mod-sequence at column 27",
    );
    refused("a STORE 1 (FOO 1) FLAGS ()", "BAD STORE: expected UNCHANGEDSINCE at column 12");
    refused("a STORE 1 (UNCHANGEDSINCE 1)FLAGS ()", "BAD STORE: expected a space at column 29");
    refused(
        "a SEARCH MODSEQ \"/comment\" all 1",
        "BAD SEARCH: expected an entry name that begins with /flags/ at column 17",
    );
    refused("a SEARCH MODSEQ \"/flags/x\" 1", "BAD SEARCH: expected priv, shared or all at column 28");
}

#[test]
fn what_is_no_command() {
    refused("", "BAD expected a tag at column 1");
    refused("a", "BAD expected a space at column 2");
    refused("a+ NOOP", "BAD expected a tag at column 1");
    refused("a  NOOP", "BAD expected a command at column 3");
    refused("a FROB", "BAD unknown command");
    refused("a NOOP ", "BAD NOOP: expected the end of the command at column 7");
    refused("a APPEND INBOX", "BAD APPEND: expected a message literal behind mailbox, flags and date at column 9");
    refused("a LOGIN a \u{fc}", "BAD LOGIN: expected a password at column 11");
    refused("a LOGIN a {1}\r\n\0", "BAD LOGIN: expected a literal without NUL at column 11");
    refused("a SUBSCRIBE {99}\r\nab", "BAD SUBSCRIBE: expected a mailbox name at column 13");
    refused("a AUTHENTICATE PLAIN !", "BAD AUTHENTICATE: expected an initial response in base64 at column 22");
}

#[test]
fn names_are_read_as_the_client_writes_them() {
    let name = |input: &str, form| match parse(input.as_bytes(), form).map(|tagged| tagged.command) {
        Ok(Command::Select(select)) => select.mailbox.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name("a SELECT \"A&-B\"", NameForm::ModifiedUtf7), "A&B");
    assert_eq!(name("a SELECT \"A&-B\"", NameForm::Utf8), "A&-B");
    assert_eq!(name("a SELECT \"台北\"", NameForm::Utf8), "台北");
}

#[test]
fn quota() {
    check("a getquota \"\"", "a GETQUOTA \"\"");
    check("a GETQUOTAROOT inbox", "a GETQUOTAROOT INBOX");
    check("a SETQUOTA #user/alice (STORAGE 510 MESSAGE 0)", "a SETQUOTA #user/alice (STORAGE 510 MESSAGE 0)");
    check("a SETQUOTA {1}\r\nx ()", "a SETQUOTA x ()");
    refused("a GETQUOTA", "BAD GETQUOTA: expected a space at column 11");
    refused("a GETQUOTA x y", "BAD GETQUOTA: expected the end of the command at column 13");
    refused("a SETQUOTA x (STORAGE)", "BAD SETQUOTA: expected a space at column 22");
    refused("a SETQUOTA x (STORAGE 9223372036854775808)", "BAD SETQUOTA: expected a number at column 23");
}

#[test]
fn create_with_a_use() {
    check("a CREATE x (use (\\Drafts \\sent))", "a CREATE x (USE (\\Drafts \\sent))");
    check("a CREATE x (USE ())", "a CREATE x");
    refused("a CREATE x (USE (Drafts))", "BAD CREATE: expected a special use at column 18");
    refused("a CREATE x (OTHER (x))", "BAD CREATE: expected USE at column 13");
    refused("a CREATE x USE", "BAD CREATE: expected an opening parenthesis at column 12");
}

fn strings() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9]{1,6}", "[ -~]{0,8}", "[^\\x00]{0,6}"]
}

fn names() -> impl Strategy<Value = MailboxName> {
    prop_oneof!["[a-zA-Z/]{1,6}", "[^\\p{Cc}\\p{Zl}\\p{Zp}]{1,6}"].prop_map(|name| MailboxName::new(&name).unwrap())
}

fn sets() -> impl Strategy<Value = SequenceSet> {
    use crate::sequence::{SeqBound, SeqRange};
    let bound = || prop_oneof![3 => (1..=u32::MAX).prop_map(SeqBound::Number), 1 => Just(SeqBound::Star)];
    let range = (bound(), bound()).prop_map(|(first, last)| SeqRange { first, last });
    prop_oneof![
        9 => prop::collection::vec(range, 1..4).prop_map(SequenceSet::Ranges),
        1 => Just(SequenceSet::Saved),
    ]
}

fn flags() -> impl Strategy<Value = Vec<model::Flag>> {
    let flag = prop_oneof![Just("\\Seen"), Just("\\Deleted"), Just("$Junk"), Just("todo")];
    prop::collection::vec(flag.prop_map(|text| model::Flag::parse(text).unwrap()), 0..4)
}

fn numbering() -> impl Strategy<Value = Numbering> {
    prop_oneof![Just(Numbering::SeqNum), Just(Numbering::Uid)]
}

fn keys() -> impl Strategy<Value = SearchKey> {
    let date = (1..=28u8, 1..=12u8, 0..=9999u16).prop_map(|(d, m, y)| crate::Date::new(y, m, d).unwrap());
    let leaf = prop_oneof![
        Just(SearchKey::All),
        sets().prop_map(SearchKey::SeqNum),
        sets().prop_map(SearchKey::Uid),
        date.clone().prop_map(SearchKey::SentSince),
        date.prop_map(SearchKey::SavedOn),
        (1..=u32::MAX).prop_map(SearchKey::Older),
        "[A-Za-z0-9_-]{1,20}".prop_map(SearchKey::EmailId),
        Just(SearchKey::SaveDateSupported),
        (0..=i64::MAX as u64).prop_map(SearchKey::Larger),
        mod_seqs().prop_map(SearchKey::ModSeq),
        strings().prop_map(SearchKey::Subject),
        ("[!-9;-~]{1,5}", strings()).prop_map(|(field, value)| SearchKey::Header { field, value }),
        Just(SearchKey::NotFlag(model::Flag::Draft)),
        Just(SearchKey::Flag(model::Flag::parse("$Junk").unwrap())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(SearchKey::And),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| SearchKey::Or(a.into(), b.into())),
            inner.prop_map(|key| SearchKey::Not(key.into())),
        ]
    })
}

fn items() -> impl Strategy<Value = FetchItem> {
    let seen = || prop_oneof![Just(SeenPolicy::Set), Just(SeenPolicy::Peek)];
    let part = || prop::collection::vec(1..=u32::MAX, 0..3);
    let partial = || {
        prop::option::of((0..=i64::MAX as u64, 1..=i64::MAX as u64))
            .prop_map(|p| p.map(|(offset, length)| Partial { offset, length }))
    };
    let text = prop_oneof![
        Just(SectionText::All),
        Just(SectionText::Header),
        Just(SectionText::Text),
        prop::collection::vec("[!-9;-~]{1,5}", 1..3).prop_map(SectionText::HeaderFieldsNot),
    ];
    prop_oneof![
        Just(FetchItem::Body),
        Just(FetchItem::BodyStructure),
        Just(FetchItem::ModSeq),
        Just(FetchItem::ThreadId),
        Just(FetchItem::Preview { priority: PreviewPriority::Lazy }),
        part().prop_map(|part| FetchItem::BinarySize { part }),
        (part(), partial(), seen()).prop_map(|(part, partial, seen)| FetchItem::Binary { part, partial, seen }),
        (part(), text, partial(), seen()).prop_map(|(part, text, partial, seen)| {
            FetchItem::Section(Section { name: SectionName::Body, part, text, partial, seen })
        }),
    ]
}

fn mod_seqs() -> impl Strategy<Value = ModSeq> {
    (0..=i64::MAX as u64).prop_map(ModSeq)
}

fn selects() -> impl Strategy<Value = Select> {
    use crate::sequence::{SeqBound, SeqRange};
    let range = |first: u32| {
        let bound = SeqBound::Number(first);
        SequenceSet::Ranges(vec![SeqRange { first: bound, last: bound }])
    };
    let numbers = move || (1..=u32::MAX).prop_map(range);
    let matches = prop::option::of((numbers(), numbers()).prop_map(|(seqs, uids)| SeqMatch { seqs, uids }));
    let resync = (1..=u32::MAX, mod_seqs(), prop::option::of(numbers()), matches).prop_map(
        |(validity, mod_seq, known_uids, matches)| Resync {
            uid_validity: model::UidValidity(validity),
            mod_seq,
            known_uids,
            matches,
        },
    );
    (names(), any::<bool>(), prop::option::of(resync)).prop_map(|(mailbox, condstore, qresync)| Select {
        mailbox,
        condstore,
        qresync,
    })
}

fn commands() -> impl Strategy<Value = Command> {
    let id = prop::collection::vec((strings(), prop::option::of(strings())), 0..3).prop_map(|fields| Id { fields });
    let secret = || strings().prop_map(|s| model::Secret::new(s.into_bytes()));
    let page = (1..=u32::MAX, 1..=u32::MAX, any::<bool>()).prop_map(|(first, last, end)| {
        let from = if end { PageFrom::End } else { PageFrom::Start };
        Page { from, first, last }
    });
    let returns = || {
        (any::<[bool; 4]>(), prop::option::of(page.clone())).prop_map(|([min, max, count, save], partial)| {
            let all = !(min || max || count || save || partial.is_some());
            SearchReturn { min, max, all, count, save, partial }
        })
    };
    let order = prop_oneof![Just(SortOrder::Ascending), Just(SortOrder::Descending)];
    let criterion =
        (prop::sample::select(SortKey::ALL.to_vec()), order).prop_map(|(key, order)| SortCriterion { key, order });
    let criteria = prop::collection::vec(criterion, 1..5);
    let algorithm = prop::sample::select(ThreadAlgorithm::ALL.to_vec());
    let patterns =
        prop::collection::vec("[^\\p{Cc}\\p{Zl}\\p{Zp}]{0,5}".prop_map(|p| crate::ListPattern::new(&p).unwrap()), 1..3);
    let list =
        (any::<[bool; 4]>(), names(), patterns, any::<[bool; 2]>()).prop_map(|(s, reference, patterns, r)| List {
            syntax: ListSyntax::Extended,
            selection: ListSelection {
                subscribed: s[0],
                remote: s[1],
                recursive_match: s[0] && s[2],
                special_use: s[3],
            },
            reference: reference.as_str().to_owned(),
            patterns,
            returns: ListReturn { subscribed: r[0], children: r[1], ..ListReturn::default() },
        });
    prop_oneof![
        Just(Command::Noop),
        Just(Command::Compress),
        Just(Command::Unauthenticate),
        id.prop_map(Command::Id),
        (strings(), secret()).prop_map(|(user, password)| Command::Login(Login { user, password })),
        prop::option::of(secret())
            .prop_map(|initial| { Command::Authenticate(Authenticate { mechanism: "PLAIN".to_owned(), initial }) }),
        selects().prop_map(Command::Select),
        (names(), prop::collection::vec(prop_oneof![Just("\\Drafts".to_owned()), Just("\\x-y".to_owned())], 0..3))
            .prop_map(|(mailbox, uses)| Command::Create(Create { mailbox, uses })),
        strings().prop_map(Command::GetQuota),
        names().prop_map(Command::GetQuotaRoot),
        (strings(), prop::collection::vec(("[A-Z-]{1,9}", 0..=i64::MAX as u64), 0..3))
            .prop_map(|(root, limits)| Command::SetQuota(SetQuota { root, limits })),
        (names(), names()).prop_map(|(from, to)| Command::Rename { from, to }),
        list.prop_map(Command::List),
        (names(), prop::sample::subsequence(StatusItem::ALL.to_vec(), 1..9))
            .prop_map(|(mailbox, items)| Command::Status(StatusCommand { mailbox, items })),
        prop::option::of(sets()).prop_map(|uids| Command::Expunge(Expunge { uids })),
        (numbering(), prop::option::of(returns()), keys())
            .prop_map(|(numbering, returns, key)| Command::Search(Search { numbering, returns, key })),
        (numbering(), prop::option::of(returns()), criteria, keys())
            .prop_map(|(numbering, returns, criteria, key)| Command::Sort(Sort { numbering, returns, criteria, key })),
        (numbering(), algorithm, keys()).prop_map(|(numbering, algorithm, key)| Command::Thread(Thread {
            numbering,
            algorithm,
            key
        })),
        (
            (numbering(), sets(), prop::collection::vec(items(), 1..4)),
            (prop::option::of(mod_seqs()), any::<bool>(), prop::option::of(page)),
        )
            .prop_map(|((numbering, set, items), (changed_since, vanished, partial))| {
                let vanished = vanished && changed_since.is_some() && numbering == Numbering::Uid;
                let partial = partial.filter(|_| numbering == Numbering::Uid);
                let modifiers = FetchModifiers { changed_since, vanished, partial };
                Command::Fetch(Fetch { numbering, set, items, modifiers })
            }),
        (numbering(), sets(), prop::option::of(mod_seqs()), flags()).prop_map(
            |(numbering, set, unchanged_since, flags)| {
                let (operation, report) = (StoreOperation::Add, StoreReport::Silent);
                Command::Store(Store { numbering, set, unchanged_since, operation, report, flags })
            }
        ),
        (numbering(), sets(), names()).prop_map(|(numbering, set, mailbox)| Command::Move(Copy {
            numbering,
            set,
            mailbox
        })),
    ]
}

fn append_messages() -> impl Strategy<Value = AppendMessage> {
    let date = prop::option::of(0..=1_900_000_000i64).prop_map(|s| {
        s.map(|s| crate::DateTime { timestamp: model::Timestamp::from_unix_ms(s * 1000), zone_minutes: 90 })
    });
    let data = prop_oneof![Just(AppendData::Plain), Just(AppendData::Utf8)];
    (flags(), date, data).prop_map(|(flags, date, data)| AppendMessage { flags, date, data })
}

fn appends() -> impl Strategy<Value = Append> {
    use crate::sequence::SeqBound;
    let number = prop_oneof![(1..=u32::MAX).prop_map(SeqBound::Number), Just(SeqBound::Star)];
    let replaces = (number, numbering()).prop_map(|(message, numbering)| Replaces { message, numbering });
    (names(), prop::option::of(replaces), append_messages()).prop_map(|(mailbox, replaces, message)| Append {
        mailbox,
        replaces,
        message,
    })
}

/// What stands before the literal, which the session announces by its size.
fn before_literal(wire: &[u8]) -> &[u8] {
    let at = wire.iter().rposition(|&octet| octet == b'{').unwrap();
    wire[..at].strip_suffix(b"~").unwrap_or(&wire[..at])
}

proptest! {
    #[test]
    fn appends_are_parsed_as_printed(first in appends(), next in append_messages(), utf8: bool) {
        let form = if utf8 { NameForm::Utf8 } else { NameForm::ModifiedUtf7 };
        let tag = Tag::new("a1").unwrap();
        let wire = first.encode(&tag, 310, form);
        let append::Head::Message(read, parsed) = append::head(before_literal(&wire), form) else {
            panic!("{}", String::from_utf8_lossy(&wire))
        };
        prop_assert_eq!((&read, &parsed), (&tag, &first));
        let wire = first.message.encode_another(&next, 42);
        prop_assert_eq!(append::another(before_literal(&wire), form, first.message.data), Ok(next));
    }

    #[test]
    fn what_is_printed_is_parsed(command in commands(), utf8: bool) {
        let form = if utf8 { NameForm::Utf8 } else { NameForm::ModifiedUtf7 };
        let tagged = Tagged { tag: Tag::new("a1").unwrap(), command };
        let wire = tagged.encode(form);
        let parsed = parse(wire.strip_suffix(b"\r\n").unwrap(), form);
        prop_assert_eq!(parsed, Ok(tagged), "{}", String::from_utf8_lossy(&wire));
    }

    #[test]
    fn no_octets_make_it_panic(octets: Vec<u8>, head in "a (SEARCH|FETCH 1|LIST|STORE 1|ID|STATUS x|UID FETCH 1|SELECT x|SEARCH MODSEQ) ") {
        let _ = parse(&octets, NameForm::ModifiedUtf7);
        let _ = parse(&[head.as_bytes(), &octets].concat(), NameForm::Utf8);
    }
}
