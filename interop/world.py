"""The world outside, scripted, on loopback: name servers, exchangers that take mail, and who brings it."""
import asyncio, re, smtplib, socket, struct, threading
from harness import HOST, no_verification

A, MX, AAAA = 1, 15, 28


class Names:
    """A name server (UDP). `zone` by name: `[("MX", "mx.x.test")]`, `[("A", "127.0.0.2")]`; `"fails"` is answered SERVFAIL, None not at all."""

    def __init__(self, zone=None, address=(HOST, 0)):
        self.zone = {} if zone is None else zone
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.at = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def exchanger(self, domain, address):
        """The domain's mail goes to that address."""
        self.zone |= {domain: [("MX", f"mx.{domain}")], f"mx.{domain}": [("A", address)]}

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            answer = self._answer(query)
            if answer:
                self.socket.sendto(answer, client)

    def _answer(self, query):
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1:at + 1 + length])
            at += 1 + length
        name, (asked,) = b".".join(labels).decode("latin-1").lower(), struct.unpack(">H", query[at + 1:at + 3])
        records = self.zone.get(name, "unknown")
        if records is None:
            return None
        code = {"unknown": 3, "fails": 2}.get(records, 0) if isinstance(records, str) else 0
        found = [self._record(kind, value) for kind, value in ([] if code else records) if {"A": A, "MX": MX}[kind] == asked]
        return query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(found), 0, 0) + query[12:at + 5] + b"".join(found)

    @staticmethod
    def _record(kind, value):
        if kind == "A":
            number, data = A, socket.inet_aton(value)
        else:
            number, data = MX, struct.pack(">H", 10) + b"".join(bytes([len(x)]) + x.encode() for x in value.split(".")) + b"\0"
        return b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(data)) + data


class Taken:
    """A transaction that an exchanger took."""

    def __init__(self, sender, recipients, message, connection):
        self.sender, self.recipients, self.message, self.connection = sender, recipients, message, connection


class Exchanger:
    """Takes mail on several addresses of one port; no message is empty. `taken` gets each message the moment before its 250 is sent.

    `behave(address, verb, line)` may be set: a coroutine whose octets are the answer; None is the usual one.
    """

    def __init__(self, addresses=(HOST,), port=0, taken=None, behave=None):
        self.taken, self.behave = taken or (lambda _: None), behave
        # `cut` counts connections that ended without QUIT.
        self.connections, self.open, self.most, self.cut, self.lock = 0, 0, 0, 0, threading.Lock()
        self.loop = asyncio.new_event_loop()
        self.sockets, self.servers = [], []
        for address in addresses:
            self.sockets.append(socket.create_server((address, port), backlog=200))
            port = self.sockets[-1].getsockname()[1]
        self.port = port
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        for sock in self.sockets:
            self.servers.append(self.loop.run_until_complete(asyncio.start_server(self._serve, sock=sock, limit=1 << 27)))
        self.loop.call_soon(started.set)
        self.loop.run_forever()

    def close(self):
        """No more of it: listeners and connections go."""
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _end(self):
        for server in self.servers:
            server.close()
        sessions = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in sessions:
            task.cancel()
        await asyncio.wait(sessions, timeout=5) if sessions else None

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        left = False
        try:
            left = await self._session(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self.cut += not left
            writer.close()

    async def _session(self, reader, writer, connection):
        address, line = writer.get_extra_info("sockname")[0], b""

        async def say(verb, usual):
            answer = await self.behave(address, verb, line) if self.behave else None
            writer.write(answer or usual)
            await writer.drain()
            return answer is None or answer[:1] in b"23"

        if not await say("CONNECT", b"220 sink.test ESMTP\r\n"):
            return False
        sender, recipients = None, []
        while line := await reader.readline():
            verb = line[:4].upper().decode("latin-1").strip()
            if verb == "EHLO":
                await say(verb, b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 100000000\r\n")
            elif verb == "MAIL":
                if await say(verb, b"250 sender\r\n"):
                    sender, recipients = re.search(rb"<(.*?)>", line)[1].decode(), []
            elif verb == "RCPT":
                if await say(verb, b"250 recipient\r\n"):
                    recipients.append(re.search(rb"<(.*?)>", line)[1].decode())
            elif verb == "DATA" and not recipients:
                await say("NONE", b"503 no recipients\r\n")
            elif verb == "DATA":
                if not await say(verb, b"354 go on\r\n"):
                    continue
                message = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                if message.startswith(b".") or b"\n." in message:
                    message = re.sub(rb"(?m)^\.", b"", message)
                with self.lock:
                    self.taken(Taken(sender, recipients, message, connection))
                await say(".", b"250 taken\r\n")
                sender, recipients = None, []
            elif verb == "QUIT":
                await say(verb, b"221 bye\r\n")
                return True
            else:
                await say(verb, b"250 well\r\n")
        return False


class Bringer:
    """A client that brings mail over one connection, which it opens again when it broke."""

    def __init__(self, port, login=None, tls=None, host=HOST):
        self.port, self.login, self.tls, self.host, self.smtp = port, login, tls, host, None

    def open(self):
        if self.tls == "implicit":
            smtp = smtplib.SMTP_SSL(self.host, self.port, "client.test", timeout=60, context=no_verification())
        else:
            smtp = smtplib.SMTP(self.host, self.port, "client.test", timeout=60)
        smtp.ehlo()
        if self.tls == "starttls":
            smtp.starttls(context=no_verification())
            smtp.ehlo()
        if self.login:
            smtp.login(*self.login)
        return smtp

    def bring(self, sender, recipients, message):
        """The 250's text; anything else is raised, and the connection given up."""
        try:
            self.smtp = self.smtp or self.open()
            eight = [] if message.isascii() else ["BODY=8BITMIME"]
            code, text = self.smtp.mail(sender, eight)
            for recipient in recipients if code == 250 else ():
                code, text = self.smtp.rcpt(recipient)
                if code != 250:
                    break
            if code == 250:
                code, text = self.smtp.data(message)
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
            return text.decode("utf-8", "replace")
        except Exception:
            self.close()
            raise

    def close(self):
        if self.smtp:
            self.smtp.close()
        self.smtp = None
