"""Known differences from Dovecot: what is no command, what is refused, and with which code."""
import re
from differences import rule
from imap_facts import NOTHING
from imap_streams import NONSENSE

CHANGING = ("SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "APPEND", "STORE", "COPY", "MOVE", "CLOSE", "EXPUNGE",
            "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "STARTTLS", "AUTHENTICATE", "LOGIN")


@rule("RFC 9051 §9", "rfc9051/9-grammar.txt", "they take what is not in the grammar, and do it")
def laxer_than_the_grammar(d):
    return not changing(d) and ungrammatical(d)


@rule("RFC 9051 §9", "rfc9051/9-grammar.txt", "the same of commands that change something", after="end")
def laxer_with_changes(d):
    return changing(d) and ungrammatical(d)


def changing(d):
    return d.verb in CHANGING or "FETCH" in d.verb and re.search(r"(BODY|BINARY)\[|RFC822", d.text)


def ungrammatical(d):
    odd = d.text in NONSENSE or re.search(r"BODY(.PEEK)?\[0\]|a\[b\]|[ ,:](0|4294967296)([ ,:)]|$)|\d:[ )]|1:$| ,|,,", d.text)
    return d.answers[0] == "BAD" and bool(odd) and d.answers[1] != "BAD"


@rule("RFC 9051 §9", "rfc9051/6.4.4-search.txt", "a number above the last is BAD; in SEARCH they find nothing under it")
def number_beyond_in_search(d):
    return d.answers == ("BAD", "OK") and d.verb.removeprefix("UID ") in ("SEARCH", "SORT", "THREAD") and bool(beyond(d))


@rule("RFC 9051 §9", "rfc9051/9-grammar.txt", "a number above the last is BAD; they take it beside a range up to `*`, or look at the mailbox first", after="end")
def number_beyond_beside_a_star(d):
    beside = re.match("(FETCH|STORE|COPY|MOVE)", d.text) and (re.search(r":\*", d.text) or d.answers[1] == "NO")
    return d.answers in (("BAD", "OK"), ("BAD", "NO")) and beside and bool(beyond(d))


@rule("RFC 5256 §4", "rfc5256/3-thread-references.txt", "THREAD with a number above the last is BAD; in an empty mailbox theirs ends the connection", after="end")
def thread_of_nothing(d):
    return d.verb.endswith("THREAD") and d.answers[0] == "BAD" and ("gone",) in d.facts[1] and bool(beyond(d)) and not d.reading().mailbox.messages


def beyond(d):
    """Numbers, or their bounds, that no message has; those of UIDs, dates and sizes are none."""
    text = re.sub(r'"[^"]*"|(UID|LARGER|SMALLER|YOUNGER|OLDER|MODSEQ) [\d:*,$a-z]+|\d+-\w+-\d+', "", d.text)
    return [number for each in re.findall(r"(?<![\w$])[\d:*,]+(?![\w-])", text) for number in re.findall(r"\d+", each)
            if int(number) > len(d.reading().mailbox.messages)]


@rule("RFC 9051 §9", "rfc9051/9-star-in-an-empty-mailbox.txt", "`*` in an empty mailbox should be BAD; clients send `1:*` unseen, and we let it mean nothing")
def all_of_nothing(d):
    return d.answers == ("OK", "BAD") and re.search(r"[ ,:]\*", d.text) and not d.reading().mailbox.messages


@rule("RFC 7162 §3.1.4.1", "rfc7162/3.1.4.1-changedsince.txt", "a section may stand before the modifiers; they read it to their end", after="end")
def section_before_modifiers(d):
    return d.answers == ("OK", "BAD") and re.search(r"(\](<[\d.]+>)?|PREVIEW) \(CHANGEDSINCE", d.text)


@rule("RFC 5530 §3", "rfc5530/3-codes.txt", "which code goes with a NO is a server's choice; TRYCREATE alone is demanded")
def code_of_a_refusal(d):
    codes = [{key[2] for key in facts if key[:2] == ("answer", "code")} for facts in d.facts]
    known = codes[0] <= {"NONEXISTENT", "CANNOT", "ALREADYEXISTS", "BADCHARSET"} and codes[1] <= {"NONEXISTENT", "CANNOT", "ALREADYEXISTS", "BADCHARSET"}
    return d.key[:2] == ("answer", "code") and d.answers == ("NO", "NO") and known


@rule("RFC 9051 §7.1", "rfc9051/6.3.11-status.txt", "CLIENTBUG is advice; they give it for STATUS of the selected mailbox")
def clientbug(d):
    return d.key == ("answer", "code", "CLIENTBUG") and d.verb == "STATUS" and d.answers == ("OK", "OK")


@rule("RFC 9051 §6.4.7", "rfc9051/6.4.7-nothing-to-copy.txt", "a mailbox that is not there is told also when no message is meant")
def nothing_to_copy(d):
    return d.verb.endswith(("COPY", "MOVE")) and ("answer", "code", "TRYCREATE") in d.facts[0] and d.answers[1] in ("OK", "BAD") and d.key[0] == "answer"


@rule("RFC 5161 §3.2", "rfc5161/3.2-newly-enabled.txt", "ENABLED is said also when nothing was enabled")
def enabled_nothing(d):
    return d.key == ("enabled",) and d.ours == frozenset() and d.theirs is NOTHING


@rule("RFC 5161 §3.2", "rfc7162/3.2.3-enable-qresync.txt", "ENABLED names what was not enabled before; they name what SELECT (CONDSTORE) and the like did enable")
def enabled_before(d):
    again = d.key == ("enabled",) and d.ours == frozenset() and d.theirs in ({"CONDSTORE"}, {"QRESYNC"})
    return again and any(past.ours != "BAD" and re.search(r"CONDSTORE|QRESYNC|MODSEQ|SINCE", past.text) for past in d.earlier())
