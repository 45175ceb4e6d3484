"""What the drivers here share: a fresh server on free loopback ports, a tally, and a plain IMAP and SMTP wire.

POSTAMT names another binary than target/release/postamt; KEEP=1 leaves the folder behind, with the server's log.
"""
import atexit, functools, json, os, re, shutil, socket, ssl, subprocess, sys, tempfile, threading, time, traceback

HOST, DOMAIN, USERS = "127.0.0.1", "test.local", 40
POSTAMT = os.environ.get("POSTAMT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "release", "postamt")


def login(n):
    return f"u{n}@{DOMAIN}", f"pw{n}"


@functools.cache
def no_verification():
    """The server's certificate is self-signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Server:
    """postamt on a data folder of its own; `ports` by listener, `unix` is LMTP's socket.

    `top` are keys for the configuration's beginning, `tables` for its end; `accounts` can log in, those of `apop` by APOP too; `data` may lie elsewhere.
    """

    def __init__(self, tables="", top="", accounts=USERS, data="data", apop=()):
        self.folder = tempfile.mkdtemp(prefix="postamt-interop-")
        self.unix = os.path.join(self.folder, "lmtp")
        self.config = os.path.join(self.folder, "postamt.toml")
        names = ("smtp", "lmtp", "imap", "imaps", "pop3", "pop3s", "http", "https", "submission", "submissions")
        self.ports = dict(zip(names, free_ports(len(names))))
        self._configure(tables, top, accounts, data, apop)
        self.log = open(os.path.join(self.folder, "log"), "ab")
        # However the driver ends; after a stop this finds nothing.
        atexit.register(self.remove)
        self.start()

    def start(self):
        """Also again, behind `kill`: on the same folder and ports."""
        if not self.begun():
            sys.exit(f"the server did not start:\n{self.said()}")

    def begun(self, **environment):
        """Whether it comes so far that it is ready."""
        self.process = subprocess.Popen([POSTAMT, "serve", "--config", self.config], stdout=subprocess.PIPE, stderr=self.log,
                                        env=os.environ | environment)
        for line in self.process.stdout:
            if line.startswith(b"ready"):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return True
        return False

    def restart(self):
        """On the same folder and ports, as after an update."""
        self.process.terminate()
        self.process.wait(20)
        self.start()

    process = None

    def kill(self):
        """As a power cut, but that the system lives."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def remove(self):
        """Whatever happened before: no process and no folder is left."""
        self.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self, tables, top, accounts, data, apop):
        lines = [f'hostname = "mx.{DOMAIN}"', f'data = "{data}"', f'domains = ["{DOMAIN}"]', top]
        for n in range(1, accounts + 1):
            lines += ["[[account]]", f'address = "{login(n)[0]}"', f'password = "{login(n)[1]}"'] + ["apop = true"] * (n in apop)
        plain, tls = "plaintext_login = true", 'tls = "implicit"'
        for name, protocol, more in (("smtp", "smtp", ""), ("lmtp", "lmtp", ""), ("imap", "imap", plain), ("imaps", "imap", tls),
                                     ("pop3", "pop3", plain), ("pop3s", "pop3", tls),
                                     ("http", "http", ""), ("https", "http", tls), ("submission", "submission", ""), ("submissions", "submission", tls)):
            lines += ["[[listener]]", f'protocol = "{protocol}"', f'address = "{HOST}:{self.ports[name]}"', more]
        lines += ["[[listener]]", 'protocol = "lmtp"', f'address = "unix:{self.unix}"', tables]
        with open(os.open(self.config, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            out.write("\n".join(lines) + "\n")

    def said(self):
        with open(os.path.join(self.folder, "log"), "rb") as log:
            return log.read().decode("utf-8", "replace")

    def told(self, *command):
        """What `postamt COMMAND --json` prints about this server, line by line; exit code 3 is nothing."""
        done = subprocess.run([POSTAMT, *command, "--config", self.config, "--json"], capture_output=True, text=True)
        if "unrecognized subcommand" in done.stderr:
            raise Skip(f"there is no `postamt {command[0]}`")
        assert done.returncode in (0, 3), f"{command}: exit status {done.returncode}: {done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def memory(self, field="VmRSS"):
        """Octets, from /proc."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(field + r":\s+(\d+)", status.read())[1]) * 1024

    def forget_peak(self):
        """Makes VmHWM begin anew."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as clear:
            clear.write("5")

    def stop(self):
        """Whether it stopped cleanly, in time, and without having panicked."""
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "killed"
        self.log.close()
        said = self.said()
        if os.environ.get("KEEP"):
            print("left behind:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        panics = [line for line in said.splitlines() if "panicked" in line]
        assert status == 0 and not panics, f"exit status {status}, {panics[:3]}"


def free_ports(count):
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Skip(Exception):
    """Why a check cannot be made here."""


class Tally:
    """Runs checks by name; a check fails by raising. Arguments of the driver choose checks by a part of their name."""

    def __init__(self, between=None):
        self.passed, self.failed, self.skipped = 0, [], 0
        self.wanted, self.between = sys.argv[1:], between

    def check(self, name, work, *args):
        if self.wanted and not any(part in name for part in self.wanted):
            return
        begun = time.monotonic()
        try:
            note = work(*args)
            if self.between:
                self.between()
            self.passed += 1
            print(f"ok    {name} ({time.monotonic() - begun:.1f} s){': ' + note if isinstance(note, str) else ''}", flush=True)
        except Skip as why:
            self.skipped += 1
            print(f"skip  {name}: {why}", flush=True)
        except Exception as error:
            self.failed.append(name)
            where = traceback.extract_tb(error.__traceback__)
            lines = ">".join(str(f.lineno) for f in where if "interop" in f.filename)
            print(f"FAIL  {name} ({lines}): {type(error).__name__}: {str(error)[:1500]}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {len(self.failed)} failed" + (f", {self.skipped} skipped" if self.skipped else ""))
        sys.exit(1 if self.failed or not self.passed else 0)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def same(what, got, wanted):
    """Fails showing where two values part."""
    if got == wanted:
        return
    if isinstance(got, bytes) and isinstance(wanted, bytes):
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        raise AssertionError(f"{what}: {len(got)} octets for {len(wanted)}, apart at {at}: "
                             f"{got[max(0, at - 20):at + 40]!r} for {wanted[max(0, at - 20):at + 40]!r}")
    raise AssertionError(f"{what}: {got!r} for {wanted!r}")


class Wire:
    """A connection, read by lines."""

    def __init__(self, port, tls=False, timeout=20):
        self.sock = socket.create_connection((HOST, port), timeout) if isinstance(port, int) else self._unix(port, timeout)
        if tls:
            self.sock = no_verification().wrap_socket(self.sock)
        self.held = b""

    @staticmethod
    def _unix(path, timeout):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(path)
        return sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, octets):
        self.sock.sendall(octets)

    def more(self):
        """Reads something; false at the end."""
        try:
            got = self.sock.recv(1 << 18)
        except (ConnectionError, ssl.SSLError):
            got = b""
        self.held += got
        return bool(got)

    def octets(self, count):
        parts, left = [self.held[:count]], count - len(self.held)
        self.held = self.held[count:]
        while left > 0:
            got = self.sock.recv(min(left, 1 << 20))
            if not got:
                raise EOFError(f"{left} octets are missing")
            parts.append(got)
            left -= len(got)
        return b"".join(parts)

    def line(self):
        """One line without CRLF; EOFError at the end."""
        while b"\r\n" not in self.held:
            if not self.more():
                raise EOFError(f"connection ended after {self.held[:200]!r}")
        line, self.held = self.held.split(b"\r\n", 1)
        return line

    def rest(self, timeout=5):
        """All that comes until the server closes; `None` when it does not."""
        self.sock.settimeout(timeout)
        try:
            while self.more():
                pass
        except TimeoutError:
            return None
        return self.held

    def quiet(self, seconds=0.3):
        """What comes within this time."""
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            while self.more():
                pass
        except TimeoutError:
            pass
        self.sock.settimeout(before)
        got, self.held = self.held, b""
        return got


class Imap(Wire):
    """IMAP by hand. A response is a list: text, then literal and text in turn."""

    def __init__(self, server, user=None, tls=False, timeout=20):
        super().__init__(server.ports["imaps" if tls else "imap"], tls, timeout)
        self.count = 0
        self.greeting = self.line()
        if user:
            self.ok(b"LOGIN %s %s" % tuple(x.encode() for x in login(user)))

    def response(self):
        parts = [self.line()]
        while announced := re.search(rb"\{(\d+)\}$", parts[-1]):
            parts.append(self.octets(int(announced[1])))
            parts.append(self.line())
        return parts

    def until(self, tag):
        """Untagged responses, and the tagged one without its tag."""
        untagged = []
        while True:
            parts = self.response()
            if parts[0].startswith(tag + b" "):
                return untagged, parts[0][len(tag) + 1:]
            if parts[0].startswith(b"* BYE") and not self.leaving:
                raise EOFError(parts[0])
            untagged.append(parts)

    leaving = False

    def tag(self):
        self.count += 1
        return b"t%d" % self.count

    def command(self, text, *literals):
        """Sends `text`, where each `{}` stands for one of `literals`, as synchronizing literals."""
        tag, pieces = self.tag(), text.split(b"{}")
        self.leaving = text.upper() == b"LOGOUT"
        line = tag + b" " + pieces[0]
        for literal, piece in zip(literals, pieces[1:], strict=True):
            self.send(line + b"{%d}\r\n" % len(literal))
            while not (answer := self.line()).startswith(b"+"):
                if answer.startswith(tag + b" "):
                    return [], answer[len(tag) + 1:]
            line = literal + piece
        self.send(line + b"\r\n")
        return self.until(tag)

    def ok(self, text, *literals):
        """The untagged responses of a command that succeeds."""
        untagged, answer = self.command(text, *literals)
        assert answer.startswith(b"OK"), f"{text[:100]!r}: {answer!r}"
        return untagged

    def refused(self, text, *begins):
        """A command that fails with one of these answers, which it returns."""
        _, answer = self.command(text)
        assert answer.startswith(begins or (b"NO", b"BAD")), f"{text[:100]!r}: {answer!r}, not {begins!r}"
        return answer

    def body(self, uid, item=b"BODY.PEEK[]"):
        for parts in self.ok(b"UID FETCH %d %s" % (uid, item)):
            if b"FETCH" in parts[0] and len(parts) > 1:
                return parts[1]
        raise AssertionError(f"UID {uid} has no {item!r}")


class Pop3(Wire):
    """POP3 by hand."""

    def __init__(self, server, user=None, tls=False, timeout=20):
        super().__init__(server.ports["pop3s" if tls else "pop3"], tls, timeout)
        self.greeting = self.line()
        assert self.greeting.startswith(b"+OK"), self.greeting
        if user:
            name, password = (x.encode() for x in login(user))
            self.ok(b"USER " + name)
            self.ok(b"PASS " + password)

    def command(self, text):
        self.send(text + b"\r\n")
        return self.line()

    def ok(self, text):
        answer = self.command(text)
        assert answer.startswith(b"+OK"), f"{text[:100]!r}: {answer!r}"
        return answer

    def refused(self, text, *begins):
        answer = self.command(text)
        assert answer.startswith(begins or (b"-ERR",)), f"{text[:100]!r}: {answer!r}"
        return answer

    def lines(self):
        """The lines up to the dot, without what stuffed them."""
        got = []
        while (line := self.line()) != b".":
            got.append(line[1:] if line.startswith(b".") else line)
        return got

    def many(self, text):
        self.ok(text)
        return self.lines()
