"""Differences from Dovecot that are known, each a rule: where it is seen, which standard speaks of it, and why both may be as they are.

A rule is a function of the difference; as narrow as it can be. `after` says what becomes of the stream: its later answers stand on
what the two did differently when it is `end`. What both answer alike but do differently ends the stream too: a `parting`.
"""
import email, email.policy, re
from dataclasses import dataclass
from imap_facts import NOTHING
from imap_streams import NONSENSE


@dataclass
class Difference:
    """One fact: what we said, what they said. `command` is what was sent, `stream` all of it."""
    command: object
    key: tuple
    ours: object
    theirs: object
    facts: tuple
    held: object

    @property
    def message(self):
        """The octets of the message it is about."""
        return self.held(self.key[1]) if self.key[0] == "fetch" else b""

    @property
    def messages(self):
        """The octets of those that one found and the other did not."""
        if self.key[0] not in ("search", "sort", "thread") or len(self.key) > 1:
            return []
        return [self.held(number, self.verb.startswith("UID")) for number in numbers_in(self.ours) ^ numbers_in(self.theirs)]

    @property
    def answers(self):
        return tuple(facts.get(("answer",)) for facts in self.facts)

    @property
    def verb(self):
        return self.command.verb()

    @property
    def text(self):
        return str(self.command)

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


RULES = []
CHANGING = ("SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "APPEND", "STORE", "COPY", "MOVE", "CLOSE", "EXPUNGE",
            "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "STARTTLS", "AUTHENTICATE", "LOGIN")
SPECIAL_USES = (b"\\archive", b"\\drafts", b"\\junk", b"\\sent", b"\\trash")


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


PARTINGS = []


def parting(standard, why):
    """A rule for commands that leave the two in different states though they answered alike: the stream ends there."""
    def take(holds):
        PARTINGS.append(Rule(holds.__name__.replace("_", " "), standard, why, holds, "end"))
        return holds
    return take


def parted(text, ours, theirs, selected):
    """Whether a command with these two answers is such a one; `selected` are the mailboxes that clients look at."""
    for known in PARTINGS:
        if known.holds(text, ours, theirs, selected):
            known.seen += 1
            return True
    return False


def explanation(difference):
    """The rule that explains it, or `None`."""
    for known in RULES:
        if known.holds(difference):
            known.seen += 1
            return known
    return None


@rule("RFC 3501 §2.3.2", "which of several sessions sees a message as recent is undefined, and what is recent may be doubted")
def recent(d):
    if d.key == ("recent",):
        return True
    if d.key[0] != "fetch" or d.key[2] != "FLAGS":
        return False
    ours, theirs = (frozenset() if flags is NOTHING else flags for flags in (d.ours, d.theirs))
    return ours ^ theirs == {b"\\recent"}


@rule("RFC 9051 §7.3.5", "which keywords a mailbox may hold: ours are an account's, theirs a mailbox's")
def keywords_of_the_account(d):
    if d.key == ("flags",) or d.key == ("untagged", "code", "PERMANENTFLAGS"):
        if NOTHING in (d.ours, d.theirs):
            return False
        ours, theirs = (each[0] if isinstance(each, tuple) else each for each in (d.ours, d.theirs))
        return not any(flag.startswith(b"\\") for flag in ours ^ theirs)
    return False


@rule("RFC 9051 §7.3.5", "FLAGS and PERMANENTFLAGS come with SELECT; when they are said again because of a new keyword is a server's choice")
def keywords_told_again(d):
    return d.key in (("flags",), ("untagged", "code", "PERMANENTFLAGS")) and NOTHING in (d.ours, d.theirs) and d.verb not in ("SELECT", "EXAMINE")


@rule("RFC 9051 §7.3.1", "\\Marked and \\Unmarked are said by who knows; we do not say them")
def marked(d):
    return d.key[0] in ("list", "lsub") and d.key[2] in (b"\\marked", b"\\unmarked") and d.ours is NOTHING


@rule("RFC 9051 §6.3.9.3", "whether a mailbox has children may be said unasked; with RETURN they say it only when asked")
def children_unasked(d):
    return d.key[0] == "list" and d.key[2] in (b"\\hasnochildren", b"\\haschildren") and d.theirs is NOTHING and d.verb == "LIST" and "CHILDREN" not in d.text


@rule("RFC 9051 §6.3.7", "a server MAY look whether what is subscribed exists; we do not, so that a subscription outlives its mailbox", after="end")
def subscribed_unseen(d):
    return d.verb == "SUBSCRIBE" and d.key == ("answer",) and (d.ours, d.theirs) == ("OK", "NO")


@rule("RFC 7162 §3.2.11", "CLOSED is for those who enabled QRESYNC or IMAP4rev2; they say it to all")
def closed(d):
    return d.key == ("untagged", "code", "CLOSED") and d.ours is NOTHING and d.verb in ("SELECT", "EXAMINE")


@rule("RFC 9051 §6.3.3", "a mailbox opened with EXAMINE cannot be changed: we refuse, they pass over it with OK")
def read_only(d):
    return ("answer", "code", "READ-ONLY") in d.facts[0] and d.answers[0] == "NO"


@rule("RFC 5161 §3.2", "ENABLED is said also when nothing was enabled")
def enabled_nothing(d):
    return d.key == ("enabled",) and d.ours == frozenset() and d.theirs is NOTHING


@rule("RFC 9051 §6.4.6", "STORE tells the flags, also when they are as before; they tell only of changes")
def store_without_change(d):
    return d.verb in ("STORE", "UID STORE") and d.key[0] == "fetch" and d.key[2] in ("FLAGS", "UID", "MODSEQ") and d.theirs is NOTHING and "SILENT" not in d.text


@rule("RFC 9051 §7.5.2", "a FETCH that nobody asked for may name the UID")
def uid_unasked(d):
    return d.key[0] == "fetch" and d.key[2] == "UID" and d.theirs is NOTHING and "UID" not in d.text


@rule("RFC 9051 §7.1", "CLIENTBUG is advice; they give it for STATUS of the selected mailbox")
def clientbug(d):
    return d.key == ("answer", "code", "CLIENTBUG") and d.ours is NOTHING


@rule("RFC 5530 §3", "which code goes with a NO is a server's choice; TRYCREATE alone is demanded")
def code_of_a_refusal(d):
    ours, theirs = d.facts
    return d.key[:2] == ("answer", "code") and d.key[2] != "TRYCREATE" and ours[("answer",)] == theirs.get(("answer",)) == "NO"


@rule("RFC 9051 §9", "they take what is not in the grammar, and do it")
def laxer_than_the_grammar(d):
    return not changing(d) and ungrammatical(d)


@rule("RFC 9051 §9", "the same of commands that change something", after="end")
def laxer_with_changes(d):
    return changing(d) and ungrammatical(d)


def changing(d):
    return d.verb in CHANGING or "FETCH" in d.verb and re.search(r"(BODY|BINARY)\[|RFC822", d.text)


def ungrammatical(d):
    odd = d.text[4:] in NONSENSE or re.search(r"BODY(.PEEK)?\[0\]|a\[b\]|[ ,:](0|4294967296)\b|:[ )]|1:$| ,|,,", d.text)
    return d.answers[0] == "BAD" and bool(odd) and d.answers[1] != "BAD"


@rule("RFC 9051 §9", "a number above the last is BAD; in SEARCH they find nothing under it")
def number_beyond_in_search(d):
    return d.answers == ("BAD", "OK") and "SEARCH" in d.verb and not d.verb.startswith("UID")


@rule("RFC 9051 §9", "`*` in an empty mailbox should be BAD; clients send `1:*` unseen, and we let it mean nothing")
def all_of_nothing(d):
    return d.answers == ("OK", "BAD") and re.search(r"[ ,:]\*", d.text)


@rule("RFC 9051 §6.4.5.1", "a part that is not there is NIL; theirs is empty")
def part_that_is_not_there(d):
    return d.key[0] == "fetch" and re.match(r"(BODY|BINARY)\[\d", d.key[2]) and d.ours is None and d.theirs == b""


@rule("RFC 9051 §6.4.5.1", "the part N.1 of a leaf that is no message is not there; they take it for the leaf")
def part_of_a_leaf(d):
    return d.key[0] == "fetch" and re.match(r"(BODY|BINARY|BINARY.SIZE)\[[\d.]+\.1(\.MIME)?\]", d.key[2]) and d.ours in (None, b"0")


@rule("RFC 9051 §9", "body-fld-lang may be one string or a list")
def one_language(d):
    return d.key[0] == "fetch" and d.key[2] == "BODYSTRUCTURE" and (d.ours,) == d.theirs


@rule("RFC 6154 §2", "what a mailbox is for may be said unasked; with RETURN they say it only when asked")
def use_unasked(d):
    return d.key[0] == "list" and d.key[2] in SPECIAL_USES and d.theirs is NOTHING and "SPECIAL-USE" not in d.text


@rule("RFC 2046 §5.1.1", "the line end before a boundary is the boundary's: theirs ends a nested multipart or a header with it")
def line_end_before_a_boundary(d):
    if d.key[0] != "fetch" or not re.search(rb"--\r\n--|message/rfc822|multipart/digest", d.message):
        return False
    if d.key[2].startswith(("BODY[", "BINARY[")):
        return isinstance(d.ours, bytes) and d.theirs == d.ours + b"\r\n"
    return d.key[2].startswith(("BODY", "BINARY.SIZE")) and apart_by(d, 1, 2)


def apart_by(d, *amounts):
    digits = isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.isdigit() and d.theirs.isdigit()
    return digits and int(d.theirs) - int(d.ours) in amounts


@rule("RFC 2046 §5.1.1", "a multipart without any boundary is broken: we take its body for the one part, they give an empty one")
def multipart_without_parts(d):
    if d.messages:
        return all(map(has_no_parts, d.messages))
    if d.key[0] != "fetch" or not re.match("BODY|BINARY", d.key[2]):
        return False
    if isinstance(d.ours, tuple) and d.ours[:2] == (b"text", b"plain") and isinstance(d.theirs, tuple) and isinstance(d.theirs[0], tuple):
        return d.theirs[0][6:8] == (b"0", b"0")
    if not has_no_parts(d.message):
        return False
    return d.theirs in (b"0", b"")


def has_no_parts(message):
    """Whether it has a multipart without a boundary, or with one that is not in it."""
    boundaries = re.findall(rb"(?i)multipart/\w+;\s*boundary=\"?([^\";\r\n]*)", message)
    count = len(re.findall(rb"(?im)^content-type:\s*multipart/", message))
    return count > len(boundaries) or any(b"\r\n--" + boundary + b"\r\n" not in message for boundary in boundaries)


@rule("RFC 5322 §3.4", "an address that is broken: they say so in its place, we say what is there")
def broken_address(d):
    if d.key[0] != "fetch" or d.key[2] != "ENVELOPE":
        return False
    field = d.facts[1].get(d.key[:3], d.theirs)
    for at in d.key[3:5]:
        field = field[at] if isinstance(field, tuple) else field
    return bool(re.search("MISSING_MAILBOX|MISSING_DOMAIN|SYNTAX_ERROR", show(field)))


@rule("RFC 5322 §3.4", "a list of addresses with a mistake in it: we read on, they stop there")
def addresses_behind_a_mistake(d):
    longer = d.key[0] == "fetch" and d.key[2] == "ENVELOPE" and len(d.key) == 4 and isinstance(d.ours, tuple) and isinstance(d.theirs, tuple)
    if not longer or len(d.theirs) >= len(d.ours) or not set(d.theirs) <= set(d.ours):
        return False
    fields = email.message_from_bytes(d.message, policy=email.policy.default)
    return any(field.defects or ";" in field for name in ("to", "cc", "from", "bcc", "reply-to", "sender") for field in fields.get_all(name, ()))


@rule("RFC 2045 §5.1", "names of parameters and media types are written in any case: ours are in lower case, theirs as they came")
def case_of_names(d):
    structure = d.key[0] == "fetch" and d.key[2] in ("BODY", "BODYSTRUCTURE")
    return structure and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.theirs.lower() == d.ours


@rule("RFC 2045 §5.2", "a Content-Type that is broken means text/plain; theirs is empty")
def broken_content_type(d):
    if d.key[0] != "fetch" or d.key[2] not in ("BODY", "BODYSTRUCTURE"):
        return False
    return d.ours in (b"plain", b"text") and d.theirs == b"" or isinstance(d.theirs, tuple) and d.theirs[1:2] == (b"",)


@rule("RFC 2045 §5.1", "a parameter without a value, or without anything, is a mistake: we take the others, they none")
def broken_parameter(d):
    return d.key[0] == "fetch" and d.key[2] in ("BODY", "BODYSTRUCTURE") and re.search(rb"(?im)^content-[^\r\n]*;\s*[\w*]*\s*(;|\r\n\S)|^content-[^\r\n]*=\"[^\"\r\n]*\r\n[\r\n]", d.message)


@rule("RFC 9051 §6.3.9", "the root of a name that hangs below nothing may be empty; theirs is the reference")
def root_of_a_reference(d):
    return d.key[0] == "list" and re.search(r'LIST "[^"]+" ""', d.text)


@rule("RFC 2045 §6.4", "a message/rfc822 in base64 is not allowed: to us it is octets, to them an empty letter")
def encoded_message(d):
    return d.key[0] == "fetch" and re.search(rb"(?i)message/rfc822\r\nContent-Transfer-Encoding: base64", d.message) and re.match("BODY|BINARY", d.key[2])


@rule("RFC 9051 §6.4.5", "BINARY[] is the message, which has no encoding of its own; theirs has its parts decoded")
def binary_whole(d):
    return d.key[0] == "fetch" and d.key[2].startswith(("BINARY[]", "BINARY.SIZE[]"))


@rule("RFC 9051 §6.4.5", "a multipart has no encoding to be undone; theirs has its parts decoded")
def binary_multipart(d):
    if d.key[0] != "fetch" or not d.key[2].startswith("BINARY") or b"multipart/" not in d.message:
        return False
    return apart_by(d, *range(-20, 0)) or isinstance(d.ours, bytes) and d.ours.endswith(b"--") and d.theirs in (d.ours + b"\r", d.ours + b"\r\n")


@rule("RFC 3516 §4.3", "base64 that is broken is decoded as far as it goes, or left alone; they refuse to read the message", after="end")
def binary_broken(d):
    return d.answers == ("OK", "NO") and "BINARY" in d.text and d.key[0] in ("answer", "fetch")


@rule("RFC 2045 §3", "MIME's fields count without MIME-Version too, as many a sender forgets it; they read the encoding only with it")
def no_mime_version(d):
    return d.key[0] == "fetch" and d.key[2].startswith(("BODY", "BINARY")) and not re.search(rb"(?im)^mime-version:", d.message)


@rule("RFC 2183 §2", "a Content-Disposition without a type is none; theirs is empty")
def disposition_without_type(d):
    return d.key[0] == "fetch" and d.key[2] == "BODYSTRUCTURE" and d.ours is None and isinstance(d.theirs, tuple) and d.theirs[:1] == (b"",)


@rule("RFC 5322 §4.4", "a route in an address should be ignored; they tell it")
def route(d):
    return d.key[0] == "fetch" and d.key[2] == "ENVELOPE" and len(d.key) == 6 and d.key[5] == 1 and d.ours is None and d.theirs.startswith(b"@")


@rule("RFC 9051 §6.4.7", "a mailbox that is not there is told also when no message is meant")
def nothing_to_copy(d):
    return d.verb.endswith(("COPY", "MOVE")) and ("answer", "code", "TRYCREATE") in d.facts[0] and d.answers[1] in ("OK", "BAD") and d.key[0] == "answer"


@rule("RFC 9051 §7.5.2", "the date as it is written, without white space around it")
def date_trimmed(d):
    return d.key[0] == "fetch" and d.key[2:] == ("ENVELOPE", 0) and isinstance(d.theirs, bytes) and d.theirs.strip() == d.ours


@rule("RFC 2046 §5.1.1", "in an empty part the line end before the boundary is its header's too; theirs has no header then")
def empty_part(d):
    return d.key[0] == "fetch" and re.match(r"BODY\[[\d.]+\.MIME\]", d.key[2]) and (d.ours, d.theirs) == (b"\r\n", b"")


@rule("RFC 9051 §6.3.8", "UNSUBSCRIBE of what is not subscribed is done; they look at the name", after="end")
def unsubscribed_odd_name(d):
    return d.verb == "UNSUBSCRIBE" and d.answers == ("OK", "NO") and d.key[0] == "answer"


@rule("RFC 9051 §6.4.5.1", "a header that ends with the message, in the middle of a line, has no blank line, its last field is ended; they make one, or end no field")
def header_without_end(d):
    header = d.key[0] == "fetch" and re.match(r"BODY\[HEADER", d.key[2]) and b"\r\n\r\n" not in d.message
    return header and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and abs(len(d.ours) - len(d.theirs)) == 2 and d.ours.rstrip() == d.theirs.rstrip()


@rule("RFC 9051 §6.4.4", "a message without a Date was sent at no time, one with half of it on that day; they take another for it")
def sent_at_no_time(d):
    return "SENT" in d.text and bool(d.messages) and not any(map(is_dated, d.messages))


def is_dated(message):
    header = message.partition(b"\r\n\r\n")[0] if not message.startswith(b"\r\n") else b""
    return re.search(rb"(?im)^date: .*\d \w{3} \d+ \d\d:\d\d", header)


@rule("RFC 9051 §6.4.4", "BODY looks into the headers of messages within too; they do not")
def search_in_headers_within(d):
    within = rb"multipart/digest|message/rfc822"
    return bool(re.search("BODY|TEXT", d.text)) and bool(d.messages) and all(re.search(within, message) for message in d.messages)


@rule("RFC 8970 §3", "what a preview shows is a server's choice")
def preview(d):
    return d.key[0] == "fetch" and d.key[2] == "PREVIEW" and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes)


@rule("RFC 9051 §6.4.4", "text in an encoding that nobody knows is searched as it is; they pass it over")
def search_in_unknown_encoding(d):
    return bool(re.search("BODY|TEXT", d.text)) and bool(d.messages) and all(b"Encoding: x-own" in message for message in d.messages)


@rule("RFC 9051 §6.4.4", "of two negations one is enough for OR; they want both, when both are flags")
def either_of_two_negations(d):
    return "SEARCH" in d.verb and bool(re.search(r"OR (UN|NOT )\w+ (UN|NOT )\w+", d.text)) and d.key[0] in ("search", "esearch")


@rule("RFC 3501 §6.3.5", "a level that is no mailbox is not listed for `*`, as in the example; theirs is")
def level_behind_star(d):
    return d.key[0] == "list" and d.ours is NOTHING and (*d.key[:2], b"\\noselect") in d.facts[1] and "*" in d.text


@rule("RFC 9051 §7.3.1", "\\NonExistent says \\Noselect too")
def nonexistent(d):
    ours, theirs = ((*d.key[:2], name) in facts for name, facts in zip((b"\\nonexistent", b"\\noselect"), d.facts))
    return d.key[0] == "list" and d.key[2] in (b"\\nonexistent", b"\\noselect") and ours and theirs


@rule("RFC 2045 §5.1", "octets above 127 in a parameter without quotes: we take them, they stop reading there")
def raw_octets_in_a_parameter(d):
    structure = d.key[0] == "fetch" and d.key[2].startswith("BODY") and re.search(rb"(?im)^content-[^\r\n]*[\x80-\xff]", d.message)
    return bool(structure) and not show(d.ours).isascii()


@rule("RFC 2046 §5.1.1", "a boundary parameter whose quotes do not close: we compare what there is with the lines' beginnings")
def unclosed_boundary(d):
    return d.key[0] == "fetch" and re.match("BODY|BINARY", d.key[2]) and bool(re.search(rb"boundary=\"[^\"\r\n]*\r\n", d.message))


@rule("RFC 9051 §6.3.6", "a level that is no mailbox may become one by RENAME, as by CREATE", after="end")
def renamed_to_a_level(d):
    return d.verb == "RENAME" and d.answers == ("OK", "NO") and ("answer", "code", "ALREADYEXISTS") in d.facts[1]


@parting("RFC 9051 §6.3.6", "INBOX keeps UIDVALIDITY and UIDNEXT, its messages move; their new INBOX begins anew")
def inbox_renamed(text, ours, theirs, selected):
    return re.match('RENAME "?inbox"? ', text, re.I) and "OK" in (ours, theirs)


@parting("RFC 9051 §6.3.2", "a SELECT that is BAD is none: the mailbox stays selected; theirs is closed")
def closed_by_bad_select(text, ours, theirs, selected):
    return text.startswith(("SELECT", "EXAMINE")) and ours == theirs == "BAD"


@parting("RFC 9051 §6.3.4", "the delimiter at the end of CREATE's name is to be passed over; theirs cannot be selected then")
def declared_level(text, ours, theirs, selected):
    return re.match('CREATE .*/"?$', text) and ours == "OK"


@rule("RFC 5322 §2.2.3", "unfolding takes the line end away, the white space stays; they make a space of a tab")
def tab_in_a_field(d):
    texts = d.key[0] == "fetch" and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes)
    return texts and d.key[2] == "ENVELOPE" and d.ours.replace(b"\t", b" ") == d.theirs


@parting("RFC 9051 §6.3.4", "what is above a new mailbox comes to be as a mailbox; theirs cannot be selected")
def level_above(text, ours, theirs, selected):
    return re.search('^CREATE "?New/|^RENAME .*"?New/', text) and ours == "OK"


@parting("RFC 2180 §3.3", "who has a mailbox selected that is renamed goes on, and is told before it ends when it is deleted; they just end it")
def selected_elsewhere(text, ours, theirs, selected):
    named = re.match('(DELETE|RENAME) "?([^"]*?)"?( |$)', text)
    return named and any(name == named[2] or name.startswith(named[2] + "/") for name in selected) and "OK" in (ours, theirs)


@parting("RFC 9051 §6.3.3", "MOVE out of a mailbox opened with EXAMINE is refused; theirs moves")
def moved_from_examined(text, ours, theirs, selected):
    return "MOVE " in text and (ours, theirs) == ("NO", "OK")


@parting("RFC 6154 §5.3", "what a mailbox is for goes with it when it is deleted; theirs is the name's, set by configuration")
def special_name_created(text, ours, theirs, selected):
    return re.match('(CREATE|RENAME .*) "?(Drafts|Trash|Sent)"?$', text) and ours == "OK"


@rule("RFC 8474 §4.1", "they have no OBJECTID")
def mailbox_id(d):
    return d.key[1:] == ("code", "MAILBOXID") and d.theirs is NOTHING


@rule("RFC 6154 §2", "LSUB says no more than RFC 3501 has it")
def use_in_lsub(d):
    return d.key[0] == "lsub" and d.key[2] in SPECIAL_USES and d.ours is NOTHING


@rule("RFC 5256 §2.1", "a subject with a broken encoded word: we decode what can be read, they leave it; the others stand in one order")
def sorted_by_a_broken_word(d):
    if d.key != ("sort",) or numbers_in(d.ours) != numbers_in(d.theirs):
        return False
    plain = {number for number in d.ours if not has_broken_word(d.held(number, d.verb.startswith("UID")))}
    return len(plain) < len(d.ours) and [n for n in d.ours if n in plain] == [n for n in d.theirs if n in plain]


def has_broken_word(message):
    subject = re.search(rb"(?im)^subject:[^\r\n]*(\r\n[ \t][^\r\n]*)*", message)
    return bool(subject) and b"=?" in re.sub(rb"=\?[\w-]+\?([qQ]\?[^? ]+|[bB]\?[\w+/]+=*)\?=", b"", subject[0])


@rule("RFC 5256 §3", "what is equal by every key stands in the order of its numbers; theirs does not always")
def sorted_by_number(d):
    if d.key != ("sort",) or numbers_in(d.ours) != numbers_in(d.theirs) or d.ours != tuple(sorted(d.ours)):
        return False
    keys = re.findall(r"ARRIVAL|CC|DATE|FROM|SIZE|SUBJECT|TO", d.text.partition("(")[2].partition(")")[0])
    messages = [email.message_from_bytes(d.held(number, d.verb.startswith("UID"))) for number in d.ours]
    return not {"ARRIVAL", "SIZE"} & set(keys) and all(len({str(message[key]) for message in messages}) == 1 for key in keys)


@rule("RFC 9051 §6.4.4", "a charset is refused before it is seen that no mailbox is selected")
def charset_before_state(d):
    return d.answers == ("NO", "BAD") and ("answer", "code", "BADCHARSET") in d.facts[0]


@rule("RFC 9208 §5", "what a quota is called, counts and allows is the server's")
def quota(d):
    return d.verb.startswith("GETQUOTA")


@rule("RFC 7162 §3.1.2.1", "HIGHESTMODSEQ comes with every SELECT; they say it to those who enabled CONDSTORE, and then more often")
def highest_modseq(d):
    demanded = d.verb in ("SELECT", "EXAMINE") or d.verb in ("EXPUNGE", "UID EXPUNGE", "CLOSE") and ("expunged",) in d.facts[0]
    return d.key[1:] == ("code", "HIGHESTMODSEQ") and (d.theirs is NOTHING or not demanded)


@rule("RFC 7162 §3.1", "mod-sequences are each server's own: which messages are newer than the highest told is not the same")
def own_modseqs(d):
    return "$modseq" in d.text and (d.key[0] in ("search", "sort", "thread", "esearch", "fetch") or d.key == ("answer", "code", "MODIFIED"))


@rule("RFC 7162 §3.2.4", "who has enabled CONDSTORE is told MODSEQ with all flags; of what enables it they know less")
def modseq_unasked(d):
    return d.key[0] == "fetch" and d.key[2] == "MODSEQ" and d.theirs is NOTHING and "MODSEQ" not in d.text


@rule("RFC 7162 §3.1.3", "of a message that STORE left alone because it had changed, the state is told unasked")
def left_alone(d):
    return "UNCHANGEDSINCE" in d.text and ("answer", "code", "MODIFIED") in d.facts[0] and d.key[0] == "fetch" and d.theirs is NOTHING


@rule("RFC 5161 §3.2", "ENABLED names what was not enabled before; they name what SELECT (CONDSTORE) and the like did enable")
def enabled_before(d):
    return d.key == ("enabled",) and d.ours == frozenset() and d.theirs in ({"CONDSTORE"}, {"QRESYNC"})


@rule("RFC 7162 §3.1.4.1", "a section may stand before the modifiers; they read it to their end", after="end")
def section_before_modifiers(d):
    return d.answers == ("OK", "BAD") and re.search(r"(\](<[\d.]+>)?|PREVIEW) \(CHANGEDSINCE", d.text)


@rule("RFC 7162 §3.1.3", "UNCHANGEDSINCE 0 asks whether keywords are there, as in examples 7 and 8; they look at the message only")
def unchanged_since_zero(d):
    return re.search(r"UNCHANGEDSINCE 0\) [+-]FLAGS(.SILENT)? \(?[$C]", d.text)


@rule("RFC 9051 §7.1", "who sends nothing but nonsense is sent away in the end", after="end")
def too_many_mistakes(d):
    return ("gone",) in d.facts[0] and d.answers[1] == "BAD"
