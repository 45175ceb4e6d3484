"""IMAP's responses as data: numbers and atoms and strings as octets, NIL as None, lists as tuples."""

ATOM_ENDS = b" ()\r\n"


class Odd(Exception):
    """What a server sent is no response as RFC 9051 §9 has it."""


class Cursor:
    """Reads values from a whole response, literals in place."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def peek(self):
        return self.octets[self.at:self.at + 1]

    def take(self, wanted):
        if not self.octets.startswith(wanted, self.at):
            raise Odd(f"{wanted!r} is not at {self.at} of {self.octets[:300]!r}")
        self.at += len(wanted)

    def spaces(self):
        while self.peek() == b" ":
            self.at += 1

    def ended(self):
        return self.at >= len(self.octets)

    def value(self):
        first = self.peek()
        if first == b"(":
            return self.list()
        if first == b'"':
            return self.quoted()
        if first == b"{" or self.octets.startswith(b"~{", self.at):
            return self.literal()
        return self.atom()

    def list(self):
        self.take(b"(")
        values = []
        while self.peek() != b")":
            if self.ended():
                raise Odd(f"an unclosed list in {self.octets[:300]!r}")
            values.append(self.value())
            self.spaces()
        self.take(b")")
        return tuple(values)

    def quoted(self):
        self.take(b'"')
        out = bytearray()
        while (octet := self.peek()) != b'"':
            if octet == b"\\":
                self.at += 1
                octet = self.peek()
            if not octet:
                raise Odd(f"an unclosed string in {self.octets[:300]!r}")
            out += octet
            self.at += 1
        self.take(b'"')
        return bytes(out)

    def literal(self):
        self.take(b"~{" if self.peek() == b"~" else b"{")
        end = self.octets.index(b"}\r\n", self.at)
        count, self.at = int(self.octets[self.at:end].rstrip(b"+")), end + 3
        self.at += count
        return self.octets[self.at - count:self.at]

    def atom(self):
        """`BODY[HEADER.FIELDS (To)]<0>` is one."""
        begun, depth = self.at, 0
        while not self.ended():
            octet = self.peek()
            if not depth and octet in ATOM_ENDS:
                break
            depth += {b"[": 1, b"]": -1}.get(octet, 0)
            self.at += 1
        if self.at == begun:
            raise Odd(f"no value at {begun} of {self.octets[:300]!r}")
        atom = self.octets[begun:self.at]
        return None if atom.upper() == b"NIL" else atom

    def values(self):
        """All that is left."""
        found = []
        self.spaces()
        while not self.ended():
            found.append(self.value())
            self.spaces()
        return tuple(found)


def word(value):
    return value.upper().decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def code_of(text):
    """`[UIDNEXT 3] words` as `("UIDNEXT", b"3")`; without a code `None`."""
    if not text.startswith(b"[") or b"]" not in text:
        return None
    name, _, rest = text[1:text.index(b"]")].partition(b" ")
    name = word(name)
    if name in ("ALERT", "CAPABILITY"):
        return (name,)
    return (name, *Cursor(rest).values())


class Response:
    """`tag` is `*` or the command's; `kind` as FETCH or OK, `number` before it, `values` behind it, or `code`."""

    def __init__(self, octets):
        self.octets = octets
        self.tag, _, rest = octets.partition(b" ")
        first, _, behind = rest.partition(b" ")
        self.number = None
        if first.isdigit():
            self.number = int(first)
            first, _, behind = behind.partition(b" ")
        self.kind, self.code, self.values = word(first), None, ()
        if self.kind in ("OK", "NO", "BAD", "BYE", "PREAUTH"):
            self.code = code_of(behind)
        else:
            self.values = Cursor(behind).values()


def pairs(values):
    if len(values) % 2:
        raise Odd(f"not in pairs: {values!r}")
    return list(zip(values[::2], values[1::2]))


def numbers(text):
    """A sequence set, each number in it."""
    found = set()
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        low, high = int(low), int(high or low)
        found.update(range(min(low, high), max(low, high) + 1))
    return frozenset(found)
