"""What crash.py's clients were promised: each deed is noted as begun, then as acknowledged; what was not is in doubt until the judge has looked."""
import collections, hashlib, re, threading
from harness import DOMAIN

PAST_UIDS_MAX = 20_000
# Of what happened lately, so many things are known, to tell the story of what is wrong.
STORY_MAX, STORY_SHOWN_MAX = 20_000, 12
# What every account has from its beginning.
GIVEN = ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive")
REPORT = "a report"
SUBJECT = re.compile(rb"^Subject: (\S+)\r", re.M)


def letter(token):
    """The message of this name, whose last part says how large it is. Whole fields, so that submission has nothing to add."""
    octets = int(token.rsplit("-", 1)[1])
    digits = hashlib.shake_128(token.encode()).hexdigest(octets // 2)
    lines = "\r\n".join(digits[at:at + 76] for at in range(0, len(digits), 76))
    return (f"From: u1@{DOMAIN}\r\nTo: you@{DOMAIN}\r\nSubject: {token}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
            f"Message-ID: <{token}@crash.test>\r\n\r\n{lines}\r\nEND-{token}\r\n").encode()


def token_of(message):
    """The letter's name; the server's own reports are all named alike."""
    head = message.partition(b"\r\n\r\n")[0] + b"\r\n"
    if b"\r\nContent-Type: multipart/report" in head:
        return REPORT
    found = SUBJECT.search(head)
    return found[1].decode("ascii", "replace") if found else "?"


class Mail:
    """A message at its UID. `flags` are all that its flags may be: one set, unless something is in doubt."""

    __slots__ = ("token", "flags", "size", "busy", "leaving")

    def __init__(self, token, flags=None):
        self.token, self.flags, self.size = token, [frozenset(flags)] if flags is not None else [], None
        # Something is under way or in doubt; it may be gone.
        self.busy = self.leaving = False


class Arrival:
    """Of one letter in one mailbox, without a UID that a client was told: promised, perhaps, and seen."""

    __slots__ = ("sure", "doubtful", "seen")

    def __init__(self):
        self.sure = self.doubtful = self.seen = 0


class Box:
    """A mailbox. `names` are all that its name may be; `maybe`: it may be not there."""

    def __init__(self, user, name, validity=None, next_uid=1):
        self.user, self.names, self.validity, self.next, self.modseq = user, [name], validity, next_uid, 0
        self.mails, self.past, self.arrivals = {}, {}, {}
        self.busy = self.maybe = False

    @property
    def name(self):
        return self.names[0]

    def arrival(self, token):
        return self.arrivals.setdefault(token, Arrival())

    def put(self, uid, token, flags):
        """A promise with its UID."""
        self.mails[uid] = Mail(token, flags)
        self.next = max(self.next, uid + 1)

    def drop(self, uid):
        if mail := self.mails.pop(uid, None):
            self.past[uid] = mail.token
        if len(self.past) > PAST_UIDS_MAX:
            del self.past[next(iter(self.past))]

    def __repr__(self):
        return f"u{self.user}'s {'|'.join(self.names)}"


class Deed:
    """Something that a client has asked for; nobody knows whether it is done until `kept` or `refused`."""

    def __init__(self, ledger, what, doubt):
        self.ledger, self.what, self.doubt = ledger, what, doubt

    def kept(self, effect=None):
        """The server has promised it. Behind a power cut nothing is believed: then it stays in doubt."""
        with self.ledger.lock:
            if self.ledger.closed or self not in self.ledger.pending:
                return False
            del self.ledger.pending[self]
            self.ledger.tell("promised", self.what)
            self.ledger.acknowledged += 1
            if effect:
                effect()
            return True


class Ledger:
    def __init__(self, users):
        self.lock, self.closed, self.pending, self.acknowledged = threading.RLock(), False, {}, 0
        self.boxes = {user: [Box(user, name) for name in GIVEN] for user in users}
        # By user and name: the highest UIDVALIDITY that was ever told; which letters there ever were.
        self.validities, self.tokens = {}, set()
        # (from, uid, to, arrival there, how often it was there before, token): what is in one of both, and not in both.
        self.moves, self.faults = [], []
        # How often something came again of which a client was not told that it had come; (token, recipient) outside that are promised.
        self.doubled, self.outside, self.story = 0, set(), collections.deque(maxlen=STORY_MAX)

    def forget(self):
        """The server begins anew, with nothing."""
        self.settle()
        self.boxes = {user: [Box(user, name) for name in GIVEN] for user in self.boxes}
        self.validities, self.moves, self.outside = {}, [], set()

    def begin(self, what, doubt):
        with self.lock:
            deed = Deed(self, what, doubt)
            self.pending[deed] = None
            return deed

    def inbox(self, user):
        return self.boxes[user][0]

    def tell(self, *what):
        self.story.append(" ".join(map(str, what)))

    def fault(self, kind, text, *about):
        """What is wrong, and what happened to it before."""
        with self.lock:
            story = [line for line in self.story if any(word in line for word in about)][-STORY_SHOWN_MAX:]
            self.faults.append((kind, text + "".join(f"\n        {line}" for line in story)))

    def close(self):
        """Nothing that is answered from here on counts."""
        with self.lock:
            self.closed = True
            self.tell("—— the end")

    def settle(self):
        """What was not answered is in doubt from here on; then the next round may begin."""
        with self.lock:
            for deed in self.pending:
                self.tell("in doubt:", deed.what)
                deed.doubt()
            doubts = len(self.pending)
            self.pending.clear()
            self.closed = False
            self.tell("—— judged")
            return doubts

    def expect(self, user, token):
        """A letter on its way to somebody's INBOX: its deed, in doubt until it is kept."""
        self.tokens.add(token)
        arrival = self.inbox(user).arrival(token)

        def doubt():
            arrival.doubtful += 1
        return doubt, arrival

    def locate(self, box, uid, token, flags):
        """A client sees a message that it was not told a UID of. Judged with all others of its kind."""
        with self.lock:
            if self.closed:
                return
            self.tell(f"seen: {box} UID {uid}: {token}")
            if uid in box.past:
                self.fault("reused", f"{box}: UID {uid} was {box.past[uid]}, and is {token}", token, box.past[uid])
            box.put(uid, token, flags)
            if token == REPORT:
                return
            if token not in self.tokens:
                self.fault("ghost", f"{box}: UID {uid} is {token}, which nobody has sent")
            else:
                arrival = box.arrival(token)
                arrival.seen += 1
                self.doubled += arrival.seen > 1
                if arrival.seen > arrival.sure + arrival.doubtful and not self._pending(token):
                    self.fault("doubled", f"{box}: {token} is there {arrival.seen} times, for {arrival.sure} promised and {arrival.doubtful} in doubt", token)

    def _pending(self, token):
        return any(token in deed.what for deed in self.pending)

    def store(self, box, uids, change):
        """`change` makes the new flags of the old ones."""
        mails = [box.mails[uid] for uid in uids]
        for mail in mails:
            mail.busy = True

        def doubt():
            for mail in mails:
                mail.flags = list({*mail.flags, *map(change, mail.flags)})

        def effect():
            for mail in mails:
                mail.flags, mail.busy = [change(flags) for flags in mail.flags], False
        return self.begin(f"STORE {box} {uids}", doubt), effect

    def expunge(self, box, uids):
        for uid in uids:
            box.mails[uid].busy = True

        def doubt():
            for uid in uids:
                box.mails[uid].leaving = True

        def effect():
            for uid in uids:
                box.drop(uid)
        return self.begin(f"EXPUNGE {box} {uids} {[box.mails[uid].token for uid in uids]}", doubt), effect

    def carry(self, box, uids, into, moves):
        """COPY or MOVE; its effect wants the pairs of UIDs."""
        mails = {uid: box.mails[uid] for uid in uids}
        for mail in mails.values():
            mail.busy = True

        def doubt():
            for uid, mail in mails.items():
                arrival = into.arrival(mail.token)
                arrival.doubtful += 1
                if moves:
                    mail.leaving = True
                    if arrival.doubtful == 1 and arrival.sure == arrival.seen:
                        self.moves.append((box, uid, into, arrival, arrival.seen, mail.token))

        def effect(pairs):
            for uid, mail in mails.items():
                mail.busy = False
                if uid not in pairs:
                    self.fault("lost", f"COPYUID of {uids} from {box} into {into} lacks {uid}: {pairs}")
                    continue
                into.put(pairs[uid], mail.token, mail.flags[0])
                if moves:
                    box.drop(uid)
        return self.begin(f"{'MOVE' if moves else 'COPY'} {box} {uids} {[mail.token for mail in mails.values()]}", doubt), effect

    def create(self, user, name):
        box = Box(user, name)
        box.busy = box.maybe = True
        self.boxes[user].append(box)

        def effect():
            box.busy = box.maybe = False
        return self.begin(f"CREATE {box}", lambda: None), effect

    def rename(self, box, name):
        """Until it is known, both names are taken."""
        box.busy, box.names = True, [box.name, name]

        def effect():
            box.names, box.busy = [name], False
        return self.begin(f"RENAME {box}", lambda: None), effect

    def delete(self, box):
        box.busy = True

        def doubt():
            box.maybe = True

        def effect():
            self.boxes[box.user].remove(box)
        return self.begin(f"DELETE {box}", doubt), effect
