#!/usr/bin/env python3
"""Hostile clients against a fresh server: by IMAP what needs no account, and commands; the rest in the modules it names.

    interop/hostile_imap.py [PART-OF-A-NAME ...]

Each case says what answer is due and how much memory the server may take for it at its peak; after each, a stranger still
logs in at once. PATIENCE=10 allows ten times the time, for a debug build or a busy machine. Closes with `N passed, M failed`.
"""
import os, random, socket, ssl, statistics, threading, time
import hostile_imap_compress, hostile_imap_mail, hostile_imap_order, hostile_imap_state, hostile_smtp
from harness import HOST, Imap, Server, Tally, Wire, free_ports, login, no_verification, same
from hostile import MIB, PATIENCE, Dripper, Watch, at_once, cross_protocol, dripping, gone, guess, hang_up

# Beside the others one where a password needs TLS.
STRICT, = free_ports(1)
server = Server(tables=f'[[listener]]\nprotocol = "imap"\naddress = "{HOST}:{STRICT}"')
watch = Watch(server, Imap)
alive = watch.alive
USER, VICTIM = 1, 3


def signed_in():
    imap = Imap(server, USER)
    imap.ok(b"SELECT INBOX")
    return imap


def bad(imap, line, *begins):
    """Sends a line as it is; the answer to its tag `x`, which it returns, begins with one of these."""
    imap.send(b"x " + line + b"\r\n")
    answer = imap.until(b"x")[1]
    assert answer.startswith(begins or (b"BAD",)), f"{line[:80]!r}: {answer!r}"
    return answer


# Before login

def literals_before_login():
    with Imap(server) as imap:
        for size in (b"99999999999", b"4294967296", b"4097", b"9223372036854775807", b"9223372036854775808", b"9" * 60):
            assert b"TOOBIG" in bad(imap, b"LOGIN {%s}" % size)
        for size in (b"-1", b"0x10", b"", b" 5", b"5 ", b"1+1", b"+", "٣".encode(), b"5++"):
            bad(imap, b"LOGIN {%s}" % size)
    for size in (b"4294967296", b"99999999999", b"18446744073709551615", b"9" * 60, b"8193"):
        with Imap(server) as imap:
            imap.send(b"x LOGIN {%s+}\r\n" % size)
            gone(imap, b"x BAD [TOOBIG]", b"* BYE [TOOBIG]")
    with Imap(server) as imap:
        # Small enough to be passed over.
        imap.send(b"x LOGIN {8000+}\r\n" + b"a" * 8000 + b" {3+}\r\nabc\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"BAD [TOOBIG]") and imap.until(b"y")[1].startswith(b"OK")


def many_literals(size, before_login):
    with Imap(server) if before_login else signed_in() as imap:
        piece = b"{%d+}\r\n" % size + b"a" * size
        imap.send(b"x LOGIN " + (piece + b" ") * 10_000 + b"\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"BAD")
        try:
            imap.until(b"y")
        except EOFError:
            pass


def endless_line(before_login):
    with Imap(server) if before_login else signed_in() as imap:
        imap.send(b"A" * 900_000 + b"\r\ny NOOP\r\n")
        assert imap.line().startswith((b"* BAD", b"A")), "the line is refused"
        assert imap.until(b"y")[1].startswith(b"OK")
        try:
            for _ in range(64):
                imap.send(b"A" * MIB)
        except ConnectionError:
            pass
        assert imap.rest() is not None, "still connected"


def endless_line_with_tag():
    with Imap(server) as imap:
        imap.send(b"x LOGIN " + b"A" * MIB)
        assert imap.line().startswith(b"x BAD"), "told before the line has ended"
        imap.send(b"\r\ny NOOP\r\n")
        assert imap.until(b"y")[1].startswith(b"OK")


def nul():
    with Imap(server) as imap:
        for line in (b"NO\0OP", b"\0", b"LOGIN \0 x", b'LOGIN "a\0b" "c"', b"LOGIN a\0b c", b'LOGIN "\xff\xfe" x\0'):
            bad(imap, line)
        imap.send(b"\0x NOOP\r\n")
        assert imap.line().startswith(b"* BAD")
    user = login(USER)[0].encode()
    with Imap(server) as imap:
        # A literal may not hold NUL (RFC 9051 §4.3).
        imap.send(b"x LOGIN {3+}\r\na\0b {3+}\r\nabc\r\n")
        assert imap.until(b"x")[1].startswith((b"BAD", b"NO"))
        imap.send(b"x LOGIN {%d+}\r\n%s {4+}\r\npw\x001\r\n" % (len(user), user))
        assert imap.until(b"x")[1].startswith((b"BAD", b"NO"))


def noise():
    chance = random.Random(1)
    for _ in range(30):
        with Imap(server) as imap:
            try:
                imap.send(chance.randbytes(MIB // 4))
                imap.sock.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            gone(imap)


def twenty_bad():
    for line in (b"x FOO", b"", b"x", b"*", b"x NOOP NOOP", b"((((", b"x LOGIN", b"x SELECT INBOX"):
        with Imap(server) as imap:
            imap.send((line + b"\r\n") * 1000)
            gone(imap, b"* BYE")
            assert imap.rest().count(b" BAD ") == 20


def authenticate():
    with Imap(server) as imap:
        for response in (b"*", b"====", b"%", b"AAAA", b"AAAAAAA", b"A", b"AGEAYgBj", b"!" * 5000):
            imap.send(b"x AUTHENTICATE PLAIN\r\n")
            assert imap.line().startswith(b"+")
            imap.send(response + b"\r\n")
            assert imap.until(b"x")[1].startswith((b"BAD", b"NO")), response[:20]
        imap.send(b"x AUTHENTICATE PLAIN\r\n")
        assert imap.line().startswith(b"+")
        imap.send(b"A" * 500_000)
        assert imap.until(b"x")[1].startswith(b"BAD")
        imap.send(b"A" * 500_000 + b"\r\ny NOOP\r\n")
        assert imap.until(b"y")[1].startswith(b"OK")
        bad(imap, b"AUTHENTICATE " + b"X" * 2000, b"NO", b"BAD")
        bad(imap, b"AUTHENTICATE PLAIN " + b"A" * 7000, b"NO", b"BAD")


def starttls_injection():
    user, password = (text.encode() for text in login(USER))
    for more in (b"b LOGIN %s %s\r\n" % (user, password), b"b NOOP\r\n" * 3000, b"b LOGIN {5+}\r\n"):
        with Imap(server) as imap:
            imap.send(b"a STARTTLS\r\n" + more)
            assert imap.line().startswith(b"a OK")
            try:
                imap.sock = no_verification().wrap_socket(imap.sock)
            except (ssl.SSLError, OSError):
                continue
            imap.held = b""
            imap.send(b"c CAPABILITY\r\n")
            untagged, answer = imap.until(b"c")
            assert answer.startswith(b"OK") and len(untagged) == 1 and b"STARTTLS" not in untagged[0][0], untagged
            bad(imap, b"STARTTLS")
            bad(imap, b"SELECT INBOX")
    with signed_in() as imap:
        bad(imap, b"STARTTLS")


def half_closed():
    """A client that stops sending in the midst is let go, and its place with it."""
    for text in (b"", b"x", b"x LOGIN", b"x LOGIN {5}\r\n", b"x LOGIN {5+}\r\nab", b"x AUTHENTICATE PLAIN\r\n", b"x NOOP\r\n"):
        with Imap(server) as imap:
            imap.send(text)
            imap.sock.shutdown(socket.SHUT_WR)
            gone(imap)
    for text in (b"x APPEND INBOX {5000+}\r\nab", b"x APPEND INBOX {50}\r\n", b"x IDLE\r\n", b"x SEARCH TEXT {5}\r\n"):
        with signed_in() as imap:
            imap.send(text)
            imap.sock.shutdown(socket.SHUT_WR)
            gone(imap)


def not_tls():
    for text in (b"a LOGIN x y\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 70000, b"\0" * 100_000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        with Wire(server.ports["imaps"]) as wire:
            try:
                wire.send(text)
                wire.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert wire.rest() is not None


def guessing():
    """Wrong passwords are slowed down soon, and the owner, who was here before, is not."""
    alive(VICTIM)
    answers, times = [], []

    def work(n):
        try:
            with Imap(server) as imap:
                for k in range(10):
                    imap.send(b"x LOGIN %s guess%d.%d\r\n" % (login(VICTIM)[0].encode(), n, k))
                    answers.append(imap.until(b"x")[1])
        except EOFError:
            pass
    at_once(lambda: times.extend(alive(VICTIM) for _ in range(5)), *(lambda n=n: work(n) for n in range(30)))
    looked_at = sum(b"[AUTHENTICATIONFAILED]" in answer for answer in answers)
    refused = sum(b"[UNAVAILABLE]" in answer for answer in answers)
    same("answers", looked_at + refused, len(answers))
    assert looked_at <= 60, f"{looked_at} of {len(answers)} guesses were looked at"
    times.append(alive(VICTIM))
    assert max(times) < 1 * PATIENCE, f"the owner waited {max(times):.2f} s"
    return f"{looked_at} of {len(answers)} guesses were looked at"


def nobody_takes_as_long():
    """Whether a login exists is not told by the time it takes."""
    def times(name):
        found = []
        for n in range(7):
            with Imap(server) as imap:
                begun = time.monotonic()
                imap.send(b"x LOGIN %s wrong%d\r\n" % (name, n))
                assert imap.until(b"x")[1].startswith(b"NO [AUTHENTICATIONFAILED]")
                found.append(time.monotonic() - begun)
        return statistics.median(found)
    there, not_there = times(login(9)[0].encode()), times(b"nobody@test.local")
    assert 0.5 < there / not_there < 2, f"{there:.4f} s and {not_there:.4f} s"


# After login

def literals_after_login():
    with signed_in() as imap:
        for size in (b"99999999999", b"4294967296", b"65536", b"9223372036854775808", b"9" * 60):
            assert b"TOOBIG" in bad(imap, b"SEARCH TEXT {%s}" % size)
        imap.ok(b"NOOP")
        for size in (b"99999999999", b"52428801", b"9223372036854775808", b"9" * 60):
            assert b"TOOBIG" in bad(imap, b"APPEND INBOX {%s}" % size, b"NO", b"BAD")
        bad(imap, b"APPEND INBOX {-1}")
        bad(imap, b"APPEND INBOX")
        bad(imap, b"APPEND INBOX (\\Seen {5}")
        bad(imap, b'APPEND INBOX "99-Jan-2026 00:00:00 +0000" {5}')
    for size in (b"4294967296", b"99999999999", b"9" * 60):
        for command in (b"APPEND INBOX", b"SEARCH TEXT", b"SELECT"):
            with signed_in() as imap:
                imap.send(b"x %s {%s+}\r\n" % (command, size))
                gone(imap, b"TOOBIG", b"* BYE")


def appends_broken_off():
    """Fifty that send ten MiB of forty and hang up: nothing is there, nothing is left in the folder."""
    with signed_in() as imap:
        before = imap.ok(b"STATUS INBOX (MESSAGES)")
    wires = [Imap(server, USER) for _ in range(50)]

    def work(wire):
        wire.send(b"x APPEND INBOX {41943040+}\r\n")
        for _ in range(10):
            wire.send(b"a" * MIB)
        wire.sock.close()
    at_once(*(lambda wire=wire: work(wire) for wire in wires))
    for _ in range(50):
        left = sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(server.folder) for name in names if "blobs" in root)
        if left == 0:
            break
        time.sleep(0.1)
    with signed_in() as imap:
        same("STATUS", imap.ok(b"STATUS INBOX (MESSAGES)"), before)
    assert left < MIB, f"{left} octets are left behind"


def append_tails():
    with signed_in() as imap:
        imap.send(b"x APPEND INBOX {3+}\r\nabcGARBAGE\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"BAD") and imap.until(b"y")[1].startswith(b"OK")
        # Two messages, which is MULTIAPPEND; a third that is none takes them with it.
        imap.send(b"x APPEND INBOX {3+}\r\nabc {3+}\r\nabc\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"OK") and imap.until(b"y")[1].startswith(b"OK")
        imap.send(b"x APPEND INBOX {3+}\r\nabc {3+}\r\nabc {x}\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"BAD") and imap.until(b"y")[1].startswith(b"OK")
        imap.send(b"x APPEND INBOX {0+}\r\n\r\n")
        imap.until(b"x")
        imap.send(b"x APPEND INBOX (" + b"\\Seen " * 5000 + b") {3+}\r\nabc\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith(b"BAD") and imap.until(b"y")[1].startswith(b"OK")


def nested_search():
    with signed_in() as imap:
        for line in (b"SEARCH " + b"(" * 100_000 + b"ALL" + b")" * 100_000, b"SEARCH " + b"(" * 30_000 + b"ALL" + b")" * 30_000,
                     b"SEARCH " + b"(" * 60_000, b"SEARCH " + b"NOT " * 15_000 + b"ALL", b"SEARCH " + b"OR ALL " * 9_000 + b"ALL",
                     b"SEARCH " + b"ALL " * 15_000 + b"ALL", b"SEARCH ()", b"SEARCH", b"SEARCH OR ALL", b"SEARCH NOT", b"SEARCH (ALL",
                     b"SEARCH LARGER 18446744073709551616", b"SEARCH LARGER -1", b"SEARCH ON 32-Jan-2026", b"SEARCH ON 1-Foo-99999",
                     b"SEARCH RETURN (" + b"ALL " * 100 + b"ALL) ALL", b"SEARCH CHARSET"):
            bad(imap, line)
            imap.ok(b"NOOP")
        bad(imap, b"SEARCH CHARSET UTF-7 ALL", b"NO [BADCHARSET")
        imap.ok(b"SEARCH " + b"(" * 90 + b"ALL" + b")" * 90)


def sequence_sets():
    with signed_in() as imap:
        for n in range(20):
            imap.ok(b"APPEND INBOX {}", b"Subject: s\r\n\r\nx\r\n")
        imap.ok(b"NOOP")
        for sequence in (b"0", b"4294967296", b"1:4294967296", b"99999999999999999999999", b"1:2:3", b"1,,2", b",1", b"1,", b"-1", b":", b"1:", b"", b"a",
                         b"**", b"1" * 60_000, b"1," * 20_000 + b"1", b"4294967295", b"$$"):
            bad(imap, b"FETCH " + sequence + b" FLAGS")
            imap.ok(b"NOOP")
        for sequence in (b"1:4294967295", b"4294967295:1", b"*:*", b"*", b"4294967295", b",".join(b"%d" % (n * 400_000) for n in range(1, 5001)),
                         b",".join([b"1:*"] * 9_999), b"5:1,*:1"):
            assert len(imap.ok(b"UID FETCH " + sequence + b" FLAGS")) <= 24, sequence[:50]
            imap.ok(b"UID SEARCH UID " + sequence)
            imap.ok(b"UID STORE " + sequence + b" +FLAGS (x)")
            imap.ok(b"UID EXPUNGE " + sequence)
            imap.ok(b"UID COPY " + sequence + b" Archive")
            imap.ok(b"UID SEARCH RETURN (SAVE) UID " + sequence)
            imap.ok(b"UID SEARCH RETURN (COUNT) NOT $ NOT UID " + sequence)
        for command in (b"STORE %s +FLAGS (x)", b"COPY %s Archive", b"MOVE %s Archive", b"UID MOVE %s Archive", b"UID EXPUNGE %s", b"SEARCH %s", b"UID SEARCH UID %s",
                        b"REPLACE %s INBOX {3+}\r\nabc", b"SORT (DATE) UTF-8 %s", b"THREAD REFERENCES UTF-8 %s"):
            for sequence in (b"0", b"4294967296", b"1:2:3", b"1,", b"9" * 60_000, b"1," * 20_000 + b"1", b"\xd9\xa1", b"1:**", b"1-2"):
                bad(imap, command % sequence)
                imap.ok(b"NOOP")


def mailbox_names():
    with signed_in() as imap:
        deep = b"/".join([b"a"] * 10_000)
        for name in (b'""', b'"/"', b'"//"', b'"a//b"', b'"/a"', b'"' + deep + b'"', b'"' + b"x" * 1001 + b'"', b'"&"', b'"&bad"', b'"&AGE-"', b'"&2AA-"',
                     b'"&AAA-"', b'"a&AGI"', b'"\xff\xfe"', b'"\xc3"', b'"a\tb"' , b'"&AA0-"', b"a\x7fb", b'"' + b"/".join([b"a"] * 40) + b'"'):
            # Some of it nobody can see the harm of; none of it becomes a name that cannot be listed and deleted again.
            _, answer = imap.command(b"CREATE " + name)
            assert answer.startswith((b"NO", b"BAD")), f"{name[:40]!r}: {answer!r}"
            imap.ok(b"NOOP")
            # Nor is there one to be found, filled, or renamed to.
            for command in (b"SELECT %s", b"STATUS %s (MESSAGES)", b"APPEND %s {3+}\r\nabc", b"RENAME Archive %s", b"DELETE %s"):
                imap.send(b"x " + command % name + b"\r\n")
                assert imap.until(b"x")[1].startswith((b"NO", b"BAD")), (command, name[:40])
                imap.ok(b"NOOP")
        for name in (deep, b"/".join([b"a"] * 200), b"a\r\n* BYE fooled", b"a\nb", b"a\x1bb", b"\xff\xfe", b"&AAA-", b"x" * 1001):
            answer = imap.command(b"CREATE {}", name)[1]
            assert answer.startswith((b"NO", b"BAD")), f"{name[:40]!r}: {answer!r}"
            imap.command(b'LIST "" {}', name), imap.command(b"SUBSCRIBE {}", name)
            imap.ok(b"NOOP")
        assert not [parts for parts in imap.ok(b'LIST "" *') + imap.ok(b'LIST (SUBSCRIBED) "" *') if len(parts) > 1 or b"fooled" in parts[0]]
        imap.refused(b'CREATE "a\0b"', b"BAD")
        imap.send(b"x CREATE {3+}\r\na\0b\r\ny NOOP\r\n")
        assert imap.until(b"x")[1].startswith((b"BAD", b"NO")) and imap.until(b"y")[1].startswith(b"OK")
        for name in (b'"../../../../etc/cron.d/x"', b'"..\\\\..\\\\x"', b'"~root/x"', b'"#news.a"', b'"INBOX/../../x"', b'"%00"', b'"a\'; DROP TABLE x"', b'"CON"', b'".."', b'"."'):
            _, answer = imap.command(b"CREATE " + name)
            if answer.startswith(b"OK"):
                assert any(name in parts[0] or name.strip(b'"') in parts[0] for parts in imap.ok(b'LIST "" "*"')), name
                imap.ok(b"DELETE " + name)
        imap.refused(b"DELETE INBOX", b"NO")
        imap.refused(b'RENAME "Archive" "Archive/Inner"', b"NO")
        imap.refused(b"RENAME Archive INBOX", b"NO")
    written = {os.path.relpath(os.path.join(root, name), server.folder) for root, names, _ in os.walk(server.folder) for name in names}
    assert not any(".." in name or "etc" in name for name in written), written


def too_many_mailboxes():
    """There is a bound, it is told, and what is there can be listed and deleted."""
    with Imap(server, 4, timeout=300) as imap:
        batch = 500
        for start in range(0, 10_500, batch):
            imap.send(b"".join(b"c%d CREATE m%d\r\n" % (n, n) for n in range(start, start + batch)))
            answers = [imap.until(b"c%d" % n)[1] for n in range(start, start + batch)]
            if not answers[-1].startswith(b"OK"):
                break
        assert answers[-1].startswith(b"NO [LIMIT]") or answers[-1].startswith(b"NO"), answers[-1]
        begun = time.monotonic()
        listed = len(imap.ok(b'LIST "" "*"'))
        imap.ok(b'LIST "" "' + b"*%" * 300 + b'*x"')
        imap.ok(b'LIST "" ("' + b'" "'.join([b"*m%*m%*z"] * 100) + b'")')
        imap.ok(b'LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN SIZE))')
        return f"{listed} mailboxes, four LISTs in {time.monotonic() - begun:.1f} s"


def keywords():
    """A mailbox takes so many keywords, and says when it takes no more."""
    with signed_in() as imap:
        imap.ok(b"APPEND INBOX {}", b"Subject: k\r\n\r\nx\r\n")
        imap.ok(b"NOOP")
        answers = [imap.command(b"STORE 1 +FLAGS.SILENT (%s)" % b" ".join(b"k%d.%d" % (n, k) for k in range(50)))[1] for n in range(20)]
        assert any(answer.startswith(b"NO [LIMIT]") for answer in answers), answers[-1]
        for line in (b"STORE 1 +FLAGS (" + b"a " * 300 + b"a)", b"STORE 1 +FLAGS (\\Foo)", b"STORE 1 +FLAGS (\\Recent)", b"STORE 1 +FLAGS (a{)",
                     b"STORE 1 FLAGS", b"STORE 1 +FLAGS ((a))", b"STORE 1 +FLAGS (" + b"k" * 10_000 + b")"):
            imap.send(b"x " + line + b"\r\n")
            assert imap.until(b"x")[1].startswith((b"BAD", b"NO")), line[:50]
            imap.ok(b"NOOP")


def lists_in_commands():
    with signed_in() as imap:
        imap.ok(b"APPEND INBOX {}", b"Subject: k\r\n\r\nx\r\n")
        imap.ok(b"NOOP")
        for line in (b"FETCH 1 (" + b"UID " * 5000 + b"UID)", b"FETCH 1 BODY[" + b"1." * 5000 + b"1]", b"FETCH 1 BODY[" + b"1." * 200 + b"1]",
                     b"FETCH 1 BODY[0]", b"FETCH 1 BODY[99999999999]", b"FETCH 1 BODY[]<0.0>", b"FETCH 1 BODY[]<-1.5>", b"FETCH 1 BODY[]<1>", b"FETCH 1 BODY[",
                     b"FETCH 1 BODY[]<99999999999999999999.1>", b"FETCH 1 BODY[HEADER.FIELDS ()]", b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 300 + b"a)]",
                     b"FETCH 1 BODY[MIME]", b"FETCH 1 BINARY[HEADER]", b"FETCH 1 ()", b"FETCH", b"FETCH 1", b"ENABLE " + b"X " * 100 + b"X",
                     b"ID (" + b'"a" "b" ' * 31 + b")", b'ID ("' + b"a" * 2000 + b'" "b")', b'ID ("a")', b"STATUS INBOX (" + b"MESSAGES " * 1000 + b"MESSAGES)",
                     b"STATUS INBOX ()", b'LIST "" ("' + b'" "'.join([b"a"] * 200) + b'")'):
            bad(imap, line)
            imap.ok(b"NOOP")
        imap.ok(b"FETCH 1 BODY.PEEK[]<4294967295.4294967295>")


def pipelined():
    with Imap(server, USER) as imap:
        sender = threading.Thread(target=imap.send, args=(b"".join(b"n%d NOOP\r\n" % n for n in range(10_000)),))
        sender.start()
        for n in range(10_000):
            assert imap.line().startswith(b"n%d OK" % n)
        sender.join()


def unread(command, count):
    wires = [Imap(server, USER) for _ in range(count)]
    for wire in wires:
        wire.ok(b"SELECT INBOX")
    return watch.unread(command, wires)


def wrong_password(imap, name):
    imap.send(b"x LOGIN %s wrong\r\n" % name)
    imap.until(b"x")


def idle_flood():
    with signed_in() as imap:
        imap.send(b"".join(b"i%d IDLE\r\nDONE\r\n" % n for n in range(5000)))
        for n in range(5000):
            assert imap.line().startswith(b"+")
            assert imap.line().startswith(b"i%d OK" % n)
        for text in (b"NOOP", b"x NOOP", b"DONE DONE", b"\0", b"A" * 100_000):
            imap.send(b"x IDLE\r\n")
            assert imap.line().startswith(b"+")
            imap.send(text + b"\r\n")
            assert imap.until(b"x")[1].startswith(b"BAD"), text[:20]
        imap.ok(b"NOOP")


def idle_never_read():
    """Twenty idle without reading while two thousand changes happen; their memory stays bounded, and the next sees all."""
    with signed_in() as imap:
        for n in range(20):
            imap.ok(b"APPEND INBOX {}", b"Subject: s\r\n\r\nx\r\n")
    wires = [signed_in() for _ in range(20)]
    for wire in wires:
        wire.send(b"i IDLE\r\n")
    with signed_in() as imap:
        for start in range(0, 2000, 100):
            imap.send(b"".join(b"s%d STORE 1:20 %sFLAGS.SILENT (\\Seen)\r\n" % (n, b"-+"[n % 2:n % 2 + 1]) for n in range(start, start + 100)))
            for n in range(start, start + 100):
                assert imap.until(b"s%d" % n)[1].startswith(b"OK")
    for wire in wires:
        wire.send(b"DONE\r\n")
        assert wire.until(b"i")[1].startswith(b"OK")
    hang_up(wires)


CASES = [
    # name, MiB that the server may grow meanwhile, work, arguments
    ("literals of any size before login", 4, literals_before_login),
    ("10,000 literals of an octet before login", 4, many_literals, 1, True),
    ("10,000 empty literals before login", 4, many_literals, 0, True),
    ("10,000 literals of an octet", 8, many_literals, 1, False),
    ("10,000 empty literals", 4, many_literals, 0, False),
    ("a line of 64 MiB before login", 8, endless_line, True),
    ("a line of 64 MiB", 8, endless_line, False),
    ("a line too long is told at once", 4, endless_line_with_tag),
    ("NUL", 4, nul),
    ("noise", 8, noise),
    ("twenty bad commands", 4, twenty_bad),
    ("AUTHENTICATE", 4, authenticate),
    ("STARTTLS injection", 8, starttls_injection),
    ("half-closed", 8, half_closed),
    ("no TLS", 8, not_tls),
    ("200 that drip", 16, dripping, watch, server.ports["imap"], 200, b"x LOGIN {10}\r\n"),
    ("a web browser", 4, cross_protocol, server.ports["imap"], b"a LOGIN %s %s\r\nb CREATE fooled\r\n" % tuple(part.encode() for part in login(USER))),
    ("guessing", 64, guessing),
    ("forty that guess", 64, guess, watch, 10, wrong_password),
    ("nobody takes as long", 64, nobody_takes_as_long),
    ("literals of any size after login", 8, literals_after_login),
    # Each may hold a mebibyte before it is written.
    ("fifty APPENDs broken off", 64, appends_broken_off),
    ("what follows an APPEND", 4, append_tails),
    ("nested SEARCH", 8, nested_search),
    ("sequence sets", 16, sequence_sets),
    ("mailbox names", 8, mailbox_names),
    ("too many mailboxes", 64, too_many_mailboxes),
    ("keywords", 8, keywords),
    ("long lists in commands", 8, lists_in_commands),
    ("10,000 commands at once", 8, pipelined),
    ("100 that never read NOOPs", 64, unread, b"x NOOP\r\n", 100),
    ("50 that never read LISTs", 32, unread, b'x LIST "" *\r\n', 50),
    ("50 that never read BADs", 32, unread, b"x FETCH 1 BODY[HEADER]\r\n", 50),
    ("IDLE flood", 8, idle_flood),
    ("IDLE never read", 16, idle_never_read),
    *hostile_imap_mail.cases(watch),
    *hostile_imap_order.cases(watch),
    *hostile_imap_state.cases(watch, STRICT),
    *hostile_imap_compress.cases(watch),
    *hostile_smtp.cases(server),
]


def main():
    tally = Tally()
    dripper = Dripper(server.ports["imap"])
    # What a password's check takes is taken once.
    for user in range(1, 15):
        alive(user)
    for name, mib, work, *args in CASES:
        tally.check(name, watch.bounded, mib, work, *args)
    tally.check("too late a login", dripper.came_late)
    tally.check("the server stops cleanly", server.stop)
    tally.end()


main()
