"""What the hostile drivers share: a server that is watched, and what every protocol's attackers do.

PATIENCE=10 allows ten times the time, for a debug build or a busy machine.
"""
import glob, os, re, socket, ssl, threading, time
from harness import Imap, Pop3, Wire, no_verification

MIB, PATIENCE = 1 << 20, float(os.environ.get("PATIENCE", "1"))
# How long a login may take beside any attack, and what a view of mail may cost.
LOGIN_S, VIEW_S = 0.5 * PATIENCE, 1 * PATIENCE
OWNER = 2


class Watch:
    """A server under attack. `speaks` is the protocol of who logs in meanwhile: Imap or Pop3."""

    def __init__(self, server, speaks):
        self.server, self.speaks = server, speaks

    def alive(self, user=OWNER, tls=False):
        """How long a login and a word take."""
        begun = time.monotonic()
        with self.speaks(self.server, user, tls=tls) as wire:
            wire.ok(b"NOOP")
            wire.ok(b"QUIT" if self.speaks is Pop3 else b"LOGOUT")
        return time.monotonic() - begun

    def logins(self, count=10, at_most=LOGIN_S, tls=False):
        """The slowest of so many logins, which must be quick enough."""
        slowest = max(self.alive(tls=tls) for _ in range(count))
        assert slowest < at_most, f"a login took {slowest:.2f} s"
        return f"slowest login {slowest * 1000:.0f} ms"

    def cpu(self):
        """Seconds of CPU that the server has taken."""
        taken = 0
        for path in glob.glob(f"/proc/{self.server.process.pid}/task/*/schedstat"):
            try:
                with open(path) as stat:
                    taken += int(stat.read().split()[0])
            except FileNotFoundError:
                pass
        return taken / 1e9

    def cost(self, work, *args):
        """What work cost the server in CPU, and its result."""
        before = self.cpu()
        result = work(*args)
        return self.cpu() - before, result

    def calms_down(self, within=5):
        """Nothing goes on when nobody asks for anything."""
        end = time.monotonic() + within * PATIENCE
        while time.monotonic() < end:
            if self.cost(time.sleep, 0.25)[0] < 0.05:
                return
        raise AssertionError(f"the server still works {within} s after its clients have gone")

    def bounded(self, mib, work, *args):
        """Runs a case: the server grows by so many MiB at its peak at most, and serves the next who comes."""
        before = self.server.memory()
        self.server.forget_peak()
        note = work(*args)
        grown = (self.server.memory("VmHWM") - before) / MIB
        took = self.alive()
        assert took < 2 * PATIENCE, f"afterwards a login took {took:.1f} s"
        assert grown <= mib, f"the server grew by {grown:.1f} MiB, which should be {mib}"
        return f"{grown:.1f} MiB" + (f", {note}" if isinstance(note, str) else "")

    def pss(self):
        """Octets of memory that are the server's alone."""
        with open(f"/proc/{self.server.process.pid}/smaps_rollup") as rollup:
            return int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M)[1]) * 1024

    def unread(self, command, wires):
        """Many sessions pipeline `command` and read nothing: what the server holds for each is bounded."""
        for wire in wires:
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.sock.setblocking(False)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for wire in wires:
                try:
                    wire.sock.send(command * 50)
                except (BlockingIOError, ConnectionError):
                    pass
            time.sleep(0.01)
        note = self.logins(5)
        hang_up(wires)
        return note


def hang_up(wires):
    for wire in wires:
        wire.sock.close()


def gone(wire, *says):
    """The server closes, having said these."""
    got = wire.rest()
    assert got is not None, "the connection is still open"
    for text in says:
        assert text in got, f"{text!r} is not in {got[-300:]!r}"
    return got


def at_once(*works):
    """Runs works side by side."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Dripper(threading.Thread):
    """Sends an octet a second and does not log in."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.lasted = port, None
        self.start()

    def run(self):
        begun = time.monotonic()
        try:
            with Wire(self.port, timeout=1) as wire:
                while True:
                    wire.send(b"x")
                    try:
                        if not wire.more():
                            break
                    except TimeoutError:
                        pass
        except OSError:
            pass
        self.lasted = time.monotonic() - begun

    def came_late(self):
        """Who drips and does not log in is sent away after a minute."""
        self.join(75)
        assert self.lasted and 55 < self.lasted < 75, f"sent away after {self.lasted} s"


def client_hello():
    """How TLS begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = no_verification().wrap_bio(incoming, outgoing, server_hostname="mx.test.local")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def dripping(watch, port, count, line):
    """So many say a line octet by octet."""
    wires, slowest = [Wire(port) for _ in range(count)], []
    for octet in line:
        for wire in wires:
            wire.send(bytes((octet,)))
        slowest.append(watch.alive())
    hang_up(wires)
    assert max(slowest) < LOGIN_S, f"a login took {max(slowest):.2f} s"


def cross_protocol(port, commands):
    """A web browser that was talked into it: none of what it was given to say is done."""
    for path in (b"/", b"/" + b"x" * 9_000):
        with Wire(port) as wire:
            wire.line()
            wire.send(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400\r\n\r\n%s" % (path, commands))
            got = wire.rest()
            assert got and b"web server" in got and b"OK" not in got, got


def guess(watch, tries, says_wrong):
    """Forty at once guess at many logins for two seconds; a right login stays quick.

    `says_wrong(wire, login)` tries a password once.
    """
    stop = threading.Event()

    def work(k):
        n = 0
        while not stop.is_set():
            try:
                with watch.speaks(watch.server) as wire:
                    for _ in range(tries):
                        n += 1
                        says_wrong(wire, b"nobody%d.%d" % (k, n))
            except (OSError, EOFError):
                pass
    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        return watch.logins(10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def fill(server, user, mailbox, messages):
    """Puts thousands of messages into a new mailbox, a hundred at a time."""
    messages = list(messages)
    with Imap(server, user, timeout=300) as imap:
        imap.ok(b"CREATE " + mailbox)
        for start in range(0, len(messages), 100):
            literals = [b" {%d+}\r\n%s" % (len(message), message) for message in messages[start:start + 100]]
            imap.send(b"f%d APPEND %s%s\r\n" % (start, mailbox, b"".join(literals)))
            answer = imap.until(b"f%d" % start)[1]
            assert answer.startswith(b"OK"), answer


def numbers(parts):
    """Those of an untagged response, without its literals."""
    return [int(found) for found in re.findall(rb"\b\d+\b", b" ".join(parts))]
