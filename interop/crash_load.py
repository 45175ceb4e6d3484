"""crash.py's clients: they change one server's mail by every protocol at once, and tell the ledger what they were promised."""
import base64, collections, random, re, threading
from crash_ledger import letter
from harness import DOMAIN, Imap, Pop3, Wire, login
from mailboxes import Reader
from senders import smtp_hand, smtp_says

# Whose mail an IMAP client changes, whose a POP3 client; and who submits.
READERS, POPPER, SUBMITTER = (1, 2, 3), 4, 5
USERS = (*READERS, POPPER, SUBMITTER)
FLAGS = tuple(map(frozenset, ([rb"\Seen"], [rb"\Flagged"], [rb"\Answered"], [rb"$Forwarded"], [rb"\Draft", b"tag"])))
NAMES = [f"box{n}" for n in range(8)]
# A mailbox is thinned out above this, so that judging stays quick; a client sends this many letters in a round.
BOX_MAILS_MAX, LETTERS_MAX = 50, 100
# Mostly small; some are blobs of their own (beyond 32 KiB), few need many writes.
SIZES = {0: 4, 300: 30, 2000: 30, 7000: 20, 20_000: 8, 35_000: 6, 80_000: 2, 400_000: 0.5}
# An answer that takes longer does not come: commits may wait 30 s for fjall's flushing, which a disk that failed has ended.
ANSWER_S = 45
SHOWN = rb"UID (\d+)", rb"FLAGS \(([^)]*)\)"


def shown(parts):
    """UID and flags of a FETCH response."""
    text = b"".join(parts[::2])
    uid, flags = (re.search(pattern, text) for pattern in SHOWN)
    if b"FETCH" not in text or not uid or not flags:
        return None
    return int(uid[1]), frozenset(flags[1].split()) - {rb"\Recent"}


def ordered(text):
    """The UIDs of a set, in its order."""
    found = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


class Refused(Exception):
    """A NO or 4xx where the server has no reason, unless something was done to it."""


class Client(threading.Thread):
    """One of them in one round: until it is stopped, or as long as the server answers."""

    def __init__(self, site, name, number):
        super().__init__(daemon=True)
        self.site, self.ledger, self.who, self.called = site, site.ledger, name, f"{number}{name}"
        self.chance = random.Random(f"{site.seed}/{number}/{name}")
        self.round, self.sent, self.refusals = number, 0, []

    def run(self):
        while not self.site.stopping.is_set():
            try:
                self.session()
            except TimeoutError:
                self.ledger.fault("other", f"{type(self).__name__}: no answer for {ANSWER_S} s")
            except (AssertionError, Refused) as why:
                self.refusals.append(f"{type(self).__name__}: {why}"[:300])
                self.site.stopping.wait(0.02)
            except (OSError, EOFError):
                self.site.stopping.wait(0.02)
            if self.sent >= LETTERS_MAX:
                return

    def token(self):
        self.sent += 1
        size = self.chance.choices([*SIZES], [*SIZES.values()])[0] + self.chance.randrange(200)
        return f"{self.site.run}x{self.called}x{self.sent}-{size}"

    def going_on(self):
        return not self.site.stopping.is_set() and self.sent < LETTERS_MAX


class Sender(Client):
    """SMTP: one or several recipients here; repeats what it does not know of; sometimes goes amid a letter."""
    port, ours = "smtp", 3

    def open(self):
        return smtp_hand(self.site.server, self.site.server.ports[self.port])

    def session(self):
        with self.open() as wire:
            wire.sock.settimeout(ANSWER_S)
            while again := self.site.again[self.who]:
                self.bring(wire, *again.pop())
            while self.going_on():
                token = self.token()
                if self.chance.random() < 0.04:
                    self.begin(wire, self.recipients(token))
                    wire.send(letter(token)[:-20])
                    return
                self.bring(wire, token, self.recipients(token))

    def recipients(self, token):
        return [login(user)[0] for user in self.chance.sample((*READERS, POPPER), self.chance.choice((1, 1, 1, 2, self.ours)))]

    def begin(self, wire, recipients):
        wire.send(b"MAIL FROM:<%s>\r\n%sDATA\r\n" % (login(SUBMITTER)[0].encode(), b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in recipients)))
        for wanted in (b"250", *[b"250"] * len(recipients), b"354"):
            if not (line := wire.line()).startswith(wanted):
                raise Refused(line)

    def bring(self, wire, token, recipients):
        """A letter of which some recipients stay in doubt is brought to them again."""
        self.begin(wire, recipients)
        deeds, unsure, refused = self.deeds(token, recipients), list(recipients), []
        again = self.site.again[self.who]
        again.append((token, unsure))
        wire.send(letter(token) + b".\r\n")
        for deed, effect, whom in deeds:
            if (line := wire.line()).startswith(b"250"):
                deed.kept(effect)
            else:
                refused.append(line)
            unsure[:] = [recipient for recipient in unsure if recipient not in whom]
        again.remove((token, unsure))
        if refused:
            raise Refused(refused[0])

    def promise(self, token, recipient):
        """How it is doubted, and how kept."""
        name, domain = recipient.split("@")
        if domain == DOMAIN:
            doubt, arrival = self.ledger.expect(int(name[1:]), token)
            return doubt, lambda: setattr(arrival, "sure", arrival.sure + 1)
        self.ledger.tokens.add(token)
        return (lambda: None), lambda: self.ledger.outside.add((token, recipient))

    def deeds(self, token, recipients):
        """What each answer means, and for whom: here all together."""
        with self.ledger.lock:
            promises = [self.promise(token, recipient) for recipient in recipients]
        deed = self.ledger.begin(f"SMTP {token} {recipients}", lambda: [doubt() for doubt, _ in promises])
        return [(deed, lambda: [effect() for _, effect in promises], recipients)]


class LocalSender(Sender):
    """LMTP: an answer for each."""
    port, ours = "lmtp", 4

    def open(self):
        return smtp_hand(self.site.server, self.site.server.ports["lmtp"], b"LHLO client.test")

    def deeds(self, token, recipients):
        deeds = []
        for recipient in recipients:
            with self.ledger.lock:
                doubt, effect = self.promise(token, recipient)
            deeds.append((self.ledger.begin(f"LMTP {token} {recipient}", doubt), effect, [recipient]))
        return deeds


class Submitter(Sender):
    """Submission, mostly to others, where the exchanger is."""

    def open(self):
        wire = Wire(self.site.server.ports["submissions"], tls=True)
        assert wire.line().startswith(b"220")
        smtp_says(wire, b"EHLO client.test", b"250")
        name, password = (part.encode() for part in login(SUBMITTER))
        smtp_says(wire, b"AUTH PLAIN " + base64.b64encode(b"\0%s\0%s" % (name, password)), b"235")
        return wire

    def recipients(self, token):
        outside = [f"{token}@d{n}.test" for n in self.chance.sample(range(self.site.domains), self.chance.choice((1, 1, 2)))]
        return outside + [login(self.chance.choice(READERS))[0]] * (self.chance.random() < 0.3)


class MailReader(Client):
    """IMAP: everything that changes a mailbox."""

    def __init__(self, site, name, number, user):
        super().__init__(site, name, number)
        self.user, self.boxes = user, site.ledger.boxes[user]

    def session(self):
        with Reader(self.site.server, self.user) as imap:
            imap.sock.settimeout(ANSWER_S)
            while self.going_on():
                self.mailboxes(imap)
                box = self.chance.choice([self.boxes[0]] * 3 + self.free())
                look(self.site, imap, box)
                for _ in range(self.chance.randint(1, 6)):
                    if not self.going_on():
                        return
                    self.change(imap, box)

    def free(self, given=True):
        """Mailboxes that are not in doubt: all, or those that may be renamed and deleted."""
        return [box for box in self.boxes if not box.busy and not box.maybe and (given or box.name in NAMES)]

    def mailboxes(self, imap):
        """CREATE, RENAME, DELETE: one of them, or none."""
        others, ledger = self.free(given=False), self.ledger
        unused = [name for name in NAMES if not any(name in box.names for box in self.boxes)]
        what = self.chance.random()
        if unused and (len(others) < 2 or what < 0.15 and len(others) < 5):
            deed, effect = ledger.create(self.user, self.chance.choice(unused))
            self.ask(imap, deed, effect, b"CREATE " + self.boxes[-1].name.encode())
        elif unused and what < 0.3 and others:
            box, name = self.chance.choice(others), self.chance.choice(unused)
            deed, effect = ledger.rename(box, name)
            self.ask(imap, deed, effect, b"RENAME %s %s" % (box.name.encode(), name.encode()))
        elif what < 0.4 and len(others) > 2:
            box = self.chance.choice(others)
            deed, effect = ledger.delete(box)
            self.ask(imap, deed, effect, b"DELETE " + box.name.encode())

    @staticmethod
    def ask(imap, deed, effect, text, *literals):
        """All that was answered, as text; kept if it is OK."""
        untagged, answer = imap.command(text, *literals)
        if not answer.startswith(b"OK"):
            raise Refused((text[:80], answer))
        if effect:
            deed.kept(effect)
        return b"\n".join([*(parts[0] for parts in untagged), answer])

    def change(self, imap, box):
        able = [uid for uid, mail in box.mails.items() if not mail.busy and not mail.leaving]
        if len(box.mails) > BOX_MAILS_MAX and able:
            return self.expunge(imap, box, sorted(able)[:30])
        uids = self.chance.sample(able, min(len(able), self.chance.choice((1, 1, 2, 8))))
        what = self.chance.choice("append append store store store copy move move move expunge".split())
        if what == "append" or not uids:
            return self.append(imap)
        if what in ("copy", "move"):
            return self.carry(imap, box, uids, what == "move")
        return (self.store if what == "store" else self.expunge)(imap, box, uids)

    def append(self, imap):
        into, token, flags = self.chance.choice(self.free()), self.token(), self.chance.choice((*FLAGS, frozenset()))
        with self.ledger.lock:
            self.ledger.tokens.add(token)

        def doubt():
            into.arrival(token).doubtful += 1
        deed, message = self.ledger.begin(f"APPEND {into} {token}", doubt), letter(token)
        text = self.ask(imap, deed, None, b"APPEND %s (%s) {}" % (into.name.encode(), b" ".join(flags)), message)
        told = re.search(rb"\[APPENDUID (\d+) (\d+)\]", text)
        deed.kept(lambda: into.put(int(told[2]), token, flags))

    def store(self, imap, box, uids):
        flags, sign = self.chance.choice(FLAGS), self.chance.choice((b"+", b"-", b""))
        change = {b"+": lambda old: old | flags, b"-": lambda old: old - flags, b"": lambda old: flags}[sign]
        deed, effect = self.ledger.store(box, uids, change)
        self.ask(imap, deed, effect, b"UID STORE %s %sFLAGS.SILENT (%s)" % (listed(uids), sign, b" ".join(flags)))

    def expunge(self, imap, box, uids):
        deed, effect = self.ledger.store(box, uids, lambda old: old | {rb"\Deleted"})
        self.ask(imap, deed, effect, rb"UID STORE %s +FLAGS.SILENT (\Deleted)" % listed(uids))
        deed, effect = self.ledger.expunge(box, uids)
        self.ask(imap, deed, effect, b"UID EXPUNGE " + listed(uids))

    def carry(self, imap, box, uids, moves):
        into = self.chance.choice([other for other in self.free() if other is not box or not moves])
        deed, effect = self.ledger.carry(box, uids, into, moves)
        verb = b"MOVE" if moves else b"COPY"
        text = self.ask(imap, deed, None, b"UID %s %s %s" % (verb, listed(uids), into.name.encode()))
        told = re.search(rb"\[COPYUID \d+ (\S+) (\S+)\]", text)
        pairs = dict(zip(ordered(told[1]), ordered(told[2]))) if told else {}
        deed.kept(lambda: effect(pairs))


def listed(uids):
    return b",".join(b"%d" % uid for uid in uids)


def look(site, imap, box):
    """Selects it, and finds what has come."""
    imap.ok(b"SELECT " + box.name.encode())
    with site.ledger.lock:
        known = set(box.mails)
    for parts in imap.ok(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"):
        if (found := shown(parts)) and found[0] not in known:
            token = re.search(rb"(?i)subject: *(\S+)", parts[1])
            site.ledger.locate(box, found[0], token[1].decode() if token else "?", found[1])


class Popper(Client):
    """POP3: fetches, deletes; what it marked before it was cut off stays."""

    def session(self):
        box = self.ledger.inbox(POPPER)
        with Imap(self.site.server, POPPER, timeout=ANSWER_S) as imap:
            look(self.site, imap, box)
        with Pop3(self.site.server, POPPER, timeout=ANSWER_S) as pop:
            uids = self.maildrop(pop, box)
            able = [number for number, uid in uids.items() if not box.mails[uid].busy]
            chosen = able[:30] if len(box.mails) > BOX_MAILS_MAX else self.chance.sample(able, min(len(able), self.chance.randint(0, 5)))
            for number in chosen:
                pop.ok(b"DELE %d" % number)
            if self.chance.random() < 0.15:
                return
            deed, effect = self.ledger.expunge(box, [uids[number] for number in chosen])
            pop.ok(b"QUIT")
            deed.kept(effect)
        self.site.stopping.wait(0.02)

    def maildrop(self, pop, box):
        """The UID of each message's number, where its letter is once: known by IMAP, and listed here."""
        known, listed_here = collections.defaultdict(list), collections.defaultdict(list)
        for uid, mail in box.mails.items():
            known[mail.token].append(uid)
        for line in pop.many(b"LIST"):
            number = int(line.split()[0])
            head = b"\n".join(pop.many(b"TOP %d 0" % number))
            listed_here[re.search(rb"(?m)^Subject: *(\S+)", head)[1].decode()].append(number)
        return {numbers[0]: known[token][0] for token, numbers in listed_here.items() if len(numbers) == len(known[token]) == 1}


def clients(site, number):
    """Who is there in a round."""
    return [Sender(site, "s", number), Sender(site, "t", number), LocalSender(site, "l", number), Submitter(site, "o", number),
            Popper(site, "p", number), *(MailReader(site, f"i{user}", number, user) for user in READERS)]
