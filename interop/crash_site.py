"""A server that is crashed again and again on one data folder, and the world around it."""
import asyncio, collections, os, random, re, threading, time
from crash_ledger import Ledger, letter, token_of
from crash_load import USERS, clients
from harness import Server, Skip, free_ports
from power import MIB, Image, Memory
from world import Exchanger, Names

DOMAINS = 4
# A store that is made on a small disk has small tables (a 128th of it), so they are written and merged in every other round. Blobs
# stay for a day, so the disk grows afterwards.
BIRTH_OCTETS, GROWN_OCTETS, IMAGE_OCTETS = 160 * MIB, 4096 * MIB, 512 * MIB
TOP = 'relay_from = ["127.0.0.0/8"]'
TABLES = """[outbound]
dns = ["{dns}"]
port = {port}
ip = "ipv4-only"
[store]
backend = "{engine}"
[deleted]
size = "4 MiB"
[limits]
message_size = "1 MiB"
"""


class Site:
    """`disk` is "memory", "image" (its power can be cut) or a folder."""

    def __init__(self, engine, seed, disk, number):
        self.engine, self.seed, self.domains = engine, seed, DOMAINS
        # Distinguishes letters of several runs.
        self.run = f"{seed}"
        self.ledger, self.again = Ledger(USERS), collections.defaultdict(list)
        self.stopping, self.threads = threading.Event(), []
        self.disk = self._disk(disk)
        self.names, self.quick = Names(), random.Random(seed)
        self.addresses = [f"127.79.{number % 250}.{n + 1}" for n in range(DOMAINS)]
        for n, address in enumerate(self.addresses):
            self.names.exchanger(f"d{n}.test", address)
        self.kept = collections.Counter()
        self.exchanger = Exchanger(self.addresses, taken=self.take, behave=self.behave)
        tables = TABLES.format(dns=self.names.at, port=self.exchanger.port, engine=engine)
        data = f"{self.disk.at}/data" if self.disk else os.path.join(disk, f"crash-{os.getpid()}")
        self.server = Server(tables, TOP, len(USERS), data)
        self.data, self.backups = data, f"{self.server.folder}/backups"
        if disk == "memory":
            self.disk.grow(GROWN_OCTETS)

    @staticmethod
    def _disk(disk):
        kinds = {"memory": lambda: Memory(BIRTH_OCTETS), "image": lambda: Image(IMAGE_OCTETS, "/dev/shm")}
        return kinds[disk]() if disk in kinds else None

    def take(self, taken):
        token = token_of(taken.message)
        with self.ledger.lock:
            if token not in self.ledger.tokens:
                return self.ledger.fault("ghost", f"outside came {token}, which nobody has sent")
            if not taken.message.endswith(letter(token)):
                self.ledger.fault("torn", f"outside: {token}")
            for recipient in taken.recipients:
                self.kept[token, recipient] += 1

    async def behave(self, _, verb, __):
        """Now and then the exchangers are slow, or defer."""
        if verb == "." and self.quick.random() < 0.3:
            await asyncio.sleep(self.quick.random() * 0.03)
        if verb == "RCPT" and self.quick.random() < 0.03:
            return b"451 4.7.1 come back later\r\n"
        return None

    def load(self, number):
        """Clients begin, and go on until `calm`."""
        self.stopping.clear()
        self.threads = clients(self, number)
        for thread in self.threads:
            thread.start()

    def second(self, data=None):
        """The configuration of another server, on the same data folder or another one."""
        with open(self.server.config, encoding="utf-8") as first:
            text = first.read().replace(f'data = "{self.data}"', f'data = "{data or self.data}"')
        ports = dict(zip(map(str, self.server.ports.values()), free_ports(len(self.server.ports))))
        text = re.sub(r":(\d+)", lambda port: f":{ports.get(port[1], port[1])}", text)
        path = os.path.join(self.server.folder, "second.toml")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(text.replace(f"unix:{self.server.unix}", f"unix:{self.server.unix}2"))
        return path

    def calm(self):
        """They stop; what they were refused is returned."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return [refusal for thread in self.threads for refusal in thread.refusals]

    def told(self, *command):
        try:
            return self.server.told(*command)
        except Skip:
            return []

    def log_since(self, octets):
        with open(os.path.join(self.server.folder, "log"), "rb") as log:
            log.seek(octets)
            return log.read().decode("utf-8", "replace")

    def log_octets(self):
        return os.path.getsize(os.path.join(self.server.folder, "log"))

    def hurry(self):
        """What waits is tried now."""
        try:
            self.told("queue", "retry", "--all")
        except AssertionError:
            pass  # nothing waits, or it is closed at the moment: we look again

    def accounted(self, patience):
        """All that was promised to others is outside, or waits in the queue; returns how many wait, and what is lost."""
        end = time.monotonic() + patience
        while True:
            left = {which for which in self.ledger.outside if not self.kept[which]}
            if not left or time.monotonic() > end:
                break
            self.hurry()
            time.sleep(0.2)
        waiting = {item["to"] for item in self.told("queue", "list", "--limit", "100000")} if left else set()
        lost = [which for which in left if which[1] not in waiting]
        return len(left) - len(lost), lost

    def remove(self):
        self.stopping.set()
        self.server.remove()
        self.exchanger.close()
        if self.disk:
            self.disk.remove()
