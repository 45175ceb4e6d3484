"""Hostile mail, and what it costs to look at it by IMAP, for hostile_imap.py to run."""
import time
from evil_mail import EVIL
from harness import Imap, login, same
from hostile import VIEW_S, hang_up, numbers
from letters import letter
from senders import smtp_hand, smtp_says

LOOKS = (b"BODYSTRUCTURE", b"ENVELOPE", b"BODY", b"PREVIEW", b"BODY.PEEK[1]", b"BODY.PEEK[9999]", b"BODY.PEEK[10000.MIME]", b"BODY.PEEK[" + b"1." * 98 + b"1]",
         b"BINARY.PEEK[1]", b"BINARY.SIZE[1]", b"BODY.PEEK[HEADER.FIELDS (SUBJECT TO)]", b"BODY.PEEK[HEADER.FIELDS.NOT (X-A)]", b"BODY.PEEK[TEXT]", b"RFC822.HEADER",
         b"BODY.PEEK[]<100.10>", b"(EMAILID THREADID SAVEDATE MODSEQ RFC822.SIZE INTERNALDATE)")
KEYS = (b"TEXT nowhere", b"SUBJECT nowhere", b"TO nowhere", b"FROM nowhere", b"HEADER X-None x", b"HEADER SUBJECT \"\"", b"BODY nowhere", b"SENTON 1-Jan-2026")
ORDERS = (b"SORT (SUBJECT FROM TO CC DATE DISPLAYFROM DISPLAYTO) UTF-8 *:*", b"THREAD REFERENCES UTF-8 *:*", b"THREAD ORDEREDSUBJECT UTF-8 *:*")


class Mail:
    def __init__(self, watch):
        self.watch, self.server = watch, watch.server

    def slowest(self, imap, commands):
        """The dearest of these to the server, each of which may cost so much and no more."""
        costs = [(self.watch.cost(imap.command, command)[0], command) for command in commands]
        cost, command = max(costs)
        assert cost < VIEW_S, f"{command[:60]!r} took {cost:.2f} s of CPU"
        return f"dearest view {cost * 1000:.0f} ms"

    def evil(self, name):
        """It goes in by APPEND, and every item comes out, in time linear in its size."""
        message = EVIL[name]()
        with Imap(self.server, 5, timeout=60) as imap:
            imap.ok(b"SELECT INBOX")
            cost, _ = self.watch.cost(imap.ok, b"APPEND INBOX {}", message)
            assert cost < VIEW_S, f"APPEND took {cost:.2f} s of CPU"
            imap.ok(b"NOOP")
            note = self.slowest(imap, [b"FETCH * " + look for look in LOOKS] + [b"SEARCH *:* " + key for key in KEYS] + list(ORDERS))
            same("octets", imap.ok(b"FETCH * BODY.PEEK[]")[0][1], message)
        return note

    def all_evil(self):
        """A mailbox of nothing else is listed as a mail program does it."""
        with Imap(self.server, 5, timeout=60) as imap:
            imap.ok(b"SELECT INBOX")
            # Everything of some fifty at once, and all their octets: not one view but fifty.
            cost, listed = self.watch.cost(imap.ok, b"FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)")
            assert cost < 5 * VIEW_S, f"the list took {cost:.2f} s of CPU"
            searched, _ = self.watch.cost(imap.ok, b"SEARCH TEXT nowhere")
            return f"{len(listed)} listed for {cost:.2f} s of CPU, searched for {searched:.2f} s"

    def nul(self):
        """By IMAP no NUL comes in (RFC 9051 §4.3), in whatever literal; by SMTP it may, and then none goes out."""
        with Imap(self.server, 6) as imap:
            imap.ok(b"SELECT INBOX")
            before = imap.ok(b"STATUS INBOX (MESSAGES)")
            for command in (b"APPEND INBOX {}", b"APPEND INBOX ~{}", b"APPEND INBOX UTF8 (~{})"):
                answer = imap.command(command, b"Subject: \0\r\n\r\na\0b\r\n")[1]
                assert answer.startswith((b"NO [UNKNOWN-CTE]", b"BAD")), (command, answer)
            same("messages", imap.ok(b"STATUS INBOX (MESSAGES)"), before)
            with smtp_hand(self.server, self.server.ports["smtp"]) as smtp:
                smtp_says(smtp, b"MAIL FROM:<a@example.org>", b"250"), smtp_says(smtp, b"RCPT TO:<%s>" % login(6)[0].encode(), b"250"), smtp_says(smtp, b"DATA", b"354")
                smtp_says(smtp, b"Subject: nul\r\nX-N: a\0b\r\n\r\na\0b\r\n.", b"250")
            imap.ok(b"NOOP")
            octets = imap.ok(b"FETCH * BODY.PEEK[]")[0][1]
            assert octets.endswith(b"X-N: a\x80b\r\n\r\na\x80b\r\n") and len(octets) == numbers(imap.ok(b"FETCH * RFC822.SIZE")[0])[-1], octets
            # BINARY alone has a literal for it (RFC 3516 §4.2).
            for look in LOOKS[:8] + LOOKS[9:]:
                assert b"\0" not in b"".join(b"".join(parts) for parts in imap.command(b"FETCH * " + look)[0]), look

    def gigabyte_never_read(self):
        """Twenty messages of 50 MiB are asked for and not read, by ten sessions, each item twice."""
        message = b"Subject: large\r\n\r\n" + (b"x" * 1022 + b"\r\n") * (50 * 1024 - 1)
        with Imap(self.server, 6, timeout=120) as imap:
            imap.ok(b"CREATE Large")
            imap.ok(b"APPEND Large {}", message)
            imap.ok(b"SELECT Large")
            for _ in range(19):
                imap.ok(b"COPY 1 Large")
            readers = [Imap(self.server, 6) for _ in range(10)]
            for reader in readers:
                reader.ok(b"SELECT Large")
                reader.send(b"x FETCH 1:20 (BODY.PEEK[] BODY.PEEK[TEXT] BINARY.PEEK[1])\r\n" * 10)
            time.sleep(2)
            note = self.watch.logins(3)
            hang_up(readers)
            # And one who does read gets it all.
            got = 0
            imap.send(b"y FETCH 1:3 BODY.PEEK[]\r\n")
            for _ in range(3):
                got += len(imap.response()[1])
            same("octets", got, 3 * len(message))
            return note

    def costly_search(self, key, message):
        """Searches of hundreds of keys over much mail do not hold up others, and end when their clients go."""
        with Imap(self.server, 7, timeout=120) as imap:
            imap.ok(b"SELECT INBOX")
            imap.command(b"STORE 1:* +FLAGS.SILENT (\\Deleted)"), imap.ok(b"CLOSE")
            for n in range(60):
                imap.ok(b"APPEND INBOX {}", message(n))
            searchers = [Imap(self.server, 7) for _ in range(4)]
            for searcher in searchers:
                searcher.ok(b"SELECT INBOX")
                searcher.send(b"x SEARCH " + b" ".join(b"NOT %s nowhere%d" % (key, n) for n in range(450)) + b"\r\n")
            time.sleep(0.3)
            note = self.watch.logins(10)
            hang_up(searchers)
            self.watch.calms_down()
            return note


def cases(watch):
    mail = Mail(watch)
    return [
        *((f"message: {name}", 48, mail.evil, name) for name in EVIL),
        ("a mailbox of all of them", 48, mail.all_evil),
        ("NUL in messages", 8, mail.nul),
        ("a gigabyte never read", 48, mail.gigabyte_never_read),
        ("costly searches of texts", 64, mail.costly_search, b"TEXT", lambda n: letter(91, f"s{n}", 150_000)),
        ("costly searches of recipients", 64, mail.costly_search, b"TO", lambda n: EVIL["100,000 recipients"]()[:100_000] + b"\r\n\r\nx\r\n"),
        ("costly searches of fields", 64, mail.costly_search, b"HEADER X-A", lambda n: EVIL["100,000 header fields"]()[:200_000] + b"\r\n"),
    ]
