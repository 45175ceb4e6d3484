"""Hostile clients under COMPRESS=DEFLATE (RFC 4978), for hostile_imap.py to run."""
import gzip, random, re, socket, threading, time, zlib
from compressed import CompressedImap, unit
from harness import Imap, same
from hostile import MIB, PATIENCE, gone, hang_up
from letters import letter

USER = 11


class Compression:
    def __init__(self, watch):
        self.watch, self.server = watch, watch.server

    def among(self, wire, octets):
        """Sends what takes a while, and logs in meanwhile."""
        def send():
            try:
                wire(octets)
            except OSError:
                pass
        sender = threading.Thread(target=send)
        before = self.watch.cpu()
        sender.start()
        note = self.watch.logins(10)
        sender.join()
        return note, before

    def line_bomb(self):
        """A MiB becomes a line of a GiB: refused once, passed over for a while, and its end is not waited for."""
        with CompressedImap(self.server, USER, timeout=60) as imap:
            note, before = self.among(imap.wire, unit(b"A" * MIB) * 1024 + unit(b"\r\ny NOOP\r\n"))
            got = gone(imap, b"* BYE")
            assert got.startswith((b"* BAD", b"A")) and b"y OK" not in got, got
            cost = self.watch.cpu() - before
            assert cost < 1 * PATIENCE, f"the line took {cost:.1f} s of CPU"
        with CompressedImap(self.server, USER) as imap:
            imap.wire(unit(b"A" * 900_000 + b"\r\ny NOOP\r\n"))
            assert imap.line().startswith((b"* BAD", b"A")), "the line is refused"
            same("the next answer", imap.until(b"y")[1][:2], b"OK")
        return f"{note}, {cost:.2f} s of CPU"

    def literal_bomb(self):
        """Literals of a GiB are refused when they are announced, small ones are counted as they come out."""
        bomb = unit(b"A" * MIB)
        for command in (b"SEARCH TEXT {1073741824+}", b"APPEND INBOX {1073741824+}", b"SELECT {999999999999+}"):
            with CompressedImap(self.server, USER) as imap:
                imap.send(b"x " + command + b"\r\n")
                try:
                    imap.wire(bomb * 1024)
                except OSError:
                    pass
                try:
                    while (line := imap.line()) and not line.startswith(b"* BYE"):
                        assert b"TOOBIG" in line, line
                except (EOFError, zlib.error):
                    pass
        with CompressedImap(self.server, USER, timeout=60) as imap:
            imap.ok(b"SELECT INBOX")
            # Refused, but small enough to be passed over.
            imap.send(b"x SEARCH TEXT {41943040+}\r\n")
            imap.wire(bomb * 40)
            imap.send(b"\r\ny NOOP\r\n")
            assert b"TOOBIG" in imap.until(b"x")[1]
            same("the next answer", imap.until(b"y")[1][:2], b"OK")

    def message_bomb(self):
        """A message of 40 MiB in 40 KiB is a message of 40 MiB: kept out of memory and counted in full."""
        with CompressedImap(self.server, USER, timeout=60) as imap:
            imap.send(b"x APPEND INBOX {41943040+}\r\n")
            imap.wire(unit(b"A" * MIB) * 40)
            imap.send(b"\r\n")
            same("the answer", imap.until(b"x")[1][:2], b"OK")
            imap.ok(b"SELECT INBOX")
            same("octets", re.search(rb"RFC822.SIZE (\d+)", imap.ok(b"FETCH * RFC822.SIZE")[0][0])[1], b"41943040")

    def command_bomb(self):
        """A hundred KiB become eight million commands whose answers nobody reads; when the client goes, the work ends."""
        wires = [CompressedImap(self.server, USER) for _ in range(4)]
        for imap in wires:
            imap.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            imap.plain.setblocking(False)
            try:
                imap.plain.send(unit(b"x NOOP\r\n" * (MIB // 8)) * 64)
            except BlockingIOError:
                pass
        note = self.watch.logins(10)
        hang_up(wires)
        self.watch.calms_down()
        with CompressedImap(self.server, USER, timeout=60) as imap:
            # Who reads gets every answer.
            imap.wire(unit(b"x NOOP\r\n" * (MIB // 8)))
            for _ in range(MIB // 8):
                assert imap.line().startswith(b"x OK")
        return note

    def many_bombs(self):
        """A hundred send a line without end at once."""
        wires = [CompressedImap(self.server, USER) for _ in range(100)]
        bomb, stop = unit(b"A" * MIB) * 16, threading.Event()

        def send():
            while not stop.is_set():
                for imap in wires:
                    try:
                        imap.plain.send(bomb)
                    except (BlockingIOError, ConnectionError):
                        pass
                time.sleep(0.01)
        for imap in wires:
            imap.plain.setblocking(False)
        sender = threading.Thread(target=send)
        sender.start()
        try:
            note = self.watch.logins(10)
        finally:
            stop.set()
            sender.join()
        hang_up(wires)
        self.watch.calms_down()
        return note

    def empty_blocks(self):
        """Megabytes of deflated nothing."""
        # Stored blocks, and four blocks of ten bits with nothing but their end.
        for nothing in (b"\x00\x00\x00\xff\xff", b"\x02\x08\x20\x80\x00"):
            with CompressedImap(self.server, USER, timeout=60) as imap:
                note, before = self.among(imap.wire, nothing * (2 * MIB // len(nothing)))
                cost = self.watch.cpu() - before
                assert cost < 4 * PATIENCE, f"it took {cost:.1f} s of CPU"
        return f"{note}, {cost:.2f} s of CPU"

    def broken(self):
        """What is no deflated data ends the connection, and says so."""
        chance = random.Random(6)
        good = zlib.compressobj(wbits=-15)
        good = good.compress(b"x CREATE broken\r\n" * 50) + good.flush(zlib.Z_SYNC_FLUSH)
        bad = {
            "reserved block": b"\x07", "stored length": b"\x00\x05\x00\x00\x00abcde", "too far back": b"\x63\x00\x22\x00", "zlib's header": zlib.compress(b"x NOOP\r\n"),
            "gzip's header": gzip.compress(b"x NOOP\r\n"), "plain text": b"x NOOP\r\nx NOOP\r\n" * 20, "too many codes": b"\xfc" + b"\xff" * 8,
            "behind the end": zlib.compress(b"x NOOP\r\n", wbits=-15) + b"\x63\x00" * 20,
        }
        bad |= {f"noise {n}": b"\x07" + chance.randbytes(5000) for n in range(5)}
        for name, octets in bad.items():
            with CompressedImap(self.server, USER) as imap:
                imap.wire(octets)
                imap.plain.shutdown(socket.SHUT_WR)
                got = imap.rest()
                assert got is not None and b"* BYE" in got and b"damaged" in got, f"{name}: {got!r}"
        for cut in range(1, len(good), 3):
            with CompressedImap(self.server, USER) as imap:
                flipped = bytearray(good)
                flipped[cut] ^= 0x40
                imap.wire(bytes(flipped))
                imap.plain.shutdown(socket.SHUT_WR)
                assert imap.rest() is not None, "still connected"

    def truncated(self):
        """A stream that is cut off ends the connection, and a command cut with it is not done."""
        said = zlib.compressobj(wbits=-15)
        said = said.compress(b"x CREATE truncated\r\n") + said.flush(zlib.Z_SYNC_FLUSH)
        for cut in range(len(said) - 6):
            with CompressedImap(self.server, USER) as imap:
                imap.wire(said[:cut])
                imap.plain.shutdown(socket.SHUT_WR)
                assert imap.rest() is not None, "still connected"
        # A message, too.
        message = unit(letter(12, "cut", 30_000))
        with CompressedImap(self.server, USER) as imap:
            imap.ok(b"CREATE cut")
            imap.send(b"x APPEND cut {30000+}\r\n")
            imap.wire(message[:len(message) // 2])
        with Imap(self.server, USER) as imap:
            assert not imap.ok(b'LIST "" truncated')
            assert b"MESSAGES 0" in imap.ok(b"STATUS cut (MESSAGES)")[0][0]
            imap.ok(b"DELETE cut")

    def injection(self):
        """What follows the command in the clear is no command; nor is anything before login."""
        with Imap(self.server) as imap:
            imap.refused(b"COMPRESS DEFLATE", b"BAD")
        with Imap(self.server, USER) as imap:
            for line in (b"COMPRESS", b"COMPRESS LZ4", b"COMPRESS DEFLATE DEFLATE", b'COMPRESS "DEFLATE" x', b"COMPRESS DEFLATE {x}"):
                imap.refused(line, b"BAD", b"NO")
            imap.send(b"x COMPRESS DEFLATE\r\ny CREATE injected\r\n" + b"z CREATE injected\r\n" * 500)
            got = gone(imap, b"x OK")
            assert b"y OK" not in got and b"z OK" not in got, got
        with Imap(self.server, USER) as imap:
            assert not imap.ok(b'LIST "" injected')
            # What follows it deflated is one.
            imap.send(b"x COMPRESS DEFLATE\r\n" + unit(b"y NOOP\r\n"))
            got = imap.quiet()
            assert got.startswith(b"x OK") and b"y OK" in zlib.decompressobj(wbits=-15).decompress(got.split(b"\r\n", 1)[1]), got

    def twice(self):
        with CompressedImap(self.server, USER) as imap:
            imap.refused(b"COMPRESS DEFLATE", b"NO [COMPRESSIONACTIVE]")
            imap.refused(b"STARTTLS", b"BAD")
            imap.ok(b"NOOP")
            imap.ok(b"UNAUTHENTICATE")
            # Neither direction is deflated any more.
            imap.sock = imap.plain
            imap.quiet()
            imap.refused(b"COMPRESS DEFLATE", b"BAD")

    def unread(self):
        """Fifty ask for all of a mailbox and read nothing."""
        wires = []
        for _ in range(50):
            imap = CompressedImap(self.server, USER)
            imap.ok(b"SELECT INBOX")
            wires.append(imap)
        said = unit(b"x FETCH 1:* (BODY.PEEK[] BODY.PEEK[]<1.2> ENVELOPE)\r\n" * 100)
        return self.watch.unread(said, wires)


def cases(watch):
    made = Compression(watch)
    return [
        # A connection that inflates holds 32 KiB of history twice and a machine of as much, one that deflates some 100 KiB.
        ("COMPRESS: a line of a gibibyte", 8, made.line_bomb),
        ("COMPRESS: literals of a gibibyte", 8, made.literal_bomb),
        ("COMPRESS: a message of 40 MiB in 40 KiB", 16, made.message_bomb),
        ("COMPRESS: eight million commands in 100 KiB", 8, made.command_bomb),
        ("COMPRESS: 100 lines without end", 48, made.many_bombs),
        ("COMPRESS: nothing, deflated", 8, made.empty_blocks),
        ("COMPRESS: broken data", 8, made.broken),
        ("COMPRESS: cut off", 8, made.truncated),
        ("COMPRESS: injection", 8, made.injection),
        ("COMPRESS: twice", 8, made.twice),
        ("COMPRESS: 50 that never read", 48, made.unread),
    ]
