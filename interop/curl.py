"""curl: reads, lists, searches, appends, flags and moves over imap, imap with STARTTLS, and imaps."""
import os
from harness import HOST, login, need, same
from letters import letter
from mailboxes import Reader, empty
from senders import run, written

USER = 1
WAYS = {"imap": ("imap", ()), "starttls": ("imap", ("--ssl-reqd",)), "imaps": ("imaps", ())}


def curl(server, way, path, *more, status=0):
    scheme, options = WAYS[way]
    out = os.path.join(server.folder, "curl.out")
    url = f"{scheme}://{HOST}:{server.ports[scheme]}/{path}"
    code, said = run(["curl", "-sSk", "-o", out, "-u", ":".join(login(USER)), url, *options, *more])
    assert code == status, f"{url} {more}: exit status {code}: {said}"
    with open(out, "rb") as got:
        return got.read()


def round_trip(server, way):
    need("curl")
    empty(server, USER)
    message = letter(21, "curl", 30_000)
    with Reader(server, USER) as imap:
        imap.ok(b'CREATE "Kopien/\xc3\x84lter"')
        curl(server, way, "INBOX", "-T", written(server, "a.eml", message))
        curl(server, way, "INBOX", "-T", written(server, "b.eml", letter(22, "second", 300)))
        _, _, next_uid = imap.select("INBOX")
        same("as appended", imap.body(next_uid - 2), message)
        same("by number", curl(server, way, "INBOX;MAILINDEX=1"), message)
        same("by UID", curl(server, way, f"INBOX;UID={next_uid - 2}"), message)
        same("header", curl(server, way, "INBOX;MAILINDEX=1;SECTION=HEADER"), message[:message.index(b"\r\n\r\n") + 4])
        same("partial", curl(server, way, "INBOX;MAILINDEX=1;PARTIAL=10.100"), message[10:110])
        same("search", curl(server, way, "INBOX?HEADER%20X-Name%20second").strip(), b"* SEARCH 2")
        assert b'Kopien/&AMQ-lter' in curl(server, way, ""), "LIST"
        curl(server, way, "INBOX", "-X", "STORE 2 +FLAGS (\\Flagged $Work)")
        same("flags", imap.flags()[next_uid - 1] - {b"\\Recent"}, frozenset((b"\\Flagged", b"$Work", b"\\Seen")))
        curl(server, way, "INBOX", "-X", "MOVE 1 Kopien/&AMQ-lter")
        same("moved", [m for _, m in imap.messages("Kopien/Älter").values()], [message])
        same("read there", curl(server, way, "Kopien%2F%26AMQ-lter;MAILINDEX=1"), message)
        same("left", len(imap.messages("INBOX")), 1)
        curl(server, way, "", "-X", "DELETE Kopien/&AMQ-lter")
        curl(server, way, "Nowhere;MAILINDEX=1", status=67)
        curl(server, way, "INBOX;MAILINDEX=9", status=78)


def wrong_password(server):
    need("curl")
    code, _ = run(["curl", "-sSk", "-u", f"{login(USER)[0]}:wrong", f"imaps://{HOST}:{server.ports['imaps']}/"])
    same("exit status", code, 67)


def checks(tally, server):
    for way in WAYS:
        tally.check(f"curl: {way}", round_trip, server, way)
    tally.check("curl: a wrong password", wrong_password, server)
