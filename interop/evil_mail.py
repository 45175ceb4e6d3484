"""Mail made to hurt who reads it, by name."""
import base64, random

MIB = 1 << 20


def multipart(parts, nested=False):
    if nested:
        head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(parts))
        return head + b"\r\nx\r\n" + b"".join(b"--b%d--\r\n" % n for n in reversed(range(parts)))
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * parts + b"--b--\r\n"


def lying(charset, octets, encoding=b"8bit"):
    """Text that is not what it says, in the body, a field, a parameter and an encoded word."""
    word = b"=?%s?b?%s?=" % (charset, base64.b64encode(octets[:30]))
    return (b'Subject: %s\r\nFrom: %s <a@b.test>\r\nContent-Type: text/plain; charset="%s"; name="%s"\r\nContent-Transfer-Encoding: %s\r\n\r\n'
            % (word, word, charset, octets[:30].translate(None, b'"\\\r\n\0'), encoding)
            + (base64.encodebytes(octets * 20_000).replace(b"\n", b"\r\n") if encoding == b"base64" else (octets * 20_000).replace(b"\0", b"x")) + b"\r\n")


def fields(head, line, count):
    return lambda: head + line * count + b"\r\nx\r\n"


EVIL = {
    "10,000 parts": lambda: multipart(10_000),
    "100,000 empty parts": lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000 + b"--b--\r\n",
    "1,000 levels": lambda: multipart(1_000, nested=True),
    "10,000 levels": lambda: multipart(10_000, nested=True),
    "10,000 levels that end nowhere": lambda: multipart(10_000, nested=True).split(b"\r\nx\r\n")[0],
    "2,000 messages in messages": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"Subject: in\r\n\r\nx\r\n",
    "100,000 header fields": fields(b"", b"X-A: b\r\n", 100_000),
    "100,000 Received fields": fields(b"", b"Received: from a by b; Mon, 5 Jan 2026 10:00:00 +0000\r\n", 100_000),
    "100,000 subjects": fields(b"", b"Subject: s\r\n", 100_000),
    "100,000 empty lines in a field": fields(b"Subject: a\r\n", b" \r\n", 100_000),
    "a header field of 10 MiB": lambda: b"Subject: " + b"x" * (10 * MIB) + b"\r\n\r\nx\r\n",
    "100,000 recipients": lambda: b"To: " + b",\r\n ".join(b"a%d@example.org" % n for n in range(100_000)) + b"\r\n\r\nx\r\n",
    "100,000 commas": lambda: b"To: " + b"," * 100_000 + b"\r\n\r\nx\r\n",
    "groups in groups": lambda: b"To: " + b"a:" * 50_000 + b";" * 50_000 + b"\r\n\r\nx\r\n",
    "routes": lambda: b"To: <" + b"@a," * 50_000 + b"@a:b@c>\r\n\r\nx\r\n",
    "comments in comments": lambda: b"From: " + b"(" * 100_000 + b"a@b" + b")" * 100_000 + b"\r\n\r\nx\r\n",
    "quotes that do not end": lambda: b"From: " + b'"\\' * 100_000 + b"\r\n\r\nx\r\n",
    "encoded words": lambda: b"Subject: " + b"=?utf-8?b?YQ==?= " * 100_000 + b"\r\n\r\nx\r\n",
    "encoded words that do not end": lambda: b"Subject: " + b"=?utf-8?q?" * 100_000 + b"\r\n\r\nx\r\n",
    "10,000 parameters": lambda: b"Content-Type: text/plain" + b"".join(b";\r\n p%d=v" % n for n in range(10_000)) + b"\r\n\r\nx\r\n",
    "100,000 continued parameters": lambda: b"Content-Type: text/plain" + b"".join(b";\r\n name*%d=v" % n for n in range(100_000)) + b"\r\n\r\nx\r\n",
    "a boundary that almost ends": lambda: b"Content-Type: multipart/mixed; boundary=" + b"-" * 70 + b"\r\n\r\n" + (b"-" * 71 + b"\r\n") * 100_000,
    "base64 without end": lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A" * (10 * MIB),
    "quoted-printable without end": lambda: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * (2 * MIB),
    "a body of one line": lambda: b"Subject: l\r\n\r\n" + b"z" * (10 * MIB),
    **{f"HTML: {name}": (lambda text=text: b"Content-Type: text/html; charset=utf-8\r\n\r\n" + text * (3 * MIB // len(text)) + b"\r\n") for name, text in
       (("tags", b"<a "), ("comments", b"<!--"), ("entities", b"&amp"), ("numbers", b"&#99999999;"), ("levels", b"<div>"), ("quotes", b'<a b="'))},
    "charset that shifts": lambda: b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B\x1b(B" * (MIB // 2) + b"\r\n",
    "charset of many names": lambda: b"Content-Type: text/plain; charset=" + b"x" * 100_000 + b"\r\n\r\nx\r\n",
    "charset lies: utf-8 that is none": lambda: lying(b"utf-8", b"Gr\xfc\xdfe \xff\xfe\xc0\x80 \xed\xa0\x80 \xf8\x88\x80\x80\x80 "),
    "charset lies: us-ascii in Latin": lambda: lying(b"us-ascii", b"Gr\xfc\xdfe "),
    "charset lies: utf-16 of odd length": lambda: lying(b"utf-16", b"abc", b"base64"),
    "charset lies: utf-16 surrogates": lambda: lying(b"utf-16le", b"\x00\xd8\x00\xd8", b"base64"),
    "charset lies: utf-7 without end": lambda: lying(b"utf-7", b"+AGEAYgBj+"),
    "charset lies: iso-2022-jp in ASCII": lambda: lying(b"iso-2022-jp", b"\x1b$B" + b"0" * 9),
    "charset lies: hz, gb18030, big5": lambda: lying(b"gb18030", b"\x81\x30\x81\x30\x84\x31\xa4\x37\xff") + lying(b"hz-gb-2312", b"~{~~}") + lying(b"big5", b"\xa1\x40\xff"),
    "charset lies: nobody knows it": lambda: lying(b"x-user-defined-\xff\xfe", b"\x80\x81"),
    "line feeds alone": lambda: b"\n" * (5 * MIB),
    "returns alone": lambda: b"\r" * (5 * MIB),
    "octets of all kinds": lambda: random.Random(3).randbytes(5 * MIB).replace(b"\0", b"x"),
    "a header of octets of all kinds": lambda: b"".join(b"X-%d: %s\r\n" % (n, random.Random(n).randbytes(60).translate(None, b"\0\r\n")) for n in range(2_000)) + b"\r\nx\r\n",
    "responses in every field": lambda: (lambda word: b"".join(b"%s: %s\r\n" % (name, word) for name in (b"Subject", b"From", b"Message-ID", b"Content-Description"))
                                         + b"Content-Type: text/plain; name*=utf-8''a%0d%0a*%20BYE%20fooled\r\n\r\n* BYE fooled\r\nx OK fooled\r\n")
                                         (b"=?utf-8?q?a=0D=0A*_BYE_fooled=0D=0Ax_OK_fooled=0D=0A?= <a@b.test>\r\n\t* BYE fooled"),
}
