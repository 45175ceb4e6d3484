"""mutt and neomutt, driven by keys on a terminal of their own: read, search, flag, move, copy, save, send."""
import os, pty, select, signal, struct, time, fcntl, termios
from harness import DOMAIN, HOST, login, need, same
from letters import letter
from mailboxes import Reader, name_of, without_trace

# Asks nothing, marks and deletes as told.
CONFIG = """set imap_user='{user}' imap_pass='{password}' folder='{url}' spoolfile='{url}INBOX' record='{url}Sent' postponed='{url}Drafts'
set ssl_force_tls={tls} ssl_starttls={tls} ssl_verify_host=no ssl_verify_dates=no certificate_file='{folder}/accepted.pem'
set confirmappend=no confirmcreate=no delete=yes move=no mark_old=no wait_key=no quit=yes sort=mailbox-order sleep_time=0 menu_scroll
set from='{user}' realname=Reader smtp_url='smtp://{host}:{smtp}' charset=utf-8 imap_idle=no imap_check_subscribed=no copy=yes
set pager_index_lines=0 tmpdir='{folder}' header_cache='' message_cachedir='' abort_noattach=no beep=no
"""


def on_a_terminal(command, folder, timeout=60):
    """Runs `command` until it ends; what it showed when it does not."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", HOME=folder, LC_ALL="C.UTF-8", EDITOR="./editor")
        os.chdir(folder)
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    shown, end = b"", time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 1 << 16)
            except OSError:
                break
    else:
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    assert status == 0, f"exit status {status}, shown last: {shown[-1200:]!r}"


def config(server, program, user, tls):
    path = os.path.join(server.folder, f"{program}-{user}")
    os.makedirs(path, exist_ok=True)
    url = f"{'imaps' if tls else 'imap'}://{HOST}:{server.ports['imaps' if tls else 'imap']}/"
    with open(os.path.join(path, "rc"), "w") as out:
        out.write(CONFIG.format(user=login(user)[0], password=login(user)[1], url=url, tls="no", folder=path, host=HOST, smtp=server.ports["smtp"]))
    if tls:
        import ssl
        with open(os.path.join(path, "accepted.pem"), "w") as out:
            out.write(ssl.get_server_certificate((HOST, server.ports["imaps"])))
    return path


def keys(server, program, user, keys, tls=False):
    path = config(server, program, user, tls)
    on_a_terminal([program, "-F", "rc", "-e", f"push '{keys}'"], path)


def reads(server, program, user):
    """Seven letters, and something done with each."""
    need(program)
    with Reader(server, user) as imap:
        letters = [letter(61, f"mutt{n}", 600 + n * 3000) for n in range(7)]
        for message in letters:
            imap.append("INBOX", message)
        keys(server, program, user, "<first-entry><display-message><exit>"
             "2<enter><flag-message>"
             "3<enter><save-message>=Saved/here<enter>"
             "4<enter><copy-message>=Gespeichert/äöü<enter>"
             "5<enter><delete-message>"
             "6<enter><set-flag>r"
             "<sync-mailbox><quit>")
        found = {name_of(message): flags for flags, message in imap.messages("INBOX").values()}
        same("left", sorted(found), ["mutt0", "mutt1", "mutt3", "mutt5", "mutt6"])
        same("read", found["mutt0"], frozenset((b"\\Seen",)))
        assert b"\\Flagged" in found["mutt1"] and b"\\Answered" in found["mutt5"], found
        same("saved", [message for _, message in imap.messages("Saved/here").values()], [letters[2]])
        same("copied", [message for _, message in imap.messages("Gespeichert/äöü").values()], [letters[3]])


def searches(server, program, user):
    """The server searches (~=h and the like), tags are worked on at once, the mailbox is changed within."""
    need(program)
    with Reader(server, user) as imap:
        imap.ok(b"CREATE Found")
        for n in range(30):
            imap.append("INBOX", b"Subject: number %d\r\nX-Kind: %s\r\nFrom: a@example.org\r\n\r\ntext %d here\r\n" % (n, (b"odd", b"even")[n % 2 == 0], n))
        keys(server, program, user, '<tag-pattern>=h "X-Kind: odd"<enter><tag-prefix><save-message>=Found<enter>'
             '<tag-pattern>=b "text 2 "<enter><tag-prefix><flag-message>'
             "<sync-mailbox><change-folder>=Found<enter><first-entry><display-message><exit><change-folder>!<enter><quit>", tls=True)
        same("found", len(imap.messages("Found")), 15)
        same("left", len(imap.messages("INBOX")), 15)
        same("flagged", sum(b"\\Flagged" in flags for flags, _ in imap.messages("INBOX").values()), 1)
        same("read", sum(b"\\Seen" in flags for flags, _ in imap.messages("Found").values()), 1)


def sends(server, program, user):
    """A message by SMTP, with a copy in Sent by APPEND: both the same but for the trace fields."""
    need(program)
    path = config(server, program, user, False)
    with open(os.path.join(path, "editor"), "w") as out:
        out.write("#!/bin/sh\nprintf 'Grüße\\n.\\nFrom here\\n\\n' >>\"$1\"\n")
    os.chmod(os.path.join(path, "editor"), 0o700)
    keys(server, program, user, f"<mail>u{user + 1}@{DOMAIN}<enter>Größe der Sendung<enter><send-message><quit>")
    with Reader(server, user) as imap, Reader(server, user + 1) as other:
        sent = [message for _, message in imap.messages("Sent").values()]
        got = [without_trace(message) for _, message in other.messages("INBOX").values()]
    same("messages", (len(sent), len(got)), (1, 1))
    same("what arrived", got[0], sent[0])


def checks(tally, server):
    for user, program in ((10, "mutt"), (15, "neomutt")):
        tally.check(f"{program}: reads, flags, moves, saves", reads, server, program, user)
        tally.check(f"{program}: searches on the server, over TLS", searches, server, program, user + 1)
        tally.check(f"{program}: sends and keeps", sends, server, program, user + 2)
