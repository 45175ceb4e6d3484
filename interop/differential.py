#!/usr/bin/env python3
"""The same commands to us and to Debian's Dovecot, and what they answer compared.

    interop/differential.py [--seeds N] [--from S] [--jobs N] [--show] [--tell RULE] [--kinds N]

Each seed makes mailboxes with messages and a stream of commands over one or two connections. Both servers' answers become facts
(`imap_facts.py`); where facts part, a rule of `explained.py` must say why. What no rule explains is printed with its seed, the shortest
stream that shows it, and both answers. Closes with how often each rule was needed, and with status 1 when something is unexplained.
Needs root for Dovecot (Debian's dovecot-imapd). TMPDIR=/dev/shm spares the disk.
"""
import argparse, multiprocessing, re, subprocess, sys, time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from dovecot import SPECIAL, Dovecot
from explained import RULES, Difference, Past, explanation, parted
from harness import DOMAIN, POSTAMT, Server, Wire
from imap_data import Odd, Response, pairs
from imap_facts import Reading, apart
from imap_streams import Literal, Maker, Step

PASSWORD = "the-same-for-all"
ACCOUNTS = 400
# The number of the connection that only looks where mailboxes stand.
WATCHER = 0
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

    def begin(self, step, validity, modseq):
        """Sends the command, as far as it goes without an answer; `$validity`, `$modseq`, and `$since`, one more, are this server's."""
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
                out += piece.replace("$modseq", modseq).replace("$since", str(int(modseq) + 1)).replace("$validity", validity).encode()
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


    def standing(self, name):
        """UIDVALIDITY and HIGHESTMODSEQ of a mailbox."""
        self.send(b'w STATUS "%s" (UIDVALIDITY HIGHESTMODSEQ)\r\n' % name.encode())
        items = next((dict(pairs(response.values[1])) for response in self.until(b"w") if response.kind == "STATUS"), {})
        return items.get(b"UIDVALIDITY", b"1").decode(), items.get(b"HIGHESTMODSEQ", b"1").decode()


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
        tables = "".join(f'[[account]]\naddress = "b{self.batch}u{n}@{DOMAIN}"\npassword_hash = "{self.hash}"\nquota = "1 GiB"\n' for n in range(ACCOUNTS))
        self.server, self.used = Server(tables=tables, accounts=0), 0

    def account(self):
        if self.used == ACCOUNTS:
            self.fresh()
        self.used += 1
        return f"b{self.batch}u{self.used - 1}"

    def end(self):
        self.server.stop()
        self.dovecot.remove()

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
                imap.send(b"".join(b"s CREATE %s\r\ns SUBSCRIBE %s\r\n" % (name.encode(), name.encode()) for name in SPECIAL) + b"s SUBSCRIBE INBOX\r\nq NOOP\r\n")
                imap.until(b"q")
                # Letters with 8-bit headers are taken from those who said that they know them (RFC 6855 §4).
                imap.send(b"q ENABLE IMAP4rev2\r\n")
                utf8 = any(response.kind == "ENABLED" and response.values for response in imap.until(b"q"))
                out = b""
                for name, messages in stream.mailboxes.items():
                    shown = '"Größe"'.encode() if utf8 and "&" in name else name.encode()
                    if name != "INBOX":
                        out += b"p CREATE %s\r\n" % shown
                    # Dovecot keeps mod-sequences from when somebody was interested first.
                    out += b"p SELECT %s (CONDSTORE)\r\np UNSELECT\r\n" % shown
                    for flags, date, octets in messages:
                        out += b'p APPEND %s (%s) "%s" {%d+}\r\n%s\r\n' % (shown, " ".join(flags).encode(), date.encode(), len(octets), octets)
                imap.send(out + b"q NOOP\r\n")
                for response in imap.until(b"q"):
                    assert response.tag == b"*" or response.kind == "OK", response.octets


class Run:
    """A stream on both servers. `found` is the first difference that nothing explains, as (step, difference, answers).

    `selected` are the mailboxes by connection, `shared` those that two had at once, `done` what was done; `tell` gets each difference that a rule explains.
    """

    def __init__(self, pair, stream, tell=None):
        self.pair, self.stream, self.tell, self.found, self.steps_done = pair, stream, tell or (lambda *_: None), None, 0
        self.user = pair.account()
        pair.filled(stream, self.user)
        self.connections, self.selected, self.marks, self.done, self.shared = {}, {}, {}, [], set()
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

    def earlier(self):
        """The commands that are done, the last one too."""
        return self.stream.steps[:self.steps_done]

    def mark(self, number, name):
        """Where the mailbox stands on both, as a third connection sees it: what `$modseq` and `$validity` are from now on."""
        if any(re.search(r"\$(modseq|since)", piece) for step in self.stream.steps for piece in step.pieces if isinstance(piece, str)):
            self.marks[number, name] = [watcher.standing(name) for watcher in self.watchers]

    @cached_property
    def watchers(self):
        self.connections[WATCHER] = tuple(Connection(port, self.user) for port in self.pair.ports())
        return self.connections[WATCHER]

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
        others = [number for number in self.connections if number not in (step.connection, step.idles, WATCHER)]
        return any(self.compared(noop, self.ask(self.both(noop.connection), noop)) for noop in (Step(number, ("NOOP",)) for number in others))

    def held(self, number, name, item, uid=None, server=0):
        """An item of a message as it is after the command: by the name that its connection has for it, or by number or UID."""
        connection = self.connections[number][server]
        if uid is None:
            if name not in connection.reading.mailbox.messages:
                return None
            name = connection.reading.mailbox.messages.index(name) + 1
        connection.send(b"m %sFETCH %d %s\r\n" % (b"UID " if uid else b"", name, item))
        found = [dict(pairs(response.values[0])).get(item.replace(b".PEEK", b"")) for response in connection.until(b"m") if response.kind == "FETCH"]
        return next((value for value in found if value is not None), None)

    def matching(self, number, keys):
        """The numbers that our SEARCH finds now."""
        ours = self.connections[number][0]
        ours.send(b"m SEARCH %s\r\n" % keys)
        return [value for response in ours.until(b"m") if response.kind == "SEARCH" for value in response.values]

    def ask(self, here, step):
        name = mailbox_of(step) if step.verb() in ("SELECT", "EXAMINE") else self.selected.get(step.connection)
        for connection, mark in zip(here, self.marks.get((step.connection, name), (("1", "1"), ("1", "1")))):
            try:
                connection.begin(step, *mark)
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
        if known := parted(step.pieces[0], *said, list(filter(None, self.selected.values()))):
            self.tell(known, self.stream.seed, step)
            return True
        self.follow(step, said)
        self.shared |= {name for name in self.selected.values() if name and list(self.selected.values()).count(name) > 1}
        for where in apart(our_facts, their_facts):
            difference = Difference(step, *where, (our_facts, their_facts), self)
            known = explanation(difference)
            if known is None:
                self.found = (step, difference, ours, theirs)
                self.messages = difference.messages or ([difference.message] if difference.key[0] == "fetch" else [])
                return True
            self.tell(known, self.stream.seed, f"{step}: {difference}")
            ends |= known.after == "end"
        self.done.append(Past(step, step.text(), *said, our_facts))
        return ends

    def follow(self, step, said):
        """What the connection has selected behind this step."""
        verb = step.verb()
        if verb in ("SELECT", "EXAMINE") and "BAD" not in said:
            opened = said == ("OK", "OK")
            self.selected[step.connection] = mailbox_of(step) if opened else None
            if opened:
                self.mark(step.connection, mailbox_of(step))
        elif verb in ("CLOSE", "UNSELECT") and said == ("OK", "OK"):
            self.selected[step.connection] = None


def mailbox_of(step):
    """What a SELECT names."""
    name = step.pieces[0].partition(" ")[2].partition(" (")[0].strip('"')
    return "INBOX" if name.upper() == "INBOX" else name


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


def report(run, seed):
    step, difference, ours, theirs = run.found
    lines = [f"\n=== seed {seed}: {difference}", f"    INBOX: {'; '.join(f'{n} {name}' for n, name in enumerate(run.stream.letters, 1))}"]
    lines += [f"    {each}" for each in run.earlier()]
    if step not in run.earlier():
        lines.append(f"    then {step}")
    lines += [f"    message {octets[:3000].decode('utf-8', 'replace')!r}" for octets in run.messages]
    for who, answers, facts in zip(("ours", "theirs"), (ours, theirs), difference.facts):
        lines += [f"    {who:6} {answer.octets[:1000].decode('utf-8', 'replace')!r}" for answer in answers
                  if answer.kind != "FETCH" or difference.key[:2] == ("fetch", answer.number)]
        lines += [f"    {who:6} {key[0]}: {value}" for key, value in facts.items() if key in (("gone",), ("odd",))]
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4000, help="with fewer, rare rules are not used")
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--jobs", type=int, default=1, help="so many pairs of servers at once")
    parser.add_argument("--show", action="store_true", help="print each seed's stream")
    parser.add_argument("--tell", metavar="RULE", help="print each difference that this rule explains, or all")
    parser.add_argument("--kinds", type=int, default=20, help="stop after so many kinds of differences")
    return parser.parse_args()


@dataclass
class Tally:
    """What came of a part of the seeds: how often a rule was used, how often a kind of difference was not explained."""
    streams: int = 0
    commands: int = 0
    used: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)

    def __add__(self, other):
        return Tally(self.streams + other.streams, self.commands + other.commands, self.used + other.used, self.kinds + other.kinds)


def part(given, job, out):
    """Every so-manieth seed."""
    tally, pair = Tally(), Pair()
    try:
        if not job:
            print("both have:", *sorted(pair.capabilities), flush=True)
        for seed in range(given.first + job, given.first + given.seeds, given.jobs):
            one_seed(given, pair, seed, tally)
            if len(tally.kinds) >= given.kinds:
                break
        out.send(tally)
    finally:
        pair.end()


def one_seed(given, pair, seed, tally):
    def tell(known, seed, what):
        tally.used[known.name] += 1
        if given.tell in (known.name, "all"):
            print(f"{known.name}: seed {seed}: {what}", flush=True)
    stream = Maker(seed, pair.capabilities).stream()
    if given.show:
        print(f"--- {seed}", *stream.steps, sep="\n")
    run = Run(pair, stream, tell)
    tally.streams += 1
    tally.commands += run.steps_done
    if run.found:
        kind = signature(run.found)
        tally.kinds[kind] += 1
        if tally.kinds[kind] == 1:
            shorter = shortened(pair, stream, run.found)
            print(report(shorter if shorter.found else run, seed), flush=True)


def main():
    given, begun, tally, started = arguments(), time.monotonic(), Tally(), []
    for job in range(given.jobs):
        ours, its = multiprocessing.Pipe()
        started.append((ours, multiprocessing.Process(target=part, args=(given, job, its))))
        started[-1][1].start()
        its.close()
    for ours, process in started:
        # One that died has printed why; EOFError ends us too.
        tally += ours.recv()
        process.join()
    for known in sorted(RULES, key=lambda known: -tally.used[known.name]):
        print(f"{tally.used[known.name]:7} {known.name} ({known.standard}: {known.transcript})" + " NEVER USED" * (not tally.used[known.name]))
    for kind, count in tally.kinds.most_common():
        print(f"{count:7} UNEXPLAINED {' '.join(map(str, kind))}")
    print(f"{tally.streams} streams, {tally.commands} commands, {sum(tally.used.values())} differences explained, "
          f"{sum(tally.kinds.values())} unexplained, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if tally.kinds else 0)


if __name__ == "__main__":
    main()
