"""Known differences from Dovecot: flags, keywords, mod-sequences, who is told of them and when."""
import re
from differences import rule
from imap_facts import NOTHING


@rule("RFC 3501 §2.3.2", "rfc3501/7.3.2-recent-two-sessions.txt", "which of several sessions sees a message as recent is undefined: ours is who is told first, theirs who appends")
def recent_to_another(d):
    if d.key[0] in ("search", "sort", "thread", "esearch"):
        return d.selected in d.run.shared and bool(re.search(r"\b(RECENT|NEW|OLD)\b", re.sub('"[^"]*"', "", d.text)))
    return d.selected in d.run.shared and (d.key == ("recent",) or d.item == "FLAGS" and NOTHING not in (d.ours, d.theirs) and d.ours ^ d.theirs == {b"\\recent"})


@rule("RFC 3501 §6.3.10", "rfc3501/2.3.2-recent.txt", "STATUS counts what a SELECT would find recent, also of the selected mailbox; theirs counts what is recent to who asks")
def recent_in_status(d):
    asked = d.key[0] == "status" and d.key[2] == "RECENT" and d.selected and d.key[1] == d.selected.encode() and NOTHING not in (d.ours, d.theirs)
    return asked and int(d.ours) < int(d.theirs)


@rule("RFC 9051 §7.3.5", "rfc9051/7.3.5-keywords.txt", "which keywords a mailbox may hold: ours are those of an account's messages, theirs those that a mailbox saw in commands")
def keywords_of_the_account(d):
    if d.key not in (("flags",), ("untagged", "code", "PERMANENTFLAGS")) or NOTHING in (d.ours, d.theirs):
        return False
    ours, theirs = map(flags_in, (d.ours, d.theirs))
    return are_keywords(ours - theirs) and has_none(d, theirs - ours)


def flags_in(value):
    """Of FLAGS, or of a code."""
    return value[0] if isinstance(value, tuple) else value


def are_keywords(flags):
    return not any(flag.startswith(b"\\") for flag in flags)


def has_none(d, keywords):
    """Whether no message that we hold has one of them."""
    return are_keywords(keywords) and not any(d.run.matching(d.command.connection, b"KEYWORD " + keyword) for keyword in keywords)


@rule("RFC 9051 §7.3.5", "rfc9051/7.3.5-keywords.txt", "a keyword that is new to a mailbox, and not to the account, was told when it was selected; one that no message has is none; they tell both now")
def keyword_told_before(d):
    told = d.key in (("flags",), ("untagged", "code", "PERMANENTFLAGS")) and d.ours is NOTHING and d.verb not in ("SELECT", "EXAMINE")
    return told and has_none(d, flags_in(d.theirs) - d.reading().flags_told - {b"\\*"})


@rule("RFC 9051 §7.3.5", "rfc9051/7.3.5-keywords.txt", "a keyword that is new to the account, and not in this mailbox, is told; theirs is not new, or not in it")
def keyword_of_another_mailbox(d):
    return d.key == ("flags",) and d.theirs is NOTHING and d.verb not in ("SELECT", "EXAMINE") and any(not flag.startswith(b"\\") for flag in d.ours)


@rule("RFC 9051 §6.3.3", "rfc9051/6.3.3-examine.txt", "a mailbox opened with EXAMINE cannot be changed: we refuse, they pass over it with OK, or find a number first that is none")
def read_only(d):
    refused = d.key in (("answer",), ("answer", "code", "READ-ONLY"), ("answer", "code", "TRYCREATE")) and ("answer", "code", "READ-ONLY") in d.facts[0] and d.answers[0] == "NO"
    return refused and re.search("STORE|EXPUNGE|MOVE", d.verb)


@rule("RFC 9051 §6.4.6", "rfc9051/6.4.6-store-unchanged.txt", "STORE tells the flags, also when they are as before; they tell only of changes")
def store_without_change(d):
    if d.verb not in ("STORE", "UID STORE") or "SILENT" in d.text or d.item not in ("UID", "MODSEQ", "FLAGS") or d.theirs is not NOTHING:
        return False
    return ("fetch", d.key[1], "FLAGS") not in d.facts[1] and (d.item != "FLAGS" or d.ours == their_flags(d))


def their_flags(d):
    """What they hold, though they did not tell it."""
    return frozenset(flag.lower() for flag in d.held(b"FLAGS", server=1) or ())


@rule("RFC 9051 §7.5.2", "rfc7162/3.1.4.2-modseq.txt", "a FETCH that nobody asked for may name the UID")
def uid_unasked(d):
    return d.item == "UID" and d.theirs is NOTHING and "UID" not in d.text


@rule("RFC 7162 §3.1.3", "rfc7162/3.1.11-no-change.txt", "a conditional STORE tells MODSEQ, and UID for UID STORE, also where it changes nothing; they do not")
def conditional_store_without_change(d):
    told = "UNCHANGEDSINCE" in d.text and d.item in ("MODSEQ", "UID") and d.theirs is NOTHING
    return told and not any(key[:2] == d.key[:2] for key in d.facts[1])


@rule("RFC 7162 §3.1.3", "rfc7162/3.1.3-store-both-numberings.txt", "of a message that STORE left alone because it had changed, the state is told unasked")
def left_alone(d):
    modified = d.facts[0].get(("answer", "code", "MODIFIED"))
    if not modified or d.item not in ("FLAGS", "UID", "MODSEQ") or d.theirs is not NOTHING or d.verb not in ("STORE", "UID STORE"):
        return False
    uid = d.facts[0].get(("fetch", d.key[1], "UID"))
    number = int(uid) if d.verb.startswith("UID") else d.reading().mailbox.messages.index(d.key[1]) + 1
    return number in modified[0] and (d.item != "FLAGS" or d.ours == their_flags(d))


@rule("RFC 7162 §3.1.3", "rfc7162/3.1.3-store-zero.txt", "UNCHANGEDSINCE 0 asks whether keywords are there, as in examples 7 and 8; they look at the message only", after="end")
def unchanged_since_zero(d):
    return d.key[0] in ("answer", "fetch") and re.search(r"UNCHANGEDSINCE 0\) [+-]FLAGS(.SILENT)? \(?[$C]", d.text)


ENABLING = re.compile(r"MODSEQ|CHANGEDSINCE|CONDSTORE|QRESYNC")


def modseq_only_ours(d):
    """MODSEQ, or the UID that comes with it where there was nothing else to tell."""
    alone = d.item == "UID" and (*d.key[:2], "MODSEQ") in d.facts[0] and not any(key[:2] == d.key[:2] for key in d.facts[1])
    return d.theirs is NOTHING and (d.item == "MODSEQ" and "MODSEQ" not in d.text or alone)


@rule("RFC 7162 §3.1", "rfc7162/3.1-enabling.txt", "LIST with HIGHESTMODSEQ makes a client aware of mod-sequences as STATUS does: MODSEQ comes with all flags; theirs does not make it so")
def aware_by_list(d):
    return modseq_only_ours(d) and any(past.ours == "OK" and "HIGHESTMODSEQ" in past.text for past in d.earlier("LIST"))


@rule("RFC 7162 §3.1", "rfc7162/3.1-enabling-mistakes.txt", "a THREAD with MODSEQ makes a client aware, and a command that only names a number which no message has; theirs do not")
def aware_by_less(d):
    return modseq_only_ours(d) and any(ENABLING.search(past.text) and ("THREAD" in past.text or "BAD" in (past.ours, past.theirs)) for past in d.earlier())


@rule("RFC 7162 §3.1", "rfc7162/3.1-enabling-mistakes.txt", "a command that is BAD makes nobody aware of mod-sequences; theirs does")
def aware_by_mistake(d):
    told = d.item == "MODSEQ" and d.ours is NOTHING or d.key == ("untagged", "code", "HIGHESTMODSEQ") and d.ours is NOTHING
    return told and (d.answers == ("BAD", "BAD") or any(past.ours == "BAD" and ENABLING.search(past.text) for past in d.earlier()))


@rule("RFC 7162 §3.1", "rfc7162/3.1-enabling.txt", "HIGHESTMODSEQ is told when a client becomes aware of mod-sequences, once; they tell it at other commands")
def aware_before(d):
    told = d.key == ("untagged", "code", "HIGHESTMODSEQ") and d.ours is NOTHING and d.verb not in ("SELECT", "EXAMINE")
    return told and any(past.ours != "BAD" and ENABLING.search(past.text) or ("untagged", "code", "HIGHESTMODSEQ") in past.facts for past in d.earlier())


@rule("RFC 7162 §3.2.7", "rfc7162/3.2.7-expunge.txt", "HIGHESTMODSEQ comes with the answer when messages are gone; theirs comes at other times too")
def modseq_of_nothing(d):
    told = d.key == ("answer", "code", "HIGHESTMODSEQ") and d.ours is NOTHING
    return told and not {"expunged", "vanished"} & {key[0] for key in d.facts[0]}


@rule("RFC 7162 §3.1.2.1", "rfc7162/3.1-enabling.txt", "HIGHESTMODSEQ comes with every SELECT, when a client becomes aware of it, and with changes; theirs not in each of these")
def highest_modseq(d):
    return d.key[1:] == ("code", "HIGHESTMODSEQ") and d.theirs is NOTHING
