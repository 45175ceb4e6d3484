"""Known differences from Dovecot: what SEARCH finds, what SORT and THREAD put where."""
import email, email.policy, re
from differences import numbers_in, rule
from imap_facts import NOTHING


@rule("RFC 9051 §6.4.4", "rfc9051/6.4.4-what-is-searched.txt", "a message without a Date was sent at no time, one with half of it on that day; they take another for it")
def sent_at_no_time(d):
    return "SENT" in d.text and bool(d.messages) and not any(map(is_dated, d.messages))


def first_field(message, name):
    """Unfolded, `None` where there is none."""
    header = message.partition(b"\r\n\r\n")[0] if not message.startswith(b"\r\n") else b""
    found = re.search(rb"(?im)^%s[ \t]*:((?:[^\r]|\r\n[ \t])*)" % name, header)
    return found and re.sub(rb"\r\n(?=[ \t])", b"", found[1])


def is_dated(message):
    """Whether its Date is one, with a zone."""
    return re.search(rb"\d \w{3} \d+ \d\d:\d\d(:\d\d)? +([+-]\d{4}|[A-Z]{1,3}\b)", first_field(message, b"date") or b"")


@rule("RFC 9051 §6.4.4", "rfc9051/6.4.4-broken-addresses.txt", "TO and the like look at what the ENVELOPE tells, also of addresses that are broken; theirs are cut differently")
def search_in_a_broken_address(d):
    found = re.search(r'(TO|FROM|CC|BCC) "', d.text) and numbers_in(d.theirs) < numbers_in(d.ours) if d.messages else False
    return found and all(has_broken_address(message) for message in d.messages)


ADDRESSES = (b"from", b"to", b"cc", b"bcc", b"reply-to", b"sender")


def has_broken_address(message, names=ADDRESSES):
    """By Python's reading."""
    fields = email.message_from_bytes(message, policy=email.policy.default)
    return any(is_broken(field) for name in names for field in fields.get_all(name.decode(), ()))


def is_broken(field):
    return bool(field.defects) or ";" in field or re.search(r"(^|,)\s*(,|$)", field) or field.count('"') % 2


@rule("RFC 9051 §6.4.4", "rfc9051/6.4.4-broken-addresses.txt", "an address without a domain has none to be searched; theirs has words for it that are searched")
def search_in_their_words(d):
    words = [word.upper() in "MISSING_MAILBOX MISSING_DOMAIN SYNTAX_ERROR" for word in re.findall(r'(?:TO|FROM|CC|BCC) "([^"]+)"', d.text)]
    return any(words) and bool(d.messages) and all(has_broken_address(message) or has_no_domain(message) for message in d.messages)


def has_no_domain(message):
    """One of its addresses."""
    fields = [first_field(message, name) for name in ADDRESSES]
    return any(b"@" not in address for field in fields if field for address in field.split(b","))


@rule("RFC 9051 §6.4.4", "rfc9051/6.4.4-what-is-searched.txt", "BODY looks into the headers of messages within too; they do not always")
def search_in_headers_within(d):
    words = re.findall(r'(?:BODY|TEXT) "([^"]+)"', d.text) + [piece.octets.decode() for piece in d.command.pieces if hasattr(piece, "octets")]
    return bool(words) and bool(d.messages) and all(any(is_in_a_header_within(word.lower(), message) for word in words) for message in d.messages)


def is_in_a_header_within(word, message):
    """And nowhere else behind the message's own header."""
    body = message.partition(b"\r\n\r\n")[2]
    within = re.findall(rb"(?i)message/rfc822[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n((?:[^\r\n]+\r\n)+)", message)
    rest = body
    for header in within:
        rest = rest.replace(header, b"")
    return any(word in header.decode("utf-8", "replace").lower() for header in within) and word not in rest.decode("utf-8", "replace").lower()


@rule("RFC 9051 §6.4.4", "rfc9051/6.4.4-negations.txt", "of two negations one is enough for OR; they want both, when both are flags")
def either_of_two_negations(d):
    return "SEARCH" in d.verb and bool(re.search(r"OR (UN|NOT )\w+ (UN|NOT )\w+", d.text)) and d.key[0] in ("search", "esearch")


@rule("RFC 7162 §3.1.5", "rfc7162/3.1.5-search-modseq.txt", "what is NOT MODSEQ is older than that; they find nothing when no message is as new")
def not_modseq(d):
    nothing = not numbers_in(d.theirs) if d.key in (("search",), ("sort",), ("thread",)) else d.theirs is NOTHING
    return "NOT MODSEQ $since" in d.text and d.key[0] in ("search", "sort", "thread", "esearch") and nothing


@rule("RFC 7162 §3.1.5", "rfc7162/3.1.5-search-modseq.txt", "a SEARCH with MODSEQ that finds something tells the highest; theirs does not when another key settles it")
def modseq_of_a_search(d):
    return d.key == ("search", "MODSEQ") and d.theirs is NOTHING and re.search(r"OR .*MODSEQ", d.text) and d.facts[0].get(("search",))


@rule("RFC 5032 §2", "rfc5032/2-within.txt", "of two ages both are asked for; under NOT theirs takes either")
def not_of_two_ages(d):
    return bool(re.search(r"NOT \((OLDER|YOUNGER) \d+ \1 \d+\)", d.text)) and bool(d.messages) and numbers_in(d.theirs) < numbers_in(d.ours)


@rule("RFC 5256 §2.2", "rfc5256/3-broken-keys.txt", "by a key that is broken each sorts as it reads it; what is in order stands in one order")
def sorted_by_what_is_broken(d):
    keys = d.text.partition("(")[2].partition(")")[0] if d.key == ("sort",) else "DATE" if d.key == ("thread",) else ""
    ours, theirs = (flat(value) for value in (d.ours, d.theirs)) if keys else ((), ())
    if not keys or sorted(ours) != sorted(theirs):
        return False
    whole = {number for number in ours if not is_broken_in(d.octets(number), keys)}
    return len(whole) < len(ours) and [n for n in ours if n in whole] == [n for n in theirs if n in whole]


def flat(value):
    """The numbers in their order."""
    return [number for each in value for number in flat(each)] if isinstance(value, tuple) else [int(value)]


def is_broken_in(message, keys):
    dates = "DATE" in keys and not is_dated(message)
    addresses = [name.lower().encode() for name in ("FROM", "TO", "CC") if name in keys]
    return dates or "SUBJECT" in keys and has_broken_word(message) or bool(addresses) and has_broken_address(message, addresses)


def has_broken_word(message):
    return b"=?" in re.sub(rb"=\?[\w-]+\?([qQ]\?[^? ]+|[bB]\?[\w+/]+=*)\?=", b"", first_field(message, b"subject") or b"")


@rule("RFC 5256 §3", "rfc5256/3-broken-keys.txt", "what is equal by every key stands in the order of its numbers; theirs does not always")
def sorted_by_number(d):
    keys = re.findall(r"ARRIVAL|CC|DATE|FROM|SIZE|SUBJECT|TO", d.text.partition(") (")[2].partition(")")[0] or d.text.partition("(")[2].partition(")")[0])
    if "SORT" not in d.verb or {"ARRIVAL", "SIZE"} & set(keys) or NOTHING in (d.ours, d.theirs):
        return False
    if d.key == ("sort",):
        return d.ours == tuple(sorted(d.ours)) and numbers_in(d.ours) == numbers_in(d.theirs) and are_equal_by(keys, map(d.octets, d.ours))
    found = d.facts[0].get(("esearch", "MIN"), b"0"), d.facts[0].get(("esearch", "MAX"), b"0")
    names = d.reading().mailbox.messages
    return d.key in (("esearch", "MIN"), ("esearch", "MAX")) and int(found[0]) < int(found[1]) \
        and are_equal_by(keys, (d.run.held(d.command.connection, name, b"BODY.PEEK[]") for name in names))


def are_equal_by(keys, messages):
    fields = {tuple(first_field(message, key.lower().encode()) for key in keys) for message in messages}
    return len(fields) == 1
