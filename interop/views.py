"""Several clients on one mailbox: each one's sequence numbers stay right, whatever the others do, and IDLE tells at once."""
import random, re, threading, time
from harness import DOMAIN, Imap, same
from letters import letter
from senders import smtp_hand, smtp_says


class Follower(Imap):
    """Keeps the list of UIDs as a client does: from EXISTS and EXPUNGE alone, asking for the UIDs of what is new."""

    def __init__(self, server, user):
        super().__init__(server, user)
        self.uids, self.exists = [], 0
        self.follow(self.ok(b"SELECT INBOX"))
        self.learn()

    def follow(self, untagged):
        for parts in untagged:
            if found := re.match(rb"\* (\d+) EXISTS", parts[0]):
                assert int(found[1]) >= self.exists, f"{parts[0]!r} after {self.exists}: EXISTS cannot shrink"
                self.exists = int(found[1])
            elif found := re.match(rb"\* (\d+) EXPUNGE", parts[0]):
                seq = int(found[1])
                assert 1 <= seq <= self.exists, f"{parts[0]!r} of {self.exists}"
                self.exists -= 1
                if seq <= len(self.uids):
                    self.uids.pop(seq - 1)
            elif (found := re.match(rb"\* (\d+) FETCH .*UID (\d+)", parts[0])) and int(found[1]) <= len(self.uids):
                same("the UID of a number", int(found[2]), self.uids[int(found[1]) - 1])

    def do(self, text):
        untagged, answer = self.command(text)
        if not text.startswith((b"UID", b"NOOP", b"EXPUNGE", b"MOVE")):
            expunged = [parts[0] for parts in untagged if parts[0].endswith(b"EXPUNGE")]
            assert not expunged, f"{text!r} was told {expunged!r}"
        self.follow(untagged)
        return untagged, answer

    def learn(self):
        """The UIDs of what is new. Numbers may shift while we ask, but what is told keeps them right."""
        while len(self.uids) < self.exists:
            known = len(self.uids)
            untagged, _ = self.command(b"FETCH %d:%d (UID)" % (known + 1, self.exists))
            new = [int(found[1]) for parts in untagged if (found := re.search(rb"FETCH \(UID (\d+)", parts[0]))]
            self.uids += new
            self.follow(parts for parts in untagged if b"FETCH" not in parts[0])
            if not new:
                self.do(b"NOOP")


def interleaved(server):
    """Three connections change one mailbox at random; afterwards, and in between, all agree with a fourth that looks afresh."""
    chance = random.Random(5)
    with Imap(server, 30) as filler:
        for n in range(40):
            filler.ok(b"APPEND INBOX {}", letter(41, f"v{n}", 100))
    with Follower(server, 30) as a, Follower(server, 30) as b, Follower(server, 30) as c:
        a.ok(b"CREATE Away")
        for turn in range(400):
            who = chance.choice((a, b, c))
            at = chance.randint(1, who.exists) if who.exists else 1
            action = chance.randrange(8)
            if action == 0 or who.exists < 10:
                who.do(b"NOOP")
                with Imap(server, 30) as other:
                    other.ok(b"APPEND INBOX {}", letter(42, f"w{turn}", 100))
            elif action == 1:
                who.do(b"STORE %d +FLAGS (\\Deleted)" % at)
            elif action == 2:
                who.do(b"EXPUNGE")
            elif action == 3:
                who.do(b"STORE %d FLAGS (\\Flagged k%d)" % (at, turn % 5))
            elif action == 4:
                who.do(b"UID MOVE %d Away" % (who.uids or [1])[chance.randrange(max(1, len(who.uids)))])
            elif action == 5:
                who.do(b"FETCH 1:* (UID FLAGS)")
            elif action == 6:
                who.do(b"MOVE %d Away" % at)
            else:
                who.do(b"NOOP")
            who.learn()
        for who in (a, b, c):
            who.do(b"NOOP")
            who.learn()
        with Follower(server, 30) as fresh:
            for who in (a, b, c):
                same("UIDs", who.uids, fresh.uids)
                # And the numbers mean what the client thinks they mean.
                who.do(b"FETCH 1:* (UID)")


def idling(server):
    """What one does, the other is told while it idles; so is what is delivered."""
    with Imap(server, 31) as idler, Imap(server, 31) as actor:
        idler.ok(b"SELECT INBOX")
        actor.ok(b"SELECT INBOX")
        idler.send(b"i IDLE\r\n")
        assert idler.line().startswith(b"+")

        def told(*wanted):
            begun = time.monotonic()
            for line in wanted:
                # What is \Recent to whom is each connection's own affair.
                while (got := idler.line().replace(b"\\Recent ", b"")) != line:
                    assert got.endswith(b"RECENT"), f"{got!r} for {line!r}"
            return time.monotonic() - begun
        actor.ok(b"APPEND INBOX {}", letter(43, "first", 100))
        slowest = told(b"* 1 EXISTS")
        with smtp_hand(server, server.ports["smtp"]) as smtp:
            smtp_says(smtp, b"MAIL FROM:<a@example.org>", b"250")
            smtp_says(smtp, b"RCPT TO:<u31@%s>" % DOMAIN.encode(), b"250")
            smtp_says(smtp, b"DATA", b"354")
            smtp_says(smtp, b"Subject: x\r\n\r\ny\r\n.", b"250")
        slowest = max(slowest, told(b"* 2 EXISTS"))
        actor.ok(b"STORE 1 +FLAGS (\\Seen)")
        slowest = max(slowest, told(b"* 1 FETCH (UID 1 FLAGS (\\Seen))"))
        actor.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        slowest = max(slowest, told(b"* 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen))"))
        actor.ok(b"EXPUNGE")
        slowest = max(slowest, told(b"* 1 EXPUNGE"))
        idler.send(b"DONE\r\n")
        assert idler.until(b"i")[1].startswith(b"OK")
        assert slowest < 0.5, f"told after {slowest:.2f} s"


def many_idle(server):
    """Fifty idle on one mailbox, and each is told of every message."""
    idlers = [Imap(server, 32) for _ in range(50)]
    for idler in idlers:
        idler.ok(b"SELECT INBOX")
        idler.send(b"i IDLE\r\n")
        assert idler.line().startswith(b"+")

    def append(k):
        with Imap(server, 32) as actor:
            for n in range(10):
                actor.ok(b"APPEND INBOX {}", letter(44, f"{k}.{n}", 100))
    threads = [threading.Thread(target=append, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for idler in idlers:
        while idler.line() != b"* 40 EXISTS":
            pass
        idler.sock.close()


def checks(tally, server):
    for name, work in (("three at random", interleaved), ("IDLE", idling), ("fifty idle", many_idle)):
        tally.check(f"one mailbox: {name}", work, server)
