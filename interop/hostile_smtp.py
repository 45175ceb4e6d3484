"""Hostile senders by SMTP and LMTP, for hostile_imap.py to run."""
import random, re, socket, ssl, threading, time
from harness import DOMAIN, Imap, Wire, no_verification, same
from senders import smtp_hand, smtp_says

MIB = 1 << 20
TO = b"RCPT TO:<u10@%s>" % DOMAIN.encode()


class Attacks:
    def __init__(self, server):
        self.server = server

    def smtp(self, name="smtp"):
        wire = smtp_hand(self.server, self.server.ports[name], b"LHLO x.test" if name == "lmtp" else b"EHLO x.test")
        return wire

    def begun(self, name="smtp"):
        wire = self.smtp(name)
        smtp_says(wire, b"MAIL FROM:<a@example.org>", b"250")
        smtp_says(wire, TO, b"250")
        return wire

    def count(self):
        with Imap(self.server, 10) as imap:
            return int(re.search(rb"MESSAGES (\d+)", imap.ok(b"STATUS INBOX (MESSAGES)")[0][0])[1])

    def endless_line(self, name):
        for before in (b"", b"MAIL FROM:<"):
            with self.smtp(name) as wire:
                try:
                    for _ in range(64):
                        wire.send(before + b"A" * MIB)
                except ConnectionError:
                    pass
                assert wire.rest() is not None, "still connected after 64 MiB without a line end"

    def lines(self, name):
        with self.smtp(name) as wire:
            for line in (b"\0", b"NO\0OP", b"\xff\xfe", b"MAIL FROM:<a\0b@c>", b"MAIL FROM:<" + b"a" * 3000 + b"@b>", b"RCPT TO:<" + b"(" * 2000, b"", b"MAIL",
                         b"MAIL FROM:<a@b> SIZE=99999999999999999999999", b"DATA"):
                smtp_says(wire, line, b"5")
        for line in (b"BDAT", b"BDAT -1", b"BDAT 99999999999999999999"):
            with self.begun(name) as wire:
                # How many octets follow nobody knows, so none is taken for a command.
                wire.send(line + b"\r\nNOOP\r\n")
                got = wire.rest()
                assert got and got.startswith(b"501") and got.count(b"\r\n") == 1, got

    def many_recipients(self, name):
        with self.smtp(name) as wire:
            smtp_says(wire, b"MAIL FROM:<a@example.org>", b"250")
            sender = threading.Thread(target=wire.send, args=((TO + b"\r\n") * 20_000,))
            sender.start()
            codes = []
            try:
                for _ in range(20_000):
                    codes.append(wire.line()[:3])
            except EOFError:
                pass
            wire.sock.close()
            sender.join()
            assert codes.count(b"250") <= 1000 and {b"452"} <= set(codes) <= {b"250", b"452", b"421"}, {code: codes.count(code) for code in codes}

    def half_closed(self, name):
        before = self.count()
        for text in (b"DATA\r\nSubject: x\r\n\r\nabc", b"DATA\r\nSubject: x\r\n\r\nabc\r\n.", b"BDAT 10 LAST\r\nabc", b"DATA\r\n", b"MAIL"):
            with self.begun(name) as wire:
                wire.send(text)
                wire.sock.shutdown(socket.SHUT_WR)
                assert wire.rest() is not None, f"{text!r}: still connected"
        same("messages", self.count(), before)

    def pipelined(self, name):
        with self.smtp(name) as wire:
            wire.send(b"NOOP\r\n" * 10_000)
            try:
                for _ in range(10_000):
                    assert wire.line().startswith((b"250", b"421"))
            except EOFError:
                pass

    def unread(self, name):
        """Many that ask and never read."""
        wires = [self.smtp(name) for _ in range(100)]
        for wire in wires:
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.sock.setblocking(False)
        for _ in range(100):
            for wire in wires:
                try:
                    wire.sock.send(b"EHLO x.test\r\n" * 100)
                except OSError:
                    pass
        for wire in wires:
            wire.sock.close()

    def starttls_injection(self):
        with self.smtp() as wire:
            wire.send(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n" + TO + b"\r\n")
            assert wire.line().startswith(b"220")
            try:
                wire.sock = no_verification().wrap_socket(wire.sock)
            except (ssl.SSLError, OSError):
                return
            wire.held = b""
            smtp_says(wire, b"DATA", b"503")
            smtp_says(wire, b"EHLO x.test", b"250")
            smtp_says(wire, TO, b"503")

    def smuggling(self, name):
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\n.\r\n\n", b"\r\n .\r\n"):
            before = self.count()
            with self.begun(name) as wire:
                smtp_says(wire, b"DATA", b"354")
                wire.send(b"Subject: outer\r\n\r\nbody" + end + b"MAIL FROM:<evil@example.org>\r\n" + TO + b"\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n")
                got = wire.quiet(0.5)
            replies = [line for line in got.split(b"\r\n") if line[3:4] == b" "]
            assert len(replies) == 1 and b"354" not in got, f"{end!r}: {got!r}"
            assert self.count() <= before + 1

    def chunks(self, name):
        """BDAT's octets are counted: commands inside are octets, sizes too large are refused and passed over."""
        with self.begun(name) as wire:
            inside = b"Subject: x\r\n\r\n\r\n.\r\nQUIT\r\nMAIL FROM:<>\r\n"
            wire.send(b"BDAT %d LAST\r\n%s" % (len(inside), inside))
            assert wire.line().startswith(b"250")
            same("nothing more", wire.quiet(), b"")
        with self.begun(name) as wire:
            wire.send(b"BDAT 1\r\na" * 20_000 + b"BDAT 0 LAST\r\n")
            for _ in range(20_001):
                assert wire.line().startswith(b"250")
        for size in (b"52428801", b"4294967296", b"9223372036854775807"):
            with self.begun(name) as wire:
                wire.send(b"BDAT %s LAST\r\n" % size)
                got = wire.quiet(0.5)
                assert got == b"" or got.startswith((b"552", b"5", b"4")), got

    def large(self, name):
        """Sixty MiB, where fifty may be: refused at the real end, and none of it stays."""
        before = self.count()
        with self.begun(name) as wire:
            smtp_says(wire, b"DATA", b"354")
            for _ in range(60):
                wire.send((b"x" * 1022 + b"\r\n") * 1024)
            smtp_says(wire, b".", b"552")
            smtp_says(wire, b"NOOP", b"250")
            smtp_says(wire, b"MAIL FROM:<a@b.test> SIZE=99999999", b"552")
        same("messages", self.count(), before)

    def broken_off(self, name):
        before = self.count()
        wires = [self.begun(name) for _ in range(50)]
        for wire in wires:
            wire.send(b"DATA\r\n")
        for _ in range(5):
            for wire in wires:
                wire.send(b"x" * 1000 + b"\r\n" + b"y" * 998 * 1000)
        for wire in wires:
            wire.sock.close()
        same("messages", self.count(), before)

    def noise(self, name):
        chance = random.Random(2)
        for _ in range(20):
            wire = Wire(self.server.ports[name])
            try:
                wire.send(chance.randbytes(MIB // 4))
                wire.sock.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            assert wire.rest() is not None
            wire.sock.close()


def cases(server):
    attacks = Attacks(server)
    found = []
    for name in ("smtp", "lmtp"):
        for words, mib, work in (("a line without end", 4, attacks.endless_line), ("odd lines", 8, attacks.lines), ("20,000 recipients", 8, attacks.many_recipients),
                                 ("half-closed", 8, attacks.half_closed), ("10,000 commands at once", 4, attacks.pipelined), ("100 that never read", 32, attacks.unread),
                                 ("smuggling", 8, attacks.smuggling), ("chunks", 16, attacks.chunks), ("60 MiB", 16, attacks.large), ("50 broken off", 48, attacks.broken_off),
                                 ("noise", 8, attacks.noise)):
            found.append((f"{name}: {words}", mib, work, name))
    found.append(("smtp: STARTTLS injection", 8, attacks.starttls_injection))
    return found
