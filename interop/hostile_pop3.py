#!/usr/bin/env python3
"""Hostile POP3 clients, and hostile mail, against a fresh server.

    interop/hostile_pop3.py [PART-OF-A-NAME ...]

Each case says what answer is due and how much memory the server may take for it at its peak; after each, a stranger still
logs in at once. PATIENCE=10 allows ten times the time, for a debug build or a busy machine. Closes with `N passed, M failed`.
"""
import base64, hashlib, random, re, socket, ssl, threading, time
from types import SimpleNamespace
from evil_mail import EVIL as EVIL_MAIL
from harness import HOST, Imap, Pop3, Server, Tally, free_ports, login, no_verification, same
from hostile import LOGIN_S, MIB, OWNER, PATIENCE, VIEW_S, Dripper, Watch, client_hello, cross_protocol, dripping, gone, guess, hang_up

USER, VICTIM, LARGE, MANY, SECRET = 1, 3, 4, 5, 6
# Beside the others one where a password needs TLS.
STRICT, = free_ports(1)
server = Server(accounts=12, apop=(SECRET,), tables=f'[[listener]]\nprotocol = "pop3"\naddress = "{HOST}:{STRICT}"')
watch = Watch(server, Pop3)
alive = watch.alive


def fill(user, *messages):
    """Makes the maildrop hold just these."""
    with Imap(server, user, timeout=60) as imap:
        imap.ok(b"SELECT INBOX")
        # Refused when there is none.
        imap.command(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        imap.ok(b"CLOSE")
        for message in messages:
            imap.ok(b"APPEND INBOX {}", message)


# Lines

def long_lines(user):
    for size in (513, 1000, 60_000):
        with Pop3(server, user) as pop:
            pop.refused(b"NOOP " + b"A" * size)
            pop.ok(b"CAPA")
            pop.lines()


def endless_line(user):
    with Pop3(server, user) as pop:
        try:
            for _ in range(32):
                pop.send(b"A" * MIB)
        except ConnectionError:
            return
        gone(pop)


def told_before_its_end():
    with Pop3(server) as pop:
        pop.send(b"A" * 2000)
        assert pop.line().startswith(b"-ERR"), "told before the line has ended"
        pop.send(b"A" * 2000 + b"\r\n")
        pop.ok(b"CAPA")
        pop.lines()


def the_longest_line():
    with Pop3(server) as pop:
        # RFC 2449: 255 octets with CRLF.
        pop.ok(b"USER " + b"a" * 248)
        pop.refused(b"PASS " + b"b" * 248, b"-ERR [AUTH]")


def odd_octets():
    with Pop3(server) as pop:
        for line in (b"NO\0OP", b"\0", b"USER a\0b", b"USER \xff\xfe", b"USER a\tb", b"\xff", b"USER \xc3", b"AUTH \0", b"LANG \xff", b" CAPA", b"CAPA\0"):
            pop.refused(line)
    with Pop3(server, USER) as pop:
        for line in (b"RETR \0", b"TOP 1 \xff", b"LIST 1\0", b"\0" * 100, b"DELE\t1"):
            pop.refused(line)
        pop.send(b"NOOP\nNOOP\r\nNOOP\n")
        assert [pop.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        pop.send(b"NOOP\rNOOP\r\n")
        assert pop.line().startswith(b"-ERR"), "a bare CR ends no line"


def noise(tls):
    chance = random.Random(1)
    for _ in range(20):
        try:
            with Pop3(server, tls=tls) as pop:
                pop.send(chance.randbytes(MIB // 8))
                gone(pop)
        except (ConnectionError, ssl.SSLError):
            pass


def empty_lines():
    with Pop3(server) as pop:
        pop.send(b"\r\n" * 50_000)
        assert gone(pop, b"too many errors").count(b"-ERR") == 20


def twenty_errors(line, user):
    with Pop3(server, user) as pop:
        try:
            pop.send((line + b"\r\n") * 2000)
        except ConnectionError:
            pass
        assert gone(pop, b"too many errors").count(b"-ERR") == 20


# Commands and states

def every_command_in_the_wrong_state():
    with Pop3(server) as pop:
        for line in (b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"NOOP", b"RSET", b"TOP 1 1", b"UIDL", b"PASS x"):
            pop.refused(line)
    with Pop3(server, USER) as pop:
        for line in (b"USER a", b"PASS b", b"APOP a " + b"0" * 32, b"AUTH PLAIN", b"STLS", b"UTF8"):
            pop.refused(line)
        pop.ok(b"NOOP")


def numbers():
    fill(USER, b"Subject: n\r\n\r\nx\r\n")
    with Pop3(server, USER) as pop:
        for number in (b"0", b"2", b"-1", b"+1", b"4294967295", b"4294967296", b"4294967297", b"18446744073709551617", b"9" * 200, b"1.0", b"0x1", b"1e0", b"\xd9\xa1", b"*", b"1:2", b"1,1"):
            for command in (b"RETR %s", b"DELE %s", b"LIST %s", b"UIDL %s", b"TOP %s 0"):
                pop.refused(command % number)
                pop.ok(b"NOOP")
        for lines in (b"-1", b"", b"x", b"1 1"):
            pop.refused(b"TOP 1 " + lines)
            pop.ok(b"NOOP")
        for lines in (b"4294967295", b"99999999999999999999"):
            same("TOP", pop.many(b"TOP 1 " + lines), [b"Subject: n", b"", b"x"])
        same("leading zeros", pop.many(b"RETR 0001"), [b"Subject: n", b"", b"x"])


def endless_deletions():
    fill(USER, *(b"Subject: n\r\n\r\nx\r\n",) * 10)
    with Pop3(server, USER) as pop:
        for _ in range(300):
            for n in range(1, 11):
                pop.ok(b"DELE %d" % n)
            pop.ok(b"RSET")
        pop.send(b"DELE 1\r\n" * 10_000)
        assert sum(pop.line().startswith(b"+OK") for _ in range(10_000)) == 1
    with Pop3(server, USER) as pop:
        assert pop.ok(b"STAT").startswith(b"+OK 10 "), "hanging up removes nothing"


def quit_and_more():
    fill(USER, b"Subject: 1\r\n\r\nx\r\n", b"Subject: 2\r\n\r\nx\r\n")
    with Pop3(server, USER) as pop:
        pop.send(b"DELE 1\r\nQUIT\r\nDELE 2\r\nQUIT\r\n")
        assert gone(pop, b"removed").count(b"+OK") == 2
    with Pop3(server, USER) as pop:
        assert pop.ok(b"STAT").startswith(b"+OK 1 ")


def cut_before_quit():
    """QUIT cut in two by a hang-up is no QUIT."""
    fill(USER, b"Subject: 1\r\n\r\nx\r\n")
    for end in (b"", b"QU", b"QUIT", b"QUIT\r"):
        pop = Pop3(server, USER)
        pop.ok(b"DELE 1")
        pop.send(end)
        pop.sock.shutdown(socket.SHUT_WR)
        gone(pop)
    with Pop3(server, USER) as pop:
        assert pop.ok(b"STAT").startswith(b"+OK 1 ")


def two_at_once():
    """Two sessions fetch and remove the same; neither is locked out, nothing but what was marked goes."""
    fill(USER, *(b"Subject: %d\r\n\r\nx\r\n" % n for n in range(20)))
    one, two = Pop3(server, USER), Pop3(server, USER)
    for n in range(1, 11):
        one.ok(b"DELE %d" % n)
    for n in range(6, 16):
        two.ok(b"DELE %d" % n)
    one.ok(b"QUIT")
    # What another session removed is kept for a while, so it can still be read, but is never something else.
    same("what was removed elsewhere", two.many(b"RETR 1")[0], b"Subject: 0")
    same("what is still there", two.many(b"RETR 16")[0], b"Subject: 15")
    two.ok(b"QUIT")
    with Pop3(server, USER) as pop:
        assert pop.ok(b"STAT").startswith(b"+OK 5 ")


# AUTH

def authenticate():
    with Pop3(server) as pop:
        for line in (b"AUTH NONE", b"AUTH " + b"X" * 21, b"AUTH PLAIN !", b"AUTH PLAIN AAA", b"AUTH PLAIN a b", b"AUTH ../../x", b"AUTH PLAIN =="):
            pop.refused(line)
    for response in (b"", b"*", b"!", b"AAAA", b"=", b"A" * 16_384, b"A" * 16_385, b"A" * 60_000, base64.b64encode(b"\0" * 12_000)):
        with Pop3(server) as pop:
            assert pop.command(b"AUTH PLAIN") == b"+ "
            pop.send(response + b"\r\n")
            assert pop.line().startswith(b"-ERR"), response[:20]
            pop.ok(b"CAPA")


def auth_response_endless():
    with Pop3(server) as pop:
        pop.command(b"AUTH PLAIN")
        try:
            for _ in range(16):
                pop.send(b"A" * MIB)
        except ConnectionError:
            return
        gone(pop)


def auth_for_another():
    (owner, secret), (victim, _) = login(OWNER), login(VICTIM)
    with Pop3(server) as pop:
        pop.refused(b"AUTH PLAIN " + base64.b64encode(f"{victim}\0{owner}\0{secret}".encode()), b"-ERR [AUTH]")


def scram_broken():
    """Exchanges that are not brought to an end, out of order, or wrong."""
    for mechanism in (b"SCRAM-SHA-256", b"SCRAM-SHA-1"):
        for first in (b"n,,n=%s,r=abc" % login(OWNER)[0].encode(), b"n,,n=nobody,r=abc", b"y,,n=a,r=", b"p=x,,n=a,r=b", b"n,,", b"n,a=b,n=c,r=d", b"n,,n=a,r=b,m=x"):
            with Pop3(server) as pop:
                answer = pop.command(b"AUTH " + mechanism + b" " + base64.b64encode(first))
                if answer.startswith(b"+ "):
                    challenge = base64.b64decode(answer[2:])
                    nonce = re.search(rb"r=([^,]+)", challenge)[1]
                    pop.refused(base64.b64encode(b"c=biws,r=" + nonce + b",p=" + base64.b64encode(b"\0" * 32)))
                else:
                    assert answer.startswith(b"-ERR"), answer


def apop_guessed():
    with Pop3(server) as pop:
        stamp = re.search(rb"<[^>]+>$", pop.greeting)[0]
        name, secret = (x.encode() for x in login(SECRET))
        for line in (b"APOP", b"APOP x", b"APOP " + name, b"APOP " + name + b" " + b"0" * 31, b"APOP " + name + b" " + b"z" * 32):
            pop.refused(line)
        pop.refused(b"APOP " + name + b" " + b"0" * 32, b"-ERR [AUTH]")
        other, word = (x.encode() for x in login(OWNER))
        pop.refused(b"APOP " + other + b" " + hashlib.md5(stamp + word).hexdigest().encode(), b"-ERR [AUTH]")
        pop.ok(b"APOP " + name + b" " + hashlib.md5(stamp + secret).hexdigest().encode())


def timestamps_differ():
    stamps = set()
    for _ in range(50):
        with Pop3(server) as pop:
            stamps.add(re.search(rb"<[^@<>]+@[^<>]+>$", pop.greeting)[0])
    assert len(stamps) == 50


def replayed_digest():
    name, secret = (x.encode() for x in login(SECRET))
    with Pop3(server) as pop:
        stamp = re.search(rb"<[^>]+>$", pop.greeting)[0]
        heard = b"APOP " + name + b" " + hashlib.md5(stamp + secret).hexdigest().encode()
        pop.ok(heard)
    with Pop3(server) as pop:
        pop.refused(heard, b"-ERR [AUTH]")


def guessing():
    """Five wrong passwords end a connection; a dozen make the login wait; its owner elsewhere, and others, do not."""
    victim = login(VICTIM)[0].encode()
    slowed, tried = False, 0
    for _ in range(6):
        with Pop3(server) as pop:
            for n in range(5):
                tried += 1
                pop.ok(b"USER " + victim)
                answer = pop.command(b"PASS wrong%d" % tried)
                assert answer.startswith((b"-ERR [AUTH]", b"-ERR [SYS/TEMP]")), answer
                slowed |= answer.startswith(b"-ERR [SYS/TEMP]")
            gone(pop)
    assert slowed, "thirty guesses, and none had to wait"
    times = [alive() for _ in range(5)]
    assert max(times) < LOGIN_S, f"another login took {max(times):.2f} s"


def nobody_looks_like_somebody():
    with Pop3(server) as pop:
        same("answers to USER", pop.command(b"USER nobody@nowhere"), pop.command(b"USER " + login(OWNER)[0].encode()))
        nobody = (pop.ok(b"USER nobody"), pop.command(b"PASS x"))[1]
    with Pop3(server) as pop:
        somebody = (pop.ok(b"USER " + login(9)[0].encode()), pop.command(b"PASS x"))[1]
    same("answers to PASS", nobody, somebody)


# TLS

def stls_injection():
    for sent in (b"STLS\r\nUSER %s\r\nPASS %s\r\nSTAT\r\n" % tuple(x.encode() for x in login(OWNER)), b"STLS\r\nCAPA\r\nCAPA\r\n", b"STLS\r\n" + b"X" * 40_000 + b"\r\n"):
        with Pop3(server) as pop:
            pop.send(sent)
            assert pop.line().startswith(b"+OK")
            # What came in the clear may also break the handshake; it must never be answered.
            try:
                pop.sock = no_verification().wrap_socket(pop.sock)
            except (ssl.SSLError, ConnectionError):
                continue
            assert pop.quiet(0.5) == b"", "what was sent before TLS is answered"
            pop.refused(b"STAT")


def stls_twice():
    with Pop3(server) as pop:
        pop.ok(b"USER " + login(OWNER)[0].encode())
        pop.ok(b"STLS")
        pop.sock = no_verification().wrap_socket(pop.sock)
        pop.refused(b"PASS " + login(OWNER)[1].encode())
        pop.refused(b"STLS")
        pop.ok(b"CAPA")
        assert b"STLS" not in pop.lines()


def no_tls_at_all():
    """Plain octets to the TLS port, TLS to the other."""
    for port, octets in (("pop3s", b"USER a\r\n"), ("pop3", client_hello()), ("pop3", client_hello()[:20])):
        with socket.create_connection((HOST, server.ports[port]), 20) as sock:
            sock.sendall(octets)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass


def no_password_in_the_clear():
    """Where passwords need TLS none is taken without, not even a right one."""
    user, password = (part.encode() for part in login(OWNER))
    with Pop3(SimpleNamespace(ports={"pop3": STRICT})) as pop:
        pop.ok(b"CAPA")
        assert not [line for line in pop.lines() if line.startswith((b"USER", b"SASL"))]
        pop.refused(b"USER " + user), pop.refused(b"PASS " + password)
        pop.refused(b"AUTH PLAIN " + base64.b64encode(b"\0%s\0%s" % (user, password)))
        pop.refused(b"AUTH PLAIN"), pop.refused(b"AUTH SCRAM-SHA-256")
        pop.refused(b"STAT")


# Floods

def pipelined(line, count):
    with Pop3(server, USER) as pop:
        sender = threading.Thread(target=pop.send, args=((line + b"\r\n") * count,))
        sender.start()
        for _ in range(count):
            assert pop.line().startswith(b"+OK")
        sender.join()


def unread(command, count, user=MANY):
    return watch.unread(command, [Pop3(server, user) for _ in range(count)])


def wrong_password(pop, name):
    pop.command(b"USER " + name)
    pop.command(b"PASS x")


def large_never_read():
    """Twenty ask for 20 MiB a hundred times each, and read nothing; one who reads gets all of it."""
    message = b"Subject: large\r\n\r\n" + (b"x" * 1022 + b"\r\n") * (20 * 1024 - 1)
    fill(LARGE, message)
    readers = [Pop3(server, LARGE) for _ in range(20)]
    for reader in readers:
        reader.send(b"RETR 1\r\n" * 100)
    time.sleep(1)
    took = alive()
    hang_up(readers)
    assert took < LOGIN_S, f"a login took {took:.2f} s"
    with Pop3(server, LARGE, timeout=60) as pop:
        lines = pop.many(b"RETR 1")
        same("octets", sum(len(line) + 2 for line in lines), len(message))


def slow_reader():
    """One takes a message at 64 KiB a time while others log in."""
    with Pop3(server, LARGE) as pop:
        pop.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        pop.send(b"RETR 1\r\n")
        got = 0
        while got < 4 * MIB:
            got += len(pop.sock.recv(65536))
        assert alive() < LOGIN_S


def connect_and_leave():
    for _ in range(500):
        socket.create_connection((HOST, server.ports["pop3"]), 20).close()


# Mail made to hurt

EVIL = EVIL_MAIL | {
    "dots": lambda: b"Subject: d\r\n\r\n" + b".\r\n..\r\n.x\r\n" * 20_000,
    "an end for those who split at LF": lambda: b"Subject: e\n\n.\n+OK fooled\n.\r\n\n.\n",
    "a dot between returns": lambda: b"Subject: e\r\n\r\nx\r.\r-ERR fooled\r\n",
    "no line end at all": lambda: b"x" * (2 * MIB),
    "a header without end": lambda: b"Subject: \xc3\xbc" + b"x" * (2 * MIB),
    "100,000 fields in UTF-8": lambda: "X-A: ü\r\n".encode() * 100_000 + b"\r\nx\r\n",
    "20,000 recipients in UTF-8": lambda: "To: ".encode() + ",\r\n ".join(f"ü{n}@k.test" for n in range(20_000)).encode() + b"\r\n\r\nx\r\n",
    "nothing": lambda: b"\r\n",
}


def swallowed(pop, command):
    """Millions of lines, not looked at one by one."""
    pop.send(command + b"\r\n")
    while not pop.held.endswith(b"\r\n.\r\n"):
        assert pop.more(), "hung up"
    pop.held = b""


def evil(name):
    """It comes out as it is, stuffed so that every reader sees one end, in time linear in its size."""
    message = EVIL[name]()
    fill(USER, message)
    with Pop3(server, USER, timeout=60) as pop:
        pop.many(b"UIDL")
        dearest = max(watch.cost(swallowed, pop, look)[0] for look in (b"RETR 1", b"TOP 1 0", b"TOP 1 4294967295"))
        assert dearest < VIEW_S, f"a look took {dearest:.2f} s of CPU"
        pop.send(b"RETR 1\r\nTOP 1 5\r\nNOOP\r\nQUIT\r\n")
        got = pop.rest(60)
    ends = [line for line in got.split(b"\n") if line in (b".", b".\r")]
    same("ends for any reader", len(ends), 2)
    lines = got.split(b"\r\n")[1:]
    shown = [line.removeprefix(b".") for line in lines[:lines.index(b".")]]
    wanted = re.sub(rb"(?<!\r)\n", b"\r\n", message)
    wanted = wanted if wanted.endswith(b"\r\n") else wanted.removesuffix(b"\r") + b"\r\n"
    if wanted.split(b"\r\n\r\n", 1)[0].isascii():
        same("octets", b"\r\n".join(shown) + b"\r\n", wanted)
    return f"dearest look {dearest * 1000:.0f} ms"


def header_in_ascii():
    fill(USER, "From: Jörg <j@k.test>\r\nSubject: Grüße\r\nX: \x7f\r\n\r\nGrüße\r\n".encode())
    with Pop3(server, USER) as pop:
        header = b"\r\n".join(pop.many(b"RETR 1")).split(b"\r\n\r\n")[0]
        assert header.isascii() and b"=?utf-8?" in header, header
    with Pop3(server) as pop:
        pop.ok(b"UTF8")
        pop.refused(b"STLS")
        pop.ok(b"USER " + login(USER)[0].encode()), pop.ok(b"PASS " + login(USER)[1].encode())
        assert "Grüße".encode() in b"".join(pop.many(b"TOP 1 0"))


def many_messages():
    """Ten thousand messages: lists come at once, and one QUIT removes them all."""
    with Imap(server, MANY, timeout=120) as imap:
        imap.ok(b"SELECT INBOX")
        for start in range(0, 10_000, 500):
            imap.send(b"".join(b"m%d APPEND INBOX {20+}\r\nSubject: %4d\r\n\r\nx\r\n\r\n" % (n, n) for n in range(start, start + 500)))
            for n in range(start, start + 500):
                assert imap.until(b"m%d" % n)[1].startswith(b"OK")
    begun = time.monotonic()
    with Pop3(server, MANY, timeout=120) as pop:
        listed, uids = len(pop.many(b"LIST")), pop.many(b"UIDL")
        took = time.monotonic() - begun
        assert listed == len(set(line.split()[1] for line in uids)) >= 10_000
    assert took < 2 * PATIENCE, f"lists took {took:.1f} s"
    return f"login, LIST and UIDL {took * 1000:.0f} ms"


def all_removed_at_once():
    with Pop3(server, MANY, timeout=120) as pop:
        count = int(pop.ok(b"STAT").split()[1])
        sender = threading.Thread(target=pop.send, args=(b"".join(b"DELE %d\r\n" % n for n in range(1, count + 1)) + b"QUIT\r\n",))
        sender.start()
        for _ in range(count):
            assert pop.line().startswith(b"+OK")
        begun = time.monotonic()
        assert b"%d messages removed" % count in pop.line()
        sender.join()
    return f"QUIT took {(time.monotonic() - begun) * 1000:.0f} ms"


CASES = [
    # name, MiB that the server may grow meanwhile, work, arguments
    ("lines too long before login", 4, long_lines, None),
    ("lines too long", 4, long_lines, USER),
    ("a line of 32 MiB before login", 4, endless_line, None),
    ("a line of 32 MiB", 4, endless_line, USER),
    ("a line too long is told at once", 4, told_before_its_end),
    ("the longest line that must be taken", 4, the_longest_line),
    ("NUL, 8-bit and bare line ends", 4, odd_octets),
    ("noise", 8, noise, False),
    ("noise under TLS", 24, noise, True),
    ("empty lines", 4, empty_lines),
    ("twenty unknown commands", 4, twenty_errors, b"FOO", None),
    ("twenty commands of the wrong state", 4, twenty_errors, b"RETR 1", None),
    ("twenty wrong commands after login", 4, twenty_errors, b"RETR", USER),
    ("every command in the wrong state", 4, every_command_in_the_wrong_state),
    ("numbers of all sizes", 4, numbers),
    ("endless DELE and RSET", 8, endless_deletions),
    ("commands behind QUIT", 4, quit_and_more),
    ("QUIT cut off", 4, cut_before_quit),
    ("two that remove the same", 8, two_at_once),
    ("AUTH", 8, authenticate),
    ("AUTH with an endless response", 4, auth_response_endless),
    ("AUTH for another", 4, auth_for_another),
    ("broken SCRAM", 32, scram_broken),
    ("APOP guessed", 4, apop_guessed),
    ("APOP's timestamps differ", 4, timestamps_differ),
    ("APOP replayed", 4, replayed_digest),
    ("guessing", 64, guessing),
    ("forty that guess", 64, guess, watch, 4, wrong_password),
    ("nobody looks like somebody", 64, nobody_looks_like_somebody),
    ("STLS injection", 8, stls_injection),
    ("STLS twice", 4, stls_twice),
    ("no TLS", 8, no_tls_at_all),
    ("no password in the clear", 4, no_password_in_the_clear),
    ("200 that drip", 16, dripping, watch, server.ports["pop3"], 200, b"USER a\r\nPASS "),
    ("a web browser", 4, cross_protocol, server.ports["pop3"], b"USER %s\r\nPASS %s\r\nSTAT\r\n" % tuple(part.encode() for part in login(USER))),
    ("10,000 NOOPs at once", 8, pipelined, b"NOOP", 10_000),
    ("10,000 STATs at once", 8, pipelined, b"STAT", 10_000),
    ("500 that connect and leave", 16, connect_and_leave),
    ("10,000 messages", 64, many_messages),
    ("100 that never read NOOPs", 32, unread, b"NOOP\r\n", 100),
    ("50 that never read LISTs", 32, unread, b"LIST\r\n", 50),
    ("50 that never read UIDLs", 32, unread, b"UIDL\r\n", 50),
    ("50 that never read CAPA", 32, unread, b"CAPA\r\n", 50),
    ("10,000 removed at once", 64, all_removed_at_once),
    ("20 MiB never read", 64, large_never_read),
    ("a slow reader", 8, slow_reader),
    ("a header in UTF-8", 4, header_in_ascii),
    *((f"message: {name}", 48, evil, name) for name in EVIL),
]


def main():
    tally = Tally()
    dripper = Dripper(server.ports["pop3"])
    # What a password's check takes is taken once.
    for user in range(1, 9):
        alive(user)
    for name, mib, work, *args in CASES:
        tally.check(name, watch.bounded, mib, work, *args)
    tally.check("too late a login", dripper.came_late)
    tally.check("the server stops cleanly", server.stop)
    tally.end()


main()
