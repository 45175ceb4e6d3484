#!/usr/bin/env python3
"""Hostile people who have signed in, and who guess how to: smuggling, limits, MIME bombs, passwords.

    interop/hostile_submission.py [PART-OF-A-NAME ...]

Each case says how many MiB the server may grow meanwhile. Closes with `N passed, M failed`.
"""
import base64, re, time
from harness import DOMAIN, HOST, Imap, Server, Tally, Wire, free_ports, login, no_verification, same
from senders import smtp_says
from world import Exchanger, Names

MIB = 1 << 20
FOREIGN = b"x@elsewhere.test"
ENDS = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\r.\r\n", b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n\x0b.\r\n",
        b"\n\n.\r\n\n", b"\xe2\x80\xa8.\xe2\x80\xa8", b"\xc2\x85.\xc2\x85", b"\x1a.\x1a", b"\r\n..\r\n")


class Anywhere(dict):
    """Every name there is leads to the one exchanger."""

    def get(self, name, default=None):
        return [("A", HOST)]


outside = []
exchanger, names = Exchanger(taken=outside.append), Names(Anywhere())
proxied = free_ports(1)[0]
server = Server(f'[[listener]]\nprotocol = "submission"\naddress = "{HOST}:{proxied}"\nproxy = ["{HOST}/32"]\n'
                f'[outbound]\ndns = ["{names.at}"]\nport = {exchanger.port}\nip = "ipv4-only"')


def encoded(user, password=None):
    name, right = login(user)
    return base64.b64encode(b"\0%s\0%s" % (name.encode(), (password or right).encode()))


def begun(port="submissions", came_from=None):
    """A connection in TLS, greeted."""
    wire = Wire(proxied if came_from else server.ports[port])
    if came_from:
        wire.send(b"PROXY TCP4 %s 127.0.0.1 40000 587\r\n" % came_from.encode())
    if port == "submissions" and not came_from:
        wire.sock = no_verification().wrap_socket(wire.sock)
        assert wire.line().startswith(b"220")
    else:
        assert wire.line().startswith(b"220")
        smtp_says(wire, b"EHLO client.test", b"250")
        smtp_says(wire, b"STARTTLS", b"220")
        wire.sock = no_verification().wrap_socket(wire.sock)
    smtp_says(wire, b"EHLO client.test", b"250")
    return wire


def signed_in(user=1, came_from=None):
    wire = begun(came_from=came_from)
    smtp_says(wire, b"AUTH PLAIN " + encoded(user), b"235")
    return wire


def from_(user):
    return b"MAIL FROM:<%s>" % login(user)[0].encode()


def to(address):
    return b"RCPT TO:<%s>" % (address if isinstance(address, bytes) else login(address)[0].encode())


def held(user):
    with Imap(server, user) as imap:
        return int(re.search(rb"MESSAGES (\d+)", imap.ok(b"STATUS INBOX (MESSAGES)")[0][0])[1])


def settled(seconds=0.4):
    """What went outside, when nothing more comes."""
    before = -1
    while before != len(outside):
        before = len(outside)
        time.sleep(seconds)
    return before


def smuggling():
    """Never a second message, here or outside, and nothing outside that another server could read as one."""
    taken = 0
    for recipient in (FOREIGN, 2):
        for end in ENDS:
            inside, out = held(2), settled(0.2) if recipient == FOREIGN else len(outside)
            with signed_in() as wire:
                smtp_says(wire, from_(1), b"250")
                smtp_says(wire, to(recipient), b"250")
                smtp_says(wire, b"DATA", b"354")
                evil = from_(1) + b"\r\n" + to(recipient) + b"\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
                wire.send(b"From: <%s>\r\nSubject: outer\r\n\r\nbody" % login(1)[0].encode() + end + evil)
                got = wire.quiet(0.4)
            replies = [line for line in got.split(b"\r\n") if line[3:4] == b" "]
            assert len(replies) == 1 and b"354" not in got, f"{end!r}: {got!r}"
            taken += replies[0].startswith(b"250")
            if recipient == FOREIGN:
                assert settled(0.2) <= out + 1, f"{end!r}: {len(outside) - out} messages outside"
            else:
                assert held(2) <= inside + 1, f"{end!r}: {held(2) - inside} messages inside"
    for message in outside:
        odd = re.search(rb"[^\r]\n|\r[^\n]", message.message)
        assert not odd, f"a bare line end went outside: {message.message[max(0, odd.start() - 40):odd.end() + 40]!r}"
        same("sender outside", message.sender, login(1)[0])
    return f"{taken} of {2 * len(ENDS)} accepted, {len(outside)} outside"


def chunks():
    """What BDAT may carry and DATA may not goes outside without a second message, or not at all."""
    for end in ENDS:
        out = settled(0.2)
        with signed_in() as wire:
            smtp_says(wire, from_(1), b"250")
            smtp_says(wire, to(FOREIGN), b"250")
            message = b"From: <%s>\r\nSubject: outer\r\n\r\nbody" % login(1)[0].encode() + end + b"MAIL FROM:<evil@elsewhere.test>\r\n" + to(FOREIGN) + b"\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
            wire.send(b"BDAT %d LAST\r\n%s" % (len(message), message))
            got = wire.quiet(0.4)
            assert got.count(b"\r\n") == 1, f"{end!r}: {got!r}"
        assert settled(0.2) <= out + 1, f"{end!r}"
    for message in outside:
        odd = re.search(rb"[^\r]\n|\r[^\n]", message.message)
        assert not odd, f"a bare line end went outside: {message.message[max(0, odd.start() - 40):odd.end() + 40]!r}"
        assert message.sender in ("", login(1)[0]), message.sender


def injected():
    """Line ends in what becomes fields or commands elsewhere: in addresses, in AUTH=, ENVID=, ORCPT=, in the EHLO name."""
    out = settled()
    for line in (b"MAIL FROM:<%s> ENVID=a+0D+0ARCPT+20TO:<y@z>", b"MAIL FROM:<%s> AUTH=a+0D+0Ab@c.test", b"MAIL FROM:<%s> RET=HDRS\rRCPT TO:<y@z.test>"):
        with signed_in() as wire:
            wire.send(line % login(1)[0].encode() + b"\r\n" + to(FOREIGN) + b" ORCPT=rfc822;a+0D+0ADATA@b.test\r\nDATA\r\n")
            got = wire.quiet(0.4)
            if b"354" in got:
                wire.send(b"From: <%s>\r\nSubject: x\r\n\r\nbody\r\n.\r\n" % login(1)[0].encode())
                wire.quiet(0.4)
    settled()
    for message in outside[out:]:
        same("recipients", message.recipients, [FOREIGN.decode()])


def limits():
    with signed_in(3) as wire:
        smtp_says(wire, from_(3) + b" SIZE=99999999999", b"552")
        smtp_says(wire, from_(3), b"250")
        wire.send((to(4) + b"\r\n") * 3000)
        codes = [wire.line()[:3] for _ in range(3000)]
        assert codes.count(b"250") <= 1000 and set(codes) <= {b"250", b"452"}, {code: codes.count(code) for code in codes}
    with signed_in(3) as wire:
        smtp_says(wire, from_(3), b"250")
        smtp_says(wire, to(4), b"250")
        smtp_says(wire, b"DATA", b"354")
        for _ in range(60):
            wire.send((b"\r\n" + b"x" * 1020 + b"\r\n") * 1024)
        smtp_says(wire, b".", b"552")
    for line in (b"A" * MIB, b"AUTH PLAIN " + b"A" * MIB):
        with begun() as wire:
            try:
                for _ in range(16):
                    wire.send(line)
            except (ConnectionError, OSError):
                pass
            assert wire.rest() is not None, "still connected after 16 MiB without a line end"


def bad_commands():
    for wire in (begun(), signed_in(3)):
        with wire:
            count = 0
            try:
                while count < 500:
                    wire.send(b"JUNK%d\r\n" % count)
                    wire.line()
                    count += 1
            except (EOFError, OSError):
                pass
            assert count < 100, f"{count} bad commands"


HEAD = b"From: <u5@%s>\r\nTo: <u6@%s>\r\nSubject: t\r\nMIME-Version: 1.0\r\n" % (DOMAIN.encode(), DOMAIN.encode())
BOMBS = {
    "5,000 nested multiparts": HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(5000)),
    "100,000 parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000 + b"--b--\r\n",
    "1,000 messages in messages": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1000,
    "100,000 pieces of a parameter": HEAD + b"Content-Type: application/x;" + b"".join(b"\r\n name*%d=a;" % i for i in range(100_000)) + b"\r\n\r\nx\r\n",
    "50,000 fields": HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(50_000)) + b"\r\nx\r\n",
    "a field of 8 MiB": HEAD + b"X-A: " + b"y" * (8 * MIB) + b"\r\n\r\nx\r\n",
    "100,000 Bcc": HEAD + b"Bcc: a@b.test\r\n" * 100_000 + b"\r\nx\r\n",
    "a Bcc of 100,000": HEAD + b"Bcc: a@b.test" + b",\r\n a@b.test" * 100_000 + b"\r\n\r\nx\r\n",
    "100,000 From": b"From: <u5@%s>\r\n" % DOMAIN.encode() * 100_000 + b"\r\nx\r\n",
    "a From of 100,000": b"From: a@b.test" + b",\r\n a@b.test" * 100_000 + b"\r\n\r\nx\r\n",
    "10,000 nested comments": b"From: " + b"(" * 10_000 + b")" * 10_000 + b" a@b.test\r\n\r\nx\r\n",
    "100,000 quotes": b"From: " + b'"' * 100_001 + b" <a@b.test>\r\n\r\nx\r\n",
    "100,000 angles": b"From: " + b"<" * 100_000 + b"a@b.test\r\n\r\nx\r\n",
    "100,000 encoded words": HEAD + b"X-S: " + b"=?utf-8?q?a?=\r\n " * 100_000 + b"x\r\n\r\nx\r\n",
    "no header": b"\r\nx\r\n",
    "only colons": b":\r\n:\r\n::\r\n\r\nx\r\n",
    "no field at all": b"this is no header\r\nnor is this\r\n",
    "spaces before colons": b"From : <u5@%s>\r\nBcc : a@b.test\r\nBCC\t: c@d.test\r\nDate : x\r\n\r\nx\r\n" % DOMAIN.encode(),
    "8 MiB in a line": HEAD + b"\r\n" + b"z" * (8 * MIB) + b"\r\n",
    "every octet": HEAD + b"X: " + bytes(range(14, 256)) + b"\r\n\r\n" + bytes(range(14, 256)) + b"\r\n",
}


def bomb(message):
    before = held(6)
    with signed_in(5) as wire:
        wire.sock.settimeout(60)
        smtp_says(wire, from_(5) + b" BODY=8BITMIME", b"250")
        smtp_says(wire, to(6), b"250")
        smtp_says(wire, b"DATA", b"354")
        wire.send(message + b".\r\n")
        answer = wire.line()
    assert answer[:3] in (b"250", b"550", b"552", b"554"), answer
    same("messages", held(6), before + answer.startswith(b"250"))
    if answer.startswith(b"250"):
        with Imap(server, 6, timeout=60) as imap:
            imap.ok(b"SELECT INBOX")
            head = imap.body(int(imap.ok(b"UID SEARCH ALL")[0][0].split()[-1]), b"BODY.PEEK[HEADER]")
        assert not re.search(rb"(?im)^bcc[ \t]*:", head), "a Bcc is left"
    return answer[:70].decode("utf-8", "replace")


def guess(wire, user, password):
    wire.send(b"AUTH PLAIN " + encoded(user, password) + b"\r\n")
    return wire.line()


def guessing():
    """Who guesses waits, and is told how long; the owner's network, the machine itself and open connections go on."""
    at_home = signed_in(7, came_from="198.51.100.7")
    throttled = None
    for n in range(40):
        with begun(came_from="203.0.113.9") as wire:
            answer = guess(wire, 7, f"guess{n}")
            if answer.startswith(b"454"):
                throttled = answer
                break
            assert answer.startswith(b"535 5.7.8"), answer
    assert throttled and n <= 12, f"{n} guesses: {answer!r}"
    assert re.search(rb"\d+ (s|min|seconds|minutes)|until|\d\d:\d\d", throttled), f"it does not say until when: {throttled!r}"
    with begun(came_from="203.0.113.9") as wire:
        assert guess(wire, 7, None).startswith((b"454", b"421")), "the guesser gets in with the right one at once"
    # From another network it is the login that waits: guesses from many are no way round.
    with begun(came_from="203.0.113.10") as wire:
        assert guess(wire, 7, "again").startswith(b"454"), "a second network guesses on"
    smtp_says(at_home, from_(7), b"250")
    smtp_says(at_home, to(8), b"250")
    smtp_says(at_home, b"RSET", b"250")
    with signed_in(7, came_from="198.51.100.7"), signed_in(7), signed_in(8, came_from="203.0.113.44"):
        pass
    at_home.sock.close()
    return throttled.decode()


def guessing_on_one_connection():
    with begun(came_from="203.0.113.77") as wire:
        count = 0
        try:
            while count < 50 and not guess(wire, 9, f"g{count}").startswith((b"421", b"454")):
                count += 1
        except (EOFError, OSError):
            pass
        assert count <= 12, f"{count} guesses on one connection"
    return f"{count} guesses"


def alive():
    begun_at = time.monotonic()
    signed_in(20).sock.close()
    return time.monotonic() - begun_at


def bounded(mib, work, *args):
    before = server.memory()
    server.forget_peak()
    note = work(*args)
    grown = (server.memory("VmHWM") - before) / MIB
    took = alive()
    assert took < 5, f"afterwards a sign-in took {took:.1f} s"
    assert grown <= mib, f"the server grew by {grown:.1f} MiB, which should be {mib}"
    return f"{grown:.1f} MiB" + (f", {note}" if isinstance(note, str) else "")


tally = Tally()
for user in range(1, 10):
    signed_in(user).sock.close()
for name, mib, work, *args in (("smuggling", 32, smuggling), ("chunks", 32, chunks), ("injected line ends", 16, injected), ("limits", 64, limits), ("bad commands", 16, bad_commands),
                               *((f"message: {name}", 64, bomb, message) for name, message in BOMBS.items()),
                               ("guessing", 64, guessing), ("guessing on one connection", 64, guessing_on_one_connection)):
    tally.check(name, bounded, mib, work, *args)
tally.check("the server stops cleanly", server.stop)
tally.end()
