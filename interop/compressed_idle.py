#!/usr/bin/env python3
"""What an idle IMAP connection takes that compresses: memory (PSS) for each of a thousand, with TLS below and without.

    interop/compressed_idle.py [CONNECTIONS]

Each has selected a mailbox, has fetched fifty bodies and is quiet for longer than the ten seconds after which the server counts
a connection as quiet. Fails above the promised 64 KiB, and when a connection does not go on afterwards.
"""
import sys, time
from compressed import CompressedImap
from harness import USERS, Imap, Server, Tally
from hostile import Watch, hang_up
from letters import letter

COUNT, BODIES, QUIET_S, PROMISED_KIB = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 1000, 50, 12, 64


def talked(server, user, tls):
    imap = CompressedImap(server, user, tls, timeout=60)
    imap.ok(b"SELECT INBOX")
    found = imap.ok(b"FETCH 1:%d (FLAGS BODY.PEEK[])" % BODIES)
    assert len(found) == BODIES and all(len(parts) > 1 for parts in found)
    imap.ok(b"NOOP")
    return imap


def fill(server):
    for user in range(1, USERS + 1):
        with Imap(server, user) as imap:
            for n in range(BODIES):
                imap.ok(b"APPEND INBOX {}", letter(17, f"idle{user}.{n}", (400, 3000, 8000)[n % 3]))


def measured(tls):
    server = Server()
    watch = Watch(server, Imap)
    fill(server)
    server.restart()
    # What is read once is no connection's, nor what a server takes for the first: the next thousand are looked at.
    wires, held = [], []
    for count in (2 * USERS, COUNT):
        wires += [talked(server, n % USERS + 1, tls) for n in range(count)]
        time.sleep(QUIET_S)
        held.append(watch.pss())
    each = (held[1] - held[0]) / COUNT / 1024
    for imap in wires[::50]:
        assert len(imap.ok(b"FETCH 1:%d BODY.PEEK[]" % BODIES)) == BODIES
    hang_up(wires)
    server.stop()
    assert each <= PROMISED_KIB, f"{each:.1f} KiB each, where {PROMISED_KIB} are promised"
    return f"{each:.1f} KiB for each of {COUNT} idle connections, {held[0] >> 20} MiB before and {held[1] >> 20} MiB with them"


def main():
    tally = Tally()
    tally.check("compressed and idle", measured, False)
    tally.check("compressed and idle in TLS", measured, True)
    tally.end()


main()
