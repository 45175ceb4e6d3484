"""Known differences from Dovecot: mailboxes, their names, what LIST says of them, selecting."""
import re
from differences import parting, rule
from imap_facts import NOTHING

SPECIAL_USES = (b"\\archive", b"\\drafts", b"\\junk", b"\\sent", b"\\trash")


@rule("RFC 9051 §7.3.1", "rfc9051/6.3.9-list.txt", "\\Marked and \\Unmarked are said by who knows; we do not say them")
def marked(d):
    return d.key[0] in ("list", "lsub") and d.key[2] in (b"\\marked", b"\\unmarked") and d.ours is NOTHING


@rule("RFC 9051 §6.3.9.3", "rfc9051/6.3.9-list.txt", "whether a mailbox has children may be said unasked; in extended LIST they say it only when asked")
def children_unasked(d):
    return d.key[0] == "list" and d.key[2] in (b"\\hasnochildren", b"\\haschildren") and d.theirs is NOTHING and is_extended(d) and "CHILDREN" not in d.text


def is_extended(d):
    """Whether LIST is asked with options or several patterns (RFC 5258)."""
    return re.search(r'LIST \(|RETURN|" \(', d.text)


@rule("RFC 6154 §2", "rfc9051/6.3.9-list.txt", "what a mailbox is for may be said unasked; in extended LIST they say it only when asked")
def use_unasked(d):
    return d.key[0] == "list" and d.key[2] in SPECIAL_USES and d.theirs is NOTHING and is_extended(d) and "SPECIAL-USE" not in d.text


@rule("RFC 6154 §2", "rfc6154/5-special-use.txt", "what a mailbox is for goes with it when it is renamed; theirs is the name's, set by configuration")
def use_renamed(d):
    named = d.key[0] == "list" and d.key[2] in SPECIAL_USES and d.theirs is NOTHING and d.key[2][1:] != d.key[1].lower()
    return named and any(past.text.replace('"', "").lower().startswith(f"rename {d.key[2][1:].decode()} ") for past in d.run.done)


@rule("RFC 6154 §2", "rfc3501/6.3.9-lsub.txt", "LSUB says no more than RFC 3501 has it")
def use_in_lsub(d):
    return d.key[0] == "lsub" and d.key[2] in SPECIAL_USES and d.ours is NOTHING


@rule("RFC 9051 §6.3.9", "rfc9051/6.3.9-root.txt", "the root of a name that hangs below nothing may be empty; theirs is the reference")
def root_of_a_reference(d):
    asked = re.search(r'LIST (?:\(\) )?"([^"]+)" ""', d.text)
    ours, theirs = d.facts
    return d.key[0] == "list" and asked and (d.key[1] == b"" and d.theirs is NOTHING or d.key[1] == asked[1].encode() and d.ours is NOTHING) \
        and {key[2] for key in ours if key[0] == "list"} == {key[2] for key in theirs if key[0] == "list"}


@rule("RFC 3501 §6.3.5", "rfc9051/6.3.5-delete.txt", "a level that is no mailbox is not listed for `*`, as in the example; theirs is")
def level_behind_star(d):
    return d.key[0] == "list" and d.ours is NOTHING and (*d.key[:2], b"\\noselect") in d.facts[1] and "*" in d.text


@rule("RFC 9051 §7.3.1", "rfc5258/3.5-childinfo.txt", "\\NonExistent says \\Noselect too")
def nonexistent(d):
    ours, theirs = ((*d.key[:2], name) in facts for name, facts in zip((b"\\nonexistent", b"\\noselect"), d.facts))
    return d.key[0] == "list" and d.key[2] in (b"\\nonexistent", b"\\noselect") and ours and theirs


@rule("RFC 9051 §6.3.7", "rfc9051/6.3.7-subscribe.txt", "a server MAY look whether what is subscribed exists; we do not, so that a subscription outlives its mailbox", after="end")
def subscribed_unseen(d):
    return d.verb == "SUBSCRIBE" and d.key == ("answer",) and (d.ours, d.theirs) == ("OK", "NO")


@rule("RFC 9051 §6.3.8", "rfc5530/3-codes.txt", "UNSUBSCRIBE of what is not subscribed is done; they look at the name", after="end")
def unsubscribed_odd_name(d):
    return d.verb == "UNSUBSCRIBE" and d.answers == ("OK", "NO") and d.key[0] == "answer" and re.search('/"?$', d.text)


@rule("RFC 8474 §4.1", "rfc8474/4-mailboxid.txt", "they have no OBJECTID")
def mailbox_id(d):
    return d.key[1:] == ("code", "MAILBOXID") and d.theirs is NOTHING and d.verb in ("SELECT", "EXAMINE", "CREATE")


@rule("RFC 9208 §4.2", "rfc9208/4.1-quota.txt", "the quota counts an email once, however many mailboxes it is copied to; theirs counts copies")
def copies_in_the_quota(d):
    if d.key[0] != "quota" or NOTHING in (d.ours, d.theirs):
        return False
    (name, (resource, ours, limit)), (their_name, (their_resource, theirs, their_limit)) = d.ours, d.theirs
    same = (name, resource, limit) == (their_name, their_resource, their_limit)
    return same and int(ours) < int(theirs) and any("COPY" in past.step.verb() and past.ours == "OK" for past in d.run.done)


@parting("RFC 9051 §6.3.6", "rfc9051/6.3.6-rename-inbox.txt", "INBOX keeps UIDVALIDITY and UIDNEXT, its messages move; their new INBOX begins anew")
def inbox_renamed(text, ours, theirs, selected):
    return re.match('RENAME "?inbox"? ', text, re.I) and "OK" in (ours, theirs)


@parting("RFC 9051 §6.3.2", "rfc7162/3.1.8-select-condstore.txt", "a SELECT that is BAD is none: the mailbox stays selected; theirs is closed")
def closed_by_bad_select(text, ours, theirs, selected):
    return text.startswith(("SELECT", "EXAMINE")) and ours == theirs == "BAD" and selected


@parting("RFC 9051 §6.3.4", "rfc9051/6.3.4-create.txt", "the delimiter at the end of CREATE's name is to be passed over; theirs cannot be selected then")
def declared_level(text, ours, theirs, selected):
    return re.match('CREATE .*/"?$', text) and ours == "OK"


@parting("RFC 9051 §6.3.4", "rfc9051/6.3.4-create.txt", "what is above a new mailbox comes to be as a mailbox; theirs cannot be selected")
def level_above(text, ours, theirs, selected):
    return re.search('^CREATE "?New/|^RENAME .*"?New/', text) and ours == "OK"


@parting("RFC 2180 §3.3", "rfc2180/3.3-delete-selected-elsewhere.txt", "who has a mailbox selected that is renamed goes on, and is told before it ends when it is deleted; they just end it")
def selected_elsewhere(text, ours, theirs, selected):
    named = re.match('(DELETE|RENAME) "?([^"]*?)"?( |$)', text)
    return named and any(name == named[2] or name.startswith(named[2] + "/") for name in selected) and "OK" in (ours, theirs)


@parting("RFC 9051 §6.3.3", "rfc9051/6.3.3-examine.txt", "MOVE out of a mailbox opened with EXAMINE is refused; theirs moves")
def moved_from_examined(text, ours, theirs, selected):
    return "MOVE " in text and (ours, theirs) == ("NO", "OK")


@parting("RFC 6154 §5.3", "rfc6154/5-special-use.txt", "what a mailbox is for goes with it when it is deleted; theirs is the name's, set by configuration")
def special_name_created(text, ours, theirs, selected):
    return re.match('(CREATE|RENAME .*) "?(Drafts|Trash|Sent)"?$', text) and ours == "OK"
