"""imapfilter, getmail and fetchmail: they take mail away, or sort it."""
import glob, os
from harness import HOST, login, need, same
from letters import letter
from mailboxes import Reader, name_of
from senders import run, written


def fill(server, user, count):
    with Reader(server, user) as imap:
        for n in range(count):
            imap.append("INBOX", letter(71, f"f{n}", 2000))


def imapfilter(server, user):
    need("imapfilter")
    fill(server, user, 12)
    text = f"""options.certificates = false
options.starttls = false
options.create = true
a = IMAP {{ server = '{HOST}', port = {server.ports['imap']}, username = '{login(user)[0]}', password = '{login(user)[1]}' }}
a:create_mailbox('Filtered')
a.INBOX:contain_field('X-Name', 'f1'):move_messages(a['Filtered'])
a.INBOX:contain_subject('letter f3'):copy_messages(a['Copied by it'])
a.INBOX:contain_subject('letter f4'):mark_flagged()
a.INBOX:match_header('^X-Name: f5')
a.INBOX:is_smaller(1):delete_messages();
(a.INBOX:contain_subject('letter f6') + a.INBOX:contain_subject('letter f7')):delete_messages()
exists, recent, unseen = a.INBOX:check_status()
assert(exists == 7, exists)
a.INBOX:contain_subject('letter f8'):add_flags({{'Keyword8'}})
assert(#a.INBOX:has_keyword('Keyword8') == 1)
a:rename_mailbox('Filtered', 'Renamed')
"""
    code, said = run(["imapfilter", "-c", written(server, "imapfilter.lua", text.encode())], env={**os.environ, "HOME": server.folder})
    assert code == 0, f"exit status {code}: {said}"
    with Reader(server, user) as imap:
        found = {name_of(message): flags for flags, message in imap.messages("INBOX").values()}
        same("left", sorted(found), ["f0", "f2", "f3", "f4", "f5", "f8", "f9"])
        assert b"\\Flagged" in found["f4"] and b"Keyword8" in found["f8"], found
        # f1, f10 and f11 contain what was looked for.
        same("moved", len(imap.messages("Renamed")), 3)
        same("copied", len(imap.messages("Copied by it")), 1)


def getmail(server, user):
    need("getmail")
    fill(server, user, 10)
    folder = os.path.join(server.folder, "getmail")
    os.mkdir(folder)
    with open(folder + "/getmailrc", "w") as out:
        out.write(f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = {HOST}\nport = {server.ports['imaps']}\nusername = {login(user)[0]}\n"
                  f"password = {login(user)[1]}\nmailboxes = ('INBOX',)\n[destination]\ntype = MDA_external\npath = /bin/sh\n"
                  f"arguments = ('-c', 'cat >{folder}/$$.eml')\nallow_root_commands = true\n"
                  "[options]\ndelete = true\ndelivered_to = false\nreceived = false\nmessage_log_verbose = false\n")
    code, said = run(["getmail", "--getmaildir=" + folder], env={**os.environ, "HOME": server.folder})
    assert code == 0, f"exit status {code}: {said}"
    got = []
    for file in glob.glob(folder + "/*.eml"):
        with open(file, "rb") as message:
            got.append(name_of(message.read()))
    # It writes messages anew, so their octets tell nothing.
    same("messages", sorted(got), sorted(f"f{n}" for n in range(10)))
    with Reader(server, user) as imap:
        same("left", imap.messages("INBOX"), {})


def fetchmail(server, user):
    need("fetchmail")
    fill(server, user, 10)
    out = os.path.join(server.folder, "fetchmail.mbox")
    config = (f"poll {HOST} port {server.ports['imaps']} protocol IMAP user \"{login(user)[0]}\" password \"{login(user)[1]}\" "
              f"ssl no sslcertck mda \"cat >> {out}\"\n")
    command = ["fetchmail", "-f", written(server, "fetchmailrc", config.encode()), "--nosyslog", "-a", "--pidfile", f"{server.folder}/fetchmail.pid"]
    os.chmod(os.path.join(server.folder, "fetchmailrc"), 0o600)
    code, said = run(command, env={**os.environ, "HOME": server.folder})
    assert code == 0, f"exit status {code}: {said}"
    with open(out, "rb") as text:
        same("fetched", text.read().count(b"\nX-Name: f"), 10)
    code, said = run(command, env={**os.environ, "HOME": server.folder})
    same("exit status without mail", code, 1)
    with Reader(server, user) as imap:
        same("left", imap.messages("INBOX"), {})


def checks(tally, server):
    tally.check("imapfilter: sorts", imapfilter, server, 36)
    tally.check("getmail: takes away", getmail, server, 37)
    tally.check("fetchmail: takes away", fetchmail, server, 38)
