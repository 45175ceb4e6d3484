"""Rounds of one way on one engine: load, what the way does to the server, a start, and the judge."""
import collections, os, random, subprocess, time
from crash_judge import Judge
from crash_points import Points, shim
from crash_results import FAULTS, append
from crash_site import Site
from harness import POSTAMT

# Every message is read to its last octet this often; all others only if new.
WHOLE_EVERY = 50
SHOWN_MAX = 5


def shown(faults):
    return "".join(f"\n    {kind}: {text}" for kind, text in faults[:SHOWN_MAX])


class Command(subprocess.Popen):
    def ended(self):
        """What it said, and its exit status; negative if it was killed."""
        output, _ = self.communicate(timeout=120)
        return output, self.returncode


class Run:
    def __init__(self, way, engine, options, number):
        self.way, self.options, self.engine = way, options, engine
        self.shimmed = way.shimmed or bool(options.sabotage)
        if self.shimmed:
            shim()
        self.site = Site(engine, options.seed, options.folder or way.disk, number)
        self.server, self.ledger, self.judge = self.site.server, self.site.ledger, Judge(self.site)
        self.points = Points(self.server.folder, self.site.data) if self.shimmed else None
        self.backups = Points(self.server.folder, self.site.backups) if self.shimmed else None
        self.always = {"SHIM_SYNC": "swallow"} if options.sabotage == "no-sync" else {}
        if options.sabotage:
            # What was made before is there; what comes now is not synced.
            self.server.kill()
            os.sync()
            self.start()
        self.restores = collections.Counter()
        # How many changes, writes, syncs there are in a round, where one had fewer than were asked for.
        self.nths = {}
        self.counts, self.hit, self.chance = collections.Counter(), collections.Counter(), None

    def round(self, number):
        """One; it fails with the first things that are wrong."""
        self.chance = random.Random(f"{self.options.seed}/{self.way.name}/{number}")
        before, faults = self.ledger.acknowledged, len(self.ledger.faults)
        self.counts["rounds"] += 1
        try:
            note = self.way.work(self, number)
        except Exception as error:
            self.fault(True, f"round {number}: {error}"[:300])
            # The next round shall not meet this one's clients.
            self.server.kill()
            self.site.calm()
            self.start()
            raise
        found = self.ledger.faults[faults:]
        assert not found, f"--seed {self.options.seed} --round {number}: {len(found)} faults{shown(found)}"
        return f"{self.ledger.acknowledged - before} acknowledged{', ' + note if note else ''}"

    def load(self, number, least=0.03, most=None):
        """Clients begin; returns after some time."""
        self.site.load(number)
        time.sleep(self.chance.uniform(least, most or self.options.load))

    def start(self, at=None, **more):
        """With the shim, if it is of this way. Whether it came so far as to be ready."""
        environment = self.points.environment(at, **self.always, **more) if self.shimmed else {}
        return self.server.begun(**environment)

    def again(self, at=None, **more):
        """The server is well, and started anew with something in its way."""
        self.server.kill()
        self.learn()
        return self.start(at, **more)

    def learn(self):
        return self.points.learn() if self.points else []

    def state(self):
        """As ps tells it: T is stopped, Z has ended."""
        try:
            with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii", errors="replace") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "Z"

    def reached(self, within):
        """Whether the process has ended or stopped by itself."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.state() in "ZTt":
                return True
            time.sleep(0.002)
        return False

    def struck(self, at, within):
        """The server under load comes to a point; if it does not in this time, it is any instant."""
        hit = self.reached(within)
        if hit:
            self.hit[at.split(":")[0]] += 1
        return hit

    def killed(self):
        """kill -9, whatever there is to kill; and nobody was refused anything before."""
        self.server.kill()
        self.counts["struck"] += 1
        refusals = self.site.calm()
        self.fault(refusals, f"refused without a reason: {refusals[:2]}")

    def cut(self):
        """The power goes; answers count until then."""
        self.ledger.close()
        self.site.disk.cut()
        self.server.kill()
        self.counts["struck"] += 1
        self.site.calm()
        self.site.disk.umount()
        self.site.disk.mount()

    def recovered(self, number):
        """The server starts, and everything is there."""
        if not self.start():
            raise AssertionError(f"it does not start: {self.server.said()[-1500:]}")
        self.learn()
        doubts = self.judge.judge(number % WHOLE_EVERY == 0)
        self.counts["in_doubt"] += doubts
        return f"{doubts} in doubt"

    def fault(self, wrong, text):
        if wrong:
            self.ledger.fault("other", text)

    def command(self, *arguments, **environment):
        """A command of postamt's beside the server."""
        return Command([POSTAMT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment)

    def succeeds(self, *arguments, status=(0,)):
        output, got = self.command(*arguments).ended()
        self.fault(got not in status, f"{arguments}: exit status {got}, {output[-500:]}")

    def interrupted(self, points, *arguments):
        """A command that is killed at a point of what it writes, unless it ends before. Whether it was."""
        at = points.choose(self.chance)
        output, status = self.command(*arguments, **points.environment(at)).ended()
        points.learn()
        if status < 0:
            self.counts["struck"] += 1
            self.hit[f"{self.way.name}: {at.split(':')[0]}"] += 1
        self.fault(status > 0, f"{arguments} at {at}: exit status {status}, {output[-500:]}")
        return status < 0

    def ended(self):
        """Everything is read once more; what was for others has come there, or waits."""
        self.judge.judge(whole=True)
        waiting, lost = self.site.accounted(self.options.patience)
        for which in lost:
            self.ledger.fault("lost", f"outside: {which}")
        outside = sum(count - 1 for count in self.site.kept.values() if count > 1)
        self.counts["doubled_outside"] = outside
        if outside > self.site.exchanger.cut:
            self.ledger.fault("doubled", f"{outside} outside, with {self.site.exchanger.cut} connections cut off")
        self._checked()
        assert not self.ledger.faults, f"{len(self.ledger.faults)} faults{shown(self.ledger.faults)}"
        return f"{self.ledger.acknowledged} acknowledged, {len(self.ledger.outside)} outside of which {waiting} wait, {outside} doubled there"

    def _checked(self):
        """The server's own judgement of its store, where it has one."""
        if subprocess.run([POSTAMT, "store", "check", "--help"], capture_output=True).returncode:
            return
        done = subprocess.run([POSTAMT, "store", "check", "--config", self.server.config], capture_output=True, text=True)
        if done.returncode:
            self.ledger.fault("other", f"postamt store check: exit code {done.returncode}: {(done.stdout + done.stderr)[-800:]}")

    def close(self):
        kinds = collections.Counter(kind for kind, _ in self.ledger.faults)
        append({"kind": self.way.name, "engine": self.engine, "seed": self.options.seed, "sabotage": self.options.sabotage, "load": self.options.load,
                "rounds": self.counts["rounds"], "struck": self.counts["struck"], "acknowledged": self.ledger.acknowledged,
                "in_doubt": self.counts["in_doubt"], **{fault: kinds[fault] for fault in FAULTS},
                "doubled_in_flight": self.ledger.doubled, "doubled_outside": self.counts["doubled_outside"], "points": dict(self.hit)})
        if os.environ.get("KEEP"):
            print("left behind:", self.server.folder, self.site.data)
        else:
            self.site.remove()
