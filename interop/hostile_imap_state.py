"""Commands that change much at once or the session itself, said wrongly or broken off, for hostile_imap.py to run."""
import base64, re, socket
from types import SimpleNamespace
from harness import Imap, login, same
from hostile import at_once, client_hello, gone

USER, OTHER = 13, 14
SMALL = b"Subject: small\r\n\r\nx\r\n"


def literal(octets):
    return b" {%d+}\r\n%s" % (len(octets), octets)


class State:
    def __init__(self, watch):
        self.watch, self.server = watch, watch.server

    def count(self, mailbox=b"INBOX"):
        with Imap(self.server, USER) as imap:
            return int(re.search(rb"MESSAGES (\d+)", imap.ok(b"STATUS %s (MESSAGES)" % mailbox)[0][0])[1])

    def leaves(self, text, *says):
        """What is sent after login is answered so, and nothing is stored by it."""
        before = self.count()
        with Imap(self.server, USER, timeout=60) as imap:
            imap.ok(b"SELECT INBOX")
            imap.send(b"x " + text + b"\r\ny NOOP\r\n")
            answer = imap.until(b"x")[1]
            assert answer.startswith(says), f"{text[:60]!r}: {answer!r}"
            same("the next answer", imap.until(b"y")[1][:2], b"OK")
        same("messages", self.count(), before)

    # MULTIAPPEND (RFC 3502)

    def too_many_messages(self):
        self.leaves(b"APPEND INBOX" + literal(SMALL) * 101, b"NO [LIMIT]")
        self.leaves(b"APPEND INBOX" + literal(SMALL) * 5000, b"NO [LIMIT]")
        with Imap(self.server, USER) as imap:
            before = self.count()
            imap.send(b"x APPEND INBOX" + literal(SMALL) * 100 + b"\r\n")
            same("a hundred", imap.until(b"x")[1][:13], b"OK [APPENDUID")
            same("messages", self.count(), before + 100)

    def one_is_wrong(self):
        """All of them or none."""
        good = literal(SMALL) * 20
        for wrong, says in ((literal(b"a\0b"), (b"NO [UNKNOWN-CTE]", b"BAD")), (b" {0+}\r\n", (b"NO",)), (b" (\\Seen", (b"BAD",)), (b' "99-Jan-2026 00:00:00 +0000"' + literal(SMALL), (b"BAD",)),
                            (b" (a b{)" + literal(SMALL), (b"BAD",)), (b" garbage", (b"BAD",)), (b" ()" * 2 + literal(SMALL), (b"BAD",)), (b" (" + b"k " * 300 + b"k)" + literal(SMALL), (b"BAD", b"NO"))):
            self.leaves(b"APPEND INBOX" + good + wrong, *says)
        self.leaves(b"APPEND nowhere" + good, b"NO [TRYCREATE]")
        with Imap(self.server, USER) as imap:
            before = self.count()
            # The last one is too large, and is not sent.
            imap.send(b"x APPEND INBOX" + good + b" {99999999}\r\n")
            assert imap.until(b"x")[1].startswith(b"NO [TOOBIG]")
            same("messages", self.count(), before)

    def broken_off(self):
        """Fifty hang up behind a hundred messages and in the midst of one: none of them is there."""
        before = self.count()
        wires = [Imap(self.server, USER) for _ in range(50)]
        texts = (literal(SMALL) * 100, literal(SMALL) * 50 + b" {500+}\r\nabc", literal(SMALL) * 3 + b" {3}\r\n", literal(SMALL) + literal(b"x" * 100_000) * 20)

        def work(n, wire):
            wire.send(b"x APPEND INBOX" + texts[n % len(texts)])
            wire.sock.close()
        at_once(*(lambda n=n, wire=wire: work(n, wire) for n, wire in enumerate(wires)))
        same("messages", self.count(), before)

    def much_at_once(self):
        """Ten send a hundred messages of 100 KiB in one command each; together they may hold eight MiB a command."""
        before = self.count()
        large = literal(b"Subject: large\r\n\r\n" + b"x" * 100_000)
        wires = [Imap(self.server, USER, timeout=60) for _ in range(10)]
        answers = []

        def work(wire):
            wire.send(b"x APPEND INBOX" + large * 100 + b"\r\n")
            answers.append(wire.until(b"x")[1])
        at_once(*(lambda wire=wire: work(wire) for wire in wires))
        stored = sum(answer.startswith(b"OK") for answer in answers)
        assert all(answer.startswith((b"OK", b"NO")) for answer in answers), answers
        same("messages", self.count(), before + 100 * stored)
        return f"{stored} of 10 were stored"

    # REPLACE (RFC 8508)

    def replace(self):
        with Imap(self.server, USER) as imap:
            imap.refused(b"REPLACE 1 INBOX {3}", b"BAD")
            imap.ok(b"APPEND INBOX {}", SMALL)
            imap.ok(b"EXAMINE INBOX")
            imap.refused(b"REPLACE * INBOX {3}", b"NO [READ-ONLY]", b"NO")
        for line, says in ((b"REPLACE 99999 INBOX" + literal(SMALL), (b"BAD", b"NO")), (b"REPLACE 0 INBOX" + literal(SMALL), (b"BAD",)), (b"REPLACE 1:2 INBOX" + literal(SMALL), (b"BAD",)),
                           (b"REPLACE 1 INBOX" + literal(SMALL) * 2, (b"BAD",)), (b"REPLACE * nowhere" + literal(SMALL), (b"NO [TRYCREATE]",)), (b"UID REPLACE 4294967295 INBOX" + literal(SMALL), (b"NO",)),
                           (b"REPLACE * INBOX {0+}\r\n", (b"NO", b"BAD")), (b"REPLACE * INBOX" + literal(b"a\0b"), (b"NO", b"BAD")), (b"REPLACE * INBOX garbage", (b"BAD",)), (b"REPLACE", (b"BAD",)),
                           (b"REPLACE * INBOX" + literal(SMALL) + b"garbage", (b"BAD",)), (b"REPLACE $ INBOX" + literal(SMALL), (b"BAD",))):
            self.leaves(line, *says)
        with Imap(self.server, USER) as imap:
            before = self.count()
            imap.ok(b"SELECT INBOX")
            imap.refused(b"REPLACE * INBOX {99999999999}", b"NO [TOOBIG]", b"BAD [TOOBIG]")
            imap.send(b"x REPLACE * INBOX {500+}\r\nabc")
        same("messages", self.count(), before)

    def replace_at_once(self):
        """Ten replace the same message: one of them does."""
        with Imap(self.server, USER) as imap:
            uid = int(re.search(rb"APPENDUID \d+ (\d+)", imap.command(b"APPEND INBOX {}", SMALL)[1])[1])
        before, answers = self.count(), []

        def work(wire):
            wire.send(b"x UID REPLACE %d INBOX%s\r\n" % (uid, literal(SMALL)))
            answers.append(wire.until(b"x")[1])
        wires = [Imap(self.server, USER) for _ in range(10)]
        for wire in wires:
            wire.ok(b"SELECT INBOX")
        at_once(*(lambda wire=wire: work(wire) for wire in wires))
        same("who replaced it", sum(answer.startswith(b"OK") for answer in answers), 1)
        same("messages", self.count(), before)

    # UTF8=ACCEPT (RFC 6855)

    def utf8(self):
        wrong = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xc3", b"a\xe2\x82", b"\xe2\x80\xa8" + b"\xff")
        for enabled in (False, True):
            with Imap(self.server, USER) as imap:
                if enabled:
                    imap.ok(b"ENABLE UTF8=ACCEPT IMAP4rev2")
                for name in wrong:
                    for command in (b'CREATE "%s"', b'SELECT "%s"', b'LIST "" "%s"', b'STATUS "%s" (MESSAGES)', b'RENAME INBOX "%s"', b'SUBSCRIBE "%s"'):
                        imap.refused(command % name, b"BAD", b"NO")
                        imap.ok(b"NOOP")
                    answer = imap.command(b"CREATE {}", name)[1]
                    assert answer.startswith((b"BAD", b"NO")), (name, answer)
        with Imap(self.server, USER) as imap:
            imap.ok(b"ENABLE UTF8=ACCEPT")
            imap.ok(b"SELECT INBOX")
            imap.refused(b"SEARCH CHARSET UTF-7 ALL", b"NO [BADCHARSET")
            imap.refused(b'SEARCH SUBJECT "\xff"', b"BAD", b"NO")
            imap.refused(b"ENABLE", b"BAD")
            imap.refused(b"ENABLE " + b"X" * 60_000, b"BAD", b"OK")
        for text in (b"APPEND INBOX UTF8 (~{3+}\r\nabc", b"APPEND INBOX UTF8 (~{3+}\r\nabc))", b"APPEND INBOX UTF8 {3+}\r\nabc", b"APPEND INBOX UTF8 ()", b"APPEND INBOX UTF8 ((~{3+}\r\nabc))",
                     b"APPEND INBOX {3+}\r\nabc)"):
            self.leaves(text, b"BAD", b"NO")

    # UNAUTHENTICATE (RFC 8437)

    def unauthenticate(self):
        with Imap(self.server) as imap:
            imap.refused(b"UNAUTHENTICATE", b"BAD")
        with Imap(self.server, USER) as imap:
            imap.ok(b"ENABLE QRESYNC UTF8=ACCEPT")
            imap.ok(b"CREATE Secret")
            imap.ok(b"SELECT INBOX")
            imap.refused(b"UNAUTHENTICATE now", b"BAD")
            said = b"".join(b"%s %s\r\n" % (tag, text) for tag, text in (
                (b"u", b"UNAUTHENTICATE"), (b"1", b"FETCH 1 FLAGS"), (b"2", b"SELECT INBOX"), (b"3", b'LIST "" *'), (b"4", b"IDLE"), (b"5", b"APPEND INBOX {3+}\r\nabc"), (b"6", b"UNAUTHENTICATE"),
                (b"7", b"COMPRESS DEFLATE"), (b"8", b"ENABLE QRESYNC"), (b"9", b"CAPABILITY")))
            imap.send(said)
            assert imap.until(b"u")[1].startswith(b"OK")
            for n in range(1, 9):
                untagged, answer = imap.until(b"%d" % n)
                assert answer.startswith(b"BAD") and not [parts for parts in untagged if b"BAD" not in parts[0]], (n, untagged, answer)
            assert imap.until(b"9")[1].startswith(b"OK")
            # Who comes next sees their own, and nothing that was enabled before.
            imap.ok(b"LOGIN %s %s" % tuple(part.encode() for part in login(OTHER)))
            assert not imap.ok(b'LIST "" Secret')
            imap.refused(b"FETCH 1 FLAGS", b"BAD")
            imap.refused(b"SELECT INBOX (QRESYNC (1 1))", b"BAD")
            for _ in range(200):
                imap.ok(b"UNAUTHENTICATE")
                imap.ok(b"LOGIN %s %s" % tuple(part.encode() for part in login(OTHER)))
        with Imap(self.server, USER) as imap:
            imap.ok(b"UNAUTHENTICATE")
            for line in (b"x LOGIN " + b"A" * 9000, b"x LOGIN {5000}"):
                imap.send(line + b"\r\n")
                assert imap.until(b"x")[1].startswith(b"BAD"), "limits are a stranger's again"
            imap.ok(b"LOGOUT")

    # Before login

    def scram(self):
        """Exchanges that are not brought to an end, out of order, or wrong, with and without channel binding."""
        user = login(OTHER)[0].encode()
        firsts = (b"n,,n=%s,r=abc" % user, b"n,,n=nobody,r=abc", b"y,,n=%s,r=abc" % user, b"y,,n=a,r=", b"p=tls-exporter,,n=%s,r=abc" % user, b"p=x,,n=a,r=b", b"n,,", b"", b"n,a=b,n=c,r=d", b"n,a=b,",
                  b"n,,n=a,r=b,m=x", b"n,,m=x,n=a,r=b", b"n,,n==41,r=b", b"n,,n=a=2C=3D,r=b", b"n,,n=\xff,r=b", b"n,,r=b,n=a", b"n,,n=a,r=" + b"x" * 5000, b"n,,n=" + b"x" * 5000 + b",r=a", b",,,,", b"n" * 100, b"n,,n=a,r=\0")
        lasts = (b"c=biws,r=%s,p=" + base64.b64encode(b"\0" * 32), b"c=biws,r=%s", b"r=%s,c=biws,p=AAAA", b"c=eSws,r=%s,p=AAAA", b"c=biws,r=%sx,p=AAAA", b"c=biws,r=%s,p=", b"c=biws,r=%s,p=AAAA,p=AAAA", b"c=,r=%s,p=A", b"", b"\0" * 100)
        for tls in (False, True):
            with Imap(self.server, tls=tls) as imap:
                offered = re.findall(rb"AUTH=(SCRAM-\S+)", imap.greeting)
            assert offered
            for mechanism in offered:
                for n, first in enumerate(firsts):
                    with Imap(self.server, tls=tls) as imap:
                        imap.send(b"x AUTHENTICATE " + mechanism + b"\r\n")
                        assert imap.line().startswith(b"+")
                        imap.send(base64.b64encode(first) + b"\r\n")
                        line = imap.line()
                        if line.startswith(b"+"):
                            nonce = re.search(rb"r=([^,]+)", base64.b64decode(line[2:]))[1]
                            last = lasts[n % len(lasts)]
                            imap.send(base64.b64encode(last % nonce if b"%s" in last else last) + b"\r\n")
                            line = imap.line()
                        assert line.startswith((b"x NO", b"x BAD")), (mechanism, first[:30], line)
                        imap.ok(b"NOOP")

    def no_password_in_the_clear(self, strict):
        """Where passwords need TLS none is taken without, not even a right one, and none is asked for."""
        user, password = (part.encode() for part in login(USER))
        with Imap(SimpleNamespace(ports={"imap": strict})) as imap:
            assert b"LOGINDISABLED" in imap.greeting and b"AUTH=" not in imap.greeting, imap.greeting
            imap.refused(b"LOGIN %s %s" % (user, password), b"NO [PRIVACYREQUIRED]")
            imap.refused(b"AUTHENTICATE PLAIN " + base64.b64encode(b"\0%s\0%s" % (user, password)), b"NO [PRIVACYREQUIRED]")
            imap.refused(b"AUTHENTICATE PLAIN", b"NO [PRIVACYREQUIRED]")
            imap.refused(b"AUTHENTICATE SCRAM-SHA-256", b"NO")
            imap.refused(b"SELECT INBOX", b"BAD")

    def tls_on_the_clear_port(self):
        for text in (client_hello(), client_hello()[:20], b"\x16\x03\x01" + b"\0" * 70_000, b"\x80\x2e\x01\x00\x02" + b"\0" * 100):
            with Imap(self.server) as imap:
                try:
                    imap.send(text)
                    imap.sock.shutdown(socket.SHUT_WR)
                except ConnectionError:
                    pass
                gone(imap)


def cases(watch, strict):
    made = State(watch)
    return [
        ("MULTIAPPEND: too many messages", 16, made.too_many_messages),
        ("MULTIAPPEND: one is wrong", 16, made.one_is_wrong),
        ("MULTIAPPEND: broken off", 48, made.broken_off),
        ("MULTIAPPEND: a hundred MiB", 160, made.much_at_once),
        ("REPLACE", 8, made.replace),
        ("REPLACE by ten at once", 8, made.replace_at_once),
        ("UTF8=ACCEPT", 8, made.utf8),
        ("UNAUTHENTICATE", 8, made.unauthenticate),
        ("broken SCRAM", 32, made.scram),
        ("no password in the clear", 4, made.no_password_in_the_clear, strict),
        ("TLS on the clear port", 8, made.tls_on_the_clear_port),
    ]
