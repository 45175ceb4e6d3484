"""Messages for the drivers: every shape a client meets, from one seed."""
import base64, random

ALPHABETS = ("The quick brown fox jumps over the lazy dog. ", "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich. ",
             "Съешь ещё этих мягких французских булок. ", "いろはにほへとちりぬるを。", "🐌📮 mail ✉️ ")


def text(chance, octets):
    """UTF-8 in lines of at most some 300 octets, about `octets` long."""
    lines, size = [], 0
    while size < octets:
        line = chance.choice(ALPHABETS) * chance.randint(0, 5)
        lines.append(line.strip())
        size += len(line.encode()) + 2
    return "\r\n".join(lines).encode()


def leaf(chance, octets):
    kind = chance.randrange(5)
    if kind == 0:
        return b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text(chance, octets)
    if kind == 1:
        return (b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                + "Grüße aus Köln, señor.\r\n".encode("latin-1") * (octets // 24 + 1))
    if kind == 2:
        return (b'Content-Type: application/octet-stream; name="=?utf-8?q?a=C3=A4?="\r\nContent-Transfer-Encoding: base64\r\n'
                b"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.bin\r\n\r\n"
                + base64.encodebytes(chance.randbytes(octets * 3 // 4)).replace(b"\n", b"\r\n"))
    if kind == 3:
        return b"Content-Type: message/rfc822\r\n\r\n" + header(chance, "inner") + b"\r\n" + text(chance, octets)
    return b"\r\n.\r\n..\r\nFrom here on without a header\r\n>From there" + b"\r\n" * 3


def entity(chance, octets, depth):
    if depth == 0 or chance.random() < 0.3:
        return leaf(chance, octets)
    boundary = b"b-%08x" % chance.getrandbits(32)
    parts = [entity(chance, octets // 3, depth - 1) for _ in range(chance.randint(1, 3))]
    kind = chance.choice((b"mixed", b"alternative", b"related", b"digest"))
    out = b'Content-Type: multipart/%s;\r\n\tboundary="%s"\r\n\r\npreamble\r\n' % (kind, boundary)
    out += b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
    return out + b"--%s--\r\n" % boundary


def header(chance, name):
    to = ", ".join(f"p{n}@example.org" for n in range(chance.randint(1, 8)))
    return (f"From: =?utf-8?q?J=C3=BCrgen?= <from@example.org>\r\nTo: {to}\r\nSubject: letter {name} "
            f"{chance.choice(('', 'Grüße', '=?utf-8?b?4pyJ?='))}\r\nDate: {chance.randint(1, 28)} Jan 2026 10:00:00 +0100\r\n"
            f"Message-ID: <{name}.{chance.getrandbits(40):x}@example.org>\r\nX-Name: {name}\r\n").encode()


def letter(seed, name, octets=None):
    """A message with CRLF line ends that ends with one, named in `X-Name`; without `octets` mostly small, at most 200 KiB."""
    chance = random.Random(f"{seed}/{name}")
    if octets is None:
        octets = chance.choice((0, 0, 50, 500, 1500, 3000, 4000, 8000, 30_000, 40_000, 200_000))
    if octets == 0:
        out = header(chance, name) + b"\r\n"
    elif octets < 1000:
        out = header(chance, name) + b"\r\n" + text(chance, octets) + b"\r\n"
    else:
        out = header(chance, name) + b"MIME-Version: 1.0\r\n" + entity(chance, octets, chance.randint(0, 4))
    out = out[:200 * 1024]
    return out if out.endswith(b"\r\n") else out.removesuffix(b"\r") + b"\r\n"


# What only some programs may send, but IMAP takes and gives back as it is.
ODD = {
    "no-final-line-end": b"Subject: no end\r\n\r\nthe end",
    "bare-line-feeds": b"Subject: lf\n\nbody\nwith\nline feeds\n",
    "bare-returns": b"Subject: cr\r\n\r\na\rb\r\rc\r\n",
    "no-header": b"\r\nonly a body\r\n",
    "no-body": b"Subject: header only\r\n",
    "one-octet": b"x",
    "long-line": b"Subject: long\r\n\r\n" + b"x" * 300_000 + b"\r\n",
    "long-header": b"Subject: " + b"y" * 100_000 + b"\r\n\r\nbody\r\n",
    "dots": b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
    "every-octet-but-nul": b"Subject: octets\r\n\r\n" + bytes(range(1, 256)) * 20 + b"\r\n",
    "imap-in-it": b"Subject: x\r\n\r\n{10}\r\na1 OK done\r\n* BYE\r\n)\r\n",
    "unclosed-multipart": b'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\none\r\n--q\r\nContent-Type: text/html\r\n\r\ntwo',
    "half-a-megabyte": letter(1, "big", 150_000) * 4,
}
