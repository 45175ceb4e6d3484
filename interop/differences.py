"""A fact in which two servers differ, and rules that say why; the rules themselves are in `explained_*.py`.

A rule is a function of the difference, as narrow as it can be, and names the transcript that shows our answer. `after` says what
becomes of the stream: its later answers stand on what the two did differently when it is `end`. What both answer alike but do
differently ends the stream too: a `parting`.
"""
import os, sys
from dataclasses import dataclass
from itertools import takewhile
from imap_data import Cursor, word
from imap_facts import NOTHING

TRANSCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crates", "access", "tests", "transcripts")


@dataclass
class Past:
    """A command that is answered, and how; `facts` are what we said."""
    step: object
    text: str
    ours: str
    theirs: str
    facts: dict


@dataclass
class Difference:
    """One fact: what we said, what they said. `facts` are all that both said to the command, `run` is the stream it is in."""
    command: object
    key: tuple
    ours: object
    theirs: object
    facts: tuple
    run: object

    @property
    def item(self):
        """What of a message it is about; of other things the empty string."""
        return self.key[2] if self.key[0] == "fetch" else ""

    @property
    def message(self):
        """The octets of the message it is about."""
        return self.held(b"BODY.PEEK[]") or b"" if self.key[0] == "fetch" else b""

    def held(self, item, server=0):
        """What a server holds of the message now; ours is 0."""
        return self.run.held(self.command.connection, self.key[1], item, server=server)

    def octets(self, number):
        """Of a message that SEARCH or SORT found."""
        return self.run.held(self.command.connection, number, b"BODY.PEEK[]", uid=self.verb.startswith("UID")) or b""

    @property
    def messages(self):
        """The octets of those that one found and the other did not."""
        if self.key not in (("search",), ("sort",), ("thread",)):
            return []
        return [self.octets(number) for number in numbers_in(self.ours) ^ numbers_in(self.theirs)]

    @property
    def answers(self):
        return tuple(facts.get(("answer",)) for facts in self.facts)

    @property
    def verb(self):
        return self.command.verb()

    @property
    def text(self):
        return self.command.text()

    @property
    def selected(self):
        return self.run.selected.get(self.command.connection)

    def reading(self, server=0):
        """What the client knows."""
        return self.run.connections[self.command.connection][server].reading

    def earlier(self, verb=""):
        """What this connection sent before that begins so."""
        return [past for past in self.run.done if past.step.connection == self.command.connection and past.step.verb().startswith(verb)]

    def __str__(self):
        return f"{' '.join(map(show, self.key))}: ours {show(self.ours)}, theirs {show(self.theirs)}"


def numbers_in(value):
    """Of lists in lists too."""
    if isinstance(value, (tuple, frozenset)):
        return frozenset().union(*map(numbers_in, value))
    return frozenset() if value is NOTHING else frozenset((int(value),))


def show(value):
    if isinstance(value, bytes):
        return repr(value)[1:]
    if isinstance(value, tuple):
        return f"({' '.join(show(part) for part in value)})"
    if isinstance(value, frozenset):
        return "{" + " ".join(sorted(show(part) for part in value)) + "}"
    return str(value)


@dataclass
class Rule:
    name: str
    standard: str
    transcript: str
    why: str
    holds: object
    after: str


RULES = []


def rule(standard, transcript, why, after="go on"):
    """Takes a function of a difference, which says whether it is the one."""
    if not os.path.exists(os.path.join(TRANSCRIPTS, transcript)):
        sys.exit(f"there is no transcript {transcript} that shows: {why}")

    def take(holds):
        RULES.append(Rule(holds.__name__.replace("_", " "), standard, transcript, why, holds, after))
        return holds
    return take


def parting(standard, transcript, why):
    """A rule for commands that leave the two in different states though they answered alike: the stream ends there."""
    return rule(standard, transcript, why, "part")


def parted(text, ours, theirs, selected):
    """The rule for a command with these two answers, if it is such a one; `selected` are the mailboxes that clients look at."""
    return next((known for known in RULES if known.after == "part" and known.holds(text, ours, theirs, selected)), None)


def explanation(difference):
    """The rule that explains it, or `None`."""
    return next((known for known in RULES if known.after != "part" and known.holds(difference)), None)


def is_multipart(structure):
    return isinstance(structure[0], tuple)


def is_message(structure):
    return not is_multipart(structure) and [word(each) for each in structure[:2]] == ["MESSAGE", "RFC822"]


def part_at(structure, path):
    """The part of a BODYSTRUCTURE by its numbers, `None` where there is none (RFC 9051 §6.4.5.1)."""
    inside = structure
    for number in path:
        if inside is None:
            return None
        parts = list(takewhile(lambda part: isinstance(part, tuple), inside)) if is_multipart(inside) else [inside]
        if not 1 <= number <= len(parts):
            return None
        found = parts[number - 1]
        inside = found if is_multipart(found) else found[8] if is_message(found) else None
    return found
