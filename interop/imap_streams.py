"""Seeded streams of IMAP commands: mostly good ones, some that no server may take."""
import random
from dataclasses import dataclass, replace
from odd_letters import all_letters, broken

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "$Forwarded", "Custom", "$Junk", "ünfit")
DAYS = ("1-Jan-2026", "05-Jan-2026", "6-Jan-2026", " 7-Jan-2026", "31-Dec-2025", "1-Feb-1998")
WORDS = ("lunch", "LUNCH", "friday", "example", "Berta", "grüße", "GRÜSSE", "Köln", "inner", "words", "two", "nothing-such", "Jürgen", "a", "",
         "the first", "second", "html", "List", "digest one", "Umweg", "привет", "paper")
FIELDS = ("Subject", "From", "To", "Date", "Message-ID", "References", "X-Name", "X-Empty", "Content-Type", "X-None", "Received", "list-id")
MAILBOXES = ("INBOX", "Work", "Work/Deep", "Empty", "Gr&APYA3w-e")
NAMES = (*MAILBOXES, "inbox", "Nowhere", "Work/New", "New", "New/Deep", "A b", "Drafts", "Trash", "Sent", "work")
ODD_NAMES = ("", "/", "New/", "/New", "a//b", "&bad", "&AGE-", "INBOX/Sub", "x*y", "x%y")
SECTIONS = ("", "HEADER", "TEXT", "1", "2", "3", "1.MIME", "2.MIME", "1.1", "1.2", "2.1", "2.2", "2.HEADER", "2.TEXT", "1.HEADER", "1.TEXT", "1.1.MIME", "2.1.MIME", "2.2.1",
            "1.1.1", "0", "9", "HEADER.FIELDS (Subject From)", "HEADER.FIELDS (To X-None)", "HEADER.FIELDS.NOT (Subject Received)", "1.HEADER.FIELDS (Subject)",
            "2.HEADER.FIELDS.NOT (Subject)", "HEADER.FIELDS (\"Date\")")
# Nothing of this is in the grammar; or not in this state, with these words.
NONSENSE = (
    "FETCH", "FETCH 1", "FETCH 1 (FLAGS", "FETCH x FLAGS", "FETCH 1 BODY[", "FETCH 1 NONSENSE", "FETCH 1 BODY[TEXT.1]", "FETCH 1 BODY[MIME]", "FETCH 1 (FLAGS  UID)",
    "FETCH 1 BODY[]<0>", "FETCH 1 BODY[HEADER.FIELDS ()]", "SEARCH", "SEARCH NONSENSE", "SEARCH (", "SEARCH SINCE 32-Jan-2026", "SEARCH OR SEEN", "SEARCH KEYWORD \\Seen",
    "STORE 1 FLAGS", "STORE 1 NONSENSE (\\Seen)", "STORE 1 FLAGS (\\Seen", "COPY 1", "COPY 1 ", "MOVE", "NONSENSE", "UID", "UID NONSENSE", "UID FETCH", "SELECT", "SELECT ",
    "SELECT a b", "EXAMINE", "CREATE", "DELETE", "RENAME Work", "LIST", 'LIST ""', 'LIST "" "*" RETURN (NONSENSE)', 'LIST (NONSENSE) "" "*"', 'LIST (RECURSIVEMATCH) "" "*"',
    "STATUS INBOX", "STATUS INBOX ()", "STATUS INBOX (NONSENSE)", "STATUS INBOX MESSAGES", "APPEND INBOX", "APPEND INBOX x", "NOOP x", "EXPUNGE x", "CLOSE x",
    "LOGIN u1 pw", "AUTHENTICATE PLAIN", "STARTTLS", "ENABLE", 'SELECT "unclosed', "SELECT (INBOX)", "LSUB", "SUBSCRIBE", "ID", "ID (\"name\")", "NAMESPACE x", "GETQUOTA")
SORT_KEYS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO")


@dataclass(frozen=True)
class Literal:
    octets: bytes
    waits: bool = False


@dataclass(frozen=True)
class Step:
    """A command of a connection; `pieces` are text (with `$modseq` and `$validity`) and literals. While it runs another may idle."""
    connection: int
    pieces: tuple
    idles: int = None

    def text(self):
        return "".join(f"{{{len(piece.octets)}{'' if piece.waits else '+'}}}…" if isinstance(piece, Literal) else piece for piece in self.pieces)

    def __str__(self):
        return f"C{self.connection}: {self.text()}" + (f"   (while {self.idles} idles)" if self.idles else "")

    def verb(self):
        words = self.pieces[0].upper().split()
        return " ".join(words[:2 if words[:1] == ["UID"] else 1]) if words else ""


@dataclass(frozen=True)
class Stream:
    """What is in the mailboxes before, by name: messages as flags, date and octets; `letters` are INBOX's names."""
    seed: int
    mailboxes: dict
    letters: tuple
    steps: tuple

    def with_steps(self, steps):
        return replace(self, steps=tuple(steps))


def step(connection, *pieces, idles=None):
    return Step(connection, pieces, idles)


class Maker:
    def __init__(self, seed, capabilities):
        self.seed, self.chance, self.can = seed, random.Random(seed), capabilities
        self.letters = all_letters()
        self.selected, self.enabled, self.count = {}, {}, {}

    def stream(self):
        mailboxes, letters = self.mailboxes()
        self.sizes = {name: len(messages) for name, messages in mailboxes.items()}
        connections = 2 if self.chance.random() < 0.4 else 1
        steps = []
        for _ in range(self.chance.randint(10, 40)):
            connection = self.chance.randint(1, connections)
            made = self.command(connection)
            if connections == 2 and self.chance.random() < 0.1 and "IDLE" in self.can:
                made = replace(made, idles=3 - connection)
            steps.append(made)
        return Stream(self.seed, mailboxes, tuple(letters), tuple(steps))

    def mailboxes(self):
        chance, names = self.chance, sorted(self.letters)
        inbox = chance.sample(names, chance.randint(4, 12))
        found = {"INBOX": [], "Work": [], "Work/Deep": [], "Empty": [], "Gr&APYA3w-e": []}
        letters = []
        for n, name in enumerate(inbox):
            octets = self.letters[name]
            if chance.random() < 0.3:
                octets, name = broken(f"{self.seed}/{n}", octets), f"{name}, broken {self.seed}/{n}"
            letters.append(name)
            found["INBOX"].append((self.flags(), self.date(), octets))
        for name in ("plain", "reply", "reply-again", "forward", "mixed")[:chance.randint(1, 5)]:
            found["Work"].append((self.flags(), self.date(), self.letters[name]))
        found["Work/Deep"].append(((), self.date(), self.letters["nested"]))
        return found, letters

    def flags(self):
        return tuple(sorted(self.chance.sample(FLAGS[:8], self.chance.choice((0, 0, 1, 2, 3)))))

    def date(self):
        return f"{self.chance.randint(1, 9):2}-Jan-2026 {self.chance.randint(0, 23):02}:00:00 {self.chance.choice(('+0000', '+0100', '-0800'))}"

    def command(self, connection):
        chance = self.chance
        if chance.random() < 0.05:
            return self.nonsense(connection)
        if self.selected.get(connection) is None and chance.random() < 0.5:
            return self.select(connection)
        if self.selected.get(connection) is not None and chance.random() < 0.7:
            kinds = ((self.fetch, 8), (self.search, 6), (self.store, 4), (self.copy, 2), (self.expunge, 2), (self.leave, 0.5), (self.sort, 2), (self.thread, 1))
        else:
            kinds = ((self.select, 3), (self.listing, 4), (self.status, 3), (self.append, 3), (self.names, 4), (self.plain, 2), (self.quota, 1), (self.fetch, 0.2))
        made = chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0](connection)
        return made or self.plain(connection)

    def pick(self, *choices):
        return self.chance.choice(choices)

    def sets(self, connection, uid=False):
        chance, last = self.chance, max(1, self.sizes.get(self.selected.get(connection), 5))
        one = lambda: str(chance.randint(1, last))
        made = self.pick(one(), one(), f"{one()}:{one()}", "1:*", "1:*", "*", f"{one()},{one()}", f"{one()}:*", f"{one()},{one()}:*,{one()}")
        if chance.random() < 0.04:
            made = self.pick("0", str(last + 3), f"{last + 2}:{last + 9}", f"1:{last + 9}", "4294967296", "1:", ",", "*:5", "1,,2")
        if "SEARCHRES" in self.can and chance.random() < 0.05:
            made = "$"
        return made

    def numbering(self):
        return self.pick("", "", "UID ")

    def select(self, connection):
        name = self.mailbox()
        option = ""
        if "CONDSTORE" in self.can and self.chance.random() < 0.15:
            option = " (CONDSTORE)"
        if "QRESYNC" in self.can and self.enabled.get(connection) and self.chance.random() < 0.3:
            option = self.pick(" (QRESYNC ($validity 1))", " (QRESYNC ($validity $modseq))", " (QRESYNC ($validity $modseq 1:5))", " (QRESYNC (1 1))")
        self.selected[connection] = name if name in MAILBOXES else None
        return step(connection, f"{self.pick('SELECT', 'SELECT', 'EXAMINE')} {self.quoted(name)}{option}")

    def mailbox(self):
        return self.chance.choice(MAILBOXES) if self.chance.random() < 0.85 else self.chance.choice(NAMES)

    def quoted(self, name):
        return f'"{name}"' if not name or " " in name or "*" in name or "%" in name or self.chance.random() < 0.3 else name

    def leave(self, connection):
        self.selected[connection] = None
        return step(connection, self.pick("CLOSE", "UNSELECT"))

    def fetch(self, connection):
        chance = self.chance
        if chance.random() < 0.1:
            items = self.pick("ALL", "FAST", "FULL")
        else:
            items = [self.item() for _ in range(self.pick(1, 1, 2, 3))]
            items = items[0] if len(items) == 1 and chance.random() < 0.5 else f"({' '.join(items)})"
        modifier = ""
        if "CONDSTORE" in self.can and chance.random() < 0.05:
            modifier = self.pick(" (CHANGEDSINCE 1)", " (CHANGEDSINCE $modseq)")
        if self.enabled.get(connection) and chance.random() < 0.3:
            return step(connection, f"UID FETCH 1:* {self.pick('FLAGS', '(UID FLAGS)', 'UID')} (CHANGEDSINCE $modseq VANISHED)")
        return step(connection, f"{self.numbering()}FETCH {self.sets(connection)} {items}{modifier}")

    def item(self):
        chance = self.chance
        kinds = ["FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "BODYSTRUCTURE", "BODYSTRUCTURE", "RFC822.HEADER",
                 "RFC822.TEXT", "RFC822", "section", "section", "section", "section", "section"]
        if "BINARY" in self.can:
            kinds += ["binary", "binary"]
        if "CONDSTORE" in self.can:
            kinds.append("MODSEQ")
        kinds += [word for word in ("SAVEDATE", "PREVIEW") if word in self.can]
        kind = chance.choice(kinds)
        partial = self.pick("", "", "", "<0.20>", "<5.1000>", "<100000.5>")
        if kind == "section":
            return f"BODY{self.pick('.PEEK', '.PEEK', '')}[{chance.choice(SECTIONS)}]{partial}"
        if kind == "binary":
            part = self.pick("1", "2", "1.1", "1.2", "2.1", "")
            return self.pick(f"BINARY.SIZE[{part}]", f"BINARY.PEEK[{part}]{partial}", f"BINARY[{part}]{partial}")
        return kind

    def search(self, connection):
        options, charset, keys = "", "", self.keys(connection)
        if "ESEARCH" in self.can and self.chance.random() < 0.3:
            # Of a COUNT nobody can say which message made it differ.
            keys = self.keys(connection, plain=True)
            kinds = ["ALL", "COUNT", "MIN", "MAX", "MIN MAX", "COUNT ALL", ""] + ["SAVE"] * ("SEARCHRES" in self.can)
            options = f"RETURN ({self.chance.choice(kinds)}) "
        if any(not piece.isascii() for piece in keys if isinstance(piece, str)) or self.chance.random() < 0.1:
            charset = "CHARSET UTF-8 "
        elif self.chance.random() < 0.03:
            charset = self.pick("CHARSET US-ASCII ", "CHARSET X-NONE ")
        return self.with_literals(connection, f"{self.numbering()}SEARCH {options}{charset}", keys)

    def with_literals(self, connection, begin, keys):
        """Words that are not ASCII travel as literals."""
        pieces, text = [], begin
        for key in keys:
            if isinstance(key, Literal):
                pieces += [text, key]
                text = ""
            else:
                text += key
        return step(connection, *pieces, *([text] if text else []))

    def text(self, word):
        if not word.isascii():
            return Literal(word.encode())
        return f'"{word}"'

    def keys(self, connection, plain=False):
        found = self.key(connection, 2, plain)
        for _ in range(self.pick(0, 0, 0, 1, 2)):
            found += [" ", *self.key(connection, 2, plain)]
        return found

    def key(self, connection, depth, plain):
        """`plain` ones look at no text."""
        chance = self.chance
        if depth and chance.random() < 0.2:
            one, two = self.key(connection, depth - 1, plain), self.key(connection, depth - 1, plain)
            return self.pick(["NOT ", *one], ["OR ", *one, " ", *two], ["(", *one, " ", *two, ")"])
        day, word = chance.choice(DAYS).strip(), self.text(chance.choice(WORDS))
        kinds = [["ALL"], ["SEEN"], ["UNSEEN"], ["DELETED"], ["UNDELETED"], ["FLAGGED"], ["UNFLAGGED"], ["ANSWERED"], ["UNANSWERED"], ["DRAFT"], ["UNDRAFT"],
                 [f"KEYWORD {chance.choice(FLAGS[5:8])}"], [f"UNKEYWORD {chance.choice(FLAGS[5:8])}"], [f"{self.pick('SINCE', 'BEFORE', 'ON')} {day}"],
                 [f"{self.pick('SENTSINCE', 'SENTBEFORE', 'SENTON')} {day}"], [f"{self.pick('LARGER', 'SMALLER')} {self.pick(0, 150, 200, 300, 1000)}"],
                 [self.sets(connection)], [f"UID {self.sets(connection)}"]]
        kinds += [["RECENT"], ["NEW"], ["OLD"]]
        if plain:
            return chance.choice([kind for kind in kinds if not kind[0].startswith("SENT")])
        kinds += [[f"{self.pick('SUBJECT', 'FROM', 'TO', 'CC', 'BCC', 'BODY', 'TEXT')} ", word]] * 8
        kinds += [[f"HEADER {chance.choice(FIELDS)} ", word]] * 3
        if "WITHIN" in self.can:
            kinds += [[f"{self.pick('YOUNGER', 'OLDER')} {self.pick(1000, 100000000)}"]] * 2
        if "CONDSTORE" in self.can:
            kinds.append([f"MODSEQ {self.pick('1', '$since')}"])
        return chance.choice(kinds)

    def sort(self, connection):
        if "SORT" not in self.can:
            return None
        returns = "ESORT" in self.can and self.chance.random() < 0.2
        kinds = [key for key in SORT_KEYS if key != "SUBJECT" or not returns]
        keys = " ".join(f"{self.pick('', '', 'REVERSE ')}{key}" for key in self.chance.sample(kinds, self.pick(1, 1, 2, 3)))
        options = f"RETURN ({self.pick('ALL', 'COUNT', 'MIN MAX')}) " if returns else ""
        return self.with_literals(connection, f"{self.numbering()}SORT {options}({keys}) UTF-8 ", self.keys(connection, plain=returns))

    def thread(self, connection):
        known = sorted(word[7:] for word in self.can if word.startswith("THREAD="))
        if not known:
            return None
        return self.with_literals(connection, f"{self.numbering()}THREAD {self.chance.choice(known)} UTF-8 ", self.keys(connection))

    def store(self, connection):
        flags = self.chance.sample(FLAGS[:8], self.pick(0, 1, 1, 2))
        if self.chance.random() < 0.05:
            flags.append(self.pick("\\Recent", "\\Unknown", "\\*", "a[b]"))
        text = " ".join(flags)
        text = text if len(flags) > 1 and self.chance.random() < 0.2 else f"({text})"
        unchanged = ""
        if "CONDSTORE" in self.can and self.chance.random() < 0.15:
            unchanged = self.pick(" (UNCHANGEDSINCE 1)", " (UNCHANGEDSINCE $modseq)", " (UNCHANGEDSINCE 0)")
        return step(connection, f"{self.numbering()}STORE {self.sets(connection)}{unchanged} {self.pick('', '+', '-')}FLAGS{self.pick('', '', '.SILENT')} {text}")

    def copy(self, connection):
        verb = self.pick("COPY", "COPY", "MOVE") if "MOVE" in self.can else "COPY"
        return step(connection, f"{self.numbering()}{verb} {self.sets(connection)} {self.quoted(self.mailbox())}")

    def expunge(self, connection):
        if "UIDPLUS" in self.can and self.chance.random() < 0.4:
            return step(connection, f"UID EXPUNGE {self.sets(connection)}")
        return step(connection, "EXPUNGE")

    def append(self, connection):
        pieces = [f"APPEND {self.quoted(self.mailbox())}"]
        messages = self.pick(1, 2, 3) if "MULTIAPPEND" in self.can and self.chance.random() < 0.2 else 1
        for _ in range(messages):
            flags = f" ({' '.join(self.flags())})" if self.chance.random() < 0.5 else ""
            date = f' "{self.date()}"' if self.chance.random() < 0.5 else ""
            pieces[-1:] = [(pieces[-1] if isinstance(pieces[-1], str) else "") + flags + date + " "]
            octets = self.letters[self.chance.choice(sorted(self.letters))]
            pieces += [Literal(octets, waits=self.chance.random() < 0.2), ""]
        return step(connection, *(pieces[:-1]))

    def names(self, connection):
        chance = self.chance
        name = chance.choice(ODD_NAMES) if chance.random() < 0.08 else chance.choice(NAMES)
        verb = self.pick("CREATE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE")
        other = f" {self.quoted(chance.choice(NAMES))}" if verb == "RENAME" else ""
        return step(connection, f"{verb} {self.quoted(name)}{other}")

    def listing(self, connection):
        chance = self.chance
        pattern = self.pick("*", "*", "%", "Work", "Work/%", "%/%", "W*", "inbox", "", "*o*", "INB%", "Nowhere", "N*", "Work*", "new/%")
        reference = self.pick("", "", "", "", "Work", "Work/", "Nowhere/")
        kind = chance.random()
        if kind < 0.15:
            return step(connection, f'LSUB "{reference}" "{pattern}"')
        if kind < 0.45 or "LIST-EXTENDED" not in self.can:
            return step(connection, f'LIST "{reference}" "{pattern}"')
        chosen = self.pick("", "", "(SUBSCRIBED) ", "(SUBSCRIBED RECURSIVEMATCH) ", "() ", "(REMOTE) ", "(SPECIAL-USE) ")
        patterns = f'"{pattern}"' if chance.random() < 0.8 else '("INBOX" "Work/%")'
        returned = [word for word in ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE") if chance.random() < 0.4]
        if "LIST-STATUS" in self.can and chance.random() < 0.3:
            returned.append(f"STATUS ({self.status_items()})")
        text = f" RETURN ({' '.join(returned)})" if returned else ""
        return step(connection, f'LIST {chosen}"{reference}" {patterns}{text}')

    def status_items(self):
        items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "RECENT"]
        items += ["SIZE"] * ("STATUS=SIZE" in self.can) + ["HIGHESTMODSEQ"] * ("CONDSTORE" in self.can)
        return " ".join(self.chance.sample(items, self.chance.randint(1, len(items))))

    def status(self, connection):
        return step(connection, f"STATUS {self.quoted(self.mailbox())} ({self.status_items()})")

    def quota(self, connection):
        if "QUOTA" not in self.can:
            return None
        return step(connection, self.pick(f"GETQUOTAROOT {self.quoted(self.mailbox())}", 'GETQUOTA ""', 'GETQUOTA "none"'))

    def plain(self, connection):
        words = ["NOOP", "NOOP", "NAMESPACE", "CAPABILITY", "ID NIL", 'ID ("name" "x")', "CHECK", "ENABLE X-NOTHING"]
        words += [f"ENABLE {word}" for word in ("CONDSTORE", "QRESYNC") if word in self.can]
        made = self.chance.choice(words)
        if made == "ENABLE QRESYNC":
            self.enabled[connection] = True
        return step(connection, made)

    def nonsense(self, connection):
        return step(connection, self.chance.choice(NONSENSE))
