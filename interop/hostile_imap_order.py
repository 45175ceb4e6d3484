"""Mailboxes of ten thousand messages made to be hard to sort, thread, search and tell, for hostile_imap.py to run."""
import random, re
from harness import Imap, same
from hostile import VIEW_S, fill, numbers

USER, COUNT = 12, 10_000


def message(n, references=b"", subject=b"s", ident=None, sender=b"a@b.test"):
    return (b"From: %s\r\nTo: %d <t%d@b.test>\r\nSubject: %s\r\nDate: %d Jan 2026 10:00:00 +0000\r\nMessage-ID: <%s>\r\n%s\r\nx\r\n"
            % (sender, n % 7, n, subject, n % 28 + 1, b"m%d@h" % n if ident is None else ident, references and b"References: " + references + b"\r\n"))


def ids(*which):
    return b"\r\n ".join(b"<m%d@h>" % n for n in which)


def tangle():
    chance = random.Random(8)
    return [message(n, ids(*(chance.randrange(COUNT) for _ in range(40))), b"%d" % chance.randrange(50)) for n in range(COUNT)]


MAILBOXES = {
    "chain": lambda: [message(n, ids(n - 1)) for n in range(COUNT)],
    "chain-backwards": lambda: [message(n, ids(n + 1)) for n in range(COUNT)],
    "long-chain": lambda: [message(n, ids(*range(max(0, n - 100), n))) for n in range(COUNT)],
    "ring": lambda: [message(n, ids((n + 1) % COUNT)) for n in range(COUNT)],
    "pairs": lambda: [message(n, ids(n ^ 1, n), b"Re: %d" % (n // 2)) for n in range(COUNT)],
    "star": lambda: [message(n, b"<missing@h>", b"Re: s") for n in range(COUNT)],
    "one-identity": lambda: [message(n, b"<same@h> <same@h>", b"s", b"same@h") for n in range(COUNT)],
    "tangle": tangle,
    "comb": lambda: [message(n, ids(n // 2), b"Re: [x] Fwd: " * 20 + b"%d" % (n % 3)) for n in range(COUNT)],
    "prefixes": lambda: [message(n, b"", b"Re: " * 200 + b"[b] " * 200 + b"s" + b" (fwd)" * 100) for n in range(COUNT // 10)],
    "alike": lambda: [message(n, b"", b"x" * 900 + b"%05d" % (COUNT - n), sender=b"x" * 900 + b"%05d@b.test" % (n * 7919 % COUNT)) for n in range(COUNT)],
}
EVERY_KEY = b" ".join(b"REVERSE " * (n % 2) + key for n, key in enumerate((b"SUBJECT", b"FROM", b"TO", b"CC", b"DATE", b"ARRIVAL", b"SIZE", b"DISPLAYFROM", b"DISPLAYTO") * 2))
LOOKS = (b"THREAD REFERENCES UTF-8 ALL", b"UID THREAD REFERENCES UTF-8 ALL", b"THREAD ORDEREDSUBJECT UTF-8 ALL", b"SORT (SUBJECT) UTF-8 ALL", b"SORT (%s) UTF-8 ALL" % EVERY_KEY,
         b"SORT (REVERSE DATE) UTF-8 NOT TEXT nowhere", b"UID SORT RETURN (MIN MAX COUNT PARTIAL 1:4294967295 SAVE) (FROM) UTF-8 ALL",
         b"UID SORT RETURN (PARTIAL -1:-100) (DISPLAYTO) UTF-8 $", b"SEARCH OR SUBJECT nowhere HEADER REFERENCES nowhere")


def depth(line):
    deepest = level = 0
    for octet in line:
        level += (octet == 40) - (octet == 41)
        deepest = max(deepest, level)
    return deepest


class Order:
    def __init__(self, watch):
        self.watch, self.server = watch, watch.server

    def mailbox(self, name):
        """Each look costs less than a second, the first one too, and tells each message once and none deeper than readers bear."""
        messages = MAILBOXES[name]()
        fill(self.server, USER, name.encode(), messages)
        with Imap(self.server, USER, timeout=60) as imap:
            imap.ok(b"SELECT " + name.encode())
            dearest = 0, b""
            for look in LOOKS:
                cost, untagged = self.watch.cost(imap.ok, look)
                dearest = max(dearest, (cost, look))
                assert cost < VIEW_S, f"{look[:40]!r} took {cost:.2f} s of CPU"
                if b"RETURN" not in look and b"SEARCH" not in look:
                    told = [parts for parts in untagged if parts[0].startswith((b"* THREAD", b"* SORT"))]
                    same(f"{look[:20]!r}", sorted(numbers(told[0])), list(range(1, len(messages) + 1)))
                    assert depth(told[0][0]) <= 101, f"{depth(told[0][0])} levels"
            imap.ok(b"CLOSE")
            imap.ok(b"DELETE " + name.encode())
        return f"dearest {dearest[0] * 1000:.0f} ms: {dearest[1][:24].decode()}"

    def mistakes(self):
        with Imap(self.server, USER) as imap:
            imap.ok(b"SELECT INBOX")
            for line in (b"SORT", b"SORT ()", b"SORT () UTF-8 ALL", b"SORT (REVERSE) UTF-8 ALL", b"SORT (REVERSE REVERSE DATE) UTF-8 ALL", b"SORT (X) UTF-8 ALL",
                         b"SORT (%s) UTF-8 ALL" % b" ".join([b"DATE"] * 19), b"SORT (%s) UTF-8 ALL" % b" ".join([b"SUBJECT"] * 5000), b"SORT (DATE) UTF-8", b"SORT ((DATE)) UTF-8 ALL",
                         b"SORT RETURN (PARTIAL 1:2 PARTIAL 3:4) (DATE) UTF-8 ALL", b"SORT (DATE) UTF-8 " + b"(" * 200 + b"ALL" + b")" * 200, b"THREAD", b"THREAD REFERENCES",
                         b"THREAD REFERENCES UTF-8", b"THREAD (REFERENCES) UTF-8 ALL", b"THREAD NOTHING UTF-8 ALL", b"THREAD REFERENCES UTF-8 " + b"NOT " * 5000 + b"ALL", b"THREAD " + b"X" * 60_000 + b" UTF-8 ALL"):
                imap.refused(line, b"BAD")
                imap.ok(b"NOOP")
            for charset in (b"UTF-7", b"X" * 500, b'""', b"utf-16"):
                imap.refused(b"SORT (DATE) " + charset + b" ALL", b"NO [BADCHARSET")
                imap.refused(b"THREAD REFERENCES " + charset + b" ALL", b"NO [BADCHARSET")

    def fill(self):
        fill(self.server, USER, b"busy", MAILBOXES["tangle"]())

    def many_at_once(self):
        """Eight thread and sort ten thousand each, again and again, and read nothing; others log in."""
        wires = [Imap(self.server, USER) for _ in range(8)]
        for wire in wires:
            wire.ok(b"SELECT busy")
        note = self.watch.unread(b"x THREAD REFERENCES UTF-8 ALL\r\nx SORT (%s) UTF-8 ALL\r\n" % EVERY_KEY, wires)
        self.watch.calms_down()
        return note

    def vanished(self):
        """Five thousand of ten thousand are gone, in every second place; whoever resynchronizes with whatever sets gets a bounded answer."""
        with Imap(self.server, USER, timeout=60) as imap:
            fill(self.server, USER, b"gone", MAILBOXES["chain"]())
            validity = re.search(rb"UIDVALIDITY (\d+)", b" ".join(parts[0] for parts in imap.ok(b"SELECT gone")))[1]
            for start in range(1, COUNT, 1000):
                imap.ok(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % b",".join(b"%d" % n for n in range(start, start + 1000, 2)))
            imap.ok(b"EXPUNGE")
            imap.refused(b"SELECT gone (QRESYNC (%s 1))" % validity, b"BAD")
            imap.ok(b"ENABLE QRESYNC")
            every, odd = b"1:4294967295", b",".join(b"%d" % n for n in range(1, COUNT, 2))
            dearest = 0
            for known in (b"1", b"1 " + every, b"1 " + odd[:48_000].rsplit(b",", 1)[0], b"9223372036854775807 " + every, b"1 %s (1:10000 1:10000)" % every,
                          b"1 %s (1,5000,9999 1,2,3)" % every, b"1 %s (%s %s)" % (every, b"1:4294967295", b"1:4294967295"), b"1 4294967295:1"):
                for uid_validity in (validity, b"1", b"4294967295"):
                    cost, untagged = self.watch.cost(imap.ok, b"SELECT gone (QRESYNC (%s %s))" % (uid_validity, known))
                    dearest = max(dearest, cost)
                    assert sum(len(part) for parts in untagged for part in parts) < 600_000, known[:40]
            for wrong in (b"1 * (1 1)", b"1 1:* (1 1)", b"1 1 (1:3 1:2)", b"1 1 (1 *)", b"1 1 (1)", b"1 1 ()", b"1 $", b"-1", b"9223372036854775808", b"1 0", b"1 1 (0 1)",
                          b"1 1 (1 1) 1", b"", b"1 " + b"1," * 30_000 + b"1"):
                imap.refused(b"SELECT gone (QRESYNC (%s %s))" % (validity, wrong), b"BAD")
                imap.ok(b"NOOP")
            for wrong in (b"QRESYNC", b"QRESYNC ()", b"QRESYNC (0 1)", b"QRESYNC (4294967296 1)", b"QRESYNC (1 1) QRESYNC (1 1)", b"X" * 1000):
                imap.refused(b"SELECT gone (%s)" % wrong, b"BAD")
            imap.ok(b"SELECT gone")
            for line in (b"UID FETCH %s (FLAGS) (CHANGEDSINCE 1 VANISHED)" % every, b"UID FETCH %s (FLAGS) (CHANGEDSINCE 9223372036854775807 VANISHED)" % every,
                         b"UID FETCH %s (FLAGS) (CHANGEDSINCE 1 VANISHED PARTIAL 1:100)" % odd[:40_000].rsplit(b",", 1)[0]):
                dearest = max(dearest, self.watch.cost(imap.ok, line)[0])
            for line in (b"FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)", b"UID FETCH 1:* (FLAGS) (VANISHED)", b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9223372036854775808)",
                         b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE -1)", b"STORE 1 (UNCHANGEDSINCE 9223372036854775808) +FLAGS (x)", b"SEARCH MODSEQ 9223372036854775808"):
                imap.refused(line, b"BAD")
            assert dearest < VIEW_S, f"a look took {dearest:.2f} s of CPU"
            return f"dearest {dearest * 1000:.0f} ms"

    def pages(self):
        """Pages and sets of ten thousand messages, of any size and from either end."""
        with Imap(self.server, USER, timeout=60) as imap:
            imap.ok(b"SELECT busy")
            dearest = 0
            for page in (b"1:4294967295", b"4294967295:1", b"-1:-4294967295", b"4294967295:4294967295", b"1:1", b"-1:-1", b"9999:20000"):
                for line in (b"SEARCH RETURN (PARTIAL %s) ALL", b"UID SEARCH RETURN (PARTIAL %s COUNT MIN MAX SAVE) NOT SUBJECT nowhere", b"UID FETCH 1:4294967295 (FLAGS) (PARTIAL %s)",
                             b"UID SEARCH RETURN (PARTIAL %s) UID $"):
                    dearest = max(dearest, self.watch.cost(imap.ok, line % page)[0])
            spread = b",".join(b"%d" % n for n in range(1, COUNT, 2))
            for line in (b"SEARCH RETURN () %s", b"SEARCH %s", b"FETCH %s FLAGS", b"SORT (DATE) UTF-8 %s", b"SEARCH OR NOT %s UID 1:4294967295", b"SEARCH RETURN (SAVE) %s"):
                dearest = max(dearest, self.watch.cost(imap.ok, line % spread)[0])
            for page in (b"0:1", b"1:0", b"-1:1", b"1:-1", b"1", b"1:", b"*:1", b"1:*", b"4294967296:1", b"1:2 PARTIAL 1:2", b"1:2,3", b"--1:-2", b""):
                imap.refused(b"SEARCH RETURN (PARTIAL %s) ALL" % page, b"BAD")
                imap.refused(b"UID FETCH 1:* (FLAGS) (PARTIAL %s)" % page, b"BAD")
                imap.ok(b"NOOP")
            for line in (b"SEARCH RETURN ALL ALL", b"SEARCH RETURN (ALL", b"SEARCH RETURN (X) ALL", b"SEARCH RETURN (ALL) RETURN (ALL) ALL", b"SEARCH RETURN (ALL PARTIAL 1:2) ALL", b"SEARCH $$"):
                imap.refused(line, b"BAD")
            assert dearest < VIEW_S, f"a look took {dearest:.2f} s of CPU"
            return f"dearest {dearest * 1000:.0f} ms"


def cases(watch):
    made = Order(watch)
    return [
        # Filled, read and kept as keys: some have 25 MiB of references.
        *((f"10,000 messages: {name}", 96, made.mailbox, name) for name in MAILBOXES),
        ("SORT and THREAD: mistakes", 8, made.mistakes),
        ("10,000 messages for what follows", 96, made.fill),
        # What all read of 400,000 references at the same time is some 8 MiB each, and 256 MiB for the whole process at most.
        ("10,000 messages: SORT and THREAD by eight at once", 96, made.many_at_once),
        ("10,000 messages: pages", 16, made.pages),
        ("10,000 messages: QRESYNC", 64, made.vanished),
    ]
