"""Differences from Dovecot that are known, each a rule: where it is seen, which standard speaks of it, and why both may be as they are.

A rule is a function of the difference; as narrow as it can be. `after` says what becomes of the stream: its later answers stand on
what the two did differently when it is `end`.
"""
from dataclasses import dataclass
import re


@dataclass
class Difference:
    """One fact: what we said, what they said; `None` is nothing. `command` is what was sent, `stream` all of it."""
    command: object
    key: tuple
    ours: object
    theirs: object
    facts: tuple
    stream: object

    @property
    def verb(self):
        return self.command.verb()

    @property
    def text(self):
        return str(self.command)

    def __str__(self):
        return f"{' '.join(map(show, self.key))}: ours {show(self.ours)}, theirs {show(self.theirs)}"


def show(value):
    if isinstance(value, bytes):
        return repr(value)[1:]
    if isinstance(value, tuple):
        return f"({' '.join(show(part) for part in value)})"
    if isinstance(value, frozenset):
        return "{" + " ".join(sorted(show(part) for part in value)) + "}"
    return str(value)


RULES = []


@dataclass
class Rule:
    name: str
    standard: str
    why: str
    holds: object
    after: str
    seen: int = 0


def rule(standard, why, after="go on"):
    def take(holds):
        RULES.append(Rule(holds.__name__.replace("_", " "), standard, why, holds, after))
        return holds
    return take


def explanation(difference):
    """The rule that explains it, or `None`."""
    for known in RULES:
        if known.holds(difference):
            known.seen += 1
            return known
    return None


@rule("RFC 9051 §A.20", "\\Recent is gone from IMAP4rev2; we never say that a message is recent, RFC 3501 §2.3.2 wants the first session told")
def recent(d):
    if d.key == ("recent",):
        return d.ours in (0, None)
    if d.key[0] == "fetch" and d.key[2] == "FLAGS" and d.theirs and d.ours is not None:
        return d.theirs - d.ours == {b"\\recent"} and not d.ours - d.theirs
    return d.key[0] == "fetch" and d.key[2] == "FLAGS" and d.ours is None and d.theirs == {b"\\recent"}
