"""Known differences from Dovecot: what letters are read as, most of them broken."""
import re
from differences import is_message, is_multipart, part_at, rule, show
from explained_searches import has_broken_address
from imap_facts import NOTHING

STRUCTURES = ("BODY", "BODYSTRUCTURE")
SECTION = re.compile(r"(BODY|BINARY|BINARY\.SIZE)\[((?:\d+\.)*\d+)(?:\.([A-Z.]+)[^\]]*)?\](<\d+>)?")


def section(d):
    """The kind of item, the part's numbers, and what of it."""
    found = SECTION.fullmatch(d.item)
    return found and (found[1], [int(number) for number in found[2].split(".")], found[3])


def told_structure(d):
    return d.held(b"BODYSTRUCTURE")


@rule("RFC 9051 §6.4.5.1", "rfc9051/6.4.5.1-sections.txt", "a part that is not there is NIL; theirs is empty")
def part_that_is_not_there(d):
    if not section(d) or d.ours is not None or d.theirs != b"":
        return False
    _, path, rest = section(d)
    part = part_at(told_structure(d), path)
    return part is None or rest in ("HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT") and not is_message(part)


@rule("RFC 9051 §6.4.5.1", "rfc9051/7.5.2-broken-structure.txt", "the part N.1 of a leaf that is no message is not there; they take it for the leaf")
def part_of_a_leaf(d):
    if not section(d) or d.ours not in (None, b"0"):
        return False
    _, path, _ = section(d)
    above = part_at(told_structure(d), path[:-1]) if len(path) > 1 else None
    return path[-1] == 1 and above and part_at(told_structure(d), path) is None and not is_multipart(above) and not is_message(above)


@rule("RFC 9051 §9", "rfc9051/7.5.2-structure-words.txt", "body-fld-lang may be one string or a list")
def one_language(d):
    return d.item == "BODYSTRUCTURE" and (d.ours,) == d.theirs


@rule("RFC 2046 §5.1.1", "rfc9051/7.5.2-broken-structure.txt", "the line end before a boundary is the boundary's: theirs ends a nested multipart or a header with it")
def line_end_before_a_boundary(d):
    if not d.item.startswith(("BODY", "BINARY")) or not re.search(rb"--\r\n--|message/rfc822|multipart/digest", d.message):
        return False
    if d.item.startswith(("BODY[", "BINARY[")):
        return isinstance(d.ours, bytes) and d.theirs == d.ours + b"\r\n"
    return apart_by(d, 1, 2)


def apart_by(d, *amounts):
    digits = isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.ours.isdigit() and d.theirs.isdigit()
    return digits and int(d.theirs) - int(d.ours) in amounts


@rule("RFC 2046 §5.1.1", "rfc9051/7.5.2-broken-structure.txt", "a multipart without any boundary is broken: we take its body for the one part, they give an empty one")
def multipart_without_parts(d):
    if d.messages:
        return all(map(has_no_parts, d.messages))
    if not re.match("BODY|BINARY", d.item):
        return False
    if isinstance(d.ours, tuple) and d.ours[:2] == (b"text", b"plain") and isinstance(d.theirs, tuple) and isinstance(d.theirs[0], tuple):
        return d.theirs[0][6:8] == (b"0", b"0")
    return has_no_parts(d.message) and d.theirs in (b"0", b"")


def has_no_parts(message):
    """Whether it has a multipart without a boundary, or with one that is not in it."""
    boundaries = re.findall(rb"(?i)multipart/\w+;\s*boundary=\"?([^\";\r\n]*)", message)
    count = len(re.findall(rb"(?im)^content-type:\s*multipart/", message))
    return count > len(boundaries) or any(b"\r\n--" + boundary + b"\r\n" not in message for boundary in boundaries)


@rule("RFC 5322 §3.4", "rfc9051/7.5.2-broken-envelope.txt", "an address that is broken: they say so in its place, we say what is there")
def broken_address(d):
    if d.item != "ENVELOPE" or len(d.key) < 4 or d.key[3] not in range(2, 8):
        return False
    field = d.facts[1].get(d.key[:3], d.theirs)
    for at in d.key[3:5]:
        field = field[at] if isinstance(field, tuple) else field
    return bool(re.search("MISSING_MAILBOX|MISSING_DOMAIN|SYNTAX_ERROR", show(field)))


@rule("RFC 5322 §3.4", "rfc9051/7.5.2-broken-envelope.txt", "a list of addresses with a mistake in it: we read on, they stop there")
def addresses_behind_a_mistake(d):
    longer = d.item == "ENVELOPE" and len(d.key) == 4 and isinstance(d.ours, tuple) and isinstance(d.theirs, tuple)
    return longer and len(d.theirs) < len(d.ours) and set(d.theirs) <= set(d.ours) and has_broken_address(d.message)


@rule("RFC 2045 §5.1", "rfc9051/7.5.2-structure-words.txt", "names of parameters and media types are written in any case: ours are in lower case, theirs as they came")
def case_of_names(d):
    return d.item in STRUCTURES and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and d.theirs.lower() == d.ours


@rule("RFC 2045 §5.2", "rfc9051/7.5.2-broken-structure.txt", "a Content-Type that is broken means text/plain; theirs is empty, or octets")
def broken_content_type(d):
    if d.item not in STRUCTURES:
        return False
    if d.ours in (b"plain", b"text") and d.theirs == b"":
        return True
    types = [value[:2] if isinstance(value, tuple) else () for value in (d.ours, d.theirs)]
    halved = types[1] == (b"application", b"octet-stream") and re.search(rb"(?im)^content-type:\s*multipart\s*\r\n", d.message)
    return types[0] == (b"text", b"plain") and (types[1][1:] == (b"",) or bool(halved))


PARAMETER = rb"(?:[^\r\"]|\"[^\"\r]*\"|\r\n[ \t])*"


@rule("RFC 2045 §5.1", "rfc9051/7.5.2-broken-structure.txt", "a parameter without a value, or without anything, is a mistake: we take the others, they none")
def broken_parameter(d):
    return d.item in STRUCTURES and re.search(rb"(?im)^content-[a-z-]+:" + PARAMETER + rb";\s*[\w*]*\s*(;|\r\n\S)", d.message)


@rule("RFC 2045 §5.1", "rfc9051/7.5.2-structure-words.txt", "a parameter whose quotes do not close goes to the field's end; they leave it out")
def unclosed_parameter(d):
    return d.item in STRUCTURES and re.search(rb"(?im)^content-[a-z-]+:" + PARAMETER + rb"\"[^\"\r]*\r\n[^ \t]", d.message)


@rule("RFC 2045 §6.4", "rfc9051/7.5.2-broken-structure.txt", "a message/rfc822 in base64 is not allowed: to us it is octets, to them an empty letter")
def encoded_message(d):
    return re.match("BODY|BINARY", d.item) and re.search(rb"(?i)message/rfc822\r\n(?:[^\r\n]+\r\n)*Content-Transfer-Encoding: base64", d.message)


@rule("RFC 9051 §6.4.5", "rfc3516/4.2-what-is-decoded.txt", "BINARY[] is the message, which has no encoding of its own; theirs has its parts decoded")
def binary_whole(d):
    if not d.item.startswith(("BINARY[]", "BINARY.SIZE[]")) or b"Content-Transfer-Encoding:" not in d.message:
        return False
    if d.item == "BINARY.SIZE[]":
        return int(d.ours) == len(d.message)
    begin = int(d.item.partition("<")[2].rstrip(">") or 0)
    return d.ours == d.message[begin:begin + len(d.ours)]


@rule("RFC 9051 §6.4.5", "rfc3516/4.2-what-is-decoded.txt", "the same of a message with a part in an encoding that nobody knows: they refuse", after="end")
def binary_whole_refused(d):
    return d.answers == ("OK", "NO") and "BINARY[]" in d.text.replace(".PEEK", "").replace(".SIZE", "") and ("answer", "code", "UNKNOWN-CTE") in d.facts[1]


@rule("RFC 9051 §6.4.5", "rfc3516/4.2-what-is-decoded.txt", "a multipart has no encoding to be undone; theirs has its parts decoded")
def binary_multipart(d):
    part = section(d) and section(d)[0].startswith("BINARY") and part_at(told_structure(d), section(d)[1])
    if not part or not is_multipart(part):
        return False
    return apart_by(d, *range(-20, 0)) or isinstance(d.ours, bytes) and d.ours.endswith(b"--") and d.theirs in (d.ours + b"\r", d.ours + b"\r\n")


@rule("RFC 3516 §4.3", "rfc3516/4-binary.txt", "beside a part in an encoding that nobody knows the other parts are told; they leave them out")
def beside_an_unknown_encoding(d):
    unknown = all(("answer", "code", "UNKNOWN-CTE") in facts for facts in d.facts) and d.answers == ("NO", "NO")
    return unknown and d.item.startswith("BINARY") and d.theirs is NOTHING


@rule("RFC 3516 §4.3", "rfc3516/4.2-what-is-decoded.txt", "base64 that is broken is decoded as far as it goes, or left alone; they refuse to read the message", after="end")
def binary_broken(d):
    return d.answers == ("OK", "NO") and "BINARY" in d.text and d.key[0] in ("answer", "fetch") \
        and any(b"base64" in (d.run.held(d.command.connection, name, b"BODY.PEEK[]") or b"") for name in d.reading().mailbox.messages)


@rule("RFC 2183 §2", "rfc9051/7.5.2-broken-structure.txt", "a Content-Disposition without a type is none; theirs is empty")
def disposition_without_type(d):
    return d.item == "BODYSTRUCTURE" and d.ours is None and isinstance(d.theirs, tuple) and d.theirs[:1] == (b"",)


@rule("RFC 5322 §4.4", "rfc9051/7.5.2-broken-envelope.txt", "a route in an address should be ignored; they tell it")
def route(d):
    return d.item == "ENVELOPE" and len(d.key) == 6 and d.key[5] == 1 and d.ours is None and d.theirs.startswith(b"@")


@rule("RFC 9051 §7.5.2", "rfc9051/7.5.2-envelope-white-space.txt", "the date as it is written, without white space around it")
def date_trimmed(d):
    return d.key[2:] == ("ENVELOPE", 0) and isinstance(d.theirs, bytes) and d.theirs.strip() == d.ours


@rule("RFC 5322 §2.2.3", "rfc9051/7.5.2-envelope-white-space.txt", "unfolding takes the line end away, the white space stays; they make a space of a tab")
def tab_in_a_field(d):
    texts = d.item == "ENVELOPE" and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes)
    return texts and b"\t" in d.ours and d.ours.split() == d.theirs.split()


@rule("RFC 9051 §6.4.5.1", "rfc9051/6.4.5.1-header-only.txt", "a header that ends with the message, in the middle of a line, has no blank line, its last field is ended; they make one, or end no field")
def header_without_end(d):
    header = d.item.startswith("BODY[HEADER") and b"\r\n\r\n" not in d.message
    return header and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes) and abs(len(d.ours) - len(d.theirs)) == 2 and d.ours.rstrip() == d.theirs.rstrip()


def previews(d):
    return d.item == "PREVIEW" and isinstance(d.ours, bytes) and isinstance(d.theirs, bytes)


@rule("RFC 8970 §3", "rfc8970/3-preview-choices.txt", "a preview shows what is quoted too; they leave lines with `>` out")
def preview_of_a_quotation(d):
    return previews(d) and b"\r\n>" in d.message and words(d.ours) != words(d.theirs) and set(words(d.theirs)) <= set(words(d.ours)) and b">" in d.ours


def words(text):
    return text.split()


@rule("RFC 8970 §3", "rfc8970/3-preview-choices.txt", "a preview shows no attachment; theirs does when there is nothing else")
def preview_of_an_attachment(d):
    return previews(d) and d.ours == b"" and bool(re.search(rb"(?im)^content-disposition:\s*attachment", d.message))


@rule("RFC 8970 §3", "rfc8970/3-preview-choices.txt", "a preview shows the text of a letter within a letter; they show nothing, or its header")
def preview_of_a_letter_within(d):
    within = previews(d) and re.search(rb"(?i)message/rfc822|multipart/digest", d.message)
    return bool(within) and (d.theirs == b"" and d.ours != b"" or d.theirs.endswith(d.ours))


@rule("RFC 8970 §3", "rfc8970/3-preview-choices.txt", "a preview shows text of which the type is broken or nobody knows the encoding, as it is written; theirs is empty")
def preview_of_what_is_broken(d):
    broken = rb"(?im)^content-type:\s*(\w+)?\s*\r\n|^content-transfer-encoding:\s*x-"
    return previews(d) and d.theirs == b"" and d.ours != b"" and (bool(re.search(broken, d.message)) or has_no_parts(d.message))


@rule("RFC 8970 §3", "rfc8970/3-preview-choices.txt", "what is no UTF-8 and has no charset, as broken base64 has none, is shown in one of the old charsets; theirs with replacements")
def preview_in_an_old_charset(d):
    return previews(d) and b"\xef\xbf\xbd" in d.theirs and b"\xef\xbf\xbd" not in d.ours
