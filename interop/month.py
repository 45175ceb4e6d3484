#!/usr/bin/env python3
"""Forty days of the real server in two minutes: what it does by itself, day by day, is done as it is wired together.

    cargo xtask month

The program's clocks go ten hours a second (interop/fast.c), but while it is asked. In this time the sender of a message that cannot go out is
told of it, what was deleted goes with its large bodies, a removed account ends, the server is killed and goes on, and nothing grows.
"""
import mmap, os, socket, struct, subprocess, time
from harness import DOMAIN, HOST, POSTAMT, Server, Tally, login, need, no_verification, same
from imaplib import IMAP4
from smtplib import SMTP

HERE = os.path.dirname(os.path.abspath(__file__))
PACE, DAY = 36000.0, 86400.0
SMALL, LARGE = 5, 3


def library(folder):
    need("cc")
    built = os.path.join(folder, "fast.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", built, os.path.join(HERE, "fast.c")], check=True)
    return built


class Fast(Server):
    """A server whose days can pass."""

    def start(self):
        if self.process is None:
            self.pace, self.skipped, self.since = 1.0, 0.0, time.monotonic()
            with open(os.path.join(self.folder, "pace"), "wb") as file:
                file.write(bytes(4096))
            with open(os.path.join(self.folder, "pace"), "r+b") as file:
                self.shared = mmap.mmap(file.fileno(), 4096)
            self.preload = library(self.folder)
            self.go(1.0)
        assert self.begun(LD_PRELOAD=self.preload, FAST_FILE=os.path.join(self.folder, "pace")), self.said()

    def go(self, pace):
        now = time.monotonic()
        self.skipped += (now - self.since) * (self.pace - 1)
        self.pace, self.since = pace, now
        self.shared[:24] = struct.pack("ddd", now, self.skipped, pace)

    def pass_days(self, days):
        self.go(PACE)
        time.sleep(days * DAY / PACE)
        self.go(1.0)
        time.sleep(1.2)                     # whoever sleeps wakes up

    def blobs(self):
        blobs = os.path.join(self.folder, "data", "blobs")
        return sum(len(files) for folder, _, files in os.walk(blobs) if len(os.path.basename(folder)) == 2)

    def letters(self):
        """The subjects in the first account's INBOX."""
        with IMAP4(HOST, self.ports["imap"]) as imap:
            imap.login(*login(1))
            count = int(imap.select()[1][0])
            got = imap.fetch(f"1:{count}", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if count else []
            return [part[1].decode().strip() for part in got if isinstance(part, tuple)]

    def deleted(self, who=1):
        return len(self.told("deleted", "list", login(who)[0]))


LARGE_BODY, THIRD = "letter\r\n" * 10_000, f"u3@{DOMAIN}"


def month(engine):
    with socket.socket() as closed:         # bound and not listening: whoever connects is refused
        closed.bind((HOST, 0))
        route = f'[[route]]\nname = "out"\nfor = ["out.test"]\nto = "smtp://{HOST}:{closed.getsockname()[1]}"\ntls = "none"\n'
        server = Fast(tables=f'{route}[store]\nbackend = "{engine}"\n[deleted]\nkept = "7 d"\n', accounts=2)
        first_day(server)
        server.pass_days(1)
        same("on the second day", server.letters(), ["Subject: stays", "Subject: Delayed mail: hello"])
        server.kill()
        server.start()
        server.pass_days(5)
        same("on the seventh", server.letters()[2:], ["Subject: Undelivered mail: hello"])
        same("queue, deleted, large bodies", (server.told("queue", "list"), server.deleted(), server.blobs()), ([], SMALL + LARGE, LARGE + 2))
        server.told("deleted", "restore", login(1)[0], str(server.told("deleted", "list", login(1)[0])[0]["id"]))
        server.pass_days(2)
        same("deleted, large bodies, removed accounts", (server.deleted(), server.blobs(), server.told("account", "removed")), (0, 1, []))
        memory = server.memory()
        server.pass_days(32)
        same("letters and large bodies", (len(server.letters()), server.blobs()), (4, 1))
        same("the store's check", [told["sound"] for told in server.told("store", "check")], [True])
        note = f"{memory >> 20} MiB of memory on the eighth day, {server.memory() >> 20} on the fortieth"
        assert server.memory() < 1.3 * memory, note
        server.stop()
        return note


def first_day(server):
    add = subprocess.run([POSTAMT, "account", "add", THIRD, "--config", server.config], input=b"pw3\n", capture_output=True)
    assert add.returncode == 0, add.stderr
    with SMTP(HOST, server.ports["smtp"]) as smtp:
        for n in range(SMALL + LARGE):
            smtp.sendmail("x@else.test", login(1)[0], f"Subject: {n}\r\n\r\n{LARGE_BODY if n < LARGE else 'letter'} {n}\r\n")
    with IMAP4(HOST, server.ports["imap"]) as imap:
        imap.login(*login(1))
        imap.select()
        imap.store(f"1:{SMALL + LARGE}", "+FLAGS", "\\Deleted")
        imap.expunge()
    with SMTP(HOST, server.ports["smtp"]) as smtp:
        smtp.sendmail("x@else.test", login(1)[0], f"Subject: stays\r\n\r\n{LARGE_BODY}")
        smtp.sendmail("x@else.test", THIRD, f"Subject: goes with its account\r\n\r\n{LARGE_BODY} 3\r\n")
    with SMTP(HOST, server.ports["submission"]) as smtp:
        smtp.starttls(context=no_verification())
        smtp.login(*login(1))
        smtp.sendmail(login(1)[0], "bob@out.test", "Subject: hello\r\n\r\nhello\r\n")
    server.told("account", "remove", THIRD)


TALLY = Tally()
for ENGINE in ("fjall", "redb"):
    TALLY.check(ENGINE, month, ENGINE)
TALLY.end()
