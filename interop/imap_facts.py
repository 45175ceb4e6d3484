"""What a command's answers say, as facts that two servers' answers can be compared by.

Taken out is what RFC 9051 leaves open: the order of untagged data, words for people, how EXPUNGEs are ordered, the values of UIDVALIDITY
and MODSEQ, how flags of one message are spread over FETCHes. A message is named by its place before the command, however numbers shift.
"""
import calendar, re, time
from imap_data import numbers, pairs, word

NOW = 86400


class Nothing:
    """Where a server said nothing; NIL is `None`."""

    def __repr__(self):
        return "nothing"


NOTHING = Nothing()


class Mailbox:
    """What a client knows of its selected mailbox: names for the messages, in order."""

    def __init__(self):
        self.messages, self.next = [], 1

    def exists(self, count):
        while len(self.messages) < count:
            self.messages.append(self.next)
            self.next += 1

    def name(self, number):
        return self.messages[number - 1] if 0 < number <= len(self.messages) else f"beyond {number}"

    def expunge(self, number):
        return self.messages.pop(number - 1) if 0 < number <= len(self.messages) else f"beyond {number}"


class Facts(dict):
    """By key. `say` keeps both of two different facts with one key."""

    def say(self, key, value=True):
        while key in self and self[key] != value:
            key = (*key, "again")
        self[key] = value


class Reading:
    """A connection's answers read into facts, one command after the other."""

    def __init__(self):
        self.mailbox, self.flags_told = Mailbox(), frozenset()

    def facts(self, verb, responses):
        """Of all responses to one command, the tagged one last."""
        facts = Facts()
        if verb in ("SELECT", "EXAMINE"):
            self.mailbox = Mailbox()
        for response in responses:
            if response.tag == b"+":
                facts.say(("continue",))
            elif response.tag != b"*":
                facts.say(("answer",), response.kind)
                self.code(facts, "answer", response.code)
            elif response.kind in ("OK", "NO", "BAD", "BYE"):
                if response.kind != "OK":
                    facts.say(("untagged", response.kind))
                self.code(facts, "untagged", response.code)
            else:
                getattr(self, response.kind.lower(), self.other)(facts, response)
        return facts

    def code(self, facts, where, code):
        if not code:
            return
        name, *values = code
        if name in ("UIDVALIDITY", "HIGHESTMODSEQ"):
            values = []
        elif name == "APPENDUID":
            values = [numbers(values[1])]
        elif name == "COPYUID":
            values = [tuple(sorted(numbers(values[1]))), tuple(sorted(numbers(values[2])))]
        elif name == "MODIFIED":
            values = [numbers(values[0])]
        elif name in ("PERMANENTFLAGS",):
            values = [frozenset(flag.lower() for flag in values[0])]
        facts.say((where, "code", name), tuple(values))

    def exists(self, facts, response):
        self.mailbox.exists(response.number)
        facts[("exists",)] = response.number

    def recent(self, facts, response):
        facts[("recent",)] = response.number

    def expunge(self, facts, response):
        facts[("expunged",)] = facts.get(("expunged",), frozenset()) | {self.mailbox.expunge(response.number)}

    def vanished(self, facts, response):
        earlier = response.values[0] == (b"EARLIER",)
        gone = numbers(response.values[-1])
        key = ("vanished earlier",) if earlier else ("vanished",)
        facts[key] = facts.get(key, frozenset()) | gone
        if not earlier:
            del self.mailbox.messages[len(self.mailbox.messages) - len(gone):]

    def fetch(self, facts, response):
        name = self.mailbox.name(response.number)
        for item, value in pairs(response.values[0]):
            item = word(item).replace('"', "")
            if item == "FLAGS":
                value = frozenset(flag.lower() for flag in value)
            elif item == "MODSEQ":
                value = "some"
            elif item in ("INTERNALDATE", "SAVEDATE"):
                value = instant(value)
            # The last one counts.
            facts[("fetch", name, item)] = value

    def search(self, facts, response):
        values = [value for value in response.values if not isinstance(value, tuple)]
        facts[("search",)] = facts.get(("search",), frozenset()) | {int(value) for value in values}
        if len(values) != len(response.values):
            facts[("search", "MODSEQ")] = "some"

    def esearch(self, facts, response):
        values = list(response.values)
        if values and isinstance(values[0], tuple):
            values.pop(0)
        uid = bool(values) and word(values[0]) == "UID"
        facts.say(("esearch", "UID"), uid)
        for name, value in pairs(values[uid:]):
            name = word(name)
            facts.say(("esearch", name), numbers(value) if name == "ALL" else "some" if name == "MODSEQ" else value)

    def sort(self, facts, response):
        facts.say(("sort",), tuple(int(value) for value in response.values if not isinstance(value, tuple)))

    def thread(self, facts, response):
        facts.say(("thread",), response.values)

    def list(self, facts, response):
        attributes, delimiter, name, *more = response.values
        name = b"INBOX" if name.upper() == b"INBOX" else name
        facts.say((response.kind.lower(), name, "delimiter"), delimiter)
        for attribute in attributes:
            facts.say((response.kind.lower(), name, attribute.lower()))
        for key, value in pairs(more[0]) if more else ():
            facts.say((response.kind.lower(), name, word(key)), value)

    lsub = list

    def quotaroot(self, facts, response):
        name, *roots = response.values
        facts.say(("quotaroot",), (b"INBOX" if name.upper() == b"INBOX" else name, *roots))

    def quota(self, facts, response):
        facts.say(("quota",), response.values)

    def status(self, facts, response):
        name, items = response.values
        name = b"INBOX" if name.upper() == b"INBOX" else name
        for item, value in pairs(items):
            facts.say(("status", name, word(item)), "some" if word(item) in ("UIDVALIDITY", "HIGHESTMODSEQ") else value)
        facts.say(("status", name))

    def flags(self, facts, response):
        self.flags_told = facts[("flags",)] = frozenset(flag.lower() for flag in response.values[0])

    def capability(self, facts, response):
        facts.say(("capability",))

    def id(self, facts, response):
        facts.say(("id",))

    def enabled(self, facts, response):
        facts.say(("enabled",), frozenset(word(value) for value in response.values))

    def other(self, facts, response):
        facts.say((response.kind.lower(), response.number), response.values)


def instant(value):
    """Seconds since 1970; `now` when it is about now."""
    found = value and re.fullmatch(rb"\s*(\d+)-(\w+)-(\d+) (\d+):(\d+):(\d+) ([+-])(\d\d)(\d\d)", value)
    if not found:
        return value
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    months = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    at = calendar.timegm((int(year), months.index(month) // 3 + 1, int(day), int(hour), int(minute), int(second)))
    at -= (int(hours) * 3600 + int(minutes) * 60) * (1 if sign == b"+" else -1)
    return "now" if abs(at - time.time()) < NOW else at


def apart(ours, theirs):
    """Where two sets of facts differ: key, ours, theirs; lists are looked into."""
    for key in sorted(ours.keys() | theirs.keys(), key=repr):
        yield from values_apart(key, ours.get(key, NOTHING), theirs.get(key, NOTHING))


def values_apart(key, ours, theirs):
    if ours == theirs:
        return
    if key[0] == "fetch" and isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        for at, pair in enumerate(zip(ours, theirs)):
            yield from values_apart((*key, at), *pair)
    else:
        yield key, ours, theirs
