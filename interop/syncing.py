"""mbsync and offlineimap: two-way synchronization, until a further run moves nothing."""
import glob, os, re, socket, ssl, threading
from harness import HOST, login, need, same
from letters import letter
from mailboxes import Reader, name_of, quoted
from senders import run

# Of a thousand messages.
FOLDERS = {"INBOX": 400, "Archive": 250, "Entwürfe/Größe": 150, "日本語": 99, "Lists/rust-de": 100, "Empty": 0, "Old name": 1}
# As the client's folders are named: the server's names as IMAP4rev1 writes them.
LOCAL = {"Entwürfe/Größe": "Entw&APw-rfe/Gr&APYA3w-e", "日本語": "&ZeVnLIqe-", "Neu von hier ü": "Neu von hier &APw-", "Neu von dort ß": "Neu von dort &AN8-"}
FLAGS = {"S": b"\\Seen", "F": b"\\Flagged", "R": b"\\Answered", "D": b"\\Draft", "T": b"\\Deleted"}
# What moves or changes something; a run that has nothing to do sends none of it.
MOVES = re.compile(rb"^\S+ (UID )?(APPEND|STORE|COPY|MOVE|EXPUNGE|CREATE|DELETE|RENAME|SUBSCRIBE)\b|^\S+ (UID )?FETCH .*(BODY|RFC822\b(?!\.SIZE))", re.M)


class Recorder:
    """Stands between a client and the server and keeps what the client says."""

    def __init__(self, port):
        self.to, self.said = port, bytearray()
        self.door = socket.create_server((HOST, 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            server = socket.create_connection((HOST, self.to))
            threading.Thread(target=self._pass, args=(client, server, self.said), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, None), daemon=True).start()

    @staticmethod
    def _pass(source, target, record):
        try:
            while got := source.recv(1 << 16):
                if record is not None:
                    record += got
                target.sendall(got)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def fresh(self):
        self.said.clear()

    def moves(self):
        return [found[0] for found in MOVES.finditer(bytes(self.said))]


class Maildir:
    """A tree of Maildirs with folders named as they are."""

    def __init__(self, root):
        self.root = root

    def path(self, folder):
        return os.path.join(self.root, LOCAL.get(folder, folder))

    def files(self, folder):
        return sorted(glob.glob(glob.escape(self.path(folder)) + "/cur/*") + glob.glob(glob.escape(self.path(folder)) + "/new/*"))

    def messages(self, folder):
        """By the name in the message: flags, octets with CRLF, and the file."""
        found = {}
        for file in self.files(folder):
            with open(file, "rb") as text:
                message = text.read().replace(b"\n", b"\r\n")
            # mbsync marks what it copies.
            message = re.sub(rb"^X-TUID: \S+\r\n", b"", message, count=1, flags=re.M)
            flags = re.search(r":2,([A-Z]*)$", file)
            flags = frozenset(FLAGS[letter] for letter in (flags[1] if flags else "") if letter in FLAGS)
            same(f"messages named {name_of(message)}", found.get(name_of(message)), None)
            found[name_of(message)] = (flags, message, file)
        return found

    def add(self, folder, name, message, flags=""):
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.path(folder), part), exist_ok=True)
        with open(os.path.join(self.path(folder), "cur", f"{name}.1.here:2,{flags}"), "wb") as out:
            out.write(message.replace(b"\r\n", b"\n"))

    def state(self):
        """Every mail file with its time; the client's own bookkeeping is not looked at."""
        found = {}
        for file in glob.glob(self.root + "/**/*", recursive=True):
            if os.path.basename(os.path.dirname(file)) in ("cur", "new"):
                status = os.stat(file)
                found[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found


def far(imap, folder):
    """By the name in the message: flags, octets, UID."""
    found = {}
    for uid, (flags, message) in imap.messages(folder).items():
        message = re.sub(rb"^X-TUID: \S+\r\n|^X-OfflineIMAP: \S+\r\n", b"", message, flags=re.M)
        found[name_of(message)] = (flags & frozenset(FLAGS.values()), message, uid)
    return found


def fill(server, user, folders, flags=((), (b"\\Seen",), (b"\\Seen", b"\\Answered"), (b"\\Flagged",), (b"\\Draft", b"\\Seen"))):
    """Puts letters there, each named, and says what: by folder and name, flags and octets."""
    sent = {}
    with Reader(server, user) as imap:
        for number, (folder, count) in enumerate(folders.items()):
            if folder not in imap.names():
                imap.ok(b"CREATE " + quoted(folder))
            sent[folder] = {}
            for n in range(count):
                name, of = f"{number}.{n}", flags[n % len(flags)]
                message = letter(51, name)
                imap.append(folder, message, of)
                sent[folder][name] = (frozenset(of), message)
    return sent


def folders(messages):
    return {folder: max(count * messages // 1000, min(count, 1)) for folder, count in FOLDERS.items()}


def exactly(message):
    return message


def but_for_spaces(message):
    """offlineimap reads a message and writes it anew, which moves line ends."""
    return b"".join(message.split())


def agree(imap, near, wanted, seen=exactly):
    """Both sides hold what is wanted, flags and octets."""
    for folder, messages in wanted.items():
        there, here = far(imap, folder), near.messages(folder)
        same(f"{folder} on the server", sorted(there), sorted(messages))
        same(f"{folder} at the client", sorted(here), sorted(messages))
        for name, (flags, message) in messages.items():
            same(f"{folder} {name} on the server", seen(there[name][1]), seen(message))
            same(f"{folder} {name} at the client", seen(here[name][1]), seen(message))
            same(f"flags of {folder} {name} on the server", there[name][0], flags)
            same(f"flags of {folder} {name} at the client", here[name][0], flags)


def change_far(imap, wanted):
    """Another client's work on the server."""
    inbox = far(imap, "INBOX")
    imap.select("INBOX")
    for name, how in (("0.0", b"+FLAGS (\\Seen \\Flagged)"), ("0.1", b"-FLAGS (\\Seen)"), ("0.2", b"FLAGS (\\Draft)")):
        imap.ok(b"UID STORE %d %s" % (inbox[name][2], how))
    message = wanted["INBOX"]
    message["0.0"] = (message["0.0"][0] | {b"\\Seen", b"\\Flagged"}, message["0.0"][1])
    message["0.1"] = (message["0.1"][0] - {b"\\Seen"}, message["0.1"][1])
    message["0.2"] = (frozenset((b"\\Draft",)), message["0.2"][1])
    imap.ok(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % b",".join(b"%d" % inbox[f"0.{n}"][2] for n in range(10, 20)))
    imap.ok(b"EXPUNGE")
    for n in range(10, 20):
        del message[f"0.{n}"]
    imap.ok(b"UID MOVE %s %s" % (b",".join(b"%d" % inbox[f"0.{n}"][2] for n in range(20, 30)), quoted("日本語")))
    for n in range(20, 30):
        wanted["日本語"][f"0.{n}"] = message.pop(f"0.{n}")
    imap.ok(b"CREATE " + quoted("Neu von dort ß"))
    wanted["Neu von dort ß"] = {}
    for n in range(10):
        new = letter(52, f"far{n}")
        imap.append("Neu von dort ß" if n % 2 else "INBOX", new, (b"\\Answered",))
        wanted["Neu von dort ß" if n % 2 else "INBOX"][f"far{n}"] = (frozenset((b"\\Answered",)), new)


def change_near(near, wanted):
    """Work on the files, as a reader of Maildirs does it."""
    archive = near.messages("Archive")
    for name, flags in (("1.0", "FS"), ("1.1", ""), ("1.2", "RS")):
        file = archive[name][2]
        os.rename(file, os.path.join(near.path("Archive"), "cur", re.sub(r":2,.*", "", os.path.basename(file)) + ":2," + flags))
        wanted["Archive"][name] = (frozenset(FLAGS[flag] for flag in flags), wanted["Archive"][name][1])
    for n in range(10, 20):
        os.remove(archive[f"1.{n}"][2])
        del wanted["Archive"][f"1.{n}"]
    for n in range(20, 30):
        flags, message, file = archive[f"1.{n}"]
        os.remove(file)
        near.add("Lists/rust-de", f"1.{n}", message, "".join(letter for letter, flag in FLAGS.items() if flag in flags))
        wanted["Lists/rust-de"][f"1.{n}"] = wanted["Archive"].pop(f"1.{n}")
    wanted["Neu von hier ü"] = {}
    for n in range(10):
        new, folder = letter(53, f"near{n}"), ("Neu von hier ü", "Entwürfe/Größe")[n % 2]
        near.add(folder, f"near{n}", new, "S")
        wanted[folder][f"near{n}"] = (frozenset((b"\\Seen",)), new)


def mbsync(server, user, way, messages):
    need("mbsync")
    near, recorder = Maildir(os.path.join(server.folder, f"mbsync-{way}")), Recorder(server.ports["imap"])
    wanted = fill(server, user, folders(messages))
    if way == "imaps":
        certificate = os.path.join(server.folder, "certificate.pem")
        with open(certificate, "w") as out:
            out.write(ssl.get_server_certificate((HOST, server.ports["imaps"])))
        where = f"Host localhost\nPort {server.ports['imaps']}\nSSLType IMAPS\nCertificateFile {certificate}"
    else:
        where = f"Host {HOST}\nPort {recorder.port}\nSSLType None\nAuthMechs LOGIN"
    os.mkdir(near.root)
    config = os.path.join(server.folder, f"mbsyncrc-{way}")
    with open(config, "w") as out:
        out.write(f"IMAPAccount a\n{where}\nUser {login(user)[0]}\nPass {login(user)[1]}\n\nIMAPStore far\nAccount a\n\n"
                  f"MaildirStore near\nPath {near.root}/\nInbox {near.root}/INBOX\nSubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\n"
                  f"Patterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\nCopyArrivalDate yes\n")

    def sync():
        recorder.fresh()
        code, said = run(["mbsync", "-c", config, "-a"], timeout=600)
        complaints = [line for line in said.splitlines() if re.match("Warning|Error", line)]
        assert code == 0 and not complaints, f"exit status {code}: {said[-1500:]}"
    two_way(server, user, near, recorder, wanted, sync)


def offlineimap(server, user, messages):
    need("offlineimap")
    near, recorder = Maildir(os.path.join(server.folder, "offlineimap")), Recorder(server.ports["imap"])
    wanted = fill(server, user, folders(messages))
    config = os.path.join(server.folder, "offlineimaprc")
    with open(config, "w") as out:
        out.write(f"[general]\naccounts = a\nmetadata = {server.folder}/offlineimap-metadata\nui = basic\n"
                  f"[Account a]\nlocalrepository = l\nremoterepository = r\n"
                  f"[Repository l]\ntype = Maildir\nlocalfolders = {near.root}\nsep = /\n"
                  f"[Repository r]\ntype = IMAP\nremotehost = {HOST}\nremoteport = {recorder.port}\nssl = no\nstarttls = no\n"
                  f"auth_mechanisms = PLAIN\nremoteuser = {login(user)[0]}\nremotepass = {login(user)[1]}\n")

    def sync():
        recorder.fresh()
        code, said = run(["offlineimap", "-c", config, "-o"], timeout=600, env={**os.environ, "HOME": server.folder})
        assert code == 0 and "ERROR" not in said, f"exit status {code}: {said[-1500:]}"
    two_way(server, user, near, recorder, wanted, sync, seen=but_for_spaces, renames=False)


def two_way(server, user, near, recorder, wanted, sync, seen=exactly, renames=True):
    with Reader(server, user) as imap:
        sync()
        agree(imap, near, wanted, seen)
        change_far(imap, wanted)
        change_near(near, wanted)
        if renames:
            rename_on_both_sides(imap, near, wanted)
        sync()
        agree(imap, near, wanted, seen)
        before = imap.everything(), near.state()
        sync()
        after = imap.everything(), near.state()
        same("the server after a run with nothing to do", after[0], before[0])
        same("the files after a run with nothing to do", after[1], before[1])
        same("what a run with nothing to do sends", recorder.moves(), [])


def rename_on_both_sides(imap, near, wanted):
    """The client's state moves along, and holds: a mailbox keeps UIDVALIDITY and UIDs when it is renamed."""
    before = imap.select("Old name")
    imap.ok(b"UNSELECT")
    imap.ok(b'RENAME "Old name" "New name"')
    same("SELECT after RENAME", imap.select("New name"), before)
    os.rename(near.path("Old name"), near.path("New name"))
    wanted["New name"] = wanted.pop("Old name")


def checks(tally, server, messages=1000):
    """offlineimap takes its time: a quarter of the messages, but with more than the ordinary number all of them."""
    tally.check(f"mbsync: {messages:,} messages, two-way, then nothing", mbsync, server, 33, "imap", messages)
    tally.check("mbsync: the same over TLS", mbsync, server, 34, "imaps", messages)
    slow = messages if messages > 1000 else messages // 4
    tally.check(f"offlineimap: {slow:,} messages, two-way, then nothing", offlineimap, server, 35, slow)
