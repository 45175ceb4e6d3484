"""Python's imaplib: every command it has, and by hand what it lacks."""
import imaplib, re, ssl
from base64 import b64encode
from harness import HOST, Imap, login, no_verification, same
from letters import ODD, letter

imaplib._MAXLINE = 10_000_000
ENTITY = (b'Subject: parts\r\nFrom: "A. B" <a@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n'
          b"--q\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
          b"--q\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
          + b64encode(bytes(range(48))) + b"\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--q--\r\n")


def connect(server, tls=False):
    if tls:
        return imaplib.IMAP4_SSL(HOST, server.ports["imaps"], ssl_context=no_verification(), timeout=60)
    return imaplib.IMAP4(HOST, server.ports["imap"], timeout=60)


def signed_in(server, user):
    imap = connect(server)
    imap.login(*login(user))
    return imap


def good(answer, status="OK"):
    same("status", answer[0], status)
    return answer[1]


def refused(work, *args):
    """imaplib raises what is answered with BAD, and returns NO."""
    try:
        return same("status", work(*args)[0], "NO")
    except imaplib.IMAP4.error:
        pass


def plain(user, password):
    return lambda _: b"\0" + user.encode() + b"\0" + password.encode()


def signing_in(server):
    user, password = login(20)
    for tls in (False, True):
        imap = connect(server, tls)
        for capability in ("IMAP4REV1", "AUTH=PLAIN", "SASL-IR", "LITERAL+"):
            assert capability in imap.capabilities, capability
        assert ("STARTTLS" in imap.capabilities) is not tls
        refused(imap.login, user, "wrong")
        refused(imap.authenticate, "PLAIN", plain(user, "wrong"))
        refused(imap.authenticate, "PLAIN", lambda _: None)
        refused(imap.authenticate, "GSSAPI", lambda _: b"")
        refused(imap.login_cram_md5, user, password)
        good(imap.authenticate("PLAIN", plain(user, password)))
        for capability in (b"IMAP4rev2", b"UIDPLUS", b"MOVE", b"IDLE", b"BINARY", b"ESEARCH", b"ENABLE", b"NAMESPACE", b"UNSELECT"):
            assert capability in good(imap.capability())[0].split(), capability
        same("BYE", imap.logout()[0], "BYE")
    imap = connect(server)
    good(imap.starttls(no_verification()))
    assert isinstance(imap.sock, ssl.SSLSocket) and "STARTTLS" not in imap.capabilities
    good(imap.login(user, password))
    imap.logout()


def mailboxes(server):
    imap = signed_in(server, 21)
    for name in ("Work", "Work/Deep/Er", '"With \\"quotes\\" and \\\\"', "&ZeVnLIqe-", '"two words"', "Trash2"):
        good(imap.create(name))
    refused(imap.create, "Work")
    refused(imap.create, "inbox")
    refused(imap.create, '"&bad"')
    refused(imap.delete, "INBOX")
    refused(imap.delete, "nowhere")
    listed = good(imap.list())
    assert any(b"HasChildren" in line and line.endswith(b'Work') for line in listed if isinstance(line, bytes)), listed
    same("percent", sorted(line.rsplit(b" ", 1)[1] for line in good(imap.list('""', "Work/%"))), [b"Work/Deep"])
    good(imap.subscribe("Work"))
    same("LSUB", [line.rsplit(b" ", 1)[1] for line in good(imap.lsub('""', "Work*"))], [b"Work"])
    good(imap.unsubscribe("Work"))
    same("LSUB", good(imap.lsub('""', "Work*")), [None])
    good(imap.append("Work", None, None, ENTITY))
    good(imap.rename("Work", "Arbeit"))
    assert b"Arbeit/Deep/Er" in b"".join(x for x in good(imap.list()) if isinstance(x, bytes))
    assert re.search(rb"MESSAGES 1 ", good(imap.status("Arbeit", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)"))[0])
    assert re.search(rb"SIZE %d\b" % len(ENTITY), good(imap.status("Arbeit", "(SIZE)"))[0])
    refused(imap.status, "Work", "(MESSAGES)")
    good(imap.rename("INBOX", "Old"))
    good(imap.select("INBOX"))
    same("namespace", good(imap.namespace()), [b'(("" "/")) NIL NIL'])
    good(imap.delete("Trash2"))
    refused(imap.select, "Trash2")
    good(imap.select("INBOX"))
    for work, args in ((imap.sort, ("(DATE)", "UTF-8", "ALL")), (imap.thread, ("REFERENCES", "UTF-8", "ALL")), (imap.getquotaroot, ("INBOX",))):
        good(work(*args))
    for work, args in ((imap.getacl, ("INBOX",)), (imap.myrights, ("INBOX",)), (imap.getannotation, ("INBOX", "/comment", "value.priv")),
                       (imap.proxyauth, ("u1",)), (imap.setquota, ("", "(STORAGE 1)")), (imap.setacl, ("INBOX", "u1", "lr")),
                       (imap.deleteacl, ("INBOX", "u1")), (imap.partial, ("1", "BODY[]", "1", "2"))):
        refused(work, *args)
        good(imap.select("INBOX"))
    imap.logout()


def octets(server):
    """APPEND gives back what it took, whole, in parts, and as the sizes say."""
    imap = signed_in(server, 22)
    # imaplib makes CRLF of bare line ends; those go by hand, below.
    messages = [letter(31, f"m{n}") for n in range(80)]
    for n, message in enumerate(messages):
        good(imap.append("INBOX", r"(\Flagged $Label1)" if n % 2 else None, '"05-Jan-2026 10:11:12 +0100"', message))
    same("EXISTS", good(imap.select("INBOX")), [b"80"])
    for n, message in enumerate(messages, 1):
        data = good(imap.fetch(str(n), "(RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[])"))[0]
        same(f"message {n}", data[1], message)
        assert b"RFC822.SIZE %d " % len(message) in data[0] and b'" 5-Jan-2026 09:11:12 +0000"' in data[0], data[0]
        assert (b"\\Flagged" in data[0]) is (n % 2 == 0), data[0]
        same("RFC822", good(imap.fetch(str(n), "(RFC822)"))[0][1], message)
        head = message.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in message else len(message)
        same("header", good(imap.uid("FETCH", str(n), "(BODY.PEEK[HEADER])"))[0][1], message[:head])
        same("text", good(imap.uid("FETCH", str(n), "(BODY.PEEK[TEXT])"))[0][1], message[head:])
        glued, step = b"", max(1000, len(message) // 7)
        for start in range(0, len(message), step):
            glued += good(imap.fetch(str(n), f"(BODY.PEEK[]<{start}.{step}>)"))[0][1]
        same("in parts", glued, message)
    imap.logout()
    with Imap(server, 22) as wire:
        wire.ok(b"SELECT INBOX")
        for name, message in ODD.items():
            wire.ok(b"APPEND INBOX (\\Seen) {}", message)
            same(name, wire.ok(b"FETCH * BODY[]")[-1][1], message)
            assert b"%d)" % len(message) in wire.ok(b"FETCH * RFC822.SIZE")[-1][0]


def parts(server):
    imap = signed_in(server, 23)
    good(imap.append("INBOX", None, None, ENTITY))
    good(imap.select("INBOX"))
    for item, wanted in (("BODY[1]", b"Gr=C3=BC=C3=9Fe"), ("BODY[1.MIME]", ENTITY.split(b"--q\r\n")[1].split(b"Gr=")[0]),
                         ("BINARY[1]", "Grüße".encode()), ("BINARY.PEEK[2]", bytes(range(48))),
                         ("BINARY[2]<4.8>", bytes(range(4, 12))), ("BODY[3.HEADER]", b"Subject: inner\r\n\r\n"),
                         ("BODY[3.TEXT]", b"inner text"), ("BODY[3.1]", b"inner text"),
                         ("BODY[HEADER.FIELDS (SUBJECT X-None)]", b"Subject: parts\r\n\r\n"),
                         ("BODY[3.HEADER.FIELDS.NOT (Date)]", b"Subject: inner\r\n\r\n"), ("BODY[]<0.7>", b"Subject"), ("BODY[]<100000.5>", b"")):
        got = good(imap.fetch("1", f"({item})"))[0]
        same(item, got[1] if isinstance(got, tuple) else re.search(rb'"(.*)"', got)[1], wanted)
    assert b"BINARY.SIZE[2] 48" in good(imap.fetch("1", "(BINARY.SIZE[2])"))[0]
    same("no such part", b"NIL" in good(imap.fetch("1", "(BODY[9])"))[0], True)
    structure = good(imap.fetch("1", "(BODYSTRUCTURE)"))[0]
    for piece in (b'"quoted-printable"', b'"message" "rfc822"', b'"mixed"', b'("boundary" "q")'):
        assert piece.lower() in structure.lower(), structure
    assert b'(("A. B" NIL "a" "example.org"))' in good(imap.fetch("1", "ALL"))[0]
    good(imap.fetch("1", "FAST"), "OK"), good(imap.fetch("1", "FULL"))
    refused(imap.fetch, "1", "(NONSENSE)")
    refused(imap.fetch, "0", "(FLAGS)")
    refused(imap.fetch, "7", "(FLAGS)")
    same("no such UID", good(imap.uid("FETCH", "777", "(FLAGS)")), [None])
    imap.logout()


def changing(server):
    imap = signed_in(server, 24)
    good(imap.create("Other"))
    for n in range(10):
        good(imap.append("INBOX", None, None, letter(33, f"c{n}", 200)))
    good(imap.select("INBOX"))
    assert len(good(imap.store("1:3", "+FLAGS", r"(\Seen Custom)"))) == 3
    same("silent", good(imap.store("4", "FLAGS.SILENT", r"(\Deleted)")), [None])
    good(imap.uid("STORE", "1", "-FLAGS", r"(\Seen)"))
    assert b"Custom" in good(imap.fetch("1", "(FLAGS)"))[0] and b"Seen" not in good(imap.fetch("1", "(FLAGS)"))[0]
    same("EXPUNGE", good(imap.expunge()), [b"4"])
    good(imap.copy("1:2", "Other"))
    assert re.match(rb"\d+ 1:2 1:2", imap.response("COPYUID")[1][-1])
    good(imap.uid("COPY", "3", "Other"))
    refused(imap.copy, "1", "Nowhere")
    same("TRYCREATE", imap.response("TRYCREATE")[0], "TRYCREATE")
    # imaplib does not know MOVE.
    imaplib.Commands.setdefault("MOVE", ("SELECTED",))
    good(imap._simple_command("MOVE", "1:2", "Other"))
    good(imap.uid("MOVE", "5:6", "Other"))
    same("left", good(imap.uid("SEARCH", "ALL"))[0], b"3 7 8 9 10")
    good(imap.store("1:*", "+FLAGS.SILENT", r"(\Deleted)"))
    good(imap.uid("EXPUNGE", "7:8"))
    same("left", good(imap.uid("SEARCH", "ALL"))[0], b"3 9 10")
    good(imap.unselect())
    good(imap.select("INBOX"))
    same("after UNSELECT", good(imap.search(None, "DELETED"))[0], b"1 2 3")
    good(imap.check()), good(imap.noop()), good(imap.close())
    same("after CLOSE", good(imap.select("INBOX")), [b"0"])
    same("there", good(imap.select("Other", readonly=True)), [b"7"])
    refused(imap.store, "1", "+FLAGS", r"(\Seen)")
    imap.recent(), imap.response("UIDVALIDITY")
    good(imap.xatom("NOOP"))
    imap.logout()


def searching(server):
    imap = signed_in(server, 25)
    for n in range(20):
        good(imap.append("INBOX", r"(\Seen)" if n < 5 else None, f'"{n + 1:02}-Jan-2026 12:00:00 +0000"',
                         f"From: s{n}@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= {n}\r\nDate: {n + 1} Jan 2026 12:00:00 +0000\r\n"
                         f"Content-Type: text/plain; charset=utf-8\r\n\r\nKörper {n} {'x' * n * 100}\r\n".encode()))
    good(imap.select("INBOX"))
    for key, wanted in (("ALL", 20), ("SEEN", 5), ("UNSEEN", 15), ("SUBJECT 19", 1), ("FROM s1@", 1), ("OR SEEN SUBJECT 19", 6), ("NOT SEEN", 15),
                        ("LARGER 1500", 7), ("SMALLER 1500", 13), ("SINCE 11-Jan-2026", 10), ("BEFORE 11-Jan-2026", 10), ("ON 11-Jan-2026", 1),
                        ("SENTSINCE 11-Jan-2026", 10), ("(SEEN UID 2:*)", 4), ("2:5,10", 5), ("HEADER From s2@", 1), ('HEADER X-None ""', 0), ("KEYWORD none", 0),
                        ("BODY xxxx BODY 19", 1)):
        got = len(good(imap.search(None, key))[0].split())
        if key != "LARGER 1500" and key != "SMALLER 1500":
            same(key, got, wanted)
    for word, wanted in (("grüße 1", 11), ("GRÜSSE", 0), ("KÖRPER 7", 1)):
        for charset in ("UTF-8", "utf-8"):
            imap.literal = word.encode()
            same(word, len(good(imap.uid("SEARCH", "CHARSET", charset, "TEXT"))[0].split()), wanted)
    imap.literal = b"x"
    refused(imap.search, "KOI8-R", "TEXT")
    imap.logout()
    with Imap(server, 25) as wire:
        wire.ok(b"SELECT INBOX")
        same("BADCHARSET", wire.refused(b"SEARCH CHARSET KOI8-R ALL", b"NO")[:14], b"NO [BADCHARSET")
        same("ESEARCH", b"COUNT 5" in wire.ok(b"SEARCH RETURN (COUNT MIN MAX) SEEN")[0][0], True)
        wire.ok(b"SEARCH RETURN (SAVE) 3:5")
        same("$", len(wire.ok(b"FETCH $ UID")), 3)
        two = wire.ok(b"SEARCH CHARSET UTF-8 SUBJECT {} TEXT {}", "Grüße".encode(), "Körper 3".encode())
        same("two literals", two[0][0], b"* SEARCH 4")


def revisions(server):
    """What IMAP4rev1 and IMAP4rev2 say differently (RFC 9051, appendix E)."""
    with Imap(server, 26) as old, Imap(server, 26) as new:
        assert any(b"IMAP4rev2" in parts[0] for parts in new.ok(b"ENABLE IMAP4rev2 X-NOTHING"))
        new.ok('CREATE "Größe"'.encode())
        assert any(b"Gr&APYA3w-e" in parts[0] for parts in old.ok(b'LIST "" *'))
        assert any("Größe".encode() in parts[0] for parts in new.ok(b'LIST "" *'))
        old.ok(b"APPEND INBOX {}", ENTITY)
        text = [parts[0] for parts in old.ok(b"SELECT INBOX")]
        assert b"* 1 RECENT" in text or b"* 0 RECENT" in text, text
        text = [parts[0] for parts in new.ok(b"SELECT INBOX")]
        assert not any(b"RECENT" in line for line in text) and any(line.startswith(b"* LIST") for line in text), text
        same("rev1", old.ok(b"SEARCH ALL")[-1][0], b"* SEARCH 1")
        assert new.ok(b"SEARCH ALL")[-1][0].startswith(b"* ESEARCH")
        assert any(b"[CLOSED]" in parts[0] for parts in new.ok(b"SELECT INBOX"))
        new.refused(b"STATUS INBOX (NONSENSE)", b"BAD")
        new.ok(b"STATUS INBOX (MESSAGES DELETED SIZE)")


def literals(server):
    """Synchronizing and not, in every place, and a NUL in none."""
    user, password = (text.encode() for text in login(27))
    with Imap(server) as wire:
        wire.ok(b"LOGIN {} {}", user, password)
    with Imap(server) as wire:
        wire.send(b"a LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\nb SELECT {5+}\r\ninbox\r\nc NOOP\r\n" % (len(user), user, len(password), password))
        for tag in (b"a", b"b", b"c"):
            assert wire.until(tag)[1].startswith(b"OK")
        wire.ok(b"APPEND {} (\\Seen) {}", b"INBOX", ENTITY)
        wire.send(b"d APPEND INBOX ~{%d+}\r\n%s\r\n" % (len(ENTITY), ENTITY))
        assert wire.until(b"d")[1].startswith(b"OK")
        wire.send(b"e APPEND Nowhere {%d+}\r\n%s\r\nf NOOP\r\n" % (len(ENTITY), ENTITY))
        assert wire.until(b"e")[1].startswith(b"NO [TRYCREATE]") and wire.until(b"f")[1].startswith(b"OK")
        wire.refused(b"APPEND Nowhere {4}", b"NO [TRYCREATE]")
        wire.send(b"g APPEND INBOX {5+}\r\na\0bcd\r\n")
        assert wire.until(b"g")[1].startswith((b"NO", b"BAD"))
        wire.ok(b"FETCH 1:* {}".replace(b"{}", b"BODY.PEEK[HEADER.FIELDS ({7+}\r\nSubject)]"))


def checks(tally, server):
    for name, work in (("signing in", signing_in), ("mailboxes", mailboxes), ("octets", octets), ("parts", parts), ("flags, copies, moves", changing),
                       ("searches", searching), ("IMAP4rev1 and rev2", revisions), ("literals", literals)):
        tally.check(f"imaplib: {name}", work, server)
