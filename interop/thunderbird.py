#!/usr/bin/env python3
"""Thunderbird against a fresh server: reads, answers, flags, moves, searches, works off line, and agrees with the server after it.

    interop/thunderbird.py [PART-OF-A-NAME ...]

Needs Debian's thunderbird; no screen, but `xvfb-run -a` gives it one. Closes with `N passed, M failed`.
"""
import email, email.policy, re, time
import account_hub
from harness import Server, Tally, login, same
from letters import letter
from mailboxes import Reader, name_of
from marionette import REPLY, Thunderbird


def preferences(server, user, condstore):
    """An account as the assistant would have made it."""
    address, _ = login(user)
    name = address.replace("@", "%40")
    return {
        "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1", "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1", "mail.server.server1.type": "imap", "mail.server.server1.hostname": "localhost",
        "mail.server.server1.port": server.ports["imaps"], "mail.server.server1.socketType": 3, "mail.server.server1.authMethod": 3,
        "mail.server.server1.userName": address, "mail.server.server1.name": address, "mail.server.server1.login_at_startup": False,
        "mail.server.server1.check_new_mail": False, "mail.server.server1.offline_download": True, "mail.server.server1.using_subscription": False,
        "mail.server.server1.use_condstore": condstore,
        "mail.identity.id1.useremail": address, "mail.identity.id1.fullName": "Anna", "mail.identity.id1.smtpServer": "smtp1", "mail.identity.id1.valid": True,
        "mail.identity.id1.fcc": True, "mail.identity.id1.fcc_folder": f"imap://{name}@localhost/Sent", "mail.identity.id1.fcc_folder_picker_mode": "0",
        "mail.identity.id1.compose_html": False, "offline.download.download_messages": 1, "offline.send.unsent_messages": 1, "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1", "mail.smtpserver.smtp1.type": "smtp",
        "mail.smtpserver.smtp1.hostname": "localhost", "mail.smtpserver.smtp1.port": server.ports["submissions"], "mail.smtpserver.smtp1.try_ssl": 3,
        "mail.smtpserver.smtp1.authMethod": 3, "mail.smtpserver.smtp1.username": address,
    }


QUESTION = """\
From: =?utf-8?q?=C3=96tzi?= <{}>
To: <{}>
Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe=3F?=
Date: Sun, 4 Jan 2026 10:00:00 +0000
Message-ID: <asked@example.org>
References: <begun@example.org>
X-Name: question
Content-Type: text/plain; charset=utf-8

Wie groß?
"""
PASSWORDS = """
for (const scheme of ["imap", "smtp"]) {
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(scheme + "://localhost", null, scheme + "://localhost", args[0], args[1], "", "");
  await Services.logins.addLoginAsync(info);
}
"""


class Checks:
    def __init__(self, server, user, condstore):
        self.server, self.user, self.other, self.sent = server, user, user + 1, {}
        with Reader(server, user) as imap:
            for n in range(40):
                name = f"t{n}"
                self.sent[name] = letter(61, name, octets=(0, 400, 3000, 30_000)[n % 4])
                imap.append("INBOX", self.sent[name], (b"\\Seen",) if n % 3 == 0 else ())
            imap.ok('CREATE "Entwürfe"'.encode())
        self.bird = Thunderbird(preferences(server, user, condstore))
        self.bird.trust(server.ports["imaps"], *(("localhost", server.ports[name]) for name in ("imaps", "submissions")))
        self.bird.run(PASSWORDS, *login(self.user))

    def signs_in(self):
        self.bird.run("""
            await until("window", () => Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow);
            folder("INBOX").updateFolder(window.msgWindow);
            await until("mailboxes", () => args[0].every(name => folder(name)));
            await until("their uses", () => [["Sent", "SentMail"], ["Drafts", "Drafts"], ["Junk", "Junk"], ["Trash", "Trash"], ["Archive", "Archive"]]
              .every(([name, use]) => folder(name).getFlag(Ci.nsMsgFolderFlags[use])));""", ["INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive", "Entwürfe"])

    def reads(self):
        """Each message as it was put there."""
        found = self.bird.run("""
            await update("INBOX");
            await until("messages", () => folder("INBOX").getTotalMessages(false) == args[0]);
            const found = {};
            for (const one of headers("INBOX")) found[one.messageId] = [one.isRead, await source("INBOX", one)];
            return found;""", len(self.sent))
        # What it has stored itself it gives back with fields of its own.
        own = re.compile(rb"^(X-Mozilla-[^\n]*\n)+|^From - [^\n]*\n")
        read = [(seen, own.sub(b"", text.encode("latin-1"))) for seen, text in found.values()]
        read = {name_of(text): (seen, text) for seen, text in read}
        same("messages", sorted(read), sorted(self.sent))
        for n, (name, message) in enumerate(self.sent.items()):
            same(f"{name} read", read[name][0], n % 3 == 0)
            same(name, b"".join(read[name][1].split()), b"".join(message.split()))

    def flags(self):
        self.bird.run("""
            const some = headers("INBOX");
            folder("INBOX").markMessagesFlagged(some.slice(0, 3), true);
            folder("INBOX").markMessagesRead(some.slice(0, 5), true);
            folder("INBOX").addKeywordsToMessages(some.slice(0, 2), "$label1");
            await until("flags", () => some[0].isFlagged);""")
        self.until("flags on the server", lambda imap: sum(b"\\Flagged" in flags for flags in imap.flags().values()) == 3
                   and sum(b"$label1" in flags for flags in imap.flags().values()) == 2)
        with Reader(self.server, self.user) as imap:
            imap.select("INBOX")
            imap.ok(b"UID STORE 10 +FLAGS (\\Answered $label2)")
        self.bird.run("""
            await until("another's flags", async () => {
              await update("INBOX");
              const one = headers("INBOX").find(one => one.messageKey == 10);
              return one.flags & Ci.nsMsgMessageFlags.Replied && one.getStringProperty("keywords").includes("$label2");
            });""")

    def until(self, what, holds, mailbox="INBOX"):
        for _ in range(300):
            with Reader(self.server, self.user) as imap:
                imap.select(mailbox)
                if holds(imap):
                    return
            time.sleep(0.1)
        raise AssertionError(f"no {what}")

    def moves(self):
        self.bird.run("""
            const heard = listener(), some = headers("INBOX").filter(one => [20, 21, 22].includes(one.messageKey));
            MailServices.copy.copyMessages(folder("INBOX"), some, folder("Archive"), true, heard, window.msgWindow, true);
            await heard.ended;
            await update("Archive");
            await until("moved messages", () => folder("Archive").getTotalMessages(false) == 3);""")
        with Reader(self.server, self.user) as imap:
            same("INBOX", imap.select("INBOX")[0], len(self.sent) - 3)
            same("Archive", imap.select("Archive")[0], 3)
        self.until("three in Archive", lambda imap: len(imap.flags()) == 3, "Archive")

    def deletes(self):
        self.bird.run("""
            const heard = listener(), some = headers("INBOX").filter(one => one.messageKey == 25);
            folder("INBOX").deleteMessages(some, window.msgWindow, false, false, heard, true);
            await heard.ended;""")
        self.until("message in Trash", lambda imap: len(imap.flags()) == 1, "Trash")

    def searches(self):
        """On the server."""
        found = self.bird.run("""
            const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
            const term = session.createTerm(), value = term.value;
            value.attrib = Ci.nsMsgSearchAttrib.Subject; value.str = args[0];
            term.attrib = Ci.nsMsgSearchAttrib.Subject; term.op = Ci.nsMsgSearchOp.Contains; term.value = value; term.booleanAnd = true;
            session.appendTerm(term);
            session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder("INBOX"));
            const found = [];
            await new Promise(done => {
              session.registerListener({ onSearchHit(one) { found.push(one.messageKey); }, onSearchDone() { done(); }, onNewSearch() {},
                QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]) });
              session.search(window.msgWindow);
            });
            return found.sort();""", "letter t17")
        same("found", found, [18])

    def answers(self):
        """A reply, sent by submission, with a copy in Sent; what it answers is marked on the server."""
        with Reader(self.server, self.user) as imap:
            uid = imap.append("INBOX", QUESTION.format(login(self.other)[0], login(self.user)[0]).encode().replace(b"\n", b"\r\n"))
        self.bird.run("""await update("INBOX");""" + REPLY, "Größe?", "An answer, größer.")
        self.until("answered message", lambda imap: b"\\Answered" in imap.flags()[uid])
        self.until("copy in Sent", lambda imap: len(imap.flags()) == 1, "Sent")
        with Reader(self.server, self.user) as imap, Reader(self.server, self.other) as other:
            copies, arrived = imap.messages("Sent"), other.messages("INBOX")
        same("copies, and how many arrived", (len(copies), len(arrived)), (1, 1))
        (flags, copy), (_, octets) = *copies.values(), *arrived.values()
        assert b"\\Seen" in flags, flags
        same("Message-ID of the copy", *(email.message_from_bytes(one, policy=email.policy.default)["message-id"] for one in (copy, octets)))
        message = email.message_from_bytes(octets, policy=email.policy.default)
        fields = {name: message[name] for name in ("from", "to", "subject", "in-reply-to", "references")}
        same("fields", fields, {"from": f"Anna <{login(self.user)[0]}>", "to": f"Ötzi <{login(self.other)[0]}>", "subject": "Re: Größe?",
                                "in-reply-to": "<asked@example.org>", "references": "<begun@example.org> <asked@example.org>"})
        text = message.get_content()
        assert "An answer, größer." in text and "> Wie groß?" in text, text

    def works_off_line(self):
        """What was loaded is read without the server; what was done without it is done there afterwards, as a person goes off line and on line again.

        It plays back kind by kind (flags, keywords, copies, moves), each from the first message on up to one for which nothing is left to do; the rest
        waits until the mailbox is opened again. So we begin with what it does last.
        """
        read = self.bird.run("""
            window.MailOfflineMgr.toggleOfflineStatus();
            await until("state off line", () => Services.io.offline);
            const found = [];
            for (const one of headers("INBOX")) found.push(await source("INBOX", one));
            const some = (...keys) => headers("INBOX").filter(one => keys.includes(one.messageKey));
            for (const [one, to, move] of [[some(11, 12), "Archive", true], [some(14), "Entwürfe", false]]) {
              const heard = listener();
              MailServices.copy.copyMessages(folder("INBOX"), one, folder(to), move, heard, window.msgWindow, true);
              await heard.ended;
            }
            const heard = listener();
            folder("INBOX").deleteMessages(some(13), window.msgWindow, false, false, heard, true);
            await heard.ended;
            folder("INBOX").addKeywordsToMessages(some(15), "$label3");
            folder("INBOX").markMessagesFlagged(some(15, 16, 17, 18), true);
            return found;""")
        with Reader(self.server, self.user) as imap:
            imap.append("INBOX", letter(62, "new", 400), ())
            before = {name_of(message): uid for uid, (_, message) in imap.messages("INBOX").items()}
            same("messages read off line", sorted(name_of(text.encode("latin-1")) for text in read), sorted(set(before) - {"new"}))
            # What one expunges that another changes off line, is gone.
            imap.ok(b"UID STORE 18 +FLAGS.SILENT (\\Deleted)")
            imap.ok(b"UID EXPUNGE 18")
        self.bird.run("""window.MailOfflineMgr.toggleOfflineStatus();""")
        for mailbox, expected in (("Archive", {"t10", "t11"}), ("Entwürfe", {"t13"}), ("Trash", {"t12"})):
            self.until(f"{expected} in {mailbox}", lambda imap: expected <= set(map(name_of, imap.bodies())), mailbox)
        left = set(before.values()) - {11, 12, 13, 18}
        self.until("flags", lambda imap: {uid for uid, flags in imap.flags().items() if b"\\Flagged" in flags} >= {15, 16, 17} and b"$label3" in imap.flags()[15])
        with Reader(self.server, self.user) as imap:
            same("INBOX", set(imap.messages("INBOX")), left)
            for mailbox in ("INBOX", "Archive", "Entwürfe", "Trash"):
                for _, message in imap.messages(mailbox).values():
                    name = name_of(message)
                    same(name, message, self.sent.get(name, message))
        self.bird.run("""
            await until("mailbox as it is there", async () => { await update("INBOX"); return headers("INBOX").map(one => one.messageKey).sort().join() == args[0]; });""",
                      ",".join(sorted(map(str, left))))

    def hears_of_new_mail(self):
        """IDLE, while the inbox is open."""
        with Reader(self.server, self.user) as imap:
            imap.append("INBOX", letter(63, "pushed", 400), ())
        self.bird.run("""await until("pushed message", () => headers("INBOX").some(one => one.subject.includes("pushed")));""")

    def starts_again(self):
        """With what it knows, nothing is fetched twice."""
        self.bird.quit()
        said = len(self.bird.said())
        self.bird.start()
        with Reader(self.server, self.user) as imap:
            count = imap.select("INBOX")[0]
        self.bird.run("""
            await until("window", () => Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow);
            await until("messages", async () => { await update("INBOX"); return folder("INBOX").getTotalMessages(false) == args[0]; });""", count)
        again = [line for line in self.bird.said()[said:] if "SendData" in line and "UID FETCH" in line and "BODY" in line]
        assert not again, again[:3]


def main():
    server, tally = Server(), Tally()
    # It does without CONDSTORE unless told.
    for name, user, condstore in (("Thunderbird", 11, False), ("Thunderbird with CONDSTORE", 16, True)):
        checks = Checks(server, user, condstore)
        for what, work in (("signs in", checks.signs_in), ("reads", checks.reads), ("flags", checks.flags), ("moves", checks.moves),
                           ("deletes", checks.deletes), ("searches", checks.searches), ("answers", checks.answers),
                           ("works off line", checks.works_off_line), ("hears of new mail", checks.hears_of_new_mail),
                           ("starts again", checks.starts_again), ("was never refused", checks.bird.never_refused)):
            tally.check(f"{name} {what}", work)
        checks.bird.remove()
    account_hub.checks(tally, server)
    tally.check("the server stops cleanly", server.stop)
    tally.end()


if __name__ == "__main__":
    main()
