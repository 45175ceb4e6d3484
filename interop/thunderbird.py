#!/usr/bin/env python3
"""Thunderbird against a fresh server: reads, answers, flags, moves, searches, works off line, and agrees with the server after it.

    interop/thunderbird.py [PART-OF-A-NAME ...]

Needs Debian's thunderbird (no screen). Closes with `N passed, M failed`.
"""
import email, email.policy, re, time
from harness import Server, Tally, login, same
from letters import letter
from mailboxes import Reader, name_of
from marionette import Thunderbird

USER, OTHER = 11, 12


def preferences(server):
    """An account as the assistant would have made it."""
    address, _ = login(USER)
    name = address.replace("@", "%40")
    return {
        "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1", "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1", "mail.server.server1.type": "imap", "mail.server.server1.hostname": "localhost",
        "mail.server.server1.port": server.ports["imaps"], "mail.server.server1.socketType": 3, "mail.server.server1.authMethod": 3,
        "mail.server.server1.userName": address, "mail.server.server1.name": address, "mail.server.server1.login_at_startup": False,
        "mail.server.server1.check_new_mail": False, "mail.server.server1.offline_download": True, "mail.server.server1.using_subscription": False,
        "mail.identity.id1.useremail": address, "mail.identity.id1.fullName": "Anna", "mail.identity.id1.smtpServer": "smtp1", "mail.identity.id1.valid": True,
        "mail.identity.id1.fcc": True, "mail.identity.id1.fcc_folder": f"imap://{name}@localhost/Sent", "mail.identity.id1.fcc_folder_picker_mode": "0",
        "mail.identity.id1.compose_html": False, "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1", "mail.smtpserver.smtp1.type": "smtp",
        "mail.smtpserver.smtp1.hostname": "localhost", "mail.smtpserver.smtp1.port": server.ports["submissions"], "mail.smtpserver.smtp1.try_ssl": 3,
        "mail.smtpserver.smtp1.authMethod": 3, "mail.smtpserver.smtp1.username": address,
    }


PASSWORDS = """
for (const scheme of ["imap", "smtp"]) {
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(scheme + "://localhost", null, scheme + "://localhost", args[0], args[1], "", "");
  await Services.logins.addLoginAsync(info);
}
"""


class Checks:
    def __init__(self, server):
        self.server, self.sent = server, {}
        with Reader(server, USER) as imap:
            for n in range(40):
                name = f"t{n}"
                self.sent[name] = letter(61, name, octets=(0, 400, 3000, 30_000)[n % 4])
                imap.append("INBOX", self.sent[name], (b"\\Seen",) if n % 3 == 0 else ())
            imap.ok('CREATE "Entwürfe"'.encode())
        self.bird = Thunderbird(preferences(server))
        self.bird.trust("localhost", (server.ports["imaps"], server.ports["submissions"]))
        self.bird.run(PASSWORDS, *login(USER))

    def signs_in(self):
        names = self.bird.run("""
            await until("window", () => Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow);
            folder("INBOX").updateFolder(window.msgWindow);
            await until("folders", () => folder("INBOX") && folder("Sent"));
            return server().rootFolder.descendants.map(one => one.localizedName);""")
        assert {"Inbox", "Sent", "Trash", "Entwürfe"} <= set(names), names

    def reads(self):
        """Each message as it was put there."""
        found = self.bird.run("""
            await update("INBOX");
            await until("messages", () => folder("INBOX").getTotalMessages(false) == args[0]);
            const found = {};
            for (const one of headers("INBOX")) {
              const uri = folder("INBOX").getUriForMsg(one);
              const text = await new Promise((yes, no) => {
                let all = "";
                MailServices.messageServiceFromURI(uri).streamMessage(uri, {
                  onStartRequest() {}, onStopRequest(request, status) { Components.isSuccessCode(status) ? yes(all) : no(new Error(status)); },
                  onDataAvailable(request, stream, offset, count) {
                    const input = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
                    input.setInputStream(stream); all += input.readBytes(count);
                  }, QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]) }, window.msgWindow, null, false, "");
              });
              found[one.messageId] = [one.isRead, text];
            }
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
        with Reader(self.server, USER) as imap:
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
            with Reader(self.server, USER) as imap:
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
        with Reader(self.server, USER) as imap:
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
        """A reply, sent by submission, with a copy in Sent."""
        self.bird.run("""
            const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
            const parameters = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
            fields.to = args[0]; fields.subject = "Re: Grüße"; fields.references = "<t3@example.org>"; fields.body = "An answer, größer.\\r\\n";
            fields.from = args[1];
            parameters.composeFields = fields; parameters.format = Ci.nsIMsgCompFormat.PlainText; parameters.type = Ci.nsIMsgCompType.New;
            const identity = MailServices.accounts.defaultAccount.defaultIdentity;
            parameters.identity = identity;
            const compose = MailServices.compose.initCompose(parameters, null, null);
            await new Promise((yes, no) => {
              compose.addMsgSendListener({ onStartSending() {}, onSendProgress() {}, onProgress() {}, onStatus() {}, onGetDraftFolderURI() {},
                onStopSending(id, status) { status ? no(new Error("sending: " + status.toString(16))) : yes(); }, onSendNotPerformed() { no(new Error("not sent")); },
                onTransportSecurityError() {}, QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]) });
              compose.sendMsg(Ci.nsIMsgCompDeliverMode.Now, identity, MailServices.accounts.defaultAccount.key, null, null);
            });""", login(OTHER)[0], login(USER)[0])
        self.until("copy in Sent", lambda imap: len(imap.flags()) == 1, "Sent")
        with Reader(self.server, OTHER) as imap:
            messages = imap.messages("INBOX")
        same("arrived", len(messages), 1)
        (_, octets), = messages.values()
        message = email.message_from_bytes(octets, policy=email.policy.default)
        same("subject", message["subject"], "Re: Grüße")
        same("body", message.get_content().strip(), "An answer, größer.")

    def works_off_line(self):
        """What was loaded is read without the server; what was done without it is done there afterwards."""
        self.bird.run("""
            folder("INBOX").setFlag(Ci.nsMsgFolderFlags.Offline);
            folder("INBOX").downloadAllForOffline(listener(), window.msgWindow);
            await until("whole folder", () => headers("INBOX").every(one => one.flags & Ci.nsMsgMessageFlags.Offline));
            Services.io.offline = true;
            const some = headers("INBOX");
            folder("INBOX").markMessagesFlagged(some.slice(10, 14), true);
            MailServices.copy.copyMessages(folder("INBOX"), some.slice(14, 16), folder("Archive"), true, listener(), window.msgWindow, true);
            await sleep(1000);""")
        with Reader(self.server, USER) as imap:
            imap.append("INBOX", letter(62, "new", 400), ())
        before = len(self.sent) - 4 + 1
        self.bird.run("""
            Services.io.offline = false;
            const manager = Cc["@mozilla.org/messenger/offline-manager;1"].getService(Ci.nsIMsgOfflineManager);
            manager.goOnline(false, true, window.msgWindow);
            await until("what is new", async () => { await update("INBOX"); return folder("INBOX").getTotalMessages(false) == args[0]; });""", before - 2)
        self.until("flags", lambda imap: sum(b"\\Flagged" in flags for flags in imap.flags().values()) == 7)
        self.until("moved messages", lambda imap: len(imap.flags()) == 5, "Archive")

    def hears_of_new_mail(self):
        """IDLE, while the inbox is open."""
        with Reader(self.server, USER) as imap:
            imap.append("INBOX", letter(63, "pushed", 400), ())
        self.bird.run("""await until("pushed message", () => headers("INBOX").some(one => one.subject.includes("pushed")));""")

    def starts_again(self):
        """With what it knows, nothing is fetched twice."""
        self.bird.stop()
        self.bird.start()
        self.bird.run("""
            await until("window", () => Services.wm.getMostRecentWindow("mail:3pane")?.msgWindow);
            await update("INBOX");""")
        with Reader(self.server, USER) as imap:
            count = imap.select("INBOX")[0]
        same("messages", self.bird.run("""return folder("INBOX").getTotalMessages(false);"""), count)

    def was_never_refused(self):
        """Nothing that it sent was BAD."""
        bad = [line for line in self.bird.said() if " BAD " in line]
        assert not bad, bad[:3]


def main():
    server, tally = Server(), Tally()
    checks = Checks(server)
    for name, work in (("signs in", checks.signs_in), ("reads", checks.reads), ("flags", checks.flags), ("moves", checks.moves), ("deletes", checks.deletes),
                       ("searches", checks.searches), ("answers", checks.answers), ("works off line", checks.works_off_line),
                       ("hears of new mail", checks.hears_of_new_mail), ("starts again", checks.starts_again), ("was never refused", checks.was_never_refused)):
        tally.check(f"Thunderbird {name}", work)
    checks.bird.remove()
    tally.check("the server stops cleanly", server.stop)
    tally.end()


if __name__ == "__main__":
    main()
