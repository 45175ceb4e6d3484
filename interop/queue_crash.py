#!/usr/bin/env python3
"""Kills and power cuts while mail is relayed: what was accepted is delivered, its sender told that it failed, or it waits.

    interop/queue_crash.py [--rounds N] [--power] [--seed S] [--load SECONDS]

Each round, messages come in over several connections, each for two recipients outside and one of ours. Of the domains outside,
which one scripted exchanger serves, one defers each once, one refuses, one hangs up amid a third of the messages; the
others take everything. At a random instant postamt is killed (kill -9) and started again. With --power its data lies on an ext4 loop image:
EXT4_IOC_SHUTDOWN drops what was not synced, then it is killed and the image mounted anew (needs root). At the end there is time
for what waits in the queue; then everything accepted must have arrived, be reported as refused, or still stand in the queue. Doubled outside may be at most
what was under way on the connections open at a kill; inside, and of the reports, nothing. Closes with `N passed, M failed`.
"""
import argparse, asyncio, collections, random, re, sys, threading, time
from harness import DOMAIN, Imap, Server, Skip, Tally, same
from power import Image
from world import Bringer, Exchanger, Names

DOMAINS, DEFERS, REFUSES, HANGS_UP = 12, 9, 10, 11
BRINGERS = 6


def address(n):
    return f"127.78.0.{n + 1}"


class Crash:
    def __init__(self, options):
        self.options, self.chance = options, random.Random(options.seed)
        self.image = Image() if options.power else None
        self.kept, self.deferred, self.accepted, self.unsure = collections.Counter(), set(), set(), set()
        self.allowed, self.doubles, self.calm = 0, [], False
        self.names, self.quick = Names(), random.Random(options.seed + 1)
        for n in range(DOMAINS):
            self.names.exchanger(f"d{n}.test", address(n))
        self.exchanger = Exchanger([address(n) for n in range(DOMAINS)], taken=self.take, behave=self.behave)
        outbound = f'[outbound]\ndns = ["{self.names.at}"]\nport = {self.exchanger.port}\nip = "ipv4-only"'
        self.server = Server(outbound, 'relay_from = ["127.0.0.0/8"]', 2, f"{self.image.at}/data" if self.image else "data")

    def take(self, taken):
        token = re.search(rb"^Subject: (\S+)", taken.message, re.M)[1].decode()
        assert taken.message.endswith(b"END-%s\r\n" % token.encode()), f"{token} is torn"
        for recipient in taken.recipients:
            self.kept[token, recipient] += 1

    async def behave(self, at, verb, line):
        n = int(at.rsplit(".", 1)[1]) - 1
        await asyncio.sleep(self.quick.random() * 0.02)
        if n == DEFERS and verb == "RCPT" and line not in self.deferred:
            self.deferred.add(line)
            return b"451 4.7.1 come back later\r\n"
        if n == REFUSES and verb == "RCPT":
            return b"550 5.1.1 nobody\r\n"
        if n == HANGS_UP and verb == "DATA" and not self.calm and self.quick.random() < 0.3:
            raise ConnectionError("on purpose")
        return None

    def recipients(self, token):
        chance = random.Random(token)
        return [f"{token}@d{n}.test" for n in chance.sample(range(DOMAINS), 2)] + [f"u1@{DOMAIN}"]

    def bring(self, name, stop):
        bringer, k = Bringer(self.server.ports["smtp"]), 0
        while not stop.is_set():
            k += 1
            token = f"{name}-{k}"
            text = f"From: u2@{DOMAIN}\r\nSubject: {token}\r\n\r\n" + ("0123456789" * 7 + "\r\n") * (hash(token) % 200 if k % 9 else 3000) + f"END-{token}\r\n"
            try:
                bringer.bring(f"u2@{DOMAIN}", self.recipients(token), text.encode())
                self.accepted.add(token)
            except (OSError, ValueError):
                self.unsure.add(token)
                time.sleep(0.02)
        bringer.close()

    def round(self, number):
        stop, before = threading.Event(), len(self.accepted)
        threads = [threading.Thread(target=self.bring, args=(f"r{number}c{n}", stop)) for n in range(BRINGERS)]
        for thread in threads:
            thread.start()
        time.sleep(self.chance.uniform(0.1, self.options.load))
        if self.image:
            # Answered before the cut began: amid it, the file system may call a transaction written that it drops.
            sure = set(self.accepted)
            self.image.cut()
        open_then = self.exchanger.open
        self.server.kill()
        stop.set()
        for thread in threads:
            thread.join()
        if self.image:
            # What was answered after the cut is not judged.
            self.unsure |= self.accepted - sure
            self.accepted = sure
            self.image.umount()
            self.image.mount()
        self.allowed += open_then
        self.server.start()
        return f"{len(self.accepted) - before} accepted, {open_then} connections open"

    def inside(self, user):
        """Subjects, and for reports what they are about."""
        found = collections.Counter()
        with Imap(self.server, user, timeout=120) as imap:
            imap.ok(b"SELECT INBOX")
            for parts in imap.ok(b"UID FETCH 1:* (BODY.PEEK[])"):
                if len(parts) < 2:
                    continue
                message = parts[1]
                report = re.search(rb"(?im)^Final-Recipient: *rfc822; *(\S+)", message)
                if report and re.search(rb"(?im)^Action: *failed", message):
                    for recipient in re.findall(rb"(?im)^Final-Recipient: *rfc822; *(\S+)", message):
                        found["report", recipient.decode()] += 1
                elif subject := re.search(rb"(?m)^Subject: (r\d+c\S+)", message):
                    whole = message.rstrip().endswith(b"END-" + subject[1])
                    found["whole" if whole else "torn", subject[1].decode()] += 1
        return found

    def missing(self):
        ours, reports = self.inside(1), self.inside(2)
        lost = [token for token in self.accepted if not ours["whole", token]]
        for token in self.accepted:
            for recipient in self.recipients(token)[:2]:
                refused = recipient.endswith(f"@d{REFUSES}.test")
                if not (reports["report", recipient] if refused else self.kept[token, recipient]):
                    lost.append(recipient)
        return lost, ours, reports

    def accounted(self):
        self.calm = True
        deadline = time.monotonic() + self.options.patience
        while True:
            lost, ours, reports = self.missing()
            if not lost or time.monotonic() > deadline:
                break
            try:
                self.server.told("queue", "retry", "--all")
            except Skip:
                pass
            time.sleep(2)
        waiting = self.waiting() if lost else set()
        waiting, lost = waiting & set(lost), [which for which in lost if which not in waiting]
        print(f"      {len(self.accepted)} accepted, {len(self.unsure)} unsure, {sum(self.kept.values())} taken outside, {sum(reports.values())} reports", flush=True)
        assert not lost, f"{len(lost)} are lost: {lost[:8]}"
        same("torn", [key for key in ours if key[0] == "torn"], [])
        return f"{len(self.accepted)} messages, {3 * len(self.accepted)} deliveries, of which {len(waiting)} wait"

    def waiting(self):
        """Whom the queue still knows."""
        try:
            return {item["to"] for item in self.server.told("queue", "list", "--limit", "100000")}
        except Skip:
            return set()

    def doubled(self):
        _, ours, reports = self.missing()
        same("doubled inside", [key for key, count in ours.items() if count > 1][:5], [])
        same("reports doubled", [key for key, count in reports.items() if count > 1][:5], [])
        self.doubles = [recipient for (_, recipient), count in self.kept.items() if count > 1]
        extra = sum(count - 1 for count in self.kept.values() if count > 1)
        assert extra <= self.allowed, f"{extra} doubled outside, with {self.allowed} connections open at the kills: {self.doubles[:5]}"
        return f"{extra} outside, of {self.allowed} that may be"

    def story(self):
        """The trace tells of each double."""
        silent = []
        for recipient in self.doubles[:50]:
            events = [event for event in self.server.told("trace", "--to", recipient) if recipient in event["recipients"]]
            if not any("twice" in (event["answer"] or "") for event in events):
                silent.append((recipient, [(event["event"], event["answer"]) for event in events]))
        assert not silent, f"of {len(self.doubles)} doubles the trace does not tell {len(silent)}: {silent[:2]}"

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.5, help="seconds of load at most in a round")
    parser.add_argument("--patience", type=float, default=420, help="seconds for what waits in the queue at the end")
    options = parser.parse_args()
    sys.argv[1:] = []
    tally, crash = Tally(), Crash(options)
    try:
        for number in range(1, options.rounds + 1):
            tally.check(f"{'power cut' if options.power else 'kill'} {number}", crash.round, number)
        tally.check("everything accepted is delivered or reported", crash.accounted)
        tally.check("doubled is only what was under way", crash.doubled)
        tally.check("each double has its story", crash.story)
        tally.check("the server stops cleanly", crash.server.stop)
    finally:
        crash.server.remove()
        if crash.image:
            crash.image.remove()
    tally.end()


main()
