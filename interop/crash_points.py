"""The named points between a server's writes, and which of them were struck: interop/shim.c, which is loaded before the server."""
import collections, os, subprocess
from harness import Skip, need

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "shim.c")
TARGET = os.path.join(HERE, "..", "target")
ACTIONS = ("kill-before", "kill-after", "kill-half")


def shim():
    """The compiled shim's path."""
    if not os.path.exists(SOURCE):
        raise Skip("there is no interop/shim.c")
    need("cc")
    os.makedirs(TARGET, exist_ok=True)
    built = os.path.join(TARGET, "shim.so")
    if not os.path.exists(built) or os.path.getmtime(built) < os.path.getmtime(SOURCE):
        fresh = f"{built}.{os.getpid()}"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", fresh, SOURCE, "-ldl", "-lpthread"], check=True)
        os.replace(fresh, built)
    return built


class Points:
    """How often each is passed in a round, and how often it was struck; of what lies below one folder."""

    def __init__(self, folder, under):
        self.under, self.library = under, shim()
        self.file, self.clock = os.path.join(folder, f"points-{os.path.basename(under)}"), os.path.join(folder, "clock")
        self.passed, self.struck = collections.Counter(), collections.Counter()

    def environment(self, at=None, **more):
        own = {"LD_PRELOAD": self.library, "SHIM_UNDER": self.under, "SHIM_POINTS": self.file}
        return own | ({"SHIM_AT": at} if at else {}) | more

    def learn(self):
        """What the last program has passed, in order."""
        try:
            with open(self.file, encoding="ascii", errors="replace") as lines:
                seen = [line.strip() for line in lines]
        except FileNotFoundError:
            return []
        os.unlink(self.file)
        for point, count in collections.Counter(seen).items():
            self.passed[point] = max(self.passed[point], count)
        return seen

    def choose(self, chance, which=lambda _: True, actions=ACTIONS):
        """One of those that were struck least: POINT:N:ACTION, mostly of its first times."""
        able = [(point, action) for point in sorted(self.passed) if which(point) and not point.endswith(".open")
                for action in actions if action != "kill-half" or point.endswith(".write")]
        least = min((self.struck[each] for each in able), default=0)
        point, action = chance.choice([each for each in able if self.struck[each] == least] or [("*", actions[0])])
        # Also one that is not reached is left alone for a while.
        self.struck[point, action] += 1
        times = max(1, round(self.passed[point] ** chance.random()))
        return f"{point}:{times}:{action}"
