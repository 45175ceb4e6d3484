"""Programs that bring mail in: swaks, curl, smtplib, and the wire by hand."""
import os, smtplib, subprocess, time
from harness import DOMAIN, HOST, Wire, login, need, no_verification, same
from letters import ODD, letter
from mailboxes import Reader, arrived, without_trace


def run(command, timeout=60, **more):
    done = subprocess.run(command, capture_output=True, timeout=timeout, **more)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def written(server, name, octets):
    path = os.path.join(server.folder, name)
    with open(path, "wb") as out:
        out.write(octets)
    return path


def swaks(server, *more, to=1, port="smtp", status=0, shows=""):
    """Sends to an account by number, or to an address that nobody looks at afterwards."""
    need("swaks")
    message = letter(11, "swaks", 2000)
    where = [] if "--socket" in more else ["--server", HOST, "--port", str(server.ports[port])]
    code, said = run(["swaks", *where, "--from", "sender@example.org", "--to", login(to)[0] if isinstance(to, int) else to,
                      "--data", "@" + written(server, "swaks.eml", message), "-n", *more])
    assert code == status, f"exit status {code}: {said[-800:]}"
    assert shows in said, said
    if isinstance(to, int):
        # swaks ends the data with one line end more.
        arrived(server, to, message + b"\r\n")


def curl(server, scheme, *more):
    need("curl")
    message = letter(12, "curl", 5000)
    port = server.ports[scheme]
    code, said = run(["curl", "-sSk", f"smtp://{HOST}:{port}/client.test", "--mail-from", "sender@example.org", "--mail-rcpt", login(2)[0],
                      "-T", written(server, "curl.eml", message), *more])
    assert code == 0, said
    arrived(server, 2, message)


def smtplib_exact(server):
    """Every shape of message, to two recipients at once; each arrives whole."""
    with Reader(server, 3) as third, Reader(server, 4) as fourth:
        third.select("INBOX"), fourth.select("INBOX")
        with smtplib.SMTP(HOST, server.ports["smtp"], "client.test") as smtp:
            smtp.starttls(context=no_verification())
            smtp.ehlo()
            for n in range(60):
                message = letter(13, f"smtp{n}")
                smtp.sendmail("sender@example.org", [login(3)[0], login(4)[0]], message, ["BODY=8BITMIME"])
        # A message to several is fanned out after the 250.
        for imap in (third, fourth):
            for _ in range(200):
                if imap.select("INBOX")[0] >= 60:
                    break
                time.sleep(0.05)
            messages = sorted(without_trace(message) for _, message in imap.messages("INBOX").values())
            same("messages", messages, sorted(letter(13, f"smtp{n}") for n in range(60)))


def smtp_hand(server, port, greeting=b"EHLO client.test"):
    wire = Wire(port)
    assert wire.line().startswith(b"220")
    smtp_says(wire, greeting, b"250")
    return wire


def smtp_says(wire, command, *codes):
    """The last line of the reply, which has one of these codes."""
    wire.send(command + b"\r\n")
    while (line := wire.line())[3:4] == b"-":
        pass
    assert line.startswith(codes), f"{command[:60]!r}: {line!r}"
    return line


def chunks(server):
    """BDAT carries octets as they are, also those DATA may not (RFC 3030 §3)."""
    for name, message in ODD.items():
        with smtp_hand(server, server.ports["smtp"]) as wire:
            smtp_says(wire, b"MAIL FROM:<> BODY=BINARYMIME", b"250")
            smtp_says(wire, b"RCPT TO:<u5@%s>" % DOMAIN.encode(), b"250")
            half = len(message) // 2
            wire.send(b"BDAT %d\r\n%s" % (half, message[:half]))
            assert wire.line().startswith(b"250")
            wire.send(b"BDAT %d LAST\r\n%s" % (len(message) - half, message[half:]))
            assert (line := wire.line()).startswith(b"250"), (name, line)
        arrived(server, 5, message)


def lmtp(server, port):
    """One answer for each recipient (RFC 2033 §4.2), also for one who is not there."""
    message = letter(14, "lmtp", 4000)
    with smtp_hand(server, port, b"LHLO client.test") as wire:
        wire.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<u6@test.local>\r\nRCPT TO:<nobody@test.local>\r\n"
                  b"RCPT TO:<u7@test.local>\r\nDATA\r\n")
        codes = [wire.line()[:3] for _ in range(5)]
        same("codes", codes, [b"250", b"250", b"550", b"250", b"354"])
        wire.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        same("answers", [wire.line()[:3] for _ in range(2)], [b"250", b"250"])
        smtp_says(wire, b"QUIT", b"221")
    arrived(server, 6, message)
    arrived(server, 7, message)


def checks(tally, server):
    tally.check("swaks: plain", swaks, server)
    tally.check("swaks: STARTTLS", swaks, server, "-tls")
    tally.check("swaks: pipelining", lambda: swaks(server, "--pipeline", shows=" -> RCPT TO:<u1@test.local>\n -> DATA"))
    tally.check("swaks: LMTP", lambda: swaks(server, "--protocol", "LMTP", port="lmtp"))
    tally.check("swaks: LMTP on a Unix socket", lambda: swaks(server, "--protocol", "LMTP", "--socket", server.unix))
    tally.check("swaks: HELO", swaks, server, "--protocol", "SMTP")
    tally.check("swaks: nobody is refused", lambda: swaks(server, to="nobody@test.local", status=24))
    tally.check("swaks: nothing is relayed", lambda: swaks(server, to="a@example.org", status=24))
    tally.check("swaks: postmaster", lambda: swaks(server, to="postmaster"))
    tally.check("curl: SMTP", curl, server, "smtp")
    tally.check("curl: SMTP with STARTTLS", curl, server, "smtp", "--ssl-reqd")
    tally.check("smtplib: 60 messages for two", smtplib_exact, server)
    tally.check("SMTP: chunks of every shape", chunks, server)
    tally.check("LMTP: an answer for each", lmtp, server, server.ports["lmtp"])
    tally.check("LMTP: on a Unix socket", lmtp, server, server.unix)
