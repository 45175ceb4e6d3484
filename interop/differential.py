#!/usr/bin/env python3
"""The same commands to us and to Debian's Dovecot, and what they answer compared.

    interop/differential.py [--seeds N] [--from S] [--show] [--kinds N]

Each seed makes mailboxes with messages and a stream of commands over one or two connections. Both servers' answers become facts
(`imap_facts.py`); where facts part, a rule of `explained.py` must say why. What no rule explains is printed with its seed, the shortest
stream that shows it, and both answers. Closes with how often each rule was needed, and with status 1 when something is unexplained.
Needs root for Dovecot (Debian's dovecot-imapd). TMPDIR=/dev/shm spares the disk.
"""
import argparse, re, subprocess, sys, time
from collections import Counter
from functools import partial
from dovecot import SPECIAL, Dovecot
from explained import PARTINGS, RULES, Difference, explanation, parted
from harness import DOMAIN, POSTAMT, Server, Wire
from imap_data import Odd, Response, pairs
from imap_facts import Reading, apart
from imap_streams import Literal, Maker, Step

PASSWORD = "the-same-for-all"
ACCOUNTS = 400
# A stream that shows a difference is shortened by trying it again without some of its steps, at most so often.
TRIES = 150


class Gone(Exception):
    """The server ended the connection."""


class Connection(Wire):
    """One client, on one server."""

    def __init__(self, port, user):
        super().__init__(port)
        self.reading, self.count, self.idling = Reading(), 0, None
        self.response()
        self.send(f'l LOGIN {user}@{DOMAIN} "{PASSWORD}"\r\n'.encode())
        assert self.until(b"l")[-1].kind == "OK", user

    def response(self):
        """A whole response, as data."""
        octets = self.whole_line()
        return Response(octets)

    def whole_line(self):
        parts = [self.line()]
        while announced := re.search(rb"\{(\d+)\}$", parts[-1]):
            parts[-1] += b"\r\n" + self.octets(int(announced[1]))
            parts.append(self.line())
        return b"".join(parts)

    def until(self, tag):
        found = []
        while True:
            try:
                octets = self.whole_line()
            except (EOFError, ConnectionError) as error:
                raise Gone(str(error)) from error
            found.append(Response(octets))
            if found[-1].tag == tag:
                return found

    def begin(self, step, modseq):
        """Sends the command, as far as it goes without an answer; `modseq` stands for what is told as the highest."""
        self.count += 1
        self.tag = b"t%d" % self.count
        out, self.heard = self.tag + b" ", []
        for piece in step.pieces:
            if isinstance(piece, Literal):
                out += b"{%d%s}\r\n" % (len(piece.octets), b"" if piece.waits else b"+")
                if piece.waits:
                    self.send(out)
                    out = b""
                    if not self.invited():
                        return
                out += piece.octets
            else:
                out += piece.replace("$modseq", modseq.decode()).replace("$validity", self.reading.validity.decode()).encode()
        self.send(out + b"\r\n")

    def invited(self):
        """Whether the literal may come."""
        while True:
            octets = self.whole_line()
            if octets.startswith(b"+"):
                return True
            self.heard.append(Response(octets))
            if self.heard[-1].tag == self.tag:
                return False

    def end(self, verb):
        """All responses, and what they say."""
        if not (self.heard and self.heard[-1].tag == self.tag):
            self.heard += self.until(self.tag)
        return self.heard, self.reading.facts(verb, self.heard)

    def idle(self):
        self.count += 1
        self.idling = b"t%d" % self.count
        self.send(self.idling + b" IDLE\r\n")
        heard = []
        while not (octets := self.whole_line()).startswith(b"+"):
            heard.append(Response(octets))
            if heard[-1].tag == self.idling:
                break
        self.before = heard

    def done(self):
        if not (self.before and self.before[-1].tag == self.idling):
            self.send(b"DONE\r\n")
            self.before += self.until(self.idling)
        # What an idler is not told yet, it is told now.
        self.send(b"n NOOP\r\n")
        self.before = self.before[:-1] + self.until(b"n")
        return self.before, self.reading.facts("IDLE", self.before)


class Pair:
    """Both servers; a fresh account for each stream."""

    def __init__(self):
        self.dovecot, self.server, self.used = Dovecot(PASSWORD), None, 0
        self.hash = subprocess.run([POSTAMT, "hash-password"], input=PASSWORD + "\n", capture_output=True, text=True, check=True).stdout.strip()
        self.batch = 0
        self.fresh()
        self.capabilities = self.common()

    def fresh(self):
        """A server with accounts nobody has used."""
        if self.server:
            self.server.stop()
        self.batch += 1
        tables = "".join(f'[[account]]\naddress = "b{self.batch}u{n}@{DOMAIN}"\npassword_hash = "{self.hash}"\n' for n in range(ACCOUNTS))
        self.server, self.used = Server(tables=tables, accounts=0), 0

    def account(self):
        if self.used == ACCOUNTS:
            self.fresh()
        self.used += 1
        return f"b{self.batch}u{self.used - 1}"

    def ports(self):
        return self.server.ports["imap"], self.dovecot.ports["imap"]

    def common(self):
        """The capabilities that both have."""
        found = []
        user = self.account()
        for port in self.ports():
            with Connection(port, user) as imap:
                imap.send(b"c CAPABILITY\r\n")
                found.append({value.decode() for value in imap.until(b"c")[0].values})
        return found[0] & found[1]

    def filled(self, stream, user):
        """The mailboxes made, on both."""
        for port in self.ports():
            with Connection(port, user) as imap:
                imap.send(b"".join(b"s CREATE %s\r\n" % name.encode() for name in SPECIAL) + b"q NOOP\r\n")
                imap.until(b"q")
                # Letters with 8-bit headers are taken from those who said that they know them (RFC 6855 §4).
                imap.send(b"q ENABLE IMAP4rev2\r\n")
                utf8 = any(response.kind == "ENABLED" and response.values for response in imap.until(b"q"))
                out = b""
                for name, messages in stream.mailboxes.items():
                    shown = '"Größe"'.encode() if utf8 and "&" in name else name.encode()
                    if name != "INBOX":
                        out += b"p CREATE %s\r\n" % shown
                    for flags, date, octets in messages:
                        out += b'p APPEND %s (%s) "%s" {%d+}\r\n%s\r\n' % (shown, " ".join(flags).encode(), date.encode(), len(octets), octets)
                imap.send(out + b"q NOOP\r\n")
                for response in imap.until(b"q"):
                    assert response.tag == b"*" or response.kind == "OK", response.octets


class Run:
    """A stream on both servers. `found` is the first difference that nothing explains, as (step, difference, answers)."""

    def __init__(self, pair, stream):
        self.pair, self.stream, self.found, self.steps_done = pair, stream, None, 0
        self.user = pair.account()
        pair.filled(stream, self.user)
        self.connections, self.selected = {}, {}
        try:
            self.go()
        finally:
            for ours, theirs in self.connections.values():
                ours.sock.close()
                theirs.sock.close()

    def both(self, number):
        if number not in self.connections:
            self.connections[number] = tuple(Connection(port, self.user) for port in self.pair.ports())
        return self.connections[number]

    def go(self):
        for step in self.stream.steps:
            self.steps_done += 1
            if self.step(step):
                return

    def step(self, step):
        """Whether the stream ends with it."""
        here = self.both(step.connection)
        idlers = self.both(step.idles) if step.idles else ()
        for idler in idlers:
            idler.idle()
        answers = self.ask(here, step)
        if self.compared(step, answers):
            return True
        if idlers and self.compared(Step(step.idles, ("IDLE",)), self.each(idlers, lambda idler: idler.done())):
            return True
        others = [number for number in self.connections if number not in (step.connection, step.idles)]
        return any(self.compared(noop, self.ask(self.both(noop.connection), noop)) for noop in (Step(number, ("NOOP",)) for number in others))

    def message(self, number, name, uid=None):
        """What we hold, after the command: by the name that its connection has for it, or by number."""
        ours = self.connections[number][0]
        if uid is None:
            if name not in ours.reading.mailbox.messages:
                return b""
            name = ours.reading.mailbox.messages.index(name) + 1
        ours.send(b"m %sFETCH %d BODY.PEEK[]\r\n" % (b"UID " if uid else b"", name))
        found = [dict(pairs(response.values[0])).get(b"BODY[]") for response in ours.until(b"m") if response.kind == "FETCH"]
        return next((octets for octets in found if octets is not None), b"")

    def ask(self, here, step):
        # Only one of them may have told it.
        told = all(connection.reading.modseq != b"1" for connection in here)
        for connection in here:
            try:
                connection.begin(step, connection.reading.modseq if told else b"1")
            except (Gone, EOFError, OSError):
                # Seen again where its answer is read.
                continue
        return self.each(here, lambda connection: connection.end(step.verb()))

    @staticmethod
    def each(connections, work):
        found = []
        for connection in connections:
            try:
                found.append(work(connection))
            except (Gone, EOFError, OSError) as error:
                found.append(([], {("gone",): type(error).__name__}))
            except (Odd, ValueError, IndexError) as error:
                found.append(([], {("odd",): repr(error)}))
        return found

    def compared(self, step, answers):
        (ours, our_facts), (theirs, their_facts) = answers
        ends = ("gone",) in our_facts or ("gone",) in their_facts
        said = our_facts.get(("answer",)), their_facts.get(("answer",))
        if parted(step.pieces[0], *said, self.selected.values()):
            return True
        if step.verb() in ("SELECT", "EXAMINE", "CLOSE", "UNSELECT"):
            name = step.pieces[0].partition(" ")[2].partition(" (")[0].strip('"')
            self.selected[step.connection] = "INBOX" if name.upper() == "INBOX" else name
        for where in apart(our_facts, their_facts):
            difference = Difference(step, *where, (our_facts, their_facts), partial(self.message, step.connection))
            known = explanation(difference)
            if known is None:
                self.found = (step, difference, ours, theirs)
                self.messages = difference.messages or ([difference.message] if difference.key[0] == "fetch" else [])
                return True
            ends |= known.after == "end"
        return ends


def signature(found):
    """What makes two differences one: the command and the kind of fact."""
    step, difference = found[:2]
    kind = [str(part) for part in difference.key if isinstance(part, str)]
    return step.verb(), *kind, str(difference.ours)[:12] if kind[:1] == ["answer"] else ""


def shortened(pair, stream, found):
    """The shortest stream found that still shows a difference of that kind."""
    wanted, best, run = signature(found), stream, None
    steps, size, tries = list(stream.steps), max(1, len(stream.steps) // 2), 0
    while size and tries < TRIES:
        at = 0
        while at < len(steps) and tries < TRIES:
            less = steps[:at] + steps[at + size:]
            tries += 1
            trial = Run(pair, stream.with_steps(less))
            if trial.found and signature(trial.found) == wanted:
                steps, run = less[:trial.steps_done], trial
            else:
                at += size
        size //= 2
    return run or Run(pair, stream.with_steps(steps))


def printed(run, seed, count):
    step, difference, ours, theirs = run.found
    print(f"\n=== seed {seed}: {difference}")
    print(f"    INBOX: {'; '.join(f'{n} {name}' for n, name in enumerate(run.stream.letters, 1))}")
    done = run.stream.steps[:run.steps_done]
    for each in done:
        print(f"    {each}")
    if step not in done:
        print(f"    then {step}")
    for octets in run.messages:
        print(f"    message {octets[:3000].decode('utf-8', 'replace')!r}")
    for who, answers in (("ours", ours), ("theirs", theirs)):
        for answer in answers:
            if answer.kind != "FETCH" or difference.key[:2] == ("fetch", answer.number):
                print(f"    {who:6} {answer.octets[:1000].decode('utf-8', 'replace')!r}")
    sys.stdout.flush()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--show", action="store_true", help="print each seed's stream")
    parser.add_argument("--kinds", type=int, default=20, help="stop after so many kinds of differences")
    return parser.parse_args()


def main():
    given, pair, kinds, begun, commands = arguments(), Pair(), Counter(), time.monotonic(), 0
    print("both have:", *sorted(pair.capabilities), flush=True)
    for seed in range(given.first, given.first + given.seeds):
        stream = Maker(seed, pair.capabilities).stream()
        if given.show:
            print(f"--- {seed}", *stream.steps, sep="\n")
        run = Run(pair, stream)
        commands += run.steps_done
        if run.found:
            kind = signature(run.found)
            kinds[kind] += 1
            if kinds[kind] == 1:
                shorter = shortened(pair, stream, run.found)
                printed(shorter if shorter.found else run, seed, kinds[kind])
            if len(kinds) >= given.kinds:
                break
    for known in sorted(RULES + PARTINGS, key=lambda known: -known.seen):
        print(f"{known.seen:7} {known.name} ({known.standard})")
    for kind, count in kinds.most_common():
        print(f"{count:7} UNEXPLAINED {' '.join(map(str, kind))}")
    pair.server.stop()
    print(f"{seed - given.first + 1} streams, {commands} commands, {sum(kinds.values())} unexplained, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if kinds else 0)


if __name__ == "__main__":
    main()
