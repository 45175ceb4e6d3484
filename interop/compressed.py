"""IMAP under COMPRESS=DEFLATE (RFC 4978), as a client speaks it."""
import zlib
from harness import Imap


class Deflated:
    """A socket whose octets are deflated in both directions."""

    def __init__(self, raw):
        self.raw = raw
        self.inflate = zlib.decompressobj(wbits=-15)

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def sendall(self, octets):
        self.raw.sendall(unit(octets))

    def recv(self, count):
        while True:
            if got := self.inflate.decompress(self.inflate.unconsumed_tail, count):
                return got
            wire = self.raw.recv(1 << 16)
            if not wire:
                return b""
            if got := self.inflate.decompress(wire, count):
                return got


class CompressedImap(Imap):
    """Logged in, and compressing."""

    def __init__(self, server, user, tls=False, timeout=20):
        super().__init__(server, user, tls, timeout)
        self.plain = self.sock
        self.ok(b"COMPRESS DEFLATE")
        assert not self.held, self.held
        self.sock = Deflated(self.plain)

    def wire(self, octets):
        """Sends octets as they are."""
        self.plain.sendall(octets)


def unit(text):
    """Deflated text that may be said again and again: nothing in it refers to what was before."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(text) + machine.flush(zlib.Z_FULL_FLUSH)
