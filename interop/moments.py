#!/usr/bin/env python3
"""Everything as of any moment: histories drawn by lot, and what `backup restore --to --as-of` makes of each moment of them.

    cargo xtask moments [SEEDS [FROM]]

Of each seed the engine is that of its parity. People and what they do come by lot: mail, mailboxes made, renamed into each other, deleted and made again, messages
copied, moved, flagged, expunged and undeleted, accounts added, removed and brought back; backups between them. At some moments all mail is
looked at by IMAP; each of them is then restored into an empty folder, checked, served, and has to be the same.
"""
import hashlib, os, random, re, shutil, subprocess, sys, time
from harness import HOST, POSTAMT, Server, Tally, login, same
from imaplib import IMAP4, Time2Internaldate
from smtplib import LMTP

NAMES = ["A", "B", "A/x", "A/y", "B/x", "C", "C/d/e", "Alt", "Sent", "Archive", "Drafts"]
FLAGS = [r"\Seen", r"\Seen \Flagged", "one two", r"\Answered $Forwarded", ""]
OTHERS = [3, 4, 5, 6]


class History:
    def __init__(self, seed):
        self.lot, self.letters = random.Random(seed), 0
        self.server = Server(tables=f'[store]\nbackend = "{("fjall", "redb")[seed % 2]}"\n', accounts=2)
        self.backups = os.path.join(self.server.folder, "backups")
        self.there, self.removed, self.open = {1, 2}, set(), {}

    def run(self, *command, given="", codes=(0,)):
        done = subprocess.run([POSTAMT, *command], input=given, capture_output=True, text=True)
        assert done.returncode in codes, f"{command}: exit status {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}"
        return done.stdout

    def ask(self, *command, **how):
        return self.run(*command, "--config", self.server.config, **how)

    def imap(self, who):
        imap = IMAP4(HOST, self.server.ports["imap"])
        imap.login(*login(who))
        return imap

    def mail(self, who):
        """Its mailboxes, subscriptions, and messages with flags, dates and octets."""
        imap, mail = self.imap(who), {}
        for line in names(imap):
            count, found = int(imap.select(name_of(line), True)[1][0]), []
            for part in imap.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1] if count else []:
                if isinstance(part, tuple):
                    flags = re.search(rb"FLAGS \((.*?)\)", part[0])[1].split()
                    date = re.search(rb'INTERNALDATE "(.*?)"', part[0])[1]
                    found.append((sorted(set(flags) - {rb"\Recent"}), date, hashlib.sha256(part[1]).hexdigest()))
            mail[line] = sorted(found)
        mail["subscribed"] = sorted(str(line) for line in imap.lsub()[1])
        imap.logout()
        return mail

    def letter(self):
        self.letters += 1
        lines = ["plain text\r\n", "Ümläute\r\n"]
        text = "".join(self.lot.choices(lines, k=self.lot.choice([1, 1, 60, 4000, 30_000])))
        return f"From: a@else.test\r\nSubject: {self.letters}\r\nMessage-ID: <{self.letters}@else.test>\r\n\r\n{text}".encode()

    def deliver(self, who):
        with LMTP(HOST, self.server.ports["lmtp"], local_hostname="else.test") as lmtp:
            lmtp.sendmail("a@else.test", login(who)[0], self.letter(), ["BODY=8BITMIME"])

    def step(self):
        who = self.lot.choice(sorted(self.there))
        if who not in self.open:
            self.open[who] = self.imap(who)
        kinds = {self.mailboxes: 30, self.messages: 35, self.people: 5}
        if self.lot.random() < 0.3:
            self.deliver(who)
        else:
            self.lot.choices(list(kinds), kinds.values())[0](who, self.open[who])

    def mailboxes(self, who, imap):
        some = self.lot.choice([name_of(line) for line in names(imap)])
        other = self.lot.choice(NAMES)
        match self.lot.randrange(7):
            case 0 | 1: imap.create(other)
            case 2 | 3: imap.rename(some, self.lot.choice([other, "moved"]))
            case 4: imap.rename("INBOX", f"Old{self.lot.randrange(4)}")
            case 5: self.lot.choice([imap.subscribe, imap.unsubscribe])(self.lot.choice([some, other]))
            case 6:
                imap.select()
                imap.delete(some)
                if self.lot.random() < 0.5:
                    imap.create(some)

    def messages(self, who, imap):
        every = [name_of(line) for line in names(imap)]
        some, other = self.lot.choice(every), self.lot.choice(every)
        if self.lot.random() < 0.15:
            date = Time2Internaldate(self.lot.randrange(10**9, 17 * 10**8))
            imap.append(some, self.lot.choice(FLAGS), date, self.letter())
            return
        answer, count = imap.select(some)
        if answer != "OK" or count == [b"0"]:
            return
        first = self.lot.randrange(1, int(count[0]) + 1)
        wanted = f"{first}:{min(int(count[0]), first + self.lot.randrange(4))}"
        match self.lot.randrange(6):
            case 0: imap.copy(wanted, other)
            case 1 | 2: imap._simple_command("MOVE", wanted, other)
            case 3 | 4:
                flags = self.lot.choice([*FLAGS, f"kw{self.lot.randrange(30)}"])
                imap.store(wanted, self.lot.choice(["FLAGS", "+FLAGS", "-FLAGS"]), f"({flags})")
            case 5:
                imap.store(wanted, "+FLAGS", r"(\Deleted)")
                imap.expunge()

    def people(self, who, imap):
        address = login(who)[0]
        match self.lot.randrange(4):
            case 0: self.ask("deleted", "restore", address, "--all", codes=(0, 3))
            case 1 if who in OTHERS:
                self.open.pop(who).logout()
                self.ask("account", "remove", address)
                self.there.remove(who)
                self.removed.add(who)
            case _:
                new = self.lot.choice(OTHERS)
                if new in self.removed:
                    self.ask("account", "restore", login(new)[0])
                    self.removed.remove(new)
                elif new not in self.there:
                    self.ask("account", "add", login(new)[0], "--quota", "1 GiB", given=login(new)[1])
                self.there.add(new)

    def steps(self, most):
        for _ in range(self.lot.randrange(1, most)):
            self.step()

    def backup(self):
        self.ask("backup", "create", self.backups)


def names(imap):
    return [re.sub(r"\\Has(No)?Children ?", "", line.decode()) for line in imap.list()[1]]


def name_of(line):
    return line.split(' "/" ')[1]


def moment():
    """Between what was and what will be."""
    time.sleep(0.01)
    at = int(time.time() * 1000)
    time.sleep(0.01)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"


def history(seed):
    told = History(seed)
    told.steps(60)
    told.backup()
    moments = []
    for _ in range(3):
        told.steps(50)
        for _ in range(2):
            moments.append(({who: told.mail(who) for who in sorted(told.there)}, set(told.removed), moment()))
            told.steps(25)
        told.backup()
    server = told.server
    data = os.path.join(server.folder, "data")
    server.kill()
    os.rename(data, os.path.join(server.folder, "live"))
    for number, (mail, removed, at) in enumerate(moments):
        told.run("backup", "restore", told.backups, "--to", data, "--as-of", at, "--backend", ("fjall", "redb")[seed % 2])
        told.run("store", "check", "--data", data)
        server.start()
        there = {int(account["address"][1]) for account in server.told("account", "list")}
        # When somebody was removed is known to nobody.
        assert set(mail) <= there <= set(mail) | removed, f"{at}: {there}, not {set(mail)}"
        for who, was in mail.items():
            now = told.mail(who)
            for name in was | now:
                same(f"moment {number}, {at}, {login(who)[0]}, {name}", now.get(name), was.get(name))
        told.deliver(1)
        server.kill()
        told.run("store", "check", "--data", data)
        shutil.rmtree(data)
    server.remove()
    return f"{len(moments)} moments, {told.letters} letters"


SEEDS, FROM = (int(word) for word in [*sys.argv[1:3], *["10", "1"][len(sys.argv[1:3]):]])
sys.argv[1:] = []
TALLY = Tally()
for SEED in range(FROM, FROM + SEEDS):
    TALLY.check(f"seed {SEED}", history, SEED)
TALLY.end()
