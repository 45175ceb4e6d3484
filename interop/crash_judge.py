"""Compares what crash.py's ledger was promised with what a server has after it was started again."""
import re, time
from crash_ledger import letter, token_of
from crash_load import POPPER, listed, shown
from harness import Pop3
from mailboxes import Reader

# How long accepted letters may take from the queue into their mailboxes behind a start.
PATIENCE_S = 20
FIELDS = {"validity": rb"UIDVALIDITY (\d+)", "next": rb"UIDNEXT (\d+)", "modseq": rb"HIGHESTMODSEQ (\d+)"}


class Judge:
    def __init__(self, site):
        self.site, self.ledger = site, site.ledger

    def judge(self, whole=False):
        """Faults go into the ledger, which then holds what is there. `whole` reads every octet of every message."""
        doubts = self.ledger.settle()
        self.until = time.monotonic() + PATIENCE_S
        for user in self.ledger.boxes:
            with Reader(self.site.server, user) as imap:
                self._user(imap, user, whole)
        self._moves()
        self._maildrop()
        return doubts

    def _user(self, imap, user, whole):
        names, kept = set(imap.names()), []
        for box in self.ledger.boxes[user]:
            found = [name for name in box.names if name in names]
            names -= set(found)
            if len(found) > 1:
                self.ledger.fault("doubled", f"{box} is there under both names")
            if found:
                self._box(imap, box, found[0], whole)
                kept.append(box)
            elif not box.maybe:
                self.ledger.fault("lost", f"{box} with {len(box.mails)} messages")
        for name in names:
            self.ledger.fault("ghost", f"u{user} has a mailbox {name}, which was deleted, or renamed, or never made")
        self.ledger.boxes[user] = kept

    def _box(self, imap, box, name, whole):
        box.names, box.busy, box.maybe = [name], False, False
        hurried = False
        while True:
            self._numbers(box, b" ".join(parts[0] for parts in imap.ok(b"EXAMINE " + name.encode())))
            there = self._read(imap, b"1:*", whole)
            self._new(imap, box, there, whole)
            late = [token for token, arrival in box.arrivals.items() if arrival.seen < arrival.sure]
            if not late or time.monotonic() > self.until:
                break
            if not hurried:
                self.site.hurry()
            hurried = True
            time.sleep(0.05)
        self._known(box, there)
        for token in late:
            self.ledger.fault("lost", f"{box}: {token} did not come", token)
            box.arrivals[token].sure = box.arrivals[token].seen
        # What was promised once and has come is done with; a doubt may come true later, out of the queue.
        box.arrivals = {token: arrival for token, arrival in box.arrivals.items() if arrival.seen < arrival.sure + arrival.doubtful}

    def _numbers(self, box, text):
        told = {key: int(found[1]) if (found := re.search(pattern, text)) else 0 for key, pattern in FIELDS.items()}
        if box.validity is None:
            before = self.ledger.validities.get((box.user, box.name), 0)
            if told["validity"] <= before and box.name != "INBOX":
                self.ledger.fault("reused", f"{box}: UIDVALIDITY {told['validity']} again, after {before}")
        elif told["validity"] != box.validity:
            self.ledger.fault("reused", f"{box}: UIDVALIDITY {told['validity']} was {box.validity}")
        self.ledger.validities[box.user, box.name] = box.validity = told["validity"]
        for key in ("next", "modseq"):
            if told[key] < getattr(box, key):
                self.ledger.fault("reused", f"{box}: {FIELDS[key]} is {told[key]}, and was {getattr(box, key)}")
            setattr(box, key, told[key])

    @staticmethod
    def _read(imap, uids, whole):
        """By UID: flags, size, and the octets where they are read."""
        found = {}
        for parts in imap.ok(b"UID FETCH %s (UID FLAGS RFC822.SIZE%s)" % (uids, b" BODY.PEEK[]" * whole)):
            if told := shown(parts):
                size = re.search(rb"RFC822.SIZE (\d+)", b"".join(parts[::2]))
                found[told[0]] = (told[1], int(size[1]), parts[1] if len(parts) > 1 else None)
        return found

    def _new(self, imap, box, there, whole):
        new = [uid for uid in there if uid not in box.mails]
        octets = there if whole else self._read(imap, listed(new), True) if new else {}
        for uid in new:
            flags, size, message = octets[uid]
            token = token_of(message)
            self.ledger.locate(box, uid, token, flags)
            box.mails[uid].size = size

        for uid in there if whole else new:
            message, token = octets[uid][2], box.mails[uid].token
            if token in self.ledger.tokens and not message.endswith(letter(token)):
                self.ledger.fault("torn", f"{box}: UID {uid} should be {token}: {message[:200]!r}… {len(message)} octets")

    def _known(self, box, there):
        for uid, mail in list(box.mails.items()):
            if uid not in there:
                if not mail.leaving:
                    self.ledger.fault("lost", f"{box}: UID {uid}, {mail.token}", mail.token)
                self.ledger.tell(f"gone: {box} UID {uid}: {mail.token}")
                box.drop(uid)
                continue
            flags, size, _ = there[uid]
            if flags not in mail.flags:
                self.ledger.fault("flags", f"{box}: UID {uid} has {sorted(flags)}, not {[sorted(each) for each in mail.flags]}")
            if mail.size not in (None, size):
                self.ledger.fault("torn", f"{box}: UID {uid} has {size} octets, and had {mail.size}")
            mail.flags, mail.size, mail.busy, mail.leaving = [flags], size, False, False

    def _moves(self):
        """What was being moved is on one side, and not on both."""
        for box, uid, into, arrival, before, token in self.ledger.moves:
            sides = arrival.seen - before + (uid in box.mails)
            there = box in self.ledger.boxes[box.user] and into in self.ledger.boxes[box.user]
            # With another doubt of the same letter there, both sides may be true.
            if sides != 1 and there and arrival.doubtful == 1:
                kind = "doubled" if sides else "lost"
                self.ledger.fault(kind, f"what was being moved from {box} (UID {uid}) to {into} is there {sides} times", token)
        self.ledger.moves.clear()

    def _maildrop(self):
        with Pop3(self.site.server, POPPER) as pop:
            count = int(pop.ok(b"STAT").split()[1])
            mails = len(self.ledger.inbox(POPPER).mails)
            if count < mails:
                self.ledger.fault("lost", f"POP3 shows {count} messages, and IMAP {mails}")
            pop.ok(b"QUIT")
