#!/usr/bin/env python3
"""Thousands who connect and want nothing, by IMAP and POP3: a login beside them takes its time, and each takes little memory.

    interop/hostile_strangers.py [PART-OF-A-NAME ...]

Each case has a server of its own, for what an allocator keeps of the case before hides what the next one takes. PATIENCE=10
allows ten times the time. Closes with `N passed, M failed`.
"""
from harness import Imap, Pop3, Server, Tally, Wire
from hostile import Watch, client_hello, hang_up

HELLO = client_hello()


def idle(watch, name):
    """They have read the greeting."""
    wire = Wire(watch.server.ports[name])
    wire.line()
    return wire


def handshake(octets):
    """They have said this much of a handshake, and read nothing."""
    def connect(watch, name):
        wire = Wire(watch.server.ports[name + "s"])
        wire.send(HELLO[:octets])
        return wire
    return connect


def secured(watch, name):
    """They have finished the handshake."""
    return watch.speaks(watch.server, tls=True)


def named(watch, name):
    """They are in the midst of a login."""
    wire = idle(watch, name)
    wire.send(b"x LOGIN {4096+}\r\n" + b"a" * 4000 if name == "imap" else b"USER a\r\n")
    return wire


STRANGERS = [
    # name, how many, KiB that each may take, who
    ("idle", 3000, 12, idle),
    ("in the midst of a login", 3000, 24, named),
    ("that never begin TLS", 3000, 12, handshake(0)),
    ("in the midst of the handshake's first message", 2000, 16, handshake(200)),
    ("behind the handshake's first message", 2000, 40, handshake(len(HELLO))),
    ("idle in TLS", 2000, 40, secured),
]


def strangers(speaks, name, count, kib, who):
    server = Server(accounts=3)
    watch = Watch(server, speaks)
    hang_up([who(watch, name) for _ in range(50)])
    for tls in (False, True):
        watch.alive(tls=tls)
    before = watch.pss()
    wires = [who(watch, name) for _ in range(count)]
    notes = [watch.logins(20), "by TLS " + watch.logins(10, tls=True)]
    each = (watch.pss() - before) / count / 1024
    hang_up(wires)
    notes.append(f"{each:.1f} KiB for each of {count}")
    server.stop()
    assert each <= kib, f"{each:.1f} KiB for each of {count}, where {kib} are allowed"
    return ", ".join(notes)


def main():
    tally = Tally()
    for speaks, name in ((Imap, "imap"), (Pop3, "pop3")):
        for words, count, kib, who in STRANGERS:
            tally.check(f"{name}: {count} strangers {words}", strangers, speaks, name, count, kib, who)
    tally.end()


main()
