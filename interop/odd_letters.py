"""Letters with something to read wrongly: addresses, encoded words, structures, broken MIME. Each has a name.

All lines end with CRLF: what becomes of bare ones is looked at in `clients.py`.
"""
import random
from letters import letter


def crlf(text):
    return text.replace("\n", "\r\n").encode() if isinstance(text, str) else text.replace(b"\n", b"\r\n")


HEAD = "From: Anna <anna@example.org>\nDate: Mon, 5 Jan 2026 10:00:00 +0100\nMessage-ID: <%s@example.org>\n"

# Header fields, each made a letter with a small body.
FIELDS = {
    "plain": "To: Berta <berta@example.org>\nSubject: lunch on friday",
    "reply": "To: anna@example.org\nSubject: Re: lunch on friday\nIn-Reply-To: <plain@example.org>\nReferences: <plain@example.org>",
    "reply-again": "To: anna@example.org\nSubject: RE: Re: lunch on friday\nReferences: <plain@example.org> <reply@example.org>",
    "forward": "To: c@example.org\nSubject: Fwd: lunch on friday (fwd)",
    "group": "To: friends: Berta <berta@example.org>, carl@example.org;, dora@example.org\nSubject: a group",
    "empty-group": "To: undisclosed-recipients:;\nCc: (nobody)\nSubject: an empty group",
    "nested-comment": "To: (a (b) c) Berta (d) <berta@example.org> (e)\nSubject: comments",
    "comment-name": "To: berta@example.org (Berta Brecht)\nSubject: the name is a comment",
    "quoted": "To: \"Berta \\\"B\\\" Brecht\" <berta@example.org>, \"a b\"@example.org\nSubject: \"quoted\" \\ subject",
    "route": "To: <@a.example,@b.example:berta@example.org>\nSubject: a route",
    "literal-domain": "To: berta@[192.0.2.1]\nSubject: a domain literal",
    "dots": "To: Berta B. Brecht <berta.b.brecht@example.org>\nSubject: dots in a phrase",
    "encoded": "To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
    "encoded-twice": "To: j@example.org\nSubject: =?utf-8?b?R3LDvA==?=\n =?utf-8?b?w59l?= and =?iso-8859-1?q?S=E9amas?=",
    "encoded-latin": "To: j@example.org\nSubject: =?iso-8859-1?q?gr=FC=DFe?= =?koi8-r?b?8NLJ18XU?=",
    "encoded-broken": "To: j@example.org\nSubject: =?utf-8?q?open =?x-none?q?abc?= =?utf-8?b?!!?=",
    "raw-utf8": "To: Jürgen <j@example.org>\nSubject: Grüße roh",
    "folded": "To: a@example.org,\n\tb@example.org,\n  c@example.org\nSubject: a subject\n that is\n\tfolded",
    "two-subjects": "To: a@example.org\nSubject: the first\nSubject: the second",
    "two-tos": "To: a@example.org\nTo: b@example.org\nCc: c@example.org\nCc: d@example.org\nSubject: fields twice",
    "no-subject": "To: a@example.org",
    "empty-subject": "To: a@example.org\nSubject:\nX-Empty:   ",
    "spaces": "To  : a@example.org\nSubject :  spaces before the colon  ",
    "missing-at": "To: berta, carl@, @example.org, <>\nSubject: no addresses",
    "unclosed": "To: \"Berta <berta@example.org>, carl@example.org\nSubject: an unclosed string",
    "unclosed-angle": "To: Berta <berta@example.org\nSubject: an unclosed angle",
    "commas": "To: ,, a@example.org ,,b@example.org,\nSubject: commas",
    "semicolons": "To: a@example.org; b@example.org\nSubject: semicolons",
    "many": "To: " + ",\n ".join(f"p{n}@example.org" for n in range(60)) + "\nSubject: many recipients",
    "sender": "Sender: secretary@example.org\nReply-To: desk@example.org, other@example.org\nTo: a@example.org\nBcc: secret@example.org\nSubject: sender",
    "long-subject": "To: a@example.org\nSubject: " + "word " * 300,
    "long-line": "To: a@example.org\nX-Long: " + "x" * 3000 + "\nSubject: a long line",
    "odd-field": "To: a@example.org\nthis is no field\nSubject: behind a line that is no field",
    "ids": "To: a@example.org\nIn-Reply-To: your letter of friday <plain@example.org>\nReferences: <a@b> <plain@example.org>\nSubject: ids",
    "list": "To: list@example.org\nList-Id: Talk <talk.example.org>\nSubject: [talk] a list",
    "blob-subject": "To: a@example.org\nSubject: Re: [talk] Re: a list",
    "local-only": "To: root\nSubject: a local name",
    "tab-subject": "To: a@example.org\nSubject:\ta tab\tin it",
}
DATES = {
    "date-zone": "Date: 5 Jan 2026 23:30:00 -0500", "date-obsolete": "Date: Mon, 05 Jan 26 10:00 EST", "date-none": "X-Date: none",
    "date-odd": "Date: yesterday", "date-comment": "Date: Tue, 6 Jan 2026 10:00:00 +0000 (UTC)", "date-old": "Date: Thu, 1 Jan 1998 00:00:00 GMT",
}
# Content-Type and what follows it, behind a good header.
BODIES = {
    "html": "Content-Type: text/html; charset=utf-8\n\n<p>An <b>html</b> körper</p>\n",
    "qp": "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe, soft=\n break\n",
    "base64": "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZSBhdXMgS8O2bG4K\n",
    "eightbit": "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße ohne Umweg\n",
    "latin": b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGr\xfc\xdfe in latin\n",
    "no-charset": "Content-Type: text/plain\n\nplain words\n",
    "attached": "Content-Type: application/pdf; name=\"a b.pdf\"\nContent-Disposition: attachment; filename=\"a b.pdf\"; size=3\n"
                "Content-Transfer-Encoding: base64\nContent-ID: <part@example.org>\nContent-Description: a paper\nContent-Language: de, en\n"
                "Content-Location: http://example.org/x\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n\nAAEC\n",
    "continued": "Content-Type: text/plain; charset=us-ascii;\n name*0=\"long\"; name*1=\"name.txt\"\n"
                 "Content-Disposition: attachment; filename*=utf-8''%e2%82%ac%20rates.txt\n\nx\n",
    "params": "Content-Type: TEXT/Plain; CharSet=\"US-ASCII\"; format=flowed (a comment); delsp=yes;\n\nflowed \nwords\n",
    "bad-type": "Content-Type: text\n\nno subtype\n",
    "bad-type-empty": "Content-Type:\n\nnothing\n",
    "bad-param": "Content-Type: text/plain; charset\n\na parameter without a value\n",
    "bad-semicolons": "Content-Type: text/plain;; charset=utf-8;\n\nsemicolons\n",
    "bad-encoding": "Content-Type: text/plain\nContent-Transfer-Encoding: x-own\n\nan encoding nobody knows\n",
    "bad-base64": "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nthis is no base64 !!!\n",
    "two-types": "Content-Type: text/html\nContent-Type: text/plain\n\ntwo types\n",
    "mixed": "Content-Type: multipart/mixed; boundary=b1\n\npreamble\n--b1\n\nfirst words\n--b1\nContent-Type: text/html\n\n<i>second</i>\n--b1--\nepilogue\n",
    "alternative": "Content-Type: multipart/alternative; boundary=\"b 2\"\nContent-Language: en\n\n--b 2\nContent-Type: text/plain\n\none\n\n--b 2\nContent-Type: text/html\n\n<p>one\n--b 2--\n",
    "nested": "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\ninner one\n--i\nContent-Type: text/html\n\ninner two\n--i--\n"
              "--o\nContent-Type: image/png; name=x.png\nContent-Transfer-Encoding: base64\nContent-Disposition: inline\n\niVBORw0KGgo=\n--o--\n",
    "message": "Content-Type: message/rfc822\n\nFrom: inner@example.org\nTo: other@example.org\nSubject: the inner letter\n\ninner words\n",
    "message-mixed": "Content-Type: multipart/mixed; boundary=m\n\n--m\n\nsee below\n--m\nContent-Type: message/rfc822\nContent-Description: forwarded\n\n"
                     "From: inner@example.org\nSubject: inner mixed\nContent-Type: multipart/mixed; boundary=n\n\n--n\n\nn one\n--n\nContent-Type: text/html\n\nn two\n--n--\n--m--\n",
    "digest": "Content-Type: multipart/digest; boundary=d\n\n--d\n\nFrom: one@example.org\nSubject: digest one\n\nfirst\n--d\n\nSubject: digest two\n\nsecond\n--d\nContent-Type: text/plain\n\nthird\n--d--\n",
    "report": "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nIt failed.\n--r\nContent-Type: message/delivery-status\n\n"
              "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; x@example.org\nAction: failed\nStatus: 5.1.1\n--r\nContent-Type: text/rfc822-headers\n\nSubject: the lost one\n--r--\n",
    "external": "Content-Type: message/external-body; access-type=URL;\n URL=\"http://example.org/\"\n\nContent-Type: text/plain\n\n",
    "no-end": "Content-Type: multipart/mixed; boundary=e\n\n--e\n\none\n--e\nContent-Type: text/html\n\ntwo, and no end",
    "no-parts": "Content-Type: multipart/mixed; boundary=e\n\nno boundary is in here\n",
    "no-boundary": "Content-Type: multipart/mixed\n\n--x\n\nno parameter\n--x--\n",
    "empty-parts": "Content-Type: multipart/mixed; boundary=e\n\n--e\n--e\n\n--e--\n",
    "only-end": "Content-Type: multipart/mixed; boundary=e\n\n--e--\n",
    "prefix-boundary": "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\none\n--ab--\n--a\n\ntwo\n--a--\n",
    "same-boundary": "Content-Type: multipart/mixed; boundary=s\n\n--s\nContent-Type: multipart/mixed; boundary=s\n\n--s\n\none\n--s--\n--s\n\ntwo\n--s--\n",
    "outer-ends-inner": "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--o\n\ntwo\n--o--\n",
    "boundary-spaces": "Content-Type: multipart/mixed; boundary=w\n\n--w  \n\none\n--w\t\n\ntwo\n--w--  \n",
    "no-blank": "Content-Type: multipart/mixed; boundary=h\n\n--h\nContent-Type: text/plain\nX-Only: header\n--h\n\ntwo\n--h--\n",
    "encoded-multipart": "Content-Type: multipart/mixed; boundary=c\nContent-Transfer-Encoding: base64\n\n--c\n\none\n--c--\n",
    "encoded-message": "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW5uZXIKCnRleHQK\n",
    "message-empty": "Content-Type: message/rfc822\n\n",
    "message-headless": "Content-Type: message/rfc822\n\n\nonly a body inside\n",
    "bad-disposition": "Content-Type: text/plain\nContent-Disposition: ; filename=x\n\nx\n",
    "quoted-disposition": "Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a \\\"b\\\" \\\\c.txt\"\n\nx\n",
    "raw-filename": "Content-Type: text/plain; name=\"Grüße.txt\"\nContent-Disposition: attachment; filename=Grüße.txt\n\nx\n",
    "deep": "".join(f"Content-Type: multipart/mixed; boundary=x{n}\n\n--x{n}\n" for n in range(12)) + "\nthe bottom\n" + "".join(f"--x{n}--\n" for n in reversed(range(12))),
    "no-mime-lines": "\nFrom here\n>From there\n.\n..\n",
    "empty-body": "\n",
    "no-newline": "\nno line end at the end",
}
WHOLE = {
    "body-only": "\nonly a body\n", "header-only": "Subject: only a header\nX-Name: header-only\n", "one-word": "word",
    "header-no-end": "Subject: a header without an end\nTo: a@example.org", "blank": "\n", "starts-with-space": " Subject: folded first\nTo: a@example.org\n\nbody\n",
}


def all_letters():
    """By name."""
    found = {}
    for name, fields in FIELDS.items():
        found[name] = crlf(HEAD % name + fields + f"\n\nThe words of {name}.\n")
    for name, field in DATES.items():
        found[name] = crlf(f"From: d@example.org\n{field}\nSubject: {name}\n\ndated {name}\n")
    for name, body in BODIES.items():
        body = body if isinstance(body, bytes) else body.encode()
        found[name] = crlf((HEAD % name + f"Subject: body {name}\nMIME-Version: 1.0\n").encode() + body)
    for name, whole in WHOLE.items():
        found[name] = crlf(whole)
    for n in range(12):
        found[f"letter-{n}"] = letter(7, f"letter-{n}", octets=(0, 400, 1500, 4000)[n % 4])
    return found


def broken(seed, octets):
    """A letter with some of its lines lost, doubled, moved or cut."""
    chance, lines = random.Random(seed), octets.split(b"\r\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        how = chance.randrange(4)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(at, lines[at])
        elif how == 2:
            lines.insert(chance.randrange(len(lines)), lines[at])
        else:
            lines[at] = lines[at][:chance.randint(0, len(lines[at]))]
        lines = lines or [b""]
    return b"\r\n".join(lines) or b"x"
