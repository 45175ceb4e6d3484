#!/usr/bin/env python3
"""Mail from and to another server, with our own name server's answers: what comes out is what went in, octet by octet.

    interop/relay.py [--peer postfix|exim] [--kill] [--messages N]

In: N messages (1,000) are brought to the peer, which relays them to us by MX; they are read by IMAP. Out: N messages are
brought to us, we relay them to the peer by MX, and it to a scripted exchanger that keeps them. With --kill, postamt is killed
amid each direction (kill -9) and started again: nothing is lost, and doubled is only what was under way on an open connection;
`postamt trace` names each double. Closes with `N passed, M failed`.
"""
import argparse, collections, re, sys, threading, time
from harness import DOMAIN, HOST, Server, Tally, free_ports, login, same
from letters import letter
from mailboxes import Reader, name_of
from peers import PEERS, THEIRS
from world import Bringer, Exchanger, Names

USERS, BRINGERS = 10, 8
TRACE = re.compile(rb"(Return-Path|Delivered-To|Received|X-Original-To|Envelope-to|Delivery-date|DKIM-Signature):", re.I)


def message(n):
    """Of every shape; each has its number in X-Name."""
    name = f"m{n}"
    head = b"From: a@%s\r\nTo: b@%s\r\nMessage-ID: <%s@relay.test>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nX-Name: %s\r\n" % (
        THEIRS.encode(), DOMAIN.encode(), name.encode(), name.encode())
    kind = n % 10
    if kind == 0:
        return head + b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n.\r\n\r\n.end\r\n"
    if kind == 1:
        return head + b"Subject: 8bit\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Grüße, Съешь, 🐌\r\n".encode() * (n % 400 + 1)
    if kind == 2:
        return head + b"Subject: long lines\r\n\r\n" + (b"x" * 998 + b"\r\n") * 3 + b"y" * (1000 + 97 * (n % 500)) + b"\r\n"
    if kind == 3:
        return head + b"Subject: odd header\r\nX-Folded: a\r\n\tb\r\n  c\r\nX-Empty:\r\nX-Trailing: space \r\nx-case: Ab\r\n\r\n\r\n\r\n \r\nFrom here\r\n\r\n"
    if kind == 4 and n % 100 == 4:
        return head + b"Subject: large\r\n\r\n" + (b"0123456789abcdef" * 4 + b"\r\n") * 16 * 3000
    return letter(31, name)


def recipients(n, domain):
    several = 5 if n % 7 == 0 else 2 if n % 5 == 0 else 1
    return [f"u{(n + k) % USERS + 1}@{domain}" for k in range(several)]


def bare(octets):
    """Without the trace fields of all hops, which stand before everything else, and the line end that a sender adds."""
    lines = octets.split(b"\r\n")
    at = 0
    while at < len(lines) and TRACE.match(lines[at]):
        at += 1
        while lines[at][:1] in (b" ", b"\t"):
            at += 1
    return b"\r\n".join(lines[at:])


class Traffic:
    """Messages brought from several connections until all are accepted."""

    def __init__(self, count, port, domain):
        self.count, self.port, self.domain = count, port, domain
        self.accepted, self.lock, self.left, self.answers = 0, threading.Lock(), list(range(count)), collections.defaultdict(list)
        # Brought again because the answer was lost: the double is the bringer's, not the server's.
        self.unsure = set()
        self.threads = [threading.Thread(target=self._bring, daemon=True) for _ in range(BRINGERS)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def _bring(self):
        bringer = Bringer(self.port)
        while True:
            with self.lock:
                if not self.left:
                    return bringer.close()
                n = self.left.pop(0)
            while True:
                try:
                    answer = bringer.bring(f"a{n}@{DOMAIN if self.domain == THEIRS else THEIRS}", recipients(n, self.domain), message(n))
                    break
                except (OSError, ValueError):
                    self.unsure.add(n)
                    time.sleep(0.1)
            with self.lock:
                self.accepted += 1
                self.answers[n].append(answer)

    def join(self):
        for thread in self.threads:
            thread.join(600)
            assert not thread.is_alive(), f"only {self.accepted} of {self.count} were accepted"


class Run:
    def __init__(self, options):
        self.options, self.count = options, options.messages
        # By message: (recipient, octets, connection).
        self.kept = collections.defaultdict(list)
        self.sink = Exchanger(taken=self._keep)
        self.names, self.server, self.peer, self.doubles = Names(), None, None, []

    def start(self):
        self.names.exchanger(THEIRS, HOST)
        port = free_ports(1)[0]
        outbound = f'[outbound]\ndns = ["{self.names.at}"]\nport = {port}\nip = "ipv4-only"'
        self.server = Server(outbound, 'relay_from = ["127.0.0.0/8"]', USERS)
        self.peer = PEERS[self.options.peer](self.server.ports["smtp"], self.sink.port, port)

    def _keep(self, taken):
        name = name_of(taken.message)
        for recipient in taken.recipients:
            self.kept[name].append((recipient, taken.message, taken.connection))

    def killed_amid(self, progress, share=0.4):
        """Kills postamt once that share has arrived, three times, and starts it again."""
        for part in (share / 2, share, share * 1.5):
            deadline = time.monotonic() + 300
            while progress() < part * self.count and time.monotonic() < deadline:
                time.sleep(0.005)
            self.server.kill()
            time.sleep(0.3)
            self.server.start()

    def inward(self):
        traffic = Traffic(self.count, self.peer.port, DOMAIN).start()
        wanted = {(f"m{n}", to): message(n) for n in range(self.count) for to in recipients(n, DOMAIN)}
        if self.options.kill:
            self.killed_amid(lambda: self.arrived() if traffic.accepted > 20 else 0)
        traffic.join()
        # Doubles are among those that arrived: whoever is late after this many is seen by the quiet that follows.
        self.until(lambda: self.arrived() >= len(wanted) and self.quiet(), 300)
        got = collections.defaultdict(list)
        for user in range(1, USERS + 1):
            with Reader(self.server, user) as imap:
                for _, octets in imap.messages("INBOX").values():
                    got[name_of(octets), login(user)[0]].append(octets)
        return self.judge(got, wanted, traffic, 20)

    def outward(self):
        traffic = Traffic(self.count, self.server.ports["smtp"], THEIRS).start()
        wanted = {(f"m{n}", to): message(n) for n in range(self.count) for to in recipients(n, THEIRS)}
        if self.options.kill:
            self.killed_amid(lambda: sum(len(copies) for copies in list(self.kept.values())) * self.count // len(wanted))
        traffic.join()
        self.until(lambda: len({(name, copy[0]) for name, copies in list(self.kept.items()) for copy in list(copies)}) >= len(wanted), 300)
        got = collections.defaultdict(list)
        theirs = 0
        for name, copies in self.kept.items():
            ids = set()
            for recipient, octets, _ in copies:
                # The first Received field is the peer's: what bears one of its ids twice was doubled by itself.
                id_ = re.search(rb"\bid ([\w-]+)", octets)[1], recipient
                theirs += id_ in ids
                if id_ not in ids:
                    got[name, recipient].append(octets)
                ids.add(id_)
        if theirs:
            print(f"      {theirs} were doubled by {self.options.peer} itself", flush=True)
        return self.judge(got, wanted, traffic, 20)

    def arrived(self):
        total = 0
        try:
            for user in range(1, USERS + 1):
                with Reader(self.server, user) as imap:
                    total += int(re.search(rb"MESSAGES (\d+)", imap.ok(b"STATUS INBOX (MESSAGES)")[0][0])[1])
        except (OSError, EOFError):
            return 0
        return total

    def quiet(self):
        before = self.arrived()
        time.sleep(3)
        return self.arrived() == before

    @staticmethod
    def until(done, seconds):
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)

    def judge(self, got, wanted, traffic, connections):
        lost = [key for key in wanted if key not in got]
        assert not lost, f"{len(lost)} of {len(wanted)} are lost: {lost[:5]}"
        same("strangers", sorted(map(str, set(got) - set(wanted)))[:5], [])
        for key, copies in got.items():
            for octets in copies:
                same(f"{key}", bare(octets), wanted[key])
        doubles = sorted({name for (name, _), copies in got.items() if len(copies) > 1 and int(name[1:]) not in traffic.unsure})
        kills = 3 if self.options.kill else 0
        assert len(doubles) <= kills * connections, f"{len(doubles)} doubles: {doubles[:10]}"
        self.doubles = doubles
        return f"{len(wanted)} deliveries, {len(doubles)} messages doubled, {len(traffic.unsure)} brought again by the bringer"

    def traced(self, domain):
        """Each double, and one that is none, has its story: as often accepted or said to be given on as it was there."""
        silent = []
        for name in [*self.doubles[:30], "m1"]:
            events = self.server.told("trace", "--from", f"a{name[1:]}@{domain}", "--limit", "100")
            assert {"delivered", "relayed"} & {event["event"] for event in events}, f"{name}: {events}"
            accepted = len({event["queue_id"] for event in events})
            doubt = any("twice" in (event["answer"] or "") for event in events)
            if name in self.doubles and accepted < 2 and not doubt:
                silent.append((name, [(event["event"], event["answer"]) for event in events]))
        assert not silent, f"of {len(self.doubles)} doubles the trace does not tell {len(silent)}: {silent[:2]}"
        return f"{len(self.doubles)} doubles"

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, default="postfix")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--messages", type=int, default=1000)
    options = parser.parse_args()
    sys.argv[1:] = []
    tally, run = Tally(), Run(options)
    tally.check(f"{options.peer} starts", run.start)
    if run.peer:
        tally.check(f"{options.peer} to us", run.inward)
        tally.check("the trace tells of it", run.traced, THEIRS)
        tally.check(f"we to {options.peer}", run.outward)
        tally.check("the trace tells of it", run.traced, DOMAIN)
        tally.check(f"{options.peer} stops", run.peer.stop)
    if run.server:
        tally.check("the server stops cleanly", run.server.stop)
    tally.end()


main()
