#!/usr/bin/env python3
"""Real programs submit mail: every mechanism each knows, on 587 with STARTTLS and on 465; and what must be refused is refused.

    interop/submit.py [PART-OF-A-NAME ...]

Uses whichever are installed: swaks msmtp curl mutt s-nail gsasl, and Python's smtplib. Closes with `N passed, M failed`.
"""
import base64, os, re, shlex, smtplib, time
from harness import DOMAIN, HOST, Imap, Server, Tally, Wire, login, need, no_verification, same
from senders import run, smtp_says, written
from world import Bringer, Exchanger, Names

FOREIGN = "x@elsewhere.test"
WAYS = {"587": ("submission", "starttls"), "465": ("submissions", "implicit")}


class Anywhere(dict):
    """Every name there is leads to the one exchanger."""

    def get(self, name, default=None):
        return [("A", HOST)]


outside = []
exchanger = Exchanger(taken=outside.append)
names = Names(Anywhere())
server = Server(f'[outbound]\ndns = ["{names.at}"]\nport = {exchanger.port}\nip = "ipv4-only"')
tally = Tally()
count = 0


def fresh(head=""):
    """A message with a word in its subject that no other has."""
    global count
    count += 1
    word = f"word{count}q{os.getpid()}"
    return word, (f"From: {login(1)[0]}\r\nTo: {login(2)[0]}\r\nSubject: {word}\r\n{head}\r\nGreetings\r\n.\r\n").encode()


def came(word, user=2, patience=10):
    """The message with that word in its subject."""
    deadline = time.monotonic() + patience
    while True:
        with Imap(server, user) as imap:
            imap.ok(b"EXAMINE INBOX")
            uids = imap.ok(b"UID SEARCH SUBJECT " + word.encode())[0][0].split()[2:]
            if uids:
                return imap.body(int(uids[-1]))
        assert time.monotonic() < deadline, f"{word} did not come"
        time.sleep(0.1)


def sent(command, word, **more):
    code, said = run(command, **more)
    assert code == 0, f"exit status {code}: {said[-1200:]}"
    message = came(word)
    assert b"Greetings" in message and b"@" in message
    return message


def swaks_command(way, mechanism, password, sender, to, *more):
    port, tls = server.ports[WAYS[way][0]], "--tls" if way == "587" else "--tls-on-connect"
    return ["swaks", "--server", HOST, "--port", str(port), tls, "--auth", mechanism, "--auth-user", login(1)[0], "--auth-password", password,
            "--from", sender, "--to", to, *more]


def swaks(way, mechanism):
    need("swaks")
    word, message = fresh()
    sent(swaks_command(way, mechanism, login(1)[1], login(1)[0], login(2)[0], "--data", "@" + written(server, "swaks.eml", message)), word)


def msmtp(way, mechanism, password=None):
    need("msmtp")
    word, message = fresh()
    command = ["msmtp", f"--host={HOST}", f"--port={server.ports[WAYS[way][0]]}", "--tls=on", f"--tls-starttls={'on' if way == '587' else 'off'}",
               "--tls-certcheck=off", f"--auth={mechanism}", f"--user={login(1)[0]}", f"--passwordeval=echo {login(1)[1]}", f"--from={login(1)[0]}", login(2)[0]]
    sent(command, word, input=message.replace(b"\r\n", b"\n"))


def curl_command(way, mechanism, password, sender, to, message):
    scheme = "smtp" if way == "587" else "smtps"
    return ["curl", "-sSk", "--ssl-reqd", "--url", f"{scheme}://{HOST}:{server.ports[WAYS[way][0]]}/client.test", "-u", f"{login(1)[0]}:{password}",
            "--login-options", f"AUTH={mechanism}", "--mail-from", sender, "--mail-rcpt", to, "-T", written(server, "curl.eml", message)]


def curl(way, mechanism):
    need("curl")
    word, message = fresh()
    sent(curl_command(way, mechanism, login(1)[1], login(1)[0], login(2)[0], message), word)


def mutt(way, mechanism, program="mutt"):
    """Without a mechanism: the one that it takes itself."""
    need(program)
    word, _ = fresh()
    user, password = login(1)
    scheme = "smtp" if way == "587" else "smtps"
    rc = written(server, "muttrc", f"""
set from = "{user}"
set use_from = yes
set use_envelope_from = yes
set smtp_url = "{scheme}://{user.replace('@', '%40')}@{HOST}:{server.ports[WAYS[way][0]]}/"
set smtp_pass = "{password}"
{f'set smtp_authenticators = "{mechanism}"' if mechanism else ""}
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = no
set ssl_verify_dates = no
set ssl_ca_certificates_file = ""
set certificate_file = "{server.folder}/accepted.pem"
set copy = no
set record = ""
""".encode())
    with open(f"{server.folder}/accepted.pem", "wb") as out:
        out.write(certificate())
    environment = dict(os.environ, HOME=server.folder, LC_ALL="C.UTF-8")
    sent([program, "-n", "-F", rc, "-s", word, "--", login(2)[0]], word, input=b"Greetings\n", env=environment)


def certificate():
    import ssl
    with Wire(server.ports["submissions"]) as wire:
        wire.sock = no_verification().wrap_socket(wire.sock)
        return ssl.DER_cert_to_PEM_cert(wire.sock.getpeercert(True)).encode()


def s_nail(way, mechanism):
    need("s-nail")
    word, _ = fresh()
    user, password = (part.replace("@", "%40") for part in login(1))
    scheme, more = ("smtp", ["-Ssmtp-use-starttls"]) if way == "587" else ("submissions", [])
    sent(["s-nail", "-:/", "-Sv15-compat", f"-Smta={scheme}://{user}:{password}@{HOST}:{server.ports[WAYS[way][0]]}", *more, "-Stls-verify=ignore",
          f"-Ssmtp-auth={mechanism}", f"-Sfrom={login(1)[0]}", "-s", word, login(2)[0]], word, input=b"Greetings\n", env=dict(os.environ, HOME=server.folder))


def gsasl(mechanism, password=None, succeeds=True):
    """Signs in only; it checks the server's proof too."""
    need("gsasl")
    code, said = run(["gsasl", "--client", "--smtp", f"--connect={HOST}:{server.ports['submission']}", f"--mechanism={mechanism}", "--no-cb",
                      f"--authentication-id={login(1)[0]}", f"--password={password or login(1)[1]}", "--hostname=" + HOST,
                      f"--x509-ca-file={written(server, 'ca.pem', certificate())}"], input=b"")
    assert (code == 0) is succeeds, f"exit status {code}: {said[-1500:]}"


def smtplib_way(way, mechanism):
    word, message = fresh()
    bringer = Bringer(server.ports[WAYS[way][0]], tls=WAYS[way][1])
    smtp = bringer.open()
    smtp.user, smtp.password = login(1)
    smtp.ehlo_or_helo_if_needed()
    assert mechanism in smtp.esmtp_features["auth"].split(), smtp.esmtp_features
    same("AUTH", smtp.auth(mechanism, {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[mechanism])[0], 235)
    smtp.sendmail(login(1)[0], [login(2)[0]], message)
    smtp.quit()
    came(word)


def smtplib_initial_response(mechanism):
    """Also without an initial response, and with one for LOGIN."""
    for initial in (True, False):
        smtp = Bringer(server.ports["submission"], tls="starttls").open()
        smtp.user, smtp.password = login(1)
        same("AUTH", smtp.auth(mechanism, {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[mechanism], initial_response_ok=initial)[0], 235)
        smtp.quit()


def wrong_passwords():
    word, message = fresh()
    for way in WAYS:
        code, said = run(swaks_command(way, "PLAIN", "wrong", login(1)[0], login(2)[0]))
        assert code == 28 and "535 5.7.8" in said, said[-600:]
        code, said = run(curl_command(way, "LOGIN", "wrong", login(1)[0], login(2)[0], message))
        assert code == 67, said
        for mechanism in ("PLAIN", "LOGIN"):
            try:
                Bringer(server.ports[WAYS[way][0]], ("nobody@" + DOMAIN, "x"), WAYS[way][1]).open()
                raise AssertionError("signed in")
            except smtplib.SMTPAuthenticationError as error:
                same("code", error.smtp_code, 535)


def submission_on(way, user=1, account=True):
    smtp = Bringer(server.ports[WAYS[way][0]], login(user) if account else None, WAYS[way][1]).open()
    return smtp


def no_clear_password():
    """Nothing is offered before STARTTLS, and what comes all the same is refused (RFC 4954 §4, §6)."""
    smtp = Bringer(server.ports["submission"]).open()
    assert "auth" not in smtp.esmtp_features
    code, text = smtp.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0%s\0%s" % tuple(x.encode() for x in login(1))).decode())
    assert code in (530, 538, 503, 502, 504), (code, text)
    same("MAIL", smtp.mail(login(1)[0])[0] // 100, 5)
    smtp.close()


def foreign_sender():
    word, message = fresh()
    code, said = run(swaks_command("587", "PLAIN", login(1)[1], login(2)[0], login(3)[0]))
    line = next(line for line in said.splitlines() if "553" in line or "550" in line)
    assert code and "5.7.1" in line and login(1)[0] in line and login(2)[0] in line, said[-600:]
    for sender in ("ceo@elsewhere.test", f"nobody@{DOMAIN}", f"{login(2)[0]}", f"u1@sub.{DOMAIN}"):
        smtp = submission_on("465")
        code, text = smtp.mail(sender)
        assert code == 553, (sender, code, text)
        smtp.close()
    return line.strip(" <*-")


def fields(message):
    head = message.split(b"\r\n\r\n")[0].decode("utf-8", "replace")
    return re.sub(r"\r\n[ \t]+", " ", head)


def mended():
    word, _ = fresh()
    bare = f"From: {login(1)[0]}\r\nTo: {login(2)[0]}\r\nBcc: secret@{DOMAIN},\r\n hidden@elsewhere.test\r\nSubject: {word}\r\n\r\nGreetings\r\n".encode()
    smtp = submission_on("587")
    smtp.sendmail(login(1)[0], [login(2)[0]], bare)
    smtp.quit()
    head = fields(came(word))
    for name in ("Date", "Message-ID"):
        assert len(re.findall(rf"(?m)^{name}: \S", head)) == 1, f"{name}: {head}"
    assert "bcc" not in head.lower() and "secret" not in head and "hidden" not in head, head
    received = [line for line in head.split("\r\n") if line.startswith("Received:")]
    assert len(received) == 1 and HOST not in received[0] and "client.test" not in received[0] and "ESMTPSA" in received[0], received
    # What is there stays as it is.
    word, message = fresh("Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <own.id@client.test>\r\nX-Odd:  two  spaces \r\n")
    smtp = submission_on("465")
    smtp.sendmail(login(1)[0], [login(2)[0]], message)
    smtp.quit()
    assert came(word).endswith(message), "the message was changed"
    return received[0]


def forms():
    """Ways to write an address of somebody else's."""
    user, other, own = "x", "elsewhere.test", DOMAIN
    plain = [FOREIGN, f"x@[127.0.0.1]", "x@[IPv6:::1]", "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]", "x@127.0.0.1", "x@[127.1]", "x@ELSEWHERE.TEST", f"{FOREIGN}.", "x@.elsewhere.test",
             f"x%{other}@{own}", f"x%{other}%{own}@{own}", f"x%{other}%@{own}", f"x%@{own}", f"%{other}@{own}", f"x@{other}%{own}", f"x@{other}@{own}", f"x@{own}@{other}", f"x%{own}@{other}",
             f"{other}!x@{own}", f"{own}!{other}!x@{own}", f"{other}!{own}!x@{own}", f"x!{other}@{own}", f"{own}!x@{other}", f"{other}!x", f"x%{other}",
             f'"{FOREIGN}"@{own}', f'"x%{other}"@{own}', f'"{other}!x"@{own}', f'"{FOREIGN}"', f'"x@{other}\\"@{own}', f'"x"@{other}', f'"x\\@{other}"@{own}', f'"x@{other}"@{own}@{own}', f'""@{other}',
             f"@{own}:{FOREIGN}", f"@{own},@{own}:{FOREIGN}", f"@{other}:x@{own}", f"@{own}:@{other}:x@{own}", f"@{own}:x%{other}@{own}", f"@[127.0.0.1]:{FOREIGN}", f"@{own}:{FOREIGN}@{own}",
             f"u1@{own}.{other}", f"u1@{other}.{own}", f"u1@sub.{own}", f"u1@{own}@{other}", f"u1%{other}@{own}", f"u1+{FOREIGN}@{own}", f"u1@{own},{FOREIGN}", f"u1@{own}>,<{FOREIGN}", f"u1@{own} {FOREIGN}",
             f"u1@{own};{FOREIGN}", f"u1@{own}\t{FOREIGN}", f"u1@{own}(comment){FOREIGN}", f"(u1@{own}){FOREIGN}", f"{FOREIGN}(u1@{own})", f"u1@{own}\0@{other}", f"{FOREIGN}\0@{own}", f" {FOREIGN}", f"{FOREIGN} ",
             f"x@{other}\r", f"u1@{own}\r{FOREIGN}", f"x@еlsewhere.test", f"x＠{other}", f"x@{other}。", f"ü@{other}", f"x@xn--{other}", f"x＠{other}@{own}", f"x%40{other}@{own}", f"x=40{other}@{own}",
             f"=?utf-8?q?x=40elsewhere.test?=@{own}", f"x=elsewhere.test@{own}", f"SRS0=aa=bb={other}=x@{own}", f"prvs=1234={FOREIGN}", f"MAILER-DAEMON@{other}", f"postmaster@{other}", f"x@localhost", f"x@mx.{own}", f"root@[127.0.0.1]",
             f"<{FOREIGN}>", f"{FOREIGN}>", f"/dev/null@{other}", f"|cat@{own}", f"u1@{own}\n{FOREIGN}", f"{FOREIGN}>\nRCPT TO:<{FOREIGN}"]
    written = [b"<" + form.encode() + b">" for form in dict.fromkeys(plain)]
    return written + [FOREIGN.encode(), b"<" + FOREIGN.encode(), FOREIGN.encode() + b">", b"Name <" + FOREIGN.encode() + b">", b"<" + FOREIGN.encode() + b"> NOTIFY=NEVER",
                      b"<" + FOREIGN.encode() + b"> ORCPT=rfc822;u1@" + DOMAIN.encode(), b'<"' + FOREIGN.encode() + b'">']


def open_relay(port, tls=None, sender=b"<u1@%s>" % DOMAIN.encode()):
    before, tried = exchanger.connections, 0
    for form in forms():
        with Wire(server.ports[port]) as wire:
            if tls == "implicit":
                wire.sock = no_verification().wrap_socket(wire.sock)
            wire.line()
            smtp_says(wire, b"EHLO client.test", b"250")
            if tls == "starttls":
                smtp_says(wire, b"STARTTLS", b"220")
                wire.sock = no_verification().wrap_socket(wire.sock)
                smtp_says(wire, b"EHLO client.test", b"250")
            wire.send(b"MAIL FROM:" + sender + b"\r\nRCPT TO:" + form + b"\r\nDATA\r\nSubject: relayed\r\n\r\nx\r\n.\r\nQUIT\r\n")
            got = wire.rest(10)
            assert got is not None, f"{form!r}: still connected"
            replies = [line for line in got.split(b"\r\n") if line[3:4] == b" "]
            assert b"354" not in [line[:3] for line in replies], f"{form!r}: {replies}"
            assert replies[1][:1] in b"45", f"{form!r}: {replies}"
        tried += 1
    time.sleep(0.5)
    same("connections outside", exchanger.connections, before)
    return f"{tried} forms"


def relayed_when_signed_in():
    word, message = fresh()
    for way in WAYS:
        smtp = submission_on(way)
        smtp.sendmail(login(1)[0], [FOREIGN, login(2)[0]], message)
        smtp.quit()
    deadline = time.monotonic() + 10
    while len(outside) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    same("outside", [(taken.sender, taken.recipients) for taken in outside], [(login(1)[0], [FOREIGN])] * 2)
    assert outside[0].message.endswith(b"Greetings\r\n.\r\n"), outside[0].message
    assert HOST.encode() not in outside[0].message.replace(b"for <", b""), outside[0].message


for way in WAYS:
    for mechanism in ("PLAIN", "LOGIN"):
        tally.check(f"swaks {way} {mechanism}", swaks, way, mechanism)
        tally.check(f"curl {way} {mechanism}", curl, way, mechanism)
        tally.check(f"smtplib {way} {mechanism}", smtplib_way, way, mechanism)
        tally.check(f"s-nail {way} {mechanism}", s_nail, way, mechanism.lower())
    for mechanism in ("plain", "login", "scram-sha-256"):
        tally.check(f"msmtp {way} {mechanism}", msmtp, way, mechanism)
        tally.check(f"mutt {way} {mechanism}", mutt, way, mechanism)
    for program in ("mutt", "neomutt"):
        tally.check(f"{program} {way}, its own choice", mutt, way, None, program)
    for mechanism in ("plain", "login", "scram-sha-256"):
        tally.check(f"neomutt {way} {mechanism}", mutt, way, mechanism, "neomutt")
for mechanism in ("PLAIN", "LOGIN"):
    tally.check(f"smtplib {mechanism}: initial response or not", smtplib_initial_response, mechanism)
for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
    tally.check(f"gsasl {mechanism}", gsasl, mechanism)
    tally.check(f"gsasl {mechanism}, wrong password", gsasl, mechanism, "wrong", False)
tally.check("wrong passwords", wrong_passwords)
tally.check("no password in the clear", no_clear_password)
tally.check("foreign sender", foreign_sender)
tally.check("the header is mended", mended)
tally.check("open relay: 25", open_relay, "smtp")
tally.check("open relay: 25, null sender", open_relay, "smtp", None, b"<>")
tally.check("open relay: 25 in TLS", open_relay, "smtp", "starttls")
tally.check("open relay: 587", open_relay, "submission")
tally.check("open relay: 587 in TLS", open_relay, "submission", "starttls")
tally.check("open relay: 465", open_relay, "submissions", "implicit")
tally.check("signed in, it is relayed", relayed_when_signed_in)
tally.check("the server stops cleanly", server.stop)
tally.end()
