"""An account's mail as it is on the server: read to be compared, and filled with letters."""
import re
from harness import Imap, same

TRACE = (b"Return-Path:", b"Delivered-To:", b"Received:")


def without_trace(message):
    """What was sent: the message behind the fields that delivery puts before it."""
    lines = message.split(b"\r\n")
    while lines[0].startswith(TRACE):
        lines.pop(0)
        while lines[0][:1] in (b" ", b"\t"):
            lines.pop(0)
    return b"\r\n".join(lines)


def name_of(message):
    found = re.search(rb"^X-Name: (\S+)", message, re.M)
    return found[1].decode() if found else None


def quoted(name):
    """A mailbox name for a command, after ENABLE IMAP4rev2."""
    return b'"' + name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class Reader(Imap):
    """A connection that speaks IMAP4rev2, so that names are UTF-8."""

    def __init__(self, server, user):
        super().__init__(server, user, timeout=120)
        self.ok(b"ENABLE IMAP4rev2")

    def names(self):
        found = []
        for parts in self.ok(b'LIST "" "*"'):
            line = parts[0] if len(parts) == 1 else parts[1]
            if b"\\NonExistent" not in parts[0]:
                found.append(re.sub(rb'^\* LIST \([^)]*\) "/" ', b"", line).strip(b'"').decode())
        return sorted(found)

    def select(self, name):
        """Number of messages, UIDVALIDITY, UIDNEXT."""
        text = b" ".join(parts[0] for parts in self.ok(b"SELECT " + quoted(name)))
        return tuple(int(re.search(pattern, text)[1]) for pattern in (rb"\* (\d+) EXISTS", rb"UIDVALIDITY (\d+)", rb"UIDNEXT (\d+)"))

    def flags(self):
        """By UID, of the selected mailbox."""
        found = {}
        for parts in self.ok(b"UID FETCH 1:* (FLAGS)"):
            if uid := re.search(rb"UID (\d+)", parts[0]):
                found[int(uid[1])] = frozenset(re.search(rb"FLAGS \(([^)]*)\)", parts[0])[1].split())
        return found

    def messages(self, name):
        """By UID: flags and octets."""
        found = {}
        if self.select(name)[0] == 0:
            return found
        for parts in self.ok(b"UID FETCH 1:* (FLAGS BODY.PEEK[])"):
            if len(parts) > 1:
                uid = int(re.search(rb"UID (\d+)", parts[0])[1])
                found[uid] = (frozenset(re.search(rb"FLAGS \(([^)]*)\)", parts[0])[1].split()), parts[1])
        return found

    def bodies(self):
        """Of the selected mailbox."""
        return [parts[1] for parts in self.ok(b"UID FETCH 1:* BODY.PEEK[]") if len(parts) > 1]

    def everything(self):
        """By mailbox: what SELECT says, and flags by UID. Two equal ones mean that nothing was changed between."""
        return {name: (self.select(name), self.flags()) for name in self.names()}

    def append(self, name, message, flags=()):
        """The UID."""
        tag = self.tag()
        self.send(tag + b" APPEND %s (%s) {%d+}\r\n%s\r\n" % (quoted(name), b" ".join(flags), len(message), message))
        answer = self.until(tag)[1]
        assert answer.startswith(b"OK"), answer
        return int(re.search(rb"APPENDUID \d+ (\d+)\]", answer)[1])


def empty(server, user):
    """Takes all mail and all mailboxes but INBOX away."""
    with Reader(server, user) as imap:
        for name in sorted(imap.names(), reverse=True):
            if name == "INBOX":
                if imap.select(name)[0]:
                    imap.ok(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
                    imap.ok(b"EXPUNGE")
            else:
                imap.command(b"DELETE " + quoted(name))


def arrived(server, user, sent, mailbox="INBOX"):
    """That the newest message is `sent` behind its trace fields."""
    with Reader(server, user) as imap:
        uid = imap.select(mailbox)[2] - 1
        message = imap.body(uid)
    assert message.startswith(b"Return-Path:"), message[:80]
    same("what arrived", without_trace(message), sent)
